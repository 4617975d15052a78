//! What a well-formed script may still have wrong: what it names and is not there, and what can never happen.

use std::{collections::BTreeSet, sync::LazyLock};

use serde_json::Value;

use super::{
    Application, Code, Do, Ends, Injected, Script, Step, When, Which, locate::escaped,
    words::unknown,
};
use crate::region::PACKAGES;

/// Where something is wrong, as a JSON pointer, and what.
pub(super) type Wrong = (String, String);

/// What an application's status can be.
const STATUSES: [&str; 11] = [
    "DELETING",
    "STARTING",
    "STOPPING",
    "READY",
    "RUNNING",
    "UPDATING",
    "AUTOSCALING",
    "FORCE_STOPPING",
    "ROLLING_BACK",
    "MAINTENANCE",
    "ROLLED_BACK",
];
const OUTCOMES: [&str; 8] = [
    "recovered",
    "verified",
    "leftAlone",
    "escalated",
    "dryRun",
    "checked",
    "needsPerson",
    "none",
];
const CHANGES: [&str; 9] = [
    "RollbackApplication",
    "StopApplication",
    "UpdateApplication",
    "StartApplication",
    "DeleteApplication",
    "CreateApplicationSnapshot",
    "DeleteApplicationSnapshot",
    "CreateSnapshot",
    "DeleteSnapshot",
];
/// What CloudFormation says of a stack or of a resource: one of these words, and how far it has come.
const STACK_WORDS: [&str; 5] = ["CREATE", "UPDATE", "DELETE", "ROLLBACK", "UPDATE_ROLLBACK"];
const STACK_ENDS: [&str; 3] = ["IN_PROGRESS", "COMPLETE", "FAILED"];
const SERVICES: [&str; 8] = [
    "kinesisanalytics",
    "dynamodb",
    "lambda",
    "sns",
    "events",
    "states",
    "monitoring",
    "flink",
];
/// Code that is there whether a script names it or not.
const USUAL_CODE: [&str; 2] = ["orders-5.jar", "orders-6.jar"];

/// The states of both state machines, those of the snapshot check as `SnapshotCheck.<state>` too.
static STATES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let rescue = include_str!("../../../../infra/statemachines/remediate.asl.json");
    let check = include_str!("../../../../infra/statemachines/snapshot-check.asl.json");
    let mut states = BTreeSet::new();
    for (text, prefix) in [(rescue, ""), (check, ""), (check, "SnapshotCheck.")] {
        collect(
            &serde_json::from_str(text).expect("the graph is JSON"),
            prefix,
            &mut states,
        );
    }
    states
});

/// The names of all states, those inside of maps and branches too.
fn collect(value: &Value, prefix: &str, states: &mut BTreeSet<String>) {
    if let Some(named) = value["States"].as_object() {
        states.extend(named.keys().map(|name| format!("{prefix}{name}")));
    }
    let inner: Box<dyn Iterator<Item = &Value>> = match value {
        Value::Object(members) => Box::new(members.values()),
        Value::Array(values) => Box::new(values.iter()),
        _ => return,
    };
    inner.for_each(|value| collect(value, prefix, states));
}

/// The first thing that is wrong.
pub(super) fn check(script: &Script) -> Option<Wrong> {
    let named = || {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
        (script.name.is_empty() || !script.name.chars().all(plain)).then(|| {
            let what = "a scenario needs a name of letters, digits and hyphens";
            ("/name".to_owned(), what.to_owned())
        })
    };
    let names = Names::of(script);
    named()
        .or_else(|| names.world(script))
        .or_else(|| {
            let mut faults = script.faults.iter().enumerate();
            faults.find_map(|(n, fault)| injected(fault, &format!("/faults/{n}")))
        })
        .or_else(|| {
            let mut steps = script.happens.iter().enumerate();
            steps.find_map(|(n, step)| names.step(script, step, &format!("/happens/{n}")))
        })
        .or_else(|| script.ends.as_ref().and_then(|ends| names.ends(ends)))
}

/// What a script names.
struct Names {
    code: BTreeSet<String>,
    applications: BTreeSet<String>,
    kinds: BTreeSet<String>,
    dependencies: BTreeSet<String>,
    labels: BTreeSet<String>,
}

impl Names {
    fn of(script: &Script) -> Self {
        let world = &script.world;
        let usual = USUAL_CODE.into_iter().map(str::to_owned);
        let needs = |code: &Code| -> Vec<String> {
            code.needs
                .iter()
                .map(|need| need.dependency.clone())
                .collect()
        };
        let label = |step: &Step| match &step.what {
            Some(Do::Ask { label, .. }) => label.clone(),
            _ => None,
        };
        let names = world.names();
        Self {
            code: world.code.keys().cloned().chain(usual).collect(),
            kinds: names
                .iter()
                .filter_map(|(_, called)| called.map(str::to_owned))
                .collect(),
            applications: names.into_iter().map(|(name, _)| name).collect(),
            dependencies: world.code.values().flat_map(needs).collect(),
            labels: script.happens.iter().filter_map(label).collect(),
        }
    }

    fn world(&self, script: &Script) -> Option<Wrong> {
        let world = &script.world;
        if let Some(package) = world
            .answers
            .keys()
            .find(|package| !PACKAGES.contains(&package.as_str()))
        {
            let at = format!("/world/answers/{}", escaped(package));
            return Some((at, unknown("function", package, &PACKAGES)));
        }
        if let Some(trail) = &world.trail {
            for (member, one_in) in [
                ("lostOneIn", trail.lost_one_in),
                ("twiceOneIn", trail.twice_one_in),
            ] {
                if one_in == Some(0) {
                    return never(&format!("/world/trail/{member}"));
                }
            }
        }
        let mut seen = BTreeSet::new();
        for (n, application) in world.applications.iter().flatten().enumerate() {
            let at = format!("/world/applications/{n}");
            let wrong = self.application(application, &at).or_else(|| {
                let mut names = application.each().map(|(name, ..)| name);
                let twice = names.find(|name| !seen.insert(name.clone()))?;
                Some((
                    format!("{at}/name"),
                    format!("there are two applications \"{twice}\""),
                ))
            });
            if wrong.is_some() {
                return wrong;
            }
        }
        (world.applications.as_ref().is_some_and(Vec::is_empty)).then(|| {
            let what = "a region without an application has nothing to look after";
            ("/world/applications".to_owned(), what.to_owned())
        })
    }

    fn application(&self, application: &Application, at: &str) -> Option<Wrong> {
        if let Some(many) = &application.many {
            let hashes = application.name.as_deref().unwrap_or_default();
            if !hashes.contains('#') && many.count > 1 {
                let what = "the name of many applications needs a \"#\" for each digit of the number, such as \"job-###\"";
                return Some((format!("{at}/name"), what.to_owned()));
            }
            if !many.kinds.is_empty() {
                let mut kinds = many.kinds.iter().enumerate();
                return kinds.find_map(|(n, kind)| {
                    self.versions(&kind.is, &format!("{at}/many/kinds/{n}/is"))
                });
            }
        }
        self.versions(application, at)
    }

    fn versions(&self, application: &Application, at: &str) -> Option<Wrong> {
        if application.versions.is_empty() && application.like.is_none() {
            let what = "an application needs its versions, or \"like\": \"orders\"";
            return Some((at.to_owned(), what.to_owned()));
        }
        let runtime = application.runtime.as_deref().unwrap_or("FLINK-");
        if !runtime.starts_with("FLINK-") {
            return None;
        }
        let mut versions = application.versions.iter().enumerate();
        versions.find_map(|(n, version)| {
            self.known_code(&version.code, &format!("{at}/versions/{n}/code"))
        })
    }

    fn known_code(&self, code: &str, at: &str) -> Option<Wrong> {
        (!self.code.contains(code))
            .then(|| (at.to_owned(), unknown("code", code, &list(&self.code))))
    }

    fn step(&self, script: &Script, step: &Step, at: &str) -> Option<Wrong> {
        if let Some(name) = &step.application
            && !self.applications.contains(name)
        {
            let known: Vec<&str> = list(&self.applications).into_iter().take(9).collect();
            return Some((
                format!("{at}/application"),
                unknown("application", name, &known),
            ));
        }
        let when = step.when.as_ref();
        when.and_then(|when| moment(script, when, &format!("{at}/when")))
            .or_else(|| {
                let what = step.what.as_ref()?;
                self.what(what, &format!("{at}/do"))
            })
    }

    fn what(&self, what: &Do, at: &str) -> Option<Wrong> {
        match what {
            Do::Deploy {
                code: None,
                runtime: None,
                properties: None,
                ..
            } => {
                let what = "a deployment changes \"code\", \"runtime\" or \"properties\"";
                Some((format!("{at}/deploy"), what.to_owned()))
            }
            Do::Deploy {
                code: Some(code), ..
            } => self.known_code(code, &format!("{at}/deploy/code")),
            Do::Overwrite { code, .. } => self.known_code(code, &format!("{at}/overwrite/code")),
            Do::Dependency { name, .. } if !self.dependencies.contains(name) => {
                let mut sentence = unknown("dependency", name, &list(&self.dependencies));
                if self.dependencies.is_empty() {
                    sentence.push_str(": no code of this world has \"needs\"");
                }
                Some((format!("{at}/dependency/name"), sentence))
            }
            Do::EndExecution {
                label: Some(label), ..
            } if !self.labels.contains(label) => Some((
                format!("{at}/endExecution/label"),
                unknown("label", label, &list(&self.labels)),
            )),
            Do::TellOfStack { status, .. } => of_stack(status, &format!("{at}/tellOfStack/status")),
            Do::Inject(fault) => injected(fault, &format!("{at}/inject")),
            _ => None,
        }
    }

    fn ends(&self, ends: &Ends) -> Option<Wrong> {
        if !OUTCOMES.contains(&ends.outcome.as_str()) {
            return Some((
                "/ends/outcome".to_owned(),
                unknown("outcome", &ends.outcome, &OUTCOMES),
            ));
        }
        if let Some(wrong) = ends
            .status
            .as_ref()
            .and_then(|named| status(named, "/ends/status"))
        {
            return Some(wrong);
        }
        let mut changes = ends.changes.iter().enumerate();
        if let Some((n, change)) = changes.find(|(_, change)| !CHANGES.contains(&change.as_str())) {
            return Some((
                format!("/ends/changes/{n}"),
                unknown("change", change, &CHANGES),
            ));
        }
        if let Some(wrong) = ends
            .code
            .as_ref()
            .and_then(|code| self.known_code(code, "/ends/code"))
        {
            return Some(wrong);
        }
        let fleet = ends.fleet.as_ref()?;
        let lists = [
            ("checkedOnce", &fleet.checked_once),
            ("due", &fleet.due),
            ("refused", &fleet.refused),
        ];
        lists.into_iter().find_map(|(member, list_of)| {
            let is_known =
                |name: &String| self.applications.contains(name) || self.kinds.contains(name);
            let (n, name) = list_of
                .iter()
                .enumerate()
                .find(|(_, name)| !is_known(name))?;
            Some((
                format!("/ends/fleet/{member}/{n}"),
                unknown("kind", name, &list(&self.kinds)),
            ))
        })
    }
}

fn list(names: &BTreeSet<String>) -> Vec<&str> {
    names.iter().map(String::as_str).collect()
}

fn status(named: &str, at: &str) -> Option<Wrong> {
    (!STATUSES.contains(&named)).then(|| (at.to_owned(), unknown("status", named, &STATUSES)))
}

fn of_stack(named: &str, at: &str) -> Option<Wrong> {
    let all: Vec<String> = STACK_WORDS
        .iter()
        .flat_map(|word| STACK_ENDS.map(|end| format!("{word}_{end}")))
        .collect();
    let known: Vec<&str> = all.iter().map(String::as_str).collect();
    (!known.contains(&named)).then(|| (at.to_owned(), unknown("status of a stack", named, &known)))
}

fn state(named: &str, at: String) -> Option<Wrong> {
    (!STATES.contains(named)).then(|| {
        let alike = super::words::nearest(named, STATES.iter().map(String::as_str));
        let meant = alike.map_or(String::new(), |one| format!("; did you mean \"{one}\"?"));
        (
            at,
            format!("no state machine of Lifeguard has a state \"{named}\"{meant}"),
        )
    })
}

fn moment(script: &Script, when: &When, at: &str) -> Option<Wrong> {
    match when {
        When::Once(once) => {
            let conditions = [
                once.status.is_some(),
                once.reported.is_some(),
                once.checked.is_some(),
            ];
            if conditions.iter().filter(|one| **one).count() != 1 {
                let what =
                    "\"once\" waits for exactly one thing: \"status\", \"reported\" or \"checked\"";
                return Some((format!("{at}/once"), what.to_owned()));
            }
            once.status
                .as_ref()
                .and_then(|named| status(named, &format!("{at}/once/status")))
        }
        When::At(time) => script.lasts.filter(|lasts| time >= lasts).map(|lasts| {
            (
                format!("{at}/at"),
                format!("{time} never comes: the run lasts {lasts}"),
            )
        }),
        When::State(entered) if entered.nth == Some(0) => never(&format!("{at}/state/nth")),
        When::State(entered) => state(&entered.name, format!("{at}/state/name")),
        When::Task(tried) if tried.nth == Some(0) => never(&format!("{at}/task/nth")),
        When::Task(tried) => state(&tried.state, format!("{at}/task/state")),
        When::Then(_) => None,
    }
}

fn never(at: &str) -> Option<Wrong> {
    Some((
        at.to_owned(),
        "it is counted from 1: 0 never comes".to_owned(),
    ))
}

fn injected(fault: &Injected, at: &str) -> Option<Wrong> {
    if let Some(package) = fault
        .function
        .as_ref()
        .filter(|package| !PACKAGES.contains(&package.as_str()))
    {
        return Some((
            format!("{at}/function"),
            unknown("function", package, &PACKAGES),
        ));
    }
    if let Some(service) = fault
        .service
        .as_ref()
        .filter(|service| !SERVICES.contains(&service.as_str()))
    {
        return Some((
            format!("{at}/service"),
            unknown("service", service, &SERVICES),
        ));
    }
    if let Some((from, to)) = fault.from.zip(fault.to).filter(|(from, to)| from >= to) {
        let what = format!("from {from} to {to} is no time");
        return Some((format!("{at}/to"), what));
    }
    match fault.which {
        Which::Nth(0) | Which::First(0) | Which::OneIn(0) => never(&format!("{at}/which")),
        Which::Between { first, last } if first == 0 || last < first => Some((
            format!("{at}/which/between"),
            format!("there is nothing between {first} and {last}"),
        )),
        Which::Over { per_second, .. } if per_second <= 0.0 => Some((
            format!("{at}/which/over/perSecond"),
            "a rate is more than 0; \"always\" refuses everything".to_owned(),
        )),
        _ => None,
    }
}

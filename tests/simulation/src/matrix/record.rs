//! What the region's record says of each trouble of a day: what Lifeguard did, what people were told, and what it cost. Nothing here asks Lifeguard's own judgment.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use jiff::{SignedDuration, Timestamp};
use sandbox::{
    flink::{Content, Record, Records},
    invariants::is_a_person,
    region::Region,
};
use serde::Serialize;
use serde_json::Value;

use super::rules::Acting;
use crate::generate::days::{Day, Trouble};

/// Up for so long is up: the soak of the template's defaults.
pub(super) const SOAK_SECS: i64 = 303;
/// What changes an application.
const CHANGES: [&str; 4] = [
    "RollbackApplication",
    "StopApplication",
    "UpdateApplication",
    "StartApplication",
];

/// A trouble, and what the record says of it.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) trouble: Trouble,
    /// What was changed by somebody who is no person.
    pub(super) effects: Vec<Effect>,
    /// The code of each job that was launched after the first of these.
    pub(super) led_to: Vec<String>,
    /// The code that has run undisturbed for a soak when the trouble is over.
    pub(super) up_on: Option<String>,
    /// What people were told.
    pub(super) said: Vec<Said>,
    /// What it cost.
    pub(super) cost: Cost,
}

/// A change that took effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Effect {
    /// When.
    pub(super) at: Timestamp,
    /// `RollbackApplication`.
    pub(super) verb: String,
}

/// A mail, or an outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Said {
    /// When.
    pub(super) at: Timestamp,
    /// Why, in one word: `hadWorked`.
    pub(super) because: String,
    /// It calls for somebody.
    pub(super) calls: bool,
    /// It says that a version that was to blame was undone.
    pub(super) undone: bool,
}

/// What a trouble cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Cost {
    /// Seconds in which not every task ran.
    pub down_secs: u64,
    /// Records processed again.
    pub replayed: u64,
    /// Records that readers see more than once.
    pub duplicated: u64,
    /// From the first fault until somebody acted or was called.
    pub detected_secs: Option<u64>,
    /// From the first fault until it ran well for good.
    pub recovered_secs: Option<u64>,
}

/// What is only known at a moment.
#[derive(Clone, Debug, Default)]
struct Sample {
    records: Records,
    up_on: Option<String>,
}

/// Looks at applications at the moments that matter, while a day is lived.
#[derive(Clone, Default)]
pub(super) struct Watcher {
    samples: Arc<Mutex<BTreeMap<(u64, String), Sample>>>,
}

impl Watcher {
    fn samples(&self) -> MutexGuard<'_, BTreeMap<(u64, String), Sample>> {
        self.samples
            .lock()
            .expect("no thread panics while it takes a sample")
    }

    /// Begins to watch.
    pub(super) fn watch(&self, region: &Region, day: &Day) {
        let mut moments = BTreeSet::new();
        for (trouble, until) in day.truth.until(lasts(day)) {
            moments.insert((trouble.at_secs, trouble.application.clone()));
            moments.insert((last_of(until), trouble.application.clone()));
        }
        let (watcher, region) = (self.clone(), region.clone());
        tokio::spawn(async move {
            let began = tokio::time::Instant::now();
            for (secs, name) in moments {
                tokio::time::sleep_until(began + Duration::from_secs(secs)).await;
                let sample = Sample {
                    records: region.flink().records(&name),
                    up_on: up_on(&region, &name),
                };
                watcher.samples().insert((secs, name), sample);
            }
        });
    }

    fn at(&self, secs: u64, name: &str) -> Sample {
        let key = (secs, name.to_owned());
        self.samples().get(&key).cloned().unwrap_or_default()
    }
}

/// How long a day lasts, in seconds.
fn lasts(day: &Day) -> u64 {
    day.script.lasts.unwrap_or_default().0.as_secs()
}

/// The last second of a trouble: what happens next has not happened yet.
fn last_of(until: u64) -> u64 {
    until - 1
}

/// The code that has run undisturbed for a soak.
fn up_on(region: &Region, name: &str) -> Option<String> {
    let since = region.flink().standing(name)?.up_since?;
    let soaked = region.clock().now().duration_since(since).as_secs() >= SOAK_SECS;
    let view = region.flink().application(name)?;
    soaked.then_some(view.code)
}

/// Every trouble of a day that was lived.
///
/// Beside what the record shows of those who are no persons, `acting` has what another rule set did.
pub(super) fn seen(region: &Region, day: &Day, watcher: &Watcher, acting: &Acting) -> Vec<Seen> {
    let messages = region.journal().messages();
    let told: Vec<(String, Said)> = messages.iter().filter_map(said).collect();
    let mut done = effects(region);
    let others = acting.lock();
    done.extend(others.iter().flat_map(|all| all.iter().cloned()));
    let each = day.truth.until(lasts(day));
    each.map(|(trouble, until)| {
        let window = Window::of(region, trouble.at_secs, until);
        let name = trouble.application.as_str();
        let its = |(of, effect): &(String, Effect)| {
            (of == name && window.holds(effect.at)).then(|| effect.clone())
        };
        let effects: Vec<Effect> = done.iter().filter_map(its).collect();
        let its = |(of, said): &(String, Said)| {
            (of == name && window.holds(said.at)).then(|| said.clone())
        };
        let said: Vec<Said> = told.iter().filter_map(its).collect();
        let record = region.flink().record(name);
        let from = watcher.at(trouble.at_secs, name);
        let to = watcher.at(last_of(until), name);
        Seen {
            led_to: led_to(region, name, &record, &window, &effects),
            cost: cost(&record, &window, &effects, &said, (&from, &to)),
            trouble: trouble.clone(),
            up_on: to.up_on,
            effects,
            said,
        }
    })
    .collect()
}

/// The time of a trouble.
struct Window {
    from: Timestamp,
    until: Timestamp,
}

impl Window {
    fn of(region: &Region, from: u64, until: u64) -> Self {
        let at = |secs: u64| {
            region.opened() + SignedDuration::from_secs(i64::try_from(secs).unwrap_or(i64::MAX))
        };
        Self {
            from: at(from),
            until: at(until),
        }
    }

    fn holds(&self, at: Timestamp) -> bool {
        self.from <= at && at < self.until
    }
}

/// What was changed by somebody who is no person, by application.
fn effects(region: &Region) -> Vec<(String, Effect)> {
    let calls = region.journal().calls().into_iter();
    calls
        .filter(|call| {
            call.changed && !is_a_person(&call.caller) && CHANGES.contains(&call.action.as_str())
        })
        .filter_map(|call| {
            let effect = Effect {
                at: call.at,
                verb: call.action,
            };
            Some((call.resource?, effect))
        })
        .collect()
}

/// An outcome, or a mail, and whose it is.
fn said(message: &Value) -> Option<(String, Said)> {
    let at = message["at"].as_str()?.parse().ok()?;
    let detail = &message["event"]["detail"];
    if let Some(because) = detail["because"].as_str() {
        let rescue = &detail["rescue"];
        let said = Said {
            at,
            because: because.to_owned(),
            calls: detail["outcome"] == "escalated",
            undone: because == "recovered"
                && rescue.is_object()
                && rescue["goodVersionId"] != rescue["faultyVersionId"],
        };
        return Some((detail["applicationName"].as_str()?.to_owned(), said));
    }
    let attribute = |name: &str| message["attributes"][name]["Value"].as_str();
    let said = Said {
        at,
        because: attribute("kind")?.to_owned(),
        calls: matches!(attribute("severity"), Some("page" | "action")),
        undone: false,
    };
    Some((attribute("applicationName")?.to_owned(), said))
}

/// The code of each job that was launched after the first change.
fn led_to(
    region: &Region,
    name: &str,
    record: &Record,
    window: &Window,
    effects: &[Effect],
) -> Vec<String> {
    let Some(first) = effects.first() else {
        return Vec::new();
    };
    let versions = region.flink().versions(name);
    let code = |content: Content| {
        let mut all = versions.iter();
        let of = all.find(|version| version.content == content);
        of.map_or_else(String::new, |version| version.code.clone())
    };
    let launches = record.launches.iter();
    launches
        .filter(|one| one.at >= first.at && window.holds(one.at))
        .map(|one| code(one.content))
        .collect()
}

fn cost(
    record: &Record,
    window: &Window,
    effects: &[Effect],
    said: &[Said],
    (from, to): (&Sample, &Sample),
) -> Cost {
    let within = |ran: (Timestamp, Timestamp)| {
        let (begins, ends) = (ran.0.max(window.from), ran.1.min(window.until));
        ends.duration_since(begins).as_secs().max(0).unsigned_abs()
    };
    let up: u64 = record
        .ran
        .iter()
        .map(|ran| within((ran.from, ran.until)))
        .sum();
    let fault = first_fault(record, window);
    let since = |at: Timestamp| {
        let secs = at.duration_since(fault?).as_secs();
        Some(secs.max(0).unsigned_abs())
    };
    let acted = effects.first().map(|effect| effect.at);
    let calls = said.iter().find(|said| said.calls).map(|said| said.at);
    let last = record.ran.iter().rev().find(|ran| ran.from < window.until);
    let for_good = last.filter(|ran| to.up_on.is_some() && Some(ran.from) > fault);
    Cost {
        down_secs: within((window.from, window.until)).saturating_sub(up),
        replayed: to.records.replayed.saturating_sub(from.records.replayed),
        duplicated: to
            .records
            .duplicated
            .saturating_sub(from.records.duplicated),
        detected_secs: acted.into_iter().chain(calls).min().and_then(since),
        recovered_secs: for_good.and_then(|ran| since(ran.from)),
    }
}

/// The first fault, or the first moment at which it no longer ran.
fn first_fault(record: &Record, window: &Window) -> Option<Timestamp> {
    let faults = record.faults.iter().copied();
    let ends = record.ran.iter().map(|ran| ran.until);
    let fault = faults.clone().find(|at| window.holds(*at));
    fault.or_else(|| ends.clone().find(|at| window.holds(*at)))
}

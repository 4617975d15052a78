//! Against the others: the same runs under other rule sets, each written as a policy of the simulation. Lifeguard itself is only told to observe while they act.
//!
//! The infrastructure works in these runs, everybody is opted in, and nobody touches Lifeguard: what is compared is the rules, not who survives a throttled call.

use std::{fmt::Write as _, ops::Range, process::ExitCode, sync::Arc, time::Duration};

use jiff::Timestamp;
use sandbox::{
    invariants::{Checker, Invariant, MANAGED},
    region::{REMEDIATE, Region},
    scenario,
    script::{Do, Script, StartFrom, Step, When},
};

use crate::{
    generate,
    play::{open, virtually},
};

/// A rule set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rules {
    Nothing,
    SystemRollback,
    Article,
    Operator,
    Lifeguard,
}

const ALL: [(Rules, &str); 5] = [
    (Rules::Nothing, "nothing at all"),
    (Rules::SystemRollback, "the service's system rollback alone"),
    (Rules::Article, "AWS's article, literally"),
    (Rules::Operator, "Flink Kubernetes Operator's defaults"),
    (Rules::Lifeguard, "Flink Lifeguard"),
];
/// Up for so long is soaked.
const SOAK_SECS: i64 = 303;
const GLANCE: Duration = Duration::from_secs(5);
const MINUTE: Duration = Duration::from_secs(60);
/// The operator's `job.restart` check: more restarts than this within two minutes.
const OPERATOR_RESTARTS: f64 = 64.0;

/// What became of one run.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    fault: Option<Timestamp>,
    detected: Option<Timestamp>,
    up_at_the_end: Option<Timestamp>,
    healthy_touched: u64,
    lost: u64,
    replayed: u64,
}

/// The run, made fit for a comparison; None where there is nothing to compare.
fn fit(seed: u64, rules: Rules) -> Option<Script> {
    let mut script = generate::script(seed);
    script.faults.clear();
    script.world.parameters = generate::usual_parameters();
    if rules != Rules::Lifeguard {
        let parameters = &mut script.world.parameters;
        parameters.insert("Mode".to_owned(), "observe".to_owned());
    }
    let applications = script.world.applications.as_mut()?;
    applications.truncate(1);
    let application = applications.first_mut()?;
    application.tags = [(MANAGED.to_owned(), "true".to_owned())].into();
    application.snapshots_disabled = false;
    application.system_rollback = rules == Rules::SystemRollback;
    let name = application.name.clone();
    script
        .happens
        .retain(|step| step.application == name && is_comparable(step));
    generate::tidy(&mut script);
    (!script.happens.is_empty()).then_some(script)
}

/// Not at a moment of Lifeguard's, nor a hand on it.
fn is_comparable(step: &Step) -> bool {
    let of_lifeguard = step.what.as_ref().is_some_and(|what| {
        matches!(
            what,
            Do::Ask { .. }
                | Do::EndExecution { .. }
                | Do::DeliverAlarmAgain
                | Do::Tag { .. }
                | Do::Untag { .. }
                | Do::Start {
                    from: Some(StartFrom::Nothing)
                }
        )
    });
    matches!(step.when, Some(When::At(_))) && !of_lifeguard
}

fn play(script: &Script, rules: Rules) -> Seen {
    virtually(async {
        let opened = open(script, script.stage()).await;
        let region: &Region = &opened.region;
        let seen: Arc<std::sync::Mutex<Seen>> = Arc::default();
        let name = script.subject();
        tokio::spawn(watch(region.clone(), name.clone(), Arc::clone(&seen)));
        if matches!(rules, Rules::Article | Rules::Operator) {
            let (seen, of, its) = (Arc::clone(&seen), region.clone(), name.clone());
            let done = move |at, verb: &str| touched((&of, &its, rules), &seen, at, verb);
            tokio::spawn(act(region.clone(), name.clone(), rules, done));
        }
        opened.live(script).await;
        let mut seen = *seen
            .lock()
            .expect("no thread panics while it holds what was seen");
        let now = region.clock().now();
        seen.up_at_the_end = region
            .flink()
            .standing(&name)
            .and_then(|one| one.up_since)
            .filter(|since| now.duration_since(*since).as_secs() >= SOAK_SECS);
        if rules == Rules::Lifeguard {
            let after = |at: &Timestamp| seen.fault.is_some_and(|fault| *at >= fault);
            seen.detected = region
                .executions_of(REMEDIATE)
                .iter()
                .map(|one| one.started)
                .find(after);
            seen.healthy_touched = opened.checker.as_ref().map_or(0, healthy_touched);
        }
        if rules == Rules::SystemRollback {
            let operations = region
                .flink()
                .application(&name)
                .map(|view| view.operations)
                .unwrap_or_default();
            let own = operations.iter().find(|one| one.kind.contains("Rollback"));
            seen.detected = own
                .map(|one| one.started)
                .filter(|at| seen.fault.is_some_and(|fault| *at >= fault));
        }
        let records = region.flink().records(&name);
        (seen.lost, seen.replayed) = (records.lost, records.replayed);
        seen
    })
}

fn healthy_touched(checker: &Checker) -> u64 {
    let violations = checker.so_far().violations;
    let touched = violations
        .iter()
        .filter(|one| one.invariant == Invariant::S1);
    touched.count() as u64
}

/// A bystander: when did it first fail?
async fn watch(region: Region, name: String, seen: Arc<std::sync::Mutex<Seen>>) {
    loop {
        tokio::time::sleep(GLANCE).await;
        let Some(standing) = region.flink().standing(&name) else {
            continue;
        };
        if standing.up_since.is_none() && matches!(standing.status.name(), "RUNNING" | "READY") {
            seen.lock()
                .expect("no thread panics while it holds what was seen")
                .fault
                .get_or_insert(region.clock().now());
        }
    }
}

fn restarts(region: &Region, name: &str) -> Option<f64> {
    let metrics = region.flink().metrics(name, region.clock().now());
    metrics
        .into_iter()
        .find(|(metric, _)| matches!(*metric, "fullRestarts" | "numRestarts"))
        .map(|(_, value)| value)
}

/// Something is about to be done to it by these rules: once each time that they ring.
fn touched(
    (region, name, rules): (&Region, &str, Rules),
    seen: &std::sync::Mutex<Seen>,
    at: Timestamp,
    verb: &str,
) {
    let first = match rules {
        Rules::Article => "RollbackApplication",
        _ => "StopApplication",
    };
    if verb != first {
        return;
    }
    let standing = region.flink().standing(name);
    let up = standing.and_then(|one| one.up_since);
    let healthy = up.is_some_and(|since| at.duration_since(since).as_secs() >= SOAK_SECS);
    let mut seen = seen
        .lock()
        .expect("no thread panics while it holds what was seen");
    seen.detected.get_or_insert(at);
    seen.healthy_touched += u64::from(healthy);
}

/// The other rules, a look a minute; `done` hears of each thing a moment before it is done.
pub(crate) async fn act(
    region: Region,
    name: String,
    rules: Rules,
    done: impl Fn(Timestamp, &str) + Send,
) {
    let does = async |verb: &str, what: Do| {
        done(region.clock().now(), verb);
        scenario::act(&region, &name, &what).await;
    };
    let mut counts: Vec<Option<f64>> = Vec::new();
    while region.router().is_open() {
        tokio::time::sleep(MINUTE).await;
        counts.push(restarts(&region, &name));
        if !rings(&counts, rules) {
            continue;
        }
        if rules == Rules::Article {
            does("RollbackApplication", Do::Rollback).await;
        }
        // Refused, or the operator's way: force-stop and start again, from the latest snapshot.
        if is(&region, &name, "RUNNING") {
            does("StopApplication", Do::Stop { force: true }).await;
            for _ in 0..60 {
                tokio::time::sleep(MINUTE / 2).await;
                if is(&region, &name, "READY") {
                    let from = Some(StartFrom::LatestSnapshot);
                    does("StartApplication", Do::Start { from }).await;
                    break;
                }
            }
        }
        counts.clear();
    }
}

/// Whether the restarts of the last minutes call for something.
fn rings(counts: &[Option<f64>], rules: Rules) -> bool {
    let at = |n: usize| {
        let index = counts.len().checked_sub(n)?;
        counts.get(index).copied().flatten()
    };
    let rose = |back: usize| {
        at(back)
            .zip(at(back + 1))
            .map_or(0.0, |(now, before)| now - before)
    };
    match rules {
        Rules::Article => (1..=5).all(|back| rose(back) > 0.0),
        _ => rose(1) + rose(2) > OPERATOR_RESTARTS,
    }
}

fn is(region: &Region, name: &str, status: &str) -> bool {
    let standing = region.flink().standing(name);
    standing.is_some_and(|one| one.status.name() == status)
}

/// The table, in Markdown.
#[must_use]
pub fn table(seeds: Range<u64>) -> String {
    let mut text = format!(
        "The runs of seeds {}..{}, as far as an application in them fails at all.\n\n| rules | runs with a fault | detected | median time to detect | runs again in the end | median time to recover | healthy ones touched | records lost | records replayed |\n|---|---|---|---|---|---|---|---|---|\n",
        seeds.start, seeds.end
    );
    for (rules, name) in ALL {
        let runs: Vec<Seen> = seeds
            .clone()
            .filter_map(|seed| Some(play(&fit(seed, rules)?, rules)))
            .collect();
        let failed: Vec<&Seen> = runs.iter().filter(|seen| seen.fault.is_some()).collect();
        let after = |seen: &&Seen, at: Option<Timestamp>| {
            Some(at?.duration_since(seen.fault?).as_secs().max(0))
        };
        let detected: Vec<i64> = failed
            .iter()
            .filter_map(|seen| after(seen, seen.detected))
            .collect();
        let recovered: Vec<i64> = failed
            .iter()
            .filter_map(|seen| after(seen, seen.up_at_the_end))
            .collect();
        let sum = |of: fn(&Seen) -> u64| runs.iter().map(of).sum::<u64>();
        let _ = writeln!(
            text,
            "| {name} | {} | {} | {} | {} | {} | {} | {} | {} |",
            failed.len(),
            detected.len(),
            median(detected.clone()),
            recovered.len(),
            median(recovered.clone()),
            sum(|seen| seen.healthy_touched),
            sum(|seen| seen.lost),
            sum(|seen| seen.replayed),
        );
    }
    text
}

fn median(mut of: Vec<i64>) -> String {
    of.sort_unstable();
    of.get(of.len() / 2).map_or_else(
        || "–".to_owned(),
        |secs| format!("{:.1} min", *secs as f64 / 60.0),
    )
}

/// Prints it.
pub fn run(seeds: Range<u64>, say: &dyn Fn(&str)) -> ExitCode {
    say(&table(seeds));
    ExitCode::SUCCESS
}

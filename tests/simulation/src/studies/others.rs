//! Against the others: the same nights under other rule sets, each written as a policy of the simulation. Lifeguard itself is only told to observe while they act.
//!
//! The plumbing works in these nights, everybody is opted in, and nobody touches Lifeguard: what is compared is the rules, not who survives a throttled call.

use std::{fmt::Write as _, ops::Range, process::ExitCode, sync::Arc, time::Duration};

use jiff::Timestamp;
use sandbox::{
    invariants::{Checker, Invariant, MANAGED},
    region::{REMEDIATE, Region},
    scenario::await_the_end,
};
use serde_json::json;

use crate::{
    generate,
    night::{Moment, Night, Stack, What},
    people::Hand,
    play::{mend, open},
    player::Player,
    promises::premises,
};

/// A rule set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rules {
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

/// What became of one night.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    fault: Option<Timestamp>,
    detected: Option<Timestamp>,
    up_at_the_end: Option<Timestamp>,
    healthy_touched: u64,
    lost: u64,
    replayed: u64,
}

/// The night, made fit for a comparison; None where there is nothing to compare.
fn fit(seed: u64, rules: Rules) -> Option<Night> {
    let mut night = generate::night(seed);
    night.strikes.clear();
    night.applications.truncate(1);
    let of_lifeguard = |what: &What| {
        matches!(
            what,
            What::Ask(_)
                | What::AbortExecutions
                | What::FailExecutions
                | What::RingAgain
                | What::Tag(..)
                | What::Untag(_)
                | What::StartWithoutState
        )
    };
    night.events.retain(|event| {
        event.application == 0 && matches!(event.at, Moment::After(_)) && !of_lifeguard(&event.what)
    });
    night.stack = Stack {
        act: rules == Rules::Lifeguard,
        ..Stack::default()
    };
    let application = night.applications.first_mut()?;
    application.tags = vec![(MANAGED.to_owned(), "true".to_owned())];
    (application.snapshots_enabled, application.system_rollback) =
        (true, rules == Rules::SystemRollback);
    (!night.events.is_empty()).then_some(night)
}

fn play(night: &Night, rules: Rules) -> Seen {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime
        .expect("a runtime of one thread needs nothing but memory")
        .block_on(async {
            let night = Arc::new(night.clone());
            let region = open(&night);
            let checker = Checker::watch(&region, premises(&night, region.opened()));
            let seen: Arc<std::sync::Mutex<Seen>> = Arc::default();
            let name = night.applications[0].name.clone();
            tokio::spawn(watch((*region).clone(), name.clone(), Arc::clone(&seen)));
            if matches!(rules, Rules::Article | Rules::Operator) {
                tokio::spawn(act(
                    (*region).clone(),
                    name.clone(),
                    rules,
                    Arc::clone(&seen),
                ));
            }
            Player::of(&region, &night).live().await;
            mend(&region, &night);
            await_the_end(&region).await;
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
                seen.healthy_touched = checker
                    .so_far()
                    .violations
                    .iter()
                    .filter(|one| one.invariant == Invariant::S1)
                    .count() as u64;
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

/// The other rules, a look a minute.
async fn act(region: Region, name: String, rules: Rules, seen: Arc<std::sync::Mutex<Seen>>) {
    let hand = Hand {
        region: &region,
        router: region.router().clone(),
        application: &name,
    };
    let mut counts: Vec<Option<f64>> = Vec::new();
    while region.router().is_open() {
        tokio::time::sleep(MINUTE).await;
        counts.push(restarts(&region, &name));
        let rose = |back: usize| {
            let at = |n: usize| {
                counts
                    .len()
                    .checked_sub(n)
                    .and_then(|index| counts.get(index).copied().flatten())
            };
            at(back)
                .zip(at(back + 1))
                .map_or(0.0, |(now, before)| now - before)
        };
        let rings = match rules {
            Rules::Article => (1..=5).all(|back| rose(back) > 0.0),
            _ => rose(1) + rose(2) > OPERATOR_RESTARTS,
        };
        if !rings {
            continue;
        }
        let up = region
            .flink()
            .standing(&name)
            .and_then(|one| one.up_since)
            .map_or(0, |since| {
                region.clock().now().duration_since(since).as_secs()
            });
        {
            let mut seen = seen
                .lock()
                .expect("no thread panics while it holds what was seen");
            seen.detected.get_or_insert(region.clock().now());
            seen.healthy_touched += u64::from(up >= SOAK_SECS);
        }
        if rules == Rules::Article {
            hand.send(
                "RollbackApplication",
                json!({ "CurrentApplicationVersionId": hand.version() }),
            )
            .await;
        }
        // Refused, or the operator's way: force-stop and start again, from the latest snapshot.
        if region
            .flink()
            .standing(&name)
            .is_some_and(|one| one.status.name() == "RUNNING")
        {
            hand.send("StopApplication", json!({ "Force": true })).await;
            for _ in 0..60 {
                tokio::time::sleep(MINUTE / 2).await;
                if region
                    .flink()
                    .standing(&name)
                    .is_some_and(|one| one.status.name() == "READY")
                {
                    hand.start("RESTORE_FROM_LATEST_SNAPSHOT").await;
                    break;
                }
            }
        }
        counts.clear();
    }
}

/// The table, in Markdown.
#[must_use]
pub fn table(seeds: Range<u64>) -> String {
    let mut text = format!(
        "The nights of seeds {}..{}, as far as an application in them fails at all.\n\n| rules | nights with a fault | detected | median time to detect | runs again in the end | median time to recover | healthy ones touched | records lost | records replayed |\n|---|---|---|---|---|---|---|---|---|\n",
        seeds.start, seeds.end
    );
    for (rules, name) in ALL {
        let nights: Vec<Seen> = seeds
            .clone()
            .filter_map(|seed| Some(play(&fit(seed, rules)?, rules)))
            .collect();
        let failed: Vec<&Seen> = nights.iter().filter(|seen| seen.fault.is_some()).collect();
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
        let sum = |of: fn(&Seen) -> u64| nights.iter().map(of).sum::<u64>();
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

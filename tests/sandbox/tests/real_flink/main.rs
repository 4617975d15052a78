//! The same situations on simulated and on real Flink: what the REST API shows of them must agree, or the difference is explained here.
//!
//! Real Flink has to be prepared first, so these tests are asked for by name: `tests/engines/run flink-compared`, which does both.

#[path = "../answer_paths/mod.rs"]
mod answer_paths;
mod compare;
mod situations;
mod watch;

use std::collections::BTreeSet;
use std::io::Write as _;
use std::time::Duration;

use sandbox::{
    clock::Clock,
    flink::{DataPlane, SimulatedFlink, Stream, real::RealFlink},
    journal::Journal,
    pace::{self, Speed},
};

use compare::{Comparison, compare, compare_keys};
use situations::{Plane, SITUATIONS, Situation};
use watch::Seen;

/// Differences that are known: situation, what, and why it is so and does no harm.
const KNOWN: &[(&str, &str, &str)] = &[
    ("task-manager-killed", "task of the first fault", "which of the machine's tasks Flink names is chance"),
    ("slow-initialisation", "states of enrich", "both wide operators of the simulation have state to load, of the real job only \"count\" has"),
    (
        "restarts-exhausted",
        "sticky restarts",
        "the metrics of a job that has ended stay until Flink fetches them again, up to ten seconds; recorded later they are gone",
    ),
    ("machine-replaced", "task of the first fault", "which of the machine's tasks Flink names is chance"),
];

fn clock() -> Clock {
    Clock::starting_at("2026-03-04T02:47:00Z".parse().expect("a date"))
}

async fn played(plane: &dyn Plane, situation: &Situation, runtime: &str) -> Seen {
    plane.open_stream("orders", Stream::default());
    let mut seen = Seen::default();
    (situation.script)(plane, runtime, &mut seen).await;
    seen
}

async fn simulated(situation: &Situation, runtime: &str) -> Seen {
    let clock = clock();
    let plane = SimulatedFlink::new(clock.clone(), Journal::new(clock), situation.codebook(), 1);
    played(&plane, situation, runtime).await
}

/// In real time: nothing is compressed.
async fn real(situation: &Situation, runtime: &str) -> Seen {
    let clock = clock();
    let plane = RealFlink::new(clock.clone(), Journal::new(clock), situation.codebook(), 1.0);
    let seen = tokio::select! {
        seen = played(&plane, situation, runtime) => seen,
        () = pace::hold(Speed::Factor(1.0), || {}) => unreachable!("a region is held back for as long as it is asked to be"),
    };
    DataPlane::close(&plane);
    // The tasks that belong to it find it gone.
    tokio::time::sleep(Duration::from_secs(1)).await;
    seen
}

fn say(text: &str) {
    // Who went away does not read it.
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

async fn compared(runtime: &str) {
    let mut all = Comparison::default();
    let (mut simulated_keys, mut real_keys) = (BTreeSet::new(), BTreeSet::new());
    for situation in SITUATIONS {
        let (simulated, real) = (simulated(situation, runtime).await, real(situation, runtime).await);
        say(&format!("{runtime} {}: simulated {}", situation.name, simulated.summary()));
        say(&format!("{runtime} {}: real      {}", situation.name, real.summary()));
        compare(situation.name, &simulated, &real, &mut all);
        simulated_keys.extend(simulated.keys);
        real_keys.extend(real.keys);
    }
    compare_keys(&simulated_keys, &real_keys, &mut all);
    let known = |(situation, what): &(String, String)| KNOWN.iter().find(|(name, known, _)| name == situation && what.starts_with(known));
    for difference in &all.differences {
        match known(difference) {
            Some((.., why)) => say(&format!("known difference: {}: {}: {why}", difference.0, difference.1)),
            None => say(&format!("DIFFERENCE: {}: {}", difference.0, difference.1)),
        }
    }
    say(&format!("compared {runtime}: {} situations, {} agree, {} differ", SITUATIONS.len(), all.agreements, all.differences.len()));
    let unexplained: Vec<_> = all.differences.iter().filter(|difference| known(difference).is_none()).collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
}

#[tokio::test(start_paused = true)]
#[ignore = "needs real Flink: tests/engines/run flink-compared"]
async fn simulated_and_real_flink_1_20_show_the_same() {
    compared("FLINK-1_20").await;
}

#[tokio::test(start_paused = true)]
#[ignore = "needs real Flink: tests/engines/run flink-compared"]
async fn simulated_and_real_flink_2_2_show_the_same() {
    compared("FLINK-2_2").await;
}

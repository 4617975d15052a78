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
use std::sync::{
    Mutex,
    atomic::{AtomicUsize, Ordering},
};
use std::time::Duration;

use emulated_flink::flink::{
    Code, DataPlane, RestartStrategy, SimulatedFlink, Stream, real::RealFlink,
};
use ground::{
    clock::Clock,
    journal::Journal,
    pace::{self, Speed},
};

use compare::{Comparison, compare, compare_keys};
use situations::{Plane, SITUATIONS, Situation};
use watch::Seen;

/// Differences that are known: situation, what, and why it is so and does no harm.
const KNOWN: &[(&str, &str, &str)] = &[
    (
        "task-manager-killed",
        "task of the first fault",
        "which of the machine's tasks Flink names is chance",
    ),
    (
        "restarts-exhausted",
        "sticky restarts",
        "the metrics of a job that has ended stay until Flink fetches them again, which is up to ten seconds after it did so last",
    ),
    (
        "machine-replaced",
        "task of the first fault",
        "which of the machine's tasks Flink names is chance",
    ),
];

/// Situations played at once: a cluster computes while it starts, then a situation mostly waits.
const AT_ONCE: usize = 3;

fn clock() -> Clock {
    Clock::starting_at("2026-03-04T02:47:00Z".parse().expect("a date"))
}

async fn played(plane: &dyn Plane, situation: &Situation, runtime: &str) -> Seen {
    plane.open_stream("orders", Stream::default());
    let mut seen = Seen::default();
    (situation.script)(plane, runtime, &mut seen).await;
    seen
}

/// Changes the code of a situation.
type Sabotage = fn(Code) -> Code;

/// With the code as it is, or changed.
async fn simulated(situation: &Situation, runtime: &str, changed: Sabotage) -> Seen {
    let clock = clock();
    let mut codebook = situation.codebook();
    codebook
        .entry("new.jar".to_owned())
        .and_modify(|code| *code = changed(code.clone()));
    let plane = SimulatedFlink::new(clock.clone(), Journal::new(clock), codebook, 1);
    played(&plane, situation, runtime).await
}

/// In real time: nothing is compressed.
async fn real(situation: &Situation, runtime: &str) -> Seen {
    let clock = clock();
    let plane = RealFlink::new(
        clock.clone(),
        Journal::new(clock),
        situation.codebook(),
        1.0,
    );
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

/// Every situation on both, several at once: each on a thread and a clock of its own, because the clock stands while real Flink is asked.
fn played_on_both(runtime: &str) -> Vec<(&'static str, Seen, Seen)> {
    let (next, done) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    let another = || {
        let number = next.fetch_add(1, Ordering::Relaxed);
        Some((number, SITUATIONS.get(number)?))
    };
    let work = || {
        while let Some((number, situation)) = another() {
            let clock = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .start_paused(true)
                .build()
                .expect("a runtime of one thread");
            let (simulated, real) = clock.block_on(async {
                (
                    simulated(situation, runtime, |code| code).await,
                    real(situation, runtime).await,
                )
            });
            say(&format!(
                "{runtime} {}: simulated {}\n{runtime} {}: real      {}",
                situation.name,
                simulated.summary(),
                situation.name,
                real.summary()
            ));
            done.lock()
                .expect("no thread panics while it holds what was seen")
                .push((number, situation.name, simulated, real));
        }
    };
    std::thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(work))));
    let mut all = done.into_inner().expect("every thread has ended well");
    all.sort_by_key(|(number, ..)| *number);
    all.into_iter()
        .map(|(_, name, simulated, real)| (name, simulated, real))
        .collect()
}

fn compared(runtime: &str) {
    let mut all = Comparison::default();
    let (mut simulated_keys, mut real_keys) = (BTreeSet::new(), BTreeSet::new());
    for (name, simulated, real) in played_on_both(runtime) {
        compare(name, &simulated, &real, &mut all);
        simulated_keys.extend(simulated.keys);
        real_keys.extend(real.keys);
    }
    compare_keys(&simulated_keys, &real_keys, &mut all);
    let known = |(situation, what): &(String, String)| {
        KNOWN
            .iter()
            .find(|(name, known, _)| name == situation && what.starts_with(known))
    };
    for difference in &all.differences {
        match known(difference) {
            Some((.., why)) => say(&format!(
                "known difference: {}: {}: {why}",
                difference.0, difference.1
            )),
            None => say(&format!("DIFFERENCE: {}: {}", difference.0, difference.1)),
        }
    }
    say(&format!(
        "compared {runtime}: {} situations, {} agree, {} differ",
        SITUATIONS.len(),
        all.agreements,
        all.differences.len()
    ));
    let unexplained: Vec<_> = all
        .differences
        .iter()
        .filter(|difference| known(difference).is_none())
        .collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
}

#[test]
#[ignore = "needs real Flink: tests/engines/run flink-compared"]
fn simulated_and_real_flink_1_20_show_the_same() {
    compared("FLINK-1_20");
}

#[test]
#[ignore = "needs real Flink: tests/engines/run flink-compared"]
fn simulated_and_real_flink_2_2_show_the_same() {
    compared("FLINK-2_2");
}

#[test]
#[ignore = "needs real Flink: tests/engines/run flink-compared"]
fn simulated_and_real_flink_2_3_show_the_same() {
    compared("FLINK-2_3");
}

async fn seen(situation: &Situation, changed: Sabotage) -> Seen {
    simulated(situation, "FLINK-1_20", changed).await
}

fn differences(one: &Seen, other: &Seen) -> Vec<(String, String)> {
    let mut comparison = Comparison::default();
    compare("sabotage", one, other, &mut comparison);
    comparison.differences
}

/// Nothing of what was dropped is to be seen by the REST API: only the records tell.
const ALIKE: [&str; 2] = [
    "restored-from-a-savepoint",
    "state-of-another-operator-may-be-dropped",
];

#[tokio::test(start_paused = true)]
async fn the_comparison_tells_every_situation_from_every_other_and_from_none_its_own() {
    let mut all = Vec::new();
    for situation in SITUATIONS {
        all.push((situation.name, seen(situation, |code| code).await));
    }
    for (name, one) in &all {
        for (other_name, other) in &all {
            let same = name == other_name || ALIKE.contains(name) && ALIKE.contains(other_name);
            let found = differences(one, other);
            assert_eq!(found.is_empty(), same, "{name} and {other_name}: {found:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_comparison_finds_a_loop_of_another_length_and_a_task_that_comes_up_too_early() {
    let sabotages: [(&str, Sabotage); 3] = [
        ("loop-while-processing", |code| {
            code.restarting(RestartStrategy::every(6))
        }),
        ("state-of-another-type", |code| code.restoring_for(0)),
        ("slow-initialisation", |code| code.restoring_for(4)),
    ];
    for (name, sabotage) in sabotages {
        let situation = SITUATIONS
            .iter()
            .find(|situation| situation.name == name)
            .expect("a situation of this name");
        let found = differences(
            &seen(situation, |code| code).await,
            &seen(situation, sabotage).await,
        );
        assert!(!found.is_empty(), "{name}");
    }
}

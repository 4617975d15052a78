//! The simulation proves its own determinism first, then plays a bounded number of runs.

use std::process::Command;

use simulation::{
    generate,
    many::{self, Drawn},
    play,
};

/// Played in every `cargo test`; the command line plays thousands.
const RUNS: u64 = 12;

fn traced(seed: u64) -> Vec<u8> {
    let output = Command::new(env!("CARGO_BIN_EXE_simulation"))
        .args(["--seed", &seed.to_string(), "--trace", "--no-shrink"])
        .output()
        .expect("the binary was built with this test");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

#[test]
fn one_seed_in_two_processes_gives_the_same_bytes() {
    for seed in [14, 187] {
        let (first, second) = (traced(seed), traced(seed));
        assert!(first.len() > 10_000, "a run has something to tell");
        assert_eq!(first, second, "seed {seed}");
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let one = many::play_all(Drawn::Run, 0..4, 1, 1, &|_| {});
    let two = many::play_all(Drawn::Run, 0..4, 2, 1, &|_| {});
    assert_eq!(
        serde_json::to_string(&one).unwrap(),
        serde_json::to_string(&two).unwrap()
    );
}

#[test]
fn every_invariant_holds_in_a_number_of_runs() {
    let summary = many::play_all(Drawn::Run, 1_000..1_000 + RUNS, 2, 1, &|_| {});
    assert!(summary.broken.is_empty(), "{:?}", summary.broken);
    assert_eq!(summary.runs, RUNS);
}

#[test]
fn a_run_that_is_played_twice_in_one_process_is_the_same() {
    let script = generate::script(3);
    assert_eq!(
        play::play(&script, true).trace,
        play::play(&script, true).trace
    );
}

#[test]
fn a_run_that_is_rehearsed_is_checked_as_it_was_when_it_was_drawn() {
    for seed in [3, 14] {
        let script = generate::script(seed);
        let drawn = play::play(&script, false);
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let again = sandbox::script::read("run.json", &script.json()).unwrap();
        let rehearsed = runtime.block_on(sandbox::scenario::play(&again, seed));
        let rehearsed = rehearsed.unwrap();
        assert_eq!(rehearsed.verdicts.checks, drawn.checks, "seed {seed}");
    }
}

#[test]
fn wrong_usage_exits_with_2() {
    let usages = [
        &["--seeds", "9..3"][..],
        &["--seeds", "few"],
        &["--seeds", "0..1", "--threads", "0"],
        &["--seeds", "0..1", "--most-broken", "0"],
        &["--trace"],
        &["--seed", "1", "--seeds", "1..2"],
        &["sabotage", "--only", "a mistake that nobody makes"],
        &["mutants", "--only", "a piece that no state machine has"],
        &[],
    ];
    for wrong in usages {
        let output = Command::new(env!("CARGO_BIN_EXE_simulation"))
            .args(wrong)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{wrong:?}");
    }
}

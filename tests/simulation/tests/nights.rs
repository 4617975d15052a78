//! The simulation proves its own determinism first, then plays a bounded number of nights.

use std::process::Command;

use simulation::{generate, many, play};

/// Played in every `cargo test`; the command line plays thousands.
const NIGHTS: u64 = 12;

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
        assert!(first.len() > 10_000, "a night has something to tell");
        assert_eq!(first, second, "seed {seed}");
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let one = many::play_all(0..4, 1, 1, &|_| {});
    let two = many::play_all(0..4, 2, 1, &|_| {});
    assert_eq!(
        serde_json::to_string(&one).unwrap(),
        serde_json::to_string(&two).unwrap()
    );
}

#[test]
fn every_invariant_holds_in_a_number_of_nights() {
    let summary = many::play_all(1_000..1_000 + NIGHTS, 2, 1, &|_| {});
    assert!(summary.broken.is_empty(), "{:?}", summary.broken);
    assert_eq!(summary.nights, NIGHTS);
}

#[test]
fn a_night_that_is_played_twice_in_one_process_is_the_same() {
    let night = generate::night(3);
    assert_eq!(
        play::play(&night, true).trace,
        play::play(&night, true).trace
    );
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

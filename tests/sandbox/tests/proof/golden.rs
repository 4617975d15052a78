//! Every mail of every scenario, as people read it, is a file of this repository and is reviewed like code: `tests/sandbox/tests/golden`.
//!
//! `UPDATE_GOLDEN=1 cargo test -p sandbox --test proof golden` writes the files anew. Scenarios of executions that die have none: their tests put a state in.

use std::{
    collections::BTreeSet,
    env, fs,
    path::{Path, PathBuf},
};

use sandbox::{
    scenario::{self, CATALOGUE, Script},
    script::{EXAMPLES, FLINK, INPUTS, SNAPSHOTS, TROUBLES, VERDICTS},
};

use crate::support::in_virtual_time;

/// Stands between two mails.
const BETWEEN: &str = "\n-----\n\n";
/// Plays a thousand applications for minutes, and sends more than a hundred mails that are alike: nobody would review them.
const LEFT_OUT: &str = "snapshots-fleet";
/// What a scenario without mails has in its file.
const NONE: &str = "No mail.\n";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn file(scenario: &Script) -> PathBuf {
    folder().join(format!("{}.txt", scenario.name))
}

/// Plays the scenario and gives what people read.
fn read_by_people(scenario: &Script) -> String {
    let played = in_virtual_time(scenario::play(scenario, 1));
    let rehearsal = played.expect("the template is right").rehearsal;
    let mails: Vec<String> = rehearsal.mails.iter().map(|mail| mail.shown()).collect();
    if mails.is_empty() {
        return NONE.to_owned();
    }
    mails.join(BETWEEN)
}

fn are_as_reviewed(scenarios: &[Script]) {
    let update = env::var_os("UPDATE_GOLDEN").is_some();
    let mut differ = Vec::new();
    for scenario in scenarios.iter().filter(|one| one.name != LEFT_OUT) {
        let (path, now) = (file(scenario), read_by_people(scenario));
        if update {
            fs::create_dir_all(folder()).unwrap();
            fs::write(path, now).unwrap();
            continue;
        }
        let reviewed = fs::read_to_string(&path).unwrap_or_default();
        if reviewed != now {
            differ.push(format!(
                "{}\nreviewed:\n{reviewed}\nnow:\n{now}",
                scenario.name
            ));
        }
    }
    assert!(
        differ.is_empty(),
        "mails differ from those that were reviewed; UPDATE_GOLDEN=1 writes them anew:\n{}",
        differ.join("\n=====\n")
    );
}

#[test]
fn the_mails_of_rescues_are_as_reviewed() {
    are_as_reviewed(&CATALOGUE);
}

#[test]
fn the_mails_about_flink_snapshots_and_inputs_are_as_reviewed() {
    for scenarios in [&FLINK, &SNAPSHOTS, &INPUTS, &EXAMPLES] {
        are_as_reviewed(scenarios);
    }
}

#[test]
fn the_mails_in_trouble_are_as_reviewed() {
    are_as_reviewed(&TROUBLES);
}

#[test]
fn the_mails_of_verdicts_are_as_reviewed() {
    are_as_reviewed(&VERDICTS);
}

#[test]
fn no_file_is_left_of_a_scenario_that_is_gone() {
    let all = [
        &CATALOGUE, &FLINK, &SNAPSHOTS, &INPUTS, &EXAMPLES, &TROUBLES, &VERDICTS,
    ];
    let known: BTreeSet<PathBuf> = all
        .iter()
        .flat_map(|list| list.iter())
        .filter(|one| one.name != LEFT_OUT)
        .map(file)
        .collect();
    let there = fs::read_dir(folder()).expect("the folder is in the repository");
    let there: BTreeSet<PathBuf> = there.map(|entry| entry.unwrap().path()).collect();
    assert_eq!(there, known);
}

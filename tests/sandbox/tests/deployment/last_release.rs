//! A stack is updated while executions run: they go on with the state machine of the release before, and the functions that they call are new.
//!
//! `last_release/` holds the state machines as they were released last; they are replaced when the next release is made.

use sandbox::scenario::{CATALOGUE, SNAPSHOTS, Script, play_on};
use serde_json::Value;

use super::{Mutant, repository, virtually};

/// The state machine of the release before tells executions nothing of each other: each application is judged alone.
const KNOW_OF_OTHERS: [&str; 2] = ["common-cause", "pipeline-deploys-all"];
/// Nor does it write down what a version was undone for.
const KNOW_OF_BEFORE: &str = "applied-a-third-time";

fn last_release() -> Mutant {
    Mutant::of(
        &[],
        &repository("tests/sandbox/tests/deployment/last_release"),
    )
}

/// What is not as it should be in these scenarios, with the executions of the release before.
fn complaints<'a>(scenarios: impl Iterator<Item = &'a Script>) -> Vec<String> {
    let old = last_release();
    // What the sweep starts never meets them: it came later, and CloudFormation makes it after the state machine that it names.
    scenarios
        .filter(|one| !one.world.parameters.contains_key("SweepState"))
        .filter(|one| !KNOW_OF_OTHERS.contains(&one.name.as_str()))
        .filter(|one| one.name != KNOW_OF_BEFORE)
        .flat_map(|scenario| {
            let mut stage = scenario.stage();
            stage.template = Some(old.template());
            let played =
                virtually(async move { play_on(scenario, stage, 1, |_| {}).await.unwrap() });
            let name = scenario.name.clone();
            let complaints = played.rehearsal.complaints.clone();
            complaints
                .into_iter()
                .map(move |complaint| format!("{name}: {complaint}"))
        })
        .collect()
}

#[test]
fn rescues_that_began_before_an_update_end_rightly_after_it() {
    assert_eq!(complaints(CATALOGUE.iter()), Vec::<String>::new());
}

#[test]
fn snapshot_checks_that_began_before_an_update_end_rightly_after_it() {
    // One of every kind; the fleet is the same a thousand times.
    let few = SNAPSHOTS.iter().filter(|one| one.name != "snapshots-fleet");
    let mut few: Vec<Script> = few.cloned().collect();
    // Its mail was the state machine's own, in the words of then.
    for told in few
        .iter_mut()
        .filter_map(|one| one.ends.as_mut()?.told.as_mut())
    {
        told.subject = "Snapshots need a person".into();
    }
    assert_eq!(complaints(few.iter()), Vec::<String>::new());
}

#[test]
fn they_are_other_state_machines_than_those_of_today() {
    for machine in ["remediate", "snapshot-check"] {
        let read = |folder: &str| -> Value {
            let path = repository(folder).join(format!("{machine}.asl.json"));
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
        };
        assert_ne!(
            read("infra/statemachines"),
            read("tests/sandbox/tests/deployment/last_release"),
            "{machine}"
        );
    }
}

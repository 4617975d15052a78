//! The state machines that are deployed are read by the sandbox's own strict reader.

use std::collections::BTreeMap;

use sandbox::states::{Definition, substitute};

#[test]
fn remediate_is_well_formed() {
    let text = include_str!("../../../infra/statemachines/remediate.asl.json");
    let holes = [
        "SubtaskVerifierFunction",
        "RemediationPlannerFunction",
        "RollbackFunction",
        "ForceStopAndRestoreFunction",
        "LedgerTable",
        "Topic",
        "EventBus",
        "DeadlineSecs",
    ];
    let values: BTreeMap<String, String> = holes
        .iter()
        .map(|hole| ((*hole).to_owned(), "x".to_owned()))
        .collect();
    let text = substitute(text, &values).expect("every hole is filled, every value is used");
    Definition::parse(&text).expect("the reader knows every field");
}

#[test]
fn snapshot_check_is_well_formed() {
    let text = include_str!("../../../infra/statemachines/snapshot-check.asl.json");
    let holes = [
        "SnapshotKeeperFunction",
        "SubtaskVerifierFunction",
        "LedgerTable",
        "Topic",
    ];
    let values: BTreeMap<String, String> = holes
        .iter()
        .map(|hole| ((*hole).to_owned(), "x".to_owned()))
        .collect();
    let text = substitute(text, &values).expect("every hole is filled, every value is used");
    Definition::parse(&text).expect("the reader knows every field");
    // Names of this project's errors: those that a function can answer.
    for name in text
        .split('"')
        .filter(|name| name.starts_with("Lifeguard."))
    {
        assert!(
            lambda_kit::ErrorType::ALL
                .iter()
                .any(|known| known.name() == name),
            "{name}"
        );
    }
}

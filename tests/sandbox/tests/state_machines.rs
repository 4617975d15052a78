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
    let values: BTreeMap<String, String> = holes.iter().map(|hole| ((*hole).to_owned(), "x".to_owned())).collect();
    let text = substitute(text, &values).expect("every hole is filled, every value is used");
    Definition::parse(&text).expect("the reader knows every field");
}

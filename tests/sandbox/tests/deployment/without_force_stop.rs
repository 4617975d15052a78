//! A stack without the function that force-stops, restores and starts.

use sandbox::scenario::{Ends, Scenario, Stage, by_name, play};

use super::{stack, virtually};

fn without(
    name: &str,
    stage: fn() -> Stage,
    outcome: &'static str,
    changes: &'static [&'static str],
    code: &'static str,
    because: &'static str,
) -> Vec<String> {
    let scenario = by_name(name).unwrap();
    let ends = Ends {
        outcome,
        changes,
        code,
        because,
        ..scenario.ends
    };
    let scenario = Scenario {
        name: scenario.name,
        sentence: scenario.sentence,
        stage,
        script: scenario.script,
        ends,
    };
    virtually(async move {
        play(&scenario, 1)
            .await
            .unwrap()
            .rehearsal
            .complaints
            .clone()
    })
}

fn disabled(mut stage: Stage) -> Stage {
    stage
        .parameters
        .insert("ForceStop".into(), "disabled".into());
    stage
}

#[test]
fn neither_the_function_nor_its_role_nor_its_log_is_made() {
    let stack = stack(&[("ForceStop", "disabled")]).unwrap();
    assert!(
        stack
            .functions
            .keys()
            .chain(stack.passive.keys())
            .all(|id| !id.contains("ForceStop"))
    );
    assert!(
        !stack.state_machines["Remediate"]
            .definition
            .to_string()
            .contains("function:lifeguard-ForceStop")
    );
    assert!(
        !stack.passive["RemediateRole"]
            .properties
            .to_string()
            .contains("ForceStop")
    );
}

#[test]
fn a_rollback_is_still_done() {
    let stage = || disabled((by_name("bad-deployment").unwrap().stage)());
    let ends = by_name("bad-deployment").unwrap().ends;
    assert_eq!(
        without(
            "bad-deployment",
            stage,
            ends.outcome,
            ends.changes,
            ends.code,
            ends.because
        ),
        Vec::<String>::new()
    );
}

#[test]
fn where_a_rollback_is_refused_a_person_is_asked_for_and_nothing_is_touched() {
    let stage = || disabled((by_name("rollback-refused").unwrap().stage)());
    let complaints = without(
        "rollback-refused",
        stage,
        "escalated",
        &[],
        "orders-7.jar",
        "ForceStop=disabled",
    );
    // Its job goes on looping, as Flink has it.
    assert!(
        complaints
            .iter()
            .all(|complaint| complaint.starts_with("the status")),
        "{complaints:?}"
    );
}

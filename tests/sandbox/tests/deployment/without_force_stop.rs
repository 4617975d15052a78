//! A stack without the function that force-stops, restores and starts.

use sandbox::scenario::{Ends, by_name, play};

use super::{stack, virtually};

/// What is not as it should be in such a stack.
fn without(name: &str, change: impl FnOnce(&mut Ends)) -> Vec<String> {
    let mut scenario = by_name(name).unwrap().clone();
    let disabled = ("ForceStop".to_owned(), "disabled".to_owned());
    scenario.world.parameters.extend([disabled]);
    change(scenario.ends.as_mut().unwrap());
    virtually(async move {
        play(&scenario, 1)
            .await
            .unwrap()
            .rehearsal
            .complaints
            .clone()
    })
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
    assert_eq!(without("bad-deployment", |_| {}), Vec::<String>::new());
}

#[test]
fn where_a_rollback_is_refused_a_person_is_asked_for_and_nothing_is_touched() {
    let complaints = without("rollback-refused", |ends| {
        ends.outcome = "escalated".into();
        ends.changes = Vec::new();
        ends.code = Some("orders-7.jar".into());
        ends.because = "ForceStop=disabled".into();
    });
    // Its job goes on looping, as Flink has it.
    assert!(
        complaints
            .iter()
            .all(|complaint| complaint.starts_with("the status")),
        "{complaints:?}"
    );
}

//! An execution that dies: a person stops it, or it fails, at any of its states. Its successor takes the lease over within moments and does what is right: nothing where a
//! person stopped it, the rest of a rescue that failed, and never what a person had asked for. Where nobody hears of its end, the next one does so when the lease has expired.

use std::time::Duration;

use sandbox::{
    region::Region,
    scenario::{APPLICATION, Played, Script, hours, play_by_name},
    script::{Do, ExecutionEnd, Span, When},
    states::{ExecutionView, Status},
};
use serde_json::{Value, json};

use crate::support::{
    duplicate, effects, in_virtual_time, lease, outcomes, play, play_on, steps, story, told, tries,
};

/// States that change an application.
const STEPS: [&str; 4] = [
    "RollBack",
    "ForceStop",
    "RestoreConfiguration",
    "StartFromSnapshot",
];

/// All states of the graph, and whether time passes in them.
fn states() -> Vec<(String, bool)> {
    let text = include_str!("../../../../infra/statemachines/remediate.asl.json");
    let graph: Value = serde_json::from_str(text).expect("the graph is JSON");
    let takes_time = |state: &Value| state["Type"] == "Task" || state["Type"] == "Wait";
    graph["States"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, state)| (name.clone(), takes_time(state)))
        .collect()
}

/// How long after a state is entered a person stops the execution.
const AFTER: [Duration; 2] = [Duration::ZERO, Duration::from_millis(40)];

/// A script of executions that die, with another state and another end put in.
fn dying(name: &str, state: &str, after: Duration, dies: ExecutionEnd) -> Script {
    let mut script = play_by_name(name).unwrap().clone();
    for step in &mut script.happens {
        if let (Some(When::State(entered)), Some(Do::EndExecution { end, .. })) =
            (&mut step.when, &mut step.what)
        {
            state.clone_into(&mut entered.name);
            entered.later = (!after.is_zero()).then_some(Span(after));
            *end = dies;
        }
    }
    script
}

/// Plays. False when no execution died, because none entered the state; otherwise what is left is checked, still in the region's time.
fn dies(script: &Script, check: impl AsyncFnOnce(&Played)) -> bool {
    in_virtual_time(async {
        let played = play_on(script, script.stage(), 1, |_| {}).await.unwrap();
        let executions = played.region.states().executions();
        let died = executions
            .iter()
            .any(|one| matches!(one.status, Status::Aborted | Status::Failed));
        if died {
            check(&played).await;
        }
        died
    })
}

/// The executions that succeed others.
fn successors(region: &Region) -> Vec<ExecutionView> {
    region
        .states()
        .executions()
        .into_iter()
        .filter(|execution| execution.input["trigger"]["kind"] == "executionBroke")
        .collect()
}

/// The one successor of the one execution that died.
fn successor(region: &Region, what: &str) -> ExecutionView {
    let mut successors = successors(region);
    assert_eq!(successors.len(), 1, "{what}\n{}", story(region));
    let successor = successors.remove(0);
    let dead = region
        .states()
        .executions()
        .into_iter()
        .find(|execution| successor.input["trigger"]["execution"] == execution.arn.as_str())
        .unwrap();
    assert!(
        matches!(dead.status, Status::Aborted | Status::Failed),
        "{what}: {dead:?}"
    );
    let waited = successor
        .started
        .duration_since(dead.stopped.unwrap())
        .as_secs();
    assert!(waited <= 5, "{what}: it was started {waited} s later");
    assert_eq!(
        successor.status,
        Status::Succeeded,
        "{what}\n{}",
        story(region)
    );
    assert_eq!(
        outcomes(region)
            .iter()
            .filter(|(execution, _)| *execution == successor.arn)
            .count(),
        1,
        "{what}: S5"
    );
    successor
}

fn because(execution: &ExecutionView) -> Value {
    execution
        .output
        .as_ref()
        .map(|output| output["because"].clone())
        .unwrap_or_default()
}

#[test]
fn what_a_person_stops_at_any_state_is_left_alone_by_its_successor_and_its_lease_is_given_back() {
    let mut visited = 0;
    for (state, takes_time) in states() {
        for after in AFTER
            .into_iter()
            .filter(|after| takes_time || after.is_zero())
        {
            let what = format!("stopped {} ms after {state}", after.as_millis());
            let death = dying("rescue-that-dies", &state, after, ExecutionEnd::Stopped);
            visited += u32::from(dies(&death, async |played| {
                let region = &played.region;
                let successor = successor(region, &what);
                let output = successor.output.clone().unwrap();
                assert_eq!(
                    (&output["outcome"], &output["because"]),
                    (&json!("leftAlone"), &json!("stoppedByPerson")),
                    "{what}\n{}",
                    story(region)
                );
                assert!(
                    !tries(region, &successor)
                        .iter()
                        .any(|tried| STEPS.contains(&tried.state.as_str())),
                    "{what}\n{}",
                    story(region)
                );
                assert!(effects(region).len() <= 1, "{what}: {:?}", effects(region));
                let reason = output["reason"].as_str().unwrap();
                assert!(
                    reason.contains("watched again from the next alarm on"),
                    "{what}: {reason}"
                );
                // Mail only of what was changed: whoever stopped it knows of the rest.
                let mailed = told(region)
                    .iter()
                    .any(|(_, _, text)| text.contains("person stopped the execution that looked"));
                let changed = output["steps"].as_array().unwrap().iter().any(|step| {
                    step["result"]["is"] == "accepted"
                        || step["result"].is_null()
                        || step["result"]["error"] == "Lifeguard.Interrupted"
                });
                assert_eq!(mailed, changed, "{what}\n{}", story(region));
                assert!(
                    lease(region).await.is_none(),
                    "{what}: the lease is still there"
                );
            }));
        }
    }
    assert!(visited > 15, "{visited}");
}

#[test]
fn a_successor_that_dies_before_it_has_the_lease_is_succeeded_by_one_that_takes_it_from_the_first()
{
    for (status, ended) in [
        (ExecutionEnd::Failed, "recovered"),
        (ExecutionEnd::Stopped, "stoppedByPerson"),
    ] {
        // Its successor dies before it has the lease.
        let mut death = dying("rescue-that-dies", "RecordIntent", Duration::ZERO, status);
        death.happens.extend(steps(&json!([{
            "when": { "state": { "name": "ClaimLease", "nth": 2 } }, "do": { "endExecution": { "end": "failed" } },
        }])));
        assert!(dies(&death, async |Played { region, .. }| {
            let successors = successors(region);
            assert_eq!(successors.len(), 2, "{}", story(region));
            assert_eq!(because(&successors[1]), ended, "{}", story(region));
            assert!(
                lease(region).await.is_none(),
                "{ended}: the lease is still there"
            );
        }));
    }
}

#[test]
fn a_rescue_that_fails_at_any_state_is_finished_by_its_successor_within_minutes_and_nothing_is_done_twice()
 {
    let undisturbed = in_virtual_time(async {
        play("bad-deployment", 1)
            .await
            .rehearsal
            .recovery_secs
            .unwrap()
    });
    for (state, takes_time) in states() {
        for after in AFTER
            .into_iter()
            .filter(|after| takes_time || after.is_zero())
        {
            let what = format!("failed {} ms after {state}", after.as_millis());
            let death = dying("rescue-that-dies", &state, after, ExecutionEnd::Failed);
            dies(&death, async |played| {
                let region = &played.region;
                assert_ne!(
                    successor(region, &what).output.unwrap()["outcome"],
                    "escalated",
                    "{what}\n{}",
                    story(region)
                );
                assert_eq!(
                    effects(region),
                    ["RollbackApplication"],
                    "{what}\n{}",
                    story(region)
                );
                assert_right_end(played, &what);
                let took = played.rehearsal.recovery_secs.unwrap();
                assert!(
                    took <= undisturbed + 300,
                    "{what}: {took} s, and {undisturbed} s when nothing dies\n{}",
                    story(region)
                );
                assert!(
                    lease(region).await.is_none(),
                    "{what}: the lease is still there"
                );
            });
        }
    }
}

#[test]
fn a_rescue_that_fails_between_its_force_stop_and_its_start_is_back_within_minutes_and_stops_nothing_again()
 {
    let undisturbed = in_virtual_time(async {
        play("rollback-refused", 1)
            .await
            .rehearsal
            .recovery_secs
            .unwrap()
    });
    for state in [
        "RollBack",
        "ForceStop",
        "RestoreConfiguration",
        "StartFromSnapshot",
        "AfterStep",
        "RecordIntent",
    ] {
        for after in AFTER {
            let what = format!("failed {} ms after {state}", after.as_millis());
            let death = dying("restore-that-dies", state, after, ExecutionEnd::Failed);
            let was_entered = dies(&death, async |played| {
                let region = &played.region;
                assert_eq!(
                    successor(region, &what).output.unwrap()["outcome"],
                    "recovered",
                    "{what}\n{}",
                    story(region)
                );
                assert_eq!(
                    effects(region),
                    ["StopApplication", "UpdateApplication", "StartApplication"],
                    "{what}\n{}",
                    story(region)
                );
                assert_right_end(played, &what);
                let took = played.rehearsal.recovery_secs.unwrap();
                assert!(
                    took <= undisturbed + 300,
                    "{what}: {took} s, and {undisturbed} s when nothing dies\n{}",
                    story(region)
                );
                assert!(
                    lease(region).await.is_none(),
                    "{what}: the lease is still there"
                );
            });
            assert!(was_entered, "{state}");
        }
    }
}

/// The good version runs well, and no record is lost.
fn assert_right_end(played: &Played, what: &str) {
    let region = &played.region;
    let application = region.flink().application(APPLICATION).unwrap();
    assert_eq!(
        (application.status.name(), application.code.as_str()),
        ("RUNNING", "orders-6.jar"),
        "{what}\n{}",
        story(region)
    );
    assert!(application.healthy, "{what}\n{}", story(region));
    assert_eq!(region.flink().records(APPLICATION).lost, 0, "{what}");
}

#[test]
fn a_persons_restore_that_fails_after_its_force_stop_needs_a_person_and_is_not_called_stopped_on_purpose()
 {
    let death = dying(
        "asked-restore-that-dies",
        "AfterStep",
        Duration::ZERO,
        ExecutionEnd::Failed,
    );
    assert!(dies(&death, async |played| {
        let region = &played.region;
        let output = successor(region, "a restore").output.unwrap();
        assert_eq!(
            (&output["outcome"], &output["because"]),
            (&json!("escalated"), &json!("requestInterrupted")),
            "{}",
            story(region)
        );
        let last = told(region).pop().unwrap().2;
        assert!(
            last.contains("stopped in the middle of a restore")
                && last.contains("StopApplication with Force"),
            "{last}"
        );
        assert_eq!(effects(region), ["StopApplication"], "{}", story(region));
        assert_eq!(played.rehearsal.application.status, "READY");
        assert!(lease(region).await.is_none());
    }));
}

#[test]
fn a_persons_restore_that_a_person_stops_is_left_alone_and_said_to_be_down() {
    let death = dying(
        "asked-restore-that-dies",
        "AfterStep",
        Duration::ZERO,
        ExecutionEnd::Stopped,
    );
    assert!(dies(&death, async |played| {
        let region = &played.region;
        assert_eq!(
            because(&successor(region, "a restore")),
            "stoppedByPerson",
            "{}",
            story(region)
        );
        assert!(
            told(region)
                .pop()
                .unwrap()
                .2
                .contains("nothing starts it by itself"),
            "{:?}",
            told(region).pop()
        );
        assert_eq!(effects(region), ["StopApplication"], "{}", story(region));
        assert!(lease(region).await.is_none());
    }));
}

#[test]
fn a_request_that_failed_before_it_changed_anything_is_told_and_not_repeated() {
    let death = dying(
        "asked-restore-that-dies",
        "Decide",
        Duration::ZERO,
        ExecutionEnd::Failed,
    );
    assert!(dies(&death, async |played| {
        let region = &played.region;
        assert_eq!(
            because(&successor(region, "a restore")),
            "requestInterrupted",
            "{}",
            story(region)
        );
        assert!(
            told(region)
                .pop()
                .unwrap()
                .2
                .contains("until then it had changed nothing"),
            "{:?}",
            told(region).pop()
        );
        assert!(effects(region).is_empty(), "{}", story(region));
    }));
}

#[test]
fn after_two_successors_that_died_too_no_other_is_started_and_people_have_been_told_of_each() {
    // No alarm rings: the first is started by hand, so all that follows are successors.
    let death = play_by_name("looks-that-die").unwrap();
    assert!(dies(death, async |played| {
        let region = &played.region;
        let numbers: Vec<Value> = successors(region)
            .iter()
            .map(|execution| execution.input["trigger"]["successor"].clone())
            .collect();
        assert_eq!(numbers, [json!(1), json!(2)], "{}", story(region));
        assert_eq!(
            told(region)
                .iter()
                .filter(|(_, _, text)| text.contains("A remediation is FAILED"))
                .count(),
            3,
            "{:?}",
            told(region)
        );
    }));
}

#[test]
fn a_death_that_is_told_twice_has_one_successor() {
    in_virtual_time(async {
        let death = play_by_name("rescue-that-dies").unwrap();
        let played = play_on(death, death.stage(), 1, duplicate).await.unwrap();
        assert_eq!(
            successor(&played.region, "told twice").output.unwrap()["outcome"],
            "recovered"
        );
    });
}

#[test]
fn a_rescue_whose_end_nobody_hears_of_is_brought_to_a_right_end_by_the_next_after_its_lease() {
    let mut visited = Vec::new();
    for (state, takes_time) in states() {
        for after in AFTER
            .into_iter()
            .filter(|after| takes_time || after.is_zero())
        {
            let what = format!("stopped {} ms after {state}", after.as_millis());
            let death = dying(
                "rescue-whose-end-nobody-hears",
                &state,
                after,
                ExecutionEnd::Stopped,
            );
            let was_entered = dies(&death, async |played| {
                let region = &played.region;
                let application = region.flink().application(APPLICATION).unwrap();
                assert_eq!(
                    (application.status.name(), application.code.as_str()),
                    ("RUNNING", "orders-6.jar"),
                    "{what}\n{}",
                    story(region)
                );
                assert!(application.healthy, "{what}\n{}", story(region));
                assert_eq!(
                    effects(region),
                    ["RollbackApplication"],
                    "{what}\n{}",
                    story(region)
                );
                assert_eq!(region.flink().records(APPLICATION).lost, 0, "{what}");
                let last = region.states().executions().pop().unwrap();
                assert_eq!(last.status, Status::Succeeded, "{what}\n{}", story(region));
                assert_ne!(
                    last.output.unwrap()["outcome"],
                    "escalated",
                    "{what}\n{}",
                    story(region)
                );
            });
            if was_entered {
                visited.push(state.clone());
            }
        }
    }
    visited.dedup();
    for state in [
        "ClaimLease",
        "ReadLedger",
        "Look",
        "Decide",
        "SpendBudget",
        "RecordIntent",
        "RollBack",
        "AfterStep",
        "Wait",
        "PublishEvent",
        "Notify",
        "ReleaseLease",
        "Done",
    ] {
        assert!(
            visited.iter().any(|name| name == state),
            "{state} was not visited"
        );
    }
}

#[test]
fn a_restore_whose_end_nobody_hears_of_is_finished_by_the_next_after_its_lease() {
    for state in [
        "RollBack",
        "ForceStop",
        "RestoreConfiguration",
        "StartFromSnapshot",
        "AfterStep",
        "RecordIntent",
    ] {
        for after in AFTER {
            let what = format!("stopped {} ms after {state}", after.as_millis());
            let death = dying(
                "restore-whose-end-nobody-hears",
                state,
                after,
                ExecutionEnd::Stopped,
            );
            let was_entered = dies(&death, async |played| {
                let region = &played.region;
                let application = region.flink().application(APPLICATION).unwrap();
                let effects = effects(region);
                assert_eq!(
                    effects,
                    ["StopApplication", "UpdateApplication", "StartApplication"],
                    "{what}\n{}",
                    story(region)
                );
                assert_eq!(region.flink().records(APPLICATION).lost, 0, "{what}");
                let last = region.states().executions().pop().unwrap();
                assert_eq!(last.status, Status::Succeeded, "{what}\n{}", story(region));
                assert_eq!(
                    last.output.unwrap()["outcome"],
                    "recovered",
                    "{what}\n{}",
                    story(region)
                );
                assert_eq!(
                    (application.status.name(), application.code.as_str()),
                    ("RUNNING", "orders-6.jar"),
                    "{what}\n{}",
                    story(region)
                );
                assert!(application.healthy, "{what}\n{}", story(region));
            });
            assert!(was_entered, "{state}");
        }
    }
}

/// The ledger's row of an execution that died in the middle of a restore is all that says why the application is down.
#[test]
fn a_restore_whose_lease_ended_a_day_ago_is_still_finished() {
    for state in ["RestoreConfiguration", "StartFromSnapshot"] {
        let name = "restore-whose-end-nobody-hears";
        let mut death = dying(name, state, Duration::ZERO, ExecutionEnd::Stopped);
        // The right snapshot gets a day older meanwhile.
        let oldest = ("MaxSnapshotAgeSecs".to_owned(), "2592000".to_owned());
        death.world.parameters.extend([oldest]);
        for step in &mut death.happens {
            if step.when == Some(When::Then(Span(Duration::from_secs(4_201)))) {
                step.when = Some(When::Then(Span(hours(26))));
            }
        }
        assert!(dies(&death, async |played| {
            let region = &played.region;
            let application = region.flink().application(APPLICATION).unwrap();
            assert_eq!(
                (application.status.name(), application.code.as_str()),
                ("RUNNING", "orders-6.jar"),
                "{state}\n{}",
                story(region)
            );
            assert_eq!(played.rehearsal.outcome, "recovered", "{}", story(region));
        }));
    }
}

#[test]
fn what_a_person_had_asked_of_a_dead_execution_is_not_gone_on_with_unasked() {
    let death = play_by_name("asked-stop-whose-end-nobody-hears").unwrap();
    assert!(dies(death, async |played| {
        assert_eq!(
            effects(&played.region),
            ["StopApplication"],
            "{}",
            story(&played.region)
        );
        assert_eq!(
            (
                played.rehearsal.outcome.as_str(),
                played.rehearsal.application.status.as_str()
            ),
            ("leftAlone", "READY")
        );
    }));
}

#[test]
fn a_rescue_that_a_person_took_over_from_a_dead_execution_is_not_gone_on_with() {
    let death = play_by_name("rescue-that-a-person-took-over").unwrap();
    assert!(dies(death, async |played| {
        assert_eq!(
            effects(&played.region),
            ["StopApplication"],
            "{}",
            story(&played.region)
        );
        assert_eq!(
            played.rehearsal.outcome,
            "leftAlone",
            "{}",
            story(&played.region)
        );
        assert!(
            played
                .region
                .flink()
                .application(APPLICATION)
                .unwrap()
                .healthy
        );
    }));
}

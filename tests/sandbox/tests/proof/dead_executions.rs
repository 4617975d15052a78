//! An execution that dies: a person stops it, or it fails, at any of its states. Its successor takes the lease over within moments and does what is right: nothing where a
//! person stopped it, the rest of a rescue that failed, and never what a person had asked for. Where nobody hears of its end, the next one does so when the lease has expired.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sandbox::{
    faults::{Fault, Rule},
    journal::Actor,
    managed_flink::ApiError,
    region::Region,
    scenario::{APPLICATION, Played, Scenario, Stage, World, hours, minutes, play_on},
    states::{ExecutionView, Status},
};
use serde_json::{Value, json};

use crate::support::{
    duplicate, effects, ending, in_virtual_time, lease, outcomes, play, stage, stage_where, story,
    told, tries,
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

/// How executions die in a test.
#[derive(Clone, Debug)]
struct Death {
    /// At their stay in this state.
    state: String,
    /// So long after they entered it.
    after: Duration,
    /// Failed, or stopped by a person.
    status: Status,
    /// Whether the alarm handler hears of it.
    heard: bool,
    /// How many of them die.
    times: u64,
    /// Where those that follow fail; in the same state when None.
    then: Option<&'static str>,
}

impl Death {
    fn at(state: &str, after: Duration, status: Status) -> Self {
        Self {
            state: state.to_owned(),
            after,
            status,
            heard: true,
            times: 1,
            then: None,
        }
    }

    fn unheard(state: &str, after: Duration) -> Self {
        Self {
            heard: false,
            ..Self::at(state, after, Status::Aborted)
        }
    }

    fn strike(&self, region: &Region, arn: &str) {
        if !self.heard {
            // The first rule that fits a request strikes it.
            region.faults().clear();
            region
                .faults()
                .add(Rule::new(Fault::ServerError).on_function("lifeguard-AlarmHandler"));
            region
                .faults()
                .add(Rule::new(Fault::Slow(Duration::from_millis(100))));
        }
        match self.status {
            Status::Aborted => drop(region.states().stop(arn, Some("Operator"), None)),
            _ => region
                .states()
                .fail(arn, "States.Runtime", "an error that nothing catches")
                .unwrap(),
        }
    }
}

/// Plays, and lets executions die. False when the state was not entered; otherwise what is left is checked, still in the region's time.
fn dies(
    death: &Death,
    scenario: &Scenario,
    stage: Stage,
    check: impl AsyncFnOnce(&Played),
) -> bool {
    in_virtual_time(async {
        let died = Arc::new(AtomicU64::new(0));
        let counted = died.clone();
        let played = play_on(scenario, stage, 1, |region| {
            // So that a death may fall between a call's effect and its answer.
            region
                .faults()
                .add(Rule::new(Fault::Slow(Duration::from_millis(100))));
            let region = region.clone();
            let (states, death) = (region.states().clone(), death.clone());
            states.on_state_entered(Arc::new(move |arn, entered| {
                let before = counted.load(Ordering::SeqCst);
                let follows = death.then.filter(|_| before > 0);
                if entered != follows.unwrap_or(&death.state) || before >= death.times {
                    return;
                }
                counted.fetch_add(1, Ordering::SeqCst);
                if follows.is_some() {
                    return region
                        .states()
                        .fail(arn, "States.Runtime", "an error that nothing catches")
                        .unwrap();
                }
                let told = format!(
                    "lets the execution be {} {} ms after it entered {entered}",
                    death.status.name(),
                    death.after.as_millis()
                );
                region
                    .journal()
                    .tell(Actor::Operator, Some(APPLICATION), told);
                if death.after.is_zero() {
                    return death.strike(&region, arn);
                }
                let (region, death, arn) = (region.clone(), death.clone(), arn.to_owned());
                tokio::spawn(async move {
                    tokio::time::sleep(death.after).await;
                    death.strike(&region, &arn);
                });
            }));
        })
        .await
        .unwrap();
        let was_entered = died.load(Ordering::SeqCst) > 0;
        if was_entered {
            check(&played).await;
        }
        was_entered
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

/// A bad deployment, and nothing else.
fn bad_deployment() -> Scenario {
    Scenario {
        script: |world| {
            Box::pin(async move {
                world.pass(minutes(2)).await;
                world.deploy("orders-7.jar").await;
                rest(&world).await;
            })
        },
        ..ending("bad-deployment", |_| {})
    }
}

/// The same, and the service takes no rollback.
fn rollback_refused() -> Scenario {
    Scenario {
        script: |world| {
            Box::pin(async move {
                refuse_rollbacks(&world);
                world.pass(minutes(2)).await;
                world.deploy("orders-7.jar").await;
                rest(&world).await;
            })
        },
        ..ending("rollback-refused", |_| {})
    }
}

pub(crate) fn refuse_rollbacks(world: &World) {
    let refusal = ApiError::new(
        "InvalidRequestException",
        "The application cannot be rolled back in its current state",
    );
    world
        .region()
        .flink()
        .faults(APPLICATION, |faults| faults.refuse_rollback = Some(refusal));
}

/// Waits for the first execution, whatever becomes of it, and for its successor.
async fn rest(world: &World) {
    world.until_told(hours(5)).await;
    world.pass(minutes(1)).await;
    world.until_told(hours(5)).await;
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
            let death = Death::at(&state, after, Status::Aborted);
            visited += u32::from(dies(
                &death,
                &bad_deployment(),
                stage("bad-deployment"),
                async |played| {
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
                        .any(|(_, _, text)| text.contains(reason));
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
                },
            ));
        }
    }
    assert!(visited > 15, "{visited}");
}

#[test]
fn a_successor_that_dies_before_it_has_the_lease_is_succeeded_by_one_that_takes_it_from_the_first()
{
    for (status, ended) in [
        (Status::Failed, "recovered"),
        (Status::Aborted, "stoppedByPerson"),
    ] {
        let death = Death {
            times: 2,
            then: Some("ClaimLease"),
            ..Death::at("RecordIntent", Duration::ZERO, status)
        };
        assert!(dies(
            &death,
            &bad_deployment(),
            stage("bad-deployment"),
            async |Played { region, .. }| {
                let successors = successors(region);
                assert_eq!(successors.len(), 2, "{}", story(region));
                assert_eq!(because(&successors[1]), ended, "{}", story(region));
                assert!(
                    lease(region).await.is_none(),
                    "{ended}: the lease is still there"
                );
            }
        ));
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
            let death = Death::at(&state, after, Status::Failed);
            dies(
                &death,
                &bad_deployment(),
                stage("bad-deployment"),
                async |played| {
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
                },
            );
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
            let death = Death::at(state, after, Status::Failed);
            let was_entered = dies(
                &death,
                &rollback_refused(),
                stage("rollback-refused"),
                async |played| {
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
                },
            );
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

/// A person asks for a restore of the present version.
fn asked_restore() -> Scenario {
    Scenario {
        script: |world| {
            Box::pin(async move {
                world.pass(minutes(2)).await;
                world.ask(json!({ "applicationName": APPLICATION, "request": { "action": "restore" } })).await;
                rest(&world).await;
            })
        },
        ..ending("maintenance", |_| {})
    }
}

#[test]
fn a_persons_restore_that_fails_after_its_force_stop_needs_a_person_and_is_not_called_stopped_on_purpose()
 {
    let death = Death::at("AfterStep", Duration::ZERO, Status::Failed);
    assert!(dies(
        &death,
        &asked_restore(),
        stage("maintenance"),
        async |played| {
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
                    && last.contains("StopApplication (force)"),
                "{last}"
            );
            assert_eq!(effects(region), ["StopApplication"], "{}", story(region));
            assert_eq!(played.rehearsal.application.status, "READY");
            assert!(lease(region).await.is_none());
        }
    ));
}

#[test]
fn a_persons_restore_that_a_person_stops_is_left_alone_and_said_to_be_down() {
    let death = Death::at("AfterStep", Duration::ZERO, Status::Aborted);
    assert!(dies(
        &death,
        &asked_restore(),
        stage("maintenance"),
        async |played| {
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
        }
    ));
}

#[test]
fn a_request_that_failed_before_it_changed_anything_is_told_and_not_repeated() {
    let death = Death::at("Decide", Duration::ZERO, Status::Failed);
    assert!(dies(
        &death,
        &asked_restore(),
        stage("maintenance"),
        async |played| {
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
        }
    ));
}

#[test]
fn after_two_successors_that_died_too_no_other_is_started_and_people_have_been_told_of_each() {
    let death = Death {
        times: 99,
        ..Death::at("Look", Duration::ZERO, Status::Failed)
    };
    // No alarm rings: the first is started by hand, so all that follows are successors.
    let scenario = Scenario {
        script: |world| {
            Box::pin(async move {
                world.pass(minutes(2)).await;
                world.ask_to_look().await;
                world.pass(hours(1)).await;
            })
        },
        ..ending("maintenance", |_| {})
    };
    assert!(dies(
        &death,
        &scenario,
        stage("maintenance"),
        async |played| {
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
        }
    ));
}

#[test]
fn a_death_that_is_told_twice_has_one_successor() {
    in_virtual_time(async {
        let played = play_on(&bad_deployment(), stage("bad-deployment"), 1, |region| {
            duplicate(region);
            let states = region.states().clone();
            let died = AtomicU64::new(0);
            let stopping = states.clone();
            states.on_state_entered(Arc::new(move |arn, entered| {
                if entered == "RecordIntent" && died.fetch_add(1, Ordering::SeqCst) == 0 {
                    stopping
                        .fail(arn, "States.Runtime", "an error that nothing catches")
                        .unwrap();
                }
            }));
        })
        .await
        .unwrap();
        assert_eq!(
            successor(&played.region, "told twice").output.unwrap()["outcome"],
            "recovered"
        );
    });
}

/// Waits until the lease of the dead one has expired, then asks for another look.
async fn look_again_later(world: World) {
    world.until_told(hours(5)).await;
    world.pass(Duration::from_secs(3_600 + 601)).await;
    world.ask_to_look().await;
    world.until_told(hours(5)).await;
}

#[test]
fn a_rescue_whose_end_nobody_hears_of_is_brought_to_a_right_end_by_the_next_after_its_lease() {
    let scenario = Scenario {
        script: |world| {
            Box::pin(async move {
                world.pass(minutes(2)).await;
                world.deploy("orders-7.jar").await;
                look_again_later(world).await;
            })
        },
        ..ending("bad-deployment", |_| {})
    };
    let mut visited = Vec::new();
    for (state, takes_time) in states() {
        for after in AFTER
            .into_iter()
            .filter(|after| takes_time || after.is_zero())
        {
            let what = format!("stopped {} ms after {state}", after.as_millis());
            let stage = stage_where("bad-deployment", "DeadlineSecs", "3600");
            let was_entered = dies(
                &Death::unheard(&state, after),
                &scenario,
                stage,
                async |played| {
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
                },
            );
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
    let scenario = Scenario {
        script: |world| {
            Box::pin(async move {
                refuse_rollbacks(&world);
                world.pass(minutes(2)).await;
                world.deploy("orders-7.jar").await;
                look_again_later(world).await;
            })
        },
        ..ending("rollback-refused", |_| {})
    };
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
            let stage = stage_where("rollback-refused", "DeadlineSecs", "3600");
            let was_entered = dies(
                &Death::unheard(state, after),
                &scenario,
                stage,
                async |played| {
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
                },
            );
            assert!(was_entered, "{state}");
        }
    }
}

/// The ledger's row of an execution that died in the middle of a restore is all that says why the application is down.
#[test]
fn a_restore_whose_lease_ended_a_day_ago_is_still_finished() {
    let scenario = Scenario {
        script: |world| {
            Box::pin(async move {
                refuse_rollbacks(&world);
                world.pass(minutes(2)).await;
                world.deploy("orders-7.jar").await;
                world.until_told(hours(5)).await;
                world.pass(hours(26)).await;
                world.ask_to_look().await;
                world.until_told(hours(5)).await;
            })
        },
        ..ending("rollback-refused", |_| {})
    };
    for state in ["RestoreConfiguration", "StartFromSnapshot"] {
        let mut stage = stage_where("rollback-refused", "DeadlineSecs", "3600");
        // The right snapshot gets a day older meanwhile.
        let oldest = ("MaxSnapshotAgeSecs".to_owned(), "2592000".to_owned());
        stage.parameters.extend([oldest]);
        assert!(dies(
            &Death::unheard(state, Duration::ZERO),
            &scenario,
            stage,
            async |played| {
                let region = &played.region;
                let application = region.flink().application(APPLICATION).unwrap();
                assert_eq!(
                    (application.status.name(), application.code.as_str()),
                    ("RUNNING", "orders-6.jar"),
                    "{state}\n{}",
                    story(region)
                );
                assert_eq!(played.rehearsal.outcome, "recovered", "{}", story(region));
            }
        ));
    }
}

#[test]
fn what_a_person_had_asked_of_a_dead_execution_is_not_gone_on_with_unasked() {
    let scenario = Scenario {
        script: |world| {
            Box::pin(async move {
                world.pass(minutes(2)).await;
                world.ask(json!({ "applicationName": APPLICATION, "request": { "action": "forceStop" } })).await;
                look_again_later(world).await;
            })
        },
        ..ending("maintenance", |_| {})
    };
    let stage = stage_where("maintenance", "DeadlineSecs", "3600");
    assert!(dies(
        &Death::unheard("AfterStep", Duration::ZERO),
        &scenario,
        stage,
        async |played| {
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
        }
    ));
}

#[test]
fn a_rescue_that_a_person_took_over_from_a_dead_execution_is_not_gone_on_with() {
    let scenario = Scenario {
        script: |world| {
            Box::pin(async move {
                refuse_rollbacks(&world);
                world.pass(minutes(2)).await;
                world.deploy("orders-7.jar").await;
                world.until_told(hours(5)).await;
                world.deploy("orders-6.jar").await;
                world.start().await;
                look_again_later(world).await;
            })
        },
        ..ending("rollback-refused", |_| {})
    };
    let stage = stage_where("rollback-refused", "DeadlineSecs", "3600");
    assert!(dies(
        &Death::unheard("RestoreConfiguration", Duration::ZERO),
        &scenario,
        stage,
        async |played| {
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
        }
    ));
}

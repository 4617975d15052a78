//! Each changing step, failing in every way: the application ends right, and nothing is done twice. The same for every call of the state machine, and for a person who
//! stops an execution at any of its states.

use std::{
    collections::BTreeMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sandbox::{
    faults::{Fault, LambdaFault, Rule, When},
    journal::Actor,
    managed_flink::ApiError,
    region::Region,
    scenario::{APPLICATION, Ends, Played, Scenario, Stage, World, hours, minutes, play_on},
    states::Status,
};
use serde_json::{Value, json};

use crate::support::{
    assert_every_execution_told_once, assert_well, effects, ending, in_virtual_time, lease, named, outcomes, play_staged, stage, stage_where,
    stage_with, story, told,
};

/// A little longer than any state of the graph waits for a function.
const STATE_TIMEOUT: Duration = Duration::from_secs(95);

/// A step, where it is used, and how to strike it.
struct Strike {
    scenario: &'static str,
    verb: &'static str,
    function: &'static str,
    /// Which invocation of the function it is, when nothing fails.
    invocation: u64,
}

const ROLLBACK: Strike = Strike { scenario: "bad-deployment", verb: "RollbackApplication", function: "Rollback", invocation: 1 };
const FORCE_STOP: Strike = Strike { scenario: "rollback-refused", verb: "StopApplication", function: "ForceStopAndRestore", invocation: 1 };
const RESTORE: Strike = Strike { scenario: "rollback-refused", verb: "UpdateApplication", function: "ForceStopAndRestore", invocation: 2 };
const START: Strike = Strike { scenario: "rollback-refused", verb: "StartApplication", function: "ForceStopAndRestore", invocation: 3 };

/// Everything that can go wrong with a step, once or a few times.
fn troubles(strike: &Strike, role: &str) -> Vec<(String, Rule)> {
    let call = |fault: &Fault, when: When| Rule::new(fault.clone()).by(role).on("kinesisanalytics", strike.verb).when(when);
    let invoke = |fault: Fault, when: When| Rule::new(fault).on_function(strike.function).when(when);
    let mut troubles = Vec::new();
    for fault in [Fault::ServerError, Fault::Throttle, Fault::CutBefore, Fault::LoseAnswer, Fault::ServerErrorAfter] {
        // Once is repeated by the SDK, several times by the state machine.
        for times in [1, 4] {
            troubles.push((format!("{} {fault:?} x{times}", strike.verb), call(&fault, When::First(times))));
        }
        // The call of the function, before it runs or after.
        troubles.push((format!("{} invocation {fault:?}", strike.verb), invoke(fault, When::Nth(strike.invocation))));
    }
    for fault in [LambdaFault::CrashBefore, LambdaFault::CrashAfter, LambdaFault::RunTwice, LambdaFault::TimeOutBefore, LambdaFault::TimeOutAfter] {
        troubles.push((format!("{} {fault:?}", strike.verb), invoke(Fault::Lambda(fault), When::Nth(strike.invocation))));
    }
    troubles
}

/// Plays the step's scenario with each trouble. It must end as if nothing had gone wrong: the same changes, each once.
fn survives(strike: &Strike) {
    let role = in_virtual_time(async {
        let played = play_staged(named(strike.scenario), stage(strike.scenario), 1).await;
        played.region.role_of(if strike.function == "Rollback" { "rollback" } else { "force-stop-and-restore" }).unwrap().to_owned()
    });
    let function = in_virtual_time(async {
        let played = play_staged(named(strike.scenario), stage(strike.scenario), 1).await;
        played.region.stack().functions.get(strike.function).unwrap().name.clone()
    });
    let strike = Strike { function: function.leak(), ..*strike };
    for (what, rule) in troubles(&strike, &role) {
        in_virtual_time(async {
            let played = play_staged(named(strike.scenario), stage_with(strike.scenario, vec![rule]), 1).await;
            assert!(played.region.faults().struck() > 0, "{what}: nothing was struck");
            assert_well(&played, &what);
            assert_eq!(played.rehearsal.records.lost, 0, "{what}");
            assert!(lease(&played.region).await.is_none(), "{what}: the lease is still there");
        });
    }
}

#[test]
fn a_rollback_that_fails_in_any_way_is_done_once() {
    survives(&ROLLBACK);
}

#[test]
fn a_force_stop_that_fails_in_any_way_is_done_once() {
    survives(&FORCE_STOP);
}

#[test]
fn a_configuration_put_back_that_fails_in_any_way_is_put_back_once() {
    survives(&RESTORE);
}

#[test]
fn a_start_that_fails_in_any_way_is_done_once() {
    survives(&START);
}

/// Calls that the state machine makes itself in a rescue, and how often.
const OWN_CALLS: [(&str, &str, u64); 5] = [
    ("dynamodb", "GetItem", 1),
    // Lease, budget, intent, soaked version.
    ("dynamodb", "UpdateItem", 4),
    ("dynamodb", "DeleteItem", 1),
    ("events", "PutEvents", 1),
    ("sns", "Publish", 1),
];

#[test]
fn each_call_of_the_state_machine_may_fail_once_and_nothing_is_different() {
    for (service, action, times) in OWN_CALLS {
        for nth in 1..=times {
            for fault in [Fault::ServerError, Fault::Throttle, Fault::CutBefore, Fault::LoseAnswer, Fault::ServerErrorAfter] {
                let what = format!("{action} {nth} {fault:?}");
                let published_twice = action == "PutEvents" && matches!(fault, Fault::LoseAnswer | Fault::ServerErrorAfter);
                in_virtual_time(async {
                    let rules = vec![Rule::new(fault).on(service, action).when(When::Nth(nth))];
                    let played = play_staged(named("bad-deployment"), stage_with("bad-deployment", rules), 1).await;
                    assert!(played.region.faults().struck() > 0, "{what}: nothing was struck");
                    assert!(played.rehearsal.is_as_it_should_be(), "{what}: {:#?}\n{}", played.rehearsal.complaints, story(&played.region));
                    if published_twice {
                        // EventBridge delivers at least once; a repeat says the same, which the execution in it shows.
                        assert!(same(&outcomes(&played.region)), "{what}");
                    } else {
                        assert_every_execution_told_once(&played.region, &what);
                    }
                    assert!(lease(&played.region).await.is_none(), "{what}: the lease is still there");
                });
            }
        }
    }
}

/// Whether all outcomes of one execution are the same.
fn same(outcomes: &[(String, Value)]) -> bool {
    let mut by_execution: BTreeMap<&str, &Value> = BTreeMap::new();
    outcomes.iter().all(|(execution, detail)| *by_execution.entry(execution).or_insert(detail) == detail)
}

#[test]
fn each_call_of_the_state_machine_may_fail_for_ever_and_the_execution_ends_with_its_outcome() {
    let recovered = |_: &mut Ends| {};
    let untouched = |because: &'static str| {
        move |ends: &mut Ends| (ends.outcome, ends.changes, ends.code, ends.because) = ("escalated", &[], "orders-7.jar", because)
    };
    type Ending = Box<dyn Fn(&mut Ends)>;
    // From which occurrence on.
    let cases: [(&str, &str, u64, Ending); 8] = [
        ("dynamodb", "UpdateItem", 1, Box::new(untouched("the lease could not be claimed"))),
        ("dynamodb", "UpdateItem", 2, Box::new(untouched("DynamoDB."))),
        ("dynamodb", "UpdateItem", 3, Box::new(untouched("DynamoDB."))),
        ("dynamodb", "UpdateItem", 4, Box::new(recovered)),
        ("dynamodb", "GetItem", 1, Box::new(untouched("the ledger could not be read"))),
        ("dynamodb", "DeleteItem", 1, Box::new(recovered)),
        ("events", "PutEvents", 1, Box::new(recovered)),
        ("sns", "Publish", 1, Box::new(recovered)),
    ];
    for (service, action, from, ends) in cases {
        for fault in [Fault::ServerError, Fault::Throttle, Fault::CutBefore, Fault::LoseAnswer] {
            let what = format!("{action} {fault:?} for ever from {from} on");
            // Written each time, though nobody hears of it.
            let heard = action != "PutEvents" || matches!(fault, Fault::LoseAnswer);
            in_virtual_time(async {
                let rules = vec![Rule::new(fault.clone()).on(service, action).when(When::EveryKth { k: 1, from })];
                let scenario = ending("bad-deployment", &ends);
                let played = play_staged(&scenario, stage_with("bad-deployment", rules), 1).await;
                let region = &played.region;
                assert!(played.rehearsal.is_as_it_should_be(), "{what}: {:#?}\n{}", played.rehearsal.complaints, story(region));
                match (action, heard) {
                    ("PutEvents", true) => assert!(same(&outcomes(region)), "{what}"),
                    ("PutEvents", false) => assert!(outcomes(region).is_empty() && told(region).iter().any(|(_, _, text)| text.contains("Outcome:"))),
                    _ => assert_every_execution_told_once(region, &what),
                }
                assert_eq!(region.states().running(), 0, "{what}");
                assert_lease_ends(region, &what).await;
            });
        }
    }
}

/// L3: no lease, or one that ends by itself soon after the deadline of the execution that took it.
async fn assert_lease_ends(region: &Region, what: &str) {
    if let Some(lease) = lease(region).await {
        let expires: i64 = lease["expiresAt"]["N"].as_str().and_then(|text| text.parse().ok()).unwrap();
        let first = region.states().executions()[0].started.as_second();
        assert!(expires <= first + 14_400 + 600 + 7_200, "{what}: {lease}");
    }
}

#[test]
fn each_function_may_fail_for_ever_and_the_execution_ends_with_its_outcome_before_its_deadline() {
    for package in ["subtask-verifier", "remediation-planner", "rollback", "force-stop-and-restore"] {
        for fault in [Fault::ServerError, Fault::LoseAnswer, Fault::Slow(STATE_TIMEOUT), Fault::Lambda(LambdaFault::CrashAfter)] {
            let what = format!("{package}: {fault:?} for ever");
            let name = if package == "force-stop-and-restore" { "rollback-refused" } else { "bad-deployment" };
            in_virtual_time(async {
                let played = play_on(named(name), stage_where(name, "DeadlineSecs", "3600"), 1, |region| {
                    let function = region.stack().functions.values().find(|function| function.package == package).unwrap();
                    region.faults().add(Rule::new(fault).on_function(&function.name));
                })
                .await
                .unwrap();
                let region = &played.region;
                assert_eq!(region.states().running(), 0, "{what}\n{}", story(region));
                assert_every_execution_told_once(region, &what);
                assert_eq!(region.flink().records(APPLICATION).lost, 0, "{what}");
                let mut once = effects(region);
                once.sort();
                once.dedup();
                assert_eq!(once.len(), effects(region).len(), "{what}: {:?}\n{}", effects(region), story(region));
                let application = region.flink().application(APPLICATION).unwrap();
                let runs_well = application.status.name() == "RUNNING" && application.code == "orders-6.jar" && application.healthy;
                assert!(runs_well || played.rehearsal.outcome == "escalated", "{what}: {}\n{}", played.rehearsal.outcome, story(region));
                for execution in region.states().executions() {
                    let took = execution.stopped.unwrap().duration_since(execution.started).as_secs();
                    // The last turn may have begun just before it.
                    assert!(took <= 3_600 + 1_200, "{what}: {took} s");
                }
                assert!(lease(region).await.is_none(), "{what}: the lease is still there");
            });
        }
    }
}

/// All states of the graph, and whether time passes in them.
fn states() -> Vec<(String, bool)> {
    let text = include_str!("../../../../infra/statemachines/remediate.asl.json");
    let graph: Value = serde_json::from_str(text).expect("the graph is JSON");
    let takes_time = |state: &Value| state["Type"] == "Task" || state["Type"] == "Wait";
    graph["States"].as_object().unwrap().iter().map(|(name, state)| (name.clone(), takes_time(state))).collect()
}

/// How long after a state is entered a person stops the execution.
const AFTER: [Duration; 2] = [Duration::ZERO, Duration::from_millis(40)];

/// Plays, and stops the first execution at its first stay in a state. False when that state was not entered; otherwise what is left is checked, still in the region's time.
fn stopped_at(state: &str, after: Duration, scenario: &Scenario, stage: Stage, check: impl FnOnce(&Played)) -> bool {
    in_virtual_time(async {
        let stopped = Arc::new(AtomicBool::new(false));
        let (seen, state) = (stopped.clone(), state.to_owned());
        let played = play_on(scenario, stage, 1, |region| {
            // So that a stop may fall between a call's effect and its answer.
            region.faults().add(Rule::new(Fault::Slow(Duration::from_millis(100))));
            let region = region.clone();
            let states = region.states().clone();
            states.on_state_entered(Arc::new(move |arn, entered| {
                if entered == state && !seen.swap(true, Ordering::SeqCst) {
                    region.journal().tell(
                        Actor::Operator,
                        Some(APPLICATION),
                        format!("stops the execution {} ms after it entered {entered}", after.as_millis()),
                    );
                    let (region, arn) = (region.clone(), arn.to_owned());
                    let stop = move || drop(region.states().stop(&arn, Some("Operator"), None));
                    if after.is_zero() {
                        stop();
                    } else {
                        tokio::spawn(async move {
                            tokio::time::sleep(after).await;
                            stop();
                        });
                    }
                }
            }));
        })
        .await
        .unwrap();
        let was_entered = stopped.load(Ordering::SeqCst);
        if was_entered {
            check(&played);
        }
        was_entered
    })
}

/// Waits for what the stopped execution leaves, then asks for another look.
async fn look_again_later(world: World) {
    world.until_told(hours(5)).await;
    world.pass(Duration::from_secs(3_600 + 601)).await;
    world.ask_to_look().await;
    world.until_told(hours(5)).await;
}

#[test]
fn a_rescue_stopped_by_a_person_at_any_state_is_brought_to_a_right_end_by_the_next() {
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
        for after in AFTER.into_iter().filter(|after| takes_time || after.is_zero()) {
            let what = format!("stopped {} ms after {state}", after.as_millis());
            let stage = stage_where("bad-deployment", "DeadlineSecs", "3600");
            let was_entered = stopped_at(&state, after, &scenario, stage, |played| {
                let region = &played.region;
                let application = region.flink().application(APPLICATION).unwrap();
                assert_eq!((application.status.name(), application.code.as_str()), ("RUNNING", "orders-6.jar"), "{what}\n{}", story(region));
                assert!(application.healthy, "{what}\n{}", story(region));
                assert_eq!(effects(region), ["RollbackApplication"], "{what}\n{}", story(region));
                assert_eq!(region.flink().records(APPLICATION).lost, 0, "{what}");
                let last = region.states().executions().pop().unwrap();
                assert_eq!(last.status, Status::Succeeded, "{what}\n{}", story(region));
                assert_ne!(last.output.unwrap()["outcome"], "escalated", "{what}\n{}", story(region));
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
        assert!(visited.iter().any(|name| name == state), "{state} was not visited");
    }
}

#[test]
fn a_restore_stopped_by_a_person_at_any_of_its_steps_is_finished_by_the_next() {
    let scenario = Scenario {
        script: |world| {
            Box::pin(async move {
                let refusal = ApiError::new("InvalidRequestException", "The application cannot be rolled back in its current state");
                world.region().flink().faults(APPLICATION, |faults| faults.refuse_rollback = Some(refusal));
                world.pass(minutes(2)).await;
                world.deploy("orders-7.jar").await;
                look_again_later(world).await;
            })
        },
        ..ending("rollback-refused", |_| {})
    };
    for state in ["RollBack", "ForceStop", "RestoreConfiguration", "StartFromSnapshot", "AfterStep", "RecordIntent"] {
        for after in AFTER {
            let what = format!("stopped {} ms after {state}", after.as_millis());
            let stage = stage_where("rollback-refused", "DeadlineSecs", "3600");
            let was_entered = stopped_at(state, after, &scenario, stage, |played| {
                let region = &played.region;
                let application = region.flink().application(APPLICATION).unwrap();
                let effects = effects(region);
                assert_eq!(effects, ["StopApplication", "UpdateApplication", "StartApplication"], "{what}\n{}", story(region));
                assert_eq!(region.flink().records(APPLICATION).lost, 0, "{what}");
                let last = region.states().executions().pop().unwrap();
                assert_eq!(last.status, Status::Succeeded, "{what}\n{}", story(region));
                assert_eq!(last.output.unwrap()["outcome"], "recovered", "{what}\n{}", story(region));
                assert_eq!((application.status.name(), application.code.as_str()), ("RUNNING", "orders-6.jar"), "{what}\n{}", story(region));
                assert!(application.healthy, "{what}\n{}", story(region));
            });
            assert!(was_entered, "{state}");
        }
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
    assert!(stopped_at("AfterStep", Duration::ZERO, &scenario, stage, |played| {
        assert_eq!(effects(&played.region), ["StopApplication"], "{}", story(&played.region));
        assert_eq!((played.rehearsal.outcome.as_str(), played.rehearsal.application.status.as_str()), ("leftAlone", "READY"));
    }));
}

#[test]
fn a_rescue_that_a_person_took_over_from_a_dead_execution_is_not_gone_on_with() {
    let scenario = Scenario {
        script: |world| {
            Box::pin(async move {
                let refusal = ApiError::new("InvalidRequestException", "The application cannot be rolled back in its current state");
                world.region().flink().faults(APPLICATION, |faults| faults.refuse_rollback = Some(refusal));
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
    assert!(stopped_at("RestoreConfiguration", Duration::ZERO, &scenario, stage, |played| {
        assert_eq!(effects(&played.region), ["StopApplication"], "{}", story(&played.region));
        assert_eq!(played.rehearsal.outcome, "leftAlone", "{}", story(&played.region));
        assert!(played.region.flink().application(APPLICATION).unwrap().healthy);
    }));
}

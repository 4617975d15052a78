//! Each changing step, failing in every way: the application ends right, and nothing is done twice. The same for every call of the state machine.

use std::{collections::BTreeMap, time::Duration};

use sandbox::{
    faults::{Fault, LambdaFault, Rule, When},
    region::Region,
    scenario::{APPLICATION, Ends},
};
use serde_json::Value;

use crate::support::{
    assert_every_execution_told_once, assert_well, effects, ending, ends_untouched,
    in_virtual_time, lease, named, outcomes, play_on, play_staged, stage, stage_where, stage_with,
    story, told,
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

const ROLLBACK: Strike = Strike {
    scenario: "bad-deployment",
    verb: "RollbackApplication",
    function: "Rollback",
    invocation: 1,
};
const FORCE_STOP: Strike = Strike {
    scenario: "rollback-refused",
    verb: "StopApplication",
    function: "ForceStopAndRestore",
    invocation: 1,
};
const RESTORE: Strike = Strike {
    scenario: "rollback-refused",
    verb: "UpdateApplication",
    function: "ForceStopAndRestore",
    invocation: 2,
};
const START: Strike = Strike {
    scenario: "rollback-refused",
    verb: "StartApplication",
    function: "ForceStopAndRestore",
    invocation: 3,
};

/// Everything that can go wrong with a step, once or a few times.
fn troubles(strike: &Strike, role: &str) -> Vec<(String, Rule)> {
    let call = |fault: &Fault, when: When| {
        Rule::new(fault.clone())
            .by(role)
            .on("kinesisanalytics", strike.verb)
            .when(when)
    };
    let invoke =
        |fault: Fault, when: When| Rule::new(fault).on_function(strike.function).when(when);
    let mut troubles = Vec::new();
    for fault in [
        Fault::ServerError,
        Fault::Throttle,
        Fault::CutBefore,
        Fault::LoseAnswer,
        Fault::ServerErrorAfter,
    ] {
        // Once is repeated by the SDK, several times by the state machine.
        for times in [1, 4] {
            troubles.push((
                format!("{} {fault:?} x{times}", strike.verb),
                call(&fault, When::First(times)),
            ));
        }
        // The call of the function, before it runs or after.
        troubles.push((
            format!("{} invocation {fault:?}", strike.verb),
            invoke(fault, When::Nth(strike.invocation)),
        ));
    }
    for fault in [
        LambdaFault::CrashBefore,
        LambdaFault::CrashAfter,
        LambdaFault::RunTwice,
        LambdaFault::TimeOutBefore,
        LambdaFault::TimeOutAfter,
    ] {
        troubles.push((
            format!("{} {fault:?}", strike.verb),
            invoke(Fault::Lambda(fault), When::Nth(strike.invocation)),
        ));
    }
    troubles
}

/// Plays the step's scenario with each trouble. It must end as if nothing had gone wrong: the same changes, each once.
fn survives(strike: &Strike) {
    let role = in_virtual_time(async {
        let played = play_staged(named(strike.scenario), stage(strike.scenario), 1).await;
        played
            .region
            .role_of(if strike.function == "Rollback" {
                "rollback"
            } else {
                "force-stop-and-restore"
            })
            .unwrap()
            .to_owned()
    });
    let function = in_virtual_time(async {
        let played = play_staged(named(strike.scenario), stage(strike.scenario), 1).await;
        played
            .region
            .stack()
            .functions
            .get(strike.function)
            .unwrap()
            .name
            .clone()
    });
    let strike = Strike {
        function: function.leak(),
        ..*strike
    };
    for (what, rule) in troubles(&strike, &role) {
        in_virtual_time(async {
            let played = play_staged(
                named(strike.scenario),
                stage_with(strike.scenario, vec![rule]),
                1,
            )
            .await;
            assert!(
                played.region.faults().struck() > 0,
                "{what}: nothing was struck"
            );
            assert_well(&played, &what);
            assert_eq!(played.rehearsal.records.lost, 0, "{what}");
            assert!(
                lease(&played.region).await.is_none(),
                "{what}: the lease is still there"
            );
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
            for fault in [
                Fault::ServerError,
                Fault::Throttle,
                Fault::CutBefore,
                Fault::LoseAnswer,
                Fault::ServerErrorAfter,
            ] {
                let what = format!("{action} {nth} {fault:?}");
                let published_twice = action == "PutEvents"
                    && matches!(fault, Fault::LoseAnswer | Fault::ServerErrorAfter);
                in_virtual_time(async {
                    let rules = vec![Rule::new(fault).on(service, action).when(When::Nth(nth))];
                    let played = play_staged(
                        named("bad-deployment"),
                        stage_with("bad-deployment", rules),
                        1,
                    )
                    .await;
                    assert!(
                        played.region.faults().struck() > 0,
                        "{what}: nothing was struck"
                    );
                    assert!(
                        played.rehearsal.is_as_it_should_be(),
                        "{what}: {:#?}\n{}",
                        played.rehearsal.complaints,
                        story(&played.region)
                    );
                    if published_twice {
                        // EventBridge delivers at least once; a repeat says the same, which the execution in it shows.
                        assert!(same(&outcomes(&played.region)), "{what}");
                    } else {
                        assert_every_execution_told_once(&played.region, &what);
                    }
                    assert!(
                        lease(&played.region).await.is_none(),
                        "{what}: the lease is still there"
                    );
                });
            }
        }
    }
}

/// Whether all outcomes of one execution are the same.
fn same(outcomes: &[(String, Value)]) -> bool {
    let mut by_execution: BTreeMap<&str, &Value> = BTreeMap::new();
    outcomes
        .iter()
        .all(|(execution, detail)| *by_execution.entry(execution).or_insert(detail) == detail)
}

#[test]
fn each_call_of_the_state_machine_may_fail_for_ever_and_the_execution_ends_with_its_outcome() {
    let recovered = |_: &mut Ends| {};
    let untouched =
        |because: &'static str| move |ends: &mut Ends| ends_untouched(ends, "escalated", because);
    type Ending = Box<dyn Fn(&mut Ends)>;
    // From which occurrence on.
    let cases: [(&str, &str, u64, Ending); 8] = [
        (
            "dynamodb",
            "UpdateItem",
            1,
            Box::new(untouched("the lease could not be claimed")),
        ),
        (
            "dynamodb",
            "UpdateItem",
            2,
            Box::new(untouched("DynamoDB.")),
        ),
        (
            "dynamodb",
            "UpdateItem",
            3,
            Box::new(untouched("DynamoDB.")),
        ),
        ("dynamodb", "UpdateItem", 4, Box::new(recovered)),
        (
            "dynamodb",
            "GetItem",
            1,
            Box::new(untouched("the ledger could not be read")),
        ),
        ("dynamodb", "DeleteItem", 1, Box::new(recovered)),
        ("events", "PutEvents", 1, Box::new(recovered)),
        ("sns", "Publish", 1, Box::new(recovered)),
    ];
    for (service, action, from, ends) in cases {
        for fault in [
            Fault::ServerError,
            Fault::Throttle,
            Fault::CutBefore,
            Fault::LoseAnswer,
        ] {
            let what = format!("{action} {fault:?} for ever from {from} on");
            // Written each time, though nobody hears of it.
            let heard = action != "PutEvents" || matches!(fault, Fault::LoseAnswer);
            in_virtual_time(async {
                let rules = vec![
                    Rule::new(fault.clone())
                        .on(service, action)
                        .when(When::EveryKth { k: 1, from }),
                ];
                let scenario = ending("bad-deployment", &ends);
                let played = play_staged(&scenario, stage_with("bad-deployment", rules), 1).await;
                let region = &played.region;
                assert!(
                    played.rehearsal.is_as_it_should_be(),
                    "{what}: {:#?}\n{}",
                    played.rehearsal.complaints,
                    story(region)
                );
                match (action, heard) {
                    ("PutEvents", true) => assert!(same(&outcomes(region)), "{what}"),
                    ("PutEvents", false) => assert!(
                        outcomes(region).is_empty()
                            && told(region)
                                .iter()
                                .any(|(_, _, text)| text.contains("\nPOLICY "))
                    ),
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
        let expires: i64 = lease["expiresAt"]["N"]
            .as_str()
            .and_then(|text| text.parse().ok())
            .unwrap();
        let first = region.states().executions()[0].started.as_second();
        assert!(expires <= first + 14_400 + 600 + 7_200, "{what}: {lease}");
    }
}

#[test]
fn each_function_may_fail_for_ever_and_the_execution_ends_with_its_outcome_before_its_deadline() {
    for package in [
        "subtask-verifier",
        "remediation-planner",
        "rollback",
        "force-stop-and-restore",
    ] {
        for fault in [
            Fault::ServerError,
            Fault::LoseAnswer,
            Fault::Slow(STATE_TIMEOUT),
            Fault::Lambda(LambdaFault::CrashAfter),
        ] {
            let what = format!("{package}: {fault:?} for ever");
            let name = if package == "force-stop-and-restore" {
                "rollback-refused"
            } else {
                "bad-deployment"
            };
            in_virtual_time(async {
                let played = play_on(
                    named(name),
                    stage_where(name, "DeadlineSecs", "3600"),
                    1,
                    |region| {
                        let function = region
                            .stack()
                            .functions
                            .values()
                            .find(|function| function.package == package)
                            .unwrap();
                        region
                            .faults()
                            .add(Rule::new(fault).on_function(&function.name));
                    },
                )
                .await
                .unwrap();
                let region = &played.region;
                assert_eq!(region.states().running(), 0, "{what}\n{}", story(region));
                assert_every_execution_told_once(region, &what);
                assert_eq!(region.flink().records(APPLICATION).lost, 0, "{what}");
                let mut once = effects(region);
                once.sort();
                once.dedup();
                assert_eq!(
                    once.len(),
                    effects(region).len(),
                    "{what}: {:?}\n{}",
                    effects(region),
                    story(region)
                );
                let application = region.flink().application(APPLICATION).unwrap();
                let runs_well = application.status.name() == "RUNNING"
                    && application.code == "orders-6.jar"
                    && application.healthy;
                assert!(
                    runs_well || played.rehearsal.outcome == "escalated",
                    "{what}: {}\n{}",
                    played.rehearsal.outcome,
                    story(region)
                );
                for execution in region.states().executions() {
                    let took = execution
                        .stopped
                        .unwrap()
                        .duration_since(execution.started)
                        .as_secs();
                    // The last turn may have begun just before it.
                    assert!(took <= 3_600 + 1_200, "{what}: {took} s");
                }
                assert!(
                    lease(region).await.is_none(),
                    "{what}: the lease is still there"
                );
            });
        }
    }
}

#[test]
fn a_permission_that_is_missing_is_told_within_a_minute_and_not_tried_for_many() {
    // What the execution needs before it may change anything, and what it says without it.
    for (action, because) in [
        ("UpdateItem", "leaseUnavailable"),
        ("GetItem", "ledgerUnreadable"),
    ] {
        for (code, status) in [
            ("AccessDeniedException", 400),
            ("ValidationException", 400),
            ("ResourceNotFoundException", 400),
        ] {
            let what = format!("{action} {code}");
            let message = "User is not authorized to perform this".to_owned();
            let rules = vec![
                Rule::new(Fault::Refuse {
                    status,
                    code: code.to_owned(),
                    message,
                })
                .on("dynamodb", action),
            ];
            in_virtual_time(async {
                let played = play_staged(
                    named("bad-deployment"),
                    stage_with("bad-deployment", rules),
                    1,
                )
                .await;
                let region = &played.region;
                let first = region.states().executions().remove(0);
                assert_eq!(
                    first
                        .output
                        .as_ref()
                        .map(|output| output["because"].clone()),
                    Some(because.into()),
                    "{what}\n{}",
                    story(region)
                );
                let took = first
                    .stopped
                    .unwrap()
                    .duration_since(first.started)
                    .as_secs();
                assert!(took < 60, "{what}: {took} s\n{}", story(region));
            });
        }
    }
}

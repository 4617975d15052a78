//! The stop switch, thrown while an execution is in each of its states: nothing is sent any more, people are told once and truly, and when it is lifted the next execution
//! brings the application to its right end.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use sandbox::{
    connector::Router,
    journal::Call,
    region::{Region, SNAPSHOT_CHECK},
    scenario::{APPLICATION, Played, Script, Stage},
    states::Status,
    wire,
};
use serde_json::{Value, json};

use crate::support::{
    OPERATOR, attempts, effects, ending, in_virtual_time, lease, outcomes, play_on, stage, steps,
    story, told,
};

/// A change that was read to be allowed is sent within this time: two writes to the ledger and one function.
const TURN_SECS: i64 = 60;

/// What is tried: the script up to the first outcome, and what a person does when the switch is lifted.
struct Case {
    scenario: Script,
    stage: &'static str,
}

fn plain() -> Value {
    json!({ "applicationName": APPLICATION })
}

fn restore() -> Value {
    json!({ "applicationName": APPLICATION, "request": { "action": "restore" } })
}

fn bad_deployment() -> Case {
    Case {
        stage: "bad-deployment",
        scenario: Script {
            happens: steps(
                &json!([{ "when": { "then": "2 min" }, "do": { "deploy": { "code": "orders-7.jar" } } }, { "when": { "once": { "reported": "all" } } }, { "when": { "then": "10 min" }, "do": "liftStopSwitch" }, { "do": { "ask": { "input": plain() } } }, { "when": { "once": { "reported": "all" } } }]),
            ),
            ..ending("bad-deployment", |_| {})
        },
    }
}

/// The service takes no rollback, so that each of the other steps is come to.
fn rollback_refused() -> Case {
    Case {
        stage: "rollback-refused",
        scenario: Script {
            happens: steps(
                &json!([{ "do": "refuseRollback" }, { "when": { "then": "2 min" }, "do": { "deploy": { "code": "orders-7.jar" } } }, { "when": { "once": { "reported": "all" } } }, { "when": { "then": "10 min" }, "do": "liftStopSwitch" }, { "do": { "ask": { "input": plain() } } }, { "when": { "once": { "reported": "all" } } }]),
            ),
            ..ending("rollback-refused", |_| {})
        },
    }
}

fn asked_restore() -> Case {
    Case {
        stage: "maintenance",
        scenario: Script {
            happens: steps(
                &json!([{ "when": { "then": "2 min" }, "do": { "ask": { "input": restore() } } }, { "when": { "once": { "reported": "all" } } }, { "when": { "then": "10 min" }, "do": "liftStopSwitch" }, { "do": { "ask": { "input": restore() } } }, { "when": { "once": { "reported": "all" } } }]),
            ),
            ..ending("maintenance", |_| {})
        },
    }
}

/// All states of the graph.
fn states() -> Vec<String> {
    let text = include_str!("../../../../infra/statemachines/remediate.asl.json");
    let graph: Value = serde_json::from_str(text).expect("the graph is JSON");
    graph["States"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect()
}

/// Plays, and throws the switch so long after the first execution enters a state. None when it does not; otherwise when it was thrown.
async fn thrown_at(
    case: &Case,
    state: &str,
    after: Duration,
    stage: Stage,
) -> Option<(Timestamp, Played)> {
    let later = format!("{} ms", after.as_millis());
    let mut scenario = case.scenario.clone();
    scenario.happens.extend(steps(&json!([{
        "when": { "state": { "name": state, "later": later } },
        "do": { "throwStopSwitch": { "by": "mia", "why": "the region is in trouble" } },
    }])));
    let played = play_on(&scenario, stage, 1, |_| {}).await.unwrap();
    let is_throw = |call: &&Call| call.caller == OPERATOR && call.action == "PutItem";
    let calls = played.region.journal().calls();
    let at = calls.iter().find(is_throw).map(|call| call.at);
    at.map(|at| (at, played))
}

fn lifted_at(region: &Region) -> Timestamp {
    let is_lift = |call: &&Call| call.caller == OPERATOR && call.action == "DeleteItem";
    let calls = region.journal().calls();
    calls.iter().find(is_lift).expect("it was lifted").at
}

/// What holds wherever it was thrown. Answers whether it ended the first execution.
fn assert_stopped(thrown: Timestamp, region: &Region, what: &str) -> bool {
    let lifted = lifted_at(region);
    let late: Vec<Call> = attempts(region)
        .into_iter()
        .filter(|call| call.at.as_second() > thrown.as_second() + TURN_SECS && call.at < lifted)
        .collect();
    assert!(late.is_empty(), "{what}: {late:?}\n{}", story(region));
    for execution in region.states().executions() {
        assert_eq!(
            execution.status,
            Status::Succeeded,
            "{what}\n{}",
            story(region)
        );
        let told = outcomes(region)
            .iter()
            .filter(|(of, _)| *of == execution.arn)
            .count();
        assert_eq!(told, 1, "{what}: S5\n{}", story(region));
    }
    let (_, first) = outcomes(region).remove(0);
    if first["because"] != "stopSwitch" {
        return false;
    }
    assert_eq!(first["outcome"], "escalated", "{what}");
    let sent = attempts(region)
        .iter()
        .filter(|call| call.at < lifted)
        .count();
    assert_eq!(
        first["steps"].as_array().unwrap().len(),
        sent,
        "{what}: a step that was not sent is told, or one that was is not: {first}\n{}",
        story(region)
    );
    let reports: Vec<(Timestamp, String, String)> = told(region)
        .into_iter()
        .filter(|(_, _, text)| text.contains("stop switch is on"))
        .collect();
    let [(_, subject, text)] = &reports[..] else {
        panic!("{what}: told {} times\n{}", reports.len(), story(region));
    };
    for part in [
        "thrown by mia",
        "the region is in trouble",
        "Otherwise Lifeguard would now have",
        r#"delete-item --table-name "#,
        r#"--key '{"pk":{"S":"*"},"sk":{"S":"stop"}}'"#,
        "start-execution --state-machine-arn arn:aws:states:us-east-1:123456789012:stateMachine:",
        r#""applicationName":"orders""#,
    ] {
        assert!(text.contains(part), "{what}: {part:?} is missing in {text}");
    }
    let is_down = first["application"]["status"] == "READY";
    assert_eq!(first["isDown"], is_down, "{what}: {first}");
    assert_eq!(subject.contains("IS DOWN"), is_down, "{what}: {subject}");
    true
}

/// Throws it at every state, and answers at how many it was entered and how often it ended an execution, with the application down or not.
fn at_every_state(
    case: &Case,
    with: impl Fn() -> Stage,
    check: impl Fn(&Played, &str),
) -> (Vec<String>, u32) {
    let (mut entered, mut ended) = (Vec::new(), 0);
    for state in states() {
        for after in [Duration::ZERO, Duration::from_millis(40)] {
            let what = format!(
                "{}: thrown {} ms after {state}",
                case.stage,
                after.as_millis()
            );
            in_virtual_time(async {
                let Some((at, played)) = thrown_at(case, &state, after, with()).await else {
                    return;
                };
                entered.push(state.clone());
                ended += u32::from(assert_stopped(at, &played.region, &what));
                check(&played, &what);
                assert!(
                    lease(&played.region).await.is_none(),
                    "{what}: the lease is still there"
                );
            });
        }
    }
    entered.dedup();
    (entered, ended)
}

fn assert_runs_well(played: &Played, what: &str) {
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
fn thrown_at_any_state_of_a_rescue_it_stops_the_rescue_and_lifted_lets_it_go_on() {
    let case = bad_deployment();
    let (entered, ended) = at_every_state(
        &case,
        || stage(case.stage),
        |played, what| {
            assert_runs_well(played, what);
            assert_eq!(effects(&played.region), ["RollbackApplication"], "{what}");
        },
    );
    for state in [
        "ClaimLease",
        "Look",
        "Decide",
        "ReadSwitch",
        "MayChange",
        "RecordIntent",
        "RollBack",
    ] {
        assert!(entered.iter().any(|name| name == state), "{state}");
    }
    assert!(ended > 5, "{ended}");
}

#[test]
fn thrown_at_any_state_of_a_restore_it_says_that_the_application_is_down_and_lifted_lets_it_go_on()
{
    let case = rollback_refused();
    let (entered, ended) = at_every_state(
        &case,
        || stage(case.stage),
        |played, what| {
            assert_runs_well(played, what);
            assert_eq!(
                effects(&played.region),
                ["StopApplication", "UpdateApplication", "StartApplication"],
                "{what}"
            );
        },
    );
    for state in [
        "RollBack",
        "ForceStop",
        "RestoreConfiguration",
        "StartFromSnapshot",
        "AfterStep",
    ] {
        assert!(entered.iter().any(|name| name == state), "{state}");
    }
    assert!(ended > 5, "{ended}");
}

#[test]
fn what_a_person_asked_for_is_stopped_too_and_done_when_it_is_asked_again() {
    let case = asked_restore();
    let (_, ended) = at_every_state(&case, || stage(case.stage), assert_runs_well);
    assert!(ended > 3, "{ended}");
}

/// From now on the switch, and nothing else of the ledger, cannot be read, so many times.
fn unreadable_switch(region: &Region, times: u32) {
    let left = Arc::new(Mutex::new(times));
    region.router().wrap(|before: Router| {
        move |mut request: wire::Request| {
            let (before, left) = (before.clone(), left.clone());
            let body = String::from_utf8_lossy(request.body()).into_owned();
            let is_read = body.contains(r#""sk":{"S":"stop"}"#) && body.contains("ConsistentRead");
            if is_read && *left.lock().unwrap() > 0 {
                *left.lock().unwrap() -= 1;
                let elsewhere = body.replace(r#""TableName":""#, r#""TableName":"not-"#);
                *request.body_mut() = elsewhere.into();
            }
            Box::pin(async move { before.send(request).await })
        }
    });
}

#[test]
fn a_switch_that_cannot_be_read_is_waited_for_and_then_people_are_told() {
    // Three tries a turn, six turns.
    for (times, because, changes) in [
        (0, "recovered", 1),
        (1, "recovered", 1),
        (17, "recovered", 1),
        (1_000, "stopSwitchUnreadable", 0),
    ] {
        in_virtual_time(async {
            let scenario = Script {
                happens: steps(
                    &json!([{ "when": { "then": "2 min" }, "do": { "deploy": { "code": "orders-7.jar" } } }, { "when": { "once": { "reported": "all", "within": "5 h" } } }]),
                ),
                ..ending("bad-deployment", |_| {})
            };
            let played = play_on(&scenario, stage("bad-deployment"), 1, |region| {
                unreadable_switch(region, times);
            })
            .await
            .unwrap();
            let region = &played.region;
            let (_, told) = outcomes(region).remove(0);
            assert_eq!(
                told["because"],
                because,
                "{times}: {told}\n{}",
                story(region)
            );
            assert_eq!(effects(region).len(), changes, "{times}\n{}", story(region));
            if changes == 0 {
                assert_eq!(told["steps"], json!([]), "{told}");
                assert!(
                    told["reason"]
                        .as_str()
                        .unwrap()
                        .contains("could not be read")
                );
            }
        });
    }
}

#[test]
fn the_snapshot_check_takes_and_deletes_nothing_while_the_switch_is_on() {
    in_virtual_time(async {
        let scenario = Script {
            happens: steps(
                &json!([{ "do": { "throwStopSwitch": { "by": "mia", "why": "the region is in trouble" } } }, { "when": { "once": { "checked": 2, "within": "3 h" } }, "do": "liftStopSwitch" }, { "when": { "once": { "checked": 4, "within": "3 h" } } }]),
            ),
            ..ending("snapshots-stale", |_| {})
        };
        let played = play_on(&scenario, stage("snapshots-stale"), 1, |_| {})
            .await
            .unwrap();
        let region = &played.region;
        let lifted = lifted_at(region);
        let ours = |action: &str, before: bool| {
            let calls = region.journal().calls();
            let ours = calls
                .iter()
                .filter(|call| call.action == action && call.caller != OPERATOR);
            ours.filter(|call| (call.at < lifted) == before).count()
        };
        for action in ["CreateApplicationSnapshot", "DeleteApplicationSnapshot"] {
            assert_eq!(ours(action, true), 0, "{action}\n{}", story(region));
            assert!(ours(action, false) > 0, "{action}\n{}", story(region));
        }
        let checks = region.executions_of(SNAPSHOT_CHECK);
        let first = checks[0].output.clone().unwrap();
        assert_eq!(first["sums"]["stopped"], 1, "{first}");
        let reason = first["reason"].as_str().unwrap();
        assert!(
            reason.contains("1 held by the stop switch")
                && reason.contains("thrown by mia: the region is in trouble"),
            "{reason}"
        );
        // The stack's own alarm says that the snapshots get stale meanwhile, and later that they do not any more.
        let is_alarm = |subject: &str| {
            ["ALARM: ", "OK: "]
                .iter()
                .any(|word| subject.starts_with(word))
        };
        let mut by_checks = told(region);
        by_checks.retain(|(_, subject, _)| !is_alarm(subject));
        assert!(by_checks.is_empty(), "{by_checks:?}");
    });
}

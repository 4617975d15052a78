//! Alarms start what they should, once: through the region, with its own events.

use std::time::Duration;

use sandbox::{
    cloudwatch::Definition,
    events::CALLER,
    faults::{Fault, LambdaFault, Rule, When},
    place,
    protocol::invocation,
    region::Region,
    scenario::{APPLICATION, Script},
};
use serde_json::{Value, json};

use crate::support::{
    assert_well, attempts, duplicate, ending, handler, in_virtual_time, named, play, play_on,
    play_staged, stage, stage_with, steps, story, text,
};

/// The alarm that rings when a job loops.
const RESTARTS: &str = "lifeguard-orders-restarts";

/// The alarms that alarm-keeper has made by now: no schedule checks snapshots here.
fn kept_alarms() -> Vec<String> {
    lifecycle::alarms_of(APPLICATION, lifecycle::FlinkMajor::One)
        .into_iter()
        .map(|alarm| alarm.name)
        .collect()
}

/// How many executions the alarm of that name started.
fn started_by(region: &Region, alarm: &str) -> usize {
    region
        .states()
        .executions()
        .iter()
        .filter(|execution| execution.input["trigger"]["alarmName"] == alarm)
        .count()
}

/// How often the alarm handler was invoked.
fn invocations(region: &Region) -> usize {
    let name = handler(region);
    region
        .journal()
        .calls()
        .iter()
        .filter(|call| call.action == "Invoke" && call.resource.as_deref() == Some(&name))
        .count()
}

#[test]
fn an_alarms_event_that_is_delivered_twice_starts_one_execution() {
    in_virtual_time(async {
        let played = play_on(
            named("bad-deployment"),
            stage("bad-deployment"),
            1,
            duplicate,
        )
        .await
        .unwrap();
        assert_well(&played, "delivered twice");
        assert!(invocations(&played.region) >= 2);
        assert_eq!(
            started_by(&played.region, RESTARTS),
            1,
            "{}",
            story(&played.region)
        );
    });
}

/// Its period of 310 s is too long for three rising minutes of ten, and nobody asks for anything.
#[test]
fn a_loop_of_minutes_is_found_by_the_slow_alarm_alone() {
    for seed in 1..=5 {
        in_virtual_time(async {
            let played = play("slower-loop", seed).await;
            assert_well(&played, "slower-loop");
            let first = played.region.states().executions().remove(0);
            let trigger = &first.input["trigger"];
            assert_eq!(trigger["alarmName"], "lifeguard-orders-restarts-slow");
            assert_eq!(started_by(&played.region, RESTARTS), 0, "seed {seed}");
        });
    }
}

#[test]
fn a_delivery_that_fails_in_any_way_starts_one_execution() {
    let on_handler = |fault: Fault, times: u64| {
        Rule::new(fault)
            .on_function("lifeguard-AlarmHandler")
            .by(CALLER)
            .when(When::First(times))
    };
    let on_start = |fault: Fault, times: u64| {
        Rule::new(fault)
            .on("states", "StartExecution")
            .when(When::First(times))
    };
    let mut rules = Vec::new();
    for fault in [
        Fault::ServerError,
        Fault::Throttle,
        Fault::CutBefore,
        Fault::LoseAnswer,
        Fault::ServerErrorAfter,
    ] {
        rules.extend([
            on_handler(fault.clone(), 1),
            on_handler(fault.clone(), 3),
            on_start(fault.clone(), 1),
            on_start(fault, 4),
        ]);
    }
    for fault in [
        LambdaFault::CrashBefore,
        LambdaFault::CrashAfter,
        LambdaFault::RunTwice,
        LambdaFault::TimeOutBefore,
        LambdaFault::TimeOutAfter,
    ] {
        rules.push(on_handler(Fault::Lambda(fault), 1));
    }
    for rule in rules {
        in_virtual_time(async {
            let what = format!("{rule:?}");
            let played = play_staged(
                named("bad-deployment"),
                stage_with("bad-deployment", vec![rule]),
                1,
            )
            .await;
            assert!(
                played.region.faults().struck() > 0,
                "{what}: nothing was struck"
            );
            assert_well(&played, &what);
            assert_eq!(
                started_by(&played.region, RESTARTS),
                1,
                "{what}\n{}",
                story(&played.region)
            );
        });
    }
}

/// All three ways from an alarm to the handler: a rule on the bus, which the template has, a Lambda action, and a topic.
fn all_three(region: &Region) {
    let function = place::arn("lambda", &format!("function:{}", handler(region)));
    let topic = region.sns().create_topic("alarms");
    region.sns().subscribe_function(&topic, &function);
    for name in kept_alarms() {
        let Some(Definition::Metric(alarm)) = region
            .cloudwatch()
            .alarm(&name)
            .map(|alarm| alarm.definition)
        else {
            panic!("there is no {name}")
        };
        let mut alarm = serde_json::to_value(alarm).unwrap();
        alarm["AlarmActions"] = json!([function, topic]);
        alarm["OKActions"] = json!([function, topic]);
        region
            .cloudwatch()
            .put_alarm(&alarm)
            .expect("it is well formed");
    }
}

#[test]
fn an_alarm_that_comes_in_all_three_envelopes_starts_one_execution() {
    in_virtual_time(async {
        let played = play_on(
            named("bad-deployment"),
            stage("bad-deployment"),
            1,
            all_three,
        )
        .await
        .unwrap();
        assert_well(&played, "three envelopes");
        assert_eq!(
            started_by(&played.region, RESTARTS),
            1,
            "{}",
            story(&played.region)
        );
        assert!(
            invocations(&played.region) >= 3,
            "{}",
            invocations(&played.region)
        );
    });
}

/// Long enough for the alarms to calm down, and to be told so.
fn with_a_long_tail(name: &str) -> Script {
    Script {
        happens: steps(
            &json!([{ "when": { "then": "2 min" }, "do": { "deploy": { "code": "orders-7.jar" } } }, { "when": { "once": { "reported": "all", "within": "5 h" } } }, { "when": { "then": "1 h" } }]),
        ),
        ..ending(name, |_| {})
    }
}

#[test]
fn an_alarm_that_calms_down_starts_nothing_whichever_way_it_says_so() {
    in_virtual_time(async {
        let played = play_on(
            &with_a_long_tail("bad-deployment"),
            stage("bad-deployment"),
            1,
            all_three,
        )
        .await
        .unwrap();
        assert_well(&played, "it calms down");
        let entries = played.region.journal().entries();
        assert!(
            entries
                .iter()
                .any(|entry| entry.text.starts_with(RESTARTS) && entry.text.ends_with("to OK")),
            "{}",
            story(&played.region)
        );
        assert_eq!(
            started_by(&played.region, RESTARTS),
            1,
            "{}",
            story(&played.region)
        );
        let log = played.region.journal().log_lines();
        assert!(
            log.iter()
                .any(|line| line.contains("ignored") && line.contains("OK")),
            "what is ignored is logged"
        );
    });
}

#[test]
fn an_event_that_is_no_alarm_of_ours_changes_nothing_and_is_logged_with_the_reason() {
    let alarm = |state: &str, namespace: &str, dimensions: Value| {
        json!({
            "source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm State Change", "time": "2026-03-04T02:47:00Z",
            "account": place::ACCOUNT, "region": place::REGION,
            "detail": {
                "alarmName": RESTARTS,
                "configuration": { "metrics": [{ "id": "m1", "metricStat": { "metric": { "namespace": namespace, "name": "fullRestarts", "dimensions": dimensions } } }] },
                "state": { "value": state, "reason": "because", "timestamp": "2026-03-04T02:47:00.000+0000" },
            },
        })
    };
    let ours = json!({ "Application": APPLICATION });
    let of_another_account = {
        let mut event = alarm("ALARM", "AWS/KinesisAnalytics", ours.clone());
        event["account"] = json!("999988887777");
        event
    };
    let events = [
        (of_another_account, "is of the account \\\"999988887777"),
        (json!({}), "empty object"),
        (json!([]), "an array of 0"),
        (json!("ALARM"), "a string"),
        (
            json!({ "Records": [{ "Sns": { "Message": "{not json" } }] }),
            "refuses the event",
        ),
        (
            json!({ "source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification" }),
            "EC2",
        ),
        (
            alarm("ALARM", "AWS/EC2", json!({ "InstanceId": "i-1" })),
            "AWS/EC2",
        ),
        (
            alarm("ALARM", "AWS/KinesisAnalytics", json!({})),
            "refuses the event",
        ),
        (
            alarm(
                "ALARM",
                "AWS/KinesisAnalytics",
                json!({ "Application": "../orders;rm -rf" }),
            ),
            "refuses the event",
        ),
        (
            alarm("ON FIRE", "AWS/KinesisAnalytics", ours.clone()),
            "ON FIRE",
        ),
        (
            alarm("INSUFFICIENT_DATA", "AWS/KinesisAnalytics", ours.clone()),
            "INSUFFICIENT_DATA",
        ),
        (alarm("OK", "AWS/KinesisAnalytics", ours), "OK"),
    ];
    in_virtual_time(async {
        let quiet = Script {
            happens: steps(&json!([{ "when": { "then": "1 min" } }])),
            ..ending("maintenance", |_| {})
        };
        let played = play_staged(&quiet, stage("maintenance"), 1).await;
        let region = &played.region;
        for (event, reason) in events {
            let before = region.journal().log_lines().len();
            region
                .router()
                .send(invocation(CALLER, &handler(region), "Event", &event))
                .await;
            // All three tries of an asynchronous invocation.
            tokio::time::sleep(Duration::from_secs(400)).await;
            let said = region.journal().log_lines().split_off(before).join("\n");
            assert!(said.contains(reason), "{event}: {said}");
        }
        assert!(region.states().executions().is_empty(), "{}", story(region));
        assert!(attempts(region).is_empty());
        assert_eq!(
            text(&json!(
                region
                    .flink()
                    .application(APPLICATION)
                    .unwrap()
                    .status
                    .name()
            )),
            "RUNNING"
        );
    });
}

//! CloudTrail as it is, and CloudFormation's events: late, in any order, lost, twice, of refused calls, of stacks; and what the functions make of them today.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use sandbox::{
    connector::Connector,
    faults::{Fault, Rule},
    flink::Code,
    region::{Blueprint, Open, REMEDIATE, Region, StackEvent, Trail},
    scenario::{Opened, Stage},
    script,
};
use serde_json::{Value, json};

use super::virtually;

/// Longer than any event of a real trail takes.
const ALL_CAME: Duration = Duration::from_secs(1_200);

/// What came over the bus, with the second of the region at which it came.
type Came = Arc<Mutex<Vec<(u64, Value)>>>;

/// A region with `orders` in it and such a trail; its events go to the list instead of the rules.
fn region(trail: Trail, faults: Vec<Rule>) -> (Open, Came) {
    let stage = Stage::of(Code::healthy());
    let region = Region::open(Blueprint {
        seed: 1,
        trail,
        parameters: stage.parameters,
        codebook: stage.codebook,
        settings: stage.settings,
        faults,
        ..Blueprint::default()
    })
    .unwrap();
    for application in stage.applications {
        region.flink().add_application(application);
    }
    let came = Came::default();
    let (list, clock) = (came.clone(), region.clock().clone());
    region.bus().emit_elsewhere(Arc::new(move |event| {
        list.lock()
            .unwrap()
            .push((clock.elapsed().as_secs(), event));
    }));
    (region, came)
}

fn client(region: &Region, key: &str) -> aws_sdk_kinesisanalyticsv2::Client {
    let connector = Connector::new(region.router().clone(), region.clock().clone());
    aws_sdk_kinesisanalyticsv2::Client::new(connector.aws(key).config())
}

/// Tags `orders` so many times, a second apart.
async fn tag(region: &Region, times: u64) {
    let arn = region.flink().application("orders").unwrap().arn;
    for time in 0..times {
        let tag = aws_sdk_kinesisanalyticsv2::types::Tag::builder()
            .key("time")
            .value(time.to_string())
            .build()
            .unwrap();
        let tagged = client(region, "operator")
            .tag_resource()
            .resource_arn(&arn)
            .tags(tag);
        tagged.send().await.unwrap();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// Asks for a change of the version that is not the present one.
async fn change_a_stale_version(region: &Region, key: &str) {
    let refused = client(region, key)
        .update_application()
        .application_name("orders")
        .current_application_version_id(1)
        .service_execution_role_update("arn:aws:iam::123456789012:role/other")
        .send()
        .await;
    assert!(refused.is_err());
}

/// Changes the present version.
async fn change(region: &Region, key: &str) {
    let version = region.flink().application("orders").unwrap().version;
    client(region, key)
        .update_application()
        .application_name("orders")
        .current_application_version_id(version)
        .service_execution_role_update("arn:aws:iam::123456789012:role/other")
        .send()
        .await
        .unwrap();
}

fn calls(came: &Came) -> Vec<(u64, Value)> {
    let of_trail = |(_, event): &&(u64, Value)| event["source"] == "aws.kinesisanalytics";
    came.lock()
        .unwrap()
        .iter()
        .filter(of_trail)
        .cloned()
        .collect()
}

#[test]
fn events_come_minutes_later_and_overtake_each_other() {
    virtually(async {
        let (region, came) = region(Trail::as_it_is(), Vec::new());
        tag(&region, 30).await;
        assert_eq!(
            calls(&came).len(),
            0,
            "half a minute later nothing has come"
        );
        tokio::time::sleep(ALL_CAME).await;
        let calls = calls(&came);
        assert_eq!(calls.len(), 30);
        let value = |event: &Value| {
            let tags = &event["detail"]["requestParameters"]["tags"];
            tags[0]["value"].as_str().unwrap().parse::<u64>().unwrap()
        };
        let delays: Vec<u64> = calls.iter().map(|(at, event)| at - value(event)).collect();
        let average = delays.iter().sum::<u64>() / 30;
        assert!((200..400).contains(&average), "{average} s");
        assert!(delays.iter().all(|delay| (120..=481).contains(delay)));
        let in_order = calls
            .windows(2)
            .all(|pair| value(&pair[0].1) < value(&pair[1].1));
        assert!(!in_order);
        let detail = &calls[0].1["detail"];
        for (name, expected) in [
            ("apiVersion", json!("2018-05-23")),
            ("eventType", json!("AwsApiCall")),
            ("responseElements", Value::Null),
            ("readOnly", json!(false)),
        ] {
            assert_eq!(detail[name], expected, "{name}");
        }
        assert_eq!(
            detail["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"],
            "operator"
        );
    });
}

#[test]
fn events_are_lost_and_come_twice_where_that_is_asked_for() {
    virtually(async {
        let lost = Trail {
            lost_one_in: 3,
            ..Trail::as_it_is()
        };
        let (region, came) = region(lost, Vec::new());
        tag(&region, 30).await;
        tokio::time::sleep(ALL_CAME).await;
        assert!(
            (10..28).contains(&calls(&came).len()),
            "{}",
            calls(&came).len()
        );
    });
    virtually(async {
        let twice = Trail {
            twice_one_in: 1,
            ..Trail::as_it_is()
        };
        let (region, came) = region(twice, Vec::new());
        tag(&region, 1).await;
        tokio::time::sleep(ALL_CAME).await;
        let both = calls(&came);
        assert_eq!(both.len(), 2);
        assert_eq!(both[0].1["detail"], both[1].1["detail"], "the same record");
        assert_ne!(both[0].1["id"], both[1].1["id"], "in two envelopes");
    });
}

#[test]
fn refused_calls_are_recorded_without_what_they_asked_or_got() {
    let denied = || {
        let fault = Fault::Refuse {
            status: 400,
            code: "AccessDeniedException".to_owned(),
            message: "not authorized to perform kinesisanalytics:StopApplication".to_owned(),
        };
        vec![Rule::new(fault).on("kinesisanalytics", "StopApplication")]
    };
    for (trail, recorded) in [(Trail::as_it_is(), 2), (Trail::default(), 0)] {
        virtually(async {
            let (region, came) = region(trail, denied());
            change_a_stale_version(&region, "operator").await;
            let stop = client(&region, "operator").stop_application();
            assert!(stop.application_name("orders").send().await.is_err());
            tokio::time::sleep(ALL_CAME).await;
            let calls = calls(&came);
            assert_eq!(calls.len(), recorded);
            for (_, event) in &calls {
                let detail = &event["detail"];
                assert_eq!(detail["responseElements"], Value::Null);
                assert!(detail["errorMessage"].is_string());
                let (code, asked) = (&detail["errorCode"], &detail["requestParameters"]);
                match detail["eventName"].as_str() {
                    Some("StopApplication") => {
                        assert_eq!(
                            (code, asked),
                            (&json!("AccessDeniedException"), &Value::Null)
                        );
                    }
                    _ => assert_eq!(asked["currentApplicationVersionId"], 1, "{code}"),
                }
            }
        });
    }
}

#[test]
fn a_stack_that_deploys_tells_of_itself_at_once() {
    virtually(async {
        let (region, came) = region(Trail::as_it_is(), Vec::new());
        change(&region, "cloudformation").await;
        tokio::time::sleep(ALL_CAME).await;
        change_a_stale_version(&region, "cloudformation").await;
        tokio::time::sleep(ALL_CAME).await;
        let of_stacks: Vec<(u64, String, Value)> = came
            .lock()
            .unwrap()
            .iter()
            .filter(|(_, event)| event["source"] == "aws.cloudformation")
            .map(|(at, event)| {
                let detail = &event["detail"];
                let status = detail["status-details"]["status"].as_str().unwrap();
                (
                    *at,
                    status.to_owned(),
                    detail["physical-resource-id"].clone(),
                )
            })
            .collect();
        let seen: Vec<(&str, &Value)> = of_stacks
            .iter()
            .map(|(_, status, resource)| (status.as_str(), resource))
            .collect();
        let (stack, resource) = (&Value::Null, &json!("orders"));
        let expected = [
            ("UPDATE_IN_PROGRESS", stack),
            ("UPDATE_IN_PROGRESS", resource),
            ("UPDATE_COMPLETE", resource),
            ("UPDATE_COMPLETE", stack),
            ("UPDATE_IN_PROGRESS", stack),
            ("UPDATE_IN_PROGRESS", resource),
            ("UPDATE_FAILED", resource),
            ("UPDATE_FAILED", stack),
        ];
        assert_eq!(seen, expected);
        assert!(of_stacks[0].0 < 5 && of_stacks[2].0 > 60, "{of_stacks:?}");
        let record = &calls(&came)[0].1["detail"];
        assert_eq!(
            record["userIdentity"]["invokedBy"],
            "cloudformation.amazonaws.com"
        );
        assert!(record["responseElements"]["operationId"].is_string());
        let version = &record["responseElements"]["applicationDetail"]["applicationVersionId"];
        assert_eq!(
            version.as_i64().unwrap(),
            record["requestParameters"]["currentApplicationVersionId"]
                .as_i64()
                .unwrap()
                + 1
        );
    });
}

#[test]
fn all_that_is_told_of_a_deployment_starts_one_execution() {
    virtually(async {
        let trail = Trail {
            twice_one_in: 1,
            ..Trail::as_it_is()
        };
        let (region, came) = region(trail, Vec::new());
        change(&region, "cloudformation").await;
        change_a_stale_version(&region, "operator").await;
        region.tell_of_stack(&StackEvent {
            stack: "orders-stack".to_owned(),
            application: None,
            status: "UPDATE_ROLLBACK_IN_PROGRESS".to_owned(),
            reason: "The following resource(s) failed to update: [Application].".to_owned(),
        });
        tokio::time::sleep(ALL_CAME).await;
        let events: Vec<Value> = came
            .lock()
            .unwrap()
            .iter()
            .map(|(_, event)| event.clone())
            .filter(|event| event["source"] != "aws.cloudwatch")
            .collect();
        assert_eq!(
            events.len(),
            4 + 5,
            "two records twice, five events of a stack"
        );
        let before = region.journal().calls().len();
        let mut announced = 0;
        for event in &events {
            let answer = region.invoke("alarm-handler", event).await.unwrap();
            let detail = &event["detail"];
            let is_of_stack = event["detail-type"] == "CloudFormation Stack Status Change";
            if is_of_stack {
                assert_eq!(answer["outcome"], "refused", "{answer}");
            } else if detail["errorCode"].is_string()
                || detail["status-details"]["status"] == "UPDATE_IN_PROGRESS"
            {
                assert_eq!(answer["outcome"], "ignored", "{answer}");
            } else {
                announced += 1;
                let first = announced == 1;
                assert_eq!(answer["outcome"] == "started", first, "{answer}");
            }
        }
        assert_eq!(
            announced, 3,
            "the record of the update twice, and the stack"
        );
        let executions = region.executions_of(REMEDIATE);
        assert_eq!(executions.len(), 1);
        let changes = ["UpdateApplication", "RollbackApplication"];
        let calls = region.journal().calls().split_off(before);
        assert!(
            !calls
                .iter()
                .any(|call| changes.contains(&call.action.as_str()))
        );
        for event in events
            .iter()
            .filter(|event| event["source"] == "aws.kinesisanalytics")
        {
            let answer = region.invoke("alarm-keeper", event).await.unwrap();
            assert!(answer["ignored"].is_string(), "{answer}");
        }
    });
}

#[test]
fn a_trail_is_data() {
    let read: Trail = serde_json::from_value(json!({ "lostOneIn": 4, "refused": true })).unwrap();
    assert_eq!(
        read,
        Trail {
            lost_one_in: 4,
            refused: true,
            ..Trail::default()
        }
    );
    assert!(serde_json::from_value::<Trail>(json!({ "lost": 4 })).is_err());
}

#[test]
fn a_script_says_what_the_trail_and_the_stacks_tell() {
    virtually(async {
        let text = json!({
            "name": "told",
            "world": { "trail": { "delay": "2 min", "spread": "6 min", "twiceOneIn": 1, "refused": true } },
            "happens": [
                { "do": { "deploy": { "properties": { "orders": { "input.stream": "other" } }, "through": "stack" } } },
                { "when": { "then": "20 min" }, "do": { "tellOfStack": { "status": "ROLLBACK_COMPLETE", "ofResource": true } } },
            ],
        });
        let script = script::read("told.json", &text.to_string()).unwrap();
        let stage = script.stage();
        let expected = Trail {
            twice_one_in: 1,
            ..Trail::as_it_is()
        };
        assert_eq!(stage.trail, expected);
        let opened = Opened::of(&script, stage, 1).await.unwrap();
        let came = Came::default();
        let (list, clock) = (came.clone(), opened.region.clock().clone());
        opened.region.bus().emit_elsewhere(Arc::new(move |event| {
            list.lock()
                .unwrap()
                .push((clock.elapsed().as_secs(), event));
        }));
        opened.live(&script).await;
        assert_eq!(calls(&came).len(), 2, "the record of the update, twice");
        let came = came.lock().unwrap();
        let of_stacks: Vec<&str> = came
            .iter()
            .filter(|(_, event)| event["source"] == "aws.cloudformation")
            .filter_map(|(_, event)| event["detail"]["status-details"]["status"].as_str())
            .collect();
        let expected = [
            "UPDATE_IN_PROGRESS",
            "UPDATE_IN_PROGRESS",
            "UPDATE_COMPLETE",
            "UPDATE_COMPLETE",
            "ROLLBACK_COMPLETE",
        ];
        assert_eq!(of_stacks, expected);
    });
}

//! Events of another account or another region: an application of the same name lives here, and is none of theirs.

mod support;

use serde_json::{Value, json};
use support::{Deployed, fixture};

const OTHER_ACCOUNT: &str = "999988887777";
const OTHER_REGION: &str = "us-west-2";
const OUR_ALARM: &str = "arn:aws:cloudwatch:eu-central-1:111122223333:alarm:orders restarts";
const ALARM_OF_OTHER_ACCOUNT: &str =
    "arn:aws:cloudwatch:eu-central-1:999988887777:alarm:orders restarts";
const ALARM_OF_OTHER_REGION: &str =
    "arn:aws:cloudwatch:us-west-2:111122223333:alarm:orders restarts";

fn changed(name: &str, pointer: &str, value: Value) -> Value {
    let mut event = fixture(name);
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    let parent = event
        .pointer_mut(parent)
        .unwrap_or_else(|| panic!("{name} has no {parent}"));
    match parent {
        Value::Array(items) => items[key.parse::<usize>().expect("an index")] = value,
        parent => parent[key] = value,
    }
    event
}

/// The same inside the message of the first SNS record.
fn message_changed(name: &str, pointer: &str, value: Value) -> Value {
    let mut event = fixture(name);
    let message = &mut event["Records"][0]["Sns"]["Message"];
    let mut inner: Value =
        serde_json::from_str(message.as_str().expect("a text")).expect("JSON in a text");
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    inner.pointer_mut(parent).expect("it is there")[key] = value;
    *message = json!(inner.to_string());
    event
}

/// Nothing is started, it is said why, and the refusal is counted.
async fn turned_away(event: Value, said: &str) {
    let deployed = Deployed::new();
    let answer = deployed.invoke(event.clone()).await;
    assert_eq!(deployed.applications(), Vec::<String>::new(), "{event}");
    let answer = answer.expect("another try would not help, so it is no error");
    assert_eq!(answer["outcome"], "refused", "{answer}");
    let reason = answer["reason"].as_str().expect("a reason");
    assert!(reason.contains(said), "{reason}");
    assert_eq!(deployed.metrics()[0]["AlarmsRefused"], 1);
}

async fn taken(event: Value) {
    let deployed = Deployed::new();
    let answer = deployed.invoke(event).await.expect("it is of this account");
    assert_eq!(answer["outcome"], "started", "{answer}");
}

#[tokio::test]
async fn an_event_of_another_account_or_region_starts_nothing() {
    let name = "eventbridge-metric-math";
    let account = r#"is of the account "999988887777", and this stack looks after 111122223333"#;
    let region = r#"is of the region "us-west-2", and this stack looks after eu-central-1"#;
    turned_away(changed(name, "/account", json!(OTHER_ACCOUNT)), account).await;
    turned_away(changed(name, "/region", json!(OTHER_REGION)), region).await;
    let alarm = |arn: &str| changed(name, "/resources/0", json!(arn));
    turned_away(alarm(ALARM_OF_OTHER_ACCOUNT), account).await;
    turned_away(alarm(ALARM_OF_OTHER_REGION), region).await;
    let text = |arn: &str| changed(name, "/resources", json!(arn));
    turned_away(text(ALARM_OF_OTHER_ACCOUNT), account).await;
    turned_away(text(ALARM_OF_OTHER_REGION), region).await;
    taken(text(OUR_ALARM)).await;
}

#[tokio::test]
async fn a_lambda_action_of_another_account_or_region_starts_nothing() {
    let name = "lambda-metric-math";
    turned_away(
        changed(name, "/accountId", json!(OTHER_ACCOUNT)),
        OTHER_ACCOUNT,
    )
    .await;
    turned_away(changed(name, "/region", json!(OTHER_REGION)), OTHER_REGION).await;
    for (arn, said) in [
        (ALARM_OF_OTHER_ACCOUNT, OTHER_ACCOUNT),
        (ALARM_OF_OTHER_REGION, OTHER_REGION),
    ] {
        turned_away(changed(name, "/alarmArn", json!(arn)), said).await;
    }
}

#[tokio::test]
async fn an_sns_message_of_another_account_or_region_starts_nothing() {
    for name in ["sns-metric-math", "sns-single-metric"] {
        for (member, value, said) in [
            ("/AWSAccountId", OTHER_ACCOUNT, OTHER_ACCOUNT),
            ("/AlarmArn", ALARM_OF_OTHER_ACCOUNT, OTHER_ACCOUNT),
            ("/AlarmArn", ALARM_OF_OTHER_REGION, OTHER_REGION),
            ("/Region", "US West (Oregon)", OTHER_REGION),
            ("/Region", OTHER_REGION, OTHER_REGION),
        ] {
            turned_away(message_changed(name, member, json!(value)), said).await;
        }
    }
    for (member, value) in [("/account", OTHER_ACCOUNT), ("/region", OTHER_REGION)] {
        turned_away(
            message_changed("sns-eventbridge-metric-math", member, json!(value)),
            value,
        )
        .await;
    }
}

#[tokio::test]
async fn a_metric_of_another_account_names_no_application_here() {
    let said = r#"watches "orders" of the account "999988887777""#;
    for name in ["eventbridge-metric-math", "lambda-metric-math"] {
        let data = if name.starts_with("lambda") {
            "/alarmData"
        } else {
            "/detail"
        };
        for member in ["accountId", "metricStat/accountId"] {
            let pointer = format!("{data}/configuration/metrics/1/{member}");
            turned_away(changed(name, &pointer, json!(OTHER_ACCOUNT)), said).await;
            taken(changed(name, &pointer, json!("111122223333"))).await;
            taken(changed(name, &pointer, Value::Null)).await;
        }
    }
    let pointer = "/Trigger/Metrics/1/AccountId";
    turned_away(
        message_changed("sns-metric-math", pointer, json!(OTHER_ACCOUNT)),
        said,
    )
    .await;
    taken(message_changed(
        "sns-metric-math",
        pointer,
        json!("111122223333"),
    ))
    .await;
}

#[tokio::test]
async fn of_two_applications_only_the_one_of_this_account_is_looked_at() {
    let mut event = fixture("eventbridge-two-applications");
    let metrics = event["detail"]["configuration"]["metrics"]
        .as_array_mut()
        .expect("a list");
    let payments = metrics
        .iter_mut()
        .find(|entry| entry["metricStat"]["metric"]["dimensions"]["Application"] == "payments")
        .expect("the second application");
    payments["accountId"] = json!(OTHER_ACCOUNT);
    let deployed = Deployed::new();
    let answer = deployed.invoke(event).await.expect("no error");
    assert_eq!(deployed.applications(), ["orders"]);
    assert!(
        answer["refused"][0]
            .as_str()
            .is_some_and(|said| said.contains(OTHER_ACCOUNT)),
        "{answer}"
    );
}

#[tokio::test]
async fn a_child_of_a_composite_in_another_account_or_region_is_no_child_of_ours() {
    let children = (
        "ALARM_APPLICATIONS",
        "lifeguard-orders-eu-restarts=orders-eu,lifeguard-payments-restarts=payments",
    );
    for (there, here) in [
        ("111122223333:alarm:lifeguard-orders", OTHER_ACCOUNT),
        (
            "eu-central-1:111122223333:alarm:lifeguard-orders",
            OTHER_REGION,
        ),
    ] {
        let moved = if here == OTHER_REGION {
            format!("{here}:111122223333:alarm:lifeguard-orders")
        } else {
            format!("{here}:alarm:lifeguard-orders")
        };
        for name in ["eventbridge-composite-children", "sns-composite-children"] {
            let text = fixture(name).to_string().replace(there, &moved);
            let event: Value = serde_json::from_str(&text).expect("JSON");
            assert_ne!(event, fixture(name));
            let deployed = Deployed::with([children]);
            deployed.invoke(event).await.expect("no error");
            assert_eq!(deployed.applications(), ["payments"], "{name} {here}");
        }
    }
}

#[tokio::test]
async fn the_end_of_an_execution_elsewhere_is_succeeded_by_none_here() {
    for (pointer, value, said) in [
        ("/account", OTHER_ACCOUNT, OTHER_ACCOUNT),
        ("/region", OTHER_REGION, OTHER_REGION),
        (
            "/detail/executionArn",
            "arn:aws:states:eu-central-1:999988887777:execution:remediate:x",
            "another state machine",
        ),
        (
            "/detail/executionArn",
            "arn:aws:states:us-west-2:111122223333:execution:remediate:x",
            "another state machine",
        ),
        (
            "/detail/executionArn",
            "arn:aws:states:eu-central-1:111122223333:execution:other:x",
            "another state machine",
        ),
        (
            "/detail/stateMachineArn",
            "arn:aws:states:us-west-2:111122223333:stateMachine:remediate",
            "another state machine",
        ),
    ] {
        turned_away(changed("execution-failed", pointer, json!(value)), said).await;
    }
}

#[tokio::test]
async fn contributors_and_recorded_calls_of_another_account_are_refused_too() {
    for name in ["eventbridge-contributor", "eventbridge-update-application"] {
        let elsewhere = changed(name, "/account", json!(OTHER_ACCOUNT));
        turned_away(elsewhere, OTHER_ACCOUNT).await;
    }
    turned_away(
        changed(
            "eventbridge-update-application",
            "/detail/recipientAccountId",
            json!(OTHER_ACCOUNT),
        ),
        OTHER_ACCOUNT,
    )
    .await;
}

#[tokio::test]
async fn an_event_that_tells_no_account_or_region_is_not_taken_for_ours() {
    for name in ["eventbridge-metric-math", "lambda-metric-math"] {
        let mut event = fixture(name);
        let members = event.as_object_mut().expect("an object");
        for member in ["account", "accountId", "region", "resources", "alarmArn"] {
            members.remove(member);
        }
        turned_away(
            event,
            r#"nothing tells the account and region of the alarm "orders restarts""#,
        )
        .await;
    }
    for odd in [json!(7), json!(["111122223333"])] {
        turned_away(changed("eventbridge-metric-math", "/account", odd), "is of").await;
    }
    // The ARN alone tells both.
    let event = message_changed("sns-metric-math", "/AWSAccountId", Value::Null);
    taken(event).await;
    let event = message_changed("sns-metric-math", "/AlarmArn", json!(OUR_ALARM));
    taken(event).await;
}

//! CloudTrail: each call that changed something in Managed Flink, as an event on the bus, a little later.
//!
//! The service has no events of its own, so this is how a rule hears of applications and tags. Deliberately absent: calls that only read, refused calls, and everything of a
//! request but what names the application and its tags: configurations may hold secrets.

use std::time::Duration;

use serde_json::{Value, json};

use emulated_aws::events::EventBus;
use ground::{
    place::{ACCOUNT, REGION},
    wire::{self, Request, Response},
};

/// CloudTrail is no stopwatch; seconds to minutes at the real one.
const LATER: Duration = Duration::from_secs(15);

/// Records a call that was answered.
pub(super) fn record(bus: &EventBus, request: &Request, answer: &Response) {
    let Some(verb) = wire::verb(request).filter(|verb| !reads(verb)) else {
        return;
    };
    if !answer.status().is_success() {
        return;
    }
    let input: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let mut parameters = json!({});
    for (name, member) in [
        ("applicationName", "ApplicationName"),
        ("resourceARN", "ResourceARN"),
    ] {
        if let Some(value) = input[member].as_str() {
            parameters[name] = json!(value);
        }
    }
    for (name, member) in [("tags", "Tags"), ("tagKeys", "TagKeys")] {
        if !input[member].is_null() {
            parameters[name] = tags(&input[member]);
        }
    }
    let detail = json!({
        "eventVersion": "1.08",
        "eventSource": "kinesisanalytics.amazonaws.com",
        "eventName": verb,
        "awsRegion": REGION,
        "userIdentity": { "type": "AssumedRole", "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/{}", wire::caller(request).unwrap_or_default()) },
        "requestParameters": parameters,
    });
    let bus = bus.clone();
    tokio::spawn(async move {
        tokio::time::sleep(LATER).await;
        bus.emit(
            "aws.kinesisanalytics",
            "AWS API Call via CloudTrail",
            &[],
            detail,
        );
    });
}

/// Tags, or their keys, with the first letter of each member in small, as records have it.
fn tags(input: &Value) -> Value {
    let tag = |tag: &Value| {
        tag.as_str().map_or_else(
            || json!({ "key": tag["Key"], "value": tag["Value"] }),
            |key| json!(key),
        )
    };
    input.as_array().into_iter().flatten().map(tag).collect()
}

fn reads(verb: &str) -> bool {
    [
        "Describe",
        "List",
        "CreateApplicationPresignedUrl",
        "Discover",
    ]
    .iter()
    .any(|start| verb.starts_with(start))
}

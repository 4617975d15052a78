//! An application that loops, as the state machine tells the planner of it.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "every test file uses another part of it; it is for tests only"
)]

use jiff::Timestamp;
use lambda_kit::{Aws, Env, Failure, Function, Invocation, Metrics, answer};
use remediation_planner::RemediationPlanner;
use serde_json::{Value, json};

pub const NOW: &str = "2026-03-04T03:00:00Z";

/// Version 7 was made ten minutes ago by an update and has looped since; version 6 had run well for five days. One snapshot from before it.
pub fn looping() -> Value {
    let history = json!({
        "known": { "from": "2026-02-17T03:00:00Z", "until": "2026-03-04T02:57:00Z" }, "valuedAt": "2026-03-04T02:56:00Z",
        "spans": [
            { "from": "2026-02-27T03:00:00Z", "until": "2026-03-04T02:50:00Z", "ran": "up", "checkpoints": 7000, "records": 7000 },
            { "from": "2026-03-04T02:52:00Z", "until": "2026-03-04T02:57:00Z", "ran": "failing", "incidents": 5 }
        ]
    });
    let application = json!({
        "name": "orders", "arn": "arn:aws:kinesisanalytics:us-east-1:123456789012:application/orders", "status": "RUNNING", "versionId": 7,
        "versionCreatedAt": "2026-03-04T02:50:00Z", "versionUpdatedFrom": 6, "versionRolledBackFrom": null, "versionRolledBackTo": null,
        "runtime": "FLINK-1_20", "snapshotsEnabled": true, "systemRollbackEnabled": false, "checkpointingEnabled": true, "allowNonRestoredState": false
    });
    let update = json!({
        "id": "op-7", "name": "UpdateApplication", "status": "SUCCESSFUL", "startedAt": "2026-03-04T02:50:00Z", "endedAt": "2026-03-04T02:51:30Z",
        "failure": null, "rollbackOperationId": null
    });
    let snapshot = json!({ "name": "before", "status": "READY", "versionId": 6, "createdAt": "2026-03-04T02:50:05Z", "runtime": "FLINK-1_20" });
    json!({
        "look": {
            "observation": {
                "at": NOW, "application": application, "versions": [{ "id": 6, "runtime": "FLINK-1_20", "createdAt": "2026-02-27T02:00:00Z" }], "operations": [update], "job": null,
                "snapshots": [snapshot], "tags": { "lifeguard:managed": "true" }, "unreadable": []
            },
            "watch": { "looks": 1, "job": null, "firstFault": null, "blindLooks": 0, "status": null, "history": history },
            "assessment": { "is": "looping", "since": "2026-03-04T02:52:00Z", "restarts": 20, "incidents": 6, "firstFault": null }
        },
        "ledger": {},
        "progress": null,
        "stepResult": null,
        "request": null,
        "trigger": { "kind": "alarm" },
        "execution": "arn:aws:states:us-east-1:123456789012:execution:remediate:one",
        "startedAt": "2026-03-04T02:59:00Z"
    })
}

pub fn with(path: &str, value: Value) -> Value {
    let mut event = looping();
    *event.pointer_mut(path).expect("the path is in the event") = value;
    event
}

pub async fn plan_as(mode: &str, event: Value) -> Result<Value, Failure> {
    plan_counting(mode, event, Metrics::to(|_| {})).await
}

/// The same, with what it counts.
pub async fn plan_counting(mode: &str, event: Value, metrics: Metrics) -> Result<Value, Failure> {
    let credentials = [
        ("AWS_ACCESS_KEY_ID", "k"),
        ("AWS_SECRET_ACCESS_KEY", "s"),
        ("AWS_REGION", "us-east-1"),
    ];
    let aws = Aws::of_lambda(&Env::from_iter(credentials))
        .expect("the variables are set")
        .with_metrics(metrics);
    let planner = RemediationPlanner::build(&Env::from_iter([("MODE", mode)]), &aws)
        .expect("the mode is one");
    let now: Timestamp = NOW.parse().expect("a date");
    answer(
        &planner,
        event,
        Invocation {
            request_id: "r1".into(),
            now,
        },
    )
    .await
}

pub async fn plan(event: Value) -> Value {
    plan_as("act", event).await.expect("the event is complete")
}

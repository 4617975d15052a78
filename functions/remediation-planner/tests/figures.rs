//! What an execution that ends adds to the project's figures.

mod support;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use lambda_kit::{Metric, Metrics};
use serde_json::{Value, json};
use support::{looping, plan_counting, with};

/// The figures that were counted, of no application.
async fn counted(mode: &str, event: Value) -> BTreeMap<&'static str, u64> {
    let records = Arc::new(Mutex::new(Vec::new()));
    let kept = records.clone();
    let metrics = Metrics::to(move |record| kept.lock().expect("no panic").push(record.to_owned()));
    plan_counting(mode, event, metrics)
        .await
        .expect("the event is complete");
    let records = records.lock().expect("no panic");
    let mut counted = BTreeMap::new();
    for record in records.iter() {
        let record: Value = serde_json::from_str(record).expect("JSON");
        if record["application"].is_null() {
            let of = |metric: Metric| Some((metric.name(), record[metric.name()].as_u64()?));
            counted.extend(Metric::ALL.into_iter().filter_map(of));
        }
    }
    counted
}

#[tokio::test]
async fn what_would_have_been_done_in_observe_is_counted() {
    assert_eq!(
        counted("observe", looping()).await,
        BTreeMap::from([
            ("ChangeToBlame", 1),
            ("SecondsToDetect", 420),
            ("WouldHaveActed", 1)
        ])
    );
}

#[tokio::test]
async fn what_goes_on_and_what_a_person_asked_for_is_no_figure() {
    assert_eq!(counted("act", looping()).await, BTreeMap::new());
    let asked = with("/request", json!({ "action": "rollback" }));
    assert_eq!(counted("observe", asked).await, BTreeMap::new());
}

/// The rollback of version 7 worked: version 8 has soaked.
fn recovered() -> Value {
    let mut event = looping();
    let look = &mut event["look"];
    look["assessment"] = json!({ "is": "healthy", "since": "2026-03-04T02:54:00Z" });
    look["observation"]["application"]["versionId"] = json!(8);
    look["observation"]["application"]["versionRolledBackFrom"] = json!(7);
    let operations = look["observation"]["operations"]
        .as_array_mut()
        .expect("a list");
    operations.insert(0, json!({
        "id": "op-8", "name": "RollbackApplication", "status": "SUCCESSFUL", "startedAt": "2026-03-04T02:53:00Z", "endedAt": "2026-03-04T02:53:50Z",
        "failure": null, "rollbackOperationId": null
    }));
    look["watch"]["firstFault"] = json!({
        "exception": "java.lang.IllegalArgumentException", "message": "java.lang.IllegalArgumentException: no", "task": null, "at": "2026-03-04T02:52:00Z"
    });
    let chosen = look["observation"]["snapshots"][0].clone();
    event["startedAt"] = json!("2026-03-04T02:52:45Z");
    event["progress"] = json!({
        "rescue": {
            "faultyVersionId": 7, "goodVersionId": 6, "goodRuntime": "FLINK-1_20", "cutoff": "2026-03-04T02:51:30Z", "faultAt": "2026-03-04T02:52:00Z",
            "because": "version 7 has never run well", "snapshot": { "chosen": chosen, "passedOver": [] },
            "fault": null, "restored": null
        },
        "steps": [{ "step": "rollback", "at": "2026-03-04T02:53:00Z", "versionId": 7, "result": { "is": "accepted", "operationId": "op-8" } }],
        "waitingSince": null
    });
    event
}

#[tokio::test]
async fn a_rescue_adds_its_times() {
    assert_eq!(
        counted("act", recovered()).await,
        BTreeMap::from([
            ("ChangeToBlame", 1),
            ("SecondsToDetect", 45),
            ("SecondsToRecover", 120),
            ("SecondsDown", 120),
            ("SecondsReplayed", 115),
        ])
    );
    // Who verifies a deployment is there before it fails.
    let mut verified = recovered();
    verified["startedAt"] = json!("2026-03-04T02:50:30Z");
    assert_eq!(counted("act", verified).await["SecondsToDetect"], 0);
    // It did not help: nothing was recovered.
    let mut in_vain = recovered();
    in_vain["startedAt"] = json!("2026-03-03T02:50:30Z");
    in_vain["look"]["assessment"] = looping()["look"]["assessment"].clone();
    let in_vain = counted("act", in_vain).await;
    assert!(!in_vain.contains_key("SecondsToRecover"), "{in_vain:?}");
}

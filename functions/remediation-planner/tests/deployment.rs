//! What the report of a deployment says that it changed.

mod support;

use serde_json::{Value, json};
use support::{looping, plan_as};

/// Version 7 loops, and an execution was started to verify it.
fn deployed(changed: Value) -> Value {
    let mut event = looping();
    event["trigger"] = json!({ "kind": "deployment", "versionId": 7, "at": "2026-03-04T02:51:00Z", "reason": "r" });
    event["look"]["observation"]["application"]["changed"] = changed;
    event
}

async fn report(mode: &str, event: Value) -> Value {
    let planned = plan_as(mode, event).await.expect("the event is complete");
    planned["report"].clone()
}

#[tokio::test]
async fn a_bad_deployment_is_reported_with_what_it_changed() {
    let changed = json!(["code orders-7.jar", "property topic of group orders"]);
    let report = report("observe", deployed(changed.clone())).await;
    assert_eq!(report["detail"]["deployment"]["changed"], changed);
    assert_eq!(report["detail"]["deployment"]["status"], "FAILED");
    let text = report["text"].as_str().expect("a text");
    let line = "Version 7 changed: code orders-7.jar; property topic of group orders.";
    assert!(text.contains(line), "{text}");
}

#[tokio::test]
async fn what_is_not_known_is_not_said_and_nothing_is_said_so() {
    let unknown = report("observe", deployed(Value::Null)).await;
    assert_eq!(unknown["detail"]["deployment"]["changed"], Value::Null);
    assert!(
        !unknown["text"]
            .as_str()
            .expect("a text")
            .contains("Version 7 changed")
    );
    let nothing = report("observe", deployed(json!([]))).await;
    let text = nothing["text"].as_str().expect("a text");
    assert!(
        text.contains("Version 7 changed nothing that Lifeguard knows of."),
        "{text}"
    );
}

#[tokio::test]
async fn what_an_alarm_started_has_no_part_about_a_deployment() {
    let mut event = deployed(json!(["code orders-7.jar"]));
    event["trigger"] = json!({ "kind": "alarm" });
    let report = report("observe", event).await;
    assert_eq!(report["detail"]["deployment"], Value::Null);
    assert!(
        !report["text"]
            .as_str()
            .expect("a text")
            .contains("Version 7 changed")
    );
}

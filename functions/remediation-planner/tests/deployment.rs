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

/// The same, and the book's line of who deployed.
fn noted(line: &str) -> Value {
    let mut event = deployed(json!(["code orders-7.jar"]));
    event["ledger"] = json!({ "item": { "deployed 7": { "S": line }, "deployed 6": { "S": "2026-03-01T09:00:00Z UpdateApplication user somebody" } } });
    event
}

#[tokio::test]
async fn who_made_the_version_that_is_to_blame_is_named() {
    let event = noted("2026-03-04T02:50:10Z UpdateApplication role deployer, session alice");
    let report = report("observe", event).await;
    assert_eq!(
        report["detail"]["deployment"]["deployedBy"],
        "role deployer, session alice"
    );
    let text = report["text"].as_str().expect("a text");
    let line =
        "Version 7 was made by role deployer, session alice (UpdateApplication, 02:50:10 UTC).";
    assert!(text.contains(line), "{text}");
    assert!(!text.contains("somebody"), "{text}");
}

#[tokio::test]
async fn nobody_is_named_for_another_version_of_that_number_or_by_a_line_that_does_not_parse() {
    for line in [
        "2026-03-04T01:50:10Z UpdateApplication role deployer",
        "yesterday UpdateApplication role deployer",
        "2026-03-04T02:50:10Z",
    ] {
        let report = report("observe", noted(line)).await;
        assert_eq!(report["detail"]["deployment"]["deployedBy"], Value::Null);
        let text = report["text"].as_str().expect("a text");
        assert!(!text.contains("was made by"), "{text}");
    }
}

#[tokio::test]
async fn nobody_is_named_where_the_change_is_not_to_blame() {
    let mut event = noted("2026-03-04T02:50:10Z UpdateApplication role deployer");
    event["look"]["assessment"] = json!({ "is": "healthy", "since": "2026-03-04T02:54:00Z" });
    let report = report("observe", event).await;
    let text = report["text"].as_str().expect("a text");
    assert_eq!(report["detail"]["because"], "healthy", "{text}");
    assert!(!text.contains("was made by"), "{text}");
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

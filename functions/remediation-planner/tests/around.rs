//! What executions tell each other of their applications' troubles: rows in, rows out.

mod support;

use std::sync::{Arc, Mutex};

use lambda_kit::Metrics;
use serde_json::{Value, json};
use support::{looping, plan, plan_counting};

/// As the state machine asks at first: nothing was told yet.
fn asked() -> Value {
    let mut event = looping();
    event["around"] = json!({ "rows": [], "told": null, "asked": false, "isTeller": false });
    event
}

/// As it asks then: its own was written and those of others were read.
async fn asked_again(rows: &[String]) -> Value {
    let told = plan(asked()).await["trouble"].clone();
    let mut event = looping();
    event["around"] = json!({ "rows": rows, "told": told, "asked": true, "isTeller": false });
    event
}

fn row(application: &str, began: &str) -> String {
    json!({ "application": application, "began": began, "versionId": 3, "isProven": true, "isBlamed": false }).to_string()
}

fn three() -> Vec<String> {
    ["bills", "carts", "taxes"]
        .map(|name| row(name, "2026-03-04T02:54:00Z"))
        .to_vec()
}

#[tokio::test]
async fn a_trouble_is_a_row_by_the_time_when_it_began() {
    let answer = plan(asked()).await;
    let mut trouble = answer["trouble"].clone();
    let row: Value = serde_json::from_str(trouble["row"].as_str().expect("a text")).expect("JSON");
    assert_eq!(
        row,
        json!({
            "application": "orders", "began": "2026-03-04T02:52:00Z", "versionId": 7, "madeAt": "2026-03-04T02:50:00Z", "isProven": false, "isBlamed": true
        })
    );
    trouble["row"] = Value::Null;
    assert_eq!(
        trouble,
        json!({
            "key": "2026-03-04T02:52:00Z orders", "row": null, "from": "2026-03-04T02:42:00Z", "until": "2026-03-04T03:02:00Z~", "removeAt": "1772765520"
        })
    );
}

#[tokio::test]
async fn what_others_told_decides() {
    let alone = plan(asked_again(&[]).await).await;
    assert_eq!(alone["because"], "changeToBlame", "{alone}");
    let many = plan(asked_again(&three()).await).await;
    assert_eq!(
        (&many["action"], &many["because"], &many["notice"]["common"]),
        (&json!("wait"), &json!("commonCause"), &json!("unknown")),
        "{many}"
    );
    let subject = many["notice"]["subject"].as_str().expect("a subject");
    assert!(subject.contains("like 3 others, not touched"), "{subject}");
    let text = many["notice"]["text"].as_str().expect("a text");
    assert!(text.contains("bills, carts, taxes"), "{text}");
    // A fraction of a second is no other row.
    let mut rows = three();
    rows[0] = row("bills", "2026-03-04T02:54:00.250Z");
    let many = plan(asked_again(&rows).await).await;
    assert_eq!(many["because"], "commonCause", "{many}");
}

#[tokio::test]
async fn a_row_that_does_not_parse_and_rows_that_could_not_be_read_hold_the_first_change() {
    let mut rows = three();
    rows[1] = r#"{"application":"carts"}"#.to_owned();
    let odd = plan(asked_again(&rows).await).await;
    assert_eq!(
        (&odd["action"], &odd["because"]),
        (&json!("escalate"), &json!("ledgerUnreadable"))
    );
    let mut unread = asked_again(&[]).await;
    unread["around"]["unreadable"] = json!("DynamoDb.RequestLimitExceededException");
    let unread = plan(unread).await;
    assert_eq!(
        (&unread["action"], &unread["because"]),
        (&json!("wait"), &json!("ledgerUnreadable"))
    );
}

#[tokio::test]
async fn the_state_machine_of_the_release_before_asks_nothing_of_others() {
    let answer = plan(looping()).await;
    assert_eq!(answer["because"], "changeToBlame", "{answer}");
}

/// Nothing of a decision happens that is asked for again, so it is not counted.
#[tokio::test]
async fn a_step_is_counted_once() {
    let count = async |event: Value| {
        let records = Arc::new(Mutex::new(Vec::new()));
        let kept = records.clone();
        let metrics =
            Metrics::to(move |record| kept.lock().expect("no panic").push(record.to_owned()));
        plan_counting("act", event, metrics)
            .await
            .expect("it is complete");
        let records = records.lock().expect("no panic");
        records
            .iter()
            .filter(|one| one.to_string().contains("\"Steps\""))
            .count()
    };
    assert_eq!(count(looping()).await, 1);
    assert_eq!(count(asked()).await, 0);
    assert_eq!(count(asked_again(&[]).await).await, 1);
}

#[tokio::test]
async fn others_are_asked_again_when_what_they_have_to_know_has_changed() {
    let asks = async |event: Value| plan(event).await["asksOthers"] == true;
    assert!(asks(asked()).await);
    assert!(!asks(asked_again(&[]).await).await);
    // The next look: nothing new, then its fault is known.
    let mut next = asked_again(&[]).await;
    next["around"]["asked"] = json!(false);
    assert!(!asks(next.clone()).await);
    next["look"]["assessment"]["firstFault"] = json!({
        "exception": "a.B", "message": "a.B: no", "task": null, "at": "2026-03-04T02:56:00Z"
    });
    assert!(asks(next.clone()).await);
    // Its end is told, and nobody is asked for that.
    let mut ends = asked_again(&[]).await;
    ends["around"]["asked"] = json!(false);
    ends["ledger"] = json!({ "item": { "rescues 2026-03-04": { "SS": ["a", "b"] } } });
    let ended = plan(ends.clone()).await;
    assert_eq!(ended["asksOthers"], false);
    assert_ne!(ended["trouble"], ends["around"]["told"]);
}

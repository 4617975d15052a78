//! An execution that ended without an outcome is succeeded by one: whose name and input are made from the event alone, a few times in a row and no more.

mod support;

use lambda_kit::ErrorType;
use serde_json::{Value, json};
use support::{Deployed, fixture};

fn dead(change: impl FnOnce(&mut Value)) -> Value {
    let mut event = fixture("execution-failed");
    change(&mut event["detail"]);
    event
}

fn with_input(input: &Value) -> Value {
    dead(|detail| detail["input"] = json!(input.to_string()))
}

async fn input_of_successor(event: Value) -> Value {
    let deployed = Deployed::new();
    let answer = deployed.invoke(event).await.expect("it is well formed");
    assert_eq!(
        (answer["outcome"].as_str(), deployed.calls().len()),
        (Some("started"), 1),
        "{answer}"
    );
    deployed.inputs().remove(0)
}

#[tokio::test]
async fn each_way_to_end_without_an_outcome_starts_a_successor_that_knows_whom_it_succeeds() {
    for status in ["FAILED", "TIMED_OUT", "ABORTED"] {
        let event = dead(|detail| detail["status"] = json!(status));
        let input = input_of_successor(event.clone()).await;
        let trigger = json!({ "kind": "executionBroke", "execution": event["detail"]["executionArn"], "status": status, "successor": 1 });
        assert_eq!(
            input,
            json!({ "applicationName": "orders", "trigger": trigger })
        );
    }
}

#[tokio::test]
async fn the_same_event_twice_is_the_same_execution_and_another_dead_one_is_another() {
    let name = async |event: Value| {
        let deployed = Deployed::new();
        deployed.invoke(event).await.expect("it is well formed");
        deployed.calls().remove(0)
    };
    let first = name(fixture("execution-failed")).await;
    assert_eq!(first, name(fixture("execution-failed")).await);
    let other = dead(|detail| {
        detail["executionArn"] =
            json!("arn:aws:states:eu-central-1:111122223333:execution:remediate:other")
    });
    assert_ne!(first.body["name"], name(other).await.body["name"]);
}

#[tokio::test]
async fn what_a_person_asked_for_is_told_from_one_to_the_next_and_not_asked_again() {
    let asked = json!({ "applicationName": "orders", "request": { "action": "restore", "snapshotName": "nightly" } });
    let first = input_of_successor(with_input(&asked)).await;
    assert_eq!(
        (&first["trigger"]["asked"], first.get("request")),
        (&json!("restore"), None)
    );
    let second = input_of_successor(with_input(&first)).await;
    assert_eq!(
        (&second["trigger"]["asked"], &second["trigger"]["successor"]),
        (&json!("restore"), &json!(2))
    );
}

#[tokio::test]
async fn whose_lease_it_may_find_and_that_a_person_stopped_the_first_is_told_on() {
    let stopped = dead(|detail| detail["status"] = json!("ABORTED"));
    let first = input_of_successor(stopped.clone()).await;
    assert_eq!(first["trigger"].get("before"), None);
    let second = input_of_successor(with_input(&first)).await;
    assert_eq!(
        second["trigger"]["before"],
        stopped["detail"]["executionArn"]
    );
    assert_eq!(
        second["trigger"]["status"], "ABORTED",
        "the first was stopped, whatever became of its successor"
    );
    // Only a successor's trigger is believed.
    let by_hand = json!({ "applicationName": "orders", "trigger": { "kind": "person", "execution": "x", "status": "ABORTED" } });
    let trigger = input_of_successor(with_input(&by_hand)).await["trigger"].clone();
    assert_eq!(
        (trigger.get("before"), &trigger["status"]),
        (None, &json!("FAILED"))
    );
}

#[tokio::test]
async fn two_follow_each_other_and_a_third_does_not() {
    let mut event = fixture("execution-failed");
    for successor in [1, 2] {
        let input = input_of_successor(event).await;
        assert_eq!(input["trigger"]["successor"], successor);
        event = with_input(&input);
    }
    let deployed = Deployed::new();
    let answer = deployed.invoke(event).await.expect("it is well formed");
    assert_eq!(
        (answer["outcome"].as_str(), deployed.calls().len()),
        (Some("ignored"), 0)
    );
    assert!(
        answer["reason"]
            .as_str()
            .expect("a reason")
            .contains("no other follows"),
        "{answer}"
    );
}

#[tokio::test]
async fn an_execution_that_runs_or_told_its_outcome_asks_for_nothing() {
    for status in ["RUNNING", "SUCCEEDED", "PENDING_REDRIVE"] {
        let deployed = Deployed::new();
        let answer = deployed
            .invoke(dead(|detail| detail["status"] = json!(status)))
            .await
            .expect("it is well formed");
        assert_eq!(
            (answer["outcome"].as_str(), deployed.calls().len()),
            (Some("ignored"), 0),
            "{status}"
        );
    }
}

#[tokio::test]
async fn what_does_not_name_an_execution_of_ours_and_its_application_is_refused_in_words() {
    let long = "x".repeat(10_000);
    for (event, said) in [
        (
            dead(|detail| detail["input"] = Value::Null),
            "is not in the event",
        ),
        (
            dead(|detail| drop(detail.as_object_mut().expect("an object").remove("input"))),
            "is not in the event",
        ),
        (
            dead(|detail| detail["input"] = json!({ "applicationName": "orders" })),
            "is not in the event",
        ),
        (
            dead(|detail| detail["input"] = json!("{\"applicationName\":")),
            "is not JSON",
        ),
        (with_input(&json!({})), "names no application"),
        (with_input(&json!(["orders"])), "names no application"),
        (
            with_input(&json!({ "applicationName": 7 })),
            "names no application",
        ),
        (
            with_input(&json!({ "applicationName": "or ders" })),
            "is not a name that an application can have",
        ),
        (
            with_input(&json!({ "applicationName": long })),
            "is not a name that an application can have",
        ),
        (
            dead(|detail| detail["executionArn"] = Value::Null),
            "does not name it",
        ),
        (
            dead(|detail| detail["status"] = json!(long)),
            "which is not known",
        ),
    ] {
        let deployed = Deployed::new();
        let failure = deployed.invoke(event.clone()).await.expect_err(said);
        assert_eq!(
            (failure.error_type, deployed.calls().len()),
            (ErrorType::BadInput, 0),
            "{failure}"
        );
        assert!(
            failure.message.contains(said) && failure.message.len() < 1_000,
            "{failure}"
        );
        assert_eq!(deployed.metrics()[0]["AlarmsRefused"], 1, "{event}");
    }
}

#[tokio::test]
async fn the_end_of_an_execution_of_another_state_machine_is_no_error() {
    for event in [
        dead(|detail| {
            detail["stateMachineArn"] =
                json!("arn:aws:states:eu-central-1:111122223333:stateMachine:other");
        }),
        json!({ "source": "aws.states", "detail-type": "Step Functions Execution Status Change" }),
    ] {
        let deployed = Deployed::new();
        let answer = deployed.invoke(event).await.expect("no error");
        assert_eq!(answer["outcome"], "refused");
        let reason = answer["reason"].as_str().expect("a reason");
        assert!(reason.contains("another state machine"), "{reason}");
        assert!(deployed.calls().is_empty());
    }
}

#[tokio::test]
async fn whose_lease_is_taken_over_is_an_execution_of_this_state_machine() {
    for before in [
        "arn:aws:states:eu-central-1:999988887777:execution:remediate:x",
        "arn:aws:states:eu-central-1:111122223333:execution:other:x",
        "x",
    ] {
        let trigger = json!({ "kind": "executionBroke", "execution": before, "status": "FAILED", "successor": 1 });
        let input = json!({ "applicationName": "orders", "trigger": trigger });
        let successor = input_of_successor(with_input(&input)).await;
        assert_eq!(successor["trigger"].get("before"), None, "{before}");
    }
}

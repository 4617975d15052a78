//! The rollback over the real SDK client: exactly one call when it is due, none when it is not, and a fresh look after a lost answer.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../shared/managed-flink/tests/support/mod.rs"]
mod support;

use lambda_kit::{Env, ErrorType, Failure, Function, Invocation, answer};
use rollback::Rollback;
use serde_json::{Value, json};
use support::service::{Fault, Lines, Service, full};

fn running() -> Service {
    let service = Service::new(full());
    service
        .with("ApplicationStatus", "RUNNING")
        .with("ApplicationVersionRolledBackFrom", Value::Null);
    service
}

fn event() -> Value {
    json!({ "applicationName": "orders", "plan": { "versionId": 7, "reason": "the change is to blame", "status": "RUNNING" }, "dryRun": false, "redriveCount": 0 })
}

/// A stack that acts.
fn acting() -> Env {
    Env::from_iter([
        ("MODE", "act"),
        ("FORCE_STOP", "enabled"),
        (
            "USABLE_KEYS",
            "arn:aws:kms:us-east-1:123456789012:key/key-1",
        ),
    ])
}

/// As the Lambda runtime does it, from JSON to JSON. No property value may show anywhere in what is answered or logged.
async fn run(service: &Service, event: Value) -> Result<Value, Failure> {
    run_in(&acting(), service, event).await
}

async fn run_in(env: &Env, service: &Service, event: Value) -> Result<Value, Failure> {
    let (lines, _listening) = Lines::start();
    let function = Rollback::build(env, &service.double.aws()).unwrap();
    let result = answer(
        &function,
        event,
        Invocation {
            request_id: "r1".into(),
            now: jiff::Timestamp::UNIX_EPOCH,
        },
    )
    .await;
    let seen = format!("{result:?} {}", lines.text());
    assert!(!seen.contains("marker"), "{seen}");
    result
}

fn sent() -> Vec<(String, Value)> {
    vec![(
        "RollbackApplication".to_owned(),
        json!({ "ApplicationName": "orders", "CurrentApplicationVersionId": 7 }),
    )]
}

#[tokio::test]
async fn it_looks_and_calls_once_fenced_by_the_version() {
    for status in ["RUNNING", "UPDATING", "AUTOSCALING"] {
        let service = running();
        service.with("ApplicationStatus", status);
        let mut event = event();
        event["plan"]["status"] = status.into();
        assert_eq!(
            run(&service, event).await.unwrap(),
            json!({ "outcome": "accepted", "operationId": "op-rollback", "versionId": 7 })
        );
        assert_eq!(
            service.double.verbs(),
            [
                "DescribeApplication",
                "ListTagsForResource",
                "RollbackApplication"
            ]
        );
        assert_eq!(service.changes(), sent());
    }
}

#[tokio::test]
async fn what_has_become_busy_since_the_decision_is_not_rolled_back() {
    for (decided, now) in [
        ("RUNNING", "AUTOSCALING"),
        ("UPDATING", "AUTOSCALING"),
        ("RUNNING", "UPDATING"),
    ] {
        let service = running();
        service.with("ApplicationStatus", now);
        let mut event = event();
        event["plan"]["status"] = decided.into();
        assert_eq!(
            run(&service, event).await.unwrap_err().error_type,
            ErrorType::Stale
        );
        assert!(service.changes().is_empty());
    }
}

#[tokio::test]
async fn run_twice_it_calls_once() {
    let service = running();
    run(&service, event()).await.unwrap();
    assert_eq!(
        run(&service, event()).await.unwrap(),
        json!({ "outcome": "alreadyDone", "versionId": 7 })
    );
    service
        .with("ApplicationStatus", "RUNNING")
        .with("ApplicationVersionId", 8)
        .with("ApplicationVersionRolledBackFrom", 7);
    assert_eq!(
        run(&service, event()).await.unwrap(),
        json!({ "outcome": "alreadyDone", "versionId": 8 })
    );
    assert_eq!(service.changes(), sent());
}

#[tokio::test]
async fn the_services_own_rollback_goes_first() {
    let service = running();
    service.with("ApplicationStatus", "ROLLING_BACK");
    assert_eq!(
        run(&service, event()).await.unwrap()["outcome"],
        "alreadyDone"
    );
    assert!(service.changes().is_empty());
}

#[tokio::test]
async fn a_lost_answer_leads_to_a_look_and_not_to_a_second_call() {
    let service = running();
    service.fault("RollbackApplication", Fault::LoseAnswer);
    assert_eq!(
        run(&service, event()).await.unwrap(),
        json!({ "outcome": "accepted", "versionId": 7 })
    );
    assert_eq!(
        service.double.verbs().last().unwrap(),
        "DescribeApplication"
    );
    assert_eq!(service.changes(), sent());
}

#[tokio::test]
async fn a_call_that_never_arrived_is_worth_another_try_by_the_state_machine() {
    let service = running();
    service.fault("RollbackApplication", Fault::Cut);
    assert_eq!(
        run(&service, event()).await.unwrap_err().error_type,
        ErrorType::Retryable
    );
    assert_eq!(service.changes().len(), 1, "not repeated by itself");
    assert_eq!(run(&service, event()).await.unwrap()["outcome"], "accepted");
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_and_an_unreadable_look_are_worth_another_try() {
    let service = running();
    // The SDK makes four tries of the second look; the first look passes before the faults are armed by the call itself.
    service
        .fault("RollbackApplication", Fault::LoseAnswer)
        .set(|state| state.unreadable_after_change = true);
    assert_eq!(
        run(&service, event()).await.unwrap_err().error_type,
        ErrorType::Retryable
    );
    service.set(|state| state.unreadable_after_change = false);
    assert_eq!(
        run(&service, event()).await.unwrap()["outcome"],
        "alreadyDone"
    );
    assert_eq!(service.changes(), sent());
}

#[tokio::test]
async fn a_refusal_is_told_in_the_services_words_whatever_its_error() {
    for code in [
        "InvalidArgumentException",
        "InvalidRequestException",
        "UnsupportedOperationException",
        "NewException",
    ] {
        let service = running();
        service.fault(
            "RollbackApplication",
            Fault::Refuse(
                code,
                "the application has no snapshots; url is marker-secret-two".into(),
            ),
        );
        let failure = run(&service, event()).await.unwrap_err();
        assert_eq!(failure.error_type, ErrorType::Refused, "{code}");
        assert!(
            failure.message.contains("orders")
                && failure.message.contains("the application has no snapshots"),
            "{}",
            failure.message
        );
    }
}

#[tokio::test]
async fn permissions_throttling_and_a_hand_in_between_are_told_apart() {
    for (code, expected) in [
        ("AccessDeniedException", ErrorType::NotAllowed),
        ("ThrottlingException", ErrorType::Retryable),
        ("ConcurrentModificationException", ErrorType::Stale),
    ] {
        let service = running();
        service.fault("RollbackApplication", Fault::Refuse(code, "no".into()));
        assert_eq!(
            run(&service, event()).await.unwrap_err().error_type,
            expected,
            "{code}"
        );
        assert_eq!(service.changes().len(), 1);
    }
}

#[tokio::test]
async fn a_stale_plan_sends_nothing() {
    let service = running();
    service.with("ApplicationVersionId", 8);
    let failure = run(&service, event()).await.unwrap_err();
    assert_eq!(failure.error_type, ErrorType::Stale);
    assert!(
        failure.message.contains("version 8") && failure.message.contains("version 7"),
        "{}",
        failure.message
    );
    for status in [
        "READY",
        "STARTING",
        "STOPPING",
        "FORCE_STOPPING",
        "MAINTENANCE",
        "DELETING",
        "ROLLED_BACK",
        "SOMETHING_NEW",
    ] {
        let service = running();
        service.with("ApplicationStatus", status);
        assert_eq!(
            run(&service, event()).await.unwrap_err().error_type,
            ErrorType::Stale,
            "{status}"
        );
        assert!(service.changes().is_empty(), "{status}");
    }
}

#[tokio::test]
async fn an_application_that_has_not_opted_in_is_not_touched() {
    for tags in [
        vec![],
        vec![("lifeguard:managed", "false")],
        vec![("lifeguard:managed", "TRUE")],
        vec![("managed", "true")],
    ] {
        let service = running();
        service.set(|state| {
            state.tags = tags
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect()
        });
        let failure = run(&service, event()).await.unwrap_err();
        assert_eq!(failure.error_type, ErrorType::NotAllowed);
        assert!(
            failure.message.contains("lifeguard:managed=true"),
            "{}",
            failure.message
        );
        assert!(service.changes().is_empty());
    }
    let service = running();
    service.with("RuntimeEnvironment", "SQL-1_0");
    assert_eq!(
        run(&service, event()).await.unwrap_err().error_type,
        ErrorType::NotAllowed
    );
    assert!(service.changes().is_empty());
}

/// A stack of that name that acts.
fn acting_as(stack: &str) -> Env {
    Env::from_iter([
        ("MODE", "act"),
        ("FORCE_STOP", "enabled"),
        ("STACK_NAME", stack),
        (
            "USABLE_KEYS",
            "arn:aws:kms:us-east-1:123456789012:key/key-1",
        ),
    ])
}

/// Tags of an application that has opted in, with this owner.
fn owned_by(stack: Option<&str>) -> std::collections::BTreeMap<String, String> {
    let owner = stack.map(|name| ("lifeguard:stack".to_owned(), name.to_owned()));
    let managed = ("lifeguard:managed".to_owned(), "true".to_owned());
    owner.into_iter().chain([managed]).collect()
}

#[tokio::test]
async fn an_application_of_another_stack_or_of_none_is_not_touched() {
    for (own, tag, said) in [
        ("lifeguard", Some("payments"), "belongs to stack payments"),
        ("payments", None, "belongs to stack lifeguard"),
        ("payments", Some("payments2"), "belongs to stack payments2"),
        ("lifeguard", Some(""), "lifeguard:stack"),
        ("lifeguard", Some(" "), "lifeguard:stack"),
    ] {
        let service = running();
        service.set(|state| state.tags = owned_by(tag));
        let failure = run_in(&acting_as(own), &service, event())
            .await
            .unwrap_err();
        assert_eq!(failure.error_type, ErrorType::NotAllowed, "{failure}");
        assert!(failure.message.contains(said), "{failure}");
        assert!(service.changes().is_empty(), "{own} {tag:?}");
    }
    for (own, tag) in [
        ("lifeguard", Some("lifeguard")),
        ("payments", Some("payments")),
    ] {
        let service = running();
        service.set(|state| state.tags = owned_by(tag));
        assert!(run_in(&acting_as(own), &service, event()).await.is_ok());
        assert_eq!(service.changes(), sent());
    }
}

#[tokio::test(start_paused = true)]
async fn reads_that_take_too_long_send_nothing_and_are_tried_again() {
    for verb in ["DescribeApplication", "ListTagsForResource"] {
        let service = running();
        service.set(|state| state.held = vec![verb]);
        let began = tokio::time::Instant::now();
        let failure = run(&service, event()).await.unwrap_err();
        assert_eq!(failure.error_type, ErrorType::Retryable, "{failure}");
        assert!(
            began.elapsed().as_secs() < 25,
            "{verb}: time is left for the change"
        );
        assert!(service.changes().is_empty(), "{verb}");
    }
}

#[tokio::test]
async fn a_stack_that_observes_rolls_nothing_back_whoever_calls() {
    let service = running();
    let env = Env::from_iter([("MODE", "observe"), ("FORCE_STOP", "enabled")]);
    let failure = run_in(&env, &service, event()).await.unwrap_err();
    assert_eq!(failure.error_type, ErrorType::NotAllowed);
    assert!(
        failure.message.contains("this stack only observes"),
        "{failure}"
    );
    assert!(service.double.verbs().is_empty(), "nothing is even read");
}

#[tokio::test]
async fn an_application_that_is_only_observed_is_not_rolled_back() {
    for (tag, value, said) in [
        ("lifeguard:mode", "observe", "lifeguard:mode=observe"),
        ("lifeguard:mode", "agressive", "write observe or act"),
        ("lifeguard:soak", "5", "lifeguard:soak"),
        ("lifeguard:sook", "5m", "no such tag"),
    ] {
        let service = running();
        service.set(|state| drop(state.tags.insert(tag.into(), value.into())));
        let failure = run(&service, event()).await.unwrap_err();
        assert_eq!(failure.error_type, ErrorType::NotAllowed, "{tag}={value}");
        assert!(failure.message.contains(said), "{failure}");
        assert!(service.changes().is_empty(), "{tag}={value}");
    }
}

#[test]
fn without_a_mode_it_does_not_start() {
    let service = running();
    for (env, said) in [
        (Env::default(), "MODE"),
        (Env::from_iter([("MODE", "")]), "MODE"),
        (Env::from_iter([("MODE", "Act")]), "write observe or act"),
        (Env::from_iter([("MODE", "act")]), "FORCE_STOP"),
    ] {
        let error = Rollback::build(&env, &service.double.aws())
            .unwrap_err()
            .to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[tokio::test]
async fn a_wrong_input_is_bad_input() {
    for input in [
        json!({}),
        json!({ "applicationName": "orders" }),
        json!({ "applicationName": "orders", "plan": { "versionId": "seven" } }),
    ] {
        assert_eq!(
            run(&running(), input).await.unwrap_err().error_type,
            ErrorType::BadInput
        );
    }
    let service = running();
    service.fault(
        "DescribeApplication",
        Fault::Refuse("ResourceNotFoundException", "not found".into()),
    );
    let failure = run(&service, event()).await.unwrap_err();
    assert_eq!(failure.error_type, ErrorType::BadInput);
    assert!(failure.message.contains("check the name and the region"));
}

#[tokio::test]
async fn what_is_under_a_key_or_in_a_mode_that_is_not_ours_to_use_is_not_rolled_back() {
    let key = running();
    key.set(|state| {
        let configuration = &mut state.application["ApplicationConfigurationDescription"];
        configuration["ApplicationEncryptionConfigurationDescription"]["KeyId"] = "key-2".into();
    });
    let mode = running();
    mode.set(|state| {
        let configuration = &mut state.application["ApplicationConfigurationDescription"];
        configuration["ApplicationSnapshotConfigurationDescription"]["SnapshotMode"] = "NEW".into();
    });
    for (service, named) in [(key, "key-2"), (mode, "snapshot mode is NEW")] {
        let failure = run(&service, event()).await.unwrap_err();
        assert_eq!(failure.error_type, ErrorType::NotAllowed);
        assert!(failure.message.contains(named), "{}", failure.message);
        assert!(service.changes().is_empty());
    }
}

//! Every envelope and every odd form of it, through the function as it is deployed: what is started, ignored, refused, and in which words.

mod support;

use lambda_kit::ErrorType;
use serde_json::{Value, json};
use support::{Deployed, fixture, fixtures};

/// Tells two of the three children of the composite in the fixtures.
const CHILDREN: (&str, &str) = (
    "ALARM_APPLICATIONS",
    "lifeguard-orders-eu-restarts=orders-eu,lifeguard-payments-restarts=payments,lifeguard-clicks-restarts=clicks",
);
/// Tells the composite itself.
const COMPOSITE: (&str, &str) = ("ALARM_APPLICATIONS", "shop down=shop");

async fn starts(name: &str, expected: &[&str]) -> Vec<Value> {
    starts_with(Deployed::new(), name, expected).await
}

async fn starts_with(deployed: Deployed, name: &str, expected: &[&str]) -> Vec<Value> {
    let answer = deployed
        .invoke(fixture(name))
        .await
        .unwrap_or_else(|failure| panic!("{name}: {failure}"));
    assert_eq!(deployed.applications(), expected, "{name}");
    assert_eq!(answer["outcome"], "started", "{name}");
    deployed.inputs()
}

async fn ignores(name: &str) -> String {
    let deployed = Deployed::new();
    let answer = deployed
        .invoke(fixture(name))
        .await
        .unwrap_or_else(|failure| panic!("{name}: {failure}"));
    assert_eq!(
        (
            answer["outcome"].as_str(),
            deployed.calls().len(),
            answer.get("executions")
        ),
        (Some("ignored"), 0, None),
        "{name}"
    );
    answer["reason"].as_str().expect("a reason").to_owned()
}

async fn refuses(name: &str) -> String {
    refuses_event(name, fixture(name)).await
}

/// Refused, which is no error: Lambda would try it twice more and keep it as a dead letter.
async fn refuses_event(name: &str, event: Value) -> String {
    let deployed = Deployed::new();
    let answer = deployed
        .invoke(event)
        .await
        .unwrap_or_else(|failure| panic!("{name}: {failure}"));
    assert_eq!(
        (
            answer["outcome"].as_str(),
            deployed.calls().len(),
            answer.get("executions")
        ),
        (Some("refused"), 0, None),
        "{name}: {answer}"
    );
    assert_eq!(deployed.metrics()[0]["AlarmsRefused"], 1, "{name}");
    let message = answer["reason"].as_str().expect("a reason").to_owned();
    assert!(
        message.len() < 1_000,
        "{name}: a reason is bounded, this one has {} bytes",
        message.len()
    );
    message
}

#[tokio::test]
async fn the_same_metric_math_alarm_is_the_same_execution_in_every_envelope() {
    let mut calls = Vec::new();
    for name in [
        "eventbridge-metric-math",
        "lambda-metric-math",
        "sns-metric-math",
        "sns-eventbridge-metric-math",
    ] {
        let deployed = Deployed::new();
        deployed.invoke(fixture(name)).await.unwrap();
        assert_eq!(deployed.calls().len(), 1, "{name}");
        calls.extend(deployed.calls());
    }
    let first = &calls[0];
    assert!(calls.iter().all(|call| call == first), "{calls:#?}");
    assert_eq!(first.verb, "AWSStepFunctions.StartExecution");
    assert_eq!(first.body["stateMachineArn"], support::STATE_MACHINE);
    assert_eq!(
        serde_json::from_str::<Value>(&first.input).unwrap(),
        json!({
            "applicationName": "orders",
            "trigger": {
                "kind": "alarm",
                "alarmName": "orders restarts",
                "at": "2026-03-01T10:05:48.554Z",
                "reason": fixture("eventbridge-metric-math")["detail"]["state"]["reason"],
            },
        })
    );
}

#[tokio::test]
async fn odd_but_real_alarms_are_read() {
    for name in [
        "sns-single-metric",
        "sns-null-description",
        "eventbridge-null-description",
        "eventbridge-period-86400",
        "lambda-no-reason-data-no-previous-state",
        "eventbridge-anomaly-detection",
        // CloudWatch ran the action, so nothing mutes it now.
        "lambda-mute-detail",
    ] {
        starts(name, &["orders"]).await;
    }
}

#[tokio::test]
async fn an_alarm_without_a_reason_says_so() {
    let inputs = starts("eventbridge-no-reason", &["orders"]).await;
    assert_eq!(inputs[0]["trigger"]["reason"], "the alarm gives no reason");
}

#[tokio::test]
async fn without_the_states_time_the_envelopes_time_counts() {
    let inputs = starts("eventbridge-state-time-missing", &["orders"]).await;
    assert_eq!(inputs[0]["trigger"]["at"], "2026-03-01T10:05:48Z");
    let mut event = fixture("eventbridge-state-time-missing");
    event["time"] = json!("yesterday");
    assert!(
        refuses_event("no time", event)
            .await
            .contains(r#"nothing tells when the alarm "orders restarts" changed its state"#)
    );
}

#[tokio::test]
async fn each_application_gets_one_execution() {
    starts("eventbridge-two-applications", &["orders", "payments"]).await;
    starts("sns-two-records", &["orders", "payments"]).await;
    let inputs = starts("sns-two-alarms-of-one-application", &["orders"]).await;
    assert_eq!(inputs[0]["trigger"]["alarmName"], "orders restarts");
}

#[tokio::test]
async fn a_bad_record_is_told_and_does_not_hold_back_a_good_one() {
    let deployed = Deployed::new();
    let answer = deployed
        .invoke(fixture("sns-one-good-one-rubbish"))
        .await
        .unwrap();
    assert_eq!(deployed.applications(), ["orders"]);
    assert_eq!(answer["outcome"], "started");
    assert!(
        answer["refused"][0]
            .as_str()
            .is_some_and(|said| said.contains("an SNS message is not JSON")),
        "{answer}"
    );
    assert_eq!(deployed.metrics()[0]["AlarmsRefused"], 1);
}

#[tokio::test]
async fn a_composite_that_nobody_mapped_is_ignored_and_says_how_to_map_it() {
    for name in [
        "eventbridge-composite-children",
        "lambda-composite-children",
        "sns-composite-children",
    ] {
        let message = ignores(name).await;
        assert!(
            message.contains(r#"the alarm "shop down" is a composite and carries no application"#),
            "{message}"
        );
        assert!(
            message.contains(r#"("lifeguard-orders-eu-restarts", "lifeguard-payments-restarts")"#),
            "{message}"
        );
        assert!(message.contains("ALARM_APPLICATIONS"), "{message}");
        starts_with(Deployed::with([COMPOSITE]), name, &["shop"]).await;
        // The child that is OK is not remediated.
        starts_with(Deployed::with([CHILDREN]), name, &["orders-eu", "payments"]).await;
    }
    let message = ignores("lambda-composite-without-reason-data").await;
    assert!(message.contains("(nothing it names)"), "{message}");
    starts_with(
        Deployed::with([COMPOSITE]),
        "lambda-composite-without-reason-data",
        &["shop"],
    )
    .await;
    // Some are mapped, this one is not.
    let other = ("ALARM_APPLICATIONS", "pay down=payments");
    let deployed = Deployed::with([other]);
    let answer = deployed
        .invoke(fixture("eventbridge-composite-children"))
        .await
        .unwrap();
    assert_eq!(answer["outcome"], "ignored");
    let counted = &deployed.metrics()[0];
    assert_eq!(
        (&counted["AlarmsIgnored"], counted.get("AlarmsRefused")),
        (&json!(1), None)
    );
}

#[tokio::test]
async fn what_is_odd_about_an_applications_name_is_said() {
    for (name, said) in [
        ("orders ", "it ends with a blank"),
        (" orders", "it begins with a blank"),
        (
            "arn:aws:kinesisanalytics:eu-central-1:111122223333:application/orders",
            "it is an ARN: write the name, orders",
        ),
    ] {
        let mut event = fixture("eventbridge-metric-math");
        event["detail"]["configuration"]["metrics"][1]["metricStat"]["metric"]["dimensions"]["Application"] =
            json!(name);
        let message = refuses_event(name, event).await;
        assert!(message.contains(said), "{message}");
        let setting = format!("shop down={name}");
        let error = Deployed::build([("ALARM_APPLICATIONS", setting.as_str())])
            .err()
            .expect("refused")
            .to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[tokio::test]
async fn the_dimension_counts_more_than_the_setting() {
    starts_with(
        Deployed::with([("ALARM_APPLICATIONS", "orders restarts=payments")]),
        "eventbridge-metric-math",
        &["orders"],
    )
    .await;
}

#[tokio::test]
async fn an_insights_alarm_can_be_told_by_the_setting() {
    let message = refuses("eventbridge-insights-summary").await;
    assert!(
        message.contains(r#"the alarm "any restarts" watches nothing it names"#),
        "{message}"
    );
    starts_with(
        Deployed::with([("ALARM_APPLICATIONS", "any restarts=orders")]),
        "eventbridge-insights-summary",
        &["orders"],
    )
    .await;
}

#[tokio::test]
async fn transitions_to_ok_and_to_no_data_are_ignored_with_a_reason() {
    assert_eq!(
        ignores("eventbridge-ok").await,
        r#"the alarm "orders restarts" went to OK"#
    );
    assert_eq!(
        ignores("sns-ok").await,
        r#"the alarm "orders restarts" went to OK"#
    );
    assert_eq!(
        ignores("sns-insufficient-data").await,
        r#"the alarm "orders restarts" went to INSUFFICIENT_DATA"#
    );
    assert_eq!(
        ignores("lambda-insufficient-data").await,
        r#"the alarm "orders restarts" went to INSUFFICIENT_DATA"#
    );
}

#[tokio::test]
async fn what_cloudwatch_holds_back_from_actions_is_ignored_when_eventbridge_delivers_it() {
    let muted = ignores("eventbridge-muted").await;
    assert!(
        muted.contains("its actions are muted by")
            && muted.contains("alarm-mute-rule:upgrade-of-orders"),
        "{muted}"
    );
    assert!(
        muted.contains("until \"2026-03-01T12:00:00.000+0000\""),
        "{muted}"
    );
    assert!(
        ignores("eventbridge-composite-muted")
            .await
            .contains("its actions are muted by")
    );
    let suppressed = ignores("eventbridge-composite-suppressed").await;
    assert_eq!(
        suppressed,
        r#"the alarm "shop down" went to ALARM, but its actions are suppressed by "Alarm""#
    );
}

#[tokio::test]
async fn what_is_not_about_an_application_is_refused_and_names_what_was_seen() {
    for (name, words) in [
        (
            "eventbridge-other-namespace",
            r#"the alarm "billing latency" watches "AWS/EC2", and not a metric in AWS/KinesisAnalytics"#,
        ),
        ("sns-other-namespace", r#"watches "AWS/Kinesis", and not"#),
        (
            "eventbridge-no-application-dimension",
            r#"watches "AWS/KinesisAnalytics", and not a metric in AWS/KinesisAnalytics with the dimension Application"#,
        ),
        (
            "eventbridge-contributor",
            r#"the alarm "any restarts" sent the event of one contributor"#,
        ),
        (
            "lambda-contributor",
            r#"the alarm "any restarts" sent the event of one contributor"#,
        ),
        (
            "eventbridge-unknown-state",
            r#"is in the state "PANIC", which is not known"#,
        ),
        (
            "eventbridge-configuration-change",
            r#"it is "CloudWatch Alarm Configuration Change" from "aws.cloudwatch""#,
        ),
        (
            "eventbridge-forged-source",
            r#"it is "CloudWatch Alarm State Change" from "com.example.shop""#,
        ),
        (
            "eventbridge-bad-application-name",
            r#""or ders/../x" is not a name that an application can have"#,
        ),
        (
            "sqs-record",
            r#"a record comes from "aws:sqs" and holds no SNS message"#,
        ),
    ] {
        let message = refuses(name).await;
        assert!(
            message.starts_with("alarm-handler refuses the event: "),
            "{message}"
        );
        assert!(message.contains(words), "{name}: {message}");
    }
}

#[tokio::test]
async fn rubbish_is_refused_and_its_values_are_not_repeated() {
    for (name, words) in [
        ("rubbish-empty-object", "it is no alarm but an empty object"),
        ("rubbish-number", "it is no alarm but a number"),
        ("rubbish-array", "it is no alarm but an array of 3"),
        ("rubbish-null", "it is no alarm but null"),
        ("rubbish-string", "it is no alarm but a string"),
        (
            "rubbish-records-empty",
            r#"it is no alarm but an object with "Records""#,
        ),
        (
            "rubbish-other-keys",
            r#"it is no alarm but an object with "password", "ALARM", "Application""#,
        ),
        (
            "rubbish-deep",
            r#"it is no alarm but an object with "detail""#,
        ),
        ("rubbish-deep-sns-message", "an SNS message is not JSON"),
    ] {
        let message = refuses(name).await;
        assert!(message.contains(words), "{name}: {message}");
        assert!(!message.contains("hunter2"), "{message}");
    }
}

#[tokio::test]
async fn huge_texts_are_cut_wherever_they_stand() {
    let huge = "ü".repeat(1_000_000);
    for pointer in [
        "/detail-type",
        "/source",
        "/detail/state/value",
        "/detail/configuration/metrics/1/metricStat/metric/dimensions/Application",
    ] {
        let mut event = fixture("eventbridge-metric-math");
        *event.pointer_mut(pointer).unwrap() = json!(huge);
        refuses_event(pointer, event).await;
    }
    refuses_event("key", json!({ huge.clone(): 1 })).await;
    refuses_event(
        "keys",
        Value::Object((0..100_000).map(|n| (n.to_string(), json!(n))).collect()),
    )
    .await;

    let mut event = fixture("eventbridge-metric-math");
    event["detail"]["state"]["reason"] = json!(huge);
    event["detail"]["alarmName"] = json!(huge);
    event["detail"]["configuration"]["description"] = json!(huge);
    let deployed = Deployed::new();
    deployed.invoke(event).await.unwrap();
    let trigger = &deployed.inputs()[0]["trigger"];
    assert_eq!(trigger["reason"].as_str().unwrap().chars().count(), 500);
    assert_eq!(trigger["alarmName"].as_str().unwrap().chars().count(), 255);
}

#[tokio::test]
async fn two_alarms_whose_names_are_cut_alike_would_still_be_two_executions() {
    // CloudWatch allows no such names; should it ever, the hash must not be of the cut name.
    let mut names = Vec::new();
    for end in ["1", "2"] {
        let mut event = fixture("eventbridge-metric-math");
        event["detail"]["alarmName"] = json!(format!("{}{end}", "x".repeat(300)));
        let deployed = Deployed::new();
        deployed.invoke(event).await.unwrap();
        names.push(deployed.calls()[0].body["name"].clone());
    }
    assert_ne!(names[0], names[1]);
}

#[tokio::test]
async fn every_fixture_is_answered_or_refused_and_no_other_verb_is_called() {
    for name in fixtures() {
        for settings in [None, Some(COMPOSITE), Some(CHILDREN)] {
            let deployed = settings.map_or_else(Deployed::new, |setting| Deployed::with([setting]));
            let failed = deployed.invoke(fixture(&name)).await.err();
            // Only an execution of ours that nobody can succeed needs somebody to look into the event.
            let kept = (name == "execution-input-left-out").then_some(ErrorType::BadInput);
            assert_eq!(failed.map(|failure| failure.error_type), kept, "{name}");
            assert!(
                deployed
                    .calls()
                    .iter()
                    .all(|call| call.verb == "AWSStepFunctions.StartExecution"),
                "{name}"
            );
        }
    }
}

//! Starting, as it goes over the wire: once, again, and when Step Functions does not want to.

mod support;

use std::collections::BTreeSet;

use lambda_kit::{ErrorType, Metric};
use serde_json::{Value, json};
use support::{Deployed, Reply, fixture};

const EXISTS: Reply = Reply::Error(400, "ExecutionAlreadyExists", "Execution Already Exists");
const THROTTLED: Reply = Reply::Error(400, "ThrottlingException", "Rate exceeded");
const DENIED: Reply = Reply::Error(
    400,
    "AccessDeniedException",
    "User is not authorized to perform: states:StartExecution",
);
/// All attempts that the SDK makes of one call.
const ATTEMPTS: usize = 4;

fn counted(lines: &[Value]) -> BTreeSet<String> {
    let metrics = lines.iter().flat_map(|line| {
        line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
            .as_array()
            .expect("metrics")
    });
    metrics
        .map(|metric| metric["Name"].as_str().expect("a name").to_owned())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn an_alarm_starts_one_execution_and_the_answer_says_which() {
    let deployed = Deployed::new();
    let answer = deployed
        .invoke(fixture("eventbridge-metric-math"))
        .await
        .unwrap();
    let name = deployed.calls()[0].body["name"].clone();
    assert!(
        name.as_str()
            .unwrap()
            .starts_with("orders-20260301T100548Z-"),
        "{name}"
    );
    assert_eq!(
        answer,
        json!({ "outcome": "started", "executions": [{ "applicationName": "orders", "executionName": name, "outcome": "started" }] })
    );
}

#[tokio::test(start_paused = true)]
async fn the_same_event_twice_asks_for_the_same_execution_byte_by_byte() {
    let deployed = Deployed::new().replies([Reply::Started, EXISTS]);
    deployed.invoke(fixture("sns-metric-math")).await.unwrap();
    let again = deployed.invoke(fixture("sns-metric-math")).await.unwrap();
    let calls = deployed.calls();
    assert_eq!(calls.len(), 2);
    assert_eq!(calls[0], calls[1]);
    assert_eq!(calls[0].input.as_bytes(), calls[1].input.as_bytes());
    assert_eq!(again["outcome"], "alreadyStarted");
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_exists_is_no_error() {
    let deployed = Deployed::new().replies([EXISTS]);
    let answer = deployed
        .invoke(fixture("eventbridge-metric-math"))
        .await
        .unwrap();
    assert_eq!(answer["outcome"], "alreadyStarted");
    assert_eq!(
        counted(&deployed.metrics()),
        BTreeSet::from(["ExecutionsAlreadyStarted".to_owned()])
    );
}

#[tokio::test(start_paused = true)]
async fn of_two_applications_one_new_one_makes_the_answer_started() {
    let deployed = Deployed::new().replies([EXISTS, Reply::Started]);
    let answer = deployed
        .invoke(fixture("eventbridge-two-applications"))
        .await
        .unwrap();
    assert_eq!(answer["outcome"], "started");
    assert_eq!(answer["executions"][0]["outcome"], "alreadyStarted");
    assert_eq!(answer["executions"][1]["outcome"], "started");
}

#[tokio::test(start_paused = true)]
async fn throttling_is_waited_out() {
    let deployed = Deployed::new().replies([
        THROTTLED,
        Reply::Error(500, "InternalFailure", "try again"),
        Reply::Broken,
        Reply::Started,
    ]);
    let answer = deployed
        .invoke(fixture("eventbridge-metric-math"))
        .await
        .unwrap();
    assert_eq!(answer["outcome"], "started");
    let names: BTreeSet<_> = deployed
        .calls()
        .iter()
        .map(|call| call.body["name"].to_string())
        .collect();
    assert_eq!((deployed.calls().len(), names.len()), (ATTEMPTS, 1));
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_whose_execution_is_over_by_the_next_try_is_already_started() {
    let deployed = Deployed::new().replies([Reply::Broken, EXISTS]);
    assert_eq!(
        deployed
            .invoke(fixture("eventbridge-metric-math"))
            .await
            .unwrap()["outcome"],
        "alreadyStarted"
    );
}

#[tokio::test(start_paused = true)]
async fn each_refusal_of_the_service_has_its_error_type_and_tells_the_whole_chain() {
    use ErrorType::{Internal, NotAllowed, Retryable};
    let cases = [
        (Retryable, THROTTLED, "Rate exceeded"),
        (
            Retryable,
            Reply::Error(429, "TooManyRequestsException", "slow down"),
            "slow down",
        ),
        (
            Retryable,
            Reply::Error(400, "ExecutionLimitExceeded", "too many are open"),
            "too many are open",
        ),
        (
            Retryable,
            Reply::Error(400, "KmsThrottlingException", "KMS is busy"),
            "KMS is busy",
        ),
        (
            Retryable,
            Reply::Error(500, "InternalFailure", "sorry"),
            "sorry",
        ),
        (
            Retryable,
            Reply::Error(503, "NobodyKnowsThisOne", "sorry"),
            "sorry",
        ),
        (Retryable, Reply::Broken, "connection reset by peer"),
        (
            NotAllowed,
            DENIED,
            "not authorized to perform: states:StartExecution",
        ),
        (
            NotAllowed,
            Reply::Error(400, "StateMachineDoesNotExist", "no such machine"),
            "no such machine",
        ),
        (
            NotAllowed,
            Reply::Error(400, "StateMachineDeleting", "it is going"),
            "it is going",
        ),
        (
            NotAllowed,
            Reply::Error(400, "InvalidArn", "not an ARN"),
            "not an ARN",
        ),
        (
            NotAllowed,
            Reply::Error(400, "KmsAccessDeniedException", "the key says no"),
            "the key says no",
        ),
        (
            NotAllowed,
            Reply::Error(403, "UnrecognizedClientException", "who are you"),
            "who are you",
        ),
        (
            Internal,
            Reply::Error(400, "InvalidName", "bad name"),
            "bad name",
        ),
        (
            Internal,
            Reply::Error(400, "InvalidExecutionInput", "bad input"),
            "bad input",
        ),
        (
            Internal,
            Reply::Error(400, "ValidationException", "bad request"),
            "bad request",
        ),
    ];
    for (error_type, reply, words) in cases {
        let deployed = Deployed::new().replies(vec![reply.clone(); ATTEMPTS]);
        let failure = deployed
            .invoke(fixture("eventbridge-metric-math"))
            .await
            .unwrap_err();
        assert_eq!(failure.error_type, error_type, "{reply:?}: {failure}");
        assert!(
            failure
                .message
                .starts_with("no remediation of orders was started: Step Functions "),
            "{failure}"
        );
        assert!(failure.message.contains(words), "{reply:?}: {failure}");
        assert_eq!(
            failure.message.matches(words).count(),
            1,
            "told once: {failure}"
        );
        let tries = if error_type == Retryable && !failure.message.contains("too many are open") {
            1..=ATTEMPTS
        } else {
            1..=1
        };
        assert!(
            tries.contains(&deployed.calls().len()),
            "{reply:?}: {} calls",
            deployed.calls().len()
        );
        assert_eq!(
            counted(&deployed.metrics()),
            BTreeSet::from(["ExecutionsNotStarted".to_owned()])
        );
    }
}

/// What a service, or somebody between, may answer instead of an answer; whether it was started is then unknown.
const UNREADABLE: [Reply; 8] = [
    Reply::Odd(200, ""),
    Reply::Odd(200, "{}"),
    Reply::Odd(200, "{\"executionArn\":\"arn:aws:states:eu-cent"),
    Reply::Odd(200, "{\"executionArn\":7,\"startDate\":1772359548.554}"),
    Reply::Odd(200, "<html><body>Sign in to continue</body></html>"),
    Reply::Odd(
        200,
        "{\"__type\":\"InternalFailure\",\"message\":\"sorry\"}",
    ),
    Reply::Odd(302, "<html>moved</html>"),
    Reply::Odd(407, "<html>Proxy Authentication Required</html>"),
];

#[tokio::test(start_paused = true)]
async fn an_answer_that_cannot_be_read_leaves_the_outcome_open_and_is_asked_again() {
    for odd in UNREADABLE {
        // It was started all the same: the name tells.
        for (reply, outcome) in [(Reply::Started, "started"), (EXISTS, "alreadyStarted")] {
            let deployed = Deployed::new().replies([odd.clone(), reply]);
            let answer = deployed.invoke(fixture("eventbridge-metric-math")).await;
            let answer = answer.unwrap_or_else(|failure| panic!("{odd:?}: {failure}"));
            assert_eq!(answer["outcome"], outcome, "{odd:?}");
            let calls = deployed.calls();
            assert_eq!(calls.len(), 2, "{odd:?}");
            assert_eq!(calls[0], calls[1], "the same name and input: harmless");
        }
        let deployed = Deployed::new().replies(vec![odd.clone(); 9]);
        let failure = deployed
            .invoke(fixture("eventbridge-metric-math"))
            .await
            .unwrap_err();
        assert_eq!(
            failure.error_type,
            ErrorType::Retryable,
            "{odd:?}: {failure}"
        );
        assert!(
            failure.message.contains(
                "it is not known whether the remediation of orders was started: Step Functions' answer"
            ),
            "{failure}"
        );
        assert!(!failure.message.contains("check its role"), "{failure}");
        assert!(deployed.calls().len() <= 4, "{odd:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn throttling_of_any_spelling_is_worth_another_try() {
    for (status, code) in [
        (400, "ThrottledException"),
        (400, "RequestThrottled"),
        (400, "RequestThrottledException"),
        (400, "RequestLimitExceeded"),
        (400, "SlowDown"),
        (400, "TooManyRequestsException"),
        (400, "ProvisionedThroughputExceededException"),
        (429, "NobodyKnowsThisOne"),
        (503, "ServiceUnavailable"),
        (504, "GatewayTimeout"),
        (408, "RequestTimeout"),
        (400, "RequestTimeoutException"),
    ] {
        let reply = Reply::Error(status, code, "later");
        let deployed = Deployed::new().replies(vec![reply; ATTEMPTS]);
        let failure = deployed
            .invoke(fixture("eventbridge-metric-math"))
            .await
            .unwrap_err();
        assert_eq!(
            failure.error_type,
            ErrorType::Retryable,
            "{status} {code}: {failure}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn one_applications_trouble_does_not_hold_back_the_other_and_a_repeat_completes_it() {
    let deployed = Deployed::new().replies(
        [
            vec![THROTTLED; ATTEMPTS],
            vec![Reply::Started, Reply::Started, EXISTS],
        ]
        .concat(),
    );
    let failure = deployed
        .invoke(fixture("eventbridge-two-applications"))
        .await
        .unwrap_err();
    assert_eq!(failure.error_type, ErrorType::Retryable);
    assert!(
        failure
            .message
            .starts_with("no remediation of orders was started"),
        "{failure}"
    );
    assert!(
        failure
            .message
            .ends_with("the remediation of payments was started"),
        "{failure}"
    );
    let answer = deployed
        .invoke(fixture("eventbridge-two-applications"))
        .await
        .unwrap();
    assert_eq!(answer["executions"][0]["outcome"], "started");
    assert_eq!(answer["executions"][1]["outcome"], "alreadyStarted");
}

#[tokio::test(start_paused = true)]
async fn what_is_worth_another_try_decides_over_what_is_not() {
    let deployed = Deployed::new().replies([vec![DENIED], vec![THROTTLED; ATTEMPTS]].concat());
    let failure = deployed
        .invoke(fixture("eventbridge-two-applications"))
        .await
        .unwrap_err();
    assert_eq!(failure.error_type, ErrorType::Retryable);
    assert!(
        failure.message.contains("not authorized") && failure.message.contains("Rate exceeded"),
        "{failure}"
    );
}

#[tokio::test(start_paused = true)]
async fn each_invocation_writes_one_metrics_record_and_every_outcome_has_its_metric() {
    let mut seen = BTreeSet::new();
    for (name, replies) in [
        ("eventbridge-metric-math", vec![]),
        ("eventbridge-metric-math", vec![EXISTS]),
        ("eventbridge-metric-math", vec![DENIED]),
        ("eventbridge-ok", vec![]),
        ("rubbish-number", vec![]),
        ("sns-one-good-one-rubbish", vec![]),
    ] {
        let deployed = Deployed::new().replies(replies);
        let _ = deployed.invoke(fixture(name)).await;
        assert_eq!(deployed.metrics().len(), 1, "{name}");
        seen.extend(counted(&deployed.metrics()));
    }
    for metric in [
        Metric::ExecutionsStarted,
        Metric::ExecutionsAlreadyStarted,
        Metric::ExecutionsNotStarted,
        Metric::AlarmsIgnored,
        Metric::AlarmsRefused,
    ] {
        assert!(seen.contains(metric.name()), "{metric:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_application_is_a_dimension_when_there_is_exactly_one() {
    let deployed = Deployed::new();
    deployed
        .invoke(fixture("eventbridge-metric-math"))
        .await
        .unwrap();
    deployed
        .invoke(fixture("eventbridge-two-applications"))
        .await
        .unwrap();
    let metrics = deployed.metrics();
    assert_eq!(
        (&metrics[0]["application"], &metrics[0]["ExecutionsStarted"]),
        (&json!("orders"), &json!(1))
    );
    assert_eq!(
        (
            metrics[1].get("application"),
            &metrics[1]["ExecutionsStarted"]
        ),
        (None, &json!(2))
    );
    assert_eq!(metrics[0]["function"], "alarm-handler");
    assert_eq!(metrics[0]["_aws"]["Timestamp"], 1_772_359_549_000_u64);
}

#[test]
fn wrong_settings_fail_in_init_and_name_the_variable() {
    for (name, value) in [
        ("STATE_MACHINE_ARN", "remediate"),
        ("STATE_MACHINE_ARN", ""),
        ("ALARM_APPLICATIONS", "orders"),
        ("ALARM_APPLICATIONS", "a=b c"),
    ] {
        let error = Deployed::build([(name, value)])
            .err()
            .expect("refused")
            .to_string();
        assert!(error.contains(name), "{error}");
    }
}

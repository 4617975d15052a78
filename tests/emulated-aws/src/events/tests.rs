//! Patterns against the events they are meant for, and deliveries with what can go wrong.

use super::*;
use crate::faults;
use ground::protocol::{invoked_function, refused};

type Arrivals = Arc<Mutex<Vec<(String, Value)>>>;

/// A bus whose targets answer with these, in order, then with success.
fn bus(answers: Vec<Response>) -> (EventBus, Arrivals) {
    let clock = Clock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
    let arrivals: Arrivals = Arc::default();
    let (seen, answers) = (Arc::clone(&arrivals), Arc::new(Mutex::new(answers)));
    let router = Router::new(move |request| {
        let to =
            invoked_function(&request).unwrap_or_else(|| wire::verb(&request).unwrap().to_owned());
        seen.lock()
            .unwrap()
            .push((to, serde_json::from_slice(request.body()).unwrap()));
        let mut answers = answers.lock().unwrap();
        let answer = if answers.is_empty() {
            json_answer(200, JSON, &json!({}))
        } else {
            answers.remove(0)
        };
        Box::pin(std::future::ready(answer))
    });
    (
        EventBus::new(clock.clone(), Journal::new(clock), router),
        arrivals,
    )
}

fn target(arn: &str, input: Input) -> Target {
    Target {
        id: "Target0".to_owned(),
        arn: arn.to_owned(),
        input,
        role: None,
        dead_letters: None,
    }
}

fn function() -> Target {
    target(
        "arn:aws:lambda:us-east-1:123456789012:function:alarm-handler",
        Input::Whole,
    )
}

async fn settle() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

fn put(entry: Value) -> Request {
    aws_json(
        "reporter",
        "events",
        "AWSEvents.PutEvents",
        "1.1",
        &json!({ "Entries": [entry] }),
    )
}

fn entry() -> Value {
    json!({ "Source": "lifeguard", "DetailType": "Rescue", "Detail": "{\"applicationName\":\"orders\",\"turns\":3,\"state\":{\"value\":\"ALARM\"}}" })
}

#[tokio::test(start_paused = true)]
async fn a_pattern_matches_what_eventbridge_says_it_matches() {
    let table = [
        (json!({ "source": ["lifeguard"] }), true),
        (
            json!({ "source": ["other", "lifeguard"], "detail-type": ["Rescue"] }),
            true,
        ),
        (json!({ "source": ["other"] }), false),
        (json!({ "source": [{ "prefix": "life" }] }), true),
        (
            json!({ "detail": { "applicationName": [{ "suffix": "ers" }] } }),
            true,
        ),
        (
            json!({ "detail": { "state": { "value": ["ALARM"] } } }),
            true,
        ),
        (
            json!({ "detail": { "state": { "value": [{ "anything-but": ["ALARM"] }] } } }),
            false,
        ),
        (
            json!({ "detail": { "missing": [{ "exists": false }] } }),
            true,
        ),
        (
            json!({ "detail": { "applicationName": [{ "exists": true }] } }),
            true,
        ),
        (
            json!({ "detail": { "turns": [{ "numeric": [">", 2, "<=", 3] }] } }),
            true,
        ),
        (
            json!({ "detail": { "turns": [{ "numeric": ["=", 3.0] }] } }),
            true,
        ),
        (
            json!({ "detail": { "turns": [{ "numeric": ["=", 4] }] } }),
            false,
        ),
        (
            json!({ "detail": { "applicationName": [{ "wildcard": "o*s" }] } }),
            true,
        ),
        (
            json!({ "detail": { "applicationName": [{ "equals-ignore-case": "ORDERS" }] } }),
            true,
        ),
    ];
    for (pattern, wanted) in table {
        let (bus, arrivals) = bus(Vec::new());
        bus.add_rule("rule", &pattern, vec![function()]).unwrap();
        bus.handle(put(entry())).await;
        settle().await;
        assert_eq!(!arrivals.lock().unwrap().is_empty(), wanted, "{pattern}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_pattern_the_matcher_would_misread_is_refused_with_its_place() {
    let table = [
        json!({}),
        json!({ "source": "lifeguard" }),
        json!({ "source": [] }),
        json!({ "$or": [{ "source": ["a"] }, { "source": ["b"] }] }),
        json!({ "detail": { "a.b": ["x"] } }),
        json!({ "source": [{ "prefix": "a", "suffix": "b" }] }),
        json!({ "source": [{ "anything-but": { "prefix": "a" } }] }),
        json!({ "source": [{ "anything-but": ["a", true] }] }),
        json!({ "source": [{ "regexp": "a" }] }),
        json!({ "detail": { "turns": [{ "numeric": ["~", 1] }] } }),
    ];
    for pattern in table {
        let (bus, _) = bus(Vec::new());
        let refusal = bus
            .add_rule("broken", &pattern, vec![function()])
            .unwrap_err();
        assert!(refusal.to_string().contains("broken"), "{refusal}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_function_gets_the_whole_event_and_a_state_machine_one_named_execution() {
    let (bus, arrivals) = bus(Vec::new());
    let machine = target(
        "arn:aws:states:us-east-1:123456789012:stateMachine:remediate",
        Input::Path("$.detail".to_owned()),
    );
    bus.add_rule(
        "both",
        &json!({ "source": ["lifeguard"] }),
        vec![function(), machine],
    )
    .unwrap();
    let answer = bus.handle(put(entry())).await;
    let answer: Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!(answer["FailedEntryCount"], 0);
    settle().await;
    let arrivals = arrivals.lock().unwrap().clone();
    let (to, event) = &arrivals[0];
    assert_eq!(to, "alarm-handler");
    assert_eq!(
        (event["id"].clone(), event["time"].as_str()),
        (
            answer["Entries"][0]["EventId"].clone(),
            Some("2026-01-01T00:00:00Z")
        )
    );
    let (to, start) = &arrivals[1];
    assert_eq!(
        (to.as_str(), start["input"].as_str()),
        (
            "StartExecution",
            Some(r#"{"applicationName":"orders","turns":3,"state":{"value":"ALARM"}}"#)
        )
    );
    assert!(start["name"].as_str().unwrap().ends_with("_Target0"));
    assert_eq!(bus.journal.messages().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_delivery_is_tried_again_under_the_same_name_until_it_arrives() {
    let (bus, arrivals) = bus(vec![
        json_error(400, "ThrottlingException", "Rate exceeded"),
        faults::cut(),
    ]);
    bus.add_rule(
        "one",
        &json!({ "source": ["lifeguard"] }),
        vec![target(
            "arn:aws:states:us-east-1:123456789012:stateMachine:r",
            Input::Whole,
        )],
    )
    .unwrap();
    bus.handle(put(entry())).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    let arrivals = arrivals.lock().unwrap().clone();
    assert_eq!(arrivals.len(), 3);
    assert!(arrivals.iter().all(|(_, start)| start == &arrivals[0].1));
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_is_refused_for_good_is_logged_once() {
    let (bus, arrivals) = bus(vec![json_error(
        400,
        "StateMachineDoesNotExist",
        "no such machine",
    )]);
    bus.add_rule(
        "one",
        &json!({ "source": ["lifeguard"] }),
        vec![target(
            "arn:aws:states:us-east-1:123456789012:stateMachine:r",
            Input::Whole,
        )],
    )
    .unwrap();
    bus.handle(put(entry())).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(arrivals.lock().unwrap().len(), 1);
    assert!(bus.journal.log_lines()[0].contains("StateMachineDoesNotExist"));
}

#[tokio::test(start_paused = true)]
async fn a_template_is_filled_as_text_inside_quotes_and_as_json_outside() {
    let event = json!({ "detail": { "name": "a \"b\"", "turns": 3 } });
    let paths = [
        ("name", "$.detail.name"),
        ("turns", "$.detail.turns"),
        ("lost", "$.detail.lost"),
    ];
    let paths: BTreeMap<String, String> = paths
        .into_iter()
        .map(|(name, path)| (name.to_owned(), path.to_owned()))
        .collect();
    let render = |template: &str| {
        Input::Transformer {
            paths: paths.clone(),
            template: template.to_owned(),
        }
        .render(&event)
    };
    assert_eq!(
        render(r#"{"applicationName": <name>, "why": "<name> after <turns>", "n": <turns>, "l": <lost>}"#).unwrap(),
        json!({ "applicationName": "a \"b\"", "why": "a \"b\" after 3", "n": 3, "l": null })
    );
    assert_eq!(
        render("<unknown>"),
        Err(InputError::Hole("unknown".to_owned()))
    );
    assert!(matches!(render("{"), Err(InputError::NotJson(_))));
    assert!(matches!(
        Input::Path("$.detail[0]".to_owned()).render(&event),
        Err(InputError::Path(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn entries_are_refused_one_by_one() {
    let (bus, _) = bus(Vec::new());
    let table = [
        (
            json!({ "Source": "aws.cloudwatch", "DetailType": "x", "Detail": "{}" }),
            "NotAuthorizedForSourceException",
        ),
        (
            json!({ "Source": "a", "DetailType": "x", "Detail": "[]" }),
            "MalformedDetail",
        ),
        (
            json!({ "Source": "a", "DetailType": "x" }),
            "InvalidArgument",
        ),
        (
            json!({ "Source": "a", "DetailType": "x", "Detail": "{}", "EventBusName": "mine" }),
            "ResourceNotFoundException",
        ),
        (
            json!({ "Source": "a", "DetailType": "x", "Detail": "{}", "Sauce": "a" }),
            "InvalidArgument",
        ),
    ];
    for (entry, code) in table {
        let answer: Value = serde_json::from_slice(bus.handle(put(entry)).await.body()).unwrap();
        assert_eq!(
            (
                answer["FailedEntryCount"].as_u64(),
                answer["Entries"][0]["ErrorCode"].as_str()
            ),
            (Some(1), Some(code))
        );
    }
    let answer = bus
        .handle(aws_json(
            "a",
            "events",
            "AWSEvents.PutRule",
            "1.1",
            &json!({}),
        ))
        .await;
    assert!(refused(&answer).unwrap().1.contains("PutRule"));
}

#[tokio::test(start_paused = true)]
async fn a_rate_fires_when_its_time_comes() {
    let (bus, arrivals) = bus(Vec::new());
    bus.add_schedule(
        "keeper",
        "rate(5 minutes)",
        vec![target(
            "arn:aws:lambda:us-east-1:123456789012:function:keeper",
            Input::Constant(json!({ "all": true })),
        )],
    )
    .unwrap();
    tokio::time::sleep(Duration::from_secs(660)).await;
    assert_eq!(
        arrivals.lock().unwrap().as_slice(),
        [
            ("keeper".to_owned(), json!({ "all": true })),
            ("keeper".to_owned(), json!({ "all": true }))
        ]
    );
    for schedule in ["cron(0 * * * ? *)", "rate(1 minutes)", "rate(0 minutes)"] {
        assert!(
            bus.add_schedule("keeper", schedule, Vec::new()).is_err(),
            "{schedule}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_target_the_sandbox_cannot_call_is_refused() {
    let (bus, _) = bus(Vec::new());
    let refusal = bus
        .add_rule(
            "queue",
            &json!({ "source": ["a"] }),
            vec![target("arn:aws:sqs:us-east-1:123456789012:q", Input::Whole)],
        )
        .unwrap_err();
    assert!(refusal.to_string().contains("arn:aws:sqs"));
}

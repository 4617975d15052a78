//! The verifier's look in a region: what cannot be read is listed and does not hinder the rest; what was asked wrongly is said clearly.

use sandbox::{
    faults::{Fault, Rule},
    flink::{self, Code},
    managed_flink::{ApplicationSeed, Incident},
    protocol::invocation,
    region::{Blueprint, Open, Region},
    scenario::{APPLICATION, SECRET_PROPERTY, Stage, days, minutes},
};
use serde_json::{Value, json};

/// A region with `orders` running well.
fn region(faults: Vec<Rule>) -> Open {
    let stage = Stage::of(Code::healthy());
    let region = Region::open(Blueprint {
        seed: 1,
        parameters: stage.parameters,
        codebook: stage.codebook,
        settings: stage.settings,
        faults,
        ..Blueprint::default()
    });
    let region = region.expect("the template can be used");
    for application in stage.applications {
        region.flink().add_application(application);
    }
    region
}

/// What subtask-verifier answers: an error has an `errorType`.
async fn look(region: &Region, event: Value) -> Value {
    let function = region
        .stack()
        .functions
        .values()
        .find(|function| function.package == "subtask-verifier")
        .expect("it is deployed");
    let answer = region
        .router()
        .send(invocation(
            "tester",
            &function.name,
            "RequestResponse",
            &event,
        ))
        .await;
    serde_json::from_slice(answer.body()).expect("an answer is JSON")
}

fn orders() -> Value {
    json!({ "applicationName": APPLICATION })
}

fn verifier_cannot(action: &str) -> Vec<Rule> {
    let service = if action == "GetMetricData" {
        "monitoring"
    } else {
        "kinesisanalytics"
    };
    let refusal = Fault::Refuse {
        status: 400,
        code: "AccessDeniedException".into(),
        message: "not authorized".into(),
    };
    vec![Rule::new(refusal).on(service, action)]
}

#[tokio::test(start_paused = true)]
async fn one_look_at_a_job_that_has_run_well_for_days_says_healthy() {
    let region = region(Vec::new());
    tokio::time::sleep(minutes(1)).await;
    let answer = look(&region, orders()).await;
    assert_eq!(answer["assessment"]["is"], "healthy", "{answer}");
    assert_eq!(answer["observation"]["unreadable"], json!([]));
    assert_eq!(
        answer["observation"]["tags"],
        json!({ "lifeguard:managed": "true" }),
        "other people's tags are none of our business"
    );
    assert!(
        !answer.to_string().contains(SECRET_PROPERTY) && !answer.to_string().contains("authToken")
    );
}

#[tokio::test(start_paused = true)]
async fn a_part_that_cannot_be_read_is_listed_and_the_others_are_read() {
    for (action, part) in [
        ("ListApplicationOperations", "operations"),
        ("ListApplicationSnapshots", "snapshots"),
        ("ListTagsForResource", "tags"),
        ("CreateApplicationPresignedUrl", "job"),
        ("DescribeApplicationVersion", "versions"),
        ("GetMetricData", "series"),
    ] {
        let answer = look(&region(verifier_cannot(action)), orders()).await;
        let unreadable: Vec<&str> = answer["observation"]["unreadable"]
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(|one| one["what"].as_str())
            .collect();
        assert_eq!(unreadable, [part], "{action}: {answer}");
        assert!(
            answer["observation"]["unreadable"][0]["why"]
                .as_str()
                .expect("a reason")
                .contains("not authorized"),
            "{answer}"
        );
        assert_eq!(
            answer["observation"]["job"].is_null(),
            part == "job",
            "{action}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_job_the_verdict_is_unknown_and_never_healthy() {
    let answer = look(
        &region(verifier_cannot("CreateApplicationPresignedUrl")),
        orders(),
    )
    .await;
    assert_eq!(answer["assessment"]["is"], "unknown", "{answer}");
    assert_eq!(answer["watch"]["blindLooks"], 1);
}

#[tokio::test(start_paused = true)]
async fn without_the_application_itself_there_is_no_look() {
    let answer = look(&region(verifier_cannot("DescribeApplication")), orders()).await;
    assert_eq!(answer["errorType"], "Lifeguard.NotAllowed", "{answer}");
    let throttled = vec![Rule::new(Fault::Throttle).on("kinesisanalytics", "DescribeApplication")];
    assert_eq!(
        look(&region(throttled), orders()).await["errorType"],
        "Lifeguard.Retryable"
    );
}

#[tokio::test(start_paused = true)]
async fn wrong_input_gets_a_clear_error() {
    let region = region(Vec::new());
    for (event, words) in [
        (json!({ "applicationName": "nowhere" }), "nowhere"),
        (
            json!({ "applicationName": "orders; drop" }),
            "letters, digits",
        ),
        (json!({ "applicationName": "" }), "letters, digits"),
        (json!({ "applicationName": 7 }), "cannot read its input"),
        (json!({}), "applicationName"),
    ] {
        let answer = look(&region, event).await;
        assert_eq!(answer["errorType"], "Lifeguard.BadInput", "{answer}");
        assert!(
            answer["errorMessage"]
                .as_str()
                .expect("a message")
                .contains(words),
            "{answer}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_application_that_is_not_running_costs_no_presigned_url() {
    let region = region(Vec::new());
    region.flink().add_application(
        ApplicationSeed::new("idle")
            .version("orders-6.jar", days(5))
            .not_running(),
    );
    region.flink().add_application(
        ApplicationSeed::new("report")
            .runtime("SQL-1_0")
            .version("report.sql", days(5)),
    );
    for name in ["idle", "report"] {
        let answer = look(&region, json!({ "applicationName": name })).await;
        assert!(answer["observation"]["job"].is_null(), "{answer}");
    }
    assert!(
        region
            .journal()
            .calls()
            .iter()
            .all(|call| call.action != "CreateApplicationPresignedUrl")
    );
}

#[tokio::test(start_paused = true)]
async fn the_versions_a_rescue_could_go_back_to_are_described() {
    let answer =
        look(&region(Vec::new()), json!({ "applicationName": APPLICATION, "request": { "action": "restore", "applicationVersionId": 1 } })).await;
    let version = json!([{ "id": 1, "runtime": "FLINK-1_20", "createdAt": "2026-02-02T02:47:00Z", "content": 1 }]);
    assert_eq!(answer["observation"]["versions"], version);
    let unknown = json!({ "applicationName": APPLICATION, "request": { "action": "restore", "applicationVersionId": 99 } });
    let answer = look(&region(Vec::new()), unknown).await;
    // That there is no such version is an answer, and nothing that could not be read.
    assert_eq!(answer["observation"]["unreadable"], json!([]), "{answer}");
    assert_eq!(answer["observation"]["versions"], version);
}

/// The spans of a history: what it did, when it began and ended in minutes before the look, and its counts.
fn spans(answer: &Value) -> Vec<(String, i64, i64, Value)> {
    let time = |value: &Value| -> jiff::Timestamp {
        let text = value.as_str().expect("a time");
        text.parse().expect("a time")
    };
    let now = time(&answer["observation"]["at"]);
    let ago = |value: &Value| (now.as_second() - time(value).as_second()) / 60;
    let spans = answer["watch"]["history"]["spans"].as_array();
    let spans = spans.expect("a list").iter().map(|span| {
        let ran = span["ran"].as_str().expect("a word").to_owned();
        (ran, ago(&span["from"]), ago(&span["until"]), span.clone())
    });
    spans.collect()
}

#[tokio::test(start_paused = true)]
async fn a_past_of_days_comes_back_as_a_history() {
    let region = region(Vec::new());
    let day = 24 * 60;
    region.flink().add_application(
        ApplicationSeed::new("payments")
            .version("orders-6.jar", days(9))
            .version("orders-6.jar", minutes(180))
            // For hours before the present version was made nothing ran well, so older minutes are read.
            .incident(Incident {
                ago: minutes(600),
                lasts: minutes(420),
                restarts: 840,
                fault: flink::Fault::new("java.io.IOException", "reset"),
            })
            .incident(Incident {
                ago: days(4),
                lasts: minutes(10),
                restarts: 20,
                fault: flink::Fault::new("java.io.IOException", "reset"),
            })
            .tag("lifeguard:managed", "true"),
    );
    tokio::time::sleep(minutes(5)).await;
    let answer = look(&region, json!({ "applicationName": "payments" })).await;
    assert_eq!(answer["observation"]["unreadable"], json!([]), "{answer}");
    let found = spans(&answer);
    let since_the_seed = 5;
    let expected = [
        ("up", 9 * day, 4 * day),
        ("failing", 4 * day, 4 * day - 10),
        ("up", 4 * day - 10, 600),
        ("failing", 600, 180),
        ("up", 180, 0),
    ];
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for ((ran, from, until, span), (did, began, ended)) in found.iter().zip(expected) {
        // The newest three minutes are not taken yet, and a minute has only one value.
        let close = |is: i64, meant: i64| (is - meant).abs() <= 3;
        assert!(
            ran == did
                && close(*from, began + since_the_seed)
                && (close(*until, ended + since_the_seed) || ended == 0 && *until <= 4),
            "{did} from {began} until {ended}: {span}"
        );
        // A checkpoint a minute, and records in every one.
        let minutes = (began - ended) * 9 / 10;
        for counted in ["checkpoints", "records"] {
            let counted = span[counted].as_i64();
            assert_eq!(counted.is_some(), did == "up", "{span}");
            assert!(counted.is_none_or(|counted| counted > minutes), "{span}");
        }
    }
    assert!(
        found[1].3["incidents"]
            .as_u64()
            .is_some_and(|count| (5..=20).contains(&count)),
        "{}",
        found[1].3
    );
    let known = &answer["watch"]["history"]["known"];
    // The next look asks only for what is new, and finds the same past.
    tokio::time::sleep(minutes(20)).await;
    let event = json!({ "applicationName": "payments", "watch": answer["watch"] });
    let next = look(&region, event).await;
    assert_ne!(next["watch"]["history"]["known"], *known);
    let again = spans(&next);
    assert_eq!(again.len(), found.len(), "{again:?}");
    for (before, now) in found.iter().zip(&again).take(4) {
        assert_eq!(before.3, now.3);
    }
    assert!(again[4].2 <= 4, "{again:?}");
}

#[tokio::test(start_paused = true)]
async fn a_namesakes_past_is_not_the_applications() {
    let region = region(Vec::new());
    region.flink().add_application(
        ApplicationSeed::new("payments")
            .version("orders-6.jar", days(2))
            .namesake(days(14), days(5))
            .tag("lifeguard:managed", "true"),
    );
    tokio::time::sleep(minutes(5)).await;
    let answer = look(&region, json!({ "applicationName": "payments" })).await;
    let found = spans(&answer);
    assert!(
        found.len() == 1 && found[0].1 <= 2 * 24 * 60 + 6,
        "{found:?}"
    );
}

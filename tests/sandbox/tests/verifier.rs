//! The verifier's look in a region: what cannot be read is listed and does not hinder the rest; what was asked wrongly is said clearly.

use sandbox::{
    faults::{Fault, Rule},
    flink::Code,
    managed_flink::ApplicationSeed,
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
    let refusal = Fault::Refuse {
        status: 400,
        code: "AccessDeniedException".into(),
        message: "not authorized".into(),
    };
    vec![Rule::new(refusal).on("kinesisanalytics", action)]
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
    assert_eq!(
        answer["observation"]["versions"],
        json!([{ "id": 1, "runtime": "FLINK-1_20" }])
    );
    let unknown = json!({ "applicationName": APPLICATION, "request": { "action": "restore", "applicationVersionId": 99 } });
    let answer = look(&region(Vec::new()), unknown).await;
    // That there is no such version is an answer, and nothing that could not be read.
    assert_eq!(answer["observation"]["unreadable"], json!([]), "{answer}");
    assert_eq!(
        answer["observation"]["versions"],
        json!([{ "id": 1, "runtime": "FLINK-1_20" }])
    );
}

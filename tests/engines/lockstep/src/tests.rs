//! The region beside an engine of a few lines, over TCP.

use std::time::Duration;

use super::*;

use emulated_aws::{server::Server, sns};
use ground::protocol::aws_query;
use region::{Blueprint, Open, REMEDIATE};

/// What the engine was asked: service, verb, body.
type Heard = Arc<Mutex<Vec<(String, String)>>>;

struct Beside {
    region: Open,
    external: External,
    heard: Heard,
    _servers: [Server; 2],
}

/// An engine that begins an execution, sleeps for half a minute, and ends it with what it was given.
async fn beside() -> Beside {
    let region = Region::open(Blueprint::default()).unwrap();
    let bound = Server::bind(0).unwrap();
    let (front, heard) = (bound.address().unwrap(), Heard::default());
    let told = Arc::clone(&heard);
    let engine = Server::start(
        0,
        Router::new(move |request| Box::pin(engine(request, front, Arc::clone(&told)))),
    )
    .await
    .unwrap();
    let external = External::attach(&region, engine.address());
    let served = bound.serve(external.front()).unwrap();
    Beside {
        region,
        external,
        heard,
        _servers: [engine, served],
    }
}

async fn engine(request: Request, region: SocketAddr, heard: Heard) -> Response {
    let body = String::from_utf8_lossy(request.body()).into_owned();
    let service = wire::service(&request).unwrap_or_default();
    heard.lock().unwrap().push((service.clone(), body.clone()));
    if wire::verb(&request) != Some("StartExecution") {
        let answer = json!({ "Item": { "pk": { "S": "theirs" } }, "FailedEntryCount": 0 });
        return json_answer(200, "application/json", &answer);
    }
    let asked: Value = serde_json::from_str(&body).unwrap();
    let machine = asked["stateMachineArn"].as_str().unwrap().to_owned();
    let arn = format!(
        "{}:{}",
        machine.replace("stateMachine", "execution"),
        asked["name"].as_str().unwrap()
    );
    let input = asked["input"].clone();
    tell(
        region,
        "begin",
        json!({ "stateMachineArn": machine, "executionArn": arn, "input": input }),
    )
    .await;
    let execution = arn.clone();
    tokio::spawn(async move {
        tell(region, "sleep", json!({ "seconds": 30 })).await;
        tell(
            region,
            "end",
            json!({ "executionArn": execution, "output": input }),
        )
        .await;
    });
    json_answer(
        200,
        "application/json",
        &json!({ "executionArn": arn, "startDate": 0 }),
    )
}

async fn tell(region: SocketAddr, verb: &str, told: Value) -> Response {
    let request = http::Request::post(format!("/sandbox/{verb}"))
        .body(told.to_string().into())
        .unwrap();
    client::exchange(region, request).await.unwrap()
}

impl Beside {
    async fn ask(&self, service: &str, target: &str, body: Value) -> Value {
        let answer = self
            .region
            .router()
            .send(aws_json("operator", service, target, "1.0", &body))
            .await;
        serde_json::from_slice(answer.body()).unwrap()
    }

    fn heard(&self, service: &str) -> usize {
        self.heard
            .lock()
            .unwrap()
            .iter()
            .filter(|(asked, _)| asked == service)
            .count()
    }
}

#[tokio::test(start_paused = true)]
async fn an_execution_elsewhere_takes_the_regions_time_and_is_recorded_as_one_of_its_own() {
    let beside = beside().await;
    let machine = &beside.region.stack().state_machines[REMEDIATE].arn;
    let asked = json!({ "stateMachineArn": machine, "input": "{\"applicationName\":\"orders\"}" });
    let started = beside
        .ask("states", "AWSStepFunctions.StartExecution", asked)
        .await;
    let arn = started["executionArn"].as_str().unwrap();
    assert_eq!(
        place::name_of(arn).len(),
        36,
        "a name was drawn for it: {arn}"
    );
    let view = beside.region.states().finished(arn).await;
    assert_eq!(view.output, Some(json!({ "applicationName": "orders" })));
    assert_eq!(
        view.stopped
            .unwrap()
            .duration_since(view.started)
            .as_secs_f64(),
        30.0
    );
    assert_eq!(beside.region.executions_of(REMEDIATE).len(), 1);
    assert_eq!(beside.external.troubles(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn the_other_engines_answer_counts_and_is_compared() {
    let beside = beside().await;
    let table = &beside.region.stack().tables["LedgerTable"].name;
    let key = json!({ "pk": { "S": "orders" }, "sk": { "S": "lease" } });
    let answer = beside
        .ask(
            "dynamodb",
            "DynamoDB_20120810.GetItem",
            json!({ "TableName": table, "Key": key }),
        )
        .await;
    assert_eq!(answer["Item"]["pk"]["S"], "theirs");
    let answers = beside.external.answers();
    assert_eq!((answers.compared, answers.disagreements.len()), (1, 1));
    assert_eq!(answers.disagreements[0]["ours"], json!({}));
}

#[tokio::test(start_paused = true)]
async fn what_goes_wrong_on_the_way_to_a_service_does_so_once_and_neither_engine_hears_of_it() {
    let beside = beside().await;
    let rule = crate::faults::Rule::new(faults::Fault::Throttle)
        .on("dynamodb", "GetItem")
        .when(faults::When::First(1));
    beside.region.faults().add(rule);
    let asked = json!({ "TableName": beside.region.stack().tables["LedgerTable"].name, "Key": { "pk": { "S": "orders" }, "sk": { "S": "lease" } } });
    let refused = beside
        .ask("dynamodb", "DynamoDB_20120810.GetItem", asked.clone())
        .await;
    assert!(
        refused["__type"]
            .as_str()
            .unwrap()
            .ends_with("ProvisionedThroughputExceededException"),
        "{refused}"
    );
    assert_eq!(
        (beside.heard("dynamodb"), beside.external.answers().compared),
        (0, 0)
    );
    beside
        .ask("dynamodb", "DynamoDB_20120810.GetItem", asked)
        .await;
    assert_eq!(
        (beside.heard("dynamodb"), beside.external.answers().compared),
        (1, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn chance_of_an_execution_elsewhere_is_what_it_would_be_here() {
    let beside = beside().await;
    let machine = &beside.region.stack().state_machines[REMEDIATE].arn;
    let started = beside
        .ask(
            "states",
            "AWSStepFunctions.StartExecution",
            json!({ "stateMachineArn": machine, "input": "{}" }),
        )
        .await;
    let SocketAddr::V4(front) = beside._servers[1].address() else {
        panic!("loopback is IPv4")
    };
    let drawn = tell(
        front.into(),
        "jitter",
        json!({ "executionArn": started["executionArn"] }),
    )
    .await;
    let share = serde_json::from_slice::<Value>(drawn.body()).unwrap()["share"]
        .as_f64()
        .unwrap();
    let here = Region::open(Blueprint::default()).unwrap();
    let (own, _) = here.states().start(machine, None, "{}").unwrap();
    assert_eq!(
        (share, own.as_str()),
        (
            here.states().draw(&own).unwrap(),
            started["executionArn"].as_str().unwrap()
        )
    );
    let nobody =
        tell(front.into(), "jitter", json!({ "executionArn": "arn:aws:states:us-east-1:123456789012:execution:lifeguard-remediate:none" })).await;
    assert_eq!(nobody.status(), 500);
}

#[tokio::test(start_paused = true)]
async fn what_is_published_is_told_and_an_alarms_event_goes_to_the_other_engines_rules() {
    let beside = beside().await;
    let topic = place::arn("sns", &beside.region.stack().topics["Topic"].name);
    let form = [
        ("TopicArn", topic),
        ("Subject", "orders recovered".to_owned()),
        ("Message", "yes".to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value));
    beside
        .region
        .router()
        .send(aws_query(
            "remediate",
            "sns",
            sns::API_VERSION,
            "Publish",
            &form,
        ))
        .await;
    assert!(
        beside
            .region
            .journal()
            .entries()
            .iter()
            .any(|entry| entry.text == "tells people: orders recovered")
    );
    beside.region.bus().emit(
        "aws.cloudwatch",
        "CloudWatch Alarm State Change",
        &[],
        json!({ "state": { "value": "ALARM" } }),
    );
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(beside.heard("events"), 1);
    assert_eq!(beside.heard("lambda"), 0, "functions stay the region's");
    assert_eq!(beside.external.troubles(), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_launcher_that_loses_count_or_an_engine_that_is_gone_is_trouble() {
    let beside = beside().await;
    let SocketAddr::V4(front) = beside._servers[1].address() else {
        panic!("loopback is IPv4")
    };
    for (verb, told) in [
        ("end", json!({})),
        ("dance", json!({})),
        ("sleep", json!({ "seconds": -1 })),
        ("now", json!({ "hour": 3 })),
    ] {
        assert_eq!(tell(front.into(), verb, told).await.status(), 500, "{verb}");
    }
    assert_eq!(beside.external.troubles().len(), 4);
    let nobody = Server::bind(0).unwrap().address().unwrap();
    let region = Region::open(Blueprint::default()).unwrap();
    let external = External::attach(&region, nobody);
    let answer = region
        .router()
        .send(aws_json(
            "operator",
            "states",
            "AWSStepFunctions.ListStateMachines",
            "1.0",
            &json!({}),
        ))
        .await;
    assert_eq!(
        (answer.status().as_u16(), external.troubles().len()),
        (500, 1)
    );
}

//! The services together, behind one router: a counter rises, an alarm goes off, its event reaches a function, the function calls with SDK clients through
//! faults. Run twice from one seed, the record is the same to the byte.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use emulated_aws::{
    cloudwatch::{CloudWatch, Datum, MetricSource},
    connector::{Connector, Router},
    events::{EventBus, Input, Target},
    faults::{Fault, Faults, LambdaFault, Rule, When},
    lambda::LambdaHost,
};
use ground::{
    clock::Clock,
    journal::Journal,
    place,
    wire::{self, Request, Response, json_answer, json_error},
};
use jiff::Timestamp;
use lambda_kit::{Aws, Env, ErrorType, Failure, Function, Invocation, SettingError};
use serde_json::{Value, json};

/// Looks at the application and starts one execution for it, with clients built in init.
struct Handler {
    flink: aws_sdk_kinesisanalyticsv2::Client,
    states: aws_sdk_sfn::Client,
    machine: String,
}

impl Function for Handler {
    const NAME: &'static str = "handler";
    type Event = Value;
    type Answer = Value;

    fn build(env: &Env, aws: &Aws) -> Result<Self, SettingError> {
        let (flink, states) = (
            aws_sdk_kinesisanalyticsv2::Client::new(aws.config()),
            aws_sdk_sfn::Client::new(aws.config()),
        );
        Ok(Self {
            flink,
            states,
            machine: env.required("STATE_MACHINE")?,
        })
    }

    async fn handle(&self, event: Value, _: Invocation) -> Result<Value, Failure> {
        let application =
            event["detail"]["configuration"]["metrics"][1]["metricStat"]["metric"]["dimensions"]["Application"].as_str().unwrap_or_default();
        let failed =
            |error: &dyn std::fmt::Display| Failure::new(ErrorType::Retryable, error.to_string());
        self.flink
            .describe_application()
            .application_name(application)
            .send()
            .await
            .map_err(|error| failed(&error))?;
        let name = format!("{application}-{}", event["id"].as_str().unwrap_or_default());
        self.states
            .start_execution()
            .state_machine_arn(&self.machine)
            .name(name)
            .input("{}")
            .send()
            .await
            .map_err(|error| failed(&error))?;
        Ok(json!({}))
    }
}

/// A counter that rises by one a minute.
struct Looping;

impl MetricSource for Looping {
    fn metrics(&self, now: Timestamp) -> Vec<Datum> {
        vec![Datum {
            application: "orders".to_owned(),
            name: "fullRestarts",
            value: (now.as_second() / 60) as f64,
        }]
    }
}

/// Stands for the two services that are not part of this test.
struct Elsewhere(Mutex<Vec<String>>);

impl Elsewhere {
    fn answer(&self, request: &Request) -> Response {
        let body: Value = serde_json::from_slice(request.body()).expect("clients write JSON");
        match wire::verb(request) {
            Some("DescribeApplication") => {
                let detail = json!({ "ApplicationARN": "arn", "ApplicationName": "orders", "RuntimeEnvironment": "FLINK-1_20", "ApplicationStatus": "RUNNING", "ApplicationVersionId": 7 });
                json_answer(
                    200,
                    "application/x-amz-json-1.1",
                    &json!({ "ApplicationDetail": detail }),
                )
            }
            Some("StartExecution") => {
                self.0.lock().expect("one thread").push(
                    body["name"]
                        .as_str()
                        .expect("the handler names it")
                        .to_owned(),
                );
                json_answer(
                    200,
                    "application/x-amz-json-1.0",
                    &json!({ "executionArn": "arn", "startDate": 0 }),
                )
            }
            other => json_error(400, "UnknownOperationException", &format!("{other:?}")),
        }
    }
}

struct Region {
    journal: Journal,
    elsewhere: Arc<Elsewhere>,
    router: Router,
}

fn region(faults: &Faults) -> Region {
    let clock = Clock::starting_at("2026-01-01T00:00:00Z".parse().expect("a date"));
    let journal = Journal::new(clock.clone());
    let router = Router::closed();
    let bus = EventBus::new(clock.clone(), journal.clone(), router.clone());
    let cloudwatch = CloudWatch::new(clock.clone(), journal.clone(), bus.clone(), router.clone());
    let lambda = LambdaHost::new(clock.clone(), journal.clone());
    let elsewhere = Arc::new(Elsewhere(Mutex::default()));

    let variables = BTreeMap::from([(
        "STATE_MACHINE".to_owned(),
        place::arn("states", "stateMachine:remediate"),
    )]);
    let connector = Connector::new(router.clone(), clock.clone());
    lambda.host::<Handler>(
        "handler",
        Duration::from_secs(30),
        "handler-role",
        &variables,
        &connector,
    );
    let target = Target {
        id: "handler".to_owned(),
        arn: place::arn("lambda", "function:handler"),
        input: Input::Whole,
        role: None,
        dead_letters: None,
    };
    bus.add_rule(
        "alarms",
        &json!({ "source": ["aws.cloudwatch"], "detail": { "state": { "value": ["ALARM"] } } }),
        vec![target],
    )
    .expect("the rule is known");
    cloudwatch.add_source(Arc::new(Looping));
    cloudwatch.put_alarm(&alarm()).expect("the alarm is right");
    let minutes = cloudwatch.clone().run();

    let others = Arc::clone(&elsewhere);
    let services = Router::new(move |request| {
        let (lambda, bus, cloudwatch, others) = (
            lambda.clone(),
            bus.clone(),
            cloudwatch.clone(),
            Arc::clone(&others),
        );
        Box::pin(async move {
            match wire::service(&request).as_deref() {
                Some("lambda") => lambda.handle(request).await,
                Some("events") => bus.handle(request).await,
                Some("monitoring") => cloudwatch.handle(request).await,
                _ => others.answer(&request),
            }
        })
    });
    let (plan, record) = (faults.clone(), journal.clone());
    router.open(move |request| {
        let (plan, services, clock, journal) = (
            plan.clone(),
            services.clone(),
            clock.clone(),
            record.clone(),
        );
        Box::pin(async move { plan.pass(request, &services, &clock, &journal).await })
    });
    tokio::spawn(minutes);
    Region {
        journal,
        elsewhere,
        router,
    }
}

fn alarm() -> Value {
    let metric = json!({ "Namespace": "AWS/KinesisAnalytics", "MetricName": "fullRestarts", "Dimensions": [{ "Name": "Application", "Value": "orders" }] });
    json!({
        "AlarmName": "orders-restarts",
        "EvaluationPeriods": 10,
        "DatapointsToAlarm": 3,
        "Threshold": 0,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        "Metrics": [
            { "Id": "e1", "Expression": "DIFF(m1)", "ReturnData": true },
            { "Id": "m1", "ReturnData": false, "MetricStat": { "Period": 60, "Stat": "Maximum", "Metric": metric } },
        ],
    })
}

/// Ten minutes of the region; its whole record as text, and the executions that were started.
async fn ten_minutes(rules: Vec<Rule>, seed: u64) -> (String, Vec<String>) {
    // The SDK's jitter and ids come from this generator.
    fastrand::seed(seed);
    let region = region(&Faults::planned(rules, seed));
    tokio::time::sleep(Duration::from_secs(600)).await;
    region.router.close();
    let record = json!({ "entries": region.journal.entries(), "calls": region.journal.calls(), "log": region.journal.log_lines(), "messages": region.journal.messages() });
    let started = region.elsewhere.0.lock().expect("one thread").clone();
    (
        serde_json::to_string_pretty(&record).expect("the record is plain data"),
        started,
    )
}

#[tokio::test(start_paused = true)]
async fn an_alarm_reaches_its_function_and_the_function_its_services() {
    let (record, started) = ten_minutes(Vec::new(), 1).await;
    assert_eq!(started.len(), 1, "{record}");
    assert!(record.contains("orders-restarts is in ALARM"), "{record}");
}

#[tokio::test(start_paused = true)]
async fn the_sdk_retries_in_virtual_time_and_a_lost_answer_repeats_the_same_name() {
    let rules = vec![
        Rule::new(Fault::Throttle)
            .on("kinesisanalytics", "DescribeApplication")
            .when(When::First(2)),
        Rule::new(Fault::LoseAnswer)
            .by("handler-role")
            .on("states", "StartExecution")
            .when(When::Nth(1)),
    ];
    let (record, started) = ten_minutes(rules, 1).await;
    assert_eq!(started.len(), 2, "{record}");
    assert_eq!(started[0], started[1]);
    assert_eq!(
        record
            .matches("\"outcome\": \"ThrottlingException\"")
            .count(),
        2,
        "{record}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_slower_than_the_attempt_may_take_is_asked_for_again() {
    let rules = vec![
        Rule::new(Fault::Slow(Duration::from_secs(6)))
            .on("states", "StartExecution")
            .when(When::Nth(1)),
    ];
    let (record, started) = ten_minutes(rules, 1).await;
    assert_eq!(started.len(), 2, "{record}");
}

#[tokio::test(start_paused = true)]
async fn a_function_that_dies_after_its_effect_is_called_again_a_minute_later() {
    let rules = vec![
        Rule::new(Fault::Lambda(LambdaFault::CrashAfter))
            .on_function("handler")
            .when(When::Nth(1)),
    ];
    let (record, started) = ten_minutes(rules, 1).await;
    assert_eq!(started.len(), 2, "{record}");
    assert_eq!(started[0], started[1]);
}

#[test]
fn one_seed_gives_one_record_to_the_byte_and_another_seed_another() {
    let run = |seed| {
        // A runtime of its own for each run, as the simulation does it.
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let rules = vec![
                Rule::new(Fault::ServerError).when(When::OneIn(2)),
                Rule::new(Fault::CutBefore).when(When::OneIn(3)),
            ];
            ten_minutes(rules, seed).await.0
        })
    };
    let records: Vec<String> = (0..8).map(run).collect();
    let again: Vec<String> = (0..8).map(run).collect();
    assert_eq!(records, again);
    assert!(records.iter().any(|record| *record != records[0]));
}

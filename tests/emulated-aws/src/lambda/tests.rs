//! The host's semantics, with a function that counts its effects.

use lambda_kit::{ErrorType, Failure, SettingError};
use serde::Deserialize;
use tracing_subscriber::layer::SubscriberExt as _;

use super::*;
use crate::connector::Router;
use ground::protocol::{invocation, refused};

/// Effects are counted outside of the function: they outlive a crash, as those on AWS do.
static EFFECTS: Mutex<BTreeMap<String, usize>> = Mutex::new(BTreeMap::new());

struct Counter {
    table: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    key: String,
    #[serde(default)]
    fail: bool,
    #[serde(default)]
    panic: bool,
    #[serde(default)]
    sleep_secs: u64,
}

impl Function for Counter {
    const NAME: &'static str = "counter";
    type Event = Event;
    type Answer = Value;

    fn build(env: &Env, _: &Aws) -> Result<Self, SettingError> {
        Ok(Self {
            table: env.required("TABLE")?,
        })
    }

    async fn handle(&self, event: Event, invocation: Invocation) -> Result<Value, Failure> {
        tokio::time::sleep(Duration::from_secs(event.sleep_secs)).await;
        assert!(!event.panic, "asked to");
        if event.fail {
            return Err(Failure::new(
                ErrorType::Stale,
                "orders is at version 8, not 7",
            ));
        }
        *EFFECTS.lock().unwrap().entry(event.key).or_default() += 1;
        Ok(json!({ "table": self.table, "now": invocation.now }))
    }
}

fn host_with(variables: &[(&str, &str)]) -> LambdaHost {
    let clock = Clock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
    let host = LambdaHost::new(clock.clone(), Journal::new(clock.clone()));
    let variables = variables
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    host.host::<Counter>(
        "lifeguard-counter",
        Duration::from_secs(30),
        "counter-role",
        &variables,
        &Connector::new(Router::closed(), clock),
    );
    host
}

fn host() -> LambdaHost {
    host_with(&[("TABLE", "ledger")])
}

fn effects(key: &str) -> usize {
    EFFECTS
        .lock()
        .unwrap()
        .get(key)
        .copied()
        .unwrap_or_default()
}

async fn invoke(host: &LambdaHost, payload: Value, fault: Option<LambdaFault>) -> (bool, Value) {
    let mut request = invocation("states", "lifeguard-counter", "RequestResponse", &payload);
    if let Some(fault) = fault {
        request.extensions_mut().insert(fault);
    }
    let answer = host.handle(request).await;
    assert_eq!(answer.status(), 200);
    (
        answer.headers().contains_key("x-amz-function-error"),
        serde_json::from_slice(answer.body()).unwrap(),
    )
}

#[tokio::test(start_paused = true)]
async fn a_function_gets_its_variables_and_the_regions_time() {
    let (failed, answer) = invoke(&host(), json!({ "key": "plain" }), None).await;
    assert!(!failed);
    assert_eq!(
        answer,
        json!({ "table": "ledger", "now": "2026-01-01T00:00:00Z" })
    );
}

#[tokio::test(start_paused = true)]
async fn a_failed_handler_answers_200_with_its_fixed_error_type() {
    let host = host();
    let (failed, answer) = invoke(&host, json!({ "key": "f", "fail": true }), None).await;
    assert!(failed);
    assert_eq!(
        answer,
        json!({ "errorType": "Lifeguard.Stale", "errorMessage": "orders is at version 8, not 7" })
    );
    assert_eq!(host.journal.calls()[0].outcome, "Lifeguard.Stale");
    assert_eq!(host.journal.calls()[0].caller, "states");
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_takes_too_long_is_cut_off_at_its_timeout() {
    let host = host();
    let (failed, answer) = invoke(&host, json!({ "key": "slow", "sleep_secs": 31 }), None).await;
    assert!(failed);
    assert_eq!(answer["errorType"], "Sandbox.Timedout");
    assert!(
        answer["errorMessage"]
            .as_str()
            .unwrap()
            .ends_with("Task timed out after 30.00 seconds")
    );
    assert_eq!((effects("slow"), host.clock.elapsed().as_secs()), (0, 30));
}

#[tokio::test(start_paused = true)]
async fn init_fails_at_every_call_and_names_the_missing_variable() {
    let host = host_with(&[]);
    for _ in 0..2 {
        let (failed, answer) = invoke(&host, json!({ "key": "init" }), None).await;
        assert!(failed);
        assert_eq!(answer["errorType"], "Runtime.ExitError");
        assert!(
            answer["errorMessage"].as_str().unwrap().contains("TABLE"),
            "{answer}"
        );
    }
    assert_eq!(host.journal.log_lines().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn every_fault_leaves_the_effect_it_promises() {
    use LambdaFault::{CrashAfter, CrashBefore, RunTwice, TimeOutAfter, TimeOutBefore};
    let table = [
        (CrashBefore, 0, "Runtime.ExitError"),
        (CrashAfter, 1, "Runtime.ExitError"),
        (TimeOutBefore, 0, "Sandbox.Timedout"),
        (TimeOutAfter, 1, "Sandbox.Timedout"),
    ];
    for (fault, wanted, error) in table {
        let key = format!("{fault:?}");
        let (failed, answer) = invoke(&host(), json!({ "key": key }), Some(fault)).await;
        assert!(failed, "{fault:?}");
        assert_eq!(
            (effects(&key), answer["errorType"].as_str()),
            (wanted, Some(error)),
            "{fault:?}"
        );
    }
    let (failed, _) = invoke(&host(), json!({ "key": "twice" }), Some(RunTwice)).await;
    assert!(!failed);
    assert_eq!(effects("twice"), 2);
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_crash_and_the_next_call_starts_anew() {
    let host = host();
    let (_, answer) = invoke(&host, json!({ "key": "p", "panic": true }), None).await;
    assert_eq!(answer["errorType"], "Runtime.ExitError");
    assert!(!invoke(&host, json!({ "key": "p" }), None).await.0);
}

#[tokio::test(start_paused = true)]
async fn an_event_is_answered_at_once_and_tried_three_times() {
    let host = host();
    let answer = host
        .handle(invocation(
            "events",
            "lifeguard-counter",
            "Event",
            &json!({ "key": "e", "fail": true }),
        ))
        .await;
    assert_eq!((answer.status().as_u16(), answer.body().len()), (202, 0));
    tokio::time::sleep(Duration::from_secs(181)).await;
    assert!(
        host.journal
            .log_lines()
            .iter()
            .any(|line| line.contains("given up after its last try")),
        "{:?}",
        host.journal.log_lines()
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_is_not_tried_again_when_the_template_says_so() {
    let host = host();
    host.limit_event_retries("lifeguard-counter", 0);
    host.handle(invocation(
        "events",
        "lifeguard-counter",
        "Event",
        &json!({ "key": "once", "fail": true }),
    ))
    .await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert!(
        host.journal
            .log_lines()
            .iter()
            .any(|line| line.contains("given up")),
        "{:?}",
        host.journal.log_lines()
    );
}

#[tokio::test(start_paused = true)]
async fn a_crashed_event_is_delivered_again_a_minute_later() {
    let host = host();
    let mut request = invocation(
        "events",
        "lifeguard-counter",
        "Event",
        &json!({ "key": "again" }),
    );
    request.extensions_mut().insert(LambdaFault::CrashAfter);
    host.handle(request).await;
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert_eq!(effects("again"), 1);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(effects("again"), 2);
}

#[tokio::test(start_paused = true)]
async fn what_the_host_does_not_know_it_refuses_by_name() {
    let host = host();
    let answer = host
        .handle(invocation(
            "states",
            "lifeguard-conter",
            "RequestResponse",
            &json!({}),
        ))
        .await;
    let (code, message) = refused(&answer).unwrap();
    assert_eq!(code, "ResourceNotFoundException");
    assert!(message.contains("lifeguard-conter"));
    let answer = host
        .handle(invocation(
            "states",
            "lifeguard-counter",
            "DryRun",
            &json!({}),
        ))
        .await;
    assert!(refused(&answer).unwrap().1.contains("DryRun"));
    let (failed, answer) = invoke(&host, json!({ "kye": "x" }), None).await;
    assert!(failed);
    assert_eq!(answer["errorType"], "Lifeguard.BadInput");
}

#[tokio::test(start_paused = true)]
async fn log_lines_land_in_the_record_as_json() {
    let clock = Clock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
    let journal = Journal::new(clock);
    let subscriber =
        tracing_subscriber::registry().with(lambda_kit::log_layer(LogWriter::new(journal.clone())));
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(application = "orders", "looked")
    });
    let lines = journal.log_lines();
    assert_eq!(lines.len(), 1);
    let line: Value = serde_json::from_str(&lines[0]).unwrap();
    assert_eq!(
        (line["message"].as_str(), line["application"].as_str()),
        (Some("looked"), Some("orders"))
    );
}

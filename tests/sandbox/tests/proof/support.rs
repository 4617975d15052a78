//! Playing a scenario, and reading what it left behind.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use sandbox::{
    connector::Router,
    faults::Rule,
    invariants::Invariant,
    journal::Call,
    protocol::{aws_json, invoked_function, verb},
    region::{Region, RegionError},
    scenario::{self, APPLICATION, Played, Script, Stage},
    script::Step,
    states::{ExecutionView, Status},
    wire,
};
use serde_json::{Value, json};

/// Verbs that change an application.
pub(crate) const CHANGING: [&str; 4] = [
    "RollbackApplication",
    "StopApplication",
    "UpdateApplication",
    "StartApplication",
];
/// The role under which the scenarios' people act.
pub(crate) const OPERATOR: &str = "operator";

/// Runs to its end in a runtime of its own, as every run of a region does: what a region leaves behind goes with it.
pub(crate) fn in_virtual_time<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    runtime
        .expect("a runtime of one thread needs nothing but memory")
        .block_on(future)
}

pub(crate) fn named(name: &str) -> &'static Script {
    scenario::by_name(name).unwrap_or_else(|| panic!("there is no scenario {name}"))
}

pub(crate) fn stage(name: &str) -> Stage {
    named(name).stage()
}

/// The stage of that scenario, with this going wrong in the plumbing.
pub(crate) fn stage_with(name: &str, faults: Vec<Rule>) -> Stage {
    Stage {
        faults,
        ..stage(name)
    }
}

pub(crate) fn stage_where(name: &str, parameter: &str, value: &str) -> Stage {
    let mut stage = stage(name);
    stage
        .parameters
        .insert(parameter.to_owned(), value.to_owned());
    stage
}

/// The scenario with another way to end.
pub(crate) fn ending(name: &str, change: impl FnOnce(&mut scenario::Ends)) -> Script {
    let mut scenario = named(name).clone();
    change(scenario.ends.get_or_insert_default());
    scenario
}

/// Nothing was touched: the bad version is still there.
pub(crate) fn ends_untouched(ends: &mut scenario::Ends, outcome: &str, because: &str) {
    ends.outcome = outcome.to_owned();
    ends.changes = Vec::new();
    ends.code = Some("orders-7.jar".to_owned());
    ends.because = because.to_owned();
}

/// What happens, as a file has it.
pub(crate) fn steps(written: &Value) -> Vec<Step> {
    serde_json::from_value(written.clone()).unwrap_or_else(|wrong| panic!("{wrong}: {written:#}"))
}

pub(crate) async fn play(name: &str, seed: u64) -> Played {
    play_staged(named(name), stage(name), seed).await
}

/// Plays in virtual time, and fails where an invariant broke. L1 is promised by how a scenario ends as it is written: a test that lets it end otherwise holds its own end, and
/// [`assert_well`] holds L1 for the rest.
pub(crate) async fn play_on(
    scenario: &Script,
    stage: Stage,
    seed: u64,
    opened: impl FnOnce(&Region),
) -> Result<Played, RegionError> {
    let played = scenario::play_on(scenario, stage, seed, opened).await?;
    let broken: Vec<String> = played
        .verdicts
        .violations
        .iter()
        .filter(|one| one.invariant != Invariant::L1)
        .map(ToString::to_string)
        .collect();
    assert!(
        broken.is_empty(),
        "{}: {broken:#?}\n{}",
        scenario.name,
        story(&played.region)
    );
    Ok(played)
}

pub(crate) async fn play_staged(scenario: &Script, stage: Stage, seed: u64) -> Played {
    play_on(scenario, stage, seed, |_| {})
        .await
        .expect("the template is right")
}

/// Plays, and fails with the whole story when it did not end as it should.
pub(crate) async fn play_well(scenario: &Script, stage: Stage, seed: u64, what: &str) -> Played {
    let played = play_staged(scenario, stage, seed).await;
    assert_well(&played, what);
    played
}

pub(crate) fn assert_well(played: &Played, what: &str) {
    let rehearsal = &played.rehearsal;
    assert!(
        rehearsal.is_as_it_should_be(),
        "{what}, seed {}: {:#?}\n{}",
        rehearsal.seed,
        rehearsal.complaints,
        story(&played.region)
    );
    assert_every_execution_told_once(&played.region, what);
}

/// The timeline, for a failing test.
pub(crate) fn story(region: &Region) -> String {
    let opened = region.opened();
    let line = |entry: &sandbox::journal::Entry| {
        format!(
            "{:>9.1} {:?}: {}\n",
            (entry.at.as_millisecond() - opened.as_millisecond()) as f64 / 1000.0,
            entry.actor,
            entry.text
        )
    };
    region.journal().entries().iter().map(line).collect()
}

/// Calls of Lifeguard that were meant to change an application.
pub(crate) fn attempts(region: &Region) -> Vec<Call> {
    let ours = |call: &Call| {
        call.service == "kinesisanalytics"
            && call.caller != OPERATOR
            && CHANGING.contains(&call.action.as_str())
    };
    region.journal().calls().into_iter().filter(ours).collect()
}

/// Those that had an effect, by verb, in order.
pub(crate) fn effects(region: &Region) -> Vec<String> {
    attempts(region)
        .into_iter()
        .filter(|call| call.changed)
        .map(|call| call.action)
        .collect()
}

/// People's messages: when, subject, text.
pub(crate) fn told(region: &Region) -> Vec<(Timestamp, String, String)> {
    let messages = region.journal().messages();
    let sns = messages
        .iter()
        .filter(|message| message["service"] == "sns");
    sns.map(|message| {
        (
            at(&message["at"]),
            text(&message["subject"]),
            text(&message["message"]),
        )
    })
    .collect()
}

/// The outcome events: the execution and the detail.
pub(crate) fn outcomes(region: &Region) -> Vec<(String, Value)> {
    let messages = region.journal().messages();
    let events = messages
        .iter()
        .filter(|message| message["event"]["source"] == "flink-lifeguard");
    events
        .map(|message| message["event"]["detail"].clone())
        .map(|detail| (text(&detail["execution"]), detail))
        .collect()
}

/// S5, L2, L3: every execution has ended, with exactly one outcome, and holds no lease.
pub(crate) fn assert_every_execution_told_once(region: &Region, what: &str) {
    let outcomes = outcomes(region);
    for execution in region.states().executions() {
        assert_eq!(
            execution.status,
            Status::Succeeded,
            "{what}: {execution:?}\n{}",
            story(region)
        );
        let told = outcomes
            .iter()
            .filter(|(of, _)| *of == execution.arn)
            .count();
        assert_eq!(
            told,
            1,
            "{what}: outcomes of {}\n{}",
            execution.arn,
            story(region)
        );
    }
}

/// The lease of the application, if it is there: the row as DynamoDB has it.
pub(crate) async fn lease(region: &Region) -> Option<Value> {
    rows(region, APPLICATION)
        .await
        .into_iter()
        .find(|row| row["sk"]["S"] == "lease")
}

/// Everything that the ledger has on an application.
pub(crate) async fn rows(region: &Region, application: &str) -> Vec<Value> {
    let table = region
        .stack()
        .tables
        .values()
        .next()
        .expect("the stack has a ledger")
        .properties["TableName"]
        .clone();
    let query = json!({
        "TableName": table, "KeyConditionExpression": "pk = :pk", "ConsistentRead": true,
        "ExpressionAttributeValues": { ":pk": { "S": application } },
    });
    region.faults().clear();
    let answer = region
        .router()
        .send(aws_json(
            "test",
            "dynamodb",
            "DynamoDB_20120810.Query",
            "1.0",
            &query,
        ))
        .await;
    assert!(answer.status().is_success(), "{:?}", answer.body());
    let body: Value = serde_json::from_slice(answer.body()).expect("the service writes JSON");
    body["Items"].as_array().cloned().unwrap_or_default()
}

/// One try of a task, from an execution's history.
#[derive(Clone, Debug)]
pub(crate) struct Tried {
    /// The state.
    pub(crate) state: String,
    /// When it ended, in seconds since 1970.
    pub(crate) ended: f64,
    /// What came back, when it succeeded.
    pub(crate) answer: Option<Value>,
}

/// All tries of an execution's tasks, in order.
pub(crate) fn tries(region: &Region, execution: &ExecutionView) -> Vec<Tried> {
    let (mut state, mut tries) = (String::new(), Vec::new());
    for event in region.states().history(&execution.arn) {
        if let Some(name) = event["stateEnteredEventDetails"]["name"].as_str() {
            state = name.to_owned();
        }
        let kind = event["type"].as_str().unwrap_or_default();
        if matches!(kind, "TaskSucceeded" | "TaskFailed" | "TaskTimedOut") {
            let answer = event["taskSucceededEventDetails"]["output"]
                .as_str()
                .and_then(|text| serde_json::from_str(text).ok());
            tries.push(Tried {
                state: state.clone(),
                ended: event["timestamp"].as_f64().expect("events have a time"),
                answer,
            });
        }
    }
    tries
}

/// What every look of an execution said, with its time.
pub(crate) fn looks(region: &Region, execution: &ExecutionView) -> Vec<(f64, Value)> {
    let looks = tries(region, execution)
        .into_iter()
        .filter(|tried| tried.state == "Look");
    looks
        .filter_map(|look| Some((look.ended, look.answer?["Payload"].clone())))
        .collect()
}

/// The alarm handler's name.
pub(crate) fn handler(region: &Region) -> String {
    function(region, "alarm-handler")
}

/// The name of the function of this package.
pub(crate) fn function(region: &Region, package: &str) -> String {
    region
        .stack()
        .functions
        .values()
        .find(|function| function.package == package)
        .expect("it is in the template")
        .name
        .clone()
}

/// From now on everything that reaches the alarm handler reaches it twice.
pub(crate) fn duplicate(region: &Region) {
    let handler = handler(region);
    region.router().wrap(|before: Router| {
        move |request: wire::Request| {
            let (before, twice) = (
                before.clone(),
                invoked_function(&request).as_deref() == Some(&handler),
            );
            Box::pin(async move {
                if twice {
                    before.send(request.clone()).await;
                }
                before.send(request).await
            })
        }
    });
}

/// One request and its answer.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) at: Timestamp,
    pub(crate) caller: Option<String>,
    pub(crate) service: String,
    pub(crate) action: String,
    pub(crate) request: Value,
    pub(crate) answer: Value,
    pub(crate) cookie: Option<String>,
}

/// What goes over the wire of a region, as far as it is JSON.
#[derive(Clone, Default)]
pub(crate) struct Wire(Arc<Mutex<Vec<Exchange>>>);

impl Wire {
    /// Listens from now on.
    pub(crate) fn tap(&self, region: &Region) {
        let (wire, clock) = (self.0.clone(), region.clock().clone());
        region.router().wrap(|before: Router| {
            move |request| {
                let (wire, clock, before) = (wire.clone(), clock.clone(), before.clone());
                Box::pin(async move {
                    let (service, action) = verb(&request);
                    let (caller, body) = (
                        wire::caller(&request),
                        serde_json::from_slice(request.body()).unwrap_or_default(),
                    );
                    let answer = before.send(request).await;
                    let cookie = answer
                        .headers()
                        .get("set-cookie")
                        .and_then(|value| value.to_str().ok())
                        .map(str::to_owned);
                    let said = serde_json::from_slice(answer.body()).unwrap_or_default();
                    let exchange = Exchange {
                        at: clock.now(),
                        caller,
                        service,
                        action,
                        request: body,
                        answer: said,
                        cookie,
                    };
                    wire.lock().expect("one thread").push(exchange);
                    answer
                })
            }
        });
    }

    /// What was heard.
    pub(crate) fn heard(&self) -> Vec<Exchange> {
        self.0.lock().expect("one thread").clone()
    }
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn at(value: &Value) -> Timestamp {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .expect("messages have a time")
}

/// A play: its outcome, its reason, Lifeguard's changes, and its region as it was left.
pub(crate) struct Told {
    pub(crate) outcome: String,
    pub(crate) reason: String,
    pub(crate) changes: Vec<String>,
    pub(crate) region: Region,
}

/// Plays a scenario in another world. Every invariant holds in it, or the play fails.
pub(crate) fn played(name: &str, change: impl FnOnce(&mut Value)) -> Told {
    let mut written = serde_json::to_value(named(name)).unwrap();
    change(&mut written);
    let script: Script = serde_json::from_value(written).unwrap();
    in_virtual_time(async {
        let played = play_staged(&script, script.stage(), 1).await;
        let changes = played.rehearsal.actions.iter();
        Told {
            outcome: played.rehearsal.outcome.to_string(),
            reason: played.rehearsal.reason.to_string(),
            changes: changes
                .filter(|one| one.changed)
                .map(|one| one.action.clone())
                .collect(),
            region: (*played.region).clone(),
        }
    })
}

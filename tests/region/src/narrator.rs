//! Tells what Lifeguard does, as the region sees it: from the tasks of its state machine, not from its own words about itself.
//!
//! A turn that decides the same as the turn before is not told again: a wait of an hour would fill the timeline.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use serde_json::Value;

use asl::{ExecutionEvent, Status, StepFunctions, TaskCall, TaskFailure};
use emulated_aws::events::EventBus;
use ground::journal::{Actor, Journal};

/// Characters of a reason that fit a timeline.
const REASON_LENGTH: usize = 260;

/// What was told last, by execution and subject.
#[derive(Clone, Default)]
pub(super) struct Told(
    Arc<Mutex<BTreeMap<(String, &'static str), String>>>,
    Arc<Mutex<BTreeMap<String, u32>>>,
);

/// Lines about single applications that a snapshot check tells.
const ROWS_TOLD: u32 = 12;

impl Told {
    /// Whether this execution has not yet told enough lines about single applications.
    fn is_one_of_the_first(&self, execution: &str) -> bool {
        let mut counts = self
            .1
            .lock()
            .expect("no thread panics while it holds what was told");
        let count = counts.entry(execution.to_owned()).or_default();
        *count += 1;
        *count <= ROWS_TOLD
    }

    /// Whether this is new.
    fn is_news(&self, execution: &str, subject: &'static str, what: &str) -> bool {
        let mut told = self
            .0
            .lock()
            .expect("no thread panics while it holds what was told");
        told.insert((execution.to_owned(), subject), what.to_owned())
            .as_deref()
            != Some(what)
    }
}

/// Executions' starts and ends, also for EventBridge.
pub(super) fn listen(states: &StepFunctions, bus: &EventBus, journal: &Journal) {
    let (bus, journal) = (bus.clone(), journal.clone());
    states.on_status_change(Arc::new(move |event: ExecutionEvent| {
        let execution = &event.0;
        let application = execution.input["applicationName"].as_str();
        let text = match execution.status {
            Status::Running if is_snapshot_check(&execution.state_machine_arn) => {
                match execution.input["goOn"]["part"].as_u64() {
                    Some(part) => format!("goes on with the snapshot check, part {part}"),
                    None => "begins a snapshot check".into(),
                }
            }
            Status::Running => format!("begins: {}", begun_by(&execution.input)),
            Status::Succeeded => match execution
                .output
                .as_ref()
                .filter(|_| is_snapshot_check(&execution.state_machine_arn))
            {
                Some(report) => format!(
                    "snapshots, {}: {}",
                    text(report, "outcome"),
                    lifecycle::shorten(text(report, "reason"), REASON_LENGTH)
                ),
                None => return emit(&bus, &event),
            },
            status => format!(
                "the execution is {}: {}",
                status.name(),
                execution.error.as_deref().unwrap_or("no error named")
            ),
        };
        journal.tell(Actor::Lifeguard, application, text);
        emit(&bus, &event);
    }));
}

fn is_snapshot_check(machine: &str) -> bool {
    machine.ends_with("snapshot-check")
}

fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value[member].as_str().unwrap_or_default()
}

/// A line of a snapshot check, unless it has told enough: in a fleet the report at the end says the rest.
fn row(told: &Told, execution: &str, row: &Value) -> Option<String> {
    let snapshot = row["snapshotName"]
        .as_str()
        .map_or(String::new(), |name| format!(" {name}"));
    let deleted = row["deleted"]
        .as_u64()
        .filter(|deleted| *deleted > 0)
        .map_or(String::new(), |deleted| format!(", {deleted} deleted"));
    let findings: Vec<&str> = row["findings"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let findings = if findings.is_empty() {
        String::new()
    } else {
        format!(" [{}]", findings.join("; "))
    };
    let line = format!(
        "{}{snapshot}{deleted}: {}{findings}",
        text(row, "did"),
        text(row, "why")
    );
    told.is_one_of_the_first(execution)
        .then(|| lifecycle::shorten(&line, 2 * REASON_LENGTH))
}

fn emit(bus: &EventBus, event: &ExecutionEvent) {
    bus.emit(
        "aws.states",
        "Step Functions Execution Status Change",
        std::slice::from_ref(&event.0.arn),
        event.detail(),
    );
}

fn begun_by(input: &Value) -> String {
    let trigger = &input["trigger"];
    if trigger["kind"] == "executionBroke" {
        return format!(
            "the execution before is {}",
            trigger["status"].as_str().unwrap_or("gone")
        );
    }
    if let ("deployment" | "sweep", Some(reason)) = (
        trigger["kind"].as_str().unwrap_or_default(),
        trigger["reason"].as_str(),
    ) {
        return format!("the sweep finds that {reason}");
    }
    match (
        trigger["alarmName"].as_str(),
        input["request"]["action"].as_str(),
    ) {
        (Some(alarm), _) => format!("alarm {alarm}"),
        (None, Some(action)) => format!("a person asks for {action}"),
        (None, None) => "a person asks for a look".into(),
    }
}

/// A task that was carried out.
pub(super) fn task(
    journal: &Journal,
    told: &Told,
    task: &TaskCall,
    result: &Result<Value, TaskFailure>,
) {
    let application = task.arguments["Payload"]["applicationName"].as_str();
    let execution = &task.execution_arn;
    let text = match (task.state.as_str(), result) {
        // A check that leads on to more says it then.
        ("Check", Ok(answer)) if answer["Payload"]["next"] == "done" => {
            row(told, execution, &answer["Payload"]).map(|row| format!("checks snapshots: {row}"))
        }
        ("Act", Ok(answer)) => {
            row(told, execution, &answer["Payload"]).map(|row| format!("snapshots: {row}"))
        }
        ("TellPeopleOfSnapshots", Ok(_)) => Some(format!(
            "tells people: {}",
            task.arguments["Subject"].as_str().unwrap_or_default()
        )),
        ("Look", Ok(answer)) => seen(&answer["Payload"])
            .filter(|text| told.is_news(execution, "look", text))
            .map(|text| format!("sees: {text}")),
        // Nothing of a decision happens that is asked for again.
        ("Decide", Ok(answer)) if answer["Payload"]["asksOthers"] != true => {
            let decision = &answer["Payload"];
            let key = format!("{} {}", decision["action"], decision["because"]);
            told.is_news(execution, "decide", &key)
                .then(|| format!("decides: {}", decided(decision)))
        }
        ("TellPeople", Ok(_)) => Some(format!(
            "tells people: {}",
            task.arguments["Subject"].as_str().unwrap_or_default()
        )),
        ("Notify", Ok(_)) => Some(format!(
            "reports: {}",
            task.arguments["Subject"].as_str().unwrap_or_default()
        )),
        ("RollBack" | "ForceStop" | "RestoreConfiguration" | "StartFromSnapshot", Ok(answer)) => {
            Some(format!(
                "{}: {}",
                task.state,
                answer["Payload"]["outcome"].as_str().unwrap_or("done")
            ))
        }
        (state, Err(failure)) if failure.error != "DynamoDB.ConditionalCheckFailedException" => {
            Some(format!("{state} failed: {}", said(failure)))
        }
        _ => None,
    };
    if let Some(text) = text {
        journal.tell(Actor::Lifeguard, application, text);
    }
}

/// The verdict, without what changes from look to look.
fn seen(look: &Value) -> Option<String> {
    let assessment = &look["assessment"];
    Some(match assessment["is"].as_str()? {
        "busy" => assessment["status"].as_str().unwrap_or_default().to_owned(),
        "looping" => "the job fails and restarts".into(),
        "settling" => "the job is coming up, not yet soaked".into(),
        "healthy" => "healthy, soaked".into(),
        "noProgress" => "runs, but no checkpoint completes".into(),
        word => format!(
            "{word}: {}",
            lifecycle::shorten(
                assessment["why"].as_str().unwrap_or_default(),
                REASON_LENGTH
            )
        ),
    })
}

fn decided(decision: &Value) -> String {
    let reason = lifecycle::shorten(
        decision["reason"].as_str().unwrap_or_default(),
        REASON_LENGTH,
    );
    match decision["action"].as_str().unwrap_or_default() {
        "wait" => format!("wait ({reason})"),
        "recovered" => format!("recovered ({reason})"),
        "leaveAlone" => format!("leave it alone ({reason})"),
        "escalate" => format!("ask for a person ({reason})"),
        _ => reason,
    }
}

fn said(failure: &TaskFailure) -> String {
    let body: Value = serde_json::from_str(&failure.cause).unwrap_or_default();
    let message = body["errorMessage"].as_str().unwrap_or(&failure.cause);
    format!(
        "{}: {}",
        failure.error,
        lifecycle::shorten(message, REASON_LENGTH)
    )
}

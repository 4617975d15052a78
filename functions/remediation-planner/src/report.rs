//! The report of an execution: what, why, evidence, what is replayed, what infrastructure as code would now undo. For people (a subject, a text) and for machines (the event's detail).

use jiff::Timestamp;
use lifecycle::{Action, Decision, Mail, Progress, Reason, Rescue, Step, StepResult};
use serde::Serialize;
use serde_json::{Value, json};

use crate::Event;

/// The report.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// A line.
    pub subject: String,
    /// For people.
    pub text: String,
    /// Whether people are sent it, and how urgent it is. None: the event says it all.
    pub mail: Option<Mail>,
    /// For machines: the EventBridge event's detail and the execution's output.
    pub detail: Value,
}

/// Writes the report of a final decision.
pub(crate) fn report(event: &Event, decision: &Decision, now: Timestamp) -> Report {
    let application = &event.look.observation.application;
    let outcome = outcome(&decision.action);
    let drift = drift(&decision.progress);
    let detail = json!({
        "applicationName": application.name,
        "outcome": outcome,
        "because": decision.because,
        "reason": decision.reason,
        "application": { "status": application.status, "versionId": application.version_id, "runtime": application.runtime },
        "steps": decision.progress.steps,
        "rescue": decision.progress.rescue,
        "firstFault": event.look.watch.first_fault,
        "drift": drift,
        "isDown": is_down(event, decision),
        "couldNotRead": event.look.observation.unreadable,
        "trigger": event.trigger,
        "request": event.request,
        "execution": event.execution,
        "startedAt": event.started_at,
        "endedAt": now,
    });
    Report {
        subject: subject(event, outcome, decision),
        text: text(event, decision, outcome, drift.as_deref(), now),
        mail: lifecycle::mail(decision, &application.status, event.request.is_some()),
        detail,
    }
}

pub(crate) fn outcome(action: &Action) -> &'static str {
    match action {
        Action::Recovered => "recovered",
        Action::LeaveAlone => "leftAlone",
        _ => "escalated",
    }
}

/// Whether it is down because Lifeguard stopped it, and nothing of Lifeguard's starts it any more.
fn is_down(event: &Event, decision: &Decision) -> bool {
    decision
        .progress
        .brought_down(&event.look.observation.application.status)
}

fn subject(event: &Event, outcome: &str, decision: &Decision) -> String {
    let name = &event.look.observation.application.name;
    let rescue = decision.progress.rescue.as_ref();
    let news = match (outcome, rescue) {
        ("recovered", Some(rescue)) => format!(
            " recovered on the configuration of version {}",
            rescue.good_version_id
        ),
        ("recovered", None) => " recovered".to_owned(),
        ("leftAlone", _) => format!(" was left alone: {}", words(decision.because)),
        _ if is_down(event, decision) => format!(
            " IS DOWN, stopped by Lifeguard: {}",
            words(decision.because)
        ),
        _ => format!(" needs a person: {}", words(decision.because)),
    };
    lifecycle::subject("", name, &news)
}

/// `NotTheChange` → "not the change".
fn words(reason: Reason) -> String {
    let mut words = String::new();
    for c in format!("{reason:?}").chars() {
        if c.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(c.to_ascii_lowercase());
    }
    words
}

fn text(
    event: &Event,
    decision: &Decision,
    outcome: &str,
    drift: Option<&str>,
    now: Timestamp,
) -> String {
    let application = &event.look.observation.application;
    let secs = now.as_second() - event.started_at.as_second();
    let mut lines = vec![
        format!(
            "Application: {} (now {}, version {}, {})",
            application.name, application.status, application.version_id, application.runtime
        ),
        format!("Outcome:     {outcome} after {secs} s"),
        format!("Because:     {}", decision.reason),
    ];
    if let Some(rescue) = &decision.progress.rescue {
        lines.push(format!("Decided:     {}", rescue.because));
        lines.extend(snapshot_lines(rescue));
    }
    if let Some(fault) = &event.look.watch.first_fault {
        let task = fault
            .task
            .as_deref()
            .map_or(String::new(), |task| format!(" in {task}"));
        lines.push(format!(
            "First fault: {} at {}{task}",
            fault.message, fault.at
        ));
    }
    let steps: Vec<String> = decision
        .progress
        .steps
        .iter()
        .map(|taken| {
            format!(
                "{} at {}: {}",
                step_name(taken.step),
                taken.at,
                told(taken.result.as_ref())
            )
        })
        .collect();
    lines.push(if steps.is_empty() {
        "Steps:       none, nothing was changed".into()
    } else {
        format!("Steps:       {}", steps.join("; "))
    });
    lines.extend(drift.map(|drift| format!("Drift:       {drift}")));
    for unread in &event.look.observation.unreadable {
        lines.push(format!("Not read:    {:?}: {}", unread.what, unread.why));
    }
    lines.extend(
        event
            .stop
            .as_ref()
            .filter(|_| is_stopped(decision))
            .into_iter()
            .flat_map(|stop| go_on(event, &stop.table)),
    );
    lines.push(format!("Execution:   {}", event.execution));
    lines.join("\n")
}

fn is_stopped(decision: &Decision) -> bool {
    matches!(
        decision.because,
        Reason::StopSwitch | Reason::StopSwitchUnreadable
    )
}

/// The two commands that let Lifeguard go on. The state machine is the one of this execution.
fn go_on(event: &Event, table: &str) -> [String; 2] {
    let machine = event
        .execution
        .rsplit_once(':')
        .map_or(event.execution.as_str(), |(machine, _)| machine)
        .replacen(":execution:", ":stateMachine:", 1);
    let name = &event.look.observation.application.name;
    let input = match &event.request {
        Some(request) => json!({ "applicationName": name, "request": request }),
        None => json!({ "applicationName": name }),
    };
    [
        format!(
            r#"To lift it:  aws dynamodb delete-item --table-name {table} --key '{{"pk":{{"S":"*"}},"sk":{{"S":"stop"}}}}'"#
        ),
        format!(
            "To go on:    aws stepfunctions start-execution --state-machine-arn {machine} --input '{input}'"
        ),
    ]
}

fn snapshot_lines(rescue: &Rescue) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(snapshot) = &rescue.snapshot.chosen {
        let before = rescue.fault_at.as_second() - snapshot.created_at.as_second();
        lines.push(format!("Snapshot:    {}, taken {before} s before the trouble began; records since then are replayed", snapshot.name));
    }
    lines.extend(
        rescue
            .snapshot
            .passed_over
            .iter()
            .map(|one| format!("Passed over: {}: {}", one.name, one.why)),
    );
    lines
}

fn step_name(step: Step) -> &'static str {
    match step {
        Step::Rollback => "RollbackApplication",
        Step::ForceStop => "StopApplication (force)",
        Step::RestoreConfiguration => "UpdateApplication (configuration put back)",
        Step::Start => "StartApplication",
    }
}

fn told(result: Option<&StepResult>) -> String {
    match result {
        Some(StepResult::Accepted { .. }) => "accepted".into(),
        Some(StepResult::Failed { error, message }) => format!("{error}: {message}"),
        None => "outcome not known".into(),
    }
}

/// A newer version with an older configuration: what deploys from code does not know of it.
fn drift(progress: &Progress) -> Option<String> {
    let rescue = progress.rescue.as_ref()?;
    let went_back =
        progress.is_done(Step::Rollback) || progress.is_done(Step::RestoreConfiguration);
    (went_back && rescue.good_version_id != rescue.faulty_version_id).then(|| {
        format!(
            "the application runs the configuration of version {}; Terraform, CloudFormation or a pipeline still describes version {} and brings it back with its next \
             run: mend or revert it there first",
            rescue.good_version_id, rescue.faulty_version_id
        )
    })
}

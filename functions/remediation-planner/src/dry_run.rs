//! A dry run: the decision is the real one, and where it would send a step the execution ends and says which.
//!
//! Invariant: nothing that this answers makes the state machine act, count, remember or mail: the action only waits or ends, and there is no notice, no budget and no version to remember.

use jiff::Timestamp;
use lifecycle::{Action, Decision, Plan, Progress, Request, Restore};
use serde_json::{Value, json};

use crate::{Answer, Event, action_name, report};

/// The outcome of every dry run.
const OUTCOME: &str = "dryRun";

/// The answer of a dry run.
pub(crate) fn answer(
    event: &Event,
    decided: Decision,
    before: Progress,
    rules: &report::Rules<'_>,
    now: Timestamp,
) -> Answer {
    let quiet = Decision {
        notice: None,
        ..decided
    };
    if matches!(quiet.action, Action::Wait { .. }) {
        return silent(quiet, None);
    }
    let would = would(event, &quiet);
    let name = &event.look.observation.application.name;
    let reason = format!(
        "This was a dry run. Nothing was changed. Lifeguard would {}. Why: {}",
        in_words(name, event, &quiet),
        quiet.reason
    );
    let ends = Decision {
        action: Action::LeaveAlone,
        reason,
        progress: before,
        ..quiet
    };
    let mut report = report::report(event, &ends, rules, now);
    report.detail["outcome"] = json!(OUTCOME);
    report.detail["dryRun"] = json!(true);
    report.detail["would"] = would;
    report.subject = lifecycle::subject("Dry run: ", name, "");
    report.mail = None;
    silent(ends, Some(report))
}

fn silent(decision: Decision, report: Option<report::Report>) -> Answer {
    Answer {
        decision,
        spend: None,
        soaked: None,
        trouble: None,
        asks_others: false,
        remember: None,
        report,
    }
}

/// What would be done, for machines.
fn would(event: &Event, decision: &Decision) -> Value {
    let mut would = json!({ "action": action_name(&decision.action), "why": decision.reason });
    let Some(plan) = decision.action.plan() else {
        return would;
    };
    let state = State::of(event, decision, plan);
    would["fromVersionId"] = json!(plan.version_id);
    would["toVersionId"] = json!(target(decision, plan));
    would["snapshotName"] = json!(state.snapshot());
    would["withoutState"] = json!(matches!(state, State::None));
    would["plan"] = json!(plan);
    would
}

/// What the application would be started from.
enum State {
    Snapshot(String),
    None,
    NotChosen,
}

impl State {
    fn of(event: &Event, decision: &Decision, plan: &Plan) -> Self {
        let asked_without = matches!(
            event.request,
            Some(Request::Restore {
                without_state: true,
                ..
            })
        );
        let rescue = decision.progress.rescue.as_ref();
        match &plan.restore {
            Some(Restore::Snapshot { snapshot_name, .. }) => Self::Snapshot(snapshot_name.clone()),
            Some(Restore::WithoutState { .. }) => Self::None,
            None if asked_without => Self::None,
            None => rescue
                .and_then(|rescue| rescue.snapshot.chosen.as_ref())
                .map_or(Self::NotChosen, |chosen| {
                    Self::Snapshot(chosen.name.clone())
                }),
        }
    }

    fn snapshot(&self) -> Option<&str> {
        match self {
            Self::Snapshot(name) => Some(name),
            Self::None | Self::NotChosen => None,
        }
    }

    fn in_words(&self) -> String {
        match self {
            Self::Snapshot(name) => format!(" from snapshot {name}"),
            Self::None => " without state".to_owned(),
            Self::NotChosen => String::new(),
        }
    }
}

/// The version whose configuration would run.
fn target(decision: &Decision, plan: &Plan) -> u64 {
    let rescue = decision.progress.rescue.as_ref();
    plan.target_version_id
        .or_else(|| rescue.map(|rescue| rescue.good_version_id))
        .unwrap_or(plan.version_id)
}

/// What would be done, for people.
fn in_words(name: &str, event: &Event, decision: &Decision) -> String {
    let Some(plan) = decision.action.plan() else {
        return match decision.action {
            Action::Escalate => "change nothing and ask for a person".to_owned(),
            _ => "change nothing".to_owned(),
        };
    };
    let (from, to) = (plan.version_id, target(decision, plan));
    let state = State::of(event, decision, plan).in_words();
    let put_back = if from == to {
        String::new()
    } else {
        format!(", put the configuration of version {to} back")
    };
    match decision.action {
        Action::Rollback { .. } => format!(
            "roll {name} back from version {from} to version {to} (RollbackApplication){state}"
        ),
        Action::ForceStop { .. } if matches!(event.request, Some(Request::ForceStop {})) => {
            format!(
                "force-stop {name} at version {from} (StopApplication with Force) and leave it stopped"
            )
        }
        Action::ForceStop { .. } => format!(
            "force-stop {name} at version {from} (StopApplication with Force){put_back} and start it{state}"
        ),
        Action::RestoreConfiguration { .. } => format!(
            "put the configuration of version {to} of {name} back (UpdateApplication) and start it{state}"
        ),
        _ => format!("start {name} at version {from} (StartApplication){state}"),
    }
}

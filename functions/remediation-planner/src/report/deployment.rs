//! What became of a deployment, where the execution was started to verify one: in the words that Amazon ECS has for it.

use lifecycle::{Action, Decision, Reason, StepResult};
use serde_json::{Value, json};

use crate::Event;

/// The kind of a trigger that is a deployment.
const DEPLOYMENT: &str = "deployment";

/// The report's part about the deployment; None where the execution verifies none.
pub(super) fn detail(event: &Event, decision: &Decision) -> Option<Value> {
    if event.trigger["kind"] != DEPLOYMENT {
        return None;
    }
    let version_id = version_id(event, decision);
    Some(json!({
        "versionId": version_id,
        "announcedVersionId": event.trigger["versionId"],
        "status": status(decision),
        "changed": event.look.observation.changed_by(version_id),
    }))
}

/// The version that was verified: a newer one than was announced may have come meanwhile.
fn version_id(event: &Event, decision: &Decision) -> u64 {
    let rescue = decision.progress.rescue.as_ref();
    let present = event.look.observation.application.version_id;
    rescue.map_or(present, |rescue| rescue.faulty_version_id)
}

/// What a deployment that did not work had changed, for people.
pub(super) fn changed(event: &Event, decision: &Decision) -> Option<String> {
    if event.trigger["kind"] != DEPLOYMENT || is_verified(event, decision) {
        return None;
    }
    let version_id = version_id(event, decision);
    let changed = event.look.observation.changed_by(version_id)?;
    Some(if changed.is_empty() {
        format!("Version {version_id} changed nothing that Lifeguard knows of.")
    } else {
        format!("Version {version_id} changed: {}.", changed.join("; "))
    })
}

/// Whether a deployment was verified and is good.
pub(super) fn is_verified(event: &Event, decision: &Decision) -> bool {
    event.trigger["kind"] == DEPLOYMENT
        && decision.action == Action::LeaveAlone
        && status(decision) == "SUCCESSFUL"
}

fn status(decision: &Decision) -> &'static str {
    let changed = decision
        .progress
        .steps
        .iter()
        .any(|taken| matches!(taken.result, Some(StepResult::Accepted { .. })));
    match (&decision.action, decision.because) {
        (Action::Recovered, _) | (Action::LeaveAlone, Reason::SystemRolledBack) => {
            "ROLLBACK_SUCCESSFUL"
        }
        (Action::LeaveAlone, Reason::Healthy | Reason::RunsAgain | Reason::Finished) => {
            "SUCCESSFUL"
        }
        (Action::LeaveAlone, _) | (_, Reason::SomebodyElseActed) => "STOPPED",
        _ if changed => "ROLLBACK_FAILED",
        (
            _,
            Reason::Unknown
            | Reason::Deadline
            | Reason::PolicyUnclear
            | Reason::LedgerUnreadable
            | Reason::StopSwitchUnreadable,
        ) => "INCONCLUSIVE",
        _ => "FAILED",
    }
}

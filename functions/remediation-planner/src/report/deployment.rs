//! What became of a deployment, where the execution was started to verify one: in the words that Amazon ECS has for it.

use lambda_kit::Metric;
use lifecycle::{Action, Decision, Deployed, LedgerView, Reason, StepResult, because};
use serde_json::{Value, json};

use super::facts::Facts;
use crate::{Event, figures};

/// The kind of a trigger that is a deployment.
const DEPLOYMENT: &str = "deployment";

/// From a call to the version that it made, by the service's clock and CloudTrail's.
const CALL_SECS: i64 = 600;

/// The report's part about the deployment; None where the execution verifies none.
pub(super) fn detail(event: &Event, decision: &Decision, ledger: &LedgerView) -> Option<Value> {
    if event.trigger["kind"] != DEPLOYMENT {
        return None;
    }
    let version_id = version_id(event, decision);
    let deployed = deployed(event, version_id, ledger);
    Some(json!({
        "versionId": version_id,
        "announcedVersionId": event.trigger["versionId"],
        "status": status(decision),
        "changed": event.look.observation.changed_by(version_id),
        "deployedBy": deployed.map(|deployed| &deployed.by),
        "deployedByCall": deployed.map(|deployed| &deployed.call),
    }))
}

/// Who made the version, as CloudTrail had it. Numbers are used again after some rollbacks: the time tells which one it was.
fn deployed<'a>(event: &Event, version_id: u64, ledger: &'a LedgerView) -> Option<&'a Deployed> {
    let deployed = ledger.as_ref().ok()?.deployed.get(&version_id)?;
    let made = event.look.observation.made_at(version_id);
    let is_it =
        made.is_none_or(|made| (made.as_second() - deployed.at.as_second()).abs() <= CALL_SECS);
    is_it.then_some(deployed)
}

/// Who made the version that is to blame, for people. Of one that is not, nobody is named.
pub(super) fn who(facts: &Facts<'_>) -> Option<String> {
    let decision = facts.decision;
    let verdict = figures::verdict(decision);
    if !matches!(verdict, Some(Metric::ChangeToBlame | Metric::Suspected)) {
        return None;
    }
    let version_id = version_id(facts.event, decision);
    let Deployed { at, call, by } = deployed(facts.event, version_id, facts.rules.ledger)?;
    Some(format!(
        "Version {version_id} was made by {by} ({call}, {}).",
        because::moment(*at, facts.now)
    ))
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
            | Reason::ReadingRefused
            | Reason::StopSwitchUnreadable,
        ) => "INCONCLUSIVE",
        _ => "FAILED",
    }
}

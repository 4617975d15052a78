//! W2: what Lifeguard stopped runs again when all is over, or a person has acted on it since, or it may not or cannot be started and people know that it is down.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    managed_flink::{SnapshotStatus, Status},
    states::{ExecutionView, Status as Ended},
};

use super::{
    checker::{Checker, is_a_person},
    endings::{broke, may_have_no_successor},
    invariant::{Invariant, Verdicts},
    mutation::fits,
    rules::Rules,
};

/// So a subject says it.
const IS_DOWN: &str = " IS DOWN";

pub(super) fn check(
    checker: &Checker,
    verdicts: &mut Verdicts,
    executions: &[ExecutionView],
    messages: &[Value],
) {
    for known in &checker.premises.applications {
        let name = known.name.as_str();
        let Some(stopped) = stopped_at(checker, name) else {
            continue;
        };
        let is_down = checker.region.flink().standing(name).is_some_and(|one| {
            matches!(
                one.status,
                Status::Ready | Status::Stopping | Status::ForceStopping
            )
        });
        let down = is_down && !is_a_persons(checker, executions, name, stopped);
        let may_start = down.then(|| why_not_started(checker, name, stopped));
        let told = messages.iter().any(|one| says_so(one, name, stopped));
        let holds = match &may_start {
            None => true,
            Some(why_not) => why_not.is_some() && told,
        };
        verdicts.check(Invariant::W2, holds, checker.now(), name, || {
            format!(
                "Lifeguard stopped it at {stopped:.0}, and it is down; why it could not be started: {:?}; people were told that it is down: {told}",
                may_start.flatten()
            )
        });
    }
}

/// When Lifeguard stopped it last.
fn stopped_at(checker: &Checker, application: &str) -> Option<Timestamp> {
    let book = checker.book();
    let ours = book
        .executions
        .values()
        .filter(|notes| notes.application == application && notes.request.is_none());
    let stops = ours
        .flat_map(|notes| &notes.effects)
        .filter(|effect| effect.verb == "StopApplication");
    stops.map(|effect| effect.at).max()
}

/// Whether a person has touched it since, or stopped Lifeguard, or nobody heard of the end of an execution.
fn is_a_persons(
    checker: &Checker,
    executions: &[ExecutionView],
    application: &str,
    stopped: Timestamp,
) -> bool {
    let touched = checker
        .book()
        .people
        .get(application)
        .is_some_and(|at| *at >= stopped);
    let mut ours = executions
        .iter()
        .filter(|one| one.input["applicationName"] == application);
    touched
        || ours.any(|one| {
            let since = one.stopped.is_none_or(|at| at >= stopped);
            let lost = broke(one) && may_have_no_successor(checker, one);
            since && (one.status == Ended::Aborted || lost || !one.input["request"].is_null())
        })
}

/// What forbade its start, or made it fail.
fn why_not_started(
    checker: &Checker,
    application: &str,
    stopped: Timestamp,
) -> Option<&'static str> {
    let view = checker.region.flink().application(application)?;
    let rules = Rules::of(&checker.premises.policy, &view.tags);
    if !rules.opted_in || !rules.act {
        return Some("policy");
    }
    let key = json!({ "pk": { "S": "*" }, "sk": { "S": "stop" } });
    let switch = checker.region.dynamodb().peek(&checker.table, &key);
    if switch.is_some() {
        return Some("the stop switch");
    }
    let tried = checker.region.journal().count_calls(|call| {
        call.action == "StartApplication"
            && call.at >= stopped
            && !is_a_person(&call.caller)
            && call.resource.as_deref() == Some(application)
    });
    if tried > 0 {
        return Some("its start failed");
    }
    // Its own force-stop never ended: that is the service's to end.
    let standing = checker.region.flink().standing(application);
    if standing.is_some_and(|standing| standing.busy_since.is_some_and(|since| since <= stopped)) {
        return Some("its force-stop does not end");
    }
    if lost_its_lease(checker, stopped) {
        return Some("the table said that its lease was another's, and nobody sweeps");
    }
    let restorable = view
        .snapshots
        .iter()
        .any(|one| one.status == SnapshotStatus::Ready && fits(&one.runtime, &view.runtime));
    (!restorable).then_some("no snapshot")
}

/// Without its lease an execution changes nothing more; the sweep resumes what it had begun.
fn lost_its_lease(checker: &Checker, stopped: Timestamp) -> bool {
    let role = checker.region.role_of("sweeper").unwrap_or_default();
    let sweeps = checker
        .region
        .journal()
        .count_calls(|call| call.caller == role && call.action == "ListApplications");
    let refused = checker.region.journal().count_calls(|call| {
        call.at >= stopped
            && call.action == "UpdateItem"
            && call.outcome.contains("ConditionalCheckFailed")
    });
    sweeps == 0 && refused > 0
}

fn says_so(message: &Value, application: &str, stopped: Timestamp) -> bool {
    let detail = &message["event"]["detail"];
    let since = |at: &Value| {
        let at = at.as_str().and_then(|at| at.parse::<Timestamp>().ok());
        at.is_some_and(|at| at >= stopped)
    };
    let event = detail["applicationName"] == application
        && detail["isDown"] == true
        && since(&detail["endedAt"]);
    let subject = message["subject"].as_str().unwrap_or_default();
    event || subject.contains(IS_DOWN) && subject.contains(application) && since(&message["at"])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_said_of_it_since_counts() {
        let stopped: Timestamp = "2026-03-04T03:00:00Z".parse().expect("a date");
        let mail =
            |subject: &str, at: &str| json!({ "service": "sns", "subject": subject, "at": at });
        let down = "[ACTION NEEDED] orders IS DOWN, stopped by Lifeguard - start it: deadline";
        assert!(says_so(
            &mail(down, "2026-03-04T03:00:01Z"),
            "orders",
            stopped
        ));
        assert!(!says_so(
            &mail(down, "2026-03-04T02:59:59Z"),
            "orders",
            stopped
        ));
        assert!(!says_so(
            &mail(down, "2026-03-04T03:00:01Z"),
            "payments",
            stopped
        ));
        let calm = "[INFO] orders: runs again by itself";
        assert!(!says_so(
            &mail(calm, "2026-03-04T03:00:01Z"),
            "orders",
            stopped
        ));
    }
}

//! W5: what the sweep is there to find, it found. Who is down, busy for too long, or runs a version that was made in the run, has had an execution since.

use jiff::{SignedDuration, Timestamp};

use crate::{
    managed_flink::{ApplicationView, OperationStatus, OperationView, Status},
    states::ExecutionView,
};

use super::{
    checker::{Checker, OPERATOR},
    invariant::{Invariant, Verdicts},
    rules::Rules,
};

/// After a failure the sweep leaves so long to whoever deployed.
const QUIET: SignedDuration = SignedDuration::from_mins(5);
/// What was read and was nothing is read again so much later; and two sweeps.
const SLACK: SignedDuration = SignedDuration::from_mins(12);

/// What is to be found, since when, and by when.
struct Wanted {
    what: &'static str,
    since: Timestamp,
    by: Timestamp,
}

pub(super) fn check(checker: &Checker, verdicts: &mut Verdicts, executions: &[ExecutionView]) {
    let Some(last) = last_sweep(checker) else {
        return;
    };
    // While the switch is on nothing is looked at.
    if by_operator(checker, None, &["PutItem", "DeleteItem"]) {
        return;
    }
    for known in &checker.premises.applications {
        let name = known.name.as_str();
        let Some(view) = checker.region.flink().application(name) else {
            continue;
        };
        let rules = Rules::of(&checker.premises.policy, &view.tags);
        let elsewhere = ["lifeguard:stack", "lifeguard:quiet-until"];
        let is_ours = rules.opted_in && !elsewhere.iter().any(|tag| view.tags.contains_key(*tag));
        // Whose it is may have changed in between.
        if !is_ours || by_operator(checker, Some(name), &["TagResource", "UntagResource"]) {
            continue;
        }
        for wanted in wanted(checker, &view, &rules) {
            if wanted.by > last {
                continue;
            }
            let found = executions.iter().any(|one| {
                let since = one.started >= wanted.since
                    || one.stopped.is_none_or(|stopped| stopped >= wanted.since);
                one.input["applicationName"] == name && since
            });
            verdicts.check(Invariant::W5, found, checker.now(), name, || {
                format!(
                    "{} since {:.0}, sweeps went on until {last:.0}, and nothing was started",
                    wanted.what, wanted.since
                )
            });
        }
    }
}

fn wanted(checker: &Checker, view: &ApplicationView, rules: &Rules) -> Vec<Wanted> {
    let mut all = Vec::new();
    let newest = view.operations.last();
    if let (Status::Ready, Some(failed)) =
        (view.status, newest.filter(|one| brought_down(one, view)))
    {
        let over = failed.ended.unwrap_or(failed.started);
        all.push(Wanted {
            what: "it is READY after an operation that failed",
            since: failed.started,
            by: over + QUIET + SLACK,
        });
    }
    let standing = checker.region.flink().standing(&view.name);
    if let Some(since) = standing.and_then(|standing| standing.busy_since) {
        all.push(Wanted {
            what: "it is busy",
            since,
            by: since + SignedDuration::from_secs(rules.operation_timeout_secs) + SLACK,
        });
    }
    let versions = checker.region.flink().versions(&view.name);
    let present = versions.into_iter().find(|one| one.id == view.version);
    let soon = checker.region.opened() + SignedDuration::from_mins(1);
    if let (Status::Running, Some(made)) = (
        view.status,
        present.map(|one| one.created).filter(|made| *made > soon),
    ) {
        all.push(Wanted {
            what: "it runs a version that was made",
            since: made,
            by: made + SLACK,
        });
    }
    all
}

/// Whether this operation, the newest, is why the application is down: one that failed while something ran.
fn brought_down(operation: &OperationView, view: &ApplicationView) -> bool {
    if operation.status != OperationStatus::Failed {
        return false;
    }
    let before = view.operations.iter().rev().skip(1);
    let mut ran = before.filter(|one| one.kind != "UpdateApplication");
    match operation.kind.as_str() {
        "StartApplication" => true,
        "UpdateApplication" => ran.next().is_none_or(|one| one.kind != "StopApplication"),
        _ => false,
    }
}

/// When all applications were listed last.
fn last_sweep(checker: &Checker) -> Option<Timestamp> {
    let role = checker.region.role_of("sweeper")?.to_owned();
    let calls = checker.region.journal().calls();
    let listed = calls.iter().rev().find(|call| {
        call.caller == role && call.action == "ListApplications" && call.outcome == "ok"
    });
    listed.map(|call| call.at)
}

fn by_operator(checker: &Checker, resource: Option<&str>, verbs: &[&str]) -> bool {
    let count = checker.region.journal().count_calls(|call| {
        call.caller == OPERATOR
            && verbs.contains(&call.action.as_str())
            && resource.is_none_or(|name| {
                call.resource
                    .as_deref()
                    .is_some_and(|resource| resource.ends_with(name))
            })
    });
    count > 0
}

//! What is checked when a run is over: outcomes, leases, secrets, and whether what had to recover did.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use crate::{
    faults::{Fault, Struck},
    region::{REMEDIATE, SNAPSHOT_CHECK},
    states::{ExecutionView, Status},
};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{
    blamed,
    checker::Checker,
    content, down,
    invariant::{Invariant, Verdicts},
    noticed, recovery, secrets, told,
};

/// An execution that finds its deadline passed still has to report, against a service that may not answer: retries and time-outs of the last look, decision and report.
const AFTER_DEADLINE: SignedDuration = SignedDuration::from_secs(3_300);
/// The event of an execution's end is delivered, and the successor started, within this time, with every retry.
const SUCCESSOR_WITHIN: SignedDuration = SignedDuration::from_secs(900);
/// No more successors follow each other.
const SUCCESSORS: u64 = 2;
/// The snapshot check's own time-out.
const SNAPSHOT_CHECK_SECS: i64 = 14_400;
/// A lease outlives its execution's deadline by this much.
const LEASE_AFTER_DEADLINE_SECS: i64 = 600;
/// A slower answer may be too late for somebody.
const NOTICED_FROM: Duration = Duration::from_secs(1);

/// Checks what is left.
pub(super) fn check(checker: &Checker, verdicts: &mut Verdicts) {
    let region = &checker.region;
    let executions = region.executions_of(REMEDIATE);
    let checks = region.executions_of(SNAPSHOT_CHECK);
    let messages = region.journal().messages();
    let published = published(&messages);
    for execution in &executions {
        outcome(checker, verdicts, execution, &executions, &published);
        deadline(checker, verdicts, execution);
    }
    for check in &checks {
        snapshot_check(checker, verdicts, check);
    }
    leases(checker, verdicts, &executions);
    secrets::check(
        checker,
        verdicts,
        executions.iter().chain(&checks),
        &messages,
    );
    recovery::check(checker, verdicts, &executions);
    noticed::check(checker, verdicts, &executions);
    down::check(checker, verdicts, &executions, &messages);
    content::last_resorts(checker, verdicts, &messages);
    told::check(checker, verdicts, &messages);
    blamed::check(checker, verdicts, &messages);
}

/// Every outcome on the bus and every one by SNS, by execution.
struct Published {
    events: BTreeMap<String, BTreeSet<String>>,
    told: BTreeSet<String>,
}

fn published(messages: &[Value]) -> Published {
    let mut found = Published {
        events: BTreeMap::new(),
        told: BTreeSet::new(),
    };
    for message in messages {
        let event = &message["event"];
        if event["source"] == "flink-lifeguard" {
            let execution = event["detail"]["execution"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            found
                .events
                .entry(execution)
                .or_default()
                .insert(event["detail"].to_string());
        } else if message["service"] == "sns" {
            found.told.insert(message.to_string());
        }
    }
    found
}

/// S5. An outcome that was sent twice because its answer was lost is the same outcome; an execution that was lost or that a person stopped has none, its successor has. None fails by itself.
fn outcome(
    checker: &Checker,
    verdicts: &mut Verdicts,
    execution: &ExecutionView,
    executions: &[ExecutionView],
    published: &Published,
) {
    let application = execution.input["applicationName"]
        .as_str()
        .unwrap_or_default();
    let at = execution
        .stopped
        .unwrap_or_else(|| checker.region.clock().now());
    let by_itself = matches!(execution.status, Status::Failed | Status::TimedOut)
        && !execution.failed_from_outside;
    verdicts.check(Invariant::S5, !by_itself, at, application, || {
        format!(
            "execution {} is {} by itself: {:?} {:?}",
            execution.name,
            execution.status.name(),
            execution.error,
            execution.cause
        )
    });
    if broke(execution) {
        let succeeded =
            successor(executions, execution).is_some() || may_have_no_successor(checker, execution);
        return verdicts.check(Invariant::S5, succeeded, at, application, || {
            format!(
                "execution {} is {} and no other succeeded it",
                execution.name,
                execution.status.name()
            )
        });
    }
    let events = published
        .events
        .get(&execution.arn)
        .map_or(0, BTreeSet::len);
    // The bus may be away for longer than an execution tries: then the same is told by SNS.
    let told = || {
        published
            .told
            .iter()
            .any(|message| message.contains(&execution.arn))
    };
    let unreachable = events == 0
        && bus_was_away(checker, execution)
        && (told() || topic_was_away(checker, execution));
    verdicts.check(
        Invariant::S5,
        events == 1 || unreachable,
        at,
        application,
        || {
            format!(
                "execution {} is {} and has published {events} outcomes",
                execution.name,
                execution.status.name()
            )
        },
    );
}

/// Whether every try to publish this execution's end met a fault.
fn bus_was_away(checker: &Checker, execution: &ExecutionView) -> bool {
    all_struck(checker, execution, "events")
}

fn topic_was_away(checker: &Checker, execution: &ExecutionView) -> bool {
    all_struck(checker, execution, "sns")
}

/// Whether it ended without an outcome.
pub(super) fn broke(execution: &ExecutionView) -> bool {
    matches!(
        execution.status,
        Status::Failed | Status::TimedOut | Status::Aborted
    )
}

/// The execution that was started because this one ended without an outcome.
fn successor<'a>(
    executions: &'a [ExecutionView],
    dead: &ExecutionView,
) -> Option<&'a ExecutionView> {
    executions
        .iter()
        .find(|one| one.input["trigger"]["execution"] == dead.arn.as_str())
}

/// Whether enough had died before it, or its end may not have been heard of.
pub(super) fn may_have_no_successor(checker: &Checker, dead: &ExecutionView) -> bool {
    let from = dead.stopped.unwrap_or(dead.started);
    let unheard = |service: &str| struck(checker, service, from, from + SUCCESSOR_WITHIN);
    dead.input["trigger"]["successor"]
        .as_u64()
        .is_some_and(|count| count >= SUCCESSORS)
        || ["lambda", "states", "events"].into_iter().any(unheard)
}

fn all_struck(checker: &Checker, execution: &ExecutionView, service: &str) -> bool {
    struck(
        checker,
        service,
        execution.started,
        execution.stopped.unwrap_or(execution.started),
    )
}

/// Whether something went wrong with a request to this service in this time.
fn struck(checker: &Checker, service: &str, from: Timestamp, to: Timestamp) -> bool {
    let opened = checker.region.opened();
    checker.region.faults().any_struck(|one| {
        let at = opened + SignedDuration::try_from(one.at).unwrap_or(SignedDuration::MAX);
        one.service == service && from <= at && at <= to && is_felt(one)
    })
}

/// Whether whoever sent the request could notice: an answer that takes a moment longer excuses nothing.
fn is_felt(struck: &Struck) -> bool {
    !matches!(struck.fault, Fault::Slow(wait) if wait < NOTICED_FROM)
}

/// L2.
fn deadline(checker: &Checker, verdicts: &mut Verdicts, execution: &ExecutionView) {
    let limit =
        SignedDuration::from_secs(checker.premises.policy.deadline_secs.into()) + AFTER_DEADLINE;
    let now = checker.region.clock().now();
    let lasted = execution
        .stopped
        .unwrap_or(now)
        .duration_since(execution.started);
    let ended = !matches!(execution.status, Status::Running | Status::TimedOut);
    let application = execution.input["applicationName"]
        .as_str()
        .unwrap_or_default();
    verdicts.check(
        Invariant::L2,
        ended && lasted <= limit,
        now,
        application,
        || {
            format!(
                "execution {} is {} after {} s",
                execution.name,
                execution.status.name(),
                lasted.as_secs()
            )
        },
    );
}

/// L2 of the snapshot check: it comes to its report, whatever fails within it. One whose input says what nobody understands fails at once.
fn snapshot_check(checker: &Checker, verdicts: &mut Verdicts, execution: &ExecutionView) {
    let application = execution.input["applicationName"]
        .as_str()
        .unwrap_or_default();
    let lasted = execution
        .stopped
        .map(|stopped| stopped.duration_since(execution.started).as_secs());
    let refused = execution.status == Status::Failed && is_odd(&execution.input);
    let ended = (refused || matches!(execution.status, Status::Succeeded | Status::Aborted))
        && lasted.is_some_and(|secs| secs <= SNAPSHOT_CHECK_SECS);
    verdicts.check(
        Invariant::L2,
        ended,
        checker.region.clock().now(),
        application,
        || {
            format!(
                "the snapshot check {} is {} after {lasted:?} s: {:?}",
                execution.name,
                execution.status.name(),
                execution.cause
            )
        },
    );
}

/// Whether an input of the snapshot check says what nobody understands.
fn is_odd(input: &Value) -> bool {
    let understood = |(name, value): (&String, &Value)| match name.as_str() {
        "applicationName" => value.as_str().is_some_and(is_a_name),
        "dryRun" => value.is_boolean(),
        // Of a check that goes on where another had to end.
        "goOn" => value.is_object(),
        _ => false,
    };
    !input
        .as_object()
        .is_some_and(|members| members.iter().all(understood))
}

fn is_a_name(text: &str) -> bool {
    let fits = |letter: char| letter.is_ascii_alphanumeric() || "_.-".contains(letter);
    !text.is_empty() && text.chars().all(fits)
}

/// L3: a lease that is left is one that ends by itself, and is left only where nobody heard of its execution's end, or the table could not be reached.
fn leases(checker: &Checker, verdicts: &mut Verdicts, executions: &[ExecutionView]) {
    let now = checker.region.clock().now();
    for application in &checker.premises.applications {
        let key = json!({ "pk": { "S": application.name }, "sk": { "S": "lease" } });
        let Some(lease) = checker.region.dynamodb().peek(&checker.table, &key) else {
            verdicts.check(Invariant::L3, true, now, &application.name, String::new);
            continue;
        };
        let holder = executions
            .iter()
            .find(|one| lease["holder"]["S"] == one.arn.as_str());
        let expires = lease["expiresAt"]["N"]
            .as_str()
            .and_then(|text| text.parse().ok())
            .and_then(|secs| Timestamp::from_second(secs).ok());
        let ends = holder.zip(expires).is_some_and(|(holder, expires)| {
            let limit =
                i64::from(checker.premises.policy.deadline_secs) + LEASE_AFTER_DEADLINE_SECS + 1;
            expires.duration_since(holder.started).as_secs() <= limit
        });
        // What a rescue leaves for the next one stands in a row whose lease it has ended itself.
        let ended = holder
            .zip(expires)
            .is_some_and(|(holder, expires)| holder.stopped.is_some_and(|at| expires <= at));
        let left =
            !ended && holder.is_none_or(|holder| should_have_released(checker, executions, holder));
        verdicts.check(Invariant::L3, ends && !left, now, &application.name, || {
            format!("the lease {lease} is left")
        });
    }
}

/// Whether an execution, or one that succeeded it, had to give the lease back.
fn should_have_released(
    checker: &Checker,
    executions: &[ExecutionView],
    one: &ExecutionView,
) -> bool {
    !all_struck(checker, one, "dynamodb")
        && match successor(executions, one) {
            Some(successor) => should_have_released(checker, executions, successor),
            None => !(broke(one) && may_have_no_successor(checker, one)),
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_check_may_refuse_only_what_nobody_understands() {
        for input in [
            json!({}),
            json!({ "applicationName": "orders", "dryRun": true }),
            json!({ "goOn": { "part": 2 } }),
        ] {
            assert!(!is_odd(&input), "{input}");
        }
        for input in [
            json!([]),
            json!({ "dryRun": "yes" }),
            json!({ "applicationName": "my orders" }),
            json!({ "applicationNames": ["orders"] }),
        ] {
            assert!(is_odd(&input), "{input}");
        }
    }
}

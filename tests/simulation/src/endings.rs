//! What is checked when a night is over: outcomes, leases, secrets, and whether what had to recover did.

mod recovery;
mod secrets;

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use sandbox::{
    region::{REMEDIATE, SNAPSHOT_CHECK},
    states::{ExecutionView, Status},
};
use serde_json::{Value, json};

use crate::{
    invariant::{Invariant, Verdicts},
    night::What,
    people::LOST,
    play::Played,
    witness::{OPERATOR, Witness},
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

/// Checks, and counts what the summary tells.
pub(crate) fn check(witness: &Witness, verdicts: &mut Verdicts, played: &mut Played) {
    let region = &witness.region;
    let executions = region.executions_of(REMEDIATE);
    let checks = region.executions_of(SNAPSHOT_CHECK);
    let messages = region.journal().messages();
    let published = published(&messages);
    for execution in &executions {
        outcome(witness, verdicts, execution, &executions, &published);
        deadline(witness, verdicts, execution);
        count(played, execution);
    }
    for check in &checks {
        snapshot_check(witness, verdicts, check);
    }
    leases(witness, verdicts, &executions);
    secrets::check(
        witness,
        verdicts,
        executions.iter().chain(&checks),
        &messages,
    );
    recovery::check(witness, verdicts, &executions);
    played.executions = executions.len() as u64;
    played.changes = witness
        .book()
        .executions
        .values()
        .map(|notes| notes.effects.len() as u64)
        .sum();
    {
        let book = witness.book();
        (played.snapshots_taken, played.snapshots_deleted) =
            (book.snapshots_taken, book.snapshots_deleted);
    }
    played.calls = region.journal().count_calls(|call| call.caller != OPERATOR) as u64;
    played.application_secs =
        region.clock().elapsed().as_secs() * witness.night.applications.len() as u64;
    played.struck = region
        .faults()
        .struck_by_kind()
        .into_iter()
        .map(|(kind, n)| (kind.to_owned(), n))
        .collect();
    for event in &witness.night.events {
        *played.happened.entry(word(&event.what)).or_default() += 1;
    }
}

/// The kind of an event, without what it carries.
fn word(what: &What) -> String {
    format!("{what:?}")
        .split([' ', '(', '{'])
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn count(played: &mut Played, execution: &ExecutionView) {
    let text = |member: &str| {
        execution
            .output
            .as_ref()
            .and_then(|output| output[member].as_str())
            .unwrap_or_default()
    };
    let word = if execution.output.is_some() {
        format!("{}/{}", text("outcome"), text("because"))
    } else {
        execution.status.name().to_owned()
    };
    *played.outcomes.entry(word).or_default() += 1;
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
    witness: &Witness,
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
        .unwrap_or_else(|| witness.region.clock().now());
    let by_itself = matches!(execution.status, Status::Failed | Status::TimedOut)
        && execution.cause.as_deref() != Some(LOST);
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
            successor(executions, execution).is_some() || may_have_no_successor(witness, execution);
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
        && bus_was_away(witness, execution)
        && (told() || topic_was_away(witness, execution));
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
fn bus_was_away(witness: &Witness, execution: &ExecutionView) -> bool {
    all_struck(witness, execution, "events")
}

fn topic_was_away(witness: &Witness, execution: &ExecutionView) -> bool {
    all_struck(witness, execution, "sns")
}

/// Whether it ended without an outcome.
fn broke(execution: &ExecutionView) -> bool {
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
fn may_have_no_successor(witness: &Witness, dead: &ExecutionView) -> bool {
    let from = dead.stopped.unwrap_or(dead.started);
    let unheard = |service: &str| struck(witness, service, from, from + SUCCESSOR_WITHIN);
    dead.input["trigger"]["successor"]
        .as_u64()
        .is_some_and(|count| count >= SUCCESSORS)
        || ["lambda", "states", "events"].into_iter().any(unheard)
}

fn all_struck(witness: &Witness, execution: &ExecutionView, service: &str) -> bool {
    struck(
        witness,
        service,
        execution.started,
        execution.stopped.unwrap_or(execution.started),
    )
}

/// Whether something went wrong with this service in this time.
fn struck(witness: &Witness, service: &str, from: Timestamp, to: Timestamp) -> bool {
    let opened = witness.region.opened();
    witness.night.strikes.iter().any(|strike| {
        let at = |secs: u64| {
            opened + SignedDuration::from_secs(i64::try_from(secs.min(1_000_000)).unwrap_or(0))
        };
        strike.service == service
            && at(strike.within_secs.0) <= to
            && at(strike.within_secs.1) > from
    })
}

/// L2.
fn deadline(witness: &Witness, verdicts: &mut Verdicts, execution: &ExecutionView) {
    let limit =
        SignedDuration::from_secs(witness.night.stack.deadline_secs.into()) + AFTER_DEADLINE;
    let now = witness.region.clock().now();
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

/// L2 of the snapshot check: it comes to its report, whatever fails within it.
fn snapshot_check(witness: &Witness, verdicts: &mut Verdicts, execution: &ExecutionView) {
    let application = execution.input["applicationName"]
        .as_str()
        .unwrap_or_default();
    let lasted = execution
        .stopped
        .map(|stopped| stopped.duration_since(execution.started).as_secs());
    let ended = matches!(execution.status, Status::Succeeded | Status::Aborted)
        && lasted.is_some_and(|secs| secs <= SNAPSHOT_CHECK_SECS);
    verdicts.check(
        Invariant::L2,
        ended,
        witness.region.clock().now(),
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

/// L3: a lease that is left is one that ends by itself, and is left only where nobody heard of its execution's end, or the table could not be reached.
fn leases(witness: &Witness, verdicts: &mut Verdicts, executions: &[ExecutionView]) {
    let now = witness.region.clock().now();
    for application in &witness.night.applications {
        let key = json!({ "pk": { "S": application.name }, "sk": { "S": "lease" } });
        let Some(lease) = witness.region.dynamodb().peek(&witness.table, &key) else {
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
                i64::from(witness.night.stack.deadline_secs) + LEASE_AFTER_DEADLINE_SECS + 1;
            expires.duration_since(holder.started).as_secs() <= limit
        });
        let left = holder.is_none_or(|holder| should_have_released(witness, executions, holder));
        verdicts.check(Invariant::L3, ends && !left, now, &application.name, || {
            format!("the lease {lease} is left")
        });
    }
}

/// Whether an execution, or one that succeeded it, had to give the lease back.
fn should_have_released(
    witness: &Witness,
    executions: &[ExecutionView],
    one: &ExecutionView,
) -> bool {
    !all_struck(witness, one, "dynamodb")
        && match successor(executions, one) {
            Some(successor) => should_have_released(witness, executions, successor),
            None => !(broke(one) && may_have_no_successor(witness, one)),
        }
}

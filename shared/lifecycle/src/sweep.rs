//! The sweep: what was seen of an application before and what is seen of it now → whether an execution is started for it.
//!
//! Every minute there is one list of all applications: status and version of each. [`suspect`] says of which one more has to be read, and [`judge`] decides on what was read.
//! What others announce between two sweeps [`hear`] decides on, by the same rules and the same names.
//! Deliberately absent: any verdict. An execution looks for itself; this only makes sure that somebody looks.
//!
//! Invariants: nothing is started for an application that is not this stack's, or while its lease is held. What could not be read starts nothing and is not remembered, so it is read again a minute later.
//! The same occasion gives the same name of an execution, so nothing is started twice.

mod announced;
mod condition;
mod memory;

use jiff::Timestamp;
use serde_json::json;

pub use announced::{Announced, Heard, RECENT_SECS, hear};
pub use condition::Condition;
pub use memory::{Concern, Memory, Whose};

use crate::{
    ApplicationStatus, Assessment, Operation, OperationKind, OperationStatus, assess_at_rest,
    execution_because, execution_of_alarm,
};

/// After a failure, so long is left to whoever deployed it: most look at what they did, and act.
pub const QUIET_SECS: i64 = 300;
/// An alarm is the alarm handler's for so long.
pub const HANDLER_SECS: i64 = 300;
/// An application that is down on purpose, or that was reported, is read again so much later: somebody may have started it in vain meanwhile.
pub const READ_AGAIN_SECS: i64 = 600;
/// Whose an application is, is read again so much later.
pub const WHOSE_SECS: i64 = 900;
/// An application that was busy for so long may have a time-out of its own: its tags are read.
const BUSY_SECS: i64 = 300;

/// An application as the list shows it.
#[derive(Clone, Copy, Debug)]
pub struct Listed<'a> {
    /// Its name.
    pub name: &'a str,
    /// Its status.
    pub status: &'a ApplicationStatus,
    /// Its version.
    pub version_id: u64,
}

/// What else is known of it without asking the service.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hints<'a> {
    /// The alarm that has been in ALARM for longest, and since when.
    pub alarm: Option<(&'a str, Timestamp)>,
    /// Whether CloudWatch has no sign of a job although the application is RUNNING.
    pub is_silent: bool,
}

/// An application's lease, as far as the sweep needs it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    /// Whether an execution holds it now.
    pub is_held: bool,
    /// The execution that holds or held it, where it left something that is not finished.
    pub unfinished_by: Option<String>,
}

/// What was read of an application that was suspected.
#[derive(Clone, Copy, Debug)]
pub struct Read<'a> {
    /// Whose it is.
    pub whose: &'a Whose,
    /// Its lease.
    pub lease: &'a Lease,
    /// Its operations, newest first; empty where it is not this stack's or the lease is held.
    pub operations: &'a [Operation],
}

/// An execution to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// Why.
    pub condition: Condition,
    /// The execution's name.
    pub name: String,
    /// The execution's input, in JSON.
    pub input: String,
}

/// What came of an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Judged {
    /// What to remember, once what is to be started was started.
    pub memory: Memory,
    /// What to start.
    pub start: Option<Start>,
}

/// Whether more of an application has to be read. `timeout_secs` is the stack's own for operations.
#[must_use]
pub fn suspect(
    before: Option<&Memory>,
    seen: &Listed<'_>,
    hints: &Hints<'_>,
    timeout_secs: u32,
    now: Timestamp,
) -> bool {
    let Some(before) = before else {
        // Never seen: what is up and well needs nothing.
        return *seen.status != ApplicationStatus::Running || rings(hints, now);
    };
    if before.has_moved(seen) {
        return true;
    }
    let waits = before
        .concern
        .as_ref()
        .is_some_and(|concern| now < concern.due());
    let since_read = before.secs_since_read(now);
    if (waits || before.at_rest && *seen.status == ApplicationStatus::Ready)
        && since_read.is_some_and(|secs| secs < READ_AGAIN_SECS)
    {
        return false;
    }
    let busy = || {
        let secs = now.as_second() - before.since_of(seen, now).as_second();
        let limit = before
            .whose
            .as_ref()
            .map_or(BUSY_SECS, |whose| i64::from(whose.timeout_secs));
        seen.status.is_busy() && secs >= limit.min(i64::from(timeout_secs.max(1)))
    };
    *seen.status == ApplicationStatus::Ready || rings(hints, now) || hints.is_silent || busy()
}

/// Decides, on what was read.
#[must_use]
pub fn judge(
    before: Option<&Memory>,
    seen: &Listed<'_>,
    hints: &Hints<'_>,
    read: &Read<'_>,
    now: Timestamp,
) -> Judged {
    let mut memory = Memory::after(before, seen, now);
    memory.whose = Some(read.whose.clone());
    memory.read_at = Some(now);
    let nothing = |memory| Judged {
        memory,
        start: None,
    };
    if !read.whose.is_looked_after(now) {
        memory.concern = None;
        memory.at_rest = true;
        return nothing(memory);
    }
    if read.lease.is_held {
        memory.handled_at = Some(now);
        memory.at_rest = false;
        return nothing(memory);
    }
    if before.is_some_and(|before| before.has_begun(seen)) {
        memory.handled_at = Some(now);
        memory.concern = None;
        let condition = Condition::deployment(seen, read.operations, memory.since);
        let start = start(&condition, seen, now, 1);
        return Judged {
            memory,
            start: Some(start),
        };
    }
    let found = found(&memory, seen, hints, read, now);
    memory.at_rest = matches!(found, Found::Nothing);
    match found {
        Found::Nothing => {
            memory.concern = None;
            nothing(memory)
        }
        // Looked at again in a minute.
        Found::NotYet => nothing(memory),
        Found::Condition(condition) => {
            let started = memory.take(&condition, read.whose.acts, now);
            let start = started.map(|times| start(&condition, seen, now, times));
            Judged { memory, start }
        }
    }
}

/// What is the matter.
enum Found {
    /// Nothing.
    Nothing,
    /// It cannot be told yet, or it is too early.
    NotYet,
    /// That.
    Condition(Condition),
}

fn found(
    memory: &Memory,
    seen: &Listed<'_>,
    hints: &Hints<'_>,
    read: &Read<'_>,
    now: Timestamp,
) -> Found {
    let is_ready = *seen.status == ApplicationStatus::Ready;
    if let (true, Some(by)) = (is_ready, &read.lease.unfinished_by) {
        return Found::Condition(Condition::Unfinished { by: by.clone() });
    }
    if is_ready {
        return at_rest(read.operations, now);
    }
    if seen.status.is_busy() {
        let since = under_way(read.operations).map_or(memory.since, |one| one.started_at);
        let secs = now.as_second() - since.as_second();
        if secs < i64::from(read.whose.timeout_secs) {
            return Found::NotYet;
        }
        return Found::Condition(Condition::Stuck {
            status: seen.status.clone(),
            since,
        });
    }
    if let Some((name, at)) = hints.alarm.filter(|_| rings(hints, now)) {
        let name = name.to_owned();
        return Found::Condition(Condition::Alarm { name, at });
    }
    if hints.is_silent {
        return Found::Condition(Condition::Silent {
            since: memory.since,
        });
    }
    Found::Nothing
}

/// What is the matter with an application that is READY: the look's own reading of its operations.
fn at_rest(operations: &[Operation], now: Timestamp) -> Found {
    let failed = operations
        .iter()
        .find(|one| one.status == OperationStatus::Failed && one.kind() != OperationKind::Other);
    let is_down = match assess_at_rest(operations) {
        Assessment::Failed { .. } => true,
        Assessment::Stopped { .. } => crate::watch::down_and_changed(operations).is_some(),
        Assessment::Finished => false,
        _ => return Found::NotYet,
    };
    let (true, Some(failed)) = (is_down, failed) else {
        return Found::Nothing;
    };
    let newest = operations.first().unwrap_or(failed);
    let last = newest.ended_at.unwrap_or(newest.started_at);
    if now.as_second() - last.as_second() < QUIET_SECS {
        return Found::NotYet;
    }
    Found::Condition(Condition::Down {
        operation: failed.name.clone(),
        id: failed.id.clone(),
        at: failed.started_at,
    })
}

fn under_way(operations: &[Operation]) -> Option<&Operation> {
    operations
        .iter()
        .find(|one| one.status == OperationStatus::InProgress && one.kind() != OperationKind::Other)
}

/// Whether an alarm has been in ALARM for longer than the alarm handler takes.
fn rings(hints: &Hints<'_>, now: Timestamp) -> bool {
    hints
        .alarm
        .is_some_and(|(_, at)| now.as_second() - at.as_second() >= HANDLER_SECS)
}

/// The execution that is started for the `times`-th time because of a condition.
fn start(condition: &Condition, seen: &Listed<'_>, now: Timestamp, times: u32) -> Start {
    start_because(condition, seen, now, times, condition.to_string())
}

/// The execution that is started because somebody announced a deployment: the name is the sweep's.
fn started_for(condition: &Condition, seen: &Listed<'_>, now: Timestamp, by: &str) -> Start {
    let reason = format!("{condition}; {by} announced it");
    start_because(condition, seen, now, 1, reason)
}

fn start_because(
    condition: &Condition,
    seen: &Listed<'_>,
    now: Timestamp,
    times: u32,
    reason: String,
) -> Start {
    let name = match (condition, times) {
        // The alarm handler's own: where it did start it, Step Functions says so.
        (Condition::Alarm { name, at }, 1) => execution_of_alarm(seen.name, name, *at),
        _ => {
            let occasion = format!("{}\0{}\0{times}", seen.name, condition.occasion());
            execution_because(seen.name, condition.word(), &occasion)
        }
    };
    let trigger = match condition {
        Condition::Deployment { version_id, .. } => json!({
            "kind": "deployment", "versionId": version_id, "at": now, "reason": reason
        }),
        _ => json!({
            "kind": "sweep", "condition": condition.word(), "at": now, "reason": reason
        }),
    };
    Start {
        condition: condition.clone(),
        name,
        input: json!({ "applicationName": seen.name, "trigger": trigger }).to_string(),
    }
}

/// A job that runs for so long has left a sign.
const SIGN_SECS: i64 = 900;

/// Whether CloudWatch should have signs of the job of an application by now.
#[must_use]
pub fn looks_silent(memory: &Memory, status: &ApplicationStatus, now: Timestamp) -> bool {
    *status == ApplicationStatus::Running
        && memory.status == *status
        && now.as_second() - memory.since.as_second() >= SIGN_SECS
}

/// Whether the up times of ten minutes, oldest first, are no sign of a job: there is none, all are Flink's word for "ended", or one stands still, which no living job's does.
#[must_use]
pub fn is_silent(up_times: &[f64]) -> bool {
    let ended = up_times.iter().all(|value| *value < 0.0);
    let newest: Vec<f64> = up_times.iter().rev().take(3).copied().collect();
    let stands = newest.len() == 3 && newest[0] > 0.0 && newest.iter().all(|one| *one == newest[0]);
    ended || stands
}

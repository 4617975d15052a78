//! A deployment that somebody announced: what is heard of it → the execution that the sweep would start for it, or why none.
//!
//! Whoever hears of a deployment first starts the execution. The sweep gives it the same name, so all others join it.
//! An announcement is a hint and no fact: what it says is held against what the service shows, and where both differ it is left to the sweep.

use jiff::Timestamp;

use super::{Condition, Listed, Memory, Read, Start, started_for};
use crate::Operation;

/// An announcement without an operation is about the newest one, if that ended no longer ago: CloudFormation looks every few seconds, and EventBridge delivers in seconds.
pub const RECENT_SECS: i64 = 900;

/// What an announcement says.
#[derive(Clone, Copy, Debug)]
pub struct Announced<'a> {
    /// Who says it.
    pub by: &'a str,
    /// When.
    pub at: Timestamp,
    /// The operation that the service began for it.
    pub operation: Option<&'a str>,
    /// The version that it made.
    pub version_id: Option<u64>,
}

/// What an announcement comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Heard {
    /// An execution is to be started.
    Start(Start),
    /// None is.
    Nothing {
        /// Why, as the end of a sentence about the application.
        because: String,
    },
}

/// Decides, on what was read. `before` is what the sweep remembers.
#[must_use]
pub fn hear(
    announced: &Announced<'_>,
    before: Option<&Memory>,
    seen: &Listed<'_>,
    read: &Read<'_>,
    now: Timestamp,
) -> Heard {
    let nothing = |because: String| Heard::Nothing { because };
    if !read.whose.is_looked_after(now) {
        return nothing("has not opted in here, or is silenced".to_owned());
    }
    if read.lease.is_held {
        return nothing("is already being handled".to_owned());
    }
    if !Memory::runs(seen.status) {
        return nothing(format!(
            "is {}, so no version of it begins to run",
            seen.status
        ));
    }
    let Some(newest) = Condition::newest_run(read.operations) else {
        return nothing("has no operation that deploys: left to the sweep".to_owned());
    };
    if let Some(because) = announced.is_of_another(newest, seen.version_id) {
        return nothing(because);
    }
    let is_known = before.is_some_and(|before| {
        let seen_since = before.handled_at.is_some_and(|at| at >= newest.started_at);
        seen_since && !before.has_begun(seen)
    });
    if is_known {
        return nothing("was seen with this deployment before".to_owned());
    }
    let condition = Condition::deployment(seen, read.operations, now);
    Heard::Start(started_for(&condition, seen, now, announced.by))
}

impl Announced<'_> {
    /// Why it is not about the newest operation, if it is not.
    fn is_of_another(&self, newest: &Operation, version_id: u64) -> Option<String> {
        match (self.operation, self.version_id) {
            (Some(id), _) if id != newest.id => {
                Some("has another operation as its newest: left to the sweep".to_owned())
            }
            (None, Some(version)) if version != version_id => Some(format!(
                "is at version {version_id}, and this was version {version}: left to the sweep"
            )),
            (None, None) => {
                let ended = newest.ended_at.unwrap_or(self.at);
                let is_old = self.at.as_second() - ended.as_second() > RECENT_SECS;
                is_old.then(|| "has no operation of that time".to_owned())
            }
            _ => None,
        }
    }
}

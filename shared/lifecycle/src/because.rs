//! What people read of a decision, by its reason: the news, what to do about it, and times as people say them.
//!
//! Every [`Reason`](crate::Reason) has its news and its advice: both are a `match` without a wildcard, so that a new reason cannot be forgotten.
//! Deliberately absent: what was seen and done in this one case, which the report adds.

mod advice;
mod command;
mod news;
mod time;

pub use advice::{Advice, advice};
pub use command::state_machine_of;
pub use news::{News, news};
pub use time::{clock, in_plain_words, moment};

use std::fmt;

use crate::{ApplicationStatus, Refusal, Request, Snapshot};

/// What the advice and the news name.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    /// The application.
    pub name: &'a str,
    /// Its ARN.
    pub arn: &'a str,
    /// Its version now.
    pub version_id: u64,
    /// Its status now.
    pub status: &'a ApplicationStatus,
    /// The execution that reports: its ARN names the state machine.
    pub execution: &'a str,
    /// The ledger table, where it is known.
    pub table: Option<&'a str>,
    /// The snapshot that was chosen, where one was.
    pub snapshot: Option<&'a Snapshot>,
    /// The version to go back to, where one is known.
    pub good_version_id: Option<u64>,
    /// The version that infrastructure as code would bring back.
    pub undone_version_id: Option<u64>,
    /// What a person had asked for.
    pub request: Option<&'a Request>,
    /// Whether the job runs well now.
    pub is_well: bool,
    /// Whether Lifeguard stopped it, and nothing of Lifeguard's starts it any more.
    pub is_down: bool,
    /// How many other applications are in trouble like it.
    pub others: usize,
    /// For how long it has been failing, in seconds.
    pub failing_secs: Option<i64>,
}

impl About<'_> {
    /// Whether Flink tries again by itself: only inside a running application.
    fn is_retried(&self) -> bool {
        *self.status == ApplicationStatus::Running
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotPermitted => "that is not permitted, and waiting does not cure it",
            Self::NotAccepted => {
                "the service does not take that request of this release, and waiting does not cure it"
            }
            Self::NotOffered => {
                "the service does not do that for this account in this Region, and waiting does not cure it"
            }
        })
    }
}

//! What a look, together with those before, says about an application.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{ApplicationStatus, Fault};

/// The verdict of a look.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Assessment {
    /// Soaked: every subtask up, nothing disturbed it, checkpoints complete.
    Healthy {
        /// Since when.
        since: Timestamp,
    },
    /// On its way up, or not yet soaked.
    Settling {
        /// What is missing.
        why: String,
    },
    /// Up and undisturbed for a soak, but no checkpoint completes.
    NoProgress {
        /// The last completed checkpoint, or the job's start.
        since: Timestamp,
        /// Checkpoints failed since the job started.
        failed: u64,
    },
    /// Fails and restarts.
    Looping {
        /// The first fault, as well as can be told.
        since: Timestamp,
        /// Restarts known: Flink counts each failover region.
        restarts: u64,
        /// Incidents, no two of them a soak apart.
        #[serde(default)]
        incidents: u32,
        /// The first fault, with its exception.
        first_fault: Option<Fault>,
    },
    /// Healthy for the moment, and it comes back to the same fault each time: a loop that is slower than a soak.
    ComesBack {
        /// The first of these faults.
        since: Timestamp,
        /// How often, with a soak between.
        times: u32,
        /// The newest.
        fault: Fault,
    },
    /// A start failed and the application fell back to READY, or the job failed for good.
    Failed {
        /// The service's or Flink's text.
        why: String,
        /// The first fault, where a job existed.
        first_fault: Option<Fault>,
    },
    /// A bounded job that is done.
    Finished,
    /// Stopped on purpose.
    Stopped {
        /// By what.
        why: String,
    },
    /// Somebody, a person or the service, is at work.
    Busy {
        /// The status that says so.
        status: ApplicationStatus,
        /// Since when.
        since: Timestamp,
    },
    /// Cannot be told.
    Unknown {
        /// Why not.
        why: String,
    },
}

impl Assessment {
    /// One word: `healthy`, `settling`, `looping`, `failed`, `finished`, `stopped`, `busy` or `unknown`. No progress is a kind of not being settled.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Healthy { .. } => "healthy",
            Self::Settling { .. } | Self::NoProgress { .. } => "settling",
            Self::Looping { .. } | Self::ComesBack { .. } => "looping",
            Self::Failed { .. } => "failed",
            Self::Finished => "finished",
            Self::Stopped { .. } => "stopped",
            Self::Busy { .. } => "busy",
            Self::Unknown { .. } => "unknown",
        }
    }

    /// The reason in a sentence.
    #[must_use]
    pub fn reason(&self) -> String {
        match self {
            Self::Healthy { since } => {
                format!("every subtask up and undisturbed since {since}, checkpoints complete")
            }
            Self::Settling { why }
            | Self::Failed { why, .. }
            | Self::Stopped { why }
            | Self::Unknown { why } => why.clone(),
            Self::NoProgress { since, failed } => {
                format!(
                    "every subtask up, but no checkpoint has completed since {since} ({failed} failed)"
                )
            }
            Self::Looping {
                since,
                restarts,
                first_fault,
                ..
            } => format!(
                "fails and restarts since {since}, {restarts} restart(s): {}",
                message(first_fault.as_ref())
            ),
            Self::ComesBack {
                since,
                times,
                fault,
            } => format!(
                "the same fault {times} times since {since}, and it ran in between: {}",
                fault.message
            ),
            Self::Finished => "the job is bounded and done".into(),
            Self::Busy { status, since } => format!("{status} since {since}"),
        }
    }

    /// The reason as one look without a history knows it: not when a loop began, of which Flink keeps the last sixteen faults.
    #[must_use]
    pub fn at_present(&self) -> String {
        match self {
            Self::Looping {
                restarts,
                first_fault,
                ..
            } => format!(
                "fails and restarts, {restarts} restart(s): {}",
                message(first_fault.as_ref())
            ),
            other => other.reason(),
        }
    }
}

fn message(fault: Option<&Fault>) -> &str {
    fault.map_or("no exception recorded", |fault| fault.message.as_str())
}

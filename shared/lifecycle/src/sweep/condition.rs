//! What the sweep starts an execution for.

use std::fmt;

use jiff::Timestamp;

use super::Listed;
use crate::{ApplicationStatus, Operation, OperationKind};

/// What is the matter with an application, or what is to be verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// A version was made, or a run began: somebody has to see whether it works.
    Deployment {
        /// The version.
        version_id: u64,
        /// What tells it from the same version of another application of this name: the operation's id, or when it was first seen.
        occasion: String,
    },
    /// READY, because something failed.
    Down {
        /// The operation that failed.
        operation: String,
        /// Its id.
        id: String,
        /// When it began.
        at: Timestamp,
    },
    /// Busy for longer than an operation may take.
    Stuck {
        /// With what.
        status: ApplicationStatus,
        /// Since when.
        since: Timestamp,
    },
    /// RUNNING, and CloudWatch has no sign of a job.
    Silent {
        /// RUNNING since.
        since: Timestamp,
    },
    /// An alarm is in ALARM, and no execution is at work.
    Alarm {
        /// The alarm.
        name: String,
        /// Since when.
        at: Timestamp,
    },
    /// READY, and an execution left a rescue that is not finished.
    Unfinished {
        /// That execution.
        by: String,
    },
}

impl Condition {
    pub(super) fn deployment(
        seen: &Listed<'_>,
        operations: &[Operation],
        since: Timestamp,
    ) -> Self {
        let newest = Self::newest_run(operations);
        Self::Deployment {
            version_id: seen.version_id,
            occasion: newest.map_or_else(|| since.to_string(), |one| one.id.clone()),
        }
    }

    /// The newest operation that makes a version or a run begin.
    pub(super) fn newest_run(operations: &[Operation]) -> Option<&Operation> {
        let runs = [
            OperationKind::Update,
            OperationKind::Start,
            OperationKind::Rollback,
        ];
        operations.iter().find(|one| runs.contains(&one.kind()))
    }

    /// One word for it.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Deployment { .. } => "deployment",
            Self::Down { .. } => "down",
            Self::Stuck { .. } => "stuck",
            Self::Silent { .. } => "silent",
            Self::Alarm { .. } => "alarm",
            Self::Unfinished { .. } => "unfinished",
        }
    }

    /// What tells this occasion from any other of the same application.
    #[must_use]
    pub fn occasion(&self) -> String {
        let what = match self {
            Self::Deployment {
                version_id,
                occasion,
            } => format!("{version_id} {occasion}"),
            Self::Down { id, at, .. } => format!("{id} {at}"),
            Self::Stuck { status, since } => format!("{status} {since}"),
            Self::Silent { since } => since.to_string(),
            Self::Alarm { name, at } => format!("{name} {at}"),
            Self::Unfinished { by } => by.clone(),
        };
        format!("{} {what}", self.word())
    }

    /// When it began, where an execution that was at work since has seen it.
    pub(super) const fn began_at(&self) -> Option<Timestamp> {
        match self {
            Self::Down { at, .. } | Self::Alarm { at, .. } => Some(*at),
            Self::Stuck { since, .. } => Some(*since),
            Self::Deployment { .. } | Self::Silent { .. } | Self::Unfinished { .. } => None,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deployment { version_id, .. } => {
                write!(
                    f,
                    "version {version_id} begins to run, and it is to be verified"
                )
            }
            Self::Down { operation, at, .. } => {
                write!(f, "it is READY since {operation} of {at} failed")
            }
            Self::Stuck { status, since } => write!(f, "it is {status} since {since}"),
            Self::Silent { .. } => {
                write!(f, "it is RUNNING, and CloudWatch has no sign of a job")
            }
            Self::Alarm { name, at } => {
                write!(
                    f,
                    "the alarm {name} is in ALARM since {at}, and nothing is at work"
                )
            }
            Self::Unfinished { .. } => write!(f, "it is READY, and a rescue of it is not finished"),
        }
    }
}

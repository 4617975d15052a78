//! What is noteworthy about an application's snapshots.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::lasting;

/// One thing that is noteworthy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Finding {
    /// The application has opted in, but snapshots are switched off: no rescue can go back to anything.
    Disabled,
    /// No state that is fresh enough to go back to.
    Stale {
        /// The newest READY snapshot, if there is one.
        newest: Option<Timestamp>,
        /// Its age; without any, the age of the present version.
        age_secs: i64,
        /// What the policy allows.
        max_age_secs: u32,
    },
    /// In CREATING longer than the policy allows.
    StuckCreating {
        /// The snapshot.
        name: String,
        /// Since when.
        age_secs: i64,
    },
    /// FAILED.
    Failed {
        /// The snapshot.
        name: String,
        /// When it was begun.
        at: Timestamp,
        /// Whether a newer one is READY: then it is only worth a line.
        since_then_one_worked: bool,
    },
    /// Near or at the service's quota, past which nothing can be taken by hand or on schedule.
    Quota {
        /// How many there are.
        count: u32,
        /// How many there may be.
        quota: u32,
    },
    /// A tag that cannot be parsed, or tags that cannot be read.
    Tag {
        /// What is wrong, in a sentence.
        text: String,
    },
    /// The snapshot was asked for and refused, or could not be deleted.
    Refused {
        /// What the service said.
        text: String,
    },
}

impl Finding {
    /// Whether a person has to do something about it.
    #[must_use]
    pub fn needs_person(&self) -> bool {
        match self {
            Self::Failed {
                since_then_one_worked,
                ..
            } => !since_then_one_worked,
            Self::Refused { .. } => false,
            Self::Disabled
            | Self::Stale { .. }
            | Self::StuckCreating { .. }
            | Self::Quota { .. }
            | Self::Tag { .. } => true,
        }
    }
}

/// A time with its date: a finding does not know which day is today.
fn dated(at: Timestamp) -> String {
    at.strftime("%-d %b %H:%M:%S UTC").to_string()
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Disabled => {
                f.write_str("snapshots are disabled: a rescue would have nothing to go back to")
            }
            Self::Stale {
                newest: Some(newest),
                age_secs,
                max_age_secs,
            } => {
                write!(
                    f,
                    "the newest READY snapshot is of {}, {} old; at most {} are allowed",
                    dated(*newest),
                    lasting(*age_secs),
                    lasting(i64::from(*max_age_secs))
                )
            }
            Self::Stale {
                newest: None,
                age_secs,
                max_age_secs,
            } => {
                write!(
                    f,
                    "there is no READY snapshot, {} after the present version was made; at most {} are allowed",
                    lasting(*age_secs),
                    lasting(i64::from(*max_age_secs))
                )
            }
            Self::StuckCreating { name, age_secs } => {
                write!(
                    f,
                    "snapshot {name} has been CREATING for {}",
                    lasting(*age_secs)
                )
            }
            Self::Failed { name, at, .. } => write!(f, "snapshot {name} of {} FAILED", dated(*at)),
            Self::Quota { count, quota } => write!(
                f,
                "{count} of {quota} snapshots are used: past the quota none can be taken"
            ),
            Self::Tag { text } | Self::Refused { text } => f.write_str(text),
        }
    }
}

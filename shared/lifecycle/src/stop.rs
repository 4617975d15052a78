//! The stop switch: one item in the ledger table under a key that no application can have. While it is there, nothing is changed.
//!
//! Invariant: what could not be read counts as thrown.

use std::fmt;

use crate::{Plan, Restore, Step};

/// What was found right before a change that is not made because of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StopSwitch {
    /// Somebody threw it.
    Thrown {
        /// Who, where the item says so.
        by: Option<String>,
        /// Why, where the item says so.
        why: Option<String>,
    },
    /// Nobody knows.
    Unreadable {
        /// The error's name.
        error: String,
    },
}

impl fmt::Display for StopSwitch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Thrown { by, why } => {
                f.write_str("the stop switch is on")?;
                if let Some(by) = by {
                    write!(f, ", thrown by {by}")?;
                }
                why.as_ref().map_or(Ok(()), |why| write!(f, ": {why}"))
            }
            Self::Unreadable { error } => write!(
                f,
                "the stop switch could not be read ({error}), so it counts as on"
            ),
        }
    }
}

/// What would have been done, for people: "force-stopped it (StopApplication with Force)".
pub(crate) fn would_have(step: Step, plan: &Plan) -> String {
    match (step, plan.target_version_id, &plan.restore) {
        (Step::Rollback, ..) => format!(
            "rolled it back from version {} (RollbackApplication)",
            plan.version_id
        ),
        (Step::ForceStop, ..) => "force-stopped it (StopApplication with Force)".to_owned(),
        (Step::RestoreConfiguration, Some(target), _) => {
            format!("put the configuration of version {target} back (UpdateApplication)")
        }
        (Step::RestoreConfiguration, None, _) => {
            "put an earlier configuration back (UpdateApplication)".to_owned()
        }
        (Step::Start, _, Some(Restore::Snapshot { snapshot_name, .. })) => {
            format!("started it from snapshot {snapshot_name} (StartApplication)")
        }
        (Step::Start, ..) => "started it without state (StartApplication)".to_owned(),
    }
}

//! Which snapshots to keep, which to delete, when to take the next: pure, over all versions and runtimes of one application.
//!
//! | facts in | decisions out |
//! |---|---|
//! | tags, the stack's [`SnapshotPolicy`] | [`SnapshotPolicy::under`] → [`AppliedSnapshots`] |
//! | [`Stock`]: snapshots, operations, who holds the lease | [`retain`] → [`Retention`] |
//! | the same | [`need`] → [`Need`]; with a fresh look [`may_take`] |
//!
//! Deliberately absent: any wish to delete. A snapshot is deleted only when every reason to keep it has been asked and none holds.
//!
//! Invariant (S9): whatever the list, what a rescue could choose for one of the last version changes is not in the delete set (property-tested against
//! [`crate::choose_snapshot`] itself).

mod finding;
mod origin;
mod policy;
mod protect;
mod taking;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Application, Operation, Snapshot, SnapshotStatus};

pub use finding::Finding;
pub use origin::{
    Origin, TAKEN_BY_TAG, VERIFIED_TAG, enhanced_snapshot_name, origin, snapshot_name,
    verified_by_tags, version_named,
};
pub use policy::{AppliedSnapshots, Prune, SnapshotPolicy};
pub use protect::Why;
pub use taking::{JobNow, LOOK_VALID_SECS, Need, may_take, need, verified};

/// What is known of an application's snapshots at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Stock<'a> {
    /// The application, read just now.
    pub application: &'a Application,
    /// All its snapshots, in any order.
    pub snapshots: &'a [Snapshot],
    /// Its newest operations in any order, or why they could not be read.
    pub operations: Result<&'a [Operation], &'a str>,
    /// The rules.
    pub policy: &'a SnapshotPolicy,
    /// Whether its tags could be read and parsed. Defaults are never used to delete what a tag was meant to keep.
    pub tags_parse: bool,
    /// Who holds the application's lease.
    pub lease: &'a Lease,
    /// Now.
    pub now: Timestamp,
}

/// The lease of an application, as the ledger has it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Lease {
    /// No rescue is running.
    #[default]
    Free,
    /// A rescue is running.
    Held {
        /// The execution.
        by: String,
        /// What it is about to do, in its own words: a snapshot that is named there is protected by name, too.
        #[serde(default)]
        intent: Option<String>,
    },
    /// The ledger could not be read: counts as held.
    Unknown {
        /// Why.
        why: String,
    },
}

/// What is to be kept and deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Retention {
    /// What is kept, newest first, each with all its reasons.
    pub kept: Vec<Kept>,
    /// What is deleted, oldest first.
    pub delete: Vec<Snapshot>,
    /// Why nothing at all may be deleted now, if so.
    pub nothing_because: Option<String>,
}

/// A snapshot that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Kept {
    /// Its name.
    pub name: String,
    /// Every reason.
    pub why: Vec<Why>,
}

/// Decides what is kept and what is deleted.
#[must_use]
pub fn retain(stock: &Stock<'_>) -> Retention {
    let mut retention = Retention {
        nothing_because: hands_off(stock),
        ..Retention::default()
    };
    for (snapshot, mut why) in protect::reasons(stock) {
        if why.is_empty() && retention.nothing_because.is_some() {
            why.push(Why::HandsOff);
        }
        if why.is_empty() {
            retention.delete.push(snapshot.clone());
        } else {
            retention.kept.push(Kept {
                name: snapshot.name.clone(),
                why,
            });
        }
    }
    retention.delete.reverse();
    retention
}

/// Why nothing may be deleted now, whatever is in the list.
fn hands_off(stock: &Stock<'_>) -> Option<String> {
    if !stock.tags_parse {
        return Some("a tag does not parse, and the defaults are not used to delete what it was meant to keep".into());
    }
    match stock.lease {
        Lease::Free => {}
        Lease::Held { by, .. } => {
            return Some(format!(
                "a rescue is running ({by}): it may need any of them"
            ));
        }
        Lease::Unknown { why } => {
            return Some(format!(
                "whether a rescue is running could not be read: {why}"
            ));
        }
    }
    if let Err(why) = stock.operations {
        return Some(format!(
            "the operations could not be read, so which snapshots stand before a change cannot be told: {why}"
        ));
    }
    let status = &stock.application.status;
    status
        .is_busy()
        .then(|| format!("the application is {status}"))
}

/// What is noteworthy about the list itself, whether or not anything is taken or deleted.
#[must_use]
pub fn findings(stock: &Stock<'_>) -> Vec<Finding> {
    let policy = stock.policy;
    let mut findings = Vec::new();
    if stock.application.snapshots_enabled == Some(false) {
        findings.push(Finding::Disabled);
    }
    let newest_ready = newest_ready(stock.snapshots).map(|newest| newest.created_at);
    for snapshot in newest_first(stock.snapshots) {
        let age_secs = secs_between(snapshot.created_at, stock.now);
        let name = snapshot.name.clone();
        match snapshot.status {
            SnapshotStatus::Creating if age_secs > i64::from(policy.creating_limit_secs) => {
                findings.push(Finding::StuckCreating { name, age_secs })
            }
            SnapshotStatus::Failed => {
                let since_then_one_worked = newest_ready.is_some_and(|at| at > snapshot.created_at);
                findings.push(Finding::Failed {
                    name,
                    at: snapshot.created_at,
                    since_then_one_worked,
                });
            }
            _ => {}
        }
    }
    if quota_percent(stock) >= policy.quota_warn_percent {
        findings.push(Finding::Quota {
            count: count(stock),
            quota: policy.quota,
        });
    }
    let is_up = !matches!(
        stock.application.status,
        crate::ApplicationStatus::Ready | crate::ApplicationStatus::Deleting
    );
    let age_secs = age_of_newest(stock);
    if is_up && age_secs.is_some_and(|age| age > i64::from(policy.max_age_secs)) {
        findings.push(Finding::Stale {
            newest: newest_ready,
            age_secs: age_secs.unwrap_or(0),
            max_age_secs: policy.max_age_secs,
        });
    }
    findings
}

/// How long ago the state was taken that a rescue could go back to: of the newest READY snapshot; without any, since the present version was made.
#[must_use]
pub fn age_of_newest(stock: &Stock<'_>) -> Option<i64> {
    let at = newest_ready(stock.snapshots)
        .map(|newest| newest.created_at)
        .or(stock.application.version_created_at)?;
    Some(secs_between(at, stock.now))
}

/// The share of the service's quota that is used, in percent.
#[must_use]
pub fn quota_percent(stock: &Stock<'_>) -> u32 {
    count(stock).saturating_mul(100) / stock.policy.quota.max(1)
}

fn count(stock: &Stock<'_>) -> u32 {
    u32::try_from(stock.snapshots.len()).unwrap_or(u32::MAX)
}

fn newest_ready(snapshots: &[Snapshot]) -> Option<&Snapshot> {
    newest_first(snapshots)
        .into_iter()
        .find(|snapshot| snapshot.status == SnapshotStatus::Ready)
}

/// The name settles a tie, so that the same list in another order gives the same decision.
fn newest_first(snapshots: &[Snapshot]) -> Vec<&Snapshot> {
    let mut sorted: Vec<&Snapshot> = snapshots.iter().collect();
    sorted.sort_by(|a, b| (b.created_at, &b.name).cmp(&(a.created_at, &a.name)));
    sorted
}

fn secs_between(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).as_secs()
}

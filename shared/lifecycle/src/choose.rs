//! The right snapshot: READY, fits the runtime, the newest one from before the faulty version began to process, not too old.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Runtime, Snapshot, SnapshotStatus};

/// Reasons kept for newer snapshots that were passed over.
const PASSED_OVER_KEPT: usize = 8;

/// The choice, with its reasons.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotChoice {
    /// The snapshot; None when none is right.
    pub chosen: Option<Snapshot>,
    /// Why each newer one (or, without a choice, each) was passed over; newest first, bounded.
    pub passed_over: Vec<PassedOver>,
}

/// A snapshot that was not chosen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PassedOver {
    /// Its name.
    pub name: String,
    /// Why not.
    pub why: String,
}

/// Chooses. `cutoff` is when the faulty version began to process; selection is by time, because which version the automatic snapshot of an update carries is not documented.
#[must_use]
pub fn choose_snapshot(
    snapshots: &[Snapshot],
    runtime: &Runtime,
    cutoff: Timestamp,
    now: Timestamp,
    max_age_secs: u32,
) -> SnapshotChoice {
    let mut newest_first: Vec<&Snapshot> = snapshots.iter().collect();
    // The name settles a tie, so that the same list in another order gives the same choice.
    newest_first.sort_by(|a, b| (b.created_at, &b.name).cmp(&(a.created_at, &a.name)));
    let mut choice = SnapshotChoice::default();
    for snapshot in newest_first {
        match unfit(snapshot, runtime, Some(cutoff), now, Some(max_age_secs)) {
            None => {
                choice.chosen = Some(snapshot.clone());
                break;
            }
            Some(why) if choice.passed_over.len() < PASSED_OVER_KEPT => {
                choice.passed_over.push(PassedOver {
                    name: snapshot.name.clone(),
                    why,
                })
            }
            Some(_) => {}
        }
    }
    choice
}

/// Why a snapshot may not be restored under `runtime`; None when it may.
#[must_use]
pub fn unfit(
    snapshot: &Snapshot,
    runtime: &Runtime,
    cutoff: Option<Timestamp>,
    now: Timestamp,
    max_age_secs: Option<u32>,
) -> Option<String> {
    let age_secs = now.duration_since(snapshot.created_at).as_secs();
    if snapshot.status != SnapshotStatus::Ready {
        return Some(format!("it is {}", snapshot.status));
    }
    match &snapshot.runtime {
        None => return Some("its runtime is not known".into()),
        Some(taken_with) if !runtime.accepts_snapshot_of(taken_with) => {
            return Some(format!(
                "it was taken with {taken_with} and does not fit {runtime}"
            ));
        }
        Some(_) => {}
    }
    if let Some(cutoff) = cutoff.filter(|cutoff| snapshot.created_at >= *cutoff) {
        return Some(format!(
            "it was taken at {}, after the faulty version began to process at {cutoff}",
            snapshot.created_at
        ));
    }
    max_age_secs
        .filter(|limit| age_secs > i64::from(*limit))
        .map(|limit| format!("it is {age_secs} s old, and {limit} s are allowed"))
}

//! The right snapshot: READY, fits the runtime, the newest one from before any version later than the target began to process, not too old and not too far from that cut.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Policy, Runtime, Snapshot, SnapshotMode, SnapshotSource, SnapshotStatus, lasting};

/// Reasons kept for newer snapshots that were passed over.
const PASSED_OVER_KEPT: usize = 8;
/// From the plan of a rescue to its start: a rollback that is refused, a force-stop, a configuration put back.
const UNTIL_START_SECS: u32 = 900;
/// From the start until the sources are read. What the job lagged behind when the snapshot was taken is not known, so this is generous.
const UNTIL_READ_SECS: u32 = 900;

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

/// What a snapshot has to be.
#[derive(Clone, Copy, Debug)]
pub struct Wanted<'a> {
    /// The runtime that restores it.
    pub runtime: &'a Runtime,
    /// When the first version later than the target began to process; nothing from then on is right. None: from any time.
    pub cutoff: Option<Timestamp>,
    /// How old it may be; None where a person named it.
    pub limits: Option<Limits>,
    /// The kind of snapshots that the application restores. None: either, where the service restores it within a rollback across the switch.
    pub mode: Option<&'a SnapshotMode>,
    /// Whether a person named the snapshot: what was imported is restored on their word only.
    pub is_named: bool,
}

/// How old a snapshot may be. Sources past their retention do not fail: what they dropped is missing, and nothing says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Against the time of the start.
    pub max_age_secs: u32,
    /// Against the cut: so much state is computed again, and so much that was right is undone.
    pub max_gap_secs: u32,
    /// How long its sources keep their records, where that is known.
    pub source_retention_secs: Option<u32>,
    /// How long until the start is sent.
    pub until_start_secs: u32,
}

impl Limits {
    /// When a rescue is planned.
    #[must_use]
    pub fn planned(policy: &Policy) -> Self {
        Self {
            max_age_secs: policy.max_snapshot_age_secs,
            max_gap_secs: policy.max_snapshot_gap_secs,
            source_retention_secs: policy.source_retention_secs,
            until_start_secs: UNTIL_START_SECS,
        }
    }

    /// When the start is sent: what the steps before it took is no reason to leave stopped what was stopped for it.
    #[must_use]
    pub fn at_start(policy: &Policy) -> Self {
        let planned = Self::planned(policy);
        Self {
            max_age_secs: planned.max_age_secs.saturating_add(UNTIL_START_SECS),
            until_start_secs: 0,
            ..planned
        }
    }

    /// How far from the edge of its sources' retention a snapshot of that age is when they are read, in seconds; None where the retention is not known.
    #[must_use]
    pub fn from_the_edge(&self, age_secs: i64) -> Option<i64> {
        let until = i64::from(self.until_start_secs) + i64::from(UNTIL_READ_SECS);
        Some(i64::from(self.source_retention_secs?) - age_secs.saturating_add(until))
    }

    fn exceeded(&self, age_secs: i64, gap_secs: Option<i64>) -> Option<String> {
        let old = lasting(age_secs);
        if age_secs > i64::from(self.max_age_secs) {
            let allowed = lasting(self.max_age_secs.into());
            return Some(format!("it is {old} old, and {allowed} are allowed"));
        }
        if self.from_the_edge(age_secs).is_some_and(|left| left <= 0) {
            let kept = lasting(self.source_retention_secs.unwrap_or(0).into());
            return Some(format!(
                "it is {old} old, and its sources keep {kept}: by the time they are read, records may be gone"
            ));
        }
        let gap = gap_secs.filter(|gap| *gap > i64::from(self.max_gap_secs))?;
        Some(format!(
            "it was taken {} before the change began to process, and {} are allowed",
            lasting(gap),
            lasting(self.max_gap_secs.into())
        ))
    }
}

/// Chooses by time, because which version the automatic snapshot of an update carries is not documented.
#[must_use]
pub fn choose_snapshot(
    snapshots: &[Snapshot],
    wanted: &Wanted<'_>,
    now: Timestamp,
) -> SnapshotChoice {
    let mut newest_first: Vec<&Snapshot> = snapshots.iter().collect();
    // The name settles a tie, so that the same list in another order gives the same choice.
    newest_first.sort_by(|a, b| (b.created_at, &b.name).cmp(&(a.created_at, &a.name)));
    let mut choice = SnapshotChoice::default();
    for snapshot in newest_first {
        match unfit(snapshot, wanted, now) {
            None => {
                choice.chosen = Some(snapshot.clone());
                break;
            }
            Some(why) => choice.pass_over(snapshot, why),
        }
    }
    choice
}

impl SnapshotChoice {
    /// Notes why one is not right.
    pub fn pass_over(&mut self, snapshot: &Snapshot, why: String) {
        if self.passed_over.len() < PASSED_OVER_KEPT {
            let name = snapshot.name.clone();
            self.passed_over.push(PassedOver { name, why });
        }
    }
}

/// Why a snapshot may not be restored; None when it may.
#[must_use]
pub fn unfit(snapshot: &Snapshot, wanted: &Wanted<'_>, now: Timestamp) -> Option<String> {
    if snapshot.status != SnapshotStatus::Ready {
        return Some(format!("it is {}", snapshot.status));
    }
    if let Some(why) = wanted.mode.and_then(|mode| not_in_mode(snapshot, mode)) {
        return Some(why);
    }
    let source = snapshot.enhanced.as_ref().map(|one| &one.source);
    if let Some(why) = source.and_then(|source| source.why_not(wanted.is_named)) {
        return Some(why);
    }
    let runtime = wanted.runtime;
    match &snapshot.runtime {
        // The service does not say it of what was imported, and checks it itself.
        None if wanted.is_named && source == Some(&SnapshotSource::Imported) => {}
        None => return Some("its runtime is not known".into()),
        Some(taken_with) if !runtime.accepts_snapshot_of(taken_with) => {
            return Some(format!(
                "it was taken with {taken_with} and does not fit {runtime}"
            ));
        }
        Some(_) => {}
    }
    let taken = snapshot.created_at;
    if let Some(cutoff) = wanted.cutoff.filter(|cutoff| taken >= *cutoff) {
        return Some(format!(
            "it was taken at {taken}, after a version newer than the one to go back to began to process at {cutoff}"
        ));
    }
    let since = |until: Timestamp| until.duration_since(taken).as_secs();
    // A cut at the end of time is none.
    let cut = wanted.cutoff.filter(|cutoff| *cutoff < now);
    wanted.limits?.exceeded(since(now), cut.map(since))
}

/// Why an application in that mode cannot restore it: one of the legacy kind only by name, an enhanced one only by ARN.
fn not_in_mode(snapshot: &Snapshot, mode: &SnapshotMode) -> Option<String> {
    match (mode, &snapshot.enhanced) {
        (SnapshotMode::Legacy, None) | (SnapshotMode::Enhanced, Some(_)) => None,
        (SnapshotMode::Enhanced, None) => Some(
            "it is of the mode before: an application with enhanced snapshots does not restore it"
                .into(),
        ),
        (SnapshotMode::Legacy, Some(_)) => {
            Some("it is an enhanced snapshot, and the application does not use those".into())
        }
        (SnapshotMode::Other(mode), _) => Some(format!(
            "the application's snapshot mode is {mode}, which this release does not know"
        )),
    }
}

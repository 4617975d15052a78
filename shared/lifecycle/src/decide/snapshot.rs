//! The snapshot: from when it may be, and which one was restored.

use super::{Turn, unread_of};
use crate::{
    Decision, Fault, Limits, Operation, Part, Reason, Rescue, Runtime, SnapshotChoice, Wanted,
    blame::STAMP_SLACK_SECS, choose_snapshot,
};

/// What a snapshot must be when only what cannot work is refused.
pub(super) fn at_any_time(runtime: &Runtime) -> Wanted<'_> {
    Wanted {
        runtime,
        cutoff: None,
        limits: None,
    }
}

impl Turn<'_> {
    /// The snapshot to go back to. Of its own accord Lifeguard rescues nothing whose snapshots are turned off: one that somebody took once is no plan.
    pub(super) fn plan_snapshot(
        &self,
        runtime: &Runtime,
        cutoff: jiff::Timestamp,
    ) -> SnapshotChoice {
        let seen = self.s.seen;
        if seen.application.snapshots_enabled == Some(false) && self.s.request.is_none() {
            let mut choice = SnapshotChoice::default();
            for snapshot in &seen.snapshots {
                let why = "snapshots are turned off for this application, so this one is no plan";
                choice.pass_over(snapshot, why.to_owned());
            }
            return choice;
        }
        let wanted = Wanted {
            runtime,
            cutoff: Some(cutoff),
            limits: Some(Limits::planned(&self.s.applied.policy)),
        };
        choose_snapshot(&seen.snapshots, &wanted, self.s.now)
    }

    /// What the job fails with now: what a loop repeats, where that is another than its first.
    pub(super) fn present_fault(&self) -> Option<Fault> {
        let faults = &self.s.seen.job.as_ref()?.faults;
        faults.newest.as_ref().or(faults.first.as_ref()).cloned()
    }

    pub(super) fn restored(&self, rescue: &Rescue) -> String {
        let restored = self
            .s
            .seen
            .job
            .as_ref()
            .and_then(|job| job.checkpoints.as_ref())
            .and_then(|checkpoints| checkpoints.latest_restored.as_ref());
        let named = restored.and_then(|restored| restored.path.as_deref());
        match (&rescue.snapshot.chosen, named) {
            _ if self.without_state() => "started without state, as asked".into(),
            // The longest name that fits: a path with `before-10` contains `before-1` too.
            (Some(planned), Some(path)) => {
                match self
                    .s
                    .seen
                    .snapshots
                    .iter()
                    .chain([planned])
                    .filter(|one| path.contains(&one.name))
                    .max_by_key(|one| one.name.len())
                {
                    Some(restored) if restored.name == planned.name => {
                        format!("restored from snapshot {}, as planned", planned.name)
                    }
                    Some(other) if other.created_at >= rescue.cutoff => {
                        format!(
                            "CHECK THE STATE: restored from snapshot {}, taken after the faulty version began; planned was {}",
                            other.name, planned.name
                        )
                    }
                    Some(other) => format!(
                        "restored from snapshot {}; planned was {}",
                        other.name, planned.name
                    ),
                    None => format!(
                        "planned was snapshot {}; Flink names another path, so this could not be confirmed",
                        planned.name
                    ),
                }
            }
            (Some(planned), None) => format!(
                "planned was snapshot {}; Flink does not say what was restored",
                planned.name
            ),
            (None, _) => "no snapshot was planned".into(),
        }
    }

    /// When the present version began to process: the end of the operation that made it (during an update no snapshot can be taken but its own automatic one, of the version
    /// before), or its job's start where that is earlier. Where that operation is not known, the version may have processed from the moment it was made: a later operation or
    /// a restarted job tell nothing about that. The beginning of time where the service does not say when it was made: then no snapshot is known to be older.
    pub(super) fn processing_since(&self) -> jiff::Timestamp {
        let seen = self.s.seen;
        let Some(made) = seen.application.version_created_at else {
            return jiff::Timestamp::UNIX_EPOCH;
        };
        let near = |one: &&Operation| {
            (one.started_at.as_second() - made.as_second()).abs() <= STAMP_SLACK_SECS
        };
        // One that had ended by then made an earlier version.
        let ended = seen
            .operations
            .iter()
            .filter(near)
            .filter_map(|one| one.ended_at)
            .filter(|ended| *ended >= made)
            .min();
        let Some(ended) = ended else { return made };
        let job = seen
            .job
            .as_ref()
            .map(|job| job.started_at)
            .filter(|started| *started >= made);
        job.map_or(ended, |started| started.min(ended))
    }

    /// Snapshots that could not be read are not "none": that would invite a start without state.
    pub(super) fn snapshots_unread(&self) -> Option<Decision> {
        let why = unread_of(self.s.seen, &[Part::Snapshots])?;
        Some(self.cannot_tell_yet(Reason::Unknown, why))
    }

    /// Why no snapshot was chosen.
    pub(super) fn no_snapshot(&self, choice: &SnapshotChoice) -> String {
        if choice.passed_over.is_empty() {
            return "there is no snapshot".into();
        }
        let each: Vec<String> = choice
            .passed_over
            .iter()
            .map(|one| format!("{}: {}", one.name, one.why))
            .collect();
        format!("no snapshot is right ({})", each.join("; "))
    }
}

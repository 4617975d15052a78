//! The snapshot: from when it may be.

use jiff::Timestamp;

use super::{Turn, unread_of};
use crate::{
    Decision, Fault, Limits, Operation, Part, Reason, Runtime, SnapshotChoice, SnapshotMode,
    Wanted, choose_snapshot, verdict::STAMP_SLACK_SECS,
};

/// What a snapshot must be when only what cannot work is refused.
pub(super) fn at_any_time<'a>(runtime: &'a Runtime, mode: &'a SnapshotMode) -> Wanted<'a> {
    Wanted {
        runtime,
        cutoff: None,
        limits: None,
        mode: Some(mode),
        is_named: false,
    }
}

impl Turn<'_> {
    /// The snapshot to go back to. Of its own accord Lifeguard rescues nothing whose snapshots are turned off: one that somebody took once is no plan.
    pub(super) fn plan_snapshot(&self, runtime: &Runtime, cutoff: Timestamp) -> SnapshotChoice {
        let mode = Some(&self.s.seen.application.snapshot_mode);
        self.plan_snapshot_in(mode, runtime, cutoff)
    }

    /// The same for a version that RollbackApplication may go back to: across the switch of the snapshot mode the service can restore either kind.
    pub(super) fn plan_snapshot_to(
        &self,
        good: u64,
        runtime: &Runtime,
        cutoff: Timestamp,
    ) -> SnapshotChoice {
        if self.is_rollback_across_the_switch(good) {
            return self.plan_snapshot_in(None, runtime, cutoff);
        }
        self.plan_snapshot(runtime, cutoff)
    }

    fn plan_snapshot_in(
        &self,
        mode: Option<&SnapshotMode>,
        runtime: &Runtime,
        cutoff: Timestamp,
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
            mode,
            is_named: false,
        };
        choose_snapshot(&seen.snapshots, &wanted, self.s.now)
    }

    /// What the job fails with now: what a loop repeats, where that is another than its first.
    pub(super) fn present_fault(&self) -> Option<Fault> {
        let episode = self.s.watch.episode.as_ref();
        let kept = episode.and_then(|it| it.newest_fault.as_ref().or(it.first_fault.as_ref()));
        let faults = self.s.seen.job.as_ref().map(|job| &job.faults);
        let seen = faults.and_then(|faults| faults.newest.as_ref().or(faults.first.as_ref()));
        seen.or(kept).cloned()
    }

    /// When the oldest version later than that one began to process: nothing from then on is right for it. For the present version, any time is: a snapshot of a moment ago may be
    /// of a later one by the service's clock.
    pub(super) fn cutoff_of(&self, target: u64) -> Result<Timestamp, Box<Decision>> {
        let seen = self.s.seen;
        let current = seen.application.version_id;
        if target >= current {
            return Ok(Timestamp::MAX);
        }
        let content = self.content_of(target);
        // Where nothing but scale or logging changed, the target went on.
        let later = (target + 1..current)
            .find(|id| content.is_none() || self.content_of(*id) != content)
            .unwrap_or(current);
        if let Some(since) = self.processing_since(later) {
            return Ok(since);
        }
        if let Some(why) = unread_of(seen, &[Part::Versions]) {
            return Err(Box::new(self.waits_for(
                Part::Versions,
                Reason::Unknown,
                why,
            )));
        }
        let text = format!(
            "no snapshot was chosen: version {later} came after version {target}, and when it was made is not known; ask for a restore and name the snapshot"
        );
        Err(Box::new(self.escalate(Reason::NoSnapshot, text)))
    }

    /// What a version runs, without scale and logging, where that was found out.
    pub(super) fn content_of(&self, version: u64) -> Option<u64> {
        let seen = self.s.seen;
        if version == seen.application.version_id {
            return seen.application.content;
        }
        seen.versions.iter().find(|one| one.id == version)?.content
    }

    /// When a version began to process: the end of the operation that made it (during an update no snapshot can be taken but its own automatic one, of the version before), or, of
    /// the present one, its job's start where that is earlier. Where that operation is not known, the version may have processed from the moment it was made: a later operation or
    /// a restarted job tell nothing about that. None where it is not known when it was made.
    fn processing_since(&self, version: u64) -> Option<Timestamp> {
        let seen = self.s.seen;
        let is_current = version == seen.application.version_id;
        let made = if is_current {
            seen.application.version_created_at?
        } else {
            let of_it = seen.versions.iter().find(|one| one.id == version)?;
            of_it.created_at?
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
        let Some(ended) = ended else {
            return Some(made);
        };
        let job = seen.job.as_ref().filter(|_| is_current);
        let started = job.map(|job| job.started_at).filter(|at| *at >= made);
        Some(started.map_or(ended, |started| started.min(ended)))
    }

    /// Snapshots that could not be read are not "none": that would invite a start without state.
    pub(super) fn snapshots_unread(&self) -> Option<Decision> {
        let why = unread_of(self.s.seen, &[Part::Snapshots])?;
        Some(self.waits_for(Part::Snapshots, Reason::Unknown, why))
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

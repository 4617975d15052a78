//! Which way back, and what must hold before anything is stopped on it: a job that loops is retried by Flink, one that was stopped is not.

use super::{Turn, snapshot::at_any_time};
use crate::{
    ApplicationStatus, Decision, Limits, Part, Reason, Request, Rescue, SNAPSHOTS_KEPT, Snapshot,
    SnapshotChoice, SnapshotStatus, Wanted, choose_snapshot, unfit,
};

impl Turn<'_> {
    /// Why the service's own rollback is not the way to the version to go back to; None where it is.
    pub(super) fn why_no_rollback(&self, rescue: &Rescue) -> Option<String> {
        let good = rescue.good_version_id;
        if !self.rollback_reaches(good) {
            let before = self.s.seen.application.version_updated_from;
            let before = before.map_or("no version".to_owned(), |id| format!("version {id}"));
            return Some(format!("it would go to {before}, not to version {good}"));
        }
        if self.is_only_by_rollback(rescue) {
            return None;
        }
        // One that is being taken may be READY by the time that the service chooses.
        let may_be_taken = |one: &&Snapshot| {
            matches!(one.status, SnapshotStatus::Ready | SnapshotStatus::Creating)
                && one.created_at >= rescue.cutoff
                && !one.is_of_another_life()
        };
        let since = self.s.seen.snapshots.iter().find(may_be_taken)?;
        Some(format!(
            "snapshot {} was taken at {}, since the change, and which one the service restores is documented in two ways",
            since.name, since.created_at
        ))
    }

    /// Whether it goes to that version, or to one with the same content.
    pub(super) fn rollback_reaches(&self, good: u64) -> bool {
        let Some(before) = self.s.seen.application.version_updated_from else {
            return false;
        };
        let content = self.content_of(good);
        before == good || content.is_some() && content == self.content_of(before)
    }

    /// Whether only RollbackApplication leads there: it keeps the code that S3 does not have any more, from 2.x back to 1.x no other way is documented, and no update sets the snapshot
    /// mode back; an update of ours would even close that way for good.
    pub(super) fn is_only_by_rollback(&self, rescue: &Rescue) -> bool {
        self.is_code_replaced(rescue)
            || self.is_down_to_another_major(rescue)
            || self.is_rollback_across_the_switch(rescue.good_version_id)
    }

    /// Whether putting its configuration back would load something that nobody has deployed with it.
    pub(super) fn is_code_replaced(&self, rescue: &Rescue) -> bool {
        let good = rescue.good_version_id;
        good != rescue.faulty_version_id && self.s.seen.is_code_replaced(good)
    }

    fn is_down_to_another_major(&self, rescue: &Rescue) -> bool {
        let stored = self.s.seen.application.runtime.flink_version();
        let good = rescue.good_runtime.flink_version();
        matches!((stored, good), (Some(stored), Some(good)) if good.0 < stored.0)
    }

    /// What must hold before an application is stopped. The rescue, with another snapshot where the planned one is not there any more.
    pub(super) fn before_stopping(&self, rescue: &Rescue) -> Result<Rescue, Box<Decision>> {
        let application = &self.s.seen.application;
        let (stored, good) = (&application.runtime, &rescue.good_runtime);
        let refuse = |because, why: String| {
            let text = format!("{} was not stopped: {why}", application.name);
            Err(Box::new(self.escalate(because, text)))
        };
        if let Some(closed) = self.closed_by_a_key(rescue) {
            return Err(Box::new(closed));
        }
        if self.is_code_replaced(rescue) {
            let why = format!("{}{}", code_replaced(rescue), self.what_was_refused());
            return refuse(Reason::EveryStepUsed, why);
        }
        if let Some((because, why)) = self.mode_not_put_back(rescue) {
            return refuse(because, format!("{why}{}", self.what_was_refused()));
        }
        if !self.takes(rescue) {
            return refuse(
                Reason::EveryStepUsed,
                format!(
                    "version {} runs {good}, and that the service takes an update from {stored} to it is not known{}",
                    rescue.good_version_id,
                    self.what_was_refused()
                ),
            );
        }
        if self.without_state() {
            return Ok(rescue.clone());
        }
        if let Some(doubt) = self.snapshots_unread() {
            return Err(Box::new(doubt));
        }
        let rescue = match self.with_a_snapshot_that_is_there(rescue, Limits::planned) {
            Ok(rescue) => rescue,
            Err(why) => return refuse(Reason::NoSnapshot, why),
        };
        // Who asks for a restore has said what to start and from what.
        let is_asked = matches!(self.s.request, Some(Request::Restore { .. }));
        if !is_asked && self.snapshot_for_what_is_stored(&rescue).is_none() {
            return refuse(
                Reason::NoSnapshot,
                format!(
                    "if the configuration of version {} could not be put back, version {}, which is stored, would have to be started, and no READY snapshot fits {stored}",
                    rescue.good_version_id, application.version_id
                ),
            );
        }
        Ok(rescue)
    }

    /// Whether the service takes an update to the good version's runtime: never down to another major version, and not to one that it has retired.
    fn takes(&self, rescue: &Rescue) -> bool {
        const OLDEST_TAKEN: (u32, u32) = (1, 15);
        let good = &rescue.good_runtime;
        let is_retired = good.flink_version().is_some_and(|good| good < OLDEST_TAKEN);
        *good == self.s.seen.application.runtime
            || !self.is_down_to_another_major(rescue) && !is_retired
    }

    fn what_was_refused(&self) -> String {
        match self.progress.last_failure() {
            Some((step, _, message)) => format!("; {step:?} failed ({message})"),
            None => String::new(),
        }
    }

    /// The rescue as it is where its snapshot is READY, else with the next one that is right.
    pub(super) fn with_a_snapshot_that_is_there(
        &self,
        rescue: &Rescue,
        limits: fn(&crate::Policy) -> Limits,
    ) -> Result<Rescue, String> {
        let seen = self.s.seen;
        let Some(planned) = &rescue.snapshot.chosen else {
            return Err(self.no_snapshot(&rescue.snapshot));
        };
        let is_named = self.is_snapshot_named();
        let wanted = Wanted {
            runtime: &rescue.good_runtime,
            cutoff: Some(rescue.cutoff),
            limits: (!is_named).then(|| limits(&self.s.applied.policy)),
            mode: Some(&seen.application.snapshot_mode),
            is_named,
        };
        let too_old = || {
            let of_time = Wanted {
                cutoff: None,
                ..wanted
            };
            unfit(planned, &of_time, self.s.now).filter(|_| !is_named)
        };
        let Some(why) = self.is_gone(planned).or_else(too_old) else {
            return Ok(rescue.clone());
        };
        let lost = format!("snapshot {} was planned, and {why}", planned.name);
        let mut choice = if is_named {
            SnapshotChoice::default()
        } else {
            choose_snapshot(&seen.snapshots, &wanted, self.s.now)
        };
        if choice.chosen.is_none() {
            return Err(format!("{lost}; {}", self.no_snapshot(&choice)));
        }
        choice.pass_over(planned, why);
        Ok(Rescue {
            snapshot: choice,
            ..rescue.clone()
        })
    }

    /// Why the start that failed had no snapshot to start from; None where it failed for anything else.
    pub(super) fn lost_its_snapshot(&self, rescue: &Rescue) -> Option<String> {
        let is_ready = self.s.seen.application.status == ApplicationStatus::Ready;
        let has_failed = is_ready && self.has_start_failed();
        let planned = rescue.snapshot.chosen.as_ref();
        let planned = planned.filter(|_| has_failed && !self.without_state())?;
        let gone = self.is_gone(planned)?;
        Some(format!(
            "the start named snapshot {}, and {gone}",
            planned.name
        ))
    }

    /// Why a snapshot that was READY can be restored no more; None where it can, or where it cannot be told: what could not be read, or does not fit into a look, is not gone.
    fn is_gone(&self, planned: &Snapshot) -> Option<String> {
        let seen = self.s.seen;
        let listed = seen.snapshots.iter().find(|one| one.name == planned.name);
        match listed {
            // A person may have deleted it, or the stack that made it, and its name is free again.
            Some(listed)
                if listed.enhanced.is_some() && listed.created_at != planned.created_at =>
            {
                Some(format!(
                    "it was deleted, and another was taken under its name at {}",
                    listed.created_at
                ))
            }
            Some(listed) if listed.status != SnapshotStatus::Ready => {
                Some(format!("it is {}", listed.status))
            }
            Some(_) => None,
            None if seen.snapshots.len() >= SNAPSHOTS_KEPT
                || seen.why_unreadable(Part::Snapshots).is_some() =>
            {
                None
            }
            None => Some("it is not there any more".to_owned()),
        }
    }

    /// From what the stored version would be started: the planned snapshot where it fits, else the newest that does. Nothing is too late for it.
    pub(super) fn snapshot_for_what_is_stored(&self, rescue: &Rescue) -> Option<Snapshot> {
        let application = &self.s.seen.application;
        let wanted = at_any_time(&application.runtime, &application.snapshot_mode);
        let fits = |snapshot: &Snapshot| unfit(snapshot, &wanted, self.s.now).is_none();
        let planned = rescue.snapshot.chosen.as_ref();
        let planned = planned.filter(|one| fits(one) && self.is_gone(one).is_none());
        planned.cloned().or_else(|| {
            let all = self.s.seen.snapshots.iter().filter(|one| fits(one));
            all.max_by_key(|one| (one.created_at, &one.name)).cloned()
        })
    }

    /// A person's word: neither its age nor its time is judged.
    fn is_snapshot_named(&self) -> bool {
        matches!(
            self.s.request,
            Some(Request::Restore {
                snapshot_name: Some(_),
                ..
            })
        )
    }
}

pub(super) fn code_replaced(rescue: &Rescue) -> String {
    format!(
        "the code of version {} is not in S3 any more: something else was stored under its key",
        rescue.good_version_id
    )
}

//! The next step that is open: roll back; or force-stop, put the good configuration back, start from the right snapshot.

use super::{Turn, effect::is_lost};
use crate::{
    ApplicationStatus, Decision, Plan, Reason, Request, Rescue, Restore, Snapshot, SnapshotStatus,
    Step,
};

/// Errors of a step after which no other step is right either: what is not permitted, or a defect of this project.
const NEEDS_A_PERSON: [&str; 3] = [
    "Lifeguard.NotAllowed",
    "Lifeguard.BadInput",
    "Lifeguard.Internal",
];

impl Turn<'_> {
    /// The next rung that is open from here. The brakes hold on every rung: a tag may be set while a rescue is under way.
    pub(super) fn next_rung(&self, rescue: &Rescue, why: &str) -> Decision {
        if let Some(braked) = self.brakes() {
            return braked;
        }
        let application = &self.s.seen.application;
        let version_id = application.version_id;
        if let Some((step, error, message)) = self
            .progress
            .last_failure()
            .filter(|(_, error, _)| NEEDS_A_PERSON.contains(error))
        {
            return self
                .escalate(Reason::LadderExhausted, format!("{step:?} ended with {error}: {message}; no other step is tried without a person"));
        }
        if application.status == ApplicationStatus::Ready {
            return self.restore_rungs(rescue, why);
        }
        if let Some(operation) = self.in_progress().filter(|_| !application.status.is_busy()) {
            return self.wait(
                30,
                Reason::Busy,
                format!(
                    "{} is RUNNING, but {operation} is in progress",
                    application.name
                ),
            );
        }
        let asked_for_another_way = matches!(
            self.s.request,
            Some(Request::ForceStop {} | Request::Restore { .. })
        );
        let rollback_open = !asked_for_another_way
            && !self.is_spent(Step::Rollback)
            && !self.progress.is_used(Step::ForceStop)
            && application.status.allows_rollback();
        // Only the version the rescue is about is rolled back: after any change of version the fence would be a guess.
        if rollback_open
            && version_id == rescue.faulty_version_id
            && !self.rollback_could_take_unfit_snapshot(rescue)
        {
            let reason = format!(
                "roll version {version_id} back to version {}: {why}",
                rescue.good_version_id
            );
            let plan = Plan {
                version_id,
                target_version_id: Some(rescue.good_version_id),
                reason,
                ..Plan::default()
            };
            let because = if self.s.request.is_some() {
                Reason::AskedFor
            } else {
                Reason::ChangeToBlame
            };
            return self.step(Step::Rollback, plan, because);
        }
        // Stopped with no rung left, it would only stay stopped: a job that loops is retried by Flink.
        let can_be_started = !self.is_spent(Step::Start)
            && (!self.is_spent(Step::RestoreConfiguration)
                || self.progress.is_done(Step::RestoreConfiguration));
        if can_be_started
            && !self.is_spent(Step::ForceStop)
            && application.status.allows_force_stop()
        {
            let reason = format!(
                "force-stop, to start version {} from the right snapshot: {}",
                rescue.good_version_id,
                self.what_went_before(why)
            );
            return self.step(
                Step::ForceStop,
                Plan {
                    version_id,
                    target_version_id: carried_over(rescue),
                    reason,
                    ..Plan::default()
                },
                Reason::NextRung,
            );
        }
        if let Some(last_resort) = self.was_started_as_stored(rescue) {
            return self.escalate(Reason::LadderExhausted, format!("{last_resort}; {why}"));
        }
        self.escalate(
            Reason::LadderExhausted,
            format!("every rung is used: {}", self.what_went_before(why)),
        )
    }

    /// While READY: configuration, then start.
    pub(super) fn restore_rungs(&self, rescue: &Rescue, why: &str) -> Decision {
        let version_id = self.s.seen.application.version_id;
        let needs_configuration = rescue.good_version_id != rescue.faulty_version_id
            && !self.progress.is_done(Step::RestoreConfiguration);
        if needs_configuration {
            if self.is_spent(Step::RestoreConfiguration) {
                return self.without_the_good_configuration(rescue, why);
            }
            let reason = format!(
                "put the configuration of version {} back: {}",
                rescue.good_version_id,
                self.what_went_before(why)
            );
            // Fenced as the first try was: what it did itself counts as done, and what somebody else stored since is not overwritten.
            let lost = self
                .progress
                .last(Step::RestoreConfiguration)
                .filter(|taken| is_lost(taken));
            let version_id = lost.map_or(version_id, |taken| taken.version_id);
            let plan = Plan {
                version_id,
                target_version_id: Some(rescue.good_version_id),
                reason,
                ..Plan::default()
            };
            return self.step(Step::RestoreConfiguration, plan, Reason::NextRung);
        }
        if self.is_spent(Step::Start) {
            return self.escalate(
                Reason::LadderExhausted,
                format!("the start did not help: {}", self.what_went_before(why)),
            );
        }
        let (restore, from) = match (&rescue.snapshot.chosen, self.without_state()) {
            (_, true) => (
                Restore::WithoutState {
                    without_state: true,
                },
                "without state, on a person's word".to_owned(),
            ),
            (Some(snapshot), false) => (
                Restore::Snapshot {
                    snapshot_name: snapshot.name.clone(),
                },
                self.told_snapshot(rescue, snapshot),
            ),
            (None, false) => {
                return self.escalate(Reason::NoSnapshot, self.no_snapshot(&rescue.snapshot));
            }
        };
        let allow_non_restored_state = match self.s.request {
            Some(Request::Restore {
                allow_non_restored_state,
                ..
            }) => *allow_non_restored_state,
            _ => None,
        };
        let reason = format!("start version {} {from}", rescue.good_version_id);
        let plan = Plan {
            version_id,
            restore: Some(restore),
            allow_non_restored_state,
            reason,
            ..Plan::default()
        };
        self.step(
            Step::Start,
            plan,
            if self.s.request.is_some() {
                Reason::AskedFor
            } else {
                Reason::NextRung
            },
        )
    }

    fn told_snapshot(&self, rescue: &Rescue, snapshot: &Snapshot) -> String {
        let replayed = self.secs_since(snapshot.created_at);
        let passed: Vec<String> = rescue
            .snapshot
            .passed_over
            .iter()
            .map(|one| format!("{} ({})", one.name, one.why))
            .collect();
        let passed = if passed.is_empty() {
            String::new()
        } else {
            format!("; passed over: {}", passed.join(", "))
        };
        format!(
            "from snapshot {} of {}; {replayed} s of records are replayed{passed}",
            snapshot.name, snapshot.created_at
        )
    }

    /// Which snapshot the service's rollback takes when one was taken since the change is not documented. One that does not fit the runtime would break the job, so then
    /// the rungs below are taken, which name the snapshot.
    fn rollback_could_take_unfit_snapshot(&self, rescue: &Rescue) -> bool {
        let since =
            self.s.seen.snapshots.iter().filter(|one| {
                one.status == SnapshotStatus::Ready && one.created_at >= rescue.cutoff
            });
        since.into_iter().any(|one| {
            one.runtime
                .as_ref()
                .is_none_or(|runtime| !rescue.good_runtime.accepts_snapshot_of(runtime))
        })
    }

    pub(super) fn what_went_before(&self, why: &str) -> String {
        match self.progress.last_failure() {
            Some((step, _, message)) => format!("{step:?} failed ({message}); {why}"),
            None if self.progress.is_done(Step::Rollback)
                && self.s.seen.application.status != ApplicationStatus::Ready =>
            {
                format!("the rollback did not help; {why}")
            }
            None => why.to_owned(),
        }
    }
}

/// The version whose configuration the steps after a force-stop put back: whether that can be done is found out before anything is stopped.
pub(super) fn carried_over(rescue: &Rescue) -> Option<u64> {
    (rescue.good_version_id != rescue.faulty_version_id).then_some(rescue.good_version_id)
}

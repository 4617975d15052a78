//! The next step that is open: roll back; or force-stop, put the good configuration back, start from the right snapshot.

use super::{Turn, effect::is_lost};
use crate::{
    ApplicationStatus, Decision, Limits, Only, Plan, Reason, Request, Rescue, Restore, Snapshot,
    Step, lasting,
};

/// Errors of a step after which no other step is right either: what is not permitted, or a defect of this project.
const NEEDS_A_PERSON: [&str; 3] = [
    "Lifeguard.NotAllowed",
    "Lifeguard.BadInput",
    "Lifeguard.Internal",
];

impl Turn<'_> {
    /// The next step that is open from here. The brakes hold on every step: a tag may be set while a rescue is under way.
    pub(super) fn next_step(&self, rescue: &Rescue, why: &str) -> Decision {
        if let Some(braked) = self.brakes() {
            return braked;
        }
        let application = &self.s.seen.application;
        if let Some(closed) = self.closed_by_a_key(rescue) {
            return closed;
        }
        if let Some((step, error, message)) = self
            .progress
            .last_failure()
            .filter(|(_, error, _)| NEEDS_A_PERSON.contains(error))
        {
            return self
                .escalate(Reason::EveryStepUsed, format!("{step:?} ended with {error}: {message}; no other step is tried without a person"));
        }
        match rescue.only {
            Some(Only::Rollback) => return self.rollback_or_people(rescue, why),
            Some(Only::OnceMore) if self.was_tried_once_more() => {
                return self.in_vain(rescue, why);
            }
            _ => {}
        }
        if application.status == ApplicationStatus::Ready {
            return self.restore_steps(rescue, why);
        }
        if let Some(wait) = self.wait_for_the_service() {
            return wait;
        }
        let no_rollback = self.why_no_rollback(rescue);
        if self.is_rollback_open(rescue) && no_rollback.is_none() {
            // What is not listed may be what the service restores.
            if let Some(doubt) = self.snapshots_unread() {
                return doubt;
            }
            return self.roll_back(rescue, why);
        }
        // Stopped with no step left, it would only stay stopped: a job that loops is retried by Flink.
        let can_be_started = !self.is_spent(Step::Start)
            && (!self.is_spent(Step::RestoreConfiguration)
                || self.progress.is_done(Step::RestoreConfiguration));
        if can_be_started
            && !self.is_spent(Step::ForceStop)
            && application.status.allows_force_stop()
        {
            let why = match no_rollback.filter(|_| self.is_rollback_open(rescue)) {
                Some(not) => format!("{why}; RollbackApplication is not used: {not}"),
                None => self.what_went_before(why),
            };
            return self.force_stop(rescue, &why);
        }
        if let Some(last_resort) = self.was_started_as_stored(rescue) {
            return self.escalate(Reason::EveryStepUsed, format!("{last_resort}; {why}"));
        }
        self.escalate(
            Reason::EveryStepUsed,
            format!("every step is used: {}", self.what_went_before(why)),
        )
    }

    /// An operation in progress is waited for, where the status does not show it.
    pub(super) fn wait_for_the_service(&self) -> Option<Decision> {
        let application = &self.s.seen.application;
        let operation = self
            .in_progress()
            .filter(|_| !application.status.is_busy())?;
        let text = format!(
            "{} is {}, but {operation} is in progress",
            application.name, application.status
        );
        Some(self.wait(30, Reason::Busy, text))
    }

    /// Whether nothing stands against a rollback but where it would go to, and what it would restore.
    pub(super) fn is_rollback_open(&self, rescue: &Rescue) -> bool {
        let application = &self.s.seen.application;
        let asked_for_another_way = matches!(
            self.s.request,
            Some(Request::ForceStop {} | Request::Restore { .. })
        );
        // Only the version the rescue is about is rolled back: after any change of version the fence would be a guess.
        !asked_for_another_way
            && rescue.only != Some(Only::OnceMore)
            && !self.is_spent(Step::Rollback)
            && !self.progress.is_used(Step::ForceStop)
            && application.status.allows_rollback()
            && application.version_id == rescue.faulty_version_id
    }

    pub(super) fn roll_back(&self, rescue: &Rescue, why: &str) -> Decision {
        let version_id = self.s.seen.application.version_id;
        let good = rescue.good_version_id;
        let because = if self.s.request.is_some() {
            Reason::AskedFor
        } else if rescue.only == Some(Only::Rollback) {
            Reason::Suspected
        } else {
            Reason::ChangeToBlame
        };
        let plan = Plan {
            version_id,
            target_version_id: Some(good),
            reason: format!("roll version {version_id} back to version {good}: {why}"),
            ..Plan::default()
        };
        self.step(Step::Rollback, plan, because)
    }

    /// Stops it, where all that comes after has been found possible.
    pub(super) fn force_stop(&self, rescue: &Rescue, why: &str) -> Decision {
        let rescue = match self.before_stopping(rescue) {
            Ok(rescue) => rescue,
            Err(decision) => return *decision,
        };
        let because = if self.s.request.is_some() && self.progress.steps.is_empty() {
            Reason::AskedFor
        } else {
            next_because(&rescue)
        };
        let plan = Plan {
            version_id: self.s.seen.application.version_id,
            target_version_id: carried_over(&rescue),
            reason: format!(
                "force-stop, to start version {} from the right snapshot: {why}{}",
                rescue.good_version_id,
                self.what_enhanced_snapshots_mean(&rescue)
            ),
            ..Plan::default()
        };
        self.with(rescue, |turn, _| turn.step(Step::ForceStop, plan, because))
    }

    /// While READY: configuration, then start.
    pub(super) fn restore_steps(&self, rescue: &Rescue, why: &str) -> Decision {
        if let Some(another) = self.start_from_another(rescue, why) {
            return another;
        }
        let version_id = self.s.seen.application.version_id;
        let needs_configuration = rescue.good_version_id != rescue.faulty_version_id
            && !self.progress.is_done(Step::RestoreConfiguration);
        let there = if self.without_state() {
            Ok(rescue.clone())
        } else {
            self.with_a_snapshot_that_is_there(rescue, Limits::at_start)
        };
        if needs_configuration {
            if let (Err(gone), true) = (&there, self.is_down_because_of_us()) {
                return self.start_what_is_stored(rescue, Reason::NextStep, gone);
            }
            // Nothing is stored that nothing could be started from.
            if let Err(gone) = &there {
                return self.escalate(Reason::NoSnapshot, gone.clone());
            }
            if self.is_code_replaced(rescue) {
                return self.without_the_good_code(rescue);
            }
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
            return self.step(Step::RestoreConfiguration, plan, Reason::NextStep);
        }
        if self.is_spent(Step::Start) {
            // Whether its snapshot is there tells what follows.
            let unread = self.snapshots_unread().filter(|_| self.has_start_failed());
            if let Some(doubt) = unread {
                return doubt;
            }
            return self.escalate(
                Reason::EveryStepUsed,
                format!("the start did not help: {}", self.what_went_before(why)),
            );
        }
        let rescue = match there {
            Ok(rescue) => rescue,
            Err(gone) if rescue.only == Some(Only::OnceMore) && self.is_down_because_of_us() => {
                return self.start_what_is_stored(rescue, Reason::HadWorked, &gone);
            }
            Err(why) => return self.escalate(Reason::NoSnapshot, why),
        };
        self.start(rescue)
    }

    /// The start failed, and the snapshot that it named is not there any more: a start from the next right one, which is another step. There is one for each snapshot that is deleted.
    fn start_from_another(&self, rescue: &Rescue, why: &str) -> Option<Decision> {
        let lost = self.lost_its_snapshot(rescue)?;
        let is_as_stored = rescue.good_version_id != rescue.faulty_version_id
            && !self.progress.is_done(Step::RestoreConfiguration);
        let lost = format!("{lost}; {}", self.what_went_before(why));
        if is_as_stored && self.is_down_because_of_us() {
            return Some(self.start_what_is_stored(rescue, Reason::NextStep, &lost));
        }
        match self.with_a_snapshot_that_is_there(rescue, Limits::at_start) {
            Ok(rescue) => Some(self.start(rescue)),
            Err(gone) if rescue.only == Some(Only::OnceMore) && self.is_down_because_of_us() => {
                Some(self.start_what_is_stored(rescue, Reason::HadWorked, &gone))
            }
            Err(gone) => Some(self.escalate(Reason::NoSnapshot, gone)),
        }
    }

    /// From the snapshot, or without state where a person said so.
    fn start(&self, rescue: Rescue) -> Decision {
        let (restore, from) = match rescue
            .snapshot
            .chosen
            .as_ref()
            .filter(|_| !self.without_state())
        {
            Some(snapshot) => (
                Restore::from(snapshot),
                self.told_snapshot(&rescue, snapshot),
            ),
            None => (
                Restore::WithoutState {
                    without_state: true,
                },
                "without state, on a person's word".to_owned(),
            ),
        };
        let allow_non_restored_state = match self.s.request {
            Some(Request::Restore {
                allow_non_restored_state,
                ..
            }) => *allow_non_restored_state,
            _ => None,
        };
        let plan = Plan {
            version_id: self.s.seen.application.version_id,
            restore: Some(restore),
            allow_non_restored_state,
            reason: match rescue.only {
                Some(Only::OnceMore) => format!(
                    "start version {} once more {from}; {}",
                    rescue.good_version_id, rescue.because
                ),
                _ => format!("start version {} {from}", rescue.good_version_id),
            },
            ..Plan::default()
        };
        let because = if self.s.request.is_some() {
            Reason::AskedFor
        } else {
            next_because(&rescue)
        };
        self.with(rescue, |turn, _| turn.step(Step::Start, plan, because))
    }

    fn told_snapshot(&self, rescue: &Rescue, snapshot: &Snapshot) -> String {
        let age = self.secs_since(snapshot.created_at);
        let limits = Limits::at_start(&self.s.applied.policy);
        let edge = match limits.from_the_edge(age) {
            Some(left) if left > 0 => {
                format!(
                    ", {} before its sources drop the first of them",
                    lasting(left)
                )
            }
            Some(_) => ", and its sources may have dropped some of them".to_owned(),
            None => String::new(),
        };
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
            "from snapshot {} of {}{}; {} of records are replayed{edge}{passed}",
            snapshot.name,
            snapshot.created_at,
            self.taken_within(snapshot),
            lasting(age)
        )
    }

    /// The operation within which the service took an enhanced snapshot: what it says itself, where other snapshots have only their time.
    fn taken_within(&self, snapshot: &Snapshot) -> String {
        let enhanced = snapshot.enhanced.as_ref();
        let id = enhanced.and_then(|it| it.operation_id.as_ref());
        let mut operations = self.s.seen.operations.iter();
        let caused = operations.find(|one| id == Some(&one.id));
        caused.map_or_else(String::new, |one| {
            format!(", taken within {} of {}", one.name, one.started_at)
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

/// Why a step follows, from the closed set.
fn next_because(rescue: &Rescue) -> Reason {
    match rescue.only {
        Some(Only::OnceMore) => Reason::HadWorked,
        _ => Reason::NextStep,
    }
}

/// The version whose configuration the steps after a force-stop put back: whether that can be done is found out before anything is stopped.
fn carried_over(rescue: &Rescue) -> Option<u64> {
    (rescue.good_version_id != rescue.faulty_version_id).then_some(rescue.good_version_id)
}

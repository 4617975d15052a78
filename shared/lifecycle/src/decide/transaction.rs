//! What Lifeguard stopped is started again: with the good configuration, else with what is stored.
//!
//! A job that fails and is retried by Flink is better than one that was stopped and stays so. Only policy, a person or a snapshot that does not fit keeps it down, and that is told.

use super::{Turn, check::code_replaced};
use crate::{
    ApplicationStatus, Decision, OperationKind, Plan, Reason, Rescue, Restore, Step, StepResult,
    watch::down_and_changed_since,
};

/// For so long a configuration that somebody stored is left to them.
const QUIET_SECS: i64 = 600;
/// Between two looks meanwhile.
const LOOK_AGAIN_SECS: i64 = 60;

impl Turn<'_> {
    /// Somebody stored a configuration while the application is down because of us. It is not overwritten; when nobody starts it, it is started.
    pub(super) fn stored_by_somebody(&self, what: &str) -> Option<Decision> {
        let application = &self.s.seen.application;
        let is_down = application.status == ApplicationStatus::Ready
            && self.progress.brought_down(self.s.seen);
        // Storing a configuration may be listed as an update that is over. Whoever did more has taken it over.
        let took_over = self.foreign_operation_of(&[
            OperationKind::Start,
            OperationKind::Stop,
            OperationKind::Rollback,
        ]);
        if !is_down || took_over.is_some() || self.progress.is_used(Step::Start) {
            return None;
        }
        let rescue = self.progress.rescue.as_ref()?;
        if let Some(braked) = self.brakes() {
            return Some(braked);
        }
        let name = &application.name;
        let stored_at = application.version_created_at.unwrap_or(self.s.now);
        let left = QUIET_SECS - self.secs_since(stored_at);
        if left > 0 {
            let text = format!(
                "{what} while {name} was stopped by Lifeguard, and nobody has started it; in {left} s Lifeguard starts it as it is stored"
            );
            let secs = u32::try_from(left.min(LOOK_AGAIN_SECS)).unwrap_or(1);
            return Some(self.wait(secs, Reason::SomebodyElseActed, text));
        }
        let why = format!("{what} while it was stopped by Lifeguard, and nobody started it");
        Some(self.start_what_is_stored(rescue, Reason::SomebodyElseActed, &why))
    }

    /// Putting the good configuration back is used up.
    pub(super) fn without_the_good_configuration(&self, rescue: &Rescue, why: &str) -> Decision {
        let why = format!(
            "the configuration of version {} could not be put back: {}",
            rescue.good_version_id,
            self.what_went_before(why)
        );
        self.as_it_is_stored(rescue, why)
    }

    /// Its configuration would load other code than it ran with.
    pub(super) fn without_the_good_code(&self, rescue: &Rescue) -> Decision {
        self.as_it_is_stored(rescue, code_replaced(rescue))
    }

    fn as_it_is_stored(&self, rescue: &Rescue, why: String) -> Decision {
        if self.progress.is_used(Step::Start) || !self.is_down_because_of_us() {
            return self.escalate(Reason::EveryStepUsed, why);
        }
        self.start_what_is_stored(rescue, Reason::NextStep, &why)
    }

    /// Whether a start as it was stored stands for the rescue that was planned.
    pub(super) fn was_started_as_stored(&self, rescue: &Rescue) -> Option<String> {
        let missing = rescue.good_version_id != rescue.faulty_version_id
            && self.progress.is_used(Step::ForceStop)
            && self.has_started()
            && !self.progress.is_done(Step::RestoreConfiguration);
        missing.then(|| {
            let name = &self.s.seen.application.name;
            format!(
                "the configuration of version {} could not be put back, so version {} of {name}, which was stored, was started again",
                rescue.good_version_id, self.s.seen.application.version_id
            )
        })
    }

    /// Whether our start took effect, heard or not.
    fn has_started(&self) -> bool {
        let unheard = |taken| self.left_a_trace(taken);
        self.progress.is_done(Step::Start) || self.progress.last(Step::Start).is_some_and(unheard)
    }

    /// READY, and not because of us. What somebody stopped is as it should be. What fell back after a failed operation is down, also where a configuration was stored since: whoever
    /// stored it gets the time to start it, then people are told.
    pub(super) fn found_stopped(&self, why: &str) -> Decision {
        if down_and_changed_since(self.s.seen).is_none() {
            return self.leave_alone(Reason::Stopped, why);
        }
        let stored_at = self.s.seen.application.version_created_at;
        let left = stored_at.map_or(0, |at| QUIET_SECS - self.secs_since(at));
        if left > 0 {
            let secs = u32::try_from(left.min(LOOK_AGAIN_SECS)).unwrap_or(1);
            let text = format!("{why}; whoever changed it has {left} s to start it");
            return self.wait(secs, Reason::SomebodyElseActed, text);
        }
        self.escalate(
            Reason::Suspected,
            format!("{why}; nothing starts it by itself"),
        )
    }

    pub(super) fn is_down_because_of_us(&self) -> bool {
        self.progress.brought_down(self.s.seen)
    }

    pub(super) fn start_what_is_stored(
        &self,
        rescue: &Rescue,
        because: Reason,
        why: &str,
    ) -> Decision {
        let application = &self.s.seen.application;
        let version_id = application.version_id;
        let Some(snapshot) = self.snapshot_for_what_is_stored(rescue) else {
            let text = format!(
                "{why}; version {version_id}, which is stored, was not started: no READY snapshot fits {}",
                application.runtime
            );
            return self.escalate(Reason::NoSnapshot, text);
        };
        let reason = format!(
            "start version {version_id}, which is stored, from snapshot {} of {}: better failing, and tried again by Flink, than stopped; {why}",
            snapshot.name, snapshot.created_at
        );
        let plan = Plan {
            version_id,
            restore: Some(Restore::from(&snapshot)),
            reason,
            ..Plan::default()
        };
        let mut rescue = rescue.clone();
        rescue.snapshot.chosen = Some(snapshot);
        self.with(rescue, |turn, _| turn.step(Step::Start, plan, because))
    }

    /// The version that somebody made between our force-stop and whatever we would send next.
    pub(super) fn version_since_the_stop(&self) -> Option<u64> {
        let application = &self.s.seen.application;
        let by_service = application.version_rolled_back_from.is_some()
            && application.system_rollback_enabled == Some(true);
        let stopped = self.progress.last(Step::ForceStop)?;
        let was_sent = matches!(stopped.result, Some(StepResult::Accepted { .. }));
        (was_sent && !by_service && application.version_id > stopped.version_id)
            .then_some(application.version_id)
    }
}

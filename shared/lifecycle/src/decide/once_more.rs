//! What had run well and is down, with nothing that retries: the same version is started once more, then people decide.
//!
//! Deliberately absent: what somebody stopped. A look calls that stopped and not failed.

use jiff::Timestamp;

use super::{Brake, Turn};
use crate::{
    ApplicationStatus, Assessment, Decision, Only, OperationKind, Part, Reason, Rescue, Row, Step,
};

impl Turn<'_> {
    /// Whether nothing starts it by itself: READY after a failed operation, a job that FAILED, or none at all.
    pub(super) fn nothing_retries(&self) -> bool {
        let seen = self.s.seen;
        let stopped = seen.newest(&[
            OperationKind::Start,
            OperationKind::Stop,
            OperationKind::Rollback,
        ]);
        let is_running = seen.application.status == ApplicationStatus::Running;
        match self.s.assessment {
            Assessment::Failed { .. } if is_running => true,
            // Maintenance of what somebody stopped may fail too.
            Assessment::Failed { .. } => {
                stopped.is_none_or(|last| last.kind() != OperationKind::Stop)
            }
            Assessment::Settling { .. } => {
                is_running && seen.job.is_none() && seen.why_unreadable(Part::Job).is_none()
            }
            _ => false,
        }
    }

    pub(super) fn start_once_more(&self, in_vain_at: Option<Timestamp>, why: &str) -> Decision {
        let not = |not: String| {
            let why = format!("{why}; it was not started once more: {not}");
            self.held(Row::Proven, &why)
        };
        if let Some(at) = in_vain_at {
            return not(format!(
                "that was in vain at {at}, and it has not run well since"
            ));
        }
        match self.brake() {
            Some(Brake::Holds(_, brake)) => return not(brake),
            Some(Brake::NotYet(wait)) => return *wait,
            None => {}
        }
        if !self.s.applied.policy.allow_force_stop {
            return not("this stack is deployed with ForceStop=disabled".to_owned());
        }
        if let Some(wait) = self.wait_for_the_service() {
            return wait;
        }
        let application = &self.s.seen.application;
        let snapshot = self.plan_snapshot(&application.runtime, Timestamp::MAX);
        if snapshot.chosen.is_none() {
            return match self.snapshots_unread() {
                Some(doubt) => doubt,
                None => not(self.no_snapshot(&snapshot)),
            };
        }
        let rescue = Rescue {
            faulty_version_id: application.version_id,
            good_version_id: application.version_id,
            good_runtime: application.runtime.clone(),
            cutoff: Timestamp::MAX,
            fault_at: self.s.now,
            because: format!("{why}, and nothing starts it by itself"),
            snapshot,
            fault: self.present_fault(),
            restored: None,
            only: Some(Only::OnceMore),
            instead_of: None,
            steps_before: 0,
        };
        let because = rescue.because.clone();
        self.with(rescue, |turn, rescue| turn.next_step(rescue, &because))
    }

    /// Whether nothing of it is left to do.
    pub(super) fn was_tried_once_more(&self) -> bool {
        let is_ready = self.s.seen.application.status == ApplicationStatus::Ready;
        self.is_spent(Step::Start) && !self.may_start_from_another()
            || self.is_spent(Step::ForceStop) && !is_ready
    }

    /// Whether it was only the snapshot that the start lacked.
    fn may_start_from_another(&self) -> bool {
        let rescue = self.progress.rescue.as_ref();
        rescue.is_some_and(|rescue| self.lost_its_snapshot(rescue).is_some())
    }

    pub(super) fn in_vain(&self, rescue: &Rescue, why: &str) -> Decision {
        let tried = if self.is_spent(Step::Start) {
            "it was started once more, and that did not help"
        } else {
            "it could not be stopped to be started once more"
        };
        let before = self.what_went_before(why);
        let text = format!("{before}; {tried}; {}", rescue.because);
        self.escalate(Reason::HadWorked, text)
    }
}

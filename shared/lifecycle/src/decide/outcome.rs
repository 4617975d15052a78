//! What a rescue that is under way has come to, and what that asks for.

use super::Turn;
use crate::{Action, ApplicationStatus, Assessment, Decision, Reason, Request, Rescue, Step};

impl Turn<'_> {
    /// A rescue is under way: has it worked?
    pub(super) fn rescue_under_way(&self) -> Option<Decision> {
        let rescue = self.progress.rescue.as_ref()?;
        let why = self.s.assessment.reason();
        let acted = self.progress.has_acted() || self.took_effect_unheard();
        if let Some(wait) = self.not_shown_yet().filter(|_| !self.asked_stop_is_done()) {
            return Some(wait);
        }
        let asked_rollback = matches!(self.s.request, Some(Request::Rollback {}))
            && !self.progress.is_used(Step::ForceStop);
        Some(match self.s.assessment {
            _ if self.asked_stop_is_done() => self.leave_alone(
                Reason::Stopped,
                "force-stopped as asked; it stays READY until somebody starts it",
            ),
            // The step was refused or lost and the application is as before: the next step follows, or the person is told.
            _ if !acted => self.retry_or_next(rescue, &why),
            Assessment::Healthy { since } if self.is_older_than_the_step(*since) => {
                self.healthy_all_along(&why)
            }
            _ if let Some(state) = self
                .came_back_too_late(rescue)
                .filter(|_| self.is_run_of_the_step()) =>
            {
                self.restore_what_is_right(rescue, &state)
            }
            Assessment::Healthy { .. } => self.recovered(rescue),
            // Only where the last step was to make it run: READY after a force-stop is our own doing.
            Assessment::Finished
                if self
                    .progress
                    .steps
                    .last()
                    .is_some_and(|last| matches!(last.step, Step::Start | Step::Rollback)) =>
            {
                self.recovered(rescue)
            }
            Assessment::Settling { why } => self.settle(why),
            Assessment::NoProgress { since, .. } => self.no_progress(*since),
            _ if self.is_no_loop_yet() => self.too_few_incidents(),
            _ if let Some(stop) = self.fails_from_the_right_state(rescue) => stop,
            _ if asked_rollback => self.escalate(
                Reason::EveryStepUsed,
                format!("the rollback that was asked for did not help: {why}"),
            ),
            _ => self.next_step(rescue, &self.both_faults(rescue).unwrap_or(why)),
        })
    }

    /// What came back is what the faulty version wrote: that is not recovered, however well it runs.
    fn restore_what_is_right(&self, rescue: &Rescue, state: &str) -> Decision {
        let both = self.both_faults(rescue);
        let why = both.map_or_else(|| state.to_owned(), |both| format!("{state}. {both}"));
        let decision = self.next_step(rescue, &why);
        let told = decision.reason.contains(state) || !decision.action.is_final();
        let reason = match told {
            true => decision.reason,
            false => format!("{}; {why}", decision.reason),
        };
        Decision { reason, ..decision }
    }

    fn asked_stop_is_done(&self) -> bool {
        matches!(self.s.request, Some(Request::ForceStop {}))
            && self.s.seen.application.status == ApplicationStatus::Ready
    }

    fn retry_or_next(&self, rescue: &Rescue, why: &str) -> Decision {
        match (self.s.request, self.s.assessment) {
            // Others brought it back: what runs well is not stopped for what they restored, and people hear of it.
            (None, Assessment::Healthy { .. })
                if let Some(state) = self.came_back_too_late(rescue) =>
            {
                self.escalate(
                    Reason::EveryStepUsed,
                    format!("Lifeguard changed nothing, and it runs again: {why}; {state}"),
                )
            }
            (None, Assessment::Healthy { .. }) => self.leave_alone(
                Reason::RunsAgain,
                format!("nothing was changed, and it runs again: {why}"),
            ),
            (None, Assessment::Settling { why }) => self.settle(why),
            (None, Assessment::NoProgress { since, .. }) => self.no_progress(*since),
            (None, _) if self.is_no_loop_yet() => self.too_few_incidents(),
            // It was not us who stopped it.
            (None, Assessment::Stopped { why }) => {
                self.found_stopped(&format!("nothing was changed: {why}"))
            }
            (None, Assessment::Finished) => {
                self.leave_alone(Reason::Finished, format!("nothing was changed: {why}"))
            }
            (Some(Request::Rollback {}), _)
                if !self.progress.is_used(Step::ForceStop)
                    && (self.is_spent(Step::Rollback)
                        || !self.s.seen.application.status.allows_rollback()) =>
            {
                let said = self
                    .progress
                    .last_failure()
                    .map_or("", |(_, _, message)| message);
                self.escalate(
                    Reason::RequestRefused,
                    format!("the rollback that was asked for was not done: {said}"),
                )
            }
            _ => self.next_step(rescue, why),
        }
    }

    /// A step was accepted, and the job that is healthy now was so before it.
    fn healthy_all_along(&self, why: &str) -> Decision {
        if self.s.request.is_some() {
            return self.escalate(
                Reason::EveryStepUsed,
                format!("what was asked for was accepted, but changed nothing that runs: {why}"),
            );
        }
        self.leave_alone(
            Reason::RunsAgain,
            format!("the last step changed nothing that runs, and it runs again: {why}"),
        )
    }

    /// Soaked. Which snapshot was restored is checked against the plan.
    fn recovered(&self, rescue: &Rescue) -> Decision {
        let health = self.s.assessment.reason();
        if let Some(last_resort) = self.was_started_as_stored(rescue) {
            let text = format!(
                "{last_resort}, and it runs: {health}; {}",
                self.restored(rescue)
            );
            return self.escalate(Reason::EveryStepUsed, text);
        }
        self.say(
            Action::Recovered,
            Reason::Recovered,
            format!("{health}; {}", self.restored(rescue)),
        )
    }
}

//! The first turns of an execution that takes over from one that ended without an outcome.
//!
//! A person who stopped it is obeyed; a person who had asked for something is asked again; what it had begun by itself is gone on with, as by any later execution.

use super::Turn;
use crate::{
    ApplicationStatus, Decision, Ended, Predecessor, Reason, Step, predecessor::STEP_FUNCTION_SECS,
};

/// A person's requests that stop an application only in order to start it again.
const STOP_TO_START: [&str; 2] = ["restore", "rollback"];

impl Turn<'_> {
    /// What comes before anything else, if anything does.
    pub(super) fn takes_over(&self) -> Option<Decision> {
        let before = self.s.predecessor?;
        // Whatever is said of it then: while a step may still arrive, the lease is held.
        if before.ended.is_some()
            && let Some(wait) = self.in_flight(before)
        {
            return Some(wait);
        }
        let told = Turn {
            s: self.s,
            progress: before.progress.clone(),
            doubt: None,
        };
        match (before.ended, before.asked.as_deref()) {
            (Some(Ended::Aborted), _) => {
                Some(told.leave_alone(Reason::StoppedByPerson, told.stopped_by_person()))
            }
            (Some(ended), Some(asked)) => Some(told.escalate(
                Reason::RequestInterrupted,
                told.request_interrupted(asked, Some(ended)),
            )),
            // Whoever asks for something now knows better; whoever acted since has taken it over.
            (None, Some(asked))
                if STOP_TO_START.contains(&asked)
                    && self.s.request.is_none()
                    && told.is_left_down()
                    && told.foreign_hand().is_none() =>
            {
                Some(told.escalate(
                    Reason::RequestInterrupted,
                    told.request_interrupted(asked, None),
                ))
            }
            _ => None,
        }
    }

    /// The last step's function may still be at work: whoever called it is gone, and nothing else says when it ends.
    fn in_flight(&self, before: &Predecessor) -> Option<Decision> {
        before
            .progress
            .steps
            .last()
            .filter(|taken| taken.is_interrupted())?;
        let left = i64::from(STEP_FUNCTION_SECS) - self.secs_since(self.s.started_at);
        let left = u32::try_from(left).ok().filter(|left| *left > 0)?;
        let reason = format!(
            "the last step of the execution before may still be on its way; its function ends within {left} s"
        );
        Some(self.wait(left, Reason::Busy, reason))
    }

    /// Whether it is down, or on its way there, because of what was done, and nothing starts it.
    fn is_left_down(&self) -> bool {
        let down = [
            ApplicationStatus::Ready,
            ApplicationStatus::Stopping,
            ApplicationStatus::ForceStopping,
        ];
        down.contains(&self.s.seen.application.status)
            && !self.progress.steps.is_empty()
            && !self.progress.is_done(Step::Start)
    }

    fn done_until_then(&self) -> String {
        let steps: Vec<String> = self
            .progress
            .steps
            .iter()
            .map(|taken| format!("{:?} {}", taken.step, taken.word()))
            .collect();
        if steps.is_empty() {
            "until then it had changed nothing".to_owned()
        } else {
            format!("until then: {}", steps.join(", "))
        }
    }

    fn stopped_by_person(&self) -> String {
        let application = &self.s.seen.application;
        let (name, status) = (&application.name, &application.status);
        let down = if self.is_left_down() {
            "; it was stopped on the way and nothing starts it by itself: start it, or ask for a restore"
        } else {
            ""
        };
        format!(
            "a person stopped the execution that looked after {name}, so nothing more is done to it; {}. It is {status} now{down}. It is watched again from the next alarm on",
            self.done_until_then()
        )
    }

    fn request_interrupted(&self, asked: &str, ended: Option<Ended>) -> String {
        let application = &self.s.seen.application;
        let (name, status) = (&application.name, &application.status);
        let how = match ended {
            Some(Ended::TimedOut) => "timed out",
            Some(Ended::Failed) => "failed",
            _ => "ended without a word",
        };
        let down = if self.is_left_down() && STOP_TO_START.contains(&asked) {
            format!(": it was stopped in the middle of a {asked} and nothing starts it by itself")
        } else {
            String::new()
        };
        format!(
            "the execution that a person had asked for {asked} of {name} {how}; {}. It is {status} now{down}. A request is not repeated without the person who made it: ask again",
            self.done_until_then()
        )
    }
}

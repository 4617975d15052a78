//! What became of a step: whether the service shows its effect yet, and whether what is seen now comes after it.
//!
//! Reads lag behind writes. Without this, the picture of before a step would be judged as its outcome: a job that was healthy when a person asked for its rollback would be
//! reported as recovered before the rollback began.

use jiff::Timestamp;

use super::{Turn, doubt::spread};
use crate::{
    ApplicationStatus, Decision, Operation, OperationStatus, Reason, Step, StepResult, StepTaken,
};

/// Between two looks at what a step of ours set going, at most: every second of it is downtime.
const LOOK_SOON_SECS: u32 = 8;
/// Where the look before a step does not tell: an operation of ours may be stamped that much before we decided on it, because of two clocks.
const STAMP_SLACK_SECS: i64 = 5;

impl Turn<'_> {
    /// The step that is waited for: the last one, unless it was refused, or lost without a trace.
    fn last_accepted(&self) -> Option<&StepTaken> {
        let taken = self.progress.steps.last()?;
        let accepted = !matches!(taken.result, Some(StepResult::Failed { .. }));
        (accepted || is_lost(taken) && self.operation_of(taken).is_some()).then_some(taken)
    }

    /// Waits while the service has accepted a step and does not show it, up to an operation's time-out.
    pub(super) fn not_shown_yet(&self) -> Option<Decision> {
        let taken = self.last_accepted()?;
        let waited = self.secs_since(taken.at);
        let application = &self.s.seen.application;
        let ended = |statuses: &[OperationStatus]| {
            self.operation_of(taken)
                .is_some_and(|operation| statuses.contains(&operation.status))
        };
        let given_up = ended(&[OperationStatus::Failed, OperationStatus::Cancelled]);
        let shown = given_up
            || match taken.step {
                // The version after a rollback is a new or the old number, never the one it left.
                Step::Rollback => {
                    application.version_id != taken.version_id
                        || ended(&[OperationStatus::Successful])
                }
                Step::ForceStop => application.status == ApplicationStatus::Ready,
                // While READY the new configuration shows in nothing that is looked at; the start is fenced by the version.
                Step::RestoreConfiguration => true,
                Step::Start => {
                    application.status != ApplicationStatus::Ready
                        || ended(&[OperationStatus::Successful])
                }
            };
        if shown || waited >= i64::from(self.s.applied.policy.operation_timeout_secs) {
            return None;
        }
        let reason = format!(
            "{:?} was accepted {waited} s ago and does not show yet: {} is {}",
            taken.step, application.name, application.status
        );
        Some(self.wait(self.soon(), Reason::Busy, reason))
    }

    /// Until the next look at what a step of ours set going. Applications that are rescued together do not look together.
    pub(super) fn soon(&self) -> u32 {
        spread(
            &self.s.seen.application.name,
            self.s.watch.looks,
            LOOK_SOON_SECS,
        )
    }

    /// Health of a run that there was before the last change is not its result. `since` is Flink's.
    pub(super) fn is_older_than_the_step(&self, since: Timestamp) -> bool {
        self.last_accepted()
            .is_some_and(|taken| self.is_older_than(taken, since))
    }

    fn is_older_than(&self, taken: &StepTaken, since: Timestamp) -> bool {
        let Some(before) = &taken.before else {
            return since < taken.at;
        };
        match (&before.job, &self.s.seen.job) {
            (Some(before), Some(job)) => before.id == job.id && before.started_at == job.started_at,
            // No run was seen before: only the service can say when it began to act.
            _ => {
                let began = self.operation_of(taken).map(|one| one.started_at);
                since < began.unwrap_or(taken.at)
            }
        }
    }

    /// The last step on the way to the present target that made the job run and took effect.
    pub(super) fn step_that_runs(&self) -> Option<&StepTaken> {
        let mut steps = self.progress.own_steps().iter().rev();
        steps.find(|taken| self.makes_it_run(taken))
    }

    /// How many steps were taken until the job ran that is there now.
    pub(super) fn steps_until_it_ran(&self) -> usize {
        let steps = &self.progress.steps;
        let last = steps.iter().rposition(|taken| self.makes_it_run(taken));
        last.map_or(0, |last| last + 1)
    }

    fn makes_it_run(&self, taken: &StepTaken) -> bool {
        let runs = matches!(taken.step, Step::Rollback | Step::Start);
        let took_effect = !matches!(taken.result, Some(StepResult::Failed { .. }))
            || is_lost(taken) && self.operation_of(taken).is_some();
        runs && took_effect
    }

    /// Whether the job that is seen was started by that step.
    pub(super) fn is_run_of_the_step(&self) -> bool {
        let job = self.s.seen.job.as_ref();
        job.zip(self.step_that_runs())
            .is_some_and(|(job, taken)| !self.is_older_than(taken, job.started_at))
    }

    /// Whether a step whose answer was lost took effect after all: an operation of its kind began when it was sent.
    pub(super) fn took_effect_unheard(&self) -> bool {
        self.progress
            .steps
            .iter()
            .filter(|taken| is_lost(taken))
            .any(|taken| self.operation_of(taken).is_some())
    }

    /// Whether a step whose answer was lost began an operation. Putting a configuration back is none: done twice, it finds what it did.
    pub(super) fn left_a_trace(&self, taken: &StepTaken) -> bool {
        taken.step != Step::RestoreConfiguration
            && is_lost(taken)
            && self.operation_of(taken).is_some()
    }

    /// The operation of a step: by id where the service named one, else the one of its kind that was not there before.
    fn operation_of(&self, taken: &StepTaken) -> Option<&Operation> {
        let operations = &self.s.seen.operations;
        if let Some(StepResult::Accepted {
            operation_id: Some(id),
        }) = &taken.result
        {
            return operations.iter().find(|operation| operation.id == *id);
        }
        let began = taken.at.as_second() - STAMP_SLACK_SECS;
        // What another operation's failure names is the service's own rollback.
        let is_services = |id: &str| {
            let mut named = operations.iter().map(|one| &one.rollback_operation_id);
            named.any(|named| named.as_deref() == Some(id))
        };
        operations.iter().find(|operation| {
            operation.kind() == super::kind_of(taken.step)
                && !is_services(&operation.id)
                && began_after(taken, operation)
                    .unwrap_or_else(|| operation.started_at.as_second() >= began)
        })
    }
}

/// Whether an operation began after the look on which the step was decided; None when that look does not tell.
pub(super) fn began_after(taken: &StepTaken, operation: &Operation) -> Option<bool> {
    taken.before.as_ref()?.is_older_than(operation)
}

/// Whether nobody knows how the step went.
pub(crate) fn is_lost(taken: &StepTaken) -> bool {
    match &taken.result {
        None => true,
        Some(StepResult::Accepted { .. }) => false,
        // A step that was stale was not sent at all.
        Some(StepResult::Failed { error, .. }) => {
            super::may_be_tried_again(error) && error != "Lifeguard.Stale"
        }
    }
}

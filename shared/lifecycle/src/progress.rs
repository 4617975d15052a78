//! What this execution has done so far. Level-triggered all the same: progress only remembers which steps are used and what was found out before the first change.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    ApplicationStatus, Fault, Observation, Operation, OperationStatus, Part, Runtime, Watch,
    choose::SnapshotChoice, decide::is_lost,
};

/// The error of a step whose execution died: like any lost answer, it is looked for and may be tried again.
const INTERRUPTED: &str = "Lifeguard.Interrupted";

/// A step of a rescue: a change of an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// `RollbackApplication`.
    Rollback,
    /// `StopApplication` with `Force`.
    ForceStop,
    /// `UpdateApplication` to a good version's configuration, while READY.
    RestoreConfiguration,
    /// `StartApplication` from a chosen snapshot.
    Start,
}

/// How a step went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum StepResult {
    /// The service accepted it, or its effect was already there.
    Accepted {
        /// The operation, where the service named one.
        operation_id: Option<String>,
    },
    /// It was refused or failed.
    Failed {
        /// The error's fixed name.
        error: String,
        /// What was said.
        message: String,
    },
}

/// The error of a step that took effect, with another result than was planned: the configuration of a version was put back, and its code is another now.
pub(crate) const STORED_OTHERWISE: &str = "Lifeguard.StoredOtherwise";

/// A step this execution set out to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepTaken {
    /// Which.
    pub step: Step,
    /// When it was decided.
    pub at: Timestamp,
    /// The version it was decided on.
    pub version_id: u64,
    /// How it went; None while that is not known.
    pub result: Option<StepResult>,
    /// What the look showed on which it was decided; None in a progress that an older release wrote. Of several tries that were not carried out, the look before the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Before>,
    /// How often it was sent or tried. Tries that were certainly not carried out are one row: a service may be too busy for hours, and what is carried from state to state has a limit.
    #[serde(default = "once", skip_serializing_if = "is_once")]
    pub tries: u32,
    /// When the first of these tries was decided; None where there was only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_at: Option<Timestamp>,
}

fn once() -> u32 {
    1
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_once(tries: &u32) -> bool {
    *tries == 1
}

/// What there was before a step. What came of the step is told apart from it by operations and by the run of the job, never by the time of the decision: the clocks of the functions,
/// of the service and of Flink differ.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Before {
    /// The ids of the operations that were listed; None when they could not be read.
    pub operations: Option<Vec<String>>,
    /// When the newest of them began, by the service's clock.
    pub newest_at: Option<Timestamp>,
    /// The last run of the job that was seen; None when none was since the application was last READY.
    pub job: Option<JobRun>,
}

/// One run of a job. A JobManager failover starts another one under the same id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobRun {
    /// Job id.
    pub id: String,
    /// When it started, by Flink's clock.
    pub started_at: Timestamp,
}

impl Before {
    /// From a look and what the looks until then know of the job.
    #[must_use]
    pub fn of(seen: &Observation, watch: &Watch) -> Self {
        let readable = seen.why_unreadable(Part::Operations).is_none();
        let ids = || seen.operations.iter().map(|one| one.id.clone()).collect();
        Self {
            operations: readable.then(ids),
            newest_at: seen.operations.iter().map(|one| one.started_at).max(),
            job: watch.job.as_ref().map(|run| JobRun {
                id: run.id.clone(),
                started_at: run.started_at,
            }),
        }
    }

    /// Whether an operation began after the look; None when the look could not tell.
    #[must_use]
    pub fn is_older_than(&self, operation: &Operation) -> Option<bool> {
        let known = self.operations.as_ref()?;
        let newer = self.newest_at.is_none_or(|at| operation.started_at >= at);
        Some(newer && !known.contains(&operation.id))
    }
}

impl StepTaken {
    /// Whether the execution that took it ended before it heard how it went.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        matches!(&self.result, Some(StepResult::Failed { error, .. }) if error == INTERRUPTED)
    }

    /// Whether it took effect, and what is stored is not what was planned.
    #[must_use]
    pub fn stored_otherwise(&self) -> bool {
        matches!(&self.result, Some(StepResult::Failed { error, .. }) if error == STORED_OTHERWISE)
    }

    /// How it went, in a word or two.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match &self.result {
            Some(StepResult::Accepted { .. }) => "accepted",
            Some(StepResult::Failed { .. }) if self.stored_otherwise() => "done, not as planned",
            Some(StepResult::Failed { .. }) if !self.is_interrupted() => "failed",
            _ => "sent, outcome not known",
        }
    }
}

/// What the rescue is about, fixed before its first change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rescue {
    /// The version at fault, or the present one where a person asks.
    pub faulty_version_id: u64,
    /// The version to go back to.
    pub good_version_id: u64,
    /// Its runtime.
    pub good_runtime: Runtime,
    /// Nothing taken after this is restored: the faulty version began to process.
    pub cutoff: Timestamp,
    /// When the trouble began.
    pub fault_at: Timestamp,
    /// Why this was begun.
    pub because: String,
    /// The snapshot that is right, and why newer ones are not.
    pub snapshot: SnapshotChoice,
    /// What failed before the first step: what fails afterwards is compared with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<Fault>,
    /// The path of the snapshot that Flink restored after the last step, from the first look that showed it: a job that restarts names its own checkpoint instead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restored: Option<String>,
    /// What the rescue may do, where that is less than all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Only>,
    /// The rescue to the first target, where that one failed in its own way and this goes further back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<Box<Rescue>>,
    /// So many steps belong to the first target: each step is taken once for each.
    #[serde(default, skip_serializing_if = "is_none")]
    pub steps_before: usize,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes a reference"
)]
fn is_none(steps: &usize) -> bool {
    *steps == 0
}

/// What a rescue is bounded to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Only {
    /// RollbackApplication: the verdict left it open, and the tag `lifeguard:when-suspected=rollback` decided.
    Rollback,
    /// Another start of the same version: it had run well, and nothing retries.
    OnceMore,
}

/// What this execution has done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// The rescue, once begun.
    pub rescue: Option<Rescue>,
    /// The steps, in order.
    pub steps: Vec<StepTaken>,
    /// When people were told that a fault is waited for that no change caused.
    pub waiting_since: Option<Timestamp>,
    /// What holds the decision up, while it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<Doubt>,
    /// What waiting for other applications has come to.
    #[serde(default, skip_serializing_if = "Shared::is_none")]
    pub shared: Shared,
}

/// Of a trouble that others have too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Shared {
    /// Since when others are rescued first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_line_since: Option<Timestamp>,
    /// Whether it was looked once more for what others have in common with it, before people were told.
    #[serde(default)]
    pub has_looked_around: bool,
    /// Whether people are told by another execution, of all at once.
    #[serde(default)]
    pub is_told_by_others: bool,
}

impl Shared {
    fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

/// Something that decides could not be read, or the service was too busy for a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Doubt {
    /// Since when, without a turn between that could decide.
    pub since: Timestamp,
    /// Whether people were told.
    pub told: bool,
    /// The part whose reading was refused by then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<Part>,
}

impl Progress {
    /// The steps on the way to the present target.
    #[must_use]
    pub fn own_steps(&self) -> &[StepTaken] {
        let before = self.rescue.as_ref().map_or(0, |it| it.steps_before);
        self.steps.get(before..).unwrap_or_default()
    }

    /// The last try of a step on the way to the present target.
    #[must_use]
    pub fn last(&self, step: Step) -> Option<&StepTaken> {
        let mut own = self.own_steps().iter().rev();
        own.find(|taken| taken.step == step)
    }

    /// Whether a step was accepted by the service.
    #[must_use]
    pub fn is_done(&self, step: Step) -> bool {
        self.last(step)
            .is_some_and(|taken| matches!(taken.result, Some(StepResult::Accepted { .. })))
    }

    /// Whether a step is used up: accepted, refused, or its outcome unknown.
    #[must_use]
    pub fn is_used(&self, step: Step) -> bool {
        self.last(step).is_some()
    }

    /// Whether this execution has changed, or may have changed, the application.
    #[must_use]
    pub fn has_acted(&self) -> bool {
        self.steps
            .iter()
            .any(|taken| !matches!(taken.result, Some(StepResult::Failed { .. })))
    }

    /// Whether the application is down, or on its way there, because this rescue stopped it and has not started it since. A start that was accepted and failed has started nothing.
    #[must_use]
    pub fn brought_down(&self, seen: &Observation) -> bool {
        let down = [
            ApplicationStatus::Ready,
            ApplicationStatus::Stopping,
            ApplicationStatus::ForceStopping,
        ];
        let stopped = self.own_steps().iter().any(|taken| {
            let accepted = matches!(taken.result, Some(StepResult::Accepted { .. }));
            taken.step == Step::ForceStop && (accepted || is_lost(taken))
        });
        let is_started = self.is_done(Step::Start) && !self.has_start_failed(seen);
        down.contains(&seen.application.status) && stopped && !is_started
    }

    /// Whether the operation of the start that was accepted has failed.
    pub(crate) fn has_start_failed(&self, seen: &Observation) -> bool {
        let result = self.last(Step::Start).and_then(|it| it.result.as_ref());
        let Some(StepResult::Accepted {
            operation_id: Some(own),
        }) = result
        else {
            return false;
        };
        let mut operations = seen.operations.iter();
        operations.any(|one| one.id == *own && one.status == OperationStatus::Failed)
    }

    /// What the last failed step said.
    #[must_use]
    pub fn last_failure(&self) -> Option<(Step, &str, &str)> {
        let taken = self.steps.last()?;
        match &taken.result {
            Some(StepResult::Failed { error, message }) => Some((taken.step, error, message)),
            _ => None,
        }
    }

    /// What an execution that died had done so far, for the one that goes on: nobody heard how its last step went.
    #[must_use]
    pub fn interrupted(mut self) -> Self {
        if let Some(taken) = self.steps.last_mut().filter(|taken| taken.result.is_none()) {
            let message = "the execution that did it ended before it heard how it went".to_owned();
            taken.result = Some(StepResult::Failed {
                error: INTERRUPTED.to_owned(),
                message,
            });
        }
        self
    }

    /// Writes down how the last step went.
    pub fn settle(&mut self, result: StepResult) {
        if let Some(taken) = self.steps.last_mut() {
            taken.result = Some(result);
        }
    }
}

//! What Flink says was restored, held against the plan; and what the version that was put back fails with, held against the fault before.

use super::Turn;
use crate::{
    Decision, Fault, Reason, Rescue, Restored, Snapshot, SnapshotStatus, Step, lasting,
    redact::shorten,
};

/// So much of a path is told.
const PATH_KEPT: usize = 120;

/// What was restored, against the plan.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Against {
    /// Without state, as a person asked.
    WithoutState,
    /// No snapshot was planned.
    NoPlan,
    /// The planned one.
    Planned(String),
    /// Another, from before the cut.
    Earlier { restored: String, planned: String },
    /// Another, from after the cut.
    TooLate { restored: String, planned: String },
    /// Flink names a path that is no snapshot's.
    Unmatched { path: String, planned: String },
    /// Flink does not say.
    NotSaid { planned: String },
}

impl std::fmt::Display for Against {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::WithoutState => f.write_str("started without state, as asked"),
            Self::NoPlan => f.write_str("no snapshot was planned"),
            Self::Planned(name) => write!(f, "restored from snapshot {name}, as planned"),
            Self::Earlier { restored, planned } => write!(
                f,
                "restored from snapshot {restored}, from before the change too; planned was {planned}"
            ),
            Self::TooLate { restored, planned } => write!(
                f,
                "CHECK THE STATE: restored from snapshot {restored}, taken after the faulty version began; planned was {planned}"
            ),
            Self::Unmatched { path, planned } => write!(
                f,
                "planned was snapshot {planned}; Flink names another path ({path}), so this could not be confirmed"
            ),
            Self::NotSaid { planned } => write!(
                f,
                "planned was snapshot {planned}; Flink does not say what was restored, so this could not be confirmed"
            ),
        }
    }
}

impl Turn<'_> {
    /// Keeps what Flink says was restored, from the first look that shows it.
    pub(super) fn keep_restored(&mut self) {
        let Some(path) = self.restored_now() else {
            return;
        };
        if let Some(rescue) = self.progress.rescue.as_mut() {
            rescue.restored.get_or_insert(path);
        }
    }

    /// The path of the savepoint that the run since the last step was restored from. A checkpoint is the job's own, of a restart since.
    fn restored_now(&self) -> Option<String> {
        let restored = self.latest_restored()?;
        (restored.is_savepoint && self.is_run_of_the_step())
            .then(|| restored.path.clone())
            .flatten()
    }

    fn latest_restored(&self) -> Option<&Restored> {
        let job = self.s.seen.job.as_ref()?;
        job.checkpoints.as_ref()?.latest_restored.as_ref()
    }

    /// What was restored, for people.
    pub(super) fn restored(&self, rescue: &Rescue) -> String {
        self.against_the_plan(rescue).to_string()
    }

    /// That state from after the cut came back, if it did.
    pub(super) fn came_back_too_late(&self, rescue: &Rescue) -> Option<String> {
        let against = self.against_the_plan(rescue);
        matches!(against, Against::TooLate { .. }).then(|| against.to_string())
    }

    fn against_the_plan(&self, rescue: &Rescue) -> Against {
        if self.without_state() {
            return Against::WithoutState;
        }
        let Some(planned) = &rescue.snapshot.chosen else {
            return Against::NoPlan;
        };
        let name = planned.name.clone();
        if let Some(against) = self.by_arn(rescue, planned) {
            return against;
        }
        let now = self.latest_restored().and_then(|one| one.path.clone());
        let Some(path) = rescue.restored.clone().or(now) else {
            return Against::NotSaid { planned: name };
        };
        // The longest name that fits: a path with `before-10` contains `before-1` too.
        let all = self.s.seen.snapshots.iter().chain([planned]);
        let named = all
            .filter(|one| path.contains(&one.name))
            .max_by_key(|one| one.name.len());
        match named {
            Some(one) if one.name == name => Against::Planned(name),
            Some(one) if one.created_at >= rescue.cutoff => Against::TooLate {
                restored: one.name.clone(),
                planned: name,
            },
            Some(one) => Against::Earlier {
                restored: one.name.clone(),
                planned: name,
            },
            None => Against::Unmatched {
                path: shorten(&path, PATH_KEPT),
                planned: name,
            },
        }
    }

    /// What the service says that the start named, where it names snapshots by ARN: for certain, whatever the path is called in which Flink found it.
    fn by_arn(&self, rescue: &Rescue, planned: &Snapshot) -> Option<Against> {
        let arn_of = |one: &Snapshot| one.enhanced.as_ref().map(|it| it.arn.clone());
        let arn = arn_of(planned)?;
        let named = self.s.seen.application.started_from_arn.as_ref()?;
        if !self.was_named_by_a_start() {
            return None;
        }
        let name = planned.name.clone();
        if *named == arn {
            return Some(Against::Planned(name));
        }
        let mut all = self.s.seen.snapshots.iter();
        Some(match all.find(|one| arn_of(one).as_ref() == Some(named)) {
            Some(one) if one.created_at < rescue.cutoff => Against::Earlier {
                restored: one.name.clone(),
                planned: name,
            },
            Some(one) => Against::TooLate {
                restored: one.name.clone(),
                planned: name,
            },
            None => Against::Unmatched {
                path: shorten(named, PATH_KEPT),
                planned: name,
            },
        })
    }

    /// Whether the version that was put back runs from the planned snapshot: as Flink says; or, where that tells nothing, because a start named it, or because the service had no
    /// other to take.
    fn runs_from_the_plan(&self, rescue: &Rescue) -> bool {
        match self.against_the_plan(rescue) {
            Against::Planned(_) => true,
            Against::Unmatched { .. } | Against::NotSaid { .. } => {
                self.was_named_by_a_start() || self.is_newest(rescue)
            }
            _ => false,
        }
    }

    /// The same, and nothing else can have been restored. What is short of memory, slots or time may be so because of another state.
    fn runs_from_the_plan_for_certain(&self, rescue: &Rescue) -> bool {
        match self.against_the_plan(rescue) {
            Against::Planned(_) => true,
            Against::NotSaid { .. } => self.was_named_by_a_start(),
            _ => false,
        }
    }

    fn was_named_by_a_start(&self) -> bool {
        let step = self.step_that_runs();
        step.is_some_and(|taken| taken.step == Step::Start)
    }

    fn is_newest(&self, rescue: &Rescue) -> bool {
        let (Some(planned), Some(step)) = (&rescue.snapshot.chosen, self.step_that_runs()) else {
            return false;
        };
        let later = |one: &&Snapshot| {
            one.status == SnapshotStatus::Ready
                && one.created_at > planned.created_at
                && one.created_at <= step.at
        };
        self.s.seen.snapshots.iter().find(later).is_none()
    }

    /// The version that was put back fails, from the right state. With the same fault it was not the change; with another one, nothing that is left to do is another answer.
    pub(super) fn fails_from_the_right_state(&self, rescue: &Rescue) -> Option<Decision> {
        let went_back = rescue.good_version_id != rescue.faulty_version_id
            && self.was_started_as_stored(rescue).is_none();
        let (before, now) = (rescue.fault.as_ref()?, self.present_fault()?);
        if !went_back || !self.is_run_of_the_step() || !self.runs_from_the_plan(rescue) {
            return None;
        }
        let (faulty, good) = (rescue.faulty_version_id, rescue.good_version_id);
        let restored = self.restored(rescue);
        if before.is_like(&now) {
            if now.is_of_resources() && !self.runs_from_the_plan_for_certain(rescue) {
                return None;
            }
            let name = &self.s.seen.application.name;
            let text = format!(
                "version {faulty} was undone, and version {good} now fails with the same fault ({}): the change is not to blame after all; {restored}. Nothing more is changed. Check what the job \
                 depends on. To bring version {faulty} back, deploy it again or start an execution with {{\"applicationName\":\"{name}\",\"request\":{{\"action\":\"restore\",\"applicationVersionId\":{faulty}}}}}",
                told(&now)
            );
            return Some(self.escalate(Reason::NotTheChange, text));
        }
        if !matches!(self.against_the_plan(rescue), Against::Planned(_)) {
            return None;
        }
        let text = format!(
            "version {good} fails too, with another fault than version {faulty}; {restored}. {}",
            self.both_faults(rescue)?
        );
        Some(self.go_further_back(rescue, &text))
    }

    /// The fault of before the first step beside that of the run since, where both are known and not the same.
    pub(super) fn both_faults(&self, rescue: &Rescue) -> Option<String> {
        let (before, now) = (rescue.fault.as_ref()?, self.present_fault()?);
        (self.is_run_of_the_step() && !before.is_like(&now)).then(|| {
            let apart = now.at.duration_since(before.at).as_secs();
            format!(
                "Version {} failed with {}; {} later version {}, which was put back, failed with {}",
                rescue.faulty_version_id,
                told(before),
                lasting(apart),
                rescue.good_version_id,
                told(&now)
            )
        })
    }
}

fn told(fault: &Fault) -> String {
    match &fault.task {
        Some(task) => format!("{} in {task}", fault.message),
        None => fault.message.clone(),
    }
}

//! What a version of an application's code does, as it is written: [`crate::flink::Code`] with everything optional.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Span, is_default};
use crate::flink;

/// What a version of an application's code does when it runs. Without a member it is as usual.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Code {
    /// What the job does once it is submitted; healthy when absent.
    #[serde(skip_serializing_if = "is_default")]
    pub behaviour: Behaviour,
    /// How Flink restarts it; with Flink's default exponential delay when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restarts: Option<Restarts>,
    /// Time between checkpoints; the application's configuration when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_every: Option<Span>,
    /// How long a checkpoint takes; 480 ms when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checkpoint_takes: Option<Span>,
    /// Operators; four of them when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vertices: Option<Vec<Vertex>>,
    /// The most that it processes in a second; 1000 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records_per_sec: Option<u32>,
    /// How long its tasks stay INITIALIZING when state is restored; 2 s when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restore: Option<Span>,
    /// What must be there outside.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub needs: Vec<Need>,
    /// The format of the state that it writes; 1 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_version: Option<u32>,
    /// The oldest format of state that it reads; 1 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reads_state_from: Option<u32>,
    /// What happens with a snapshot that it cannot read; it loops when absent.
    #[serde(skip_serializing_if = "is_default")]
    pub misfit: Misfit,
    /// Size of a checkpoint in bytes; 48 MiB when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_bytes: Option<u64>,
    /// Every look through the REST API's cache finds all tasks RUNNING, although the job loops.
    #[serde(skip_serializing_if = "is_default")]
    pub running_whenever_looked: bool,
    /// It has no shuffles: each subtask is a failover region, which fails and restarts on its own.
    #[serde(skip_serializing_if = "is_default")]
    pub failover_regions: bool,
    /// Who schedules it.
    #[serde(skip_serializing_if = "is_default")]
    pub scheduler: Scheduler,
}

/// An operator of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Vertex {
    /// Its name.
    pub name: String,
    /// Its parallelism.
    pub parallelism: u32,
}

/// What a job does once it is submitted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Behaviour {
    /// It runs and processes.
    #[default]
    Healthy,
    /// It throws some time after each start, while it processes.
    Throws {
        /// From all tasks RUNNING to the fault.
        after: Span,
        /// Up to so much is added, by the seed.
        #[serde(default, skip_serializing_if = "is_default")]
        jitter: Span,
        /// What is thrown.
        fault: Fault,
    },
    /// It throws whenever a task opens: its tasks are never all RUNNING.
    ThrowsInOpen {
        /// What is thrown.
        fault: Fault,
    },
    /// `main()` fails: no job appears, the submission is refused.
    BadMain {
        /// With this text.
        message: String,
    },
    /// There are not enough slots: SCHEDULED for five minutes, then a loop.
    TooFewSlots,
    /// It reads a bounded input and finishes.
    Bounded {
        /// From all tasks RUNNING to the end.
        after: Span,
    },
    /// It runs without a restart, but no checkpoint completes any more.
    CheckpointsStop {
        /// From all tasks RUNNING to the last good checkpoint.
        after: Span,
    },
    /// It runs, and computes wrong results.
    WrongResults,
    /// Its JobManager dies some time after each of its starts; only its start time tells.
    JobManagerCrashes {
        /// From the job RUNNING to the crash.
        after: Span,
        /// How long the REST API is gone each time.
        gone: Span,
    },
    /// A batch job: its vertices are stages that run one after the other, then it finishes.
    Batch {
        /// How long each stage takes.
        stage: Span,
    },
}

/// Who schedules a job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Scheduler {
    /// Flink's default.
    #[default]
    Default,
    /// The adaptive one: it takes another parallelism while it runs, and waits for slots instead of failing.
    Adaptive {
        /// How many seconds a start waits for its slots, CREATED.
        #[serde(default, skip_serializing_if = "is_default")]
        slots_after_secs: u32,
    },
}

/// An exception.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// The Java class.
    pub class: String,
    /// What it says.
    pub message: String,
    /// The vertex that throws it, counted from 0; the second when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vertex: Option<usize>,
    /// The subtask of it, counted from 0.
    #[serde(default, skip_serializing_if = "is_default")]
    pub subtask: u32,
    /// No task throws it, but a source enumerator, say.
    #[serde(default, skip_serializing_if = "is_default")]
    pub outside_tasks: bool,
}

/// Something outside that a job needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Need {
    /// Its name, `broker`; a step `dependency` switches it off and on.
    pub dependency: String,
    /// What the job throws while it is off.
    pub fault: Fault,
    /// From a start, or from the outage, to the fault; 5 s when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notices_after: Option<Span>,
}

/// How Flink restarts a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Restarts {
    /// The same delay each time.
    FixedDelay {
        /// Before each restart.
        delay: Span,
        /// So many times; for ever when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        attempts: Option<u32>,
    },
    /// A growing delay.
    ExponentialDelay {
        /// Before the first restart.
        initial: Span,
        /// The longest delay.
        max: Span,
        /// From one delay to the next.
        multiplier: f64,
        /// Running for so long makes the next delay the first again.
        reset_after: Span,
    },
    /// The first fault ends the job.
    Never,
}

/// What happens with a snapshot that code cannot read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Misfit {
    /// The submission fails: a FAILED job without vertices.
    Refused,
    /// It is accepted, and the job loops.
    #[default]
    Loops,
}

impl From<&Fault> for flink::Fault {
    fn from(fault: &Fault) -> Self {
        let thrown = Self::new(&fault.class, &fault.message);
        if fault.outside_tasks {
            return thrown.outside_tasks();
        }
        Self {
            vertex: fault.vertex.or(thrown.vertex),
            subtask: fault.subtask,
            ..thrown
        }
    }
}

impl From<&Behaviour> for flink::Behaviour {
    fn from(behaviour: &Behaviour) -> Self {
        match behaviour {
            Behaviour::Healthy => Self::Healthy,
            Behaviour::Throws {
                after,
                jitter,
                fault,
            } => Self::Throws {
                after: after.0,
                jitter: jitter.0,
                fault: fault.into(),
            },
            Behaviour::ThrowsInOpen { fault } => Self::ThrowsInOpen {
                fault: fault.into(),
            },
            Behaviour::BadMain { message } => Self::BadMain {
                message: message.clone(),
            },
            Behaviour::TooFewSlots => Self::TooFewSlots,
            Behaviour::Bounded { after } => Self::Bounded { after: after.0 },
            Behaviour::CheckpointsStop { after } => Self::CheckpointsStop { after: after.0 },
            Behaviour::WrongResults => Self::WrongResults,
            Behaviour::JobManagerCrashes { after, gone } => Self::JobManagerCrashes {
                after: after.0,
                gone: gone.0,
            },
            Behaviour::Batch { stage } => Self::Batch { stage: stage.0 },
        }
    }
}

impl From<&Restarts> for flink::RestartStrategy {
    fn from(restarts: &Restarts) -> Self {
        match restarts {
            Restarts::FixedDelay { delay, attempts } => Self::FixedDelay {
                delay: delay.0,
                attempts: *attempts,
            },
            Restarts::ExponentialDelay {
                initial,
                max,
                multiplier,
                reset_after,
            } => Self::ExponentialDelay {
                initial: initial.0,
                max: max.0,
                multiplier: *multiplier,
                reset_after: reset_after.0,
            },
            Restarts::Never => Self::None,
        }
    }
}

impl From<&Need> for flink::Need {
    fn from(need: &Need) -> Self {
        Self {
            dependency: need.dependency.clone(),
            fault: (&need.fault).into(),
            notices_after: need
                .notices_after
                .map_or(std::time::Duration::from_secs(5), |after| after.0),
        }
    }
}

impl From<&Code> for flink::Code {
    fn from(code: &Code) -> Self {
        let usual = Self::that((&code.behaviour).into());
        let vertices = code.vertices.as_ref().map(|vertices| {
            let named = |vertex: &Vertex| (vertex.name.clone(), vertex.parallelism);
            vertices.iter().map(named).collect()
        });
        Self {
            restart_strategy: code
                .restarts
                .as_ref()
                .map_or(usual.restart_strategy, Into::into),
            checkpoint_interval: code.checkpoint_every.map(|every| every.0),
            checkpoint_takes: code
                .checkpoint_takes
                .map_or(usual.checkpoint_takes, |takes| takes.0),
            vertices: vertices.unwrap_or(usual.vertices),
            records_per_sec: code.records_per_sec.unwrap_or(usual.records_per_sec),
            restore: code.restore.map_or(usual.restore, |restore| restore.0),
            needs: code.needs.iter().map(Into::into).collect(),
            state_version: code.state_version.unwrap_or(usual.state_version),
            state_compatible_from: code.reads_state_from.unwrap_or(usual.state_compatible_from),
            misfit: match code.misfit {
                Misfit::Refused => flink::Misfit::Refused,
                Misfit::Loops => flink::Misfit::Loops,
            },
            state_bytes: code.state_bytes.unwrap_or(usual.state_bytes),
            running_whenever_looked: code.running_whenever_looked,
            failover_regions: code.failover_regions,
            scheduler: match code.scheduler {
                Scheduler::Default => flink::Scheduler::Default,
                Scheduler::Adaptive { slots_after_secs } => {
                    flink::Scheduler::Adaptive { slots_after_secs }
                }
            },
            behaviour: usual.behaviour,
        }
    }
}

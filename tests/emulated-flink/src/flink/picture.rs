//! A job as it is at one moment: what the REST cache holds, and what all views are made from.

use std::collections::{BTreeMap, VecDeque};

use super::Millis;
use super::checkpoints::Statistics;
use super::code::Fault;
use super::release::Release;

/// A job's state, in Flink's spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum JobState {
    Initializing,
    Created,
    Running,
    Restarting,
    Failing,
    Failed,
    Canceled,
    Finished,
}

impl JobState {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Initializing => "INITIALIZING",
            Self::Created => "CREATED",
            Self::Running => "RUNNING",
            Self::Restarting => "RESTARTING",
            Self::Failing => "FAILING",
            Self::Failed => "FAILED",
            Self::Canceled => "CANCELED",
            Self::Finished => "FINISHED",
        }
    }

    /// Every key of a job's `timestamps`.
    pub(super) const TIMESTAMPS: [&'static str; 11] = [
        "FAILING",
        "RUNNING",
        "CANCELED",
        "RECONCILING",
        "CANCELLING",
        "INITIALIZING",
        "FAILED",
        "RESTARTING",
        "SUSPENDED",
        "FINISHED",
        "CREATED",
    ];

    pub(super) fn is_terminal(self) -> bool {
        matches!(self, Self::Failed | Self::Canceled | Self::Finished)
    }
}

/// A task's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TaskState {
    Created,
    Scheduled,
    Deploying,
    Initializing,
    Running,
    Finished,
    Canceling,
    Canceled,
    Failed,
}

impl TaskState {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Scheduled => "SCHEDULED",
            Self::Deploying => "DEPLOYING",
            Self::Initializing => "INITIALIZING",
            Self::Running => "RUNNING",
            Self::Finished => "FINISHED",
            Self::Canceling => "CANCELING",
            Self::Canceled => "CANCELED",
            Self::Failed => "FAILED",
        }
    }

    /// Every key of `tasks`.
    pub(super) const ALL: [&'static str; 10] = [
        "FINISHED",
        "DEPLOYING",
        "INITIALIZING",
        "CREATED",
        "CANCELING",
        "CANCELED",
        "SCHEDULED",
        "RUNNING",
        "FAILED",
        "RECONCILING",
    ];
}

#[derive(Clone, Debug)]
pub(super) struct Subtask {
    pub(super) state: TaskState,
    pub(super) started: Option<Millis>,
    pub(super) ended: Option<Millis>,
    /// How many executions of it there were before this one.
    pub(super) attempt: u32,
}

#[derive(Clone, Debug)]
pub(super) struct Vertex {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) subtasks: Vec<Subtask>,
    /// None for a stage of a batch job that is not planned yet.
    pub(super) parallelism: Option<u32>,
    pub(super) records: i64,
}

impl Vertex {
    pub(super) fn count(&self, name: &str) -> usize {
        self.subtasks
            .iter()
            .filter(|subtask| subtask.state.name() == name)
            .count()
    }

    /// The aggregate that Flink shows as `status`: it hides more than it tells.
    pub(super) fn status(&self) -> &'static str {
        let some = |state: TaskState| self.subtasks.iter().any(|subtask| subtask.state == state);
        for state in [
            TaskState::Failed,
            TaskState::Canceling,
            TaskState::Canceled,
            TaskState::Initializing,
            TaskState::Running,
        ] {
            if some(state) {
                return state.name();
            }
        }
        let begun = !self.subtasks.is_empty();
        if begun
            && self
                .subtasks
                .iter()
                .all(|subtask| subtask.state == TaskState::Finished)
        {
            "FINISHED"
        } else {
            "CREATED"
        }
    }

    pub(super) fn started(&self) -> Option<Millis> {
        self.subtasks
            .iter()
            .filter_map(|subtask| subtask.started)
            .min()
    }

    pub(super) fn ended(&self) -> Option<Millis> {
        self.subtasks
            .iter()
            .map(|subtask| subtask.ended)
            .collect::<Option<Vec<_>>>()?
            .into_iter()
            .max()
    }
}

/// An entry of the exception history.
#[derive(Clone, Debug)]
pub(super) struct Exception {
    pub(super) at: Millis,
    pub(super) fault: Fault,
    /// The attempt that threw it.
    pub(super) execution: u32,
    /// Flink gave up with this entry; names the strategy.
    pub(super) suppressed_by: Option<String>,
    /// Faults of other regions that were merged into this one, oldest first.
    pub(super) concurrent: Vec<Exception>,
}

/// The job at `at`.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    pub(super) at: Millis,
    pub(super) id: String,
    pub(super) name: String,
    pub(super) state: JobState,
    pub(super) started: Millis,
    pub(super) ended: Option<Millis>,
    pub(super) last_modified: Millis,
    pub(super) timestamps: BTreeMap<&'static str, Millis>,
    pub(super) vertices: Vec<Vertex>,
    pub(super) durations: Vec<(TaskState, Millis)>,
    /// Newest first, at most [`EXCEPTIONS`].
    pub(super) exceptions: VecDeque<Exception>,
    pub(super) checkpoints: Statistics,
    pub(super) checkpoint_takes: Millis,
    pub(super) state_bytes: u64,
    pub(super) restarts: u64,
    /// Of these restarts, the rescales that somebody asked for.
    pub(super) rescales: u64,
    pub(super) is_batch: bool,
    pub(super) is_adaptive: bool,
    /// Name and parallelism of every vertex that it has or will have.
    pub(super) operators: Vec<(String, u32)>,
    /// Stages that are not in the graph yet.
    pub(super) pending_operators: usize,
    /// Records that the present attempt has read.
    pub(super) read: i64,
    pub(super) release: Release,
}

/// `web.exception-history-size`.
pub(super) const EXCEPTIONS: usize = 16;

impl Picture {
    pub(super) fn all_running(&self) -> bool {
        self.state == JobState::Running
            && !self.vertices.is_empty()
            && self.vertices.iter().all(|vertex| {
                vertex.status() == "RUNNING" && vertex.count("RUNNING") == vertex.subtasks.len()
            })
    }
}

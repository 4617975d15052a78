//! The answers as Flink 1.x and 2.x write them, as far as this project reads them. What is missing is left empty; what is new is ignored.

use std::collections::BTreeMap;

use serde::Deserialize;

/// `/jobs/overview`.
#[derive(Debug, Deserialize)]
pub(super) struct Overview {
    #[serde(default)]
    pub(super) jobs: Vec<OverviewJob>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct OverviewJob {
    pub(super) jid: String,
    #[serde(default)]
    pub(super) start_time: i64,
    #[serde(default)]
    pub(super) state: String,
}

/// `/jobs/:id`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) struct JobDetails {
    pub(super) jid: String,
    pub(super) state: String,
    #[serde(default)]
    pub(super) start_time: i64,
    #[serde(default)]
    pub(super) duration: i64,
    #[serde(default)]
    pub(super) now: i64,
    #[serde(default)]
    pub(super) timestamps: BTreeMap<String, i64>,
    #[serde(default)]
    pub(super) vertices: Vec<JobVertex>,
}

#[derive(Debug, Deserialize)]
pub(super) struct JobVertex {
    #[serde(default)]
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) parallelism: u32,
    #[serde(default)]
    pub(super) tasks: BTreeMap<String, u32>,
}

/// `/jobs/:id/exceptions`. `root-exception`, `all-exceptions` and `timestamp` are gone in 2.x, so they are not read at all.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Exceptions {
    #[serde(default)]
    pub(super) exception_history: History,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct History {
    #[serde(default)]
    pub(super) entries: Vec<ExceptionEntry>,
    #[serde(default)]
    pub(super) truncated: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ExceptionEntry {
    #[serde(default)]
    pub(super) exception_name: Option<String>,
    #[serde(default)]
    pub(super) stacktrace: Option<String>,
    #[serde(default)]
    pub(super) timestamp: i64,
    #[serde(default)]
    pub(super) task_name: Option<String>,
    #[serde(default)]
    pub(super) concurrent_exceptions: Vec<ExceptionEntry>,
}

/// `/jobs/:id/checkpoints`.
#[derive(Debug, Default, Deserialize)]
pub(super) struct CheckpointStatistics {
    #[serde(default)]
    pub(super) counts: Counts,
    #[serde(default)]
    pub(super) latest: Latest,
    #[serde(default)]
    pub(super) history: Vec<Checkpoint>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Counts {
    #[serde(default)]
    pub(super) completed: i64,
    #[serde(default)]
    pub(super) failed: i64,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Latest {
    #[serde(default)]
    pub(super) completed: Option<Checkpoint>,
    #[serde(default)]
    pub(super) savepoint: Option<Checkpoint>,
    #[serde(default)]
    pub(super) restored: Option<RestoredCheckpoint>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Checkpoint {
    #[serde(default)]
    pub(super) status: String,
    #[serde(default)]
    pub(super) trigger_timestamp: Option<i64>,
    #[serde(default)]
    pub(super) latest_ack_timestamp: Option<i64>,
    #[serde(default)]
    pub(super) checkpoint_type: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RestoredCheckpoint {
    #[serde(default)]
    pub(super) id: u64,
    #[serde(default)]
    pub(super) restore_timestamp: Option<i64>,
    #[serde(default)]
    pub(super) is_savepoint: bool,
    #[serde(default)]
    pub(super) external_path: Option<String>,
}

/// One entry of `/jobs/:id/metrics`.
#[derive(Debug, Deserialize)]
pub(super) struct Metric {
    pub(super) id: String,
    #[serde(default)]
    pub(super) value: String,
}

/// `/jobs/:id/vertices/:vid`.
#[derive(Debug, Deserialize)]
pub(super) struct VertexDetails {
    #[serde(default)]
    pub(super) subtasks: Vec<Subtask>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Subtask {
    #[serde(default)]
    pub(super) attempt: u32,
}

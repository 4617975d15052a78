//! The answers as Flink 1.x and 2.x write them, as far as this project reads them. What is missing is left empty; what is new is ignored.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// A number as Flink writes it. Its API has sentinels where a number would stand (`-1` as the parallelism of a stage that is not planned yet, `"NaN"` in
/// statistics, `null`): one of them must not lose the whole answer, so whatever is no number is none.
fn number<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    Ok(number_in(&Value::deserialize(from)?).unwrap_or_default())
}

fn number_or_none<'de, D: Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    Ok(number_in(&Value::deserialize(from)?))
}

/// A number of things: what is negative counts as none of them.
fn count<'de, D: Deserializer<'de>, T: TryFrom<i64> + Default>(from: D) -> Result<T, D::Error> {
    Ok(T::try_from(number(from)?).unwrap_or_default())
}

fn counts<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, u32>, D::Error> {
    let counted = BTreeMap::<String, Value>::deserialize(from)?;
    let count = |value: Value| number_in(&value).and_then(|it| u32::try_from(it).ok());
    Ok(counted
        .into_iter()
        .map(|(state, value)| (state, count(value).unwrap_or_default()))
        .collect())
}

fn numbers<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<String, i64>, D::Error> {
    let counted = BTreeMap::<String, Value>::deserialize(from)?;
    Ok(counted
        .into_iter()
        .filter_map(|(name, value)| Some((name, number_in(&value)?)))
        .collect())
}

fn number_in(value: &Value) -> Option<i64> {
    match value {
        Value::Number(number) => number.as_i64(),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

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
    #[serde(default, deserialize_with = "number")]
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
    #[serde(default, deserialize_with = "number")]
    pub(super) start_time: i64,
    #[serde(default, deserialize_with = "number")]
    pub(super) duration: i64,
    #[serde(default, deserialize_with = "number")]
    pub(super) now: i64,
    #[serde(default, deserialize_with = "numbers")]
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
    #[serde(default, deserialize_with = "count")]
    pub(super) parallelism: u32,
    #[serde(default, deserialize_with = "counts")]
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
    #[serde(default, deserialize_with = "number")]
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
    #[serde(default, deserialize_with = "number")]
    pub(super) completed: i64,
    #[serde(default, deserialize_with = "number")]
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
    #[serde(default, deserialize_with = "number_or_none")]
    pub(super) trigger_timestamp: Option<i64>,
    #[serde(default, deserialize_with = "number_or_none")]
    pub(super) latest_ack_timestamp: Option<i64>,
    #[serde(default)]
    pub(super) checkpoint_type: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RestoredCheckpoint {
    #[serde(default, deserialize_with = "count")]
    pub(super) id: u64,
    #[serde(default, deserialize_with = "number_or_none")]
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
    #[serde(default, deserialize_with = "count")]
    pub(super) attempt: u32,
}

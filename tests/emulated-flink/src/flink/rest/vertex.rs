//! `/jobs/:id/vertices/:vid`.

use serde_json::{Map, Value, json};

use super::job::io_metrics;
use super::or_never;
use crate::flink::Millis;
use crate::flink::picture::{Picture, Subtask};
use crate::flink::release::Release;

/// Where every task of the simulated cluster runs.
pub(super) const HOST: &str = "10.0.1.17:6122";
/// Its TaskManager.
pub(super) const TASK_MANAGER: &str = "10.0.1.17:6122-22f514";

/// The subtasks of one vertex; None when there is no such vertex.
pub(super) fn details(picture: &Picture, id: &str, now: Millis) -> Option<Value> {
    let vertex = picture.vertices.iter().find(|vertex| vertex.id == id)?;
    let subtasks: Vec<Value> = vertex
        .subtasks
        .iter()
        .enumerate()
        .map(|(index, task)| subtask(picture, index, task, vertex.records, now))
        .collect();
    let numbers = [
        "write-records",
        "accumulated-backpressured-time",
        "accumulated-idle-time",
        "write-bytes",
        "read-bytes",
        "read-records",
        "accumulated-busy-time",
    ];
    let metrics: Map<String, Value> = numbers
        .iter()
        .map(|name| ((*name).to_owned(), aggregate(&subtasks, "metrics", name)))
        .collect();
    let states: Map<String, Value> = picture
        .durations
        .iter()
        .map(|(state, _)| {
            (
                state.name().to_owned(),
                aggregate(&subtasks, "status-duration", state.name()),
            )
        })
        .collect();
    Some(json!({
        "id": vertex.id,
        "name": vertex.name,
        "parallelism": vertex.parallelism.map_or(-1, i64::from),
        "maxParallelism": 128,
        "now": now,
        "subtasks": subtasks,
        "aggregated": { "metrics": metrics, "status-duration": states },
    }))
}

fn subtask(picture: &Picture, index: usize, task: &Subtask, records: i64, now: Millis) -> Value {
    let durations: Map<String, Value> = picture
        .durations
        .iter()
        .map(|(state, spent)| (state.name().to_owned(), (*spent).into()))
        .collect();
    let mut body =
        json!({ "subtask": index, "status": task.state.name(), "attempt": task.attempt });
    if picture.release < Release::TWO {
        body["host"] = HOST.split(':').next().into();
    }
    let rest = json!({
        "start-time": or_never(task.started),
        "end-time": or_never(task.ended),
        "duration": task.started.map_or(-1, |started| task.ended.unwrap_or(now) - started),
        "metrics": io_metrics(records),
        "taskmanager-id": TASK_MANAGER,
        "status-duration": durations,
        "start_time": or_never(task.started),
    });
    if picture.release >= Release::WITH_ENDPOINT {
        body["endpoint"] = HOST.into();
    }
    if let (Value::Object(body), Value::Object(rest)) = (&mut body, rest) {
        body.extend(rest);
    }
    body
}

fn aggregate(subtasks: &[Value], group: &str, name: &str) -> Value {
    let values: Vec<f64> = subtasks
        .iter()
        .filter_map(|subtask| subtask[group][name].as_f64())
        .collect();
    let (min, max) = values
        .iter()
        .fold((f64::MAX, f64::MIN), |(min, max), value| {
            (min.min(*value), max.max(*value))
        });
    let sum: f64 = values.iter().sum();
    let whole = |value: f64| Value::from(value.round() as i64);
    let middle = whole(sum / values.len().max(1) as f64);
    json!({ "p25": whole(min), "min": whole(min), "avg": middle, "median": middle, "max": whole(max), "sum": whole(sum), "p95": whole(max), "p75": whole(max) })
}

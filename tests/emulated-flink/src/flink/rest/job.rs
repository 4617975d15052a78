//! `/jobs/:id` and `/jobs/overview`.

use serde_json::{Map, Value, json};

use super::or_never;
use crate::flink::Millis;
use crate::flink::picture::{JobState, Picture, TaskState, Vertex};
use crate::flink::release::Release;

/// `/jobs/:id`.
pub(super) fn details(picture: &Picture, now: Millis) -> Value {
    let timestamps: Map<String, Value> = JobState::TIMESTAMPS
        .iter()
        .map(|name| {
            (
                (*name).to_owned(),
                picture.timestamps.get(name).copied().unwrap_or(0).into(),
            )
        })
        .collect();
    let counts: Map<String, Value> = TaskState::ALL
        .iter()
        .map(|name| {
            (
                (*name).to_owned(),
                picture
                    .vertices
                    .iter()
                    .filter(|vertex| vertex.status() == *name)
                    .count()
                    .into(),
            )
        })
        .collect();
    let mut body = json!({
        "jid": picture.id,
        "name": picture.name,
        "isStoppable": false,
        "state": picture.state.name(),
        "start-time": picture.started,
        "end-time": or_never(picture.ended),
        "duration": picture.ended.unwrap_or(now) - picture.started,
        "maxParallelism": -1,
        "now": now,
        "timestamps": timestamps,
        "vertices": picture.vertices.iter().map(|vertex| self::vertex(picture, vertex, now)).collect::<Vec<_>>(),
        "status-counts": counts,
        "plan": plan(picture),
    });
    let (kind, _) = kind(picture);
    if picture.release >= Release::WITH_JOB_TYPE {
        body["job-type"] = kind.into();
    }
    if picture.release >= Release::TWO {
        body["pending-operators"] = picture.pending_operators.into();
        if picture.is_batch {
            body["stream-graph"] = stream_graph(picture);
        }
    }
    if picture.release >= Release::WITH_SCHEDULER {
        // The adaptive scheduler that waits for its slots has a scheduler, and no application yet.
        let has_run = scheduler(picture).is_some() && picture.state != JobState::Created;
        body["application-id"] = has_run.then_some(picture.id.as_str()).into();
        body["schedulerType"] = scheduler(picture).into();
    }
    body
}

/// The scheduler of a job; none before it is initialised, or where that failed.
fn scheduler(picture: &Picture) -> Option<&'static str> {
    let is_initialised = picture.state != JobState::Initializing && !picture.vertices.is_empty();
    is_initialised.then_some(kind(picture).1)
}

/// Its type and its scheduler, in Flink's words.
fn kind(picture: &Picture) -> (&'static str, &'static str) {
    match (picture.is_batch, picture.is_adaptive) {
        (true, _) => ("BATCH", "AdaptiveBatch"),
        (false, true) => ("STREAMING", "Adaptive"),
        (false, false) => ("STREAMING", "Default"),
    }
}

fn vertex(picture: &Picture, vertex: &Vertex, now: Millis) -> Value {
    let started = vertex.started();
    let ended = vertex.ended();
    let tasks: Map<String, Value> = TaskState::ALL
        .iter()
        .map(|name| ((*name).to_owned(), vertex.count(name).into()))
        .collect();
    let mut body = json!({
        "id": vertex.id,
        "name": vertex.name,
        "maxParallelism": 128,
        "parallelism": vertex.parallelism.map_or(-1, i64::from),
        "status": vertex.status(),
        "start-time": or_never(started),
        "end-time": or_never(ended.filter(|_| started.is_some())),
        "duration": started.map_or(-1, |started| ended.unwrap_or(now) - started),
        "tasks": tasks,
        "metrics": io_metrics(vertex.records),
    });
    if picture.release >= Release::WITH_ENDPOINT {
        body["slotSharingGroupId"] = picture.id.chars().rev().collect::<String>().into();
    }
    body
}

/// The counters of a vertex or a subtask.
pub(super) fn io_metrics(records: i64) -> Value {
    json!({
        "read-bytes": 0,
        "read-bytes-complete": true,
        "write-bytes": records * 64,
        "write-bytes-complete": true,
        "read-records": records,
        "read-records-complete": true,
        "write-records": records,
        "write-records-complete": true,
        "accumulated-backpressured-time": 0,
        "accumulated-idle-time": 0,
        "accumulated-busy-time": 0.0,
    })
}

fn plan(picture: &Picture) -> Value {
    let node = |index: usize| {
        let vertex = &picture.vertices[index];
        let mut node = json!({
            "id": vertex.id,
            "parallelism": vertex.parallelism.map_or(-1, i64::from),
            "operator": "",
            "operator_strategy": "",
            "description": format!("{}<br/>", vertex.name),
            "optimizer_properties": {},
        });
        if index > 0 {
            node["inputs"] = json!([{ "num": 0, "id": picture.vertices[index - 1].id, "ship_strategy": "HASH", "exchange": "pipelined_bounded" }]);
        }
        node
    };
    let nodes: Vec<Value> = (0..picture.vertices.len()).rev().map(node).collect();
    json!({ "jid": picture.id, "name": picture.name, "type": kind(picture).0, "nodes": nodes })
}

/// All operators of a batch job, also those that are in no vertex yet.
fn stream_graph(picture: &Picture) -> Value {
    let node = |index: usize| {
        let name = &picture.operators[index].0;
        let mut node = json!({
            "id": index + 1,
            "parallelism": picture.operators[index].1,
            "operator": name,
            "description": name,
            "job_vertex_id": picture.vertices.get(index).map(|vertex| &vertex.id),
        });
        if index > 0 {
            node["inputs"] = json!([{ "num": 0, "id": index, "ship_strategy": "REBALANCE", "exchange": "BATCH" }]);
        }
        node
    };
    let nodes: Vec<Value> = (0..picture.operators.len()).map(node).collect();
    json!({ "nodes": nodes })
}

/// `/jobs/overview`.
pub(super) fn overview(picture: &Picture, now: Millis) -> Value {
    let count = |name: &str| {
        picture
            .vertices
            .iter()
            .map(|vertex| vertex.count(name))
            .sum::<usize>()
    };
    let total: usize = picture
        .vertices
        .iter()
        .map(|vertex| vertex.subtasks.len())
        .sum();
    let names = [
        "running",
        "canceling",
        "canceled",
        "total",
        "created",
        "scheduled",
        "deploying",
        "reconciling",
        "finished",
        "initializing",
        "failed",
    ];
    let tasks: Map<String, Value> = names
        .iter()
        .map(|name| {
            (
                (*name).to_owned(),
                if *name == "total" {
                    total
                } else {
                    count(&name.to_uppercase())
                }
                .into(),
            )
        })
        .collect();
    let mut job = json!({
        "jid": picture.id,
        "name": picture.name,
        "start-time": picture.started,
        "end-time": or_never(picture.ended),
        "duration": picture.ended.unwrap_or(now) - picture.started,
        "state": picture.state.name(),
        "last-modification": picture.last_modified,
        "tasks": tasks,
    });
    if picture.release >= Release::TWO {
        job["pending-operators"] = picture.pending_operators.into();
    }
    if picture.release >= Release::WITH_SCHEDULER {
        (job["jobType"], job["schedulerType"]) =
            (kind(picture).0.into(), scheduler(picture).into());
    }
    json!({ "jobs": [job] })
}

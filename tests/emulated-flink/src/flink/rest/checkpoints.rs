//! `/jobs/:id/checkpoints` and its configuration.

use serde_json::{Map, Value, json};

use crate::flink::Millis;
use crate::flink::checkpoints::{Checkpoint, Outcome};
use crate::flink::job::Job;
use crate::flink::metrics::size_of;
use crate::flink::picture::Picture;

/// Counts, summary, the latest of each kind, and the history: newest first.
pub(super) fn statistics(picture: &Picture) -> Value {
    let statistics = &picture.checkpoints;
    let latest = |checkpoint: &Option<Checkpoint>| {
        checkpoint
            .as_ref()
            .map(|checkpoint| entry(picture, checkpoint, false))
    };
    let restored = statistics.restored.as_ref().map(|restored| {
        json!({ "id": restored.id, "restore_timestamp": restored.at, "is_savepoint": restored.is_savepoint, "external_path": restored.path })
    });
    let history: Vec<Value> = statistics
        .pending
        .iter()
        .chain(&statistics.history)
        .map(|checkpoint| entry(picture, checkpoint, true))
        .collect();
    json!({
        "counts": {
            "restored": statistics.restored_count,
            "total": statistics.total(),
            "in_progress": i64::from(statistics.pending.is_some()),
            "completed": statistics.completed,
            "failed": statistics.failed,
        },
        "summary": summary(picture),
        "latest": {
            "completed": latest(&statistics.latest_completed),
            "savepoint": latest(&statistics.latest_savepoint),
            "failed": latest(&statistics.latest_failed),
            "restored": restored,
        },
        "history": history,
    })
}

fn summary(picture: &Picture) -> Value {
    let any = picture.checkpoints.completed > 0;
    let size = picture.state_bytes;
    let takes = picture.checkpoint_takes.unsigned_abs();
    let fields = [
        ("checkpointed_size", size, any),
        ("state_size", size, any),
        ("end_to_end_duration", takes, any),
        ("alignment_buffered", 0, true),
        ("processed_data", 0, any),
        ("persisted_data", 0, any),
    ];
    let distribution = |value: u64, known: bool| {
        let quantile = if known {
            Value::from(value as f64)
        } else {
            Value::from("NaN")
        };
        let plain = if any { value } else { 0 };
        json!({ "min": plain, "max": plain, "avg": plain, "p50": quantile, "p90": quantile, "p95": quantile, "p99": quantile, "p999": quantile })
    };
    Value::Object(
        fields
            .into_iter()
            .map(|(name, value, known)| (name.to_owned(), distribution(value, known)))
            .collect::<Map<_, _>>(),
    )
}

fn entry(picture: &Picture, checkpoint: &Checkpoint, in_history: bool) -> Value {
    let subtasks: usize = picture
        .vertices
        .iter()
        .map(|vertex| vertex.subtasks.len())
        .sum();
    let (class, acknowledged, bytes, ended): (_, _, _, Option<Millis>) = match checkpoint.outcome {
        Outcome::Pending => ("in_progress", 0, 0, None),
        Outcome::Completed { at } => {
            let bytes = size_of(picture.state_bytes, checkpoint.id);
            ("completed", subtasks, bytes, Some(at))
        }
        Outcome::Failed { at, .. } => ("failed", 0, 0, Some(at)),
    };
    let kind = match (checkpoint.is_savepoint, checkpoint.synchronous) {
        (false, _) => "CHECKPOINT",
        (true, false) => "SAVEPOINT",
        (true, true) => "SYNC_SAVEPOINT",
    };
    let mut body = json!({
        "className": class,
        "id": checkpoint.id,
        "status": class.to_uppercase(),
        "is_savepoint": checkpoint.is_savepoint,
        "savepointFormat": checkpoint.is_savepoint.then_some("CANONICAL"),
        "trigger_timestamp": checkpoint.triggered,
        "latest_ack_timestamp": if class == "completed" { ended.unwrap_or(-1) } else { -1 },
        "checkpointed_size": bytes,
        "state_size": bytes,
        "end_to_end_duration": ended.map_or(-1, |ended| ended - checkpoint.triggered),
        "alignment_buffered": 0,
        "processed_data": 0,
        "persisted_data": 0,
        "num_subtasks": subtasks,
        "num_acknowledged_subtasks": acknowledged,
        "checkpoint_type": kind,
        "tasks": {},
    });
    match checkpoint.outcome {
        Outcome::Pending => {}
        Outcome::Completed { .. } => {
            let newest = picture
                .checkpoints
                .latest_completed
                .as_ref()
                .is_some_and(|latest| latest.id == checkpoint.id);
            body["external_path"] = checkpoint.path.clone().into();
            body["discarded"] = (in_history && !checkpoint.is_savepoint && !newest).into();
        }
        Outcome::Failed { at, message } => {
            body["failure_timestamp"] = at.into();
            body["failure_message"] = message.into();
        }
    }
    body
}

/// `/jobs/:id/checkpoints/config`.
pub(super) fn config(job: &Job) -> Value {
    json!({
        "mode": "exactly_once",
        // Flink shows a disabled interval as its largest number.
        "interval": job.interval.map_or(i64::MAX, crate::flink::restart::millis),
        "timeout": 600_000,
        "min_pause": 5_000,
        "max_concurrent": 1,
        "externalization": { "enabled": true, "delete_on_cancellation": false },
        "unaligned_checkpoints": false,
        "tolerable_failed_checkpoints": 2_147_483_647,
        "aligned_checkpoint_timeout": 0,
        "checkpoints_after_tasks_finish": true,
        "state_backend": "EmbeddedRocksDBStateBackend",
        "checkpoint_storage": "FileSystemCheckpointStorage",
        "state_changelog_enabled": false,
        "changelog_periodic_materialization_interval": 600_000,
        "changelog_storage": "memory",
    })
}

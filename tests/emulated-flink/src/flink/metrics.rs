//! Metrics of a job: Flink's own, by the REST API, and what CloudWatch gets of them.
//!
//! The gauges are those of Flink's code, 1.18 to 2.3 alike: `uptime` runs while the *job* is RUNNING, whatever its tasks do, and begins anew with every restart. `downtime` is no
//! time of RESTARTING but of FAILING: in a restart loop it stays 0. The times by state are of the present state only.

use super::Millis;
use super::checkpoints::{Checkpoint, Outcome};
use super::picture::{JobState, Picture};
use super::release::Release;

/// What a gauge says of something that has not been.
const NONE: i64 = -1;

/// Flink's job metrics in this picture: names and values as text, as the REST API gives them.
pub(super) fn of_job(picture: &Picture) -> Vec<(&'static str, String)> {
    if picture.state.is_terminal() {
        return Vec::new();
    }
    let statistics = &picture.checkpoints;
    let restored = statistics.restored.as_ref();
    let others = [
        ("totalNumberOfCheckpoints", statistics.total()),
        ("numberOfCompletedCheckpoints", statistics.completed),
        (
            "numberOfInProgressCheckpoints",
            i64::from(statistics.pending.is_some()),
        ),
        (
            "lastCheckpointRestoreTimestamp",
            restored.map_or(NONE, |restored| restored.at),
        ),
        ("numRestarts", restarts(picture)),
    ];
    let of_release = if is_two(picture) {
        let rescales = i64::try_from(picture.rescales).unwrap_or(i64::MAX);
        ("numRescales", rescales)
    } else {
        ("fullRestarts", restarts(picture))
    };
    states(picture)
        .into_iter()
        .chain(checkpoints(picture))
        .chain(others)
        .chain([of_release])
        .map(|(name, value)| (name, value.to_string()))
        .collect()
}

/// What is there for CloudWatch, by the names of namespace AWS/KinesisAnalytics: up to Flink 1.20 `fullRestarts`, from 2.2 `numRestarts` and the times by state. Of a job that has
/// ended, what its gauges say after the end.
pub(super) fn for_cloudwatch(picture: &Picture) -> Vec<(&'static str, f64)> {
    let counter = if is_two(picture) {
        "numRestarts"
    } else {
        "fullRestarts"
    };
    let sent = |(name, _): &(&str, i64)| is_two(picture) || matches!(*name, "uptime" | "downtime");
    states(picture)
        .into_iter()
        .filter(sent)
        .chain(checkpoints(picture))
        .chain([(counter, restarts(picture))])
        .chain(records(picture))
        .map(|(name, value)| (name, value as f64))
        .collect()
}

fn is_two(picture: &Picture) -> bool {
    picture.release >= Release::TWO
}

fn restarts(picture: &Picture) -> i64 {
    i64::try_from(picture.restarts).unwrap_or(i64::MAX)
}

/// The times by the job's state.
fn states(picture: &Picture) -> [(&'static str, i64); 6] {
    let stamp = |state: &str| picture.timestamps.get(state).copied();
    let since = |at: Option<Millis>| at.map_or(0, |at| picture.at - at);
    let in_state = |state: JobState| {
        if picture.state == state {
            since(stamp(state.name()))
        } else {
            0
        }
    };
    let running = in_state(JobState::Running);
    let ended = picture.state.is_terminal();
    let failing = stamp("FAILING").filter(|failing| Some(*failing) > stamp("RUNNING"));
    [
        ("uptime", if ended { NONE } else { running }),
        ("downtime", if ended { NONE } else { since(failing) }),
        ("runningTime", running),
        ("restartingTime", in_state(JobState::Restarting)),
        ("failingTime", in_state(JobState::Failing)),
        // A job that is cancelled goes with its cluster: nobody samples it.
        ("cancellingTime", 0),
    ]
}

fn checkpoints(picture: &Picture) -> [(&'static str, i64); 3] {
    let statistics = &picture.checkpoints;
    let latest = [&statistics.latest_completed, &statistics.latest_savepoint]
        .into_iter()
        .flatten()
        .max_by_key(|checkpoint| checkpoint.id);
    let took = |checkpoint: &Checkpoint| match checkpoint.outcome {
        Outcome::Completed { at } => at - checkpoint.triggered,
        _ => NONE,
    };
    let size = |checkpoint: &Checkpoint| {
        i64::try_from(size_of(picture.state_bytes, checkpoint.id)).unwrap_or(i64::MAX)
    };
    [
        ("lastCheckpointDuration", latest.map_or(NONE, took)),
        ("lastCheckpointSize", latest.map_or(NONE, size)),
        ("numberOfFailedCheckpoints", statistics.failed),
    ]
}

/// Summed over the tasks of all vertices since the present attempt began: sources take no record in, sinks give none out.
fn records(picture: &Picture) -> [(&'static str, i64); 2] {
    let vertices = i64::try_from(picture.vertices.len()).unwrap_or(0);
    let passed = picture.read * (vertices - 1).max(1);
    [("numRecordsIn", passed), ("numRecordsOut", passed)]
}

/// The size of a checkpoint: no two in a row are alike, as state that is written to never is.
pub(crate) fn size_of(bytes: u64, checkpoint: i64) -> u64 {
    let step = bytes / 4_096;
    bytes + step * (checkpoint.unsigned_abs() % 7)
}

/// How old the values behind `/metrics` may be (`metrics.fetcher.update-interval`).
pub(super) const FETCH_MS: Millis = 10_000;

//! Metrics of a job: Flink's own, by the REST API, and what CloudWatch gets of them each minute.

use super::Millis;
use super::picture::{JobState, Picture};
use super::release::Release;

/// Flink's job metrics in this picture: names and values as text, as the REST API gives them.
pub(super) fn of_job(picture: &Picture) -> Vec<(&'static str, String)> {
    if picture.state.is_terminal() {
        return Vec::new();
    }
    let statistics = &picture.checkpoints;
    let uptime = picture.running_since.map_or(0, |since| picture.at - since);
    let restarting = picture.state == JobState::Restarting;
    let downtime = if restarting {
        picture
            .timestamps
            .get("RESTARTING")
            .map_or(0, |since| picture.at - since)
    } else {
        0
    };
    let completed = statistics.latest_completed.is_some();
    let mut metrics = vec![
        ("numRestarts", picture.restarts.to_string()),
        ("uptime", uptime.to_string()),
        ("downtime", downtime.to_string()),
        ("restartingTime", picture.restarting_ms.to_string()),
        ("runningTime", uptime.to_string()),
        ("failingTime", "0".to_owned()),
        ("cancellingTime", "0".to_owned()),
        ("totalNumberOfCheckpoints", statistics.total().to_string()),
        (
            "numberOfCompletedCheckpoints",
            statistics.completed.to_string(),
        ),
        ("numberOfFailedCheckpoints", statistics.failed.to_string()),
        (
            "numberOfInProgressCheckpoints",
            i64::from(statistics.pending.is_some()).to_string(),
        ),
        (
            "lastCheckpointDuration",
            if completed {
                picture.checkpoint_takes
            } else {
                -1
            }
            .to_string(),
        ),
        (
            "lastCheckpointSize",
            if completed {
                picture.state_bytes.to_string()
            } else {
                "-1".to_owned()
            },
        ),
        (
            "lastCheckpointRestoreTimestamp",
            statistics
                .restored
                .as_ref()
                .map_or(-1, |restored| restored.at)
                .to_string(),
        ),
    ];
    if picture.release >= Release::TWO {
        metrics.push(("numRescales", picture.rescales.to_string()));
    } else {
        metrics.push(("fullRestarts", picture.restarts.to_string()));
    }
    metrics
}

/// What CloudWatch gets, by the names of namespace AWS/KinesisAnalytics: up to Flink 1.20 `fullRestarts`, `uptime` and `downtime`, from 2.2 `numRestarts` and the
/// times by state.
pub(super) fn for_cloudwatch(picture: &Picture) -> Vec<(String, f64)> {
    let names: &[&str] = if picture.release >= Release::TWO {
        &[
            "numRestarts",
            "runningTime",
            "restartingTime",
            "failingTime",
            "cancellingTime",
        ]
    } else {
        &["fullRestarts", "uptime", "downtime"]
    };
    let checkpoints = [
        "lastCheckpointDuration",
        "lastCheckpointSize",
        "numberOfFailedCheckpoints",
    ];
    let all = of_job(picture);
    let number = |name: &&str| {
        all.iter()
            .find(|(known, _)| known == name)
            .map(|(known, value)| ((*known).to_owned(), value.parse::<f64>().unwrap_or(0.0)))
    };
    names
        .iter()
        .chain(&checkpoints)
        .filter_map(number)
        .filter(|(name, value)| *value >= 0.0 || !name.starts_with("lastCheckpoint"))
        .collect()
}

/// How old the values behind `/metrics` may be (`metrics.fetcher.update-interval`).
pub(super) const FETCH_MS: Millis = 10_000;

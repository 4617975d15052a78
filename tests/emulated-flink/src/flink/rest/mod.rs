//! The Flink REST API over a job, in the shapes of each release that was recorded, with the caches that make it misleading.
//!
//! `/jobs/:id`, its exceptions, checkpoints and vertices show the job as it was when their cache was filled, up to three seconds ago (`web.refresh-interval`); only
//! `now` and running durations are of the moment. Metrics are up to ten seconds old. `/jobs`, `/jobs/overview` and `/jobs/:id/status` are live.

mod checkpoints;
mod exceptions;
mod job;
mod vertex;

use serde_json::{Value, json};

use super::Millis;
use super::data_plane::RestAnswer;
use super::job::{CACHE_MS, Job, Phase};
use super::metrics::{FETCH_MS, of_job};
use super::picture::{JobState, Picture};
use super::records::Ledger;
use super::release::Release;
use super::simulated::Cluster;

/// What the REST server keeps.
#[derive(Default)]
pub(super) struct Cache {
    graph: Option<(Millis, Picture)>,
    checkpoints: Option<(Millis, Picture)>,
    metrics: Option<(Millis, Picture)>,
}

impl Cache {
    /// Whether `/jobs/:id` shows a job that is INITIALIZING: until its cache is filled anew, checkpoints cannot be asked for either.
    fn shows_initializing(&self, job: &Job, ledger: &Ledger, now: Millis) -> bool {
        let kept = self
            .graph
            .as_ref()
            .filter(|(filled, _)| now - filled < CACHE_MS);
        match kept {
            Some((_, picture)) => picture.state == JobState::Initializing,
            None => job.picture(now, ledger).state == JobState::Initializing,
        }
    }
}

/// What `/checkpoints` answers, 500, while a JobManager brings the job up.
const UNAVAILABLE: &str = "org.apache.flink.runtime.dispatcher.UnavailableDispatcherOperationException: Unable to get JobMasterGateway for initializing job. \
     The requested operation is not available while the JobManager is initializing.";

/// The picture in a slot of the cache, taken anew when it is older than `lives`.
fn cached<'a>(
    slot: &'a mut Option<(Millis, Picture)>,
    lives: Millis,
    job: &Job,
    ledger: &Ledger,
    now: Millis,
) -> &'a Picture {
    let not_before = match slot {
        Some((_, picture)) => picture.at,
        None => Millis::MIN,
    };
    if slot
        .as_ref()
        .is_none_or(|(filled, _)| now - filled >= lives)
    {
        *slot = Some((now, job.look(now, not_before, ledger)));
    }
    &slot.as_ref().expect("it was just filled").1
}

/// Answers GET `path?query` at `now`; the job has been advanced to `now`.
pub(super) fn answer(cluster: &mut Cluster, path: &str, query: &str, now: Millis) -> RestAnswer {
    let Some(job) = &cluster.job else {
        return RestAnswer::error(
            503,
            "Service temporarily unavailable due to an ongoing leader election. Please refresh.",
        );
    };
    if matches!(job.phase, Phase::Leaderless { .. }) {
        cluster.cache = Cache::default();
        return RestAnswer::error(
            503,
            "Service temporarily unavailable due to an ongoing leader election. Please refresh.",
        );
    }
    let (ledger, cache) = (&cluster.ledger, &mut cluster.cache);
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    if let ["jobs", id, ..] = parts.as_slice()
        && *id != "overview"
        && *id != job.id
    {
        return RestAnswer::error(
            404,
            &format!("org.apache.flink.runtime.rest.NotFoundException: Job {id} not found"),
        );
    }
    let live = || job.picture(now, ledger);
    let body = match parts.as_slice() {
        ["overview"] => overview(&live()),
        ["config"] => config(job.release),
        ["jobs"] => json!({ "jobs": [{ "id": job.id, "status": job.state(now).name() }] }),
        ["jobs", "overview"] => job::overview(&live(), now),
        ["jobs", _] => job::details(cached(&mut cache.graph, CACHE_MS, job, ledger, now), now),
        ["jobs", _, "status"] => json!({ "status": job.state(now).name() }),
        ["jobs", _, "exceptions"] => {
            exceptions::history(cached(&mut cache.graph, CACHE_MS, job, ledger, now), query)
        }
        ["jobs", _, "checkpoints", ..] if job.code.is_batch() => {
            return RestAnswer::error(
                404,
                "org.apache.flink.runtime.rest.handler.RestHandlerException: Checkpointing has not been enabled.",
            );
        }
        ["jobs", _, "checkpoints"] if cache.shows_initializing(job, ledger, now) => {
            return RestAnswer::error(500, UNAVAILABLE);
        }
        ["jobs", _, "checkpoints"] => {
            checkpoints::statistics(cached(&mut cache.checkpoints, CACHE_MS, job, ledger, now))
        }
        ["jobs", _, "checkpoints", "config"] => checkpoints::config(job),
        ["jobs", _, "metrics"] if now < job.metrics_from => json!([]),
        ["jobs", _, "metrics"] => metrics(
            cached(&mut cache.metrics, FETCH_MS, job, ledger, now),
            query,
        ),
        ["jobs", _, "vertices", vertex] => match vertex::details(
            cached(&mut cache.graph, CACHE_MS, job, ledger, now),
            vertex,
            now,
        ) {
            Some(body) => body,
            None => {
                return RestAnswer::error(
                    404,
                    &format!(
                        "org.apache.flink.runtime.rest.NotFoundException: Could not find job vertex {vertex}"
                    ),
                );
            }
        },
        _ => return RestAnswer::error(404, &format!("Not found: {path}")),
    };
    RestAnswer::ok(body)
}

fn overview(picture: &Picture) -> Value {
    let slots: usize = picture
        .vertices
        .iter()
        .map(|vertex| vertex.subtasks.len())
        .max()
        .unwrap_or(1);
    let count = |state: bool| u8::from(state);
    let state = picture.state.name();
    let (flink, commit) = picture.release.version();
    json!({
        "taskmanagers": 1,
        "slots-total": slots,
        "slots-available": if picture.all_running() { 0 } else { slots },
        "jobs-running": count(!picture.state.is_terminal()),
        "jobs-finished": count(state == "FINISHED"),
        "jobs-cancelled": count(state == "CANCELED"),
        "jobs-failed": count(state == "FAILED"),
        "flink-version": flink,
        "flink-commit": commit,
    })
}

fn config(release: Release) -> Value {
    let (flink, commit) = release.version();
    json!({
        "refresh-interval": CACHE_MS,
        "timezone-name": "Coordinated Universal Time",
        "timezone-offset": 0,
        "flink-version": flink,
        "flink-revision": format!("{commit} @ 2025-01-01T00:00:00Z"),
        "features": { "web-submit": false, "web-cancel": false, "web-rescale": false, "web-history": false },
    })
}

/// With `get`, the values of the metrics named there that exist; without, all names.
fn metrics(picture: &Picture, query: &str) -> Value {
    let all = of_job(picture);
    let wanted = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("get="))
        .map(|names| names.replace("%2C", ",").replace("%2c", ","));
    match wanted {
        None => all.iter().map(|(name, _)| json!({ "id": name })).collect(),
        Some(wanted) => wanted
            .split(',')
            .filter_map(|name| all.iter().find(|(known, _)| *known == name))
            .map(|(name, value)| json!({ "id": name, "value": value }))
            .collect(),
    }
}

/// What Flink's views hold for a moment that has not come.
fn or_never(moment: Option<Millis>) -> Millis {
    moment.unwrap_or(-1)
}

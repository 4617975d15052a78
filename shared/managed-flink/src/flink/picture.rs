//! From parsed answers to [`lifecycle::Job`].
//!
//! Inputs: the JSON of one moment, as far as it was read. Deliberately absent: any judgement. A `-1`, a `0` or `null` for a time means none.

use jiff::Timestamp;
use lifecycle::retention::JobNow;
use lifecycle::{
    Checkpoints, Fault, Faults, INCIDENT_SECS, Job, JobState, Part, Property, Restored, TEXT_KEPT,
    Unreadable, VERTICES_KEPT, Vertex, redact,
};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answers::{
    Checkpoint, CheckpointStatistics, ExceptionEntry, Exceptions, JobDetails, JobVertex, Metric,
    Overview, VertexDetails,
};

/// Characters kept of a vertex's or a task's name: chained operators write whole paragraphs.
const NAME_KEPT: usize = 120;
/// Characters kept of an exception's outermost line where it has a cause.
const WRAPPER_KEPT: usize = 200;

/// The answers of one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Captured {
    /// `/jobs/overview`.
    pub overview: Option<Value>,
    /// `/jobs/:id`.
    pub job: Option<Value>,
    /// `/jobs/:id/exceptions`.
    pub exceptions: Option<Value>,
    /// `/jobs/:id/checkpoints`.
    pub checkpoints: Option<Value>,
    /// Whether `/jobs/:id/checkpoints` answered 404: the job has no checkpointing (a batch job never has).
    pub is_without_checkpointing: bool,
    /// `/jobs/:id/metrics?get=numRestarts,fullRestarts`; other metrics do no harm.
    pub metrics: Option<Value>,
    /// `/jobs/:id/vertices/:vid`, of any number of vertices.
    pub vertices: Vec<Value>,
}

/// An answer that is not what the API documents.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer about {what:?} cannot be read: {why}")]
pub struct Unread {
    /// The part.
    pub what: Part,
    /// What is wrong, without the answer itself.
    pub why: String,
}

/// The job as far as it could be read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// The job; None when there is none, or its answer could not be read.
    pub job: Option<Job>,
    /// What could not be read.
    pub unreadable: Vec<Unreadable>,
}

/// The job of one moment, strictly: every answer that is given must be readable. None when Flink knows no job.
///
/// # Errors
/// When an answer cannot be read, or there is a job in the overview whose own answer is missing.
pub fn job(captured: &Captured, secrets: &[Property]) -> Result<Option<Job>, Unread> {
    let picture = picture(captured, secrets);
    match picture.unreadable.into_iter().next() {
        Some(Unreadable { what, why, .. }) => Err(Unread { what, why }),
        None => Ok(picture.job),
    }
}

/// The job of one moment, as far as the answers can be read. What is not given at all is left empty.
#[must_use]
pub fn picture(captured: &Captured, secrets: &[Property]) -> Picture {
    let mut unreadable = Vec::new();
    let Some(details) = details(captured, &mut unreadable) else {
        return Picture {
            job: None,
            unreadable,
        };
    };
    let exceptions: Exceptions = given(
        captured.exceptions.as_ref(),
        Part::Exceptions,
        &mut unreadable,
    )
    .unwrap_or_default();
    let checkpoints: Option<CheckpointStatistics> = given(
        captured.checkpoints.as_ref(),
        Part::Checkpoints,
        &mut unreadable,
    );
    let metrics: Vec<Metric> =
        given(captured.metrics.as_ref(), Part::Metrics, &mut unreadable).unwrap_or_default();
    // Attempts only add to the other signals: an unreadable vertex takes nothing away.
    let subtasks = captured
        .vertices
        .iter()
        .filter_map(|vertex| parse::<VertexDetails>(vertex).ok())
        .flat_map(|vertex| vertex.subtasks);
    let attempts = subtasks
        .map(|subtask| subtask.attempt)
        .chain(attempts_that_failed(&exceptions.exception_history.entries));
    let started_at = time(details.start_time).unwrap_or(Timestamp::UNIX_EPOCH);
    let mut job = Job {
        id: details.jid.clone(),
        state: live_state(captured.overview.as_ref(), &details),
        at: time(details.now)
            .or_else(|| time(details.start_time.saturating_add(details.duration)))
            .unwrap_or(started_at),
        started_at,
        running_at: since(&details, "RUNNING"),
        restarting_at: since(&details, "RESTARTING"),
        max_attempt: attempts.max().unwrap_or(0),
        vertices: vertices(details.vertices, secrets),
        restarts_metric: restarts(&metrics),
        faults: faults(exceptions, secrets),
        checkpoints: None,
    };
    // The time that tells a checkpoint after the last restart from one before it needs everything else first.
    let disturbed_at = job.disturbed_at();
    job.checkpoints = checkpoints
        .map(|statistics| summed_up(statistics, disturbed_at, secrets))
        .or_else(|| {
            captured.is_without_checkpointing.then(|| Checkpoints {
                is_off: true,
                ..Checkpoints::default()
            })
        });
    Picture {
        job: Some(job),
        unreadable,
    }
}

/// The id of the job that was started last. An application has one job, but a failed or finished one of before stays listed.
///
/// # Errors
/// When the answer is not an overview.
pub fn newest_job(overview: &Value) -> Result<Option<String>, Unread> {
    let overview: Overview = parse(overview).map_err(|why| Unread {
        what: Part::Job,
        why,
    })?;
    Ok(overview
        .jobs
        .into_iter()
        .max_by_key(|job| job.start_time)
        .map(|job| job.jid))
}

/// The job that started last, as the overview shows it.
///
/// # Errors
/// When the answer cannot be read.
pub fn newest_job_now(overview: &Value) -> Result<Option<JobNow>, Unread> {
    let unread = |why| Unread {
        what: Part::Job,
        why,
    };
    let overview: Overview = parse(overview).map_err(unread)?;
    let Some(job) = overview.jobs.into_iter().max_by_key(|job| job.start_time) else {
        return Ok(None);
    };
    let started_at =
        time(job.start_time).ok_or_else(|| unread("the job's start is no time".to_owned()))?;
    Ok(Some(JobNow {
        id: job.jid,
        state: JobState::from(job.state.as_str()),
        started_at,
    }))
}

/// The ids of a job's vertices; empty when the answer cannot be read, which [`picture`] then says.
#[must_use]
pub fn vertex_ids(job: &Value) -> Vec<String> {
    parse::<JobDetails>(job)
        .map(|job| job.vertices.into_iter().map(|vertex| vertex.id).collect())
        .unwrap_or_default()
}

fn details(captured: &Captured, unreadable: &mut Vec<Unreadable>) -> Option<JobDetails> {
    if captured.job.is_some() {
        return given(captured.job.as_ref(), Part::Job, unreadable);
    }
    let known = captured.overview.as_ref().map(newest_job).transpose();
    let why = match known {
        Ok(Some(None)) => return None,
        Ok(Some(Some(id))) => format!("there is a job {id}, but its own answer is missing"),
        Ok(None) => "neither an overview nor a job is given".to_owned(),
        Err(error) => error.why,
    };
    unreadable.push(Unreadable {
        what: Part::Job,
        why,
        refusal: None,
    });
    None
}

/// The overview is nearly live, the job's own answer up to 3 s old: a job that was cancelled a second ago still says RUNNING there. A restart seen in either counts.
fn live_state(overview: Option<&Value>, details: &JobDetails) -> JobState {
    let cached = JobState::from(details.state.as_str());
    let overview = overview.and_then(|overview| parse::<Overview>(overview).ok());
    let listed =
        overview.and_then(|overview| overview.jobs.into_iter().find(|job| job.jid == details.jid));
    match listed.map(|job| JobState::from(job.state.as_str())) {
        Some(JobState::Running) if matches!(cached, JobState::Restarting | JobState::Failing) => {
            cached
        }
        Some(JobState::Other(text)) if text.is_empty() => cached,
        Some(live) => live,
        None => cached,
    }
}

fn given<T: DeserializeOwned>(
    answer: Option<&Value>,
    what: Part,
    unreadable: &mut Vec<Unreadable>,
) -> Option<T> {
    match parse(answer?) {
        Ok(read) => Some(read),
        Err(why) => {
            unreadable.push(Unreadable {
                what,
                why,
                refusal: None,
            });
            None
        }
    }
}

/// Reads an answer. The error does not quote it: serde would show values, and these may be anybody's.
fn parse<T: DeserializeOwned>(answer: &Value) -> Result<T, String> {
    T::deserialize(answer).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => "the answer has not the documented shape".to_owned(),
        _ => "the answer is no JSON".to_owned(),
    })
}

fn time(millis: i64) -> Option<Timestamp> {
    (millis > 0)
        .then(|| Timestamp::from_millisecond(millis).ok())
        .flatten()
}

fn since(details: &JobDetails, state: &str) -> Option<Timestamp> {
    details.timestamps.get(state).copied().and_then(time)
}

fn vertices(from: Vec<JobVertex>, secrets: &[Property]) -> Vec<Vertex> {
    let mut kept: Vec<Vertex> = from
        .into_iter()
        .map(|vertex| Vertex {
            name: redact(&vertex.name, secrets, NAME_KEPT),
            parallelism: vertex.parallelism,
            tasks: vertex
                .tasks
                .into_iter()
                .filter(|(_, count)| *count > 0)
                .collect(),
        })
        .collect();
    if kept.len() > VERTICES_KEPT {
        // Those that are not up come first: cut off, they would make the job look all running.
        kept.sort_by_key(Vertex::is_up);
        kept.truncate(VERTICES_KEPT);
    }
    kept
}

/// Both counters are up to 10 s old and neither ever runs ahead: the higher one knows more.
fn restarts(metrics: &[Metric]) -> Option<u64> {
    metrics
        .iter()
        .filter(|metric| matches!(metric.id.as_str(), "numRestarts" | "fullRestarts"))
        .filter_map(|metric| metric.value.parse().ok())
        .max()
}

/// The attempts named by `throttle (1/1) - execution #3`: the one that failed was attempt 3.
fn attempts_that_failed(entries: &[ExceptionEntry]) -> impl Iterator<Item = u32> {
    let all = entries
        .iter()
        .flat_map(|entry| std::iter::once(entry).chain(&entry.concurrent_exceptions));
    all.filter_map(|entry| {
        entry
            .task_name
            .as_deref()?
            .rsplit_once("execution #")?
            .1
            .trim()
            .parse()
            .ok()
    })
}

fn faults(exceptions: Exceptions, secrets: &[Property]) -> Faults {
    let mut entries: Vec<(Timestamp, ExceptionEntry)> = exceptions
        .exception_history
        .entries
        .into_iter()
        .filter_map(|entry| Some((time(entry.timestamp)?, entry)))
        .collect();
    entries.sort_by_key(|(at, _)| *at);
    let incidents = incidents(entries.iter().map(|(at, _)| *at));
    let repeats = repeats(&incidents, &entries, secrets);
    let gaps = entries
        .windows(2)
        .map(|pair| pair[1].0.as_millisecond() - pair[0].0.as_millisecond());
    Faults {
        known: u32::try_from(entries.len()).unwrap_or(u32::MAX),
        truncated: exceptions.exception_history.truncated,
        shortest_gap_millis: gaps.filter(|gap| *gap > 0).min(),
        newest_at: entries.last().map(|(at, _)| *at),
        incidents,
        repeats,
        newest: entries
            .last()
            .filter(|_| entries.len() > 1)
            .map(|(at, entry)| fault(*at, entry, secrets)),
        first: entries
            .into_iter()
            .next()
            .map(|(at, entry)| fault(at, &entry, secrets)),
    }
}

/// The incidents in which the newest fault was seen; the entries are ascending.
fn repeats(
    incidents: &[Timestamp],
    entries: &[(Timestamp, ExceptionEntry)],
    secrets: &[Property],
) -> Vec<Timestamp> {
    let Some((at, newest)) = entries.last() else {
        return Vec::new();
    };
    let newest = fault(*at, newest, secrets);
    let mut repeats: Vec<Timestamp> = entries
        .iter()
        .filter(|(at, entry)| fault(*at, entry, secrets).is_like(&newest))
        .filter_map(|(at, _)| incidents.iter().rev().find(|began| *began <= at).copied())
        .collect();
    repeats.dedup();
    repeats
}

/// The first fault of each incident; the times are ascending.
fn incidents(times: impl Iterator<Item = Timestamp>) -> Vec<Timestamp> {
    let mut begun: Vec<Timestamp> = Vec::new();
    for at in times {
        let is_new = begun.last().is_none_or(|first| {
            at.as_millisecond() - first.as_millisecond() > INCIDENT_SECS * 1_000
        });
        if is_new {
            begun.push(at);
        }
    }
    begun
}

fn fault(at: Timestamp, entry: &ExceptionEntry, secrets: &[Property]) -> Fault {
    let trace = entry.stacktrace.as_deref().unwrap_or_default();
    let outermost = trace.lines().next().unwrap_or_default().trim();
    // The outermost line is often a wrapper ("Error while getting state", "Recovery is suppressed by …"); the last cause says why.
    let cause = trace
        .lines()
        .rev()
        .find_map(|line| line.trim().strip_prefix("Caused by: "))
        .filter(|cause| !outermost.contains(cause));
    let message = match cause {
        // Each has its share, so that a long wrapper does not cut the cause off.
        Some(cause) => format!(
            "{}; caused by: {}",
            redact(outermost, secrets, WRAPPER_KEPT),
            redact(cause, secrets, TEXT_KEPT - WRAPPER_KEPT)
        ),
        None => redact(outermost, secrets, TEXT_KEPT),
    };
    Fault {
        exception: redact(
            entry.exception_name.as_deref().unwrap_or("unknown"),
            secrets,
            TEXT_KEPT,
        ),
        message,
        task: entry
            .task_name
            .as_deref()
            .map(|task| redact(task, secrets, NAME_KEPT)),
        at,
    }
}

fn summed_up(
    statistics: CheckpointStatistics,
    disturbed_at: Timestamp,
    secrets: &[Property],
) -> Checkpoints {
    let completed = [&statistics.latest.completed, &statistics.latest.savepoint];
    let synchronous = |one: &&Checkpoint| {
        one.status == "COMPLETED" && one.checkpoint_type.as_deref() == Some("SYNC_SAVEPOINT")
    };
    let triggered = statistics
        .history
        .iter()
        .filter(|one| one.status == "COMPLETED")
        .filter_map(|one| one.trigger_timestamp.and_then(time));
    Checkpoints {
        is_off: false,
        completed: u64::try_from(statistics.counts.completed).unwrap_or(0),
        failed: u64::try_from(statistics.counts.failed).unwrap_or(0),
        latest_completed_at: completed
            .into_iter()
            .flatten()
            .filter_map(|one| one.latest_ack_timestamp.and_then(time))
            .max(),
        stopped_with_savepoint: statistics
            .latest
            .savepoint
            .as_ref()
            .filter(synchronous)
            .is_some(),
        oldest_completed_triggered_at: triggered.filter(|at| *at >= disturbed_at).min(),
        latest_restored: statistics.latest.restored.and_then(|restored| {
            Some(Restored {
                id: restored.id,
                at: restored.restore_timestamp.and_then(time)?,
                is_savepoint: restored.is_savepoint,
                path: restored
                    .external_path
                    .map(|path| redact(&path, secrets, TEXT_KEPT)),
            })
        }),
    }
}

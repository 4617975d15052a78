//! What an execution carries from look to look, and the rule by which looks become an assessment.
//!
//! The rule was measured on real clusters: a looping job shows all subtasks RUNNING in most looks, so health is a soak: every
//! subtask up, the sticky signals unchanged, a checkpoint completed. Two looks suffice, one at each end; one look suffices when the checkpoint history proves the other end.

mod at_rest;
mod episode;

pub use at_rest::assess_at_rest;
use at_rest::assess_ready;
pub(crate) use at_rest::{down_and_changed, down_and_changed_since};
pub use episode::Episode;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Fault, Job, JobState, Observation, OperationStatus, Part, assessment::Assessment};

/// Incidents from which on a job counts as looping: maintenance, a lost TaskManager and a blip of all regions are one.
const LOOPING_INCIDENTS: u32 = 2;
/// Between two faults of a loop a job waits that long, at most, by Flink's default back-off: quiet for a soak and this, it had come up.
const BACK_OFF_SECS: i64 = 60;

/// Carried from look to look. Empty before the first.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Watch {
    /// Looks so far.
    pub looks: u32,
    /// The job run being watched.
    pub job: Option<JobWatch>,
    /// The first fault of the trouble, as far as any look has seen: Flink drops the oldest after 16.
    pub first_fault: Option<Fault>,
    /// Looks in a row that could not tell.
    pub blind_looks: u32,
    /// Since when the application has been in its present status.
    pub status: Option<StatusWatch>,
    /// How the application ran, from CloudWatch's minutes.
    #[serde(default)]
    pub history: crate::History,
    /// The present trouble, by what looks saw of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub episode: Option<Episode>,
    /// Whether the last look read every fault of this run of the job: Flink forgets the oldest, and now and then it cannot be asked.
    #[serde(default)]
    pub knows_all_faults: bool,
}

/// The status and since when.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusWatch {
    /// Status.
    pub status: crate::ApplicationStatus,
    /// First look that showed it.
    pub since: Timestamp,
}

/// One run of one job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobWatch {
    /// Job id.
    pub id: String,
    /// When the run started: a JobManager failover starts a new run under the same id.
    pub started_at: Timestamp,
    /// First look at this run.
    pub first_seen_at: Timestamp,
    /// Since when every subtask has been up with nothing disturbing the job; the soak starts here.
    pub up_since: Option<Timestamp>,
    /// Restarts known at the last look: a rise without a time stamp (metric, attempt) disturbs too.
    pub restarts: u64,
    /// The last look that showed trouble, with or without a time stamp. What the checkpoint history proves of the time before it does not count.
    #[serde(default)]
    pub trouble_at: Option<Timestamp>,
    /// Whether a look at this run found it looping: it stays so until it has been quiet for a soak, whatever a single picture shows.
    #[serde(default)]
    pub looped: bool,
}

impl Watch {
    /// Takes a look in. `soak_secs` is W + 3: the failure delay to be excluded plus the REST API's cache.
    #[must_use]
    pub fn after(&self, seen: &Observation, soak_secs: u32) -> (Self, Assessment) {
        let mut watch = self.clone();
        watch.looks = watch.looks.saturating_add(1);
        let status = &seen.application.status;
        if watch
            .status
            .as_ref()
            .is_none_or(|known| known.status != *status)
        {
            watch.status = Some(StatusWatch {
                status: status.clone(),
                since: seen.at,
            });
        }
        watch.keep_first_fault(seen.job.as_ref());
        let assessment = watch.assess(seen, soak_secs);
        watch.blind_looks = if matches!(assessment, Assessment::Unknown { .. }) {
            self.blind_looks.saturating_add(1)
        } else {
            0
        };
        (watch, assessment)
    }

    fn assess(&mut self, seen: &Observation, soak_secs: u32) -> Assessment {
        use crate::ApplicationStatus as Status;
        match &seen.application.status {
            Status::Ready => {
                self.job = None;
                assess_ready(seen)
            }
            Status::Running | Status::RolledBack => {
                match (&seen.job, seen.why_unreadable(Part::Job)) {
                    (Some(job), _) => {
                        self.take_incidents(
                            job,
                            seen.why_unreadable(Part::Exceptions).is_none(),
                            soak_secs,
                            seen.application.checkpoint_interval_secs,
                        );
                        self.assess_run(
                            job,
                            seen.application.checkpointing_enabled.unwrap_or(true),
                            soak_secs,
                        )
                    }
                    (None, Some(why)) => Assessment::Unknown {
                        why: format!("the job could not be read: {why}"),
                    },
                    (None, None) => Assessment::Settling {
                        why: "the application is RUNNING, but Flink knows no job yet".into(),
                    },
                }
            }
            busy => Assessment::Busy {
                status: busy.clone(),
                since: self.busy_since(seen),
            },
        }
    }

    /// Since when somebody has been at work: the operation's start where it is known, else the first look that showed the status. (Two looks may show the same status of two
    /// operations: the second has its own time-out.)
    fn busy_since(&self, seen: &Observation) -> Timestamp {
        let first_look = self.status.as_ref().map_or(seen.at, |status| status.since);
        let operation = seen
            .operations
            .iter()
            .find(|operation| operation.status == OperationStatus::InProgress);
        operation.map_or(first_look, |operation| operation.started_at)
    }

    /// Judges a job by this look and those before.
    pub fn assess_job(&mut self, job: &Job, checkpointing: bool, soak_secs: u32) -> Assessment {
        self.keep_first_fault(Some(job));
        self.take_incidents(job, true, soak_secs, None);
        self.assess_run(job, checkpointing, soak_secs)
    }

    fn assess_run(&mut self, job: &Job, checkpointing: bool, soak_secs: u32) -> Assessment {
        let restarts = job.restarts();
        let same_run = self
            .job
            .as_ref()
            .filter(|known| known.id == job.id && known.started_at == job.started_at);
        let mut run = same_run.cloned().unwrap_or_else(|| JobWatch {
            id: job.id.clone(),
            started_at: job.started_at,
            first_seen_at: job.at,
            up_since: None,
            restarts,
            trouble_at: None,
            looped: false,
        });
        let disturbed =
            restarts > run.restarts || run.up_since.is_some_and(|since| job.disturbed_at() > since);
        if disturbed || !job.is_all_running() {
            run.up_since = None;
            run.trouble_at = run.trouble_at.max(Some(job.at));
        }
        if job.is_all_running() {
            let proven = job
                .checkpoints
                .as_ref()
                .and_then(|checkpoints| checkpoints.oldest_completed_triggered_at);
            // What the history proves counts only after the last disturbance; a rise seen between looks has no time stamp, so then nothing before that look counts.
            let proven = proven.filter(|at| {
                *at >= job.disturbed_at() && run.trouble_at.is_none_or(|trouble| *at >= trouble)
            });
            let since = run.up_since.unwrap_or(job.at);
            run.up_since = Some(proven.map_or(since, |at| at.min(since)));
        }
        run.restarts = run.restarts.max(restarts);
        let assessment = self.judge(job, &run, checkpointing, soak_secs);
        run.looped = match &assessment {
            Assessment::Looping { .. } => true,
            Assessment::Healthy { .. } => false,
            _ => run.looped,
        };
        if let (Some(episode), Assessment::Healthy { .. }) = (&mut self.episode, &assessment) {
            episode.is_over = true;
        }
        self.forget_what_was_over(job, &run, &assessment, soak_secs);
        self.job = Some(run);
        assessment
    }

    fn judge(&self, job: &Job, run: &JobWatch, checkpointing: bool, soak_secs: u32) -> Assessment {
        let soak = i64::from(soak_secs) * 1000;
        let quiet = job.at.as_millisecond() - job.disturbed_at().as_millisecond();
        let so_far = self.loop_so_far(job, soak_secs);
        let incidents = so_far.map_or(0, |(_, incidents)| incidents);
        let episode = self.episode.as_ref();
        let looping = || Assessment::Looping {
            since: so_far.map_or(job.at, |(since, _)| since),
            restarts: run.restarts,
            incidents,
            first_fault: episode
                .and_then(|episode| episode.first_fault.clone())
                .or_else(|| self.first_fault.clone()),
        };
        let is_looping = incidents >= LOOPING_INCIDENTS || run.looped;
        match &job.state {
            JobState::Finished if stopped_with_savepoint(job) => Assessment::Stopped {
                why: "the job was stopped with a savepoint".into(),
            },
            JobState::Finished => Assessment::Finished,
            JobState::Canceled | JobState::Cancelling => Assessment::Stopped {
                why: "the job was cancelled".into(),
            },
            JobState::Failed => Assessment::Failed {
                why: failed_because(self.first_fault.as_ref()),
                first_fault: self.first_fault.clone(),
            },
            JobState::Restarting | JobState::Failing if is_looping => looping(),
            JobState::Restarting | JobState::Failing => Assessment::Settling {
                why: restarting(episode),
            },
            // A job that recovered keeps its count for ever: only a disturbance within the soak makes it a loop.
            _ if is_looping && quiet < soak => looping(),
            JobState::Running if job.is_all_running() => {
                settled(job, run, checkpointing, soak_secs)
            }
            JobState::Running => Assessment::Settling {
                why: subtasks_not_up(job),
            },
            state => Assessment::Settling {
                why: format!("the job is {state}"),
            },
        }
    }

    /// What was over for longer than a soak when the job was first looked at, and has not come again, is no part of the present trouble. Without checkpoints since, it may be its cause.
    fn forget_what_was_over(
        &mut self,
        job: &Job,
        run: &JobWatch,
        assessment: &Assessment,
        soak_secs: u32,
    ) {
        // A job that makes no progress now ran until its last checkpoint.
        let (is_well, quiet_until) = match assessment {
            Assessment::Healthy { .. } | Assessment::Settling { .. } => (true, run.first_seen_at),
            Assessment::NoProgress { since, .. } => (true, *since),
            _ => (false, run.first_seen_at),
        };
        let quiet = quiet_until.as_second() - job.disturbed_at().as_second();
        if is_well
            && job.is_all_running()
            && run.trouble_at.is_none()
            && quiet > i64::from(soak_secs) + BACK_OFF_SECS
        {
            self.first_fault = self.first_fault.take().filter(|it| it.at < job.started_at);
        }
    }

    fn keep_first_fault(&mut self, job: Option<&Job>) {
        let Some(fault) = job.and_then(|job| job.faults.first.as_ref()) else {
            return;
        };
        if self
            .first_fault
            .as_ref()
            .is_none_or(|known| fault.at < known.at)
        {
            self.first_fault = Some(fault.clone());
        }
    }
}

/// Everything is up: is it soaked?
fn settled(job: &Job, run: &JobWatch, checkpointing: bool, soak_secs: u32) -> Assessment {
    let Some(since) = run.up_since else {
        return Assessment::Settling {
            why: "all subtasks have just come up".into(),
        };
    };
    let up_secs = (job.at.as_millisecond() - since.as_millisecond()) / 1000;
    if up_secs < i64::from(soak_secs) {
        let after = if run.restarts > 0 {
            format!(" after {} restart(s)", run.restarts)
        } else {
            String::new()
        };
        return Assessment::Settling {
            why: format!("all subtasks up for {up_secs} s{after}; {soak_secs} s are asked for"),
        };
    }
    if !checkpointing {
        return Assessment::Healthy { since };
    }
    match &job.checkpoints {
        None => Assessment::Settling {
            why: "all subtasks up, but the checkpoints could not be read".into(),
        },
        Some(checkpoints) if checkpoints.is_off => Assessment::Healthy { since },
        Some(checkpoints)
            if checkpoints
                .latest_completed_at
                .is_some_and(|at| at >= since && is_fresh(at, since, job.at, soak_secs)) =>
        {
            Assessment::Healthy { since }
        }
        Some(checkpoints) => Assessment::NoProgress {
            since: checkpoints
                .latest_completed_at
                .unwrap_or(job.started_at)
                .max(job.started_at),
            failed: checkpoints.failed,
        },
    }
}

/// Whether checkpoints still complete: the latest is no older than a soak, or than the time over which completed ones are known (their interval may be longer than a soak).
/// An old one proves nothing: a job whose checkpoints hang keeps its completed ones in the history.
fn is_fresh(latest: Timestamp, since: Timestamp, now: Timestamp, soak_secs: u32) -> bool {
    let known_over = latest.as_millisecond() - since.as_millisecond();
    now.as_millisecond() - latest.as_millisecond() <= known_over.max(i64::from(soak_secs) * 1000)
}

fn restarting(episode: Option<&Episode>) -> String {
    let fault = episode.and_then(|episode| {
        episode
            .newest_fault
            .as_ref()
            .or(episode.first_fault.as_ref())
    });
    fault.map_or_else(
        || "the job restarts".to_owned(),
        |fault| {
            format!(
                "the job restarts after a fault at {}: {}",
                fault.at, fault.message
            )
        },
    )
}

fn stopped_with_savepoint(job: &Job) -> bool {
    job.checkpoints
        .as_ref()
        .is_some_and(|checkpoints| checkpoints.stopped_with_savepoint)
}

fn failed_because(fault: Option<&Fault>) -> String {
    fault.map_or_else(
        || "the job FAILED; Flink does not try again".into(),
        |fault| {
            format!(
                "the job FAILED; Flink does not try again: {}",
                fault.message
            )
        },
    )
}

fn subtasks_not_up(job: &Job) -> String {
    let mut states = std::collections::BTreeMap::<&str, u32>::new();
    for (state, count) in job.vertices.iter().flat_map(|vertex| &vertex.tasks) {
        let sum = states.entry(state).or_default();
        *sum = sum.saturating_add(*count);
    }
    let states: Vec<String> = states
        .iter()
        .map(|(state, count)| format!("{count} {state}"))
        .collect();
    if states.is_empty() {
        "the job has no vertices yet".into()
    } else {
        format!("subtasks: {}", states.join(", "))
    }
}

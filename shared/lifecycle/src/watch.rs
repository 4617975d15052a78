//! What an execution carries from look to look, and the rule by which looks become an assessment.
//!
//! The rule and its reason are in facts/flink-rest.md, measured on real clusters: a looping job shows all subtasks RUNNING in most looks, so health is a soak: every
//! subtask up, the sticky signals unchanged, a checkpoint completed. Two looks suffice, one at each end; one look suffices when the checkpoint history proves the other end.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Fault, INCIDENT_SECS, Job, JobState, LATE_SECS, Observation, Operation, OperationKind,
    OperationStatus, Part, Ran, assessment::Assessment,
};

/// Incidents from which on a job counts as looping: maintenance, a lost TaskManager and a blip of all regions are one.
const LOOPING_INCIDENTS: u32 = 2;
/// Between two faults of a loop a job waits that long, at most, by Flink's default back-off: quiet for a soak and this, it had come up.
const BACK_OFF_SECS: i64 = 60;
/// So far the minute of a fault may be from the fault.
const MINUTE_SLACK_SECS: i64 = 90;

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
}

/// Incidents with no soak between. It is only added to: nothing turns round because Flink forgot.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Episode {
    /// The job. Under another JobManager it keeps its id.
    #[serde(default)]
    pub job: String,
    /// The first fault.
    pub began_at: Timestamp,
    /// The first fault of the newest incident.
    pub last_at: Timestamp,
    /// How many.
    pub incidents: u32,
    /// The first fault, where it could be read.
    pub first_fault: Option<Fault>,
    /// The newest fault, where it could be read: what a loop fails with.
    pub newest_fault: Option<Fault>,
    /// Whether the job has soaked since: the next incident begins another.
    #[serde(default)]
    pub is_over: bool,
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

    /// Adds what a look saw to the episode, or begins another.
    fn take_incidents(
        &mut self,
        job: &Job,
        knows_exceptions: bool,
        soak_secs: u32,
        checkpoint_interval_secs: Option<u32>,
    ) {
        // Another job is another operation's: what the one before did is not this one's loop.
        self.episode = self.episode.take().filter(|episode| episode.job == job.id);
        let run = self.job.as_ref().filter(|run| run.id == job.id);
        let mut times = job.faults.incidents.clone();
        if times.is_empty() {
            times.extend(job.faults.first.as_ref().map(|fault| fault.at));
        }
        times.extend(job.faults.newest_at);
        times.extend(job.restarting_at);
        // The same job under another JobManager: the one before was lost.
        times.extend(
            run.filter(|run| run.started_at < job.started_at)
                .map(|_| job.started_at),
        );
        // A counter that rose says little where the exceptions can be read: a rescale that somebody asked for counts too.
        let rose =
            run.filter(|run| run.started_at == job.started_at && run.restarts < job.restarts());
        let unseen = |times: &[Timestamp]| {
            let last = self.episode.as_ref().map(|episode| episode.last_at);
            times.iter().all(|at| Some(*at) <= last)
        };
        if rose.is_some() && !knows_exceptions && unseen(&times) {
            times.push(job.at);
        }
        times.sort_unstable();
        for at in times {
            self.take_incident(at, job, soak_secs, checkpoint_interval_secs);
        }
        let newest = job.faults.newest.as_ref().or(job.faults.first.as_ref());
        if let (Some(episode), Some(newest)) = (&mut self.episode, newest)
            && newest.at >= episode.began_at
        {
            episode.newest_fault = Some(newest.clone());
        }
        self.forget_what_was_got_over(job);
    }

    fn take_incident(
        &mut self,
        at: Timestamp,
        job: &Job,
        soak_secs: u32,
        checkpoint_interval_secs: Option<u32>,
    ) {
        let known = [&job.faults.first, &job.faults.newest];
        let fault = known
            .into_iter()
            .flatten()
            .find(|fault| (fault.at.as_second() - at.as_second()).abs() <= INCIDENT_SECS);
        let begun = || Episode {
            job: job.id.clone(),
            began_at: at,
            last_at: at,
            incidents: 1,
            first_fault: fault.cloned(),
            newest_fault: None,
            is_over: false,
        };
        match &mut self.episode {
            None => self.episode = Some(begun()),
            Some(episode) => {
                let quiet = at.as_second() - episode.last_at.as_second();
                let is_another = episode.is_over && quiet > 0;
                // What lies before the first look at the job was not watched; from then on a soak would have been seen, or CloudWatch's minutes tell of it, and a long back-off is none.
                let is_first = self.looks <= 1 || self.job.is_none();
                let soak = i64::from(soak_secs);
                let ran_well = self.history.spans.iter().any(|span| {
                    // Until then its tasks may have been initialising, which up time does not tell.
                    let well_from = span.well_from(checkpoint_interval_secs);
                    let from = well_from.max(episode.last_at).as_second();
                    let until = span.until.min(at).as_second();
                    let none_completed = checkpoint_interval_secs.is_some()
                        && matches!(
                            span.ran,
                            Ran::Up {
                                checkpoints: Some(0),
                                ..
                            }
                        );
                    span.incidents() == 0 && !none_completed && until - from > soak + BACK_OFF_SECS
                });
                let is_far = (is_first || ran_well) && quiet > soak + BACK_OFF_SECS;
                if is_another || is_far {
                    self.episode = Some(begun());
                } else if quiet > INCIDENT_SECS {
                    episode.incidents = episode.incidents.saturating_add(1);
                    episode.last_at = at;
                }
            }
        }
    }

    /// When the present trouble began and how many incidents it had, by looks and by CloudWatch's minutes: the minutes know more of a loop so quick that Flink's sixteen entries are
    /// one incident.
    fn loop_so_far(&self, job: &Job, soak_secs: u32) -> Option<(Timestamp, u32)> {
        let now = job.at;
        let late = i64::from(soak_secs) + LATE_SECS;
        let series = self.history.spans.last().filter(|span| {
            span.incidents() > 0
                && span.until > job.started_at
                && now.as_second() - span.until.as_second() <= late
        });
        let series = series.map(|span| (span.from, span.incidents()));
        let seen = self.episode.as_ref().filter(|episode| {
            now.as_second() - episode.last_at.as_second() <= i64::from(soak_secs) + BACK_OFF_SECS
        });
        let seen = seen.map(|episode| (episode.began_at, episode.incidents));
        match (series, seen) {
            // A minute is as exact as the minutes are: where both mean the same fault, the look knows when it was.
            (Some(a), Some(b)) => {
                let is_same = (a.0.as_second() - b.0.as_second()).abs() <= MINUTE_SLACK_SECS;
                let since = if is_same { b.0 } else { a.0.min(b.0) };
                Some((since, a.1.max(b.1)))
            }
            (a, b) => b.or(a),
        }
    }

    /// When the present trouble began; of a job that gave up long ago, when the last that was seen did.
    pub(crate) fn trouble_since(&self, job: &Job, soak_secs: u32) -> Option<Timestamp> {
        let so_far = self.loop_so_far(job, soak_secs).map(|(since, _)| since);
        so_far.or_else(|| self.episode.as_ref().map(|episode| episode.began_at))
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

    /// What a run of the job got over before the present trouble is none of its faults.
    fn forget_what_was_got_over(&mut self, job: &Job) {
        let (Some(episode), Some(first)) = (&self.episode, &self.first_fault) else {
            return;
        };
        let before = episode.began_at.as_second() - first.at.as_second() > INCIDENT_SECS;
        if before && episode.job == job.id && job.started_at <= first.at {
            let known = episode.first_fault.as_ref();
            self.first_fault = known.or(episode.newest_fault.as_ref()).cloned();
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

/// READY alone is no failure: the operations tell a failed start from a stop and from a job that is done.
fn assess_ready(seen: &Observation) -> Assessment {
    match seen.why_unreadable(Part::Operations) {
        Some(why) => Assessment::Unknown {
            why: format!("READY, and the operations that would tell why could not be read: {why}"),
        },
        None => assess_at_rest(&seen.operations),
    }
}

/// What the operations of an application that is READY say of it, newest first.
#[must_use]
pub fn assess_at_rest(operations: &[Operation]) -> Assessment {
    let newest = |kinds: &[OperationKind]| newest(operations, kinds);
    let Some(last) = newest(&[
        OperationKind::Start,
        OperationKind::Update,
        OperationKind::Stop,
        OperationKind::Rollback,
    ]) else {
        return Assessment::Stopped {
            why: "the application was never started".into(),
        };
    };
    let own = newest(&[OperationKind::Maintenance, OperationKind::Scaling]);
    if let Some(own) =
        own.filter(|own| own.status == OperationStatus::Failed && own.started_at > last.started_at)
    {
        return failed(own);
    }
    if let Some(down) = down_and_changed(operations) {
        return Assessment::Stopped {
            why: format!(
                "down since {} failed at {}; the configuration was changed since and nobody has started it",
                down.name, down.started_at
            ),
        };
    }
    // An update of a stopped application only stores the configuration; the operation before it tells why the application is READY.
    let ran = newest(&[
        OperationKind::Start,
        OperationKind::Stop,
        OperationKind::Rollback,
    ])
    .unwrap_or(last);
    // Since the stop nothing has started it, so the update, failed or not, brought nothing down.
    let decisive = if last.kind() == OperationKind::Update && ran.kind() == OperationKind::Stop {
        ran
    } else {
        last
    };
    match (decisive.kind(), &decisive.status) {
        // Whoever stopped it wanted it stopped, also where the stop had to be forced in the end.
        (OperationKind::Stop, OperationStatus::Successful | OperationStatus::Failed) => {
            Assessment::Stopped {
                why: format!("stopped by {} at {}", decisive.name, decisive.started_at),
            }
        }
        (_, OperationStatus::Failed) => failed(decisive),
        (
            OperationKind::Start | OperationKind::Update | OperationKind::Rollback,
            OperationStatus::Successful,
        ) => Assessment::Finished,
        (_, status) => Assessment::Unknown {
            why: format!(
                "READY, and the last operation {} is {status}",
                decisive.name
            ),
        },
    }
}

fn newest<'a>(operations: &'a [Operation], kinds: &[OperationKind]) -> Option<&'a Operation> {
    operations.iter().find(|one| kinds.contains(&one.kind()))
}

/// What brought an application down that is READY and whose configuration was changed since: nobody stopped it, and nobody has started it.
pub(crate) fn down_and_changed_since(seen: &Observation) -> Option<&Operation> {
    let is_ready = seen.application.status == crate::ApplicationStatus::Ready;
    down_and_changed(&seen.operations).filter(|_| is_ready)
}

/// The same of the operations of an application that is READY.
pub(crate) fn down_and_changed(operations: &[Operation]) -> Option<&Operation> {
    let last = newest(
        operations,
        &[
            OperationKind::Start,
            OperationKind::Update,
            OperationKind::Stop,
            OperationKind::Rollback,
        ],
    )?;
    let only_stored =
        last.kind() == OperationKind::Update && last.status != OperationStatus::Failed;
    brought_down(operations).filter(|_| only_stored)
}

/// What brought an application down before a configuration was stored: the last that failed of what runs it, unless it was stopped or started since.
fn brought_down(operations: &[Operation]) -> Option<&Operation> {
    use OperationKind as Kind;
    let ran = newest(operations, &[Kind::Start, Kind::Rollback, Kind::Stop]);
    if ran.is_some_and(|ran| ran.kind() == Kind::Stop) {
        return None;
    }
    let last = operations.iter().find(|one| match one.kind() {
        Kind::Start | Kind::Rollback => true,
        Kind::Update | Kind::Maintenance | Kind::Scaling => one.status == OperationStatus::Failed,
        Kind::Stop | Kind::Other => false,
    })?;
    (last.status == OperationStatus::Failed).then_some(last)
}

fn failed(operation: &Operation) -> Assessment {
    let text = operation
        .failure
        .as_deref()
        .unwrap_or("the service gives no text");
    Assessment::Failed {
        why: format!("{} failed: {text}", operation.name),
        first_fault: None,
    }
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

//! How a job run begins, is looked at, and is ended from outside.

use std::collections::{BTreeMap, VecDeque};

use super::Millis;
use super::attempt::Attempt;
use super::checkpoints::Statistics;
use super::code::{Behaviour, Code, Fault};
use super::data_plane::Launch;
use super::job::{CACHE_MS, Job, Phase, RUNNING_MS, RestorePoint};
use super::picture::{Exception, JobState, Picture, Subtask, TaskState, Vertex};
use super::records::Ledger;
use super::restart::Backoff;

impl Job {
    /// A job that was just submitted.
    pub(super) fn submit(
        launch: &Launch,
        code: Code,
        at: Millis,
        restore_point: Option<RestorePoint>,
        misfit: bool,
        rng: &mut fastrand::Rng,
    ) -> Self {
        let id = hex(rng, 32);
        let statistics = Statistics::new(format!(
            "s3://managed-flink/{}/checkpoints/{id}",
            launch.application
        ));
        Self {
            name: launch.application.clone(),
            interval: checkpoint_interval(launch, &code),
            runtime_two: is_runtime_two(&launch.runtime),
            submitted: at,
            phase: Phase::Submitted,
            attempt: None,
            series: None,
            statistics,
            backoff: Backoff::new(code.restart_strategy, at),
            restarts: 0,
            restarting_ms: 0,
            exceptions: VecDeque::new(),
            timestamps: BTreeMap::from([("INITIALIZING", at)]),
            restore_point,
            misfit,
            tasks_running_told: false,
            last_running: None,
            fell: None,
            id,
            code,
        }
    }

    /// The job cannot be set up from the snapshot: FAILED without vertices, with an exception that no task threw, and it stays in `/jobs`.
    pub(super) fn fail_to_initialize(&mut self, at: Millis) {
        let fault = Fault::new(
            "org.apache.flink.runtime.client.JobInitializationException",
            "Could not start the JobMaster.",
        )
        .outside_tasks();
        self.exceptions.push_front(Exception {
            at,
            fault,
            execution: 0,
            suppressed_by: None,
        });
        self.end(JobState::Failed, at);
    }

    /// Why no savepoint can be taken at `at`; None when one can.
    pub(super) fn unfit_for_savepoint(&self, at: Millis) -> Option<&'static str> {
        let Some(attempt) = &self.attempt else {
            return Some("the job has not started");
        };
        let stopped = matches!(self.code.behaviour, Behaviour::CheckpointsStop { after } if at >= attempt.at.running + super::restart::millis(after));
        if !matches!(self.phase, Phase::Running)
            || !attempt.all_running(at)
            || attempt.stalled.is_some()
        {
            Some("not every task is RUNNING")
        } else if stopped {
            Some("the savepoint expired before completing")
        } else {
            None
        }
    }

    /// Takes a savepoint at `at`: the position it holds.
    pub(super) fn take_savepoint(
        &mut self,
        at: Millis,
        path: &str,
        stop: bool,
        ledger: &mut Ledger,
    ) -> i64 {
        self.fold(at, ledger);
        let position = ledger.position();
        self.statistics.savepoint(
            at - super::restart::millis(self.code.checkpoint_takes),
            at,
            path,
            stop,
        );
        if stop {
            self.statistics.suspend(at);
            ledger.processed(
                position,
                position,
                matches!(self.code.behaviour, Behaviour::WrongResults),
            );
            self.end(JobState::Finished, at);
        }
        position
    }

    /// Ends the job from outside.
    pub(super) fn cancel(&mut self, at: Millis, ledger: &mut Ledger) {
        if !matches!(self.phase, Phase::Ended { .. }) {
            self.fold(at, ledger);
            self.statistics.suspend(at);
            self.timestamps.insert("CANCELLING", at);
            self.end(JobState::Canceled, at);
        }
    }

    /// What a REST handler that fills its cache at `at` sees.
    pub(super) fn look(&self, at: Millis, not_before: Millis, ledger: &Ledger) -> Picture {
        let picture = self.picture(at, ledger);
        match &self.last_running {
            Some(earlier)
                if !picture.all_running()
                    && earlier.at >= not_before
                    && at - earlier.at <= CACHE_MS =>
            {
                (**earlier).clone()
            }
            _ => picture,
        }
    }

    /// The job at `at`, at or after its last event.
    pub(super) fn picture(&self, at: Millis, ledger: &Ledger) -> Picture {
        let mut now = self.clone();
        let mut scratch = ledger.clone();
        now.fold(at, &mut scratch);
        let attempt = self.attempt.as_ref();
        let ended = match self.phase {
            Phase::Ended { at: end, .. } if end <= at => Some(end),
            _ => None,
        };
        let running_since = attempt
            .filter(|attempt| matches!(self.phase, Phase::Running) && attempt.all_running(at))
            .map(|attempt| attempt.at.running);
        let restarting = if let Phase::Restarting { since, .. } = self.phase {
            at - since
        } else {
            0
        };
        let mut timestamps = self.timestamps.clone();
        timestamps.retain(|_, when| *when <= at);
        Picture {
            at,
            id: self.id.clone(),
            name: self.name.clone(),
            state: self.state(at),
            started: self.submitted,
            ended,
            last_modified: self.last_modified(at),
            timestamps,
            vertices: self.vertices(at, scratch.position()),
            attempt: attempt.map_or(0, |attempt| attempt.number),
            durations: attempt.map_or_else(Vec::new, |attempt| attempt.durations(at).to_vec()),
            exceptions: self.exceptions.clone(),
            checkpoints: now.statistics,
            checkpoint_takes: super::restart::millis(self.code.checkpoint_takes),
            state_bytes: self.code.state_bytes,
            restarts: self.restarts,
            running_since,
            restarting_ms: self.restarting_ms + restarting,
            runtime_two: self.runtime_two,
        }
    }

    fn last_modified(&self, at: Millis) -> Millis {
        let job = self
            .timestamps
            .values()
            .copied()
            .filter(|when| *when <= at)
            .max()
            .unwrap_or(self.submitted);
        let Some(attempt) = &self.attempt else {
            return job;
        };
        let steps = [
            attempt.at.scheduled,
            attempt.at.deploying,
            attempt.at.initializing,
            attempt.at.quick_running,
            attempt.at.running,
        ];
        let end = attempt.end.as_ref().map_or(at, |(end, _)| *end);
        steps
            .into_iter()
            .filter(|when| *when <= at && *when <= end)
            .chain([job])
            .max()
            .unwrap_or(job)
    }

    fn vertices(&self, at: Millis, position: i64) -> Vec<Vertex> {
        let initializing =
            matches!(self.phase, Phase::Submitted) && self.state(at) == JobState::Initializing;
        if initializing || (self.attempt.is_none() && matches!(self.phase, Phase::Ended { .. })) {
            return Vec::new();
        }
        let count = self.code.vertices.len();
        let vertex = |(index, (name, parallelism)): (usize, &(String, u32))| Vertex {
            id: format!(
                "{:016x}{:016x}",
                fnv(name),
                fnv(name).rotate_left(29) ^ index as u64
            ),
            name: name.clone(),
            subtasks: (0..*parallelism)
                .map(|subtask| self.subtask(at, index, subtask, count))
                .collect(),
            records: position.max(0),
        };
        self.code.vertices.iter().enumerate().map(vertex).collect()
    }

    fn subtask(&self, at: Millis, vertex: usize, subtask: u32, vertices: usize) -> Subtask {
        let Some(attempt) = &self.attempt else {
            return Subtask {
                state: TaskState::Created,
                started: None,
                ended: None,
            };
        };
        let started = attempt.deployed(at);
        match self.phase {
            Phase::Ended {
                state: JobState::Canceled,
                at: end,
            } => Subtask {
                state: TaskState::Canceled,
                started,
                ended: Some(end),
            },
            Phase::Ended {
                state: JobState::Finished,
                at: end,
            } => Subtask {
                state: TaskState::Finished,
                started,
                ended: Some(end),
            },
            _ => {
                let (state, ended) = attempt.task(at, vertex, subtask, vertices);
                Subtask {
                    state,
                    started,
                    ended,
                }
            }
        }
    }

    /// A job that was launched long ago and has run well since: what a scenario begins with.
    pub(super) fn age(&mut self, attempt: impl FnOnce(&Attempt) -> i64) {
        if let Some(present) = &mut self.attempt {
            present.from = attempt(present);
        }
    }

    /// When the job becomes RUNNING.
    pub(super) fn running_at(&self) -> Millis {
        self.submitted + RUNNING_MS
    }
}

/// Whether the runtime is of Flink 2.
pub(super) fn is_runtime_two(runtime: &str) -> bool {
    runtime.starts_with("FLINK-2_")
}

/// What the application's configuration says about checkpoints; the code's own interval goes before it.
fn checkpoint_interval(launch: &Launch, code: &Code) -> Option<std::time::Duration> {
    let configured = &launch.configuration["FlinkApplicationConfigurationDescription"]["CheckpointConfigurationDescription"];
    if configured["CheckpointingEnabled"] == serde_json::Value::Bool(false) {
        return None;
    }
    let interval = std::time::Duration::from_millis(
        configured["CheckpointInterval"].as_u64().unwrap_or(60_000),
    );
    Some(code.checkpoint_interval.unwrap_or(interval))
}

/// `digits` hexadecimal digits.
pub(super) fn hex(rng: &mut fastrand::Rng, digits: usize) -> String {
    std::iter::repeat_with(|| char::from_digit(rng.u32(0..16), 16).expect("below sixteen"))
        .take(digits)
        .collect()
}

/// A stable number for a name.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

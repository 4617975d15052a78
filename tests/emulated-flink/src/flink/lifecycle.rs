//! How a job run begins, is looked at, and is ended from outside.

use std::collections::{BTreeMap, VecDeque};

use super::Millis;
use super::attempt::Attempt;
use super::checkpoints::Statistics;
use super::code::{Behaviour, Code, Fault, Scheduler};
use super::data_plane::{Launch, PastFault};
use super::job::{CACHE_MS, Job, Phase, RestorePoint, World};
use super::picture::{EXCEPTIONS, Exception, JobState, Picture};
use super::records::Ledger;
use super::release::Release;
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
            release: Release::of(&launch.runtime),
            submitted: at,
            phase: Phase::Submitted,
            attempt: None,
            series: None,
            statistics,
            backoff: Backoff::new(code.restart_strategy, at),
            restarts: 0,
            rescales: 0,
            attempts: Vec::new(),
            regions: None,
            slots_after: 0,
            waits_from: Millis::MAX,
            metrics_from: at,
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
            concurrent: Vec::new(),
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
            || self.running_since(at).is_none()
            || self.has_lost_machine()
        {
            Some("not every task is RUNNING")
        } else if self.code.is_batch() {
            Some("a batch job takes no savepoint")
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
        let read = match (&self.phase, attempt) {
            (Phase::Running | Phase::RegionsDown, Some(attempt)) => {
                scratch.position() - attempt.from
            }
            _ => 0,
        };
        let mut timestamps = self.timestamps.clone();
        timestamps.retain(|_, when| *when <= at);
        let waits = self.waits_for_slots(at);
        if waits {
            // A graph that has not begun: it has neither stamps nor statistics.
            timestamps.retain(|state, _| *state == "INITIALIZING");
            now.statistics = Statistics::new(now.statistics.root);
        }
        let vertices = self.vertices(at, scratch.position());
        Picture {
            at,
            id: self.id.clone(),
            name: self.name.clone(),
            state: self.state(at),
            started: self.submitted,
            ended,
            last_modified: self.last_modified(at),
            timestamps,
            operators: self.code.vertices.clone(),
            pending_operators: if self.code.is_batch() {
                self.code.vertices.len().saturating_sub(vertices.len())
            } else {
                0
            },
            vertices,
            durations: attempt.map_or_else(Vec::new, |attempt| attempt.durations(at).to_vec()),
            exceptions: self.exceptions.clone(),
            checkpoints: now.statistics,
            checkpoint_takes: super::restart::millis(self.code.checkpoint_takes),
            state_bytes: self.code.state_bytes,
            restarts: self.restarts,
            rescales: self.rescales,
            is_batch: self.code.is_batch(),
            is_adaptive: self.code.is_adaptive(),
            read,
            release: self.release,
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

    /// A job that was launched long ago and has run well since: what a scenario begins with.
    pub(super) fn age(&mut self, attempt: impl FnOnce(&Attempt) -> i64) {
        if let Some(present) = &mut self.attempt {
            present.from = attempt(present);
        }
    }

    /// Lives through a fault of the past: as many restarts as it took, the last of them when every task ran again.
    pub(super) fn live_through(&mut self, past: &PastFault, world: &mut World<'_>) {
        let (at, until) = (past.at.as_millisecond(), past.until.as_millisecond());
        self.advance(at, world);
        let more = past.restarts.saturating_sub(1);
        let cycle = (until - at) / i64::from(more + 1);
        self.fault(at, past.fault.clone(), world);
        self.restarts += u64::from(more);
        let last = at + i64::from(more) * cycle;
        if let Some(attempt) = &mut self.attempt {
            for nth in 1..=more {
                self.exceptions.push_front(Exception {
                    at: at + i64::from(nth) * cycle,
                    fault: past.fault.clone(),
                    execution: attempt.number + nth,
                    suppressed_by: None,
                    concurrent: Vec::new(),
                });
                self.exceptions.truncate(EXCEPTIONS);
            }
            attempt.number += more;
        }
        for executions in self.attempts.iter_mut().flatten() {
            *executions += more;
        }
        if let Phase::Restarting { since, until: back } = &mut self.phase {
            (*since, *back) = (last, until);
            self.timestamps.insert("RESTARTING", last);
        }
        self.advance(until, world);
        self.tasks_running_told = true;
    }

    /// When the job becomes RUNNING.
    pub(super) fn running_at(&self) -> Millis {
        let slots = match self.code.scheduler {
            Scheduler::Adaptive { slots_after_secs } if self.metrics_from == self.submitted => {
                Millis::from(slots_after_secs) * 1000
            }
            _ => 0,
        };
        self.submitted + self.first_steps().1 + slots
    }
}

/// What the application's configuration says about checkpoints; the code's own interval goes before it.
fn checkpoint_interval(launch: &Launch, code: &Code) -> Option<std::time::Duration> {
    if code.is_batch() {
        return None;
    }
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

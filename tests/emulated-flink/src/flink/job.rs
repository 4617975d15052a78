//! One job run: attempts, faults and restarts, advanced from event to event. Between events nothing is stored, everything is computed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Millis;
use super::attempt::{Attempt, End};
use super::checkpoints::{Restored, Series, Statistics};
use super::code::{Behaviour, Code, Fault};
use super::picture::{EXCEPTIONS, Exception, JobState, Picture};
use super::records::Ledger;
use super::restart::{Backoff, millis};

/// From the submission to CREATED, and to RUNNING: as recorded.
const CREATED_MS: Millis = 140;
pub(super) const RUNNING_MS: Millis = 275;
/// `web.refresh-interval`.
pub(super) const CACHE_MS: Millis = 3_000;

/// Where a job reads on from after a fault.
#[derive(Clone, Debug)]
pub(super) struct RestorePoint {
    pub(super) id: i64,
    pub(super) path: String,
    pub(super) is_savepoint: bool,
    pub(super) position: i64,
    /// From where its sink's transactions are prepared and not committed: a restore commits them.
    pub(super) pending_from: i64,
}

/// What the job is doing.
#[derive(Clone, Debug)]
pub(super) enum Phase {
    Submitted,
    Running,
    Restarting { since: Millis, until: Millis },
    Ended { state: JobState, at: Millis },
}

/// Something worth telling.
#[derive(Clone, Debug)]
pub(super) enum Tale {
    Restored {
        from: String,
    },
    WithoutState,
    TasksRunning {
        restarts: u64,
    },
    Fault {
        fault: Fault,
        vertex: Option<String>,
        restarts: u64,
        delay: Option<Millis>,
    },
    Finished,
}

/// What a job run needs from its surroundings to go on.
pub(super) struct World<'a> {
    pub(super) ledger: &'a mut Ledger,
    /// Dependencies that are off.
    pub(super) off: &'a BTreeSet<String>,
    pub(super) rng: &'a mut fastrand::Rng,
    pub(super) tales: &'a mut Vec<Tale>,
}

/// A job run.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) code: Code,
    pub(super) interval: Option<std::time::Duration>,
    pub(super) runtime_two: bool,
    pub(super) submitted: Millis,
    pub(super) phase: Phase,
    pub(super) attempt: Option<Attempt>,
    pub(super) series: Option<Series>,
    pub(super) statistics: Statistics,
    pub(super) backoff: Backoff,
    pub(super) restarts: u64,
    pub(super) restarting_ms: Millis,
    pub(super) exceptions: VecDeque<Exception>,
    pub(super) timestamps: BTreeMap<&'static str, Millis>,
    pub(super) restore_point: Option<RestorePoint>,
    pub(super) misfit: bool,
    /// Told that every task runs, in this attempt.
    pub(super) tasks_running_told: bool,
    /// The last moment at which everything ran, kept for code that is locked to the REST cache.
    pub(super) last_running: Option<Box<Picture>>,
    /// Since when the last attempt that failed had run undisturbed, and when it failed.
    pub(super) fell: Option<(Millis, Millis)>,
}

impl Job {
    /// When something happens next that cannot be computed later just as well; None when nothing ever does.
    pub(super) fn next_event(&self) -> Option<Millis> {
        match &self.phase {
            Phase::Submitted => Some(self.submitted + RUNNING_MS),
            Phase::Restarting { until, .. } => Some(*until),
            Phase::Ended { .. } => None,
            Phase::Running => {
                let attempt = self.attempt.as_ref().expect("a running job has an attempt");
                let end = attempt.end.as_ref().map(|(at, _)| *at);
                let running = self.tells_running(attempt).then_some(attempt.at.running);
                [end, running].into_iter().flatten().min()
            }
        }
    }

    /// Every first attempt that gets there is told, and every one that is going to last.
    fn tells_running(&self, attempt: &Attempt) -> bool {
        !self.tasks_running_told
            && attempt.all_running(attempt.at.running)
            && (attempt.number == 0 || attempt.end.is_none())
    }

    /// Whether it loops, as things stand, for ever: then its events need not be awaited one by one.
    pub(super) fn loops_endlessly(&self, off: &BTreeSet<String>) -> bool {
        let code = matches!(
            self.code.behaviour,
            Behaviour::Throws { .. } | Behaviour::ThrowsInOpen { .. } | Behaviour::TooFewSlots
        );
        self.backoff.is_endless()
            && (code
                || self.misfit
                || self
                    .code
                    .needs
                    .iter()
                    .any(|need| off.contains(&need.dependency)))
    }

    /// Lives through everything that happens up to `now`.
    pub(super) fn advance(&mut self, now: Millis, world: &mut World<'_>) {
        while let Some(at) = self.next_event().filter(|at| *at <= now) {
            match self.phase.clone() {
                Phase::Submitted => self.first_attempt(at, world),
                Phase::Restarting { since, until } => self.restart(since, until, world),
                Phase::Running => self.attempt_event(at, world),
                Phase::Ended { .. } => unreachable!("nothing happens to a job that has ended"),
            }
        }
    }

    fn first_attempt(&mut self, at: Millis, world: &mut World<'_>) {
        self.timestamps
            .extend([("CREATED", self.submitted + CREATED_MS), ("RUNNING", at)]);
        let tale = self
            .restore_point
            .as_ref()
            .map_or(Tale::WithoutState, |point| Tale::Restored {
                from: point.path.clone(),
            });
        self.begin(0, at, world);
        world.tales.push(tale);
    }

    fn restart(&mut self, since: Millis, at: Millis, world: &mut World<'_>) {
        self.timestamps.insert("RUNNING", at);
        self.restarting_ms += at - since;
        let number = self
            .attempt
            .as_ref()
            .map_or(0, |attempt| attempt.number + 1);
        self.begin(number, at, world);
    }

    fn begin(&mut self, number: u32, at: Millis, world: &mut World<'_>) {
        let from = match &self.restore_point {
            Some(point) => {
                world
                    .ledger
                    .commit_pending(point.pending_from, point.position);
                world.ledger.restore(point.position);
                let restored = Restored {
                    id: point.id,
                    at,
                    path: point.path.clone(),
                    is_savepoint: point.is_savepoint,
                };
                self.statistics.restore(restored);
                point.position
            }
            None => world.ledger.begin_without_state(at),
        };
        let mut attempt = Attempt::start(
            &self.code,
            number,
            at,
            self.restore_point.is_some(),
            self.misfit,
            from,
            world.rng,
        );
        attempt.decide(&self.code, world.off, at);
        self.backoff.running(attempt.at.running);
        let stops = match self.code.behaviour {
            Behaviour::CheckpointsStop { after } => Some(attempt.at.running + millis(after)),
            _ => None,
        };
        self.series = self.interval.map(|interval| {
            Series::new(
                at,
                attempt.at.running,
                interval,
                self.code.checkpoint_takes,
                stops,
            )
        });
        self.attempt = Some(attempt);
        self.tasks_running_told = false;
        self.phase = Phase::Running;
    }

    fn attempt_event(&mut self, at: Millis, world: &mut World<'_>) {
        let attempt = self.attempt.as_ref().expect("a running job has an attempt");
        match attempt.end.clone() {
            Some((end, how)) if end <= at => match how {
                End::Finished => self.finish(end, world),
                End::Fault(fault) => self.fault(end, fault, world),
            },
            _ => {
                self.tasks_running_told = true;
                world.tales.push(Tale::TasksRunning {
                    restarts: self.restarts,
                });
            }
        }
    }

    fn fault(&mut self, at: Millis, fault: Fault, world: &mut World<'_>) {
        if self.code.running_whenever_looked
            && self
                .attempt
                .as_ref()
                .is_some_and(|attempt| attempt.all_running(at - 1))
        {
            self.last_running = Some(Box::new(self.picture(at - 1, world.ledger)));
        }
        if let Some(attempt) = self
            .attempt
            .as_ref()
            .filter(|attempt| attempt.all_running(at - 1) && attempt.stalled.is_none())
        {
            self.fell = Some((attempt.at.running, at));
        }
        self.fold(at, world.ledger);
        self.statistics.suspend(at);
        let delay = self.backoff.fault(at);
        let execution = self.attempt.as_ref().map_or(0, |attempt| attempt.number);
        let suppressed_by = delay.is_none().then(|| self.backoff.describe());
        let vertex = fault.vertex.map(|index| {
            self.code.vertices[index.min(self.code.vertices.len() - 1)]
                .0
                .clone()
        });
        self.exceptions.push_front(Exception {
            at,
            fault: fault.clone(),
            execution,
            suppressed_by,
        });
        self.exceptions.truncate(EXCEPTIONS);
        match delay {
            Some(delay) => {
                self.restarts += 1;
                self.timestamps.insert("RESTARTING", at);
                self.phase = Phase::Restarting {
                    since: at,
                    until: at + delay,
                };
            }
            None => {
                self.timestamps
                    .extend([("FAILING", at + 2), ("FAILED", at + 25)]);
                self.phase = Phase::Ended {
                    state: JobState::Failed,
                    at: at + 25,
                };
            }
        }
        world.tales.push(Tale::Fault {
            fault,
            vertex,
            restarts: self.restarts,
            delay,
        });
    }

    fn finish(&mut self, at: Millis, world: &mut World<'_>) {
        self.fold(at, world.ledger);
        self.statistics.suspend(at);
        let position = world.ledger.position();
        world.ledger.processed(position, position, false);
        self.end(JobState::Finished, at);
        world.tales.push(Tale::Finished);
    }

    pub(super) fn end(&mut self, state: JobState, at: Millis) {
        self.timestamps.insert(state.name(), at);
        self.phase = Phase::Ended { state, at };
    }

    /// Up to where the present attempt has read at `at`.
    pub(super) fn position(&self, at: Millis, ledger: &Ledger) -> Option<i64> {
        let attempt = self.attempt.as_ref()?;
        let until = attempt.processing_until(at);
        if until <= attempt.at.running {
            return Some(attempt.from);
        }
        let able = (until - attempt.at.running) * i64::from(self.code.records_per_sec) / 1000;
        Some((attempt.from + able).min(ledger.produced(until).max(attempt.from)))
    }

    /// Writes into the statistics and the ledger what the present attempt has done by `at`.
    pub(super) fn fold(&mut self, at: Millis, ledger: &mut Ledger) {
        if !matches!(self.phase, Phase::Running) {
            return;
        }
        let Some(attempt) = &self.attempt else { return };
        let until = attempt.processing_until(at);
        let position = self.position(at, ledger).expect("there is an attempt");
        let mut committed = attempt.from;
        if let Some(series) = &mut self.series {
            self.statistics.fold(series, until);
            if let Some(triggered) = series.last_completed(until) {
                let latest = self
                    .statistics
                    .latest_completed
                    .clone()
                    .expect("the statistics know of a completed checkpoint");
                committed = self
                    .position(triggered, ledger)
                    .expect("there is an attempt");
                self.restore_point = Some(RestorePoint {
                    id: latest.id,
                    path: latest.path,
                    is_savepoint: false,
                    position: committed,
                    pending_from: committed,
                });
            }
        }
        ledger.processed(
            committed,
            position,
            matches!(self.code.behaviour, Behaviour::WrongResults),
        );
    }

    /// The state of the job at `at`, at or after its last event.
    pub(super) fn state(&self, at: Millis) -> JobState {
        match &self.phase {
            Phase::Submitted if at < self.submitted + CREATED_MS => JobState::Initializing,
            Phase::Submitted => JobState::Created,
            Phase::Running => JobState::Running,
            Phase::Restarting { .. } => JobState::Restarting,
            Phase::Ended {
                state: JobState::Failed,
                at: end,
            } if at < *end => JobState::Failing,
            Phase::Ended { state, .. } => *state,
        }
    }
}

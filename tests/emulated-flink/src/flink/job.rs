//! One job run: attempts, faults and restarts, advanced from event to event. Between events nothing is stored, everything is computed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Millis;
use super::attempt::{Attempt, End};
use super::checkpoints::{Restored, Series, Statistics};
use super::code::{Behaviour, Code, Fault};
use super::failover::execution;
use super::picture::{EXCEPTIONS, Exception, JobState, Picture};
use super::records::Ledger;
use super::regions::Regions;
use super::release::Release;
use super::restart::{Backoff, millis};

/// From the submission to CREATED, and to RUNNING: as recorded.
const CREATED_MS: Millis = 140;
pub(crate) const RUNNING_MS: Millis = 275;
/// The same where a new JobManager takes over.
const TAKEN_OVER_MS: (Millis, Millis) = (650, 850);
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
    Restarting {
        since: Millis,
        until: Millis,
    },
    /// Some failover regions are down, the others run.
    RegionsDown,
    /// There is no JobManager; its successor takes over then.
    Leaderless {
        until: Millis,
    },
    Ended {
        state: JobState,
        at: Millis,
    },
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
    /// Every task had run undisturbed, and does no more.
    Ran {
        from: Millis,
        until: Millis,
    },
    Fault {
        at: Millis,
        fault: Fault,
        vertex: Option<String>,
        restarts: u64,
        delay: Option<Millis>,
    },
    Finished,
    JobManagerLost {
        at: Millis,
    },
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
    pub(super) release: Release,
    pub(super) submitted: Millis,
    pub(super) phase: Phase,
    pub(super) attempt: Option<Attempt>,
    pub(super) series: Option<Series>,
    pub(super) statistics: Statistics,
    pub(super) backoff: Backoff,
    pub(super) restarts: u64,
    /// Of these, the rescales that somebody asked for.
    pub(super) rescales: u64,
    /// How many executions each subtask had before its present one, by vertex.
    pub(super) attempts: Vec<Vec<u32>>,
    /// Where parts fail on their own.
    pub(super) regions: Option<Regions>,
    /// The adaptive scheduler's next restart waits so long for slots.
    pub(super) slots_after: Millis,
    /// From when on it waits: the job is CREATED again.
    pub(super) waits_from: Millis,
    /// Flink has no metrics of this life of the job before.
    pub(super) metrics_from: Millis,
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
        let own = match &self.phase {
            Phase::Submitted => Some(self.running_at()),
            Phase::Restarting { until, .. } | Phase::Leaderless { until } => Some(*until),
            Phase::Ended { .. } => None,
            Phase::Running | Phase::RegionsDown => {
                let attempt = self.attempt.as_ref().expect("a running job has an attempt");
                let end = attempt.end.as_ref().map(|(at, _)| *at);
                let running = self
                    .tells_running(attempt)
                    .then(|| self.tasks_run_from(attempt));
                [end, running, self.region_event_at()]
                    .into_iter()
                    .flatten()
                    .min()
            }
        };
        own.into_iter().chain(self.next_crash()).min()
    }

    fn region_event_at(&self) -> Option<Millis> {
        let next = self.regions.as_ref().and_then(Regions::next);
        next.map(|(at, ..)| at)
    }

    fn tasks_run_from(&self, attempt: &Attempt) -> Millis {
        let regions = self.regions.as_ref().map(Regions::running_from);
        regions.unwrap_or(attempt.at.running)
    }

    /// Every first attempt that gets there is told, and every one that is going to last.
    fn tells_running(&self, attempt: &Attempt) -> bool {
        !self.tasks_running_told
            && matches!(self.phase, Phase::Running)
            && attempt.all_running(attempt.at.running)
            && self
                .regions
                .as_ref()
                .is_none_or(|regions| !regions.will_fail())
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
            if self.next_crash() == Some(at) {
                self.crash(at, world);
                continue;
            }
            match self.phase.clone() {
                Phase::Submitted => self.first_attempt(at, world),
                Phase::Restarting { until, .. } => self.restart(until, world),
                Phase::Leaderless { until } => self.take_over(until),
                Phase::Running | Phase::RegionsDown if self.region_event_at() == Some(at) => {
                    self.region_event(at, world);
                }
                Phase::Running | Phase::RegionsDown => self.attempt_event(at, world),
                Phase::Ended { .. } => unreachable!("nothing happens to a job that has ended"),
            }
        }
    }

    fn first_attempt(&mut self, at: Millis, world: &mut World<'_>) {
        let created = if self.code.is_adaptive() {
            at - (RUNNING_MS - CREATED_MS)
        } else {
            self.created_at()
        };
        self.timestamps
            .extend([("CREATED", created), ("RUNNING", at)]);
        let tale = self
            .restore_point
            .as_ref()
            .map_or(Tale::WithoutState, |point| Tale::Restored {
                from: point.path.clone(),
            });
        self.begin(0, at, world);
        world.tales.push(tale);
    }

    fn restart(&mut self, at: Millis, world: &mut World<'_>) {
        if self.code.is_adaptive() {
            // Each redeployment is a graph of its own, with its own stamps.
            self.timestamps.retain(|state, _| *state == "INITIALIZING");
            self.timestamps.insert("CREATED", at - 20);
        }
        self.timestamps.insert("RUNNING", at);
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
        self.count_executions();
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
        self.regions = (self.code.fails_in_regions() && !self.misfit).then(|| {
            let mut regions = Regions::start(&self.code, attempt.at.running, world.rng);
            regions.decide(&self.code, world.off, at);
            regions
        });
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

    /// Every subtask of the present graph begins another execution.
    fn count_executions(&mut self) {
        self.attempts.resize(self.code.vertices.len(), Vec::new());
        for (subtasks, (_, parallelism)) in self.attempts.iter_mut().zip(&self.code.vertices) {
            let wanted = *parallelism as usize;
            for executions in subtasks.iter_mut().take(wanted) {
                *executions += 1;
            }
            if subtasks.len() < wanted {
                subtasks.resize(wanted, 0);
            }
        }
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

    pub(super) fn fault(&mut self, at: Millis, fault: Fault, world: &mut World<'_>) {
        self.rests(at, world);
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
        let Some(delay) = self.count_fault(at, fault, world) else {
            return;
        };
        let waits = std::mem::take(&mut self.slots_after);
        self.waits_from = if waits > 0 { at + delay } else { Millis::MAX };
        let stamp = if self.code.is_adaptive() {
            "CANCELLING"
        } else {
            "RESTARTING"
        };
        self.timestamps.insert(stamp, at);
        self.phase = Phase::Restarting {
            since: at,
            until: at + delay + waits,
        };
    }

    /// An entry in the history, and a restart of the count: the delay before it. None when Flink gives up, and the job is FAILED.
    pub(super) fn count_fault(
        &mut self,
        at: Millis,
        fault: Fault,
        world: &mut World<'_>,
    ) -> Option<Millis> {
        let delay = self.backoff.fault(at);
        let execution = execution(&self.attempts, &fault);
        let suppressed_by = delay.is_none().then(|| self.backoff.describe());
        let vertex = fault.vertex.map(|index| {
            self.code.vertices[index.min(self.code.vertices.len() - 1)]
                .0
                .clone()
        });
        let mut shown = fault.clone();
        if self.code.is_adaptive() {
            // Its entries name no task.
            shown.vertex = None;
        }
        self.exceptions.push_front(Exception {
            at,
            fault: shown,
            execution,
            suppressed_by,
            concurrent: Vec::new(),
        });
        self.exceptions.truncate(EXCEPTIONS);
        if delay.is_some() {
            self.restarts += 1;
        } else {
            self.timestamps
                .extend([("FAILING", at + 2), ("FAILED", at + 25)]);
            self.phase = Phase::Ended {
                state: JobState::Failed,
                at: at + 25,
            };
        }
        world.tales.push(Tale::Fault {
            at,
            fault,
            vertex,
            restarts: self.restarts,
            delay,
        });
        delay
    }

    fn finish(&mut self, at: Millis, world: &mut World<'_>) {
        self.rests(at, world);
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
        // What a lost TaskManager does not process, the coordinator goes on to trigger.
        let ended = attempt.end.as_ref().map_or(at, |(end, _)| at.min(*end));
        let position = self.position(at, ledger).expect("there is an attempt");
        let mut committed = attempt.from;
        if let Some(series) = &mut self.series {
            let triggers = if series.is_unreachable() {
                ended
            } else {
                until
            };
            self.statistics.fold(series, triggers);
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

    /// When the job becomes CREATED, and RUNNING where it need not wait for slots: as recorded.
    pub(super) fn created_at(&self) -> Millis {
        self.submitted + self.first_steps().0
    }

    pub(super) fn first_steps(&self) -> (Millis, Millis) {
        if self.metrics_from > self.submitted {
            TAKEN_OVER_MS
        } else {
            (CREATED_MS, RUNNING_MS)
        }
    }

    /// The state of the job at `at`, at or after its last event.
    pub(super) fn state(&self, at: Millis) -> JobState {
        match &self.phase {
            Phase::Submitted if at < self.created_at() => JobState::Initializing,
            Phase::Submitted => JobState::Created,
            Phase::Running => JobState::Running,
            Phase::Restarting { .. } if at >= self.waits_from => JobState::Created,
            Phase::Restarting { .. } | Phase::RegionsDown => JobState::Restarting,
            // Nobody can be asked.
            Phase::Leaderless { .. } => JobState::Initializing,
            Phase::Ended {
                state: JobState::Failed,
                at: end,
            } if at < *end => JobState::Failing,
            Phase::Ended { state, .. } => *state,
        }
    }
}

//! What fails beside the code: the JobManager and its lives, failover regions, lost TaskManagers, and the rescales of the adaptive scheduler.

use std::collections::VecDeque;
use std::time::Duration;

use super::Millis;
use super::checkpoints::{Restored, Series, Statistics};
use super::code::{Behaviour, Fault};
use super::event::ClusterEvent;
use super::job::{Job, Phase, RestorePoint, Tale, World};
use super::metrics::FETCH_MS;
use super::picture::Exception;
use super::regions::RegionEvent;
use super::restart::{Backoff, millis};

/// Between a JobManager's death and its successor's REST API: 19 to 22 s were measured.
const JOB_MANAGER_GONE: Duration = Duration::from_secs(20);
/// The adaptive scheduler redeploys at once.
const REDEPLOY_MS: Millis = 25;

impl Job {
    /// When its own code kills the JobManager next.
    pub(super) fn next_crash(&self) -> Option<Millis> {
        match (&self.code.behaviour, &self.phase) {
            (_, Phase::Ended { .. } | Phase::Leaderless { .. }) => None,
            (Behaviour::JobManagerCrashes { after, .. }, _) => {
                Some(self.submitted + self.first_steps().1 + millis(*after))
            }
            _ => None,
        }
    }

    /// The JobManager dies of the job itself.
    pub(super) fn crash(&mut self, at: Millis, world: &mut World<'_>) {
        if let Behaviour::JobManagerCrashes { gone, .. } = self.code.behaviour {
            self.lose_job_manager(at, gone, world);
        }
    }

    /// The JobManager dies at `at`; its successor answers `gone` later.
    fn lose_job_manager(&mut self, at: Millis, gone: Duration, world: &mut World<'_>) {
        self.fell = self.rests(at, world);
        self.fold(at, world.ledger);
        self.phase = Phase::Leaderless {
            until: at + millis(gone),
        };
        world.tales.push(Tale::JobManagerLost { at });
    }

    /// The successor begins a new life of the job: nothing that the old one counted is left but the id, the last checkpoint, and the number of the next.
    pub(super) fn take_over(&mut self, at: Millis) {
        let next_id = self.statistics.next_id;
        self.statistics = Statistics::new(self.statistics.root.clone());
        self.statistics.next_id = next_id;
        self.submitted = at;
        self.phase = Phase::Submitted;
        (self.attempt, self.series, self.regions) = (None, None, None);
        self.backoff = Backoff::new(self.code.restart_strategy, at);
        (self.restarts, self.rescales) = (0, 0);
        self.exceptions = VecDeque::new();
        self.timestamps.clear();
        self.timestamps.insert("INITIALIZING", at);
        self.attempts.clear();
        self.last_running = None;
        self.metrics_from = at + FETCH_MS;
    }

    /// Something befalls the cluster at `now`. Says whether it could.
    pub(super) fn befall(
        &mut self,
        event: &ClusterEvent,
        now: Millis,
        world: &mut World<'_>,
    ) -> bool {
        let runs = matches!(self.phase, Phase::Running) && self.attempt.is_some();
        match event {
            ClusterEvent::JobManagerLost => {
                let lives = !matches!(self.phase, Phase::Ended { .. } | Phase::Leaderless { .. });
                if lives {
                    self.lose_job_manager(now, JOB_MANAGER_GONE, world);
                }
                lives
            }
            ClusterEvent::TaskManagerLost if runs => {
                self.lose_task_manager(now, world);
                true
            }
            ClusterEvent::RegionsFail {
                apart_millis,
                fault,
            } if runs => {
                match (&mut self.regions, &mut self.attempt) {
                    (Some(regions), _) => regions.strike(now, (*apart_millis).into(), fault),
                    (None, Some(attempt)) => attempt.interrupt(now + 1, fault.clone()),
                    (None, None) => return false,
                }
                true
            }
            ClusterEvent::Rescale { parallelism } if runs && self.code.is_adaptive() => {
                self.rescale(*parallelism, now, world);
                true
            }
            ClusterEvent::SlotsLost { for_secs } if runs && self.code.is_adaptive() => {
                self.slots_after = Millis::from(*for_secs) * 1000;
                self.lose_task_manager(now, world);
                true
            }
            _ => false,
        }
    }

    fn lose_task_manager(&mut self, now: Millis, world: &mut World<'_>) {
        self.rests(now, world);
        if self.regions.is_some() || self.code.is_adaptive() {
            self.fold(now, world.ledger);
            self.statistics.suspend(now);
            self.series = self.series.take().map(|series| series.unreachable(now));
        }
        match (&mut self.regions, &mut self.attempt) {
            (Some(regions), _) => regions.lose_machine(now),
            (None, Some(attempt)) => attempt.lose_machine(now),
            (None, None) => {}
        }
    }

    /// The adaptive scheduler takes a checkpoint, and redeploys from it: a restart that is no failure.
    fn rescale(&mut self, parallelism: u32, now: Millis, world: &mut World<'_>) {
        let takes = millis(self.code.checkpoint_takes);
        self.rests(now, world);
        self.fold(now, world.ledger);
        self.statistics.suspend(now);
        self.statistics.complete_now(now, takes);
        let position = world.ledger.position();
        world.ledger.processed(position, position, false);
        if let Some(latest) = self.statistics.latest_completed.clone() {
            self.restore_point = Some(RestorePoint {
                id: latest.id,
                path: latest.path,
                is_savepoint: false,
                position,
                pending_from: position,
            });
        }
        for (_, of_vertex) in &mut self.code.vertices {
            *of_vertex = parallelism.max(1);
        }
        (self.restarts, self.rescales) = (self.restarts + 1, self.rescales + 1);
        self.phase = Phase::Restarting {
            since: now,
            until: now + REDEPLOY_MS,
        };
    }

    /// The next thing that happens to a failover region, `at` that moment.
    pub(super) fn region_event(&mut self, at: Millis, world: &mut World<'_>) {
        let Some((_, index, event)) = self
            .regions
            .as_ref()
            .and_then(super::regions::Regions::next)
        else {
            return;
        };
        match event {
            RegionEvent::Fault(mut fault) => {
                fault.subtask = u32::try_from(index).unwrap_or(0);
                self.region_fails(index, at, fault, world);
            }
            RegionEvent::Restart => self.region_restarts(index, at, world),
        }
    }

    fn region_fails(&mut self, index: usize, at: Millis, fault: Fault, world: &mut World<'_>) {
        if matches!(self.phase, Phase::Running) {
            self.fell = self.rests(at, world);
            self.fold(at, world.ledger);
            self.statistics.suspend(at);
        }
        let merged = self
            .backoff
            .merges(at)
            .filter(|_| self.release >= super::release::Release::MERGING);
        if let (Some(until), Some(newest)) = (merged, self.exceptions.front_mut()) {
            let execution = execution(&self.attempts, &fault);
            newest.concurrent.push(Exception {
                at,
                fault: fault.clone(),
                execution,
                suppressed_by: None,
                concurrent: Vec::new(),
            });
            self.region_is_down(index, at, until, &fault);
            return;
        }
        match self.count_fault(at, fault.clone(), world) {
            Some(delay) => self.region_is_down(index, at, at + delay, &fault),
            None => self.regions = None,
        }
    }

    fn region_is_down(&mut self, index: usize, at: Millis, until: Millis, fault: &Fault) {
        if let Some(regions) = &mut self.regions {
            regions.fail(index, at, until, fault);
        }
        if matches!(self.phase, Phase::Running) {
            self.timestamps.insert("RESTARTING", at);
            self.phase = Phase::RegionsDown;
        }
    }

    fn region_restarts(&mut self, index: usize, at: Millis, world: &mut World<'_>) {
        for of_vertex in &mut self.attempts {
            if let Some(executions) = of_vertex.get_mut(index) {
                *executions += 1;
            }
        }
        let Some(regions) = &mut self.regions else {
            return;
        };
        regions.restart(index, at, &self.code, world.off, world.rng);
        if regions.last_restart().is_some() {
            return;
        }
        // The last one: the job is RUNNING again, and its checkpoints begin anew.
        let (restored, running) = (
            std::mem::take(&mut regions.restarted),
            regions.running_from(),
        );
        self.phase = Phase::Running;
        self.timestamps.insert("RUNNING", at);
        if let Some(point) = &self.restore_point {
            self.statistics.restore(Restored {
                id: point.id,
                at,
                path: point.path.clone(),
                is_savepoint: point.is_savepoint,
            });
            self.statistics.restored_count += restored - 1;
        }
        self.series = self
            .interval
            .map(|interval| Series::new(at, running, interval, self.code.checkpoint_takes, None));
        self.backoff.running(running);
        self.tasks_running_told = false;
    }

    /// Since when all of its tasks run at `at`; None while one does not.
    pub(super) fn running_since(&self, at: Millis) -> Option<Millis> {
        let attempt = self
            .attempt
            .as_ref()
            .filter(|attempt| matches!(self.phase, Phase::Running) && attempt.all_running(at))?;
        match &self.regions {
            Some(regions) => regions.running_since(at),
            None => Some(attempt.at.running),
        }
    }

    /// What ran undisturbed until `at` does no more: since when it had.
    pub(super) fn rests(&self, at: Millis, world: &mut World<'_>) -> Option<(Millis, Millis)> {
        let from = self.running_since(at - 1)?;
        if !self.has_lost_machine() {
            world.tales.push(Tale::Ran { from, until: at });
        }
        Some((from, at))
    }

    /// Whether a TaskManager is gone and nobody has noticed yet.
    pub(super) fn has_lost_machine(&self) -> bool {
        let attempt = self.attempt.as_ref();
        attempt.is_some_and(|attempt| attempt.stalled.is_some())
            || self
                .regions
                .as_ref()
                .is_some_and(super::regions::Regions::are_unreachable)
    }
}

/// How many executions the subtask had before the one that throws.
pub(super) fn execution(attempts: &[Vec<u32>], fault: &Fault) -> u32 {
    let vertex = fault.vertex.unwrap_or(0).min(attempts.len().max(1) - 1);
    let of_vertex = attempts.get(vertex);
    of_vertex
        .and_then(|subtasks| subtasks.get(fault.subtask as usize).or(subtasks.first()))
        .copied()
        .unwrap_or(0)
}

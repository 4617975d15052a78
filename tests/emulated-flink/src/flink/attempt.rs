//! One attempt to run a job: from the moment its tasks are scheduled to the fault that ends it. What its tasks do in between is arithmetic.

use std::collections::BTreeSet;

use super::code::{Behaviour, Code, Fault};
use super::restart::millis;
use super::{Millis, picture::TaskState};

/// Flink's `slot.request.timeout`.
const SLOT_TIMEOUT_MS: Millis = 300_000;
/// A killed TaskManager is noticed when its heartbeat times out: measured.
const HEARTBEAT_MS: Millis = 15_600;
/// From the last of its state being loaded to a task RUNNING: as recorded.
pub(super) const OPENING_MS: Millis = 240;
/// From a restart to tasks INITIALIZING.
pub(super) const INITIALIZING_MS: Millis = 56;
/// From a restart to tasks SCHEDULED, DEPLOYING and INITIALIZING.
pub(super) const RESTART: (Millis, Millis, Millis) = (1, 4, INITIALIZING_MS);
/// From the adaptive scheduler losing a TaskManager to its noticing: measured.
const ADAPTIVE_NOTICES_MS: Millis = 17_700;
/// From the fault to all other tasks CANCELED.
const CANCELLING_MS: Millis = 55;

/// What ends an attempt.
#[derive(Clone, Debug)]
pub(super) enum End {
    Fault(Fault),
    Finished,
}

/// Offsets of the task states from the start of the attempt, as recorded: the first start is slower than a restart.
#[derive(Clone, Copy, Debug)]
pub(super) struct Steps {
    pub(super) scheduled: Millis,
    pub(super) deploying: Millis,
    pub(super) initializing: Millis,
    /// Sources and sinks run while others still restore.
    pub(super) quick_running: Millis,
    pub(super) running: Millis,
}

/// One attempt.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub(super) number: u32,
    /// The job is RUNNING, its tasks are about to be scheduled.
    pub(super) started: Millis,
    pub(super) at: Steps,
    /// Where it reads on from.
    pub(super) from: i64,
    /// What the code itself does, decided (with its jitter) at the start.
    own_end: Option<(Millis, End)>,
    /// The same with outages and lost machines.
    pub(super) end: Option<(Millis, End)>,
    /// When its machine was lost; nothing is processed from then on.
    pub(super) stalled: Option<Millis>,
    /// It waits for slots, and never gets them.
    no_slots: bool,
}

impl Attempt {
    pub(super) fn start(
        code: &Code,
        number: u32,
        started: Millis,
        restores: bool,
        misfit: bool,
        from: i64,
        rng: &mut fastrand::Rng,
    ) -> Self {
        let (scheduled, deploying, initializing) =
            if number == 0 { (90, 360, 840) } else { RESTART };
        let restore = if restores { millis(code.restore) } else { 0 };
        let running = started + initializing + restore + OPENING_MS;
        let at = Steps {
            scheduled: started + scheduled,
            deploying: started + deploying,
            initializing: started + initializing,
            quick_running: started + initializing + 4,
            running,
        };
        let no_slots = matches!(code.behaviour, Behaviour::TooFewSlots);
        let mut attempt = Self {
            number,
            started,
            at,
            from,
            own_end: None,
            end: None,
            stalled: None,
            no_slots,
        };
        attempt.own_end = attempt.own_end(code, misfit, rng);
        attempt.end = attempt.own_end.clone();
        attempt
    }

    fn own_end(&self, code: &Code, misfit: bool, rng: &mut fastrand::Rng) -> Option<(Millis, End)> {
        if misfit {
            let fault = Fault::new("java.lang.RuntimeException", "Error while getting state");
            // The StateMigrationException is its cause, and the third vertex is where the state is: as real Flink shows it.
            let fault = Fault {
                vertex: Some(2),
                ..fault
            };
            // It loads its state first, and finds then that it cannot read it.
            return Some((self.at.running - OPENING_MS + 60, End::Fault(fault)));
        }
        match &code.behaviour {
            // One of its regions throws, not the whole.
            Behaviour::Throws { .. } if code.fails_in_regions() => None,
            Behaviour::Throws {
                after,
                jitter,
                fault,
            } => {
                let jitter = if jitter.is_zero() {
                    0
                } else {
                    rng.i64(0..=millis(*jitter))
                };
                Some((
                    self.at.running + millis(*after) + jitter,
                    End::Fault(fault.clone()),
                ))
            }
            Behaviour::ThrowsInOpen { fault } => {
                Some((self.at.initializing + 30, End::Fault(fault.clone())))
            }
            Behaviour::TooFewSlots => {
                Some((self.started + SLOT_TIMEOUT_MS, End::Fault(no_slots())))
            }
            Behaviour::Bounded { after } => Some((self.at.running + millis(*after), End::Finished)),
            Behaviour::Batch { stage } => {
                let stages = Millis::try_from(code.vertices.len()).unwrap_or(1);
                Some((self.at.running + millis(*stage) * stages, End::Finished))
            }
            Behaviour::Healthy
            | Behaviour::JobManagerCrashes { .. }
            | Behaviour::BadMain { .. }
            | Behaviour::CheckpointsStop { .. }
            | Behaviour::WrongResults => None,
        }
    }

    /// Decides the end again: dependencies that are off since some time, a lost machine.
    pub(super) fn decide(&mut self, code: &Code, off: &BTreeSet<String>, now: Millis) {
        let whole = !code.fails_in_regions();
        let outage = code
            .needs
            .iter()
            .filter(|need| whole && off.contains(&need.dependency))
            .map(|need| {
                let already = self
                    .end
                    .iter()
                    .find(|(_, end)| matches!(end, End::Fault(fault) if *fault == need.fault))
                    .map(|(at, _)| *at);
                let at = already.unwrap_or(self.at.running.max(now) + millis(need.notices_after));
                (at, End::Fault(need.fault.clone()))
            });
        let lost = self.stalled.map(|at| match code.is_adaptive() {
            false => (at + HEARTBEAT_MS, End::Fault(lost_machine())),
            true => (at + ADAPTIVE_NOTICES_MS, End::Fault(lost_resource())),
        });
        self.end = self
            .own_end
            .clone()
            .into_iter()
            .chain(outage)
            .chain(lost)
            .min_by_key(|(at, _)| *at);
    }

    /// Loses its machine at `at`.
    pub(super) fn lose_machine(&mut self, at: Millis) {
        self.stalled.get_or_insert(at);
    }

    /// Is ended by the service at `at`.
    pub(super) fn interrupt(&mut self, at: Millis, fault: Fault) {
        self.own_end = Some((at, End::Fault(fault)));
    }

    pub(super) fn all_running(&self, at: Millis) -> bool {
        !self.no_slots
            && at >= self.at.running
            && self.end.as_ref().is_none_or(|(end, _)| at < *end)
    }

    /// Until when it processes, of the time up to `at`.
    pub(super) fn processing_until(&self, at: Millis) -> Millis {
        let end = self.end.as_ref().map_or(at, |(end, _)| at.min(*end));
        self.stalled.map_or(end, |stalled| end.min(stalled))
    }

    /// The state of one subtask at `at`, and when it came to rest.
    pub(super) fn task(
        &self,
        at: Millis,
        vertex: usize,
        subtask: u32,
        vertices: usize,
    ) -> (TaskState, Option<Millis>) {
        if let Some((end, how)) = &self.end
            && at >= *end
        {
            return match how {
                End::Finished => (TaskState::Finished, Some(*end)),
                End::Fault(fault)
                    if fault.vertex.map(|index| index.min(vertices - 1)) == Some(vertex)
                        && subtask == 0 =>
                {
                    (TaskState::Failed, Some(*end))
                }
                End::Fault(_) if at < end + CANCELLING_MS && *end >= self.at.initializing => {
                    (TaskState::Canceling, None)
                }
                End::Fault(_) => (TaskState::Canceled, Some(end + CANCELLING_MS)),
            };
        }
        let edge = vertex == 0 || vertex + 1 == vertices;
        let running = if edge && vertices > 1 {
            self.at.quick_running
        } else {
            self.at.running
        };
        let state = match at {
            _ if at < self.at.scheduled => TaskState::Created,
            _ if self.no_slots || at < self.at.deploying => TaskState::Scheduled,
            _ if at < self.at.initializing => TaskState::Deploying,
            _ if at < running => TaskState::Initializing,
            _ => TaskState::Running,
        };
        (state, None)
    }

    /// When its tasks were deployed, if they were by `at`.
    pub(super) fn deployed(&self, at: Millis) -> Option<Millis> {
        (!self.no_slots
            && at >= self.at.deploying
            && self
                .end
                .as_ref()
                .is_none_or(|(end, _)| *end >= self.at.deploying))
        .then_some(self.at.deploying)
    }

    /// Time spent in CREATED, SCHEDULED, DEPLOYING, INITIALIZING and RUNNING by `at`.
    pub(super) fn durations(&self, at: Millis) -> [(TaskState, Millis); 5] {
        let at = self.end.as_ref().map_or(at, |(end, _)| at.min(*end));
        let far = Millis::MAX;
        let steps = if self.no_slots {
            [self.started, self.at.scheduled, far, far, far, far]
        } else {
            [
                self.started,
                self.at.scheduled,
                self.at.deploying,
                self.at.initializing,
                self.at.running,
                far,
            ]
        };
        let spent = |index: usize| (at.min(steps[index + 1]) - steps[index].min(at)).max(0);
        [
            (TaskState::Created, spent(0)),
            (TaskState::Scheduled, spent(1)),
            (TaskState::Deploying, spent(2)),
            (TaskState::Initializing, spent(3)),
            (TaskState::Running, spent(4)),
        ]
    }
}

fn no_slots() -> Fault {
    Fault {
        class: "org.apache.flink.runtime.jobmanager.scheduler.NoResourceAvailableException"
            .to_owned(),
        message: "Could not acquire the minimum required resources.".to_owned(),
        vertex: Some(0),
        subtask: 0,
    }
}

pub(super) fn lost_machine() -> Fault {
    Fault::new(
        "org.apache.flink.runtime.jobmaster.JobMasterException",
        "TaskManager is no longer reachable.",
    )
}

fn lost_resource() -> Fault {
    Fault::new(
        "org.apache.flink.runtime.resourcemanager.exceptions.ResourceManagerException",
        "TaskManager is no longer reachable.",
    )
    .outside_tasks()
}

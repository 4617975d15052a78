//! The failover regions of a job without shuffles: each subtask fails and restarts on its own, and Flink counts each.
//!
//! Deliberately absent: what a region replays. The position in the log is the job's, and a restart of a part does not set it back.

use std::collections::BTreeSet;

use super::Millis;
use super::attempt::{INITIALIZING_MS, OPENING_MS, RESTART, lost_machine};
use super::code::{Behaviour, Code, Fault};
use super::picture::TaskState;
use super::restart::millis;

/// A lost TaskManager is noticed by calls that fail, sooner than by its heartbeat where others go on: measured.
const NOTICED_MS: Millis = 11_000;
/// From one region of a lost TaskManager to the next.
const LOST_APART_MS: Millis = 3;
/// From one region to the next that notices an outage.
const OUTAGE_APART_MS: Millis = 150;

/// A region that failed and has not been started again.
#[derive(Clone, Copy, Debug)]
struct Down {
    since: Millis,
    until: Millis,
    /// The vertex that threw.
    vertex: Option<usize>,
}

/// One region.
#[derive(Clone, Debug, Default)]
struct Region {
    /// When it was started again; None while it runs in the attempt in which the whole job began.
    restarted: Option<Millis>,
    /// All its tasks run from here on.
    running: Millis,
    /// What its code, an outage, or somebody does to it.
    own: Option<(Millis, Fault)>,
    outage: Option<(Millis, Fault)>,
    struck: Option<(Millis, Fault)>,
    /// Since when its TaskManager is gone.
    lost: Option<Millis>,
    down: Option<Down>,
}

impl Region {
    fn fault(&self, index: usize) -> Option<(Millis, Fault)> {
        if self.down.is_some() {
            return None;
        }
        let apart = Millis::try_from(index).unwrap_or(0) * LOST_APART_MS;
        let lost = self
            .lost
            .map(|at| (at + NOTICED_MS + apart, lost_machine()));
        [&self.own, &self.outage, &self.struck, &lost]
            .into_iter()
            .flatten()
            .min_by_key(|(at, _)| *at)
            .cloned()
    }

    fn is_running(&self, at: Millis) -> bool {
        self.down.is_none() && at >= self.running
    }
}

/// What happens to a region.
#[derive(Clone, Debug)]
pub(super) enum RegionEvent {
    Fault(Fault),
    Restart,
}

/// All of them.
#[derive(Clone, Debug)]
pub(super) struct Regions {
    each: Vec<Region>,
    /// How long a region restores.
    restore: Millis,
    /// Flink restarted so many since the job was last RUNNING.
    pub(super) restarted: i64,
}

impl Regions {
    /// As the job begins: all tasks run from `running` on.
    pub(super) fn start(code: &Code, running: Millis, rng: &mut fastrand::Rng) -> Self {
        let count = code
            .vertices
            .first()
            .map_or(1, |(_, parallelism)| *parallelism);
        let region = Region {
            running,
            ..Region::default()
        };
        let mut regions = Self {
            each: vec![region; count.max(1) as usize],
            restore: millis(code.restore),
            restarted: 0,
        };
        if let Behaviour::Throws { fault, .. } = &code.behaviour {
            let throws = (fault.subtask as usize).min(regions.each.len() - 1);
            regions.each[throws].own = throw(code, running, rng);
        }
        regions
    }

    /// Which regions a dependency that is off will fail, and which no more.
    pub(super) fn decide(&mut self, code: &Code, off: &BTreeSet<String>, now: Millis) {
        let need = code
            .needs
            .iter()
            .find(|need| off.contains(&need.dependency));
        for (index, region) in self.each.iter_mut().enumerate() {
            region.outage = need.map(|need| match region.outage.take() {
                Some(known) => known,
                None => {
                    let apart = Millis::try_from(index).unwrap_or(0) * OUTAGE_APART_MS;
                    let notices = region.running.max(now) + millis(need.notices_after);
                    (notices + apart, need.fault.clone())
                }
            });
        }
    }

    /// Each fails once, `apart` after one another.
    pub(super) fn strike(&mut self, now: Millis, apart: Millis, fault: &Fault) {
        for (index, region) in self.each.iter_mut().enumerate() {
            let at = now + 1 + Millis::try_from(index).unwrap_or(0) * apart;
            region.struck = Some((at, fault.clone()));
        }
    }

    /// The TaskManager under the first half of them is gone.
    pub(super) fn lose_machine(&mut self, now: Millis) {
        let half = self.each.len().div_ceil(2);
        for region in self.each.iter_mut().take(half) {
            region.lost.get_or_insert(now);
        }
    }

    /// Whether checkpoints cannot be triggered, because a TaskManager is gone.
    pub(super) fn are_unreachable(&self) -> bool {
        self.each.iter().any(|region| region.lost.is_some())
    }

    /// What happens next, to which of them, and when.
    pub(super) fn next(&self) -> Option<(Millis, usize, RegionEvent)> {
        let event = |(index, region): (usize, &Region)| match region.down {
            Some(down) => Some((down.until, index, RegionEvent::Restart)),
            None => region
                .fault(index)
                .map(|(at, fault)| (at, index, RegionEvent::Fault(fault))),
        };
        self.each
            .iter()
            .enumerate()
            .filter_map(event)
            .min_by_key(|(at, index, _)| (*at, *index))
    }

    /// When the last that is down is started again; None while none is down.
    pub(super) fn last_restart(&self) -> Option<Millis> {
        self.each
            .iter()
            .filter_map(|region| region.down.map(|down| down.until))
            .max()
    }

    /// One fails at `at` and is started again at `until`.
    pub(super) fn fail(&mut self, index: usize, at: Millis, until: Millis, fault: &Fault) {
        let region = &mut self.each[index];
        (region.own, region.outage, region.struck, region.lost) = (None, None, None, None);
        region.down = Some(Down {
            since: at,
            until,
            vertex: fault.vertex,
        });
    }

    /// One is started again at `at`.
    pub(super) fn restart(
        &mut self,
        index: usize,
        at: Millis,
        code: &Code,
        off: &BTreeSet<String>,
        rng: &mut fastrand::Rng,
    ) {
        let running = at + INITIALIZING_MS + self.restore + OPENING_MS;
        let region = &mut self.each[index];
        (region.down, region.restarted, region.running) = (None, Some(at), running);
        let throws = matches!(&code.behaviour, Behaviour::Throws { fault, .. } if fault.subtask as usize == index);
        region.own = throws.then(|| throw(code, running, rng)).flatten();
        self.restarted += 1;
        self.decide(code, off, at);
    }

    /// Since when all of them run.
    pub(super) fn running_since(&self, at: Millis) -> Option<Millis> {
        self.each
            .iter()
            .all(|region| region.is_running(at))
            .then(|| self.each.iter().map(|region| region.running).max())
            .flatten()
    }

    /// Until when its last restore takes.
    pub(super) fn running_from(&self) -> Millis {
        self.each
            .iter()
            .map(|region| region.running)
            .max()
            .unwrap_or(0)
    }

    /// Whether any will fail again, as things stand.
    pub(super) fn will_fail(&self) -> bool {
        self.each
            .iter()
            .enumerate()
            .any(|(index, region)| region.fault(index).is_some())
    }

    /// The state of a subtask that has failed or restarted on its own, when it was deployed and when it came to rest; None while it runs in the job's first attempt.
    pub(super) fn task(
        &self,
        at: Millis,
        vertex: usize,
        subtask: u32,
    ) -> Option<(TaskState, Option<Millis>, Option<Millis>)> {
        let region = self.each.get(subtask as usize)?;
        if let Some(down) = region.down {
            let threw = down.vertex.is_none_or(|threw| threw == vertex);
            let state = if threw {
                TaskState::Failed
            } else {
                TaskState::Canceled
            };
            return Some((state, region.restarted, Some(down.since)));
        }
        let restarted = region.restarted?;
        let (scheduled, deploying, initializing) = RESTART;
        let state = match at - restarted {
            since if since < scheduled => TaskState::Created,
            since if since < deploying => TaskState::Scheduled,
            since if since < initializing => TaskState::Deploying,
            _ if at < region.running => TaskState::Initializing,
            _ => TaskState::Running,
        };
        Some((state, Some(restarted + deploying), None))
    }
}

/// When code that throws does so next.
fn throw(code: &Code, running: Millis, rng: &mut fastrand::Rng) -> Option<(Millis, Fault)> {
    let Behaviour::Throws {
        after,
        jitter,
        fault,
    } = &code.behaviour
    else {
        return None;
    };
    let jitter = if jitter.is_zero() {
        0
    } else {
        rng.i64(0..=millis(*jitter))
    };
    Some((running + millis(*after) + jitter, fault.clone()))
}

//! The vertices of a job at one moment, and the states of their subtasks.

use super::Millis;
use super::code::Behaviour;
use super::job::{Job, Phase};
use super::picture::{JobState, Subtask, TaskState, Vertex};
use super::release::Release;
use super::restart::millis;

impl Job {
    pub(super) fn vertices(&self, at: Millis, position: i64) -> Vec<Vertex> {
        let initializing =
            matches!(self.phase, Phase::Submitted) && self.state(at) == JobState::Initializing;
        if initializing || (self.attempt.is_none() && matches!(self.phase, Phase::Ended { .. })) {
            return Vec::new();
        }
        let count = self.code.vertices.len();
        let waits = self.waits_for_slots(at);
        let vertex = |(index, (name, parallelism)): (usize, &(String, u32))| {
            let planned =
                !self.code.is_batch() || self.stage(index).is_some_and(|(begins, _)| begins <= at);
            let subtasks = if planned && !waits { *parallelism } else { 0 };
            Vertex {
                id: format!(
                    "{:016x}{:016x}",
                    fnv(name),
                    fnv(name).rotate_left(29) ^ index as u64
                ),
                name: name.clone(),
                subtasks: (0..subtasks)
                    .map(|subtask| self.subtask(at, index, subtask, count))
                    .collect(),
                parallelism: planned.then_some(*parallelism),
                records: position.max(0),
            }
        };
        let all = self.code.vertices.iter().enumerate().map(vertex);
        // Flink 2 adds the stages of a batch job to the graph when they begin.
        let hides = self.code.is_batch() && self.release >= Release::TWO;
        all.filter(|vertex| !hides || vertex.parallelism.is_some())
            .collect()
    }

    /// Whether the adaptive scheduler waits for slots: the job is CREATED, and its tasks are in no state at all.
    pub(super) fn waits_for_slots(&self, at: Millis) -> bool {
        self.code.is_adaptive()
            && matches!(self.phase, Phase::Submitted | Phase::Restarting { .. })
            && self.state(at) == JobState::Created
    }

    /// From when to when a stage of a batch job runs; None before the job has begun.
    fn stage(&self, index: usize) -> Option<(Millis, Millis)> {
        let Behaviour::Batch { stage } = self.code.behaviour else {
            return None;
        };
        let attempt = self.attempt.as_ref()?;
        let (stage, index) = (millis(stage), Millis::try_from(index).ok()?);
        let begins = attempt.at.running + index * stage;
        let shown = if index == 0 { attempt.started } else { begins };
        Some((shown, begins + stage))
    }

    fn subtask(&self, at: Millis, vertex: usize, subtask: u32, vertices: usize) -> Subtask {
        let executions = self
            .attempts
            .get(vertex)
            .and_then(|subtasks| subtasks.get(subtask as usize));
        let of = |state, started, ended| Subtask {
            state,
            started,
            ended,
            attempt: executions.copied().unwrap_or(0),
        };
        let Some(attempt) = &self.attempt else {
            return of(TaskState::Created, None, None);
        };
        let started = attempt.deployed(at);
        match self.phase {
            Phase::Ended {
                state: JobState::Canceled,
                at: end,
            } => of(TaskState::Canceled, started, Some(end)),
            Phase::Ended {
                state: JobState::Finished,
                at: end,
            } => {
                let (begins, ends) = self.stage(vertex).unwrap_or((end, end));
                let started = if vertex > 0 && self.code.is_batch() {
                    Some(begins)
                } else {
                    started
                };
                of(TaskState::Finished, started, Some(ends.min(end)))
            }
            _ => {
                if let Some((begins, ends)) = self.stage(vertex) {
                    if at >= ends {
                        let started = if vertex == 0 { started } else { Some(begins) };
                        return of(TaskState::Finished, started, Some(ends));
                    }
                    if vertex > 0 {
                        return of(TaskState::Running, Some(begins), None);
                    }
                }
                let ended = attempt.end.as_ref().is_some_and(|(end, _)| at >= *end);
                let region = self.regions.as_ref().filter(|_| !ended);
                if let Some((state, deployed, rests)) =
                    region.and_then(|regions| regions.task(at, vertex, subtask))
                {
                    return of(state, deployed.or(started), rests);
                }
                let (state, rests) = attempt.task(at, vertex, subtask, vertices);
                of(state, started, rests)
            }
        }
    }
}

/// A stable number for a name.
fn fnv(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

//! Checkpoints, counted and not performed: which of a steady series have completed by a moment follows from the interval.

use std::collections::VecDeque;

use super::Millis;
use super::restart::millis;

/// Flink's `execution.checkpointing.timeout`.
const TIMEOUT_MS: Millis = 600_000;
/// What Flink keeps (`web.checkpoints.history`).
const HISTORY: usize = 10;
/// Why Flink says a pending checkpoint failed when its job does.
pub(super) const SUSPENDING: &str = "Checkpoint Coordinator is suspending.";
const EXPIRED: &str = "Checkpoint expired before completing.";
/// Why a checkpoint fails at once that a lost TaskManager is asked for.
const UNREACHABLE: &str = "Trigger checkpoint failure.";

/// The series of checkpoints of one attempt.
#[derive(Clone, Debug)]
pub(super) struct Series {
    first: Millis,
    interval: Millis,
    takes: Millis,
    /// Tasks are all RUNNING from here on: earlier triggers fail at once.
    running: Millis,
    /// From here on none completes.
    stops: Option<Millis>,
    /// Triggers before `running` fail because a TaskManager is gone, and the history shows them.
    unreachable: bool,
    /// Everything up to here is in the statistics.
    folded: Millis,
}

impl Series {
    pub(super) fn new(
        started: Millis,
        running: Millis,
        interval: std::time::Duration,
        takes: std::time::Duration,
        stops: Option<Millis>,
    ) -> Self {
        let interval = millis(interval).max(1);
        // A checkpoint that takes longer than the interval delays the next one.
        let interval = interval.max(millis(takes) + 1);
        Self {
            first: started + interval,
            interval,
            takes: millis(takes),
            running,
            stops,
            unreachable: false,
            folded: started,
        }
    }

    pub(super) fn is_unreachable(&self) -> bool {
        self.unreachable
    }

    /// From `at` on, to a TaskManager that is gone: none completes any more.
    pub(super) fn unreachable(mut self, at: Millis) -> Self {
        (self.running, self.stops, self.unreachable) = (Millis::MAX / 4, None, true);
        self.folded = self.folded.max(at);
        self
    }

    /// How many triggers lie in `[from, to)`.
    fn triggers(&self, from: Millis, to: Millis) -> i64 {
        let index = |at: Millis| {
            (at - self.first + self.interval - 1)
                .div_euclid(self.interval)
                .max(0)
        };
        (index(to) - index(from)).max(0)
    }

    fn stops_at(&self) -> Millis {
        self.stops.unwrap_or(Millis::MAX / 2)
    }

    /// The newest trigger whose checkpoint had completed by `at`, within this attempt.
    pub(super) fn last_completed(&self, at: Millis) -> Option<Millis> {
        let newest = (at - self.takes).min(self.stops_at() - 1);
        let index = (newest - self.first).div_euclid(self.interval);
        let trigger = self.first + index * self.interval;
        (index >= 0 && trigger >= self.running).then_some(trigger)
    }

    /// The trigger of the checkpoint under way at `at`.
    fn pending(&self, at: Millis) -> Option<Millis> {
        if at >= self.first_stuck() {
            let cycle = self.stuck_cycle();
            let trigger = self.first_stuck() + (at - self.first_stuck()).div_euclid(cycle) * cycle;
            return (at < trigger + TIMEOUT_MS).then_some(trigger);
        }
        let index = (at - self.first).div_euclid(self.interval);
        let trigger = self.first + index * self.interval;
        (index >= 0 && trigger >= self.running && at < trigger + self.takes).then_some(trigger)
    }

    fn first_stuck(&self) -> Millis {
        match self.stops {
            None => Millis::MAX / 2,
            Some(stops) => {
                self.first + self.triggers(self.first, stops.max(self.running)) * self.interval
            }
        }
    }

    fn stuck_cycle(&self) -> Millis {
        (TIMEOUT_MS + self.interval - 1).div_euclid(self.interval) * self.interval
    }
}

/// A checkpoint as the history shows it.
#[derive(Clone, Debug)]
pub(super) struct Checkpoint {
    pub(super) id: i64,
    pub(super) triggered: Millis,
    pub(super) outcome: Outcome,
    /// The location of a completed one.
    pub(super) path: String,
    pub(super) is_savepoint: bool,
    pub(super) synchronous: bool,
}

#[derive(Clone, Debug)]
pub(super) enum Outcome {
    Pending,
    Completed { at: Millis },
    Failed { at: Millis, message: &'static str },
}

/// A restore as `latest.restored` shows it.
#[derive(Clone, Debug)]
pub(super) struct Restored {
    pub(super) id: i64,
    pub(super) at: Millis,
    pub(super) path: String,
    pub(super) is_savepoint: bool,
}

/// The statistics of one job run.
#[derive(Clone, Debug)]
pub(super) struct Statistics {
    /// Where checkpoints of this job lie.
    pub(super) root: String,
    pub(super) next_id: i64,
    pub(super) completed: i64,
    pub(super) failed: i64,
    pub(super) restored_count: i64,
    pub(super) pending: Option<Checkpoint>,
    pub(super) latest_completed: Option<Checkpoint>,
    pub(super) latest_savepoint: Option<Checkpoint>,
    pub(super) latest_failed: Option<Checkpoint>,
    pub(super) restored: Option<Restored>,
    /// Newest first.
    pub(super) history: VecDeque<Checkpoint>,
}

impl Statistics {
    pub(super) fn new(root: String) -> Self {
        Self {
            root,
            next_id: 1,
            completed: 0,
            failed: 0,
            restored_count: 0,
            pending: None,
            latest_completed: None,
            latest_savepoint: None,
            latest_failed: None,
            restored: None,
            history: VecDeque::new(),
        }
    }

    pub(super) fn total(&self) -> i64 {
        self.completed + self.failed + i64::from(self.pending.is_some())
    }

    pub(super) fn restore(&mut self, restored: Restored) {
        self.restored_count += 1;
        self.next_id = self.next_id.max(restored.id + 1);
        self.restored = Some(restored);
    }

    /// Takes in what the series did up to `at`.
    pub(super) fn fold(&mut self, series: &mut Series, at: Millis) {
        let from = series.folded;
        if at <= from {
            return;
        }
        let failing = series.triggers(from, at.min(series.running));
        if series.unreachable {
            self.cannot_trigger(series, from, failing);
        } else {
            self.failed += failing;
        }
        self.complete(series, from, at);
        self.expire(series, from, at);
        series.folded = at;
        self.pending = series
            .pending(at)
            .map(|triggered| self.checkpoint(triggered, Outcome::Pending));
    }

    fn complete(&mut self, series: &Series, from: Millis, at: Millis) {
        let done_by = |moment: Millis| (moment - series.takes + 1).min(series.stops_at());
        let count = series.triggers(series.running.max(done_by(from)), done_by(at));
        if count <= 0 {
            return;
        }
        let newest = series
            .last_completed(at)
            .expect("a checkpoint completed, so there is a last one");
        let shown = count.min(i64::try_from(HISTORY).expect("ten"));
        self.completed += count;
        self.next_id += count - shown;
        for back in (0..shown).rev() {
            let triggered = newest - back * series.interval;
            let checkpoint = self.checkpoint(
                triggered,
                Outcome::Completed {
                    at: triggered + series.takes,
                },
            );
            self.next_id += 1;
            self.latest_completed = Some(checkpoint.clone());
            self.remember(checkpoint);
        }
    }

    fn cannot_trigger(&mut self, series: &Series, from: Millis, failing: i64) {
        let first = series.first + series.triggers(series.first, from) * series.interval;
        for index in 0..failing {
            let triggered = first + index * series.interval;
            self.fail(triggered, triggered + 2, UNREACHABLE);
        }
    }

    /// A checkpoint outside of the series completes at `at`: the one that a rescale asks for.
    pub(super) fn complete_now(&mut self, at: Millis, takes: Millis) {
        let checkpoint = self.checkpoint(at - takes, Outcome::Completed { at });
        self.next_id += 1;
        self.completed += 1;
        self.latest_completed = Some(checkpoint.clone());
        self.remember(checkpoint);
    }

    fn expire(&mut self, series: &Series, from: Millis, at: Millis) {
        let first = series.first_stuck();
        let cycle = series.stuck_cycle();
        let expired_by =
            |moment: Millis| (moment - TIMEOUT_MS - first).div_euclid(cycle).max(-1) + 1;
        for index in expired_by(from)..expired_by(at) {
            self.fail(
                first + index * cycle,
                first + index * cycle + TIMEOUT_MS,
                EXPIRED,
            );
        }
    }

    fn fail(&mut self, triggered: Millis, at: Millis, message: &'static str) {
        let checkpoint = self.checkpoint(triggered, Outcome::Failed { at, message });
        self.next_id += 1;
        self.failed += 1;
        self.latest_failed = Some(checkpoint.clone());
        self.remember(checkpoint);
    }

    /// The job fails or stops at `at`: a pending checkpoint fails with it.
    pub(super) fn suspend(&mut self, at: Millis) {
        if let Some(pending) = self.pending.take() {
            self.fail(pending.triggered, at, SUSPENDING);
        }
    }

    /// A savepoint was taken.
    pub(super) fn savepoint(
        &mut self,
        triggered: Millis,
        at: Millis,
        path: &str,
        synchronous: bool,
    ) {
        let mut checkpoint = self.checkpoint(triggered, Outcome::Completed { at });
        (
            checkpoint.path,
            checkpoint.is_savepoint,
            checkpoint.synchronous,
        ) = (path.to_owned(), true, synchronous);
        self.next_id += 1;
        self.completed += 1;
        self.latest_savepoint = Some(checkpoint.clone());
        self.remember(checkpoint);
    }

    fn checkpoint(&self, triggered: Millis, outcome: Outcome) -> Checkpoint {
        let id = self.next_id;
        Checkpoint {
            id,
            triggered,
            outcome,
            path: format!("{}/chk-{id}", self.root),
            is_savepoint: false,
            synchronous: false,
        }
    }

    fn remember(&mut self, checkpoint: Checkpoint) {
        self.history.push_front(checkpoint);
        self.history.truncate(HISTORY);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn series(running: Millis, stops: Option<Millis>) -> Series {
        Series::new(
            0,
            running,
            Duration::from_secs(10),
            Duration::from_secs(1),
            stops,
        )
    }

    fn folded(mut series: Series, at: Millis) -> Statistics {
        let mut statistics = Statistics::new("s3://checkpoints".to_owned());
        statistics.fold(&mut series, at);
        statistics
    }

    #[test]
    fn a_checkpoint_completes_every_interval() {
        let seen = folded(series(2_000, None), 35_000);
        assert_eq!((seen.completed, seen.failed, seen.next_id), (3, 0, 4));
        assert_eq!(
            seen.latest_completed.expect("three completed").triggered,
            30_000
        );
    }

    #[test]
    fn triggers_before_all_tasks_run_fail_without_a_trace_in_the_history() {
        let seen = folded(series(25_000, None), 32_000);
        assert_eq!(
            (
                seen.completed,
                seen.failed,
                seen.history.len(),
                seen.latest_failed.is_none()
            ),
            (1, 2, 1, true)
        );
    }

    #[test]
    fn a_pending_checkpoint_fails_with_its_job() {
        let mut seen = folded(series(2_000, None), 30_500);
        assert_eq!(seen.total(), 3);
        seen.suspend(30_500);
        assert_eq!((seen.completed, seen.failed, seen.total()), (2, 1, 3));
    }

    #[test]
    fn folding_in_small_steps_gives_the_same_as_in_one() {
        for stops in [None, Some(95_000)] {
            let mut small = Statistics::new("s3://checkpoints".to_owned());
            let mut stepped = series(2_000, stops);
            for at in (0..=2_000_000).step_by(700) {
                small.fold(&mut stepped, at);
            }
            small.fold(&mut stepped, 2_000_000);
            let whole = folded(series(2_000, stops), 2_000_000);
            let ids = |statistics: &Statistics| {
                statistics
                    .history
                    .iter()
                    .map(|one| (one.id, one.triggered))
                    .collect::<Vec<_>>()
            };
            assert_eq!(
                (small.completed, small.failed, ids(&small)),
                (whole.completed, whole.failed, ids(&whole))
            );
        }
    }

    #[test]
    fn when_checkpoints_stop_they_expire_one_by_one() {
        let seen = folded(series(2_000, Some(35_000)), 1_300_000);
        assert_eq!((seen.completed, seen.failed), (3, 2));
        assert!(seen.pending.is_some());
    }
}

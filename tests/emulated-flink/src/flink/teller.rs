//! Tells what happens to a job so that a timeline stays readable: the first fault and three restarts one by one, then sums at growing intervals.

use super::Millis;
use super::job::Tale;

const ONE_BY_ONE: u64 = 3;
const FIRST_SUMMARY_MS: Millis = 60_000;
const LONGEST_MS: Millis = 1_800_000;

/// What was told of one job run.
#[derive(Clone, Debug, Default)]
pub(super) struct Teller {
    /// The next sum, and the time between that and the one after.
    next: Option<(Millis, Millis)>,
    /// Restarts before the present series of faults.
    settled: u64,
    told_restarts: u64,
    told_at: Millis,
    /// JobManagers that died: of many lives of a job only the first are told.
    lost_job_managers: u64,
}

impl Teller {
    /// So many restarts were before anybody listened.
    pub(super) fn begin_at(&mut self, restarts: u64) {
        (self.settled, self.told_restarts) = (restarts, restarts);
    }

    /// When the next sum is due; while there is one, single events need not be awaited.
    pub(super) fn next_summary(&self) -> Option<Millis> {
        self.next.map(|(at, _)| at)
    }

    /// The sentence for an event at `now`, if it is worth one.
    pub(super) fn tell(&mut self, tale: &Tale, now: Millis) -> Option<String> {
        let many = self.lost_job_managers > ONE_BY_ONE;
        match tale {
            Tale::Restored { .. } | Tale::WithoutState | Tale::TasksRunning { restarts: 0 }
                if many =>
            {
                None
            }
            Tale::Ran { .. } => None,
            Tale::JobManagerLost { .. } => {
                self.lost_job_managers += 1;
                (self.next, self.settled, self.told_restarts) = (None, 0, 0);
                (self.lost_job_managers <= ONE_BY_ONE)
                    .then(|| "the JobManager dies; another takes over in some seconds".to_owned())
            }
            Tale::Restored { from } => Some(format!(
                "the job is RUNNING, restored from {}",
                last_part(from)
            )),
            Tale::WithoutState => Some("the job is RUNNING, without state".to_owned()),
            Tale::TasksRunning { restarts: 0 } => Some("every task is RUNNING".to_owned()),
            Tale::TasksRunning { restarts } => {
                let series = restarts - self.settled;
                (self.next, self.settled, self.told_restarts) = (None, *restarts, *restarts);
                Some(format!(
                    "every task is RUNNING again, after {}",
                    times(series)
                ))
            }
            Tale::Finished => Some("the job has read all its input and is FINISHED".to_owned()),
            Tale::Fault {
                fault,
                vertex,
                restarts,
                delay,
                ..
            } => {
                let place = vertex
                    .as_ref()
                    .map_or_else(String::new, |name| format!(" in \"{name}\""));
                let what = format!("{}: {}{place}", fault.class, fault.message);
                match delay {
                    None => Some(format!("the job is FAILED: {what}; recovery is suppressed")),
                    Some(delay) => self.fault(now, &what, *restarts, *delay),
                }
            }
        }
    }

    fn fault(&mut self, now: Millis, what: &str, restarts: u64, delay: Millis) -> Option<String> {
        let series = restarts - self.settled;
        if series > ONE_BY_ONE {
            return None;
        }
        (self.told_restarts, self.told_at) = (restarts, now);
        if series == ONE_BY_ONE {
            self.next = Some((now + FIRST_SUMMARY_MS, FIRST_SUMMARY_MS));
        }
        let wait = format!("{:.1} s", delay as f64 / 1000.0);
        Some(match series {
            1 if self.settled == 0 => format!("first fault: {what}; restarts in {wait}"),
            1 => format!("fails: {what}; restarts in {wait}"),
            _ => format!("fails again, restart {restarts} in {wait}"),
        })
    }

    /// The sum that is due at `now`.
    pub(super) fn summary(&mut self, now: Millis, restarts: u64) -> Option<String> {
        let (due, interval) = self.next?;
        if now < due {
            return None;
        }
        let longer = (interval * 2).min(LONGEST_MS);
        self.next = Some((now + longer, longer));
        let since = restarts - self.told_restarts;
        let text = (since > 0).then(|| {
            format!(
                "still looping: {} in the last {} s, {restarts} in all",
                times(since),
                (now - self.told_at) / 1000
            )
        });
        (self.told_restarts, self.told_at) = (restarts, now);
        text
    }
}

fn times(restarts: u64) -> String {
    if restarts == 1 {
        "1 restart".to_owned()
    } else {
        format!("{restarts} restarts")
    }
}

fn last_part(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

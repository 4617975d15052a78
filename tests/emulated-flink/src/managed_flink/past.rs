//! The metrics of an application's past, computed from its seed when somebody asks: up time that grows since each version's start, checkpoints that change, records that grow, and
//! the incidents that the seed names.
//!
//! Nothing is kept but a few stretches per application; a steady stretch of months is summed up by its first and last minute.
//!
//! Invariant: it ends where the placed job begins, and says of that job's start, restarts and records what the job itself says.

use std::ops::Range;

use jiff::{SignedDuration, Timestamp};

use super::ManagedFlink;
use super::application::Version;
use super::seed::Incident;
use super::series::kpus;
use crate::flink::{Millis, PastFault, RUNNING_MS, Ran, code_identity, content_of, size_of};

const MINUTE_SECS: i64 = 60;
const MINUTE_MS: Millis = 60_000;
const HOUR_SECS: i64 = 3_600;
/// How long the operation took that began a version: no metrics until then.
const OPERATION_MS: Millis = 90_000;
/// A loop's longest delay before a restart: Flink's default.
const LONGEST_DELAY_MS: Millis = 60_000;
/// Where the code cannot be looked up: over real clusters.
const TAKES_MS: Millis = 480;
const STATE_BYTES: u64 = 48 * 1024 * 1024;
const VERTICES: usize = 4;
const INTERVAL_MS: Millis = 60_000;

/// The samples of a period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Samples {
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// All together.
    pub sum: f64,
    /// How many.
    pub count: f64,
}

impl Samples {
    /// So many samples that go evenly from the first to the last.
    fn even(first: f64, last: f64, count: f64) -> Self {
        Self {
            min: first.min(last),
            max: first.max(last),
            sum: (first + last) / 2.0 * count,
            count,
        }
    }

    fn with(self, other: Self) -> Self {
        Self {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
            sum: self.sum + other.sum,
            count: self.count + other.count,
        }
    }
}

/// What a past is made from.
pub(super) struct PastOf<'a> {
    pub(super) application: &'a str,
    /// Oldest first.
    pub(super) versions: &'a [Version],
    pub(super) incidents: &'a [Incident],
    pub(super) namesake: Option<(std::time::Duration, std::time::Duration)>,
    pub(super) records_per_sec: u32,
}

/// What a version's job is like.
#[derive(Clone, Debug)]
struct Job {
    launched: Millis,
    two: bool,
    interval: Millis,
    takes: Millis,
    bytes: u64,
    /// Records counted by all its tasks in a second.
    records_per_sec: f64,
    kpus: f64,
}

/// What the job does in a stretch.
#[derive(Clone, Copy, Debug)]
enum Doing {
    /// Runs since then, and has read what came since a checkpoint or its launch.
    Runs { since: Millis, reads_from: Millis },
    /// Fails and restarts, `delay` of every `cycle` is RESTARTING.
    Loops { cycle: Millis, delay: Millis },
}

/// A time in which a job did one thing.
#[derive(Clone, Debug)]
struct Stretch {
    from: Millis,
    until: Millis,
    doing: Doing,
    /// Restarts and failed checkpoints before it.
    restarts: u32,
    failed: u32,
    job: Job,
}

/// The past of an application.
#[derive(Clone, Debug)]
pub(super) struct Past(Vec<Stretch>);

impl ManagedFlink {
    /// Keeps what an application's past is computed from; the faults that its present job has lived through.
    pub(super) fn remember(&self, of: &PastOf<'_>, now: Timestamp) -> Vec<PastFault> {
        let ago = |age: std::time::Duration| {
            now - SignedDuration::try_from(age).expect("an age that fits")
        };
        let faults: Vec<PastFault> = of
            .incidents
            .iter()
            .map(|incident| PastFault {
                at: ago(incident.ago),
                until: ago(incident.ago.saturating_sub(incident.lasts)),
                restarts: incident.restarts.max(1),
                fault: incident.fault.clone(),
            })
            .collect();
        let mut pasts = Vec::new();
        if let (Some((created, deleted)), Some(first)) = (of.namesake, of.versions.first()) {
            let job = self.job_of(first, ago(created), of.records_per_sec);
            pasts.push(Past(stretches(&job, ago(deleted).as_millisecond(), &[])));
        }
        let mut own = Vec::new();
        let ends = of.versions.iter().skip(1).map(|version| version.created);
        for (version, end) in of.versions.iter().zip(ends.chain([now])) {
            let job = self.job_of(version, version.created, of.records_per_sec);
            let within = |fault: &&PastFault| fault.at > version.created && fault.at < end;
            let mut faults: Vec<&PastFault> = faults.iter().filter(within).collect();
            faults.sort_by_key(|fault| fault.at);
            own.extend(stretches(&job, end.as_millisecond(), &faults));
        }
        pasts.push(Past(own));
        let mut state = self.inner.lock();
        state
            .pasts
            .entry(of.application.to_owned())
            .or_default()
            .extend(pasts);
        drop(state);
        let launched = of.versions.last().map(|version| version.created);
        let mut present: Vec<PastFault> = faults
            .into_iter()
            .filter(|fault| Some(fault.at) > launched)
            .collect();
        present.sort_by_key(|fault| fault.at);
        present
    }

    /// The times in which its versions ran undisturbed.
    pub(super) fn ran_before(&self, of: &PastOf<'_>, now: Timestamp) -> Vec<Ran> {
        let ago = |age: std::time::Duration| {
            now - SignedDuration::try_from(age).expect("an age that fits")
        };
        let mut broken: Vec<(Timestamp, Timestamp)> = of
            .incidents
            .iter()
            .map(|one| (ago(one.ago), ago(one.ago.saturating_sub(one.lasts))))
            .collect();
        broken.sort_unstable();
        let mut ran = Vec::new();
        let ends = of.versions.iter().skip(1).map(|version| version.created);
        for (version, end) in of.versions.iter().zip(ends.chain([now])) {
            let job = self.job_of(version, version.created, of.records_per_sec);
            let content = content_of(&version.runtime, &version.configuration);
            let mut from = version.created + SignedDuration::from_millis(OPERATION_MS);
            let within = broken
                .iter()
                .filter(|(at, _)| *at > version.created && *at < end);
            for (until, next) in within.copied().chain([(end, end)]) {
                if from < until {
                    ran.push(Ran {
                        content,
                        from,
                        until,
                        checkpoint_secs: Some(job.interval / 1_000),
                    });
                }
                from = next;
            }
        }
        ran
    }

    fn job_of(&self, version: &Version, launched: Timestamp, records_per_sec: u32) -> Job {
        let code = self
            .flink
            .as_ref()
            .and_then(|flink| flink.code(&code_identity(&version.configuration)));
        let configured = &version.configuration["FlinkApplicationConfigurationDescription"]["CheckpointConfigurationDescription"]
            ["CheckpointInterval"];
        let millis = |duration: std::time::Duration| {
            Millis::try_from(duration.as_millis()).unwrap_or(Millis::MAX)
        };
        let own = code
            .as_ref()
            .and_then(|code| code.checkpoint_interval)
            .map(millis);
        let vertices = code.as_ref().map_or(VERTICES, |code| code.vertices.len());
        let counted = u32::try_from(vertices.saturating_sub(1).max(1)).unwrap_or(1);
        Job {
            launched: launched.as_millisecond(),
            two: version.runtime.starts_with("FLINK-2_"),
            interval: own.or(configured.as_i64()).unwrap_or(INTERVAL_MS).max(1),
            takes: code
                .as_ref()
                .map_or(TAKES_MS, |code| millis(code.checkpoint_takes)),
            bytes: code.as_ref().map_or(STATE_BYTES, |code| code.state_bytes),
            records_per_sec: f64::from(records_per_sec) * f64::from(counted),
            kpus: kpus(&version.configuration),
        }
    }
}

/// What a job did from its launch to `end`.
fn stretches(job: &Job, end: Millis, faults: &[&PastFault]) -> Vec<Stretch> {
    let mut all = Vec::new();
    let (mut from, mut since) = (job.launched + OPERATION_MS, job.launched + RUNNING_MS);
    let mut reads_from = since;
    let (mut restarts, mut failed) = (0, 0);
    let mut add = |from, until, doing, restarts, failed| {
        if from < until {
            let job = job.clone();
            all.push(Stretch {
                from,
                until,
                doing,
                restarts,
                failed,
                job,
            });
        }
    };
    for fault in faults {
        let at = fault.at.as_millisecond().max(since);
        let until = fault.until.as_millisecond().clamp(at, end);
        let cycle = ((until - at) / i64::from(fault.restarts)).max(1);
        let delay = match fault.restarts {
            1 => cycle,
            _ => (cycle / 2).min(LONGEST_DELAY_MS),
        };
        add(
            from,
            at,
            Doing::Runs { since, reads_from },
            restarts,
            failed,
        );
        add(
            at.max(from),
            until,
            Doing::Loops { cycle, delay },
            restarts,
            failed,
        );
        let checkpoints = (at - job.takes - since).div_euclid(job.interval);
        if checkpoints > 0 {
            reads_from = since + checkpoints * job.interval;
        }
        restarts += fault.restarts;
        failed += 1;
        (from, since) = (until.max(from), until);
    }
    add(
        from,
        end,
        Doing::Runs { since, reads_from },
        restarts,
        failed,
    );
    all
}

impl Past {
    /// The metrics that it has, with the first and the last minute.
    pub(super) fn listed(&self) -> Vec<(&'static str, i64, i64)> {
        let ends = |two: bool| {
            let of = || self.0.iter().filter(|stretch| stretch.job.two == two);
            let (first, last) = (of().next()?, of().next_back()?);
            Some((first.from / 1_000, last.until / 1_000 - MINUTE_SECS))
        };
        [false, true]
            .into_iter()
            .filter_map(|two| Some((two, ends(two)?)))
            .flat_map(|(two, (first, last))| {
                NAMES
                    .iter()
                    .filter(move |name| is_sent(name, two))
                    .map(move |name| (*name, first, last))
            })
            .collect()
    }

    /// A metric by periods that begin in `within`.
    pub(super) fn periods(
        &self,
        name: &str,
        period: i64,
        within: Range<i64>,
        sends: &dyn Fn(f64) -> bool,
    ) -> Vec<(i64, Samples)> {
        let mut gathered: Vec<(i64, Samples)> = Vec::new();
        for stretch in self
            .0
            .iter()
            .filter(|stretch| is_sent(name, stretch.job.two))
        {
            // A minute's sample is taken at its end.
            let (first, end) = (
                stretch.from.div_euclid(MINUTE_MS) * MINUTE_SECS,
                stretch.until.div_euclid(MINUTE_MS) * MINUTE_SECS,
            );
            let (mut at, end) = (first.max(within.start), end.min(within.end));
            while at < end {
                let start = at - at.rem_euclid(period);
                let next = (start + period).min(end);
                if let Some(samples) = stretch.samples(name, at..next, sends) {
                    match gathered.last_mut() {
                        Some((last, known)) if *last == start => *known = known.with(samples),
                        _ => gathered.push((start, samples)),
                    }
                }
                at = next;
            }
        }
        gathered
    }
}

const NAMES: [&str; 14] = [
    "fullRestarts",
    "numRestarts",
    "uptime",
    "downtime",
    "runningTime",
    "restartingTime",
    "failingTime",
    "cancellingTime",
    "lastCheckpointDuration",
    "lastCheckpointSize",
    "numberOfFailedCheckpoints",
    "numRecordsIn",
    "numRecordsOut",
    "KPUs",
];

/// Whether a runtime has a metric.
fn is_sent(name: &str, two: bool) -> bool {
    match name {
        "fullRestarts" => !two,
        "numRestarts" | "runningTime" | "restartingTime" | "failingTime" | "cancellingTime" => two,
        _ => NAMES.contains(&name),
    }
}

impl Stretch {
    /// The samples of the minutes that begin in `minutes`, all of them in this stretch.
    fn samples(
        &self,
        name: &str,
        minutes: Range<i64>,
        sends: &dyn Fn(f64) -> bool,
    ) -> Option<Samples> {
        if name == "KPUs" {
            let hours = minutes.filter(|at| at % HOUR_SECS == 0).count();
            return (hours > 0).then(|| Samples::even(self.job.kpus, self.job.kpus, hours as f64));
        }
        let value = |minute: i64| self.value(name, (minute + MINUTE_SECS) * 1_000);
        let even = matches!(self.doing, Doing::Runs { .. }) && !name.starts_with("lastCheckpoint");
        if even {
            let (first, last) = (value(minutes.start), value(minutes.end - MINUTE_SECS));
            let count = (minutes.end - minutes.start) / MINUTE_SECS;
            return sends(last).then(|| Samples::even(first, last, count as f64));
        }
        minutes
            .step_by(MINUTE_SECS as usize)
            .map(value)
            .filter(|value| sends(*value))
            .map(|value| Samples::even(value, value, 1.0))
            .reduce(Samples::with)
    }

    /// A metric at a moment of this stretch.
    fn value(&self, name: &str, at: Millis) -> f64 {
        let (running, reading, restarting, restarts) = match self.doing {
            Doing::Runs { since, reads_from } => (at - since, at - reads_from, 0, 0),
            Doing::Loops { cycle, delay } => {
                // The last moment of a stretch belongs to it.
                let gone = (at - self.from - 1).max(0);
                let (tries, into) = (gone / cycle, gone % cycle);
                let restarting = if into < delay { into } else { 0 };
                let running = (into - delay).max(0);
                (running, running, restarting, tries + 1)
            }
        };
        let checkpoint = self.checkpoint(at);
        let or_none = |value: f64| if checkpoint > 0 { value } else { -1.0 };
        match name {
            "uptime" | "runningTime" => running as f64,
            "restartingTime" => restarting as f64,
            "fullRestarts" | "numRestarts" => f64::from(self.restarts) + restarts as f64,
            "lastCheckpointDuration" => or_none(self.job.takes as f64),
            "lastCheckpointSize" => or_none(size_of(self.job.bytes, checkpoint) as f64),
            "numberOfFailedCheckpoints" => {
                f64::from(self.failed) + f64::from(u8::from(restarts > 0))
            }
            "numRecordsIn" | "numRecordsOut" => self.job.records_per_sec * reading as f64 / 1_000.0,
            // Down time, failing and cancelling: of states that no job of the past was ever seen in.
            _ => 0.0,
        }
    }

    /// The number of the checkpoint that completed last; 0 for none. None completes in a loop.
    fn checkpoint(&self, at: Millis) -> i64 {
        let at = match self.doing {
            Doing::Runs { .. } => at,
            Doing::Loops { .. } => self.from,
        };
        ((at - self.job.takes - self.job.launched - RUNNING_MS) / self.job.interval).max(0)
    }
}

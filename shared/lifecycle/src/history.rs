//! How an application ran, from CloudWatch's minutes: undisturbed runs, faults that followed each other, and what is not known.
//!
//! Metrics outlive Flink's sixteen exceptions, a failover of the JobManager, and a REST API that cannot be read. They decide who is to blame; a look decides what is so now.

mod fold;

pub use fold::LATE_SECS;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Spans kept of a history: the newest, and before them the longest.
pub const SPANS_KEPT: usize = 80;

/// What is known of the past of an application. It only grows: what was once read is not forgotten because a later answer lacks it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct History {
    /// Which minutes were read; None before the first answer.
    pub known: Option<Known>,
    /// Oldest first, not overlapping, at most [`SPANS_KEPT`]. What lies between two is not known: no run, or no metric.
    pub spans: Vec<Span>,
    /// The last minute that had a value of up time: without one since, nothing is known of how it ran, and that is not good and not bad.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub valued_at: Option<Timestamp>,
    /// The last minute in which records went through.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub records_at: Option<Timestamp>,
}

/// The minutes that were read, whether or not there was anything in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Known {
    /// The first.
    pub from: Timestamp,
    /// The end of the last. Younger ones may still change.
    pub until: Timestamp,
}

/// A time in which an application did one thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Span {
    /// Begin. Of a run: when its job started to run, by its up time.
    pub from: Timestamp,
    /// End: the last minute that showed it.
    pub until: Timestamp,
    /// What it did.
    #[serde(flatten)]
    pub ran: Ran,
}

impl Span {
    /// Since when every task was up, at the latest: no checkpoint was due in the interval before the first that completed, and until then tasks may have been initialising. The begin,
    /// where that is not known.
    pub(crate) fn well_from(&self, checkpoint_interval_secs: Option<u32>) -> Timestamp {
        match (self.ran, checkpoint_interval_secs) {
            (
                Ran::Up {
                    first_checkpoint_at: Some(first),
                    ..
                },
                Some(interval),
            ) => self
                .from
                .max(first - SignedDuration::from_secs(i64::from(interval))),
            _ => self.from,
        }
    }
}

/// What an application did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ran", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Ran {
    /// One run of its job, undisturbed. It proves nothing without checkpoints and records: up time runs while tasks are still initialising.
    Up {
        /// Checkpoints that completed: minutes in which the last one's size or duration changed. None where the metric was not read.
        checkpoints: Option<u32>,
        /// Minutes with records. None where the metric was not read.
        records: Option<u32>,
        /// The end of the minute in which its first checkpoint completed: every task was up by then. None where that was not seen.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        first_checkpoint_at: Option<Timestamp>,
    },
    /// Faults, no two of them further apart than a soak.
    Failing {
        /// How many. What happens within half a minute of the first is one.
        incidents: u32,
    },
}

/// A metric that a history is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum SeriesMetric {
    /// `uptime`, or `runningTime` from Flink 2.2 on, in milliseconds.
    UpTime,
    /// `fullRestarts` or `numRestarts`: the higher where both are there.
    Restarts,
    /// `lastCheckpointDuration`.
    CheckpointDuration,
    /// `lastCheckpointSize`.
    CheckpointSize,
    /// `numRecordsIn`.
    RecordsIn,
    /// `numRecordsOut`.
    RecordsOut,
}

/// An answer of CloudWatch: some metrics over one time. A metric that is not in it was not read; one without points had none.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesRead {
    /// Begin of the first period.
    pub from: Timestamp,
    /// End of the last period.
    pub until: Timestamp,
    /// The length of a period: 60, 300 or 3600 seconds.
    pub period_secs: u32,
    /// The metrics that were read completely.
    pub series: Vec<Series>,
}

/// One metric: the maximum of each period that has a value.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Which.
    pub metric: SeriesMetric,
    /// Oldest first. A period without a value has none: missing is not zero.
    pub points: Vec<Point>,
}

/// The maximum of a period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The period's begin.
    pub at: Timestamp,
    /// The maximum.
    pub value: f64,
}

//! How metrics come to CloudWatch, where AWS does not say or nobody could measure: a reader must work whichever way these turn out.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::MINUTE_SECS;

/// The times by state, which AWS lists with the dimensions Application and Flow.
const WITH_FLOW: [&str; 4] = [
    "runningTime",
    "restartingTime",
    "failingTime",
    "cancellingTime",
];
/// What a minute holds of the counters of records: documented as four snapshots, so that a Sum is four times too large.
const SNAPSHOTS: f64 = 4.0;
const DAY_SECS: i64 = 86_400;

/// What becomes of a value that Flink has no number for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Unset {
    /// It is sent as Flink has it: -1, or 0.
    Sent,
    /// It is not sent.
    Missing,
}

/// What is seen of a job that has ended while its application is still RUNNING.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum EndOfJob {
    /// Nothing: its metrics end with it.
    Missing,
    /// What its gauges say: up time and down time are -1.
    MinusOne,
    /// The last values before the end, again and again.
    Frozen,
}

/// The settings. By default, what can be known of AWS, as long as alarms see what they always saw.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct MetricSettings {
    /// From the end of a minute to when GetMetricData has it: at least and at most so many seconds.
    pub delay_secs: (i64, i64),
    /// Whether alarms wait for late values too.
    pub alarms_see_the_delay: bool,
    /// About once in so many seconds a minute or two of an application never come, for GetMetricData; 0 for never.
    pub gap_every_secs: i64,
    /// Samples of a minute: 1 or 4.
    pub samples: u32,
    /// Size and duration of the last checkpoint, before there is one.
    pub before_first_checkpoint: Unset,
    /// The counter of restarts while it is 0.
    pub counter_at_zero: Unset,
    /// A job that has ended.
    pub end_of_job: EndOfJob,
    /// The value of the dimension Flow of the times by state; None where they have Application alone.
    pub flow: Option<String>,
    /// From the first value of a metric to when ListMetrics names it.
    pub listed_after_secs: i64,
    /// Metrics that no Flink sends any more.
    pub removed: BTreeSet<String>,
}

impl Default for MetricSettings {
    fn default() -> Self {
        Self {
            delay_secs: (60, 180),
            alarms_see_the_delay: false,
            gap_every_secs: DAY_SECS,
            samples: 1,
            before_first_checkpoint: Unset::Missing,
            counter_at_zero: Unset::Sent,
            end_of_job: EndOfJob::Missing,
            flow: None,
            listed_after_secs: 15 * MINUTE_SECS,
            removed: BTreeSet::new(),
        }
    }
}

impl MetricSettings {
    /// At once and whole: what is there is seen.
    #[must_use]
    pub fn prompt() -> Self {
        Self {
            delay_secs: (0, 0),
            gap_every_secs: 0,
            listed_after_secs: 0,
            ..Self::default()
        }
    }

    /// The Flow dimension that this metric has.
    pub(super) fn flow_of(&self, name: &str) -> Option<&str> {
        self.flow.as_deref().filter(|_| WITH_FLOW.contains(&name))
    }

    /// Whether this value of this metric is sent.
    pub(super) fn sends(&self, name: &str, value: f64) -> bool {
        let unset = match name {
            "lastCheckpointDuration" | "lastCheckpointSize" if value < 0.0 => {
                self.before_first_checkpoint
            }
            "fullRestarts" | "numRestarts" if value == 0.0 => self.counter_at_zero,
            _ => Unset::Sent,
        };
        unset == Unset::Sent && !self.removed.contains(name)
    }

    /// How many samples one value stands for.
    pub(super) fn samples_of(&self, name: &str) -> f64 {
        if name.starts_with("numRecords") {
            SNAPSHOTS / f64::from(self.samples)
        } else {
            1.0
        }
    }

    /// Seconds between two samples.
    pub(super) fn sample_secs(&self) -> i64 {
        MINUTE_SECS / i64::from(self.samples.max(1))
    }

    /// When a sample of this application can be read, by the start of its time. Those of a minute come one after the other, and none before the minute before is whole.
    pub(super) fn readable_at(&self, application: &str, at: i64) -> i64 {
        let (least, most) = self.delay_secs;
        let spread = (most - least).max(0);
        let late = |minute: i64| {
            let drawn = hash(application, minute) % (spread.unsigned_abs() + 1);
            minute + least + i64::try_from(drawn).unwrap_or(0)
        };
        // An earlier minute that is very late holds up those after it.
        let begins = |minute: i64| {
            let held_up = (0..=spread / MINUTE_SECS).map(|back| late(minute - back * MINUTE_SECS));
            held_up.max().unwrap_or(minute)
        };
        let minute = at - at.rem_euclid(MINUTE_SECS);
        let whole_before = begins(minute - MINUTE_SECS) + MINUTE_SECS;
        (begins(minute) + (at - minute) + self.sample_secs()).max(whole_before)
    }

    /// Whether this sample has come by now.
    pub(super) fn is_readable(&self, application: &str, at: i64, now: Timestamp) -> bool {
        self.readable_at(application, at) <= now.as_second() && !self.is_lost(application, at)
    }

    /// Whether this minute of the application never comes.
    pub(super) fn is_lost(&self, application: &str, minute: i64) -> bool {
        if self.gap_every_secs <= 0 {
            return false;
        }
        let span = self.gap_every_secs.max(10 * MINUTE_SECS);
        let index = minute.div_euclid(span);
        let drawn = hash(application, index);
        let minutes = u64::try_from(span / MINUTE_SECS - 1).unwrap_or(1);
        let first = index * span / MINUTE_SECS + i64::try_from(drawn % minutes).unwrap_or(0);
        let length = 1 + i64::try_from(drawn >> 40 & 1).unwrap_or(0);
        (first..first + length).contains(&minute.div_euclid(MINUTE_SECS))
    }
}

/// A number that is the same for the same name and number.
fn hash(text: &str, number: i64) -> u64 {
    let bytes = text.bytes().chain(number.to_le_bytes());
    let fnv = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    fnv ^ (fnv >> 29)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn minutes_come_one_to_three_minutes_late_and_in_order() {
        let settings = MetricSettings::default();
        let mut last = 0;
        for minute in (0..6_000).map(|n| n * MINUTE_SECS) {
            let at = settings.readable_at("orders", minute);
            let late = at - minute - MINUTE_SECS;
            assert!((60..=180).contains(&late), "{late} s");
            assert!(at >= last);
            last = at;
        }
    }

    #[test]
    fn about_one_gap_a_day_is_a_minute_or_two_long() {
        let settings = MetricSettings::default();
        let lost: Vec<i64> = (0..30 * 1_440)
            .filter(|n| settings.is_lost("orders", n * MINUTE_SECS))
            .collect();
        assert!((30..=60).contains(&lost.len()), "{}", lost.len());
        let runs = lost.windows(2).filter(|pair| pair[1] - pair[0] > 1).count() + 1;
        assert!((28..=30).contains(&runs), "{runs}");
        let none = MetricSettings::prompt();
        assert!((0..2_000).all(|n| !none.is_lost("orders", n * MINUTE_SECS)));
    }
}

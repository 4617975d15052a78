//! Real time and the region's: pairs of moments that were the same, and the translation of what Flink says.
//!
//! The region's clock runs several times as fast as this machine's, and stands while a real process is asked (see [`super`]). So there is no one factor between the two; what there is
//! are pairs of moments, noted often, and straight lines between them.
//!
//! Invariant: order is kept. What Flink says was earlier is never later in the region.

use std::sync::{Mutex, MutexGuard};
use std::time::SystemTime;

use serde_json::Value;

use crate::flink::Millis;

/// A number within this of now is a moment: durations are far shorter, and Flink's other numbers smaller.
const A_MONTH: Millis = 30 * 86_400_000;

/// Moments that are the same, in real time and in the region's, oldest first.
#[derive(Debug)]
pub(super) struct Times(Mutex<Vec<(Millis, Millis)>>);

/// This machine's time.
pub(super) fn real_now() -> Millis {
    #[expect(
        clippy::disallowed_methods,
        reason = "real Flink lives in real time; everything else of the region asks its clock"
    )]
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Millis::try_from(since.as_millis()).unwrap_or(Millis::MAX)
}

impl Times {
    pub(super) fn starting(region: Millis) -> Self {
        Self(Mutex::new(vec![(real_now(), region)]))
    }

    fn pairs(&self) -> MutexGuard<'_, Vec<(Millis, Millis)>> {
        self.0
            .lock()
            .expect("no thread panics while it holds the moments")
    }

    /// It is `region` now.
    pub(super) fn note(&self, region: Millis) {
        self.note_that(real_now(), region);
    }

    /// At `real` it was `region`. Neither goes back: a machine's clock that is set back meanwhile counts as standing.
    pub(super) fn note_that(&self, real: Millis, region: Millis) {
        let mut pairs = self.pairs();
        let last = *pairs.last().expect("there is a first pair");
        pairs.push((real.max(last.0), region.max(last.1)));
    }

    /// What was placed when the region opened began long before: from then until now is one straight line.
    pub(super) fn began(&self, real: Millis, region: Millis, opened: Millis) {
        *self.pairs() = vec![(real, region), (real_now().max(real + 1), opened)];
    }

    /// The region's time at a moment of real time. What is later than the last pair is as late as that.
    pub(super) fn region(&self, real: Millis) -> Millis {
        let pairs = self.pairs();
        let after = pairs.partition_point(|(at, _)| *at <= real);
        let Some(&(from, region_from)) = after.checked_sub(1).and_then(|before| pairs.get(before))
        else {
            let first = pairs[0];
            return first.1 - (first.0 - real);
        };
        let Some(&(to, region_to)) = pairs.get(after) else {
            return region_from;
        };
        region_from + (region_to - region_from) * (real - from) / (to - from).max(1)
    }

    /// What has lasted for `millis` of real time at `real` has lasted that long in the region, where it is `now`: what began before the region opened lasts since then.
    pub(super) fn since(&self, real: Millis, millis: f64, now: Millis) -> f64 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "a time since something began in this process, in milliseconds"
        )]
        let began = self.region(real - millis as Millis);
        (now - began).max(1) as f64
    }

    /// The last moment of real time at which it was `region`.
    pub(super) fn real(&self, region: Millis) -> Millis {
        let pairs = self.pairs();
        let after = pairs.partition_point(|(_, at)| *at <= region);
        let Some(&(from, region_from)) = after.checked_sub(1).and_then(|before| pairs.get(before))
        else {
            return pairs[0].0;
        };
        let Some(&(to, region_to)) = pairs.get(after) else {
            return from;
        };
        from + (to - from) * (region - region_from) / (region_to - region_from).max(1)
    }

    /// An answer of Flink with its moments in the region's time. Durations stay as Flink measured them.
    pub(super) fn translate(&self, answer: &mut Value, now: Millis) {
        match answer {
            Value::Array(items) => items.iter_mut().for_each(|item| self.translate(item, now)),
            Value::Object(members) => members
                .values_mut()
                .for_each(|member| self.translate(member, now)),
            Value::Number(number) => {
                if let Some(moment) = number
                    .as_i64()
                    .filter(|moment| (moment - now).abs() < A_MONTH)
                {
                    *answer = self.region(moment).into();
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn times(pairs: &[(Millis, Millis)]) -> Times {
        Times(Mutex::new(pairs.to_vec()))
    }

    #[test]
    fn between_two_pairs_time_is_a_straight_line() {
        let times = times(&[(1_000, 50_000), (2_000, 56_000), (2_500, 56_000)]);
        assert_eq!(
            [49_000, 50_000, 53_000, 56_000, 60_000].map(|region| times.real(region)),
            [1_000, 1_000, 1_500, 2_500, 2_500]
        );
        assert_eq!(
            [900, 1_000, 1_500, 2_000, 2_200, 2_500, 9_999].map(|real| times.region(real)),
            [49_900, 50_000, 53_000, 56_000, 56_000, 56_000, 56_000]
        );
    }

    #[test]
    fn what_lasts_began_at_one_moment_whenever_it_is_asked() {
        // The region's clock stands from 2,000 on, while a process is asked for half a second.
        let times = times(&[
            (1_000, 50_000),
            (2_000, 56_000),
            (2_500, 56_000),
            (3_000, 59_000),
        ]);
        let began = |real, lasted, now| now - times.since(real, lasted, now) as Millis;
        assert_eq!(began(2_000, 500.0, 56_000), 53_000);
        assert_eq!(began(3_000, 1_500.0, 59_000), 53_000);
    }

    #[test]
    fn order_is_kept_when_the_machine_sets_its_clock_back() {
        let times = times(&[(1_000, 50_000)]);
        times.note_that(3_000, 60_000);
        times.note_that(2_000, 61_000);
        let regions: Vec<Millis> = (0..5_000)
            .step_by(100)
            .map(|real| times.region(real))
            .collect();
        assert!(regions.is_sorted(), "{regions:?}");
    }

    #[test]
    fn moments_are_translated_and_durations_counts_and_nones_are_not() {
        let now = 1_700_000_000_000;
        let times = times(&[(now - 1_000, 6_000), (now, 12_000)]);
        let mut answer = json!({ "start-time": now - 500, "end-time": -1, "duration": 500, "vertices": [{ "tasks": { "RUNNING": 2 }, "now": now }], "name": "orders" });
        times.translate(&mut answer, now);
        assert_eq!(
            answer,
            json!({ "start-time": 9_000, "end-time": -1, "duration": 500, "vertices": [{ "tasks": { "RUNNING": 2 }, "now": 12_000 }], "name": "orders" })
        );
    }
}

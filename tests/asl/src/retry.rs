//! Retry: which retrier takes an error, and how long it waits before the next attempt.

use std::time::Duration;

use super::{errors, fields::Fields};

/// AWS's defaults.
const INTERVAL_SECONDS: u64 = 1;
const MAX_ATTEMPTS: u64 = 3;
const BACKOFF_RATE: f64 = 2.0;
/// AWS's bound on IntervalSeconds and MaxDelaySeconds; also what keeps a large BackoffRate within a Duration.
const LONGEST_SECONDS: u64 = 31_622_400;

/// One entry of Retry.
#[derive(Debug)]
pub(super) struct Retrier {
    error_equals: Vec<String>,
    interval_seconds: u64,
    max_attempts: u64,
    backoff_rate: f64,
    max_delay_seconds: Option<u64>,
    full_jitter: bool,
}

impl Retrier {
    /// Takes the fields beside ErrorEquals.
    pub(super) fn read(error_equals: Vec<String>, fields: &mut Fields) -> Result<Self, String> {
        let interval_seconds = fields
            .integer("IntervalSeconds", 1)?
            .unwrap_or(INTERVAL_SECONDS);
        let max_delay_seconds = fields.integer("MaxDelaySeconds", 1)?;
        if max_delay_seconds.is_some_and(|most| most <= interval_seconds) {
            return Err(format!(
                "{}: MaxDelaySeconds is not above IntervalSeconds",
                fields.at()
            ));
        }
        if interval_seconds.max(max_delay_seconds.unwrap_or(0)) >= LONGEST_SECONDS {
            return Err(format!(
                "{}: delays must stay below {LONGEST_SECONDS} seconds",
                fields.at()
            ));
        }
        let backoff_rate = match fields.take("BackoffRate") {
            None => BACKOFF_RATE,
            Some(rate) => rate.as_f64().filter(|rate| *rate >= 1.0).ok_or_else(|| {
                format!("{}: BackoffRate is no number of at least 1", fields.at())
            })?,
        };
        let full_jitter = match fields.string("JitterStrategy")?.as_deref() {
            None | Some("NONE") => false,
            Some("FULL") => true,
            Some(other) => {
                return Err(format!(
                    "{}: JitterStrategy {other} is neither FULL nor NONE",
                    fields.at()
                ));
            }
        };
        let max_attempts = fields.integer("MaxAttempts", 0)?.unwrap_or(MAX_ATTEMPTS);
        Ok(Self {
            error_equals,
            interval_seconds,
            max_attempts,
            backoff_rate,
            max_delay_seconds,
            full_jitter,
        })
    }

    /// The wait before the attempt after `failed` attempts of this retrier: between nothing and all of it with full jitter.
    fn delay(&self, failed: u64, rng: &mut fastrand::Rng) -> Duration {
        let exponent = i32::try_from(failed).unwrap_or(i32::MAX);
        #[allow(clippy::cast_precision_loss)]
        let (interval, longest) = (
            self.interval_seconds as f64,
            self.max_delay_seconds.unwrap_or(LONGEST_SECONDS) as f64,
        );
        let delay = (interval * self.backoff_rate.powi(exponent)).min(longest);
        Duration::from_secs_f64(if self.full_jitter {
            delay * rng.f64()
        } else {
            delay
        })
    }
}

/// One visit's count of attempts, a counter for each retrier. A new visit starts with new counters.
pub(super) struct Retries<'a> {
    retriers: &'a [Retrier],
    failed: Vec<u64>,
}

impl<'a> Retries<'a> {
    pub(super) fn new(retriers: &'a [Retrier]) -> Self {
        Self {
            retriers,
            failed: vec![0; retriers.len()],
        }
    }

    /// How long to wait before trying again; none when no retrier takes the error, or the first that does has no attempts left.
    pub(super) fn next(&mut self, error: &str, rng: &mut fastrand::Rng) -> Option<Duration> {
        let (retrier, failed) = self
            .retriers
            .iter()
            .zip(&mut self.failed)
            .find(|(retrier, _)| errors::matches(&retrier.error_equals, error))?;
        if *failed >= retrier.max_attempts {
            return None;
        }
        *failed += 1;
        Some(retrier.delay(*failed - 1, rng))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn retrier(errors: &[&str], rest: Value) -> Retrier {
        let mut fields = Fields::of(rest, "here").unwrap();
        let retrier = Retrier::read(
            errors.iter().map(|&error| error.to_owned()).collect(),
            &mut fields,
        )
        .unwrap();
        fields.close().unwrap();
        retrier
    }

    fn delays(retries: &mut Retries<'_>, error: &str) -> Vec<f64> {
        let mut rng = fastrand::Rng::with_seed(1);
        std::iter::from_fn(|| retries.next(error, &mut rng))
            .take(20)
            .map(|delay| delay.as_secs_f64())
            .collect()
    }

    #[test]
    fn aws_defaults_wait_one_two_and_four_seconds() {
        let retriers = [retrier(&["States.ALL"], json!({}))];
        assert_eq!(
            delays(&mut Retries::new(&retriers), "Boom"),
            [1.0, 2.0, 4.0]
        );
    }

    #[test]
    fn back_off_stops_at_the_longest_delay() {
        let retriers = [retrier(
            &["Boom"],
            json!({ "IntervalSeconds": 3, "BackoffRate": 10, "MaxAttempts": 4, "MaxDelaySeconds": 60 }),
        )];
        assert_eq!(
            delays(&mut Retries::new(&retriers), "Boom"),
            [3.0, 30.0, 60.0, 60.0]
        );
    }

    #[test]
    fn each_retrier_counts_for_itself_and_the_first_match_decides() {
        let retriers = [
            retrier(&["Boom"], json!({ "MaxAttempts": 1 })),
            retrier(
                &["States.ALL"],
                json!({ "IntervalSeconds": 9, "MaxAttempts": 1 }),
            ),
        ];
        let mut retries = Retries::new(&retriers);
        assert_eq!(
            delays(&mut retries, "Boom"),
            [1.0],
            "an exhausted retrier does not hand on to the next"
        );
        assert_eq!(delays(&mut retries, "Bang"), [9.0]);
    }

    #[test]
    fn full_jitter_stays_between_nothing_and_the_delay() {
        let retriers = [retrier(
            &["Boom"],
            json!({ "IntervalSeconds": 100, "BackoffRate": 1, "MaxAttempts": 20, "JitterStrategy": "FULL" }),
        )];
        let delays = delays(&mut Retries::new(&retriers), "Boom");
        assert_eq!(delays.len(), 20);
        assert!(
            delays.iter().all(|delay| (0.0..100.0).contains(delay)),
            "{delays:?}"
        );
        assert!(
            delays.iter().any(|delay| *delay > 60.0) && delays.iter().any(|delay| *delay < 40.0),
            "{delays:?}"
        );
    }

    #[test]
    fn a_huge_back_off_rate_stays_a_duration() {
        let retriers = [retrier(
            &["Boom"],
            json!({ "BackoffRate": 1e300, "MaxAttempts": 20 }),
        )];
        assert_eq!(delays(&mut Retries::new(&retriers), "Boom").len(), 20);
    }
}

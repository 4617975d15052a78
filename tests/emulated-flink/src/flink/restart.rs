//! When Flink restarts a job after a fault, and when it gives up.

use super::Millis;
use super::code::RestartStrategy;

/// A restart strategy and what it remembers between faults.
#[derive(Clone, Debug)]
pub struct Backoff {
    strategy: RestartStrategy,
    restarts: u32,
    /// The delay before the next restart, of the exponential strategy.
    next_ms: f64,
    /// When the job last began to run.
    running_since: Millis,
    /// Until when the last restart waits.
    until: Millis,
}

impl Backoff {
    /// Before the first fault.
    pub fn new(strategy: RestartStrategy, running_since: Millis) -> Self {
        Self {
            strategy,
            restarts: 0,
            next_ms: first_delay(strategy),
            running_since,
            until: Millis::MIN,
        }
    }

    /// When the restart is due into which a fault at `at` falls, where the strategy merges faults that come close together.
    pub fn merges(&self, at: Millis) -> Option<Millis> {
        let exponential = matches!(self.strategy, RestartStrategy::ExponentialDelay { .. });
        (exponential && at <= self.until).then_some(self.until)
    }

    /// A fault at `at`: milliseconds until the restart, or None when recovery is suppressed.
    pub fn fault(&mut self, at: Millis) -> Option<Millis> {
        let delay = match self.strategy {
            RestartStrategy::None => return None,
            RestartStrategy::FixedDelay {
                attempts: Some(attempts),
                ..
            } if self.restarts >= attempts => return None,
            RestartStrategy::FixedDelay { delay, .. } => millis(delay),
            RestartStrategy::ExponentialDelay {
                max,
                multiplier,
                reset_after,
                ..
            } => {
                if at - self.running_since >= millis(reset_after) {
                    self.next_ms = first_delay(self.strategy);
                }
                let delay = self.next_ms;
                self.next_ms = (delay * multiplier).min(max.as_secs_f64() * 1000.0);
                delay.round() as Millis
            }
        };
        self.restarts += 1;
        self.until = at + delay;
        Some(delay)
    }

    /// The job runs again.
    pub fn running(&mut self, at: Millis) {
        self.running_since = at;
    }

    /// Whether it will never give up.
    pub fn is_endless(&self) -> bool {
        match self.strategy {
            RestartStrategy::FixedDelay { attempts, .. } => attempts.is_none(),
            RestartStrategy::ExponentialDelay { .. } => true,
            RestartStrategy::None => false,
        }
    }

    /// How Flink names the strategy when it gives up.
    pub fn describe(&self) -> String {
        match self.strategy {
            RestartStrategy::None => "NoRestartBackoffTimeStrategy".to_owned(),
            RestartStrategy::FixedDelay { delay, attempts } => format!(
                "FixedDelayRestartBackoffTimeStrategy(maxNumberRestartAttempts={}, backoffTimeMS={})",
                attempts.map_or(i64::from(i32::MAX), i64::from),
                delay.as_millis()
            ),
            RestartStrategy::ExponentialDelay { .. } => {
                "ExponentialDelayRestartBackoffTimeStrategy".to_owned()
            }
        }
    }
}

fn first_delay(strategy: RestartStrategy) -> f64 {
    match strategy {
        RestartStrategy::ExponentialDelay { initial, .. } => initial.as_secs_f64() * 1000.0,
        RestartStrategy::FixedDelay { .. } | RestartStrategy::None => 0.0,
    }
}

/// A duration in Flink's unit.
pub(super) fn millis(duration: std::time::Duration) -> Millis {
    Millis::try_from(duration.as_millis())
        .expect("no scenario lasts longer than the age of the universe")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_fixed_delay_gives_up_after_its_attempts() {
        let mut backoff = Backoff::new(
            RestartStrategy::FixedDelay {
                delay: Duration::from_secs(1),
                attempts: Some(2),
            },
            0,
        );
        assert_eq!(
            [backoff.fault(1), backoff.fault(2), backoff.fault(3)],
            [Some(1000), Some(1000), None]
        );
    }

    #[test]
    fn an_exponential_delay_grows_to_its_maximum_and_starts_again_after_a_long_run() {
        let strategy = RestartStrategy::ExponentialDelay {
            initial: Duration::from_secs(1),
            max: Duration::from_secs(3),
            multiplier: 2.0,
            reset_after: Duration::from_secs(60),
        };
        let mut backoff = Backoff::new(strategy, 0);
        assert_eq!(
            [
                backoff.fault(1),
                backoff.fault(2),
                backoff.fault(3),
                backoff.fault(4)
            ],
            [Some(1000), Some(2000), Some(3000), Some(3000)]
        );
        backoff.running(10_000);
        assert_eq!(backoff.fault(70_000), Some(1000));
    }

    #[test]
    fn without_a_strategy_the_first_fault_is_the_last() {
        assert_eq!(Backoff::new(RestartStrategy::None, 0).fault(1), None);
    }
}

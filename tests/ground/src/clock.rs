//! The region's clock: tokio's clock, counted from a fixed date.
//!
//! Invariant: nothing in the sandbox asks the machine for the time. With tokio's clock paused, time is virtual: it jumps to the next timer when all tasks
//! are idle, so an hour of an application's life takes milliseconds and the same seed gives the same trace.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

/// Tells the region's time. Cheap to clone; all clones agree.
#[derive(Clone, Debug)]
pub struct Clock {
    /// The date at which the region was opened.
    epoch: Timestamp,
    opened: Instant,
}

impl Clock {
    /// Starts the clock at `epoch`. Needs a tokio runtime.
    pub fn starting_at(epoch: Timestamp) -> Self {
        Self {
            epoch,
            opened: Instant::now(),
        }
    }

    /// The region's time, to the millisecond (what the services' JSON carries).
    pub fn now(&self) -> Timestamp {
        self.at(Instant::now())
    }

    /// The region's time at one of tokio's instants.
    pub fn at(&self, instant: Instant) -> Timestamp {
        let elapsed = instant.saturating_duration_since(self.opened);
        let millis = i64::try_from(elapsed.as_millis())
            .expect("a run is shorter than the age of the universe");
        self.epoch + SignedDuration::from_millis(millis)
    }

    /// Time since the region was opened.
    pub fn elapsed(&self) -> Duration {
        self.opened.elapsed()
    }

    /// Sleeps until the region's time is `when`; returns at once when it has passed.
    pub async fn sleep_until(&self, when: Timestamp) {
        let left = when.duration_since(self.now());
        if let Ok(left) = Duration::try_from(left) {
            tokio::time::sleep(left).await;
        }
    }
}

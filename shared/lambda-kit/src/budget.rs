//! The time that an invocation gives to a part of its work, so that it answers before Lambda ends it.
//!
//! An invocation that is ended has no answer: what it read is lost, what it changed is unknown, and the next try begins at the beginning. So a loop over many things stops
//! beginning new ones in time, and says which are left. Measured from the invocation's start by the process's own clock: the deadline that Lambda names is another clock's.

use std::{future::Future, time::Duration};

use tokio::time::{Instant, timeout_at};

/// How much of an invocation's time is left for something.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    until: Instant,
}

impl Budget {
    /// From now on, `span`.
    #[must_use]
    pub fn of(span: Duration) -> Self {
        Self {
            until: Instant::now() + span,
        }
    }

    /// Whether it is used up: nothing more is begun.
    #[must_use]
    pub fn is_spent(self) -> bool {
        Instant::now() >= self.until
    }

    /// What `work` comes to, if it comes in time. None when it does not, or when it is too late to begin it.
    pub async fn within<T>(self, work: impl Future<Output = T>) -> Option<T> {
        if self.is_spent() {
            return None;
        }
        timeout_at(self.until, work).await.ok()
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_comes_in_time_is_taken_and_what_does_not_is_left() {
        let budget = Budget::of(Duration::from_secs(10));
        let after = |secs| async move { sleep(Duration::from_secs(secs)).await };
        assert_eq!(budget.within(after(9)).await, Some(()));
        assert!(!budget.is_spent());
        assert_eq!(budget.within(after(2)).await, None);
        assert!(budget.is_spent());
    }

    #[tokio::test(start_paused = true)]
    async fn too_late_nothing_is_begun() {
        let budget = Budget::of(Duration::ZERO);
        let begun = std::cell::Cell::new(false);
        let work = async { begun.set(true) };
        assert_eq!(budget.within(work).await, None);
        assert!(!begun.get());
    }
}

//! Lock-step: the region's time stands still while another engine computes.
//!
//! Another engine runs on the machine's clock, the region on tokio's paused one. Whoever computes over there is counted here, and while anybody is, a blocking task is
//! under way, which keeps tokio's clock from jumping; sockets are served all the while. So a run takes the same instants as one inside the region, whatever the speed of
//! the other engine.

use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use tokio::sync::Notify;

/// Counts who computes. Cheap to clone; all clones count together.
#[derive(Clone, Default)]
pub struct Lockstep(Arc<Count>);

#[derive(Default)]
struct Count {
    computing: Mutex<Computing>,
    changed: Condvar,
    begun: Notify,
}

#[derive(Default)]
struct Computing {
    lines: usize,
    released: bool,
}

/// Somebody computes for as long as this is there.
pub struct Held(Lockstep);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.ends();
    }
}

/// Somebody who was computing waits for as long as this is there.
pub struct Waiting(Lockstep);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.begins();
    }
}

impl Lockstep {
    /// One more computes.
    pub fn begins(&self) {
        self.computing().lines += 1;
        self.0.begun.notify_one();
    }

    /// One less computes. Gives false when nobody did, which is a defect of the other engine's launcher.
    pub fn ends(&self) -> bool {
        let mut computing = self.computing();
        let Some(fewer) = computing.lines.checked_sub(1) else {
            return false;
        };
        computing.lines = fewer;
        self.0.changed.notify_all();
        true
    }

    /// Time stands still until the answer is dropped.
    #[must_use]
    pub fn hold(&self) -> Held {
        self.begins();
        Held(self.clone())
    }

    /// Whoever asks this was computing, and waits until the answer is dropped.
    #[must_use]
    pub fn wait(&self) -> Waiting {
        self.ends();
        Waiting(self.clone())
    }

    /// Nobody is waited for any more.
    pub fn release(&self) {
        self.computing().released = true;
        self.0.changed.notify_all();
    }

    /// Holds time for as long as this is polled.
    pub async fn keep(self) {
        loop {
            self.0.begun.notified().await;
            while self.computing().lines > 0 && !self.computing().released {
                let count = Arc::clone(&self.0);
                if tokio::task::spawn_blocking(move || count.until_nobody_computes())
                    .await
                    .is_err()
                {
                    return;
                }
            }
        }
    }

    fn computing(&self) -> MutexGuard<'_, Computing> {
        self.0.computing.lock().expect(UNPOISONED)
    }
}

const UNPOISONED: &str = "no thread panics while it counts";

impl Count {
    fn until_nobody_computes(&self) {
        let mut computing = self.computing.lock().expect(UNPOISONED);
        while computing.lines > 0 && !computing.released {
            computing = self.changed.wait(computing).expect(UNPOISONED);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;

    /// Real work on another thread, which tokio's paused clock would not wait for.
    fn elsewhere(work: impl FnOnce() + Send + 'static) -> tokio::sync::oneshot::Receiver<()> {
        let (done, waiting) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            work();
            let _ = done.send(());
        });
        waiting
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "real time, which virtual time must wait for"
    )]
    fn compute() {
        std::thread::sleep(Duration::from_millis(30));
    }

    #[tokio::test(start_paused = true)]
    async fn time_stands_still_while_somebody_computes_and_passes_when_nobody_does() {
        let lockstep = Lockstep::default();
        tokio::spawn(lockstep.clone().keep());
        let opened = Instant::now();
        let timer = tokio::spawn(tokio::time::sleep(Duration::from_secs(5)));
        let held = lockstep.hold();
        elsewhere(compute).await.unwrap();
        assert_eq!(
            opened.elapsed(),
            Duration::ZERO,
            "nothing passed while it computed"
        );
        let waiting = lockstep.wait();
        timer.await.unwrap();
        assert_eq!(
            opened.elapsed(),
            Duration::from_secs(5),
            "it waited, so time passed"
        );
        drop((waiting, held));
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_without_a_beginning_is_told() {
        assert!(!Lockstep::default().ends());
    }

    #[tokio::test(start_paused = true)]
    async fn a_released_clock_runs_although_somebody_never_ended() {
        let lockstep = Lockstep::default();
        tokio::spawn(lockstep.clone().keep());
        lockstep.begins();
        lockstep.release();
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
}

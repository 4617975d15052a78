//! How fast the region's time passes for those who watch.
//!
//! The region always runs on tokio's paused clock, which jumps to the next timer when all tasks are idle. A pacer is one more timer: it lets a slice of virtual time
//! pass, then holds the runtime for a slice of real time. So the same seed gives the same run at any speed.

use std::{str::FromStr, time::Duration};

/// Real time between two slices; short enough for lines to appear one by one.
const SLICE: Duration = Duration::from_millis(40);

/// How fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// As fast as the machine can.
    Virtual,
    /// So many seconds of the region's time in one second; 1 is real time.
    Factor(f64),
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "virtual" => Ok(Self::Virtual),
            "real" => Ok(Self::Factor(1.0)),
            number => {
                let factor = number
                    .trim_end_matches('x')
                    .parse::<f64>()
                    .ok()
                    .filter(|factor| (0.1..=1_000_000.0).contains(factor));
                factor.map(Self::Factor).ok_or_else(|| {
                    "write real, virtual, or a factor from 0.1 to 1000000".to_owned()
                })
            }
        }
    }
}

/// Holds the region back to `speed` for as long as this is polled; `shown` is called after each slice.
pub async fn hold(speed: Speed, mut shown: impl FnMut()) {
    let Speed::Factor(factor) = speed else {
        return std::future::pending().await;
    };
    let slice = SLICE.mul_f64(factor).max(Duration::from_millis(1));
    loop {
        tokio::time::sleep(slice).await;
        shown();
        // While a blocking task is under way tokio's paused clock does not jump, and sockets are still served.
        let held = tokio::task::spawn_blocking(|| {
            #[expect(
                clippy::disallowed_methods,
                reason = "this is the one place that makes real time pass"
            )]
            std::thread::sleep(SLICE);
        });
        if held.await.is_err() {
            return;
        }
    }
}

/// Does what takes real time (a process that works), while the region's time passes as the machine's does: it neither jumps to the next timer nor stands still.
pub async fn in_real_time<T>(work: impl Future<Output = T>) -> T {
    tokio::select! {
        biased;
        done = work => done,
        never = beat() => match never {},
    }
}

async fn beat() -> std::convert::Infallible {
    loop {
        // Let go as soon as the work is done: the sender is dropped with this future.
        let (_working, done) = std::sync::mpsc::channel::<()>();
        let held = tokio::task::spawn_blocking(move || done.recv_timeout(SLICE));
        // A thread that cannot be had leaves the region's time to jump, which makes nothing wrong but the time.
        let _ = held.await;
        tokio::time::sleep(SLICE).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_a_word_or_a_factor() {
        assert_eq!("virtual".parse(), Ok(Speed::Virtual));
        assert_eq!("real".parse(), Ok(Speed::Factor(1.0)));
        assert_eq!("60x".parse(), Ok(Speed::Factor(60.0)));
        for wrong in ["", "fast", "0", "-3", "NaN", "inf"] {
            assert!(wrong.parse::<Speed>().is_err(), "{wrong}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_takes_real_time_does_not_let_the_clock_jump() {
        let (done, answer) = tokio::sync::oneshot::channel();
        // A timer an hour away: without the pace, the clock would be there at once.
        let timer = tokio::spawn(tokio::time::sleep(Duration::from_secs(3600)));
        let began = tokio::time::Instant::now();
        std::thread::spawn(move || {
            let (_never, wait) = std::sync::mpsc::channel::<()>();
            let _ = wait.recv_timeout(3 * SLICE);
            let _ = done.send(7);
        });
        assert_eq!(in_real_time(answer).await, Ok(7));
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{:?}",
            began.elapsed()
        );
        timer.await.unwrap();
        assert!(
            began.elapsed() >= Duration::from_secs(3600),
            "and afterwards it jumps again"
        );
    }
}

//! After a simulated run: until nobody is at work any more.

use std::time::Duration;

use crate::region::{REMEDIATE, Region};

/// After the last execution has ended, so long nothing new must begin.
const QUIET: Duration = Duration::from_secs(900);
/// Alarms ring until so long after the run; then what loops may loop on, unseen.
const AWAKE: Duration = Duration::from_secs(5_400);
/// Between two looks whether executions are still under way.
const GLANCE: Duration = Duration::from_secs(60);
/// The state machine's own time-out is an hour after the longest deadline.
const AT_MOST: Duration = Duration::from_secs(18_000 + 10_800);

/// Until every rescue has ended and no new one has begun for a while; then the schedules stop, and what they began ends.
pub async fn await_the_end(region: &Region) {
    let (began, mut quiet) = (tokio::time::Instant::now(), Duration::ZERO);
    let remediate = region.machine(REMEDIATE);
    while quiet < QUIET && began.elapsed() < AT_MOST {
        tokio::time::sleep(GLANCE).await;
        if began.elapsed() >= AWAKE {
            region.cloudwatch().clear_sources();
        }
        quiet = if region.states().running_of(remediate) == 0 {
            quiet + GLANCE
        } else {
            Duration::ZERO
        };
    }
    region.bus().stop_schedules();
    while region.states().running() > 0 && began.elapsed() < AT_MOST {
        tokio::time::sleep(GLANCE).await;
    }
}

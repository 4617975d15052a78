//! A loop that is slower than a soak: the same fault again and again, and each time the job had run well for a while.
//!
//! Each look between two faults finds the application healthy, so only Flink's history of exceptions tells. It is judged like any other trouble, except that its version has soaked.

use jiff::Timestamp;

use crate::{Assessment, Observation, Policy, Progress, Request};

/// The slow alarm's window.
const WINDOW_SECS: i64 = 3_600;
/// So many times the same fault within it.
const TIMES: usize = 3;

/// What an application is instead of healthy, where it is so for the moment only. What a rescue or a person's word is about has only to soak.
#[must_use]
pub fn slower_than_a_soak(
    seen: &Observation,
    assessment: &Assessment,
    progress: &Progress,
    request: Option<&Request>,
    policy: &Policy,
) -> Option<Assessment> {
    let is_fresh = request.is_none() && progress.rescue.is_none() && progress.steps.is_empty();
    let is_healthy = matches!(assessment, Assessment::Healthy { .. });
    (is_fresh && is_healthy)
        .then(|| slow_loop(seen, policy))
        .flatten()
}

/// The loop, where this look at a job that is healthy for the moment shows one: the newest fault came three times within an hour, with a soak and no proven stretch between, and what
/// runs since is not proven either.
fn slow_loop(seen: &Observation, policy: &Policy) -> Option<Assessment> {
    let job = seen.job.as_ref()?;
    let began = begun_anew(&job.faults.repeats, i64::from(policy.soak_secs));
    let newest = *began.last()?;
    let fault = job.faults.newest.as_ref()?;
    let proven = i64::from(policy.proven_secs);
    let of_window = began
        .iter()
        .filter(|at| secs(**at, newest) <= WINDOW_SECS)
        .count();
    if of_window < TIMES || secs(newest, job.at) >= proven {
        return None;
    }
    let stretches = began.windows(2).rev();
    let chain = 1 + stretches
        .take_while(|pair| secs(pair[0], pair[1]) < proven)
        .count();
    (chain >= TIMES).then(|| Assessment::ComesBack {
        since: began[began.len() - chain],
        times: u32::try_from(chain).unwrap_or(u32::MAX),
        fault: fault.clone(),
    })
}

/// The incidents after which the job ran for a soak, and the first: what fails faster is one trouble.
fn begun_anew(incidents: &[Timestamp], soak: i64) -> Vec<Timestamp> {
    let mut begun = Vec::new();
    let mut last: Option<Timestamp> = None;
    for at in incidents {
        if last.is_none_or(|last| secs(last, *at) > soak) {
            begun.push(*at);
        }
        last = Some(*at);
    }
    begun
}

fn secs(from: Timestamp, until: Timestamp) -> i64 {
    until.as_second() - from.as_second()
}

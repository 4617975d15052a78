//! What is heard of deployments: CloudTrail as it is or worse, stacks, and what they tell. Drawn late and from a generator of its own, forked from the seed, so that a run keeps everything else
//! that it was before this was drawn.

use fastrand::Rng;
use sandbox::script::{Do, Script, Through, Trail};

use super::{act, any, applications, at, lasts_secs, minutes, one_in};

/// Forks the seed.
const DEPLOYMENTS: u64 = 0x6465_706c_6f79;

/// Adds it to a run that is drawn already.
pub(super) fn add(seed: u64, script: &mut Script) {
    let rng = &mut Rng::with_seed(seed ^ DEPLOYMENTS);
    if one_in(rng, 3) {
        script.world.trail = Some(trail(rng));
    }
    if one_in(rng, 4) {
        through_stacks(script);
    }
    if one_in(rng, 8) {
        let index = rng.usize(0..applications(script));
        told(rng, index, script);
    }
}

/// Minutes late and in any order; some lose events, some bring them twice.
fn trail(rng: &mut Rng) -> Trail {
    Trail {
        delay: Some(minutes(2)),
        spread: Some(minutes(any(rng, &[0, 6, 20]))),
        lost_one_in: any(rng, &[None, None, Some(5), Some(2), Some(1)]),
        twice_one_in: any(rng, &[None, None, Some(3), Some(1)]),
        refused: true,
    }
}

/// All deployments go through stacks.
fn through_stacks(script: &mut Script) {
    for step in &mut script.happens {
        if let Some(Do::Deploy { through, .. }) = &mut step.what {
            *through = Through::Stack;
        }
    }
}

/// A stack tells of what this application has nothing to do with, or of what goes wrong later.
fn told(rng: &mut Rng, index: usize, script: &mut Script) {
    let statuses = [
        "UPDATE_IN_PROGRESS",
        "UPDATE_FAILED",
        "UPDATE_COMPLETE",
        "UPDATE_ROLLBACK_IN_PROGRESS",
        "UPDATE_ROLLBACK_COMPLETE",
    ];
    for _ in 0..rng.u32(1..4) {
        let what = Do::TellOfStack {
            status: any(rng, &statuses).to_owned(),
            of_resource: rng.bool(),
            reason: String::new(),
        };
        let when = at(rng.u64(30..lasts_secs(script)));
        act(script, index, when, what);
    }
}

//! How code is deployed, and what is heard of it: objects that are overwritten in S3, CloudTrail as it is or worse, stacks, and what they tell. Drawn late and from a generator of its own, forked from the seed, so that a run keeps everything else
//! that it was before this was drawn.

use fastrand::Rng;
use sandbox::script::{Application, Do, Script, Step, Through, Trail};

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
    if one_in(rng, 10) {
        overwritten(rng, script);
    }
}

/// Somebody builds the code that is deployed over the key of what runs: to deploy it from there, or at any time.
fn overwritten(rng: &mut Rng, script: &mut Script) {
    let (in_place, later) = (rng.bool(), at(rng.u64(30..lasts_secs(script))));
    let applications = script.world.applications.as_deref().unwrap_or_default();
    let new = |(at, step): (usize, &mut Step)| {
        let of = |one: &&Application| one.name == step.application;
        let key = &applications.iter().find(of)?.versions.last()?.code;
        let Some(Do::Deploy {
            code: Some(code), ..
        }) = &mut step.what
        else {
            return None;
        };
        let what = Some(Do::Overwrite {
            key: key.clone(),
            code: code.clone(),
        });
        let application = step.application.clone();
        let when = if in_place {
            code.clone_from(key);
            step.when.take()
        } else {
            Some(later.clone())
        };
        Some((
            at,
            Step {
                when,
                application,
                what,
            },
        ))
    };
    let found = script.happens.iter_mut().enumerate().find_map(new);
    if let Some((at, overwrites)) = found {
        script.happens.insert(at, overwrites);
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

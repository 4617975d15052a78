//! What befalls clusters: drawn late and from a generator of its own, forked from the seed, so that a run keeps everything else that it was before this was drawn.

use fastrand::Rng;
use sandbox::script::{Behaviour, Code, Do, Scheduler, Script, Span, Vertex};

use super::{
    act, any, application, applications, at, code, lasts_secs, one_in, seconds, weighted, world,
    worst_moment,
};

/// Forks the seed.
const CLUSTERS: u64 = 0x636c_7573_7465_7273;

/// Adds it to a run that is drawn already.
pub(super) fn add(seed: u64, script: &mut Script) {
    let rng = &mut Rng::with_seed(seed ^ CLUSTERS);
    if one_in(rng, 4) {
        let index = rng.usize(0..applications(script));
        befall(rng, index, script);
    }
}

/// One or a few things befall the cluster of an application, whose graph may be made so that they can.
fn befall(rng: &mut Rng, index: usize, script: &mut Script) {
    let length = lasts_secs(script);
    let kind = weighted(rng, &[40, 25, 20, 15]);
    let times = if kind == 3 { 1 } else { rng.u32(1..4) };
    for _ in 0..times {
        let what = match kind {
            0 => Do::LoseJobManager,
            1 => Do::FailRegions {
                apart: Span(std::time::Duration::from_millis(any(
                    rng,
                    &[20, 150, 1_000],
                ))),
                fault: code::fault("java.net.ConnectException", "Connection refused"),
            },
            2 => Do::LoseMachine,
            _ => rescale(rng),
        };
        let when = if one_in(rng, 4) {
            worst_moment(rng)
        } else {
            at(rng.u64(30..length))
        };
        act(script, index, when, what);
    }
    match kind {
        1 | 2 => in_regions(rng, index, script),
        3 => be_adaptive(index, script),
        _ => {}
    }
}

fn rescale(rng: &mut Rng) -> Do {
    if one_in(rng, 3) {
        Do::LoseSlots {
            lasting: seconds(rng.u32(10..300).into()),
        }
    } else {
        Do::Rescale {
            parallelism: rng.u32(1..9),
        }
    }
}

/// The code of both versions that the application has when the region opens.
fn running(index: usize, script: &mut Script, change: impl Fn(&mut Code)) {
    for key in [format!("{index}-old.jar"), format!("{index}.jar")] {
        script
            .world
            .code
            .get_mut(&key)
            .into_iter()
            .for_each(&change);
    }
}

fn be_adaptive(index: usize, script: &mut Script) {
    let runtime = application(script, index).runtime.clone();
    if runtime.is_some_and(|runtime| runtime.starts_with("FLINK-2")) {
        let adaptive = Scheduler::Adaptive {
            slots_after_secs: 0,
        };
        running(index, script, |code| code.scheduler = adaptive);
    }
}

/// The application has no shuffles, and neither has what somebody deploys there.
fn in_regions(rng: &mut Rng, index: usize, script: &mut Script) {
    let regions = rng.u32(2..9);
    let change = |code: &mut Code| {
        code.vertices = Some(vec![Vertex {
            name: "Source: orders -> enrich -> sink: Writer".to_owned(),
            parallelism: regions,
        }]);
        code.failover_regions = true;
    };
    running(index, script, change);
    let name = Some(world::name_of(index));
    for step in &script.happens {
        if let Some(Do::Deploy {
            code: Some(key), ..
        }) = &step.what
            && step.application == name
            && let Some(code) = script.world.code.get_mut(key)
            && !matches!(code.behaviour, Behaviour::ThrowsInOpen { .. })
        {
            change(code);
        }
    }
}

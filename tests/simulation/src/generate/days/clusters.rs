//! What befalls clusters, bounded jobs, and days on which nothing happens.

use sandbox::script::{Behaviour, Code, Do, Through, Vertex};

use super::{
    super::{any, code, one_in, seconds},
    draft::{Draft, MINUTE},
    truth::{Blame, Right, Way},
};

pub(super) fn crash_loop(day: &mut Draft) {
    let it = day.application(&[]);
    day.hours(1, 12);
    day.undoing(it, Way::Rollback, "a version whose JobManager crashes");
    let crashes = Behaviour::JobManagerCrashes {
        after: seconds(any(&mut day.rng, &[30, 60, 100, 150])),
        gone: seconds(any(&mut day.rng, &[5, 10, 20])),
    };
    let code = Code {
        behaviour: crashes,
        ..day.good_code(it)
    };
    day.deploy(it, code, Through::Console);
}

pub(super) fn regions(day: &mut Draft) {
    let it = day.application(&[]);
    let parallelism = day.rng.u32(3..9);
    let without_shuffles = |code: &mut Code| {
        code.vertices = Some(vec![Vertex {
            name: "Source: orders -> enrich -> sink: Writer".to_owned(),
            parallelism,
        }]);
        code.failover_regions = true;
    };
    day.script
        .world
        .code
        .values_mut()
        .for_each(without_shuffles);
    day.hours(1, 6);
    let blip = |day: &mut Draft, what| {
        let apart = any(&mut day.rng, &[20, 150, 1_000]);
        let fails = Do::FailRegions {
            apart: sandbox::script::Span(std::time::Duration::from_millis(apart)),
            fault: code::fault("java.net.ConnectException", "Connection refused"),
        };
        day.harmless(it, fails, what);
    };
    blip(day, "every region fails once");
    day.hours(1, 5);
    day.deploy_good(it);
    day.now += day.rng.u64(150..400);
    blip(day, "every region fails once, soon after a deployment");
    if one_in(&mut day.rng, 2) {
        day.hours(1, 5);
        day.bad_deployment(it, "a bad deployment");
    }
}

pub(super) fn batch(day: &mut Draft) {
    let it = day.application(&[]);
    day.hours(1, 8);
    day.trouble_of(
        it,
        Right::Leave,
        Blame::TheWorld,
        false,
        "a job that comes to its end",
    );
    let behaviour = if one_in(&mut day.rng, 2) {
        Behaviour::Batch {
            stage: seconds(day.rng.u64(5..40) * MINUTE),
        }
    } else {
        Behaviour::Bounded {
            after: seconds(day.rng.u64(10..120) * MINUTE),
        }
    };
    let bounded = Code {
        behaviour,
        ..day.good_code(it)
    };
    day.deploy(it, bounded, Through::Console);
    day.hours(3, 4);
}

pub(super) fn idle(day: &mut Draft) {
    let it = day.application(&[]);
    day.now = MINUTE;
    day.trouble(it, Right::Leave, Blame::TheWorld, "nothing");
    for _ in 0..day.rng.u32(0..3) {
        day.hours(2, 9);
        day.harmless(it, Do::Maintenance, "maintenance");
    }
}

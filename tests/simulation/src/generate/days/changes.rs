//! People change something, and it is to blame, or not.

use sandbox::script::{Behaviour, Code, Do, StartFrom, Through};

use serde_json::json;

use super::{
    super::{any, application, code, happens, one_in},
    draft::{Draft, HOUR, MINUTE},
    truth::{Blame, Right, Way},
};

const FROM_LATEST: Do = Do::Start {
    from: Some(StartFrom::LatestSnapshot),
};
/// Names of applications have up to 128 characters.
const LONGEST_NAME: usize = 128;
const OUTAGE: (u64, u64) = (12, 60);

pub(super) fn again_and_again(day: &mut Draft) {
    let it = day.application(&[]);
    for what in ["a bad deployment", "a second one", "a third one"]
        .iter()
        .take(day.rng.usize(2..4))
    {
        day.hours(2, 6);
        day.bad_deployment(it, what);
    }
}

pub(super) fn on_bad(day: &mut Draft) {
    let it = day.application(&[]);
    day.hours(1, 8);
    if one_in(&mut day.rng, 2) {
        // Something else is changed a moment before: it never ran for a soak.
        day.undoing(it, Way::Restore, "bad code moments after another change");
        day.act(it, happens::changed_property(it));
        day.now += day.rng.u64(120..240);
        let bad = day.bad(it);
        day.deploy(it, bad, Through::Console);
        return;
    }
    day.undoing(it, Way::Restore, "a bad fix on a bad version");
    let bad = day.bad(it);
    day.deploy(it, bad, Through::Console);
    day.now += day.rng.u64(100..150);
    day.act(it, Do::Stop { force: true });
    day.now += MINUTE;
    let fix = day.bad(it);
    day.deploy(it, fix, Through::Console);
    day.now += MINUTE;
    day.act(it, FROM_LATEST);
}

pub(super) fn between(day: &mut Draft) {
    let it = day.application(&["broker"]);
    for _ in 0..day.rng.u32(2..6) {
        day.minutes(60, 180);
        let parallelism = day.rng.u32(1..6);
        let what = any(
            &mut day.rng,
            &[
                Do::Maintenance,
                Do::Autoscale { parallelism },
                happens::changed_property(it),
            ],
        );
        day.harmless(it, what, "a change that is well");
    }
    day.hours(1, 6);
    if one_in(&mut day.rng, 2) {
        day.outage(it, OUTAGE);
    } else {
        day.bad_deployment(it, "bad code after harmless changes");
    }
}

pub(super) fn stored_while_stopped(day: &mut Draft) {
    let it = day.application(&[]);
    day.hours(1, 3);
    day.harmless(it, Do::Stop { force: false }, "somebody stops it");
    day.minutes(10, 90);
    let bad = day.bad(it);
    day.deploy(it, bad, Through::Console);
    day.hours(1, 8);
    day.undoing(it, Way::Restore, "a bad version that was stored is started");
    day.act(it, FROM_LATEST);
}

pub(super) fn long_name(day: &mut Draft) {
    let length = day.rng.usize(60..=LONGEST_NAME);
    let name: String = "payments-enrichment-of-orders-in-eu-central-1-"
        .chars()
        .cycle()
        .take(length - 1)
        .chain(['x'])
        .collect();
    let it = day.named(&name, &[]);
    day.hours(1, 12);
    day.bad_deployment(it, "a bad deployment");
}

pub(super) fn scaler_on_clock(day: &mut Draft) {
    let it = day.application(&["broker"]);
    let every = day.rng.u64(25..60) * MINUTE;
    let stop = day.rng.u64(6..14) * HOUR;
    day.now = every;
    day.trouble(it, Right::Leave, Blame::TheWorld, "it is scaled on a clock");
    while day.now < stop {
        let parallelism = 1 + u32::try_from(day.now / every % 4).unwrap_or_default();
        day.act(it, Do::Autoscale { parallelism });
        day.now += every;
    }
    if one_in(&mut day.rng, 2) {
        day.outage(it, OUTAGE);
    } else {
        day.bad_deployment(it, "bad code between scalings");
    }
}

pub(super) fn applied_again(day: &mut Draft) {
    // The day's rescues are not used up: what was undone twice is for people, whatever else may be done.
    let it = day.application(&[]);
    day.hours(1, 3);
    let bad = day.bad_deployment(it, "a bad deployment");
    day.hours(2, 4);
    day.undoing(it, Way::Rollback, "the same applied again by a pipeline");
    day.apply(it, &bad, Through::Stack);
    day.hours(2, 4);
    day.trouble(
        it,
        Right::Ask,
        Blame::TheChange,
        "the same applied a third time",
    );
    day.apply(it, &bad, Through::Stack);
    // All of it lies in one day: it begins in the first hours.
}

pub(super) fn same_key(day: &mut Draft) {
    let it = day.application(&[]);
    day.hours(1, 12);
    day.undoing(it, Way::Rollback, "bad code over the key of the good one");
    let bad = day.bad(it);
    day.deploy_over(it, bad);
}

pub(super) fn rare_checkpoints(day: &mut Draft) {
    let it = day.application(&[]);
    // As everybody can read it, and not in the code.
    let millis = day.rng.u64(20..40) * MINUTE * 1_000;
    let checkpoints = json!({ "ConfigurationType": "CUSTOM", "CheckpointingEnabled": true, "CheckpointInterval": millis, "MinPauseBetweenCheckpoints": 5_000 });
    let flink = json!({ "CheckpointConfiguration": checkpoints });
    let application = application(&mut day.script, it);
    let part = "FlinkApplicationConfiguration".to_owned();
    application.configuration.insert(part, flink);
    let as_configured = |code: &mut Code| code.checkpoint_every = None;
    day.script.world.code.values_mut().for_each(as_configured);
    day.hours(1, 4);
    day.trouble(
        it,
        Right::Leave,
        Blame::TheWorld,
        "a good deployment with rare checkpoints",
    );
    day.deploy_good(it);
    day.hours(3, 8);
    day.bad_deployment(it, "a bad deployment with rare checkpoints");
}

pub(super) fn slow_poison(day: &mut Draft) {
    let it = day.application(&[]);
    day.hours(1, 8);
    day.trouble(
        it,
        Right::Ask,
        Blame::TheChange,
        "a version that fails every ten to twenty-five minutes",
    );
    let after = day.rng.u64(10..25) * MINUTE;
    let behaviour = code::throws_after(after, "java.lang.OutOfMemoryError", "Metaspace");
    let poison = Code {
        behaviour,
        ..day.good_code(it)
    };
    day.deploy(it, poison, Through::Console);
    day.hours(2, 3);
}

/// A deployment whose code is like this, which is to be undone.
fn deployed(
    day: &mut Draft,
    what: &'static str,
    by: Way,
    change: impl Fn(&mut Draft, usize) -> Code,
) {
    let it = day.application(&[]);
    day.hours(1, 12);
    day.undoing(it, by, what);
    let code = change(day, it);
    day.deploy(it, code, Through::Console);
}

pub(super) fn bad_main(day: &mut Draft) {
    deployed(
        day,
        "a deployment whose main fails",
        Way::Restore,
        |day, it| Code {
            behaviour: Behaviour::BadMain {
                message: "java.lang.NoClassDefFoundError: com/example/Enricher".to_owned(),
            },
            ..day.good_code(it)
        },
    );
}

pub(super) fn misfit(day: &mut Draft) {
    deployed(
        day,
        "a deployment that cannot read the state",
        Way::Rollback,
        Draft::misfit,
    );
}

pub(super) fn too_few_slots(day: &mut Draft) {
    deployed(
        day,
        "a deployment without enough slots",
        Way::Rollback,
        |day, it| Code {
            behaviour: Behaviour::TooFewSlots,
            ..day.good_code(it)
        },
    );
}

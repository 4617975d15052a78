//! The world outside fails: what had run well is left as it is.

use sandbox::script::{Do, StartFrom, Through};

use super::{
    super::one_in,
    draft::{Draft, MINUTE},
    truth::{Blame, Right},
};

const FROM_LATEST: Do = Do::Start {
    from: Some(StartFrom::LatestSnapshot),
};
const STOP: Do = Do::Stop { force: false };
const FORCE_STOP: Do = Do::Stop { force: true };
/// How long outages last, in minutes.
const OUTAGE: (u64, u64) = (12, 60);

pub(super) fn early_incident(day: &mut Draft) {
    let it = day.application(&["broker"]);
    day.hours(1, 4);
    day.deploy_good(it);
    day.now += day.rng.u64(130..200);
    day.harmless(
        it,
        Do::LoseMachine,
        "a machine is lost soon after a good deployment",
    );
    day.hours(4, 14);
    day.outage(it, OUTAGE);
}

pub(super) fn two(day: &mut Draft) {
    let it = day.application(&["broker"]);
    day.hours(1, 8);
    day.outage(it, OUTAGE);
    day.hours(2, 8);
    day.outage(it, OUTAGE);
}

pub(super) fn fix(day: &mut Draft) {
    let it = day.application(&["broker"]);
    day.hours(1, 8);
    day.trouble(it, Right::Leave, Blame::TheWorld, "an outage");
    day.away(it, "broker", (90, 150));
    day.minutes(12, 40);
    day.act(it, FORCE_STOP);
    day.now += 2 * MINUTE;
    day.deploy_good(it);
    day.now += MINUTE;
    day.trouble_of(
        it,
        Right::Leave,
        Blame::TheWorld,
        false,
        "a fix that does not help",
    );
    day.act(it, FROM_LATEST);
    day.hours(2, 3);
}

pub(super) fn scaled_before(day: &mut Draft) {
    let it = day.application(&["broker"]);
    day.hours(1, 8);
    let parallelism = day.rng.u32(2..6);
    day.act(it, Do::Autoscale { parallelism });
    day.minutes(3, 9);
    day.outage(it, OUTAGE);
}

pub(super) fn stopped_for_long(day: &mut Draft) {
    let it = day.application(&["broker"]);
    day.hours(1, 3);
    day.harmless(it, STOP, "somebody stops it");
    day.hours(2, 14);
    day.act(it, FROM_LATEST);
    day.minutes(3, 12);
    day.outage(it, OUTAGE);
}

pub(super) fn job_manager(day: &mut Draft) {
    let it = day.application(&["broker"]);
    for _ in 0..day.rng.u32(2..5) {
        day.hours(1, 4);
        day.harmless(it, Do::LoseJobManager, "a JobManager is lost");
    }
    day.hours(1, 3);
    day.trouble(
        it,
        Right::Leave,
        Blame::TheWorld,
        "an outage with a failover",
    );
    day.away(it, "broker", OUTAGE);
    day.now += day.rng.u64(60..600);
    day.act(it, Do::LoseJobManager);
    day.hours(1, 2);
}

pub(super) fn schema(day: &mut Draft) {
    let it = day.application(&["schema"]);
    day.hours(1, 6);
    day.deploy_good(it);
    // A minute for the update, then a soak and more; not yet what proves.
    day.minutes(9, 26);
    day.trouble(
        it,
        Right::Ask,
        Blame::TheWorld,
        "the schema changes minutes after a good deployment",
    );
    day.away(it, "schema", (60, 180));
    day.hours(3, 4);
}

pub(super) fn schema_at_once(day: &mut Draft) {
    let it = day.application(&["schema"]);
    day.hours(1, 6);
    day.trouble_of(
        it,
        Right::FindOut,
        Blame::TheWorld,
        false,
        "the schema changes at the moment of a good deployment",
    );
    day.deploy_good(it);
    day.now += day.rng.u64(90..200);
    day.away(it, "schema", (60, 180));
    day.hours(3, 4);
}

pub(super) fn secret(day: &mut Draft) {
    let it = day.application(&["secret"]);
    day.hours(1, 8);
    day.trouble(it, Right::Leave, Blame::TheWorld, "a secret is rotated");
    day.act(
        it,
        Do::Dependency {
            name: "secret".to_owned(),
            up: false,
        },
    );
    day.minutes(15, 60);
    day.act(it, FORCE_STOP);
    day.now += 2 * MINUTE;
    let mut knows = day.good_code(it);
    knows.needs.clear();
    day.deploy(it, knows, Through::Console);
    day.now += MINUTE;
    day.trouble_of(
        it,
        Right::Leave,
        Blame::TheWorld,
        false,
        "what knows the new secret is started",
    );
    day.act(it, FROM_LATEST);
    if one_in(&mut day.rng, 2) {
        day.hours(1, 5);
        day.harmless(it, Do::LoseMachine, "a machine is lost");
    }
}

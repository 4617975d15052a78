//! Many applications at once.

use sandbox::script::{Code, Through};

use super::{
    super::code,
    draft::{Draft, MINUTE},
    truth::{Blame, Right, Way},
};

fn some(day: &mut Draft) -> Vec<usize> {
    let many = day.rng.u32(4..7);
    (0..many).map(|_| day.application(&["broker"])).collect()
}

pub(super) fn bad(day: &mut Draft) {
    let all = some(day);
    day.hours(1, 8);
    let fails = day.rng.u64(5..90);
    for it in all {
        day.now += day.rng.u64(1..8);
        day.undoing(it, Way::Rollback, "a bad library is deployed to many");
        let behaviour =
            code::throws_after(fails, "java.lang.NoSuchMethodError", "com.example.Money.of");
        let bad = Code {
            behaviour,
            ..day.good_code(it)
        };
        day.deploy(it, bad, Through::Console);
    }
    day.hours(1, 2);
}

pub(super) fn cut_off(day: &mut Draft) {
    let all = some(day);
    day.hours(1, 8);
    for it in &all {
        day.trouble(
            *it,
            Right::Leave,
            Blame::TheWorld,
            "a broker of all is away",
        );
    }
    day.away(all[0], "broker", (12, 60));
    day.hours(1, 2);
}

pub(super) fn deployed_in_outage(day: &mut Draft) {
    let all = some(day);
    day.hours(1, 8);
    for it in &all {
        day.trouble_of(
            *it,
            Right::FindOut,
            Blame::TheWorld,
            false,
            "many are deployed, and a broker goes away",
        );
        day.deploy_good(*it);
        day.now += day.rng.u64(1..8);
    }
    day.now += day.rng.u64(80..150);
    day.away(all[0], "broker", (60, 120));
    day.now += 150 * MINUTE;
}

//! The clocks of the functions differ from the service's and from Flink's: every rescue ends as it does when they agree.

use jiff::SignedDuration;
use sandbox::region::Region;

use super::support::{assert_well, in_virtual_time, named, play_on, stage};

/// Seconds ahead of the region's clock; behind when negative.
const SKEWS: [i64; 4] = [-60, -12, 12, 60];
/// What is decided there, and how it ends, hangs on what came before or after what.
const SCENARIOS: [&str; 8] = [
    "bad-deployment",
    "rollback-refused",
    "rollback-loops-again",
    "failed-start",
    "stuck-updating",
    "system-rollback",
    "broker-outage",
    "operator-asks-rollback",
];

fn play_shifted(name: &str, told: &str, shift: impl Fn(&Region)) {
    in_virtual_time(async {
        let played = play_on(named(name), stage(name), 1, |region| shift(region)).await;
        assert_well(&played.unwrap(), told);
    });
}

#[test]
fn a_rescue_ends_as_it_should_whatever_the_functions_clocks_say() {
    for name in SCENARIOS {
        for secs in SKEWS {
            play_shifted(name, &format!("{name}, {secs} s ahead"), |region| {
                for function in region.lambda().names() {
                    let by = SignedDuration::from_secs(secs);
                    region.lambda().shift_clock(&function, by);
                }
            });
        }
    }
}

#[test]
fn the_clock_of_one_function_may_differ_from_the_others() {
    for alone in ["SubtaskVerifier", "RemediationPlanner"] {
        for secs in SKEWS {
            let told = format!("{alone} alone, {secs} s ahead");
            play_shifted("bad-deployment", &told, |region| {
                let names = region.lambda().names();
                let name = names.iter().find(|name| name.contains(alone));
                let by = SignedDuration::from_secs(secs);
                region.lambda().shift_clock(name.expect("it is there"), by);
            });
        }
    }
}

//! From a seed to a script. The same seed gives the same script, on every machine.

mod clusters;
mod code;
pub mod days;
mod deployments;
mod happens;
mod infrastructure;
mod today;
mod world;

use std::time::Duration;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use sandbox::{
    invariants::MANAGED,
    script::{
        Alarms, Behaviour, Do, ExecutionEnd, Fault, Moment, Script, Span, Step, Tried, When, World,
    },
};

pub(crate) use world::usual_parameters;

use happens::{act, noise, of_the_service, put, story, worst_moment};

/// The day on which every run begins.
const DAY: &str = "2026-03-04T00:00:00Z";

/// The script of a seed. It says nothing of how it must end: who checks it in as a scenario does.
#[must_use]
pub fn script(seed: u64) -> Script {
    let mut script = drawn(seed);
    clusters::add(seed, &mut script);
    deployments::add(seed, &mut script);
    today::add(seed, &mut script);
    infrastructure::add_rates(seed, &mut script);
    world::fill_in_names(&mut script);
    tidy(&mut script);
    script
}

fn drawn(seed: u64) -> Script {
    let mut rng = Rng::with_seed(seed ^ 0x6e69_6768_7473);
    let rng = &mut rng;
    // One in four begins late in the evening: budgets are per UTC day.
    let opened_mins = if one_in(rng, 4) {
        rng.u32(1_290..1_438)
    } else {
        rng.u32(0..1_200)
    };
    // One in forty is long, for what takes hours: a deadline, and what comes after it.
    let long = one_in(rng, 40);
    let lasts_mins = if long {
        rng.u32(240..300)
    } else {
        rng.u32(35..75)
    };
    let mut script = empty(seed, opened_mins, lasts_mins);
    for index in 0..weighted(rng, &[60, 28, 12]) + 1 {
        world::add_application(rng, index, &mut script);
    }
    match rng.u32(0..4) {
        0 => return plain(rng, empty(seed, opened_mins, lasts_mins)),
        1 => return ambush(rng, empty(seed, opened_mins, lasts_mins)),
        _ => {}
    }
    let length = u64::from(lasts_mins) * 60;
    for index in 0..applications(&script) {
        story(rng, index, length, &mut script);
    }
    script.faults = infrastructure::faults(rng, length);
    world::stack(rng, &mut script.world.parameters);
    if long {
        script.faults.push(infrastructure::broken(rng));
        let deadline = "3600".to_owned();
        let parameters = &mut script.world.parameters;
        parameters.insert("DeadlineSecs".to_owned(), deadline);
    }
    script.world.service = world::service(rng);
    script
}

fn empty(seed: u64, opened_mins: u32, lasts_mins: u32) -> Script {
    let opens =
        DAY.parse::<Timestamp>().expect("a date") + SignedDuration::from_mins(opened_mins.into());
    Script {
        name: format!("seed-{seed}"),
        sentence: format!("The simulated run of seed {seed}."),
        seed: Some(seed),
        world: World {
            opens: Some(opens),
            parameters: world::parameters_of(seed),
            alarms: Alarms::Everywhere,
            applications: Some(Vec::new()),
            ..World::default()
        },
        lasts: Some(minutes(lasts_mins.into())),
        ..Script::default()
    }
}

/// A run with one bad deployment and an infrastructure that fails for moments: a rescue must succeed.
fn plain(rng: &mut Rng, mut script: Script) -> Script {
    world::add_application(rng, 0, &mut script);
    let opened = script.world.opened();
    let application = application(&mut script, 0);
    application.tags = [(MANAGED.to_owned(), "true".to_owned())].into();
    application.snapshots_disabled = false;
    world::aged(application, any(rng, &[300, 1_440, 10_000]), opened);
    let after = rng.u64(120..lasts_secs(&script) / 2);
    let mut code = code::deployed(rng, 0, code::present(&script, 0));
    let fails = any(rng, &[0, 1, 2, 5, 15, 45, 90, 150]);
    code.behaviour = match weighted(rng, &[70, 15, 15]) {
        0 => code::throws_after(
            fails,
            "java.lang.IllegalArgumentException",
            &code::cannot_parse(0),
        ),
        1 => Behaviour::ThrowsInOpen {
            fault: code::fault("java.lang.IllegalStateException", "open() failed"),
        },
        _ => Behaviour::Throws {
            after: Span(Duration::from_secs(fails) / 2),
            jitter: seconds(30),
            fault: Fault {
                outside_tasks: true,
                ..code::fault("java.io.IOException", "now and then")
            },
        },
    };
    if one_in(rng, 2) {
        code.restarts = None;
    }
    let what = put(&mut script, code, None);
    act(&mut script, 0, at(after), what);
    if one_in(rng, 3) {
        act(&mut script, 0, at(after / 2), Do::RefuseRollback);
    }
    if one_in(rng, 3) {
        let when = at(after + rng.u64(60..600));
        let n = script.happens.len();
        let what = any(rng, &[happens::placed(n), happens::taken(n)]);
        act(&mut script, 0, when, what);
    }
    if one_in(rng, 3) {
        let when = worst_moment(rng);
        let what = any(
            rng,
            &[
                Do::DeliverAlarmAgain,
                happens::asked(None),
                happens::ended(ExecutionEnd::Failed),
            ],
        );
        act(&mut script, 0, when, what);
    }
    if one_in(rng, 4) {
        // Lost in the middle of a step: whoever comes next must know of it.
        let steps = [
            "RecordIntent",
            "RollBack",
            "ForceStop",
            "RestoreConfiguration",
            "StartFromSnapshot",
        ];
        let when = task(any(rng, &steps), 1, rng.bool());
        act(&mut script, 0, when, happens::ended(ExecutionEnd::Failed));
    }
    script.faults = (0..rng.u32(0..4))
        .map(|_| infrastructure::mild(rng, 1_000_000))
        .collect();
    let (soak, rescues) = (any(rng, &[60, 303, 303, 600]), any(rng, &[1, 2]));
    let parameters = &mut script.world.parameters;
    world::set(parameters, "SoakSecs", soak);
    world::set(parameters, "RescuesPerDay", rescues);
    world::snapshot_check(rng, parameters);
    script.world.service = world::service(rng);
    script.world.service.times_as_slow = None;
    script
}

/// The same, and somebody or something gets in the way at the worst moments.
fn ambush(rng: &mut Rng, script: Script) -> Script {
    let mut script = plain(rng, script);
    for _ in 0..rng.u32(1..4) {
        let what = match rng.u32(0..4) {
            0 => of_the_service(rng),
            1 => any(
                rng,
                &[
                    Do::Stop { force: false },
                    Do::Stop { force: true },
                    happens::START,
                    Do::Rollback,
                    happens::changed_property(0),
                    happens::ended(ExecutionEnd::Stopped),
                    happens::ended(ExecutionEnd::Failed),
                ],
            ),
            2 => {
                let code = code::deployed(rng, 0, code::present(&script, 0));
                put(&mut script, code, None)
            }
            _ => noise(rng, 0, script.happens.len()),
        };
        act(&mut script, 0, worst_moment(rng), what);
    }
    script
}

/// Without what can never happen or is of no use: steps after the end, outages of what no code needs, code that nobody runs.
pub(crate) fn tidy(script: &mut Script) {
    let lasts = script.lasts;
    let world = &mut script.world;
    let comes = |step: &Step| !matches!(&step.when, Some(When::At(time)) if lasts.is_some_and(|lasts| *time >= lasts));
    script.happens.retain(comes);
    let steps = &script.happens;
    let running = world.applications.iter().flatten();
    let running: Vec<&str> = running
        .flat_map(|application| &application.versions)
        .map(|version| version.code.as_str())
        .collect();
    let is_deployed = |key: &str| {
        let mut deployed = steps.iter().filter_map(|step| match &step.what {
            Some(Do::Deploy { code, .. }) => code.as_deref(),
            Some(Do::Overwrite { code, .. }) => Some(code.as_str()),
            _ => None,
        });
        deployed.any(|one| one == key)
    };
    world
        .code
        .retain(|key, _| running.contains(&key.as_str()) || is_deployed(key));
    let code = &world.code;
    let is_needed = |name: &str| {
        let mut needs = code.values().flat_map(|code| &code.needs);
        needs.any(|need| need.dependency == name)
    };
    script.happens.retain(
        |step| !matches!(&step.what, Some(Do::Dependency { name, .. }) if !is_needed(name)),
    );
}

/// How many applications there are.
fn applications(script: &Script) -> usize {
    script.world.applications.as_ref().map_or(0, Vec::len)
}

/// One of them, by its place.
fn application(script: &mut Script, index: usize) -> &mut sandbox::script::Application {
    let all = script.world.applications.as_mut();
    all.and_then(|all| all.get_mut(index))
        .expect("it was drawn before")
}

fn lasts_secs(script: &Script) -> u64 {
    script.lasts.unwrap_or_default().0.as_secs()
}

fn seconds(seconds: u64) -> Span {
    Span(Duration::from_secs(seconds))
}

fn minutes(minutes: u64) -> Span {
    seconds(minutes * 60)
}

/// So many seconds after the beginning.
fn at(secs: u64) -> When {
    When::At(seconds(secs))
}

/// When a task begins or has ended, the n-th time.
fn task(state: &str, nth: u32, ended: bool) -> When {
    When::Task(Tried {
        state: state.to_owned(),
        nth: Some(nth),
        moment: if ended { Moment::Ends } else { Moment::Begins },
    })
}

fn one_in(rng: &mut Rng, n: u32) -> bool {
    rng.u32(0..n) == 0
}

/// An index, by weight.
fn weighted(rng: &mut Rng, weights: &[u32]) -> usize {
    let mut left = rng.u32(0..weights.iter().sum());
    for (index, weight) in weights.iter().enumerate() {
        if left < *weight {
            return index;
        }
        left -= weight;
    }
    0
}

fn any<T: Clone>(rng: &mut Rng, of: &[T]) -> T {
    of[rng.usize(0..of.len())].clone()
}

#[cfg(test)]
mod tests {
    use sandbox::script::read;

    use super::*;

    #[test]
    fn a_seed_is_always_the_same_script_and_can_be_read_from_a_file() {
        for seed in 0..300 {
            let script = script(seed);
            match read("run.json", &script.json()) {
                Ok(again) => assert_eq!(again, script, "seed {seed}"),
                Err(wrong) => panic!("seed {seed}: {wrong}"),
            }
            assert_eq!(super::script(seed), script);
        }
    }
}

//! From a seed to a night. The same seed gives the same night, on every machine.

mod clusters;
pub(crate) mod plumbing;

use std::time::Duration;

use fastrand::Rng;
use sandbox::{
    flink::{Behaviour, Code, Misfit, RestartStrategy, Sink},
    invariants::MANAGED,
    managed_flink::{RollbackState, SnapshotStatus, Stage},
};
use serde_json::json;

use crate::night::{
    Application, Event, Moment, Night, OldSnapshot, Quirks, SnapshotCheck, Stack, TakenBy, What,
    secret_of,
};

/// The night of a seed.
#[must_use]
pub fn night(seed: u64) -> Night {
    let mut night = drawn(seed);
    clusters::add(seed, &mut night);
    night
}

fn drawn(seed: u64) -> Night {
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
    let length_mins = if long {
        rng.u32(240..300)
    } else {
        rng.u32(35..75)
    };
    let applications: Vec<Application> = (0..weighted(rng, &[60, 28, 12]) + 1)
        .map(|index| application(rng, index))
        .collect();
    match rng.u32(0..4) {
        0 => {
            return plain(
                rng,
                Night {
                    opened_mins,
                    length_mins,
                    ..empty(seed)
                },
            );
        }
        1 => {
            return ambush(
                rng,
                Night {
                    opened_mins,
                    length_mins,
                    ..empty(seed)
                },
            );
        }
        _ => {}
    }
    let mut events = Vec::new();
    for (index, application) in applications.iter().enumerate() {
        story(
            rng,
            index,
            application,
            u64::from(length_mins) * 60,
            &mut events,
        );
    }
    let mut strikes = plumbing::strikes(rng, u64::from(length_mins) * 60);
    let mut stack = stack(rng);
    if long {
        strikes.push(plumbing::broken(rng));
        stack.deadline_secs = 3_600;
    }
    Night {
        seed,
        opened_mins,
        length_mins,
        stack,
        quirks: quirks(rng),
        applications,
        events,
        strikes,
        ..empty(seed)
    }
}

fn empty(seed: u64) -> Night {
    let (stack, quirks) = (Stack::default(), Quirks::default());
    Night {
        seed,
        opened_mins: 0,
        length_mins: 0,
        stack,
        template: None,
        quirks,
        applications: Vec::new(),
        events: Vec::new(),
        strikes: Vec::new(),
    }
}

/// A night with one bad deployment and a plumbing that fails for moments: a rescue must succeed.
fn plain(rng: &mut Rng, night: Night) -> Night {
    let mut application = application(rng, 0);
    application.tags = vec![(MANAGED.to_owned(), "true".to_owned())];
    (application.snapshots_enabled, application.version_age_mins) =
        (true, any(rng, &[300, 1_440, 10_000]));
    let after = rng.u64(120..u64::from(night.length_mins) * 30);
    let mut code = deployed(rng, 0, &application.code);
    let fails = Duration::from_secs(any(rng, &[0, 1, 2, 5, 15, 45, 90, 150]));
    code.behaviour = match weighted(rng, &[70, 15, 15]) {
        0 => Behaviour::throws_after(
            fails.as_secs(),
            "java.lang.IllegalArgumentException",
            &cannot_parse(0),
        ),
        1 => Behaviour::ThrowsInOpen {
            fault: sandbox::flink::Fault::new("java.lang.IllegalStateException", "open() failed"),
        },
        _ => Behaviour::Throws {
            after: fails / 2,
            jitter: Duration::from_secs(30),
            fault: sandbox::flink::Fault::new("java.io.IOException", "now and then")
                .outside_tasks(),
        },
    };
    if one_in(rng, 2) {
        code.restart_strategy = RestartStrategy::EXPONENTIAL;
    }
    let mut events = vec![Event {
        at: Moment::After(after),
        application: 0,
        what: What::Deploy {
            code: Box::new(code),
            runtime: None,
        },
    }];
    let mut add = |at: Moment, what: What| {
        events.push(Event {
            at,
            application: 0,
            what,
        })
    };
    if one_in(rng, 3) {
        add(Moment::After(after / 2), What::RefuseRollback);
    }
    if one_in(rng, 3) {
        add(
            Moment::After(after + rng.u64(60..600)),
            any(rng, &[What::PlaceSnapshot, What::TakeSnapshot]),
        );
    }
    if one_in(rng, 3) {
        add(
            worst_moment(rng),
            any(
                rng,
                &[What::RingAgain, What::Ask(None), What::FailExecutions],
            ),
        );
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
        add(
            Moment::Task {
                state: any(rng, &steps).to_owned(),
                nth: 1,
                ended: rng.bool(),
            },
            What::FailExecutions,
        );
    }
    let strikes = (0..rng.u32(0..4))
        .map(|_| plumbing::mild(rng, 1_000_000))
        .collect();
    let (soak_secs, rescues_per_day) = (any(rng, &[60, 303, 303, 600]), any(rng, &[1, 2]));
    let stack = Stack {
        soak_secs,
        rescues_per_day,
        snapshots: snapshot_check(rng),
        ..Stack::default()
    };
    let quirks = Quirks {
        slow: None,
        ..quirks(rng)
    };
    Night {
        applications: vec![application],
        events,
        strikes,
        stack,
        quirks,
        ..night
    }
}

/// The same, and somebody or something gets in the way at the worst moments.
fn ambush(rng: &mut Rng, night: Night) -> Night {
    let mut night = plain(rng, night);
    for _ in 0..rng.u32(1..4) {
        let what = match rng.u32(0..4) {
            0 => of_the_service(rng),
            1 => any(
                rng,
                &[
                    What::Stop,
                    What::ForceStop,
                    What::Start,
                    What::Rollback,
                    What::ChangeProperty,
                    What::AbortExecutions,
                    What::FailExecutions,
                ],
            ),
            2 => What::Deploy {
                code: Box::new(deployed(rng, 0, &night.applications[0].code)),
                runtime: None,
            },
            _ => noise(rng),
        };
        night.events.push(Event {
            at: worst_moment(rng),
            application: 0,
            what,
        });
    }
    night
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

fn stack(rng: &mut Rng) -> Stack {
    let normal = Stack {
        snapshots: snapshot_check(rng),
        ..Stack::default()
    };
    if one_in(rng, 2) {
        return Stack {
            deadline_secs: any(rng, &[3_600, 7_200, 14_400]),
            ..normal
        };
    }
    Stack {
        act: !one_in(rng, 8),
        soak_secs: any(rng, &[60, 120, 303, 303, 600]),
        operation_timeout_secs: any(rng, &[300, 600, 1_200, 2_400]),
        settle_timeout_secs: any(rng, &[300, 900, 2_400]),
        rescues_per_day: any(rng, &[0, 1, 1, 2, 3]),
        max_snapshot_age_secs: any(rng, &[600, 3_600, 28_800, 86_400]),
        deadline_secs: any(rng, &[3_600, 3_600, 7_200, 14_400]),
        ..normal
    }
}

/// The snapshot check: the template's own, or one that takes and deletes more than anybody would want.
fn snapshot_check(rng: &mut Rng) -> SnapshotCheck {
    if one_in(rng, 2) {
        return SnapshotCheck::default();
    }
    SnapshotCheck {
        every_mins: any(rng, &[10, 20, 30, 60, 60]),
        max_age_secs: any(rng, &[1_200, 3_600, 7_200, 21_600]),
        keep_last: any(rng, &[1, 1, 2, 3, 10]),
        keep_daily_days: any(rng, &[0, 0, 1, 7]),
    }
}

fn quirks(rng: &mut Rng) -> Quirks {
    Quirks {
        rollback_latest: rng.bool(),
        rollback_old_number: rng.bool(),
        snapshot_has_new_version: rng.bool(),
        system_rollback_name: rng.bool(),
        rollback_on_loops_secs: one_in(rng, 4).then(|| rng.u64(30..400)),
        slow: one_in(rng, 6).then(|| rng.u32(2..8)),
    }
}

fn name_of(index: usize) -> String {
    format!("app-{index}")
}

/// What an exception says that quotes a property's value.
fn cannot_parse(index: usize) -> String {
    format!("cannot parse '{}' as INT", secret_of(&name_of(index)))
}

fn application(rng: &mut Rng, index: usize) -> Application {
    let mut code = Code::healthy()
        .restarting(strategy(rng))
        .restoring_for(any(rng, &[1, 2, 2, 5, 30, 240, 700]));
    code.checkpoint_interval = Some(Duration::from_secs(any(rng, &[10, 30, 60, 60, 300])));
    if one_in(rng, 3) {
        code = code.needing(
            "broker",
            "org.apache.kafka.common.errors.TimeoutException",
            &format!("Timed out as {}", secret_of(&name_of(index))),
        );
    } else if one_in(rng, 4) {
        code = code.needing(
            "permission",
            "software.amazon.awssdk.services.kinesis.model.AccessDeniedException",
            "not authorized to perform it",
        );
    }
    let version_age_mins = any(rng, &[30, 300, 1_440, 10_000]);
    Application {
        name: name_of(index),
        runtime: any(
            rng,
            &["FLINK-1_20", "FLINK-1_20", "FLINK-1_18", "FLINK-2_2"],
        )
        .to_owned(),
        code,
        version_age_mins,
        snapshots: snapshots(rng, version_age_mins),
        tags: tags(rng),
        system_rollback: one_in(rng, 3),
        snapshots_enabled: !one_in(rng, 14),
        checkpointing: !one_in(rng, 8),
        sink: if one_in(rng, 3) {
            Sink::AtLeastOnce
        } else {
            Sink::ExactlyOnce
        },
    }
}

fn snapshots(rng: &mut Rng, version_age_mins: u64) -> Vec<OldSnapshot> {
    if one_in(rng, 10) {
        return Vec::new();
    }
    // One in three has so many that there is something to delete.
    let (step, count) = if one_in(rng, 3) {
        any(rng, &[(31, 20), (61, 12), (61, 40), (350, 16), (1_300, 9)])
    } else {
        (any(rng, &[5, 60, 360, 1_300]), rng.u64(1..5))
    };
    let takers = [TakenBy::Lifeguard, TakenBy::Person, TakenBy::PersonForGood];
    let mut old = |n: u64| OldSnapshot {
        age_mins: n * step,
        status: if one_in(rng, 8) {
            SnapshotStatus::Failed
        } else {
            SnapshotStatus::Ready
        },
        by: takers[weighted(rng, &[70, 26, 4])],
    };
    let mut all: Vec<OldSnapshot> = (1..=count)
        .map(&mut old)
        .filter(|one| one.age_mins != version_age_mins)
        .collect();
    // While a version is being made nobody but the service takes one.
    if one_in(rng, 4) {
        all.push(OldSnapshot {
            age_mins: version_age_mins,
            status: SnapshotStatus::Ready,
            by: TakenBy::Service,
        });
    }
    all
}

fn tags(rng: &mut Rng) -> Vec<(String, String)> {
    let mut tags = Vec::new();
    let mut tag = |key: &str, value: &str| tags.push((key.to_owned(), value.to_owned()));
    match weighted(rng, &[90, 3, 3, 2, 2]) {
        0 => tag(MANAGED, "true"),
        1 => tag(MANAGED, "false"),
        2 => {}
        3 => tag(MANAGED, "True"),
        _ => tag("Lifeguard:Managed", "true"),
    }
    for _ in 0..weighted(rng, &[60, 25, 15]) {
        let (key, value) = policy_tag(rng);
        tag(&key, &value);
    }
    tag("team", "payments");
    tags
}

fn policy_tag(rng: &mut Rng) -> (String, String) {
    let tags = [
        ("lifeguard:mode", "observe"),
        ("lifeguard:mode", "act"),
        ("lifeguard:soak", "90s"),
        ("lifeguard:soak", "10m"),
        ("lifeguard:rescues-per-day", "1"),
        ("lifeguard:rescues-per-day", "0"),
        ("lifeguard:operation-timeout", "20m"),
        ("lifeguard:mode", "on"),
        ("lifeguard:sok", "90s"),
        ("lifeguard:snapshot-max-age", "2h"),
        ("lifeguard:snapshot-max-age", "20m"),
        ("lifeguard:snapshot-keep-last", "5"),
        ("lifeguard:snapshot-keep-last", "1"),
        ("lifeguard:snapshot-keep-daily-days", "0"),
        ("lifeguard:snapshot-keep-daily-days", "2d"),
        ("lifeguard:snapshot-keep", "scheduled-1 scheduled-2"),
        ("lifeguard:snapshot-keep", "#3 #5"),
        ("lifeguard:snapshot-prune", "service-made-too"),
        // Wrong ones: nothing may be deleted under these.
        ("lifeguard:snapshot-keep-last", "all"),
        ("lifeguard:snapshot-keep-daily-days", "2w"),
        ("lifeguard:snapshot-prune", "everything"),
        ("lifeguard:snapshot-keep-lst", "30"),
    ];
    let (key, value) = any(rng, &tags);
    (key.to_owned(), value.to_owned())
}

fn strategy(rng: &mut Rng) -> RestartStrategy {
    match weighted(rng, &[50, 25, 10, 10, 5]) {
        0 => RestartStrategy::EXPONENTIAL,
        1 => RestartStrategy::every(any(rng, &[1, 5, 10, 30])),
        2 => RestartStrategy::FixedDelay {
            delay: Duration::from_secs(10),
            attempts: Some(rng.u32(1..8)),
        },
        3 => RestartStrategy::ExponentialDelay {
            initial: Duration::from_secs(1),
            max: Duration::from_secs(300),
            multiplier: 2.0,
            reset_after: Duration::from_secs(600),
        },
        _ => RestartStrategy::None,
    }
}

/// A new version of the code: bad in one of the ways there are, or good.
fn deployed(rng: &mut Rng, index: usize, present: &Code) -> Code {
    let fault_after = any(rng, &[1, 3, 5, 10, 30, 60, 120, 180, 310, 420]);
    let fails = || {
        Behaviour::throws_after(
            fault_after,
            "java.lang.IllegalArgumentException",
            &cannot_parse(index),
        )
    };
    let mut code = Code {
        needs: present.needs.clone(),
        ..Code::that(Behaviour::Healthy)
    };
    code.restart_strategy = if one_in(rng, 2) {
        present.restart_strategy
    } else {
        strategy(rng)
    };
    code.restore = present.restore;
    code.checkpoint_interval = present.checkpoint_interval;
    let kind = weighted(rng, &[34, 8, 8, 8, 4, 8, 4, 4, 3, 19]);
    code.behaviour = match kind {
        0 => fails(),
        1 => {
            let Behaviour::Throws { after, fault, .. } = fails() else {
                return code;
            };
            Behaviour::Throws {
                after,
                jitter: Duration::from_secs(rng.u64(1..60)),
                fault,
            }
        }
        2 => Behaviour::ThrowsInOpen {
            fault: sandbox::flink::Fault::new("java.lang.IllegalStateException", "open() failed"),
        },
        3 => Behaviour::BadMain {
            message: "java.lang.NoClassDefFoundError: com/example/Enricher".to_owned(),
        },
        4 => Behaviour::TooFewSlots,
        5 => Behaviour::Healthy,
        6 => Behaviour::CheckpointsStop {
            after: Duration::from_secs(rng.u64(30..1_200)),
        },
        7 => Behaviour::WrongResults,
        8 => Behaviour::Bounded {
            after: Duration::from_secs(rng.u64(60..3_000)),
        },
        _ => Behaviour::Healthy,
    };
    if kind == 5 {
        // A new format of the state, without a way from the old one: refused at the start, or found out by a loop.
        code = code.with_state(9, 9);
        code.misfit = any(rng, &[Misfit::Refused, Misfit::Loops]);
    } else if one_in(rng, 4) {
        code = code.with_state(2, 1);
        code.misfit = any(rng, &[Misfit::Refused, Misfit::Loops]);
    }
    if matches!(code.behaviour, Behaviour::Throws { .. }) && one_in(rng, 6) {
        code.running_whenever_looked = true;
        code.restart_strategy = RestartStrategy::every(1);
        code.restore = Duration::from_secs(1);
    }
    code
}

/// What is done to one application.
fn story(
    rng: &mut Rng,
    index: usize,
    application: &Application,
    length: u64,
    events: &mut Vec<Event>,
) {
    let mut add = |at: Moment, what: What| {
        events.push(Event {
            at,
            application: index,
            what,
        })
    };
    let start = rng.u64(120..length / 3);
    let deploy = |rng: &mut Rng| What::Deploy {
        code: Box::new(deployed(rng, index, &application.code)),
        runtime: one_in(rng, 12)
            .then(|| any(rng, &["FLINK-2_2", "FLINK-1_20", "FLINK-1_18"]).to_owned()),
    };
    if one_in(rng, 20) {
        add(Moment::After(30), What::Stop);
        add(Moment::After(start / 2), What::Start);
    }
    match weighted(rng, &[46, 14, 12, 14, 10, 4]) {
        0 => add(Moment::After(start), deploy(rng)),
        1 => {
            let what = any(rng, &["broker", "permission"]).to_owned();
            add(Moment::After(start), What::Dependency(what.clone(), false));
            if !one_in(rng, 4) {
                add(
                    Moment::After(start + rng.u64(60..5_400)),
                    What::Dependency(what, true),
                );
            }
        }
        2 => {
            for _ in 0..rng.u32(1..5) {
                add(Moment::After(rng.u64(60..length)), of_the_service(rng));
            }
        }
        3 => {
            add(Moment::After(start), deploy(rng));
            add(Moment::After(start + rng.u64(100..2_400)), deploy(rng));
        }
        4 => {
            add(
                Moment::After(start),
                any(rng, &[What::Stop, What::ForceStop]),
            );
            let (next, then) = (start + rng.u64(60..900), start + rng.u64(900..1_500));
            add(
                Moment::After(next),
                if rng.bool() {
                    deploy(rng)
                } else {
                    What::ChangeProperty
                },
            );
            add(
                Moment::After(then),
                if one_in(rng, 6) {
                    What::StartWithoutState
                } else {
                    What::Start
                },
            );
        }
        _ => {}
    }
    for _ in 0..weighted(rng, &[35, 25, 20, 10, 5, 5]) {
        let at = if one_in(rng, 3) {
            worst_moment(rng)
        } else {
            Moment::After(rng.u64(30..length))
        };
        let what = if one_in(rng, 12) {
            deploy(rng)
        } else {
            noise(rng)
        };
        add(at, what);
    }
}

fn of_the_service(rng: &mut Rng) -> What {
    match rng.u32(0..3) {
        0 => What::Maintenance,
        1 => What::Autoscale(rng.u32(1..5)),
        _ => What::LoseMachine,
    }
}

fn worst_moment(rng: &mut Rng) -> Moment {
    let states = [
        "Look",
        "Decide",
        "RecordIntent",
        "RollBack",
        "ForceStop",
        "RestoreConfiguration",
        "StartFromSnapshot",
        "ClaimLease",
        "SpendBudget",
        "SnapshotCheck.Check",
        "SnapshotCheck.Look",
        "SnapshotCheck.ReadLease",
        "SnapshotCheck.Act",
    ];
    Moment::Task {
        state: any(rng, &states).to_owned(),
        nth: rng.u32(1..4),
        ended: rng.bool(),
    }
}

fn noise(rng: &mut Rng) -> What {
    let stages = [
        Stage::Starting,
        Stage::Updating,
        Stage::RollingBack,
        Stage::ForceStopping,
        Stage::Stopping,
        Stage::Autoscaling,
        Stage::Snapshot,
    ];
    match weighted(
        rng,
        &[12, 6, 4, 6, 4, 6, 3, 8, 7, 6, 5, 14, 6, 5, 4, 4, 3, 5, 6, 6],
    ) {
        0 => What::TakeSnapshot,
        1 => What::PlaceSnapshot,
        2 => What::DeleteSnapshots,
        3 => What::Tag(
            MANAGED.to_owned(),
            any(rng, &["false", "true", "no"]).to_owned(),
        ),
        4 => What::Untag(MANAGED.to_owned()),
        5 => {
            let (key, value) = policy_tag(rng);
            What::Tag(key, value)
        }
        6 => What::LoseMachine,
        7 => of_the_service(rng),
        8 => What::Stuck(any(rng, &stages)),
        9 => What::Slow(any(rng, &stages), rng.u32(2..20)),
        10 => What::RefuseRollback,
        11 => What::Ask(request(rng)),
        12 => What::AbortExecutions,
        13 => What::RingAgain,
        14 => any(
            rng,
            &[What::Stop, What::ForceStop, What::Start, What::Rollback],
        ),
        15 => What::FailSnapshots(rng.u32(1..3)),
        16 => What::RollbackState(any(
            rng,
            &[RollbackState::Latest, RollbackState::BeforeTheChange],
        )),
        17 => What::DeleteSnapshot { newest: rng.bool() },
        18 => What::FailExecutions,
        _ => What::CheckSnapshots {
            dry: one_in(rng, 4),
        },
    }
}

fn request(rng: &mut Rng) -> Option<serde_json::Value> {
    Some(match weighted(rng, &[40, 20, 10, 10, 10, 5, 8]) {
        0 => return None,
        1 => json!({ "action": "rollback" }),
        2 => json!({ "action": "forceStop" }),
        3 => json!({ "action": "restore" }),
        4 => json!({ "action": "restore", "applicationVersionId": rng.u32(1..4) }),
        5 => json!({ "action": "restore", "applicationVersionId": 2, "withoutState": true }),
        _ => {
            json!({ "action": "restore", "snapshotName": format!("#{}", rng.u32(1..9)), "allowNonRestoredState": true })
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_is_always_the_same_night() {
        for seed in 0..200 {
            assert_eq!(format!("{:?}", night(seed)), format!("{:?}", night(seed)));
        }
    }
}

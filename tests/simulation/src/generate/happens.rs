//! What people, the service and the world do.

use fastrand::Rng;
use sandbox::{
    invariants::MANAGED,
    script::{
        Code, Do, ExecutionEnd, RollbackRestores, Script, Stage, StartFrom, Step, Through, When,
        WhichSnapshot,
    },
};
use serde_json::{Value, json};

use super::{any, at, code, one_in, task, weighted, world};

/// Somebody starts the application as people do.
pub(super) const START: Do = Do::Start {
    from: Some(StartFrom::LatestSnapshot),
};

/// Something happens to an application.
pub(super) fn act(script: &mut Script, index: usize, when: When, what: Do) {
    script.happens.push(Step {
        when: Some(when),
        application: Some(world::name_of(index)),
        what: Some(what),
    });
}

/// Puts code where the next step finds it, and deploys it.
pub(super) fn put(script: &mut Script, code: Code, runtime: Option<String>) -> Do {
    let key = format!("event-{}.jar", script.happens.len());
    script.world.code.insert(key.clone(), code);
    Do::Deploy {
        code: Some(key),
        runtime,
        properties: None,
        through: Through::Console,
    }
}

/// Somebody deploys new code, seldom for another runtime.
pub(super) fn deploy(rng: &mut Rng, index: usize, script: &mut Script) -> Do {
    let code = code::deployed(rng, index, code::present(script, index));
    let runtimes = ["FLINK-2_2", "FLINK-1_20", "FLINK-1_18"];
    let runtime = one_in(rng, 12).then(|| any(rng, &runtimes).to_owned());
    put(script, code, runtime)
}

/// Somebody changes an environment property and nothing else. The old value stays: what a job quotes is of the configuration that it runs with.
pub(super) fn changed_property(index: usize) -> Do {
    let mut properties = world::properties(index);
    let changed = format!("{}-changed", world::secret_of(index));
    properties["orders"]["database.password.next"] = changed.into();
    Do::Deploy {
        code: None,
        runtime: None,
        properties: Some(properties),
        through: Through::Console,
    }
}

/// Another tool takes a snapshot, as the n-th step.
pub(super) fn taken(n: usize) -> Do {
    Do::TakeSnapshot {
        name: format!("by-hand-{n}"),
    }
}

/// A snapshot is there, as the n-th step.
pub(super) fn placed(n: usize) -> Do {
    Do::PlaceSnapshot {
        name: format!("placed-{n}"),
    }
}

/// Somebody starts Lifeguard.
pub(super) fn asked(request: Option<Value>) -> Do {
    Do::Ask {
        input: None,
        request,
        label: None,
    }
}

/// Executions for this application end.
pub(super) fn ended(end: ExecutionEnd) -> Do {
    Do::EndExecution {
        end,
        label: None,
        unheard: false,
    }
}

/// What is done to one application.
pub(super) fn story(rng: &mut Rng, index: usize, length: u64, script: &mut Script) {
    let start = rng.u64(120..length / 3);
    if one_in(rng, 20) {
        act(script, index, at(30), Do::Stop { force: false });
        act(script, index, at(start / 2), START);
    }
    match weighted(rng, &[46, 14, 12, 14, 10, 4]) {
        0 => {
            let what = deploy(rng, index, script);
            act(script, index, at(start), what);
        }
        1 => outage(rng, index, start, script),
        2 => {
            for _ in 0..rng.u32(1..5) {
                let when = at(rng.u64(60..length));
                act(script, index, when, of_the_service(rng));
            }
        }
        3 => {
            let what = deploy(rng, index, script);
            act(script, index, at(start), what);
            let when = at(start + rng.u64(100..2_400));
            let what = deploy(rng, index, script);
            act(script, index, when, what);
        }
        4 => stopped_for_a_change(rng, index, start, script),
        _ => {}
    }
    for _ in 0..weighted(rng, &[35, 25, 20, 10, 5, 5]) {
        let when = if one_in(rng, 3) {
            worst_moment(rng)
        } else {
            at(rng.u64(30..length))
        };
        let what = if one_in(rng, 12) {
            deploy(rng, index, script)
        } else {
            noise(rng, index, script.happens.len())
        };
        act(script, index, when, what);
    }
}

/// Something that jobs depend on goes away, and mostly comes back.
fn outage(rng: &mut Rng, index: usize, start: u64, script: &mut Script) {
    let name = any(rng, &["broker", "permission"]).to_owned();
    let switched = |up: bool| Do::Dependency {
        name: name.clone(),
        up,
    };
    act(script, index, at(start), switched(false));
    if !one_in(rng, 4) {
        let back = at(start + rng.u64(60..5_400));
        act(script, index, back, switched(true));
    }
}

/// Somebody stops it, changes something, and starts it again.
fn stopped_for_a_change(rng: &mut Rng, index: usize, start: u64, script: &mut Script) {
    let force = any(rng, &[false, true]);
    act(script, index, at(start), Do::Stop { force });
    let (next, then) = (start + rng.u64(60..900), start + rng.u64(900..1_500));
    let what = if rng.bool() {
        deploy(rng, index, script)
    } else {
        changed_property(index)
    };
    act(script, index, at(next), what);
    let what = if one_in(rng, 6) {
        Do::Start {
            from: Some(StartFrom::Nothing),
        }
    } else {
        START
    };
    act(script, index, at(then), what);
}

/// What the service does by itself.
pub(super) fn of_the_service(rng: &mut Rng) -> Do {
    match rng.u32(0..3) {
        0 => Do::Maintenance,
        1 => Do::Autoscale {
            parallelism: rng.u32(1..5),
        },
        _ => Do::LoseMachine,
    }
}

/// When a task of Lifeguard begins or ends.
pub(super) fn worst_moment(rng: &mut Rng) -> When {
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
    task(any(rng, &states), rng.u32(1..4), rng.bool())
}

/// Anything that may happen, as the n-th step.
pub(super) fn noise(rng: &mut Rng, index: usize, n: usize) -> Do {
    let stages = [
        Stage::Starting,
        Stage::Updating,
        Stage::RollingBack,
        Stage::ForceStopping,
        Stage::Stopping,
        Stage::Autoscaling,
        Stage::Snapshot,
    ];
    let tag = |key: &str, value: &str| Do::Tag {
        key: key.to_owned(),
        value: value.to_owned(),
    };
    match weighted(
        rng,
        &[12, 6, 4, 6, 4, 6, 3, 8, 7, 6, 5, 14, 6, 5, 4, 4, 3, 5, 6, 6],
    ) {
        0 => taken(n),
        1 => placed(n),
        2 => Do::DeleteSnapshots,
        3 => tag(MANAGED, any(rng, &["false", "true", "no"])),
        4 => Do::Untag {
            key: MANAGED.to_owned(),
        },
        5 => {
            let (key, value) = world::policy_tag(rng);
            tag(&key, &value)
        }
        6 => Do::LoseMachine,
        7 => of_the_service(rng),
        8 => Do::Stuck(any(rng, &stages)),
        9 => Do::Slow([(any(rng, &stages), rng.u32(2..20))].into()),
        10 => Do::RefuseRollback,
        11 => asked(request(rng)),
        12 => ended(ExecutionEnd::Stopped),
        13 => Do::DeliverAlarmAgain,
        14 => any(
            rng,
            &[
                Do::Stop { force: false },
                Do::Stop { force: true },
                START,
                Do::Rollback,
            ],
        ),
        15 => Do::FailSnapshots {
            count: rng.u32(1..3),
        },
        16 => Do::RollbackRestores(any(
            rng,
            &[RollbackRestores::Latest, RollbackRestores::BeforeTheChange],
        )),
        17 => Do::DeleteSnapshot(if rng.bool() {
            WhichSnapshot::Newest
        } else {
            WhichSnapshot::Oldest
        }),
        18 => ended(ExecutionEnd::Failed),
        _ => Do::AskForSnapshots {
            input: Some(
                json!({ "applicationName": world::name_of(index), "dryRun": one_in(rng, 4) }),
            ),
        },
    }
}

/// What people ask Lifeguard for. `#3` stands for the name of the third snapshot, until names are filled in.
fn request(rng: &mut Rng) -> Option<Value> {
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

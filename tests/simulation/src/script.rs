//! A night as a file that `cargo run -- rehearse FILE` plays: to look into one that broke, and to check it in as a scenario once it is understood.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sandbox::{
    faults::{Fault, LambdaFault, When as Which},
    flink::{self, ClusterEvent},
    managed_flink::{RollbackState, SnapshotStatus, Stage},
    script::{
        self, Do, ExecutionEnd, FaultKind, Injected, Moment as Part, Script, Span, Step, Tried,
        When,
    },
};
use serde_json::{Map, Value, json};

use crate::{
    night::{Application, Event, Moment, Night, Strike, What},
    people::code_key,
    play::DAY,
};

/// The night as a script. It says nothing of how it must end: who checks it in does.
#[must_use]
pub fn of(night: &Night) -> Script {
    let opened = DAY.parse::<Timestamp>().expect("a date")
        + SignedDuration::from_mins(night.opened_mins.into());
    Script {
        name: format!("seed-{}", night.seed),
        sentence: format!("The simulated run of seed {}.", night.seed),
        seed: Some(night.seed),
        world: world(night, opened),
        faults: night.strikes.iter().map(injected).collect(),
        happens: night
            .events
            .iter()
            .enumerate()
            .filter_map(|(n, event)| step(night, n, event, opened))
            .collect(),
        lasts: Some(minutes(night.length_mins.into())),
        ..Script::default()
    }
}

fn minutes(minutes: u64) -> Span {
    Span(Duration::from_secs(minutes * 60))
}

fn world(night: &Night, opened: Timestamp) -> script::World {
    let mut parameters = night.stack.parameters();
    parameters.insert("SnapshotScheduleState".to_owned(), "ENABLED".to_owned());
    let mut world = script::World {
        opens: Some(opened),
        parameters,
        service: service(night),
        ..script::World::default()
    };
    for (index, application) in night.applications.iter().enumerate() {
        for key in [format!("{index}-old.jar"), format!("{index}.jar")] {
            world.code.insert(key, (&application.code).into());
        }
    }
    for (index, event) in night.events.iter().enumerate() {
        if let What::Deploy { code, .. } = &event.what {
            world.code.insert(code_key(index), (&**code).into());
        }
    }
    let applications = night.applications.iter().enumerate();
    let described = applications.map(|(index, application)| described(index, application, opened));
    world.applications = Some(described.collect());
    world
}

fn service(night: &Night) -> script::Service {
    let own = &night.quirks;
    let named = |name: &str| own.system_rollback_name.then(|| name.to_owned());
    script::Service {
        rollback_restores: if own.rollback_latest {
            script::RollbackRestores::Latest
        } else {
            script::RollbackRestores::BeforeTheChange
        },
        rollback_number: if own.rollback_old_number {
            script::RollbackNumber::Old
        } else {
            script::RollbackNumber::New
        },
        update_snapshot_has_new_version: own.snapshot_has_new_version,
        system_rollback_operation: named("SystemRollback"),
        maintenance_operation: named("Maintenance"),
        system_rollback_on_loops: own
            .rollback_on_loops_secs
            .map(|secs| Span(Duration::from_secs(secs))),
        times_as_slow: own.slow,
        ..script::Service::default()
    }
}

/// Environment properties, by group.
fn groups(secret: &str) -> Map<String, Value> {
    let map = json!({ "database.password": secret, "input.stream": "orders" });
    Map::from_iter([("orders".to_owned(), map)])
}

fn described(index: usize, application: &Application, opened: Timestamp) -> script::Application {
    let version = |code: String, age: u64| script::Version {
        code,
        age: minutes(age),
    };
    let age = application.version_age_mins;
    let snapshots = application.snapshots.iter().enumerate();
    let snapshot = |(n, snapshot): (usize, &crate::night::OldSnapshot)| script::Snapshot {
        name: application.snapshot_name(n + 1, opened),
        age: minutes(snapshot.age_mins),
        status: match snapshot.status {
            SnapshotStatus::Creating => script::SnapshotStatus::Creating,
            SnapshotStatus::Ready => script::SnapshotStatus::Ready,
            SnapshotStatus::Deleting => script::SnapshotStatus::Deleting,
            SnapshotStatus::Failed => script::SnapshotStatus::Failed,
        },
        count: None,
        apart: None,
    };
    let tags = application.tags.iter();
    script::Application {
        name: Some(application.name.clone()),
        runtime: Some(application.runtime.clone()),
        versions: vec![
            version(format!("{index}-old.jar"), age * 3),
            version(format!("{index}.jar"), age),
        ],
        snapshots: snapshots.map(snapshot).collect(),
        tags: tags
            .map(|(key, value)| (key.clone(), application.with_names(value, opened)))
            .collect(),
        properties: groups(&application.secret()),
        system_rollback: application.system_rollback,
        snapshots_disabled: !application.snapshots_enabled,
        without_checkpoints: !application.checkpointing,
        stream: Some(script::Stream {
            sink: match application.sink {
                flink::Sink::ExactlyOnce => script::Sink::ExactlyOnce,
                flink::Sink::AtLeastOnce => script::Sink::AtLeastOnce,
            },
            ..script::Stream::default()
        }),
        ..script::Application::default()
    }
}

/// Whether any code of the night needs this.
fn is_needed(night: &Night, dependency: &str) -> bool {
    let deployed = night.events.iter().filter_map(|event| match &event.what {
        What::Deploy { code, .. } => Some(&**code),
        _ => None,
    });
    let running = night
        .applications
        .iter()
        .map(|application| &application.code);
    running
        .chain(deployed)
        .any(|code| code.needs.iter().any(|need| need.dependency == dependency))
}

/// None for what comes after the end, to no application, or is needed by no code.
fn step(night: &Night, index: usize, event: &Event, opened: Timestamp) -> Option<Step> {
    let application = night.applications.get(event.application)?;
    if let What::Dependency(name, _) = &event.what
        && !is_needed(night, name)
    {
        return None;
    }
    let when = match &event.at {
        Moment::After(secs) if *secs >= u64::from(night.length_mins) * 60 => return None,
        Moment::After(secs) => When::At(Span(Duration::from_secs(*secs))),
        Moment::Task { state, nth, ended } => When::Task(Tried {
            state: state.clone(),
            nth: Some(*nth),
            moment: if *ended { Part::Ends } else { Part::Begins },
        }),
    };
    Some(Step {
        when: Some(when),
        application: Some(application.name.clone()),
        what: Some(what(index, application, &event.what, opened)),
    })
}

fn what(index: usize, application: &Application, what: &What, opened: Timestamp) -> Do {
    match what {
        What::Deploy { runtime, .. } => Do::Deploy {
            code: Some(code_key(index)),
            runtime: runtime.clone(),
            properties: None,
        },
        What::ChangeProperty => {
            let mut properties = groups(&application.secret());
            properties["orders"]["database.password.next"] =
                format!("{}-changed", application.secret()).into();
            Do::Deploy {
                code: None,
                runtime: None,
                properties: Some(properties),
            }
        }
        What::Stop => Do::Stop { force: false },
        What::ForceStop => Do::Stop { force: true },
        What::Start => Do::Start {
            from: Some(script::StartFrom::LatestSnapshot),
        },
        What::StartWithoutState => Do::Start {
            from: Some(script::StartFrom::Nothing),
        },
        What::Rollback => Do::Rollback,
        What::TakeSnapshot => Do::TakeSnapshot {
            name: format!("by-hand-{index}"),
        },
        What::PlaceSnapshot => Do::PlaceSnapshot {
            name: format!("placed-{index}"),
        },
        What::DeleteSnapshots => Do::DeleteSnapshots,
        What::DeleteSnapshot { newest: true } => Do::DeleteSnapshot(script::WhichSnapshot::Newest),
        What::DeleteSnapshot { newest: false } => Do::DeleteSnapshot(script::WhichSnapshot::Oldest),
        What::CheckSnapshots { dry } => Do::AskForSnapshots {
            input: Some(json!({ "applicationName": application.name, "dryRun": dry })),
        },
        What::Tag(key, value) => Do::Tag {
            key: key.clone(),
            value: application.with_names(value, opened),
        },
        What::Untag(key) => Do::Untag { key: key.clone() },
        What::Ask(request) => Do::Ask {
            input: None,
            request: request.as_ref().map(|request| {
                let mut request = request.clone();
                if let Some(name) = request["snapshotName"].as_str() {
                    request["snapshotName"] = application.with_names(name, opened).into();
                }
                request
            }),
            label: None,
        },
        What::AbortExecutions => ended(ExecutionEnd::Stopped),
        What::FailExecutions => ended(ExecutionEnd::Failed),
        What::RingAgain => Do::DeliverAlarmAgain,
        What::Dependency(..)
        | What::LoseMachine
        | What::Befall(_)
        | What::Maintenance
        | What::Autoscale(_)
        | What::Stuck(_)
        | What::Slow(..)
        | What::RefuseRollback
        | What::FailSnapshots(_)
        | What::RollbackState(_) => of_the_world(what),
    }
}

fn ended(end: ExecutionEnd) -> Do {
    Do::EndExecution {
        end,
        label: None,
        unheard: false,
    }
}

/// What no person does.
fn of_the_world(what: &What) -> Do {
    match what {
        What::Dependency(name, up) => Do::Dependency {
            name: name.clone(),
            up: *up,
        },
        What::LoseMachine => Do::LoseMachine,
        What::Befall(event) => befallen(event),
        What::Autoscale(parallelism) => Do::Autoscale {
            parallelism: *parallelism,
        },
        What::Stuck(stage) => Do::Stuck(part(*stage)),
        What::Slow(stage, times) => Do::Slow([(part(*stage), *times)].into()),
        What::RefuseRollback => Do::RefuseRollback,
        What::FailSnapshots(count) => Do::FailSnapshots { count: *count },
        What::RollbackState(RollbackState::Latest) => {
            Do::RollbackRestores(script::RollbackRestores::Latest)
        }
        What::RollbackState(RollbackState::BeforeTheChange) => {
            Do::RollbackRestores(script::RollbackRestores::BeforeTheChange)
        }
        // Nothing else comes here.
        _ => Do::Maintenance,
    }
}

fn befallen(event: &ClusterEvent) -> Do {
    match event {
        ClusterEvent::JobManagerLost => Do::LoseJobManager,
        ClusterEvent::TaskManagerLost => Do::LoseMachine,
        ClusterEvent::RegionsFail {
            apart_millis,
            fault,
        } => Do::FailRegions {
            apart: Span(Duration::from_millis((*apart_millis).into())),
            fault: fault.into(),
        },
        ClusterEvent::Rescale { parallelism } => Do::Rescale {
            parallelism: *parallelism,
        },
        ClusterEvent::SlotsLost { for_secs } => Do::LoseSlots {
            lasting: Span(Duration::from_secs((*for_secs).into())),
        },
    }
}

fn part(stage: Stage) -> script::Stage {
    match stage {
        Stage::Starting => script::Stage::Starting,
        Stage::Stopping => script::Stage::Stopping,
        Stage::Updating => script::Stage::Updating,
        Stage::RollingBack => script::Stage::RollingBack,
        Stage::ForceStopping => script::Stage::ForceStopping,
        Stage::Autoscaling => script::Stage::Autoscaling,
        Stage::Maintenance => script::Stage::Maintenance,
        Stage::Snapshot => script::Stage::Snapshot,
        Stage::Deleting => script::Stage::Deleting,
    }
}

/// What goes wrong for longer than a year does so for ever.
const FOR_EVER_SECS: u64 = 31_536_000;

fn injected(strike: &Strike) -> Injected {
    let (from, to) = strike.within_secs;
    Injected {
        fault: kind(&strike.fault),
        service: Some(strike.service.clone()),
        verb: strike.action.clone(),
        function: strike.package.clone(),
        caller: None,
        which: match strike.when {
            Which::Always => script::Which::Always,
            Which::Nth(n) => script::Which::Nth(n),
            Which::First(n) => script::Which::First(n),
            Which::Between { first, last } => script::Which::Between { first, last },
            Which::EveryKth { k, from } => script::Which::EveryKth { k, from },
            Which::OneIn(k) => script::Which::OneIn(k),
            Which::Over { refill, burst } => script::Which::Over {
                per_second: 1.0 / refill.as_secs_f64(),
                burst,
            },
        },
        from: Some(Span(Duration::from_secs(from))),
        to: (to < FOR_EVER_SECS).then(|| Span(Duration::from_secs(to))),
    }
}

fn kind(fault: &Fault) -> FaultKind {
    match fault {
        Fault::Refuse {
            status,
            code,
            message,
        } => FaultKind::Refuse {
            status: *status,
            code: code.clone(),
            message: message.clone(),
        },
        Fault::Throttle => FaultKind::Throttle,
        Fault::ServerError => FaultKind::ServerError,
        Fault::CutBefore => FaultKind::CutBefore,
        Fault::LoseAnswer => FaultKind::LoseAnswer,
        Fault::ServerErrorAfter => FaultKind::ServerErrorAfter,
        Fault::Slow(time) => FaultKind::Slow(Span(*time)),
        Fault::Late(time) => FaultKind::Late(Span(*time)),
        Fault::Twice => FaultKind::Twice,
        Fault::Stale => FaultKind::Stale,
        Fault::Truncate => FaultKind::Truncate,
        Fault::Huge => FaultKind::Huge,
        Fault::OtherJob => FaultKind::OtherJob,
        Fault::Lambda(LambdaFault::CrashBefore) => FaultKind::CrashBefore,
        Fault::Lambda(LambdaFault::CrashAfter) => FaultKind::CrashAfter,
        Fault::Lambda(LambdaFault::RunTwice) => FaultKind::RunTwice,
        Fault::Lambda(LambdaFault::TimeOutBefore) => FaultKind::TimeOutBefore,
        Fault::Lambda(LambdaFault::TimeOutAfter) => FaultKind::TimeOutAfter,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generate;

    #[test]
    fn every_night_is_a_script_that_can_be_read() {
        for seed in 0..300 {
            let script = of(&generate::night(seed));
            match script::read("night.json", &script.json()) {
                Ok(read) => assert_eq!(read, script, "seed {seed}"),
                Err(wrong) => panic!("seed {seed}: {wrong}"),
            }
        }
    }
}

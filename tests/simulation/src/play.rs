//! Plays a night in virtual time, in a runtime of its own, and checks what is left in the end.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};
use sandbox::{
    flink::{Codebook, Stream},
    invariants::{Checker, Invariant, OPERATOR, Violation},
    managed_flink::{
        ApplicationSeed, Quirks, RollbackVersion, Settings, SnapshotStatus, Stage, Timings,
    },
    region::{Blueprint, Open, REMEDIATE, Region},
    scenario::await_the_end,
    states::ExecutionView,
};
use serde_json::json;

use crate::{
    alarms,
    night::{Application, Night, What, properties},
    people::{code_key, rollback_state},
    player::Player,
    promises::premises,
    trace,
};

/// The day on which every night begins.
pub(crate) const DAY: &str = "2026-03-04T00:00:00Z";

/// What became of a night.
#[derive(Clone, Debug, Default)]
pub struct Played {
    /// What broke.
    pub violations: Vec<Violation>,
    /// Checks made.
    pub checks: BTreeMap<Invariant, u64>,
    /// Ends of executions, `outcome/because`.
    pub outcomes: BTreeMap<String, u64>,
    /// Requests struck, by kind of fault.
    pub struck: BTreeMap<String, u64>,
    /// Things that happened, by kind.
    pub happened: BTreeMap<String, u64>,
    /// Virtual seconds, summed over applications.
    pub application_secs: u64,
    /// Executions.
    pub executions: u64,
    /// Changes by Lifeguard that took effect.
    pub changes: u64,
    /// Snapshots that the schedule had taken.
    pub snapshots_taken: u64,
    /// Snapshots that it deleted.
    pub snapshots_deleted: u64,
    /// Requests to the region.
    pub calls: u64,
    /// Everything that happened, where it was asked for.
    pub trace: String,
}

/// Plays a night. With `told`, its trace is kept.
///
/// # Panics
/// When the region cannot be opened, which is a mistake in the template and not in the night.
#[must_use]
pub fn play(night: &Night, told: bool) -> Played {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    let runtime = runtime.expect("a runtime of one thread needs nothing but memory");
    runtime.block_on(async {
        let night = Arc::new(night.clone());
        let region = open(&night);
        let checker = Checker::watch(&region, premises(&night, region.opened()));
        Player::of(&region, &night).live().await;
        mend(&region, &night);
        await_the_end(&region).await;
        let verdicts = checker.finish();
        let mut played = sum_up(&region, &night, &checker);
        (played.violations, played.checks) = (verdicts.violations, verdicts.checks);
        if told {
            played.trace = trace::of(&region);
        }
        played
    })
}

/// Opens the region of a night.
pub(crate) fn open(night: &Night) -> Open {
    let opened = DAY.parse::<Timestamp>().expect("a date")
        + SignedDuration::from_mins(night.opened_mins.into());
    let mut codebook = Codebook::new();
    for (index, application) in night.applications.iter().enumerate() {
        codebook.insert(format!("{index}-old.jar"), application.code.clone());
        codebook.insert(format!("{index}.jar"), application.code.clone());
    }
    for (index, event) in night.events.iter().enumerate() {
        if let What::Deploy { code, .. } = &event.what {
            codebook.insert(code_key(index), (**code).clone());
        }
    }
    let parameters = night.stack.parameters();
    let blueprint = Blueprint {
        seed: night.seed,
        parameters,
        template: night.template.clone(),
        codebook,
        settings: settings(night),
        ..Blueprint::default()
    };
    let region = Region::open_at(blueprint, opened).expect("the template can be used");
    let function = |package: &str| {
        region
            .stack()
            .functions
            .values()
            .find(|function| function.package == package)
            .map(|one| one.name.clone())
    };
    for strike in &night.strikes {
        region.faults().add(strike.rule(function));
    }
    for (index, application) in night.applications.iter().enumerate() {
        region
            .flink()
            .add_application(seed(index, application, opened));
        for alarm in lifecycle::alarms_of(&application.name) {
            region
                .cloudwatch()
                .put_alarm(&alarms::properties(&alarm))
                .expect("the alarms of this project are well formed");
        }
    }
    region
}

fn settings(night: &Night) -> Settings {
    let own = &night.quirks;
    let mut timings = Timings::default();
    if let Some(times) = own.slow {
        let stages: Vec<(Stage, Duration)> = timings
            .stages
            .iter()
            .map(|(stage, time)| (*stage, *time * times))
            .collect();
        timings.stages = stages.into_iter().collect();
    }
    let mut quirks = Quirks {
        rollback_state: rollback_state(own.rollback_latest),
        rollback_version: if own.rollback_old_number {
            RollbackVersion::Old
        } else {
            RollbackVersion::New
        },
        update_snapshot_has_new_version: own.snapshot_has_new_version,
        system_rollback_on_loops: own.rollback_on_loops_secs.map(Duration::from_secs),
        ..Quirks::default()
    };
    if own.system_rollback_name {
        "SystemRollback".clone_into(&mut quirks.system_rollback_operation);
        "Maintenance".clone_into(&mut quirks.maintenance_operation);
    }
    Settings {
        timings,
        quirks,
        ..Settings::default()
    }
}

fn seed(index: usize, application: &Application, opened: Timestamp) -> ApplicationSeed {
    let minutes = |mins: u64| Duration::from_secs(mins * 60);
    let mut seed = ApplicationSeed::new(&application.name)
        .runtime(&application.runtime)
        .version(
            &format!("{index}-old.jar"),
            minutes(application.version_age_mins * 3),
        )
        .version(
            &format!("{index}.jar"),
            minutes(application.version_age_mins),
        )
        .stream(Stream {
            sink: application.sink,
            ..Stream::default()
        })
        .configured(
            "EnvironmentProperties",
            json!({ "PropertyGroups": properties(&application.secret()) }),
        );
    for (n, snapshot) in application.snapshots.iter().enumerate() {
        let (name, age) = (
            application.snapshot_name(n + 1, opened),
            minutes(snapshot.age_mins),
        );
        seed = match snapshot.status {
            SnapshotStatus::Ready => seed.snapshot(&name, age),
            other => seed.snapshot_that_is(other, &name, age),
        };
    }
    for (key, value) in &application.tags {
        seed = seed.tag(key, &application.with_names(value, opened));
    }
    if application.system_rollback {
        seed = seed.with_system_rollback();
    }
    if !application.snapshots_enabled {
        seed = seed.without_snapshots();
    }
    if !application.checkpointing {
        let off = json!({ "CheckpointConfiguration": { "ConfigurationType": "CUSTOM", "CheckpointingEnabled": false } });
        seed = seed.configured("FlinkApplicationConfiguration", off);
    }
    seed
}

/// What the summary tells.
fn sum_up(region: &Region, night: &Night, checker: &Checker) -> Played {
    let executions = region.executions_of(REMEDIATE);
    let (snapshots_taken, snapshots_deleted) = checker.snapshots();
    let mut played = Played {
        executions: executions.len() as u64,
        changes: checker.changes(),
        snapshots_taken,
        snapshots_deleted,
        calls: region.journal().count_calls(|call| call.caller != OPERATOR) as u64,
        application_secs: region.clock().elapsed().as_secs() * night.applications.len() as u64,
        struck: region
            .faults()
            .struck_by_kind()
            .into_iter()
            .map(|(kind, n)| (kind.to_owned(), n))
            .collect(),
        ..Played::default()
    };
    for execution in &executions {
        *played.outcomes.entry(ending(execution)).or_default() += 1;
    }
    for event in &night.events {
        *played.happened.entry(word(&event.what)).or_default() += 1;
    }
    played
}

/// The kind of an event, without what it carries.
fn word(what: &What) -> String {
    format!("{what:?}")
        .split([' ', '(', '{'])
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// How an execution ended: `outcome/because`.
fn ending(execution: &ExecutionView) -> String {
    let Some(output) = &execution.output else {
        return execution.status.name().to_owned();
    };
    let text = |member: &str| output[member].as_str().unwrap_or_default();
    format!("{}/{}", text("outcome"), text("because"))
}

/// The plumbing works again, and what jobs depend on is back.
pub(crate) fn mend(region: &Region, night: &Night) {
    region.faults().clear();
    for application in &night.applications {
        for need in &application.code.needs {
            region.flink().set_dependency(&need.dependency, true);
        }
    }
}

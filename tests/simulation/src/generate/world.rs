//! What the region is like: the stack, the service, applications with their snapshots and tags.

use std::collections::BTreeMap;

use fastrand::Rng;
use jiff::{SignedDuration, Timestamp};
use sandbox::{
    invariants::MANAGED,
    script::{
        Application, Do, RollbackNumber, RollbackRestores, Script, Service, Sink, Snapshot,
        SnapshotStatus, Stream, TakenBy, Version,
    },
};
use serde_json::{Map, Value, json};

use super::{any, code, minutes, one_in, seconds, weighted};

/// Lifeguard's own snapshots are called so, spelt out: the checks must not trust what they check.
pub(super) const OWN: &str = "lifeguard-v";

/// What every run has of the stack.
pub(crate) fn usual_parameters() -> BTreeMap<String, String> {
    BTreeMap::from([
        // The alarms are there from the start, and nobody but the keeper touches them.
        ("AlarmKeeperEveryMinutes".to_owned(), "60".to_owned()),
        ("SnapshotScheduleState".to_owned(), "ENABLED".to_owned()),
    ])
}

/// One run in so many has the sweep: a sweep a minute is half of what a run costs.
const SWEPT_ONE_IN: u64 = 5;

/// The same, and in some runs the sweep: by the seed alone, so that nothing else is drawn anew.
pub(super) fn parameters_of(seed: u64) -> BTreeMap<String, String> {
    let mut parameters = usual_parameters();
    let sweeps = if seed.is_multiple_of(SWEPT_ONE_IN) {
        "ENABLED"
    } else {
        "DISABLED"
    };
    parameters.insert("SweepState".to_owned(), sweeps.to_owned());
    parameters
}

/// Sets a parameter.
pub(super) fn set(parameters: &mut BTreeMap<String, String>, name: &str, value: u32) {
    parameters.insert(name.to_owned(), value.to_string());
}

/// The stack: in half of the runs much as its template has it.
pub(super) fn stack(rng: &mut Rng, parameters: &mut BTreeMap<String, String>) {
    snapshot_check(rng, parameters);
    if one_in(rng, 2) {
        set(
            parameters,
            "DeadlineSecs",
            any(rng, &[3_600, 7_200, 14_400]),
        );
        return;
    }
    if one_in(rng, 8) {
        parameters.insert("Mode".to_owned(), "observe".to_owned());
    }
    let choices: [(&str, &[u32]); 6] = [
        ("SoakSecs", &[60, 120, 303, 303, 600]),
        ("OperationTimeoutSecs", &[300, 600, 1_200, 2_400]),
        ("SettleTimeoutSecs", &[300, 900, 2_400]),
        ("RescuesPerDay", &[0, 1, 1, 2, 3]),
        ("MaxSnapshotAgeSecs", &[600, 3_600, 28_800, 86_400]),
        ("DeadlineSecs", &[3_600, 3_600, 7_200, 14_400]),
    ];
    for (name, values) in choices {
        set(parameters, name, any(rng, values));
    }
}

/// The snapshot check: the template's own, or one that takes and deletes more than anybody would want.
pub(super) fn snapshot_check(rng: &mut Rng, parameters: &mut BTreeMap<String, String>) {
    if one_in(rng, 2) {
        return;
    }
    let choices: [(&str, &[u32]); 4] = [
        ("SnapshotCheckEveryMinutes", &[10, 20, 30, 60, 60]),
        ("SnapshotMaxAgeSecs", &[1_200, 3_600, 7_200, 21_600]),
        ("SnapshotKeepLast", &[1, 1, 2, 3, 10]),
        ("SnapshotKeepDailyDays", &[0, 0, 1, 7]),
    ];
    for (name, values) in choices {
        set(parameters, name, any(rng, values));
    }
}

/// Answers to the questions that the service's documentation leaves open.
pub(super) fn service(rng: &mut Rng) -> Service {
    let rollback_restores = if rng.bool() {
        RollbackRestores::Latest
    } else {
        RollbackRestores::BeforeTheChange
    };
    let rollback_number = if rng.bool() {
        RollbackNumber::Old
    } else {
        RollbackNumber::New
    };
    let update_snapshot_has_new_version = rng.bool();
    let has_own_names = rng.bool();
    let named = |name: &str| has_own_names.then(|| name.to_owned());
    Service {
        rollback_restores,
        rollback_number,
        update_snapshot_has_new_version,
        system_rollback_operation: named("SystemRollback"),
        maintenance_operation: named("Maintenance"),
        system_rollback_on_loops: one_in(rng, 4).then(|| seconds(rng.u64(30..400))),
        times_as_slow: one_in(rng, 6).then(|| rng.u32(2..8)),
        ..Service::default()
    }
}

/// The name of an application, by its place.
pub(super) fn name_of(index: usize) -> String {
    format!("app-{index}")
}

/// The value of an environment property of an application, which must appear nowhere; some of its exceptions quote it.
pub(super) fn secret_of(index: usize) -> String {
    format!("hunter2-{}", name_of(index))
}

/// The environment properties of an application, by group.
pub(super) fn properties(index: usize) -> Map<String, Value> {
    let map = json!({ "database.password": secret_of(index), "input.stream": "orders" });
    Map::from_iter([("orders".to_owned(), map)])
}

/// Draws an application with its code.
pub(super) fn add_application(rng: &mut Rng, index: usize, script: &mut Script) {
    let opened = script.world.opened();
    let code = code::running(rng, index);
    let versions = [format!("{index}-old.jar"), format!("{index}.jar")];
    for key in &versions {
        script.world.code.insert(key.clone(), code.clone());
    }
    let age_mins = any(rng, &[30, 300, 1_440, 10_000]);
    let runtimes = ["FLINK-1_20", "FLINK-1_20", "FLINK-1_18", "FLINK-2_2"];
    let version = |code: String| Version {
        code,
        age: minutes(age_mins),
    };
    let mut application = Application {
        name: Some(name_of(index)),
        runtime: Some(any(rng, &runtimes).to_owned()),
        versions: versions.map(version).into(),
        snapshots: snapshots(rng, age_mins),
        tags: tags(rng),
        properties: properties(index),
        system_rollback: one_in(rng, 3),
        snapshots_disabled: one_in(rng, 14),
        without_checkpoints: one_in(rng, 8),
        stream: Some(Stream {
            sink: if one_in(rng, 3) {
                Sink::AtLeastOnce
            } else {
                Sink::ExactlyOnce
            },
            ..Stream::default()
        }),
        ..Application::default()
    };
    aged(&mut application, age_mins, opened);
    let applications = script.world.applications.get_or_insert_default();
    applications.push(application);
}

/// Makes the present version so many minutes old, and the one before three times as old; Lifeguard's own snapshots are named after the version that they were taken of.
pub(super) fn aged(application: &mut Application, age_mins: u64, opened: Timestamp) {
    let present = minutes(age_mins);
    for (version, times) in application.versions.iter_mut().zip([3, 1]) {
        version.age = minutes(age_mins * times);
    }
    for snapshot in &mut application.snapshots {
        if snapshot.name.starts_with(OWN) {
            let version = if snapshot.age > present { 1 } else { 2 };
            let age = SignedDuration::try_from(snapshot.age.0).unwrap_or_default();
            let taken = (opened - age).strftime("%Y%m%dT%H%MZ");
            snapshot.name = format!("{OWN}{version}-{taken}");
        }
    }
}

fn snapshots(rng: &mut Rng, version_age_mins: u64) -> Vec<Snapshot> {
    if one_in(rng, 10) {
        return Vec::new();
    }
    // One in three has so many that there is something to delete.
    let (step, count) = if one_in(rng, 3) {
        any(rng, &[(31, 20), (61, 12), (61, 40), (350, 16), (1_300, 9)])
    } else {
        (any(rng, &[5, 60, 360, 1_300]), rng.u64(1..5))
    };
    let mut old = |n: u64| Snapshot {
        age: minutes(n * step),
        status: if one_in(rng, 8) {
            SnapshotStatus::Failed
        } else {
            SnapshotStatus::Ready
        },
        // Some of people's have a name that says that they must be kept.
        name: [OWN, "scheduled-", "keep-"][weighted(rng, &[70, 26, 4])].to_owned(),
        taken_by: None,
        count: None,
        apart: None,
    };
    let mut all: Vec<Snapshot> = (1..=count)
        .map(&mut old)
        .filter(|one| one.age != minutes(version_age_mins))
        .collect();
    // While a version is being made nobody but the service takes one.
    if one_in(rng, 4) {
        all.push(Snapshot {
            name: "scheduled-".to_owned(),
            age: minutes(version_age_mins),
            status: SnapshotStatus::Ready,
            taken_by: Some(TakenBy::Service),
            count: None,
            apart: None,
        });
    }
    for (n, snapshot) in all.iter_mut().enumerate() {
        if snapshot.name != OWN {
            snapshot.name.push_str(&(n + 1).to_string());
        }
    }
    all
}

fn tags(rng: &mut Rng) -> BTreeMap<String, String> {
    let mut tags = BTreeMap::new();
    let mut tag = |key: &str, value: &str| drop(tags.insert(key.to_owned(), value.to_owned()));
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

/// A tag with a policy, good or wrong. `#3` stands for the name of the third snapshot, until names are filled in.
pub(super) fn policy_tag(rng: &mut Rng) -> (String, String) {
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

/// Puts the names of snapshots in place of `#1`, `#2` … in tags and requests.
pub(super) fn fill_in_names(script: &mut Script) {
    let applications = script.world.applications.get_or_insert_default();
    for application in applications.iter_mut() {
        let named = |text: &mut String| *text = with_names(text, &application.snapshots);
        application.tags.values_mut().for_each(named);
    }
    for step in &mut script.happens {
        let mut all = applications.iter();
        let Some(application) = all.find(|one| one.name == step.application) else {
            continue;
        };
        match &mut step.what {
            Some(Do::Tag { value, .. }) => *value = with_names(value, &application.snapshots),
            Some(Do::Ask {
                request: Some(request),
                ..
            }) => {
                if let Some(name) = request["snapshotName"].as_str() {
                    request["snapshotName"] = with_names(name, &application.snapshots).into();
                }
            }
            _ => {}
        }
    }
}

fn with_names(text: &str, snapshots: &[Snapshot]) -> String {
    let name = |word: &str| {
        let number = word.strip_prefix('#').and_then(|n| n.parse::<usize>().ok());
        let snapshot = number.and_then(|n| snapshots.get(n.checked_sub(1)?));
        snapshot.map_or_else(
            || word.trim_start_matches('#').to_owned(),
            |snapshot| snapshot.name.clone(),
        )
    };
    text.split(' ').map(name).collect::<Vec<_>>().join(" ")
}

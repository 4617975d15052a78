//! Scenarios about the snapshots that a rescue needs: when one is taken, when it must not be, what is deleted and what never.

use std::{collections::BTreeMap, time::Duration};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::{APPLICATION, Ends, LEFT_ALONE, Scenario, Stage, World, days, hours, minutes};
use crate::{
    faults::{Fault, Rule, When},
    flink::{Behaviour, Code, RestartStrategy},
    managed_flink::{ApplicationSeed, SnapshotStatus},
    region::{Region, SNAPSHOT_CHECK},
};

/// A check ends well within the schedule's interval.
const INTERVAL: Duration = hours(1);
/// Applications of the fleet.
const FLEET: usize = 1_000;
/// Those of them that loop and whose newest snapshot is old: one in twenty.
const LOOPING_AND_DUE: usize = FLEET / 20;
const CREATE: &str = "CreateApplicationSnapshot";
const DELETE: &str = "DeleteApplicationSnapshot";
/// While the rescue is at work nothing; then one taken, and of 24 those deleted that neither age nor the rescue's change protect.
const RESCUED_THEN_KEPT: &[&str] = &[
    "RollbackApplication",
    CREATE,
    DELETE,
    DELETE,
    DELETE,
    DELETE,
    DELETE,
    DELETE,
    DELETE,
    DELETE,
    DELETE,
];
/// Of 24: ten are among the newest, four the first of their day, one stands before the change; when the new one is READY, one more makes room for it.
const TAKEN_AND_TEN_DELETED: &[&str] = &[
    CREATE, DELETE, DELETE, DELETE, DELETE, DELETE, DELETE, DELETE, DELETE, DELETE, DELETE,
];

/// Nothing taken, nothing deleted, nobody told.
const CHECKED: Ends = Ends {
    outcome: "checked",
    snapshots: Some(|_| Vec::new()),
    ..LEFT_ALONE
};
/// Somebody has to do something.
const NEEDS_PERSON: Ends = Ends {
    outcome: "needsPerson",
    snapshots: Some(told_once),
    ..CHECKED
};

/// All of them.
pub const SNAPSHOTS: &[Scenario] = &[
    Scenario {
        name: "snapshots-fresh",
        sentence: "The scheduled check finds a fresh snapshot: nothing is taken, no job is looked at, nobody is told.",
        stage: || {
            scheduled(
                Stage::of(Code::healthy())
                    .application(Stage::orders().snapshot("nightly", hours(2))),
            )
        },
        script: |world| Box::pin(async move { world.until_checked(1, hours(2)).await }),
        ends: Ends {
            because: "1 fresh",
            snapshots: Some(no_look),
            ..CHECKED
        },
    },
    Scenario {
        name: "snapshots-stale",
        sentence: "The newest snapshot is too old: one is taken of the verified job, and the oldest of Lifeguard's own are deleted; the next check finds it fresh.",
        stage: || {
            scheduled(Stage::of(Code::healthy()).application(with_own(
                Stage::orders(),
                24,
                hours(6),
            )))
        },
        script: |world| Box::pin(async move { world.until_checked(2, hours(3)).await }),
        ends: Ends {
            changes: TAKEN_AND_TEN_DELETED,
            because: "1 fresh",
            ..CHECKED
        },
    },
    Scenario {
        name: "snapshots-unhealthy-application",
        sentence: "The broker is gone and the job loops: no snapshot is taken of it and none is deleted; people hear that the newest gets old.",
        stage: || {
            let code = Code::healthy().needing(
                "broker",
                "org.apache.kafka.common.errors.TimeoutException",
                "Timed out waiting for a node assignment",
            );
            Stage::of(code).application(with_own(Stage::orders(), 24, minutes(330)))
        },
        script: |world| {
            Box::pin(async move {
                world.pass(minutes(2)).await;
                world.region().set_dependency("broker", false);
                world.until_told(hours(5)).await;
                world
                    .ask_for_snapshots(&json!({ "applicationName": APPLICATION }))
                    .await;
                world.until_checked(1, hours(1)).await;
            })
        },
        ends: Ends {
            because: "not verified healthy",
            ..NEEDS_PERSON
        },
    },
    Scenario {
        name: "snapshots-quota",
        sentence: "850 of 1,000 snapshots are used: a warning, and the oldest of Lifeguard's own are deleted before the next is taken.",
        stage: || {
            scheduled(Stage::of(Code::healthy()).application(with_own(
                Stage::orders(),
                850,
                hours(6),
            )))
        },
        script: |world| Box::pin(async move { world.until_checked(1, hours(2)).await }),
        ends: Ends {
            because: "850 of 1000",
            snapshots: Some(deleted_before_taking),
            counts_changes: true,
            ..NEEDS_PERSON
        },
    },
    Scenario {
        name: "snapshots-stuck-creating",
        sentence: "A snapshot is stuck in CREATING: it is reported and left alone, and the next one is still taken.",
        stage: || {
            let orders = Stage::orders()
                .snapshot("nightly", hours(7))
                .snapshot_that_is(SnapshotStatus::Creating, "weekly", hours(2));
            scheduled(Stage::of(Code::healthy()).application(orders))
        },
        script: |world| Box::pin(async move { world.until_checked(1, hours(2)).await }),
        ends: Ends {
            changes: &[CREATE],
            because: "weekly has been CREATING",
            ..NEEDS_PERSON
        },
    },
    Scenario {
        name: "snapshots-during-rescue",
        sentence: "A check meets a rescue at work: nothing is taken, nothing is deleted; once the application has recovered, both are done.",
        stage: || {
            let bad = Code::that(Behaviour::throws_after(
                5,
                "java.lang.IllegalArgumentException",
                "cannot parse 'abc' as INT",
            ));
            let mut stage = Stage::of(Code::healthy())
                .code("orders-7.jar", bad.restarting(RestartStrategy::every(1)));
            stage
                .parameters
                .insert("SnapshotMaxAgeSecs".into(), "600".into());
            stage.application(with_own(Stage::orders(), 24, hours(6)))
        },
        script: |world| Box::pin(meet_a_rescue(world)),
        ends: Ends {
            changes: RESCUED_THEN_KEPT,
            snapshots: Some(first_check_met_the_rescue),
            ..CHECKED
        },
    },
    Scenario {
        name: "snapshots-fleet",
        sentence: "1,000 applications of every kind, and a service that throttles: each that has opted in is checked once, within the schedule's interval.",
        stage: fleet,
        script: |world| Box::pin(check_while_throttled(world)),
        ends: Ends {
            snapshots: Some(the_whole_fleet),
            counts_changes: true,
            ..NEEDS_PERSON
        },
    },
];

/// With the schedule on.
fn scheduled(mut stage: Stage) -> Stage {
    stage
        .parameters
        .insert("SnapshotScheduleState".into(), "ENABLED".into());
    stage
}

/// With `count` snapshots that Lifeguard took, six hours apart, the newest of them `newest` ago.
fn with_own(mut application: ApplicationSeed, count: u32, newest: Duration) -> ApplicationSeed {
    for n in 0..count {
        let age = newest + hours(6) * n;
        application = application.snapshot(&own_name(age), age);
    }
    application
}

/// The name that a tick of that age gave. The version in it is the present one's.
fn own_name(age: Duration) -> String {
    let opened: Timestamp = crate::region::OPENED.parse().expect("a date");
    let at = opened - SignedDuration::try_from(age).expect("an age that fits");
    lifecycle::retention::snapshot_name(2, at)
}

async fn meet_a_rescue(world: World) {
    world.pass(minutes(2)).await;
    world.deploy("orders-7.jar").await;
    world.until_status("RUNNING", minutes(10)).await;
    world.until_status("ROLLING_BACK", minutes(30)).await;
    // Rolled back, and being watched: RUNNING, with a rescue at work.
    world.until_status("RUNNING", minutes(30)).await;
    world.pass(minutes(1)).await;
    world.ask_for_snapshots(&json!({})).await;
    world.until_checked(1, minutes(30)).await;
    world.until_told(hours(5)).await;
    world.pass(minutes(5)).await;
    world
        .ask_for_snapshots(&json!({ "applicationName": APPLICATION }))
        .await;
    world.until_checked(2, minutes(30)).await;
}

/// The service throttles one call in six, and takes its time for the others, from the moment on at which the stack stands.
async fn check_while_throttled(world: World) {
    for (fault, when) in [
        (Fault::Throttle, When::OneIn(6)),
        (Fault::Slow(Duration::from_millis(50)), When::Always),
    ] {
        world
            .region()
            .faults()
            .add(Rule::new(fault).on_service("kinesisanalytics").when(when));
    }
    world.until_checked(1, hours(4)).await;
}

/// Every kind of application, a thousand of them. `orders` is one.
fn fleet() -> Stage {
    let mut stage = scheduled(Stage::of(Code::healthy()));
    let looping = Code::that(Behaviour::throws_after(
        5,
        "java.lang.IllegalStateException",
        "no",
    ))
    .restarting(RestartStrategy::every(10));
    stage = stage.code("looping.jar", looping);
    stage.applications = vec![Stage::orders().snapshot("nightly", hours(2))];
    stage.applications.extend((1..FLEET).map(member));
    stage
}

/// One of the fleet, by its number: what kind it is repeats every twenty.
fn member(n: usize) -> ApplicationSeed {
    let name = format!("job-{n:04}");
    let application = ApplicationSeed::new(&name);
    let flink = || {
        ApplicationSeed::new(&name)
            .version("orders-6.jar", days(5))
            .tag("lifeguard:managed", "true")
    };
    match n % 20 {
        0 => application
            .runtime("SQL-1_0")
            .version("none", days(90))
            .tag("lifeguard:managed", "true"),
        1 => application
            .runtime("ZEPPELIN-FLINK-3_0")
            .version("none", days(90)),
        2..=6 => application
            .version("orders-6.jar", days(5))
            .snapshot("nightly", hours(30)),
        7 => application
            .version("orders-6.jar", days(5))
            .tag("lifeguard:managed", "false"),
        8 => flink().not_running().snapshot("before-the-stop", days(4)),
        9 => application
            .version("looping.jar", days(5))
            .tag("lifeguard:managed", "true")
            .snapshot("nightly", hours(3)),
        10 => application
            .version("looping.jar", days(5))
            .tag("lifeguard:managed", "true")
            .snapshot("nightly", hours(30)),
        11 => flink().snapshot("nightly", hours(30)).without_snapshots(),
        12 => flink()
            .snapshot("nightly", hours(30))
            .tag("lifeguard:snapshot-keep-last", "many"),
        13..=15 => flink().snapshot("nightly", hours(30)),
        _ => flink().snapshot("nightly", hours(2)),
    }
}

/// Whether a member of the fleet is one that a check looks at.
fn is_looked_after(name: &str) -> bool {
    name == APPLICATION
        || name
            .strip_prefix("job-")
            .and_then(|n| n.parse::<usize>().ok())
            .is_some_and(|n| n % 20 >= 8)
}

/// The last report of a check.
fn last_report(region: &Region) -> Value {
    let executions = region.executions_of(SNAPSHOT_CHECK);
    executions
        .last()
        .and_then(|execution| execution.output.clone())
        .unwrap_or_default()
}

fn calls(region: &Region, action: &str) -> usize {
    region
        .journal()
        .calls()
        .iter()
        .filter(|call| call.action == action && call.changed)
        .count()
}

/// People were told once.
fn told_once(region: &Region) -> Vec<String> {
    let told = region
        .journal()
        .entries()
        .iter()
        .filter(|entry| {
            entry
                .text
                .starts_with("tells people: Snapshots need a person")
        })
        .count();
    if told == 1 {
        Vec::new()
    } else {
        vec![format!(
            "people were told {told} times, and should be told once"
        )]
    }
}

/// A fresh snapshot costs no look at the job.
fn no_look(region: &Region) -> Vec<String> {
    let looks = region
        .journal()
        .calls()
        .iter()
        .filter(|call| call.action == "CreateApplicationPresignedUrl")
        .count();
    if looks == 0 {
        Vec::new()
    } else {
        vec![format!(
            "the job was looked at {looks} times for a snapshot that is fresh"
        )]
    }
}

fn deleted_before_taking(region: &Region) -> Vec<String> {
    let calls = region.journal().calls();
    let position = |action: &str| {
        calls
            .iter()
            .position(|call| call.action == action && call.changed)
    };
    let mut complaints = told_once(region);
    match (position(DELETE), position(CREATE)) {
        (Some(deleted), Some(taken)) if deleted < taken => {}
        (deleted, taken) => complaints.push(format!(
            "the first delete is call {deleted:?}, the snapshot call {taken:?}: deleting goes first"
        )),
    }
    let deletes = calls
        .iter()
        .filter(|call| call.action == DELETE && call.changed)
        .count();
    if deletes != 40 {
        complaints.push(format!("{deletes} were deleted, and one check deletes 40"));
    }
    complaints
}

fn first_check_met_the_rescue(region: &Region) -> Vec<String> {
    let executions = region.executions_of(SNAPSHOT_CHECK);
    let first = executions
        .first()
        .and_then(|execution| execution.output.clone())
        .unwrap_or_default();
    let mut complaints = Vec::new();
    if !first["reason"]
        .as_str()
        .unwrap_or_default()
        .contains("a rescue is running")
        || first["outcome"] != "checked"
    {
        complaints.push(format!(
            "the first check should have met the rescue, and says {}",
            first["reason"]
        ));
    }
    complaints
}

/// Everybody once, nobody twice, in time; taken of those that are healthy and due, of no other.
fn the_whole_fleet(region: &Region) -> Vec<String> {
    let mut complaints = told_once(region);
    let mut expect = |what: &str, is: String, should: String| {
        if is != should {
            complaints.push(format!("{what}: {is}, and should be {should}"));
        }
    };
    let names = region.flink().applications();
    let expected: BTreeMap<String, u32> = names
        .iter()
        .filter(|name| is_looked_after(name))
        .map(|name| (name.clone(), 1))
        .collect();
    let mut checks = BTreeMap::<String, u32>::new();
    for line in region
        .journal()
        .log_lines()
        .iter()
        .filter(|line| line.contains("\"SnapshotQuotaUsed\":"))
    {
        let line: Value = serde_json::from_str(line).unwrap_or_default();
        *checks
            .entry(line["application"].as_str().unwrap_or_default().to_owned())
            .or_default() += 1;
    }
    let wrong: Vec<&String> = expected
        .keys()
        .chain(checks.keys())
        .filter(|name| expected.get(*name) != checks.get(*name))
        .collect();
    expect(
        "checked not exactly once",
        format!("{wrong:?}"),
        "[]".into(),
    );
    let report = last_report(region);
    expect(
        "listed",
        report["sums"]["listed"].to_string(),
        names.len().to_string(),
    );
    expect(
        "checked",
        report["sums"]["checked"].to_string(),
        expected.len().to_string(),
    );
    let number = |name: &str| {
        name.strip_prefix("job-")
            .and_then(|n| n.parse::<usize>().ok())
    };
    let due: Vec<&String> = names
        .iter()
        .filter(|name| number(name).is_some_and(|n| (12..=15).contains(&(n % 20))))
        .collect();
    let with_two = names.iter().filter(|name| {
        region
            .flink()
            .application(name)
            .is_some_and(|application| application.snapshots.len() == 2)
    });
    let with_two: Vec<&String> = with_two.collect();
    expect(
        "taken only of those that are healthy and due",
        with_two.iter().all(|name| due.contains(name)).to_string(),
        "true".into(),
    );
    let sum = |name: &str| usize::try_from(report["sums"][name].as_u64().unwrap_or(0)).unwrap_or(0);
    for (what, is) in [
        ("taken", sum("taken")),
        ("READY", sum("ready")),
        ("snapshots asked for", calls(region, CREATE)),
    ] {
        expect(what, is.to_string(), with_two.len().to_string());
    }
    // A job that could not be seen, because every try was throttled, is refused and reported: the next check takes it, before the newest gets too old.
    let unseen = due.len() - with_two.len().min(due.len());
    expect(
        "refused",
        sum("refused").to_string(),
        (LOOPING_AND_DUE + unseen).to_string(),
    );
    expect(
        "nearly all that are due are taken at once",
        (unseen * 50 <= due.len()).to_string(),
        "true".into(),
    );
    let executions = region.executions_of(SNAPSHOT_CHECK);
    let first = executions.first().map(|execution| execution.started);
    let last = executions.last().and_then(|execution| execution.stopped);
    match (first, last) {
        (Some(first), Some(last)) if last.duration_since(first).unsigned_abs() < INTERVAL => {}
        (first, last) => expect(
            "from and to",
            format!("{first:?} {last:?}"),
            "less than an hour".into(),
        ),
    }
    complaints
}

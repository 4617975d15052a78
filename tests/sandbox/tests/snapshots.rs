//! The scenarios about snapshots end as they should, and what they show besides.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use sandbox::{
    connector::Router,
    journal::Actor,
    managed_flink::ApplicationSeed,
    protocol::refusal,
    region::{Region, SNAPSHOT_CHECK},
    scenario::{Played, SNAPSHOTS, by_name, hours, play, play_on},
    states::Status,
    wire,
};
use serde_json::{Value, json};

/// Plays a scenario in virtual time.
fn played(name: &str, seed: u64) -> Played {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime
        .block_on(play(by_name(name).unwrap(), seed))
        .unwrap()
}

fn as_it_should_be(name: &str) -> Played {
    let played = played(name, 1);
    assert!(
        played.rehearsal.is_as_it_should_be(),
        "{name}: {:#?}",
        played.rehearsal.complaints
    );
    played
}

fn report(played: &Played) -> Value {
    played
        .region
        .executions_of(SNAPSHOT_CHECK)
        .last()
        .unwrap()
        .output
        .clone()
        .unwrap()
}

#[test]
fn a_fresh_snapshot_is_left_at_that() {
    let played = as_it_should_be("snapshots-fresh");
    assert_eq!(report(&played)["sums"]["fresh"], 1);
}

#[test]
fn the_look_before_a_snapshot_is_written_into_the_book_of_versions() {
    for (name, soaked) in [
        ("snapshots-stale", true),
        ("snapshots-unhealthy-application", false),
    ] {
        let played = as_it_should_be(name);
        let key = json!({ "pk": { "S": "orders" }, "sk": { "S": "ledger" } });
        let book = played.region.dynamodb().peek("lifeguard-LedgerTable", &key);
        let book = book.unwrap_or_default();
        assert_eq!(book["soaked 2"]["S"].is_string(), soaked, "{name}: {book}");
    }
}

#[test]
fn a_stale_one_is_followed_by_a_new_one_and_the_oldest_of_ours_go() {
    let played = as_it_should_be("snapshots-stale");
    let first = played.region.executions_of(SNAPSHOT_CHECK)[0]
        .output
        .clone()
        .unwrap();
    assert_eq!(
        (
            &first["sums"]["taken"],
            &first["sums"]["ready"],
            &first["pending"]
        ),
        (&1.into(), &1.into(), &0.into())
    );
}

#[test]
fn of_enhanced_ones_only_those_that_the_stack_took_go() {
    let played = as_it_should_be("snapshots-enhanced");
    let left = played.region.flink().account_snapshots();
    for name in [
        "by-hand",
        "SYSTEMSNAPSHOT-1",
        "lg-of-the-one-before",
        "payments-by-hand",
    ] {
        assert!(left.iter().any(|one| one.name == name), "{name}: {left:?}");
    }
    let view = played.region.flink().application("orders").unwrap();
    let legacy = view.snapshots.iter().filter(|one| one.enhanced.is_none());
    assert_eq!(legacy.count(), 1);
    let newest = view.snapshots.last().unwrap();
    let tags = &newest.enhanced.as_ref().unwrap().tags;
    let tag = |key: &str| tags.get(key).map(String::as_str);
    assert_eq!(tag("flink-lifeguard:taken-by"), Some("lifeguard"));
    assert_eq!(tag("flink-lifeguard:verified-version"), Some("2"));
}

#[test]
fn nothing_is_taken_of_a_job_that_loops() {
    as_it_should_be("snapshots-unhealthy-application");
}

#[test]
fn near_the_quota_deleting_goes_first() {
    as_it_should_be("snapshots-quota");
}

#[test]
fn one_that_is_stuck_is_told_and_left_alone() {
    as_it_should_be("snapshots-stuck-creating");
}

#[test]
fn a_rescue_at_work_is_not_disturbed() {
    as_it_should_be("snapshots-during-rescue");
}

#[test]
fn a_thousand_applications_are_checked_once_each_within_the_interval_although_the_service_throttles()
 {
    let played = as_it_should_be("snapshots-fleet");
    let executions = played.region.executions_of(SNAPSHOT_CHECK);
    assert!(
        executions.len() > 1,
        "one execution's history would not hold them in the worst case"
    );
    for execution in &executions {
        // A quarter of the limit, retries included; what is left is for a service that throttles everything.
        let events = played.region.states().history(&execution.arn).len();
        assert!(events < 12_500, "{} has {events} events", execution.name);
        assert!(
            execution.input.to_string().len() < 200 * 1024,
            "{}",
            execution.name
        );
    }
}

/// Plays the scenario's world with no schedule, and with these happenings instead.
fn played_with(name: &str, happens: &Value, opened: impl FnOnce(&Region)) -> Played {
    let mut scenario = by_name(name).unwrap().clone();
    scenario.happens = serde_json::from_value(happens.clone()).unwrap();
    let parameters = &mut scenario.world.parameters;
    parameters.insert("SnapshotScheduleState".into(), "DISABLED".into());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap();
    runtime
        .block_on(play_on(&scenario, scenario.stage(), 1, opened))
        .unwrap()
}

fn changes(played: &Played) -> usize {
    played
        .rehearsal
        .actions
        .iter()
        .filter(|action| action.changed)
        .count()
}

#[test]
fn a_dry_run_changes_nothing_and_says_what_it_would_do() {
    let ask = json!([
        { "when": { "then": "10 min" }, "do": { "askForSnapshots": { "input": { "dryRun": true } } } },
        { "when": { "once": { "checked": 1, "within": "2 h" } } },
    ]);
    let played = played_with("snapshots-stale", &ask, |_| {});
    let report = report(&played);
    assert_eq!(
        (
            &report["dryRun"],
            &report["sums"]["wouldTake"],
            &report["sums"]["taken"]
        ),
        (&true.into(), &1.into(), &0.into()),
        "{report}"
    );
    assert!(
        report["sums"]["wouldDelete"].as_u64().unwrap() > 0 && report["sums"]["deleted"] == 0,
        "{report}"
    );
    assert!(
        ["1 would be taken", "would be deleted"]
            .iter()
            .all(|said| report["reason"].as_str().unwrap().contains(said)),
        "{report}"
    );
    assert_eq!(changes(&played), 0);
    assert!(
        !played
            .region
            .journal()
            .entries()
            .iter()
            .any(|entry| entry.text.starts_with("tells people")),
        "nobody is told"
    );
}

#[test]
fn a_misspelt_input_is_refused_and_nothing_is_looked_at() {
    for input in [
        json!({ "dryrun": true }),
        json!({ "dryRun": "true" }),
        json!({ "application": "orders" }),
        json!(["orders"]),
    ] {
        let played = played_with(
            "snapshots-stale",
            &json!([{ "when": { "then": "1 min" } }]),
            |region| {
                region.start(SNAPSHOT_CHECK, &input.to_string()).unwrap();
            },
        );
        let execution = played.region.executions_of(SNAPSHOT_CHECK).remove(0);
        assert_eq!(
            (execution.status, execution.error.as_deref()),
            (Status::Failed, Some("Lifeguard.BadInput")),
            "{input}"
        );
        assert_eq!(changes(&played), 0, "{input}");
    }
}

#[test]
fn one_application_that_cannot_be_read_never_stops_the_others() {
    let ask = json!([
        { "when": { "then": "10 min" }, "do": { "askForSnapshots": { "input": {} } } },
        { "when": { "once": { "checked": 1, "within": "2 h" } } },
    ]);
    // In the middle of the list, and of every kind of failure the worst: it never answers well.
    let played = played_with("snapshots-stale", &ask, |region| {
        for name in ["alpha", "broken", "zeta"] {
            let seed = ApplicationSeed::new(name)
                .version("orders-6.jar", hours(120))
                .tag("lifeguard:managed", "true");
            region
                .flink()
                .add_application(seed.snapshot("nightly", hours(30)));
        }
        region.router().wrap(|before: Router| {
            move |request: wire::Request| {
                let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
                let (before, fails) = (before.clone(), body["ApplicationName"] == "broken");
                Box::pin(async move {
                    if fails {
                        return refusal("kinesisanalytics", 500, "InternalFailure", "it is broken");
                    }
                    before.send(request).await
                })
            }
        });
    });
    let report = report(&played);
    assert_eq!(
        (
            &report["sums"]["checked"],
            &report["sums"]["failed"],
            &report["sums"]["taken"]
        ),
        (&4.into(), &1.into(), &3.into()),
        "{report}"
    );
    assert!(report["notable"].to_string().contains("broken"), "{report}");
}

#[test]
fn one_seed_tells_one_story_to_the_byte() {
    assert_eq!(
        played("snapshots-stale", 7).rehearsal.json(),
        played("snapshots-stale", 7).rehearsal.json()
    );
}

#[test]
fn every_scenario_is_told_by_lifeguard() {
    for scenario in SNAPSHOTS
        .iter()
        .filter(|scenario| scenario.name != "snapshots-fleet")
    {
        let played = played(&scenario.name, 1);
        assert!(
            played
                .region
                .journal()
                .entries()
                .iter()
                .any(|entry| entry.actor == Actor::Lifeguard && entry.text.contains("snapshot")),
            "{}",
            scenario.name
        );
    }
}

/// Each row of ours in the comparison names a test that is there.
#[test]
fn the_tables_tests_exist() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let read = |path: &str| std::fs::read_to_string(root.join(path)).unwrap();
    let files = BTreeMap::from([
        ("k", read("functions/snapshot-keeper/tests/keeper.rs")),
        ("r", read("shared/lifecycle/tests/retention.rs")),
        ("t", read("shared/lifecycle/tests/taking.rs")),
        ("p", read("shared/lifecycle/src/alarms/tests.rs")),
        ("s", read("tests/sandbox/tests/snapshots.rs")),
    ]);
    let readme = read("functions/snapshot-keeper/README.md");
    let table = readme
        .split("## Ours and AWS's")
        .nth(1)
        .unwrap()
        .split("\n## ")
        .next()
        .unwrap();
    let mut named = 0;
    for row in table
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| |"))
    {
        let tests = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        for test in tests.split("; ") {
            let (file, name) = test
                .split_once(" `")
                .unwrap_or_else(|| panic!("a row without a test: {row}"));
            assert!(
                files[file].contains(&format!("fn {}(", name.trim_end_matches('`'))),
                "{test}"
            );
            named += 1;
        }
    }
    assert!(named > 20);
}

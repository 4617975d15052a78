//! Every scenario ends as it should, for several seeds, byte for byte the same for the same seed; and the claims that single scenarios make.

use std::collections::BTreeSet;

use jiff::Timestamp;
use sandbox::{
    faults::{Fault, Rule},
    journal::Actor,
    managed_flink::ApplicationSeed,
    region::Region,
    scenario::{APPLICATION, CATALOGUE, Script, days, hours},
    states::Status,
};
use serde_json::{Value, json};

use crate::support::{
    Wire, assert_every_execution_told_once, assert_well, attempts, effects, ending, ends_untouched,
    in_virtual_time, lease, looks, named, outcomes, play, play_on, play_staged, play_well, stage,
    stage_where, stage_with, steps, story, told,
};

/// A test for each scenario, so that its name shows; and the list of all that have one.
macro_rules! scenarios {
    ($($test:ident: $name:literal,)*) => {
        $(#[test]
        fn $test() {
            ends_as_it_should($name);
        })*

        const TESTED: &[&str] = &[$($name),*];
    };
}

scenarios! {
    bad_deployment: "bad-deployment",
    rollback_refused: "rollback-refused",
    rollback_loops_again: "rollback-loops-again",
    failed_start: "failed-start",
    stuck_updating: "stuck-updating",
    stuck_starting: "stuck-starting",
    system_rollback: "system-rollback",
    broker_outage: "broker-outage",
    common_cause: "common-cause",
    pipeline_deploys_all: "pipeline-deploys-all",
    bad_library: "bad-library",
    permission_removed: "permission-removed",
    applied_a_third_time: "applied-a-third-time",
    slow_loop: "slow-loop",
    slower_loop: "slower-loop",
    slowest_loop: "slowest-loop",
    large_state: "large-state",
    flip_flop: "flip-flop",
    no_snapshot: "no-snapshot",
    runtime_upgrade: "runtime-upgrade",
    finished_batch: "finished-batch",
    maintenance: "maintenance",
    operator_asks_rollback: "operator-asks-rollback",
    operator_asks_without_state: "operator-asks-without-state",
    no_progress: "no-progress",
    enhanced_rollback: "enhanced-rollback",
    enhanced_restore: "enhanced-restore",
    enhanced_switch_then_bad_deployment: "enhanced-switch-then-bad-deployment",
    customer_key_usable: "customer-key-usable",
    customer_key_refused: "customer-key-refused",
    unknown_setting: "unknown-setting",
}

fn ends_as_it_should(name: &str) {
    let mut first = String::new();
    for seed in 1..=5 {
        let json = in_virtual_time(async {
            let played = play(name, seed).await;
            assert_well(&played, name);
            played.rehearsal.json()
        });
        if seed == 1 {
            first = json;
        }
    }
    let again = in_virtual_time(async { play(name, 1).await.rehearsal.json() });
    assert_eq!(first, again, "one seed, one run");
    has_the_fields_that_were_promised(&first);
}

fn has_the_fields_that_were_promised(json: &str) {
    let rehearsal: Value = serde_json::from_str(json).unwrap();
    let names = |value: &Value| -> BTreeSet<String> {
        value.as_object().unwrap().keys().cloned().collect()
    };
    let has = |value: &Value, wanted: &[&str]| {
        let names = names(value);
        assert!(
            wanted.iter().all(|name| names.contains(*name)),
            "{wanted:?} in {names:?}"
        );
    };
    let top = [
        "scenario",
        "seed",
        "outcome",
        "reason",
        "application",
        "actions",
        "records",
        "detectionSecs",
        "recoverySecs",
        "apiCalls",
        "timeline",
    ];
    has(&rehearsal, &top);
    has(&rehearsal["application"], &["status", "versionId"]);
    has(
        &rehearsal["records"],
        &["produced", "lost", "replayed", "duplicated"],
    );
    for action in rehearsal["actions"].as_array().unwrap() {
        has(action, &["action", "atSecs"]);
    }
    let timeline = rehearsal["timeline"].as_array().unwrap();
    assert!(!timeline.is_empty());
    let times: Vec<f64> = timeline
        .iter()
        .map(|entry| entry["atSecs"].as_f64().unwrap())
        .collect();
    assert!(times.is_sorted(), "{times:?}");
    assert!(
        rehearsal["apiCalls"]
            .as_object()
            .unwrap()
            .values()
            .all(Value::is_u64)
    );
    assert!(
        ["recovered", "verified", "leftAlone", "escalated"]
            .contains(&rehearsal["outcome"].as_str().unwrap())
    );
}

#[test]
fn the_catalogue_has_the_scenarios_that_were_promised_and_each_has_its_test() {
    let catalogue: Vec<&str> = CATALOGUE
        .iter()
        .map(|scenario| scenario.name.as_str())
        .collect();
    assert_eq!(catalogue, TESTED);
    assert_eq!(
        catalogue.len(),
        catalogue.iter().collect::<BTreeSet<_>>().len()
    );
}

#[test]
fn another_seed_is_another_run() {
    let run = |seed| in_virtual_time(async { play("bad-deployment", seed).await.rehearsal.json() });
    assert_ne!(
        run(1).replace("\"seed\": 1", ""),
        run(2).replace("\"seed\": 2", "")
    );
}

/// The pictures of the job that looks got until then: `GET /jobs/:id`.
fn pictures(wire: &Wire, until: Timestamp) -> Vec<Value> {
    let looked = wire.heard().into_iter().filter(|one| {
        one.service == "flink" && one.at <= until && one.answer.get("vertices").is_some()
    });
    looked.map(|one| one.answer).collect()
}

fn assert_all_running(picture: &Value) {
    assert_eq!(picture["state"], "RUNNING", "{picture:#}");
    for vertex in picture["vertices"].as_array().unwrap() {
        assert_eq!(
            (&vertex["status"], &vertex["tasks"]["RUNNING"]),
            (&json!("RUNNING"), &vertex["parallelism"]),
            "{picture:#}"
        );
    }
}

#[test]
fn flip_flop_is_rolled_back_although_every_subtask_was_running_when_it_was_looked_at() {
    for seed in 1..=5 {
        in_virtual_time(async {
            let wire = Wire::default();
            let played = play_on(named("flip-flop"), stage("flip-flop"), seed, |region| {
                wire.tap(region)
            })
            .await
            .unwrap();
            assert_well(&played, "flip-flop");
            let rolled_back = attempts(&played.region)[0].at;
            let pictures = pictures(&wire, rolled_back);
            assert_all_running(&pictures[0]);
            let execution = &played.region.states().executions()[0];
            let looks = looks(&played.region, execution);
            let before: Vec<_> = looks
                .iter()
                .filter(|(at, _)| *at <= rolled_back.as_millisecond() as f64 / 1000.0)
                .collect();
            assert_eq!(pictures.len(), before.len(), "{}", story(&played.region));
            let words = before.iter().map(|(_, look)| &look["assessment"]["is"]);
            let words: Vec<&Value> = words.collect();
            assert_eq!(words.last(), Some(&&json!("looping")), "{words:?}");
            assert!(!words.contains(&&json!("healthy")), "{words:?}");
        });
    }
}

#[test]
fn flip_flop_looked_at_again_and_again_always_shows_every_subtask_running_and_is_never_called_healthy()
 {
    in_virtual_time(async {
        let wire = Wire::default();
        let mut happens = steps(&json!([
            { "when": { "then": "2 min" }, "do": { "deploy": { "code": "orders-7.jar" } } },
            { "when": { "once": { "status": "RUNNING", "within": "10 min" } } },
            { "when": { "then": "6 s" } },
        ]));
        // At odd times, so that looks would fall into every part of the loop.
        for n in 0..60 {
            let later = format!("{} ms", 2_000 + 730 * (n % 7));
            happens.extend(steps(&json!([
                { "do": { "ask": {} } },
                { "when": { "once": { "reported": "all", "within": "10 min" } } },
                { "when": { "then": later } },
            ])));
        }
        let scenario = Script {
            happens,
            ..braked("escalated", "the mode is observe")
        };
        let stage = stage_where("flip-flop", "Mode", "observe");
        let played = play_on(&scenario, stage, 1, |region| wire.tap(region))
            .await
            .unwrap();
        let pictures = pictures(&wire, played.region.clock().now());
        assert!(pictures.len() > 60, "{} pictures", pictures.len());
        pictures.iter().for_each(assert_all_running);
        let executions = played.region.states().executions();
        let judged: Vec<Value> = executions
            .iter()
            .flat_map(|execution| looks(&played.region, execution))
            .map(|(_, look)| look)
            .collect();
        assert_eq!(
            judged.len(),
            pictures.len(),
            "each look asked for the job once"
        );
        // Settling before the loop is known to be one, and at the first look after it; never healthy.
        assert!(
            judged
                .iter()
                .all(|look| look["assessment"]["is"] != "healthy")
        );
        assert!(
            judged
                .iter()
                .filter(|look| look["assessment"]["is"] == "looping")
                .count()
                >= 60
        );
    });
}

#[test]
fn runtime_upgrade_never_restores_a_snapshot_of_the_new_runtime_under_the_old() {
    for seed in 1..=3 {
        in_virtual_time(async {
            let wire = Wire::default();
            let played = play_on(
                named("runtime-upgrade"),
                stage("runtime-upgrade"),
                seed,
                |region| wire.tap(region),
            )
            .await
            .unwrap();
            assert_well(&played, "runtime-upgrade");
            let region = &played.region;
            assert_eq!(
                effects(region),
                ["RollbackApplication", "StartApplication"],
                "down a major version only the service's rollback goes"
            );
            let application = region.flink().application(APPLICATION).unwrap();
            assert_eq!(application.runtime, "FLINK-1_20");
            assert!(
                application
                    .snapshots
                    .iter()
                    .any(|snapshot| snapshot.runtime == "FLINK-2_2"),
                "there is one to be avoided"
            );
            for restored in restored(&wire) {
                let snapshot = application
                    .snapshots
                    .iter()
                    .find(|snapshot| snapshot.name == restored)
                    .unwrap();
                assert_eq!(snapshot.runtime, "FLINK-1_20", "{snapshot:?}");
            }
        });
    }
}

/// The snapshots that Lifeguard's starts named.
fn restored(wire: &Wire) -> Vec<String> {
    let starts = wire.heard().into_iter().filter(|one| {
        one.action == "StartApplication" && one.caller.as_deref() != Some("operator")
    });
    let named = |request: &Value| {
        request["RunConfiguration"]["ApplicationRestoreConfiguration"]["SnapshotName"]
            .as_str()
            .map(str::to_owned)
    };
    let names: Vec<String> = starts
        .map(|one| {
            named(&one.request)
                .unwrap_or_else(|| panic!("a start without a snapshot: {}", one.request))
        })
        .collect();
    assert!(!names.is_empty());
    names
}

#[test]
fn the_start_after_a_rollback_that_loops_names_the_snapshot_from_before_the_change() {
    for (name, stage_of) in [
        ("rollback-loops-again", "rollback-loops-again"),
        ("rollback-refused", "rollback-refused"),
    ] {
        in_virtual_time(async {
            let wire = Wire::default();
            let played = play_on(named(name), stage(stage_of), 1, |region| wire.tap(region))
                .await
                .unwrap();
            assert_well(&played, name);
            let application = played.region.flink().application(APPLICATION).unwrap();
            let deployed = application
                .operations
                .iter()
                .filter(|operation| operation.kind == "UpdateApplication")
                .find(|one| one.started > played.region.opened());
            let ran = deployed
                .and_then(|operation| operation.ended)
                .expect("the deployment came through");
            for name in restored(&wire) {
                let snapshot = application
                    .snapshots
                    .iter()
                    .find(|snapshot| snapshot.name == name)
                    .unwrap();
                assert!(
                    snapshot.created < ran,
                    "{snapshot:?} was taken after the bad version began to process, at {ran}"
                );
            }
        });
    }
}

#[test]
fn a_fault_that_no_change_caused_is_told_before_the_outcome_and_nothing_is_tried() {
    for name in ["broker-outage", "permission-removed"] {
        in_virtual_time(async {
            let played = play(name, 1).await;
            assert_well(&played, name);
            assert!(
                attempts(&played.region).is_empty(),
                "not even a refused call"
            );
            let told = told(&played.region);
            let notice = told
                .iter()
                .position(|(_, subject, _)| {
                    subject.starts_with("[ACTION NEEDED] orders: failing for")
                })
                .expect("people were told");
            let [_, outcome] = &told[..] else {
                panic!("two mails, and not {told:#?}");
            };
            assert!(notice == 0 && told[notice].0 < outcome.0, "{told:#?}");
            assert!(
                told[notice].2.contains("Lifeguard changed nothing."),
                "{}",
                told[notice].2
            );
        });
    }
}

#[test]
fn what_a_start_without_state_loses_is_named_before_anything_is_changed() {
    in_virtual_time(async {
        let played = play("operator-asks-without-state", 1).await;
        assert_well(&played, "operator-asks-without-state");
        let calls = played.region.journal().calls();
        let stop = calls
            .iter()
            .position(|call| call.action == "StopApplication" && call.changed)
            .unwrap();
        let sent_before = calls[..stop]
            .iter()
            .filter(|call| call.action == "Publish" && call.outcome == "ok")
            .count();
        let told = told(&played.region);
        let notice = told
            .iter()
            .position(|(_, subject, _)| subject.contains("about to be started without state"))
            .expect("people were told");
        assert!(
            notice < sent_before,
            "the notice is message {notice}, and {sent_before} were sent before the stop"
        );
        for lost in [
            "every key's state",
            "every window and timer",
            "the positions in its sources",
            "There is no snapshot to come back to",
        ] {
            assert!(told[notice].2.contains(lost), "{}", told[notice].2);
        }
        let changed: Vec<String> = effects(&played.region);
        assert_eq!(
            changed,
            ["StopApplication", "UpdateApplication", "StartApplication"]
        );
    });
}

#[test]
fn a_start_without_state_that_cannot_be_announced_is_not_done() {
    in_virtual_time(async {
        let stage = stage_with(
            "operator-asks-without-state",
            vec![Rule::new(Fault::ServerError).on("sns", "Publish")],
        );
        let scenario = ending("operator-asks-without-state", |ends| {
            ends_untouched(ends, "escalated", "InternalError");
        });
        play_well(&scenario, stage, 1, "nobody can be told").await;
    });
}

#[test]
fn the_services_own_rollback_is_left_to_the_service() {
    in_virtual_time(async {
        let played = play("system-rollback", 1).await;
        assert_well(&played, "system-rollback");
        assert!(attempts(&played.region).is_empty());
    });
}

#[test]
fn maintenance_rings_no_alarm_and_the_one_execution_is_the_one_by_hand() {
    in_virtual_time(async {
        let played = play("maintenance", 1).await;
        assert_well(&played, "maintenance");
        assert!(attempts(&played.region).is_empty());
        assert!(
            played
                .region
                .journal()
                .entries()
                .iter()
                .all(|entry| entry.actor != Actor::Alarm),
            "{}",
            story(&played.region)
        );
        let executions = played.region.states().executions();
        assert_eq!(executions.len(), 1);
        assert_eq!(
            executions[0].input,
            json!({ "applicationName": APPLICATION })
        );
    });
}

#[test]
fn without_a_snapshot_and_without_progress_nothing_is_even_tried() {
    for name in ["no-snapshot", "no-progress", "finished-batch"] {
        in_virtual_time(async {
            let played = play(name, 1).await;
            assert_well(&played, name);
            assert!(attempts(&played.region).is_empty(), "{name}");
        });
    }
}

/// Bad deployment, and how it ends where nothing may be changed.
fn braked(outcome: &'static str, because: &'static str) -> Script {
    ending("bad-deployment", |ends| {
        ends_untouched(ends, outcome, because)
    })
}

#[test]
fn in_observe_mode_nothing_is_changed_and_people_hear_why() {
    in_virtual_time(async {
        let played = play_well(
            &braked("escalated", "the mode is observe"),
            stage_where("bad-deployment", "Mode", "observe"),
            1,
            "observe",
        )
        .await;
        assert!(attempts(&played.region).is_empty());
    });
}

/// Lifeguard makes no alarms for who has not opted in; people may have their own.
fn somebodys_own_alarm(region: &Region) {
    let alarm = json!({
        "AlarmName": "orders-keeps-restarting", "ComparisonOperator": "GreaterThanThreshold", "Threshold": 0, "EvaluationPeriods": 3,
        "TreatMissingData": "notBreaching",
        "Metrics": [
            { "Id": "e1", "Expression": "DIFF(m1)", "ReturnData": true },
            { "Id": "m1", "ReturnData": false, "MetricStat": { "Period": 60, "Stat": "Maximum", "Metric": {
                "Namespace": "AWS/KinesisAnalytics", "MetricName": "fullRestarts", "Dimensions": [{ "Name": "Application", "Value": APPLICATION }] } } }
        ]
    });
    region
        .cloudwatch()
        .put_alarm(&alarm)
        .expect("it is well formed");
}

#[test]
fn an_application_that_has_not_opted_in_is_left_alone() {
    let untagged = || {
        let seed = ApplicationSeed::new(APPLICATION)
            .version("orders-5.jar", days(30))
            .version("orders-6.jar", days(5));
        seed.snapshot("scheduled-before", hours(6))
    };
    for application in [
        untagged(),
        untagged().tag("lifeguard:managed", "false"),
        untagged().tag("managed", "true"),
    ] {
        in_virtual_time(async {
            let stage = stage("bad-deployment").application(application);
            let played = play_on(
                &braked("leftAlone", "has not opted in"),
                stage,
                1,
                somebodys_own_alarm,
            )
            .await
            .unwrap();
            assert_well(&played, "not opted in");
            assert!(attempts(&played.region).is_empty());
        });
    }
}

#[test]
fn a_tag_that_does_not_parse_makes_the_application_observe_only_and_is_reported() {
    for (key, value) in [
        ("lifeguard:soak", "soon"),
        ("lifeguard:mode", "yolo"),
        ("lifeguard:rescues-per-day", "many"),
        ("lifeguard:typo", "1"),
    ] {
        in_virtual_time(async {
            let scenario = braked("escalated", "the tag lifeguard:");
            let played = play_on(&scenario, stage("bad-deployment"), 1, |region| {
                region.flink().set_tag(APPLICATION, key, value)
            })
            .await
            .unwrap();
            assert_well(&played, key);
            assert!(attempts(&played.region).is_empty());
            assert!(
                played.rehearsal.reason.contains(key) && played.rehearsal.reason.contains(value),
                "{}",
                played.rehearsal.reason
            );
            assert!(
                told(&played.region)
                    .iter()
                    .any(|(_, _, text)| text.contains(key)),
                "people are told which tag"
            );
        });
    }
}

/// A second bad version some time after the first was rescued.
fn deploy_twice() -> Value {
    json!([
        { "when": { "then": "2 min" }, "do": { "deploy": { "code": "orders-7.jar" } } },
        { "when": { "once": { "reported": "all" } } },
        { "when": { "then": "30 min" }, "do": { "deploy": { "code": "orders-8.jar" } } },
        { "when": { "once": { "reported": "again" } } },
    ])
}

#[test]
fn a_second_rescue_on_the_same_day_needs_a_person_when_one_is_allowed_and_none_when_two_are() {
    for (allowed, outcome, changes, code, because) in [
        (
            "1",
            "escalated",
            &["RollbackApplication"] as &[&str],
            "orders-8.jar",
            "1 rescue(s) were begun today and 1 are allowed",
        ),
        (
            "2",
            "recovered",
            &["RollbackApplication", "RollbackApplication"],
            "orders-6.jar",
            "",
        ),
    ] {
        in_virtual_time(async {
            let mut stage = stage_where("bad-deployment", "RescuesPerDay", allowed);
            let bad = stage.codebook["orders-7.jar"].clone();
            stage = stage.code("orders-8.jar", bad);
            let scenario = Script {
                happens: steps(&deploy_twice()),
                ..ending("bad-deployment", |ends| {
                    ends.outcome = outcome.to_owned();
                    ends.changes = changes.iter().map(|one| (*one).to_owned()).collect();
                    ends.code = Some(code.to_owned());
                    ends.because = because.to_owned();
                })
            };
            play_well(&scenario, stage, 1, allowed).await;
        });
    }
}

#[test]
fn with_no_rescue_a_day_nothing_is_changed() {
    in_virtual_time(async {
        let played = play_well(
            &braked("escalated", "0 are allowed"),
            stage_where("bad-deployment", "RescuesPerDay", "0"),
            1,
            "no rescue",
        )
        .await;
        assert!(attempts(&played.region).is_empty());
    });
}

#[test]
fn with_a_ledger_that_cannot_be_read_nothing_is_changed() {
    for fault in [Fault::ServerError, Fault::Throttle, Fault::CutBefore] {
        in_virtual_time(async {
            let stage = stage_with(
                "bad-deployment",
                vec![Rule::new(fault).on("dynamodb", "GetItem")],
            );
            let played = play_well(
                &braked("escalated", "the ledger could not be read"),
                stage,
                1,
                "no ledger",
            )
            .await;
            assert!(attempts(&played.region).is_empty());
        });
    }
}

#[test]
fn of_two_executions_at_once_one_acts_and_the_other_leaves_it_to_that_one() {
    in_virtual_time(async {
        let scenario = Script {
            happens: steps(
                &json!([{ "when": { "then": "2 min" }, "do": { "deploy": { "code": "orders-7.jar" } } }, { "when": { "once": { "status": "RUNNING", "within": "10 min" } } }, { "when": { "then": "2 min" }, "do": { "ask": {} } }, { "do": { "ask": {} } }, { "when": { "once": { "reported": "all", "within": "5 h" } } }]),
            ),
            ..ending("bad-deployment", |_| {})
        };
        let played = play_well(&scenario, stage("bad-deployment"), 1, "two at once").await;
        let mut because: Vec<String> = outcomes(&played.region)
            .iter()
            .take(2)
            .map(|(_, detail)| detail["because"].to_string())
            .collect();
        because.sort();
        assert_eq!(
            outcomes(&played.region)
                .iter()
                .filter(|(_, detail)| detail["outcome"] == "recovered")
                .count(),
            1
        );
        assert!(
            outcomes(&played.region)
                .iter()
                .any(|(_, detail)| detail["because"] == "alreadyInHand"
                    && detail["outcome"] == "leftAlone"),
            "{because:?}"
        );
        assert!(
            lease(&played.region).await.is_none(),
            "the lease was given back"
        );
    });
}

#[test]
fn the_lease_of_an_execution_whose_end_nobody_hears_of_keeps_others_out_until_it_expires_and_then_does_not()
 {
    in_virtual_time(async {
        let scenario = Script {
            happens: steps(&json!([
                { "when": { "then": "2 min" }, "do": { "deploy": { "code": "orders-7.jar" } } },
                { "when": { "once": { "status": "RUNNING", "within": "10 min" } }, "do": { "ask": { "label": "dead" } } },
                { "when": { "then": "20 s" }, "do": { "endExecution": { "label": "dead", "end": "stopped", "unheard": true } } },
                { "do": { "ask": {} } },
                { "when": { "once": { "reported": "all", "within": "10 min" } } },
                // The deadline of the dead one, and ten minutes.
                { "when": { "then": "4201 s" }, "do": { "ask": {} } },
                { "when": { "once": { "reported": "all" } } },
            ])),
            ..ending("bad-deployment", |_| {})
        };
        let played = play_staged(
            &scenario,
            stage_where("bad-deployment", "DeadlineSecs", "3600"),
            1,
        )
        .await;
        assert!(
            played.rehearsal.is_as_it_should_be(),
            "{:#?}\n{}",
            played.rehearsal.complaints,
            story(&played.region)
        );
        let executions = played.region.states().executions();
        assert_eq!(executions[0].status, Status::Aborted);
        let because = |n: usize| {
            executions[n]
                .output
                .as_ref()
                .map(|output| output["because"].clone())
                .unwrap_or_default()
        };
        assert_eq!(because(1), "alreadyInHand");
        assert_eq!(
            executions.last().unwrap().output.as_ref().unwrap()["outcome"],
            "recovered"
        );
        assert!(lease(&played.region).await.is_none());
    });
}

#[test]
fn a_rescue_tells_each_of_its_executions_outcomes_once() {
    in_virtual_time(async {
        let played = play("bad-deployment", 1).await;
        assert_every_execution_told_once(&played.region, "bad-deployment");
        assert!(
            lease(&played.region).await.is_none(),
            "the lease was given back"
        );
    });
}

//! Siblings of the scenarios about enhanced snapshots, customer managed keys and settings that nobody knows: the same fault in a world that differs in one thing.

use serde_json::{Value, json};

use crate::support::played;

const RESTORED: [&str; 3] = ["StopApplication", "UpdateApplication", "StartApplication"];
const ROLLED_BACK: [&str; 1] = ["RollbackApplication"];
const NOTHING: [&str; 0] = [];

fn at<'a>(script: &'a mut Value, path: &str) -> &'a mut Value {
    script
        .pointer_mut(path)
        .unwrap_or_else(|| panic!("the scenario has no {path}"))
}

fn remove(script: &mut Value, step: usize) {
    let steps = at(script, "/happens").as_array_mut();
    steps.expect("steps").remove(step);
}

fn first(script: &mut Value, step: Value) {
    let steps = at(script, "/happens").as_array_mut();
    steps.expect("steps").insert(0, step);
}

#[test]
fn the_updates_own_snapshot_is_restored_where_it_is_there() {
    let told = played("enhanced-restore", |script| remove(script, 2));
    assert_eq!(told.changes, RESTORED);
    assert!(
        told.reason.contains("SYSTEMSNAPSHOT-") && told.reason.contains("as planned"),
        "{}",
        told.reason
    );
}

#[test]
fn no_other_state_stands_in_for_ones_own() {
    let told = played("enhanced-restore", |script| {
        *at(script, "/world/applications/0/snapshots") = json!([]);
    });
    assert_eq!(
        (told.outcome.as_str(), told.changes.len()),
        ("escalated", 0),
        "{}",
        told.reason
    );
}

#[test]
fn what_holds_on_1_20_holds_on_2_3() {
    let told = played("enhanced-restore", |script| {
        script["world"]["applications"][0]["runtime"] = "FLINK-2_3".into();
    });
    assert_eq!(told.changes, RESTORED, "{}", told.reason);
}

#[test]
fn a_refused_way_back_over_the_switch_keeps_the_mode() {
    let told = played("enhanced-switch-then-bad-deployment", |script| {
        first(script, json!({ "do": "refuseRollback" }));
    });
    assert_eq!(told.changes, RESTORED, "{}", told.reason);
    assert!(told.region.flink().application("orders").unwrap().enhanced);
}

#[test]
fn a_switch_of_its_own_is_not_undone_with_what_came_after() {
    let told = played("enhanced-switch-then-bad-deployment", |script| {
        script["happens"] = json!([
            { "when": { "then": "2 min" }, "do": "switchSnapshots" },
            { "when": { "then": "2 h" }, "do": { "deploy": { "code": "orders-7.jar" } } },
            { "when": { "once": { "reported": "all" } } },
        ]);
    });
    assert_eq!(told.changes, ROLLED_BACK, "{}", told.reason);
    let view = told.region.flink().application("orders").unwrap();
    assert!(view.enhanced && view.code == "orders-6.jar", "{view:?}");
}

#[test]
fn legacy_snapshots_are_no_way_back_in_enhanced_mode() {
    let told = played("enhanced-restore", |script| {
        let application = at(script, "/world/applications/0");
        application["snapshots"] = json!([]);
        application["snapshotsBeforeSwitch"] =
            json!([{ "name": "lifeguard-v2-{taken}", "age": "6 h" }]);
    });
    assert_eq!(told.changes, NOTHING, "{}", told.reason);
}

#[test]
fn a_region_without_the_verbs_is_left_alone_and_says_so() {
    let told = played("enhanced-restore", |script| {
        let refusal = json!({ "status": 400, "code": "UnsupportedOperationException", "message": "not available in this Region" });
        script["faults"] = json!([{ "fault": { "refuse": refusal }, "service": "kinesisanalytics", "verb": "ListSnapshots", "which": "always" }]);
    });
    assert_eq!(told.changes, NOTHING);
    for part in [
        "UnsupportedOperationException",
        "for this account in this Region, and waiting does not cure it",
    ] {
        assert!(told.reason.contains(part), "{}", told.reason);
    }
}

/// Found at once where nothing was begun, and a permission that comes back within a look is no refusal.
#[test]
fn a_reading_that_is_not_permitted_is_told_when_it_lasts() {
    let denied = |verb: &str, which: Value| {
        let refusal = json!({ "status": 400, "code": "AccessDeniedException", "message": format!("not authorized to perform kinesisanalytics:{verb}") });
        json!([{ "fault": { "refuse": refusal }, "service": "kinesisanalytics", "verb": verb, "caller": "lifeguard-SubtaskVerifierRole", "which": which }])
    };
    for verb in ["ListSnapshots", "DescribeSnapshot"] {
        let told = played("enhanced-restore", |script| {
            script["faults"] = denied(verb, json!("always"));
        });
        assert_eq!(told.changes, NOTHING, "{verb}: {}", told.reason);
        for part in [verb, "that is not permitted, and waiting does not cure it"] {
            assert!(told.reason.contains(part), "{verb}: {}", told.reason);
        }
    }
    let told = played("enhanced-restore", |script| {
        script["faults"] = denied("ListSnapshots", json!({ "first": 1 }));
    });
    assert_eq!(told.changes, RESTORED, "{}", told.reason);
}

#[test]
fn a_snapshot_that_is_deleted_under_the_start_is_followed_by_the_next() {
    let told = played("enhanced-restore", |script| {
        *at(script, "/happens/2") = json!({
            "when": { "task": { "state": "StartFromSnapshot", "moment": "begins" } },
            "do": { "deleteSnapshot": "newest" },
        });
    });
    let twice = [RESTORED.as_slice(), &["StartApplication"]].concat();
    assert_eq!(told.changes, twice, "{}", told.reason);
    assert!(
        told.reason.contains("restored from snapshot lg-orders-"),
        "{}",
        told.reason
    );
}

#[test]
fn a_lost_answer_of_a_creation_makes_no_second_snapshot() {
    let told = played("snapshots-enhanced", |script| {
        script["faults"] = json!([{ "fault": "loseAnswer", "service": "kinesisanalytics", "verb": "CreateSnapshot", "which": { "first": 1 } }]);
    });
    let taken = told.changes.iter().filter(|one| *one == "CreateSnapshot");
    assert_eq!(taken.count(), 1, "{:?}", told.changes);
    assert_eq!(told.outcome, "checked", "{}", told.reason);
}

#[test]
fn an_unknown_setting_that_nobody_changed_closes_nothing() {
    let told = played("unknown-setting", |script| {
        at(script, "/happens/1/do/configure/update")
            .as_object_mut()
            .expect("members")
            .remove("ApplicationTieringConfigurationUpdate");
    });
    assert_eq!(told.changes, RESTORED, "{}", told.reason);
}

#[test]
fn an_unknown_setting_does_not_close_the_rollback() {
    let told = played("unknown-setting", |script| remove(script, 0));
    assert_eq!(told.changes, ROLLED_BACK, "{}", told.reason);
}

#[test]
fn a_key_of_the_version_before_counts_as_the_present_one_does() {
    let update = |script: &mut Value| {
        let code = json!({ "CodeContentUpdate": { "S3ContentLocationUpdate": { "FileKeyUpdate": "orders-7.jar" } } });
        let update = json!({ "ApplicationEncryptionConfigurationUpdate": { "KeyTypeUpdate": "AWS_OWNED_KEY" }, "ApplicationCodeConfigurationUpdate": code });
        *at(script, "/happens/0/do") = json!({ "configure": { "update": update } });
    };
    let told = played("customer-key-refused", update);
    assert_eq!(told.changes, NOTHING, "{}", told.reason);
    assert!(told.reason.contains("UsableKeys"), "{}", told.reason);
}

#[test]
fn a_key_among_several_is_enough() {
    let told = played("customer-key-usable", |script| {
        let keys = at(script, "/world/parameters/UsableKeys");
        let other = "arn:aws:kms:us-east-1:123456789012:key/5b6ad2a0-0000-4000-8000-000000000002";
        *keys = format!("{other},{}", keys.as_str().expect("a key")).into();
    });
    assert_eq!(told.changes, RESTORED, "{}", told.reason);
}

//! An object in S3 was overwritten: what is deployed from a key is not what its name says, nor what was deployed from it before.

use serde_json::{Value, json};

use crate::support::{Told, played};

/// The bad code is built over `orders-6.jar`, which runs, and deployed from there.
fn built_over_what_runs(steps: &[Value]) -> Told {
    let deployed = [
        json!({ "when": { "then": "2 min" }, "do": { "overwrite": { "key": "orders-6.jar", "code": "orders-7.jar" } } }),
        json!({ "do": { "deploy": { "code": "orders-6.jar" } } }),
        json!({ "when": { "once": { "reported": "all" } } }),
    ];
    played("bad-deployment", |script| {
        script["happens"] = steps.iter().chain(&deployed).cloned().collect();
    })
}

fn code(told: &Told) -> String {
    told.region.flink().application("orders").unwrap().code
}

#[test]
fn a_rollback_brings_the_copy_of_the_service_back() {
    let told = built_over_what_runs(&[]);
    assert_eq!(told.changes, ["RollbackApplication"], "{}", told.reason);
    assert_eq!(
        (told.outcome.as_str(), code(&told).as_str()),
        ("recovered", "orders-6.jar")
    );
}

#[test]
fn nothing_is_stopped_where_the_good_code_lies_nowhere_any_more() {
    let told = built_over_what_runs(&[json!({ "do": "refuseRollback" })]);
    assert_eq!(told.outcome, "escalated");
    assert!(
        told.changes.is_empty(),
        "{:?}: {}",
        told.changes,
        told.reason
    );
    assert_eq!(code(&told), "orders-7.jar");
}

/// The bad code has a key of its own; it is the good one's that was overwritten since. Nothing tells so before the service reads it.
#[test]
fn what_an_update_brings_back_is_compared_with_what_was_there() {
    let told = played("rollback-refused", |script| {
        script["world"]["code"]["orders-8.jar"] = script["world"]["code"]["orders-7.jar"].clone();
        let steps = script["happens"].as_array_mut().unwrap();
        steps.insert(
            1,
            json!({ "do": { "overwrite": { "key": "orders-6.jar", "code": "orders-8.jar" } } }),
        );
    });
    let restored = ["StopApplication", "UpdateApplication", "StartApplication"];
    assert_eq!(told.changes, restored, "{}", told.reason);
    assert_eq!(told.outcome, "escalated");
    assert!(told.reason.contains("which was stored"), "{}", told.reason);
    assert_eq!(code(&told), "orders-8.jar");
}

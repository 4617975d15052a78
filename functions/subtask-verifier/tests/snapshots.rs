//! The snapshots of a look, by the mode of the application; none of another application, and none that could not be read.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../shared/managed-flink/tests/support/mod.rs"]
mod support;

use lambda_kit::{Env, Function, Invocation, answer};
use serde_json::{Value, json};
use subtask_verifier::SubtaskVerifier;
use support::{Call, Double, Wire, service::full};

const CREATED: i64 = 1_700_000_000;

/// `orders`, in that mode, with what else is answered.
fn service(mode: &'static str, else_: impl Fn(&Call) -> Wire + Send + Sync + 'static) -> Double {
    let mut detail = full();
    detail["CreateTimestamp"] = json!(CREATED);
    detail["ApplicationConfigurationDescription"]["ApplicationSnapshotConfigurationDescription"]
        ["SnapshotMode"] = json!(mode);
    Double::new(move |call| match call.verb.as_str() {
        "DescribeApplication" => Wire::json(200, &json!({ "ApplicationDetail": detail })),
        "DescribeApplicationVersion" => {
            Wire::error(400, "ResourceNotFoundException", "no such version")
        }
        "ListTagsForResource" if call.body["ResourceARN"] == "arn:by-person" => Wire::json(
            200,
            &json!({ "Tags": [
                { "Key": "flink-lifeguard:taken-by", "Value": "lifeguard" },
                { "Key": "flink-lifeguard:verified-version", "Value": "6" },
            ] }),
        ),
        "ListTagsForResource" => Wire::json(
            200,
            &json!({ "Tags": [{ "Key": "lifeguard:managed", "Value": "true" }] }),
        ),
        "ListApplicationOperations" => {
            Wire::json(200, &json!({ "ApplicationOperationInfoList": [] }))
        }
        "GetMetricData" => Wire::json(200, &json!({ "MetricDataResults": [] })),
        _ => else_(call),
    })
}

fn info(name: &str, initiator: &str, created: i64) -> Value {
    json!({
        "SnapshotName": name, "SnapshotArn": format!("arn:{name}"), "SnapshotStatus": "READY",
        "SnapshotCreationTimestamp": created, "SnapshotInitiator": initiator,
    })
}

/// Three of this name, one of them of an earlier life; one that was imported; and a legacy one.
fn enhanced(call: &Call) -> Wire {
    let name = call.body["SnapshotName"].as_str().unwrap_or_default();
    let described = |initiator: &str, created: i64, source: Value| {
        let mut details = info(name, initiator, created);
        details["SnapshotSourceDescription"] = source;
        Wire::json(200, &json!({ "SnapshotInfoDetails": details }))
    };
    let of = |created: i64| {
        json!({ "SourceApplicationDescription": {
            "ApplicationName": "orders", "ApplicationCreationTimestamp": created, "ApplicationVersionId": 6 } })
    };
    match (call.verb.as_str(), name) {
        ("ListSnapshots", _) => {
            let list = [
                info("by-update", "SYSTEM", CREATED + 300),
                info("by-person", "USER", CREATED + 200),
                info("earlier", "USER", CREATED - 100),
            ];
            Wire::json(200, &json!({ "SnapshotInfoList": list }))
        }
        ("DescribeSnapshot", "by-update") => described("SYSTEM", CREATED + 300, of(CREATED)),
        ("DescribeSnapshot", "by-person") => described("USER", CREATED + 200, of(CREATED)),
        ("DescribeSnapshot", "earlier") => described("USER", CREATED - 100, of(CREATED - 500)),
        ("DescribeSnapshot", "imported") => described("USER", CREATED + 50, json!({})),
        ("DescribeSnapshot", _) => Wire::error(400, "ResourceNotFoundException", "none"),
        ("ListSnapshotOperations", _) => Wire::json(
            200,
            &json!({ "SnapshotOperationInfoList": [{ "SnapshotOperationId": "so" }] }),
        ),
        ("DescribeSnapshotOperation", _) => Wire::json(
            200,
            &json!({ "SnapshotOperationInfoDetails": { "ApplicationOperationDescription": { "ApplicationOperationId": "op-7", "ApplicationName": "orders" } } }),
        ),
        ("ListApplicationSnapshots", _) => Wire::json(
            200,
            &json!({ "SnapshotSummaries": [{ "SnapshotName": "legacy", "SnapshotStatus": "READY", "ApplicationVersionId": 5, "SnapshotCreationTimestamp": CREATED + 10 }] }),
        ),
        other => panic!("a call that nobody expects: {other:?}"),
    }
}

async fn look(double: &Double, event: Value) -> Value {
    let mut whole = json!({ "applicationName": "orders" });
    whole
        .as_object_mut()
        .unwrap()
        .extend(event.as_object().unwrap().clone());
    let function = SubtaskVerifier::build(&Env::default(), &double.aws()).unwrap();
    let now = jiff::Timestamp::from_second(1_795_345_200).unwrap();
    let invocation = Invocation {
        request_id: "r".into(),
        now,
    };
    answer(&function, whole, invocation).await.unwrap()["observation"].take()
}

/// Name, and whose state it holds.
fn found(seen: &Value) -> Vec<(&str, &str)> {
    let snapshots = seen["snapshots"].as_array().unwrap().iter();
    snapshots
        .map(|one| {
            let source = one["enhanced"]["source"]["is"].as_str();
            (one["name"].as_str().unwrap(), source.unwrap_or("legacy"))
        })
        .collect()
}

fn unread(seen: &Value) -> Vec<&str> {
    let unread = seen["unreadable"].as_array().unwrap().iter();
    unread
        .filter(|one| one["what"] == "snapshots")
        .map(|one| one["why"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn an_enhanced_application_has_its_own_candidates_and_what_else_there_is_is_named() {
    let double = service("ENHANCED_SNAPSHOTS", enhanced);
    let seen = look(&double, json!({})).await;
    assert_eq!(seen["application"]["snapshotMode"], "ENHANCED_SNAPSHOTS");
    assert_eq!(
        found(&seen),
        [
            ("by-update", "thisApplication"),
            ("by-person", "thisApplication"),
            ("legacy", "legacy"),
            ("earlier", "earlierLife"),
        ]
    );
    assert_eq!(unread(&seen), [""; 0]);
    let newest = &seen["snapshots"][0];
    assert_eq!(
        (&newest["enhanced"]["arn"], &newest["versionId"]),
        (&json!("arn:by-update"), &json!(6))
    );
    assert_eq!(newest["enhanced"]["operationId"], "op-7");
    assert!(newest["enhanced"].get("verifiedVersionId").is_none());
    assert_eq!(seen["snapshots"][1]["enhanced"]["verifiedVersionId"], 6);
}

#[tokio::test]
async fn what_a_person_names_is_read_although_no_list_has_it() {
    let double = service("ENHANCED_SNAPSHOTS", enhanced);
    let named = |name: &str| json!({ "request": { "action": "restore", "snapshotName": name } });
    let seen = look(&double, named("imported")).await;
    assert!(found(&seen).contains(&("imported", "imported")), "{seen}");
    let seen = look(&double, named("nobody-s")).await;
    assert_eq!(found(&seen).len(), 4, "one that is not there is no doubt");
    assert_eq!(unread(&seen), [""; 0]);
}

#[tokio::test]
async fn one_that_was_deleted_since_the_list_was_read_is_not_there() {
    let double = service("ENHANCED_SNAPSHOTS", |call| {
        if call.body["SnapshotName"] == "by-update" {
            return Wire::error(400, "ResourceNotFoundException", "gone with its stack");
        }
        enhanced(call)
    });
    let seen = look(&double, json!({})).await;
    assert_eq!(found(&seen)[0], ("by-person", "thisApplication"));
    assert_eq!(unread(&seen), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_read_is_no_candidate_and_no_empty_list() {
    let refusing = |refused: &'static str| {
        service("ENHANCED_SNAPSHOTS", move |call| {
            if call.verb == refused {
                return Wire::error(400, "AccessDeniedException", "not you");
            }
            enhanced(call)
        })
    };
    let seen = look(&refusing("ListSnapshots"), json!({})).await;
    assert!(found(&seen).is_empty());
    assert!(
        unread(&seen)[0].contains("ListSnapshots of orders: AccessDenied"),
        "{seen}"
    );
    let seen = look(&refusing("DescribeSnapshot"), json!({})).await;
    assert_eq!(
        found(&seen)[..2],
        [("by-update", "notRead"), ("by-person", "notRead")]
    );
    assert_eq!(unread(&seen).len(), 1, "{seen}");
    // For people only.
    for verb in [
        "ListApplicationSnapshots",
        "ListSnapshotOperations",
        "DescribeSnapshotOperation",
    ] {
        let seen = look(&refusing(verb), json!({})).await;
        assert_eq!(found(&seen)[0], ("by-update", "thisApplication"));
        assert_eq!(unread(&seen), [""; 0], "{verb}");
    }
}

#[tokio::test]
async fn each_mode_has_its_verbs_and_one_that_is_not_known_has_none() {
    let asked = |double: &Double| {
        let mut verbs = double.verbs();
        verbs.retain(|verb| verb.contains("Snapshot"));
        verbs
    };
    let legacy = service("APPLICATION_SNAPSHOTS_LEGACY", enhanced);
    let seen = look(&legacy, json!({})).await;
    assert_eq!(found(&seen), [("legacy", "legacy")]);
    assert_eq!(asked(&legacy), ["ListApplicationSnapshots"]);
    assert!(
        seen["application"].get("snapshotMode").is_none(),
        "as before"
    );
    let new = service("NEW", enhanced);
    let seen = look(&new, json!({})).await;
    assert!(asked(&new).is_empty());
    assert_eq!(
        unread(&seen),
        ["the snapshot mode NEW is not known to this release"]
    );
    // Where only the present is asked for, one call tells.
    let present = service("ENHANCED_SNAPSHOTS", enhanced);
    look(&present, json!({ "presentOnly": true })).await;
    assert_eq!(asked(&present), ["ListSnapshots"]);
}

#[tokio::test(start_paused = true)]
async fn what_no_other_look_changes_is_said_to_be_refused() {
    for (verb, code, expected) in [
        (
            "ListSnapshots",
            "UnsupportedOperationException",
            json!("notOffered"),
        ),
        (
            "ListSnapshots",
            "AccessDeniedException",
            json!("notPermitted"),
        ),
        (
            "DescribeSnapshot",
            "AccessDeniedException",
            json!("notPermitted"),
        ),
        (
            "ListSnapshots",
            "InvalidArgumentException",
            json!("notAccepted"),
        ),
        ("ListSnapshots", "ThrottlingException", Value::Null),
        ("DescribeSnapshot", "ThrottlingException", Value::Null),
        ("ListSnapshots", "SomethingNewException", Value::Null),
    ] {
        let double = service("ENHANCED_SNAPSHOTS", move |call| {
            if call.verb == verb {
                return Wire::error(400, code, "not now");
            }
            enhanced(call)
        });
        let seen = look(&double, json!({})).await;
        let mut noted = seen["unreadable"].as_array().unwrap().iter();
        let noted = noted.find(|one| one["what"] == "snapshots");
        let noted = noted.unwrap_or_else(|| panic!("{verb} {code}: {seen}"));
        assert_eq!(noted["refusal"], expected, "{verb} {code}");
    }
}

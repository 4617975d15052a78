//! The versions and operations of a look: how far back they are read, and what a look is where one cannot be.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../shared/managed-flink/tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;

use lambda_kit::{Env, Function, Invocation, answer};
use serde_json::{Value, json};
use subtask_verifier::SubtaskVerifier;
use support::{Call, Double, Wire, service::full};

const NOW: i64 = 1_795_345_200;

/// Version `id` of `orders`, made from `from`, with code and scale of its own.
fn version(id: u64, from: Option<u64>, code: &str, parallelism: u64) -> (u64, Value) {
    let mut detail = full();
    detail["ApplicationVersionId"] = json!(id);
    detail["ApplicationVersionUpdatedFrom"] = json!(from);
    detail["ApplicationVersionRolledBackFrom"] = Value::Null;
    detail["ApplicationVersionCreateTimestamp"] =
        json!(NOW - 86_400 * (100 - i64::try_from(id).unwrap()));
    let configuration = &mut detail["ApplicationConfigurationDescription"];
    configuration["ApplicationCodeConfigurationDescription"]["CodeContentDescription"]["CodeMD5"] =
        json!(code);
    configuration["FlinkApplicationConfigurationDescription"]["ParallelismConfigurationDescription"]
        ["Parallelism"] = json!(parallelism);
    let password = json!(format!("password-of-version-{id}"));
    configuration["EnvironmentPropertyDescriptions"]["PropertyGroupDescriptions"] = json!([{ "PropertyGroupId": "sink", "PropertyMap": { "password": if code == "same" { json!("one-for-all") } else { password } } }]);
    (id, detail)
}

/// The newest of these versions is the present one.
fn service(
    versions: Vec<(u64, Value)>,
    operations: Vec<Value>,
    refused: &'static [(u64, &'static str)],
) -> Double {
    let versions: BTreeMap<u64, Value> = versions.into_iter().collect();
    Double::new(move |call: &Call| match call.verb.as_str() {
        "DescribeApplication" => {
            let (_, present) = versions.last_key_value().unwrap();
            Wire::json(200, &json!({ "ApplicationDetail": present }))
        }
        "DescribeApplicationVersion" => {
            let id = call.body["ApplicationVersionId"].as_u64().unwrap();
            if let Some((_, code)) = refused.iter().find(|(other, _)| *other == id) {
                return Wire::error(400, code, "no");
            }
            match versions.get(&id) {
                Some(detail) => Wire::json(200, &json!({ "ApplicationVersionDetail": detail })),
                None => Wire::error(400, "ResourceNotFoundException", "no such version"),
            }
        }
        "ListTagsForResource" => Wire::json(
            200,
            &json!({ "Tags": [{ "Key": "lifeguard:managed", "Value": "true" }] }),
        ),
        "ListApplicationOperations" => {
            let most = usize::try_from(call.body["Limit"].as_u64().unwrap()).unwrap();
            let page: Vec<&Value> = operations.iter().take(most).collect();
            Wire::json(
                200,
                &json!({ "ApplicationOperationInfoList": page, "NextToken": "more" }),
            )
        }
        "DescribeApplicationOperation" => {
            let text = "sink refused password-of-version-2 and password-of-version-9";
            let detail = json!({ "Operation": "UpdateApplication", "StartTime": NOW, "EndTime": NOW, "OperationStatus": "FAILED",
                "OperationFailureDetails": { "ErrorInfo": { "ErrorString": text } } });
            Wire::json(200, &json!({ "ApplicationOperationInfoDetails": detail }))
        }
        "ListApplicationSnapshots" => Wire::json(200, &json!({ "SnapshotSummaries": [] })),
        _ => Wire::error(400, "AccessDeniedException", "no"),
    })
}

async fn look(double: &Double) -> Value {
    looked(double, json!({ "applicationName": "orders" })).await
}

async fn looked(double: &Double, event: Value) -> Value {
    let aws = double.aws();
    let function = SubtaskVerifier::build(&Env::default(), &aws).unwrap();
    let invocation = Invocation {
        request_id: "r1".into(),
        now: aws.now(),
    };
    let look = answer(&function, event, invocation).await.unwrap();
    look["observation"].clone()
}

/// The versions of a look, with what each runs.
fn versions(seen: &Value) -> Vec<(u64, Option<u64>)> {
    let all = seen["versions"].as_array().unwrap().iter();
    all.map(|version| (version["id"].as_u64().unwrap(), version["content"].as_u64()))
        .collect()
}

fn unreadable(seen: &Value) -> Vec<&str> {
    let parts = seen["unreadable"].as_array().unwrap().iter();
    let parts = parts.map(|part| part["what"].as_str().unwrap());
    parts.filter(|part| *part != "series").collect()
}

#[tokio::test]
async fn eight_versions_before_the_present_one_are_read_newest_first() {
    let all = (1..=12).map(|id| version(id, (id > 1).then_some(id - 1), &format!("code-{id}"), 1));
    let seen = look(&service(all.collect(), Vec::new(), &[])).await;
    let expected: Vec<(u64, Option<u64>)> = (4..=11).rev().map(|id| (id, Some(id))).collect();
    assert_eq!(versions(&seen), expected);
    assert_eq!(seen["application"]["content"], 12);
    assert_eq!(seen["versions"][0]["updatedFrom"], 10);
    assert!(seen["versions"][0]["createdAt"].is_string(), "{seen}");
    assert_eq!(unreadable(&seen), Vec::<&str>::new());
}

#[tokio::test]
async fn who_asks_for_the_present_only_has_no_older_version_read_than_the_one_before() {
    let all = (1..=12).map(|id| version(id, (id > 1).then_some(id - 1), &format!("code-{id}"), 1));
    let double = service(all.collect(), Vec::new(), &[]);
    let event = json!({ "applicationName": "orders", "presentOnly": true });
    assert_eq!(versions(&looked(&double, event).await), [(11, Some(11))]);
    assert_eq!(double.bodies("DescribeApplicationVersion").len(), 1);
}

#[tokio::test]
async fn what_was_only_scaled_is_the_same_content() {
    // Scaled twice, changed, and scaled once more.
    let all = vec![
        version(1, None, "same", 1),
        version(2, Some(1), "same", 2),
        version(3, Some(2), "same", 4),
        version(4, Some(3), "another", 4),
        version(5, Some(4), "another", 8),
    ];
    let mut all = all;
    all[4].1["ApplicationConfigurationDescription"]["EnvironmentPropertyDescriptions"] =
        all[3].1["ApplicationConfigurationDescription"]["EnvironmentPropertyDescriptions"].clone();
    let seen = look(&service(all, Vec::new(), &[])).await;
    assert_eq!(
        versions(&seen),
        [(4, Some(4)), (3, Some(1)), (2, Some(1)), (1, Some(1))]
    );
    assert_eq!(seen["application"]["content"], 4);
    for value in ["password-of-version", "one-for-all"] {
        assert!(!seen.to_string().contains(value), "{seen}");
    }
}

#[tokio::test]
async fn what_each_version_changed_is_said_without_a_value() {
    let all = vec![
        version(1, None, "same", 1),
        version(2, Some(1), "same", 2),
        version(3, Some(2), "another", 2),
    ];
    let seen = look(&service(all.clone(), Vec::new(), &[])).await;
    let of_code = seen["application"]["changed"].to_string();
    assert!(of_code.contains("replaced in its place"), "{seen}");
    assert!(
        of_code.contains("property password of group sink"),
        "{seen}"
    );
    assert_eq!(seen["versions"][0]["changed"], json!(["parallelism 2"]));
    assert_eq!(seen["versions"][1]["changed"], Value::Null);
    assert!(!seen.to_string().contains("password-of-version"), "{seen}");
    // Where the version before could not be read, nothing is said.
    let seen = look(&service(all, Vec::new(), &[(2, "AccessDeniedException")])).await;
    assert_eq!(seen["application"]["changed"], Value::Null);
}

#[tokio::test]
async fn a_version_that_a_rollback_left_is_read_too() {
    let mut back = version(7, Some(6), "good", 1);
    back.1["ApplicationVersionRolledBackFrom"] = json!(5);
    let all = vec![
        version(3, None, "good", 1),
        version(4, Some(3), "older", 1),
        version(5, Some(4), "bad", 1),
        back,
        version(8, Some(7), "newer", 1),
    ];
    let seen = look(&service(all, Vec::new(), &[])).await;
    let read: Vec<u64> = versions(&seen).into_iter().map(|(id, _)| id).collect();
    // Version 6 does not exist: an answer, and no doubt.
    assert_eq!(read, [7, 5, 4, 3]);
    assert_eq!(unreadable(&seen), Vec::<&str>::new());
}

#[tokio::test]
async fn only_a_version_that_a_rescue_needs_is_missed() {
    let all = || -> Vec<(u64, Value)> {
        (1..=6)
            .map(|id| version(id, (id > 1).then_some(id - 1), &format!("code-{id}"), 1))
            .collect()
    };
    let seen = look(&service(all(), Vec::new(), &[(3, "AccessDeniedException")])).await;
    assert_eq!(versions(&seen), [(5, Some(5)), (4, Some(4))]);
    assert_eq!(unreadable(&seen), Vec::<&str>::new());
    let seen = look(&service(all(), Vec::new(), &[(5, "AccessDeniedException")])).await;
    assert_eq!(versions(&seen), []);
    assert_eq!(unreadable(&seen), ["versions"]);
}

#[tokio::test]
async fn a_page_of_operations_is_kept_and_no_text_tells_what_an_older_version_kept_secret() {
    let operation = |at: i64| {
        json!({ "Operation": if at == 0 { "UpdateApplication" } else { "AutoScaling" }, "OperationId": format!("op-{at}"), "StartTime": NOW - at * 3_600,
            "EndTime": NOW - at * 3_600 + 60, "OperationStatus": if at == 0 { "FAILED" } else { "SUCCESSFUL" } })
    };
    let all = (1..=9).map(|id| version(id, (id > 1).then_some(id - 1), &format!("code-{id}"), 1));
    let double = service(all.collect(), (0..60).map(operation).collect(), &[]);
    let seen = look(&double).await;
    let operations = seen["operations"].as_array().unwrap();
    assert_eq!(operations.len(), 50);
    assert_eq!(operations[49]["id"], "op-49");
    assert_eq!(double.bodies("ListApplicationOperations").len(), 1);
    let failure = operations[0]["failure"].as_str().unwrap();
    assert!(
        failure.starts_with("sink refused [password]") && !failure.contains("password-of"),
        "{failure}"
    );
    let size = seen["operations"].to_string().len();
    assert!(size < 15_000, "{size} bytes of operations");
}

//! What a version changed, in words: places, numbers and names, and never the value of a property.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use managed_flink::{DescribeApplicationVersion, Detail, ManagedFlink, changes};
use serde_json::{Value, json};
use support::{Double, Wire, service::full};

const CODE: &str = "/ApplicationConfigurationDescription/ApplicationCodeConfigurationDescription/CodeContentDescription";
const FLINK: &str = "/ApplicationConfigurationDescription/FlinkApplicationConfigurationDescription";
const PROPERTIES: &str = "/ApplicationConfigurationDescription/EnvironmentPropertyDescriptions/PropertyGroupDescriptions";

/// The service's description of a version, as the SDK gives it.
async fn described(detail: Value) -> Detail {
    let double = Double::new(move |_| {
        Wire::json(200, &json!({ "ApplicationVersionDetail": detail.clone() }))
    });
    let api = ManagedFlink::new(&double.aws());
    let described = api.describe_application_version("orders", 1).await;
    described.unwrap().detail
}

/// A version with a place of its code and with these properties.
fn version(key: &str, properties: Value) -> Value {
    let mut detail = full();
    set(
        &mut detail,
        PROPERTIES,
        json!([{ "PropertyGroupId": "orders", "PropertyMap": properties }]),
    );
    let place = format!("{CODE}/S3ApplicationCodeLocationDescription");
    set(
        &mut detail,
        &place,
        json!({ "BucketARN": "arn:aws:s3:::code", "FileKey": key }),
    );
    detail
}

fn set(detail: &mut Value, path: &str, value: Value) {
    let (parent, member) = path.rsplit_once('/').unwrap();
    detail
        .pointer_mut(parent)
        .unwrap_or_else(|| panic!("{path}"))[member] = value;
}

async fn changed(before: Value, after: Value) -> Vec<String> {
    changes(&described(before).await, &described(after).await)
}

/// What is said of the same version with that changed.
async fn once(path: &str, value: Value) -> Vec<String> {
    let before = version("orders-6.jar", json!({ "topic": "a-topic" }));
    let mut after = before.clone();
    set(&mut after, path, value);
    changed(before, after).await
}

#[tokio::test]
async fn what_is_the_same_changed_nothing() {
    let same = version("orders-6.jar", json!({ "topic": "a-topic" }));
    assert_eq!(changed(same.clone(), same).await, Vec::<String>::new());
    let started = "/ApplicationConfigurationDescription/RunConfigurationDescription";
    assert_eq!(once(started, Value::Null).await, Vec::<String>::new());
}

#[tokio::test]
async fn each_part_is_said_in_its_own_words() {
    let place = format!("{CODE}/S3ApplicationCodeLocationDescription");
    let scale = format!("{FLINK}/ParallelismConfigurationDescription");
    for (path, value, said) in [
        (
            format!("{place}/FileKey"),
            json!("orders-7.jar"),
            "code orders-7.jar",
        ),
        (
            format!("{place}/ObjectVersion"),
            json!("v2"),
            "code orders-6.jar, object version v2",
        ),
        (
            format!("{CODE}/CodeMD5"),
            json!("another"),
            "code orders-6.jar, replaced in its place",
        ),
        (
            "/RuntimeEnvironment".to_owned(),
            json!("FLINK-2_2"),
            "runtime FLINK-2_2",
        ),
        (
            "/ServiceExecutionRole".to_owned(),
            json!("arn:aws:iam::1:role/x"),
            "service role",
        ),
        (format!("{scale}/Parallelism"), json!(64), "parallelism 64"),
        (
            format!("{FLINK}/CheckpointConfigurationDescription/CheckpointInterval"),
            json!(7_000),
            "checkpointing",
        ),
        (
            "/ApplicationConfigurationDescription/VpcConfigurationDescriptions".to_owned(),
            json!([]),
            "VPC",
        ),
    ] {
        assert_eq!(once(&path, value).await, [said], "{path}");
    }
}

#[tokio::test]
async fn properties_are_named_and_their_values_are_not() {
    let before = json!({ "kept": "same-value", "topic": "old-topic", "gone": "gone-value", "password": "hunter2-old" });
    let after = json!({ "kept": "same-value", "topic": "new-topic", "added": "added-value", "password": "hunter2-new" });
    let said = changed(
        version("orders-6.jar", before),
        version("orders-6.jar", after),
    )
    .await;
    assert_eq!(
        said,
        [
            "new property added of group orders",
            "removed property gone of group orders",
            "property password of group orders",
            "property topic of group orders",
        ]
    );
}

#[tokio::test]
async fn a_place_or_a_name_that_holds_a_value_does_not_tell_it() {
    let secret = json!({ "password": "hunter2-secret", "hunter2-secret": "x" });
    let said = changed(
        version("orders-6.jar", json!({})),
        version("hunter2-secret/orders-7.jar", secret),
    )
    .await;
    assert_eq!(said.len(), 3, "{said:?}");
    assert!(said[0].ends_with("/orders-7.jar"), "{said:?}");
    assert!(
        said.iter().all(|said| !said.contains("hunter2")),
        "{said:?}"
    );
}

#[tokio::test]
async fn what_the_applications_name_says_already_is_shown() {
    let stream = json!({ "input.stream": "orders", "output.stream": "orders-out" });
    let (before, after) = (
        version("orders-6.jar", stream.clone()),
        version("orders-out/orders-7.jar", stream),
    );
    let said = changed(before, after).await;
    assert_eq!(said, ["code [output.stream]/orders-7.jar"]);
}

#[tokio::test]
async fn a_deployment_that_changes_much_is_told_in_part() {
    let many = (0..40).map(|n| (format!("p{n:02}"), json!(n.to_string())));
    let many = Value::Object(many.collect());
    let long = "x".repeat(1_000);
    let said = changed(version("orders-6.jar", json!({})), version(&long, many)).await;
    assert_eq!(said.len(), 13);
    assert_eq!(said[12], "29 more");
    assert!(said[0].chars().count() <= 121, "{}", said[0]);
}

#[tokio::test]
async fn a_switch_of_the_snapshot_mode_is_named_although_the_sdk_does_not_know_it() {
    const MODE: &str = "/ApplicationConfigurationDescription/ApplicationSnapshotConfigurationDescription/SnapshotMode";
    let said = once(MODE, json!("ENHANCED_SNAPSHOTS")).await;
    assert_eq!(said, ["snapshot mode ENHANCED_SNAPSHOTS"]);
    let legacy = once(MODE, json!("APPLICATION_SNAPSHOTS_LEGACY")).await;
    assert_eq!(legacy, [""; 0], "what is not said is the same");
}

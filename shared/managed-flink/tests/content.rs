//! Which versions run the same: scale and logging make no difference, everything else that a job sees does.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use managed_flink::{DescribeApplicationVersion, Detail, ManagedFlink, contents, replaced_code};
use serde_json::{Value, json};
use support::{Double, Wire, service::full};

/// The service's description of a version, as the SDK gives it.
async fn described(detail: Value) -> Detail {
    let double = Double::new(move |_| {
        Wire::json(200, &json!({ "ApplicationVersionDetail": detail.clone() }))
    });
    let api = ManagedFlink::new(&double.aws());
    let described = api.describe_application_version("orders", 1).await;
    described.unwrap().detail
}

/// Whether the version is the same once this is changed.
async fn is_same(change: impl Fn(&mut Value)) -> bool {
    let mut changed = full();
    change(&mut changed);
    let (one, other) = (described(full()).await, described(changed).await);
    contents([(6, &one), (7, &other)]) == BTreeMap::from([(6, 6), (7, 6)])
}

const CONFIGURATION: &str = "/ApplicationConfigurationDescription";

/// Sets a member, by its path below the configuration or, from `//` on, below the whole.
fn set(detail: &mut Value, path: &str, value: Value) {
    let path = path
        .strip_prefix('/')
        .filter(|path| path.starts_with('/'))
        .map_or_else(|| format!("{CONFIGURATION}{path}"), str::to_owned);
    *detail
        .pointer_mut(&path)
        .unwrap_or_else(|| panic!("{path}")) = value;
}

#[tokio::test]
async fn scale_logging_and_how_it_was_started_make_no_difference() {
    const FLINK: &str = "/FlinkApplicationConfigurationDescription";
    for (path, value) in [
        (
            format!("{FLINK}/ParallelismConfigurationDescription/Parallelism"),
            json!(8),
        ),
        (
            format!("{FLINK}/ParallelismConfigurationDescription/CurrentParallelism"),
            json!(16),
        ),
        (
            format!("{FLINK}/ParallelismConfigurationDescription/AutoScalingEnabled"),
            json!(true),
        ),
        (
            format!("{FLINK}/ParallelismConfigurationDescription"),
            Value::Null,
        ),
        (
            format!("{FLINK}/MonitoringConfigurationDescription/LogLevel"),
            json!("DEBUG"),
        ),
        (
            format!("{FLINK}/MonitoringConfigurationDescription/MetricsLevel"),
            json!("OPERATOR"),
        ),
        (format!("{FLINK}/JobPlanDescription"), Value::Null),
        ("/RunConfigurationDescription".to_owned(), Value::Null),
        ("//ApplicationDescription".to_owned(), json!("another text")),
        (
            "//CloudWatchLoggingOptionDescriptions".to_owned(),
            json!([]),
        ),
        ("//ConditionalToken".to_owned(), json!("token-8")),
        (
            "/VpcConfigurationDescriptions/0/VpcConfigurationId".to_owned(),
            json!("3.1"),
        ),
        (
            "/VpcConfigurationDescriptions/0/SubnetIds".to_owned(),
            json!(["subnet-2", "subnet-1"]),
        ),
    ] {
        assert!(
            is_same(|detail| set(detail, &path, value.clone())).await,
            "{path}"
        );
    }
}

#[tokio::test]
async fn whatever_else_a_job_sees_makes_another_content() {
    const CODE: &str = "/ApplicationCodeConfigurationDescription/CodeContentDescription";
    const CHECKPOINTS: &str =
        "/FlinkApplicationConfigurationDescription/CheckpointConfigurationDescription";
    const PROPERTIES: &str = "/EnvironmentPropertyDescriptions/PropertyGroupDescriptions/0";
    for (path, value) in [
        (format!("{CODE}/CodeMD5"), json!("another")),
        (
            format!("{CODE}/S3ApplicationCodeLocationDescription/ObjectVersion"),
            json!("v7"),
        ),
        (
            format!("{CODE}/S3ApplicationCodeLocationDescription/FileKey"),
            json!("orders-7.jar"),
        ),
        (format!("{CHECKPOINTS}/CheckpointInterval"), json!(30_000)),
        (format!("{CHECKPOINTS}/CheckpointingEnabled"), json!(false)),
        (
            format!("{PROPERTIES}/PropertyMap/password"),
            json!("marker-secret-three"),
        ),
        (format!("{PROPERTIES}/PropertyGroupId"), json!("source")),
        (
            "/VpcConfigurationDescriptions/0/SecurityGroupIds".to_owned(),
            json!(["sg-2"]),
        ),
        ("/VpcConfigurationDescriptions".to_owned(), json!([])),
        (
            "/ApplicationSnapshotConfigurationDescription/SnapshotsEnabled".to_owned(),
            json!(false),
        ),
        (
            "/ApplicationEncryptionConfigurationDescription/KeyId".to_owned(),
            json!("key-2"),
        ),
        ("//RuntimeEnvironment".to_owned(), json!("FLINK-2_2")),
        (
            "//ServiceExecutionRole".to_owned(),
            json!("arn:aws:iam::1:role/other"),
        ),
    ] {
        assert!(
            !is_same(|detail| set(detail, &path, value.clone())).await,
            "{path}"
        );
    }
}

#[tokio::test]
async fn groups_of_properties_have_no_order() {
    let groups = |names: [&str; 2]| {
        let group = |name: &&str| json!({ "PropertyGroupId": name, "PropertyMap": { "a": name } });
        let groups: Vec<Value> = names.iter().map(group).collect();
        let mut detail = full();
        let path = "/EnvironmentPropertyDescriptions/PropertyGroupDescriptions";
        set(&mut detail, path, json!(groups));
        detail
    };
    let (one, other) = (
        described(groups(["source", "sink"])).await,
        described(groups(["sink", "source"])).await,
    );
    assert_eq!(
        contents([(6, &one), (7, &other)]),
        BTreeMap::from([(6, 6), (7, 6)])
    );
}

#[tokio::test]
async fn code_that_is_known_by_its_place_alone_equals_no_other() {
    let mut placed = full();
    let code = &mut placed["ApplicationConfigurationDescription"]["ApplicationCodeConfigurationDescription"];
    code["CodeContentDescription"] = json!({
        "S3ApplicationCodeLocationDescription": { "BucketARN": "arn:aws:s3:::code", "FileKey": "orders.jar" }
    });
    let mut unknown = full();
    unknown["ApplicationConfigurationDescription"] = Value::Null;
    let (placed, unknown, other) = (
        described(placed).await,
        described(unknown).await,
        described(full()).await,
    );
    let all = [
        (4, &placed),
        (5, &placed),
        (6, &unknown),
        (7, &unknown),
        (8, &other),
    ];
    assert_eq!(contents(all), BTreeMap::from([(8, 8)]));
}

#[tokio::test]
async fn the_lowest_of_those_that_are_the_same_names_them_all() {
    let mut other = full();
    set(
        &mut other,
        "/ApplicationSnapshotConfigurationDescription/SnapshotsEnabled",
        json!(false),
    );
    let (one, other) = (described(full()).await, described(other).await);
    // What was left and is applied again is the same; the order in which they are given does not matter.
    let all = [(9, &other), (7, &one), (8, &other), (10, &one), (3, &one)];
    assert_eq!(
        contents(all),
        BTreeMap::from([(3, 3), (7, 3), (8, 8), (9, 8), (10, 3)])
    );
}

/// A version whose code was loaded from that key, with that checksum, and from that version of the object.
async fn loaded(key: &str, md5: Option<&str>, object: Option<&str>) -> Detail {
    const CODE: &str = "/ApplicationCodeConfigurationDescription/CodeContentDescription";
    let mut detail = full();
    set(&mut detail, &format!("{CODE}/CodeMD5"), json!(md5));
    let place = format!("{CODE}/S3ApplicationCodeLocationDescription");
    set(&mut detail, &format!("{place}/FileKey"), json!(key));
    set(
        &mut detail,
        &format!("{place}/ObjectVersion"),
        json!(object),
    );
    described(detail).await
}

#[tokio::test]
async fn code_that_was_stored_over_under_its_key_is_lost() {
    let versions = [
        loaded("a", Some("1"), None).await,
        loaded("a", Some("2"), None).await,
        loaded("b", Some("3"), None).await,
        // A rollback to the first: nothing was loaded for it.
        loaded("a", Some("1"), None).await,
    ];
    let lost = |known: &[u64]| {
        let all = (1..).zip(&versions);
        replaced_code(all.filter(|(id, _)| known.contains(id)))
    };
    assert_eq!(lost(&[1, 2, 3, 4]), BTreeSet::from([1, 4]));
    assert_eq!(lost(&[1, 3]), BTreeSet::new());
    assert_eq!(lost(&[1, 4]), BTreeSet::new());
    // Where the object has a version, nothing took its place; and what has no checksum says nothing.
    for (md5, object) in [(Some("1"), Some("v1")), (None, None)] {
        let first = loaded("a", md5, object).await;
        assert_eq!(
            replaced_code([(1, &first), (2, &versions[1])]),
            BTreeSet::new()
        );
    }
}

//! Members of a configuration that this release does not know: found by name where they differ, and never shown by value.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use managed_flink::{
    DescribeApplication, DescribeApplicationVersion, Described, ManagedFlink, unknown_members,
};
use serde_json::{Value, json};
use support::{Double, Wire, service::full};

/// The present version and the one before, as the service describes them.
async fn both(present: Value, before: Value) -> (Described, Described) {
    let double = Double::new(move |call| match call.verb.as_str() {
        "DescribeApplication" => Wire::json(200, &json!({ "ApplicationDetail": present })),
        _ => Wire::json(200, &json!({ "ApplicationVersionDetail": before })),
    });
    let api = ManagedFlink::new(&double.aws());
    (
        api.describe_application("orders").await.unwrap(),
        api.describe_application_version("orders", 6).await.unwrap(),
    )
}

/// With one more member.
fn with(path: &str, value: Value) -> Value {
    let mut detail = full();
    let place = format!("/ApplicationConfigurationDescription{path}");
    let place = detail.pointer_mut(&place).unwrap();
    place["NewSetting"] = value;
    detail
}

#[tokio::test]
async fn everything_that_the_service_says_today_is_known() {
    let mut other = full();
    other["ApplicationConfigurationDescription"] = json!({});
    let (present, before) = both(full(), other).await;
    assert_eq!(unknown_members(&present, &before), Vec::<String>::new());
}

#[tokio::test]
async fn a_new_setting_is_named_by_its_place_where_it_differs() {
    let secret = || json!({ "mode": "marker-secret" });
    for (path, named) in [
        ("", "NewSetting"),
        (
            "/ApplicationSnapshotConfigurationDescription",
            "ApplicationSnapshotConfigurationDescription.NewSetting",
        ),
        (
            "/FlinkApplicationConfigurationDescription/CheckpointConfigurationDescription",
            "FlinkApplicationConfigurationDescription.CheckpointConfigurationDescription.NewSetting",
        ),
        (
            "/VpcConfigurationDescriptions/0",
            "VpcConfigurationDescriptions.NewSetting",
        ),
        (
            "/ApplicationCodeConfigurationDescription/CodeContentDescription/S3ApplicationCodeLocationDescription",
            "ApplicationCodeConfigurationDescription.CodeContentDescription.S3ApplicationCodeLocationDescription.NewSetting",
        ),
    ] {
        // Added, removed, and changed.
        for (present, before) in [
            (with(path, secret()), full()),
            (full(), with(path, secret())),
            (with(path, secret()), with(path, json!(false))),
        ] {
            let (present, before) = both(present, before).await;
            assert_eq!(unknown_members(&present, &before), [named]);
            let shown = format!("{present:?} {before:?}");
            assert!(
                !shown.contains("marker") && !shown.contains("NewSetting"),
                "{shown}"
            );
        }
        // The same in both, or not there at all: nothing is lost.
        for value in [secret(), Value::Null] {
            let before = if value.is_null() {
                full()
            } else {
                with(path, value.clone())
            };
            let (present, before) = both(with(path, value), before).await;
            assert_eq!(unknown_members(&present, &before), Vec::<String>::new());
        }
    }
}

#[tokio::test]
async fn what_properties_are_called_is_no_setting() {
    let mut other = full();
    other["ApplicationConfigurationDescription"]["EnvironmentPropertyDescriptions"]["PropertyGroupDescriptions"]
        [0]["PropertyMap"]["NewSetting"] = json!("x");
    let (present, before) = both(full(), other).await;
    assert_eq!(unknown_members(&present, &before), Vec::<String>::new());
}

//! Enhanced snapshots over the SDK's own client: what goes over the wire, and what comes back.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use lifecycle::{Application, SnapshotInitiator, SnapshotMode, SnapshotSource, SnapshotStatus};
use managed_flink::{
    CallErrorKind, CreateSnapshot, DeleteSnapshot, DescribeApplication, DescribeSnapshot,
    DescribeSnapshotOperation, ListSnapshotOperations, ListSnapshots, ManagedFlink,
    StartApplication, StartFrom,
};
use serde_json::{Value, json};
use support::{Double, Wire, service::full};

const CREATED: f64 = 1_795_000_000.123;

fn arn(name: &str) -> String {
    format!("arn:aws:kinesisanalytics:eu-west-1:000000000000:snapshot/{name}")
}

fn info(name: &str, created: f64) -> Value {
    json!({
        "SnapshotName": name, "SnapshotArn": arn(name), "SnapshotStatus": "READY",
        "SnapshotCreationTimestamp": created, "SnapshotInitiator": "SYSTEM",
        "SnapshotInitiatorOperation": "SystemCreateSnapshot", "SnapshotFormat": "CANONICAL",
        "SourceApplicationName": "orders",
    })
}

fn details() -> Value {
    let mut details = info("s", CREATED);
    details["SnapshotSourceDescription"] = json!({ "SourceApplicationDescription": {
        "ApplicationName": "orders", "ApplicationCreationTimestamp": 1_790_000_000.5, "ApplicationVersionId": 6,
    } });
    details["RuntimeEnvironment"] = json!("FLINK-2_2");
    details["SnapshotSizeInBytes"] = json!(7);
    details
}

/// A service that answers each verb with that.
fn answering(answers: Vec<(&'static str, Value)>) -> (Double, ManagedFlink) {
    let double = Double::new(move |call| {
        let answer = answers.iter().find(|(verb, _)| *verb == call.verb);
        Wire::json(200, &answer.unwrap().1)
    });
    let api = ManagedFlink::new(&double.aws());
    (double, api)
}

/// The application as the service describes it, with that configuration for snapshots.
async fn described(snapshots: Value) -> Application {
    let mut detail = full();
    detail["CreateTimestamp"] = json!(1_790_000_000.5);
    detail["ApplicationConfigurationDescription"]["ApplicationSnapshotConfigurationDescription"] =
        snapshots;
    let (_, api) = answering(vec![(
        "DescribeApplication",
        json!({ "ApplicationDetail": detail }),
    )]);
    api.describe_application("orders")
        .await
        .unwrap()
        .application
}

async fn orders() -> Application {
    described(json!({ "SnapshotsEnabled": true, "SnapshotMode": "ENHANCED_SNAPSHOTS" })).await
}

#[tokio::test]
async fn the_mode_is_read_and_one_that_is_not_known_keeps_its_name() {
    for (said, mode) in [
        (json!({ "SnapshotsEnabled": true }), SnapshotMode::Legacy),
        (
            json!({ "SnapshotsEnabled": true, "SnapshotMode": null }),
            SnapshotMode::Legacy,
        ),
        (
            json!({ "SnapshotsEnabled": true, "SnapshotMode": "APPLICATION_SNAPSHOTS_LEGACY" }),
            SnapshotMode::Legacy,
        ),
        (
            json!({ "SnapshotsEnabled": true, "SnapshotMode": "ENHANCED_SNAPSHOTS" }),
            SnapshotMode::Enhanced,
        ),
        (
            json!({ "SnapshotsEnabled": true, "SnapshotMode": "NEW" }),
            SnapshotMode::Other("NEW".into()),
        ),
        (
            json!({ "SnapshotsEnabled": true, "SnapshotMode": { "a": 1 } }),
            SnapshotMode::Other("{\"a\":1}".into()),
        ),
    ] {
        assert_eq!(described(said.clone()).await.snapshot_mode, mode, "{said}");
    }
}

/// When this fails, the SDK has learnt the mode: take the whole layer out and use the SDK's own verbs.
#[tokio::test]
async fn the_sdk_does_not_know_the_mode_yet() {
    let mut detail = full();
    detail["ApplicationConfigurationDescription"]["ApplicationSnapshotConfigurationDescription"] =
        json!({ "SnapshotsEnabled": true, "SnapshotMode": "ENHANCED_SNAPSHOTS" });
    let (_, api) = answering(vec![(
        "DescribeApplication",
        json!({ "ApplicationDetail": detail }),
    )]);
    let described = api.describe_application("orders").await.unwrap();
    let configuration = described
        .detail
        .as_sdk()
        .application_configuration_description();
    let read = configuration
        .unwrap()
        .application_snapshot_configuration_description()
        .unwrap();
    assert!(read.snapshots_enabled());
    assert!(!format!("{read:?}").contains("ENHANCED"), "{read:?}");
}

#[tokio::test]
async fn a_list_is_followed_over_empty_pages_to_its_end_and_sorted() {
    let double = Double::new(|call| {
        let token = call.body["NextToken"].as_str().unwrap_or_default();
        let (list, next) = match token {
            "" => (json!([]), json!("a")),
            "a" => (
                json!([info("old", 1_000.0), info("new", 3_000.0)]),
                json!("b"),
            ),
            _ => (json!([info("middle", 2_000.0)]), Value::Null),
        };
        Wire::json(200, &json!({ "SnapshotInfoList": list, "NextToken": next }))
    });
    let api = ManagedFlink::new(&double.aws());
    let listed = api.list_snapshots("orders").await.unwrap();
    let names: Vec<&str> = listed.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["new", "middle", "old"]);
    assert_eq!(
        (&listed[0].arn, &listed[0].status, &listed[0].initiator),
        (
            &arn("new"),
            &SnapshotStatus::Ready,
            &SnapshotInitiator::System
        )
    );
    // Whose state it holds a list does not say: nothing of it may be restored.
    let undescribed = listed[0].clone().undescribed();
    assert_eq!(
        undescribed.enhanced.unwrap().source,
        SnapshotSource::NotRead
    );
    assert_eq!(double.verbs(), ["ListSnapshots"; 3]);
    // At most one filter: two are refused.
    assert_eq!(
        double.bodies("ListSnapshots")[0],
        json!({ "SourceApplicationName": "orders", "Limit": 50 })
    );
}

#[tokio::test]
async fn half_a_list_is_no_list() {
    let double =
        Double::new(|_| Wire::json(200, &json!({ "SnapshotInfoList": [], "NextToken": "on" })));
    let api = ManagedFlink::new(&double.aws());
    let error = api.list_snapshots("orders").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "ListSnapshots of orders: Incomplete: the answer has no last page"
    );
    // And what cannot be read is no empty list either.
    for odd in [
        json!({}),
        json!({ "SnapshotInfoList": [{ "SnapshotName": "s" }] }),
    ] {
        let (_, api) = answering(vec![("ListSnapshots", odd)]);
        assert!(
            api.list_snapshots("orders")
                .await
                .unwrap_err()
                .is_worth_retrying()
        );
    }
}

#[tokio::test]
async fn a_snapshot_says_whose_it_is_and_is_deleted_by_the_very_time_that_was_read() {
    let (double, api) = answering(vec![
        (
            "DescribeSnapshot",
            json!({ "SnapshotInfoDetails": details() }),
        ),
        (
            "DeleteSnapshot",
            json!({ "SnapshotArn": arn("s"), "SnapshotStatus": "DELETING" }),
        ),
    ]);
    let orders = orders().await;
    let read = api.describe_snapshot(&orders, "s").await.unwrap();
    let snapshot = &read.snapshot;
    let enhanced = snapshot.enhanced.as_ref().unwrap();
    assert_eq!((snapshot.version_id, &enhanced.arn), (6, &arn("s")));
    assert_eq!(enhanced.source, SnapshotSource::ThisApplication);
    assert_eq!(snapshot.created_at.as_millisecond(), 1_795_000_000_123);
    assert_eq!(snapshot.runtime, Some("FLINK-2_2".into()));
    api.delete_snapshot(&read).await.unwrap();
    assert_eq!(
        double.bodies("DeleteSnapshot"),
        [json!({ "SnapshotName": "s", "SnapshotCreationTimestamp": CREATED })]
    );
    let other = Application {
        name: "payments".into(),
        ..orders
    };
    let read = api.describe_snapshot(&other, "s").await.unwrap();
    assert_eq!(
        read.snapshot.enhanced.unwrap().source,
        SnapshotSource::AnotherApplication {
            name: "orders".into()
        }
    );
}

#[tokio::test]
async fn an_import_has_no_source_and_a_key_of_a_customer_is_named() {
    let mut details = details();
    details["SnapshotSourceDescription"] =
        json!({ "S3PrefixLocation": { "BucketARN": "arn:aws:s3:::b", "KeyPrefix": "k/" } });
    details
        .as_object_mut()
        .unwrap()
        .remove("RuntimeEnvironment");
    for (said, key) in [
        (json!({ "KeyType": "AWS_OWNED_KEY" }), None),
        (
            json!({ "KeyType": "CUSTOMER_MANAGED_KEY", "KeyId": "k" }),
            Some("k"),
        ),
        (
            json!({ "KeyType": "CUSTOMER_MANAGED_KEY" }),
            Some("CUSTOMER_MANAGED_KEY"),
        ),
        (json!({ "KeyType": "NEW" }), Some("NEW")),
    ] {
        details["SnapshotEncryptionConfigurationDescription"] = said;
        let (_, api) = answering(vec![(
            "DescribeSnapshot",
            json!({ "SnapshotInfoDetails": details }),
        )]);
        let read = api
            .describe_snapshot(&orders().await, "s")
            .await
            .unwrap()
            .snapshot;
        assert_eq!(read.enhanced.unwrap().source, SnapshotSource::Imported);
        assert_eq!((read.runtime, read.customer_key.as_deref()), (None, key));
    }
}

#[tokio::test]
async fn one_is_asked_for_once_with_its_tags() {
    let (double, api) = answering(vec![("CreateSnapshot", json!({ "SnapshotArn": arn("s") }))]);
    let tags = [("lifeguard:taken-by", "lifeguard")];
    api.create_snapshot("orders", "s", &tags).await.unwrap();
    assert_eq!(
        double.bodies("CreateSnapshot"),
        [json!({ "ApplicationName": "orders", "SnapshotName": "s",
            "Tags": [{ "Key": "lifeguard:taken-by", "Value": "lifeguard" }] })]
    );
}

#[tokio::test(start_paused = true)]
async fn codes_that_the_borrowed_verb_does_not_know_arrive_and_only_reads_are_repeated() {
    for (status, code, kind, reads) in [
        (400, "ResourceInUseException", CallErrorKind::InUse, 1),
        (
            400,
            "UnsupportedOperationException",
            CallErrorKind::Unsupported,
            1,
        ),
        (400, "AccessDeniedException", CallErrorKind::Denied, 1),
        (400, "TooManyTagsException", CallErrorKind::Refused, 1),
        (400, "ThrottlingException", CallErrorKind::Throttled, 4),
        (500, "InternalFailure", CallErrorKind::Unavailable, 4),
    ] {
        let double = Double::new(move |_| Wire::error(status, code, "says the service"));
        let api = ManagedFlink::new(&double.aws());
        let orders = orders().await;
        let read = api.describe_snapshot(&orders, "s").await.unwrap_err();
        let change = api.create_snapshot("orders", "s", &[]).await.unwrap_err();
        assert_eq!((read.kind, change.kind), (kind, kind), "{code}");
        assert_eq!(read.message, "says the service");
        assert_eq!(double.bodies("DescribeSnapshot").len(), reads, "{code}");
        assert_eq!(double.bodies("CreateSnapshot").len(), 1, "{code}");
        assert_eq!(
            double.bodies("DescribeSnapshot")[reads - 1],
            json!({ "SnapshotName": "s" })
        );
    }
}

#[tokio::test]
async fn the_operation_that_caused_it_is_found_where_the_service_names_one() {
    let cause = |cause: Value| {
        answering(vec![
            (
                "ListSnapshotOperations",
                json!({ "SnapshotOperationInfoList": [{ "SnapshotOperationId": "so-1", "SnapshotOperation": "SystemCreateSnapshot", "SnapshotOperationStatus": "SUCCESSFUL" }] }),
            ),
            (
                "DescribeSnapshotOperation",
                json!({ "SnapshotOperationInfoDetails": { "SnapshotOperationId": "so-1", "ApplicationOperationDescription": cause } }),
            ),
        ])
        .1
    };
    for (said, expected) in [
        (
            json!({ "ApplicationOperationId": "op-7", "ApplicationName": "orders" }),
            Some("op-7"),
        ),
        (
            json!({ "ApplicationOperationId": "op-7", "ApplicationName": "payments" }),
            None,
        ),
        (json!({ "ApplicationName": "orders" }), None),
        (Value::Null, None),
    ] {
        let api = cause(said);
        assert_eq!(api.list_system_operations("s").await.unwrap(), ["so-1"]);
        let found = api.describe_snapshot_operation("orders", "s", "so-1").await;
        assert_eq!(found.unwrap().as_deref(), expected);
    }
}

#[tokio::test]
async fn a_start_names_an_enhanced_snapshot_by_its_arn_and_nothing_else() {
    let (double, api) = answering(vec![("StartApplication", json!({ "OperationId": "op" }))]);
    let from = StartFrom::EnhancedSnapshot(arn("s"));
    api.start_application("orders", &from, false).await.unwrap();
    assert_eq!(
        double.bodies("StartApplication"),
        [json!({ "ApplicationName": "orders", "RunConfiguration": {
            "FlinkRunConfiguration": { "AllowNonRestoredState": false },
            "ApplicationRestoreConfiguration": { "ApplicationRestoreType": "RESTORE_FROM_CUSTOM_SNAPSHOT", "SnapshotArn": arn("s") },
        } })]
    );
}

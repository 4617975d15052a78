//! The verbs over the real SDK client: what is asked, what is made of the answers, what is repeated and what never is.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use lambda_kit::{ErrorType, Failure};
use lifecycle::{ApplicationStatus, OperationStatus, SnapshotStatus};
use managed_flink::{
    CallErrorKind, CreateApplicationPresignedUrl, DescribeApplication,
    DescribeApplicationOperation, DescribeApplicationVersion, ListApplicationOperations,
    ListApplicationSnapshots, ListApplicationVersions, ListTagsForResource, ManagedFlink,
    RollbackApplication, StartApplication, StartFrom, StopApplication, UpdateApplication,
    properties, sdk,
};
use serde_json::{Value, json};
use support::{Call, Double, Wire};

fn orders() -> Value {
    json!({
        "ApplicationARN": "arn:aws:kinesisanalytics:eu-west-1:1:application/orders", "ApplicationName": "orders", "RuntimeEnvironment": "FLINK-1_20",
        "ApplicationStatus": "RUNNING", "ApplicationVersionId": 7, "ApplicationVersionUpdatedFrom": 6, "ApplicationVersionCreateTimestamp": 1_795_345_200.5,
        "ApplicationVersionRolledBackFrom": 5, "ApplicationVersionRolledBackTo": 4,
        "ApplicationConfigurationDescription": {
            "ApplicationSnapshotConfigurationDescription": { "SnapshotsEnabled": true },
            "ApplicationSystemRollbackConfigurationDescription": { "RollbackEnabled": false },
            "FlinkApplicationConfigurationDescription": { "CheckpointConfigurationDescription": { "ConfigurationType": "CUSTOM", "CheckpointingEnabled": true } },
            "RunConfigurationDescription": { "FlinkRunConfigurationDescription": { "AllowNonRestoredState": true } },
            "EnvironmentPropertyDescriptions": { "PropertyGroupDescriptions": [{ "PropertyGroupId": "g", "PropertyMap": { "b": "marker-two", "a": "marker-one" } }] },
        },
    })
}

fn api(answer: impl Fn(&Call) -> Wire + Send + Sync + 'static) -> (Double, ManagedFlink) {
    let double = Double::new(answer);
    let api = ManagedFlink::new(&double.aws());
    (double, api)
}

#[tokio::test]
async fn an_application_becomes_the_domains_and_its_property_values_stay_out_of_debug() {
    let (double, api) = api(|_| Wire::json(200, &json!({ "ApplicationDetail": orders() })));
    let described = api.describe_application("orders").await.unwrap();
    let application = &described.application;
    assert_eq!(application.status, ApplicationStatus::Running);
    assert_eq!(
        (application.version_id, application.version_updated_from),
        (7, Some(6))
    );
    assert_eq!(
        (
            application.version_rolled_back_from,
            application.version_rolled_back_to
        ),
        (Some(5), Some(4))
    );
    assert_eq!(
        application.version_created_at.unwrap().as_millisecond(),
        1_795_345_200_500
    );
    assert_eq!(
        (
            application.snapshots_enabled,
            application.system_rollback_enabled
        ),
        (Some(true), Some(false))
    );
    assert_eq!(
        (
            application.checkpointing_enabled,
            application.allow_non_restored_state
        ),
        (Some(true), Some(true))
    );
    let mut values: Vec<String> = properties(&described.detail)
        .into_iter()
        .map(|property| property.value)
        .collect();
    values.sort_unstable();
    assert_eq!(values, ["marker-one", "marker-two"]);
    assert!(
        !format!("{described:?}").contains("marker"),
        "{described:?}"
    );
    assert_eq!(
        double.bodies("DescribeApplication"),
        [json!({ "ApplicationName": "orders" })]
    );
}

#[tokio::test]
async fn a_sql_application_can_be_described_and_told() {
    let (_, api) = api(|_| {
        Wire::json(
            200,
            &json!({ "ApplicationDetail": { "ApplicationARN": "a", "ApplicationName": "old", "RuntimeEnvironment": "SQL-1_0",
            "ApplicationStatus": "RUNNING", "ApplicationVersionId": 1 } }),
        )
    });
    assert!(
        !api.describe_application("old")
            .await
            .unwrap()
            .application
            .runtime
            .is_flink()
    );
}

#[tokio::test]
async fn a_missing_end_is_none_whether_left_out_or_epoch_zero() {
    let (double, api) = api(|call| match call.verb.as_str() {
        "ListApplicationOperations" => Wire::json(
            200,
            &json!({ "ApplicationOperationInfoList": [
                { "Operation": "UpdateApplication", "OperationId": "o2", "StartTime": 2_000.0, "OperationStatus": "IN_PROGRESS" },
                { "Operation": "Maintenance", "OperationId": "o1", "StartTime": 1_000.0, "EndTime": 1_500.0, "OperationStatus": "SUCCESSFUL" },
                { "Operation": "StartApplication", "OperationId": "o0", "StartTime": 500.0, "EndTime": 0.0, "OperationStatus": "FAILED" }] }),
        ),
        _ => Wire::json(
            200,
            &json!({ "ApplicationOperationInfoDetails": { "Operation": "UpdateApplication", "StartTime": 2_000.0, "OperationStatus": "FAILED",
                "ApplicationVersionChangeDetails": { "ApplicationVersionUpdatedFrom": 6, "ApplicationVersionUpdatedTo": 7 },
                "OperationFailureDetails": { "RollbackOperationId": "o3", "ErrorInfo": { "ErrorString": format!("bad value marker-one {}", "x".repeat(2_000)) } } } }),
        ),
    });
    let operations = api.list_application_operations("orders", 12).await.unwrap();
    assert_eq!(
        operations
            .iter()
            .map(|it| (it.id.as_str(), it.ended_at.is_some()))
            .collect::<Vec<_>>(),
        [("o2", false), ("o1", true), ("o0", false)]
    );
    assert_eq!(
        double.bodies("ListApplicationOperations"),
        [json!({ "ApplicationName": "orders", "Limit": 12 })]
    );
    let detail = api
        .describe_application_operation(
            "orders",
            "o2",
            &[lifecycle::Property {
                name: "db.password".into(),
                value: "marker-one".into(),
            }],
        )
        .await
        .unwrap();
    assert_eq!(
        (
            detail.operation.id.as_str(),
            detail.operation.status,
            detail.operation.ended_at
        ),
        ("o2", OperationStatus::Failed, None)
    );
    assert_eq!(
        detail.operation.rollback_operation_id.as_deref(),
        Some("o3")
    );
    assert_eq!(detail.versions.map(|it| (it.from, it.to)), Some((6, 7)));
    let failure = detail.operation.failure.unwrap();
    assert!(
        failure.starts_with("bad value [db.password]")
            && failure.chars().count() <= lifecycle::TEXT_KEPT + 1,
        "{failure}"
    );
}

#[tokio::test]
async fn pages_of_operations_are_read_until_there_are_enough() {
    let (double, api) = api(|call| {
        let page = call.body["NextToken"].as_str().unwrap_or("0");
        let operation = |n: u32| json!({ "Operation": "UpdateApplication", "OperationId": format!("{page}-{n}"), "StartTime": 100.0, "OperationStatus": "SUCCESSFUL" });
        Wire::json(
            200,
            &json!({ "ApplicationOperationInfoList": [operation(1), operation(2)], "NextToken": format!("{page}0") }),
        )
    });
    let operations = api.list_application_operations("orders", 3).await.unwrap();
    assert_eq!(operations.len(), 3);
    assert_eq!(double.bodies("ListApplicationOperations").len(), 2);
}

#[tokio::test]
async fn all_pages_of_snapshots_are_read_and_the_newest_comes_first() {
    let (double, api) = api(|call| {
        let snapshot = |name: &str, at: f64| json!({ "SnapshotName": name, "SnapshotStatus": "READY", "ApplicationVersionId": 3, "SnapshotCreationTimestamp": at, "RuntimeEnvironment": "FLINK-1_20" });
        match call.body["NextToken"].as_str() {
            None => Wire::json(
                200,
                &json!({ "SnapshotSummaries": [snapshot("old", 10.0), snapshot("new", 30.0)], "NextToken": "2" }),
            ),
            Some("2") => Wire::json(200, &json!({ "SnapshotSummaries": [], "NextToken": "3" })),
            _ => Wire::json(
                200,
                &json!({ "SnapshotSummaries": [snapshot("middle", 20.0)] }),
            ),
        }
    });
    let snapshots = api.list_application_snapshots("orders").await.unwrap();
    assert_eq!(
        snapshots
            .iter()
            .map(|it| it.name.as_str())
            .collect::<Vec<_>>(),
        ["new", "middle", "old"]
    );
    assert_eq!(
        (snapshots[0].status.clone(), snapshots[0].version_id),
        (SnapshotStatus::Ready, 3)
    );
    assert_eq!(double.bodies("ListApplicationSnapshots").len(), 3);
}

#[tokio::test]
async fn half_a_list_of_snapshots_is_an_error() {
    let (double, api) = api(|_| {
        Wire::json(
            200,
            &json!({ "SnapshotSummaries": [], "NextToken": "more" }),
        )
    });
    assert_eq!(
        api.list_application_snapshots("orders")
            .await
            .unwrap_err()
            .kind,
        CallErrorKind::Unavailable
    );
    assert!(double.calls().len() <= 40);
}

#[tokio::test]
async fn versions_tags_and_the_url_are_read() {
    let (double, api) = api(|call| match call.verb.as_str() {
        "ListApplicationVersions" => Wire::json(
            200,
            &json!({ "ApplicationVersionSummaries": [{ "ApplicationVersionId": 1, "ApplicationStatus": "READY" }, { "ApplicationVersionId": 3, "ApplicationStatus": "RUNNING" },
                { "ApplicationVersionId": 2, "ApplicationStatus": "RUNNING" }] }),
        ),
        "ListTagsForResource" => Wire::json(
            200,
            &json!({ "Tags": [{ "Key": "lifeguard:managed", "Value": "true" }, { "Key": "empty" }] }),
        ),
        "CreateApplicationPresignedUrl" => Wire::json(
            200,
            &json!({ "AuthorizedUrl": "https://x.amazonaws.com/flinkdashboard?authToken=marker" }),
        ),
        _ => Wire::json(200, &json!({ "ApplicationVersionDetail": orders() })),
    });
    let versions = api.list_application_versions("orders", 2).await.unwrap();
    assert_eq!(
        versions.iter().map(|it| it.version_id).collect::<Vec<_>>(),
        [3, 2]
    );
    let tags = api.list_tags_for_resource("arn").await.unwrap();
    assert!(managed_flink::is_opted_in(&tags) && tags["empty"].is_empty());
    let url = api
        .create_application_presigned_url("orders")
        .await
        .unwrap();
    assert!(!format!("{url:?}").contains("marker"));
    let asked = json!({ "ApplicationName": "orders", "UrlType": "FLINK_DASHBOARD_URL", "SessionExpirationDurationInSeconds": 1_800 });
    assert_eq!(double.bodies("CreateApplicationPresignedUrl"), [asked]);
    api.describe_application_version("orders", 6).await.unwrap();
    assert_eq!(
        double.bodies("DescribeApplicationVersion"),
        [json!({ "ApplicationName": "orders", "ApplicationVersionId": 6 })]
    );
}

#[tokio::test(start_paused = true)]
async fn a_read_is_repeated_and_a_change_never_is() {
    for broken in [
        || Wire::json(500, &json!({})),
        || Wire::Broken,
        || Wire::error(400, "ThrottlingException", "slow down"),
        || Wire::Silence,
    ] {
        let (double, api) = api(move |_| broken());
        let read = api.describe_application("orders").await.unwrap_err();
        assert!(read.is_worth_retrying(), "{read}");
        // Four tries; where nobody answers, the time for all of them together may be up before the fourth, by the SDK's jitter.
        let tries = double.calls().len();
        assert!(
            tries == 4 || tries == 3 && read.code == "Timeout",
            "{read}: {tries} tries"
        );
        let change =
            sdk::UpdateApplicationInputBuilder::default().current_application_version_id(7);
        for error in [
            api.rollback_application("orders", 7).await.unwrap_err(),
            api.stop_application("orders", true).await.unwrap_err(),
            api.start_application("orders", &StartFrom::Nothing, false)
                .await
                .unwrap_err(),
            api.update_application("orders", change).await.unwrap_err(),
        ] {
            assert_eq!(
                error.is_outcome_unknown(),
                error.kind != CallErrorKind::Throttled,
                "{error}"
            );
        }
        assert_eq!(double.calls().len(), tries + 4, "each change was sent once");
    }
}

#[tokio::test]
async fn an_unreadable_answer_to_a_change_leaves_its_outcome_unknown() {
    let (_, api) = api(|_| Wire::with_headers(200, &[], "{\"ApplicationDetail\":{\"Appli"));
    let error = api.rollback_application("orders", 7).await.unwrap_err();
    assert!(error.is_outcome_unknown(), "{error:?}");
}

#[tokio::test]
async fn errors_name_verb_application_and_reason_and_become_failures() {
    for (code, expected) in [
        ("ResourceNotFoundException", ErrorType::BadInput),
        ("ResourceInUseException", ErrorType::Stale),
        ("ConcurrentModificationException", ErrorType::Stale),
        ("InvalidArgumentException", ErrorType::Refused),
        (
            "InvalidApplicationConfigurationException",
            ErrorType::Refused,
        ),
        ("UnsupportedOperationException", ErrorType::Refused),
        ("AccessDeniedException", ErrorType::NotAllowed),
        ("UnrecognizedClientException", ErrorType::NotAllowed),
    ] {
        let (_, api) =
            api(move |_| Wire::error(400, code, &format!("because {}", "x".repeat(5_000))));
        let failure = Failure::from(api.describe_application("orders").await.unwrap_err());
        assert_eq!(failure.error_type, expected, "{code}");
        assert!(
            failure.message.contains("DescribeApplication of orders")
                && failure.message.contains("because"),
            "{}",
            failure.message
        );
        assert!(failure.message.len() < 1_000);
    }
    let (_, api) = api(|_| Wire::error(400, "ResourceNotFoundException", "gone"));
    let failure = Failure::from(api.describe_application("orders").await.unwrap_err());
    assert!(
        failure
            .message
            .contains("no application named orders: check the name and the region"),
        "{}",
        failure.message
    );
}

//! Every field of the service's descriptions is carried, or stops the restore, or is listed here with the reason why it does not matter.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../shared/managed-flink/tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;

use force_stop_and_restore::{RestorePlan, carry::carry, restore_configuration};
use lambda_kit::{ErrorType, Failure};
use lifecycle::{Mode, Policy};
use managed_flink::DescribeApplication;
use serde_json::{Value, json};
use support::service::{Service, full};

/// What becomes of a field that differs between the current version and the good one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    /// It is carried over.
    Carried,
    /// It stops the restore, with nothing changed.
    Stops,
    /// It is no part of a version's configuration.
    Ignored(&'static str),
}

use Fate::{Carried, Ignored, Stops};

const FACT: Fate = Ignored("a fact about the version or its history, not a setting");
const CODE: &str = "ApplicationConfigurationDescription/ApplicationCodeConfigurationDescription";
const FLINK: &str = "ApplicationConfigurationDescription/FlinkApplicationConfigurationDescription";
const CONFIGURATION: &str = "ApplicationConfigurationDescription";

fn fates() -> BTreeMap<String, Fate> {
    let mut fates = BTreeMap::new();
    for (under, fields) in [
        (
            "",
            vec![
                ("ApplicationARN", FACT),
                ("ApplicationName", FACT),
                ("ApplicationStatus", FACT),
                ("ApplicationVersionId", FACT),
                ("CreateTimestamp", FACT),
                ("LastUpdateTimestamp", FACT),
                ("ApplicationVersionUpdatedFrom", FACT),
                ("ApplicationVersionRolledBackFrom", FACT),
                ("ApplicationVersionRolledBackTo", FACT),
                ("ApplicationVersionCreateTimestamp", FACT),
                ("ConditionalToken", FACT),
                (
                    "ApplicationDescription",
                    Ignored("set at creation, no verb changes it"),
                ),
                ("RuntimeEnvironment", Carried),
                ("ServiceExecutionRole", Carried),
                ("ApplicationMode", Stops),
                (
                    "ApplicationMaintenanceConfigurationDescription/ApplicationMaintenanceWindowStartTime",
                    Ignored("of the application, not of a version"),
                ),
                (
                    "ApplicationMaintenanceConfigurationDescription/ApplicationMaintenanceWindowEndTime",
                    Ignored("of the application, not of a version"),
                ),
                (
                    "CloudWatchLoggingOptionDescriptions/0/CloudWatchLoggingOptionId",
                    Ignored("only a name for what is compared by content"),
                ),
                (
                    "CloudWatchLoggingOptionDescriptions/0/LogStreamARN",
                    Carried,
                ),
                ("CloudWatchLoggingOptionDescriptions/0/RoleARN", Stops),
            ],
        ),
        (
            CODE,
            vec![
                ("CodeContentType", Carried),
                ("CodeContentDescription/CodeMD5", Stops),
                ("CodeContentDescription/CodeSize", Stops),
                (
                    "CodeContentDescription/S3ApplicationCodeLocationDescription/BucketARN",
                    Carried,
                ),
                (
                    "CodeContentDescription/S3ApplicationCodeLocationDescription/FileKey",
                    Carried,
                ),
                (
                    "CodeContentDescription/S3ApplicationCodeLocationDescription/ObjectVersion",
                    Carried,
                ),
            ],
        ),
        (
            FLINK,
            vec![
                (
                    "CheckpointConfigurationDescription/ConfigurationType",
                    Carried,
                ),
                (
                    "CheckpointConfigurationDescription/CheckpointingEnabled",
                    Carried,
                ),
                (
                    "CheckpointConfigurationDescription/CheckpointInterval",
                    Carried,
                ),
                (
                    "CheckpointConfigurationDescription/MinPauseBetweenCheckpoints",
                    Carried,
                ),
                (
                    "MonitoringConfigurationDescription/ConfigurationType",
                    Carried,
                ),
                ("MonitoringConfigurationDescription/MetricsLevel", Carried),
                ("MonitoringConfigurationDescription/LogLevel", Carried),
                (
                    "ParallelismConfigurationDescription/ConfigurationType",
                    Carried,
                ),
                ("ParallelismConfigurationDescription/Parallelism", Carried),
                (
                    "ParallelismConfigurationDescription/ParallelismPerKPU",
                    Carried,
                ),
                (
                    "ParallelismConfigurationDescription/CurrentParallelism",
                    Ignored("where the service's scaling has got to"),
                ),
                (
                    "ParallelismConfigurationDescription/AutoScalingEnabled",
                    Carried,
                ),
                ("JobPlanDescription", Ignored("follows from the code")),
            ],
        ),
        (
            CONFIGURATION,
            vec![
                (
                    "RunConfigurationDescription/ApplicationRestoreConfigurationDescription/ApplicationRestoreType",
                    Ignored("the start names it"),
                ),
                (
                    "RunConfigurationDescription/ApplicationRestoreConfigurationDescription/SnapshotName",
                    Ignored("the start names it"),
                ),
                (
                    "RunConfigurationDescription/FlinkRunConfigurationDescription/AllowNonRestoredState",
                    Ignored("stays as it stands, changed only by a person"),
                ),
                (
                    "EnvironmentPropertyDescriptions/PropertyGroupDescriptions/0/PropertyGroupId",
                    Carried,
                ),
                (
                    "EnvironmentPropertyDescriptions/PropertyGroupDescriptions/0/PropertyMap/password",
                    Carried,
                ),
                (
                    "EnvironmentPropertyDescriptions/PropertyGroupDescriptions/0/PropertyMap/url",
                    Carried,
                ),
                (
                    "ApplicationSnapshotConfigurationDescription/SnapshotsEnabled",
                    Carried,
                ),
                (
                    "ApplicationSystemRollbackConfigurationDescription/RollbackEnabled",
                    Carried,
                ),
                (
                    "VpcConfigurationDescriptions/0/VpcConfigurationId",
                    Ignored("only a name for what is compared by content"),
                ),
                ("VpcConfigurationDescriptions/0/VpcId", Stops),
                ("VpcConfigurationDescriptions/0/SubnetIds/0", Carried),
                ("VpcConfigurationDescriptions/0/SubnetIds/1", Carried),
                ("VpcConfigurationDescriptions/0/SecurityGroupIds/0", Carried),
                (
                    "ApplicationEncryptionConfigurationDescription/KeyId",
                    Carried,
                ),
                (
                    "ApplicationEncryptionConfigurationDescription/KeyType",
                    Carried,
                ),
            ],
        ),
    ] {
        for (field, fate) in fields {
            fates.insert(
                if under.is_empty() {
                    field.to_owned()
                } else {
                    format!("{under}/{field}")
                },
                fate,
            );
        }
    }
    fates
}

/// Every value in `value` that is not itself a list or an object, by its path.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields
            .iter()
            .map(|(name, value)| (name.clone(), value))
            .collect(),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .map(|(index, value)| (index.to_string(), value))
            .collect(),
        _ => return found.push(path.to_owned()),
    };
    for (name, child) in children {
        leaves(
            child,
            &if path.is_empty() {
                name
            } else {
                format!("{path}/{name}")
            },
            found,
        );
    }
}

fn at<'a>(value: &'a mut Value, path: &str) -> &'a mut Value {
    value
        .pointer_mut(&format!("/{path}"))
        .unwrap_or_else(|| panic!("{path}"))
}

fn other(value: &Value) -> Value {
    match value {
        Value::Bool(value) => (!value).into(),
        Value::Number(value) => (value.as_f64().unwrap() as i64 + 1).into(),
        Value::String(value) if value.starts_with("FLINK-") => "FLINK-1_19".into(),
        Value::String(value) => format!("{value}-other").into(),
        _ => panic!("no leaf"),
    }
}

/// Puts version 6 of a service back that is READY at `current`.
async fn restored(current: Value, target: Value) -> (Service, Result<&'static str, Failure>) {
    let service = Service::new(current);
    service.set(|state| drop(state.versions.insert(6, target)));
    let acting = Policy {
        mode: Mode::Act,
        ..Policy::default()
    };
    let outcome = restore_configuration(
        &service.api(),
        &acting,
        "orders",
        &RestorePlan {
            version_id: 7,
            target_version_id: 6,
        },
    )
    .await;
    let outcome = outcome.map(|answer| match answer.outcome {
        managed_flink::StepOutcome::Accepted => "accepted",
        managed_flink::StepOutcome::AlreadyDone => "alreadyDone",
    });
    (service, outcome)
}

#[tokio::test]
async fn a_field_that_a_newer_sdk_knows_is_not_overlooked() {
    // Whatever the SDK's structs have and the full application does not fill shows as None: it must be one of these, and these are dealt with on purpose.
    let described = Service::new(full())
        .api()
        .describe_application("orders")
        .await
        .unwrap();
    let text = format!("{:#?}", described.detail.as_sdk());
    let mut empty: Vec<&str> = text
        .lines()
        .filter_map(|line| line.trim().strip_suffix(": None,"))
        .collect();
    empty.sort_unstable();
    assert_eq!(
        empty,
        [
            "sql_application_configuration_description",
            "text_content",
            "zeppelin_application_configuration_description"
        ]
    );
}

#[test]
fn the_list_names_every_field_and_no_other() {
    let mut found = Vec::new();
    leaves(&full(), "", &mut found);
    found.sort();
    assert_eq!(found, fates().into_keys().collect::<Vec<_>>());
}

#[tokio::test]
async fn every_field_that_differs_meets_its_fate() {
    let mut ignored = 0;
    for (path, fate) in fates() {
        if [
            "ApplicationARN",
            "ApplicationName",
            "ApplicationStatus",
            "ApplicationVersionId",
        ]
        .contains(&path.as_str())
        {
            continue;
        }
        let mut current = full();
        let changed = at(&mut current, &path);
        *changed = other(changed);
        let (service, outcome) = restored(current, full()).await;
        match fate {
            Carried => {
                assert_eq!(
                    outcome.unwrap_or_else(|error| panic!("{path}: {error}")),
                    "accepted",
                    "{path}"
                );
                let mut now = service.state.lock().unwrap().application.clone();
                assert_eq!(at(&mut now, &path), at(&mut full(), &path), "{path}");
                assert_eq!(service.changes().len(), 1);
            }
            Stops => {
                assert_eq!(
                    outcome.unwrap_err().error_type,
                    ErrorType::CannotCarry,
                    "{path}"
                );
                assert!(service.changes().is_empty(), "{path}");
            }
            Ignored(why) => {
                assert_eq!(
                    outcome.unwrap_or_else(|error| panic!("{path}: {error}")),
                    "alreadyDone",
                    "{path}: {why}"
                );
                ignored += 1;
            }
        }
    }
    assert!(ignored > 0);
}

#[tokio::test]
async fn a_part_that_only_one_side_describes_is_carried_or_stops_and_never_passes_as_equal() {
    let mut parts: Vec<String> = full()[CONFIGURATION]
        .as_object()
        .unwrap()
        .keys()
        .map(|part| format!("{CONFIGURATION}/{part}"))
        .collect();
    parts.extend(
        [
            "CheckpointConfigurationDescription",
            "MonitoringConfigurationDescription",
            "ParallelismConfigurationDescription",
        ]
        .map(|part| format!("{FLINK}/{part}")),
    );
    parts.push("CloudWatchLoggingOptionDescriptions".to_owned());
    parts.push("ServiceExecutionRole".to_owned());
    for part in parts {
        // `RunConfiguration` is the start's; a system rollback flag that is off and one that is not described are the same.
        if part.contains("RunConfiguration") || part.contains("SystemRollback") {
            continue;
        }
        for missing_in_target in [false, true] {
            let (mut current, mut target) = (full(), full());
            let side = if missing_in_target {
                &mut target
            } else {
                &mut current
            };
            let (parent, name) = part.rsplit_once('/').unwrap_or(("", &part));
            let parent = if parent.is_empty() {
                side
            } else {
                at(side, parent)
            };
            parent.as_object_mut().unwrap().remove(name);
            match restored(current, target).await.1 {
                Ok(outcome) => assert_eq!(
                    outcome, "accepted",
                    "{part}, missing in the target: {missing_in_target}"
                ),
                Err(failure) => assert_eq!(
                    failure.error_type,
                    ErrorType::CannotCarry,
                    "{part}: {failure}"
                ),
            }
        }
    }
}

/// Restores `full()` after `bad` changed the current version and `good` the target, and gives the update's body or the failure.
async fn update(
    bad: impl FnOnce(&mut Value),
    good: impl FnOnce(&mut Value),
) -> Result<Value, Failure> {
    let (mut current, mut target) = (full(), full());
    bad(&mut current);
    good(&mut target);
    let (service, outcome) = restored(current, target).await;
    outcome.map(|_| {
        service
            .double
            .bodies("UpdateApplication")
            .pop()
            .unwrap_or_default()
    })
}

#[tokio::test]
async fn default_settings_go_back_to_default_without_values() {
    for (part, values) in [
        ("Checkpoint", "CheckpointInterval"),
        ("Monitoring", "LogLevel"),
        ("Parallelism", "Parallelism"),
    ] {
        let description = format!("{FLINK}/{part}ConfigurationDescription");
        let body = update(
            |_| (),
            |target| at(target, &description)["ConfigurationType"] = "DEFAULT".into(),
        )
        .await
        .unwrap();
        let flink = &body["ApplicationConfigurationUpdate"]["FlinkApplicationConfigurationUpdate"];
        assert_eq!(
            flink[format!("{part}ConfigurationUpdate")],
            json!({ "ConfigurationTypeUpdate": "DEFAULT" })
        );
        // Both DEFAULT: what else is written there has no effect, so it is no difference.
        let both = update(
            |current| {
                at(current, &description)["ConfigurationType"] = "DEFAULT".into();
                let value = &mut at(current, &description)[values];
                *value = other(value);
            },
            |target| at(target, &description)["ConfigurationType"] = "DEFAULT".into(),
        );
        assert_eq!(both.await.unwrap(), Value::Null, "{part}");
    }
}

#[tokio::test]
async fn groups_that_the_good_version_lacks_are_removed() {
    let body = update(
        |_| (),
        |target| {
            at(target, CONFIGURATION)["EnvironmentPropertyDescriptions"] =
                json!({ "PropertyGroupDescriptions": [] })
        },
    )
    .await
    .unwrap();
    assert_eq!(
        body["ApplicationConfigurationUpdate"]["EnvironmentPropertyUpdates"],
        json!({ "PropertyGroups": [] })
    );
}

#[tokio::test]
async fn text_code_is_carried_and_uploaded_code_is_not() {
    let content = format!("{CODE}/CodeContentDescription");
    let body = update(
        |_| (),
        |target| {
            *at(target, &content) = json!({ "TextContent": "SELECT 1" });
            at(target, CODE)["CodeContentType"] = "PLAINTEXT".into();
        },
    );
    let code =
        body.await.unwrap()["ApplicationConfigurationUpdate"]["ApplicationCodeConfigurationUpdate"]
            .clone();
    assert_eq!(
        code,
        json!({ "CodeContentTypeUpdate": "PLAINTEXT", "CodeContentUpdate": { "TextContentUpdate": "SELECT 1" } })
    );
    let uploaded = json!({ "CodeMD5": "one", "CodeSize": 1 });
    let failure = update(|_| (), |target| *at(target, &content) = uploaded.clone())
        .await
        .unwrap_err();
    assert!(failure.message.contains("uploaded"), "{failure}");
    let same = update(
        |current| *at(current, &content) = uploaded.clone(),
        |target| *at(target, &content) = uploaded.clone(),
    );
    assert_eq!(
        same.await.unwrap(),
        Value::Null,
        "the same upload needs no carrying"
    );
    let replaced = update(
        |current| *at(current, &content) = json!({ "CodeMD5": "two", "CodeSize": 1 }),
        |target| *at(target, &content) = uploaded.clone(),
    );
    assert_eq!(
        replaced.await.unwrap_err().error_type,
        ErrorType::CannotCarry
    );
}

#[tokio::test]
async fn an_object_version_that_the_good_version_does_not_name_cannot_be_taken_away() {
    let location = format!("{CODE}/CodeContentDescription/S3ApplicationCodeLocationDescription");
    let none = |value: &mut Value| {
        drop(
            at(value, &location)
                .as_object_mut()
                .unwrap()
                .remove("ObjectVersion"),
        )
    };
    assert!(
        update(|_| (), none)
            .await
            .unwrap_err()
            .message
            .contains("object version")
    );
    let key = |value: &mut Value| at(value, &location)["FileKey"] = "orders-7.jar".into();
    let body = update(
        |current| {
            none(current);
            key(current);
        },
        none,
    );
    let update =
        body.await.unwrap()["ApplicationConfigurationUpdate"]["ApplicationCodeConfigurationUpdate"]
            ["CodeContentUpdate"]
            .clone();
    assert_eq!(
        update,
        json!({ "S3ContentLocationUpdate": { "BucketARNUpdate": "arn:aws:s3:::code", "FileKeyUpdate": "orders-6.jar" } })
    );
}

#[tokio::test]
async fn a_vpc_or_logging_option_that_was_added_and_removed_again_is_known_by_its_content() {
    let body = update(
        |current| {
            at(current, "CloudWatchLoggingOptionDescriptions/0")["CloudWatchLoggingOptionId"] =
                "9.1".into();
            at(current, "CloudWatchLoggingOptionDescriptions/0")["LogStreamARN"] = "another".into();
            let vpc = at(
                current,
                &format!("{CONFIGURATION}/VpcConfigurationDescriptions/0"),
            );
            vpc["VpcConfigurationId"] = "9.2".into();
            vpc["SubnetIds"] = json!(["subnet-9"]);
        },
        |_| (),
    );
    let body = body.await.unwrap();
    assert_eq!(
        body["CloudWatchLoggingOptionUpdates"],
        json!([{ "CloudWatchLoggingOptionId": "9.1", "LogStreamARNUpdate": "arn:aws:logs:eu-west-1:1:s" }])
    );
    assert_eq!(
        body["ApplicationConfigurationUpdate"]["VpcConfigurationUpdates"],
        json!([{ "VpcConfigurationId": "9.2", "SubnetIdUpdates": ["subnet-1", "subnet-2"], "SecurityGroupIdUpdates": ["sg-1"] }])
    );
}

#[tokio::test]
async fn sql_and_studio_configurations_stop_the_restore() {
    for part in [
        "SqlApplicationConfigurationDescription",
        "ZeppelinApplicationConfigurationDescription",
    ] {
        let failure = update(
            |current| at(current, CONFIGURATION)[part] = json!({}),
            |_| (),
        )
        .await
        .unwrap_err();
        assert_eq!(failure.error_type, ErrorType::CannotCarry, "{part}");
    }
}

#[tokio::test]
async fn neither_obstacles_nor_a_carried_update_show_property_values_in_debug() {
    let service = Service::new(full());
    let target = service.api().describe_application("orders").await.unwrap();
    service.set(|state| {
        at(&mut state.application, CONFIGURATION)["EnvironmentPropertyDescriptions"] =
            json!({ "PropertyGroupDescriptions": [] })
    });
    let current = service.api().describe_application("orders").await.unwrap();
    let carried = carry(current.detail.as_sdk(), target.detail.as_sdk())
        .unwrap()
        .unwrap();
    assert_eq!(carried.parts, ["environment properties"]);
    assert!(!format!("{carried:?} {current:?} {target:?}").contains("marker"));
}

#[tokio::test]
async fn a_custom_value_that_the_good_version_leaves_out_stops_before_anything_is_changed() {
    for (part, value) in [
        ("Checkpoint", "CheckpointInterval"),
        ("Monitoring", "LogLevel"),
        ("Parallelism", "ParallelismPerKPU"),
    ] {
        let mut target = full();
        at(
            &mut target,
            &format!("{FLINK}/{part}ConfigurationDescription"),
        )
        .as_object_mut()
        .unwrap()
        .remove(value);
        let (service, outcome) = restored(full(), target).await;
        assert_eq!(
            outcome.unwrap_err().error_type,
            ErrorType::CannotCarry,
            "{part}"
        );
        assert!(service.changes().is_empty(), "{part}");
    }
}

#[tokio::test]
async fn a_system_rollback_that_is_not_described_is_off() {
    let part = "ApplicationSystemRollbackConfigurationDescription";
    let none = |value: &mut Value| {
        drop(
            at(value, CONFIGURATION)
                .as_object_mut()
                .unwrap()
                .remove(part),
        )
    };
    assert_eq!(update(|_| (), none).await.unwrap(), Value::Null);
    let body = update(
        |current| at(current, CONFIGURATION)[part] = json!({ "RollbackEnabled": true }),
        none,
    )
    .await
    .unwrap();
    assert_eq!(
        body["ApplicationConfigurationUpdate"]["ApplicationSystemRollbackConfigurationUpdate"],
        json!({ "RollbackEnabledUpdate": false })
    );
}

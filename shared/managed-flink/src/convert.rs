//! The service's descriptions as domain types. Times to the millisecond, as everywhere in this project.

use std::fmt;

use aws_sdk_kinesisanalyticsv2::types::{
    ApplicationDetail, ApplicationOperationInfo, ApplicationOperationInfoDetails,
    ApplicationSummary as SdkApplicationSummary, ApplicationVersionSummary, SnapshotDetails,
};
use aws_smithy_types::DateTime;
use jiff::Timestamp;
use lifecycle::{
    Application, ApplicationStatus, Operation, OperationStatus, Property, Runtime, Snapshot,
    SnapshotMode, SnapshotStatus, TEXT_KEPT, redact,
};

use crate::{
    ApplicationSummary,
    enhanced::customer_key,
    unknown::{Kept, Unknown},
};

/// An application as a list shows it.
pub(crate) fn application_summary(summary: &SdkApplicationSummary) -> ApplicationSummary {
    ApplicationSummary {
        name: summary.application_name.clone(),
        arn: summary.application_arn.clone(),
        status: ApplicationStatus::from(summary.application_status.as_str()),
        version_id: u64::try_from(summary.application_version_id).unwrap_or(0),
        runtime: Runtime::from(summary.runtime_environment.as_str()),
    }
}

/// An application: what the domain decides from, and the service's own description beside it.
#[derive(Clone, Debug)]
pub struct Described {
    /// For deciding.
    pub application: Application,
    /// For carrying a configuration over, and for knowing what to redact.
    pub detail: Detail,
}

/// The service's own description. It holds environment property values, so its `Debug` shows none of it.
#[derive(Clone, PartialEq)]
pub struct Detail {
    sdk: ApplicationDetail,
    unknown: Unknown,
    snapshot_mode: SnapshotMode,
}

impl fmt::Debug for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Detail")
            .field("name", &self.sdk.application_name)
            .field("version", &self.sdk.application_version_id)
            .finish_non_exhaustive()
    }
}

impl Detail {
    /// The SDK's struct. Do not print it.
    #[must_use]
    pub fn as_sdk(&self) -> &ApplicationDetail {
        &self.sdk
    }

    /// Which kind of snapshots it uses: the SDK does not know it.
    pub(crate) fn snapshot_mode(&self) -> &SnapshotMode {
        &self.snapshot_mode
    }

    /// What the answer said that the SDK does not know.
    pub(crate) fn unknown(&self) -> &Unknown {
        &self.unknown
    }
}

impl From<ApplicationDetail> for Detail {
    fn from(sdk: ApplicationDetail) -> Self {
        Self {
            sdk,
            unknown: Unknown::new(),
            snapshot_mode: SnapshotMode::default(),
        }
    }
}

/// Every environment property of the application: their values must be taken out of a text before it is shown.
#[must_use]
pub fn properties(detail: &Detail) -> Vec<Property> {
    let groups = detail
        .sdk
        .application_configuration_description()
        .and_then(|configuration| configuration.environment_property_descriptions())
        .map(|environment| environment.property_group_descriptions())
        .unwrap_or_default();
    let mut properties: Vec<Property> = groups
        .iter()
        .flat_map(|group| group.property_map())
        .map(|(name, value)| Property {
            name: name.clone(),
            value: value.clone(),
        })
        .collect();
    // The SDK hands out a HashMap: sorted, so that the same description always gives the same list.
    properties.sort_unstable();
    properties.dedup();
    properties
}

/// An operation, and the versions it led from and to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperationDetail {
    /// The operation.
    pub operation: Operation,
    /// Where it changes the version.
    pub versions: Option<VersionChange>,
}

/// The versions an operation led from and to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VersionChange {
    /// `ApplicationVersionUpdatedFrom`.
    pub from: u64,
    /// `ApplicationVersionUpdatedTo`.
    pub to: u64,
}

/// A version, from `ListApplicationVersions`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionSummary {
    /// The version.
    pub version_id: u64,
    /// The application's status when it was in that version, as the service lists it.
    pub status: ApplicationStatus,
}

impl From<ApplicationDetail> for Described {
    fn from(detail: ApplicationDetail) -> Self {
        Self {
            application: application(&detail),
            detail: Detail::from(detail),
        }
    }
}

impl Described {
    /// From an answer, with what the SDK does not know of it.
    pub(crate) fn with(detail: ApplicationDetail, kept: Kept) -> Self {
        let mut described = Self::from(detail);
        described.detail.unknown = kept.unknown;
        kept.members.complete(&mut described.application);
        described.detail.snapshot_mode = described.application.snapshot_mode.clone();
        described
    }
}

pub(crate) fn application(detail: &ApplicationDetail) -> Application {
    let configuration = detail.application_configuration_description();
    let flink = configuration.and_then(|it| it.flink_application_configuration_description());
    let run = configuration.and_then(|it| it.run_configuration_description());
    Application {
        name: detail.application_name.clone(),
        arn: detail.application_arn.clone(),
        status: ApplicationStatus::from(detail.application_status.as_str()),
        version_id: version(detail.application_version_id),
        version_created_at: detail
            .application_version_create_timestamp
            .as_ref()
            .and_then(time),
        version_updated_from: detail.application_version_updated_from.map(version),
        version_rolled_back_from: detail.application_version_rolled_back_from.map(version),
        version_rolled_back_to: detail.application_version_rolled_back_to.map(version),
        runtime: Runtime::from(detail.runtime_environment.as_str()),
        snapshots_enabled: configuration
            .and_then(|it| it.application_snapshot_configuration_description())
            .map(|it| it.snapshots_enabled()),
        system_rollback_enabled: configuration
            .and_then(|it| it.application_system_rollback_configuration_description())
            .map(|it| it.rollback_enabled()),
        checkpointing_enabled: flink
            .and_then(|it| it.checkpoint_configuration_description())
            .and_then(|it| it.checkpointing_enabled()),
        allow_non_restored_state: run
            .and_then(|it| it.flink_run_configuration_description())
            .and_then(|it| it.allow_non_restored_state()),
        created_at: detail.create_timestamp.as_ref().and_then(time),
        checkpoint_interval_secs: flink
            .and_then(|it| it.checkpoint_configuration_description())
            .filter(|it| it.checkpointing_enabled() == Some(true))
            .and_then(|it| it.checkpoint_interval())
            .and_then(|millis| u32::try_from(millis.checked_add(999)? / 1_000).ok()),
        content: None,
        changed: None,
        // The SDK does not read them.
        snapshot_mode: SnapshotMode::default(),
        started_from_arn: None,
        customer_key: configuration
            .and_then(|it| it.application_encryption_configuration_description())
            .and_then(|it| customer_key(it.key_type().as_str(), it.key_id())),
    }
}

pub(crate) fn listed_operation(info: &ApplicationOperationInfo) -> Operation {
    Operation {
        id: info.operation_id().unwrap_or_default().to_owned(),
        name: info.operation().unwrap_or_default().to_owned(),
        status: OperationStatus::from(info.operation_status().map_or("", |status| status.as_str())),
        started_at: info
            .start_time()
            .and_then(time)
            .unwrap_or(Timestamp::UNIX_EPOCH),
        ended_at: info.end_time().and_then(time),
        failure: None,
        rollback_operation_id: None,
    }
}

pub(crate) fn operation(
    id: &str,
    info: &ApplicationOperationInfoDetails,
    secrets: &[Property],
) -> OperationDetail {
    let failed = info.operation_failure_details();
    let versions = info
        .application_version_change_details()
        .map(|change| VersionChange {
            from: version(change.application_version_updated_from),
            to: version(change.application_version_updated_to),
        });
    let text = failed
        .and_then(|it| it.error_info())
        .and_then(|it| it.error_string());
    OperationDetail {
        operation: Operation {
            id: id.to_owned(),
            name: info.operation().to_owned(),
            status: OperationStatus::from(info.operation_status().as_str()),
            started_at: time(info.start_time()).unwrap_or(Timestamp::UNIX_EPOCH),
            ended_at: time(info.end_time()),
            failure: text.map(|text| redact(text, secrets, TEXT_KEPT)),
            rollback_operation_id: failed
                .and_then(|it| it.rollback_operation_id())
                .map(str::to_owned),
        },
        versions,
    }
}

pub(crate) fn snapshot(details: &SnapshotDetails) -> Snapshot {
    Snapshot {
        name: details.snapshot_name().to_owned(),
        status: SnapshotStatus::from(details.snapshot_status().as_str()),
        version_id: version(details.application_version_id()),
        // Without its time a snapshot cannot be placed before or after a change: as the oldest of all it is never chosen.
        created_at: details
            .snapshot_creation_timestamp()
            .and_then(time)
            .unwrap_or(Timestamp::UNIX_EPOCH),
        runtime: details
            .runtime_environment()
            .map(|runtime| Runtime::from(runtime.as_str())),
        customer_key: details
            .application_encryption_configuration_description()
            .and_then(|it| customer_key(it.key_type().as_str(), it.key_id())),
        enhanced: None,
    }
}

pub(crate) fn version_summary(summary: &ApplicationVersionSummary) -> VersionSummary {
    VersionSummary {
        version_id: version(summary.application_version_id),
        status: ApplicationStatus::from(summary.application_status.as_str()),
    }
}

fn version(id: i64) -> u64 {
    u64::try_from(id).unwrap_or(0)
}

/// A time of the service. Epoch 0 is how the Rust SDK fills in a time that the answer does not have.
fn time(at: &DateTime) -> Option<Timestamp> {
    let millis = at.to_millis().ok().filter(|millis| *millis > 0)?;
    Timestamp::from_millisecond(millis).ok()
}

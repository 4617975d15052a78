//! One small trait per API verb. A function takes only those it uses, and its role allows exactly those.

use std::{collections::BTreeMap, future::Future};

use lifecycle::{ApplicationStatus, Operation, Property, Runtime, Snapshot};

use crate::{
    CallError, Described, OperationDetail, PresignedUrl, VersionSummary,
    sdk::UpdateApplicationInputBuilder,
};

/// What the service answers to a change that it takes on. Taken on is not done: the application's status tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// The operation that now runs, where the service names one.
    pub operation_id: Option<String>,
    /// The application's version in the answer, where there is one.
    pub version_id: Option<u64>,
}

/// The state an application is started from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartFrom {
    /// `RESTORE_FROM_CUSTOM_SNAPSHOT`, a legacy snapshot by its name.
    Snapshot(String),
    /// `RESTORE_FROM_CUSTOM_SNAPSHOT`, an enhanced snapshot by its ARN.
    EnhancedSnapshot(String),
    /// `SKIP_RESTORE_FROM_SNAPSHOT`: only on a person's explicit word.
    Nothing,
}

/// An application as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationSummary {
    /// Name.
    pub name: String,
    /// ARN.
    pub arn: String,
    /// Status.
    pub status: ApplicationStatus,
    /// Its version.
    pub version_id: u64,
    /// Runtime.
    pub runtime: Runtime,
}

/// `ListApplications`.
pub trait ListApplications: Send + Sync {
    /// All applications of the account in this region, SQL and Studio ones too.
    fn list_applications(
        &self,
    ) -> impl Future<Output = Result<Vec<ApplicationSummary>, CallError>> + Send;
}

/// `DescribeApplication`.
pub trait DescribeApplication: Send + Sync {
    /// The application as it is now.
    fn describe_application(
        &self,
        application: &str,
    ) -> impl Future<Output = Result<Described, CallError>> + Send;
}

/// `DescribeApplicationVersion`.
pub trait DescribeApplicationVersion: Send + Sync {
    /// The application as it was configured in `version`.
    fn describe_application_version(
        &self,
        application: &str,
        version: u64,
    ) -> impl Future<Output = Result<Described, CallError>> + Send;
}

/// `ListApplicationVersions`.
pub trait ListApplicationVersions: Send + Sync {
    /// The newest versions, newest first, at most `most`.
    fn list_application_versions(
        &self,
        application: &str,
        most: usize,
    ) -> impl Future<Output = Result<Vec<VersionSummary>, CallError>> + Send;
}

/// `ListApplicationOperations`.
pub trait ListApplicationOperations: Send + Sync {
    /// The newest operations, newest first, at most `most`. Their failure texts need [`DescribeApplicationOperation`].
    fn list_application_operations(
        &self,
        application: &str,
        most: usize,
    ) -> impl Future<Output = Result<Vec<Operation>, CallError>> + Send;
}

/// `DescribeApplicationOperation`.
pub trait DescribeApplicationOperation: Send + Sync {
    /// One operation with its failure text, from which `secrets` (see [`crate::properties`]) are taken out.
    fn describe_application_operation(
        &self,
        application: &str,
        operation_id: &str,
        secrets: &[Property],
    ) -> impl Future<Output = Result<OperationDetail, CallError>> + Send;
}

/// `ListApplicationSnapshots`.
pub trait ListApplicationSnapshots: Send + Sync {
    /// All of them (the service keeps up to 1,000), newest first: the order of the API is not documented.
    fn list_application_snapshots(
        &self,
        application: &str,
    ) -> impl Future<Output = Result<Vec<Snapshot>, CallError>> + Send;
}

/// `ListTagsForResource`.
pub trait ListTagsForResource: Send + Sync {
    /// All tags of the application with that ARN.
    fn list_tags_for_resource(
        &self,
        arn: &str,
    ) -> impl Future<Output = Result<BTreeMap<String, String>, CallError>> + Send;
}

/// `CreateApplicationPresignedUrl`.
pub trait CreateApplicationPresignedUrl: Send + Sync {
    /// A URL to the Flink dashboard. It must be used within 3 minutes; the application must be RUNNING.
    fn create_application_presigned_url(
        &self,
        application: &str,
    ) -> impl Future<Output = Result<PresignedUrl, CallError>> + Send;
}

/// `RollbackApplication`. Sent once.
pub trait RollbackApplication: Send + Sync {
    /// Goes back from `current_version` to the version before; the service refuses when that is not the current version.
    fn rollback_application(
        &self,
        application: &str,
        current_version: u64,
    ) -> impl Future<Output = Result<Accepted, CallError>> + Send;
}

/// `StopApplication`. Sent once. The service takes no version: fence it yourself.
pub trait StopApplication: Send + Sync {
    /// Stops, with `force` without a snapshot.
    fn stop_application(
        &self,
        application: &str,
        force: bool,
    ) -> impl Future<Output = Result<Accepted, CallError>> + Send;
}

/// `UpdateApplication`. Sent once.
pub trait UpdateApplication: Send + Sync {
    /// Sends `change`, which must carry its own fence (conditional token or current version). The answer describes the application as it is then, where the service does.
    fn update_application(
        &self,
        application: &str,
        change: UpdateApplicationInputBuilder,
    ) -> impl Future<Output = Result<(Accepted, Option<Described>), CallError>> + Send;
}

/// `StartApplication`. Sent once. The service takes no version: fence it yourself.
pub trait StartApplication: Send + Sync {
    /// Starts from `from`, naming `AllowNonRestoredState`.
    fn start_application(
        &self,
        application: &str,
        from: &StartFrom,
        allow_non_restored_state: bool,
    ) -> impl Future<Output = Result<Accepted, CallError>> + Send;
}

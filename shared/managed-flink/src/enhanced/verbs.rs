//! The verbs of enhanced snapshots, one small trait each, as in [`crate::verbs`].

use std::future::Future;

use jiff::Timestamp;
use lifecycle::{
    Application, EnhancedSnapshot, Runtime, Snapshot, SnapshotInitiator, SnapshotSource,
    SnapshotStatus, SourceApplication,
};
use serde_json::Number;

use super::{borrowed::call, shapes::*};
use crate::{
    CallError, ManagedFlink,
    service::{PAGE, PAGES},
};

/// An enhanced snapshot as a list shows it: whose state it holds, its version and its runtime the list does not say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedSnapshot {
    /// Name, unique in the account and Region.
    pub name: String,
    /// ARN.
    pub arn: String,
    /// Status.
    pub status: SnapshotStatus,
    /// When it was taken.
    pub created_at: Timestamp,
    /// Who asked for it.
    pub initiator: SnapshotInitiator,
}

/// An enhanced snapshot, with its creation time exactly as the service gave it: a delete must name it.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribedSnapshot {
    /// For deciding.
    pub snapshot: Snapshot,
    exact: Number,
}

/// `ListSnapshots`, of one source application.
pub trait ListSnapshots: Send + Sync {
    /// All that were taken of applications of that name, in this life or an earlier one, newest first. What was imported is in no such list.
    fn list_snapshots(
        &self,
        application: &str,
    ) -> impl Future<Output = Result<Vec<ListedSnapshot>, CallError>> + Send;
}

/// `DescribeSnapshot`.
pub trait DescribeSnapshot: Send + Sync {
    /// The snapshot as it is now, and whose state it holds as seen from `application`.
    fn describe_snapshot(
        &self,
        application: &Application,
        snapshot: &str,
    ) -> impl Future<Output = Result<DescribedSnapshot, CallError>> + Send;
}

/// `CreateSnapshot`. Sent once.
pub trait CreateSnapshot: Send + Sync {
    /// Asks for a snapshot of that name with these tags. The service takes a name only once in an account and Region.
    fn create_snapshot(
        &self,
        application: &str,
        snapshot: &str,
        tags: &[(&str, &str)],
    ) -> impl Future<Output = Result<(), CallError>> + Send;
}

/// `DeleteSnapshot`. Sent once.
pub trait DeleteSnapshot: Send + Sync {
    /// Deletes the very snapshot that was described: one that was made anew under its name has another creation time, and the service refuses.
    fn delete_snapshot(
        &self,
        snapshot: &DescribedSnapshot,
    ) -> impl Future<Output = Result<(), CallError>> + Send;
}

/// `ListSnapshotOperations`.
pub trait ListSnapshotOperations: Send + Sync {
    /// The ids of the operations within which the service took it: one, or none where it was not the service, or it was more than 90 days ago.
    fn list_system_operations(
        &self,
        snapshot: &str,
    ) -> impl Future<Output = Result<Vec<String>, CallError>> + Send;
}

/// `DescribeSnapshotOperation`.
pub trait DescribeSnapshotOperation: Send + Sync {
    /// The operation of `application` that caused it, where the service names one.
    fn describe_snapshot_operation(
        &self,
        application: &str,
        snapshot: &str,
        operation_id: &str,
    ) -> impl Future<Output = Result<Option<String>, CallError>> + Send;
}

impl ListSnapshots for ManagedFlink {
    async fn list_snapshots(&self, application: &str) -> Result<Vec<ListedSnapshot>, CallError> {
        const VERB: &str = "ListSnapshots";
        let mut found: Vec<ListedSnapshot> = Vec::new();
        let mut next_token = None;
        for _ in 0..PAGES {
            let input = ListSnapshotsInput {
                source_application_name: application,
                limit: PAGE,
                next_token,
            };
            let page: ListSnapshotsOutput = call(&self.reads, VERB, application, &input).await?;
            let infos = page.snapshot_info_list.into_iter();
            // A service that does not know the filter would answer with the whole account's.
            let ours = infos.filter(|info| {
                let source = info.source_application_name.as_deref();
                source.is_none_or(|source| source == application)
            });
            found.extend(ours.map(listed));
            next_token = page.next_token.filter(|token| !token.is_empty());
            if next_token.is_none() {
                found.sort_by(|a, b| (b.created_at, &b.name).cmp(&(a.created_at, &a.name)));
                return Ok(found);
            }
        }
        // Half a list is worse than none: the right snapshot might be in the other half.
        Err(CallError::incomplete(VERB, application, "last page"))
    }
}

impl DescribeSnapshot for ManagedFlink {
    async fn describe_snapshot(
        &self,
        application: &Application,
        snapshot: &str,
    ) -> Result<DescribedSnapshot, CallError> {
        let input = DescribeSnapshotInput {
            snapshot_name: snapshot,
        };
        let answer: DescribeSnapshotOutput =
            call(&self.reads, "DescribeSnapshot", snapshot, &input).await?;
        Ok(described(answer.snapshot_info_details, application))
    }
}

impl CreateSnapshot for ManagedFlink {
    async fn create_snapshot(
        &self,
        application: &str,
        snapshot: &str,
        tags: &[(&str, &str)],
    ) -> Result<(), CallError> {
        let input = CreateSnapshotInput {
            application_name: application,
            snapshot_name: snapshot,
            tags: tags
                .iter()
                .map(|&(key, value)| Tag { key, value })
                .collect(),
        };
        let _: Taken = call(&self.changes, "CreateSnapshot", application, &input).await?;
        Ok(())
    }
}

impl DeleteSnapshot for ManagedFlink {
    async fn delete_snapshot(&self, snapshot: &DescribedSnapshot) -> Result<(), CallError> {
        let name = snapshot.snapshot.name.as_str();
        let input = DeleteSnapshotInput {
            snapshot_name: name,
            snapshot_creation_timestamp: &snapshot.exact,
        };
        let _: Taken = call(&self.changes, "DeleteSnapshot", name, &input).await?;
        Ok(())
    }
}

impl ListSnapshotOperations for ManagedFlink {
    async fn list_system_operations(&self, snapshot: &str) -> Result<Vec<String>, CallError> {
        const VERB: &str = "ListSnapshotOperations";
        let mut found = Vec::new();
        let mut next_token = None;
        for _ in 0..PAGES {
            let input = ListSnapshotOperationsInput {
                snapshot_name: snapshot,
                snapshot_operation: "SystemCreateSnapshot",
                limit: PAGE,
                next_token,
            };
            let page: ListSnapshotOperationsOutput =
                call(&self.reads, VERB, snapshot, &input).await?;
            let infos = page.snapshot_operation_info_list.into_iter();
            found.extend(infos.map(|info| info.snapshot_operation_id));
            next_token = page.next_token.filter(|token| !token.is_empty());
            if next_token.is_none() {
                return Ok(found);
            }
        }
        Err(CallError::incomplete(VERB, snapshot, "last page"))
    }
}

impl DescribeSnapshotOperation for ManagedFlink {
    async fn describe_snapshot_operation(
        &self,
        application: &str,
        snapshot: &str,
        operation_id: &str,
    ) -> Result<Option<String>, CallError> {
        let input = DescribeSnapshotOperationInput {
            snapshot_name: snapshot,
            snapshot_operation_id: operation_id,
        };
        let answer: DescribeSnapshotOperationOutput =
            call(&self.reads, "DescribeSnapshotOperation", snapshot, &input).await?;
        let details = answer.snapshot_operation_info_details;
        let cause = details.application_operation_description;
        let cause = cause.filter(|it| it.application_name.as_deref() == Some(application));
        Ok(cause.and_then(|it| it.application_operation_id))
    }
}

impl ListedSnapshot {
    /// As far as a list tells: not to be restored, because whose state it holds was not read.
    #[must_use]
    pub fn undescribed(self) -> Snapshot {
        Snapshot {
            name: self.name,
            status: self.status,
            version_id: 0,
            created_at: self.created_at,
            runtime: None,
            customer_key: None,
            enhanced: Some(EnhancedSnapshot {
                arn: self.arn,
                initiator: self.initiator,
                source: SnapshotSource::NotRead,
                operation_id: None,
                verified_version_id: None,
            }),
        }
    }
}

fn listed(info: SnapshotInfo) -> ListedSnapshot {
    ListedSnapshot {
        name: info.snapshot_name,
        arn: info.snapshot_arn,
        status: SnapshotStatus::from(info.snapshot_status),
        created_at: time(&info.snapshot_creation_timestamp).unwrap_or(Timestamp::UNIX_EPOCH),
        initiator: SnapshotInitiator::from(info.snapshot_initiator),
    }
}

fn described(details: SnapshotInfoDetails, application: &Application) -> DescribedSnapshot {
    let source = details
        .snapshot_source_description
        .source_application_description;
    let version_id = source.as_ref().map_or(0, |it| it.application_version_id);
    let source = source.map(|it| SourceApplication {
        name: it.application_name,
        created_at: time(&it.application_creation_timestamp),
    });
    let key = details.snapshot_encryption_configuration_description;
    let snapshot = Snapshot {
        name: details.snapshot_name,
        status: SnapshotStatus::from(details.snapshot_status),
        version_id,
        // Without its time a snapshot cannot be placed before or after a change: as the oldest of all it is never chosen.
        created_at: time(&details.snapshot_creation_timestamp).unwrap_or(Timestamp::UNIX_EPOCH),
        runtime: details.runtime_environment.as_deref().map(Runtime::from),
        customer_key: key.and_then(|it| customer_key(&it.key_type, it.key_id.as_deref())),
        enhanced: Some(EnhancedSnapshot {
            arn: details.snapshot_arn,
            initiator: SnapshotInitiator::from(details.snapshot_initiator),
            source: SnapshotSource::of(source.as_ref(), application),
            operation_id: None,
            verified_version_id: None,
        }),
    };
    DescribedSnapshot {
        snapshot,
        exact: details.snapshot_creation_timestamp,
    }
}

/// Epoch seconds, to the millisecond.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a time that does not fit is none"
)]
fn time(at: &Number) -> Option<Timestamp> {
    let millis = (at.as_f64()? * 1_000.0).round();
    let millis = (millis > 0.0 && millis < 1e15).then_some(millis as i64)?;
    Timestamp::from_millisecond(millis).ok()
}

/// The key of a description, where it is not AWS's own. A type that is not known, or a key that is not named, counts as one that nobody has allowed.
pub(crate) fn customer_key(key_type: &str, key_id: Option<&str>) -> Option<String> {
    (key_type != "AWS_OWNED_KEY").then(|| key_id.unwrap_or(key_type).to_owned())
}

//! Export and import: nothing but the operation is there, no bucket is read or written.

use std::sync::Arc;

use serde_json::{Value, json};

use super::operations::SnapshotOperation;
use super::verbs::{description, free_name, taken_answer};
use super::{Enhanced, Source};
use crate::managed_flink::answer::{ApiError, Done, only, text};
use crate::managed_flink::application::Snapshot;
use crate::managed_flink::settings::Stage;
use crate::managed_flink::status::{OperationStatus, SnapshotStatus};
use crate::managed_flink::{Inner, options};

/// The longest prefix in a bucket.
const LONGEST_PREFIX: usize = 200;

impl Inner {
    /// Nothing is written anywhere: the operation succeeds after its time and says where the copy would lie.
    pub(in crate::managed_flink) fn export_snapshot(
        self: &Arc<Self>,
        input: &Value,
    ) -> Result<Done, ApiError> {
        only(
            input,
            &["SnapshotName", "ExportDestinationConfiguration"],
            "the request",
        )?;
        let name = text(input, "SnapshotName")?.to_owned();
        let to = &input["ExportDestinationConfiguration"];
        let known = [
            "DestinationType",
            "ExportRoleArn",
            "DestinationS3PrefixLocation",
            "DestinationEncryptionConfiguration",
        ];
        only(to, &known, "ExportDestinationConfiguration")?;
        text(to, "ExportRoleArn")?;
        let place = place(to, "DestinationType", "DestinationS3PrefixLocation")?;
        let key = key(&to["DestinationEncryptionConfiguration"])?;
        let now = self.clock.now();
        let mut state = self.lock();
        let snapshot = state.enhanced(&name)?;
        if snapshot.snapshot.status != SnapshotStatus::Ready {
            return Err(ApiError::in_use(format!(
                "snapshot {name} is {}",
                snapshot.snapshot.status.name()
            )));
        }
        let Ok(exporting) = snapshot.export.clone().try_lock_owned() else {
            return Err(ApiError::new(
                "LimitExceededException",
                format!("snapshot {name} is being exported already"),
            ));
        };
        let mut operation =
            SnapshotOperation::begun("ExportSnapshot", &name, snapshot.arn.clone(), now);
        operation.more = json!({ "DestinationEncryptionConfigurationDescription": key });
        let id = state.record(operation);
        drop(state);
        let (inner, ending) = (self.clone(), id.clone());
        tokio::spawn(async move {
            inner.stage("", Stage::Snapshot).await;
            let now = inner.clock.now();
            if let Some(done) = inner.lock().end_operation(&ending, Ok(()), now) {
                let mut location = place;
                let prefix = location["KeyPrefix"].as_str().unwrap_or_default();
                location["ExportedPrefix"] = format!("{prefix}{ending}/").into();
                done.more["SnapshotDestinationLocationDescription"] =
                    json!({ "LocationType": "S3", "S3PrefixLocation": location });
            }
            drop(exporting);
        });
        Done::changed(json!({
            "SnapshotOperationId": id,
            "SnapshotOperationStatus": OperationStatus::InProgress.name(),
        }))
    }

    /// A snapshot without a runtime or a source application. Its state is nowhere: no job can be started from it here.
    pub(in crate::managed_flink) fn import_snapshot(
        self: &Arc<Self>,
        input: &Value,
    ) -> Result<Done, ApiError> {
        let known = [
            "SnapshotName",
            "ImportSourceConfiguration",
            "DestinationEncryptionConfiguration",
            "SnapshotDescription",
            "SnapshotFormat",
            "Tags",
        ];
        only(input, &known, "the request")?;
        let from = &input["ImportSourceConfiguration"];
        let known = [
            "SourceType",
            "ImportRoleArn",
            "SourceS3PrefixLocation",
            "SourceEncryptionConfiguration",
        ];
        only(from, &known, "ImportSourceConfiguration")?;
        text(from, "ImportRoleArn")?;
        let place = place(from, "SourceType", "SourceS3PrefixLocation")?;
        let source_key = key(&from["SourceEncryptionConfiguration"])?;
        let key = key(&input["DestinationEncryptionConfiguration"])?;
        let (description, tags) = (description(input)?, options::few_tags(&input["Tags"])?);
        let now = self.clock.now();
        let mut state = self.lock();
        let name = free_name(&state, input)?;
        let (arn, location) = (self.snapshot_arn(&name), String::new());
        let snapshot = Snapshot {
            name: name.clone(),
            status: SnapshotStatus::Creating,
            version: 0,
            created: now,
            runtime: String::new(),
            location,
            key: key.clone(),
        };
        let mut one = Enhanced::new(
            snapshot,
            arn.clone(),
            "ImportSnapshot",
            Source::Bucket(place.clone()),
        );
        (one.description, one.tags) = (description, tags);
        state.account.snapshots.insert(name.clone(), one);
        let mut operation = SnapshotOperation::begun("ImportSnapshot", &name, arn.clone(), now);
        operation.more = json!({
            "SourceEncryptionConfigurationDescription": source_key,
            "DestinationEncryptionConfigurationDescription": key,
            "SnapshotSourceLocationDescription": { "LocationType": "S3", "S3PrefixLocation": place },
        });
        let id = state.record(operation);
        drop(state);
        let (inner, ending) = (self.clone(), id.clone());
        tokio::spawn(async move {
            inner.stage("", Stage::Snapshot).await;
            let (mut state, now) = (inner.lock(), inner.clock.now());
            state.end_operation(&ending, Ok(()), now);
            if let Some(one) = state.account.snapshots.get_mut(&name) {
                one.snapshot.status = SnapshotStatus::Ready;
            }
        });
        Done::changed(taken_answer(&arn, &id))
    }
}

/// A place in a bucket, which is the only kind of place.
fn place(input: &Value, kind: &str, member: &str) -> Result<Value, ApiError> {
    if text(input, kind)? != "S3" {
        return Err(ApiError::invalid_argument(format!("{kind} can only be S3")));
    }
    let place = &input[member];
    only(place, &["BucketARN", "KeyPrefix"], member)?;
    text(place, "BucketARN")?;
    if text(place, "KeyPrefix")?.len() > LONGEST_PREFIX {
        return Err(ApiError::invalid_argument(format!(
            "KeyPrefix has at most {LONGEST_PREFIX} characters"
        )));
    }
    Ok(place.clone())
}

/// The key that a request names; AWS's own where it names none. A customer's must be named by its ARN.
fn key(input: &Value) -> Result<Value, ApiError> {
    if input.is_null() {
        return Ok(json!({ "KeyType": "AWS_OWNED_KEY" }));
    }
    only(input, &["KeyType", "KeyId"], "the encryption configuration")?;
    if text(input, "KeyType")? == "CUSTOMER_MANAGED_KEY"
        && !text(input, "KeyId")?.starts_with("arn:")
    {
        return Err(ApiError::invalid_argument("KeyId must be the ARN of a key"));
    }
    Ok(input.clone())
}

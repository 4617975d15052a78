//! Shapes of the API model, as far as they are used. Statuses are texts, because unknown ones must survive; a creation time is the very number that came, because a delete must name it.

use serde::{Deserialize, Serialize};
use serde_json::Number;

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListSnapshotsInput<'a> {
    /// The one filter that a request may have.
    pub(super) source_application_name: &'a str,
    pub(super) limit: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListSnapshotsOutput {
    pub(super) snapshot_info_list: Vec<SnapshotInfo>,
    pub(super) next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SnapshotInfo {
    pub(super) snapshot_name: String,
    pub(super) snapshot_arn: String,
    pub(super) snapshot_status: String,
    pub(super) snapshot_creation_timestamp: Number,
    pub(super) snapshot_initiator: String,
    pub(super) source_application_name: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeSnapshotInput<'a> {
    pub(super) snapshot_name: &'a str,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeSnapshotOutput {
    pub(super) snapshot_info_details: SnapshotInfoDetails,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SnapshotInfoDetails {
    pub(super) snapshot_name: String,
    pub(super) snapshot_arn: String,
    pub(super) snapshot_status: String,
    pub(super) snapshot_creation_timestamp: Number,
    pub(super) snapshot_initiator: String,
    pub(super) snapshot_source_description: SnapshotSourceDescription,
    pub(super) runtime_environment: Option<String>,
    pub(super) snapshot_encryption_configuration_description: Option<EncryptionDescription>,
}

/// Exactly one of the service's two; the other, the place that it was imported from, says nothing of whose state it is.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SnapshotSourceDescription {
    pub(super) source_application_description: Option<SourceApplicationDescription>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SourceApplicationDescription {
    pub(super) application_name: String,
    pub(super) application_creation_timestamp: Number,
    pub(super) application_version_id: u64,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct EncryptionDescription {
    pub(super) key_type: String,
    pub(super) key_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct CreateSnapshotInput<'a> {
    pub(super) application_name: &'a str,
    pub(super) snapshot_name: &'a str,
    pub(super) tags: Vec<Tag<'a>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag<'a> {
    pub(super) key: &'a str,
    pub(super) value: &'a str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DeleteSnapshotInput<'a> {
    pub(super) snapshot_name: &'a str,
    pub(super) snapshot_creation_timestamp: &'a Number,
}

/// An answer of which nothing is read: what came of it, a description tells.
#[derive(Debug, Deserialize)]
pub(super) struct Taken {}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListSnapshotOperationsInput<'a> {
    pub(super) snapshot_name: &'a str,
    /// The one filter that a request may have.
    pub(super) snapshot_operation: &'a str,
    pub(super) limit: u8,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ListSnapshotOperationsOutput {
    pub(super) snapshot_operation_info_list: Vec<SnapshotOperationInfo>,
    pub(super) next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SnapshotOperationInfo {
    pub(super) snapshot_operation_id: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeSnapshotOperationInput<'a> {
    pub(super) snapshot_name: &'a str,
    pub(super) snapshot_operation_id: &'a str,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct DescribeSnapshotOperationOutput {
    pub(super) snapshot_operation_info_details: SnapshotOperationInfoDetails,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct SnapshotOperationInfoDetails {
    /// Only of what the service took within an operation of the application.
    pub(super) application_operation_description: Option<ApplicationOperationDescription>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ApplicationOperationDescription {
    pub(super) application_operation_id: Option<String>,
    pub(super) application_name: Option<String>,
}

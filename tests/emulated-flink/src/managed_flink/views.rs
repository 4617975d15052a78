//! What a scenario sees of the service, from Rust.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::application::Snapshot;
use super::enhanced::{Enhanced, Source};
use super::status::{OperationStatus, SnapshotStatus, Status};
use crate::flink::Content;

/// A snapshot, seen from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotView {
    /// Its name.
    pub name: String,
    /// Its status.
    pub status: SnapshotStatus,
    /// The version that it carries.
    pub version: i64,
    /// When it was created.
    pub created: Timestamp,
    /// The runtime it was taken under; empty for an imported one.
    pub runtime: String,
    /// What only an enhanced one has; None for a legacy one.
    pub enhanced: Option<EnhancedView>,
}

/// What only an enhanced snapshot has, seen from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EnhancedView {
    /// Its ARN.
    pub arn: String,
    /// Whether the service took it, within another operation.
    pub by_service: bool,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
    /// The application that it was taken of, and when that was created; None for an imported one.
    pub source: Option<(String, Timestamp)>,
}

/// An operation, seen from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperationView {
    /// `UpdateApplication`.
    pub kind: String,
    /// Its status.
    pub status: OperationStatus,
    /// When it began.
    pub started: Timestamp,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Why it failed.
    pub error: Option<String>,
}

/// An application, seen from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationView {
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Its status.
    pub status: Status,
    /// The present version.
    pub version: i64,
    /// Whether its snapshots are enhanced ones.
    pub enhanced: bool,
    /// When it was created: tells it from others of its name.
    pub created: Timestamp,
    /// Its runtime.
    pub runtime: String,
    /// The S3 key of its code, with the object version where there is one.
    pub code: String,
    /// Whether its job runs well at this moment.
    pub healthy: bool,
    /// Its snapshots of both kinds, oldest first.
    pub snapshots: Vec<SnapshotView>,
    /// Its operations, oldest first.
    pub operations: Vec<OperationView>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

/// A version, seen from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VersionView {
    /// Its number.
    pub id: i64,
    /// The S3 key of its code, or what lay there instead.
    pub code: String,
    /// Whether something else lay at that key than its name says.
    pub was_overwritten: bool,
    /// Its runtime.
    pub runtime: String,
    /// When a job of it was first launched; None while none was.
    pub launched: Option<Timestamp>,
    /// When it was made.
    pub created: Timestamp,
    /// Whether its snapshots are enhanced ones.
    pub enhanced: bool,
    /// Its code, runtime and properties as one number.
    pub content: Content,
    /// The version that a rollback went back to when it made this one.
    pub rolled_back_to: Option<i64>,
}

/// How an application stands at this moment: what a hand that touches it now touches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Standing {
    /// Its status.
    pub status: Status,
    /// The present version.
    pub version: i64,
    /// When the operation under way began.
    pub busy_since: Option<Timestamp>,
    /// Since when every subtask of its job runs undisturbed.
    pub up_since: Option<Timestamp>,
    /// The same, also while an operation is under way.
    pub job_up_since: Option<Timestamp>,
    /// Since when a job that failed a moment ago had run: Flink's REST API may still show it so.
    pub shown_up_since: Option<Timestamp>,
    /// Its tags.
    pub tags: BTreeMap<String, String>,
}

impl SnapshotView {
    pub(super) fn of(snapshot: &Snapshot, enhanced: Option<EnhancedView>) -> Self {
        Self {
            name: snapshot.name.clone(),
            status: snapshot.status,
            version: snapshot.version,
            created: snapshot.created,
            runtime: snapshot.runtime.clone(),
            enhanced,
        }
    }

    pub(super) fn of_account(one: &Enhanced) -> Self {
        let source = match &one.source {
            Source::Application { name, created } => Some((name.clone(), *created)),
            Source::Bucket(_) => None,
        };
        let enhanced = EnhancedView {
            arn: one.arn.clone(),
            by_service: one.is_by_service(),
            tags: one.tags.clone(),
            source,
        };
        Self::of(&one.snapshot, Some(enhanced))
    }
}

//! Amazon Managed Service for Apache Flink as this project uses it: a narrow trait per API verb with its AWS implementation, SDK errors as typed errors,
//! the service's descriptions as domain types, and the Flink REST API behind a presigned URL.
//!
//! Deliberately absent: any decision about an application, any waiting, and any repeat of a change. Reads use the SDK's standard retries; changes are sent once, because
//! a blind repeat is forbidden: after a lost answer the caller looks again ([`CallError::is_outcome_unknown`]).
//!
//! Invariant (S10): no presigned URL, token or environment property value appears in a `Debug`, `Display`, log line or error of this crate.

mod answer;
mod call_error;
mod changes;
mod content;
mod convert;
mod enhanced;
mod opt_in;
mod pages;
mod rest;
mod series;
mod service;
mod snapshots;
mod step;
mod unknown;
mod verbs;

pub mod flink;

pub use call_error::{CallError, CallErrorKind};
pub use changes::changes;
pub use content::{contents, replaced_code};
pub use convert::{Described, Detail, OperationDetail, VersionChange, VersionSummary, properties};
pub use enhanced::{
    CreateSnapshot, DeleteSnapshot, DescribeSnapshot, DescribeSnapshotOperation, DescribedSnapshot,
    ListSnapshotOperations, ListSnapshots, ListedSnapshot,
};
pub use opt_in::{OPT_IN_TAG, is_opted_in, look_before_change, may_use_keys};
pub use pages::pages;
pub use rest::{FlinkRest, HostRule, PresignedUrl, RestCall, RestError, RestProblem, glance, look};
pub use series::{
    CloudWatchMetrics, GetMetricData, MetricRead, Periods, SeriesAnswer, read_series,
};
pub use service::ManagedFlink;
pub use snapshots::*;
pub use step::{StepAnswer, StepOutcome};
pub use unknown::unknown_members;
pub use verbs::*;

/// The SDK's types, for the one place that carries a configuration from its description to an update.
pub mod sdk {
    pub use aws_sdk_kinesisanalyticsv2::operation::update_application::builders::UpdateApplicationInputBuilder;
    pub use aws_sdk_kinesisanalyticsv2::types::*;
}

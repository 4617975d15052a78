//! What comes in and what goes out.

use lifecycle::ApplicationStatus;
use serde::{Deserialize, Serialize};

/// The input. Fields that are not listed are other states' business.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// The application.
    pub application_name: String,
    /// The plan, with the version it was decided on.
    pub plan: Plan,
}

/// The part of a plan that a rollback needs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The version that is to be left. Any other current version makes the plan stale.
    pub version_id: u64,
    /// The status it was decided on. An application that is busy otherwise makes the plan stale.
    #[serde(default)]
    pub status: Option<ApplicationStatus>,
    /// Why, for the log.
    #[serde(default)]
    pub reason: Option<String>,
}

/// The result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// What came of it.
    pub outcome: Outcome,
    /// The service's operation, where it named one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation_id: Option<String>,
    /// The application's version as last seen. Whether a rollback makes a new number is not documented: read it again.
    pub version_id: u64,
}

/// What came of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// The service has taken the rollback on. Whether it succeeds, the next look tells.
    Accepted,
    /// A rollback is under way or done: nothing was sent.
    AlreadyDone,
}

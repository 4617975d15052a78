//! What comes in.

use lifecycle::ApplicationStatus;
use serde::Deserialize;

/// The input. A key that is not known is refused by name.
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

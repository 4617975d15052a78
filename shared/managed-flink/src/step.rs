//! The answer of a step that changes an application, the same for every function that has one: the state machine reads them all alike.

use lifecycle::Application;
use serde::Serialize;

/// What a step answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StepAnswer {
    /// What came of it.
    pub outcome: StepOutcome,
    /// The service's operation, where it named one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation_id: Option<String>,
    /// The application's version as last seen. Whether a rollback makes a new number is not documented, and a configuration put back makes one: read it again.
    pub version_id: u64,
}

/// What came of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum StepOutcome {
    /// The service has taken it on. Whether it succeeds, the next look tells.
    Accepted,
    /// It is under way or done: nothing was sent.
    AlreadyDone,
}

impl StepAnswer {
    /// The service took it on, under `operation_id` where it named one.
    #[must_use]
    pub fn accepted(operation_id: Option<String>, version_id: u64) -> Self {
        Self {
            outcome: StepOutcome::Accepted,
            operation_id,
            version_id,
        }
    }

    /// Nothing was sent.
    #[must_use]
    pub fn already_done(application: &Application) -> Self {
        Self {
            outcome: StepOutcome::AlreadyDone,
            operation_id: None,
            version_id: application.version_id,
        }
    }
}

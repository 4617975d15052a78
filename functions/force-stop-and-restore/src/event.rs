//! What comes in.

use lifecycle::ApplicationStatus;
use serde::Deserialize;

/// The input: one of three steps. A key that is not known is refused by name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(
    tag = "step",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Event {
    /// Stop without a snapshot.
    ForceStop {
        /// The application.
        application_name: String,
        /// What was decided.
        plan: ForceStopPlan,
    },
    /// Put the configuration of an earlier version back, while READY.
    RestoreConfiguration {
        /// The application.
        application_name: String,
        /// What was decided.
        plan: RestorePlan,
    },
    /// Start from the chosen state, while READY.
    Start {
        /// The application.
        application_name: String,
        /// What was decided.
        plan: StartPlan,
    },
}

/// The part of a plan that a force-stop needs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ForceStopPlan {
    /// The version it was decided on. The service does not check it, so this function does.
    pub version_id: u64,
    /// The status it was decided on. An application that is busy otherwise makes the plan stale.
    #[serde(default)]
    pub status: Option<ApplicationStatus>,
    /// The version whose configuration is to be put back afterwards. Whether that can be done is found out before anything is stopped.
    #[serde(default)]
    pub target_version_id: Option<u64>,
}

/// The part of a plan that putting a configuration back needs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RestorePlan {
    /// The version it was decided on.
    pub version_id: u64,
    /// The good version.
    pub target_version_id: u64,
}

/// The part of a plan that a start needs.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StartPlan {
    /// The version that is to be started. The service does not check it, so this function does.
    pub version_id: u64,
    /// From what.
    pub restore: Restore,
    /// Whether state that nothing claims may be dropped. Left out, the application's own setting stands: it is changed only on a person's word.
    #[serde(default)]
    pub allow_non_restored_state: Option<bool>,
}

/// What to start from: a snapshot, or in as many words nothing.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Restore {
    /// A snapshot's name.
    #[serde(default)]
    pub snapshot_name: Option<String>,
    /// Its ARN, where it is an enhanced one.
    #[serde(default)]
    pub snapshot_arn: Option<String>,
    /// `true`: without any state. Only ever on a person's explicit word.
    #[serde(default)]
    pub without_state: bool,
}

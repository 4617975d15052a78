//! Statuses, as the public model spells them.

use serde::Serialize;

/// An application's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "the names are the model's and say it all")]
pub enum Status {
    Deleting,
    Starting,
    Stopping,
    Ready,
    Running,
    Updating,
    Autoscaling,
    ForceStopping,
    RollingBack,
    Maintenance,
    RolledBack,
}

impl Status {
    /// The model's spelling.
    pub fn name(self) -> &'static str {
        match self {
            Self::Deleting => "DELETING",
            Self::Starting => "STARTING",
            Self::Stopping => "STOPPING",
            Self::Ready => "READY",
            Self::Running => "RUNNING",
            Self::Updating => "UPDATING",
            Self::Autoscaling => "AUTOSCALING",
            Self::ForceStopping => "FORCE_STOPPING",
            Self::RollingBack => "ROLLING_BACK",
            Self::Maintenance => "MAINTENANCE",
            Self::RolledBack => "ROLLED_BACK",
        }
    }

    /// Whether StopApplication with Force is allowed.
    pub(super) fn may_be_forced(self) -> bool {
        matches!(
            self,
            Self::Starting | Self::Updating | Self::Stopping | Self::Autoscaling | Self::Running
        )
    }

    /// Whether RollbackApplication is allowed.
    pub(super) fn may_be_rolled_back(self) -> bool {
        matches!(self, Self::Updating | Self::Autoscaling | Self::Running)
    }
}

/// A snapshot's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "the names are the model's and say it all")]
pub enum SnapshotStatus {
    Creating,
    Ready,
    Deleting,
    Failed,
}

impl SnapshotStatus {
    /// The model's spelling.
    pub fn name(self) -> &'static str {
        match self {
            Self::Creating => "CREATING",
            Self::Ready => "READY",
            Self::Deleting => "DELETING",
            Self::Failed => "FAILED",
        }
    }
}

/// An operation's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[allow(missing_docs, reason = "the names are the model's and say it all")]
pub enum OperationStatus {
    InProgress,
    Cancelled,
    Successful,
    Failed,
}

impl OperationStatus {
    /// The model's spelling.
    pub fn name(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Cancelled => "CANCELLED",
            Self::Successful => "SUCCESSFUL",
            Self::Failed => "FAILED",
        }
    }
}

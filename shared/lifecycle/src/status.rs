//! The states of the service and of Flink, as their APIs spell them. What a newer API adds arrives as `Other`, never as an error.

/// Declares an enum over the strings of an API, with an `Other` for those it does not know.
macro_rules! spelled {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(from = "String", into = "String")]
        pub enum $name {
            $($(#[$variant_doc])* $variant,)+
            /// A value this project does not know.
            Other(String),
        }

        impl $name {
            /// The API's spelling.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$variant => $text,)+
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$variant,)+
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self::from(text.as_str())
            }
        }

        impl From<$name> for String {
            fn from(value: $name) -> Self {
                value.as_str().to_owned()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

spelled! {
    /// `ApplicationStatus` of the service's API model.
    ApplicationStatus {
        /// Being deleted.
        Deleting = "DELETING",
        /// Being started.
        Starting = "STARTING",
        /// Being stopped with a snapshot.
        Stopping = "STOPPING",
        /// Not running: stopped, finished, never started, or fallen back after a failed start.
        Ready = "READY",
        /// The service runs it, which does not mean that its job processes data.
        Running = "RUNNING",
        /// An update is under way.
        Updating = "UPDATING",
        /// Being scaled by the service.
        Autoscaling = "AUTOSCALING",
        /// Being stopped without a snapshot.
        ForceStopping = "FORCE_STOPPING",
        /// Going back to the version before, by a call or by the service itself.
        RollingBack = "ROLLING_BACK",
        /// Being patched by the service.
        Maintenance = "MAINTENANCE",
        /// Seen only in AWS's prose: settled after a rollback, in need of attention.
        RolledBack = "ROLLED_BACK",
    }
}

impl ApplicationStatus {
    /// Whether somebody, a person or the service, is at work on the application.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        !matches!(self, Self::Ready | Self::Running | Self::RolledBack)
    }

    /// Whether `StopApplication` with `Force` takes it from here (API model).
    #[must_use]
    pub fn allows_force_stop(&self) -> bool {
        matches!(
            self,
            Self::Starting | Self::Updating | Self::Stopping | Self::Autoscaling | Self::Running
        )
    }

    /// Whether `RollbackApplication` takes it from here (API model; the prose disagrees in places, so a refusal is still possible).
    #[must_use]
    pub fn allows_rollback(&self) -> bool {
        matches!(self, Self::Updating | Self::Autoscaling | Self::Running)
    }
}

spelled! {
    /// `OperationStatus` of the API model.
    OperationStatus {
        /// Under way.
        InProgress = "IN_PROGRESS",
        /// Given up.
        Cancelled = "CANCELLED",
        /// Done, which says nothing about the job's health.
        Successful = "SUCCESSFUL",
        /// Failed, with a text.
        Failed = "FAILED",
    }
}

spelled! {
    /// `SnapshotStatus` of the API model.
    SnapshotStatus {
        /// Being taken.
        Creating = "CREATING",
        /// Usable.
        Ready = "READY",
        /// Being deleted.
        Deleting = "DELETING",
        /// Not usable.
        Failed = "FAILED",
    }
}

spelled! {
    /// Flink's job states (`state` of `GET /jobs/:id`).
    JobState {
        /// Accepted, no vertices yet.
        Initializing = "INITIALIZING",
        /// Graph built.
        Created = "CREATED",
        /// Deployed; some or all subtasks run.
        Running = "RUNNING",
        /// A failure is being handled (never seen in the recordings: the job says RESTARTING).
        Failing = "FAILING",
        /// Failed for good.
        Failed = "FAILED",
        /// Being cancelled.
        Cancelling = "CANCELLING",
        /// Cancelled.
        Canceled = "CANCELED",
        /// A bounded job that is done, or one stopped with a savepoint.
        Finished = "FINISHED",
        /// Between a failure and the next try.
        Restarting = "RESTARTING",
        /// Suspended by a JobManager failover.
        Suspended = "SUSPENDED",
        /// Reconciling after a JobManager failover.
        Reconciling = "RECONCILING",
    }
}

spelled! {
    /// `SnapshotMode`: which kind of snapshots an application takes and restores. It uses one kind at a time, and the switch to the newer one is one-way.
    SnapshotMode {
        /// Snapshots of one application, restored by name. Every application older than the member has it so.
        Legacy = "APPLICATION_SNAPSHOTS_LEGACY",
        /// Snapshots that are resources of the account, restored by ARN.
        Enhanced = "ENHANCED_SNAPSHOTS",
    }
}

impl Default for SnapshotMode {
    /// What an answer without the member means.
    fn default() -> Self {
        Self::Legacy
    }
}

impl SnapshotMode {
    /// Whether nothing has to be written down about it.
    #[must_use]
    pub fn is_legacy(&self) -> bool {
        *self == Self::Legacy
    }
}

spelled! {
    /// `SnapshotInitiator`: who asked for an enhanced snapshot.
    SnapshotInitiator {
        /// A caller: a person, a pipeline, Lifeguard.
        User = "USER",
        /// The service, within an operation.
        System = "SYSTEM",
    }
}

//! What one look at an application found. Facts only, bounded in size; no configuration values, no URL.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    ApplicationStatus, EnhancedSnapshot, JobState, OperationStatus, Runtime, SnapshotMode,
    SnapshotSource, SnapshotStatus,
};

/// Operations kept in an observation, newest first: a page of the service's, about 12 KB. An application that scales itself makes a dozen a day, and each explains a run that ended.
pub const OPERATIONS_KEPT: usize = 50;
/// Snapshots kept in an observation, newest first; the state machine's payload is limited to 256 KiB.
pub const SNAPSHOTS_KEPT: usize = 60;
/// Vertices kept in an observation.
pub const VERTICES_KEPT: usize = 40;
/// Faults within so many seconds of the first of them are one incident.
pub const INCIDENT_SECS: i64 = 30;
/// Characters kept of a text the service or Flink wrote (an exception, a failed operation).
pub const TEXT_KEPT: usize = 600;

/// One look.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Observation {
    /// When the look began.
    pub at: Timestamp,
    /// The application as the service describes it.
    pub application: Application,
    /// Earlier versions, newest first, as far back as a rescue could go, and as far as they were read.
    pub versions: Vec<Version>,
    /// Operations, newest first, at most [`OPERATIONS_KEPT`].
    pub operations: Vec<Operation>,
    /// The job, when the Flink REST API could be read and knows one.
    pub job: Option<Job>,
    /// Snapshots, newest first, at most [`SNAPSHOTS_KEPT`].
    pub snapshots: Vec<Snapshot>,
    /// Tags under `lifeguard:` only; None when they could not be read.
    pub tags: Option<BTreeMap<String, String>>,
    /// What could not be read, and why.
    pub unreadable: Vec<Unreadable>,
}

/// Part of an observation that could not be read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Unreadable {
    /// The part.
    pub what: Part,
    /// What the service said.
    pub why: String,
    /// What no other look changes; None where one may, and in what releases before wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Refusal>,
}

/// Why a reading fails for as long as nobody changes anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Refusal {
    /// Not permitted. A permission takes a moment to arrive, and credentials are renewed: one such answer proves nothing.
    NotPermitted,
    /// The service does not take the request as this release writes it.
    NotAccepted,
    /// The service does not do that for this account in this Region.
    NotOffered,
}

/// The parts of an observation that are read separately.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Part {
    /// `ListApplicationOperations`, `DescribeApplicationOperation`.
    Operations,
    /// `ListApplicationSnapshots`.
    Snapshots,
    /// `DescribeApplicationVersion`.
    Versions,
    /// `ListTagsForResource`.
    Tags,
    /// `CreateApplicationPresignedUrl` and the Flink REST API behind it.
    Job,
    /// The exceptions of the job.
    Exceptions,
    /// The checkpoints of the job.
    Checkpoints,
    /// The metrics of the job.
    Metrics,
    /// `GetMetricData`: how the application ran until now.
    Series,
}

/// The application as `DescribeApplication` shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Application {
    /// Name.
    pub name: String,
    /// ARN.
    pub arn: String,
    /// Status.
    pub status: ApplicationStatus,
    /// Current version.
    pub version_id: u64,
    /// When the current version was made (`ApplicationVersionCreateTimestamp`).
    pub version_created_at: Option<Timestamp>,
    /// The version this one was made from (`ApplicationVersionUpdatedFrom`): where a rollback goes.
    pub version_updated_from: Option<u64>,
    /// The version a rollback left (`ApplicationVersionRolledBackFrom`).
    pub version_rolled_back_from: Option<u64>,
    /// The version a rollback went to (`ApplicationVersionRolledBackTo`).
    pub version_rolled_back_to: Option<u64>,
    /// Runtime, `FLINK-1_20`.
    pub runtime: Runtime,
    /// Whether the service takes snapshots on stop and update.
    pub snapshots_enabled: Option<bool>,
    /// Whether the service rolls failed operations back by itself.
    pub system_rollback_enabled: Option<bool>,
    /// Whether the configuration has Flink checkpointing on.
    pub checkpointing_enabled: Option<bool>,
    /// `AllowNonRestoredState` as it stands: carried over, changed only on a person's word.
    pub allow_non_restored_state: Option<bool>,
    /// When the application was made (`CreateTimestamp`): what is known under its name from before is a namesake's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// How often a checkpoint is due, in seconds; None where the service does not say or checkpointing is off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint_interval_secs: Option<u32>,
    /// What it runs, without scale and logging: the lowest number among the versions that were read of one that is the same. None where that was not found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<u64>,
    /// What it changed against the version it was made from: places, numbers and names, no value of a property. None where that version was not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Vec<String>>,
    /// Which kind of snapshots it uses now.
    #[serde(default, skip_serializing_if = "SnapshotMode::is_legacy")]
    pub snapshot_mode: SnapshotMode,
    /// The customer managed key that encrypts it, as the service names it; None where the key is AWS's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_key: Option<String>,
    /// The ARN of the enhanced snapshot that its last start named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_from_arn: Option<String>,
}

/// An earlier version, from `DescribeApplicationVersion`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Version {
    /// Its number.
    pub id: u64,
    /// Its runtime.
    pub runtime: Runtime,
    /// When it was made; None where the service does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
    /// The version it was made from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_from: Option<u64>,
    /// As [`Application::content`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<u64>,
    /// As [`Application::changed`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<Vec<String>>,
    /// Whether its code lies in S3 no more: another version loaded something else from the same place since. The service itself keeps the code of a version that it rolls back to.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_code_replaced: bool,
    /// As [`Application::snapshot_mode`].
    #[serde(default, skip_serializing_if = "SnapshotMode::is_legacy")]
    pub snapshot_mode: SnapshotMode,
    /// As [`Application::customer_key`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_key: Option<String>,
}

/// An operation, from `ListApplicationOperations` and, for failed ones, `DescribeApplicationOperation`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// Id.
    pub id: String,
    /// A free string of the service: `UpdateApplication`, `Maintenance` …
    pub name: String,
    /// Status.
    pub status: OperationStatus,
    /// Start.
    pub started_at: Timestamp,
    /// End; None while in progress.
    pub ended_at: Option<Timestamp>,
    /// The service's failure text, shortened and redacted.
    pub failure: Option<String>,
    /// The rollback by the service that answered the failure.
    pub rollback_operation_id: Option<String>,
}

/// What an operation does, as far as its free-string name tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// A start.
    Start,
    /// An update of the configuration.
    Update,
    /// A stop.
    Stop,
    /// A rollback, by a call or by the service.
    Rollback,
    /// Maintenance: the docs write both `Maintenance` and `ApplicationMaintenance`.
    Maintenance,
    /// Scaling by the service.
    Scaling,
    /// Anything else.
    Other,
}

impl Operation {
    /// What it does.
    #[must_use]
    pub fn kind(&self) -> OperationKind {
        let name = self.name.to_ascii_lowercase();
        // "rollback" first: `SystemRollbackUpdateApplication`-like names would contain both.
        for (part, kind) in [
            ("rollback", OperationKind::Rollback),
            ("maintenance", OperationKind::Maintenance),
            ("scal", OperationKind::Scaling),
            ("stop", OperationKind::Stop),
            ("start", OperationKind::Start),
            ("update", OperationKind::Update),
        ] {
            if name.contains(part) {
                return kind;
            }
        }
        OperationKind::Other
    }
}

/// A snapshot, from `ListApplicationSnapshots`, or from `ListSnapshots` and `DescribeSnapshot`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Snapshot {
    /// Name.
    pub name: String,
    /// Status.
    pub status: SnapshotStatus,
    /// The application's version when it was taken. For the automatic one of an update n→n+1 it is not documented which of the two: only corroboration.
    pub version_id: u64,
    /// When it was taken.
    pub created_at: Timestamp,
    /// The runtime it was taken with.
    pub runtime: Option<Runtime>,
    /// The customer managed key that it was written with; None where the key is AWS's own. It keeps that key, whatever the application's is later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_key: Option<String>,
    /// What only an enhanced snapshot says of itself; None of the legacy kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enhanced: Option<EnhancedSnapshot>,
}

/// The job inside the application, from the Flink REST API.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// Id.
    pub id: String,
    /// State.
    pub state: JobState,
    /// When this picture was taken: the JobManager's `now`. Pictures are cached for 3 s by default.
    pub at: Timestamp,
    /// When the job was submitted.
    pub started_at: Timestamp,
    /// Last change to RUNNING (`timestamps.RUNNING`).
    pub running_at: Option<Timestamp>,
    /// Last change to RESTARTING (`timestamps.RESTARTING` > 0). Sticky: never goes back within one job run.
    pub restarting_at: Option<Timestamp>,
    /// Vertices, at most [`VERTICES_KEPT`].
    pub vertices: Vec<Vertex>,
    /// The highest subtask attempt seen. Sticky.
    pub max_attempt: u32,
    /// Metric `numRestarts`, or `fullRestarts` where that is all there is. Sticky, up to 10 s old.
    pub restarts_metric: Option<u64>,
    /// The exceptions, summed up.
    pub faults: Faults,
    /// Checkpoints; None when they could not be read.
    pub checkpoints: Option<Checkpoints>,
}

/// A vertex and its subtasks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Vertex {
    /// Name, shortened.
    pub name: String,
    /// How many subtasks there should be; 0 while a batch job has not planned the stage.
    pub parallelism: u32,
    /// Subtasks by state, those that are not zero. (`status` of a vertex is an aggregate and misleads.)
    pub tasks: BTreeMap<String, u32>,
}

/// The exception history of a job (capped by Flink at 16 entries by default).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Faults {
    /// How many entries the history holds.
    pub known: u32,
    /// Whether older entries are gone.
    pub truncated: bool,
    /// The oldest entry still known.
    pub first: Option<Fault>,
    /// Time of the newest entry. Sticky.
    pub newest_at: Option<Timestamp>,
    /// The newest entry, where it is another than the first: what a loop fails with, while the first may be a lost machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub newest: Option<Fault>,
    /// When each incident began, oldest first: what happens within [`INCIDENT_SECS`] of its first fault is one, the next fault begins another. Restarts of several failover
    /// regions, and the tasks of a lost machine, are one incident.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub incidents: Vec<Timestamp>,
    /// Those of them in which the newest fault was seen, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub repeats: Vec<Timestamp>,
    /// The shortest time between two entries, in milliseconds: the period of a quick loop.
    pub shortest_gap_millis: Option<i64>,
}

/// One exception of a job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// Class, `java.lang.IllegalArgumentException`.
    pub exception: String,
    /// First line of the stack trace, shortened and redacted.
    pub message: String,
    /// The task, with the attempt when Flink says it: `throttle (1/1) - execution #0`.
    pub task: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// Checkpoints of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checkpoints {
    /// Whether the job has no checkpointing at all, as Flink says itself: a batch job never has.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_off: bool,
    /// Completed since the job started.
    pub completed: u64,
    /// Failed since the job started.
    pub failed: u64,
    /// When the latest completed one was acknowledged.
    pub latest_completed_at: Option<Timestamp>,
    /// When the oldest completed one still in the history was triggered, at or after the last restart: all subtasks were RUNNING then, or Flink would not have triggered it.
    pub oldest_completed_triggered_at: Option<Timestamp>,
    /// Whether the job ended with a stop-with-savepoint (`SYNC_SAVEPOINT` completed): stopped by somebody, not finished by itself.
    pub stopped_with_savepoint: bool,
    /// What the job was restored from last.
    pub latest_restored: Option<Restored>,
}

/// `checkpoints.latest.restored`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Restored {
    /// Checkpoint id.
    pub id: u64,
    /// When.
    pub at: Timestamp,
    /// Whether it was a savepoint (a snapshot of the service is one).
    pub is_savepoint: bool,
    /// Where it lies.
    pub path: Option<String>,
}

impl Observation {
    /// Why a part could not be read, if so; what no other look changes first.
    #[must_use]
    pub fn why_unreadable(&self, part: Part) -> Option<&str> {
        let of_part = |one: &&Unreadable| one.what == part;
        let any = || self.unreadable.iter().find(of_part);
        let found = self.refused(part).or_else(any)?;
        Some(found.why.as_str())
    }

    /// The part that could not be read, and that no other look reads as long as nobody changes anything.
    #[must_use]
    pub fn refused(&self, part: Part) -> Option<&Unreadable> {
        self.unreadable
            .iter()
            .find(|one| one.what == part && one.refusal.is_some())
    }
}

impl Observation {
    /// The runtime of an earlier version, if it was read.
    #[must_use]
    pub fn runtime_of(&self, version_id: u64) -> Option<&Runtime> {
        if version_id == self.application.version_id {
            return Some(&self.application.runtime);
        }
        self.versions
            .iter()
            .find(|version| version.id == version_id)
            .map(|version| &version.runtime)
    }

    /// When a version was made, where that is known.
    #[must_use]
    pub fn made_at(&self, version_id: u64) -> Option<Timestamp> {
        if self.application.version_id == version_id {
            return self.application.version_created_at;
        }
        let version = self.versions.iter().find(|one| one.id == version_id)?;
        version.created_at
    }

    /// Which kind of snapshots a version uses, if it was read.
    #[must_use]
    pub fn snapshot_mode_of(&self, version_id: u64) -> Option<&SnapshotMode> {
        if version_id == self.application.version_id {
            return Some(&self.application.snapshot_mode);
        }
        let mut versions = self.versions.iter();
        let version = versions.find(|version| version.id == version_id)?;
        Some(&version.snapshot_mode)
    }

    /// The customer managed key of a version, if it was read and has one.
    #[must_use]
    pub fn customer_key_of(&self, version_id: u64) -> Option<&str> {
        if version_id == self.application.version_id {
            return self.application.customer_key.as_deref();
        }
        let mut versions = self.versions.iter();
        let version = versions.find(|version| version.id == version_id)?;
        version.customer_key.as_deref()
    }

    /// What a version changed against the one it was made from, if both were read.
    #[must_use]
    pub fn changed_by(&self, version_id: u64) -> Option<&[String]> {
        if version_id == self.application.version_id {
            return self.application.changed.as_deref();
        }
        let mut versions = self.versions.iter();
        let version = versions.find(|version| version.id == version_id)?;
        version.changed.as_deref()
    }

    /// Whether an earlier version is known to have lost its code.
    #[must_use]
    pub fn is_code_replaced(&self, version_id: u64) -> bool {
        let mut versions = self.versions.iter();
        versions.any(|version| version.id == version_id && version.is_code_replaced)
    }

    /// The newest operation of one of these kinds.
    pub fn newest(&self, kinds: &[OperationKind]) -> Option<&Operation> {
        self.operations
            .iter()
            .find(|operation| kinds.contains(&operation.kind()))
    }
}

impl Snapshot {
    /// Whether it is known to hold the state of another application, or of one of the same name that was deleted since.
    #[must_use]
    pub fn is_of_another_life(&self) -> bool {
        let source = self.enhanced.as_ref().map(|one| &one.source);
        matches!(
            source,
            Some(SnapshotSource::AnotherApplication { .. } | SnapshotSource::EarlierLife { .. })
        )
    }
}

impl Vertex {
    /// How many subtasks are in `state`.
    #[must_use]
    pub fn tasks_in(&self, state: &str) -> u32 {
        self.tasks.get(state).copied().unwrap_or(0)
    }

    /// Whether every subtask is RUNNING, or FINISHED beside running ones.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.tasks_in("RUNNING")
            .saturating_add(self.tasks_in("FINISHED"))
            == self.parallelism
    }
}

impl Job {
    /// Whether the job is RUNNING and so is every subtask. No proof of health: a looping job shows this in most looks.
    #[must_use]
    pub fn is_all_running(&self) -> bool {
        self.state == JobState::Running
            && !self.vertices.is_empty()
            && self.vertices.iter().all(Vertex::is_up)
    }

    /// Restarts known of this run of the job, by whichever signal knows most.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        let restarting =
            u64::from(self.restarting_at.is_some() || self.state == JobState::Restarting);
        restarting
            .max(u64::from(self.max_attempt))
            .max(u64::from(self.faults.known))
            .max(self.restarts_metric.unwrap_or(0))
    }

    /// The last time anything disturbed this run of the job: its start, a restart, an exception.
    #[must_use]
    pub fn disturbed_at(&self) -> Timestamp {
        [self.running_at, self.restarting_at, self.faults.newest_at]
            .into_iter()
            .flatten()
            .fold(self.started_at, Timestamp::max)
    }

    /// When the first fault happened, as well as can be told: once Flink has dropped the oldest entries, the restarts that are missing are counted back by the shortest
    /// gap seen, which errs towards a later first fault, that is, towards "it had been healthy" and so towards doing nothing.
    #[must_use]
    pub fn first_fault_at(&self) -> Option<Timestamp> {
        let oldest = self
            .faults
            .first
            .as_ref()
            .map(|fault| fault.at)
            .or(self.restarting_at)?;
        let missing = i64::try_from(self.restarts().saturating_sub(u64::from(self.faults.known)))
            .unwrap_or(i64::MAX);
        let back = missing.saturating_mul(self.faults.shortest_gap_millis.unwrap_or(0));
        let counted = oldest
            .checked_sub(jiff::SignedDuration::from_millis(back))
            .unwrap_or(self.started_at);
        Some(counted.max(self.started_at))
    }
}

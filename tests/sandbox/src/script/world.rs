//! What a region is like when it opens, as it is written.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Code, Span, Trail, is_default};

/// What the region is like when it opens.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct World {
    /// When it opens; 2026-03-04T02:47:00Z when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opens: Option<Timestamp>,
    /// Parameters of the stack, beside `Mode`: `act` and `SnapshotScheduleState`: `DISABLED`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// How the service behaves.
    #[serde(skip_serializing_if = "is_default")]
    pub service: Service,
    /// What CloudTrail is like; swift and faultless, and silent about refused calls, when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trail: Option<Trail>,
    /// Who may use which customer managed key, by the id that configurations name; everybody where it is not here.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, KeyUsers>,
    /// Which applications have alarms from the beginning.
    #[serde(skip_serializing_if = "is_default")]
    pub alarms: Alarms,
    /// Functions that answer with a given JSON document instead of what they compute, by package.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub answers: BTreeMap<String, Value>,
    /// What the code at each S3 key does, beside the healthy `orders-5.jar` and `orders-6.jar`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub code: BTreeMap<String, Code>,
    /// The applications. When absent: one like `orders`, with snapshots of 6 and 12 hours ago.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub applications: Option<Vec<Application>>,
}

/// Who may use a customer managed key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum KeyUsers {
    /// Whoever calls, Lifeguard too.
    Everybody,
    /// People, whom its policy names, and not Lifeguard.
    People,
    /// Nobody: it is disabled.
    Nobody,
}

/// Which of the two kinds of snapshots an application has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum SnapshotMode {
    /// Its own, by their names.
    #[default]
    Legacy,
    /// Those of the account, by their ARNs.
    Enhanced,
}

/// Which applications have alarms from the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Alarms {
    /// Those that opted in: somebody let alarm-keeper put them after the deployment.
    #[default]
    Kept,
    /// All, so that Lifeguard is also called to what it must not touch.
    Everywhere,
}

/// How the service behaves where its documentation leaves that open, and how long it takes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Service {
    /// Which snapshot a rollback restores.
    #[serde(skip_serializing_if = "is_default")]
    pub rollback_restores: RollbackRestores,
    /// Which version number a rollback leads to.
    #[serde(skip_serializing_if = "is_default")]
    pub rollback_number: RollbackNumber,
    /// The snapshot of an update carries the new version's number.
    #[serde(skip_serializing_if = "is_default")]
    pub update_snapshot_has_new_version: bool,
    /// Name of the operation by which the service rolls back by itself; `RollbackApplication` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_rollback_operation: Option<String>,
    /// Name of the maintenance operation; `ApplicationMaintenance` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maintenance_operation: Option<String>,
    /// The service's own rollback also catches a job that restarts so soon after an update.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub system_rollback_on_loops: Option<Span>,
    /// Snapshots per application; 1000 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_quota: Option<usize>,
    /// Settings that it has and nobody knows yet, as an `ApplicationConfiguration` would spell them: `ApplicationTieringConfiguration`.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub newer_settings: BTreeSet<String>,
    /// How long single stages take.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub timings: BTreeMap<Stage, Span>,
    /// Every stage takes so many times as long as usual.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times_as_slow: Option<u32>,
}

/// Which snapshot a rollback restores.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RollbackRestores {
    /// The newest from before the change.
    #[default]
    BeforeTheChange,
    /// The newest.
    Latest,
}

/// Which version number a rollback leads to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum RollbackNumber {
    /// A new one.
    #[default]
    New,
    /// That of the version that was gone back to.
    Old,
}

/// A part of an operation that takes time.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Stage {
    /// From StartApplication to the submission of the job.
    Starting,
    /// From the stop of the job to READY.
    Stopping,
    /// From the stop of the old job to the submission of the new one.
    Updating,
    /// From RollbackApplication to the submission of the job.
    RollingBack,
    /// From the force-stop to READY.
    ForceStopping,
    /// From the stop of the job to its submission with another parallelism.
    Autoscaling,
    /// A whole maintenance.
    Maintenance,
    /// A snapshot.
    Snapshot,
    /// A deletion.
    Deleting,
}

/// An application when the region opens, or many of them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Application {
    /// Its name; `orders` when absent. Of many, `#` stands for a digit of the number: `job-####`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it has beside what is written here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub like: Option<Like>,
    /// So many of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub many: Option<Many>,
    /// `FLINK-1_20` when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub runtime: Option<String>,
    /// Its versions, oldest first; the last is the present one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub versions: Vec<Version>,
    /// What went wrong with it before the play; at any other time it ran well.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub incidents: Vec<Incident>,
    /// Its snapshots.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub snapshots: Vec<Snapshot>,
    /// Which kind of snapshots it has, in all its versions; legacy when absent. `snapshots` are of that kind.
    #[serde(skip_serializing_if = "is_default")]
    pub snapshot_mode: SnapshotMode,
    /// Legacy snapshots of an application that has enhanced ones now.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub snapshots_before_switch: Vec<Snapshot>,
    /// Enhanced snapshots of another application of this name that was deleted: they are still there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub snapshots_of_namesake: Vec<Snapshot>,
    /// Its tags.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Its environment properties, by group.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub properties: Map<String, Value>,
    /// The service rolls failed updates back by itself.
    #[serde(skip_serializing_if = "is_default")]
    pub system_rollback: bool,
    /// No snapshots can be taken of it.
    #[serde(skip_serializing_if = "is_default")]
    pub snapshots_disabled: bool,
    /// Its job takes no checkpoints.
    #[serde(skip_serializing_if = "is_default")]
    pub without_checkpoints: bool,
    /// Further parts of its `ApplicationConfiguration`, as the API spells them.
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub configuration: Map<String, Value>,
    /// What flows into it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<Stream>,
    /// It is READY, not RUNNING.
    #[serde(skip_serializing_if = "is_default")]
    pub stopped: bool,
}

/// What an application has beside what is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Like {
    /// Two versions (`orders-5.jar` of 30 days ago, `orders-6.jar` of 5), opted in, with environment properties; no snapshots.
    Orders,
}

/// Many applications.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Many {
    /// The first number.
    pub from: usize,
    /// So many.
    pub count: usize,
    /// What they are like, in turns: number n is of kind n modulo the number of kinds. Without: all as is written beside `many`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kinds: Vec<Kind>,
}

/// A kind of the many.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Kind {
    /// What `ends` calls those of this kind.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub called: Option<String>,
    /// So many in a row are of this kind; 1 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<usize>,
    /// What they are like.
    pub is: Application,
}

/// A version of an application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Version {
    /// The S3 key of its code.
    pub code: String,
    /// How long ago it was made.
    pub age: Span,
}

/// A time before the play in which a job failed and was restarted: metrics tell of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Incident {
    /// How long ago it began.
    pub ago: Span,
    /// From the first fault until every task ran again for good.
    pub lasts: Span,
    /// How many restarts that took.
    pub restarts: u32,
    /// What was thrown.
    pub fault: super::Fault,
}

/// A snapshot, or a row of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Snapshot {
    /// Its name; `{taken}` stands for the time as Lifeguard writes it into names.
    pub name: String,
    /// How long ago it was taken; of a row, the newest.
    pub age: Span,
    /// READY when absent.
    #[serde(default, skip_serializing_if = "is_default")]
    pub status: SnapshotStatus,
    /// Who took it; as its name says when absent: Lifeguard's own begin with `lifeguard-v`, the others are people's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub taken_by: Option<TakenBy>,
    /// So many, each older than the one before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// By so much.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apart: Option<Span>,
}

/// Who took a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum TakenBy {
    /// Lifeguard's schedule.
    Lifeguard,
    /// A person or another tool.
    Person,
    /// The service, within an operation.
    Service,
}

/// A snapshot's status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum SnapshotStatus {
    /// It is being taken.
    Creating,
    /// It can be restored.
    #[default]
    Ready,
    /// It is being deleted.
    Deleting,
    /// It could not be taken.
    Failed,
}

/// What flows into an application.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Stream {
    /// Records a second; 100 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub records_per_sec: Option<u32>,
    /// When a reader sees what the job wrote.
    #[serde(skip_serializing_if = "is_default")]
    pub sink: Sink,
    /// Where a job without state begins to read.
    #[serde(skip_serializing_if = "is_default")]
    pub without_state: StartPosition,
}

/// When a reader sees what a job wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Sink {
    /// When the checkpoint completes.
    #[default]
    ExactlyOnce,
    /// At once.
    AtLeastOnce,
}

/// Where a job without state begins to read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum StartPosition {
    /// At the newest record.
    #[default]
    Latest,
    /// At the oldest.
    TrimHorizon,
}

impl Application {
    /// The name of the one with this number, of many; its name where it is one.
    #[must_use]
    pub fn name_of(&self, number: usize) -> String {
        let pattern = self.name.as_deref().unwrap_or(crate::scenario::APPLICATION);
        let digits = pattern.matches('#').count();
        if digits == 0 {
            return pattern.to_owned();
        }
        let hashes = "#".repeat(digits);
        pattern.replacen(&hashes, &format!("{number:0digits$}"), 1)
    }

    /// The applications that this stands for: the name, what it is like, what its kind is called.
    pub fn each(&self) -> impl Iterator<Item = (String, &Self, Option<&str>)> {
        let (from, count) = self
            .many
            .as_ref()
            .map_or((0, 1), |many| (many.from, many.count));
        let kinds: Vec<&Kind> = self
            .many
            .iter()
            .flat_map(|many| &many.kinds)
            .flat_map(|kind| std::iter::repeat_n(kind, kind.times.unwrap_or(1)))
            .collect();
        (from..from + count).map(move |number| {
            let kind = (!kinds.is_empty()).then(|| kinds[number % kinds.len()]);
            let is = kind.map_or(self, |kind| &kind.is);
            let called = kind.and_then(|kind| kind.called.as_deref());
            (self.name_of(number), is, called)
        })
    }
}

impl World {
    /// Every application's name, with what its kind is called.
    pub fn names(&self) -> Vec<(String, Option<&str>)> {
        let Some(applications) = &self.applications else {
            return vec![(crate::scenario::APPLICATION.to_owned(), None)];
        };
        let each = applications.iter().flat_map(Application::each);
        each.map(|(name, _, called)| (name, called)).collect()
    }
}

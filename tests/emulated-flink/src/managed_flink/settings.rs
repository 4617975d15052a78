//! How the emulated service behaves where it can be chosen: durations, open questions of the facts, and what goes wrong on purpose.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::answer::ApiError;

/// A part of an operation that takes time, and that can be slow or stuck.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
    /// A snapshot, manual or within another operation.
    Snapshot,
    /// A deletion, of an application or a snapshot.
    Deleting,
}

/// How long each stage takes.
#[derive(Clone, Debug)]
pub struct Timings {
    /// By stage; what is not named takes no time.
    pub stages: BTreeMap<Stage, Duration>,
    /// Up to this fraction is added or taken away, by the seed.
    pub jitter: f64,
}

impl Default for Timings {
    fn default() -> Self {
        let seconds = [
            (Stage::Starting, 70),
            (Stage::Stopping, 20),
            (Stage::Updating, 75),
            (Stage::RollingBack, 75),
            (Stage::ForceStopping, 25),
            (Stage::Autoscaling, 60),
            (Stage::Maintenance, 20),
            (Stage::Snapshot, 12),
            (Stage::Deleting, 10),
        ];
        Self {
            stages: seconds
                .into_iter()
                .map(|(stage, seconds)| (stage, Duration::from_secs(seconds)))
                .collect(),
            jitter: 0.1,
        }
    }
}

impl Timings {
    /// With another duration for one stage.
    #[must_use]
    pub fn with(mut self, stage: Stage, duration: Duration) -> Self {
        self.stages.insert(stage, duration);
        self
    }

    /// Without jitter.
    #[must_use]
    pub fn exact(mut self) -> Self {
        self.jitter = 0.0;
        self
    }

    pub(super) fn of(&self, stage: Stage, rng: &mut fastrand::Rng) -> Duration {
        let base = self.stages.get(&stage).copied().unwrap_or_default();
        let factor = 1.0 + self.jitter * (2.0 * rng.f64() - 1.0);
        // Whole milliseconds: the region's timestamps have no more.
        Duration::from_millis((base.as_secs_f64() * 1000.0 * factor).round() as u64)
    }
}

/// Which snapshot RollbackApplication restores: the sources disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RollbackState {
    /// The newest one taken before the present version began to run.
    BeforeTheChange,
    /// The newest one.
    Latest,
}

/// The version number after a rollback: no source says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RollbackVersion {
    /// A new number.
    New,
    /// The number of the version that was gone back to.
    Old,
}

/// Answers to the facts' open questions: the project's code must work whichever way they turn out.
#[derive(Clone, Debug)]
pub struct Quirks {
    /// Which snapshot a rollback restores.
    pub rollback_state: RollbackState,
    /// Which version number it leads to.
    pub rollback_version: RollbackVersion,
    /// Whether the snapshot of an update n→n+1 carries n+1.
    pub update_snapshot_has_new_version: bool,
    /// Name of the operation by which the service rolls back.
    pub system_rollback_operation: String,
    /// Name of the maintenance operation: both `Maintenance` and `ApplicationMaintenance` are seen.
    pub maintenance_operation: String,
    /// System rollback also catches restart loops: when the job has restarted within this time after an update.
    pub system_rollback_on_loops: Option<Duration>,
    /// Snapshots per application.
    pub snapshot_quota: usize,
}

impl Default for Quirks {
    fn default() -> Self {
        Self {
            rollback_state: RollbackState::BeforeTheChange,
            rollback_version: RollbackVersion::New,
            update_snapshot_has_new_version: false,
            system_rollback_operation: "RollbackApplication".to_owned(),
            maintenance_operation: "ApplicationMaintenance".to_owned(),
            system_rollback_on_loops: None,
            snapshot_quota: 1_000,
        }
    }
}

/// What goes wrong with one application, on purpose.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// The next time it gets to this stage, the operation never ends by itself; once each.
    pub stuck: BTreeSet<Stage>,
    /// These stages take so many times as long.
    pub slow: BTreeMap<Stage, u32>,
    /// RollbackApplication is refused with this error.
    pub refuse_rollback: Option<ApiError>,
    /// The next snapshots fail, so many times.
    pub failing_snapshots: u32,
    /// Overrides the service's own choice for this application.
    pub rollback_state: Option<RollbackState>,
}

/// Where the Flink dashboard of an application is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dashboard {
    /// `https://<application>-<hash>.flink.<region>.amazonaws.com/flinkdashboard`.
    Aws,
    /// Below this base, `http://127.0.0.1:4566`: `<base>/flinkdashboard`.
    Loopback(String),
}

/// The emulated service's settings.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `us-east-1`.
    pub region: String,
    /// Twelve digits.
    pub account: String,
    /// Durations.
    pub timings: Timings,
    /// Answers to open questions.
    pub quirks: Quirks,
    /// Settings that the service has and nobody knows yet, by their names in an `ApplicationConfiguration`.
    pub newer: BTreeSet<String>,
    /// Where dashboards are.
    pub dashboard: Dashboard,
    /// Of jitter, names and tokens.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            account: "123456789012".to_owned(),
            timings: Timings::default(),
            quirks: Quirks::default(),
            newer: BTreeSet::new(),
            dashboard: Dashboard::Aws,
            seed: 1,
        }
    }
}

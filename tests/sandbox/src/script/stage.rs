//! From what is written to what a region opens with.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value, json};

use super::{
    Application, RollbackNumber, RollbackRestores, Script, Service, Sink, Snapshot, SnapshotMode,
    SnapshotStatus, Stage as Part, StartPosition, Stream, TakenBy, World,
};
use crate::{
    flink,
    invariants::{OWN_TAG, VERSION_TAG},
    managed_flink,
    managed_flink::{ApplicationSeed, Quirks, Settings, SnapshotSeed},
    region::OPENED,
    scenario::{Stage, hours},
    template::STACK_NAME,
};

impl Script {
    /// What the region opens with.
    #[must_use]
    pub fn stage(&self) -> Stage {
        self.world.stage()
    }
}

impl World {
    /// When the region opens.
    #[must_use]
    pub fn opened(&self) -> Timestamp {
        self.opens
            .unwrap_or_else(|| OPENED.parse().expect("a date"))
    }

    /// What the region opens with.
    #[must_use]
    pub fn stage(&self) -> Stage {
        let mut stage = Stage::of(flink::Code::healthy());
        stage.opened = self.opened();
        for (key, code) in &self.code {
            stage.codebook.insert(key.clone(), code.into());
        }
        if let Some(applications) = &self.applications {
            let each = applications.iter().flat_map(Application::each);
            stage.applications = each
                .map(|(name, application, _)| seed(&name, application, self.opened()))
                .collect();
        }
        stage.parameters.extend(self.parameters.clone());
        stage.settings = settings(&self.service);
        stage.keys = self.keys.clone();
        stage.trail = self.trail.as_ref().map_or(stage.trail, Into::into);
        stage.alarms = self.alarms;
        stage
    }
}

fn settings(service: &Service) -> Settings {
    let mut settings = Settings::default();
    for (stage, time) in &mut settings.timings.stages {
        *time *= service.times_as_slow.unwrap_or(1);
        if let Some((_, own)) = service
            .timings
            .iter()
            .find(|(named, _)| managed_flink::Stage::from(**named) == *stage)
        {
            *time = own.0;
        }
    }
    let usual = Quirks::default();
    settings.quirks = Quirks {
        rollback_state: service.rollback_restores.into(),
        rollback_version: match service.rollback_number {
            RollbackNumber::New => managed_flink::RollbackVersion::New,
            RollbackNumber::Old => managed_flink::RollbackVersion::Old,
        },
        update_snapshot_has_new_version: service.update_snapshot_has_new_version,
        system_rollback_operation: service
            .system_rollback_operation
            .clone()
            .unwrap_or(usual.system_rollback_operation),
        maintenance_operation: service
            .maintenance_operation
            .clone()
            .unwrap_or(usual.maintenance_operation),
        system_rollback_on_loops: service.system_rollback_on_loops.map(|time| time.0),
        snapshot_quota: service.snapshot_quota.unwrap_or(usual.snapshot_quota),
    };
    settings.newer = service.newer_settings.clone();
    settings
}

fn seed(name: &str, application: &Application, opened: Timestamp) -> ApplicationSeed {
    let mut seed = match application.like {
        Some(super::Like::Orders) => Stage::orders().named(name),
        None => ApplicationSeed::new(name),
    };
    if let Some(runtime) = &application.runtime {
        seed = seed.runtime(runtime);
    }
    for version in &application.versions {
        seed = seed.version(&version.code, version.age.0);
    }
    for incident in &application.incidents {
        seed = seed.incident(managed_flink::Incident {
            ago: incident.ago.0,
            lasts: incident.lasts.0,
            restarts: incident.restarts,
            fault: (&incident.fault).into(),
        });
    }
    if let Some(stream) = &application.stream {
        seed = seed.stream(stream.into());
    }
    if !application.properties.is_empty() {
        seed = seed.configured("EnvironmentProperties", properties(&application.properties));
    }
    if application.snapshot_mode == SnapshotMode::Enhanced {
        seed = seed.enhanced();
    }
    for placed in placed(&application.snapshots, opened) {
        seed = seed.with_snapshot(placed);
    }
    for placed in placed(&application.snapshots_before_switch, opened) {
        seed = seed.with_snapshot(placed.legacy());
    }
    for placed in placed(&application.snapshots_of_namesake, opened) {
        seed = seed.with_snapshot(placed.of_namesake());
    }
    for (key, value) in &application.tags {
        seed = seed.tag(key, value);
    }
    if application.system_rollback {
        seed = seed.with_system_rollback();
    }
    if application.snapshots_disabled {
        seed = seed.without_snapshots();
    }
    if application.without_checkpoints {
        let off = json!({ "CheckpointConfiguration": { "ConfigurationType": "CUSTOM", "CheckpointingEnabled": false } });
        seed = seed.configured("FlinkApplicationConfiguration", off);
    }
    for (part, value) in &application.configuration {
        seed = seed.configured(part, value.clone());
    }
    if application.stopped {
        seed = seed.not_running();
    }
    seed
}

/// Snapshots as they are written, each by itself.
fn placed(snapshots: &[Snapshot], opened: Timestamp) -> impl Iterator<Item = SnapshotSeed> {
    snapshots.iter().flat_map(move |snapshot| {
        snapshot.each(opened).map(|(name, age)| {
            let seed = SnapshotSeed::new(&name, age).that_is(snapshot.status.into());
            match snapshot.taken_by {
                Some(TakenBy::Service) => seed.by_service(),
                Some(TakenBy::Lifeguard) => {
                    seed.tag(OWN_TAG, STACK_NAME).tag_of_version(VERSION_TAG)
                }
                Some(TakenBy::Person) | None => seed,
            }
        })
    })
}

/// Environment properties as the API has them.
pub(crate) fn properties(groups: &Map<String, Value>) -> Value {
    let group = |(id, map): (&String, &Value)| json!({ "PropertyGroupId": id, "PropertyMap": map });
    json!({ "PropertyGroups": groups.iter().map(group).collect::<Vec<_>>() })
}

impl Snapshot {
    /// The name and the age of each.
    pub(crate) fn each(&self, opened: Timestamp) -> impl Iterator<Item = (String, Duration)> {
        let apart = self.apart.map_or(hours(6), |apart| apart.0);
        (0..self.count.unwrap_or(1)).map(move |n| {
            let age = self.age.0 + apart * n;
            let taken = opened - SignedDuration::try_from(age).unwrap_or_default();
            let taken = taken.strftime("%Y%m%dT%H%MZ").to_string();
            (self.name.replace("{taken}", &taken), age)
        })
    }
}

impl From<Part> for managed_flink::Stage {
    fn from(part: Part) -> Self {
        match part {
            Part::Starting => Self::Starting,
            Part::Stopping => Self::Stopping,
            Part::Updating => Self::Updating,
            Part::RollingBack => Self::RollingBack,
            Part::ForceStopping => Self::ForceStopping,
            Part::Autoscaling => Self::Autoscaling,
            Part::Maintenance => Self::Maintenance,
            Part::Snapshot => Self::Snapshot,
            Part::Deleting => Self::Deleting,
        }
    }
}

impl From<RollbackRestores> for managed_flink::RollbackState {
    fn from(restores: RollbackRestores) -> Self {
        match restores {
            RollbackRestores::BeforeTheChange => Self::BeforeTheChange,
            RollbackRestores::Latest => Self::Latest,
        }
    }
}

impl From<SnapshotStatus> for managed_flink::SnapshotStatus {
    fn from(status: SnapshotStatus) -> Self {
        match status {
            SnapshotStatus::Creating => Self::Creating,
            SnapshotStatus::Ready => Self::Ready,
            SnapshotStatus::Deleting => Self::Deleting,
            SnapshotStatus::Failed => Self::Failed,
        }
    }
}

impl From<&Stream> for flink::Stream {
    fn from(stream: &Stream) -> Self {
        let usual = Self::default();
        Self {
            records_per_sec: stream.records_per_sec.unwrap_or(usual.records_per_sec),
            sink: match stream.sink {
                Sink::ExactlyOnce => flink::Sink::ExactlyOnce,
                Sink::AtLeastOnce => flink::Sink::AtLeastOnce,
            },
            without_state: match stream.without_state {
                StartPosition::Latest => flink::StartPosition::Latest,
                StartPosition::TrimHorizon => flink::StartPosition::TrimHorizon,
            },
        }
    }
}

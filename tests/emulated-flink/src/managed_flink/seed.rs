//! An application that is there when a scenario begins: its versions, its snapshots with their ages, its tags, and a job that has run well for a while.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::application::{Application, Operation, Snapshot, Version};
use super::enhanced::{SnapshotOperation, Source};
use super::mode;
use super::newer::Newer;
use super::past::PastOf;
use super::settings::Faults;
use super::status::{OperationStatus, SnapshotStatus, Status};
use super::{ManagedFlink, State};
use crate::flink::{Fault, Launch, NotPlaced, Stream, code_identity};
use ground::journal::Actor;

/// How long another application of the same name was there before its snapshot was taken.
const NAMESAKE_LIVED: SignedDuration = SignedDuration::from_hours(24);

/// A version of the past.
#[derive(Clone, Debug)]
struct VersionSeed {
    code: String,
    runtime: String,
    age: Duration,
}

/// A snapshot of the past. It is of the kind that its application has.
#[derive(Clone, Debug)]
pub struct SnapshotSeed {
    name: String,
    age: Duration,
    status: SnapshotStatus,
    by_service: bool,
    legacy: bool,
    of_namesake: bool,
    tags: BTreeMap<String, String>,
    /// The tag whose value is the version that it was taken of.
    version_tag: Option<String>,
}

impl SnapshotSeed {
    /// A READY one, taken `age` ago by the version of that time.
    pub fn new(name: &str, age: Duration) -> Self {
        Self {
            name: name.to_owned(),
            age,
            status: SnapshotStatus::Ready,
            by_service: false,
            legacy: false,
            of_namesake: false,
            tags: BTreeMap::new(),
            version_tag: None,
        }
    }

    /// In another status.
    #[must_use]
    pub fn that_is(mut self, status: SnapshotStatus) -> Self {
        self.status = status;
        self
    }

    /// Taken by the service, within the operation that made the next version; of enhanced ones only that tells.
    #[must_use]
    pub fn by_service(mut self) -> Self {
        self.by_service = true;
        self
    }

    /// A legacy one, whatever the application has now.
    #[must_use]
    pub fn legacy(mut self) -> Self {
        self.legacy = true;
        self
    }

    /// Of another application of the same name, that was deleted: enhanced ones outlive it.
    #[must_use]
    pub fn of_namesake(mut self) -> Self {
        self.of_namesake = true;
        self
    }

    /// With a tag of its own, which only enhanced ones have.
    #[must_use]
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.tags.insert(key.to_owned(), value.to_owned());
        self
    }

    /// With a tag whose value is the version that it was taken of.
    #[must_use]
    pub fn tag_of_version(mut self, key: &str) -> Self {
        self.version_tag = Some(key.to_owned());
        self
    }
}

/// Something that went wrong with a job in the past, and was over again by itself.
#[derive(Clone, Debug)]
pub struct Incident {
    /// How long ago it began.
    pub ago: Duration,
    /// From the first fault to every task running again, for good.
    pub lasts: Duration,
    /// How many restarts that took.
    pub restarts: u32,
    /// What was thrown.
    pub fault: Fault,
}

/// What an application is like when a scenario begins. Versions are named oldest first; the last is the present one.
#[derive(Clone, Debug)]
pub struct ApplicationSeed {
    name: String,
    runtime: String,
    versions: Vec<VersionSeed>,
    snapshots: Vec<SnapshotSeed>,
    incidents: Vec<Incident>,
    /// How long ago an application of the same name was created and deleted.
    namesake: Option<(Duration, Duration)>,
    tags: BTreeMap<String, String>,
    stream: Stream,
    /// An `ApplicationConfiguration`, without the code.
    configuration: Value,
    running: bool,
}

impl ApplicationSeed {
    /// An application of Flink 1.20, RUNNING, with no version yet.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            runtime: "FLINK-1_20".to_owned(),
            versions: Vec::new(),
            snapshots: Vec::new(),
            incidents: Vec::new(),
            namesake: None,
            tags: BTreeMap::new(),
            stream: Stream::default(),
            configuration: json!({}),
            running: true,
        }
    }

    /// The same under another name.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Under this runtime; versions named after it run under it. `SQL-1_0` and `ZEPPELIN-FLINK-3_0` can be described, nothing more.
    #[must_use]
    pub fn runtime(mut self, runtime: &str) -> Self {
        self.runtime = runtime.to_owned();
        self
    }

    /// The same application as if all its versions ran under this runtime.
    #[must_use]
    pub fn all_on(mut self, runtime: &str) -> Self {
        for version in &mut self.versions {
            runtime.clone_into(&mut version.runtime);
        }
        self.runtime(runtime)
    }

    /// With a version of the code at this S3 key, created `age` ago.
    #[must_use]
    pub fn version(mut self, code: &str, age: Duration) -> Self {
        self.versions.push(VersionSeed {
            code: code.to_owned(),
            runtime: self.runtime.clone(),
            age,
        });
        self
    }

    /// With a READY snapshot, taken `age` ago by the version of that time.
    #[must_use]
    pub fn snapshot(self, name: &str, age: Duration) -> Self {
        self.with_snapshot(SnapshotSeed::new(name, age))
    }

    /// With a snapshot in another status.
    #[must_use]
    pub fn snapshot_that_is(self, status: SnapshotStatus, name: &str, age: Duration) -> Self {
        self.with_snapshot(SnapshotSeed::new(name, age).that_is(status))
    }

    /// With any snapshot.
    #[must_use]
    pub fn with_snapshot(mut self, snapshot: SnapshotSeed) -> Self {
        self.snapshots.push(snapshot);
        self
    }

    /// With enhanced snapshots, in all its versions.
    #[must_use]
    pub fn enhanced(self) -> Self {
        self.configured(
            "ApplicationSnapshotConfiguration",
            json!({ "SnapshotsEnabled": true, "SnapshotMode": mode::ENHANCED }),
        )
    }

    /// With something that went wrong in its past, while the version of that time ran.
    #[must_use]
    pub fn incident(mut self, incident: Incident) -> Self {
        self.incidents.push(incident);
        self
    }

    /// After another application of the same name, which was created and deleted so long ago: CloudWatch tells the two apart by nothing but time.
    #[must_use]
    pub fn namesake(mut self, created: Duration, deleted: Duration) -> Self {
        self.namesake = Some((created, deleted));
        self
    }

    /// With a tag.
    #[must_use]
    pub fn tag(mut self, key: &str, value: &str) -> Self {
        self.tags.insert(key.to_owned(), value.to_owned());
        self
    }

    /// With this stream of records.
    #[must_use]
    pub fn stream(mut self, stream: Stream) -> Self {
        self.stream = stream;
        self
    }

    /// With further parts of an `ApplicationConfiguration` in every version: environment properties, VPC, checkpoints …
    #[must_use]
    pub fn configured(mut self, part: &str, value: Value) -> Self {
        self.configuration[part] = value;
        self
    }

    /// With the service's own rollback enabled.
    #[must_use]
    pub fn with_system_rollback(self) -> Self {
        self.configured(
            "ApplicationSystemRollbackConfiguration",
            json!({ "RollbackEnabled": true }),
        )
    }

    /// With snapshots disabled.
    #[must_use]
    pub fn without_snapshots(self) -> Self {
        self.configured(
            "ApplicationSnapshotConfiguration",
            json!({ "SnapshotsEnabled": false }),
        )
    }

    /// READY: not started.
    #[must_use]
    pub fn not_running(mut self) -> Self {
        self.running = false;
        self
    }

    fn describe(&self, version: &VersionSeed, newer: Newer<'_>) -> Value {
        if !version.runtime.starts_with("FLINK-") {
            return json!({});
        }
        let mut configuration = self.configuration.clone();
        let location = json!({ "BucketARN": format!("arn:aws:s3:::{}-code", self.name), "FileKey": version.code });
        configuration["ApplicationCodeConfiguration"] = json!({ "CodeContentType": "ZIPFILE", "CodeContent": { "S3ContentLocation": location } });
        newer
            .describe(&configuration)
            .expect("a scenario's configuration is valid")
    }
}

impl ManagedFlink {
    /// Places an application on a simulated cluster.
    ///
    /// # Panics
    /// When the seed names no version, or code that is not in the codebook: a mistake in the scenario. Over real clusters also when none can be had: there,
    /// [`Self::try_add_application`] is meant.
    pub fn add_application(&self, seed: ApplicationSeed) {
        self.try_add_application(seed)
            .unwrap_or_else(|error| panic!("{error}"));
    }

    /// Places an application.
    ///
    /// # Errors
    /// When its cluster cannot be had.
    ///
    /// # Panics
    /// When the seed names no version, or code that is not in the codebook: a mistake in the scenario.
    pub fn try_add_application(&self, seed: ApplicationSeed) -> Result<(), NotPlaced> {
        let now = self.inner.clock.now();
        let ago = |age: Duration| now - SignedDuration::try_from(age).expect("an age that fits");
        let status = if seed.running {
            Status::Running
        } else {
            Status::Ready
        };
        let versions = versions(&seed, status, Newer(&self.inner.settings.newer), ago);
        let current = *versions
            .keys()
            .next_back()
            .expect("a seed names at least one version");
        let present = versions[&current].clone();
        let flink = present.runtime.starts_with("FLINK-");
        if flink {
            self.backstage.open_stream(&seed.name, seed.stream);
        }
        let placed: Vec<(SnapshotSeed, Snapshot)> = seed
            .snapshots
            .iter()
            .map(|snapshot| {
                let placed = self.placed(&seed.name, &versions, snapshot, ago(snapshot.age));
                (snapshot.clone(), placed)
            })
            .collect();
        let (legacy, enhanced): (Vec<_>, Vec<_>) = placed
            .into_iter()
            .partition(|(seed, _)| seed.legacy || !present.is_enhanced());
        let snapshots = legacy.into_iter().map(|(_, placed)| placed).collect();
        let created = versions[&1].created;
        let past = PastOf {
            application: &seed.name,
            versions: &versions.values().cloned().collect::<Vec<_>>(),
            incidents: &seed.incidents,
            namesake: seed.namesake,
            records_per_sec: seed.stream.records_per_sec,
        };
        let faults = (seed.running && flink).then(|| self.remember(&past, now));
        let ran = faults.as_ref().map(|_| self.ran_before(&past, now));
        let operations = started_operations(&versions, seed.running);
        let application = Application {
            arn: self.inner.arn(&seed.name),
            description: None,
            mode: (!flink && present.runtime.starts_with("ZEPPELIN"))
                .then(|| "INTERACTIVE".to_owned()),
            created,
            updated: present.created,
            status,
            current,
            versions,
            snapshots,
            operations,
            tags: seed.tags,
            maintenance_from: "03:00".to_owned(),
            faults: Faults::default(),
            machine_lost: None,
            active: None,
            name: seed.name.clone(),
        };
        let mut state = self.inner.lock();
        for (seed, snapshot) in enhanced {
            self.place_enhanced(&mut state, &application, seed, snapshot);
        }
        state.applications.insert(seed.name.clone(), application);
        drop(state);
        if seed.running && flink {
            let launch = Launch {
                application: seed.name.clone(),
                version: current,
                configuration: present.configuration,
                runtime: present.runtime,
                restore: None,
            };
            self.backstage
                .place_job(&launch, present.created, &faults.unwrap_or_default())?;
            self.backstage.remember(&seed.name, ran.unwrap_or_default());
        }
        self.inner.journal.tell(
            Actor::Service,
            Some(&seed.name),
            format!("the application is {} at version {current}", status.name()),
        );
        Ok(())
    }

    /// An enhanced snapshot of the past, and the operation that took it.
    fn place_enhanced(
        &self,
        state: &mut State,
        application: &Application,
        seed: SnapshotSeed,
        snapshot: Snapshot,
    ) {
        let made_by = seed.by_service.then_some("SystemCreateSnapshot");
        let created = snapshot.created;
        let mut placed = self.inner.placed_enhanced(application, snapshot, made_by);
        placed.tags = seed.tags;
        let version = placed.snapshot.version.to_string();
        placed
            .tags
            .extend(seed.version_tag.map(|key| (key, version)));
        if seed.of_namesake {
            placed.source = Source::Application {
                name: application.name.clone(),
                created: created.min(application.created) - NAMESAKE_LIVED,
            };
        }
        let next = application
            .versions
            .values()
            .find(|one| one.created >= created);
        let cause = next.filter(|_| seed.by_service).map(|next| seeded(next.id));
        let begun =
            SnapshotOperation::begun(placed.made_by, &seed.name, placed.arn.clone(), created);
        state.account.operations.push(SnapshotOperation {
            id: format!("seeded{:026}", state.account.operations.len()),
            status: OperationStatus::Successful,
            ended: Some(created),
            cause: cause.map(|operation| (operation, application.name.clone())),
            ..begun
        });
        state.account.snapshots.insert(seed.name, placed);
    }

    fn placed(
        &self,
        application: &str,
        versions: &BTreeMap<i64, Version>,
        seed: &SnapshotSeed,
        created: Timestamp,
    ) -> Snapshot {
        let version = versions
            .values()
            .rev()
            .find(|version| version.created <= created)
            .unwrap_or(&versions[&1]);
        let location = self.backstage.place_savepoint(
            application,
            &seed.name,
            created,
            &code_identity(&version.configuration),
        );
        Snapshot {
            name: seed.name.clone(),
            status: seed.status,
            version: version.id,
            created,
            runtime: version.runtime.clone(),
            location,
            key: version.key(),
        }
    }
}

/// The id of the operation that made a version.
fn seeded(version: i64) -> String {
    format!("seeded{version:026}")
}

fn versions(
    seed: &ApplicationSeed,
    status: Status,
    newer: Newer<'_>,
    ago: impl Fn(Duration) -> Timestamp,
) -> BTreeMap<i64, Version> {
    let version = |(id, version): (i64, &VersionSeed)| {
        let created = ago(version.age);
        let version = Version {
            id,
            created,
            updated_from: (id > 1).then_some(id - 1),
            rolled_back_from: None,
            rolled_back_to: None,
            runtime: version.runtime.clone(),
            role: "arn:aws:iam::123456789012:role/flink-application".to_owned(),
            configuration: seed.describe(version, newer),
            logging: Vec::new(),
            status,
            launched: Some(created),
        };
        (id, version)
    };
    (1..).zip(&seed.versions).map(version).collect()
}

/// The operations that led here: a start, and an update for each further version.
fn started_operations(versions: &BTreeMap<i64, Version>, running: bool) -> Vec<Operation> {
    let operation = |version: &Version| Operation {
        id: seeded(version.id),
        kind: if version.updated_from.is_none() {
            "StartApplication"
        } else {
            "UpdateApplication"
        }
        .to_owned(),
        started: version.created,
        ended: Some(version.created + SignedDuration::from_secs(90)),
        status: OperationStatus::Successful,
        versions: version.updated_from.map(|from| (from, version.id)),
        error: None,
        rollback_operation: None,
    };
    if running {
        versions.values().map(operation).collect()
    } else {
        Vec::new()
    }
}

//! What a scenario does to the service and sees of it, from Rust: dependencies, faults, maintenance, scaling, and views.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};

use super::application::Snapshot;
use super::settings::{Faults, Stage};
use super::status::{OperationStatus, SnapshotStatus, Status};
use super::views::{ApplicationView, OperationView, SnapshotView, Standing, VersionView};
use super::{ManagedFlink, objects};
use crate::flink::real::JobRun;
use crate::flink::{
    ClusterEvent, Code, Record, Records, SimulatedFlink, code_identity, content_of,
};
use ground::journal::Actor;

impl ManagedFlink {
    /// How an application stands; None when there is none of that name.
    pub fn standing(&self, name: &str) -> Option<Standing> {
        let (up_since, shown_up_since) = (
            self.backstage.up_since(name),
            self.backstage.shown_up_since(name),
        );
        let state = self.inner.lock();
        let application = state.applications.get(name)?;
        let busy = application
            .operations
            .iter()
            .rev()
            .find(|operation| operation.status == OperationStatus::InProgress);
        Some(Standing {
            status: application.status,
            version: application.current,
            busy_since: busy.map(|operation| operation.started),
            job_up_since: up_since,
            up_since: up_since.filter(|_| application.status == Status::Running),
            shown_up_since,
            tags: application.tags.clone(),
        })
    }

    /// What really happened to the jobs of an application since it was created; of another one of the same name before nothing.
    pub fn record(&self, name: &str) -> Record {
        let mut record = self.backstage.record(name);
        let created = self
            .inner
            .lock()
            .applications
            .get(name)
            .map(|one| one.created);
        let is_its = |at: Timestamp| created.is_none_or(|created| at >= created);
        record.ran.retain(|one| is_its(one.from));
        record.faults.retain(|at| is_its(*at));
        record.launches.retain(|one| is_its(one.at));
        record
    }

    /// When an application lost a TaskManager last, which nobody sees before the heartbeat's time is up.
    pub fn machine_lost(&self, name: &str) -> Option<Timestamp> {
        self.inner.lock().applications.get(name)?.machine_lost
    }

    /// All versions of an application, oldest first.
    pub fn versions(&self, name: &str) -> Vec<VersionView> {
        let state = self.inner.lock();
        let view = |version: &super::application::Version| VersionView {
            id: version.id,
            code: code_identity(&version.configuration)
                .into_iter()
                .next()
                .unwrap_or_default(),
            was_overwritten: objects::is_overwritten(&version.configuration),
            runtime: version.runtime.clone(),
            launched: version.launched,
            created: version.created,
            enhanced: version.is_enhanced(),
            content: content_of(&version.runtime, &version.configuration),
            rolled_back_to: version.rolled_back_to,
        };
        state
            .applications
            .get(name)
            .map(|application| application.versions.values().map(view).collect())
            .unwrap_or_default()
    }

    /// The environment properties of an application, of all groups.
    pub fn properties(&self, name: &str) -> BTreeMap<String, String> {
        let state = self.inner.lock();
        let Some(application) = state.applications.get(name) else {
            return BTreeMap::new();
        };
        let groups = &application.version().configuration["EnvironmentPropertyDescriptions"]["PropertyGroupDescriptions"];
        let maps = groups.as_array().into_iter().flatten();
        maps.filter_map(|group| group["PropertyMap"].as_object())
            .flatten()
            .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
            .collect()
    }

    /// The simulated clusters.
    ///
    /// # Panics
    /// When the service runs over another data plane: a mistake in the scenario.
    pub fn flink(&self) -> &SimulatedFlink {
        self.flink
            .as_ref()
            .expect("a scenario of this kind needs simulated clusters")
    }

    /// What each launch of an application's job did, as its ledger says; empty over simulated clusters.
    pub fn job_runs(&self, application: &str) -> Vec<JobRun> {
        self.backstage.job_runs(application)
    }

    /// Records that an application's log had at a moment; None over simulated clusters.
    pub fn written(&self, application: &str, at: Timestamp) -> Option<u64> {
        self.backstage.written(application, at)
    }

    /// Adds code, or replaces what lies at this S3 key: later launches run it.
    pub fn add_code(&self, key: &str, code: Code) {
        self.backstage.add_code(key, code);
    }

    /// Somebody overwrites the S3 object at this key with this code: whoever names the key from now on gets it.
    pub fn overwrite(&self, key: &str, code: &str) {
        self.inner.lock().objects.overwrite(key, code);
    }

    /// Names of all applications.
    pub fn applications(&self) -> Vec<String> {
        self.inner.lock().applications.keys().cloned().collect()
    }

    /// An application as it is now; None when there is none of that name.
    pub fn application(&self, name: &str) -> Option<ApplicationView> {
        let healthy = self.inner.plane.is_healthy(name);
        let state = self.inner.lock();
        let application = state.applications.get(name)?;
        let operation = |operation: &super::application::Operation| OperationView {
            kind: operation.kind.clone(),
            status: operation.status,
            started: operation.started,
            ended: operation.ended,
            error: operation.error.clone(),
        };
        let account = state.account.snapshots.values();
        let enhanced = account
            .filter(|one| one.is_of(application))
            .map(SnapshotView::of_account);
        let legacy = application.snapshots.iter();
        let legacy = legacy.map(|one| SnapshotView::of(one, None));
        let mut snapshots: Vec<SnapshotView> = legacy.chain(enhanced).collect();
        snapshots
            .sort_by(|left, right| (left.created, &left.name).cmp(&(right.created, &right.name)));
        let version = application.version();
        Some(ApplicationView {
            name: application.name.clone(),
            arn: application.arn.clone(),
            status: application.status,
            version: application.current,
            enhanced: version.is_enhanced(),
            created: application.created,
            runtime: version.runtime.clone(),
            code: code_identity(&version.configuration)
                .into_iter()
                .next()
                .unwrap_or_default(),
            healthy: healthy && application.status == Status::Running,
            snapshots,
            operations: application.operations.iter().map(operation).collect(),
            tags: application.tags.clone(),
        })
    }

    /// The enhanced snapshots of the account, by name: of all applications, also of those that are gone.
    pub fn account_snapshots(&self) -> Vec<SnapshotView> {
        let state = self.inner.lock();
        let all = state.account.snapshots.values();
        all.map(SnapshotView::of_account).collect()
    }

    /// The count of an application's records, now.
    pub fn records(&self, application: &str) -> Records {
        self.backstage.records(application)
    }

    /// Switches a dependency of jobs off (`up` false) or on again.
    pub fn set_dependency(&self, name: &str, up: bool) {
        self.backstage.set_dependency(name, up);
    }

    /// Kills a TaskManager of an application: unnoticed for a while, then one restart.
    pub fn kill_task_manager(&self, application: &str) {
        self.befall(application, &ClusterEvent::TaskManagerLost);
    }

    /// Kills the JobManager of an application: its REST API is gone for some seconds, then the job begins a new life from its last checkpoint.
    pub fn kill_job_manager(&self, application: &str) {
        self.befall(application, &ClusterEvent::JobManagerLost);
    }

    /// Something befalls the cluster of an application.
    pub fn befall(&self, application: &str, event: &ClusterEvent) {
        let loses = matches!(
            event,
            ClusterEvent::TaskManagerLost | ClusterEvent::SlotsLost { .. }
        );
        if loses && let Some(application) = self.inner.lock().applications.get_mut(application) {
            application.machine_lost = Some(self.inner.clock.now());
        }
        self.backstage.befall(application, event);
    }

    /// Changes what goes wrong with an application.
    ///
    /// # Panics
    /// When there is no such application: a mistake in the scenario.
    pub fn faults(&self, application: &str, change: impl FnOnce(&mut Faults)) {
        let mut state = self.inner.lock();
        let application = state
            .applications
            .get_mut(application)
            .unwrap_or_else(|| panic!("there is no application {application}"));
        change(&mut application.faults);
    }

    /// Removes a tag of an application.
    pub fn remove_tag(&self, application: &str, key: &str) {
        if let Some(application) = self.inner.lock().applications.get_mut(application) {
            application.tags.remove(key);
        }
    }

    /// Sets a tag of an application.
    pub fn set_tag(&self, application: &str, key: &str, value: &str) {
        if let Some(application) = self.inner.lock().applications.get_mut(application) {
            application.tags.insert(key.to_owned(), value.to_owned());
        }
    }

    /// Puts an application into a status that the emulated service does not take by itself, like ROLLED_BACK.
    pub fn set_status(&self, application: &str, status: Status) {
        if let Some(application) = self.inner.lock().applications.get_mut(application) {
            application.status = status;
        }
        self.inner.journal.tell(
            Actor::Service,
            Some(application),
            format!("the application is {}", status.name()),
        );
    }

    /// Removes all snapshots, as a careless hand would.
    pub fn delete_snapshots(&self, application: &str) {
        let mut state = self.inner.lock();
        let super::State {
            applications,
            account,
            ..
        } = &mut *state;
        if let Some(application) = applications.get_mut(application) {
            application.snapshots.clear();
            account.snapshots.retain(|_, one| !one.is_of(application));
        }
    }

    /// Places a READY snapshot that was taken `age` ago by the version that ran then: also one of a bad version, which a healthy hand could not take.
    ///
    /// # Panics
    /// When there is no such application: a mistake in the scenario.
    pub fn place_snapshot(&self, application: &str, snapshot: &str, age: std::time::Duration) {
        let created =
            self.inner.clock.now() - SignedDuration::try_from(age).expect("an age that fits");
        let (version, identity) = {
            let state = self.inner.lock();
            let application = state
                .applications
                .get(application)
                .unwrap_or_else(|| panic!("there is no application {application}"));
            let ran = |version: &&super::application::Version| {
                version.launched.is_some_and(|launched| launched <= created)
            };
            let version = application
                .versions
                .values()
                .rev()
                .find(ran)
                .unwrap_or_else(|| application.version());
            (version.id, code_identity(&version.configuration))
        };
        let location = self
            .backstage
            .place_savepoint(application, snapshot, created, &identity);
        let mut state = self.inner.lock();
        let super::State {
            applications,
            account,
            ..
        } = &mut *state;
        let Some(application) = applications.get_mut(application) else {
            return;
        };
        let placed = Snapshot {
            status: SnapshotStatus::Ready,
            location,
            ..application.begun_snapshot(snapshot, created, Some(version))
        };
        if application.version().is_enhanced() {
            let one = self.inner.placed_enhanced(application, placed, None);
            account.snapshots.insert(snapshot.to_owned(), one);
        } else {
            application.snapshots.push(placed);
        }
    }

    /// Begins a maintenance: MAINTENANCE, one restart of the job, RUNNING again. False when the application is not RUNNING.
    pub fn start_maintenance(&self, application: &str) -> bool {
        let inner = self.inner.clone();
        let kind = inner.settings.quirks.maintenance_operation.clone();
        let mut state = self.inner.lock();
        if state
            .applications
            .get(application)
            .is_none_or(|application| application.status != Status::Running)
        {
            return false;
        }
        self.inner.begin(
            &mut state,
            application,
            &kind,
            None,
            Status::Maintenance,
            |name, operation| async move {
                inner.plane.replace_machines(&name).await;
                inner.stage(&name, Stage::Maintenance).await;
                inner.close(&name, &operation, Status::Running, None);
            },
        );
        true
    }

    /// Begins an autoscaling to another parallelism. False when the application is not RUNNING.
    pub fn autoscale(&self, application: &str, parallelism: u32) -> bool {
        let inner = self.inner.clone();
        let mut state = self.inner.lock();
        if state
            .applications
            .get(application)
            .is_none_or(|application| application.status != Status::Running)
        {
            return false;
        }
        self.inner.begin(
            &mut state,
            application,
            "AutoScaling",
            None,
            Status::Autoscaling,
            |name, operation| async move {
                inner
                    .run_autoscale(&name, &operation, parallelism.into())
                    .await;
            },
        );
        true
    }
}

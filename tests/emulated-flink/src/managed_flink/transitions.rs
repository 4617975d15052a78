//! What happens after a verb has answered: the operation under way, stage by stage.

use std::future::Future;
use std::sync::Arc;

use super::application::Operation;
use super::enhanced::{Kinds, Named};
use super::settings::Stage;
use super::status::{OperationStatus, SnapshotStatus, Status};
use super::{Inner, State, mode};
use crate::flink::{Ended, Launch, Restore, SubmissionFailed};
use ground::journal::Actor;

impl Inner {
    /// Begins an operation: the former one is cancelled, the status taken and told, the rest runs on by itself. Its id.
    pub(super) fn begin<Run, Running>(
        self: &Arc<Self>,
        state: &mut State,
        name: &str,
        kind: &str,
        versions: Option<(i64, i64)>,
        status: Status,
        run: Run,
    ) -> String
    where
        Run: FnOnce(String, String) -> Running,
        Running: Future<Output = ()> + Send + 'static,
    {
        let id = self.open_operation(state, name, kind, versions, status);
        let task = tokio::spawn(run(name.to_owned(), id.clone()));
        if let Some(application) = state.applications.get_mut(name) {
            application.active = Some((id.clone(), task.abort_handle()));
        }
        id
    }

    /// The operation's record, and the status that goes with it.
    pub(super) fn open_operation(
        &self,
        state: &mut State,
        name: &str,
        kind: &str,
        versions: Option<(i64, i64)>,
        status: Status,
    ) -> String {
        let id = state.id(32);
        let now = self.clock.now();
        let Some(application) = state.applications.get_mut(name) else {
            return id;
        };
        if let Some((former, task)) = application.active.take() {
            task.abort();
            let former = application.operation_mut(&former);
            (former.status, former.ended) = (OperationStatus::Cancelled, Some(now));
            let former = former.id.clone();
            application.abandon_snapshots();
            state.abandon_enhanced(&former, now);
        }
        let Some(application) = state.applications.get_mut(name) else {
            return id;
        };
        application.operations.push(Operation {
            id: id.clone(),
            kind: kind.to_owned(),
            started: now,
            ended: None,
            status: OperationStatus::InProgress,
            versions,
            error: None,
            rollback_operation: None,
        });
        (application.status, application.updated) = (status, now);
        let versions =
            versions.map_or_else(String::new, |(from, to)| format!(", version {from} → {to}"));
        self.journal.tell(
            Actor::Service,
            Some(name),
            format!(
                "{kind} begins{versions}: the application is {}",
                status.name()
            ),
        );
        id
    }

    /// Ends an operation and takes the status.
    pub(super) fn close(&self, name: &str, operation: &str, status: Status, error: Option<&str>) {
        let now = self.clock.now();
        let mut state = self.lock();
        let Some(application) = state.applications.get_mut(name) else {
            return;
        };
        (application.status, application.updated, application.active) = (status, now, None);
        let current = application.current;
        if status == Status::Running
            && let Some(version) = application.versions.get_mut(&current)
        {
            version.launched.get_or_insert(now);
        }
        let record = application.operation_mut(operation);
        (record.ended, record.error) = (Some(now), error.map(str::to_owned));
        record.status = if error.is_some() {
            OperationStatus::Failed
        } else {
            OperationStatus::Successful
        };
        let kind = record.kind.clone();
        drop(state);
        let how = error.map_or_else(
            || "has succeeded".to_owned(),
            |error| format!("FAILED: {error}"),
        );
        self.journal.tell(
            Actor::Service,
            Some(name),
            format!(
                "{kind} {how}; the application is {} at version {current}",
                status.name()
            ),
        );
    }

    /// Lets the time of a stage pass. A stuck one never ends: only another operation takes over.
    pub(super) async fn stage(&self, name: &str, stage: Stage) {
        let (time, stuck) = {
            let mut state = self.lock();
            let time = self.settings.timings.of(stage, &mut state.rng);
            let faults = state
                .applications
                .get_mut(name)
                .map(|application| &mut application.faults);
            match faults {
                Some(faults) => (
                    time * faults.slow.get(&stage).copied().unwrap_or(1),
                    faults.stuck.remove(&stage),
                ),
                None => (time, false),
            }
        };
        if stuck {
            std::future::pending::<()>().await;
        }
        tokio::time::sleep(time).await;
    }

    pub(super) async fn run_start(self: &Arc<Self>, name: &str, operation: &str) {
        self.stage(name, Stage::Starting).await;
        match self.launch(name, None).await {
            Ok(()) => self.close(name, operation, Status::Running, None),
            Err(failure) => {
                self.plane.cancel(name).await;
                self.close(name, operation, Status::Ready, Some(&failure.message));
            }
        }
    }

    pub(super) async fn run_stop(self: &Arc<Self>, name: &str, operation: &str) {
        if let Err(error) = self.stop_job(name, operation, None).await {
            return self.close(name, operation, Status::Running, Some(&error));
        }
        self.stage(name, Stage::Stopping).await;
        self.close(name, operation, Status::Ready, None);
    }

    pub(super) async fn run_force_stop(self: &Arc<Self>, name: &str, operation: &str) {
        self.plane.cancel(name).await;
        self.stage(name, Stage::ForceStopping).await;
        self.close(name, operation, Status::Ready, None);
    }

    pub(super) async fn run_update(self: &Arc<Self>, name: &str, operation: &str, from: i64) {
        let carries = (!self.settings.quirks.update_snapshot_has_new_version).then_some(from);
        let taken = match self.stop_job(name, operation, carries).await {
            Ok(taken) => taken,
            Err(error) => {
                self.withdraw_version(name, from);
                return self.close(name, operation, Status::Running, Some(&error));
            }
        };
        self.stage(name, Stage::Updating).await;
        match self.launch(name, self.unless_named(name, taken)).await {
            Ok(()) => {
                self.close(name, operation, Status::Running, None);
                self.watch_for_loops(name, operation);
            }
            Err(failure) => self.failed_change(name, operation, failure).await,
        }
    }

    pub(super) async fn run_autoscale(
        self: &Arc<Self>,
        name: &str,
        operation: &str,
        parallelism: i64,
    ) {
        let taken = match self.stop_job(name, operation, None).await {
            Ok(taken) => taken,
            Err(error) => return self.close(name, operation, Status::Running, Some(&error)),
        };
        self.stage(name, Stage::Autoscaling).await;
        if let Some(application) = self.lock().applications.get_mut(name) {
            let current = application.current;
            let version = application
                .versions
                .get_mut(&current)
                .expect("the present version exists");
            version.configuration["FlinkApplicationConfigurationDescription"]["ParallelismConfigurationDescription"]
                ["CurrentParallelism"] = parallelism.into();
        }
        match self.launch(name, taken).await {
            Ok(()) => self.close(name, operation, Status::Running, None),
            Err(failure) => self.failed_change(name, operation, failure).await,
        }
    }

    /// Stops the job; where snapshots are enabled, with one that the service takes.
    pub(super) async fn stop_job(
        self: &Arc<Self>,
        name: &str,
        operation: &str,
        version: Option<i64>,
    ) -> Result<Option<Named>, String> {
        let snapshot = self.begin_system_snapshot(name, operation, version);
        match snapshot {
            Some(snapshot) => match self.take_snapshot(name, &snapshot, true).await {
                Ok(()) => Ok(Some(snapshot)),
                Err(_) => Err(super::snapshots::downtime(name)),
            },
            None => {
                self.plane.cancel(name).await;
                Ok(None)
            }
        }
    }

    /// A snapshot that the service names, of the kind that the application has now; None where snapshots are not enabled.
    fn begin_system_snapshot(
        &self,
        name: &str,
        operation: &str,
        version: Option<i64>,
    ) -> Option<Named> {
        let mut state = self.lock();
        let application = state.applications.get(name)?;
        if !application.snapshots_enabled() {
            return None;
        }
        if application.version().is_enhanced() {
            let snapshot = state.system_snapshot_name();
            self.add_enhanced(&mut state, name, &snapshot, version, Some(operation));
            return Some(Named::Enhanced(snapshot));
        }
        let snapshot = format!("{}-{}-{}", state.id(8), state.id(4), state.id(12));
        state.add_snapshot(name, &snapshot, self.clock.now(), version);
        Some(Named::Legacy(snapshot))
    }

    /// The snapshot of an update itself, unless the update says from where to start.
    fn unless_named(&self, name: &str, taken: Option<Named>) -> Option<Named> {
        let state = self.lock();
        let run =
            &state.applications.get(name)?.version().configuration["RunConfigurationDescription"];
        taken.filter(|_| {
            run["ApplicationRestoreConfigurationDescription"]["ApplicationRestoreType"]
                == "RESTORE_FROM_LATEST_SNAPSHOT"
        })
    }

    /// Launches the present version, from `snapshot` or as its run configuration says.
    pub(super) async fn launch(
        &self,
        name: &str,
        snapshot: Option<Named>,
    ) -> Result<(), SubmissionFailed> {
        let launch = self.plan_launch(name, snapshot)?;
        let (name, version) = (launch.application.clone(), launch.version);
        self.plane.launch(launch).await?;
        let now = self.clock.now();
        if let Some(version) = self
            .lock()
            .applications
            .get_mut(&name)
            .and_then(|application| application.versions.get_mut(&version))
        {
            version.launched.get_or_insert(now);
        }
        Ok(())
    }

    fn plan_launch(&self, name: &str, snapshot: Option<Named>) -> Result<Launch, SubmissionFailed> {
        let refuse = |message: String| SubmissionFailed {
            message,
            state_does_not_fit: false,
        };
        let state = self.lock();
        let application = state
            .applications
            .get(name)
            .ok_or_else(|| refuse("the application is gone".to_owned()))?;
        let version = application.version();
        let run = &version.configuration["RunConfigurationDescription"];
        let restore = &run["ApplicationRestoreConfigurationDescription"];
        let named = snapshot.or_else(|| Named::of(restore));
        let chosen = match (named, restore["ApplicationRestoreType"].as_str()) {
            (Some(named), _) => Some(named),
            (None, Some("SKIP_RESTORE_FROM_SNAPSHOT")) => None,
            (None, _) => state.newest_snapshot(application, Kinds::of(version), |_| true),
        };
        let found = |named: &Named| {
            let found = state.snapshot(application, named);
            let ready = found.filter(|one| one.status == SnapshotStatus::Ready);
            ready.ok_or_else(|| {
                refuse(format!(
                    "Snapshot {} cannot be restored: it is not there or not READY.",
                    named.name()
                ))
            })
        };
        let chosen = chosen.as_ref().map(found).transpose()?;
        if let Some(snapshot) = chosen
            && major(&snapshot.runtime) > major(&version.runtime)
        {
            let message = format!(
                "Snapshot {} was taken under {} and cannot be restored under {}.",
                snapshot.name, snapshot.runtime, version.runtime
            );
            return Err(refuse(message));
        }
        let allow = run["FlinkRunConfigurationDescription"]["AllowNonRestoredState"]
            .as_bool()
            .unwrap_or(false);
        let restore = chosen.map(|snapshot| Restore {
            snapshot: snapshot.name.clone(),
            location: snapshot.location.clone(),
            allow_non_restored_state: allow,
        });
        let (configuration, runtime) = (version.configuration.clone(), version.runtime.clone());
        Ok(Launch {
            application: name.to_owned(),
            version: version.id,
            configuration,
            runtime,
            restore,
        })
    }

    /// An update that could not even stop the job never happened.
    fn withdraw_version(&self, name: &str, back_to: i64) {
        if let Some(application) = self.lock().applications.get_mut(name) {
            let withdrawn = std::mem::replace(&mut application.current, back_to);
            application.versions.remove(&withdrawn);
        }
    }

    /// Listens for jobs that end by themselves, as long as the service lives.
    pub(super) fn watch_endings(self: Arc<Self>) {
        let (weak, plane) = (Arc::downgrade(&self), self.plane.clone());
        tokio::spawn(async move {
            loop {
                let (name, how) = plane.ended().await;
                let Some(inner) = weak.upgrade() else { return };
                inner.job_ended(&name, &how);
            }
        });
    }

    fn job_ended(&self, name: &str, how: &Ended) {
        let now = self.clock.now();
        let mut state = self.lock();
        let Some(application) = state
            .applications
            .get_mut(name)
            .filter(|application| application.status == Status::Running)
        else {
            return;
        };
        let sentence = match how {
            Ended::Finished => {
                (application.status, application.updated) = (Status::Ready, now);
                "the job has finished; the application is READY"
            }
            Ended::Failed => "the job is FAILED; the application stays RUNNING",
        };
        drop(state);
        self.journal.tell(Actor::Service, Some(name), sentence);
    }
}

impl super::application::Application {
    /// Snapshots of an operation that was cancelled never complete.
    fn abandon_snapshots(&mut self) {
        for snapshot in self
            .snapshots
            .iter_mut()
            .filter(|snapshot| snapshot.status == SnapshotStatus::Creating)
        {
            snapshot.status = SnapshotStatus::Failed;
        }
    }
}

/// `FLINK-2_2` → 2.
fn major(runtime: &str) -> u32 {
    mode::release(runtime).map_or(0, |(major, _)| major)
}

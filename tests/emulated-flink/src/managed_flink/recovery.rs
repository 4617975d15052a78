//! Rolling back: on request, and by the service itself when an operation fails.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::answer::{ApiError, Done, number, only, text};
use super::application::{Application, Snapshot, Version};
use super::enhanced::{Kinds, Named};
use super::settings::{RollbackState, RollbackVersion, Stage};
use super::status::{OperationStatus, Status};
use super::{Inner, State};
use crate::flink::SubmissionFailed;
use ground::journal::Actor;

/// A rollback that was decided: from and to which version number, from which snapshot.
struct Plan {
    from: i64,
    to: i64,
    snapshot: Named,
}

impl Inner {
    pub(super) fn rollback(self: &Arc<Self>, input: &Value) -> Result<Done, ApiError> {
        only(
            input,
            &["ApplicationName", "CurrentApplicationVersionId"],
            "the request",
        )?;
        let name = text(input, "ApplicationName")?.to_owned();
        number(input, "CurrentApplicationVersionId")?;
        let mut state = self.lock();
        let application = state.application(&name)?;
        application.check_version(input)?;
        if !application.is_flink() {
            return Err(ApiError::unsupported(
                "only Flink applications can be rolled back",
            ));
        }
        if let Some(refusal) = &application.faults.refuse_rollback {
            return Err(refusal.clone());
        }
        if !application.status.may_be_rolled_back() {
            return Err(ApiError::in_use(format!(
                "the application is {}: it cannot be rolled back",
                application.status.name()
            )));
        }
        let plan = self
            .plan_rollback(&state, application)
            .map_err(ApiError::invalid_request)?;
        let (versions, snapshot) = ((plan.from, plan.to), plan.snapshot.clone());
        self.go_back(state.application_mut(&name)?, &plan);
        let inner = self.clone();
        let operation = self.begin(
            &mut state,
            &name,
            "RollbackApplication",
            Some(versions),
            Status::RollingBack,
            |application, operation| async move {
                inner.run_rollback(&application, &operation, snapshot).await;
            },
        );
        let detail = state.application(&name)?.detail(None, false);
        Done::changed(json!({ "ApplicationDetail": detail, "OperationId": operation }))
    }

    /// Where a rollback would lead, or why there is none.
    fn plan_rollback(&self, state: &State, application: &Application) -> Result<Plan, String> {
        let version = application.version();
        let target = version
            .updated_from
            .filter(|target| application.versions.contains_key(target))
            .ok_or("there is no version to roll back to")?;
        let crosses = application.versions[&target].is_enhanced() != version.is_enhanced();
        if crosses && application.versions.keys().next_back() != Some(&version.id) {
            return Err(
                "the snapshot mode was switched, and the application updated since: it cannot go back to the mode before".to_owned(),
            );
        }
        // The way back over the switch of the mode has snapshots of both kinds.
        let kinds = if crosses {
            Kinds::Both
        } else {
            Kinds::of(version)
        };
        let newest =
            |fits: &dyn Fn(&Snapshot) -> bool| state.newest_snapshot(application, kinds, fits);
        let choice = application
            .faults
            .rollback_state
            .unwrap_or(self.settings.quirks.rollback_state);
        let before = |snapshot: &Snapshot| {
            version
                .launched
                .is_none_or(|launched| snapshot.created <= launched)
        };
        let chosen = match choice {
            RollbackState::BeforeTheChange => newest(&before).or_else(|| newest(&|_| true)),
            RollbackState::Latest => newest(&|_| true),
        };
        let snapshot = chosen.ok_or("the application has no snapshots")?;
        let to = match self.settings.quirks.rollback_version {
            RollbackVersion::New => {
                application
                    .versions
                    .keys()
                    .next_back()
                    .copied()
                    .unwrap_or(application.current)
                    + 1
            }
            RollbackVersion::Old => target,
        };
        Ok(Plan {
            from: application.current,
            to,
            snapshot,
        })
    }

    /// Makes the version that was good the present one.
    fn go_back(&self, application: &mut Application, plan: &Plan) {
        let target = application
            .version()
            .updated_from
            .expect("a plan has a target");
        let good = application.versions[&target].clone();
        let same = plan.to == target;
        let mut version = Version {
            id: plan.to,
            created: if same { good.created } else { self.clock.now() },
            updated_from: if same {
                good.updated_from
            } else {
                Some(plan.from)
            },
            rolled_back_from: Some(plan.from),
            rolled_back_to: Some(target),
            ..good
        };
        version.configuration["RunConfigurationDescription"] =
            super::configuration::run_configuration(&Value::Null);
        if !same {
            version.launched = None;
        }
        application.take_version(version);
    }

    async fn run_rollback(self: &Arc<Self>, name: &str, operation: &str, snapshot: Named) {
        self.plane.cancel(name).await;
        self.stage(name, Stage::RollingBack).await;
        match self.launch(name, Some(snapshot)).await {
            Ok(()) => self.close(name, operation, Status::Running, None),
            Err(failure) => {
                self.plane.cancel(name).await;
                self.close(name, operation, Status::Ready, Some(&failure.message));
            }
        }
    }

    /// A change whose job could not be launched: the service rolls back where that is enabled; else READY, or stuck when the state does not fit.
    pub(super) async fn failed_change(
        self: &Arc<Self>,
        name: &str,
        operation: &str,
        failure: SubmissionFailed,
    ) {
        if let Some((rollback, snapshot)) = self.system_rollback(name, operation, &failure.message)
        {
            return self.run_rollback(name, &rollback, snapshot).await;
        }
        if failure.state_does_not_fit {
            self.journal.tell(
                Actor::Service,
                Some(name),
                format!("the operation does not get on: {}", failure.message),
            );
            std::future::pending::<()>().await;
        }
        self.plane.cancel(name).await;
        self.close(name, operation, Status::Ready, Some(&failure.message));
    }

    /// Fails the operation and opens the service's own rollback: its id and the snapshot. None where it is off or impossible.
    fn system_rollback(&self, name: &str, operation: &str, error: &str) -> Option<(String, Named)> {
        let mut state = self.lock();
        let application = state
            .applications
            .get(name)
            .filter(|application| application.system_rollback_enabled())?;
        let plan = self.plan_rollback(&state, application).ok()?;
        let application = state.applications.get_mut(name)?;
        let record = application.operation_mut(operation);
        (record.status, record.ended, record.error) = (
            OperationStatus::Failed,
            Some(self.clock.now()),
            Some(error.to_owned()),
        );
        self.journal.tell(
            Actor::Service,
            Some(name),
            format!("the operation FAILED: {error}; the service rolls back by itself"),
        );
        // The task that is running goes on as the rollback's: it must not be aborted with the operation that failed.
        let task = application.active.take().map(|(_, task)| task);
        self.go_back(application, &plan);
        let kind = self.settings.quirks.system_rollback_operation.clone();
        let rollback = self.open_operation(
            &mut state,
            name,
            &kind,
            Some((plan.from, plan.to)),
            Status::RollingBack,
        );
        let application = state.applications.get_mut(name)?;
        application.operation_mut(operation).rollback_operation = Some(rollback.clone());
        application.active = task.map(|task| (rollback.clone(), task));
        Some((rollback, plan.snapshot))
    }

    /// Where system rollback also catches restart loops: looks once, a while after an update.
    pub(super) fn watch_for_loops(self: &Arc<Self>, name: &str, operation: &str) {
        let Some(after) = self.settings.quirks.system_rollback_on_loops else {
            return;
        };
        let (inner, name, operation) = (self.clone(), name.to_owned(), operation.to_owned());
        tokio::spawn(async move { inner.look_for_loop(&name, &operation, after).await });
    }

    async fn look_for_loop(self: &Arc<Self>, name: &str, operation: &str, after: Duration) {
        let version = self
            .lock()
            .applications
            .get(name)
            .map(|application| application.current);
        tokio::time::sleep(after).await;
        let present = |state: &State| {
            state
                .applications
                .get(name)
                .map(|application| (application.current, application.status))
        };
        let still = present(&self.lock()) == version.map(|version| (version, Status::Running));
        if still
            && self.plane.restarts(name) > 1
            && let Some((rollback, snapshot)) =
                self.system_rollback(name, operation, "the job restarts again and again")
        {
            let (inner, application, id) = (self.clone(), name.to_owned(), rollback.clone());
            let task =
                tokio::spawn(async move { inner.run_rollback(&application, &id, snapshot).await });
            if let Some(application) = self.lock().applications.get_mut(name) {
                application.active = Some((rollback, task.abort_handle()));
            }
        }
    }
}

//! Changes of the configuration: each makes a new version, fenced by the version it was decided on.

use std::sync::Arc;

use serde_json::{Value, json};

use super::answer::{ApiError, Done, only, text};
use super::application::{Application, Operation, Version};
use super::lifecycle::check_runtime;
use super::newer::Newer;
use super::status::{OperationStatus, Status};
use super::{Inner, configuration, mode, snapshots};
use ground::journal::Actor;

impl Inner {
    pub(super) fn update(self: &Arc<Self>, input: &Value) -> Result<Done, ApiError> {
        let known = [
            "ApplicationName",
            "CurrentApplicationVersionId",
            "ConditionalToken",
            "ApplicationConfigurationUpdate",
            "ServiceExecutionRoleUpdate",
            "RunConfigurationUpdate",
            "CloudWatchLoggingOptionUpdates",
            "RuntimeEnvironmentUpdate",
        ];
        only(input, &known, "the request")?;
        configuration::check_run_configuration(&input["RunConfigurationUpdate"])?;
        self.change(input, "UpdateApplication", |version| {
            update_version(version, input, Newer(&self.settings.newer))
        })
    }

    /// Makes a new version of the application that the request names; a RUNNING application goes over to it.
    pub(super) fn change(
        self: &Arc<Self>,
        input: &Value,
        kind: &str,
        edit: impl FnOnce(&mut Version) -> Result<(), ApiError>,
    ) -> Result<Done, ApiError> {
        let name = text(input, "ApplicationName")?.to_owned();
        let (running, snapshots_enabled) = {
            let state = self.lock();
            let application = state.application(&name)?;
            application.check_version(input)?;
            if !application.is_flink() {
                return Err(ApiError::invalid_argument(
                    "the sandbox changes Flink applications only",
                ));
            }
            match application.status {
                Status::Ready => (false, false),
                Status::Running => (true, application.snapshots_enabled()),
                other => {
                    return Err(ApiError::in_use(format!(
                        "the application is {}",
                        other.name()
                    )));
                }
            }
        };
        let mut version = self
            .lock()
            .application(&name)?
            .next_version(self.clock.now());
        // The runtime of now counts for the mode, not the one that the same update brings.
        let runtime = version.runtime.clone();
        edit(&mut version)?;
        if !input["ApplicationConfigurationUpdate"]["ApplicationCodeConfigurationUpdate"]["CodeContentUpdate"]
            ["S3ContentLocationUpdate"]
            .is_null()
        {
            self.lock().objects.copy_into(&mut version.configuration);
        }
        mode::check_runtime(&version.configuration, &runtime)?;
        let restore = &version.configuration["RunConfigurationDescription"]["ApplicationRestoreConfigurationDescription"];
        self.lock()
            .check_restore(&name, restore, version.is_enhanced())?;
        if running && snapshots_enabled && !self.plane.is_healthy(&name) {
            return Err(ApiError::invalid_configuration(snapshots::downtime(&name)));
        }
        let mut state = self.lock();
        let application = state.application_mut(&name)?;
        let (from, to) = (application.current, version.id);
        application.take_version(version);
        let operation = if running {
            let (inner, run) = (
                self.clone(),
                move |inner: Arc<Self>, application: String, operation: String| async move {
                    inner.run_update(&application, &operation, from).await;
                },
            );
            self.begin(
                &mut state,
                &name,
                kind,
                Some((from, to)),
                Status::Updating,
                |application, operation| run(inner, application, operation),
            )
        } else {
            let id = state.id(32);
            self.stored(id, &name, &mut state, kind, (from, to))
        };
        let detail = state.application(&name)?.detail(None, false);
        Done::changed(json!({ "ApplicationDetail": detail, "OperationId": operation }))
    }

    /// A change of a READY application is stored and done.
    fn stored(
        &self,
        id: String,
        name: &str,
        state: &mut super::State,
        kind: &str,
        versions: (i64, i64),
    ) -> String {
        let now = self.clock.now();
        if let Some(application) = state.applications.get_mut(name) {
            application.updated = now;
            application.operations.push(Operation {
                id: id.clone(),
                kind: kind.to_owned(),
                started: now,
                ended: Some(now),
                status: OperationStatus::Successful,
                versions: Some(versions),
                error: None,
                rollback_operation: None,
            });
        }
        self.journal.tell(
            Actor::Service,
            Some(name),
            format!(
                "{kind} stores version {}; the application stays READY",
                versions.1
            ),
        );
        id
    }
}

impl Application {
    /// A copy of the present version, under the next number.
    pub(super) fn next_version(&self, now: jiff::Timestamp) -> Version {
        let newest = self
            .versions
            .keys()
            .next_back()
            .copied()
            .unwrap_or(self.current);
        Version {
            id: newest + 1,
            created: now,
            updated_from: Some(self.current),
            rolled_back_from: None,
            rolled_back_to: None,
            launched: None,
            ..self.version().clone()
        }
    }

    /// Goes over to a version.
    pub(super) fn take_version(&mut self, version: Version) {
        let (status, current) = (self.status, self.current);
        if let Some(former) = self.versions.get_mut(&current) {
            former.status = status;
        }
        self.current = version.id;
        self.versions.insert(version.id, version);
    }
}

fn update_version(version: &mut Version, input: &Value, newer: Newer<'_>) -> Result<(), ApiError> {
    newer.apply(
        &mut version.configuration,
        &input["ApplicationConfigurationUpdate"],
    )?;
    // What an update does not say about the start has the default again: AllowNonRestoredState becomes false.
    version.configuration["RunConfigurationDescription"] =
        configuration::run_configuration(&input["RunConfigurationUpdate"]);
    if !input["ServiceExecutionRoleUpdate"].is_null() {
        version.role = text(input, "ServiceExecutionRoleUpdate")?.to_owned();
    }
    if !input["RuntimeEnvironmentUpdate"].is_null() {
        let runtime = text(input, "RuntimeEnvironmentUpdate")?;
        check_runtime(runtime)?;
        if !runtime.starts_with("FLINK-") {
            return Err(ApiError::invalid_argument("a Flink application stays one"));
        }
        version.runtime = runtime.to_owned();
    }
    for update in input["CloudWatchLoggingOptionUpdates"]
        .as_array()
        .into_iter()
        .flatten()
    {
        only(
            update,
            &["CloudWatchLoggingOptionId", "LogStreamARNUpdate"],
            "CloudWatchLoggingOptionUpdate",
        )?;
        let id = text(update, "CloudWatchLoggingOptionId")?;
        let option = version
            .logging
            .iter_mut()
            .find(|option| option["CloudWatchLoggingOptionId"] == id);
        let option = option.ok_or_else(|| {
            ApiError::invalid_argument(format!("there is no logging option {id}"))
        })?;
        if !update["LogStreamARNUpdate"].is_null() {
            option["LogStreamARN"] = update["LogStreamARNUpdate"].clone();
        }
    }
    Ok(())
}

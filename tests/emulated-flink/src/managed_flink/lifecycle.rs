//! Create, delete, start, stop: the verbs that need no version fence.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::answer::{ApiError, Done, is_moment, only, text};
use super::application::{Application, Version};
use super::newer::Newer;
use super::settings::{Faults, Stage};
use super::status::Status;
use super::{Inner, configuration, mode, options, snapshots};
use ground::journal::Actor;

/// What the sandbox knows as a runtime; SQL and Zeppelin only to be described.
const RUNTIMES: [&str; 10] = [
    "FLINK-1_11",
    "FLINK-1_13",
    "FLINK-1_15",
    "FLINK-1_18",
    "FLINK-1_19",
    "FLINK-1_20",
    "FLINK-2_2",
    "FLINK-2_3",
    "SQL-1_0",
    "ZEPPELIN-FLINK-3_0",
];

pub(super) fn check_runtime(runtime: &str) -> Result<(), ApiError> {
    if RUNTIMES.contains(&runtime) {
        Ok(())
    } else {
        Err(ApiError::invalid_argument(format!(
            "{runtime} is not a runtime that the sandbox knows"
        )))
    }
}

impl Inner {
    pub(super) fn arn(&self, name: &str) -> String {
        format!(
            "arn:aws:kinesisanalytics:{}:{}:application/{name}",
            self.settings.region, self.settings.account
        )
    }

    pub(super) fn create(&self, input: &Value) -> Result<Done, ApiError> {
        let known = [
            "ApplicationName",
            "ApplicationDescription",
            "RuntimeEnvironment",
            "ServiceExecutionRole",
            "ApplicationConfiguration",
            "CloudWatchLoggingOptions",
            "Tags",
            "ApplicationMode",
        ];
        only(input, &known, "the request")?;
        let name = text(input, "ApplicationName")?.to_owned();
        if name.len() > 128
            || !name
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "_.-".contains(letter))
        {
            return Err(ApiError::invalid_argument(
                "an application's name has 1 to 128 letters, digits, underscores, dots and hyphens",
            ));
        }
        let runtime = text(input, "RuntimeEnvironment")?.to_owned();
        check_runtime(&runtime)?;
        let described = if runtime.starts_with("FLINK-") {
            Newer(&self.settings.newer).describe(&input["ApplicationConfiguration"])?
        } else {
            json!({})
        };
        mode::check_runtime(&described, &runtime)?;
        let now = self.clock.now();
        let option = |(index, option): (usize, &Value)| json!({ "CloudWatchLoggingOptionId": format!("1.{}", index + 1), "LogStreamARN": option["LogStreamARN"] });
        let mut version = Version {
            id: 1,
            created: now,
            updated_from: None,
            rolled_back_from: None,
            rolled_back_to: None,
            runtime,
            role: text(input, "ServiceExecutionRole")?.to_owned(),
            configuration: described,
            logging: input["CloudWatchLoggingOptions"]
                .as_array()
                .into_iter()
                .flatten()
                .enumerate()
                .map(option)
                .collect(),
            status: Status::Ready,
            launched: None,
        };
        self.lock().objects.copy_into(&mut version.configuration);
        let application = Application {
            arn: self.arn(&name),
            description: input["ApplicationDescription"].as_str().map(str::to_owned),
            mode: input["ApplicationMode"].as_str().map(str::to_owned),
            created: now,
            updated: now,
            status: Status::Ready,
            current: 1,
            versions: BTreeMap::from([(1, version)]),
            snapshots: Vec::new(),
            operations: Vec::new(),
            tags: options::tags(&input["Tags"])?,
            maintenance_from: "03:00".to_owned(),
            faults: Faults::default(),
            machine_lost: None,
            active: None,
            name: name.clone(),
        };
        let mut state = self.lock();
        if state.applications.contains_key(&name) {
            return Err(ApiError::in_use(format!(
                "there is an application {name} already"
            )));
        }
        let detail = application.detail(None, false);
        state.applications.insert(name.clone(), application);
        drop(state);
        self.journal.tell(
            Actor::Service,
            Some(&name),
            "the application is created and READY",
        );
        Done::changed(json!({ "ApplicationDetail": detail }))
    }

    pub(super) fn delete(self: &Arc<Self>, input: &Value) -> Result<Done, ApiError> {
        only(
            input,
            &["ApplicationName", "CreateTimestamp"],
            "the request",
        )?;
        let name = text(input, "ApplicationName")?.to_owned();
        let mut state = self.lock();
        let application = state.application_mut(&name)?;
        if !is_moment(&input["CreateTimestamp"], application.created) {
            return Err(ApiError::invalid_argument(
                "CreateTimestamp is not that of the application",
            ));
        }
        if !matches!(application.status, Status::Ready | Status::Running) {
            return Err(ApiError::in_use(format!(
                "the application is {}",
                application.status.name()
            )));
        }
        let inner = self.clone();
        self.begin(
            &mut state,
            &name,
            "DeleteApplication",
            None,
            Status::Deleting,
            |application, _| async move {
                inner.plane.cancel(&application).await;
                inner.stage(&application, Stage::Deleting).await;
                inner.lock().applications.remove(&application);
                inner.journal.tell(
                    Actor::Service,
                    Some(&application),
                    "the application is deleted",
                );
            },
        );
        Done::changed(json!({}))
    }

    pub(super) fn start(self: &Arc<Self>, input: &Value) -> Result<Done, ApiError> {
        only(
            input,
            &["ApplicationName", "RunConfiguration"],
            "the request",
        )?;
        let name = text(input, "ApplicationName")?.to_owned();
        configuration::check_run_configuration(&input["RunConfiguration"])?;
        let mut state = self.lock();
        let application = state.application(&name)?;
        if !application.is_flink() {
            return Err(ApiError::invalid_request(
                "the sandbox runs Flink applications only",
            ));
        }
        if application.status != Status::Ready {
            return Err(ApiError::in_use(format!(
                "the application is {}: only a READY one can be started",
                application.status.name()
            )));
        }
        if application.version().configuration["ApplicationCodeConfigurationDescription"].is_null()
        {
            return Err(ApiError::invalid_configuration(
                "the application has no code",
            ));
        }
        let restore = &input["RunConfiguration"]["ApplicationRestoreConfiguration"];
        state.check_restore(&name, restore, application.version().is_enhanced())?;
        let application = state.application_mut(&name)?;
        let current = application.current;
        let version = application
            .versions
            .get_mut(&current)
            .expect("the present version exists");
        version.configuration["RunConfigurationDescription"] =
            configuration::run_configuration(&input["RunConfiguration"]);
        let inner = self.clone();
        let operation = self.begin(
            &mut state,
            &name,
            "StartApplication",
            None,
            Status::Starting,
            |application, operation| async move { inner.run_start(&application, &operation).await },
        );
        Done::changed(json!({ "OperationId": operation }))
    }

    pub(super) fn stop(self: &Arc<Self>, input: &Value) -> Result<Done, ApiError> {
        only(input, &["ApplicationName", "Force"], "the request")?;
        let name = text(input, "ApplicationName")?.to_owned();
        let force = input["Force"].as_bool().unwrap_or(false);
        let (status, snapshots_enabled) = {
            let state = self.lock();
            let application = state.application(&name)?;
            if force && !application.is_flink() {
                return Err(ApiError::invalid_request(
                    "only a Flink application can be stopped by force",
                ));
            }
            (application.status, application.snapshots_enabled())
        };
        let inner = self.clone();
        if force {
            if !status.may_be_forced() {
                return Err(ApiError::in_use(format!(
                    "the application is {}: it cannot be stopped by force",
                    status.name()
                )));
            }
            let operation = self.begin(
                &mut self.lock(),
                &name,
                "StopApplication",
                None,
                Status::ForceStopping,
                |application, operation| async move {
                    inner.run_force_stop(&application, &operation).await;
                },
            );
            return Done::changed(json!({ "OperationId": operation }));
        }
        if status != Status::Running {
            return Err(ApiError::in_use(format!(
                "the application is {}: only a RUNNING one can be stopped without force",
                status.name()
            )));
        }
        if snapshots_enabled && !self.plane.is_healthy(&name) {
            return Err(ApiError::invalid_configuration(snapshots::downtime(&name)));
        }
        let operation = self.begin(
            &mut self.lock(),
            &name,
            "StopApplication",
            None,
            Status::Stopping,
            |application, operation| async move { inner.run_stop(&application, &operation).await },
        );
        Done::changed(json!({ "OperationId": operation }))
    }
}

//! Snapshots: taken by hand or by the service within another operation, listed, deleted.

use std::sync::Arc;

use serde_json::{Value, json};

use super::answer::{ApiError, Done, is_moment, only, text};
use super::application::Application;
use super::enhanced::Named;
use super::settings::Stage;
use super::status::{SnapshotStatus, Status};
use super::{Inner, State};
use ground::journal::Actor;

impl Inner {
    pub(super) fn create_snapshot(self: &Arc<Self>, input: &Value) -> Result<Done, ApiError> {
        only(input, &["ApplicationName", "SnapshotName"], "the request")?;
        let (application, name) = (
            text(input, "ApplicationName")?.to_owned(),
            text(input, "SnapshotName")?.to_owned(),
        );
        if name.len() > 256
            || !name
                .chars()
                .all(|letter| letter.is_ascii_alphanumeric() || "_.-".contains(letter))
        {
            return Err(ApiError::invalid_argument(
                "a snapshot's name has 1 to 256 letters, digits, underscores, dots and hyphens",
            ));
        }
        {
            let state = self.lock();
            let present = state.application(&application)?;
            if !present.is_flink() {
                return Err(ApiError::unsupported(
                    "snapshots are for Flink applications only",
                ));
            }
            check_legacy(present)?;
            match present.status {
                Status::Running => {}
                Status::Ready => {
                    return Err(ApiError::invalid_request(
                        "the application is READY: only a RUNNING one has state to take a snapshot of",
                    ));
                }
                other => {
                    return Err(ApiError::in_use(format!(
                        "the application is {}",
                        other.name()
                    )));
                }
            }
            if !present.snapshots_enabled() {
                return Err(ApiError::invalid_configuration(
                    "snapshots are not enabled for this application",
                ));
            }
            if present.snapshots.len() >= self.settings.quirks.snapshot_quota {
                return Err(ApiError::new(
                    "LimitExceededException",
                    format!(
                        "an application has at most {} snapshots",
                        self.settings.quirks.snapshot_quota
                    ),
                ));
            }
            if present
                .snapshots
                .iter()
                .any(|snapshot| snapshot.name == name)
            {
                return Err(ApiError::invalid_argument(format!(
                    "there is a snapshot {name} already"
                )));
            }
        }
        if !self.plane.is_healthy(&application) {
            return Err(ApiError::invalid_configuration(downtime(&application)));
        }
        self.lock()
            .add_snapshot(&application, &name, self.clock.now(), None);
        self.journal.tell(
            Actor::Service,
            Some(&application),
            format!("begins snapshot {name}"),
        );
        let inner = self.clone();
        tokio::spawn(async move {
            let named = Named::Legacy(name);
            inner.take_snapshot(&application, &named, false).await
        });
        Done::changed(json!({}))
    }

    /// Takes the snapshot, which is CREATING, after its time; with `stop`, the job ends with it.
    pub(super) async fn take_snapshot(
        self: &Arc<Self>,
        application: &str,
        named: &Named,
        stop: bool,
    ) -> Result<(), String> {
        let name = named.name();
        let restarts = self.plane.restarts(application);
        self.stage(application, Stage::Snapshot).await;
        // A savepoint that is under way does not survive a restart.
        let restarted = self.plane.restarts(application) != restarts;
        let fails = {
            let mut state = self.lock();
            let faults = state
                .applications
                .get_mut(application)
                .map(|application| &mut application.faults.failing_snapshots);
            faults.is_some_and(|left| std::mem::replace(left, left.saturating_sub(1)) > 0)
        };
        let taken = match (fails, stop) {
            (true, _) => Err("the snapshot could not be written".to_owned()),
            (false, _) if restarted => Err("the job restarted while it was taken".to_owned()),
            (false, true) => self.plane.stop_with_savepoint(application, name).await,
            (false, false) => self.plane.savepoint(application, name).await,
        };
        let mut state = self.lock();
        let Some(snapshot) = state.snapshot_mut(application, named) else {
            return Err(format!("snapshot {name} was deleted"));
        };
        let sentence = match &taken {
            Ok(savepoint) => {
                (snapshot.status, snapshot.location) =
                    (SnapshotStatus::Ready, savepoint.location.clone());
                format!("snapshot {name} is READY")
            }
            Err(reason) => {
                snapshot.status = SnapshotStatus::Failed;
                format!("snapshot {name} FAILED: {reason}")
            }
        };
        if let Named::Enhanced(name) = named {
            let told = taken.as_ref().map(|savepoint| savepoint.bytes);
            state.end_enhanced(name, told.map_err(String::as_str), self.clock.now());
        }
        drop(state);
        self.journal
            .tell(Actor::Service, Some(application), sentence);
        taken.map(|_| ())
    }

    pub(super) fn delete_snapshot(self: &Arc<Self>, input: &Value) -> Result<Done, ApiError> {
        only(
            input,
            &[
                "ApplicationName",
                "SnapshotName",
                "SnapshotCreationTimestamp",
            ],
            "the request",
        )?;
        let (application, name) = (
            text(input, "ApplicationName")?.to_owned(),
            text(input, "SnapshotName")?.to_owned(),
        );
        {
            let mut state = self.lock();
            let present = state.application_mut(&application)?;
            check_legacy(present)?;
            let snapshot = present
                .snapshot_mut(&name)
                .ok_or_else(|| ApiError::not_found(format!("there is no snapshot {name}")))?;
            if !is_moment(&input["SnapshotCreationTimestamp"], snapshot.created) {
                return Err(ApiError::invalid_argument(format!(
                    "SnapshotCreationTimestamp is not that of snapshot {name}"
                )));
            }
            if matches!(
                snapshot.status,
                SnapshotStatus::Creating | SnapshotStatus::Deleting
            ) {
                return Err(ApiError::in_use(format!(
                    "snapshot {name} is {}",
                    snapshot.status.name()
                )));
            }
            snapshot.status = SnapshotStatus::Deleting;
        }
        self.journal.tell(
            Actor::Service,
            Some(&application),
            format!("deletes snapshot {name}"),
        );
        let inner = self.clone();
        tokio::spawn(async move {
            inner.stage(&application, Stage::Deleting).await;
            if let Some(present) = inner.lock().applications.get_mut(&application) {
                present.snapshots.retain(|snapshot| snapshot.name != name);
            }
        });
        Done::changed(json!({}))
    }
}

impl State {
    /// A snapshot that is CREATING; of version `version`, or of the present one.
    pub(super) fn add_snapshot(
        &mut self,
        application: &str,
        name: &str,
        created: jiff::Timestamp,
        version: Option<i64>,
    ) {
        if let Some(present) = self.applications.get_mut(application) {
            let snapshot = present.begun_snapshot(name, created, version);
            present.snapshots.push(snapshot);
        }
    }
}

/// Refuses what is not for an application with enhanced snapshots.
pub(super) fn check_legacy(application: &Application) -> Result<(), ApiError> {
    if application.version().is_enhanced() {
        return Err(ApiError::unsupported(format!(
            "the SnapshotMode of {} is {}: its snapshots are no application snapshots",
            application.name,
            super::mode::ENHANCED
        )));
    }
    Ok(())
}

/// What the documented refusal says when the job is down.
pub(super) fn downtime(application: &str) -> String {
    format!(
        "Failed to take snapshot for the application {application} at this moment. The application is currently experiencing downtime. \
         Please check the application's CloudWatch metrics or CloudWatch logs for any possible errors and retry the request."
    )
}

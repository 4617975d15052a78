//! Taking and deleting.

use std::sync::Arc;

use serde_json::{Value, json};

use super::operations::SnapshotOperation;
use super::{LONGEST_NAME, Named, RESERVED};
use crate::managed_flink::answer::{ApiError, Done, is_moment, only, text};
use crate::managed_flink::settings::Stage;
use crate::managed_flink::snapshots::downtime;
use crate::managed_flink::status::{OperationStatus, SnapshotStatus, Status};
use crate::managed_flink::{Inner, State, mode, options};
use ground::journal::Actor;

/// The longest description.
const LONGEST_DESCRIPTION: usize = 1_024;

impl Inner {
    pub(in crate::managed_flink) fn create_enhanced(
        self: &Arc<Self>,
        input: &Value,
    ) -> Result<Done, ApiError> {
        let known = [
            "ApplicationName",
            "SnapshotName",
            "SnapshotDescription",
            "Tags",
        ];
        only(input, &known, "the request")?;
        let application = text(input, "ApplicationName")?.to_owned();
        let (description, tags) = (description(input)?, options::few_tags(&input["Tags"])?);
        let healthy = self.plane.is_healthy(&application);
        let mut state = self.lock();
        let name = free_name(&state, input)?;
        self.check_takeable(&state, &application)?;
        if !healthy {
            return Err(ApiError::invalid_configuration(downtime(&application)));
        }
        let operation = self.add_enhanced(&mut state, &application, &name, None, None);
        let snapshot = state.account.snapshots.get_mut(&name);
        let snapshot = snapshot.expect("it was added a moment ago");
        (snapshot.description, snapshot.tags) = (description, tags);
        let answer = taken_answer(&snapshot.arn, &operation);
        drop(state);
        self.journal.tell(
            Actor::Service,
            Some(&application),
            format!("begins snapshot {name}"),
        );
        let inner = self.clone();
        tokio::spawn(async move {
            let named = Named::Enhanced(name);
            inner.take_snapshot(&application, &named, false).await
        });
        Done::changed(answer)
    }

    /// Whether a snapshot of the application can be taken, apart from its job's health.
    fn check_takeable(&self, state: &State, application: &str) -> Result<(), ApiError> {
        // The model lists no ResourceNotFoundException for this verb.
        let present = state
            .application(application)
            .map_err(|error| ApiError::invalid_argument(error.message))?;
        let version = present.version();
        if !mode::has_enhanced_snapshots(&version.runtime) {
            return Err(ApiError::invalid_configuration(format!(
                "enhanced snapshots need FLINK-1_20 or later, the application runs {}",
                version.runtime
            )));
        }
        if !version.is_enhanced() {
            return Err(ApiError::invalid_configuration(
                "the application's SnapshotMode is not ENHANCED_SNAPSHOTS",
            ));
        }
        if present.status != Status::Running {
            return Err(ApiError::in_use(format!(
                "the application is {}",
                present.status.name()
            )));
        }
        let limit = |message: String| Err(ApiError::new("LimitExceededException", message));
        let own = || {
            let all = state.account.snapshots.values();
            all.filter(|one| one.is_of(present))
        };
        if own().any(|one| one.snapshot.status == SnapshotStatus::Creating) {
            return limit("a snapshot of the application is being created already".to_owned());
        }
        let quota = self.settings.quirks.snapshot_quota;
        if own().count() >= quota {
            return limit(format!("an application has at most {quota} snapshots"));
        }
        Ok(())
    }

    pub(in crate::managed_flink) fn delete_enhanced(
        self: &Arc<Self>,
        input: &Value,
    ) -> Result<Done, ApiError> {
        only(
            input,
            &["SnapshotName", "SnapshotCreationTimestamp"],
            "the request",
        )?;
        let name = text(input, "SnapshotName")?.to_owned();
        let now = self.clock.now();
        let mut state = self.lock();
        let snapshot = state.enhanced(&name)?;
        if !is_moment(
            &input["SnapshotCreationTimestamp"],
            snapshot.snapshot.created,
        ) {
            return Err(ApiError::invalid_argument(format!(
                "SnapshotCreationTimestamp is not that of snapshot {name}"
            )));
        }
        let status = snapshot.snapshot.status;
        if !matches!(status, SnapshotStatus::Ready | SnapshotStatus::Failed) {
            return Err(ApiError::in_use(format!(
                "snapshot {name} is {}",
                status.name()
            )));
        }
        let (arn, export) = (snapshot.arn.clone(), snapshot.export.clone());
        if let Some(snapshot) = state.account.snapshots.get_mut(&name) {
            snapshot.snapshot.status = SnapshotStatus::Deleting;
        }
        let begun = SnapshotOperation::begun("DeleteSnapshot", &name, arn.clone(), now);
        let id = state.record(begun);
        drop(state);
        self.journal
            .tell(Actor::Service, None, format!("deletes snapshot {name}"));
        let (inner, ending) = (self.clone(), id.clone());
        tokio::spawn(async move {
            let exported = export.lock().await;
            drop(exported);
            inner.stage("", Stage::Deleting).await;
            let (mut state, now) = (inner.lock(), inner.clock.now());
            state.account.snapshots.remove(&name);
            state.end_operation(&ending, Ok(()), now);
        });
        Done::changed(json!({
            "SnapshotArn": arn,
            "SnapshotStatus": SnapshotStatus::Deleting.name(),
            "SnapshotOperationId": id,
            "SnapshotOperationStatus": OperationStatus::InProgress.name(),
        }))
    }
}

/// What answers that a snapshot is being made.
pub(super) fn taken_answer(arn: &str, operation: &str) -> Value {
    json!({
        "SnapshotArn": arn,
        "SnapshotStatus": SnapshotStatus::Creating.name(),
        "SnapshotOperationId": operation,
        "SnapshotOperationStatus": OperationStatus::InProgress.name(),
    })
}

/// The name that a request wants for its snapshot, which must be free in the whole account.
pub(super) fn free_name(state: &State, input: &Value) -> Result<String, ApiError> {
    let name = text(input, "SnapshotName")?;
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "_.-".contains(letter);
    if name.len() > LONGEST_NAME || !name.chars().all(plain) {
        return Err(ApiError::invalid_argument(format!(
            "a snapshot's name has 1 to {LONGEST_NAME} letters, digits, underscores, dots and hyphens"
        )));
    }
    if name.to_ascii_uppercase().starts_with(RESERVED) {
        return Err(ApiError::invalid_argument(format!(
            "a snapshot's name must not begin with {RESERVED}"
        )));
    }
    match state.account.snapshots.get(name) {
        Some(held) => Err(ApiError::in_use(format!(
            "there is a snapshot {name} already, it is {}",
            held.snapshot.status.name()
        ))),
        None => Ok(name.to_owned()),
    }
}

/// `SnapshotDescription`.
pub(super) fn description(input: &Value) -> Result<Option<String>, ApiError> {
    if input["SnapshotDescription"].is_null() {
        return Ok(None);
    }
    let description = text(input, "SnapshotDescription")?;
    if description.chars().count() > LONGEST_DESCRIPTION
        || description.chars().any(char::is_control)
    {
        return Err(ApiError::invalid_argument(format!(
            "SnapshotDescription has at most {LONGEST_DESCRIPTION} characters, and none of control"
        )));
    }
    Ok(Some(description.to_owned()))
}

//! The operations of enhanced snapshots: kept for 90 days, also when the snapshot is gone.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::managed_flink::answer::{ApiError, Done, epoch, only, page, text};
use crate::managed_flink::status::OperationStatus;
use crate::managed_flink::{Inner, State};

/// So long an operation is known.
const KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);

/// An operation of an enhanced snapshot.
#[derive(Clone, Debug)]
pub(in crate::managed_flink) struct SnapshotOperation {
    pub(in crate::managed_flink) id: String,
    /// `CreateSnapshot`.
    pub(in crate::managed_flink) kind: &'static str,
    /// The snapshot's name and ARN.
    pub(in crate::managed_flink) snapshot: String,
    pub(in crate::managed_flink) arn: String,
    pub(in crate::managed_flink) status: OperationStatus,
    pub(in crate::managed_flink) started: Timestamp,
    pub(in crate::managed_flink) ended: Option<Timestamp>,
    /// The application's operation that it is a part of, and the application.
    pub(in crate::managed_flink) cause: Option<(String, String)>,
    pub(in crate::managed_flink) error: Option<String>,
    /// Further members of its details.
    pub(in crate::managed_flink) more: Value,
}

impl SnapshotOperation {
    pub(in crate::managed_flink) fn begun(
        kind: &'static str,
        snapshot: &str,
        arn: String,
        started: Timestamp,
    ) -> Self {
        Self {
            id: String::new(),
            kind,
            snapshot: snapshot.to_owned(),
            arn,
            status: OperationStatus::InProgress,
            started,
            ended: None,
            cause: None,
            error: None,
            more: json!({}),
        }
    }

    /// Whether the snapshot comes from it.
    pub(super) fn makes_it(&self) -> bool {
        !matches!(self.kind, "DeleteSnapshot" | "ExportSnapshot")
    }

    pub(super) fn end(&mut self, done: Result<(), &str>, now: Timestamp) {
        self.ended = Some(now);
        self.error = done.err().map(str::to_owned);
        self.status = if done.is_ok() {
            OperationStatus::Successful
        } else {
            OperationStatus::Failed
        };
    }

    fn info(&self) -> Value {
        let mut info = json!({
            "SnapshotOperationId": self.id,
            "SnapshotOperation": self.kind,
            "SnapshotOperationStatus": self.status.name(),
            "StartTime": epoch(self.started),
        });
        if let Some(ended) = self.ended {
            info["EndTime"] = epoch(ended);
        }
        info
    }

    fn detail(&self) -> Value {
        let mut detail = self.info();
        detail["SnapshotArn"] = self.arn.clone().into();
        if let Some((operation, application)) = &self.cause {
            detail["ApplicationOperationDescription"] =
                json!({ "ApplicationOperationId": operation, "ApplicationName": application });
        }
        if let Some(error) = &self.error {
            detail["SnapshotOperationFailureDetails"] =
                json!({ "ErrorInfo": { "ErrorString": error } });
        }
        for (name, value) in self.more.as_object().into_iter().flatten() {
            detail[name] = value.clone();
        }
        detail
    }
}

impl State {
    /// The operations of a snapshot that are still known, newest first.
    fn operations_of(
        &self,
        name: &str,
        now: Timestamp,
    ) -> Result<Vec<&SnapshotOperation>, ApiError> {
        let known = self.account.operations.iter().rev();
        let kept: Vec<&SnapshotOperation> = known
            .filter(|one| one.snapshot == name && now.duration_since(one.started) <= KEPT)
            .collect();
        if kept.is_empty() && !self.account.snapshots.contains_key(name) {
            return Err(ApiError::not_found(format!("there is no snapshot {name}")));
        }
        Ok(kept)
    }

    /// Ends an operation of a snapshot.
    pub(super) fn end_operation(
        &mut self,
        id: &str,
        done: Result<(), &str>,
        now: Timestamp,
    ) -> Option<&mut SnapshotOperation> {
        let operation = self
            .account
            .operations
            .iter_mut()
            .find(|one| one.id == id)?;
        operation.end(done, now);
        Some(operation)
    }
}

impl Inner {
    pub(in crate::managed_flink) fn describe_snapshot_operation(
        &self,
        input: &Value,
    ) -> Result<Done, ApiError> {
        only(
            input,
            &["SnapshotName", "SnapshotOperationId"],
            "the request",
        )?;
        let (name, id) = (
            text(input, "SnapshotName")?,
            text(input, "SnapshotOperationId")?,
        );
        let state = self.lock();
        let known = state.operations_of(name, self.clock.now())?;
        let found = known.into_iter().find(|one| one.id == id);
        let found = found.ok_or_else(|| {
            ApiError::not_found(format!("there is no operation {id} of snapshot {name}"))
        })?;
        Done::read(json!({ "SnapshotOperationInfoDetails": found.detail() }))
    }

    pub(in crate::managed_flink) fn list_snapshot_operations(
        &self,
        input: &Value,
    ) -> Result<Done, ApiError> {
        let filters = ["SnapshotOperation", "SnapshotOperationStatus"];
        let known = ["SnapshotName", "Limit", "NextToken"];
        only(input, &[&known[..], &filters].concat(), "the request")?;
        super::lists::one_filter(input, &filters)?;
        let name = text(input, "SnapshotName")?;
        let state = self.lock();
        let all = state.operations_of(name, self.clock.now())?;
        let wanted =
            |member: &str, value: &str| input[member].as_str().is_none_or(|wanted| wanted == value);
        let matching = all.into_iter().filter(|one| {
            wanted("SnapshotOperation", one.kind)
                && wanted("SnapshotOperationStatus", one.status.name())
        });
        let listed = matching.map(SnapshotOperation::info).collect();
        Done::read(page(input, listed, "SnapshotOperationInfoList")?)
    }
}

//! The verbs that only read.

use serde_json::{Value, json};

use super::Inner;
use super::answer::{ApiError, Done, number, only, page, text};
use super::application::Application;
use super::snapshots::check_legacy;

impl Inner {
    /// What `view` makes of the application that the request names.
    fn of_application(
        &self,
        input: &Value,
        view: impl FnOnce(&Application) -> Result<Value, ApiError>,
    ) -> Result<Done, ApiError> {
        let name = text(input, "ApplicationName")?;
        Done::read(view(self.lock().application(name)?)?)
    }

    pub(super) fn describe(&self, input: &Value) -> Result<Done, ApiError> {
        only(
            input,
            &["ApplicationName", "IncludeAdditionalDetails"],
            "the request",
        )?;
        let with_plan = input["IncludeAdditionalDetails"].as_bool().unwrap_or(false);
        self.of_application(input, |application| {
            Ok(json!({ "ApplicationDetail": application.detail(None, with_plan) }))
        })
    }

    pub(super) fn list(&self, input: &Value) -> Result<Done, ApiError> {
        only(input, &["Limit", "NextToken"], "the request")?;
        let summaries = self
            .lock()
            .applications
            .values()
            .map(Application::summary)
            .collect();
        // The model lists no other error for this verb.
        let page = page(input, summaries, "ApplicationSummaries")
            .map_err(|error| ApiError::invalid_request(error.message))?;
        Done::read(page)
    }

    pub(super) fn describe_version(&self, input: &Value) -> Result<Done, ApiError> {
        only(
            input,
            &["ApplicationName", "ApplicationVersionId"],
            "the request",
        )?;
        let id = number(input, "ApplicationVersionId")?;
        self.of_application(input, |application| {
            let version = application
                .versions
                .get(&id)
                .ok_or_else(|| ApiError::not_found(format!("there is no version {id}")))?;
            Ok(json!({ "ApplicationVersionDetail": application.detail(Some(version), false) }))
        })
    }

    pub(super) fn list_versions(&self, input: &Value) -> Result<Done, ApiError> {
        only(
            input,
            &["ApplicationName", "Limit", "NextToken"],
            "the request",
        )?;
        self.of_application(input, |application| {
            let status = |id: i64| if id == application.current { application.status } else { application.versions[&id].status };
            let summary = |id: &i64| json!({ "ApplicationVersionId": id, "ApplicationStatus": status(*id).name() });
            page(input, application.versions.keys().rev().map(summary).collect(), "ApplicationVersionSummaries")
        })
    }

    pub(super) fn describe_operation(&self, input: &Value) -> Result<Done, ApiError> {
        only(input, &["ApplicationName", "OperationId"], "the request")?;
        let id = text(input, "OperationId")?;
        self.of_application(input, |application| {
            let operation = application
                .operations
                .iter()
                .find(|operation| operation.id == id);
            let operation = operation
                .ok_or_else(|| ApiError::not_found(format!("there is no operation {id}")))?;
            Ok(json!({ "ApplicationOperationInfoDetails": operation.detail() }))
        })
    }

    pub(super) fn list_operations(&self, input: &Value) -> Result<Done, ApiError> {
        only(
            input,
            &[
                "ApplicationName",
                "Limit",
                "NextToken",
                "Operation",
                "OperationStatus",
            ],
            "the request",
        )?;
        self.of_application(input, |application| {
            let wanted = |member: &str, value: &str| {
                input[member].as_str().is_none_or(|wanted| wanted == value)
            };
            let operations = application.operations.iter().rev();
            let matching = operations.filter(|operation| {
                wanted("Operation", &operation.kind)
                    && wanted("OperationStatus", operation.status.name())
            });
            page(
                input,
                matching.map(super::application::Operation::info).collect(),
                "ApplicationOperationInfoList",
            )
        })
    }

    pub(super) fn describe_snapshot(&self, input: &Value) -> Result<Done, ApiError> {
        only(input, &["ApplicationName", "SnapshotName"], "the request")?;
        let name = text(input, "SnapshotName")?;
        self.of_application(input, |application| {
            check_legacy(application)?;
            let snapshot = application
                .snapshots
                .iter()
                .find(|snapshot| snapshot.name == name);
            let snapshot = snapshot
                .ok_or_else(|| ApiError::not_found(format!("there is no snapshot {name}")))?;
            Ok(json!({ "SnapshotDetails": snapshot.detail() }))
        })
    }

    /// In an order of its own: the real one is undocumented.
    pub(super) fn list_snapshots(&self, input: &Value) -> Result<Done, ApiError> {
        only(
            input,
            &["ApplicationName", "Limit", "NextToken"],
            "the request",
        )?;
        let scramble = |name: &str| {
            name.bytes().fold(7_u64, |hash, byte| {
                hash.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23) ^ u64::from(byte)
            })
        };
        let listed = self.of_application(input, |application| {
            check_legacy(application)?;
            let mut snapshots: Vec<_> = application.snapshots.iter().collect();
            snapshots.sort_by_key(|snapshot| scramble(&snapshot.name));
            page(
                input,
                snapshots
                    .into_iter()
                    .map(super::application::Snapshot::detail)
                    .collect(),
                "SnapshotSummaries",
            )
        });
        // The model lists no ResourceNotFoundException for this verb.
        listed.map_err(|error| {
            if error.code == "ResourceNotFoundException" {
                ApiError::invalid_argument(error.message)
            } else {
                error
            }
        })
    }
}

//! From a request to its verb, and from what the verb gives back to an answer; every call is recorded.

use std::sync::Arc;

use serde_json::{Value, json};

use super::answer::{ApiError, Done};
use super::{Inner, dashboard};
use ground::journal::Call;
use ground::wire::{self, Request, Response};

const TARGET: &str = "KinesisAnalytics_20180523";

impl Inner {
    pub(super) fn api(self: &Arc<Self>, request: &Request) -> Response {
        let verb = wire::verb(request).unwrap_or("").to_owned();
        let target = request
            .headers()
            .get("x-amz-target")
            .and_then(|target| target.to_str().ok())
            .unwrap_or("");
        let caller = wire::caller(request).unwrap_or_else(|| "unsigned".to_owned());
        let input: Result<Value, ApiError> = match request.body() {
            body if body.is_empty() => Ok(json!({})),
            body => serde_json::from_slice(body)
                .map_err(|_| ApiError::new("SerializationException", "the body is not JSON")),
        };
        let resource = input.as_ref().ok().and_then(|input| {
            input["ApplicationName"]
                .as_str()
                .or_else(|| input["ResourceARN"].as_str())
                .or_else(|| input["SnapshotName"].as_str())
                .map(str::to_owned)
        });
        let known = target.starts_with(TARGET);
        let result = input.and_then(|input| {
            if known {
                self.verb(&verb, &input, &caller)
            } else {
                Err(unknown(target))
            }
        });
        let (outcome, changed) = match &result {
            Ok(done) => ("ok".to_owned(), done.changed),
            Err(error) => (error.code.clone(), false),
        };
        let call = Call {
            at: self.clock.now(),
            caller,
            service: "kinesisanalytics".to_owned(),
            action: verb,
            resource,
            outcome,
            changed,
        };
        self.journal.call(call);
        match result {
            Ok(done) => wire::json_answer(200, "application/x-amz-json-1.1", &done.body),
            Err(error) => wire::json_error(400, &error.code, &error.message),
        }
    }

    fn verb(self: &Arc<Self>, verb: &str, input: &Value, caller: &str) -> Result<Done, ApiError> {
        self.check_keys(verb, input, caller)?;
        match verb {
            "CreateApplication" => self.create(input),
            "DeleteApplication" => self.delete(input),
            "StartApplication" => self.start(input),
            "StopApplication" => self.stop(input),
            "UpdateApplication" => self.update(input),
            "RollbackApplication" => self.rollback(input),
            "AddApplicationVpcConfiguration" => self.add_vpc(input),
            "DeleteApplicationVpcConfiguration" => self.delete_vpc(input),
            "AddApplicationCloudWatchLoggingOption" => self.add_logging(input),
            "DeleteApplicationCloudWatchLoggingOption" => self.delete_logging(input),
            "UpdateApplicationMaintenanceConfiguration" => self.update_maintenance(input),
            "CreateApplicationSnapshot" => self.create_snapshot(input),
            "DeleteApplicationSnapshot" => self.delete_snapshot(input),
            "DescribeApplicationSnapshot" => self.describe_snapshot(input),
            "ListApplicationSnapshots" => self.list_snapshots(input),
            "CreateSnapshot" => self.create_enhanced(input),
            "DeleteSnapshot" => self.delete_enhanced(input),
            "DescribeSnapshot" => self.describe_enhanced(input),
            "ListSnapshots" => self.list_enhanced(input),
            "DescribeSnapshotOperation" => self.describe_snapshot_operation(input),
            "ListSnapshotOperations" => self.list_snapshot_operations(input),
            "ExportSnapshot" => self.export_snapshot(input),
            "ImportSnapshot" => self.import_snapshot(input),
            "DescribeApplication" => self.describe(input),
            "ListApplications" => self.list(input),
            "DescribeApplicationVersion" => self.describe_version(input),
            "ListApplicationVersions" => self.list_versions(input),
            "DescribeApplicationOperation" => self.describe_operation(input),
            "ListApplicationOperations" => self.list_operations(input),
            "TagResource" => self.tag(input),
            "UntagResource" => self.untag(input),
            "ListTagsForResource" => self.list_tags(input),
            "CreateApplicationPresignedUrl" => dashboard::presign(self, input, caller),
            _ => Err(unknown(verb)),
        }
    }
}

fn unknown(verb: &str) -> ApiError {
    ApiError::new(
        "UnknownOperationException",
        format!("the sandbox does not know {verb}"),
    )
}

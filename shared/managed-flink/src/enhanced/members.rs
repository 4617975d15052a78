//! Members of known verbs that the SDK skips: which kind of snapshots an application uses, and by which ARN it was started.

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use lifecycle::{Application, SnapshotMode};
use serde_json::Value;

use super::borrowed::put;

/// What a description says that the SDK does not read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Members {
    snapshot_mode: SnapshotMode,
    started_from_arn: Option<String>,
}

impl Members {
    /// From `ApplicationConfigurationDescription`. Without the member an application is of the legacy kind: every older one is. A value that is no text is none that is known.
    pub(crate) fn of(configuration: &Value) -> Self {
        let snapshots = &configuration["ApplicationSnapshotConfigurationDescription"];
        let snapshot_mode = match &snapshots["SnapshotMode"] {
            Value::Null => SnapshotMode::default(),
            Value::String(mode) => SnapshotMode::from(mode.as_str()),
            other => SnapshotMode::Other(other.to_string()),
        };
        let run = &configuration["RunConfigurationDescription"];
        let restore = &run["ApplicationRestoreConfigurationDescription"];
        let started_from_arn = restore["SnapshotArn"].as_str().map(str::to_owned);
        Self {
            snapshot_mode,
            started_from_arn,
        }
    }

    /// Adds them to what the SDK has read.
    pub(crate) fn complete(self, application: &mut Application) {
        application.snapshot_mode = self.snapshot_mode;
        application.started_from_arn = self.started_from_arn;
    }
}

/// The same start, from the enhanced snapshot with that ARN.
///
/// # Errors
/// When the request is not the one that the SDK writes.
pub(crate) fn with_snapshot_arn(
    mut request: HttpRequest,
    arn: &str,
) -> Result<HttpRequest, serde_json::Error> {
    let bytes = request.body().bytes().unwrap_or_default();
    let mut body: Value = serde_json::from_slice(bytes)?;
    body["RunConfiguration"]["ApplicationRestoreConfiguration"]["SnapshotArn"] = arn.into();
    let body = serde_json::to_vec(&body)?;
    put(&mut request, body);
    Ok(request)
}

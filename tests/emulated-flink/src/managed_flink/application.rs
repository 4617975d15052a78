//! An application as the service keeps it: versions, snapshots, operations, tags; and how each is described on the wire.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::task::AbortHandle;

use super::answer::{ApiError, epoch};
use super::settings::Faults;
use super::status::{OperationStatus, SnapshotStatus, Status};
use super::{configuration, objects};

/// One version: what makes an application run the way it does.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) id: i64,
    pub(super) created: Timestamp,
    pub(super) updated_from: Option<i64>,
    pub(super) rolled_back_from: Option<i64>,
    pub(super) rolled_back_to: Option<i64>,
    pub(super) runtime: String,
    pub(super) role: String,
    pub(super) configuration: Value,
    pub(super) logging: Vec<Value>,
    /// The application's status when it was last at this version.
    pub(super) status: Status,
    /// When a job of this version was first launched.
    pub(super) launched: Option<Timestamp>,
}

/// A snapshot.
#[derive(Clone, Debug)]
pub(super) struct Snapshot {
    pub(super) name: String,
    pub(super) status: SnapshotStatus,
    pub(super) version: i64,
    pub(super) created: Timestamp,
    pub(super) runtime: String,
    pub(super) location: String,
    /// The encryption configuration's description that it was written with.
    pub(super) key: Value,
}

/// An operation.
#[derive(Clone, Debug)]
pub(super) struct Operation {
    pub(super) id: String,
    pub(super) kind: String,
    pub(super) started: Timestamp,
    pub(super) ended: Option<Timestamp>,
    pub(super) status: OperationStatus,
    pub(super) versions: Option<(i64, i64)>,
    pub(super) error: Option<String>,
    pub(super) rollback_operation: Option<String>,
}

/// An application.
pub(super) struct Application {
    pub(super) name: String,
    pub(super) arn: String,
    pub(super) description: Option<String>,
    pub(super) mode: Option<String>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) status: Status,
    pub(super) current: i64,
    pub(super) versions: BTreeMap<i64, Version>,
    pub(super) snapshots: Vec<Snapshot>,
    /// Oldest first.
    pub(super) operations: Vec<Operation>,
    pub(super) tags: BTreeMap<String, String>,
    pub(super) maintenance_from: String,
    pub(super) faults: Faults,
    /// When it lost a TaskManager last.
    pub(super) machine_lost: Option<Timestamp>,
    /// What is under way: the operation's id and its task.
    pub(super) active: Option<(String, AbortHandle)>,
}

impl Application {
    pub(super) fn version(&self) -> &Version {
        &self.versions[&self.current]
    }

    pub(super) fn is_flink(&self) -> bool {
        self.version().runtime.starts_with("FLINK-")
    }

    pub(super) fn snapshots_enabled(&self) -> bool {
        self.version().configuration["ApplicationSnapshotConfigurationDescription"]["SnapshotsEnabled"].as_bool().unwrap_or(true)
    }

    pub(super) fn system_rollback_enabled(&self) -> bool {
        self.version().configuration["ApplicationSystemRollbackConfigurationDescription"]["RollbackEnabled"].as_bool().unwrap_or(false)
    }

    /// Changes whenever the application's version or status does.
    pub(super) fn conditional_token(&self) -> String {
        let text = format!("{}/{}/{}", self.arn, self.current, self.updated);
        let hash = |seed: u64| {
            text.bytes().fold(seed, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            })
        };
        format!(
            "{:016x}{:016x}",
            hash(0xcbf2_9ce4_8422_2325),
            hash(0x9747_b28c)
        )
    }

    /// Refuses a request that was made on another version than the present one.
    pub(super) fn check_version(&self, input: &Value) -> Result<(), ApiError> {
        if let Some(version) = input["CurrentApplicationVersionId"].as_i64()
            && version != self.current
        {
            return Err(ApiError::concurrent(format!(
                "the current version is {}, not {version}",
                self.current
            )));
        }
        if let Some(token) = input["ConditionalToken"].as_str()
            && token != self.conditional_token()
        {
            return Err(ApiError::concurrent(
                "the application was changed since this ConditionalToken was given out",
            ));
        }
        if input["CurrentApplicationVersionId"].is_null() && input["ConditionalToken"].is_null() {
            return Err(ApiError::invalid_argument(
                "CurrentApplicationVersionId or ConditionalToken is required",
            ));
        }
        Ok(())
    }

    /// A snapshot that is CREATING; of version `version`, or of the present one.
    pub(super) fn begun_snapshot(
        &self,
        name: &str,
        created: Timestamp,
        version: Option<i64>,
    ) -> Snapshot {
        let id = version.unwrap_or(self.current);
        let version = self.versions.get(&id).unwrap_or_else(|| self.version());
        Snapshot {
            name: name.to_owned(),
            status: SnapshotStatus::Creating,
            version: id,
            created,
            runtime: version.runtime.clone(),
            location: String::new(),
            key: version.key(),
        }
    }

    pub(super) fn snapshot_mut(&mut self, name: &str) -> Option<&mut Snapshot> {
        self.snapshots
            .iter_mut()
            .find(|snapshot| snapshot.name == name)
    }

    pub(super) fn operation_mut(&mut self, id: &str) -> &mut Operation {
        self.operations
            .iter_mut()
            .find(|operation| operation.id == id)
            .expect("an operation is never forgotten")
    }

    /// `ApplicationDetail` of one version; the present one if `version` is None.
    pub(super) fn detail(&self, version: Option<&Version>, with_plan: bool) -> Value {
        let present = version.is_none_or(|version| version.id == self.current);
        let version = version.unwrap_or_else(|| self.version());
        let status = if present { self.status } else { version.status };
        let mut detail = json!({
            "ApplicationARN": self.arn,
            "ApplicationName": self.name,
            "RuntimeEnvironment": version.runtime,
            "ServiceExecutionRole": version.role,
            "ApplicationStatus": status.name(),
            "ApplicationVersionId": version.id,
            "CreateTimestamp": epoch(self.created),
            "LastUpdateTimestamp": epoch(self.updated),
            "ApplicationVersionCreateTimestamp": epoch(version.created),
            "ApplicationConfigurationDescription": version.configuration,
            "CloudWatchLoggingOptionDescriptions": version.logging,
            "ApplicationMaintenanceConfigurationDescription": self.maintenance(),
            "ConditionalToken": self.conditional_token(),
            "ApplicationMode": self.mode.as_deref().unwrap_or("STREAMING"),
        });
        let optional = [
            (
                "ApplicationDescription",
                self.description.clone().map(Value::from),
            ),
            (
                "ApplicationVersionUpdatedFrom",
                version.updated_from.map(Value::from),
            ),
            (
                "ApplicationVersionRolledBackFrom",
                version.rolled_back_from.map(Value::from),
            ),
            (
                "ApplicationVersionRolledBackTo",
                version.rolled_back_to.map(Value::from),
            ),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                detail[name] = value;
            }
        }
        let code = &mut detail["ApplicationConfigurationDescription"]["ApplicationCodeConfigurationDescription"]
            ["CodeContentDescription"];
        // Its place, and what was overwritten there, say which object it is.
        if let Some(place) = code.get("S3ApplicationCodeLocationDescription") {
            // The API model has 128 characters.
            let md5 = configuration::fingerprint(&place.to_string()).repeat(4);
            code["CodeMD5"] = md5.into();
        }
        objects::hide(&mut detail["ApplicationConfigurationDescription"]);
        if with_plan && self.is_flink() {
            detail["ApplicationConfigurationDescription"]["FlinkApplicationConfigurationDescription"]
                ["JobPlanDescription"] = "{}".into();
        }
        detail
    }

    pub(super) fn maintenance(&self) -> Value {
        json!({ "ApplicationMaintenanceWindowStartTime": self.maintenance_from, "ApplicationMaintenanceWindowEndTime": eight_hours_later(&self.maintenance_from) })
    }

    pub(super) fn summary(&self) -> Value {
        json!({
            "ApplicationName": self.name,
            "ApplicationARN": self.arn,
            "ApplicationStatus": self.status.name(),
            "ApplicationVersionId": self.current,
            "RuntimeEnvironment": self.version().runtime,
            "ApplicationMode": self.mode.as_deref().unwrap_or("STREAMING"),
        })
    }
}

impl Version {
    /// Its encryption configuration's description; AWS's own key where nothing is said.
    pub(super) fn key(&self) -> Value {
        match &self.configuration["ApplicationEncryptionConfigurationDescription"] {
            Value::Null => json!({ "KeyType": "AWS_OWNED_KEY" }),
            key => key.clone(),
        }
    }
}

impl Snapshot {
    pub(super) fn detail(&self) -> Value {
        let mut detail = json!({
            "SnapshotName": self.name,
            "SnapshotStatus": self.status.name(),
            "ApplicationVersionId": self.version,
            "SnapshotCreationTimestamp": epoch(self.created),
            "RuntimeEnvironment": self.runtime,
        });
        if self.key["KeyType"] == "CUSTOMER_MANAGED_KEY" {
            detail["ApplicationEncryptionConfigurationDescription"] = self.key.clone();
        }
        detail
    }
}

impl Operation {
    pub(super) fn info(&self) -> Value {
        let mut info = json!({ "Operation": self.kind, "OperationId": self.id, "StartTime": epoch(self.started), "OperationStatus": self.status.name() });
        if let Some(ended) = self.ended {
            info["EndTime"] = epoch(ended);
        }
        info
    }

    pub(super) fn detail(&self) -> Value {
        let mut detail = self.info();
        if let Value::Object(members) = &mut detail {
            members.shift_remove("OperationId");
        }
        if let Some((from, to)) = self.versions {
            detail["ApplicationVersionChangeDetails"] =
                json!({ "ApplicationVersionUpdatedFrom": from, "ApplicationVersionUpdatedTo": to });
        }
        if let Some(error) = &self.error {
            detail["OperationFailureDetails"] = json!({ "ErrorInfo": { "ErrorString": error } });
        }
        if let Some(rollback) = &self.rollback_operation {
            detail["OperationFailureDetails"]["RollbackOperationId"] = rollback.clone().into();
        }
        detail
    }
}

fn eight_hours_later(start: &str) -> String {
    let hours = start
        .split(':')
        .next()
        .and_then(|hours| hours.parse::<u32>().ok())
        .unwrap_or(0);
    format!(
        "{:02}:{}",
        (hours + 8) % 24,
        start.split(':').nth(1).unwrap_or("00")
    )
}

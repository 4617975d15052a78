//! Commands that a person can copy. Names are letters, digits, `_`, `.` and `-`, so nothing in them needs to be quoted for a shell.

use serde_json::{Value, json};

use super::About;
use crate::{MANAGED_TAG, Request};

/// The state machine of an execution, by its ARN.
#[must_use]
pub fn state_machine_of(execution: &str) -> String {
    execution
        .rsplit_once(':')
        .map_or(execution, |(machine, _)| machine)
        .replacen(":execution:", ":stateMachine:", 1)
}

impl About<'_> {
    fn start(&self, input: &Value) -> String {
        let machine = state_machine_of(self.execution);
        format!("aws stepfunctions start-execution --state-machine-arn {machine} --input '{input}'")
    }

    /// Lifeguard looks again.
    pub(super) fn look_again(&self) -> String {
        self.start(&json!({ "applicationName": self.name }))
    }

    /// A request of a person.
    pub(super) fn ask(&self, request: &Value) -> String {
        self.start(&json!({ "applicationName": self.name, "request": request }))
    }

    /// The same again, with what a person had asked for.
    pub(super) fn go_on(&self) -> String {
        match self.request {
            Some(request) => self.ask(&asked(request)),
            None => self.look_again(),
        }
    }

    pub(super) fn roll_back(&self) -> String {
        self.ask(&json!({ "action": "rollback" }))
    }

    /// Starts the stored configuration, or that of this version, from the right snapshot.
    pub(super) fn restore(&self, version_id: Option<u64>) -> String {
        let mut request = json!({ "action": "restore" });
        if let Some(version_id) = version_id {
            request["applicationVersionId"] = json!(version_id);
        }
        self.ask(&request)
    }

    pub(super) fn restore_without_state(&self, version_id: Option<u64>) -> String {
        let mut request = json!({ "action": "restore" });
        if let Some(version_id) = version_id {
            request["applicationVersionId"] = json!(version_id);
        }
        request["withoutState"] = json!(true);
        self.ask(&request)
    }

    /// By the service itself: Lifeguard may not.
    pub(super) fn roll_back_by_hand(&self) -> String {
        format!(
            "aws kinesisanalyticsv2 rollback-application --application-name {} --current-application-version-id {}",
            self.name, self.version_id
        )
    }

    /// By the service itself, with what is stored: Lifeguard may be held, or have no permission.
    pub(super) fn start_by_hand(&self) -> String {
        let from = match self.snapshot {
            Some(snapshot) => {
                let (member, value) = match &snapshot.enhanced {
                    Some(enhanced) => ("SnapshotArn", &enhanced.arn),
                    None => ("SnapshotName", &snapshot.name),
                };
                json!({ "ApplicationRestoreType": "RESTORE_FROM_CUSTOM_SNAPSHOT", member: value })
            }
            None => json!({ "ApplicationRestoreType": "RESTORE_FROM_LATEST_SNAPSHOT" }),
        };
        let run = json!({ "ApplicationRestoreConfiguration": from });
        format!(
            "aws kinesisanalyticsv2 start-application --application-name {} --run-configuration '{run}'",
            self.name
        )
    }

    pub(super) fn opt_in(&self) -> String {
        format!(
            "aws kinesisanalyticsv2 tag-resource --resource-arn {} --tags Key={MANAGED_TAG},Value=true",
            self.arn
        )
    }

    pub(super) fn opt_out(&self) -> String {
        format!(
            "aws kinesisanalyticsv2 untag-resource --resource-arn {} --tag-keys {MANAGED_TAG}",
            self.arn
        )
    }

    pub(super) fn lift_the_stop_switch(&self) -> String {
        let table = self.table.unwrap_or("<the ledger table>");
        format!(
            r#"aws dynamodb delete-item --table-name {table} --key '{{"pk":{{"S":"*"}},"sk":{{"S":"stop"}}}}'"#
        )
    }
}

/// As it is written into an input.
fn asked(request: &Request) -> Value {
    serde_json::to_value(request).unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_machine_is_told_by_its_execution() {
        assert_eq!(
            state_machine_of("arn:aws:states:us-east-1:123456789012:execution:remediate:one"),
            "arn:aws:states:us-east-1:123456789012:stateMachine:remediate"
        );
        assert_eq!(state_machine_of("one"), "one");
    }
}

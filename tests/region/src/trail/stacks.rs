//! CloudFormation's events about the stack of an application: no trail is needed for them, and they come at once.
//!
//! A call signed by the access key `cloudformation` is a stack at work: the resource is IN_PROGRESS from the call on, COMPLETE when the application has settled, FAILED when the call was refused.

use std::time::Duration;

use emulated_aws::events::EventBus;
use emulated_flink::managed_flink::{ManagedFlink, Status};
use ground::{
    place::{ACCOUNT, REGION},
    wire::{self, Request, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::CLOUDFORMATION;

/// How often CloudFormation looks whether an application has settled.
const LOOKS_EVERY: Duration = Duration::from_secs(5);
/// How often it looks before it gives up.
const LOOKS: u32 = 720;

/// A change of the status of a stack, or of an application in it, as data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StackEvent {
    /// The stack's name.
    pub stack: String,
    /// The application, which is a resource of the stack; None for the stack itself.
    #[serde(default)]
    pub application: Option<String>,
    /// `UPDATE_IN_PROGRESS`.
    pub status: String,
    /// Why, where CloudFormation says so.
    #[serde(default)]
    pub reason: String,
}

impl StackEvent {
    /// Puts it on the bus.
    pub(crate) fn emit(&self, bus: &EventBus) {
        let stack = format!(
            "arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{}/5b6ad2a0-0000-4000-8000-000000000000",
            self.stack
        );
        let mut detail = json!({
            "stack-id": stack,
            "status-details": { "status": self.status, "status-reason": self.reason },
            "client-request-token": "",
        });
        let kind = match &self.application {
            Some(application) => {
                detail["logical-resource-id"] = "Application".into();
                detail["physical-resource-id"] = application.as_str().into();
                detail["resource-type"] = "AWS::KinesisAnalyticsV2::Application".into();
                "CloudFormation Resource Status Change"
            }
            None => "CloudFormation Stack Status Change",
        };
        bus.emit("aws.cloudformation", kind, &[stack], detail);
    }
}

/// Tells of the stack that made this call, if one did.
pub(crate) fn deploys(bus: &EventBus, flink: &ManagedFlink, request: &Request, answer: &Response) {
    if wire::caller(request).as_deref() != Some(CLOUDFORMATION) {
        return;
    }
    let word = match wire::verb(request) {
        Some("CreateApplication") => "CREATE",
        Some("DeleteApplication") => "DELETE",
        Some("UpdateApplication") => "UPDATE",
        _ => return,
    };
    let input: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let Some(application) = input["ApplicationName"].as_str().map(str::to_owned) else {
        return;
    };
    let event = move |of_stack: bool, status: &str, reason: &str| StackEvent {
        stack: format!("{application}-stack"),
        application: (!of_stack).then(|| application.clone()),
        status: format!("{word}_{status}"),
        reason: reason.to_owned(),
    };
    for of_stack in [true, false] {
        event(of_stack, "IN_PROGRESS", "").emit(bus);
    }
    if !answer.status().is_success() {
        let refused: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        let reason = refused["message"].as_str().unwrap_or_default();
        for of_stack in [false, true] {
            event(of_stack, "FAILED", reason).emit(bus);
        }
        return;
    }
    let (bus, flink) = (bus.clone(), flink.clone());
    let name = input["ApplicationName"]
        .as_str()
        .unwrap_or_default()
        .to_owned();
    tokio::spawn(async move {
        for _ in 0..LOOKS {
            tokio::time::sleep(LOOKS_EVERY).await;
            let status = flink
                .application(&name)
                .map(|application| application.status);
            // It judges by the status alone: RUNNING is good, whatever the job does.
            if status.is_none_or(|status| matches!(status, Status::Running | Status::Ready)) {
                for of_stack in [false, true] {
                    event(of_stack, "COMPLETE", "").emit(&bus);
                }
                return;
            }
        }
    });
}

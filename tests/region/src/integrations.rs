//! What a state machine's tasks call: requests to the region's own router, signed with the state machine's role.
//!
//! Two kinds, as on AWS: a few optimised integrations with conveniences of their own (a function's error becomes the task's, an object becomes text), and the
//! generic SDK integrations. The names of errors follow the SDK that Step Functions itself uses: what a service's model does not list arrives under the
//! service's generic exception, so a state machine cannot branch on it. Deliberately absent: `.sync`, and every service not named below: refused.

mod errors;
mod sdk;

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};

use emulated_aws::{connector::Router, faults, sns};
use ground::{
    place,
    protocol::{aws_json, aws_query, invocation, refused, xml_element},
    wire::{Request, Response},
};

/// Error and cause of a failed task.
pub type Failure = (String, String);

/// What a task is part of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The execution.
    pub execution_arn: String,
    /// Its state machine: decides the role.
    pub state_machine_arn: String,
}

/// The integrations. Cheap to clone.
#[derive(Clone)]
pub struct Integrations {
    router: Router,
    /// Role by state machine's name.
    roles: Arc<BTreeMap<String, String>>,
}

impl Integrations {
    /// Through this router; `roles` names the role of each state machine by the machine's name. One that is not named acts under its own name.
    #[must_use]
    pub fn new(router: Router, roles: BTreeMap<String, String>) -> Self {
        Self {
            router,
            roles: Arc::new(roles),
        }
    }

    /// Carries out one task.
    ///
    /// With `.waitForTaskToken` the call is made in the same way; waiting for the token is the interpreter's.
    ///
    /// # Errors
    /// Error name and cause, as `Retry` and `Catch` see them.
    pub async fn call(
        &self,
        resource: &str,
        arguments: Value,
        origin: &Origin,
    ) -> Result<Value, Failure> {
        let machine = place::name_of(&origin.state_machine_arn);
        let role = self.roles.get(machine).map_or(machine, String::as_str);
        let integration = resource
            .strip_prefix("arn:aws:states:::")
            .ok_or_else(|| unknown(resource))?;
        let integration = integration
            .strip_suffix(".waitForTaskToken")
            .unwrap_or(integration);
        match integration.split(':').collect::<Vec<_>>().as_slice() {
            ["lambda", "invoke"] => self.invoke(role, &arguments).await,
            [
                "dynamodb",
                verb @ ("getItem" | "putItem" | "updateItem" | "deleteItem"),
            ] => {
                let target = format!("DynamoDB_20120810.{}", sdk::pascal(verb));
                self.json(
                    aws_json(role, "dynamodb", &target, "1.0", &arguments),
                    errors::dynamodb,
                )
                .await
            }
            ["events", "putEvents"] => self.put_events(role, arguments, origin).await,
            ["sns", "publish"] => self.publish(role, &arguments).await,
            ["states", "startExecution"] => self.start_execution(role, arguments).await,
            ["aws-sdk", service, verb] => {
                let service = sdk::Service::named(service).ok_or_else(|| unknown(resource))?;
                let request = aws_json(
                    role,
                    service.signing,
                    &service.target(verb),
                    service.version,
                    &service.arguments(arguments),
                );
                let answer = self.json(request, |code| service.error(code)).await?;
                Ok(service.result(answer))
            }
            _ => Err(unknown(resource)),
        }
    }

    async fn invoke(&self, role: &str, arguments: &Value) -> Result<Value, Failure> {
        known(arguments, &["FunctionName", "Payload", "InvocationType"])?;
        let function = text(arguments, "FunctionName")?;
        let kind = arguments["InvocationType"]
            .as_str()
            .unwrap_or("RequestResponse");
        let payload = arguments
            .get("Payload")
            .cloned()
            .unwrap_or_else(|| json!({}));
        let answer = self
            .send(invocation(role, function, kind, &payload), errors::lambda)
            .await?;
        let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        if answer.headers().contains_key("x-amz-function-error") {
            // The function's own error is the task's.
            return Err(match body["errorType"].as_str() {
                Some(error) => (error.to_owned(), body.to_string()),
                None => (
                    "Lambda.Unknown".to_owned(),
                    format!(
                        "The cause could not be determined because Lambda did not return an error type. Returned payload: {body}"
                    ),
                ),
            });
        }
        let mut result = json!({ "Payload": body, "StatusCode": answer.status().as_u16() });
        if let Some(version) = answer
            .headers()
            .get("x-amz-executed-version")
            .and_then(|version| version.to_str().ok())
        {
            result["ExecutedVersion"] = json!(version);
        }
        Ok(result)
    }

    async fn put_events(
        &self,
        role: &str,
        mut arguments: Value,
        origin: &Origin,
    ) -> Result<Value, Failure> {
        known(&arguments, &["Entries"])?;
        for entry in arguments["Entries"].as_array_mut().into_iter().flatten() {
            as_text(entry, "Detail");
            let mut resources: Vec<Value> =
                entry["Resources"].as_array().cloned().unwrap_or_default();
            resources.extend([json!(origin.execution_arn), json!(origin.state_machine_arn)]);
            entry["Resources"] = Value::Array(resources);
        }
        let answer = self
            .json(
                aws_json(role, "events", "AWSEvents.PutEvents", "1.1", &arguments),
                errors::events,
            )
            .await?;
        if answer["FailedEntryCount"] != json!(0) {
            return Err(("EventBridge.FailedEntry".to_owned(), answer.to_string()));
        }
        Ok(answer)
    }

    async fn publish(&self, role: &str, arguments: &Value) -> Result<Value, Failure> {
        known(
            arguments,
            &["TopicArn", "Message", "Subject", "MessageAttributes"],
        )?;
        let mut arguments = arguments.clone();
        as_text(&mut arguments, "Message");
        let mut form = Vec::new();
        for name in ["TopicArn", "Message", "Subject"] {
            if let Some(value) = arguments[name].as_str() {
                form.push((name.to_owned(), value.to_owned()));
            }
        }
        for (n, (name, attribute)) in arguments["MessageAttributes"]
            .as_object()
            .into_iter()
            .flatten()
            .enumerate()
        {
            let entry = format!("MessageAttributes.entry.{}", n + 1);
            form.push((format!("{entry}.Name"), name.clone()));
            for part in ["DataType", "StringValue"] {
                form.push((
                    format!("{entry}.Value.{part}"),
                    attribute[part].as_str().unwrap_or_default().to_owned(),
                ));
            }
        }
        let answer = self
            .send(
                aws_query(role, "sns", sns::API_VERSION, "Publish", &form),
                errors::sns,
            )
            .await?;
        Ok(
            json!({ "MessageId": xml_element(&String::from_utf8_lossy(answer.body()), "MessageId") }),
        )
    }

    async fn start_execution(&self, role: &str, mut arguments: Value) -> Result<Value, Failure> {
        known(&arguments, &["StateMachineArn", "Name", "Input"])?;
        as_text(&mut arguments, "Input");
        let service = sdk::Service::named("sfn").expect("it is in the table");
        let request = aws_json(
            role,
            service.signing,
            &service.target("startExecution"),
            service.version,
            &service.arguments(arguments),
        );
        let answer = self.json(request, errors::states).await?;
        Ok(service.result(answer))
    }

    async fn json(
        &self,
        request: Request,
        error: impl Fn(&str) -> String,
    ) -> Result<Value, Failure> {
        let answer = self.send(request, error).await?;
        serde_json::from_slice(answer.body()).map_err(|error| {
            (
                "States.Runtime".to_owned(),
                format!("the answer is not JSON: {error}"),
            )
        })
    }

    /// `error` names an error code the way the integration's own SDK does.
    async fn send(
        &self,
        request: Request,
        error: impl Fn(&str) -> String,
    ) -> Result<Response, Failure> {
        let answer = self.router.send(request).await;
        if faults::is_cut(&answer) {
            return Err((
                error("SdkClientException"),
                "Unable to execute HTTP request: the connection broke before an answer came"
                    .to_owned(),
            ));
        }
        match refused(&answer) {
            None => Ok(answer),
            Some((code, message)) => {
                let status = answer.status().as_u16();
                Err((
                    error(&code),
                    format!(
                        "{message} (Status Code: {status}; Error Code: {code}; Request ID: sandbox)"
                    ),
                ))
            }
        }
    }
}

fn unknown(resource: &str) -> Failure {
    (
        "States.Runtime".to_owned(),
        format!("the sandbox does not know the integration {resource}"),
    )
}

fn known(arguments: &Value, names: &[&str]) -> Result<(), Failure> {
    let unknown = arguments
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name)
        .find(|name| !names.contains(&name.as_str()));
    match unknown {
        Some(name) => Err((
            "States.Runtime".to_owned(),
            format!("the sandbox does not know the argument {name} of this integration"),
        )),
        None => Ok(()),
    }
}

fn text<'a>(arguments: &'a Value, name: &str) -> Result<&'a str, Failure> {
    arguments[name].as_str().ok_or_else(|| {
        (
            "States.Runtime".to_owned(),
            format!("the argument {name} is missing, or is no text"),
        )
    })
}

/// Optimised integrations take an object where the API wants JSON as text.
fn as_text(arguments: &mut Value, name: &str) {
    if let Some(value) = arguments.get_mut(name).filter(|value| !value.is_string()) {
        *value = json!(value.to_string());
    }
}

#[cfg(test)]
mod tests;

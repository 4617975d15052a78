//! The wire side: AWS JSON 1.0, verb by verb. A verb or a field that is not known is refused by name.

use std::{
    convert::Infallible,
    task::{Context, Poll},
};

use futures::future::BoxFuture;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use super::{
    TaskFailure,
    errors::PAYLOAD_LIMIT_BYTES,
    execution::{ExecutionView, Status},
    history::epoch_seconds,
    service::{ApiError, StepFunctions},
    tokens::Useless,
};
use ground::wire::{self, Request, Response};

const CONTENT_TYPE: &str = "application/x-amz-json-1.0";
/// A page's size when the caller does not say, and the most it can ask for.
const PAGE: usize = 100;
const PAGE_MAX: usize = 1000;

type Answer = Result<Value, ApiError>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StartExecution {
    state_machine_arn: String,
    name: Option<String>,
    input: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct StopExecution {
    execution_arn: String,
    error: Option<String>,
    cause: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct RedriveExecution {
    execution_arn: String,
    /// The SDKs send one by themselves. Not remembered: a repeat meets an execution that runs already, and is refused.
    #[serde(rename = "clientToken")]
    _client_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DescribeExecution {
    execution_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DescribeStateMachine {
    state_machine_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListStateMachines {
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ListExecutions {
    state_machine_arn: String,
    status_filter: Option<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct GetExecutionHistory {
    execution_arn: String,
    reverse_order: Option<bool>,
    max_results: Option<usize>,
    next_token: Option<String>,
    include_execution_data: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SendTaskSuccess {
    task_token: String,
    output: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SendTaskFailure {
    task_token: String,
    error: Option<String>,
    cause: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SendTaskHeartbeat {
    task_token: String,
}

impl StepFunctions {
    /// Answers one request of the API.
    pub async fn handle(&self, request: Request) -> Response {
        match self.answer(&request) {
            Ok(body) => wire::json_answer(200, CONTENT_TYPE, &body),
            Err(error) => wire::json_answer(
                400,
                CONTENT_TYPE,
                &json!({ "__type": error.code, "message": error.message }),
            ),
        }
    }

    fn answer(&self, request: &Request) -> Answer {
        let verb = wire::verb(request).unwrap_or_default();
        match verb {
            "StartExecution" => self.start_execution(read(request)?),
            "StopExecution" => self.stop_execution(&read(request)?),
            "RedriveExecution" => self.redrive_execution(&read(request)?),
            "DescribeExecution" => self.describe_execution(&read(request)?),
            "ListExecutions" => self.list_executions(&read(request)?),
            "GetExecutionHistory" => self.get_execution_history(&read(request)?),
            "DescribeStateMachine" => self.describe_state_machine(&read(request)?),
            "ListStateMachines" => self.list_state_machines(&read(request)?),
            "SendTaskSuccess" => self.send_task_success(&read(request)?),
            "SendTaskFailure" => self.send_task_failure(read(request)?),
            "SendTaskHeartbeat" => {
                let SendTaskHeartbeat { task_token } = read(request)?;
                self.world.tokens.beat(&task_token).map_err(useless)?;
                Ok(json!({}))
            }
            other => Err(ApiError::new(
                "UnknownOperationException",
                format!("Step Functions here does not know the verb {other:?}"),
            )),
        }
    }

    fn start_execution(&self, asked: StartExecution) -> Answer {
        let input = asked.input.unwrap_or_else(|| "{}".to_owned());
        let (arn, started) = self.start(&asked.state_machine_arn, asked.name.as_deref(), &input)?;
        Ok(json!({ "executionArn": arn, "startDate": epoch_seconds(started) }))
    }

    fn stop_execution(&self, asked: &StopExecution) -> Answer {
        let stopped = self.stop(
            &asked.execution_arn,
            asked.error.as_deref(),
            asked.cause.as_deref(),
        )?;
        Ok(json!({ "stopDate": epoch_seconds(stopped) }))
    }

    fn redrive_execution(&self, asked: &RedriveExecution) -> Answer {
        let at = self.redrive(&asked.execution_arn)?;
        Ok(json!({ "redriveDate": epoch_seconds(at) }))
    }

    fn describe_execution(&self, asked: &DescribeExecution) -> Answer {
        let execution = self.execution(&asked.execution_arn)?;
        let view = execution.view();
        let mut body = listed(&view);
        body.insert("input".to_owned(), json!(execution.input_text));
        body.insert("inputDetails".to_owned(), json!({ "included": true }));
        if let Some(output) = &view.output {
            body.insert("output".to_owned(), json!(output.to_string()));
            body.insert("outputDetails".to_owned(), json!({ "included": true }));
        }
        for (key, value) in [("error", &view.error), ("cause", &view.cause)] {
            if let Some(value) = value {
                body.insert(key.to_owned(), json!(value));
            }
        }
        body.insert("redriveCount".to_owned(), json!(view.redrives));
        body.insert("redriveStatus".to_owned(), json!(view.redrive_status()));
        if let Some(at) = view.redriven {
            body.insert("redriveDate".to_owned(), epoch_seconds(at));
        }
        Ok(Value::Object(body))
    }

    fn list_executions(&self, asked: &ListExecutions) -> Answer {
        self.machine(&asked.state_machine_arn)?;
        let status = asked.status_filter.as_deref().map(|name| {
            Status::named(name)
                .ok_or_else(|| invalid(format!("statusFilter {name:?} is no status")))
        });
        let status = status.transpose()?;
        let mut views = self.executions();
        views.retain(|view| {
            view.state_machine_arn == asked.state_machine_arn
                && status.is_none_or(|status| status == view.status)
        });
        let newest_first = views
            .iter()
            .rev()
            .map(|view| Value::Object(listed(view)))
            .collect();
        page(
            "executions",
            newest_first,
            asked.max_results,
            asked.next_token.as_deref(),
        )
    }

    fn get_execution_history(&self, asked: &GetExecutionHistory) -> Answer {
        if asked.include_execution_data == Some(false) {
            return Err(invalid("includeExecutionData false is not known here"));
        }
        let mut events = self.execution(&asked.execution_arn)?.history();
        if asked.reverse_order == Some(true) {
            events.reverse();
        }
        page(
            "events",
            events,
            asked.max_results,
            asked.next_token.as_deref(),
        )
    }

    fn describe_state_machine(&self, asked: &DescribeStateMachine) -> Answer {
        let machine = self.machine(&asked.state_machine_arn)?;
        Ok(json!({
            "stateMachineArn": machine.arn, "name": machine.name, "status": "ACTIVE", "definition": machine.text, "roleArn": machine.role,
            "type": "STANDARD", "creationDate": epoch_seconds(machine.created),
        }))
    }

    fn list_state_machines(&self, asked: &ListStateMachines) -> Answer {
        let machines = self.machines().into_iter().map(|machine| {
            json!({ "stateMachineArn": machine.arn, "name": machine.name, "type": "STANDARD", "creationDate": epoch_seconds(machine.created) })
        });
        page(
            "stateMachines",
            machines.collect(),
            asked.max_results,
            asked.next_token.as_deref(),
        )
    }

    fn send_task_success(&self, asked: &SendTaskSuccess) -> Answer {
        let output = serde_json::from_str(&asked.output)
            .ok()
            .filter(|_| asked.output.len() <= PAYLOAD_LIMIT_BYTES);
        let output = output.ok_or_else(|| {
            ApiError::new(
                "InvalidOutput",
                format!("Invalid Output: not JSON, or over {PAYLOAD_LIMIT_BYTES} bytes"),
            )
        })?;
        self.world
            .tokens
            .answer(&asked.task_token, Ok(output))
            .map_err(useless)?;
        Ok(json!({}))
    }

    fn send_task_failure(&self, asked: SendTaskFailure) -> Answer {
        let failure = TaskFailure {
            error: asked.error.unwrap_or_default(),
            cause: asked.cause.unwrap_or_default(),
        };
        self.world
            .tokens
            .answer(&asked.task_token, Err(failure))
            .map_err(useless)?;
        Ok(json!({}))
    }
}

impl tower::Service<Request> for StepFunctions {
    type Response = Response;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let service = self.clone();
        Box::pin(async move { Ok(service.handle(request).await) })
    }
}

fn read<T: DeserializeOwned>(request: &Request) -> Result<T, ApiError> {
    serde_json::from_slice(request.body()).map_err(|error| invalid(error.to_string()))
}

fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new("ValidationException", message)
}

fn useless(why: Useless) -> ApiError {
    match why {
        Useless::Unknown => ApiError::new("InvalidToken", "Invalid Token: 'Invalid token'"),
        Useless::Spent => ApiError::new(
            "TaskTimedOut",
            "Task Timed Out: 'Provided task does not exist anymore'",
        ),
    }
}

/// An execution as a list shows it.
fn listed(view: &ExecutionView) -> Map<String, Value> {
    let mut item = Map::new();
    item.insert("executionArn".to_owned(), json!(view.arn));
    item.insert("stateMachineArn".to_owned(), json!(view.state_machine_arn));
    item.insert("name".to_owned(), json!(view.name));
    item.insert("status".to_owned(), json!(view.status.name()));
    item.insert("startDate".to_owned(), epoch_seconds(view.started));
    if let Some(stopped) = view.stopped {
        item.insert("stopDate".to_owned(), epoch_seconds(stopped));
    }
    item
}

/// One page of a list. The token is where the next one begins.
fn page(key: &str, items: Vec<Value>, max_results: Option<usize>, token: Option<&str>) -> Answer {
    let size = match max_results {
        None | Some(0) => PAGE,
        Some(size) if size <= PAGE_MAX => size,
        Some(size) => return Err(invalid(format!("maxResults {size} is above {PAGE_MAX}"))),
    };
    let start = match token {
        None => 0,
        Some(token) => token
            .parse()
            .map_err(|_| ApiError::new("InvalidToken", "Invalid Token: 'Invalid token'"))?,
    };
    let more = items.len() > start + size;
    let items: Vec<Value> = items.into_iter().skip(start).take(size).collect();
    let mut body = Map::from_iter([(key.to_owned(), Value::Array(items))]);
    if more {
        body.insert("nextToken".to_owned(), json!((start + size).to_string()));
    }
    Ok(Value::Object(body))
}

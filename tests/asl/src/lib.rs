//! Step Functions: an interpreter of the Amazon States Language in its JSONata dialect, and the service's API around it.
//!
//! The same definitions that are deployed run here, in the region's time. A definition is read strictly ([`Definition::parse`]); what AWS would run and this
//! interpreter does not know is refused when the state machine is created, never ignored. Deliberately absent: JSONPath, distributed maps, `.sync`
//! integrations, activities, Express workflows, versions and aliases; of a redriven Map or Parallel the whole state runs again.
//!
//! Invariant: the same seed, inputs and answers give the same history, byte for byte: time comes from the region's clock, every random number from the seed,
//! and branches interleave in the order in which their futures wake.
//!
//! A state machine, run in virtual time ([`Integrations`] is what its tasks call):
//!
//! ```
//! # use std::sync::Arc;
//! # use asl::{Integrations, StepFunctions, TaskCall, TaskFailure};
//! # use futures::future::{BoxFuture, ready};
//! # use serde_json::{Value, json};
//! struct Echo;
//! impl Integrations for Echo {
//!     fn call(&self, task: TaskCall) -> BoxFuture<'static, Result<Value, TaskFailure>> {
//!         Box::pin(ready(Ok(task.arguments)))
//!     }
//! }
//! # #[tokio::main(flavor = "current_thread", start_paused = true)]
//! # async fn main() {
//! let clock = ground::clock::Clock::starting_at("2026-03-01T12:00:00Z".parse().unwrap());
//! let states = StepFunctions::new(clock, 1, "123456789012", "us-east-1", Arc::new(Echo));
//! let wait = json!({ "Type": "Wait", "Seconds": 3600, "Next": "Greet" });
//! let greet = json!({ "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true,
//!     "Arguments": "{% 'hello ' & $states.input.name %}" });
//! let machine = json!({ "QueryLanguage": "JSONata", "StartAt": "Wait", "States": { "Wait": wait, "Greet": greet } });
//! let arn = states.create("greeter", &machine.to_string(), "arn:aws:iam::123456789012:role/any").unwrap();
//! let (execution, _) = states.start(&arn, None, r#"{ "name": "Ada" }"#).unwrap();
//! assert_eq!(states.finished(&execution).await.output, Some(json!("hello Ada")));
//! # }
//! ```

mod api;
mod check;
mod definition;
mod errors;
mod execution;
mod expression;
mod fields;
mod functions;
mod history;
mod json;
mod nested;
mod read;
mod retry;
mod run;
mod service;
mod substitute;
mod task;
mod template;
mod tokens;

use futures::future::BoxFuture;
use serde_json::Value;

pub use definition::{Definition, DefinitionError};
pub use errors::PAYLOAD_LIMIT_BYTES;
pub use execution::{ExecutionEvent, ExecutionView, Status};
pub use expression::{Evaluation, EvaluationHook};
pub use run::EntryHook;
pub use service::{ApiError, CreateError, StepFunctions};
pub use substitute::{SubstituteError, substitute};

/// What a Task's Resource leads to.
pub trait Integrations: Send + Sync + 'static {
    /// Performs one call. The future is dropped when the task times out or the execution is stopped.
    fn call(&self, task: TaskCall) -> BoxFuture<'static, Result<Value, TaskFailure>>;
}

/// One call of a Task.
#[derive(Clone, Debug, PartialEq)]
pub struct TaskCall {
    /// The Resource, as the definition has it.
    pub resource: String,
    /// Arguments, evaluated; the state's input where it has none.
    pub arguments: Value,
    /// The state's name.
    pub state: String,
    /// The execution.
    pub execution_arn: String,
    /// Its state machine.
    pub state_machine_arn: String,
    /// The token that ends the task, where the Resource ends in `.waitForTaskToken`.
    pub task_token: Option<String>,
}

/// A call that failed, as ErrorEquals and the history see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TaskFailure {
    /// `Lifeguard.Stale`, `KinesisAnalyticsV2.ResourceInUseException`.
    pub error: String,
    /// For people.
    pub cause: String,
}

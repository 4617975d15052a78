//! A function, and how it meets the Lambda runtime.

use std::{future::Future, sync::Arc};

use jiff::Timestamp;
use lambda_runtime::{Diagnostic, LambdaEvent, service_fn};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Aws, Env, ErrorType, Failure, SettingError};

/// What a handler is told beside its event.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// The runtime's id of this invocation.
    pub request_id: String,
    /// The time at its start.
    pub now: Timestamp,
}

/// One Lambda function: built once in init, called for each event.
pub trait Function: Sized + Send + Sync + 'static {
    /// The package's name, which is also the function's name in the template.
    const NAME: &'static str;
    /// Its input.
    type Event: DeserializeOwned + Send;
    /// Its result.
    type Answer: Serialize + Send;

    /// Reads the settings and builds the clients.
    ///
    /// # Errors
    /// When a setting is missing or does not parse: the function then fails in init and names the variable.
    fn build(env: &Env, aws: &Aws) -> Result<Self, SettingError>;

    /// Handles one event.
    fn handle(&self, event: Self::Event, invocation: Invocation) -> impl Future<Output = Result<Self::Answer, Failure>> + Send;
}

/// Answers one event in JSON. A payload that does not fit the function's event is [`ErrorType::BadInput`].
///
/// # Errors
/// The handler's own, and bad input.
pub async fn answer<F: Function>(function: &F, payload: Value, invocation: Invocation) -> Result<Value, Failure> {
    let event =
        serde_json::from_value(payload).map_err(|error| Failure::new(ErrorType::BadInput, format!("{} cannot read its input: {error}", F::NAME)))?;
    let request_id = invocation.request_id.clone();
    let result = function.handle(event, invocation).await;
    match &result {
        Ok(_) => tracing::info!(function = F::NAME, request_id, "answered"),
        Err(failure) => tracing::error!(function = F::NAME, request_id, error_type = failure.error_type.name(), error = %failure, "failed"),
    }
    serde_json::to_value(result?).map_err(|error| Failure::of(ErrorType::Internal, &error))
}

/// The whole of a function's `main`: logs, settings, clients, then events until Lambda stops the process.
///
/// # Errors
/// When init fails, or the runtime's API does.
pub async fn run<F: Function>() -> Result<(), lambda_runtime::Error> {
    crate::logs::start();
    let env = Env::of_process();
    let aws = Aws::of_lambda(&env)?;
    let function = Arc::new(F::build(&env, &aws)?);
    lambda_runtime::run(service_fn(move |event: LambdaEvent<Value>| {
        let (function, aws) = (Arc::clone(&function), aws.clone());
        async move {
            let invocation = Invocation { request_id: event.context.request_id, now: aws.now() };
            answer(&*function, event.payload, invocation).await.map_err(Diagnostic::from)
        }
    }))
    .await
}

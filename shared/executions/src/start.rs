//! `states:StartExecution`.

use std::{error::Error, future::Future};

use aws_sdk_sfn::{
    Client, config::Builder, error::SdkError, operation::start_execution::StartExecutionError,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
use lambda_kit::{Aws, ErrorType};

use crate::StateMachineArn;

/// Starts an execution of the state machine that it was made for.
pub trait StartExecution: Send + Sync {
    /// Starts an execution. A running one of the same name and input counts as started.
    fn start_execution(
        &self,
        name: &str,
        input: &str,
    ) -> impl Future<Output = Result<(), StartError>> + Send;
}

/// Tries while the answers cannot be read. At once: nobody asked for patience, and the same name and input start nothing twice.
const READS: usize = 3;
/// The status of a good answer.
const OK: u16 = 200;
/// Request Timeout and Too Many Requests.
const LATER: [u16; 2] = [408, 429];

/// The SDK's error, kept for its text.
type Cause = Box<dyn Error + Send + Sync>;

/// Why an execution was not started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The name is taken: by an execution that ended, or by one with another input.
    #[error("an execution of that name exists")]
    AlreadyExists,
    /// Throttled, at a limit, out of order, or not reached at all: later may do.
    #[error("Step Functions cannot take it now")]
    Unavailable(#[source] Cause),
    /// An answer that is none of Step Functions', or half of one: the start may have happened, and the name makes the next try harmless.
    #[error("Step Functions' answer (HTTP {status}) cannot be read")]
    Unreadable {
        /// The HTTP status that it came with.
        status: u16,
    },
    /// Not permitted, or there is no such state machine: somebody has to change something.
    #[error(
        "Step Functions does not let this function start it; check its role and STATE_MACHINE_ARN"
    )]
    NotAllowed(#[source] Cause),
    /// Step Functions finds the request wrong, which this function wrote.
    #[error("Step Functions finds the request wrong")]
    Wrong(#[source] Cause),
}

impl StartError {
    /// Whether it may have been started all the same.
    #[must_use]
    pub const fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::Unreadable { .. })
    }

    /// What crosses the Lambda boundary.
    #[must_use]
    pub const fn error_type(&self) -> ErrorType {
        match self {
            Self::Unavailable(_) | Self::Unreadable { .. } => ErrorType::Retryable,
            Self::NotAllowed(_) => ErrorType::NotAllowed,
            Self::AlreadyExists | Self::Wrong(_) => ErrorType::Internal,
        }
    }
}

/// [`StartExecution`] as AWS does it.
#[derive(Clone, Debug)]
pub struct StepFunctions {
    client: Client,
    state_machine: StateMachineArn,
}

impl StepFunctions {
    /// Starts executions of `state_machine`.
    #[must_use]
    pub fn new(aws: &Aws, state_machine: StateMachineArn) -> Self {
        Self {
            client: Client::from_conf(
                Builder::from(aws.config())
                    .retry_partition(Aws::retries())
                    .build(),
            ),
            state_machine,
        }
    }
}

impl StartExecution for StepFunctions {
    async fn start_execution(&self, name: &str, input: &str) -> Result<(), StartError> {
        let mut outcome = self.once(name, input).await;
        for _ in 1..READS {
            if !outcome.as_ref().is_err_and(StartError::is_outcome_unknown) {
                break;
            }
            outcome = self.once(name, input).await;
        }
        outcome
    }
}

impl StepFunctions {
    async fn once(&self, name: &str, input: &str) -> Result<(), StartError> {
        let request = self
            .client
            .start_execution()
            .state_machine_arn(self.state_machine.as_str());
        let request = request.name(name).input(input);
        // Boxed: nested into the handler, its type is deeper than the compiler's recursion limit.
        let answer = Box::pin(request.send()).await.map_err(classify)?;
        // The SDK reads an empty body, or one without the execution, as an answer.
        if answer.execution_arn().is_empty() {
            return Err(StartError::Unreadable { status: OK });
        }
        Ok(())
    }
}

fn classify(error: SdkError<StartExecutionError>) -> StartError {
    use StartExecutionError as E;
    let service = match &error {
        SdkError::ServiceError(service) => service,
        SdkError::ResponseError(answer) => {
            let status = answer.raw().status().as_u16();
            return StartError::Unreadable { status };
        }
        // Not sent, or no answer in time: the SDK has tried again already.
        _ => return StartError::Unavailable(error.into()),
    };
    match service.err() {
        E::ExecutionAlreadyExists(_) => StartError::AlreadyExists,
        E::ExecutionLimitExceeded(_) | E::KmsThrottlingException(_) => {
            StartError::Unavailable(error.into())
        }
        E::StateMachineDoesNotExist(_)
        | E::StateMachineDeleting(_)
        | E::InvalidArn(_)
        | E::KmsAccessDeniedException(_)
        | E::KmsInvalidStateException(_) => StartError::NotAllowed(error.into()),
        E::InvalidName(_) | E::InvalidExecutionInput(_) | E::ValidationException(_) => {
            StartError::Wrong(error.into())
        }
        // What every AWS service can answer is in no operation's model.
        other => {
            let status = service.raw().status();
            match other.code() {
                _ if status.is_server_error() => StartError::Unavailable(error.into()),
                // Every error of the service has a code: this is somebody between, or half an answer.
                None => StartError::Unreadable {
                    status: status.as_u16(),
                },
                Some(code) if is_later(code) || LATER.contains(&status.as_u16()) => {
                    StartError::Unavailable(error.into())
                }
                Some(_) if !status.is_client_error() => StartError::Unreadable {
                    status: status.as_u16(),
                },
                Some(_) => StartError::NotAllowed(error.into()),
            }
        }
    }
}

/// No throttling error is modelled, and the services spell it in several ways.
fn is_later(code: &str) -> bool {
    code.contains("Throttl")
        || code.contains("TooManyRequests")
        || code.contains("LimitExceeded")
        || code.contains("ThroughputExceeded")
        || code.contains("Timeout")
        || code == "SlowDown"
}

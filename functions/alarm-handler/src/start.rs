//! The one verb that this function calls: `states:StartExecution`.

use std::{error::Error, future::Future};

use aws_sdk_sfn::{
    Client, config::Builder, error::SdkError, operation::start_execution::StartExecutionError,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata as _;
use lambda_kit::{Aws, ErrorType};

use crate::{execution::Execution, settings::StateMachineArn};

/// Starts an execution of the state machine that it was made for.
pub trait StartExecution: Send + Sync {
    /// Starts `execution`. A running execution of the same name and input counts as started.
    fn start_execution(
        &self,
        execution: &Execution,
    ) -> impl Future<Output = Result<(), StartError>> + Send;
}

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
    /// What crosses the Lambda boundary.
    #[must_use]
    pub const fn error_type(&self) -> ErrorType {
        match self {
            Self::Unavailable(_) => ErrorType::Retryable,
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
    async fn start_execution(&self, execution: &Execution) -> Result<(), StartError> {
        let request = self
            .client
            .start_execution()
            .state_machine_arn(self.state_machine.as_str());
        let answer = request
            .name(execution.name())
            .input(execution.input())
            .send()
            .await;
        answer.map(drop).map_err(classify)
    }
}

fn classify(error: SdkError<StartExecutionError>) -> StartError {
    use StartExecutionError as E;
    let SdkError::ServiceError(service) = &error else {
        // Not sent, timed out, or an answer that is not one: the start may have happened, and the name makes the next try harmless.
        return StartError::Unavailable(error.into());
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
            let code = other.code().unwrap_or_default();
            let later = service.raw().status().is_server_error()
                || code.contains("Throttl")
                || code == "TooManyRequestsException";
            if later {
                StartError::Unavailable(error.into())
            } else {
                StartError::NotAllowed(error.into())
            }
        }
    }
}

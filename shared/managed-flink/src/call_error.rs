//! What can go wrong with a call, by what the caller may do about it.

use std::error::Error;

use aws_smithy_runtime_api::{
    client::{orchestrator::HttpResponse, result::SdkError},
    http::StatusCode,
};
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use lambda_kit::{ErrorType, Failure};
use lifecycle::{Property, Refusal, TEXT_KEPT, redact};

/// A call to the service that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{verb} of {subject}: {code}: {message}")]
pub struct CallError {
    /// The API verb.
    pub verb: &'static str,
    /// The application's name (for tags its ARN).
    pub subject: String,
    /// What may be done about it.
    pub kind: CallErrorKind,
    /// The service's error code, or a word for what happened to the connection.
    pub code: String,
    /// The service's text, shortened and redacted.
    pub message: String,
    /// What lies below, as text: the chain of a broken connection. Kept as text because the SDK's own chain repeats the service's words unredacted.
    #[source]
    cause: Option<Cause>,
}

/// The text of an underlying error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
struct Cause(String);

/// Errors by what may be done about them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallErrorKind {
    /// No such application, version, operation or snapshot.
    NotFound,
    /// The application's status does not allow it now (`ResourceInUseException`).
    InUse,
    /// Somebody changed the application first (`ConcurrentModificationException`).
    Conflict,
    /// The request or the configuration is not acceptable.
    Invalid,
    /// Not permitted, or the credentials are not accepted.
    Denied,
    /// Too many calls; certainly not carried out.
    Throttled,
    /// 5xx, a broken connection, a time-out, an unreadable answer: whether a change was carried out is unknown.
    Unavailable,
    /// The service does not do that for this application.
    Unsupported,
    /// A quota is reached.
    LimitExceeded,
    /// Any other refusal. Which error a refused rollback carries is not documented, so a caller shows the text and does not branch on it.
    Refused,
    /// The request could not be built: never sent, a defect of this project.
    NotSent,
}

/// The beginning of the word that stands for a code where an answer has none; the HTTP status follows.
const NO_CODE: &str = "HTTP ";

impl CallErrorKind {
    /// Whether a read is worth another try later.
    #[must_use]
    pub fn is_worth_retrying(self) -> bool {
        matches!(self, Self::Throttled | Self::Unavailable)
    }

    /// Whether a change may have been carried out all the same: look before anything else.
    #[must_use]
    pub fn is_outcome_unknown(self) -> bool {
        self == Self::Unavailable
    }

    fn of(code: &str, status: u16) -> Self {
        match code {
            // CloudWatch spells it without its end.
            "ResourceNotFoundException" | "ResourceNotFound" => Self::NotFound,
            "ResourceInUseException" => Self::InUse,
            "ConcurrentModificationException" => Self::Conflict,
            "InvalidArgumentException"
            | "InvalidRequestException"
            | "InvalidApplicationConfigurationException"
            | "CodeValidationException"
            | "ValidationException"
            | "SerializationException" => Self::Invalid,
            "LimitExceededException" => Self::LimitExceeded,
            "UnsupportedOperationException" | "UnknownOperationException" => Self::Unsupported,
            "ResourceProvisionedThroughputExceededException"
            | "ProvisionedThroughputExceededException"
            | "TooManyRequestsException"
            | "RequestLimitExceeded"
            | "SlowDown" => Self::Throttled,
            "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "IncompleteSignature"
            | "IncompleteSignatureException"
            | "MissingAuthenticationToken"
            | "MissingAuthenticationTokenException" => Self::Denied,
            // No throttling error is modelled, and the services spell it in several ways.
            _ if code.contains("Throttl") || status == 429 => Self::Throttled,
            _ if code.starts_with("AccessDenied")
                || code.starts_with("ExpiredToken")
                || status == 401
                || status == 403 =>
            {
                Self::Denied
            }
            // An "error" with a good status is an answer that could not be read; one without a code of its own is a page of somebody between.
            _ if !(400..500).contains(&status) || status == 408 || code.starts_with(NO_CODE) => {
                Self::Unavailable
            }
            _ => Self::Refused,
        }
    }
}

impl CallError {
    /// Whether a read is worth another try later.
    #[must_use]
    pub fn is_worth_retrying(&self) -> bool {
        self.kind.is_worth_retrying()
    }

    /// Whether a change may have been carried out all the same.
    #[must_use]
    pub fn is_outcome_unknown(&self) -> bool {
        self.kind.is_outcome_unknown()
    }

    /// What no other look changes, where this was a reading. An error that nobody knows ([`CallErrorKind::Refused`]) may pass; one about what is not there is an answer.
    #[must_use]
    pub fn refusal(&self) -> Option<Refusal> {
        match self.kind {
            CallErrorKind::Denied => Some(Refusal::NotPermitted),
            CallErrorKind::Invalid | CallErrorKind::NotSent => Some(Refusal::NotAccepted),
            CallErrorKind::Unsupported => Some(Refusal::NotOffered),
            CallErrorKind::NotFound
            | CallErrorKind::InUse
            | CallErrorKind::Conflict
            | CallErrorKind::Throttled
            | CallErrorKind::Unavailable
            | CallErrorKind::LimitExceeded
            | CallErrorKind::Refused => None,
        }
    }

    /// The same without these values in its text: the service's words may quote a configuration.
    #[must_use]
    pub fn without(mut self, secrets: &[Property]) -> Self {
        self.message = redact(&self.message, secrets, TEXT_KEPT);
        self.cause = self
            .cause
            .map(|Cause(text)| Cause(redact(&text, secrets, TEXT_KEPT)));
        self
    }

    /// The failure of a function whose **change** met this error: every refusal is [`ErrorType::Refused`] with the service's text, whatever error the service chose for it. Two errors are
    /// none: somebody was faster, or an operation is in progress ([`ErrorType::Stale`], look again and wait for it), and the service has no time.
    #[must_use]
    pub fn into_refusal(self) -> Failure {
        let error_type = match self.kind {
            CallErrorKind::Conflict | CallErrorKind::InUse => ErrorType::Stale,
            CallErrorKind::Denied => ErrorType::NotAllowed,
            CallErrorKind::Throttled | CallErrorKind::Unavailable => ErrorType::Retryable,
            CallErrorKind::NotSent => ErrorType::Internal,
            CallErrorKind::NotFound
            | CallErrorKind::Invalid
            | CallErrorKind::Unsupported
            | CallErrorKind::LimitExceeded
            | CallErrorKind::Refused => ErrorType::Refused,
        };
        Failure::of(error_type, &self)
    }

    /// From what the SDK says, of any AWS service.
    pub fn of<E>(verb: &'static str, subject: &str, error: &SdkError<E, HttpResponse>) -> Self
    where
        E: Error + ProvideErrorMetadata + 'static,
    {
        let (kind, code, message, cause) = match error {
            SdkError::ServiceError(context) => {
                let status = StatusCode::as_u16(context.raw().status());
                let code = context
                    .err()
                    .code()
                    .map_or_else(|| format!("{NO_CODE}{status}"), str::to_owned);
                let message = context
                    .err()
                    .message()
                    .unwrap_or("the service gave no reason");
                (
                    CallErrorKind::of(&code, status),
                    code,
                    message.to_owned(),
                    None,
                )
            }
            SdkError::TimeoutError(_) => (
                CallErrorKind::Unavailable,
                "Timeout".to_owned(),
                "no answer in time".to_owned(),
                None,
            ),
            SdkError::DispatchFailure(failure) => {
                let message = if failure.is_timeout() {
                    "no answer in time"
                } else {
                    "the connection failed"
                };
                (
                    CallErrorKind::Unavailable,
                    "Connection".to_owned(),
                    message.to_owned(),
                    failure.as_connector_error().map(|error| chain(error)),
                )
            }
            SdkError::ResponseError(context) => {
                let status = StatusCode::as_u16(context.raw().status());
                (
                    CallErrorKind::Unavailable,
                    format!("HTTP {status}"),
                    "the answer could not be read".to_owned(),
                    None,
                )
            }
            other => (
                CallErrorKind::NotSent,
                "NotSent".to_owned(),
                "the request could not be built".to_owned(),
                Some(chain(other)),
            ),
        };
        let cause = cause.map(|text| Cause(redact(&text, &[], TEXT_KEPT)));
        Self {
            verb,
            subject: subject.to_owned(),
            kind,
            code,
            message: redact(&message, &[], TEXT_KEPT),
            cause,
        }
    }

    /// An answer without a part that the API model promises.
    #[must_use]
    pub fn incomplete(verb: &'static str, subject: &str, missing: &str) -> Self {
        let (kind, code) = (CallErrorKind::Unavailable, "Incomplete".to_owned());
        Self {
            verb,
            subject: subject.to_owned(),
            kind,
            code,
            message: format!("the answer has no {missing}"),
            cause: None,
        }
    }

    /// A request that cannot be built.
    pub(crate) fn not_sent(
        verb: &'static str,
        subject: &str,
        error: &(dyn Error + 'static),
    ) -> Self {
        let cause = Some(Cause(redact(&chain(error), &[], TEXT_KEPT)));
        Self {
            verb,
            subject: subject.to_owned(),
            kind: CallErrorKind::NotSent,
            code: "NotSent".to_owned(),
            message: "the request could not be built".to_owned(),
            cause,
        }
    }
}

/// The texts of an error and of what lies below it.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut below = error.source();
    while let Some(error) = below {
        text.push_str(": ");
        text.push_str(&error.to_string());
        below = error.source();
    }
    text
}

impl From<CallError> for Failure {
    fn from(error: CallError) -> Self {
        let error_type = match error.kind {
            CallErrorKind::NotFound => ErrorType::BadInput,
            CallErrorKind::InUse | CallErrorKind::Conflict => ErrorType::Stale,
            CallErrorKind::Denied => ErrorType::NotAllowed,
            CallErrorKind::Throttled | CallErrorKind::Unavailable => ErrorType::Retryable,
            CallErrorKind::Invalid
            | CallErrorKind::Unsupported
            | CallErrorKind::LimitExceeded
            | CallErrorKind::Refused => ErrorType::Refused,
            CallErrorKind::NotSent => ErrorType::Internal,
        };
        let failure = Self::of(error_type, &error);
        if error.kind == CallErrorKind::NotFound && error.verb == "DescribeApplication" {
            return Self::new(
                error_type,
                format!(
                    "no application named {}: check the name and the region ({})",
                    error.subject, failure.message
                ),
            );
        }
        failure
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_and_statuses_say_what_may_be_done() {
        for (code, status, expected) in [
            ("ResourceNotFoundException", 400, CallErrorKind::NotFound),
            ("ResourceInUseException", 400, CallErrorKind::InUse),
            (
                "ConcurrentModificationException",
                400,
                CallErrorKind::Conflict,
            ),
            (
                "InvalidApplicationConfigurationException",
                400,
                CallErrorKind::Invalid,
            ),
            ("ThrottlingException", 400, CallErrorKind::Throttled),
            ("ThrottlingException", 503, CallErrorKind::Throttled),
            ("AccessDeniedException", 400, CallErrorKind::Denied),
            (
                "ServiceUnavailableException",
                503,
                CallErrorKind::Unavailable,
            ),
            ("HTTP 500", 500, CallErrorKind::Unavailable),
            ("HTTP 200", 200, CallErrorKind::Unavailable),
            ("HTTP 407", 407, CallErrorKind::Unavailable),
            ("HTTP 403", 403, CallErrorKind::Denied),
            ("RequestTimeoutException", 408, CallErrorKind::Unavailable),
            ("RequestThrottled", 400, CallErrorKind::Throttled),
            ("NobodyKnowsThisOne", 429, CallErrorKind::Throttled),
            ("NobodyKnowsThisOne", 504, CallErrorKind::Unavailable),
            ("ResourceNotFound", 404, CallErrorKind::NotFound),
            ("SomethingNewException", 400, CallErrorKind::Refused),
        ] {
            assert_eq!(CallErrorKind::of(code, status), expected, "{code} {status}");
        }
    }

    fn error_of(kind: CallErrorKind) -> CallError {
        CallError {
            verb: "RollbackApplication",
            subject: "orders".into(),
            kind,
            code: "X".into(),
            message: "no snapshots".into(),
            cause: None,
        }
    }

    #[test]
    fn only_what_no_other_look_changes_is_a_refused_reading() {
        for (kind, expected) in [
            (CallErrorKind::Denied, Some(Refusal::NotPermitted)),
            (CallErrorKind::Invalid, Some(Refusal::NotAccepted)),
            (CallErrorKind::Unsupported, Some(Refusal::NotOffered)),
            (CallErrorKind::Throttled, None),
            (CallErrorKind::Unavailable, None),
            (CallErrorKind::LimitExceeded, None),
            (CallErrorKind::Refused, None),
        ] {
            assert_eq!(error_of(kind).refusal(), expected, "{kind:?}");
        }
    }

    #[test]
    fn an_operation_in_progress_and_a_service_without_time_refuse_nothing() {
        for (kind, expected) in [
            (CallErrorKind::InUse, ErrorType::Stale),
            (CallErrorKind::Conflict, ErrorType::Stale),
            (CallErrorKind::Throttled, ErrorType::Retryable),
            (CallErrorKind::Unavailable, ErrorType::Retryable),
        ] {
            assert_eq!(error_of(kind).into_refusal().error_type, expected);
        }
    }

    #[test]
    fn a_refused_change_never_branches_on_the_error_that_the_service_chose() {
        for kind in [
            CallErrorKind::Invalid,
            CallErrorKind::Unsupported,
            CallErrorKind::Refused,
            CallErrorKind::LimitExceeded,
        ] {
            let failure = error_of(kind).into_refusal();
            assert_eq!(failure.error_type, ErrorType::Refused);
            assert!(failure.message.contains("no snapshots"));
        }
    }
}

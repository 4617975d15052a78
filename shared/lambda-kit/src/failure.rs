//! The errors that cross the Lambda boundary: a closed set of fixed strings, so that a state machine can name them.
//!
//! `lambda_runtime` would derive the error type from a Rust type's name, which no test holds in place.

use lambda_runtime::Diagnostic;

/// What the state machine branches on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ErrorType {
    /// The input is wrong; the same input will always be refused.
    BadInput,
    /// The service did not answer, or said "later": worth another try.
    Retryable,
    /// The application is not as the plan assumed (version, status, job): look again, decide again.
    Stale,
    /// The service refused the change: look again, decide again with that known.
    Refused,
    /// A part of a version's configuration cannot be carried over: a person is needed.
    CannotCarry,
    /// A version's configuration was put back, and what the service stored is not what it was: the place of its code holds other code now.
    StoredOtherwise,
    /// Not permitted, or not opted in: a person is needed.
    NotAllowed,
    /// A defect of this project.
    Internal,
}

impl ErrorType {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::BadInput,
        Self::Retryable,
        Self::Stale,
        Self::Refused,
        Self::CannotCarry,
        Self::StoredOtherwise,
        Self::NotAllowed,
        Self::Internal,
    ];

    /// The string in `errorType`, as the state machine's `ErrorEquals` spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BadInput => "Lifeguard.BadInput",
            Self::Retryable => "Lifeguard.Retryable",
            Self::Stale => "Lifeguard.Stale",
            Self::Refused => "Lifeguard.Refused",
            Self::CannotCarry => "Lifeguard.CannotCarry",
            Self::StoredOtherwise => "Lifeguard.StoredOtherwise",
            Self::NotAllowed => "Lifeguard.NotAllowed",
            Self::Internal => "Lifeguard.Internal",
        }
    }
}

/// A failed invocation: the type for the state machine, the text for people.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// What the state machine branches on.
    pub error_type: ErrorType,
    /// Names the application, what was tried, what the service said, what to do next. No secret: it lands in the execution's history.
    pub message: String,
}

impl Failure {
    /// A failure of that type with that text.
    pub fn new(error_type: ErrorType, message: impl Into<String>) -> Self {
        Self {
            error_type,
            message: message.into(),
        }
    }

    /// A failure of that type whose text is the whole chain of `error`.
    pub fn of(error_type: ErrorType, error: &(dyn std::error::Error + 'static)) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            let text = cause.to_string();
            // The SDK's modelled errors wrap themselves: the operation's error and its cause have the same text.
            if !message.ends_with(&text) {
                message.push_str(": ");
                message.push_str(&text);
            }
            source = cause.source();
        }
        Self::new(error_type, message)
    }
}

impl From<Failure> for Diagnostic {
    fn from(failure: Failure) -> Self {
        Self {
            error_type: failure.error_type.name().to_owned(),
            error_message: failure.message,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("rolling back orders did not work")]
    struct Outer(#[source] Middle);

    #[derive(Debug, thiserror::Error)]
    #[error("the service refused")]
    struct Middle(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("no snapshot")]
    struct Inner;

    #[test]
    fn the_names_are_a_closed_set_of_fixed_strings() {
        let names: Vec<_> = ErrorType::ALL
            .iter()
            .map(|error_type| error_type.name())
            .collect();
        assert_eq!(
            names,
            [
                "Lifeguard.BadInput",
                "Lifeguard.Retryable",
                "Lifeguard.Stale",
                "Lifeguard.Refused",
                "Lifeguard.CannotCarry",
                "Lifeguard.StoredOtherwise",
                "Lifeguard.NotAllowed",
                "Lifeguard.Internal"
            ]
        );
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
    }

    #[test]
    fn a_failure_tells_the_whole_chain_once() {
        let failure = Failure::of(ErrorType::Refused, &Outer(Middle(Inner)));
        assert_eq!(
            failure.to_string(),
            "rolling back orders did not work: the service refused: no snapshot"
        );
    }

    #[derive(Debug, thiserror::Error)]
    #[error(transparent)]
    struct Same(Outer);

    #[derive(Debug, thiserror::Error)]
    #[error("no snapshot")]
    struct Echo(#[source] Inner);

    #[test]
    fn a_cause_that_only_repeats_is_told_once() {
        assert_eq!(
            Failure::of(ErrorType::Refused, &Echo(Inner)).to_string(),
            "no snapshot"
        );
        assert_eq!(
            Failure::of(ErrorType::Refused, &Same(Outer(Middle(Inner))))
                .to_string()
                .matches("the service refused")
                .count(),
            1
        );
    }

    #[test]
    fn a_failure_crosses_the_boundary_with_its_fixed_type_and_its_text() {
        for error_type in ErrorType::ALL {
            let diagnostic = Diagnostic::from(Failure::new(error_type, "why"));
            assert_eq!(
                (
                    diagnostic.error_type.as_str(),
                    diagnostic.error_message.as_str()
                ),
                (error_type.name(), "why")
            );
        }
    }
}

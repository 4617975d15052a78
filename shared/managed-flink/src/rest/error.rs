//! What can go wrong with a call to the Flink REST API. None of it shows the URL.

use std::fmt;

/// The calls, for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RestCall {
    /// Opening the presigned URL.
    Open,
    /// `/jobs/overview`.
    Overview,
    /// `/jobs/:id`.
    Job,
    /// `/jobs/:id/exceptions`.
    Exceptions,
    /// `/jobs/:id/checkpoints`.
    Checkpoints,
    /// `/jobs/:id/metrics`.
    Metrics,
    /// `/jobs/:id/vertices/:vid`.
    Vertex,
}

impl fmt::Display for RestCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "opening the presigned URL",
            Self::Overview => "/jobs/overview",
            Self::Job => "/jobs/:id",
            Self::Exceptions => "/jobs/:id/exceptions",
            Self::Checkpoints => "/jobs/:id/checkpoints",
            Self::Metrics => "/jobs/:id/metrics",
            Self::Vertex => "/jobs/:id/vertices/:vid",
        })
    }
}

/// A call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("Flink REST API, {call}: {problem}")]
pub struct RestError {
    /// The call.
    pub call: RestCall,
    /// What happened.
    pub problem: RestProblem,
}

/// What happened to a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RestProblem {
    /// 401, 403.
    #[error("the presigned URL is not accepted: it has expired, or was not used within 3 minutes")]
    UrlExpired,
    /// 404. For checkpoints also: checkpointing is off.
    #[error("not found")]
    NotFound,
    /// The answer is larger than a look may read.
    #[error("the answer is too large")]
    TooLarge,
    /// No complete answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// The URL, or a redirect, names a host that is not AWS's.
    #[error("the URL or a redirect leads to a host that is not allowed")]
    WrongHost,
    /// The URL cannot be read, or the answer is not what the API documents.
    #[error("cannot be read")]
    Unparsable,
    /// The connection failed.
    #[error("cannot be reached")]
    Unreachable,
    /// Redirects without end.
    #[error("too many redirects")]
    Redirects,
    /// Any other status.
    #[error("HTTP {0}")]
    Http(u16),
}

impl RestProblem {
    /// This problem as the outcome of `call`.
    pub(crate) fn of(self, call: RestCall) -> RestError {
        RestError {
            call,
            problem: self,
        }
    }
}

//! The errors a state machine can name, and which of its patterns match which error.

/// Matches every error but the two terminal ones.
pub(super) const ALL: &str = "States.ALL";
/// A task, or a whole execution, ran longer than its `TimeoutSeconds`.
pub(super) const TIMEOUT: &str = "States.Timeout";
/// A task that waits for its token sent no heartbeat for longer than `HeartbeatSeconds`.
pub(super) const HEARTBEAT_TIMEOUT: &str = "States.HeartbeatTimeout";
/// Any failure of a task but a time-out.
pub(super) const TASK_FAILED: &str = "States.TaskFailed";
/// The execution cannot go on: nothing but its own name matches it.
pub(super) const RUNTIME: &str = "States.Runtime";
/// A payload over [`PAYLOAD_LIMIT_BYTES`]: nothing but its own name matches it.
pub(super) const DATA_LIMIT_EXCEEDED: &str = "States.DataLimitExceeded";
/// A JSONata expression failed, gave nothing, or gave a value of the wrong type.
pub(super) const QUERY_EVALUATION_ERROR: &str = "States.QueryEvaluationError";
/// No rule of a Choice matched and it has no Default.
pub(super) const NO_CHOICE_MATCHED: &str = "States.NoChoiceMatched";
/// The execution's role may not do what a task asks for.
pub(super) const PERMISSIONS: &str = "States.Permissions";

/// What AWS allows for one payload: an input, an output, a task's arguments, a task's result, the variables of one Assign.
pub const PAYLOAD_LIMIT_BYTES: usize = 256 * 1024;

/// The reserved names that this interpreter can raise or match. Any other `States.` name in an `ErrorEquals` is refused.
pub(super) const KNOWN: [&str; 9] = [
    ALL,
    TIMEOUT,
    HEARTBEAT_TIMEOUT,
    TASK_FAILED,
    RUNTIME,
    DATA_LIMIT_EXCEEDED,
    QUERY_EVALUATION_ERROR,
    NO_CHOICE_MATCHED,
    PERMISSIONS,
];

/// A failed state: what Retry, Catch and the end of the execution see. A Fail state may leave out either part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Trouble {
    /// The error's name, empty when a Fail state gave none.
    pub(super) error: String,
    /// What happened, for people.
    pub(super) cause: Option<String>,
}

impl Trouble {
    pub(super) fn new(error: &str, cause: impl Into<String>) -> Self {
        Self {
            error: error.to_owned(),
            cause: Some(cause.into()),
        }
    }
}

/// Whether an `ErrorEquals` list matches this error.
pub(super) fn matches(patterns: &[String], error: &str) -> bool {
    patterns.iter().any(|pattern| match pattern.as_str() {
        exact if exact == error => true,
        ALL => !matches!(error, RUNTIME | DATA_LIMIT_EXCEEDED),
        TASK_FAILED => !matches!(
            error,
            TIMEOUT | HEARTBEAT_TIMEOUT | RUNTIME | DATA_LIMIT_EXCEEDED
        ),
        // A missed heartbeat is a time-out too.
        TIMEOUT => error == HEARTBEAT_TIMEOUT,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matched(pattern: &str, error: &str) -> bool {
        matches(&[pattern.to_owned()], error)
    }

    #[test]
    fn the_terminal_errors_are_matched_by_their_own_names_only() {
        for terminal in [RUNTIME, DATA_LIMIT_EXCEEDED] {
            assert!(!matched(ALL, terminal));
            assert!(!matched(TASK_FAILED, terminal));
            assert!(matched(terminal, terminal));
        }
        for other in [
            TIMEOUT,
            HEARTBEAT_TIMEOUT,
            TASK_FAILED,
            QUERY_EVALUATION_ERROR,
            "Lifeguard.Stale",
            "",
        ] {
            assert!(matched(ALL, other), "{other}");
        }
    }

    #[test]
    fn task_failed_matches_every_failure_of_a_task_but_a_time_out() {
        assert!(matched(TASK_FAILED, "Lifeguard.Stale"));
        assert!(matched(TASK_FAILED, TASK_FAILED));
        assert!(!matched(TASK_FAILED, TIMEOUT));
        assert!(!matched(TASK_FAILED, HEARTBEAT_TIMEOUT));
        assert!(matched(TIMEOUT, HEARTBEAT_TIMEOUT));
        assert!(!matched(HEARTBEAT_TIMEOUT, TIMEOUT));
        assert!(!matched("Lifeguard.Stale", "Lifeguard.Refused"));
    }
}

//! What was sent, and what came of it. The operations that the service lists know more than the answers that were heard.

use jiff::Timestamp;
use lifecycle::{
    Operation, OperationKind, OperationStatus, Request, Rescue, Step, StepResult, StepTaken,
    because, lasting,
};

/// Without a look from before the step: an operation of ours may be stamped that much before it was decided, because of two clocks.
const STAMP_SLACK_SECS: i64 = 5;
/// Errors of a step that was refused: nothing was carried out.
const REFUSED: [&str; 5] = [
    "Lifeguard.Refused",
    "Lifeguard.CannotCarry",
    "Lifeguard.NotAllowed",
    "Lifeguard.BadInput",
    "Lifeguard.Internal",
];
/// Errors of a step that there was no time for: nothing was carried out.
const TOO_BUSY: [&str; 2] = ["Lifeguard.Retryable", "Lambda.TooManyRequestsException"];
/// The error of a step that was decided on what was not so any more.
const STALE: &str = "Lifeguard.Stale";
/// The error of a step whose execution ended before the answer came.
const INTERRUPTED: &str = "Lifeguard.Interrupted";
/// So begins what the state machine says of a step that it did not send.
const NOT_SENT: &str = "it was not sent: ";

/// A step and the operation that it began, where one is listed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Taken<'a> {
    taken: &'a StepTaken,
    operation: Option<&'a Operation>,
    /// Whether a later try of the same step is the one that is listed.
    was_repeated: bool,
}

impl<'a> Taken<'a> {
    /// All of them, each operation beside the last try that may have begun it.
    pub(super) fn all(steps: &'a [StepTaken], operations: &'a [Operation]) -> Vec<Self> {
        let mut all: Vec<Self> = steps
            .iter()
            .map(|taken| Self::of(taken, operations))
            .collect();
        for at in 0..all.len() {
            let id = all[at].operation.map(|one| &one.id);
            let later = all[at + 1..].iter();
            if id.is_some()
                && later
                    .into_iter()
                    .any(|one| one.operation.map(|one| &one.id) == id)
            {
                all[at].operation = None;
                all[at].was_repeated = true;
            }
        }
        all
    }

    fn of(taken: &'a StepTaken, operations: &'a [Operation]) -> Self {
        let operation = match &taken.result {
            Some(StepResult::Accepted {
                operation_id: Some(id),
            }) => operations.iter().find(|one| one.id == *id),
            Some(StepResult::Failed { error, message }) if is_certain(error, message) => None,
            _ => operations.iter().find(|one| began(taken, one)),
        };
        Self {
            taken,
            operation,
            was_repeated: false,
        }
    }

    pub(super) fn is(&self, step: Step) -> bool {
        self.taken.step == step
    }

    /// Whether it is only about to be sent.
    pub(super) fn is_to_come(&self) -> bool {
        self.taken.result.is_none()
    }

    /// Whether it changed something, whatever was heard of it.
    pub(super) fn was_carried_out(&self) -> bool {
        match self.operation {
            Some(operation) => operation.status != OperationStatus::Failed,
            None => matches!(self.taken.result, Some(StepResult::Accepted { .. })),
        }
    }

    /// When the application was touched: the operation's start, else when it was decided.
    pub(super) fn at(&self) -> Timestamp {
        self.operation
            .map_or(self.taken.at, |operation| operation.started_at)
    }

    /// A line for people.
    pub(super) fn line(
        &self,
        rescue: Option<&Rescue>,
        request: Option<&Request>,
        now: Timestamp,
    ) -> String {
        let what = self.what(rescue, request);
        format!(
            "{} {what}: {}",
            because::clock(self.at(), now),
            self.came_of()
        )
    }

    fn what(&self, rescue: Option<&Rescue>, request: Option<&Request>) -> String {
        let version = self.taken.version_id;
        let good = rescue.map_or(version, |rescue| rescue.good_version_id);
        match self.taken.step {
            Step::Rollback => format!("RollbackApplication {version} -> {good}"),
            Step::ForceStop => format!("StopApplication with Force, version {version}"),
            Step::RestoreConfiguration => {
                format!("UpdateApplication to the configuration of version {good}")
            }
            Step::Start => {
                let without = matches!(
                    request,
                    Some(Request::Restore {
                        without_state: true,
                        ..
                    })
                );
                let chosen = rescue.and_then(|rescue| rescue.snapshot.chosen.as_ref());
                let from = match chosen {
                    _ if without => " without state".to_owned(),
                    Some(snapshot) => format!(" from snapshot {}", snapshot.name),
                    None => String::new(),
                };
                format!("StartApplication{from}")
            }
        }
    }

    fn came_of(&self) -> String {
        let tries = match self.taken.tries {
            0 | 1 => String::new(),
            tries => format!(" ({tries} tries)"),
        };
        match (&self.taken.result, self.operation) {
            (Some(StepResult::Accepted { .. }), Some(operation)) => ended(operation),
            (
                Some(StepResult::Accepted {
                    operation_id: Some(_),
                }),
                None,
            ) => "accepted".to_owned(),
            // It may have been so already: then nothing was sent.
            (Some(StepResult::Accepted { operation_id: None }), None) => {
                "as planned; no operation of it is listed".to_owned()
            }
            (Some(StepResult::Failed { message, .. }), operation)
                if self.taken.stored_otherwise() =>
            {
                let ended = operation.map_or_else(|| "accepted".to_owned(), ended);
                format!("{ended}, but {message}")
            }
            (Some(StepResult::Failed { error, .. }), Some(operation)) => {
                format!("{}, but {}", unheard(error), ended(operation))
            }
            (Some(StepResult::Failed { error, .. }), None) if self.was_repeated => {
                format!("{}, tried again", unheard(error))
            }
            (Some(StepResult::Failed { error, message }), None) => failed(error, message) + &tries,
            (None, Some(operation)) => ended(operation),
            (None, None) => "sent, and nobody knows yet what came of it".to_owned(),
        }
    }
}

/// Whether it is certain that nothing was carried out.
fn is_certain(error: &str, message: &str) -> bool {
    REFUSED.contains(&error)
        || TOO_BUSY.contains(&error)
        || error == STALE
        || message.starts_with(NOT_SENT)
}

fn began(taken: &StepTaken, operation: &Operation) -> bool {
    let kind = match taken.step {
        Step::Rollback => OperationKind::Rollback,
        Step::ForceStop => OperationKind::Stop,
        Step::RestoreConfiguration => OperationKind::Update,
        Step::Start => OperationKind::Start,
    };
    let earliest = taken.at.as_second() - STAMP_SLACK_SECS;
    let by_clock = || operation.started_at.as_second() >= earliest;
    let is_newer = taken
        .before
        .as_ref()
        .and_then(|before| before.is_older_than(operation));
    operation.kind() == kind && is_newer.unwrap_or_else(by_clock)
}

fn ended(operation: &Operation) -> String {
    let secs = |end: Timestamp| end.as_second() - operation.started_at.as_second();
    let took = operation
        .ended_at
        .filter(|end| secs(*end) > 0)
        .map_or(String::new(), |end| {
            format!(" after {}", lasting(secs(end)))
        });
    match operation.status {
        OperationStatus::InProgress => "accepted, and still under way".to_owned(),
        OperationStatus::Successful => format!("done{took}"),
        _ => {
            let why = operation
                .failure
                .as_deref()
                .unwrap_or("no reason was given");
            format!("accepted, then {}{took}: {why}", operation.status)
        }
    }
}

fn failed(error: &str, message: &str) -> String {
    if let Some(why) = message.strip_prefix(NOT_SENT) {
        return format!("not sent: {why}");
    }
    if REFUSED.contains(&error) {
        return format!("refused: {message}");
    }
    if TOO_BUSY.contains(&error) {
        return format!("not carried out, the service was too busy: {message}");
    }
    if error == STALE {
        return format!("not sent, it had changed meanwhile: {message}");
    }
    format!(
        "{}, and no operation shows that it was carried out",
        unheard(error)
    )
}

fn unheard(error: &str) -> String {
    if error == INTERRUPTED {
        return "no answer, its execution ended before".to_owned();
    }
    format!("no answer ({error})")
}

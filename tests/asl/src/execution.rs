//! One execution's record: what is known of it from its start on, whoever asks.
//!
//! Invariant: a closed execution never changes again, unless it is redriven. Its status, its last event and the event for EventBridge are set in [`Execution::close`].

use std::sync::{Arc, Mutex, MutexGuard};

use jiff::Timestamp;
use serde_json::{Map, Value, json};
use tokio::{sync::Notify, task::AbortHandle};

use super::{
    definition::{Definition, Flow},
    errors::Trouble,
    expression::Variables,
    history::{self, History},
};

/// A state machine that was created.
#[derive(Debug)]
pub(super) struct Machine {
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) role: String,
    pub(super) text: String,
    pub(super) definition: Arc<Definition>,
    pub(super) created: Timestamp,
}

/// An execution's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Status {
    /// Under way.
    Running,
    /// Reached an end.
    Succeeded,
    /// An error that nothing caught, or a Fail state.
    Failed,
    /// Ran longer than the state machine's TimeoutSeconds.
    TimedOut,
    /// Stopped by StopExecution.
    Aborted,
}

impl Status {
    /// As the API spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Aborted => "ABORTED",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        [
            Self::Running,
            Self::Succeeded,
            Self::Failed,
            Self::TimedOut,
            Self::Aborted,
        ]
        .into_iter()
        .find(|status| status.name() == name)
    }
}

/// An execution as it stands now.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutionView {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Its state machine's ARN.
    pub state_machine_arn: String,
    /// Its status.
    pub status: Status,
    /// What it was started with.
    pub input: Value,
    /// What it ended with, when it succeeded.
    pub output: Option<Value>,
    /// The error's name, when it did not succeed and the error has one.
    pub error: Option<String>,
    /// The error's cause.
    pub cause: Option<String>,
    /// When it started.
    pub started: Timestamp,
    /// When it ended.
    pub stopped: Option<Timestamp>,
    /// How often it was redriven.
    pub redrives: u64,
    /// When it was redriven last.
    pub redriven: Option<Timestamp>,
    /// Whether a test let it fail, and not its own state machine.
    pub failed_from_outside: bool,
}

impl ExecutionView {
    /// Whether it may be redriven, as the API spells it.
    pub(super) fn redrive_status(&self) -> &'static str {
        match self.status {
            Status::Failed | Status::TimedOut | Status::Aborted => "REDRIVABLE",
            Status::Running | Status::Succeeded => "NOT_REDRIVABLE",
        }
    }
}

/// A change of an execution's status, as EventBridge gets it.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutionEvent(pub ExecutionView);

impl ExecutionEvent {
    /// The `detail` of a "Step Functions Execution Status Change" event (source `aws.states`). Dates are epoch milliseconds there.
    #[must_use]
    pub fn detail(&self) -> Value {
        let view = &self.0;
        json!({
            "executionArn": view.arn, "stateMachineArn": view.state_machine_arn, "name": view.name, "status": view.status.name(),
            "startDate": view.started.as_millisecond(), "stopDate": view.stopped.map(Timestamp::as_millisecond),
            "input": view.input.to_string(), "output": view.output.as_ref().map(Value::to_string),
            "inputDetails": { "included": true }, "outputDetails": view.output.as_ref().map(|_| json!({ "included": true })),
            "error": view.error, "cause": view.cause,
            "stateMachineVersionArn": null, "stateMachineAliasArn": null, "redriveCount": view.redrives,
            "redriveDate": view.redriven.map(Timestamp::as_millisecond), "redriveStatus": view.redrive_status(), "redriveStatusReason": null,
        })
    }
}

/// How an execution ends.
#[derive(Debug)]
pub(super) enum End {
    Succeeded(Value),
    Failed(Trouble),
    TimedOut,
    Aborted(Trouble),
}

/// Where an execution that is redriven goes on: at its last state, with that state's input and the variables of then.
#[derive(Debug, Default)]
pub(super) struct Entry {
    /// The newest event; none at a start.
    pub(super) last: u64,
    /// The state and its input; None where none was entered.
    pub(super) state: Option<(String, Value)>,
    /// The execution's own variables. Those of branches and iterations are gone: their state begins again.
    pub(super) variables: Variables,
}

impl Entry {
    /// The last state of the outer flow that the history shows.
    fn last(events: &[Value], flow: &Flow) -> Self {
        let parsed = |text: &Value| serde_json::from_str(text.as_str().unwrap_or("null"));
        let mut entry = Self::default();
        for event in events {
            let (entered, left) = (
                &event["stateEnteredEventDetails"],
                &event["stateExitedEventDetails"],
            );
            let is_outer = |details: &Value| {
                details["name"]
                    .as_str()
                    .is_some_and(|name| flow.states.contains_key(name))
            };
            if is_outer(entered) {
                let name = entered["name"].as_str().unwrap_or_default().to_owned();
                entry.state = Some((name, parsed(&entered["input"]).unwrap_or_default()));
            }
            if is_outer(left) {
                for (name, value) in left["assignedVariables"].as_object().into_iter().flatten() {
                    entry
                        .variables
                        .insert(name.clone(), parsed(value).unwrap_or_default());
                }
            }
        }
        entry
    }
}

/// What may change while an execution runs.
#[derive(Debug)]
struct Progress {
    status: Status,
    output: Option<Value>,
    trouble: Trouble,
    stopped: Option<Timestamp>,
    redrives: u64,
    redriven: Option<Timestamp>,
    failed_from_outside: bool,
    history: History,
    task: Option<AbortHandle>,
}

/// The record.
#[derive(Debug)]
pub(super) struct Execution {
    pub(super) arn: String,
    pub(super) name: String,
    pub(super) machine: Arc<Machine>,
    /// As it was given: what "the same input" means.
    pub(super) input_text: String,
    pub(super) input: Value,
    pub(super) started: Timestamp,
    pub(super) rng: Arc<Mutex<fastrand::Rng>>,
    progress: Mutex<Progress>,
    ended: Notify,
}

impl Execution {
    /// A running execution, with the first event of its history.
    pub(super) fn start(
        machine: Arc<Machine>,
        arn: String,
        name: String,
        input: (String, Value),
        started: Timestamp,
        rng: fastrand::Rng,
    ) -> Self {
        let (input_text, input) = input;
        let mut history = History::default();
        let mut details = history::payload("input", &input);
        details.insert("roleArn".to_owned(), json!(machine.role));
        history.push(
            started,
            "ExecutionStarted",
            0,
            Some(("executionStartedEventDetails", Value::Object(details))),
        );
        let progress = Progress {
            status: Status::Running,
            output: None,
            trouble: Trouble::default(),
            stopped: None,
            redrives: 0,
            redriven: None,
            failed_from_outside: false,
            history,
            task: None,
        };
        Self {
            arn,
            name,
            machine,
            input_text,
            input,
            started,
            rng: Arc::new(Mutex::new(rng)),
            progress: Mutex::new(progress),
            ended: Notify::new(),
        }
    }

    /// Remembers the task that runs it, so that it can be stopped.
    pub(super) fn runs_as(&self, task: AbortHandle) {
        self.progress().task = Some(task);
    }

    /// Drops the run where it stands, with the task call under way: for an end that comes from outside.
    pub(super) fn drop_run(&self) {
        if let Some(task) = self.progress().task.take() {
            task.abort();
        }
    }

    /// Adds an event; a closed execution takes none.
    pub(super) fn push(
        &self,
        at: Timestamp,
        kind: &str,
        previous: u64,
        details: Option<(&str, Value)>,
    ) -> u64 {
        let mut progress = self.progress();
        if progress.status == Status::Running {
            progress.history.push(at, kind, previous, details)
        } else {
            previous
        }
    }

    /// How many events its history has.
    pub(super) fn events(&self) -> u64 {
        self.progress().history.len()
    }

    /// All events of its history.
    pub(super) fn history(&self) -> Vec<Value> {
        self.progress().history.events().to_vec()
    }

    /// The first event of its history of which `find` makes something, and that.
    pub(super) fn find_in_history<T>(&self, find: impl FnMut(&Value) -> Option<T>) -> Option<T> {
        self.progress().history.events().iter().find_map(find)
    }

    /// Ends it, unless it has ended before: its status, its last event. A run that is aborted is dropped at its next await, with the task call under way.
    pub(super) fn close(&self, end: End, previous: u64, at: Timestamp) -> bool {
        let mut progress = self.progress();
        if progress.status != Status::Running {
            return false;
        }
        let (status, kind, key, details) = match end {
            End::Succeeded(output) => {
                let details = history::payload("output", &output);
                progress.output = Some(output);
                (
                    Status::Succeeded,
                    "ExecutionSucceeded",
                    "executionSucceededEventDetails",
                    details,
                )
            }
            End::Failed(trouble) => progress.trouble_ends(
                Status::Failed,
                "ExecutionFailed",
                "executionFailedEventDetails",
                trouble,
            ),
            End::TimedOut => progress.trouble_ends(
                Status::TimedOut,
                "ExecutionTimedOut",
                "executionTimedOutEventDetails",
                Trouble::default(),
            ),
            End::Aborted(trouble) => progress.trouble_ends(
                Status::Aborted,
                "ExecutionAborted",
                "executionAbortedEventDetails",
                trouble,
            ),
        };
        progress
            .history
            .push(at, kind, previous, Some((key, Value::Object(details))));
        progress.status = status;
        progress.stopped = Some(at);
        // A run that ends by itself is at its last line; only a run that is stopped from outside is dropped where it stands.
        if let Some(task) = progress.task.take().filter(|_| status == Status::Aborted) {
            task.abort();
        }
        drop(progress);
        self.ended.notify_waiters();
        true
    }

    /// Whether it is under way.
    pub(super) fn is_running(&self) -> bool {
        self.progress().status == Status::Running
    }

    /// How it stands now.
    pub(super) fn view(&self) -> ExecutionView {
        let progress = self.progress();
        ExecutionView {
            arn: self.arn.clone(),
            name: self.name.clone(),
            state_machine_arn: self.machine.arn.clone(),
            status: progress.status,
            input: self.input.clone(),
            output: progress.output.clone(),
            error: Some(progress.trouble.error.clone()).filter(|error| !error.is_empty()),
            cause: progress.trouble.cause.clone(),
            started: self.started,
            stopped: progress.stopped,
            redrives: progress.redrives,
            redriven: progress.redriven,
            failed_from_outside: progress.failed_from_outside,
        }
    }

    /// Says that it is not its own state machine that lets it fail now.
    pub(super) fn fails_from_outside(&self) {
        let mut progress = self.progress();
        progress.failed_from_outside |= progress.status == Status::Running;
    }

    /// How often it was redriven.
    pub(super) fn redrives(&self) -> u64 {
        self.progress().redrives
    }

    /// Runs again from where it stopped; only an execution that ended without success does. Gives where that was.
    pub(super) fn redrive(&self, at: Timestamp) -> Option<Entry> {
        let mut progress = self.progress();
        if matches!(progress.status, Status::Running | Status::Succeeded) {
            return None;
        }
        let mut entry = Entry::last(progress.history.events(), &self.machine.definition.flow);
        progress.redrives += 1;
        let details = json!({ "redriveCount": progress.redrives });
        let previous = progress.history.len();
        entry.last = progress.history.push(
            at,
            "ExecutionRedriven",
            previous,
            Some(("executionRedrivenEventDetails", details)),
        );
        progress.status = Status::Running;
        progress.trouble = Trouble::default();
        progress.stopped = None;
        progress.failed_from_outside = false;
        progress.redriven = Some(at);
        Some(entry)
    }

    /// Waits for its end.
    pub(super) async fn finished(&self) -> ExecutionView {
        loop {
            // Made before the look, so that an end between the look and the wait is not missed.
            let ended = self.ended.notified();
            let view = self.view();
            if view.status != Status::Running {
                return view;
            }
            ended.await;
        }
    }

    /// Draws from the execution's own randomness.
    pub(super) fn rng(&self) -> MutexGuard<'_, fastrand::Rng> {
        self.rng
            .lock()
            .expect("no thread panics while it draws a number")
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress
            .lock()
            .expect("no thread panics while it holds an execution")
    }
}

impl Progress {
    fn trouble_ends(
        &mut self,
        status: Status,
        kind: &'static str,
        key: &'static str,
        trouble: Trouble,
    ) -> (Status, &'static str, &'static str, Map<String, Value>) {
        let details = history::failure(&trouble.error, trouble.cause.as_deref());
        self.trouble = trouble;
        (status, kind, key, details)
    }
}

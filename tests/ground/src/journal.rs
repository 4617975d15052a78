//! The region's own record: what happened, every API call, every log line.
//!
//! Checks of invariants and the stories told to people are made from this record, never from what Lifeguard says about itself.

use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::clock::Clock;

/// Who did something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Actor {
    /// A person, or a pipeline acting for one.
    Operator,
    /// Managed Service for Apache Flink itself.
    Service,
    /// The job inside the application.
    Flink,
    /// A CloudWatch alarm.
    Alarm,
    /// Flink Lifeguard: its state machine and its Lambdas.
    Lifeguard,
}

/// One thing that happened, told in a sentence.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// The application it happened to.
    pub application: Option<String>,
    /// A sentence without a full stop.
    pub text: String,
}

/// One request to one of the region's services.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Call {
    /// When it arrived.
    pub at: Timestamp,
    /// Who signed it: the access key id names the role in the sandbox.
    pub caller: String,
    /// IAM prefix of the service, `kinesisanalytics` for Managed Flink.
    pub service: String,
    /// The verb, `RollbackApplication`.
    pub action: String,
    /// The application, table, topic … it was about.
    pub resource: Option<String>,
    /// `ok`, or the error code the caller got.
    pub outcome: String,
    /// Whether it had an effect on an application (a refused call has none; one whose answer was lost has).
    pub changed: bool,
}

#[derive(Default)]
struct Pages {
    entries: Vec<Entry>,
    calls: Vec<Call>,
    log: Vec<String>,
    messages: Vec<Value>,
}

/// The record. Cheap to clone; all clones write into the same one.
#[derive(Clone)]
pub struct Journal {
    clock: Clock,
    pages: Arc<Mutex<Pages>>,
}

impl Journal {
    /// An empty record.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            pages: Arc::default(),
        }
    }

    /// Tells what happened, now.
    pub fn tell(&self, actor: Actor, application: Option<&str>, text: impl Into<String>) {
        let entry = Entry {
            at: self.clock.now(),
            actor,
            application: application.map(str::to_owned),
            text: text.into(),
        };
        self.pages().entries.push(entry);
    }

    /// Records one request.
    pub fn call(&self, call: Call) {
        self.pages().calls.push(call);
    }

    /// Records one log line, as CloudWatch Logs would get it.
    pub fn log(&self, line: impl Into<String>) {
        self.pages().log.push(line.into());
    }

    /// Records one message that left the region for people or other systems (SNS, EventBridge).
    pub fn message(&self, message: Value) {
        self.pages().messages.push(message);
    }

    /// All that happened so far, in order.
    pub fn entries(&self) -> Vec<Entry> {
        self.pages().entries.clone()
    }

    /// All requests so far, in order.
    pub fn calls(&self) -> Vec<Call> {
        self.pages().calls.clone()
    }

    /// How many requests so far were of this kind.
    pub fn count_calls(&self, of: impl Fn(&Call) -> bool) -> usize {
        self.pages().calls.iter().filter(|call| of(call)).count()
    }

    /// Shows every log line so far, in order.
    pub fn each_log_line(&self, look: impl FnMut(&String)) {
        self.pages().log.iter().for_each(look);
    }

    /// Shows every log line from the `from`-th on, in order. How many there are by now.
    pub fn each_log_line_from(&self, from: usize, look: impl FnMut(&String)) -> usize {
        let pages = self.pages();
        pages.log.iter().skip(from).for_each(look);
        pages.log.len()
    }

    /// All log lines so far, in order.
    pub fn log_lines(&self) -> Vec<String> {
        self.pages().log.clone()
    }

    /// All messages so far, in order.
    pub fn messages(&self) -> Vec<Value> {
        self.pages().messages.clone()
    }

    fn pages(&self) -> std::sync::MutexGuard<'_, Pages> {
        self.pages
            .lock()
            .expect("no thread panics while it holds the record")
    }
}

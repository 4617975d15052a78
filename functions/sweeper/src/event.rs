//! What comes in and what goes out.

use serde::{Deserialize, Serialize};

/// The input.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Only say what would be started.
    #[serde(default)]
    pub dry_run: bool,
}

/// What a sweep did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Answer {
    /// Whether nothing was started: it was a dry run.
    pub dry_run: bool,
    /// Whether the stop switch is on: then nothing is looked at.
    pub stopped: bool,
    /// How many Flink applications there are.
    pub applications: usize,
    /// Of how many more than the list shows was read.
    pub read: usize,
    /// What was started, or would be.
    pub started: Vec<Started>,
    /// How many executions could not be started now: the next sweep tries again.
    pub not_started: usize,
    /// How many applications were left to the next sweep, for time or because something could not be read.
    pub left: usize,
}

/// An execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    /// The application.
    pub application_name: String,
    /// What it is started for, in a word.
    pub condition: &'static str,
    /// The same in a sentence.
    pub reason: String,
    /// The execution's name.
    pub execution_name: String,
}

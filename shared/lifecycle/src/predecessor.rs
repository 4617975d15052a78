//! What an execution left behind that ended without an outcome: it failed, timed out, or a person stopped it. The one that takes its lease over begins with this.

use serde::{Deserialize, Serialize};

use crate::Progress;

/// How long a function that changes an application may outlive the execution that called it: its time-out in the template.
pub const STEP_FUNCTION_SECS: u32 = 60;

/// How an execution ended that published no outcome, as Step Functions spells it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Ended {
    /// An error that nothing caught.
    Failed,
    /// The state machine's own time-out.
    TimedOut,
    /// A person stopped it.
    Aborted,
}

/// The execution before this one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Predecessor {
    /// How it ended; None where this execution was not started because of that, and only found an expired lease.
    pub ended: Option<Ended>,
    /// What a person had asked it for, in a word.
    pub asked: Option<String>,
    /// What it had done: [`Progress::interrupted`].
    pub progress: Progress,
}

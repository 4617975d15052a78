//! The end of an execution that published no outcome: it failed, timed out, or a person stopped it. Another succeeds it, takes its lease over, and goes on or tells.
//!
//! What the dead one was started with stands in the event as JSON in a string. Read field by field, like an alarm: what does not name an application is refused.
//!
//! Invariant: the same end gives the same successor, and at most [`SUCCESSORS`] follow each other. What ends three times is a defect that a fourth execution would meet too.

use serde_json::Value;

use executions::StateMachineArn;

use crate::{
    event::envelope,
    home::Home,
    request::{ApplicationName, Refusal},
    text::{bounded, seen},
};

/// The kind of a successor's trigger.
pub(crate) const KIND: &str = "executionBroke";
/// How many executions may succeed each other.
pub const SUCCESSORS: u64 = 2;
/// A person stopped it.
const STOPPED: &str = "ABORTED";
/// What a person may have asked for, in the word of the input.
const ACTIONS: [&str; 3] = ["rollback", "forceStop", "restore"];
/// Stands for a request that is none of those.
const OTHER_ACTION: &str = "something else";
/// An execution's ARN is shorter.
const ARN_CHARS: usize = 300;

/// An execution that ended without an outcome, and is to be succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broke {
    /// Its ARN.
    pub execution: String,
    /// The ARN of the execution that it succeeded itself, if it did: that one may still hold the lease, where this one died before it took it over.
    pub before: Option<String>,
    /// Its application.
    pub application: ApplicationName,
    /// How it ended, as Step Functions spells it; `ABORTED` also where a person had stopped the one before: that word stands until it was told.
    pub status: &'static str,
    /// What a person had asked it for, or an execution that it succeeded.
    pub asked: Option<&'static str>,
    /// Which successor follows, counted from 1.
    pub successor: u64,
}

/// What an execution's change of status asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A successor.
    Broke(Broke),
    /// Nothing.
    Nothing {
        /// Why.
        because: String,
    },
}

/// Reads a change of an execution's status; None when the event is something else.
///
/// # Errors
/// When it is not one of `ours`, is from elsewhere than `home`, or does not name its execution and application.
#[must_use]
pub fn read(event: &Value, ours: &StateMachineArn, home: &Home) -> Option<Result<Change, Refusal>> {
    let is_one = event["source"] == "aws.states"
        && event["detail-type"] == "Step Functions Execution Status Change";
    is_one.then(|| change(event, ours, home))
}

fn change(event: &Value, ours: &StateMachineArn, home: &Home) -> Result<Change, Refusal> {
    let detail = &event["detail"];
    let text = |name: &str| detail[name].as_str().unwrap_or_default();
    if !ours.is_of(text("stateMachineArn")) {
        return Err(Refusal::OtherMachine {
            machine: seen(text("stateMachineArn")),
        });
    }
    let execution = text("executionArn");
    if execution.is_empty() || execution.len() > ARN_CHARS {
        return Err(Refusal::NoExecution);
    }
    if !ours.ran(execution) {
        return Err(Refusal::OtherMachine {
            machine: seen(execution),
        });
    }
    home.check(
        &format!("the execution {}", seen(execution)),
        &envelope(event),
    )?;
    let status = match text("status") {
        "FAILED" => "FAILED",
        "TIMED_OUT" => "TIMED_OUT",
        STOPPED => STOPPED,
        other @ ("RUNNING" | "SUCCEEDED" | "PENDING_REDRIVE") => {
            return Ok(Change::Nothing {
                because: format!("the execution {} is {other}", seen(execution)),
            });
        }
        other => {
            return Err(Refusal::ExecutionStatus {
                execution: seen(execution),
                status: seen(other),
            });
        }
    };
    let refuse = |why: &str| Refusal::ExecutionInput {
        execution: seen(execution),
        why: why.to_owned(),
    };
    let input = detail["input"]
        .as_str()
        .ok_or_else(|| refuse("is not in the event (it may be too long for one)"))?;
    let input: Value = serde_json::from_str(input).map_err(|_| refuse("is not JSON"))?;
    let application = input["applicationName"]
        .as_str()
        .ok_or_else(|| refuse("names no application"))?
        .parse::<ApplicationName>()
        .map_err(|refusal| refuse(&format!("names none: {refusal}")))?;
    let succeeded = succeeded(&input);
    if succeeded >= SUCCESSORS {
        let because = format!(
            "the execution {} is {status}, and so were {succeeded} before it: no other follows, people have been told",
            seen(execution)
        );
        return Ok(Change::Nothing { because });
    }
    let before = &input["trigger"];
    let is_successor = before["kind"] == KIND;
    Ok(Change::Broke(Broke {
        execution: bounded(execution, ARN_CHARS),
        before: before["execution"]
            .as_str()
            .filter(|before| is_successor && ours.ran(before))
            .map(|before| bounded(before, ARN_CHARS)),
        application,
        status: if is_successor && before["status"] == STOPPED {
            STOPPED
        } else {
            status
        },
        asked: asked(&input),
        successor: succeeded + 1,
    }))
}

/// How many executions the one with this input has succeeded. A count that cannot be read is one too many.
fn succeeded(input: &Value) -> u64 {
    let trigger = &input["trigger"];
    if trigger["kind"] == KIND {
        trigger["successor"].as_u64().unwrap_or(SUCCESSORS)
    } else {
        0
    }
}

fn asked(input: &Value) -> Option<&'static str> {
    let known = |word: &Value| {
        ACTIONS
            .into_iter()
            .find(|action| word == action)
            .unwrap_or(OTHER_ACTION)
    };
    match (&input["request"], &input["trigger"]) {
        (Value::Null, trigger) if trigger["kind"] == KIND && !trigger["asked"].is_null() => {
            Some(known(&trigger["asked"]))
        }
        (Value::Null, _) => None,
        (request, _) => Some(known(&request["action"])),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_request_is_remembered_from_one_execution_to_the_next() {
        for (input, remembered) in [
            (json!({ "applicationName": "orders" }), None),
            (
                json!({ "request": null, "trigger": { "kind": "alarm", "asked": "restore" } }),
                None,
            ),
            (
                json!({ "request": { "action": "restore", "snapshotName": "s" } }),
                Some("restore"),
            ),
            (
                json!({ "request": { "action": "explode" } }),
                Some(OTHER_ACTION),
            ),
            (json!({ "request": 7 }), Some(OTHER_ACTION)),
            (
                json!({ "trigger": { "kind": KIND, "asked": "forceStop" } }),
                Some("forceStop"),
            ),
            (json!({ "trigger": { "kind": KIND, "asked": null } }), None),
            (
                json!({ "trigger": { "kind": KIND, "asked": OTHER_ACTION } }),
                Some(OTHER_ACTION),
            ),
        ] {
            assert_eq!(asked(&input), remembered, "{input}");
        }
    }

    #[test]
    fn successors_are_counted_and_a_count_that_cannot_be_read_is_the_last() {
        for (trigger, count) in [
            (json!(null), 0),
            (json!({ "kind": "alarm", "successor": 9 }), 0),
            (json!({ "kind": KIND, "successor": 1 }), 1),
            (json!({ "kind": KIND, "successor": -1 }), SUCCESSORS),
            (json!({ "kind": KIND }), SUCCESSORS),
        ] {
            assert_eq!(
                succeeded(&json!({ "trigger": trigger })),
                count,
                "{trigger}"
            );
        }
    }
}

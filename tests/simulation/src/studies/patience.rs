//! How often each task of a state machine must be tried again: what a throttle or a lost answer needs, and what no second try can mend.
//!
//! Nights can hardly tell a task that is tried three times from one that is tried six times; this table can.

use serde_json::{Map, Value};

/// An error that no list names: what a service may invent.
const UNKNOWN: &str = "Somebody.ElsesError";
/// Errors that pass, by the integration's service.
const PASSING: [(&str, &[&str]); 5] = [
    (
        "lambda",
        &[
            "Lifeguard.Retryable",
            "Lambda.TooManyRequestsException",
            "Lambda.ServiceException",
            "Lambda.AWSLambdaException",
            "Lambda.SdkClientException",
            "Lambda.Unknown",
            "Sandbox.Timedout",
            "Runtime.ExitError",
            "States.Timeout",
        ],
    ),
    (
        "dynamodb",
        &[
            "DynamoDB.ProvisionedThroughputExceededException",
            "DynamoDB.RequestLimitExceededException",
            "DynamoDB.InternalServerErrorException",
            "DynamoDB.SdkClientException",
            "States.Timeout",
        ],
    ),
    (
        "sns",
        &[
            "SNS.ThrottledException",
            "SNS.ThrottlingException",
            "SNS.InternalErrorException",
            "SNS.KMSThrottlingException",
            "SNS.SdkClientException",
            "States.Timeout",
        ],
    ),
    (
        "events",
        &[
            "EventBridge.FailedEntry",
            "EventBridge.ThrottlingException",
            "EventBridge.InternalException",
            "EventBridge.SdkClientException",
            "States.Timeout",
        ],
    ),
    (
        "states",
        &[
            "StepFunctions.ExecutionLimitExceededException",
            "StepFunctions.ThrottlingException",
            "StepFunctions.SdkClientException",
            "States.Timeout",
        ],
    ),
];
/// Errors that stay, by the integration's service.
const STAYING: [(&str, &[&str]); 3] = [
    ("lambda", &["Lifeguard.BadInput"]),
    ("dynamodb", &["DynamoDB.ConditionalCheckFailedException"]),
    ("states", &["StepFunctions.ExecutionAlreadyExistsException"]),
];
/// Tasks that change an application: an error that nobody knows is not answered with the same change again.
const CHANGING: [&str; 5] = [
    "RollBack",
    "ForceStop",
    "RestoreConfiguration",
    "StartFromSnapshot",
    "Act",
];
/// What passes is tried again at least so often.
const AT_LEAST: u64 = 3;
/// What nobody knows is tried again so often.
const UNKNOWN_TRIES: std::ops::RangeInclusive<u64> = 2..=3;

/// The first task of a definition that is tried too often or too seldom.
#[must_use]
pub(crate) fn complaint(flow: &Value) -> Option<String> {
    let states = flow["States"].as_object().into_iter().flat_map(Map::iter);
    states.into_iter().find_map(|(name, state)| {
        of_task(name, state).or_else(|| complaint(&state["ItemProcessor"]))
    })
}

fn of_task(name: &str, state: &Value) -> Option<String> {
    let service = state["Resource"]
        .as_str()?
        .strip_prefix("arn:aws:states:::")?
        .split(':')
        .next()?;
    let known = |table: &[(&str, &'static [&'static str])]| {
        table
            .iter()
            .find(|(of, _)| *of == service)
            .map_or(&[][..], |(_, errors)| *errors)
    };
    let tried = |error: &str, well: &dyn Fn(u64) -> bool| {
        let times = tries(state, error);
        (!well(times)).then(|| format!("{name} is tried again {times} times after {error}"))
    };
    let passing = known(&PASSING)
        .iter()
        .find_map(|error| tried(error, &|times| times >= AT_LEAST));
    let staying = || {
        // A call without a condition has none that could fail.
        let unconditional =
            service == "dynamodb" && state["Arguments"]["ConditionExpression"].is_null();
        known(&STAYING)
            .iter()
            .filter(|_| !unconditional)
            .find_map(|error| tried(error, &|times| times == 0))
    };
    let unknown = || {
        tried(UNKNOWN, &|times| {
            if CHANGING.contains(&name) {
                times == 0
            } else {
                UNKNOWN_TRIES.contains(&times)
            }
        })
    };
    passing.or_else(staying).or_else(unknown)
}

/// How often a task is tried again after this error.
fn tries(state: &Value, error: &str) -> u64 {
    let names = |retrier: &&Value| {
        let listed = retrier["ErrorEquals"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        listed.into_iter().any(|listed| {
            listed == error
                || listed == "States.ALL"
                || listed == "States.TaskFailed" && error != "States.Timeout"
        })
    };
    let retrier = state["Retry"].as_array().into_iter().flatten().find(names);
    // Step Functions' own number where none is written.
    retrier.map_or(0, |retrier| retrier["MaxAttempts"].as_u64().unwrap_or(3))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn flow(retry: Value) -> Value {
        json!({ "States": { "Read": { "Type": "Task", "Resource": "arn:aws:states:::dynamodb:getItem", "Arguments": {}, "Retry": retry } } })
    }

    #[test]
    fn a_task_that_is_tried_too_seldom_or_too_often_is_named() {
        let passing = json!({ "ErrorEquals": PASSING[1].1, "MaxAttempts": 3 });
        let rest =
            |times: u64| json!({ "ErrorEquals": ["States.TaskFailed"], "MaxAttempts": times });
        assert_eq!(complaint(&flow(json!([passing, rest(2)]))), None);
        let named = |retry: Value| complaint(&flow(retry)).unwrap();
        assert_eq!(
            named(json!([rest(2)])),
            "Read is tried again 2 times after DynamoDB.ProvisionedThroughputExceededException"
        );
        assert_eq!(
            named(json!([rest(3)])),
            "Read is tried again 0 times after States.Timeout"
        );
        assert_eq!(
            named(json!([passing])),
            "Read is tried again 0 times after Somebody.ElsesError"
        );
        assert_eq!(
            named(json!([passing, rest(9)])),
            "Read is tried again 9 times after Somebody.ElsesError"
        );
    }
}

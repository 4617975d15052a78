//! The generic SDK integrations: `aws-sdk:<service>:<verb>`.
//!
//! Arguments and results are in PascalCase and times are text, whatever the wire has.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::errors;

/// How a service is reached, and what its errors are called.
#[derive(Debug)]
pub(super) struct Service {
    name: &'static str,
    pub(super) signing: &'static str,
    target: &'static str,
    pub(super) version: &'static str,
    /// Whether the wire's members begin in lower case.
    lower: bool,
    prefix: &'static str,
    /// The errors of its model; all others are the generic one.
    listed: &'static [&'static str],
    /// The ends of members that are times.
    times: &'static [&'static str],
}

const SERVICES: [Service; 3] = [
    Service {
        name: "kinesisanalyticsv2",
        signing: "kinesisanalytics",
        target: "KinesisAnalytics_20180523",
        version: "1.1",
        lower: false,
        prefix: "KinesisAnalyticsV2",
        listed: &[
            "CodeValidationException",
            "ConcurrentModificationException",
            "InvalidApplicationConfigurationException",
            "InvalidArgumentException",
            "InvalidRequestException",
            "LimitExceededException",
            "ResourceInUseException",
            "ResourceNotFoundException",
            "ResourceProvisionedThroughputExceededException",
            "SdkClientException",
            "ServiceUnavailableException",
            "TooManyTagsException",
            "UnableToDetectSchemaException",
            "UnsupportedOperationException",
        ],
        times: &["Timestamp", "StartTime", "EndTime"],
    },
    Service {
        name: "dynamodb",
        signing: "dynamodb",
        target: "DynamoDB_20120810",
        version: "1.0",
        lower: false,
        prefix: "DynamoDb",
        listed: &[
            "ConditionalCheckFailedException",
            "InternalServerErrorException",
            "ProvisionedThroughputExceededException",
            "RequestLimitExceededException",
            "ResourceNotFoundException",
            "SdkClientException",
        ],
        times: &[],
    },
    Service {
        name: "sfn",
        signing: "states",
        target: "AWSStepFunctions",
        version: "1.0",
        lower: true,
        prefix: "Sfn",
        listed: &[
            "ExecutionAlreadyExistsException",
            "ExecutionDoesNotExistException",
            "ExecutionLimitExceededException",
            "ExecutionNotRedrivableException",
            "InvalidArnException",
            "InvalidExecutionInputException",
            "InvalidNameException",
            "InvalidOutputException",
            "InvalidTokenException",
            "KmsAccessDeniedException",
            "SdkClientException",
            "StateMachineDeletingException",
            "StateMachineDoesNotExistException",
            "TaskDoesNotExistException",
            "TaskTimedOutException",
            "ValidationException",
        ],
        times: &["Date"],
    },
];

impl Service {
    pub(super) fn named(name: &str) -> Option<Self> {
        SERVICES.into_iter().find(|service| service.name == name)
    }

    pub(super) fn target(&self, verb: &str) -> String {
        format!("{}.{}", self.target, pascal(verb))
    }

    pub(super) fn error(&self, code: &str) -> String {
        errors::listed(
            self.prefix,
            self.listed,
            &format!("{}Exception", self.prefix),
            code,
        )
    }

    pub(super) fn arguments(&self, arguments: Value) -> Value {
        let arguments = if self.lower {
            renamed(arguments, &lower_first)
        } else {
            arguments
        };
        self.with_times(arguments, &|value| match value {
            Value::String(text) => text.parse::<Timestamp>().map_or(Value::String(text), |at| {
                json!(at.as_millisecond() as f64 / 1000.0)
            }),
            other => other,
        })
    }

    pub(super) fn result(&self, answer: Value) -> Value {
        let answer = if self.lower {
            renamed(answer, &pascal)
        } else {
            answer
        };
        self.with_times(answer, &|value| match value.as_f64() {
            Some(seconds) => json!(as_text(seconds)),
            None => value,
        })
    }

    /// Every member that is a time, replaced.
    fn with_times(&self, value: Value, replace: &dyn Fn(Value) -> Value) -> Value {
        match value {
            Value::Object(members) => {
                let members = members.into_iter().map(|(name, value)| {
                    let is_time = !value.is_object()
                        && !value.is_array()
                        && self
                            .times
                            .iter()
                            .any(|end| name.ends_with(end) || name.ends_with(&lower_first(end)));
                    let value = if is_time {
                        replace(value)
                    } else {
                        self.with_times(value, replace)
                    };
                    (name, value)
                });
                Value::Object(members.collect())
            }
            Value::Array(values) => values
                .into_iter()
                .map(|value| self.with_times(value, replace))
                .collect(),
            other => other,
        }
    }
}

fn as_text(seconds: f64) -> String {
    let millis = (seconds * 1000.0).round();
    let at = Timestamp::from_millisecond(millis as i64).unwrap_or(Timestamp::UNIX_EPOCH);
    let whole = at.subsec_millisecond() == 0;
    at.strftime(if whole {
        "%Y-%m-%dT%H:%M:%SZ"
    } else {
        "%Y-%m-%dT%H:%M:%S%.3fZ"
    })
    .to_string()
}

fn renamed(value: Value, rename: &dyn Fn(&str) -> String) -> Value {
    match value {
        Value::Object(members) => Value::Object(
            members
                .into_iter()
                .map(|(name, value)| (rename(&name), renamed(value, rename)))
                .collect::<Map<_, _>>(),
        ),
        Value::Array(values) => values
            .into_iter()
            .map(|value| renamed(value, rename))
            .collect(),
        other => other,
    }
}

pub(super) fn pascal(name: &str) -> String {
    with_first(name, |first| first.to_ascii_uppercase())
}

fn lower_first(name: &str) -> String {
    with_first(name, |first| first.to_ascii_lowercase())
}

fn with_first(name: &str, change: impl Fn(char) -> char) -> String {
    let mut letters = name.chars();
    letters
        .next()
        .map(|first| format!("{}{}", change(first), letters.as_str()))
        .unwrap_or_default()
}

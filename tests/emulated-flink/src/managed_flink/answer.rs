//! Errors and values of the wire: AWS JSON 1.1 as the service's public model spells it.

use jiff::Timestamp;
use serde_json::{Value, json};

/// An error of the model, with a message for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// As the model spells it, `ResourceInUseException`.
    pub code: String,
    /// What is wrong.
    pub message: String,
}

impl ApiError {
    /// Any error.
    pub fn new(code: &str, message: impl Into<String>) -> Self {
        Self {
            code: code.to_owned(),
            message: message.into(),
        }
    }

    pub(super) fn in_use(message: impl Into<String>) -> Self {
        Self::new("ResourceInUseException", message)
    }

    pub(super) fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new("InvalidArgumentException", message)
    }

    pub(super) fn invalid_request(message: impl Into<String>) -> Self {
        Self::new("InvalidRequestException", message)
    }

    pub(super) fn invalid_configuration(message: impl Into<String>) -> Self {
        Self::new("InvalidApplicationConfigurationException", message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new("ResourceNotFoundException", message)
    }

    pub(super) fn concurrent(message: impl Into<String>) -> Self {
        Self::new("ConcurrentModificationException", message)
    }

    pub(super) fn unsupported(message: impl Into<String>) -> Self {
        Self::new("UnsupportedOperationException", message)
    }
}

/// What a verb gives back.
pub(super) struct Done {
    pub(super) body: Value,
    /// Whether an application is another one than before.
    pub(super) changed: bool,
}

impl Done {
    pub(super) fn read(body: Value) -> Result<Self, ApiError> {
        Ok(Self {
            body,
            changed: false,
        })
    }

    pub(super) fn changed(body: Value) -> Result<Self, ApiError> {
        Ok(Self {
            body,
            changed: true,
        })
    }
}

/// A timestamp: epoch seconds.
pub(super) fn epoch(moment: Timestamp) -> Value {
    json!(moment.as_millisecond() as f64 / 1000.0)
}

/// Whether a timestamp of a request is this moment, to the millisecond.
pub(super) fn is_moment(value: &Value, moment: Timestamp) -> bool {
    value
        .as_f64()
        .is_some_and(|seconds| (seconds * 1000.0 - moment.as_millisecond() as f64).abs() < 1.0)
}

/// A required text.
pub(super) fn text<'a>(input: &'a Value, member: &str) -> Result<&'a str, ApiError> {
    match &input[member] {
        Value::String(text) if !text.is_empty() => Ok(text),
        Value::Null => Err(ApiError::invalid_argument(format!("{member} is required"))),
        _ => Err(ApiError::invalid_argument(format!(
            "{member} must be a text of at least one character"
        ))),
    }
}

/// A required whole number.
pub(super) fn number(input: &Value, member: &str) -> Result<i64, ApiError> {
    input[member]
        .as_i64()
        .ok_or_else(|| ApiError::invalid_argument(format!("{member} is required, a whole number")))
}

/// Refuses members that this emulation does not know: they are never ignored.
pub(super) fn only(input: &Value, known: &[&str], place: &str) -> Result<(), ApiError> {
    let members = match input {
        Value::Null => return Ok(()),
        Value::Object(members) => members,
        _ => {
            return Err(ApiError::invalid_argument(format!(
                "{place} must be a structure"
            )));
        }
    };
    match members.keys().find(|name| !known.contains(&name.as_str())) {
        Some(unknown) => Err(ApiError::invalid_argument(format!(
            "the sandbox does not know the member {unknown} of {place}"
        ))),
        None => Ok(()),
    }
}

/// One page of `items`: `Limit` of 1–50 items, and the token of the next page.
pub(super) fn page(input: &Value, items: Vec<Value>, member: &str) -> Result<Value, ApiError> {
    let limit = match &input["Limit"] {
        Value::Null => 50,
        limit => limit
            .as_u64()
            .filter(|limit| (1..=50).contains(limit))
            .ok_or_else(|| ApiError::invalid_argument("Limit must be between 1 and 50"))?,
    };
    let from = match &input["NextToken"] {
        Value::Null => 0,
        token => token
            .as_str()
            .and_then(|token| token.strip_prefix("page-")?.parse::<usize>().ok())
            .ok_or_else(|| ApiError::invalid_argument("NextToken is not one of this list"))?,
    };
    let to = (from + usize::try_from(limit).expect("at most 50")).min(items.len());
    let mut body = json!({ member: items.get(from..to).unwrap_or_default() });
    if to < items.len() {
        body["NextToken"] = format!("page-{to}").into();
    }
    Ok(body)
}

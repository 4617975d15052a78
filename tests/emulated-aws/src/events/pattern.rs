//! EventBridge's event patterns, translated for the matcher `quamina`.
//!
//! Most of the two languages is the same. What differs is translated here, and what the matcher would read otherwise, or skip, is refused: it looks only at
//! the first member of an operator object, drops values it does not know from `anything-but`, and takes `$or` for a field's name.

use serde_json::{Value, json};

/// A pattern the sandbox cannot match.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// Not the shape of a pattern.
    #[error("at {path}: {wrong}")]
    Shape {
        /// Where.
        path: String,
        /// What is wrong.
        wrong: String,
    },
    /// The matcher refused it.
    #[error("{0}")]
    Refused(String),
}

/// The same pattern in the matcher's language.
pub(super) fn to_quamina(pattern: &Value) -> Result<Value, PatternError> {
    fields("the pattern", pattern)
}

fn wrong(path: &str, wrong: impl Into<String>) -> PatternError {
    PatternError::Shape {
        path: path.to_owned(),
        wrong: wrong.into(),
    }
}

fn fields(path: &str, pattern: &Value) -> Result<Value, PatternError> {
    let members = pattern
        .as_object()
        .filter(|members| !members.is_empty())
        .ok_or_else(|| wrong(path, "an object with members is expected"))?;
    let mut translated = serde_json::Map::new();
    for (name, value) in members {
        let here = format!("{path}.{name}");
        if name.starts_with('$') || name.contains('.') {
            return Err(wrong(&here, "the sandbox does not match on this name"));
        }
        let value = match value {
            Value::Object(_) => fields(&here, value)?,
            Value::Array(alternatives) if !alternatives.is_empty() => alternatives
                .iter()
                .map(|one| alternative(&here, one))
                .collect::<Result<_, _>>()?,
            _ => {
                return Err(wrong(
                    &here,
                    "an array with members, or an object, is expected",
                ));
            }
        };
        translated.insert(name.clone(), value);
    }
    Ok(Value::Object(translated))
}

fn alternative(path: &str, one: &Value) -> Result<Value, PatternError> {
    let Value::Object(operator) = one else {
        return if one.is_array() {
            Err(wrong(path, "an array in an array"))
        } else {
            Ok(one.clone())
        };
    };
    let mut members = operator.iter();
    let (Some((name, value)), None) = (members.next(), members.next()) else {
        return Err(wrong(path, "exactly one operator is expected"));
    };
    match (name.as_str(), value) {
        ("prefix" | "suffix" | "equals-ignore-case" | "wildcard" | "cidr", Value::String(_))
        | ("exists", Value::Bool(_)) => Ok(one.clone()),
        ("anything-but", Value::String(_) | Value::Number(_)) => Ok(one.clone()),
        ("anything-but", Value::Array(values))
            if !values.is_empty()
                && (values.iter().all(Value::is_string) || values.iter().all(Value::is_number)) =>
        {
            Ok(one.clone())
        }
        // The matcher has no "=" among its comparisons, but equal numbers match whatever their spelling.
        ("numeric", Value::Array(comparison))
            if comparison.len() == 2
                && comparison[0] == json!("=")
                && comparison[1].is_number() =>
        {
            Ok(comparison[1].clone())
        }
        ("numeric", Value::Array(comparison))
            if comparison.len() % 2 == 0 && comparison.len() <= 4 =>
        {
            Ok(one.clone())
        }
        _ => Err(wrong(
            path,
            format!("the sandbox does not know the operator {one}"),
        )),
    }
}

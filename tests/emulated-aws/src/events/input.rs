//! What a target gets of an event: all of it, a part, a constant, or a template filled from it.

use std::collections::BTreeMap;

use serde_json::Value;

/// What a target gets.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Input {
    /// The whole event.
    #[default]
    Whole,
    /// The part under this path, `$.detail`.
    Path(String),
    /// This, whatever the event.
    Constant(Value),
    /// `InputTemplate` with its `<holes>` filled by `InputPathsMap`.
    Transformer {
        /// Path by hole.
        paths: BTreeMap<String, String>,
        /// The template.
        template: String,
    },
}

/// An input the sandbox cannot make.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InputError {
    /// More than names and dots.
    #[error("the sandbox reads only paths such as $.detail.name, not {0:?}")]
    Path(String),
    /// Nothing there.
    #[error("the event has nothing under {0:?}")]
    Nothing(String),
    /// A hole that no path fills.
    #[error("the input template's <{0}> is not in its InputPathsMap")]
    Hole(String),
    /// Filled, it is not JSON.
    #[error("the filled input template is not JSON: {0}")]
    NotJson(String),
}

impl Input {
    /// The input for this event.
    pub(super) fn render(&self, event: &Value) -> Result<Value, InputError> {
        match self {
            Self::Whole => Ok(event.clone()),
            Self::Constant(value) => Ok(value.clone()),
            Self::Path(path) => at(event, path)?
                .cloned()
                .ok_or_else(|| InputError::Nothing(path.clone())),
            Self::Transformer { paths, template } => fill(event, paths, template),
        }
    }
}

fn at<'a>(event: &'a Value, path: &str) -> Result<Option<&'a Value>, InputError> {
    let unreadable = || InputError::Path(path.to_owned());
    let rest = path.strip_prefix('$').ok_or_else(unreadable)?;
    let mut found = Some(event);
    for name in rest.split('.').skip(1) {
        if name.is_empty() || name.contains(['[', ']', '*', '?', '(']) {
            return Err(unreadable());
        }
        found = found.and_then(|value| value.get(name));
    }
    if rest.is_empty() || rest.starts_with('.') {
        Ok(found)
    } else {
        Err(unreadable())
    }
}

/// Inside quotes a value goes in as text, outside as JSON. What the event lacks is empty text inside quotes and null outside.
fn fill(
    event: &Value,
    paths: &BTreeMap<String, String>,
    template: &str,
) -> Result<Value, InputError> {
    let mut filled = String::new();
    let mut quoted = false;
    let mut rest = template;
    while let Some(next) = rest.chars().next() {
        let hole = rest
            .strip_prefix('<')
            .and_then(|hole| hole.split_once('>'))
            .filter(|(name, _)| is_name(name));
        if let Some((name, after)) = hole {
            let value = match name {
                "aws.events.event.json" | "aws.events.event" => Some(event),
                _ => at(
                    event,
                    paths
                        .get(name)
                        .ok_or_else(|| InputError::Hole(name.to_owned()))?,
                )?,
            };
            filled.push_str(&as_text(value, quoted));
            rest = after;
            continue;
        }
        if next == '"' && !filled.ends_with('\\') {
            quoted = !quoted;
        }
        filled.push(next);
        rest = &rest[next.len_utf8()..];
    }
    serde_json::from_str(&filled).map_err(|error| InputError::NotJson(error.to_string()))
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "_.-".contains(letter))
}

fn as_text(value: Option<&Value>, quoted: bool) -> String {
    match (value, quoted) {
        (None, true) => String::new(),
        (None, false) => Value::Null.to_string(),
        (Some(value), false) => value.to_string(),
        (Some(value), true) => {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            let escaped = Value::String(text).to_string();
            escaped[1..escaped.len() - 1].to_owned()
        }
    }
}

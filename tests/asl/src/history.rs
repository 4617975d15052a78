//! An execution's history: numbered events as GetExecutionHistory tells them.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// AWS ends an execution whose history grows beyond this; it also ends a loop that never waits.
pub(super) const EVENTS_MAX: u64 = 25_000;

/// The events of one execution, in order.
#[derive(Debug, Default)]
pub(super) struct History {
    events: Vec<Value>,
}

impl History {
    /// Adds an event and gives its id. `details` is its details' key and value.
    pub(super) fn push(
        &mut self,
        at: Timestamp,
        kind: &str,
        previous: u64,
        details: Option<(&str, Value)>,
    ) -> u64 {
        let id = self.len() + 1;
        let mut event = Map::new();
        event.insert("timestamp".to_owned(), epoch_seconds(at));
        event.insert("type".to_owned(), json!(kind));
        event.insert("id".to_owned(), json!(id));
        event.insert("previousEventId".to_owned(), json!(previous));
        if let Some((key, value)) = details {
            event.insert(key.to_owned(), value);
        }
        self.events.push(Value::Object(event));
        id
    }

    /// How many events there are, which is also the newest one's id.
    pub(super) fn len(&self) -> u64 {
        self.events.len() as u64
    }

    /// All events so far.
    pub(super) fn events(&self) -> &[Value] {
        &self.events
    }
}

/// A time as AWS's JSON protocols carry it: seconds, with the milliseconds as a fraction.
pub(super) fn epoch_seconds(at: Timestamp) -> Value {
    // Milliseconds since 1970 fit a double exactly for the next 285,000 years.
    #[allow(clippy::cast_precision_loss)]
    let seconds = at.as_millisecond() as f64 / 1000.0;
    json!(seconds)
}

/// A time as the context object carries it.
pub(super) fn iso(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// A payload in an event, with the note that it is whole.
pub(super) fn payload(key: &str, value: &Value) -> Map<String, Value> {
    payload_text(
        key,
        serde_json::to_string(value).expect("a JSON value can be written"),
    )
}

/// The same from its text.
pub(super) fn payload_text(key: &str, text: String) -> Map<String, Value> {
    let mut details = Map::new();
    details.insert(key.to_owned(), Value::String(text));
    details.insert(format!("{key}Details"), json!({ "truncated": false }));
    details
}

/// Error and cause in an event, each only when there is one.
pub(super) fn failure(error: &str, cause: Option<&str>) -> Map<String, Value> {
    let mut details = Map::new();
    if !error.is_empty() {
        details.insert("error".to_owned(), json!(error));
    }
    if let Some(cause) = cause {
        details.insert("cause".to_owned(), json!(cause));
    }
    details
}

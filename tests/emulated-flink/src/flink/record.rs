//! What really happened to the jobs of an application: what was launched from what, how long each ran undisturbed, and when it failed.
//!
//! Checks of what people are told stand on this, and on nothing that the service or Flink answers.
//!
//! Invariant: a time that ends is noted when it ends, whoever ends it; the present one is added by whoever asks.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use jiff::Timestamp;
use serde_json::Value;

use super::Millis;
use super::data_plane::code_identity;

/// Code, runtime and environment properties together, as one number: what a deployment changes.
pub type Content = u64;

/// The content of a version.
pub fn content_of(runtime: &str, configuration: &Value) -> Content {
    let mut hasher = DefaultHasher::new();
    runtime.hash(&mut hasher);
    code_identity(configuration).hash(&mut hasher);
    let groups = &configuration["EnvironmentPropertyDescriptions"]["PropertyGroupDescriptions"];
    let mut properties = BTreeMap::new();
    for group in groups.as_array().into_iter().flatten() {
        let id = group["PropertyGroupId"].as_str().unwrap_or_default();
        let map = group["PropertyMap"].as_object().into_iter().flatten();
        properties.extend(map.map(|(key, value)| ((id, key.as_str()), value.to_string())));
    }
    properties.hash(&mut hasher);
    hasher.finish()
}

/// A time in which every task of a job ran, undisturbed, and checkpoints completed where it takes any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// What ran.
    pub content: Content,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// Seconds between its checkpoints; None where it takes none.
    pub checkpoint_secs: Option<i64>,
}

impl Ran {
    /// How long.
    #[must_use]
    pub fn secs(&self) -> i64 {
        self.until.duration_since(self.from).as_secs()
    }
}

/// A job that was launched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Launched {
    /// When.
    pub at: Timestamp,
    /// What.
    pub content: Content,
    /// From which snapshot; None without state.
    pub restored: Option<String>,
}

/// The record of one application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// In the order of their ends.
    pub ran: Vec<Ran>,
    /// Every fault and every death of a JobManager, in order.
    pub faults: Vec<Timestamp>,
    /// Every launch, in order.
    pub launches: Vec<Launched>,
}

impl Record {
    pub(super) fn failed(&mut self, at: Millis) {
        self.faults.extend(Timestamp::from_millisecond(at));
    }

    /// A time that is over; one that never began is none.
    pub(super) fn ran(
        &mut self,
        content: Content,
        (from, until): (Millis, Millis),
        checkpoint_secs: Option<i64>,
    ) {
        let moments = (
            Timestamp::from_millisecond(from),
            Timestamp::from_millisecond(until),
        );
        if let (Ok(from), Ok(until)) = moments
            && from < until
        {
            self.ran.push(Ran {
                content,
                from,
                until,
                checkpoint_secs,
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn configured(parallelism: u32, currency: &str) -> Value {
        json!({
            "FlinkApplicationConfigurationDescription": { "ParallelismConfigurationDescription": { "Parallelism": parallelism } },
            "EnvironmentPropertyDescriptions": { "PropertyGroupDescriptions": [
                { "PropertyGroupId": "orders", "PropertyMap": { "currency": currency } },
            ] },
        })
    }

    #[test]
    fn scale_is_no_content_and_runtime_and_properties_are() {
        let of = |runtime, parallelism, currency| {
            content_of(runtime, &configured(parallelism, currency))
        };
        let before = of("FLINK-1_20", 1, "EUR");
        assert_eq!(of("FLINK-1_20", 8, "EUR"), before);
        assert_ne!(of("FLINK-2_2", 1, "EUR"), before);
        assert_ne!(of("FLINK-1_20", 1, "USD"), before);
    }

    #[test]
    fn a_time_that_never_began_is_none() {
        let mut record = Record::default();
        record.ran(1, (5_000, 5_000), None);
        record.ran(1, (5_000, 65_000), Some(60));
        assert_eq!(record.ran.iter().map(Ran::secs).collect::<Vec<_>>(), [60]);
    }
}

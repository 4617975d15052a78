//! Times as people write them: `5 s`, `2 min`, `6 h 30 min`, `5 days`.

use std::{borrow::Cow, fmt, str::FromStr, time::Duration};

use jiff::{SpanRelativeTo, fmt::friendly::SpanParser};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error as _};

/// A time, written as people write it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Span(pub Duration);

/// What a wrong one is told.
const EXAMPLES: &str = "write a number and a unit, such as \"5 s\", \"2 min\" or \"6 h 30 min\"";

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is no time: {EXAMPLES}");
        let span = SpanParser::new().parse_span(text).map_err(|_| wrong())?;
        let time = span
            .to_duration(SpanRelativeTo::days_are_24_hours())
            .map_err(|_| wrong())?;
        Duration::try_from(time).map(Self).map_err(|_| wrong())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (secs, millis) = (self.0.as_secs(), self.0.subsec_millis());
        let parts = [
            (secs / 86_400, "d"),
            (secs / 3_600 % 24, "h"),
            (secs / 60 % 60, "min"),
            (secs % 60, "s"),
            (u64::from(millis), "ms"),
        ];
        let written: Vec<String> = parts
            .iter()
            .filter(|(number, _)| *number > 0)
            .map(|(number, unit)| format!("{number} {unit}"))
            .collect();
        if written.is_empty() {
            f.write_str("0 s")
        } else {
            f.write_str(&written.join(" "))
        }
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Written;
        impl serde::de::Visitor<'_> for Written {
            type Value = Span;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a time such as \"2 min\"")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Span, E> {
                text.parse().map_err(E::custom)
            }

            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Span, E> {
                Err(E::custom(format!("{number} is no time: {EXAMPLES}")))
            }
        }
        deserializer
            .deserialize_any(Written)
            .map_err(D::Error::custom)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A time as people write it: a number and a unit (ms, s, min, h, d), or several of them.",
            "examples": ["5 s", "2 min", "6 h 30 min"],
            "pattern": "^ *[0-9]+(\\.[0-9]+)? *[a-z]+( *[0-9]+(\\.[0-9]+)? *[a-z]+)* *$",
        })
    }
}

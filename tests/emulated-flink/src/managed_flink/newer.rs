//! Settings of a service that is newer than whoever reads them: their content is anybody's, and is kept and told as it came.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::answer::ApiError;
use super::configuration;

/// The names of the settings, as an `ApplicationConfiguration` has them.
#[derive(Clone, Copy)]
pub(super) struct Newer<'a>(pub(super) &'a BTreeSet<String>);

impl Newer<'_> {
    /// The description of a configuration at creation.
    pub(super) fn describe(self, input: &Value) -> Result<Value, ApiError> {
        let (known, newer) = self.split(input, "");
        let mut described = configuration::describe(&known)?;
        tell(&mut described, newer);
        Ok(described)
    }

    /// Changes a description by an `ApplicationConfigurationUpdate`.
    pub(super) fn apply(self, described: &mut Value, input: &Value) -> Result<(), ApiError> {
        let (known, newer) = self.split(input, "Update");
        configuration::apply(described, &known)?;
        tell(described, newer);
        Ok(())
    }

    /// What is known of a request, and what is newer, by the setting's name.
    fn split(self, input: &Value, suffix: &str) -> (Value, Map<String, Value>) {
        let (mut known, mut newer) = (input.clone(), Map::new());
        if let Value::Object(members) = &mut known {
            for name in self.0 {
                if let Some(value) = members.shift_remove(&format!("{name}{suffix}")) {
                    newer.insert(name.clone(), value);
                }
            }
        }
        (known, newer)
    }
}

fn tell(described: &mut Value, newer: Map<String, Value>) {
    for (name, value) in newer {
        described[format!("{name}Description")] = value;
    }
}

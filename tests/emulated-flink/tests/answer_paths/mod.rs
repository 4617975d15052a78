//! The paths of an answer: what it has, whatever the values.

use std::collections::BTreeSet;

use serde_json::Value;

/// Adds the path of every member below `value`.
pub(crate) fn paths(value: &Value, prefix: &str, into: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let path = if prefix.is_empty() {
                    name.clone()
                } else {
                    format!("{prefix}.{name}")
                };
                paths(member, &path, into);
                into.insert(path);
            }
        }
        Value::Array(items) => items
            .iter()
            .for_each(|item| paths(item, &format!("{prefix}[]"), into)),
        _ => {}
    }
}

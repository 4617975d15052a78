//! `AWS::Serverless::StateMachine`, its definition read from its file and filled.

use std::fs;

use serde_json::Value;

use super::{MachineSpec, Reading, Result, as_text, known, members};
use ground::place;

const PROPERTIES: [&str; 11] = [
    "DefinitionSubstitutions",
    "DefinitionUri",
    "Events",
    "Logging",
    "Name",
    "PermissionsBoundary",
    "Policies",
    "Role",
    "Tags",
    "Tracing",
    "Type",
];

pub(super) fn read(reading: &Reading<'_>) -> Result<MachineSpec> {
    let properties = &reading.properties;
    known(reading.id, properties, &PROPERTIES)?;
    let uri = properties["DefinitionUri"]
        .as_str()
        .ok_or_else(|| reading.error("the sandbox needs a DefinitionUri with a file's path"))?;
    let definition_file = reading.directory.join(uri);
    let text = fs::read_to_string(&definition_file)
        .map_err(|error| reading.error(format!("its definition {uri} cannot be read: {error}")))?;
    let filled = fill(reading, &text)?;
    let definition = serde_json::from_str(&filled)
        .map_err(|error| reading.error(format!("its definition {uri} is not JSON: {error}")))?;
    let name = reading.resolver.name(reading.id)?;
    Ok(MachineSpec {
        arn: place::arn("states", &format!("stateMachine:{name}")),
        name,
        definition_file,
        definition,
        kind: properties["Type"].as_str().unwrap_or("STANDARD").to_owned(),
        role: reading.role(),
        policies: properties.get("Policies").cloned().unwrap_or_default(),
    })
}

/// Fills `${Name}`. Every hole needs a substitution and every substitution a hole: both kinds of leftovers are typos.
fn fill(reading: &Reading<'_>, text: &str) -> Result<String> {
    let substitutions = &reading.properties["DefinitionSubstitutions"];
    let (mut filled, mut rest, mut used) = (String::new(), text, Vec::new());
    while let Some((before, after)) = rest.split_once("${") {
        filled.push_str(before);
        let hole = after.split_once('}').filter(|(name, _)| {
            !name.is_empty()
                && name
                    .chars()
                    .all(|letter| letter.is_ascii_alphanumeric() || letter == '_')
        });
        let Some((name, after)) = hole else {
            // Not a hole: an expression may well contain these two characters.
            filled.push_str("${");
            rest = after;
            continue;
        };
        let value = substitutions.get(name).ok_or_else(|| {
            reading.error(format!(
                "the hole ${{{name}}} of its definition has no substitution"
            ))
        })?;
        let value = as_text(value).ok_or_else(|| {
            reading.error(format!(
                "the substitution {name} is {value}, and text is expected"
            ))
        })?;
        // Inside a JSON string, without its quotes.
        let escaped = Value::String(value).to_string();
        filled.push_str(&escaped[1..escaped.len() - 1]);
        used.push(name);
        rest = after;
    }
    filled.push_str(rest);
    match members(substitutions).find(|(name, _)| !used.contains(&name.as_str())) {
        Some((name, _)) => Err(reading.error(format!(
            "the substitution {name} has no hole in its definition"
        ))),
        None => Ok(filled),
    }
}

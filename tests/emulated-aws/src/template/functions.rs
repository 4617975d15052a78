//! `AWS::Serverless::Function`.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{FunctionSpec, Reading, Result, as_text, known, members, number};
use ground::place;

/// Lambda's own default.
const DEFAULT_TIMEOUT_SECS: u64 = 3;
const DEFAULT_MEMORY_MB: u64 = 128;

/// What may stand in `Globals` and in a function alike.
const SHARED: [&str; 15] = [
    "Architectures",
    "CodeUri",
    "Description",
    "Environment",
    "EphemeralStorage",
    "EventInvokeConfig",
    "Handler",
    "KmsKeyArn",
    "LoggingConfig",
    "MemorySize",
    "PermissionsBoundary",
    "ReservedConcurrentExecutions",
    "Runtime",
    "Tags",
    "Timeout",
];
const OWN: [&str; 8] = [
    "DeadLetterQueue",
    "Events",
    "FunctionName",
    "Policies",
    "Role",
    "RolePath",
    "Tracing",
    "AssumeRolePolicyDocument",
];

pub(super) fn read(reading: &Reading<'_>) -> Result<FunctionSpec> {
    let (properties, globals) = (&reading.properties, &reading.globals["Function"]);
    let names = [SHARED.as_slice(), OWN.as_slice()].concat();
    known(reading.id, properties, &names)?;
    known("Globals.Function", globals, &names)?;
    let of = |name: &str| {
        properties
            .get(name)
            .or_else(|| globals.get(name))
            .cloned()
            .unwrap_or_default()
    };
    let retries = &of("EventInvokeConfig");
    known(
        reading.id,
        retries,
        &["MaximumRetryAttempts", "MaximumEventAgeInSeconds"],
    )?;
    let name = reading.resolver.name(reading.id)?;
    Ok(FunctionSpec {
        arn: place::arn("lambda", &format!("function:{name}")),
        name,
        package: package(reading)?,
        env: variables(reading, globals)?,
        timeout_secs: number(reading.id, "Timeout", &of("Timeout"))?
            .unwrap_or(DEFAULT_TIMEOUT_SECS),
        memory_mb: number(reading.id, "MemorySize", &of("MemorySize"))?
            .unwrap_or(DEFAULT_MEMORY_MB),
        role: reading.role(),
        policies: properties
            .get("Policies")
            .cloned()
            .unwrap_or_else(|| json!([])),
        event_retries: number(
            reading.id,
            "MaximumRetryAttempts",
            &retries["MaximumRetryAttempts"],
        )?,
        dead_letters: dead_letters(reading)?,
    })
}

/// The queue for events that the function gave up.
fn dead_letters(reading: &Reading<'_>) -> Result<Option<String>> {
    let queue = &reading.properties["DeadLetterQueue"];
    known(reading.id, queue, &["Type", "TargetArn"])?;
    match (queue["Type"].as_str(), queue["TargetArn"].as_str()) {
        (None, None) => Ok(None),
        (Some("SQS"), Some(arn)) => Ok(Some(arn.to_owned())),
        _ => Err(reading.error("the sandbox knows only queues for what a function gives up")),
    }
}

/// The folder of the code is the package. cargo-lambda's build names the binary too, and looks for it in that folder.
fn package(reading: &Reading<'_>) -> Result<String> {
    let binary = reading.resource["Metadata"]["BuildProperties"]["Binary"].as_str();
    let code = reading.properties["CodeUri"].as_str();
    let package = code
        .and_then(|uri| uri.trim_end_matches('/').rsplit('/').next())
        .ok_or_else(|| reading.error("no CodeUri names its package"))?;
    if let Some(binary) = binary.filter(|binary| *binary != package) {
        return Err(reading.error(format!(
            "the build looks for the binary {binary:?} in its CodeUri, which is {package:?}"
        )));
    }
    if reading.packages.contains(&package) {
        Ok(package.to_owned())
    } else {
        Err(reading.error(format!("there is no package {package:?}")))
    }
}

fn variables(reading: &Reading<'_>, globals: &Value) -> Result<BTreeMap<String, String>> {
    let mut variables = BTreeMap::new();
    for source in [globals, &reading.properties] {
        known(reading.id, &source["Environment"], &["Variables"])?;
        for (name, value) in members(&source["Environment"]["Variables"]) {
            let text = as_text(value).ok_or_else(|| {
                reading.error(format!(
                    "the variable {name} is {value}, and text is expected"
                ))
            })?;
            variables.insert(name.clone(), text);
        }
    }
    Ok(variables)
}

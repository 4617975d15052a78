//! What sets functions and state machines off: rules, schedules, subscriptions, written as resources or as SAM's events.

use serde_json::{Value, json};

use super::{Reading, Result, RuleSpec, STACK_NAME, TemplateError, Trigger, known, members};
use crate::events::{Input, Target};
use ground::place;

/// An event of a function or a state machine.
pub(super) enum Event {
    Rule(RuleSpec),
    /// The topic's ARN.
    Subscription(String),
}

/// `AWS::Events::Rule`.
pub(super) fn read(reading: &Reading<'_>) -> Result<RuleSpec> {
    let properties = &reading.properties;
    known(
        reading.id,
        properties,
        &[
            "Name",
            "Description",
            "EventPattern",
            "ScheduleExpression",
            "State",
            "Targets",
            "EventBusName",
        ],
    )?;
    default_bus(reading.id, properties)?;
    let mut targets = Vec::new();
    for target in properties["Targets"].as_array().into_iter().flatten() {
        known(
            reading.id,
            target,
            &[
                "Id",
                "Arn",
                "RoleArn",
                "Input",
                "InputPath",
                "InputTransformer",
                "RetryPolicy",
                "DeadLetterConfig",
            ],
        )?;
        let text = |name: &str| {
            target[name]
                .as_str()
                .ok_or_else(|| reading.error(format!("a target has no {name}")))
        };
        let role = target["RoleArn"]
            .as_str()
            .map(|arn| place::name_of(arn).to_owned());
        targets.push(Target {
            id: text("Id")?.to_owned(),
            arn: text("Arn")?.to_owned(),
            input: input(reading.id, target)?,
            role,
            dead_letters: dead_letters(reading.id, target)?,
        });
    }
    let trigger = trigger(
        reading.id,
        &properties["EventPattern"],
        &properties["ScheduleExpression"],
    )?;
    Ok(RuleSpec {
        name: reading.resolver.name(reading.id)?,
        trigger,
        enabled: enabled(properties),
        targets,
    })
}

/// `AWS::SNS::Subscription`: those of functions; people's are read from the record.
pub(super) fn subscription(reading: &Reading<'_>) -> Result<Option<(String, String)>> {
    let properties = &reading.properties;
    known(
        reading.id,
        properties,
        &["TopicArn", "Protocol", "Endpoint", "RawMessageDelivery"],
    )?;
    let text = |name: &str| {
        properties[name]
            .as_str()
            .ok_or_else(|| reading.error(format!("it has no {name}")))
    };
    match text("Protocol")? {
        "lambda" => Ok(Some((
            text("TopicArn")?.to_owned(),
            text("Endpoint")?.to_owned(),
        ))),
        "email" | "email-json" | "https" | "sms" => Ok(None),
        other => Err(reading.error(format!("the sandbox does not know the protocol {other}"))),
    }
}

/// An entry of `Events`.
pub(super) fn event(
    place: &str,
    id: &str,
    event: &Value,
    arn: &str,
    role: Option<&str>,
) -> Result<Event> {
    known(place, event, &["Type", "Properties"])?;
    let properties = &event["Properties"];
    let common = [
        "Input",
        "RetryPolicy",
        "DeadLetterConfig",
        "State",
        "Enabled",
        "Description",
    ];
    let check = |own: &[&str]| known(place, properties, &[common.as_slice(), own].concat());
    let none = Value::Null;
    let (trigger, name) = match event["Type"].as_str().unwrap_or_default() {
        "EventBridgeRule" | "CloudWatchEvent" => {
            check(&[
                "Pattern",
                "EventBusName",
                "InputPath",
                "InputTransformer",
                "RuleName",
                "Target",
            ])?;
            default_bus(place, properties)?;
            (
                trigger(place, &properties["Pattern"], &none)?,
                &properties["RuleName"],
            )
        }
        "Schedule" => {
            check(&["Schedule", "Name", "RoleArn"])?;
            (
                trigger(place, &none, &properties["Schedule"])?,
                &properties["Name"],
            )
        }
        "ScheduleV2" => {
            check(&[
                "ScheduleExpression",
                "ScheduleExpressionTimezone",
                "FlexibleTimeWindow",
                "Name",
                "RoleArn",
                "GroupName",
                "KmsKeyArn",
                "OmitName",
            ])?;
            of_its_own(place, properties)?;
            (
                trigger(place, &none, &properties["ScheduleExpression"])?,
                &properties["Name"],
            )
        }
        "SNS" => {
            known(place, properties, &["Topic"])?;
            return properties["Topic"]
                .as_str()
                .map(|topic| Event::Subscription(topic.to_owned()))
                .ok_or_else(|| TemplateError::new(place, "it has no Topic"));
        }
        other => {
            return Err(TemplateError::new(
                place,
                format!("the sandbox does not know the event type {other}"),
            ));
        }
    };
    let target_id = properties["Target"]["Id"]
        .as_str()
        .map_or_else(|| format!("{id}Target"), str::to_owned);
    let input = input(place, properties)?;
    let own = properties["RoleArn"].as_str();
    let role = own.map(ground::place::name_of).or(role).map(str::to_owned);
    let name = name
        .as_str()
        .map_or_else(|| format!("{STACK_NAME}-{id}"), str::to_owned);
    let targets = vec![Target {
        id: target_id,
        arn: arn.to_owned(),
        input,
        role,
        dead_letters: dead_letters(place, properties)?,
    }];
    Ok(Event::Rule(RuleSpec {
        name,
        trigger,
        enabled: enabled(properties),
        targets,
    }))
}

/// What SAM and Scheduler would fill in for a schedule is found by no other check before the deployment.
fn of_its_own(place: &str, properties: &Value) -> Result<()> {
    if properties["Input"].is_null() {
        return Err(TemplateError::new(
            place,
            "it has no Input, so Scheduler would send an event of its own",
        ));
    }
    if properties["OmitName"] != true && properties["Name"].is_null() {
        return Err(TemplateError::new(
            place,
            "it has neither a Name nor OmitName, so SAM would name it by its logical id, and a second stack in the account would want the same name",
        ));
    }
    Ok(())
}

/// The queue for what cannot be delivered; SAM can make one too, which nothing here needs.
fn dead_letters(place: &str, target: &Value) -> Result<Option<String>> {
    let config = &target["DeadLetterConfig"];
    known(place, config, &["Arn"])?;
    Ok(config["Arn"].as_str().map(str::to_owned))
}

fn trigger(place: &str, pattern: &Value, schedule: &Value) -> Result<Trigger> {
    match (pattern, schedule.as_str()) {
        (Value::Object(_), None) => Ok(Trigger::Pattern(pattern.clone())),
        (Value::Null, Some(schedule)) => Ok(Trigger::Schedule(schedule.to_owned())),
        _ => Err(TemplateError::new(
            place,
            "either a pattern or a schedule is expected",
        )),
    }
}

fn default_bus(place: &str, properties: &Value) -> Result<()> {
    match properties["EventBusName"].as_str() {
        None | Some("default") => Ok(()),
        Some(other) => Err(TemplateError::new(
            place,
            format!("the sandbox has only the default event bus, not {other}"),
        )),
    }
}

fn enabled(properties: &Value) -> bool {
    let off = |value: &Value| value == "DISABLED" || value == &json!(false) || value == "false";
    !off(&properties["State"]) && !off(&properties["Enabled"])
}

fn input(place: &str, properties: &Value) -> Result<Input> {
    let (constant, path, transformer) = (
        &properties["Input"],
        &properties["InputPath"],
        &properties["InputTransformer"],
    );
    match (constant, path, transformer) {
        (Value::Null, Value::Null, Value::Null) => Ok(Input::Whole),
        (Value::String(text), Value::Null, Value::Null) if text.contains("<aws.") => {
            Err(TemplateError::new(
                place,
                format!("the sandbox does not fill the holes of the input {text}"),
            ))
        }
        (Value::String(text), Value::Null, Value::Null) => {
            let constant = serde_json::from_str(text).map_err(|error| {
                TemplateError::new(place, format!("its Input is not JSON: {error}"))
            })?;
            Ok(Input::Constant(constant))
        }
        (Value::Null, Value::String(path), Value::Null) => Ok(Input::Path(path.clone())),
        (Value::Null, Value::Null, Value::Object(_)) => {
            known(place, transformer, &["InputPathsMap", "InputTemplate"])?;
            let template = transformer["InputTemplate"].as_str().ok_or_else(|| {
                TemplateError::new(place, "its InputTransformer has no InputTemplate")
            })?;
            let paths = members(&transformer["InputPathsMap"])
                .map(|(name, path)| (name.clone(), path.as_str().unwrap_or_default().to_owned()));
            Ok(Input::Transformer {
                paths: paths.collect(),
                template: template.to_owned(),
            })
        }
        _ => Err(TemplateError::new(
            place,
            "one of Input, InputPath and InputTransformer is expected, as text or as an object with its two members",
        )),
    }
}

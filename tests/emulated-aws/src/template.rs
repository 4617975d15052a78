//! The deployment template, read as it stands: what the region deploys is what AWS would.
//!
//! Reads `template.yaml` (SAM) with its parameters, conditions and intrinsic functions, and resolves everything. A resource type, property, tag or reference
//! that is not known is an error that names the resource, so a typo fails a test and not a deployment. Deliberately absent: nested stacks, macros,
//! exports, and permissions (kept as data for the checks of roles).
//!
//! Invariant: names are deterministic, `lifeguard-<LogicalId>` unless the template names the resource, or a deployment elsewhere gave it another.

mod functions;
mod intrinsics;
mod machines;
mod rules;
mod yaml;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Map, Value, json};

use crate::events::Target;
use ground::{place, remembered::Remembered};
use intrinsics::Resolver;

/// The stack's name, from which names of resources are made.
pub const STACK_NAME: &str = "lifeguard";

/// Resources that have no effect on the region: their properties are resolved, so that a wrong reference is found, and kept.
const PASSIVE: [&str; 14] = [
    "AWS::CloudWatch::Dashboard",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::KMS::Alias",
    "AWS::KMS::Key",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::Logs::MetricFilter",
    "AWS::Logs::QueryDefinition",
    "AWS::Logs::ResourcePolicy",
    "AWS::SNS::TopicPolicy",
    "AWS::SQS::Queue",
    "AWS::SQS::QueuePolicy",
];

/// Templates as they were read, by their text.
static TEMPLATES: Remembered<Value> = Remembered::new();

/// What is wrong with a template, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {wrong}")]
pub struct TemplateError {
    /// The resource, parameter or section.
    pub place: String,
    /// What is wrong there.
    pub wrong: String,
}

impl TemplateError {
    fn new(place: &str, wrong: impl Into<String>) -> Self {
        Self {
            place: place.to_owned(),
            wrong: wrong.into(),
        }
    }
}

type Result<T> = std::result::Result<T, TemplateError>;

/// A Lambda function.
#[derive(Clone, Debug, PartialEq)]
pub struct FunctionSpec {
    /// Its name on AWS.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The package in this workspace.
    pub package: String,
    /// Its variables, those of `Globals` included.
    pub env: BTreeMap<String, String>,
    /// Its time limit.
    pub timeout_secs: u64,
    /// Its memory.
    pub memory_mb: u64,
    /// The name of its role.
    pub role: String,
    /// Its policies, references resolved.
    pub policies: Value,
    /// How often an event is tried again, when the template says so.
    pub event_retries: Option<u64>,
    /// The ARN of the queue for events that are given up.
    pub dead_letters: Option<String>,
}

/// A state machine.
#[derive(Clone, Debug, PartialEq)]
pub struct MachineSpec {
    /// Its name on AWS.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// The file of its definition.
    pub definition_file: PathBuf,
    /// Its definition, holes filled.
    pub definition: Value,
    /// `STANDARD` or `EXPRESS`.
    pub kind: String,
    /// The name of its role.
    pub role: String,
    /// Its policies, references resolved.
    pub policies: Value,
}

/// A rule, written as one or as an event of a function or state machine.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleSpec {
    /// Its name.
    pub name: String,
    /// What sets it off.
    pub trigger: Trigger,
    /// Whether it is on.
    pub enabled: bool,
    /// What it calls.
    pub targets: Vec<Target>,
}

/// What sets a rule off.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// Events like this.
    Pattern(Value),
    /// Time: `rate(5 minutes)`.
    Schedule(String),
}

/// Any other resource: a table, topic, alarm, or one without effect here.
#[derive(Clone, Debug, PartialEq)]
pub struct ResourceSpec {
    /// `AWS::DynamoDB::Table`
    pub kind: String,
    /// Its name on AWS.
    pub name: String,
    /// Its properties, resolved; a table's and an alarm's have their name filled in.
    pub properties: Value,
}

/// A template, resolved. By logical id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Stack {
    /// Lambda functions.
    pub functions: BTreeMap<String, FunctionSpec>,
    /// State machines.
    pub state_machines: BTreeMap<String, MachineSpec>,
    /// DynamoDB tables.
    pub tables: BTreeMap<String, ResourceSpec>,
    /// SNS topics.
    pub topics: BTreeMap<String, ResourceSpec>,
    /// Functions subscribed to topics: topic ARN, function ARN.
    pub subscriptions: Vec<(String, String)>,
    /// Metric alarms.
    pub alarms: BTreeMap<String, ResourceSpec>,
    /// Composite alarms.
    pub composite_alarms: BTreeMap<String, ResourceSpec>,
    /// Rules, by the logical id of the resource, or of its owner and event together.
    pub rules: BTreeMap<String, RuleSpec>,
    /// Known resources without effect of their own: log groups, roles, queues and policies.
    pub passive: BTreeMap<String, ResourceSpec>,
    /// The values the parameters have.
    pub parameters: BTreeMap<String, String>,
    /// Outputs.
    pub outputs: BTreeMap<String, Value>,
}

impl Stack {
    /// Reads and resolves the template at `path`. `overrides` are parameter values; `packages` are the functions that exist.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn load(
        path: &Path,
        overrides: &BTreeMap<String, String>,
        packages: &[&str],
    ) -> Result<Self> {
        Self::load_named(path, overrides, &BTreeMap::new(), packages)
    }

    /// The same, with the names that a deployment gave: name by logical id.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn load_named(
        path: &Path,
        overrides: &BTreeMap<String, String>,
        names: &BTreeMap<String, String>,
        packages: &[&str],
    ) -> Result<Self> {
        let shown = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let text = fs::read_to_string(path)
            .map_err(|error| TemplateError::new(&shown, error.to_string()))?;
        Self::read_named(
            &text,
            path.parent().unwrap_or(Path::new("")),
            overrides,
            names,
            packages,
        )
    }

    /// The same from text; definitions of state machines are looked up from `directory`.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn read(
        text: &str,
        directory: &Path,
        overrides: &BTreeMap<String, String>,
        packages: &[&str],
    ) -> Result<Self> {
        Self::read_named(text, directory, overrides, &BTreeMap::new(), packages)
    }

    fn read_named(
        text: &str,
        directory: &Path,
        overrides: &BTreeMap<String, String>,
        names: &BTreeMap<String, String>,
        packages: &[&str],
    ) -> Result<Self> {
        let template = TEMPLATES.of(text, || yaml::read(text))?;
        let sections = [
            "AWSTemplateFormatVersion",
            "Transform",
            "Description",
            "Metadata",
            "Parameters",
            "Mappings",
            "Rules",
            "Conditions",
            "Globals",
            "Resources",
            "Outputs",
        ];
        known("the template", &template, &sections)?;
        let resolver = Resolver::new(&template, overrides, names)?;
        resolver.check_rules()?;
        let mut stack = Self {
            parameters: resolver.parameters(),
            ..Self::default()
        };
        let globals = resolver
            .resolve("Globals", &template["Globals"])?
            .unwrap_or_default();
        known("Globals", &globals, &["Function"])?;
        for (id, resource) in members(&template["Resources"]) {
            known(
                id,
                resource,
                &[
                    "Type",
                    "Properties",
                    "Condition",
                    "DependsOn",
                    "DeletionPolicy",
                    "UpdateReplacePolicy",
                    "Metadata",
                ],
            )?;
            resolver.check_dependencies(id, resource)?;
            if !resolver.exists(id)? {
                continue;
            }
            let properties = resolver
                .resolve(id, &resource["Properties"])?
                .unwrap_or_else(|| json!({}));
            let reading = Reading {
                id,
                resource,
                properties,
                globals: &globals,
                resolver: &resolver,
                directory,
                packages,
            };
            stack.add(&reading)?;
        }
        for (name, output) in members(&template["Outputs"]) {
            if let Some(value) = resolver.resolve(name, &output["Value"])? {
                stack.outputs.insert(name.clone(), value);
            }
        }
        Ok(stack)
    }

    fn add(&mut self, reading: &Reading<'_>) -> Result<()> {
        let id = reading.id.to_owned();
        match reading.kind() {
            "AWS::Serverless::Function" => {
                let function = functions::read(reading)?;
                self.add_events(reading, &function.arn, None)?;
                self.functions.insert(id, function);
            }
            "AWS::Serverless::StateMachine" => {
                let machine = machines::read(reading)?;
                self.add_events(
                    reading,
                    &machine.arn,
                    Some(&format!("{}EventsRole", reading.resolver.name(reading.id)?)),
                )?;
                self.state_machines.insert(id, machine);
            }
            "AWS::DynamoDB::Table" => {
                self.tables.insert(id, reading.named("TableName")?);
            }
            "AWS::SNS::Topic" => {
                self.topics.insert(id, reading.named("TopicName")?);
            }
            "AWS::SNS::Subscription" => self.subscriptions.extend(rules::subscription(reading)?),
            "AWS::CloudWatch::Alarm" => {
                self.alarms.insert(id, reading.named("AlarmName")?);
            }
            "AWS::CloudWatch::CompositeAlarm" => {
                self.composite_alarms
                    .insert(id, reading.named("AlarmName")?);
            }
            "AWS::Events::Rule" => {
                self.rules.insert(id, rules::read(reading)?);
            }
            kind if PASSIVE.contains(&kind) => {
                let name = reading.resolver.name(reading.id)?;
                self.passive.insert(
                    id,
                    ResourceSpec {
                        kind: kind.to_owned(),
                        name,
                        properties: reading.properties.clone(),
                    },
                );
            }
            kind => {
                return Err(TemplateError::new(
                    reading.id,
                    format!("the sandbox does not know the resource type {kind}"),
                ));
            }
        }
        Ok(())
    }

    fn add_events(&mut self, reading: &Reading<'_>, arn: &str, role: Option<&str>) -> Result<()> {
        for (name, event) in members(&reading.properties["Events"]) {
            let place = format!("{}.{name}", reading.id);
            match rules::event(&place, &format!("{}{name}", reading.id), event, arn, role)? {
                rules::Event::Rule(rule) => {
                    self.rules.insert(format!("{}{name}", reading.id), rule);
                }
                rules::Event::Subscription(topic) => {
                    self.subscriptions.push((topic, arn.to_owned()))
                }
            }
        }
        Ok(())
    }
}

/// One resource while it is read.
struct Reading<'a> {
    id: &'a str,
    resource: &'a Value,
    /// Resolved.
    properties: Value,
    globals: &'a Value,
    resolver: &'a Resolver<'a>,
    directory: &'a Path,
    packages: &'a [&'a str],
}

impl Reading<'_> {
    fn kind(&self) -> &str {
        self.resource["Type"].as_str().unwrap_or_default()
    }

    fn error(&self, wrong: impl Into<String>) -> TemplateError {
        TemplateError::new(self.id, wrong)
    }

    /// The resource with its name filled in as the property that may name it.
    fn named(&self, property: &str) -> Result<ResourceSpec> {
        let name = self.resolver.name(self.id)?;
        let mut properties = self.properties.clone();
        properties[property] = json!(name);
        Ok(ResourceSpec {
            kind: self.kind().to_owned(),
            name,
            properties,
        })
    }

    /// The name of the role a function or state machine runs with: its own, or the one SAM makes.
    fn role(&self) -> String {
        self.properties["Role"].as_str().map_or_else(
            || format!("{STACK_NAME}-{}Role", self.id),
            |arn| place::name_of(arn).to_owned(),
        )
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

fn known(place: &str, value: &Value, names: &[&str]) -> Result<()> {
    match members(value)
        .map(|(name, _)| name)
        .find(|name| !names.contains(&name.as_str()))
    {
        Some(name) => Err(TemplateError::new(
            place,
            format!("the sandbox does not know {name} here"),
        )),
        None => Ok(()),
    }
}

/// A number, written as one or as text (a parameter's value is text).
fn number(place: &str, name: &str, value: &Value) -> Result<Option<u64>> {
    match value {
        Value::Null => Ok(None),
        Value::Number(number) if number.is_u64() => Ok(number.as_u64()),
        Value::String(text) if text.parse::<u64>().is_ok() => Ok(text.parse().ok()),
        other => Err(TemplateError::new(
            place,
            format!("{name} is {other}, and a whole number is expected"),
        )),
    }
}

/// A scalar as text.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;

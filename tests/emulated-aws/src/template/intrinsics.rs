//! Parameters, conditions, references: everything in a template that stands for something else.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::{PASSIVE, Result, STACK_NAME, TemplateError, as_text, members};
use ground::place::{self, ACCOUNT, REGION};

/// What a value may be given for as for a parameter: the stack's name.
const STACK: &str = "AWS::StackName";
/// A name may be made from other names, but not for ever.
const MAX_NAME_DEPTH: u8 = 16;
/// How the refusal of a reference to a resource ends whose condition does not hold.
const NOT_MADE: &str = "whose condition does not hold";
/// A role that SAM makes for a function or a state machine without one.
const MADE_BY_SAM: &str = "made by SAM";
/// A rule that SAM makes of an event.
const RULE_OF_SAM: &str = "a rule made by SAM";

pub(super) struct Resolver<'a> {
    template: &'a Value,
    parameters: BTreeMap<String, Value>,
    names: &'a BTreeMap<String, String>,
    /// Another name of the stack than the usual one: what refers to it has it, names of resources do not.
    stack: Option<&'a String>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(
        template: &'a Value,
        overrides: &'a BTreeMap<String, String>,
        names: &'a BTreeMap<String, String>,
    ) -> Result<Self> {
        let mut parameters = BTreeMap::new();
        for (name, parameter) in members(&template["Parameters"]) {
            parameters.insert(
                name.clone(),
                parameter_value(name, parameter, overrides.get(name))?,
            );
        }
        if let Some(name) = overrides
            .keys()
            .find(|name| !parameters.contains_key(*name) && *name != STACK)
        {
            return Err(TemplateError::new(
                "Parameters",
                format!("a value is given for {name}, which is not there"),
            ));
        }
        Ok(Self {
            template,
            parameters,
            names,
            stack: overrides.get(STACK),
        })
    }

    pub(super) fn parameters(&self) -> BTreeMap<String, String> {
        self.parameters
            .iter()
            .map(|(name, value)| {
                (
                    name.clone(),
                    as_text(value).unwrap_or_else(|| value.to_string()),
                )
            })
            .collect()
    }

    /// The section `Rules`: what the parameters' own patterns cannot say, because it is about several of them.
    pub(super) fn check_rules(&self) -> Result<()> {
        for (name, rule) in members(&self.template["Rules"]) {
            super::known(name, rule, &["RuleCondition", "Assertions"])?;
            if rule.get("RuleCondition").is_some()
                && !self.condition(name, &rule["RuleCondition"])?
            {
                continue;
            }
            for assertion in rule["Assertions"].as_array().into_iter().flatten() {
                super::known(name, assertion, &["Assert", "AssertDescription"])?;
                if !self.condition(name, &assertion["Assert"])? {
                    return Err(TemplateError::new(
                        name,
                        assertion["AssertDescription"]
                            .as_str()
                            .unwrap_or("an assertion does not hold"),
                    ));
                }
            }
        }
        Ok(())
    }

    /// Whether the resource is made: its condition holds, or it has none.
    pub(super) fn exists(&self, id: &str) -> Result<bool> {
        match &self.template["Resources"][id]["Condition"] {
            Value::Null => Ok(true),
            name => self.condition(id, &json!({ "Condition": name })),
        }
    }

    pub(super) fn check_dependencies(&self, id: &str, resource: &Value) -> Result<()> {
        let named = match &resource["DependsOn"] {
            Value::String(one) => vec![one.as_str()],
            many => many
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .collect(),
        };
        match named
            .into_iter()
            .find(|name| self.template["Resources"].get(name).is_none())
        {
            Some(name) => Err(TemplateError::new(
                id,
                format!("DependsOn names {name}, which is not there"),
            )),
            None => Ok(()),
        }
    }

    /// The resource's name on AWS.
    pub(super) fn name(&self, id: &str) -> Result<String> {
        self.name_within(id, MAX_NAME_DEPTH)
    }

    /// Everything resolved; None for `AWS::NoValue`.
    pub(super) fn resolve(&self, place: &str, value: &Value) -> Result<Option<Value>> {
        self.within(place, value, MAX_NAME_DEPTH)
    }

    fn name_within(&self, id: &str, depth: u8) -> Result<String> {
        let depth = depth
            .checked_sub(1)
            .ok_or_else(|| TemplateError::new(id, "its name is made from itself"))?;
        if let Some(name) = self.names.get(id) {
            return Ok(name.clone());
        }
        let resource = &self.template["Resources"][id];
        let property = match resource["Type"].as_str().unwrap_or_default() {
            "AWS::Serverless::Function" => "FunctionName",
            "AWS::Serverless::StateMachine" | "AWS::Events::Rule" => "Name",
            "AWS::DynamoDB::Table" => "TableName",
            "AWS::SNS::Topic" => "TopicName",
            "AWS::CloudWatch::Alarm" | "AWS::CloudWatch::CompositeAlarm" => "AlarmName",
            "AWS::CloudWatch::Dashboard" => "DashboardName",
            "AWS::Logs::LogGroup" => "LogGroupName",
            "AWS::IAM::Role" => "RoleName",
            "AWS::SQS::Queue" => "QueueName",
            _ => "",
        };
        match resource["Properties"].get(property) {
            None => Ok(format!("{STACK_NAME}-{id}")),
            Some(name) => match self.within(id, name, depth)? {
                Some(Value::String(name)) => Ok(name),
                Some(other) => Err(TemplateError::new(
                    id,
                    format!("its {property} is {other}, and text is expected"),
                )),
                None => Ok(format!("{STACK_NAME}-{id}")),
            },
        }
    }

    fn within(&self, place: &str, value: &Value, depth: u8) -> Result<Option<Value>> {
        match value {
            Value::Array(values) => {
                let mut resolved = Vec::new();
                for value in values {
                    resolved.extend(self.within(place, value, depth)?);
                }
                Ok(Some(Value::Array(resolved)))
            }
            Value::Object(object) => match single(object) {
                Some((function, argument)) if function == "Ref" || function.starts_with("Fn::") => {
                    self.intrinsic(place, function, argument, depth)
                }
                _ => {
                    let mut resolved = Map::new();
                    for (name, value) in object {
                        if let Some(value) = self.within(place, value, depth)? {
                            resolved.insert(name.clone(), value);
                        }
                    }
                    Ok(Some(Value::Object(resolved)))
                }
            },
            other => Ok(Some(other.clone())),
        }
    }

    fn intrinsic(
        &self,
        place: &str,
        function: &str,
        argument: &Value,
        depth: u8,
    ) -> Result<Option<Value>> {
        let wrong = || TemplateError::new(place, format!("{function} cannot take {argument}"));
        match function {
            "Ref" if argument == "AWS::NoValue" => Ok(None),
            "Ref" => self
                .reference(place, argument.as_str().ok_or_else(wrong)?, depth)
                .map(Some),
            "Fn::GetAtt" => {
                let parts: Vec<&str> = argument
                    .as_array()
                    .into_iter()
                    .flatten()
                    .filter_map(Value::as_str)
                    .collect();
                let [id, attribute] = parts[..] else {
                    return Err(wrong());
                };
                self.attribute(place, id, attribute, depth).map(Some)
            }
            "Fn::Sub" => self.substitute(place, argument, depth).map(Some),
            "Fn::If" => {
                let [condition, yes, no] =
                    argument.as_array().map(Vec::as_slice).unwrap_or_default()
                else {
                    return Err(wrong());
                };
                let (taken, other) = if self.condition(place, &json!({ "Condition": condition }))? {
                    (yes, no)
                } else {
                    (no, yes)
                };
                // A typo in the side not taken is a typo too; only there may a resource be named that is not made.
                match self.within(place, other, depth) {
                    Err(error) if !error.wrong.ends_with(NOT_MADE) => Err(error),
                    _ => self.within(place, taken, depth),
                }
            }
            "Fn::Join" => {
                let (separator, values) = (
                    argument[0].as_str().ok_or_else(wrong)?,
                    self.within(place, &argument[1], depth)?,
                );
                let texts: Option<Vec<String>> = values
                    .as_ref()
                    .and_then(Value::as_array)
                    .map(|values| values.iter().filter_map(as_text).collect());
                Ok(Some(json!(texts.ok_or_else(wrong)?.join(separator))))
            }
            "Fn::Split" => {
                let (separator, text) = (
                    argument[0].as_str().ok_or_else(wrong)?,
                    self.within(place, &argument[1], depth)?,
                );
                let text = text.as_ref().and_then(Value::as_str).ok_or_else(wrong)?;
                Ok(Some(text.split(separator).map(Value::from).collect()))
            }
            "Fn::Select" => {
                let index = argument[0]
                    .as_u64()
                    .or_else(|| argument[0].as_str()?.parse().ok())
                    .and_then(|index| usize::try_from(index).ok());
                let values = self.within(place, &argument[1], depth)?.unwrap_or_default();
                Ok(Some(
                    index
                        .and_then(|index| values.get(index))
                        .cloned()
                        .ok_or_else(wrong)?,
                ))
            }
            "Fn::FindInMap" => {
                let [map, top, second] = argument.as_array().map(Vec::as_slice).unwrap_or_default()
                else {
                    return Err(wrong());
                };
                self.in_map(place, [map, top, second], depth).map(Some)
            }
            _ => Err(TemplateError::new(
                place,
                format!("the sandbox does not know {function}"),
            )),
        }
    }

    /// What stands in the section `Mappings` under these three keys.
    fn in_map(&self, place: &str, keys: [&Value; 3], depth: u8) -> Result<Value> {
        let mut found = &self.template["Mappings"];
        for key in keys {
            let key = self.within(place, key, depth)?.as_ref().and_then(as_text);
            let key = key.unwrap_or_default();
            found = found.get(&key).ok_or_else(|| {
                TemplateError::new(place, format!("the mappings have no {key:?} there"))
            })?;
        }
        Ok(found.clone())
    }

    fn reference(&self, place: &str, name: &str, depth: u8) -> Result<Value> {
        if let Some(value) = self.parameters.get(name) {
            return Ok(value.clone());
        }
        if let Some(named) = self.stack.filter(|_| name == STACK) {
            return Ok(json!(named));
        }
        if let Some(value) = pseudo(name) {
            return Ok(json!(value));
        }
        let Some(kind) = self.kind(place, name)? else {
            return Err(TemplateError::new(
                place,
                format!("it refers to {name}, which is neither a parameter nor a resource"),
            ));
        };
        match kind {
            // These two are known by their ARN.
            "AWS::SNS::Topic" | "AWS::Serverless::StateMachine" => {
                self.arn(place, name, kind, depth).map(Value::from)
            }
            MADE_BY_SAM | RULE_OF_SAM => Ok(json!(format!("{STACK_NAME}-{name}"))),
            _ => self.name_within(name, depth).map(Value::from),
        }
    }

    fn attribute(&self, place: &str, id: &str, attribute: &str, depth: u8) -> Result<Value> {
        let Some(kind) = self.kind(place, id)? else {
            return Err(TemplateError::new(
                place,
                format!("it takes {attribute} of {id}, which is not a resource"),
            ));
        };
        match (kind, attribute) {
            (MADE_BY_SAM, "Arn") => Ok(json!(role_arn(&format!("{STACK_NAME}-{id}")))),
            (RULE_OF_SAM, "Arn") => Ok(json!(place::arn(
                "events",
                &format!("rule/{STACK_NAME}-{id}")
            ))),
            ("AWS::SNS::Topic", "TopicArn") => self.arn(place, id, kind, depth).map(Value::from),
            ("AWS::SNS::Topic", "TopicName")
            | ("AWS::Serverless::StateMachine", "Name")
            | ("AWS::SQS::Queue", "QueueName") => self.name_within(id, depth).map(Value::from),
            (_, "Arn") if kind != "AWS::SNS::Topic" => {
                self.arn(place, id, kind, depth).map(Value::from)
            }
            ("AWS::KMS::Key", "KeyId") | ("AWS::IAM::Role", "RoleId") => {
                self.name_within(id, depth).map(Value::from)
            }
            _ => Err(TemplateError::new(
                place,
                format!("{id}, a {kind}, has no attribute {attribute} that the sandbox knows"),
            )),
        }
    }

    /// The type of a resource that is made; None when there is no such resource.
    fn kind(&self, place: &str, id: &str) -> Result<Option<&str>> {
        let resources = &self.template["Resources"];
        if let Some(kind) = resources
            .get(id)
            .map(|resource| resource["Type"].as_str().unwrap_or_default())
        {
            return if self.exists(id)? {
                Ok(Some(kind))
            } else {
                Err(TemplateError::new(
                    place,
                    format!("it refers to {id}, {NOT_MADE}"),
                ))
            };
        }
        // A role that SAM makes for a function or state machine without one.
        let owner = id
            .strip_suffix("Role")
            .and_then(|owner| resources.get(owner));
        let makes = owner.is_some_and(|owner| {
            owner["Type"]
                .as_str()
                .is_some_and(|kind| kind.starts_with("AWS::Serverless::"))
                && owner["Properties"].get("Role").is_none()
        });
        Ok(makes
            .then_some(MADE_BY_SAM)
            .or_else(|| self.is_rule_of_sam(id).then_some(RULE_OF_SAM)))
    }

    /// Whether SAM makes a rule of this logical id: its owner's, followed by the event's.
    fn is_rule_of_sam(&self, id: &str) -> bool {
        members(&self.template["Resources"]).any(|(owner, resource)| {
            id.strip_prefix(owner.as_str()).is_some_and(|event| {
                resource["Properties"]["Events"][event]["Type"] == "EventBridgeRule"
            })
        })
    }

    fn arn(&self, place: &str, id: &str, kind: &str, depth: u8) -> Result<String> {
        let name = self.name_within(id, depth)?;
        Ok(match kind {
            "AWS::Serverless::Function" => place::arn("lambda", &format!("function:{name}")),
            "AWS::Serverless::StateMachine" => {
                place::arn("states", &format!("stateMachine:{name}"))
            }
            "AWS::DynamoDB::Table" => place::arn("dynamodb", &format!("table/{name}")),
            "AWS::SNS::Topic" => place::arn("sns", &name),
            "AWS::Events::Rule" => place::arn("events", &format!("rule/{name}")),
            "AWS::CloudWatch::Alarm" | "AWS::CloudWatch::CompositeAlarm" => {
                place::arn("cloudwatch", &format!("alarm:{name}"))
            }
            "AWS::Logs::LogGroup" => {
                format!("{}:*", place::arn("logs", &format!("log-group:{name}")))
            }
            "AWS::SQS::Queue" => place::arn("sqs", &name),
            "AWS::KMS::Key" => place::arn("kms", &format!("key/{name}")),
            "AWS::IAM::Role" => role_arn(&name),
            other if PASSIVE.contains(&other) => {
                return Err(TemplateError::new(
                    place,
                    format!("{id}, a {other}, has no Arn"),
                ));
            }
            other => {
                return Err(TemplateError::new(
                    place,
                    format!("the sandbox knows no Arn of {id}, a {other}"),
                ));
            }
        })
    }

    fn substitute(&self, place: &str, argument: &Value, depth: u8) -> Result<Value> {
        let none = Value::Null;
        let (text, own) = match argument {
            Value::String(text) => (text.as_str(), &none),
            _ => (argument[0].as_str().unwrap_or_default(), &argument[1]),
        };
        let mut filled = String::new();
        let mut rest = text;
        let mut used = Vec::new();
        while let Some((before, after)) = rest.split_once("${") {
            let (hole, after) = after.split_once('}').ok_or_else(|| {
                TemplateError::new(place, format!("the hole in {text:?} does not end"))
            })?;
            filled.push_str(before);
            filled.push_str(&match hole.strip_prefix('!') {
                Some(literal) => format!("${{{literal}}}"),
                None => self.hole(place, hole.trim(), own, depth)?,
            });
            used.push(hole.trim());
            rest = after;
        }
        filled.push_str(rest);
        match members(own).find(|(name, _)| !used.contains(&name.as_str())) {
            Some((name, _)) => Err(TemplateError::new(
                place,
                format!("the substitution {name} has no hole in {text:?}"),
            )),
            None => Ok(json!(filled)),
        }
    }

    fn hole(&self, place: &str, hole: &str, own: &Value, depth: u8) -> Result<String> {
        let value = match (own.get(hole), hole.split_once('.')) {
            (Some(value), _) => self.within(place, value, depth)?.unwrap_or_default(),
            (None, Some((id, attribute))) => self.attribute(place, id, attribute, depth)?,
            (None, None) => self.reference(place, hole, depth)?,
        };
        as_text(&value).ok_or_else(|| {
            TemplateError::new(
                place,
                format!("${{{hole}}} is {value}, and text is expected"),
            )
        })
    }

    fn condition(&self, place: &str, value: &Value) -> Result<bool> {
        let object = value.as_object().and_then(single);
        let Some((function, argument)) = object else {
            return Err(TemplateError::new(
                place,
                format!("{value} is no condition"),
            ));
        };
        let list = || argument.as_array().map(Vec::as_slice).unwrap_or_default();
        match function {
            "Condition" => {
                let name = argument.as_str().unwrap_or_default();
                match self.template["Conditions"].get(name) {
                    Some(condition) => self.condition(name, condition),
                    None => Err(TemplateError::new(
                        place,
                        format!("there is no condition {argument}"),
                    )),
                }
            }
            "Fn::Equals" => {
                let [left, right] = list() else {
                    return Err(TemplateError::new(place, "Fn::Equals compares two values"));
                };
                let text = |value: &Value| {
                    self.resolve(place, value)
                        .map(|value| value.as_ref().and_then(as_text))
                };
                Ok(text(left)? == text(right)?)
            }
            // Only in rules.
            "Fn::Contains" => {
                let [values, value] = list() else {
                    return Err(TemplateError::new(
                        place,
                        "Fn::Contains takes a list and a value",
                    ));
                };
                let (values, value) = (
                    self.resolve(place, values)?.unwrap_or_default(),
                    self.resolve(place, value)?.as_ref().and_then(as_text),
                );
                Ok(values
                    .as_array()
                    .into_iter()
                    .flatten()
                    .any(|one| as_text(one) == value))
            }
            "Fn::Not" => self.condition(place, &argument[0]).map(|holds| !holds),
            "Fn::And" => list()
                .iter()
                .try_fold(true, |all, one| Ok(self.condition(place, one)? && all)),
            "Fn::Or" => list()
                .iter()
                .try_fold(false, |any, one| Ok(self.condition(place, one)? || any)),
            other => Err(TemplateError::new(
                place,
                format!("the sandbox does not know {other} in a condition"),
            )),
        }
    }
}

/// Roles belong to no region.
fn role_arn(name: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:role/{name}")
}

fn single(object: &Map<String, Value>) -> Option<(&str, &Value)> {
    let mut members = object.iter();
    match (members.next(), members.next()) {
        (Some((name, value)), None) => Some((name, value)),
        _ => None,
    }
}

fn pseudo(name: &str) -> Option<String> {
    Some(match name {
        "AWS::Region" => REGION.to_owned(),
        "AWS::AccountId" => ACCOUNT.to_owned(),
        "AWS::Partition" => "aws".to_owned(),
        "AWS::URLSuffix" => "amazonaws.com".to_owned(),
        "AWS::StackName" => STACK_NAME.to_owned(),
        "AWS::StackId" => place::arn("cloudformation", &format!("stack/{STACK_NAME}/sandbox")),
        _ => return None,
    })
}

fn parameter_value(name: &str, parameter: &Value, given: Option<&String>) -> Result<Value> {
    let wrong = |wrong: String| TemplateError::new(name, wrong);
    super::known(
        name,
        parameter,
        &[
            "Type",
            "Default",
            "Description",
            "AllowedValues",
            "AllowedPattern",
            "ConstraintDescription",
            "MinValue",
            "MaxValue",
            "MinLength",
            "MaxLength",
            "NoEcho",
        ],
    )?;
    let text = given
        .cloned()
        .or_else(|| as_text(&parameter["Default"]))
        .ok_or_else(|| wrong("it has neither a value nor a default".to_owned()))?;
    let allowed: Vec<String> = parameter["AllowedValues"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(as_text)
        .collect();
    // What the console shows: the template's own words where it has some.
    let said = |otherwise: String| {
        parameter["ConstraintDescription"]
            .as_str()
            .map_or(otherwise, |said| format!("{text:?}: {said}"))
    };
    if !allowed.is_empty() && !allowed.contains(&text) {
        return Err(wrong(said(format!("{text:?} is none of {allowed:?}"))));
    }
    if let Some(pattern) = parameter["AllowedPattern"].as_str() {
        let anchored = regex_lite::Regex::new(&format!("^(?:{pattern})$"))
            .map_err(|error| wrong(format!("its AllowedPattern cannot be read: {error}")))?;
        if !anchored.is_match(&text) {
            return Err(wrong(said(format!("{text:?} does not match {pattern}"))));
        }
    }
    match parameter["Type"].as_str().unwrap_or_default() {
        "String" => Ok(json!(text)),
        "Number" => {
            let number: f64 = text
                .parse()
                .map_err(|_| wrong(said(format!("{text:?} is not a number"))))?;
            let bound =
                |name: &str| as_text(&parameter[name]).and_then(|bound| bound.parse::<f64>().ok());
            if bound("MinValue").is_some_and(|least| number < least)
                || bound("MaxValue").is_some_and(|most| number > most)
            {
                return Err(wrong(said(format!("{text} is out of bounds"))));
            }
            Ok(json!(text))
        }
        "CommaDelimitedList" => Ok(text
            .split(',')
            .map(str::trim)
            .filter(|one| !one.is_empty())
            .map(Value::from)
            .collect()),
        other => Err(wrong(format!(
            "the sandbox does not know the parameter type {other:?}"
        ))),
    }
}

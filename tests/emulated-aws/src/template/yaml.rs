//! YAML with CloudFormation's short tags, as JSON with the long form of each intrinsic function.

use serde_json::{Map, Value, json};
use serde_yaml_ng::Value as Yaml;

use super::{Result, TemplateError};

pub(super) fn read(text: &str) -> Result<Value> {
    let yaml: Yaml = serde_yaml_ng::from_str(text)
        .map_err(|error| TemplateError::new("the template", error.to_string()))?;
    convert(yaml)
}

fn convert(yaml: Yaml) -> Result<Value> {
    match yaml {
        Yaml::Null => Ok(Value::Null),
        Yaml::Bool(truth) => Ok(json!(truth)),
        Yaml::Number(number) => Ok(match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => json!(whole),
            (None, fraction) => json!(fraction),
        }),
        Yaml::String(text) => Ok(json!(text)),
        Yaml::Sequence(values) => values.into_iter().map(convert).collect(),
        Yaml::Mapping(mapping) => {
            let mut members = Map::new();
            for (name, value) in mapping {
                members.insert(key(name)?, convert(value)?);
            }
            Ok(Value::Object(members))
        }
        Yaml::Tagged(tagged) => intrinsic(&tagged.tag.to_string(), convert(tagged.value)?),
    }
}

fn key(yaml: Yaml) -> Result<String> {
    match yaml {
        Yaml::String(text) => Ok(text),
        // A date that nobody quoted, 2012-10-17, is text; a bare number may be an account.
        Yaml::Number(number) => Ok(number.to_string()),
        other => Err(TemplateError::new(
            "the template",
            format!("{other:?} is no name of a member"),
        )),
    }
}

fn intrinsic(tag: &str, value: Value) -> Result<Value> {
    let long = match tag.trim_start_matches('!') {
        "Ref" => "Ref",
        "Condition" => "Condition",
        "GetAtt" => "Fn::GetAtt",
        "Sub" => "Fn::Sub",
        "If" => "Fn::If",
        "Equals" => "Fn::Equals",
        "Not" => "Fn::Not",
        "And" => "Fn::And",
        "Or" => "Fn::Or",
        "Join" => "Fn::Join",
        "FindInMap" => "Fn::FindInMap",
        "Select" => "Fn::Select",
        "Split" => "Fn::Split",
        _ => {
            return Err(TemplateError::new(
                "the template",
                format!("the sandbox does not know the tag {tag}"),
            ));
        }
    };
    let value = match (long, &value) {
        ("Fn::GetAtt", Value::String(text)) => match text.split_once('.') {
            Some((resource, attribute)) => json!([resource, attribute]),
            None => {
                return Err(TemplateError::new(
                    "the template",
                    format!("!GetAtt {text} names no attribute"),
                ));
            }
        },
        _ => value,
    };
    Ok(json!({ long: value }))
}

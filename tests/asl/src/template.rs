//! JSON in which any string may be a JSONata expression: what Arguments, Output, Assign and the single-valued fields are made of.

use serde_json::{Map, Value};

use super::expression::{Expression, Needs, Scope};

/// Such a value. A part without expressions is kept as it is, untouched by JSONata's numbers.
#[derive(Debug)]
pub(super) enum Template {
    /// No expression inside.
    Literal(Value),
    /// `"{% … %}"`.
    Expression(Expression),
    /// An array with an expression somewhere inside.
    Array(Vec<Template>),
    /// An object with an expression somewhere inside, its keys in order.
    Object(Vec<(String, Template)>),
}

/// An evaluation that failed: where in the state, and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct QueryFailure {
    /// `Arguments/application` for example.
    pub(super) location: String,
    /// What AWS tells in the error's cause, without the state's name.
    pub(super) cause: String,
}

impl Template {
    /// Reads a value; `at` is where it stands, for the message.
    pub(super) fn parse(value: Value, at: &str) -> Result<Self, String> {
        match value {
            Value::String(text) => Self::parse_text(text, at),
            Value::Array(items) => {
                let items = items
                    .into_iter()
                    .enumerate()
                    .map(|(index, item)| Self::parse(item, &format!("{at}/{index}")))
                    .collect::<Result<Vec<_>, _>>()?;
                Ok(Self::Array(items).collapsed())
            }
            Value::Object(fields) => {
                let mut read = Vec::with_capacity(fields.len());
                for (name, value) in fields {
                    if name.ends_with(".$") {
                        return Err(format!(
                            "{at}: the key {name:?} is JSONPath; only JSONata is spoken here"
                        ));
                    }
                    let field = Self::parse(value, &format!("{at}/{name}"))?;
                    read.push((name, field));
                }
                Ok(Self::Object(read).collapsed())
            }
            other => Ok(Self::Literal(other)),
        }
    }

    fn parse_text(text: String, at: &str) -> Result<Self, String> {
        match text
            .strip_prefix("{%")
            .and_then(|rest| rest.strip_suffix("%}"))
        {
            Some(source) => Expression::parse(source)
                .map(Self::Expression)
                .map_err(|why| format!("{at}: {why}")),
            // AWS would take it as plain text, which nobody means.
            None if text.contains("{%") || text.contains("%}") => Err(format!(
                "{at}: an expression is the whole string, from {{% to %}}"
            )),
            None => Ok(Self::Literal(Value::String(text))),
        }
    }

    /// The same as one literal, when nothing inside is an expression.
    fn collapsed(self) -> Self {
        match self {
            Self::Array(items) if items.iter().all(Self::is_literal) => {
                Self::Literal(items.into_iter().filter_map(Self::into_literal).collect())
            }
            Self::Object(fields) if fields.iter().all(|(_, field)| field.is_literal()) => {
                Self::Literal(Value::Object(
                    fields
                        .into_iter()
                        .filter_map(|(name, field)| Some((name, field.into_literal()?)))
                        .collect(),
                ))
            }
            other => other,
        }
    }

    fn is_literal(&self) -> bool {
        matches!(self, Self::Literal(_))
    }

    fn into_literal(self) -> Option<Value> {
        match self {
            Self::Literal(value) => Some(value),
            _ => None,
        }
    }

    /// The value itself, when it is no expression and has none inside.
    pub(super) fn as_literal(&self) -> Option<&Value> {
        match self {
            Self::Literal(value) => Some(value),
            _ => None,
        }
    }

    /// Evaluates every expression inside.
    pub(super) fn evaluate(
        &self,
        scope: &mut Scope,
        location: &str,
    ) -> Result<Value, QueryFailure> {
        Ok(match self {
            Self::Literal(value) => value.clone(),
            Self::Expression(expression) => {
                expression.evaluate(scope).map_err(|why| QueryFailure {
                    location: location.to_owned(),
                    cause: format!(
                        "The JSONata expression '{}' specified for the field '{location}' {why}",
                        expression.source()
                    ),
                })?
            }
            Self::Array(items) => {
                let items = items
                    .iter()
                    .enumerate()
                    .map(|(index, item)| item.evaluate(scope, &format!("{location}/{index}")));
                Value::Array(items.collect::<Result<_, _>>()?)
            }
            Self::Object(fields) => {
                let mut object = Map::new();
                for (name, field) in fields {
                    object.insert(
                        name.clone(),
                        field.evaluate(scope, &format!("{location}/{name}"))?,
                    );
                }
                Value::Object(object)
            }
        })
    }

    /// What the expressions inside read.
    pub(super) fn needs<'a>(&'a self, needs: &mut Needs<'a>) {
        match self {
            Self::Literal(_) => {}
            Self::Expression(expression) => needs.add(expression),
            Self::Array(items) => items.iter().for_each(|item| item.needs(needs)),
            Self::Object(fields) => fields.iter().for_each(|(_, field)| field.needs(needs)),
        }
    }

    /// Shows every expression inside to `look`, with its place.
    pub(super) fn each_expression(&self, at: &str, look: &mut dyn FnMut(&str, &Expression)) {
        match self {
            Self::Literal(_) => {}
            Self::Expression(expression) => look(at, expression),
            Self::Array(items) => items
                .iter()
                .enumerate()
                .for_each(|(index, item)| item.each_expression(&format!("{at}/{index}"), look)),
            Self::Object(fields) => fields
                .iter()
                .for_each(|(name, field)| field.each_expression(&format!("{at}/{name}"), look)),
        }
    }
}

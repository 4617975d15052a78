//! Taking the fields of a JSON object one by one, so that what is left over is seen and refused.

use serde_json::{Map, Value};

use super::template::Template;

/// The fields of one object that are not taken yet.
pub(super) struct Fields {
    at: String,
    left: Map<String, Value>,
}

impl Fields {
    /// The fields of `value`, which stands at `at`.
    pub(super) fn of(value: Value, at: impl Into<String>) -> Result<Self, String> {
        let at = at.into();
        match value {
            Value::Object(left) => Ok(Self { at, left }),
            _ => Err(format!("{at} is not an object")),
        }
    }

    /// Where the object stands, for messages.
    pub(super) fn at(&self) -> &str {
        &self.at
    }

    /// Takes a field of any type.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.left.remove(name)
    }

    /// Takes a field that must be there.
    pub(super) fn required(&mut self, name: &str) -> Result<Value, String> {
        self.take(name)
            .ok_or_else(|| format!("{} has no {name}", self.at))
    }

    /// Takes a string.
    pub(super) fn string(&mut self, name: &str) -> Result<Option<String>, String> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!("{}: {name} is not a string", self.at)),
        }
    }

    /// Takes a string that must be there.
    pub(super) fn required_string(&mut self, name: &str) -> Result<String, String> {
        self.string(name)?
            .ok_or_else(|| format!("{} has no {name}", self.at))
    }

    /// Takes an array; none is an empty one.
    pub(super) fn array(&mut self, name: &str) -> Result<Vec<Value>, String> {
        match self.take(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => Ok(items),
            Some(_) => Err(format!("{}: {name} is not an array", self.at)),
        }
    }

    /// Takes an array of strings that must have some.
    pub(super) fn strings(&mut self, name: &str) -> Result<Vec<String>, String> {
        let items = self.array(name)?;
        let texts: Option<Vec<String>> = items
            .into_iter()
            .map(|item| item.as_str().map(str::to_owned))
            .collect();
        texts
            .filter(|texts| !texts.is_empty())
            .ok_or_else(|| format!("{}: {name} is not a list of strings", self.at))
    }

    /// Takes an integer of at least `least`.
    pub(super) fn integer(&mut self, name: &str, least: u64) -> Result<Option<u64>, String> {
        match self.take(name) {
            None => Ok(None),
            Some(value) => match value.as_u64() {
                Some(number) if number >= least => Ok(Some(number)),
                _ => Err(format!(
                    "{}: {name} is not an integer of at least {least}",
                    self.at
                )),
            },
        }
    }

    /// Takes a field in which any string may be an expression.
    pub(super) fn template(&mut self, name: &str) -> Result<Option<Template>, String> {
        let at = format!("{}: {name}", self.at);
        self.take(name)
            .map(|value| Template::parse(value, &at))
            .transpose()
    }

    /// Takes a whole number of at least 1, or an expression for one.
    pub(super) fn seconds(&mut self, name: &str) -> Result<Option<Template>, String> {
        let template = self.template(name)?;
        match template
            .as_ref()
            .map(|template| (template, template.as_literal()))
        {
            None | Some((Template::Expression(_), _)) => Ok(template),
            Some((_, Some(literal))) if literal.as_u64().is_some_and(|number| number > 0) => {
                Ok(template)
            }
            Some(_) => Err(format!(
                "{}: {name} is neither a whole number above 0 nor an expression",
                self.at
            )),
        }
    }

    /// Refuses whatever was not taken. A Comment may stand anywhere.
    pub(super) fn close(mut self) -> Result<(), String> {
        self.string("Comment")?;
        let names: Vec<String> = self.left.into_iter().map(|(name, _)| name).collect();
        if names.is_empty() {
            Ok(())
        } else {
            Err(format!("{}: not known here: {}", self.at, names.join(", ")))
        }
    }
}

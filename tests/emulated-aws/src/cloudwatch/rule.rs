//! Rules of composite alarms: `ALARM("a") OR (ALARM(b) AND NOT OK(c))`.

use std::collections::BTreeMap;

use super::state::{AlarmState, StateValue};
use ground::place;

/// A parsed rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    Is(StateValue, String),
    Constant(bool),
    Not(Box<Rule>),
    And(Box<Rule>, Box<Rule>),
    Or(Box<Rule>, Box<Rule>),
}

impl Rule {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser { rest: text.trim() };
        let rule = parser.or()?;
        if parser.rest.is_empty() {
            Ok(rule)
        } else {
            Err(format!(
                "the sandbox cannot read the alarm rule from {:?} on",
                parser.rest
            ))
        }
    }

    /// The alarms it names, each once, in order of appearance.
    pub(super) fn children(&self) -> Vec<String> {
        let mut children = match self {
            Self::Is(_, child) => vec![child.clone()],
            Self::Constant(_) => Vec::new(),
            Self::Not(inner) => inner.children(),
            Self::And(left, right) | Self::Or(left, right) => {
                [left.children(), right.children()].concat()
            }
        };
        let mut seen = std::collections::BTreeSet::new();
        children.retain(|child| seen.insert(child.clone()));
        children
    }

    /// Whether it holds. An alarm that is gone is in no state.
    pub(super) fn holds(&self, states: &BTreeMap<&str, &AlarmState>) -> bool {
        match self {
            Self::Is(value, child) => states
                .get(child.as_str())
                .is_some_and(|state| state.value == *value),
            Self::Constant(truth) => *truth,
            Self::Not(inner) => !inner.holds(states),
            Self::And(left, right) => left.holds(states) && right.holds(states),
            Self::Or(left, right) => left.holds(states) || right.holds(states),
        }
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn or(&mut self) -> Result<Rule, String> {
        let mut left = self.and()?;
        while self.word("OR") {
            left = Rule::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Rule, String> {
        let mut left = self.single()?;
        while self.word("AND") {
            left = Rule::And(Box::new(left), Box::new(self.single()?));
        }
        Ok(left)
    }

    fn single(&mut self) -> Result<Rule, String> {
        if self.word("NOT") {
            return Ok(Rule::Not(Box::new(self.single()?)));
        }
        if self.sign("(") {
            let inner = self.or()?;
            return if self.sign(")") {
                Ok(inner)
            } else {
                Err(format!(
                    "a closing parenthesis is expected at {:?}",
                    self.rest
                ))
            };
        }
        for (word, truth) in [("TRUE", true), ("FALSE", false)] {
            if self.word(word) {
                return Ok(Rule::Constant(truth));
            }
        }
        for value in [
            StateValue::InsufficientData,
            StateValue::Alarm,
            StateValue::Ok,
        ] {
            if self.word(value.name()) {
                return self.child().map(|child| Rule::Is(value, child));
            }
        }
        Err(format!(
            "the sandbox cannot read the alarm rule at {:?}",
            self.rest
        ))
    }

    /// `("name")`, `(name)`, `(arn)`
    fn child(&mut self) -> Result<String, String> {
        let unreadable = || {
            format!(
                "an alarm's name in parentheses is expected at {:?}",
                self.rest
            )
        };
        let inner = self
            .rest
            .strip_prefix('(')
            .ok_or_else(unreadable)?
            .trim_start();
        let (name, rest) = match inner.strip_prefix('"') {
            Some(quoted) => quoted
                .split_once('"')
                .and_then(|(name, rest)| Some((name, rest.trim_start().strip_prefix(')')?))),
            None => inner
                .split_once(')')
                .map(|(name, rest)| (name.trim_end(), rest)),
        }
        .filter(|(name, _)| !name.is_empty())
        .ok_or_else(unreadable)?;
        self.rest = rest.trim_start();
        Ok(if name.starts_with("arn:") {
            place::name_of(name).to_owned()
        } else {
            name.to_owned()
        })
    }

    fn word(&mut self, word: &str) -> bool {
        let after = self
            .rest
            .strip_prefix(word)
            .filter(|after| !after.starts_with(|next: char| next.is_alphanumeric() || next == '_'));
        if let Some(after) = after {
            self.rest = after.trim_start();
        }
        after.is_some()
    }

    fn sign(&mut self, sign: &str) -> bool {
        let after = self.rest.strip_prefix(sign);
        if let Some(after) = after {
            self.rest = after.trim_start();
        }
        after.is_some()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn holds(rule: &str, alarmed: &[&str]) -> bool {
        let state = |value| AlarmState {
            value,
            reason: String::new(),
            reason_data: None,
            at: Timestamp::UNIX_EPOCH,
        };
        let states = ["a", "b", "c"].map(|name| {
            (
                name,
                state(if alarmed.contains(&name) {
                    StateValue::Alarm
                } else {
                    StateValue::Ok
                }),
            )
        });
        Rule::parse(rule)
            .unwrap()
            .holds(&states.iter().map(|(name, state)| (*name, state)).collect())
    }

    #[test]
    fn and_binds_closer_than_or() {
        let rule = r#"ALARM("a") OR ALARM(b) AND ALARM("arn:aws:cloudwatch:us-east-1:123456789012:alarm:c")"#;
        assert!(holds(rule, &["a"]));
        assert!(!holds(rule, &["b"]));
        assert!(holds(rule, &["b", "c"]));
        assert!(!holds("(ALARM(a) OR ALARM(b)) AND NOT OK(c)", &["a"]));
        assert!(!holds("ALARM(gone) OR FALSE", &["a"]));
        assert_eq!(Rule::parse(rule).unwrap().children(), ["a", "b", "c"]);
    }

    #[test]
    fn what_it_cannot_read_it_shows() {
        for rule in [
            "",
            "ALARM",
            "ALARM()",
            "ALARM(a",
            "ALARM(a) XOR ALARM(b)",
            "AT_LEAST(1, ALARM, (a, b))",
        ] {
            assert!(Rule::parse(rule).is_err(), "{rule}");
        }
    }
}

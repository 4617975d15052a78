//! Which stack an application belongs to: an account may have several, and only one looks after an application.
//!
//! The tag `lifeguard:stack` names it. Without the tag an application belongs to the stack of the default name, so an account with one stack needs no such tag.
//!
//! Invariant: a tag that is no stack's name makes no application anybody's; it is reported like any tag that does not parse.

use std::{collections::BTreeMap, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The tag that names the stack.
pub const STACK_TAG: &str = "lifeguard:stack";
/// The stack that applications without the tag belong to.
const DEFAULT: &str = "lifeguard";
/// The most characters that CloudFormation allows.
const LONGEST: usize = 128;

/// The name of a stack, as CloudFormation allows it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct StackName(String);

impl StackName {
    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an application with these tags is this stack's: what the roles' conditions ask too, to the letter.
    #[must_use]
    pub fn owns(&self, tags: &BTreeMap<String, String>) -> bool {
        tags.get(STACK_TAG).map_or(DEFAULT, String::as_str) == self.0
    }

    /// The other stack that an application with these tags belongs to; None when it is this one's, or when the tag is no stack's name.
    #[must_use]
    pub fn other(&self, tags: &BTreeMap<String, String>) -> Option<OtherStack> {
        let tag = tags.get(STACK_TAG);
        let owner = match tag {
            Some(value) => value.parse().ok()?,
            None => Self::default(),
        };
        (owner != *self).then(|| OtherStack {
            owner,
            tagged: tag.is_some(),
            own: self.clone(),
        })
    }
}

impl Default for StackName {
    fn default() -> Self {
        Self(DEFAULT.to_owned())
    }
}

impl fmt::Display for StackName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for StackName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let fits = text.len() <= LONGEST
            && text.starts_with(|c: char| c.is_ascii_alphabetic())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if fits {
            Ok(Self(text.to_owned()))
        } else {
            Err("write the name of a stack: letters, digits and hyphens, a letter first".to_owned())
        }
    }
}

impl TryFrom<String> for StackName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl From<StackName> for String {
    fn from(name: StackName) -> Self {
        name.0
    }
}

/// Why an application is another stack's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherStack {
    /// Whose it is.
    pub owner: StackName,
    /// Whether a tag says so.
    pub tagged: bool,
    /// The stack that was asked.
    pub own: StackName,
}

impl fmt::Display for OtherStack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { owner, tagged, own } = self;
        if *tagged {
            write!(
                f,
                "it belongs to stack {owner} (its tag {STACK_TAG}), and this is stack {own}"
            )
        } else {
            write!(
                f,
                "it belongs to stack {owner}, because it has no tag {STACK_TAG}, and this is stack {own}: tag it {STACK_TAG}={own} to have it looked after here"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn other(own: &str, tag: Option<&str>) -> Option<String> {
        let tags = tag.map(|value| (STACK_TAG.to_owned(), value.to_owned()));
        let own: StackName = own.parse().unwrap();
        own.other(&tags.into_iter().collect())
            .map(|other| other.to_string())
    }

    #[test]
    fn an_application_belongs_to_the_stack_that_its_tag_names() {
        assert_eq!(other("payments", Some("payments")), None);
        assert_eq!(other("lifeguard", Some("lifeguard")), None);
        for own in ["lifeguard", "Payments", "payments-2"] {
            let said = other(own, Some("payments")).unwrap();
            assert!(said.contains("belongs to stack payments (its tag lifeguard:stack)"));
            assert!(said.ends_with(&format!("this is stack {own}")), "{said}");
        }
    }

    #[test]
    fn without_the_tag_it_belongs_to_the_stack_of_the_default_name() {
        assert_eq!(other("lifeguard", None), None);
        let said = other("payments", None).unwrap();
        assert!(said.contains("belongs to stack lifeguard, because it has no tag"));
        assert!(said.contains("tag it lifeguard:stack=payments"), "{said}");
    }

    #[test]
    fn only_what_is_to_the_letter_this_stacks_is_owned() {
        let owns = |own: &str, tag: Option<&str>| {
            let tags = tag.map(|value| (STACK_TAG.to_owned(), value.to_owned()));
            let own: StackName = own.parse().unwrap();
            own.owns(&tags.into_iter().collect())
        };
        assert!(owns("lifeguard", None) && owns("lifeguard", Some("lifeguard")));
        assert!(owns("payments", Some("payments")));
        for tag in [
            None,
            Some(""),
            Some("Payments"),
            Some("payments "),
            Some("lifeguard"),
        ] {
            assert!(!owns("payments", tag), "{tag:?}");
        }
        assert!(!owns("lifeguard", Some("lifeguard ")));
    }

    #[test]
    fn what_is_no_name_of_a_stack_does_not_parse() {
        for name in ["lifeguard", "A", "a-1", &"x".repeat(LONGEST)] {
            assert!(name.parse::<StackName>().is_ok(), "{name}");
        }
        for name in [
            "",
            " ",
            "lifeguard ",
            " lifeguard",
            "a b",
            "1a",
            "-a",
            "a_b",
            "a.b",
            "läs",
            &"x".repeat(LONGEST + 1),
        ] {
            assert!(name.parse::<StackName>().is_err(), "{name:?}");
            assert_eq!(other("payments", Some(name)), None, "{name:?} is nobody's");
        }
        assert!(serde_json::from_str::<StackName>("\"a b\"").is_err());
    }
}

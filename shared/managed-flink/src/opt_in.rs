//! The opt-in tag. IAM enforces it too (`aws:ResourceTag`); the check here gives a person a sentence instead of an access error.

use std::collections::BTreeMap;

/// An application with this tag set to `true` is looked after; any other is not touched.
pub const OPT_IN_TAG: &str = "lifeguard:managed";

/// Whether these tags opt the application in. Any value but `true` does not: a doubt is a no.
#[must_use]
pub fn is_opted_in(tags: &BTreeMap<String, String>) -> bool {
    tags.get(OPT_IN_TAG).is_some_and(|value| value == "true")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_exact_value_opts_in() {
        for (value, expected) in [("true", true), ("True", false), ("yes", false), ("", false), ("false", false)] {
            assert_eq!(is_opted_in(&BTreeMap::from([(OPT_IN_TAG.to_owned(), value.to_owned())])), expected, "{value}");
        }
        assert!(!is_opted_in(&BTreeMap::new()));
    }
}

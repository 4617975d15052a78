//! Filling a definition's `${Name}` holes, as the template's DefinitionSubstitutions do.

use std::collections::{BTreeMap, BTreeSet};

/// A definition and its substitutions that do not fit each other.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubstituteError {
    /// A hole that nothing fills.
    #[error("nothing is given for ${{{0}}}")]
    Unresolved(String),
    /// A hole that is never closed.
    #[error("a ${{ is never closed, after: {0}")]
    Unclosed(String),
    /// Substitutions that no hole asks for.
    #[error("no hole asks for {}", .0.join(", "))]
    Unused(Vec<String>),
}

/// Fills every `${Name}` of `text`. The values go in as they are, as CloudFormation puts them.
///
/// # Errors
/// When a hole stays open, or a value is not used.
pub fn substitute(
    text: &str,
    values: &BTreeMap<String, String>,
) -> Result<String, SubstituteError> {
    let mut filled = String::with_capacity(text.len());
    let mut unused: BTreeSet<&str> = values.keys().map(String::as_str).collect();
    let mut rest = text;
    while let Some((before, hole)) = rest.split_once("${") {
        let (name, after) = hole.split_once('}').ok_or_else(|| {
            SubstituteError::Unclosed(
                before
                    .chars()
                    .rev()
                    .take(40)
                    .collect::<Vec<_>>()
                    .iter()
                    .rev()
                    .collect(),
            )
        })?;
        let value = values
            .get(name)
            .ok_or_else(|| SubstituteError::Unresolved(name.to_owned()))?;
        filled.push_str(before);
        filled.push_str(value);
        unused.remove(name);
        rest = after;
    }
    filled.push_str(rest);
    if unused.is_empty() {
        Ok(filled)
    } else {
        Err(SubstituteError::Unused(
            unused.into_iter().map(str::to_owned).collect(),
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs
            .iter()
            .map(|&(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn every_hole_is_filled_and_a_value_is_not_searched_for_holes() {
        let filled = substitute(
            r#"{"a": "${A}", "b": "${B}:${A}"}"#,
            &values(&[("A", "1"), ("B", "${A}")]),
        );
        assert_eq!(filled.unwrap(), r#"{"a": "1", "b": "${A}:1"}"#);
    }

    #[test]
    fn open_holes_and_unused_values_are_refused() {
        assert_eq!(
            substitute("${A}", &values(&[])),
            Err(SubstituteError::Unresolved("A".to_owned()))
        );
        assert_eq!(
            substitute("x${A", &values(&[("A", "1")])),
            Err(SubstituteError::Unclosed("x".to_owned()))
        );
        let unused = substitute("${A}", &values(&[("A", "1"), ("B", "2"), ("C", "3")]));
        assert_eq!(
            unused,
            Err(SubstituteError::Unused(vec![
                "B".to_owned(),
                "C".to_owned()
            ]))
        );
    }
}

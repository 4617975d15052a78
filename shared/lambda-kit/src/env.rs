//! Settings come from the environment, once, parsed into types. A bad value fails at start and names the variable.

use std::{collections::BTreeMap, fmt::Display, str::FromStr};

/// A function's environment variables. In a Lambda the process's own; in the sandbox those of the template.
#[derive(Clone, Debug, Default)]
pub struct Env(BTreeMap<String, String>);

/// A setting that is missing or does not parse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingError {
    /// The variable is not set.
    #[error("the environment variable {0} is not set")]
    Missing(&'static str),
    /// The variable's value does not parse.
    #[error("the environment variable {name} is {value:?}: {why}")]
    Unusable {
        /// The variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        why: String,
    },
}

impl Env {
    /// The process's own environment.
    #[must_use]
    pub fn of_process() -> Self {
        Self(std::env::vars().collect())
    }

    /// The value of `name`, if it is set and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// The value of `name`, parsed.
    ///
    /// # Errors
    /// When it is not set, or does not parse.
    pub fn required<T>(&self, name: &'static str) -> Result<T, SettingError>
    where
        T: FromStr,
        T::Err: Display,
    {
        let value = self.get(name).ok_or(SettingError::Missing(name))?;
        value.parse().map_err(|why: T::Err| SettingError::Unusable {
            name,
            value: value.to_owned(),
            why: why.to_string(),
        })
    }

    /// The value of `name`, parsed, or `default` when it is not set.
    ///
    /// # Errors
    /// When it is set and does not parse.
    pub fn or<T>(&self, name: &'static str, default: T) -> Result<T, SettingError>
    where
        T: FromStr,
        T::Err: Display,
    {
        match self.required(name) {
            Err(SettingError::Missing(_)) => Ok(default),
            read => read,
        }
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self(
            pairs
                .into_iter()
                .map(|(key, value)| (key.into(), value.into()))
                .collect(),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env() -> Env {
        [
            ("MODE", "act"),
            ("SOAK_SECS", "300"),
            ("EMPTY", ""),
            ("BROKEN", "five"),
        ]
        .into_iter()
        .collect()
    }

    #[test]
    fn a_setting_is_parsed_into_its_type() {
        assert_eq!(env().required::<u32>("SOAK_SECS"), Ok(300));
        assert_eq!(env().get("MODE"), Some("act"));
    }

    #[test]
    fn an_empty_variable_counts_as_not_set() {
        assert_eq!(env().get("EMPTY"), None);
        assert_eq!(
            env().required::<String>("EMPTY"),
            Err(SettingError::Missing("EMPTY"))
        );
        assert_eq!(env().or("EMPTY", 7), Ok(7));
    }

    #[test]
    fn a_default_is_for_a_missing_setting_and_never_hides_a_broken_one() {
        assert_eq!(env().or("NOT_THERE", 7), Ok(7));
        let broken = env().or("BROKEN", 7).unwrap_err();
        assert_eq!(
            broken.to_string(),
            "the environment variable BROKEN is \"five\": invalid digit found in string"
        );
    }

    #[test]
    fn a_missing_setting_is_named() {
        assert_eq!(
            env().required::<u32>("NOT_THERE").unwrap_err().to_string(),
            "the environment variable NOT_THERE is not set"
        );
    }
}

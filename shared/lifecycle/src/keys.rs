//! Customer managed keys: which of them this stack may use.
//!
//! Invariant: a key that nobody has named counts as one that the stack may not use. Whether a start under it would work shows only after the application was stopped.

use std::{collections::BTreeSet, fmt, str::FromStr};

use serde::{Deserialize, Serialize};

/// The keys that whoever deployed the stack lets it use, by ARN.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UsableKeys(BTreeSet<String>);

impl UsableKeys {
    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the stack may use the key that an application or a snapshot names: by ARN, or by its id. What an alias leads to is not known here, and may change.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        let has_id = |arn: &String| arn.rsplit_once(":key/").is_some_and(|(_, id)| id == key);
        self.0.contains(key) || self.0.iter().any(has_id)
    }
}

/// An entry that is no key's ARN: it would match nothing, and every rescue of an application with a key would be refused for it.
#[derive(Debug, PartialEq, Eq)]
pub struct NoKey(String);

impl fmt::Display for NoKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:?} is no ARN of a key; write arn:aws:kms:REGION:ACCOUNT:key/ID, several divided by commas",
            self.0
        )
    }
}

impl std::error::Error for NoKey {}

impl FromStr for UsableKeys {
    type Err = NoKey;

    /// ARNs divided by commas; an empty text is none.
    fn from_str(text: &str) -> Result<Self, NoKey> {
        let keys = text.split(',').map(str::trim).filter(|key| !key.is_empty());
        let keys = keys.map(|key| {
            let is_one = key.starts_with("arn:") && key.contains(":kms:") && key.contains(":key/");
            is_one
                .then(|| key.to_owned())
                .ok_or_else(|| NoKey(key.to_owned()))
        });
        Ok(Self(keys.collect::<Result<_, _>>()?))
    }
}

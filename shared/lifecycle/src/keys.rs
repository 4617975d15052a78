//! Customer managed keys: which of them this stack may use.
//!
//! Invariant: a key that nobody has named counts as one that the stack may not use. Whether a start under it would work shows only after the application was stopped.

use std::{collections::BTreeSet, convert::Infallible, str::FromStr};

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

impl FromStr for UsableKeys {
    type Err = Infallible;

    /// ARNs divided by commas; an empty text is none.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let keys = text.split(',').map(str::trim).filter(|key| !key.is_empty());
        Ok(Self(keys.map(str::to_owned).collect()))
    }
}

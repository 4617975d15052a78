//! Runtimes, and which snapshot fits which.

use std::fmt;

use serde::{Deserialize, Serialize};

/// `RuntimeEnvironment`: `FLINK-1_20`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Runtime(String);

impl Runtime {
    /// The API's spelling.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Flink's major and minor version; None for SQL, Studio (Zeppelin) and anything that does not parse.
    #[must_use]
    pub fn flink_version(&self) -> Option<(u32, u32)> {
        let (major, minor) = self.0.strip_prefix("FLINK-")?.split_once('_')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    }

    /// Whether this is a Flink application that this project looks after.
    #[must_use]
    pub fn is_flink(&self) -> bool {
        self.flink_version().is_some()
    }

    /// Whether a snapshot taken under `taken_with` may be restored under this runtime: same major version, not newer. A 2.2 snapshot cannot be restored on 1.x (docs);
    /// the other way across majors is not promised, so it counts as unfit too.
    #[must_use]
    pub fn accepts_snapshot_of(&self, taken_with: &Self) -> bool {
        match (self.flink_version(), taken_with.flink_version()) {
            (Some(own), Some(theirs)) => own.0 == theirs.0 && theirs.1 <= own.1,
            _ => false,
        }
    }
}

impl From<&str> for Runtime {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl fmt::Display for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

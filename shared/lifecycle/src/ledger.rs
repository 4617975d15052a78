//! What the ledger (a DynamoDB table) says about an application.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The ledger's rows of one application.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Ledger {
    /// Versions that have soaked healthy, and when they were last seen so.
    pub soaked: BTreeMap<u64, Timestamp>,
    /// The longest time that each version was known to run undisturbed, with records.
    #[serde(default)]
    pub proven: BTreeMap<u64, Proven>,
    /// What each version failed with, when it was left because of it.
    #[serde(default)]
    pub failed: BTreeMap<u64, FailedBefore>,
    /// What each version was failing with when it was last seen in trouble, whoever was to blame.
    #[serde(default)]
    pub faulted: BTreeMap<u64, Faulted>,
    /// Versions that were started once more because they had run well, and when that turned out to be in vain.
    #[serde(default)]
    pub again: BTreeMap<u64, Timestamp>,
    /// Who made each version, where an announcement said so. It is told and decides nothing.
    #[serde(default)]
    pub deployed: BTreeMap<u64, Deployed>,
    /// Rescues begun today (UTC).
    pub rescues_today: u32,
}

impl Ledger {
    /// Attributes of the ledger's row that begin with this hold when a version was last seen to have soaked.
    pub const SOAKED: &'static str = "soaked ";
}

/// A time that a version ran undisturbed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proven {
    /// How long, in seconds.
    pub secs: u32,
    /// Until when.
    pub until: Timestamp,
}

/// What a version failed with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedBefore {
    /// When it was left.
    pub at: Timestamp,
    /// Its fault: root class, message without digits, task. None where it could not be read.
    pub fault: Option<String>,
}

/// What a version was failing with. That says nothing about whose fault it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Faulted {
    /// When it was last seen so.
    pub at: Timestamp,
    /// Its fault: root class, message without digits, task.
    pub fault: String,
}

/// Who made a version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployed {
    /// When.
    pub at: Timestamp,
    /// The call of the service's API.
    pub call: String,
    /// The role and its session, the user or the service, by name.
    pub by: String,
}

impl Deployed {
    /// Attributes of the ledger's row that begin with this hold who made a version.
    pub const ATTRIBUTE: &'static str = "deployed ";

    /// As the ledger's row has it.
    #[must_use]
    pub fn written(&self) -> String {
        format!("{} {} {}", self.at, self.call, self.by)
    }

    /// Reads what [`Self::written`] wrote.
    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, ' ');
        Some(Self {
            at: parts.next()?.parse().ok()?,
            call: parts.next()?.to_owned(),
            by: parts.next()?.to_owned(),
        })
    }
}

/// The ledger, or why it could not be read. Without it no budget can be kept, so nothing is done.
pub type LedgerView = Result<Ledger, String>;

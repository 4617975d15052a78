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
    /// Rescues begun today (UTC).
    pub rescues_today: u32,
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

/// The ledger, or why it could not be read. Without it no budget can be kept, so nothing is done.
pub type LedgerView = Result<Ledger, String>;

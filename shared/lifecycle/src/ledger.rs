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
    /// Rescues begun today (UTC).
    pub rescues_today: u32,
}

/// The ledger, or why it could not be read. Without it no budget can be kept, so nothing is done.
pub type LedgerView = Result<Ledger, String>;

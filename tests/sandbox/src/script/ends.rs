//! How a scenario must end, as it is written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Span, is_default};

/// How a scenario must end. Anything else is a complaint.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Ends {
    /// Whose outcome.
    #[serde(skip_serializing_if = "is_default")]
    pub of: Machine,
    /// `recovered`, `verified`, `leftAlone`, `escalated` or `dryRun`; of a snapshot check `checked` or `needsPerson`; `none` when the execution fails.
    pub outcome: String,
    /// Lifeguard's calls that had an effect, in order: exactly these; none when absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<String>,
    /// Where they are too many to list: how many of each, whatever else there is. `changes` says nothing then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub counts: Option<BTreeMap<String, usize>>,
    /// The S3 key of the code that runs in the end; that of the present version when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The application's status in the end; RUNNING when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Records may be lost.
    #[serde(skip_serializing_if = "is_default")]
    pub may_lose_records: bool,
    /// Words that the reason contains.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub because: String,
    /// How often people were told of something.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told: Option<Told>,
    /// How many mails people got whose subject begins so: reports, notices, and alarms of the stack itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mailed: Option<Told>,
    /// Words that the trigger of each execution contains, in the order of their start: there are exactly so many. Any executions will do when absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub executions: Vec<String>,
    /// How often Lifeguard opened a Flink dashboard.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub looks: Option<usize>,
    /// The first snapshot is deleted before the first is taken.
    #[serde(skip_serializing_if = "is_default")]
    pub deletes_before_it_takes: bool,
    /// What the first snapshot checks said, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub checks: Vec<CheckSaid>,
    /// There is no other check than those.
    #[serde(skip_serializing_if = "is_default")]
    pub no_other_checks: bool,
    /// Of a snapshot check of many applications.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fleet: Option<FleetEnds>,
}

/// Which state machine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Machine {
    /// The rescue's.
    #[default]
    Rescue,
    /// The snapshot check's.
    SnapshotCheck,
}

/// How often people were told of something.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Told {
    /// The subject begins so.
    pub subject: String,
    /// How often.
    pub times: usize,
}

/// What an execution of the snapshot check said.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct CheckSaid {
    /// `checked`, `needsPerson` or `goesOn`.
    pub outcome: String,
    /// Words that its reason contains.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub because: String,
    /// The sums that are not nought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sums: Option<BTreeMap<String, u64>>,
    /// What is notable, in order: `orders taken`, `payments failed, for a person`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<Vec<String>>,
    /// Snapshots that are not yet READY.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pending: Option<u64>,
}

/// What a snapshot check does with many applications. Each list names applications, or kinds by what they are called.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct FleetEnds {
    /// These are checked once each, and no other.
    pub checked_once: Vec<String>,
    /// Of these a snapshot is taken, of nearly all at the first check, and of no other.
    pub due: Vec<String>,
    /// These are refused, and those that are due and could not be seen.
    pub refused: Vec<String>,
    /// From the first check's start to the last one's end.
    pub within: Span,
}

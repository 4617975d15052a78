//! What comes in and what goes out, step by step.

use jiff::Timestamp;
use lifecycle::{Assessment, Observation, retention::Lease};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The input.
#[derive(Clone, Debug, Deserialize)]
#[serde(
    tag = "step",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Event {
    /// One page of the account's applications: which have opted in?
    List {
        /// Where the page before ended; absent before the first.
        #[serde(default)]
        next_token: Option<String>,
    },
    /// The facts of one application, and what they ask for. Changes nothing.
    Check {
        /// The application.
        application_name: String,
    },
    /// Takes and deletes what the facts ask for, read afresh.
    Act {
        /// The application.
        application_name: String,
        /// The schedule's tick: the same one gives the same snapshot name.
        tick: Timestamp,
        /// What the subtask verifier saw; without a look nothing is taken.
        #[serde(default)]
        look: Option<Box<Look>>,
        /// Who holds the application's lease, read right before.
        lease: Lease,
        /// When it was read. This step is tried again without reading it again, and meanwhile a rescue may have begun.
        lease_read_at: Timestamp,
        /// Only say what would be done.
        #[serde(default)]
        dry_run: bool,
    },
    /// What is odd about an execution's input.
    ExplainInput {
        /// The input.
        input: Value,
    },
    /// What became of snapshots that were asked for.
    Follow {
        /// Which.
        pending: Vec<Created>,
    },
}

/// A look, as subtask-verifier answers it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Look {
    /// The facts.
    pub observation: Observation,
    /// What they say.
    pub assessment: Assessment,
}

/// A snapshot that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Created {
    /// The application.
    pub application_name: String,
    /// The snapshot.
    pub snapshot_name: String,
}

/// The result of `list`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Page {
    /// Names of the applications that have opted in, and of those whose tags could not be read: the check of each tells.
    pub applications: Vec<String>,
    /// Where the next page begins; none after the last.
    pub next_token: Option<String>,
    /// Applications on this page.
    pub listed: u32,
    /// Those that are no Flink applications (SQL, Studio): left alone.
    pub not_flink: u32,
    /// Those that have not opted in, or belong to another stack: left alone.
    pub not_opted_in: u32,
    /// Those whose tags could not be read, or not in time.
    pub unread: u32,
}

/// What a check of one application came to: a line of the report, small, because a thousand of them are one execution's data.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// The application.
    pub application_name: String,
    /// What came of it.
    pub did: Did,
    /// The reason in a sentence.
    pub why: String,
    /// What is to come before the check is complete.
    pub next: Next,
    /// The snapshot that was asked for, or would be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_name: Option<String>,
    /// How many were deleted.
    pub deleted: u32,
    /// How many would be, if this were more than a dry run or an observing stack.
    pub would_delete: u32,
    /// What is noteworthy, a sentence each, bounded.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub findings: Vec<String>,
    /// Whether a person has to do something.
    pub needs_person: bool,
    /// The version that runs has soaked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub soaked: Option<Soaked>,
}

/// What the look found, for the book of versions.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Soaked {
    /// The attribute of the ledger's row: `soaked 7`.
    pub attribute: String,
    /// When it was seen.
    pub at: Timestamp,
}

/// What came of a check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Did {
    /// The newest snapshot is fresh.
    Fresh,
    /// One is being taken already.
    Underway,
    /// One is wanted.
    Due,
    /// One was asked for.
    Taken,
    /// One would be asked for.
    WouldTake,
    /// One is wanted and must not, or could not, be taken.
    Refused,
    /// None can be taken in the application's status.
    NotNow,
    /// The application has not opted in, or belongs to another stack.
    NotOptedIn,
    /// The check could not be made.
    Failed,
}

/// What is to come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Next {
    /// Nothing.
    Done,
    /// A look by the subtask verifier, then `act`.
    Look,
    /// `act`: only deletes.
    Act,
}

/// The result of `follow`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Followed {
    /// Not yet READY or FAILED; those that were not asked about this time first.
    pub pending: Vec<Created>,
    /// READY since.
    pub ready: u32,
    /// FAILED, gone, or taken of another version than the one that was verified.
    pub failed: Vec<Row>,
}

/// The result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// Of `list`.
    Page(Page),
    /// Of `check` and `act`.
    Row(Box<Row>),
    /// Of `follow`.
    Followed(Followed),
    /// Of `explainInput`.
    Explained {
        /// In a sentence, with what to write instead.
        odd: String,
    },
}

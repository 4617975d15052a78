//! What the executions of different applications tell each other, as the ledger has it: one row for each trouble, in the order in which they began.
//!
//! Invariant: a row that does not parse makes all of them unreadable, and then nothing is begun.

use jiff::{SignedDuration, Timestamp};
use lifecycle::{COMMON_WITHIN_SECS, Others, Trouble};
use serde::{Deserialize, Serialize};

/// Rows are forgotten so long after the trouble began.
const FORGET_AFTER_SECS: i64 = 2 * 86_400;

/// What the state machine read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Around {
    /// The row that this execution has written.
    #[serde(default)]
    pub told: Option<Tell>,
    /// The rows of about the same time; none before this execution has told its own.
    #[serde(default)]
    pub rows: Vec<String>,
    /// Why they could not be read.
    #[serde(default)]
    pub unreadable: Option<String>,
    /// Whether this look was told of, and they were read after that.
    #[serde(default)]
    pub asked: bool,
    /// Whether it is this execution that has told people of the common cause.
    #[serde(default)]
    pub is_teller: bool,
}

/// A row to write, and which others to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Tell {
    /// Its key: when the trouble began, and of which application. Texts of one length sort as their times do.
    pub key: String,
    /// The trouble, as JSON.
    pub row: String,
    /// Keys of others from here on.
    pub from: String,
    /// Keys of others up to here.
    pub until: String,
    /// When the row may be forgotten, in seconds since 1970.
    pub remove_at: String,
}

impl Tell {
    pub(crate) fn of(trouble: &Trouble) -> Self {
        let within = SignedDuration::from_secs(COMMON_WITHIN_SECS);
        let row = serde_json::to_string(trouble).expect("texts, times and flags are JSON");
        Self {
            key: format!("{} {}", second(trouble.began), trouble.application),
            row,
            from: second(trouble.began - within),
            // After every name of that second.
            until: format!("{}~", second(trouble.began + within)),
            remove_at: (trouble.began.as_second() + FORGET_AFTER_SECS).to_string(),
        }
    }
}

fn second(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// What is known of others.
pub(crate) fn others(around: Option<&Around>) -> Others {
    let Some(around) = around else {
        return Others::default();
    };
    let read = |row: &str| {
        serde_json::from_str::<Trouble>(row)
            .map_err(|_| "a row about another application does not parse".to_owned())
    };
    let told = match &around.unreadable {
        Some(why) => Err(why.clone()),
        None => around.rows.iter().map(|row| read(row)).collect(),
    };
    Others {
        // It is this execution's own.
        own: around.told.as_ref().and_then(|told| read(&told.row).ok()),
        told,
        is_teller: around.is_teller,
    }
}

/// Whether others are to be asked once this is told: before anything is done or said for the first time, and when what they have to know of it has changed.
pub(crate) fn asks(around: Option<&Around>, others: &Others, trouble: Option<&Trouble>) -> bool {
    let open = |one: &Trouble| Trouble {
        end: None,
        ..one.clone()
    };
    let is_asked = around.is_none_or(|around| around.asked);
    trouble.is_some_and(|trouble| !is_asked && others.own.as_ref().map(open) != Some(open(trouble)))
}

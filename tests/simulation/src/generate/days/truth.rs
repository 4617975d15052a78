//! What is true of a day, as it is drawn: before its script, and without asking Lifeguard's own judgment.

use serde::Serialize;

/// What would be right in a trouble.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Right {
    /// Back to what had worked.
    Act {
        /// In which way.
        by: Way,
        /// To the code at this S3 key.
        back_to: String,
    },
    /// Nothing is changed, and nobody need judge anything.
    Leave,
    /// Nothing is changed, and a person is asked: what speaks for the change and what speaks against it balance.
    Ask,
    /// Nothing that can be known tells a change from the world: undoing the change and telling that it was not to blame is right, and so is asking.
    FindOut,
}

/// The way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Way {
    /// The version before is the right one: the service rolls back.
    Rollback,
    /// It is not, or nothing runs: the configuration is restored, and started from a snapshot.
    Restore,
}

/// Who is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Blame {
    /// What somebody changed.
    TheChange,
    /// The world outside, or nobody.
    TheWorld,
}

/// A trouble of a day, or what looks like one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Trouble {
    /// Whose.
    pub application: String,
    /// When it begins, in seconds since the region opened.
    pub at_secs: u64,
    /// What would be right.
    pub right: Right,
    /// Who is to blame.
    pub blame: Blame,
    /// Whether what runs when it begins had run well for so long that saying so is true.
    pub had_worked: bool,
    /// What it is, in a few words.
    pub what: &'static str,
}

/// The truth of a day: its troubles, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Truth {
    /// Of all applications; each lasts until the next of the same application, or until the day ends.
    pub troubles: Vec<Trouble>,
}

impl Truth {
    /// Each trouble with the second in which the next of its application begins, or the day ends.
    pub fn until(&self, lasts_secs: u64) -> impl Iterator<Item = (&Trouble, u64)> {
        self.troubles.iter().map(move |trouble| {
            let later = self.troubles.iter().filter(|other| {
                other.application == trouble.application && other.at_secs > trouble.at_secs
            });
            let next = later.map(|other| other.at_secs).min();
            (trouble, next.unwrap_or(lasts_secs))
        })
    }
}

//! The invariants of the design, the count of checks made of each, and what broke one.

use std::{collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::Serialize;

/// An invariant of the design.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[allow(
    missing_docs,
    reason = "the names are the design's; their sentences are below"
)]
pub enum Invariant {
    S1,
    S2,
    S3,
    S4,
    S5,
    S6,
    S7,
    S8,
    S9,
    S10,
    S11,
    N2,
    L1,
    L2,
    L3,
    W1,
    W2,
    W3,
    W4,
    W5,
}

impl Invariant {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::S1,
        Self::S2,
        Self::S3,
        Self::S4,
        Self::S5,
        Self::S6,
        Self::S7,
        Self::S8,
        Self::S9,
        Self::S10,
        Self::S11,
        Self::N2,
        Self::L1,
        Self::L2,
        Self::L3,
        Self::W1,
        Self::W2,
        Self::W3,
        Self::W4,
        Self::W5,
    ];

    /// What it promises.
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::S1 => {
                "a busy application is not touched before its operation's time-out, a healthy one only on a person's word"
            }
            Self::S2 => "no start without state, except on a person's word",
            Self::S3 => {
                "never a snapshot taken after the bad version began, nor of an incompatible runtime, nor older than policy"
            }
            Self::S4 => "at most one change in flight per application, and none without a lease",
            Self::S5 => "every execution ends with exactly one outcome published",
            Self::S6 => "nothing is done to an application that has not opted in",
            Self::S7 => "budgets and brakes are never exceeded",
            Self::S8 => "intent is recorded before each change, and no change is repeated blindly",
            Self::S9 => "no snapshot that a rescue could need is deleted",
            Self::S10 => "no secret in a log, event, message or execution history",
            Self::S11 => {
                "no other application's state is restored or deleted, and the way back over a switch of the snapshot mode is tried before it is burnt"
            }
            Self::N2 => {
                "no snapshot is taken of an unhealthy or busy application, nor under a rescue's lease"
            }
            Self::L1 => "a change-induced fault ends in a soaked RUNNING application",
            Self::L2 => "every execution ends before its deadline",
            Self::L3 => "every lease ends",
            Self::W1 => "content that was proven is not left of Lifeguard's own accord",
            Self::W2 => {
                "what Lifeguard stopped runs again, or a person has taken over, or people know that it is down"
            }
            Self::W3 => {
                "a rescue goes to content that had worked, but for a last resort that is told as such"
            }
            Self::W4 => "what people are told is true",
            Self::W5 => "what is stuck is found, and what was deployed is verified",
        }
    }
}

/// An invariant that did not hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Violation {
    /// Which.
    pub invariant: Invariant,
    /// When.
    pub at: Timestamp,
    /// For which application.
    pub application: String,
    /// What was seen.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            invariant,
            at,
            application,
            text,
        } = self;
        let sentence = invariant.sentence();
        write!(to, "{invariant:?} ({sentence}) is broken at {at:.0}")?;
        if !application.is_empty() {
            write!(to, " for {application}")?;
        }
        write!(to, ": {text}")
    }
}

/// Checks made, and what broke.
#[derive(Clone, Debug, Default)]
pub struct Verdicts {
    /// Checks made of each invariant.
    pub checks: BTreeMap<Invariant, u64>,
    /// What broke, in order.
    pub violations: Vec<Violation>,
}

impl Verdicts {
    /// One check.
    pub fn check(
        &mut self,
        invariant: Invariant,
        holds: bool,
        at: Timestamp,
        application: &str,
        text: impl FnOnce() -> String,
    ) {
        *self.checks.entry(invariant).or_default() += 1;
        if !holds {
            self.violations.push(Violation {
                invariant,
                at,
                application: application.to_owned(),
                text: text(),
            });
        }
    }
}

//! Many days, summed up by kind.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{
    Cost, Mark, Rules,
    judge::{by_another_way, mark},
    record::Seen,
};
use crate::generate::days::{Kind, Right};

/// Of each hundred troubles of a kind at most so many may be left wrongly.
const LEFT_WRONGLY_PERCENT: u64 = 5;
/// And so many asked about where the truth was clear.
const ASKED_PERCENT: u64 = 10;

/// The matrix of one rule set.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Matrix {
    /// Whose.
    pub rules: Rules,
    /// Days.
    pub days: u64,
    /// By kind of day.
    pub kinds: BTreeMap<Kind, Row>,
    /// What was not met rightly.
    pub wrong: Vec<Wrong>,
    /// Seconds from the first fault until somebody acted or was called, of bad changes that were undone.
    pub detected: Vec<u64>,
    /// And until it ran well again.
    pub recovered: Vec<u64>,
    /// Bad changes that were undone in another way than the shortest.
    pub by_another_way: u64,
    /// Seeds whose day ended in a panic.
    pub panicked: Vec<u64>,
}

/// A kind of day.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// How troubles were met.
    pub marks: BTreeMap<Mark, u64>,
    /// What all troubles cost.
    pub cost: Sum,
    /// What those cost that were not met rightly.
    pub cost_of_errors: Sum,
}

/// Costs, summed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Sum {
    /// Seconds in which not every task ran.
    pub down_secs: u64,
    /// Records processed again.
    pub replayed: u64,
    /// Records that readers see more than once.
    pub duplicated: u64,
}

/// A trouble that was not met rightly.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wrong {
    /// The day.
    pub seed: u64,
    /// Its kind.
    pub kind: Kind,
    /// Whose trouble.
    pub application: String,
    /// What it was.
    pub what: &'static str,
    /// When it began, in seconds since the region opened.
    pub at_secs: u64,
    /// What would have been right.
    pub right: Right,
    /// How it was met.
    pub mark: Mark,
    /// What was changed.
    pub did: Vec<String>,
    /// The code of the jobs that this led to.
    pub led_to: Vec<String>,
    /// What people were told.
    pub said: Vec<String>,
    /// What it cost.
    pub cost: Cost,
}

impl Sum {
    /// With what one trouble cost.
    pub(super) fn add(&mut self, cost: &Cost) {
        self.down_secs += cost.down_secs;
        self.replayed += cost.replayed;
        self.duplicated += cost.duplicated;
    }

    /// With what others cost.
    pub(super) fn join(&mut self, other: &Self) {
        self.down_secs += other.down_secs;
        self.replayed += other.replayed;
        self.duplicated += other.duplicated;
    }
}

impl Row {
    /// Troubles that were met so.
    #[must_use]
    pub fn count(&self, mark: Mark) -> u64 {
        self.marks.get(&mark).copied().unwrap_or(0)
    }

    /// All troubles.
    #[must_use]
    pub fn troubles(&self) -> u64 {
        self.marks.values().sum()
    }

    /// Whether what must not be is not.
    #[must_use]
    pub fn holds(&self) -> bool {
        let at_most = |mark, percent| self.count(mark) * 100 <= self.troubles() * percent;
        at_most(Mark::ActedWrongly, 0)
            && at_most(Mark::SaidWrongly, 0)
            && at_most(Mark::LeftWrongly, LEFT_WRONGLY_PERCENT)
            && at_most(Mark::AskedWhereClear, ASKED_PERCENT)
    }

    /// With the troubles of another row.
    pub(super) fn join(&mut self, other: &Self) {
        for (mark, n) in &other.marks {
            *self.marks.entry(*mark).or_default() += n;
        }
        self.cost.join(&other.cost);
        self.cost_of_errors.join(&other.cost_of_errors);
    }
}

impl Matrix {
    /// Of no day yet.
    pub(super) fn of(rules: Rules) -> Self {
        Self {
            rules,
            days: 0,
            kinds: BTreeMap::new(),
            wrong: Vec::new(),
            detected: Vec::new(),
            recovered: Vec::new(),
            by_another_way: 0,
            panicked: Vec::new(),
        }
    }

    /// Whether what must not be is not, of any kind.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.panicked.is_empty() && self.kinds.values().all(Row::holds)
    }

    /// All kinds together.
    #[must_use]
    pub fn all(&self) -> Row {
        let mut all = Row::default();
        self.kinds.values().for_each(|row| all.join(row));
        all
    }

    /// With a day.
    pub(super) fn add(&mut self, seed: u64, kind: Kind, seen: &[Seen]) {
        self.days += 1;
        for one in seen {
            let mark = mark(one);
            let row = self.kinds.entry(kind).or_default();
            *row.marks.entry(mark).or_default() += 1;
            row.cost.add(&one.cost);
            self.by_another_way += u64::from(by_another_way(one));
            if mark == Mark::ActedRightly {
                self.detected.extend(one.cost.detected_secs);
                self.recovered.extend(one.cost.recovered_secs);
            }
            if !mark.is_right() {
                row.cost_of_errors.add(&one.cost);
                self.wrong.push(wrong(seed, kind, mark, one));
            }
        }
    }

    /// The same, whoever played what.
    pub(super) fn sort(&mut self) {
        self.wrong.sort_by_key(|one| (one.seed, one.at_secs));
        self.detected.sort_unstable();
        self.recovered.sort_unstable();
        self.panicked.sort_unstable();
    }
}

fn wrong(seed: u64, kind: Kind, mark: Mark, seen: &Seen) -> Wrong {
    let mut said: Vec<String> = Vec::new();
    for one in &seen.said {
        if said.last() != Some(&one.because) {
            said.push(one.because.clone());
        }
    }
    Wrong {
        seed,
        kind,
        application: seen.trouble.application.clone(),
        what: seen.trouble.what,
        at_secs: seen.trouble.at_secs,
        right: seen.trouble.right.clone(),
        mark,
        did: seen.effects.iter().map(|one| one.verb.clone()).collect(),
        led_to: seen.led_to.clone(),
        said,
        cost: seen.cost,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(marks: &[(Mark, u64)]) -> Row {
        Row {
            marks: marks.iter().copied().collect(),
            ..Row::default()
        }
    }

    #[test]
    fn a_row_holds_within_what_is_to_be_reached() {
        let with = |mark, n| row(&[(Mark::ActedRightly, 100 - n), (mark, n)]).holds();
        assert!(with(Mark::LeftRightly, 50));
        assert!(with(Mark::LeftWrongly, 5) && !with(Mark::LeftWrongly, 6));
        assert!(with(Mark::AskedWhereClear, 10) && !with(Mark::AskedWhereClear, 11));
        assert!(!with(Mark::ActedWrongly, 1) && !with(Mark::SaidWrongly, 1));
    }
}

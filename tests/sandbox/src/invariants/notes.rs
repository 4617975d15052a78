//! What the checker notes of each execution.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::checker::Glance;
use crate::flink::Content;

/// A change that took effect.
#[derive(Clone, Debug)]
pub(super) struct Effect {
    pub(super) at: Timestamp,
    pub(super) verb: String,
    /// The version it was done to.
    pub(super) version: i64,
}

/// One execution.
#[derive(Clone, Debug)]
pub(super) struct ExecutionNotes {
    pub(super) application: String,
    /// The first execution of its line: those that were started because the one before ended without an outcome are one rescue with it.
    pub(super) line: String,
    /// The line of the execution whose expired lease and unfinished plan it found: that rescue it finishes.
    pub(super) finishes: Option<String>,
    /// When its first task began.
    pub(super) began: Timestamp,
    /// What a person asked for.
    pub(super) request: Option<Value>,
    /// The application at its last look.
    pub(super) look: Option<Glance>,
    /// Its last decision.
    pub(super) decided: Option<Timestamp>,
    /// The decision before its first step.
    pub(super) first_step: Option<Timestamp>,
    /// The day on which it was counted among the rescues.
    pub(super) spent: Option<String>,
    /// The limit of rescues when the first step was sent.
    pub(super) limit: Option<u64>,
    /// The version when the last change arrived.
    pub(super) before: Option<i64>,
    /// And its content.
    pub(super) content_before: Option<Content>,
    pub(super) effects: Vec<Effect>,
}

impl ExecutionNotes {
    pub(super) fn new(
        application: &str,
        line: &str,
        began: Timestamp,
        request: Option<Value>,
    ) -> Self {
        Self {
            application: application.to_owned(),
            line: line.to_owned(),
            finishes: None,
            began,
            request,
            look: None,
            decided: None,
            first_step: None,
            spent: None,
            limit: None,
            before: None,
            content_before: None,
            effects: Vec::new(),
        }
    }
}

/// A line of executions.
pub(super) struct Line<'a>(Vec<&'a ExecutionNotes>);

impl<'a> Line<'a> {
    pub(super) fn of(executions: &'a BTreeMap<String, ExecutionNotes>, line: &str) -> Self {
        Self(executions.values().filter(|one| one.line == line).collect())
    }

    pub(super) fn effects(&self) -> impl Iterator<Item = &'a Effect> + Clone {
        self.0.iter().flat_map(|one| &one.effects)
    }

    /// Whether a verb takes effect once more. A rescue may go on to a second target: by one more round of the restore steps, each after all of the others.
    /// A start that began at one of the times of `lost` had no snapshot to start from, and does not count.
    pub(super) fn again(&self, verb: &str, lost: &[Timestamp]) -> bool {
        const ROUND: [&str; 3] = ["StopApplication", "UpdateApplication", "StartApplication"];
        let counts = |effect: &&Effect| verb != "StartApplication" || !lost.contains(&effect.at);
        let own = self
            .effects()
            .filter(|effect| effect.verb == verb)
            .filter(counts);
        let Some(before) = own.clone().map(|effect| effect.at).max() else {
            return false;
        };
        let since = |other: &str| {
            let mut effects = self.effects();
            effects.any(|effect| effect.verb == other && effect.at > before)
        };
        let mut others = ROUND.into_iter().filter(|other| *other != verb);
        own.count() > 1 || !ROUND.contains(&verb) || !others.all(since)
    }

    /// The version that was present before anything was changed.
    pub(super) fn faulty(&self) -> Option<i64> {
        self.effects()
            .min_by_key(|effect| effect.at)
            .map(|effect| effect.version)
    }

    /// When its first execution began.
    pub(super) fn began(&self) -> Option<Timestamp> {
        self.0.iter().map(|one| one.began).min()
    }

    /// When it stopped the application.
    pub(super) fn stopped(&self) -> Option<Timestamp> {
        let stops = self
            .effects()
            .filter(|effect| effect.verb == "StopApplication");
        stops.map(|effect| effect.at).max()
    }

    /// Whether a person asked for it.
    pub(super) fn was_asked_for(&self) -> bool {
        self.0.iter().any(|one| one.request.is_some())
    }

    /// When it sent a rollback, if that was its last change.
    pub(super) fn last_rollback(&self) -> Option<Timestamp> {
        let last = self.effects().max_by_key(|effect| effect.at)?;
        (last.verb == "RollbackApplication").then_some(last.at)
    }

    /// The decision before its first step.
    pub(super) fn first_step(&self) -> Option<Timestamp> {
        self.0.iter().filter_map(|one| one.first_step).min()
    }

    /// The day on which it was counted among the rescues.
    pub(super) fn spent(&self) -> Option<&'a str> {
        self.0.iter().find_map(|one| one.spent.as_deref())
    }

    /// The line whose rescue it finishes.
    pub(super) fn finishes(&self) -> Option<&'a str> {
        self.0.iter().find_map(|one| one.finishes.as_deref())
    }

    /// The limit of rescues when its first step was sent.
    pub(super) fn limit(&self) -> Option<u64> {
        self.0.iter().filter_map(|one| one.limit).max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a verb would take effect once more after these.
    fn again(before: &[&str], verb: &str) -> bool {
        again_but(before, verb, &[])
    }

    /// The same where starts of these places had no snapshot to start from.
    fn again_but(before: &[&str], verb: &str, lost: &[i64]) -> bool {
        let mut notes = ExecutionNotes::new("orders", "line", Timestamp::UNIX_EPOCH, None);
        notes.effects = (0..)
            .zip(before)
            .map(|(at, verb)| Effect {
                at: Timestamp::from_second(at).expect("a time"),
                verb: (*verb).to_owned(),
                version: 1,
            })
            .collect();
        let lost: Vec<Timestamp> = lost
            .iter()
            .map(|at| Timestamp::from_second(*at).expect("a time"))
            .collect();
        Line(vec![&notes]).again(verb, &lost)
    }

    #[test]
    fn a_start_that_had_no_snapshot_may_be_followed_by_another_and_nothing_else_may() {
        const ROUND: [&str; 3] = ["StopApplication", "UpdateApplication", "StartApplication"];
        assert!(again(&ROUND, "StartApplication"));
        assert!(!again_but(&ROUND, "StartApplication", &[2]));
        assert!(again_but(&ROUND, "StartApplication", &[1]));
        assert!(again_but(&ROUND, "UpdateApplication", &[0, 1, 2]));
        assert!(again_but(&ROUND[..2], "StopApplication", &[0, 1]));
        let twice = [ROUND.as_slice(), &ROUND[2..]].concat();
        assert!(again_but(&twice, "StartApplication", &[2]));
        assert!(!again_but(&twice, "StartApplication", &[2, 3]));
    }

    #[test]
    fn one_more_round_goes_to_a_second_target_and_nothing_else_is_repeated() {
        const ROUND: [&str; 3] = ["StopApplication", "UpdateApplication", "StartApplication"];
        let rounds = [["RollbackApplication"].as_slice(), &ROUND, &ROUND].concat();
        for at in 0..rounds.len() {
            assert!(!again(&rounds[..at], rounds[at]), "{at}");
        }
        assert!(ROUND.iter().all(|verb| again(&rounds, verb)));
        assert!(again(&rounds[..1], "RollbackApplication"));
        assert!(ROUND[..2].iter().all(|verb| again(&rounds[..3], verb)));
        assert!(again(&rounds[..5], "StartApplication"));
    }
}

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

    pub(super) fn effects(&self) -> impl Iterator<Item = &'a Effect> {
        self.0.iter().flat_map(|one| &one.effects)
    }

    /// How often a verb took effect.
    pub(super) fn times(&self, verb: &str) -> usize {
        self.effects().filter(|effect| effect.verb == verb).count()
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

//! What the witness notes of each execution.

use jiff::Timestamp;
use serde_json::Value;

use super::Glance;

/// A change that took effect.
#[derive(Clone, Debug)]
pub(crate) struct Effect {
    pub(crate) verb: String,
    /// The version it was done to.
    pub(crate) version: i64,
}

/// One execution.
#[derive(Clone, Debug)]
pub(crate) struct ExecutionNotes {
    pub(crate) application: String,
    /// What a person asked for.
    pub(crate) request: Option<Value>,
    /// The application at its last look.
    pub(crate) look: Option<Glance>,
    /// Its last decision.
    pub(crate) decided: Option<Timestamp>,
    /// The decision before its first step.
    pub(crate) first_step: Option<Timestamp>,
    /// The day on which it was counted among the rescues.
    pub(crate) spent: Option<String>,
    /// The limit of rescues when the first step was sent.
    pub(crate) limit: Option<u64>,
    /// The version when the last change arrived.
    pub(crate) before: Option<i64>,
    pub(crate) effects: Vec<Effect>,
}

impl ExecutionNotes {
    pub(super) fn new(application: &str, request: Option<Value>) -> Self {
        Self {
            application: application.to_owned(),
            request,
            look: None,
            decided: None,
            first_step: None,
            spent: None,
            limit: None,
            before: None,
            effects: Vec::new(),
        }
    }

    /// The version that was present before anything was changed.
    pub(crate) fn faulty(&self) -> Option<i64> {
        self.effects.first().map(|effect| effect.version)
    }
}

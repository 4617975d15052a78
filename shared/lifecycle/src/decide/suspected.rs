//! What the evidence leaves open, on a person's word given ahead: `lifeguard:when-suspected=rollback`.
//!
//! Only RollbackApplication is sent for it: it stops nothing that the service would not start again. Whatever else holds a rescue holds this one.

use super::{Brake, Turn};
use crate::{Decision, Only, Reason, Rescue, Row, WayBack};

/// The tag, as people read it.
const WORD: &str = "lifeguard:when-suspected=rollback";

impl Turn<'_> {
    /// Rolls back where RollbackApplication can do it; else people are asked, and read why.
    pub(super) fn roll_back_suspected(&self, row: Row, way: WayBack, why: &str) -> Decision {
        let not = |not: String| self.held(row, &format!("{why}; {WORD} was not followed: {not}"));
        match self.brake() {
            Some(Brake::Holds(_, brake)) => return not(brake),
            Some(Brake::NotYet(wait)) => return *wait,
            None => {}
        }
        if let Some(wait) = self.wait_for_the_service() {
            return wait;
        }
        // What is not listed may be what the service restores.
        if let Some(doubt) = self.snapshots_unread() {
            return doubt;
        }
        let Some(runtime) = self.s.seen.runtime_of(way.good).cloned() else {
            return not(format!("the runtime of version {} is not known", way.good));
        };
        let snapshot = self.plan_snapshot_to(way.good, &runtime, way.cutoff);
        if snapshot.chosen.is_none() {
            return not(self.no_snapshot(&snapshot));
        }
        let rescue = Rescue {
            faulty_version_id: self.s.seen.application.version_id,
            good_version_id: way.good,
            good_runtime: runtime,
            cutoff: way.cutoff,
            fault_at: self.of_this_version(way.fault_at),
            because: why.to_owned(),
            snapshot,
            fault: self.present_fault(),
            restored: None,
            only: Some(Only::Rollback),
            instead_of: None,
            steps_before: 0,
        };
        if let Some(closed) = self.why_closed(&rescue) {
            return not(closed);
        }
        let why = format!("{why}; {WORD} says to roll it back");
        self.with(rescue, |turn, rescue| turn.roll_back(rescue, &why))
    }

    fn why_closed(&self, rescue: &Rescue) -> Option<String> {
        if !self.is_rollback_open(rescue) {
            let status = &self.s.seen.application.status;
            return Some(format!("RollbackApplication is not possible from {status}"));
        }
        let not = self.why_no_rollback(rescue)?;
        Some(format!("RollbackApplication is not used: {not}"))
    }

    /// The rollback once more where it was not carried out; else it is for people.
    pub(super) fn rollback_or_people(&self, rescue: &Rescue, why: &str) -> Decision {
        if let Some(wait) = self.wait_for_the_service() {
            return wait;
        }
        let why_closed = self.why_closed(rescue);
        if why_closed.is_none() {
            return match self.snapshots_unread() {
                Some(doubt) => doubt,
                None => self.roll_back(rescue, why),
            };
        }
        let before = self.what_went_before(why);
        if self.has_begun() {
            let text = format!("{before}; {WORD} allows no other step");
            return self.escalate(Reason::EveryStepUsed, text);
        }
        let closed = why_closed.filter(|_| self.progress.last_failure().is_none());
        let closed = closed.map_or_else(String::new, |closed| format!("; {closed}"));
        let text = format!(
            "{before}{closed}; {}; {WORD} allows no other step",
            rescue.because
        );
        self.escalate(Reason::Suspected, text)
    }
}

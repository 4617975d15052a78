//! A rescue begins: who is to blame, where to go back to, and from which snapshot.

use super::{Brake, Turn};
use crate::{Decision, Left, Part, Reason, Rescue, Row, Runtime, Verdict};

impl Turn<'_> {
    /// The application is broken and nothing has been done: is the change to blame, and may something be done?
    pub(super) fn begin_rescue(&self) -> Decision {
        let verdict = match self.verdict() {
            Ok(verdict) => verdict,
            Err(cannot_tell) => return *cannot_tell,
        };
        let (row, good, cutoff, fault_at, why) = match verdict {
            Verdict::Change {
                row,
                good,
                cutoff,
                fault_at,
                why,
            } => (row, good, cutoff, fault_at, why),
            Verdict::Held { row, why, left } => {
                let word = self.s.applied.policy.rolls_back_when_suspected;
                return match left {
                    Left::WayBack(way_back) if word => {
                        self.roll_back_suspected(row, way_back, &why)
                    }
                    Left::OnceMore { in_vain_at } if self.nothing_retries() => {
                        self.start_once_more(in_vain_at, &why)
                    }
                    _ => self.held(row, &why),
                };
            }
            Verdict::CannotTell { why, .. } => return self.cannot_tell_yet(Reason::Unknown, why),
        };
        if let Some(frozen) = self.applied_again(row, &why) {
            return frozen;
        }
        if let Some(braked) = self.brakes() {
            return braked;
        }
        let application = &self.s.seen.application;
        let Some(runtime) = self.s.seen.runtime_of(good).cloned() else {
            let text = format!(
                "{}; {why}, but the runtime of version {good} is not known",
                self.s.assessment.reason()
            );
            return self.escalate(Reason::NoVersion, text);
        };
        let snapshot = self.plan_snapshot_to(good, &runtime, cutoff);
        if snapshot.chosen.is_none() {
            if let Some(doubt) = self.snapshots_unread() {
                return doubt;
            }
            let text = format!(
                "{}; {why}, but {}: nothing was touched. A start without state needs a person's word",
                self.s.assessment.reason(),
                self.no_snapshot(&snapshot)
            );
            return self.escalate(Reason::NoSnapshot, text);
        }
        let rescue = Rescue {
            faulty_version_id: application.version_id,
            good_version_id: good,
            good_runtime: runtime,
            cutoff,
            fault_at: self.of_this_version(fault_at),
            because: why.clone(),
            snapshot,
            fault: self.present_fault(),
            restored: None,
            only: None,
            instead_of: None,
            steps_before: 0,
        };
        self.with(rescue, |turn, rescue| turn.next_step(rescue, &why))
    }

    /// What was undone twice within a day is applied by somebody who does not know it, and would be again.
    fn applied_again(&self, row: Row, why: &str) -> Option<Decision> {
        // That today's rescues are used says less.
        let is_free = matches!(
            self.brake(),
            None | Some(Brake::Holds(Reason::BudgetSpent, _))
        );
        let found = self.s.assessment.reason();
        (row == Row::BadTwiceBefore && is_free).then(|| {
            let text = format!(
                "{found}; nothing was changed: {why}; undone once more, it would come back"
            );
            self.escalate(row.reason(), text)
        })
    }

    /// A time since when a version fails is not told to lie before it was made: what failed until then was another.
    pub(super) fn of_this_version(&self, fault_at: jiff::Timestamp) -> jiff::Timestamp {
        let made = self.s.seen.application.version_created_at;
        made.map_or(fault_at, |made| fault_at.max(made))
    }

    /// The same turn with the rescue written down.
    pub(super) fn with(
        &self,
        rescue: Rescue,
        next: impl FnOnce(&Turn<'_>, &Rescue) -> Decision,
    ) -> Decision {
        let mut progress = self.progress.clone();
        progress.rescue = Some(rescue.clone());
        next(
            &Turn {
                s: self.s,
                progress,
                doubt: self.doubt,
            },
            &rescue,
        )
    }

    /// Where a rollback goes, with its runtime.
    pub(super) fn version_before(&self) -> Option<(u64, Runtime)> {
        let before = self.s.seen.application.version_updated_from?;
        Some((before, self.s.seen.runtime_of(before)?.clone()))
    }

    /// Why there is no version to go back to.
    pub(super) fn no_version(&self) -> String {
        match (
            self.s.seen.application.version_updated_from,
            self.s.seen.why_unreadable(Part::Versions),
        ) {
            (None, _) => "the service names no version before this one".into(),
            (Some(before), Some(why)) => {
                format!("version {before}, to go back to, could not be read: {why}")
            }
            (Some(before), None) => format!("version {before}, to go back to, is not known"),
        }
    }
}

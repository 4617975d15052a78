//! The version that was put back fails in its own way, from the right state. Where it had only soaked, the newest proven version before it is next.

use super::Turn;
use crate::{Decision, Further, Reason, Rescue, Step, StepResult, further_back};

impl Turn<'_> {
    /// A second target counts from the moment the application is stopped for it: until then the first one runs, and is judged by its own plan.
    pub(super) fn back_to_the_first_target(&mut self) {
        let stop = self.progress.last(Step::ForceStop);
        let is_begun = stop.is_some_and(|taken| {
            matches!(taken.result, Some(StepResult::Accepted { .. })) || self.left_a_trace(taken)
        });
        let rescue = self.progress.rescue.as_mut().filter(|_| !is_begun);
        if let Some(first) = rescue.and_then(|rescue| rescue.instead_of.take()) {
            self.progress.rescue = Some(*first);
        }
    }

    /// By the restore steps, whatever the way to the first target was. Each step is taken once for each target, and there is no third.
    pub(super) fn go_further_back(&self, rescue: &Rescue, why: &str) -> Decision {
        let people = |not: String| {
            let text =
                format!("{why}. Nothing that is left would start it from anything better: {not}");
            self.escalate(Reason::EveryStepUsed, text)
        };
        if self.s.request.is_some() || rescue.only.is_some() {
            return people("it was all that was asked for".to_owned());
        }
        if rescue.instead_of.is_some() {
            return people("it is the second version that was gone back to".to_owned());
        }
        let ledger = match self.s.ledger {
            Ok(ledger) => ledger,
            Err(why) => return self.ledger_unread(why),
        };
        let (seen, policy) = (self.s.seen, &self.s.applied.policy);
        let version = match further_back(seen, self.s.watch, ledger, policy, rescue.good_version_id)
        {
            Further::To(version) => version,
            Further::Nowhere(not) => return people(not),
        };
        let Some(runtime) = seen.runtime_of(version).cloned() else {
            return people(format!("the runtime of version {version} is not known"));
        };
        let cutoff = match self.cutoff_of(version) {
            Ok(cutoff) => cutoff,
            Err(decision) => return *decision,
        };
        let snapshot = self.plan_snapshot(&runtime, cutoff);
        if snapshot.chosen.is_none() {
            return match self.snapshots_unread() {
                Some(doubt) => doubt,
                None => people(format!(
                    "version {version} had run well before, but {}",
                    self.no_snapshot(&snapshot)
                )),
            };
        }
        let second = Rescue {
            good_version_id: version,
            good_runtime: runtime,
            cutoff,
            snapshot,
            restored: None,
            instead_of: Some(Box::new(rescue.clone())),
            steps_before: self.steps_until_it_ran(),
            ..rescue.clone()
        };
        if self.is_spent_for(&second, Step::ForceStop) {
            return people(format!(
                "version {version} had run well before, and stopping it to go there was tried"
            ));
        }
        let why = format!("{why}. Version {version} had run well before it");
        self.with(second, |turn, second| turn.next_step(second, &why))
    }

    /// Whether a step on the way to a target is used up.
    fn is_spent_for(&self, rescue: &Rescue, step: Step) -> bool {
        let mut progress = self.progress.clone();
        progress.rescue = Some(rescue.clone());
        let turn = Turn {
            s: self.s,
            progress,
            doubt: self.doubt,
        };
        turn.is_spent(step)
    }
}

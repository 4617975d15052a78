//! Other applications: one cause of many is acted on nowhere, and of many that were deployed together one is rescued first.

use super::Turn;
use crate::{
    Action, Assessment, Came, Decision, Ledger, Reason, Situation, Trouble, TroubleEnd,
    trouble::Turn as Whose, verdict,
};

/// Between two looks of an application that waits for its turn.
const LOOK_AGAIN_SECS: u32 = 30;
/// Before people are told of one application where others are in trouble too: what they have in common may show.
const LOOK_AROUND_SECS: u32 = 60;
/// The same before a first step: alarms look once a minute, and an execution that one starts needs a moment to find what is wrong.
const LOOK_AROUND_BEFORE_A_STEP_SECS: u32 = 90;

impl Turn<'_> {
    /// What holds a first change because of others, asked right before it: what they told is not known, one cause is behind it, or others go first.
    pub(super) fn held_by_others(&self) -> Option<Decision> {
        let others = self.s.others;
        if let Err(why) = &others.told {
            return Some(self.others_unread(why));
        }
        let own = others.own.as_ref()?;
        let (own, now) = (own.compared(), self.s.now);
        let common = others.same_fault_elsewhere(&own, now);
        if let Some(why) = common.or_else(|| others.common_cause(&own, now)) {
            return Some(self.wait_for_people(Reason::CommonCause, &why));
        }
        match others.turn() {
            Whose::Own => None,
            Whose::Perhaps(_) if self.progress.shared.has_looked_around => None,
            Whose::Perhaps(why) => {
                Some(self.look_around(LOOK_AROUND_BEFORE_A_STEP_SECS, Reason::CommonCause, &why))
            }
            Whose::After(why) => Some(self.wait_for_its_turn(&why)),
        }
    }

    /// With patience: the one that goes first may never end.
    fn wait_for_its_turn(&self, why: &str) -> Decision {
        let since = self.progress.shared.in_line_since.unwrap_or(self.s.now);
        let patience = i64::from(self.s.applied.policy.external_patience_secs);
        let mut turn = Turn {
            s: self.s,
            progress: self.progress.clone(),
            doubt: self.doubt,
        };
        turn.progress.shared.in_line_since = Some(since);
        if self.secs_since(since) >= patience {
            return turn.wait_for_people(Reason::CommonCause, why);
        }
        let found = self.s.assessment.reason();
        let text = format!("{found}; nothing is changed yet: {why}");
        turn.wait(LOOK_AGAIN_SECS, Reason::CommonCause, text)
    }

    /// One more look before people are told of this application alone, where another is in trouble too.
    pub(super) fn looks_around(&self, because: Reason) -> Option<Decision> {
        let shared = &self.progress.shared;
        let is_told = self.progress.waiting_since.is_some() && !shared.is_told_by_others;
        if because == Reason::CommonCause || shared.has_looked_around || is_told {
            return None;
        }
        let other = self.s.others.another()?;
        let why = format!(
            "{} is in trouble too, and what they have in common may show",
            other.application
        );
        Some(self.look_around(LOOK_AROUND_SECS, because, &why))
    }

    fn look_around(&self, secs: u32, because: Reason, why: &str) -> Decision {
        let mut turn = Turn {
            s: self.s,
            progress: self.progress.clone(),
            doubt: None,
        };
        turn.progress.shared.has_looked_around = true;
        let found = self.s.assessment.reason();
        let text = format!("{found}; one more look first, because {why}");
        turn.wait(secs, because, text)
    }
}

/// What the other executions are to be told of this application's trouble after a decision; None where there is nothing to tell.
///
/// It is told before people are, and before anything is changed: of two executions that tell first and read then, one at least knows of the other.
#[must_use]
pub fn trouble(situation: &Situation<'_>, decision: &Decision) -> Option<Trouble> {
    let Situation {
        seen,
        watch,
        assessment,
        applied,
        ..
    } = situation;
    let own = situation.others.own.as_ref();
    let is_ours = applied.opted_in && applied.other_stack.is_none() && !applied.is_nobodys;
    // What somebody asked for, and what came after a step, is Lifeguard's own doing.
    let has_begun = !situation.progress.steps.is_empty() || situation.request.is_some();
    let is_found = match assessment {
        Assessment::Looping { .. } | Assessment::ComesBack { .. } | Assessment::Failed { .. } => {
            true
        }
        Assessment::Settling { .. } | Assessment::NoProgress { .. } | Assessment::Busy { .. } => {
            !matches!(
                decision.because,
                Reason::Settling | Reason::NoProgress | Reason::Busy
            )
        }
        _ => false,
    };
    let empty = Ledger::default();
    let ledger = situation.ledger.as_ref().unwrap_or(&empty);
    let fresh = || verdict::trouble(seen, watch, assessment, ledger, &applied.policy);
    let mut trouble = match own {
        Some(own) if has_begun || !is_found => own.clone(),
        Some(own) => Trouble {
            began: own.began,
            ..fresh()?
        },
        None if has_begun || !is_found || !is_ours => return None,
        None => return fresh(),
    };
    trouble.end = ended(situation, decision);
    Some(trouble)
}

fn ended(situation: &Situation<'_>, decision: &Decision) -> Option<TroubleEnd> {
    if !decision.action.is_final() {
        return None;
    }
    let is = match (&decision.action, decision.because) {
        (Action::Recovered, _) => Came::Recovered,
        (_, Reason::NotTheChange) if decision.progress.has_acted() => Came::SameFault,
        (Action::LeaveAlone, _) => Came::RunsAgain,
        _ => Came::GivenUp,
    };
    Some(TroubleEnd {
        is,
        at: situation.now,
    })
}

//! What to do next: each step at most once for each target, and doubt ends in escalation.
//!
//! Level-triggered: decides from what the service says now; [`Progress`] only says which steps are used. Invariants S1–S3, S6 and S7 of the design are decided here.

mod asked;
mod check;
mod closed;
mod doubt;
mod effect;
mod once_more;
mod others;
mod outcome;
mod rescue;
mod restored;
mod second_target;
mod snapshot;
mod steps;
mod suspected;
mod takeover;
mod transaction;
mod waiting;

pub(crate) use doubt::unread_of;
pub(crate) use effect::is_lost;
use jiff::Timestamp;
pub use others::trouble;

use crate::{
    Action, Applied, Assessment, Before, Decision, Doubt, LedgerView, Mode, Notice, Observation,
    OperationKind, OtherStack, Others, Plan, Predecessor, Progress, Reason, Request, Severity,
    Step, StepResult, StepTaken, StopSwitch, Watch, progress::STORED_OTHERWISE, stop::would_have,
};

/// Looks in a row that may fail to tell before a person's request is carried out all the same.
const BLIND_LOOKS_BEFORE_A_REQUEST: u32 = 3;

/// Errors of a step that another try would meet again.
const FOR_GOOD: [&str; 6] = [
    "Lifeguard.Refused",
    "Lifeguard.CannotCarry",
    STORED_OTHERWISE,
    "Lifeguard.NotAllowed",
    "Lifeguard.BadInput",
    "Lifeguard.Internal",
];

/// All that a turn knows.
#[derive(Clone, Copy, Debug)]
pub struct Situation<'a> {
    /// The look.
    pub seen: &'a Observation,
    /// What was carried from look to look.
    pub watch: &'a Watch,
    /// What both say.
    pub assessment: &'a Assessment,
    /// The rules for this application.
    pub applied: &'a Applied,
    /// The ledger.
    pub ledger: &'a LedgerView,
    /// What is known of other applications' troubles.
    pub others: &'a Others,
    /// What this execution did so far.
    pub progress: &'a Progress,
    /// What a person asked for.
    pub request: Option<&'a Request>,
    /// The stop switch, when it was found on right before the change that was decided on this very look.
    pub stop: Option<&'a StopSwitch>,
    /// The execution before, on the first turn of one that takes over from it.
    pub predecessor: Option<&'a Predecessor>,
    /// The time.
    pub now: Timestamp,
    /// When the execution started.
    pub started_at: Timestamp,
    /// Whether the execution was redriven: it ended, others may have acted since, and what it carries is of then.
    pub redriven: bool,
}

/// Decides.
#[must_use]
pub fn decide(situation: &Situation<'_>) -> Decision {
    // A doubt lasts only while turn after turn is in it: the turn that still is puts it back.
    let mut progress = situation.progress.clone();
    let doubt = progress.doubt.take();
    progress.shared.is_told_by_others &= !situation.others.is_teller;
    let mut turn = Turn {
        s: *situation,
        progress,
        doubt,
    };
    turn.back_to_the_first_target();
    turn.keep_restored();
    turn.redriven()
        .or_else(|| turn.takes_over())
        .or_else(|| turn.gates())
        .or_else(|| turn.busy())
        .or_else(|| turn.unknown())
        .or_else(|| turn.rescue_under_way())
        .or_else(|| turn.asked())
        .unwrap_or_else(|| turn.judged())
}

/// One turn; its methods are in this file (gates, verdicts), `takeover` (what another left), `waiting` (patience), `doubt` (what cannot be told yet), `rescue` (its begin), `steps`, `check` (before them), `outcome`, `restored`, `snapshot`
/// and `asked` (a person's word).
struct Turn<'a> {
    s: Situation<'a>,
    progress: Progress,
    /// What the turns before could not tell.
    doubt: Option<Doubt>,
}

/// What holds every change.
enum Brake {
    /// For that reason, in a sentence.
    Holds(Reason, String),
    /// It cannot be told, or others go first: that wait.
    NotYet(Box<Decision>),
}

impl Turn<'_> {
    fn say(&self, action: Action, because: Reason, reason: impl Into<String>) -> Decision {
        Decision {
            action,
            because,
            reason: reason.into(),
            progress: self.progress.clone(),
            notice: None,
        }
    }

    fn escalate(&self, because: Reason, reason: impl Into<String>) -> Decision {
        self.say(Action::Escalate, because, reason)
    }

    fn leave_alone(&self, because: Reason, reason: impl Into<String>) -> Decision {
        self.say(Action::LeaveAlone, because, reason)
    }

    /// A wait, never past the deadline.
    fn wait(&self, secs: u32, because: Reason, reason: impl Into<String>) -> Decision {
        let left = self.secs_left().clamp(1, i64::from(secs.max(1)));
        self.say(
            Action::Wait {
                secs: u32::try_from(left).unwrap_or(1),
            },
            because,
            reason,
        )
    }

    fn secs_left(&self) -> i64 {
        self.s.started_at.as_second() + i64::from(self.s.applied.policy.deadline_secs)
            - self.s.now.as_second()
    }

    fn secs_since(&self, when: Timestamp) -> i64 {
        self.s.now.as_second() - when.as_second()
    }

    /// An execution that was redriven has neither a lease nor fresh variables, so it ends here.
    fn redriven(&self) -> Option<Decision> {
        let name = &self.s.seen.application.name;
        self.s.redriven.then(|| {
            let text = format!(
                "this execution of {name} was redriven, and a redriven execution changes nothing; start a new execution, it begins with what is so now"
            );
            self.escalate(Reason::Redriven, text)
        })
    }

    /// The same of a time that Flink told, by Flink's clock where the job could be read.
    fn secs_since_flinks(&self, when: Timestamp) -> i64 {
        let now = self.s.seen.job.as_ref().map_or(self.s.now, |job| job.at);
        now.as_second() - when.as_second()
    }

    /// What ends a turn whatever the application's health.
    fn gates(&self) -> Option<Decision> {
        let application = &self.s.seen.application;
        let name = &application.name;
        if !application.runtime.is_flink() {
            let text = format!(
                "{name} runs {}; SQL and Studio applications are out of scope and were not touched",
                application.runtime
            );
            return Some(self.escalate(Reason::NotFlink, text));
        }
        if application.status == crate::ApplicationStatus::Deleting {
            return Some(self.leave_alone(Reason::Deleting, format!("{name} is being deleted")));
        }
        if let Some(doubt) = self.tags_unread() {
            return Some(doubt);
        }
        if !self.s.applied.opted_in {
            return Some(self.not_opted_in(name));
        }
        if let Some(other) = &self.s.applied.other_stack {
            return Some(self.others(name, other));
        }
        if self.s.applied.is_nobodys {
            let why = self.s.applied.findings.join("; ");
            return Some(self.escalate(
                Reason::PolicyUnclear,
                format!("{name} belongs to no stack, so it was not looked at: {why}"),
            ));
        }
        if let Some(quiet) = self.silenced(name) {
            return Some(quiet);
        }
        if self.secs_left() <= 0 {
            return Some(self.past_the_deadline());
        }
        if let Some(what) = self.foreign_hand() {
            if let Some(decision) = self.stored_by_somebody(&what) {
                return Some(decision);
            }
            let text = format!(
                "during the rescue of {name} somebody else acted ({what}); nothing more is done, so as not to work against them"
            );
            return Some(self.escalate(Reason::SomebodyElseActed, text));
        }
        let refused = self.s.request.and_then(|request| request.check().err())?;
        Some(self.escalate(Reason::RequestRefused, refused))
    }

    /// Somebody wants to hear nothing of it for a while. What was begun is finished, and a person's word counts.
    fn silenced(&self, name: &str) -> Option<Decision> {
        let until = self.s.applied.policy.quiet_until?;
        let applies = until > self.s.now && self.s.request.is_none() && !self.has_begun();
        applies.then(|| {
            let text = format!("{name} is silenced until {until} by its tag lifeguard:quiet-until");
            self.leave_alone(Reason::Quiet, text)
        })
    }

    fn past_the_deadline(&self) -> Decision {
        let unread = self.unread();
        let unread = if unread.is_empty() {
            unread
        } else {
            format!("; {unread}")
        };
        let text = format!(
            "{} is {} at this execution's deadline: {}{unread}",
            self.s.seen.application.name,
            self.s.assessment.word(),
            self.s.assessment.reason()
        );
        self.escalate(Reason::Deadline, text)
    }

    fn not_opted_in(&self, name: &str) -> Decision {
        if self.progress.has_acted() {
            let why = self.s.applied.findings.join("; ");
            return self.escalate(
                Reason::PolicyUnclear,
                format!("{name} does not count as opted in: {why}"),
            );
        }
        let text = format!(
            "{name} has not opted in: tag it {}=true to have it looked after",
            crate::MANAGED_TAG
        );
        if self.s.request.is_some() {
            self.escalate(Reason::NotOptedIn, text)
        } else {
            self.leave_alone(Reason::NotOptedIn, text)
        }
    }

    /// What belongs to another stack is left alone. People hear of it when they asked for something, and when it was moved in the middle of a rescue.
    fn others(&self, name: &str, other: &OtherStack) -> Decision {
        let text = format!("{name} is left alone: {other}");
        if self.s.request.is_some() || self.progress.has_acted() {
            self.escalate(Reason::OtherStack, text)
        } else {
            self.leave_alone(Reason::OtherStack, text)
        }
    }

    /// What somebody else did since our first step, if anything.
    fn foreign_hand(&self) -> Option<String> {
        self.foreign_operation().or_else(|| self.foreign_version())
    }

    /// A configuration that is changed while READY is a version and no operation. Putting one back makes one version, and nothing that may follow makes another.
    fn foreign_version(&self) -> Option<String> {
        let application = &self.s.seen.application;
        // A start is sent for the version that is there, and makes none.
        let started = self.progress.last(Step::Start);
        if let Some(StepResult::Accepted { .. }) = started.and_then(|taken| taken.result.as_ref())
            && started.is_some_and(|taken| application.version_id > taken.version_id)
        {
            return Some(format!("version {} was made", application.version_id));
        }
        let Some(taken) = self.progress.last(Step::RestoreConfiguration) else {
            let now = self.version_since_the_stop()?;
            return Some(format!("version {now} was made"));
        };
        let sent = matches!(taken.result, Some(StepResult::Accepted { .. }))
            || taken.stored_otherwise()
            || effect::is_lost(taken);
        let now = application.version_id;
        // After a rollback that took the old number back, the next version is not the next number.
        let is_next = now == taken.version_id + 1
            || application.version_updated_from == Some(taken.version_id);
        let is_ours = sent && is_next;
        (now > taken.version_id && !is_ours).then(|| format!("version {now} was made"))
    }

    /// An operation that began after our first step and is none of ours, nor the service's own doing.
    fn foreign_operation(&self) -> Option<String> {
        self.foreign_operation_of(&[
            OperationKind::Start,
            OperationKind::Update,
            OperationKind::Stop,
            OperationKind::Rollback,
        ])
    }

    fn foreign_operation_of(&self, changes: &[OperationKind]) -> Option<String> {
        let first = self.progress.steps.first()?;
        let foreign = self.s.seen.operations.iter().find(|operation| {
            changes.contains(&operation.kind())
                && effect::began_after(first, operation)
                    .unwrap_or_else(|| operation.started_at > first.at)
                && !self.is_ours(&operation.id, operation.kind())
        })?;
        Some(format!("{} at {}", foreign.name, foreign.started_at))
    }

    /// By id where the service named one; a step whose answer was lost is known by its kind only. One that was refused began no operation.
    fn is_ours(&self, id: &str, kind: OperationKind) -> bool {
        let by_step = self.progress.steps.iter().any(|taken| match &taken.result {
            Some(StepResult::Accepted {
                operation_id: Some(ours),
            }) => ours == id,
            Some(StepResult::Accepted { operation_id: None }) => kind == kind_of(taken.step),
            _ => {
                (effect::is_lost(taken) || taken.stored_otherwise()) && kind == kind_of(taken.step)
            }
        });
        let by_service = || {
            self.s
                .seen
                .operations
                .iter()
                .any(|operation| operation.rollback_operation_id.as_deref() == Some(id))
        };
        by_step
            || kind == OperationKind::Rollback
                && (self.s.seen.application.system_rollback_enabled == Some(true) || by_service())
    }

    fn unknown(&self) -> Option<Decision> {
        let Assessment::Unknown { why } = self.s.assessment else {
            return None;
        };
        // A person who asks for something knows that the job cannot be read: that is often why they ask.
        let is_asked = self.s.request.is_some() && self.progress.steps.is_empty();
        if is_asked && self.s.watch.blind_looks >= BLIND_LOOKS_BEFORE_A_REQUEST {
            return None;
        }
        Some(if is_asked {
            self.cannot_tell_yet(Reason::Unknown, why.clone())
        } else {
            self.waits_for(crate::Part::Job, Reason::Unknown, why.clone())
        })
    }

    /// No rescue is under way and nobody asked for anything: the verdict decides.
    fn judged(&self) -> Decision {
        match self.s.assessment {
            Assessment::Healthy { .. } => self.healthy(),
            Assessment::Finished => self.leave_alone(
                Reason::Finished,
                "the job is bounded and done; READY is right",
            ),
            Assessment::Stopped { why } => self.found_stopped(why),
            Assessment::Settling { why } => self.settle(why),
            Assessment::NoProgress { since, .. } => self.no_progress(*since),
            _ if self.is_no_loop_yet() => self.too_few_incidents(),
            Assessment::Looping { .. }
            | Assessment::ComesBack { .. }
            | Assessment::Failed { .. } => self.begin_rescue(),
            Assessment::Busy { .. } | Assessment::Unknown { .. } => {
                self.escalate(Reason::Unknown, "a verdict was left over; this is a defect")
            }
        }
    }

    fn healthy(&self) -> Decision {
        let reason = self.s.assessment.reason();
        if self.progress.waiting_since.is_some() {
            return self.leave_alone(
                Reason::RunsAgain,
                format!("it runs again without a change: {reason}"),
            );
        }
        let application = &self.s.seen.application;
        match application.version_rolled_back_from {
            Some(from) if application.system_rollback_enabled == Some(true) => {
                let text = format!("the service rolled version {from} back by itself: {reason}");
                self.leave_alone(Reason::SystemRolledBack, text)
            }
            _ => self.leave_alone(Reason::Healthy, reason),
        }
    }

    /// A decision to change something: the intent is written into the progress first. Everything but a rollback is done by one function, which a stack may lack.
    fn step(&self, step: Step, plan: Plan, because: Reason) -> Decision {
        if step != Step::Rollback && !self.s.applied.policy.allow_force_stop {
            let text = format!(
                "this stack is deployed without the function that force-stops, restores and starts (ForceStop=disabled), so a person is needed to {}",
                plan.reason
            );
            return self.escalate(Reason::ForceStopDisabled, text);
        }
        if let Some(stop) = self.s.stop {
            return self.stopped(stop, step, &plan);
        }
        if let Some(pause) = self.pause_before(step) {
            return pause;
        }
        let plan = Plan {
            status: Some(self.s.seen.application.status.clone()),
            ..plan
        };
        let mut progress = self.progress.clone();
        if let (Step::Rollback | Step::Start, Some(rescue)) = (step, progress.rescue.as_mut()) {
            rescue.restored = None;
        }
        let mut taken = StepTaken {
            step,
            at: self.s.now,
            version_id: plan.version_id,
            result: None,
            before: Some(Before::of(self.s.seen, self.s.watch)),
            tries: 1,
            first_at: None,
        };
        if let Some(last) = self.not_carried_out(step) {
            taken.tries = last.tries.saturating_add(1);
            taken.first_at = last.first_at.or(Some(last.at));
            taken.before = last.before.clone();
            progress.steps.pop();
        }
        progress.steps.push(taken);
        let reason = plan.reason.clone();
        let action = match step {
            Step::Rollback => Action::Rollback { plan },
            Step::ForceStop => Action::ForceStop { plan },
            Step::RestoreConfiguration => Action::RestoreConfiguration { plan },
            Step::Start => Action::Start { plan },
        };
        Decision {
            action,
            because,
            reason,
            progress,
            notice: None,
        }
    }

    /// Nothing is sent while the stop switch is on: the step is not written into the progress, and people are told what it was.
    fn stopped(&self, stop: &StopSwitch, step: Step, plan: &Plan) -> Decision {
        let application = &self.s.seen.application;
        let (name, status) = (&application.name, &application.status);
        let because = match stop {
            StopSwitch::Thrown { .. } => Reason::StopSwitch,
            StopSwitch::Unreadable { .. } => Reason::StopSwitchUnreadable,
        };
        let nothing = if self.progress.has_acted() {
            "nothing more was changed"
        } else {
            "nothing was changed"
        };
        let down = if self.progress.brought_down(self.s.seen) {
            format!(
                " {name} IS DOWN ({status}): Lifeguard stopped it, and nothing starts it while the switch is on."
            )
        } else {
            String::new()
        };
        let text = format!(
            "{stop}. So {nothing}.{down} Otherwise Lifeguard would now have {}: {}",
            would_have(step, plan),
            plan.reason
        );
        self.escalate(because, text)
    }

    /// Why nothing may be changed, if so, said to people.
    fn brakes(&self) -> Option<Decision> {
        let (because, why) = match self.brake()? {
            Brake::NotYet(wait) => return Some(*wait),
            Brake::Holds(because, why) => (because, why),
        };
        let found = self.s.assessment.reason();
        let nothing = if self.progress.has_acted() {
            "nothing more was changed"
        } else {
            "nothing was changed"
        };
        // What is wrong with the tags or a setting is a reason, the rest are facts.
        let why = match because {
            Reason::PolicyUnclear | Reason::KeyNotUsable | Reason::UnknownSetting => {
                format!("because {why}")
            }
            _ => why,
        };
        Some(self.escalate(because, format!("{found}; {nothing}, {why}")))
    }

    /// What holds every change: mode, tags, ledger, budget. A person's word lifts the budget only.
    fn brake(&self) -> Option<Brake> {
        let applied = self.s.applied;
        if !applied.findings.is_empty() {
            let why = applied.findings.join("; ");
            return Some(Brake::Holds(Reason::PolicyUnclear, why));
        }
        if applied.policy.mode == Mode::Observe {
            let why = "the mode is observe".to_owned();
            return Some(Brake::Holds(Reason::ObserveOnly, why));
        }
        if let Some((because, why)) = self.closed_by_a_setting() {
            return Some(Brake::Holds(because, why));
        }
        // What was begun is finished without the ledger: it holds the budget, and that was spent when it was begun.
        if self.s.request.is_some() && self.s.ledger.is_ok() || self.has_begun() {
            return None;
        }
        let ledger = match self.s.ledger {
            Ok(ledger) => ledger,
            Err(why) => return Some(Brake::NotYet(Box::new(self.ledger_unread(why)))),
        };
        // A step that was decided on and not carried out is counted already.
        let counted = u32::from(!self.progress.steps.is_empty());
        let (begun, allowed) = (ledger.rescues_today, applied.policy.rescues_per_day);
        if begun.saturating_sub(counted) >= allowed {
            let why = format!("{begun} rescue(s) were begun today and {allowed} are allowed");
            return Some(Brake::Holds(Reason::BudgetSpent, why));
        }
        self.held_by_others()
            .map(|wait| Brake::NotYet(Box::new(wait)))
    }

    /// Whether something was changed by this rescue, or may have been.
    fn has_begun(&self) -> bool {
        self.progress.has_acted() || self.took_effect_unheard()
    }

    fn notice(&self, decision: Decision, news: &str, text: String) -> Decision {
        // What ends here is said by the report.
        let severity = match decision.action {
            Action::Wait { .. } => Severity::Action,
            _ => Severity::Info,
        };
        // What cannot be told yet, and what a person asked for, needs nobody yet.
        let tag = match severity {
            Severity::Action if decision.progress.doubt.is_none() => "[ACTION NEEDED] ",
            _ => "[WARNING] ",
        };
        let subject = crate::subject(tag, &self.s.seen.application.name, news);
        let notice = (!decision.action.is_final()).then_some(Notice {
            subject,
            text,
            severity,
            common: None,
        });
        Decision { notice, ..decision }
    }
}

/// Errors after which a step may be tried again: it was decided on a picture that was old, or nobody knows how it went (a crash, a time-out: the list of those is Lambda's, and
/// open). The steps are fenced and idempotent.
fn may_be_tried_again(error: &str) -> bool {
    !FOR_GOOD.contains(&error)
}

fn kind_of(step: Step) -> OperationKind {
    match step {
        Step::Rollback => OperationKind::Rollback,
        Step::ForceStop => OperationKind::Stop,
        Step::RestoreConfiguration => OperationKind::Update,
        Step::Start => OperationKind::Start,
    }
}

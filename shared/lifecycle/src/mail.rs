//! Who is sent a message, and how urgent it is. Mail says what was changed or what needs somebody; the rest is an event.
//!
//! Deliberately absent: what the message says. That is the report's business.

use serde::{Deserialize, Serialize};

use crate::{Action, Decision, Observation, Progress, Reason, StepResult, decide::is_lost};

/// How urgent a message is. A subscription can filter by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Severity {
    /// Nobody has to do anything.
    Info,
    /// Somebody has to do something, in working hours.
    Action,
    /// An application does not work and Lifeguard does nothing more about it: somebody has to do something now.
    Page,
}

/// A message about the end of an execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Mail {
    /// How urgent it is.
    pub severity: Severity,
    /// What it is about.
    pub kind: Reason,
}

/// The message of a final decision; none where nothing was changed and nobody is needed. Whoever asked for something, or was told of trouble, hears how it ended.
#[must_use]
pub fn mail(decision: &Decision, seen: &Observation, asked: bool) -> Option<Mail> {
    let (kind, progress) = (decision.because, &decision.progress);
    // What many applications share is one message, and another execution's.
    let is_told_by_others = progress.shared.is_told_by_others
        && matches!(kind, Reason::CommonCause | Reason::RunsAgain);
    if is_told_by_others && !asked && !progress.brought_down(seen) && !may_have_changed(progress) {
        return None;
    }
    let is_awaited = asked || progress.waiting_since.is_some();
    let told_of_change = (may_have_changed(progress) || is_awaited).then_some(Severity::Info);
    let severity = match decision.action {
        _ if progress.brought_down(seen) => Some(Severity::Page),
        Action::Escalate => Some(kind.severity().unwrap_or(Severity::Action)),
        Action::LeaveAlone => kind.severity().or(told_of_change),
        _ => told_of_change,
    };
    severity.map(|severity| Mail { severity, kind })
}

/// Whether a step of it changed something, or nobody knows.
fn may_have_changed(progress: &Progress) -> bool {
    let changed = |taken: &crate::StepTaken| {
        matches!(taken.result, Some(StepResult::Accepted { .. })) || is_lost(taken)
    };
    progress.steps.iter().any(changed)
}

impl Reason {
    /// What an execution that ends for this reason asks of people; None where it asks nothing.
    #[must_use]
    pub fn severity(self) -> Option<Severity> {
        match self {
            Self::PolicyUnclear
            | Self::ObserveOnly
            | Self::LedgerUnreadable
            | Self::ReadingRefused
            | Self::BudgetSpent
            | Self::AppliedAgain
            | Self::OperationStuck
            | Self::SettlingTooLong
            | Self::Unknown
            | Self::NoProgress
            | Self::NotTheChange
            | Self::HadWorked
            | Self::CommonCause
            | Self::Suspected
            | Self::NoVersion
            | Self::NoSnapshot
            | Self::KeyNotUsable
            | Self::UnknownSetting
            | Self::ForceStopDisabled
            | Self::StopSwitch
            | Self::StopSwitchUnreadable
            | Self::EveryStepUsed
            | Self::SomebodyElseActed
            | Self::Deadline => Some(Severity::Page),
            Self::NotFlink
            | Self::RequestRefused
            | Self::RequestInterrupted
            | Self::Redriven
            | Self::SystemRolledBack => Some(Severity::Action),
            Self::Recovered => Some(Severity::Info),
            Self::NotOptedIn
            | Self::OtherStack
            | Self::Busy
            | Self::Deleting
            | Self::Settling
            | Self::TooFewRestarts
            | Self::Healthy
            | Self::RunsAgain
            | Self::Stopped
            | Self::Quiet
            | Self::StoppedByPerson
            | Self::Finished
            | Self::ChangeToBlame
            | Self::NextStep
            | Self::AskedFor => None,
        }
    }
}

//! What an execution that ends adds to the project's figures: how soon the trouble was found, how long it lasted, what it cost, and who was to blame.

use lambda_kit::Metric;
use lifecycle::{Action, Assessment, Decision, Reason};

use crate::{Event, report::Impact};

/// The figures of a final decision; none of one that is none. What a person asked for is nobody's verdict.
pub(crate) fn of(
    event: &Event,
    decision: &Decision,
    impact: Option<&Impact>,
) -> Vec<(Metric, u64)> {
    if !decision.action.is_final() || event.request.is_some() {
        return Vec::new();
    }
    let mut figures: Vec<(Metric, u64)> =
        verdict(decision).map(|one| (one, 1)).into_iter().collect();
    if decision.because == Reason::ObserveOnly {
        figures.push((Metric::WouldHaveActed, 1));
    }
    let rescue = decision.progress.rescue.as_ref();
    let began = rescue
        .map(|rescue| rescue.fault_at)
        .or_else(|| impact.map(|impact| impact.down_from))
        .or(match event.look.assessment {
            Assessment::Looping { since, .. } | Assessment::ComesBack { since, .. } => Some(since),
            _ => None,
        });
    let mut time = |metric, secs: Option<i64>| {
        let secs = secs.and_then(|secs| u64::try_from(secs).ok());
        figures.extend(secs.map(|secs| (metric, secs)));
    };
    // One that verifies a deployment was there before the fault.
    let found = began.map(|began| (event.started_at.as_second() - began.as_second()).max(0));
    time(Metric::SecondsToDetect, found);
    let runs_again =
        matches!(decision.action, Action::Recovered) || decision.because == Reason::RunsAgain;
    let runs_again = impact
        .and_then(|impact| impact.processing_at)
        .filter(|_| runs_again);
    let lasted = began.zip(runs_again);
    time(
        Metric::SecondsToRecover,
        lasted.map(|(began, at)| at.as_second() - began.as_second()),
    );
    time(
        Metric::SecondsDown,
        impact.and_then(|impact| impact.down_secs),
    );
    time(
        Metric::SecondsReplayed,
        impact.and_then(|impact| impact.processed_twice_secs),
    );
    figures
}

/// What was said of the last change. Without a rescue, what holds a rescue back came after the change was blamed.
pub(crate) fn verdict(decision: &Decision) -> Option<Metric> {
    let rescue = decision.progress.rescue.as_ref();
    match decision.because {
        Reason::HadWorked => Some(Metric::HadWorked),
        Reason::NotTheChange => Some(Metric::NotTheChange),
        Reason::CommonCause => Some(Metric::CommonCause),
        Reason::Suspected => Some(Metric::Suspected),
        Reason::ObserveOnly
        | Reason::BudgetSpent
        | Reason::AppliedAgain
        | Reason::NoSnapshot
        | Reason::EveryStepUsed
        | Reason::StopSwitch
        | Reason::ForceStopDisabled => Some(Metric::ChangeToBlame),
        _ => rescue
            .filter(|rescue| rescue.only.is_none())
            .map(|_| Metric::ChangeToBlame),
    }
}

//! The present trouble: when it began, and in which version.

use jiff::Timestamp;

use super::{
    evidence::{Credit, Evidence, Known},
    occurrences::Occurrence,
};
use crate::{Assessment, JobState, OperationKind, OperationStatus};

/// When the present trouble began, as far as it was seen: no time lies before the first fault that is known.
pub(super) fn began(evidence: &Evidence<'_>, assessment: &Assessment) -> Option<Timestamp> {
    let seen = evidence.seen;
    match assessment {
        Assessment::Looping { since, .. }
        | Assessment::ComesBack { since, .. }
        | Assessment::NoProgress { since, .. }
        | Assessment::Busy { since, .. } => Some(*since),
        Assessment::Settling { .. } => {
            // A job that had come up and does not come up again is in trouble since its fault, not since its start.
            let fault = seen
                .job
                .as_ref()
                .and_then(|job| evidence.watch.trouble_since(job, evidence.policy.soak_secs));
            let run = evidence.watch.job.as_ref().map(|run| run.started_at);
            fault
                .or(run)
                .or_else(|| evidence.watch.status.as_ref().map(|status| status.since))
        }
        Assessment::Failed { .. } => match &seen.job {
            Some(job) => evidence
                .watch
                .trouble_since(job, evidence.policy.soak_secs)
                .or((job.state == JobState::Failed).then_some(job.at)),
            // The operation after which it fell back to READY.
            None => seen
                .operations
                .iter()
                .find(|one| {
                    one.status == OperationStatus::Failed && one.kind() != OperationKind::Stop
                })
                .map(|one| one.ended_at.unwrap_or(one.started_at)),
        },
        _ => None,
    }
}

/// The version in which the episode began: an earlier one where it was failing when it was left and nothing has run well since.
pub(super) fn episodes_version(
    evidence: &Evidence<'_>,
    began: Timestamp,
    last: Occurrence,
) -> Occurrence {
    let soak = i64::from(evidence.policy.soak_secs);
    let mut present = evidence.at(began).unwrap_or(last);
    let began_in = present.from;
    let earlier = evidence.occurrences.iter().rev();
    for before in earlier.filter(|one| one.from < began_in) {
        let ran_well = evidence.ran_at_scale(&present, soak, began, Credit::Possible) == Known::Yes;
        let was_failing = evidence
            .failing_at_the_end(before)
            .is_some_and(|span| span.incidents() > 1);
        // What lies between may have run well, and is nobody's.
        let is_next = before.until == Some(present.from);
        if ran_well || !was_failing || !is_next {
            break;
        }
        present = *before;
    }
    present
}

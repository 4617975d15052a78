//! How long it did not process, and what is processed twice.

use jiff::{SignedDuration, Timestamp};
use lifecycle::{Assessment, Decision, Operation, OperationKind, Step, because, lasting};
use serde::Serialize;

use super::done::Taken;
use crate::Event;

/// A job that fails this soon after the operation that started it has processed nothing: then that operation's start is the end of processing.
const NO_TIME_TO_PROCESS_SECS: i64 = 5;

/// What the trouble cost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Impact {
    /// The last moment at which it processed.
    pub(crate) down_from: Timestamp,
    /// An operation took it down, and how long the job ran on before is not known: it did not process for so long at most.
    #[serde(skip)]
    is_at_most: bool,
    /// When it processed again; None while it does not.
    pub(crate) processing_at: Option<Timestamp>,
    /// Between both.
    pub(crate) down_secs: Option<i64>,
    /// Input since then was read again: when the restored snapshot was taken.
    read_again_from: Option<Timestamp>,
    /// So much of it was processed twice, at most.
    pub(crate) processed_twice_secs: Option<i64>,
}

/// None where nothing was disturbed, or nobody can tell since when.
pub(super) fn of(event: &Event, decision: &Decision, steps: &[Taken<'_>]) -> Option<Impact> {
    let carried_out: Vec<&Taken<'_>> = steps.iter().filter(|one| one.was_carried_out()).collect();
    let (down_from, is_at_most) = last_processed(event, decision, &carried_out)?;
    let processing_at = processing_again(event).filter(|at| *at > down_from);
    if processing_at.is_none() && !is_down(event) {
        return None;
    }
    let rescue = decision.progress.rescue.as_ref();
    let went_back = carried_out
        .iter()
        .any(|one| one.is(Step::Rollback) || one.is(Step::Start));
    let snapshot = rescue
        .and_then(|rescue| rescue.snapshot.chosen.as_ref())
        .filter(|_| went_back && processing_at.is_some());
    let taken_at = snapshot.map(|snapshot| snapshot.created_at);
    Some(Impact {
        down_from,
        is_at_most,
        processing_at,
        down_secs: processing_at.map(|at| at.as_second() - down_from.as_second()),
        read_again_from: taken_at,
        processed_twice_secs: taken_at
            .filter(|_| rescue.is_some_and(|rescue| rescue.cutoff < down_from))
            .map(|at| (down_from.as_second() - at.as_second()).max(0)),
    })
}

/// The last moment at which it processed: the trouble's beginning; the operation's, where it came up no more; ours, where it ran until we stopped it. Whether it may have been later.
fn last_processed(
    event: &Event,
    decision: &Decision,
    carried_out: &[&Taken<'_>],
) -> Option<(Timestamp, bool)> {
    let watch = &event.look.watch;
    let first = carried_out.first().map(|one| one.at());
    let Some(rescue) = &decision.progress.rescue else {
        let fault = watch.first_fault.as_ref().map(|fault| fault.at);
        return fault.map(|at| begun_by(event, at));
    };
    if event.request.is_some() {
        // It may have been well until a person's request was carried out.
        let fault = watch.first_fault.as_ref().map(|fault| fault.at);
        let earliest = fault.into_iter().chain(first).min();
        return earliest.map(|at| (at, false));
    }
    let (began, is_at_most) = begun_by(event, rescue.fault_at);
    Some(match first.filter(|first| *first < began) {
        Some(first) => (first, false),
        None => (began, is_at_most),
    })
}

/// When the operation that was still under way, or had just ended, when the trouble began took the job down; whether it may have been later.
fn begun_by(event: &Event, fault_at: Timestamp) -> (Timestamp, bool) {
    let fault = fault_at.as_second();
    let caused = |operation: &&Operation| {
        let ended = operation.ended_at.map(|end| end.as_second());
        operation.started_at.as_second() <= fault
            && ended.is_none_or(|end| fault <= end + NO_TIME_TO_PROCESS_SECS)
    };
    let operation = event.look.observation.operations.iter().find(caused);
    let Some(operation) = operation else {
        return (fault_at, false);
    };
    match ran_on_until(event, operation.started_at) {
        Some(until) => (until.min(fault_at), false),
        None => (
            operation.started_at,
            // Nothing ran before a start.
            operation.kind() != OperationKind::Start,
        ),
    }
}

/// Until when, at least, CloudWatch's minutes show the run that an operation ended: a slow snapshot is taken while it goes on.
fn ran_on_until(event: &Event, began: Timestamp) -> Option<Timestamp> {
    let history = &event.look.watch.history;
    let known_until = history.known?.until;
    let mut ended = history.spans.iter().filter(|span| {
        // In the last of its minutes it may have ended at any time.
        span.incidents() == 0 && span.from < began && span.until < known_until
    });
    let until = ended.next_back()?.until - SignedDuration::from_mins(1);
    (until > began).then_some(until)
}

/// Every task has been up since then: told by the checkpoints, or by the looks.
fn processing_again(event: &Event) -> Option<Timestamp> {
    let Assessment::Healthy { since } = &event.look.assessment else {
        return None;
    };
    let job = event.look.observation.job.as_ref();
    let up = job
        .and_then(|job| job.checkpoints.as_ref())
        .and_then(|checkpoints| checkpoints.oldest_completed_triggered_at);
    let came_up = job.and_then(|job| job.running_at);
    let up = up.filter(|up| came_up.is_none_or(|running| *up >= running));
    Some(up.map_or(*since, |up| up.min(*since)))
}

fn is_down(event: &Event) -> bool {
    matches!(
        event.look.assessment,
        Assessment::Failed { .. } | Assessment::Busy { .. } | Assessment::Stopped { .. }
    )
}

impl Impact {
    /// For people.
    pub(super) fn line(&self, now: Timestamp) -> String {
        let from = self.down_from;
        let Some(to) = self.processing_at else {
            let lasted = now.as_second() - from.as_second();
            return format!(
                "Down since {} ({}).",
                because::moment(from, now),
                lasting(lasted)
            );
        };
        let lasted = lasting(to.as_second() - from.as_second());
        let at_most = if self.is_at_most { "at most " } else { "" };
        let down = format!(
            "Down {at_most}{lasted} ({} to {}).",
            because::clock(from, now),
            because::moment(to, now)
        );
        let Some(read_again) = self.read_again_from else {
            return down;
        };
        let twice = match self.processed_twice_secs {
            Some(secs) if secs > 0 => {
                format!(", up to {} of it twice", lasting(secs))
            }
            _ => String::new(),
        };
        format!(
            "{down} Input since {} (the snapshot) was processed again{twice}.",
            because::clock(read_again, now)
        )
    }
}

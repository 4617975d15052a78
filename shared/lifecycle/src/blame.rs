//! Is the latest change to blame for a fault?
//!
//! Only then does going back help. When the version had been healthy (a broker is down, a permission is gone), Flink's own retry loses nothing: wait and tell people.
//! In doubt the change is not to blame.

use jiff::Timestamp;

use crate::{
    Assessment, Ledger, Observation, Operation, OperationKind, OperationStatus, Part, Policy,
    decide::unread_of,
};

/// The service stamps a version a moment before or after the operation that makes it.
pub(crate) const STAMP_SLACK_SECS: i64 = 120;

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The change that made the present version.
    Change {
        /// When the faulty version began to process; no snapshot from later is right.
        cutoff: Timestamp,
        /// When the trouble began.
        fault_at: Timestamp,
        /// The reason in a sentence.
        why: String,
    },
    /// Not the change.
    Elsewhere {
        /// The reason in a sentence.
        why: String,
    },
    /// Something that would decide could not be read.
    CannotTell {
        /// What, and why.
        why: String,
    },
}

/// Attributes the fault of `assessment`, which must be one: looping, failed, or busy past its time-out.
#[must_use]
pub fn attribute(
    seen: &Observation,
    assessment: &Assessment,
    ledger: &Ledger,
    policy: &Policy,
) -> Blame {
    judge(seen, assessment, ledger, policy).unwrap_or_else(|why| Blame::Elsewhere { why })
}

fn judge(
    seen: &Observation,
    assessment: &Assessment,
    ledger: &Ledger,
    policy: &Policy,
) -> Result<Blame, String> {
    let application = &seen.application;
    let version = application.version_id;
    if let Some(at) = ledger.soaked.get(&version) {
        return Err(format!(
            "version {version} was seen soaked and healthy at {at}"
        ));
    }
    if let Some(why) = unread_of(seen, &[Part::Operations]) {
        return Ok(Blame::CannotTell {
            why: format!("which change came last cannot be told, {why}"),
        });
    }
    if let Some(from) = application.version_rolled_back_from {
        return Err(format!(
            "version {version} is itself the result of a rollback from version {from}"
        ));
    }
    let made_at = application
        .version_created_at
        .ok_or("the service does not say when the present version was made")?;
    let run = run_of(seen, made_at).ok_or_else(|| {
        format!("no start or update since version {version} was made at {made_at} is known")
    })?;
    if let Some(earlier) = ran_before(seen, made_at, run) {
        return Err(format!(
            "version {version} ran before, since {}",
            earlier.started_at
        ));
    }
    let fault_at =
        fault_at(seen, assessment, run).ok_or("when the trouble began cannot be told")?;
    let window_ends = ended(run).as_second() + i64::from(policy.blame_window_secs);
    if fault_at.as_second() < made_at.as_second() - STAMP_SLACK_SECS {
        return Err(format!(
            "the trouble began at {fault_at}, before version {version} was made at {made_at}"
        ));
    }
    // What goes by the first fault is a guess without the exceptions, and a guess exonerates nobody.
    let by_the_first_fault = |why: String| match unread_of(seen, &[Part::Exceptions]) {
        Some(unread) => Ok(Blame::CannotTell {
            why: format!("when the trouble began cannot be told, {unread}"),
        }),
        None => Err(why),
    };
    if fault_at.as_second() > window_ends {
        return by_the_first_fault(format!(
            "version {version} was made at {made_at}, and the trouble began only at {fault_at}"
        ));
    }
    if let Some(own) = restarted_by_service(seen, run, fault_at, policy.soak_secs) {
        return Err(format!(
            "version {version} had been running since {} when {} restarted it at {}",
            ended(run),
            own.name,
            own.started_at
        ));
    }
    if let Some(healthy_secs) = ran_well_for(seen, fault_at, policy.soak_secs) {
        return by_the_first_fault(format!(
            "version {version} ran for {healthy_secs} s before its first fault, much longer than it lives between faults now"
        ));
    }
    let why = format!(
        "version {version} was made by {} at {made_at}, has never soaked healthy, and the trouble began at {fault_at}",
        run.name
    );
    Ok(Blame::Change {
        cutoff: cutoff(seen, run),
        fault_at,
        why,
    })
}

/// The operation that started the present run of the present version.
fn run_of(seen: &Observation, made_at: Timestamp) -> Option<&Operation> {
    let run = seen.newest(&[OperationKind::Start, OperationKind::Update])?;
    (run.started_at.as_second() >= made_at.as_second() - STAMP_SLACK_SECS).then_some(run)
}

/// An earlier start or update that brought the same version up: it has run before, so what changed lies outside.
fn ran_before<'a>(
    seen: &'a Observation,
    made_at: Timestamp,
    run: &Operation,
) -> Option<&'a Operation> {
    let stopped_since = |operation: &Operation| {
        let mut stops = seen
            .operations
            .iter()
            .filter(|other| other.kind() == OperationKind::Stop);
        stops.any(|stop| stop.started_at > operation.started_at && stop.started_at < run.started_at)
    };
    // An update of a stopped application only stored the version; it did not run it.
    let stored_while_ready = |operation: &Operation| {
        operation.kind() == OperationKind::Update
            && run.kind() == OperationKind::Start
            && !stopped_since(operation)
    };
    seen.operations
        .iter()
        .filter(|operation| operation.started_at < run.started_at)
        .filter(|operation| {
            matches!(
                operation.kind(),
                OperationKind::Start | OperationKind::Update
            )
        })
        .filter(|operation| {
            operation.status == OperationStatus::Successful && !stored_while_ready(operation)
        })
        .find(|operation| {
            operation.started_at.as_second() >= made_at.as_second() - STAMP_SLACK_SECS
        })
}

fn fault_at(seen: &Observation, assessment: &Assessment, run: &Operation) -> Option<Timestamp> {
    match assessment {
        Assessment::Looping {
            since, first_fault, ..
        } => Some(
            first_fault
                .as_ref()
                .map_or(*since, |fault| fault.at.min(*since)),
        ),
        // Flink may have dropped the oldest entries before it gave up.
        Assessment::Failed {
            first_fault: Some(fault),
            ..
        } => Some(
            seen.job
                .as_ref()
                .and_then(crate::Job::first_fault_at)
                .map_or(fault.at, |counted| counted.min(fault.at)),
        ),
        Assessment::Failed { .. } if seen.job.is_none() => Some(ended(
            newest_failed(seen)
                .filter(|failed| failed.started_at >= run.started_at)
                .unwrap_or(run),
        )),
        Assessment::Busy { since, .. } => Some(*since),
        _ => None,
    }
}

/// Maintenance or scaling between the run's start and the trouble: what a job did before it is not in its history any more. The service restarts only what has been running.
fn restarted_by_service<'a>(
    seen: &'a Observation,
    run: &Operation,
    fault_at: Timestamp,
    soak_secs: u32,
) -> Option<&'a Operation> {
    seen.operations
        .iter()
        .filter(|operation| {
            matches!(
                operation.kind(),
                OperationKind::Maintenance | OperationKind::Scaling
            ) && operation.started_at <= fault_at
        })
        .find(|operation| {
            operation.started_at.as_second() > ended(run).as_second() + i64::from(soak_secs)
        })
}

/// The operation after which the application fell back to READY: not always the one that started the run.
fn newest_failed(seen: &Observation) -> Option<&Operation> {
    seen.operations.iter().find(|operation| {
        operation.status == OperationStatus::Failed && operation.kind() != OperationKind::Stop
    })
}

fn ended(operation: &Operation) -> Timestamp {
    operation.ended_at.unwrap_or(operation.started_at)
}

/// How long the job ran before its first fault, when that was a good deal longer than both the soak and the time it lives between two faults now.
/// (A version that needs ten minutes to initialise and then throws has a long first run, but its loop is as long.)
fn ran_well_for(seen: &Observation, fault_at: Timestamp, soak_secs: u32) -> Option<i64> {
    let job = seen.job.as_ref()?;
    let ran_secs = fault_at.as_second() - job.started_at.as_second();
    let gap_secs = job.faults.shortest_gap_millis.unwrap_or(0) / 1000;
    (ran_secs > i64::from(soak_secs) + 2 * gap_secs).then_some(ran_secs)
}

/// When the faulty version began to process: its job's start, or, without a job, the end of the operation (no snapshot can be taken during it but its own automatic one,
/// which holds the state of the version before).
fn cutoff(seen: &Observation, run: &Operation) -> Timestamp {
    let ended = run.ended_at.unwrap_or(seen.at);
    let processing = seen
        .job
        .as_ref()
        .map(|job| job.started_at)
        .filter(|started| *started >= run.started_at);
    processing.map_or(ended, |started| started.min(ended))
}

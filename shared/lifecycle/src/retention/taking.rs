//! Whether to take a snapshot. Never of an application that is not verified healthy, that is being changed, or that a rescue is working on.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Lease, Stock, age_of_newest, newest_first, newest_ready, secs_between};
use crate::{
    ApplicationStatus, Assessment, JobState, Observation, Operation, Policy, SnapshotStatus,
    lasting,
};

/// A look that is older than this says nothing about now: tries of the next step and a throttled service fit in.
pub const LOOK_VALID_SECS: i64 = 180;

/// Whether a snapshot is wanted, from the list and the application alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Need {
    /// The newest is fresh enough until the next check.
    Fresh {
        /// In a sentence.
        why: String,
    },
    /// One is being taken.
    Underway {
        /// Its name.
        name: String,
    },
    /// One is wanted, if a look shows that the application is healthy.
    Due {
        /// In a sentence.
        why: String,
    },
    /// None can be taken now.
    NotNow {
        /// In a sentence.
        why: String,
    },
}

impl Need {
    /// The reason in a sentence.
    #[must_use]
    pub fn why(&self) -> String {
        match self {
            Self::Fresh { why } | Self::Due { why } | Self::NotNow { why } => why.clone(),
            Self::Underway { name } => format!("snapshot {name} is being taken"),
        }
    }
}

/// The job as a second, short glance shows it, right before the snapshot is asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct JobNow {
    /// Id.
    pub id: String,
    /// State.
    pub state: JobState,
    /// When it was submitted.
    pub started_at: Timestamp,
}

/// Decides whether one is wanted.
#[must_use]
pub fn need(stock: &Stock<'_>) -> Need {
    let application = stock.application;
    if !application.runtime.is_flink() {
        return Need::NotNow {
            why: format!(
                "it runs on {}: only Flink applications have snapshots",
                application.runtime
            ),
        };
    }
    if application.snapshots_enabled == Some(false) {
        return Need::NotNow {
            why: "snapshots are disabled".into(),
        };
    }
    if application.status != ApplicationStatus::Running {
        return Need::NotNow {
            why: format!(
                "the application is {}: a snapshot can be taken of a RUNNING one only",
                application.status
            ),
        };
    }
    let newest_first = newest_first(stock.snapshots);
    let limit = i64::from(stock.policy.creating_limit_secs);
    let is_underway = |snapshot: &&&crate::Snapshot| {
        snapshot.status == SnapshotStatus::Creating
            && secs_between(snapshot.created_at, stock.now) <= limit
    };
    if let Some(underway) = newest_first.iter().find(is_underway) {
        return Need::Underway {
            name: underway.name.clone(),
        };
    }
    let due_secs = stock.policy.due_secs();
    let Some(newest) = newest_ready(stock.snapshots) else {
        return Need::Due {
            why: "there is no READY snapshot".into(),
        };
    };
    let age_secs = age_of_newest(stock).unwrap_or(i64::MAX);
    if age_secs < i64::from(due_secs) {
        return Need::Fresh {
            why: format!(
                "the newest, {}, is {} old; the next is due at {}",
                newest.name,
                lasting(age_secs),
                lasting(i64::from(due_secs))
            ),
        };
    }
    Need::Due {
        why: format!(
            "the newest, {}, is {} old; from {} on the next is due",
            newest.name,
            lasting(age_secs),
            lasting(i64::from(due_secs))
        ),
    }
}

/// Whether one may be taken now that a look was made. The application in `stock` was read after the look, right before the snapshot is asked for.
///
/// # Errors
/// Why not, in a sentence.
pub fn may_take(
    stock: &Stock<'_>,
    look: &Observation,
    assessment: &Assessment,
    job_now: Result<&JobNow, &str>,
    policy: &Policy,
) -> Result<(), String> {
    match stock.lease {
        Lease::Free => {}
        Lease::Held { by, .. } => return Err(format!("a rescue is running ({by})")),
        Lease::Unknown { why } => {
            return Err(format!(
                "whether a rescue is running could not be read: {why}"
            ));
        }
    }
    nothing_changed(stock, look)?;
    verified(look, assessment, policy)?;
    let seen = look.job.as_ref().ok_or("the look shows no job")?;
    let job = job_now.map_err(|why| format!("the job could not be seen again: {why}"))?;
    if job.id != seen.id || job.started_at != seen.started_at || job.state != JobState::Running {
        return Err(format!(
            "the job is another than the one that was verified: now {} is {}",
            job.id, job.state
        ));
    }
    Ok(())
}

/// Whether the application is still the one that was looked at.
fn nothing_changed(stock: &Stock<'_>, look: &Observation) -> Result<(), String> {
    let (then, now) = (&look.application, stock.application);
    let age_secs = secs_between(look.at, stock.now);
    if age_secs > LOOK_VALID_SECS {
        return Err(format!("the look is {} old", lasting(age_secs)));
    }
    if now.status != ApplicationStatus::Running {
        return Err(format!("the application is {}", now.status));
    }
    if (then.version_id, then.version_created_at) != (now.version_id, now.version_created_at) {
        return Err(format!(
            "the application is at version {}, and version {} was verified",
            now.version_id, then.version_id
        ));
    }
    let operations = stock
        .operations
        .map_err(|why| format!("the operations could not be read: {why}"))?;
    let newest = |operations: &[Operation]| {
        operations
            .iter()
            .max_by_key(|operation| operation.started_at)
            .map(|operation| operation.id.clone())
    };
    if newest(operations) != newest(&look.operations) {
        return Err("another operation has begun since the look".into());
    }
    if let Some(operation) = operations
        .iter()
        .find(|operation| operation.status == crate::OperationStatus::InProgress)
    {
        return Err(format!("{} is in progress", operation.name));
    }
    Ok(())
}

/// What a job with much state needs to come up.
const COMES_UP_WITHIN_SECS: u32 = 900;

/// Whether one look proves the job healthy.
///
/// Either the verifier says so, because the history of checkpoints proves a soak; or the sticky signals do: every restart and every fault leaves a time stamp that never goes
/// back within a job's run, so a job that runs has been undisturbed since the newest of them (a short interval of checkpoints makes their history too short to prove it). How
/// long it then took to restore its state no sign tells, so the time that a job is given to come up is taken off, and a quarter of an hour at least: a policy may give up sooner
/// on a job that should be up, and a job may still take longer.
///
/// # Errors
/// Why not, in a sentence.
pub fn verified(
    look: &Observation,
    assessment: &Assessment,
    policy: &Policy,
) -> Result<(), String> {
    if matches!(assessment, Assessment::Healthy { .. }) {
        return Ok(());
    }
    let not = || {
        Err(format!(
            "it is not verified healthy: {}",
            assessment.at_present()
        ))
    };
    let (Assessment::Settling { .. }, Some(job)) = (assessment, &look.job) else {
        return not();
    };
    let soak_millis = i64::from(policy.soak_secs) * 1000;
    let settled_millis =
        soak_millis + i64::from(policy.settle_timeout_secs.max(COMES_UP_WITHIN_SECS)) * 1000;
    let is_quiet = job.at.as_millisecond() - job.disturbed_at().as_millisecond() >= settled_millis;
    // A restart that left no time stamp would not show in the time of the last disturbance.
    let is_dated =
        job.restarts() == 0 || job.restarting_at.is_some() || job.faults.newest_at.is_some();
    let is_off = |checkpoints: &crate::Checkpoints| checkpoints.is_off;
    let checkpointing = look.application.checkpointing_enabled.unwrap_or(true)
        && !job.checkpoints.as_ref().is_some_and(is_off);
    let completes = job
        .checkpoints
        .as_ref()
        .and_then(|checkpoints| checkpoints.latest_completed_at);
    let progresses = !checkpointing
        || completes.is_some_and(|at| job.at.as_millisecond() - at.as_millisecond() <= soak_millis);
    if job.is_all_running() && is_quiet && is_dated && progresses {
        Ok(())
    } else {
        not()
    }
}

//! `start`: from the chosen snapshot, or, on a person's explicit word, without state.

use lambda_kit::{ErrorType, Failure};
use lifecycle::{Application, ApplicationStatus, Policy, SnapshotMode};
use managed_flink::{
    DescribeApplication, Described, ListTagsForResource, StartApplication, StartFrom, StepAnswer,
    look_before_change, properties, sdk::ApplicationRestoreType,
};

use crate::{Restore, StartPlan, at_version};

/// Starts the application from what the plan names.
///
/// # Errors
/// `BadInput` when the plan names neither a snapshot nor, in as many words, no state; otherwise as for the other steps.
pub async fn start<A>(
    api: &A,
    policy: &Policy,
    name: &str,
    plan: &StartPlan,
) -> Result<StepAnswer, Failure>
where
    A: DescribeApplication + ListTagsForResource + StartApplication,
{
    let from = chosen(name, &plan.restore)?;
    let seen = look_before_change(api, policy, name).await?;
    at_version(&seen.application, plan.version_id)?;
    let allow = plan
        .allow_non_restored_state
        .or(seen.application.allow_non_restored_state)
        .unwrap_or(false);
    fits_the_mode(&seen.application, &from)?;
    let status = &seen.application.status;
    if is_visible(&seen, &from, allow) {
        return Ok(StepAnswer::already_done(&seen.application));
    }
    if *status != ApplicationStatus::Ready {
        return Err(Failure::new(
            ErrorType::Stale,
            format!("{name} is {status}, and not started as planned: look again"),
        ));
    }
    tracing::info!(
        application = name,
        version = plan.version_id,
        ?from,
        allow_non_restored_state = allow,
        "starting"
    );
    let error = match api.start_application(name, &from, allow).await {
        Ok(accepted) => {
            return Ok(StepAnswer::accepted(
                accepted.operation_id,
                seen.application.version_id,
            ));
        }
        Err(error) => error.without(&properties(&seen.detail)),
    };
    if !error.is_outcome_unknown() {
        return Err(error.into_refusal());
    }
    tracing::warn!(application = name, %error, "the answer is lost: looking again");
    let now = api.describe_application(name).await?;
    if now.application.version_id == plan.version_id && is_visible(&now, &from, allow) {
        return Ok(StepAnswer::accepted(None, now.application.version_id));
    }
    Err(error.into_refusal())
}

/// Exactly one of the two must be said. A missing snapshot is never read as "without state".
fn chosen(name: &str, restore: &Restore) -> Result<StartFrom, Failure> {
    let (snapshot, arn) = (&restore.snapshot_name, &restore.snapshot_arn);
    match (snapshot, arn, restore.without_state) {
        (Some(snapshot), None, false) if !snapshot.is_empty() => {
            Ok(StartFrom::Snapshot(snapshot.clone()))
        }
        (Some(_), Some(arn), false) if !arn.is_empty() => {
            Ok(StartFrom::EnhancedSnapshot(arn.clone()))
        }
        (None, None, true) => Ok(StartFrom::Nothing),
        _ => Err(Failure::new(
            ErrorType::BadInput,
            format!(
                "the start of {name} must name either restore.snapshotName or restore.withoutState = true, and not both"
            ),
        )),
    }
}

/// An enhanced snapshot is restored in that mode only, any other outside of it. Decided by the look that fences the start: the mode may have been switched since the plan was made.
fn fits_the_mode(application: &Application, from: &StartFrom) -> Result<(), Failure> {
    let Application {
        name,
        snapshot_mode,
        ..
    } = application;
    let fits = match from {
        StartFrom::EnhancedSnapshot(_) => *snapshot_mode == SnapshotMode::Enhanced,
        StartFrom::Snapshot(_) => *snapshot_mode == SnapshotMode::Legacy,
        StartFrom::Nothing => true,
    };
    if fits {
        return Ok(());
    }
    Err(Failure::new(
        ErrorType::Stale,
        format!(
            "{name} was not started: its snapshot mode is {snapshot_mode}, and the plan names a snapshot of another kind: look again"
        ),
    ))
}

/// Whether the application starts or runs, and from exactly this.
fn is_visible(seen: &Described, from: &StartFrom, allow: bool) -> bool {
    if !matches!(
        seen.application.status,
        ApplicationStatus::Starting | ApplicationStatus::Running
    ) {
        return false;
    }
    let run = seen
        .detail
        .as_sdk()
        .application_configuration_description()
        .and_then(|it| it.run_configuration_description());
    let restore = run.and_then(|it| it.application_restore_configuration_description());
    let matches_state = restore.is_some_and(|restore| match from {
        StartFrom::Snapshot(name) => {
            *restore.application_restore_type() == ApplicationRestoreType::RestoreFromCustomSnapshot
                && restore.snapshot_name() == Some(name)
        }
        StartFrom::EnhancedSnapshot(arn) => {
            *restore.application_restore_type() == ApplicationRestoreType::RestoreFromCustomSnapshot
                && seen.application.started_from_arn.as_ref() == Some(arn)
        }
        StartFrom::Nothing => {
            *restore.application_restore_type() == ApplicationRestoreType::SkipRestoreFromSnapshot
        }
    });
    matches_state && seen.application.allow_non_restored_state.unwrap_or(false) == allow
}

//! `restoreConfiguration`: the configuration of a good version, all of it, put back while the application is READY.

use lambda_kit::{ErrorType, Failure};
use lifecycle::{ApplicationStatus, Policy};
use managed_flink::{
    DescribeApplication, DescribeApplicationVersion, Described, ListTagsForResource, StepAnswer,
    UpdateApplication, look_before_change, properties,
};

use crate::{
    RestorePlan, at_version,
    carry::{CannotCarry, Carried, carry_all},
};

/// Puts the configuration of the plan's target version back. A start is still needed afterwards: from READY the service only stores it.
///
/// # Errors
/// `CannotCarry` naming the parts that no update can restore, with nothing changed; `StoredOtherwise` when the update took effect and is not what it should be; otherwise as for the other steps.
pub async fn restore_configuration<A>(
    api: &A,
    policy: &Policy,
    name: &str,
    plan: &RestorePlan,
) -> Result<StepAnswer, Failure>
where
    A: DescribeApplication + ListTagsForResource + DescribeApplicationVersion + UpdateApplication,
{
    let seen = look_before_change(api, policy, name).await?;
    let status = &seen.application.status;
    if *status != ApplicationStatus::Ready {
        return Err(Failure::new(
            ErrorType::Stale,
            format!("{name} is {status}: a configuration is put back only while READY; look again"),
        ));
    }
    let target = api
        .describe_application_version(name, plan.target_version_id)
        .await?;
    let mut secrets = properties(&seen.detail);
    secrets.extend(properties(&target.detail));
    let carried = carry_all(&seen, &target);
    // Before the fence: a second run finds the version it made itself, and that is success.
    if matches!(carried, Ok(None)) {
        return Ok(StepAnswer::already_done(&seen.application));
    }
    at_version(&seen.application, plan.version_id)?;
    let Some(Carried { change, parts }) = carried.map_err(|error| cannot(name, plan, &error))?
    else {
        return Ok(StepAnswer::already_done(&seen.application));
    };
    let change = match seen.detail.as_sdk().conditional_token() {
        Some(token) => change.conditional_token(token),
        None => {
            change.current_application_version_id(seen.detail.as_sdk().application_version_id())
        }
    };
    tracing::info!(
        application = name,
        from = plan.version_id,
        to = plan.target_version_id,
        parts = parts.join(", "),
        "putting the configuration back"
    );
    match api.update_application(name, change).await {
        Ok((accepted, described)) => {
            let now = match described.filter(|described| is_restored(described, &target)) {
                Some(described) => described,
                // The answer may be sparse or early; what counts is what the service says when asked.
                None => api.describe_application(name).await?,
            };
            checked(name, plan, &now, &target)?;
            Ok(StepAnswer::accepted(
                accepted.operation_id,
                now.application.version_id,
            ))
        }
        Err(error) if error.is_outcome_unknown() => {
            let error = error.without(&secrets);
            tracing::warn!(application = name, %error, "the answer is lost: looking again");
            let now = api.describe_application(name).await?;
            if is_restored(&now, &target) {
                return Ok(StepAnswer::accepted(None, now.application.version_id));
            }
            // Another configuration is somebody's; this one with other code at its place is the update's.
            let is_next = now.application.version_updated_from == Some(plan.version_id);
            if is_next && carry_all(&now, &target).is_err() {
                checked(name, plan, &now, &target)?;
            }
            Err(error.into_refusal())
        }
        Err(error) => Err(error.without(&secrets).into_refusal()),
    }
}

fn is_restored(now: &Described, target: &Described) -> bool {
    matches!(carry_all(now, target), Ok(None))
}

/// What was sent must be what is there now: an S3 object without a version may have been replaced since.
fn checked(
    name: &str,
    plan: &RestorePlan,
    now: &Described,
    target: &Described,
) -> Result<(), Failure> {
    let left = match carry_all(now, target) {
        Ok(None) => return Ok(()),
        Ok(Some(Carried { parts, .. })) => {
            format!("after the update these still differ: {}", parts.join(", "))
        }
        Err(error) => error.to_string(),
    };
    Err(Failure::new(
        ErrorType::StoredOtherwise,
        format!(
            "{name} is not as in version {}: {left}; it is READY and was not started",
            plan.target_version_id
        ),
    ))
}

fn cannot(name: &str, plan: &RestorePlan, error: &CannotCarry) -> Failure {
    Failure::new(
        ErrorType::CannotCarry,
        format!(
            "the configuration of version {} of {name} cannot be put back, nothing was changed: {error}",
            plan.target_version_id
        ),
    )
}

//! `forceStop`: `StopApplication` with `Force`, which takes no snapshot. The last resort.
//!
//! Invariant: nothing is stopped whose good configuration could not be put back afterwards.

use lambda_kit::{ErrorType, Failure};
use lifecycle::{Application, ApplicationStatus, Policy};
use managed_flink::{
    DescribeApplication, DescribeApplicationVersion, Described, ListTagsForResource, StepAnswer,
    StopApplication, look_before_change, may_use_keys, properties,
};

use crate::{ForceStopPlan, at_version, carry::carry_all};

/// Stops the application without a snapshot.
///
/// # Errors
/// `Stale` when the application is not as the plan assumed, `CannotCarry` when the plan's target could not be put back, `Refused` with the service's text, `NotAllowed` when it may not be
/// changed, `Retryable` when nothing is known.
pub async fn force_stop<A>(
    api: &A,
    policy: &Policy,
    name: &str,
    plan: &ForceStopPlan,
) -> Result<StepAnswer, Failure>
where
    A: DescribeApplication + DescribeApplicationVersion + ListTagsForResource + StopApplication,
{
    let seen = look_before_change(api, policy, name).await?;
    if is_visible(&seen.application) {
        return Ok(StepAnswer::already_done(&seen.application));
    }
    at_version(&seen.application, plan.version_id)?;
    let status = &seen.application.status;
    if status.is_busy() && plan.status.as_ref() != Some(status) {
        return Err(Failure::new(
            ErrorType::Stale,
            format!("{name} is {status}, and the force-stop was not decided on that: look again"),
        ));
    }
    if !status.allows_force_stop() {
        return Err(Failure::new(
            ErrorType::Stale,
            format!("{name} is {status}: from there the service does not force-stop; look again"),
        ));
    }
    let target = can_be_put_back(api, &seen, name, plan).await?;
    let of_target = target
        .as_ref()
        .and_then(|it| it.application.customer_key.as_deref());
    let own = seen.application.customer_key.as_deref();
    may_use_keys(policy, name, &[own, of_target])?;
    tracing::info!(application = name, version = plan.version_id, %status, "force-stopping");
    let error = match api.stop_application(name, true).await {
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
    let now = api.describe_application(name).await?.application;
    if is_visible(&now) {
        return Ok(StepAnswer::accepted(None, now.version_id));
    }
    Err(error.into_refusal())
}

/// A dry run of what comes after: an application that was stopped and cannot be started as planned is worse off than before. The version that comes after, where it is another.
async fn can_be_put_back<A>(
    api: &A,
    seen: &Described,
    name: &str,
    plan: &ForceStopPlan,
) -> Result<Option<Described>, Failure>
where
    A: DescribeApplicationVersion,
{
    let Some(target) = plan
        .target_version_id
        .filter(|target| *target != seen.application.version_id)
    else {
        return Ok(None);
    };
    let described = api.describe_application_version(name, target).await?;
    match carry_all(seen, &described) {
        Ok(_) => Ok(Some(described)),
        Err(error) => Err(Failure::new(
            ErrorType::CannotCarry,
            format!(
                "{name} was not stopped, because the configuration of version {target} could not be put back afterwards: {error}"
            ),
        )),
    }
}

/// Stopped, or on the way. Whatever the version: nothing is left to be done.
fn is_visible(application: &Application) -> bool {
    matches!(
        application.status,
        ApplicationStatus::ForceStopping | ApplicationStatus::Ready
    )
}

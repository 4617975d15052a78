//! `RollbackApplication`, fenced by the version it was decided on.
//!
//! Input: an application and the plan's version. Order: look, decide, call once; after a lost answer look again. Deliberately absent: any repeat of the call, any waiting
//! for the rollback to end, and any branch on *which* error a refusal carries, which is not documented.
//!
//! Invariant: nothing is sent unless the stack acts, the application is opted in and not only observed, and its current version is the plan's.

mod event;

pub use event::{Event, Plan};

use lambda_kit::{Aws, Env, ErrorType, Failure, Function, Invocation, SettingError};
use lifecycle::{Application, ApplicationStatus, Holds, Keys, PLAN, Policy};
use managed_flink::{
    DescribeApplication, ListTagsForResource, ManagedFlink, RollbackApplication, StepAnswer,
    look_before_change, may_use_keys, properties,
};

/// The function.
#[derive(Clone, Debug)]
pub struct Rollback {
    api: ManagedFlink,
    policy: Policy,
}

impl Function for Rollback {
    const NAME: &'static str = "rollback";
    const KEYS: Option<&'static Keys> = Some(&[
        ("applicationName", Holds::Text),
        ("plan", Holds::Object(PLAN)),
        ("dryRun", Holds::Flag),
        ("redriveCount", Holds::Number),
    ]);
    const CHANGES: bool = true;
    type Event = Event;
    type Answer = StepAnswer;

    fn build(env: &Env, aws: &Aws) -> Result<Self, SettingError> {
        Ok(Self {
            api: ManagedFlink::new(aws),
            policy: lambda_kit::policy_to_act(env)?,
        })
    }

    async fn handle(&self, event: Event, _: Invocation) -> Result<StepAnswer, Failure> {
        roll_back(&self.api, &self.policy, &event).await
    }
}

/// Rolls the application back from the plan's version.
///
/// # Errors
/// `Stale` when the application is not as the plan assumed, `Refused` with the service's text, `NotAllowed` when it may not be changed, `Retryable` when nothing is known.
pub async fn roll_back<A>(api: &A, policy: &Policy, event: &Event) -> Result<StepAnswer, Failure>
where
    A: DescribeApplication + ListTagsForResource + RollbackApplication,
{
    let (name, from) = (event.application_name.as_str(), event.plan.version_id);
    let seen = look_before_change(api, policy, name).await?;
    if is_visible(&seen.application, from) {
        tracing::info!(application = name, version = from, status = %seen.application.status, "a rollback is under way or done");
        return Ok(StepAnswer::already_done(&seen.application));
    }
    still_fits(&seen.application, &event.plan)?;
    may_use_keys(policy, name, &[seen.application.customer_key.as_deref()])?;
    tracing::info!(
        application = name,
        version = from,
        reason = event.plan.reason,
        "rolling back"
    );
    let error = match api.rollback_application(name, from).await {
        Ok(accepted) => {
            let version_id = accepted.version_id.unwrap_or(from);
            return Ok(StepAnswer::accepted(accepted.operation_id, version_id));
        }
        Err(error) => error.without(&properties(&seen.detail)),
    };
    if !error.is_outcome_unknown() {
        return Err(error.into_refusal());
    }
    tracing::warn!(application = name, %error, "the answer is lost: looking again");
    let now = api.describe_application(name).await?.application;
    if is_visible(&now, from) {
        return Ok(StepAnswer::accepted(None, now.version_id));
    }
    Err(error.into_refusal())
}

/// Whether a rollback from `version` is to be seen: one is under way (the service's own counts: it goes first), or it made the current version.
fn is_visible(application: &Application, version: u64) -> bool {
    let was_left =
        application.version_id != version && application.version_rolled_back_from == Some(version);
    application.status == ApplicationStatus::RollingBack || was_left
}

fn still_fits(application: &Application, plan: &Plan) -> Result<(), Failure> {
    let Application {
        name,
        status,
        version_id,
        ..
    } = application;
    let version = plan.version_id;
    if *version_id != version {
        return Err(Failure::new(
            ErrorType::Stale,
            format!(
                "{name} is at version {version_id}, the rollback was decided on version {version}: look again"
            ),
        ));
    }
    if status.is_busy() && plan.status.as_ref() != Some(status) {
        return Err(Failure::new(
            ErrorType::Stale,
            format!("{name} is {status}, and the rollback was not decided on that: look again"),
        ));
    }
    if !status.allows_rollback() {
        return Err(Failure::new(
            ErrorType::Stale,
            format!("{name} is {status}: from there the service does not roll back; look again"),
        ));
    }
    Ok(())
}

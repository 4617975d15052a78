//! The way back when a rollback is not possible, in three steps: `forceStop`, `restoreConfiguration`, `start`.
//!
//! Each step is idempotent: look, decide, call once; after a lost answer look again. The state machine waits between the steps, and decides anew before each.
//! Deliberately absent: any waiting, any repeat of a call, and the choice of version or snapshot, which the plan makes.
//!
//! Invariants: nothing is sent unless the stack acts and has its last resort, and the application is opted in, not only observed, and at the version the plan names. Nothing starts without state unless the plan says so in as many words.
//! No environment property value appears in an answer, error or log line, although `restoreConfiguration` carries them.

pub mod carry;
mod event;
mod force_stop;
mod restore;
mod start;

pub use event::{Event, ForceStopPlan, Restore, RestorePlan, StartPlan};
pub use force_stop::force_stop;
pub use restore::restore_configuration;
pub use start::start;

use lambda_kit::{Aws, Env, ErrorType, Failure, Function, Invocation, SettingError};
use lifecycle::{Application, Holds, Keys, Mode, PLAN, Policy};
use managed_flink::{ManagedFlink, StepAnswer};

/// The function.
#[derive(Clone, Debug)]
pub struct ForceStopAndRestore {
    api: ManagedFlink,
    policy: Policy,
}

impl Function for ForceStopAndRestore {
    const NAME: &'static str = "force-stop-and-restore";
    const KEYS: Option<&'static Keys> = Some(&[
        ("step", Holds::Text),
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
        has_last_resort(&self.policy)?;
        match event {
            Event::ForceStop {
                application_name,
                plan,
            } => force_stop(&self.api, &self.policy, &application_name, &plan).await,
            Event::RestoreConfiguration {
                application_name,
                plan,
            } => restore_configuration(&self.api, &self.policy, &application_name, &plan).await,
            Event::Start {
                application_name,
                plan,
            } => start(&self.api, &self.policy, &application_name, &plan).await,
        }
    }
}

/// A stack without the last resort has no use for any of the three steps. Where it also observes, that is the better reason and is given later.
fn has_last_resort(policy: &Policy) -> Result<(), Failure> {
    if policy.allow_force_stop || policy.mode == Mode::Observe {
        return Ok(());
    }
    Err(Failure::new(
        ErrorType::NotAllowed,
        "nothing was changed: this stack is deployed without the last resort (ForceStop=disabled), so it neither force-stops nor restores nor starts an application",
    ))
}

/// The fence that the service does not have.
fn at_version(application: &Application, planned: u64) -> Result<(), Failure> {
    let Application {
        name, version_id, ..
    } = application;
    if *version_id == planned {
        return Ok(());
    }
    Err(Failure::new(
        ErrorType::Stale,
        format!(
            "{name} is at version {version_id}, the plan was made for version {planned}: look again"
        ),
    ))
}

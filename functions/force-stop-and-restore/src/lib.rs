//! The way back when a rollback is not possible, in three steps: `forceStop`, `restoreConfiguration`, `start`.
//!
//! Each step is idempotent: look, decide, call once; after a lost answer look again. The state machine waits between the steps, and decides anew before each.
//! Deliberately absent: any waiting, any repeat of a call, and the choice of version or snapshot, which the plan makes.
//!
//! Invariants: nothing is sent unless the application is opted in and at the version the plan names. Nothing starts without state unless the plan says so in as many words.
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
use lifecycle::Application;
use managed_flink::{ManagedFlink, StepAnswer};

/// The function.
#[derive(Clone, Debug)]
pub struct ForceStopAndRestore {
    api: ManagedFlink,
}

impl Function for ForceStopAndRestore {
    const NAME: &'static str = "force-stop-and-restore";
    type Event = Event;
    type Answer = StepAnswer;

    fn build(_: &Env, aws: &Aws) -> Result<Self, SettingError> {
        Ok(Self {
            api: ManagedFlink::new(aws),
        })
    }

    async fn handle(&self, event: Event, _: Invocation) -> Result<StepAnswer, Failure> {
        match event {
            Event::ForceStop {
                application_name,
                plan,
            } => force_stop(&self.api, &application_name, &plan).await,
            Event::RestoreConfiguration {
                application_name,
                plan,
            } => restore_configuration(&self.api, &application_name, &plan).await,
            Event::Start {
                application_name,
                plan,
            } => start(&self.api, &application_name, &plan).await,
        }
    }
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

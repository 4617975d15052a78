//! What every Lambda of this project shares: settings, the closed set of errors that a state machine may catch, clients, logs, metrics,
//! and the run loop.
//!
//! A function is a [`Function`]: built once from its environment, then called with typed events. [`run`] connects it to the Lambda runtime; the sandbox
//! builds and calls the same type. Deliberately absent: any decision about an application.

mod aws;
mod budget;
mod clock;
mod connections;
mod env;
mod failure;
mod function;
mod logs;
mod metrics;
mod policy;

pub use aws::Aws;
pub use budget::Budget;
pub use env::{Env, SettingError};
pub use failure::{ErrorType, Failure};
pub use function::{Function, Invocation, answer, run};
pub use logs::log_layer;
pub use metrics::{Metric, Metrics, NAMESPACE, Record};
pub use policy::{policy, policy_to_act, stack};

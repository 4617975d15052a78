//! Executions of the state machine `remediate`: which machine, and how one is started. What an execution is called and given is [`lifecycle`]'s.

mod arn;
mod start;

pub use arn::{NotAStateMachine, StateMachineArn};
pub use start::{StartError, StartExecution, StepFunctions};

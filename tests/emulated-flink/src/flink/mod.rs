//! The data plane of a Managed Flink application: the Flink cluster that runs its job, and the REST API in front of it.
//!
//! [`DataPlane`] is what the service emulation needs from a cluster, so that real Flink clusters can be plugged in. [`SimulatedFlink`] is the cluster of
//! the sandbox: what a job does is looked up in a [`Codebook`] by the code's location in S3, and everything it shows (task states, sticky restart signals,
//! checkpoints, exceptions, metrics, the fate of every record) follows arithmetically from when it started and what the code does. [`real`] starts the real thing.
//!
//! Deliberately absent in the simulation: operators, data, real state. State is one number: the position up to which the source's durable log was processed.
//!
//! Invariant: a signal that is sticky in real Flink (the RESTARTING timestamp, subtask attempts, the newest exception, restart counts) never goes back
//! within one job run, whatever the REST cache does to the rest of the picture.

mod attempt;
mod checkpoints;
mod code;
mod data_plane;
mod endings;
mod event;
mod failover;
mod job;
mod lifecycle;
mod metrics;
mod picture;
pub mod real;
mod record;
mod records;
mod regions;
mod release;
mod rest;
mod restart;
mod simulated;
mod teller;
mod vertices;

pub use code::{Behaviour, Code, Codebook, Fault, Misfit, Need, RestartStrategy, Scheduler};
pub use data_plane::{
    Backstage, DataPlane, Ended, Launch, NotPlaced, OBJECT, PastFault, RestAnswer, Restore,
    Savepoint, SubmissionFailed, code_identity,
};
pub use event::ClusterEvent;
pub(crate) use job::RUNNING_MS;
pub(crate) use metrics::size_of;
pub use record::{Content, Launched, Ran, Record, content_of};
pub use records::{Ledger, Records, Sink, StartPosition, Stream};
pub use restart::Backoff;
pub use simulated::SimulatedFlink;

/// Milliseconds since the Unix epoch: the unit of Flink's own timestamps.
pub type Millis = i64;

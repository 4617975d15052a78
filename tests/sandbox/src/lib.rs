//! A region in a box: Managed Service for Apache Flink, Step Functions, Lambda and what they need, in one process.

pub mod clock;
pub mod cloudwatch;
pub mod connector;
mod delivery;
pub mod dynamodb;
pub mod events;
pub mod faults;
pub mod integrations;
pub mod journal;
pub mod lambda;
pub mod place;
pub mod protocol;
pub mod server;
pub mod sns;
pub mod template;
pub mod wire;

//! A region in a box: Managed Service for Apache Flink, Step Functions, Lambda and what they need, in one process.

pub mod assess;
pub mod cli;
pub mod clock;
pub mod cloudwatch;
pub mod connector;
mod delivery;
pub mod dynamodb;
pub mod events;
pub mod faults;
pub mod flink;
pub mod integrations;
pub mod journal;
pub mod lambda;
pub mod managed_flink;
pub mod pace;
pub mod place;
pub mod protocol;
pub mod region;
pub mod scenario;
pub mod server;
pub mod sns;
pub mod states;
pub mod story;
pub mod template;
pub mod wire;

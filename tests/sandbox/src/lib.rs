//! Rehearsals in a region in a box: scenarios, how they are told, and the command line.

pub mod assess;
pub mod cli;
pub mod graph;
pub mod invariants;
pub mod moments;
pub mod scenario;
pub mod script;
pub mod story;

pub use ::region;
pub use asl as states;
pub use emulated_aws::{
    cloudwatch, connector, dynamodb, events, faults, lambda, permissions, server, sns, sqs,
    template,
};
pub use emulated_flink::{flink, managed_flink};
pub use ground::{clock, journal, pace, place, protocol, wire};
pub use region::{integrations, observer};

//! A region in a box: Managed Service for Apache Flink, Step Functions, Lambda and what they need, in one process.

pub mod clock;
pub mod flink;
pub mod journal;
pub mod managed_flink;
pub mod wire;

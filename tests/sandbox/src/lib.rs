//! A region in a box: Managed Service for Apache Flink, Step Functions, Lambda and what they need, in one process.

pub mod assess;
pub mod clock;
pub mod journal;
pub mod wire;

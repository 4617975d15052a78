//! The AWS services around the one that this project is about, emulated in one process: each is a `tower::Service` that answers requests of the real SDK and the AWS CLI.
//!
//! What a service does not know it refuses loudly. Deliberately absent: signatures, accounts and regions beyond one, whatever no rehearsal needs.

pub mod cloudwatch;
pub mod connector;
mod delivery;
pub mod dynamodb;
pub mod events;
pub mod faults;
pub mod lambda;
pub mod permissions;
pub mod server;
pub mod sns;
pub mod sqs;
pub mod template;

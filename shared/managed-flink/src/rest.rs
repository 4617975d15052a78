//! The Flink REST API behind a presigned URL: one look with few calls, each bounded in time and size.
//!
//! Inputs: the URL, the connector shared with the SDK clients, the rule for hosts. Deliberately absent: repeats (the next look is the repeat) and any judgement of what is read.
//!
//! Invariant: the URL, its token and cookies are in no `Debug`, `Display`, error or log line; nothing is sent to another host than the URL's own.

mod client;
mod error;
mod glance;
mod look;
mod transport;
mod url;

pub use client::FlinkRest;
pub use error::{RestCall, RestError, RestProblem};
pub use glance::glance;
pub use look::look;
pub use url::{HostRule, PresignedUrl};

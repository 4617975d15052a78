//! The domain and every decision: what an application's state is, who is to blame, which snapshot is right, what to do next.
//!
//! Pure: no tokio, no AWS crate, no clock, no randomness. Time and ids are arguments, so every branch can be reached by a table or a property.

mod observation;
mod redact;
mod runtime;
mod status;

pub use observation::*;
pub use redact::{REDACTED, redact, shorten};
pub use runtime::Runtime;
pub use status::{ApplicationStatus, JobState, OperationStatus, SnapshotStatus};

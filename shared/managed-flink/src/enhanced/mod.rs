//! What the service has learnt since the SDK was made: enhanced snapshots, resources of the account with verbs of their own, and two members of known verbs.
//!
//! Everything goes through the SDK's own client, so credentials, endpoint, retries and time-outs stay the same: a verb that the SDK lacks is sent as another one whose bytes are
//! swapped ([`borrowed`]), and a member that it lacks is added to, or read from, the bytes ([`members`]).
//!
//! This layer is made to be taken out: a test fails as soon as the SDK reads `SnapshotMode`.

mod borrowed;
mod members;
mod shapes;
mod verbs;

pub(crate) use members::{Members, with_snapshot_arn};
pub(crate) use verbs::customer_key;
pub use verbs::{
    CreateSnapshot, DeleteSnapshot, DescribeSnapshot, DescribeSnapshotOperation, DescribedSnapshot,
    ListSnapshotOperations, ListSnapshots, ListedSnapshot,
};

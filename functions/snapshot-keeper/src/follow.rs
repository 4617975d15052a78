//! `follow`: what became of the snapshots that were asked for.

use std::time::Duration;

use lambda_kit::Budget;
use lifecycle::{SnapshotStatus, retention::version_named};
use managed_flink::{CallErrorKind, DescribeApplicationSnapshot};

use crate::{Created, Did, Followed, Row, facts::row};

/// Asked about in one invocation, one after the other.
const ASKED: usize = 100;
/// After this no answer is waited for: less than the function's time.
const TIME_TO_ASK: Duration = Duration::from_secs(80);

/// Asks once about each, as far as one invocation goes.
pub(crate) async fn follow<A: DescribeApplicationSnapshot>(
    api: &A,
    mut pending: Vec<Created>,
) -> Followed {
    let later = pending.split_off(pending.len().min(ASKED));
    let mut followed = Followed {
        pending: later,
        ..Followed::default()
    };
    let budget = Budget::of(TIME_TO_ASK);
    let mut not_yet = Vec::new();
    for created in pending {
        let Created {
            application_name: application,
            snapshot_name: name,
        } = &created;
        let failed = |why: String| Row {
            needs_person: true,
            snapshot_name: Some(name.clone()),
            ..row(application, Did::Failed, why)
        };
        let asked = budget.within(api.describe_application_snapshot(application, name));
        let Some(answer) = asked.await else {
            // Not asked any more: it has its turn next time.
            followed.pending.push(created);
            continue;
        };
        match answer {
            Ok(now) if now.snapshot.status == SnapshotStatus::Ready => {
                match version_named(name).filter(|verified| *verified != now.snapshot.version_id) {
                    // Between the look and the snapshot somebody deployed: a state that nobody has verified.
                    Some(verified) => followed.failed.push(failed(format!(
                        "snapshot {name} is of version {}, and version {verified} was verified: delete it unless version {} is known to be good",
                        now.snapshot.version_id, now.snapshot.version_id
                    ))),
                    None => followed.ready += 1,
                }
            }
            Ok(now) if now.snapshot.status == SnapshotStatus::Failed => followed
                .failed
                .push(failed(format!("snapshot {name} FAILED"))),
            Err(error) if error.kind == CallErrorKind::NotFound => followed
                .failed
                .push(failed(format!("snapshot {name} is gone: {error}"))),
            Ok(_) => not_yet.push(created),
            Err(error) => {
                tracing::warn!(application, snapshot = name, %error, "could not be asked about");
                not_yet.push(created);
            }
        }
    }
    followed.pending.extend(not_yet);
    followed
}

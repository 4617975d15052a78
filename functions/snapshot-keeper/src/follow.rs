//! `follow`: what became of the snapshots that were asked for.

use std::time::Duration;

use lambda_kit::Budget;
use lifecycle::{Snapshot, SnapshotStatus, StackName, retention::version_named};
use managed_flink::{
    CallError, CallErrorKind, DescribeApplication, DescribeApplicationSnapshot, ManagedFlink,
};

use crate::{Created, Did, Followed, Row, facts::row, kind};

/// Asked about in one invocation, one after the other.
const ASKED: usize = 100;
/// After this no answer is waited for: less than the function's time.
const TIME_TO_ASK: Duration = Duration::from_secs(80);

/// Asks once about each, as far as one invocation goes.
pub(crate) async fn follow(
    api: &ManagedFlink,
    stack: &StackName,
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
        let asked = budget.within(ask(api, stack, application, name));
        let Some(answer) = asked.await else {
            // Not asked any more: it has its turn next time.
            followed.pending.push(created);
            continue;
        };
        match answer {
            Ok((now, verified)) if now.status == SnapshotStatus::Ready => {
                match verified.filter(|verified| *verified != now.version_id) {
                    // Between the look and the snapshot somebody deployed: a state that nobody has verified.
                    Some(verified) => followed.failed.push(failed(format!(
                        "snapshot {name} is of version {}, and version {verified} was verified: delete it unless version {} is known to be good",
                        now.version_id, now.version_id
                    ))),
                    None => followed.ready += 1,
                }
            }
            Ok((now, _)) if now.status == SnapshotStatus::Failed => followed
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

/// The snapshot as it is now, and the version that was verified for it: by its name where it is a legacy one, of which that is the form; by its tag otherwise.
async fn ask(
    api: &ManagedFlink,
    stack: &StackName,
    application: &str,
    name: &str,
) -> Result<(Snapshot, Option<u64>), CallError> {
    if let Some(verified) = version_named(name) {
        let now = api.describe_application_snapshot(application, name).await?;
        return Ok((now.snapshot, Some(verified)));
    }
    let described = Box::pin(api.describe_application(application)).await?;
    let now = kind::describe(api, &described.application, stack, name).await?;
    let snapshot = now.snapshot().clone();
    let enhanced = snapshot.enhanced.as_ref();
    let verified = enhanced.and_then(|it| it.verified_version_id);
    Ok((snapshot, verified))
}

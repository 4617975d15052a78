//! The snapshots of a look: of the kind that the application uses. What a list does not say of an enhanced one, whose state it holds and under which runtime, is asked of each.

use std::{collections::BTreeSet, time::Duration};

use futures::{StreamExt as _, stream};
use lambda_kit::Budget;
use lifecycle::{
    Application, Part, Request, SNAPSHOTS_KEPT, Snapshot, SnapshotInitiator, SnapshotMode,
    SnapshotSource, SnapshotStatus, StackName, retention::verified_by_tags,
};
use managed_flink::{
    CallError, CallErrorKind, DescribeSnapshot, DescribeSnapshotOperation,
    ListApplicationSnapshots, ListSnapshotOperations, ListSnapshots, ListTagsForResource,
    ManagedFlink,
};

use crate::{
    Event,
    notes::{Notes, TOO_LATE},
};

/// Enhanced snapshots that are described, the newest: what is older than these is listed and not restored. Each costs a call.
const DESCRIBED: usize = 24;
/// At once: the service publishes no rate.
const AT_ONCE: usize = 4;
/// Of the newest that the service took it is asked within which operation: two calls each, for people.
const CAUSES_ASKED: usize = 2;
/// Of the newest that somebody asked for the tags are read: those of Lifeguard's say that a version was healthy.
const TAGS_ASKED: usize = 6;
/// What only adds to other evidence, or only people read, must not take the time of what decides.
const TIME_FOR_MORE: Duration = Duration::from_secs(5);
/// Snapshots of the mode before that are named.
const OF_MODE_BEFORE: usize = 10;

/// Reads them, newest first.
pub(crate) async fn read(
    service: &ManagedFlink,
    stack: &StackName,
    application: &Application,
    event: &Event,
    notes: &mut Notes,
) -> Vec<Snapshot> {
    let mut snapshots = match &application.snapshot_mode {
        SnapshotMode::Legacy => {
            let listed = service.list_application_snapshots(&application.name);
            notes
                .read(Part::Snapshots, listed)
                .await
                .unwrap_or_default()
        }
        SnapshotMode::Enhanced => enhanced(service, stack, application, event, notes).await,
        SnapshotMode::Other(mode) => {
            let why = format!("the snapshot mode {mode} is not known to this release");
            notes.note(Part::Snapshots, why);
            Vec::new()
        }
    };
    snapshots.truncate(SNAPSHOTS_KEPT);
    snapshots
}

async fn enhanced(
    service: &ManagedFlink,
    stack: &StackName,
    application: &Application,
    event: &Event,
    notes: &mut Notes,
) -> Vec<Snapshot> {
    let listed = service.list_snapshots(&application.name);
    let Some(listed) = notes.read(Part::Snapshots, listed).await else {
        return Vec::new();
    };
    let mut all: Vec<Snapshot> = listed.into_iter().map(|one| one.undescribed()).collect();
    if event.present_only {
        return all;
    }
    let names = to_describe(&all, event);
    for (name, described) in describe(service, application, names, notes).await {
        all.retain(|one| one.name != name);
        all.extend(described);
    }
    causes(service, application, &mut all).await;
    verified(service, stack, &mut all).await;
    all.extend(of_mode_before(service, application).await);
    all.sort_by(|a, b| (b.created_at, &b.name).cmp(&(a.created_at, &a.name)));
    all
}

/// The newest that are or may become READY; and what a person or a plan names, which need not be in the list: an import is in none.
fn to_describe(listed: &[Snapshot], event: &Event) -> BTreeSet<String> {
    let asked = match &event.request {
        Some(Request::Restore { snapshot_name, .. }) => snapshot_name.clone(),
        _ => None,
    };
    let progress = event.progress.as_ref();
    let rescue = progress.and_then(|progress| progress.rescue.as_ref());
    let planned = rescue.and_then(|rescue| rescue.snapshot.chosen.as_ref());
    let planned = planned.filter(|planned| planned.enhanced.is_some());
    let is_candidate =
        |one: &&Snapshot| matches!(one.status, SnapshotStatus::Ready | SnapshotStatus::Creating);
    let newest = listed.iter().filter(is_candidate).take(DESCRIBED);
    newest
        .map(|one| one.name.clone())
        .chain(asked)
        .chain(planned.map(|planned| planned.name.clone()))
        .collect()
}

/// Each with what it says of itself; None where it is not there any more. What could not be read is left out, and noted once for all.
async fn describe(
    service: &ManagedFlink,
    application: &Application,
    names: BTreeSet<String>,
    notes: &mut Notes,
) -> Vec<(String, Option<Snapshot>)> {
    let budget = notes.budget;
    let asked = stream::iter(names).map(|name| async move {
        let read = Box::pin(service.describe_snapshot(application, &name));
        (budget.within(read).await, name)
    });
    let answers: Vec<_> = asked.buffered(AT_ONCE).collect().await;
    let mut described = Vec::new();
    let mut unread = None;
    let mut is_late = false;
    for (answer, name) in answers {
        match answer {
            Some(Ok(read)) => described.push((name, Some(read.snapshot))),
            Some(Err(error)) if error.kind == CallErrorKind::NotFound => {
                described.push((name, None));
            }
            Some(Err(error)) => unread = Some(error),
            None => is_late = true,
        }
    }
    if let Some(error) = unread {
        notes.could_not(Part::Snapshots, &error);
    } else if is_late {
        notes.note(Part::Snapshots, TOO_LATE.to_owned());
    }
    described
}

/// Within which operations the service took the newest of its own. Without it the decision is the same.
async fn causes(service: &ManagedFlink, application: &Application, all: &mut [Snapshot]) {
    let time = Budget::of(TIME_FOR_MORE);
    let by_service = all.iter_mut().filter(|one| {
        let enhanced = one.enhanced.as_ref();
        one.status == SnapshotStatus::Ready
            && enhanced.is_some_and(|one| one.initiator == SnapshotInitiator::System)
    });
    for snapshot in by_service.take(CAUSES_ASKED) {
        let cause = Box::pin(cause(service, &application.name, &snapshot.name));
        match (time.within(cause).await, &mut snapshot.enhanced) {
            (Some(Ok(id)), Some(enhanced)) => enhanced.operation_id = id,
            (Some(Err(error)), _) => {
                tracing::warn!(%error, "what caused a snapshot could not be read");
            }
            _ => {}
        }
    }
}

async fn cause(
    service: &ManagedFlink,
    application: &str,
    snapshot: &str,
) -> Result<Option<String>, CallError> {
    let operations = service.list_system_operations(snapshot).await?;
    let Some(operation) = operations.first() else {
        return Ok(None);
    };
    service
        .describe_snapshot_operation(application, snapshot, operation)
        .await
}

/// Which version Lifeguard had verified when it took the newest of its own. Without it a version has one proof less.
async fn verified(service: &ManagedFlink, stack: &StackName, all: &mut [Snapshot]) {
    let time = Budget::of(TIME_FOR_MORE);
    let of_a_caller = all
        .iter_mut()
        .filter(|one| one.status == SnapshotStatus::Ready)
        .filter_map(|one| one.enhanced.as_mut())
        .filter(|one| one.initiator == SnapshotInitiator::User)
        .filter(|one| one.source == SnapshotSource::ThisApplication);
    for enhanced in of_a_caller.take(TAGS_ASKED) {
        let tags = Box::pin(service.list_tags_for_resource(&enhanced.arn));
        match time.within(tags).await {
            Some(Ok(tags)) => enhanced.verified_version_id = verified_by_tags(&tags, stack),
            Some(Err(error)) => {
                tracing::warn!(%error, "the tags of a snapshot could not be read");
            }
            None => return,
        }
    }
}

/// For the report only: what this verb answers of an application that has switched is documented nowhere, so neither an error nor an empty list says anything.
async fn of_mode_before(service: &ManagedFlink, application: &Application) -> Vec<Snapshot> {
    let time = Budget::of(TIME_FOR_MORE);
    let listed = Box::pin(service.list_application_snapshots(&application.name));
    match time.within(listed).await {
        Some(Ok(mut listed)) => {
            listed.truncate(OF_MODE_BEFORE);
            listed
        }
        Some(Err(error)) => {
            tracing::info!(%error, "snapshots of the mode before could not be read");
            Vec::new()
        }
        None => Vec::new(),
    }
}

//! The verbs of the kind of snapshots that the application uses, so that what is decided is carried out alike.
//!
//! Invariant: of enhanced snapshots only those are Lifeguard's that bear its tags, whatever they are called.

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use lambda_kit::{Budget, ErrorType, Failure};
use lifecycle::{
    Application, Snapshot, SnapshotInitiator, SnapshotMode, SnapshotSource, StackName,
    retention::{
        TAKEN_BY_TAG, VERIFIED_TAG, enhanced_snapshot_name, snapshot_name, verified_by_tags,
    },
};
use managed_flink::{
    CallError, CallErrorKind, CreateApplicationSnapshot, CreateSnapshot, DeleteApplicationSnapshot,
    DeleteSnapshot, DescribeApplicationSnapshot, DescribeSnapshot, DescribedSnapshot,
    ExactSnapshot, ListApplicationSnapshots, ListSnapshots, ListTagsForResource, ListedSnapshot,
    ManagedFlink,
};

/// Enhanced snapshots that are described: the newest, for what is fresh, and the oldest, for what may be deleted. What lies between is listed and kept.
const NEWEST: usize = 20;
const OLDEST: usize = 40;
/// At once: the service publishes no rate.
const AT_ONCE: usize = 4;
/// Fewer calls than the whole check has time for.
const TIME_TO_DESCRIBE: Duration = Duration::from_secs(40);

/// A snapshot with its exact creation time, as a delete must name it.
pub(crate) enum Exact {
    Legacy(ExactSnapshot),
    Enhanced(DescribedSnapshot),
}

impl Exact {
    pub(crate) fn snapshot(&self) -> &Snapshot {
        match self {
            Self::Legacy(exact) => &exact.snapshot,
            Self::Enhanced(exact) => &exact.snapshot,
        }
    }
}

/// All snapshots of the application of the kind that it uses. Legacy ones of an application that has switched are in no such list: nothing is decided about them, and none is deleted.
pub(crate) async fn list(
    api: &ManagedFlink,
    application: &Application,
    stack: &StackName,
) -> Result<Vec<Snapshot>, Failure> {
    let name = &application.name;
    match &application.snapshot_mode {
        SnapshotMode::Legacy => Ok(api.list_application_snapshots(name).await?),
        SnapshotMode::Enhanced => {
            let listed = api.list_snapshots(name).await?;
            let read = enhanced(api, application, stack, listed);
            let read = Budget::of(TIME_TO_DESCRIBE).within(read).await;
            read.unwrap_or_else(|| {
                let why = format!("the service did not describe the snapshots of {name} in time");
                Err(Failure::new(ErrorType::Retryable, why))
            })
        }
        SnapshotMode::Other(mode) => Err(Failure::new(
            ErrorType::NotAllowed,
            format!("the snapshot mode of {name} is {mode}, which this release does not know"),
        )),
    }
}

async fn enhanced(
    api: &ManagedFlink,
    application: &Application,
    stack: &StackName,
    listed: Vec<ListedSnapshot>,
) -> Result<Vec<Snapshot>, Failure> {
    let from_the_end = listed.len().saturating_sub(OLDEST);
    let all = listed.into_iter().enumerate().map(|(at, one)| async move {
        if at >= NEWEST && at < from_the_end {
            return Ok(Some(one.undescribed()));
        }
        let read = Box::pin(api.describe_snapshot(application, &one.name)).await;
        match read {
            Ok(read) => Ok(Some(with_owner(api, stack, read.snapshot).await?)),
            Err(error) if error.kind == CallErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::from(error)),
        }
    });
    let all: Vec<Option<Snapshot>> = stream::iter(all).buffered(AT_ONCE).try_collect().await?;
    let is_own = |one: &Snapshot| !one.is_of_another_life();
    Ok(all.into_iter().flatten().filter(is_own).collect())
}

/// With the version that Lifeguard had verified, where this stack took it. The service's own have no tags of ours.
async fn with_owner(
    api: &ManagedFlink,
    stack: &StackName,
    mut snapshot: Snapshot,
) -> Result<Snapshot, CallError> {
    if let Some(enhanced) = &mut snapshot.enhanced
        && enhanced.initiator == SnapshotInitiator::User
        && enhanced.source == SnapshotSource::ThisApplication
    {
        let tags = tags(api, &enhanced.arn).await?;
        enhanced.verified_version_id = verified_by_tags(&tags, stack);
    }
    Ok(snapshot)
}

/// One that was deleted meanwhile has none.
async fn tags(api: &ManagedFlink, arn: &str) -> Result<BTreeMap<String, String>, CallError> {
    match Box::pin(api.list_tags_for_resource(arn)).await {
        Err(error) if error.kind == CallErrorKind::NotFound => Ok(BTreeMap::new()),
        answer => answer,
    }
}

/// What the snapshot of a tick is called.
pub(crate) fn named(application: &Application, tick: Timestamp) -> String {
    if application.snapshot_mode.is_legacy() {
        snapshot_name(application.version_id, tick)
    } else {
        enhanced_snapshot_name(application, tick)
    }
}

/// Asks for a snapshot. An enhanced one gets the tags by which it is known to be this stack's.
pub(crate) async fn create(
    api: &ManagedFlink,
    application: &Application,
    stack: &StackName,
    snapshot: &str,
) -> Result<(), CallError> {
    let name = &application.name;
    if application.snapshot_mode.is_legacy() {
        return api.create_application_snapshot(name, snapshot).await;
    }
    let version = application.version_id.to_string();
    let tags = [
        (TAKEN_BY_TAG, stack.as_str()),
        (VERIFIED_TAG, version.as_str()),
    ];
    api.create_snapshot(name, snapshot, &tags).await
}

/// The snapshot as it is now, with whose it is.
pub(crate) async fn describe(
    api: &ManagedFlink,
    application: &Application,
    stack: &StackName,
    snapshot: &str,
) -> Result<Exact, CallError> {
    if application.snapshot_mode.is_legacy() {
        let read = api.describe_application_snapshot(&application.name, snapshot);
        return Ok(Exact::Legacy(read.await?));
    }
    let mut read = Box::pin(api.describe_snapshot(application, snapshot)).await?;
    read.snapshot = with_owner(api, stack, read.snapshot).await?;
    Ok(Exact::Enhanced(read))
}

/// Whether what was found under the name that was asked for is what was asked for: names are unique in the account, so somebody else may hold it.
pub(crate) fn is_what_was_asked_for(found: &Snapshot) -> bool {
    let enhanced = found.enhanced.as_ref();
    enhanced.is_none_or(|it| it.verified_version_id.is_some())
}

/// Deletes it.
pub(crate) async fn delete(
    api: &ManagedFlink,
    application: &Application,
    snapshot: &Exact,
) -> Result<(), CallError> {
    match snapshot {
        Exact::Legacy(exact) => {
            api.delete_application_snapshot(&application.name, exact)
                .await
        }
        Exact::Enhanced(exact) => api.delete_snapshot(exact).await,
    }
}

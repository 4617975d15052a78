//! The versions before the present one: those that a rescue could go back to, and as many as tell what has changed since something worked.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use lambda_kit::Budget;
use lifecycle::{Application, Part, Request, Version};
use managed_flink::{
    CallErrorKind, DescribeApplicationVersion, Described, ManagedFlink, changes, contents,
    replaced_code,
};

use crate::{
    Event,
    notes::{Notes, Secrets, TOO_LATE},
};

/// Earlier versions that are described: a pipeline that deploys every hour is seen back over a working day. Each costs a call.
const VERSIONS_READ: usize = 8;
/// Beyond those that a rescue needs, each version only adds: they must not take the time of what decides.
const TIME_TO_WALK: Duration = Duration::from_secs(10);

/// What was found out of versions.
pub(crate) struct Earlier {
    /// Those before the present one, newest first.
    pub(crate) versions: Vec<Version>,
    /// What the present one runs: the lowest version that is the same.
    pub(crate) content: Option<u64>,
    /// What the present one changed.
    pub(crate) changed: Option<Vec<String>>,
}

/// Reads earlier versions, and finds out which of them run the same and what each changed; for the present one too. That there is no such version is an answer, and no doubt.
pub(crate) async fn read(
    service: &ManagedFlink,
    present: &Described,
    event: &Event,
    secrets: &mut Secrets,
    notes: &mut Notes,
) -> Earlier {
    let name = present.application.name.as_str();
    let current = present.application.version_id;
    let mut read = BTreeMap::new();
    let mut asked = BTreeSet::from([current]);
    for id in needed(&present.application, event) {
        if !asked.insert(id) {
            continue;
        }
        let described = service.describe_application_version(name, id);
        match Box::pin(notes.budget.within(described)).await {
            Some(Ok(version)) => drop(read.insert(id, version)),
            Some(Err(error)) if error.kind == CallErrorKind::NotFound => {
                tracing::warn!(version = id, %error, "there is no such version");
            }
            Some(Err(error)) => notes.could_not(Part::Versions, &error),
            None => notes.note(Part::Versions, TOO_LATE.to_owned()),
        }
    }
    if !event.present_only {
        let walk = walk(service, name, &mut read, asked);
        let time = Budget::of(TIME_TO_WALK);
        if Box::pin(notes.budget.within(time.within(walk)))
            .await
            .flatten()
            .is_none()
        {
            tracing::warn!("older versions could not be read in time");
        }
    }
    for (id, version) in &read {
        secrets.learn(*id, version);
    }
    let all = read.iter().map(|(id, version)| (*id, &version.detail));
    let all = all.chain([(current, &present.detail)]);
    let replaced = replaced_code(all.clone());
    let contents = contents(all);
    let changed = |one: &Described| {
        let before = read.get(&one.application.version_updated_from?)?;
        Some(changes(&before.detail, &one.detail))
    };
    let version = |(id, version): (&u64, &Described)| Version {
        id: *id,
        runtime: version.application.runtime.clone(),
        created_at: version.application.version_created_at,
        updated_from: version.application.version_updated_from,
        content: contents.get(id).copied(),
        changed: changed(version),
        is_code_replaced: replaced.contains(id),
        snapshot_mode: version.application.snapshot_mode.clone(),
        customer_key: version.application.customer_key.clone(),
    };
    Earlier {
        versions: read.iter().rev().map(version).collect(),
        content: contents.get(&current).copied(),
        changed: changed(present),
    }
}

/// The version before, the one a rescue under way goes back to, the one a person named and the one that came after it, which says what snapshot is right; and those that were left,
/// for what their texts must not tell. Newest first.
fn needed(application: &Application, event: &Event) -> Vec<u64> {
    let rescue = event
        .progress
        .as_ref()
        .and_then(|progress| progress.rescue.as_ref());
    let asked = event.request.as_ref().and_then(Request::version_id);
    let after = match &event.request {
        Some(Request::Rollback {}) => application.version_updated_from,
        _ => asked,
    };
    let after = after.and_then(|id| id.checked_add(1));
    let mut needed: Vec<u64> = [
        application.version_updated_from,
        application.version_rolled_back_from,
        rescue.map(|rescue| rescue.good_version_id),
        rescue.map(|rescue| rescue.faulty_version_id),
        asked,
        after.filter(|id| *id < application.version_id),
    ]
    .into_iter()
    .flatten()
    .collect();
    needed.sort_unstable_by(|one, other| other.cmp(one));
    needed
}

/// Goes on to the versions that those which were read came from, the newest first. One that cannot be read ends the walk: nothing that is needed hangs on it.
async fn walk(
    service: &ManagedFlink,
    name: &str,
    read: &mut BTreeMap<u64, Described>,
    mut asked: BTreeSet<u64>,
) {
    while read.len() < VERSIONS_READ {
        let came_from = read.values().flat_map(|version| {
            let application = &version.application;
            [
                application.version_updated_from,
                application.version_rolled_back_from,
            ]
        });
        let next = came_from.flatten().filter(|id| !asked.contains(id)).max();
        let Some(id) = next else {
            return;
        };
        asked.insert(id);
        match Box::pin(service.describe_application_version(name, id)).await {
            Ok(version) => drop(read.insert(id, version)),
            Err(error) if error.kind == CallErrorKind::NotFound => {}
            Err(error) => {
                tracing::warn!(version = id, %error, "older versions could not be read");
                return;
            }
        }
    }
}

//! The reasons to keep a snapshot. Each is asked of every snapshot; one suffices.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;

use super::{Lease, Origin, Prune, Stock, newest_first, origin, secs_between};
use crate::{Operation, OperationKind, Runtime, Snapshot, SnapshotSource, SnapshotStatus};

/// Names that begin with this are a person's wish to keep it.
const KEEP_PREFIX: &str = "keep-";

/// A reason to keep a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Why {
    /// Its name begins with `keep-`.
    KeptByName,
    /// The application's tag names it.
    KeptByTag,
    /// A running rescue names it.
    NamedByRescue,
    /// The newest READY one of all.
    Newest,
    /// The newest READY one that was taken with its runtime.
    NewestOfRuntime,
    /// The newest READY one of its runtime from before a change of version, or a start, began.
    BeforeChange {
        /// When it began.
        at: Timestamp,
    },
    /// Taken while a change of version was under way: the automatic one of an update, which a rescue prefers.
    DuringChange {
        /// When the change began.
        at: Timestamp,
    },
    /// The newest READY one that carries one of the newest version numbers: holds also where the operations do not reach back far enough.
    NewestOfVersion {
        /// The version.
        version_id: u64,
    },
    /// Younger than the minimum age.
    Young,
    /// Among the newest of those that could be deleted.
    Last,
    /// The first of its day (UTC). The first, not the last: what once is the first of a day stays it.
    FirstOfDay {
        /// The day.
        day: String,
    },
    /// Not made by whom the policy allows to delete.
    NotOurs {
        /// Who made it.
        origin: Origin,
    },
    /// Enhanced, and taken by the service: a rollback may need it, and its place is not known in advance.
    MadeByService,
    /// Of the legacy kind, while the application uses enhanced snapshots: after a rollback across that switch it is wanted again.
    OfModeBefore,
    /// It holds the state of another application, or of one of the same name that was deleted, or it was imported: not this application's to delete.
    OfAnother,
    /// Being created or deleted, in a status that is not known, or without a creation time: not to be deleted.
    NotSettled,
    /// Nothing at all may be deleted now.
    HandsOff,
}

/// Every snapshot, newest first, with its reasons to be kept.
pub(super) fn reasons<'a>(stock: &Stock<'a>) -> Vec<(&'a Snapshot, Vec<Why>)> {
    let newest_first = newest_first(stock.snapshots);
    let mut reasons: Vec<(&Snapshot, Vec<Why>)> = newest_first
        .iter()
        .map(|snapshot| (*snapshot, own_reasons(stock, snapshot)))
        .collect();
    let mut add = |snapshot: &Snapshot, why: Why| {
        if let Some((_, reasons)) = reasons
            .iter_mut()
            .find(|(other, _)| std::ptr::eq(*other, snapshot))
        {
            reasons.push(why);
        }
    };
    let ready: Vec<&Snapshot> = newest_first
        .iter()
        .copied()
        .filter(|snapshot| snapshot.status == SnapshotStatus::Ready)
        .collect();
    if let Some(newest) = ready.first() {
        add(newest, Why::Newest);
    }
    for newest in newest_of_each_runtime(ready.iter().copied()) {
        add(newest, Why::NewestOfRuntime);
    }
    for (from, to) in changes(stock) {
        for before in newest_of_each_runtime(
            ready
                .iter()
                .copied()
                .filter(|snapshot| snapshot.created_at < from),
        ) {
            add(before, Why::BeforeChange { at: from });
        }
        for during in ready
            .iter()
            .filter(|snapshot| snapshot.created_at >= from && snapshot.created_at <= to)
        {
            add(during, Why::DuringChange { at: from });
        }
    }
    for newest in newest_of_each_version(&ready, stock.policy.version_changes) {
        add(
            newest,
            Why::NewestOfVersion {
                version_id: newest.version_id,
            },
        );
    }
    let deletable: Vec<&Snapshot> = ready
        .iter()
        .copied()
        .filter(|snapshot| is_deletable(stock, &origin_of(stock, snapshot)))
        .collect();
    for last in deletable
        .iter()
        .take(usize::try_from(stock.policy.keep_last).unwrap_or(usize::MAX))
    {
        add(last, Why::Last);
    }
    for (day, first) in firsts_of_days(stock, &deletable) {
        add(first, Why::FirstOfDay { day });
    }
    reasons
}

/// The reasons that lie in the snapshot itself.
fn own_reasons(stock: &Stock<'_>, snapshot: &Snapshot) -> Vec<Why> {
    let mut reasons = Vec::new();
    if snapshot.name.starts_with(KEEP_PREFIX) {
        reasons.push(Why::KeptByName);
    }
    if stock.policy.keep.contains(&snapshot.name) {
        reasons.push(Why::KeptByTag);
    }
    if matches!(stock.lease, Lease::Held { intent: Some(intent), .. } if intent.contains(&snapshot.name))
    {
        reasons.push(Why::NamedByRescue);
    }
    if secs_between(snapshot.created_at, stock.now) < i64::from(stock.policy.min_age_secs) {
        reasons.push(Why::Young);
    }
    let settled = matches!(
        snapshot.status,
        SnapshotStatus::Ready | SnapshotStatus::Failed
    ) && snapshot.created_at > Timestamp::UNIX_EPOCH;
    if !settled {
        reasons.push(Why::NotSettled);
    }
    let origin = origin_of(stock, snapshot);
    match &snapshot.enhanced {
        Some(one) if one.source != SnapshotSource::ThisApplication => {
            reasons.push(Why::OfAnother);
        }
        Some(_) if matches!(origin, Origin::Service { .. }) => reasons.push(Why::MadeByService),
        None if !stock.application.snapshot_mode.is_legacy() => reasons.push(Why::OfModeBefore),
        _ => {}
    }
    if !is_deletable(stock, &origin) {
        reasons.push(Why::NotOurs { origin });
    }
    reasons
}

fn origin_of(stock: &Stock<'_>, snapshot: &Snapshot) -> Origin {
    origin(snapshot, stock.operations.unwrap_or_default())
}

fn is_deletable(stock: &Stock<'_>, origin: &Origin) -> bool {
    match origin {
        Origin::Lifeguard => true,
        Origin::Service { .. } => stock.policy.prune == Prune::ServiceMadeToo,
        Origin::Somebody => false,
    }
}

/// Which runtime a rescue goes back to is not known here, so the newest of each counts. `newest_first` must be so.
fn newest_of_each_runtime<'a>(
    newest_first: impl Iterator<Item = &'a Snapshot>,
) -> Vec<&'a Snapshot> {
    let mut seen: BTreeSet<Option<Runtime>> = BTreeSet::new();
    newest_first
        .filter(|snapshot| seen.insert(snapshot.runtime.clone()))
        .collect()
}

/// The newest of each of the newest version numbers: as many as there are changes to go back over, and the version that they lead to.
fn newest_of_each_version<'a>(newest_first: &[&'a Snapshot], changes: u32) -> Vec<&'a Snapshot> {
    let mut newest: BTreeMap<u64, &Snapshot> = BTreeMap::new();
    for snapshot in newest_first {
        newest.entry(snapshot.version_id).or_insert(snapshot);
    }
    newest
        .into_values()
        .rev()
        .take(
            usize::try_from(changes)
                .unwrap_or(usize::MAX)
                .saturating_add(1),
        )
        .collect()
}

/// From when to when the last changes of version were made. A start counts for itself: the version that was stored while the application stood still begins to process with it.
fn changes(stock: &Stock<'_>) -> Vec<(Timestamp, Timestamp)> {
    let of = |kinds: &[OperationKind]| {
        let mut operations: Vec<&Operation> = stock
            .operations
            .unwrap_or_default()
            .iter()
            .filter(|operation| kinds.contains(&operation.kind()))
            .collect();
        operations.sort_by_key(|operation| std::cmp::Reverse(operation.started_at));
        operations.truncate(usize::try_from(stock.policy.version_changes).unwrap_or(usize::MAX));
        operations
    };
    let mut changes: Vec<(Timestamp, Timestamp)> =
        of(&[OperationKind::Update, OperationKind::Rollback])
            .into_iter()
            .chain(of(&[OperationKind::Start]))
            .map(|operation| {
                (
                    operation.started_at,
                    operation.ended_at.unwrap_or(stock.now),
                )
            })
            .collect();
    // The service also says when the present version was made, whatever the operations say.
    changes.extend(stock.application.version_created_at.map(|at| (at, at)));
    changes
}

/// The first READY one of each of the last days. Only of those past the minimum age: what is younger is kept anyway, and may still become READY before one that is READY now.
fn firsts_of_days<'a>(
    stock: &Stock<'_>,
    newest_first: &[&'a Snapshot],
) -> BTreeMap<String, &'a Snapshot> {
    let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
    let today = day(stock.now);
    let mut firsts = BTreeMap::new();
    for snapshot in newest_first {
        let its_day = day(snapshot.created_at);
        let days_ago = its_day
            .until(today)
            .map_or(i32::MAX, |span| span.get_days());
        let settled =
            secs_between(snapshot.created_at, stock.now) >= i64::from(stock.policy.min_age_secs);
        if settled
            && (0..i32::try_from(stock.policy.keep_daily_days).unwrap_or(i32::MAX))
                .contains(&days_ago)
        {
            firsts.insert(its_day.to_string(), *snapshot);
        }
    }
    firsts
}

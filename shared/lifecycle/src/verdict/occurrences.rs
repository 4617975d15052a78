//! Which version was the present one, and when.
//!
//! A rollback may go back to a version under its old number: no version is made, and the operations alone tell of it. Where nothing says to which version it went, its time is nobody's:
//! what ran well in it proves no version, and least of all the one that was undone.

use jiff::Timestamp;

use super::evidence::STAMP_SLACK_SECS;
use crate::{Observation, Operation, OperationKind, OperationStatus};

/// A version that an operation makes may be stamped that much before it.
const NUMBERED_SECS: i64 = 5;

/// A version, and when it was the present one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Occurrence {
    pub(super) version: u64,
    /// The number of the oldest version that is the same but for scale and logging.
    pub(super) content: u64,
    pub(super) from: Timestamp,
    /// None for the present version.
    pub(super) until: Option<Timestamp>,
}

/// A version and its content.
type Known = (u64, u64);

/// A time in which one version was the present one: which, where that is known.
#[derive(Clone, Copy)]
struct Stay {
    from: Timestamp,
    of: Option<Known>,
}

/// The versions in the order in which they were present.
pub(super) fn occurrences(seen: &Observation) -> Vec<Occurrence> {
    let stays = stays(seen);
    let ends = stays.iter().skip(1).map(|next| Some(next.from));
    let ended = stays.iter().zip(ends.chain([None]));
    ended
        .filter_map(|(stay, until)| {
            let (version, content) = stay.of?;
            Some(Occurrence {
                version,
                content,
                from: stay.from,
                until,
            })
        })
        .collect()
}

fn stays(seen: &Observation) -> Vec<Stay> {
    let application = &seen.application;
    let mut stays: Vec<Stay> = seen
        .versions
        .iter()
        .filter(|one| one.id != application.version_id)
        .filter_map(|one| {
            Some(Stay {
                from: one.created_at?,
                of: Some((one.id, one.content.unwrap_or(one.id))),
            })
        })
        .collect();
    let content = application
        .content
        .or(application.version_rolled_back_to)
        .unwrap_or(application.version_id);
    let present = (application.version_id, content);
    stays.extend(application.version_created_at.map(|from| Stay {
        from,
        of: Some(present),
    }));
    stays.sort_by_key(|stay| (stay.from, stay.of));
    let is_rollback = |one: &&Operation| one.kind() == OperationKind::Rollback;
    for rollback in seen.operations.iter().rev().filter(is_rollback) {
        let back = gone_back(seen, &stays, rollback);
        stays.extend(back);
        stays.sort_by_key(|stay| (stay.from, stay.of));
    }
    // What the last one went back to is what is there.
    let knows_present = application.version_created_at.is_some();
    match stays.last_mut().filter(|_| knows_present) {
        Some(last) if last.of.is_none() => last.of = Some(present),
        // It is not listed as done, and yet it is what brought the present version back.
        Some(Stay { from, of }) if *of != Some(present) => {
            let after = |one: &&Operation| one.started_at >= *from;
            let rollback = seen.operations.iter().filter(is_rollback).find(after);
            let from = rollback.map(|rollback| rollback.started_at);
            stays.extend(from.map(|from| Stay {
                from,
                of: Some(present),
            }));
        }
        _ => {}
    }
    stays
}

/// The time that begins with a rollback to a version under its old number.
fn gone_back(seen: &Observation, stays: &[Stay], rollback: &Operation) -> Option<Stay> {
    let is_done = rollback.status == OperationStatus::Successful;
    let (began, ended) = (rollback.started_at, rollback.ended_at.filter(|_| is_done)?);
    // One that has a number of its own was made by it.
    let own = began.as_second() - NUMBERED_SECS..=ended.as_second() + STAMP_SLACK_SECS;
    if stays
        .iter()
        .any(|stay| own.contains(&stay.from.as_second()))
    {
        return None;
    }
    let left = stays.iter().rev().find(|stay| stay.from < began)?;
    let application = &seen.application;
    let target = left.of.and_then(|(version, _)| {
        if version == application.version_id {
            return application.version_updated_from;
        }
        let known = seen.versions.iter().find(|one| one.id == version);
        known.and_then(|one| one.updated_from)
    });
    let known = stays.iter().filter_map(|stay| stay.of);
    Some(Stay {
        from: began,
        of: target.and_then(|target| known.into_iter().find(|(version, _)| *version == target)),
    })
}

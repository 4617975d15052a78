//! What failed before: the fault of now, held against what the book says of earlier versions.

use jiff::Timestamp;

use super::{Case, evidence::STAMP_SLACK_SECS, occurrences::Occurrence};
use crate::{Assessment, FailedBefore, Fault, Faulted, Observation, Watch};

/// What failed on an earlier version within this time counts as the same trouble.
const SAME_TROUBLE_SECS: i64 = 86_400;

/// What a version was failing with when it was left, against what fails now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WhenLeft {
    /// The same class of fault, last seen then.
    Same(Timestamp),
    /// Another one.
    Another,
}

/// What the present version fails with, where a look finds it in trouble and its job says so: for the book, when an execution ends. A job that is coming up is in trouble where that
/// was escalated.
#[must_use]
pub fn fault_in_trouble<'a>(
    seen: &'a Observation,
    watch: &'a Watch,
    assessment: &Assessment,
    is_escalated: bool,
) -> Option<&'a Fault> {
    let is_broken = match assessment {
        Assessment::Looping { .. } | Assessment::ComesBack { .. } | Assessment::Failed { .. } => {
            true
        }
        Assessment::Settling { .. } | Assessment::NoProgress { .. } => is_escalated,
        _ => false,
    };
    let job = seen.job.as_ref().filter(|_| is_broken)?;
    let episode = watch.episode.as_ref();
    let kept = episode.filter(|it| it.job == job.id && !it.is_over);
    let kept = kept.and_then(|it| it.newest_fault.as_ref().or(it.first_fault.as_ref()));
    // Of an earlier run of the version before, it says nothing about this one.
    let made = seen.application.version_created_at;
    kept.or(job.faults.newest.as_ref().or(job.faults.first.as_ref()))
        .filter(|fault| made.is_none_or(|made| fault.at >= made))
}

impl Case<'_> {
    /// The fault by which this trouble is told from another.
    pub(super) fn fault(&self) -> Option<&Fault> {
        let episode = self.evidence.watch.episode.as_ref();
        let seen = episode.and_then(|it| it.newest_fault.as_ref().or(it.first_fault.as_ref()));
        seen.or(match self.assessment {
            Assessment::Looping { first_fault, .. } | Assessment::Failed { first_fault, .. } => {
                first_fault.as_ref()
            }
            Assessment::ComesBack { fault, .. } => Some(fault),
            _ => None,
        })
    }

    /// What a version was blamed for.
    pub(super) fn failed_entry(&self, one: &Occurrence) -> Option<&FailedBefore> {
        let entry = self.evidence.ledger.failed.get(&one.version)?;
        self.is_of_this_application(entry.at).then_some(entry)
    }

    /// What is known under the same name from before is a namesake's.
    pub(super) fn is_of_this_application(&self, at: Timestamp) -> bool {
        let created = self.evidence.seen.application.created_at;
        created.is_none_or(|created| at >= created)
    }

    /// What a content was failing with before the present version was made, whoever was to blame, and when each of its versions was the present one.
    fn faulted(&self, content: u64) -> impl Iterator<Item = (&Occurrence, &Faulted)> {
        let known = self.evidence.occurrences.iter();
        let earlier = move |one: &&Occurrence| one.content == content && one.until.is_some();
        known.filter(earlier).filter_map(|one| {
            let entry = self.evidence.ledger.faulted.get(&one.version)?;
            let at = entry.at.as_second();
            // A version that was gone back to under its old number was there twice.
            let is_its = at >= one.from.as_second() - STAMP_SLACK_SECS
                && one
                    .until
                    .is_none_or(|until| at <= until.as_second() + STAMP_SLACK_SECS);
            (is_its && self.is_of_this_application(entry.at)).then_some((one, entry))
        })
    }

    /// Row 1: on which version the same fault was seen, and when. Faults of resources, and time-outs, are the same everywhere and prove nothing.
    pub(super) fn failed_with_the_same(&self, good: &Occurrence) -> Option<(u64, Timestamp)> {
        let key = self.fault().filter(|fault| !fault.is_of_resources())?.key();
        let secs = |from: Timestamp, until: Timestamp| until.as_second() - from.as_second();
        let blamed = self.failed_entry(good).filter(|entry| {
            entry.fault.as_deref() == Some(&key)
                && secs(entry.at, self.evidence.seen.at) <= SAME_TROUBLE_SECS
        });
        if let Some(entry) = blamed {
            return Some((good.version, entry.at));
        }
        // Of a content that was scaled meanwhile, it is the last of its versions that was left.
        let left = self.evidence.left_at(good).unwrap_or(self.present.from);
        self.faulted(good.content)
            .filter(|(_, entry)| entry.fault == key)
            .map(|(one, entry)| (one.version, entry.at))
            .max_by_key(|(_, at)| *at)
            .filter(|(_, at)| secs(*at, left) <= SAME_TROUBLE_SECS)
    }

    /// Rows 5 and 5b: whether a version was failing with the same class of fault when it was left; None where that is not known. Time-outs count: what is asked is which trouble it
    /// was, and not whose fault.
    pub(super) fn when_left(&self, one: &Occurrence) -> Option<WhenLeft> {
        let now = self.fault()?;
        let left = self.evidence.left_at(one)?;
        let known = self.faulted(one.content).map(|(_, entry)| entry);
        let entry = known.filter(|entry| !self.evidence.ran_well_between(one, entry.at, left));
        let entry = entry.max_by_key(|entry| entry.at)?;
        Some(if now.is_of_class_in(&entry.fault) {
            WhenLeft::Same(entry.at)
        } else {
            WhenLeft::Another
        })
    }

    /// Whether the trouble began within a day of this.
    pub(super) fn is_within_a_day(&self, at: Timestamp) -> bool {
        self.began.as_second() - at.as_second() <= SAME_TROUBLE_SECS
    }

    /// Row 6: when it was undone before, the last time first. An unreadable fault is held against it: it was bad then.
    pub(super) fn undone_at(&self) -> Vec<Timestamp> {
        let fault = self.fault().map(Fault::key);
        let same = self
            .evidence
            .occurrences
            .iter()
            .filter(|one| one.content == self.present.content && one.from < self.present.from);
        let mut times: Vec<_> = same
            .filter_map(|one| {
                let entry = self.failed_entry(one)?;
                let is_same = match (&entry.fault, &fault) {
                    (Some(then), Some(now)) => then == now,
                    _ => true,
                };
                (is_same && entry.at <= self.present.from).then_some(entry.at)
            })
            .collect();
        times.sort_unstable_by(|one, other| other.cmp(one));
        times
    }
}

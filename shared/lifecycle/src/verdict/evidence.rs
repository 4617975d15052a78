//! What is known of how each version ran: which content ran when, its stretches, and whether that is all there is to know.

use jiff::Timestamp;

use super::occurrences::{Occurrence, occurrences};
use crate::{
    Ledger, Observation, Operation, OperationKind, OperationStatus, Part, Policy, Ran, Snapshot,
    SnapshotStatus, Span, Watch,
};

/// The service stamps a version a moment before or after the operation that makes it.
pub(crate) const STAMP_SLACK_SECS: i64 = 120;
/// A version was failing when it was left if it did so in the last minutes that are known.
const FAILED_UNTIL_THE_END_SECS: i64 = 180;
/// Between two runs of a content that were summed: a stop, an update or a scaling, not a weekend of which nothing is known.
const LONGEST_OPERATION_SECS: i64 = 3_600;

/// How well something is known that decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Yes,
    No,
    /// A source that could tell may still answer.
    NotYet,
}

/// How much of a run counts before its first checkpoint: up time runs while tasks initialise, and which of it they did nobody has seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Credit {
    /// None: for going to a version, which needs to have worked.
    Certain,
    /// An interval, in which no checkpoint was due: for leaving a version, which may not have worked.
    Possible,
}

/// All evidence.
pub(super) struct Evidence<'a> {
    pub(super) seen: &'a Observation,
    pub(super) watch: &'a Watch,
    pub(super) ledger: &'a Ledger,
    pub(super) policy: &'a Policy,
    /// Oldest first.
    pub(super) occurrences: Vec<Occurrence>,
}

impl<'a> Evidence<'a> {
    pub(super) fn new(
        seen: &'a Observation,
        watch: &'a Watch,
        ledger: &'a Ledger,
        policy: &'a Policy,
    ) -> Self {
        Self {
            seen,
            watch,
            ledger,
            policy,
            occurrences: occurrences(seen),
        }
    }

    /// The occurrence at a time; None where it is not known which version was there. A version is stamped a moment after the operation that makes it begins, so what ends with the
    /// operation is still its own.
    pub(super) fn at(&self, at: Timestamp) -> Option<Occurrence> {
        let mut known = self.occurrences.iter().rev();
        let one = known.find(|one| one.from <= at)?;
        one.until.is_none_or(|until| at < until).then_some(*one)
    }

    /// The longest time, in seconds, that a content ran undisturbed with checkpoints and records until `until`, summed across stops, starts and scalings.
    pub(super) fn longest(&self, content: u64, until: Timestamp, credit: Credit) -> i64 {
        self.longest_of(|one| one.content == content, until, credit)
    }

    /// The same, of what began after `since`.
    pub(super) fn longest_since(&self, content: u64, since: Timestamp, until: Timestamp) -> i64 {
        let is_asked = |one: &Occurrence| one.content == content && one.from > since;
        self.longest_of(is_asked, until, Credit::Possible)
    }

    fn longest_of(
        &self,
        is_asked: impl Fn(&Occurrence) -> bool,
        until: Timestamp,
        credit: Credit,
    ) -> i64 {
        let (mut longest, mut sum) = (0, 0);
        let mut last_end: Option<Timestamp> = None;
        for span in &self.watch.history.spans {
            let is_ours = self.at(span.from).is_some_and(|one| is_asked(&one));
            let is_far = last_end.is_some_and(|end| {
                span.from.as_second() - end.as_second() > LONGEST_OPERATION_SECS
            });
            if !is_ours || is_far || span.incidents() > 0 {
                sum = 0;
            }
            if is_ours && self.is_stretch(span) {
                sum += self.well_secs(span, until, credit);
                longest = longest.max(sum);
            }
            last_end = Some(span.until);
        }
        longest
    }

    /// Whether a span is a stretch: checkpoints completed and records went through, where they ever did.
    fn is_stretch(&self, span: &Span) -> bool {
        let Ran::Up {
            checkpoints,
            records,
            ..
        } = span.ran
        else {
            return false;
        };
        let has_checkpoints =
            self.seen.application.checkpointing_enabled == Some(false) || checkpoints != Some(0);
        let had_records =
            self.watch.history.spans.iter().any(
                |span| matches!(span.ran, Ran::Up { records: Some(records), .. } if records > 0),
            );
        has_checkpoints && (records != Some(0) || !had_records)
    }

    /// How long every task was up in a stretch, before `until`.
    fn well_secs(&self, span: &Span, until: Timestamp, credit: Credit) -> i64 {
        let Ran::Up {
            first_checkpoint_at,
            records,
            ..
        } = span.ran
        else {
            return 0;
        };
        let interval = self.seen.application.checkpoint_interval_secs;
        let well_from = match (first_checkpoint_at, credit) {
            (Some(first), Credit::Certain) => first,
            _ => span.well_from(interval),
        };
        let secs = (span.until.min(until).as_second() - well_from.as_second()).max(0);
        let takes_none = self.seen.application.checkpointing_enabled == Some(false);
        match (credit, records) {
            // Without checkpoints nothing but records tells that its tasks were up.
            (Credit::Certain, Some(minutes)) if takes_none => secs.min(i64::from(minutes) * 60),
            _ => secs,
        }
    }

    /// Whether a content is known to have run well for `secs` before `until`.
    pub(super) fn ran_for(
        &self,
        content: u64,
        secs: i64,
        until: Timestamp,
        credit: Credit,
    ) -> Known {
        if self.longest(content, until, credit) >= secs || self.book_says(content, secs) {
            return Known::Yes;
        }
        let mut own = self.occurrences.iter().filter(|one| one.content == content);
        let Some(first) = own.next() else {
            return Known::No;
        };
        self.cannot_have_run(first, secs, until)
    }

    /// The same of one version: that content at its scale. What the ledger has of a longer time may have been at another.
    pub(super) fn ran_at_scale(
        &self,
        one: &Occurrence,
        secs: i64,
        until: Timestamp,
        credit: Credit,
    ) -> Known {
        if self.longest_of(|other| other.version == one.version, until, credit) >= secs
            || self.book_says_soaked(one, secs)
        {
            return Known::Yes;
        }
        self.cannot_have_run(one, secs, until)
    }

    /// Whether what is known leaves no room for a stretch of `secs` that began with this occurrence.
    fn cannot_have_run(&self, first: &Occurrence, secs: i64, until: Timestamp) -> Known {
        // It has not existed for that long.
        if until.as_second() - first.from.as_second() < secs {
            return Known::No;
        }
        let history = &self.watch.history;
        // Minutes are late; what is younger than the last that is known may still show a stretch. And an application without metrics has not run badly.
        let has_values = history.valued_at.is_some_and(|at| at >= first.from);
        if has_values && history.known.is_some_and(|known| known.until >= until) {
            return Known::No;
        }
        if self.look_rules_out(first, secs, until) {
            return Known::No;
        }
        Known::NotYet
    }

    /// What the ledger remembers. An entry that is older than the application, or of a time before the version was made, is a namesake's.
    fn book_says(&self, content: u64, secs: i64) -> bool {
        self.occurrences
            .iter()
            .filter(|one| one.content == content)
            .any(|one| {
                let proven = self.ledger.proven.get(&one.version);
                self.book_says_soaked(one, secs)
                    || proven
                        .is_some_and(|it| i64::from(it.secs) >= secs && self.is_of(one, it.until))
            })
    }

    fn book_says_soaked(&self, one: &Occurrence, secs: i64) -> bool {
        let soaked = self.ledger.soaked.get(&one.version);
        secs <= i64::from(self.policy.soak_secs) && soaked.is_some_and(|at| self.is_of(one, *at))
    }

    /// Whether an entry of the book is this version's, and no namesake's.
    fn is_of(&self, one: &Occurrence, at: Timestamp) -> bool {
        let created = self.seen.application.created_at;
        created.is_none_or(|created| at >= created)
            && at.as_second() >= one.from.as_second() - STAMP_SLACK_SECS
    }

    /// Whether the job's own history is whole, and no time in it is long enough. What it shows as quiet is no proof: up time runs while tasks initialise.
    fn look_rules_out(&self, first: &Occurrence, secs: i64, until: Timestamp) -> bool {
        if self.never_ran(first) {
            return true;
        }
        let is_present = self.occurrences.last() == Some(first);
        let Some(job) = self.seen.job.as_ref().filter(|_| is_present) else {
            return false;
        };
        let is_readable = self.seen.why_unreadable(Part::Exceptions).is_none();
        let is_only_run = self.runs_since(first.from) == Some(1) && job.started_at >= first.from;
        // Another JobManager begins another run under the same id, and forgets the one before.
        let is_whole = self.tries_since(first.from).any(|one| {
            let ended = one.ended_at.unwrap_or(self.seen.at).as_second();
            job.started_at.as_second() <= ended + STAMP_SLACK_SECS
        });
        let is_only_run = is_only_run && is_whole;
        if !is_readable || job.faults.truncated || !is_only_run {
            return false;
        }
        let marks = std::iter::once(job.started_at)
            .chain(job.faults.incidents.iter().copied())
            .chain(job.faults.newest_at)
            .chain([until]);
        let mut marks: Vec<i64> = marks.map(Timestamp::as_second).collect();
        marks.sort_unstable();
        marks.windows(2).all(|pair| pair[1] - pair[0] < secs)
    }

    /// Whether every operation that tried to run it while it was the present version failed.
    fn never_ran(&self, one: &Occurrence) -> bool {
        let oldest = self.seen.operations.last().map(|oldest| oldest.started_at);
        let are_known = self.seen.why_unreadable(Part::Operations).is_none()
            && oldest.is_some_and(|oldest| {
                oldest.as_second() <= one.from.as_second() + STAMP_SLACK_SECS
            });
        let is_its =
            |operation: &&Operation| one.until.is_none_or(|until| operation.started_at < until);
        let mut tries = self.tries_since(one.from).filter(is_its);
        are_known && tries.all(|operation| operation.status == OperationStatus::Failed)
    }

    /// How many operations since then began a run; None where the operations could not be read.
    fn runs_since(&self, from: Timestamp) -> Option<usize> {
        if self.seen.why_unreadable(Part::Operations).is_some() {
            return None;
        }
        let restarts = |one: &&Operation| {
            !matches!(one.kind(), OperationKind::Stop | OperationKind::Other)
                && one.started_at.as_second() >= from.as_second() - STAMP_SLACK_SECS
        };
        Some(self.seen.operations.iter().filter(restarts).count())
    }

    /// Starts and updates since then: what tried to run the version that was made then.
    pub(super) fn tries_since(&self, from: Timestamp) -> impl Iterator<Item = &'a Operation> {
        self.seen.operations.iter().filter(move |one| {
            let kinds = [
                OperationKind::Start,
                OperationKind::Update,
                OperationKind::Rollback,
            ];
            kinds.contains(&one.kind())
                && one.started_at.as_second() >= from.as_second() - STAMP_SLACK_SECS
                // One that had ended by then made an earlier version.
                && one.ended_at.is_none_or(|ended| ended >= from)
        })
    }

    /// Whether a snapshot says that a version was healthy: Lifeguard takes one of nothing else.
    pub(super) fn snapshot_of(&self, one: &Occurrence) -> Option<&'a Snapshot> {
        let prefix = format!("lifeguard-v{}-", one.version);
        let says_so = |snapshot: &Snapshot| match &snapshot.enhanced {
            Some(enhanced) => enhanced.verified_version_id == Some(one.version),
            None => snapshot.name.starts_with(&prefix),
        };
        self.seen.snapshots.iter().find(|snapshot| {
            snapshot.status == SnapshotStatus::Ready
                && says_so(snapshot)
                && !snapshot.is_of_another_life()
                && snapshot.created_at >= one.from
        })
    }

    /// When the last run of a version ended: with the stop after which nothing started it, else with what made the next version. None for the present one.
    pub(super) fn left_at(&self, one: &Occurrence) -> Option<Timestamp> {
        let until = one.until?;
        let its =
            self.seen.operations.iter().rev().filter(|operation| {
                operation.started_at >= one.from && operation.started_at < until
            });
        let stopped = its.fold(None, |stopped, operation| match operation.kind() {
            OperationKind::Start => None,
            OperationKind::Stop => stopped.or(Some(operation.started_at)),
            _ => stopped,
        });
        Some(stopped.unwrap_or(until))
    }

    /// The faults in which the last run of a version ended.
    pub(super) fn failing_at_the_end(&self, one: &Occurrence) -> Option<&Span> {
        let left = self.left_at(one)?;
        self.last_span(one).filter(|span| {
            span.incidents() > 0
                && left.as_second() - span.until.as_second() <= FAILED_UNTIL_THE_END_SECS
        })
    }

    /// Rows 5 and 5b: whether a version was failing when it was left. Before the minutes that CloudWatch has, the book alone tells.
    pub(super) fn was_failing(&self, one: &Occurrence) -> bool {
        let Some(left) = self.left_at(one) else {
            return false;
        };
        let is_too_old = self
            .watch
            .history
            .known
            .is_some_and(|known| known.from > left);
        let by_the_book = || {
            let entry = self.ledger.faulted.get(&one.version);
            entry.is_some_and(|entry| {
                let before = left.as_second() - entry.at.as_second();
                (-STAMP_SLACK_SECS..=LONGEST_OPERATION_SECS).contains(&before)
                    && entry.at >= one.from
                    && !self.ran_well_between(one, entry.at, left)
            })
        };
        self.failing_at_the_end(one).is_some() || is_too_old && by_the_book()
    }

    /// Whether a version is known to have run well for a soak between two times: what it failed with before that is another trouble.
    pub(super) fn ran_well_between(
        &self,
        one: &Occurrence,
        from: Timestamp,
        until: Timestamp,
    ) -> bool {
        let soak = i64::from(self.policy.soak_secs);
        let between = |at: Timestamp| at > from && at <= until;
        let in_series = self.watch.history.spans.iter().any(|span| {
            let secs = self.well_secs(span, span.until, Credit::Possible);
            span.until > from && span.from < until && secs >= soak && self.is_stretch(span)
        });
        let in_book = self.ledger.soaked.get(&one.version);
        in_series || in_book.is_some_and(|at| between(*at))
    }

    /// The last thing that a version is known to have done before it was left.
    fn last_span(&self, one: &Occurrence) -> Option<&Span> {
        let is_its =
            |span: &&Span| span.from >= one.from && one.until.is_none_or(|until| span.from < until);
        self.watch.history.spans.iter().rev().find(is_its)
    }
}

//! The fate of every record: which were processed, how often their effects became visible, which are wrong, which were never seen.
//!
//! The source is a durable log; a record is its sequence number. Sequence 0 is the next record when the ledger is opened, so history is negative and counts
//! as processed once. Ranges are kept, never single records.
//!
//! Invariant: every record since the ledger was opened is processed, lost, or still to be read: `processed + lost + lag >= produced`, with equality unless
//! records that were processed before are to be read again.

use std::collections::BTreeMap;

use serde::Serialize;

use super::Millis;

/// When a downstream reader sees what the job wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum Sink {
    /// On the completed checkpoint (two-phase commit).
    ExactlyOnce,
    /// At once.
    AtLeastOnce,
}

/// Where a job without state begins to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum StartPosition {
    /// At the newest record: what came before is lost.
    Latest,
    /// At the oldest record since the ledger was opened.
    TrimHorizon,
}

/// What flows into an application.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    /// Records produced per second.
    pub records_per_sec: u32,
    /// The application's sink.
    pub sink: Sink,
    /// Where a job without state begins.
    pub without_state: StartPosition,
}

impl Default for Stream {
    fn default() -> Self {
        Self {
            records_per_sec: 100,
            sink: Sink::ExactlyOnce,
            without_state: StartPosition::Latest,
        }
    }
}

/// The count of records, since the ledger was opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Records {
    /// Written to the log.
    pub produced: u64,
    /// Processed at least once.
    pub processed: u64,
    /// Passed over: behind the job's position and never processed.
    pub lost: u64,
    /// Processed again after restoring: the sum, over all restores, of how far the position went back.
    pub replayed: u64,
    /// Effects that a downstream reader sees more than once.
    pub duplicated: u64,
    /// Records whose visible result is wrong.
    pub wrong: u64,
    /// Still to be processed.
    pub lag: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    to: i64,
    times: u32,
    wrong: bool,
}

/// The ledger of one application; it outlives job runs.
#[derive(Clone, Debug)]
pub struct Ledger {
    stream: Stream,
    opened: Millis,
    /// Up to where the present or last job run has read.
    position: i64,
    /// Up to where the effects of the present or last job run are visible; what lies between here and the position is in flight.
    visible_to: i64,
    /// Visible effects, by first sequence number.
    effects: BTreeMap<i64, Range>,
    replayed: u64,
}

/// Far enough back to hold every snapshot that a scenario places.
const HISTORY: i64 = -1_000_000_000_000;

impl Ledger {
    /// A ledger whose history was all processed, once and rightly.
    pub fn open(stream: Stream, at: Millis) -> Self {
        let effects = BTreeMap::from([(
            HISTORY,
            Range {
                to: 0,
                times: 1,
                wrong: false,
            },
        )]);
        Self {
            stream,
            opened: at,
            position: 0,
            visible_to: 0,
            effects,
            replayed: 0,
        }
    }

    /// The history was visible up to `visible` only: what lies between that and sequence 0 is in flight.
    pub fn seed(&mut self, visible: i64) {
        let visible = if self.stream.sink == Sink::ExactlyOnce {
            visible
        } else {
            0
        };
        self.effects = BTreeMap::from([(
            HISTORY,
            Range {
                to: visible,
                times: 1,
                wrong: false,
            },
        )]);
        self.visible_to = visible;
    }

    /// What flows in.
    pub fn stream(&self) -> Stream {
        self.stream
    }

    /// The next sequence number at `at`: everything before it is in the log.
    pub fn produced(&self, at: Millis) -> i64 {
        ((at - self.opened) * i64::from(self.stream.records_per_sec)).div_euclid(1000)
    }

    /// Up to where the job has read.
    pub fn position(&self) -> i64 {
        self.position
    }

    /// Up to where effects are visible.
    pub fn visible_to(&self) -> i64 {
        self.visible_to
    }

    /// A savepoint is restored whose sink had prepared transactions for `[from, to)`: they are committed now, where nobody else has made the same effects visible meanwhile.
    pub fn commit_pending(&mut self, from: i64, to: i64) {
        let mut at = from;
        while at < to {
            let under = self
                .effects
                .range(..=at)
                .next_back()
                .filter(|(_, range)| range.to > at)
                .map(|(_, range)| range.to);
            let next = self
                .effects
                .range(at + 1..to)
                .next()
                .map_or(to, |(start, _)| *start);
            if under.is_none() {
                self.emit(at, next, false);
            }
            at = under.unwrap_or(next);
        }
    }

    /// A job run reads on from `to`, restored: what lies between is replayed. Forward of the position, records are passed over.
    pub fn restore(&mut self, to: i64) {
        self.replayed += u64::try_from(self.position - to).unwrap_or(0);
        self.position = to;
        self.visible_to = to;
    }

    /// A job run begins without state.
    pub fn begin_without_state(&mut self, at: Millis) -> i64 {
        let to = match self.stream.without_state {
            StartPosition::Latest => self.produced(at),
            StartPosition::TrimHorizon => 0,
        };
        self.restore(to);
        to
    }

    /// The job has read up to `position`, and its last checkpoint covers what lies before `committed`.
    pub fn processed(&mut self, committed: i64, position: i64, wrong: bool) {
        let visible = match self.stream.sink {
            Sink::ExactlyOnce => committed.max(self.visible_to),
            Sink::AtLeastOnce => position,
        };
        self.emit(self.visible_to, visible, wrong);
        (self.position, self.visible_to) = (position, visible);
    }

    /// Effects of `[from, to)` become visible once more.
    fn emit(&mut self, from: i64, to: i64, wrong: bool) {
        if from >= to {
            return;
        }
        self.split(from);
        self.split(to);
        let inside: Vec<(i64, Range)> = self
            .effects
            .range(from..to)
            .map(|(start, range)| (*start, *range))
            .collect();
        let mut at = from;
        for (start, range) in inside {
            if at < start {
                self.effects.insert(
                    at,
                    Range {
                        to: start,
                        times: 1,
                        wrong,
                    },
                );
            }
            self.effects.insert(
                start,
                Range {
                    to: range.to,
                    times: range.times + 1,
                    wrong,
                },
            );
            at = range.to;
        }
        if at < to {
            self.effects.insert(
                at,
                Range {
                    to,
                    times: 1,
                    wrong,
                },
            );
        }
        self.join(from, to);
    }

    /// Makes `at` a boundary between ranges.
    fn split(&mut self, at: i64) {
        let Some((&start, &range)) = self.effects.range(..at).next_back() else {
            return;
        };
        if at < range.to {
            self.effects.insert(start, Range { to: at, ..range });
            self.effects.insert(at, range);
        }
    }

    /// Joins equal neighbours around `[from, to]`, so that the ledger stays small.
    fn join(&mut self, from: i64, to: i64) {
        let first = self
            .effects
            .range(..from)
            .next_back()
            .map_or(from, |(start, _)| *start);
        let starts: Vec<i64> = self
            .effects
            .range(first..=to)
            .map(|(start, _)| *start)
            .collect();
        let mut kept = starts[0];
        for start in starts.into_iter().skip(1) {
            let (left, right) = (self.effects[&kept], self.effects[&start]);
            if left.to == start && left.times == right.times && left.wrong == right.wrong {
                self.effects.remove(&start);
                self.effects.insert(
                    kept,
                    Range {
                        to: right.to,
                        ..left
                    },
                );
            } else {
                kept = start;
            }
        }
    }

    /// The count at `at`.
    pub fn count(&self, at: Millis) -> Records {
        let produced = self.produced(at).max(0);
        let position = self.position.clamp(0, produced);
        let mut seen = self.clone();
        seen.emit(self.visible_to, self.position, false);
        let behind: i64 = seen
            .effects
            .iter()
            .map(|(start, range)| (range.to.min(position) - (*start).max(0)).max(0))
            .sum();
        let ahead: i64 = seen
            .effects
            .iter()
            .map(|(start, range)| (range.to - (*start).max(position)).max(0))
            .sum();
        let visible = |value: fn(&Range) -> u64| {
            self.effects
                .iter()
                .map(|(start, range)| (range.to - start).unsigned_abs() * value(range))
                .sum()
        };
        Records {
            produced: produced.unsigned_abs(),
            processed: (behind + ahead).unsigned_abs(),
            lost: (position - behind).unsigned_abs(),
            replayed: self.replayed,
            duplicated: visible(|range| u64::from(range.times - 1)),
            wrong: visible(|range| u64::from(range.wrong)),
            lag: (produced - self.position).unsigned_abs(),
        }
    }
}

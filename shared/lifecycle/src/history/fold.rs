//! From CloudWatch's minutes to spans.
//!
//! A fall of up time misses half of the minutes of a quick loop, so a run is known by its start: the sample's time less its up time. Where that moves by more than
//! [`MOVED_MILLIS`] without an operation, something failed. Values may be late or missing: a minute without one says nothing.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};

use super::{History, Known, Point, Ran, SPANS_KEPT, SeriesMetric, SeriesRead, Span};
use crate::Operation;

/// A run is another one when its start moves by more.
const MOVED_MILLIS: i64 = 15_000;
/// The newest minutes are incomplete, and may be missing although there was something.
pub const LATE_SECS: i64 = 180;
/// So much before what is known is read again: late values have arrived by then.
const AGAIN_SECS: i64 = 600;
/// CloudWatch keeps minutes for 15 days, less what clocks and rounding take.
const MINUTES_KEPT_SECS: i64 = 15 * 86_400 - 600;
/// An operation explains a run that begins this long before or after it.
const NEAR_SECS: i64 = 120;
/// So many missing seconds before a run look like an operation, where the operations of that time are not known.
const GAP_SECS: i64 = 120;
const MINUTE: i64 = 60;

impl History {
    /// The minutes to ask CloudWatch for; None when there can be nothing new.
    #[must_use]
    pub fn wanted(
        &self,
        now: Timestamp,
        created_at: Option<Timestamp>,
    ) -> Option<(Timestamp, Timestamp)> {
        let until = floor(now.as_second());
        let oldest = floor(now.as_second() - MINUTES_KEPT_SECS) + MINUTE;
        let from = match self.known {
            Some(known) if until - LATE_SECS < known.until.as_second() + MINUTE => return None,
            Some(known) => known.until.as_second() - AGAIN_SECS,
            None => created_at.map_or(oldest, |at| floor(at.as_second())),
        };
        let from = from.max(oldest);
        (from < until).then_some((stamp(from * 1000)?, stamp(until * 1000)?))
    }

    /// Takes answers in. `created_at` is the application's: what is older is a namesake's.
    #[must_use]
    pub fn after(
        &self,
        reads: &[SeriesRead],
        operations: &[Operation],
        created_at: Option<Timestamp>,
        soak_secs: u32,
    ) -> Self {
        let mut history = self.clone();
        let mut reads: Vec<&SeriesRead> = reads.iter().collect();
        // Minutes first: they say where the coarse periods end.
        reads.sort_by_key(|read| (read.period_secs, read.from));
        for read in reads {
            // Without up time nothing can be said about a run.
            if read.points(SeriesMetric::UpTime).is_none() {
                continue;
            }
            if i64::from(read.period_secs) == MINUTE {
                history.take_minutes(read, operations, created_at, soak_secs);
            } else {
                history.take_periods(read, created_at, soak_secs);
            }
        }
        history.compact();
        history
    }

    fn take_minutes(
        &mut self,
        read: &SeriesRead,
        operations: &[Operation],
        created_at: Option<Timestamp>,
        soak_secs: u32,
    ) {
        let from = created_at.map_or(read.from, |at| at.max(read.from));
        let until = read.until - SignedDuration::from_secs(LATE_SECS);
        if until <= from {
            return;
        }
        self.forget_since(from);
        let mut fold = Fold {
            operations,
            soak_millis: i64::from(soak_secs) * 1000,
            began: from.as_millisecond(),
            is_first: self.known.is_none(),
            failing: None,
            run: None,
            is_starting: false,
            last: None,
            spans: std::mem::take(&mut self.spans),
        };
        fold.resume();
        let minutes = Minutes::of(read, from, until);
        for at in &minutes.all {
            fold.minute(*at, &minutes);
        }
        self.records_at = self
            .records_at
            .max(minutes.records.last().and_then(|at| stamp(*at)));
        let valued = minutes.up.last_key_value().and_then(|(at, _)| stamp(*at));
        self.valued_at = self.valued_at.max(valued);
        self.spans = fold.end();
        let known = self.known.map_or(from, |known| known.from.min(from));
        let newest = self.known.map_or(until, |known| known.until.max(until));
        self.known = Some(Known {
            from: known,
            until: newest,
        });
    }

    /// Cuts off what is read again.
    fn forget_since(&mut self, from: Timestamp) {
        self.spans.retain(|span| span.from < from);
        if let Some(span) = self.spans.last_mut().filter(|span| span.until > from) {
            let (kept, all) = (from.as_second() - span.from.as_second(), span.secs().max(1));
            let share =
                |count: u32| u32::try_from(i64::from(count) * kept / all).unwrap_or(u32::MAX);
            span.ran = match span.ran {
                Ran::Failing { incidents } => Ran::Failing {
                    incidents: share(incidents).max(1),
                },
                Ran::Up {
                    checkpoints,
                    records,
                    first_checkpoint_at,
                } => {
                    // In the first minute that is read again no change is seen.
                    let seen_again = from + SignedDuration::from_secs(MINUTE);
                    let kept = first_checkpoint_at.filter(|at| *at <= seen_again);
                    let had_one = u32::from(kept.is_some());
                    // Where the first completed later, none had before: a share of the count would hide it when it is read again.
                    let none_yet = first_checkpoint_at.is_some() && kept.is_none();
                    Ran::Up {
                        checkpoints: checkpoints.map(|count| {
                            if none_yet {
                                0
                            } else {
                                share(count).max(had_one)
                            }
                        }),
                        records: records.map(share),
                        // Once seen it stays: what was read then reached further back than what is read now.
                        first_checkpoint_at,
                    }
                }
            };
            span.until = from;
        }
    }

    /// Periods of five minutes or an hour: an incident cannot be counted in them, and only the longest run of each is known.
    fn take_periods(&mut self, read: &SeriesRead, created_at: Option<Timestamp>, soak_secs: u32) {
        let period = i64::from(read.period_secs) * 1000;
        let first_known = self.spans.first().map(|span| span.from.as_millisecond());
        let ends = self
            .known
            .map_or(i64::MAX, |known| known.from.as_millisecond());
        let mut runs: Vec<(i64, i64)> = Vec::new();
        for point in read.points(SeriesMetric::UpTime).unwrap_or_default() {
            let end = point.at.as_millisecond() + period;
            let start = end - millis(point.value);
            let is_ours = created_at.is_none_or(|at| start >= at.as_millisecond());
            if end > ends || point.value <= 0.0 || !is_ours {
                continue;
            }
            match runs.last_mut() {
                Some(run) if (run.0 - start).abs() <= period => run.1 = end,
                _ => runs.push((start, end)),
            }
        }
        let spans = runs.into_iter().filter(|(start, end)| {
            let goes_on = first_known.is_some_and(|first| (first - start).abs() <= period);
            end - start >= i64::from(soak_secs) * 1000 && !goes_on
        });
        let ran = Ran::Up {
            checkpoints: None,
            records: None,
            first_checkpoint_at: None,
        };
        let spans = spans.filter_map(|(start, end)| span(start, end, ran));
        self.spans.splice(0..0, spans.collect::<Vec<_>>());
        if let Some(known) = &mut self.known {
            known.from = created_at
                .map_or(read.from, |at| at.max(read.from))
                .min(known.from);
        }
    }

    /// Keeps what is carried from look to look small. A short run between faults is forgotten before a fault is: that it failed stays known.
    fn compact(&mut self) {
        while self.spans.len() > SPANS_KEPT {
            let older = &self.spans[..self.spans.len() - SPANS_KEPT / 2];
            let shortest = (1..older.len().saturating_sub(1))
                .filter(|at| {
                    let fails = |span: &Span| matches!(span.ran, Ran::Failing { .. });
                    !fails(&older[*at]) && fails(&older[at - 1]) && fails(&older[at + 1])
                })
                .min_by_key(|at| older[*at].secs());
            let Some(at) = shortest else {
                self.spans.remove(0);
                continue;
            };
            let (before, after) = (self.spans[at - 1], self.spans[at + 1]);
            self.spans[at - 1].until = after.until;
            self.spans[at - 1].ran = Ran::Failing {
                incidents: before.incidents().saturating_add(after.incidents()),
            };
            self.spans.drain(at..=at + 1);
        }
    }
}

impl SeriesRead {
    /// The points of a metric; None when it was not read.
    #[must_use]
    pub fn points(&self, metric: SeriesMetric) -> Option<&[Point]> {
        let mut all = self.series.iter();
        all.find(|one| one.metric == metric)
            .map(|one| one.points.as_slice())
    }
}

/// The minutes of an answer, by their begin in milliseconds.
struct Minutes {
    up: BTreeMap<i64, i64>,
    restarts: BTreeMap<i64, i64>,
    /// Minutes in which a checkpoint completed.
    checkpoints: Option<BTreeSet<i64>>,
    /// The first minute, where one had completed before it.
    had_completed: Option<i64>,
    /// Minutes in which records went through.
    records: BTreeSet<i64>,
    knows_records: bool,
    all: BTreeSet<i64>,
}

impl Minutes {
    fn of(read: &SeriesRead, from: Timestamp, until: Timestamp) -> Self {
        let values = |metric| -> Option<BTreeMap<i64, i64>> {
            let points = read.points(metric)?.iter();
            let usable =
                points.filter(|point| from <= point.at && point.at < until && point.value >= 0.0);
            Some(
                usable
                    .map(|point| (point.at.as_millisecond(), millis(point.value)))
                    .collect(),
            )
        };
        // What the first minute has was there before: nothing changed in it.
        let first = from.as_millisecond() + MINUTE * 1000;
        let changes = |of: &BTreeMap<i64, i64>| -> BTreeSet<i64> {
            let mut before = None;
            of.iter()
                .filter(|(at, value)| match before.replace(**value) {
                    Some(before) => before != **value,
                    None => **at >= first,
                })
                .map(|(at, _)| *at)
                .collect()
        };
        let sizes = values(SeriesMetric::CheckpointSize);
        let took = values(SeriesMetric::CheckpointDuration);
        let known = took.iter().chain(&sizes);
        let had_completed = known.filter_map(|of| of.first_key_value());
        let had_completed = had_completed.map(|(at, _)| *at).find(|at| *at < first);
        let grows = |of: &BTreeMap<i64, i64>| -> BTreeSet<i64> {
            let mut before = 0;
            of.iter()
                .filter(|(_, value)| {
                    // A counter that fell began anew.
                    let grew = **value > before || **value > 0 && **value < before;
                    before = **value;
                    grew
                })
                .map(|(at, _)| *at)
                .collect()
        };
        let both = |a: Option<BTreeSet<i64>>, b: Option<BTreeSet<i64>>| match (a, b) {
            (None, None) => None,
            (a, b) => Some(a.into_iter().chain(b).flatten().collect::<BTreeSet<i64>>()),
        };
        let up = values(SeriesMetric::UpTime).unwrap_or_default();
        let restarts = values(SeriesMetric::Restarts).unwrap_or_default();
        let records = both(
            values(SeriesMetric::RecordsIn).as_ref().map(grows),
            values(SeriesMetric::RecordsOut).as_ref().map(grows),
        );
        Self {
            checkpoints: both(took.as_ref().map(changes), sizes.as_ref().map(changes)),
            had_completed,
            knows_records: records.is_some(),
            records: records.unwrap_or_default(),
            all: up.keys().chain(restarts.keys()).copied().collect(),
            up,
            restarts,
        }
    }
}

/// A run that goes on.
struct Run {
    start: i64,
    end: i64,
    checkpoints: Option<u32>,
    records: Option<u32>,
    first_checkpoint: Option<i64>,
}

/// Faults that go on.
struct Failing {
    from: i64,
    until: i64,
    incidents: u32,
}

struct Fold<'a> {
    operations: &'a [Operation],
    soak_millis: i64,
    /// Begin of the minutes that are folded.
    began: i64,
    /// Whether nothing is known of the time before.
    is_first: bool,
    failing: Option<Failing>,
    run: Option<Run>,
    /// Whether an operation is bringing a run up.
    is_starting: bool,
    /// The minute before: its end, and its restarts.
    last: Option<(i64, Option<i64>)>,
    spans: Vec<Span>,
}

impl Fold<'_> {
    /// Goes on from the last span, where it goes on.
    fn resume(&mut self) {
        let Some(last) = self.spans.last().copied() else {
            return;
        };
        if self.began - last.until.as_millisecond() > self.soak_millis {
            return;
        }
        let (from, until) = (last.from.as_millisecond(), last.until.as_millisecond());
        match last.ran {
            Ran::Up {
                checkpoints,
                records,
                first_checkpoint_at,
            } => {
                self.run = Some(Run {
                    start: from,
                    end: until,
                    checkpoints,
                    records,
                    first_checkpoint: first_checkpoint_at.map(Timestamp::as_millisecond),
                });
            }
            Ran::Failing { incidents } => {
                self.failing = Some(Failing {
                    from,
                    until,
                    incidents,
                });
            }
        }
        self.spans.pop();
    }

    fn minute(&mut self, at: i64, minutes: &Minutes) {
        let end = at + MINUTE * 1000;
        let restarts = minutes.restarts.get(&at).copied();
        let before = self.last.and_then(|(_, restarts)| restarts);
        let rose = matches!((before, restarts), (Some(before), Some(now)) if now > before);
        match minutes.up.get(&at).copied() {
            None if rose => self.incident(at, at, end, true),
            // Without up time, a counter that stood for a soak ends the faults before it; that the job ran meanwhile nothing says.
            None if restarts.is_some() && self.has_stood(end) => self.close_failing(),
            None => {}
            Some(0) if self.is_explained(end) || !rose && self.is_explained_by_gap(at, at) => {
                self.close_run();
                self.close_failing();
                self.is_starting = true;
            }
            Some(0) => self.incident(at, at, end, rose),
            Some(up) => self.up(end - up, at, end, rose, minutes),
        }
        self.last = Some((end, restarts.or(before)));
    }

    /// A minute in which the job was running, in a run that began at `start`.
    fn up(&mut self, start: i64, at: i64, end: i64, rose: bool, minutes: &Minutes) {
        let goes_on = self
            .run
            .as_ref()
            .is_some_and(|run| (run.start - start).abs() <= MOVED_MILLIS);
        if goes_on && rose {
            self.incident(at, at, end, true);
            return;
        }
        if !goes_on {
            self.begin(start, at, end, rose);
        }
        let began = self.began;
        if let Some(run) = &mut self.run {
            run.end = end;
            let count = |known: &mut Option<u32>, is_read: bool, hit: bool| {
                if is_read {
                    *known = Some(known.unwrap_or(0).saturating_add(u32::from(hit)));
                }
            };
            let checkpoints = minutes.checkpoints.as_ref();
            let hit = checkpoints.is_some_and(|hits| hits.contains(&at));
            let completes = hit && run.first_checkpoint.is_none_or(|first| end >= first);
            if completes && run.checkpoints.unwrap_or(0) == 0 {
                run.first_checkpoint.get_or_insert(end);
            }
            // When the first of a run completed that is older than what was read of them is not known.
            let is_older = run.checkpoints.is_none() && run.start < began;
            let had_completed = is_older && minutes.had_completed == Some(at);
            let has_completed = completes || had_completed;
            count(&mut run.checkpoints, checkpoints.is_some(), has_completed);
            count(
                &mut run.records,
                minutes.knows_records,
                minutes.records.contains(&at),
            );
        }
    }

    /// Another run begins: because something failed, or because of an operation.
    fn begin(&mut self, start: i64, at: i64, end: i64, rose: bool) {
        let is_starting = std::mem::take(&mut self.is_starting);
        if is_starting || self.is_explained(start) || self.is_explained_by_gap(start, at) {
            self.close_run();
            self.close_failing();
        } else if start < self.began && self.last.is_none() {
            // It began before these minutes: whatever ended the run before is known, or was not seen.
            self.close_run();
        } else {
            self.incident(start.max(at - MINUTE * 1000), at, end, rose);
        }
        self.run = Some(Run {
            start,
            end,
            checkpoints: None,
            records: None,
            first_checkpoint: None,
        });
    }

    /// A fault that is first known of at `from`, in the minute from `at` to `end`.
    fn incident(&mut self, from: i64, at: i64, end: i64, rose: bool) {
        self.close_run();
        self.is_starting = false;
        match &mut self.failing {
            Some(failing) => {
                // Broken minutes in a row are one incident, unless the counter says more.
                let in_a_row = at <= failing.until;
                failing.incidents = failing
                    .incidents
                    .saturating_add(u32::from(rose || !in_a_row));
                failing.until = failing.until.max(end);
            }
            None => {
                self.failing = Some(Failing {
                    from,
                    until: end,
                    incidents: 1,
                });
            }
        }
    }

    /// A run of a soak stands on its own and ends the faults before it; a shorter one was part of them, or of nothing.
    fn close_run(&mut self) {
        let Some(run) = self.run.take() else { return };
        if run.end - run.start < self.soak_millis {
            return;
        }
        self.close_failing();
        let ran = Ran::Up {
            checkpoints: run.checkpoints,
            records: run.records,
            first_checkpoint_at: run.first_checkpoint.and_then(stamp),
        };
        self.spans.extend(span(run.start, run.end, ran));
    }

    fn close_failing(&mut self) {
        if let Some(failing) = self.failing.take() {
            let ran = Ran::Failing {
                incidents: failing.incidents,
            };
            self.spans.extend(span(failing.from, failing.until, ran));
        }
    }

    /// Whether the last fault is a soak ago.
    fn has_stood(&self, end: i64) -> bool {
        self.failing
            .as_ref()
            .is_some_and(|failing| end - failing.until >= self.soak_millis)
    }

    fn end(mut self) -> Vec<Span> {
        self.close_run();
        self.close_failing();
        self.spans
    }

    /// Whether an operation began, or ended, a run about then.
    fn is_explained(&self, at: i64) -> bool {
        let near = NEAR_SECS * 1000;
        self.operations.iter().any(|operation| {
            let ended = operation
                .ended_at
                .map_or(i64::MAX - near, Timestamp::as_millisecond);
            (operation.started_at.as_millisecond() - near..=ended + near).contains(&at)
        })
    }

    /// A gap is what an operation leaves. Where the operations of that time are known, it must have been one of them.
    fn is_explained_by_gap(&self, start: i64, at: i64) -> bool {
        let oldest = self.operations.iter().map(|one| one.started_at).min();
        let is_known = oldest.is_some_and(|oldest| oldest.as_millisecond() <= start);
        let gap = match self.last {
            Some((end, _)) => at - end,
            None if self.is_first => i64::MAX,
            None => 0,
        };
        !is_known && gap >= GAP_SECS * 1000
    }
}

impl Span {
    /// How long it lasted, in seconds.
    #[must_use]
    pub fn secs(&self) -> i64 {
        self.until.as_second() - self.from.as_second()
    }

    /// Faults in it.
    #[must_use]
    pub fn incidents(&self) -> u32 {
        match self.ran {
            Ran::Failing { incidents } => incidents,
            Ran::Up { .. } => 0,
        }
    }
}

fn span(from: i64, until: i64, ran: Ran) -> Option<Span> {
    Some(Span {
        from: stamp(from)?,
        until: stamp(until)?,
        ran,
    })
}

fn stamp(millis: i64) -> Option<Timestamp> {
    Timestamp::from_millisecond(millis).ok()
}

fn floor(secs: i64) -> i64 {
    secs - secs.rem_euclid(MINUTE)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "a value of CloudWatch beyond 2^63 saturates, and is no time"
)]
fn millis(value: f64) -> i64 {
    value as i64
}

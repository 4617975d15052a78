//! From CloudWatch's minutes to spans: what each situation leaves (the table of situations is that of the metrics' documentation and of Flink's gauges).
#![allow(clippy::cast_precision_loss, reason = "small numbers in tests")]

mod support;

use jiff::{SignedDuration, Timestamp};
use lifecycle::{
    History, Operation, Point, Ran, SPANS_KEPT, Series, SeriesMetric, SeriesRead, Span,
};
use support::*;

const SOAK: u32 = 303;

/// A job as its metrics show it: (from, until) of each time it ran, in seconds ago, and minutes in which nothing is known.
#[derive(Clone, Default)]
struct Past {
    runs: Vec<(i64, i64)>,
    restarts: Vec<i64>,
    checkpoints: bool,
    records: bool,
    /// Until then, in seconds ago, its tasks initialise: no checkpoint completes.
    initialising: Option<i64>,
    missing: Vec<(i64, i64)>,
}

impl Past {
    /// Runs of that long, one after the other, from then on until the other.
    fn looping(mut self, from: i64, until: i64, period: i64) -> Self {
        let mut at = from;
        while at > until {
            self.runs.push((at, (at - period + 1).max(until)));
            self.restarts.push((at - period).max(until));
            at -= period;
        }
        self
    }

    fn running(mut self, from: i64, until: i64) -> Self {
        self.runs.push((from, until));
        self
    }

    fn read(&self, from: i64, until: i64) -> SeriesRead {
        self.read_by(60, from, until)
    }

    fn read_by(&self, period: i64, from: i64, until: i64) -> SeriesRead {
        let (mut up, mut restarts, mut size, mut records) = (vec![], vec![], vec![], vec![]);
        let begin = NOW_SECS - from;
        let mut at = begin - begin.rem_euclid(period);
        while at < NOW_SECS - until {
            let end = NOW_SECS - (at + period);
            let stamp = Timestamp::from_second(at).expect("a time");
            let is_missing = self.missing.iter().any(|(a, b)| end <= *a && end > *b);
            let first = self.runs.first().map_or(0, |run| run.0);
            let last = self.runs.last().map_or(0, |run| run.1);
            if !is_missing && end <= first && end >= last - period {
                let run = self.runs.iter().find(|(a, b)| end <= *a && end >= *b);
                let run_secs = run.map_or(0, |(a, _)| a - end);
                let point = |value: i64| Point {
                    at: stamp,
                    value: value as f64,
                };
                up.push(point(run_secs * 1000));
                restarts.push(point(
                    self.restarts.iter().filter(|one| **one >= end).count() as i64,
                ));
                let is_initialising = self.initialising.is_some_and(|until| end >= until);
                let completes = self.checkpoints && !is_initialising;
                size.push(point(if completes { at } else { 7 }));
                records.push(point(if self.records { run_secs * 10 } else { 0 }));
            }
            at += period;
        }
        let all = [
            (SeriesMetric::UpTime, up),
            (SeriesMetric::Restarts, restarts),
            (SeriesMetric::CheckpointSize, size),
            (SeriesMetric::RecordsOut, records),
        ];
        SeriesRead {
            from: ago(from),
            until: ago(until),
            period_secs: u32::try_from(period).expect("a short time"),
            series: all
                .into_iter()
                .map(|(metric, points)| Series { metric, points })
                .collect(),
        }
    }
}

fn well() -> Past {
    Past {
        checkpoints: true,
        records: true,
        ..Past::default()
    }
}

fn folded(past: &Past, from: i64, operations: &[Operation]) -> Vec<Span> {
    let history = History::default().after(&[past.read(from, 0)], operations, None, SOAK);
    history.spans
}

fn is_up(span: &Span) -> bool {
    matches!(span.ran, Ran::Up { .. })
}

/// Seconds from `ago(from)` to `ago(until)`, to the minute.
#[track_caller]
fn lies(span: &Span, from: i64, until: i64) {
    let (began, ended) = (
        NOW_SECS - span.from.as_second(),
        NOW_SECS - span.until.as_second(),
    );
    assert!(
        (began - from).abs() <= 120 && (ended - until).abs() <= 300,
        "{began}..{ended}, not {from}..{until}"
    );
}

#[test]
fn a_job_that_runs_is_one_span_from_its_start_with_checkpoints_and_records() {
    let spans = folded(&well().running(hours(5), 0), hours(3), &[]);
    assert_eq!(spans.len(), 1, "{spans:?}");
    // Its up time tells of the two hours that were not read.
    lies(&spans[0], hours(5), 0);
    let Ran::Up {
        checkpoints: Some(checkpoints),
        records: Some(records),
        ..
    } = spans[0].ran
    else {
        panic!("{spans:?}");
    };
    assert!(checkpoints > 150 && records > 150, "{spans:?}");
}

#[test]
fn a_job_that_initialises_for_ever_is_up_without_checkpoints_and_records() {
    let spans = folded(&Past::default().running(hours(2), 0), hours(3), &[]);
    let Ran::Up {
        checkpoints,
        records,
        ..
    } = spans[0].ran
    else {
        panic!("{spans:?}");
    };
    // The first value is a change from nothing.
    assert!(checkpoints <= Some(1) && records == Some(0), "{spans:?}");
}

/// When the first checkpoint of a run is known to have completed, in seconds ago.
fn first_checkpoint(span: &Span) -> Option<i64> {
    let Ran::Up {
        first_checkpoint_at,
        ..
    } = span.ran
    else {
        panic!("{span:?}");
    };
    first_checkpoint_at.map(|at| NOW_SECS - at.as_second())
}

#[test]
fn a_run_knows_when_its_first_checkpoint_completed() {
    // Its job is older, so what the metric has at first is of a checkpoint before.
    let restarted = Past {
        initialising: Some(minutes(40)),
        restarts: vec![hours(1)],
        ..well().running(hours(3), hours(1)).running(hours(1), 0)
    };
    let whole = folded(&restarted, hours(2), &[]);
    let first = first_checkpoint(whole.last().expect("it runs")).expect("it completed");
    assert!((minutes(38)..=minutes(40)).contains(&first), "{first}");
    // Read in pieces, as looks do, it is the same: what is read again is no other checkpoint.
    for cut in [minutes(50), minutes(41), minutes(39), minutes(20)] {
        let known = History::default().after(&[restarted.read(hours(2), cut)], &[], None, SOAK);
        let from = (cut + 180 + 600).div_euclid(60) * 60;
        let again = known.after(&[restarted.read(from, 0)], &[], None, SOAK);
        let last = again.spans.last().expect("it runs");
        assert_eq!(
            first_checkpoint(last),
            Some(first),
            "{cut}: {:?}",
            again.spans
        );
    }
    // Looked at every minute, too: a look before the first checkpoint and one after it read the same minutes again.
    let mut often =
        History::default().after(&[restarted.read(hours(2), minutes(50))], &[], None, SOAK);
    for at in (20..50).rev() {
        let Some((from, until)) = often.wanted(ago(minutes(at)), None) else {
            continue;
        };
        let (from, until) = (NOW_SECS - from.as_second(), NOW_SECS - until.as_second());
        often = often.after(&[restarted.read(from, until)], &[], None, SOAK);
    }
    assert_eq!(
        first_checkpoint(often.spans.last().expect("it runs")),
        Some(first),
        "{:?}",
        often.spans
    );
    // What was read of checkpoints begins within a run that has had some: when the first completed is not known.
    let long = well().running(days(5), 0);
    assert_eq!(first_checkpoint(&folded(&long, hours(3), &[])[0]), None);
    let up_time = |mut read: SeriesRead| {
        read.series.retain(|one| one.metric == SeriesMetric::UpTime);
        read
    };
    let reads = [up_time(long.read(days(14), 0)), long.read(hours(24), 0)];
    let spans = History::default().after(&reads, &[], None, SOAK).spans;
    assert_eq!((first_checkpoint(&spans[0]), spans.len()), (None, 1));
    // None has completed yet, though the metric has a value.
    let never = Past {
        initialising: Some(0),
        ..restarted
    };
    let known = History::default().after(&[never.read(hours(2), minutes(20))], &[], None, SOAK);
    let again = known.after(&[never.read(minutes(33), 0)], &[], None, SOAK);
    assert_eq!(first_checkpoint(again.spans.last().expect("it runs")), None);
}

#[test]
fn a_loop_is_one_span_of_faults_whatever_its_period() {
    for (period, least) in [(5, 80), (45, 60), (90, 40), (180, 15)] {
        let past = well()
            .running(hours(30), hours(2))
            .looping(hours(2), 0, period);
        let spans = folded(&past, hours(10), &[]);
        assert_eq!(spans.len(), 2, "{period}: {spans:?}");
        lies(&spans[0], hours(30), hours(2));
        lies(&spans[1], hours(2), period);
        assert!(spans[1].incidents() >= least, "{period}: {spans:?}");
    }
}

#[test]
fn a_blip_of_eight_regions_is_one_incident() {
    let mut past = well().running(hours(9), hours(1)).running(hours(1) - 2, 0);
    past.restarts = vec![hours(1); 8];
    let spans = folded(&past, hours(8), &[]);
    let incidents: Vec<u32> = spans.iter().map(Span::incidents).collect();
    assert_eq!(incidents, [0, 1, 0], "{spans:?}");
}

#[test]
fn an_update_is_no_incident_and_ends_the_run() {
    let past = Past {
        missing: vec![(hours(1) + 100, hours(1) - 100)],
        ..well()
            .running(hours(9), hours(1) + 90)
            .running(hours(1) - 90, 0)
    };
    let update = an_operation("UpdateApplication", "SUCCESSFUL", hours(1) + 100, Some(200));
    for operations in [vec![update], vec![]] {
        let spans = folded(&past, hours(8), &operations);
        assert_eq!(spans.len(), 2, "{spans:?}");
        assert!(spans.iter().all(is_up));
        lies(&spans[1], hours(1) - 90, 0);
    }
    // A gap of which it is known that no operation made it: the JobManager was lost.
    let old = an_operation("StartApplication", "SUCCESSFUL", hours(20), Some(60));
    let spans = folded(&past, hours(8), &[old]);
    let incidents: Vec<u32> = spans.iter().map(Span::incidents).collect();
    assert_eq!(incidents, [0, 1, 0], "{spans:?}");
}

#[test]
fn a_jobmanager_that_crashes_without_end_fails_although_its_counter_stays_at_nought() {
    let mut past = well().looping(hours(1), 0, 100);
    past.restarts.clear();
    let old = an_operation("StartApplication", "SUCCESSFUL", hours(20), Some(60));
    let spans = folded(&past, hours(2), &[old]);
    assert_eq!(spans.len(), 1, "{spans:?}");
    assert!(spans[0].incidents() >= 10, "{spans:?}");
}

#[test]
fn faults_of_the_version_before_do_not_run_into_those_after_an_update() {
    let past = Past {
        missing: vec![(hours(1) + 100, hours(1) - 100)],
        ..well()
            .looping(hours(2), hours(1) + 100, 20)
            .looping(hours(1) - 100, 0, 20)
    };
    let update = an_operation("UpdateApplication", "SUCCESSFUL", hours(1) + 100, Some(200));
    let spans = folded(&past, hours(3), &[update]);
    assert_eq!(spans.len(), 2, "{spans:?}");
    assert!(spans[0].until <= ago(hours(1) - 60), "{spans:?}");
}

#[test]
fn minutes_that_are_missing_are_not_good() {
    let past = Past {
        missing: vec![(hours(3), hours(1))],
        ..well().running(hours(4), hours(3)).running(hours(1), 0)
    };
    let spans = folded(&past, hours(5), &[]);
    assert_eq!(spans.len(), 2, "{spans:?}");
    assert!(spans.iter().all(|span| span.secs() <= hours(1) + 120));
}

/// Looked at every few minutes, the same comes out as from one answer.
#[test]
fn what_is_read_in_pieces_is_what_is_read_at_once() {
    let past = well()
        .running(hours(9), hours(4))
        .looping(hours(4), hours(3), 40)
        .running(hours(3), hours(1))
        .looping(hours(1), 0, 100);
    let whole = folded(&past, hours(8), &[]);
    let mut pieces = History::default().after(&[past.read(hours(8), hours(4))], &[], None, SOAK);
    for step in 1..=40 {
        let now = ago(hours(4) - step * 360);
        let Some((from, until)) = pieces.wanted(now, None) else {
            panic!("nothing new after six minutes");
        };
        let (from, until) = (NOW_SECS - from.as_second(), NOW_SECS - until.as_second());
        pieces = pieces.after(&[past.read(from, until)], &[], None, SOAK);
    }
    let pieces = pieces.spans;
    assert_eq!(pieces.len(), whole.len(), "{pieces:?}\n{whole:?}");
    for (piece, span) in pieces.iter().zip(&whole) {
        assert_eq!(is_up(piece), is_up(span));
        assert!((piece.from.as_second() - span.from.as_second()).abs() <= 120);
        assert!((piece.until.as_second() - span.until.as_second()).abs() <= 120);
        let (some, all) = (piece.incidents(), span.incidents());
        assert!(some * 2 >= all && some <= all * 2, "{some} of {all}");
    }
}

#[test]
fn a_namesake_has_left_nothing() {
    let created = ago(hours(2));
    let past = well().running(days(3), hours(3)).running(hours(2), 0);
    let history = History::default();
    let (from, _) = history.wanted(now(), Some(created)).unwrap();
    assert!(from >= ago(hours(2) + 60));
    let read = past.read(days(3), 0);
    let spans = history.after(&[read], &[], Some(created), SOAK).spans;
    assert_eq!(spans.len(), 1, "{spans:?}");
    lies(&spans[0], hours(2), 0);
}

#[test]
fn long_ago_only_the_longest_run_is_known() {
    let past = well().running(days(40), days(10)).running(days(10), 0);
    let reads = [
        past.read_by(300, days(63), days(15)),
        past.read(days(15) - 600, 0),
    ];
    let spans = History::default().after(&reads, &[], None, SOAK).spans;
    // The run of before was going on fifteen days ago: its own up time tells when it began.
    lies(&spans[0], days(40), days(10));
    let unread = Ran::Up {
        checkpoints: None,
        records: None,
        first_checkpoint_at: None,
    };
    let ended = Past {
        missing: vec![(days(20), days(10))],
        ..well().running(days(40), days(20)).running(days(10), 0)
    };
    let reads = [
        ended.read_by(300, days(63), days(15)),
        ended.read(days(15) - 600, 0),
    ];
    let spans = History::default().after(&reads, &[], None, SOAK).spans;
    assert_eq!((spans[0].ran, spans.len()), (unread, 2), "{spans:?}");
    lies(&spans[0], days(40), days(20));
}

#[test]
fn nothing_new_is_not_asked_for() {
    let known = History::default().after(&[well().read(hours(1), 0)], &[], None, SOAK);
    assert_eq!(known.wanted(now(), None), None);
    let later = now() + SignedDuration::from_secs(300);
    let (from, until) = known.wanted(later, None).unwrap();
    assert!(until > now() && from < ago(600), "{from} {until}");
}

#[test]
fn up_time_that_was_not_read_leaves_everything_unknown() {
    let mut read = well().running(hours(5), 0).read(hours(3), 0);
    read.series.remove(0);
    let history = History::default().after(&[read], &[], None, SOAK);
    assert_eq!(history, History::default());
    // Read, and without a value: known, and still nothing to say.
    let mut read = well().running(hours(5), 0).read(hours(3), 0);
    read.series[0].points.clear();
    let history = History::default().after(&[read], &[], None, SOAK);
    assert!(history.known.is_some() && history.spans.is_empty());
    assert_eq!(history.valued_at, None);
}

#[test]
fn without_up_time_the_counter_alone_tells_of_faults_and_of_no_run() {
    // A blip five hours ago, and a loop for an hour.
    let mut past = well()
        .running(hours(7), hours(2))
        .looping(hours(2), hours(1), 60)
        .running(hours(1), 0);
    past.restarts.push(hours(5));
    let mut read = past.read(hours(8), 0);
    read.series[0].points.clear();
    let spans = History::default().after(&[read], &[], None, SOAK).spans;
    assert_eq!(spans.len(), 2, "{spans:?}");
    lies(&spans[0], hours(5), hours(5));
    lies(&spans[1], hours(2), hours(1));
    assert_eq!(spans[0].incidents(), 1, "{spans:?}");
    assert!(spans[1].incidents() >= 50, "{spans:?}");
}

#[test]
fn it_stays_small_and_forgets_no_fault_for_a_run() {
    let mut past = well();
    let mut at = days(4);
    while at > 0 {
        past = past.running(at, at - 900);
        past.restarts.push(at - 900);
        at -= 960;
    }
    let spans = folded(&past, days(5), &[]);
    assert!(spans.len() <= SPANS_KEPT, "{}", spans.len());
    let incidents: u32 = spans.iter().map(Span::incidents).sum();
    assert!(incidents > 200, "{incidents}");
}

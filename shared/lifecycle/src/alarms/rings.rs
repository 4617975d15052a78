//! Which alarm rings for what a job does, how soon, and which keeps silent: over the definitions as they are put, evaluated as CloudWatch does, wherever in the minute it samples.

use super::*;

const MINUTE: usize = 60;
/// How many periods more than N an evaluation looks back.
const EXTRA: usize = 2;
const HOUR: usize = 60;
/// Minutes by which a metric may be late.
const LATE: usize = 3;

/// What a job does for so many seconds.
#[derive(Clone, Copy, Debug)]
enum Stretch {
    /// RUNNING.
    Up(usize),
    /// RESTARTING: the counter has risen.
    Restarting(usize),
    /// No job, or no JobManager: no metrics, and the next job counts from zero.
    Away(usize),
    /// FINISHED, and still asked.
    Ended(usize),
}

use Stretch::{Away, Ended, Restarting, Up};

/// The gauges of one second: the counter of restarts, and the milliseconds of being up.
type Gauges = Option<(f64, f64)>;

fn seconds(stretches: &[Stretch]) -> Vec<Gauges> {
    let (mut restarts, mut seconds) = (0.0, Vec::new());
    for stretch in stretches {
        match *stretch {
            Up(secs) => seconds.extend((0..secs).map(|sec| Some((restarts, sec as f64 * 1_000.0)))),
            Restarting(secs) => {
                restarts += 1.0;
                seconds.extend(std::iter::repeat_n(Some((restarts, 0.0)), secs));
            }
            Away(secs) => {
                restarts = 0.0;
                seconds.extend(std::iter::repeat_n(None, secs));
            }
            Ended(secs) => seconds.extend(std::iter::repeat_n(Some((restarts, -1.0)), secs)),
        }
    }
    seconds
}

/// The metric's value of each minute, sampled at this second of it; None where the service sends none of that name.
fn minutes(seconds: &[Gauges], at: usize, metric: &str, flink: FlinkMajor) -> Vec<Option<f64>> {
    let sampled = seconds.chunks_exact(MINUTE).map(|minute| minute[at]);
    let of = |(restarts, up): (f64, f64)| match (metric, flink) {
        ("fullRestarts", FlinkMajor::One) | ("numRestarts", FlinkMajor::Two) => Some(restarts),
        ("uptime", _) => Some(up),
        ("runningTime", FlinkMajor::Two) => Some(up.max(0.0)),
        ("downtime", _) => Some(up.min(0.0)),
        _ => None,
    };
    sampled.map(|gauges| gauges.and_then(of)).collect()
}

/// The minute at whose end the alarm rings. Windows slide with each evaluation, or stand where the clock's periods end.
fn rings(alarm: &AlarmDefinition, minutes: &[Option<f64>], slides: bool) -> Option<usize> {
    let period = alarm.period_secs as usize / MINUTE;
    let (m, n) = (alarm.datapoints as usize, alarm.periods as usize);
    (1..=minutes.len())
        .filter(|end| slides || end % period == 0)
        .find(|end| {
            let back = (0..n + EXTRA).rev().filter_map(|ago| {
                let last = end.checked_sub(ago * period)?;
                minutes.get(last.checked_sub(period)?..last)
            });
            let values =
                back.filter_map(|window| window.iter().flatten().copied().reduce(f64::max));
            let values: Vec<f64> = values.collect();
            let breaches: Vec<bool> = match alarm.watched {
                Watched::Rise => values.windows(2).map(|pair| pair[1] > pair[0]).collect(),
                Watched::NotUp => values
                    .iter()
                    .map(|up| (0.0..300_000.0).contains(up))
                    .collect(),
                Watched::Value => values.iter().map(|value| *value > 0.0).collect(),
            };
            breaches.iter().rev().take(n).filter(|bad| **bad).count() >= m
        })
}

/// When each alarm rings, by the end of its name: the soonest and the latest minute over where in the minute is sampled; None where it never does.
fn heard(
    stretches: &[Stretch],
    flink: FlinkMajor,
    slides: bool,
) -> BTreeMap<String, Option<(usize, usize)>> {
    let seconds = seconds(stretches);
    let of = |alarm: AlarmDefinition| {
        let each: Vec<Option<usize>> = (0..MINUTE)
            .step_by(7)
            .map(|at| rings(&alarm, &minutes(&seconds, at, &alarm.metric, flink), slides))
            .collect();
        let all: Option<Vec<usize>> = each.iter().copied().collect();
        assert!(
            all.is_some() || each.iter().all(Option::is_none),
            "{} rings or not by where in the minute is sampled: {each:?}",
            alarm.name
        );
        let range = all.and_then(|all| Some((*all.iter().min()?, *all.iter().max()?)));
        (
            alarm
                .name
                .trim_start_matches("lifeguard-orders-")
                .to_owned(),
            range,
        )
    };
    alarms_of("orders", flink).into_iter().map(of).collect()
}

/// A job that is up for a while after each start, and comes up in so many seconds.
fn looping(up: usize, restarting: usize) -> Vec<Stretch> {
    let times = 3 * 3_600 / (up + restarting);
    [Up(up), Restarting(restarting)].repeat(times)
}

const EACH: [FlinkMajor; 2] = [FlinkMajor::One, FlinkMajor::Two];

/// The alarm on fast restarts that has values under this Flink.
fn fast(flink: FlinkMajor) -> &'static str {
    match flink {
        FlinkMajor::One => "restarts",
        FlinkMajor::Two => "restarts-flink-2",
    }
}

#[test]
fn every_loop_rings_within_the_hour() {
    // How long it is up, how long it restarts; when each alarm rings at the latest, in minutes: "3 of 10", "not up", the slow one.
    let table = [
        (5, 1, [Some(4), Some(20), Some(20)]),
        (0, 60, [Some(4), Some(20), Some(20)]),
        (80, 10, [Some(6), Some(20), Some(20)]),
        (170, 10, [Some(10), Some(20), Some(20)]),
        (300, 10, [None, Some(20), Some(20)]),
        (400, 10, [None, None, Some(22)]),
        (590, 10, [None, None, Some(31)]),
        (1_000, 10, [None, None, Some(52)]),
        (1_090, 10, [None, None, Some(56)]),
    ];
    for (up, restarting, wanted) in table {
        for flink in EACH {
            let heard = heard(&looping(up, restarting), flink, true);
            let latest = [fast(flink), "not-up", "restarts-slow"]
                .map(|end| heard.get(end).copied().flatten().map(|(_, latest)| latest));
            assert_eq!(latest, wanted, "up {up} s, {flink:?}: {heard:?}");
            assert!(latest.iter().flatten().any(|latest| latest + LATE <= HOUR));
        }
    }
}

#[test]
fn windows_that_stand_by_the_clock_ring_within_the_hour_too() {
    for up in [300, 590, 1_090] {
        let heard = heard(&looping(up, 10), FlinkMajor::One, false);
        let (_, latest) = heard["restarts-slow"].unwrap();
        assert!(latest <= HOUR, "up {up} s: {latest} min");
    }
}

#[test]
fn what_is_no_loop_rings_nothing() {
    let (day, long) = (86_400, 7_200);
    let deployment = Away(70);
    let table: [(&str, Vec<Stretch>); 12] = [
        ("healthy", vec![Up(long)]),
        ("one restart", vec![Up(long), Restarting(12), Up(long)]),
        (
            "a broker fails over: 4 restarts in 50 s",
            [
                &[Up(long)][..],
                &[Restarting(4), Up(9)].repeat(4),
                &[Up(long)],
            ]
            .concat(),
        ),
        ("maintenance once", vec![Up(long), Away(30), Up(long)]),
        ("maintenance every day", [Up(day), Away(30)].repeat(2)),
        ("a deployment once", vec![Up(long), deployment, Up(long)]),
        (
            "three deployments in an hour",
            [
                &[Up(long)][..],
                &[deployment, Up(1_130)].repeat(3),
                &[Up(long)],
            ]
            .concat(),
        ),
        (
            "three deployments in a quarter of an hour",
            [
                &[Up(long)][..],
                &[deployment, Up(230)].repeat(3),
                &[Up(long)],
            ]
            .concat(),
        ),
        (
            "maintenance, and a lost machine in the same hour",
            vec![Up(long), Away(30), Up(1_500), Restarting(15), Up(long)],
        ),
        (
            "stopped for hours",
            vec![Up(long), Away(4 * 3_600), Up(long)],
        ),
        (
            "a JobManager is replaced",
            vec![Up(long), Restarting(5), Up(3_000), Away(40), Up(long)],
        ),
        (
            "an update that takes an hour",
            vec![Up(long), Away(3_600), Up(long)],
        ),
    ];
    for (what, stretches) in table {
        for flink in EACH {
            for slides in [true, false] {
                let heard = heard(&stretches, flink, slides);
                assert!(
                    heard.values().all(Option::is_none),
                    "{what}, {flink:?}: {heard:?}"
                );
            }
        }
    }
}

#[test]
fn a_job_that_has_ended_is_not_one_that_is_not_up() {
    let ended = [Up(3_600), Ended(7_200)];
    assert_eq!(heard(&ended, FlinkMajor::One, true)["not-up"], None);
    let (_, latest) = heard(&ended, FlinkMajor::Two, true)["not-up"].unwrap();
    assert_eq!(latest, 80, "from 2.2 on there is no sign of the end");
}

#[test]
fn a_fault_that_passes_leaves_no_alarm_deaf_for_an_hour() {
    let outage = [
        &[Up(7_200)][..],
        &[Restarting(20), Up(25)].repeat(5),
        &[Up(7_200)],
    ]
    .concat();
    let seconds = seconds(&outage);
    let slow = alarms_of("orders", FlinkMajor::One)
        .into_iter()
        .find(|alarm| alarm.name.ends_with("-slow"))
        .unwrap();
    let in_minutes = AlarmDefinition {
        period_secs: 60,
        periods: 60,
        ..slow.clone()
    };
    for at in 0..MINUTE {
        let minutes = minutes(&seconds, at, &slow.metric, FlinkMajor::One);
        assert_eq!(rings(&slow, &minutes, true), None, "sampled at {at} s");
        assert!(
            rings(&in_minutes, &minutes, true).is_some(),
            "sampled at {at} s"
        );
    }
}

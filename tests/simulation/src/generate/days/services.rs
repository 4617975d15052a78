//! What Lifeguard itself depends on fails, around a trouble whose truth is clear.

use sandbox::script::{Do, FaultKind, Injected, Through, Trail, Which};

use super::{
    super::{any, minutes, one_in, seconds, task},
    draft::{Draft, HOUR, MINUTE},
    truth::{Blame, Right},
};

/// A fault of every request to a service, or of one of its verbs.
fn of(fault: FaultKind, service: &str, verb: Option<&str>, which: Which) -> Injected {
    Injected {
        fault,
        service: Some(service.to_owned()),
        verb: verb.map(str::to_owned),
        function: None,
        caller: None,
        which,
        from: None,
        to: None,
    }
}

pub(super) fn series(day: &mut Draft) {
    let it = day.application(&["broker"]);
    day.hours(2, 10);
    let from = day.now - day.rng.u64(0..90) * MINUTE;
    let until = day.now + day.rng.u64(1..4) * HOUR;
    let (fault, which) = any(
        &mut day.rng,
        &[
            (FaultKind::ServerError, Which::Always),
            (FaultKind::Throttle, Which::Always),
            (FaultKind::ServerError, Which::OneIn(2)),
            (FaultKind::Slow(seconds(8)), Which::OneIn(2)),
        ],
    );
    // How long it had run well nobody can say where none can be read.
    let right = match which {
        Which::Always => Right::Ask,
        _ => Right::Leave,
    };
    day.fault(Injected {
        from: Some(seconds(from)),
        to: Some(seconds(until)),
        ..of(fault, "monitoring", Some("GetMetricData"), which)
    });
    if one_in(&mut day.rng, 2) {
        day.trouble(
            it,
            right,
            Blame::TheWorld,
            "an outage while no series can be read",
        );
        day.away(it, "broker", (12, 60));
        day.now += HOUR;
    } else {
        day.bad_deployment(it, "a bad deployment while no series can be read");
    }
}

pub(super) fn struck(day: &mut Draft) {
    let it = day.application(&[]);
    day.hours(1, 12);
    day.bad_deployment(it, "a bad deployment, and readings that fail");
    let states = [
        "Look",
        "Decide",
        "RecordIntent",
        "RollBack",
        "ForceStop",
        "StartFromSnapshot",
    ];
    let reads = [
        ("kinesisanalytics", "DescribeApplication"),
        ("kinesisanalytics", "ListApplicationOperations"),
        ("kinesisanalytics", "ListApplicationSnapshots"),
        ("kinesisanalytics", "ListTagsForResource"),
        ("kinesisanalytics", "DescribeApplicationVersion"),
        ("kinesisanalytics", "CreateApplicationPresignedUrl"),
        ("monitoring", "GetMetricData"),
        ("dynamodb", "GetItem"),
    ];
    for _ in 0..day.rng.u32(2..6) {
        let (service, verb) = any(&mut day.rng, &reads);
        let fault = any(
            &mut day.rng,
            &[
                FaultKind::Throttle,
                FaultKind::ServerError,
                FaultKind::CutBefore,
                FaultKind::Slow(seconds(16)),
            ],
        );
        let times = day.rng.u32(1..9).into();
        let inject = Do::Inject(of(fault, service, Some(verb), Which::First(times)));
        let when = task(
            any(&mut day.rng, &states),
            day.rng.u32(1..5),
            day.rng.bool(),
        );
        day.act_when(it, when, inject);
    }
}

pub(super) fn rates(day: &mut Draft) {
    let it = day.application(&[]);
    day.hours(1, 12);
    let which = Which::Over {
        per_second: any(&mut day.rng, &[0.2, 0.5, 1.0]),
        burst: any(&mut day.rng, &[2, 5, 10]),
    };
    let (service, verb) = any(
        &mut day.rng,
        &[
            ("kinesisanalytics", None),
            ("kinesisanalytics", Some("DescribeApplication")),
            ("kinesisanalytics", Some("ListTagsForResource")),
            ("monitoring", None),
        ],
    );
    let from = day.now - day.rng.u64(0..30) * MINUTE;
    let until = day.now + day.rng.u64(30..180) * MINUTE;
    day.fault(Injected {
        from: Some(seconds(from)),
        to: Some(seconds(until)),
        ..of(FaultKind::Throttle, service, verb, which)
    });
    day.bad_deployment(it, "a bad deployment while requests are throttled");
}

pub(super) fn announcements(day: &mut Draft) {
    let it = day.application(&[]);
    let spread = any(&mut day.rng, &[0, 6, 20]);
    day.script.world.trail = Some(Trail {
        delay: Some(minutes(2)),
        spread: Some(minutes(spread)),
        lost_one_in: any(&mut day.rng, &[None, Some(5), Some(2), Some(1)]),
        twice_one_in: any(&mut day.rng, &[None, Some(3), Some(1)]),
        refused: true,
    });
    day.hours(1, 12);
    if one_in(&mut day.rng, 2) {
        // For less than an hour: what starts nothing all day is another thing.
        let fault = any(
            &mut day.rng,
            &[FaultKind::Twice, FaultKind::Late(seconds(16))],
        );
        let until = day.now + day.rng.u64(20..60) * MINUTE;
        let starts = of(fault, "states", Some("StartExecution"), Which::Always);
        day.fault(Injected {
            to: Some(seconds(until)),
            ..starts
        });
    }
    day.bad_deployment(it, "a bad deployment that is announced badly");
    if one_in(&mut day.rng, 2) {
        through_stacks(day);
    }
}

/// All deployments go through stacks.
fn through_stacks(day: &mut Draft) {
    for step in &mut day.script.happens {
        if let Some(Do::Deploy { through, .. }) = &mut step.what {
            *through = Through::Stack;
        }
    }
}

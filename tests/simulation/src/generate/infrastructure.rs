//! What goes wrong in the infrastructure: mildly or for a while, anywhere.

use fastrand::Rng;
use sandbox::script::{FaultKind, Injected, Script, Which};

use super::{any, lasts_secs, one_in, seconds, weighted};

/// Forks the seed.
const RATES: u64 = 0x72_6174_6573;

/// What goes wrong in a run of so many seconds.
pub(super) fn faults(rng: &mut Rng, length: u64) -> Vec<Injected> {
    match weighted(rng, &[35, 40, 25]) {
        0 => Vec::new(),
        1 => (0..rng.u32(1..4)).map(|_| mild(rng, length * 4)).collect(),
        _ => (0..rng.u32(1..5)).map(|_| harsh(rng, length)).collect(),
    }
}

/// One that passes within moments, in the first `until_secs` seconds.
pub(super) fn mild(rng: &mut Rng, until_secs: u64) -> Injected {
    let which = if rng.bool() {
        Which::Nth(rng.u64(1..40))
    } else {
        Which::First(rng.u64(1..3))
    };
    Injected {
        which,
        to: Some(seconds(until_secs)),
        ..fault(rng)
    }
}

/// A function that looks or decides does not answer all the time: Lifeguard itself was deployed badly.
pub(super) fn broken(rng: &mut Rng) -> Injected {
    let package = any(rng, &["subtask-verifier", "remediation-planner"]);
    let fault = any(rng, &[FaultKind::CrashBefore, FaultKind::TimeOutBefore]);
    Injected {
        function: Some(package.to_owned()),
        ..of(fault, "lambda", Some("Invoke"))
    }
}

fn harsh(rng: &mut Rng, length: u64) -> Injected {
    let from = rng.u64(0..length);
    let to = from + any(rng, &[60, 300, 900, 3_600]);
    let which = match rng.u32(0..3) {
        0 => Which::Always,
        1 => Which::OneIn(rng.u64(2..6)),
        _ => Which::EveryKth {
            k: rng.u64(2..5),
            from: rng.u64(1..5),
        },
    };
    Injected {
        which,
        from: Some(seconds(from)),
        to: Some(seconds(to)),
        ..fault(rng)
    }
}

/// A fault of every request to a service, or of one of its verbs.
fn of(fault: FaultKind, service: &str, verb: Option<&str>) -> Injected {
    Injected {
        fault,
        service: Some(service.to_owned()),
        verb: verb.map(str::to_owned),
        function: None,
        caller: None,
        which: Which::Always,
        from: None,
        to: None,
    }
}

/// Request rates as services have them, for a while: drawn from a generator of its own, forked from the seed, so that a run keeps everything else that it was before this was drawn.
pub(super) fn add_rates(seed: u64, script: &mut Script) {
    let rng = &mut Rng::with_seed(seed ^ RATES);
    if !one_in(rng, 8) {
        return;
    }
    let (service, verb) = any(
        rng,
        &[
            ("kinesisanalytics", None),
            ("kinesisanalytics", Some("DescribeApplication")),
            ("kinesisanalytics", Some("ListTagsForResource")),
            ("monitoring", None),
            ("lambda", Some("Invoke")),
        ],
    );
    let from = rng.u64(0..lasts_secs(script));
    script.faults.push(Injected {
        which: Which::Over {
            per_second: any(rng, &[0.05, 0.2, 1.0]),
            burst: any(rng, &[1, 3, 10]),
        },
        from: Some(seconds(from)),
        to: Some(seconds(from + any(rng, &[300, 900, 3_600]))),
        ..of(FaultKind::Throttle, service, verb)
    });
}

/// What goes wrong where; which requests are struck is drawn by the caller.
fn fault(rng: &mut Rng) -> Injected {
    let slow = seconds(any(rng, &[1, 4, 8, 16, 40]));
    let network = [
        FaultKind::Throttle,
        FaultKind::ServerError,
        FaultKind::CutBefore,
        FaultKind::LoseAnswer,
        FaultKind::ServerErrorAfter,
        FaultKind::Slow(slow),
        FaultKind::Late(slow),
    ];
    // Only deliveries come twice: the SDK's changes are sent once, and an answer that is lost is another fault.
    let deliveries = [FaultKind::Twice, FaultKind::Twice, any(rng, &network)];
    let of_lambda = [
        FaultKind::CrashBefore,
        FaultKind::CrashAfter,
        FaultKind::RunTwice,
        FaultKind::TimeOutBefore,
        FaultKind::TimeOutAfter,
    ];
    let (service, verb, package, fault) = match weighted(rng, &[30, 12, 14, 24, 6, 6, 8]) {
        0 => {
            let reads = [
                "DescribeApplication",
                "ListApplicationOperations",
                "ListApplicationSnapshots",
                "ListTagsForResource",
                "CreateApplicationPresignedUrl",
                "DescribeApplicationSnapshot",
                "ListApplications",
            ];
            let changes = [
                "RollbackApplication",
                "StopApplication",
                "UpdateApplication",
                "StartApplication",
                "CreateApplicationSnapshot",
                "DeleteApplicationSnapshot",
            ];
            if rng.bool() {
                let fault = if one_in(rng, 4) {
                    FaultKind::Stale
                } else {
                    any(rng, &network)
                };
                ("kinesisanalytics", Some(any(rng, &reads)), None, fault)
            } else {
                (
                    "kinesisanalytics",
                    Some(any(rng, &changes)),
                    None,
                    any(rng, &network),
                )
            }
        }
        1 => ("kinesisanalytics", None, None, any(rng, &network)),
        2 => {
            let expired = FaultKind::Refuse {
                status: 403,
                code: "Forbidden".to_owned(),
                message: "the URL has expired".to_owned(),
            };
            let more = [
                FaultKind::Truncate,
                FaultKind::Huge,
                FaultKind::OtherJob,
                expired,
                any(rng, &network),
            ];
            ("flink", None, None, any(rng, &more))
        }
        3 => {
            let packages = [
                "alarm-handler",
                "subtask-verifier",
                "remediation-planner",
                "rollback",
                "force-stop-and-restore",
                "snapshot-keeper",
            ];
            let fault = if one_in(rng, 4) {
                any(rng, &deliveries)
            } else {
                any(rng, &of_lambda)
            };
            (
                "lambda",
                Some("Invoke"),
                Some(any(rng, &packages).to_owned()),
                fault,
            )
        }
        4 => {
            // As if another hand had been at the row.
            let condition = FaultKind::Refuse {
                status: 400,
                code: "ConditionalCheckFailedException".to_owned(),
                message: "The conditional request failed".to_owned(),
            };
            match rng.u32(0..5) {
                0 => (
                    "dynamodb",
                    Some(any(rng, &["UpdateItem", "DeleteItem"])),
                    None,
                    condition,
                ),
                _ => (
                    "dynamodb",
                    Some(any(rng, &["GetItem", "UpdateItem", "DeleteItem"])),
                    None,
                    any(rng, &network),
                ),
            }
        }
        5 => (
            "states",
            Some("StartExecution"),
            None,
            any(rng, &deliveries),
        ),
        _ => {
            if rng.bool() {
                ("events", Some("PutEvents"), None, any(rng, &network))
            } else {
                ("sns", Some("Publish"), None, any(rng, &network))
            }
        }
    };
    Injected {
        function: package,
        ..of(fault, service, verb)
    }
}

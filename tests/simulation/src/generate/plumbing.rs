//! What goes wrong between the parts: mildly or for a while, anywhere.

use std::time::Duration;

use fastrand::Rng;
use sandbox::faults::{Fault, LambdaFault, When};

use super::{any, one_in, weighted};
use crate::night::Strike;

/// What the table answers when a condition does not hold.
pub(crate) const CONDITION_FAILED: &str = "ConditionalCheckFailedException";

pub(super) fn strikes(rng: &mut Rng, length: u64) -> Vec<Strike> {
    match weighted(rng, &[35, 40, 25]) {
        0 => Vec::new(),
        1 => (0..rng.u32(1..4)).map(|_| mild(rng, length * 4)).collect(),
        _ => (0..rng.u32(1..5)).map(|_| harsh(rng, length)).collect(),
    }
}

/// One that passes within moments, in the first `until_secs` seconds.
pub(super) fn mild(rng: &mut Rng, until_secs: u64) -> Strike {
    let when = if rng.bool() {
        When::Nth(rng.u64(1..40))
    } else {
        When::First(rng.u64(1..3))
    };
    Strike {
        when,
        within_secs: (0, until_secs),
        ..strike(rng)
    }
}

/// A function that looks or decides does not answer all night: Lifeguard itself was deployed badly.
pub(super) fn broken(rng: &mut Rng) -> Strike {
    let package = any(rng, &["subtask-verifier", "remediation-planner"]).to_owned();
    let (service, action) = ("lambda".to_owned(), Some("Invoke".to_owned()));
    let fault = Fault::Lambda(any(
        rng,
        &[LambdaFault::CrashBefore, LambdaFault::TimeOutBefore],
    ));
    Strike {
        fault,
        service,
        action,
        package: Some(package),
        when: When::Always,
        within_secs: (0, u64::MAX),
    }
}

fn harsh(rng: &mut Rng, length: u64) -> Strike {
    let from = rng.u64(0..length);
    let to = from + any(rng, &[60, 300, 900, 3_600]);
    let when = match rng.u32(0..3) {
        0 => When::Always,
        1 => When::OneIn(rng.u64(2..6)),
        _ => When::EveryKth {
            k: rng.u64(2..5),
            from: rng.u64(1..5),
        },
    };
    Strike {
        when,
        within_secs: (from, to),
        ..strike(rng)
    }
}

/// What goes wrong where; occurrences are drawn by the caller.
fn strike(rng: &mut Rng) -> Strike {
    let slow = Duration::from_secs(any(rng, &[1, 4, 8, 16, 40]));
    let network = [
        Fault::Throttle,
        Fault::ServerError,
        Fault::CutBefore,
        Fault::LoseAnswer,
        Fault::ServerErrorAfter,
        Fault::Slow(slow),
        Fault::Late(slow),
    ];
    // Only deliveries come twice: the SDK's changes are sent once, and an answer that is lost is another fault.
    let deliveries = [Fault::Twice, Fault::Twice, any(rng, &network)];
    let of_lambda = [
        LambdaFault::CrashBefore,
        LambdaFault::CrashAfter,
        LambdaFault::RunTwice,
        LambdaFault::TimeOutBefore,
        LambdaFault::TimeOutAfter,
    ];
    let (service, action, package, fault) = match weighted(rng, &[30, 12, 14, 24, 6, 6, 8]) {
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
                    Fault::Stale
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
            let expired = Fault::Refuse {
                status: 403,
                code: "Forbidden".to_owned(),
                message: "the URL has expired".to_owned(),
            };
            let more = [
                Fault::Truncate,
                Fault::Huge,
                Fault::OtherJob,
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
                Fault::Lambda(any(rng, &of_lambda))
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
            let condition = Fault::Refuse {
                status: 400,
                code: CONDITION_FAILED.to_owned(),
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
    let (service, action) = (service.to_owned(), action.map(str::to_owned));
    Strike {
        fault,
        service,
        action,
        package,
        when: When::Always,
        within_secs: (0, u64::MAX),
    }
}

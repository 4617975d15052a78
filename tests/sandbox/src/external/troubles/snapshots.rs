//! Trouble of the state machine `snapshot-check`. What each execution says is held to the letter.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    time::Duration,
};

use serde_json::{Value, json};

use super::{
    crash,
    said::{Said, said},
    throttle,
};
use crate::{
    faults::{Fault, Rule, When},
    flink::Code,
    managed_flink::{ApplicationSeed, Stage as Step},
    scenario::{APPLICATION, Ends, LEFT_ALONE, Scenario, Stage, World, days, hours, minutes},
};

/// A snapshot check that needs nobody.
const CHECKED: Ends = Ends {
    outcome: "checked",
    ..LEFT_ALONE
};
/// A snapshot check that could not do all.
const INCOMPLETE: Ends = Ends {
    outcome: "needsPerson",
    ..LEFT_ALONE
};
const TAKEN: &[&str] = &["CreateApplicationSnapshot"];
/// Applications on a page of the list.
const PAGE: usize = 25;
/// More than the twelve pages that one execution lists.
const MORE_THAN_ONE_EXECUTION_LISTS: usize = 12 * PAGE;
/// Another snapshot is due, and the newest is not yet too old.
const DUE: Duration = minutes(330);

/// One was due, taken and READY.
const ONE_TAKEN: Said = Said {
    outcome: "checked",
    sums: "1 checked, 1 listed, 1 ready, 1 taken",
    lines: &["orders taken"],
    pending: 0,
};

/// All of them.
pub(super) const CHECKS: &[Scenario] = &[
    Scenario {
        name: "trouble-with-the-list",
        sentence: "The list of applications cannot be read: a person is told.",
        stage: || Stage::of(Code::healthy()),
        script: |world| Box::pin(checked(world, json!({}), 1..=7)),
        ends: Ends {
            because: "the list of applications: failed, Runtime.ExitError",
            snapshots: Some(|region| {
                said(
                    region,
                    &[Said {
                        outcome: "needsPerson",
                        sums: "",
                        lines: &["the list of applications failed, for a person"],
                        pending: 0,
                    }],
                    1,
                )
            }),
            ..INCOMPLETE
        },
    },
    Scenario {
        name: "trouble-with-the-check",
        sentence: "An application cannot be checked: it is told as failed, and the next check tries again.",
        stage: || Stage::of(Code::healthy()),
        script: |world| {
            Box::pin(checked(
                world,
                json!({ "applicationName": APPLICATION }),
                1..=4,
            ))
        },
        ends: Ends {
            because: "orders: failed, Runtime.ExitError",
            snapshots: Some(|region| {
                said(
                    region,
                    &[Said {
                        outcome: "checked",
                        sums: "1 checked, 1 failed",
                        lines: &["orders failed"],
                        pending: 0,
                    }],
                    0,
                )
            }),
            ..CHECKED
        },
    },
    Scenario {
        name: "stopped-by-the-switch",
        sentence: "A snapshot is due and the stop switch is on: none is taken, and nobody is told.",
        stage: one_due,
        script: |world| {
            Box::pin(async move {
                world.throw_switch("mia", "the region is in trouble").await;
                world
                    .ask_for_snapshots(&json!({ "applicationName": APPLICATION }))
                    .await;
                world.until_checked(1, hours(1)).await;
            })
        },
        ends: Ends {
            because: "1 held by the stop switch; orders: stopped, the stop switch is on, thrown by mia",
            snapshots: Some(|region| {
                said(
                    region,
                    &[Said {
                        outcome: "checked",
                        sums: "1 checked, 1 stopped",
                        lines: &["orders stopped"],
                        pending: 0,
                    }],
                    0,
                )
            }),
            ..CHECKED
        },
    },
    Scenario {
        name: "trouble-with-the-act",
        sentence: "A snapshot is due and cannot be taken: it is told as failed, and the next check tries again.",
        stage: one_due,
        script: |world| {
            Box::pin(checked(
                world,
                json!({ "applicationName": APPLICATION }),
                2..=5,
            ))
        },
        ends: Ends {
            because: "orders: failed, Runtime.ExitError",
            snapshots: Some(|region| {
                said(
                    region,
                    &[Said {
                        outcome: "checked",
                        sums: "1 checked, 1 failed",
                        lines: &["orders failed"],
                        pending: 0,
                    }],
                    0,
                )
            }),
            ..CHECKED
        },
    },
    Scenario {
        name: "trouble-with-verifying-for-a-snapshot",
        sentence: "The verifier crashes for as long as the look before a snapshot is tried: what is not verified is not taken.",
        stage: one_due,
        script: |world| {
            crash(&world, "subtask-verifier", 1..=4);
            Box::pin(checked_by_hand(world, json!({})))
        },
        ends: Ends {
            because: "not taken: no look was made",
            snapshots: Some(|region| {
                said(
                    region,
                    &[Said {
                        outcome: "checked",
                        sums: "1 checked, 1 listed, 1 refused",
                        lines: &["orders refused"],
                        pending: 0,
                    }],
                    0,
                )
            }),
            ..CHECKED
        },
    },
    Scenario {
        name: "trouble-with-the-lease-before-a-snapshot",
        sentence: "DynamoDB throttles for as long as the lease is read before a snapshot: there may be a rescue, so none is taken.",
        stage: one_due,
        script: |world| {
            throttle(&world, "dynamodb", "GetItem", 1..=4);
            Box::pin(checked_by_hand(world, json!({})))
        },
        ends: Ends {
            because: "whether a rescue is running could not be read: DynamoDB.ProvisionedThroughputExceededException",
            snapshots: Some(|region| {
                said(
                    region,
                    &[Said {
                        outcome: "checked",
                        sums: "1 checked, 1 listed, 1 refused",
                        lines: &["orders refused"],
                        pending: 0,
                    }],
                    0,
                )
            }),
            ..CHECKED
        },
    },
    Scenario {
        name: "snapshot-that-takes-long-and-one-that-fails",
        sentence: "Two snapshots are taken: one is READY after minutes, the other FAILED after more. Both are followed, and what failed is for a person.",
        stage: || {
            let mut stage = one_due();
            stage.applications.push(due("payments"));
            stage
        },
        script: |world| {
            Box::pin(async move {
                let flink = world.region().flink();
                flink.faults(APPLICATION, |faults| {
                    faults.slow = BTreeMap::from([(Step::Snapshot, 10)])
                });
                flink.faults("payments", |faults| {
                    faults.slow = BTreeMap::from([(Step::Snapshot, 20)]);
                    faults.failing_snapshots = 1;
                });
                checked_by_hand(world, json!({})).await;
            })
        },
        ends: Ends {
            changes: &["CreateApplicationSnapshot", "CreateApplicationSnapshot"],
            because: "FAILED",
            snapshots: Some(|region| {
                let lines = &[
                    "payments failed, for a person",
                    "orders taken",
                    "payments taken",
                ];
                said(
                    region,
                    &[Said {
                        outcome: "needsPerson",
                        sums: "2 checked, 1 failed, 2 listed, 1 ready, 2 taken",
                        lines,
                        pending: 0,
                    }],
                    1,
                )
            }),
            ..INCOMPLETE
        },
    },
    Scenario {
        name: "snapshot-that-is-never-ready",
        sentence: "A snapshot is taken and stays CREATING: it is followed for a quarter of an hour, and told as not yet READY.",
        stage: one_due,
        script: |world| {
            Box::pin(async move {
                world.region().flink().faults(APPLICATION, |faults| {
                    faults.stuck = BTreeSet::from([Step::Snapshot])
                });
                checked_by_hand(world, json!({})).await;
            })
        },
        ends: Ends {
            changes: TAKEN,
            because: "1 not yet READY",
            snapshots: Some(|region| {
                said(
                    region,
                    &[Said {
                        outcome: "checked",
                        sums: "1 checked, 1 listed, 1 taken",
                        lines: &["orders taken"],
                        pending: 1,
                    }],
                    0,
                )
            }),
            ..CHECKED
        },
    },
    Scenario {
        name: "trouble-with-following",
        sentence: "A snapshot is taken, and asking after it crashes for as long as it is tried: half a minute later it is asked for again.",
        stage: one_due,
        script: |world| Box::pin(checked(world, json!({}), 4..=7)),
        ends: Ends {
            changes: TAKEN,
            snapshots: Some(|region| said(region, &[ONE_TAKEN], 0)),
            ..CHECKED
        },
    },
    Scenario {
        name: "trouble-with-telling-of-snapshots",
        sentence: "SNS throttles for as long as telling people is tried: the execution's output tells it.",
        stage: || one_due().application(for_a_person(APPLICATION)),
        script: |world| {
            throttle(&world, "sns", "Publish", 1..=9);
            Box::pin(checked_by_hand(world, json!({})))
        },
        ends: Ends {
            because: "1 for a person",
            snapshots: Some(|region| {
                said(
                    region,
                    &[Said {
                        outcome: "needsPerson",
                        sums: "1 checked, 1 fresh, 1 listed",
                        lines: &["orders fresh, for a person"],
                        pending: 0,
                    }],
                    0,
                )
            }),
            ..INCOMPLETE
        },
    },
    Scenario {
        name: "two-pages-with-facts-on-each",
        sentence: "What is to be told of the first page is told once, with that of the second, worst first.",
        stage: || {
            let mut stage = among(PAGE, vec![for_a_person("archive"), due(APPLICATION)]);
            stage
                .applications
                .extend([for_a_person("vouchers"), due("withdrawals").not_running()]);
            stage
        },
        script: |world| Box::pin(checked_by_hand(world, json!({}))),
        ends: Ends {
            changes: TAKEN,
            snapshots: Some(|region| {
                let sums =
                    "4 checked, 2 fresh, 29 listed, 1 notNow, 25 notOptedIn, 1 ready, 1 taken";
                let lines = &[
                    "archive fresh, for a person",
                    "vouchers fresh, for a person",
                    "orders taken",
                    "withdrawals notNow",
                ];
                said(
                    region,
                    &[Said {
                        outcome: "needsPerson",
                        sums,
                        lines,
                        pending: 0,
                    }],
                    1,
                )
            }),
            ..INCOMPLETE
        },
    },
    Scenario {
        name: "trouble-on-the-second-page",
        sentence: "The second page of the list cannot be read: a person is told, and what was taken on the first is followed.",
        stage: || among(PAGE, vec![due(APPLICATION)]),
        script: |world| Box::pin(checked(world, json!({}), 4..=10)),
        ends: Ends {
            changes: TAKEN,
            because: "the list of applications: failed, Runtime.ExitError",
            snapshots: Some(|region| {
                let sums = "1 checked, 25 listed, 24 notOptedIn, 1 ready, 1 taken";
                said(
                    region,
                    &[Said {
                        outcome: "needsPerson",
                        sums,
                        lines: &[
                            "the list of applications failed, for a person",
                            "orders taken",
                        ],
                        pending: 0,
                    }],
                    1,
                )
            }),
            ..INCOMPLETE
        },
    },
    Scenario {
        name: "more-than-one-execution-lists",
        sentence: "So many applications that another execution goes on with the list: it reports what both found, and follows what the first had taken.",
        stage: || {
            // One that is managed on each of three pages.
            let mut stage = Stage::of(Code::healthy());
            stage.applications = vec![for_a_person("archive")];
            stage.applications.extend(unmanaged("idle", PAGE));
            stage.applications.push(due(APPLICATION));
            stage
                .applications
                .extend(unmanaged("stopped", MORE_THAN_ONE_EXECUTION_LISTS - PAGE));
            stage.applications.push(for_a_person("vouchers"));
            stage
        },
        script: |world| Box::pin(checked_by_hand(world, json!({}))),
        ends: Ends {
            changes: TAKEN,
            snapshots: Some(|region| {
                let sums = "3 checked, 2 fresh, 303 listed, 300 notOptedIn, 1 ready, 1 taken";
                let lines = &[
                    "archive fresh, for a person",
                    "vouchers fresh, for a person",
                    "orders taken",
                ];
                let first = Said {
                    outcome: "goesOn",
                    sums: "2 checked, 1 fresh, 300 listed, 298 notOptedIn, 1 taken",
                    lines: &[],
                    pending: 0,
                };
                said(
                    region,
                    &[
                        first,
                        Said {
                            outcome: "needsPerson",
                            sums,
                            lines,
                            pending: 0,
                        },
                    ],
                    1,
                )
            }),
            ..INCOMPLETE
        },
    },
    Scenario {
        name: "trouble-with-going-on",
        sentence: "Step Functions throttles for as long as another execution is to be started: the rest of the list is not known, and a person is told.",
        stage: || among(MORE_THAN_ONE_EXECUTION_LISTS, vec![due(APPLICATION)]),
        script: |world| {
            // The first one is the person's own.
            throttle(&world, "states", "StartExecution", 2..=8);
            Box::pin(checked_by_hand(world, json!({})))
        },
        ends: Ends {
            changes: TAKEN,
            because: "the list of applications: failed, StepFunctions.ThrottlingException",
            snapshots: Some(|region| {
                let sums = "1 checked, 300 listed, 299 notOptedIn, 1 ready, 1 taken";
                said(
                    region,
                    &[Said {
                        outcome: "needsPerson",
                        sums,
                        lines: &[
                            "the list of applications failed, for a person",
                            "orders taken",
                        ],
                        pending: 0,
                    }],
                    1,
                )
            }),
            ..INCOMPLETE
        },
    },
    Scenario {
        name: "gone-on-without-an-answer",
        sentence: "Another execution is started and the answer is lost; the second try finds it there. It alone reports.",
        stage: || among(MORE_THAN_ONE_EXECUTION_LISTS, vec![due(APPLICATION)]),
        script: |world| {
            let there = Fault::Refuse {
                status: 400,
                code: "ExecutionAlreadyExists".into(),
                message: "Execution Already Exists".into(),
            };
            for (nth, fault) in [(2, Fault::LoseAnswer), (3, there)] {
                world.region().faults().add(
                    Rule::new(fault)
                        .on("states", "StartExecution")
                        .when(When::Nth(nth)),
                );
            }
            Box::pin(checked_by_hand(world, json!({})))
        },
        ends: Ends {
            changes: TAKEN,
            snapshots: Some(|region| {
                let first = Said {
                    outcome: "goesOn",
                    sums: "1 checked, 300 listed, 299 notOptedIn, 1 taken",
                    lines: &[],
                    pending: 0,
                };
                let sums = "1 checked, 301 listed, 300 notOptedIn, 1 ready, 1 taken";
                said(
                    region,
                    &[
                        first,
                        Said {
                            outcome: "checked",
                            sums,
                            lines: &["orders taken"],
                            pending: 0,
                        },
                    ],
                    0,
                )
            }),
            ..CHECKED
        },
    },
];

/// `orders` alone; a snapshot is due.
fn one_due() -> Stage {
    Stage::of(Code::healthy()).application(Stage::orders().snapshot("nightly", DUE))
}

/// An application of which a snapshot is due.
fn due(name: &str) -> ApplicationSeed {
    opted_in(name).snapshot("nightly", DUE)
}

/// A fresh snapshot, and a tag that nobody understands.
fn for_a_person(name: &str) -> ApplicationSeed {
    opted_in(name)
        .snapshot("nightly", hours(2))
        .tag("lifeguard:snapshot-keep-last", "many")
}

fn opted_in(name: &str) -> ApplicationSeed {
    if name == APPLICATION {
        Stage::orders()
    } else {
        ApplicationSeed::new(name)
            .version("orders-6.jar", days(5))
            .tag("lifeguard:managed", "true")
    }
}

/// These, and behind them on the list so many that have not opted in.
fn among(others: usize, these: Vec<ApplicationSeed>) -> Stage {
    let mut stage = Stage::of(Code::healthy());
    stage.applications = these;
    stage.applications.extend(unmanaged("stopped", others));
    stage
}

fn unmanaged(name: &'static str, count: usize) -> impl Iterator<Item = ApplicationSeed> {
    (0..count).map(move |n| {
        ApplicationSeed::new(&format!("{name}-{n:03}"))
            .version("orders-6.jar", days(5))
            .not_running()
    })
}

/// A snapshot check by hand, in which snapshot-keeper crashes.
async fn checked(world: World, input: Value, crashes: RangeInclusive<u64>) {
    crash(&world, "snapshot-keeper", crashes);
    checked_by_hand(world, input).await;
}

async fn checked_by_hand(world: World, input: Value) {
    world.ask_for_snapshots(&input).await;
    world.until_checked(1, hours(1)).await;
}

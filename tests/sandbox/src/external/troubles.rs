//! What goes wrong in the plumbing, for as long as each state tries again: plays beside the catalogue, for states that only then are entered.

use std::ops::RangeInclusive;

use serde_json::json;

use crate::{
    faults::{Fault, LambdaFault, Rule, When},
    flink::Code,
    managed_flink::ApplicationSeed,
    scenario::{APPLICATION, Ends, LEFT_ALONE, Scenario, Stage, World, days, hours, minutes},
};

/// A snapshot check that could not do all.
const INCOMPLETE: Ends = Ends { outcome: "needsPerson", snapshots: Some(|_| Vec::new()), ..LEFT_ALONE };
/// More than the twelve pages of twenty-five that one execution lists.
const MORE_THAN_ONE_EXECUTION_LISTS: usize = 12 * 25;

/// All of them.
pub const TROUBLES: &[Scenario] = &[
    Scenario {
        name: "trouble-with-the-lease",
        sentence: "DynamoDB throttles for as long as the claim is tried: without a lease nothing is done.",
        stage: || Stage::of(Code::healthy()),
        script: |world| {
            Box::pin(async move {
                strike(&world, Rule::new(Fault::Throttle).on("dynamodb", "UpdateItem").when(When::First(6)));
                world.ask_to_look().await;
                world.until_told(minutes(30)).await;
            })
        },
        ends: Ends { outcome: "escalated", because: "lease", ..LEFT_ALONE },
    },
    Scenario {
        name: "trouble-with-the-look",
        sentence: "The verifier crashes for as long as a look is tried; a minute later it answers, and all is well.",
        stage: || Stage::of(Code::healthy()),
        script: |world| {
            Box::pin(async move {
                crash(&world, "subtask-verifier", 1..=5);
                world.ask_to_look().await;
                world.until_told(hours(1)).await;
            })
        },
        ends: LEFT_ALONE,
    },
    Scenario {
        name: "trouble-with-telling",
        sentence: "The broker is gone, and SNS throttles for as long as telling it is tried: waiting needs no audience.",
        stage: || Stage::of(Code::healthy().needing("broker", "org.apache.kafka.common.errors.TimeoutException", "Timed out waiting for a node")),
        script: |world| {
            Box::pin(async move {
                world.pass(minutes(2)).await;
                world.region().set_dependency("broker", false);
                strike(&world, Rule::new(Fault::Throttle).on("sns", "Publish").when(When::First(6)));
                world.pass(minutes(20)).await;
                world.region().set_dependency("broker", true);
                world.until_told(hours(4)).await;
            })
        },
        ends: Ends { because: "runs again without a change", ..LEFT_ALONE },
    },
    Scenario {
        name: "trouble-with-the-list",
        sentence: "The list of applications cannot be read: a person is told.",
        stage: || Stage::of(Code::healthy()),
        script: |world| Box::pin(checked(world, json!({}), 1..=7)),
        ends: Ends { because: "the list of applications: failed", ..INCOMPLETE },
    },
    Scenario {
        name: "trouble-with-the-check",
        sentence: "An application cannot be checked: it is told as failed, and the next check tries again.",
        stage: || Stage::of(Code::healthy()),
        script: |world| Box::pin(checked(world, json!({ "applicationName": APPLICATION }), 1..=4)),
        ends: Ends { outcome: "checked", because: "1 failed", ..INCOMPLETE },
    },
    Scenario {
        name: "trouble-with-the-act",
        sentence: "A snapshot is due and cannot be taken: it is told as failed, and the next check tries again.",
        stage: || Stage::of(Code::healthy()),
        script: |world| Box::pin(checked(world, json!({ "applicationName": APPLICATION }), 2..=5)),
        ends: Ends { outcome: "checked", because: "1 failed", ..INCOMPLETE },
    },
    Scenario {
        name: "more-than-one-execution-lists",
        sentence: "So many applications that another execution goes on with the list.",
        stage: || {
            let mut stage = Stage::of(Code::healthy()).application(Stage::orders().snapshot("nightly", hours(2)));
            let other = |n| ApplicationSeed::new(&format!("stopped-{n:03}")).version("orders-6.jar", days(5)).not_running();
            stage.applications.extend((0..MORE_THAN_ONE_EXECUTION_LISTS).map(other));
            stage
        },
        script: |world| {
            Box::pin(async move {
                world.ask_for_snapshots(&json!({})).await;
                world.until_checked(1, hours(1)).await;
            })
        },
        ends: Ends { outcome: "checked", because: "1 fresh", ..INCOMPLETE },
    },
];

fn strike(world: &World, rule: Rule) {
    world.region().faults().add(rule);
}

/// The function of this package crashes before it does anything, in these invocations.
fn crash(world: &World, package: &str, invocations: RangeInclusive<u64>) {
    let functions = &world.region().stack().functions;
    let name = functions.values().find(|function| function.package == package).map_or("", |function| function.name.as_str());
    for invocation in invocations {
        strike(world, Rule::new(Fault::Lambda(LambdaFault::CrashBefore)).on_function(name).when(When::Nth(invocation)));
    }
}

/// A snapshot check by hand, in which snapshot-keeper crashes.
async fn checked(world: World, input: serde_json::Value, crashes: RangeInclusive<u64>) {
    crash(&world, "snapshot-keeper", crashes);
    world.ask_for_snapshots(&input).await;
    world.until_checked(1, hours(1)).await;
}

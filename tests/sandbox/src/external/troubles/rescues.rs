//! Trouble of the state machine `remediate`.

use std::{sync::Arc, time::Duration};

use futures::{FutureExt as _, future::BoxFuture};
use lambda_kit::Invocation;
use serde_json::{Value, json};

use super::{crash, crash_always, throttle};
use crate::{
    flink::{Behaviour, Code},
    lambda::{FunctionError, HostedFunction},
    managed_flink::ApiError,
    scenario::{
        APPLICATION, ESCALATED, Ends, LEFT_ALONE, RECOVERED, Scenario, Stage, World, hours, minutes,
    },
};

/// Past the deadline of an execution.
const PAST_THE_DEADLINE: Duration = hours(6);
/// The change is to blame, and nothing was done about it.
const NOT_RESCUED: Ends = Ends {
    code: "orders-7.jar",
    ..ESCALATED
};
/// Rolled back by other means.
const RESTORED: Ends = Ends {
    changes: &["StopApplication", "UpdateApplication", "StartApplication"],
    ..RECOVERED
};

/// All of them.
pub(super) const RESCUES: &[Scenario] = &[
    Scenario {
        name: "trouble-with-the-lease",
        sentence: "DynamoDB throttles for as long as the claim is tried: without a lease nothing is done.",
        stage: || Stage::of(Code::healthy()),
        script: |world| {
            throttle(&world, "dynamodb", "UpdateItem", 1..=6);
            Box::pin(looked_at(world))
        },
        ends: Ends {
            because: "the lease could not be claimed: DynamoDB.ProvisionedThroughputExceededException",
            ..ESCALATED
        },
    },
    Scenario {
        name: "trouble-with-the-ledger",
        sentence: "DynamoDB throttles for as long as the ledger is read: what was done today is not known, so nothing is done.",
        stage: bad_version,
        script: |world| {
            throttle(&world, "dynamodb", "GetItem", 1..=5);
            Box::pin(deployed(world))
        },
        ends: Ends {
            because: "the ledger could not be read: DynamoDB.ProvisionedThroughputExceededException",
            ..NOT_RESCUED
        },
    },
    Scenario {
        name: "second-rescue-of-a-day-that-has-one",
        sentence: "One rescue a day is allowed, and the next bad version comes on the same day: the ledger knows, and a person is asked.",
        stage: || {
            let orders = Stage::orders()
                .snapshot("nightly", hours(2))
                .tag("lifeguard:rescues-per-day", "1");
            bad_version().application(orders)
        },
        script: |world| {
            Box::pin(async move {
                deployed(world.clone()).await;
                deployed(world).await;
            })
        },
        ends: Ends {
            changes: RECOVERED.changes,
            because: "1 rescue(s) were begun today and 1 are allowed",
            ..NOT_RESCUED
        },
    },
    Scenario {
        name: "left-by-an-execution-that-died",
        sentence: "An execution died in the middle of a restore that a person had asked for: who takes its lease over knows, and tells.",
        stage: || Stage::of(Code::healthy()),
        script: |world| {
            Box::pin(async move {
                let stopped = json!({ "step": "forceStop", "at": world.region().clock().now(), "versionId": 2, "result": null });
                world.stop().await;
                world.until_status("READY", minutes(10)).await;
                world.leave_lease(&json!({ "progress": { "steps": [stopped] }, "request": { "action": "restore" } })).await;
                looked_at(world).await;
            })
        },
        ends: Ends {
            status: "READY",
            because: "it was stopped in the middle of a restore",
            ..ESCALATED
        },
    },
    Scenario {
        name: "left-by-another-release",
        sentence: "An execution died and wrote down what nobody understands: nothing would be changed, and the application is healthy.",
        stage: || Stage::of(Code::healthy()),
        script: |world| {
            Box::pin(async move {
                world
                    .leave_lease(&json!({ "progress": "of another release" }))
                    .await;
                looked_at(world).await;
            })
        },
        ends: LEFT_ALONE,
    },
    Scenario {
        name: "trouble-with-the-look",
        sentence: "The verifier crashes for as long as a look is tried; a minute later it answers, and all is well.",
        stage: || Stage::of(Code::healthy()),
        script: |world| {
            crash(&world, "subtask-verifier", 1..=5);
            Box::pin(looked_at(world))
        },
        ends: LEFT_ALONE,
    },
    Scenario {
        name: "nobody-looks",
        sentence: "The verifier crashes until the deadline: a person is told what it said.",
        stage: || Stage::of(Code::healthy()),
        script: |world| {
            crash_always(&world, "subtask-verifier");
            Box::pin(until_the_deadline(world))
        },
        ends: Ends {
            because: "could not be looked after further: Runtime.ExitError: ",
            ..ESCALATED
        },
    },
    Scenario {
        name: "nobody-looks-after-the-step",
        sentence: "A rollback is accepted, and then the verifier crashes until the deadline: the report says that it was accepted.",
        stage: bad_version,
        script: |world| {
            Box::pin(async move {
                world.pass(minutes(2)).await;
                world.deploy("orders-7.jar").await;
                world.until_status("ROLLING_BACK", minutes(30)).await;
                crash_always(&world, "subtask-verifier");
                world.until_told(PAST_THE_DEADLINE).await;
            })
        },
        ends: Ends {
            changes: RECOVERED.changes,
            because: "could not be looked after further: Runtime.ExitError: ",
            ..ESCALATED
        },
    },
    Scenario {
        name: "nobody-decides",
        sentence: "The planner crashes until the deadline: a person is told what it said.",
        stage: || Stage::of(Code::healthy()),
        script: |world| {
            crash_always(&world, "remediation-planner");
            Box::pin(until_the_deadline(world))
        },
        ends: Ends {
            because: "could not be looked after further: Runtime.ExitError: ",
            ..ESCALATED
        },
    },
    Scenario {
        name: "decided-what-nobody-knows",
        sentence: "The planner names an action that the state machine does not know: nothing is done, and a person is told.",
        stage: || Stage::of(Code::healthy()),
        script: |world| {
            let functions = &world.region().stack().functions;
            let planner = functions
                .values()
                .find(|function| function.package == "remediation-planner")
                .map_or("", |planner| planner.name.as_str());
            world
                .region()
                .lambda()
                .register(planner, minutes(1), Arc::new(Dancer));
            Box::pin(looked_at(world))
        },
        ends: Ends {
            because: "Lifeguard.Internal: the planner named an action that the state machine does not know",
            ..ESCALATED
        },
    },
    Scenario {
        name: "soaked-without-checkpoints",
        sentence: "A job that takes no checkpoints: what one look saw is remembered for the next, or it would never be called healthy.",
        stage: || {
            let off = json!({ "CheckpointConfiguration": { "ConfigurationType": "CUSTOM", "CheckpointingEnabled": false } });
            Stage::of(Code::healthy())
                .application(Stage::orders().configured("FlinkApplicationConfiguration", off))
        },
        script: |world| {
            Box::pin(async move {
                world.pass(minutes(2)).await;
                looked_at(world).await;
            })
        },
        ends: LEFT_ALONE,
    },
    Scenario {
        name: "trouble-with-telling",
        sentence: "The broker is gone, and SNS throttles for as long as telling it is tried: waiting needs no audience.",
        stage: || {
            Stage::of(Code::healthy().needing(
                "broker",
                "org.apache.kafka.common.errors.TimeoutException",
                "Timed out waiting for a node",
            ))
        },
        script: |world| {
            Box::pin(async move {
                world.pass(minutes(2)).await;
                world.region().set_dependency("broker", false);
                throttle(&world, "sns", "Publish", 1..=6);
                world.pass(minutes(20)).await;
                world.region().set_dependency("broker", true);
                world.until_told(hours(4)).await;
            })
        },
        ends: Ends {
            because: "runs again without a change",
            ..LEFT_ALONE
        },
    },
    Scenario {
        name: "trouble-with-announcing",
        sentence: "A person says to start without state, and SNS throttles for as long as announcing it is tried: it is not done unannounced.",
        stage: || Stage::of(Code::healthy()),
        script: |world| {
            Box::pin(async move {
                throttle(&world, "sns", "Publish", 1..=6);
                world.ask(json!({ "applicationName": APPLICATION, "request": { "action": "restore", "withoutState": true } })).await;
                world.until_told(hours(1)).await;
            })
        },
        ends: Ends {
            because: "could not be looked after further: SNS.",
            ..ESCALATED
        },
    },
    Scenario {
        name: "stopped-in-the-middle",
        sentence: "Somebody throws the stop switch when the application is down for a restore: nothing more is sent, and the report says that it is down.",
        stage: bad_version,
        script: |world| {
            Box::pin(async move {
                refuse_rollbacks(&world);
                world.pass(minutes(2)).await;
                world.deploy("orders-7.jar").await;
                world.until_status("FORCE_STOPPING", hours(1)).await;
                world.throw_switch("mia", "the region is in trouble").await;
                world.until_told(hours(5)).await;
            })
        },
        ends: Ends {
            status: "READY",
            changes: &["StopApplication"],
            because: "orders IS DOWN (READY): Lifeguard stopped it",
            ..NOT_RESCUED
        },
    },
    Scenario {
        name: "trouble-with-the-switch",
        sentence: "DynamoDB throttles for as long as the stop switch is read: that counts as stopped, and a minute later it is read.",
        stage: bad_version,
        script: |world| {
            throttle(&world, "dynamodb", "GetItem", 2..=6);
            Box::pin(deployed(world))
        },
        ends: RECOVERED,
    },
    Scenario {
        name: "trouble-with-the-budget",
        sentence: "DynamoDB throttles for as long as counting the rescue is tried: what is not counted is not done.",
        stage: bad_version,
        script: |world| {
            throttle(&world, "dynamodb", "UpdateItem", 2..=7);
            Box::pin(deployed(world))
        },
        ends: Ends {
            because: "could not be looked after further: DynamoDB.ProvisionedThroughputExceededException",
            ..NOT_RESCUED
        },
    },
    Scenario {
        name: "trouble-with-the-intent",
        sentence: "DynamoDB throttles for as long as writing the intent down is tried: what is not written down is not done.",
        stage: bad_version,
        script: |world| {
            throttle(&world, "dynamodb", "UpdateItem", 3..=8);
            Box::pin(deployed(world))
        },
        ends: Ends {
            because: "could not be looked after further: DynamoDB.ProvisionedThroughputExceededException",
            ..NOT_RESCUED
        },
    },
    Scenario {
        name: "trouble-with-the-rollback",
        sentence: "The rollback's function crashes for as long as it is tried: after a fresh look it is tried again, and the report names both.",
        stage: bad_version,
        script: |world| {
            crash(&world, "rollback", 1..=5);
            Box::pin(deployed(world))
        },
        ends: RECOVERED,
    },
    Scenario {
        name: "trouble-with-every-step",
        sentence: "The rollback is refused, and each step of the restore crashes for as long as it is tried, once: the report names every try.",
        stage: bad_version,
        script: |world| {
            Box::pin(async move {
                refuse_rollbacks(&world);
                for crashes in [1..=5, 7..=11, 13..=17] {
                    crash(&world, "force-stop-and-restore", crashes);
                }
                deployed(world).await;
            })
        },
        ends: RESTORED,
    },
    Scenario {
        name: "trouble-with-remembering",
        sentence: "DynamoDB throttles for as long as remembering that a version is healthy is tried: it is reported all the same.",
        stage: || Stage::of(Code::healthy()),
        script: |world| {
            throttle(&world, "dynamodb", "UpdateItem", 2..=7);
            Box::pin(looked_at(world))
        },
        ends: LEFT_ALONE,
    },
    Scenario {
        name: "nobody-hears",
        sentence: "EventBridge and SNS are away for as long as telling the outcome is tried: the execution's output tells it.",
        stage: || Stage::of(Code::healthy()),
        script: |world| {
            throttle(&world, "events", "PutEvents", 1..=9);
            throttle(&world, "sns", "Publish", 1..=9);
            Box::pin(looked_at(world))
        },
        ends: LEFT_ALONE,
    },
];

fn refuse_rollbacks(world: &World) {
    let refusal = ApiError::new(
        "InvalidRequestException",
        "The application cannot be rolled back in its current state",
    );
    world
        .region()
        .flink()
        .faults(APPLICATION, |faults| faults.refuse_rollback = Some(refusal));
}

fn bad_version() -> Stage {
    let bad = Behaviour::throws_after(
        5,
        "java.lang.IllegalArgumentException",
        "cannot parse 'abc' as INT",
    );
    Stage::of(Code::healthy()).code("orders-7.jar", Code::that(bad))
}

/// Somebody asks for a look, and is answered.
async fn looked_at(world: World) {
    world.ask_to_look().await;
    world.until_told(hours(1)).await;
}

async fn until_the_deadline(world: World) {
    world.ask_to_look().await;
    world.until_told(PAST_THE_DEADLINE).await;
}

/// Somebody deploys the bad version, and Lifeguard says what became of it.
async fn deployed(world: World) {
    let before = world.region().executions_of(crate::region::REMEDIATE).len();
    world.pass(minutes(2)).await;
    world.deploy("orders-7.jar").await;
    world.until_told_again(before, hours(5)).await;
}

/// A planner whose answers have another action than all those that are known.
struct Dancer;

impl HostedFunction for Dancer {
    fn invoke(&self, _: Value, _: Invocation) -> BoxFuture<'static, Result<Value, FunctionError>> {
        let plan = json!({ "action": "dance", "because": "music", "reason": "", "notice": null, "spend": null, "soaked": null, "report": null, "progress": { "steps": [] } });
        std::future::ready(Ok(plan)).boxed()
    }
}

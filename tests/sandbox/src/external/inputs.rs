//! What people may type that is refused: plays beside the catalogue, for states that none of its scenarios enters.

use serde_json::json;

use crate::{
    flink::Code,
    scenario::{ESCALATED, Ends, LEFT_ALONE, Scenario, Stage, minutes},
};

/// All of them.
pub const INPUTS: &[Scenario] = &[
    Scenario {
        name: "input-without-application",
        sentence: "An input names no application: nothing is claimed, and what to write is told.",
        stage: || Stage::of(Code::healthy()),
        script: |world| {
            Box::pin(async move {
                world.ask(json!({ "application": "orders" })).await;
                world.until_told(minutes(30)).await;
            })
        },
        ends: Ends {
            because: "does not name an application",
            ..ESCALATED
        },
    },
    Scenario {
        name: "input-with-unknown-request",
        sentence: "A person asks for what does not exist: a function refuses it, and a person is told.",
        stage: || Stage::of(Code::healthy()),
        script: |world| {
            Box::pin(async move {
                world
                    .ask(json!({ "applicationName": "orders", "request": { "action": "dance" } }))
                    .await;
                world.until_told(minutes(30)).await;
            })
        },
        ends: Ends {
            because: "could not be looked after further: Lifeguard.BadInput",
            ..ESCALATED
        },
    },
    Scenario {
        name: "input-that-names-a-running-execution-dead",
        sentence: "A trigger names an execution as dead that still waits: it is looked up, and its lease is not taken.",
        stage: || Stage::of(Code::healthy()).code("orders-7.jar", Code::healthy()),
        script: |world| {
            Box::pin(async move {
                world.deploy("orders-7.jar").await;
                let waits = world.ask_to_look().await;
                let trigger =
                    json!({ "kind": "executionBroke", "execution": waits, "status": "FAILED" });
                world
                    .ask(json!({ "applicationName": "orders", "trigger": trigger }))
                    .await;
                world.until_told(minutes(30)).await;
            })
        },
        ends: Ends {
            code: "orders-7.jar",
            // The one that was named: the other ended at once, because the lease was taken.
            because: "undisturbed since",
            ..LEFT_ALONE
        },
    },
    Scenario {
        name: "input-of-a-dry-run",
        sentence: "A dry run beside a request: it says what would be done, and changes, records and mails nothing.",
        stage: || Stage::of(Code::healthy()),
        script: |world| {
            Box::pin(async move {
                world
                    .ask(json!({ "applicationName": "orders", "dryRun": true, "request": { "action": "restore" } }))
                    .await;
                world.until_told(minutes(30)).await;
            })
        },
        ends: Ends {
            outcome: "dryRun",
            because: "This was a dry run. Nothing was changed. Lifeguard would force-stop orders",
            ..LEFT_ALONE
        },
    },
    Scenario {
        name: "input-to-snapshots-refused",
        sentence: "The snapshot check is given a text where true or false belongs: it fails at once and says what to write.",
        stage: || Stage::of(Code::healthy()),
        script: |world| {
            Box::pin(async move {
                world.ask_for_snapshots(&json!({ "dryRun": "yes" })).await;
                world.until_checked(1, minutes(30)).await;
            })
        },
        ends: Ends {
            outcome: "none",
            because: "FAILED",
            snapshots: Some(|_| Vec::new()),
            ..ESCALATED
        },
    },
];

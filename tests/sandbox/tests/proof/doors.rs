//! The doors: what is written by hand into an execution's input is read strictly, a dry run changes nothing, an execution that is said to be dead is looked up before its lease is
//! taken, and one that is redriven does not act.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use lifecycle::Deployed;
use sandbox::{
    connector::Router,
    faults::{Fault, Rule},
    managed_flink::ApplicationSeed,
    protocol::{aws_json, invoked_function},
    region::{REMEDIATE, Region, SNAPSHOT_CHECK},
    scenario::{APPLICATION, CATALOGUE, Played, Script, Stage, days, go_on, hours, minutes},
    states::{ExecutionView, Status},
    wire,
};
use serde_json::{Value, json};

use crate::support::{
    attempts, effects, ending, function, handler, in_virtual_time, lease, named, play_on, rows,
    stage, steps, story, text, told,
};

/// Plays nothing but the time, after `opened`.
fn quiet() -> Script {
    Script {
        happens: steps(&json!([{ "when": { "then": "1 min" } }])),
        ..ending("maintenance", |_| {})
    }
}

/// Alarms reach nobody: Lifeguard is started by hand only.
fn deaf(region: &Region) {
    region
        .faults()
        .add(Rule::new(Fault::ServerError).on_function(&handler(region)));
}

/// Somebody deploys what loops, and eight minutes pass; alarms reach nobody.
async fn looping() -> Played {
    let scenario = Script {
        happens: steps(
            &json!([{ "do": { "inject": { "fault": "serverError", "function": "alarm-handler" } } }, { "when": { "then": "2 min" }, "do": { "deploy": { "code": "orders-7.jar" } } }, { "when": { "then": "8 min" } }]),
        ),
        ..ending("bad-deployment", |_| {})
    };
    play_on(&scenario, stage("bad-deployment"), 1, |_| {})
        .await
        .unwrap()
}

/// Starts the machine with this input and waits for its end.
async fn run(region: &Region, input: &Value) -> ExecutionView {
    let arn = region.start_remediation(&input.to_string()).unwrap();
    region.states().finished(&arn).await
}

fn output(region: &Region, execution: &ExecutionView) -> Value {
    assert_eq!(
        execution.status,
        Status::Succeeded,
        "{execution:?}\n{}",
        story(region)
    );
    execution.output.clone().unwrap()
}

// ---------------------------------------------------------------- dry runs

/// A dry run's output; what it must never do is checked.
async fn dry(region: &Region, input: &Value) -> Value {
    let before = (
        effects(region).len(),
        told(region).len(),
        rows(region, APPLICATION).await,
    );
    deaf(region);
    let execution = run(region, input).await;
    let output = output(region, &execution);
    let after = (
        effects(region).len(),
        told(region).len(),
        rows(region, APPLICATION).await,
    );
    assert_eq!(before, after, "{input}\n{}", story(region));
    assert_eq!(
        (&output["outcome"], &output["dryRun"]),
        (&json!("dryRun"), &json!(true)),
        "{output:#}"
    );
    output
}

#[test]
fn a_dry_run_of_what_loops_says_what_would_be_done_and_changes_nothing() {
    in_virtual_time(async {
        let played = looping().await;
        let region = &played.region;
        let input = json!({ "applicationName": APPLICATION, "dryRun": true });
        let output = dry(region, &input).await;
        assert_eq!(output["because"], "changeToBlame", "{output:#}");
        let would = &output["would"];
        assert_eq!(would["action"], "rollback", "{output:#}");
        assert_eq!(
            (&would["fromVersionId"], &would["toVersionId"]),
            (&json!(3), &json!(2)),
            "{output:#}"
        );
        assert!(would["snapshotName"].is_string(), "{output:#}");
        let reason = text(&output["reason"]);
        for words in ["dry run", "Nothing was changed", "version 3", "version 2"] {
            assert!(reason.contains(words), "{words}: {reason}");
        }
        assert!(attempts(region).is_empty(), "{}", story(region));
    });
}

#[test]
fn a_dry_run_answers_while_another_execution_holds_the_lease() {
    in_virtual_time(async {
        let played = looping().await;
        let region = &played.region;
        let holder = put_lease(region, "somebody", 4_000_000_000).await;
        let input = json!({ "applicationName": APPLICATION, "dryRun": true });
        let output = dry(region, &input).await;
        assert_eq!(output["would"]["action"], "rollback", "{output:#}");
        assert_eq!(lease(region).await.unwrap()["holder"], holder);
    });
}

#[test]
fn a_dry_run_of_a_request_says_what_would_be_done() {
    in_virtual_time(async {
        let played = play_on(&quiet(), stage("maintenance"), 1, |_| {})
            .await
            .unwrap();
        let region = &played.region;
        for (request, action) in [
            // It runs well, and all its snapshots are of this version.
            (json!({ "action": "rollback" }), "escalate"),
            (json!({ "action": "forceStop" }), "forceStop"),
            (json!({ "action": "restore" }), "forceStop"),
            (
                json!({ "action": "restore", "withoutState": true }),
                "forceStop",
            ),
            (
                json!({ "action": "restore", "snapshotName": "no-such" }),
                "escalate",
            ),
            (Value::Null, "leaveAlone"),
        ] {
            let input =
                json!({ "applicationName": APPLICATION, "dryRun": true, "request": request });
            let output = dry(region, &input).await;
            assert_eq!(output["would"]["action"], action, "{output:#}");
        }
        assert!(attempts(region).is_empty(), "{}", story(region));
    });
}

#[test]
fn a_dry_run_that_is_false_is_the_normal_run() {
    in_virtual_time(async {
        let played = looping().await;
        let region = &played.region;
        let execution = run(
            region,
            &json!({ "applicationName": APPLICATION, "dryRun": false }),
        )
        .await;
        assert_eq!(output(region, &execution)["outcome"], "recovered");
        assert_eq!(effects(region), ["RollbackApplication"]);
    });
}

/// Every start of the state machine becomes a dry run, whoever makes it.
fn only_dry(region: &Region) {
    region.router().wrap(|before: Router| {
        move |request: wire::Request| {
            let before = before.clone();
            Box::pin(async move {
                if wire::verb(&request) != Some("StartExecution") {
                    return before.send(request).await;
                }
                let (parts, body) = request.into_parts();
                let mut asked: Value = serde_json::from_slice(&body).unwrap();
                if text(&asked["stateMachineArn"]).ends_with("remediate") {
                    let mut input: Value = serde_json::from_str(&text(&asked["input"])).unwrap();
                    input["dryRun"] = json!(true);
                    asked["input"] = json!(input.to_string());
                }
                let body = asked.to_string().into();
                before.send(wire::Request::from_parts(parts, body)).await
            })
        }
    });
}

#[test]
fn no_scenario_makes_a_dry_run_change_record_or_mail_anything() {
    let mut played_dry = 0;
    for scenario in CATALOGUE.iter() {
        let staged = scenario.stage();
        if scenario
            .ends
            .as_ref()
            .is_none_or(|ends| ends.of == sandbox::script::Machine::SnapshotCheck)
            || staged.real_flink.is_some()
        {
            continue;
        }
        in_virtual_time(async {
            let Ok(played) = play_on(scenario, staged, 1, only_dry).await else {
                panic!("{} could not be opened", scenario.name)
            };
            let region = &played.region;
            let executions = region.executions_of(REMEDIATE);
            for execution in &executions {
                let output = output(region, execution);
                assert_eq!(output["dryRun"], true, "{}: {output:#}", scenario.name);
            }
            played_dry += executions.len();
            assert!(
                attempts(region).is_empty(),
                "{}: {:?}",
                scenario.name,
                attempts(region)
            );
            assert!(
                told(region).is_empty(),
                "{}: {:?}",
                scenario.name,
                told(region)
            );
            let left = rows(region, APPLICATION).await;
            // Who deployed is noted by whoever hears of it, and is no execution's word.
            let is_note = |row: &Value| {
                let row = row.as_object().into_iter().flatten();
                row.map(|(name, _)| name.as_str()).all(|name| {
                    ["pk", "sk"].contains(&name) || name.starts_with(Deployed::ATTRIBUTE)
                })
            };
            let own = left
                .iter()
                .filter(|row| row["holder"]["S"] != "one-that-died" && !is_note(row));
            assert_eq!(own.count(), 0, "{}: {left:?}", scenario.name);
        });
    }
    assert!(played_dry > 15, "{played_dry}");
}

// ---------------------------------------------------------------- what is odd is named

/// Starts the machine on a region where `orders` runs well, and gives the reason for which it was refused.
fn refusal(input: &Value) -> String {
    in_virtual_time(async {
        let played = play_on(&quiet(), stage("maintenance"), 1, |_| {})
            .await
            .unwrap();
        let region = &played.region;
        let execution = run(region, input).await;
        let output = output(region, &execution);
        assert_eq!(output["outcome"], "escalated", "{input}: {output:#}");
        assert_eq!(output["because"], "badInput", "{input}: {output:#}");
        assert!(attempts(region).is_empty(), "{input}");
        assert!(rows(region, APPLICATION).await.is_empty(), "{input}");
        text(&output["reason"])
    })
}

#[track_caller]
fn says(input: &Value, words: &[&str]) {
    let reason = refusal(input);
    for word in words {
        assert!(
            reason.contains(word),
            "{input}: {reason:?} does not contain {word:?}"
        );
    }
}

#[test]
fn unknown_keys_of_the_input_are_refused_by_name() {
    for (key, value, words) in [
        (
            "reqeust",
            json!({ "action": "rollback" }),
            ["\"reqeust\"", "\"request\""],
        ),
        (
            "Request",
            json!({ "action": "rollback" }),
            ["\"Request\"", "\"request\""],
        ),
        (
            "action",
            json!("rollback"),
            ["\"action\"", "into \"request\""],
        ),
        (
            "withoutState",
            json!(true),
            ["\"withoutState\"", "into \"request\""],
        ),
        (
            "snapshotname",
            json!("s"),
            ["\"snapshotname\"", "into \"request\""],
        ),
        ("dryrun", json!(true), ["\"dryrun\"", "\"dryRun\""]),
        ("dry_run", json!(true), ["\"dry_run\"", "\"dryRun\""]),
        ("triger", json!({}), ["\"triger\"", "\"trigger\""]),
        ("colour", json!("red"), ["\"colour\"", "applicationName"]),
        ("kind", json!("alarm"), ["\"kind\"", "into \"trigger\""]),
    ] {
        let mut input = json!({ "applicationName": APPLICATION });
        input[key] = value;
        says(&input, &words);
    }
}

#[test]
fn a_dry_run_that_is_no_boolean_is_refused_by_name() {
    for value in [
        json!("true"),
        json!(1),
        json!(null),
        json!([true]),
        json!({}),
    ] {
        says(
            &json!({ "applicationName": APPLICATION, "dryRun": value }),
            &["\"dryRun\"", "true or false"],
        );
    }
}

#[test]
fn a_trigger_that_is_odd_is_refused_by_name() {
    for (trigger, words) in [
        (json!("alarm"), ["\"trigger\"", "an object"]),
        (json!([]), ["\"trigger\"", "an object"]),
        (json!({}), ["\"kind\"", "alarm"]),
        (
            json!({ "kind": "executionbroke" }),
            ["executionbroke", "\"executionBroke\""],
        ),
        (json!({ "kind": 5 }), ["\"kind\"", "executionBroke"]),
        (
            json!({ "kind": "alarm", "alarmname": "x" }),
            ["\"alarmname\"", "\"alarmName\""],
        ),
        (
            json!({ "kind": "executionBroke", "execution": "x", "status": "failed" }),
            ["\"failed\"", "FAILED"],
        ),
        (
            json!({ "kind": "executionBroke", "execution": 5, "status": "FAILED" }),
            ["\"execution\"", "text"],
        ),
    ] {
        says(
            &json!({ "applicationName": APPLICATION, "trigger": trigger }),
            &words,
        );
    }
}

#[test]
fn a_request_that_is_odd_is_refused_before_anything_is_looked_at() {
    let word = |action: &str| json!({ "action": action });
    for (request, words) in [
        (word("rolback"), ["\"rolback\"", "\"rollback\""]),
        (word("Rollback"), ["\"Rollback\"", "\"rollback\""]),
        (word("dance"), ["\"dance\"", "forceStop"]),
        (json!("rollback"), ["a text", "{\"action\":\"rollback\"}"]),
        (json!({}), ["\"action\"", "restore"]),
        (
            json!({ "action": "restore", "withoutstate": true }),
            ["\"withoutstate\"", "\"withoutState\""],
        ),
        (
            json!({ "action": "restore", "withoutState": null }),
            ["null", "true or false"],
        ),
        (
            json!({ "action": "restore", "applicationVersionId": "2" }),
            ["\"applicationVersionId\"", "a whole number"],
        ),
        (
            json!({ "action": "restore", "applicationVersionId": 2.5 }),
            ["\"applicationVersionId\"", "2.5"],
        ),
        (
            json!({ "action": "forceStop", "snapshotName": "s" }),
            ["\"snapshotName\"", "restore"],
        ),
        (
            json!({ "action": "restore", "snapshotName": "s".repeat(2_001) }),
            ["2001", "2000"],
        ),
    ] {
        says(
            &json!({ "applicationName": APPLICATION, "request": request }),
            &words,
        );
    }
}

#[test]
fn a_trigger_whose_texts_are_long_or_no_texts_is_refused() {
    let long = "r".repeat(200_000);
    for (key, value, word) in [
        ("reason", json!(long), "2000"),
        ("alarmName", json!({ "name": "x" }), "an object"),
        ("at", json!([1]), "a list"),
        ("asked", json!(5), "a number"),
        ("successor", json!("two"), "a whole number"),
    ] {
        let mut trigger = json!({ "kind": "alarm" });
        trigger[key] = value;
        says(
            &json!({ "applicationName": APPLICATION, "trigger": trigger }),
            &[key, word],
        );
    }
}

#[test]
fn what_is_odd_about_an_application_name_is_said() {
    let long = "a".repeat(129);
    for (input, words) in [
        (
            json!({ "applicationName": "orders " }),
            ["ends with a blank", "\"orders\""],
        ),
        (
            json!({ "applicationName": " orders" }),
            ["begins with a blank", "\"orders\""],
        ),
        (
            json!({ "applicationName": "orders\n" }),
            ["ends with a line break", "\"orders\""],
        ),
        (
            json!({ "applicationName": "arn:aws:kinesisanalytics:us-east-1:123456789012:application/orders" }),
            ["an ARN", "\"orders\""],
        ),
        (
            json!({ "ApplicationName": "orders" }),
            ["\"ApplicationName\"", "\"applicationName\""],
        ),
        (
            json!({ "application": "orders" }),
            ["\"application\"", "\"applicationName\""],
        ),
        (
            json!("orders"),
            ["a text", r#"{"applicationName":"orders"}"#],
        ),
        (
            json!(["orders"]),
            ["a list", r#"{"applicationName":"orders"}"#],
        ),
        (json!({}), ["empty", r#"{"applicationName":"orders"}"#]),
        (json!(null), ["null", r#"{"applicationName":"orders"}"#]),
        (
            json!({ "applicationName": "" }),
            ["empty", r#"{"applicationName":"orders"}"#],
        ),
        (
            json!({ "applicationName": "or ders" }),
            ["blank", "letters, digits"],
        ),
        (
            json!({ "applicationName": "örders" }),
            ["\"ö\"", "letters, digits"],
        ),
        (json!({ "applicationName": long }), ["129", "128"]),
        (
            json!({ "applicationName": ["orders"] }),
            ["a list", "\"orders\""],
        ),
        (
            json!({ "applicationName": 5 }),
            ["a number", "applicationName"],
        ),
    ] {
        says(&input, &words);
    }
}

/// What a part of the check leaves to the next one, with one member of it replaced.
fn gone_on(key: &str, value: Value) -> Value {
    let mut go_on = json!({
        "tick": "2026-03-01T02:47:00.000Z", "run": "hourly", "part": 2, "nextToken": "25", "persons": 0,
        "sums": {
            "listed": 25, "notFlink": 0, "notOptedIn": 25, "checked": 0, "fresh": 0, "underway": 0, "taken": 0, "wouldTake": 0,
            "refused": 0, "notNow": 0, "stopped": 0, "failed": 0, "deleted": 0, "wouldDelete": 0, "ready": 0,
        },
        "notable": [{ "applicationName": "orders", "did": "failed", "why": "so", "findings": ["one"], "needsPerson": false }],
        "pending": [],
    });
    go_on[key] = value;
    go_on
}

#[test]
fn the_check_goes_on_with_what_a_part_before_left_in_full() {
    in_virtual_time(async {
        let played = play_on(&quiet(), stage("maintenance"), 1, |_| {})
            .await
            .unwrap();
        let region = &played.region;
        let input = json!({ "goOn": gone_on("part", json!(3)), "applicationName": APPLICATION });
        let arn = region.start(SNAPSHOT_CHECK, &input.to_string()).unwrap();
        let execution = region.states().finished(&arn).await;
        let output = output(region, &execution);
        assert_eq!(output["parts"], 3, "{output:#}");
        assert!(text(&output["reason"]).contains("so [one]"), "{output:#}");
    });
}

#[test]
fn the_check_of_an_unknown_application_says_so_in_a_sentence() {
    in_virtual_time(async {
        let played = play_on(&quiet(), stage("maintenance"), 1, |_| {})
            .await
            .unwrap();
        let region = &played.region;
        let input = json!({ "applicationName": "nobody" });
        let arn = region.start(SNAPSHOT_CHECK, &input.to_string()).unwrap();
        let execution = region.states().finished(&arn).await;
        let output = output(region, &execution);
        let reason = text(&output["reason"]);
        assert!(reason.contains("nobody"), "{reason}");
        assert!(
            !reason.contains('{') && !reason.contains("errorMessage"),
            "{reason}"
        );
    });
}

#[test]
fn the_snapshot_check_names_what_is_odd_too() {
    for (input, words) in [
        (json!({ "dryrun": true }), ["\"dryrun\"", "\"dryRun\""]),
        (json!({ "dryRun": "true" }), ["\"dryRun\"", "true or false"]),
        (
            json!({ "ApplicationName": "orders" }),
            ["\"ApplicationName\"", "\"applicationName\""],
        ),
        (
            json!({ "applicationName": "orders " }),
            ["ends with a blank", "\"orders\""],
        ),
        (json!({ "request": {} }), ["\"request\"", "dryRun"]),
        (
            json!("orders"),
            ["a text", r#"{"applicationName":"orders"}"#],
        ),
        (json!([]), ["a list", "{}"]),
        (json!({ "goOn": true }), ["\"goOn\"", "leave"]),
        (json!({ "goOn": {} }), ["\"goOn\"", "leave"]),
        (json!({ "goOn": null }), ["\"goOn\"", "leave"]),
        (
            json!({ "goOn": gone_on("part", json!("2")) }),
            ["\"part\"", "leave"],
        ),
        (
            json!({ "goOn": gone_on("sums", json!({ "checked": "x" })) }),
            ["\"goOn\"", "leave"],
        ),
        (
            json!({ "goOn": gone_on("notable", json!([5])) }),
            ["\"goOn\"", "leave"],
        ),
        (
            json!({ "goOn": gone_on("pending", json!([{ "applicationName": "orders" }])) }),
            ["\"goOn\"", "leave"],
        ),
        (
            json!({ "goOn": gone_on("tick", json!("today")) }),
            ["\"goOn\"", "leave"],
        ),
    ] {
        in_virtual_time(async {
            let played = play_on(&quiet(), stage("maintenance"), 1, |_| {})
                .await
                .unwrap();
            let region = &played.region;
            let arn = region.start(SNAPSHOT_CHECK, &input.to_string()).unwrap();
            let execution = region.states().finished(&arn).await;
            assert_eq!(execution.status, Status::Failed, "{input}: {execution:?}");
            assert_eq!(execution.error.as_deref(), Some("Lifeguard.BadInput"));
            let cause = execution.cause.unwrap_or_default();
            for word in words {
                assert!(cause.contains(word), "{input}: {cause:?} has no {word:?}");
            }
        });
    }
}

#[test]
fn a_function_names_the_unknown_key_of_its_own_input() {
    in_virtual_time(async {
        let played = play_on(&quiet(), stage("maintenance"), 1, |_| {})
            .await
            .unwrap();
        let region = &played.region;
        let plan = json!({ "versionId": 2 });
        for (package, input, word) in [
            (
                "rollback",
                json!({ "applicationName": APPLICATION, "plan": plan, "dryrun": true }),
                "dryrun",
            ),
            (
                "rollback",
                json!({ "applicationName": APPLICATION, "plan": { "versionId": 2, "verson": 3 } }),
                "verson",
            ),
            (
                "force-stop-and-restore",
                json!({ "step": "forceStop", "applicationName": APPLICATION, "plan": plan, "DryRun": true }),
                "DryRun",
            ),
            (
                "subtask-verifier",
                json!({ "applicationName": APPLICATION, "Request": {} }),
                "Request",
            ),
            (
                "snapshot-keeper",
                json!({ "step": "check", "applicationName": APPLICATION, "dryrun": true }),
                "dryrun",
            ),
        ] {
            let refused = region.invoke(package, &input).await.unwrap_err();
            assert!(
                refused.contains("Lifeguard.BadInput") && refused.contains(word),
                "{package}: {refused}"
            );
        }
        assert!(attempts(region).is_empty());
    });
}

// ---------------------------------------------------------------- an execution that is said to be dead

/// Another execution's lease, as it is written.
async fn put_lease(region: &Region, holder: &str, expires: u64) -> Value {
    let holder = json!({ "S": holder });
    let row = json!({ "holder": holder, "expiresAt": { "N": expires.to_string() } });
    let put = row_put(region, &row);
    assert!(region.router().send(put).await.status().is_success());
    holder
}

/// Writes the lease's row, whatever is in it.
fn row_put(region: &Region, row: &Value) -> wire::Request {
    let table = &region.stack().tables["LedgerTable"].name;
    let mut item = json!({ "pk": { "S": APPLICATION }, "sk": { "S": "lease" } });
    for (name, value) in row.as_object().unwrap() {
        item[name] = value.clone();
    }
    let asked = json!({ "TableName": table, "Item": item });
    aws_json(
        "test",
        "dynamodb",
        "DynamoDB_20120810.PutItem",
        "1.0",
        &asked,
    )
}

#[test]
fn a_lease_without_an_end_that_is_a_number_locks_nobody_out() {
    for row in [
        json!({ "holder": { "S": "somebody" } }),
        json!({ "holder": { "S": "somebody" }, "expiresAt": { "S": "4000000000" } }),
        json!({ "holder": { "S": "somebody" }, "expiresAt": { "NULL": true } }),
        json!({ "expiresAt": { "M": {} } }),
        json!({}),
    ] {
        in_virtual_time(async {
            let played = looping().await;
            let region = &played.region;
            let put = row_put(region, &row);
            assert!(region.router().send(put).await.status().is_success());
            let execution = run(region, &json!({ "applicationName": APPLICATION })).await;
            let output = output(region, &execution);
            assert_eq!(output["outcome"], "recovered", "{row}: {output:#}");
            assert!(lease(region).await.is_none(), "{row}");
        });
    }
}

#[test]
fn a_holder_whose_lease_lost_its_end_changes_nothing_any_more() {
    in_virtual_time(async {
        let played = looping().await;
        let region = &played.region;
        let states = region.states();
        let arn = region
            .start_remediation(&json!({ "applicationName": APPLICATION }).to_string())
            .unwrap();
        let row = json!({ "holder": { "S": arn }, "expiresAt": { "S": "4000000000" } });
        let (put, router, me) = (row_put(region, &row), region.router().clone(), arn.clone());
        states.on_state_entered(Arc::new(move |entered, state| {
            if entered == me && state == "ReadSwitch" {
                let (put, router) = (put.clone(), router.clone());
                tokio::spawn(async move { router.send(put).await });
            }
        }));
        let execution = states.finished(&arn).await;
        let output = output(region, &execution);
        assert_eq!(output["outcome"], "escalated", "{output:#}");
        assert!(attempts(region).is_empty(), "{}", story(region));
    });
}

/// Which execution a trigger may name.
#[derive(Clone, Copy, Debug)]
enum Named {
    Running,
    Succeeded,
    OtherApplication,
    OtherMachine,
    NoSuch,
    NoArn,
    Unreadable,
}

#[test]
fn only_a_dead_execution_of_this_application_is_taken_over_by_name() {
    for (key, named) in [
        ("execution", Named::Running),
        ("before", Named::Running),
        ("execution", Named::Succeeded),
        ("execution", Named::OtherApplication),
        ("execution", Named::OtherMachine),
        ("before", Named::OtherMachine),
        ("execution", Named::NoSuch),
        ("execution", Named::NoArn),
        ("execution", Named::Unreadable),
    ] {
        in_virtual_time(async {
            let played = looping().await;
            let region = &played.region;
            let states = region.states();
            let looked = |input: &Value| region.start_remediation(&input.to_string()).unwrap();
            let arn = match named {
                // It waits for the soak after its rollback.
                Named::Running | Named::Unreadable => {
                    let arn = looked(&json!({ "applicationName": APPLICATION }));
                    tokio::time::sleep(minutes(2)).await;
                    arn
                }
                Named::Succeeded => {
                    let arn = looked(&json!({ "applicationName": "nobody" }));
                    states.finished(&arn).await;
                    arn
                }
                Named::OtherApplication => {
                    let arn = looked(&json!({ "applicationName": "nobody" }));
                    states.stop(&arn, None, None).unwrap();
                    arn
                }
                Named::OtherMachine => {
                    let input = json!({ "applicationName": APPLICATION }).to_string();
                    let arn = region.start(SNAPSHOT_CHECK, &input).unwrap();
                    states.stop(&arn, None, None).unwrap();
                    arn
                }
                Named::NoSuch => format!(
                    "{}:no-such",
                    region
                        .machine(REMEDIATE)
                        .replace(":stateMachine:", ":execution:")
                ),
                Named::NoArn => "one-that-died".to_owned(),
            };
            if matches!(named, Named::Unreadable) {
                region
                    .faults()
                    .add(Rule::new(Fault::ServerError).on("states", "DescribeExecution"));
            }
            if !matches!(named, Named::Running | Named::Unreadable) {
                put_lease(region, &arn, 4_000_000_000).await;
                deaf(region);
            }
            let mut trigger = json!({ "kind": "executionBroke", "execution": arn, "status": "FAILED", "successor": 1 });
            if key == "before" {
                trigger["execution"] = json!(format!("{arn}-x"));
                trigger["before"] = json!(arn);
            }
            let execution = run(
                region,
                &json!({ "applicationName": APPLICATION, "trigger": trigger }),
            )
            .await;
            let what = format!("{key} {named:?}");
            let output = output(region, &execution);
            assert_eq!(output["because"], "alreadyInHand", "{what}: {output:#}");
            assert!(
                text(&output["reason"]).contains(&arn),
                "{what}: the report says nothing of the trigger: {output:#}"
            );
            assert!(
                execution
                    .stopped
                    .unwrap()
                    .duration_since(execution.started)
                    .as_secs()
                    < 900,
                "{what}"
            );
            if matches!(named, Named::Running | Named::Unreadable) {
                let first = states.finished(&arn).await;
                assert_eq!(first.output.unwrap()["outcome"], "recovered", "{what}");
                assert_eq!(effects(region), ["RollbackApplication"], "{what}");
            } else {
                assert!(attempts(region).is_empty(), "{what}\n{}", story(region));
            }
        });
    }
}

// ---------------------------------------------------------------- redriven executions

/// States that change an application.
const STEPS: [&str; 4] = [
    "RollBack",
    "ForceStop",
    "RestoreConfiguration",
    "StartFromSnapshot",
];

/// States that an execution enters after its last decision: they tell it, redriven or not.
const DECIDED: [&str; 11] = [
    "IsItSoaked",
    "RememberSoaked",
    "PublishEvent",
    "IsItForPeople",
    "DoesItNeedMail",
    "WhatIsLeft",
    "LeaveProgress",
    "Notify",
    "ReleaseLease",
    "HandLeaseOn",
    "Done",
];

/// The states of the graph.
fn states() -> Vec<String> {
    let text = include_str!("../../../../infra/statemachines/remediate.asl.json");
    let graph: Value = serde_json::from_str(text).expect("the graph is JSON");
    graph["States"]
        .as_object()
        .unwrap()
        .keys()
        .cloned()
        .collect()
}

/// A rescue whose execution dies at this state, is redriven ten minutes later, and is followed by one that somebody starts. False where the state was not entered.
fn redriven_at(state: &str, scenario: &str, heard: bool) -> bool {
    let died = Arc::new(AtomicBool::new(false));
    in_virtual_time(async {
        let staged = stage(scenario);
        let refuses = named(scenario).name == "rollback-refused";
        let base = quiet();
        let dead: Arc<Mutex<Option<String>>> = Arc::default();
        let (hook, remembered) = (died.clone(), dead.clone());
        let strike = state.to_owned();
        let played = play_on(&base, staged, 1, move |region| {
            if !heard {
                deaf(region);
            }
            let states = region.states().clone();
            let stopping = states.clone();
            states.on_state_entered(Arc::new(move |arn, entered| {
                if entered == strike && !hook.swap(true, Ordering::SeqCst) {
                    *remembered.lock().unwrap() = Some(arn.to_owned());
                    stopping
                        .fail(arn, "States.Runtime", "an error that nothing catches")
                        .unwrap();
                }
            }));
        })
        .await
        .unwrap();
        let region = &played.region;
        let mut happens = Vec::new();
        if refuses {
            happens.extend(steps(&json!([{ "do": "refuseRollback" }])));
        }
        happens.extend(steps(&json!([
            { "do": { "deploy": { "code": "orders-7.jar" } } },
            { "when": { "then": "8 min" } },
        ])));
        if !heard {
            happens.extend(steps(&json!([{ "do": { "ask": {} } }])));
        }
        happens.extend(steps(&json!([
            { "when": { "once": { "reported": "all" } } },
            { "when": { "then": "10 min" } },
            { "when": { "once": { "reported": "all" } } },
        ])));
        go_on(region, &happens).await;
        let Some(arn) = dead.lock().unwrap().clone() else {
            return;
        };
        let before = effects(region);
        region.states().redrive(&arn).unwrap();
        let execution = region.states().finished(&arn).await;
        let what = format!("{scenario}, {state}, heard {heard}");
        assert_eq!(effects(region), before, "{what}\n{}", story(region));
        let output = output(region, &execution);
        if !DECIDED.contains(&state) {
            assert_eq!(
                (&output["outcome"], &output["because"]),
                (&json!("escalated"), &json!("redriven")),
                "{what}: {output:#}"
            );
            assert!(
                text(&output["reason"]).contains("start a new execution"),
                "{what}: {output:#}"
            );
        }
        let looked_at =
            json!([{ "do": { "ask": {} } }, { "when": { "once": { "reported": "all" } } }]);
        go_on(region, &steps(&looked_at)).await;
        let application = region.flink().application(APPLICATION).unwrap();
        assert_eq!(
            (
                application.status.name(),
                application.code.as_str(),
                application.healthy
            ),
            ("RUNNING", "orders-6.jar", true),
            "{what}\n{}",
            story(region)
        );
        assert!(
            lease(region).await.is_none(),
            "{what}: the lease is still there"
        );
    });
    died.load(Ordering::SeqCst)
}

#[test]
fn a_redriven_execution_changes_nothing_at_any_state_and_a_new_one_goes_on() {
    let mut visited = Vec::new();
    for state in states() {
        if redriven_at(&state, "bad-deployment", false) {
            visited.push(state);
        }
    }
    assert!(visited.len() > 15, "{visited:?}");
}

#[test]
fn a_redriven_step_changes_nothing() {
    for heard in [false, true] {
        assert!(redriven_at("RollBack", "bad-deployment", heard));
        for state in STEPS {
            assert!(redriven_at(state, "rollback-refused", heard), "{state}");
        }
        assert!(redriven_at("AfterStep", "rollback-refused", heard));
    }
}

// ---------------------------------------------------------------- long names

#[test]
fn people_hear_of_applications_with_long_names_and_the_news_is_not_cut_away() {
    for length in [40, 53, 100, 128] {
        let name = "a".repeat(length);
        let stage = || -> Stage {
            let seed = ApplicationSeed::new(&name)
                .version("orders-5.jar", days(30))
                .version("orders-6.jar", days(5))
                .tag("lifeguard:managed", "true")
                .snapshot("scheduled-before", hours(6));
            stage("maintenance").application(seed)
        };
        for (request, news) in [
            (
                json!({ "action": "restore", "withoutState": true }),
                "without state",
            ),
            (
                json!({ "action": "restore", "snapshotName": "no-such" }),
                "request refused",
            ),
            (json!({ "action": "dance" }), "input refused"),
        ] {
            in_virtual_time(async {
                let played = play_on(&quiet(), stage(), 1, |_| {}).await.unwrap();
                let region = &played.region;
                let input = json!({ "applicationName": name, "request": request });
                let execution = run(region, &input).await;
                output(region, &execution);
                let told = told(region);
                assert!(
                    told.iter().any(|(_, subject, _)| subject.contains(news)),
                    "{length}, {request}: {told:?}\n{}",
                    story(region)
                );
                assert!(
                    told.iter()
                        .all(|(_, subject, _)| subject.contains("aaaaaaaa"))
                );
            });
        }
    }
}

// ---------------------------------------------------------------- what a failed call says

/// The function of this package fails with this body, whenever it is called; with a refusal of the service where there is none.
fn fails(region: &Region, package: &str, body: &'static str) {
    let name = function(region, package);
    region.router().wrap(move |before: Router| {
        move |request: wire::Request| {
            let (before, name) = (before.clone(), name.clone());
            Box::pin(async move {
                if invoked_function(&request).as_deref() != Some(name.as_str()) {
                    return before.send(request).await;
                }
                let mut answer = wire::Response::new(body.into());
                let failed = "Unhandled".parse().unwrap();
                answer.headers_mut().insert("x-amz-function-error", failed);
                answer
            })
        }
    });
}

#[test]
fn an_odd_cause_of_a_failed_call_ends_no_execution() {
    let long: &'static str = format!(
        r#"{{"errorType":"Lifeguard.NotAllowed","errorMessage":"{}"}}"#,
        r#"\"x\" "#.repeat(5_000)
    )
    .leak();
    for (package, ended) in [
        ("rollback", "RollBack"),
        ("force-stop-and-restore", "ForceStop"),
        ("subtask-verifier", "Look"),
        ("remediation-planner", "Decide"),
    ] {
        // A refusal of the service, whose text is its own.
        for message in [
            r#"{"errorMessage": "half"#,
            "{errorMessage}",
            r#"{"errorMessage":"cut in the mid"#,
            r#"{"a":"\uD800","errorMessage":"x"}"#,
        ] {
            in_virtual_time(async {
                let played = looping().await;
                let region = &played.region;
                let refusal = Fault::Refuse {
                    status: 403,
                    code: "AccessDeniedException".to_owned(),
                    message: message.to_owned(),
                };
                region
                    .faults()
                    .add(Rule::new(refusal).on_function(&function(region, package)));
                deaf(region);
                let execution = run(region, &json!({ "applicationName": APPLICATION })).await;
                output(region, &execution);
            });
        }
        // The function's own error.
        for body in [
            r#"{"errorType":"Lifeguard.NotAllowed"}"#,
            r#"{"errorType":"Lifeguard.BadInput","errorMessage":5}"#,
            r#"{"errorType":"Lifeguard.BadInput","errorMessage":null}"#,
            r#"{"errorType":"Lifeguard.BadInput","errorMessage":{"errorMessage":"x"}}"#,
            r#"{"errorType":"Lifeguard.BadInput","errorMessage":"errorMessage \"quoted\" \\ {}"}"#,
            "{}",
            long,
        ] {
            in_virtual_time(async {
                let played = looping().await;
                let region = &played.region;
                fails(region, package, body);
                deaf(region);
                let execution = run(region, &json!({ "applicationName": APPLICATION })).await;
                let output = output(region, &execution);
                assert!(
                    output.to_string().len() < 60_000,
                    "{ended}: {} bytes",
                    output.to_string().len()
                );
            });
        }
    }
}

#[test]
fn progress_in_the_lease_that_cannot_be_read_ends_no_execution_and_nothing_is_changed() {
    for progress in ["{", "", "7", "null", r#"{"progress":5}"#] {
        in_virtual_time(async {
            let played = looping().await;
            let region = &played.region;
            let table = &region.stack().tables["LedgerTable"].name;
            let row = json!({
                "pk": { "S": APPLICATION }, "sk": { "S": "lease" }, "holder": { "S": "one-that-died" }, "expiresAt": { "N": "1" },
                "progress": { "S": progress },
            });
            let asked = json!({ "TableName": table, "Item": row });
            let put = aws_json(
                "test",
                "dynamodb",
                "DynamoDB_20120810.PutItem",
                "1.0",
                &asked,
            );
            assert!(region.router().send(put).await.status().is_success());
            deaf(region);
            let execution = run(region, &json!({ "applicationName": APPLICATION })).await;
            let output = output(region, &execution);
            assert_eq!(
                output["because"], "ledgerUnreadable",
                "{progress:?}: {output:#}"
            );
            assert!(attempts(region).is_empty(), "{progress:?}");
        });
    }
}

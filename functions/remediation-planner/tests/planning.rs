//! From the state machine's JSON to the planner's JSON: the ledger's row, what is counted, what is remembered, what is reported.

mod support;

use lambda_kit::ErrorType;
use serde_json::{Value, json};
use support::{NOW, looping, plan, plan_as, with};

#[tokio::test]
async fn the_first_change_is_counted_and_later_ones_are_not() {
    let first = plan(looping()).await;
    assert_eq!(first["action"], "rollback", "{first}");
    assert_eq!(first["plan"]["versionId"], 7);
    assert_eq!(
        first["spend"],
        json!({ "day": "2026-03-04", "forget": "2026-02-25", "limit": 2 })
    );
    assert_eq!(
        (&first["report"], &first["soaked"]),
        (&Value::Null, &Value::Null)
    );

    let mut next = with("/progress", first["progress"].clone());
    next["stepResult"] = json!({ "is": "failed", "error": "Lifeguard.Refused", "message": "no" });
    let second = plan(next).await;
    assert_eq!(
        (second["action"].as_str(), &second["spend"]),
        (Some("forceStop"), &Value::Null),
        "{second}"
    );
    assert!(
        second["reason"]
            .as_str()
            .expect("a reason")
            .contains("Rollback failed (no)"),
        "{second}"
    );
}

#[tokio::test]
async fn a_person_spends_nothing() {
    let asked = plan(with("/request", json!({ "action": "rollback" }))).await;
    assert_eq!(
        (asked["action"].as_str(), &asked["spend"]),
        (Some("rollback"), &Value::Null),
        "{asked}"
    );
}

#[tokio::test]
async fn the_ledgers_row_is_read_and_a_row_that_does_not_parse_stops_everything() {
    let row = |item: Value| with("/ledger", json!({ "item": item }));
    let executions = json!({ "pk": { "S": "orders" }, "sk": { "S": "ledger" }, "rescues 2026-03-04": { "SS": ["a", "b"] } });
    for (event, because) in [
        (row(executions), "budgetSpent"),
        (
            row(json!({ "rescues 2026-03-03": { "SS": ["a", "b", "c"] } })),
            "changeToBlame",
        ),
        (
            row(json!({ "soaked 7": { "S": "2026-03-04T02:51:50Z" } })),
            "suspected",
        ),
        // From before the version was made: another application had the name.
        (
            row(json!({ "soaked 7": { "S": "2026-03-04T02:40:00Z" } })),
            "changeToBlame",
        ),
        (
            row(json!({ "proven 7": { "S": "7200 2026-03-04T02:51:50Z" } })),
            "hadWorked",
        ),
        (
            row(json!({ "failed 6": { "S": "2026-03-04T02:49:00Z another fault" } })),
            "changeToBlame",
        ),
        (
            row(json!({ "proven 7": { "S": "7200" } })),
            "ledgerUnreadable",
        ),
        (
            row(json!({ "failed 7": { "S": "soon" } })),
            "ledgerUnreadable",
        ),
        (
            row(json!({ "soaked 6": { "S": "2026-03-01T00:00:00Z" } })),
            "changeToBlame",
        ),
        (
            row(json!({ "soaked seven": { "S": "2026-03-01T00:00:00Z" } })),
            "ledgerUnreadable",
        ),
        (row(json!({ "soaked 6": { "N": "1" } })), "ledgerUnreadable"),
        (
            row(json!({ "rescues 2026-03-04": { "N": "1" } })),
            "ledgerUnreadable",
        ),
        (
            with(
                "/ledger",
                json!({ "unreadable": "DynamoDB.InternalServerError" }),
            ),
            "ledgerUnreadable",
        ),
    ] {
        let told = event["ledger"].to_string();
        assert_eq!(plan(event).await["because"], because, "{told}");
    }
}

#[tokio::test]
async fn a_healthy_version_is_remembered_with_the_end_of_the_execution_only() {
    let healthy = with(
        "/look/assessment",
        json!({ "is": "healthy", "since": "2026-03-04T02:54:00Z" }),
    );
    let answer = plan(healthy).await;
    assert_eq!(
        (&answer["action"], &answer["soaked"]),
        (&json!("leaveAlone"), &json!({ "versionId": 7, "at": NOW }))
    );
    assert_eq!(
        answer["remember"],
        json!({ "expression": "SET #soaked = :soaked", "names": { "#soaked": "soaked 7" }, "values": { ":soaked": { "S": NOW } } })
    );
    let looping = plan(looping()).await;
    assert_eq!(
        (&looping["soaked"], &looping["remember"]),
        (&Value::Null, &Value::Null)
    );
}

/// A job that fails, with what, as the watch has kept it.
fn a_failing_job(event: &mut Value, fault: &Value) {
    event["look"]["observation"]["job"] = json!({
        "id": "job-7", "state": "RESTARTING", "at": NOW, "startedAt": "2026-03-04T02:51:00Z", "runningAt": null, "restartingAt": "2026-03-04T02:56:00Z", "vertices": [],
        "maxAttempt": 6, "restartsMetric": 6, "checkpoints": null,
        "faults": { "known": 6, "truncated": false, "first": fault, "newestAt": "2026-03-04T02:56:00Z", "shortestGapMillis": 40000 }
    });
    event["look"]["watch"]["episode"] = json!({
        "job": "job-7", "beganAt": "2026-03-04T02:52:00Z", "lastAt": "2026-03-04T02:56:00Z", "incidents": 6, "firstFault": fault, "newestFault": fault
    });
}

/// Whoever was to blame: what the next version fails with is compared with it.
#[tokio::test]
async fn what_a_version_fails_with_is_remembered_however_the_execution_ends() {
    let fault = json!({ "exception": "a.B", "message": "a.B: no number 77", "task": "enrich (1/2) - execution #3", "at": "2026-03-04T02:56:00Z" });
    let spent = json!({ "item": { "rescues 2026-03-04": { "SS": ["a", "b"] } } });
    let mut ends = with("/ledger", spent);
    a_failing_job(&mut ends, &fault);
    let answer = plan(ends.clone()).await;
    assert_eq!(answer["because"], "budgetSpent", "{answer}");
    assert_eq!(
        answer["remember"],
        json!({
            "expression": "SET #faulted = :faulted", "names": { "#faulted": "faulted 7" },
            "values": { ":faulted": { "S": format!("{NOW} a.B: no number # in enrich") } }
        })
    );
    // It is read again: version 7 had run for days, and the next one fails in the same way.
    let mut next = looping();
    a_failing_job(&mut next, &fault);
    next["look"]["observation"]["application"]["versionId"] = json!(8);
    next["look"]["observation"]["application"]["versionUpdatedFrom"] = json!(7);
    next["look"]["observation"]["versions"] =
        json!([{ "id": 7, "runtime": "FLINK-1_20", "createdAt": "2026-02-27T02:00:00Z" }]);
    assert_eq!(plan(next.clone()).await["because"], "changeToBlame");
    let before = "2026-03-04T02:30:00Z a.B: no number # in enrich";
    next["ledger"] = json!({ "item": { "faulted 7": { "S": before } } });
    assert_eq!(plan(next.clone()).await["because"], "notTheChange");
    next["ledger"] = json!({ "item": { "faulted 7": { "S": "today" } } });
    assert_eq!(plan(next).await["because"], "ledgerUnreadable");
    // A fault from before the version was made is another version's, and a turn that is not the last writes nothing.
    let old = json!({ "exception": "a.B", "message": "a.B: no number 77", "task": null, "at": "2026-03-04T02:49:00Z" });
    a_failing_job(&mut ends, &old);
    assert_eq!(plan(ends.clone()).await["remember"], Value::Null);
    a_failing_job(&mut ends, &fault);
    ends["ledger"] = json!({});
    assert_eq!(plan(ends).await["remember"], Value::Null);
}

/// It is not started once more again, until it has run well.
#[tokio::test]
async fn a_start_in_vain_is_remembered() {
    let mut down = looping();
    down["look"]["observation"]["application"]["status"] = json!("READY");
    down["look"]["observation"]["application"]["versionCreatedAt"] = json!("2026-02-27T02:00:00Z");
    down["look"]["observation"]["operations"] = json!([
        { "id": "op-8", "name": "ApplicationMaintenance", "status": "FAILED", "startedAt": "2026-03-04T02:51:00Z", "endedAt": "2026-03-04T02:52:00Z", "failure": "no", "rollbackOperationId": null },
        { "id": "op-7", "name": "UpdateApplication", "status": "SUCCESSFUL", "startedAt": "2026-02-27T02:00:00Z", "endedAt": "2026-02-27T02:01:00Z", "failure": null, "rollbackOperationId": null }
    ]);
    down["look"]["assessment"] =
        json!({ "is": "failed", "why": "ApplicationMaintenance failed: no", "firstFault": null });
    let first = plan(down.clone()).await;
    assert_eq!(
        (&first["action"], &first["because"], &first["remember"]),
        (&json!("start"), &json!("hadWorked"), &Value::Null),
        "{first}"
    );
    assert_eq!(first["spend"]["limit"], 2, "it is one of today's rescues");
    down["progress"] = first["progress"].clone();
    down["stepResult"] = json!({ "is": "failed", "error": "Lifeguard.Refused", "message": "no" });
    let second = plan(down.clone()).await;
    assert_eq!(second["because"], "hadWorked", "{second}");
    assert_eq!(second["remember"]["names"]["#again"], "again 7", "{second}");
    down["ledger"] = json!({ "item": { "again 7": second["remember"]["values"][":again"] } });
    (down["progress"], down["stepResult"]) = (Value::Null, Value::Null);
    let third = plan(down).await;
    assert_eq!(
        (&third["action"], &third["because"]),
        (&json!("escalate"), &json!("hadWorked")),
        "{third}"
    );
}

/// What was found out is added to the book: how long it ran well, and what the version that was undone failed with.
#[tokio::test]
async fn the_book_of_versions_is_written() {
    let mut proven = with(
        "/look/assessment",
        json!({ "is": "healthy", "since": "2026-03-04T02:54:00Z" }),
    );
    proven["look"]["observation"]["application"]["versionCreatedAt"] =
        json!("2026-02-27T02:00:00Z");
    proven["look"]["watch"]["history"]["spans"]
        .as_array_mut()
        .expect("spans")
        .pop();
    let remember = plan(proven.clone()).await["remember"].clone();
    let known = json!({ "item": { "proven 7": remember["values"][":proven"] } });
    assert_eq!(
        remember["values"][":proven"],
        json!({ "S": format!("431400 {NOW}") })
    );
    assert_eq!(remember["names"]["#proven"], "proven 7");
    // Nothing longer is known since.
    proven["ledger"] = known;
    let again = plan(proven).await["remember"].clone();
    assert_eq!(again["expression"], "SET #soaked = :soaked");

    let fault = json!({ "exception": "a.B", "message": "a.B: no number 77", "task": "enrich (1/2) - execution #3", "at": "2026-03-04T02:56:00Z" });
    let mut broken = looping();
    broken["look"]["watch"]["episode"] = json!({ "beganAt": "2026-03-04T02:52:00Z", "lastAt": "2026-03-04T02:56:00Z", "incidents": 6, "firstFault": fault, "newestFault": fault });
    let mut healthy = with("/progress", plan(broken).await["progress"].clone());
    healthy["stepResult"] = json!({ "is": "accepted", "operationId": "op-8" });
    healthy["look"]["assessment"] = json!({ "is": "healthy", "since": "2026-03-04T03:01:00Z" });
    healthy["look"]["observation"]["application"]["versionId"] = json!(8);
    let remember = plan(healthy).await["remember"].clone();
    assert_eq!(remember["names"]["#failed"], "failed 7", "{remember}");
    let failed = remember["values"][":failed"]["S"].as_str().expect("a text");
    assert!(
        failed.starts_with(NOW) && failed.contains("a.B: no number # in enrich"),
        "{failed}"
    );
}

#[tokio::test]
async fn the_report_says_what_was_done_what_is_replayed_and_what_a_pipeline_would_undo() {
    let first = plan(looping()).await;
    let mut healthy = with("/progress", first["progress"].clone());
    healthy["stepResult"] = json!({ "is": "accepted", "operationId": "op-8" });
    healthy["look"]["assessment"] = json!({ "is": "healthy", "since": "2026-03-04T03:01:00Z" });
    healthy["look"]["observation"]["application"]["versionId"] = json!(8);
    healthy["look"]["observation"]["application"]["versionRolledBackFrom"] = json!(7);
    let last = plan(healthy).await;
    assert_eq!(last["action"], "recovered", "{last}");
    let report = &last["report"];
    assert_eq!(report["detail"]["outcome"], "recovered");
    assert_eq!(
        report["detail"]["application"],
        json!({ "status": "RUNNING", "versionId": 8, "runtime": "FLINK-1_20" })
    );
    assert_eq!(
        report["detail"]["rescue"]["snapshot"]["chosen"]["name"],
        "before"
    );
    let text = report["text"].as_str().expect("a text");
    assert_eq!(
        report["subject"],
        "[FIXED] orders: deployment rolled back, running again - revert version 7 in your pipeline"
    );
    for part in [
        "orders is processing again. Version 7 failed. Lifeguard rolled it back to version 6.\n\n",
        "\nDO THIS    Revert or fix version 7 in Terraform, CloudFormation or your pipeline",
        "\nIMPACT     Down 9 min (02:52:00 to 03:01:00 UTC). Input since 02:50:05 (the snapshot) was processed again, up to 1 min 55 s of it twice.\n",
        "\nDONE       03:00:00 RollbackApplication 7 -> 6: accepted\n",
        "\nPOLICY     act; soak 5 min 3 s; 2 of 2 rescues left today\n",
        "/states/home?region=us-east-1#/v2/executions/details/arn:aws:states:us-east-1:123456789012:execution:remediate:one\n",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[tokio::test]
async fn subjects_fit_sns() {
    let mut event = with("/look/observation/application/name", json!("ö".repeat(80)));
    event["look"]["observation"]["tags"] = json!({});
    let subject = plan(event).await["report"]["subject"]
        .as_str()
        .expect("a subject")
        .to_owned();
    assert!(
        subject.is_ascii() && (1..100).contains(&subject.len()),
        "{subject}"
    );
}

#[tokio::test]
async fn in_observe_mode_the_same_event_changes_nothing_and_says_so() {
    let answer = plan_as("observe", looping())
        .await
        .expect("the event is complete");
    assert_eq!(
        (&answer["action"], &answer["because"]),
        (&json!("escalate"), &json!("observeOnly"))
    );
    assert!(
        answer["report"]["text"]
            .as_str()
            .expect("a text")
            .contains("Lifeguard changed nothing.")
    );
}

#[tokio::test]
async fn an_event_that_does_not_parse_is_bad_input() {
    for event in [
        json!({}),
        json!(7),
        with("/request", json!({ "action": "explode" })),
        with("/request", json!({ "action": "rollback", "quickly": true })),
        with(
            "/request",
            json!({ "action": "restore", "applicationVersionId": "six" }),
        ),
        with("/startedAt", json!("yesterday")),
    ] {
        let told = event.to_string();
        assert_eq!(
            plan_as("act", event).await.expect_err(&told).error_type,
            ErrorType::BadInput
        );
    }
}

/// As the state machine reads it out of the table.
fn thrown() -> Value {
    json!({ "table": "lifeguard-Ledger", "item": { "pk": { "S": "*" }, "sk": { "S": "stop" }, "by": { "S": "mia" }, "why": { "S": "region in trouble" } } })
}

#[tokio::test]
async fn the_stop_switch_ends_it_with_the_commands_that_go_on() {
    let mut event = looping();
    event["stop"] = thrown();
    let answer = plan(event.clone()).await;
    assert_eq!(
        (&answer["action"], &answer["because"], &answer["spend"]),
        (&json!("escalate"), &json!("stopSwitch"), &Value::Null),
        "{answer}"
    );
    assert_eq!(answer["progress"]["steps"], json!([]));
    assert_eq!(answer["report"]["mail"]["severity"], "page");
    let report = &answer["report"];
    let text = [&report["subject"], &report["text"]]
        .map(|part| part.as_str().unwrap())
        .join("\n");
    for part in [
        "thrown by mia: region in trouble",
        "Lifeguard changed nothing.",
        "[ACTION NEEDED] orders: held by the stop switch - lift it",
        r#"aws dynamodb delete-item --table-name lifeguard-Ledger --key '{"pk":{"S":"*"},"sk":{"S":"stop"}}'"#,
        r#"aws stepfunctions start-execution --state-machine-arn arn:aws:states:us-east-1:123456789012:stateMachine:remediate --input '{"applicationName":"orders"}'"#,
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    // A request is repeated as it was made.
    event["request"] = json!({ "action": "rollback" });
    let asked = plan(event.clone()).await;
    let text = asked["report"]["text"].as_str().unwrap();
    assert!(
        text.contains(r#""request":{"action":"rollback"}"#),
        "{text}"
    );
    // It is there, whatever it says.
    event["stop"] = json!({ "item": { "pk": { "S": "*" }, "by": { "N": "7" } } });
    assert_eq!(plan(event.clone()).await["because"], "stopSwitch");
    event["stop"] = json!({ "table": "t", "unreadable": "States.Timeout" });
    assert_eq!(plan(event.clone()).await["because"], "stopSwitchUnreadable");
    event["stop"] = Value::Null;
    assert_eq!(plan(event).await["action"], "rollback");
}

#[tokio::test]
async fn what_lifeguard_left_down_is_in_the_subject() {
    let step = |step: &str, result: Value| json!({ "step": step, "at": "2026-03-04T02:59:10Z", "versionId": 7, "result": result });
    let mut event = with("/look/observation/application/status", json!("READY"));
    event["look"]["assessment"] = json!({ "is": "stopped", "why": "force-stopped" });
    event["stop"] = thrown();
    event["progress"] = json!({
        "rescue": {
            "faultyVersionId": 7, "goodVersionId": 6, "goodRuntime": "FLINK-1_20", "cutoff": "2026-03-04T02:51:00Z", "faultAt": "2026-03-04T02:52:00Z",
            "because": "looping", "snapshot": { "chosen": { "name": "before", "status": "READY", "versionId": 6, "createdAt": "2026-03-04T02:50:05Z", "runtime": "FLINK-1_20" }, "passedOver": [] }
        },
        "steps": [
            step("rollback", json!({ "is": "failed", "error": "Lifeguard.Refused", "message": "no" })),
            step("forceStop", json!({ "is": "accepted", "operationId": null }))
        ],
        "waitingSince": null
    });
    let answer = plan(event).await;
    assert_eq!(answer["because"], "stopSwitch", "{answer}");
    let subject = answer["report"]["subject"].as_str().unwrap();
    assert!(
        subject.contains("orders IS DOWN, stopped by Lifeguard"),
        "{subject}"
    );
    assert_eq!(answer["report"]["detail"]["isDown"], true);
    let text = answer["report"]["text"].as_str().unwrap();
    for part in [
        "orders IS DOWN (READY): Lifeguard stopped it.",
        "DO THIS    1. orders is down: start it with what is stored: aws kinesisanalyticsv2 start-application --application-name orders",
        r#""SnapshotName":"before""#,
        "DONE       02:59:10 RollbackApplication 7 -> 6: refused: no\n           02:59:10 StopApplication with Force, version 7: as planned; no operation of it is listed\n",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert_eq!(
        answer["report"]["detail"]["steps"]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn an_enhanced_snapshot_is_told_by_its_arn_and_what_bears_on_a_rescue_is_shown() {
    let mut event = with("/look/observation/application/status", json!("READY"));
    event["look"]["observation"]["application"]["snapshotMode"] = json!("ENHANCED_SNAPSHOTS");
    event["look"]["observation"]["application"]["customerKey"] = json!("arn:aws:kms:key");
    event["look"]["assessment"] = json!({ "is": "stopped", "why": "force-stopped" });
    event["stop"] = thrown();
    let enhanced = json!({ "arn": "arn:aws:kinesisanalytics:snapshot/before", "initiator": "SYSTEM", "source": { "is": "thisApplication" } });
    event["progress"] = json!({
        "rescue": {
            "faultyVersionId": 7, "goodVersionId": 6, "goodRuntime": "FLINK-1_20", "cutoff": "2026-03-04T02:51:00Z", "faultAt": "2026-03-04T02:52:00Z",
            "because": "looping", "snapshot": { "chosen": { "name": "before", "status": "READY", "versionId": 6, "createdAt": "2026-03-04T02:50:05Z", "runtime": "FLINK-1_20", "enhanced": enhanced }, "passedOver": [] }
        },
        "steps": [{ "step": "forceStop", "at": "2026-03-04T02:59:10Z", "versionId": 7, "result": { "is": "accepted", "operationId": null } }],
        "waitingSince": null
    });
    let answer = plan(event).await;
    let text = answer["report"]["text"].as_str().unwrap();
    for part in [
        r#""SnapshotArn":"arn:aws:kinesisanalytics:snapshot/before""#,
        "           snapshot mode ENHANCED_SNAPSHOTS\n           customer managed key arn:aws:kms:key\n",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert!(!text.contains("\"SnapshotName\""), "{text}");
}

#[tokio::test]
async fn what_is_left_alone_is_no_mail() {
    let healthy = json!({ "is": "healthy", "since": "2026-03-04T02:51:00Z" });
    let event = with("/look/assessment", healthy);
    let answer = plan(event.clone()).await;
    assert_eq!(answer["action"], "leaveAlone", "{answer}");
    assert_eq!(answer["report"]["mail"], Value::Null);
    let mut asked = event;
    asked["request"] = json!({ "action": "rollback", "nonsense": true });
    assert!(plan_as("act", asked).await.is_err(), "an unknown key");
}

#[tokio::test]
async fn every_report_says_what_is_odd_in_the_tags_and_what_is_left_of_the_day() {
    let healthy = json!({ "is": "healthy", "since": "2026-03-04T02:51:00Z" });
    let mut event = with("/look/assessment", healthy);
    event["look"]["observation"]["tags"] = json!({ "lifeguard:managed": "true", "lifeguard:soak": "ten", "lifeguard:mode": "observe" });
    event["ledger"] = json!({ "item": { "rescues 2026-03-04": { "SS": ["a"] } } });
    let report = plan(event).await["report"].clone();
    let text = report["text"].as_str().unwrap();
    let line = "POLICY     observe; soak 5 min 3 s; 1 of 2 rescues left today\n           the tag lifeguard:soak is \"ten\": write a duration";
    assert!(text.contains(line), "{text}");
    let policy = &report["detail"]["policy"];
    assert_eq!(
        (&policy["mode"], &policy["rescuesLeft"], &policy["soakSecs"]),
        (&json!("observe"), &json!(1), &json!(303))
    );
    assert!(policy["findings"][0].as_str().unwrap().contains("soak"));

    let mut event = with(
        "/look/observation/tags",
        json!({ "lifeguard:managed": "yes" }),
    );
    event["ledger"] = json!({ "unreadable": "DynamoDB.SdkClientException" });
    let report = plan(event).await["report"].clone();
    let text = report["text"].as_str().unwrap();
    for part in [
        "not opted in",
        "how many are left could not be read",
        "lifeguard:managed is \"yes\": write true or false",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[tokio::test]
async fn what_was_sent_is_told_by_the_operations_where_the_answer_was_lost() {
    let first = plan(looping()).await;
    let mut healthy = with("/progress", first["progress"].clone());
    healthy["stepResult"] =
        json!({ "is": "failed", "error": "States.Timeout", "message": "no answer" });
    healthy["look"]["assessment"] = json!({ "is": "healthy", "since": "2026-03-04T03:02:00Z" });
    let rollback = json!({
        "id": "op-8", "name": "RollbackApplication", "status": "SUCCESSFUL", "startedAt": "2026-03-04T03:00:01Z", "endedAt": "2026-03-04T03:01:12Z",
        "failure": null, "rollbackOperationId": null
    });
    let operations = &mut healthy["look"]["observation"]["operations"];
    operations.as_array_mut().unwrap().insert(0, rollback);
    healthy["look"]["observation"]["application"]["versionId"] = json!(8);
    healthy["look"]["observation"]["application"]["versionRolledBackFrom"] = json!(7);
    let report = plan(healthy).await["report"].clone();
    let text = report["text"].as_str().unwrap();
    for part in [
        "DONE       03:00:01 RollbackApplication 7 -> 6: no answer (States.Timeout), but done after 1 min 11 s\n",
        "Revert or fix version 7 in Terraform",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[tokio::test]
async fn a_rollback_by_the_service_is_told_with_what_brings_the_version_back() {
    let mut event = with(
        "/look/assessment",
        json!({ "is": "healthy", "since": "2026-03-04T02:51:00Z" }),
    );
    event["look"]["observation"]["application"]["systemRollbackEnabled"] = json!(true);
    event["look"]["observation"]["application"]["versionRolledBackFrom"] = json!(6);
    let answer = plan(event).await;
    assert_eq!(answer["because"], "systemRolledBack", "{answer}");
    let report = &answer["report"];
    assert_eq!(
        report["subject"],
        "[ACTION NEEDED] orders: rolled back by the service - revert version 6 in your pipeline"
    );
    let text = report["text"].as_str().unwrap();
    assert!(
        text.contains("DO THIS    Revert or fix version 6 in Terraform"),
        "{text}"
    );
    assert!(
        report["detail"]["drift"]
            .as_str()
            .unwrap()
            .contains("version 6")
    );
}

#[tokio::test]
async fn what_never_came_up_is_down_since_its_operation_began_and_nothing_is_processed_twice() {
    let first = plan(looping()).await;
    let mut healthy = with("/progress", first["progress"].clone());
    healthy["stepResult"] = json!({ "is": "accepted", "operationId": "op-8" });
    healthy["look"]["assessment"] = json!({ "is": "healthy", "since": "2026-03-04T03:01:00Z" });
    healthy["look"]["observation"]["application"]["versionId"] = json!(8);
    let rescue = &mut healthy["progress"]["rescue"];
    rescue["faultAt"] = json!("2026-03-04T02:51:00Z");
    rescue["cutoff"] = json!("2026-03-04T02:51:30Z");
    let report = plan(healthy).await["report"].clone();
    let text = report["text"].as_str().unwrap();
    let line = "IMPACT     Down at most 11 min (02:50:00 to 03:01:00 UTC). Input since 02:50:05 (the snapshot) was processed again.\n";
    assert!(text.contains(line), "{text}");
    assert_eq!(
        report["detail"]["impact"],
        json!({
            "downFrom": "2026-03-04T02:50:00Z", "processingAt": "2026-03-04T03:01:00Z", "downSecs": 660,
            "readAgainFrom": "2026-03-04T02:50:05Z", "processedTwiceSecs": null,
        })
    );
}

/// The update took its snapshot for minutes while the job ran on.
#[tokio::test]
async fn what_ran_on_during_a_slow_update_is_down_since_it_stopped() {
    let mut event = looping();
    event["look"]["observation"]["application"]["versionCreatedAt"] = json!("2026-03-04T02:45:00Z");
    event["look"]["observation"]["operations"][0]["startedAt"] = json!("2026-03-04T02:45:00Z");
    let first = plan(event.clone()).await;
    event["progress"] = first["progress"].clone();
    event["progress"]["rescue"]["faultAt"] = json!("2026-03-04T02:51:00Z");
    event["stepResult"] = json!({ "is": "accepted", "operationId": "op-8" });
    event["look"]["assessment"] = json!({ "is": "healthy", "since": "2026-03-04T03:01:00Z" });
    event["look"]["observation"]["application"]["versionId"] = json!(8);
    // The run before ended at 02:50, in the minute that began at 02:49; an old one says nothing, and one that goes on has not ended.
    for (until, down_from) in [
        ("2026-03-04T02:50:00Z", "2026-03-04T02:49:00Z"),
        ("2026-03-04T02:40:00Z", "2026-03-04T02:45:00Z"),
        ("2026-03-04T02:57:00Z", "2026-03-04T02:45:00Z"),
    ] {
        let mut event = event.clone();
        event["look"]["watch"]["history"]["spans"][0]["until"] = json!(until);
        let report = plan(event).await["report"].clone();
        assert_eq!(report["detail"]["impact"]["downFrom"], down_from, "{until}");
    }
}

#[tokio::test]
async fn what_still_loops_has_no_time_to_recover() {
    let mut event = looping();
    event["stop"] = thrown();
    let report = plan(event).await["report"].clone();
    assert_eq!(report["detail"]["impact"], Value::Null);
    assert!(!report["text"].as_str().unwrap().contains("IMPACT"));
}

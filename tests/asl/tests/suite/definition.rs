//! What a definition must be: each row is a document and what its refusal names.

use crate::support::{RESOURCE, document, one, task};
use asl::Definition;
use serde_json::{Value, json};

fn refusal(machine: Value) -> String {
    Definition::parse(&document(machine.clone()))
        .map(|_| ())
        .expect_err(&machine.to_string())
        .to_string()
}

fn refused(rows: Vec<(Value, &str)>) {
    for (machine, names) in rows {
        let refusal = refusal(machine.clone());
        assert!(
            refusal.contains(names),
            "{refusal:?} should name {names:?}, of {machine}"
        );
    }
}

fn pass() -> Value {
    json!({ "Type": "Pass", "End": true })
}

#[test]
fn a_definition_of_every_kind_of_state_is_read() {
    let machine = json!({ "Comment": "all", "Version": "1.0", "TimeoutSeconds": 60, "StartAt": "Pass", "States": {
        "Pass": { "Type": "Pass", "Comment": "a sentence", "QueryLanguage": "JSONata", "Next": "Task", "Assign": { "n": "{% 1 %}" }, "Output": {} },
        "Task": { "Type": "Task", "Resource": "arn:aws:states:::dynamodb:putItem", "Arguments": {}, "TimeoutSeconds": 5, "Next": "Wait",
            "Retry": [{ "ErrorEquals": ["A", "States.TaskFailed"], "IntervalSeconds": 1, "BackoffRate": 1.5, "MaxAttempts": 0, "MaxDelaySeconds": 9, "JitterStrategy": "NONE", "Comment": "c" }],
            "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Fail", "Comment": "c", "Output": "{% $states.errorOutput %}" }] },
        "Wait": { "Type": "Wait", "Seconds": 3, "Next": "Choice" },
        "Choice": { "Type": "Choice", "Choices": [{ "Condition": "{% $n = 1 %}", "Next": "Parallel", "Comment": "c" }] },
        "Parallel": { "Type": "Parallel", "Branches": [{ "StartAt": "In", "Comment": "c", "States": { "In": { "Type": "Succeed" } } }], "Next": "Map" },
        "Map": { "Type": "Map", "Items": [1], "MaxConcurrency": 1, "ItemProcessor": { "StartAt": "Item", "States": { "Item": pass() } }, "Next": "Lambda" },
        "Lambda": { "Type": "Task", "Resource": "arn:aws:lambda:eu-central-1:123456789012:function:f", "Next": "Succeed" },
        "Succeed": { "Type": "Succeed" },
        "Fail": { "Type": "Fail", "Error": "E", "Cause": "c" },
    }});
    let definition = Definition::parse(&document(machine)).unwrap();
    assert_eq!(definition.comment.as_deref(), Some("all"));
}

#[test]
fn the_query_language_is_said_and_is_jsonata() {
    assert!(
        Definition::parse(&one(pass()).to_string())
            .unwrap_err()
            .to_string()
            .contains("QueryLanguage")
    );
    let mut state = pass();
    state["QueryLanguage"] = json!("JSONPath");
    refused(vec![(one(state), "JSONPath")]);
    assert!(
        Definition::parse("{")
            .unwrap_err()
            .to_string()
            .contains("not JSON")
    );
}

#[test]
fn what_is_not_known_is_refused_by_name() {
    let with = |state: Value, key: &str, value: Value| {
        let mut state = state;
        state[key] = value;
        one(state)
    };
    let mut top = one(pass());
    top["Loop"] = json!(true);
    refused(vec![
        (top, "Loop"),
        (with(pass(), "Parameters", json!({})), "Parameters"),
        (with(pass(), "Result", json!(1)), "Result"),
        (with(pass(), "Output", json!({ "a.$": "$.b" })), "a.$"),
        (with(pass(), "Type", json!("Loop")), "Loop"),
        (
            with(task(json!({})), "Credentials", json!({})),
            "Credentials",
        ),
        (
            with(
                task(json!({})),
                "Resource",
                json!("arn:aws:states:::ecs:runTask.sync"),
            ),
            "sync",
        ),
        (
            with(
                task(json!({})),
                "Resource",
                json!("arn:aws:states:eu:1:activity:a"),
            ),
            "Resource",
        ),
        (
            with(
                task(json!({})),
                "Retry",
                json!([{ "ErrorEquals": ["A"], "Interval": 1 }]),
            ),
            "Interval",
        ),
        (
            with(json!({ "Type": "Succeed" }), "Assign", json!({ "a": 1 })),
            "Assign",
        ),
        (
            with(json!({ "Type": "Fail" }), "Output", json!(1)),
            "Output",
        ),
        (
            with(
                json!({ "Type": "Choice", "Choices": [{ "Condition": true, "Next": "One" }] }),
                "Assign",
                json!({ "a": 1 }),
            ),
            "no agreed meaning",
        ),
        (
            with(
                json!({ "Type": "Map", "End": true }),
                "ItemProcessor",
                json!({ "ProcessorConfig": { "Mode": "DISTRIBUTED" }, "StartAt": "I", "States": { "I": pass() } }),
            ),
            "DISTRIBUTED",
        ),
        (
            with(
                json!({ "Type": "Map", "End": true, "ItemProcessor": { "StartAt": "I", "States": { "I": pass() } } }),
                "ItemReader",
                json!({}),
            ),
            "ItemReader",
        ),
    ]);
}

#[test]
fn every_way_leads_somewhere_and_every_state_is_reached() {
    let states = |states: Value| json!({ "StartAt": "A", "States": states });
    refused(vec![
        (json!({ "States": { "A": pass() } }), "StartAt"),
        (
            json!({ "StartAt": "B", "States": { "A": pass() } }),
            "StartAt",
        ),
        (json!({ "StartAt": "A" }), "States"),
        (
            states(json!({ "A": { "Type": "Pass" } })),
            "Next or \"End\"",
        ),
        (
            states(json!({ "A": { "Type": "Pass", "Next": "A", "End": true } })),
            "Next or \"End\"",
        ),
        (
            states(json!({ "A": { "Type": "Pass", "Next": "B" } })),
            "\"B\"",
        ),
        (
            states(json!({ "A": pass(), "B": pass() })),
            "nothing leads to state \"B\"",
        ),
        (
            states(
                json!({ "A": { "Type": "Choice", "Choices": [{ "Condition": true, "Next": "B" }] } }),
            ),
            "\"B\"",
        ),
        (
            states(
                json!({ "A": { "Type": "Choice", "Choices": [{ "Condition": true, "Next": "A" }], "Default": "B" } }),
            ),
            "\"B\"",
        ),
        (
            states(json!({ "A": { "Type": "Choice", "Choices": [] } })),
            "Choices",
        ),
        (
            states(
                json!({ "A": task(json!({ "Catch": [{ "ErrorEquals": ["X"], "Next": "B" }] })) }),
            ),
            "\"B\"",
        ),
        (
            states(
                json!({ "A": { "Type": "Parallel", "End": true, "Branches": [{ "StartAt": "I", "States": { "I": { "Type": "Pass", "Next": "A" } } }] } }),
            ),
            "\"A\"",
        ),
        (
            states(json!({ "A": { "Type": "Parallel", "End": true, "Branches": [] } })),
            "Branches",
        ),
        (
            states(
                json!({ "A": { "Type": "Parallel", "End": true, "Branches": [{ "StartAt": "A", "States": { "A": pass() } }] } }),
            ),
            "two states",
        ),
    ]);
}

#[test]
fn values_out_of_range_are_refused() {
    let retry = |rest: Value| {
        let mut entry = json!({ "ErrorEquals": ["A"] });
        entry
            .as_object_mut()
            .unwrap()
            .extend(rest.as_object().unwrap().clone());
        one(task(json!({ "Retry": [entry] })))
    };
    refused(vec![
        (retry(json!({ "IntervalSeconds": 0 })), "IntervalSeconds"),
        (retry(json!({ "BackoffRate": 0.5 })), "BackoffRate"),
        (retry(json!({ "MaxAttempts": -1 })), "MaxAttempts"),
        (retry(json!({ "MaxDelaySeconds": 1 })), "MaxDelaySeconds"),
        (retry(json!({ "JitterStrategy": "SOME" })), "SOME"),
        (retry(json!({ "ErrorEquals": [] })), "ErrorEquals"),
        (
            retry(json!({ "ErrorEquals": ["States.ALL", "A"] })),
            "alone",
        ),
        (
            retry(json!({ "ErrorEquals": ["States.Everything"] })),
            "States.Everything",
        ),
        (
            one(task(
                json!({ "Retry": [{ "ErrorEquals": ["States.ALL"] }, { "ErrorEquals": ["A"] }] }),
            )),
            "last",
        ),
        (one(task(json!({ "TimeoutSeconds": 0 }))), "TimeoutSeconds"),
        (
            one(task(json!({ "TimeoutSeconds": "5" }))),
            "TimeoutSeconds",
        ),
        (one(task(json!({ "HeartbeatSeconds": 5 }))), "heartbeat"),
        (
            one(task(
                json!({ "Resource": crate::support::TOKEN_RESOURCE, "HeartbeatSeconds": 5, "TimeoutSeconds": 5 }),
            )),
            "HeartbeatSeconds",
        ),
        (
            one(json!({ "Type": "Wait", "End": true })),
            "Seconds or Timestamp",
        ),
        (
            one(
                json!({ "Type": "Wait", "End": true, "Seconds": 1, "Timestamp": "2026-01-01T00:00:00Z" }),
            ),
            "Seconds or Timestamp",
        ),
        (
            one(json!({ "Type": "Wait", "End": true, "Seconds": 1.5 })),
            "whole",
        ),
        (
            one(json!({ "Type": "Wait", "End": true, "Timestamp": "tomorrow" })),
            "tomorrow",
        ),
        (
            one(json!({ "Type": "Choice", "Choices": [{ "Condition": "yes", "Next": "One" }] })),
            "Condition",
        ),
        (
            one(json!({ "Type": "Pass", "End": true, "Assign": { "states": 1 } })),
            "states",
        ),
        (
            one(json!({ "Type": "Pass", "End": true, "Assign": { "1x": 1 } })),
            "1x",
        ),
        (
            one(json!({ "Type": "Pass", "End": true, "Assign": [] })),
            "Assign",
        ),
    ]);
}

#[test]
fn expressions_are_checked_when_they_are_read() {
    let output =
        |text: &str| one(json!({ "Type": "Pass", "End": true, "Output": { "deep": [text] } }));
    refused(vec![
        (output("{% 1 + %}"), "Output/deep/0"),
        (output("{% $states.input.a ?? 1 %}"), "`??`"),
        (output("{% $eval('1') %}"), "$eval"),
        (output("before {% 1 %}"), "whole string"),
        (output("{% 1 % }"), "whole string"),
        (output("{% $never %}"), "nothing assigns $never"),
        (
            output("{% $states.result %}"),
            "$states.result is not there",
        ),
        (
            output("{% $states.errorOutput %}"),
            "$states.errorOutput is not there",
        ),
        (
            one(task(json!({ "Arguments": "{% $states.result %}" }))),
            "$states.result is not there",
        ),
        (
            one(task(
                json!({ "Catch": [{ "ErrorEquals": ["A"], "Next": "One", "Output": "{% $states.result %}" }] }),
            )),
            "$states.result is not there",
        ),
    ]);
}

#[test]
fn a_branch_reads_the_variables_around_it_and_sets_only_its_own() {
    let machine = |inner: Value| {
        json!({ "StartAt": "Set", "States": {
            "Set": { "Type": "Pass", "Next": "Both", "Assign": { "outer": 1 } },
            "Both": { "Type": "Parallel", "Next": "After", "Branches": [{ "StartAt": "In", "States": { "In": inner } }] },
            "After": { "Type": "Pass", "End": true } } })
    };
    let fine = json!({ "Type": "Pass", "End": true, "Assign": { "inner": "{% $outer %}" } });
    assert!(Definition::parse(&document(machine(fine.clone()))).is_ok());
    let mut leaks = machine(fine);
    leaks["States"]["After"]["Output"] = json!("{% $inner %}");
    refused(vec![
        (
            machine(json!({ "Type": "Pass", "End": true, "Assign": { "outer": 2 } })),
            "$outer",
        ),
        (leaks, "nothing assigns $inner"),
    ]);
}

#[test]
fn a_resource_is_an_arn_of_an_integration() {
    for resource in ["f", "arn:aws:states:::lambda", "arn:aws:s3:::bucket", ""] {
        assert!(
            refusal(one(task(json!({ "Resource": resource })))).contains("Resource"),
            "{resource}"
        );
    }
    assert!(Definition::parse(&document(one(task(json!({ "Resource": RESOURCE }))))).is_ok());
}

#[test]
fn a_key_that_stands_twice_is_refused() {
    let text = r#"{ "QueryLanguage": "JSONata", "StartAt": "A", "States": { "A": { "Type": "Succeed" }, "A": { "Type": "Fail" } } }"#;
    let refusal = Definition::parse(text).unwrap_err().to_string();
    assert!(refusal.contains("\"A\" stands twice"), "{refusal}");
}

//! What each kind of state does with its input, its variables and its errors.

use crate::support::{RESOURCE, Region, Script, one, task};
use asl::{ExecutionView, Status};
use serde_json::{Value, json};

async fn outcome(machine: Value, input: Value) -> Result<Value, String> {
    run(Script::default(), machine, input).await.1
}

async fn run(script: Script, machine: Value, input: Value) -> (Region, Result<Value, String>) {
    let region = Region::new(script);
    let view = region.run(machine, input).await;
    let result = answer(&view);
    (region, result)
}

fn answer(view: &ExecutionView) -> Result<Value, String> {
    match view.status {
        Status::Succeeded => Ok(view.output.clone().unwrap()),
        _ => Err(view.error.clone().unwrap_or_default()),
    }
}

#[tokio::test(start_paused = true)]
async fn one_state_gives_the_output_it_should() {
    let rows = [
        (
            "a Pass hands its input on",
            json!({ "Type": "Pass", "End": true }),
            json!({ "a": 1.0, "b": [] }),
            Ok(json!({ "a": 1.0, "b": [] })),
        ),
        (
            "its Output replaces it",
            json!({ "Type": "Pass", "End": true, "Output": { "n": "{% $states.input.a + 1 %}", "s": "a" } }),
            json!({ "a": 1 }),
            Ok(json!({ "n": 2, "s": "a" })),
        ),
        (
            "expressions stand anywhere",
            json!({ "Type": "Pass", "End": true, "Output": [1, ["{% $states.input %}"], { "k": "{% 'x' & 'y' %}" }] }),
            json!("i"),
            Ok(json!([1, ["i"], { "k": "xy" }])),
        ),
        (
            "the context tells who runs",
            json!({ "Type": "Pass", "End": true, "Output": "{% $states.context.[Execution.Name, Execution.StartTime, Execution.Input.a, State.Name, State.EnteredTime, State.RetryCount, StateMachine.Name] %}" }),
            json!({ "a": 5 }),
            Ok(json!([
                "e",
                "2026-03-01T12:00:00.000Z",
                5,
                "One",
                "2026-03-01T12:00:00.000Z",
                0,
                "m"
            ])),
        ),
        (
            "a Succeed may have an Output",
            json!({ "Type": "Succeed", "Output": "{% $states.input.a %}" }),
            json!({ "a": [1] }),
            Ok(json!([1])),
        ),
        (
            "a Fail names its error",
            json!({ "Type": "Fail", "Error": "Lifeguard.Escalated", "Cause": "{% 'because ' & $states.input %}" }),
            json!("x"),
            Err("Lifeguard.Escalated".to_owned()),
        ),
        (
            "a Fail's error may be an expression",
            json!({ "Type": "Fail", "Error": "{% $states.input %}" }),
            json!("Boom"),
            Err("Boom".to_owned()),
        ),
        (
            "a Fail may have no error",
            json!({ "Type": "Fail" }),
            json!({}),
            Err(String::new()),
        ),
        (
            "a Fail's error must be a string",
            json!({ "Type": "Fail", "Error": "{% 1 %}" }),
            json!({}),
            Err("States.QueryEvaluationError".to_owned()),
        ),
        (
            "nothing is an error",
            json!({ "Type": "Pass", "End": true, "Output": "{% $states.input.none %}" }),
            json!({}),
            Err("States.QueryEvaluationError".to_owned()),
        ),
        (
            "so is a type error",
            json!({ "Type": "Pass", "End": true, "Output": { "x": "{% 1 + 'a' %}" } }),
            json!({}),
            Err("States.QueryEvaluationError".to_owned()),
        ),
        (
            "so is a condition that is no boolean",
            json!({ "Type": "Choice", "Choices": [{ "Condition": "{% 1 %}", "Next": "One" }] }),
            json!({}),
            Err("States.QueryEvaluationError".to_owned()),
        ),
        (
            "so is a wait that is no number",
            json!({ "Type": "Wait", "Seconds": "{% 'a' %}", "End": true }),
            json!({}),
            Err("States.QueryEvaluationError".to_owned()),
        ),
        (
            "and a wait until no time",
            json!({ "Type": "Wait", "Timestamp": "{% 'a' %}", "End": true }),
            json!({}),
            Err("States.QueryEvaluationError".to_owned()),
        ),
        (
            "a Choice without a match and a Default fails",
            json!({ "Type": "Choice", "Choices": [{ "Condition": false, "Next": "One" }] }),
            json!({}),
            Err("States.NoChoiceMatched".to_owned()),
        ),
    ];
    for (what, state, input, expected) in rows {
        assert_eq!(outcome(one(state), input).await, expected, "{what}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_choice_takes_the_first_rule_that_holds_with_its_own_assign_and_output() {
    let machine = json!({ "StartAt": "Set", "States": {
        "Set": { "Type": "Pass", "Next": "Pick", "Assign": { "way": "none" } },
        "Pick": { "Type": "Choice", "Default": "End", "Choices": [
            { "Condition": "{% $states.input.n > 10 %}", "Next": "End", "Assign": { "way": "{% 'big ' & $states.input.n %}" } },
            { "Condition": "{% $states.input.n > 5 %}", "Next": "End", "Assign": { "way": "medium" }, "Output": "m" },
            { "Condition": "{% $states.input.n > 4 %}", "Next": "End", "Assign": { "way": "unused" } },
        ]},
        "End": { "Type": "Pass", "End": true, "Output": ["{% $way %}", "{% $states.input %}"] },
    }});
    for (n, expected) in [
        (11, json!(["big 11", { "n": 11 }])),
        (6, json!(["medium", "m"])),
        (1, json!(["none", { "n": 1 }])),
    ] {
        assert_eq!(
            outcome(machine.clone(), json!({ "n": n })).await,
            Ok(expected)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn assign_and_output_see_the_variables_as_they_were() {
    let machine = json!({ "StartAt": "A", "States": {
        "A": { "Type": "Pass", "Next": "B", "Assign": { "x": 1, "y": { "deep": "{% $states.input %}" } } },
        "B": { "Type": "Pass", "Next": "C", "Assign": { "x": "{% $y.deep %}", "y": "{% $x %}" }, "Output": "{% $x %}" },
        "C": { "Type": "Pass", "End": true, "Output": { "x": "{% $x %}", "y": "{% $y %}", "input": "{% $states.input %}" } },
    }});
    assert_eq!(
        outcome(machine, json!(7)).await,
        Ok(json!({ "x": 7, "y": 1, "input": 1 }))
    );
}

#[tokio::test(start_paused = true)]
async fn a_task_gets_its_arguments_and_its_result_is_its_output() {
    let script = Script::default().then(
        0,
        Ok(json!({ "Payload": { "n": 3 }, "ExecutedVersion": "1" })),
    );
    let state = task(
        json!({ "Arguments": { "FunctionName": "f", "Payload": "{% $states.input %}" }, "Assign": { "n": "{% $states.result.Payload.n %}" } }),
    );
    let (region, result) = run(script, one(state), json!({ "a": 1 })).await;
    assert_eq!(
        result,
        Ok(json!({ "Payload": { "n": 3 }, "ExecutedVersion": "1" }))
    );
    let call = &region.script.calls()[0];
    assert_eq!(
        (
            call.resource.as_str(),
            call.state.as_str(),
            &call.task_token
        ),
        (RESOURCE, "One", &None)
    );
    assert_eq!(
        call.arguments,
        json!({ "FunctionName": "f", "Payload": { "a": 1 } })
    );
    assert_eq!(
        call.execution_arn,
        "arn:aws:states:eu-central-1:123456789012:execution:m:e"
    );
    assert_eq!(
        call.state_machine_arn,
        "arn:aws:states:eu-central-1:123456789012:stateMachine:m"
    );
    assert_eq!(
        outcome(one(task(json!({}))), json!({ "a": 1 })).await,
        Ok(json!({ "a": 1 })),
        "without Arguments the input is handed over"
    );
}

#[tokio::test(start_paused = true)]
async fn a_caught_error_leads_on_with_its_output_and_variables() {
    let machine = json!({ "StartAt": "One", "States": {
        "One": task(json!({ "Catch": [
            { "ErrorEquals": ["Other"], "Next": "Plain" },
            { "ErrorEquals": ["Lifeguard.Stale", "More"], "Next": "Told", "Assign": { "error": "{% $states.errorOutput.Error %}" },
              "Output": { "was": "{% $states.input %}", "cause": "{% $states.errorOutput.Cause %}" } },
            { "ErrorEquals": ["States.ALL"], "Next": "Plain" } ], "Assign": { "error": "none" } })),
        "Plain": { "Type": "Succeed" },
        "Told": { "Type": "Pass", "End": true, "Output": ["{% $error %}", "{% $states.input %}"] },
    }});
    let caught = |error| {
        run(
            Script::default().then(0, Err(error)),
            machine.clone(),
            json!(5),
        )
    };
    let told = json!(["Lifeguard.Stale", { "was": 5, "cause": "Lifeguard.Stale happened" }]);
    assert_eq!(caught("Lifeguard.Stale").await.1, Ok(told));
    assert_eq!(
        caught("Unheard").await.1,
        Ok(json!({ "Error": "Unheard", "Cause": "Unheard happened" }))
    );
    assert_eq!(
        caught("States.Runtime").await.1,
        Err("States.Runtime".to_owned()),
        "terminal errors pass States.ALL by"
    );
}

#[tokio::test(start_paused = true)]
async fn a_query_error_in_any_field_of_a_task_can_be_caught() {
    for (what, field) in [
        (
            "Arguments",
            json!({ "Arguments": "{% $states.input.none %}" }),
        ),
        ("Output", json!({ "Output": "{% $states.result.none %}" })),
        (
            "Assign/x",
            json!({ "Assign": { "x": "{% $states.result.none %}" } }),
        ),
        ("TimeoutSeconds", json!({ "TimeoutSeconds": "{% 0 %}" })),
    ] {
        let mut machine = json!({ "StartAt": "One", "States": { "One": task(field), "Caught": { "Type": "Succeed", "Output": "{% $states.input.Error %}" } } });
        machine["States"]["One"]["Catch"] =
            json!([{ "ErrorEquals": ["States.QueryEvaluationError"], "Next": "Caught" }]);
        let (region, result) = run(Script::default(), machine, json!({})).await;
        assert_eq!(result, Ok(json!("States.QueryEvaluationError")), "{what}");
        let history = region.sfn.history(&region.sfn.executions()[0].arn);
        let failed = history
            .iter()
            .find(|event| event["type"] == "EvaluationFailed")
            .unwrap();
        assert_eq!(failed["evaluationFailedEventDetails"]["location"], what);
        assert_eq!(failed["evaluationFailedEventDetails"]["state"], "One");
    }
}

#[tokio::test(start_paused = true)]
async fn too_large_a_payload_is_a_terminal_error() {
    let large = json!("x".repeat(256 * 1024));
    let catch_all = json!([{ "ErrorEquals": ["States.ALL"], "Next": "Caught" }]);
    let by_name = json!([{ "ErrorEquals": ["States.DataLimitExceeded"], "Next": "Caught" }]);
    for (catch, expected) in [
        (catch_all, Err("States.DataLimitExceeded".to_owned())),
        (by_name, Ok(json!("caught"))),
    ] {
        let state = task(json!({ "Catch": catch, "Retry": [{ "ErrorEquals": ["States.ALL"] }] }));
        let machine = json!({ "StartAt": "One", "States": { "One": state, "Caught": { "Type": "Succeed", "Output": "caught" } } });
        let (region, result) = run(
            Script::default().then(0, Ok(large.clone())),
            machine,
            json!({}),
        )
        .await;
        assert_eq!(result, expected);
        assert_eq!(region.script.calls().len(), 1, "it is not retried");
    }
    let arguments = task(json!({ "Arguments": "{% $pad('', 262145, 'x') %}" }));
    assert_eq!(
        outcome(one(arguments), json!({})).await,
        Err("States.DataLimitExceeded".to_owned())
    );
    let variable =
        json!({ "Type": "Pass", "End": true, "Assign": { "x": "{% $pad('', 262145, 'x') %}" } });
    assert_eq!(
        outcome(one(variable), json!({})).await,
        Err("States.DataLimitExceeded".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn branches_run_side_by_side_and_keep_their_variables_to_themselves() {
    let branch = |name: &str, seconds: u64| {
        let wait = format!("Wait{name}");
        let tell = format!("Tell{name}");
        json!({ "StartAt": wait, "States": {
            wait: { "Type": "Wait", "Seconds": seconds, "Next": tell, "Assign": { "own": name } },
            tell: { "Type": "Pass", "End": true, "Output": "{% $own & $outer & $states.input.a %}" } } })
    };
    let machine = json!({ "StartAt": "Set", "States": {
        "Set": { "Type": "Pass", "Next": "Both", "Assign": { "outer": "-" } },
        "Both": { "Type": "Parallel", "Branches": [branch("L", 30), branch("R", 10)], "Arguments": { "a": "{% $states.input %}" }, "Next": "After",
                  "Assign": { "first": "{% $states.result[0] %}" } },
        "After": { "Type": "Pass", "End": true, "Output": ["{% $first %}", "{% $states.input %}"] },
    }});
    let (region, result) = run(Script::default(), machine, json!(1)).await;
    assert_eq!(result, Ok(json!(["L-1", ["L-1", "R-1"]])));
    assert_eq!(region.seconds(), 30.0);
}

#[tokio::test(start_paused = true)]
async fn a_failing_branch_drops_the_others_and_can_be_caught_or_retried() {
    let machine = json!({ "StartAt": "Both", "States": {
        "Both": { "Type": "Parallel", "End": true, "Retry": [{ "ErrorEquals": ["Boom"], "MaxAttempts": 1 }], "Branches": [
            { "StartAt": "Slow", "States": { "Slow": task(json!({})) } },
            { "StartAt": "Fast", "States": { "Fast": { "Type": "Wait", "Seconds": 2, "Next": "Bad" },
                "Bad": { "Type": "Choice", "Choices": [{ "Condition": "{% $states.input.fail %}", "Next": "Broken" }], "Default": "Good" },
                "Good": { "Type": "Succeed" }, "Broken": { "Type": "Fail", "Error": "Boom" } } },
        ], "Catch": [{ "ErrorEquals": ["Boom"], "Next": "Caught" }] },
        "Caught": { "Type": "Succeed", "Output": "caught" },
    }});
    let script = Script::default()
        .then(60, Ok(json!(1)))
        .then(60, Ok(json!(2)));
    let (region, result) = run(script, machine.clone(), json!({ "fail": true })).await;
    assert_eq!(result, Ok(json!("caught")));
    assert_eq!(region.script.dropped(), ["Slow", "Slow"]);
    assert_eq!(
        region.seconds(),
        5.0,
        "two seconds, one second of delay, two seconds"
    );
    assert_eq!(
        outcome(machine, json!({ "fail": false })).await,
        Ok(json!([{ "fail": false }, { "fail": false }]))
    );
}

#[tokio::test(start_paused = true)]
async fn a_map_runs_its_items_in_bounded_numbers_and_keeps_their_order() {
    let machine = json!({ "StartAt": "Each", "States": { "Each": {
        "Type": "Map", "End": true, "Items": "{% $states.input.xs %}", "MaxConcurrency": 2,
        "ItemSelector": { "x": "{% $states.context.Map.Item.Value %}", "i": "{% $states.context.Map.Item.Index %}", "all": "{% $count($states.input.xs) %}" },
        "ItemProcessor": { "ProcessorConfig": { "Mode": "INLINE" }, "StartAt": "Nap", "States": {
            "Nap": { "Type": "Wait", "Seconds": "{% $states.input.x %}", "Next": "Tell" },
            "Tell": { "Type": "Pass", "End": true, "Output": "{% $states.input.i & ':' & $states.input.x & '/' & $states.input.all & $states.context.Map.Item.Index %}" } } } } } });
    let (region, result) = run(
        Script::default(),
        machine.clone(),
        json!({ "xs": [4, 1, 2, 1] }),
    )
    .await;
    assert_eq!(result, Ok(json!(["0:4/40", "1:1/41", "2:2/42", "3:1/43"])));
    assert_eq!(
        region.seconds(),
        4.0,
        "1, 2 and 1 follow each other beside the 4"
    );
    assert_eq!(
        outcome(machine.clone(), json!({ "xs": [] })).await,
        Ok(json!([]))
    );
    assert_eq!(
        outcome(machine, json!({ "xs": 1 })).await,
        Err("States.QueryEvaluationError".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_never_waits_ends_with_its_history() {
    let machine = json!({ "StartAt": "A", "States": { "A": { "Type": "Pass", "Next": "B" }, "B": { "Type": "Pass", "Next": "A" } } });
    assert_eq!(
        outcome(machine, json!({})).await,
        Err("States.Runtime".to_owned())
    );
}

//! The verbs over the wire, names and idempotency, the history's shape, determinism, and the hook.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use crate::support::{RESOURCE, ROLE, Region, Script, document, one, task};
use asl::{CreateError, ExecutionEvent, Status};
use serde_json::{Value, json};

fn nap(seconds: u64) -> Value {
    one(json!({ "Type": "Wait", "Seconds": seconds, "End": true }))
}

#[tokio::test(start_paused = true)]
async fn starting_twice_is_once_while_it_runs_and_a_conflict_afterwards() {
    let region = Region::new(Script::default());
    let arn = region.create(nap(60));
    let start = |name: &str, input: &str| {
        region.verb(
            "StartExecution",
            json!({ "stateMachineArn": arn, "name": name, "input": input }),
        )
    };
    let first = start("a", "{\"x\": 1}").await.unwrap();
    assert_eq!(
        first,
        json!({ "executionArn": "arn:aws:states:eu-central-1:123456789012:execution:m:a", "startDate": 1_772_366_400.0 })
    );
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(
        start("a", "{\"x\": 1}").await.unwrap(),
        first,
        "the running one is the answer"
    );
    assert_eq!(
        start("a", "{\"x\": 2}").await,
        Err("ExecutionAlreadyExists".to_owned())
    );
    assert_eq!(region.sfn.running(), 1);
    tokio::time::sleep(Duration::from_secs(40)).await;
    assert_eq!(
        start("a", "{\"x\": 1}").await,
        Err("ExecutionAlreadyExists".to_owned()),
        "a closed execution's name stays taken"
    );
    tokio::time::sleep(Duration::from_secs(91 * 24 * 3600)).await;
    assert!(start("a", "{\"x\": 1}").await.is_ok(), "for ninety days");
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_started_is_refused_with_the_models_errors() {
    let region = Region::new(Script::default());
    let arn = region.create(nap(1));
    let large = json!("x".repeat(256 * 1024)).to_string();
    for (body, code) in [
        (
            json!({ "stateMachineArn": "arn:none" }),
            "StateMachineDoesNotExist",
        ),
        (
            json!({ "stateMachineArn": arn, "name": "a b" }),
            "InvalidName",
        ),
        (
            json!({ "stateMachineArn": arn, "name": "a:b" }),
            "InvalidName",
        ),
        (json!({ "stateMachineArn": arn, "name": "" }), "InvalidName"),
        (
            json!({ "stateMachineArn": arn, "name": "x".repeat(81) }),
            "InvalidName",
        ),
        (
            json!({ "stateMachineArn": arn, "input": "{" }),
            "InvalidExecutionInput",
        ),
        (
            json!({ "stateMachineArn": arn, "input": large }),
            "InvalidExecutionInput",
        ),
        (
            json!({ "stateMachineArn": arn, "colour": "red" }),
            "ValidationException",
        ),
        (json!({ "name": "x" }), "ValidationException"),
    ] {
        assert_eq!(
            region.verb("StartExecution", body.clone()).await,
            Err(code.to_owned()),
            "{body:.80}"
        );
    }
    assert_eq!(
        region.verb("UpdateStateMachine", json!({})).await,
        Err("UnknownOperationException".to_owned())
    );
    for verb in [
        "DescribeExecution",
        "StopExecution",
        "RedriveExecution",
        "GetExecutionHistory",
    ] {
        assert_eq!(
            region
                .verb(verb, json!({ "executionArn": "arn:none" }))
                .await,
            Err("ExecutionDoesNotExist".to_owned())
        );
    }
    assert!(region.sfn.executions().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_redriven_execution_goes_on_at_its_last_state_with_its_old_variables() {
    let script = Script::default().then(0, Err("Boom"));
    let region = Region::new(script);
    let arn = region.create(json!({ "StartAt": "Remember", "States": {
        "Remember": { "Type": "Pass", "Assign": { "kept": "{% $states.input.x %}" }, "Next": "Try" },
        "Try": { "Type": "Task", "Resource": RESOURCE, "Arguments": { "kept": "{% $kept %}", "redrives": "{% $states.context.Execution.RedriveCount %}" }, "End": true } } }));
    let start = json!({ "stateMachineArn": arn, "name": "a", "input": "{\"x\":7}" });
    let started = region.verb("StartExecution", start).await.unwrap();
    let this = json!({ "executionArn": started["executionArn"] });
    let execution = started["executionArn"].as_str().unwrap();
    assert_eq!(
        region.verb("RedriveExecution", this.clone()).await,
        Err("ExecutionNotRedrivable".to_owned()),
        "it runs"
    );
    assert_eq!(region.sfn.finished(execution).await.status, Status::Failed);
    let redriven = region.verb("RedriveExecution", this.clone()).await.unwrap();
    assert!(redriven["redriveDate"].is_number(), "{redriven}");
    let ended = region.sfn.finished(execution).await;
    assert_eq!(
        (ended.status, ended.output),
        (Status::Succeeded, Some(json!({ "kept": 7, "redrives": 1 })))
    );
    let described = region
        .verb("DescribeExecution", this.clone())
        .await
        .unwrap();
    assert_eq!(
        (&described["redriveCount"], &described["redriveStatus"]),
        (&json!(1), &json!("NOT_REDRIVABLE"))
    );
    assert_eq!(
        region.verb("RedriveExecution", this).await,
        Err("ExecutionNotRedrivable".to_owned()),
        "it succeeded"
    );
}

#[tokio::test(start_paused = true)]
async fn executions_are_described_and_listed_newest_first() {
    let region = Region::new(Script::default());
    let arn = region.create(json!({ "StartAt": "Pick", "States": {
        "Pick": { "Type": "Choice", "Choices": [{ "Condition": "{% $states.input.fail %}", "Next": "Bad" }], "Default": "Good" },
        "Bad": { "Type": "Fail", "Error": "Boom", "Cause": "why" }, "Good": { "Type": "Wait", "Seconds": 5, "End": true } } }));
    for (name, fail) in [("one", false), ("two", true), ("three", false)] {
        let input = json!({ "fail": fail }).to_string();
        region
            .verb(
                "StartExecution",
                json!({ "stateMachineArn": arn, "name": name, "input": input }),
            )
            .await
            .unwrap();
        tokio::time::sleep(Duration::from_secs(3)).await;
    }
    let names = async |filter: Value| {
        let mut body = json!({ "stateMachineArn": arn });
        body.as_object_mut()
            .unwrap()
            .extend(filter.as_object().unwrap().clone());
        let listed = region.verb("ListExecutions", body).await.unwrap();
        let names: Vec<String> = listed["executions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["name"].as_str().unwrap().to_owned())
            .collect();
        (names.join(" "), listed["nextToken"].clone())
    };
    assert_eq!(
        names(json!({})).await,
        ("three two one".to_owned(), Value::Null)
    );
    assert_eq!(names(json!({ "statusFilter": "RUNNING" })).await.0, "three");
    assert_eq!(names(json!({ "statusFilter": "FAILED" })).await.0, "two");
    let (first, token) = names(json!({ "maxResults": 2 })).await;
    assert_eq!(
        (
            first.as_str(),
            names(json!({ "maxResults": 2, "nextToken": token })).await
        ),
        ("three two", ("one".to_owned(), Value::Null))
    );

    let describe = |name: &str| {
        region.verb("DescribeExecution", json!({ "executionArn": format!("arn:aws:states:eu-central-1:123456789012:execution:m:{name}") }))
    };
    let two = describe("two").await.unwrap();
    assert_eq!(
        (
            &two["status"],
            &two["error"],
            &two["cause"],
            two.get("output")
        ),
        (&json!("FAILED"), &json!("Boom"), &json!("why"), None)
    );
    let one = describe("one").await.unwrap();
    assert_eq!(
        (
            &one["status"],
            &one["output"],
            &one["startDate"],
            &one["stopDate"]
        ),
        (
            &json!("SUCCEEDED"),
            &json!("{\"fail\":false}"),
            &json!(1_772_366_400.0),
            &json!(1_772_366_405.0)
        )
    );
    assert!(describe("three").await.unwrap().get("stopDate").is_none());

    let machine = region
        .verb("DescribeStateMachine", json!({ "stateMachineArn": arn }))
        .await
        .unwrap();
    assert_eq!(
        (&machine["name"], &machine["roleArn"], &machine["type"]),
        (&json!("m"), &json!(ROLE), &json!("STANDARD"))
    );
    assert!(machine["definition"].as_str().unwrap().contains("StartAt"));
    assert_eq!(
        region.verb("ListStateMachines", json!({})).await.unwrap()["stateMachines"][0]["stateMachineArn"],
        json!(arn)
    );
}

#[tokio::test(start_paused = true)]
async fn the_history_tells_every_step_with_its_details() {
    let script = Script::default()
        .then(2, Err("Busy"))
        .then(1, Ok(json!({ "n": 1 })));
    let region = Region::new(script);
    let machine = json!({ "StartAt": "Set", "States": {
        "Set": { "Type": "Pass", "Next": "Call", "Assign": { "x": [1] } },
        "Call": { "Type": "Task", "Resource": "arn:aws:states:::aws-sdk:kinesisanalyticsv2:describeApplication", "Arguments": { "ApplicationName": "{% $states.input.app %}" },
                  "TimeoutSeconds": 30, "Retry": [{ "ErrorEquals": ["Busy"] }], "Output": "{% $states.result.n %}", "Next": "Done" },
        "Done": { "Type": "Succeed" } } });
    region.run(machine, json!({ "app": "orders" })).await;
    let arn = &region.sfn.executions()[0].arn;
    let all = region
        .verb("GetExecutionHistory", json!({ "executionArn": arn }))
        .await
        .unwrap();
    let events = all["events"].as_array().unwrap();
    let summary: Vec<String> = events
        .iter()
        .map(|event| {
            format!(
                "{} {}<{} {}",
                event["timestamp"].as_f64().unwrap() - 1_772_366_400.0,
                event["id"],
                event["previousEventId"],
                event["type"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        summary,
        [
            "0 1<0 ExecutionStarted",
            "0 2<0 PassStateEntered",
            "0 3<2 PassStateExited",
            "0 4<3 TaskStateEntered",
            "0 5<4 TaskScheduled",
            "0 6<5 TaskStarted",
            "2 7<6 TaskFailed",
            "3 8<7 TaskScheduled",
            "3 9<8 TaskStarted",
            "4 10<9 TaskSucceeded",
            "4 11<10 TaskStateExited",
            "4 12<11 SucceedStateEntered",
            "4 13<12 SucceedStateExited",
            "4 14<13 ExecutionSucceeded",
        ]
    );
    let input = json!({ "truncated": false });
    assert_eq!(
        events[0]["executionStartedEventDetails"],
        json!({ "input": "{\"app\":\"orders\"}", "inputDetails": input, "roleArn": ROLE })
    );
    assert_eq!(
        events[1]["stateEnteredEventDetails"],
        json!({ "name": "Set", "input": "{\"app\":\"orders\"}", "inputDetails": input })
    );
    assert_eq!(
        events[2]["stateExitedEventDetails"]["assignedVariables"],
        json!({ "x": "[1]" })
    );
    assert_eq!(
        events[4]["taskScheduledEventDetails"],
        json!({ "resourceType": "aws-sdk:kinesisanalyticsv2", "resource": "describeApplication", "region": "eu-central-1", "parameters": "{\"ApplicationName\":\"orders\"}", "timeoutInSeconds": 30 })
    );
    assert_eq!(
        events[6]["taskFailedEventDetails"],
        json!({ "resourceType": "aws-sdk:kinesisanalyticsv2", "resource": "describeApplication", "error": "Busy", "cause": "Busy happened" })
    );
    assert_eq!(
        events[9]["taskSucceededEventDetails"]["output"],
        "{\"n\":1}"
    );
    assert_eq!(events[10]["stateExitedEventDetails"]["output"], "1");
    assert_eq!(
        events[13]["executionSucceededEventDetails"],
        json!({ "output": "1", "outputDetails": input })
    );

    let page = region
        .verb(
            "GetExecutionHistory",
            json!({ "executionArn": arn, "maxResults": 10, "reverseOrder": true }),
        )
        .await
        .unwrap();
    assert_eq!(
        (
            page["events"][0]["id"].clone(),
            page["events"].as_array().unwrap().len()
        ),
        (json!(14), 10)
    );
    let rest = region
        .verb("GetExecutionHistory", json!({ "executionArn": arn, "maxResults": 10, "reverseOrder": true, "nextToken": page["nextToken"] }))
        .await
        .unwrap();
    assert_eq!(
        (rest["events"][3]["id"].clone(), rest.get("nextToken")),
        (json!(1), None)
    );
}

#[tokio::test(start_paused = true)]
async fn one_seed_gives_one_history() {
    let machine = json!({ "StartAt": "Both", "States": { "Both": { "Type": "Parallel", "Next": "Call", "Assign": { "id": "{% $uuid() %}" }, "Branches": [
            { "StartAt": "L", "States": { "L": { "Type": "Wait", "Seconds": "{% $floor($random() * 100) %}", "End": true, "Output": "{% $shuffle([1..9]) %}" } } },
            { "StartAt": "R", "States": { "R": { "Type": "Wait", "Seconds": "{% $floor($random() * 100) %}", "End": true } } } ] },
        "Call": task(json!({ "Resource": crate::support::TOKEN_RESOURCE, "Arguments": "{% $states.context.Task.Token %}", "TimeoutSeconds": 9,
            "Retry": [{ "ErrorEquals": ["States.Timeout"], "JitterStrategy": "FULL", "IntervalSeconds": 50 }] })) } });
    let history = async |seed| {
        let region = Region::seeded(Script::default(), seed);
        let arn = region.create(machine.clone());
        for _ in 0..3 {
            region
                .verb("StartExecution", json!({ "stateMachineArn": arn }))
                .await
                .unwrap();
        }
        let mut told = String::new();
        for execution in region.sfn.executions() {
            assert_eq!(
                region.sfn.finished(&execution.arn).await.error.as_deref(),
                Some("States.Timeout")
            );
            told.push_str(&format!(
                "{} {}\n",
                execution.name,
                Value::Array(region.sfn.history(&execution.arn))
            ));
        }
        told
    };
    let first = history(7).await;
    assert_eq!(first, history(7).await);
    assert_ne!(first, history(8).await);
}

#[tokio::test(start_paused = true)]
async fn every_change_of_status_is_announced_once() {
    let region = Region::new(Script::default());
    let told: Arc<Mutex<Vec<ExecutionEvent>>> = Arc::default();
    let listener = Arc::clone(&told);
    region
        .sfn
        .on_status_change(Arc::new(move |event| listener.lock().unwrap().push(event)));
    let view = region.run(nap(60), json!({ "a": 1 })).await;
    region.sfn.stop(&view.arn, None, None).unwrap();
    let told = told.lock().unwrap();
    assert_eq!(
        told.iter().map(|event| event.0.status).collect::<Vec<_>>(),
        [Status::Running, Status::Succeeded]
    );
    let detail = told[1].detail();
    assert_eq!(
        (&detail["status"], &detail["startDate"], &detail["stopDate"]),
        (
            &json!("SUCCEEDED"),
            &json!(1_772_366_400_000_i64),
            &json!(1_772_366_460_000_i64)
        )
    );
    assert_eq!(
        (&detail["input"], &detail["output"]),
        (&json!("{\"a\":1}"), &json!("{\"a\":1}"))
    );
    assert_eq!(told[0].detail()["stopDate"], Value::Null);
}

#[tokio::test(start_paused = true)]
async fn a_state_machine_is_created_once() {
    let region = Region::new(Script::default());
    let arn = region.create(nap(1));
    assert_eq!(region.create(nap(1)), arn);
    assert_eq!(
        region.sfn.create("m", &document(nap(2)), ROLE),
        Err(CreateError::AlreadyExists(arn))
    );
    assert_eq!(
        region.sfn.create("a b", &document(nap(2)), ROLE),
        Err(CreateError::InvalidName("a b".to_owned()))
    );
    assert!(matches!(
        region.sfn.create("n", "{}", ROLE),
        Err(CreateError::InvalidDefinition(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn a_task_may_start_and_stop_executions_of_its_own_service() {
    struct Recursive(Mutex<Option<asl::StepFunctions>>);
    impl asl::Integrations for Recursive {
        fn call(
            &self,
            task: asl::TaskCall,
        ) -> futures::future::BoxFuture<'static, Result<Value, asl::TaskFailure>> {
            let sfn = self.0.lock().unwrap().clone().unwrap();
            Box::pin(async move {
                sfn.stop(&task.execution_arn, Some("Self"), None).unwrap();
                Ok(task.arguments)
            })
        }
    }
    let integrations = Arc::new(Recursive(Mutex::default()));
    let region = Region::new(Script::default());
    let sfn = asl::StepFunctions::new(region.clock.clone(), 1, "1", "r", integrations.clone());
    *integrations.0.lock().unwrap() = Some(sfn.clone());
    let arn = sfn
        .create(
            "m",
            &document(one(
                json!({ "Type": "Task", "Resource": RESOURCE, "End": true }),
            )),
            ROLE,
        )
        .unwrap();
    let (execution, _) = sfn.start(&arn, None, "{}").unwrap();
    assert_eq!(sfn.finished(&execution).await.status, Status::Aborted);
    tokio::time::sleep(Duration::from_secs(5)).await;
    let last = sfn.history(&execution).pop().unwrap();
    assert_eq!(last["type"], "ExecutionAborted");
}

//! Waits, retries, time-outs and stops, in virtual time.

use std::time::Duration;

use crate::support::{Region, Script, TOKEN_RESOURCE, one, task};
use asl::Status;
use serde_json::{Value, json};

#[tokio::test(start_paused = true)]
async fn waits_last_as_long_as_they_say() {
    for (wait, seconds) in [
        (json!({ "Seconds": 90 }), 90.0),
        (json!({ "Seconds": 0 }), 0.0),
        (json!({ "Seconds": "{% $states.input.n * 60 %}" }), 180.0),
        (json!({ "Timestamp": "2026-03-01T12:10:00Z" }), 600.0),
        (
            json!({ "Timestamp": "{% $fromMillis($millis() + 1500) %}" }),
            1.5,
        ),
        (json!({ "Timestamp": "2020-01-01T00:00:00Z" }), 0.0),
    ] {
        let mut state = json!({ "Type": "Wait", "End": true });
        state
            .as_object_mut()
            .unwrap()
            .extend(wait.as_object().unwrap().clone());
        let region = Region::new(Script::default());
        assert_eq!(
            region.run(one(state), json!({ "n": 3 })).await.status,
            Status::Succeeded
        );
        assert_eq!(region.seconds(), seconds, "{wait}");
    }
}

#[tokio::test(start_paused = true)]
async fn now_is_the_regions_time_and_moves_with_it() {
    let machine = json!({ "StartAt": "A", "States": {
        "A": { "Type": "Pass", "Next": "B", "Assign": { "before": "{% $millis() %}", "until": "{% $fromMillis($toMillis($now()) + 5000) %}" } },
        "B": { "Type": "Wait", "Timestamp": "{% $until %}", "Next": "C" },
        "C": { "Type": "Pass", "End": true, "Output": ["{% $millis() - $before %}", "{% $now() %}", "{% $states.context.State.EnteredTime %}"] },
    }});
    let view = Region::new(Script::default()).run(machine, json!({})).await;
    assert_eq!(
        view.output,
        Some(json!([
            5000,
            "2026-03-01T12:00:05.000Z",
            "2026-03-01T12:00:05.000Z"
        ]))
    );
}

#[tokio::test(start_paused = true)]
async fn retries_back_off_and_count() {
    let script = (0..9).fold(Script::default(), |script, _| script.then(1, Err("Busy")));
    let retry = json!([{ "ErrorEquals": ["Busy"], "IntervalSeconds": 2, "BackoffRate": 3, "MaxAttempts": 4, "MaxDelaySeconds": 20 }]);
    let region = Region::new(script);
    let state =
        task(json!({ "Retry": retry, "Arguments": "{% $states.context.State.RetryCount %}" }));
    let view = region.run(one(state), json!({})).await;
    assert_eq!(
        (view.status, view.error.as_deref(), view.cause.as_deref()),
        (Status::Failed, Some("Busy"), Some("Busy happened"))
    );
    assert_eq!(
        region.script.at(),
        [0.0, 3.0, 10.0, 29.0, 50.0],
        "one second of work, then 2, 6, 18 and 20 seconds of delay"
    );
    let counts: Vec<Value> = region
        .script
        .calls()
        .into_iter()
        .map(|call| call.arguments)
        .collect();
    assert_eq!(counts, [json!(0), json!(1), json!(2), json!(3), json!(4)]);
    let entered = region
        .types()
        .iter()
        .filter(|kind| *kind == "TaskStateEntered")
        .count();
    assert_eq!(entered, 1, "a retry does not enter the state again");
}

#[tokio::test(start_paused = true)]
async fn retry_counters_start_anew_with_each_visit() {
    let script = Script::default()
        .then(0, Err("Busy"))
        .then(0, Ok(json!(1)))
        .then(0, Err("Busy"))
        .then(0, Ok(json!(2)));
    let machine = json!({ "StartAt": "Work", "States": {
        "Work": { "Type": "Task", "Resource": crate::support::RESOURCE, "Next": "Again", "Retry": [{ "ErrorEquals": ["Busy"], "MaxAttempts": 1 }] },
        "Again": { "Type": "Choice", "Choices": [{ "Condition": "{% $states.input < 2 %}", "Next": "Work" }], "Default": "Done" },
        "Done": { "Type": "Succeed" },
    }});
    assert_eq!(
        Region::new(script).run(machine, json!({})).await.output,
        Some(json!(2))
    );
}

#[tokio::test(start_paused = true)]
async fn full_jitter_comes_from_the_seed() {
    let times = async |seed| {
        let script = (0..5).fold(Script::default(), |script, _| script.then(0, Err("Busy")));
        let region = Region::seeded(script, seed);
        let retry = json!([{ "ErrorEquals": ["States.ALL"], "IntervalSeconds": 100, "JitterStrategy": "FULL" }]);
        region
            .run(one(task(json!({ "Retry": retry }))), json!({}))
            .await;
        region.script.at()
    };
    assert_eq!(times(1).await, times(1).await);
    assert_ne!(times(1).await, times(2).await);
}

#[tokio::test(start_paused = true)]
async fn a_task_that_takes_too_long_is_dropped_and_times_out() {
    let region = Region::new(
        Script::default()
            .then(60, Ok(json!(1)))
            .then(60, Ok(json!(2))),
    );
    let state = task(
        json!({ "TimeoutSeconds": "{% $states.input.most %}", "Retry": [{ "ErrorEquals": ["States.TaskFailed"] }, { "ErrorEquals": ["States.Timeout"], "MaxAttempts": 1 }] }),
    );
    let view = region.run(one(state), json!({ "most": 20 })).await;
    assert_eq!(
        (view.status, view.error.as_deref()),
        (Status::Failed, Some("States.Timeout"))
    );
    assert_eq!(region.script.dropped(), ["One", "One"]);
    assert_eq!(region.seconds(), 41.0);
    assert!(region.types().contains(&"TaskTimedOut".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn an_execution_that_takes_too_long_is_timed_out() {
    let mut machine = one(json!({ "Type": "Wait", "Seconds": 1000, "End": true }));
    machine["TimeoutSeconds"] = json!(30);
    let region = Region::new(Script::default());
    let view = region.run(machine, json!({})).await;
    assert_eq!((view.status, region.seconds()), (Status::TimedOut, 30.0));
    assert_eq!(
        region.types(),
        ["ExecutionStarted", "WaitStateEntered", "ExecutionTimedOut"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_stopped_execution_drops_its_task_at_once_and_stays_stopped() {
    let region = Region::new(Script::default().then(600, Ok(json!(1))));
    let machine = region.create(
        one(task(
            json!({ "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Not" }] }),
        ))
        .as_object_mut()
        .map(|machine| {
            machine["States"]["Not"] = json!({ "Type": "Succeed" });
            Value::Object(machine.clone())
        })
        .unwrap(),
    );
    let started = region
        .verb(
            "StartExecution",
            json!({ "stateMachineArn": machine, "name": "e" }),
        )
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    let stop =
        json!({ "executionArn": started["executionArn"], "error": "Operator", "cause": "enough" });
    let stopped = region.verb("StopExecution", stop.clone()).await.unwrap();
    assert_eq!(stopped["stopDate"], json!(1_772_366_460.0));
    let view = region
        .sfn
        .finished(started["executionArn"].as_str().unwrap())
        .await;
    assert_eq!(
        (view.status, view.error.as_deref(), view.cause.as_deref()),
        (Status::Aborted, Some("Operator"), Some("enough"))
    );
    tokio::task::yield_now().await;
    assert_eq!(region.script.dropped(), ["One"]);
    tokio::time::sleep(Duration::from_secs(1000)).await;
    assert_eq!(
        region.types(),
        [
            "ExecutionStarted",
            "TaskStateEntered",
            "TaskScheduled",
            "TaskStarted",
            "ExecutionAborted"
        ]
    );
    assert_eq!(
        region.verb("StopExecution", stop).await.unwrap(),
        stopped,
        "stopping it again changes nothing"
    );
}

fn waits_for_token(rest: Value) -> Value {
    let mut state = task(rest);
    state["Resource"] = json!(TOKEN_RESOURCE);
    state["Arguments"] = json!({ "token": "{% $states.context.Task.Token %}" });
    one(state)
}

async fn token(region: &Region, machine: Value) -> (String, String) {
    let arn = region.create(machine);
    let (execution, _) = region.sfn.start(&arn, Some("e"), "{}").unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let token = region.script.calls()[0].task_token.clone().unwrap();
    assert_eq!(
        region.script.calls()[0].arguments,
        json!({ "token": token })
    );
    (execution, token)
}

#[tokio::test(start_paused = true)]
async fn a_task_with_a_token_ends_by_its_answer() {
    let region = Region::new(Script::default());
    let (execution, token) = token(&region, waits_for_token(json!({}))).await;
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let answer = json!({ "taskToken": token, "output": "{\"approved\": true}" });
    assert_eq!(
        region
            .verb(
                "SendTaskSuccess",
                json!({ "taskToken": token, "output": "{" })
            )
            .await,
        Err("InvalidOutput".to_owned())
    );
    region
        .verb("SendTaskSuccess", answer.clone())
        .await
        .unwrap();
    assert_eq!(
        region.verb("SendTaskSuccess", answer).await,
        Err("TaskTimedOut".to_owned()),
        "a token answers once"
    );
    assert_eq!(
        region
            .verb("SendTaskHeartbeat", json!({ "taskToken": "made up" }))
            .await,
        Err("InvalidToken".to_owned())
    );
    assert_eq!(
        region.sfn.finished(&execution).await.output,
        Some(json!({ "approved": true }))
    );
    assert!(region.types().contains(&"TaskSubmitted".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_task_with_a_token_fails_by_its_answer() {
    let region = Region::new(Script::default());
    let (execution, token) = token(&region, waits_for_token(json!({}))).await;
    region
        .verb(
            "SendTaskFailure",
            json!({ "taskToken": token, "error": "Refused", "cause": "no" }),
        )
        .await
        .unwrap();
    let view = region.sfn.finished(&execution).await;
    assert_eq!(
        (view.error.as_deref(), view.cause.as_deref()),
        (Some("Refused"), Some("no"))
    );
}

#[tokio::test(start_paused = true)]
async fn heartbeats_keep_a_task_with_a_token_alive_until_they_stop() {
    let region = Region::new(Script::default());
    let (execution, token) = token(
        &region,
        waits_for_token(json!({ "HeartbeatSeconds": 60, "TimeoutSeconds": 3600 })),
    )
    .await;
    for _ in 0..5 {
        tokio::time::sleep(Duration::from_secs(50)).await;
        region
            .verb("SendTaskHeartbeat", json!({ "taskToken": token }))
            .await
            .unwrap();
    }
    let view = region.sfn.finished(&execution).await;
    assert_eq!(
        (view.error.as_deref(), region.seconds()),
        (Some("States.HeartbeatTimeout"), 311.0)
    );
    assert_eq!(
        region
            .verb(
                "SendTaskSuccess",
                json!({ "taskToken": token, "output": "1" })
            )
            .await,
        Err("TaskTimedOut".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn the_token_of_a_stopped_execution_is_spent() {
    let region = Region::new(Script::default());
    let (execution, token) = token(&region, waits_for_token(json!({}))).await;
    region.sfn.stop(&execution, None, None).unwrap();
    tokio::task::yield_now().await;
    assert_eq!(
        region
            .verb(
                "SendTaskSuccess",
                json!({ "taskToken": token, "output": "1" })
            )
            .await,
        Err("TaskTimedOut".to_owned())
    );
}

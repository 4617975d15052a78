//! A region with nothing but Step Functions, scripted integrations, and the verbs as wire requests.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
    time::Duration,
};

use asl::{ExecutionView, Integrations, StepFunctions, TaskCall, TaskFailure};
use bytes::Bytes;
use futures::future::BoxFuture;
use ground::clock::Clock;
use serde_json::{Value, json};

pub(crate) const EPOCH: &str = "2026-03-01T12:00:00Z";
pub(crate) const ROLE: &str = "arn:aws:iam::123456789012:role/lifeguard";
/// A resource that answers as scripted.
pub(crate) const RESOURCE: &str = "arn:aws:states:::lambda:invoke";
pub(crate) const TOKEN_RESOURCE: &str = "arn:aws:states:::lambda:invoke.waitForTaskToken";

/// One scripted answer: how long it takes, and what it is.
pub(crate) type Answer = (u64, Result<Value, TaskFailure>);

/// Integrations that give scripted answers in order (then the arguments, at once), and record each call with the second it came in and whether it was dropped.
#[derive(Clone, Default)]
pub(crate) struct Script {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    calls: Arc<Mutex<Vec<(f64, TaskCall)>>>,
    dropped: Arc<Mutex<Vec<String>>>,
    clock: Arc<Mutex<Option<Clock>>>,
}

struct Dropped(Script, String, bool);

impl Drop for Dropped {
    fn drop(&mut self) {
        if !self.2 {
            self.0.dropped.lock().unwrap().push(self.1.clone());
        }
    }
}

impl Script {
    pub(crate) fn then(self, seconds: u64, answer: Result<Value, &str>) -> Self {
        let answer = answer.map_err(|error| TaskFailure {
            error: error.to_owned(),
            cause: format!("{error} happened"),
        });
        self.answers.lock().unwrap().push_back((seconds, answer));
        self
    }

    pub(crate) fn calls(&self) -> Vec<TaskCall> {
        self.calls
            .lock()
            .unwrap()
            .iter()
            .map(|(_, call)| call.clone())
            .collect()
    }

    /// The seconds since the region was opened at which calls came in.
    pub(crate) fn at(&self) -> Vec<f64> {
        self.calls
            .lock()
            .unwrap()
            .iter()
            .map(|(at, _)| *at)
            .collect()
    }

    pub(crate) fn dropped(&self) -> Vec<String> {
        self.dropped.lock().unwrap().clone()
    }
}

impl Integrations for Script {
    fn call(&self, task: TaskCall) -> BoxFuture<'static, Result<Value, TaskFailure>> {
        let script = self.clone();
        Box::pin(async move {
            let now = script
                .clock
                .lock()
                .unwrap()
                .as_ref()
                .unwrap()
                .elapsed()
                .as_secs_f64();
            script.calls.lock().unwrap().push((now, task.clone()));
            let answer = script.answers.lock().unwrap().pop_front();
            let mut guard = Dropped(script.clone(), task.state.clone(), false);
            let (seconds, answer) = answer.unwrap_or((0, Ok(task.arguments)));
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            guard.2 = true;
            answer
        })
    }
}

pub(crate) struct Region {
    pub(crate) clock: Clock,
    pub(crate) sfn: StepFunctions,
    pub(crate) script: Script,
}

impl Region {
    pub(crate) fn new(script: Script) -> Self {
        Self::seeded(script, 1)
    }

    pub(crate) fn seeded(script: Script, seed: u64) -> Self {
        let clock = Clock::starting_at(EPOCH.parse().unwrap());
        *script.clock.lock().unwrap() = Some(clock.clone());
        let sfn = StepFunctions::new(
            clock.clone(),
            seed,
            "123456789012",
            "eu-central-1",
            Arc::new(script.clone()),
        );
        Self { clock, sfn, script }
    }

    /// Creates `machine` (QueryLanguage added) under the name `m`.
    pub(crate) fn create(&self, machine: Value) -> String {
        self.sfn
            .create("m", &document(machine), ROLE)
            .unwrap_or_else(|error| panic!("{error}"))
    }

    /// Creates, starts and finishes.
    pub(crate) async fn run(&self, machine: Value, input: Value) -> ExecutionView {
        let arn = self.create(machine);
        let (execution, _) = self.sfn.start(&arn, Some("e"), &input.to_string()).unwrap();
        self.sfn.finished(&execution).await
    }

    /// One verb over the wire; the body, or the error's code.
    pub(crate) async fn verb(&self, verb: &str, body: Value) -> Result<Value, String> {
        let request = http::Request::post("/")
            .header("x-amz-target", format!("AWSStepFunctions.{verb}"))
            .header("content-type", "application/x-amz-json-1.0")
            .body(Bytes::from(body.to_string()))
            .unwrap();
        let mut sfn = self.sfn.clone();
        let answer = tower::Service::call(&mut sfn, request).await.unwrap();
        assert_eq!(
            answer.headers()["content-type"],
            "application/x-amz-json-1.0"
        );
        let body: Value = serde_json::from_slice(answer.body()).unwrap();
        match answer.status().as_u16() {
            200 => Ok(body),
            400 => {
                assert!(body["message"].is_string(), "{body}");
                Err(body["__type"].as_str().unwrap().to_owned())
            }
            other => panic!("status {other}"),
        }
    }

    pub(crate) fn types(&self) -> Vec<String> {
        let arn = &self.sfn.executions()[0].arn;
        self.sfn
            .history(arn)
            .iter()
            .map(|event| event["type"].as_str().unwrap().to_owned())
            .collect()
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.clock.elapsed().as_secs_f64()
    }
}

/// The document of a JSONata state machine.
pub(crate) fn document(mut machine: Value) -> String {
    machine["QueryLanguage"] = json!("JSONata");
    machine.to_string()
}

/// A machine of one state.
pub(crate) fn one(state: Value) -> Value {
    json!({ "StartAt": "One", "States": { "One": state } })
}

/// A Task with `rest`, ending.
pub(crate) fn task(rest: Value) -> Value {
    let mut state = json!({ "Type": "Task", "Resource": RESOURCE, "End": true });
    state
        .as_object_mut()
        .unwrap()
        .extend(rest.as_object().unwrap().clone());
    state
}

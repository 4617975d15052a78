//! One attempt of a Task: the call, its time-out, and the wait for its token.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{
    TaskCall, TaskFailure,
    definition::{Resource, Task},
    errors::{self, Trouble},
    history,
    run::{Beside, Run, Thread, Visit, check_size},
    template::Template,
    tokens::Ticket,
};

impl Run {
    /// Calls the integration once. Arguments are evaluated anew for each attempt, because the context tells the attempt's number.
    pub(super) async fn task(
        &self,
        task: &Task,
        thread: &mut Thread,
        visit: &mut Visit<'_>,
    ) -> Result<Value, Trouble> {
        let ticket = task
            .resource
            .waits_for_token
            .then(|| self.world.tokens.issue(&mut self.execution.rng()));
        visit.token = ticket.as_ref().map(|ticket| ticket.token.clone());
        let arguments = match &task.arguments {
            Some(arguments) => {
                self.evaluate(thread, visit, "Arguments", arguments, Beside::Nothing)?
            }
            None => visit.input.clone(),
        };
        check_size(&arguments, &visit.state.name)?;
        let timeout = self.seconds(
            thread,
            visit,
            "TimeoutSeconds",
            task.timeout_seconds.as_ref(),
        )?;
        let heartbeat = self.seconds(
            thread,
            visit,
            "HeartbeatSeconds",
            task.heartbeat_seconds.as_ref(),
        )?;
        let mut details = about(&task.resource);
        details.insert("region".to_owned(), json!(self.world.region));
        details.insert("parameters".to_owned(), json!(arguments.to_string()));
        for (key, limit) in [
            ("timeoutInSeconds", timeout),
            ("heartbeatInSeconds", heartbeat),
        ] {
            if let Some(limit) = limit {
                details.insert(key.to_owned(), json!(limit.as_secs()));
            }
        }
        self.push(
            thread,
            "TaskScheduled",
            Some(("taskScheduledEventDetails", Value::Object(details))),
        );
        self.push(
            thread,
            "TaskStarted",
            Some((
                "taskStartedEventDetails",
                Value::Object(about(&task.resource)),
            )),
        );
        let call = TaskCall {
            resource: task.resource.arn.clone(),
            arguments,
            state: visit.state.name.clone(),
            execution_arn: self.execution.arn.clone(),
            state_machine_arn: self.execution.machine.arn.clone(),
            task_token: visit.token.clone(),
        };
        let work = self.work(task, thread, call, ticket, heartbeat);
        let outcome = match timeout {
            Some(timeout) => tokio::time::timeout(timeout, work)
                .await
                .unwrap_or_else(|_| {
                    Err(Trouble {
                        error: errors::TIMEOUT.to_owned(),
                        cause: None,
                    })
                }),
            None => work.await,
        };
        let outcome =
            outcome.and_then(|result| check_size(&result, &visit.state.name).map(|_| result));
        self.record(task, thread, outcome)
    }

    /// The call, and after it the token's answer where the task waits for one.
    async fn work(
        &self,
        task: &Task,
        thread: &mut Thread,
        call: TaskCall,
        ticket: Option<Ticket>,
        heartbeat: Option<Duration>,
    ) -> Result<Value, Trouble> {
        let result = self.world.integrations.call(call).await.map_err(trouble)?;
        let Some(mut ticket) = ticket else {
            return Ok(result);
        };
        let mut details = about(&task.resource);
        details.append(&mut history::payload("output", &result));
        self.push(
            thread,
            "TaskSubmitted",
            Some(("taskSubmittedEventDetails", Value::Object(details))),
        );
        loop {
            let missed = async {
                match heartbeat {
                    Some(heartbeat) => tokio::time::sleep(heartbeat).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // An answer and a missed heartbeat at the same moment: the answer counts, whatever the seed.
                biased;
                answer = &mut ticket.answer => {
                    let answer = answer.map_err(|_| Trouble::new(errors::RUNTIME, "The task's token was lost."))?;
                    return answer.map_err(trouble);
                }
                () = ticket.heartbeat.notified() => {}
                () = missed => return Err(Trouble { error: errors::HEARTBEAT_TIMEOUT.to_owned(), cause: None }),
            }
        }
    }

    /// Tells the history how the attempt ended.
    fn record(
        &self,
        task: &Task,
        thread: &mut Thread,
        outcome: Result<Value, Trouble>,
    ) -> Result<Value, Trouble> {
        let mut details = about(&task.resource);
        let (kind, key) = match &outcome {
            Ok(result) => {
                details.append(&mut history::payload("output", result));
                ("TaskSucceeded", "taskSucceededEventDetails")
            }
            Err(trouble) => {
                details.append(&mut history::failure(
                    &trouble.error,
                    trouble.cause.as_deref(),
                ));
                match trouble.error.as_str() {
                    errors::TIMEOUT | errors::HEARTBEAT_TIMEOUT => {
                        ("TaskTimedOut", "taskTimedOutEventDetails")
                    }
                    _ => ("TaskFailed", "taskFailedEventDetails"),
                }
            }
        };
        self.push(thread, kind, Some((key, Value::Object(details))));
        outcome
    }

    fn seconds(
        &self,
        thread: &mut Thread,
        visit: &Visit<'_>,
        location: &str,
        template: Option<&Template>,
    ) -> Result<Option<Duration>, Trouble> {
        let Some(template) = template else {
            return Ok(None);
        };
        let seconds = self.evaluate(thread, visit, location, template, Beside::Nothing)?;
        match seconds
            .as_u64()
            .filter(|seconds| (1..=99_999_999).contains(seconds))
        {
            Some(seconds) => Ok(Some(Duration::from_secs(seconds))),
            None => {
                Err(self.wrong_type(thread, visit, location, "a whole number from 1 to 99999999"))
            }
        }
    }
}

fn about(resource: &Resource) -> Map<String, Value> {
    Map::from_iter([
        ("resourceType".to_owned(), json!(resource.service)),
        ("resource".to_owned(), json!(resource.action)),
    ])
}

fn trouble(failure: TaskFailure) -> Trouble {
    Trouble {
        error: failure.error,
        cause: Some(failure.cause),
    }
}

//! The interpreter: one execution, state by state.
//!
//! Everything that waits (a task's call, a Wait, a Retry's delay) is a future inside the one task that runs the execution: when that task is dropped, whatever
//! was under way is dropped with it. JSONata's values never live across an await, because they are not `Send`.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::{FutureExt as _, future::BoxFuture};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{
    Integrations,
    definition::{Flow, Handlers, Kind, Leave, Rule, State, Until},
    errors::{self, PAYLOAD_LIMIT_BYTES, Trouble},
    execution::{End, Entry, Execution, ExecutionEvent},
    expression::{Ambient, EvaluationHook, Needs, Scope, Variables},
    history::{self, EVENTS_MAX, iso},
    retry::Retries,
    template::{QueryFailure, Template},
    tokens::Tokens,
};
use ground::clock::Clock;

/// AWS's bound on a Wait's Seconds.
const WAIT_MAX_SECONDS: u64 = 99_999_999;

/// A listener for changes of status.
pub(super) type Hook = Arc<dyn Fn(ExecutionEvent) + Send + Sync>;
/// A listener for states entered: the execution's ARN and the state's name.
pub type EntryHook = Arc<dyn Fn(&str, &str) + Send + Sync>;

/// What every execution of a region shares.
pub(super) struct World {
    pub(super) clock: Clock,
    pub(super) account: String,
    pub(super) region: String,
    pub(super) integrations: Arc<dyn Integrations>,
    pub(super) tokens: Tokens,
    pub(super) hook: Mutex<Option<Hook>>,
    pub(super) entry_hook: Mutex<Option<EntryHook>>,
    pub(super) evaluation_hook: Mutex<Option<EvaluationHook>>,
}

impl World {
    /// Tells the listener how an execution stands now. No lock is held while it listens: it may start or stop executions.
    pub(super) fn announce(&self, execution: &Execution) {
        let hook = self
            .hook
            .lock()
            .expect("no thread panics while it holds the listener")
            .clone();
        if let Some(hook) = hook {
            hook(ExecutionEvent(execution.view()));
        }
    }

    /// Tells the listener that a state is entered. What it does takes effect before the state does anything: an execution that it stops goes no further.
    async fn announce_entry(&self, execution: &Execution, state: &str) {
        let hook = self
            .entry_hook
            .lock()
            .expect("no thread panics while it holds the listener")
            .clone();
        if let Some(hook) = hook {
            hook(&execution.arn, state);
            tokio::task::yield_now().await;
        }
    }

    /// Ends an execution and announces it, unless it has ended before.
    pub(super) fn close(&self, execution: &Execution, end: End, previous: u64) {
        if execution.close(end, previous, self.clock.now()) {
            self.announce(execution);
        }
    }
}

/// One execution being run.
pub(super) struct Run {
    pub(super) world: Arc<World>,
    pub(super) execution: Arc<Execution>,
}

/// Where one line of states stands: the whole execution, or one branch or iteration.
#[derive(Clone, Default)]
pub(super) struct Thread {
    /// The newest event of this line.
    pub(super) last: u64,
    pub(super) variables: Variables,
    /// `$states.context.Map` inside an iteration.
    pub(super) map: Option<Value>,
}

/// One stay in a state.
pub(super) struct Visit<'a> {
    pub(super) state: &'a State,
    pub(super) input: Value,
    pub(super) entered_at: Timestamp,
    pub(super) entered_id: u64,
    pub(super) retry_count: u64,
    pub(super) token: Option<String>,
}

/// What an expression finds in `$states` beside input and context.
#[derive(Clone, Copy)]
pub(super) enum Beside<'a> {
    Nothing,
    Result(&'a Value),
    Error(&'a Value),
}

impl Run {
    /// Runs the execution to its end, from its first state or from where it is redriven.
    pub(super) async fn finish(self, entry: Entry) {
        let definition = &self.execution.machine.definition;
        let mut thread = Thread {
            last: entry.last,
            variables: entry.variables,
            map: None,
        };
        let (first, input) = entry.state.unwrap_or_else(|| {
            let first = definition.flow.start_at.clone();
            (first, self.execution.input.clone())
        });
        let flow = self.flow_from(&definition.flow, &first, input, &mut thread);
        let outcome = match definition.timeout_seconds {
            Some(seconds) => tokio::time::timeout(Duration::from_secs(seconds), flow).await,
            None => Ok(flow.await),
        };
        let (end, previous) = match outcome {
            Ok(Ok(output)) => (End::Succeeded(output), thread.last),
            Ok(Err(trouble)) => (End::Failed(trouble), thread.last),
            Err(_elapsed) => (End::TimedOut, self.execution.events()),
        };
        self.world.close(&self.execution, end, previous);
    }

    /// Runs a flow from its first state to its end.
    pub(super) fn flow<'a>(
        &'a self,
        flow: &'a Flow,
        input: Value,
        thread: &'a mut Thread,
    ) -> BoxFuture<'a, Result<Value, Trouble>> {
        self.flow_from(flow, &flow.start_at, input, thread)
    }

    /// Runs a flow from one of its states to its end. Boxed, because flows nest.
    fn flow_from<'a>(
        &'a self,
        flow: &'a Flow,
        first: &'a str,
        input: Value,
        thread: &'a mut Thread,
    ) -> BoxFuture<'a, Result<Value, Trouble>> {
        async move {
            let mut name = first;
            let mut input = input;
            loop {
                // A loop of states that never wait must not keep the region's one thread to itself.
                tokio::task::yield_now().await;
                let (next, output) = self.visit(&flow.states[name], input, thread).await?;
                match next {
                    Some(next) => (name, input) = (next, output),
                    None => return Ok(output),
                }
            }
        }
        .boxed()
    }

    async fn visit<'a>(
        &self,
        state: &'a State,
        input: Value,
        thread: &mut Thread,
    ) -> Result<(Option<&'a str>, Value), Trouble> {
        // The rest is left for this state's own events and the end.
        if self.execution.events() + 10 > EVENTS_MAX {
            return Err(Trouble::new(
                errors::RUNTIME,
                format!(
                    "The execution reached the maximum number of history events ({EVENTS_MAX})."
                ),
            ));
        }
        let mut details = Map::from_iter([("name".to_owned(), json!(state.name))]);
        details.append(&mut history::payload("input", &input));
        let entered_at = self.world.clock.now();
        self.push(
            thread,
            &format!("{}StateEntered", state.kind.name()),
            Some(("stateEnteredEventDetails", Value::Object(details))),
        );
        self.world
            .announce_entry(&self.execution, &state.name)
            .await;
        let visit = Visit {
            state,
            input,
            entered_at,
            entered_id: thread.last,
            retry_count: 0,
            token: None,
        };
        match &state.kind {
            Kind::Pass { next } => Ok((next.target(), self.pass_on(thread, &visit, &state.leave)?)),
            Kind::Succeed => Ok((None, self.pass_on(thread, &visit, &state.leave)?)),
            Kind::Fail { error, cause } => {
                Err(self.fail(thread, &visit, error.as_ref(), cause.as_ref()))
            }
            Kind::Choice { rules, default } => {
                self.choose(thread, &visit, rules, default.as_deref())
            }
            Kind::Wait { until, next } => {
                self.wait(thread, &visit, until).await?;
                Ok((next.target(), self.pass_on(thread, &visit, &state.leave)?))
            }
            Kind::Task(task) => self.handled(&task.handlers, thread, visit).await,
            Kind::Parallel(parallel) => self.handled(&parallel.handlers, thread, visit).await,
            Kind::Map(map) => self.handled(&map.handlers, thread, visit).await,
        }
    }

    /// A state that can fail and be caught: attempts until one succeeds, an error is caught, or nothing catches it.
    async fn handled<'a>(
        &self,
        handlers: &'a Handlers,
        thread: &mut Thread,
        mut visit: Visit<'a>,
    ) -> Result<(Option<&'a str>, Value), Trouble> {
        let mut retries = Retries::new(&handlers.retry);
        loop {
            let attempt = match &visit.state.kind {
                Kind::Parallel(parallel) => self.parallel(parallel, thread, &visit).await,
                Kind::Map(map) => self.map(map, thread, &visit).await,
                Kind::Task(task) => self.task(task, thread, &mut visit).await,
                _ => unreachable!("only these three have handlers"),
            };
            let left = attempt.and_then(|result| {
                self.leave(
                    thread,
                    &visit,
                    &visit.state.leave,
                    Beside::Result(&result),
                    &result,
                )
            });
            let trouble = match left {
                Ok(output) => return Ok((handlers.next.target(), output)),
                Err(trouble) => trouble,
            };
            let delay = retries.next(&trouble.error, &mut self.execution.rng());
            if let Some(delay) = delay {
                tokio::time::sleep(delay).await;
                visit.retry_count += 1;
                continue;
            }
            let Some(catcher) = handlers
                .catch
                .iter()
                .find(|catcher| errors::matches(&catcher.error_equals, &trouble.error))
            else {
                return Err(trouble);
            };
            let error = error_output(&trouble);
            return Ok((
                Some(&catcher.next),
                self.leave(
                    thread,
                    &visit,
                    &catcher.leave,
                    Beside::Error(&error),
                    &error,
                )?,
            ));
        }
    }

    fn choose<'a>(
        &self,
        thread: &mut Thread,
        visit: &Visit<'a>,
        rules: &'a [Rule],
        default: Option<&'a str>,
    ) -> Result<(Option<&'a str>, Value), Trouble> {
        for (index, rule) in rules.iter().enumerate() {
            let location = format!("Choices/{index}/Condition");
            match self.evaluate(thread, visit, &location, &rule.condition, Beside::Nothing)? {
                Value::Bool(true) => {
                    return Ok((Some(&rule.next), self.pass_on(thread, visit, &rule.leave)?));
                }
                Value::Bool(false) => {}
                _ => return Err(self.wrong_type(thread, visit, &location, "a boolean")),
            }
        }
        let Some(default) = default else {
            let cause = format!(
                "Failed to transition out of the state '{}'. The state machine is missing a Default.",
                visit.state.name
            );
            return Err(Trouble::new(errors::NO_CHOICE_MATCHED, cause));
        };
        Ok((
            Some(default),
            self.pass_on(thread, visit, &visit.state.leave)?,
        ))
    }

    async fn wait(
        &self,
        thread: &mut Thread,
        visit: &Visit<'_>,
        until: &Until,
    ) -> Result<(), Trouble> {
        match until {
            Until::Seconds(seconds) => {
                let seconds = self.evaluate(thread, visit, "Seconds", seconds, Beside::Nothing)?;
                let Some(seconds) = seconds
                    .as_u64()
                    .filter(|seconds| *seconds <= WAIT_MAX_SECONDS)
                else {
                    return Err(self.wrong_type(
                        thread,
                        visit,
                        "Seconds",
                        &format!("a whole number from 0 to {WAIT_MAX_SECONDS}"),
                    ));
                };
                tokio::time::sleep(Duration::from_secs(seconds)).await;
            }
            Until::Timestamp(timestamp) => {
                let timestamp =
                    self.evaluate(thread, visit, "Timestamp", timestamp, Beside::Nothing)?;
                let Some(timestamp) = timestamp
                    .as_str()
                    .and_then(|text| text.parse::<Timestamp>().ok())
                else {
                    return Err(self.wrong_type(thread, visit, "Timestamp", "an ISO 8601 time"));
                };
                self.world.clock.sleep_until(timestamp).await;
            }
        }
        Ok(())
    }

    fn fail(
        &self,
        thread: &mut Thread,
        visit: &Visit<'_>,
        error: Option<&Template>,
        cause: Option<&Template>,
    ) -> Trouble {
        let mut text =
            |location: &str, template: Option<&Template>| -> Result<Option<String>, Trouble> {
                let Some(template) = template else {
                    return Ok(None);
                };
                match self.evaluate(thread, visit, location, template, Beside::Nothing)? {
                    Value::String(text) => Ok(Some(text)),
                    _ => Err(self.wrong_type(thread, visit, location, "a string")),
                }
            };
        let evaluated = text("Error", error).and_then(|error| {
            Ok(Trouble {
                error: error.unwrap_or_default(),
                cause: text("Cause", cause)?,
            })
        });
        evaluated.unwrap_or_else(|trouble| trouble)
    }

    /// Leaves a state whose output is its input unless it says otherwise.
    fn pass_on(
        &self,
        thread: &mut Thread,
        visit: &Visit<'_>,
        leave: &Leave,
    ) -> Result<Value, Trouble> {
        self.leave(thread, visit, leave, Beside::Nothing, &visit.input)
    }

    /// Evaluates Assign and Output, both with the old variables, and leaves the state.
    fn leave(
        &self,
        thread: &mut Thread,
        visit: &Visit<'_>,
        leave: &Leave,
        beside: Beside<'_>,
        default: &Value,
    ) -> Result<Value, Trouble> {
        let assigned = match &leave.assign {
            Some(assign) => self.evaluate(thread, visit, "Assign", assign, beside)?,
            None => Value::Null,
        };
        let output = match &leave.output {
            Some(output) => self.evaluate(thread, visit, "Output", output, beside)?,
            None => default.clone(),
        };
        check_size(&assigned, &visit.state.name)?;
        let output_text = check_size(&output, &visit.state.name)?;
        let assigned = if let Value::Object(assigned) = assigned {
            assigned
        } else {
            Map::new()
        };
        let mut details = Map::from_iter([("name".to_owned(), json!(visit.state.name))]);
        details.append(&mut history::payload_text("output", output_text));
        if !assigned.is_empty() {
            let texts: Map<String, Value> = assigned
                .iter()
                .map(|(name, value)| (name.clone(), json!(value.to_string())))
                .collect();
            details.insert("assignedVariables".to_owned(), Value::Object(texts));
            details.insert(
                "assignedVariablesDetails".to_owned(),
                json!({ "truncated": false }),
            );
        }
        self.push(
            thread,
            &format!("{}StateExited", visit.state.kind.name()),
            Some(("stateExitedEventDetails", Value::Object(details))),
        );
        thread.variables.extend(assigned);
        Ok(output)
    }

    /// Evaluates a field of the state.
    pub(super) fn evaluate(
        &self,
        thread: &mut Thread,
        visit: &Visit<'_>,
        location: &str,
        template: &Template,
        beside: Beside<'_>,
    ) -> Result<Value, Trouble> {
        if let Some(literal) = template.as_literal() {
            return Ok(literal.clone());
        }
        let hook = self
            .world
            .evaluation_hook
            .lock()
            .expect("no thread panics while it holds the listener")
            .clone();
        let ambient = Ambient {
            now: self.world.clock.now(),
            rng: Arc::clone(&self.execution.rng),
            hook,
        };
        let mut needs = Needs::default();
        template.needs(&mut needs);
        let mut scope = Scope::new(
            self.states(&needs, thread, visit, beside),
            &thread.variables,
            &needs,
            &ambient,
        );
        template
            .evaluate(&mut scope, location)
            .map_err(|failure| self.query_failed(thread, visit, failure))
    }

    /// The value of `$states`, as far as it is read.
    fn states(
        &self,
        needs: &Needs<'_>,
        thread: &Thread,
        visit: &Visit<'_>,
        beside: Beside<'_>,
    ) -> Value {
        let mut states = Map::new();
        if needs.field("input") {
            states.insert("input".to_owned(), visit.input.clone());
        }
        if needs.field("context") {
            states.insert("context".to_owned(), self.context(thread, visit));
        }
        match beside {
            Beside::Result(result) if needs.field("result") => {
                drop(states.insert("result".to_owned(), result.clone()))
            }
            Beside::Error(error) if needs.field("errorOutput") => {
                drop(states.insert("errorOutput".to_owned(), error.clone()))
            }
            _ => {}
        }
        Value::Object(states)
    }

    /// The context object.
    fn context(&self, thread: &Thread, visit: &Visit<'_>) -> Value {
        let (execution, machine) = (&self.execution, &self.execution.machine);
        let mut context = json!({
            "Execution": {
                "Id": execution.arn, "Input": execution.input, "Name": execution.name, "RoleArn": machine.role,
                "StartTime": iso(execution.started), "RedriveCount": execution.redrives(),
            },
            "State": { "Name": visit.state.name, "EnteredTime": iso(visit.entered_at), "RetryCount": visit.retry_count },
            "StateMachine": { "Id": machine.arn, "Name": machine.name },
        });
        if let Some(token) = &visit.token {
            context["Task"] = json!({ "Token": token });
        }
        if let Some(map) = &thread.map {
            context["Map"] = map.clone();
        }
        context
    }

    /// A value that JSONata gave but the field cannot take.
    pub(super) fn wrong_type(
        &self,
        thread: &mut Thread,
        visit: &Visit<'_>,
        location: &str,
        wanted: &str,
    ) -> Trouble {
        let cause = format!(
            "The JSONata expression specified for the field '{location}' did not give {wanted}."
        );
        self.query_failed(
            thread,
            visit,
            QueryFailure {
                location: location.to_owned(),
                cause,
            },
        )
    }

    fn query_failed(
        &self,
        thread: &mut Thread,
        visit: &Visit<'_>,
        failure: QueryFailure,
    ) -> Trouble {
        let state = &visit.state.name;
        let cause = format!(
            "An error occurred while executing the state '{state}' (entered at the event id #{}). {}",
            visit.entered_id, failure.cause
        );
        let details = json!({ "error": errors::QUERY_EVALUATION_ERROR, "cause": cause, "location": failure.location, "state": state });
        self.push(
            thread,
            "EvaluationFailed",
            Some(("evaluationFailedEventDetails", details)),
        );
        Trouble::new(errors::QUERY_EVALUATION_ERROR, cause)
    }

    /// Adds an event to this line's history.
    pub(super) fn push(&self, thread: &mut Thread, kind: &str, details: Option<(&str, Value)>) {
        thread.last = self
            .execution
            .push(self.world.clock.now(), kind, thread.last, details);
    }
}

/// The payload as text; refused when it is over AWS's limit.
pub(super) fn check_size(payload: &Value, state: &str) -> Result<String, Trouble> {
    let text = serde_json::to_string(payload).expect("a JSON value can be written");
    if text.len() <= PAYLOAD_LIMIT_BYTES {
        return Ok(text);
    }
    let cause = format!(
        "The state/task '{state}' returned a result with a size exceeding the maximum number of bytes service limit ({PAYLOAD_LIMIT_BYTES})."
    );
    Err(Trouble::new(errors::DATA_LIMIT_EXCEEDED, cause))
}

/// `$states.errorOutput`, and what a Catch hands on unless it says otherwise.
fn error_output(trouble: &Trouble) -> Value {
    let mut output = Map::new();
    if !trouble.error.is_empty() {
        output.insert("Error".to_owned(), json!(trouble.error));
    }
    if let Some(cause) = &trouble.cause {
        output.insert("Cause".to_owned(), json!(cause));
    }
    Value::Object(output)
}

//! The Lambda host: runs the project's own functions, in this process or each in one of its own, with Lambda's semantics around them.
//!
//! A failed handler answers HTTP 200 with `X-Amz-Function-Error`; a crash, a time-out and a failed init have the error types of the real runtime. Invocation
//! as an event answers at once and is tried three times, a minute and two minutes apart. Each function signs with its role's name. Deliberately absent:
//! versions and aliases, concurrency limits, destinations, payload limits.

mod process;
mod processes;
mod runtime_api;

use std::{
    collections::BTreeMap,
    io,
    panic::AssertUnwindSafe,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicI64, AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

pub use processes::Processes;

use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use bytes::Bytes;
use futures::{FutureExt as _, future::BoxFuture};
use jiff::SignedDuration;
use lambda_kit::{Aws, Env, Function, Invocation, Metrics};
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use crate::{
    connector::{Connector, Router},
    delivery::DeadLetters,
    faults::LambdaFault,
};
use ground::{
    clock::Clock,
    journal::Journal,
    place,
    protocol::{invoked_function, record, refusal, tower_service},
    wire::{Request, Response, json_answer},
};

/// Waits before the second and the third try of an event, as Lambda's asynchronous invocation makes them.
const EVENT_RETRY_WAITS: [Duration; 2] = [Duration::from_secs(60), Duration::from_secs(120)];
const REQUEST_IDS: u16 = 1;

/// A failed invocation, as it stands in the answer's body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionError {
    /// What a state machine branches on.
    pub error_type: String,
    /// For people.
    pub message: String,
}

/// Something the host can call.
pub trait HostedFunction: Send + Sync + 'static {
    /// Handles one event; builds itself first if it is not warm.
    fn invoke(
        &self,
        payload: Value,
        invocation: Invocation,
    ) -> BoxFuture<'static, Result<Value, FunctionError>>;

    /// Handles one event, or begins to, and comes to grief for real; None where the host has to make believe, because there is no process to kill.
    fn struck(
        &self,
        _payload: Value,
        _invocation: Invocation,
        _fault: LambdaFault,
    ) -> Option<BoxFuture<'static, Result<Value, FunctionError>>> {
        None
    }

    /// The process died: the next call starts cold.
    fn crash(&self) {}

    /// How many processes were started for it so far.
    fn processes_started(&self) -> u64 {
        0
    }
}

/// A [`Function`] of this project: built in init from its variables, kept warm until it crashes.
struct Hosted<F> {
    env: Env,
    aws: Aws,
    journal: Journal,
    warm: Arc<Mutex<Option<Arc<F>>>>,
}

impl<F: Function> Hosted<F> {
    fn instance(&self) -> Result<Arc<F>, FunctionError> {
        let mut warm = self
            .warm
            .lock()
            .expect("no thread panics while it holds the instance");
        if let Some(function) = &*warm {
            return Ok(Arc::clone(function));
        }
        let function = F::build(&self.env, &self.aws).map(Arc::new).map_err(|error| {
            self.journal.log(json!({ "level": "ERROR", "function": F::NAME, "message": "init failed", "error": error.to_string() }).to_string());
            FunctionError {
                error_type: "Runtime.ExitError".to_owned(),
                message: format!("Error: Runtime exited with error: exit status 1 ({error})"),
            }
        })?;
        *warm = Some(Arc::clone(&function));
        Ok(function)
    }
}

impl<F: Function> HostedFunction for Hosted<F> {
    fn invoke(
        &self,
        payload: Value,
        invocation: Invocation,
    ) -> BoxFuture<'static, Result<Value, FunctionError>> {
        let instance = self.instance();
        Box::pin(async move {
            lambda_kit::answer(&*instance?, payload, invocation)
                .await
                .map_err(|failure| FunctionError {
                    error_type: failure.error_type.name().to_owned(),
                    message: failure.message,
                })
        })
    }

    fn crash(&self) {
        *self
            .warm
            .lock()
            .expect("no thread panics while it holds the instance") = None;
    }
}

/// How far a function's clock is ahead of the region's, in milliseconds; behind when negative. All clones are one.
#[derive(Clone, Debug, Default)]
struct Shift(Arc<AtomicI64>);

impl Shift {
    fn get(&self) -> SignedDuration {
        SignedDuration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// A function's clock.
#[derive(Debug)]
struct Shifted {
    clock: Clock,
    shift: Shift,
}

impl TimeSource for Shifted {
    fn now(&self) -> SystemTime {
        (self.clock.now() + self.shift.get()).into()
    }
}

#[derive(Clone)]
struct Registered {
    shift: Shift,
    timeout: Duration,
    event_retries: usize,
    function: Arc<dyn HostedFunction>,
    dead_letters: Option<GivenUp>,
}

/// Where events go that were given up, as whom, and on which way.
#[derive(Clone)]
struct GivenUp {
    queue: String,
    role: String,
    router: Router,
}

/// The service. Cheap to clone; all clones share the functions.
#[derive(Clone)]
pub struct LambdaHost {
    clock: Clock,
    journal: Journal,
    functions: Arc<Mutex<BTreeMap<String, Registered>>>,
    requests: Arc<AtomicU64>,
}

tower_service!(LambdaHost);

impl LambdaHost {
    /// A host without functions.
    #[must_use]
    pub fn new(clock: Clock, journal: Journal) -> Self {
        Self {
            clock,
            journal,
            functions: Arc::default(),
            requests: Arc::default(),
        }
    }

    /// Deploys a function under `name`; a later one of the same name replaces it.
    pub fn register(&self, name: &str, timeout: Duration, function: Arc<dyn HostedFunction>) {
        self.register_by(Shift::default(), name, timeout, function);
    }

    fn register_by(
        &self,
        shift: Shift,
        name: &str,
        timeout: Duration,
        function: Arc<dyn HostedFunction>,
    ) {
        self.functions().insert(
            name.to_owned(),
            Registered {
                shift,
                timeout,
                event_retries: EVENT_RETRY_WAITS.len(),
                function,
                dead_letters: None,
            },
        );
    }

    /// Deploys one of the project's functions: its variables from the template, its credentials those of `role`.
    pub fn host<F: Function>(
        &self,
        name: &str,
        timeout: Duration,
        role: &str,
        variables: &BTreeMap<String, String>,
        connector: &Connector,
    ) {
        let mut all = Connector::variables(role);
        all.insert("AWS_LAMBDA_FUNCTION_NAME".to_owned(), name.to_owned());
        all.extend(variables.clone());
        let shift = Shift::default();
        let time = Shifted {
            clock: self.clock.clone(),
            shift: shift.clone(),
        };
        let env: Env = all.into_iter().collect();
        let aws = Aws::new(&env, connector.http(), SharedTimeSource::new(time))
            .expect("the connector's variables are all it needs");
        let function = Hosted::<F> {
            env,
            aws: aws.with_metrics(self.metrics()),
            journal: self.journal.clone(),
            warm: Arc::default(),
        };
        self.register_by(shift, name, timeout, Arc::new(function));
    }

    /// The names of the functions.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.functions().keys().cloned().collect()
    }

    /// From now on the clock of that function is so far ahead of the region's; behind when negative. In AWS too no two clocks are the same.
    pub fn shift_clock(&self, name: &str, by: SignedDuration) {
        if let Some(registered) = self.functions().get(name) {
            let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
            registered.shift.0.store(millis, Ordering::Relaxed);
        }
    }

    /// By how much the clock of a function differs from the region's at most.
    #[must_use]
    pub fn largest_shift(&self) -> SignedDuration {
        let functions = self.functions();
        let shifts = functions.values().map(|one| one.shift.get().abs());
        shifts.max().unwrap_or_default()
    }

    /// Tries an event of this function again at most this often (`MaximumRetryAttempts`); two is Lambda's own number and the most it allows.
    pub fn limit_event_retries(&self, name: &str, retries: u64) {
        if let Some(registered) = self.functions().get_mut(name) {
            registered.event_retries = usize::try_from(retries)
                .unwrap_or(usize::MAX)
                .min(EVENT_RETRY_WAITS.len());
        }
    }

    /// Sends what this function gives up to the queue, by the function's role.
    pub fn give_up_to(&self, name: &str, queue: &str, role: &str, router: &Router) {
        if let Some(registered) = self.functions().get_mut(name) {
            registered.dead_letters = Some(GivenUp {
                queue: queue.to_owned(),
                role: role.to_owned(),
                router: router.clone(),
            });
        }
    }

    /// Metrics are lines of the functions' log.
    fn metrics(&self) -> Metrics {
        let journal = self.journal.clone();
        Metrics::to(move |line| journal.log(line))
    }

    /// How many processes were started so far, by the functions' names; none for functions that run in this process.
    #[must_use]
    pub fn processes_started(&self) -> BTreeMap<String, u64> {
        let functions = self.functions();
        let started = functions
            .iter()
            .map(|(name, registered)| (name.clone(), registered.function.processes_started()));
        started.filter(|(_, started)| *started > 0).collect()
    }

    /// Forgets all functions: with them goes what they hold of the region.
    pub fn clear(&self) {
        let functions = std::mem::take(&mut *self.functions());
        drop(functions);
    }

    /// Answers one request.
    pub async fn handle(&self, request: Request) -> Response {
        let name = invoked_function(&request);
        let answer = self.invoke(&request, name.as_deref()).await;
        let outcome = record_form(&answer);
        record(
            &self.journal,
            self.clock.now(),
            &request,
            name,
            &outcome,
            false,
        );
        answer
    }

    async fn invoke(&self, request: &Request, name: Option<&str>) -> Response {
        let Some(name) = name else {
            let asked = format!("{} {}", request.method(), request.uri().path());
            return refusal(
                "lambda",
                404,
                "UnknownOperationException",
                &format!("the sandbox's Lambda knows only Invoke, not {asked}"),
            );
        };
        let Some(registered) = self.functions().get(name).cloned() else {
            let text = format!(
                "Function not found: {}",
                place::arn("lambda", &format!("function:{name}"))
            );
            return refusal("lambda", 404, "ResourceNotFoundException", &text);
        };
        let body = if request.body().is_empty() {
            Ok(json!({}))
        } else {
            serde_json::from_slice(request.body())
        };
        let Ok(payload) = body else {
            return refusal(
                "lambda",
                400,
                "InvalidRequestContentException",
                "Could not parse request body into json",
            );
        };
        let fault = request.extensions().get::<LambdaFault>().copied();
        match request
            .headers()
            .get("x-amz-invocation-type")
            .map_or(Ok("RequestResponse"), |kind| kind.to_str())
        {
            // A task of its own: a caller that goes away (an execution that was stopped) does not stop the function.
            Ok("RequestResponse") => {
                let (host, name) = (self.clone(), name.to_owned());
                let run =
                    tokio::spawn(async move { host.run(&name, &registered, payload, fault).await });
                answered(run.await.unwrap_or_else(|_| {
                    Err(FunctionError {
                        error_type: "Runtime.ExitError".to_owned(),
                        message: "Runtime exited without providing a reason".to_owned(),
                    })
                }))
            }
            Ok("Event") => {
                tokio::spawn(
                    self.clone()
                        .deliver(name.to_owned(), registered, payload, fault),
                );
                let mut answer = json_answer(202, "application/json", &Value::Null);
                *answer.body_mut() = Bytes::new();
                answer
            }
            other => refusal(
                "lambda",
                400,
                "InvalidParameterValueException",
                &format!("the sandbox does not know the invocation type {other:?}"),
            ),
        }
    }

    /// An event: tried until it is answered or the tries are used up. A fault strikes the first try only.
    async fn deliver(
        self,
        name: String,
        registered: Registered,
        payload: Value,
        mut fault: Option<LambdaFault>,
    ) {
        for wait in EVENT_RETRY_WAITS
            .into_iter()
            .take(registered.event_retries)
            .map(Some)
            .chain([None])
        {
            let result = self
                .run(&name, &registered, payload.clone(), fault.take())
                .await;
            match (result, wait) {
                (Ok(_), _) => return,
                (Err(_), Some(wait)) => tokio::time::sleep(wait).await,
                (Err(error), None) => {
                    let line = json!({ "level": "ERROR", "function": name, "message": "the event was given up after its last try", "error": error.error_type });
                    self.journal.log(line.to_string());
                    if let Some(to) = registered.dead_letters.clone() {
                        let letters = DeadLetters {
                            queue: to.queue,
                            caller: to.role,
                            source: None,
                            event: payload.to_string(),
                        };
                        let why = &error.message;
                        letters.send(&to.router, &self.journal, "lambda", why).await;
                    }
                }
            }
        }
    }

    /// One run of the handler, or two, or none, with what goes wrong on purpose.
    async fn run(
        &self,
        name: &str,
        registered: &Registered,
        payload: Value,
        fault: Option<LambdaFault>,
    ) -> Result<Value, FunctionError> {
        let crashed = |id: &str| {
            registered.function.crash();
            Err(FunctionError {
                error_type: "Runtime.ExitError".to_owned(),
                message: format!(
                    "RequestId: {id} Error: Runtime exited without providing a reason"
                ),
            })
        };
        let timed_out = |id: &str| {
            registered.function.crash();
            let seconds = registered.timeout.as_secs_f64();
            let message =
                format!("RequestId: {id} Error: Task timed out after {seconds:.2} seconds");
            Err(FunctionError {
                error_type: "Sandbox.Timedout".to_owned(),
                message,
            })
        };
        let id = self.next_id();
        let struck = fault.and_then(|fault| {
            registered
                .function
                .struck(payload.clone(), self.invocation(registered, &id), fault)
        });
        if let Some(struck) = struck {
            return tokio::time::timeout(registered.timeout, struck)
                .await
                .unwrap_or_else(|_| timed_out(&id));
        }
        match fault {
            Some(LambdaFault::CrashBefore) => return crashed(&id),
            Some(LambdaFault::TimeOutBefore) => {
                tokio::time::sleep(registered.timeout).await;
                return timed_out(&id);
            }
            Some(LambdaFault::RunTwice) => {
                let first = self.call(registered, payload.clone(), id.clone()).await;
                self.journal.log(
                    json!({ "level": "INFO", "function": name, "message": "the event is delivered a second time", "first": first.is_some_and(|result| result.is_ok()) })
                        .to_string(),
                );
            }
            Some(LambdaFault::CrashAfter | LambdaFault::TimeOutAfter) | None => {}
        }
        let started = tokio::time::Instant::now();
        let result = tokio::time::timeout(
            registered.timeout,
            self.call(registered, payload, id.clone()),
        )
        .await;
        match (result, fault) {
            (Err(_), _) => timed_out(&id),
            (Ok(None), _) | (Ok(_), Some(LambdaFault::CrashAfter)) => crashed(&id),
            (Ok(_), Some(LambdaFault::TimeOutAfter)) => {
                tokio::time::sleep_until(started + registered.timeout).await;
                timed_out(&id)
            }
            (Ok(Some(result)), _) => result,
        }
    }

    /// The handler itself; None when it panicked, which in the deployed function ends the process.
    async fn call(
        &self,
        registered: &Registered,
        payload: Value,
        request_id: String,
    ) -> Option<Result<Value, FunctionError>> {
        let invocation = self.invocation(registered, &request_id);
        AssertUnwindSafe(registered.function.invoke(payload, invocation))
            .catch_unwind()
            .await
            .ok()
    }

    fn invocation(&self, registered: &Registered, id: &str) -> Invocation {
        Invocation {
            request_id: id.to_owned(),
            now: self.clock.now() + registered.shift.get(),
        }
    }

    fn next_id(&self) -> String {
        place::id(REQUEST_IDS, self.requests.fetch_add(1, Ordering::Relaxed))
    }

    fn functions(&self) -> MutexGuard<'_, BTreeMap<String, Registered>> {
        self.functions
            .lock()
            .expect("no thread panics while it holds the functions")
    }
}

/// The answer of a synchronous invocation: 200 also when the function failed.
fn answered(result: Result<Value, FunctionError>) -> Response {
    let body = match &result {
        Ok(value) => value.clone(),
        Err(error) => json!({ "errorType": error.error_type, "errorMessage": error.message }),
    };
    let mut answer = json_answer(200, "application/json", &body);
    answer.headers_mut().insert(
        "x-amz-executed-version",
        http::HeaderValue::from_static("$LATEST"),
    );
    if result.is_err() {
        answer.headers_mut().insert(
            "x-amz-function-error",
            http::HeaderValue::from_static("Unhandled"),
        );
    }
    answer
}

/// For the record, a failed function is a failed call, though the caller got a 200.
fn record_form(answer: &Response) -> Response {
    if !answer.headers().contains_key("x-amz-function-error") {
        return answer.clone();
    }
    let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    refusal(
        "lambda",
        400,
        body["errorType"].as_str().unwrap_or("Unhandled"),
        "",
    )
}

/// Writes log lines into the region's record, for `lambda_kit::log_layer`.
#[derive(Clone)]
pub struct LogWriter(Journal);

impl LogWriter {
    /// Into this record.
    #[must_use]
    pub fn new(journal: Journal) -> Self {
        Self(journal)
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = Line;

    fn make_writer(&'a self) -> Line {
        Line {
            journal: self.0.clone(),
            text: Vec::new(),
        }
    }
}

/// One log line under way; recorded when it is complete.
pub struct Line {
    journal: Journal,
    text: Vec<u8>,
}

impl io::Write for Line {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        for line in String::from_utf8_lossy(&self.text).lines() {
            self.journal.log(line);
        }
    }
}

#[cfg(test)]
mod tests;

//! Functions as Lambda runs them: the deployed binary, in a process of its own, on the Runtime API.
//!
//! A process is started when an event finds none that is idle, and kept for the next event. It ends when it crashes, when its time is up, and with the region. While one is at work
//! the region's time passes at the machine's pace, because what the process does takes real time; between invocations it passes as it does elsewhere.

use std::{
    collections::BTreeMap,
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::future::BoxFuture;
use jiff::SignedDuration;
use lambda_kit::Invocation;
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};

use super::{
    FunctionError, HostedFunction, LambdaHost,
    process::Process,
    runtime_api::{Event, RuntimeApi},
};
use crate::{connector::Connector, faults::LambdaFault, template::FunctionSpec};
use ground::pace;

/// Where the binaries are, and where the region listens for them.
#[derive(Clone, Debug)]
pub struct Processes {
    /// Holds `<package>` (cargo's build) or `<package>/bootstrap` (cargo-lambda's) for each function.
    pub directory: PathBuf,
    /// The region's, as the functions' `AWS_ENDPOINT_URL`.
    pub endpoint: String,
}

impl Processes {
    fn binary(&self, package: &str) -> Result<PathBuf, String> {
        let candidates = [
            self.directory.join(package).join("bootstrap"),
            self.directory.join(package),
        ];
        let found = candidates.into_iter().find(|path| path.is_file());
        let found = found.ok_or_else(|| {
            format!(
                "there is neither {package} nor {package}/bootstrap in {}",
                self.directory.display()
            )
        })?;
        found.canonicalize().map_err(|error| error.to_string())
    }
}

impl LambdaHost {
    /// Deploys a function of the template as its binary.
    ///
    /// # Errors
    /// When there is no such binary.
    pub fn host_process(&self, spec: &FunctionSpec, processes: &Processes) -> Result<(), String> {
        let binary = processes.binary(&spec.package)?;
        let timeout = Duration::from_secs(spec.timeout_secs);
        let function = Function {
            name: spec.name.clone(),
            arn: spec.arn.clone(),
            variables: variables(spec, processes, &binary),
            binary,
            timeout,
            lines: self.lines(),
            idle: Mutex::default(),
            started: AtomicU64::new(0),
        };
        self.register(&spec.name, timeout, Arc::new(Hosted(Arc::new(function))));
        Ok(())
    }

    /// Where processes write their lines: into the record, until the last of them has ended.
    fn lines(&self) -> mpsc::UnboundedSender<String> {
        let (lines, mut written) = mpsc::unbounded_channel();
        let journal = self.journal.clone();
        tokio::spawn(async move {
            while let Some(line) = written.recv().await {
                journal.log(line);
            }
        });
        lines
    }
}

/// What Lambda puts into the environment of a process, and what the template does.
fn variables(
    spec: &FunctionSpec,
    processes: &Processes,
    binary: &Path,
) -> BTreeMap<String, String> {
    let mut all = Connector::variables(&spec.role);
    let region = all["AWS_REGION"].clone();
    let root = binary
        .parent()
        .unwrap_or(Path::new("/"))
        .display()
        .to_string();
    let pairs = [
        ("AWS_DEFAULT_REGION", region),
        ("AWS_SESSION_TOKEN", "sandbox".to_owned()),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023".to_owned()),
        ("AWS_LAMBDA_FUNCTION_NAME", spec.name.clone()),
        (
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            spec.memory_mb.to_string(),
        ),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST".to_owned()),
        ("AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand".to_owned()),
        (
            "AWS_LAMBDA_LOG_GROUP_NAME",
            format!("/aws/lambda/{}", spec.name),
        ),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "sandbox".to_owned()),
        ("LAMBDA_TASK_ROOT", root),
        ("LANG", "en_US.UTF-8".to_owned()),
        ("TZ", ":UTC".to_owned()),
        ("_HANDLER", "bootstrap".to_owned()),
        ("AWS_ENDPOINT_URL", processes.endpoint.clone()),
        (
            "CLOCK_LOOPBACK_TIME_LIMIT_MS",
            (spec.timeout_secs * 1000).to_string(),
        ),
    ];
    all.extend(pairs.map(|(name, value)| (name.to_owned(), value)));
    all.extend(spec.env.clone());
    all
}

struct Hosted(Arc<Function>);

struct Function {
    name: String,
    arn: String,
    binary: PathBuf,
    variables: BTreeMap<String, String>,
    timeout: Duration,
    lines: mpsc::UnboundedSender<String>,
    idle: Mutex<Vec<Environment>>,
    started: AtomicU64,
}

/// A process and the API that it speaks.
struct Environment {
    process: Process,
    api: RuntimeApi,
}

impl HostedFunction for Hosted {
    fn invoke(
        &self,
        payload: Value,
        invocation: Invocation,
    ) -> BoxFuture<'static, Result<Value, FunctionError>> {
        let function = Arc::clone(&self.0);
        Box::pin(async move {
            let (environment, result) =
                pace::in_real_time(function.run(payload, invocation, true)).await;
            function.idle().extend(environment);
            result
        })
    }

    fn struck(
        &self,
        payload: Value,
        invocation: Invocation,
        fault: LambdaFault,
    ) -> Option<BoxFuture<'static, Result<Value, FunctionError>>> {
        let function = Arc::clone(&self.0);
        Some(match fault {
            LambdaFault::RunTwice => return None,
            LambdaFault::CrashBefore => {
                Box::pin(
                    async move { Err(killed(&function.environment().await?, &invocation).await) },
                )
            }
            LambdaFault::TimeOutBefore => Box::pin(async move {
                let environment = function.environment().await?;
                environment
                    .process
                    .suspend()
                    .map_err(|error| cannot_start(&function.name, &error))?;
                let _answer = function.send(&environment, &payload, &invocation, true);
                // Until the host's time limit drops this, and the process with it.
                std::future::pending().await
            }),
            // The effects are there and the answer is on its way.
            LambdaFault::CrashAfter => Box::pin(async move {
                let (environment, result) =
                    pace::in_real_time(function.run(payload, invocation.clone(), false)).await;
                match environment {
                    Some(environment) => Err(killed(&environment, &invocation).await),
                    None => result,
                }
            }),
            LambdaFault::TimeOutAfter => Box::pin(async move {
                let (environment, result) =
                    pace::in_real_time(function.run(payload, invocation, false)).await;
                if environment.is_some() {
                    std::future::pending().await
                } else {
                    result
                }
            }),
        })
    }

    fn processes_started(&self) -> u64 {
        self.0.started.load(Ordering::Relaxed)
    }
}

impl Function {
    /// One event, and the environment it ran in unless the process died. Dropped before its end, this takes the process with it: so a time-out ends what is at work.
    async fn run(
        &self,
        payload: Value,
        invocation: Invocation,
        acknowledged: bool,
    ) -> (Option<Environment>, Result<Value, FunctionError>) {
        let environment = match self.environment().await {
            Ok(environment) => environment,
            Err(error) => return (None, Err(error)),
        };
        let answer = self.send(&environment, &payload, &invocation, acknowledged);
        tokio::select! {
            biased;
            Ok(result) = answer => (Some(environment), result),
            how = environment.process.ended() => {
                let error = environment.api.init_error().unwrap_or_else(|| died(&invocation, &how));
                (None, Err(error))
            }
        }
    }

    /// One that is idle, or a cold start.
    async fn environment(&self) -> Result<Environment, FunctionError> {
        let idle = std::iter::from_fn(|| self.idle().pop())
            .find(|environment| !environment.process.has_ended());
        match idle {
            Some(environment) => Ok(environment),
            None => self
                .start()
                .await
                .map_err(|error| cannot_start(&self.name, &error)),
        }
    }

    async fn start(&self) -> io::Result<Environment> {
        let api = RuntimeApi::start().await?;
        let mut variables = self.variables.clone();
        variables.insert("AWS_LAMBDA_RUNTIME_API".to_owned(), api.address.to_string());
        let process = Process::start(&self.binary, &variables, self.lines.clone())?;
        self.started.fetch_add(1, Ordering::Relaxed);
        Ok(Environment { process, api })
    }

    fn send(
        &self,
        environment: &Environment,
        payload: &Value,
        invocation: &Invocation,
        acknowledged: bool,
    ) -> oneshot::Receiver<Result<Value, FunctionError>> {
        let (answer, answered) = oneshot::channel();
        environment.api.send(Event {
            request_id: invocation.request_id.clone(),
            function_arn: self.arn.clone(),
            deadline: invocation.now
                + SignedDuration::try_from(self.timeout).unwrap_or(SignedDuration::MAX),
            payload: Bytes::from(payload.to_string()),
            acknowledged,
            answer,
        });
        answered
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Environment>> {
        self.idle
            .lock()
            .expect("no thread panics while it holds the processes")
    }
}

async fn killed(environment: &Environment, invocation: &Invocation) -> FunctionError {
    environment.process.kill();
    died(
        invocation,
        &pace::in_real_time(environment.process.ended()).await,
    )
}

fn died(invocation: &Invocation, how: &str) -> FunctionError {
    FunctionError {
        error_type: "Runtime.ExitError".to_owned(),
        message: format!(
            "RequestId: {} Error: Runtime exited with error: {how}",
            invocation.request_id
        ),
    }
}

fn cannot_start(name: &str, error: &io::Error) -> FunctionError {
    FunctionError {
        error_type: "Runtime.InvalidEntrypoint".to_owned(),
        message: format!("the process of {name} cannot be started: {error}"),
    }
}

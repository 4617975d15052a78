//! Any alarm envelope becomes at most one `remediate` execution per application; so do the end of an execution that published no outcome, and an announced deployment.
//!
//! Input: what EventBridge, an alarm's Lambda action, or SNS delivers. The steps: [`event`] reads the envelope into [`event::Alarm`]s, [`request`] decides
//! what each one asks for, [`execution`] names and writes the execution, [`executions`] starts it. [`broke`] reads ends of executions, [`deployment`] announcements of deployments. Deliberately absent: any look at the application of an alarm, and any look
//! at what is running already. The execution looks for itself, and its lease settles who goes on. Of an announced deployment status, version, tags and operations are read ([`announce`]): an event does not say whether
//! the application has opted in, and often not which version it made.
//!
//! Invariant: nothing is started unless an event says ALARM and names an application of this service, by the `Application` dimension of one of its metrics
//! or by the setting [`settings::ALARM_APPLICATIONS`]; or says that an execution of this state machine, for an application, ended without an outcome; or announces a deployment that the service shows. The same event twice gives the same execution, whichever envelope it comes in.

pub mod announce;
pub mod broke;
pub mod deployment;
pub mod event;
pub mod execution;
pub mod home;
pub mod request;
pub mod settings;
mod text;

use std::collections::BTreeMap;

use executions::{StartError, StartExecution, StateMachineArn, StepFunctions};
use jiff::Timestamp;
use lambda_kit::{
    Aws, Env, ErrorType, Failure, Function, Invocation, Metric, Metrics, Record, SettingError,
};
use ledger::LedgerTable;
use lifecycle::{Policy, sweep::Heard};
use managed_flink::ManagedFlink;
use serde::Serialize;
use serde_json::Value;

use crate::{
    announce::Listener,
    broke::Change,
    deployment::News,
    event::Alarm,
    execution::Execution,
    home::Home,
    request::{ApplicationName, Refusal, Request},
    settings::{AlarmApplications, OwnRoles},
};

/// What became of an event, or of one of its applications.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Outcome {
    /// A remediation was started.
    Started,
    /// An earlier delivery of the same alarm had started it.
    AlreadyStarted,
    /// The event cannot be acted on, and another try would not help.
    Refused,
    /// The event asks for nothing.
    Ignored,
}

/// One application's execution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Started {
    /// The application.
    pub application_name: String,
    /// The execution's name.
    pub execution_name: String,
    /// Started now, or before.
    pub outcome: Outcome,
}

/// The function's result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The most that became of the event.
    pub outcome: Outcome,
    /// Why it was ignored or refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What of it was refused, while the rest was not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub refused: Vec<String>,
    /// What was started, by application.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub executions: Vec<Started>,
}

impl Answer {
    fn of_nothing(outcome: Outcome, reasons: &[String]) -> Self {
        Self {
            outcome,
            reason: Some(reasons.join("; ")),
            refused: Vec::new(),
            executions: Vec::new(),
        }
    }
}

/// The function.
#[derive(Debug)]
pub struct AlarmHandler {
    executions: StepFunctions,
    state_machine: StateMachineArn,
    home: Home,
    applications: AlarmApplications,
    own: OwnRoles,
    flink: ManagedFlink,
    ledger: LedgerTable,
    policy: Policy,
    metrics: Metrics,
}

impl Function for AlarmHandler {
    const NAME: &'static str = "alarm-handler";
    type Event = Value;
    type Answer = Answer;

    fn build(env: &Env, aws: &Aws) -> Result<Self, SettingError> {
        let state_machine: StateMachineArn = env.required(settings::STATE_MACHINE_ARN)?;
        Ok(Self {
            executions: StepFunctions::new(aws, state_machine.clone()),
            home: Home::of(&state_machine),
            state_machine,
            applications: env.or(settings::ALARM_APPLICATIONS, AlarmApplications::default())?,
            own: env.required(settings::OWN_ROLES)?,
            flink: ManagedFlink::new(aws),
            ledger: LedgerTable::new(aws, env.required(settings::LEDGER_TABLE)?),
            policy: lambda_kit::policy(env)?,
            metrics: aws.metrics().of_stack(lambda_kit::stack(env)?),
        })
    }

    async fn handle(&self, event: Value, invocation: Invocation) -> Result<Answer, Failure> {
        let requests = if let Some(change) = broke::read(&event, &self.state_machine, &self.home) {
            Requests::of_change(change)
        } else if let Some(news) = deployment::read(&event, &self.home, &self.own) {
            self.announced(news, invocation.now).await
        } else {
            Requests::of(event::read(&event, &self.home), &self.applications)
        };
        let mut record = Record::of(Self::NAME, &invocation);
        let result = start_all(&self.executions, requests, &mut record).await;
        self.metrics.emit(&record);
        result
    }
}

impl AlarmHandler {
    /// What an announced deployment asks for.
    async fn announced(&self, news: Result<News, Refusal>, now: Timestamp) -> Requests {
        let mut requests = Requests::default();
        let deployment = match news {
            Err(refusal) => {
                requests.refused.push(refusal);
                return requests;
            }
            Ok(News::Nothing { because }) => {
                requests.ignore(because);
                return requests;
            }
            Ok(News::Deployed(deployment)) => deployment,
        };
        let listener = Listener {
            flink: &self.flink,
            ledger: &self.ledger,
            policy: &self.policy,
            now,
        };
        match Box::pin(listener.hear(&deployment)).await {
            Heard::Nothing { because } => requests.ignore(format!(
                "{} announced a deployment of {}, which {because}",
                deployment.by, deployment.application
            )),
            Heard::Start(start) => {
                let execution = Execution::of_deployment(start);
                requests
                    .executions
                    .insert(deployment.application, execution);
            }
        }
        requests
    }
}

/// What all alarms of one event ask for, together.
#[derive(Debug, Default)]
struct Requests {
    executions: BTreeMap<ApplicationName, Execution>,
    ignored: Vec<String>,
    refused: Vec<Refusal>,
}

impl Requests {
    fn of(alarms: Vec<Result<Alarm, Refusal>>, applications: &AlarmApplications) -> Self {
        let mut requests = Self::default();
        for alarm in alarms {
            match alarm.and_then(|alarm| Ok((request::of(&alarm, applications)?, alarm))) {
                Err(refusal) => requests.refused.push(refusal),
                Ok((Request::Nothing { because }, _)) => requests.ignore(because),
                Ok((
                    Request::Remediate {
                        applications,
                        refused,
                    },
                    alarm,
                )) => {
                    requests.refused.extend(refused);
                    for application in applications {
                        // The first alarm wins, so that a repeated delivery of the same records gives the same names.
                        requests
                            .executions
                            .entry(application)
                            .or_insert_with_key(|application| Execution::of(application, &alarm));
                    }
                }
            }
        }
        requests
    }

    /// What the end of an execution asks for.
    fn of_change(change: Result<Change, Refusal>) -> Self {
        let mut requests = Self::default();
        match change {
            Err(refusal) => requests.refused.push(refusal),
            Ok(Change::Nothing { because }) => requests.ignore(because),
            Ok(Change::Broke(dead)) => {
                requests
                    .executions
                    .insert(dead.application.clone(), Execution::after(&dead));
            }
        }
        requests
    }

    /// Whoever delivers events does not read the answer, so the log must say it.
    fn ignore(&mut self, because: String) {
        tracing::info!(because, "ignored");
        self.ignored.push(because);
    }
}

/// Starts what can be started before it tells what cannot: one bad record, or one failed call, does not hold back another application's rescue. Lambda
/// repeats a failed event, and what was started before is then [`Outcome::AlreadyStarted`]. A refusal is a failure only where somebody must look into the
/// event: Lambda would repeat it twice and keep it as a dead letter.
async fn start_all(
    verb: &impl StartExecution,
    requests: Requests,
    record: &mut Record,
) -> Result<Answer, Failure> {
    let Requests {
        executions,
        ignored,
        refused,
    } = requests;
    for (metric, seen) in [
        (Metric::AlarmsIgnored, ignored.len()),
        (Metric::AlarmsRefused, refused.len()),
    ] {
        if seen > 0 {
            record.add(metric, seen as u64);
        }
    }
    if let (1, Some(application)) = (executions.len(), executions.keys().next()) {
        record.about(application.as_str());
    }
    let mut started = Vec::new();
    let (kept, refused): (Vec<_>, Vec<_>) = refused.into_iter().partition(Refusal::needs_somebody);
    let refused: Vec<String> = refused.iter().map(told).collect();
    let mut failures: Vec<Failure> = kept
        .iter()
        .map(|refusal| Failure::new(ErrorType::BadInput, told(refusal)))
        .collect();
    for refusal in &refused {
        tracing::warn!(refusal, "refused");
    }
    for (application, execution) in executions {
        let outcome = match verb
            .start_execution(execution.name(), execution.input())
            .await
        {
            Ok(()) => Outcome::Started,
            Err(StartError::AlreadyExists) => Outcome::AlreadyStarted,
            Err(error) => {
                record.add(Metric::ExecutionsNotStarted, 1);
                let mut failure = Failure::of(error.error_type(), &error);
                let what = if error.is_outcome_unknown() {
                    format!("it is not known whether the remediation of {application} was started")
                } else {
                    format!("no remediation of {application} was started")
                };
                failure.message = format!("{what}: {}", failure.message);
                failures.push(failure);
                continue;
            }
        };
        let metric = if outcome == Outcome::Started {
            Metric::ExecutionsStarted
        } else {
            Metric::ExecutionsAlreadyStarted
        };
        record.add(metric, 1);
        tracing::info!(
            application = application.as_str(),
            execution = execution.name(),
            ?outcome,
            "remediation"
        );
        started.push(Started {
            application_name: application.into(),
            execution_name: execution.name().to_owned(),
            outcome,
        });
    }
    if let Some(failure) = together(failures, &started) {
        return Err(failure);
    }
    let best = started.iter().map(|started| started.outcome).min();
    Ok(match best {
        Some(outcome) => Answer {
            outcome,
            reason: None,
            refused,
            executions: started,
        },
        None if refused.is_empty() => Answer::of_nothing(Outcome::Ignored, &ignored),
        None => Answer::of_nothing(Outcome::Refused, &refused),
    })
}

fn told(refusal: &Refusal) -> String {
    format!("{} refuses the event: {refusal}", AlarmHandler::NAME)
}

/// One failure out of several: worth another try if any of them is, and telling all of them.
fn together(failures: Vec<Failure>, started: &[Started]) -> Option<Failure> {
    let first = failures.first()?.error_type;
    let retryable = failures
        .iter()
        .any(|failure| failure.error_type == ErrorType::Retryable);
    let mut message = failures
        .into_iter()
        .map(|failure| failure.message)
        .collect::<Vec<_>>()
        .join("; ");
    for Started {
        application_name, ..
    } in started
    {
        message.push_str(&format!(
            "; the remediation of {application_name} was started"
        ));
    }
    Some(Failure::new(
        if retryable {
            ErrorType::Retryable
        } else {
            first
        },
        message,
    ))
}

//! A region in which Step Functions, DynamoDB, SNS and EventBridge are another engine's.
//!
//! Managed Flink, Lambda, CloudWatch and the schedules stay the region's. Inside, every request for one of the four services is passed on, and so is every event of the region's
//! own services (an alarm that rings); outside, the other engine calls the region as it would call AWS, over TCP, and asks for the time and for sleep under `/sandbox/`. What DynamoDB, SNS and EventBridge answer is compared with what the
//! region's own would have answered. Executions over there are recorded by the region's Step Functions as if they were its own, so scenarios end and complain as ever.
//!
//! Invariant: time passes only while nobody over there computes ([`Lockstep`]), so the same seed gives the same instants on both engines.

pub mod cli;
mod client;
mod compare;
mod lockstep;
mod record;
mod transcript;

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use serde::Deserialize;
use serde_json::{Value, json};

pub use compare::Answers;
pub use lockstep::Lockstep;
pub use record::Recorder;
pub use transcript::{Asked, TranscriptError, stack, transcript};

use asl::TaskFailure;
use emulated_aws::{connector::Router, events, faults};
use ground::{
    journal::Actor,
    place,
    protocol::{aws_json, form_field},
    wire::{self, Request, Response, json_answer, json_error},
};
use region::Region;

/// The services that are the other engine's.
const THEIRS: [&str; 4] = ["states", "dynamodb", "sns", "events"];
/// Under this path the other engine's launcher speaks to the region.
const CONTROL: &str = "/sandbox/";

/// The other engine. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct External(Arc<Parts>);

struct Parts {
    region: Region,
    engine: SocketAddr,
    lockstep: Lockstep,
    answers: Mutex<Answers>,
    troubles: Mutex<Vec<String>>,
}

/// What the launcher tells of one execution, or of one line of computing within it.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct Told {
    state_machine_arn: Option<String>,
    execution_arn: Option<String>,
    input: String,
    output: Option<String>,
    error: String,
    cause: String,
    seconds: f64,
}

impl External {
    /// From now on the four services of `region` are those at `engine`.
    #[must_use]
    pub fn attach(region: &Region, engine: SocketAddr) -> Self {
        let parts = Parts {
            region: region.clone(),
            engine,
            lockstep: Lockstep::default(),
            answers: Mutex::default(),
            troubles: Mutex::default(),
        };
        let external = Self(Arc::new(parts));
        tokio::spawn(external.0.lockstep.clone().keep());
        let inside = external.clone();
        region.router().wrap(|own| {
            move |request| {
                let (external, own) = (inside.clone(), own.clone());
                Box::pin(async move {
                    match wire::service(&request) {
                        Some(service) if THEIRS.contains(&service.as_str()) => {
                            external.pass_on(&service, request, &own).await
                        }
                        _ => own.send(request).await,
                    }
                })
            }
        });
        // Weak, or the bus would hold the region that holds the bus.
        let parts = Arc::downgrade(&external.0);
        region.bus().emit_elsewhere(Arc::new(move |event| {
            if let Some(parts) = parts.upgrade() {
                tokio::spawn(Self(parts).emit(event));
            }
        }));
        external
    }

    /// An event of one of the region's own services, for the other engine's rules.
    async fn emit(self, event: Value) {
        let _held = self.0.lockstep.hold();
        let entry = json!({
            "Source": event["source"], "DetailType": event["detail-type"], "Detail": event["detail"].to_string(),
            "Resources": event["resources"], "Time": event["time"],
        });
        let request = aws_json(
            events::CALLER,
            "events",
            "AWSEvents.PutEvents",
            "1.1",
            &json!({ "Entries": [entry] }),
        );
        match client::exchange(self.0.engine, request).await {
            Ok(answer) if answer.status().is_success() => {}
            Ok(answer) => drop(self.trouble(&format!(
                "events refused an event: {}",
                String::from_utf8_lossy(answer.body())
            ))),
            Err(error) => drop(self.trouble(&format!("events did not answer: {error}"))),
        }
    }

    /// What the other engine's requests go to.
    #[must_use]
    pub fn front(&self) -> Router {
        let external = self.clone();
        Router::new(move |request| {
            let external = external.clone();
            Box::pin(async move {
                match request.uri().path().strip_prefix(CONTROL) {
                    Some(verb) => external.control(verb, &request).await,
                    None => {
                        let _waiting = external.0.lockstep.wait();
                        let mut answer = external.0.region.router().send(request).await;
                        let now = external.now().parse().expect("a date is header text");
                        answer.headers_mut().insert("x-sandbox-now", now);
                        answer
                    }
                }
            })
        })
    }

    /// The answers that were compared.
    pub fn answers(&self) -> MutexGuard<'_, Answers> {
        self.0
            .answers
            .lock()
            .expect("no thread panics while it compares")
    }

    /// What went wrong between the engines: any of it makes a comparison worthless.
    #[must_use]
    pub fn troubles(&self) -> Vec<String> {
        self.0
            .troubles
            .lock()
            .expect("no thread panics while it complains")
            .clone()
    }

    /// Time no longer waits for the other engine.
    pub fn release(&self) {
        self.0.lockstep.release();
    }

    /// A request to one of the four services: the other engine's answer counts.
    async fn pass_on(&self, service: &str, request: Request, own: &Router) -> Response {
        let _held = self.0.lockstep.hold();
        let mut request = self.named(request);
        // Whoever's the service is, what goes wrong on the way to it does so once, before either hears of it.
        let region = &self.0.region;
        if let Some(refusal) =
            region
                .faults()
                .refuse(&mut request, region.clock(), region.journal())
        {
            return refusal;
        }
        let theirs = match client::exchange(self.0.engine, request.clone()).await {
            Ok(answer) => answer,
            Err(error) => return self.trouble(&format!("{service} did not answer: {error}")),
        };
        if service != "states" {
            let ours = own.send(request.clone()).await;
            self.answers().compare(&request, &theirs, &ours);
        }
        if let Some(subject) = form_field(&request, "Subject")
            .filter(|_| service == "sns" && theirs.status().is_success())
        {
            self.0.region.journal().tell(
                Actor::Lifeguard,
                None,
                format!("tells people: {subject}"),
            );
        }
        theirs
    }

    /// An execution whose starter gives no name gets the one that the region's own Step Functions would have drawn: ids stand in outputs, which are compared.
    fn named(&self, request: Request) -> Request {
        if wire::service(&request).as_deref() != Some("states")
            || wire::verb(&request) != Some("StartExecution")
        {
            return request;
        }
        let (parts, body) = request.into_parts();
        let body = match serde_json::from_slice::<Value>(&body) {
            Ok(mut asked) if asked.is_object() && asked.get("name").is_none() => {
                asked["name"] = json!(self.0.region.states().draw_name());
                asked.to_string().into()
            }
            _ => body,
        };
        Request::from_parts(parts, body)
    }

    /// `begin`: one more line computes, of a new execution where it is told. `end`: one less, and the execution has ended where it is told. `sleep`: the line waits. `jitter`: what share
    /// of its delay an execution's retry waits.
    async fn control(&self, verb: &str, request: &Request) -> Response {
        let told: Told = match serde_json::from_slice(request.body()) {
            Ok(told) => told,
            Err(error) => {
                return self.trouble(&format!(
                    "the launcher said what is not understood: {error}"
                ));
            }
        };
        let (lockstep, states) = (&self.0.lockstep, self.0.region.states());
        let mut share = 0.0;
        let done = match (verb, &told.execution_arn) {
            ("now", None) => Ok(()),
            ("begin", execution) => {
                lockstep.begins();
                let machine = told.state_machine_arn.as_deref().unwrap_or_default();
                execution
                    .as_ref()
                    .map_or(Ok(()), |arn| states.adopt(machine, arn, &told.input))
                    .map_err(|error| error.to_string())
            }
            ("end", execution) => {
                let closed = execution.as_ref().map_or(Ok(()), |arn| {
                    states
                        .ended_elsewhere(arn, told.result())
                        .map_err(|error| error.to_string())
                });
                if lockstep.ends() {
                    closed
                } else {
                    Err("a line ended that had not begun".to_owned())
                }
            }
            ("sleep", None) => match Duration::try_from_secs_f64(told.seconds) {
                Ok(time) => {
                    let _waiting = lockstep.wait();
                    tokio::time::sleep(time).await;
                    Ok(())
                }
                Err(error) => Err(error.to_string()),
            },
            ("jitter", Some(arn)) => states
                .draw(arn)
                .map(|drawn| share = drawn)
                .map_err(|error| error.to_string()),
            (other, _) => Err(format!("there is no {other}")),
        };
        match done {
            Ok(()) => json_answer(
                200,
                "application/json",
                &json!({ "now": self.now(), "share": share }),
            ),
            Err(why) => self.trouble(&why),
        }
    }

    fn now(&self) -> String {
        format!("{:.3}", self.0.region.clock().now())
    }

    fn trouble(&self, why: &str) -> Response {
        self.0
            .troubles
            .lock()
            .expect("no thread panics while it complains")
            .push(why.to_owned());
        json_error(500, "Trouble", why)
    }
}

impl Told {
    fn result(&self) -> Result<Value, TaskFailure> {
        let failure = || TaskFailure {
            error: self.error.clone(),
            cause: self.cause.clone(),
        };
        self.output
            .as_ref()
            .map(|output| serde_json::from_str(output).unwrap_or_default())
            .ok_or_else(failure)
    }
}

/// Asks Step Functions, whoever's it is, for all that an execution's history has.
///
/// # Errors
/// What the answer says when it is none.
pub async fn history(region: &Region, execution: &str) -> io::Result<Vec<Value>> {
    let (mut events, mut token) = (Vec::new(), None::<String>);
    loop {
        let mut asked = json!({ "executionArn": execution, "maxResults": 1000 });
        if let Some(token) = &token {
            asked["nextToken"] = json!(token);
        }
        let request = aws_json(
            "operator",
            "states",
            "AWSStepFunctions.GetExecutionHistory",
            "1.0",
            &asked,
        );
        let answer = region.router().send(request).await;
        if faults::is_cut(&answer) || !answer.status().is_success() {
            return Err(io::Error::other(format!(
                "{}: {}",
                place::name_of(execution),
                String::from_utf8_lossy(answer.body())
            )));
        }
        let mut body: Value = serde_json::from_slice(answer.body()).map_err(io::Error::other)?;
        events.extend(
            body["events"]
                .as_array_mut()
                .map(std::mem::take)
                .unwrap_or_default(),
        );
        match body["nextToken"].as_str() {
            Some(next) => token = Some(next.to_owned()),
            None => return Ok(events),
        }
    }
}

#[cfg(test)]
mod tests;

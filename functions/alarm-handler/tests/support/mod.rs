//! The function as it is deployed, over the real SDK client; only the connector is not AWS's: it records requests and answers from a script.

#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "support of tests, of which each file uses its part"
)]

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use alarm_handler::AlarmHandler;
use aws_smithy_async::time::{SharedTimeSource, StaticTimeSource};
use aws_smithy_runtime_api::{
    client::{
        http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
        orchestrator::{HttpRequest, HttpResponse},
        result::ConnectorError,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use lambda_kit::{Aws, Env, Failure, Function, Invocation, Metrics, SettingError, answer};
use serde_json::{Value, json};

/// The state machine of these tests.
pub const STATE_MACHINE: &str = "arn:aws:states:eu-central-1:111122223333:stateMachine:remediate";

/// The roles by which the stack of these tests changes applications.
pub const OWN_ROLES: &str = "arn:aws:iam::111122223333:role/lifeguard/rollback,arn:aws:iam::111122223333:role/lifeguard/force-stop-and-restore";

/// One answer of Step Functions.
#[derive(Clone, Debug)]
pub enum Reply {
    /// Started.
    Started,
    /// An error of the service: status, code, message.
    Error(u16, &'static str, &'static str),
    /// The connection breaks.
    Broken,
    /// Any status and body, such as a proxy's page or half an answer.
    Odd(u16, &'static str),
}

/// One call as it went over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The verb, from `X-Amz-Target`.
    pub verb: String,
    /// The request's body.
    pub body: Value,
    /// The execution's input, byte for byte.
    pub input: String,
}

/// What Managed Flink and the ledger answer. By default there is no application, and the ledger is empty.
#[derive(Clone, Debug, Default)]
pub struct Shown {
    /// `orders`, as `DescribeApplication` shows it.
    pub application: Option<Value>,
    /// Its tags.
    pub tags: Value,
    /// Its operations, newest first.
    pub operations: Value,
    /// The ledger's rows, by both keys.
    pub rows: BTreeMap<(String, String), Value>,
    /// A verb that is refused.
    pub denied: Option<&'static str>,
}

impl Shown {
    fn answer(&self, verb: &str, body: &Value) -> (u16, Value) {
        if self.denied == Some(verb) {
            let refused = json!({ "__type": "AccessDeniedException", "message": "no" });
            return (400, refused);
        }
        let gone =
            json!({ "__type": "ResourceNotFoundException", "message": "no such application" });
        match (verb, &self.application) {
            ("GetItem", _) => {
                let key = |name: &str| body["Key"][name]["S"].as_str().unwrap().to_owned();
                let row = self.rows.get(&(key("pk"), key("sk")));
                (
                    200,
                    row.map_or_else(|| json!({}), |row| json!({ "Item": row })),
                )
            }
            ("UpdateItem", _) => (200, json!({})),
            (_, None) => (400, gone),
            ("DescribeApplication", Some(_)) if body["ApplicationName"] != "orders" => (400, gone),
            ("DescribeApplication", Some(detail)) => (200, json!({ "ApplicationDetail": detail })),
            ("ListTagsForResource", _) => (200, json!({ "Tags": self.tags })),
            _ => (
                200,
                json!({ "ApplicationOperationInfoList": self.operations }),
            ),
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Wire {
    calls: Arc<Mutex<Vec<Call>>>,
    reads: Arc<Mutex<Vec<Call>>>,
    replies: Arc<Mutex<VecDeque<Reply>>>,
    shown: Arc<Mutex<Shown>>,
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body: Value =
            serde_json::from_slice(request.body().bytes().expect("the body is in memory"))
                .expect("the body is JSON");
        let verb = request
            .headers()
            .get("x-amz-target")
            .unwrap_or_default()
            .to_owned();
        if let Some((_, read)) = verb
            .split_once('.')
            .filter(|(service, _)| *service != "AWSStepFunctions")
        {
            let (status, answer) = self.shown.lock().unwrap().answer(read, &body);
            let call = Call {
                verb: read.to_owned(),
                body,
                input: String::new(),
            };
            self.reads.lock().unwrap().push(call);
            let status = StatusCode::try_from(status).expect("a status");
            let answer = HttpResponse::new(status, SdkBody::from(answer.to_string()));
            return HttpConnectorFuture::ready(Ok(answer));
        }
        let input = body["input"].as_str().unwrap_or_default().to_owned();
        self.calls.lock().unwrap().push(Call { verb, body, input });
        // When the script has ended, everything works.
        let reply = self
            .replies
            .lock()
            .unwrap()
            .pop_front()
            .unwrap_or(Reply::Started);
        let (status, body) = match reply {
            Reply::Odd(status, body) => {
                let status = StatusCode::try_from(status).expect("a status");
                let answer = HttpResponse::new(status, SdkBody::from(body));
                return HttpConnectorFuture::ready(Ok(answer));
            }
            Reply::Started => (
                200,
                json!({ "executionArn": "arn:aws:states:eu-central-1:111122223333:execution:remediate:x", "startDate": 1_772_359_548.554 }),
            ),
            Reply::Error(status, code, message) => {
                (status, json!({ "__type": code, "message": message }))
            }
            Reply::Broken => {
                return HttpConnectorFuture::ready(Err(ConnectorError::io(
                    "connection reset by peer".into(),
                )));
            }
        };
        let status = StatusCode::try_from(status).expect("a status");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(
            status,
            SdkBody::from(body.to_string()),
        )))
    }
}

/// The function, and what it did.
pub struct Deployed {
    function: AlarmHandler,
    wire: Wire,
    metrics: Arc<Mutex<Vec<Value>>>,
}

impl Deployed {
    /// With the settings that every stack has.
    pub fn new() -> Self {
        Self::with([])
    }

    /// With more settings.
    pub fn with<const N: usize>(settings: [(&str, &str); N]) -> Self {
        Self::build(settings).expect("the settings are right")
    }

    /// With settings that may be wrong.
    pub fn build<const N: usize>(settings: [(&str, &str); N]) -> Result<Self, SettingError> {
        let always = [
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "alarm-handler"),
            ("AWS_SECRET_ACCESS_KEY", "not-a-secret"),
            ("STATE_MACHINE_ARN", STATE_MACHINE),
            ("LEDGER_TABLE", "ledger"),
            ("OWN_ROLES", OWN_ROLES),
        ];
        let env: Env = always.into_iter().chain(settings).collect();
        let wire = Wire::default();
        let connector = SharedHttpConnector::new(wire.clone());
        let http = http_client_fn(move |_, _| connector.clone());
        let metrics = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&metrics);
        let sink = Metrics::to(move |line| {
            sink.lock()
                .unwrap()
                .push(serde_json::from_str(&line).expect("a metrics line is JSON"))
        });
        let aws = Aws::new(
            &env,
            http,
            SharedTimeSource::new(StaticTimeSource::from_secs(1_772_359_549)),
        )?
        .with_metrics(sink);
        Ok(Self {
            function: AlarmHandler::build(&env, &aws)?,
            wire,
            metrics,
        })
    }

    /// Step Functions answers so, in this order, and then always with success.
    pub fn replies(self, replies: impl IntoIterator<Item = Reply>) -> Self {
        *self.wire.replies.lock().unwrap() = replies.into_iter().collect();
        self
    }

    /// Managed Flink and the ledger show this.
    pub fn showing(self, shown: Shown) -> Self {
        *self.wire.shown.lock().unwrap() = shown;
        self
    }

    /// The verbs of all that was read of Managed Flink and the ledger.
    pub fn reads(&self) -> Vec<String> {
        let reads = self.wire.reads.lock().unwrap();
        reads.iter().map(|call| call.verb.clone()).collect()
    }

    /// What was written into the ledger.
    pub fn notes(&self) -> Vec<Value> {
        let reads = self.wire.reads.lock().unwrap();
        let notes = reads.iter().filter(|call| call.verb == "UpdateItem");
        notes.map(|call| call.body.clone()).collect()
    }

    /// Invokes the function.
    pub async fn invoke(&self, event: Value) -> Result<Value, Failure> {
        let now = "2026-03-01T10:05:49Z".parse().expect("a date");
        answer(
            &self.function,
            event,
            Invocation {
                request_id: "8f2c".to_owned(),
                now,
            },
        )
        .await
    }

    /// What went over the wire to Step Functions.
    pub fn calls(&self) -> Vec<Call> {
        self.wire.calls.lock().unwrap().clone()
    }

    /// The inputs of what was started, parsed.
    pub fn inputs(&self) -> Vec<Value> {
        self.calls()
            .iter()
            .map(|call| serde_json::from_str(&call.input).expect("the input is JSON"))
            .collect()
    }

    /// The applications of what was started.
    pub fn applications(&self) -> Vec<String> {
        self.inputs()
            .iter()
            .map(|input| {
                input["applicationName"]
                    .as_str()
                    .unwrap_or_default()
                    .to_owned()
            })
            .collect()
    }

    /// The metrics lines so far.
    pub fn metrics(&self) -> Vec<Value> {
        self.metrics.lock().unwrap().clone()
    }
}

/// One of the files in `tests/fixtures`.
pub fn fixture(name: &str) -> Value {
    let path = format!("{}/tests/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names of all fixtures, in order.
pub fn fixtures() -> Vec<String> {
    let files = std::fs::read_dir(format!("{}/tests/fixtures", env!("CARGO_MANIFEST_DIR")))
        .expect("the folder is there");
    let mut names: Vec<String> = files
        .map(|file| {
            file.expect("readable")
                .path()
                .file_stem()
                .expect("a name")
                .to_string_lossy()
                .into_owned()
        })
        .collect();
    names.sort();
    names
}

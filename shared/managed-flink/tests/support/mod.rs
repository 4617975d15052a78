//! A connector that answers in the same process, so that tests drive the real SDK client: it records every request and answers by a function.
//!
//! Also included by the tests of the functions `rollback` and `force-stop-and-restore`.
#![allow(
    dead_code,
    unreachable_pub,
    reason = "each test binary uses its own part"
)]
#![allow(clippy::unwrap_used, reason = "tests")]

pub mod cbor;
pub mod server;
pub mod service;

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use aws_smithy_async::time::{SharedTimeSource, TimeSource};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use hyper::body::{Body, Frame};
use lambda_kit::{Aws, Env};
use serde_json::{Value, json};

/// One request as it came over the wire.
#[derive(Clone, Debug)]
pub struct Call {
    /// The verb in `X-Amz-Target`, or in the path of RPC v2 CBOR; empty for the Flink REST API.
    pub verb: String,
    /// The whole URL.
    pub url: String,
    /// The JSON body; null when there is none.
    pub body: Value,
    /// The `Cookie` header.
    pub cookie: Option<String>,
}

/// What comes back.
#[allow(clippy::large_enum_variant, reason = "a handful per test")]
pub enum Wire {
    /// An answer.
    Answer(http::Response<SdkBody>),
    /// The connection breaks.
    Broken,
    /// Nothing, for ever.
    Silence,
}

impl Wire {
    /// A JSON answer.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::Answer(
            http::Response::builder()
                .status(status)
                .body(SdkBody::from(body.to_string()))
                .unwrap(),
        )
    }

    /// An AWS JSON error.
    pub fn error(status: u16, code: &str, message: &str) -> Self {
        Self::json(status, &json!({ "__type": code, "message": message }))
    }

    /// An answer with headers and a text.
    pub fn with_headers(status: u16, headers: &[(&str, &str)], body: &str) -> Self {
        let mut answer = http::Response::builder().status(status);
        for (name, value) in headers {
            answer = answer.header(*name, *value);
        }
        Self::Answer(answer.body(SdkBody::from(body.to_owned())).unwrap())
    }

    /// An answer whose body never ends.
    pub fn endless() -> Self {
        Self::Answer(
            http::Response::builder()
                .status(200)
                .body(SdkBody::from_body_1_x(Endless))
                .unwrap(),
        )
    }
}

struct Endless;

impl Body for Endless {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(vec![b' '; 64 * 1024])))))
    }
}

/// The connector.
#[derive(Clone)]
pub struct Double {
    calls: Arc<Mutex<Vec<Call>>>,
    answer: Arc<dyn Fn(&Call) -> Wire + Send + Sync>,
}

impl std::fmt::Debug for Double {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Double")
    }
}

impl Double {
    /// One that answers by `answer`.
    pub fn new(answer: impl Fn(&Call) -> Wire + Send + Sync + 'static) -> Self {
        Self {
            calls: Arc::default(),
            answer: Arc::new(answer),
        }
    }

    /// What clients are made from.
    pub fn aws(&self) -> Aws {
        let env = Env::from_iter([
            ("AWS_ACCESS_KEY_ID", "test"),
            ("AWS_SECRET_ACCESS_KEY", "test"),
            ("AWS_REGION", "eu-west-1"),
        ]);
        let connector = SharedHttpConnector::new(self.clone());
        Aws::new(
            &env,
            http_client_fn(move |_, _| connector.clone()),
            SharedTimeSource::new(Noon),
        )
        .unwrap()
    }

    /// All requests so far.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// The verbs so far.
    pub fn verbs(&self) -> Vec<String> {
        self.calls().into_iter().map(|call| call.verb).collect()
    }

    /// The bodies sent with `verb`.
    pub fn bodies(&self, verb: &str) -> Vec<Value> {
        self.calls()
            .into_iter()
            .filter(|call| call.verb == verb)
            .map(|call| call.body)
            .collect()
    }
}

impl HttpConnector for Double {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let header = |name: &str| request.headers().get(name).map(str::to_owned);
        let in_cbor = header("smithy-protocol").is_some();
        let verb = if in_cbor {
            request
                .uri()
                .rsplit_once("/operation/")
                .unwrap()
                .1
                .to_owned()
        } else {
            header("x-amz-target")
                .and_then(|target| Some(target.split_once('.')?.1.to_owned()))
                .unwrap_or_default()
        };
        let read = |bytes: &[u8]| {
            if in_cbor {
                cbor::read(bytes)
            } else {
                serde_json::from_slice(bytes).unwrap()
            }
        };
        let body = request
            .body()
            .bytes()
            .filter(|bytes| !bytes.is_empty())
            .map_or(Value::Null, read);
        let call = Call {
            verb,
            url: request.uri().to_owned(),
            body,
            cookie: header("cookie"),
        };
        self.calls.lock().unwrap().push(call.clone());
        match (self.answer)(&call) {
            Wire::Answer(answer) => {
                let answer = if in_cbor { translated(answer) } else { answer };
                HttpConnectorFuture::ready(Ok(HttpResponse::try_from(answer).unwrap()))
            }
            Wire::Broken => {
                HttpConnectorFuture::ready(Err(ConnectorError::io("the connection broke".into())))
            }
            Wire::Silence => HttpConnectorFuture::new(std::future::pending()),
        }
    }
}

/// A JSON answer in CBOR.
fn translated(answer: http::Response<SdkBody>) -> http::Response<SdkBody> {
    let (mut head, body) = answer.into_parts();
    let body: Value = serde_json::from_slice(body.bytes().unwrap()).unwrap();
    for (name, value) in [
        ("smithy-protocol", "rpc-v2-cbor"),
        ("content-type", "application/cbor"),
    ] {
        head.headers.insert(name, value.parse().unwrap());
    }
    http::Response::from_parts(head, SdkBody::from(cbor::write(&body)))
}

/// A clock that stands still.
#[derive(Debug)]
struct Noon;

impl TimeSource for Noon {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_345_200)
    }
}

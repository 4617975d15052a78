//! Lambda's Runtime API, as the runtime in a function's process speaks it: it asks for the next event, and posts what became of it.
//!
//! One listener on loopback per process, as each execution environment has its own. Deliberately absent: response streaming, the Extensions and Telemetry APIs, SnapStart.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Method, Response};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
    task::JoinSet,
};

use super::FunctionError;
use ground::wire::json_answer;

const VERSION: &str = "/2018-06-01/runtime/";
/// Lambda's limit on a synchronous answer.
const MAX_ANSWER_BYTES: usize = 6 * 1024 * 1024;

/// One event for the process.
pub(super) struct Event {
    pub(super) request_id: String,
    pub(super) function_arn: String,
    /// In the region's time.
    pub(super) deadline: Timestamp,
    pub(super) payload: Bytes,
    /// Whether the process learns that its answer has arrived. Where it does not, it is still in the middle of the invocation.
    pub(super) acknowledged: bool,
    pub(super) answer: oneshot::Sender<Result<Value, FunctionError>>,
}

/// The API of one process.
pub(super) struct RuntimeApi {
    pub(super) address: SocketAddr,
    events: mpsc::UnboundedSender<Event>,
    shared: Arc<Shared>,
    serving: tokio::task::JoinHandle<()>,
}

struct Shared {
    waiting: tokio::sync::Mutex<mpsc::UnboundedReceiver<Event>>,
    current: Mutex<Option<Event>>,
    init_error: Mutex<Option<FunctionError>>,
}

impl RuntimeApi {
    pub(super) async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let (events, waiting) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            waiting: tokio::sync::Mutex::new(waiting),
            current: Mutex::default(),
            init_error: Mutex::default(),
        });
        let serving = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Ok(Self {
            address,
            events,
            shared,
            serving,
        })
    }

    /// Hands an event to the process as soon as it asks for one.
    pub(super) fn send(&self, event: Event) {
        // The receiver lives as long as this does.
        let _ = self.events.send(event);
    }

    /// What the process said of its init before it ended, if it did.
    pub(super) fn init_error(&self) -> Option<FunctionError> {
        self.shared
            .init_error
            .lock()
            .expect("no thread panics while it holds the error")
            .clone()
    }
}

impl Drop for RuntimeApi {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    // Dropped with this task: the connections end with the environment.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            continue;
        };
        connections.spawn(connection(stream, Arc::clone(&shared)));
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request| answer(Arc::clone(&shared), request));
    // A process that dies cuts its connection; nothing else is to be done about it here.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn answer(
    shared: Arc<Shared>,
    request: http::Request<Incoming>,
) -> io::Result<Response<Full<Bytes>>> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MAX_ANSWER_BYTES)
        .collect()
        .await
        .map_err(io::Error::other)?
        .to_bytes();
    let path = parts.uri.path().strip_prefix(VERSION).unwrap_or_default();
    let answer = match (
        &parts.method,
        path.split('/').collect::<Vec<_>>().as_slice(),
    ) {
        (&Method::GET, ["invocation", "next"]) => shared.next().await,
        (&Method::POST, ["invocation", id, "response"]) => {
            let value = serde_json::from_slice(&body).map_err(|_| FunctionError {
                error_type: "Runtime.InvalidResponse".to_owned(),
                message: "the answer is not JSON".to_owned(),
            });
            shared.done(id, value).await
        }
        (&Method::POST, ["invocation", id, "error"]) => {
            shared.done(id, Err(read_error(&body))).await
        }
        (&Method::POST, ["init", "error"]) => {
            *shared
                .init_error
                .lock()
                .expect("no thread panics while it holds the error") = Some(read_error(&body));
            accepted()
        }
        _ => refused(
            404,
            "UnknownOperation",
            &format!(
                "the sandbox's Runtime API does not know {} {}",
                parts.method,
                parts.uri.path()
            ),
        ),
    };
    Ok(answer.map(Full::new))
}

impl Shared {
    async fn next(&self) -> Response<Bytes> {
        let Some(event) = self.waiting.lock().await.recv().await else {
            // The environment is shut down while the process waits: it gets no answer any more.
            return std::future::pending().await;
        };
        let answer = Response::builder()
            .header("content-type", "application/json")
            .header("lambda-runtime-aws-request-id", &event.request_id)
            .header(
                "lambda-runtime-deadline-ms",
                event.deadline.as_millisecond(),
            )
            .header("lambda-runtime-invoked-function-arn", &event.function_arn)
            .header(
                "lambda-runtime-trace-id",
                format!(
                    "Root=1-00000000-{};Sampled=0",
                    event
                        .request_id
                        .replace('-', "")
                        .get(8..)
                        .unwrap_or_default()
                ),
            )
            .body(event.payload.clone())
            .expect("ids and ARNs are header text");
        *self
            .current
            .lock()
            .expect("no thread panics while it holds the event") = Some(event);
        answer
    }

    async fn done(&self, id: &str, result: Result<Value, FunctionError>) -> Response<Bytes> {
        let current = self
            .current
            .lock()
            .expect("no thread panics while it holds the event")
            .take_if(|event| event.request_id == id);
        let Some(event) = current else {
            return refused(400, "InvalidRequestID", "Invalid request ID");
        };
        // Whoever invoked it may have given up.
        let _ = event.answer.send(result);
        if event.acknowledged {
            accepted()
        } else {
            std::future::pending().await
        }
    }
}

fn read_error(body: &[u8]) -> FunctionError {
    let body: Value = serde_json::from_slice(body).unwrap_or_default();
    let text = |name: &str, otherwise: &str| body[name].as_str().unwrap_or(otherwise).to_owned();
    FunctionError {
        error_type: text("errorType", "Runtime.Unknown"),
        message: text("errorMessage", ""),
    }
}

fn accepted() -> Response<Bytes> {
    json_answer(202, "application/json", &json!({ "status": "OK" }))
}

fn refused(status: u16, kind: &str, message: &str) -> Response<Bytes> {
    json_answer(
        status,
        "application/json",
        &json!({ "errorType": kind, "errorMessage": message }),
    )
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// What a runtime sends, and what it gets.
    async fn exchange(api: &RuntimeApi, method: &str, path: &str, body: &str) -> String {
        let mut stream = TcpStream::connect(api.address).await.unwrap();
        let request = format!(
            "{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    fn event(id: &str) -> (Event, oneshot::Receiver<Result<Value, FunctionError>>) {
        let (answer, answered) = oneshot::channel();
        let event = Event {
            request_id: id.to_owned(),
            function_arn: "arn:aws:lambda:us-east-1:123456789012:function:rollback".to_owned(),
            deadline: "2026-03-04T02:48:00Z".parse().unwrap(),
            payload: Bytes::from_static(b"{\"n\":1}"),
            acknowledged: true,
            answer,
        };
        (event, answered)
    }

    #[tokio::test]
    async fn the_runtime_gets_the_event_with_its_deadline_and_its_answer_reaches_the_caller() {
        let api = RuntimeApi::start().await.unwrap();
        let (first, answered) = event("00000001-0000-4000-8000-000000000001");
        api.send(first);
        let next = exchange(&api, "GET", "invocation/next", "").await;
        assert!(
            next.starts_with("HTTP/1.1 200") && next.ends_with("{\"n\":1}"),
            "{next}"
        );
        for header in [
            "lambda-runtime-aws-request-id: 00000001-",
            "lambda-runtime-deadline-ms: 1772592480000",
            "lambda-runtime-trace-id: Root=1-",
        ] {
            assert!(next.contains(header), "{header} in {next}");
        }
        let other = exchange(&api, "POST", "invocation/another/response", "{}").await;
        assert!(
            other.starts_with("HTTP/1.1 400"),
            "an answer to another event is refused: {other}"
        );
        let accepted = exchange(
            &api,
            "POST",
            "invocation/00000001-0000-4000-8000-000000000001/response",
            "{\"done\":true}",
        )
        .await;
        assert!(accepted.starts_with("HTTP/1.1 202"), "{accepted}");
        assert_eq!(answered.await.unwrap(), Ok(json!({ "done": true })));
    }

    #[tokio::test]
    async fn an_error_has_the_type_that_the_runtime_posted() {
        let api = RuntimeApi::start().await.unwrap();
        let (first, answered) = event("1");
        api.send(first);
        exchange(&api, "GET", "invocation/next", "").await;
        exchange(
            &api,
            "POST",
            "invocation/1/error",
            r#"{"errorType":"Lifeguard.Stale","errorMessage":"version 8, not 7"}"#,
        )
        .await;
        let stale = FunctionError {
            error_type: "Lifeguard.Stale".to_owned(),
            message: "version 8, not 7".to_owned(),
        };
        assert_eq!(answered.await.unwrap(), Err(stale));
        assert_eq!(api.init_error(), None);
        exchange(
            &api,
            "POST",
            "init/error",
            r#"{"errorType":"Init.Broken","errorMessage":"no"}"#,
        )
        .await;
        assert_eq!(api.init_error().unwrap().error_type, "Init.Broken");
        assert!(
            exchange(&api, "GET", "somewhere/else", "")
                .await
                .starts_with("HTTP/1.1 404")
        );
    }
}

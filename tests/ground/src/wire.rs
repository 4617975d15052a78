//! Requests and answers as they come over the wire, whichever way: a socket, or the SDK in the same process.

use bytes::Bytes;
use futures::future::BoxFuture;
use serde_json::{Value, json};

/// A request, its body read.
pub type Request = http::Request<Bytes>;
/// An answer, its body complete.
pub type Response = http::Response<Bytes>;
/// An answer under way.
pub type Answering = BoxFuture<'static, Response>;

/// The access key id that signed the request: in the sandbox it names the role. None when the request is not signed.
pub fn caller(request: &Request) -> Option<String> {
    credential(request).map(|[caller, ..]| caller.to_owned())
}

/// The service in the signature's credential scope, `kinesisanalytics` for Managed Flink: what routes a request.
pub fn service(request: &Request) -> Option<String> {
    credential(request).map(|[_, _, _, service, _]| service.to_owned())
}

/// The verb in `X-Amz-Target`.
pub fn verb(request: &Request) -> Option<&str> {
    request
        .headers()
        .get("x-amz-target")?
        .to_str()
        .ok()?
        .split_once('.')
        .map(|(_, verb)| verb)
}

/// The verb in the path of an RPC v2 CBOR request: `/service/…/operation/DescribeAlarms`.
pub fn rpc_verb(request: &Request) -> Option<&str> {
    request
        .headers()
        .get("smithy-protocol")
        .filter(|protocol| *protocol == "rpc-v2-cbor")?;
    request
        .uri()
        .path()
        .rsplit_once("/operation/")
        .map(|(_, verb)| verb)
}

fn credential(request: &Request) -> Option<[&str; 5]> {
    let header = request
        .headers()
        .get(http::header::AUTHORIZATION)?
        .to_str()
        .ok()?;
    let scope = header
        .split_once("Credential=")?
        .1
        .split([',', ' '])
        .next()?;
    let mut parts = scope.split('/');
    let five = [
        parts.next()?,
        parts.next()?,
        parts.next()?,
        parts.next()?,
        parts.next()?,
    ];
    parts.next().is_none().then_some(five)
}

/// An answer with a JSON body.
pub fn json_answer(status: u16, content_type: &'static str, body: &Value) -> Response {
    http::Response::builder()
        .status(status)
        .header(http::header::CONTENT_TYPE, content_type)
        .header("x-amzn-requestid", "sandbox")
        .body(Bytes::from(
            serde_json::to_vec(body).expect("a JSON value can be written"),
        ))
        .expect("status and headers are constants of this project")
}

/// An AWS JSON protocol error: `code` as the model spells it, and a message for people.
pub fn json_error(status: u16, code: &str, message: &str) -> Response {
    json_answer(
        status,
        "application/x-amz-json-1.1",
        &json!({ "__type": code, "message": message }),
    )
}

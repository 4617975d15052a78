//! What the wire protocols of the services have in common: how a request is made and named, how a refusal looks and is read.
//!
//! Four protocols are spoken here: AWS JSON (verb in `X-Amz-Target`), RPC v2 CBOR (verb in the path: CloudWatch), AWS Query (verb in the form, answers in XML: SNS) and
//! REST JSON (verb in the path: Lambda). Deliberately absent: signature checks; a signature only names the role.

use bytes::Bytes;
use http::header;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    journal::{Call, Journal},
    place::REGION,
    wire::{self, Request, Response},
};

/// The header in which Lambda (and every REST JSON service) names an error.
pub const ERROR_TYPE: &str = "x-amzn-errortype";

/// Who is recorded when a request is not signed.
pub const ANONYMOUS: &str = "anonymous";

/// Signs a request for `service` as `caller`: the access key id is all the region looks at.
#[must_use]
pub fn signed(caller: &str, service: &str, mut request: Request) -> Request {
    let scope = format!(
        "AWS4-HMAC-SHA256 Credential={caller}/20260101/{REGION}/{service}/aws4_request, SignedHeaders=host, Signature=0"
    );
    request.headers_mut().insert(
        header::AUTHORIZATION,
        scope
            .parse()
            .expect("role and service names are header text"),
    );
    request
}

/// A signed AWS JSON request. `target` is the whole of `X-Amz-Target`; `version` is `1.0` or `1.1`.
#[must_use]
pub fn aws_json(caller: &str, service: &str, target: &str, version: &str, body: &Value) -> Request {
    let request = http::Request::post(format!("https://{service}.{REGION}.amazonaws.com/"))
        .header(
            header::CONTENT_TYPE,
            format!("application/x-amz-json-{version}"),
        )
        .header("x-amz-target", target)
        .body(Bytes::from(body.to_string()))
        .expect("service and verb names are header text");
    signed(caller, service, request)
}

/// A signed AWS Query request: a form with the verb as its `Action`.
#[must_use]
pub fn aws_query(
    caller: &str,
    service: &str,
    api_version: &str,
    action: &str,
    parameters: &[(String, String)],
) -> Request {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.append_pair("Action", action)
        .append_pair("Version", api_version);
    form.extend_pairs(parameters);
    let request = http::Request::post(format!("https://{service}.{REGION}.amazonaws.com/"))
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::from(form.finish()))
        .expect("service names are host names");
    signed(caller, service, request)
}

/// A signed invocation of a function: `RequestResponse` waits for its answer, `Event` does not.
#[must_use]
pub fn invocation(caller: &str, function: &str, kind: &str, payload: &Value) -> Request {
    // An ARN's colons may stand in a path as they are.
    let request = http::Request::post(format!(
        "https://lambda.{REGION}.amazonaws.com/2015-03-31/functions/{function}/invocations"
    ))
    .header("x-amz-invocation-type", kind)
    .body(Bytes::from(payload.to_string()))
    .expect("function names are path segments");
    signed(caller, "lambda", request)
}

/// The function named in the path of an Invoke request, by its name alone, whatever form the caller used; None for any other path.
#[must_use]
pub fn invoked_function(request: &Request) -> Option<String> {
    let named = request
        .uri()
        .path()
        .strip_prefix("/2015-03-31/functions/")?
        .strip_suffix("/invocations")?;
    let named = named
        .replace("%3A", ":")
        .replace("%3a", ":")
        .replace("%24", "$");
    match named.split_once("function:") {
        // In an ARN a qualifier may follow the name.
        Some((_, name)) => name.split(':').next().map(str::to_owned),
        None => named.split(':').next().map(str::to_owned),
    }
}

/// The service and the verb of any request to this region: what faults and records are told by. Unsigned requests are the Flink REST API's.
#[must_use]
pub fn verb(request: &Request) -> (String, String) {
    let Some(service) = wire::service(request) else {
        return ("flink".to_owned(), request.uri().path().to_owned());
    };
    let verb = wire::verb(request)
        .or_else(|| wire::rpc_verb(request))
        .map(str::to_owned)
        .or_else(|| form_action(request))
        .or_else(|| invoked_function(request).map(|_| "Invoke".to_owned()));
    (
        service,
        verb.unwrap_or_else(|| request.uri().path().to_owned()),
    )
}

/// Whether a request is one of the AWS Query protocol: a form.
#[must_use]
pub fn is_query(request: &Request) -> bool {
    let content_type = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    content_type.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
}

fn form_action(request: &Request) -> Option<String> {
    form_field(request, "Action")
}

/// A field of a form; None when the request is no form, or has no such field.
#[must_use]
pub fn form_field(request: &Request, name: &str) -> Option<String> {
    if !is_query(request) {
        return None;
    }
    form_urlencoded::parse(request.body())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// A refusal in the protocol of `service`.
#[must_use]
pub fn refusal(service: &str, status: u16, code: &str, message: &str) -> Response {
    match service {
        "sns" => xml_error(status, code, message),
        "lambda" => {
            let mut answer = wire::json_answer(
                status,
                "application/json",
                &json!({ "Type": "User", "message": message }),
            );
            answer.headers_mut().insert(
                ERROR_TYPE,
                code.parse().expect("error codes are header text"),
            );
            answer
        }
        _ => wire::json_error(status, code, message),
    }
}

/// An error of the AWS Query protocol.
fn xml_error(status: u16, code: &str, message: &str) -> Response {
    let fault = if status < 500 { "Sender" } else { "Receiver" };
    let body = format!(
        "<ErrorResponse xmlns=\"http://sns.amazonaws.com/doc/2010-03-31/\"><Error><Type>{fault}</Type><Code>{}</Code><Message>{}</Message></Error>\
         <RequestId>sandbox</RequestId></ErrorResponse>",
        xml_text(code),
        xml_text(message)
    );
    xml_answer(status, body)
}

/// An XML answer.
#[must_use]
pub fn xml_answer(status: u16, body: String) -> Response {
    let mut answer = http::Response::new(Bytes::from(body));
    *answer.status_mut() =
        http::StatusCode::from_u16(status).expect("statuses are constants of this project");
    answer.headers_mut().insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("text/xml"),
    );
    answer
}

/// Text, safe inside an XML element.
#[must_use]
pub fn xml_text(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}

/// What stands in the first element `name` of an XML answer.
#[must_use]
pub fn xml_element(body: &str, name: &str) -> Option<String> {
    let inner = body
        .split_once(&format!("<{name}>"))?
        .1
        .split_once(&format!("</{name}>"))?
        .0;
    Some(
        inner
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"")
            .replace("&amp;", "&"),
    )
}

/// The error code and the text of a refusal in any of the protocols; None when the answer is not a refusal.
#[must_use]
pub fn refused(answer: &Response) -> Option<(String, String)> {
    if answer.status().is_success() {
        return None;
    }
    let text = String::from_utf8_lossy(answer.body());
    if let Some(code) = xml_element(&text, "Code") {
        return Some((code, xml_element(&text, "Message").unwrap_or_default()));
    }
    let body: Value = serde_json::from_str(&text).unwrap_or_default();
    let header = answer
        .headers()
        .get(ERROR_TYPE)
        .and_then(|value| value.to_str().ok());
    let code = header
        .or_else(|| body["__type"].as_str())
        .unwrap_or("UnknownError");
    let message = body["message"]
        .as_str()
        .or_else(|| body["Message"].as_str())
        .unwrap_or_default();
    Some((bare_code(code).to_owned(), message.to_owned()))
}

/// `com.amazonaws.dynamodb.v20120810#ResourceNotFoundException` → `ResourceNotFoundException`.
#[must_use]
pub fn bare_code(code: &str) -> &str {
    code.rsplit('#')
        .next()
        .unwrap_or(code)
        .split(':')
        .next()
        .unwrap_or(code)
}

/// Records one call and its outcome, read from the answer.
pub fn record(
    journal: &Journal,
    at: Timestamp,
    request: &Request,
    resource: Option<String>,
    answer: &Response,
    changed: bool,
) {
    let (service, action) = verb(request);
    // The record has the prefix that policies use; this service signs with another name.
    let service = if service == "monitoring" {
        "cloudwatch".to_owned()
    } else {
        service
    };
    let outcome = refused(answer).map_or_else(|| "ok".to_owned(), |(code, _)| code);
    let caller = wire::caller(request).unwrap_or_else(|| ANONYMOUS.to_owned());
    journal.call(Call {
        at,
        caller,
        service,
        action,
        resource,
        outcome,
        changed,
    });
}

/// Makes a service with an `async fn handle(&self, Request) -> Response` a `tower::Service`.
#[macro_export]
macro_rules! tower_service {
    ($service:ty) => {
        impl tower::Service<$crate::wire::Request> for $service {
            type Response = $crate::wire::Response;
            type Error = std::convert::Infallible;
            type Future = futures::future::BoxFuture<
                'static,
                Result<$crate::wire::Response, std::convert::Infallible>,
            >;

            fn poll_ready(
                &mut self,
                _: &mut std::task::Context<'_>,
            ) -> std::task::Poll<Result<(), Self::Error>> {
                std::task::Poll::Ready(Ok(()))
            }

            fn call(&mut self, request: $crate::wire::Request) -> Self::Future {
                let service = self.clone();
                Box::pin(async move { Ok(service.handle(request).await) })
            }
        }
    };
}
pub use tower_service;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_known_by_its_name_whichever_way_it_is_named() {
        for named in [
            "rollback",
            "rollback:live",
            "arn:aws:lambda:us-east-1:1:function:rollback",
            "arn%3Aaws%3Alambda%3Aus-east-1%3A1%3Afunction%3Arollback:$LATEST",
        ] {
            let request = invocation("role", named, "Event", &json!({}));
            assert_eq!(
                invoked_function(&request).as_deref(),
                Some("rollback"),
                "{named}"
            );
            assert_eq!(verb(&request), ("lambda".to_owned(), "Invoke".to_owned()));
        }
    }

    #[test]
    fn a_refusal_is_read_back_in_every_protocol() {
        for service in ["sns", "lambda", "dynamodb"] {
            let answer = refusal(service, 400, "Throttling", "slow <down> & wait");
            assert_eq!(
                refused(&answer),
                Some(("Throttling".to_owned(), "slow <down> & wait".to_owned())),
                "{service}"
            );
        }
    }

    #[test]
    fn the_verb_of_a_form_is_its_action() {
        let request = aws_query(
            "role",
            "sns",
            "2010-03-31",
            "Publish",
            &[("Message".to_owned(), "a&b".to_owned())],
        );
        assert_eq!(verb(&request), ("sns".to_owned(), "Publish".to_owned()));
        assert_eq!(wire::caller(&request).as_deref(), Some("role"));
    }
}

//! Verbs that the SDK does not have, sent as one that it has: target and body are swapped before the retry loop, so every attempt is signed with them.
//!
//! `ListApplicationSnapshots` is the one to borrow: nothing must be in its answer, so any JSON object is one, and the true answer is read from the bytes. Codes that it does not
//! model arrive all the same.

use aws_sdk_kinesisanalyticsv2::Client;
use aws_smithy_runtime_api::{
    box_error::BoxError,
    client::{
        interceptors::{Intercept, context::BeforeTransmitInterceptorContextMut},
        orchestrator::HttpRequest,
        runtime_components::RuntimeComponents,
    },
};
use aws_smithy_types::{body::SdkBody, config_bag::ConfigBag};
use serde::{Serialize, de::DeserializeOwned};

use crate::{CallError, answer::Answer};

/// The prefix of every verb in `X-Amz-Target`.
const SERVICE: &str = "KinesisAnalytics_20180523";
/// What a request of the borrowed verb must name; it is not sent.
const NOBODY: &str = "borrowed";

/// Calls `verb` with `input`. What it is about is `subject`.
pub(super) async fn call<I, A>(
    client: &Client,
    verb: &'static str,
    subject: &str,
    input: &I,
) -> Result<A, CallError>
where
    I: Serialize + Sync,
    A: DeserializeOwned,
{
    let body =
        serde_json::to_vec(input).map_err(|error| CallError::not_sent(verb, subject, &error))?;
    let answer = Answer::default();
    let request = client
        .list_application_snapshots()
        .application_name(NOBODY)
        .customize()
        .interceptor(AsVerb { verb, body })
        .interceptor(answer.clone());
    Box::pin(request.send())
        .await
        .map_err(|error| CallError::of(verb, subject, &error))?;
    answer
        .read()
        .ok_or_else(|| CallError::incomplete(verb, subject, "shape that this release knows"))
}

/// Puts a body into a request.
pub(super) fn put(request: &mut HttpRequest, body: Vec<u8>) {
    let length = body.len().to_string();
    request.headers_mut().insert("content-length", length);
    *request.body_mut() = SdkBody::from(body);
}

#[derive(Debug)]
struct AsVerb {
    verb: &'static str,
    body: Vec<u8>,
}

impl Intercept for AsVerb {
    fn name(&self) -> &'static str {
        "another verb"
    }

    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        let target = format!("{SERVICE}.{}", self.verb);
        request.headers_mut().insert("x-amz-target", target);
        put(request, self.body.clone());
        Ok(())
    }
}

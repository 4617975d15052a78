//! One GET over the connector that the SDK clients use: bounded in time and size, no redirect followed here.

use std::time::Duration;

use aws_smithy_runtime::client::{
    auth::no_auth::{NO_AUTH_SCHEME_ID, NoAuthScheme},
    identity::{IdentityCache, no_auth::NoAuthIdentityResolver},
    orchestrator::endpoints::StaticUriEndpointResolver,
    retries::strategy::NeverRetryStrategy,
};
use aws_smithy_runtime_api::{
    client::{
        auth::static_resolver::StaticAuthSchemeOptionResolver,
        http::{HttpClient as _, HttpConnector as _, HttpConnectorSettings, SharedHttpConnector},
        identity::SharedIdentityResolver,
        orchestrator::HttpRequest,
        runtime_components::RuntimeComponentsBuilder,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use lambda_kit::Aws;

use super::error::RestProblem;

/// One request with its answer. The dashboard answers in well under a second; a JobManager that restarts does not answer at all.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// The SDK's own connect time-out: with the same settings the connector hands out the same connection pool and reads the root certificates once.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(3_100);
/// Bytes read of one answer. `/jobs/:id` of some hundred vertices is well below; beyond it something is wrong.
pub(super) const ANSWER_LIMIT: usize = 4 * 1024 * 1024;

/// A connector, ready to be called.
#[derive(Clone)]
pub(super) struct Transport(SharedHttpConnector);

/// An answer, its body complete.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) location: Option<String>,
    pub(super) set_cookies: Vec<String>,
    pub(super) body: Bytes,
}

impl Transport {
    /// From the function's shared connector; None when the components cannot be put together.
    pub(super) fn new(aws: &Aws) -> Result<Self, RestProblem> {
        // The connector reads only time and sleep of these; the rest is what "no authentication, no retries" looks like.
        let components = RuntimeComponentsBuilder::new("flink-rest")
            .with_auth_scheme(NoAuthScheme::new())
            .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![
                NO_AUTH_SCHEME_ID,
            ])))
            .with_identity_resolver(
                NO_AUTH_SCHEME_ID,
                SharedIdentityResolver::new(NoAuthIdentityResolver::new()),
            )
            .with_identity_cache(Some(IdentityCache::no_cache()))
            .with_endpoint_resolver(Some(StaticUriEndpointResolver::uri("https://localhost")))
            .with_retry_strategy(Some(NeverRetryStrategy::new()))
            .with_time_source(aws.config().time_source())
            .with_sleep_impl(aws.config().sleep_impl())
            .build()
            .map_err(|_| RestProblem::Unreachable)?;
        let settings = HttpConnectorSettings::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .build();
        Ok(Self(aws.http().http_connector(&settings, &components)))
    }

    /// Sends a GET. Any status is an answer.
    pub(super) async fn get(
        &self,
        url: &str,
        cookies: Option<&str>,
    ) -> Result<Answer, RestProblem> {
        let mut request = http::Request::get(url).header(http::header::ACCEPT, "application/json");
        if let Some(cookies) = cookies {
            request = request.header(http::header::COOKIE, cookies);
        }
        let request = request
            .body(SdkBody::empty())
            .map_err(|_| RestProblem::Unparsable)?;
        let request = HttpRequest::try_from(request).map_err(|_| RestProblem::Unparsable)?;
        tokio::time::timeout(REQUEST_TIMEOUT, self.exchange(request))
            .await
            .map_err(|_| RestProblem::TimedOut)?
    }

    async fn exchange(&self, request: HttpRequest) -> Result<Answer, RestProblem> {
        let response = self.0.call(request).await.map_err(|error| {
            if error.is_timeout() {
                RestProblem::TimedOut
            } else {
                RestProblem::Unreachable
            }
        })?;
        let headers = response.headers();
        let (location, set_cookies) = (
            headers.get("location").map(str::to_owned),
            headers.get_all("set-cookie").map(str::to_owned).collect(),
        );
        let status = StatusCode::as_u16(response.status());
        let mut body = response.into_body();
        let mut read = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| RestProblem::Unreachable)?;
            if let Some(data) = frame.data_ref() {
                if read.len() + data.len() > ANSWER_LIMIT {
                    return Err(RestProblem::TooLarge);
                }
                read.extend_from_slice(data);
            }
        }
        Ok(Answer {
            status,
            location,
            set_cookies,
            body: read.freeze(),
        })
    }
}

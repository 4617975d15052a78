//! The parts that all clients share: one connector, one time source, credentials, region, endpoint; and where metrics go.

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use aws_smithy_async::{
    rt::sleep::{SharedAsyncSleep, TokioSleep},
    time::{SharedTimeSource, SystemTimeSource},
};
use aws_smithy_runtime::client::retries::RetryPartition;
use aws_smithy_runtime_api::client::{behavior_version::BehaviorVersion, http::SharedHttpClient};
use aws_smithy_types::{retry::RetryConfig, timeout::TimeoutConfig};
use aws_types::{SdkConfig, region::Region};
use jiff::Timestamp;
use std::time::Duration;

use crate::{Env, Metrics, SettingError, connections::Connections};

/// One attempt of an API call may take this long; the service answers in well under a second.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(5);
/// All attempts of one API call together.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(20);
/// Standard retries of the SDK, with its back-off and jitter.
const MAX_ATTEMPTS: u32 = 4;

/// What clients are made from. Built once, in a function's init.
#[derive(Clone, Debug)]
pub struct Aws {
    config: SdkConfig,
    http: SharedHttpClient,
    time: SharedTimeSource,
    metrics: Metrics,
    /// None over another connector.
    connections: Option<Connections>,
}

impl Aws {
    /// The real parts: TLS with ring and the system's root certificates, the machine's clock, credentials and region as Lambda puts them into the environment.
    ///
    /// # Errors
    /// When a variable that Lambda always sets is missing.
    pub fn of_lambda(env: &Env) -> Result<Self, SettingError> {
        Self::of_lambda_by(env, SharedTimeSource::new(SystemTimeSource::new()))
    }

    /// The same by another clock.
    pub(crate) fn of_lambda_by(env: &Env, time: SharedTimeSource) -> Result<Self, SettingError> {
        let connections = Connections::new();
        let http = SharedHttpClient::new(connections.clone());
        Ok(Self {
            connections: Some(connections),
            ..Self::new(env, http, time)?
        })
    }

    /// The same over another connector and another clock: the sandbox's.
    ///
    /// # Errors
    /// When region or credentials are missing from `env`.
    pub fn new(
        env: &Env,
        http: SharedHttpClient,
        time: SharedTimeSource,
    ) -> Result<Self, SettingError> {
        let credentials = Credentials::new(
            env.required::<String>("AWS_ACCESS_KEY_ID")?,
            env.required::<String>("AWS_SECRET_ACCESS_KEY")?,
            env.get("AWS_SESSION_TOKEN").map(str::to_owned),
            None,
            "lambda-environment",
        );
        let mut config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new(env.required::<String>("AWS_REGION")?))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(http.clone())
            .time_source(time.clone())
            .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
            .retry_config(RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS))
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                    .operation_timeout(OPERATION_TIMEOUT)
                    .build(),
            );
        if let Some(endpoint) = env.get("AWS_ENDPOINT_URL") {
            config = config.endpoint_url(endpoint);
        }
        Ok(Self {
            config: config.build(),
            http,
            time,
            metrics: Metrics::to_stdout(),
            connections: None,
        })
    }

    /// An invocation begins. The function may have been frozen since the last one, so no connection of then is used again.
    pub fn begin_invocation(&self) {
        if let Some(connections) = &self.connections {
            connections.give_up();
        }
    }

    /// The same, with metrics that go elsewhere than to standard output.
    #[must_use]
    pub fn with_metrics(self, metrics: Metrics) -> Self {
        Self { metrics, ..self }
    }

    /// Where a function's metrics go; a function keeps a clone of it when it is built.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// What the SDK's clients are built from.
    #[must_use]
    pub fn config(&self) -> &SdkConfig {
        &self.config
    }

    /// A ration of retries for one client alone. Left to itself, the SDK shares one among all clients of a service in the process: that is one function in Lambda, and every
    /// function of every region in the sandbox, where what one night has spent must not be missing in another.
    #[must_use]
    pub fn retries() -> RetryPartition {
        RetryPartition::custom("client").build()
    }

    /// The connector, for calls that are not AWS API calls: the Flink REST API.
    #[must_use]
    pub fn http(&self) -> &SharedHttpClient {
        &self.http
    }

    /// The time, to the millisecond.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let since = self
            .time
            .now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default();
        Timestamp::from_millisecond(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
            .unwrap_or(Timestamp::MAX)
    }
}

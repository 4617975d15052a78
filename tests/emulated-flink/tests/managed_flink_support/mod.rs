//! The real SDK client in front of the emulated service, in one process and in virtual time.
#![allow(
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "shared by several test binaries, each of which uses a part"
)]

use std::time::{Duration, SystemTime};

use aws_credential_types::Credentials;
use aws_sdk_kinesisanalyticsv2::config::{BehaviorVersion, Region as SdkRegion, SharedAsyncSleep};
use aws_sdk_kinesisanalyticsv2::{Client, Config};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use emulated_flink::flink::{Behaviour, Code, Codebook, RestartStrategy};
use emulated_flink::managed_flink::{ApplicationSeed, ManagedFlink, Settings, Status, Timings};
use ground::clock::Clock;
use ground::journal::Journal;
use ground::protocol::{aws_json, refused};
use jiff::Timestamp;
use serde_json::Value;

#[derive(Clone)]
pub struct Region {
    pub clock: Clock,
    pub journal: Journal,
    pub service: ManagedFlink,
    pub client: Client,
}

#[derive(Clone)]
struct Connector(ManagedFlink);

impl std::fmt::Debug for Connector {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Connector")
    }
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let service = self.0.clone();
        HttpConnectorFuture::new(async move {
            let request = request
                .try_into_http1x()
                .expect("an HTTP request")
                .map(|body| Bytes::copy_from_slice(body.bytes().expect("a body in memory")));
            let response = service.handle(request).await;
            Ok(HttpResponse::try_from(response.map(SdkBody::from)).expect("an HTTP response"))
        })
    }
}

impl HttpClient for Connector {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

#[derive(Debug)]
struct Virtual(Clock);

impl TimeSource for Virtual {
    fn now(&self) -> SystemTime {
        self.0.now().into()
    }
}

pub const CHANGED_AT: Duration = Duration::from_secs(86_400);

/// A code book with one of each kind.
pub fn codebook() -> Codebook {
    let looping = |seconds| {
        Code::that(Behaviour::throws_after(
            seconds,
            "java.lang.IllegalArgumentException",
            "cannot parse 'abc'",
        ))
        .restarting(RestartStrategy::every(1))
    };
    Codebook::from([
        ("good.jar".to_owned(), Code::healthy()),
        ("also-good.jar".to_owned(), Code::healthy().with_state(2, 1)),
        ("bad.jar".to_owned(), looping(5).with_state(2, 1)),
        (
            "bad-main.jar".to_owned(),
            Code::that(Behaviour::BadMain {
                message: "java.lang.NoSuchFieldError: X".to_owned(),
            }),
        ),
        (
            "batch.jar".to_owned(),
            Code::that(Behaviour::Bounded {
                after: Duration::from_secs(600),
            }),
        ),
        ("strict.jar".to_owned(), {
            let mut code = Code::healthy().with_state(5, 5);
            code.misfit = emulated_flink::flink::Misfit::Refused;
            code
        }),
        (
            "needs-broker.jar".to_owned(),
            Code::healthy()
                .needing("broker", "java.net.ConnectException", "Connection refused")
                .restarting(RestartStrategy::every(10)),
        ),
    ])
}

pub fn region_with(settings: Settings, codebook: Codebook) -> Region {
    let clock = Clock::starting_at("2026-03-02T09:00:00Z".parse::<Timestamp>().expect("a date"));
    let journal = Journal::new(clock.clone());
    let service = ManagedFlink::simulated(clock.clone(), journal.clone(), codebook, settings);
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(SdkRegion::new("us-east-1"))
        .credentials_provider(Credentials::new("operator", "secret", None, None, "test"))
        .http_client(Connector(service.clone()))
        .time_source(Virtual(clock.clone()))
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .build();
    Region {
        clock,
        journal,
        service,
        client: Client::from_conf(config),
    }
}

pub fn region() -> Region {
    region_with(
        Settings {
            timings: Timings::default().exact(),
            ..Settings::default()
        },
        codebook(),
    )
}

/// `orders`, running good.jar since a day, at version 3, with a snapshot of an hour ago.
pub fn orders() -> ApplicationSeed {
    let day = |days: u64| Duration::from_secs(days * 86_400);
    ApplicationSeed::new("orders")
        .version("good.jar", day(30))
        .version("good.jar", day(10))
        .version("good.jar", CHANGED_AT)
        .snapshot("hourly", Duration::from_secs(3_600))
        .tag("flink-lifeguard", "act")
}

impl Region {
    pub async fn sleep(&self, seconds: u64) {
        tokio::time::sleep(Duration::from_secs(seconds)).await;
    }

    pub fn status(&self, application: &str) -> Status {
        self.service
            .application(application)
            .expect("an application")
            .status
    }

    /// A call in raw JSON, for what the SDK does not know: its answer, or the code and the text of its refusal.
    pub async fn raw(
        &self,
        caller: &str,
        verb: &str,
        body: &Value,
    ) -> Result<Value, (String, String)> {
        let target = format!("KinesisAnalytics_20180523.{verb}");
        let request = aws_json(caller, "kinesisanalytics", &target, "1.1", body);
        let answer = self.service.handle(request).await;
        match refused(&answer) {
            Some(refusal) => Err(refusal),
            None => Ok(serde_json::from_slice(answer.body()).expect("JSON")),
        }
    }

    /// Deploys the code at this key.
    pub async fn deploy(&self, application: &str, key: &str) -> Result<String, String> {
        use aws_sdk_kinesisanalyticsv2::types as model;
        let version = self
            .client
            .describe_application()
            .application_name(application)
            .send()
            .await
            .expect("described");
        let version = version
            .application_detail()
            .expect("a detail")
            .application_version_id();
        let location = model::S3ContentLocationUpdate::builder()
            .file_key_update(key)
            .build();
        let content = model::CodeContentUpdate::builder()
            .s3_content_location_update(location)
            .build();
        let code = model::ApplicationCodeConfigurationUpdate::builder()
            .code_content_update(content)
            .build();
        let update = model::ApplicationConfigurationUpdate::builder()
            .application_code_configuration_update(code)
            .build();
        let sent = self
            .client
            .update_application()
            .application_name(application)
            .current_application_version_id(version)
            .application_configuration_update(update)
            .send()
            .await;
        sent.map(|done| done.operation_id().unwrap_or_default().to_owned())
            .map_err(|error| text(&error))
    }

    pub async fn until(&self, application: &str, status: Status) {
        for _ in 0..100_000 {
            if self.status(application) == status {
                return;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        panic!(
            "{application} never became {status:?}, it is {:?}",
            self.status(application)
        );
    }

    pub async fn url(&self, application: &str) -> String {
        use aws_sdk_kinesisanalyticsv2::types::UrlType;
        let url = self
            .client
            .create_application_presigned_url()
            .application_name(application)
            .url_type(UrlType::FlinkDashboardUrl)
            .send()
            .await;
        url.expect("a URL")
            .authorized_url()
            .expect("a URL")
            .to_owned()
    }

    /// GET below the presigned URL: status and JSON.
    pub async fn get(&self, url: &str, path: &str) -> (u16, Value) {
        let (base, query) = url.split_once('?').expect("a token");
        let and = if path.contains('?') { "&" } else { "?" };
        let request = http::Request::builder()
            .uri(format!("{base}{path}{and}{query}"))
            .body(Bytes::new())
            .expect("a request");
        assert!(self.service.serves_dashboard(&request));
        let answer = self.service.dashboard(request).await;
        (
            answer.status().as_u16(),
            serde_json::from_slice(answer.body()).unwrap_or(Value::Null),
        )
    }

    /// The id of the job, and the answer for it.
    pub async fn job(&self, url: &str, below: &str) -> Value {
        let (_, jobs) = self.get(url, "/jobs").await;
        let id = jobs["jobs"][0]["id"]
            .as_str()
            .unwrap_or_else(|| panic!("no job: {jobs}"))
            .to_owned();
        self.get(url, &format!("/jobs/{id}{below}")).await.1
    }
}

/// `Code: message` of an SDK error.
pub fn text<
    E: aws_smithy_types::error::metadata::ProvideErrorMetadata + std::fmt::Debug,
    R: std::fmt::Debug,
>(
    error: &aws_smithy_runtime_api::client::result::SdkError<E, R>,
) -> String {
    match error.as_service_error() {
        Some(service) => format!(
            "{}: {}",
            service.code().unwrap_or("?"),
            service.message().unwrap_or("")
        ),
        None => format!("{error:?}"),
    }
}

/// What is told so far, one line each.
pub fn told(journal: &Journal) -> String {
    journal
        .entries()
        .iter()
        .map(|entry| format!("{} {:?} {}\n", entry.at, entry.actor, entry.text))
        .collect()
}

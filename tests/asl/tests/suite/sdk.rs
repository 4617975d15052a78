//! AWS's own client reads what this service answers: the shapes are the model's, not only ours.

use std::time::Duration;

use asl::StepFunctions;
use aws_credential_types::Credentials;
use aws_sdk_sfn::{
    Client,
    config::{BehaviorVersion, Region as AwsRegion},
    operation::start_execution::StartExecutionError,
    types::{ExecutionStatus, HistoryEventType},
};
use aws_smithy_runtime_api::{
    client::{
        http::{
            HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings,
            SharedHttpConnector,
        },
        orchestrator::{HttpRequest, HttpResponse},
        runtime_components::RuntimeComponents,
    },
    http::StatusCode,
};
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use serde_json::json;

use crate::support::{Region, Script, document, task};

/// The SDK's requests, straight into the service.
#[derive(Clone)]
struct InProcess(StepFunctions);

impl std::fmt::Debug for InProcess {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("InProcess")
    }
}

impl HttpConnector for InProcess {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let sfn = self.0.clone();
        HttpConnectorFuture::new(async move {
            let body = Bytes::copy_from_slice(
                request
                    .body()
                    .bytes()
                    .expect("the request's body is in memory"),
            );
            let mut plain = http::Request::post(request.uri());
            for (name, value) in request.headers() {
                plain = plain.header(name, value);
            }
            let answer = sfn
                .handle(plain.body(body).expect("the request was valid"))
                .await;
            let status =
                StatusCode::try_from(answer.status().as_u16()).expect("a status is a status");
            Ok(HttpResponse::new(status, SdkBody::from(answer.into_body())))
        })
    }
}

impl HttpClient for InProcess {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

fn client(region: &Region) -> Client {
    let config = aws_sdk_sfn::Config::builder()
        .behavior_version(BehaviorVersion::v2026_01_12())
        .region(AwsRegion::new("eu-central-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(InProcess(region.sfn.clone()))
        .build();
    Client::from_conf(config)
}

#[tokio::test(start_paused = true)]
async fn the_sdk_reads_every_answer() {
    let region = Region::new(
        Script::default()
            .then(3, Err("Busy"))
            .then(2, Ok(json!({ "n": 1 }))),
    );
    let sfn = client(&region);
    let arn = region.create(json!({ "StartAt": "Work", "States": {
        "Work": task(json!({ "Retry": [{ "ErrorEquals": ["Busy"] }], "Assign": { "x": 1 } })) } }));
    let start = || {
        sfn.start_execution()
            .state_machine_arn(&arn)
            .name("e")
            .input("{}")
    };
    let started = start().send().await.unwrap();
    assert_eq!(started.start_date().to_millis().unwrap(), 1_772_366_400_000);
    let refused = start()
        .input("[]")
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(
        matches!(refused, StartExecutionError::ExecutionAlreadyExists(_)),
        "{refused:?}"
    );
    tokio::time::sleep(Duration::from_secs(30)).await;

    let described = sfn
        .describe_execution()
        .execution_arn(started.execution_arn())
        .send()
        .await
        .unwrap();
    assert_eq!(
        (described.status(), described.output()),
        (&ExecutionStatus::Succeeded, Some("{\"n\":1}"))
    );
    assert_eq!(
        described.stop_date().unwrap().to_millis().unwrap(),
        1_772_366_406_000
    );
    let listed = sfn
        .list_executions()
        .state_machine_arn(&arn)
        .status_filter(ExecutionStatus::Succeeded)
        .send()
        .await
        .unwrap();
    assert_eq!(listed.executions()[0].name(), "e");

    let history = sfn
        .get_execution_history()
        .execution_arn(started.execution_arn())
        .send()
        .await
        .unwrap();
    let kinds: Vec<_> = history
        .events()
        .iter()
        .map(|event| event.r#type().clone())
        .collect();
    assert!(
        !kinds
            .iter()
            .any(|kind| format!("{kind:?}").contains("Unknown")),
        "{kinds:?}"
    );
    let exited = history
        .events()
        .iter()
        .find(|event| *event.r#type() == HistoryEventType::TaskStateExited)
        .unwrap();
    assert_eq!(
        exited
            .state_exited_event_details()
            .unwrap()
            .assigned_variables()
            .unwrap()["x"],
        "1"
    );
    let machine = sfn
        .describe_state_machine()
        .state_machine_arn(&arn)
        .send()
        .await
        .unwrap();
    assert_eq!(machine.definition(), region_definition());
    assert_eq!(
        sfn.list_state_machines()
            .send()
            .await
            .unwrap()
            .state_machines()
            .len(),
        1
    );
    let stopped = sfn
        .stop_execution()
        .execution_arn(started.execution_arn())
        .send()
        .await
        .unwrap();
    assert_eq!(stopped.stop_date().to_millis().unwrap(), 1_772_366_406_000);
    let token = sfn
        .send_task_heartbeat()
        .task_token("made up")
        .send()
        .await
        .unwrap_err()
        .into_service_error();
    assert!(token.is_invalid_token());
}

fn region_definition() -> String {
    document(
        json!({ "StartAt": "Work", "States": { "Work": task(json!({ "Retry": [{ "ErrorEquals": ["Busy"] }], "Assign": { "x": 1 } })) } }),
    )
}

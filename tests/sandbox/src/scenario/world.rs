//! What a script can do: what people do, through the same API as everybody, and what the world does.

use std::time::Duration;

use aws_sdk_kinesisanalyticsv2::{
    Client,
    config::Builder,
    types::{
        ApplicationCodeConfigurationUpdate, ApplicationConfigurationUpdate, CodeContentUpdate,
        RuntimeEnvironment, S3ContentLocationUpdate,
    },
};
use lambda_kit::Aws;
use serde_json::{Value, json};

use super::APPLICATION;
use crate::{
    connector::Connector,
    journal::Actor,
    protocol::aws_json,
    region::{REMEDIATE, Region, SNAPSHOT_CHECK},
    states::Status,
};

/// The region, and the hands of people in it.
#[derive(Clone)]
pub struct World {
    region: Region,
    client: Client,
}

/// The role under which people act.
pub(super) const OPERATOR: &str = "operator";

impl World {
    /// The world around this region.
    #[must_use]
    pub fn new(region: Region) -> Self {
        let connector = Connector::new(region.router().clone(), region.clock().clone());
        let config = Builder::from(connector.aws(OPERATOR).config())
            .retry_partition(Aws::retries())
            .build();
        Self {
            client: Client::from_conf(config),
            region,
        }
    }

    /// The region.
    #[must_use]
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Time passes.
    pub async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn tell(&self, text: impl Into<String>) {
        self.region
            .journal()
            .tell(Actor::Operator, Some(APPLICATION), text);
    }

    /// Somebody deploys the code at this S3 key.
    pub async fn deploy(&self, code: &str) {
        self.update(code, None).await;
    }

    /// Somebody deploys the code at this S3 key together with another runtime.
    pub async fn deploy_on(&self, code: &str, runtime: &str) {
        self.update(code, Some(RuntimeEnvironment::from(runtime)))
            .await;
    }

    async fn update(&self, code: &str, runtime: Option<RuntimeEnvironment>) {
        let version = self.version();
        let on = runtime
            .as_ref()
            .map_or(String::new(), |runtime| format!(" on {runtime}"));
        self.tell(format!("deploys {code}{on}"));
        let location = S3ContentLocationUpdate::builder()
            .file_key_update(code)
            .build();
        let content = CodeContentUpdate::builder()
            .s3_content_location_update(location)
            .build();
        let configuration = ApplicationConfigurationUpdate::builder()
            .application_code_configuration_update(
                ApplicationCodeConfigurationUpdate::builder()
                    .code_content_update(content)
                    .build(),
            )
            .build();
        let request = self
            .client
            .update_application()
            .application_name(APPLICATION)
            .current_application_version_id(version);
        let sent = request
            .application_configuration_update(configuration)
            .set_runtime_environment_update(runtime)
            .send()
            .await;
        if let Err(error) = sent {
            self.tell(format!(
                "could not deploy: {}",
                aws_sdk_kinesisanalyticsv2::error::DisplayErrorContext(error)
            ));
        }
    }

    /// Somebody (an old cron job, say) takes a snapshot.
    pub async fn take_snapshot(&self, name: &str) {
        self.tell(format!("takes a snapshot, {name}"));
        let sent = self
            .client
            .create_application_snapshot()
            .application_name(APPLICATION)
            .snapshot_name(name)
            .send()
            .await;
        if let Err(error) = sent {
            self.tell(format!(
                "could not take a snapshot: {}",
                aws_sdk_kinesisanalyticsv2::error::DisplayErrorContext(error)
            ));
        }
    }

    /// Somebody stops the application.
    pub async fn stop(&self) {
        self.tell("stops the application");
        self.client
            .stop_application()
            .application_name(APPLICATION)
            .send()
            .await
            .expect("a running application can be stopped");
    }

    /// Somebody starts the application.
    pub async fn start(&self) {
        self.tell("starts the application");
        self.client
            .start_application()
            .application_name(APPLICATION)
            .send()
            .await
            .expect("a stopped application can be started");
    }

    /// Somebody starts Lifeguard by hand, as from the console.
    pub async fn ask(&self, input: Value) -> String {
        self.tell(format!("starts Lifeguard by hand: {input}"));
        self.start_execution(REMEDIATE, &input).await
    }

    /// Somebody starts Lifeguard by hand with nothing but the application's name.
    pub async fn ask_to_look(&self) -> String {
        self.ask(json!({ "applicationName": APPLICATION })).await
    }

    /// Somebody starts the snapshot check by hand.
    pub async fn ask_for_snapshots(&self, input: &Value) -> String {
        self.tell(format!("starts the snapshot check by hand: {input}"));
        self.start_execution(SNAPSHOT_CHECK, input).await
    }

    /// Through the API, as from the console: Step Functions may be another engine's.
    async fn start_execution(&self, machine: &str, input: &Value) -> String {
        let arn = self
            .region
            .stack()
            .state_machines
            .get(machine)
            .map_or("", |machine| machine.arn.as_str());
        let asked = json!({ "stateMachineArn": arn, "input": input.to_string() });
        let answer = self
            .region
            .router()
            .send(aws_json(
                OPERATOR,
                "states",
                "AWSStepFunctions.StartExecution",
                "1.0",
                &asked,
            ))
            .await;
        let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        body["executionArn"]
            .as_str()
            .expect("the state machine takes a small JSON input")
            .to_owned()
    }

    /// Waits until so many snapshot checks have ended, at most so long.
    pub async fn until_checked(&self, checks: usize, at_most: Duration) {
        let done = || {
            let executions = self.region.executions_of(SNAPSHOT_CHECK);
            let reports = executions
                .iter()
                .filter(|execution| execution.status != Status::Running);
            reports
                .filter(|execution| {
                    execution
                        .output
                        .as_ref()
                        .is_none_or(|output| output["outcome"] != "goesOn")
                })
                .count()
                >= checks
        };
        self.until(at_most, done).await;
    }

    /// The application's version.
    #[must_use]
    pub fn version(&self) -> i64 {
        self.region
            .flink()
            .application(APPLICATION)
            .map_or(0, |application| application.version)
    }

    /// The application's status.
    #[must_use]
    pub fn status(&self) -> String {
        self.region
            .flink()
            .application(APPLICATION)
            .map_or_else(String::new, |application| {
                application.status.name().to_owned()
            })
    }

    /// Waits until the application has this status, at most so long.
    pub async fn until_status(&self, status: &str, at_most: Duration) {
        self.until(at_most, || self.status() == status).await;
    }

    /// Waits until Lifeguard has been started and all its executions have ended, at most so long.
    pub async fn until_told(&self, at_most: Duration) {
        self.until_told_again(0, at_most).await;
    }

    /// Waits until Lifeguard has been started oftener than so many times and all its executions have ended, at most so long.
    pub async fn until_told_again(&self, before: usize, at_most: Duration) {
        self.until(at_most, || {
            let executions = self.region.executions_of(REMEDIATE);
            executions.len() > before
                && executions
                    .iter()
                    .all(|execution| execution.status != Status::Running)
        })
        .await;
    }

    /// Leaves the lease of an execution that died a long time ago, with what it had written down before its last step.
    pub async fn leave_lease(&self, progress: &Value) {
        self.tell("finds the lease of an execution that died");
        let text = |text: &str| json!({ "S": text });
        let row = json!({
            "pk": text(APPLICATION), "sk": text("lease"), "holder": text("one-that-died"), "expiresAt": { "N": "1" }, "progress": text(&progress.to_string()),
        });
        self.on_ledger("PutItem", json!({ "Item": row })).await;
    }

    /// Somebody throws the stop switch, as the template's output says.
    pub async fn throw_switch(&self, by: &str, why: &str) {
        self.tell(format!("throws the stop switch: {why}"));
        let row = json!({ "pk": { "S": "*" }, "sk": { "S": "stop" }, "by": { "S": by }, "why": { "S": why } });
        self.on_ledger("PutItem", json!({ "Item": row })).await;
    }

    /// Somebody lifts it.
    pub async fn lift_switch(&self) {
        self.tell("lifts the stop switch");
        let key = json!({ "pk": { "S": "*" }, "sk": { "S": "stop" } });
        self.on_ledger("DeleteItem", json!({ "Key": key })).await;
    }

    /// A person's request to the ledger table.
    async fn on_ledger(&self, verb: &str, mut asked: Value) {
        let table = self
            .region
            .stack()
            .tables
            .get("LedgerTable")
            .map_or("", |table| table.name.as_str());
        asked["TableName"] = json!(table);
        let target = format!("DynamoDB_20120810.{verb}");
        let answer = self
            .region
            .router()
            .send(aws_json(OPERATOR, "dynamodb", &target, "1.0", &asked))
            .await;
        assert!(answer.status().is_success(), "the ledger takes {verb}");
    }

    /// Looks every second of the region's time.
    async fn until(&self, at_most: Duration, is_so: impl Fn() -> bool) {
        let until = self.region.clock().elapsed() + at_most;
        while !is_so() && self.region.clock().elapsed() < until {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

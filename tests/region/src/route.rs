//! Which service a request reaches, and where the applications' metrics come from.

use futures::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;
use tower::Service as _;

use super::trail::{self, Recorder};
use crate::mail::Mail;
use asl::StepFunctions;
use emulated_aws::{
    cloudwatch::{CloudWatch, Datum, MetricSource, Past, Point},
    dynamodb::DynamoDb,
    events::EventBus,
    lambda::LambdaHost,
    sns::Sns,
    sqs::Sqs,
};
use emulated_flink::managed_flink::{ManagedFlink, Samples};
use ground::{
    clock::Clock,
    journal::Journal,
    protocol::{self, refusal},
    wire::{self, Request, Response},
};

/// The services behind the router.
pub(super) type Back = (
    ManagedFlink,
    StepFunctions,
    DynamoDb,
    Sns,
    Sqs,
    EventBus,
    CloudWatch,
    LambdaHost,
    Journal,
    Clock,
    Recorder,
);

/// Where a served region shows the mails that people got: for those who try it without a mailbox.
const MAILS: &str = "/mails";

/// All of them as text, the newest last; 404 while there is none, so that a shell can wait for the first.
fn mails(journal: &Journal) -> Response {
    let mails: Vec<String> = Mail::all(journal).iter().map(Mail::shown).collect();
    let (status, text) = if mails.is_empty() {
        (404, "no mail yet\n".to_owned())
    } else {
        (200, mails.join("\n"))
    };
    http::Response::builder()
        .status(status)
        .header(http::header::CONTENT_TYPE, "text/plain; charset=utf-8")
        .body(text.into())
        .expect("status and header are constants of this project")
}

/// By the service that the signature names; what is not signed can only be a dashboard, or somebody who reads mails.
pub(super) fn route(services: &Back, request: Request) -> BoxFuture<'static, Response> {
    let (flink, states, dynamodb, sns, sqs, bus, cloudwatch, lambda, journal, clock, trail) =
        services.clone();
    Box::pin(async move {
        let mut flink = flink;
        match wire::service(&request).as_deref() {
            Some("states") => {
                let asked = request.clone();
                let answer = states.handle(request).await;
                let body: Value = serde_json::from_slice(asked.body()).unwrap_or_default();
                let about = ["stateMachineArn", "executionArn"];
                let about = about.iter().find_map(|name| body[*name].as_str());
                let about = about.map(str::to_owned);
                protocol::record(&journal, clock.now(), &asked, about, &answer, false);
                answer
            }
            Some("dynamodb") => dynamodb.handle(request).await,
            Some("sns") => sns.handle(request).await,
            Some("sqs") => sqs.handle(request).await,
            Some("events") => bus.handle(request).await,
            Some("monitoring") => cloudwatch.handle(request).await,
            Some("lambda") => lambda.handle(request).await,
            Some("kinesisanalytics") => {
                let asked = request.clone();
                let answer = flink
                    .call(request)
                    .await
                    .unwrap_or_else(|never| match never {});
                trail.record(&asked, &answer);
                trail::deploys(&bus, &flink, &asked, &answer);
                answer
            }
            None if request.uri().path() == MAILS => mails(&journal),
            None => flink
                .call(request)
                .await
                .unwrap_or_else(|never| match never {}),
            // Whoever speaks AWS Query can read a refusal in XML only.
            Some(other) => {
                let speaks = if protocol::is_query(&request) {
                    "sns"
                } else {
                    other
                };
                refusal(
                    speaks,
                    400,
                    "UnknownService",
                    &format!("the sandbox has no service {other}"),
                )
            }
        }
    })
}

/// The applications' metrics.
pub(super) struct Applications(pub(super) ManagedFlink);

impl MetricSource for Applications {
    fn metrics(&self, now: Timestamp) -> Vec<Datum> {
        let datum = |application: &String| {
            let metrics = self.0.gauges(application, now);
            let application = application.clone();
            metrics.into_iter().map(move |(name, value)| Datum {
                application: application.clone(),
                name,
                value,
            })
        };
        self.0.applications().iter().flat_map(datum).collect()
    }

    fn past(&self, asked: &Past<'_>) -> Vec<(i64, Point)> {
        let point = |(at, samples): (i64, Samples)| {
            let Samples {
                min,
                max,
                sum,
                count,
            } = samples;
            let point = Point {
                min,
                max,
                sum,
                count,
            };
            (at, point)
        };
        self.0
            .past(
                asked.owner,
                asked.name,
                asked.period,
                asked.within.clone(),
                asked.sends,
            )
            .into_iter()
            .map(point)
            .collect()
    }

    fn listed(&self) -> Vec<(String, &'static str, i64, i64)> {
        self.0.past_metrics()
    }
}

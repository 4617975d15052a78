//! One look: application, operations, job, subtasks, checkpoints, first fault, snapshots, and CloudWatch's minutes; and what they say together with the looks before.
//!
//! Only the application itself must be readable; whatever else cannot be read is listed in the observation, with the reason, and the decision is made in that knowledge.
//! Deliberately absent: any change, any waiting, any decision.
//!
//! Invariant (S10): the presigned URL lives in this function's memory only; environment property values are used to clean texts and never leave it.

mod event;
mod look;
mod notes;
mod operations;
mod series;
mod snapshots;
mod versions;

use lambda_kit::{Aws, Env, Failure, Function, Invocation, Metric, Metrics, Record, SettingError};
use lifecycle::{Assessment, Holds, Keys, Observation, Watch};
use managed_flink::{CloudWatchMetrics, HostRule, ManagedFlink};
use serde::Serialize;

pub use event::Event;

/// What a look found and says.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Look {
    /// The facts.
    pub observation: Observation,
    /// What to give to the next look.
    pub watch: Watch,
    /// What facts and earlier looks say together.
    pub assessment: Assessment,
}

/// The function.
#[derive(Debug)]
pub struct SubtaskVerifier {
    service: ManagedFlink,
    series: CloudWatchMetrics,
    aws: Aws,
    hosts: HostRule,
    policy: lifecycle::Policy,
    metrics: Metrics,
}

impl Function for SubtaskVerifier {
    const NAME: &'static str = "subtask-verifier";
    const KEYS: Option<&'static Keys> = Some(&[
        ("applicationName", Holds::Text),
        ("watch", Holds::Anything),
        ("request", Holds::Anything),
        ("progress", Holds::Anything),
        ("presentOnly", Holds::Flag),
    ]);
    type Event = Event;
    type Answer = Look;

    fn build(env: &Env, aws: &Aws) -> Result<Self, SettingError> {
        Ok(Self {
            service: ManagedFlink::new(aws),
            series: CloudWatchMetrics::new(aws),
            aws: aws.clone(),
            hosts: HostRule::of(env)?,
            policy: lambda_kit::policy(env)?,
            metrics: aws.metrics().of_stack(lambda_kit::stack(env)?),
        })
    }

    async fn handle(&self, event: Event, invocation: Invocation) -> Result<Look, Failure> {
        let asked = look::Asked {
            service: &self.service,
            metrics: &self.series,
            aws: &self.aws,
            hosts: self.hosts,
            stack: &self.policy.stack,
        };
        let (observation, series) = look::observe(&asked, &event, invocation.now).await?;
        let soak_secs = self
            .policy
            .under(observation.tags.as_ref())
            .policy
            .soak_secs;
        let mut watch = event.watch.unwrap_or_default();
        watch.history = watch.history.after(
            &series,
            &observation.operations,
            observation.application.created_at,
            soak_secs,
        );
        let (watch, assessment) = watch.after(&observation, soak_secs);
        tracing::info!(
            application = event.application_name,
            assessment = assessment.word(),
            reason = assessment.reason(),
            "looked"
        );
        let mut record = Record::of(Self::NAME, &invocation);
        record.about(&event.application_name).add(Metric::Looks, 1);
        if matches!(assessment, Assessment::Unknown { .. }) {
            record.add(Metric::BlindLooks, 1);
        }
        self.metrics.emit(&record);
        Ok(Look {
            observation,
            watch,
            assessment,
        })
    }
}

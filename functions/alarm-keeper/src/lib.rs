//! The alarms of every opted-in application: created, kept right, removed.
//!
//! Input: the schedule's `{}`, a recorded API call, or a person's `{"dryRun":true}` or `{"removeAll":true}`. Order: list applications, read their tags, list alarms, compare
//! ([`lifecycle::plan_alarms`], pure), read the owner of what would be changed, change. Level-triggered: a run that ends half-way, or is told to slow down, leaves the rest
//! to the next. Deliberately absent: actions of the alarms, which are people's, and any memory of earlier runs.
//!
//! Invariant: nothing is changed that this stack did not make, and nothing on a doubt: what would be removed is looked at twice.

pub mod alarms;
pub mod event;
pub mod keep;

use lambda_kit::{
    Aws, Env, ErrorType, Failure, Function, Invocation, Metric, Metrics, Record, SettingError,
};
use managed_flink::ManagedFlink;
use serde_json::Value;

use crate::{
    alarms::CloudWatch,
    event::{Answer, Home, Input},
    keep::Kept,
};

/// Names the variable that says who this stack is, in the owner tag of its alarms.
pub const ALARM_OWNER: &str = "ALARM_OWNER";
/// Names the variable with this stack's account: recorded calls of another one are none of ours.
pub const ACCOUNT_ID: &str = "ACCOUNT_ID";
/// Names the variable with the seconds between two snapshot checks; 0 where no schedule makes them.
pub const SNAPSHOT_CHECK_EVERY_SECS: &str = "SNAPSHOT_CHECK_EVERY_SECS";

/// The function.
#[derive(Debug)]
pub struct AlarmKeeper {
    flink: ManagedFlink,
    alarms: CloudWatch,
    kept: Kept,
    home: Home,
    metrics: Metrics,
}

impl Function for AlarmKeeper {
    const NAME: &'static str = "alarm-keeper";
    type Event = Value;
    type Answer = Answer;

    fn build(env: &Env, aws: &Aws) -> Result<Self, SettingError> {
        let every: u32 = env.or(SNAPSHOT_CHECK_EVERY_SECS, 0)?;
        let kept = Kept {
            owner: env.required(ALARM_OWNER)?,
            stack: lambda_kit::stack(env)?,
            snapshots_checked_every_secs: Some(every).filter(|secs| *secs > 0),
        };
        Ok(Self {
            flink: ManagedFlink::new(aws),
            alarms: CloudWatch::new(aws),
            kept,
            home: Home {
                account: env.required(ACCOUNT_ID)?,
                region: env.required("AWS_REGION")?,
            },
            metrics: aws.metrics().of_stack(lambda_kit::stack(env)?),
        })
    }

    async fn handle(&self, event: Value, invocation: Invocation) -> Result<Answer, Failure> {
        let input = event::read(&event, &self.home).map_err(|wrong| {
            Failure::new(
                ErrorType::BadInput,
                format!("{} cannot read its input: {wrong}", Self::NAME),
            )
        })?;
        let asked = match input {
            Input::Run(asked) => asked,
            // Whoever delivers events does not read the answer, so the log must say it.
            Input::Nothing { because } => {
                tracing::info!(because, "ignored");
                return Ok(Answer::of_nothing(because));
            }
        };
        let result = keep::keep(&self.flink, &self.alarms, &asked, &self.kept).await;
        let mut record = Record::of(Self::NAME, &invocation);
        match &result {
            Ok(answer) if !asked.dry_run => {
                let removed = answer.removed.len() as u64;
                record
                    .add(Metric::AlarmsPut, answer.changed as u64 - removed)
                    .add(Metric::AlarmsRemoved, removed);
                record.add(
                    Metric::AlarmsNotKept,
                    (answer.left + answer.unknown.len() + answer.unread.len()) as u64,
                );
                tracing::info!(
                    watched = answer.watched,
                    right = answer.right,
                    changed = answer.changed,
                    left = answer.left,
                    "kept"
                );
            }
            Ok(_) => {}
            Err(_) => {
                record.add(Metric::AlarmsNotKept, 1);
            }
        }
        self.metrics.emit(&record);
        result.map(Answer::shortened)
    }
}

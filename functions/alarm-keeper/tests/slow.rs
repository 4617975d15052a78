//! A run while the services are slow: it answers before Lambda ends it, and says what is left for the next.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../shared/managed-flink/tests/support/mod.rs"]
mod support;

use std::{future::pending, time::Duration};

use alarm_keeper::{
    alarms::{
        Actions, AlarmCallError, DeleteAlarms, DescribeAlarms, Found, OwnerOfAlarm, PutAlarm,
    },
    event::{Answer, Asked, Scope},
    keep::{Kept, keep},
};
use lambda_kit::{ErrorType, Failure};
use lifecycle::{AlarmDefinition, StackName};
use managed_flink::ManagedFlink;
use serde_json::{Value, json};
use support::{Call, Double, Wire};

/// The function's time in the template.
const TIME_LIMIT: Duration = Duration::from_secs(300);
/// Applications in the account.
const APPLICATIONS: usize = 200;

fn flink(held: &'static [&'static str]) -> Double {
    Double::new(move |call: &Call| match call.verb.as_str() {
        verb if held.contains(&verb) => Wire::Silence,
        "ListApplications" => {
            let summary = |at: usize| {
                json!({
                    "ApplicationName": format!("app-{at}"), "ApplicationARN": format!("arn:app-{at}"), "ApplicationStatus": "RUNNING",
                    "ApplicationVersionId": 7, "RuntimeEnvironment": "FLINK-1_20"
                })
            };
            let all: Vec<Value> = (0..APPLICATIONS).map(summary).collect();
            Wire::json(200, &json!({ "ApplicationSummaries": all }))
        }
        _ => Wire::json(
            200,
            &json!({ "Tags": [{ "Key": "lifeguard:managed", "Value": "true" }] }),
        ),
    })
}

/// CloudWatch without alarms; each change takes so long, and the list comes or does not.
struct Slow {
    change: Duration,
    lists: bool,
}

impl Slow {
    async fn list(&self) -> Result<Vec<Found>, AlarmCallError> {
        if self.lists {
            Ok(Vec::new())
        } else {
            pending().await
        }
    }

    async fn taken(&self) -> Result<(), AlarmCallError> {
        tokio::time::sleep(self.change).await;
        Ok(())
    }
}

impl DescribeAlarms for Slow {
    async fn alarms_beginning(&self, _: &str) -> Result<Vec<Found>, AlarmCallError> {
        self.list().await
    }

    async fn alarms_named(&self, _: &[String]) -> Result<Vec<Found>, AlarmCallError> {
        self.list().await
    }
}

impl OwnerOfAlarm for Slow {
    async fn owner_of(&self, _: &str) -> Result<Option<String>, AlarmCallError> {
        Ok(None)
    }
}

impl PutAlarm for Slow {
    async fn create(&self, _: &AlarmDefinition, _: &str) -> Result<(), AlarmCallError> {
        self.taken().await
    }

    async fn fix(&self, _: &AlarmDefinition, _: &Actions) -> Result<(), AlarmCallError> {
        self.taken().await
    }
}

impl DeleteAlarms for Slow {
    async fn delete(&self, _: &[String]) -> Result<(), AlarmCallError> {
        self.taken().await
    }
}

async fn run(held: &'static [&'static str], alarms: Slow) -> Result<Answer, Failure> {
    let flink = ManagedFlink::new(&flink(held).aws());
    let asked = Asked {
        scope: Scope::All,
        dry_run: false,
    };
    let kept = Kept {
        owner: "lifeguard".into(),
        stack: StackName::default(),
        snapshots_checked_every_secs: None,
    };
    let run = tokio::time::timeout(TIME_LIMIT, keep(&flink, &alarms, &asked, &kept)).await;
    run.unwrap_or_else(|_| panic!("{held:?}: no answer within {TIME_LIMIT:?}"))
}

#[tokio::test(start_paused = true)]
async fn applications_whose_tags_are_held_are_unknown_and_keep_their_alarms() {
    let alarms = Slow {
        change: Duration::ZERO,
        lists: true,
    };
    let answer = run(&["ListTagsForResource"], alarms).await.unwrap();
    assert_eq!((answer.watched, answer.unknown.len()), (0, APPLICATIONS));
    assert_eq!(answer.changed, 0);
}

#[tokio::test(start_paused = true)]
async fn what_there_is_no_time_for_is_left_to_the_next_run() {
    let alarms = Slow {
        change: Duration::from_secs(4),
        lists: true,
    };
    let answer = run(&[], alarms).await.unwrap();
    assert!(answer.changed > 0 && answer.left > 0, "{answer:?}");
    assert_eq!(answer.created.len(), answer.changed);
}

#[tokio::test(start_paused = true)]
async fn a_list_that_is_held_ends_the_run_for_a_later_one() {
    for (held, lists) in [(&["ListApplications"][..], true), (&[], false)] {
        let alarms = Slow {
            change: Duration::ZERO,
            lists,
        };
        let failure = run(held, alarms).await.unwrap_err();
        assert_eq!(failure.error_type, ErrorType::Retryable, "{failure}");
    }
}

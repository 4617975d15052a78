//! What is given up: it reaches the queue by the policy of the queue or by a role, and the alarm rings for each loss.

use std::time::Duration;

use sandbox::{
    cloudwatch::StateValue,
    faults::{Fault, Rule},
    region::Region,
};
use serde_json::{Value, json};

use super::{Mutant, region, region_of, virtually};

const MINUTE: Duration = Duration::from_secs(60);

fn given_up(region: &Region) -> Vec<Value> {
    let messages = region.journal().messages();
    messages
        .into_iter()
        .filter(|message| message["service"] == "sqs")
        .collect()
}

/// An alarm event that the alarm handler never takes: its function is away.
async fn an_event_is_lost(region: &Region) {
    region
        .faults()
        .add(Rule::new(Fault::ServerError).on_function("lifeguard-AlarmHandler"));
    region.bus().emit(
        "aws.cloudwatch",
        "CloudWatch Alarm State Change",
        &[],
        json!({
            "alarmName": "a", "state": { "value": "ALARM" },
            "configuration": { "metrics": [{ "metricStat": { "metric": { "namespace": "AWS/KinesisAnalytics" } } }] },
        }),
    );
    tokio::time::sleep(10 * MINUTE).await;
    region.faults().clear();
}

#[test]
fn an_event_that_no_function_takes_is_in_the_queue_and_the_alarm_rings_for_each_loss() {
    virtually(async {
        let region = region();
        for losses in 1..=3 {
            let before = rings(&region);
            an_event_is_lost(&region).await;
            assert_eq!(given_up(&region).len(), losses, "{:?}", given_up(&region));
            assert_eq!(rings(&region), before + 1, "loss {losses}");
            let state = region
                .cloudwatch()
                .alarm("lifeguard-EventsGivenUp")
                .unwrap()
                .state;
            assert_eq!(state.value, StateValue::Ok, "ready for the next loss");
        }
    });
}

/// How often the queue's alarm told people.
fn rings(region: &Region) -> usize {
    let messages = region.journal().messages();
    messages
        .iter()
        .filter(|message| {
            message["service"] == "sns"
                && message["subject"].as_str().is_some_and(|subject| {
                    subject.starts_with("ALARM: \"lifeguard-EventsGivenUp\"")
                })
        })
        .count()
}

#[test]
fn a_queue_that_does_not_name_the_rule_loses_what_the_rule_gives_up() {
    let mutant = Mutant::with(&[(
        "                  - !GetAtt AlarmHandlerAlarmRings.Arn\n",
        "",
    )]);
    virtually(async {
        let region = region_of(Some(&mutant.template()));
        an_event_is_lost(&region).await;
        assert_eq!(given_up(&region), Vec::<Value>::new());
        let log = region.journal().log_lines().join("\n");
        assert!(
            log.contains("an event is lost") && log.contains("sqs:SendMessage"),
            "{log}"
        );
    });
}

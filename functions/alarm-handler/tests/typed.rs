//! The fixtures against the types of `aws_lambda_events`, which others wrote: where those can read an event, it must mean the same after a round trip through them; where they
//! cannot, this says so, and shows why the handler reads field by field.

mod support;

use alarm_handler::{
    event::{self, Alarm},
    home::Home,
    request::Refusal,
};
use aws_lambda_events::{
    cloudwatch_alarms::CloudWatchMetricAlarm, event::sns::SnsEvent, eventbridge::EventBridgeEvent,
};
use serde_json::{Value, json};
use support::{fixture, fixtures};

fn read(event: &Value) -> Vec<Result<Alarm, Refusal>> {
    let home = Home {
        account: "111122223333".into(),
        region: "eu-central-1".into(),
    };
    event::read(event, &home)
}

#[test]
fn every_eventbridge_fixture_means_the_same_after_a_round_trip_through_the_published_envelope() {
    let mut compared = 0;
    for name in fixtures()
        .iter()
        .filter(|name| name.starts_with("eventbridge-"))
    {
        let event = fixture(name);
        let Ok(typed) = serde_json::from_value::<EventBridgeEvent<Value>>(event.clone()) else {
            continue;
        };
        let again = serde_json::to_value(typed).expect("a typed event serialises");
        assert_eq!(read(&again), read(&event), "{name}");
        compared += 1;
    }
    assert!(
        compared >= 15,
        "only {compared} fixtures are EventBridge events as published"
    );
}

#[test]
fn every_sns_fixture_means_the_same_after_a_round_trip_through_the_published_envelope() {
    let mut compared = 0;
    for name in fixtures().iter().filter(|name| name.starts_with("sns-")) {
        let event = fixture(name);
        let Ok(typed) = serde_json::from_value::<SnsEvent>(event.clone()) else {
            continue;
        };
        let again = serde_json::to_value(typed).expect("a typed event serialises");
        assert_eq!(read(&again), read(&event), "{name}");
        compared += 1;
    }
    assert!(
        compared >= 5,
        "only {compared} fixtures are SNS events as published"
    );
}

#[test]
fn the_published_alarm_type_still_fails_on_metric_math() {
    let event = fixture("lambda-metric-math");
    assert!(
        read(&event).iter().all(Result::is_ok),
        "the handler reads it"
    );
    let typed = serde_json::from_value::<CloudWatchMetricAlarm>(event);
    assert!(
        typed.is_err(),
        "it reads metric-math alarms now: the handler could use it ({})",
        json!(typed.ok())
    );
}

//! The three envelopes in which one transition travels: the EventBridge event's detail, the payload of a Lambda action, and the message of an SNS action.
//!
//! They differ in ways that break typed parsers: an expression entry has no `metricStat`, a description may be null, `reasonData` is JSON inside a string,
//! and the message of SNS spells and nests everything differently.

use serde_json::{Map, Value, json};

use super::{
    alarm::{Dimension, Entry, MetricAlarm},
    long_time,
    state::{AlarmState, Definition, Transition},
};
use ground::place::{ACCOUNT, REGION};

/// The region as people call it, which SNS messages use.
const REGION_FOR_PEOPLE: &str = "US East (N. Virginia)";

/// The `detail` of the event `CloudWatch Alarm State Change`.
#[must_use]
pub fn event(transition: &Transition) -> Value {
    json!({
        "alarmName": transition.alarm.definition.name(),
        "state": state(&transition.alarm.state),
        "previousState": state(&transition.previous),
        "configuration": configuration(&transition.alarm.definition),
    })
}

/// What a function gets that is the alarm's action.
#[must_use]
pub fn lambda_action(transition: &Transition) -> Value {
    json!({
        "source": "aws.cloudwatch",
        "alarmArn": transition.alarm.definition.arn(),
        "accountId": ACCOUNT,
        "time": long_time(transition.alarm.state.at),
        "region": REGION,
        "alarmData": event(transition),
    })
}

/// Subject and message that a topic gets that is the alarm's action.
#[must_use]
pub fn sns_action(transition: &Transition) -> (String, Value) {
    let (alarm, now) = (&transition.alarm, &transition.alarm.state);
    let (_, [alarm_actions, ok_actions, insufficient_data_actions]) = alarm.definition.actions();
    let subject = format!(
        "{}: \"{}\" in {REGION_FOR_PEOPLE}",
        now.value,
        alarm.definition.name()
    );
    let mut message = json!({
        "AlarmName": alarm.definition.name(),
        "AlarmDescription": alarm.definition.description(),
        "AWSAccountId": ACCOUNT,
        "AlarmConfigurationUpdatedTimestamp": long_time(alarm.configured),
        "NewStateValue": now.value.name(),
        "NewStateReason": now.reason,
        "StateChangeTime": long_time(now.at),
        "Region": REGION_FOR_PEOPLE,
        "AlarmArn": alarm.definition.arn(),
        "OldStateValue": transition.previous.value.name(),
        "OKActions": ok_actions,
        "AlarmActions": alarm_actions,
        "InsufficientDataActions": insufficient_data_actions,
    });
    match &alarm.definition {
        Definition::Metric(metric) => message["Trigger"] = trigger(metric),
        Definition::Composite(composite) => {
            message["AlarmRule"] = json!(composite.alarm_rule);
            let children = now
                .reason_data
                .as_ref()
                .map(|data| &data["triggeringAlarms"])
                .and_then(Value::as_array);
            let triggering = children
                .into_iter()
                .flatten()
                .map(|child| json!({ "Arn": child["arn"], "State": { "Value": child["state"]["value"], "Timestamp": child["state"]["timestamp"] } }));
            message["TriggeringChildren"] = triggering.collect();
        }
    }
    // Subjects are cut at the limit of SNS.
    (subject.chars().take(99).collect(), message)
}

fn state(state: &AlarmState) -> Value {
    let mut written = json!({ "value": state.value.name(), "reason": state.reason });
    if let Some(data) = &state.reason_data {
        written["reasonData"] = json!(data.to_string());
    }
    written["timestamp"] = json!(long_time(state.at));
    written
}

fn configuration(definition: &Definition) -> Value {
    match definition {
        Definition::Metric(alarm) => {
            json!({ "description": alarm.alarm_description, "metrics": alarm.entries().iter().map(entry).collect::<Vec<_>>() })
        }
        Definition::Composite(alarm) => {
            let mut configuration = json!({ "alarmRule": alarm.alarm_rule });
            if let Some(description) = &alarm.alarm_description {
                configuration["description"] = json!(description);
            }
            configuration
        }
    }
}

fn entry(entry: &Entry) -> Value {
    let mut written = json!({ "id": entry.id });
    if let Some(expression) = &entry.expression {
        written["expression"] = json!(expression);
    }
    if let Some(label) = &entry.label {
        written["label"] = json!(label);
    }
    if let Some(stat) = &entry.metric_stat {
        let metric = json!({ "namespace": stat.metric.namespace, "name": stat.metric.metric_name, "dimensions": by_name(&stat.metric.dimensions) });
        written["metricStat"] =
            json!({ "metric": metric, "period": stat.period, "stat": stat.stat });
        if let Some(unit) = &stat.unit {
            written["metricStat"]["unit"] = json!(unit);
        }
    }
    written["returnData"] = json!(entry.return_data);
    written
}

fn by_name(dimensions: &[Dimension]) -> Map<String, Value> {
    dimensions
        .iter()
        .map(|dimension| (dimension.name.clone(), json!(dimension.value)))
        .collect()
}

/// The part of an SNS message that says what is watched.
fn trigger(alarm: &MetricAlarm) -> Value {
    let in_small = |dimensions: &[Dimension]| {
        dimensions
            .iter()
            .map(|dimension| json!({ "value": dimension.value, "name": dimension.name }))
            .collect::<Vec<_>>()
    };
    let mut written = Map::new();
    if let (Some(name), Some(namespace), Some(statistic)) =
        (&alarm.metric_name, &alarm.namespace, alarm.statistic)
    {
        written.insert("MetricName".to_owned(), json!(name));
        written.insert("Namespace".to_owned(), json!(namespace));
        written.insert("StatisticType".to_owned(), json!("Statistic"));
        written.insert(
            "Statistic".to_owned(),
            json!(format!("{statistic:?}").to_uppercase()),
        );
        written.insert("Unit".to_owned(), json!(alarm.unit));
        written.insert("Dimensions".to_owned(), json!(in_small(&alarm.dimensions)));
    }
    written.insert("Period".to_owned(), json!(alarm.common_period()));
    written.insert(
        "EvaluationPeriods".to_owned(),
        json!(alarm.evaluation_periods),
    );
    if let Some(datapoints) = alarm.datapoints_to_alarm {
        written.insert("DatapointsToAlarm".to_owned(), json!(datapoints));
    }
    written.insert(
        "ComparisonOperator".to_owned(),
        json!(alarm.comparison_operator),
    );
    written.insert("Threshold".to_owned(), json!(alarm.threshold));
    written.insert(
        "TreatMissingData".to_owned(),
        json!(alarm.treat_missing_data),
    );
    written.insert("EvaluateLowSampleCountPercentile".to_owned(), json!(""));
    if !alarm.metrics.is_empty() {
        let metrics = alarm.metrics.iter().map(|entry| {
            let mut written = serde_json::to_value(entry).expect("an entry is plain data");
            if let Some(stat) = &entry.metric_stat {
                written["MetricStat"]["Metric"]["Dimensions"] =
                    json!(in_small(&stat.metric.dimensions));
            }
            written
        });
        written.insert("Metrics".to_owned(), metrics.collect());
    }
    Value::Object(written)
}

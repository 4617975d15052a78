//! The function's input: the envelopes in which an alarm arrives, read into one shape.
//!
//! - EventBridge, `CloudWatch Alarm State Change`;
//! - an alarm's Lambda action (`alarmArn`, `alarmData`);
//! - SNS (`Records[].Sns.Message`), holding CloudWatch's own message or an EventBridge event that a rule sent to the topic.
//!
//! Read field by field and not into typed structs: a field that this function does not need may be missing, null or of a new type, and must not stop a
//! rescue (metric-math entries have no `metricStat`, composites have another `configuration`, Insights alarms no `reasonData`, a mute adds `muteDetail`).
//! A field that it does need is either right or refused by name. Deliberately absent: what the alarm means; [`crate::request`] decides that.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::Value;

use crate::{
    home::{Claims, Home},
    request::Refusal,
    text::seen,
};

/// How many of an unknown event's keys an error names.
const KEYS_NAMED: usize = 8;
/// The namespace of the service's metrics.
const NAMESPACE: &str = "AWS/KinesisAnalytics";
/// The dimension that names the application.
const DIMENSION: &str = "Application";

/// An alarm's change of state, whichever way it came. Its texts are as they came: whoever passes them on bounds them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// The alarm's name.
    pub name: String,
    /// Its new state, as CloudWatch spells it.
    pub state: String,
    /// When the state changed: the same in every envelope, to the millisecond.
    pub at: Timestamp,
    /// CloudWatch's words for it.
    pub reason: String,
    /// Why CloudWatch would not have run this alarm's actions. Only EventBridge delivers such events at all.
    pub held_back: Option<String>,
    /// What it watches.
    pub watches: Watches,
}

/// What an alarm watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Watches {
    /// Metrics.
    Metrics {
        /// The `Application` dimensions of those in the service's namespace and this account.
        applications: BTreeSet<String>,
        /// The same of those in other accounts, which a monitoring account may watch.
        elsewhere: BTreeSet<Elsewhere>,
        /// All namespaces, for the error that says what was seen.
        namespaces: BTreeSet<String>,
    },
    /// Other alarms.
    Alarms {
        /// The names of those that are in ALARM and made it change.
        triggering: BTreeSet<String>,
    },
}

/// An application of another account.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Elsewhere {
    /// Its name.
    pub application: String,
    /// Its account.
    pub account: String,
    /// The account that is looked after here.
    pub ours: String,
}

/// Reads all alarms of an event: one, or one per SNS record. Never empty.
#[must_use]
pub fn read(event: &Value, home: &Home) -> Vec<Result<Alarm, Refusal>> {
    match event.get("Records").and_then(Value::as_array) {
        Some(records) if !records.is_empty() => records
            .iter()
            .map(|record| of_record(record, home))
            .collect(),
        _ => vec![single(event, home)],
    }
}

fn of_record(record: &Value, home: &Home) -> Result<Alarm, Refusal> {
    let Some(message) = record.pointer("/Sns/Message").and_then(Value::as_str) else {
        let sender = record
            .get("EventSource")
            .or_else(|| record.get("eventSource"))
            .and_then(Value::as_str)
            .unwrap_or("nothing");
        return Err(Refusal::Record {
            sender: seen(sender),
        });
    };
    // The parser gives up beyond a depth of 128, so nesting cannot exhaust the stack.
    let message: Value = serde_json::from_str(message).map_err(|_| Refusal::Message)?;
    if message.get("AlarmName").is_some() {
        sns(&message, record, home)
    } else {
        single(&message, home)
    }
}

fn single(event: &Value, home: &Home) -> Result<Alarm, Refusal> {
    let text = |key: &str| event.get(key).and_then(Value::as_str);
    let detail = &event["detail"];
    let alarm = || seen(detail["alarmName"].as_str().unwrap_or_default());
    match (text("source"), text("detail-type")) {
        (Some("aws.cloudwatch"), Some("CloudWatch Alarm State Change")) => {
            home.check(&format!("the alarm {}", alarm()), &envelope(event))?;
            let mut alarm = data(detail, event, home)?;
            alarm.held_back = held_back(detail);
            Ok(alarm)
        }
        (Some("aws.cloudwatch"), Some("CloudWatch Alarm Contributor State Change")) => {
            home.check(&format!("the alarm {}", alarm()), &envelope(event))?;
            Err(Refusal::Contributor { alarm: alarm() })
        }
        (source, Some(detail_type)) => Err(Refusal::OtherEvent {
            detail_type: seen(detail_type),
            sender: seen(source.unwrap_or("nobody")),
        }),
        (Some("aws.cloudwatch"), None) if event.get("alarmData").is_some() => {
            let data_of = &event["alarmData"];
            let name = seen(data_of["alarmName"].as_str().unwrap_or_default());
            let claims = Claims::default()
                .accounts([&event["accountId"]])
                .regions([&event["region"]])
                .arns([&event["alarmArn"]]);
            home.check(&format!("the alarm {name}"), &claims)?;
            data(data_of, event, home)
        }
        (_, None) => Err(Refusal::NoAlarm {
            shape: shape(event),
        }),
    }
}

/// Where an EventBridge event says that it is from.
pub(crate) fn envelope(event: &Value) -> Claims<'_> {
    Claims::default()
        .accounts([&event["account"]])
        .regions([&event["region"]])
        .arns(resources(&event["resources"]))
}

/// `detail` of EventBridge and `alarmData` of a Lambda action are the same object.
fn data(data: &Value, envelope: &Value, home: &Home) -> Result<Alarm, Refusal> {
    let name = data["alarmName"]
        .as_str()
        .filter(|name| !name.is_empty())
        .ok_or(Refusal::NoAlarmName)?;
    if data.get("alarmContributor").is_some() {
        return Err(Refusal::Contributor { alarm: seen(name) });
    }
    let configuration = &data["configuration"];
    let watches = if configuration.get("alarmRule").is_some() {
        // `reasonData` is JSON in a string, and may be absent.
        let reason_data = data["state"]["reasonData"]
            .as_str()
            .and_then(|text| serde_json::from_str::<Value>(text).ok());
        children(
            reason_data
                .as_ref()
                .map_or(&Value::Null, |data| &data["triggeringAlarms"]),
            ["arn", "state", "value"],
            home,
        )
    } else {
        metrics(
            list(&configuration["metrics"]).map(|entry| Entry {
                metric: &entry["metricStat"]["metric"],
                accounts: [&entry["accountId"], &entry["metricStat"]["accountId"]],
            }),
            ["namespace", "dimensions"],
            home,
        )
    };
    alarm(
        name,
        &data["state"]["value"],
        &data["state"]["reason"],
        [&data["state"]["timestamp"], &envelope["time"]],
        watches,
    )
}

/// CloudWatch's own message to SNS: other names for the same things.
fn sns(message: &Value, record: &Value, home: &Home) -> Result<Alarm, Refusal> {
    let name = message["AlarmName"]
        .as_str()
        .filter(|name| !name.is_empty())
        .ok_or(Refusal::NoAlarmName)?;
    let claims = Claims::default()
        .accounts([&message["AWSAccountId"]])
        .regions([&message["Region"]])
        .arns([&message["AlarmArn"]]);
    home.check(&format!("the alarm {}", seen(name)), &claims)?;
    if message.as_object().is_some_and(|members| {
        members
            .keys()
            .any(|key| key.starts_with("AlarmContributor"))
    }) {
        return Err(Refusal::Contributor { alarm: seen(name) });
    }
    let trigger = &message["Trigger"];
    let watches = if message.get("AlarmRule").is_some() {
        children(
            &message["TriggeringChildren"],
            ["Arn", "State", "Value"],
            home,
        )
    } else {
        // A single metric stands in the trigger itself; an alarm on several, or on an expression, lists them.
        let several = list(&trigger["Metrics"]).map(|entry| Entry {
            metric: &entry["MetricStat"]["Metric"],
            accounts: [&entry["AccountId"], &entry["MetricStat"]["AccountId"]],
        });
        let single = Entry {
            metric: trigger,
            accounts: [&trigger["AccountId"], &Value::Null],
        };
        metrics(several.chain([single]), ["Namespace", "Dimensions"], home)
    };
    alarm(
        name,
        &message["NewStateValue"],
        &message["NewStateReason"],
        [
            &message["StateChangeTime"],
            record.pointer("/Sns/Timestamp").unwrap_or(&Value::Null),
        ],
        watches,
    )
}

fn alarm(
    name: &str,
    state: &Value,
    reason: &Value,
    times: [&Value; 2],
    watches: Watches,
) -> Result<Alarm, Refusal> {
    let state = state
        .as_str()
        .ok_or_else(|| Refusal::NoState { alarm: seen(name) })?;
    let at = times
        .iter()
        .find_map(|time| time.as_str()?.parse().ok())
        .ok_or_else(|| Refusal::NoTime { alarm: seen(name) })?;
    let reason = reason.as_str().unwrap_or("the alarm gives no reason");
    Ok(Alarm {
        name: name.to_owned(),
        state: state.to_owned(),
        at,
        reason: reason.to_owned(),
        held_back: None,
        watches,
    })
}

/// One of the metrics of an alarm, and where it may say whose it is.
struct Entry<'a> {
    metric: &'a Value,
    accounts: [&'a Value; 2],
}

fn metrics<'a>(
    entries: impl Iterator<Item = Entry<'a>>,
    [namespace_key, dimensions_key]: [&str; 2],
    home: &Home,
) -> Watches {
    let (mut applications, mut elsewhere, mut namespaces) =
        (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for Entry { metric, accounts } in entries {
        let Some(namespace) = metric[namespace_key].as_str() else {
            continue;
        };
        namespaces.insert(namespace.to_owned());
        let Some(application) = dimension(&metric[dimensions_key])
            .filter(|_| namespace == NAMESPACE)
            .map(str::to_owned)
        else {
            continue;
        };
        match accounts.into_iter().find(|account| !home.is_ours(account)) {
            None => drop(applications.insert(application)),
            Some(account) => drop(
                elsewhere.insert(Elsewhere {
                    application,
                    account: account
                        .as_str()
                        .map_or_else(|| account.to_string(), str::to_owned),
                    ours: home.account.clone(),
                }),
            ),
        }
    }
    Watches::Metrics {
        applications,
        elsewhere,
        namespaces,
    }
}

/// EventBridge and Lambda actions write dimensions as an object, SNS as a list of names and values.
fn dimension(dimensions: &Value) -> Option<&str> {
    let listed = || {
        list(dimensions)
            .find(|dimension| dimension["name"] == DIMENSION)
            .map(|dimension| &dimension["value"])
    };
    dimensions.get(DIMENSION).or_else(listed)?.as_str()
}

/// Those in ALARM. One of another account or region is none that the setting could name: names are unique only within both.
fn children(alarms: &Value, [arn, state, value]: [&str; 3], home: &Home) -> Watches {
    let in_alarm = list(alarms).filter(|child| child[state][value] == "ALARM");
    // An alarm's name may hold colons, so it is all that follows the first `:alarm:`.
    let names = in_alarm
        .filter_map(|child| child[arn].as_str().filter(|arn| home.has(arn)))
        .filter_map(|arn| arn.split_once(":alarm:"))
        .map(|(_, name)| name.to_owned());
    Watches::Alarms {
        triggering: names.collect(),
    }
}

fn held_back(detail: &Value) -> Option<String> {
    if let Some(mute) = detail.get("muteDetail").filter(|mute| !mute.is_null()) {
        let by = mute["mutedByArn"].as_str().unwrap_or("an unnamed rule");
        let until = mute["muteWindowEnd"].as_str().unwrap_or("an unknown time");
        return Some(format!(
            "its actions are muted by {} until {}",
            seen(by),
            seen(until)
        ));
    }
    let by = detail["state"]["actionsSuppressedBy"].as_str()?;
    Some(format!("its actions are suppressed by {}", seen(by)))
}

/// A list of ARNs; a single one, where something that passed the event on wrote it as a text.
fn resources(value: &Value) -> impl Iterator<Item = &Value> {
    list(value).chain(Some(value).filter(|value| value.is_string()))
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    value
        .as_array()
        .map(Vec::as_slice)
        .unwrap_or_default()
        .iter()
}

/// What an unknown event looks like, by its type and its keys. Never by its values: nobody knows what is in them.
fn shape(event: &Value) -> String {
    match event {
        Value::Null => "null".to_owned(),
        Value::Bool(_) => "a boolean".to_owned(),
        Value::Number(_) => "a number".to_owned(),
        Value::String(_) => "a string".to_owned(),
        Value::Array(items) => format!("an array of {}", items.len()),
        Value::Object(members) if members.is_empty() => "an empty object".to_owned(),
        Value::Object(members) => {
            let keys: Vec<String> = members
                .keys()
                .take(KEYS_NAMED)
                .map(|key| seen(key))
                .collect();
            let more = if members.len() > KEYS_NAMED {
                " …"
            } else {
                ""
            };
            format!("an object with {}{more}", keys.join(", "))
        }
    }
}

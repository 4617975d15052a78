//! Alarm definitions, read from an API request or from a template: both write them the same.
//!
//! Every property is known or refused: an alarm that silently ignored one would watch something else than its author thinks.

use std::collections::BTreeSet;

use serde::{Deserialize, Deserializer, Serialize, de};
use serde_json::Value;

use super::{
    MINUTE_SECS, math,
    metrics::{APPLICATION, MetricKey, NAMESPACE, Statistic},
    rule::Rule,
};
use ground::place;

/// An alarm that cannot be put.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AlarmError {
    /// A property is missing, unknown, or does not fit.
    #[error("{0}")]
    Invalid(String),
}

/// How a value is held against the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub enum Comparison {
    /// `>`
    #[serde(rename = "GreaterThanThreshold")]
    Greater,
    /// `>=`
    #[serde(rename = "GreaterThanOrEqualToThreshold")]
    GreaterOrEqual,
    /// `<`
    #[serde(rename = "LessThanThreshold")]
    Less,
    /// `<=`
    #[serde(rename = "LessThanOrEqualToThreshold")]
    LessOrEqual,
}

/// What a missing value counts as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Missing {
    /// Neither.
    #[default]
    #[serde(rename = "missing")]
    Neither,
    /// The state is kept.
    Ignore,
    /// Good.
    NotBreaching,
    /// Bad.
    Breaching,
}

/// `AWS::CloudWatch::Alarm`, `PutMetricAlarm`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct MetricAlarm {
    /// Its name.
    pub alarm_name: String,
    /// A sentence for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm_description: Option<String>,
    /// Whether the actions below are carried out. Events are sent either way.
    #[serde(default = "yes", deserialize_with = "truth")]
    pub actions_enabled: bool,
    /// ARNs of functions and topics, on ALARM.
    #[serde(default)]
    pub alarm_actions: Vec<String>,
    /// The same, on OK.
    #[serde(default, rename = "OKActions")]
    pub ok_actions: Vec<String>,
    /// The same, on INSUFFICIENT_DATA.
    #[serde(default)]
    pub insufficient_data_actions: Vec<String>,
    /// Name of the one metric, in an alarm without math.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_name: Option<String>,
    /// Its namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Its dimensions.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dimensions: Vec<Dimension>,
    /// Its statistic.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statistic: Option<Statistic>,
    /// Its period.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "maybe_whole"
    )]
    pub period: Option<i64>,
    /// Its unit; only carried along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
    /// The entries of an alarm with math.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub metrics: Vec<Entry>,
    /// N of "M of N".
    #[serde(deserialize_with = "whole")]
    pub evaluation_periods: i64,
    /// M of "M of N"; N when absent.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "maybe_whole"
    )]
    pub datapoints_to_alarm: Option<i64>,
    /// What values are held against.
    #[serde(deserialize_with = "number")]
    pub threshold: f64,
    /// How.
    pub comparison_operator: Comparison,
    /// What a missing value counts as.
    #[serde(default)]
    pub treat_missing_data: Missing,
    /// Only carried along.
    #[serde(default, skip_serializing)]
    pub tags: Vec<Value>,
}

/// A dimension.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Dimension {
    /// `Application`
    pub name: String,
    /// The application.
    pub value: String,
}

/// One entry of an alarm with math: a metric or an expression.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Entry {
    /// What expressions call it.
    pub id: String,
    /// An expression over other entries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expression: Option<String>,
    /// What people see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// A metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric_stat: Option<MetricStat>,
    /// Whether this is the entry held against the threshold. True when absent, as the API has it.
    #[serde(default = "yes", deserialize_with = "truth")]
    pub return_data: bool,
}

/// A metric with its statistic.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct MetricStat {
    /// Which.
    pub metric: Metric,
    /// Over how many seconds.
    #[serde(deserialize_with = "whole")]
    pub period: i64,
    /// Which statistic.
    pub stat: Statistic,
    /// Only carried along.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// A metric.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct Metric {
    /// `AWS/KinesisAnalytics`
    pub namespace: String,
    /// `fullRestarts`
    pub metric_name: String,
    /// Of which application.
    #[serde(default)]
    pub dimensions: Vec<Dimension>,
}

impl Metric {
    pub(super) fn key(&self) -> MetricKey {
        let dimensions = self
            .dimensions
            .iter()
            .map(|dimension| (dimension.name.clone(), dimension.value.clone()))
            .collect();
        (self.namespace.clone(), self.metric_name.clone(), dimensions)
    }
}

impl MetricAlarm {
    pub(super) fn read(properties: &Value) -> Result<Self, AlarmError> {
        let alarm: Self = serde_json::from_value(properties.clone())
            .map_err(|error| AlarmError::Invalid(format!("the alarm cannot be read: {error}")))?;
        match alarm.wrong() {
            Some(wrong) => Err(AlarmError::Invalid(format!(
                "alarm {}: {wrong}",
                alarm.alarm_name
            ))),
            None => Ok(alarm),
        }
    }

    /// M of "M of N".
    pub(super) fn to_alarm(&self) -> usize {
        usize::try_from(self.datapoints_to_alarm.unwrap_or(self.evaluation_periods)).unwrap_or(1)
    }

    /// N of "M of N".
    pub(super) fn periods(&self) -> usize {
        usize::try_from(self.evaluation_periods).unwrap_or(1)
    }

    /// The entries, also of an alarm without math: that one's only entry gets an id that nobody refers to.
    pub(super) fn entries(&self) -> Vec<Entry> {
        if !self.metrics.is_empty() {
            return self.metrics.clone();
        }
        let metric = Metric {
            namespace: self.namespace.clone().unwrap_or_default(),
            metric_name: self.metric_name.clone().unwrap_or_default(),
            dimensions: self.dimensions.clone(),
        };
        let (period, stat) = (
            self.period.unwrap_or(MINUTE_SECS),
            self.statistic.unwrap_or(Statistic::Average),
        );
        let metric_stat = Some(MetricStat {
            metric,
            period,
            stat,
            unit: self.unit.clone(),
        });
        vec![Entry {
            id: place::id(4, 0),
            expression: None,
            label: None,
            metric_stat,
            return_data: true,
        }]
    }

    /// The period all entries share.
    pub(super) fn common_period(&self) -> i64 {
        self.entries()
            .iter()
            .find_map(|entry| entry.metric_stat.as_ref().map(|stat| stat.period))
            .unwrap_or(MINUTE_SECS)
    }

    /// The application whose metric is watched, if it is one.
    pub(super) fn application(&self) -> Option<&str> {
        let of_math = self
            .metrics
            .iter()
            .filter_map(|entry| entry.metric_stat.as_ref())
            .find(|stat| stat.metric.namespace == NAMESPACE);
        let dimensions = of_math.map_or(&self.dimensions, |stat| &stat.metric.dimensions);
        dimensions
            .iter()
            .find(|dimension| dimension.name == APPLICATION)
            .map(|dimension| dimension.value.as_str())
    }

    fn wrong(&self) -> Option<String> {
        let (n, m) = (
            self.evaluation_periods,
            self.datapoints_to_alarm.unwrap_or(self.evaluation_periods),
        );
        if n < 1 || m < 1 || m > n {
            return Some(format!("{m} of {n} datapoints cannot be met"));
        }
        let simple = self.metric_name.is_some()
            || self.namespace.is_some()
            || self.statistic.is_some()
            || self.period.is_some();
        let math = !self.metrics.is_empty();
        if simple == math {
            return Some(
                "either MetricName with Namespace, Statistic and Period, or Metrics is expected"
                    .to_owned(),
            );
        }
        if simple
            && (self.metric_name.is_none()
                || self.namespace.is_none()
                || self.statistic.is_none()
                || self.period.is_none())
        {
            return Some("MetricName, Namespace, Statistic and Period belong together".to_owned());
        }
        wrong_actions([
            &self.alarm_actions,
            &self.ok_actions,
            &self.insufficient_data_actions,
        ])
        .or_else(|| wrong_entries(&self.entries()))
    }
}

fn wrong_entries(entries: &[Entry]) -> Option<String> {
    let ids: BTreeSet<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
    if ids.len() != entries.len() {
        return Some("two entries have the same Id".to_owned());
    }
    if entries.iter().filter(|entry| entry.return_data).count() != 1 {
        return Some(
            "exactly one entry must have ReturnData true (it is true when not given)".to_owned(),
        );
    }
    let periods: BTreeSet<i64> = entries
        .iter()
        .filter_map(|entry| entry.metric_stat.as_ref().map(|stat| stat.period))
        .collect();
    if periods.len() != 1 {
        return Some("the sandbox knows only alarms whose metrics share one period".to_owned());
    }
    if periods
        .iter()
        .any(|period| *period < MINUTE_SECS || period % MINUTE_SECS != 0)
    {
        return Some("a period must be a multiple of 60 seconds".to_owned());
    }
    entries
        .iter()
        .find_map(|entry| match (&entry.expression, &entry.metric_stat) {
            (Some(expression), None) => match math::parse(expression) {
                Err(wrong) => Some(format!("entry {}: {wrong}", entry.id)),
                Ok(parsed) => parsed
                    .references()
                    .into_iter()
                    .find(|id| !ids.contains(id))
                    .map(|id| format!("entry {} refers to {id}, which is not there", entry.id)),
            },
            (None, Some(_)) => None,
            _ => Some(format!(
                "entry {} needs either an Expression or a MetricStat",
                entry.id
            )),
        })
}

fn wrong_actions(actions: [&Vec<String>; 3]) -> Option<String> {
    let known = |action: &&String| {
        action.starts_with("arn:aws:lambda:") || action.starts_with("arn:aws:sns:")
    };
    let unknown = actions
        .into_iter()
        .flatten()
        .find(|action| !known(action))?;
    Some(format!(
        "the sandbox carries out only actions on functions and topics, not {unknown}"
    ))
}

/// `AWS::CloudWatch::CompositeAlarm`, `PutCompositeAlarm`.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
pub struct CompositeAlarm {
    /// Its name.
    pub alarm_name: String,
    /// A sentence for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alarm_description: Option<String>,
    /// `ALARM("a") OR ALARM("b")`
    pub alarm_rule: String,
    /// Whether the actions below are carried out.
    #[serde(default = "yes", deserialize_with = "truth")]
    pub actions_enabled: bool,
    /// ARNs of functions and topics, on ALARM.
    #[serde(default)]
    pub alarm_actions: Vec<String>,
    /// The same, on OK.
    #[serde(default, rename = "OKActions")]
    pub ok_actions: Vec<String>,
    /// The same, on INSUFFICIENT_DATA.
    #[serde(default)]
    pub insufficient_data_actions: Vec<String>,
    /// Only carried along.
    #[serde(default, skip_serializing)]
    pub tags: Vec<Value>,
}

impl CompositeAlarm {
    pub(super) fn read(properties: &Value) -> Result<Self, AlarmError> {
        let alarm: Self = serde_json::from_value(properties.clone())
            .map_err(|error| AlarmError::Invalid(format!("the alarm cannot be read: {error}")))?;
        let wrong = Rule::parse(&alarm.alarm_rule).err().or_else(|| {
            wrong_actions([
                &alarm.alarm_actions,
                &alarm.ok_actions,
                &alarm.insufficient_data_actions,
            ])
        });
        match wrong {
            Some(wrong) => Err(AlarmError::Invalid(format!(
                "alarm {}: {wrong}",
                alarm.alarm_name
            ))),
            None => Ok(alarm),
        }
    }

    pub(super) fn rule(&self) -> Rule {
        Rule::parse(&self.alarm_rule).expect("it was parsed when the alarm was put")
    }

    pub(super) fn children(&self) -> Vec<String> {
        self.rule().children()
    }
}

fn yes() -> bool {
    true
}

/// A template may write numbers and truths as text.
fn number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<f64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let number = value
        .as_f64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    number.ok_or_else(|| de::Error::custom(format!("{value} is not a number")))
}

fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    let value = Value::deserialize(deserializer)?;
    let number = value
        .as_i64()
        .or_else(|| value.as_str().and_then(|text| text.parse().ok()));
    number.ok_or_else(|| de::Error::custom(format!("{value} is not a whole number")))
}

fn maybe_whole<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    whole(deserializer).map(Some)
}

fn truth<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Bool(truth) => Ok(truth),
        Value::String(text) if text == "true" || text == "false" => Ok(text == "true"),
        other => Err(de::Error::custom(format!(
            "{other} is neither true nor false"
        ))),
    }
}

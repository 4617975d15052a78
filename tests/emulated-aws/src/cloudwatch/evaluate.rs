//! How a metric alarm comes to its state: M of N datapoints, and what counts where data is missing.
//!
//! Follows the service's documentation: it looks a little further back than N periods; when it finds N values there, the newest N decide and missing ones do
//! not matter. With fewer, the missing ones are filled as `TreatMissingData` says. With `missing` and `ignore` it goes into ALARM on fewer than M values
//! only when all it found is breaching and the oldest of it is at least M periods old: a single value after a gap is no alarm yet.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    alarm::{Comparison, MetricAlarm, Missing},
    at_second, long_time,
    state::{AlarmState, StateValue},
};

/// How many periods more than N it looks back. The service does not say; its examples show two.
const EXTRA_PERIODS: usize = 2;

/// How many periods an evaluation looks at.
pub(super) fn range(periods: usize) -> usize {
    periods + EXTRA_PERIODS
}

/// The state that the values (oldest first, None where missing) call for; None to keep the current one.
pub(super) fn evaluate(
    alarm: &MetricAlarm,
    current: &AlarmState,
    values: &[(i64, Option<f64>)],
    now: Timestamp,
) -> Option<AlarmState> {
    let verdict = Verdict::of(alarm, values)?;
    if verdict.value == current.value {
        return None;
    }
    let reason = verdict.reason(alarm, current.value);
    Some(AlarmState {
        value: verdict.value,
        reason,
        reason_data: Some(reason_data(alarm, values, now)),
        at: now,
    })
}

struct Verdict {
    value: StateValue,
    /// The values that decided, newest first.
    found: Vec<(i64, f64)>,
    /// How many missing ones were counted as good or bad.
    filled: usize,
}

impl Verdict {
    fn of(alarm: &MetricAlarm, values: &[(i64, Option<f64>)]) -> Option<Self> {
        let (n, m) = (alarm.periods(), alarm.to_alarm());
        let newest_first: Vec<(i64, f64)> = values
            .iter()
            .rev()
            .filter_map(|(start, value)| Some((*start, (*value)?)))
            .take(n)
            .collect();
        let breaching = newest_first
            .iter()
            .filter(|(_, value)| breaches(alarm, *value))
            .count();
        let missing = n - newest_first.len();
        let by_count = |count: usize| {
            if count >= m {
                StateValue::Alarm
            } else {
                StateValue::Ok
            }
        };
        let (value, filled) = match alarm.treat_missing_data {
            _ if missing == 0 => (by_count(breaching), 0),
            Missing::Breaching => (by_count(breaching + missing), missing),
            Missing::NotBreaching => (by_count(breaching), missing),
            Missing::Neither if newest_first.is_empty() => (StateValue::InsufficientData, 0),
            Missing::Ignore if newest_first.is_empty() => return None,
            Missing::Neither | Missing::Ignore if breaching >= m => (StateValue::Alarm, 0),
            Missing::Neither | Missing::Ignore if breaching < newest_first.len() => {
                (StateValue::Ok, 0)
            }
            // All it found is bad, and it is too little to be sure.
            Missing::Ignore => return None,
            Missing::Neither => {
                let oldest = values
                    .iter()
                    .position(|(_, value)| value.is_some())
                    .map_or(0, |position| values.len() - position);
                (
                    if oldest >= m {
                        StateValue::Alarm
                    } else {
                        StateValue::InsufficientData
                    },
                    0,
                )
            }
        };
        Some(Self {
            value,
            found: newest_first,
            filled,
        })
    }

    fn reason(&self, alarm: &MetricAlarm, from: StateValue) -> String {
        let n = alarm.periods();
        if self.value == StateValue::InsufficientData {
            return format!(
                "Insufficient Data: {n} {} unknown.",
                plural(n, "datapoint was", "datapoints were")
            );
        }
        let treated = if alarm.treat_missing_data == Missing::Breaching {
            "Breaching"
        } else {
            "NonBreaching"
        };
        let filled = format!(
            "{} missing {} treated as [{treated}]",
            self.filled,
            plural(self.filled, "datapoint was", "datapoints were")
        );
        if self.found.is_empty() {
            return format!(
                "Threshold Crossed: no datapoints were received for {n} {} and {filled}.",
                plural(n, "period", "periods")
            );
        }
        let alarmed = self.value == StateValue::Alarm;
        let telling: Vec<String> = self
            .found
            .iter()
            .filter(|(_, value)| breaches(alarm, *value) == alarmed)
            .map(|(start, value)| {
                format!(
                    "{value:?} ({})",
                    at_second(*start).strftime("%d/%m/%y %H:%M:%S")
                )
            })
            .collect();
        let count = telling.len();
        let were = match (count == 1, alarmed) {
            (true, true) => "was",
            (true, false) => "was not",
            (false, true) => "were",
            (false, false) => "were not",
        };
        let needed = if alarmed {
            alarm.to_alarm()
        } else {
            n - alarm.to_alarm() + 1
        };
        let missing = if self.filled > 0 {
            format!(" and {filled}")
        } else {
            String::new()
        };
        format!(
            "Threshold Crossed: {count} out of the last {} {} [{}] {were} {} the threshold ({:?}){missing} (minimum {needed} {} for {from} -> {} transition).",
            self.found.len(),
            plural(self.found.len(), "datapoint", "datapoints"),
            telling.join(", "),
            words(alarm.comparison_operator),
            alarm.threshold,
            plural(needed, "datapoint", "datapoints"),
            self.value,
        )
    }
}

fn plural<'a>(count: usize, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

fn breaches(alarm: &MetricAlarm, value: f64) -> bool {
    match alarm.comparison_operator {
        Comparison::Greater => value > alarm.threshold,
        Comparison::GreaterOrEqual => value >= alarm.threshold,
        Comparison::Less => value < alarm.threshold,
        Comparison::LessOrEqual => value <= alarm.threshold,
    }
}

fn words(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Greater => "greater than",
        Comparison::GreaterOrEqual => "greater than or equal to",
        Comparison::Less => "less than",
        Comparison::LessOrEqual => "less than or equal to",
    }
}

/// What the newest N periods looked like, for programs.
fn reason_data(alarm: &MetricAlarm, values: &[(i64, Option<f64>)], now: Timestamp) -> Value {
    let newest = &values[values.len() - alarm.periods()..];
    let recent: Vec<f64> = newest.iter().filter_map(|(_, value)| *value).collect();
    let mut data = json!({ "version": "1.0", "queryDate": long_time(now) });
    if let Some((start, _)) = newest.iter().find(|(_, value)| value.is_some()) {
        data["startDate"] = json!(long_time(at_second(*start)));
    }
    if let Some(statistic) = &alarm.statistic {
        data["statistic"] = json!(statistic);
    }
    data["period"] = json!(alarm.common_period());
    data["recentDatapoints"] = json!(recent);
    data["threshold"] = json!(alarm.threshold);
    let evaluated = newest.iter().rev().map(|(start, value)| match value {
        Some(value) => json!({ "timestamp": long_time(at_second(*start)), "value": value }),
        None => json!({ "timestamp": long_time(at_second(*start)) }),
    });
    data["evaluatedDatapoints"] = evaluated.collect();
    data
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEEP: Option<StateValue> = None;
    const OK: Option<StateValue> = Some(StateValue::Ok);
    const ALARM: Option<StateValue> = Some(StateValue::Alarm);
    const UNKNOWN: Option<StateValue> = Some(StateValue::InsufficientData);

    fn verdict(m: i64, n: i64, missing: &str, picture: &str) -> Option<StateValue> {
        let alarm = MetricAlarm::read(&json!({
            "AlarmName": "a", "MetricName": "m", "Namespace": "n", "Statistic": "Maximum", "Period": 60,
            "EvaluationPeriods": n, "DatapointsToAlarm": m, "Threshold": 0, "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": missing,
        }))
        .unwrap();
        let value = |letter| match letter {
            'X' => Some(1.0),
            '0' => Some(0.0),
            _ => None,
        };
        let values: Vec<(i64, Option<f64>)> = picture
            .chars()
            .filter(|letter| *letter != ' ')
            .enumerate()
            .map(|(at, letter)| (at as i64 * 60, value(letter)))
            .collect();
        assert_eq!(values.len(), range(alarm.periods()));
        Verdict::of(&alarm, &values).map(|verdict| verdict.value)
    }

    /// The pictures of the service's documentation: five periods looked at, X breaching, 0 not, - missing.
    #[test]
    fn missing_data_counts_as_the_documentation_pictures_it() {
        let table = [
            (3, "0 - X - X", [OK, OK, OK, OK]),
            (3, "- - - - 0", [OK, OK, OK, OK]),
            (3, "- - - - -", [UNKNOWN, KEEP, ALARM, OK]),
            (3, "0 X X - X", [ALARM, ALARM, ALARM, ALARM]),
            (3, "- - X - -", [ALARM, KEEP, ALARM, OK]),
            (2, "0 - X - X", [ALARM, ALARM, ALARM, ALARM]),
            (2, "0 0 X 0 X", [ALARM, ALARM, ALARM, ALARM]),
            (2, "0 - X - -", [OK, OK, ALARM, OK]),
            (2, "- - - - 0", [OK, OK, ALARM, OK]),
            (2, "- - - X -", [ALARM, KEEP, ALARM, OK]),
        ];
        for (m, picture, wanted) in table {
            for (missing, wanted) in ["missing", "ignore", "breaching", "notBreaching"]
                .into_iter()
                .zip(wanted)
            {
                assert_eq!(
                    verdict(m, 3, missing, picture),
                    wanted,
                    "{m} of 3, {missing}, {picture}"
                );
            }
        }
    }

    #[test]
    fn one_breaching_value_after_a_gap_is_no_alarm_yet() {
        assert_eq!(verdict(3, 3, "missing", "- - - - X"), UNKNOWN);
        assert_eq!(verdict(1, 3, "missing", "- - - - X"), ALARM);
    }
}

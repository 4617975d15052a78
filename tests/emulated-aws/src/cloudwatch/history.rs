//! DescribeAlarmHistory: every change of an alarm's state within 30 days, of alarms that are gone too.
//!
//! Deliberately absent: items of configuration and of actions.

use serde_json::{Value, json};

use super::{
    CloudWatch,
    state::{AlarmState, Definition, Transition},
    verbs::{Refusal, known_members, seconds, strings},
};

/// How long the service keeps an item.
const KEPT_SECS: i64 = 30 * 86_400;
/// The largest page, and the one when none is named.
const PAGE: usize = 100;
/// The longest HistoryData.
const DATA_CHARS: usize = 4_095;

pub(super) fn describe(service: &CloudWatch, body: &Value) -> Result<Value, Refusal> {
    known_members(
        body,
        &[
            "AlarmName",
            "AlarmTypes",
            "HistoryItemType",
            "StartDate",
            "EndDate",
            "MaxRecords",
            "NextToken",
            "ScanBy",
        ],
    )?;
    let page = match body["MaxRecords"].as_u64() {
        None => PAGE,
        Some(most) => usize::try_from(most)
            .ok()
            .filter(|most| (1..=PAGE).contains(most))
            .ok_or_else(|| Refusal::invalid(format!("MaxRecords must be between 1 and {PAGE}")))?,
    };
    let skip: usize = match body["NextToken"].as_str().map(str::parse) {
        None => 0,
        Some(Ok(skip)) => skip,
        Some(Err(_)) => return Err(Refusal::token("DescribeAlarmHistory")),
    };
    let ascending = match body["ScanBy"].as_str() {
        None | Some("TimestampDescending") => false,
        Some("TimestampAscending") => true,
        Some(other) => return Err(Refusal::invalid(format!("ScanBy {other} is not known"))),
    };
    let now = service.clock.now().as_second();
    let site = service.site();
    let kept = site
        .history
        .iter()
        .filter(|item| item.alarm.state.at.as_second() > now - KEPT_SECS)
        .filter(|item| is_asked(item, body));
    let kept: Vec<&Transition> = if ascending {
        kept.collect()
    } else {
        kept.rev().collect()
    };
    let items: Vec<Value> = kept
        .iter()
        .skip(skip)
        .take(page)
        .map(|item| shown(item))
        .collect();
    let mut answer = json!({ "AlarmHistoryItems": items });
    if kept.len() > skip + page {
        answer["NextToken"] = json!((skip + page).to_string());
    }
    Ok(answer)
}

fn is_asked(item: &Transition, body: &Value) -> bool {
    let at = item.alarm.state.at.as_millisecond() as f64 / 1000.0;
    let types = strings(&body["AlarmTypes"]);
    // Without a name and types only metric alarms are meant: the API is older than composites.
    let kind = if !types.is_empty() {
        types.contains(&kind(item))
    } else {
        body["AlarmName"].is_string() || kind(item) == "MetricAlarm"
    };
    kind && body["AlarmName"]
        .as_str()
        .is_none_or(|name| name == item.alarm.definition.name())
        && body["HistoryItemType"]
            .as_str()
            .is_none_or(|kind| kind == "StateUpdate")
        && body["StartDate"].as_f64().is_none_or(|from| at >= from)
        && body["EndDate"].as_f64().is_none_or(|until| at <= until)
}

fn kind(item: &Transition) -> &'static str {
    match item.alarm.definition {
        Definition::Metric(_) => "MetricAlarm",
        Definition::Composite(_) => "CompositeAlarm",
    }
}

fn shown(item: &Transition) -> Value {
    let (from, to) = (&item.previous, &item.alarm.state);
    let whole =
        json!({ "version": "1.0", "oldState": state(from, true), "newState": state(to, true) });
    let mut data = whole.to_string();
    if data.chars().count() > DATA_CHARS {
        let short = json!({ "version": "1.0", "oldState": state(from, false), "newState": state(to, false) });
        data = short.to_string().chars().take(DATA_CHARS).collect();
    }
    json!({
        "AlarmName": item.alarm.definition.name(),
        "AlarmType": kind(item),
        "Timestamp": seconds(to.at),
        "HistoryItemType": "StateUpdate",
        "HistorySummary": format!("Alarm updated from {} to {}", from.value, to.value),
        "HistoryData": data,
    })
}

fn state(state: &AlarmState, with_data: bool) -> Value {
    let mut written = json!({ "stateValue": state.value.name(), "stateReason": state.reason });
    if let Some(data) = state.reason_data.as_ref().filter(|_| with_data) {
        written["stateReasonData"] = data.clone();
    }
    written
}

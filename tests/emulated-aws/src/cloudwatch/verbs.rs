//! The API: AWS JSON 1.0. Requests of the Rust SDK come as CBOR and are translated before and after (`cbor`); AWS Query is refused with a word on what is spoken.

use serde_json::{Value, json};

use super::{
    CloudWatch,
    alarm::AlarmError,
    data, history, list,
    state::{Alarm, AlarmState, Definition, StateValue, Transition},
};
use ground::wire::{self, Request, Response, json_answer};

const JSON: &str = "application/x-amz-json-1.0";
const TARGET: &str = "GraniteServiceVersion20100801.";
/// The service's page size when a request names none.
const PAGE: usize = 50;

/// A refusal: status, code, and a sentence.
pub(super) struct Refusal(pub(super) u16, pub(super) &'static str, pub(super) String);

impl Refusal {
    /// What is asked does not fit.
    pub(super) fn invalid(why: impl Into<String>) -> Self {
        Self(400, "ValidationError", why.into())
    }

    /// The token of a page is none that this verb gave.
    pub(super) fn token(verb: &str) -> Self {
        Self(
            400,
            "InvalidNextToken",
            format!("the token is none that {verb} gave"),
        )
    }
}

type Outcome = Result<(Value, Vec<Transition>), Refusal>;

impl From<AlarmError> for Refusal {
    fn from(error: AlarmError) -> Self {
        Self(400, "ValidationError", error.to_string())
    }
}

/// The answer, the alarm it was about, and what it set in motion.
pub(super) fn answer(
    service: &CloudWatch,
    request: &Request,
) -> (Response, Option<String>, Vec<Transition>) {
    let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let of_arn = || body["ResourceARN"].as_str().map(ground::place::name_of);
    let named = body["AlarmName"]
        .as_str()
        .or_else(|| body["AlarmNames"][0].as_str())
        .or_else(of_arn)
        .map(str::to_owned);
    match perform(service, request, &body) {
        Ok((value, transitions)) => (json_answer(200, JSON, &value), named, transitions),
        Err(Refusal(status, code, message)) => {
            let mut answer = wire::json_error(status, code, &message);
            answer.headers_mut().insert(
                http::header::CONTENT_TYPE,
                http::HeaderValue::from_static(JSON),
            );
            let query = format!("{code};Sender");
            answer.headers_mut().insert(
                "x-amzn-query-error",
                query.parse().expect("error codes are header text"),
            );
            (answer, named, Vec::new())
        }
    }
}

fn perform(service: &CloudWatch, request: &Request, body: &Value) -> Outcome {
    let target = request
        .headers()
        .get("x-amz-target")
        .and_then(|target| target.to_str().ok());
    let Some(verb) = target.and_then(|target| target.strip_prefix(TARGET)) else {
        let asked = request
            .headers()
            .get(http::header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or("nothing known");
        return Err(Refusal(
            400,
            "UnknownOperationException",
            format!("the sandbox's CloudWatch speaks AWS JSON 1.0 ({TARGET}…), not {asked}"),
        ));
    };
    match verb {
        "PutMetricAlarm" => service
            .put_alarm(body)
            .map(|()| (json!({}), Vec::new()))
            .map_err(Refusal::from),
        "PutCompositeAlarm" => service
            .put_composite(body)
            .map(|()| (json!({}), Vec::new()))
            .map_err(Refusal::from),
        "DescribeAlarms" => describe(service, body).map(|answer| (answer, Vec::new())),
        "DeleteAlarms" => delete(service, body).map(|()| (json!({}), Vec::new())),
        "DescribeAlarmHistory" => {
            history::describe(service, body).map(|answer| (answer, Vec::new()))
        }
        "GetMetricData" => data::get(service, body).map(|answer| (answer, Vec::new())),
        "ListMetrics" => list::metrics(service, body).map(|answer| (answer, Vec::new())),
        "ListTagsForResource" => list_tags(service, body).map(|answer| (answer, Vec::new())),
        "SetAlarmState" => set_state(service, body).map(|transitions| (json!({}), transitions)),
        other => Err(Refusal(
            400,
            "UnknownOperationException",
            format!("the sandbox's CloudWatch does not know {other}"),
        )),
    }
}

pub(super) fn known_members(body: &Value, known: &[&str]) -> Result<(), Refusal> {
    let unknown = body
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name)
        .find(|name| !known.contains(&name.as_str()));
    match unknown {
        Some(name) => Err(Refusal::invalid(format!(
            "the sandbox does not know the member {name}"
        ))),
        None => Ok(()),
    }
}

pub(super) fn strings(value: &Value) -> Vec<&str> {
    value
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect()
}

fn describe(service: &CloudWatch, body: &Value) -> Result<Value, Refusal> {
    known_members(
        body,
        &[
            "AlarmNames",
            "AlarmNamePrefix",
            "AlarmTypes",
            "StateValue",
            "MaxRecords",
            "NextToken",
        ],
    )?;
    let (names, types) = (strings(&body["AlarmNames"]), strings(&body["AlarmTypes"]));
    // Without types, only metric alarms are described: the API is older than composites.
    let metric = types.is_empty() || types.contains(&"MetricAlarm");
    let composite = types.contains(&"CompositeAlarm");
    let prefix = body["AlarmNamePrefix"].as_str().unwrap_or_default();
    let wanted_state = body["StateValue"].as_str();
    let site = service.site();
    let mut found = site
        .alarms
        .iter()
        .filter(|(name, _)| {
            (names.is_empty() || names.contains(&name.as_str())) && name.starts_with(prefix)
        })
        .map(|(_, alarm)| alarm)
        .filter(|alarm| {
            if matches!(alarm.definition, Definition::Metric(_)) {
                metric
            } else {
                composite
            }
        })
        .filter(|alarm| wanted_state.is_none_or(|value| alarm.state.value.name() == value));
    let skip: usize = match body["NextToken"].as_str().map(str::parse) {
        None => 0,
        Some(Ok(skip)) => skip,
        Some(Err(_)) => return Err(Refusal::token("DescribeAlarms")),
    };
    let page = body["MaxRecords"]
        .as_u64()
        .and_then(|most| usize::try_from(most).ok())
        .unwrap_or(PAGE);
    let (mut metrics, mut composites) = (Vec::new(), Vec::new());
    for alarm in found.by_ref().skip(skip).take(page) {
        match &alarm.definition {
            Definition::Metric(definition) => metrics.push(described(alarm, json!(definition))),
            Definition::Composite(definition) => {
                composites.push(described(alarm, json!(definition)))
            }
        }
    }
    let mut answer = json!({ "MetricAlarms": metrics, "CompositeAlarms": composites });
    if found.next().is_some() {
        answer["NextToken"] = json!((skip + page).to_string());
    }
    Ok(answer)
}

fn described(alarm: &Alarm, mut definition: Value) -> Value {
    definition["AlarmArn"] = json!(alarm.definition.arn());
    definition["AlarmConfigurationUpdatedTimestamp"] = seconds(alarm.configured);
    definition["StateValue"] = json!(alarm.state.value.name());
    definition["StateReason"] = json!(alarm.state.reason);
    if let Some(data) = &alarm.state.reason_data {
        definition["StateReasonData"] = json!(data.to_string());
    }
    definition["StateUpdatedTimestamp"] = seconds(alarm.state.at);
    definition["StateTransitionedTimestamp"] = seconds(alarm.state.at);
    definition
}

pub(super) fn seconds(at: jiff::Timestamp) -> Value {
    json!(at.as_millisecond() as f64 / 1000.0)
}

fn delete(service: &CloudWatch, body: &Value) -> Result<(), Refusal> {
    known_members(body, &["AlarmNames"])?;
    let names = strings(&body["AlarmNames"]);
    let mut site = service.site();
    if let Some(missing) = names.iter().find(|name| !site.alarms.contains_key(**name)) {
        return Err(Refusal(
            404,
            "ResourceNotFound",
            format!("Unknown alarm {missing}; no alarm was deleted"),
        ));
    }
    for name in names {
        site.alarms.remove(name);
        site.tags.remove(name);
    }
    Ok(())
}

fn list_tags(service: &CloudWatch, body: &Value) -> Result<Value, Refusal> {
    known_members(body, &["ResourceARN"])?;
    let arn = body["ResourceARN"].as_str().unwrap_or_default();
    let name = arn
        .split_once(":alarm:")
        .map(|(_, name)| name)
        .unwrap_or_default();
    if !service.site().alarms.contains_key(name) {
        return Err(Refusal(
            404,
            "ResourceNotFoundException",
            format!("Unknown alarm {arn}"),
        ));
    }
    let tags: Vec<Value> = service
        .tags_of(name)
        .iter()
        .map(|(key, value)| json!({ "Key": key, "Value": value }))
        .collect();
    Ok(json!({ "Tags": tags }))
}

fn set_state(service: &CloudWatch, body: &Value) -> Result<Vec<Transition>, Refusal> {
    known_members(
        body,
        &["AlarmName", "StateValue", "StateReason", "StateReasonData"],
    )?;
    let text = |name: &str| {
        body[name]
            .as_str()
            .ok_or_else(|| Refusal(400, "ValidationError", format!("{name} is required")))
    };
    let (name, value, reason) = (
        text("AlarmName")?,
        text("StateValue")?,
        text("StateReason")?,
    );
    let value = StateValue::read(value)
        .ok_or_else(|| Refusal(400, "ValidationError", format!("{value} is not a state")))?;
    let reason_data = match body["StateReasonData"].as_str().map(serde_json::from_str) {
        None => None,
        Some(Ok(data)) => Some(data),
        Some(Err(_)) => {
            return Err(Refusal(
                400,
                "InvalidFormat",
                "StateReasonData is not JSON".to_owned(),
            ));
        }
    };
    let now = service.clock.now();
    let mut site = service.site();
    let alarm = site
        .alarms
        .get_mut(name)
        .ok_or_else(|| Refusal(404, "ResourceNotFound", format!("Unknown alarm {name}")))?;
    let mut transitions: Vec<Transition> = alarm
        .enter(AlarmState {
            value,
            reason: reason.to_owned(),
            reason_data,
            at: now,
        })
        .into_iter()
        .collect();
    transitions.extend(site.evaluate_composites(now));
    Ok(transitions)
}

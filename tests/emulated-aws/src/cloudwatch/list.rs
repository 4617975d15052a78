//! ListMetrics: which metrics have had values within two weeks, of this name and these dimensions. A new one is named some time after its first value.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    CloudWatch,
    metrics::{APPLICATION, DIMENSIONS, FLOW, MESSAGES_SENT, NAMESPACE},
    verbs::{Refusal, known_members},
};

/// How long a metric without values is still named.
const KEPT_SECS: i64 = 14 * 86_400;
/// What `RecentlyActive: PT3H` means.
const RECENT_SECS: i64 = 3 * 3_600;
const PAGE: usize = 500;

pub(super) fn metrics(service: &CloudWatch, body: &Value) -> Result<Value, Refusal> {
    known_members(
        body,
        &[
            "Namespace",
            "MetricName",
            "Dimensions",
            "NextToken",
            "RecentlyActive",
        ],
    )?;
    let since = match body["RecentlyActive"].as_str() {
        None => KEPT_SECS,
        Some("PT3H") => RECENT_SECS,
        Some(other) => {
            return Err(Refusal(
                400,
                "InvalidParameterValue",
                format!("RecentlyActive {other} is not known"),
            ));
        }
    };
    let skip: usize = match body["NextToken"].as_str().map(str::parse) {
        None => 0,
        Some(Ok(skip)) => skip,
        Some(Err(_)) => {
            return Err(Refusal(
                400,
                "InvalidParameterValue",
                "the token is none that ListMetrics gave".to_owned(),
            ));
        }
    };
    let now = service.clock.now().as_second();
    let mut spans: BTreeMap<(String, &'static str), (i64, i64)> = BTreeMap::new();
    let mut add = |owner: &str, name, first: i64, last: i64| {
        let span = spans
            .entry((owner.to_owned(), name))
            .or_insert((first, last));
        *span = (span.0.min(first), span.1.max(last));
    };
    let sources = service.site().sources.clone();
    for (owner, name, first, last) in sources.iter().flat_map(|source| source.listed()) {
        add(&owner, name, first, last);
    }
    for (owner, name, first, last) in service.site().store.listed() {
        add(owner, name, first, last);
    }
    let named = spans
        .into_iter()
        .filter(|(_, (first, last))| {
            *last >= now - since && *first <= now - service.settings.listed_after_secs
        })
        .map(|((owner, name), _)| shown(service, &owner, name))
        .filter(|metric| is_asked(metric, body));
    let all: Vec<Value> = named.collect();
    let mut answer = json!({ "Metrics": all.iter().skip(skip).take(PAGE).collect::<Vec<_>>() });
    if all.len() > skip + PAGE {
        answer["NextToken"] = json!((skip + PAGE).to_string());
    }
    Ok(answer)
}

fn shown(service: &CloudWatch, owner: &str, name: &str) -> Value {
    let (namespace, dimension) = if name == MESSAGES_SENT {
        DIMENSIONS[1]
    } else {
        (NAMESPACE, APPLICATION)
    };
    let mut dimensions = vec![json!({ "Name": dimension, "Value": owner })];
    if let Some(flow) = service.settings.flow_of(name) {
        dimensions.push(json!({ "Name": FLOW, "Value": flow }));
    }
    json!({ "Namespace": namespace, "MetricName": name, "Dimensions": dimensions })
}

/// A dimension that is asked for without a value may have any; a metric may have more dimensions than are asked for.
fn is_asked(metric: &Value, body: &Value) -> bool {
    let same = |member: &str| body[member].is_null() || body[member] == metric[member];
    let has = |asked: &Value| {
        metric["Dimensions"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|had| {
                had["Name"] == asked["Name"]
                    && (asked["Value"].is_null() || had["Value"] == asked["Value"])
            })
    };
    same("Namespace")
        && same("MetricName")
        && body["Dimensions"].as_array().into_iter().flatten().all(has)
}

//! GetMetricData: values of metrics and of expressions over them, late, with gaps, and no finer than their age allows.
//!
//! Invariant: what has no value has no timestamp either; a metric that does not exist has none, and is no error.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    CloudWatch, MINUTE_SECS,
    alarm::{Entry, MetricStat},
    compute, math,
    metrics::{self, Past, Point, Series},
    plan,
    verbs::Refusal,
};

const DAY_SECS: i64 = 86_400;
/// The finest period that is kept up to an age.
const TIERS: [(i64, i64); 3] = [
    (15 * DAY_SECS, MINUTE_SECS),
    (63 * DAY_SECS, 5 * MINUTE_SECS),
    (455 * DAY_SECS, 60 * MINUTE_SECS),
];
/// The most points of a call, and of a page.
const POINTS: usize = 100_800;
/// The most queries of a call.
const QUERIES: usize = 500;
/// The unit of each metric that has another than Count.
const UNITS: [(&str, &[&str]); 3] = [
    (
        "Milliseconds",
        &[
            "uptime",
            "downtime",
            "runningTime",
            "restartingTime",
            "failingTime",
            "cancellingTime",
            "lastCheckpointDuration",
        ],
    ),
    ("Bytes", &["lastCheckpointSize"]),
    (
        "Count/Second",
        &["numRecordsInPerSecond", "numRecordsOutPerSecond"],
    ),
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Asked {
    metric_data_queries: Vec<Entry>,
    start_time: f64,
    end_time: f64,
    next_token: Option<String>,
    #[serde(default)]
    scan_by: ScanBy,
    max_datapoints: Option<usize>,
    /// Only the time zone of labels, which the sandbox's have none of.
    #[serde(rename = "LabelOptions")]
    _label_options: Option<Value>,
}

#[derive(Clone, Copy, Default, Deserialize, PartialEq)]
enum ScanBy {
    #[default]
    #[serde(rename = "TimestampDescending")]
    Descending,
    #[serde(rename = "TimestampAscending")]
    Ascending,
}

/// Values in the order asked for.
type Values = Vec<(i64, f64)>;

pub(super) fn get(service: &CloudWatch, body: &Value) -> Result<Value, Refusal> {
    let asked: Asked = serde_json::from_value(body.clone())
        .map_err(|error| Refusal::invalid(format!("the query cannot be read: {error}")))?;
    if let Some(wrong) = wrong(&asked) {
        return Err(Refusal::invalid(wrong));
    }
    let span = Span::of(&asked, service.clock.now());
    let (mut found, mut periods) = (BTreeMap::new(), BTreeMap::new());
    for query in &asked.metric_data_queries {
        if let Some(stat) = &query.metric_stat {
            found.insert(query.id.as_str(), values(service, stat, &span));
            periods.insert(query.id.clone(), stat.period);
        }
    }
    let expressions = plan::in_order(&asked.metric_data_queries);
    compute_all(&expressions, &mut found, &mut periods, &span)?;
    let results = asked
        .metric_data_queries
        .iter()
        .filter(|query| query.return_data);
    let results: Vec<(&Entry, Values)> = results
        .map(|query| {
            let series = found.get(query.id.as_str());
            let ascending = series
                .into_iter()
                .flatten()
                .map(|(at, value)| (*at, *value));
            let values = match asked.scan_by {
                ScanBy::Ascending => ascending.collect(),
                ScanBy::Descending => ascending.rev().collect(),
            };
            (query, values)
        })
        .collect();
    page(&asked, &results, !expressions.is_empty())
}

fn wrong(asked: &Asked) -> Option<String> {
    let queries = &asked.metric_data_queries;
    let ids: BTreeSet<&str> = queries.iter().map(|query| query.id.as_str()).collect();
    if queries.is_empty() || queries.len() > QUERIES {
        return Some(format!(
            "{} queries, and 1 to {QUERIES} are taken",
            queries.len()
        ));
    }
    if ids.len() != queries.len() {
        return Some("two queries have the same Id".to_owned());
    }
    if asked.start_time >= asked.end_time {
        return Some("StartTime must be before EndTime".to_owned());
    }
    if asked
        .max_datapoints
        .is_some_and(|most| most == 0 || most > POINTS)
    {
        return Some(format!("MaxDatapoints must be between 1 and {POINTS}"));
    }
    queries.iter().find_map(|query| wrong_query(query, &ids))
}

fn wrong_query(query: &Entry, ids: &BTreeSet<&str>) -> Option<String> {
    let id = &query.id;
    let named = id.starts_with(|letter: char| letter.is_ascii_lowercase())
        && id
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '_');
    if !named {
        return Some(format!("the Id {id:?} must begin with a lower-case letter"));
    }
    match (&query.expression, &query.metric_stat) {
        (None, Some(stat)) => {
            (stat.period < MINUTE_SECS || stat.period % MINUTE_SECS != 0 || stat.period > DAY_SECS)
                .then(|| {
                    format!(
                        "{id}: the sandbox knows periods of whole minutes up to a day, not {} s",
                        stat.period
                    )
                })
        }
        (Some(expression), None) => match math::parse(expression) {
            Err(wrong) => Some(format!("{id}: {wrong}")),
            Ok(parsed) => parsed
                .references()
                .into_iter()
                .find(|other| !ids.contains(other))
                .map(|other| format!("{id} refers to {other}, which is not there")),
        },
        _ => Some(format!("{id} needs either an Expression or a MetricStat")),
    }
}

/// The time asked for, rounded as the service rounds it.
struct Span {
    now: Timestamp,
    from: i64,
    until: i64,
    /// The finest period that is kept of data as old as the start of the call.
    finest: i64,
}

impl Span {
    fn of(asked: &Asked, now: Timestamp) -> Self {
        // Whole seconds: nothing is finer than a minute.
        let (start, end) = (
            asked.start_time.floor() as i64,
            asked.end_time.ceil() as i64,
        );
        let age = now.as_second() - start;
        let tier = TIERS.iter().find(|(oldest, _)| age <= *oldest);
        let (_, finest) = *tier.unwrap_or(&TIERS[2]);
        let kept_from = now.as_second() - TIERS[2].0;
        let from = (start - start.rem_euclid(finest)).max(kept_from);
        Self {
            now,
            from,
            until: end,
            finest,
        }
    }

    /// The starts of the first period within and of the first one after. Periods lie on multiples of themselves; one that begins before the start is left out.
    fn bounds(&self, period: i64) -> (i64, i64) {
        let up = |at: i64| at + (-at).rem_euclid(period);
        (up(self.from), up(self.until))
    }
}

/// The values of one metric that can be read now.
fn values(service: &CloudWatch, asked: &MetricStat, span: &Span) -> Series {
    let key = asked.metric.key();
    let (period, name) = (asked.period, asked.metric.metric_name.as_str());
    let in_unit = asked
        .unit
        .as_deref()
        .is_none_or(|unit| unit == unit_of(name));
    // As documented: from a start that is too old for the period nothing comes, not even what is younger.
    let (Some(owner), true) = (
        metrics::owner(&key, &service.settings),
        in_unit && period % span.finest == 0,
    ) else {
        return Series::new();
    };
    let (from, until) = span.bounds(period);
    let settings = &service.settings;
    let sources = service.site().sources.clone();
    let samples = f64::from(settings.samples) * settings.samples_of(name);
    let past = Past {
        owner,
        name,
        period,
        within: from..until,
        sends: &|value| settings.sends(name, value),
    };
    let mut gathered: Vec<(i64, Point)> = sources
        .iter()
        .flat_map(|source| source.past(&past))
        .filter(|(at, _)| period > MINUTE_SECS || !settings.is_lost(owner, *at))
        .map(|(at, point)| (at, point.times(samples)))
        .collect();
    let site = service.site();
    let live = site.store.samples(owner, name, from, until);
    let readable = live
        .iter()
        .filter(|(at, _)| settings.is_readable(owner, *at, span.now));
    for (at, point) in metrics::by_period(readable.copied(), period) {
        match gathered.last_mut() {
            Some((last, known)) if *last == at => *known = known.with(point),
            _ => gathered.push((at, point)),
        }
    }
    gathered
        .into_iter()
        .map(|(at, point)| (at, asked.stat.of(point)))
        .collect()
}

fn unit_of(name: &str) -> &'static str {
    UNITS
        .iter()
        .find(|(_, names)| names.contains(&name))
        .map_or("Count", |(unit, _)| unit)
}

/// Gives every expression its values; those it refers to have theirs already.
fn compute_all<'a>(
    expressions: &'a [(String, math::Expression)],
    found: &mut BTreeMap<&'a str, Series>,
    periods: &mut BTreeMap<String, i64>,
    span: &Span,
) -> Result<(), Refusal> {
    for (id, expression) in expressions {
        let used: BTreeSet<i64> = expression
            .references()
            .into_iter()
            .filter_map(|id| periods.get(id).copied())
            .collect();
        let (Some(period), 1) = (used.first().copied(), used.len()) else {
            return Err(Refusal::invalid(format!(
                "{id}: the sandbox knows only expressions over metrics that share one period"
            )));
        };
        let (from, until) = span.bounds(period);
        let starts: Vec<i64> = (from..until.min(span.now.as_second()))
            .step_by(usize::try_from(period).unwrap_or(1))
            .collect();
        let compute::Value::Series(series) = expression.value(found, &starts) else {
            return Err(Refusal::invalid(format!("{id} is a number and no series")));
        };
        found.insert(id, series);
        periods.insert(id.clone(), period);
    }
    Ok(())
}

/// One page of the results: so many points, in the order of the queries.
fn page(asked: &Asked, results: &[(&Entry, Values)], has_math: bool) -> Result<Value, Refusal> {
    let skip: usize = match asked.next_token.as_deref().map(str::parse) {
        None => 0,
        Some(Ok(skip)) => skip,
        Some(Err(_)) => return Err(Refusal::token("GetMetricData")),
    };
    let until = skip + asked.max_datapoints.unwrap_or(POINTS);
    let (mut answered, mut at) = (Vec::new(), 0);
    for (query, values) in results {
        let (first, end) = (at, at + values.len());
        at = end;
        // A result without values is whole on the page where it lies.
        let here = if values.is_empty() {
            (skip..until).contains(&first) || first == skip
        } else {
            first < until && end > skip
        };
        if !here {
            continue;
        }
        let shown = &values
            [skip.saturating_sub(first).min(values.len())..(until - first).min(values.len())];
        answered.push(json!({
            "Id": query.id,
            "Label": query.label.clone().unwrap_or_else(|| label(query)),
            "Timestamps": shown.iter().map(|(at, _)| *at).collect::<Vec<i64>>(),
            "Values": shown.iter().map(|(_, value)| *value).collect::<Vec<f64>>(),
            "StatusCode": if end <= until { "Complete" } else { "PartialData" },
        }));
    }
    let mut answer = json!({ "MetricDataResults": answered, "Messages": [] });
    // As documented: a call with an expression has no second page.
    if at > until && !has_math {
        answer["NextToken"] = json!(until.to_string());
    }
    Ok(answer)
}

fn label(query: &Entry) -> String {
    query
        .metric_stat
        .as_ref()
        .map_or_else(|| query.id.clone(), |stat| stat.metric.metric_name.clone())
}

//! `GetMetricData`: how an application ran, from CloudWatch's minutes.
//!
//! Only a metric whose answer is complete counts as read. A period without a value has none, and a negative one is Flink's word for "none yet": neither becomes a zero.
//! Deliberately absent: metric math, which cannot be paged, and any judgement of what was read.

use std::{collections::BTreeMap, future::Future, time::Duration};

use aws_sdk_cloudwatch::{
    Client,
    config::{Builder, timeout::TimeoutConfig},
    types::{
        Dimension, MessageData, Metric, MetricDataQuery, MetricDataResult, MetricStat, ScanBy,
        StatusCode,
    },
};
use aws_smithy_types::DateTime;
use jiff::Timestamp;
use lambda_kit::{Aws, Budget};
use lifecycle::{
    APPLICATION_DIMENSION, METRIC_NAMESPACE, Point, Refusal, Series, SeriesMetric, SeriesRead,
};

use crate::{CallError, pages};

const VERB: &str = "GetMetricData";
/// The finest that a gauge says of a period: what it reached. An average would blend a run with the one after it.
const STATISTIC: &str = "Maximum";
/// Points of one call (API model).
const POINTS: u64 = 100_800;
/// Queries of one call (API model).
const QUERIES: u64 = 500;
/// One answer may take this long, longer than that of another read: fifteen days of four metrics are 86,400 points, a megabyte and more.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// All attempts of one call together.
const READ_TIMEOUT: Duration = Duration::from_secs(20);
/// Pages of one call. The points that are asked for fit on one; more come only where CloudWatch cuts it shorter.
const PAGES: usize = 40;

/// The periods that are asked for: all that begin at `from` or later, and before `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Periods {
    /// Begin of the first.
    pub from: Timestamp,
    /// End of the last.
    pub until: Timestamp,
    /// The length of each, in seconds.
    pub secs: u32,
}

impl Periods {
    /// Metrics that one call may ask for over this time.
    fn metrics_a_call(self) -> usize {
        let secs = self.until.as_second().abs_diff(self.from.as_second());
        let periods = secs.div_ceil(u64::from(self.secs.max(1))).max(1);
        usize::try_from((POINTS / periods).clamp(1, QUERIES)).unwrap_or(1)
    }
}

/// What CloudWatch answers about one metric.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricRead {
    /// The metric's name.
    pub name: &'static str,
    /// The maximum of each period that has a value, oldest first; or why they are not known.
    pub points: Result<Vec<Point>, String>,
}

/// `GetMetricData`.
pub trait GetMetricData: Send + Sync {
    /// Asks once, for all these metrics of the application. They must fit into one call.
    fn get_metric_data(
        &self,
        application: &str,
        names: &[&'static str],
        periods: Periods,
    ) -> impl Future<Output = Result<Vec<MetricRead>, CallError>> + Send;
}

/// CloudWatch's metrics in the function's own account and region.
#[derive(Clone, Debug)]
pub struct CloudWatchMetrics {
    client: Client,
}

impl CloudWatchMetrics {
    /// A client over the function's shared connector.
    #[must_use]
    pub fn new(aws: &Aws) -> Self {
        let timeout = TimeoutConfig::builder()
            .operation_attempt_timeout(ANSWER_TIMEOUT)
            .operation_timeout(READ_TIMEOUT);
        let config = Builder::from(aws.config())
            .retry_partition(Aws::retries())
            .timeout_config(timeout.build());
        Self {
            client: Client::from_conf(config.build()),
        }
    }
}

impl GetMetricData for CloudWatchMetrics {
    async fn get_metric_data(
        &self,
        application: &str,
        names: &[&'static str],
        periods: Periods,
    ) -> Result<Vec<MetricRead>, CallError> {
        let queries = names.iter().enumerate();
        let queries = queries.map(|(at, name)| query(at, name, application, periods.secs));
        let request = self
            .client
            .get_metric_data()
            .set_metric_data_queries(Some(queries.collect()))
            .start_time(DateTime::from_secs(periods.from.as_second()))
            .end_time(DateTime::from_secs(periods.until.as_second()))
            .scan_by(ScanBy::TimestampAscending);
        let listed = request.into_paginator().stop_on_duplicate_token(false);
        let mut found = BTreeMap::<String, Gathered>::new();
        let whole = pages(VERB, application, PAGES, listed.send(), |page| {
            log(application, page.messages());
            for result in page.metric_data_results.unwrap_or_default() {
                log(application, result.messages());
                let id = result.id.clone().unwrap_or_default();
                found.entry(id).or_default().append(&result);
            }
            page.next_token
        });
        // What came so far may lack its newest minutes.
        if !whole.await? {
            return Err(CallError::incomplete(VERB, application, "last page"));
        }
        let read = names.iter().enumerate().map(|(at, name)| MetricRead {
            name,
            points: found.remove(&id(at)).unwrap_or_default().points(),
        });
        Ok(read.collect())
    }
}

fn id(at: usize) -> String {
    format!("m{at}")
}

/// One metric. No unit: a wrong one answers nothing. The dimension of the application alone: a query must name exactly those that a metric is stored with.
fn query(at: usize, name: &str, application: &str, period_secs: u32) -> MetricDataQuery {
    let application = Dimension::builder()
        .name(APPLICATION_DIMENSION)
        .value(application);
    let metric = Metric::builder()
        .namespace(METRIC_NAMESPACE)
        .metric_name(name)
        .dimensions(application.build());
    let stat = MetricStat::builder()
        .metric(metric.build())
        .period(i32::try_from(period_secs).unwrap_or(i32::MAX))
        .stat(STATISTIC);
    MetricDataQuery::builder()
        .id(id(at))
        .metric_stat(stat.build())
        .build()
}

fn log(application: &str, messages: &[MessageData]) {
    for message in messages {
        tracing::warn!(
            application,
            code = message.code(),
            text = message.value(),
            "CloudWatch says of metrics"
        );
    }
}

/// One metric from page to page.
#[derive(Default)]
struct Gathered {
    points: Vec<Point>,
    /// Of the newest page.
    status: Option<StatusCode>,
    /// What no later page mends.
    wrong: Option<String>,
}

impl Gathered {
    fn append(&mut self, result: &MetricDataResult) {
        let (times, values) = (result.timestamps(), result.values());
        if times.len() != values.len() {
            self.wrong = Some("its times do not fit its values".to_owned());
        }
        let points = times.iter().zip(values).filter_map(|(at, value)| {
            let at = Timestamp::from_second(at.secs()).ok()?;
            (value.is_finite() && *value >= 0.0).then_some(Point { at, value: *value })
        });
        self.points.extend(points);
        if !matches!(
            result.status_code,
            Some(StatusCode::Complete | StatusCode::PartialData)
        ) {
            self.wrong = Some(said(result.status_code.as_ref()));
        }
        self.status.clone_from(&result.status_code);
    }

    fn points(mut self) -> Result<Vec<Point>, String> {
        if let Some(wrong) = self.wrong {
            return Err(wrong);
        }
        if self.status != Some(StatusCode::Complete) {
            return Err(said(self.status.as_ref()));
        }
        self.points.sort_by_key(|point| point.at);
        Ok(self.points)
    }
}

fn said(status: Option<&StatusCode>) -> String {
    status.map_or_else(
        || "no answer about it".to_owned(),
        |status| status.as_str().to_owned(),
    )
}

/// What was read, and what was not.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesAnswer {
    /// The metrics that were read completely.
    pub read: SeriesRead,
    /// Why the others were not; a sentence each.
    pub not_read: Vec<String>,
    /// What no other look changes about that.
    pub refusal: Option<Refusal>,
}

/// Reads these metrics in as many calls as they need. After a call that fails no other is sent: what one meets, the next one would meet too.
pub async fn read_series<A: GetMetricData>(
    api: &A,
    application: &str,
    metrics: &[SeriesMetric],
    periods: Periods,
    budget: Budget,
) -> SeriesAnswer {
    let names: Vec<&'static str> = metrics
        .iter()
        .flat_map(|one| names(*one))
        .copied()
        .collect();
    let mut read = BTreeMap::new();
    let mut not_read = Vec::new();
    let mut refusal = None;
    for names in names.chunks(periods.metrics_a_call()) {
        let call = Box::pin(api.get_metric_data(application, names, periods));
        match budget.within(call).await {
            Some(Ok(answers)) => {
                read.extend(answers.into_iter().map(|one| (one.name, one.points)));
            }
            Some(Err(error)) => {
                refusal = error.refusal();
                not_read.push(error.to_string());
            }
            None => not_read.push("CloudWatch gave no answer in time".to_owned()),
        }
        if !not_read.is_empty() {
            break;
        }
    }
    for (name, points) in &read {
        if let Err(why) = points {
            not_read.push(format!("{name}: {why}"));
        }
    }
    let series = metrics.iter().filter_map(|metric| joined(*metric, &read));
    SeriesAnswer {
        read: SeriesRead {
            from: periods.from,
            until: periods.until,
            period_secs: periods.secs,
            series: series.collect(),
        },
        not_read,
        refusal,
    }
}

/// The names under which a metric comes. Which of two an application sends depends on its runtime, and that changes in its past.
fn names(metric: SeriesMetric) -> &'static [&'static str] {
    match metric {
        SeriesMetric::UpTime => &["uptime", "runningTime"],
        SeriesMetric::Restarts => &["fullRestarts", "numRestarts"],
        SeriesMetric::CheckpointDuration => &["lastCheckpointDuration"],
        SeriesMetric::CheckpointSize => &["lastCheckpointSize"],
        SeriesMetric::RecordsIn => &["numRecordsIn"],
        SeriesMetric::RecordsOut => &["numRecordsOut"],
    }
}

/// The maximum of all its names, if each was read: the one that is missing could be the one that has the values.
fn joined(
    metric: SeriesMetric,
    read: &BTreeMap<&'static str, Result<Vec<Point>, String>>,
) -> Option<Series> {
    let mut highest = BTreeMap::<Timestamp, f64>::new();
    for name in names(metric) {
        for point in read.get(name)?.as_ref().ok()? {
            let known = highest.entry(point.at).or_insert(point.value);
            *known = known.max(point.value);
        }
    }
    let points = highest.into_iter().map(|(at, value)| Point { at, value });
    Some(Series {
        metric,
        points: points.collect(),
    })
}

//! What CloudWatch knows: which alarms of applications are in ALARM, and which jobs give no sign.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;

use aws_sdk_cloudwatch::{
    Client,
    config::Builder,
    types::{
        AlarmType, Dimension, Metric, MetricAlarm, MetricDataQuery, MetricStat, ScanBy, StateValue,
        StatusCode,
    },
};
use aws_smithy_types::DateTime;
use jiff::{SignedDuration, Timestamp};
use lambda_kit::Aws;
use lifecycle::{APPLICATION_DIMENSION, METRIC_NAMESPACE, sweep::is_silent};
use managed_flink::CallError;

/// Pages read at most: ten thousand alarms.
const PAGES: usize = 100;
/// Queries of one call (API model).
const QUERIES: usize = 500;
/// The job's gauges that grow while it runs, of any runtime: the second is there from Flink 2.2 on, the first may be removed some day.
const UP: [&str; 2] = ["uptime", "runningTime"];
/// The newest minutes may be late.
const LATE: SignedDuration = SignedDuration::from_mins(3);
/// So many minutes before those are read.
const SIGHT: SignedDuration = SignedDuration::from_mins(10);

/// Alarms in ALARM.
pub trait Ringing: Send + Sync {
    /// By application: the one that has been in ALARM for longest, and since when.
    fn ringing(
        &self,
    ) -> impl Future<Output = Result<BTreeMap<String, (String, Timestamp)>, CallError>> + Send;
}

/// Jobs without a sign.
pub trait Silence: Send + Sync {
    /// Those of these applications of whose job CloudWatch has no sign of life. One whose metrics could not be read is not among them.
    fn silent(
        &self,
        applications: &[String],
        now: Timestamp,
    ) -> impl Future<Output = Result<BTreeSet<String>, CallError>> + Send;
}

/// Both over the SDK.
#[derive(Clone, Debug)]
pub struct CloudWatch {
    client: Client,
}

impl CloudWatch {
    /// A client over the function's shared connector.
    #[must_use]
    pub fn new(aws: &Aws) -> Self {
        let config = Builder::from(aws.config()).retry_partition(Aws::retries());
        Self {
            client: Client::from_conf(config.build()),
        }
    }
}

impl Ringing for CloudWatch {
    async fn ringing(&self) -> Result<BTreeMap<String, (String, Timestamp)>, CallError> {
        const VERB: &str = "DescribeAlarms";
        let mut found = BTreeMap::<String, (String, Timestamp)>::new();
        let request = self
            .client
            .describe_alarms()
            .state_value(StateValue::Alarm)
            .alarm_types(AlarmType::MetricAlarm)
            .into_paginator();
        let listed = request.page_size(100).stop_on_duplicate_token(false);
        let whole = managed_flink::pages(VERB, "all alarms", PAGES, listed.send(), |page| {
            for alarm in page.metric_alarms.unwrap_or_default() {
                for (application, name, at) in of_applications(&alarm) {
                    let one = found.entry(application).or_insert((name.clone(), at));
                    if at < one.1 {
                        *one = (name, at);
                    }
                }
            }
            page.next_token
        });
        whole.await?;
        Ok(found)
    }
}

/// The applications that an alarm watches, and since when it is in ALARM.
fn of_applications(alarm: &MetricAlarm) -> Vec<(String, String, Timestamp)> {
    let Some((name, at)) = alarm.alarm_name().zip(alarm.state_updated_timestamp()) else {
        return Vec::new();
    };
    let Ok(at) = Timestamp::from_millisecond(at.to_millis().unwrap_or_default()) else {
        return Vec::new();
    };
    let own = (alarm.namespace() == Some(METRIC_NAMESPACE)).then(|| alarm.dimensions());
    let of_math = alarm
        .metrics()
        .iter()
        .filter_map(|entry| entry.metric_stat()?.metric())
        .filter(|metric| metric.namespace() == Some(METRIC_NAMESPACE))
        .map(Metric::dimensions);
    let named: BTreeSet<&str> = own
        .into_iter()
        .chain(of_math)
        .flatten()
        .filter(|dimension| dimension.name() == Some(APPLICATION_DIMENSION))
        .filter_map(Dimension::value)
        .collect();
    named
        .into_iter()
        .map(|application| (application.to_owned(), name.to_owned(), at))
        .collect()
}

impl Silence for CloudWatch {
    async fn silent(
        &self,
        applications: &[String],
        now: Timestamp,
    ) -> Result<BTreeSet<String>, CallError> {
        let mut silent = BTreeSet::new();
        for applications in applications.chunks(QUERIES / UP.len()) {
            silent.extend(self.silent_of(applications, now).await?);
        }
        Ok(silent)
    }
}

impl CloudWatch {
    async fn silent_of(
        &self,
        applications: &[String],
        now: Timestamp,
    ) -> Result<Vec<String>, CallError> {
        const VERB: &str = "GetMetricData";
        let until = now.checked_sub(LATE).unwrap_or(now);
        let from = until.checked_sub(SIGHT).unwrap_or(until);
        let queries = applications.iter().enumerate().flat_map(|(at, name)| {
            let of =
                move |(of, metric): (usize, &&str)| query(&format!("m{at}_{of}"), metric, name);
            UP.iter().enumerate().map(of)
        });
        let request = self
            .client
            .get_metric_data()
            .set_metric_data_queries(Some(queries.collect()))
            .start_time(DateTime::from_secs(from.as_second()))
            .end_time(DateTime::from_secs(until.as_second()))
            .scan_by(ScanBy::TimestampAscending);
        let listed = request.into_paginator().stop_on_duplicate_token(false);
        let mut points = BTreeMap::<String, Vec<f64>>::new();
        let mut unknown = BTreeSet::new();
        let whole = managed_flink::pages(VERB, "running jobs", PAGES, listed.send(), |page| {
            for result in page.metric_data_results.unwrap_or_default() {
                let id = result.id().unwrap_or_default().to_owned();
                if matches!(
                    result.status_code(),
                    Some(StatusCode::Complete | StatusCode::PartialData)
                ) {
                    points.entry(id).or_default().extend(result.values());
                } else {
                    unknown.insert(id);
                }
            }
            page.next_token
        });
        if !whole.await? {
            return Err(CallError::incomplete(VERB, "running jobs", "last page"));
        }
        let is_gone = |at: usize| {
            (0..UP.len()).all(|of| {
                let id = format!("m{at}_{of}");
                !unknown.contains(&id) && points.get(&id).is_some_and(|points| is_silent(points))
            })
        };
        Ok(applications
            .iter()
            .enumerate()
            .filter(|(at, _)| is_gone(*at))
            .map(|(_, name)| name.clone())
            .collect())
    }
}

/// No unit: a wrong one answers nothing.
fn query(id: &str, metric: &str, application: &str) -> MetricDataQuery {
    let application = Dimension::builder()
        .name(APPLICATION_DIMENSION)
        .value(application);
    let metric = Metric::builder()
        .namespace(METRIC_NAMESPACE)
        .metric_name(metric)
        .dimensions(application.build());
    let stat = MetricStat::builder()
        .metric(metric.build())
        .period(60)
        .stat("Maximum");
    MetricDataQuery::builder()
        .id(id)
        .metric_stat(stat.build())
        .build()
}

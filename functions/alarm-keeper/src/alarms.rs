//! CloudWatch's verbs that this function uses, a small trait each, over the AWS SDK.

use std::future::Future;

use aws_sdk_cloudwatch::{
    Client,
    config::Builder,
    types::{
        AlarmType, ComparisonOperator, Dimension, Metric, MetricAlarm, MetricDataQuery, MetricStat,
        Tag,
    },
};
use lambda_kit::Aws;
use lifecycle::{
    APPLICATION_DIMENSION, AlarmDefinition, FoundAlarm, METRIC_NAMESPACE, OWNER_TAG,
    STACK_DIMENSION, Source, Watched,
};
use managed_flink::CallError;

/// Most alarms of one page, and most names in one request.
pub const PAGE: usize = 100;
/// Pages read at most: ten thousand alarms.
const PAGES: usize = 100;
const STATISTIC: &str = "Maximum";
const MISSING: &str = "notBreaching";

/// An alarm as it is, with what a change has to keep.
#[derive(Clone, Debug)]
pub struct Found {
    /// For deciding.
    pub alarm: FoundAlarm,
    /// For asking its tags.
    pub arn: String,
    /// People's part of it.
    pub actions: Actions,
}

/// Whom an alarm tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actions {
    /// Whether it does.
    pub enabled: bool,
    /// On ALARM.
    pub alarm: Vec<String>,
    /// On OK.
    pub ok: Vec<String>,
    /// On INSUFFICIENT_DATA.
    pub insufficient_data: Vec<String>,
}

impl Default for Actions {
    fn default() -> Self {
        Self {
            enabled: true,
            alarm: Vec::new(),
            ok: Vec::new(),
            insufficient_data: Vec::new(),
        }
    }
}

/// Why a call came to nothing: told apart as the calls to Managed Flink are, by the error's code and by the status of the answer.
pub use managed_flink::CallError as AlarmCallError;

/// `DescribeAlarms`.
pub trait DescribeAlarms: Send + Sync {
    /// All metric alarms whose names begin so.
    fn alarms_beginning(
        &self,
        prefix: &str,
    ) -> impl Future<Output = Result<Vec<Found>, AlarmCallError>> + Send;
    /// Those of these alarms that are there.
    fn alarms_named(
        &self,
        names: &[String],
    ) -> impl Future<Output = Result<Vec<Found>, AlarmCallError>> + Send;
}

/// `ListTagsForResource` of an alarm.
pub trait OwnerOfAlarm: Send + Sync {
    /// The value of its owner tag.
    fn owner_of(
        &self,
        arn: &str,
    ) -> impl Future<Output = Result<Option<String>, AlarmCallError>> + Send;
}

/// `PutMetricAlarm`.
pub trait PutAlarm: Send + Sync {
    /// Makes the alarm with its owner tag.
    fn create(
        &self,
        definition: &AlarmDefinition,
        owner: &str,
    ) -> impl Future<Output = Result<(), AlarmCallError>> + Send;
    /// Overwrites the alarm; the service keeps its tags, and this keeps its actions.
    fn fix(
        &self,
        definition: &AlarmDefinition,
        actions: &Actions,
    ) -> impl Future<Output = Result<(), AlarmCallError>> + Send;
}

/// `DeleteAlarms`.
pub trait DeleteAlarms: Send + Sync {
    /// Deletes up to [`PAGE`] alarms; none of them when one is gone already.
    fn delete(&self, names: &[String]) -> impl Future<Output = Result<(), AlarmCallError>> + Send;
}

/// The verbs over the SDK.
#[derive(Clone, Debug)]
pub struct CloudWatch {
    client: Client,
}

impl CloudWatch {
    /// A client over the function's shared connector.
    #[must_use]
    pub fn new(aws: &Aws) -> Self {
        Self {
            client: Client::from_conf(
                Builder::from(aws.config())
                    .retry_partition(Aws::retries())
                    .build(),
            ),
        }
    }
}

impl DescribeAlarms for CloudWatch {
    async fn alarms_beginning(&self, prefix: &str) -> Result<Vec<Found>, AlarmCallError> {
        const VERB: &str = "DescribeAlarms";
        let mut found = Vec::new();
        let request = self.client.describe_alarms().alarm_name_prefix(prefix);
        let listed = request.alarm_types(AlarmType::MetricAlarm).into_paginator();
        let listed = listed.page_size(100).stop_on_duplicate_token(false);
        let whole = managed_flink::pages(VERB, prefix, PAGES, listed.send(), |page| {
            let alarms = page.metric_alarms.unwrap_or_default();
            found.extend(alarms.into_iter().filter_map(read));
            page.next_token
        });
        // Half a list would make the other half look as if it were not there.
        if !whole.await? {
            return Err(CallError::incomplete(VERB, prefix, "last page"));
        }
        Ok(found)
    }

    async fn alarms_named(&self, names: &[String]) -> Result<Vec<Found>, AlarmCallError> {
        let mut found = Vec::new();
        for names in names.chunks(PAGE) {
            let request = self
                .client
                .describe_alarms()
                .set_alarm_names(Some(names.to_vec()))
                .alarm_types(AlarmType::MetricAlarm)
                .max_records(100);
            let answer = Box::pin(request.send())
                .await
                .map_err(|error| CallError::of("DescribeAlarms", &names[0], &error))?;
            found.extend(
                answer
                    .metric_alarms
                    .unwrap_or_default()
                    .into_iter()
                    .filter_map(read),
            );
        }
        Ok(found)
    }
}

impl OwnerOfAlarm for CloudWatch {
    async fn owner_of(&self, arn: &str) -> Result<Option<String>, AlarmCallError> {
        let request = self.client.list_tags_for_resource().resource_arn(arn);
        let answer = Box::pin(request.send())
            .await
            .map_err(|error| CallError::of("ListTagsForResource", arn, &error))?;
        Ok(answer
            .tags
            .unwrap_or_default()
            .into_iter()
            .find(|tag| tag.key.as_deref() == Some(OWNER_TAG))
            .and_then(|tag| tag.value))
    }
}

impl PutAlarm for CloudWatch {
    async fn create(
        &self,
        definition: &AlarmDefinition,
        owner: &str,
    ) -> Result<(), AlarmCallError> {
        self.put(
            definition,
            &Actions::default(),
            Some(Tag::builder().key(OWNER_TAG).value(owner).build()),
        )
        .await
    }

    async fn fix(
        &self,
        definition: &AlarmDefinition,
        actions: &Actions,
    ) -> Result<(), AlarmCallError> {
        self.put(definition, actions, None).await
    }
}

impl CloudWatch {
    async fn put(
        &self,
        definition: &AlarmDefinition,
        actions: &Actions,
        tag: Option<Tag>,
    ) -> Result<(), AlarmCallError> {
        let request = self
            .client
            .put_metric_alarm()
            .alarm_name(&definition.name)
            .alarm_description(&definition.description);
        let request = request
            .set_metrics(Some(entries(definition)))
            .threshold(0.0)
            .comparison_operator(ComparisonOperator::GreaterThanThreshold);
        let request = request
            .evaluation_periods(whole(definition.periods))
            .datapoints_to_alarm(whole(definition.datapoints));
        let request = request
            .treat_missing_data(MISSING)
            .actions_enabled(actions.enabled)
            .set_tags(tag.map(|tag| vec![tag]));
        let request = request
            .set_alarm_actions(some(&actions.alarm))
            .set_ok_actions(some(&actions.ok));
        let sent = Box::pin(
            request
                .set_insufficient_data_actions(some(&actions.insufficient_data))
                .send(),
        )
        .await;
        sent.map(drop)
            .map_err(|error| CallError::of("PutMetricAlarm", &definition.name, &error))
    }
}

impl DeleteAlarms for CloudWatch {
    async fn delete(&self, names: &[String]) -> Result<(), AlarmCallError> {
        let request = self
            .client
            .delete_alarms()
            .set_alarm_names(Some(names.to_vec()));
        let first = names.first().map_or("", String::as_str);
        let sent = Box::pin(request.send()).await;
        sent.map(drop)
            .map_err(|error| CallError::of("DeleteAlarms", first, &error))
    }
}

fn whole(count: u32) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}

fn some(actions: &[String]) -> Option<Vec<String>> {
    (!actions.is_empty()).then(|| actions.to_vec())
}

/// The metric, and the expression over it where there is one.
fn entries(definition: &AlarmDefinition) -> Vec<MetricDataQuery> {
    let source = &definition.source;
    let dimensions = source.dimensions(&definition.application);
    let dimensions = dimensions
        .into_iter()
        .map(|(name, value)| Dimension::builder().name(name).value(value).build())
        .collect();
    let metric = Metric::builder()
        .namespace(source.namespace())
        .metric_name(&definition.metric)
        .set_dimensions(Some(dimensions))
        .build();
    let stat = MetricStat::builder()
        .metric(metric)
        .period(whole(definition.period_secs))
        .stat(STATISTIC)
        .build();
    let expression = definition.watched.expression();
    let metric = MetricDataQuery::builder()
        .id("m1")
        .metric_stat(stat)
        .return_data(expression.is_none())
        .build();
    let expression = expression.map(|expression| {
        MetricDataQuery::builder()
            .id("e1")
            .expression(expression)
            .label(definition.label())
            .return_data(true)
            .build()
    });
    expression.into_iter().chain([metric]).collect()
}

/// An alarm as found; None for one without a name, which the service does not give.
fn read(alarm: MetricAlarm) -> Option<Found> {
    let name = alarm.alarm_name.clone()?;
    let definition = definition(&alarm);
    Some(Found {
        arn: alarm.alarm_arn.unwrap_or_default(),
        actions: Actions {
            enabled: alarm.actions_enabled.unwrap_or(true),
            alarm: alarm.alarm_actions.unwrap_or_default(),
            ok: alarm.ok_actions.unwrap_or_default(),
            insufficient_data: alarm.insufficient_data_actions.unwrap_or_default(),
        },
        alarm: FoundAlarm { name, definition },
    })
}

/// The definition, if every part of it is one that this project writes.
fn definition(alarm: &MetricAlarm) -> Option<AlarmDefinition> {
    let stat = alarm
        .metrics()
        .iter()
        .find_map(|entry| entry.metric_stat.as_ref())?;
    let metric = stat.metric.as_ref()?;
    // Each source has its own dimension for the application; anything else about it is compared below.
    let source = match metric.namespace.as_deref() {
        Some(METRIC_NAMESPACE) => Source::Service,
        _ => Source::SnapshotCheck {
            stack: metric
                .dimensions()
                .iter()
                .find(|dimension| dimension.name() == Some(STACK_DIMENSION))?
                .value()?
                .parse()
                .ok()?,
        },
    };
    let named = |dimension: &&Dimension| {
        matches!(
            dimension.name(),
            Some(APPLICATION_DIMENSION | "application")
        )
    };
    let expression = alarm
        .metrics()
        .iter()
        .find_map(|entry| entry.expression.as_deref());
    let definition = AlarmDefinition {
        name: alarm.alarm_name.clone()?,
        description: alarm.alarm_description.clone()?,
        application: metric.dimensions().iter().find(named)?.value.clone()?,
        source,
        metric: metric.metric_name.clone()?,
        watched: Watched::ALL
            .into_iter()
            .find(|watched| watched.expression() == expression)?,
        period_secs: u32::try_from(stat.period?).ok()?,
        datapoints: u32::try_from(alarm.datapoints_to_alarm?).ok()?,
        periods: u32::try_from(alarm.evaluation_periods?).ok()?,
    };
    let written = entries(&definition);
    let mut found = alarm.metrics().to_vec();
    // The service may give the entries, and their dimensions, in another order.
    found.sort_by(|one, other| one.id.cmp(&other.id));
    for metric in found
        .iter_mut()
        .filter_map(|entry| entry.metric_stat.as_mut()?.metric.as_mut())
    {
        metric
            .dimensions
            .iter_mut()
            .for_each(|dimensions| dimensions.sort_by(|one, other| other.name.cmp(&one.name)));
    }
    let same = found == written
        && alarm.threshold == Some(0.0)
        && alarm.comparison_operator == Some(ComparisonOperator::GreaterThanThreshold)
        && alarm.treat_missing_data.as_deref() == Some(MISSING)
        && alarm.metric_name.is_none();
    same.then_some(definition)
}

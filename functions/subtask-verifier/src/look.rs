//! Gathers the facts of one look. Reads only.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use jiff::Timestamp;
use lambda_kit::{Aws, Budget, ErrorType, Failure};
use lifecycle::{
    Application, ApplicationStatus, Job, Observation, Part, Property, SeriesRead, StackName,
    TAG_PREFIX, Unreadable,
};
use managed_flink::{
    CloudWatchMetrics, CreateApplicationPresignedUrl, DescribeApplication, FlinkRest, HostRule,
    ListTagsForResource, ManagedFlink, RestError, is_opted_in, properties,
};

use crate::{
    Event,
    notes::{Notes, Secrets, TOO_LATE},
    operations, series, snapshots, versions,
};

/// After this nothing more is waited for, and the look says what it could not read: less than the function's time.
const TIME_TO_LOOK: Duration = Duration::from_secs(50);
/// The series stand beside what is read first-hand, so they must not take its time.
const TIME_FOR_SERIES: Duration = Duration::from_secs(20);

/// Whom a look asks.
pub(crate) struct Asked<'a> {
    pub(crate) service: &'a ManagedFlink,
    pub(crate) metrics: &'a CloudWatchMetrics,
    pub(crate) aws: &'a Aws,
    pub(crate) hosts: HostRule,
    pub(crate) stack: &'a StackName,
}

/// Looks once: what is so now, and how the application ran since the last look.
pub(crate) async fn observe(
    asked: &Asked<'_>,
    event: &Event,
    now: Timestamp,
) -> Result<(Observation, Vec<SeriesRead>), Failure> {
    let Asked {
        service,
        metrics,
        aws,
        hosts,
        stack,
    } = *asked;
    let name = event.application_name.as_str();
    check_name(name)?;
    let budget = Budget::of(TIME_TO_LOOK);
    let mut described = service.describe_application(name).await?;
    let mut secrets = Secrets {
        versions: BTreeSet::from([described.application.version_id]),
        values: properties(&described.detail),
    };
    let mut notes = Notes {
        budget,
        unreadable: Vec::new(),
    };
    let tags = service.list_tags_for_resource(&described.application.arn);
    let tags = notes.read(Part::Tags, tags).await;
    // No role may read more of an application that has not opted in or is another stack's, and nobody asks for more.
    if tags
        .as_ref()
        .is_some_and(|tags| !is_opted_in(tags) || !stack.owns(tags))
    {
        let seen = Observation {
            at: now,
            application: described.application,
            versions: Vec::new(),
            operations: Vec::new(),
            job: None,
            snapshots: Vec::new(),
            tags: tags.map(ours),
            unreadable: notes.unreadable,
        };
        return Ok((seen, Vec::new()));
    }
    let earlier = versions::read(service, &described, event, &mut secrets, &mut notes).await;
    described.application.content = earlier.content;
    described.application.changed = earlier.changed;
    let operations = operations::read(service, name, &mut secrets, &mut notes).await;
    let snapshots = snapshots::read(service, stack, &described.application, event, &mut notes);
    let snapshots = snapshots.await;
    // ROLLED_BACK is known from AWS's prose only: whether a dashboard can be opened then, the service will say.
    let has_job = matches!(
        described.application.status,
        ApplicationStatus::Running | ApplicationStatus::RolledBack
    );
    let job = if has_job && described.application.runtime.is_flink() {
        job(service, aws, hosts, name, &secrets.values, &mut notes).await
    } else {
        None
    };
    let series = series(metrics, &described.application, event, now, &mut notes).await;
    let seen = Observation {
        at: now,
        application: described.application,
        versions: earlier.versions,
        operations,
        job,
        snapshots,
        tags: tags.map(ours),
        unreadable: notes.unreadable,
    };
    Ok((seen, series))
}

async fn series(
    metrics: &CloudWatchMetrics,
    application: &Application,
    event: &Event,
    now: Timestamp,
    notes: &mut Notes,
) -> Vec<SeriesRead> {
    if !application.runtime.is_flink() || event.present_only {
        return Vec::new();
    }
    let history = event.watch.as_ref().map(|watch| watch.history.clone());
    let (history, budget) = (history.unwrap_or_default(), Budget::of(TIME_FOR_SERIES));
    let read = series::read(metrics, application, &history, now, budget);
    let read = Box::pin(notes.budget.within(read)).await;
    match read {
        Some(Ok(reads)) => return reads,
        Some(Err(series::Unread { why, refusal })) => {
            tracing::warn!(why, "the series could not be read");
            notes.unreadable.push(Unreadable {
                what: Part::Series,
                why,
                refusal,
            });
        }
        None => notes.note(Part::Series, TOO_LATE.to_owned()),
    }
    Vec::new()
}

/// The service's own rule for names (API model): anything else is a mistake in the input, not a question for the service.
fn check_name(name: &str) -> Result<(), Failure> {
    let fits = (1..=128).contains(&name.len())
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "_.-".contains(c));
    if fits {
        return Ok(());
    }
    Err(Failure::new(
        ErrorType::BadInput,
        "the application name must be 1 to 128 letters, digits, _ . or -; write {\"applicationName\":\"orders\"}",
    ))
}

async fn job(
    service: &ManagedFlink,
    aws: &Aws,
    hosts: HostRule,
    name: &str,
    secrets: &[Property],
    notes: &mut Notes,
) -> Option<Job> {
    let url = service.create_application_presigned_url(name);
    let url = notes.read(Part::Job, url).await?;
    let budget = notes.budget;
    let read = async {
        let rest: FlinkRest = FlinkRest::open(aws, &url, hosts).await?;
        Ok::<_, RestError>(managed_flink::look(&rest, secrets).await)
    };
    match Box::pin(budget.within(read)).await {
        Some(Ok((job, unreadable))) => {
            notes.unreadable.extend(unreadable);
            job
        }
        Some(Err(error)) => {
            notes.note(Part::Job, error.to_string());
            None
        }
        None => {
            notes.note(Part::Job, TOO_LATE.to_owned());
            None
        }
    }
}

/// Other people's tags are none of our business.
fn ours(tags: BTreeMap<String, String>) -> BTreeMap<String, String> {
    tags.into_iter()
        .filter(|(key, _)| key.starts_with(TAG_PREFIX))
        .collect()
}

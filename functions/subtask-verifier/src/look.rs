//! Gathers the facts of one look. Reads only.

use std::{
    collections::{BTreeMap, BTreeSet},
    future::Future,
    time::Duration,
};

use jiff::Timestamp;
use lambda_kit::{Aws, Budget, ErrorType, Failure};
use lifecycle::{
    Application, ApplicationStatus, Job, OPERATIONS_KEPT, Observation, Operation, OperationStatus,
    Part, Request, SNAPSHOTS_KEPT, SeriesRead, Snapshot, StackName, TAG_PREFIX, Unreadable,
    Version,
};
use managed_flink::{
    CallError, CallErrorKind, CloudWatchMetrics, CreateApplicationPresignedUrl,
    DescribeApplication, DescribeApplicationOperation, DescribeApplicationVersion, Described,
    FlinkRest, HostRule, ListApplicationOperations, ListApplicationSnapshots, ListTagsForResource,
    ManagedFlink, OperationDetail, RestError, is_opted_in, property_values,
};

use crate::{Event, series};

/// Failed operations whose text is asked for: the newest tell the story, and each costs a call.
const FAILURES_ASKED: usize = 3;

/// After this nothing more is waited for, and the look says what it could not read: less than the function's time.
const TIME_TO_LOOK: Duration = Duration::from_secs(50);
/// The series stand beside what is read first-hand, so they must not take its time.
const TIME_FOR_SERIES: Duration = Duration::from_secs(15);
/// The texts of failed operations are for people and decide nothing, so they must not take the time of what does.
const TIME_FOR_TEXTS: Duration = Duration::from_secs(10);

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
    let described = service.describe_application(name).await?;
    let mut secrets = Secrets {
        versions: BTreeSet::from([described.application.version_id]),
        values: property_values(&described.detail),
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
    let versions = versions(
        service,
        &described.application,
        event,
        &mut secrets,
        &mut notes,
    )
    .await;
    let operations = operations(service, name, &mut secrets, &mut notes).await;
    let snapshots = service.list_application_snapshots(name);
    let snapshots = notes.read(Part::Snapshots, snapshots).await;
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
        versions,
        operations,
        job,
        snapshots: newest(snapshots.unwrap_or_default()),
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
    if !application.runtime.is_flink() {
        return Vec::new();
    }
    let history = event.watch.as_ref().map(|watch| watch.history.clone());
    let (history, budget) = (history.unwrap_or_default(), Budget::of(TIME_FOR_SERIES));
    let read = series::read(metrics, application, &history, now, budget);
    let read = Box::pin(notes.budget.within(read)).await;
    match read.unwrap_or_else(|| Err(TOO_LATE.to_owned())) {
        Ok(reads) => reads,
        Err(why) => {
            tracing::warn!(why, "the series could not be read");
            notes.note(Part::Series, why);
            Vec::new()
        }
    }
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

/// What could not be read, and why.
struct Notes {
    budget: Budget,
    unreadable: Vec<Unreadable>,
}

impl Notes {
    /// Reads a part, while there is time.
    async fn read<T>(
        &mut self,
        what: Part,
        call: impl Future<Output = Result<T, CallError>>,
    ) -> Option<T> {
        // Boxed as the calls themselves are: their types are deep.
        match Box::pin(self.budget.within(call)).await {
            Some(Ok(value)) => return Some(value),
            Some(Err(error)) => self.could_not(what, &error),
            None => self.note(what, TOO_LATE.to_owned()),
        }
        None
    }

    fn could_not(&mut self, what: Part, error: &CallError) {
        tracing::warn!(?what, %error, "could not be read");
        self.note(what, error.to_string());
    }

    fn note(&mut self, what: Part, why: String) {
        self.unreadable.push(Unreadable { what, why });
    }
}

/// Why a part was not read, for people.
const TOO_LATE: &str = "the time for this look was over";

/// Environment property values: those of every version whose code may have written a text that is read here. A version that was left had a password too, and its failure is
/// told long after.
struct Secrets {
    versions: BTreeSet<u64>,
    values: Vec<String>,
}

impl Secrets {
    fn learn(&mut self, version: u64, described: &Described) {
        self.versions.insert(version);
        self.values.extend(property_values(&described.detail));
    }

    /// Learns those of a version that an operation was about.
    async fn ask(
        &mut self,
        service: &ManagedFlink,
        name: &str,
        version: u64,
    ) -> Result<(), CallError> {
        let described = service.describe_application_version(name, version).await?;
        self.learn(version, &described);
        Ok(())
    }
}

async fn operations(
    service: &ManagedFlink,
    name: &str,
    secrets: &mut Secrets,
    notes: &mut Notes,
) -> Vec<Operation> {
    let listed = service.list_application_operations(name, OPERATIONS_KEPT);
    let Some(mut operations) = notes.read(Part::Operations, listed).await else {
        return Vec::new();
    };
    let texts = Budget::of(TIME_FOR_TEXTS);
    let failed = operations
        .iter_mut()
        .filter(|operation| operation.status == OperationStatus::Failed)
        .take(FAILURES_ASKED);
    for operation in failed {
        let read = texts.within(failure(service, name, &operation.id, secrets));
        match Box::pin(read).await {
            Some(Ok(detail)) => {
                operation.failure = detail.operation.failure;
                operation.rollback_operation_id = detail.operation.rollback_operation_id;
            }
            // Without it the decision is the same.
            Some(Err(error)) => {
                tracing::warn!(%error, "the failure of an operation could not be read");
            }
            None => tracing::warn!("the failure of an operation could not be read in time"),
        }
    }
    operations
}

/// A failed operation. Its text is told only without the properties of both versions that it is about: when they are learnt only from the operation itself, it is read again.
async fn failure(
    service: &ManagedFlink,
    name: &str,
    id: &str,
    secrets: &mut Secrets,
) -> Result<OperationDetail, CallError> {
    let detail = service
        .describe_application_operation(name, id, &secrets.values)
        .await?;
    let about: Vec<u64> = detail
        .versions
        .iter()
        .flat_map(|change| [change.from, change.to])
        .filter(|id| !secrets.versions.contains(id))
        .collect();
    if about.is_empty() {
        return Ok(detail);
    }
    for version in about {
        secrets.ask(service, name, version).await?;
    }
    service
        .describe_application_operation(name, id, &secrets.values)
        .await
}

/// The versions a rescue could go back to: the one before, the one a rescue under way goes back to, the one a person named. And those that were left, for what their texts
/// must not tell.
async fn versions(
    service: &ManagedFlink,
    application: &Application,
    event: &Event,
    secrets: &mut Secrets,
    notes: &mut Notes,
) -> Vec<Version> {
    let rescue = event
        .progress
        .as_ref()
        .and_then(|progress| progress.rescue.as_ref());
    let (good, faulty) = (
        rescue.map(|rescue| rescue.good_version_id),
        rescue.map(|rescue| rescue.faulty_version_id),
    );
    let asked = event.request.as_ref().and_then(Request::version_id);
    let left = application.version_rolled_back_from;
    let mut wanted: Vec<u64> = [application.version_updated_from, good, asked, faulty, left]
        .into_iter()
        .flatten()
        .collect();
    wanted.sort_unstable();
    wanted.dedup();
    let mut versions = Vec::new();
    for id in wanted
        .into_iter()
        .filter(|id| *id != application.version_id)
    {
        let described = service.describe_application_version(&application.name, id);
        match Box::pin(notes.budget.within(described)).await {
            Some(Ok(version)) => {
                secrets.learn(id, &version);
                versions.push(Version {
                    id,
                    runtime: version.application.runtime,
                    created_at: version.application.version_created_at,
                    updated_from: version.application.version_updated_from,
                    content: None,
                });
            }
            // That there is none is an answer, and no doubt.
            Some(Err(error)) if error.kind == CallErrorKind::NotFound => {
                tracing::warn!(version = id, %error, "there is no such version");
            }
            Some(Err(error)) => notes.could_not(Part::Versions, &error),
            None => notes.note(Part::Versions, TOO_LATE.to_owned()),
        }
    }
    versions
}

async fn job(
    service: &ManagedFlink,
    aws: &Aws,
    hosts: HostRule,
    name: &str,
    secrets: &[String],
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

fn newest(mut snapshots: Vec<Snapshot>) -> Vec<Snapshot> {
    snapshots.truncate(SNAPSHOTS_KEPT);
    snapshots
}

/// Other people's tags are none of our business.
fn ours(tags: BTreeMap<String, String>) -> BTreeMap<String, String> {
    tags.into_iter()
        .filter(|(key, _)| key.starts_with(TAG_PREFIX))
        .collect()
}

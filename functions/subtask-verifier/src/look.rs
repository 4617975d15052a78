//! Gathers the facts of one look. Reads only.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use lambda_kit::{Aws, ErrorType, Failure};
use lifecycle::{
    Application, ApplicationStatus, Job, OPERATIONS_KEPT, Observation, Operation, OperationStatus,
    Part, Request, SNAPSHOTS_KEPT, Snapshot, TAG_PREFIX, Unreadable, Version,
};
use managed_flink::{
    CallError, CreateApplicationPresignedUrl, DescribeApplication, DescribeApplicationOperation,
    DescribeApplicationVersion, Described, FlinkRest, HostRule, ListApplicationOperations,
    ListApplicationSnapshots, ListTagsForResource, ManagedFlink, OperationDetail, is_opted_in,
    property_values,
};

use crate::Event;

/// Failed operations whose text is asked for: the newest tell the story, and each costs a call.
const FAILURES_ASKED: usize = 3;

/// Looks once.
pub(crate) async fn observe(
    service: &ManagedFlink,
    aws: &Aws,
    hosts: HostRule,
    event: &Event,
    now: Timestamp,
) -> Result<Observation, Failure> {
    let name = event.application_name.as_str();
    check_name(name)?;
    let described = service.describe_application(name).await?;
    let mut secrets = Secrets {
        versions: BTreeSet::from([described.application.version_id]),
        values: property_values(&described.detail),
    };
    let mut notes = Notes(Vec::new());
    let tags = notes.note(
        Part::Tags,
        service
            .list_tags_for_resource(&described.application.arn)
            .await,
    );
    // No role may read more of an application that has not opted in, and nobody asks for more.
    if tags.as_ref().is_some_and(|tags| !is_opted_in(tags)) {
        return Ok(Observation {
            at: now,
            application: described.application,
            versions: Vec::new(),
            operations: Vec::new(),
            job: None,
            snapshots: Vec::new(),
            tags: tags.map(ours),
            unreadable: notes.0,
        });
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
    let snapshots = notes
        .note(
            Part::Snapshots,
            service.list_application_snapshots(name).await,
        )
        .unwrap_or_default();
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
    Ok(Observation {
        at: now,
        application: described.application,
        versions,
        operations,
        job,
        snapshots: newest(snapshots),
        tags: tags.map(ours),
        unreadable: notes.0,
    })
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
struct Notes(Vec<Unreadable>);

impl Notes {
    fn note<T>(&mut self, what: Part, read: Result<T, CallError>) -> Option<T> {
        match read {
            Ok(value) => Some(value),
            Err(error) => {
                tracing::warn!(?what, %error, "could not be read");
                self.0.push(Unreadable {
                    what,
                    why: error.to_string(),
                });
                None
            }
        }
    }
}

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
    let Some(mut operations) = notes.note(
        Part::Operations,
        service
            .list_application_operations(name, OPERATIONS_KEPT)
            .await,
    ) else {
        return Vec::new();
    };
    let failed = operations
        .iter_mut()
        .filter(|operation| operation.status == OperationStatus::Failed)
        .take(FAILURES_ASKED);
    for operation in failed {
        match failure(service, name, &operation.id, secrets).await {
            Ok(detail) => {
                operation.failure = detail.operation.failure;
                operation.rollback_operation_id = detail.operation.rollback_operation_id;
            }
            // The text is for people; without it the decision is the same.
            Err(error) => tracing::warn!(%error, "the failure of an operation could not be read"),
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
        if let Some(version) = notes.note(
            Part::Versions,
            service
                .describe_application_version(&application.name, id)
                .await,
        ) {
            secrets.learn(id, &version);
            versions.push(Version {
                id,
                runtime: version.application.runtime,
            });
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
    let url = notes.note(
        Part::Job,
        service.create_application_presigned_url(name).await,
    )?;
    let rest: FlinkRest = match FlinkRest::open(aws, &url, hosts).await {
        Ok(rest) => rest,
        Err(error) => {
            notes.0.push(Unreadable {
                what: Part::Job,
                why: error.to_string(),
            });
            return None;
        }
    };
    let (job, unreadable) = managed_flink::look(&rest, secrets).await;
    notes.0.extend(unreadable);
    job
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

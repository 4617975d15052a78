//! The verbs over the AWS SDK.
//!
//! The SDK's futures are boxed: nested into each other and into a handler, their types are deeper than the compiler's recursion limit.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_kinesisanalyticsv2::{
    Client,
    config::{Builder, retry::RetryConfig, timeout::TimeoutConfig},
    types::{
        ApplicationRestoreConfiguration, ApplicationRestoreType, FlinkRunConfiguration,
        RunConfiguration, UrlType,
    },
};
use lambda_kit::Aws;
use lifecycle::{Operation, Property, Snapshot};

use crate::{
    Accepted, ApplicationSummary, CallError, CreateApplicationPresignedUrl, DescribeApplication,
    DescribeApplicationOperation, DescribeApplicationVersion, Described, ListApplicationOperations,
    ListApplicationSnapshots, ListApplicationVersions, ListApplications, ListTagsForResource,
    OperationDetail, PresignedUrl, RollbackApplication, StartApplication, StartFrom,
    StopApplication, UpdateApplication, VersionSummary, answer::Answer, convert,
    enhanced::with_snapshot_arn, pages, sdk::UpdateApplicationInputBuilder, unknown::Kept,
};

/// Most entries of one page (API model).
pub(crate) const PAGE: u8 = 50;
/// Pages read of one list at most: 1,000 snapshots are the service's quota, 20 pages; a list that never ends must not hold a Lambda.
pub(crate) const PAGES: usize = 40;
/// The shortest session the API allows, in seconds: a look needs a few.
const SESSION_SECS: i64 = 1_800;
/// A change may wait this long for its answer. Longer than a read, because a cut answer leaves its outcome unknown.
const CHANGE_TIMEOUT: Duration = Duration::from_secs(15);

/// Managed Service for Apache Flink in the function's own account and region.
#[derive(Clone, Debug)]
pub struct ManagedFlink {
    /// With the SDK's standard retries.
    pub(crate) reads: Client,
    /// Without any.
    pub(crate) changes: Client,
}

impl ManagedFlink {
    /// Both clients over the function's shared connector.
    #[must_use]
    pub fn new(aws: &Aws) -> Self {
        let timeout = TimeoutConfig::builder()
            .operation_attempt_timeout(CHANGE_TIMEOUT)
            .operation_timeout(CHANGE_TIMEOUT)
            .build();
        let config = || Builder::from(aws.config()).retry_partition(Aws::retries());
        let changes = config()
            .retry_config(RetryConfig::standard().with_max_attempts(1))
            .timeout_config(timeout)
            .build();
        Self {
            reads: Client::from_conf(config().build()),
            changes: Client::from_conf(changes),
        }
    }
}

impl ListApplications for ManagedFlink {
    async fn list_applications(&self) -> Result<Vec<ApplicationSummary>, CallError> {
        const VERB: &str = "ListApplications";
        const SUBJECT: &str = "all applications";
        let mut found = Vec::new();
        let request = self.reads.list_applications().into_paginator();
        let listed = request
            .page_size(PAGE.into())
            .stop_on_duplicate_token(false);
        let whole = pages(VERB, SUBJECT, PAGES, listed.send(), |page| {
            let summaries = page.application_summaries.iter();
            found.extend(summaries.map(convert::application_summary));
            page.next_token
        });
        // Half a list would make the other half look deleted.
        if !whole.await? {
            return Err(CallError::incomplete(VERB, SUBJECT, "last page"));
        }
        Ok(found)
    }
}

impl DescribeApplication for ManagedFlink {
    async fn describe_application(&self, application: &str) -> Result<Described, CallError> {
        const VERB: &str = "DescribeApplication";
        let request = self
            .reads
            .describe_application()
            .application_name(application);
        let raw = Answer::default();
        let request = request.customize().interceptor(raw.clone());
        let answer = Box::pin(request.send())
            .await
            .map_err(|error| CallError::of(VERB, application, &error))?;
        answer
            .application_detail
            .map(|detail| Described::with(detail, Kept::of(&raw)))
            .ok_or_else(|| CallError::incomplete(VERB, application, "ApplicationDetail"))
    }
}

impl DescribeApplicationVersion for ManagedFlink {
    async fn describe_application_version(
        &self,
        application: &str,
        version: u64,
    ) -> Result<Described, CallError> {
        const VERB: &str = "DescribeApplicationVersion";
        let request = self
            .reads
            .describe_application_version()
            .application_name(application)
            .application_version_id(as_i64(version));
        let raw = Answer::default();
        let request = request.customize().interceptor(raw.clone());
        let answer = Box::pin(request.send())
            .await
            .map_err(|error| CallError::of(VERB, application, &error))?;
        answer
            .application_version_detail
            .map(|detail| Described::with(detail, Kept::of(&raw)))
            .ok_or_else(|| CallError::incomplete(VERB, application, "ApplicationVersionDetail"))
    }
}

impl ListApplicationVersions for ManagedFlink {
    async fn list_application_versions(
        &self,
        application: &str,
        most: usize,
    ) -> Result<Vec<VersionSummary>, CallError> {
        const VERB: &str = "ListApplicationVersions";
        let mut found = Vec::new();
        let request = self.reads.list_application_versions();
        let listed = request.application_name(application).into_paginator();
        let listed = listed.page_size(PAGE.into()).stop_on_duplicate_token(false);
        pages(VERB, application, PAGES, listed.send(), |page| {
            let summaries = page.application_version_summaries.unwrap_or_default();
            found.extend(summaries.iter().map(convert::version_summary));
            page.next_token
        })
        .await?;
        // The order is not documented, so all pages are read before the newest are kept.
        found.sort_by_key(|summary| std::cmp::Reverse(summary.version_id));
        found.truncate(most);
        Ok(found)
    }
}

impl ListApplicationOperations for ManagedFlink {
    async fn list_application_operations(
        &self,
        application: &str,
        most: usize,
    ) -> Result<Vec<Operation>, CallError> {
        const VERB: &str = "ListApplicationOperations";
        let mut found = Vec::new();
        let limit = i32::try_from(most)
            .unwrap_or(i32::MAX)
            .clamp(1, PAGE.into());
        let request = self.reads.list_application_operations();
        let listed = request.application_name(application).into_paginator();
        let listed = listed.page_size(limit).stop_on_duplicate_token(false);
        pages(VERB, application, PAGES, listed.send(), |page| {
            let listed = page.application_operation_info_list.unwrap_or_default();
            found.extend(listed.iter().map(convert::listed_operation));
            page.next_token.filter(|_| found.len() < most)
        })
        .await?;
        found.truncate(most);
        found.sort_by_key(|operation| std::cmp::Reverse(operation.started_at));
        Ok(found)
    }
}

impl DescribeApplicationOperation for ManagedFlink {
    async fn describe_application_operation(
        &self,
        application: &str,
        operation_id: &str,
        secrets: &[Property],
    ) -> Result<OperationDetail, CallError> {
        const VERB: &str = "DescribeApplicationOperation";
        let request = self
            .reads
            .describe_application_operation()
            .application_name(application)
            .operation_id(operation_id);
        let answer = Box::pin(request.send())
            .await
            .map_err(|error| CallError::of(VERB, application, &error).without(secrets))?;
        let details = answer.application_operation_info_details.as_ref();
        details
            .map(|details| convert::operation(operation_id, details, secrets))
            .ok_or_else(|| {
                CallError::incomplete(VERB, application, "ApplicationOperationInfoDetails")
            })
    }
}

impl ListApplicationSnapshots for ManagedFlink {
    async fn list_application_snapshots(
        &self,
        application: &str,
    ) -> Result<Vec<Snapshot>, CallError> {
        const VERB: &str = "ListApplicationSnapshots";
        let mut found = Vec::new();
        let request = self.reads.list_application_snapshots();
        let listed = request.application_name(application).into_paginator();
        let listed = listed.page_size(PAGE.into()).stop_on_duplicate_token(false);
        let whole = pages(VERB, application, PAGES, listed.send(), |page| {
            let summaries = page.snapshot_summaries.unwrap_or_default();
            found.extend(summaries.iter().map(convert::snapshot));
            page.next_token
        });
        // Half a list is worse than none: the right snapshot might be in the other half.
        if !whole.await? {
            return Err(CallError::incomplete(VERB, application, "last page"));
        }
        found.sort_by(|one: &Snapshot, other| {
            other
                .created_at
                .cmp(&one.created_at)
                .then_with(|| other.name.cmp(&one.name))
        });
        Ok(found)
    }
}

impl ListTagsForResource for ManagedFlink {
    async fn list_tags_for_resource(
        &self,
        arn: &str,
    ) -> Result<BTreeMap<String, String>, CallError> {
        let request = self.reads.list_tags_for_resource().resource_arn(arn);
        let answer = Box::pin(request.send())
            .await
            .map_err(|error| CallError::of("ListTagsForResource", arn, &error))?;
        Ok(answer
            .tags
            .unwrap_or_default()
            .into_iter()
            .map(|tag| (tag.key, tag.value.unwrap_or_default()))
            .collect())
    }
}

impl CreateApplicationPresignedUrl for ManagedFlink {
    async fn create_application_presigned_url(
        &self,
        application: &str,
    ) -> Result<PresignedUrl, CallError> {
        const VERB: &str = "CreateApplicationPresignedUrl";
        let request = self
            .reads
            .create_application_presigned_url()
            .application_name(application)
            .url_type(UrlType::FlinkDashboardUrl);
        let request = request.session_expiration_duration_in_seconds(SESSION_SECS);
        let answer = Box::pin(request.send())
            .await
            .map_err(|error| CallError::of(VERB, application, &error))?;
        answer
            .authorized_url
            .map(PresignedUrl::new)
            .ok_or_else(|| CallError::incomplete(VERB, application, "AuthorizedUrl"))
    }
}

impl RollbackApplication for ManagedFlink {
    async fn rollback_application(
        &self,
        application: &str,
        current_version: u64,
    ) -> Result<Accepted, CallError> {
        let request = self
            .changes
            .rollback_application()
            .application_name(application)
            .current_application_version_id(as_i64(current_version));
        let answer = Box::pin(request.send())
            .await
            .map_err(|error| CallError::of("RollbackApplication", application, &error))?;
        let version_id = answer
            .application_detail
            .and_then(|detail| u64::try_from(detail.application_version_id).ok());
        Ok(Accepted {
            operation_id: answer.operation_id,
            version_id,
        })
    }
}

impl StopApplication for ManagedFlink {
    async fn stop_application(
        &self,
        application: &str,
        force: bool,
    ) -> Result<Accepted, CallError> {
        let request = self
            .changes
            .stop_application()
            .application_name(application)
            .force(force);
        let answer = Box::pin(request.send())
            .await
            .map_err(|error| CallError::of("StopApplication", application, &error))?;
        Ok(Accepted {
            operation_id: answer.operation_id,
            version_id: None,
        })
    }
}

impl UpdateApplication for ManagedFlink {
    async fn update_application(
        &self,
        application: &str,
        change: UpdateApplicationInputBuilder,
    ) -> Result<(Accepted, Option<Described>), CallError> {
        let sent = Box::pin(
            change
                .application_name(application)
                .send_with(&self.changes),
        );
        let answer = sent
            .await
            .map_err(|error| CallError::of("UpdateApplication", application, &error))?;
        let described = answer.application_detail.map(Described::from);
        let version_id = described
            .as_ref()
            .map(|described| described.application.version_id);
        Ok((
            Accepted {
                operation_id: answer.operation_id,
                version_id,
            },
            described,
        ))
    }
}

impl StartApplication for ManagedFlink {
    async fn start_application(
        &self,
        application: &str,
        from: &StartFrom,
        allow_non_restored_state: bool,
    ) -> Result<Accepted, CallError> {
        const VERB: &str = "StartApplication";
        let restore = ApplicationRestoreConfiguration::builder();
        let restore =
            match from {
                StartFrom::Snapshot(name) => restore
                    .application_restore_type(ApplicationRestoreType::RestoreFromCustomSnapshot)
                    .snapshot_name(name),
                // The ARN is added to what the SDK writes.
                StartFrom::EnhancedSnapshot(_) => restore
                    .application_restore_type(ApplicationRestoreType::RestoreFromCustomSnapshot),
                StartFrom::Nothing => restore
                    .application_restore_type(ApplicationRestoreType::SkipRestoreFromSnapshot),
            };
        let run = RunConfiguration::builder()
            .flink_run_configuration(
                FlinkRunConfiguration::builder()
                    .allow_non_restored_state(allow_non_restored_state)
                    .build(),
            )
            .application_restore_configuration(
                restore
                    .build()
                    .map_err(|error| CallError::not_sent(VERB, application, &error))?,
            )
            .build();
        let request = self
            .changes
            .start_application()
            .application_name(application)
            .run_configuration(run)
            .customize();
        let request = match from {
            StartFrom::EnhancedSnapshot(arn) => {
                let arn = arn.clone();
                request.map_request(move |request| with_snapshot_arn(request, &arn))
            }
            StartFrom::Snapshot(_) | StartFrom::Nothing => request,
        };
        let answer = Box::pin(request.send())
            .await
            .map_err(|error| CallError::of(VERB, application, &error))?;
        Ok(Accepted {
            operation_id: answer.operation_id,
            version_id: None,
        })
    }
}

/// Version ids are small; one that does not fit cannot exist, and the service then says so.
fn as_i64(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(i64::MAX)
}

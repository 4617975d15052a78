//! The verbs of keeping snapshots, and the list of applications. One small trait per verb, as in [`crate::verbs`].
//!
//! Deliberately absent: enhanced snapshots, which have verbs of their own ([`crate::enhanced`]); an application uses one kind at a time.

use std::future::Future;

use aws_sdk_kinesisanalyticsv2::types::ApplicationSummary;
use aws_smithy_types::DateTime;
use lifecycle::{Runtime, Snapshot};

use crate::{CallError, ManagedFlink, convert};

/// An application on a page of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedApplication {
    /// Name.
    pub name: String,
    /// ARN, by which its tags are asked for.
    pub arn: String,
    /// Runtime.
    pub runtime: Runtime,
}

/// One page of the list of applications.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ApplicationPage {
    /// The applications.
    pub applications: Vec<ListedApplication>,
    /// Where the next page begins; None after the last.
    pub next: Option<String>,
}

/// A snapshot, with the time stamp exactly as the service gave it: a delete must name it, and what was rounded once would not fit.
#[derive(Clone, Debug, PartialEq)]
pub struct ExactSnapshot {
    /// For deciding.
    pub snapshot: Snapshot,
    exact: Option<DateTime>,
}

/// `ListApplications`, one page: a state machine works through a fleet page by page.
pub trait ListApplicationPage: Send + Sync {
    /// One page of at most `most` (1–50), from where the page before ended.
    fn list_application_page(
        &self,
        most: i32,
        from: Option<String>,
    ) -> impl Future<Output = Result<ApplicationPage, CallError>> + Send;
}

/// `DescribeApplicationSnapshot`.
pub trait DescribeApplicationSnapshot: Send + Sync {
    /// The snapshot as it is now.
    fn describe_application_snapshot(
        &self,
        application: &str,
        snapshot: &str,
    ) -> impl Future<Output = Result<ExactSnapshot, CallError>> + Send;
}

/// `CreateApplicationSnapshot`. Sent once.
pub trait CreateApplicationSnapshot: Send + Sync {
    /// Asks for a snapshot of that name; the service takes a name only once, answers nothing, and goes on by itself.
    fn create_application_snapshot(
        &self,
        application: &str,
        snapshot: &str,
    ) -> impl Future<Output = Result<(), CallError>> + Send;
}

/// `DeleteApplicationSnapshot`. Sent once.
pub trait DeleteApplicationSnapshot: Send + Sync {
    /// Deletes the very snapshot that was described: one that was deleted and made again under the same name has another time stamp, and the service refuses.
    fn delete_application_snapshot(
        &self,
        application: &str,
        snapshot: &ExactSnapshot,
    ) -> impl Future<Output = Result<(), CallError>> + Send;
}

impl ListApplicationPage for ManagedFlink {
    async fn list_application_page(
        &self,
        most: i32,
        from: Option<String>,
    ) -> Result<ApplicationPage, CallError> {
        let request = self
            .reads
            .list_applications()
            .limit(most)
            .set_next_token(from);
        let answer = Box::pin(request.send())
            .await
            .map_err(|error| CallError::of("ListApplications", "the account", &error))?;
        let summary = |summary: ApplicationSummary| ListedApplication {
            runtime: Runtime::from(summary.runtime_environment.as_str()),
            name: summary.application_name,
            arn: summary.application_arn,
        };
        let next = answer.next_token.filter(|token| !token.is_empty());
        Ok(ApplicationPage {
            applications: answer
                .application_summaries
                .into_iter()
                .map(summary)
                .collect(),
            next,
        })
    }
}

impl DescribeApplicationSnapshot for ManagedFlink {
    async fn describe_application_snapshot(
        &self,
        application: &str,
        snapshot: &str,
    ) -> Result<ExactSnapshot, CallError> {
        const VERB: &str = "DescribeApplicationSnapshot";
        let request = self
            .reads
            .describe_application_snapshot()
            .application_name(application)
            .snapshot_name(snapshot);
        let answer = Box::pin(request.send())
            .await
            .map_err(|error| CallError::of(VERB, application, &error))?;
        let details = answer
            .snapshot_details
            .as_ref()
            .ok_or_else(|| CallError::incomplete(VERB, application, "SnapshotDetails"))?;
        Ok(ExactSnapshot {
            snapshot: convert::snapshot(details),
            exact: details.snapshot_creation_timestamp,
        })
    }
}

impl CreateApplicationSnapshot for ManagedFlink {
    async fn create_application_snapshot(
        &self,
        application: &str,
        snapshot: &str,
    ) -> Result<(), CallError> {
        let request = self
            .changes
            .create_application_snapshot()
            .application_name(application)
            .snapshot_name(snapshot);
        Box::pin(request.send())
            .await
            .map_err(|error| CallError::of("CreateApplicationSnapshot", application, &error))?;
        Ok(())
    }
}

impl DeleteApplicationSnapshot for ManagedFlink {
    async fn delete_application_snapshot(
        &self,
        application: &str,
        snapshot: &ExactSnapshot,
    ) -> Result<(), CallError> {
        const VERB: &str = "DeleteApplicationSnapshot";
        let exact = snapshot
            .exact
            .ok_or_else(|| CallError::incomplete(VERB, application, "SnapshotCreationTimestamp"))?;
        let request = self
            .changes
            .delete_application_snapshot()
            .application_name(application)
            .snapshot_name(&snapshot.snapshot.name);
        let request = request.snapshot_creation_timestamp(exact);
        Box::pin(request.send())
            .await
            .map_err(|error| CallError::of(VERB, application, &error))?;
        Ok(())
    }
}

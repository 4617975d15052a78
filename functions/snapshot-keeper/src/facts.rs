//! The facts of one application. Reads only.

use std::time::Duration;

use jiff::Timestamp;
use lambda_kit::{Budget, ErrorType, Failure};
use lifecycle::{
    Applied, Mode, Operation, Snapshot, TEXT_KEPT,
    retention::{AppliedSnapshots, Finding, Lease, Stock, findings},
    shorten,
};
use managed_flink::{
    DescribeApplication, Described, ListApplicationOperations, ListTagsForResource, is_opted_in,
};

use crate::{Did, Next, Row, SnapshotKeeper, kind};

/// Operations read: two pages. They tell the changes of version, and which snapshots are the service's.
const OPERATIONS_READ: usize = 100;
/// All reads together: half of the function's time, so that what they ask for can be done in the other half.
const TIME_TO_READ: Duration = Duration::from_secs(60);
/// Findings in a row, and the length of each: a thousand rows are one execution's data.
const FINDINGS_KEPT: usize = 4;
const FINDING_KEPT: usize = 160;

/// What was read.
pub(crate) struct Facts {
    pub(crate) described: Described,
    pub(crate) snapshots: Vec<Snapshot>,
    operations: Result<Vec<Operation>, String>,
    pub(crate) policy: Applied,
    rules: AppliedSnapshots,
    now: Timestamp,
}

impl SnapshotKeeper {
    /// Reads them; a row when the application is none of this project's business.
    ///
    /// # Errors
    /// When the application, its tags or its snapshots cannot be read: without these nothing can be said.
    pub(crate) async fn facts(&self, name: &str) -> Result<Result<Facts, Row>, Failure> {
        let read = Budget::of(TIME_TO_READ).within(self.read(name)).await;
        read.unwrap_or_else(|| {
            Err(Failure::new(
                ErrorType::Retryable,
                format!(
                    "the service did not answer all about {name} within {} s",
                    TIME_TO_READ.as_secs()
                ),
            ))
        })
    }

    async fn read(&self, name: &str) -> Result<Result<Facts, Row>, Failure> {
        let described = self.api.describe_application(name).await?;
        let runtime = &described.application.runtime;
        if !runtime.is_flink() {
            return Ok(Err(row(
                name,
                Did::NotNow,
                format!("it runs on {runtime}: only Flink applications have snapshots"),
            )));
        }
        let tags = self
            .api
            .list_tags_for_resource(&described.application.arn)
            .await?;
        if !is_opted_in(&tags) {
            return Ok(Err(row(
                name,
                Did::NotOptedIn,
                "it has no tag lifeguard:managed=true".into(),
            )));
        }
        if let Some(other) = self.policy.stack.other(&tags) {
            return Ok(Err(row(name, Did::NotOptedIn, other.to_string())));
        }
        let policy = self.policy.under(Some(&tags));
        if policy.is_nobodys {
            let why = format!(
                "it belongs to no stack, so it was not looked at: {}",
                policy.findings.join("; ")
            );
            let mut row = row(name, Did::Refused, why);
            row.needs_person = true;
            return Ok(Err(row));
        }
        let snapshots = kind::list(&self.api, &described.application, &self.policy.stack).await?;
        let operations = self
            .api
            .list_application_operations(name, OPERATIONS_READ)
            .await
            .map_err(|error| error.to_string());
        let rules = self.snapshots.under(Some(&tags));
        Ok(Ok(Facts {
            described,
            snapshots,
            operations,
            policy,
            rules,
            now: self.aws.now(),
        }))
    }
}

impl Facts {
    pub(crate) fn stock<'a>(&'a self, lease: &'a Lease) -> Stock<'a> {
        Stock {
            application: &self.described.application,
            snapshots: &self.snapshots,
            operations: self.operations.as_deref().map_err(String::as_str),
            policy: &self.rules.policy,
            // Any tag of this project that nobody understands: it may be the misspelt one that was to keep them.
            tags_parse: self.rules.tags_parse && self.policy.findings.is_empty(),
            lease,
            now: self.now,
        }
    }

    /// Whether the stack and the application's tags let anything be changed.
    pub(crate) fn may_change(&self) -> bool {
        self.policy.policy.mode > Mode::Observe
    }

    /// What is noteworthy: about the tags, about the list.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let mut found: Vec<Finding> = self
            .policy
            .findings
            .iter()
            .map(|text| Finding::Tag { text: text.clone() })
            .collect();
        // A tag that both policies know is told once.
        let tag = |finding: &Finding| finding.to_string().split(": ").next().map(str::to_owned);
        for finding in &self.rules.findings {
            if !found.iter().any(|known| tag(known) == tag(finding)) {
                found.push(finding.clone());
            }
        }
        found.extend(findings(&self.stock(&Lease::Free)));
        found
    }

    /// A row of this application.
    pub(crate) fn row(&self, did: Did, why: String, found: &[Finding]) -> Row {
        let mut row = row(&self.described.application.name, did, why);
        row.needs_person = found.iter().any(Finding::needs_person);
        let mut worst_first: Vec<&Finding> = found.iter().collect();
        worst_first.sort_by_key(|finding| !finding.needs_person());
        row.findings = worst_first
            .iter()
            .take(FINDINGS_KEPT)
            .map(|finding| shorten(&finding.to_string(), FINDING_KEPT))
            .collect();
        if found.len() > FINDINGS_KEPT {
            row.findings
                .push(format!("and {} more", found.len() - FINDINGS_KEPT));
        }
        row
    }
}

/// A row without findings.
pub(crate) fn row(name: &str, did: Did, why: String) -> Row {
    Row {
        application_name: name.to_owned(),
        did,
        why: shorten(&why, TEXT_KEPT / 2),
        next: Next::Done,
        snapshot_name: None,
        deleted: 0,
        would_delete: 0,
        findings: Vec::new(),
        needs_person: false,
        soaked: None,
    }
}

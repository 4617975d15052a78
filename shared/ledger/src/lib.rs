//! The stack's ledger table, as far as functions read and write it themselves: what the sweep remembers, leases, the stop switch. All other rows are the state machines'.
//!
//! | partition | sort key | what |
//! |---|---|---|
//! | `#sweep` | an application | what the sweep remembers of it, JSON in `memory` |
//! | an application | `lease` | who is at work on it, until when, and what is not finished |
//! | an application | `ledger` | the book of versions; only who deployed (`deployed 7`) is written here |
//! | `*` | `stop` | the stop switch |
//!
//! No application can be named `#sweep` or `*`. A row that does not parse counts as not there: the sweep looks anew, which starts nothing twice.

use std::{collections::BTreeMap, future::Future};

use aws_sdk_dynamodb::{Client, config::Builder, types::AttributeValue};
use jiff::Timestamp;
use lambda_kit::Aws;
use lifecycle::{
    Deployed,
    sweep::{Lease, Memory},
};
use managed_flink::CallError;

const SWEEP: &str = "#sweep";
/// DynamoDB removes a row so long after it was written last: that of an application that is gone, and that of one that did not change, which is then seen as for the first time.
const KEPT_SECS: i64 = 30 * 86_400;
/// Pages of memories: one holds a megabyte, some thousands of rows.
const PAGES: usize = 40;

/// What the sweep remembers.
pub trait Memories: Send + Sync {
    /// Of all applications, by name.
    fn memories(&self) -> impl Future<Output = Result<BTreeMap<String, Memory>, CallError>> + Send;
    /// Writes down what is remembered of one.
    fn remember(
        &self,
        application: &str,
        memory: &Memory,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), CallError>> + Send;
}

/// What the sweep remembers of one application.
pub trait Recall: Send + Sync {
    /// None where it remembers nothing.
    fn recall(
        &self,
        application: &str,
    ) -> impl Future<Output = Result<Option<Memory>, CallError>> + Send;
}

/// Leases.
pub trait Leases: Send + Sync {
    /// The lease of an application.
    fn lease(
        &self,
        application: &str,
        now: Timestamp,
    ) -> impl Future<Output = Result<Lease, CallError>> + Send;
}

/// The stop switch.
pub trait ReadStopSwitch: Send + Sync {
    /// Whether it is on.
    fn is_stopped(&self) -> impl Future<Output = Result<bool, CallError>> + Send;
}

/// The book's lines of who deployed.
pub trait NoteDeployment: Send + Sync {
    /// Writes down who made a version of an application; the last word stands.
    fn note(
        &self,
        application: &str,
        version_id: u64,
        deployed: &Deployed,
    ) -> impl Future<Output = Result<(), CallError>> + Send;
}

/// The table over the SDK.
#[derive(Clone, Debug)]
pub struct LedgerTable {
    client: Client,
    table: String,
}

impl LedgerTable {
    /// A client over the function's shared connector.
    #[must_use]
    pub fn new(aws: &Aws, table: String) -> Self {
        let config = Builder::from(aws.config()).retry_partition(Aws::retries());
        Self {
            client: Client::from_conf(config.build()),
            table,
        }
    }

    async fn get(
        &self,
        application: &str,
        sort: &str,
    ) -> Result<Option<std::collections::HashMap<String, AttributeValue>>, CallError> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", text(application))
            .key("sk", text(sort))
            .consistent_read(true);
        let answer = Box::pin(request.send())
            .await
            .map_err(|error| CallError::of("GetItem", application, &error))?;
        Ok(answer.item)
    }
}

impl Memories for LedgerTable {
    async fn memories(&self) -> Result<BTreeMap<String, Memory>, CallError> {
        const VERB: &str = "Query";
        let request = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :sweep")
            .expression_attribute_values(":sweep", text(SWEEP))
            .consistent_read(true);
        let mut listed = request
            .into_paginator()
            .stop_on_duplicate_token(false)
            .send();
        let mut found = BTreeMap::new();
        for _ in 0..PAGES {
            let Some(page) = listed.next().await else {
                return Ok(found);
            };
            let page = page.map_err(|error| CallError::of(VERB, SWEEP, &error))?;
            found.extend(page.items().iter().filter_map(row));
        }
        Err(CallError::incomplete(VERB, SWEEP, "last page"))
    }

    async fn remember(
        &self,
        application: &str,
        memory: &Memory,
        now: Timestamp,
    ) -> Result<(), CallError> {
        let written = serde_json::to_string(memory).expect("texts, numbers and times have a JSON");
        let removed_at = now.as_second().saturating_add(KEPT_SECS);
        let request = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", text(SWEEP))
            .item("sk", text(application))
            .item("memory", text(written))
            .item("removeAt", AttributeValue::N(removed_at.to_string()));
        let sent = Box::pin(request.send()).await;
        sent.map(drop)
            .map_err(|error| CallError::of("PutItem", application, &error))
    }
}

impl Recall for LedgerTable {
    async fn recall(&self, application: &str) -> Result<Option<Memory>, CallError> {
        let item = self.get(SWEEP, application).await?;
        Ok(item.as_ref().and_then(row).map(|(_, memory)| memory))
    }
}

impl Leases for LedgerTable {
    async fn lease(&self, application: &str, now: Timestamp) -> Result<Lease, CallError> {
        let Some(row) = self.get(application, "lease").await? else {
            return Ok(Lease::default());
        };
        let of = |name: &str| row.get(name).and_then(|value| value.as_s().ok()).cloned();
        // An end that is no number would never come: the next execution takes such a lease over.
        let ends = row.get("expiresAt").and_then(|value| value.as_n().ok());
        let ends: Option<i64> = ends.and_then(|ends| ends.parse().ok());
        let has_begun = row.contains_key("progress");
        Ok(Lease {
            is_held: ends.is_some_and(|ends| ends >= now.as_second()),
            unfinished_by: has_begun.then(|| of("holder").unwrap_or_default()),
        })
    }
}

impl ReadStopSwitch for LedgerTable {
    async fn is_stopped(&self) -> Result<bool, CallError> {
        Ok(self.get("*", "stop").await?.is_some())
    }
}

impl NoteDeployment for LedgerTable {
    async fn note(
        &self,
        application: &str,
        version_id: u64,
        deployed: &Deployed,
    ) -> Result<(), CallError> {
        let attribute = format!("{}{version_id}", Deployed::ATTRIBUTE);
        let request = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text(application))
            .key("sk", text("ledger"))
            .update_expression("SET #deployed = :deployed")
            .expression_attribute_names("#deployed", attribute)
            .expression_attribute_values(":deployed", text(deployed.written()));
        let sent = Box::pin(request.send()).await;
        sent.map(drop)
            .map_err(|error| CallError::of("UpdateItem", application, &error))
    }
}

fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

fn row(item: &std::collections::HashMap<String, AttributeValue>) -> Option<(String, Memory)> {
    let of = |name: &str| item.get(name)?.as_s().ok();
    let application = of("sk")?;
    match serde_json::from_str(of("memory")?) {
        Ok(memory) => Some((application.clone(), memory)),
        Err(error) => {
            tracing::warn!(application, %error, "what the sweep remembers of it does not parse, so it is looked at anew");
            None
        }
    }
}

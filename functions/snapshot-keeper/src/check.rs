//! `check`: what the facts ask for, and the gauges. Changes nothing.

use lambda_kit::{Failure, Function as _, Invocation, Metric, Record};
use lifecycle::retention::{Finding, Lease, Need, age_of_newest, need, quota_percent, retain};

use crate::{Did, Next, Row, SnapshotKeeper, facts::Facts};

impl SnapshotKeeper {
    /// Checks.
    pub(crate) async fn check(&self, name: &str, invocation: &Invocation) -> Result<Row, Failure> {
        let facts = match self.facts(name).await? {
            Ok(facts) => facts,
            Err(row) => return Ok(row),
        };
        // Whether a rescue runs is read right before something is done, and not here, where nothing is.
        let free = Lease::Free;
        let stock = facts.stock(&free);
        let (need, retention, mut found) = (need(&stock), retain(&stock), facts.findings());
        if matches!(need, Need::Underway { .. }) {
            // Being remedied right now.
            found.retain(|finding| !matches!(finding, Finding::Stale { .. }));
        }
        let did = match need {
            Need::Fresh { .. } => Did::Fresh,
            Need::Underway { .. } => Did::Underway,
            Need::Due { .. } => Did::Due,
            Need::NotNow { .. } => Did::NotNow,
        };
        let mut row = facts.row(did, need.why(), &found);
        row.next = match (did, retention.delete.is_empty()) {
            (Did::Due, _) => Next::Look,
            (_, false) => Next::Act,
            (_, true) => Next::Done,
        };
        tracing::info!(application = name, did = ?did, why = row.why, to_delete = retention.delete.len(), findings = ?row.findings, "checked");
        self.gauge(name, &facts, &found, invocation);
        Ok(row)
    }

    fn gauge(&self, name: &str, facts: &Facts, found: &[Finding], invocation: &Invocation) {
        let free = Lease::Free;
        let stock = facts.stock(&free);
        let is_failure = |finding: &&Finding| {
            matches!(
                finding,
                Finding::StuckCreating { .. } | Finding::Failed { .. }
            )
        };
        // Staleness has its own metric and alarm.
        let needs_person = |finding: &&Finding| {
            finding.needs_person() && !matches!(finding, Finding::Stale { .. })
        };
        let count = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
        let mut record = Record::of(Self::NAME, invocation);
        record
            .about(name)
            .add(
                Metric::SnapshotsStale,
                u64::from(
                    found
                        .iter()
                        .any(|finding| matches!(finding, Finding::Stale { .. })),
                ),
            )
            .add(Metric::Snapshots, count(facts.snapshots.len()))
            .add(Metric::SnapshotQuotaUsed, u64::from(quota_percent(&stock)))
            .add(
                Metric::SnapshotFailures,
                count(found.iter().filter(is_failure).count()),
            )
            .add(
                Metric::SnapshotFindings,
                count(found.iter().filter(needs_person).count()),
            );
        // What is stopped on purpose processes nothing, so nothing of it gets older.
        let is_up = stock.application.status != lifecycle::ApplicationStatus::Ready;
        if let Some(age) = age_of_newest(&stock)
            .and_then(|age| u64::try_from(age).ok())
            .filter(|_| is_up)
        {
            record.add(Metric::SnapshotAge, age);
        }
        self.metrics.emit(&record);
    }
}

//! The vocabulary of the tests of retention: a list of snapshots and all that is decided about it; times are "ago".
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "every test file uses another part of the vocabulary; it is for tests only"
)]

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use lifecycle::{
    Application, ApplicationStatus, Operation, OperationStatus, Runtime, Snapshot, SnapshotPolicy,
    SnapshotStatus,
    retention::{Lease, Retention, Stock, Why, retain, snapshot_name},
};

pub const HOUR: i64 = 3_600;
pub const DAY: i64 = 86_400;

pub fn now() -> Timestamp {
    "2026-03-04T02:47:00Z".parse().unwrap()
}

pub fn ago(secs: i64) -> Timestamp {
    now() - SignedDuration::from_secs(secs)
}

pub fn application(version_id: u64) -> Application {
    Application {
        name: "orders".into(),
        arn: "arn".into(),
        status: ApplicationStatus::Running,
        version_id,
        version_created_at: Some(ago(5 * DAY)),
        version_updated_from: None,
        version_rolled_back_from: None,
        version_rolled_back_to: None,
        runtime: Runtime::from("FLINK-1_20"),
        snapshots_enabled: Some(true),
        system_rollback_enabled: None,
        checkpointing_enabled: Some(true),
        allow_non_restored_state: None,
        created_at: None,
        checkpoint_interval_secs: None,
        content: None,
        changed: None,
        snapshot_mode: lifecycle::SnapshotMode::Legacy,
        customer_key: None,
        started_from_arn: None,
    }
}

pub fn snapshot(name: &str, age_secs: i64) -> Snapshot {
    Snapshot {
        name: name.into(),
        status: SnapshotStatus::Ready,
        version_id: 6,
        created_at: ago(age_secs),
        runtime: Some(Runtime::from("FLINK-1_20")),
        customer_key: None,
        enhanced: None,
    }
}

/// One that Lifeguard took.
pub fn ours(age_secs: i64) -> Snapshot {
    snapshot(&snapshot_name(6, ago(age_secs)), age_secs)
}

pub fn operation(name: &str, age_secs: i64, lasted_secs: i64) -> Operation {
    Operation {
        id: format!("{name}-{age_secs}"),
        name: name.into(),
        status: OperationStatus::Successful,
        started_at: ago(age_secs),
        ended_at: Some(ago(age_secs - lasted_secs)),
        failure: None,
        rollback_operation_id: None,
    }
}

/// A list, and all that belongs to it.
#[derive(Clone, Debug)]
pub struct World {
    pub application: Application,
    pub snapshots: Vec<Snapshot>,
    pub operations: Vec<Operation>,
    pub policy: SnapshotPolicy,
    pub lease: Lease,
    pub tags_parse: bool,
    pub now: Timestamp,
}

impl World {
    pub fn of(snapshots: Vec<Snapshot>) -> Self {
        let policy = SnapshotPolicy {
            keep_last: 2,
            keep_daily_days: 2,
            version_changes: 2,
            ..SnapshotPolicy::default()
        };
        Self {
            application: application(6),
            snapshots,
            operations: Vec::new(),
            policy,
            lease: Lease::Free,
            tags_parse: true,
            now: now(),
        }
    }

    pub fn stock(&self) -> Stock<'_> {
        Stock {
            application: &self.application,
            snapshots: &self.snapshots,
            operations: Ok(&self.operations),
            policy: &self.policy,
            tags_parse: self.tags_parse,
            lease: &self.lease,
            now: self.now,
        }
    }

    pub fn retain(&self) -> Retention {
        retain(&self.stock())
    }

    pub fn deleted(&self) -> Vec<String> {
        self.retain()
            .delete
            .into_iter()
            .map(|snapshot| snapshot.name)
            .collect()
    }

    pub fn why(&self, name: &str) -> Vec<Why> {
        self.retain()
            .kept
            .into_iter()
            .find(|kept| kept.name == name)
            .map(|kept| kept.why)
            .unwrap_or_default()
    }

    /// The list as it is after the deletes.
    pub fn pruned(&self) -> Self {
        let deleted: BTreeSet<String> = self.deleted().into_iter().collect();
        let mut world = self.clone();
        world
            .snapshots
            .retain(|snapshot| !deleted.contains(&snapshot.name));
        world
    }
}

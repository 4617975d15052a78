//! Enhanced snapshots: they belong to the account, not to an application, and outlive it. Their verbs, and what the service does with them by itself.
//!
//! Invariant: a name is held from the request on until the deletion is done, whatever became of the snapshot.

mod copies;
mod lists;
mod operations;
mod verbs;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::answer::{ApiError, epoch};
use super::application::{Application, Snapshot, Version};
use super::status::{OperationStatus, SnapshotStatus};
use super::{Inner, State};
pub(super) use operations::SnapshotOperation;

/// A name that the service gives begins with this; nobody else's may.
const RESERVED: &str = "SYSTEMSNAPSHOT";
/// The size of a snapshot whose state nobody has measured.
const PLACED_BYTES: u64 = 1 << 20;
/// The longest name.
const LONGEST_NAME: usize = 100;

/// What an account has of enhanced snapshots.
#[derive(Default)]
pub(super) struct Account {
    /// By name.
    pub(super) snapshots: BTreeMap<String, Enhanced>,
    /// Oldest first; those of deleted snapshots too.
    pub(super) operations: Vec<SnapshotOperation>,
}

/// An enhanced snapshot.
pub(super) struct Enhanced {
    /// What every snapshot has. Of an imported one the runtime is empty.
    pub(super) snapshot: Snapshot,
    pub(super) arn: String,
    /// What made it: `CreateSnapshot`, `ImportSnapshot` or `SystemCreateSnapshot`.
    pub(super) made_by: &'static str,
    pub(super) source: Source,
    pub(super) description: Option<String>,
    pub(super) size: u64,
    pub(super) tags: BTreeMap<String, String>,
    /// Held while it is exported: a deletion waits for that.
    export: Arc<Mutex<()>>,
}

/// Where the state of an enhanced snapshot comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// An application, told apart from others of its name by when it was created.
    Application { name: String, created: Timestamp },
    /// A bucket.
    Bucket(Value),
}

/// A snapshot by its name, among those of an application or those of the account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named {
    Legacy(String),
    Enhanced(String),
}

impl Named {
    /// The one that a restore configuration names, if it names one.
    pub(super) fn of(restore: &Value) -> Option<Self> {
        let legacy = restore["SnapshotName"].as_str();
        let enhanced = restore["SnapshotArn"].as_str();
        legacy
            .map(|name| Self::Legacy(name.to_owned()))
            .or_else(|| enhanced.map(|arn| Self::Enhanced(name_of(arn).to_owned())))
    }

    pub(super) fn name(&self) -> &str {
        let (Self::Legacy(name) | Self::Enhanced(name)) = self;
        name
    }
}

/// The name at the end of a snapshot's ARN.
fn name_of(arn: &str) -> &str {
    arn.rsplit_once(":snapshot/").map_or(arn, |(_, name)| name)
}

impl Enhanced {
    pub(super) fn new(
        snapshot: Snapshot,
        arn: String,
        made_by: &'static str,
        source: Source,
    ) -> Self {
        Self {
            snapshot,
            arn,
            made_by,
            source,
            description: None,
            size: 0,
            tags: BTreeMap::new(),
            export: Arc::default(),
        }
    }

    /// Whether the service made it, within another operation.
    pub(super) fn is_by_service(&self) -> bool {
        self.made_by == "SystemCreateSnapshot"
    }

    /// Whether it is of this very application, not of an earlier one with its name.
    pub(super) fn is_of(&self, application: &Application) -> bool {
        matches!(&self.source, Source::Application { name, created }
            if *name == application.name && *created == application.created)
    }

    fn info(&self) -> Value {
        json!({
            "SnapshotName": self.snapshot.name,
            "SnapshotArn": self.arn,
            "SnapshotStatus": self.snapshot.status.name(),
            "SnapshotCreationTimestamp": epoch(self.snapshot.created),
            "SnapshotInitiator": if self.is_by_service() { "SYSTEM" } else { "USER" },
            "SnapshotInitiatorOperation": self.made_by,
            "SnapshotFormat": "CANONICAL",
        })
    }

    /// `SnapshotInfo`, as a list has it.
    fn summary(&self) -> Value {
        let mut info = self.info();
        if let Source::Application { name, .. } = &self.source {
            info["SourceApplicationName"] = name.clone().into();
        }
        info
    }

    /// `SnapshotInfoDetails`.
    fn detail(&self) -> Value {
        let mut detail = self.info();
        detail["SnapshotSourceDescription"] = match &self.source {
            Source::Application { name, created } => json!({ "SourceApplicationDescription": {
                "ApplicationName": name,
                "ApplicationCreationTimestamp": epoch(*created),
                "ApplicationVersionId": self.snapshot.version,
            } }),
            Source::Bucket(place) => json!({ "S3PrefixLocation": place }),
        };
        detail["SnapshotSizeInBytes"] = self.size.into();
        detail["SnapshotEncryptionConfigurationDescription"] = self.snapshot.key.clone();
        if let Some(description) = &self.description {
            detail["SnapshotDescription"] = description.clone().into();
        }
        if !self.snapshot.runtime.is_empty() {
            detail["RuntimeEnvironment"] = self.snapshot.runtime.clone().into();
        }
        detail
    }
}

impl Inner {
    pub(super) fn snapshot_arn(&self, name: &str) -> String {
        format!(
            "arn:aws:kinesisanalytics:{}:{}:snapshot/{name}",
            self.settings.region, self.settings.account
        )
    }

    /// An enhanced snapshot that is CREATING, of this version of an application; the id of its operation.
    pub(super) fn add_enhanced(
        &self,
        state: &mut State,
        application: &str,
        name: &str,
        version: Option<i64>,
        cause: Option<&str>,
    ) -> String {
        let now = self.clock.now();
        let made_by = if cause.is_some() {
            "SystemCreateSnapshot"
        } else {
            "CreateSnapshot"
        };
        if let Some(present) = state.applications.get(application) {
            let snapshot = present.begun_snapshot(name, now, version);
            let source = Source::Application {
                name: present.name.clone(),
                created: present.created,
            };
            let one = Enhanced::new(snapshot, self.snapshot_arn(name), made_by, source);
            state.account.snapshots.insert(name.to_owned(), one);
        }
        let cause = cause.map(|operation| (operation.to_owned(), application.to_owned()));
        let begun = SnapshotOperation::begun(made_by, name, self.snapshot_arn(name), now);
        state.record(SnapshotOperation { cause, ..begun })
    }
}

impl Inner {
    /// A READY snapshot of the past, taken by hand; by an operation of the service where one is named.
    pub(super) fn placed_enhanced(
        &self,
        application: &Application,
        snapshot: Snapshot,
        made_by: Option<&'static str>,
    ) -> Enhanced {
        let source = Source::Application {
            name: application.name.clone(),
            created: application.created,
        };
        let arn = self.snapshot_arn(&snapshot.name);
        let mut placed = Enhanced::new(snapshot, arn, made_by.unwrap_or("CreateSnapshot"), source);
        placed.size = PLACED_BYTES;
        placed
    }
}

impl State {
    /// A name for a snapshot that the service takes of an application in enhanced mode.
    pub(super) fn system_snapshot_name(&mut self) -> String {
        format!("{RESERVED}-{}-{}-{}", self.id(8), self.id(4), self.id(12))
    }

    /// Records a snapshot's operation; its id.
    fn record(&mut self, mut operation: SnapshotOperation) -> String {
        operation.id = self.id(32);
        let id = operation.id.clone();
        self.account.operations.push(operation);
        id
    }

    /// Ends the operation under way that makes this snapshot: with its size, or why it is FAILED.
    pub(super) fn end_enhanced(&mut self, name: &str, taken: Result<u64, &str>, now: Timestamp) {
        if let Some(snapshot) = self.account.snapshots.get_mut(name) {
            snapshot.size = taken.unwrap_or(0);
        }
        let open = |one: &&mut SnapshotOperation| {
            one.snapshot == name && one.makes_it() && one.status == OperationStatus::InProgress
        };
        if let Some(operation) = self.account.operations.iter_mut().find(open) {
            operation.end(taken.map(|_| ()), now);
        }
    }

    /// What the service took for an operation that was cancelled never completes.
    pub(super) fn abandon_enhanced(&mut self, operation: &str, now: Timestamp) {
        let caused = |one: &&mut SnapshotOperation| {
            one.status == OperationStatus::InProgress
                && one.cause.as_ref().is_some_and(|(by, _)| by == operation)
        };
        for one in self.account.operations.iter_mut().filter(caused) {
            (one.status, one.ended) = (OperationStatus::Cancelled, Some(now));
            if let Some(taken) = self.account.snapshots.get_mut(&one.snapshot) {
                taken.snapshot.status = SnapshotStatus::Failed;
            }
        }
    }

    /// A snapshot, of whichever kind.
    pub(super) fn snapshot<'a>(
        &'a self,
        application: &'a Application,
        named: &Named,
    ) -> Option<&'a Snapshot> {
        match named {
            Named::Legacy(name) => application.snapshots.iter().find(|one| one.name == *name),
            Named::Enhanced(name) => {
                let found = self.account.snapshots.get(name);
                found.map(|one| &one.snapshot)
            }
        }
    }

    pub(super) fn snapshot_mut(
        &mut self,
        application: &str,
        named: &Named,
    ) -> Option<&mut Snapshot> {
        match named {
            Named::Legacy(name) => self.applications.get_mut(application)?.snapshot_mut(name),
            Named::Enhanced(name) => {
                let found = self.account.snapshots.get_mut(name);
                found.map(|one| &mut one.snapshot)
            }
        }
    }

    /// The newest snapshot of an application that can be restored and satisfies `fits`, of one kind or of both.
    pub(super) fn newest_snapshot(
        &self,
        application: &Application,
        kinds: Kinds,
        fits: impl Fn(&Snapshot) -> bool,
    ) -> Option<Named> {
        let legacy = application
            .snapshots
            .iter()
            .map(|one| (one, Named::Legacy(one.name.clone())))
            .filter(|_| kinds != Kinds::Enhanced);
        let enhanced = self
            .account
            .snapshots
            .values()
            .filter(|one| kinds != Kinds::Legacy && one.is_of(application))
            .map(|one| (&one.snapshot, Named::Enhanced(one.snapshot.name.clone())));
        legacy
            .chain(enhanced)
            .filter(|(one, _)| one.status == SnapshotStatus::Ready && fits(one))
            .max_by_key(|(one, _)| (one.created, &one.name))
            .map(|(_, named)| named)
    }

    /// Refuses to restore what is not there, not READY, or named in another way than the mode asks for.
    pub(super) fn check_restore(
        &self,
        application: &str,
        restore: &Value,
        enhanced: bool,
    ) -> Result<(), ApiError> {
        let Some(named) = Named::of(restore) else {
            return Ok(());
        };
        match &named {
            Named::Enhanced(_) if !enhanced => {
                return Err(ApiError::invalid_argument(
                    "SnapshotArn is only allowed for an application with enhanced snapshots",
                ));
            }
            Named::Legacy(_) if enhanced => {
                return Err(ApiError::invalid_argument(
                    "SnapshotName is not allowed for an application with enhanced snapshots: SnapshotArn is",
                ));
            }
            _ => {}
        }
        let found = self.snapshot(self.application(application)?, &named);
        let wanted = restore["SnapshotArn"].as_str();
        let is_it = |name: &String| {
            let known = self.account.snapshots.get(name).map(|one| one.arn.as_str());
            wanted.is_none() || known == wanted
        };
        match found {
            Some(one) if one.status == SnapshotStatus::Ready && is_it(&one.name) => Ok(()),
            _ => Err(ApiError::invalid_argument(format!(
                "there is no READY snapshot {}",
                wanted.unwrap_or_else(|| named.name())
            ))),
        }
    }
}

/// Which snapshots count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kinds {
    Legacy,
    Enhanced,
    Both,
}

impl Kinds {
    /// Those of the mode of one version.
    pub(super) fn of(version: &Version) -> Self {
        if version.is_enhanced() {
            Self::Enhanced
        } else {
            Self::Legacy
        }
    }
}

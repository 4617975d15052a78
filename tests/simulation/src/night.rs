//! A night, written down: what the region is like, what people, the service and the world do in it, and what goes wrong in the plumbing. Plain data: it can be printed,
//! shortened and played again.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use jiff::{SignedDuration, Timestamp};
use sandbox::{
    faults::{Fault, Rule, When},
    flink::{ClusterEvent, Code, Sink},
    managed_flink::{RollbackState, SnapshotStatus, Stage},
};
use serde_json::{Value, json};

/// Everything about one night.
#[derive(Clone, Debug)]
pub struct Night {
    /// Of everything random in the region.
    pub seed: u64,
    /// When it begins: minutes after midnight, UTC.
    pub opened_mins: u32,
    /// How long things are done to it; then the world is mended and all executions are awaited.
    pub length_mins: u32,
    /// The stack's parameters.
    pub stack: Stack,
    /// The stack's template; the project's own when None.
    pub template: Option<PathBuf>,
    /// How the service behaves where nobody knows.
    pub quirks: Quirks,
    /// The applications.
    pub applications: Vec<Application>,
    /// What happens.
    pub events: Vec<Event>,
    /// What goes wrong in the plumbing.
    pub strikes: Vec<Strike>,
}

/// The stack's parameters. Durations in seconds.
#[derive(Clone, Debug)]
pub struct Stack {
    /// Act, or only observe.
    pub act: bool,
    /// Soak.
    pub soak_secs: u32,
    /// An operation's time-out.
    pub operation_timeout_secs: u32,
    /// For a job to come up.
    pub settle_timeout_secs: u32,
    /// Rescues per application and day.
    pub rescues_per_day: u32,
    /// The oldest snapshot that may be restored.
    pub max_snapshot_age_secs: u32,
    /// An execution's deadline.
    pub deadline_secs: u32,
    /// The snapshot check.
    pub snapshots: SnapshotCheck,
}

/// The stack's parameters of the snapshot check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotCheck {
    /// Its schedule.
    pub every_mins: u32,
    /// The newest snapshot is kept younger than this.
    pub max_age_secs: u32,
    /// So many of the newest are kept.
    pub keep_last: u32,
    /// One of each of so many days is kept.
    pub keep_daily_days: u32,
}

impl Default for SnapshotCheck {
    /// The template's.
    fn default() -> Self {
        Self {
            every_mins: 60,
            max_age_secs: 21_600,
            keep_last: 10,
            keep_daily_days: 7,
        }
    }
}

impl Default for Stack {
    fn default() -> Self {
        Self {
            act: true,
            soak_secs: 303,
            operation_timeout_secs: 2_400,
            settle_timeout_secs: 2_400,
            rescues_per_day: 2,
            max_snapshot_age_secs: 86_400,
            deadline_secs: 14_400,
            snapshots: SnapshotCheck::default(),
        }
    }
}

impl Stack {
    /// As the template takes them.
    #[must_use]
    pub fn parameters(&self) -> BTreeMap<String, String> {
        [
            (
                "Mode",
                if self.act {
                    "act".to_owned()
                } else {
                    "observe".to_owned()
                },
            ),
            ("SoakSecs", self.soak_secs.to_string()),
            (
                "OperationTimeoutSecs",
                self.operation_timeout_secs.to_string(),
            ),
            ("SettleTimeoutSecs", self.settle_timeout_secs.to_string()),
            ("RescuesPerDay", self.rescues_per_day.to_string()),
            ("MaxSnapshotAgeSecs", self.max_snapshot_age_secs.to_string()),
            ("DeadlineSecs", self.deadline_secs.to_string()),
            // The alarms are there from the start, and nobody but the keeper touches them.
            ("AlarmKeeperEveryMinutes", "60".to_owned()),
            (
                "SnapshotCheckEveryMinutes",
                self.snapshots.every_mins.to_string(),
            ),
            (
                "SnapshotMaxAgeSecs",
                self.snapshots.max_age_secs.to_string(),
            ),
            ("SnapshotKeepLast", self.snapshots.keep_last.to_string()),
            (
                "SnapshotKeepDailyDays",
                self.snapshots.keep_daily_days.to_string(),
            ),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }
}

/// Answers to the questions that the service's documentation leaves open.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Quirks {
    /// A rollback restores the latest snapshot, not the one before the change.
    pub rollback_latest: bool,
    /// A rollback leads back to the old version number, not to a new one.
    pub rollback_old_number: bool,
    /// The snapshot of an update carries the new version's number.
    pub snapshot_has_new_version: bool,
    /// The service's own rollback has a name of its own.
    pub system_rollback_name: bool,
    /// The service's own rollback also catches loops, this many seconds after an update.
    pub rollback_on_loops_secs: Option<u64>,
    /// Everything the service does takes so many times as long.
    pub slow: Option<u32>,
}

/// An application when the night begins.
#[derive(Clone, Debug)]
pub struct Application {
    /// Its name.
    pub name: String,
    /// `FLINK-1_20`.
    pub runtime: String,
    /// What it runs.
    pub code: Code,
    /// How many minutes ago the present version was made.
    pub version_age_mins: u64,
    /// Its snapshots.
    pub snapshots: Vec<OldSnapshot>,
    /// Its tags.
    pub tags: Vec<(String, String)>,
    /// The service rolls failed updates back by itself.
    pub system_rollback: bool,
    /// Snapshots are taken.
    pub snapshots_enabled: bool,
    /// Its job takes checkpoints; without them only time proves that it is well.
    pub checkpointing: bool,
    /// Where its results go.
    pub sink: Sink,
}

/// A snapshot from before the night.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OldSnapshot {
    /// How many minutes ago it was taken.
    pub age_mins: u64,
    /// Its status.
    pub status: SnapshotStatus,
    /// Who took it.
    pub by: TakenBy,
}

/// Who took a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TakenBy {
    /// Lifeguard's schedule, as its name says.
    Lifeguard,
    /// A person or another tool.
    Person,
    /// A person who gave it a name that says that it must be kept.
    PersonForGood,
    /// The service, within an operation.
    Service,
}

impl Application {
    /// The name of its n-th old snapshot, counted from 1.
    #[must_use]
    pub fn snapshot_name(&self, n: usize, opened: Timestamp) -> String {
        let Some(snapshot) = self.snapshots.get(n - 1) else {
            return String::new();
        };
        let taken =
            opened - SignedDuration::from_mins(i64::try_from(snapshot.age_mins).unwrap_or(0));
        match snapshot.by {
            // The form that snapshot-keeper gives its own, spelt out: the checks must not trust what they check.
            TakenBy::Lifeguard => {
                let version = if snapshot.age_mins > self.version_age_mins {
                    1
                } else {
                    2
                };
                format!("lifeguard-v{version}-{}", taken.strftime("%Y%m%dT%H%MZ"))
            }
            TakenBy::PersonForGood => format!("keep-{n}"),
            TakenBy::Person | TakenBy::Service => format!("scheduled-{n}"),
        }
    }

    /// A text with its old snapshots' names in place of `#1`, `#2` …
    #[must_use]
    pub fn with_names(&self, text: &str, opened: Timestamp) -> String {
        let name = |word: &str| match word.strip_prefix('#').and_then(|n| n.parse().ok()) {
            Some(n) if (1..=self.snapshots.len()).contains(&n) => self.snapshot_name(n, opened),
            _ => word.trim_start_matches('#').to_owned(),
        };
        text.split(' ').map(name).collect::<Vec<_>>().join(" ")
    }

    /// The value of an environment property, which must appear nowhere.
    #[must_use]
    pub fn secret(&self) -> String {
        secret_of(&self.name)
    }
}

/// The value of an environment property of the application of this name; some of its exceptions quote it.
pub(crate) fn secret_of(application: &str) -> String {
    format!("hunter2-{application}")
}

/// Something that happens.
#[derive(Clone, Debug)]
pub struct Event {
    /// When.
    pub at: Moment,
    /// To which application, by its place in the list.
    pub application: usize,
    /// What.
    pub what: What,
}

/// When something happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Moment {
    /// So many seconds after the night began.
    After(u64),
    /// The worst moment: when a task of Lifeguard's state machine begins (or has just ended) for this application, the n-th time.
    Task {
        /// The state.
        state: String,
        /// Which time, from 1.
        nth: u32,
        /// Once it has ended, not when it begins.
        ended: bool,
    },
}

/// What happens.
#[derive(Clone, Debug)]
pub enum What {
    /// Somebody deploys this code.
    Deploy {
        /// The code.
        code: Box<Code>,
        /// Another runtime.
        runtime: Option<String>,
    },
    /// Somebody changes an environment property and nothing else.
    ChangeProperty,
    /// Somebody stops it.
    Stop,
    /// Somebody stops it by force.
    ForceStop,
    /// Somebody starts it from its latest snapshot.
    Start,
    /// Somebody starts it without state.
    StartWithoutState,
    /// Somebody rolls it back by hand.
    Rollback,
    /// Another tool takes a snapshot.
    TakeSnapshot,
    /// A snapshot of this very moment, whatever the job's health.
    PlaceSnapshot,
    /// A careless hand deletes all snapshots.
    DeleteSnapshots,
    /// Somebody deletes the oldest snapshot that is there, or the newest.
    DeleteSnapshot {
        /// The newest.
        newest: bool,
    },
    /// Somebody starts the snapshot check by hand, for this application.
    CheckSnapshots {
        /// To be told only what it would do.
        dry: bool,
    },
    /// Somebody sets a tag.
    Tag(String, String),
    /// Somebody removes a tag.
    Untag(String),
    /// Something that jobs depend on goes away or comes back.
    Dependency(String, bool),
    /// A TaskManager is lost.
    LoseMachine,
    /// Something befalls the cluster.
    Befall(ClusterEvent),
    /// The service patches.
    Maintenance,
    /// The service scales.
    Autoscale(u32),
    /// The next time it gets there, an operation never ends.
    Stuck(Stage),
    /// A stage takes so many times as long from now on.
    Slow(Stage, u32),
    /// The service refuses rollbacks from now on.
    RefuseRollback,
    /// The next snapshots fail.
    FailSnapshots(u32),
    /// What the service's rollback restores, for this application.
    RollbackState(RollbackState),
    /// Somebody starts Lifeguard by hand, with this request, if any.
    Ask(Option<Value>),
    /// Somebody stops every execution for this application.
    AbortExecutions,
    /// Every rescue of this application fails where it stands, as on an error that nothing catches.
    FailExecutions,
    /// The last alarm event is delivered again.
    RingAgain,
}

/// One thing that goes wrong in the plumbing.
#[derive(Clone, Debug)]
pub struct Strike {
    /// What goes wrong.
    pub fault: Fault,
    /// Whose requests: the IAM prefix, `flink` for the Flink REST API.
    pub service: String,
    /// Which verb; all of them.
    pub action: Option<String>,
    /// For Lambda: the function, by its package.
    pub package: Option<String>,
    /// Which occurrences.
    pub when: When,
    /// From and to, in seconds.
    pub within_secs: (u64, u64),
}

impl Strike {
    /// The region's rule; `function` turns a package into the function's name.
    #[must_use]
    pub fn rule(&self, function: impl Fn(&str) -> Option<String>) -> Rule {
        let mut rule = Rule::new(self.fault.clone())
            .on_service(&self.service)
            .when(self.when.clone());
        rule.action = self.action.clone();
        if let Some(package) = &self.package {
            rule = rule.on_function(&function(package).unwrap_or_default());
        }
        rule.within(
            Duration::from_secs(self.within_secs.0),
            Duration::from_secs(self.within_secs.1),
        )
    }

    /// Whether it passes within minutes: what a rescue must get over by itself.
    #[must_use]
    pub fn is_mild(&self) -> bool {
        match self.when {
            When::Nth(_) => true,
            When::First(n) => n <= 2,
            _ => false,
        }
    }
}

/// The environment properties of an application.
#[must_use]
pub fn properties(secret: &str) -> Value {
    json!([{ "PropertyGroupId": "orders", "PropertyMap": { "database.password": secret, "input.stream": "orders" } }])
}

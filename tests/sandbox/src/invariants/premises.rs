//! What the invariant checker may know of a run beforehand. Plain data, made from whatever describes the run.
//!
//! Everything else it sees itself: who did what in the service, what people asked for, which requests were struck by injected faults.

use std::collections::BTreeMap;

/// What may be known of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Premises {
    /// The stack's policy.
    pub policy: Policy,
    /// The applications that are there from the beginning.
    pub applications: Vec<KnownApplication>,
    /// A read may be up to 15 s old in this run.
    pub stale_reads: bool,
}

/// What may be known of an application.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownApplication {
    /// Its name.
    pub name: String,
    /// Who took its snapshots from before the run, by their names.
    pub takers: BTreeMap<String, Taker>,
    /// Values of its environment properties, now or later in the run: none may appear anywhere.
    pub secrets: Vec<String>,
    /// Nobody and nothing takes state away from it, so no record may be lost, unless a person asks Lifeguard for something.
    pub keeps_every_record: bool,
    /// L1 is promised: a rescue is possible, and nobody gets in its way.
    pub recovers: bool,
    /// Who is to blame for whatever goes wrong with it, where that is certain beforehand.
    pub blame: Option<Blame>,
}

/// Who is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Blame {
    /// The one deployment, and nothing else.
    TheChange,
    /// Nobody changes anything: what goes wrong comes from outside.
    NoChange,
}

/// Who took a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taker {
    /// Lifeguard's schedule.
    Lifeguard,
    /// The service, within an operation.
    Service,
    /// A person or another tool.
    Person,
}

/// The stack's parameters that the invariants speak of. Durations in seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Act, or only observe.
    pub act: bool,
    /// Soak.
    pub soak_secs: u32,
    /// An operation's time-out.
    pub operation_timeout_secs: u32,
    /// Rescues per application and day.
    pub rescues_per_day: u32,
    /// The oldest snapshot that may be restored.
    pub max_snapshot_age_secs: u32,
    /// What ran well for so long is proven.
    pub proven_secs: u32,
    /// An execution's deadline.
    pub deadline_secs: u32,
    /// So many of the newest snapshots are kept.
    pub snapshot_keep_last: u32,
    /// The first snapshot of each of so many days is kept.
    pub snapshot_keep_daily_days: u32,
}

impl Policy {
    /// From the parameters of a stack, by their names in the template.
    ///
    /// # Panics
    /// When one is missing or no number: the template would not have taken it.
    #[must_use]
    pub fn of(parameters: &BTreeMap<String, String>) -> Self {
        let number = |name: &str| -> u32 {
            let text = parameters.get(name).map_or("", String::as_str);
            text.parse()
                .unwrap_or_else(|_| panic!("{name} is {text:?}, and must be a number"))
        };
        Self {
            act: parameters.get("Mode").is_some_and(|mode| mode == "act"),
            soak_secs: number("SoakSecs"),
            operation_timeout_secs: number("OperationTimeoutSecs"),
            rescues_per_day: number("RescuesPerDay"),
            max_snapshot_age_secs: number("MaxSnapshotAgeSecs"),
            proven_secs: number("ProvenSecs"),
            deadline_secs: number("DeadlineSecs"),
            snapshot_keep_last: number("SnapshotKeepLast"),
            snapshot_keep_daily_days: number("SnapshotKeepDailyDays"),
        }
    }
}

//! The alarms of an application: what they are, and what has to be done so that they are so.
//!
//! Restarts that keep rising, in 3 of 10 minutes: with exponential back-off a slow loop restarts in few minutes only, and "5 of 5" never sees it, while one restart by maintenance
//! does not ring. Both counters are watched, whatever the runtime: `fullRestarts` was removed in Flink 2.2, where it is `numRestarts`, and an alarm on one of them would go blind
//! with the very upgrade that breaks a job. Flink gives a checkpoint that hangs up after ten minutes, so two failed ones within half an hour are two in a row.
//!
//! The snapshots of each application are watched too, while they are checked on a schedule: this project's own metric, one value a check.
//!
//! Deliberately absent: the actions of an alarm. EventBridge hears every alarm; whom else it tells is people's business, and is kept when an alarm is put right.
//!
//! Invariant: no alarm is changed or removed unless it carries this stack's owner tag, and none of an application about which anything is unknown is removed.

use std::collections::{BTreeMap, BTreeSet};

use crate::StackName;

/// Names of kept alarms begin with this; the role that keeps them is narrowed to it.
pub const ALARM_PREFIX: &str = "lifeguard-";
/// The tag that says which stack keeps an alarm.
pub const OWNER_TAG: &str = "lifeguard:owner";
/// The service's namespace of metrics.
pub const METRIC_NAMESPACE: &str = "AWS/KinesisAnalytics";
/// The dimension that names the application.
pub const APPLICATION_DIMENSION: &str = "Application";
/// One value a minute is all the service gives.
pub const PERIOD_SECS: u32 = 60;

/// What an alarm holds against its threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Watched {
    /// How much the metric rose within a minute: `DIFF(m1)`. A counter that starts again at zero falls, and a fall does not ring.
    Rise,
    /// The metric itself.
    Value,
}

impl Watched {
    /// The expression of the alarm's entry `e1` over `m1`; none where `m1` itself is held against the threshold.
    #[must_use]
    pub const fn expression(self) -> Option<&'static str> {
        match self {
            Self::Rise => Some("DIFF(m1)"),
            Self::Value => None,
        }
    }
}

/// Whose metric an alarm watches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The service's, one value a minute.
    Service,
    /// The snapshot check's, one value a check.
    SnapshotCheck {
        /// How often is checked, in whole minutes.
        every_secs: u32,
        /// Whose check.
        stack: StackName,
    },
}

impl Source {
    /// The metric's namespace.
    #[must_use]
    pub const fn namespace(&self) -> &'static str {
        match self {
            Self::Service => METRIC_NAMESPACE,
            Self::SnapshotCheck { .. } => OWN_NAMESPACE,
        }
    }

    /// The seconds of one period.
    #[must_use]
    pub const fn period_secs(&self) -> u32 {
        match self {
            Self::Service => PERIOD_SECS,
            Self::SnapshotCheck { every_secs, .. } => *every_secs,
        }
    }

    /// The metric's dimensions, names and values, for this application.
    #[must_use]
    pub fn dimensions(&self, application: &str) -> Vec<(&'static str, String)> {
        match self {
            Self::Service => vec![(APPLICATION_DIMENSION, application.to_owned())],
            Self::SnapshotCheck { stack, .. } => vec![
                (STACK_DIMENSION, stack.to_string()),
                ("function", SNAPSHOT_FUNCTION.to_owned()),
                ("application", application.to_owned()),
            ],
        }
    }
}

/// One alarm: above zero in `datapoints` of `periods`; a missing value is no fault, because an application that is stopped has none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlarmDefinition {
    /// Its name.
    pub name: String,
    /// A sentence for people.
    pub description: String,
    /// The application.
    pub application: String,
    /// Whose metric it is.
    pub source: Source,
    /// The metric, by its maximum.
    pub metric: String,
    /// The metric or its rise.
    pub watched: Watched,
    /// M of "M of N".
    pub datapoints: u32,
    /// N of "M of N", in the source's periods.
    pub periods: u32,
}

/// What is watched: the end of the name, the metric, how, M, N, and the description.
const KINDS: [(&str, &str, Watched, u32, u32, &str); 4] = [
    (
        "restarts",
        "fullRestarts",
        Watched::Rise,
        3,
        10,
        "restarts again and again (Flink up to 1.20)",
    ),
    (
        "restarts-flink-2",
        "numRestarts",
        Watched::Rise,
        3,
        10,
        "restarts again and again (Flink from 2.2)",
    ),
    (
        "checkpoints",
        "numberOfFailedCheckpoints",
        Watched::Rise,
        2,
        30,
        "does not get its checkpoints done",
    ),
    (
        "downtime",
        "downtime",
        Watched::Value,
        12,
        15,
        "has been down for most of a quarter of an hour",
    ),
];

/// This project's namespace of metrics.
const OWN_NAMESPACE: &str = "FlinkLifeguard";
/// The dimension of this project's metrics that names the stack.
pub const STACK_DIMENSION: &str = "stack";
/// The function that counts what the snapshot check finds.
const SNAPSHOT_FUNCTION: &str = "snapshot-keeper";
/// The end of the name of the alarm on stale snapshots.
const STALE: &str = "snapshots-stale";
/// The metric that is one while no READY snapshot is as fresh as the application's own policy asks.
pub const SNAPSHOTS_STALE_METRIC: &str = "SnapshotsStale";
/// A check that finds the newest too old takes the next: only the second one in a row that does is an alarm.
const CHECKS: u32 = 2;
/// CloudWatch takes periods of whole minutes.
const MINUTE_SECS: u32 = 60;

/// The alarm on an application's snapshots, where they are checked that often: stale or missing, by the application's own policy. Missing data is not breaching: an application
/// that is stopped on purpose gets no older, and a check that does not run has alarms of its own.
#[must_use]
pub fn snapshot_alarm_of(
    application: &str,
    check_every_secs: u32,
    stack: &StackName,
) -> AlarmDefinition {
    AlarmDefinition {
        name: alarm_name(application, STALE),
        description: format!(
            "Two checks in a row found no READY snapshot of {application} as fresh as its policy asks: a rescue would replay more, or find none. Kept by Flink Lifeguard; changes by hand are undone, actions are yours."
        ),
        application: application.to_owned(),
        source: Source::SnapshotCheck {
            every_secs: check_every_secs.max(MINUTE_SECS).div_ceil(MINUTE_SECS) * MINUTE_SECS,
            stack: stack.clone(),
        },
        metric: SNAPSHOTS_STALE_METRIC.to_owned(),
        watched: Watched::Value,
        datapoints: CHECKS,
        periods: CHECKS,
    }
}

/// The alarms on an application's job that it should have.
#[must_use]
pub fn alarms_of(application: &str) -> Vec<AlarmDefinition> {
    KINDS
        .iter()
        .map(|(kind, metric, watched, datapoints, periods, what)| AlarmDefinition {
            name: alarm_name(application, kind),
            description: format!("The job of {application} {what}. Kept by Flink Lifeguard, which looks after {application} when this is in ALARM; changes by hand are undone, actions are yours."),
            application: application.to_owned(),
            source: Source::Service,
            metric: (*metric).to_owned(),
            watched: *watched,
            datapoints: *datapoints,
            periods: *periods,
        })
        .collect()
}

/// The names of an application's alarms, also of the one that it has only while snapshots are checked on a schedule.
#[must_use]
pub fn alarm_names(application: &str) -> Vec<String> {
    kinds().map(|kind| alarm_name(application, kind)).collect()
}

fn kinds() -> impl Iterator<Item = &'static str> {
    KINDS.iter().map(|(kind, ..)| *kind).chain([STALE])
}

fn alarm_name(application: &str, kind: &str) -> String {
    format!("{ALARM_PREFIX}{application}-{kind}")
}

/// An alarm that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundAlarm {
    /// Its name.
    pub name: String,
    /// Its definition; None when it is something that this project does not write.
    pub definition: Option<AlarmDefinition>,
}

/// Whether an application should have its alarms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// It is opted in.
    Watched,
    /// It is not, or is being deleted.
    Unwatched,
    /// That could not be found out: its alarms stay as they are.
    Unknown,
}

/// What there should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Which applications should have their alarms.
    pub applications: BTreeMap<String, Wish>,
    /// How often the schedule checks snapshots; None when it is off, and then nothing watches them.
    pub snapshots_checked_every_secs: Option<u32>,
    /// Which stack's checks.
    pub stack: StackName,
}

/// What is to be done, names in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlarmPlan {
    /// Alarms that are not there yet.
    pub create: Vec<AlarmDefinition>,
    /// Alarms of this stack that are not as they should be.
    pub fix: Vec<AlarmDefinition>,
    /// Names of this stack's alarms that nobody needs any more.
    pub remove: Vec<String>,
    /// Names of alarms that carry such a name and belong to somebody else: untouched.
    pub foreign: Vec<String>,
    /// How many are right.
    pub right: usize,
}

/// Names of the alarms whose owner has to be known before [`plan_alarms`]: only those that would be changed or removed, because asking costs a call each.
#[must_use]
pub fn suspects(wishes: &Wishes, found: &[FoundAlarm]) -> Vec<String> {
    let wanted = wanted(wishes);
    let unsure = unsure(wishes);
    let is_suspect = |alarm: &&FoundAlarm| match wanted.get(&alarm.name) {
        Some(definition) => alarm.definition.as_ref() != Some(definition),
        None => is_ours_by_name(&alarm.name) && !unsure.contains(&alarm.name),
    };
    found
        .iter()
        .filter(is_suspect)
        .map(|alarm| alarm.name.clone())
        .collect()
}

/// What is to be done. `owners` has, for each alarm that [`suspects`] named, the value of its owner tag; an alarm that is not in it counts as somebody else's.
#[must_use]
pub fn plan_alarms(
    wishes: &Wishes,
    found: &[FoundAlarm],
    owners: &BTreeMap<String, Option<String>>,
    owner: &str,
) -> AlarmPlan {
    let mut wanted = wanted(wishes);
    let unsure = unsure(wishes);
    let is_ours = |name: &str| {
        owners
            .get(name)
            .is_some_and(|tag| tag.as_deref() == Some(owner))
    };
    let mut plan = AlarmPlan::default();
    for alarm in found {
        match wanted.remove(&alarm.name) {
            Some(definition) if alarm.definition.as_ref() == Some(&definition) => plan.right += 1,
            Some(definition) if is_ours(&alarm.name) => plan.fix.push(definition),
            None if !is_ours_by_name(&alarm.name) || unsure.contains(&alarm.name) => {}
            None if is_ours(&alarm.name) => plan.remove.push(alarm.name.clone()),
            Some(_) | None => plan.foreign.push(alarm.name.clone()),
        }
    }
    plan.create = wanted.into_values().collect();
    plan.fix.sort_by(|one, other| one.name.cmp(&other.name));
    plan.remove.sort();
    plan.foreign.sort();
    plan
}

fn wanted(wishes: &Wishes) -> BTreeMap<String, AlarmDefinition> {
    let watched = wishes
        .applications
        .iter()
        .filter(|(_, wish)| **wish == Wish::Watched);
    let on_snapshots = |application: &str| {
        wishes
            .snapshots_checked_every_secs
            .map(|every| snapshot_alarm_of(application, every, &wishes.stack))
    };
    let alarms = watched.flat_map(|(application, _)| {
        alarms_of(application)
            .into_iter()
            .chain(on_snapshots(application))
    });
    alarms.map(|alarm| (alarm.name.clone(), alarm)).collect()
}

/// Names of alarms of applications about which something is unknown.
fn unsure(wishes: &Wishes) -> BTreeSet<String> {
    wishes
        .applications
        .iter()
        .filter(|(_, wish)| **wish == Wish::Unknown)
        .flat_map(|(application, _)| alarm_names(application))
        .collect()
}

/// Whether the name is one that this project gives.
fn is_ours_by_name(name: &str) -> bool {
    application_of_alarm(name).is_some()
}

/// The application of an alarm whose name is one that this project gives: its prefix, an application's name, and one of its kinds.
#[must_use]
pub fn application_of_alarm(name: &str) -> Option<&str> {
    let rest = name.strip_prefix(ALARM_PREFIX)?;
    kinds()
        .filter_map(|kind| rest.strip_suffix(kind)?.strip_suffix('-'))
        .find(|application| !application.is_empty())
}

#[cfg(test)]
mod tests;

//! What is watched, of which metrics, and how the alarms are called.
//!
//! *Restarts* that keep rising, in 3 of 10 minutes: with exponential back-off a slow loop restarts in few minutes only, and "5 of 5" never sees it, while one restart by maintenance
//! does not ring. Both counters are watched, whatever the runtime: `fullRestarts` was removed in Flink 2.2, where it is `numRestarts`, and an alarm on one of them would go blind
//! with the very upgrade that breaks a job. Flink gives a checkpoint that hangs up after ten minutes, so two failed ones within half an hour are two in a row.
//!
//! *Slow restarts*, in 3 of 12 times five minutes: a loop of 310 to 1,100 s rings within the hour, and not in 3 of 10 minutes. Counted in periods of five minutes and not of one, a
//! fault that passes is one or two of them, however often the job restarted; in minutes it would leave the alarm in ALARM, and deaf, for an hour (`rings`).
//!
//! *Not up*, in 20 of 20 minutes: the job has not been RUNNING for five minutes in a row. Flink's gauge `downtime` says nothing of that: it counts from FAILING, where a restart never
//! is, and stays 0 in a restart loop. A job that has ended, FINISHED or FAILED for good, says -1 if it says anything, and does not ring; from Flink 2.2 on it says 0 and rings, and a
//! look finds what it is. While the job comes up after a rescue this may still ring: within five minutes, and by default the rescue still soaks then.
//!
//! These two need many minutes, and an alarm that is put looks at the minutes before. So they watch one metric, the one that the application's Flink has; with another runtime
//! the alarm of the same name gets the other metric, at the event of the update or by the schedule, and keeps its actions.
//!
//! Deliberately absent: an alarm on metrics that are missing. CloudWatch does not know whether an application is RUNNING, so it would ring for each deliberate stop and each long
//! update. What is RUNNING without a job or without metrics is not for an alarm to see but for what asks the service for the status.
//!
//! The snapshots of each application are watched too, while they are checked on a schedule: this project's own metric, one value a check.

use crate::{Runtime, StackName};

/// Names of kept alarms begin with this; the role that keeps them is narrowed to it.
pub const ALARM_PREFIX: &str = "lifeguard-";
/// The tag that says which stack keeps an alarm.
pub const OWNER_TAG: &str = "lifeguard:owner";
/// The service's namespace of metrics.
pub const METRIC_NAMESPACE: &str = "AWS/KinesisAnalytics";
/// The dimension that names the application.
pub const APPLICATION_DIMENSION: &str = "Application";
/// CloudWatch takes periods of whole minutes, and one value a minute is all that the service gives.
const MINUTE_SECS: u32 = 60;

/// Which metrics the service sends of a job: their names changed with Flink 2.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FlinkMajor {
    /// Up to 1.20: `uptime`, `fullRestarts`.
    One,
    /// From 2.2: `runningTime`, `numRestarts`.
    Two,
}

impl FlinkMajor {
    /// That of a runtime; whatever is no Flink of 2 or later counts as 1.
    #[must_use]
    pub fn of(runtime: &Runtime) -> Self {
        match runtime.flink_version() {
            Some((major, _)) if major >= 2 => Self::Two,
            _ => Self::One,
        }
    }
}

/// What an alarm holds against its threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Watched {
    /// How much the metric rose from period to period: `DIFF(m1)`. A counter that starts again at zero falls, and a fall does not ring.
    Rise,
    /// Whether the metric, a time of being up, is short of five minutes. A job that has ended has a negative one.
    NotUp,
    /// The metric itself.
    Value,
}

impl Watched {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Rise, Self::NotUp, Self::Value];

    /// The expression of the alarm's entry `e1` over `m1`; none where `m1` itself is held against the threshold.
    #[must_use]
    pub const fn expression(self) -> Option<&'static str> {
        match self {
            Self::Rise => Some("DIFF(m1)"),
            Self::NotUp => Some("IF((m1 >= 0) AND (m1 < 300000), 1, 0)"),
            Self::Value => None,
        }
    }
}

/// Whose metric an alarm watches.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Source {
    /// The service's.
    Service,
    /// The snapshot check's, one value a check.
    SnapshotCheck {
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

    /// The metric's dimensions, names and values, for this application.
    #[must_use]
    pub fn dimensions(&self, application: &str) -> Vec<(&'static str, String)> {
        match self {
            Self::Service => vec![(APPLICATION_DIMENSION, application.to_owned())],
            Self::SnapshotCheck { stack } => vec![
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
    /// What of the metric.
    pub watched: Watched,
    /// The seconds of one period, whole minutes.
    pub period_secs: u32,
    /// M of "M of N".
    pub datapoints: u32,
    /// N of "M of N".
    pub periods: u32,
}

impl AlarmDefinition {
    /// What people see beside the expression's graph.
    #[must_use]
    pub fn label(&self) -> String {
        match (self.watched, self.period_secs / MINUTE_SECS) {
            (Watched::NotUp, _) => format!("{} short of 5 minutes", self.metric),
            (_, 1) => format!("{} per minute", self.metric),
            (_, minutes) => format!("{} per {minutes} minutes", self.metric),
        }
    }
}

/// An alarm on the job, as all applications have it.
struct Kind {
    /// The end of its name.
    end: &'static str,
    /// The metric: up to Flink 1.20, and from 2.2.
    metrics: [&'static str; 2],
    watched: Watched,
    period_secs: u32,
    /// M and N.
    of: (u32, u32),
    /// What the job does then.
    what: &'static str,
}

const KINDS: [Kind; 5] = [
    Kind {
        end: "restarts",
        metrics: ["fullRestarts"; 2],
        watched: Watched::Rise,
        period_secs: MINUTE_SECS,
        of: (3, 10),
        what: "restarts again and again (Flink up to 1.20)",
    },
    Kind {
        end: "restarts-flink-2",
        metrics: ["numRestarts"; 2],
        watched: Watched::Rise,
        period_secs: MINUTE_SECS,
        of: (3, 10),
        what: "restarts again and again (Flink from 2.2)",
    },
    Kind {
        end: "checkpoints",
        metrics: ["numberOfFailedCheckpoints"; 2],
        watched: Watched::Rise,
        period_secs: MINUTE_SECS,
        of: (2, 30),
        what: "does not get its checkpoints done",
    },
    Kind {
        end: "not-up",
        metrics: ["uptime", "runningTime"],
        watched: Watched::NotUp,
        period_secs: MINUTE_SECS,
        of: (20, 20),
        what: "has not been up for five minutes in a row for twenty minutes",
    },
    Kind {
        end: "restarts-slow",
        metrics: ["fullRestarts", "numRestarts"],
        watched: Watched::Rise,
        period_secs: 5 * MINUTE_SECS,
        of: (3, 12),
        what: "has restarted three times within an hour, minutes apart",
    },
];

/// Ends of names that an earlier release gave: such an alarm goes.
const RETIRED: [&str; 1] = ["downtime"];

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
            stack: stack.clone(),
        },
        metric: SNAPSHOTS_STALE_METRIC.to_owned(),
        watched: Watched::Value,
        period_secs: check_every_secs.max(MINUTE_SECS).div_ceil(MINUTE_SECS) * MINUTE_SECS,
        datapoints: CHECKS,
        periods: CHECKS,
    }
}

/// The alarms on an application's job that it should have.
#[must_use]
pub fn alarms_of(application: &str, flink: FlinkMajor) -> Vec<AlarmDefinition> {
    let of = |kind: &Kind| AlarmDefinition {
        name: alarm_name(application, kind.end),
        description: format!(
            "The job of {application} {}. Kept by Flink Lifeguard, which looks after {application} when this is in ALARM; changes by hand are undone, actions are yours.",
            kind.what
        ),
        application: application.to_owned(),
        source: Source::Service,
        metric: match flink {
            FlinkMajor::One => kind.metrics[0].to_owned(),
            FlinkMajor::Two => kind.metrics[1].to_owned(),
        },
        watched: kind.watched,
        period_secs: kind.period_secs,
        datapoints: kind.of.0,
        periods: kind.of.1,
    };
    KINDS.iter().map(of).collect()
}

/// The names of an application's alarms, also of the one that it has only while snapshots are checked on a schedule, and of those that an earlier release made.
#[must_use]
pub fn alarm_names(application: &str) -> Vec<String> {
    ends().map(|end| alarm_name(application, end)).collect()
}

fn ends() -> impl Iterator<Item = &'static str> {
    let kept = KINDS.iter().map(|kind| kind.end).chain([STALE]);
    kept.chain(RETIRED)
}

fn alarm_name(application: &str, end: &str) -> String {
    format!("{ALARM_PREFIX}{application}-{end}")
}

/// The application of an alarm whose name is one that this project gives or gave: its prefix, an application's name, and one of its kinds.
#[must_use]
pub fn application_of_alarm(name: &str) -> Option<&str> {
    let rest = name.strip_prefix(ALARM_PREFIX)?;
    ends()
        .filter_map(|end| rest.strip_suffix(end)?.strip_suffix('-'))
        .find(|application| !application.is_empty())
}

//! From what a scenario says about code to what the job is told to do, and how its cluster is configured.
//!
//! What code and configuration ask for in seconds is asked for in the region's seconds: at six times the speed, "throws after 5 s" is 0.83 s of real time. What Flink takes by itself is real:
//! starting, restoring, noticing, and above all its REST cache of 3 s, which is left as it is.

use std::time::Duration;

use serde_json::Value;

use crate::flink::{Behaviour, Code, Misfit, RestartStrategy, Scheduler};

/// The job's source never ends, unless it is bounded.
const ENDLESS: u64 = 1_000_000_000;

/// Speed of the region against real time, and what flows into the application.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    pub(super) factor: f64,
    pub(super) records_per_sec: u32,
}

impl Pace {
    /// The region's duration in real milliseconds.
    pub(super) fn millis(self, duration: Duration) -> u128 {
        duration.div_f64(self.factor).as_millis().max(1)
    }

    /// Records per second of real time.
    pub(super) fn per_sec(self, records: u32) -> f64 {
        f64::from(records) * self.factor
    }
}

/// What real Flink is not made to do here; None when the code can be run.
pub fn unfit(code: &Code) -> Option<&'static str> {
    match &code.behaviour {
        Behaviour::TooFewSlots => Some("too few slots"),
        Behaviour::CheckpointsStop { .. } => Some("checkpoints that stop"),
        Behaviour::WrongResults => Some("wrong results"),
        Behaviour::JobManagerCrashes { .. } => Some("a JobManager that crashes"),
        Behaviour::Batch { .. } => Some("a batch job"),
        _ if code.failover_regions => Some("failover regions"),
        _ if code.scheduler != Scheduler::Default => Some("another scheduler"),
        _ if !code.needs.is_empty() => Some("something outside that is switched off"),
        _ if code.running_whenever_looked => Some("a loop in step with the cache"),
        _ if code.misfit == Misfit::Loops && code.state_compatible_from < code.state_version => {
            Some("state that is written in another format than it is read")
        }
        _ => None,
    }
}

/// The job's arguments.
pub(super) fn arguments(code: &Code, pace: Pace) -> Vec<String> {
    let mut given = vec![
        ("records", ENDLESS.to_string()),
        (
            "log-per-sec",
            pace.per_sec(pace.records_per_sec).to_string(),
        ),
        (
            "at-most-per-sec",
            pace.per_sec(code.records_per_sec).to_string(),
        ),
        ("restore-millis", pace.millis(code.restore).to_string()),
    ];
    let fault = match &code.behaviour {
        Behaviour::Throws { after, fault, .. } => {
            given.extend([
                ("behaviour", "throws".to_owned()),
                ("after-millis", pace.millis(*after).to_string()),
            ]);
            Some((fault.class.clone(), fault.message.clone()))
        }
        Behaviour::ThrowsInOpen { fault } => {
            given.push(("behaviour", "throws-in-open".to_owned()));
            Some((fault.class.clone(), fault.message.clone()))
        }
        Behaviour::BadMain { message } => {
            given.push(("behaviour", "bad-main".to_owned()));
            Some((
                "java.lang.IllegalStateException".to_owned(),
                message.clone(),
            ))
        }
        Behaviour::Bounded { after } => {
            let records = after.as_secs_f64() * f64::from(pace.records_per_sec);
            given[0].1 = (records as u64).to_string();
            None
        }
        _ => None,
    };
    if let Some((class, message)) = fault {
        given.extend([("exception", class), ("message", message)]);
    }
    // Each format of the state is one that no other can read.
    if code.state_version > 1 {
        given.push(match code.misfit {
            Misfit::Refused => ("count-uid", format!("count-{}", code.state_version)),
            Misfit::Loops => ("state-type", "text".to_owned()),
        });
    }
    given
        .into_iter()
        .flat_map(|(name, value)| [format!("--{name}"), value])
        .collect()
}

/// The cluster's configuration, as far as the code and the application's configuration decide it.
pub(super) fn configuration(code: &Code, application: &Value, pace: Pace) -> Vec<(String, String)> {
    let millis = |duration: Duration| format!("{} ms", pace.millis(duration));
    let mut all: Vec<(&str, String)> = match code.restart_strategy {
        RestartStrategy::FixedDelay { delay, attempts } => vec![
            ("restart-strategy.type", "fixed-delay".to_owned()),
            ("restart-strategy.fixed-delay.delay", millis(delay)),
            (
                "restart-strategy.fixed-delay.attempts",
                attempts.unwrap_or(i32::MAX.unsigned_abs()).to_string(),
            ),
        ],
        RestartStrategy::ExponentialDelay {
            initial,
            max,
            multiplier,
            reset_after,
        } => vec![
            ("restart-strategy.type", "exponential-delay".to_owned()),
            (
                "restart-strategy.exponential-delay.initial-backoff",
                millis(initial),
            ),
            (
                "restart-strategy.exponential-delay.max-backoff",
                millis(max),
            ),
            (
                "restart-strategy.exponential-delay.backoff-multiplier",
                multiplier.to_string(),
            ),
            (
                "restart-strategy.exponential-delay.reset-backoff-threshold",
                millis(reset_after),
            ),
        ],
        RestartStrategy::None => vec![("restart-strategy.type", "none".to_owned())],
    };
    let checkpoints = &application["FlinkApplicationConfigurationDescription"]["CheckpointConfigurationDescription"];
    if checkpoints["CheckpointingEnabled"] != false {
        let configured =
            Duration::from_millis(checkpoints["CheckpointInterval"].as_u64().unwrap_or(60_000));
        all.push((
            "execution.checkpointing.interval",
            millis(code.checkpoint_interval.unwrap_or(configured)),
        ));
    }
    // Metrics are a minute's affair in CloudWatch; only the REST cache is left at its real three seconds.
    all.push((
        "metrics.fetcher.update-interval",
        pace.millis(Duration::from_secs(10)).to_string(),
    ));
    all.into_iter()
        .map(|(key, value)| (key.to_owned(), value))
        .collect()
}

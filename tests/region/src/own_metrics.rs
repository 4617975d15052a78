//! The functions' own metrics, as CloudWatch reads them out of their log lines (Embedded Metric Format).

use std::sync::{Arc, Mutex};

use emulated_aws::{
    cloudwatch::{CloudWatch, Datum, MetricSource},
    events::Target,
    template::Stack,
};
use ground::journal::Journal;
use jiff::Timestamp;
use lambda_kit::Metric;
use serde_json::Value;

/// What a line of Embedded Metric Format begins with.
const MARK: &str = "{\"_aws\"";

/// Reads the log, from where it was read last.
#[derive(Clone)]
pub(super) struct OwnMetrics {
    journal: Journal,
    read: Arc<Mutex<usize>>,
}

impl OwnMetrics {
    pub(super) fn of(journal: &Journal) -> Self {
        Self {
            journal: journal.clone(),
            read: Arc::default(),
        }
    }
}

impl MetricSource for OwnMetrics {
    fn metrics(&self, _now: Timestamp) -> Vec<Datum> {
        let mut read = self
            .read
            .lock()
            .expect("no thread panics while it holds a number");
        let mut found = Vec::new();
        *read = self.journal.each_log_line_from(*read, |line| {
            if line.starts_with(MARK)
                && let Ok(line) = serde_json::from_str::<Value>(line)
            {
                found.extend(of_line(&line));
            }
        });
        // Values of one function's metric have to stand together.
        found.sort_by(|one, other| {
            (&one.application, one.name).cmp(&(&other.application, other.name))
        });
        found
    }
}

fn of_line(line: &Value) -> Vec<Datum> {
    let function = line["function"].as_str().unwrap_or_default();
    let value = |metric: &Metric| {
        Some(Datum {
            application: function.to_owned(),
            name: metric.name(),
            value: line[metric.name()].as_f64()?,
        })
    };
    Metric::ALL.iter().filter_map(value).collect()
}

/// Minutes before the region opened that are assumed for what the stack does every minute.
const ASSUMED_MINUTES: i64 = 15;

/// The stack was deployed before the region opened: where it sweeps, it did so until now. Without that the alarm on the sweep would ring at once, as it does on the day of a deployment.
pub(super) fn assume_sweeps(stack: &Stack, cloudwatch: &CloudWatch) {
    let Some(sweeper) = stack
        .functions
        .values()
        .find(|one| one.package == "sweeper")
    else {
        return;
    };
    let of_sweeper = |target: &Target| target.arn.ends_with(&format!(":{}", sweeper.name));
    let sweeps = stack
        .rules
        .values()
        .any(|rule| rule.enabled && rule.targets.iter().any(of_sweeper));
    if sweeps {
        for minutes in (1..=ASSUMED_MINUTES).rev() {
            let sweep = Datum {
                application: "sweeper".to_owned(),
                name: "Sweeps",
                value: 1.0,
            };
            cloudwatch.assume(&sweep, minutes * 60);
        }
    }
}

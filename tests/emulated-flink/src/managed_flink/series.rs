//! The metrics that the service and its jobs have: now, and in the past of an application that was seeded.

use std::ops::Range;

use jiff::Timestamp;
use serde_json::Value;

use super::ManagedFlink;
use super::past::Samples;
use super::status::Status;

const MINUTE_SECS: i64 = 60;
const HOUR_SECS: i64 = 3_600;

impl ManagedFlink {
    /// What CloudWatch gets for this minute, namespace AWS/KinesisAnalytics, dimension Application: nothing while the application is not RUNNING, nor of a job that has ended.
    pub fn metrics(&self, application: &str, now: Timestamp) -> Vec<(&'static str, f64)> {
        let mut metrics = self.gauges(application, now);
        if metrics
            .iter()
            .any(|(name, value)| *name == "uptime" && *value < 0.0)
        {
            metrics.clear();
        }
        metrics
    }

    /// What is there for CloudWatch, also of a job that has ended while its application is RUNNING, and KPUs at every full hour.
    pub fn gauges(&self, application: &str, now: Timestamp) -> Vec<(&'static str, f64)> {
        let kpus = {
            let state = self.inner.lock();
            let Some(found) = state
                .applications
                .get(application)
                .filter(|application| application.status == Status::Running)
            else {
                return Vec::new();
            };
            (now.as_second() % HOUR_SECS == MINUTE_SECS)
                .then(|| ("KPUs", kpus(&found.version().configuration)))
        };
        let mut gauges = self.inner.plane.metrics(application, now);
        gauges.extend(kpus);
        gauges
    }

    /// What a metric was before the application was placed: the samples that `sends` lets through, by periods of `period` seconds that begin in `within`.
    ///
    /// Nothing of this is kept: it is computed from the seed.
    pub fn past(
        &self,
        application: &str,
        name: &str,
        period: i64,
        within: Range<i64>,
        sends: &dyn Fn(f64) -> bool,
    ) -> Vec<(i64, Samples)> {
        let state = self.inner.lock();
        let pasts = state.pasts.get(application).into_iter().flatten();
        pasts
            .flat_map(|past| past.periods(name, period, within.clone(), sends))
            .collect()
    }

    /// The metrics that applications had before they were placed: whose, their names, and the first and the last minute.
    pub fn past_metrics(&self) -> Vec<(String, &'static str, i64, i64)> {
        let state = self.inner.lock();
        let of = |(application, pasts): (&String, &Vec<super::past::Past>)| {
            pasts
                .iter()
                .flat_map(|past| past.listed())
                .map(|(name, first, last)| (application.clone(), name, first, last))
                .collect::<Vec<_>>()
        };
        state.pasts.iter().flat_map(of).collect()
    }
}

/// The KPUs of a configuration: those of the job, and one for its orchestration.
pub(super) fn kpus(configuration: &Value) -> f64 {
    let parallelism = &configuration["FlinkApplicationConfigurationDescription"]["ParallelismConfigurationDescription"];
    let number = |name: &str| parallelism[name].as_u64().unwrap_or(1).max(1);
    (number("CurrentParallelism").div_ceil(number("ParallelismPerKPU")) + 1) as f64
}

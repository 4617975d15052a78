//! Tells what happens to a real job so that a timeline stays readable: that every task runs, the first fault, then sums at growing intervals.

use serde_json::Value;

use super::cluster::Pair;
use super::is_all_running;
use crate::flink::Millis;
use crate::flink::data_plane::Ended;

const FIRST_SUM_MS: Millis = 60_000;
const LONGEST_MS: Millis = 1_800_000;

/// What was told of one job run.
#[derive(Default)]
pub(super) struct Teller {
    running_told: bool,
    fault_told: bool,
    /// When the last sum was told, and the time until the next.
    sum: Option<(Millis, Millis)>,
    restarts: u64,
}

impl Teller {
    /// What is worth a sentence since the last look, and how the job has ended if it has.
    pub(super) fn look(&mut self, pair: &Pair, now: Millis) -> (Vec<String>, Option<Ended>) {
        let mut sentences = Vec::new();
        let Some(overview) = pair.overview() else {
            return (sentences, None);
        };
        match overview["state"].as_str() {
            Some("FINISHED") => {
                return (
                    vec!["the job has read all its input and is FINISHED".to_owned()],
                    Some(Ended::Finished),
                );
            }
            Some("FAILED") => {
                let why = newest_fault(pair).unwrap_or_else(|| "no exception is shown".to_owned());
                return (
                    vec![format!("the job is FAILED: {why}")],
                    Some(Ended::Failed),
                );
            }
            _ => {}
        }
        if !self.running_told && is_all_running(Some(&overview)) {
            self.running_told = true;
            sentences.push("every task is RUNNING".to_owned());
        }
        let restarts = restarts(pair);
        sentences.extend(self.faults(pair, now, restarts));
        (sentences, None)
    }

    fn faults(&mut self, pair: &Pair, now: Millis, restarts: Option<u64>) -> Option<String> {
        if !self.fault_told {
            let first = oldest_fault(pair)?;
            (self.fault_told, self.sum) = (true, Some((now, FIRST_SUM_MS)));
            return Some(format!("first fault: {first}"));
        }
        let (told, interval) = self.sum?;
        if now - told < interval {
            return None;
        }
        self.sum = Some((now, (interval * 2).min(LONGEST_MS)));
        let restarts = restarts?;
        let since = restarts.saturating_sub(std::mem::replace(&mut self.restarts, restarts));
        (since > 0).then(|| {
            format!(
                "still looping: {since} restarts in the last {} s, {restarts} in all",
                (now - told) / 1000
            )
        })
    }
}

/// Restarts of the job, by whichever counter its version has.
pub(super) fn restarts(pair: &Pair) -> Option<u64> {
    let metrics = pair.get(&format!(
        "/jobs/{}/metrics?get=numRestarts,fullRestarts",
        pair.job.as_ref()?
    ))?;
    metrics
        .as_array()?
        .iter()
        .filter_map(|metric| metric["value"].as_str()?.parse().ok())
        .max()
}

fn entries(pair: &Pair) -> Option<Vec<Value>> {
    let exceptions = pair.get(&format!("/jobs/{}/exceptions", pair.job.as_ref()?))?;
    exceptions["exceptionHistory"]["entries"]
        .as_array()
        .cloned()
}

/// Newest first is how Flink lists them.
fn newest_fault(pair: &Pair) -> Option<String> {
    entries(pair)?.first().map(told)
}

fn oldest_fault(pair: &Pair) -> Option<String> {
    entries(pair)?.last().map(told)
}

fn told(entry: &Value) -> String {
    let first_line = entry["stacktrace"]
        .as_str()
        .and_then(|trace| trace.lines().next())
        .unwrap_or_default();
    match entry["taskName"].as_str() {
        Some(task) => format!("{first_line} in \"{task}\""),
        None => first_line.to_owned(),
    }
}

//! The result of a rehearsal, for machines (`--json`) and as the closing table for people.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use super::{Mail, Paint, name};
use crate::{flink::real::JobRun, invariants::Invariant, journal::Entry, states::ExecutionView};

/// How a rehearsal went.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rehearsal {
    /// The scenario.
    pub scenario: String,
    /// The seed.
    pub seed: u64,
    /// `recovered`, `leftAlone` or `escalated`.
    pub outcome: String,
    /// Why, in Lifeguard's words; in the sandbox's own when nothing was started.
    pub reason: String,
    /// The application at the end.
    pub application: ApplicationNow,
    /// Calls of Lifeguard that were meant to change the application, in order.
    pub actions: Vec<ActionTaken>,
    /// The fate of the records.
    pub records: RecordsCount,
    /// Seconds from the begin of the rehearsal to the last moment at which the application processed before its trouble; none when it had none.
    pub down_from_secs: Option<u64>,
    /// Seconds from the first fault to the start of the rescue; none when there was no fault or no rescue.
    pub detection_secs: Option<u64>,
    /// Seconds from the last moment at which the application processed until it did again for good; none when it does not.
    pub recovery_secs: Option<u64>,
    /// API calls by who made them and verb: `rollback kinesisanalytics:RollbackApplication`.
    pub api_calls: BTreeMap<String, u64>,
    /// The executions that the scenario is about, in the order of their start.
    pub executions: Vec<ExecutionTold>,
    /// Processes that were started, by function; empty when the functions ran in the sandbox's own.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub processes: BTreeMap<String, u64>,
    /// Over real Flink: what each launch of the job did, as its ledger says.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub job_runs: Vec<JobRun>,
    /// The mails that people got, in order.
    pub mails: Vec<Mail>,
    /// How often each invariant was checked; empty where that could not be.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub invariant_checks: BTreeMap<Invariant, u64>,
    /// How it differs from how it should have ended, and which invariants broke; empty when all is well.
    pub complaints: Vec<String>,
    /// Everything that happened.
    pub timeline: Vec<TimelineEntry>,
}

/// An execution of the state machine.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ExecutionTold {
    /// Its status.
    pub status: &'static str,
    /// The states that it entered, in order.
    pub states: Vec<String>,
    /// The errors that its tasks met, in order.
    pub errors: Vec<String>,
}

impl ExecutionTold {
    /// From its history.
    #[must_use]
    pub fn of(execution: &ExecutionView, history: &[Value]) -> Self {
        let details = |event: &Value| {
            event
                .as_object()
                .into_iter()
                .flatten()
                .find(|(name, _)| name.ends_with("EventDetails"))
                .map(|(_, it)| it.clone())
        };
        let texts = |kinds: &[&str], member: &str| -> Vec<String> {
            let of_kind = history.iter().filter(|event| {
                kinds
                    .iter()
                    .any(|kind| event["type"].as_str().is_some_and(|is| is.ends_with(kind)))
            });
            of_kind
                .filter_map(|event| details(event)?[member].as_str().map(str::to_owned))
                .collect()
        };
        Self {
            status: execution.status.name(),
            states: texts(&["StateEntered"], "name"),
            errors: texts(&["TaskFailed", "TaskTimedOut"], "error"),
        }
    }
}

/// The application at the end.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationNow {
    /// Its name.
    pub name: String,
    /// Its status.
    pub status: String,
    /// Its version.
    pub version_id: i64,
    /// Its runtime.
    pub runtime: String,
}

/// A call of Lifeguard that was meant to change the application.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ActionTaken {
    /// The verb.
    pub action: String,
    /// Seconds since the rehearsal began.
    pub at_secs: u64,
    /// The role that made it.
    pub by: String,
    /// `ok`, or the error code.
    pub outcome: String,
    /// Whether it had an effect.
    pub changed: bool,
}

/// The fate of the records since the rehearsal began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordsCount {
    /// Written to the stream.
    pub produced: u64,
    /// Passed over and never processed.
    pub lost: u64,
    /// Processed again after a restore.
    pub replayed: u64,
    /// Seen more than once downstream.
    pub duplicated: u64,
    /// Whose visible result is wrong.
    pub wrong: u64,
    /// Not yet processed at the end.
    pub behind: u64,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TimelineEntry {
    /// Seconds since the rehearsal began.
    pub at_secs: f64,
    /// The region's time.
    pub at: Timestamp,
    /// Who.
    pub who: &'static str,
    /// A sentence.
    pub what: String,
    /// Over real Flink: records that had been written to the application's log by then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub written: Option<u64>,
}

impl TimelineEntry {
    /// An entry of the journal.
    #[must_use]
    pub fn of(entry: &Entry, opened: Timestamp) -> Self {
        let millis = entry.at.as_millisecond() - opened.as_millisecond();
        Self {
            at_secs: millis as f64 / 1000.0,
            at: entry.at,
            who: name(entry.actor),
            what: entry.text.clone(),
            written: None,
        }
    }
}

impl Rehearsal {
    /// Whether it ended as it should.
    #[must_use]
    pub fn is_as_it_should_be(&self) -> bool {
        self.complaints.is_empty()
    }

    /// The closing table.
    #[must_use]
    pub fn table(&self, paint: Paint) -> String {
        let time = |secs: Option<u64>| {
            secs.map_or("-".to_owned(), |secs| {
                format!("{} min {:02} s", secs / 60, secs % 60)
            })
        };
        let records = &self.records;
        let mut rows = vec![
            (
                "outcome",
                paint.verdict(self.is_as_it_should_be(), &self.outcome),
            ),
            ("because", self.reason.clone()),
            (
                "application",
                format!(
                    "{}, {}, version {}, {}",
                    self.application.name,
                    self.application.status,
                    self.application.version_id,
                    self.application.runtime
                ),
            ),
            ("changed by Lifeguard", self.told_actions()),
            ("time to detect", time(self.detection_secs)),
            ("time to recover", time(self.recovery_secs)),
            (
                "records",
                format!(
                    "{} produced, {} lost, {} replayed, {} duplicated",
                    records.produced, records.lost, records.replayed, records.duplicated
                ),
            ),
            (
                "API calls",
                format!("{}", self.api_calls.values().sum::<u64>()),
            ),
        ];
        if !self.processes.is_empty() {
            rows.push((
                "processes",
                format!(
                    "{} started, of {} functions",
                    self.processes.values().sum::<u64>(),
                    self.processes.len()
                ),
            ));
        }
        let checks: u64 = self.invariant_checks.values().sum();
        if checks > 0 {
            rows.push(("invariants", format!("checked {checks} times")));
        }
        if records.wrong > 0 {
            rows.push(("still wrong", format!("{} records", records.wrong)));
        }
        rows.extend(
            self.complaints
                .iter()
                .map(|complaint| ("NOT AS IT SHOULD BE", paint.verdict(false, complaint))),
        );
        rows.iter()
            .map(|(label, value)| format!("  {} {value}\n", paint.strong(&format!("{label:<22}"))))
            .collect()
    }

    fn told_actions(&self) -> String {
        if self.actions.is_empty() {
            return "nothing".into();
        }
        let told = |one: &ActionTaken| {
            if one.outcome == "ok" {
                one.action.clone()
            } else {
                format!("{} ({})", one.action, one.outcome)
            }
        };
        let mut runs: Vec<(String, u32)> = Vec::new();
        for action in self.actions.iter().map(told) {
            match runs.last_mut() {
                Some((last, times)) if *last == action => *times += 1,
                _ => runs.push((action, 1)),
            }
        }
        runs.into_iter()
            .map(|(action, times)| {
                if times > 1 {
                    format!("{action} ({times} times)")
                } else {
                    action
                }
            })
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// One JSON document. The same seed gives the same bytes.
    #[must_use]
    pub fn json(&self) -> String {
        serde_json::to_string_pretty(self).expect("every field serialises")
    }
}

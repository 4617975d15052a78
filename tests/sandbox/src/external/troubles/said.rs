//! What the executions of a snapshot check say, held to the letter.

use serde_json::Value;

use crate::region::{Region, SNAPSHOT_CHECK};

/// What an execution says.
pub(super) struct Said {
    /// `checked`, `needsPerson` or `goesOn`.
    pub(super) outcome: &'static str,
    /// Those that are not nought, by name.
    pub(super) sums: &'static str,
    /// What is notable, in order.
    pub(super) lines: &'static [&'static str],
    /// Snapshots that are not yet READY.
    pub(super) pending: u64,
}

/// Holds what all executions said, and how often people were told.
pub(super) fn said(region: &Region, should: &[Said], told: usize) -> Vec<String> {
    let executions = region.executions_of(SNAPSHOT_CHECK);
    let is: Vec<String> = executions
        .iter()
        .map(|execution| execution.output.as_ref().map_or_else(String::new, in_words))
        .collect();
    let should: Vec<String> = should
        .iter()
        .map(|one| {
            format!(
                "{}: {}; {:?}; {} pending",
                one.outcome, one.sums, one.lines, one.pending
            )
        })
        .collect();
    let mut complaints = Vec::new();
    if is != should {
        complaints.push(format!(
            "the executions said {is:?}, and should say {should:?}"
        ));
    }
    let tells = region
        .journal()
        .entries()
        .iter()
        .filter(|entry| {
            entry
                .text
                .starts_with("tells people: Snapshots need a person")
        })
        .count();
    if tells != told {
        complaints.push(format!(
            "people were told {tells} times, and should be told {told} times"
        ));
    }
    complaints
}

fn in_words(report: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut sums: Vec<(&String, u64)> = report["sums"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, sum)| Some((name, sum.as_u64().filter(|sum| *sum > 0)?)))
        .collect();
    sums.sort_unstable();
    let sums: Vec<String> = sums
        .into_iter()
        .map(|(name, sum)| format!("{sum} {name}"))
        .collect();
    let person = |row: &Value| {
        if row["needsPerson"] == true {
            ", for a person"
        } else {
            ""
        }
    };
    let rows = report["notable"].as_array().into_iter().flatten();
    let lines: Vec<String> = rows
        .map(|row| {
            format!(
                "{} {}{}",
                text(&row["applicationName"]),
                text(&row["did"]),
                person(row)
            )
        })
        .collect();
    format!(
        "{}: {}; {lines:?}; {} pending",
        text(&report["outcome"]),
        sums.join(", "),
        report["pending"].as_u64().unwrap_or(0)
    )
}

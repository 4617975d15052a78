//! The book of versions: what the ledger's row says about each, and what is added to it. Nothing is ever taken back.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lifecycle::{
    Action, Assessment, Decision, Deployed, FailedBefore, Faulted, Ledger, LedgerView, Only,
    Proven, Reason, Rescue, Step,
};
use serde::Serialize;
use serde_json::{Value, json};

use crate::Look;

/// How long a version ran undisturbed with records, at most, and until when.
const PROVEN: &str = "proven ";
/// When a version was left because it was to blame, and what it failed with.
const FAILED: &str = "failed ";
/// When a version was last seen in trouble, and what it failed with, whoever was to blame.
const FAULTED: &str = "faulted ";
/// When a version was started once more and did not run well for it.
const AGAIN: &str = "again ";

/// What to add to the row, as an update of DynamoDB's.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Remember {
    /// `SET #soaked = :soaked`.
    pub expression: String,
    /// The attributes.
    pub names: BTreeMap<String, String>,
    /// Their values, in DynamoDB's JSON.
    pub values: BTreeMap<String, Value>,
}

/// What an execution that ends leaves in the book; None when it found out nothing new.
pub(crate) fn remember(
    look: &Look,
    proven: Option<Proven>,
    known: &LedgerView,
    decision: &Decision,
    now: Timestamp,
) -> Option<Remember> {
    if !decision.action.is_final() {
        return None;
    }
    let (seen, assessment) = (&look.observation, &look.assessment);
    let version = seen.application.version_id;
    let mut entries: Vec<(&str, String, String)> = Vec::new();
    if matches!(assessment, Assessment::Healthy { .. }) {
        entries.push((
            "soaked",
            format!("{}{version}", Ledger::SOAKED),
            now.to_string(),
        ));
        let before = known.as_ref().ok().and_then(|it| it.proven.get(&version));
        let longer = proven.filter(|it| before.is_none_or(|before| before.secs < it.secs));
        entries.extend(longer.map(|it| {
            let value = format!("{} {}", it.secs, it.until);
            ("proven", format!("{PROVEN}{version}"), value)
        }));
    }
    let undone = decision.progress.rescue.as_ref();
    let undone = undone.filter(|_| decision.because == Reason::Recovered);
    // When it was undone, and not when that was seen to have helped.
    let undone_at = decision.progress.steps.last().map_or(now, |taken| taken.at);
    entries.extend(undone.and_then(|rescue| failed(rescue, undone_at)));
    let is_escalated = decision.action == Action::Escalate;
    let fault = lifecycle::fault_in_trouble(seen, &look.watch, assessment, is_escalated);
    entries.extend(fault.map(|fault| {
        let value = format!("{now} {}", fault.key());
        ("faulted", format!("{FAULTED}{version}"), value)
    }));
    let again = decision.progress.rescue.as_ref().filter(|rescue| {
        rescue.only == Some(Only::OnceMore)
            && decision.because != Reason::Recovered
            && decision.progress.is_used(Step::Start)
    });
    entries.extend(again.map(|rescue| {
        let name = format!("{AGAIN}{}", rescue.good_version_id);
        ("again", name, now.to_string())
    }));
    if entries.is_empty() {
        return None;
    }
    let sets: Vec<String> = entries
        .iter()
        .map(|(key, ..)| format!("#{key} = :{key}"))
        .collect();
    Some(Remember {
        expression: format!("SET {}", sets.join(", ")),
        names: entries
            .iter()
            .map(|(key, name, _)| (format!("#{key}"), name.clone()))
            .collect(),
        values: entries
            .iter()
            .map(|(key, _, value)| (format!(":{key}"), json!({ "S": value })))
            .collect(),
    })
}

/// The version that was left because it failed. One that was left for itself, that a person had changed without any fault, or that was rolled back on a word given ahead, was not
/// to blame.
fn failed(rescue: &Rescue, at: Timestamp) -> Option<(&'static str, String, String)> {
    let fault = rescue.fault.as_ref()?;
    if rescue.good_version_id == rescue.faulty_version_id || rescue.only.is_some() {
        return None;
    }
    let value = format!("{at} {}", fault.key());
    Some((
        "failed",
        format!("{FAILED}{}", rescue.faulty_version_id),
        value,
    ))
}

/// Reads the row. A value that does not parse makes it unreadable: what cannot be understood must not be acted on.
pub(crate) fn read(row: &BTreeMap<String, Value>) -> LedgerView {
    let mut ledger = Ledger::default();
    for (name, value) in row {
        let bad = || format!("the ledger's attribute {name:?} does not parse");
        let text = value["S"].as_str();
        if let Some(version) = name.strip_prefix(Ledger::SOAKED) {
            let at = text.and_then(|at| at.parse().ok()).ok_or_else(bad)?;
            ledger.soaked.insert(number(version).ok_or_else(bad)?, at);
        } else if let Some(version) = name.strip_prefix(PROVEN) {
            let (secs, until) = text.and_then(|it| it.split_once(' ')).ok_or_else(bad)?;
            let proven = Proven {
                secs: secs.parse().map_err(|_| bad())?,
                until: until.parse().map_err(|_| bad())?,
            };
            ledger
                .proven
                .insert(number(version).ok_or_else(bad)?, proven);
        } else if let Some(version) = name.strip_prefix(FAILED) {
            let (at, fault) = text.and_then(|it| it.split_once(' ')).ok_or_else(bad)?;
            let failed = FailedBefore {
                at: at.parse().map_err(|_| bad())?,
                fault: Some(fault.to_owned()),
            };
            ledger
                .failed
                .insert(number(version).ok_or_else(bad)?, failed);
        } else if let Some(version) = name.strip_prefix(AGAIN) {
            let at = text.and_then(|at| at.parse().ok()).ok_or_else(bad)?;
            ledger.again.insert(number(version).ok_or_else(bad)?, at);
        } else if let Some(version) = name.strip_prefix(Deployed::ATTRIBUTE) {
            // It is only told: one that does not parse is left out.
            let read = number(version).zip(text.and_then(Deployed::read));
            ledger.deployed.extend(read);
        } else if let Some(version) = name.strip_prefix(FAULTED) {
            let (at, fault) = text.and_then(|it| it.split_once(' ')).ok_or_else(bad)?;
            let faulted = Faulted {
                at: at.parse().map_err(|_| bad())?,
                fault: fault.to_owned(),
            };
            ledger
                .faulted
                .insert(number(version).ok_or_else(bad)?, faulted);
        }
    }
    Ok(ledger)
}

fn number(version: &str) -> Option<u64> {
    version.parse().ok()
}

//! Compares how a scenario ended with how it should have.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Script, fleet};
use crate::{
    region::{REMEDIATE, Region, SNAPSHOT_CHECK},
    script::{CheckSaid, Ends, Machine, Told},
    story::Rehearsal,
};

/// How a scenario ends in which an input is refused by letting the execution fail.
const REFUSED: &str = "none";

/// Whether an execution fails because its input is refused.
pub(super) fn is_refused(ends: &Ends) -> bool {
    ends.outcome == REFUSED
}

/// Everything that is not as it should be.
pub(super) fn complaints(
    scenario: &Script,
    ends: &Ends,
    rehearsal: &Rehearsal,
    code: &str,
    region: &Region,
) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut expect = |what: &str, is: &str, should: &str| {
        if is != should {
            complaints.push(format!("{what} is {is}, and should be {should}"));
        }
    };
    expect("the outcome", &rehearsal.outcome, &ends.outcome);
    let changed = rehearsal.actions.iter().filter(|action| action.changed);
    let changes: Vec<&str> = changed.map(|action| action.action.as_str()).collect();
    match &ends.counts {
        None => expect(
            "what Lifeguard changed",
            &format!("{changes:?}"),
            &format!("{:?}", ends.changes),
        ),
        Some(counts) => {
            for (verb, should) in counts {
                let is = changes.iter().filter(|change| *change == verb).count();
                expect(
                    &format!("the number of {verb}"),
                    &is.to_string(),
                    &should.to_string(),
                );
            }
        }
    }
    let status = ends.status.as_deref().unwrap_or("RUNNING");
    expect("the status", &rehearsal.application.status, status);
    expect("the code that runs", code, &code_in_the_end(scenario, ends));
    if !rehearsal.reason.contains(&ends.because) {
        complaints.push(format!(
            "the reason {:?} does not contain {:?}",
            rehearsal.reason, ends.because
        ));
    }
    if rehearsal.records.lost > 0 && !ends.may_lose_records {
        complaints.push(format!("{} records are lost", rehearsal.records.lost));
    }
    complaints.extend(ends.told.iter().filter_map(|told| heard(told, region)));
    complaints.extend(
        ends.mailed
            .iter()
            .filter_map(|told| mailed(told, rehearsal)),
    );
    complaints.extend(triggered(&ends.executions, region));
    complaints.extend(ends.looks.iter().filter_map(|looks| looked(*looks, region)));
    if ends.deletes_before_it_takes {
        complaints.extend(deletes_late(region));
    }
    if ends.of == Machine::SnapshotCheck {
        complaints.extend(said(ends, region));
    }
    if let Some(fleet) = &ends.fleet {
        complaints.extend(fleet::complaints(&scenario.world, fleet, region));
    }
    complaints
}

/// The code that should run in the end.
fn code_in_the_end(scenario: &Script, ends: &Ends) -> String {
    let present = || {
        let applications = scenario.world.applications.iter().flatten();
        let subject = scenario.subject();
        let written = applications
            .flat_map(crate::script::Application::each)
            .find(|(name, ..)| *name == subject)
            .and_then(|(_, application, _)| application.versions.last());
        written.map_or("orders-6.jar".to_owned(), |version| version.code.clone())
    };
    ends.code.clone().unwrap_or_else(present)
}

fn heard(told: &Told, region: &Region) -> Option<String> {
    let subject = format!("tells people: {}", told.subject);
    let entries = region.journal().entries();
    let times = entries
        .iter()
        .filter(|entry| entry.text.starts_with(&subject))
        .count();
    (times != told.times).then(|| {
        format!(
            "people were told {times} times of {:?}, and should be told {} times",
            told.subject, told.times
        )
    })
}

fn mailed(told: &Told, rehearsal: &Rehearsal) -> Option<String> {
    let subjects = rehearsal.mails.iter().map(|mail| &mail.subject);
    let times = subjects
        .filter(|subject| subject.starts_with(&told.subject))
        .count();
    (times != told.times).then(|| {
        format!(
            "people got {times} mails with {:?}, and should get {}",
            told.subject, told.times
        )
    })
}

/// Whether executions were started for these reasons, and for no others.
fn triggered(should: &[String], region: &Region) -> Option<String> {
    if should.is_empty() {
        return None;
    }
    let mut executions = region.executions_of(REMEDIATE);
    executions.sort_by_key(|execution| execution.started);
    let triggers: Vec<String> = executions
        .iter()
        .map(|execution| execution.input["trigger"].to_string())
        .collect();
    let fits = triggers.len() == should.len()
        && triggers
            .iter()
            .zip(should)
            .all(|(trigger, words)| trigger.contains(words));
    (!fits).then(|| {
        format!("the executions were started by {triggers:?}, and should be by {should:?}")
    })
}

fn looked(should: usize, region: &Region) -> Option<String> {
    let calls = region.journal().calls();
    let looks = calls
        .iter()
        .filter(|call| call.action == "CreateApplicationPresignedUrl")
        .count();
    (looks != should)
        .then(|| format!("the job was looked at {looks} times, and should be {should} times"))
}

fn deletes_late(region: &Region) -> Option<String> {
    let calls = region.journal().calls();
    let position = |actions: [&str; 2]| {
        calls
            .iter()
            .position(|call| actions.contains(&call.action.as_str()) && call.changed)
    };
    match (
        position(["DeleteApplicationSnapshot", "DeleteSnapshot"]),
        position(["CreateApplicationSnapshot", "CreateSnapshot"]),
    ) {
        (Some(deleted), Some(taken)) if deleted < taken => None,
        (deleted, taken) => Some(format!(
            "the first delete is call {deleted:?}, the snapshot call {taken:?}: deleting goes first"
        )),
    }
}

/// What the executions of the snapshot check said, held to the letter.
fn said(ends: &Ends, region: &Region) -> Vec<String> {
    let executions = region.executions_of(SNAPSHOT_CHECK);
    let reports: Vec<Value> = executions
        .iter()
        .map(|execution| execution.output.clone().unwrap_or_default())
        .collect();
    let mut complaints = Vec::new();
    if ends.no_other_checks && reports.len() != ends.checks.len() {
        complaints.push(format!(
            "{} snapshot checks ran, and should be {}",
            reports.len(),
            ends.checks.len()
        ));
    }
    for (number, should) in ends.checks.iter().enumerate() {
        let report = reports.get(number).cloned().unwrap_or_default();
        let is = CheckSaid {
            outcome: text(&report["outcome"]),
            because: text(&report["reason"]),
            sums: should.sums.as_ref().map(|_| sums(&report)),
            lines: should.lines.as_ref().map(|_| lines(&report)),
            pending: should
                .pending
                .map(|_| report["pending"].as_u64().unwrap_or(0)),
        };
        let same = is.because.contains(&should.because)
            && (&is.outcome, &is.sums, &is.lines, is.pending)
                == (&should.outcome, &should.sums, &should.lines, should.pending);
        if !same {
            complaints.push(format!(
                "snapshot check {} said {is:?}, and should say {should:?}",
                number + 1
            ));
        }
    }
    complaints
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn sums(report: &Value) -> BTreeMap<String, u64> {
    let sums = report["sums"].as_object().into_iter().flatten();
    sums.filter_map(|(name, sum)| Some((name.clone(), sum.as_u64().filter(|sum| *sum > 0)?)))
        .collect()
}

fn lines(report: &Value) -> Vec<String> {
    let rows = report["notable"].as_array().into_iter().flatten();
    rows.map(|row| {
        let person = if row["needsPerson"] == true {
            ", for a person"
        } else {
            ""
        };
        format!(
            "{} {}{person}",
            text(&row["applicationName"]),
            text(&row["did"])
        )
    })
    .collect()
}

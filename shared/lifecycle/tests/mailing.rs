//! Who is sent mail: what was changed, and what needs somebody. The rest is an event.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::{collections::BTreeMap, fs};

use lifecycle::{Decision, Ended, Reason, Severity, Step, mail};
use serde_json::{from_value, json, to_value};
use support::{rescues::*, *};

fn severity(case: &Case, decision: &Decision) -> Option<Severity> {
    mail(decision, &case.seen, case.request.is_some()).map(|mail| mail.severity)
}

fn must(case: &Case, action: &str, because: Reason, expected: Option<Severity>) {
    let decision = case.must(action, because);
    assert_eq!(severity(case, &decision), expected, "{}", decision.reason);
}

fn healthy() -> Case {
    an_application("orders")
        .made(hours(3))
        .healthy_for(hours(2))
        .with_snapshot("before-change", hours(4))
}

#[test]
fn what_is_left_alone_is_an_event() {
    must(&healthy(), "leaveAlone", Reason::Healthy, None);
    must(
        &healthy().not_opted_in(),
        "leaveAlone",
        Reason::NotOptedIn,
        None,
    );
    must(
        &healthy().status("DELETING"),
        "leaveAlone",
        Reason::Deleting,
        None,
    );
}

#[test]
fn who_was_told_of_trouble_hears_that_it_is_over() {
    let told = healthy().waiting_since(minutes(20));
    must(&told, "leaveAlone", Reason::RunsAgain, Some(Severity::Info));
}

#[test]
fn what_was_changed_is_mail() {
    let recovered = after_a_rollback().healthy_for(600);
    must(
        &recovered,
        "recovered",
        Reason::Recovered,
        Some(Severity::Info),
    );
}

#[test]
fn a_rescue_of_which_every_step_was_refused_changed_nothing() {
    let mut decision = after_a_rollback().healthy_for(600).decide();
    decision.progress.steps.truncate(1);
    decision.progress.steps[0].result = Some(refused());
    assert_eq!(severity(&healthy(), &decision), None);
    // An answer that was lost may hide a change.
    decision.progress.steps[0].result = Some(lost());
    assert_eq!(severity(&healthy(), &decision), Some(Severity::Info));
}

#[test]
fn a_persons_request_is_answered_whatever_comes_of_it() {
    let asked = healthy().not_opted_in().asked(rollback());
    must(
        &asked,
        "escalate",
        Reason::NotOptedIn,
        Some(Severity::Action),
    );
    let deleting = healthy().status("DELETING").asked(rollback());
    must(
        &deleting,
        "leaveAlone",
        Reason::Deleting,
        Some(Severity::Info),
    );
}

#[test]
fn what_lifeguard_left_down_is_a_page_whatever_the_reason() {
    let down = after_a_force_stop();
    let stopped = down.clone().stopped();
    must(
        &stopped,
        "escalate",
        Reason::StopSwitch,
        Some(Severity::Page),
    );
    let aborted = down.taking_over(Some(Ended::Aborted), None);
    let decision = aborted.decide();
    assert_eq!(decision.because, Reason::StoppedByPerson);
    assert_eq!(severity(&aborted, &decision), Some(Severity::Page));
}

#[test]
fn a_person_who_stopped_it_before_it_changed_anything_needs_no_mail() {
    let aborted = healthy().taking_over(Some(Ended::Aborted), None);
    must(&aborted, "leaveAlone", Reason::StoppedByPerson, None);
    let changed = after_a_rollback().taking_over(Some(Ended::Aborted), None);
    let decision = changed.decide();
    assert!(decision.progress.last(Step::Rollback).is_some());
    assert_eq!(severity(&changed, &decision), Some(Severity::Info));
}

/// Every reason that the source has, with its severity, is in the document's table, and no other. Those that end no execution are not.
#[test]
fn the_document_says_the_same() {
    const ON_THE_WAY: [&str; 6] = [
        "busy",
        "settling",
        "tooFewRestarts",
        "changeToBlame",
        "nextRung",
        "askedFor",
    ];
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let source = fs::read_to_string(format!("{root}/shared/lifecycle/src/action.rs")).unwrap();
    let reasons = source.split_once("pub enum Reason {").unwrap().1;
    let reasons = reasons.split_once('}').unwrap().0;
    // An old name stands in the line before the new one.
    let renamed = |before: &str| {
        let name = before.trim().strip_prefix("#[serde(rename = \"")?;
        name.strip_suffix("\")]").map(str::to_owned)
    };
    let lines: Vec<&str> = reasons.lines().collect();
    let expected: BTreeMap<String, String> = lines
        .windows(2)
        .filter_map(|pair| Some((pair[0], pair[1].trim().strip_suffix(',')?)))
        .map(|(before, name)| {
            let usual = || format!("{}{}", name[..1].to_lowercase(), &name[1..]);
            renamed(before).unwrap_or_else(usual)
        })
        .filter(|name| !ON_THE_WAY.contains(&name.as_str()))
        .map(|name| {
            let reason: Reason = from_value(json!(name)).unwrap();
            let severity = to_value(reason.severity()).unwrap();
            (name, severity.as_str().unwrap_or("none").to_owned())
        })
        .collect();
    let document = fs::read_to_string(format!("{root}/infra/README.md")).unwrap();
    let table = document.split_once("| Reason | Severity |").unwrap().1;
    let rows: BTreeMap<String, String> = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'))
        .map(|line| {
            let cells: Vec<&str> = line.trim_matches('|').split('|').collect();
            (
                cells[0].trim().trim_matches('`').to_owned(),
                cells[1].trim().to_owned(),
            )
        })
        .collect();
    assert_eq!(rows, expected);
}

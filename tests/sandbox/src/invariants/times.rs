//! W4, of times: what is said to be the first fault happened then, and what is said to be the trouble's begin lies neither before the version that is blamed for it nor in a time in
//! which the job ran well.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::Value;

use crate::{flink::Record, managed_flink::OperationView};

use super::{
    checker::Checker,
    invariant::{Invariant, Verdicts},
    mutation::short,
    notes::{ExecutionNotes, Line},
    rules::Rules,
    told::{Said, What},
};

/// Times are told to the second, and Flink notes a fault when it has cancelled the tasks.
const FAULT_SLACK: SignedDuration = SignedDuration::from_secs(5);
/// An update stops the job some seconds after it begins, and the service stamps a version a moment before or after.
const STAMP_SLACK: SignedDuration = SignedDuration::from_secs(120);
/// A job that ran well for a soak and so much more was in no trouble: a back-off of Flink, and what CloudWatch's whole minutes may lack.
const WELL_SLACK_SECS: i64 = 180;
/// So a mail says since when.
const SINCE: [&str; 4] = ["failing since ", "fails since ", "Down since ", "first at "];
const FIRST: &str = "first at ";

/// A time that was told.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    at: Timestamp,
    /// As what.
    as_what: &'static str,
    /// It is the time of a fault, and not only of a trouble's begin.
    is_fault: bool,
}

pub(super) fn check(
    checker: &Checker,
    verdicts: &mut Verdicts,
    executions: &BTreeMap<String, ExecutionNotes>,
    said: &Said<'_>,
) {
    let told = match said.what {
        What::Event(detail) => in_event(detail),
        What::Mail(text) => in_mail(text, said.at),
    };
    let name = said.notes.application.as_str();
    let record = checker.region.flink().record(name);
    let began = began(executions, said);
    let view = checker.region.flink().application(name);
    let operations = view.map_or_else(Vec::new, |view| view.operations);
    let standing = checker.region.flink().standing(name);
    let tags = standing.map(|standing| standing.tags).unwrap_or_default();
    let well_secs = Rules::of(&checker.premises.policy, &tags).soak_secs + WELL_SLACK_SECS;
    for one in &told {
        let happened =
            !one.is_fault || one.at < checker.region.opened() || happened(&record, one.at);
        verdicts.check(Invariant::W4, happened, said.at, name, || {
            format!(
                "{} tells {one:?}, and nothing failed then",
                short(said.execution)
            )
        });
        let well = ran_well_after(&record, one.at, began, well_secs);
        let well = well.filter(|(_, until)| one.is_fault || !ended_in(&operations, one.at, *until));
        verdicts.check(Invariant::W4, well.is_none(), said.at, name, || {
            format!(
                "{} tells {one:?}, and the job ran well from then on: {well:?}",
                short(said.execution)
            )
        });
    }
    if let What::Event(detail) = said.what {
        before_the_version(checker, verdicts, executions, said, detail);
    }
}

/// When the rescue began, with those that it goes on with.
fn began(executions: &BTreeMap<String, ExecutionNotes>, said: &Said<'_>) -> Timestamp {
    let line = Line::of(executions, &said.notes.line);
    let before = line.finishes().map(|one| Line::of(executions, one).began());
    let own = line.began().unwrap_or(said.notes.began);
    before.flatten().map_or(own, |before| before.min(own))
}

fn happened(record: &Record, at: Timestamp) -> bool {
    let near = |other: Timestamp| at.duration_since(other).abs() <= FAULT_SLACK;
    record.faults.iter().copied().any(near) || record.launches.iter().map(|one| one.at).any(near)
}

/// A time of a soak that ended before the rescue began, and after what is told to be the begin of its trouble.
fn ran_well_after(
    record: &Record,
    told: Timestamp,
    began: Timestamp,
    well_secs: i64,
) -> Option<(Timestamp, Timestamp)> {
    let well = record.ran.iter().find(|one| {
        one.secs() >= well_secs && one.until <= began && told + STAMP_SLACK < one.until
    });
    well.map(|one| (one.from, one.until))
}

/// An operation began at the time that is told, and the job ran on in it for as long as its snapshot took: nobody but the service knows how long that was.
fn ended_in(operations: &[OperationView], told: Timestamp, until: Timestamp) -> bool {
    operations.iter().any(|one| {
        told.duration_since(one.started).abs() <= SignedDuration::from_secs(1)
            && one.ended.is_none_or(|ended| until <= ended)
    })
}

/// A change is blamed only for what began after it was made.
fn before_the_version(
    checker: &Checker,
    verdicts: &mut Verdicts,
    executions: &BTreeMap<String, ExecutionNotes>,
    said: &Said<'_>,
    detail: &Value,
) {
    let rescue = &detail["rescue"];
    let asked = Line::of(executions, &said.notes.line).was_asked_for();
    let (Some(faulty), Some(fault_at), false) = (
        rescue["faultyVersionId"].as_i64(),
        moment(&rescue["faultAt"]),
        asked || !detail["request"].is_null(),
    ) else {
        return;
    };
    let name = said.notes.application.as_str();
    let versions = checker.region.flink().versions(name);
    let Some(made) = versions
        .iter()
        .find(|one| one.id == faulty)
        .map(|one| one.created)
    else {
        return;
    };
    let holds = fault_at + STAMP_SLACK >= made;
    verdicts.check(Invariant::W4, holds, said.at, name, || {
        format!(
            "{} blames version {faulty}, made at {made:.0}, for what began at {fault_at:.0}",
            short(said.execution)
        )
    });
}

fn moment(value: &Value) -> Option<Timestamp> {
    value.as_str().and_then(|at| at.parse().ok())
}

fn in_event(detail: &Value) -> Vec<Told> {
    let asked = !detail["request"].is_null();
    let times = [
        (&detail["firstFault"]["at"], "the first fault", true),
        (
            &detail["rescue"]["faultAt"],
            "when the trouble began",
            false,
        ),
        (&detail["impact"]["downFrom"], "down from", false),
    ];
    let told = |(value, as_what, is_fault): (&Value, &'static str, bool)| {
        let at = moment(value).filter(|_| is_fault || !asked)?;
        Some(Told {
            at,
            as_what,
            is_fault,
        })
    };
    times.into_iter().filter_map(told).collect()
}

fn in_mail(text: &str, sent: Timestamp) -> Vec<Told> {
    let of = |words: &'static str| {
        let after = text.split(words).skip(1);
        after.filter_map(move |rest| {
            Some(Told {
                at: clock(rest, sent)?,
                as_what: words,
                is_fault: words == FIRST,
            })
        })
    };
    SINCE.into_iter().flat_map(of).collect()
}

/// The moment of that day, `02:50:36`, with which a text begins: it is told with its date where it is not today.
pub(super) fn clock(text: &str, sent: Timestamp) -> Option<Timestamp> {
    let time: jiff::civil::Time = text.get(..8)?.parse().ok()?;
    let day = sent.to_zoned(TimeZone::UTC).date();
    let at = day.to_datetime(time).to_zoned(TimeZone::UTC).ok()?;
    Some(at.timestamp())
}

#[cfg(test)]
mod tests {
    use crate::{flink::Ran, managed_flink::OperationStatus};

    use super::*;

    fn at(text: &str) -> Timestamp {
        format!("2026-03-04T{text}Z").parse().expect("a date")
    }

    fn record() -> Record {
        Record {
            ran: vec![Ran {
                content: 1,
                from: at("01:00:00"),
                until: at("02:00:00"),
                checkpoint_secs: Some(60),
            }],
            faults: vec![at("02:00:00"), at("02:10:00")],
            launches: Vec::new(),
        }
    }

    #[test]
    fn the_times_of_a_mail_are_read_as_they_stand() {
        let text = "orders has been failing since 02:49:05 UTC (2 min).\nWHY        No, in task \"enrich\", first at 02:49:06 UTC\nfails since 3 Mar 02:49:05 UTC";
        let told: Vec<_> = in_mail(text, at("02:52:00"))
            .into_iter()
            .map(|one| (one.at, one.is_fault))
            .collect();
        assert_eq!(told, [(at("02:49:05"), false), (at("02:49:06"), true)]);
    }

    #[test]
    fn a_fault_is_told_when_it_happened() {
        assert!(happened(&record(), at("02:10:04")));
        assert!(!happened(&record(), at("02:05:00")));
    }

    #[test]
    fn a_job_may_run_on_in_the_operation_that_ends_it() {
        let update = OperationView {
            kind: "UpdateApplication".to_owned(),
            status: OperationStatus::Successful,
            started: at("01:55:00"),
            ended: Some(at("02:01:00")),
            error: None,
        };
        let of = |told| ended_in(std::slice::from_ref(&update), at(told), at("02:00:00"));
        assert!(of("01:55:00") && !of("01:54:00") && !of("01:57:00"));
        assert!(!ended_in(&[update], at("01:55:00"), at("02:02:00")));
    }

    #[test]
    fn no_trouble_begins_before_a_time_that_was_well() {
        let (record, began) = (record(), at("02:12:00"));
        let well = |told| ran_well_after(&record, told, began, 483).is_some();
        assert!(well(at("00:59:00")) && well(at("01:30:00")));
        assert!(!well(at("01:59:00")) && !well(at("02:10:00")));
        assert!(ran_well_after(&record, at("01:30:00"), at("01:45:00"), 483).is_none());
    }
}

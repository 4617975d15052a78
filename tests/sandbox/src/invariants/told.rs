//! W4, of steps: each that people are told of as done is in the region's record, none that took effect is missing, and the snapshot that is named is the one that was restored.
//!
//! An outcome lists its steps for machines, a mail has a block DONE. Both are read here as anybody would read them.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use crate::managed_flink::OperationView;

use super::{
    checker::Checker,
    invariant::{Invariant, Verdicts},
    mutation::short,
    notes::{ExecutionNotes, Line},
    times,
};

/// A step is decided, sent and stamped within this time.
const STEP: SignedDuration = SignedDuration::from_secs(300);
/// Between the last look and the report that stands on it somebody else may launch.
const LOOK: SignedDuration = SignedDuration::from_secs(300);
/// Between the announcement of a step and the step.
const ANNOUNCED: SignedDuration = SignedDuration::from_secs(5);
/// What a report says of a step that was certainly not carried out.
const NOT_DONE: [&str; 3] = ["refused", "not sent", "not carried out"];
/// The same for machines.
const REFUSALS: [&str; 8] = [
    "Lifeguard.Refused",
    "Lifeguard.CannotCarry",
    "Lifeguard.NotAllowed",
    "Lifeguard.BadInput",
    "Lifeguard.Internal",
    "Lifeguard.Retryable",
    "Lambda.TooManyRequestsException",
    "Lifeguard.Stale",
];
/// Labels and lines under them begin at these columns.
const DONE: &str = "DONE       ";
const UNDER: &str = "           ";
/// So a report names what was restored.
const RESTORED: &str = "restored from snapshot ";

/// A step as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    verb: String,
    /// When it was decided or begun.
    at: Option<Timestamp>,
    /// It took effect, as is said.
    done: bool,
    /// It certainly did not, as is said.
    refused: bool,
    /// The version it was done to, where one is named.
    version: Option<i64>,
}

/// Something that people were told.
pub(super) struct Said<'a> {
    /// By which execution.
    pub(super) execution: &'a str,
    pub(super) notes: &'a ExecutionNotes,
    pub(super) at: Timestamp,
    pub(super) what: What<'a>,
}

/// As an event, or in words.
pub(super) enum What<'a> {
    Event(&'a Value),
    Mail(&'a str),
}

pub(super) fn check(checker: &Checker, verdicts: &mut Verdicts, messages: &[Value]) {
    let executions = std::mem::take(&mut checker.book().executions);
    for said in messages.iter().filter_map(|one| said(&executions, one)) {
        steps(checker, verdicts, &executions, &said);
        restored(checker, verdicts, &said);
        times::check(checker, verdicts, &executions, &said);
    }
    checker.book().executions = executions;
}

fn said<'a>(
    executions: &'a BTreeMap<String, ExecutionNotes>,
    message: &'a Value,
) -> Option<Said<'a>> {
    let detail = &message["event"]["detail"];
    if detail["steps"].is_array() {
        let (execution, notes) = executions.get_key_value(detail["execution"].as_str()?)?;
        return Some(Said {
            execution,
            notes,
            at: detail["endedAt"].as_str()?.parse().ok()?,
            what: What::Event(detail),
        });
    }
    let text = message["message"]
        .as_str()
        .filter(|_| message["service"] == "sns")?;
    let link = text.lines().find(|line| line.starts_with("Execution  "))?;
    let arn = link.rsplit("/details/").next()?;
    let (execution, notes) = executions.get_key_value(arn.trim())?;
    Some(Said {
        execution,
        notes,
        at: message["at"].as_str()?.parse().ok()?,
        what: What::Mail(text),
    })
}

fn verb_of(step: &str) -> &'static str {
    match step {
        "rollback" => "RollbackApplication",
        "forceStop" => "StopApplication",
        "restoreConfiguration" => "UpdateApplication",
        _ => "StartApplication",
    }
}

fn in_event(detail: &Value) -> Vec<Step> {
    let step = |one: &Value| {
        let result = &one["result"];
        let error = result["error"].as_str().unwrap_or_default();
        let unsent = result["message"]
            .as_str()
            .is_some_and(|text| text.starts_with("it was not sent: "));
        Step {
            verb: verb_of(one["step"].as_str().unwrap_or_default()).to_owned(),
            at: one["at"].as_str().and_then(|at| at.parse().ok()),
            // What names no operation may have been so already.
            done: result["is"] == "accepted" && result["operationId"].is_string(),
            refused: REFUSALS.contains(&error) || unsent,
            version: one["versionId"].as_i64(),
        }
    };
    detail["steps"]
        .as_array()
        .into_iter()
        .flatten()
        .map(step)
        .collect()
}

/// The lines of DONE: `02:53:00 RollbackApplication 3 -> 2: done after 1 min 11 s`.
fn in_mail(text: &str, sent: Timestamp) -> Vec<Step> {
    let mut lines = text.lines().skip_while(|line| !line.starts_with(DONE));
    let first = lines.next().and_then(|line| line.strip_prefix(DONE));
    let under = lines.map_while(|line| line.strip_prefix(UNDER));
    first
        .into_iter()
        .chain(under)
        .filter_map(|line| step(line, sent))
        .collect()
}

fn step(line: &str, sent: Timestamp) -> Option<Step> {
    let (what, came_of) = line.split_once(": ")?;
    let at = what.split_once("Application").map(|(before, _)| before)?;
    let verb = at.split_whitespace().last()?.to_owned() + "Application";
    let version = what
        .split_once("RollbackApplication ")
        .and_then(|(_, rest)| rest.split(' ').next()?.parse().ok());
    let accepted = came_of.starts_with("accepted") || came_of.starts_with("done");
    Some(Step {
        verb,
        at: times::clock(what, sent),
        done: accepted || came_of.contains(", but done") || came_of.contains(", but accepted"),
        refused: NOT_DONE.iter().any(|word| came_of.starts_with(word)),
        version,
    })
}

fn steps(
    checker: &Checker,
    verdicts: &mut Verdicts,
    executions: &BTreeMap<String, ExecutionNotes>,
    said: &Said<'_>,
) {
    let (told, as_what) = match said.what {
        What::Event(detail) => (in_event(detail), "an outcome"),
        What::Mail(text) => (in_mail(text, said.at), "a mail"),
    };
    let name = said.notes.application.as_str();
    let line = Line::of(executions, &said.notes.line);
    let before = line.finishes().map(|one| Line::of(executions, one));
    let lines = || std::iter::once(&line).chain(&before);
    let operations = checker
        .region
        .flink()
        .application(name)
        .map_or_else(Vec::new, |view| view.operations);
    for step in told.iter().filter(|step| step.done) {
        let by_us = lines().flat_map(Line::effects).any(|effect| {
            effect.verb == step.verb
                && effect.at <= said.at
                && step.version.is_none_or(|version| version == effect.version)
        });
        // Its effect may have been there already; and of an application that is gone nothing is known.
        let there = operations.is_empty() || operations.iter().any(|one| fits(one, step));
        verdicts.check(Invariant::W4, by_us || there, said.at, name, || {
            format!(
                "{as_what} of {} tells {step:?} as done, and the service has no record of it",
                short(said.execution)
            )
        });
    }
    for effect in &said.notes.effects {
        // A step is announced before it is sent.
        if effect.at + ANNOUNCED > said.at {
            continue;
        }
        let listed = told
            .iter()
            .any(|step| step.verb == effect.verb && !step.refused);
        verdicts.check(Invariant::W4, listed, said.at, name, || {
            format!(
                "{as_what} of {} does not tell that {} took effect at {:.0}: {told:?}",
                short(said.execution),
                effect.verb,
                effect.at
            )
        });
    }
}

/// Whether an operation is what a step tells of. One that only differs in its name is the service's own rollback.
fn fits(operation: &OperationView, step: &Step) -> bool {
    let kind = operation.kind.starts_with(&step.verb)
        || step.verb == "RollbackApplication" && operation.kind.contains("Rollback");
    kind && step
        .at
        .is_none_or(|at| operation.started >= at - STEP && operation.started <= at + STEP)
}

/// The snapshot that is named is the one that the present job was launched from, or the one before the service restarted it by itself.
fn restored(checker: &Checker, verdicts: &mut Verdicts, said: &Said<'_>) {
    let text = match said.what {
        What::Event(detail) => detail["reason"].as_str().unwrap_or_default(),
        What::Mail(text) => text,
    };
    let Some((_, rest)) = text.split_once(RESTORED) else {
        return;
    };
    let named: &str = rest
        .split([',', ';', ' ', '\n'])
        .next()
        .unwrap_or_default()
        .trim_end_matches('.');
    let name = said.notes.application.as_str();
    let record = checker.region.flink().record(name);
    let launches = record.launches.iter().rev().filter(|one| one.at <= said.at);
    let view = checker.region.flink().application(name);
    let operations = view.map(|view| view.operations).unwrap_or_default();
    let by_service = |at: Timestamp| {
        operations.iter().any(|one| {
            ["AutoScaling", "Maintenance"]
                .iter()
                .any(|own| one.kind.contains(own))
                && one.started <= at
                && one.ended.is_none_or(|ended| at <= ended)
        })
    };
    let mut restored: Vec<Option<&str>> = Vec::new();
    for launch in launches {
        restored.push(launch.restored.as_deref());
        let is_meanwhile = restored.len() == 1 && said.at.duration_since(launch.at) < LOOK;
        if !is_meanwhile && !by_service(launch.at) {
            break;
        }
    }
    let holds = restored.is_empty() || restored.contains(&Some(named));
    verdicts.check(Invariant::W4, holds, said.at, name, || {
        format!(
            "{} tells that {named} was restored, and it was {restored:?}",
            short(said.execution)
        )
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &str = "orders is processing again.

DONE       02:51:20 StopApplication with Force, version 3: done after 10 s
           02:51:30 UpdateApplication to the configuration of version 2: refused: no
           02:53:00 RollbackApplication 3 -> 2: no answer (States.Timeout), but done
CHECKED    Every subtask up";

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a date")
    }

    #[test]
    fn the_steps_of_a_mail_are_read_as_they_stand() {
        let told = in_mail(MAIL, at("2026-03-04T02:59:47Z"));
        let read: Vec<_> = told
            .iter()
            .map(|step| (step.verb.as_str(), step.done, step.refused, step.version))
            .collect();
        assert_eq!(
            read,
            [
                ("StopApplication", true, false, None),
                ("UpdateApplication", false, true, None),
                ("RollbackApplication", true, false, Some(3)),
            ]
        );
        assert_eq!(told[0].at, Some(at("2026-03-04T02:51:20Z")));
    }

    #[test]
    fn what_was_not_sent_is_no_effect_for_machines_either() {
        let detail = serde_json::json!({ "steps": [
            { "step": "rollback", "result": { "is": "failed", "error": "Lifeguard.TooLate", "message": "it was not sent: the deadline" } },
            { "step": "start", "result": { "is": "failed", "error": "States.Timeout", "message": "" } },
            { "step": "forceStop", "result": { "is": "accepted", "operationId": "op-1" } },
            { "step": "restoreConfiguration", "result": { "is": "accepted", "operationId": null } },
        ] });
        let told = in_event(&detail);
        let read: Vec<_> = told.iter().map(|step| (step.done, step.refused)).collect();
        assert_eq!(
            read,
            [(false, true), (false, false), (true, false), (false, false)]
        );
    }
}

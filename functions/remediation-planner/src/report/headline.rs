//! The sentences that stand first: how it is, and what Lifeguard did.

use lifecycle::{Action, Assessment, Reason, Step, because, lasting};

use super::facts::Facts;

pub(super) fn of(facts: &Facts<'_>) -> String {
    format!("{} {}", state(facts), deed(facts))
}

fn state(facts: &Facts<'_>) -> String {
    let name = facts.name();
    let status = &facts.application().status;
    if facts.is_down {
        return format!("{name} IS DOWN ({status}): Lifeguard stopped it.");
    }
    let since = |at| {
        format!(
            "since {} ({})",
            because::moment(at, facts.now),
            lasting(facts.secs_since(at))
        )
    };
    match facts.assessment() {
        Assessment::Healthy { .. } => {
            let was_broken = facts.decision.progress.waiting_since.is_some()
                || facts.decision.because == Reason::RunsAgain
                || facts.decision.action == Action::Recovered && facts.event.request.is_none();
            let again = if was_broken { " again" } else { "" };
            format!("{name} is processing{again}.")
        }
        Assessment::Looping {
            since: at,
            restarts,
            ..
        } => format!(
            "{name} has been failing {}, {restarts} restarts.",
            since(*at)
        ),
        Assessment::ComesBack { since, times, .. } => format!(
            "{name} has failed {times} times since {} with the same fault, and ran in between.",
            because::moment(*since, facts.now)
        ),
        Assessment::Failed { .. } => format!("{name} failed and does not run; it is {status}."),
        Assessment::NoProgress { since: at, .. } => {
            format!(
                "{name} runs, and has completed no checkpoint {}.",
                since(*at)
            )
        }
        Assessment::Busy { status, since: at } => {
            format!("{name} has been {status} {}.", since(*at))
        }
        Assessment::Settling { .. } => {
            format!("{name} is {status} and has not run well for long enough yet.")
        }
        Assessment::Finished => format!("{name} has finished."),
        Assessment::Stopped { .. } => format!("{name} is stopped."),
        Assessment::Unknown { .. } => {
            format!("What is wrong with {name}, if anything, cannot be told.")
        }
    }
}

fn deed(facts: &Facts<'_>) -> String {
    let carried_out: Vec<_> = facts
        .steps
        .iter()
        .filter(|one| one.was_carried_out())
        .collect();
    if facts.decision.because == Reason::SystemRolledBack {
        let from = facts.application().version_rolled_back_from;
        let version = from.map_or(String::new(), |from| format!(" version {from}"));
        return format!("The service rolled{version} back by itself; Lifeguard changed nothing.");
    }
    if carried_out.is_empty() {
        let nothing = if facts.steps.is_empty() {
            "Lifeguard changed nothing."
        } else {
            "Lifeguard tried to help and, as far as is known, changed nothing."
        };
        return nothing.to_owned();
    }
    let did = |step| carried_out.iter().any(|one| one.is(step));
    let is_fixed = facts.decision.action == Action::Recovered;
    match &facts.decision.progress.rescue {
        Some(rescue) if is_fixed => {
            let (faulty, good) = (rescue.faulty_version_id, rescue.good_version_id);
            let asked = facts.event.request.is_some();
            let failed = if asked {
                String::new()
            } else {
                format!("Version {faulty} failed. ")
            };
            let as_asked = if asked { ", as asked" } else { "" };
            if did(Step::Start) && faulty != good {
                format!(
                    "{failed}Lifeguard put the configuration of version {good} back and started it{as_asked}."
                )
            } else if did(Step::Start) {
                format!("Lifeguard started version {good} again{as_asked}.")
            } else {
                format!("{failed}Lifeguard rolled it back to version {good}{as_asked}.")
            }
        }
        _ if facts.decision.because == Reason::Stopped => {
            "Lifeguard stopped it, as asked.".to_owned()
        }
        _ => "DONE says what Lifeguard tried.".to_owned(),
    }
}

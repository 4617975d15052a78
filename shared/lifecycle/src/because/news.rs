//! The line of news in a subject, and the few words that say what to do.

use super::About;
use crate::{ApplicationStatus, Reason, lasting};

/// What a subject says after the application's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct News {
    /// What happened.
    pub what: String,
    /// What to do; None where there is nothing.
    pub ask: Option<String>,
}

/// The news of a decision for this reason.
#[must_use]
pub fn news(reason: Reason, about: &About<'_>) -> News {
    let (mut what, ask) = by_reason(reason, about);
    if about.is_down {
        return News {
            what: "stopped by Lifeguard".to_owned(),
            ask: Some(format!("start it: {what}")),
        };
    }
    if let Some(secs) = about.failing_secs.filter(|_| what.starts_with("failing")) {
        let rest = what.split_off("failing".len());
        what = format!("failing for {}{rest}", lasting(secs));
    }
    let revert = about
        .undone_version_id
        .map(|version| format!("revert version {version} in your pipeline"));
    News {
        what,
        ask: ask.map(str::to_owned).or(revert),
    }
}

fn by_reason(reason: Reason, about: &About<'_>) -> (String, Option<&'static str>) {
    let (what, ask) = match reason {
        Reason::NotFlink => ("not a Flink application", Some("remove its tag")),
        Reason::NotOptedIn => ("not opted in", Some("tag it")),
        Reason::OtherStack => ("belongs to another stack", Some("ask there")),
        Reason::PolicyUnclear => ("its tags are unclear, not helped", Some("correct them")),
        Reason::ObserveOnly => ("failing, only observed", Some("roll it back yourself")),
        Reason::RequestRefused => ("request refused", Some("correct it")),
        Reason::LedgerUnreadable => ("failing, ledger unreadable", Some("look at its table")),
        Reason::ReadingRefused => ("a reading of it is refused", Some("allow the reading")),
        Reason::BudgetSpent => (
            "failing, today's rescues are used",
            Some("stop its pipeline"),
        ),
        Reason::AppliedAgain => ("failing, applied a third time", Some("freeze its pipeline")),
        Reason::OperationStuck => {
            let status = about.status.to_string();
            return (
                format!("{status} does not end"),
                Some("open a support case"),
            );
        }
        Reason::SettlingTooLong => ("does not come up", Some("look at its tasks")),
        Reason::Unknown => ("cannot tell what is wrong", Some("look at it")),
        Reason::NoProgress => ("no checkpoint completes", Some("look at backpressure")),
        Reason::NotTheChange => ("failing, no change is to blame", Some("fix what it names")),
        Reason::HadWorked => (
            "failing, had run well, not touched",
            Some("check its sources"),
        ),
        Reason::CommonCause => {
            let others = match about.others {
                0 => "others".to_owned(),
                others => format!("{others} others"),
            };
            return (
                format!("failing like {others}, not touched"),
                Some("check what they share"),
            );
        }
        Reason::Suspected if *about.status == ApplicationStatus::Ready => {
            ("down, nothing starts it", Some("decide and start it"))
        }
        Reason::Suspected => (
            "failing, maybe its last change",
            Some("decide on a rollback"),
        ),
        Reason::NoVersion => ("failing, no version to go back to", Some("deploy a fix")),
        Reason::NoSnapshot => ("failing, no snapshot to go back to", Some("choose")),
        Reason::KeyNotUsable => ("failing, its key is not ours to use", Some("allow the key")),
        Reason::UnknownSetting => ("failing, with a setting unknown here", Some("read it")),
        Reason::ForceStopDisabled => ("needs a step switched off here", Some("do it yourself")),
        Reason::StopSwitch => ("held by the stop switch", Some("lift it")),
        Reason::StopSwitchUnreadable => {
            ("stop switch unreadable", Some("look at the ledger table"))
        }
        Reason::EveryStepUsed if about.is_well => {
            ("runs, but not as planned", Some("read what was done"))
        }
        Reason::EveryStepUsed => ("failing after every step", Some("deploy a fix")),
        Reason::SomebodyElseActed => ("somebody else changed it", Some("agree with them")),
        Reason::Deadline => ("not well at the deadline", Some("look at it")),
        Reason::Redriven => ("execution was redriven", Some("start a new one")),
        Reason::RequestInterrupted => ("request was interrupted", Some("ask again")),
        Reason::Busy => ("the service is at work", None),
        Reason::Deleting => ("is being deleted", None),
        Reason::Settling => ("is coming up", None),
        Reason::TooFewRestarts => ("restarted", None),
        Reason::Healthy => ("runs well", None),
        Reason::RunsAgain => ("runs again by itself", None),
        Reason::SystemRolledBack => ("rolled back by the service", None),
        Reason::Stopped if about.request.is_some() => ("stopped, as asked", None),
        Reason::Stopped => ("is stopped", None),
        Reason::Quiet => ("silenced by its tag", None),
        Reason::StoppedByPerson => ("left alone, a person stopped Lifeguard", None),
        Reason::Finished => ("has finished", None),
        Reason::ChangeToBlame | Reason::NextStep => ("failing after a change", None),
        Reason::AskedFor => ("about to be changed, as asked", None),
        Reason::Recovered if about.request.is_some() => ("running again, as asked", None),
        Reason::Recovered => ("running again", None),
    };
    (what.to_owned(), ask)
}

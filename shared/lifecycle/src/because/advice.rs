//! What to do, by the reason for which an execution ends or goes on.

use super::About;
use crate::{ApplicationStatus, Reason};

/// What people are asked to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Advice {
    /// What to do, in order.
    pub steps: Vec<String>,
    /// Or the ways among which a person has to choose.
    pub choices: Vec<String>,
    /// What to do when it runs again.
    pub afterwards: Vec<String>,
}

impl Advice {
    /// Nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn of<const N: usize>(steps: [String; N]) -> Self {
        Self {
            steps: steps.into(),
            ..Self::default()
        }
    }
}

/// What a decision for this reason asks people to do; empty where it asks nothing.
#[must_use]
pub fn advice(reason: Reason, about: &About<'_>) -> Advice {
    let mut advice = by_reason(reason, about);
    if about.is_down {
        let start = format!(
            "{} is down: start it with what is stored: {}",
            about.name,
            about.start_by_hand()
        );
        advice.steps.insert(0, start);
    }
    advice.steps.extend(revert(reason, about));
    advice
}

/// What infrastructure as code does not know of.
fn revert(reason: Reason, about: &About<'_>) -> Option<String> {
    let version = about.undone_version_id?;
    if reason == Reason::NotTheChange {
        return Some(format!(
            "Version {version} was undone and is not to blame: deploy it again when it runs."
        ));
    }
    Some(format!(
        "Revert or fix version {version} in Terraform, CloudFormation or your pipeline before its next run; it would bring version {version} back."
    ))
}

#[expect(
    clippy::too_many_lines,
    reason = "one arm for each reason, and no wildcard: a new reason has to be given one"
)]
fn by_reason(reason: Reason, about: &About<'_>) -> Advice {
    let name = about.name;
    match reason {
        Reason::NotFlink => Advice::of([format!(
            "Remove the tag, so that no alarm starts Lifeguard for {name}: {}",
            about.opt_out()
        )]),
        Reason::NotOptedIn => Advice::of([format!(
            "If Lifeguard is to look after {name}: {}",
            about.opt_in()
        )]),
        Reason::OtherStack => Advice::of([format!(
            "Ask the stack that {name}'s tag lifeguard:stack names, or correct that tag."
        )]),
        Reason::PolicyUnclear => Advice::of([
            "Correct the tags that POLICY names.".to_owned(),
            format!("Then let Lifeguard look again: {}", about.go_on()),
        ]),
        Reason::ObserveOnly => Advice::of([
            "Read WHY. If the present version is to blame, roll it back yourself: ".to_owned()
                + &about.roll_back_by_hand(),
            "To let Lifeguard do it next time, deploy the stack with Mode=act.".to_owned(),
        ]),
        Reason::RequestRefused => Advice::of([
            "Correct the request as WHY says, and start a new execution. infra/README.md lists what can be asked for.".to_owned(),
        ]),
        Reason::LedgerUnreadable => Advice::of([
            "Look at the ledger table: its permissions, and the row of this application.".to_owned(),
            format!("Then let Lifeguard look again: {}", about.go_on()),
        ]),
        Reason::ReadingRefused => Advice::of([
            "If WHY says that it is not permitted: give the action that it names back to that role, or deploy the stack again. A policy of your organization may deny it too.".to_owned(),
            "If WHY says that the service does not do that here: ask AWS Support. Lifeguard cannot rescue without it.".to_owned(),
            format!("Then let Lifeguard look again: {}", about.go_on()),
            format!("If you know that the last change is to blame, roll it back yourself: {}", about.roll_back_by_hand()),
        ]),
        Reason::BudgetSpent => Advice::of([
            format!("Stop the pipeline that deploys {name}: its changes fail again and again."),
            format!("If you want it rolled back once more: {}", about.roll_back()),
        ]),
        Reason::AppliedAgain => Advice::of([
            format!("Freeze the pipeline that deploys {name}, and revert or fix version {} there: it applies what was undone.", about.version_id),
            format!("Then roll it back: {}", about.roll_back()),
        ]),
        Reason::OperationStuck => Advice::of([
            format!("Open a support case: the service has to end {}.", about.status),
            format!("If you would rather force-stop it and start it from a snapshot: {}", about.restore(about.good_version_id)),
        ]),
        Reason::SettlingTooLong => Advice::of([
            "Look in the Flink dashboard which tasks do not come up.".to_owned(),
            "If they only need longer, set the tag lifeguard:settle-timeout.".to_owned(),
            format!("If you know that the last change is to blame: {}", about.roll_back()),
        ]),
        Reason::Unknown => Advice::of([
            format!("Look at {name} in the console: Lifeguard cannot read what WHY names."),
            format!("Then let Lifeguard look again: {}", about.go_on()),
        ]),
        Reason::NoProgress => Advice::of([
            "Look in the Flink dashboard at backpressure and at why checkpoints fail.".to_owned(),
            format!("If you know that the last change is to blame: {}", about.roll_back()),
        ]),
        // It was rolled back already, which did not help.
        Reason::NotTheChange if about.undone_version_id.is_some() => Advice::of([
            "Fix what WHY names: no change is to blame.".to_owned(),
            retried(about),
        ]),
        Reason::NotTheChange => outside(about, "Fix what WHY names: no change is to blame."),
        Reason::HadWorked => outside(
            about,
            "Check what the job depends on (brokers, permissions, quotas, its input): the version had run well.",
        ),
        Reason::CommonCause => outside(
            about,
            "Check what the applications that WHY names share (a broker, the network, a role, a quota): this one message is for all of them.",
        ),
        Reason::Suspected if *about.status == ApplicationStatus::Ready => Advice::of([
            "Read in WHY what brought it down, and whether it was changed since.".to_owned(),
            format!(
                "If what is stored is right, start it, nothing does so by itself: {}",
                about.restore(None)
            ),
            format!("If you know a version that worked, put its number for N: {}", about.restore(None).replacen(
                r#""action":"restore""#, r#""action":"restore","applicationVersionId":N"#, 1)),
        ]),
        Reason::Suspected => Advice::of([
            "Read in WHY what speaks for and against the last change, and decide.".to_owned(),
            format!("If the change is not to blame, fix what the fault names. {}", retried(about)),
            format!("If you know better: {}", about.roll_back()),
        ]),
        Reason::NoVersion => Advice::of([
            "Deploy a fix for the fault below: no earlier version is known to go back to.".to_owned(),
            format!("If you know a version that worked, put its number for N: {}", about.restore(None).replacen(
                r#""action":"restore""#, r#""action":"restore","applicationVersionId":N"#, 1)),
        ]),
        Reason::NoSnapshot => Advice {
            choices: vec![
                "Keep the state: deploy a fix for the fault below. ".to_owned() + &retried(about),
                "Lose the state (windows, timers, keys, source positions) and go back: ".to_owned()
                    + &about.restore_without_state(about.good_version_id),
            ],
            afterwards: vec![
                "See that snapshots are on: ApplicationSnapshotConfiguration.SnapshotsEnabled=true.".to_owned(),
            ],
            ..Advice::default()
        },
        Reason::KeyNotUsable => Advice::of([
            "Let this stack use the key that WHY names: copy the statements of infra/README.md, \"Customer managed keys\", into the key's policy, and name the key's ARN in the parameter UsableKeys.".to_owned(),
            format!("Then let Lifeguard look again: {}", about.go_on()),
            format!("Or roll it back yourself: {}", about.roll_back_by_hand()),
        ]),
        Reason::UnknownSetting => Advice::of([
            "Deploy a newer release of Lifeguard: this one does not know the value that WHY names.".to_owned(),
            format!("Until then decide yourself. If the present version is to blame, roll it back: {}", about.roll_back_by_hand()),
        ]),
        Reason::ForceStopDisabled => Advice::of([
            "Do the step that WHY names yourself, or deploy the stack with ForceStop=enabled.".to_owned(),
            format!("Then let Lifeguard look again: {}", about.go_on()),
        ]),
        Reason::StopSwitch => Advice::of([
            format!("When changes may go on, lift the switch: {}", about.lift_the_stop_switch()),
            format!("Then let Lifeguard go on: {}", about.go_on()),
        ]),
        Reason::StopSwitchUnreadable => Advice::of([
            "Look at the ledger table: its permissions, and whether it is there.".to_owned(),
            format!("If somebody has thrown the switch, lift it: {}", about.lift_the_stop_switch()),
            format!("Then let Lifeguard go on: {}", about.go_on()),
        ]),
        Reason::EveryStepUsed if about.is_well => Advice::of([format!(
            "Read DONE: {name} runs, but not as it was planned. If that is not right, ask for another version: {}",
            about.restore(about.good_version_id)
        )]),
        Reason::EveryStepUsed => Advice::of([
            "Deploy a fix for what WHY names: every step of Lifeguard is used.".to_owned(),
            format!("If you know a version that worked, put its number for N: {}", about.restore(None).replacen(
                r#""action":"restore""#, r#""action":"restore","applicationVersionId":N"#, 1)),
        ]),
        Reason::SomebodyElseActed => Advice::of([
            "Agree with whoever acted: WHY says what they did.".to_owned(),
            format!("If Lifeguard is to go on: {}", about.go_on()),
        ]),
        Reason::Deadline => Advice::of([
            format!("Look at {name}: it was not well when the execution's time was over."),
            format!("To let Lifeguard look again: {}", about.go_on()),
        ]),
        Reason::Redriven => Advice::of([format!("Start a new execution: {}", about.go_on())]),
        Reason::RequestInterrupted => Advice::of([format!(
            "Ask again, if it is still right: {}",
            about.go_on()
        )]),
        // Nothing has to be done; where something was changed, what to revert is added.
        Reason::Busy
        | Reason::Deleting
        | Reason::Settling
        | Reason::TooFewRestarts
        | Reason::Healthy
        | Reason::RunsAgain
        | Reason::SystemRolledBack
        | Reason::Stopped
        | Reason::Quiet
        | Reason::StoppedByPerson
        | Reason::Finished
        | Reason::ChangeToBlame
        | Reason::NextStep
        | Reason::AskedFor
        | Reason::Recovered => Advice::default(),
    }
}

/// The trouble lies outside of what was deployed.
fn outside(about: &About<'_>, first: &str) -> Advice {
    let better = format!("If you know better: {}", about.roll_back());
    Advice::of([first.to_owned(), retried(about), better])
}

/// What happens once the cause is gone.
fn retried(about: &About<'_>) -> String {
    if about.is_retried() {
        "Then nothing: Flink retries by itself and goes on from its last checkpoint.".to_owned()
    } else {
        format!(
            "Then start it, nothing does so by itself: {}",
            about.restore(None)
        )
    }
}

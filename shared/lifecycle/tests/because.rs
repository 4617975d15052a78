//! What people read of a reason: every reason has its news, and where somebody is needed, what to do.

use lifecycle::{
    ApplicationStatus, Reason, Request, SUBJECT_CHARS, Severity,
    because::{About, advice, news},
    subject,
};

/// All reasons. That none is missing is seen by [`after`].
fn reasons() -> Vec<Reason> {
    std::iter::successors(Some(Reason::NotFlink), |reason| after(*reason)).collect()
}

/// The next one; without a wildcard, so that a new reason has to be put in.
fn after(reason: Reason) -> Option<Reason> {
    use Reason as R;
    Some(match reason {
        R::NotFlink => R::NotOptedIn,
        R::NotOptedIn => R::OtherStack,
        R::OtherStack => R::PolicyUnclear,
        R::PolicyUnclear => R::ObserveOnly,
        R::ObserveOnly => R::RequestRefused,
        R::RequestRefused => R::LedgerUnreadable,
        R::LedgerUnreadable => R::ReadingRefused,
        R::ReadingRefused => R::BudgetSpent,
        R::BudgetSpent => R::AppliedAgain,
        R::AppliedAgain => R::Busy,
        R::Busy => R::Deleting,
        R::Deleting => R::OperationStuck,
        R::OperationStuck => R::Settling,
        R::Settling => R::SettlingTooLong,
        R::SettlingTooLong => R::TooFewRestarts,
        R::TooFewRestarts => R::Healthy,
        R::Healthy => R::RunsAgain,
        R::RunsAgain => R::SystemRolledBack,
        R::SystemRolledBack => R::Stopped,
        R::Stopped => R::Quiet,
        R::Quiet => R::StoppedByPerson,
        R::StoppedByPerson => R::RequestInterrupted,
        R::RequestInterrupted => R::Finished,
        R::Finished => R::Unknown,
        R::Unknown => R::NoProgress,
        R::NoProgress => R::NotTheChange,
        R::NotTheChange => R::HadWorked,
        R::HadWorked => R::CommonCause,
        R::CommonCause => R::Suspected,
        R::Suspected => R::NoVersion,
        R::NoVersion => R::NoSnapshot,
        R::NoSnapshot => R::KeyNotUsable,
        R::KeyNotUsable => R::UnknownSetting,
        R::UnknownSetting => R::ChangeToBlame,
        R::ChangeToBlame => R::NextStep,
        R::NextStep => R::AskedFor,
        R::AskedFor => R::ForceStopDisabled,
        R::ForceStopDisabled => R::StopSwitch,
        R::StopSwitch => R::StopSwitchUnreadable,
        R::StopSwitchUnreadable => R::EveryStepUsed,
        R::EveryStepUsed => R::SomebodyElseActed,
        R::SomebodyElseActed => R::Deadline,
        R::Deadline => R::Redriven,
        R::Redriven => R::Recovered,
        R::Recovered => return None,
    })
}

const EXECUTION: &str = "arn:aws:states:us-east-1:123456789012:execution:remediate:one";

fn about<'a>(name: &'a str, status: &'a ApplicationStatus) -> About<'a> {
    About {
        name,
        arn: "arn:aws:kinesisanalytics:us-east-1:123456789012:application/orders",
        version_id: 3,
        status,
        execution: EXECUTION,
        table: None,
        snapshot: None,
        good_version_id: Some(2),
        undone_version_id: None,
        request: None,
        is_well: false,
        is_down: false,
        others: 0,
        failing_secs: None,
    }
}

fn said(reason: Reason, about: &About<'_>) -> String {
    let advice = advice(reason, about);
    let all = [advice.steps, advice.choices, advice.afterwards];
    all.concat().join("\n")
}

#[test]
fn whoever_is_needed_is_told_what_to_do() {
    let running = ApplicationStatus::Running;
    for reason in reasons() {
        let about = about("orders", &running);
        let is_needed = matches!(reason.severity(), Some(Severity::Page | Severity::Action));
        // What the service rolled back is told with the version to revert.
        if is_needed && reason != Reason::SystemRolledBack {
            assert!(!said(reason, &about).is_empty(), "{reason:?}");
            assert!(news(reason, &about).ask.is_some(), "{reason:?}");
        }
    }
}

#[test]
fn the_news_is_whole_in_the_subject_of_any_application() {
    let busy = ApplicationStatus::Updating;
    let long = "a".repeat(128);
    for reason in reasons() {
        for failing_secs in [None, Some(359_999)] {
            let about = About {
                failing_secs,
                ..about(&long, &busy)
            };
            let news = news(reason, &about);
            let ask = news.ask.map_or(String::new(), |ask| format!(" - {ask}"));
            let line = subject("[ACTION NEEDED] ", &long, &format!(": {}{ask}", news.what));
            assert!(line.contains(&news.what), "{reason:?}: {line}");
            assert!(line.len() <= SUBJECT_CHARS && line.is_ascii(), "{line}");
            if failing_secs.is_none() {
                assert!(line.ends_with(&ask), "{reason:?}: {line}");
            }
        }
    }
}

#[test]
fn every_command_names_this_state_machine_and_is_complete() {
    let ready = ApplicationStatus::Ready;
    let request = Request::Restore {
        application_version_id: Some(2),
        snapshot_name: None,
        without_state: false,
        allow_non_restored_state: None,
    };
    let mut commands = 0;
    for reason in reasons() {
        for is_down in [false, true] {
            let about = About {
                is_down,
                request: Some(&request),
                ..about("orders", &ready)
            };
            let said = said(reason, &about);
            for part in said.split("--input ").skip(1) {
                let input = part.split('\'').nth(1).expect("it is quoted");
                let input =
                    input.replace("\"applicationVersionId\":N", "\"applicationVersionId\":1");
                let input: serde_json::Value = serde_json::from_str(&input).expect("it is JSON");
                assert_eq!(lifecycle::odd_rescue(&input), None, "{reason:?}: {input}");
                commands += 1;
            }
            let machine = "--state-machine-arn arn:aws:states:us-east-1:123456789012:stateMachine:remediate --input";
            assert_eq!(
                said.matches("start-execution").count(),
                said.matches(machine).count(),
                "{reason:?}: {said}"
            );
        }
    }
    assert!(commands > 30, "{commands}");
}

#[test]
fn a_person_who_knows_better_is_given_the_rollback() {
    let running = ApplicationStatus::Running;
    for reason in [
        Reason::HadWorked,
        Reason::CommonCause,
        Reason::Suspected,
        Reason::NotTheChange,
    ] {
        let said = said(reason, &about("orders", &running));
        assert!(
            said.contains("If you know better: aws stepfunctions start-execution"),
            "{said}"
        );
        assert!(
            said.contains(r#"{"applicationName":"orders","request":{"action":"rollback"}}"#),
            "{said}"
        );
        assert!(said.contains("Flink retries by itself"), "{said}");
    }
    let ready = ApplicationStatus::Ready;
    let said = said(Reason::HadWorked, &about("orders", &ready));
    assert!(said.contains("nothing does so by itself"), "{said}");
}

#[test]
fn without_a_snapshot_people_choose() {
    let running = ApplicationStatus::Running;
    let advice = advice(Reason::NoSnapshot, &about("orders", &running));
    assert_eq!((advice.steps.len(), advice.choices.len()), (0, 2));
    assert!(
        advice.choices[1].contains(
            r#""request":{"action":"restore","applicationVersionId":2,"withoutState":true}"#
        ),
        "{advice:?}"
    );
    assert!(advice.afterwards[0].contains("SnapshotsEnabled=true"));
}

#[test]
fn what_lifeguard_left_down_comes_first() {
    let ready = ApplicationStatus::Ready;
    for reason in reasons() {
        let about = About {
            is_down: true,
            undone_version_id: Some(3),
            ..about("orders", &ready)
        };
        let advice = advice(reason, &about);
        assert!(
            advice.steps[0].starts_with("orders is down: start it"),
            "{reason:?}"
        );
        // What is not to blame is deployed again.
        let undone = match reason {
            Reason::NotTheChange => "Version 3 was undone and is not to blame",
            _ => "Revert or fix version 3",
        };
        let last = advice.steps.last().unwrap();
        assert!(last.starts_with(undone), "{reason:?}: {last}");
        let news = news(reason, &about);
        assert_eq!(news.what, "stopped by Lifeguard");
        assert!(news.ask.unwrap().starts_with("start it: "), "{reason:?}");
    }
}

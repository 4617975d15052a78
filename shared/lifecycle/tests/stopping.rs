//! The stop switch: no step is sent while it is on, whoever asked for it, and people learn what is not done.

mod support;

use lifecycle::{Action, Reason, StopSwitch};
use support::{rescues::*, *};

fn healthy() -> Case {
    an_application("orders")
        .made(hours(3))
        .healthy_for(hours(2))
        .with_snapshot("before-change", hours(4))
}

/// One situation for each step, by itself and on a person's word.
fn every_step() -> Vec<(&'static str, Case, &'static str)> {
    let person = || healthy().asked(force_stop());
    vec![
        ("rollback", a_bad_deployment(), "RollbackApplication"),
        (
            "forceStop",
            after_a_rollback(),
            "StopApplication with Force",
        ),
        (
            "restoreConfiguration",
            after_a_force_stop(),
            "put the configuration of version 6 back",
        ),
        (
            "start",
            after_a_force_stop().step(lifecycle::Step::RestoreConfiguration, 100, accepted()),
            "started it from snapshot before-change",
        ),
        (
            "rollback",
            healthy().asked(rollback()),
            "RollbackApplication",
        ),
        ("forceStop", person(), "StopApplication with Force"),
    ]
}

#[test]
fn no_step_is_sent_and_none_is_written_down() {
    for (action, case, would_have) in every_step() {
        assert_eq!(word(&case.decide().action), action, "without the switch");
        let before = case.progress.steps.clone();
        let decision = case.stopped().must("escalate", Reason::StopSwitch);
        assert_eq!(decision.progress.steps, before, "{action}");
        assert_eq!(decision.notice, None, "{action}");
        says(
            &decision.reason,
            &["thrown by mia", "region in trouble", would_have],
        );
    }
}

#[test]
fn what_lifeguard_stopped_is_said_to_be_down() {
    let down = after_a_force_stop().stopped().decide();
    says(
        &down.reason,
        &[
            "orders IS DOWN",
            "Lifeguard stopped it",
            "nothing more was changed",
        ],
    );
    let up = a_bad_deployment().stopped().decide();
    assert!(!up.reason.contains("DOWN"), "{}", up.reason);
    says(&up.reason, &["So nothing was changed"]);
    let is_down = |case: Case| {
        let case = case.ready();
        case.progress.brought_down(&case.seen)
    };
    assert!(is_down(after_a_force_stop()));
    assert!(!is_down(after_a_rollback()));
    let stop = lifecycle::Step::ForceStop;
    assert!(!is_down(after_a_rollback().step(stop, 5, refused())));
    assert!(
        is_down(after_a_rollback().step(stop, 5, lost())),
        "nobody heard, and it is down"
    );
}

#[test]
fn a_switch_that_cannot_be_read_counts_as_thrown() {
    let mut case = a_bad_deployment();
    case.stop = Some(StopSwitch::Unreadable {
        error: "DynamoDB.RequestLimitExceededException".into(),
    });
    let decision = case.must("escalate", Reason::StopSwitchUnreadable);
    says(&decision.reason, &["RequestLimitExceeded", "counts as on"]);
}

#[test]
fn what_changes_nothing_goes_on() {
    for case in [healthy(), after_a_rollback().healthy_for(600)] {
        let without = case.decide();
        assert!(!matches!(without.action, Action::Escalate), "{without:?}");
        assert_eq!(case.stopped().decide(), without);
    }
}

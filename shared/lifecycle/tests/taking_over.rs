//! The first turn after an execution that ended without an outcome: a person is obeyed, a person's request is not repeated, a rescue is gone on with.

mod support;

use lifecycle::{Ended, Progress, Reason, STEP_FUNCTION_SECS, Step};
use support::*;

const EVERY_END: [Ended; 3] = [Ended::Failed, Ended::TimedOut, Ended::Aborted];

/// A rescue that was refused its rollback and has force-stopped the application.
fn a_rescue_after_its_force_stop() -> Case {
    an_application("orders")
        .ready()
        .made(minutes(30))
        .operation("StopApplication", "SUCCESSFUL", minutes(3), Some(20))
        .with_snapshot("before-change", hours(1))
        .rescuing()
        .step(Step::Rollback, minutes(5), refused())
        .step(Step::ForceStop, minutes(3), accepted())
        .execution_of(5)
}

/// A restore of the present version that has force-stopped it.
fn a_restore_after_its_force_stop() -> Case {
    an_application("orders")
        .ready()
        .made(hours(3))
        .operation("StopApplication", "SUCCESSFUL", minutes(3), Some(20))
        .with_snapshot("nightly", hours(1))
        .rescuing_itself()
        .step(Step::ForceStop, minutes(3), accepted())
        .execution_of(5)
}

#[test]
fn what_a_person_stopped_is_left_alone_whatever_state_it_is_in() {
    for case in [
        a_rescue_after_its_force_stop(),
        a_rescue_after_its_force_stop().status("STARTING"),
        an_application("orders")
            .version(7)
            .made(minutes(30))
            .running()
            .looping_every(secs(10))
            .with_snapshot("before-change", hours(1)),
        an_application("orders")
            .status("UPDATING")
            .made_at(hours(9))
            .operation("UpdateApplication", "IN_PROGRESS", hours(9), None),
        an_application("orders").healthy_for(hours(2)),
        an_application("orders").not_opted_in(),
        an_application("orders").runtime("SQL-1_0"),
    ] {
        for asked in [None, Some("restore"), Some("rollback")] {
            case.clone()
                .taking_over(Some(Ended::Aborted), asked)
                .must("leaveAlone", Reason::StoppedByPerson);
        }
    }
}

#[test]
fn the_report_of_what_a_person_stopped_says_what_had_been_done_and_what_is_down() {
    let decision = a_rescue_after_its_force_stop()
        .taking_over(Some(Ended::Aborted), None)
        .decide();
    let parts = [
        "a person stopped",
        "orders",
        "Rollback failed, ForceStop accepted",
        "It is READY now",
        "nothing starts it by itself",
        "the next alarm",
    ];
    says(&decision.reason, &parts);
    assert_eq!(decision.progress.steps.len(), 2, "the report lists them");

    let decision = an_application("orders")
        .healthy_for(hours(2))
        .taking_over(Some(Ended::Aborted), None)
        .decide();
    says(
        &decision.reason,
        &["until then it had changed nothing", "RUNNING now"],
    );
    assert!(
        !decision.reason.contains("by itself"),
        "{}",
        decision.reason
    );
}

#[test]
fn a_rescue_that_died_after_its_force_stop_is_gone_on_with_and_not_stopped_again() {
    for ended in [Ended::Failed, Ended::TimedOut] {
        let decision = a_rescue_after_its_force_stop()
            .taking_over(Some(ended), None)
            .must("restoreConfiguration", Reason::NextStep);
        let steps: Vec<Step> = decision
            .progress
            .steps
            .iter()
            .map(|taken| taken.step)
            .collect();
        assert_eq!(
            steps,
            [Step::Rollback, Step::ForceStop, Step::RestoreConfiguration]
        );
    }
}

#[test]
fn a_rescue_that_died_before_it_changed_anything_is_begun_afresh() {
    let bad = an_application("orders")
        .version(7)
        .made(minutes(30))
        .running()
        .looping_every(secs(10))
        .with_snapshot("before-change", hours(1));
    bad.taking_over(Some(Ended::Failed), None)
        .must("rollback", Reason::ChangeToBlame);
}

#[test]
fn while_the_last_steps_function_may_still_be_at_work_nothing_is_done() {
    let under_way = |age| {
        let stopping = an_application("orders")
            .ready()
            .made(minutes(30))
            .with_snapshot("before-change", hours(1))
            .rescuing();
        let case = stopping
            .step(Step::ForceStop, minutes(2), accepted())
            .step_under_way(Step::RestoreConfiguration, secs(20));
        case.execution_of(age)
            .taking_over(Some(Ended::Failed), None)
    };
    let decision = under_way(5).must("wait", Reason::Busy);
    assert_eq!(wait_of(&decision), STEP_FUNCTION_SECS - 5);
    assert_eq!(
        decision.progress,
        under_way(5).progress,
        "the next turn knows what was begun"
    );
    under_way(i64::from(STEP_FUNCTION_SECS)).must("restoreConfiguration", Reason::NextStep);
}

#[test]
fn what_may_still_be_on_its_way_is_waited_for_whoever_ended_the_execution() {
    for (ended, asked, then) in [
        (Ended::Aborted, None, Reason::StoppedByPerson),
        (Ended::Aborted, Some("rollback"), Reason::StoppedByPerson),
        (Ended::Failed, Some("rollback"), Reason::RequestInterrupted),
    ] {
        let after = |age| {
            an_application("orders")
                .rescuing()
                .step_under_way(Step::Rollback, secs(20))
                .execution_of(age)
                .taking_over(Some(ended), asked)
        };
        after(5).must("wait", Reason::Busy);
        assert_eq!(
            after(i64::from(STEP_FUNCTION_SECS)).decide().because,
            then,
            "{ended:?} {asked:?}"
        );
    }
}

#[test]
fn a_persons_request_is_told_and_not_repeated() {
    for (ended, how) in [(Ended::Failed, "failed"), (Ended::TimedOut, "timed out")] {
        for asked in ["restore", "rollback", "forceStop"] {
            let decision = an_application("orders")
                .healthy_for(hours(2))
                .taking_over(Some(ended), Some(asked))
                .must("escalate", Reason::RequestInterrupted);
            says(
                &decision.reason,
                &[
                    asked,
                    &format!("of orders {how}; until then it had changed nothing"),
                    "RUNNING now",
                    "ask again",
                ],
            );
        }
    }
}

#[test]
fn a_restore_that_died_after_its_force_stop_needs_a_person_however_its_end_is_found() {
    for ended in [Some(Ended::Failed), Some(Ended::TimedOut), None] {
        // A rollback may go by the same steps.
        for asked in ["restore", "rollback"] {
            let decision = a_restore_after_its_force_stop()
                .taking_over(ended, Some(asked))
                .must("escalate", Reason::RequestInterrupted);
            says(
                &decision.reason,
                &[
                    &format!("stopped in the middle of a {asked}"),
                    "ForceStop accepted",
                    "It is READY now",
                ],
            );
            assert_eq!(decision.progress.steps.len(), 1, "the report lists them");
        }
    }
}

#[test]
fn behind_an_expired_lease_only_a_restore_that_left_the_application_down_is_told() {
    let down = a_restore_after_its_force_stop;
    // As asked.
    down()
        .taking_over(None, Some("forceStop"))
        .must("leaveAlone", Reason::Stopped);
    // Somebody has had it in hand since.
    let since = down()
        .operation("StartApplication", "SUCCESSFUL", minutes(2), Some(20))
        .operation("StopApplication", "SUCCESSFUL", minutes(1), Some(20));
    since
        .taking_over(None, Some("restore"))
        .must("leaveAlone", Reason::Stopped);
    // It runs.
    an_application("orders")
        .healthy_for(hours(2))
        .taking_over(None, Some("restore"))
        .must("leaveAlone", Reason::Healthy);
    // The person asks again.
    down()
        .taking_over(None, Some("restore"))
        .asked(restore())
        .must("start", Reason::AskedFor);
}

#[test]
fn an_end_is_read_as_step_functions_spells_it() {
    for (ended, word) in EVERY_END
        .into_iter()
        .zip(["FAILED", "TIMED_OUT", "ABORTED"])
    {
        assert_eq!(serde_json::to_value(ended).unwrap(), word);
    }
    assert_eq!(Progress::default().interrupted(), Progress::default());
}

#[test]
fn an_application_that_is_still_being_stopped_counts_as_down() {
    for status in ["STOPPING", "FORCE_STOPPING"] {
        let decision = a_restore_after_its_force_stop()
            .status(status)
            .taking_over(Some(Ended::Failed), Some("restore"))
            .decide();
        says(&decision.reason, &["stopped in the middle of a restore"]);
    }
    let decision = a_restore_after_its_force_stop()
        .status("STARTING")
        .taking_over(Some(Ended::Failed), Some("restore"))
        .decide();
    assert!(
        !decision.reason.contains("in the middle"),
        "{}",
        decision.reason
    );
}

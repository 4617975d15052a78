//! The clocks of functions, service and Flink differ: what comes after a step is told by operations and by the run of the job, not by the time.

mod support;

use jiff::{SignedDuration, Timestamp};
use lifecycle::{Checkpoints, Job, Operation, OperationStatus, Reason, StepResult};
use support::{rescues::a_bad_deployment, *};

/// Seconds that the functions' clock is ahead; behind when negative.
const SKEWS: [i64; 5] = [-60, -12, 0, 12, 60];
/// Seconds from the decision to the look after it.
const LATER: i64 = 600;

/// A time by the clocks of service and Flink; the decision is at zero.
fn at(secs: i64) -> Timestamp {
    now() + SignedDuration::from_secs(secs)
}

/// Decides by a clock that is so far ahead.
fn decided(mut case: Case, skew: i64, result: StepResult) -> Case {
    case.now = at(skew);
    case.seen.at = at(skew);
    let decision = case.decide();
    assert!(decision.action.plan().is_some(), "{}", decision.reason);
    case.progress = decision.progress;
    case.progress.settle(result);
    case
}

/// Ten minutes later, by the same clock, with nothing changed.
fn later(mut case: Case, skew: i64) -> Case {
    case.now = at(LATER + skew);
    case.seen.at = at(LATER + skew);
    if let Some(job) = &mut case.seen.job {
        goes_on(job, LATER);
    }
    case
}

/// The rollback began a second after the decision, and version 6 runs in a job of its own that was up a few seconds later.
fn rolled_back(case: Case, skew: i64) -> Case {
    let mut case = begun(later(case, skew), "RollbackApplication", "op-rollback", 1);
    case.seen.application.version_id = 8;
    case.seen.application.version_rolled_back_from = Some(7);
    case.job(healthy_since("job-2", 4))
}

fn begun(mut case: Case, name: &str, id: &str, secs: i64) -> Case {
    let operation = Operation {
        id: id.into(),
        name: name.into(),
        status: OperationStatus::from("SUCCESSFUL"),
        started_at: at(secs),
        ended_at: Some(at(secs + 2)),
        failure: None,
        rollback_operation_id: None,
    };
    case.seen.operations.insert(0, operation);
    case
}

fn healthy_since(id: &str, secs: i64) -> Job {
    Job {
        id: id.into(),
        at: at(LATER),
        started_at: at(secs),
        running_at: Some(at(secs)),
        checkpoints: Some(Checkpoints {
            completed: 10,
            latest_completed_at: Some(at(LATER - 5)),
            oldest_completed_triggered_at: Some(at(secs + 1)),
            ..Checkpoints::default()
        }),
        ..a_job(0)
    }
}

#[test]
fn a_rescue_that_worked_is_recovered() {
    for skew in SKEWS {
        for result in [accepted_as("op-rollback"), accepted()] {
            let case = decided(a_bad_deployment(), skew, result);
            let decision = rolled_back(case, skew).decide();
            assert_eq!(
                decision.because,
                Reason::Recovered,
                "{skew}: {}",
                decision.reason
            );
        }
    }
}

#[test]
fn a_step_whose_answer_was_lost_is_found_again() {
    for skew in SKEWS {
        for error in ["Sandbox.Timedout", "Lifeguard.Retryable"] {
            let case = decided(a_bad_deployment(), skew, failed(error));
            let decision = rolled_back(case, skew).decide();
            assert_eq!(
                decision.because,
                Reason::Recovered,
                "{skew}: {}",
                decision.reason
            );
        }
    }
}

#[test]
fn an_earlier_rollback_is_not_taken_for_the_lost_one() {
    for skew in SKEWS {
        // A rollback that a person began seconds before the decision, by the service's clock, and that the service gave up.
        let mut earlier = begun(a_bad_deployment(), "RollbackApplication", "op-theirs", -4);
        earlier.seen.operations[0].status = OperationStatus::from("FAILED");
        let case = decided(earlier, skew, failed("Sandbox.Timedout"));
        let decision = later(case, skew).decide();
        assert!(
            decision.action.plan().is_some(),
            "{skew}: tried again: {}",
            decision.reason
        );
    }
}

#[test]
fn a_job_that_ran_before_the_step_is_not_its_result() {
    for skew in SKEWS {
        let case = decided(a_bad_deployment(), skew, accepted_as("op-rollback"));
        let before = case.seen.job.clone().unwrap();
        let mut case = rolled_back(case, skew);
        let mut job = healthy_since(&before.id, 4);
        job.started_at = before.started_at;
        case.seen.job = Some(job);
        let decision = case.decide();
        assert_ne!(
            decision.because,
            Reason::Recovered,
            "{skew}: {}",
            decision.reason
        );
    }
}

#[test]
fn what_somebody_else_began_after_the_step_is_seen() {
    for skew in SKEWS {
        let case = decided(a_bad_deployment(), skew, refused());
        let case = begun(later(case, skew), "UpdateApplication", "op-theirs", 3);
        let decision = case.decide();
        assert_eq!(
            decision.because,
            Reason::SomebodyElseActed,
            "{skew}: {}",
            decision.reason
        );
    }
}

#[test]
fn what_was_there_before_the_step_is_nobody_elses_doing() {
    for skew in SKEWS {
        let failed_update = an_application("orders")
            .ready()
            .made_at(secs(40))
            .operation("UpdateApplication", "FAILED", secs(40), Some(30))
            .with_snapshot("before-change", hours(1));
        let case = decided(failed_update, skew, failed("Lifeguard.Retryable"));
        let decision = later(case, skew).decide();
        assert_ne!(
            decision.because,
            Reason::SomebodyElseActed,
            "{skew}: {}",
            decision.reason
        );
    }
}

#[test]
fn patience_is_measured_by_one_clock() {
    for skew in SKEWS {
        let mut case = an_application("orders").made(hours(3)).job(a_job(hours(2)));
        let limit = i64::from(case.policy.no_progress_secs);
        let checkpoints = case
            .seen
            .job
            .as_mut()
            .unwrap()
            .checkpoints
            .as_mut()
            .unwrap();
        checkpoints.latest_completed_at = Some(at(30 - limit));
        case.before.job = Some(lifecycle::JobWatch {
            id: "job-1".into(),
            started_at: ago(hours(2)),
            first_seen_at: at(-limit),
            up_since: Some(at(-limit)),
            restarts: 0,
            trouble_at: None,
            looped: false,
        });
        case.now = at(skew);
        let decision = case.decide();
        assert_eq!(
            decision.because,
            Reason::NoProgress,
            "{skew}: {}",
            decision.reason
        );
        let waits = matches!(decision.action, lifecycle::Action::Wait { .. });
        assert!(waits, "{skew}: 30 s are left: {}", decision.reason);
    }
}

#[test]
fn a_person_may_restore_the_newest_snapshot_even_when_it_is_of_this_moment() {
    for skew in SKEWS {
        let mut case = an_application("orders")
            .made(hours(3))
            .healthy_for(hours(2));
        case.seen.snapshots = vec![a_snapshot("of-just-now", 1), a_snapshot("older", hours(1))];
        case.now = at(skew);
        let decision = case.asked(restore()).decide();
        let rescue = decision.progress.rescue.expect("a rescue is begun");
        let chosen = rescue.snapshot.chosen.expect("a snapshot");
        assert_eq!(chosen.name, "of-just-now", "{skew}");
    }
}

//! What had run well and is down with nothing that retries: started once more, then people (row 3, cN3).

mod support;

use jiff::Timestamp;
use lifecycle::{JobState, Only, Part, Reason, Restore};
use support::*;

/// Version 7 ran well for three days.
fn ran_for_days() -> Case {
    an_application("orders")
        .version(7)
        .made(days(3))
        .with_snapshot("older", hours(5))
        .with_snapshot("newest", hours(1))
        .history(vec![
            ran_well(ago(days(9)), ago(days(3))),
            ran_well(ago(days(3) - 60), ago(minutes(10))),
        ])
}

/// The service's maintenance failed, and the application fell back to READY.
fn after_a_failed_maintenance() -> Case {
    ran_for_days()
        .ready()
        .operation("ApplicationMaintenance", "FAILED", minutes(10), Some(90))
}

/// Its job gave up inside a RUNNING application.
fn with_a_job_that_failed() -> Case {
    let mut job = a_looping_job(minutes(10), 10);
    job.state = JobState::Failed;
    ran_for_days().running().job(job)
}

#[track_caller]
fn snapshot(decision: &lifecycle::Decision) -> &str {
    match &decision.action.plan().expect("a plan").restore {
        Some(Restore::Snapshot { snapshot_name, .. }) => snapshot_name,
        other => panic!("no snapshot is named: {other:?}"),
    }
}

/// It was told, and nothing is done.
#[track_caller]
fn only_told(case: &Case, parts: &[&str]) {
    let decision = case.must("escalate", Reason::HadWorked);
    says(&decision.reason, &["had run well"]);
    says(&decision.reason, parts);
}

#[test]
fn what_fell_back_to_ready_is_started_once_more_from_the_newest_snapshot() {
    let restarted = ran_for_days()
        .ready()
        .operation("StopApplication", "SUCCESSFUL", minutes(13), Some(60))
        .operation("StartApplication", "FAILED", minutes(10), Some(90));
    let scaled = ran_for_days()
        .ready()
        .operation("AutoScaling", "FAILED", minutes(10), Some(90));
    for case in [after_a_failed_maintenance(), restarted, scaled] {
        let decision = case.must("start", Reason::HadWorked);
        assert_eq!(snapshot(&decision), "newest");
        assert_eq!(decision.action.plan().expect("a plan").version_id, 7);
        says(
            &decision.reason,
            &["start version 7 once more", "had run well"],
        );
        let rescue = decision.progress.rescue.as_ref().expect("it is recorded");
        assert_eq!(
            (
                rescue.good_version_id,
                rescue.faulty_version_id,
                rescue.only
            ),
            (7, 7, Some(Only::OnceMore))
        );
    }
}

#[test]
fn a_job_that_failed_for_good_is_stopped_first() {
    let case = with_a_job_that_failed();
    let decision = case.must("forceStop", Reason::HadWorked);
    assert_eq!(
        decision.action.plan().expect("a plan").target_version_id,
        None
    );
    let mut down = case
        .clone()
        .ready()
        .operation("StopApplication", "SUCCESSFUL", 60, Some(20));
    down.progress = decision.progress;
    down.progress.settle(accepted_as("StopApplication-60"));
    let decision = down.must("start", Reason::HadWorked);
    assert_eq!(snapshot(&decision), "newest");
    // The snapshot is gone meanwhile: what Lifeguard stopped is started all the same.
    let mut gone = down.clone();
    gone.seen.snapshots.clear();
    let old = gone.with_snapshot("old", days(3));
    assert_eq!(snapshot(&old.must("start", Reason::HadWorked)), "old");
    // None at all where none was.
    let mut none = case.clone();
    none.seen.snapshots.clear();
    only_told(&none, &["not started once more", "there is no snapshot"]);
    // An application without a job, for longer than one may take.
    let mut jobless = ran_for_days()
        .running()
        .policy(|it| it.settle_timeout_secs = 600);
    jobless.before.status = Some(lifecycle::StatusWatch {
        status: "RUNNING".into(),
        since: ago(minutes(12)),
    });
    jobless.must("forceStop", Reason::HadWorked);
    // One that cannot be read may run.
    jobless
        .unreadable(Part::Job, "throttled")
        .must("wait", Reason::Unknown);
}

/// It was started once more three minutes ago.
fn started_again(case: Case) -> Case {
    let before = after_a_failed_maintenance().must("start", Reason::HadWorked);
    let mut case = case.operation("StartApplication", "SUCCESSFUL", 179, Some(30));
    case.progress = before.progress;
    case.progress.steps[0].at = ago(180);
    case.progress.settle(accepted_as("StartApplication-179"));
    case
}

#[test]
fn what_comes_of_it_is_for_people_unless_it_recovers() {
    started_again(ran_for_days().running().healthy_for(140))
        .policy(|it| it.soak_secs = 100)
        .must("recovered", Reason::Recovered);
    let loops = started_again(ran_for_days().running().job(a_looping_job(170, 20)));
    let decision = loops.must("escalate", Reason::HadWorked);
    says(
        &decision.reason,
        &["started once more, and that did not help", "had run well"],
    );
    let again = started_again(ran_for_days().ready().operation(
        "StartApplication",
        "FAILED",
        179,
        Some(30),
    ));
    let mut again = again;
    again.seen.operations.retain(|one| {
        one.id != "StartApplication-179" || one.status == lifecycle::OperationStatus::Failed
    });
    again.must("escalate", Reason::HadWorked);
    // A refused stop leaves it as it is.
    let mut refused_stop = with_a_job_that_failed();
    refused_stop.progress = refused_stop.decide().progress;
    refused_stop.progress.settle(refused());
    says(
        &refused_stop.must("escalate", Reason::HadWorked).reason,
        &["ForceStop failed", "could not be stopped"],
    );
    // Busy is not refused.
    let mut busy = with_a_job_that_failed();
    busy.progress = busy.decide().progress;
    busy.progress.settle(failed("Lifeguard.Retryable"));
    busy.must("wait", Reason::Busy);
}

#[test]
fn once_in_an_episode() {
    let again = |case: Case, at: Timestamp| {
        let mut case = case;
        case.ledger.as_mut().expect("read").again.insert(7, at);
        case
    };
    for case in [after_a_failed_maintenance(), with_a_job_that_failed()] {
        only_told(&again(case.clone(), ago(minutes(5))), &["in vain at"]);
        // Days ago it was in vain too, and it has run well since.
        let decision = again(case.clone(), ago(days(2))).decide();
        assert!(decision.action.plan().is_some(), "{}", decision.reason);
        // A namesake's says nothing.
        let namesakes = again(case, ago(minutes(5)));
        let namesakes = namesakes.application(|it| it.created_at = Some(ago(minutes(4))));
        assert!(!namesakes.decide().reason.contains("in vain"));
    }
}

#[test]
fn what_somebody_stopped_is_never_started() {
    let stopped = || {
        ran_for_days()
            .ready()
            .operation("StopApplication", "SUCCESSFUL", minutes(10), Some(60))
    };
    stopped().must("leaveAlone", Reason::Stopped);
    stopped()
        .operation("UpdateApplication", "FAILED", minutes(5), Some(20))
        .must("leaveAlone", Reason::Stopped);
    let maintained = stopped().operation("ApplicationMaintenance", "FAILED", minutes(5), Some(20));
    assert_eq!(maintained.decide().action.plan(), None);
    // A version that nobody has seen run well, stored since, is not what had run well.
    let mut changed = after_a_failed_maintenance();
    changed.seen.application.version_created_at = Some(ago(minutes(8)));
    assert_ne!(word(&changed.decide().action), "start");
}

#[test]
fn every_brake_holds_it_and_people_read_which() {
    for down in [after_a_failed_maintenance(), with_a_job_that_failed()] {
        let braked = [
            (
                down.clone().tagged("mode", "observe"),
                "the mode is observe",
            ),
            (down.clone().tagged("soak", "long"), "lifeguard:soak"),
            (down.clone().rescues_today(2), "2 rescue(s)"),
            (
                down.clone().tagged("snapshot-max-age", "30m"),
                "30 min are allowed",
            ),
            (
                down.clone()
                    .application(|it| it.snapshots_enabled = Some(false)),
                "turned off",
            ),
            (
                down.clone().policy(|it| it.allow_force_stop = false),
                "ForceStop=disabled",
            ),
        ];
        for (case, part) in braked {
            only_told(&case, &["it was not started once more", part]);
        }
        down.clone().stopped().must("escalate", Reason::StopSwitch);
        let mut unread = down;
        unread.seen.snapshots.clear();
        unread
            .unreadable(Part::Snapshots, "throttled")
            .must("wait", Reason::Unknown);
    }
    let during = with_a_job_that_failed().operation("AutoScaling", "IN_PROGRESS", 20, None);
    during.must("wait", Reason::Busy);
}

/// The service says of a start whose snapshot is not there that it is refused: that was no try of the version.
#[test]
fn a_start_whose_snapshot_was_deleted_was_no_try() {
    let before = after_a_failed_maintenance().must("start", Reason::HadWorked);
    let chosen = snapshot(&before).to_owned();
    let mut case = after_a_failed_maintenance().with_snapshot("older", hours(3));
    case.progress = before.progress;
    case.progress.settle(refused());
    let mut there = case.clone();
    there.seen.snapshots.retain(|one| one.name != "older");
    there.must("escalate", Reason::HadWorked);
    case.seen.snapshots.retain(|one| one.name != chosen);
    let decision = case.must("start", Reason::HadWorked);
    assert_eq!(snapshot(&decision), "older");
}

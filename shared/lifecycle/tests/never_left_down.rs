//! A rescue is a transaction: what Lifeguard stopped is started again, and nothing is stopped that could not be started.

mod support;

use lifecycle::{Reason, Restore, Severity, Step, StepResult, mail};
use support::{rescues::*, *};

/// READY since our force-stop; putting the configuration back was refused.
fn refused_configuration(error: &str) -> Case {
    after_a_force_stop().step(Step::RestoreConfiguration, 60, failed(error))
}

#[test]
fn a_force_stop_names_the_version_that_must_be_carried_over_so_that_it_is_checked_first() {
    let decision = a_rescue()
        .step(Step::Rollback, 60, refused())
        .must("forceStop", Reason::NextStep);
    let plan = decision.action.plan().unwrap();
    assert_eq!((plan.version_id, plan.target_version_id), (7, Some(6)));
    let cannot = a_rescue().step(Step::Rollback, 90, refused()).step(
        Step::ForceStop,
        60,
        failed("Lifeguard.CannotCarry"),
    );
    let decision = cannot.must("escalate", Reason::EveryStepUsed);
    says(&decision.reason, &["Lifeguard.CannotCarry"]);
    // A restore of the present version carries nothing over.
    let decision = a_bad_deployment().asked(restore()).decide();
    assert_eq!(decision.action.plan().unwrap().target_version_id, None);
    let decision = a_bad_deployment().asked(restore_of(6)).decide();
    assert_eq!(decision.action.plan().unwrap().target_version_id, Some(6));
}

/// Put back and started, 60 s ago; the operation of that start ended so.
fn started(status: &str) -> Case {
    let mut case = after_a_force_stop()
        .step(Step::RestoreConfiguration, 100, accepted())
        .step(Step::Start, 60, accepted_as("the-start"))
        .operation("StartApplication", status, 60, Some(20));
    case.seen.operations[0].id = "the-start".into();
    case
}

#[test]
fn a_start_that_was_accepted_and_failed_leaves_it_down_because_of_lifeguard() {
    let case = started("FAILED");
    let decision = case.must("escalate", Reason::EveryStepUsed);
    assert!(decision.progress.brought_down(&case.seen));
    let mail = mail(&decision, &case.seen, false).unwrap();
    assert_eq!(mail.severity, Severity::Page);
    // One that came up, and READY since: somebody else stopped it.
    let stopped = started("SUCCESSFUL");
    assert!(!stopped.progress.brought_down(&stopped.seen));
    // Operations that cannot be read say nothing of a start that was accepted.
    let mut unread = started("FAILED");
    unread.seen.operations.clear();
    assert!(!unread.progress.brought_down(&unread.seen));
    // Another's start that failed is no word on ours.
    let mut other = started("FAILED");
    other.seen.operations[0].id = "another".into();
    assert!(!other.progress.brought_down(&other.seen));
}

#[test]
fn where_the_good_configuration_is_refused_what_is_stored_is_started_from_the_planned_snapshot() {
    for error in ["Lifeguard.Refused", "Lifeguard.CannotCarry"] {
        let decision = refused_configuration(error).must("start", Reason::NextStep);
        let plan = decision.action.plan().unwrap();
        assert_eq!(plan.version_id, 7, "{error}");
        assert_eq!(
            plan.restore,
            Some(Restore::Snapshot {
                snapshot_name: "before-change".into(),
                snapshot_arn: None,
            }),
            "{error}"
        );
        says(
            &decision.reason,
            &[
                "version 7",
                "version 6 could not be put back",
                "than stopped",
            ],
        );
    }
}

#[test]
fn a_configuration_that_came_back_with_other_code_is_ours_and_is_started_at_once() {
    let mut case = refused_configuration("Lifeguard.StoredOtherwise").version(8);
    case.seen.application.version_updated_from = Some(7);
    case.seen.application.version_created_at = Some(ago(58));
    let case = case.operation("UpdateApplication", "SUCCESSFUL", 59, Some(0));
    let decision = case.must("start", Reason::NextStep);
    assert_eq!(decision.action.plan().unwrap().version_id, 8);
    says(
        &decision.reason,
        &["version 8, which is stored", "than stopped"],
    );
    // The same update, refused: it is somebody else's, who gets some minutes.
    let mut theirs = refused_configuration("Lifeguard.Refused").version(8);
    theirs.seen.application.version_created_at = Some(ago(58));
    let theirs = theirs.operation("UpdateApplication", "SUCCESSFUL", 59, Some(0));
    theirs.must("wait", Reason::SomebodyElseActed);
}

/// Nobody heard how that start went; an operation shows it. The same fault on what is stored takes no blame away: it is not the good version that fails.
#[test]
fn a_start_as_stored_that_nobody_heard_of_is_told_as_one() {
    for error in ["Lifeguard.StoredOtherwise", "Lifeguard.Refused"] {
        let mut case = refused_configuration(error)
            .step(Step::Start, 50, failed("Lifeguard.Interrupted"))
            .operation("StartApplication", "SUCCESSFUL", 49, Some(30))
            .running()
            .job(a_looping_job(140, 10));
        case.policy.min_restarts = 1;
        let job = case.seen.job.as_ref().unwrap();
        let rescue = case.progress.rescue.as_mut().unwrap();
        rescue.fault.clone_from(&job.faults.first);
        let decision = case.must("escalate", Reason::EveryStepUsed);
        says(&decision.reason, &["which was stored"]);
    }
}

#[test]
fn whatever_comes_of_that_start_is_told_as_the_last_resort_that_it_was() {
    let started = || {
        refused_configuration("Lifeguard.Refused")
            .step(Step::Start, 50, accepted_as("StartApplication-49"))
            .operation("StartApplication", "SUCCESSFUL", 49, Some(30))
            .running()
    };
    let mut loops = started().job(a_looping_job(140, 10));
    loops.policy.min_restarts = 1;
    says(
        &loops.must("escalate", Reason::EveryStepUsed).reason,
        &["could not be put back"],
    );
    let mut runs = refused_configuration("Lifeguard.Refused")
        .step(Step::Start, 400, accepted_as("StartApplication-399"))
        .operation("StartApplication", "SUCCESSFUL", 399, Some(30))
        .running()
        .healthy_for(350);
    runs.progress.steps[0].at = ago(500);
    says(
        &runs.must("escalate", Reason::EveryStepUsed).reason,
        &["version 7", "runs", "version 6 could not be put back"],
    );
}

#[test]
fn a_snapshot_that_does_not_fit_what_is_stored_is_not_started() {
    let mut case = refused_configuration("Lifeguard.Refused");
    case.seen.application.runtime = "FLINK-1_15".into();
    says(
        &case.must("escalate", Reason::NoSnapshot).reason,
        &["no READY snapshot fits FLINK-1_15"],
    );
}

/// Somebody stored a configuration that long ago, while it was READY because of us.
fn stored_by_somebody(age: i64) -> Case {
    after_a_force_stop().application(|it| {
        it.version_id = 8;
        it.version_created_at = Some(ago(age));
    })
}

#[test]
fn what_somebody_stores_while_it_is_down_because_of_us_is_not_overwritten() {
    for age in [5, 120, 590] {
        let decision = stored_by_somebody(age).must("wait", Reason::SomebodyElseActed);
        says(&decision.reason, &["version 8", "nobody has started"]);
    }
}

#[test]
fn and_is_started_from_the_planned_snapshot_when_nobody_does_for_ten_minutes() {
    let listed = stored_by_somebody(601).operation("UpdateApplication", "SUCCESSFUL", 120, Some(1));
    listed.must("start", Reason::SomebodyElseActed);
    let decision = stored_by_somebody(601).must("start", Reason::SomebodyElseActed);
    let plan = decision.action.plan().unwrap();
    assert_eq!(plan.version_id, 8);
    says(&decision.reason, &["version 8", "before-change"]);
    // Stored after ours had been put back, it is the same.
    let mut after = after_a_force_stop()
        .step(Step::RestoreConfiguration, 1_000, accepted())
        .application(|it| {
            it.version_id = 9;
            it.version_created_at = Some(ago(700));
        });
    after.must("start", Reason::SomebodyElseActed);
    // Not what somebody started, nor where policy forbids it.
    after.seen.application.status = "STARTING".into();
    let started = after
        .clone()
        .operation("StartApplication", "IN_PROGRESS", 10, None);
    assert!(started.decide().action.plan().is_none());
    stored_by_somebody(601)
        .tagged("mode", "observe")
        .must("escalate", Reason::ObserveOnly);
}

#[test]
fn what_the_service_rolls_back_by_itself_is_nobodys_hand() {
    let by_service = after_a_force_stop().application(|it| {
        it.version_id = 8;
        it.version_created_at = Some(ago(30));
        it.version_rolled_back_from = Some(7);
        it.system_rollback_enabled = Some(true);
    });
    let decision = by_service.decide();
    assert_ne!(
        decision.because,
        Reason::SomebodyElseActed,
        "{}",
        decision.reason
    );
}

/// The update to version 7 failed, and somebody stored a fix that long ago; nobody has started it (cR11).
fn a_fix_that_nobody_starts(stored: i64) -> Case {
    let mut case = an_application("orders")
        .version(8)
        .ready()
        .made_at(stored)
        .operation("StartApplication", "SUCCESSFUL", days(9), Some(60))
        .operation("UpdateApplication", "FAILED", hours(2), Some(90))
        .operation("UpdateApplication", "SUCCESSFUL", stored, Some(1))
        .with_snapshot("before-change", hours(3));
    case.seen.versions[0].created_at = Some(ago(hours(2)));
    case
}

#[test]
fn a_fix_that_was_stored_and_not_started_is_told() {
    let told = a_fix_that_nobody_starts(minutes(10)).must("escalate", Reason::Suspected);
    says(
        &told.reason,
        &[
            "down since UpdateApplication failed",
            "nobody has started it",
            "nothing starts it by itself",
        ],
    );
    // Whoever stored it may be about to start it.
    let waits = a_fix_that_nobody_starts(minutes(9) + 30);
    assert_eq!(wait_of(&waits.must("wait", Reason::SomebodyElseActed)), 30);
    assert_eq!(wait_of(&a_fix_that_nobody_starts(20).decide()), 60);
    // What somebody stopped is left alone, whatever was stored since; and what was started since failed by itself.
    a_fix_that_nobody_starts(minutes(10))
        .operation("StopApplication", "SUCCESSFUL", hours(1), Some(20))
        .must("leaveAlone", Reason::Stopped);
    let failed = a_fix_that_nobody_starts(minutes(10)).operation(
        "StartApplication",
        "FAILED",
        minutes(8),
        Some(30),
    );
    assert!(!failed.decide().reason.contains("nobody has started it"));
    // A service that does not list what was only stored.
    let mut unlisted = a_fix_that_nobody_starts(minutes(10));
    unlisted.seen.operations.remove(0);
    let told = unlisted.must("escalate", Reason::Suspected);
    says(&told.reason, &["nothing has tried to run version 8"]);
}

/// Which snapshot a decision starts from.
fn started_from(decision: &lifecycle::Decision) -> Option<&str> {
    match decision.action.plan()?.restore.as_ref()? {
        Restore::Snapshot { snapshot_name, .. } => Some(snapshot_name),
        _ => None,
    }
}

/// Put back; the start named a snapshot that somebody had deleted.
fn start_without_its_snapshot(result: StepResult) -> Case {
    let mut case = after_a_force_stop()
        .step(Step::RestoreConfiguration, 100, accepted())
        .step(Step::Start, 60, result);
    case.seen.snapshots.clear();
    case
}

#[test]
fn a_start_whose_snapshot_was_deleted_is_followed_by_one_from_the_next_right_snapshot() {
    let by_operation = || {
        let mut case = start_without_its_snapshot(accepted_as("the-start")).operation(
            "StartApplication",
            "FAILED",
            60,
            Some(20),
        );
        case.seen.operations[0].id = "the-start".into();
        case
    };
    let refused = || start_without_its_snapshot(refused());
    for gone in [refused as fn() -> Case, by_operation] {
        let case = gone().with_snapshot("older", hours(2));
        let decision = case.must("start", Reason::NextStep);
        assert_eq!(started_from(&decision), Some("older"));
        says(&decision.reason, &["before-change", "not there any more"]);
        // Never from one that the version after it wrote.
        let late = gone().with_snapshot("since-the-change", minutes(6));
        let decision = late.must("escalate", Reason::NoSnapshot);
        assert!(decision.progress.brought_down(&late.seen));
    }
    // Where its snapshot is there, something else was wrong: the same again would not help.
    let there = refused().with_snapshot("before-change", hours(1));
    there.must("escalate", Reason::EveryStepUsed);
    // A list that cannot be read says of no snapshot that it is gone.
    refused()
        .unreadable(lifecycle::Part::Snapshots, "ThrottlingException")
        .must("wait", Reason::Unknown);
}

#[test]
fn a_start_of_what_is_stored_whose_snapshot_was_deleted_is_followed_by_another() {
    let mut case = refused_configuration("Lifeguard.Refused").step(Step::Start, 50, refused());
    case.seen.snapshots.clear();
    let decision = case
        .with_snapshot("since-the-change", minutes(6))
        .must("start", Reason::NextStep);
    assert_eq!(started_from(&decision), Some("since-the-change"));
    says(&decision.reason, &["version 7, which is stored"]);
}

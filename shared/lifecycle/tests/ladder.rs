//! The ladder without a person: gates, patience, blame, brakes, rungs, and what became of each.

mod support;

use lifecycle::{Action, Assessment, Decision, Part, Reason, Restore, Runtime, Step, StepResult, StepTaken, Watch};
use support::*;

/// Version 7, made half an hour ago, failing every 10 s since; `before-change` was taken an hour ago.
fn a_bad_deployment() -> Case {
    an_application("orders").version(7).made(minutes(30)).running().looping_every(secs(10)).with_snapshot("before-change", hours(1))
}

/// The update to version 7 failed and the application fell back to READY.
fn a_failed_update() -> Case {
    an_application("orders")
        .ready()
        .made_at(minutes(10))
        .operation("UpdateApplication", "FAILED", minutes(10), Some(90))
        .with_snapshot("before-change", hours(1))
}

/// UPDATING for that long.
fn a_stuck_update(age: i64) -> Case {
    an_application("orders")
        .status("UPDATING")
        .made_at(age)
        .operation("UpdateApplication", "IN_PROGRESS", age, None)
        .with_snapshot("before-change", age + 60)
}

/// The rescue of a bad deployment that still loops.
fn a_rescue() -> Case {
    a_bad_deployment().rescuing()
}

#[track_caller]
fn snapshot_of(decision: &Decision) -> &str {
    match decision.action.plan().and_then(|plan| plan.restore.as_ref()) {
        Some(Restore::Snapshot { snapshot_name }) => snapshot_name,
        other => panic!("no snapshot is named: {other:?}"),
    }
}

#[test]
fn a_bad_deployment_is_rolled_back_and_the_intent_written_down() {
    let decision = a_bad_deployment().must("rollback", Reason::ChangeToBlame);
    let plan = decision.action.plan().unwrap();
    assert_eq!((plan.version_id, plan.target_version_id, &plan.restore), (7, Some(6), &None));
    let rescue = decision.progress.rescue.as_ref().unwrap();
    assert_eq!((rescue.faulty_version_id, rescue.good_version_id), (7, 6));
    assert_eq!(rescue.snapshot.chosen.as_ref().unwrap().name, "before-change");
    assert_eq!(decision.progress.steps, [StepTaken { step: Step::Rollback, at: now(), version_id: 7, result: None }]);
    says(&decision.reason, &["roll version 7 back to version 6", "has never soaked healthy"]);
}

#[test]
fn gates_end_a_turn_whatever_the_health() {
    let bad = a_bad_deployment;
    for (what, case, action, because) in [
        ("SQL", bad().runtime("SQL-1_0"), "escalate", Reason::NotFlink),
        ("Studio", bad().runtime("ZEPPELIN-FLINK-3_0"), "escalate", Reason::NotFlink),
        ("deleting", bad().status("DELETING"), "leaveAlone", Reason::Deleting),
        ("not opted in", bad().not_opted_in(), "leaveAlone", Reason::NotOptedIn),
        ("opted out", bad().tagged("managed", "false"), "leaveAlone", Reason::NotOptedIn),
        ("tags unreadable", bad().with_unreadable_tags(), "escalate", Reason::PolicyUnclear),
        ("opted out in the middle", bad().rescuing().step(Step::Rollback, 60, accepted()).not_opted_in(), "escalate", Reason::PolicyUnclear),
        ("at the deadline", bad().execution_of(14_400), "escalate", Reason::Deadline),
        ("past the deadline", bad().execution_of(99_999), "escalate", Reason::Deadline),
        ("healthy at the deadline", bad().healthy_for(600).execution_of(14_400), "escalate", Reason::Deadline),
    ] {
        let decision = case.decide();
        assert_eq!((word(&decision.action), decision.because), (action, because), "{what}: {}", decision.reason);
    }
}

#[test]
fn each_brake_holds_and_says_why() {
    for (case, because, part) in [
        (a_bad_deployment().policy(|it| it.mode = lifecycle::Mode::Observe), Reason::ObserveOnly, "the mode is observe"),
        (a_bad_deployment().tagged("mode", "observe"), Reason::ObserveOnly, "the mode is observe"),
        (a_bad_deployment().tagged("soak", "long"), Reason::PolicyUnclear, "lifeguard:soak"),
        (a_bad_deployment().ledger_unreadable(), Reason::LedgerUnreadable, "DynamoDB.ThrottlingException"),
        (a_bad_deployment().rescues_today(2), Reason::BudgetSpent, "2 rescue(s) were begun today"),
        (a_bad_deployment().tagged("rescues-per-day", "0"), Reason::BudgetSpent, "0 are allowed"),
    ] {
        let decision = case.must("escalate", because);
        says(&decision.reason, &["nothing was changed", part]);
    }
}

#[test]
fn brakes_hold_on_every_rung_of_a_rescue_under_way() {
    let under_way: [(&str, Case); 4] = [
        ("after a refused rollback", a_rescue().step(Step::Rollback, 60, refused())),
        ("after a rollback that did not help", after_a_rollback()),
        ("READY after a force-stop", after_a_force_stop()),
        ("READY with the configuration back", after_a_force_stop().step(Step::RestoreConfiguration, 100, accepted())),
    ];
    for (what, case) in under_way {
        assert!(case.decide().action.plan().is_some(), "{what}: {}", case.decide().reason);
        for (braked, because) in [
            (case.clone().tagged("mode", "observe"), Reason::ObserveOnly),
            (case.clone().tagged("colour", "blue"), Reason::PolicyUnclear),
            (case.clone().ledger_unreadable(), Reason::LedgerUnreadable),
        ] {
            assert_eq!((word(&braked.decide().action), braked.decide().because), ("escalate", because), "{what}");
        }
        assert!(case.rescues_today(9).decide().action.plan().is_some(), "{what}: a rescue once begun is in the budget");
    }
}

/// The rollback was accepted ten minutes ago and ended; version 8 loops as well.
fn after_a_rollback() -> Case {
    let mut case = an_application("orders")
        .made_at(minutes(10))
        .operation("RollbackApplication", "SUCCESSFUL", minutes(10), Some(120))
        .job(a_looping_job(minutes(7), 10))
        .with_snapshot("before-change", hours(1))
        .rescuing()
        .step(Step::Rollback, minutes(10) + 1, accepted_as("RollbackApplication-600"));
    case.seen.application.version_id = 8;
    case.seen.application.version_rolled_back_from = Some(7);
    case
}

/// The rollback was refused, the force-stop done.
fn after_a_force_stop() -> Case {
    an_application("orders")
        .ready()
        .made(minutes(30))
        .operation("StopApplication", "SUCCESSFUL", minutes(5), Some(30))
        .with_snapshot("before-change", hours(1))
        .rescuing()
        .step(Step::Rollback, minutes(6), refused())
        .step(Step::ForceStop, minutes(5) + 1, accepted_as("StopApplication-300"))
}

#[test]
fn what_is_not_the_changes_fault_is_told_once_and_waited_for() {
    let outage = a_bad_deployment().soaked(7, days(1));
    let decision = outage.must("wait", Reason::NotTheChange);
    assert_eq!((wait_of(&decision), decision.progress.waiting_since), (60, Some(now())));
    let notice = decision.notice.unwrap();
    says(&notice.subject, &["orders", "no change is to blame"]);
    says(&notice.text, &["was seen soaked and healthy", "nothing is changed", "2700 s"]);
    let again = outage.clone().waiting_since(60).must("wait", Reason::NotTheChange);
    assert_eq!((again.notice, again.progress.waiting_since), (None, Some(ago(60))));
    says(&outage.clone().waiting_since(2_700).must("escalate", Reason::NotTheChange).reason, &["it has lasted 2700 s"]);
    outage.clone().waiting_since(600).healthy_for(600).must("leaveAlone", Reason::RunsAgain);
    // Nothing retries a job that FAILED, so nothing is waited for.
    let mut gone = outage;
    gone.seen.job.as_mut().unwrap().state = "FAILED".into();
    gone.must("escalate", Reason::NotTheChange);
}

#[test]
fn what_is_missing_for_a_rescue_is_told_and_nothing_touched() {
    let bad = a_bad_deployment;
    let no_snapshot = |case: Case| Case { seen: lifecycle::Observation { snapshots: vec![], ..case.seen.clone() }, ..case };
    for (case, because, parts) in [
        (bad().application(|it| it.version_updated_from = None), Reason::NoVersion, vec!["the service names no version before this one"]),
        (without_versions(bad()), Reason::NoVersion, vec!["version 6, to go back to, is not known"]),
        (without_versions(bad()).unreadable(Part::Versions, "throttled"), Reason::NoVersion, vec!["version 6", "could not be read: throttled"]),
        (no_snapshot(bad()), Reason::NoSnapshot, vec!["there is no snapshot", "A start without state needs a person's word"]),
        (bad().snapshot(|it| it.status = "FAILED".into()), Reason::NoSnapshot, vec!["before-change: it is FAILED"]),
        (bad().before_on("FLINK-1_18"), Reason::NoSnapshot, vec!["does not fit FLINK-1_18"]),
        (bad().tagged("snapshot-max-age", "30m"), Reason::NoSnapshot, vec!["1800 s are allowed"]),
        (bad().snapshot(|it| it.created_at = ago(minutes(20))), Reason::NoSnapshot, vec!["after the faulty version began to process"]),
    ] {
        let decision = case.must("escalate", because);
        says(&decision.reason, &parts);
    }
    let unreadable = no_snapshot(bad()).unreadable(Part::Snapshots, "throttled").must("escalate", Reason::NoSnapshot);
    says(&unreadable.reason, &["the snapshots could not be read: throttled"]);
    assert!(!unreadable.reason.contains("there is no snapshot"), "unreadable is not none: {}", unreadable.reason);
}

fn without_versions(mut case: Case) -> Case {
    case.seen.versions.clear();
    case
}

#[test]
fn somebody_at_work_is_waited_for_up_to_the_operations_time_out() {
    for (age, secs) in [(60, 30), (2_380, 20), (2_399, 1)] {
        assert_eq!(wait_of(&a_stuck_update(age).must("wait", Reason::Busy)), secs, "{age} s");
    }
    a_stuck_update(2_400).must("rollback", Reason::ChangeToBlame);
    a_stuck_update(2_400).soaked(7, days(1)).must("escalate", Reason::OperationStuck);
    for status in ["AUTOSCALING", "MAINTENANCE", "ROLLING_BACK", "STOPPING", "FORCE_STOPPING", "SOMETHING_NEW"] {
        let stuck = a_stuck_update(9_999).status(status).must("escalate", Reason::OperationStuck);
        says(&stuck.reason, &[status, "open a support case"]);
        a_stuck_update(600).status(status).must("wait", Reason::Busy);
    }
    assert_eq!(wait_of(&a_stuck_update(-500).must("wait", Reason::Busy)), 30, "two clocks");
}

#[test]
fn a_stuck_start_of_a_new_version_is_force_stopped() {
    let stuck = an_application("orders")
        .status("STARTING")
        .made_at(hours(1))
        .operation("StopApplication", "SUCCESSFUL", hours(1) + 100, Some(30))
        .operation("UpdateApplication", "SUCCESSFUL", hours(1), Some(1))
        .operation("StartApplication", "IN_PROGRESS", minutes(50), None)
        .with_snapshot("before-change", hours(1) + 80);
    stuck.must("forceStop", Reason::NextRung);
}

#[test]
fn a_failed_start_goes_straight_to_the_configuration() {
    let decision = a_failed_update().must("restoreConfiguration", Reason::NextRung);
    assert_eq!(decision.action.plan().unwrap().target_version_id, Some(6));
    says(&decision.reason, &["put the configuration of version 6 back"]);
}

#[test]
fn the_rungs_follow_one_another() {
    let rollback_refused = a_rescue().step(Step::Rollback, 20, refused());
    says(&rollback_refused.must("forceStop", Reason::NextRung).reason, &["Rollback failed (the service said Lifeguard.Refused)"]);
    says(&after_a_rollback().must("forceStop", Reason::NextRung).reason, &["the rollback did not help"]);
    let configuration = after_a_force_stop().must("restoreConfiguration", Reason::NextRung);
    assert_eq!(configuration.action.plan().unwrap().target_version_id, Some(6));
    let start = after_a_force_stop().step(Step::RestoreConfiguration, 100, accepted()).must("start", Reason::NextRung);
    assert_eq!(snapshot_of(&start), "before-change");
    assert_eq!(start.action.plan().unwrap().allow_non_restored_state, None, "carried over");
    says(&start.reason, &["start version 6 from snapshot before-change", "3600 s of records are replayed"]);
}

#[test]
fn the_start_tells_which_newer_snapshots_were_passed_over() {
    let mut case = after_a_force_stop().step(Step::RestoreConfiguration, 100, accepted());
    case.progress.rescue.as_mut().unwrap().snapshot.passed_over =
        vec![lifecycle::PassedOver { name: "nightly".into(), why: "it was taken after".into() }];
    says(&case.must("start", Reason::NextRung).reason, &["passed over: nightly (it was taken after)"]);
}

#[test]
fn a_rollback_that_could_restore_what_does_not_fit_is_not_tried() {
    let upgraded = a_bad_deployment().with_snapshot("taken-under-2-2", minutes(5)).snapshot(|it| it.runtime = Some(Runtime::from("FLINK-2_2")));
    upgraded.clone().must("forceStop", Reason::NextRung);
    upgraded.clone().snapshot(|it| it.runtime = None).must("forceStop", Reason::NextRung);
    upgraded.clone().snapshot(|it| it.runtime = Some(Runtime::from("FLINK-1_20"))).must("rollback", Reason::ChangeToBlame);
    upgraded.clone().snapshot(|it| it.status = "FAILED".into()).must("rollback", Reason::ChangeToBlame);
    upgraded.snapshot(|it| it.created_at = ago(hours(2))).must("rollback", Reason::ChangeToBlame);
}

#[test]
fn the_service_is_not_stepped_on_while_an_operation_is_in_progress() {
    let during = a_bad_deployment().operation("ApplicationMaintenance", "IN_PROGRESS", 20, None);
    says(&during.must("wait", Reason::Busy).reason, &["ApplicationMaintenance since"]);
    a_bad_deployment().operation("CreateSnapshot", "IN_PROGRESS", 20, None).must("rollback", Reason::ChangeToBlame);
}

#[test]
fn a_rung_is_tried_again_only_when_nobody_knows_or_the_picture_was_old_and_three_times_at_most() {
    for (error, expected) in [
        ("Lifeguard.Stale", "rollback"),
        ("Lifeguard.Retryable", "rollback"),
        ("Lambda.Unknown", "rollback"),
        ("States.Timeout", "rollback"),
        ("Lifeguard.Refused", "forceStop"),
        ("Runtime.ExitError", "rollback"),
        ("Lifeguard.NotAllowed", "escalate"),
        ("Lifeguard.BadInput", "escalate"),
        ("Lifeguard.Internal", "escalate"),
    ] {
        let once = a_rescue().step(Step::Rollback, 20, failed(error));
        assert_eq!(word(&once.decide().action), expected, "{error}");
        let thrice = once.step(Step::Rollback, 15, failed(error)).step(Step::Rollback, 10, failed(error));
        let expected = if expected == "escalate" { "escalate" } else { "forceStop" };
        assert_eq!(word(&thrice.decide().action), expected, "{error}");
    }
}

#[test]
fn nothing_is_force_stopped_when_nothing_could_start_it_again() {
    let started = after_a_rollback()
        .step(Step::ForceStop, minutes(9), accepted_as("gone"))
        .step(Step::RestoreConfiguration, minutes(9), accepted_as("gone"))
        .step(Step::Start, minutes(8), accepted_as("gone"));
    started.must("escalate", Reason::LadderExhausted);
    let mut from_ready =
        a_failed_update().rescuing().step(Step::RestoreConfiguration, minutes(9), accepted()).step(Step::Start, minutes(8), accepted());
    from_ready = from_ready.running().job(a_looping_job(minutes(7), 10)).application(|it| it.version_id = 8);
    says(&from_ready.must("escalate", Reason::LadderExhausted).reason, &["every rung is used"]);
    let cannot_carry = after_a_force_stop().step(Step::RestoreConfiguration, 60, failed("Lifeguard.CannotCarry"));
    says(&cannot_carry.must("escalate", Reason::LadderExhausted).reason, &["the configuration could not be put back"]);
    let start_failed = after_a_force_stop()
        .step(Step::RestoreConfiguration, 100, accepted())
        .step(Step::Start, 90, accepted_as("StartApplication-89"))
        .operation("UpdateApplication", "SUCCESSFUL", 99, Some(1))
        .operation("StartApplication", "FAILED", 89, Some(30));
    says(&start_failed.must("escalate", Reason::LadderExhausted).reason, &["the start did not help"]);
}

#[test]
fn what_was_accepted_is_given_time_to_show() {
    // Ten seconds after the rollback the service still shows the job of before, looping or healthy.
    let just = |result: StepResult| a_rescue().step(Step::Rollback, 10, result);
    for result in [accepted(), accepted_as("op-9")] {
        says(&just(result.clone()).must("wait", Reason::Busy).reason, &["Rollback was accepted 10 s ago and does not show yet"]);
        just(result).healthy_for(600).must("wait", Reason::Busy);
    }
    // A force-stop: still RUNNING. A start: still READY.
    a_rescue().step(Step::ForceStop, 10, accepted()).must("wait", Reason::Busy);
    let started = after_a_force_stop().step(Step::RestoreConfiguration, 30, accepted()).step(Step::Start, 10, accepted_as("op-9"));
    started.must("wait", Reason::Busy);
    // Beyond the time-out of an operation the rungs go on.
    a_rescue().tagged("operation-timeout", "10m").step(Step::Rollback, 599, accepted()).must("wait", Reason::Busy);
    a_rescue().tagged("operation-timeout", "10m").step(Step::Rollback, 600, accepted()).must("forceStop", Reason::NextRung);
}

#[test]
fn ready_after_our_own_force_stop_is_not_finished() {
    let stale = an_application("orders")
        .ready()
        .made(minutes(30))
        .operation("RollbackApplication", "SUCCESSFUL", minutes(20), Some(60))
        .rescuing()
        .step(Step::Rollback, minutes(20) + 1, accepted_as("RollbackApplication-1200"))
        .step(Step::ForceStop, 10, accepted_as("not-listed-yet"));
    assert_eq!(stale.assess(), Assessment::Finished);
    stale.must("restoreConfiguration", Reason::NextRung);
}

#[test]
fn recovered_is_a_soak_after_the_last_step_and_names_what_was_restored() {
    let healthy = |path: Option<&str>| {
        let mut case = after_a_rollback().healthy_for(310);
        case.seen.snapshots.extend([a_snapshot("before-1", hours(2)), a_snapshot("nightly", minutes(10)), a_snapshot("before-change-2", hours(3))]);
        path.into_iter().fold(case, Case::restored_from)
    };
    for (path, told) in [
        (Some("s3://b/before-change/x"), "restored from snapshot before-change, as planned"),
        (Some("s3://b/before-change-2/x"), "restored from snapshot before-change-2; planned was before-change"),
        (Some("s3://b/nightly/x"), "CHECK THE STATE: restored from snapshot nightly"),
        (Some("s3://b/before-1"), "restored from snapshot before-1; planned was before-change"),
        (Some("s3://b/8d1f"), "could not be confirmed"),
        (None, "Flink does not say what was restored"),
    ] {
        says(&healthy(path).must("recovered", Reason::Recovered).reason, &[told]);
    }
    let mut none_planned = healthy(None);
    none_planned.progress.rescue.as_mut().unwrap().snapshot.chosen = None;
    says(&none_planned.must("recovered", Reason::Recovered).reason, &["no snapshot was planned"]);
}

#[test]
fn a_rescue_under_way_meets_every_verdict() {
    let (since, first_fault) = (ago(30), None);
    for (verdict, action, because) in [
        (Assessment::Healthy { since }, "recovered", Reason::Recovered),
        (Assessment::Healthy { since: ago(hours(2)) }, "leaveAlone", Reason::RunsAgain),
        (Assessment::Finished, "recovered", Reason::Recovered),
        (Assessment::Settling { why: "coming up".into() }, "wait", Reason::Settling),
        (Assessment::NoProgress { since, failed: 1 }, "wait", Reason::NoProgress),
        (Assessment::NoProgress { since: ago(hours(1)), failed: 1 }, "escalate", Reason::NoProgress),
        (Assessment::Looping { since, restarts: 2, first_fault: first_fault.clone() }, "wait", Reason::TooFewRestarts),
        (Assessment::Looping { since, restarts: 3, first_fault: first_fault.clone() }, "forceStop", Reason::NextRung),
        (Assessment::Failed { why: "gave up".into(), first_fault }, "forceStop", Reason::NextRung),
        (Assessment::Busy { status: "UPDATING".into(), since }, "wait", Reason::Busy),
        (Assessment::Unknown { why: "403".into() }, "wait", Reason::Unknown),
    ] {
        after_a_rollback().judged(verdict).must(action, because);
    }
}

#[test]
fn when_nothing_has_acted_every_verdict_is_met_afresh() {
    let refused = || a_rescue().step(Step::Rollback, 20, refused());
    let since = ago(30);
    for (verdict, action, because) in [
        (Assessment::Healthy { since }, "leaveAlone", Reason::RunsAgain),
        (Assessment::Settling { why: "coming up".into() }, "wait", Reason::Settling),
        (Assessment::NoProgress { since: ago(hours(1)), failed: 1 }, "escalate", Reason::NoProgress),
        (Assessment::Looping { since, restarts: 1, first_fault: None }, "wait", Reason::TooFewRestarts),
        (Assessment::Looping { since, restarts: 9, first_fault: None }, "forceStop", Reason::NextRung),
        (Assessment::Finished, "leaveAlone", Reason::Finished),
        (Assessment::Stopped { why: "by hand".into() }, "leaveAlone", Reason::Stopped),
    ] {
        refused().judged(verdict).must(action, because);
    }
}

#[test]
fn an_application_that_somebody_stopped_between_look_and_step_is_not_started() {
    let stopped = an_application("orders")
        .ready()
        .made(minutes(30))
        .operation("StopApplication", "SUCCESSFUL", 100, Some(30))
        .with_snapshot("before-change", hours(1))
        .rescuing()
        .step(Step::Rollback, 90, failed("Lifeguard.Stale"));
    says(&stopped.must("leaveAlone", Reason::Stopped).reason, &["nothing was changed", "stopped by StopApplication"]);
}

#[test]
fn a_lost_answer_whose_operation_shows_counts_as_done() {
    let stopped = an_application("orders")
        .ready()
        .made(minutes(30))
        .operation("StopApplication", "SUCCESSFUL", 99, Some(30))
        .with_snapshot("before-change", hours(1))
        .rescuing()
        .step(Step::ForceStop, 100, lost());
    stopped.must("restoreConfiguration", Reason::NextRung);
    let mut rolled_back = after_a_rollback().healthy_for(310);
    rolled_back.progress.steps[0].result = Some(lost());
    rolled_back.must("recovered", Reason::Recovered);
    // Without a trace nothing was done, and it may be tried again.
    a_rescue().step(Step::Rollback, 100, lost()).must("rollback", Reason::ChangeToBlame);
    a_rescue().step(Step::Rollback, 100, lost()).healthy_for(600).must("leaveAlone", Reason::RunsAgain);
}

#[test]
fn a_foreign_hand_ends_the_rescue_and_our_own_does_not() {
    let rescue = || after_a_rollback();
    for (what, case, is_foreign) in [
        ("a person's update", rescue().operation("UpdateApplication", "SUCCESSFUL", 60, Some(20)), true),
        ("a person's start", rescue().operation("StartApplication", "IN_PROGRESS", 60, None), true),
        ("a second rollback", rescue().operation("RollbackApplication", "SUCCESSFUL", 60, Some(20)), true),
        ("maintenance", rescue().operation("ApplicationMaintenance", "SUCCESSFUL", 60, Some(20)), false),
        ("autoscaling", rescue().operation("AutoScaling", "SUCCESSFUL", 60, Some(20)), false),
        ("a tag", rescue().operation("TagResource", "SUCCESSFUL", 60, Some(20)), false),
        ("an update before our first step", rescue().operation("UpdateApplication", "SUCCESSFUL", hours(1), Some(20)), false),
        (
            "the service's own rollback",
            rescue().application(|it| it.system_rollback_enabled = Some(true)).operation("RollbackApplication", "SUCCESSFUL", 60, Some(20)),
            false,
        ),
        ("a rollback that a failed operation names", named_by_a_failure(rescue()), false),
        (
            "our force-stop, by id",
            rescue().step(Step::ForceStop, 61, accepted_as("StopApplication-60")).operation("StopApplication", "SUCCESSFUL", 60, Some(20)),
            false,
        ),
        ("our force-stop, by kind", rescue().step(Step::ForceStop, 61, accepted()).operation("StopApplication", "SUCCESSFUL", 60, Some(20)), false),
        (
            "our force-stop, its answer lost",
            rescue().step(Step::ForceStop, 61, lost()).operation("StopApplication", "SUCCESSFUL", 60, Some(20)),
            false,
        ),
        (
            "a stop after ours was refused",
            rescue().step(Step::ForceStop, 61, refused()).operation("StopApplication", "SUCCESSFUL", 60, Some(20)),
            true,
        ),
        (
            "a stop after ours was not sent",
            rescue().step(Step::ForceStop, 61, failed("Lifeguard.Stale")).operation("StopApplication", "SUCCESSFUL", 60, Some(20)),
            true,
        ),
    ] {
        let decision = case.decide();
        assert_eq!(decision.because == Reason::SomebodyElseActed, is_foreign, "{what}: {}", decision.reason);
        assert!(!is_foreign || decision.action == Action::Escalate, "{what}");
    }
}

fn named_by_a_failure(case: Case) -> Case {
    let mut case = case.operation("ApplicationMaintenance", "FAILED", 90, Some(20)).operation("RollbackApplication", "SUCCESSFUL", 60, Some(20));
    let id = case.seen.operations[0].id.clone();
    case.seen.operations[1].rollback_operation_id = Some(id);
    case
}

#[test]
fn our_own_step_stamped_before_it_was_decided_is_ours_too() {
    // The service's clock is two seconds behind.
    let mut early = after_a_rollback();
    early.progress.steps[0].at = ago(minutes(10) - 2);
    early.must("forceStop", Reason::NextRung);
    early.progress.steps[0].result = Some(lost());
    early.must("forceStop", Reason::NextRung);
}

#[test]
fn a_verdict_without_a_rescue_decides_by_itself() {
    let quiet = || an_application("orders").made(days(3));
    let rolled_back = |enabled| {
        quiet().healthy_for(600).application(move |it| {
            it.version_rolled_back_from = Some(6);
            it.system_rollback_enabled = Some(enabled);
        })
    };
    for (case, action, because) in [
        (quiet().healthy_for(600), "leaveAlone", Reason::Healthy),
        (rolled_back(true), "leaveAlone", Reason::SystemRolledBack),
        (rolled_back(false), "leaveAlone", Reason::Healthy),
        (quiet().ready().operations(vec![an_operation("StartApplication", "SUCCESSFUL", 600, Some(60))]), "leaveAlone", Reason::Finished),
        (quiet().ready().operation("StopApplication", "SUCCESSFUL", 60, Some(20)), "leaveAlone", Reason::Stopped),
        (quiet(), "wait", Reason::Settling),
        (quiet().job(a_looping_job(5, 3)), "wait", Reason::TooFewRestarts),
        (quiet().unreadable(Part::Job, "403"), "wait", Reason::Unknown),
        (quiet().judged(Assessment::NoProgress { since: ago(600), failed: 9 }), "wait", Reason::NoProgress),
        (quiet().judged(Assessment::NoProgress { since: ago(1_200), failed: 9 }), "escalate", Reason::NoProgress),
    ] {
        case.must(action, because);
    }
}

#[test]
fn six_blind_looks_are_enough() {
    let mut blind = an_application("orders").made(minutes(30)).unreadable(Part::Job, "403");
    for _ in 0..5 {
        blind.must("wait", Reason::Unknown);
        blind.before = blind.look().0;
    }
    says(&blind.must("escalate", Reason::Unknown).reason, &["6 looks in a row", "403"]);
}

#[test]
fn a_soak_is_waited_out_and_coming_up_has_a_time_out() {
    let up = an_application("orders").made(minutes(3)).job(a_job(100));
    assert_eq!(wait_of(&up.must("wait", Reason::Settling)), 307, "the soak, and the cache");
    let mut later = up.clone();
    later.before = Watch::default().after(&up.seen, 303).0;
    later.seen.job.as_mut().unwrap().at = ago(-100);
    assert_eq!(wait_of(&later.must("wait", Reason::Settling)), 207);
    later.seen.job.as_mut().unwrap().at = ago(99_999);
    assert_eq!(wait_of(&later.must("wait", Reason::Settling)), 307, "never longer than a soak, even when a clock jumps back");
    let slow = |age: i64| {
        let mut case = an_application("orders").made(hours(1)).job(lifecycle::Job { vertices: vec![vertex(&[("INITIALIZING", 2)])], ..a_job(3_000) });
        let mut first = case.clone();
        first.seen.job.as_mut().unwrap().at = ago(age);
        case.before = Watch::default().after(&first.seen, 303).0;
        case
    };
    assert_eq!(wait_of(&slow(2_400).must("wait", Reason::Settling)), 30);
    says(&slow(2_401).must("escalate", Reason::SettlingTooLong).reason, &["not up after 2401 s", "2 INITIALIZING"]);
    let without_job = an_application("orders").looked_at(&an_application("orders"), 2_500);
    without_job.must("escalate", Reason::SettlingTooLong);
}

#[test]
fn a_wait_never_reaches_past_the_deadline() {
    for (age, secs) in [(14_399, 1), (14_390, 10), (14_000, 30), (-50, 30)] {
        assert_eq!(wait_of(&a_stuck_update(60).execution_of(age).must("wait", Reason::Busy)), secs, "{age} s old");
    }
}

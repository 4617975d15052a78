//! A rescue without a person: gates, patience, blame, brakes, steps.

mod support;

use lifecycle::{Decision, Reason, Restore, Runtime, Step};
use support::{rescues::*, *};

#[track_caller]
fn snapshot_of(decision: &Decision) -> &str {
    match decision
        .action
        .plan()
        .and_then(|plan| plan.restore.as_ref())
    {
        Some(Restore::Snapshot { snapshot_name, .. }) => snapshot_name,
        other => panic!("no snapshot is named: {other:?}"),
    }
}

#[test]
fn a_bad_deployment_is_rolled_back_and_the_intent_written_down() {
    let decision = a_bad_deployment().must("rollback", Reason::ChangeToBlame);
    let plan = decision.action.plan().unwrap();
    assert_eq!(
        (plan.version_id, plan.target_version_id, &plan.restore),
        (7, Some(6), &None)
    );
    assert_eq!(
        plan.status,
        Some("RUNNING".into()),
        "the other half of the fence"
    );
    let rescue = decision.progress.rescue.as_ref().unwrap();
    assert_eq!((rescue.faulty_version_id, rescue.good_version_id), (7, 6));
    assert_eq!(
        rescue.snapshot.chosen.as_ref().unwrap().name,
        "before-change"
    );
    let taken = &decision.progress.steps[0];
    assert_eq!(
        (taken.step, taken.at, taken.version_id, &taken.result),
        (Step::Rollback, now(), 7, &None)
    );
    let before = taken.before.as_ref().expect("the look before it");
    assert_eq!(
        before.operations.as_ref().expect("readable").len(),
        1,
        "the deployment"
    );
    assert_eq!(before.job.as_ref().expect("a run").id, "job-1");
    says(
        &decision.reason,
        &["roll version 7 back to version 6", "has never run well"],
    );
}

#[test]
fn gates_end_a_turn_whatever_the_health() {
    let bad = a_bad_deployment;
    for (what, case, action, because) in [
        (
            "SQL",
            bad().runtime("SQL-1_0"),
            "escalate",
            Reason::NotFlink,
        ),
        (
            "Studio",
            bad().runtime("ZEPPELIN-FLINK-3_0"),
            "escalate",
            Reason::NotFlink,
        ),
        (
            "deleting",
            bad().status("DELETING"),
            "leaveAlone",
            Reason::Deleting,
        ),
        (
            "not opted in",
            bad().not_opted_in(),
            "leaveAlone",
            Reason::NotOptedIn,
        ),
        (
            "opted out",
            bad().tagged("managed", "false"),
            "leaveAlone",
            Reason::NotOptedIn,
        ),
        (
            "tags unreadable",
            bad().with_unreadable_tags(),
            "wait",
            Reason::PolicyUnclear,
        ),
        (
            "opted out in the middle",
            bad()
                .rescuing()
                .step(Step::Rollback, 60, accepted())
                .not_opted_in(),
            "escalate",
            Reason::PolicyUnclear,
        ),
        (
            "at the deadline",
            bad().execution_of(14_400),
            "escalate",
            Reason::Deadline,
        ),
        (
            "past the deadline",
            bad().execution_of(99_999),
            "escalate",
            Reason::Deadline,
        ),
        (
            "healthy at the deadline",
            bad().healthy_for(600).execution_of(14_400),
            "escalate",
            Reason::Deadline,
        ),
    ] {
        let decision = case.decide();
        assert_eq!(
            (word(&decision.action), decision.because),
            (action, because),
            "{what}: {}",
            decision.reason
        );
    }
}

#[test]
fn a_loop_is_acted_on_from_its_third_incident_on() {
    for (incidents, action, because) in [
        (2, "wait", Reason::TooFewRestarts),
        (3, "rollback", Reason::ChangeToBlame),
    ] {
        let since = ago(minutes(28));
        a_bad_deployment()
            .judged(lifecycle::Assessment::Looping {
                since,
                restarts: u64::from(incidents),
                incidents,
                first_fault: None,
            })
            .must(action, because);
    }
}

#[test]
fn what_waits_for_its_next_try_for_longer_than_it_may_take_is_judged_like_what_does_not_come_up() {
    // A restart delay of hours: two faults two minutes apart, and since then no try.
    let waiting = |down: i64| {
        let made = minutes(50);
        let mut job = a_looping_job(down + minutes(2), minutes(2));
        job.running_at = Some(ago(down + 100));
        job.restarting_at = Some(ago(down));
        job.faults.newest_at = Some(ago(down));
        an_application("orders")
            .version(7)
            .made(made)
            .running()
            .with_snapshot("before-change", made + minutes(10))
            .job(job)
            .history(vec![ran_well(ago(made + days(5)), ago(made))])
            .judged(lifecycle::Assessment::Looping {
                since: ago(down + minutes(2)),
                restarts: 2,
                incidents: 2,
                first_fault: None,
            })
    };
    waiting(minutes(40)).must("wait", Reason::TooFewRestarts);
    waiting(minutes(40) + 1).must("rollback", Reason::ChangeToBlame);
    // All tasks run: that is a soak, and no wait for a try.
    let mut up = waiting(minutes(41));
    let job = up.seen.job.as_mut().expect("given above");
    job.vertices = a_job(0).vertices;
    job.state = lifecycle::JobState::Running;
    up.must("wait", Reason::TooFewRestarts);
}

#[test]
fn a_stack_without_the_function_that_force_stops_still_rolls_back_and_asks_for_the_rest() {
    let without = |case: Case| case.policy(|it| it.allow_force_stop = false);
    without(a_bad_deployment()).must("rollback", Reason::ChangeToBlame);
    for case in [
        after_a_rollback(),
        after_a_force_stop(),
        after_a_force_stop().step(Step::RestoreConfiguration, 100, accepted()),
    ] {
        says(
            &without(case)
                .must("escalate", Reason::ForceStopDisabled)
                .reason,
            &["ForceStop=disabled", "a person is needed to"],
        );
    }
}

#[test]
fn each_brake_holds_and_says_why() {
    for (case, because, part) in [
        (
            a_bad_deployment().policy(|it| it.mode = lifecycle::Mode::Observe),
            Reason::ObserveOnly,
            "the mode is observe",
        ),
        (
            a_bad_deployment().tagged("mode", "observe"),
            Reason::ObserveOnly,
            "the mode is observe",
        ),
        (
            a_bad_deployment().tagged("soak", "long"),
            Reason::PolicyUnclear,
            "lifeguard:soak",
        ),
        (
            a_bad_deployment().rescues_today(2),
            Reason::BudgetSpent,
            "2 rescue(s) were begun today",
        ),
        (
            a_bad_deployment().tagged("rescues-per-day", "0"),
            Reason::BudgetSpent,
            "0 are allowed",
        ),
    ] {
        let decision = case.must("escalate", because);
        says(&decision.reason, &["nothing was changed", part]);
    }
}

/// What was undone so long ago each time, and is applied again.
fn applied_again(undone: &[i64]) -> Case {
    let mut case = a_bad_deployment().policy(|it| it.rescues_per_day = 9);
    case.seen.application.content = Some(7);
    // What the last rollback went back to.
    case.seen.versions[0].created_at = Some(ago(undone[0] + 400));
    let failed = &mut case.ledger.as_mut().expect("readable").failed;
    for (version, age) in (70..).zip(undone) {
        let mut undone = a_version(version);
        undone.content = Some(7);
        undone.created_at = Some(ago(age + 900));
        case.seen.versions.push(undone);
        let at = ago(*age);
        failed.insert(version, lifecycle::FailedBefore { at, fault: None });
    }
    let oldest = undone.iter().max().expect("at least once");
    case.history(vec![
        ran_well(ago(days(5)), ago(oldest + 900)),
        ran_well(ago(undone[0]), ago(minutes(30))),
        failing(ago(minutes(28)), ago(180), 40),
    ])
}

#[test]
fn what_was_undone_twice_in_a_day_is_for_people_to_stop() {
    applied_again(&[hours(5)]).must("rollback", Reason::ChangeToBlame);
    applied_again(&[hours(5), hours(25)]).must("rollback", Reason::ChangeToBlame);
    let decision = applied_again(&[hours(5), hours(9)]).must("escalate", Reason::AppliedAgain);
    says(
        &decision.reason,
        &["nothing was changed", "is what was undone at"],
    );
    // Of another content it says nothing, and under an application's name that is used again neither.
    let mut other = applied_again(&[hours(5), hours(9)]);
    other.seen.versions.last_mut().expect("just given").content = Some(71);
    other.must("rollback", Reason::ChangeToBlame);
    applied_again(&[hours(5), hours(9)])
        .application(|it| it.created_at = Some(ago(hours(8))))
        .must("rollback", Reason::ChangeToBlame);
    // Whoever asks for it gets it.
    applied_again(&[hours(5), hours(9)])
        .asked(rollback())
        .must("rollback", Reason::AskedFor);
}

#[test]
fn brakes_hold_on_every_step_of_a_rescue_under_way() {
    let under_way: [(&str, Case); 4] = [
        (
            "after a refused rollback",
            a_rescue().step(Step::Rollback, 60, refused()),
        ),
        ("after a rollback that did not help", after_a_rollback()),
        ("READY after a force-stop", after_a_force_stop()),
        (
            "READY with the configuration back",
            after_a_force_stop().step(Step::RestoreConfiguration, 100, accepted()),
        ),
    ];
    for (what, case) in under_way {
        assert!(
            case.decide().action.plan().is_some(),
            "{what}: {}",
            case.decide().reason
        );
        for (braked, because) in [
            (case.clone().tagged("mode", "observe"), Reason::ObserveOnly),
            (case.clone().tagged("colour", "blue"), Reason::PolicyUnclear),
        ] {
            assert_eq!(
                (word(&braked.decide().action), braked.decide().because),
                ("escalate", because),
                "{what}"
            );
        }
        // What was begun is in the budget; a rollback that was refused began nothing.
        let has_begun = what != "after a refused rollback";
        assert_eq!(
            case.rescues_today(9).decide().action.plan().is_some(),
            has_begun,
            "{what}"
        );
    }
}

/// Version 7 has run well for days, and fails since ten minutes.
fn an_outage() -> Case {
    an_application("orders")
        .version(7)
        .made(days(3))
        .running()
        .job(a_looping_job(minutes(10), 10))
        .with_snapshot("before-change", hours(1))
        .history(vec![
            ran_well(ago(days(9)), ago(days(3))),
            ran_well(ago(days(3) - 60), ago(minutes(10))),
        ])
}

#[test]
fn what_is_not_the_changes_fault_is_told_once_and_waited_for() {
    let outage = an_outage();
    let decision = outage.must("wait", Reason::HadWorked);
    assert_eq!(
        (wait_of(&decision), decision.progress.waiting_since),
        (60, Some(now()))
    );
    let notice = decision.notice.unwrap();
    says(&notice.subject, &["orders", "had run well"]);
    says(
        &notice.text,
        &["version 7 had run well for", "Nothing is changed"],
    );
    let again = outage
        .clone()
        .waiting_since(60)
        .must("wait", Reason::HadWorked);
    assert_eq!(
        (again.notice, again.progress.waiting_since),
        (None, Some(ago(60)))
    );
    says(
        &outage
            .clone()
            .waiting_since(2_700)
            .must("escalate", Reason::HadWorked)
            .reason,
        &["nothing was changed, because version 7 had run well"],
    );
    outage
        .clone()
        .waiting_since(600)
        .healthy_for(600)
        .must("leaveAlone", Reason::RunsAgain);
    // Nothing retries a job that FAILED, so nothing is waited for: it is started once more.
    let mut gone = outage;
    gone.seen.job.as_mut().unwrap().state = "FAILED".into();
    gone.must("forceStop", Reason::HadWorked);
}

#[test]
fn what_is_missing_for_a_rescue_is_told_and_nothing_touched() {
    let bad = a_bad_deployment;
    let no_snapshot = |case: Case| Case {
        seen: lifecycle::Observation {
            snapshots: vec![],
            ..case.seen.clone()
        },
        ..case
    };
    for (case, because, parts) in [
        (
            no_snapshot(bad()),
            Reason::NoSnapshot,
            vec![
                "there is no snapshot",
                "A start without state needs a person's word",
            ],
        ),
        (
            bad().snapshot(|it| it.status = "FAILED".into()),
            Reason::NoSnapshot,
            vec!["before-change: it is FAILED"],
        ),
        (
            bad().before_on("FLINK-1_18"),
            Reason::NoSnapshot,
            vec!["does not fit FLINK-1_18"],
        ),
        (
            bad().tagged("snapshot-max-age", "30m"),
            Reason::NoSnapshot,
            vec!["30 min are allowed"],
        ),
        (
            bad().snapshot(|it| it.created_at = ago(minutes(20))),
            Reason::NoSnapshot,
            vec!["began to process"],
        ),
    ] {
        let decision = case.must("escalate", because);
        says(&decision.reason, &parts);
    }
    // Nothing known to have worked to go back to: a person decides, Flink retries meanwhile.
    let decision = without_versions(bad()).must("escalate", Reason::Suspected);
    says(
        &decision.reason,
        &["no version before version 7 is known to have worked"],
    );
}

fn without_versions(mut case: Case) -> Case {
    case.seen.versions.clear();
    case
}

#[test]
fn somebody_at_work_is_waited_for_up_to_the_operations_time_out() {
    for (age, secs) in [(60, 30), (2_380, 20), (2_399, 1)] {
        assert_eq!(
            wait_of(&a_stuck_update(age).must("wait", Reason::Busy)),
            secs,
            "{age} s"
        );
    }
    a_stuck_update(2_400).must("rollback", Reason::ChangeToBlame);
    // The start of a version that had soaked hangs.
    an_application("orders")
        .status("STARTING")
        .made_at(days(2))
        .operation("StartApplication", "IN_PROGRESS", 2_400, None)
        .soaked(7, days(1))
        .history(vec![ran_well(ago(days(2) - 60), ago(days(1)))])
        .must("escalate", Reason::OperationStuck);
    for status in [
        "AUTOSCALING",
        "MAINTENANCE",
        "ROLLING_BACK",
        "STOPPING",
        "FORCE_STOPPING",
        "SOMETHING_NEW",
    ] {
        let stuck = a_stuck_update(9_999)
            .status(status)
            .must("escalate", Reason::OperationStuck);
        says(&stuck.reason, &[status, "open a support case"]);
        a_stuck_update(600)
            .status(status)
            .must("wait", Reason::Busy);
    }
    assert_eq!(
        wait_of(&a_stuck_update(-500).must("wait", Reason::Busy)),
        30,
        "two clocks"
    );
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
    let decision = stuck.must("forceStop", Reason::NextStep);
    assert!(
        !decision.reason.contains("the rollback did not help"),
        "there was none: {}",
        decision.reason
    );
}

#[test]
fn a_failed_start_goes_straight_to_the_configuration() {
    let decision = a_failed_update().must("restoreConfiguration", Reason::NextStep);
    assert_eq!(decision.action.plan().unwrap().target_version_id, Some(6));
    says(
        &decision.reason,
        &["put the configuration of version 6 back"],
    );
}

#[test]
fn the_steps_follow_one_another() {
    let rollback_refused = a_rescue().step(Step::Rollback, 20, refused());
    says(
        &rollback_refused.must("forceStop", Reason::NextStep).reason,
        &["Rollback failed (the service said Lifeguard.Refused)"],
    );
    let after_rollback = after_a_rollback().must("forceStop", Reason::NextStep);
    says(&after_rollback.reason, &["the rollback did not help"]);
    let down = after_a_rollback()
        .ready()
        .judged(lifecycle::Assessment::Failed {
            why: "it fell back".into(),
            first_fault: None,
        });
    let decision = down.must("restoreConfiguration", Reason::NextStep);
    assert!(
        !decision.reason.contains("did not help"),
        "it is down, and what brought it down is not told by this: {}",
        decision.reason
    );
    let configuration = after_a_force_stop().must("restoreConfiguration", Reason::NextStep);
    assert_eq!(
        configuration.action.plan().unwrap().target_version_id,
        Some(6)
    );
    let start = after_a_force_stop()
        .step(Step::RestoreConfiguration, 100, accepted())
        .must("start", Reason::NextStep);
    assert_eq!(snapshot_of(&start), "before-change");
    assert_eq!(
        start.action.plan().unwrap().allow_non_restored_state,
        None,
        "carried over"
    );
    for (decision, version_id) in [(&after_rollback, 8), (&configuration, 7), (&start, 7)] {
        assert_eq!(
            decision.action.plan().unwrap().version_id,
            version_id,
            "the fence: {}",
            decision.reason
        );
    }
    says(
        &start.reason,
        &[
            "start version 6 from snapshot before-change",
            "1 h of records are replayed",
        ],
    );
}

#[test]
fn the_start_tells_which_newer_snapshots_were_passed_over() {
    let mut case = after_a_force_stop().step(Step::RestoreConfiguration, 100, accepted());
    case.progress.rescue.as_mut().unwrap().snapshot.passed_over = vec![lifecycle::PassedOver {
        name: "nightly".into(),
        why: "it was taken after".into(),
    }];
    says(
        &case.must("start", Reason::NextStep).reason,
        &["passed over: nightly (it was taken after)"],
    );
}

#[test]
fn a_rollback_that_could_restore_what_was_taken_since_is_not_tried() {
    let upgraded = a_bad_deployment()
        .with_snapshot("taken-under-2-2", minutes(5))
        .snapshot(|it| it.runtime = Some(Runtime::from("FLINK-2_2")));
    upgraded.clone().must("forceStop", Reason::NextStep);
    upgraded
        .clone()
        .snapshot(|it| it.runtime = None)
        .must("forceStop", Reason::NextStep);
    // Nor one that fits and was taken since.
    upgraded
        .clone()
        .snapshot(|it| it.runtime = Some(Runtime::from("FLINK-1_20")))
        .must("forceStop", Reason::NextStep);
    upgraded
        .clone()
        .snapshot(|it| it.status = "FAILED".into())
        .must("rollback", Reason::ChangeToBlame);
    upgraded
        .snapshot(|it| it.created_at = ago(hours(2)))
        .must("rollback", Reason::ChangeToBlame);
}

#[test]
fn the_service_is_not_stepped_on_while_an_operation_is_in_progress() {
    let during = a_bad_deployment().operation("ApplicationMaintenance", "IN_PROGRESS", 20, None);
    says(
        &during.must("wait", Reason::Busy).reason,
        &["ApplicationMaintenance since"],
    );
    a_bad_deployment()
        .operation("CreateSnapshot", "IN_PROGRESS", 20, None)
        .must("rollback", Reason::ChangeToBlame);
}

#[test]
fn a_step_of_which_nobody_knows_is_tried_three_times_at_most() {
    for (error, once, thrice) in [
        ("Lifeguard.Stale", "rollback", "rollback"),
        ("Lifeguard.Retryable", "rollback", "rollback"),
        ("Lambda.TooManyRequestsException", "rollback", "rollback"),
        ("Lambda.Unknown", "rollback", "forceStop"),
        ("States.Timeout", "rollback", "forceStop"),
        ("Runtime.ExitError", "rollback", "forceStop"),
        ("Lifeguard.Refused", "forceStop", "forceStop"),
        ("Lifeguard.NotAllowed", "escalate", "escalate"),
        ("Lifeguard.BadInput", "escalate", "escalate"),
        ("Lifeguard.Internal", "escalate", "escalate"),
    ] {
        let case = a_rescue().step(Step::Rollback, 62, failed(error));
        assert_eq!(word(&case.decide().action), once, "{error}");
        let case =
            case.step(Step::Rollback, 61, failed(error))
                .step(Step::Rollback, 60, failed(error));
        assert_eq!(word(&case.decide().action), thrice, "{error}");
    }
}

#[test]
fn nothing_is_force_stopped_when_nothing_could_start_it_again() {
    let started = after_a_rollback()
        .step(Step::ForceStop, minutes(9), accepted_as("gone"))
        .step(Step::RestoreConfiguration, minutes(9), accepted_as("gone"))
        .step(Step::Start, minutes(8), accepted_as("gone"));
    started.must("escalate", Reason::EveryStepUsed);
    let mut from_ready = a_failed_update()
        .rescuing()
        .step(Step::RestoreConfiguration, minutes(9), accepted())
        .application(|it| it.version_id = 8)
        .step(Step::Start, minutes(8), accepted());
    from_ready = from_ready.running().job(a_looping_job(minutes(7), 10));
    says(
        &from_ready.must("escalate", Reason::EveryStepUsed).reason,
        &["every step is used"],
    );
    let start_failed = after_a_force_stop()
        .step(Step::RestoreConfiguration, 100, accepted())
        .step(Step::Start, 90, accepted_as("StartApplication-89"))
        .operation("UpdateApplication", "SUCCESSFUL", 99, Some(1))
        .operation("StartApplication", "FAILED", 89, Some(30));
    says(
        &start_failed.must("escalate", Reason::EveryStepUsed).reason,
        &["the start did not help"],
    );
}

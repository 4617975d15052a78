//! A person's word: what it lifts, what it does not, and how it meets each state of the application.

mod support;

use lifecycle::{Action, Assessment, Part, Reason, Request, Restore, Step};
use support::*;

/// RUNNING and healthy since long, with a snapshot from before the change and one from after it.
fn healthy() -> Case {
    an_application("orders")
        .made(hours(3))
        .healthy_for(hours(2))
        .with_snapshot("before-change", hours(4))
        .with_snapshot("nightly", hours(1))
}

fn every_request() -> [Request; 5] {
    [
        rollback(),
        force_stop(),
        restore_of(6),
        restore_from("nightly"),
        restore_without_state(),
    ]
}

#[track_caller]
fn chosen(case: &Case) -> Option<String> {
    case.decide()
        .progress
        .rescue
        .expect("a rescue is begun")
        .snapshot
        .chosen
        .map(|one| one.name)
}

#[test]
fn a_healthy_application_is_changed_on_a_persons_word() {
    for (request, action) in [
        // Since the change a snapshot was taken, and the service's rollback might restore it.
        (rollback(), "forceStop"),
        (force_stop(), "forceStop"),
        (restore(), "forceStop"),
        (restore_of(6), "forceStop"),
        (restore_from("nightly"), "forceStop"),
        (restore_without_state(), "forceStop"),
    ] {
        let decision = healthy()
            .asked(request.clone())
            .must(action, Reason::AskedFor);
        assert_eq!(decision.action.plan().unwrap().version_id, 7, "{request:?}");
        assert_eq!(
            decision.action.plan().unwrap().target_version_id,
            (request == rollback() || request == restore_of(6)).then_some(6),
            "{request:?}"
        );
        says(&decision.reason, &["as asked"]);
    }
    healthy().must("leaveAlone", Reason::Healthy);
}

#[test]
fn a_persons_word_lifts_blame_and_budget_and_no_other_brake() {
    for request in every_request() {
        let asked = || healthy().asked(request.clone());
        assert!(
            asked().soaked(7, hours(1)).decide().action.plan().is_some(),
            "{request:?}: blame"
        );
        assert!(
            asked().rescues_today(9).decide().action.plan().is_some(),
            "{request:?}: budget"
        );
        asked()
            .tagged("mode", "observe")
            .must("escalate", Reason::ObserveOnly);
        asked()
            .tagged("mode", "maybe")
            .must("escalate", Reason::PolicyUnclear);
        asked()
            .ledger_unreadable()
            .must("wait", Reason::LedgerUnreadable);
        asked().not_opted_in().must("escalate", Reason::NotOptedIn);
        asked()
            .with_unreadable_tags()
            .must("wait", Reason::PolicyUnclear);
        asked()
            .runtime("SQL-1_0")
            .must("escalate", Reason::NotFlink);
        asked()
            .status("DELETING")
            .must("leaveAlone", Reason::Deleting);
        asked()
            .execution_of(20_000)
            .must("escalate", Reason::Deadline);
    }
}

#[test]
fn a_contradiction_is_refused_in_every_state() {
    let both = Request::Restore {
        application_version_id: None,
        snapshot_name: Some("s".into()),
        without_state: true,
        allow_non_restored_state: None,
    };
    for status in ["RUNNING", "UPDATING", "READY", "MAINTENANCE"] {
        healthy()
            .status(status)
            .asked(both.clone())
            .must("escalate", Reason::RequestRefused);
    }
}

#[test]
fn a_person_waits_for_the_service_too() {
    for request in every_request() {
        for status in [
            "STARTING",
            "UPDATING",
            "AUTOSCALING",
            "MAINTENANCE",
            "ROLLING_BACK",
            "STOPPING",
        ] {
            let busy = healthy()
                .status(status)
                .operation("SomeOperation", "IN_PROGRESS", 60, None)
                .asked(request.clone());
            busy.must("wait", Reason::Busy);
        }
        let during = healthy()
            .operation("ApplicationMaintenance", "IN_PROGRESS", 20, None)
            .asked(request.clone());
        says(
            &during.must("wait", Reason::Busy).reason,
            &["ApplicationMaintenance since"],
        );
        healthy()
            .unreadable(Part::Job, "403")
            .judged(Assessment::Unknown { why: "403".into() })
            .asked(request)
            .must("wait", Reason::Unknown);
    }
}

#[test]
fn what_is_stuck_is_ended_on_a_persons_word_where_the_service_allows_it() {
    let stuck = |status: &str, request| {
        healthy()
            .status(status)
            .operation("Operation", "IN_PROGRESS", 9_999, None)
            .asked(request)
    };
    for (status, request, action, because) in [
        ("UPDATING", rollback(), "forceStop", Reason::AskedFor),
        ("STARTING", rollback(), "escalate", Reason::RequestRefused),
        ("STARTING", force_stop(), "forceStop", Reason::AskedFor),
        ("STOPPING", force_stop(), "forceStop", Reason::AskedFor),
        ("AUTOSCALING", force_stop(), "forceStop", Reason::AskedFor),
        ("STOPPING", restore(), "forceStop", Reason::AskedFor),
        ("STOPPING", rollback(), "escalate", Reason::OperationStuck),
        (
            "MAINTENANCE",
            force_stop(),
            "escalate",
            Reason::OperationStuck,
        ),
        (
            "ROLLING_BACK",
            force_stop(),
            "escalate",
            Reason::OperationStuck,
        ),
        (
            "FORCE_STOPPING",
            force_stop(),
            "escalate",
            Reason::OperationStuck,
        ),
    ] {
        let decision = stuck(status, request.clone()).decide();
        assert_eq!(
            (word(&decision.action), decision.because),
            (action, because),
            "{status}, {request:?}: {}",
            decision.reason
        );
    }
}

#[test]
fn a_request_meets_every_verdict() {
    let since = ago(30);
    for verdict in [
        Assessment::Healthy { since },
        Assessment::Settling {
            why: "coming up".into(),
        },
        Assessment::NoProgress { since, failed: 1 },
        Assessment::Looping {
            since,
            restarts: 1,
            incidents: 1,
            first_fault: None,
        },
        Assessment::Looping {
            since,
            restarts: 99,
            incidents: 99,
            first_fault: None,
        },
        Assessment::Failed {
            why: "gave up".into(),
            first_fault: None,
        },
        Assessment::Finished,
        Assessment::Stopped {
            why: "cancelled".into(),
        },
    ] {
        for request in every_request() {
            let decision = healthy()
                .judged(verdict.clone())
                .asked(request.clone())
                .decide();
            assert_eq!(
                decision.because,
                Reason::AskedFor,
                "{verdict:?}, {request:?}"
            );
        }
    }
}

#[test]
fn from_ready_there_is_no_rollback_no_stop_and_a_restore_begins_with_its_second_step() {
    let ready = || {
        healthy()
            .ready()
            .operation("StopApplication", "SUCCESSFUL", 100, Some(30))
    };
    says(
        &ready()
            .asked(rollback())
            .must("escalate", Reason::RequestRefused)
            .reason,
        &["not possible from READY", "applicationVersionId"],
    );
    ready()
        .asked(force_stop())
        .must("leaveAlone", Reason::Stopped);
    ready()
        .asked(restore_of(6))
        .must("restoreConfiguration", Reason::NextStep);
    for request in [
        restore(),
        restore_of(7),
        restore_from("nightly"),
        restore_without_state(),
    ] {
        ready().asked(request).must("start", Reason::AskedFor);
    }
    let broken = an_application("orders")
        .ready()
        .made_at(600)
        .operation("UpdateApplication", "FAILED", 600, Some(90))
        .with_snapshot("s", hours(1));
    broken
        .asked(restore_of(6))
        .must("restoreConfiguration", Reason::NextStep);
}

#[test]
fn a_rollback_needs_a_version_and_a_snapshot_from_before_the_present_one() {
    assert_eq!(
        chosen(&healthy().asked(rollback())).as_deref(),
        Some("before-change"),
        "the nightly one holds what the wrong version computed"
    );
    let without = |change: fn(&mut Case)| {
        let mut case = healthy().asked(rollback());
        change(&mut case);
        case
    };
    says(
        &without(|case| case.seen.application.version_updated_from = None)
            .must("escalate", Reason::NoVersion)
            .reason,
        &["names no version before this one"],
    );
    says(
        &without(|case| case.seen.snapshots.clear())
            .must("escalate", Reason::NoSnapshot)
            .reason,
        &["there is no snapshot"],
    );
    says(
        &without(|case| drop(case.seen.snapshots.remove(0)))
            .must("escalate", Reason::NoSnapshot)
            .reason,
        &["nightly", "began to process"],
    );
}

#[test]
fn the_cutoff_of_a_persons_rollback_is_when_the_present_version_began_to_process() {
    let cutoff = |case: &Case| {
        NOW_SECS
            - case
                .decide()
                .progress
                .rescue
                .map_or(-1, |rescue| rescue.cutoff.as_second())
    };
    let made = hours(3);
    let base = || {
        an_application("orders")
            .made_at(made)
            .job(a_job(hours(1)))
            .with_snapshot("old", hours(9))
            .asked(rollback())
    };
    let update =
        |began: i64| base().operation("UpdateApplication", "SUCCESSFUL", began, Some(UPDATE_SECS));
    for (what, case, expected) in [
        ("the update's end", update(made), made - UPDATE_SECS),
        (
            "stamped after the update began",
            update(made + 30),
            made - 30,
        ),
        (
            "stamped before the update began",
            update(made - 100),
            made - 100 - UPDATE_SECS,
        ),
        (
            "the job's start, within the update",
            update(made).job(a_job(made - 20)),
            made - 20,
        ),
        (
            "a maintenance since tells nothing",
            update(made).operation("ApplicationMaintenance", "SUCCESSFUL", hours(1), Some(60)),
            made - UPDATE_SECS,
        ),
        // The operation that made it is not known: a job that was restarted since must not pass for its first.
        (
            "the operations cannot be read",
            base().unreadable(Part::Operations, "throttled"),
            made,
        ),
        (
            "only a later operation is listed",
            base().operation("ApplicationMaintenance", "SUCCESSFUL", hours(1), Some(60)),
            made,
        ),
        (
            "an update that made an earlier version",
            base().operation("UpdateApplication", "SUCCESSFUL", made + 100, Some(60)),
            made,
        ),
    ] {
        assert_eq!(cutoff(&case), expected, "{what}");
    }
    let unknown = base().application(|it| it.version_created_at = None);
    unknown.must("escalate", Reason::NoSnapshot);
}

#[test]
fn a_named_snapshot_may_be_old_and_late_and_never_what_cannot_work() {
    let named = |case: Case| case.asked(restore_from("it"));
    let base = || healthy().with_snapshot("it", days(30));
    let decision = named(base()).must("forceStop", Reason::AskedFor);
    assert_eq!(
        decision
            .progress
            .rescue
            .unwrap()
            .snapshot
            .chosen
            .unwrap()
            .name,
        "it"
    );
    named(base().snapshot(|it| it.created_at = ago(10))).must("forceStop", Reason::AskedFor);
    for (case, part) in [
        (
            base().snapshot(|it| it.runtime = Some("FLINK-2_2".into())),
            "does not fit FLINK-1_20",
        ),
        (
            base().snapshot(|it| it.runtime = None),
            "its runtime is not known",
        ),
        (
            base().snapshot(|it| it.status = "CREATING".into()),
            "it is CREATING",
        ),
        (
            base().snapshot(|it| it.status = "DELETING".into()),
            "it is DELETING",
        ),
        (
            base().snapshot(|it| it.name = "other".into()),
            "orders has no snapshot named it",
        ),
    ] {
        says(
            &named(case).must("escalate", Reason::RequestRefused).reason,
            &[part],
        );
    }
}

#[test]
fn a_restore_chooses_by_the_version_it_goes_to() {
    assert_eq!(
        chosen(&healthy().asked(restore())).as_deref(),
        Some("nightly"),
        "the present version: the newest"
    );
    assert_eq!(
        chosen(&healthy().asked(restore_of(7))).as_deref(),
        Some("nightly")
    );
    assert_eq!(
        chosen(&healthy().asked(restore_of(6))).as_deref(),
        Some("before-change"),
        "an earlier one: from before the present one"
    );
    says(
        &healthy()
            .asked(restore_of(4))
            .must("escalate", Reason::RequestRefused)
            .reason,
        &["version 4 of orders could not be read"],
    );
    let mut none = healthy().asked(restore());
    none.seen.snapshots.clear();
    says(
        &none.must("escalate", Reason::NoSnapshot).reason,
        &["a restore was asked for, but there is no snapshot"],
    );
}

#[test]
fn what_a_start_without_state_loses_is_told_beforehand() {
    let notice = |case: Case| {
        case.asked(restore_without_state())
            .must("forceStop", Reason::AskedFor)
            .notice
            .expect("people are told")
    };
    assert_eq!(chosen(&healthy().asked(restore_without_state())), None);
    let told = notice(healthy());
    says(&told.subject, &["orders", "without state, as asked"]);
    says(
        &told.text,
        &[
            "every key's state",
            "The newest snapshot, of 2026-11-22T11:00:00Z, stays",
        ],
    );
    let bare = || {
        let mut case = healthy();
        case.seen.snapshots.clear();
        case
    };
    says(
        &notice(bare()).text,
        &["There is no snapshot to come back to."],
    );
    says(
        &notice(bare().unreadable(Part::Snapshots, "throttled")).text,
        &["could not be read"],
    );
    assert_eq!(healthy().asked(restore()).decide().notice, None);
}

/// A restore of the present version: force-stopped, READY.
fn a_restore_under_way(request: Request) -> Case {
    healthy()
        .ready()
        .operation("StopApplication", "SUCCESSFUL", 99, Some(30))
        .asked(request)
        .rescuing_itself()
        .step(Step::ForceStop, 100, accepted_as("StopApplication-99"))
}

#[test]
fn a_start_carries_what_the_person_said() {
    let start = |request| match a_restore_under_way(request)
        .must("start", Reason::AskedFor)
        .action
    {
        Action::Start { plan } => plan,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        start(restore()).restore,
        Some(Restore::Snapshot {
            snapshot_name: "before-change".into(),
            snapshot_arn: None,
        })
    );
    assert_eq!(
        start(restore_without_state()).restore,
        Some(Restore::WithoutState {
            without_state: true
        })
    );
    assert_eq!(start(restore()).allow_non_restored_state, None);
    for allow in [true, false] {
        let request = Request::Restore {
            application_version_id: None,
            snapshot_name: None,
            without_state: false,
            allow_non_restored_state: Some(allow),
        };
        assert_eq!(start(request).allow_non_restored_state, Some(allow));
    }
}

#[test]
fn a_restore_whose_start_loops_is_told_and_neither_rolled_back_nor_stopped_again() {
    for from_running in [true, false] {
        let mut case = an_application("orders")
            .made(hours(3))
            .job(a_looping_job(minutes(6), 10))
            .asked(restore())
            .rescuing_itself()
            .with_snapshot("before-change", hours(4));
        if from_running {
            case = case.step(Step::ForceStop, minutes(9), accepted());
        }
        case = case.step(Step::Start, minutes(7), accepted());
        says(
            &case.must("escalate", Reason::EveryStepUsed).reason,
            &["every step is used"],
        );
        case.clone()
            .healthy_for(310)
            .must("recovered", Reason::Recovered);
    }
    let without = a_restore_under_way(restore_without_state())
        .step(Step::Start, minutes(7), accepted())
        .running()
        .healthy_for(310);
    says(
        &without.must("recovered", Reason::Recovered).reason,
        &["started without state, as asked"],
    );
}

/// The rollback that a person asked for was accepted ten minutes ago.
fn a_rollback_under_way() -> Case {
    healthy().asked(rollback()).rescuing().step(
        Step::Rollback,
        minutes(10),
        accepted_as("RollbackApplication-599"),
    )
}

#[test]
fn a_rollback_asked_for_is_recovered_only_by_what_runs_after_it() {
    let ended = |status: &str| {
        a_rollback_under_way().operation("RollbackApplication", status, minutes(10) - 1, Some(120))
    };
    let rolled_back = |case: Case| case.application(|it| it.version_id = 8);
    // Healthy as before: the rollback does not show yet, or changed nothing.
    a_rollback_under_way().must("wait", Reason::Busy);
    says(
        &ended("FAILED")
            .must("escalate", Reason::EveryStepUsed)
            .reason,
        &["changed nothing that runs"],
    );
    rolled_back(ended("SUCCESSFUL"))
        .healthy_for(310)
        .must("recovered", Reason::Recovered);
    rolled_back(ended("SUCCESSFUL"))
        .job(a_job(100))
        .must("wait", Reason::Settling);
    let loops = rolled_back(ended("SUCCESSFUL"))
        .job(a_looping_job(400, 10))
        .must("escalate", Reason::EveryStepUsed);
    says(
        &loops.reason,
        &["the rollback that was asked for did not help"],
    );
    let stuck = a_rollback_under_way().status("UPDATING").operation(
        "RollbackApplication",
        "IN_PROGRESS",
        minutes(10) - 1,
        None,
    );
    let mut stuck = stuck.tagged("operation-timeout", "5m");
    stuck.must("escalate", Reason::OperationStuck);
    stuck.request = None;
    stuck.must("forceStop", Reason::NextStep);
}

#[test]
fn a_rollback_asked_for_and_refused_is_told_and_goes_no_further() {
    let refused = healthy()
        .asked(rollback())
        .rescuing()
        .step(Step::Rollback, 20, refused());
    says(
        &refused.must("escalate", Reason::RequestRefused).reason,
        &["was not done: the service said Lifeguard.Refused"],
    );
    let stale =
        healthy()
            .asked(rollback())
            .rescuing()
            .step(Step::Rollback, 20, failed("Lifeguard.Stale"));
    stale.must("rollback", Reason::AskedFor);
    let stopped = stale
        .ready()
        .operation("StopApplication", "SUCCESSFUL", 25, Some(1));
    stopped.must("escalate", Reason::RequestRefused);
    // Nothing was sent, and the update that is stuck is still there to be rolled back.
    let stuck =
        healthy()
            .status("UPDATING")
            .operation("UpdateApplication", "IN_PROGRESS", hours(1), None);
    stuck
        .asked(rollback())
        .rescuing()
        .step(Step::Rollback, 20, failed("Lifeguard.Stale"))
        .must("rollback", Reason::AskedFor);
}

#[test]
fn a_force_stop_asked_for_ends_ready_and_nothing_else_follows() {
    let asked = || healthy().asked(force_stop()).rescuing_itself();
    let stopped = asked()
        .ready()
        .operation("StopApplication", "SUCCESSFUL", 99, Some(30))
        .step(Step::ForceStop, 100, accepted_as("StopApplication-99"));
    says(
        &stopped.must("leaveAlone", Reason::Stopped).reason,
        &["force-stopped as asked"],
    );
    // Accepted, and still RUNNING and healthy: that is not recovered.
    asked()
        .step(Step::ForceStop, 10, accepted_as("op-9"))
        .must("wait", Reason::Busy);
    asked()
        .step(Step::ForceStop, 60, failed("Lifeguard.Retryable"))
        .must("forceStop", Reason::NextStep);
    asked()
        .step(Step::ForceStop, 20, refused())
        .must("escalate", Reason::EveryStepUsed);
    // READY is what was asked for, whatever the rescue before it had begun.
    let taken_over = asked()
        .ready()
        .operation("StopApplication", "SUCCESSFUL", 120, Some(30))
        .step(Step::Rollback, 100, accepted());
    taken_over
        .judged(Assessment::Stopped {
            why: "by hand".into(),
        })
        .must("leaveAlone", Reason::Stopped);
}

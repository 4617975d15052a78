//! The way back to a version that worked: by the service's rollback or by the restore steps, from which snapshot, and what is found out before anything is stopped.

mod support;

use lifecycle::{Assessment, Decision, Part, Reason, Restore, Step};
use support::{rescues::*, *};

#[track_caller]
fn target(decision: &Decision) -> Option<u64> {
    decision.action.plan().expect("a plan").target_version_id
}

#[track_caller]
fn snapshot(decision: &Decision) -> String {
    match &decision.action.plan().expect("a plan").restore {
        Some(Restore::Snapshot { snapshot_name, .. }) => snapshot_name.clone(),
        other => panic!("no snapshot is named: {other:?}"),
    }
}

/// Version 2 was good for days, 3 was bad, 4 is a fix that is bad too.
fn a_second_bad_deployment() -> Case {
    an_application("orders")
        .version(4)
        .made(minutes(30))
        .looping_every(secs(10))
        .with_snapshot("before-change", hours(1))
        .with_snapshot("before-3", hours(3))
        .rescuing()
        .going_to(2, days(5), hours(2))
        .rescue(|it| it.snapshot.chosen = Some(a_snapshot("before-3", hours(3))))
}

#[test]
fn a_version_that_no_rollback_reaches_is_reached_by_the_restore_steps() {
    let decision = a_second_bad_deployment().must("forceStop", Reason::NextStep);
    assert_eq!(target(&decision), Some(2));
    says(
        &decision.reason,
        &[
            "RollbackApplication is not used",
            "version 3, not to version 2",
        ],
    );
    let down = || {
        a_second_bad_deployment()
            .ready()
            .operation("StopApplication", "SUCCESSFUL", minutes(5), Some(30))
            .step(
                Step::ForceStop,
                minutes(5) + 1,
                accepted_as("StopApplication-300"),
            )
    };
    let decision = down().must("restoreConfiguration", Reason::NextStep);
    assert_eq!(target(&decision), Some(2));
    let decision = down()
        .step(Step::RestoreConfiguration, 100, accepted())
        .must("start", Reason::NextStep);
    assert_eq!(snapshot(&decision), "before-3");
    // Where the service names no version before, it is the same.
    a_second_bad_deployment()
        .application(|it| it.version_updated_from = None)
        .must("forceStop", Reason::NextStep);
}

#[test]
fn a_failed_update_is_not_the_version_to_go_back_to_for_the_one_after_it() {
    // Version 3 never ran; 4 fell back to READY too.
    let decision = a_second_bad_deployment()
        .ready()
        .operation("StartApplication", "FAILED", minutes(9), Some(60))
        .judged(Assessment::Failed {
            why: "StartApplication failed".into(),
            first_fault: None,
        })
        .must("restoreConfiguration", Reason::NextStep);
    assert_eq!(target(&decision), Some(2));
}

#[test]
fn a_version_with_the_same_content_as_the_one_before_is_reached_by_a_rollback() {
    let same = |before| {
        let mut case = a_second_bad_deployment();
        case.seen.snapshots.retain(|one| one.name == "before-3");
        case.knows(3, hours(2), before).knows(2, days(5), Some(2))
    };
    same(Some(2)).must("rollback", Reason::ChangeToBlame);
    same(Some(3)).must("forceStop", Reason::NextStep);
    same(None).must("forceStop", Reason::NextStep);
}

/// A rescue of version 7 that has done nothing yet, with one more snapshot, taken five minutes ago.
fn with_a_newer_snapshot() -> Case {
    a_rescue().with_snapshot("nightly", minutes(5))
}

#[test]
fn the_service_is_not_left_to_choose_where_a_snapshot_was_taken_since_the_change() {
    a_rescue().must("rollback", Reason::ChangeToBlame);
    for status in ["READY", "CREATING"] {
        let decision = with_a_newer_snapshot()
            .snapshot(|it| it.status = status.into())
            .must("forceStop", Reason::NextStep);
        says(
            &decision.reason,
            &["snapshot nightly was taken", "since the change"],
        );
    }
    for status in ["FAILED", "DELETING"] {
        with_a_newer_snapshot()
            .snapshot(|it| it.status = status.into())
            .must("rollback", Reason::ChangeToBlame);
    }
    // Not listed is not "none".
    a_rescue()
        .unreadable(Part::Snapshots, "throttled")
        .must("wait", Reason::Unknown);
}

/// The JAR of the version to go back to was stored over in S3, under the same key.
fn with_its_code_replaced(mut case: Case) -> Case {
    let good = case.progress.rescue.as_ref().expect("it rescues");
    let good = good.good_version_id;
    let mut versions = case.seen.versions.iter_mut();
    let version = versions.find(|one| one.id == good);
    version.expect("it is known").is_code_replaced = true;
    case
}

#[test]
fn code_that_is_not_in_s3_any_more_comes_back_by_the_services_rollback_only() {
    // It keeps the code (cR7), whatever snapshot was taken since.
    with_its_code_replaced(a_rescue()).must("rollback", Reason::ChangeToBlame);
    let rolled_back = with_its_code_replaced(with_a_newer_snapshot());
    rolled_back.clone().must("rollback", Reason::ChangeToBlame);
    // Nothing is stopped for what cannot be started.
    let used = rolled_back.step(Step::Rollback, 60, refused());
    let decision = used.must("escalate", Reason::EveryStepUsed);
    says(
        &decision.reason,
        &[
            "was not stopped",
            "the code of version 6 is not in S3 any more",
            "Rollback failed",
        ],
    );
    // Where no rollback reaches it, a person is asked.
    let case = a_second_bad_deployment().knows(2, days(5), Some(2));
    with_its_code_replaced(case).must("escalate", Reason::EveryStepUsed);
}

#[test]
fn code_that_nobody_deployed_is_not_put_back_where_it_is_down() {
    let down = |case: Case| {
        with_its_code_replaced(case.knows(2, days(5), Some(2)))
            .ready()
            .operation("StopApplication", "SUCCESSFUL", minutes(5), Some(30))
    };
    // Found out after the stop: what is stored is started.
    let decision = down(a_second_bad_deployment())
        .step(
            Step::ForceStop,
            minutes(5) + 1,
            accepted_as("StopApplication-300"),
        )
        .must("start", Reason::NextStep);
    says(
        &decision.reason,
        &["start version 4, which is stored", "not in S3 any more"],
    );
    // Down by itself: its configuration is left as it is.
    with_its_code_replaced(a_second_bad_deployment().knows(2, days(5), Some(2)))
        .ready()
        .operation("StartApplication", "FAILED", minutes(9), Some(60))
        .judged(Assessment::Failed {
            why: "it fell back".into(),
            first_fault: None,
        })
        .must("escalate", Reason::EveryStepUsed);
}

/// From 1.20 to 2.2, which loops, and a 2.2 snapshot was taken since.
fn an_upgrade() -> Case {
    a_rescue()
        .runtime("FLINK-2_2")
        .with_snapshot("under-2-2", minutes(5))
        .snapshot(|it| it.runtime = Some("FLINK-2_2".into()))
}

#[test]
fn down_a_major_version_only_the_services_rollback_goes_and_nothing_is_stopped_for_an_update() {
    an_upgrade().must("rollback", Reason::ChangeToBlame);
    let refused = an_upgrade().step(Step::Rollback, 60, refused());
    let decision = refused.must("escalate", Reason::EveryStepUsed);
    says(
        &decision.reason,
        &[
            "was not stopped",
            "FLINK-2_2",
            "FLINK-1_20",
            "Rollback failed",
        ],
    );
    an_upgrade()
        .going_to(2, days(5), hours(2))
        .must("escalate", Reason::EveryStepUsed);
    // Where it is down already, nothing is lost by trying.
    an_upgrade()
        .ready()
        .judged(Assessment::Failed {
            why: "it fell back".into(),
            first_fault: None,
        })
        .must("restoreConfiguration", Reason::NextStep);
    // The rollback was done, and the job loops on the good runtime: it needs no update of it.
    after_a_rollback().must("forceStop", Reason::NextStep);
}

#[test]
fn nothing_is_stopped_for_a_runtime_that_the_service_has_retired() {
    let to = |runtime: &str| {
        a_rescue()
            .step(Step::Rollback, 60, refused())
            .snapshot(|it| it.runtime = Some(runtime.into()))
            .rescue(|it| {
                it.good_runtime = runtime.into();
                it.snapshot.chosen.as_mut().expect("one").runtime = Some(runtime.into());
            })
    };
    for taken in ["FLINK-1_15", "FLINK-1_18", "FLINK-1_20"] {
        to(taken).must("forceStop", Reason::NextStep);
    }
    to("FLINK-1_13").must("escalate", Reason::EveryStepUsed);
}

/// Healthy for two hours on version 7; a person asks for a rollback to 6.
fn asked_to_roll_back() -> Case {
    an_application("orders")
        .made(hours(3))
        .healthy_for(hours(2))
        .with_snapshot("before-change", hours(4))
        .asked(rollback())
}

#[test]
fn a_persons_rollback_goes_by_the_restore_steps_where_a_snapshot_was_taken_since() {
    asked_to_roll_back().must("rollback", Reason::AskedFor);
    let since = || asked_to_roll_back().with_snapshot("nightly", hours(1));
    let decision = since().must("forceStop", Reason::AskedFor);
    says(
        &decision.reason,
        &["as asked", "RollbackApplication is not used", "nightly"],
    );
    assert_eq!(target(&decision), Some(6));
    let rescue = decision.progress.rescue.expect("a rescue");
    let under_way = |case: Case| {
        let mut case = case.step(Step::ForceStop, 600, accepted_as("StopApplication-599"));
        case.progress.rescue = Some(rescue.clone());
        case.operation("StopApplication", "SUCCESSFUL", 599, Some(30))
    };
    let stopped = under_way(since().ready());
    stopped.must("restoreConfiguration", Reason::NextStep);
    let decision = stopped
        .step(Step::RestoreConfiguration, 500, accepted())
        .must("start", Reason::AskedFor);
    assert_eq!(snapshot(&decision), "before-change");
    let started = |case: Case| {
        under_way(case)
            .step(Step::RestoreConfiguration, 500, accepted())
            .step(Step::Start, 420, accepted_as("StartApplication-419"))
            .operation("StartApplication", "SUCCESSFUL", 419, Some(60))
    };
    started(since().healthy_for(310)).must("recovered", Reason::Recovered);
    let loops = started(since().job(a_looping_job(350, 10)));
    says(
        &loops.must("escalate", Reason::EveryStepUsed).reason,
        &["every step is used"],
    );
    // An update that hangs on the way is not the rollback that was asked for.
    let stuck = since()
        .status("STARTING")
        .tagged("operation-timeout", "5m")
        .operation("StartApplication", "IN_PROGRESS", 419, None)
        .step(Step::Start, 420, accepted_as("StartApplication-419"));
    let stuck = under_way(stuck);
    assert_ne!(stuck.decide().because, Reason::OperationStuck);
}

#[test]
fn what_a_person_goes_back_to_is_cut_where_the_oldest_later_version_began() {
    let cut = |case: Case| {
        let rescue = case.decide().progress.rescue.expect("a rescue");
        NOW_SECS - rescue.cutoff.as_second()
    };
    let to_four = || {
        asked_to_roll_back()
            .asked(restore_of(4))
            .knows(4, days(9), Some(4))
            .with_snapshot("before-5", hours(10))
    };
    // Version 5 came nine hours ago; 6 and 7 do not count.
    assert_eq!(cut(to_four().knows(5, hours(9), Some(5))), hours(9));
    let update = to_four().knows(5, hours(9), Some(5)).operation(
        "UpdateApplication",
        "SUCCESSFUL",
        hours(9) + 10,
        Some(300),
    );
    assert_eq!(cut(update), hours(9) - 290);
    // Version 5 only scaled it, and the next is 6.
    let scaled = to_four().knows(5, hours(9), Some(4));
    assert_eq!(cut(scaled.clone().knows(6, hours(6), Some(6))), hours(6));
    // Which one it is has to be known.
    let unknown = to_four();
    says(
        &unknown.must("escalate", Reason::NoSnapshot).reason,
        &["version 5 came after version 4", "name the snapshot"],
    );
    unknown
        .unreadable(Part::Versions, "throttled")
        .must("wait", Reason::Unknown);
    // A person who names the snapshot has said which.
    let mut named = to_four();
    named.request = Some(lifecycle::Request::Restore {
        application_version_id: Some(4),
        snapshot_name: Some("before-5".into()),
        without_state: false,
        allow_non_restored_state: None,
    });
    named.must("forceStop", Reason::AskedFor);
}

/// The rollback ended, and version 8 was restored from there.
fn rolled_back(path: &str) -> Case {
    after_a_rollback()
        .with_snapshot("nightly", minutes(20))
        .with_snapshot("older", hours(2))
        .healthy_for(310)
        .restored_from(path)
}

#[test]
fn state_from_after_the_change_is_not_recovered_but_the_next_step() {
    rolled_back("s3://b/before-change/x").must("recovered", Reason::Recovered);
    let decision = rolled_back("s3://b/nightly/x").must("forceStop", Reason::NextStep);
    says(
        &decision.reason,
        &["CHECK THE STATE", "nightly", "planned was before-change"],
    );
    // As soon as it shows, not after a soak.
    after_a_rollback()
        .with_snapshot("nightly", minutes(20))
        .healthy_for(20)
        .restored_from("s3://b/nightly/x")
        .must("forceStop", Reason::NextStep);
    // From before the change too: told.
    let decision = rolled_back("s3://b/older/x").must("recovered", Reason::Recovered);
    says(&decision.reason, &["older", "planned was before-change"]);
    // A path that tells nothing moves nobody.
    for path in ["s3://b/8d1f", "s3://b/chk-12/_metadata"] {
        let decision = rolled_back(path).must("recovered", Reason::Recovered);
        says(&decision.reason, &["could not be confirmed"]);
    }
}

#[test]
fn where_nothing_is_left_to_do_about_the_state_it_is_a_persons() {
    let spent = rolled_back("s3://b/nightly/x")
        .step(Step::ForceStop, minutes(9), refused())
        .must("escalate", Reason::EveryStepUsed);
    says(&spent.reason, &["CHECK THE STATE"]);
    let observed = rolled_back("s3://b/nightly/x")
        .tagged("mode", "observe")
        .must("escalate", Reason::ObserveOnly);
    says(&observed.reason, &["CHECK THE STATE", "nightly"]);
    // A person's rollback goes on too.
    let mut asked = rolled_back("s3://b/nightly/x");
    asked.request = Some(rollback());
    asked.must("forceStop", Reason::NextStep);
}

#[test]
fn what_was_restored_is_kept_when_a_restart_names_a_checkpoint_instead() {
    let first = after_a_rollback()
        .with_snapshot("nightly", minutes(20))
        .healthy_for(20)
        .restored_from("s3://b/before-change/x")
        .must("wait", Reason::Settling);
    let mut later = rolled_back("s3://b/job/chk-7");
    later.progress = first.progress;
    let checkpoints = later
        .seen
        .job
        .as_mut()
        .and_then(|job| job.checkpoints.as_mut());
    let restored = checkpoints.and_then(|one| one.latest_restored.as_mut());
    restored.expect("it was restored").is_savepoint = false;
    let decision = later.must("recovered", Reason::Recovered);
    says(
        &decision.reason,
        &["restored from snapshot before-change, as planned"],
    );
    // The next start begins anew.
    let decision = after_a_force_stop()
        .step(Step::RestoreConfiguration, 100, accepted())
        .rescue(|it| it.restored = Some("s3://b/nightly/x".into()))
        .must("start", Reason::NextStep);
    assert_eq!(decision.progress.rescue.expect("a rescue").restored, None);
}

#[test]
fn what_runs_since_before_the_step_says_nothing_of_what_it_restored() {
    // Accepted a minute ago and ended; the job that is seen is still the one of before.
    a_rescue()
        .with_snapshot("nightly", minutes(20))
        .operation("RollbackApplication", "SUCCESSFUL", 60, Some(30))
        .healthy_for(hours(2))
        .restored_from("s3://b/nightly/x")
        .step(Step::Rollback, 61, accepted_as("RollbackApplication-60"))
        .must("leaveAlone", Reason::RunsAgain);
}

fn another_fault() -> lifecycle::Fault {
    lifecycle::Fault {
        exception: "java.io.InvalidClassException".into(),
        message: "java.io.InvalidClassException: Order; local class incompatible".into(),
        task: Some("enrich (2/4) - execution #0".into()),
        at: ago(minutes(20)),
    }
}

#[test]
fn the_same_fault_on_the_good_version_from_the_right_state_ends_it() {
    let same = || after_a_rollback().had_failed_with(a_fault(ago(minutes(25))));
    let confirmed =
        |case: Case| case.rescue(|it| it.restored = Some("s3://b/before-change/x".into()));
    let decision = confirmed(same()).must("escalate", Reason::NotTheChange);
    says(
        &decision.reason,
        &[
            "version 7 was undone",
            "version 6 now fails with the same fault",
            "poison record",
            r#""action":"restore","applicationVersionId":7"#,
        ],
    );
    // There was no other that the service could have taken.
    same().must("escalate", Reason::NotTheChange);
    // Another one may have been taken, or was.
    let elsewhere = same().with_snapshot("taken-in-between", minutes(40));
    elsewhere.must("forceStop", Reason::NextStep);
    confirmed(elsewhere).must("escalate", Reason::NotTheChange);
    let other_state = same()
        .with_snapshot("nightly", minutes(20))
        .rescue(|it| it.restored = Some("s3://b/nightly/x".into()));
    other_state.must("forceStop", Reason::NextStep);
    // Nothing was seen before: nothing is concluded.
    after_a_rollback().must("forceStop", Reason::NextStep);
}

/// Version 7 was undone for a time-out, or for memory, and version 6 fails with the same.
fn short_of_the_same(class: &str) -> Case {
    let short = |at| lifecycle::Fault {
        exception: class.into(),
        message: format!("{class}: no more"),
        ..a_fault(at)
    };
    let mut case = after_a_rollback().had_failed_with(short(ago(minutes(25))));
    let faults = &mut case.seen.job.as_mut().expect("it loops").faults;
    for one in faults.first.iter_mut().chain(&mut faults.newest) {
        *one = short(one.at);
    }
    case
}

#[test]
fn what_is_short_on_both_versions_counts_only_from_the_planned_snapshot() {
    for class in [
        "java.util.concurrent.TimeoutException",
        "java.lang.OutOfMemoryError",
    ] {
        let said = |path: &str| {
            let path = format!("s3://b/{path}/x");
            short_of_the_same(class).rescue(|it| it.restored = Some(path))
        };
        said("before-change").must("escalate", Reason::NotTheChange);
        // Flink does not say, or names a path that is no snapshot's: another state may be what is too much.
        short_of_the_same(class).must("forceStop", Reason::NextStep);
        said("elsewhere").must("forceStop", Reason::NextStep);
        // A start named it.
        let started = short_of_the_same(class)
            .step(Step::ForceStop, minutes(9), accepted_as("gone"))
            .step(Step::RestoreConfiguration, minutes(9), accepted_as("gone"))
            .step(Step::Start, minutes(8), accepted_as("gone"));
        started.must("escalate", Reason::NotTheChange);
    }
}

#[test]
fn the_same_fault_after_a_start_from_the_planned_snapshot_ends_it_too() {
    let started = || {
        after_a_rollback()
            .step(Step::ForceStop, minutes(9), accepted_as("gone"))
            .step(Step::RestoreConfiguration, minutes(9), accepted_as("gone"))
            .step(Step::Start, minutes(8), accepted_as("gone"))
    };
    let decision = started()
        .had_failed_with(a_fault(ago(minutes(25))))
        .must("escalate", Reason::NotTheChange);
    says(&decision.reason, &["version 7 was undone"]);
    started().must("escalate", Reason::EveryStepUsed);
    // A restore of the present version undid no change.
    started()
        .had_failed_with(a_fault(ago(minutes(25))))
        .rescue(|it| it.good_version_id = 7)
        .must("escalate", Reason::EveryStepUsed);
}

#[test]
fn another_fault_from_another_snapshot_leads_to_the_right_one_and_both_are_told() {
    let decision = after_a_rollback()
        .with_snapshot("nightly", minutes(20))
        .had_failed_with(another_fault())
        .rescue(|it| it.restored = Some("s3://b/nightly/x".into()))
        .must("forceStop", Reason::NextStep);
    says(
        &decision.reason,
        &["InvalidClassException", "poison record", "nightly"],
    );
    // Before it is known what was restored, the right snapshot is still worth a try.
    let decision = after_a_rollback()
        .had_failed_with(another_fault())
        .must("forceStop", Reason::NextStep);
    says(
        &decision.reason,
        &["InvalidClassException", "poison record"],
    );
    // From the right one nothing better is left.
    let decision = after_a_rollback()
        .had_failed_with(another_fault())
        .rescue(|it| it.restored = Some("s3://b/before-change/x".into()))
        .must("escalate", Reason::EveryStepUsed);
    says(
        &decision.reason,
        &["another fault", "InvalidClassException", "poison record"],
    );
}

/// The bad version 7 was rolled back to 6, which had only soaked and fails in its own way, from the planned snapshot. Version 5 had run well for days.
fn a_target_that_fails_in_its_own_way() -> Case {
    let idle = lifecycle::Span {
        ran: lifecycle::Ran::Up {
            checkpoints: Some(70),
            records: Some(0),
            first_checkpoint_at: None,
        },
        ..ran_well(ago(minutes(110)), ago(minutes(31)))
    };
    after_a_rollback()
        .had_failed_with(another_fault())
        .rescue(|it| it.restored = Some("s3://b/before-change/x".into()))
        .knows(7, minutes(30), Some(7))
        .knows(6, hours(2), Some(6))
        .knows(5, days(9), Some(5))
        .with_snapshot("before-6", hours(3))
        .history(vec![
            ran_well(ago(days(8)), ago(hours(2))),
            ran_well(ago(hours(2) - 60), ago(minutes(110))),
            idle,
        ])
}

#[test]
fn a_target_that_had_only_soaked_is_left_for_the_newest_proven_one_before() {
    let first = a_target_that_fails_in_its_own_way();
    let decision = first.must("forceStop", Reason::NextStep);
    assert_eq!(target(&decision), Some(5));
    says(
        &decision.reason,
        &[
            "version 6 fails too, with another fault",
            "Version 5 had run well before it",
        ],
    );
    let second = decision.progress.rescue.clone().expect("a rescue");
    assert_eq!(
        (second.good_version_id, second.faulty_version_id),
        (5, 7),
        "what the pipeline would bring back is still 7"
    );
    assert_eq!(second.snapshot.chosen.expect("one").name, "before-6");
    let mut down = first
        .clone()
        .ready()
        .operation("StopApplication", "SUCCESSFUL", 60, Some(20));
    down.progress = decision.progress.clone();
    down.progress.settle(accepted_as("StopApplication-60"));
    let restore = down.must("restoreConfiguration", Reason::NextStep);
    assert_eq!(target(&restore), Some(5));
    down.progress = restore.progress;
    down.progress.settle(accepted());
    assert_eq!(snapshot(&down.must("start", Reason::NextStep)), "before-6");
    // The stop was not carried out, and meanwhile the first target has recovered: it is not stopped.
    for (result, word) in [
        (failed("Lifeguard.Retryable"), "recovered"),
        (refused(), "recovered"),
        (lost(), "recovered"),
    ] {
        let mut well = first
            .clone()
            .healthy_for(310)
            .restored_from("s3://b/before-change/x");
        well.progress = decision.progress.clone();
        well.progress.settle(result);
        well.must(word, Reason::Recovered);
    }
}

#[test]
fn a_proven_target_is_not_left_and_nothing_unknown_is_gone_to() {
    let people = |case: Case, part: &str| {
        let decision = case.must("escalate", Reason::EveryStepUsed);
        says(&decision.reason, &["another fault", part]);
    };
    let first = a_target_that_fails_in_its_own_way;
    let mut proven = first();
    proven.ledger.as_mut().expect("read").proven.insert(
        6,
        lifecycle::Proven {
            secs: 1_800,
            until: ago(minutes(60)),
        },
    );
    people(proven, "version 6 had run well for long enough");
    let mut alone = first();
    alone.before.history.spans.remove(0);
    people(alone, "no version before version 6 is proven");
    let mut without = first();
    without.seen.snapshots.retain(|one| one.name != "before-6");
    people(without, "version 5 had run well before, but");
    let mut unknown = first();
    unknown.before.history = lifecycle::History::default();
    people(
        unknown.unreadable(Part::Series, "throttled"),
        "whether version 6 is proven is not known",
    );
    // A person had asked for that version, or stopping the first target was refused.
    people(first().asked(rollback()), "all that was asked for");
    let refused = restored_to_the_first_target().step(Step::ForceStop, 60, refused());
    people(refused, "stopping it to go there was tried");
    // The second one fails as the first had: it is the last.
    let mut twice = first();
    let rescue = twice.progress.rescue.clone().map(Box::new);
    twice = twice
        .step(Step::ForceStop, minutes(9), accepted_as("gone"))
        .step(Step::RestoreConfiguration, minutes(9), accepted_as("gone"))
        .step(Step::Start, minutes(8), accepted_as("gone"))
        .rescue(|it| it.instead_of = rescue);
    people(twice, "it is the second version");
}

/// The first target was reached by the restore steps, because the rollback could not.
fn restored_to_the_first_target() -> Case {
    a_target_that_fails_in_its_own_way()
        .step(Step::ForceStop, minutes(9), accepted_as("gone"))
        .step(Step::RestoreConfiguration, minutes(9), accepted_as("gone"))
        .step(Step::Start, minutes(8), accepted_as("gone"))
}

#[test]
fn a_target_that_was_restored_is_left_too_and_each_step_is_taken_once_for_each() {
    let first = restored_to_the_first_target();
    let decision = first.must("forceStop", Reason::NextStep);
    assert_eq!(target(&decision), Some(5));
    // What was restored for the first target is nothing that came back for the second.
    let mut stopping = first.clone().restored_from("s3://b/before-change/x");
    stopping.progress = decision.progress.clone();
    stopping.progress.settle(accepted_as("StopApplication-60"));
    let waiting = stopping.must("wait", Reason::Busy);
    let second = waiting.progress.rescue.expect("a rescue");
    assert_eq!((second.restored, second.steps_before), (None, 4));
    let mut down = first
        .clone()
        .ready()
        .operation("StopApplication", "SUCCESSFUL", 60, Some(20));
    down.progress = stopping.progress.clone();
    let restore = down.must("restoreConfiguration", Reason::NextStep);
    assert_eq!(target(&restore), Some(5));
    down.progress = restore.progress;
    down.progress.settle(accepted());
    let start = down.must("start", Reason::NextStep);
    assert_eq!(snapshot(&start), "before-6");
    // Refused, it is down because of Lifeguard, and people hear of that.
    down.progress = start.progress;
    down.progress.settle(refused());
    let decision = down.must("escalate", Reason::EveryStepUsed);
    assert!(decision.progress.brought_down(&down.seen));
    // READY before the second stop is somebody else's doing.
    let mut others = first.ready();
    others.progress = stopping.progress;
    others.progress.steps.pop();
    assert!(!others.progress.brought_down(&others.seen));
}

#[test]
fn a_rescue_remembers_what_failed_before_its_first_step() {
    let decision = a_bad_deployment().must("rollback", Reason::ChangeToBlame);
    let fault = decision.progress.rescue.expect("a rescue").fault;
    says(&fault.expect("it was seen").message, &["poison record"]);
}

#[test]
fn a_snapshot_that_is_gone_is_replaced_by_the_next_that_is_right_or_nothing_is_stopped() {
    let gone = || {
        let mut case = a_rescue().step(Step::Rollback, 60, refused());
        case.seen.snapshots.clear();
        case
    };
    let decision = gone()
        .with_snapshot("older", hours(2))
        .with_snapshot("nightly", minutes(5))
        .must("forceStop", Reason::NextStep);
    let choice = decision.progress.rescue.expect("a rescue").snapshot;
    assert_eq!(choice.chosen.expect("one").name, "older");
    let passed: Vec<_> = choice
        .passed_over
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(passed, ["nightly", "before-change"]);
    for status in ["DELETING", "FAILED"] {
        let decision = gone()
            .with_snapshot("before-change", hours(1))
            .snapshot(|it| it.status = status.into())
            .must("escalate", Reason::NoSnapshot);
        says(
            &decision.reason,
            &["was not stopped", "before-change", status],
        );
    }
    says(
        &gone().must("escalate", Reason::NoSnapshot).reason,
        &["was not stopped", "not there any more"],
    );
    // What could not be read is not gone.
    gone()
        .unreadable(Part::Snapshots, "throttled")
        .must("wait", Reason::Unknown);
}

#[test]
fn a_snapshot_that_goes_while_it_is_down_because_of_us_leaves_it_down_only_where_none_fits() {
    let mut gone = after_a_force_stop();
    gone.seen.snapshots.clear();
    let decision = gone
        .clone()
        .with_snapshot("nightly", minutes(5))
        .must("start", Reason::NextStep);
    assert_eq!(
        (
            snapshot(&decision),
            decision.action.plan().expect("one").version_id
        ),
        ("nightly".to_owned(), 7),
        "nothing is too late for the version that is stored"
    );
    gone.must("escalate", Reason::NoSnapshot);
    gone.clone()
        .with_snapshot("older", hours(2))
        .must("restoreConfiguration", Reason::NextStep);
    let put_back = gone.step(Step::RestoreConfiguration, 60, accepted());
    put_back.must("escalate", Reason::NoSnapshot);
    let decision = put_back
        .clone()
        .with_snapshot("older", hours(2))
        .must("start", Reason::NextStep);
    assert_eq!(snapshot(&decision), "older");
    // It is started without a listing: the service says whether it is there.
    let decision = put_back
        .unreadable(Part::Snapshots, "throttled")
        .must("start", Reason::NextStep);
    assert_eq!(snapshot(&decision), "before-change");
}

#[test]
fn nothing_is_stopped_that_could_not_be_started_as_it_is_stored() {
    // Somebody went down to 1.18; the way back is 1.20, and no snapshot fits what is stored.
    let refused = |case: Case| case.step(Step::Rollback, 60, refused());
    let down = refused(a_rescue().runtime("FLINK-1_18"));
    says(
        &down.must("escalate", Reason::NoSnapshot).reason,
        &["was not stopped", "no READY snapshot fits FLINK-1_18"],
    );
    down.with_snapshot("under-1-18", minutes(5))
        .snapshot(|it| it.runtime = Some("FLINK-1_18".into()))
        .must("forceStop", Reason::NextStep);
    // A person who asks for a restore has said what to start.
    a_bad_deployment()
        .runtime("FLINK-1_18")
        .asked(restore_of(6))
        .must("forceStop", Reason::AskedFor);
}

#[test]
fn the_age_is_judged_again_when_the_start_is_sent() {
    let put_back = |age: i64| {
        let mut case = after_a_force_stop().step(Step::RestoreConfiguration, 60, accepted());
        case.seen.snapshots.clear();
        case.with_snapshot("it", age)
            .rescue(|it| it.snapshot.chosen = Some(a_snapshot("it", age)))
    };
    // The steps' own time leaves nothing down.
    put_back(hours(20) + minutes(15)).must("start", Reason::NextStep);
    let decision = put_back(hours(20) + minutes(15) + 1).must("escalate", Reason::NoSnapshot);
    says(&decision.reason, &["it was planned", "20 h 15 min"]);
    let kept = |age| put_back(age).tagged("source-retention", "6h");
    let decision = kept(hours(5) + minutes(40)).must("start", Reason::NextStep);
    says(&decision.reason, &["5 min before its sources drop"]);
    kept(hours(5) + minutes(45)).must("escalate", Reason::NoSnapshot);
    // What a person named is started, and told.
    let named = kept(hours(7)).asked(restore_from("it"));
    says(
        &named.must("start", Reason::AskedFor).reason,
        &["its sources may have dropped some"],
    );
}

/// Lifeguard's rollback was throttled, and the service, which the failed update names, rolled back by itself.
fn rolled_back_by_the_service(path: &str) -> Case {
    let mut case = a_rescue()
        .step(Step::Rollback, minutes(10), failed("Lifeguard.Retryable"))
        .operation("UpdateApplication", "FAILED", minutes(12), Some(60))
        .operation("RollbackApplication", "SUCCESSFUL", minutes(9), Some(60))
        .with_snapshot("nightly", minutes(20))
        .healthy_for(310)
        .restored_from(path);
    case.seen.application.version_id = 8;
    case.seen.application.version_rolled_back_from = Some(7);
    let rollback = case
        .seen
        .operations
        .iter_mut()
        .find(|one| one.name == "RollbackApplication");
    let id = rollback.expect("given above").id.clone();
    let update = case
        .seen
        .operations
        .iter_mut()
        .find(|one| one.status == lifecycle::OperationStatus::Failed);
    update.expect("given above").rollback_operation_id = Some(id);
    case
}

#[test]
fn what_the_service_brought_back_is_nobodys_step_and_is_not_stopped() {
    rolled_back_by_the_service("s3://b/before-change/x").must("leaveAlone", Reason::RunsAgain);
    let wrong = rolled_back_by_the_service("s3://b/nightly/x");
    let decision = wrong.must("escalate", Reason::EveryStepUsed);
    says(
        &decision.reason,
        &[
            "Lifeguard changed nothing, and it runs again",
            "CHECK THE STATE",
            "nightly",
        ],
    );
    // Where it fails from there, the right snapshot is the next step.
    wrong
        .job(a_looping_job(minutes(7), 10))
        .restored_from("s3://b/nightly/x")
        .must("forceStop", Reason::NextStep);
}

#[test]
fn a_rollback_that_was_lost_is_not_the_services_own_either() {
    // Nobody knows whether it was sent, and the failed update names the rollback that is listed.
    let lost_one = |path: &str| {
        let mut case = rolled_back_by_the_service(path);
        case.progress.steps[0].result = Some(lost());
        case
    };
    lost_one("s3://b/before-change/x").must("leaveAlone", Reason::RunsAgain);
    lost_one("s3://b/nightly/x").must("escalate", Reason::EveryStepUsed);
    // Accepted by its own id, the same rollback is ours, and what it restored is ours to mend.
    let mut ours = rolled_back_by_the_service("s3://b/nightly/x");
    let rollback = ours
        .seen
        .operations
        .iter()
        .find(|one| one.name == "RollbackApplication");
    let id = rollback.expect("given above").id.clone();
    ours.progress.steps[0].result = Some(accepted_as(&id));
    ours.must("forceStop", Reason::NextStep);
}

//! What became of each step: what shows late, what somebody else did, what a rescue under way and a verdict without one lead to.

mod support;

use lifecycle::{Action, Assessment, Part, Reason, Step, StepResult, Watch};
use support::{rescues::*, *};

#[test]
fn what_was_accepted_is_given_time_to_show() {
    // Ten seconds after the rollback the service still shows the job of before, looping or healthy.
    let just = |result: StepResult| a_rescue().step(Step::Rollback, 10, result);
    for result in [accepted(), accepted_as("op-9")] {
        says(
            &just(result.clone()).must("wait", Reason::Busy).reason,
            &["Rollback was accepted 10 s ago and does not show yet"],
        );
        just(result).healthy_for(600).must("wait", Reason::Busy);
    }
    // A force-stop: still RUNNING. A start: still READY.
    a_rescue()
        .step(Step::ForceStop, 10, accepted())
        .must("wait", Reason::Busy);
    let started = after_a_force_stop()
        .step(Step::RestoreConfiguration, 30, accepted())
        .step(Step::Start, 10, accepted_as("op-9"));
    started.must("wait", Reason::Busy);
    // Beyond the time-out of an operation the next step follows.
    a_rescue()
        .tagged("operation-timeout", "10m")
        .step(Step::Rollback, 599, accepted())
        .must("wait", Reason::Busy);
    a_rescue()
        .tagged("operation-timeout", "10m")
        .step(Step::Rollback, 600, accepted())
        .must("forceStop", Reason::NextStep);
    // Another version shows it, also where the operation is not listed.
    let mut unlisted = after_a_rollback();
    unlisted.seen.operations.clear();
    unlisted.must("forceStop", Reason::NextStep);
}

#[test]
fn an_operation_is_a_steps_when_it_is_of_its_kind_and_began_no_more_than_five_seconds_before() {
    let after = |name: &str, began| {
        a_rescue()
            .operation(name, "SUCCESSFUL", began, Some(1))
            .step(Step::Rollback, 10, accepted())
    };
    after("RollbackApplication", 15).must("forceStop", Reason::NextStep);
    after("RollbackApplication", 16).must("wait", Reason::Busy);
    after("RollbackApplication", days(2)).must("wait", Reason::Busy);
    after("ApplicationMaintenance", 10).must("wait", Reason::Busy);
}

#[test]
fn a_step_that_was_lost_without_a_trace_is_not_waited_for() {
    let lost_stop = after_a_rollback().step(Step::ForceStop, 10, lost());
    lost_stop.must("forceStop", Reason::NextStep);
    lost_stop
        .operation("StopApplication", "IN_PROGRESS", 9, None)
        .must("wait", Reason::Busy);
}

#[test]
fn a_start_that_was_lost_and_left_a_trace_is_not_repeated() {
    let lost_start = after_a_force_stop()
        .rescuing_itself()
        .step(Step::Start, minutes(2), lost());
    lost_start.must("start", Reason::NextStep);
    let failed = lost_start.operation("StartApplication", "FAILED", minutes(2), Some(60));
    says(
        &failed.must("escalate", Reason::EveryStepUsed).reason,
        &["the start did not help"],
    );
}

#[test]
fn a_version_more_than_ours_is_somebody_elses() {
    // Version 7 when it was decided.
    let put_back = |result, version| {
        after_a_force_stop()
            .step(Step::RestoreConfiguration, 40, result)
            .version(version)
    };
    for (result, most) in [
        (accepted(), 8),
        (accepted_as("op-9"), 8),
        (lost(), 8),
        (refused(), 7),
    ] {
        assert_ne!(
            put_back(result.clone(), most).decide().because,
            Reason::SomebodyElseActed,
            "{result:?}"
        );
        // It is down because of us, so it is started; theirs is not overwritten.
        let one_more = put_back(result, most + 1).must("start", Reason::SomebodyElseActed);
        says(
            &one_more.reason,
            &[&format!("version {} was made", most + 1)],
        );
    }
}

#[test]
fn the_next_version_after_a_rollback_that_took_an_old_number_back_is_ours() {
    // Version 7 had been made from 6 and rolled back to it by number; what we store then is 8.
    let stored = |from| {
        let mut case = after_a_force_stop().step(Step::RestoreConfiguration, 40, accepted());
        case.progress.steps.last_mut().expect("a step").version_id = 6;
        case = case.version(8);
        case.seen.application.version_updated_from = Some(from);
        case.decide().because
    };
    assert_ne!(stored(6), Reason::SomebodyElseActed);
    // Made from ours.
    assert_eq!(stored(7), Reason::SomebodyElseActed);
}

#[test]
fn a_configuration_that_may_have_been_put_back_is_fenced_by_the_version_of_before() {
    let again = |result, version| {
        let decision = after_a_force_stop()
            .step(Step::RestoreConfiguration, 40, result)
            .version(version)
            .must("restoreConfiguration", Reason::NextStep);
        decision
            .action
            .plan()
            .expect("a step has a plan")
            .version_id
    };
    assert_eq!(
        [
            again(lost(), 7),
            again(lost(), 8),
            again(failed("Lifeguard.Stale"), 7)
        ],
        [7, 7, 7]
    );
}

#[test]
fn health_that_begins_with_the_step_is_its_result() {
    let since = |before: i64| {
        after_a_rollback().judged(Assessment::Healthy {
            since: ago(minutes(10) + 1 + before),
        })
    };
    since(0).must("recovered", Reason::Recovered);
    since(1).must("leaveAlone", Reason::RunsAgain);
}

#[test]
fn a_rescue_that_has_no_snapshot_is_not_started_without_state() {
    let mut stopped = after_a_force_stop().rescuing_itself();
    stopped.must("start", Reason::NextStep);
    stopped
        .progress
        .rescue
        .as_mut()
        .expect("it is under way")
        .snapshot
        .chosen = None;
    says(
        &stopped.must("escalate", Reason::NoSnapshot).reason,
        &["there is no snapshot"],
    );
}

#[test]
fn ready_after_our_own_force_stop_is_not_finished() {
    let stale = an_application("orders")
        .ready()
        .made(minutes(30))
        .with_snapshot("before-change", hours(1))
        .operation("RollbackApplication", "SUCCESSFUL", minutes(20), Some(60))
        .rescuing()
        .step(
            Step::Rollback,
            minutes(20) + 1,
            accepted_as("RollbackApplication-1200"),
        )
        .step(Step::ForceStop, 10, accepted_as("not-listed-yet"));
    assert_eq!(stale.assess(), Assessment::Finished);
    stale.must("restoreConfiguration", Reason::NextStep);
}

#[test]
fn recovered_is_a_soak_after_the_last_step_and_names_what_was_restored() {
    let healthy = |path: Option<&str>| {
        let mut case = after_a_rollback().healthy_for(310);
        case.seen.snapshots.extend([
            a_snapshot("before-1", hours(2)),
            a_snapshot("nightly", minutes(10)),
            a_snapshot("before-change-2", hours(3)),
        ]);
        path.into_iter().fold(case, Case::restored_from)
    };
    for (path, told) in [
        (
            Some("s3://b/before-change/x"),
            "restored from snapshot before-change, as planned",
        ),
        (
            Some("s3://b/before-change-2/x"),
            "restored from snapshot before-change-2, from before the change too; planned was before-change",
        ),
        (
            Some("s3://b/before-1"),
            "restored from snapshot before-1, from before the change too; planned was before-change",
        ),
        (Some("s3://b/8d1f"), "could not be confirmed"),
        (None, "Flink does not say what was restored"),
    ] {
        says(
            &healthy(path).must("recovered", Reason::Recovered).reason,
            &[told],
        );
    }
    let mut none_planned = healthy(None);
    none_planned
        .progress
        .rescue
        .as_mut()
        .unwrap()
        .snapshot
        .chosen = None;
    says(
        &none_planned.must("recovered", Reason::Recovered).reason,
        &["no snapshot was planned"],
    );
}

#[test]
fn a_rescue_under_way_meets_every_verdict() {
    let (since, first_fault) = (ago(130), None);
    for (verdict, action, because) in [
        (
            Assessment::Healthy { since },
            "recovered",
            Reason::Recovered,
        ),
        (
            Assessment::Healthy {
                since: ago(hours(2)),
            },
            "leaveAlone",
            Reason::RunsAgain,
        ),
        (Assessment::Finished, "recovered", Reason::Recovered),
        (
            Assessment::Settling {
                why: "coming up".into(),
            },
            "wait",
            Reason::Settling,
        ),
        (
            Assessment::NoProgress { since, failed: 1 },
            "wait",
            Reason::NoProgress,
        ),
        (
            Assessment::NoProgress {
                since: ago(hours(1)),
                failed: 1,
            },
            "escalate",
            Reason::NoProgress,
        ),
        (
            Assessment::Looping {
                since,
                restarts: 2,
                incidents: 2,
                first_fault: first_fault.clone(),
            },
            "wait",
            Reason::TooFewRestarts,
        ),
        (
            Assessment::Looping {
                since,
                restarts: 3,
                incidents: 3,
                first_fault: first_fault.clone(),
            },
            "forceStop",
            Reason::NextStep,
        ),
        (
            Assessment::Failed {
                why: "gave up".into(),
                first_fault,
            },
            "forceStop",
            Reason::NextStep,
        ),
        (
            Assessment::Busy {
                status: "UPDATING".into(),
                since,
            },
            "wait",
            Reason::Busy,
        ),
        (
            Assessment::Unknown { why: "403".into() },
            "wait",
            Reason::Unknown,
        ),
    ] {
        after_a_rollback().judged(verdict).must(action, because);
    }
}

#[test]
fn when_nothing_has_acted_every_verdict_is_met_afresh() {
    let refused = || a_rescue().step(Step::Rollback, 20, refused());
    let since = ago(130);
    for (verdict, action, because) in [
        (
            Assessment::Healthy { since },
            "leaveAlone",
            Reason::RunsAgain,
        ),
        (
            Assessment::Settling {
                why: "coming up".into(),
            },
            "wait",
            Reason::Settling,
        ),
        (
            Assessment::NoProgress {
                since: ago(hours(1)),
                failed: 1,
            },
            "escalate",
            Reason::NoProgress,
        ),
        (
            Assessment::Looping {
                since,
                restarts: 2,
                incidents: 2,
                first_fault: None,
            },
            "wait",
            Reason::TooFewRestarts,
        ),
        (
            Assessment::Looping {
                since,
                restarts: 3,
                incidents: 3,
                first_fault: None,
            },
            "forceStop",
            Reason::NextStep,
        ),
        (
            Assessment::Looping {
                since,
                restarts: 9,
                incidents: 9,
                first_fault: None,
            },
            "forceStop",
            Reason::NextStep,
        ),
        (Assessment::Finished, "leaveAlone", Reason::Finished),
        (
            Assessment::Stopped {
                why: "by hand".into(),
            },
            "leaveAlone",
            Reason::Stopped,
        ),
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
    says(
        &stopped.must("leaveAlone", Reason::Stopped).reason,
        &["nothing was changed", "stopped by StopApplication"],
    );
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
    stopped.must("restoreConfiguration", Reason::NextStep);
    let mut rolled_back = after_a_rollback().healthy_for(310);
    rolled_back.progress.steps[0].result = Some(lost());
    rolled_back.must("recovered", Reason::Recovered);
    // Without a trace nothing was done, and it may be tried again.
    a_rescue()
        .step(Step::Rollback, 100, lost())
        .must("rollback", Reason::ChangeToBlame);
    a_rescue()
        .step(Step::Rollback, 100, lost())
        .healthy_for(600)
        .must("leaveAlone", Reason::RunsAgain);
}

#[test]
fn a_foreign_hand_ends_the_rescue_and_our_own_does_not() {
    let rescue = || after_a_rollback();
    for (what, case, is_foreign) in [
        (
            "a person's update",
            rescue().operation("UpdateApplication", "SUCCESSFUL", 60, Some(20)),
            true,
        ),
        (
            "a person's start",
            rescue().operation("StartApplication", "IN_PROGRESS", 60, None),
            true,
        ),
        (
            "a second rollback",
            rescue().operation("RollbackApplication", "SUCCESSFUL", 60, Some(20)),
            true,
        ),
        (
            "maintenance",
            rescue().operation("ApplicationMaintenance", "SUCCESSFUL", 60, Some(20)),
            false,
        ),
        (
            "autoscaling",
            rescue().operation("AutoScaling", "SUCCESSFUL", 60, Some(20)),
            false,
        ),
        (
            "a tag",
            rescue().operation("TagResource", "SUCCESSFUL", 60, Some(20)),
            false,
        ),
        (
            "an update at the moment of our first step",
            rescue().operation("UpdateApplication", "SUCCESSFUL", minutes(10) + 1, Some(20)),
            false,
        ),
        (
            "an update before our first step",
            rescue().operation("UpdateApplication", "SUCCESSFUL", hours(1), Some(20)),
            false,
        ),
        (
            "the service's own rollback",
            rescue()
                .application(|it| it.system_rollback_enabled = Some(true))
                .operation("RollbackApplication", "SUCCESSFUL", 60, Some(20)),
            false,
        ),
        (
            "a rollback that a failed operation names",
            named_by_a_failure(rescue()),
            false,
        ),
        (
            "our force-stop, by id",
            rescue()
                .step(Step::ForceStop, 61, accepted_as("StopApplication-60"))
                .operation("StopApplication", "SUCCESSFUL", 60, Some(20)),
            false,
        ),
        (
            "our force-stop, by kind",
            rescue().step(Step::ForceStop, 61, accepted()).operation(
                "StopApplication",
                "SUCCESSFUL",
                60,
                Some(20),
            ),
            false,
        ),
        (
            "our force-stop, its answer lost",
            rescue().step(Step::ForceStop, 61, lost()).operation(
                "StopApplication",
                "SUCCESSFUL",
                60,
                Some(20),
            ),
            false,
        ),
        (
            "a stop after ours was refused",
            rescue().step(Step::ForceStop, 61, refused()).operation(
                "StopApplication",
                "SUCCESSFUL",
                60,
                Some(20),
            ),
            true,
        ),
        (
            "a stop after ours was not sent",
            rescue()
                .step(Step::ForceStop, 61, failed("Lifeguard.Stale"))
                .operation("StopApplication", "SUCCESSFUL", 60, Some(20)),
            true,
        ),
    ] {
        let decision = case.decide();
        assert_eq!(
            decision.because == Reason::SomebodyElseActed,
            is_foreign,
            "{what}: {}",
            decision.reason
        );
        assert!(!is_foreign || decision.action == Action::Escalate, "{what}");
    }
}

#[test]
fn a_version_that_was_made_after_our_start_is_somebody_elses() {
    // The good configuration was there already, so putting it back made no version.
    let started = |stored: u64, now: u64| {
        let mut case = after_a_force_stop().step(Step::RestoreConfiguration, 100, accepted());
        case.seen.application.version_id = stored;
        let mut case = case
            .step(Step::Start, 90, accepted_as("StartApplication-89"))
            .operation("StartApplication", "SUCCESSFUL", 89, Some(60))
            .running()
            .job(a_job(20));
        case.seen.application.version_id = now;
        case.seen.application.version_updated_from = Some(now - 1);
        case
    };
    started(7, 7).must("wait", Reason::Settling);
    started(8, 8).must("wait", Reason::Settling);
    says(
        &started(7, 8)
            .must("escalate", Reason::SomebodyElseActed)
            .reason,
        &["version 8 was made"],
    );
    started(8, 9).must("escalate", Reason::SomebodyElseActed);
}

fn named_by_a_failure(case: Case) -> Case {
    let mut case = case
        .operation("ApplicationMaintenance", "FAILED", 90, Some(20))
        .operation("RollbackApplication", "SUCCESSFUL", 60, Some(20));
    let id = case.seen.operations[0].id.clone();
    case.seen.operations[1].rollback_operation_id = Some(id);
    case
}

#[test]
fn our_own_step_stamped_before_it_was_decided_is_ours_too() {
    // The service's clock is two seconds behind.
    let mut early = after_a_rollback();
    early.progress.steps[0].at = ago(minutes(10) - 2);
    early.must("forceStop", Reason::NextStep);
    early.progress.steps[0].result = Some(lost());
    early.must("forceStop", Reason::NextStep);
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
        (
            quiet().ready().operations(vec![an_operation(
                "StartApplication",
                "SUCCESSFUL",
                600,
                Some(60),
            )]),
            "leaveAlone",
            Reason::Finished,
        ),
        (
            quiet()
                .ready()
                .operation("StopApplication", "SUCCESSFUL", 60, Some(20)),
            "leaveAlone",
            Reason::Stopped,
        ),
        (quiet(), "wait", Reason::Settling),
        (
            quiet().job(a_looping_job(60, 5)),
            "wait",
            Reason::TooFewRestarts,
        ),
        (
            quiet().unreadable(Part::Job, "403"),
            "wait",
            Reason::Unknown,
        ),
        (
            quiet().judged(Assessment::NoProgress {
                since: ago(600),
                failed: 9,
            }),
            "wait",
            Reason::NoProgress,
        ),
        (
            quiet().judged(Assessment::NoProgress {
                since: ago(1_200),
                failed: 9,
            }),
            "escalate",
            Reason::NoProgress,
        ),
    ] {
        case.must(action, because);
    }
}

#[test]
fn a_checkpoint_that_is_not_due_yet_is_not_missed() {
    let without_one_for = |secs: i64, interval: Option<u32>| {
        let mut case = an_application("orders")
            .made(days(3))
            .judged(Assessment::NoProgress {
                since: ago(secs),
                failed: 0,
            });
        case.seen.application.checkpoint_interval_secs = interval;
        case
    };
    for (secs, interval, action) in [
        (1_500, Some(1_800), "wait"),
        (2_102, Some(1_800), "wait"),
        (2_103, Some(1_800), "escalate"),
        (4_000, Some(7_200), "wait"),
        // A short interval, and none that is known, ask for no more than the policy.
        (1_500, Some(60), "escalate"),
        (1_500, None, "escalate"),
        (1_199, Some(60), "wait"),
    ] {
        without_one_for(secs, interval).must(action, Reason::NoProgress);
    }
}

#[test]
fn a_job_that_cannot_be_read_is_looked_at_until_the_deadline() {
    let mut blind = an_application("orders")
        .made(minutes(30))
        .unreadable(Part::Job, "403");
    for _ in 0..50 {
        blind.must("wait", Reason::Unknown);
        blind.before = blind.look().0;
    }
    says(
        &blind
            .execution_of(14_400)
            .must("escalate", Reason::Deadline)
            .reason,
        &["the job could not be read: 403"],
    );
}

#[test]
fn a_soak_is_waited_out_and_coming_up_has_a_time_out() {
    let up = an_application("orders").made(minutes(3)).job(a_job(100));
    assert_eq!(
        wait_of(&up.must("wait", Reason::Settling)),
        60,
        "nobody knows yet whether it works, so a fault is to be seen soon"
    );
    let mut shaken = up.clone();
    shaken.seen.job.as_mut().unwrap().restarts_metric = Some(1);
    assert_eq!(wait_of(&shaken.must("wait", Reason::Settling)), 30);
    let up = after_a_rollback().job(a_job(100));
    assert_eq!(
        wait_of(&up.must("wait", Reason::Settling)),
        307,
        "the soak, and the cache"
    );
    let mut later = up.clone();
    later.before = Watch::default().after(&up.seen, 303).0;
    later.seen.job.as_mut().unwrap().at = ago(-100);
    assert_eq!(wait_of(&later.must("wait", Reason::Settling)), 207);
    later.seen.job.as_mut().unwrap().at = ago(99_999);
    assert_eq!(
        wait_of(&later.must("wait", Reason::Settling)),
        307,
        "never longer than a soak, even when a clock jumps back"
    );
    let job = later.seen.job.as_mut().unwrap();
    (job.at, job.checkpoints) = (ago(-303), None);
    assert_eq!(
        wait_of(&later.must("wait", Reason::Settling)),
        30,
        "the soak is over, and the checkpoints cannot be read"
    );
    // What our own step began is looked at soon, for a while: the next step and the soak wait for it.
    let coming_up = |case: Case| {
        case.job(lifecycle::Job {
            vertices: vec![vertex(&[("INITIALIZING", 2)])],
            ..a_job(3_000)
        })
    };
    let ours = coming_up(after_a_rollback()).must("wait", Reason::Settling);
    assert!((4..=8).contains(&wait_of(&ours)), "{ours:?}");
    let theirs = coming_up(an_application("orders").made(hours(1)));
    assert_eq!(wait_of(&theirs.must("wait", Reason::Settling)), 30);
    let slow = |age: i64| {
        let mut case = an_application("orders").made(hours(1)).job(lifecycle::Job {
            vertices: vec![vertex(&[("INITIALIZING", 2)])],
            ..a_job(3_000)
        });
        let mut first = case.clone();
        first.seen.job.as_mut().unwrap().at = ago(age);
        case.before = Watch::default().after(&first.seen, 303).0;
        case
    };
    assert_eq!(wait_of(&slow(2_400).must("wait", Reason::Settling)), 30);
    says(
        &slow(2_401)
            .with_snapshot("before-change", hours(2))
            .must("rollback", Reason::ChangeToBlame)
            .reason,
        &["never run well"],
    );
    // The same of what had worked before is nobody's fault that going back would mend.
    let old = slow(2_401)
        .made_at(days(9))
        .history(vec![ran_well(ago(days(8)), ago(hours(2)))]);
    says(
        &old.must("escalate", Reason::SettlingTooLong).reason,
        &[
            "not up for longer than allowed",
            "2 INITIALIZING",
            "had run well",
        ],
    );
    let without_job = an_application("orders").looked_at(&an_application("orders"), 2_500);
    without_job.must("escalate", Reason::SettlingTooLong);
}

#[test]
fn a_wait_never_reaches_past_the_deadline() {
    for (age, secs) in [(14_399, 1), (14_390, 10), (14_000, 30), (-50, 30)] {
        assert_eq!(
            wait_of(
                &a_stuck_update(60)
                    .execution_of(age)
                    .must("wait", Reason::Busy)
            ),
            secs,
            "{age} s old"
        );
    }
}

//! Is the change to blame? In doubt it is not.

mod support;

use lifecycle::{Assessment, Blame, Ledger, Part, Policy, attribute};
use support::*;

/// Version 7, made half an hour ago, failing every 10 s since it came up.
fn a_bad_deployment() -> Case {
    an_application("orders")
        .version(7)
        .made(minutes(30))
        .running()
        .looping_every(secs(10))
}

fn blame(case: &Case) -> Blame {
    attribute(
        &case.seen,
        &case.assess(),
        case.ledger.as_ref().unwrap_or(&Ledger::default()),
        &case.policy,
    )
}

#[track_caller]
fn to_blame(case: &Case) -> (i64, i64) {
    match blame(case) {
        Blame::Change {
            cutoff, fault_at, ..
        } => (
            NOW_SECS - cutoff.as_second(),
            NOW_SECS - fault_at.as_second(),
        ),
        other => panic!("not to blame: {other:?}"),
    }
}

#[track_caller]
fn not_to_blame(case: &Case, parts: &[&str]) {
    match blame(case) {
        Blame::Elsewhere { why } => says(&why, parts),
        other => panic!("not told apart: {other:?}"),
    }
}

#[test]
fn a_version_that_loops_from_its_first_start_is_to_blame() {
    let (cutoff, fault) = to_blame(&a_bad_deployment());
    // The job started 5 s before the update's end, and failed 10 s later.
    assert_eq!(cutoff, minutes(30) - UPDATE_SECS + 5);
    assert_eq!(fault, minutes(30) - UPDATE_SECS - 5);
}

#[test]
fn operations_that_could_not_be_read_blame_and_exonerate_nobody() {
    let unread = a_bad_deployment().unreadable(Part::Operations, "throttled");
    match blame(&unread) {
        Blame::CannotTell { why } => says(&why, &["the operations could not be read: throttled"]),
        other => panic!("{other:?}"),
    }
    // A version that soaked is exonerated whatever the operations say.
    not_to_blame(&unread.soaked(7, hours(5)), &["was seen soaked"]);
}

#[test]
fn whatever_makes_it_doubtful_takes_the_blame_away() {
    let bad = a_bad_deployment;
    let rows: Vec<(&str, Case, &str)> = vec![
        (
            "soaked",
            bad().soaked(7, hours(5)),
            "was seen soaked and healthy",
        ),
        (
            "the result of a rollback",
            bad().application(|it| it.version_rolled_back_from = Some(6)),
            "itself the result of a rollback from version 6",
        ),
        (
            "age of the version unknown",
            bad().application(|it| it.version_created_at = None),
            "does not say when the present version was made",
        ),
        (
            "no start since it was made",
            bad().operations(vec![]),
            "no start or update since version 7 was made",
        ),
        (
            "started long before it was made",
            bad().operations(vec![an_operation(
                "UpdateApplication",
                "SUCCESSFUL",
                hours(9),
                Some(60),
            )]),
            "no start or update",
        ),
        (
            "ran before",
            bad()
                .operation("StartApplication", "SUCCESSFUL", minutes(20), Some(30))
                .operation("StartApplication", "SUCCESSFUL", minutes(5), Some(30))
                .job(a_looping_job(minutes(4), 10)),
            "ran before, since",
        ),
        (
            "failed before it was made",
            bad().job(a_looping_job(hours(2), 10)),
            "before version 7 was made",
        ),
        (
            "failed long after it came up",
            an_application("orders")
                .made(hours(5))
                .job(a_looping_job(100, 10)),
            "the trouble began only at",
        ),
        (
            "ran well for long",
            bad().job(a_looping_job(1_000, 900)),
            "ran for 900 s before its first fault",
        ),
        (
            "restarted by maintenance",
            an_application("orders")
                .made(minutes(40))
                .operation(
                    "ApplicationMaintenance",
                    "SUCCESSFUL",
                    minutes(10),
                    Some(30),
                )
                .job(a_looping_job(500, 10)),
            "when ApplicationMaintenance restarted it",
        ),
        (
            "restarted by scaling",
            an_application("orders")
                .made(minutes(40))
                .operation("AutoScaling", "SUCCESSFUL", minutes(10), Some(30))
                .job(a_looping_job(500, 10)),
            "when AutoScaling restarted it",
        ),
    ];
    for (what, case, why) in rows {
        assert!(
            matches!(case.assess(), Assessment::Looping { .. }),
            "{what}: {:?}",
            case.assess()
        );
        not_to_blame(&case, &[why]);
    }
}

#[test]
fn what_is_no_doubt_leaves_the_blame() {
    let bad = a_bad_deployment;
    let rows: Vec<(&str, Case)> = vec![
        ("another version soaked", bad().soaked(6, days(3))),
        ("a rescue was begun today", bad().rescues_today(2)),
        (
            "maintenance right after the start",
            bad().operation("Maintenance", "SUCCESSFUL", minutes(28), Some(20)),
        ),
        (
            "maintenance after the first fault",
            bad().operation("Maintenance", "SUCCESSFUL", minutes(5), Some(20)),
        ),
        (
            "the version before was started often",
            bad().operation("StartApplication", "SUCCESSFUL", days(2), Some(30)),
        ),
        (
            "a failed try to start it",
            bad().operation("StartApplication", "FAILED", minutes(31), Some(10)),
        ),
        (
            "stamped a little before the version",
            bad().made_at(minutes(30) - 100),
        ),
        (
            "stamped a little after the version",
            bad().made_at(minutes(30) + 100),
        ),
        (
            "an operation of another kind since",
            bad().operation("TagResource", "SUCCESSFUL", minutes(2), Some(1)),
        ),
        (
            "a slow loop",
            an_application("orders")
                .made(minutes(40))
                .looping_every(600),
        ),
    ];
    for (what, case) in rows {
        assert!(
            matches!(blame(&case), Blame::Change { .. }),
            "{what}: {:?}",
            blame(&case)
        );
    }
}

#[test]
fn an_update_while_stopped_only_stored_the_version() {
    // Stopped, updated, started: the start is the first run.
    let stored = an_application("orders")
        .made_at(minutes(30))
        .operation("StopApplication", "SUCCESSFUL", minutes(35), Some(40))
        .operation("UpdateApplication", "SUCCESSFUL", minutes(30), Some(1))
        .operation(
            "StartApplication",
            "SUCCESSFUL",
            minutes(25),
            Some(UPDATE_SECS),
        )
        .job(a_looping_job(minutes(24), 10));
    let (cutoff, _) = to_blame(&stored);
    assert_eq!(
        cutoff,
        minutes(24),
        "it began to process only when it was started"
    );
    // Updated while running, stopped, started: the update was the first run.
    let ran = an_application("orders")
        .made(minutes(30))
        .operation("StopApplication", "SUCCESSFUL", minutes(20), Some(40))
        .operation(
            "StartApplication",
            "SUCCESSFUL",
            minutes(15),
            Some(UPDATE_SECS),
        )
        .job(a_looping_job(minutes(13), 10));
    not_to_blame(&ran, &["ran before"]);
}

#[test]
fn a_stop_is_between_an_update_and_a_start_only_where_it_began_after_the_one_and_before_the_other()
{
    let stopped = |began: i64| {
        an_application("orders")
            .made_at(minutes(30))
            .operation("UpdateApplication", "SUCCESSFUL", minutes(30), Some(1))
            .operation(
                "StartApplication",
                "SUCCESSFUL",
                minutes(25),
                Some(UPDATE_SECS),
            )
            .operation("StopApplication", "SUCCESSFUL", began, Some(1))
            .job(a_looping_job(minutes(24), 10))
    };
    for (began, ran) in [
        (minutes(30), false),
        (minutes(30) - 1, true),
        (minutes(25) + 1, true),
        (minutes(25), false),
    ] {
        assert_eq!(
            matches!(blame(&stopped(began)), Blame::Elsewhere { .. }),
            ran,
            "stopped {began} s ago"
        );
    }
}

#[test]
fn the_service_restarted_a_running_job_only_where_it_began_past_a_soak_after_the_start() {
    // The update ended 39 minutes ago; the job that failed came up after whatever restarted it.
    for (after, restarted) in [(200, false), (303, false), (304, true)] {
        let case = an_application("orders")
            .made(minutes(40))
            .operation(
                "ApplicationMaintenance",
                "SUCCESSFUL",
                minutes(39) - after,
                Some(30),
            )
            .job(a_looping_job(minutes(30), 10));
        assert_eq!(
            matches!(blame(&case), Blame::Elsewhere { .. }),
            restarted,
            "{after} s after the end of the update: {:?}",
            blame(&case)
        );
    }
}

#[test]
fn a_job_ran_well_when_it_ran_longer_than_a_soak_and_two_of_its_lives_now() {
    for (gap, ran_secs, ran_well) in [
        (100, 503, false),
        (100, 504, true),
        (10, 323, false),
        (10, 324, true),
    ] {
        let mut job = a_looping_job(minutes(29), gap);
        (
            job.faults.truncated,
            job.faults.known,
            job.max_attempt,
            job.restarts_metric,
        ) = (false, 16, 16, Some(16));
        job.faults.first = Some(a_fault(ago(minutes(29) - ran_secs)));
        let case = a_bad_deployment().job(job);
        assert_eq!(
            matches!(blame(&case), Blame::Elsewhere { .. }),
            ran_well,
            "{ran_secs} s, then every {gap} s: {:?}",
            blame(&case)
        );
    }
}

#[test]
fn the_window_of_blame_ends_an_hour_after_the_version_came_up() {
    let case = |fault: i64| {
        let mut job = a_looping_job(100, 10);
        job.started_at = ago(hours(3) - 10);
        job.faults.first = Some(a_fault(ago(hours(3) - fault)));
        job.faults.shortest_gap_millis = Some(hours(2) * 1000);
        an_application("orders").made(hours(3)).job(job)
    };
    assert!(matches!(
        blame(&case(UPDATE_SECS + 3_600)),
        Blame::Change { .. }
    ));
    not_to_blame(&case(UPDATE_SECS + 3_601), &["the trouble began only at"]);
    // Two clocks stamp the version and the fault; what is further apart than they may be came before.
    assert!(matches!(blame(&case(-120)), Blame::Change { .. }));
    not_to_blame(&case(-121), &["before version 7 was made"]);
}

#[test]
fn a_truncated_history_errs_towards_a_later_first_fault() {
    // Back-off grows: the shortest gap still known is longer than the early ones were, but the missing restarts are counted by it, never past the job's start.
    let mut job = a_looping_job(minutes(25), 10);
    assert!(job.faults.truncated);
    let exact = job.first_fault_at().unwrap();
    job.faults.shortest_gap_millis = Some(1_000);
    assert!(
        job.first_fault_at().unwrap() > exact,
        "a shorter gap counts back less"
    );
    job.faults.shortest_gap_millis = None;
    let case = a_bad_deployment().job(job);
    not_to_blame(&case, &["before its first fault"]);
}

#[test]
fn a_fault_seen_by_an_earlier_look_is_not_forgotten() {
    let deployment = || {
        an_application("orders")
            .made(minutes(4))
            .looping_every(secs(20))
    };
    let early = deployment();
    let mut late = deployment().looked_at(&early, 60);
    let faults = &mut late.seen.job.as_mut().unwrap().faults;
    (faults.first, faults.shortest_gap_millis) = (Some(a_fault(ago(30))), None);
    let (_, fault) = to_blame(&late);
    assert_eq!(
        fault,
        minutes(4) - UPDATE_SECS + 5 - 20,
        "the earliest that any look saw"
    );
}

#[test]
fn a_failed_start_is_dated_to_the_operation_that_failed() {
    let failed_update = an_application("orders")
        .ready()
        .made_at(minutes(10))
        .operation("UpdateApplication", "FAILED", minutes(10), Some(90));
    assert_eq!(
        to_blame(&failed_update),
        (minutes(10) - 90, minutes(10) - 90)
    );
    let failed_start = an_application("orders")
        .ready()
        .made_at(minutes(20))
        .operation("StopApplication", "SUCCESSFUL", minutes(25), Some(30))
        .operation("UpdateApplication", "SUCCESSFUL", minutes(20), Some(1))
        .operation("StartApplication", "FAILED", minutes(10), Some(90));
    assert_eq!(
        to_blame(&failed_start),
        (minutes(10) - 90, minutes(10) - 90)
    );
    // What came after it and did not fail tells nothing.
    let tagged_since = failed_update.operation("TagResource", "SUCCESSFUL", minutes(2), Some(1));
    assert_eq!(
        to_blame(&tagged_since),
        (minutes(10) - 90, minutes(10) - 90)
    );
    // A rollback or a maintenance that fails ten days after the update is not the update's fault.
    for name in ["RollbackApplication", "ApplicationMaintenance"] {
        let late = an_application("orders").ready().made(days(10)).operation(
            name,
            "FAILED",
            minutes(10),
            Some(90),
        );
        assert!(matches!(late.assess(), Assessment::Failed { .. }));
        not_to_blame(&late, &["the trouble began only at", "T11:51:30Z"]);
    }
}

#[test]
fn a_failed_job_is_dated_to_its_first_fault() {
    let mut job = a_looping_job(minutes(28), 10);
    job.state = "FAILED".into();
    assert!(matches!(
        blame(&a_bad_deployment().job(job.clone())),
        Blame::Change { .. }
    ));
    job.faults.first = None;
    not_to_blame(
        &a_bad_deployment().job(job),
        &["when the trouble began cannot be told"],
    );
}

#[test]
fn a_stuck_operation_is_dated_to_its_beginning() {
    let stuck = an_application("orders")
        .status("UPDATING")
        .made_at(hours(1))
        .operation("UpdateApplication", "IN_PROGRESS", hours(1), None);
    assert_eq!(to_blame(&stuck), (0, hours(1)));
    not_to_blame(&stuck.soaked(7, days(1)), &["soaked"]);
}

#[test]
fn what_is_no_fault_has_no_time() {
    let healthy = an_application("orders").made(minutes(30)).healthy_for(600);
    not_to_blame(&healthy, &["when the trouble began cannot be told"]);
}

#[test]
fn a_policy_with_a_longer_window_blames_for_longer() {
    let late = an_application("orders")
        .made(hours(5))
        .job(a_looping_job(hours(1), 10));
    assert!(matches!(blame(&late), Blame::Elsewhere { .. }));
    let patient = Policy {
        blame_window_secs: 36_000,
        ..late.policy.clone()
    };
    let case = Case {
        policy: patient,
        ..late
    };
    assert!(
        matches!(blame(&case), Blame::Change { .. }),
        "{:?}",
        blame(&case)
    );
}

//! Who is to blame: the rows of the table, each case as it was played, and its siblings.

mod support;

use jiff::Timestamp;
use lifecycle::{
    Assessment, FailedBefore, Fault, History, JobState, Part, Point, Proven, Reason, Row, Series,
    SeriesMetric, SeriesRead, Span, Verdict,
};
use support::*;

const MADE: i64 = 1_800;

/// Version 7, made half an hour ago, failing every 10 s since it came up. Version 6 had run well for days.
fn a_bad_deployment() -> Case {
    an_application("orders")
        .version(7)
        .made(MADE)
        .running()
        .looping_every(secs(10))
}

/// Version 7, made that long ago, ran so, and has been looping for ten minutes.
fn failing_after(made: i64, ran: &[(i64, i64)]) -> Case {
    let mut spans = vec![ran_well(ago(made + days(5)), ago(made))];
    spans.extend(
        ran.iter()
            .map(|(from, until)| ran_well(ago(*from), ago(*until))),
    );
    spans.push(failing(ago(minutes(10)), ago(180), 9));
    an_application("orders")
        .version(7)
        .made(made)
        .running()
        .job(a_looping_job(minutes(10), 20))
        .history(spans)
}

#[track_caller]
fn to_blame(case: &Case, good: u64) -> (Row, i64, i64) {
    match case.verdict() {
        Verdict::Change {
            row,
            good: found,
            cutoff,
            fault_at,
            ..
        } if found == good => (
            row,
            NOW_SECS - cutoff.as_second(),
            NOW_SECS - fault_at.as_second(),
        ),
        other => panic!("not to blame, or back to another version: {other:?}"),
    }
}

#[track_caller]
fn held(case: &Case, row: Row, parts: &[&str]) {
    match case.verdict() {
        Verdict::Held {
            row: found, why, ..
        } if found == row => says(&why, parts),
        other => panic!("not {row:?}: {other:?}"),
    }
}

#[track_caller]
fn cannot_tell(case: &Case, parts: &[&str]) {
    match case.verdict() {
        Verdict::CannotTell { why, .. } => says(&why, parts),
        other => panic!("told: {other:?}"),
    }
}

fn spans(case: &mut Case) -> &mut Vec<Span> {
    &mut case.before.history.spans
}

#[test]
fn a_version_that_loops_from_its_first_start_is_to_blame() {
    let (row, cutoff, fault) = to_blame(&a_bad_deployment(), 6);
    assert_eq!(row, Row::Else);
    // The job started 5 s before the update's end, and failed 10 s later.
    assert_eq!(cutoff, MADE - UPDATE_SECS + 5);
    assert_eq!(fault, MADE - UPDATE_SECS - 5);
}

#[test]
fn one_lost_machine_long_ago_does_not_date_an_outage() {
    // A blip 40 s after the start, twelve hours of good work, an outage for ten minutes (cB1).
    let made = hours(12) + minutes(10);
    let blip = failing_after(made, &[(made - 100, minutes(10))]);
    held(&blip, Row::Proven, &["version 7 had run well for 718 min"]);
    // Its siblings: the blip was an hour later, or there were three of them, hours apart.
    let later = failing_after(
        made,
        &[(made - 60, made - 3_600), (made - 3_700, minutes(10))],
    );
    held(&later, Row::Proven, &[]);
    let thrice = failing_after(
        made,
        &[
            (made - 60, hours(9)),
            (hours(9) - 60, hours(4)),
            (hours(4) - 60, minutes(10)),
        ],
    );
    held(&thrice, Row::Proven, &[]);
}

#[test]
fn soaked_is_neither_proven_nor_bad() {
    // Six to fifteen minutes of good work, then it fails (cB2, cB9): people decide, now and twenty minutes later.
    for ran in [6, 15, 29] {
        let made = minutes(10 + ran) + 60;
        let case = failing_after(made, &[(made - 60, minutes(10))]);
        held(&case, Row::Soaked, &["version 7 had run well for a while"]);
        let mut later = failing_after(made + 1_200, &[(made + 1_140, minutes(30))]);
        spans(&mut later).last_mut().unwrap().from = ago(minutes(30));
        held(&later, Row::Soaked, &[]);
    }
    // Half an hour is a proof, and less than a soak is nothing.
    let made = minutes(41);
    let proven = failing_after(made, &[(made - 59, minutes(10))]);
    held(&proven, Row::Proven, &[]);
    let made = minutes(14);
    assert_eq!(to_blame(&failing_after(made, &[]), 6).0, Row::Else);
}

#[test]
fn a_version_is_as_old_as_its_content_and_not_as_its_last_start() {
    // Thirty days old, stopped and started during an outage (cB4).
    let case = failing_after(days(30), &[(days(15), hours(2))])
        .operation("StopApplication", "SUCCESSFUL", hours(2), Some(60))
        .operation("StartApplication", "SUCCESSFUL", minutes(12), Some(60));
    held(&case, Row::Proven, &[]);
    // A scaler makes a version every ten minutes (cH5): each ran for nine, together they are a proof.
    let mut scaled = failing_after(minutes(20), &[]);
    scaled.seen.application.content = Some(3);
    scaled.seen.versions = (3..7).rev().map(a_version).collect();
    let mut at = minutes(20);
    let mut ran = vec![];
    for version in &mut scaled.seen.versions {
        version.content = Some(3);
        at += minutes(10);
        version.created_at = Some(ago(at));
        ran.push(ran_well(ago(at - 30), ago(at - minutes(10))));
    }
    ran.reverse();
    ran.push(ran_well(ago(minutes(20) - 30), ago(minutes(10))));
    ran.push(failing(ago(minutes(10)), ago(180), 9));
    let scaled = scaled.history(ran);
    held(&scaled, Row::Proven, &[]);
}

#[test]
fn what_was_failing_already_when_it_was_changed_is_not_the_changes_fault() {
    // Version 6 is proven; an outage; somebody deploys a fix meanwhile (cB5).
    let spans = vec![
        ran_well(ago(days(5)), ago(hours(1))),
        failing(ago(hours(1)), ago(MADE + 30), 40),
        failing(ago(MADE - 90), ago(180), 40),
    ];
    let fixed = a_bad_deployment().history(spans);
    held(&fixed, Row::Proven, &["version 6"]);
    // Version 6 had only soaked: for people to say.
    let spans = vec![
        ran_well(ago(hours(1) + 600), ago(hours(1))),
        failing(ago(hours(1)), ago(MADE + 30), 40),
        failing(ago(MADE - 90), ago(180), 40),
    ];
    let mut soaked = a_bad_deployment().history(spans);
    soaked.seen.versions[0].created_at = Some(ago(hours(1) + 660));
    match soaked.verdict() {
        Verdict::Held { row, .. } => assert_eq!(row.reason(), Reason::Suspected),
        other => panic!("{other:?}"),
    }
    // One machine was lost long enough before the change: it ran when it was left.
    let spans = vec![
        ran_well(ago(days(5)), ago(MADE + 900)),
        failing(ago(MADE + 900), ago(MADE + 840), 1),
        ran_well(ago(MADE + 830), ago(MADE)),
        failing(ago(MADE - 90), ago(180), 40),
    ];
    to_blame(&a_bad_deployment().history(spans), 6);
}

fn a_timeout(at: Timestamp) -> Fault {
    Fault {
        exception: "java.util.concurrent.TimeoutException".into(),
        message: "java.util.concurrent.TimeoutException: no broker answered within 60000 ms".into(),
        ..a_fault(at)
    }
}

/// Version 6 had run well for days when an outage began; somebody force-stopped it after half an hour, stored a fix twenty minutes later and started it (cB5).
fn a_fix_in_an_outage(fault: &Fault) -> Case {
    let stopped = MADE + minutes(20);
    let mut case = a_bad_deployment()
        .operation("StopApplication", "SUCCESSFUL", stopped, Some(20))
        .operation("StartApplication", "SUCCESSFUL", MADE - 60, Some(30))
        .history(vec![
            ran_well(ago(days(5)), ago(stopped + minutes(30))),
            failing(ago(stopped + minutes(30)), ago(stopped + 30), 20),
            failing(ago(MADE - 120), ago(180), 40),
        ]);
    fails_with(&mut case, fault);
    case
}

fn fails_with(case: &mut Case, fault: &Fault) {
    let faults = &mut case.seen.job.as_mut().expect("it loops").faults;
    for one in faults.first.iter_mut().chain(&mut faults.newest) {
        *one = Fault {
            at: one.at,
            ..fault.clone()
        };
    }
}

#[test]
fn trouble_that_is_older_than_the_change_is_not_the_changes() {
    // Time-outs count: what is asked is whether it is the same trouble, not whose fault it is.
    for fault in [a_fault(now()), a_timeout(now())] {
        let case = a_fix_in_an_outage(&fault);
        let left = MADE + minutes(21);
        held(
            &case.clone().faulted(6, left, &fault),
            Row::OlderThanChange,
            &["older than version 7", "version 6 was failing with"],
        );
        // The same class in another task with another text is the same kind of fault.
        let mut elsewhere = fault.clone();
        elsewhere.message.push_str(" at the sink");
        elsewhere.task = Some("sink (1/1)".into());
        held(
            &case.clone().faulted(6, left, &elsewhere),
            Row::OlderThanChange,
            &[],
        );
        // The force-stop ended it: without the book it had run well, and its last minutes were bad.
        held(&case, Row::Proven, &["version 6 had run well"]);
    }
    // Another fault was there: whether the fix is bad as well is for people to say.
    let case = a_fix_in_an_outage(&a_fault(now()));
    let left = MADE + minutes(21);
    held(
        &case.clone().faulted(6, left, &a_timeout(now())),
        Row::FailedBefore,
        &["version 6 was failing too", "with another fault"],
    );
    // What it had failed with before it ran well for days, and a namesake's fault, say nothing of this outage.
    held(
        &case.clone().faulted(6, days(4), &a_fault(now())),
        Row::Proven,
        &[],
    );
    let namesakes = case
        .faulted(6, left, &a_fault(now()))
        .application(|it| it.created_at = Some(ago(left - 1)));
    held(&namesakes, Row::Proven, &[]);
}

#[test]
fn trouble_that_came_back_after_a_change_that_had_soaked_is_compared_too() {
    // The fix ran for ten minutes, then it fails as the version before did.
    let mut case = failing_after(minutes(21), &[(minutes(20), minutes(10))]);
    spans(&mut case)[0] = ran_well(ago(days(5)), ago(hours(2)));
    spans(&mut case).insert(1, failing(ago(hours(2)), ago(minutes(21) + 30), 60));
    held(
        &case,
        Row::FailedBefore,
        &["version 6 was failing too when it was left"],
    );
    let mut elsewhere = a_fault(now());
    elsewhere.task = Some("sink (1/1)".into());
    let known = case.clone().faulted(6, minutes(30), &elsewhere);
    held(&known, Row::OlderThanChange, &["older than version 7"]);
    let other = case.faulted(6, minutes(30), &a_timeout(now()));
    held(&other, Row::FailedBefore, &["with another fault"]);
}

#[test]
fn what_the_version_before_failed_with_within_a_day_is_not_the_changes() {
    // It recovered by itself, and ran for hours before it was left.
    let case = |age: i64, fault: &Fault| a_bad_deployment().faulted(6, age, fault);
    let same = a_fault(now());
    held(
        &case(hours(10), &same),
        Row::SameFaultBefore,
        &["the same fault was seen on version 6"],
    );
    held(
        &case(MADE + hours(24) - 1, &same),
        Row::SameFaultBefore,
        &[],
    );
    to_blame(&case(MADE + hours(24) + 1, &same), 6);
    let mut other = same.clone();
    other.message.push_str(" in a field");
    to_blame(&case(hours(10), &other), 6);
    let mut short = case(hours(10), &a_timeout(now()));
    fails_with(&mut short, &a_timeout(now()));
    to_blame(&short, 6);
    // Known of the same content under another number: it was scaled since, or was put back by a rescue.
    let mut scaled = a_bad_deployment();
    scaled.seen.versions = vec![a_version(6), a_version(5)];
    scaled.seen.versions[0].content = Some(5);
    scaled.seen.versions[0].created_at = Some(ago(hours(5)));
    scaled.seen.versions[1].content = Some(5);
    held(
        &scaled.faulted(5, hours(6), &same),
        Row::SameFaultBefore,
        &["version 5"],
    );
}

#[test]
fn the_newest_version_that_worked_is_gone_back_to() {
    // 5 good for days, 6 bad, force-stopped, 7 bad too (cR1).
    let mut twice = an_application("orders")
        .version(7)
        .made(MADE)
        .operation("StopApplication", "SUCCESSFUL", MADE + 300, Some(20))
        .operation("UpdateApplication", "SUCCESSFUL", MADE + 1_200, Some(60))
        .looping_every(secs(10));
    twice.seen.versions = vec![a_version(6), a_version(5)];
    twice.seen.versions[0].created_at = Some(ago(MADE + 1_200));
    twice.seen.versions[1].created_at = Some(ago(days(9)));
    let twice = twice.history(vec![
        ran_well(ago(days(8)), ago(MADE + 1_200)),
        failing(ago(MADE + 1_100), ago(MADE + 300), 12),
        failing(ago(MADE - 90), ago(180), 40),
    ]);
    let (_, cutoff, _) = to_blame(&twice, 5);
    // Nothing from after version 6 began to process.
    assert!(cutoff >= MADE + 1_100, "{cutoff}");
    // The update to 6 failed and never ran (cR2).
    let mut failed =
        a_bad_deployment().operation("UpdateApplication", "FAILED", MADE + 600, Some(60));
    failed.seen.versions = vec![a_version(6), a_version(5)];
    failed.seen.versions[0].created_at = Some(ago(MADE + 600));
    failed.seen.versions[1].created_at = Some(ago(days(9)));
    let failed = failed.history(vec![
        ran_well(ago(days(8)), ago(MADE + 600)),
        failing(ago(MADE - 90), ago(180), 40),
    ]);
    to_blame(&failed, 5);
    // Two updates within two minutes, the first of which changed another thing (cB6).
    let mut quick = a_bad_deployment();
    quick.seen.versions = vec![a_version(6), a_version(5)];
    quick.seen.versions[0].created_at = Some(ago(MADE + 110));
    quick.seen.versions[1].created_at = Some(ago(days(9)));
    let quick = quick
        .operation("UpdateApplication", "SUCCESSFUL", MADE + 110, Some(60))
        .history(vec![
            ran_well(ago(days(8)), ago(MADE + 110)),
            failing(ago(MADE - 90), ago(180), 40),
        ]);
    to_blame(&quick, 5);
}

#[test]
fn a_namesake_proves_nothing() {
    // The name was used 200 days ago (cB7).
    let named = a_bad_deployment()
        .soaked(7, days(200))
        .application(|it| it.created_at = Some(ago(days(6))));
    to_blame(&named, 6);
    let mut proven = a_bad_deployment().application(|it| it.created_at = Some(ago(days(6))));
    proven.ledger.as_mut().unwrap().proven.insert(
        7,
        Proven {
            secs: 9_999,
            until: ago(days(200)),
        },
    );
    to_blame(&proven, 6);
}

#[test]
fn that_an_operation_succeeded_says_nothing_about_health() {
    // Somebody force-stops the bad version and starts it again (cB8).
    let again = a_bad_deployment()
        .operation("StopApplication", "SUCCESSFUL", 900, Some(10))
        .operation("StartApplication", "SUCCESSFUL", 800, Some(60));
    to_blame(&again, 6);
}

#[test]
fn a_failover_of_the_jobmanager_forgets_nothing() {
    // Healthy for 45 minutes; a new run of the same job during an outage (cB14).
    let made = minutes(57);
    let mut case = failing_after(made, &[(made - 60, minutes(10))]);
    let job = case.seen.job.as_mut().unwrap();
    job.started_at = ago(150);
    held(&case, Row::Proven, &[]);
    // A JobManager that crashes for ever (cB15): its counter stays at nought, its starts are incidents.
    let mut case = an_application("orders").made(minutes(20));
    for look in (0..10_i64).rev() {
        case.now = ago(look * 60);
        case.seen.at = case.now;
        let mut job = a_job(0);
        (job.at, job.started_at) = (case.now, ago(look * 60 + 20));
        job.running_at = Some(job.started_at);
        case.seen.job = Some(job);
        case.before = case.look().0;
    }
    assert!(
        matches!(case.assess(), Assessment::Looping { .. }),
        "{:?}",
        case.assess()
    );
    to_blame(&case, 6);
}

#[test]
fn a_lucky_idle_night_proves_nothing() {
    // Deployed, no record for 40 minutes, loops on the first of the morning (cH3).
    let mut idle = failing_after(minutes(55), &[(minutes(54), minutes(10))]);
    let night = spans(&mut idle).get_mut(1).unwrap();
    night.ran = lifecycle::Ran::Up {
        checkpoints: Some(40),
        records: Some(0),
        first_checkpoint_at: None,
    };
    to_blame(&idle, 6);
    // No checkpoint ever completed: it was not up, whatever its up time says.
    let mut stuck = failing_after(minutes(55), &[(minutes(54), minutes(10))]);
    spans(&mut stuck)[1].ran = lifecycle::Ran::Up {
        checkpoints: Some(0),
        records: Some(40),
        first_checkpoint_at: None,
    };
    to_blame(&stuck, 6);
    // A job that never had records in its metrics cannot be asked for them.
    let mut without = failing_after(minutes(55), &[(minutes(54), minutes(10))]);
    for span in spans(&mut without)
        .iter_mut()
        .filter(|span| span.incidents() == 0)
    {
        span.ran = lifecycle::Ran::Up {
            checkpoints: Some(40),
            records: Some(0),
            first_checkpoint_at: None,
        };
    }
    held(&without, Row::Proven, &[]);
}

/// Version 5 had run well for days; version 6 was up for that long before its first checkpoint and after it; version 7 fails from its start, ten minutes ago.
fn initialised_for(before: i64, after: i64) -> Case {
    let made = minutes(10) + before + after;
    an_application("orders")
        .version(7)
        .made(minutes(10))
        .running()
        .knows(5, days(5), Some(5))
        .knows(6, made, Some(6))
        .job(a_looping_job(minutes(9), 20))
        .history(vec![
            ran_well(ago(days(5)), ago(made)),
            ran_well_since(
                ago(made - 30),
                ago(minutes(10) + after),
                ago(minutes(10) + 30),
            ),
            failing(ago(minutes(9)), ago(180), 9),
        ])
}

#[test]
fn time_in_which_tasks_initialise_is_no_soak() {
    // Four minutes of initialising and three of work: version 6 has not soaked.
    to_blame(&initialised_for(minutes(4), minutes(3)), 5);
    to_blame(&initialised_for(minutes(1), minutes(6)), 6);
}

#[test]
fn time_in_which_tasks_initialise_is_no_proof() {
    // Up for an hour, and for half of it with every task up, or nearly.
    for (first_checkpoint, is_proof) in [(minutes(30), true), (minutes(29), false)] {
        let case = an_application("orders")
            .version(7)
            .made(hours(1))
            .running()
            .healthy_for(hours(1))
            .history(vec![ran_well_since(
                ago(hours(1) - 60),
                ago(first_checkpoint),
                now(),
            )]);
        let (watch, assessment) = case.look();
        let proven = lifecycle::proven_so_far(&case.seen, &watch, &assessment, &case.policy);
        assert_eq!(proven.is_some(), is_proof, "{proven:?}");
    }
}

#[test]
fn what_may_have_run_well_is_not_blamed() {
    // A checkpoint every half an hour: the first was not due before.
    let ran = |interval: Option<u32>| {
        let made = minutes(55);
        let mut case = failing_after(made, &[]);
        case.seen.application.checkpoint_interval_secs = interval;
        spans(&mut case).insert(
            1,
            ran_well_since(ago(made - 60), ago(minutes(24)), ago(minutes(10))),
        );
        case
    };
    held(&ran(Some(1_800)), Row::Proven, &["had run well for 44 min"]);
    held(&ran(None), Row::Proven, &[]);
    // One a minute was due, and none came for half an hour: that is no proof, and fourteen minutes are a soak.
    held(&ran(Some(60)), Row::Soaked, &["had run well for a while"]);
}

#[test]
fn a_graceful_weekend_does_not_take_the_blame_away() {
    // Stopped on Friday, stored, started on Monday (cH4).
    let case = an_application("orders")
        .version(7)
        .made_at(hours(40))
        .operation("StopApplication", "SUCCESSFUL", hours(60), Some(60))
        .operation("StartApplication", "SUCCESSFUL", MADE, Some(60))
        .job(a_looping_job(MADE - 60, 10))
        .history(vec![
            ran_well(ago(days(7)), ago(hours(60))),
            failing(ago(MADE - 90), ago(180), 40),
        ]);
    to_blame(&case, 6);
}

#[test]
fn what_the_service_restarted_in_between_is_for_people_to_say() {
    // Scaling by the service within the soak of a deployment (cB22).
    for name in ["AutoScaling", "ApplicationMaintenance"] {
        let case = a_bad_deployment()
            .operation(name, "SUCCESSFUL", MADE - 100, Some(30))
            .job(a_looping_job(MADE - 140, 10));
        held(&case, Row::RestartedByService, &[name]);
    }
}

#[test]
fn nothing_but_scale_is_not_judged_like_code() {
    // Two minutes after the parallelism was changed a broker goes away (cB31).
    let scaled = || {
        let mut case = a_bad_deployment();
        case.seen.application.content = Some(6);
        case.seen.versions[0].content = Some(6);
        case
    };
    held(&scaled(), Row::Proven, &[]);
    // It was deployed for the first time at this scale and had only soaked before.
    let mut young = scaled().history(vec![
        ran_well(ago(MADE + 900), ago(MADE)),
        failing(ago(MADE - 90), ago(180), 40),
    ]);
    young.seen.versions[0].created_at = Some(ago(MADE + 960));
    held(&young, Row::OnlyScaled, &["nothing but scale"]);
    // Memory is short at the new scale: that is what was changed.
    let mut short = scaled();
    let job = short.seen.job.as_mut().unwrap();
    for fault in job.faults.first.iter_mut().chain(&mut job.faults.newest) {
        fault.exception = "java.lang.OutOfMemoryError".into();
        fault.message = "java.lang.OutOfMemoryError: Java heap space".into();
    }
    to_blame(&short, 6);
}

/// Version 7 is version 6 at another scale, made `made` seconds ago, and fails now for want of something.
fn short_of(exception: &str, made: i64) -> Case {
    let mut case = failing_after(made, &[(made - 90, 600)]);
    case.seen.application.content = Some(6);
    case.seen.versions[0].content = Some(6);
    let job = case.seen.job.as_mut().expect("it has a job");
    for fault in job.faults.first.iter_mut().chain(&mut job.faults.newest) {
        fault.exception = exception.into();
        fault.message = format!("{exception}: too little, too late");
    }
    case
}

#[test]
fn what_ran_well_at_its_scale_is_proven_whatever_it_is_short_of_now() {
    // The same once more, or scaled, and well for five hours: memory, slots and time that are short now are short for another reason.
    for exception in [
        "java.lang.OutOfMemoryError",
        "org.apache.flink.runtime.jobmanager.scheduler.NoResourceAvailableException",
        "java.util.concurrent.TimeoutException",
    ] {
        held(
            &short_of(exception, hours(5)),
            Row::Proven,
            &["had run well for"],
        );
        // It had soaked at this scale and no more: it is not said that it never ran.
        held(&short_of(exception, 1_500), Row::Soaked, &["for a while"]);
        // It had not.
        to_blame(&short_of(exception, 700), 6);
        // A rollback made it: it is at the scale at which it had worked.
        let mut gone_back_to = short_of(exception, 700);
        gone_back_to.seen.application.version_rolled_back_from = Some(6);
        gone_back_to.seen.application.version_rolled_back_to = Some(5);
        held(&gone_back_to, Row::Proven, &["had run well for"]);
    }
}

#[test]
fn minutes_at_the_new_scale_that_are_not_known_yet_are_waited_for() {
    let mut late = short_of("java.lang.OutOfMemoryError", hours(5));
    late.before.history.known.as_mut().unwrap().until = ago(hours(4));
    late.before.history.spans.truncate(1);
    cannot_tell(&late, &["does not have the minutes"]);
}

#[test]
fn a_broker_that_does_not_answer_in_time_is_not_a_scale_that_is_too_small() {
    for exception in [
        "org.apache.kafka.common.errors.TimeoutException",
        "com.mongodb.MongoTimeoutException",
        "java.net.SocketTimeoutException",
        "software.amazon.awssdk.core.exception.ApiCallTimeoutException",
    ] {
        held(&short_of(exception, 700), Row::Proven, &[]);
    }
}

#[test]
fn what_was_undone_and_is_applied_again_is_known_to_be_bad() {
    // 6 good, 7 bad and rolled back to 8, 9 is 7 again (cH6): it need not loop for long to be known.
    let mut case = an_application("orders")
        .version(9)
        .made(MADE)
        .looping_every(secs(10));
    case.seen.application.content = Some(7);
    case.seen.versions = vec![a_version(8), a_version(7), a_version(6)];
    for (version, (content, made)) in
        case.seen
            .versions
            .iter_mut()
            .zip([(6, hours(5)), (7, hours(6)), (6, days(9))])
    {
        version.content = Some(content);
        version.created_at = Some(ago(made));
    }
    let fault = case
        .seen
        .job
        .as_ref()
        .unwrap()
        .faults
        .first
        .clone()
        .unwrap();
    case.ledger.as_mut().unwrap().failed.insert(
        7,
        FailedBefore {
            at: ago(hours(5)),
            fault: Some(fault.key()),
        },
    );
    let case = case.history(vec![
        ran_well(ago(days(8)), ago(hours(6))),
        ran_well(ago(hours(5)), ago(MADE)),
        failing(ago(MADE - 90), ago(180), 40),
    ]);
    assert_eq!(to_blame(&case, 8).0, Row::BadBefore);
}

#[test]
fn what_was_undone_twice_within_a_day_is_for_people() {
    // 6 good, 7 bad and rolled back to 8, 9 is 7 again and rolled back to 10, and 11 is the same once more.
    let applied = |first: i64| {
        let mut case = an_application("orders")
            .version(11)
            .made(MADE)
            .looping_every(secs(10));
        case.seen.application.content = Some(7);
        case.seen.versions = [11, 10, 9, 8, 7, 6].map(a_version).into();
        for (version, (content, made)) in case.seen.versions.iter_mut().zip([
            (7, MADE),
            (6, hours(3)),
            (7, hours(4)),
            (6, first),
            (7, first + hours(1)),
            (6, days(9)),
        ]) {
            version.content = Some(content);
            version.created_at = Some(ago(made));
        }
        let job = case.seen.job.as_ref().unwrap();
        let fault = job.faults.first.as_ref().unwrap().key();
        let failed = &mut case.ledger.as_mut().unwrap().failed;
        for (version, at) in [(7, first), (9, hours(3))] {
            let fault = Some(fault.clone());
            failed.insert(version, FailedBefore { at: ago(at), fault });
        }
        case.history(vec![
            ran_well(ago(days(8)), ago(first + hours(1))),
            ran_well(ago(first), ago(hours(4))),
            ran_well(ago(hours(3)), ago(MADE)),
            failing(ago(MADE - 90), ago(180), 40),
        ])
    };
    let case = applied(hours(8));
    assert_eq!(to_blame(&case, 10).0, Row::BadTwiceBefore);
    case.must("escalate", Reason::AppliedAgain);
    // The day's rescues are used as well, which says less.
    let mut spent = applied(hours(8));
    spent.ledger.as_mut().unwrap().rescues_today = 2;
    spent.must("escalate", Reason::AppliedAgain);
    // Once within a day: it is rolled back.
    let case = applied(hours(30));
    assert_eq!(to_blame(&case, 10).0, Row::BadBefore);
}

#[test]
fn the_same_fault_on_the_version_before_takes_the_blame_away() {
    let mut case = a_bad_deployment();
    let fault = case
        .seen
        .job
        .as_ref()
        .unwrap()
        .faults
        .first
        .clone()
        .unwrap();
    let mut seen = |age: i64, fault: Option<String>| {
        case.ledger.as_mut().unwrap().failed.insert(
            6,
            FailedBefore {
                at: ago(age),
                fault,
            },
        );
        case.verdict()
    };
    let same = Some(fault.key());
    match seen(hours(2), same.clone()) {
        Verdict::Held { row, .. } => assert_eq!(row, Row::SameFaultBefore),
        other => panic!("{other:?}"),
    }
    // Another fault, one that could not be read, or the same one two days ago.
    for verdict in [
        seen(hours(2), Some("another".into())),
        seen(hours(2), None),
        seen(days(2), same),
    ] {
        assert!(
            matches!(verdict, Verdict::Change { good: 6, .. }),
            "{verdict:?}"
        );
    }
}

#[test]
fn an_empty_book_is_no_doubt_and_a_readable_one_stands_in_for_the_minutes() {
    // Tagged today: the minutes prove the version before (cH2).
    to_blame(&a_bad_deployment(), 6);
    // Nothing of CloudWatch: the book says that 6 was proven, and the job's own history is whole.
    let mut by_book = an_application("orders")
        .made(minutes(5))
        .looping_every(secs(35))
        .unreadable(Part::Series, "throttled");
    by_book.seen.versions[0].created_at = Some(ago(days(9)));
    cannot_tell(
        &by_book,
        &["whether version 6 had worked", "the history in CloudWatch"],
    );
    by_book.ledger.as_mut().unwrap().proven.insert(
        6,
        Proven {
            secs: 7_200,
            until: ago(hours(1)),
        },
    );
    to_blame(&by_book, 6);
    // So does a snapshot that Lifeguard took.
    let mut by_snapshot = by_book.with_snapshot("lifeguard-v6-2026", hours(3));
    by_snapshot.ledger = Ok(lifecycle::Ledger::default());
    to_blame(&by_snapshot, 6);
}

#[test]
fn what_could_not_be_read_is_no_evidence() {
    let unread = a_bad_deployment().unreadable(Part::Operations, "throttled");
    cannot_tell(&unread, &["the operations could not be read: throttled"]);
    let unread = a_bad_deployment().unreadable(Part::Versions, "throttled");
    cannot_tell(&unread, &["the versions could not be read: throttled"]);
    let unread = failing_after(hours(9), &[]).unreadable(Part::Series, "throttled");
    let unread = Case {
        before: lifecycle::Watch::default(),
        ..unread
    };
    cannot_tell(&unread, &["the history in CloudWatch could not be read"]);
    // Minutes are late: what is younger than a soak before the fault may still show a good run.
    let mut late = failing_after(minutes(30), &[]);
    late.before.history.known = Some(lifecycle::Known {
        from: ago(days(15)),
        until: ago(minutes(20)),
    });
    spans(&mut late).pop();
    cannot_tell(&late, &["CloudWatch does not have the minutes"]);
}

#[test]
fn an_application_without_metrics_has_not_run_badly() {
    // Nine days old, nothing in CloudWatch since it was made, an outage.
    let mut bare = failing_after(days(9), &[]);
    spans(&mut bare).clear();
    bare.before.history.valued_at = None;
    bare.ledger
        .as_mut()
        .unwrap()
        .soaked
        .insert(6, ago(days(10)));
    bare.seen.versions[0].created_at = Some(ago(days(20)));
    cannot_tell(&bare, &["CloudWatch does not have the minutes"]);
    // A version of before that had metrics says nothing about this one.
    let mut old = bare.clone();
    old.before.history.valued_at = Some(ago(days(10)));
    cannot_tell(&old, &["CloudWatch does not have the minutes"]);
    // Without CloudWatch a failover of the JobManager leaves a young run of an old version: its history is not the version's.
    let mut case = an_application("orders")
        .made(minutes(57))
        .looping_every(secs(35))
        .job(a_looping_job(150, 35))
        .unreadable(Part::Series, "throttled");
    case.ledger.as_mut().unwrap().proven.insert(
        6,
        Proven {
            secs: 7_200,
            until: ago(hours(1)),
        },
    );
    case.seen.versions[0].created_at = Some(ago(days(20)));
    cannot_tell(&case, &["the history in CloudWatch"]);
}

#[test]
fn without_up_time_the_counter_the_look_and_the_book_decide() {
    // What the counter of restarts alone shows, read from CloudWatch.
    let counted = |rises: &[i64]| -> Case {
        let begins = (0..300).map(|minute| minutes(300 - minute));
        let counter = begins.map(|at| Point {
            at: ago(at),
            value: rises.iter().filter(|rise| **rise >= at).count() as f64,
        });
        let series = |metric, points| Series { metric, points };
        let read = SeriesRead {
            from: ago(minutes(300)),
            until: ago(0),
            period_secs: 60,
            series: vec![
                series(SeriesMetric::UpTime, Vec::new()),
                series(SeriesMetric::Restarts, counter.collect()),
            ],
        };
        let mut case = a_bad_deployment();
        case.before.history = History::default().after(&[read], &[], None, 303);
        case.seen.versions[0].created_at = Some(ago(days(9)));
        case
    };
    let proven = |mut case: Case| {
        let book = case.ledger.as_mut().unwrap();
        book.proven.insert(
            6,
            Proven {
                secs: 7_200,
                until: ago(hours(4)),
            },
        );
        case
    };
    let loops: Vec<i64> = (180..MADE - 120).step_by(10).collect();
    // Nothing shows that version 6 ran, and nothing that it did not.
    cannot_tell(&counted(&loops), &["whether version 6 had worked"]);
    to_blame(&proven(counted(&loops)), 6);
    // One blip of version 6, hours before it was left, is not what it was left with.
    let blip = [&[hours(3)], &loops[..]].concat();
    to_blame(&proven(counted(&blip)), 6);
    // It looped until it was left.
    let before: Vec<i64> = (MADE + 60..MADE + 1_200).step_by(60).collect();
    let already = [&before[..], &loops].concat();
    match proven(counted(&already)).verdict() {
        Verdict::Held { .. } | Verdict::CannotTell { .. } => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn without_a_version_that_worked_people_decide() {
    held(
        &a_bad_deployment().history(vec![failing(ago(MADE - 90), ago(180), 40)]),
        Row::NothingToGoBackTo,
        &["no version before version 7 is known to have worked"],
    );
    held(
        &a_bad_deployment().application(|it| it.version_created_at = None),
        Row::NothingToGoBackTo,
        &["does not say when the present version was made"],
    );
    held(
        &a_bad_deployment().operations(vec![]),
        Row::NothingToGoBackTo,
        &["nothing has tried to run version 7"],
    );
    // A fix was stored after a failed update, and nobody started it (cR11).
    let mut stored = an_application("orders")
        .version(8)
        .ready()
        .made_at(minutes(10))
        .operation("UpdateApplication", "FAILED", hours(1), Some(90));
    stored.seen.versions[0].created_at = Some(ago(hours(1)));
    let stored = stored.judged(Assessment::Failed {
        why: "UpdateApplication failed".into(),
        first_fault: None,
    });
    held(
        &stored,
        Row::NothingToGoBackTo,
        &["nothing has tried to run version 8"],
    );
}

#[test]
fn what_did_not_come_up_is_dated_to_its_operation() {
    let failed = an_application("orders")
        .ready()
        .made_at(minutes(10))
        .operation("UpdateApplication", "FAILED", minutes(10), Some(90))
        .judged(Assessment::Failed {
            why: "UpdateApplication failed".into(),
            first_fault: None,
        });
    let (_, cutoff, fault) = to_blame(&failed, 6);
    assert_eq!((cutoff, fault), (minutes(10) - 90, minutes(10) - 90));
    let stuck = an_application("orders")
        .status("UPDATING")
        .made_at(minutes(50))
        .operation("UpdateApplication", "IN_PROGRESS", minutes(50), None);
    assert_eq!(to_blame(&stuck, 6).2, minutes(50));
    // A job that gave up.
    let mut gone = a_bad_deployment();
    gone.seen.job.as_mut().unwrap().state = JobState::Failed;
    to_blame(&gone, 6);
}

/// No time that people read lies before the version was made, or before the first fault that was seen (cB3).
#[test]
fn no_time_is_invented() {
    for period in [2, 10, 35, 90, 240] {
        let case = a_bad_deployment().looping_every(period);
        let Verdict::Change { fault_at, .. } = case.verdict() else {
            continue;
        };
        let job = case.seen.job.as_ref().unwrap();
        assert!(fault_at >= job.started_at, "{period}: {fault_at}");
        let made: Timestamp = case.seen.application.version_created_at.unwrap();
        assert!(fault_at >= made, "{period}");
    }
}

/// Version 6 was undone for version 5 under its old number, which then ran well until version 7 came, ten minutes ago.
fn deployed_after_a_rollback() -> Case {
    let mut case = an_application("orders")
        .version(7)
        .made(minutes(10))
        .running()
        .knows(5, days(5), Some(5))
        .knows(6, hours(2), Some(6))
        .operation("RollbackApplication", "SUCCESSFUL", minutes(110), Some(60))
        .job(a_looping_job(minutes(8), 20))
        .history(vec![
            ran_well(ago(days(5)), ago(hours(2))),
            failing(ago(minutes(118)), ago(minutes(111)), 9),
            ran_well(ago(minutes(108)), ago(minutes(10))),
            failing(ago(minutes(8)), ago(180), 9),
        ]);
    case.seen.application.version_updated_from = Some(5);
    let undone = case.seen.versions.iter_mut().find(|one| one.id == 6);
    undone.expect("given above").updated_from = Some(5);
    case
}

#[test]
fn what_ran_well_after_a_rollback_is_not_the_version_that_was_undone() {
    let (row, ..) = to_blame(&deployed_after_a_rollback(), 5);
    assert_eq!(row, Row::Else);
    // With a number of its own the version that was gone back to is listed.
    let mut renumbered = deployed_after_a_rollback();
    renumbered.seen.application.version_id = 8;
    renumbered.seen.application.version_updated_from = Some(7);
    let renumbered = renumbered.knows(7, minutes(110) - 1, Some(5));
    to_blame(&renumbered, 7);
    // A rollback that failed went nowhere: that version ran on.
    let mut failed = deployed_after_a_rollback();
    let rollback = failed
        .seen
        .operations
        .iter_mut()
        .find(|one| one.name == "RollbackApplication");
    rollback.expect("given above").status = lifecycle::OperationStatus::Failed;
    to_blame(&failed, 6);
}

#[test]
fn what_ran_well_after_a_rollback_to_an_unknown_version_is_nobodys() {
    let unsaid = |case: &mut Case| {
        let undone = case.seen.versions.iter_mut().find(|one| one.id == 6);
        undone.expect("given above").updated_from = None;
    };
    let mut case = deployed_after_a_rollback();
    unsaid(&mut case);
    // Version 5 had run for days before version 6, which has never run well.
    let (row, cutoff, _) = to_blame(&case, 5);
    assert_eq!((row, cutoff), (Row::Else, hours(2)));
    // Nor is it the proof of anything where version 5 was not there for long.
    let mut short = case.clone();
    spans(&mut short)[0] = ran_well(ago(hours(2) + 200), ago(hours(2)));
    held(
        &short,
        Row::NothingToGoBackTo,
        &["no version before version 7 is known"],
    );
    // A version that is not listed is unknown, too.
    let mut unlisted = case.clone();
    let undone = unlisted.seen.versions.iter_mut().find(|one| one.id == 6);
    undone.expect("given above").updated_from = Some(4);
    to_blame(&unlisted, 5);
    // The trouble began while it was there: no version is blamed for it.
    let mut before = case.clone();
    *spans(&mut before).last_mut().expect("given above") = failing(ago(minutes(20)), ago(180), 9);
    spans(&mut before)[2] = ran_well(ago(minutes(108)), ago(minutes(20)));
    before.seen.job.as_mut().expect("given above").started_at = ago(minutes(30));
    held(
        &before,
        Row::NothingToGoBackTo,
        &["nothing says to which version"],
    );
    // What the last rollback went back to is what is there.
    let mut present = case.clone();
    present.seen.versions.retain(|one| one.id == 6);
    present.seen.application.version_id = 5;
    present.seen.application.version_created_at = Some(ago(days(5)));
    held(&present, Row::Proven, &["version 5 had run well"]);
    // So it is where the rollback is not listed as done.
    for status in [
        lifecycle::OperationStatus::Failed,
        lifecycle::OperationStatus::InProgress,
    ] {
        let mut present = present.clone();
        let operations = &mut present.seen.operations;
        let rollback = operations
            .iter_mut()
            .find(|one| one.name == "RollbackApplication");
        rollback.expect("given above").status = status;
        held(&present, Row::Proven, &["version 5 had run well"]);
    }
}

#[test]
fn a_job_that_had_come_up_is_in_trouble_since_its_fault_and_not_since_its_start() {
    // A machine is lost after 50 minutes, and the state takes its time.
    let mut job = a_job(hours(1));
    job.vertices[0].tasks = [("INITIALIZING".to_owned(), 2)].into();
    job.faults.incidents = vec![ago(minutes(10))];
    job.faults.newest_at = Some(ago(minutes(10)));
    let slow = an_application("orders")
        .version(7)
        .made(hours(1))
        .running()
        .job(job)
        .history(vec![
            ran_well(ago(days(5)), ago(hours(1))),
            ran_well(ago(hours(1)), ago(minutes(10))),
        ]);
    assert!(matches!(slow.assess(), Assessment::Settling { .. }));
    held(&slow, Row::Proven, &["had run well"]);
}

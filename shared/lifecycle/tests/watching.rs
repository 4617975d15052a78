//! Looks at a job become a verdict: the soak, the sticky signals, what one look can prove and what it cannot.

mod support;

use jiff::{SignedDuration, Timestamp};
use lifecycle::{Assessment, Checkpoints, Fault, Job, JobState, Watch};
use support::*;

const SOAK: u32 = 303;

fn judge(watch: &mut Watch, job: &Job) -> Assessment {
    watch.assess_job(job, true, SOAK)
}

fn checkpointed(job: Job, oldest: i64, latest: i64) -> Job {
    let checkpoints = Checkpoints {
        completed: 3,
        oldest_completed_triggered_at: Some(ago(oldest)),
        latest_completed_at: Some(ago(latest)),
        ..Checkpoints::default()
    };
    Job {
        checkpoints: Some(checkpoints),
        ..job
    }
}

/// The same job, seen so many seconds later, its latest checkpoint one second old.
fn later(job: &Job, after: i64) -> Job {
    let at = job.at + SignedDuration::from_secs(after);
    let checkpoints = Checkpoints {
        completed: 5,
        latest_completed_at: Some(at - SignedDuration::from_secs(1)),
        ..Checkpoints::default()
    };
    Job {
        at,
        checkpoints: Some(checkpoints),
        ..job.clone()
    }
}

fn plus(at: Timestamp, secs: i64) -> Timestamp {
    at + SignedDuration::from_secs(secs)
}

#[test]
fn a_job_without_checkpointing_needs_no_checkpoint_but_does_need_its_soak() {
    let batch = |up_secs: i64| {
        let mut job = later(&a_job(hours(2)), up_secs);
        job.checkpoints = Some(Checkpoints {
            is_off: true,
            ..Checkpoints::default()
        });
        job
    };
    let mut watch = Watch::default();
    assert_eq!(judge(&mut watch, &batch(0)).word(), "settling");
    assert_eq!(judge(&mut watch, &batch(302)).word(), "settling");
    assert_eq!(judge(&mut watch, &batch(303)).word(), "healthy");
}

#[test]
fn one_look_is_enough_when_the_checkpoint_history_proves_the_other_end() {
    for (oldest, latest, expected) in [
        (303, 10, "healthy"),
        (302, 10, "settling"),
        (500, 303, "healthy"),
        // Known over 200 s, nothing for 304 s: checkpoints have stopped.
        (504, 304, "settling"),
        // Every 20 minutes: older than a soak, but no older than the interval that is known.
        (3_600, 1_100, "healthy"),
        (3_600, 3_300, "settling"),
    ] {
        let job = checkpointed(a_job(hours(2)), oldest, latest);
        assert_eq!(
            judge(&mut Watch::default(), &job).word(),
            expected,
            "oldest {oldest} s, latest {latest} s"
        );
    }
}

#[test]
fn one_look_without_a_checkpoint_proves_nothing_however_old_the_job() {
    let mut watch = Watch::default();
    assert_eq!(judge(&mut watch, &a_job(days(3))).word(), "settling");
    assert_eq!(watch.job.expect("a run is watched").up_since, Some(now()));
}

#[test]
fn two_looks_at_both_ends_of_a_soak_are_enough() {
    for (apart, expected) in [
        (1, "settling"),
        (302, "settling"),
        (303, "healthy"),
        (9_000, "healthy"),
    ] {
        let mut watch = Watch::default();
        let first = a_job(hours(1));
        assert_eq!(judge(&mut watch, &first).word(), "settling");
        let second = judge(&mut watch, &later(&first, apart));
        assert_eq!(second.word(), expected, "{apart} s apart");
        if let Assessment::Healthy { since } = second {
            assert_eq!(since, now());
        }
    }
}

#[test]
fn a_job_that_came_up_at_the_very_moment_of_the_first_look_soaks_from_then_on() {
    let mut watch = Watch::default();
    let first = a_job(0);
    assert_eq!(judge(&mut watch, &first).word(), "settling");
    assert_eq!(
        judge(&mut watch, &later(&first, 303)),
        Assessment::Healthy { since: now() }
    );
}

#[test]
fn whatever_sticky_signal_rises_between_two_looks_begins_the_soak_anew() {
    type Change = fn(&mut Job);
    let rises: [(&str, Change); 6] = [
        ("RESTARTING", |job| {
            job.restarting_at = Some(plus(now(), 100))
        }),
        ("RUNNING again", |job| {
            job.running_at = Some(plus(now(), 101))
        }),
        ("an attempt", |job| job.max_attempt = 1),
        ("the metric", |job| job.restarts_metric = Some(1)),
        ("an exception", |job| {
            job.faults.known = 1;
            job.faults.newest_at = Some(plus(now(), 100));
        }),
        ("an exception without a count", |job| {
            job.faults.newest_at = Some(plus(now(), 100))
        }),
    ];
    for (what, rise) in rises {
        let mut watch = Watch::default();
        let first = a_job(hours(1));
        judge(&mut watch, &first);
        let mut second = later(&first, 400);
        rise(&mut second);
        assert_eq!(judge(&mut watch, &second).word(), "settling", "{what}");
        assert_eq!(
            watch.job.as_ref().unwrap().up_since,
            Some(second.at),
            "{what}: the soak starts at the look that showed it"
        );
        let third = Job {
            at: plus(second.at, 303),
            ..later(&second, 303)
        };
        assert_eq!(
            judge(&mut watch, &third).word(),
            "healthy",
            "{what}: undisturbed since"
        );
    }
}

#[test]
fn a_rise_without_a_time_is_not_forgotten_at_the_look_after() {
    let mut watch = Watch::default();
    judge(&mut watch, &a_job(hours(1)));
    let mut second = later(&a_job(hours(1)), 400);
    second.max_attempt = 1;
    judge(&mut watch, &second);
    // The history would prove the time before the rise: it must not count.
    let mut third = later(&second, 30);
    third
        .checkpoints
        .as_mut()
        .unwrap()
        .oldest_completed_triggered_at = Some(ago(600));
    assert_eq!(judge(&mut watch, &third).word(), "settling");
    assert_eq!(watch.job.unwrap().up_since, Some(second.at));
}

#[test]
fn subtasks_that_were_not_up_at_a_look_are_not_forgotten_either() {
    let mut watch = Watch::default();
    let mut first = a_job(hours(1));
    first.vertices = vec![vertex(&[("RUNNING", 1), ("INITIALIZING", 1)])];
    judge(&mut watch, &first);
    let mut second = later(&a_job(hours(1)), 30);
    second
        .checkpoints
        .as_mut()
        .unwrap()
        .oldest_completed_triggered_at = Some(ago(900));
    assert_eq!(judge(&mut watch, &second).word(), "settling");
    // What was triggered after that look does count.
    second
        .checkpoints
        .as_mut()
        .unwrap()
        .oldest_completed_triggered_at = Some(plus(now(), 10));
    judge(&mut watch, &second);
    assert_eq!(watch.job.unwrap().up_since, Some(plus(now(), 10)));
}

#[test]
fn a_checkpoint_from_before_the_last_disturbance_proves_nothing() {
    let mut job = checkpointed(a_job(hours(2)), 600, 5);
    job.restarting_at = Some(ago(590));
    assert_eq!(judge(&mut Watch::default(), &job).word(), "settling");
    job.restarting_at = Some(ago(601));
    assert_eq!(
        judge(&mut Watch::default(), &job).word(),
        "healthy",
        "one restart long ago is no loop"
    );
}

#[test]
fn a_job_that_flips_with_twice_the_cache_is_never_healthy() {
    // Fails every 6 s; every look falls on a moment in which all subtasks run.
    let mut watch = Watch::default();
    let first = plus(now(), -4);
    for look in 0..200_i64 {
        let at = plus(now(), look * 30);
        let restarts = u32::try_from(1 + look * 5).unwrap();
        let mut job = checkpointed(a_job(hours(1)), 3, 1);
        job.at = at;
        job.restarting_at = Some(plus(at, -4));
        job.running_at = Some(plus(at, -3));
        job.restarts_metric = Some(u64::from(restarts));
        let checkpoints = job.checkpoints.as_mut().unwrap();
        (
            checkpoints.oldest_completed_triggered_at,
            checkpoints.latest_completed_at,
        ) = (Some(plus(at, -2)), Some(plus(at, -1)));
        assert!(job.is_all_running());
        let word = judge(&mut watch, &job).word();
        assert_eq!(
            word,
            if plus(at, -4) < plus(first, 31) {
                "settling"
            } else {
                "looping"
            },
            "look {look}"
        );
    }
}

#[test]
fn even_without_any_time_stamp_a_rising_metric_keeps_a_job_from_being_healthy() {
    let mut watch = Watch::default();
    for look in 0..50_i64 {
        let mut job = later(&a_job(hours(1)), look * 307);
        job.restarts_metric = Some(u64::try_from(look).unwrap());
        assert_ne!(judge(&mut watch, &job).word(), "healthy", "look {look}");
    }
}

#[test]
fn a_job_loops_from_its_second_incident_on_and_only_while_the_last_is_within_a_soak() {
    for (restarts, quiet, expected) in [
        (0, 10, "settling"),
        (1, 10, "settling"),
        (2, 10, "looping"),
        (2, 302, "looping"),
        (2, 303, "settling"),
    ] {
        let mut job = a_job(hours(1));
        job.restarts_metric = Some(restarts);
        job.restarting_at = (restarts > 0).then(|| ago(quiet));
        job.running_at = Some(ago(quiet));
        job.faults.incidents = (restarts > 1)
            .then(|| ago(quiet + 40))
            .into_iter()
            .collect();
        assert_eq!(
            judge(&mut Watch::default(), &job).word(),
            expected,
            "{restarts} restarts, {quiet} s quiet"
        );
    }
}

#[test]
fn a_job_seen_restarting_loops_until_it_has_been_quiet_for_a_soak_and_not_again_by_the_next_disturbance_alone()
 {
    let mut watch = Watch::default();
    let mut job = a_job(hours(1));
    job.state = JobState::Restarting;
    job.restarting_at = Some(now());
    // One restart is no loop, whichever moment the look meets.
    assert_eq!(judge(&mut watch, &job).word(), "settling");
    job.faults.incidents = vec![ago(50)];
    let mut watch = Watch::default();
    assert_eq!(judge(&mut watch, &job).word(), "looping");
    // Up again, after the last that anybody knows of.
    job.state = JobState::Running;
    job.running_at = Some(plus(now(), 5));
    for (after, expected) in [
        (10, "looping"),
        (307, "looping"),
        (308, "settling"),
        (320, "healthy"),
    ] {
        assert_eq!(
            judge(&mut watch, &later(&job, after)).word(),
            expected,
            "after {after} s"
        );
    }
    // Another exception that restarted nothing: what was healthy has to soak again, and is no loop.
    let mut disturbed = later(&job, 400);
    disturbed.faults.newest_at = Some(plus(now(), 390));
    assert_eq!(judge(&mut watch, &disturbed).word(), "settling");
}

#[test]
fn every_state_of_a_job_has_its_word() {
    for (state, expected) in [
        ("INITIALIZING", "settling"),
        ("CREATED", "settling"),
        ("RUNNING", "settling"),
        ("RESTARTING", "settling"),
        ("FAILING", "settling"),
        ("FAILED", "failed"),
        ("CANCELLING", "stopped"),
        ("CANCELED", "stopped"),
        ("FINISHED", "finished"),
        ("SUSPENDED", "settling"),
        ("RECONCILING", "settling"),
        ("SOMETHING_NEW", "settling"),
    ] {
        let job = Job {
            state: JobState::from(state),
            ..a_job(60)
        };
        assert_eq!(
            judge(&mut Watch::default(), &job).word(),
            expected,
            "{state}"
        );
    }
}

#[test]
fn a_job_stopped_with_a_savepoint_is_stopped_and_not_finished() {
    let mut job = Job {
        state: JobState::Finished,
        ..a_job(60)
    };
    job.checkpoints.as_mut().unwrap().stopped_with_savepoint = true;
    let verdict = judge(&mut Watch::default(), &job);
    says(&verdict.reason(), &["savepoint"]);
    assert_eq!(verdict.word(), "stopped");
}

#[test]
fn a_failed_job_names_its_first_fault() {
    let mut job = a_looping_job(minutes(5), 10);
    job.state = JobState::Failed;
    says(
        &judge(&mut Watch::default(), &job).reason(),
        &["does not try again", "poison record"],
    );
    job.faults.first = None;
    says(
        &judge(&mut Watch::default(), &job).reason(),
        &["does not try again"],
    );
}

/// A job that got over a fault an hour ago, and fails since then.
fn fails_again(began: Timestamp) -> Job {
    let mut job = a_looping_job(hours(2), 10);
    job.faults.first = Some(a_fault(ago(hours(1))));
    job.faults.newest = Some(a_fault(began));
    job.faults.newest_at = Some(began);
    job.faults.incidents = vec![ago(hours(1)), began];
    job
}

#[test]
fn what_a_job_got_over_is_not_the_first_fault_of_its_trouble() {
    let mut watch = Watch::default();
    judge(&mut watch, &fails_again(ago(20)));
    assert_eq!(watch.first_fault.as_ref().map(|it| it.at), Some(ago(20)));
    // Another job, of a scaling, has not failed: the trouble was the one before.
    let mut scaled = a_job(minutes(1));
    scaled.id = "the job after the scaling".into();
    judge(&mut watch, &scaled);
    assert_eq!(watch.first_fault.as_ref().map(|it| it.at), Some(ago(20)));
    // Looks at an operation that was under way did not watch the job.
    let mut watch = Watch {
        looks: 5,
        ..Watch::default()
    };
    judge(&mut watch, &fails_again(ago(20)));
    assert_eq!(watch.first_fault.as_ref().map(|it| it.at), Some(ago(20)));
    // Without a soak between, both are one trouble.
    let mut job = fails_again(ago(20));
    job.faults.first = Some(a_fault(ago(200)));
    job.faults.incidents = vec![ago(200), ago(20)];
    let mut watch = Watch::default();
    judge(&mut watch, &job);
    assert_eq!(watch.first_fault.as_ref().map(|it| it.at), Some(ago(200)));
}

/// It failed once, that long ago, and has been up since, with checkpoints of that long.
fn had_failed(fault: i64, checkpoints: i64) -> Job {
    let mut job = a_job(days(5));
    job.faults.first = Some(a_fault(ago(fault)));
    job.faults.newest_at = Some(ago(fault));
    job.faults.incidents = vec![ago(fault)];
    job.checkpoints = Some(Checkpoints {
        completed: 10,
        latest_completed_at: Some(ago(5)),
        oldest_completed_triggered_at: Some(ago(checkpoints)),
        ..Checkpoints::default()
    });
    job
}

#[test]
fn what_was_over_when_it_was_first_looked_at_is_no_fault_of_the_present_trouble() {
    let first_fault_of = |watch: &Watch| watch.first_fault.as_ref().map(|it| it.at);
    // Healthy; or up for less than a soak, as far as the checkpoints that Flink keeps can show.
    for checkpoints in [minutes(8), minutes(2)] {
        let mut watch = Watch::default();
        judge(&mut watch, &had_failed(minutes(9), checkpoints));
        judge(&mut watch, &had_failed(minutes(9), checkpoints));
        assert_eq!(first_fault_of(&watch), None, "{checkpoints}");
    }
    // Within a soak and a back-off it may be the trouble that somebody was called for.
    let mut watch = Watch::default();
    judge(&mut watch, &had_failed(minutes(6), minutes(5)));
    assert_eq!(first_fault_of(&watch), Some(ago(minutes(6))));
    // What a look has seen of the trouble stays, however long it runs well after it.
    let mut watch = Watch::default();
    judge(&mut watch, &a_looping_job(minutes(40), 10));
    let seen = first_fault_of(&watch);
    let mut well = a_looping_job(minutes(40), 10);
    well.at += SignedDuration::from_hours(1);
    judge(&mut watch, &well);
    assert!(seen.is_some() && first_fault_of(&watch) == seen);
    // It ran well for long after it, until its checkpoints stopped.
    let mut stops = had_failed(hours(1), minutes(59));
    let checkpoints = stops.checkpoints.as_mut().expect("given above");
    (checkpoints.latest_completed_at, checkpoints.failed) = (Some(ago(minutes(45))), 3);
    let mut watch = Watch::default();
    let found = judge(&mut watch, &stops);
    assert!(matches!(found, Assessment::NoProgress { .. }), "{found:?}");
    assert_eq!(first_fault_of(&watch), None);
    // No checkpoint has completed since: it may be what stopped them.
    let mut stuck = had_failed(minutes(20), minutes(30));
    let checkpoints = stuck.checkpoints.as_mut().expect("given above");
    (checkpoints.latest_completed_at, checkpoints.failed) = (Some(ago(minutes(21))), 9);
    checkpoints.oldest_completed_triggered_at = None;
    let mut watch = Watch::default();
    stuck.running_at = Some(ago(minutes(19)));
    judge(&mut watch, &stuck);
    stuck.at += SignedDuration::from_mins(10);
    let found = judge(&mut watch, &stuck);
    assert!(matches!(found, Assessment::NoProgress { .. }), "{found:?}");
    assert_eq!(first_fault_of(&watch), Some(ago(minutes(20))));
}

#[test]
fn what_failed_before_a_rescue_stays_its_first_fault() {
    let mut watch = Watch::default();
    judge(&mut watch, &a_looping_job(minutes(40), 10));
    let first = watch.first_fault.clone();
    let mut restored = a_looping_job(minutes(5), 10);
    restored.id = "the job of the restored version".into();
    judge(&mut watch, &restored);
    assert!(first.is_some());
    assert_eq!(watch.first_fault.clone(), first);
}

#[test]
fn a_job_that_ended_names_what_it_ended_of() {
    let mut job = fails_again(ago(20));
    job.state = JobState::Failed;
    let found = judge(&mut Watch::default(), &job);
    let Assessment::Failed { first_fault, .. } = found else {
        panic!("{found:?}");
    };
    assert_eq!(first_fault.map(|it| it.at), Some(ago(20)));
}

#[test]
fn slow_initialisation_is_settling_and_says_what_is_missing() {
    for (tasks, expected) in [
        (
            vec![
                vertex(&[("RUNNING", 2)]),
                vertex(&[("INITIALIZING", 1), ("RUNNING", 1)]),
            ],
            "subtasks: 1 INITIALIZING, 3 RUNNING",
        ),
        (vec![vertex(&[("SCHEDULED", 2)])], "subtasks: 2 SCHEDULED"),
        (vec![], "no vertices yet"),
    ] {
        let verdict = judge(
            &mut Watch::default(),
            &Job {
                vertices: tasks,
                ..a_job(minutes(12))
            },
        );
        assert_eq!(verdict.word(), "settling");
        says(&verdict.reason(), &[expected]);
    }
}

#[test]
fn a_soak_under_way_says_how_long_it_is_and_how_often_the_job_restarted() {
    let mut job = a_job(hours(1));
    says(
        &judge(&mut Watch::default(), &job).reason(),
        &["all subtasks up for 0 s; 303 s are asked for"],
    );
    job.restarts_metric = Some(1);
    says(
        &judge(&mut Watch::default(), &job).reason(),
        &["all subtasks up for 0 s after 1 restart(s); 303 s"],
    );
}

#[test]
fn finished_subtasks_beside_running_ones_are_up() {
    let job = Job {
        vertices: vec![
            vertex(&[("FINISHED", 2)]),
            vertex(&[("FINISHED", 1), ("RUNNING", 1)]),
        ],
        ..a_job(hours(1))
    };
    assert_eq!(
        judge(&mut Watch::default(), &checkpointed(job, 400, 5)).word(),
        "healthy"
    );
}

#[test]
fn up_and_quiet_without_a_completed_checkpoint_is_no_progress() {
    let mut watch = Watch::default();
    let first = a_job(hours(1));
    judge(&mut watch, &first);
    let mut second = later(&first, 400);
    second.checkpoints = Some(Checkpoints {
        failed: 7,
        latest_completed_at: Some(ago(120)),
        ..Checkpoints::default()
    });
    let Assessment::NoProgress { since, failed } = judge(&mut watch, &second) else {
        panic!("no progress")
    };
    assert_eq!((since, failed), (ago(120), 7));
    second.checkpoints = Some(Checkpoints::default());
    let Assessment::NoProgress { since, .. } = judge(&mut watch, &second) else {
        panic!("no progress")
    };
    assert_eq!(
        since, first.started_at,
        "never completed one: since the start"
    );
    second.checkpoints = None;
    says(
        &judge(&mut watch, &second).reason(),
        &["checkpoints could not be read"],
    );
    assert_eq!(
        watch.assess_job(&second, false, SOAK).word(),
        "healthy",
        "checkpointing is off, so none is asked for"
    );
}

#[test]
fn another_run_of_the_job_begins_another_soak() {
    type Change = fn(&mut Job);
    let changes: [(&str, Change); 2] = [
        ("another id", |job| job.id = "job-2".into()),
        ("a failover", |job| job.started_at = plus(now(), 200)),
    ];
    for (what, change) in changes {
        let mut watch = Watch::default();
        let first = a_job(hours(1));
        judge(&mut watch, &first);
        let mut second = later(&first, 400);
        change(&mut second);
        assert_eq!(judge(&mut watch, &second).word(), "settling", "{what}");
        assert_eq!(watch.job.unwrap().first_seen_at, second.at, "{what}");
    }
}

#[test]
fn time_going_backwards_between_two_looks_only_lengthens_the_soak() {
    let mut watch = Watch::default();
    let first = a_job(hours(1));
    judge(&mut watch, &first);
    for back in [-1, -3_600, -86_400] {
        assert_eq!(
            judge(&mut watch, &later(&first, back)).word(),
            "settling",
            "{back} s"
        );
    }
    assert_eq!(judge(&mut watch, &later(&first, 303)).word(), "healthy");
}

#[test]
fn the_earliest_fault_of_any_look_is_kept() {
    let mut watch = Watch::default();
    judge(&mut watch, &a_looping_job(100, 10));
    let first = watch.first_fault.clone().unwrap();
    let mut second = a_looping_job(1_000, 10);
    second.faults.first = Some(a_fault(ago(20)));
    judge(&mut watch, &second);
    assert_eq!(watch.first_fault, Some(first.clone()));
    // Of two at the same time, the one that was seen first.
    second.faults.first = Some(Fault {
        exception: "java.lang.Error".into(),
        ..first.clone()
    });
    judge(&mut watch, &second);
    assert_eq!(watch.first_fault, Some(first));
    second.faults.first = Some(a_fault(ago(5_000)));
    judge(&mut watch, &second);
    assert_eq!(watch.first_fault.unwrap().at, ago(5_000));
}

#[test]
fn the_first_fault_is_counted_back_where_flink_has_dropped_it() {
    for (started, period, first) in [(100, 10, 90), (1_000, 10, 990), (1_005, 10, 995)] {
        let job = a_looping_job(started, period);
        assert_eq!(
            job.first_fault_at(),
            Some(ago(first)),
            "fails every {period} s for {started} s"
        );
    }
    let mut job = a_looping_job(1_000, 10);
    job.restarts_metric = Some(u64::MAX);
    assert_eq!(
        job.first_fault_at(),
        Some(job.started_at),
        "never before the job's start"
    );
    job.faults.shortest_gap_millis = None;
    assert_eq!(
        job.first_fault_at(),
        job.faults.first.map(|fault| fault.at),
        "no gap known, nothing counted back"
    );
    assert_eq!(a_job(100).first_fault_at(), None);
    let mut unread = a_job(100);
    unread.restarting_at = Some(ago(40));
    assert_eq!(
        unread.first_fault_at(),
        Some(ago(40)),
        "exceptions unreadable: the restart is all that is known"
    );
}

#[test]
fn restarts_are_counted_by_the_signal_that_knows_most() {
    let mut job = a_job(100);
    assert_eq!(job.restarts(), 0);
    job.restarting_at = Some(ago(50));
    assert_eq!(job.restarts(), 1);
    job.faults.known = 2;
    assert_eq!(job.restarts(), 2);
    job.max_attempt = 3;
    assert_eq!(job.restarts(), 3);
    job.restarts_metric = Some(4);
    assert_eq!(job.restarts(), 4);
    assert_eq!(
        Job {
            state: JobState::Restarting,
            ..a_job(100)
        }
        .restarts(),
        1,
        "it restarts, and nothing else says so yet"
    );
}

#[test]
fn a_soak_that_only_the_minutes_of_cloudwatch_show_ends_the_trouble_before_it() {
    // The first look came in the middle of a soak, and the next fault before its end.
    let mut first_look = a_job(hours(2));
    first_look.faults.first = Some(a_fault(ago(hours(1))));
    first_look.faults.newest = first_look.faults.first.clone();
    first_look.faults.newest_at = Some(ago(hours(1)));
    first_look.faults.incidents = vec![ago(hours(1))];
    first_look.at = ago(100);
    let began = |span: Option<lifecycle::Span>| {
        let mut watch = Watch {
            looks: 1,
            ..Watch::default()
        };
        judge(&mut watch, &first_look);
        watch.looks = 2;
        watch.history.spans.extend(span);
        judge(&mut watch, &fails_again(ago(20)));
        watch.episode.map(|episode| episode.began_at)
    };
    assert_eq!(began(None), Some(ago(hours(1))));
    assert_eq!(
        began(Some(ran_well(ago(minutes(55)), ago(60)))),
        Some(ago(20))
    );
    // Of before that fault, or too short, it says nothing.
    for span in [
        ran_well(ago(hours(5)), ago(hours(1))),
        ran_well(ago(minutes(5)), ago(60)),
    ] {
        assert_eq!(began(Some(span)), Some(ago(hours(1))));
    }
}

#[test]
fn a_run_whose_tasks_were_initialising_ends_no_trouble() {
    // Up time ran for nine minutes between two faults, and no checkpoint completed, or only in the end.
    let began = |span: lifecycle::Span, interval: Option<u32>| {
        let mut case = an_application("orders").made(hours(3)).running();
        case.seen.application.checkpoint_interval_secs = interval;
        let mut first_look = a_job(hours(2));
        first_look.faults.first = Some(a_fault(ago(minutes(10))));
        first_look.faults.newest_at = Some(ago(minutes(10)));
        first_look.faults.incidents = vec![ago(minutes(10))];
        first_look.at = ago(100);
        case.seen.job = Some(first_look);
        let (mut watch, _) = Watch::default().after(&case.seen, 303);
        watch.history.spans = vec![span];
        case.seen.job = Some(fails_again(ago(20)));
        let (watch, _) = watch.after(&case.seen, 303);
        watch.episode.map(|episode| episode.began_at)
    };
    let (from, until) = (ago(minutes(10) - 5), ago(30));
    let mut none = ran_well(from, until);
    if let lifecycle::Ran::Up { checkpoints, .. } = &mut none.ran {
        *checkpoints = Some(0);
    }
    for initialising in [none, ran_well_since(from, ago(80), until)] {
        assert_eq!(began(initialising, Some(60)), Some(ago(minutes(10))));
    }
    let early = ran_well_since(from, ago(minutes(9)), until);
    assert_eq!(began(early, Some(60)), Some(ago(20)));
}

#[test]
fn minutes_make_no_loop_where_flink_tells_of_every_fault() {
    let incidents = |job: &Job, exceptions: bool| {
        let mut case = an_application("orders").made(hours(3)).running();
        // Each rescale began the run of the same job anew.
        case.seen.job = Some(Job {
            running_at: Some(ago(70)),
            ..job.clone()
        });
        if !exceptions {
            case.seen.unreadable = vec![lifecycle::Unreadable {
                what: lifecycle::Part::Exceptions,
                why: "HTTP 503".to_owned(),
                refusal: None,
            }];
        }
        let mut watch = Watch::default();
        // Somebody rescales it once a minute.
        watch.history.spans = vec![lifecycle::Span {
            from: ago(minutes(7)),
            until: ago(minutes(1)),
            ran: lifecycle::Ran::Failing { incidents: 5 },
        }];
        let (_, found) = watch.after(&case.seen, 303);
        matches!(found, Assessment::Looping { .. })
    };
    assert!(!incidents(&a_job(hours(1)), true));
    assert!(incidents(&a_job(hours(1)), false));
    // Flink forgets the oldest of many, and all of before another JobManager.
    let mut many = a_job(hours(1));
    many.faults.truncated = true;
    assert!(incidents(&many, true));
    assert!(incidents(&a_job(minutes(2)), true));
}

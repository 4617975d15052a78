//! A loop that is slower than a soak (cN6): every look finds the job up and soaked, and its history has the same fault again and again.

mod support;

use jiff::SignedDuration;
use lifecycle::{Checkpoints, Fault, Job, Reason, Row, Verdict};
use support::{rescues::*, *};

/// A job that came up again after each of these faults, all alike, and is well since the last.
fn comes_back(started: i64, faults: &[i64]) -> Job {
    let newest = *faults.last().expect("at least one fault");
    let mut job = a_job(started);
    let times = || faults.iter().map(|at| ago(*at));
    job.faults.known = u32::try_from(faults.len()).expect("few");
    job.faults.first = Some(a_fault(ago(faults[0])));
    job.faults.newest = Some(a_fault(ago(newest)));
    job.faults.newest_at = Some(ago(newest));
    job.faults.incidents = times().collect();
    job.faults.repeats = times().collect();
    job.running_at = Some(ago(newest - 10));
    job.restarts_metric = Some(u64::from(job.faults.known));
    job.checkpoints = Some(Checkpoints {
        completed: 40,
        latest_completed_at: Some(ago(5)),
        oldest_completed_triggered_at: Some(ago(newest - 20)),
        ..Checkpoints::default()
    });
    job
}

/// Version 7, made an hour ago, fails seven minutes after each start.
fn slower_than_a_soak() -> Case {
    an_application("orders")
        .version(7)
        .made(hours(1))
        .running()
        .with_snapshot("before-change", hours(2))
        .job(comes_back(3_500, &[2_000, 1_600, 1_190, 770, 350]))
        .history(vec![ran_well(ago(days(5)), ago(hours(1)))])
}

#[test]
fn a_loop_slower_than_the_soak_is_suspected_and_told_with_the_way_back() {
    let case = slower_than_a_soak();
    let decision = case.must("wait", Reason::Suspected);
    let notice = decision.notice.as_ref().expect("people are told");
    says(&notice.text, &["the same fault 5 times", "poison record"]);
    // It is a person's to say, also ahead.
    let told = case.tagged("when-suspected", "rollback");
    let decision = told.must("rollback", Reason::Suspected);
    let plan = decision.action.plan().expect("a rollback");
    assert_eq!(plan.target_version_id, Some(6));
}

#[test]
fn people_are_told_once_and_asked_when_it_lasts() {
    let case = slower_than_a_soak();
    let again = case.clone().waiting_since(minutes(10));
    let decision = again.must("wait", Reason::Suspected);
    assert_eq!(decision.notice, None);
    let lasts = case.waiting_since(hours(1));
    lasts.must("escalate", Reason::Suspected);
}

#[test]
fn what_had_run_well_for_long_before_is_not_suspected() {
    let mut case = slower_than_a_soak().made(days(3));
    case = case.operation("UpdateApplication", "SUCCESSFUL", days(3), Some(60));
    case.seen.job = Some(comes_back(days(3) - 100, &[2_000, 1_600, 1_190, 770, 350]));
    case = case.history(vec![ran_well(ago(days(3) - 100), ago(2_000))]);
    case.must("wait", Reason::HadWorked);
}

#[test]
fn what_is_known_to_be_bad_is_undone() {
    // Version 5 had the same content and was left for this fault.
    let case = slower_than_a_soak().knows(5, hours(9), Some(7));
    let mut case = case.knows(6, hours(6), Some(6));
    case.seen.application.content = Some(7);
    case = case.history(vec![
        ran_well(ago(days(5)), ago(hours(9))),
        ran_well(ago(hours(6) - 60), ago(hours(1))),
    ]);
    let ledger = case.ledger.as_mut().expect("a book");
    ledger.failed.insert(
        5,
        lifecycle::FailedBefore {
            at: ago(hours(6)),
            fault: Some(a_fault(ago(hours(6))).key()),
        },
    );
    match case.verdict() {
        Verdict::Change { row, good, .. } => assert_eq!((row, good), (Row::BadBefore, 6)),
        other => panic!("{other:?}"),
    }
    case.must("rollback", Reason::ChangeToBlame);
}

#[test]
fn what_is_no_slow_loop_is_healthy() {
    let healthy = |faults: &[i64], change: &dyn Fn(&mut Job)| {
        let mut case = slower_than_a_soak();
        let mut job = comes_back(3_500, faults);
        change(&mut job);
        case.seen.job = Some(job);
        case.must("leaveAlone", Reason::Healthy);
    };
    let nothing = |_: &mut Job| {};
    // Twice; three times in more than an hour; one outage with many faults; long over; after a proven stretch.
    healthy(&[1_160, 350], &nothing);
    healthy(&[4_000, 2_300, 350], &nothing);
    healthy(&[430, 410, 390, 370, 350], &nothing);
    healthy(&[3_400, 2_700, 2_000], &nothing);
    healthy(&[3_400, 3_000, 600], &nothing);
    // Three faults, each another.
    healthy(&[1_190, 770, 350], &|job| job.faults.repeats.truncate(1));
    // A restart of the JobManager forgets the exceptions.
    healthy(&[1_190, 770, 350], &|job| job.faults.repeats.clear());
}

#[test]
fn a_rescue_under_way_and_a_persons_word_ask_for_a_soak_only() {
    let mut case = after_a_rollback();
    case.seen.job = Some(comes_back(minutes(40), &[2_000, 1_600, 1_190, 770, 350]));
    let decision = case.decide();
    assert_ne!(decision.because, Reason::Suspected, "{decision:?}");
    let asked = slower_than_a_soak().asked(rollback());
    asked.must("rollback", Reason::AskedFor);
}

#[test]
fn a_new_version_that_has_run_for_a_soak_each_time_is_never_rolled_back_for_it() {
    // Its first fault came before it had soaked; the minutes are late and say nothing yet.
    for minutes_known in [true, false] {
        let mut case = slower_than_a_soak();
        case.seen.job = Some(comes_back(3_500, &[3_300, 2_880, 2_460, 2_040, 1_620, 350]));
        if !minutes_known {
            case.before.history.known = None;
        }
        case.must("wait", Reason::Suspected);
    }
}

#[test]
fn faults_that_differ_only_in_numbers_are_the_same() {
    let other = Fault {
        message: "java.lang.IllegalArgumentException: poison record".into(),
        task: Some("throttle (2/2) - execution #7".into()),
        ..a_fault(now() - SignedDuration::from_secs(60))
    };
    assert!(other.is_like(&a_fault(now())));
}

#[test]
fn the_book_learns_what_comes_back() {
    let case = slower_than_a_soak();
    let (watch, assessment) = case.look();
    let fault = lifecycle::fault_in_trouble(&case.seen, &watch, &assessment, true);
    assert_eq!(fault.map(Fault::key), Some(a_fault(now()).key()));
}

#[test]
fn a_job_that_was_well_since_has_been_coming_up_only_since_its_last_fault() {
    // First looked at an hour ago, well six minutes ago, and it failed again half a minute ago.
    let mut first = slower_than_a_soak();
    first.seen.job = Some(comes_back(hours(5), &[hours(2), minutes(55)]));
    let mut job = comes_back(hours(5), &[hours(2), minutes(55), 30]);
    job.state = lifecycle::JobState::Restarting;
    job.restarting_at = Some(ago(30));
    for was_well in [true, false] {
        let mut case = slower_than_a_soak();
        let (mut watch, _) = first.look();
        watch.episode.as_mut().expect("its last fault").is_over = was_well;
        watch.job.as_mut().expect("a run").first_seen_at = ago(hours(1));
        watch.looks = 9;
        case.before = watch;
        case.seen.job = Some(job.clone());
        let decision = case.decide();
        let waits = decision.because == Reason::Settling;
        assert_eq!(waits, was_well, "{}", decision.reason);
    }
}

#[test]
fn many_that_come_back_to_one_fault_have_one_cause() {
    let mut case = slower_than_a_soak();
    let own = case.trouble().expect("it is told to the others");
    assert!(!own.is_blamed, "{own:?}");
    let like = |name: &str, class: &str| lifecycle::Trouble {
        application: name.into(),
        class: Some(class.into()),
        is_proven: true,
        ..own.clone()
    };
    let class = own.class.clone().expect("it could be read");
    let three = ["bills", "carts", "taxes"];
    case.others.own = Some(own.clone());
    case.others.told = Ok(three.map(|name| like(name, &class)).to_vec());
    case.must("wait", Reason::CommonCause);
    // Another fault on one of them, or two others only: each is judged alone.
    let mut two = case.clone();
    two.others.told.as_mut().expect("told").truncate(2);
    two.others.own = Some(own.clone());
    assert_ne!(two.decide().because, Reason::CommonCause);
    let mut other = case.clone();
    other.others.told.as_mut().expect("told")[0] = like("bills", "java.io.IOException");
    assert_ne!(other.decide().because, Reason::CommonCause);
}

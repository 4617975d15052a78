//! What counts as evidence of how a version ran, and what does not: each case is one that a mutant of the deciding code would decide otherwise.

mod support;

use jiff::Timestamp;
use lifecycle::{Fault, History, Part, Proven, Row, Step, Verdict};
use support::{rescues::*, *};

fn held_by(case: &Case) -> Option<Row> {
    match case.verdict() {
        Verdict::Held { row, .. } => Some(row),
        _ => None,
    }
}

fn gone_back_to(case: &Case) -> Option<u64> {
    match case.verdict() {
        Verdict::Change { good, .. } => Some(good),
        _ => None,
    }
}

fn proven(mut case: Case, version: u64, until: Timestamp) -> Case {
    let secs = 3_600;
    let ledger = case.ledger.as_mut().expect("read");
    ledger.proven.insert(version, Proven { secs, until });
    case
}

fn soaked(mut case: Case, version: u64, at: Timestamp) -> Case {
    let ledger = case.ledger.as_mut().expect("read");
    ledger.soaked.insert(version, at);
    case
}

/// The update to version 7 took ten minutes, its job has failed every two minutes since, and CloudWatch does not answer.
fn without_series() -> Case {
    let mut case = an_application("orders")
        .version(7)
        .made_at(minutes(30))
        .operation("UpdateApplication", "SUCCESSFUL", minutes(30), Some(600))
        .running()
        .job(a_looping_job(minutes(20), 120));
    case.before.history = History::default();
    case.unreadable(Part::Series, "throttled")
}

/// Version 5 and version 7 are the same; version 6 stood between and ran for days.
fn an_old_one_applied_again(ran: i64) -> Case {
    let made = minutes(10) + ran;
    an_application("orders")
        .version(7)
        .made(made)
        .running()
        .application(|it| it.content = Some(5))
        .knows(5, days(9), Some(5))
        .knows(6, days(4), Some(6))
        .job(a_looping_job(minutes(9), 20))
        .history(vec![
            ran_well(ago(days(9)), ago(days(4))),
            ran_well(ago(days(4) - 60), ago(made)),
            ran_well(ago(made - 60), ago(minutes(9))),
            failing(ago(minutes(9)), ago(180), 9),
        ])
}

#[test]
fn what_was_proven_only_before_the_version_after_it_is_suspected_when_it_is_applied_again() {
    let again = an_old_one_applied_again(minutes(10));
    assert_eq!(held_by(&again), Some(Row::Soaked));
    let proven_since = an_old_one_applied_again(minutes(40));
    assert_eq!(held_by(&proven_since), Some(Row::Proven));
}

#[test]
fn the_book_is_believed_of_any_version_that_is_the_same() {
    let known = || {
        without_series()
            .knows(5, days(9), Some(5))
            .knows(6, days(4), Some(5))
    };
    assert_eq!(
        gone_back_to(&proven(known(), 5, ago(days(5)))),
        Some(6),
        "it was scaled"
    );
    assert_eq!(gone_back_to(&proven(known(), 6, ago(days(1)))), Some(6));
    // Of a namesake, or of a time before it was made, it says nothing.
    let before = proven(known(), 5, ago(days(10)));
    assert_eq!(gone_back_to(&before), None);
    let namesakes = proven(known(), 5, ago(days(5)));
    let namesakes = namesakes.application(|it| it.created_at = Some(ago(days(2))));
    assert_eq!(gone_back_to(&namesakes), None);
}

#[test]
fn a_look_rules_out_a_good_time_only_where_its_history_is_whole() {
    let known = || proven(without_series(), 6, ago(days(1)));
    let known = || known().knows(6, days(4), Some(6));
    assert_eq!(gone_back_to(&known()), Some(6));
    let unread = known().unreadable(Part::Exceptions, "throttled");
    assert!(matches!(unread.verdict(), Verdict::CannotTell { .. }));
    // Another start began another run, and what happened before it is not in this one's history.
    let again = known().operation("StartApplication", "SUCCESSFUL", minutes(21), Some(30));
    assert!(matches!(again.verdict(), Verdict::CannotTell { .. }));
    let mut dropped = known();
    let job = dropped.seen.job.as_mut().expect("it loops");
    job.faults.truncated = true;
    assert!(matches!(dropped.verdict(), Verdict::CannotTell { .. }));
}

#[test]
fn a_fault_of_another_version_says_nothing_of_the_one_to_go_back_to() {
    let same = a_fault(now());
    let of = |version, age| {
        a_bad_deployment()
            .knows(6, hours(5), Some(6))
            .knows(5, days(9), Some(5))
            .faulted(version, age, &same)
    };
    assert_eq!(gone_back_to(&of(5, hours(6))), Some(6));
    assert_eq!(held_by(&of(6, hours(4))), Some(Row::SameFaultBefore));
    // What the present version failed with is what is being judged.
    assert_eq!(gone_back_to(&of(7, minutes(5))), Some(6));
}

/// Version 6 had run well for days when an outage began; somebody deployed version 7 in it.
fn a_fix_in_an_outage(fault: &Fault) -> Case {
    a_bad_deployment()
        .knows(6, days(6), Some(6))
        .history(vec![
            ran_well(ago(days(5)), ago(hours(1))),
            failing(ago(hours(1)), ago(minutes(30) + 30), 40),
            failing(ago(minutes(29)), ago(180), 40),
        ])
        .faulted(6, minutes(31), fault)
}

#[test]
fn a_soak_ends_a_trouble_only_where_it_lies_after_it() {
    let same = a_fault(now());
    let case = || a_fix_in_an_outage(&same);
    assert_eq!(held_by(&case()), Some(Row::OlderThanChange));
    for at in [days(1), minutes(5)] {
        let elsewhere = soaked(case(), 6, ago(at));
        assert_eq!(held_by(&elsewhere), Some(Row::OlderThanChange), "{at}");
    }
}

#[test]
fn a_second_target_is_proven_for_certain_and_older_than_the_first() {
    let first = || {
        let idle = lifecycle::Span {
            ran: lifecycle::Ran::Up {
                checkpoints: Some(70),
                records: Some(0),
                first_checkpoint_at: None,
            },
            ..ran_well(ago(minutes(110)), ago(minutes(31)))
        };
        after_a_rollback()
            .had_failed_with(Fault {
                message: "java.io.InvalidClassException: Order".into(),
                exception: "java.io.InvalidClassException".into(),
                ..a_fault(ago(minutes(20)))
            })
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
    };
    assert_eq!(kind(&first()), "forceStop");
    // Up for 40 minutes, with its first checkpoint after 20 of them: that may be a proof, and is none.
    let mut doubtful = first();
    doubtful.before.history.spans[0] = ran_well_since(
        ago(hours(2) + minutes(40)),
        ago(hours(2) + minutes(20)),
        ago(hours(2)),
    );
    assert_eq!(kind(&doubtful), "escalate");
}

fn kind(case: &Case) -> String {
    let decision = serde_json::to_value(case.decide()).expect("it is JSON");
    decision["action"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_start_whose_answer_was_lost_is_the_step_that_runs_where_its_operation_is_listed() {
    let short = |at| Fault {
        exception: "java.lang.OutOfMemoryError".into(),
        message: "java.lang.OutOfMemoryError: Java heap space".into(),
        ..a_fault(at)
    };
    // Only from the planned snapshot, which a start names, is it told that the change is not to blame.
    let started = || {
        let mut case = after_a_rollback();
        let faults = &mut case.seen.job.as_mut().expect("it loops").faults;
        for one in faults.first.iter_mut().chain(&mut faults.newest) {
            *one = short(one.at);
        }
        case.had_failed_with(short(ago(minutes(25))))
            .step(Step::ForceStop, minutes(9), accepted_as("gone"))
            .step(Step::RestoreConfiguration, minutes(9), accepted_as("gone"))
            .step(Step::Start, minutes(8), lost())
    };
    let listed = started().operation("StartApplication", "SUCCESSFUL", minutes(8) - 1, Some(60));
    assert_eq!(listed.decide().because, lifecycle::Reason::NotTheChange);
    assert_ne!(started().decide().because, lifecycle::Reason::NotTheChange);
}

#[test]
fn what_the_book_alone_proves_was_not_left_for_a_version_that_it_followed() {
    let known = || without_series().knows(6, days(4), Some(6));
    let known = || known().knows(5, days(9), Some(5));
    let case = proven(proven(known(), 6, ago(days(1))), 7, ago(minutes(21)));
    assert_eq!(held_by(&case), Some(Row::Proven));
}

#[test]
fn a_version_whose_only_try_failed_never_ran() {
    let case = |status: &str| {
        let case = without_series().knows(6, hours(1), Some(6)).operation(
            "UpdateApplication",
            status,
            hours(1),
            Some(60),
        );
        case.verdict()
    };
    let Verdict::Held { row, .. } = case("FAILED") else {
        panic!("{:?}", case("FAILED"));
    };
    assert_eq!(row, Row::NothingToGoBackTo);
    let verdict = case("SUCCESSFUL");
    assert!(matches!(verdict, Verdict::CannotTell { .. }), "{verdict:?}");
}

#[test]
fn before_the_minutes_that_are_known_the_book_tells_how_a_version_was_left() {
    // A time-out: which version it was seen on before tells nothing of whose fault it is, only whether it is the same trouble.
    let timeout = |at| Fault {
        exception: "java.util.concurrent.TimeoutException".into(),
        message: "java.util.concurrent.TimeoutException: no answer".into(),
        ..a_fault(at)
    };
    let case = || {
        let mut case = a_fix_in_an_outage(&timeout(now()));
        let faults = &mut case.seen.job.as_mut().expect("it loops").faults;
        for one in faults.first.iter_mut().chain(&mut faults.newest) {
            *one = timeout(one.at);
        }
        let history = &mut case.before.history;
        history.known.as_mut().expect("given above").from = ago(minutes(25));
        history.spans.truncate(0);
        history.spans.push(failing(ago(minutes(25)), ago(180), 40));
        proven(case, 6, ago(hours(2)))
    };
    assert_eq!(held_by(&case()), Some(Row::OlderThanChange));
    // It had soaked since, so it was well when it was left.
    let well = soaked(case(), 6, ago(minutes(30) + 20));
    assert_eq!(gone_back_to(&well), Some(6));
}

#[test]
fn a_fault_is_known_where_the_service_does_not_say_when_the_version_was_made() {
    let case = a_bad_deployment().application(|it| it.version_created_at = None);
    let (watch, assessment) = case.look();
    let fault = |seen| lifecycle::fault_in_trouble(seen, &watch, &assessment, false).cloned();
    assert!(fault(&case.seen).is_some());
    let mut later = case.seen.clone();
    later.application.version_created_at = Some(now());
    assert_eq!(fault(&later), None);
}

#[test]
fn a_version_that_the_book_saw_soaked_is_gone_back_to() {
    let known = || without_series().knows(6, hours(2), Some(6));
    assert_eq!(
        gone_back_to(&soaked(known(), 6, ago(hours(1)))),
        Some(6),
        "whether it is proven is not known"
    );
    let verdict = known().verdict();
    assert!(matches!(verdict, Verdict::CannotTell { .. }), "{verdict:?}");
}

#[test]
fn what_lies_behind_a_version_that_may_have_worked_is_not_the_newest() {
    let known = |made| {
        let case = without_series().knows(6, made, Some(6));
        proven(case.knows(5, hours(9), Some(5)), 5, ago(hours(5)))
    };
    // Version 6 had two hours in which nobody knows how it ran: long enough to be proven. Twenty minutes: to soak.
    for made in [hours(2) + minutes(30), minutes(50)] {
        let verdict = known(made).verdict();
        assert!(matches!(verdict, Verdict::CannotTell { .. }), "{verdict:?}");
        // As soon as it is known it decides.
        let it_ran = soaked(known(made), 6, ago(minutes(35)));
        assert_eq!(gone_back_to(&it_ran), Some(6));
    }
    // Four minutes: neither.
    assert_eq!(gone_back_to(&known(minutes(34))), Some(5));
}

#[test]
fn without_checkpoints_a_version_had_worked_for_as_long_as_records_went_through() {
    // Version 6 was up for ten minutes before version 7 was made, and its tasks initialised for most of them.
    let known = |minutes_with_records| {
        let made = minutes(30);
        let mut up = ran_well(ago(made + 600), ago(made));
        if let lifecycle::Ran::Up { records, .. } = &mut up.ran {
            *records = Some(minutes_with_records);
        }
        let mut case = a_bad_deployment().knows(6, made + 660, Some(6));
        case.seen.application.checkpointing_enabled = Some(false);
        case.history(vec![up, failing(ago(made - 90), ago(180), 40)])
    };
    assert_eq!(gone_back_to(&known(9)), Some(6));
    assert_eq!(held_by(&known(4)), Some(Row::NothingToGoBackTo));
}

#[test]
fn an_operation_that_began_before_the_version_was_stamped_made_it() {
    let stamped = |later: i64| {
        an_application("orders")
            .version(7)
            .made_at(minutes(30) - later)
            .operation("UpdateApplication", "SUCCESSFUL", minutes(30), Some(60))
            .running()
            .looping_every(secs(10))
    };
    assert_eq!(gone_back_to(&stamped(30)), Some(6));
    // One that was over by then made the version before.
    assert_eq!(held_by(&stamped(90)), Some(Row::NothingToGoBackTo));
}

#[test]
fn a_version_that_only_soaked_and_has_failed_is_not_gone_back_to() {
    let known = || {
        soaked(
            without_series().knows(6, hours(2), Some(6)),
            6,
            ago(hours(1)),
        )
    };
    assert_eq!(gone_back_to(&known()), Some(6));
    // It was blamed before, and nothing is known of how it was left.
    let mut failed = known();
    let entry = lifecycle::FailedBefore {
        at: ago(minutes(70)),
        fault: Some("another fault in sink".into()),
    };
    failed
        .ledger
        .as_mut()
        .expect("read")
        .failed
        .insert(6, entry);
    assert_eq!(gone_back_to(&failed), None);
}

#[test]
fn what_an_earlier_look_saw_of_the_same_job_is_known_where_its_exceptions_cannot_be_read() {
    let mut case = a_bad_deployment()
        .looked_at(&a_bad_deployment(), 30)
        .unreadable(Part::Exceptions, "throttled");
    let faults = &mut case.seen.job.as_mut().expect("it loops").faults;
    (faults.first, faults.newest) = (None, None);
    let (watch, assessment) = case.look();
    let fault = lifecycle::fault_in_trouble(&case.seen, &watch, &assessment, true);
    assert!(fault.is_some(), "{assessment:?}");
    // Of another job it says nothing.
    case.seen.job.as_mut().expect("it loops").id = "another".into();
    assert!(lifecycle::fault_in_trouble(&case.seen, &watch, &assessment, true).is_none());
}

//! What could not be read is no answer, and a service that is too busy has not refused: both are looked at again until the deadline.

mod support;

use std::collections::BTreeSet;

use lifecycle::{Observation, Part, Reason, Refusal, Step, StepResult, Watch};
use support::{rescues::*, *};

/// What the services say when they have too much to do.
const THROTTLED: &str = "ThrottlingException: Rate exceeded";

/// A bad deployment of which one part cannot be read, and the same once it can.
fn unread() -> Vec<(&'static str, Case)> {
    let bad = a_bad_deployment;
    let mut no_version = bad().unreadable(Part::Versions, THROTTLED);
    no_version.seen.versions.clear();
    let mut no_snapshot = bad().unreadable(Part::Snapshots, THROTTLED);
    no_snapshot.seen.snapshots.clear();
    let mut no_operations = bad().unreadable(Part::Operations, THROTTLED);
    no_operations.seen.operations.clear();
    let mut no_job = bad().unreadable(Part::Job, THROTTLED);
    no_job.seen.job = None;
    vec![
        (
            "the tags",
            bad()
                .with_unreadable_tags()
                .unreadable(Part::Tags, THROTTLED),
        ),
        ("the operations", no_operations),
        ("the versions", no_version),
        ("the snapshots", no_snapshot),
        ("the job", no_job),
        ("the ledger", bad().ledger_unreadable()),
    ]
}

#[test]
fn what_could_not_be_read_is_looked_for_again() {
    for (what, case) in unread() {
        let decision = case.decide();
        assert_eq!(
            word(&decision.action),
            "wait",
            "{what}: {}",
            decision.reason
        );
        says(&decision.reason, &[what, "could not be read"]);
        assert!(decision.progress.steps.is_empty(), "{what}");
        // Read at last, it decides as if nothing had been.
        let mut read = a_bad_deployment();
        read.progress = decision.progress;
        let decision = read.must("rollback", Reason::ChangeToBlame);
        assert_eq!(decision.progress.doubt, None, "{what}");
    }
}

#[test]
fn what_does_not_pass_is_told_at_once() {
    for why in [
        "DynamoDB.AmazonDynamoDBException",
        "DynamoDB.ResourceNotFoundException",
        "what the execution before this one wrote into the lease does not parse",
    ] {
        let mut case = a_bad_deployment();
        case.ledger = Err(why.into());
        let decision = case.must("escalate", Reason::LedgerUnreadable);
        says(&decision.reason, &["nothing was changed", why]);
    }
}

#[test]
fn people_hear_after_ten_minutes_that_it_cannot_be_told_and_hear_it_once() {
    for (what, case) in unread() {
        let mut case = case;
        let mut told = Vec::new();
        let mut waited = 0;
        while waited < minutes(40) {
            let decision = case.decide();
            told.extend(decision.notice.clone().map(|notice| (waited, notice.text)));
            let secs = i64::from(wait_of(&decision));
            assert!((15..=60).contains(&secs), "{what}: {secs} s");
            waited += secs;
            case.now = ago(-waited);
            case.seen.at = case.now;
            case.progress = decision.progress;
        }
        assert_eq!(told.len(), 1, "{what}: {told:?}");
        assert!((600..=660).contains(&told[0].0), "{what}: {told:?}");
        says(&told[0].1, &[what, "could not be read"]);
    }
}

#[test]
fn at_the_deadline_it_is_said_what_could_not_be_read() {
    for (what, case) in unread() {
        let at_the_end = case.execution_of(14_400);
        says(
            &at_the_end.must("escalate", Reason::Deadline).reason,
            &[what, "could not be read"],
        );
    }
}

#[test]
fn a_hundred_applications_do_not_look_again_at_the_same_moment() {
    let waits: BTreeSet<u32> = (0..100)
        .map(|n| {
            let mut case = a_bad_deployment().with_unreadable_tags();
            case.seen.application.name = format!("app-{n}");
            wait_of(&case.decide())
        })
        .collect();
    assert!(waits.len() >= 15, "{waits:?}");
}

#[test]
fn a_person_who_asks_is_not_refused_because_of_one_reading() {
    let no_version = || {
        let mut case = a_bad_deployment().unreadable(Part::Versions, THROTTLED);
        case.seen.versions.clear();
        case
    };
    let no_snapshot = || {
        let mut case = a_bad_deployment().unreadable(Part::Snapshots, THROTTLED);
        case.seen.snapshots.clear();
        case
    };
    for (what, case) in [
        ("rollback, version", no_version().asked(rollback())),
        ("rollback, snapshots", no_snapshot().asked(rollback())),
        ("restore, snapshots", no_snapshot().asked(restore())),
        ("restore, a version", no_version().asked(restore_of(6))),
        (
            "restore, a snapshot",
            no_snapshot().asked(restore_from("before-change")),
        ),
        (
            "force-stop, tags",
            a_bad_deployment()
                .with_unreadable_tags()
                .asked(force_stop()),
        ),
        (
            "force-stop, ledger",
            a_bad_deployment().ledger_unreadable().asked(force_stop()),
        ),
    ] {
        assert_eq!(
            word(&case.decide().action),
            "wait",
            "{what}: {}",
            case.decide().reason
        );
    }
    // What is known not to be there is refused at once.
    a_bad_deployment()
        .asked(restore_from("no-such"))
        .must("escalate", Reason::RequestRefused);
    // Without state no snapshot is needed.
    let decision = no_snapshot().asked(restore_without_state()).decide();
    assert_eq!(word(&decision.action), "forceStop");
}

#[test]
fn what_lifeguard_stopped_is_started_whatever_could_not_be_read_for_a_moment() {
    let down = after_a_force_stop;
    let tags = down()
        .with_unreadable_tags()
        .unreadable(Part::Tags, THROTTLED);
    let decision = tags.decide();
    assert_eq!(word(&decision.action), "wait", "{}", decision.reason);
    let mut read = down();
    read.progress = decision.progress;
    read.must("restoreConfiguration", Reason::NextStep);
    // What was begun is finished without the ledger: it holds the budget, and that was spent when it was begun.
    down()
        .ledger_unreadable()
        .must("restoreConfiguration", Reason::NextStep);
    down()
        .rescues_today(99)
        .must("restoreConfiguration", Reason::NextStep);
}

#[test]
fn a_service_that_is_too_busy_uses_no_step_up() {
    for error in ["Lifeguard.Retryable", "Lambda.TooManyRequestsException"] {
        let mut case = a_rescue();
        for tries in 1..=30 {
            let decision = case.decide();
            assert_eq!(
                word(&decision.action),
                "rollback",
                "{error}, {tries}: {}",
                decision.reason
            );
            let taken = decision.progress.steps.last().unwrap();
            assert_eq!(
                (decision.progress.steps.len(), taken.tries),
                (1, tries),
                "one row, however often"
            );
            case.progress = decision.progress;
            case.progress.settle(failed(error));
            // Not at once, and never for long.
            let waited = paused(&mut case);
            assert!(waited <= minutes(5), "{error}: {waited} s");
        }
    }
}

#[test]
fn a_row_with_an_odd_number_of_tries_ends_no_execution() {
    for tries in [0, 4, u32::MAX] {
        let mut case = a_rescue().step(Step::Rollback, 5, failed("Lifeguard.Retryable"));
        case.progress.steps[0].tries = tries;
        assert!(wait_of(&case.decide()) <= 300, "{tries}");
    }
}

/// Nor is it waited for longer than the pause, or past the deadline, because a clock was wrong when the row was written.
#[test]
fn a_row_from_the_future_is_not_waited_for() {
    for (ahead, started, most) in [(12, 60, 300), (days(2), 60, 300), (0, 14_390, 10)] {
        let mut case = a_rescue()
            .step(Step::Rollback, -ahead, failed("Lifeguard.Retryable"))
            .execution_of(started);
        case.progress.steps[0].tries = 4;
        assert!(wait_of(&case.decide()) <= most, "{ahead}, {started}");
    }
}

/// Lets time pass until something other than waiting is decided.
#[track_caller]
fn paused(case: &mut Case) -> i64 {
    let mut waited = 0;
    loop {
        let decision = case.decide();
        if word(&decision.action) != "wait" {
            return waited;
        }
        waited += i64::from(wait_of(&decision));
        case.now += jiff::SignedDuration::from_secs(wait_of(&decision).into());
        case.seen.at = case.now;
        if let Some(job) = &mut case.seen.job {
            goes_on(job, wait_of(&decision).into());
        }
        case.progress = decision.progress;
        assert!(waited < hours(1), "{}", decision.reason);
    }
}

#[test]
fn nor_do_the_steps_that_start_what_lifeguard_stopped() {
    let mut case = after_a_force_stop();
    case.started_at = ago(60);
    for (step, name) in [
        (Step::RestoreConfiguration, "restoreConfiguration"),
        (Step::Start, "start"),
    ] {
        for _ in 0..12 {
            paused(&mut case);
            let decision = case.must(name, Reason::NextStep);
            case.progress = decision.progress;
            case.progress.settle(failed("Lifeguard.Retryable"));
        }
        paused(&mut case);
        case.progress = case.must(name, Reason::NextStep).progress;
        case.progress.settle(accepted());
        assert!(case.progress.is_done(step));
    }
}

#[test]
fn a_step_that_was_decided_on_an_old_picture_is_decided_again_for_as_long_as_an_operation_may_take()
{
    let stale = |age| {
        a_rescue()
            .policy(|it| it.operation_timeout_secs = 1_200)
            .step(Step::Rollback, age, failed("Lifeguard.Stale"))
    };
    for age in [20, minutes(10), minutes(19)] {
        assert_eq!(word(&stale(age).decide().action), "rollback", "{age} s");
    }
    assert_eq!(word(&stale(minutes(21)).decide().action), "forceStop");
}

#[test]
fn a_budget_that_was_lowered_meanwhile_holds_what_has_not_begun() {
    let decided = |today: u32, allowed: &str| {
        a_rescue()
            .step(Step::Rollback, 60, failed("Lifeguard.Interrupted"))
            .rescues_today(today)
            .tagged("rescues-per-day", allowed)
    };
    decided(1, "0").must("escalate", Reason::BudgetSpent);
    decided(2, "1").must("escalate", Reason::BudgetSpent);
    // This one is counted already.
    decided(1, "1").must("rollback", Reason::ChangeToBlame);
    // What has begun is finished.
    after_a_force_stop()
        .rescues_today(1)
        .tagged("rescues-per-day", "0")
        .must("restoreConfiguration", Reason::NextStep);
}

#[test]
fn an_exception_history_that_cannot_be_read_exonerates_nobody() {
    let mut case =
        a_bad_deployment().unreadable(Part::Exceptions, "the answer is longer than 4 MiB");
    let job = case.seen.job.as_mut().unwrap();
    job.faults = lifecycle::Faults::default();
    job.restarting_at = Some(ago(5));
    // CloudWatch's minutes stand in for it.
    let mut by_minutes = case.clone().history(vec![
        ran_well(ago(days(5)), ago(minutes(30))),
        failing(ago(minutes(29)), ago(180), 26),
    ]);
    by_minutes.must("rollback", Reason::ChangeToBlame);
    // Without both nothing dates the trouble, and nobody is told that no change is to blame.
    by_minutes.before = Watch::default();
    let mut case = by_minutes.unreadable(Part::Series, "ThrottlingException");
    for look in 0..12_i64 {
        let job = case.seen.job.as_mut().unwrap();
        job.at = ago(-look * 40);
        job.restarts_metric = job.restarts_metric.map(|count| count + 4);
        case.seen.at = job.at;
        case.now = job.at;
        let decision = case.decide();
        assert_eq!(word(&decision.action), "wait", "{}", decision.reason);
        assert_eq!(decision.progress.waiting_since, None, "{}", decision.reason);
        case.before = case.look().0;
        case.progress = decision.progress;
    }
    says(
        &case.decide().reason,
        &["the history in CloudWatch", "could not be read"],
    );
}

#[test]
fn a_refusal_is_still_one() {
    let refused = a_rescue().step(Step::Rollback, 20, refused());
    refused.must("forceStop", Reason::NextStep);
    let decision = a_rescue().step(Step::Rollback, 20, failed("Runtime.ExitError"));
    let decision = decision.must("rollback", Reason::ChangeToBlame);
    let steps = &decision.progress.steps;
    assert_eq!(
        steps.len(),
        2,
        "what crashed may have been carried out, and stays in the report"
    );
    assert!(matches!(steps[0].result, Some(StepResult::Failed { .. })));
}

const DENIED: &str = "ListApplicationSnapshots of orders: AccessDeniedException: not authorized to perform kinesisanalytics:ListApplicationSnapshots";
const NOT_OFFERED: &str =
    "ListSnapshots of orders: UnsupportedOperationException: not available in this Region";

/// A bad deployment of which a part is refused, for each part that decides.
fn refused_parts(refusal: Refusal) -> Vec<(&'static str, Case)> {
    let parts = [
        ("the operations", Part::Operations),
        ("the versions", Part::Versions),
        ("the snapshots", Part::Snapshots),
        ("the job", Part::Job),
        ("the tags", Part::Tags),
        ("the history in CloudWatch", Part::Series),
    ];
    let refused = |(what, part)| {
        let mut case = a_bad_deployment().refused(part, DENIED, refusal);
        match part {
            Part::Operations => case.seen.operations.clear(),
            Part::Versions => case.seen.versions.clear(),
            Part::Snapshots => case.seen.snapshots.clear(),
            Part::Tags => case = case.with_unreadable_tags(),
            Part::Series => {
                case.before = Watch::default();
            }
            _ => case.seen.job = None,
        }
        (what, case)
    };
    parts.into_iter().map(refused).collect()
}

#[test]
fn what_the_service_does_not_offer_is_told_at_once() {
    let mut case = a_bad_deployment().refused(Part::Snapshots, NOT_OFFERED, Refusal::NotOffered);
    case.seen.snapshots.clear();
    let decision = case.must("escalate", Reason::ReadingRefused);
    says(
        &decision.reason,
        &["nothing was changed", NOT_OFFERED, "waiting does not cure"],
    );
    let asked = case.asked(rollback());
    asked.must("escalate", Reason::ReadingRefused);
}

/// A permission that was given a moment ago arrives within seconds, and credentials are renewed.
#[test]
fn what_is_not_permitted_is_told_when_it_is_refused_twice_in_a_row() {
    for refusal in [Refusal::NotPermitted, Refusal::NotAccepted] {
        for (what, case) in refused_parts(refusal) {
            let first = case.decide();
            assert_eq!(word(&first.action), "wait", "{what}: {}", first.reason);
            let mut again = case.clone();
            again.progress = first.progress.clone();
            let second = again.decide();
            assert_eq!(
                (word(&second.action), second.because),
                ("escalate", Reason::ReadingRefused),
                "{what}: {}",
                second.reason
            );
            says(&second.reason, &[what, DENIED]);
            // Permitted by then, it decides as if nothing had been.
            let mut read = a_bad_deployment();
            read.progress = first.progress;
            read.must("rollback", Reason::ChangeToBlame);
        }
    }
}

#[test]
fn a_refusal_of_another_part_is_a_first_one() {
    let mut case = a_bad_deployment().refused(Part::Versions, DENIED, Refusal::NotPermitted);
    case.seen.versions.clear();
    let versions = case.decide();
    let mut case = a_bad_deployment().refused(Part::Snapshots, DENIED, Refusal::NotPermitted);
    case.seen.snapshots.clear();
    case.progress = versions.progress;
    assert_eq!(word(&case.decide().action), "wait");
}

#[test]
fn what_lifeguard_stopped_is_looked_at_until_the_deadline_and_people_hear_at_once() {
    let mut case = after_a_force_stop().with_unreadable_tags().refused(
        Part::Tags,
        DENIED,
        Refusal::NotPermitted,
    );
    let mut told = Vec::new();
    for _ in 0..4 {
        let decision = case.decide();
        assert_eq!(word(&decision.action), "wait", "{}", decision.reason);
        told.extend(decision.notice.map(|notice| notice.text));
        case.progress = decision.progress;
    }
    assert_eq!(told.len(), 1, "{told:?}");
    says(&told[0], &["IS DOWN", DENIED, "not permitted"]);
    let mut read = after_a_force_stop();
    read.progress = case.progress;
    read.must("restoreConfiguration", Reason::NextStep);
    // Snapshots that are refused are not gone: it is started from the planned one.
    let snapshots = after_a_force_stop().refused(Part::Snapshots, DENIED, Refusal::NotPermitted);
    snapshots.must("restoreConfiguration", Reason::NextStep);
}

#[test]
fn what_releases_before_wrote_is_still_read() {
    let case = a_bad_deployment().unreadable(Part::Snapshots, THROTTLED);
    let written = serde_json::to_value(&case.seen).unwrap();
    assert_eq!(written["unreadable"][0].get("refusal"), None);
    let read: Observation = serde_json::from_value(written).unwrap();
    assert_eq!(read, case.seen);
}

//! `lifeguard:when-suspected=rollback`: a person's word, given ahead, for what the evidence leaves open. By RollbackApplication, and by nothing else.

mod support;

use lifecycle::{JobState, Mode, Only, Part, Reason, Row, Step, Verdict};
use support::{rescues::*, *};

/// Version 7 ran well for fourteen minutes and has been looping for ten (row 9).
fn soaked() -> Case {
    let made = minutes(25);
    an_application("orders")
        .version(7)
        .made(made)
        .running()
        .job(a_looping_job(minutes(10), 20))
        .with_snapshot("before-change", hours(1))
        .history(vec![
            ran_well(ago(made + days(5)), ago(made)),
            ran_well(ago(made - 60), ago(minutes(10))),
            failing(ago(minutes(10)), ago(180), 9),
        ])
}

/// The service scaled version 7 between the change and the trouble (row 7).
fn restarted_by_the_service() -> Case {
    a_bad_deployment()
        .operation("AutoScaling", "SUCCESSFUL", minutes(30) - 100, Some(30))
        .job(a_looping_job(minutes(30) - 140, 10))
}

/// Nothing but the scale was changed, and version 6 had only soaked (row 8).
fn only_scaled() -> Case {
    let made = minutes(30);
    let mut case = a_bad_deployment().history(vec![
        ran_well(ago(made + 900), ago(made)),
        failing(ago(made - 90), ago(180), 40),
    ]);
    case.seen.application.content = Some(6);
    case.seen.versions[0].content = Some(6);
    case.seen.versions[0].created_at = Some(ago(made + 960));
    case
}

fn told(case: Case) -> Case {
    case.tagged("when-suspected", "rollback")
}

#[test]
fn what_is_suspected_is_rolled_back_on_a_word_given_ahead_and_only_on_it() {
    for (row, case) in [
        (Row::Soaked, soaked()),
        (Row::RestartedByService, restarted_by_the_service()),
        (Row::OnlyScaled, only_scaled()),
    ] {
        match case.verdict() {
            Verdict::Held { row: found, .. } => assert_eq!(found, row),
            other => panic!("not {row:?}: {other:?}"),
        }
        case.must("wait", Reason::Suspected);
        let decision = told(case.clone()).must("rollback", Reason::Suspected);
        let plan = decision.action.plan().expect("a rollback");
        assert_eq!((plan.version_id, plan.target_version_id), (7, Some(6)));
        says(&decision.reason, &["lifeguard:when-suspected=rollback"]);
        let rescue = decision.progress.rescue.as_ref().expect("it is recorded");
        assert_eq!(rescue.only, Some(Only::Rollback), "{row:?}");
        // People were asked already, and have set the tag since.
        let asked = told(case).waiting_since(minutes(5));
        asked.must("rollback", Reason::Suspected);
    }
}

#[test]
fn no_other_row_is_moved_by_it() {
    // It had run well for days; there is nothing to go back to; the version before was failing too.
    let made = minutes(30);
    let proven = soaked().history(vec![
        ran_well(ago(days(9)), ago(days(3))),
        ran_well(ago(days(3) - 60), ago(minutes(10))),
    ]);
    let proven = proven.application(|it| it.version_created_at = Some(ago(days(3))));
    told(proven.operation("UpdateApplication", "SUCCESSFUL", days(3), Some(60)))
        .must("wait", Reason::HadWorked);
    let alone = a_bad_deployment().history(vec![failing(ago(made - 90), ago(180), 40)]);
    told(alone).must("escalate", Reason::Suspected);
    let mut failing_before = soaked();
    failing_before.before.history.spans[0] = ran_well(ago(days(5)), ago(minutes(40)));
    let outage = failing(ago(minutes(40)), ago(minutes(25) + 20), 20);
    failing_before.before.history.spans.insert(1, outage);
    told(failing_before).must("wait", Reason::Suspected);
}

#[test]
fn where_rollback_application_is_not_open_it_stays_suspected_and_says_why() {
    let newer = soaked().with_snapshot("nightly", minutes(12));
    let decision = told(newer).must("wait", Reason::Suspected);
    says(
        &decision.reason,
        &[
            "had run well for a while",
            "when-suspected=rollback was not followed",
            "snapshot nightly",
        ],
    );
    assert_eq!(decision.progress.rescue, None);
    says(
        &decision.notice.expect("people are asked").text,
        &["was not followed"],
    );
    let mut without = soaked();
    without.seen.snapshots.clear();
    says(
        &told(without).must("wait", Reason::Suspected).reason,
        &["was not followed", "there is no snapshot"],
    );
    let elsewhere = soaked().application(|it| it.version_updated_from = Some(4));
    says(
        &told(elsewhere).must("wait", Reason::Suspected).reason,
        &["version 4, not to version 6"],
    );
    // A job that gave up is not stopped for it, but it is rolled back.
    let mut gone = soaked();
    gone.seen.job.as_mut().expect("a job").state = JobState::Failed;
    told(gone).must("rollback", Reason::Suspected);
    // What could not be read is looked for again.
    told(soaked().unreadable(Part::Snapshots, "throttled")).must("wait", Reason::Unknown);
    told(soaked().operation("ApplicationMaintenance", "IN_PROGRESS", 20, None))
        .must("wait", Reason::Busy);
}

#[test]
fn every_brake_holds_it() {
    for (case, part) in [
        (
            soaked().policy(|it| it.mode = Mode::Observe),
            "the mode is observe",
        ),
        (soaked().tagged("mode", "observe"), "the mode is observe"),
        (soaked().rescues_today(2), "2 rescue(s) were begun today"),
        (soaked().tagged("colour", "blue"), "lifeguard:colour"),
    ] {
        let decision = told(case).must("wait", Reason::Suspected);
        says(&decision.reason, &["was not followed", part]);
    }
    told(soaked().ledger_unreadable()).must("wait", Reason::LedgerUnreadable);
    told(soaked())
        .stopped()
        .must("escalate", Reason::StopSwitch);
    // A word that nobody knows is none, and makes careful.
    let odd = soaked().tagged("when-suspected", "restore");
    says(
        &odd.must("wait", Reason::Suspected).reason,
        &["nothing is changed"],
    );
    let applied = odd.policy.under(odd.seen.tags.as_ref());
    assert_eq!(applied.policy.mode, Mode::Observe);
    says(
        &applied.findings[0],
        &["lifeguard:when-suspected", "write rollback"],
    );
}

/// The rollback on a word given ahead was accepted ten minutes ago and ended.
fn rolled_back() -> Case {
    told(after_a_rollback()).rescue(|it| it.only = Some(Only::Rollback))
}

#[test]
fn nothing_is_stopped_and_nothing_restored_on_it() {
    let decision = rolled_back().must("escalate", Reason::EveryStepUsed);
    says(
        &decision.reason,
        &["the rollback did not help", "allows no other step"],
    );
    // It ended READY, or brought back what was taken after the change: for people.
    rolled_back()
        .ready()
        .judged(lifecycle::Assessment::Failed {
            why: "it fell back".into(),
            first_fault: None,
        })
        .must("escalate", Reason::EveryStepUsed);
    let late = rolled_back()
        .with_snapshot("nightly", minutes(20))
        .healthy_for(310)
        .restored_from("s3://b/nightly/x")
        .must("escalate", Reason::EveryStepUsed);
    says(&late.reason, &["CHECK THE STATE"]);
    rolled_back()
        .healthy_for(310)
        .restored_from("s3://b/before-change/x")
        .must("recovered", Reason::Recovered);
    // Refused: as before, with the reason.
    let refused = told(soaked())
        .rescuing()
        .rescue(|it| it.only = Some(Only::Rollback))
        .step(Step::Rollback, 30, refused())
        .must("escalate", Reason::Suspected);
    says(
        &refused.reason,
        &["Rollback failed", "allows no other step"],
    );
    // Not carried out: sent again.
    let busy = told(soaked())
        .rescuing()
        .rescue(|it| it.only = Some(Only::Rollback))
        .step(Step::Rollback, 301, failed("Lifeguard.Retryable"));
    busy.must("rollback", Reason::Suspected);
}

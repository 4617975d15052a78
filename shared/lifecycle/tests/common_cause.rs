//! One cause behind the troubles of several applications (cB30, cH7): acted on nowhere, told once.

mod support;

use lifecycle::{Action, Came, Others, Reason, Row, Severity, Trouble, TroubleEnd, Verdict, mail};
use support::{rescues::a_bad_deployment, *};

const CLASS: &str = "java.lang.IllegalArgumentException";
/// When the trouble of both cases began, counted back.
const BEGAN: i64 = 600;

/// Version 7, five days old, has been failing for ten minutes.
fn had_run_well() -> Case {
    let case = an_application("orders")
        .made(days(5))
        .running()
        .job(a_looping_job(BEGAN, 20))
        .history(vec![
            ran_well(ago(days(5)), ago(BEGAN)),
            failing(ago(BEGAN), ago(180), 9),
        ]);
    told(case)
}

/// Version 7, eleven minutes old, has failed since its start.
fn just_deployed() -> Case {
    let case = an_application("orders")
        .made(BEGAN + 75)
        .running()
        .job(a_looping_job(BEGAN + 20, 20))
        .with_snapshot("before-change", hours(1));
    told(case)
}

/// The same turn after this application's own trouble was told.
fn told(mut case: Case) -> Case {
    case.others.own = case.trouble();
    assert!(case.others.own.is_some(), "it is in trouble");
    case
}

fn another(name: &str, began: i64) -> Trouble {
    Trouble {
        application: name.into(),
        began: ago(began),
        class: Some(CLASS.into()),
        version_id: 3,
        made_at: Some(ago(days(9))),
        is_proven: true,
        is_blamed: false,
        end: None,
    }
}

fn others(names: &[&str]) -> Vec<Trouble> {
    names.iter().map(|name| another(name, BEGAN + 30)).collect()
}

fn deployed(names: &[&str]) -> Vec<Trouble> {
    let all = others(names).into_iter().map(|one| Trouble {
        made_at: Some(ago(BEGAN + 120)),
        is_proven: false,
        is_blamed: true,
        ..one
    });
    all.collect()
}

fn beside(mut case: Case, told: Vec<Trouble>) -> Case {
    case.others.told = Ok(told);
    case
}

#[track_caller]
fn row(case: &Case) -> (Row, String) {
    match case.verdict() {
        Verdict::Held { row, why, .. } => (row, why),
        Verdict::Change { row, why, .. } => (row, why),
        Verdict::CannotTell { why, .. } => panic!("cannot tell: {why}"),
    }
}

/// One more look may be taken first, for more may follow.
#[track_caller]
fn rolls_back_in_the_end(mut case: Case) {
    let first = case.decide();
    if let Action::Wait { secs } = first.action {
        assert_eq!((secs, &first.notice), (90, &None), "{}", first.reason);
        case.progress = first.progress;
    }
    case.must("rollback", Reason::ChangeToBlame);
}

fn ended(mut all: Vec<Trouble>, nth: usize, is: Came, secs_ago: i64) -> Vec<Trouble> {
    let at = ago(secs_ago);
    all[nth].end = Some(TroubleEnd { is, at });
    all
}

#[test]
fn what_others_fail_with_too_is_a_common_cause() {
    for case in [had_run_well(), just_deployed()] {
        let (found, why) = row(&beside(case, others(&["carts", "bills", "taxes"])));
        assert_eq!(found, Row::CommonCause, "{why}");
        says(
            &why,
            &["3 other applications", CLASS, "bills, carts, taxes"],
        );
    }
}

#[test]
fn two_others_another_class_another_time_or_a_young_version_are_none() {
    let three = || others(&["carts", "bills", "taxes"]);
    let change = |change: fn(&mut Trouble)| {
        let mut all = three();
        change(&mut all[0]);
        all
    };
    for (what, all) in [
        ("nobody", vec![]),
        ("two", others(&["carts", "bills"])),
        ("one of them twice", others(&["carts", "bills", "carts"])),
        ("itself", others(&["carts", "bills", "orders"])),
        (
            "another class",
            change(|one| one.class = Some("java.io.IOException".into())),
        ),
        (
            "eleven minutes before",
            change(|one| one.began = ago(BEGAN + 661)),
        ),
        (
            "eleven minutes after",
            change(|one| one.began = ago(BEGAN - 660)),
        ),
        ("not proven", change(|one| one.is_proven = false)),
        (
            "it has run again for a while",
            ended(three(), 0, Came::RunsAgain, 601),
        ),
    ] {
        assert_eq!(
            row(&beside(had_run_well(), all.clone())).0,
            Row::Proven,
            "{what}"
        );
        rolls_back_in_the_end(beside(just_deployed(), all));
    }
}

#[test]
fn what_is_not_known_of_a_fault_and_what_ended_just_now_still_count() {
    for all in [
        {
            let mut all = others(&["carts", "bills", "taxes"]);
            all[0].class = None;
            all
        },
        ended(
            others(&["carts", "bills", "taxes"]),
            0,
            Came::RunsAgain,
            599,
        ),
        ended(
            others(&["carts", "bills", "taxes"]),
            0,
            Came::GivenUp,
            5_000,
        ),
    ] {
        assert_eq!(row(&beside(just_deployed(), all)).0, Row::CommonCause);
    }
}

#[test]
fn more_names_than_fit_are_counted() {
    let many = others(&["a", "b", "c", "d", "e", "f", "g"]);
    let (_, why) = row(&beside(had_run_well(), many.clone()));
    says(&why, &["7 other applications", "a, b, c, d, e and 2 more"]);
    // Those that were changed are no evidence, and people hear of them.
    let and_young = [many, deployed(&["x"])].concat();
    let (_, why) = row(&beside(had_run_well(), and_young));
    says(
        &why,
        &[
            "7 other",
            "2 more; so did x (version 3, made at 2026-11-22T11:48:00Z)",
        ],
    );
}

#[test]
fn what_others_have_told_cannot_be_read_and_nothing_is_begun() {
    let unread = |mut case: Case, why: &str| {
        case.others.told = Err(why.into());
        case
    };
    let passing = "DynamoDb.ProvisionedThroughputExceededException";
    let decision = unread(just_deployed(), passing).must("wait", Reason::LedgerUnreadable);
    says(&decision.reason, &["other applications", passing]);
    assert!(decision.progress.steps.is_empty());
    unread(just_deployed(), "DynamoDb.DynamoDbException")
        .must("escalate", Reason::LedgerUnreadable);
    // It holds no wait, and what Lifeguard itself stopped is started.
    unread(had_run_well(), passing).must("wait", Reason::HadWorked);
    unread(rescues::after_a_force_stop(), passing).must("restoreConfiguration", Reason::NextStep);
    // A person who asks knows better.
    let mut asked = unread(just_deployed(), passing);
    asked.request = Some(rollback());
    asked.must("rollback", Reason::AskedFor);
}

#[test]
fn people_are_told_by_one_execution() {
    let mut case = beside(had_run_well(), others(&["carts", "bills", "taxes"]));
    let first = case.must("wait", Reason::CommonCause);
    let notice = first.notice.expect("it is news");
    assert_eq!(notice.common.as_deref(), Some(CLASS));
    case.progress = first.progress;
    let second = case.must("wait", Reason::CommonCause);
    assert_eq!(second.notice, None, "once");
    // The end is told by whoever told the beginning.
    let ended = |is_teller: bool| {
        let mut case = case.clone();
        case.others.is_teller = is_teller;
        case.now = ago(-minutes(50));
        let end = case.must("escalate", Reason::CommonCause);
        mail(&end, &case.seen, false).map(|mail| mail.severity)
    };
    assert_eq!((ended(true), ended(false)), (Some(Severity::Page), None));
    let again = |is_teller: bool| {
        let mut case = case.clone();
        case.others.is_teller = is_teller;
        let case = case.healthy_for(minutes(9)).history(vec![]);
        let end = case.must("leaveAlone", Reason::RunsAgain);
        mail(&end, &case.seen, false).map(|mail| mail.severity)
    };
    assert_eq!((again(true), again(false)), (Some(Severity::Info), None));
}

#[test]
fn what_turns_out_to_be_its_own_trouble_is_told_after_all() {
    let mut case = beside(had_run_well(), others(&["carts", "bills", "taxes"]));
    case.progress = case.must("wait", Reason::CommonCause).progress;
    case.others.told = Ok(ended(
        ended(
            others(&["carts", "bills", "taxes"]),
            0,
            Came::RunsAgain,
            900,
        ),
        1,
        Came::RunsAgain,
        900,
    ));
    let around = case.must("wait", Reason::HadWorked);
    assert_eq!(
        around.notice, None,
        "taxes is in trouble too: one more look"
    );
    case.progress = around.progress;
    let own = case.must("wait", Reason::HadWorked);
    assert_eq!(own.notice.expect("it is news").common, None);
}

#[test]
fn one_more_look_before_people_are_told_where_another_is_in_trouble() {
    let mut case = beside(had_run_well(), others(&["carts"]));
    let look = case.must("wait", Reason::HadWorked);
    assert_eq!((wait_of(&look), &look.notice), (60, &None));
    case.progress = look.progress;
    assert!(case.must("wait", Reason::HadWorked).notice.is_some());
    // Alone, it is told at once.
    let alone = beside(had_run_well(), vec![]).must("wait", Reason::HadWorked);
    assert!(alone.notice.is_some());
}

#[test]
fn of_many_that_were_deployed_together_one_is_rescued_first() {
    let many = || deployed(&["bills", "carts", "taxes"]);
    let waits = beside(just_deployed(), many()).must("wait", Reason::CommonCause);
    says(
        &waits.reason,
        &[
            "nothing is changed yet: 3 other applications were changed too",
            "bills goes first",
        ],
    );
    assert_eq!(waits.notice, None);
    // The first by begin, then by name, is rescued.
    let mut first = many();
    first.iter_mut().for_each(|one| one.began = ago(BEGAN - 60));
    beside(just_deployed(), first).must("rollback", Reason::ChangeToBlame);
    // The one that goes first was no help: the next one goes.
    let mut given_up = many();
    for nth in 0..3 {
        given_up = ended(given_up, nth, Came::GivenUp, 60);
    }
    beside(just_deployed(), given_up).must("rollback", Reason::ChangeToBlame);
    // It was rescued: going back helps.
    let helped = ended(many(), 0, Came::Recovered, 60);
    beside(just_deployed(), helped).must("rollback", Reason::ChangeToBlame);
    // Two others are no mass.
    let two = beside(just_deployed(), deployed(&["bills", "carts"]));
    says(
        &two.must("wait", Reason::CommonCause).reason,
        &["one more look"],
    );
    rolls_back_in_the_end(two);
    // What would not go back waits for nobody.
    let mut unblamed = beside(just_deployed(), many());
    let own = unblamed.others.own.as_mut().expect("told");
    own.is_blamed = false;
    unblamed.must("rollback", Reason::ChangeToBlame);
    // A person who asks knows better.
    let mut asked = beside(just_deployed(), many());
    asked.request = Some(rollback());
    asked.must("rollback", Reason::AskedFor);
}

#[test]
fn the_same_fault_on_the_good_version_of_the_first_holds_the_rest() {
    let many = |secs_ago: i64| {
        let all = deployed(&["bills", "carts", "taxes"]);
        beside(just_deployed(), ended(all, 0, Came::SameFault, secs_ago))
    };
    let (found, why) = row(&many(60));
    assert_eq!(found, Row::SameFaultElsewhere, "{why}");
    says(&why, &["bills", "version 3 was undone there", CLASS]);
    let held = many(60).must("wait", Reason::CommonCause);
    assert!(held.notice.is_some_and(|notice| notice.common.is_some()));
    // An hour later it is history, and another fault is another cause: both go on in their turn.
    assert_eq!(row(&many(3_601)).0, Row::Else);
    let mut other = many(60);
    let all = other.others.told.as_mut().expect("read");
    all[0].class = Some("java.io.IOException".into());
    assert_eq!(row(&other).0, Row::Else);
    // That it has been in trouble since, on the version before, takes nothing away.
    let mut since = many(60);
    let all = since.others.told.as_mut().expect("read");
    all.push(Trouble {
        is_proven: true,
        is_blamed: false,
        end: None,
        ..another("bills", BEGAN - 200)
    });
    assert_eq!(row(&since).0, Row::SameFaultElsewhere);
    // A fault that cannot be read is not the same.
    let mut unread = many(60);
    let all = unread.others.told.as_mut().expect("read");
    all[0].class = None;
    assert_eq!(row(&unread).0, Row::Else);
}

#[test]
fn five_are_rescued_at_once() {
    let names = ["a", "b", "c", "d", "e", "f"];
    let many = |count: usize| {
        let mut all = deployed(&names[..count]);
        all[0] = Trouble {
            end: Some(TroubleEnd {
                is: Came::Recovered,
                at: ago(60),
            }),
            ..all[0].clone()
        };
        beside(just_deployed(), all)
    };
    many(5).must("rollback", Reason::ChangeToBlame);
    let waits = many(6).must("wait", Reason::CommonCause);
    says(&waits.reason, &["5 other applications are being rescued"]);
}

#[test]
fn patience_with_the_one_that_goes_first_ends() {
    let mut case = beside(just_deployed(), deployed(&["bills", "carts", "taxes"]));
    case.progress = case.must("wait", Reason::CommonCause).progress;
    case.now = ago(-minutes(46));
    let told = case.must("wait", Reason::CommonCause);
    assert!(told.notice.is_some(), "people are told once for all");
    case.progress = told.progress;
    case.now = ago(-minutes(92));
    case.must("escalate", Reason::CommonCause);
}

#[test]
fn others_are_asked_again_before_a_step_that_was_not_carried_out() {
    let mut case = just_deployed();
    case.progress = case.must("rollback", Reason::ChangeToBlame).progress;
    case.progress.settle(failed("Lifeguard.Stale"));
    case.must("rollback", Reason::ChangeToBlame);
    let many = beside(case, others(&["carts", "bills", "taxes"]));
    let held = many.must("wait", Reason::CommonCause);
    says(&held.reason, &["3 other applications that had run well"]);
}

#[test]
fn a_trouble_is_told_with_what_its_own_execution_knows() {
    let proven = had_run_well().others.own.expect("told");
    assert_eq!(
        (proven.is_proven, proven.is_blamed, proven.class.as_deref()),
        (true, false, Some(CLASS))
    );
    assert_eq!(proven.began, ago(BEGAN));
    let young = just_deployed().others.own.expect("told");
    assert_eq!((young.is_proven, young.is_blamed), (false, true));
    // What others told is not repeated.
    let beside = beside(just_deployed(), others(&["carts", "bills", "taxes"]));
    assert_eq!(beside.trouble(), Some(young));
}

#[test]
fn what_fails_after_a_step_of_lifeguards_is_told_to_nobody() {
    assert_eq!(rescues::after_a_rollback().trouble(), None);
    // What was told before stays as it was, and its end is added.
    let mut case = rescues::after_a_rollback();
    let own = another("orders", minutes(25));
    case.others.own = Some(own.clone());
    assert_eq!(case.trouble(), Some(Trouble { end: None, ..own }));
    // Nor is what a person asked for, what is healthy, what only comes up, and what nobody opted in.
    let mut asked = a_bad_deployment();
    asked.request = Some(rollback());
    let mut stranger = a_bad_deployment();
    stranger.seen.tags.as_mut().expect("tags").clear();
    let healthy = an_application("orders").made(days(5)).healthy_for(hours(1));
    let comes_up = an_application("orders").made(60).running().job(a_job(5));
    for case in [asked, stranger, healthy, comes_up] {
        assert_eq!(case.trouble(), None, "{:?}", case.assess());
    }
}

#[test]
fn what_begins_within_a_soak_of_an_operation_is_no_evidence_for_others() {
    let restarted = |ago: i64| {
        let case = had_run_well().operation("RollbackApplication", "SUCCESSFUL", ago, Some(60));
        told(case).others.own.expect("told").is_proven
    };
    // It ended 303 s before the trouble began, or a second earlier.
    assert!(!restarted(BEGAN + 363));
    assert!(restarted(BEGAN + 364));
}

#[test]
fn the_end_of_an_execution_is_told() {
    let end_of = |case: &Case| case.trouble().and_then(|one| one.end).map(|end| end.is);
    let mut same = rescues::after_a_rollback().restored_from("s3://b/before-change/x");
    same.others.own = Some(another("orders", minutes(25)));
    if let Some(rescue) = same.progress.rescue.as_mut() {
        rescue.fault = Some(a_fault(ago(minutes(20))));
    }
    assert_eq!(same.decide().because, Reason::NotTheChange);
    assert_eq!(end_of(&same), Some(Came::SameFault));
    let mut spent = just_deployed();
    spent.policy.rescues_per_day = 0;
    assert_eq!(end_of(&spent), Some(Came::GivenUp));
    let mut well = had_run_well().healthy_for(minutes(9)).history(vec![]);
    well.progress.waiting_since = Some(ago(60));
    assert_eq!(well.decide().action, Action::LeaveAlone);
    assert_eq!(end_of(&well), Some(Came::RunsAgain));
    assert_eq!(end_of(&had_run_well()), None);
}

#[test]
fn an_execution_that_knows_of_nobody_decides_as_before() {
    let mut case = just_deployed();
    case.others = Others::default();
    case.must("rollback", Reason::ChangeToBlame);
    assert!(case.trouble().is_some_and(|one| one.is_blamed));
}

//! The right snapshot: which one, and how old it may be.

mod support;

use jiff::Timestamp;
use lifecycle::{
    Limits, Policy, Reason, Runtime, Snapshot, SnapshotChoice, SnapshotMode, Wanted,
    choose_snapshot, unfit,
};
use support::{rescues::*, *};

fn choose(list: &[Snapshot], cutoff: Timestamp, max_age_secs: u32) -> SnapshotChoice {
    let policy = Policy {
        max_snapshot_age_secs: max_age_secs,
        max_snapshot_gap_secs: u32::MAX,
        ..Policy::default()
    };
    let wanted = Wanted {
        runtime: &"FLINK-1_20".into(),
        cutoff: Some(cutoff),
        limits: Some(Limits::planned(&policy)),
        mode: Some(&SnapshotMode::Legacy),
        is_named: false,
    };
    choose_snapshot(list, &wanted, now())
}

fn at_any_time(runtime: &Runtime) -> Wanted<'_> {
    Wanted {
        runtime,
        cutoff: None,
        limits: None,
        mode: Some(&SnapshotMode::Legacy),
        is_named: false,
    }
}

#[test]
fn the_right_snapshot_is_the_newest_that_is_ready_fits_is_old_enough_and_young_enough() {
    type Change = fn(&mut Snapshot);
    let rows: [(&str, Change, &str); 9] = [
        (
            "creating",
            |it| it.status = "CREATING".into(),
            "it is CREATING",
        ),
        (
            "deleting",
            |it| it.status = "DELETING".into(),
            "it is DELETING",
        ),
        ("failed", |it| it.status = "FAILED".into(), "it is FAILED"),
        (
            "unknown status",
            |it| it.status = "ARCHIVED".into(),
            "it is ARCHIVED",
        ),
        (
            "newer runtime",
            |it| it.runtime = Some("FLINK-2_2".into()),
            "was taken with FLINK-2_2 and does not fit FLINK-1_20",
        ),
        (
            "runtime unknown",
            |it| it.runtime = None,
            "its runtime is not known",
        ),
        (
            "a SQL runtime",
            |it| it.runtime = Some("SQL-1_0".into()),
            "does not fit",
        ),
        (
            "taken after",
            |it| it.created_at = ago(minutes(30)),
            "began to process",
        ),
        (
            "too old",
            |it| it.created_at = ago(days(2)),
            "it is 2 days old, and 24 h are allowed",
        ),
    ];
    let good = a_snapshot("good", hours(2));
    for (what, change, why) in rows {
        let mut bad = a_snapshot("bad", hours(1));
        change(&mut bad);
        let choose = |list: &[Snapshot]| choose(list, ago(minutes(30)), 86_400);
        let alone = choose(std::slice::from_ref(&bad));
        assert_eq!(alone.chosen, None, "{what}");
        says(&alone.passed_over[0].why, &[why]);
        for list in [[bad.clone(), good.clone()], [good.clone(), bad.clone()]] {
            let choice = choose(&list);
            assert_eq!(choice.chosen.as_ref(), Some(&good), "{what}");
            // An older one is not looked at any more.
            assert_eq!(
                choice.passed_over.is_empty(),
                bad.created_at < good.created_at,
                "{what}"
            );
        }
    }
}

#[test]
fn the_edges_of_time_are_exact() {
    let choose = |age: i64| {
        choose(&[a_snapshot("it", age)], ago(600), 3_600)
            .chosen
            .is_some()
    };
    for (age, chosen) in [
        (599, false),
        (600, false),
        (601, true),
        (3_600, true),
        (3_601, false),
        (-5, false),
    ] {
        assert_eq!(choose(age), chosen, "{age} s old");
    }
}

#[test]
fn a_tie_is_settled_by_the_name_and_the_order_of_the_list_does_not_matter() {
    let list = [
        a_snapshot("a", 700),
        a_snapshot("b", 700),
        a_snapshot("c", 800),
    ];
    let mut reversed = list.clone();
    reversed.reverse();
    for list in [list, reversed] {
        assert_eq!(choose(&list, ago(600), 3_600).chosen.unwrap().name, "b");
    }
}

#[test]
fn the_reasons_for_passing_over_are_bounded_and_newest_first() {
    let list: Vec<Snapshot> = (0..30).map(|n| a_snapshot(&format!("s{n}"), n)).collect();
    let choice = choose(&list, ago(600), 3_600);
    assert_eq!(choice.chosen, None);
    let names: Vec<&str> = choice
        .passed_over
        .iter()
        .map(|one| one.name.as_str())
        .collect();
    assert_eq!(names, ["s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"]);
}

#[test]
fn an_older_minor_runtime_fits_and_nothing_else_does() {
    for (taken_with, under, fits) in [
        ("FLINK-1_20", "FLINK-1_20", true),
        ("FLINK-1_18", "FLINK-1_20", true),
        ("FLINK-1_20", "FLINK-1_18", false),
        ("FLINK-2_2", "FLINK-1_20", false),
        ("FLINK-1_20", "FLINK-2_2", false),
        ("FLINK-2_2", "FLINK-2_3", true),
        ("ZEPPELIN-FLINK-3_0", "FLINK-1_20", false),
        ("FLINK-1_20", "SQL-1_0", false),
        ("FLINK-x_y", "FLINK-x_y", false),
    ] {
        let mut snapshot = a_snapshot("it", 60);
        snapshot.runtime = Some(taken_with.into());
        assert_eq!(
            unfit(&snapshot, &at_any_time(&under.into()), now()).is_none(),
            fits,
            "{taken_with} under {under}"
        );
    }
}

/// A bad deployment whose only snapshot was taken that long ago.
fn with_one_of(age: i64) -> Case {
    let mut case = a_bad_deployment();
    case.seen.snapshots.clear();
    case.with_snapshot("it", age)
}

#[test]
fn by_default_nothing_older_than_twenty_hours_is_restored() {
    with_one_of(hours(20)).must("rollback", Reason::ChangeToBlame);
    let decision = with_one_of(hours(20) + 1).must("escalate", Reason::NoSnapshot);
    says(&decision.reason, &["20 h are allowed"]);
    // Kinesis keeps 24 hours: by the time that its records are read, some of them are gone.
    with_one_of(hours(24) - 120).must("escalate", Reason::NoSnapshot);
}

#[test]
fn where_the_retention_is_known_the_way_to_the_first_record_counts_too() {
    let kept = |retention: &str, age| with_one_of(age).tagged("source-retention", retention);
    let half_an_hour = minutes(30);
    kept("6h", hours(6) - half_an_hour - 1).must("rollback", Reason::ChangeToBlame);
    for age in [hours(6) - half_an_hour, hours(6) - 1, hours(6)] {
        let decision = kept("6h", age).must("escalate", Reason::NoSnapshot);
        says(&decision.reason, &["its sources keep 6 h"]);
    }
    // A long retention does not lift the age that policy allows.
    kept("365d", hours(21)).must("escalate", Reason::NoSnapshot);
    with_one_of(hours(1))
        .tagged("source-retention", "366d")
        .must("escalate", Reason::PolicyUnclear);
}

#[test]
fn the_gap_between_snapshot_and_change_has_a_limit_of_its_own() {
    // The change is half an hour old and began to process 55 s later.
    let began = minutes(30) - UPDATE_SECS + 5;
    let gap = |secs: i64| {
        with_one_of(began + secs).policy(|it| {
            it.max_snapshot_gap_secs = 3_600;
        })
    };
    gap(3_600).must("rollback", Reason::ChangeToBlame);
    let decision = gap(3_601).must("escalate", Reason::NoSnapshot);
    says(
        &decision.reason,
        &["1 h are allowed", "before the change began"],
    );
}

#[test]
fn what_has_its_snapshots_turned_off_is_only_reported() {
    let off = |case: Case| case.application(|it| it.snapshots_enabled = Some(false));
    for age in [hours(1), hours(20)] {
        let decision = off(with_one_of(age)).must("escalate", Reason::NoSnapshot);
        says(&decision.reason, &["it: snapshots are turned off"]);
    }
    // A person may take what there is.
    off(with_one_of(hours(1)))
        .asked(rollback())
        .must("rollback", Reason::AskedFor);
}

#[test]
fn the_snapshot_of_the_targets_own_update_is_right_where_it_is_the_newest_from_before_the_change() {
    let decision = with_one_of(hours(3))
        .soaked(6, hours(2))
        .must("rollback", Reason::ChangeToBlame);
    let rescue = decision.progress.rescue.expect("a rescue");
    assert_eq!(rescue.snapshot.chosen.expect("one is right").name, "it");
}

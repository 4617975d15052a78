//! What is noteworthy about a list of snapshots, at each edge, and how it is said.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "support/stock.rs"]
mod stock;

use lifecycle::{
    ApplicationStatus, SnapshotStatus,
    retention::{Finding, age_of_newest, findings, quota_percent},
};
use stock::*;

/// A fresh list, about which nothing is noteworthy.
fn fresh() -> World {
    World::of(vec![ours(HOUR)])
}

fn found(change: impl FnOnce(&mut World)) -> Vec<Finding> {
    let mut world = fresh();
    change(&mut world);
    findings(&world.stock())
}

#[test]
fn a_fresh_list_is_not_noteworthy() {
    assert_eq!(found(|_| {}), []);
    assert_eq!(
        found(|world| world.application.snapshots_enabled = None),
        []
    );
    assert_eq!(
        found(|world| world.application.snapshots_enabled = Some(false)),
        [Finding::Disabled]
    );
}

#[test]
fn one_is_stuck_past_its_limit_and_not_at_it() {
    for (status, age_secs, is_stuck) in [
        ("CREATING", HOUR, false),
        ("CREATING", HOUR + 1, true),
        ("DELETING", DAY, false),
        ("READY", DAY, false),
    ] {
        let mut other = ours(age_secs);
        other.status = SnapshotStatus::from(status);
        let name = other.name.clone();
        let expected = if is_stuck {
            vec![Finding::StuckCreating { name, age_secs }]
        } else {
            vec![]
        };
        assert_eq!(
            found(|world| world.snapshots.push(other)),
            expected,
            "{status} for {age_secs} s"
        );
    }
}

#[test]
fn a_failed_one_is_made_up_for_by_one_that_was_begun_after_it() {
    for (age_secs, since_then_one_worked) in [(HOUR + 1, true), (HOUR, false), (HOUR - 1, false)] {
        let mut failed = snapshot("failed", age_secs);
        failed.status = SnapshotStatus::Failed;
        let expected = Finding::Failed {
            name: "failed".into(),
            at: ago(age_secs),
            since_then_one_worked,
        };
        assert_eq!(expected.needs_person(), !since_then_one_worked);
        assert_eq!(
            found(|world| world.snapshots.push(failed)),
            [expected],
            "{age_secs} s"
        );
    }
}

#[test]
fn the_quota_is_warned_of_from_its_share_on() {
    for (count, percent, warned) in [
        (7, 70, false),
        (8, 80, true),
        (10, 100, true),
        (12, 120, true),
    ] {
        let mut world = World::of((1..=count).map(|n| ours(n * 60)).collect());
        world.policy.quota = 10;
        assert_eq!(quota_percent(&world.stock()), percent);
        let count = u32::try_from(count).unwrap();
        let expected = if warned {
            vec![Finding::Quota { count, quota: 10 }]
        } else {
            vec![]
        };
        assert_eq!(findings(&world.stock()), expected, "{count}");
    }
    let mut world = fresh();
    world.policy.quota = 0;
    assert_eq!(
        quota_percent(&world.stock()),
        100,
        "none are allowed, and there is one"
    );
}

#[test]
fn the_newest_is_stale_past_the_age_that_is_allowed_and_not_at_it() {
    let max_age_secs = 21_600;
    for (age_secs, is_stale) in [(21_600, false), (21_601, true)] {
        let stale = Finding::Stale {
            newest: Some(ago(age_secs)),
            age_secs,
            max_age_secs,
        };
        assert_eq!(
            found(|world| world.snapshots = vec![ours(age_secs)]),
            if is_stale { vec![stale] } else { vec![] }
        );
        let none = Finding::Stale {
            newest: None,
            age_secs,
            max_age_secs,
        };
        let without = found(|world| {
            (world.snapshots, world.application.version_created_at) = (vec![], Some(ago(age_secs)));
        });
        assert_eq!(
            without,
            if is_stale { vec![none] } else { vec![] },
            "the version is {age_secs} s old"
        );
    }
    assert_eq!(
        found(|world| (world.snapshots, world.application.version_created_at) = (vec![], None)),
        [],
        "nothing says how old"
    );
}

#[test]
fn only_what_is_up_goes_stale() {
    for (status, is_stale) in [
        ("RUNNING", true),
        ("UPDATING", true),
        ("STOPPING", true),
        ("READY", false),
        ("DELETING", false),
    ] {
        let found = found(|world| {
            (world.snapshots, world.application.status) =
                (vec![ours(DAY)], ApplicationStatus::from(status))
        });
        assert_eq!(found.len(), usize::from(is_stale), "{status}");
    }
}

#[test]
fn the_age_of_the_newest_is_that_of_the_newest_ready_one() {
    let mut world = World::of(vec![ours(3 * HOUR), ours(2 * HOUR), ours(HOUR)]);
    world.snapshots[2].status = SnapshotStatus::Creating;
    assert_eq!(age_of_newest(&world.stock()), Some(2 * HOUR));
    world.snapshots.clear();
    assert_eq!(
        age_of_newest(&world.stock()),
        Some(5 * DAY),
        "without any, the age of the version"
    );
    world.application.version_created_at = None;
    assert_eq!(age_of_newest(&world.stock()), None);
}

#[test]
fn each_finding_says_what_it_is_about_and_whether_a_person_is_needed() {
    let (name, text, at) = ("s1".to_owned(), "it says so".to_owned(), now());
    for (finding, needs_person, said) in [
        (
            Finding::Disabled,
            true,
            "snapshots are disabled: a rescue would have nothing to go back to",
        ),
        (
            Finding::Stale {
                newest: Some(at),
                age_secs: 90,
                max_age_secs: 60,
            },
            true,
            "the newest READY snapshot is of 4 Mar 02:47:00 UTC, 1 min 30 s old; at most 1 min are allowed",
        ),
        (
            Finding::Stale {
                newest: None,
                age_secs: 90,
                max_age_secs: 60,
            },
            true,
            "there is no READY snapshot, 1 min 30 s after the present version was made; at most 1 min are allowed",
        ),
        (
            Finding::StuckCreating {
                name: name.clone(),
                age_secs: 90,
            },
            true,
            "snapshot s1 has been CREATING for 1 min 30 s",
        ),
        (
            Finding::Failed {
                name: name.clone(),
                at,
                since_then_one_worked: false,
            },
            true,
            "snapshot s1 of 4 Mar 02:47:00 UTC FAILED",
        ),
        (
            Finding::Failed {
                name,
                at,
                since_then_one_worked: true,
            },
            false,
            "snapshot s1 of 4 Mar 02:47:00 UTC FAILED",
        ),
        (
            Finding::Quota {
                count: 8,
                quota: 10,
            },
            true,
            "8 of 10 snapshots are used: past the quota none can be taken",
        ),
        (Finding::Tag { text: text.clone() }, true, "it says so"),
        (Finding::Refused { text }, false, "it says so"),
    ] {
        assert_eq!(
            (finding.to_string().as_str(), finding.needs_person()),
            (said, needs_person)
        );
    }
}

//! Each reason to keep a snapshot, at its edge: to the second, to the day, to the count.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "support/stock.rs"]
mod stock;

use lifecycle::{
    ApplicationStatus, Runtime, Snapshot, SnapshotStatus,
    retention::{Kept, Lease, Origin, Prune, Stock, Why, retain},
};
use stock::*;

/// The policy keeps as little as it can, and no change of version is known.
fn bare(snapshots: Vec<Snapshot>) -> World {
    let mut world = World::of(snapshots);
    (
        world.policy.keep_last,
        world.policy.keep_daily_days,
        world.policy.version_changes,
    ) = (0, 0, 0);
    world.application.version_created_at = None;
    world
}

/// The newest, of a version of its own, so that an older one is kept for neither.
fn newest() -> Snapshot {
    let mut newest = ours(2 * HOUR);
    newest.version_id = 9;
    newest
}

fn with(change: impl FnOnce(&mut Snapshot)) -> Snapshot {
    let mut snapshot = ours(20 * DAY);
    change(&mut snapshot);
    snapshot
}

#[test]
fn the_newest_has_its_three_reasons_and_no_other() {
    let world = bare(vec![newest(), ours(20 * DAY)]);
    assert_eq!(
        world.why(&newest().name),
        [
            Why::Newest,
            Why::NewestOfRuntime,
            Why::NewestOfVersion { version_id: 9 }
        ]
    );
    assert_eq!(world.deleted(), [ours(20 * DAY).name]);
}

#[test]
fn what_lies_in_the_snapshot_itself_is_a_reason() {
    let somebody = || Why::NotOurs {
        origin: Origin::Somebody,
    };
    for (snapshot, why) in [
        (
            with(|one| one.name = "keep-gold".into()),
            vec![Why::KeptByName, somebody()],
        ),
        (with(|one| one.name = "gold-keep-".into()), vec![somebody()]),
        (
            with(|one| one.name = "tagged".into()),
            vec![Why::KeptByTag, somebody()],
        ),
        (
            with(|one| one.status = SnapshotStatus::Deleting),
            vec![Why::NotSettled],
        ),
        (with(|one| one.status = SnapshotStatus::Failed), vec![]),
        (
            with(|one| one.created_at = "1970-01-01T00:00:00Z".parse().unwrap()),
            vec![Why::NotSettled],
        ),
        (
            with(|one| one.created_at = "1970-01-01T00:00:01Z".parse().unwrap()),
            vec![],
        ),
        (with(|_| {}), vec![]),
    ] {
        let mut world = bare(vec![newest(), snapshot.clone()]);
        world.policy.keep.insert("tagged".into());
        assert_eq!(world.why(&snapshot.name), why, "{snapshot:?}");
        assert_eq!(world.deleted().is_empty(), !why.is_empty(), "{snapshot:?}");
    }
}

#[test]
fn one_is_young_until_the_minimum_age_to_the_second() {
    for (age_secs, is_young) in [(HOUR - 1, true), (HOUR, false)] {
        let world = bare(vec![ours(60), ours(age_secs)]);
        assert_eq!(
            world.why(&ours(age_secs).name).contains(&Why::Young),
            is_young,
            "{age_secs} s"
        );
    }
}

#[test]
fn what_is_kept_only_because_nothing_may_be_deleted_now_says_so_and_nothing_else_does() {
    let world = || bare(vec![newest(), ours(20 * DAY)]);
    type Doubt = fn(&mut World);
    let doubts: [(&str, Doubt); 4] = [
        ("a rescue is running (execution-1)", |world| {
            world.lease = Lease::Held {
                by: "execution-1".into(),
                intent: None,
            }
        }),
        ("could not be read: throttled", |world| {
            world.lease = Lease::Unknown {
                why: "throttled".into(),
            }
        }),
        ("a tag does not parse", |world| world.tags_parse = false),
        ("the application is UPDATING", |world| {
            world.application.status = ApplicationStatus::Updating
        }),
    ];
    for (because, doubt) in doubts {
        let mut world = world();
        doubt(&mut world);
        let retention = world.retain();
        assert!(
            retention
                .nothing_because
                .as_ref()
                .unwrap()
                .contains(because),
            "{retention:?}"
        );
        assert_eq!(
            world.why(&ours(20 * DAY).name),
            [Why::HandsOff],
            "{because}"
        );
        assert!(
            !world.why(&newest().name).contains(&Why::HandsOff),
            "{because}"
        );
    }
    let world = world();
    let unread = retain(&Stock {
        operations: Err("throttled"),
        ..world.stock()
    });
    assert!(
        unread
            .nothing_because
            .unwrap()
            .contains("the operations could not be read")
    );
    assert!(unread.kept.contains(&Kept {
        name: ours(20 * DAY).name,
        why: vec![Why::HandsOff]
    }));
    assert_eq!(world.retain().nothing_because, None);
}

#[test]
fn a_rescue_protects_what_it_names_and_nothing_else_by_name() {
    let mut world = bare(vec![newest(), ours(20 * DAY), ours(21 * DAY)]);
    world.lease = Lease::Held {
        by: "execution-1".into(),
        intent: Some(format!("start from {}", ours(20 * DAY).name)),
    };
    assert_eq!(world.why(&ours(20 * DAY).name), [Why::NamedByRescue]);
    assert_eq!(world.why(&ours(21 * DAY).name), [Why::HandsOff]);
}

#[test]
fn around_a_change_to_the_second() {
    let at = 10 * DAY;
    let (before, during) = (
        Why::BeforeChange { at: ago(at) },
        Why::DuringChange { at: ago(at) },
    );
    // The update took two minutes.
    for (age_secs, is_before, is_during) in [
        (at + 1, true, false),
        (at, false, true),
        (at - 60, false, true),
        (at - 120, false, true),
        (at - 121, false, false),
    ] {
        let mut world = bare(vec![newest(), ours(age_secs)]);
        world.policy.version_changes = 1;
        world.operations = vec![operation("UpdateApplication", at, 120)];
        let why = world.why(&ours(age_secs).name);
        assert_eq!(
            (why.contains(&before), why.contains(&during)),
            (is_before, is_during),
            "{age_secs} s: {why:?}"
        );
    }
    // One that has not ended lasts until now.
    let mut world = bare(vec![newest(), ours(at - DAY)]);
    world.policy.version_changes = 1;
    world.operations = vec![operation("UpdateApplication", at, 120)];
    world.operations[0].ended_at = None;
    assert!(world.why(&ours(at - DAY).name).contains(&during));
}

#[test]
fn only_what_begins_a_version_is_a_change() {
    for (name, is_change) in [
        ("UpdateApplication", true),
        ("RollbackApplication", true),
        ("StartApplication", true),
        ("StopApplication", false),
        ("AutoScaling", false),
        ("ApplicationMaintenance", false),
    ] {
        let mut world = bare(vec![newest(), ours(20 * DAY)]);
        world.policy.version_changes = 1;
        world.operations = vec![operation(name, 10 * DAY, 120)];
        let why = world.why(&ours(20 * DAY).name);
        assert_eq!(
            why.contains(&Why::BeforeChange { at: ago(10 * DAY) }),
            is_change,
            "{name}"
        );
    }
    let mut world = bare(vec![newest(), ours(20 * DAY)]);
    world.application.version_created_at = Some(ago(9 * DAY));
    assert!(
        world
            .why(&ours(20 * DAY).name)
            .contains(&Why::BeforeChange { at: ago(9 * DAY) }),
        "the version says itself when it was made"
    );
}

#[test]
fn only_the_last_changes_count_and_starts_for_themselves() {
    let mut world = bare(vec![newest(), ours(30 * DAY)]);
    world.policy.version_changes = 2;
    // Oldest first: the order of the list says nothing.
    world.operations = [28, 26, 24]
        .iter()
        .map(|days| operation("UpdateApplication", days * DAY, 120))
        .collect();
    world.operations.extend(
        [27, 25, 23]
            .iter()
            .map(|days| operation("StartApplication", days * DAY, 120)),
    );
    let why = world.why(&ours(30 * DAY).name);
    for (days, counts) in [
        (28, false),
        (26, true),
        (24, true),
        (27, false),
        (25, true),
        (23, true),
    ] {
        assert_eq!(
            why.contains(&Why::BeforeChange {
                at: ago(days * DAY)
            }),
            counts,
            "{days} days ago: {why:?}"
        );
    }
}

#[test]
fn the_newest_of_each_of_the_newest_versions_and_one_more_than_there_are_changes() {
    let of = |version_id: u64, days: i64| {
        let mut snapshot = ours(days * DAY);
        snapshot.version_id = version_id;
        snapshot
    };
    let mut world = bare(vec![newest(), of(8, 10), of(8, 11), of(7, 12), of(6, 13)]);
    world.policy.version_changes = 2;
    assert_eq!(
        world.why(&of(8, 10).name),
        [Why::NewestOfVersion { version_id: 8 }]
    );
    assert_eq!(
        world.why(&of(7, 12).name),
        [Why::NewestOfVersion { version_id: 7 }]
    );
    assert_eq!(
        world.deleted(),
        [of(6, 13).name, of(8, 11).name],
        "an older one of a version, and a version too far back"
    );
}

#[test]
fn the_newest_of_each_runtime_is_kept_also_of_one_that_is_not_known() {
    let mut unknown = ours(20 * DAY);
    unknown.runtime = None;
    let mut older = ours(21 * DAY);
    older.runtime = Some(Runtime::from("FLINK-1_18"));
    let world = bare(vec![
        newest(),
        unknown.clone(),
        older.clone(),
        ours(22 * DAY),
    ]);
    assert_eq!(world.why(&unknown.name), [Why::NewestOfRuntime]);
    assert_eq!(world.why(&older.name), [Why::NewestOfRuntime]);
    assert_eq!(world.deleted(), [ours(22 * DAY).name]);
}

#[test]
fn so_many_of_the_newest_of_ours_are_kept_and_a_persons_do_not_count() {
    let mut world = bare(vec![
        newest(),
        snapshot("nightly", 10 * DAY),
        ours(11 * DAY),
        ours(12 * DAY),
    ]);
    world.policy.keep_last = 2;
    assert!(world.why(&newest().name).contains(&Why::Last));
    assert_eq!(
        world.why("nightly"),
        [Why::NotOurs {
            origin: Origin::Somebody
        }]
    );
    assert_eq!(world.why(&ours(11 * DAY).name), [Why::Last]);
    assert_eq!(world.deleted(), [ours(12 * DAY).name]);
}

#[test]
fn the_first_of_each_of_the_last_days_is_kept_by_the_day_in_utc() {
    // It is 02:47: today began 2 h 47 min ago.
    let today = 2 * HOUR + 47 * 60;
    let mut world = bare(vec![
        ours(HOUR),
        ours(today),
        ours(today + 60),
        ours(today + DAY - 60),
        ours(today + DAY),
        ours(today + DAY + 60),
    ]);
    world.policy.keep_daily_days = 2;
    let first = |day: &str| vec![Why::FirstOfDay { day: day.into() }];
    assert_eq!(
        world.why(&ours(today).name),
        first("2026-03-04"),
        "midnight belongs to the day that begins"
    );
    assert_eq!(world.why(&ours(today + DAY).name), first("2026-03-03"));
    assert_eq!(
        world.deleted(),
        [today + DAY + 60, today + DAY - 60, today + 60].map(|age| ours(age).name),
        "a second of its day, or too many days ago"
    );
}

#[test]
fn one_below_the_minimum_age_is_not_the_first_of_its_day_yet() {
    for (age_secs, is_first) in [(HOUR - 1, false), (HOUR, true)] {
        let mut world = bare(vec![ours(60), ours(age_secs)]);
        world.policy.keep_daily_days = 1;
        let why = world.why(&ours(age_secs).name);
        assert_eq!(
            why.contains(&Why::FirstOfDay {
                day: "2026-03-04".into()
            }),
            is_first,
            "{age_secs} s"
        );
    }
}

#[test]
fn whose_may_be_deleted_is_the_policys_word() {
    let scaled = snapshot("by-scaling", 30 * DAY - 20);
    let mut world = bare(vec![newest(), scaled, snapshot("by-a-person", 31 * DAY)]);
    world.operations = vec![operation("AutoScaling", 30 * DAY, 120)];
    assert_eq!(
        world.why("by-scaling"),
        [Why::NotOurs {
            origin: Origin::Service {
                operation: "AutoScaling".into()
            }
        }]
    );
    world.policy.prune = Prune::ServiceMadeToo;
    assert_eq!(world.deleted(), ["by-scaling"]);
    world.policy.keep_last = 2;
    assert_eq!(
        world.why("by-scaling"),
        [Why::Last],
        "what may be deleted counts among the last"
    );
}

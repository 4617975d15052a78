//! What retention promises, whatever the list: nothing that is protected is deleted, nothing that a rescue could choose is deleted, and what was decided once stays decided.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "support/stock.rs"]
mod stock;

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use lifecycle::{
    ApplicationStatus, Limits, Operation, OperationKind, Policy, Runtime, Snapshot, SnapshotStatus,
    Wanted, choose_snapshot,
    retention::{Finding, Lease, Prune, Stock, Why, findings, retain, snapshot_name},
};
use proptest::prelude::*;
use stock::*;

#[test]
fn the_oldest_of_ours_go_and_everything_else_has_its_reason() {
    let mut snapshots: Vec<Snapshot> = (1..=12).map(|n| ours(n * 6 * HOUR)).collect();
    snapshots.push(ours(6 * DAY));
    snapshots.push(snapshot("nightly", 30 * DAY));
    snapshots.push(snapshot("keep-gold", 90 * DAY));
    let world = World::of(snapshots);
    let deleted = world.deleted();
    assert!(
        !deleted.is_empty() && deleted.iter().all(|name| name.starts_with("lifeguard-v6-")),
        "{deleted:?}"
    );
    assert_eq!(deleted[0], ours(72 * HOUR).name, "oldest first");
    assert!(world.why("keep-gold").contains(&Why::KeptByName));
    assert!(matches!(&world.why("nightly")[..], [Why::NotOurs { .. }]));
    assert!(world.why(&ours(6 * HOUR).name).contains(&Why::Newest));
    assert!(world.why(&ours(6 * HOUR).name).contains(&Why::Last));
}

#[test]
fn what_stood_before_a_change_is_kept_over_all_versions_and_runtimes() {
    let mut old = ours(20 * DAY);
    (old.version_id, old.runtime) = (3, Some(Runtime::from("FLINK-1_18")));
    let mut world = World::of(
        (1..=20)
            .map(|n| ours(n * DAY))
            .chain([ours(20 * DAY + HOUR)])
            .collect(),
    );
    world.snapshots[19] = old.clone();
    world.operations = vec![
        operation("UpdateApplication", 19 * DAY, 120),
        operation("UpdateApplication", 10 * DAY, 120),
    ];
    assert!(
        world
            .why(&old.name)
            .iter()
            .any(|why| matches!(why, Why::BeforeChange { .. })),
        "of the older runtime"
    );
    assert!(
        world
            .why(&ours(20 * DAY + HOUR).name)
            .iter()
            .any(|why| matches!(why, Why::BeforeChange { .. })),
        "of the present one"
    );
    assert!(
        world
            .why(&ours(11 * DAY).name)
            .contains(&Why::BeforeChange { at: ago(10 * DAY) })
    );
    assert!(world.deleted().contains(&ours(9 * DAY).name));
}

#[test]
fn the_automatic_snapshot_of_an_update_is_kept_whichever_version_it_carries() {
    for version in [5, 6] {
        let mut automatic = snapshot("auto", 10 * DAY - 20);
        automatic.version_id = version;
        let mut world = World::of(vec![ours(HOUR * 2), automatic]);
        world.policy.prune = Prune::ServiceMadeToo;
        world.operations = vec![operation("UpdateApplication", 10 * DAY, 120)];
        assert!(
            world
                .why("auto")
                .contains(&Why::DuringChange { at: ago(10 * DAY) })
        );
    }
}

#[test]
fn service_made_ones_are_deleted_only_when_the_policy_says_so_and_a_persons_never() {
    let scaled = snapshot("by-scaling", 30 * DAY - 20);
    let mut world = World::of(vec![
        ours(2 * HOUR),
        ours(3 * HOUR),
        ours(4 * HOUR),
        ours(6 * DAY),
        scaled,
        snapshot("by-a-person", 31 * DAY),
    ]);
    world.operations = vec![operation("AutoScaling", 30 * DAY, 120)];
    assert!(!world.deleted().contains(&"by-scaling".to_owned()));
    world.policy.prune = Prune::ServiceMadeToo;
    assert!(world.deleted().contains(&"by-scaling".to_owned()));
    assert!(!world.deleted().contains(&"by-a-person".to_owned()));
}

#[test]
fn nothing_is_deleted_while_a_rescue_runs_or_anything_is_in_doubt() {
    let many: Vec<Snapshot> = (1..=30).map(|n| ours(n * 6 * HOUR)).collect();
    let held = Lease::Held {
        by: "execution".into(),
        intent: Some(format!("start from {}", ours(180 * HOUR).name)),
    };
    let mut world = World::of(many);
    assert!(!world.deleted().is_empty());
    world.lease = held;
    assert!(world.deleted().is_empty());
    assert!(
        world
            .why(&ours(180 * HOUR).name)
            .contains(&Why::NamedByRescue)
    );
    world.lease = Lease::Unknown {
        why: "throttled".into(),
    };
    assert!(world.deleted().is_empty());
    world.lease = Lease::Free;
    world.tags_parse = false;
    assert!(
        world
            .retain()
            .nothing_because
            .unwrap()
            .contains("defaults are not used")
    );
    world.tags_parse = true;
    for status in [
        ApplicationStatus::Updating,
        ApplicationStatus::RollingBack,
        ApplicationStatus::Other("NEW".into()),
    ] {
        world.application.status = status;
        assert!(world.deleted().is_empty());
    }
    world.application.status = ApplicationStatus::Running;
    let stock = Stock {
        operations: Err("throttled"),
        ..world.stock()
    };
    assert!(retain(&stock).delete.is_empty());
}

#[test]
fn what_is_being_created_or_has_no_time_is_never_deleted() {
    for status in [
        SnapshotStatus::Creating,
        SnapshotStatus::Deleting,
        SnapshotStatus::Other("NEW".into()),
    ] {
        let mut odd = ours(50 * DAY);
        odd.status = status;
        let world = World::of(vec![odd.clone(), ours(2 * HOUR)]);
        assert!(world.deleted().is_empty() && world.why(&odd.name).contains(&Why::NotSettled));
    }
    let mut undated = ours(50 * DAY);
    undated.created_at = Timestamp::UNIX_EPOCH;
    assert!(
        World::of(vec![undated, ours(2 * HOUR)])
            .deleted()
            .is_empty()
    );
}

#[test]
fn failed_stuck_stale_disabled_and_crowded_are_found() {
    let mut failed = ours(8 * HOUR);
    failed.status = SnapshotStatus::Failed;
    let mut stuck = ours(2 * HOUR);
    stuck.status = SnapshotStatus::Creating;
    let mut world = World::of(vec![ours(7 * HOUR), failed.clone(), stuck.clone()]);
    world.application.snapshots_enabled = Some(false);
    let found = findings(&world.stock());
    assert!(found.contains(&Finding::Disabled));
    assert!(found.contains(&Finding::StuckCreating {
        name: stuck.name,
        age_secs: 2 * HOUR
    }));
    assert!(found.iter().any(|finding| matches!(
        finding,
        Finding::Failed {
            since_then_one_worked: true,
            ..
        }
    ) && !finding.needs_person()));
    assert!(
        found
            .iter()
            .any(|finding| matches!(finding, Finding::Stale { .. }) && finding.needs_person())
    );
    world.snapshots = vec![failed];
    assert!(
        findings(&world.stock())
            .iter()
            .any(|finding| matches!(finding, Finding::Failed { .. }) && finding.needs_person())
    );
    world.snapshots = (0..800).map(|n| snapshot(&format!("s{n}"), n)).collect();
    assert!(findings(&world.stock()).contains(&Finding::Quota {
        count: 800,
        quota: 1_000
    }));
    world.snapshots.pop();
    assert!(
        !findings(&world.stock())
            .iter()
            .any(|finding| matches!(finding, Finding::Quota { .. }))
    );
}

#[test]
fn a_stopped_application_does_not_go_stale() {
    let mut world = World::of(vec![ours(30 * DAY)]);
    world.application.status = ApplicationStatus::Ready;
    assert!(findings(&world.stock()).is_empty());
}

fn any_snapshot() -> impl Strategy<Value = (u8, i64, u8, u64, u8)> {
    (0_u8..6, 0..40 * DAY, 0_u8..8, 1_u64..8, 0_u8..4)
}

fn any_world() -> impl Strategy<Value = World> {
    let operations = proptest::collection::vec((0_u8..6, 0..40 * DAY, 1_i64..3_000), 0..14);
    let policy = (1_u32..6, 0_u32..6, 0_u32..4, any::<bool>(), 0_i64..2 * DAY);
    (
        proptest::collection::vec(any_snapshot(), 0..40),
        operations,
        policy,
    )
        .prop_map(|(snapshots, operations, policy)| {
            let mut world = World::of(Vec::new());
            let mut names = BTreeSet::new();
            for (kind, age_secs, status, version_id, runtime) in snapshots {
                let name = match kind {
                    0 => format!("keep-{age_secs}"),
                    1 => format!("nightly-{age_secs}"),
                    2 => format!("tagged-{age_secs}"),
                    _ => snapshot_name(version_id, ago(age_secs)),
                };
                let status = match status {
                    0 => SnapshotStatus::Failed,
                    1 => SnapshotStatus::Creating,
                    _ => SnapshotStatus::Ready,
                };
                let runtime = [
                    Some("FLINK-1_20"),
                    Some("FLINK-1_18"),
                    Some("FLINK-2_2"),
                    None,
                ][usize::from(runtime)]
                .map(Runtime::from);
                if names.insert(name.clone()) {
                    world.snapshots.push(Snapshot {
                        name,
                        status,
                        version_id,
                        created_at: ago(age_secs),
                        runtime,
                        customer_key: None,
                        enhanced: None,
                    });
                }
            }
            world.operations = operations
                .into_iter()
                .map(|(kind, age_secs, lasted)| {
                    let name = [
                        "UpdateApplication",
                        "StartApplication",
                        "StopApplication",
                        "RollbackApplication",
                        "AutoScaling",
                        "Maintenance",
                    ];
                    operation(name[usize::from(kind)], age_secs, lasted.min(age_secs))
                })
                .collect();
            let (keep_last, keep_daily_days, version_changes, service_made_too, min_age) = policy;
            world.policy.keep = world
                .snapshots
                .iter()
                .filter(|one| one.name.starts_with("tagged"))
                .map(|one| one.name.clone())
                .collect();
            world.policy.prune = if service_made_too {
                Prune::ServiceMadeToo
            } else {
                Prune::Own
            };
            (
                world.policy.keep_last,
                world.policy.keep_daily_days,
                world.policy.version_changes,
            ) = (keep_last, keep_daily_days, version_changes);
            world.policy.min_age_secs = u32::try_from(min_age).unwrap();
            world
        })
}

/// The operations with which a version began to process, as a rescue sees them: the newest `n`.
fn beginnings(world: &World) -> Vec<Operation> {
    let newest = |kinds: &[OperationKind]| {
        let mut operations: Vec<Operation> = world
            .operations
            .iter()
            .filter(|operation| kinds.contains(&operation.kind()))
            .cloned()
            .collect();
        operations.sort_by_key(|operation| std::cmp::Reverse(operation.started_at));
        operations.truncate(usize::try_from(world.policy.version_changes).unwrap());
        operations
    };
    let mut all = newest(&[OperationKind::Update, OperationKind::Rollback]);
    all.extend(newest(&[OperationKind::Start]));
    all
}

/// A reason of an earlier run that does not hold any more, as the promise has it.
fn has_lapsed(why: &Why, snapshot: &Snapshot, later: &World) -> bool {
    let newer_ready = |fits: &dyn Fn(&Snapshot) -> bool| {
        let newer = |other: &&Snapshot| {
            other.status == SnapshotStatus::Ready
                && (other.created_at, &other.name) > (snapshot.created_at, &snapshot.name)
        };
        later
            .snapshots
            .iter()
            .filter(newer)
            .filter(|other| fits(other))
            .count()
    };
    match why {
        Why::KeptByName
        | Why::KeptByTag
        | Why::NotOurs { .. }
        | Why::MadeByService
        | Why::OfModeBefore
        | Why::OfAnother => false,
        Why::BeforeChange { at } | Why::DuringChange { at } => {
            !beginnings(later)
                .iter()
                .any(|operation| operation.started_at == *at)
                && later.application.version_created_at != Some(*at)
        }
        Why::Newest => newer_ready(&|_| true) > 0,
        Why::NewestOfRuntime => newer_ready(&|other| other.runtime == snapshot.runtime) > 0,
        Why::NewestOfVersion { version_id } => {
            let newer_versions: BTreeSet<u64> = later
                .snapshots
                .iter()
                .filter(|other| {
                    other.status == SnapshotStatus::Ready && other.version_id > *version_id
                })
                .map(|other| other.version_id)
                .collect();
            newer_ready(&|other| other.version_id == *version_id) > 0
                || newer_versions.len() > usize::try_from(later.policy.version_changes).unwrap()
        }
        Why::Young => {
            later.now.duration_since(snapshot.created_at).as_secs()
                >= i64::from(later.policy.min_age_secs)
        }
        Why::Last => newer_ready(&|_| true) >= usize::try_from(later.policy.keep_last).unwrap(),
        Why::FirstOfDay { .. } => {
            later.now.duration_since(snapshot.created_at).as_secs()
                > (i64::from(later.policy.keep_daily_days) - 1) * DAY
        }
        Why::NamedByRescue | Why::NotSettled | Why::HandsOff => true,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn each_snapshot_is_either_kept_with_a_reason_or_deleted(world in any_world()) {
        let retention = world.retain();
        prop_assert_eq!(retention.kept.len() + retention.delete.len(), world.snapshots.len());
        prop_assert!(retention.kept.iter().all(|kept| !kept.why.is_empty()));
    }

    #[test]
    fn no_protected_snapshot_is_in_the_delete_set(world in any_world()) {
        let newest = world.snapshots.iter().filter(|one| one.status == SnapshotStatus::Ready).max_by_key(|one| (one.created_at, one.name.clone()));
        for deleted in world.retain().delete {
            prop_assert!(!deleted.name.starts_with("keep-") && !world.policy.keep.contains(&deleted.name));
            prop_assert!(now().duration_since(deleted.created_at).as_secs() >= i64::from(world.policy.min_age_secs));
            prop_assert!(newest.is_some_and(|newest| newest.name != deleted.name) || deleted.status != SnapshotStatus::Ready);
            prop_assert!(matches!(deleted.status, SnapshotStatus::Ready | SnapshotStatus::Failed));
            if world.policy.prune == Prune::Own {
                prop_assert!(deleted.name.starts_with("lifeguard-v"));
            }
        }
    }

    /// S9, against the very function by which a rescue chooses: for each of the last changes, at every moment at which its version may have begun to process, for every
    /// runtime it may go back to, the choice is the same with and without what was deleted.
    #[test]
    fn a_rescue_chooses_the_same_snapshot_before_and_after_the_deletes(world in any_world(), share in 0..=100_i64, max_age in HOUR..40 * DAY) {
        let after = world.pruned();
        for operation in beginnings(&world) {
            let lasted = operation.ended_at.unwrap().duration_since(operation.started_at).as_secs();
            let cutoff = operation.started_at + SignedDuration::from_secs(lasted * share / 100);
            for runtime in ["FLINK-1_20", "FLINK-1_18", "FLINK-2_2"].map(Runtime::from) {
                let choose = |snapshots: &[Snapshot]| {
                    let policy = Policy { max_snapshot_age_secs: u32::try_from(max_age).unwrap(), max_snapshot_gap_secs: u32::try_from(max_age).unwrap() / 2, ..Policy::default() };
                    let wanted = Wanted { runtime: &runtime, cutoff: Some(cutoff), limits: Some(Limits::planned(&policy)), mode: Some(&lifecycle::SnapshotMode::Legacy), is_named: false };
                    choose_snapshot(snapshots, &wanted, now()).chosen
                };
                prop_assert_eq!(choose(&world.snapshots), choose(&after.snapshots));
            }
        }
    }

    #[test]
    fn deleting_twice_changes_nothing(world in any_world()) {
        prop_assert_eq!(world.pruned().deleted(), Vec::<String>::new());
    }

    #[test]
    fn the_order_of_the_list_does_not_matter(world in any_world()) {
        let mut turned = world.clone();
        turned.snapshots.reverse();
        turned.operations.reverse();
        prop_assert_eq!(world.deleted(), turned.deleted());
    }

    /// Time goes on, snapshots and operations are added: what an earlier run kept is deleted only when each of its reasons has lapsed.
    #[test]
    fn a_later_run_never_deletes_what_an_earlier_one_kept_for_a_reason_that_still_holds(
        world in any_world(),
        passes in 0..20 * DAY,
        more in proptest::collection::vec(any_snapshot(), 0..20),
        updates in proptest::collection::vec(0..20 * DAY, 0..4),
    ) {
        let earlier = world.retain();
        let mut later = world.pruned();
        later.now = now() + SignedDuration::from_secs(passes);
        let since = |secs: i64| now() + SignedDuration::from_secs(1 + secs.min(passes));
        for (index, (_, age, _, version_id, runtime)) in more.into_iter().enumerate() {
            let created_at = since(age);
            let runtime = [Some("FLINK-1_20"), Some("FLINK-1_18"), Some("FLINK-2_2"), None][usize::from(runtime)].map(Runtime::from);
            // Every other one by somebody else, so that names stay unique.
            let name = if index % 2 == 0 { snapshot_name(version_id + 100 * index as u64, created_at) } else { format!("later-{index}") };
            later.snapshots.push(Snapshot { name, status: SnapshotStatus::Ready, version_id, created_at, runtime, customer_key: None, enhanced: None });
        }
        for at in updates {
            let mut update = operation("UpdateApplication", 0, 0);
            (update.id, update.started_at, update.ended_at) = (format!("later-{at}"), since(at), Some(since(at)));
            later.operations.push(update);
        }
        for deleted in later.retain().delete {
            let kept = earlier.kept.iter().find(|kept| kept.name == deleted.name);
            for why in kept.into_iter().flat_map(|kept| &kept.why) {
                prop_assert!(has_lapsed(why, &deleted, &later), "{} was kept because of {why:?}, and is deleted later", deleted.name);
            }
        }
    }
}

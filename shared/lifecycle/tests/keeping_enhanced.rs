//! Which enhanced snapshots are kept: the service's, other people's and other applications' always, and the legacy ones of the mode before.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "support/stock.rs"]
mod stock;

use lifecycle::{
    Application, EnhancedSnapshot, Snapshot, SnapshotMode, SnapshotSource,
    retention::{Prune, Why, enhanced_snapshot_name},
};
use stock::*;

fn enhanced(age_secs: i64, initiator: &str, verified: Option<u64>) -> Snapshot {
    let mut one = snapshot(&format!("s{age_secs}"), age_secs);
    one.enhanced = Some(EnhancedSnapshot {
        arn: format!(
            "arn:aws:kinesisanalytics:eu-central-1:000000000000:snapshot/{}",
            one.name
        ),
        initiator: initiator.into(),
        source: SnapshotSource::ThisApplication,
        operation_id: None,
        verified_version_id: verified,
    });
    one
}

/// The newest of them is kept for being that; nothing else is, by the policy.
fn world(mut snapshots: Vec<Snapshot>) -> World {
    snapshots.push(enhanced(2 * HOUR, "USER", Some(9)));
    snapshots.last_mut().unwrap().version_id = 9;
    let mut world = World::of(snapshots);
    (
        world.policy.keep_last,
        world.policy.keep_daily_days,
        world.policy.version_changes,
    ) = (0, 0, 0);
    world.policy.prune = Prune::ServiceMadeToo;
    world.application.version_created_at = None;
    world.application.snapshot_mode = SnapshotMode::Enhanced;
    world
}

#[test]
fn only_what_the_tag_says_is_lifeguards_is_deleted() {
    let ours = enhanced(20 * DAY, "USER", Some(6));
    assert_eq!(world(vec![ours.clone()]).deleted().join(" "), ours.name);
    let mut named_like_ours = enhanced(21 * DAY, "USER", None);
    named_like_ours.name = "lifeguard-v6-20260301T1005Z".into();
    let by_service = enhanced(22 * DAY, "SYSTEM", None);
    let legacy = stock::ours(23 * DAY);
    let mut of_another = enhanced(24 * DAY, "USER", Some(6));
    of_another.enhanced.as_mut().unwrap().source = SnapshotSource::AnotherApplication {
        name: "payments".into(),
    };
    for (kept, why) in [
        (named_like_ours, "NotOurs"),
        (by_service, "MadeByService"),
        (legacy, "OfModeBefore"),
        (of_another, "OfAnother"),
    ] {
        let world = world(vec![ours.clone(), kept.clone()]);
        assert_eq!(world.deleted().join(" "), ours.name, "{why}");
        let reasons = world.why(&kept.name);
        let has = |reason: &Why| format!("{reason:?}").starts_with(why);
        assert!(reasons.iter().any(has), "{reasons:?}");
    }
}

#[test]
fn a_name_is_unique_in_the_account_fits_and_is_the_ticks() {
    let named = |name: &str, arn: &str, version: u64| {
        let application = Application {
            name: name.into(),
            arn: arn.into(),
            ..application(version)
        };
        enhanced_snapshot_name(&application, now())
    };
    let name = named("orders", "arn:orders", 7);
    assert_eq!(name, named("orders", "arn:orders", 7));
    assert!(
        name.starts_with("lg-orders-") && name.contains("-7-"),
        "{name}"
    );
    // The first eight digits of the ARN's SHA-256.
    assert!(name.contains("-2f716b94-"), "{name}");
    let long = "x".repeat(128);
    let names = [
        named(&long, "arn:one", u64::MAX),
        named(&long, "arn:two", u64::MAX),
    ];
    assert_ne!(names[0], names[1], "two names that begin alike");
    for name in names {
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        assert!(name.len() <= 100 && name.chars().all(allowed), "{name}");
    }
}

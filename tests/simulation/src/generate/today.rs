//! The service as it is today: Flink 2.3, enhanced snapshots, customer managed keys. Drawn late and from a generator of its own, forked from the seed, so that a run keeps everything else that
//! it was before this was drawn.

use fastrand::Rng;
use sandbox::script::{Application, Do, KeyUsers, Script, Snapshot, SnapshotMode, TakenBy};
use serde_json::json;

use super::{act, any, application, applications, at, lasts_secs, minutes, one_in, world};

/// Forks the seed.
const TODAY: u64 = 0x0074_6f64_6179;
/// The parameter that names the keys that Lifeguard may use.
const USABLE: &str = "UsableKeys";

/// Adds it to a run that is drawn already.
pub(super) fn add(seed: u64, script: &mut Script) {
    let rng = &mut Rng::with_seed(seed ^ TODAY);
    for index in 0..applications(script) {
        let one = application(script, index);
        if one_in(rng, 6) {
            one.runtime = Some("FLINK-2_3".to_owned());
        }
        match rng.u32(0..8) {
            0 => enhanced(rng, index, one),
            1 => switched(rng, index, script),
            _ => {}
        }
        if one_in(rng, 12) {
            encrypted(rng, index, script);
        }
    }
}

/// All its snapshots are enhanced ones, whose names are the account's; some are of an application of its name that is gone.
fn enhanced(rng: &mut Rng, index: usize, application: &mut Application) {
    at_least_1_20(application);
    application.snapshot_mode = SnapshotMode::Enhanced;
    for (n, snapshot) in application.snapshots.iter_mut().enumerate() {
        let by_name = if snapshot.name.starts_with(world::OWN) {
            TakenBy::Lifeguard
        } else {
            TakenBy::Person
        };
        snapshot.taken_by.get_or_insert(by_name);
        snapshot.name = format!("{}-{index}-{n}", snapshot.name);
    }
    if one_in(rng, 2) {
        let age = minutes(any(rng, &[10, 40, 200]));
        let taken_by = any(rng, &[TakenBy::Lifeguard, TakenBy::Person]);
        application.snapshots_of_namesake.push(Snapshot {
            name: format!("of-the-one-before-{index}"),
            age,
            status: Default::default(),
            taken_by: Some(taken_by),
            count: None,
            apart: None,
        });
    }
}

/// Somebody switches it over while the run lasts.
fn switched(rng: &mut Rng, index: usize, script: &mut Script) {
    at_least_1_20(application(script, index));
    let when = at(rng.u64(30..lasts_secs(script)));
    act(script, index, when, Do::SwitchSnapshots);
}

fn at_least_1_20(application: &mut Application) {
    if application.runtime.as_deref() == Some("FLINK-1_18") {
        application.runtime = Some("FLINK-1_20".to_owned());
    }
}

/// It has a key of its own; who may use it changes, and what Lifeguard was told of it may be wrong.
fn encrypted(rng: &mut Rng, index: usize, script: &mut Script) {
    let key = format!(
        "arn:aws:kms:us-east-1:123456789012:key/5b6ad2a0-0000-4000-8000-00000000000{index}"
    );
    let users = [KeyUsers::Everybody, KeyUsers::Everybody, KeyUsers::People];
    script.world.keys.insert(key.clone(), any(rng, &users));
    let configuration = json!({ "KeyType": "CUSTOMER_MANAGED_KEY", "KeyId": key });
    let name = "ApplicationEncryptionConfiguration".to_owned();
    let one = application(script, index);
    one.configuration.insert(name, configuration);
    if rng.bool() {
        let parameters = &mut script.world.parameters;
        parameters.insert(USABLE.to_owned(), key.clone());
    }
    if one_in(rng, 3) {
        let when = at(rng.u64(30..lasts_secs(script)));
        let users = any(
            rng,
            &[KeyUsers::Everybody, KeyUsers::People, KeyUsers::Nobody],
        );
        act(script, index, when, Do::Key { id: key, users });
    }
}

//! From a night that breaks an invariant to the shortest one that still breaks the same one: events, faults, applications and peculiarities are left out one after the other
//! for as long as that can be done.

use sandbox::invariants::{Invariant, MANAGED};

use crate::{
    night::{Night, Quirks, Stack},
    play::play,
};

/// Of many old snapshots these are left first.
const FEW_SNAPSHOTS: usize = 4;
/// Nights played at most.
const TRIES: usize = 400;

/// Shortens a night.
#[must_use]
pub fn shrink(night: &Night, broken: Invariant) -> Night {
    let mut best = night.clone();
    let mut tries = TRIES;
    loop {
        let shorter = candidates(&best).into_iter().find(|shorter| {
            tries = tries.saturating_sub(1);
            tries > 0
                && play(shorter, false)
                    .violations
                    .iter()
                    .any(|violation| violation.invariant == broken)
        });
        match shorter {
            Some(shorter) => best = shorter,
            None => return best,
        }
    }
}

/// The night with one thing less, the largest first.
fn candidates(night: &Night) -> Vec<Night> {
    let mut all = Vec::new();
    let mut with = |change: &dyn Fn(&mut Night)| {
        let mut shorter = night.clone();
        change(&mut shorter);
        all.push(shorter);
    };
    if !night.strikes.is_empty() {
        with(&|night| night.strikes.clear());
    }
    // Names and indexes of events stay, so that what is left is what it was: an application goes with its events only when it is the last.
    if night.applications.len() > 1 {
        let last = night.applications.len() - 1;
        with(&|night| {
            night.applications.pop();
            night.events.retain(|event| event.application != last);
        });
        with(&|night| {
            night.applications.remove(0);
            night.events.retain(|event| event.application != 0);
            for event in &mut night.events {
                event.application -= 1;
            }
        });
    }
    for index in (0..night.events.len()).rev() {
        with(&|night| drop(night.events.remove(index)));
    }
    for index in (0..night.strikes.len()).rev() {
        with(&|night| drop(night.strikes.remove(index)));
    }
    for index in 0..night.applications.len() {
        with(&|night| night.applications[index].snapshots.clear());
        with(&|night| night.applications[index].snapshots.truncate(FEW_SNAPSHOTS));
        with(&|night| {
            night.applications[index]
                .tags
                .retain(|(key, _)| key == MANAGED)
        });
    }
    if night.quirks != Quirks::default() {
        with(&|night| night.quirks = Quirks::default());
        with(&|night| night.quirks.slow = None);
        with(&|night| night.quirks.rollback_on_loops_secs = None);
    }
    if format!("{:?}", night.stack) != format!("{:?}", Stack::default()) {
        with(&|night| night.stack = Stack::default());
    }
    // One that was changed to nothing new would be tried for ever.
    let before = format!("{night:?}");
    all.retain(|shorter| format!("{shorter:?}") != before);
    all
}

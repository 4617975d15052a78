//! Days: one to three days of region time, of which it is drawn first what is true, then the script that makes it so.
//!
//! A run of an hour asks whether Lifeguard is safe; a day asks whether it is *right*. Most of a day nothing is wrong.
//!
//! | part | what it draws |
//! |---|---|
//! | [`truth`] | who is to blame, and what would be right |
//! | [`kinds`] | the kinds of days |
//! | `draft` | a day as it is being drawn |
//! | `changes` | people change something |
//! | `outages` | the world outside fails |
//! | `clusters` | what befalls clusters, and nothing at all |
//! | `fleets` | many applications at once |
//! | `services` | what Lifeguard itself depends on fails |

mod changes;
mod clusters;
mod draft;
mod fleets;
pub mod kinds;
mod outages;
mod services;
pub mod truth;

use sandbox::script::Script;

pub use kinds::Kind;
pub use truth::{Blame, Right, Trouble, Truth, Way};

use draft::Draft;

/// Forks the seed.
const DAYS: u64 = 0x0064_6179_735f_6f66;

/// A day: what is true of it, and the script that makes it so.
#[derive(Clone, Debug)]
pub struct Day {
    /// Its kind.
    pub kind: Kind,
    /// What is true.
    pub truth: Truth,
    /// What is played.
    pub script: Script,
}

/// The day of a seed: the same on every machine. Kinds take turns, so that each has its share of any row of seeds.
#[must_use]
pub fn day(seed: u64) -> Day {
    let all = Kind::ALL;
    let turn = usize::try_from(seed % all.len() as u64).unwrap_or_default();
    of_kind(all[turn], seed)
}

/// A day of this kind.
#[must_use]
pub fn of_kind(kind: Kind, seed: u64) -> Day {
    let mut draft = Draft::of(seed, seed ^ DAYS, kind.name());
    kind.draw(&mut draft);
    let (truth, script) = draft.done();
    Day {
        kind,
        truth,
        script,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use sandbox::script::read;

    use super::*;

    #[test]
    fn a_seed_is_always_the_same_day_and_its_script_can_be_read_from_a_file() {
        for seed in 0..400 {
            let one = day(seed);
            match read("day.json", &one.script.json()) {
                Ok(again) => assert_eq!(again, one.script, "seed {seed}"),
                Err(wrong) => panic!("seed {seed}, {:?}: {wrong}", one.kind),
            }
            let again = day(seed);
            assert_eq!((again.truth, again.script), (one.truth, one.script));
        }
    }

    #[test]
    fn every_kind_is_at_least_two_in_a_hundred_of_any_hundred_days() {
        for from in [0, 40, 1_000, 77_777] {
            let mut drawn: BTreeMap<Kind, usize> = BTreeMap::new();
            for seed in from..from + 100 {
                *drawn.entry(day(seed).kind).or_default() += 1;
            }
            for kind in Kind::ALL {
                assert!(drawn.get(&kind) >= Some(&2), "{kind:?} from {from}");
            }
        }
    }

    #[test]
    fn a_day_is_one_to_three_days_long_and_its_troubles_lie_in_it() {
        for seed in 0..400 {
            let one = day(seed);
            let lasts = one.script.lasts.expect("a day lasts").0.as_secs();
            assert!(
                (86_400..=3 * 86_400).contains(&lasts),
                "seed {seed}: {lasts}"
            );
            assert!(!one.truth.troubles.is_empty(), "seed {seed}");
            for (trouble, until) in one.truth.until(lasts) {
                assert!(trouble.at_secs < until, "seed {seed}: {trouble:?} {until}");
            }
        }
    }

    #[test]
    fn every_truth_is_drawn() {
        let mut drawn: BTreeMap<String, usize> = BTreeMap::new();
        for seed in 0..400 {
            for trouble in day(seed).truth.troubles {
                let right = match trouble.right {
                    Right::Act { by, .. } => format!("{by:?}"),
                    other => format!("{other:?}"),
                };
                *drawn.entry(right).or_default() += 1;
            }
        }
        for right in ["Rollback", "Restore", "Leave", "Ask", "FindOut"] {
            assert!(drawn.get(right) >= Some(&8), "{right}: {drawn:?}");
        }
    }
}

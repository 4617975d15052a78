//! Where to go when the version that was put back fails too.

use super::{
    evidence::{Credit, Evidence, Known},
    occurrences::Occurrence,
};
use crate::{Ledger, Observation, Policy, Watch};

/// Where to go when the version that was put back fails in its own way.
pub(crate) enum Further {
    /// To the newest version before it that is proven.
    To(u64),
    /// Nowhere, for that reason.
    Nowhere(String),
}

/// The newest proven version before `good`, where `good` had only soaked: what is proven is not left.
pub(crate) fn further_back(
    seen: &Observation,
    watch: &Watch,
    ledger: &Ledger,
    policy: &Policy,
    good: u64,
) -> Further {
    let evidence = Evidence::new(seen, watch, ledger, policy);
    let proof = i64::from(policy.proven_secs);
    let known = |one: &Occurrence, credit: Credit| {
        let until = one.until.unwrap_or(evidence.seen.at);
        evidence.ran_for(one.content, proof, until, credit)
    };
    let unknown = |version: u64| {
        Further::Nowhere(format!("whether version {version} is proven is not known"))
    };
    let mut own = evidence.occurrences.iter();
    let Some(target) = own.find(|one| one.version == good) else {
        return unknown(good);
    };
    match known(target, Credit::Possible) {
        Known::Yes => {
            return Further::Nowhere(format!(
                "version {good} had run well for long enough to be kept"
            ));
        }
        Known::NotYet => return unknown(good),
        Known::No => {}
    }
    let earlier = evidence.occurrences.iter().rev();
    let earlier = earlier.filter(|one| one.from < target.from && one.content != target.content);
    for one in earlier {
        match known(one, Credit::Certain) {
            Known::Yes => return Further::To(one.version),
            Known::NotYet => return unknown(one.version),
            Known::No => {}
        }
    }
    Further::Nowhere(format!("no version before version {good} is proven"))
}

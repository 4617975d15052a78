//! Every play runs under the invariants.
//!
//! Not so over real Flink: since when every subtask of a job has run undisturbed is known of the simulated one only. Nor where Step Functions and the ledger are another engine's:
//! the checker would see neither tasks nor leases.

use std::collections::BTreeMap;

use super::{Script, Stage};
use crate::{
    invariants::{Checker, KnownApplication, Policy, Premises, Taker, Verdicts},
    region::Region,
};

/// How Lifeguard's own snapshots are called, spelt out: the checks must not trust what they check.
const OWN_SNAPSHOTS: &str = "lifeguard-v";

/// The checker of a play, where there is one.
pub(super) struct Watched(Option<Checker>);

impl Watched {
    /// Whether a play on this stage can be watched.
    pub(super) fn can_be(stage: &Stage) -> bool {
        stage.real_flink.is_none() && !stage.other_engine
    }

    /// From now on the play is watched, if it can be.
    pub(super) fn begin(can_be: bool, region: &Region, scenario: &Script) -> Self {
        Self(can_be.then(|| Checker::watch(region, premises(region, scenario))))
    }

    /// The play is over.
    pub(super) fn end(&self) -> Verdicts {
        self.0
            .as_ref()
            .map_or_else(Verdicts::default, Checker::finish)
    }
}

/// What is known of a play: the region as it stands when it begins, and how it must end for the application that the scenario is about.
fn premises(region: &Region, scenario: &Script) -> Premises {
    let subject = scenario.subject();
    let known = |name: String| {
        let ends = scenario.ends.as_ref().filter(|_| name == subject);
        KnownApplication {
            takers: takers(region, &name),
            secrets: secrets(region, &name),
            keeps_every_record: ends.is_some_and(|ends| !ends.may_lose_records),
            recovers: ends.is_some_and(|ends| ends.outcome == "recovered"),
            name,
        }
    };
    Premises {
        policy: Policy::of(&region.stack().parameters),
        applications: region
            .flink()
            .applications()
            .into_iter()
            .map(known)
            .collect(),
        stale_reads: false,
    }
}

/// Snapshots from before were taken by Lifeguard's schedule, as their names say, or by somebody's cron job.
fn takers(region: &Region, application: &str) -> BTreeMap<String, Taker> {
    let snapshots = region
        .flink()
        .application(application)
        .map(|view| view.snapshots)
        .unwrap_or_default();
    let taker = |name: String| {
        let taker = if name.starts_with(OWN_SNAPSHOTS) {
            Taker::Lifeguard
        } else {
            Taker::Person
        };
        (name, taker)
    };
    snapshots.into_iter().map(|one| taker(one.name)).collect()
}

/// The values of its passwords.
fn secrets(region: &Region, application: &str) -> Vec<String> {
    let properties = region.flink().properties(application).into_iter();
    properties
        .filter(|(key, _)| key.contains("password"))
        .map(|(_, value)| value)
        .collect()
}

//! What the invariant checker may know of a night beforehand, and where L1 is promised.
//!
//! Promised only where a rescue is possible at all: the stack acts, the application is opted in with tags that say nothing else, one bad change and nobody else's hand, a
//! fault that the alarms can see, snapshots, a plumbing that fails for moments only. Everything else may end with a person.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sandbox::{
    faults::Fault,
    flink::{Behaviour, Code},
    invariants::{KnownApplication, MANAGED, Policy, Premises, Rules, Taker},
};

use crate::{
    generate::plumbing::CONDITION_FAILED,
    night::{Application, Night, OldSnapshot, TakenBy, What},
};

/// Loops slower than this may escape an alarm on three restarts within ten minutes.
const SEEN_WITHIN_SECS: u64 = 180;

/// The premises of a night whose region opened then.
pub(crate) fn premises(night: &Night, opened: Timestamp) -> Premises {
    let policy = Policy::of(&night.stack.parameters());
    let known = |(index, application): (usize, &Application)| KnownApplication {
        name: application.name.clone(),
        takers: takers(application, opened),
        secrets: vec![
            application.secret(),
            format!("{}-changed", application.secret()),
        ],
        keeps_every_record: may_keep_every_record(night, index, application),
        recovers: is_promised(night, &policy, index, application),
    };
    let applications = night.applications.iter().enumerate().map(known).collect();
    Premises {
        applications,
        stale_reads: night
            .strikes
            .iter()
            .any(|strike| strike.fault == Fault::Stale),
        policy,
    }
}

/// Who took the snapshots from before the night.
fn takers(application: &Application, opened: Timestamp) -> BTreeMap<String, Taker> {
    let taker = |(n, snapshot): (usize, &OldSnapshot)| {
        let by = match snapshot.by {
            TakenBy::Lifeguard => Taker::Lifeguard,
            TakenBy::Person | TakenBy::PersonForGood => Taker::Person,
            TakenBy::Service => Taker::Service,
        };
        (application.snapshot_name(n + 1, opened), by)
    };
    application
        .snapshots
        .iter()
        .enumerate()
        .map(taker)
        .collect()
}

/// No hand took state away, and every start had state to begin with; without checkpoints Flink itself forgets at each restart.
fn may_keep_every_record(night: &Night, index: usize, application: &Application) -> bool {
    let harmless = |what: &What| {
        !matches!(
            what,
            What::StartWithoutState
                | What::DeleteSnapshots
                | What::Start
                | What::ForceStop
                | What::Autoscale(_)
                | What::FailSnapshots(_)
        )
    };
    let ours = night
        .events
        .iter()
        .filter(|event| event.application == index);
    application.snapshots_enabled
        && application.checkpointing
        && ours.map(|event| &event.what).all(harmless)
}

fn is_promised(night: &Night, policy: &Policy, index: usize, application: &Application) -> bool {
    let tags = application.tags.iter().cloned().collect();
    let rules = Rules::of(policy, &tags);
    let plain = application
        .tags
        .iter()
        .all(|(key, _)| key == MANAGED || !key.starts_with("lifeguard:"));
    let ours: Vec<&What> = night
        .events
        .iter()
        .filter(|event| event.application == index)
        .map(|event| &event.what)
        .collect();
    let changes = ours
        .iter()
        .filter(|what| matches!(what, What::Deploy { .. }))
        .count();
    let bad = ours.iter().all(|what| match what {
        What::Deploy { code, runtime } => {
            runtime.is_none() && is_seen(code, u64::from(night.stack.soak_secs))
        }
        other => leaves_it_alone(other),
    });
    let outage = night
        .events
        .iter()
        .any(|event| matches!(&event.what, What::Dependency(name, _) if application.code.needs.iter().any(|need| need.dependency == *name)));
    let time = night
        .events
        .iter()
        .filter(|event| event.application == index && matches!(event.what, What::Deploy { .. }));
    let early =
        time.map(|event| &event.at).all(|at| matches!(at, crate::night::Moment::After(secs) if secs + 900 < u64::from(night.length_mins) * 60));
    rules.opted_in
        && rules.act
        && plain
        && rules.rescues_per_day > 0
        && rules.max_snapshot_age_secs >= 3_600
        && rules.operation_timeout_secs >= 600
        && night.stack.settle_timeout_secs >= 900
        && night.stack.deadline_secs >= 7_200
        && night.quirks.slow.is_none()
        && application.snapshots_enabled
        && application.version_age_mins >= 300
        && changes == 1
        && bad
        && early
        && !outage
        && !goes_back_wrongly(night, application, &ours)
        && night.strikes.iter().all(|strike| {
            strike.is_mild() && strike.service != "events" && !takes_the_turn(&strike.fault)
        })
}

/// The service's own rollback may restore a snapshot that was taken since the change; what then loops is a rollback's result, and left to a person.
fn goes_back_wrongly(night: &Night, application: &Application, ours: &[&What]) -> bool {
    let taken_since = || {
        ours.iter()
            .any(|what| matches!(what, What::TakeSnapshot | What::PlaceSnapshot))
    };
    let latest = night.quirks.rollback_latest
        || ours
            .iter()
            .any(|what| matches!(what, What::RollbackState(_)));
    application.system_rollback
        && night.quirks.rollback_on_loops_secs.is_some()
        && latest
        && taken_since()
}

/// A request that comes late may find another at work; a condition that is said not to hold means just that. Both leave the rescue to a hand that may not be there.
fn takes_the_turn(fault: &Fault) -> bool {
    matches!(fault, Fault::Late(_))
        || matches!(fault, Fault::Refuse { code, .. } if code == CONDITION_FAILED)
}

/// A fault that the alarms can see, and that comes before the soak is over: that is what a soak excludes.
fn is_seen(code: &Code, soak_secs: u64) -> bool {
    let endless = |code: &Code| {
        matches!(
            code.restart_strategy,
            sandbox::flink::RestartStrategy::ExponentialDelay { .. }
                | sandbox::flink::RestartStrategy::FixedDelay { attempts: None, .. }
        )
    };
    let seen = match &code.behaviour {
        Behaviour::Throws { after, jitter, .. } => {
            let lives = after.as_secs() + jitter.as_secs();
            lives + code.restore.as_secs() <= SEEN_WITHIN_SECS && lives < soak_secs
        }
        Behaviour::ThrowsInOpen { .. } => true,
        _ => false,
    };
    seen && endless(code) && code.reads(1)
}

/// Whether an event does not get in the way of a rescue.
fn leaves_it_alone(what: &What) -> bool {
    matches!(
        what,
        What::RefuseRollback
            | What::RollbackState(_)
            | What::RingAgain
            | What::Ask(None)
            | What::FailExecutions
            | What::TakeSnapshot
            | What::PlaceSnapshot
            | What::CheckSnapshots { .. }
    )
}

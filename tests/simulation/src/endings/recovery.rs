//! L1: a change-induced fault ends in a soaked RUNNING application; and no record is lost that nobody said may be.
//!
//! Promised only where a rescue is possible at all: the stack acts, the application is opted in with tags that say nothing else, one bad change and nobody else's hand, a
//! fault that the alarms can see, snapshots, a plumbing that fails for moments only. Everything else may end with a person.

use sandbox::{
    faults::Fault,
    flink::{Behaviour, Code},
    states::ExecutionView,
};

use crate::{
    generate::plumbing::CONDITION_FAILED,
    invariant::{Invariant, Verdicts},
    night::{Application, MANAGED, Night, What},
    rules::Rules,
    witness::Witness,
};

/// Loops slower than this may escape an alarm on three restarts within ten minutes.
const SEEN_WITHIN_SECS: u64 = 180;

pub(super) fn check(witness: &Witness, verdicts: &mut Verdicts, executions: &[ExecutionView]) {
    let night = &witness.night;
    let now = witness.region.clock().now();
    for (index, application) in night.applications.iter().enumerate() {
        let name = application.name.as_str();
        if may_keep_every_record(night, index, application) && asked_nothing(executions, name) {
            let records = witness.region.flink().records(name);
            verdicts.check(Invariant::S2, records.lost == 0, now, name, || {
                format!("{} records are lost", records.lost)
            });
        }
        if !is_promised(night, index, application) {
            continue;
        }
        let standing = witness.region.flink().standing(name);
        says_so(witness, verdicts, name, executions);
        let up = standing
            .as_ref()
            .and_then(|standing| standing.up_since)
            .map(|since| now.duration_since(since).as_secs());
        let soak = i64::from(night.stack.soak_secs).max(60);
        verdicts.check(
            Invariant::L1,
            up.is_some_and(|secs| secs >= soak),
            now,
            name,
            || {
                let status = standing.map_or("gone", |standing| standing.status.name());
                let last = executions.iter().rev().find(|one| {
                    one.input["applicationName"] == name
                        && one
                            .output
                            .as_ref()
                            .is_some_and(|output| output["because"] != "alreadyInHand")
                });
                let told = last.and_then(|one| one.output.as_ref()).map(|output| {
                    format!(
                        "{}/{}: {}",
                        output["outcome"], output["because"], output["reason"]
                    )
                });
                format!(
                    "it is {status}, up for {up:?} s; Lifeguard's last word: {}",
                    told.unwrap_or_else(|| "nothing was started".to_owned())
                )
            },
        );
    }
}

/// L1: who had to change something until it was well says that it is; the last that may succeed another may have been lost.
fn says_so(
    witness: &Witness,
    verdicts: &mut Verdicts,
    application: &str,
    executions: &[ExecutionView],
) {
    let book = witness.book();
    let ours = || {
        executions
            .iter()
            .filter(|one| one.input["applicationName"] == application)
    };
    let changed = ours().any(|one| {
        book.executions
            .get(&one.arn)
            .is_some_and(|notes| !notes.effects.is_empty())
    });
    let said = ours().any(|one| {
        one.output
            .as_ref()
            .is_some_and(|output| output["outcome"] == "recovered")
    });
    drop(book);
    let lost = ours().any(|one| super::broke(one) && super::may_have_no_successor(witness, one));
    verdicts.check(
        Invariant::L1,
        said || !changed || lost,
        witness.region.clock().now(),
        application,
        || "Lifeguard changed it, and no execution says that it is recovered".to_owned(),
    );
}

fn asked_nothing(executions: &[ExecutionView], application: &str) -> bool {
    !executions
        .iter()
        .any(|one| one.input["applicationName"] == application && !one.input["request"].is_null())
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

fn is_promised(night: &Night, index: usize, application: &Application) -> bool {
    let tags = application.tags.iter().cloned().collect();
    let rules = Rules::of(&night.stack, &tags);
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

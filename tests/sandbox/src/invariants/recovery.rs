//! L1: a change-induced fault ends in a soaked RUNNING application; and no record is lost that nobody said may be.
//!
//! Where that is promised is a premise: only who knows the run beforehand can say that a rescue is possible and that nobody gets in its way.

use crate::states::{ExecutionView, Status};

use super::{
    checker::Checker,
    endings::{broke, may_have_no_successor},
    invariant::{Invariant, Verdicts},
};

pub(super) fn check(checker: &Checker, verdicts: &mut Verdicts, executions: &[ExecutionView]) {
    let now = checker.region.clock().now();
    for known in &checker.premises.applications {
        let name = known.name.as_str();
        if known.keeps_every_record && asked_nothing(executions, name) {
            let records = checker.region.flink().records(name);
            verdicts.check(Invariant::S2, records.lost == 0, now, name, || {
                format!("{} records are lost", records.lost)
            });
        }
        if !known.recovers || stopped(executions, name) {
            continue;
        }
        let standing = checker.region.flink().standing(name);
        says_so(checker, verdicts, name, executions);
        let up = standing
            .as_ref()
            .and_then(|standing| standing.up_since)
            .map(|since| now.duration_since(since).as_secs());
        let soak = i64::from(checker.premises.policy.soak_secs).max(60);
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
    checker: &Checker,
    verdicts: &mut Verdicts,
    application: &str,
    executions: &[ExecutionView],
) {
    let book = checker.book();
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
    // One that died after it had told everybody has said so, too.
    let told = checker.region.journal().messages().iter().any(|message| {
        let detail = &message["event"]["detail"];
        detail["applicationName"] == application && detail["outcome"] == "recovered"
    });
    drop(book);
    let lost = ours().any(|one| broke(one) && may_have_no_successor(checker, one));
    verdicts.check(
        Invariant::L1,
        said || told || !changed || lost,
        checker.region.clock().now(),
        application,
        || "Lifeguard changed it, and no execution says that it is recovered".to_owned(),
    );
}

/// Whether a person stopped a rescue: then the rest is that person's.
fn stopped(executions: &[ExecutionView], application: &str) -> bool {
    executions
        .iter()
        .any(|one| one.input["applicationName"] == application && one.status == Status::Aborted)
}

fn asked_nothing(executions: &[ExecutionView], application: &str) -> bool {
    !executions
        .iter()
        .any(|one| one.input["applicationName"] == application && !one.input["request"].is_null())
}

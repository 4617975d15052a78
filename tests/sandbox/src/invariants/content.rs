//! W1 and W3: a change by a rescue took effect. What is left was not proven, and what is gone to had worked.
//!
//! How a content ran is the region's own record, the past of a script included; a person's request may go anywhere.

use jiff::Timestamp;
use serde_json::Value;

use crate::flink::{Content, Ran};

use super::{
    checker::{Book, Checker},
    invariant::{Invariant, Verdicts},
    notes::Line,
    rules::Rules,
};

/// CloudWatch knows whole minutes, some of them late: so much longer must a proof be to be seen for certain.
const PROOF_SLACK_SECS: i64 = 300;
/// And so much shorter may a soak be to be taken for one.
const SOAK_SLACK_SECS: i64 = 60;
/// A last resort is told in one of these.
const AS_STORED: [&str; 2] = ["which is stored", "which was stored"];

/// A start of what is not known to have worked.
#[derive(Clone, Debug)]
pub(super) struct LastResort {
    application: String,
    line: String,
    at: Timestamp,
}

/// Whether it can be seen that this is a proof.
fn is_proof(ran: &Ran, proven_secs: i64) -> bool {
    let checkpointed = ran
        .checkpoint_secs
        .is_some_and(|every| ran.secs() >= 2 * every);
    checkpointed && ran.secs() >= proven_secs + PROOF_SLACK_SECS
}

/// Whether this may be taken for a soak.
fn may_be_a_soak(ran: &Ran, soak_secs: i64) -> bool {
    ran.secs() + SOAK_SLACK_SECS >= soak_secs
}

impl Checker {
    /// The content of a version.
    pub(super) fn content(&self, application: &str, version: i64) -> Option<Content> {
        let versions = self.region.flink().versions(application);
        versions
            .iter()
            .find(|one| one.id == version)
            .map(|one| one.content)
    }

    /// A change by this line of executions took effect, when this content was the present one.
    pub(super) fn went_to(
        &self,
        book: &mut Book,
        line: &str,
        verb: &str,
        application: &str,
        left: Option<Content>,
    ) {
        let ours = Line::of(&book.executions, line);
        let begun_by_a_person = ours
            .finishes()
            .is_some_and(|before| Line::of(&book.executions, before).was_asked_for());
        let Some(standing) = self.region.flink().standing(application) else {
            return;
        };
        if ours.was_asked_for() || begun_by_a_person || verb == "StopApplication" {
            return;
        }
        let Some(now_there) = self.content(application, standing.version) else {
            return;
        };
        let (now, record) = (self.now(), self.region.flink().record(application));
        let of = |content| record.ran.iter().filter(move |one| one.content == content);
        if let Some(left) = left.filter(|left| verb != "StartApplication" && *left != now_there) {
            let proven_secs = self.premises.policy.proven_secs.into();
            let proof = of(left).find(|one| is_proof(one, proven_secs));
            book.verdicts
                .check(Invariant::W1, proof.is_none(), now, application, || {
                    let proof = proof.map(|one| (one.from, one.until));
                    format!("{verb} leaves what had run undisturbed, with checkpoints: {proof:?}")
                });
        }
        let rules = Rules::of(&self.premises.policy, &standing.tags);
        let worked = of(now_there).any(|one| may_be_a_soak(one, rules.soak_secs));
        // What a person stored since Lifeguard stopped it is that person's choice.
        let stopped = Line::of(&book.executions, line).stopped();
        let is_a_persons = book
            .people
            .get(application)
            .is_some_and(|at| stopped.is_some_and(|stopped| *at >= stopped));
        if verb == "StartApplication" && is_a_persons {
            return;
        }
        // What lies in S3 nobody can know before the service has copied it.
        let versions = self.region.flink().versions(application);
        let was_overwritten = versions
            .iter()
            .any(|one| one.id == standing.version && one.was_overwritten);
        let is_unforeseen = verb == "UpdateApplication" && was_overwritten;
        if (verb == "StartApplication" || is_unforeseen) && !worked {
            book.last_resorts.push(LastResort {
                application: application.to_owned(),
                line: line.to_owned(),
                at: now,
            });
            return;
        }
        book.verdicts
            .check(Invariant::W3, worked, now, application, || {
                let longest = of(now_there).map(Ran::secs).max();
                format!(
                    "{verb} leads to version {}, which had run undisturbed for {longest:?} s at most; a soak is {} s",
                    standing.version, rules.soak_secs
                )
            });
    }
}

fn is_told(text: &str) -> bool {
    AS_STORED.iter().any(|words| text.contains(words))
}

/// W3: each last resort is told as such, by an execution of its line.
pub(super) fn last_resorts(checker: &Checker, verdicts: &mut Verdicts, messages: &[Value]) {
    let book = checker.book();
    for resort in &book.last_resorts {
        let is_ours = |execution: &str| {
            book.executions
                .get(execution)
                .is_some_and(|notes| notes.line == resort.line)
        };
        let told = messages.iter().any(|message| {
            let detail = &message["event"]["detail"];
            detail["execution"].as_str().is_some_and(is_ours) && is_told(&detail.to_string())
        });
        let mailed = messages.iter().any(|message| {
            message["service"] == "sns"
                && message["message"]
                    .as_str()
                    .is_some_and(|text| is_told(text) && text.contains(&resort.application))
        });
        verdicts.check(
            Invariant::W3,
            told || mailed,
            resort.at,
            &resort.application,
            || "what had never worked was started, and nobody was told that it is only what was stored".to_owned(),
        );
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn ran(secs: i64, checkpoint_secs: Option<i64>) -> Ran {
        Ran {
            content: 1,
            from: Timestamp::UNIX_EPOCH,
            until: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(secs),
            checkpoint_secs,
        }
    }

    #[test]
    fn a_proof_is_long_enough_and_has_checkpoints() {
        for (secs, checkpoints, proves) in [
            (2_100, Some(60), true),
            (2_099, Some(60), false),
            (2_100, Some(1_100), false),
            (86_400, None, false),
        ] {
            assert_eq!(is_proof(&ran(secs, checkpoints), 1_800), proves, "{secs}");
        }
    }

    #[test]
    fn a_soak_may_lack_the_minute_that_cloudwatch_rounds_to() {
        assert!(may_be_a_soak(&ran(243, None), 303));
        assert!(!may_be_a_soak(&ran(242, None), 303));
    }
}

//! What could not be read is no answer, and a service that is too busy has not refused: both are tried again until the deadline.
//!
//! People hear once, after ten minutes, that it cannot be told yet. What is read in the end decides as if it had been read at once.

use super::{Turn, may_be_tried_again};
use crate::{
    Decision, Doubt, Observation, Part, Progress, Reason, Refusal, Step, StepResult, StepTaken,
    Verdict, judge,
};

/// So long a doubt lasts before people hear of it. It is told once.
const TELL_AFTER_SECS: i64 = 600;
/// Between two looks in doubt, at most; at least half of it. Each look costs the service a handful of reads.
const LOOK_AGAIN_SECS: u32 = 40;
/// The pauses before a step is sent again that the service was too busy for; the last one stays.
const PAUSES_SECS: [u32; 4] = [30, 60, 120, 300];
/// Tries of a step of which nobody knows how it went (a crash, a time-out) and which left no trace.
const TRIES: u32 = 3;
/// Tries of a step on an old picture that follow each other at once.
const STALE_AT_ONCE: u32 = 2;
/// Errors of a step that the service, or Lambda, had no time for: it was not carried out.
const TOO_BUSY: [&str; 2] = ["Lifeguard.Retryable", "Lambda.TooManyRequestsException"];
/// The error of a step that was decided on an old picture: it was not sent.
const STALE: &str = "Lifeguard.Stale";

/// Errors of the ledger table that pass, as the state machine's own Retry lists them. Any other (a missing permission, a table that is not there, a row that does not parse) is told at once.
const PASSING: [&str; 5] = [
    "DynamoDB.ProvisionedThroughputExceededException",
    "DynamoDB.RequestLimitExceededException",
    "DynamoDB.InternalServerErrorException",
    "DynamoDB.SdkClientException",
    "States.Timeout",
];

/// A reading that was refused.
#[derive(Clone, Copy)]
struct Refused {
    part: Part,
    /// Why, once that is sure to last.
    told: Option<Refusal>,
}

/// How a step failed, as far as that decides what may follow.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Failed {
    /// Not carried out for want of time.
    TooBusy,
    /// Not sent: the picture was old.
    Stale,
    /// Nobody knows.
    Lost,
    /// For good.
    Refused,
}

fn failed(taken: &StepTaken) -> Option<Failed> {
    let Some(StepResult::Failed { error, .. }) = &taken.result else {
        return None;
    };
    Some(match error.as_str() {
        error if TOO_BUSY.contains(&error) => Failed::TooBusy,
        STALE => Failed::Stale,
        error if may_be_tried_again(error) => Failed::Lost,
        _ => Failed::Refused,
    })
}

impl Turn<'_> {
    /// Waits for what could not be read, and says so when it lasts.
    pub(super) fn cannot_tell_yet(&self, because: Reason, why: impl Into<String>) -> Decision {
        self.hold(LOOK_AGAIN_SECS, because, why.into(), None)
    }

    /// Waits for a part that could not be read. Where waiting does not cure that, people are told at once, and nothing is begun; what was begun goes on looking, for it may be down.
    pub(super) fn waits_for(&self, part: Part, because: Reason, why: String) -> Decision {
        let Some(refusal) = self.s.seen.refused(part).and_then(|one| one.refusal) else {
            return self.cannot_tell_yet(because, why);
        };
        let was_refused = self.doubt.is_some_and(|doubt| doubt.refused == Some(part));
        let is_lasting = refusal == Refusal::NotOffered || was_refused;
        if is_lasting && !self.has_begun() {
            let found = self.s.assessment.reason();
            let text = format!("{found}; nothing was changed, because {why}; {refusal}");
            return self.escalate(Reason::ReadingRefused, text);
        }
        let refused = Refused {
            part,
            told: is_lasting.then_some(refusal),
        };
        self.hold(LOOK_AGAIN_SECS, because, why, Some(refused))
    }

    /// A wait that is a doubt: of at least half of `at_most_secs`, and not as long as everybody else's.
    fn hold(
        &self,
        at_most_secs: u32,
        because: Reason,
        why: String,
        refused: Option<Refused>,
    ) -> Decision {
        let since = self.doubt.map_or(self.s.now, |doubt| doubt.since);
        let was_told = self.doubt.is_some_and(|doubt| doubt.told);
        let refusal = refused.and_then(|it| it.told);
        let is_news = !was_told && (refusal.is_some() || self.secs_since(since) >= TELL_AFTER_SECS);
        let name = &self.s.seen.application.name;
        let turn = Turn {
            s: self.s,
            progress: Progress {
                doubt: Some(Doubt {
                    since,
                    told: was_told || is_news,
                    refused: refused.map(|it| it.part),
                }),
                ..self.progress.clone()
            },
            doubt: self.doubt,
        };
        let looks = self.s.watch.looks;
        let decision = turn.wait(spread(name, looks, at_most_secs), because, why.clone());
        if !is_news {
            return decision;
        }
        let status = &self.s.seen.application.status;
        let down = if self.progress.brought_down(self.s.seen) {
            format!(
                " {name} IS DOWN ({status}): Lifeguard stopped it, and starts it as soon as this can be read."
            )
        } else {
            String::new()
        };
        let why = refusal.map_or(why.clone(), |refusal| format!("{why}; {refusal}"));
        let text = format!(
            "Since {since} it cannot be told what to do about {name}: {why}. Nothing is changed until then, and Lifeguard goes on looking until its deadline.{down}"
        );
        self.notice(decision, ": it cannot be told yet what is wrong", text)
    }

    /// What of this look could not be read, for people; empty where all could.
    pub(super) fn unread(&self) -> String {
        let unread: Vec<String> = self
            .s
            .seen
            .unreadable
            .iter()
            .map(|one| unread(one.what, &one.why))
            .chain(self.s.ledger.as_ref().err().map(|why| ledger_unread(why)))
            .collect();
        unread.join("; ")
    }

    /// Tags that could not be read opt nobody out: what is known of an application that was opted in a moment ago is that it was.
    pub(super) fn tags_unread(&self) -> Option<Decision> {
        if self.s.seen.tags.is_some() {
            return None;
        }
        let why = self.s.seen.why_unreadable(Part::Tags);
        let why = unread(Part::Tags, why.unwrap_or("the service gave no reason"));
        Some(if self.secs_left() <= 0 {
            self.past_the_deadline()
        } else {
            self.waits_for(Part::Tags, Reason::PolicyUnclear, why)
        })
    }

    pub(super) fn ledger_unread(&self, why: &str) -> Decision {
        self.unread_in_the_ledger(why, ledger_unread(why))
    }

    /// What other applications told is in the ledger too.
    pub(super) fn others_unread(&self, why: &str) -> Decision {
        let unread = format!("which other applications are in trouble could not be read: {why}");
        self.unread_in_the_ledger(why, unread)
    }

    fn unread_in_the_ledger(&self, why: &str, unread: String) -> Decision {
        // The state machine names an error after the integration that it called.
        if PASSING.contains(&why.replacen("DynamoDb.", "DynamoDB.", 1).as_str()) {
            return self.cannot_tell_yet(Reason::LedgerUnreadable, unread);
        }
        let found = self.s.assessment.reason();
        self.escalate(
            Reason::LedgerUnreadable,
            format!("{found}; nothing was changed, because {unread}"),
        )
    }

    /// Whether a step is used up: accepted, refused for good, or lost too often or with a trace. One that the service was too busy for is not, however often; one that was
    /// decided on an old picture is, once that lasts longer than any operation may.
    pub(super) fn is_spent(&self, step: Step) -> bool {
        let Some(last) = self.progress.last(step) else {
            return false;
        };
        if self.left_a_trace(last) {
            return true;
        }
        match failed(last) {
            None | Some(Failed::Refused) => true,
            Some(Failed::TooBusy) => false,
            Some(Failed::Stale) => {
                let first = last.first_at.unwrap_or(last.at);
                self.secs_since(first) >= i64::from(self.s.applied.policy.operation_timeout_secs)
            }
            Some(Failed::Lost) => {
                let of_it =
                    |taken: &&StepTaken| taken.step == step && failed(taken) == Some(Failed::Lost);
                self.progress.steps.iter().filter(of_it).count() >= TRIES as usize
            }
        }
    }

    /// Whether the start was refused for good, or accepted and its operation failed.
    pub(super) fn has_start_failed(&self) -> bool {
        let last = self.progress.last(Step::Start);
        last.and_then(failed) == Some(Failed::Refused)
            || self.progress.has_start_failed(self.s.seen)
    }

    /// The last step, where it is this one and was certainly not carried out: it is sent again as the same one.
    pub(super) fn not_carried_out(&self, step: Step) -> Option<&StepTaken> {
        let last = self
            .progress
            .steps
            .last()
            .filter(|last| last.step == step)?;
        let again = matches!(failed(last), Some(Failed::TooBusy | Failed::Stale));
        (again && !self.left_a_trace(last)).then_some(last)
    }

    /// Before a step that the service was too busy for is sent again: longer from try to try, and not at the same moment as everybody else's. An old picture is made new at once,
    /// unless that did not help.
    pub(super) fn pause_before(&self, step: Step) -> Option<Decision> {
        let last = self
            .not_carried_out(step)
            .filter(|last| failed(last) == Some(Failed::TooBusy) || last.tries > STALE_AT_ONCE)?;
        // A row that says that it was never tried is nobody's, and no reason to fail.
        let nth = usize::try_from(last.tries).unwrap_or(usize::MAX);
        let pause = PAUSES_SECS[nth.clamp(1, PAUSES_SECS.len()) - 1];
        let name = &self.s.seen.application.name;
        let pause = spread(name, last.tries, pause);
        // A clock may have been wrong when the row was written: never longer than the pause, nor past the deadline.
        let left = i64::from(pause) - self.secs_since(last.at).max(0);
        let left = u32::try_from(left.min(self.secs_left())).ok();
        let left = left.filter(|left| *left > 0)?;
        let Some(StepResult::Failed { message, .. }) = &last.result else {
            return None;
        };
        let why = format!(
            "{step:?} was not carried out ({} tries): {message}; it is sent again in {left} s",
            last.tries
        );
        let mut decision = self.hold(left, Reason::Busy, why, None);
        decision.action = crate::Action::Wait { secs: left };
        Some(decision)
    }

    /// Who is to blame, or what cannot be told yet.
    pub(super) fn verdict(&self) -> Result<Verdict, Box<Decision>> {
        let ledger = match self.s.ledger {
            Ok(ledger) => ledger,
            Err(why) => {
                let doubt = || self.ledger_unread(why);
                return Err(Box::new(self.brakes().unwrap_or_else(doubt)));
            }
        };
        let s = &self.s;
        match judge(
            s.seen,
            s.watch,
            s.assessment,
            ledger,
            &s.applied.policy,
            s.others,
        ) {
            Verdict::CannotTell { why, part } => {
                let doubt = || match part {
                    Some(part) => self.waits_for(part, Reason::Unknown, why),
                    None => self.cannot_tell_yet(Reason::Unknown, why),
                };
                Err(Box::new(self.brakes().unwrap_or_else(doubt)))
            }
            told => Ok(told),
        }
    }
}

/// A part of a look that could not be read, in a sentence.
fn unread(what: Part, why: &str) -> String {
    format!("{} could not be read: {why}", part(what))
}

/// The sentence of the first of these parts that a look could not read.
pub(crate) fn unread_of(seen: &Observation, parts: &[Part]) -> Option<String> {
    parts
        .iter()
        .find_map(|what| Some(unread(*what, seen.why_unreadable(*what)?)))
}

fn ledger_unread(why: &str) -> String {
    format!("the ledger could not be read: {why}")
}

fn part(what: Part) -> &'static str {
    match what {
        Part::Operations => "the operations",
        Part::Snapshots => "the snapshots",
        Part::Versions => "the versions",
        Part::Tags => "the tags",
        Part::Job => "the job",
        Part::Exceptions => "the exceptions",
        Part::Checkpoints => "the checkpoints",
        Part::Metrics => "the metrics of the job",
        Part::Series => "the history in CloudWatch",
    }
}

/// Between half of `at_most` and all of it, by name and count: applications that were throttled together do not come again together. The same in every run, as a decision is.
pub(super) fn spread(name: &str, nth: u32, at_most: u32) -> u32 {
    // FNV-1a: any hash that spreads will do, and this one is the same in every release.
    let bytes = name.bytes().chain(nth.to_le_bytes());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let half = at_most / 2;
    let more = hash % (u64::from(at_most - half) + 1);
    half + u32::try_from(more).unwrap_or(0)
}

//! Is the latest change to blame for the present trouble?
//!
//! Only then does going back help. Blame is a history and not a fault: what ran well for long has not become bad by itself. The rows are those of the design's table; the first that
//! holds decides, and what could not be read and would change the row is no evidence for either side.

mod episode;
mod evidence;
mod faults;
mod further;
mod occurrences;
mod others;
mod row;

use jiff::Timestamp;

use episode::{began, episodes_version};
pub(crate) use evidence::STAMP_SLACK_SECS;
use evidence::{Credit, Evidence, Known};
use faults::WhenLeft;
pub use faults::fault_in_trouble;
pub(crate) use further::{Further, further_back};
use occurrences::Occurrence;
pub(crate) use others::trouble;
pub use row::{Left, Row, Verdict, WayBack};

use crate::{
    Assessment, Fault, Ledger, Observation, OperationKind, OperationStatus, Others, Part, Policy,
    Proven, Watch, decide::unread_of,
};

/// Judges the trouble of `assessment`, which must be one: looping, failed, not up, without progress, or busy past its time-out.
#[must_use]
pub fn judge(
    seen: &Observation,
    watch: &Watch,
    assessment: &Assessment,
    ledger: &Ledger,
    policy: &Policy,
    others: &Others,
) -> Verdict {
    let evidence = Evidence::new(seen, watch, ledger, policy);
    match Case::of(&evidence, assessment) {
        Ok(case) => case.judge(others),
        Err(verdict) => *verdict,
    }
}

/// How long the present content has run well, at most, until this look, if that is a proof.
#[must_use]
pub fn proven_so_far(
    seen: &Observation,
    watch: &Watch,
    assessment: &Assessment,
    policy: &Policy,
) -> Option<Proven> {
    if !matches!(assessment, Assessment::Healthy { .. }) {
        return None;
    }
    let ledger = Ledger::default();
    let evidence = Evidence::new(seen, watch, &ledger, policy);
    let content = evidence.occurrences.last()?.content;
    let secs = evidence.longest(content, seen.at, Credit::Certain);
    let secs = u32::try_from(secs)
        .ok()
        .filter(|secs| *secs >= policy.proven_secs)?;
    Some(Proven {
        secs,
        until: seen.at,
    })
}

/// What the table is asked about.
struct Case<'a> {
    evidence: &'a Evidence<'a>,
    assessment: &'a Assessment,
    /// The first incident of the episode.
    began: Timestamp,
    /// The version in which the episode began.
    present: Occurrence,
    /// The version that is there now.
    latest: Occurrence,
    /// Whether it runs well for a soak between two faults.
    is_slow: bool,
}

/// What is known of the version to go back to.
enum Good {
    Is(Occurrence),
    /// None is known to have worked.
    None,
    NotYet(String, Option<Part>),
}

impl<'a> Case<'a> {
    fn of(evidence: &'a Evidence<'a>, assessment: &'a Assessment) -> Result<Self, Box<Verdict>> {
        let seen = evidence.seen;
        if let Some(why) = unread_of(seen, &[Part::Operations]) {
            let why = format!("which change came last cannot be told, {why}");
            return Err(cannot_tell(why, Some(Part::Operations)));
        }
        let application = &seen.application;
        let held = |why: String| Err(Box::new(held(Row::NothingToGoBackTo, why)));
        let last = evidence.occurrences.last().copied();
        let Some(last) = last.filter(|_| application.version_created_at.is_some()) else {
            return held("the service does not say when the present version was made".into());
        };
        let Some(began) = began(evidence, assessment) else {
            return held("when the trouble began cannot be told".into());
        };
        let is_known_since = evidence.occurrences.first().map(|first| first.from);
        if is_known_since.is_some_and(|from| from <= began) && evidence.at(began).is_none() {
            return held(format!(
                "the trouble began at {began}, after a rollback of which nothing says to which version it went"
            ));
        }
        if evidence.tries_since(last.from).next().is_none() {
            return held(format!(
                "nothing has tried to run version {} since it was made at {}",
                application.version_id, last.from
            ));
        }
        let present = match assessment {
            // What is under way is about the version that is there.
            Assessment::Busy { .. } => last,
            _ => episodes_version(evidence, began, last),
        };
        Ok(Self {
            evidence,
            assessment,
            began,
            present,
            latest: last,
            is_slow: matches!(assessment, Assessment::ComesBack { .. }),
        })
    }

    fn judge(&self, others: &Others) -> Verdict {
        let soak = i64::from(self.evidence.policy.soak_secs);
        let proof = i64::from(self.evidence.policy.proven_secs);
        let version = self.present.version;
        let good = self.good(proof, soak);
        if let Good::Is(good) = &good
            && let Some((on, at)) = self.failed_with_the_same(good)
        {
            return held(
                Row::SameFaultBefore,
                format!("the same fault was seen on version {on}, at {at}"),
            );
        }
        if let Some(why) = self.same_fault_elsewhere(others) {
            return held(Row::SameFaultElsewhere, why);
        }
        if let Some(why) = self.common_cause(others) {
            return held(Row::CommonCause, why);
        }
        // What fails only because of its scale had worked at another: then only its time at this one counts.
        let only_scaled = matches!(&good, Good::Is(good) if good.content == self.present.content);
        let may_be_scale = only_scaled && self.is_of_scale() && !self.is_gone_back_to();
        let ran_for = |secs: i64| {
            if may_be_scale {
                let credit = Credit::Possible;
                let present = &self.present;
                self.evidence
                    .ran_at_scale(present, secs, self.began, credit)
            } else {
                self.ran_for(secs)
            }
        };
        let proven = ran_for(proof);
        match proven {
            Known::Yes => {
                if let Some(good) = self.was_left_for(&good, proof) {
                    return self.suspect(Row::Soaked, good, self.ran_well());
                }
                // The trouble began in it, and somebody has changed it since.
                let was_changed = self.latest.content != self.present.content;
                let when_left = self.when_left(&self.present);
                if let Some(when_left) = when_left.filter(|_| was_changed) {
                    return self.failing_when_left(&self.present, Some(when_left));
                }
                return self.had_worked(was_changed);
            }
            Known::NotYet => return *self.not_yet(),
            Known::No => {}
        }
        let good = match good {
            Good::Is(good) => good,
            Good::NotYet(why, part) => return *cannot_tell(why, part),
            Good::None => {
                return held(
                    Row::NothingToGoBackTo,
                    format!("no version before version {version} is known to have worked"),
                );
            }
        };
        if self.evidence.was_failing(&good) {
            return self.failing_when_left(&good, self.when_left(&good));
        }
        match self.undone_at()[..] {
            [last, before, ..] if self.is_within_a_day(before) => {
                let why = format!(
                    "version {version} is what was undone at {before} and at {last}, applied again"
                );
                return self.blame(Row::BadTwiceBefore, good, why);
            }
            [last, ..] => {
                let why = format!("version {version} is what was undone at {last}, applied again");
                return self.blame(Row::BadBefore, good, why);
            }
            [] => {}
        }
        if let Some(own) = self.restarted_by_service() {
            return self.suspect(Row::RestartedByService, good, own);
        }
        if only_scaled && !may_be_scale {
            let why = format!(
                "nothing but scale or logging was changed between version {} and version {version}",
                good.version
            );
            return self.suspect(Row::OnlyScaled, good, why);
        }
        let has_soaked = if self.is_slow {
            Known::Yes
        } else {
            ran_for(soak)
        };
        match has_soaked {
            Known::Yes if self.is_slow => {
                let why = format!(
                    "version {version} runs well for a while and then comes back to the same fault, since {}",
                    self.began
                );
                self.suspect(Row::Soaked, good, why)
            }
            Known::Yes => {
                let why = format!(
                    "version {version} had run well for a while before it failed at {}",
                    self.began
                );
                self.suspect(Row::Soaked, good, why)
            }
            Known::NotYet => *self.not_yet(),
            Known::No => {
                // What never came up has not failed.
                let what = match self.assessment {
                    Assessment::Settling { .. } => "has not come up",
                    Assessment::NoProgress { .. } => "has completed no checkpoint",
                    _ => "fails",
                };
                let why = format!(
                    "version {version} was made at {}, has never run well, and {what} since {}; version {} had worked",
                    self.present.from, self.began, good.version
                );
                self.blame(Row::Else, good, why)
            }
        }
    }

    /// Rows 5 and 5b.
    fn failing_when_left(&self, left: &Occurrence, when_left: Option<WhenLeft>) -> Verdict {
        let (version, latest) = (left.version, self.latest.version);
        let at = self.evidence.left_at(left).unwrap_or(self.present.from);
        match when_left {
            Some(WhenLeft::Same(seen_at)) => held(
                Row::OlderThanChange,
                format!(
                    "the trouble is older than version {latest}: version {version} was failing with the same kind of fault at {seen_at}, before it was left at {at}"
                ),
            ),
            Some(WhenLeft::Another) => held(
                Row::FailedBefore,
                format!(
                    "version {version} was failing too when it was left, at {at}, with another fault"
                ),
            ),
            None => held(
                Row::FailedBefore,
                format!("version {version} was failing too when it was left, at {at}"),
            ),
        }
    }

    fn blame(&self, row: Row, good: Occurrence, why: String) -> Verdict {
        Verdict::Change {
            row,
            good: good.version,
            cutoff: self.cutoff(good),
            fault_at: self.began,
            why,
        }
    }

    /// Row 3.
    fn had_worked(&self, was_changed: bool) -> Verdict {
        let left = if was_changed {
            Left::Nothing
        } else {
            let in_vain_at = self.started_in_vain_at();
            Left::OnceMore { in_vain_at }
        };
        Verdict::Held {
            row: Row::Proven,
            why: self.ran_well(),
            left,
        }
    }

    /// When the present content was last started once more, unless it has run well since.
    fn started_in_vain_at(&self) -> Option<Timestamp> {
        let evidence = self.evidence;
        let own = evidence
            .occurrences
            .iter()
            .filter(|one| one.content == self.present.content);
        let tried = own.filter_map(|one| {
            let at = *evidence.ledger.again.get(&one.version)?;
            (at >= one.from && self.is_of_this_application(at)).then_some((one, at))
        });
        let (one, at) = tried.max_by_key(|(_, at)| *at)?;
        (!evidence.ran_well_between(one, at, evidence.seen.at)).then_some(at)
    }

    /// Rows 7 to 9.
    fn suspect(&self, row: Row, good: Occurrence, why: String) -> Verdict {
        Verdict::Held {
            row,
            why,
            left: Left::WayBack(WayBack {
                good: good.version,
                cutoff: self.cutoff(good),
                fault_at: self.began,
            }),
        }
    }

    fn ran_for(&self, secs: i64) -> Known {
        self.evidence
            .ran_for(self.present.content, secs, self.began, Credit::Possible)
    }

    fn not_yet(&self) -> Box<Verdict> {
        match unread_of(self.evidence.seen, &[Part::Series]) {
            Some(why) => {
                let why = format!("how the version ran cannot be told, {why}");
                cannot_tell(why, Some(Part::Series))
            }
            None => {
                let began = self.began;
                let why = format!("CloudWatch does not have the minutes until {began} yet");
                cannot_tell(why, None)
            }
        }
    }

    fn ran_well(&self) -> String {
        let version = self.present.version;
        let longest = self
            .evidence
            .longest(self.present.content, self.began, Credit::Possible);
        if longest > 0 {
            format!(
                "version {version} had run well for {} min before {}",
                longest / 60,
                self.began
            )
        } else {
            format!(
                "version {version} is known to have run well before {}",
                self.began
            )
        }
    }

    /// The newest content that ran last before the present one and is known to have worked. Where nothing but scale changed, the same content at its last scale.
    fn good(&self, proof: i64, soak: i64) -> Good {
        let evidence = self.evidence;
        if let Some(why) = unread_of(evidence.seen, &[Part::Versions]) {
            let why = format!("which version had worked cannot be told, {why}");
            return Good::NotYet(why, Some(Part::Versions));
        }
        let mut not_yet = None;
        let mut others_between = false;
        let earlier = evidence.occurrences.iter().rev();
        for one in earlier.filter(|one| one.from < self.present.from) {
            let until = one.until.unwrap_or(self.present.from);
            // The same content at another scale is asked for its time at that scale only, and what lies behind another content is no way back but what is there now.
            let known = match (one.content == self.present.content, others_between) {
                (true, true) => continue,
                (true, false) => evidence.ran_at_scale(one, proof, until, Credit::Certain),
                (false, _) => {
                    others_between = true;
                    evidence.ran_for(one.content, proof, until, Credit::Certain)
                }
            };
            let has_failed = self.failed_entry(one).is_some() || evidence.was_failing(one);
            let soaked = if has_failed {
                Known::No
            } else if evidence.snapshot_of(one).is_some() {
                Known::Yes
            } else {
                evidence.ran_for(one.content, soak, until, Credit::Certain)
            };
            match (known, soaked) {
                // What lies behind a version of which it may still turn out that it worked is not the newest.
                (Known::Yes, _) | (_, Known::Yes) if not_yet.is_some() => break,
                (Known::Yes, _) | (_, Known::Yes) => return Good::Is(*one),
                (Known::NotYet, _) | (_, Known::NotYet) => not_yet = not_yet.or(Some(one.version)),
                (Known::No, Known::No) => {}
            }
        }
        not_yet.map_or(Good::None, |version| {
            match unread_of(evidence.seen, &[Part::Series]) {
                Some(why) => Good::NotYet(
                    format!("whether version {version} had worked cannot be told, {why}"),
                    Some(Part::Series),
                ),
                None => Good::NotYet(
                    format!("whether version {version} had worked is not known yet"),
                    None,
                ),
            }
        })
    }

    /// The version for which it was left, where it was proven only before that one was: it is an old one, applied again.
    fn was_left_for(&self, good: &Good, proof: i64) -> Option<Occurrence> {
        let Good::Is(good) = good else { return None };
        let evidence = self.evidence;
        let content = self.present.content;
        let mut known = evidence.occurrences.iter();
        let is_left = good.content != content
            && evidence.longest_since(content, good.from, self.began) < proof
            && known.any(|one| one.content == content && one.from < good.from);
        is_left.then_some(*good)
    }

    /// Row 7.
    fn restarted_by_service(&self) -> Option<String> {
        let mut own = self.evidence.seen.operations.iter().filter(|one| {
            matches!(
                one.kind(),
                OperationKind::Maintenance | OperationKind::Scaling
            ) && one.started_at > self.present.from
                && one.started_at < self.began
        });
        let own = own.next()?;
        Some(format!(
            "{} by the service restarted version {} at {}, between the change and the trouble",
            own.name, self.present.version, own.started_at
        ))
    }

    /// Whether what fails may be the scale: the operation failed, the job does not come up, or memory, slots or time are short.
    fn is_of_scale(&self) -> bool {
        let has_failed = self
            .evidence
            .tries_since(self.present.from)
            .any(|one| one.status == OperationStatus::Failed);
        let is_not_up = matches!(
            self.assessment,
            Assessment::Settling { .. } | Assessment::Busy { .. }
        );
        has_failed || is_not_up || self.fault().is_some_and(Fault::is_of_resources)
    }

    /// Whether the version in trouble is what a rollback made: at its scale the version that it is the same as had worked.
    fn is_gone_back_to(&self) -> bool {
        let application = &self.evidence.seen.application;
        self.present.version == application.version_id
            && application.version_rolled_back_to.is_some()
    }

    /// When the first version later than `good` began to process: its job's start, or the end of the operation that made it. During an update no snapshot can be taken but its own,
    /// which holds the state of the version before.
    fn cutoff(&self, good: Occurrence) -> Timestamp {
        let evidence = self.evidence;
        let mut later = evidence
            .occurrences
            .iter()
            .filter(|one| one.from > good.from);
        let Some(first) = later.next() else {
            return self.present.from;
        };
        // What came after it may have been nobody's.
        let from = good.until.unwrap_or(first.from);
        let near = |at: Timestamp| (at.as_second() - from.as_second()).abs() <= STAMP_SLACK_SECS;
        let by = evidence
            .seen
            .operations
            .iter()
            .rev()
            .find(|one| near(one.started_at) && one.ended_at.is_none_or(|ended| ended >= from));
        let Some(by) = by else { return from };
        let ended = by.ended_at.unwrap_or(evidence.seen.at);
        let is_first_run = evidence.occurrences.last() == Some(first) && first.from == from;
        let started = evidence
            .seen
            .job
            .as_ref()
            .map(|job| job.started_at)
            .filter(|started| is_first_run && *started >= by.started_at);
        started.map_or(ended, |started| started.min(ended))
    }
}

fn held(row: Row, why: String) -> Verdict {
    Verdict::Held {
        row,
        why,
        left: Left::Nothing,
    }
}

fn cannot_tell(why: String, part: Option<Part>) -> Box<Verdict> {
    Box::new(Verdict::CannotTell { why, part })
}

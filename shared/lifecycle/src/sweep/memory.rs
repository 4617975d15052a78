//! What the sweep remembers of an application from minute to minute.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Condition, Listed};
use crate::{ApplicationStatus, Mode, Policy};

/// What the sweep remembers of an application.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Memory {
    /// Its version.
    pub version_id: u64,
    /// Its status.
    pub status: ApplicationStatus,
    /// Since when it has been seen in that status with that version.
    pub since: Timestamp,
    /// Whose it is, when that was read last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub whose: Option<Whose>,
    /// When more of it than the list shows was read last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<Timestamp>,
    /// When an execution was last seen at work on it, or started for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handled_at: Option<Timestamp>,
    /// Whether what was read was nothing to worry about.
    #[serde(default)]
    pub at_rest: bool,
    /// What executions are started for again and again, for as long as it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concern: Option<Concern>,
}

/// Whose an application is, and what of its policy the sweep needs: from its tags.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Whose {
    /// When the tags were read.
    pub read_at: Timestamp,
    /// Whether it has opted in, and this stack looks after it.
    pub is_ours: bool,
    /// Whether its mode is act.
    pub acts: bool,
    /// How long an operation may take.
    pub timeout_secs: u32,
    /// Until when it is silenced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet_until: Option<Timestamp>,
}

/// A condition that lasts, and the executions that were started for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Concern {
    /// Which occasion.
    pub occasion: String,
    /// When the first execution was started.
    pub first_at: Timestamp,
    /// How many were started.
    pub starts: u32,
    /// Whether the application's mode was act when the last one was started.
    pub acts: bool,
}

impl Concern {
    /// When the next execution is due: after 1 h, after 6 h, then daily.
    #[must_use]
    pub fn due(&self) -> Timestamp {
        let hours = match self.starts {
            0 => 0,
            1 => 1,
            2 => 6,
            more => 24 * (i64::from(more) - 2),
        };
        self.first_at
            .checked_add(SignedDuration::from_hours(hours))
            .unwrap_or(Timestamp::MAX)
    }
}

impl Whose {
    /// From an application's tags and the stack's policy.
    #[must_use]
    pub fn of(policy: &Policy, tags: &BTreeMap<String, String>, now: Timestamp) -> Self {
        let applied = policy.under(Some(tags));
        Self {
            read_at: now,
            is_ours: applied.opted_in && applied.other_stack.is_none() && !applied.is_nobodys,
            acts: applied.policy.mode == Mode::Act,
            timeout_secs: applied.policy.operation_timeout_secs,
            quiet_until: applied.policy.quiet_until,
        }
    }

    /// Whether executions are started for it now.
    #[must_use]
    pub fn is_looked_after(&self, now: Timestamp) -> bool {
        self.is_ours && self.quiet_until.is_none_or(|until| until <= now)
    }

    /// Whether it has to be read again.
    #[must_use]
    pub fn is_old(&self, now: Timestamp) -> bool {
        now.as_second() - self.read_at.as_second() >= super::WHOSE_SECS
    }
}

impl Memory {
    /// What is remembered of an application of which nothing more than the list was read.
    #[must_use]
    pub fn after(before: Option<&Self>, seen: &Listed<'_>, now: Timestamp) -> Self {
        match before {
            Some(before) if !before.is_other(seen) => before.clone(),
            Some(before) => Self {
                version_id: seen.version_id,
                status: seen.status.clone(),
                since: now,
                read_at: None,
                at_rest: false,
                // What lasts through a change of status is found again; its occasion tells.
                ..before.clone()
            },
            None => Self {
                version_id: seen.version_id,
                status: seen.status.clone(),
                since: now,
                whose: None,
                read_at: None,
                handled_at: None,
                at_rest: false,
                concern: None,
            },
        }
    }

    /// Forgets what executions were started for: nothing is the matter any more.
    #[must_use]
    pub fn without_concern(mut self) -> Self {
        self.concern = None;
        self
    }

    fn is_other(&self, seen: &Listed<'_>) -> bool {
        self.version_id != seen.version_id || self.status != *seen.status
    }

    /// Whether more than the status of something under way changed.
    pub(super) fn has_moved(&self, seen: &Listed<'_>) -> bool {
        self.has_begun(seen)
            || *seen.status == ApplicationStatus::Ready && self.status != *seen.status
    }

    /// Whether a version or a run began since: what is only stored while nothing runs is neither.
    pub(super) fn has_begun(&self, seen: &Listed<'_>) -> bool {
        Self::runs(seen.status)
            && (self.version_id != seen.version_id || self.status == ApplicationStatus::Ready)
    }

    /// Whether something runs in that status, or is about to.
    pub(super) fn runs(status: &ApplicationStatus) -> bool {
        let goes_down = [
            ApplicationStatus::Ready,
            ApplicationStatus::Stopping,
            ApplicationStatus::ForceStopping,
            ApplicationStatus::Deleting,
        ];
        !goes_down.contains(status)
    }

    pub(super) fn since_of(&self, seen: &Listed<'_>, now: Timestamp) -> Timestamp {
        if self.is_other(seen) { now } else { self.since }
    }

    pub(super) fn secs_since_read(&self, now: Timestamp) -> Option<i64> {
        Some(now.as_second() - self.read_at?.as_second())
    }

    /// Counts an execution for a condition, if one is due: the how manieth it is.
    pub(super) fn take(
        &mut self,
        condition: &Condition,
        acts: bool,
        now: Timestamp,
    ) -> Option<u32> {
        let occasion = condition.occasion();
        let known = self
            .concern
            .take_if(|concern| concern.occasion == occasion)
            .or_else(|| {
                let first_at = self.handled_at?;
                let seen_already = condition.began_at().is_some_and(|began| first_at >= began);
                seen_already.then(|| Concern {
                    occasion: occasion.clone(),
                    first_at,
                    starts: 1,
                    acts,
                })
            });
        let mut concern = known.unwrap_or(Concern {
            occasion,
            first_at: now,
            starts: 0,
            acts,
        });
        // What was only reported is looked at anew as soon as more is allowed.
        let is_due = now >= concern.due() || acts && !concern.acts;
        if is_due {
            concern.starts += 1;
            concern.acts = acts;
            self.handled_at = Some(now);
        }
        let starts = concern.starts;
        self.concern = Some(concern);
        is_due.then_some(starts)
    }
}

//! What may be done to an application: the stack's defaults, overridden by the application's tags.
//!
//! Invariant: a tag that cannot be parsed makes the application observe-only and is reported; it is never ignored.

use std::{collections::BTreeMap, fmt, str::FromStr};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{OtherStack, SnapshotPolicy, StackName, UsableKeys};

/// Tags of this project start with this.
pub const TAG_PREFIX: &str = "lifeguard:";
/// Opts an application in when its value is `true`; the IAM roles ask for it too.
pub const MANAGED_TAG: &str = "lifeguard:managed";
/// Tags that other functions of this project read, beside those of [`crate::SnapshotPolicy`].
const TAGS_OF_OTHERS: [&str; 1] = ["owner"];

/// How far Lifeguard may go. Ordered: a tag can only make an application's mode more careful.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Mode {
    /// Changes nothing, reports what is wrong.
    Observe,
    /// Acts.
    Act,
}

/// The rules for one application. Durations are in seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Policy {
    /// How far Lifeguard may go.
    pub mode: Mode,
    /// W + 3: the failure delay to be excluded before a job counts as healthy, plus the REST API's cache.
    pub soak_secs: u32,
    /// How long an operation of the service may take before it counts as stuck. Updates of large state take 11–20 minutes at real users.
    pub operation_timeout_secs: u32,
    /// How long a job may take to come up (INITIALIZING of large state) once the service is done.
    pub settle_timeout_secs: u32,
    /// Rescues per application and day, then escalation.
    pub rescues_per_day: u32,
    /// A snapshot older than this is not restored: its source may have dropped the records since.
    pub max_snapshot_age_secs: u32,
    /// A snapshot from longer than this before the change is not restored: so much that was right would be undone and computed again.
    pub max_snapshot_gap_secs: u32,
    /// How long the sources keep their records; None where nobody said so.
    #[serde(default)]
    pub source_retention_secs: Option<u32>,
    /// What ran undisturbed for so long, with records, is proven: a later fault is not its own.
    pub proven_secs: u32,
    /// A person's word given ahead: what is suspected is rolled back, where RollbackApplication can do it.
    #[serde(default)]
    pub rolls_back_when_suspected: bool,
    /// Until when the application is silenced: nothing is reported of it and nothing is done, except on a person's word.
    #[serde(default)]
    pub quiet_until: Option<Timestamp>,
    /// How long a fault that no change caused is waited for before a person is needed.
    pub external_patience_secs: u32,
    /// Without a completed checkpoint for this long a job makes no progress.
    pub no_progress_secs: u32,
    /// Restarts below which nothing is done yet: one or two are no loop.
    pub min_restarts: u32,
    /// The whole execution.
    pub deadline_secs: u32,
    /// Whether the function that force-stops, restores and starts is there at all: a stack can be deployed without it.
    #[serde(default = "yes")]
    pub allow_force_stop: bool,
    /// Which stack this is: it looks after its own applications only.
    #[serde(default)]
    pub stack: StackName,
    /// The customer managed keys that this stack may use.
    #[serde(default, skip_serializing_if = "UsableKeys::is_empty")]
    pub usable_keys: UsableKeys,
}

fn yes() -> bool {
    true
}

impl Default for Policy {
    /// The defaults of the template, most careful mode.
    fn default() -> Self {
        Self {
            mode: Mode::Observe,
            soak_secs: 303,
            operation_timeout_secs: 2_400,
            settle_timeout_secs: 2_400,
            rescues_per_day: 2,
            // Kinesis keeps 24 hours by default; a job lags behind its source, and a start takes its time.
            max_snapshot_age_secs: 72_000,
            max_snapshot_gap_secs: 72_000,
            source_retention_secs: None,
            proven_secs: 1_800,
            rolls_back_when_suspected: false,
            quiet_until: None,
            external_patience_secs: 2_700,
            no_progress_secs: 1_200,
            min_restarts: 3,
            deadline_secs: 14_400,
            allow_force_stop: true,
            stack: StackName::default(),
            usable_keys: UsableKeys::default(),
        }
    }
}

/// A policy as it applies to one application, and what was wrong with its tags.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The rules.
    pub policy: Policy,
    /// Whether the application has opted in.
    pub opted_in: bool,
    /// The other stack that it belongs to, if it does.
    pub other_stack: Option<OtherStack>,
    /// Whether it is nobody's: its tag names no stack. Then no role may look at it.
    pub is_nobodys: bool,
    /// What was wrong with the tags, a sentence each.
    pub findings: Vec<String>,
}

impl Policy {
    /// These defaults under an application's tags; None means that the tags could not be read, which opts the application out.
    #[must_use]
    pub fn under(&self, tags: Option<&BTreeMap<String, String>>) -> Applied {
        let mut applied = Applied {
            policy: self.clone(),
            opted_in: false,
            other_stack: None,
            is_nobodys: false,
            findings: Vec::new(),
        };
        let Some(tags) = tags else {
            applied.findings.push(
                "the tags could not be read, so the application counts as not opted in".into(),
            );
            applied.policy.mode = Mode::Observe;
            return applied;
        };
        applied.other_stack = self.stack.other(tags);
        applied.is_nobodys = !self.stack.owns(tags) && applied.other_stack.is_none();
        for (key, value) in tags {
            let Some(name) = key.strip_prefix(TAG_PREFIX) else {
                continue;
            };
            if let Err(why) = applied.take(name, value) {
                applied
                    .findings
                    .push(format!("the tag {key} is {value:?}: {why}"));
            }
        }
        if !applied.findings.is_empty() {
            applied.policy.mode = Mode::Observe;
        }
        applied
    }
}

impl Applied {
    fn take(&mut self, name: &str, value: &str) -> Result<(), String> {
        let policy = &mut self.policy;
        match name {
            "managed" => {
                self.opted_in = value
                    .parse::<bool>()
                    .map_err(|_| "write true or false".to_owned())?
            }
            // Whose it is then has been found out before.
            "stack" => drop(value.parse::<StackName>()?),
            "mode" => policy.mode = policy.mode.min(value.parse()?),
            "soak" => policy.soak_secs = seconds(value, 30)?,
            "operation-timeout" => policy.operation_timeout_secs = seconds(value, 60)?,
            "settle-timeout" => policy.settle_timeout_secs = seconds(value, 60)?,
            "snapshot-max-age" => policy.max_snapshot_age_secs = seconds(value, 60)?,
            "when-suspected" => {
                if value != "rollback" {
                    return Err("write rollback, or take the tag away".into());
                }
                policy.rolls_back_when_suspected = true;
            }
            "quiet-until" => {
                let until = value
                    .parse()
                    .map_err(|_| "write a time such as 2026-12-24T06:00:00Z".to_owned())?;
                policy.quiet_until = Some(until);
            }
            "source-retention" => {
                policy.source_retention_secs =
                    Some(seconds_within(value, 3_600, LONGEST_RETENTION_SECS)?);
            }
            "rescues-per-day" => {
                policy.rescues_per_day = value
                    .parse::<u32>()
                    .ok()
                    .filter(|n| *n <= 10)
                    .ok_or("write a whole number from 0 to 10")?;
            }
            other if TAGS_OF_OTHERS.contains(&other) => {}
            // The keeper of snapshots reports what is wrong with its own, and deletes nothing then; a rescue has nothing to do with them.
            other if SnapshotPolicy::knows(other) => {}
            _ => return Err("no such tag; see the table of tags in the README".into()),
        }
        Ok(())
    }
}

impl FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "observe" => Ok(Self::Observe),
            "act" => Ok(Self::Act),
            _ => Err("write observe or act".into()),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Observe => "observe",
            Self::Act => "act",
        })
    }
}

/// The longest that Kinesis keeps records.
const LONGEST_RETENTION_SECS: u32 = 365 * 86_400;

/// Parses `90s`, `15m`, `24h` or `2d`; a bare number has no unit and is refused, and so is anything above 30 days or below `least`.
pub(crate) fn seconds(text: &str, least: u32) -> Result<u32, String> {
    seconds_within(text, least, 30 * 86_400)
}

fn seconds_within(text: &str, least: u32, most: u32) -> Result<u32, String> {
    let days = most / 86_400;
    let bad = || format!("write a duration such as 90s, 15m, 24h or 2d, from {least}s to {days}d");
    let unit = text.char_indices().next_back().ok_or_else(bad)?;
    let factor = match unit.1 {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return Err(bad()),
    };
    let secs = text[..unit.0]
        .parse::<u32>()
        .ok()
        .and_then(|count| count.checked_mul(factor))
        .ok_or_else(bad)?;
    if (least..=most).contains(&secs) {
        Ok(secs)
    } else {
        Err(bad())
    }
}

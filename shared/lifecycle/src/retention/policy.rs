//! The rules for snapshots: the stack's defaults, overridden by the application's tags.
//!
//! Invariant: a tag that cannot be parsed is reported, and then nothing is deleted: the default might be less than what the tag was meant to keep.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::Finding;
use crate::{TAG_PREFIX, policy::seconds};

/// Tags of this policy begin with this, after [`TAG_PREFIX`].
const TAGS: &str = "snapshot-";

/// The rules. Durations are in seconds unless the name says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotPolicy {
    /// The newest READY snapshot must not get older than this; no rescue restores an older one either (the same tag sets both).
    pub max_age_secs: u32,
    /// How often the schedule checks: a snapshot that would get too old before the next check is due now.
    pub check_every_secs: u32,
    /// So many of the newest are kept.
    pub keep_last: u32,
    /// One of each of the last so many days (UTC) is kept.
    pub keep_daily_days: u32,
    /// Nothing younger is deleted.
    pub min_age_secs: u32,
    /// What stood before each of the last so many changes of version is kept.
    pub version_changes: u32,
    /// Longer than this in CREATING is stuck.
    pub creating_limit_secs: u32,
    /// The service's limit per application.
    pub quota: u32,
    /// From this share of it on a warning, and deleting before taking.
    pub quota_warn_percent: u32,
    /// Whose snapshots may be deleted.
    pub prune: Prune,
    /// Names a person wrote into the tag `lifeguard:snapshot-keep` (snapshots themselves cannot be tagged).
    pub keep: BTreeSet<String>,
}

/// Whose snapshots may be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Prune {
    /// Only those that Lifeguard took.
    Own,
    /// Also those the service took within an operation that is still known.
    ServiceMadeToo,
}

impl Default for SnapshotPolicy {
    /// The defaults of the template.
    fn default() -> Self {
        Self {
            max_age_secs: 21_600,
            check_every_secs: 3_600,
            keep_last: 10,
            keep_daily_days: 7,
            min_age_secs: 3_600,
            version_changes: 5,
            creating_limit_secs: 3_600,
            quota: 1_000,
            quota_warn_percent: 80,
            prune: Prune::Own,
            keep: BTreeSet::new(),
        }
    }
}

/// The rules as they apply to one application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AppliedSnapshots {
    /// The rules.
    pub policy: SnapshotPolicy,
    /// Whether all tags could be read and parsed.
    pub tags_parse: bool,
    /// What was wrong with them.
    pub findings: Vec<Finding>,
}

impl SnapshotPolicy {
    /// These defaults under an application's tags; None means that the tags could not be read.
    #[must_use]
    pub fn under(&self, tags: Option<&BTreeMap<String, String>>) -> AppliedSnapshots {
        let mut policy = self.clone();
        let mut findings = Vec::new();
        match tags {
            None => findings.push(Finding::Tag {
                text: "the tags could not be read".into(),
            }),
            Some(tags) => {
                for (key, value) in tags {
                    let Some(name) = key.strip_prefix(TAG_PREFIX) else {
                        continue;
                    };
                    // A misspelt name would leave a default in force where a person meant something else.
                    let unknown = || {
                        name.starts_with(TAGS)
                            .then(|| Err("no such tag".to_owned()))
                    };
                    if let Some(Err(why)) = policy.take(name, value).or_else(unknown) {
                        findings.push(Finding::Tag {
                            text: format!("the tag {key} is {value:?}: {why}"),
                        });
                    }
                }
            }
        }
        AppliedSnapshots {
            policy,
            tags_parse: findings.is_empty(),
            findings,
        }
    }

    /// Whether a tag, named without [`TAG_PREFIX`], is one of this policy's.
    pub(crate) fn knows(name: &str) -> bool {
        Self::default().take(name, "").is_some()
    }

    /// Takes one tag in; None when it is not one of this policy's.
    pub(crate) fn take(&mut self, name: &str, value: &str) -> Option<Result<(), String>> {
        let taken = match name.strip_prefix(TAGS)? {
            "max-age" => seconds(value, 60).map(|secs| self.max_age_secs = secs),
            "keep-last" => whole(value, "", 1, 500).map(|count| self.keep_last = count),
            "keep-daily-days" => whole(value, "d", 0, 365).map(|days| self.keep_daily_days = days),
            "prune" => match value {
                "own" => Ok(Prune::Own),
                "service-made-too" => Ok(Prune::ServiceMadeToo),
                _ => Err("write own or service-made-too".to_owned()),
            }
            .map(|prune| self.prune = prune),
            "keep" => names(value).map(|names| self.keep = names),
            _ => return None,
        };
        Some(taken)
    }

    /// From this age on the next snapshot is due: it must not get too old before the next check, but half its life is always left to it.
    #[must_use]
    pub fn due_secs(&self) -> u32 {
        self.max_age_secs
            .saturating_sub(self.check_every_secs)
            .max(self.max_age_secs / 2)
    }
}

/// A whole number from `least` to `most`, with or without its unit.
fn whole(text: &str, unit: &str, least: u32, most: u32) -> Result<u32, String> {
    let number = text.strip_suffix(unit).unwrap_or(text);
    let number = number
        .parse::<u32>()
        .ok()
        .filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| {
        format!(
            "write a whole number{} from {least} to {most}",
            if unit.is_empty() {
                ""
            } else {
                ", such as 7 or 7d,"
            }
        )
    })
}

/// Names of snapshots, separated by spaces: a tag's value has no commas on every service.
fn names(text: &str) -> Result<BTreeSet<String>, String> {
    let names: BTreeSet<String> = text.split_whitespace().map(str::to_owned).collect();
    let fits = |name: &String| {
        name.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
    };
    if !names.is_empty() && names.iter().all(fits) {
        Ok(names)
    } else {
        Err("write the names of snapshots, separated by spaces".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn under(tags: &[(&str, &str)]) -> AppliedSnapshots {
        SnapshotPolicy::default().under(Some(
            &tags
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
        ))
    }

    #[test]
    fn tags_override_the_defaults() {
        let applied = under(&[
            ("lifeguard:snapshot-max-age", "2h"),
            ("lifeguard:snapshot-keep-last", "3"),
            ("lifeguard:snapshot-keep-daily-days", "14d"),
            ("lifeguard:snapshot-prune", "service-made-too"),
            ("lifeguard:snapshot-keep", "before-migration gold"),
            ("team", "payments"),
        ]);
        assert!(applied.tags_parse && applied.findings.is_empty());
        let policy = applied.policy;
        assert_eq!(
            (
                policy.max_age_secs,
                policy.keep_last,
                policy.keep_daily_days,
                policy.prune
            ),
            (7_200, 3, 14, Prune::ServiceMadeToo)
        );
        assert_eq!(
            policy.keep,
            BTreeSet::from(["before-migration".to_owned(), "gold".to_owned()])
        );
        assert_eq!(
            under(&[("lifeguard:snapshot-keep-daily-days", "5")])
                .policy
                .keep_daily_days,
            5
        );
        let stack = SnapshotPolicy {
            prune: Prune::ServiceMadeToo,
            ..SnapshotPolicy::default()
        };
        let own = stack.under(Some(&BTreeMap::from([(
            "lifeguard:snapshot-prune".to_owned(),
            "own".to_owned(),
        )])));
        assert_eq!((own.policy.prune, own.tags_parse), (Prune::Own, true));
    }

    #[test]
    fn what_does_not_parse_is_named_and_nothing_counts_as_understood() {
        for (key, value) in [
            ("lifeguard:snapshot-max-age", "6"),
            ("lifeguard:snapshot-max-age", "six hours"),
            ("lifeguard:snapshot-keep-last", "0"),
            ("lifeguard:snapshot-keep-last", "all"),
            ("lifeguard:snapshot-keep-daily-days", "2w"),
            ("lifeguard:snapshot-prune", "everything"),
            ("lifeguard:snapshot-keep", " "),
            ("lifeguard:snapshot-keep-lst", "30"),
        ] {
            let applied = under(&[(key, value)]);
            assert!(!applied.tags_parse, "{key}={value}");
            assert!(
                applied.findings[0].to_string().contains(key) && applied.findings[0].needs_person(),
                "{:?}",
                applied.findings
            );
        }
        let unread = SnapshotPolicy::default().under(None);
        assert!(
            !unread.tags_parse
                && unread.findings
                    == [Finding::Tag {
                        text: "the tags could not be read".into()
                    }]
        );
    }

    #[test]
    fn the_next_is_due_before_the_newest_gets_too_old_between_two_checks() {
        let policy = |max_age_secs, check_every_secs| SnapshotPolicy {
            max_age_secs,
            check_every_secs,
            ..SnapshotPolicy::default()
        };
        assert_eq!(policy(21_600, 3_600).due_secs(), 18_000);
        assert_eq!(policy(3_600, 3_600).due_secs(), 1_800);
        assert_eq!(policy(60, 3_600).due_secs(), 30);
    }

    #[test]
    fn each_number_has_its_least_and_its_most() {
        let parses = |name: &str, value: &str| {
            under(&[(&format!("lifeguard:snapshot-{name}"), value)]).tags_parse
        };
        for (name, good, bad) in [
            ("max-age", ["60s", "30d"], ["59s", "31d"]),
            ("keep-last", ["1", "500"], ["0", "501"]),
            ("keep-daily-days", ["0d", "365"], ["-1d", "366d"]),
        ] {
            assert!(
                good.iter().all(|value| parses(name, value))
                    && !bad.iter().any(|value| parses(name, value)),
                "{name}"
            );
        }
        for (name, said) in [
            ("keep-last", "write a whole number from 1 to 500"),
            (
                "keep-daily-days",
                "write a whole number, such as 7 or 7d, from 0 to 365",
            ),
        ] {
            let finding = &under(&[(&format!("lifeguard:snapshot-{name}"), "many")]).findings[0];
            assert!(finding.to_string().ends_with(said), "{finding}");
        }
    }

    #[test]
    fn names_to_keep_are_names_that_a_snapshot_can_have() {
        for (value, fits) in [
            ("a-b_c.9 D", true),
            ("a,b", false),
            ("gold ümlaut", false),
            ("", false),
        ] {
            assert_eq!(
                under(&[("lifeguard:snapshot-keep", value)]).tags_parse,
                fits,
                "{value:?}"
            );
        }
    }

    #[test]
    fn tags_of_other_parts_are_theirs() {
        for (name, known) in [
            ("snapshot-keep", true),
            ("snapshot-keep-lst", false),
            ("soak", false),
            ("managed", false),
        ] {
            assert_eq!(SnapshotPolicy::knows(name), known, "{name}");
        }
        assert_eq!(
            under(&[("lifeguard:soak", "never"), ("snapshot-keep-last", "0")]).findings,
            []
        );
    }
}

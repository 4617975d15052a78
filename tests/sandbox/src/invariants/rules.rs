//! The rules for one application, read from the stack's parameters and the application's tags by a reading of their own: a check must not trust what it checks.

use std::collections::{BTreeMap, BTreeSet};

use super::premises::Policy;

/// The tag that opts in.
pub const MANAGED: &str = "lifeguard:managed";

/// What may be done to an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Opted in.
    pub opted_in: bool,
    /// Something may be changed.
    pub act: bool,
    /// Soak.
    pub soak_secs: i64,
    /// An operation's time-out.
    pub operation_timeout_secs: i64,
    /// The oldest snapshot.
    pub max_snapshot_age_secs: i64,
    /// Rescues per day.
    pub rescues_per_day: u64,
}

impl Rules {
    /// Under these parameters and tags.
    #[must_use]
    pub fn of(policy: &Policy, tags: &BTreeMap<String, String>) -> Self {
        let mut rules = Self {
            opted_in: tags.get(MANAGED).is_some_and(|value| value == "true"),
            act: policy.act,
            soak_secs: policy.soak_secs.into(),
            operation_timeout_secs: policy.operation_timeout_secs.into(),
            max_snapshot_age_secs: policy.max_snapshot_age_secs.into(),
            rescues_per_day: policy.rescues_per_day.into(),
        };
        for (key, value) in tags {
            if let Some(name) = key.strip_prefix("lifeguard:")
                && rules.take(name, value).is_none()
            {
                rules.act = false;
            }
        }
        rules
    }

    /// None where the tag cannot be understood: nothing may be changed then.
    fn take(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "managed" => drop(value.parse::<bool>().ok()?),
            "mode" => match value {
                "observe" => self.act = false,
                "act" => {}
                _ => return None,
            },
            "soak" => self.soak_secs = seconds(value)?,
            "operation-timeout" => self.operation_timeout_secs = seconds(value)?,
            "settle-timeout" => drop(seconds(value)?),
            "snapshot-max-age" => self.max_snapshot_age_secs = seconds(value)?,
            "when-suspected" => (value == "rollback").then_some(())?,
            "source-retention" => drop(seconds(value)?),
            "rescues-per-day" => self.rescues_per_day = value.parse().ok()?,
            "snapshot-keep-last"
            | "snapshot-keep-daily-days"
            | "snapshot-prune"
            | "snapshot-keep"
            | "owner" => {}
            _ => return None,
        }
        Some(())
    }
}

fn seconds(text: &str) -> Option<i64> {
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        _ => return None,
    };
    Some(number.parse::<i64>().ok()? * factor)
}

/// What retention owes an application.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotRules {
    /// So many of the newest are kept.
    pub keep_last: usize,
    /// The first of each of so many days is kept.
    pub keep_daily_days: u32,
    /// What the service took within an operation may be deleted too.
    pub prune_service_made: bool,
    /// Names that a person wants kept.
    pub keep: BTreeSet<String>,
    /// Every tag was understood: else nothing may be deleted.
    pub understood: bool,
}

impl SnapshotRules {
    /// Under these parameters and tags.
    #[must_use]
    pub fn of(policy: &Policy, tags: &BTreeMap<String, String>) -> Self {
        let mut rules = Self {
            keep_last: policy.snapshot_keep_last as usize,
            keep_daily_days: policy.snapshot_keep_daily_days,
            prune_service_made: false,
            keep: BTreeSet::new(),
            understood: true,
        };
        for (key, value) in tags {
            let known = key
                .strip_prefix("lifeguard:snapshot-")
                .is_none_or(|name| rules.take(name, value).is_some());
            rules.understood &= known;
        }
        rules
    }

    fn take(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "keep-last" => self.keep_last = value.parse().ok().filter(|n| *n > 0)?,
            "keep-daily-days" => {
                self.keep_daily_days = value.strip_suffix('d').unwrap_or(value).parse().ok()?
            }
            "prune" => {
                self.prune_service_made = match value {
                    "service-made-too" => true,
                    "own" => false,
                    _ => return None,
                }
            }
            "keep" => self.keep = value.split_whitespace().map(str::to_owned).collect(),
            "max-age" => drop(seconds(value)?),
            _ => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn under(tags: &[(&str, &str)]) -> (Rules, SnapshotRules) {
        let tags = tags
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let policy = Policy {
            act: true,
            ..Policy::default()
        };
        (Rules::of(&policy, &tags), SnapshotRules::of(&policy, &tags))
    }

    #[test]
    fn tags_say_what_is_kept() {
        let (rules, snapshots) = under(&[
            (MANAGED, "true"),
            ("lifeguard:snapshot-keep-last", "3"),
            ("lifeguard:snapshot-keep-daily-days", "2d"),
            ("lifeguard:snapshot-prune", "service-made-too"),
            ("lifeguard:snapshot-keep", "gold silver"),
        ]);
        assert!(
            rules.act && rules.opted_in && snapshots.understood && snapshots.prune_service_made
        );
        assert_eq!((snapshots.keep_last, snapshots.keep_daily_days), (3, 2));
        assert!(snapshots.keep.contains("gold") && snapshots.keep.contains("silver"));
    }

    #[test]
    fn a_wrong_tag_of_the_snapshots_stops_deletes_and_not_rescues() {
        for (key, value) in [
            ("keep-last", "all"),
            ("keep-last", "0"),
            ("keep-daily-days", "2w"),
            ("prune", "everything"),
        ] {
            let (rules, snapshots) = under(&[
                (MANAGED, "true"),
                (&format!("lifeguard:snapshot-{key}"), value),
            ]);
            assert!(rules.act && !snapshots.understood, "{key}={value}");
        }
        let (rules, snapshots) = under(&[(MANAGED, "true"), ("lifeguard:snapshot-keep-lst", "30")]);
        assert!(!rules.act && !snapshots.understood);
    }
}

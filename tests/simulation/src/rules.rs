//! The rules for one application, read from the stack's parameters and the application's tags by this package's own reading: a check must not trust what it checks.

use std::collections::BTreeMap;

use crate::night::{MANAGED, Stack};

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
    pub fn of(stack: &Stack, tags: &BTreeMap<String, String>) -> Self {
        let mut rules = Self {
            opted_in: tags.get(MANAGED).is_some_and(|value| value == "true"),
            act: stack.act,
            soak_secs: stack.soak_secs.into(),
            operation_timeout_secs: stack.operation_timeout_secs.into(),
            max_snapshot_age_secs: stack.max_snapshot_age_secs.into(),
            rescues_per_day: stack.rescues_per_day.into(),
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
            "rescues-per-day" => self.rescues_per_day = value.parse().ok()?,
            "snapshot-keep-last" | "snapshot-keep-daily-days" | "owner" => {}
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

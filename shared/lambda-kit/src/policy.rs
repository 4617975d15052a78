//! The stack's default policy, from the environment. The template's parameters are named after these variables.

use lifecycle::{Policy, StackName};

use crate::{Env, SettingError};

/// Reads it. What is not set has the default of [`Policy::default`], whose mode is observe.
///
/// # Errors
/// When a variable does not parse.
pub fn policy(env: &Env) -> Result<Policy, SettingError> {
    let default = Policy::default();
    Ok(Policy {
        mode: env.or("MODE", default.mode)?,
        soak_secs: env.or("SOAK_SECS", default.soak_secs)?,
        operation_timeout_secs: env.or("OPERATION_TIMEOUT_SECS", default.operation_timeout_secs)?,
        settle_timeout_secs: env.or("SETTLE_TIMEOUT_SECS", default.settle_timeout_secs)?,
        rescues_per_day: env.or("RESCUES_PER_DAY", default.rescues_per_day)?,
        max_snapshot_age_secs: env.or("MAX_SNAPSHOT_AGE_SECS", default.max_snapshot_age_secs)?,
        max_snapshot_gap_secs: env.or("MAX_SNAPSHOT_GAP_SECS", default.max_snapshot_gap_secs)?,
        // One application at a time, by its tags.
        source_retention_secs: None,
        rolls_back_when_suspected: false,
        quiet_until: None,
        proven_secs: env.or("PROVEN_SECS", default.proven_secs)?,
        external_patience_secs: env.or("EXTERNAL_PATIENCE_SECS", default.external_patience_secs)?,
        no_progress_secs: env.or("NO_PROGRESS_SECS", default.no_progress_secs)?,
        min_restarts: env.or("MIN_RESTARTS", default.min_restarts)?,
        deadline_secs: env.or("DEADLINE_SECS", default.deadline_secs)?,
        allow_force_stop: env.or("FORCE_STOP", Switch(default.allow_force_stop))?.0,
        stack: stack(env)?,
        usable_keys: env.or("USABLE_KEYS", default.usable_keys)?,
    })
}

/// Reads it for a function that changes applications: it must be told how far it may go, and does not start on a guess.
///
/// # Errors
/// When a variable does not parse, or `MODE` or `FORCE_STOP` is not set.
pub fn policy_to_act(env: &Env) -> Result<Policy, SettingError> {
    let policy = policy(env)?;
    for name in ["MODE", "FORCE_STOP"] {
        env.required::<String>(name)?;
    }
    Ok(policy)
}

/// Reads which stack the function belongs to; the stack of the default name when it is not told.
///
/// # Errors
/// When the variable is no stack's name.
pub fn stack(env: &Env) -> Result<StackName, SettingError> {
    env.or("STACK_NAME", StackName::default())
}

/// `enabled` or `disabled`, as the template's parameters spell it.
struct Switch(bool);

impl std::str::FromStr for Switch {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "enabled" => Ok(Self(true)),
            "disabled" => Ok(Self(false)),
            _ => Err("write enabled or disabled"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_environment_observes() {
        assert_eq!(policy(&Env::default()).unwrap(), Policy::default());
        assert_eq!(Policy::default().mode, lifecycle::Mode::Observe);
    }

    #[test]
    fn a_stack_without_the_last_resort_says_so() {
        assert!(
            !policy(&Env::from_iter([("FORCE_STOP", "disabled")]))
                .unwrap()
                .allow_force_stop
        );
        assert!(
            policy(&Env::from_iter([("FORCE_STOP", "enabled")]))
                .unwrap()
                .allow_force_stop
        );
    }

    #[test]
    fn the_keys_that_may_be_used_are_a_list_and_none_is_none() {
        let keys = |value: &str| policy(&Env::from_iter([("USABLE_KEYS", value)])).unwrap();
        let two = keys("arn:aws:kms:eu-central-1:1:key/one,arn:aws:kms:eu-central-1:1:key/two");
        assert!(two.usable_keys.has("arn:aws:kms:eu-central-1:1:key/two"));
        assert!(!two.usable_keys.has("arn:aws:kms:eu-central-1:1:key/three"));
        assert!(keys("").usable_keys.is_empty() && keys(" , ").usable_keys.is_empty());
    }

    #[test]
    fn a_bad_value_names_its_variable() {
        for (name, value) in [
            ("MODE", "agressive"),
            ("SOAK_SECS", "5m"),
            ("USABLE_KEYS", "alias/orders"),
            ("RESCUES_PER_DAY", "-1"),
            ("FORCE_STOP", "no"),
            ("STACK_NAME", "my stack"),
        ] {
            let error = policy(&Env::from_iter([(name, value)]))
                .unwrap_err()
                .to_string();
            assert!(error.contains(name) && error.contains(value), "{error}");
        }
    }
}

//! The stack's rules for snapshots, from the environment. Names to keep come from tags only.

use lambda_kit::{Env, SettingError};
use lifecycle::SnapshotPolicy;

/// How often the schedule checks.
const CHECK_EVERY: &str = "SNAPSHOT_CHECK_EVERY_SECS";
/// How old the newest READY snapshot may get.
const MAX_AGE: &str = "SNAPSHOT_MAX_AGE_SECS";
/// How many of the newest are kept.
const KEEP_LAST: &str = "SNAPSHOT_KEEP_LAST";
/// Of how many days one is kept.
const KEEP_DAILY_DAYS: &str = "SNAPSHOT_KEEP_DAILY_DAYS";

/// Reads them. What is not set has the default of [`SnapshotPolicy::default`].
pub(crate) fn policy(env: &Env) -> Result<SnapshotPolicy, SettingError> {
    let default = SnapshotPolicy::default();
    Ok(SnapshotPolicy {
        check_every_secs: env.or(CHECK_EVERY, default.check_every_secs)?,
        max_age_secs: env.or(MAX_AGE, default.max_age_secs)?,
        keep_last: env.or(KEEP_LAST, default.keep_last)?,
        keep_daily_days: env.or(KEEP_DAILY_DAYS, default.keep_daily_days)?,
        ..default
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_environment_has_the_defaults_and_a_bad_value_names_its_variable() {
        assert_eq!(policy(&Env::default()), Ok(SnapshotPolicy::default()));
        for name in [CHECK_EVERY, MAX_AGE, KEEP_LAST, KEEP_DAILY_DAYS] {
            let error = policy(&Env::from_iter([(name, "6h")]))
                .unwrap_err()
                .to_string();
            assert!(error.contains(name) && error.contains("6h"), "{error}");
        }
    }
}

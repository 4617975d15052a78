//! The function's settings.

use std::{
    collections::{BTreeMap, BTreeSet},
    convert::Infallible,
    str::FromStr,
};

use serde_json::Value;

use crate::request::{ApplicationName, Refusal};

/// Names the variable with the state machine to start.
pub const STATE_MACHINE_ARN: &str = "STATE_MACHINE_ARN";
/// Names the variable that tells applications of alarms which carry none: composite alarms, above all.
pub const ALARM_APPLICATIONS: &str = "ALARM_APPLICATIONS";

/// Names the variable with the roles by which this stack changes applications.
pub const OWN_ROLES: &str = "OWN_ROLES";
/// Names the variable with the table that holds what the sweep saw before, and leases.
pub const LEDGER_TABLE: &str = "LEDGER_TABLE";

/// The roles by which this stack changes applications: ARNs, divided by commas. Their calls are no deployments of anybody's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OwnRoles(BTreeSet<String>);

impl OwnRoles {
    /// Whether a recorded call was made by one of them. The ARN of a session has lost the path of its role, so the one who issued the session is asked.
    #[must_use]
    pub fn made(&self, detail: &Value) -> bool {
        detail["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"]
            .as_str()
            .is_some_and(|arn| self.0.contains(arn))
    }
}

impl FromStr for OwnRoles {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let arns = text.split(',').map(str::trim).filter(|arn| !arn.is_empty());
        Ok(Self(arns.map(str::to_owned).collect()))
    }
}

/// Which application an alarm is about, said by the operator: `alarm=application` pairs, divided by commas.
///
/// No JSON: quotes and braces of a parameter's value do not survive the command line of a deployment. An application's name has no `=`, so the last one of a
/// pair ends the alarm's name; a comma would begin the next pair, so an alarm with a comma in its name cannot be named here.
///
/// The name is a composite alarm's own or that of one of its children. Names are never taken apart: `lifeguard-orders-eu-restarts` could be an alarm of
/// `orders` or of `orders-eu`, and a guess would remediate the wrong one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlarmApplications(BTreeMap<String, ApplicationName>);

impl AlarmApplications {
    /// The application of the alarm of that name.
    #[must_use]
    pub fn get(&self, alarm: &str) -> Option<&ApplicationName> {
        self.0.get(alarm)
    }
}

/// The setting does not parse.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadApplications {
    /// Not `alarm=application`.
    #[error("{0:?} is not a pair alarm=application; pairs are divided by commas")]
    Pair(String),
    /// One alarm, two applications.
    #[error("the alarm {0:?} is named twice")]
    Twice(String),
    /// Not a name that an application can have.
    // `SettingError` keeps this text and not its sources, so the whole story is told here.
    #[error("{0}")]
    Name(Refusal),
}

impl FromStr for AlarmApplications {
    type Err = BadApplications;

    fn from_str(text: &str) -> Result<Self, BadApplications> {
        let mut applications = BTreeMap::new();
        if text.is_empty() {
            return Ok(Self(applications));
        }
        for pair in text.split(',') {
            let bad = || BadApplications::Pair(pair.to_owned());
            let (alarm, application) = pair.rsplit_once('=').ok_or_else(bad)?;
            let alarm = alarm.trim();
            if alarm.is_empty() || alarm.contains(['{', '"']) {
                return Err(bad());
            }
            let application = application.parse().map_err(BadApplications::Name)?;
            if applications.insert(alarm.to_owned(), application).is_some() {
                return Err(BadApplications::Twice(alarm.to_owned()));
            }
        }
        Ok(Self(applications))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn applications_are_named_per_alarm() {
        let named: AlarmApplications =
            "everything down=orders, lifeguard-pay-eu-restarts=pay-eu,a=b=c"
                .parse()
                .unwrap();
        for (alarm, application) in [
            ("everything down", "orders"),
            ("lifeguard-pay-eu-restarts", "pay-eu"),
            ("a=b", "c"),
        ] {
            let found = named.get(alarm).map(ApplicationName::as_str);
            assert_eq!(found, Some(application), "{alarm}");
        }
        assert_eq!(named.get("lifeguard-pay"), None);
        assert_eq!("".parse(), Ok(AlarmApplications::default()));
    }

    #[test]
    fn a_setting_that_does_not_parse_says_what_is_wrong() {
        for (text, said) in [
            ("orders", r#""orders" is not a pair alarm=application"#),
            ("a=orders,", r#""" is not a pair"#),
            ("=orders", r#""=orders" is not a pair"#),
            (r#"{"a=b":"orders"}"#, "is not a pair alarm=application"),
            ("a=orders,a=pay", r#"the alarm "a" is named twice"#),
            ("a=or ders", r#""or ders""#),
            ("a=", "name"),
        ] {
            let error = text.parse::<AlarmApplications>().unwrap_err().to_string();
            assert!(error.contains(said), "{text}: {error}");
        }
    }
}

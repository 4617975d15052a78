//! The function's settings.

use std::{collections::BTreeMap, str::FromStr};

use crate::{
    home::Home,
    request::{ApplicationName, Refusal},
};

/// Names the variable with the state machine to start.
pub const STATE_MACHINE_ARN: &str = "STATE_MACHINE_ARN";
/// Names the variable that tells applications of alarms which carry none: composite alarms, above all.
pub const ALARM_APPLICATIONS: &str = "ALARM_APPLICATIONS";

/// The state machine `remediate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StateMachineArn(String);

impl StateMachineArn {
    /// The ARN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it is the state machine of that ARN, or a version or an alias of it.
    #[must_use]
    pub fn is_of(&self, machine: &str) -> bool {
        self.0.strip_prefix(machine).is_some_and(|rest| {
            machine.contains(":stateMachine:") && (rest.is_empty() || rest.starts_with(':'))
        })
    }

    /// Whether it is an execution of this state machine.
    #[must_use]
    pub fn ran(&self, execution: &str) -> bool {
        let machine: Vec<&str> = self.0.split(':').take(7).collect();
        let mut parts = execution.split(':');
        machine.into_iter().all(|ours| match parts.next() {
            Some("execution") => ours == "stateMachine",
            theirs => theirs == Some(ours) && ours != "stateMachine",
        }) && parts.next().is_some_and(|name| !name.is_empty())
    }

    /// Where it is, which is where this stack is.
    #[must_use]
    pub fn home(&self) -> Home {
        let part = |index| self.0.split(':').nth(index).unwrap_or_default().to_owned();
        Home {
            region: part(3),
            account: part(4),
        }
    }
}

/// Not the ARN of a state machine.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the ARN of a state machine (arn:…:states:…:stateMachine:…)")]
pub struct NotAStateMachine;

impl FromStr for StateMachineArn {
    type Err = NotAStateMachine;

    fn from_str(arn: &str) -> Result<Self, NotAStateMachine> {
        let parts: Vec<&str> = arn.split(':').collect();
        let has = |index: usize| parts.get(index).is_some_and(|part| !part.is_empty());
        let is = |index: usize, word| parts.get(index) == Some(&word);
        let fits = is(0, "arn") && is(2, "states") && is(5, "stateMachine");
        if fits && has(3) && has(4) && has(6) {
            Ok(Self(arn.to_owned()))
        } else {
            Err(NotAStateMachine)
        }
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
    fn the_state_machine_is_an_arn_of_any_partition_with_or_without_alias() {
        for arn in [
            "arn:aws:states:eu-central-1:123456789012:stateMachine:remediate",
            "arn:aws-cn:states:cn-north-1:123456789012:stateMachine:remediate:live",
        ] {
            assert_eq!(arn.parse::<StateMachineArn>().unwrap().as_str(), arn);
        }
        for other in [
            "remediate",
            "arn:aws:states:eu-central-1:123456789012:execution:remediate:1",
            "arn:aws:lambda:a:b:stateMachine:x",
            "arn:aws:states::123456789012:stateMachine:remediate",
            "arn:aws:states:eu-central-1::stateMachine:remediate",
            "arn:aws:states:eu-central-1:123456789012:stateMachine:",
            "arn:aws:states",
        ] {
            assert_eq!(
                other.parse::<StateMachineArn>(),
                Err(NotAStateMachine),
                "{other}"
            );
        }
    }

    #[test]
    fn an_alias_belongs_to_its_state_machine_and_another_machine_does_not() {
        let machine = "arn:aws:states:eu-central-1:123456789012:stateMachine:remediate";
        for ours in [
            machine.to_owned(),
            format!("{machine}:live"),
            format!("{machine}:7"),
        ] {
            let ours: StateMachineArn = ours.parse().unwrap();
            assert!(ours.is_of(machine), "{ours:?}");
            for other in [
                "",
                "arn",
                "arn:aws:states:eu-central-1:123456789012:stateMachine:remed",
                "arn:aws:states:eu-central-1:123456789012:stateMachine:other",
            ] {
                assert!(!ours.is_of(other), "{other}");
            }
        }
    }

    #[test]
    fn an_execution_is_of_the_state_machine_that_its_arn_names() {
        let place = "arn:aws:states:eu-central-1:123456789012";
        for ours in ["remediate", "remediate:live"] {
            let ours: StateMachineArn = format!("{place}:stateMachine:{ours}").parse().unwrap();
            assert!(ours.ran(&format!("{place}:execution:remediate:orders-1")));
            assert_eq!(
                ours.home(),
                Home {
                    account: "123456789012".into(),
                    region: "eu-central-1".into()
                }
            );
            for other in [
                format!("{place}:execution:remediate:"),
                format!("{place}:execution:remediate"),
                format!("{place}:execution:other:orders-1"),
                format!("{place}:stateMachine:remediate:orders-1"),
                "arn:aws:states:us-west-2:123456789012:execution:remediate:orders-1".to_owned(),
                "arn:aws:states:eu-central-1:999988887777:execution:remediate:orders-1".to_owned(),
                String::new(),
            ] {
                assert!(!ours.ran(&other), "{other}");
            }
        }
    }

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

//! An execution's name and input, made from the event alone: an alarm, or the end of an execution that is succeeded. Those of an announced deployment are the sweep's.
//!
//! Invariant: the same alarm, application and state change (or the same dead execution) give the same name and the same bytes of input. Step Functions then answers a repeated start with
//! the running execution, or says that the name is taken, for 90 days: that is what makes a delivery that arrives twice harmless.

use jiff::Timestamp;
use lifecycle::{execution_because, execution_of_alarm, sweep::Start};
use serde::Serialize;

use crate::{
    broke::{Broke, KIND},
    event::Alarm,
    request::ApplicationName,
    text::bounded,
};

/// Longest alarm name that CloudWatch allows.
const ALARM_NAME_CHARS: usize = 255;
/// Longest reason that is passed on; CloudWatch's own are below 1,024 characters, and the numbers that matter come first.
const REASON_CHARS: usize = 500;

/// An execution to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Execution {
    name: String,
    input: String,
}

/// The state machine's input, in the order in which it is written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Input<'a> {
    application_name: &'a str,
    trigger: Trigger<'a>,
}

#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum Trigger<'a> {
    Alarm {
        kind: &'static str,
        alarm_name: String,
        at: Timestamp,
        reason: String,
    },
    Broke {
        kind: &'static str,
        execution: &'a str,
        #[serde(skip_serializing_if = "Option::is_none")]
        before: Option<&'a str>,
        status: &'static str,
        successor: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        asked: Option<&'static str>,
    },
}

impl Execution {
    /// The remediation of `application` that `alarm` asks for.
    #[must_use]
    pub fn of(application: &ApplicationName, alarm: &Alarm) -> Self {
        let (alarm_name, reason) = (
            bounded(&alarm.name, ALARM_NAME_CHARS),
            bounded(&alarm.reason, REASON_CHARS),
        );
        let trigger = Trigger::Alarm {
            kind: "alarm",
            alarm_name,
            at: alarm.at,
            reason,
        };
        Self {
            name: execution_of_alarm(application.as_str(), &alarm.name, alarm.at),
            input: input(application, trigger),
        }
    }

    /// The verification of a deployment, as the sweep would start it.
    #[must_use]
    pub fn of_deployment(start: Start) -> Self {
        Self {
            name: start.name,
            input: start.input,
        }
    }

    /// The execution that takes over from `dead`.
    #[must_use]
    pub fn after(dead: &Broke) -> Self {
        let trigger = Trigger::Broke {
            kind: KIND,
            execution: &dead.execution,
            before: dead.before.as_deref(),
            status: dead.status,
            successor: dead.successor,
            asked: dead.asked,
        };
        let name = execution_because(dead.application.as_str(), "after", &dead.execution);
        Self {
            name,
            input: input(&dead.application, trigger),
        }
    }

    /// Its name: who, when, and a hash of who, when and which alarm.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its input, in JSON.
    #[must_use]
    pub fn input(&self) -> &str {
        &self.input
    }
}

fn input(application: &ApplicationName, trigger: Trigger<'_>) -> String {
    let input = Input {
        application_name: application.as_str(),
        trigger,
    };
    serde_json::to_string(&input).expect("strings, numbers and a time always have a JSON form")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use lifecycle::EXECUTION_NAME_CHARS;

    use super::*;
    use crate::event::Watches;

    fn alarm(name: &str, at: &str) -> Alarm {
        Alarm {
            name: name.to_owned(),
            state: "ALARM".to_owned(),
            at: at.parse().expect("a date"),
            reason: "it \"restarts\"".to_owned(),
            held_back: None,
            watches: Watches::Alarms {
                triggering: BTreeSet::new(),
            },
        }
    }

    fn execution(application: &str, alarm_name: &str, at: &str) -> Execution {
        Execution::of(
            &application.parse().expect("a name"),
            &alarm(alarm_name, at),
        )
    }

    #[test]
    fn the_name_and_the_input_are_fixed_for_good() {
        // A change here means that a redelivered event starts a second execution on the day of the upgrade.
        let execution = execution("orders", "orders restarts", "2026-03-01T10:05:48.554Z");
        assert_eq!(execution.name(), "orders-20260301T100548Z-53a0ed84ec63bf79");
        assert_eq!(
            execution.input(),
            r#"{"applicationName":"orders","trigger":{"kind":"alarm","alarmName":"orders restarts","at":"2026-03-01T10:05:48.554Z","reason":"it \"restarts\""}}"#
        );
    }

    fn dead(application: &str, execution: &str) -> Broke {
        let application = application.parse().expect("a name");
        Broke {
            execution: execution.to_owned(),
            before: None,
            application,
            status: "FAILED",
            asked: None,
            successor: 1,
        }
    }

    #[test]
    fn a_successors_name_and_input_are_fixed_for_good_too() {
        let arn = "arn:aws:states:eu-central-1:123456789012:execution:remediate:orders-20260301T100548Z-53a0ed84ec63bf79";
        let successor = Execution::after(&dead("orders", arn));
        assert_eq!(successor.name(), "orders-after-ac9aec8d84694269");
        assert_eq!(
            successor.input(),
            format!(
                r#"{{"applicationName":"orders","trigger":{{"kind":"executionBroke","execution":"{arn}","status":"FAILED","successor":1}}}}"#
            )
        );
        assert_ne!(
            Execution::after(&dead("orders", &format!("{arn}x"))).name(),
            successor.name()
        );
    }

    #[test]
    fn another_application_alarm_or_time_is_another_execution() {
        let at = "2026-03-01T10:05:48.554Z";
        let long = "x".repeat(127);
        let executions = [
            execution("orders", "a", at),
            execution("orders", "b", at),
            execution("orders", "a", "2026-03-01T10:05:48.555Z"),
            execution("or.ders", "a", at),
            execution("or_ders", "a", at),
            execution(&format!("{long}1"), "a", at),
            execution(&format!("{long}2"), "a", at),
        ];
        let names: BTreeSet<_> = executions.iter().map(Execution::name).collect();
        assert_eq!(names.len(), executions.len());
    }

    #[test]
    fn a_name_is_always_one_that_step_functions_allows() {
        for application in ["o", "or.ders-EU_1", &"x".repeat(128)] {
            let execution = execution(application, "größe: ✓ /*?", "2026-03-01T10:05:48.554Z");
            assert!(
                execution.name().len() <= EXECUTION_NAME_CHARS,
                "{}",
                execution.name()
            );
            assert!(
                execution
                    .name()
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'),
                "{}",
                execution.name()
            );
            let successor = Execution::after(&dead(
                application,
                "arn:aws:states:eu-central-1:1:execution:remediate:x",
            ));
            assert!(
                successor.name().len() <= EXECUTION_NAME_CHARS,
                "{}",
                successor.name()
            );
            assert!(
                successor
                    .name()
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'),
                "{}",
                successor.name()
            );
        }
    }
}

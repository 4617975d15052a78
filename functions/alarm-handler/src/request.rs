//! What an alarm asks for: a remediation of one or more applications, nothing, or something that cannot be told. Pure.

use std::{collections::BTreeSet, fmt, str::FromStr};

use lifecycle::check_application_name;

use crate::{
    event::{Alarm, Elsewhere, Watches},
    settings::AlarmApplications,
    text::seen,
};

/// How many names an error lists.
const NAMES_LISTED: usize = 5;

/// The name of an application, as the service allows it: letters, digits, `_`, `.` and `-`, at most 128.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ApplicationName(String);

impl ApplicationName {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ApplicationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<ApplicationName> for String {
    fn from(name: ApplicationName) -> Self {
        name.0
    }
}

impl FromStr for ApplicationName {
    type Err = Refusal;

    fn from_str(name: &str) -> Result<Self, Refusal> {
        match check_application_name(name) {
            Ok(()) => Ok(Self(name.to_owned())),
            Err(odd) => Err(Refusal::ApplicationName {
                name: seen(name),
                odd: odd.to_string(),
            }),
        }
    }
}

/// What an alarm asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// A remediation of each of these; never empty.
    Remediate {
        /// The applications.
        applications: BTreeSet<ApplicationName>,
        /// What else it watches, which cannot be looked after here.
        refused: Vec<Refusal>,
    },
    /// Nothing.
    Nothing {
        /// Why.
        because: String,
    },
}

/// Why an event cannot be acted on: it is neither an alarm, nor the end of an execution, nor a deployment, or not one that names an application. Texts from outside are quoted and bounded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(
    missing_docs,
    reason = "each variant's text says what it is and what its fields are"
)]
pub enum Refusal {
    #[error("it is no alarm but {shape}")]
    NoAlarm { shape: String },
    #[error("it is {detail_type} from {sender}, and not a change of an alarm's state")]
    OtherEvent { detail_type: String, sender: String },
    #[error("{what} does not say {lacks}")]
    Announcement { what: String, lacks: &'static str },
    #[error("a record comes from {sender} and holds no SNS message")]
    Record { sender: String },
    #[error(
        "an SNS message is not JSON: let the alarm publish to the topic itself, without an input transformer"
    )]
    Message,
    #[error("the alarm has no name")]
    NoAlarmName,
    #[error("the alarm {alarm} has no state")]
    NoState { alarm: String },
    #[error("the alarm {alarm} is in the state {state}, which is not known")]
    State { alarm: String, state: String },
    #[error(
        "nothing tells when the alarm {alarm} changed its state, so a repeated delivery could not be recognised"
    )]
    NoTime { alarm: String },
    #[error(
        "the alarm {alarm} sent the event of one contributor, whose attributes are not the dimensions of a metric: use one alarm per application"
    )]
    Contributor { alarm: String },
    #[error(
        "the alarm {alarm} watches {namespaces}, and not a metric in AWS/KinesisAnalytics with the dimension Application"
    )]
    OtherMetrics { alarm: String, namespaces: String },
    #[error(
        "an execution of {machine} changed its status, and this function looks after another state machine"
    )]
    OtherMachine { machine: String },
    #[error("an execution changed its status, and the event does not name it")]
    NoExecution,
    #[error("the execution {execution} is {status}, which is not known")]
    ExecutionStatus { execution: String, status: String },
    #[error(
        "the execution {execution} ended without an outcome, and its input {why}: look at the application and at the execution"
    )]
    ExecutionInput { execution: String, why: String },
    #[error("{name} is not a name that an application can have: {odd}")]
    ApplicationName { name: String, odd: String },
    #[error("{what} is of the account {account}, and this stack looks after {ours}")]
    OtherAccount {
        what: String,
        account: String,
        ours: String,
    },
    #[error("{what} is of the region {region}, and this stack looks after {ours}")]
    OtherRegion {
        what: String,
        region: String,
        ours: String,
    },
    #[error(
        "nothing tells the account and region of {what}, so its applications may be of another"
    )]
    Nowhere { what: String },
    #[error(
        "the alarm {alarm} watches {application} of the account {account}, and this stack looks after {ours}"
    )]
    MetricElsewhere {
        alarm: String,
        application: String,
        account: String,
        ours: String,
    },
}

impl Refusal {
    /// Whether somebody must look into the event itself: an execution of ours ended, and nobody goes on with it. Such an event is kept as a failed one;
    /// all others are logged and counted, because another try would be refused too.
    #[must_use]
    pub const fn needs_somebody(&self) -> bool {
        matches!(
            self,
            Self::NoExecution | Self::ExecutionStatus { .. } | Self::ExecutionInput { .. }
        )
    }
}

/// Decides what `alarm` asks for.
///
/// # Errors
/// When it is in ALARM, or in a state nobody knows, and its application cannot be told.
pub fn of(alarm: &Alarm, told: &AlarmApplications) -> Result<Request, Refusal> {
    match alarm.state.as_str() {
        "ALARM" => {}
        "OK" | "INSUFFICIENT_DATA" => {
            return Ok(Request::Nothing {
                because: format!("the alarm {} went to {}", seen(&alarm.name), alarm.state),
            });
        }
        other => {
            return Err(Refusal::State {
                alarm: seen(&alarm.name),
                state: seen(other),
            });
        }
    }
    if let Some(why) = &alarm.held_back {
        return Ok(Request::Nothing {
            because: format!("the alarm {} went to ALARM, but {why}", seen(&alarm.name)),
        });
    }
    let refused = match &alarm.watches {
        Watches::Metrics { elsewhere, .. } => elsewhere
            .iter()
            .map(|other| other.refusal(&alarm.name))
            .collect(),
        Watches::Alarms { .. } => Vec::new(),
    };
    let applications = match (&alarm.watches, told.get(&alarm.name)) {
        (Watches::Metrics { applications, .. }, _) if !applications.is_empty() => applications
            .iter()
            .map(|name| name.parse())
            .collect::<Result<BTreeSet<_>, _>>()?,
        (_, Some(application)) => {
            return Ok(Request::Remediate {
                applications: BTreeSet::from([application.clone()]),
                refused: Vec::new(),
            });
        }
        (Watches::Metrics { namespaces, .. }, None) => {
            return Err(refused.into_iter().next().unwrap_or(Refusal::OtherMetrics {
                alarm: seen(&alarm.name),
                namespaces: names(namespaces),
            }));
        }
        (Watches::Alarms { triggering }, None) => {
            let applications: BTreeSet<_> = triggering
                .iter()
                .filter_map(|child| told.get(child).cloned())
                .collect();
            if applications.is_empty() {
                return Ok(Request::Nothing {
                    because: unmapped(&alarm.name, triggering),
                });
            }
            applications
        }
    };
    Ok(Request::Remediate {
        applications,
        refused,
    })
}

/// An account has composite alarms about anything, and the rule that listens to composites hears them all: one that nobody has mapped is none of ours.
fn unmapped(alarm: &str, children: &BTreeSet<String>) -> String {
    format!(
        "the alarm {} is a composite and carries no application, and neither it nor a child in ALARM ({}) is named in the setting ALARM_APPLICATIONS: \
         if it is about an application, add <alarm>=<application> there",
        seen(alarm),
        names(children)
    )
}

impl Elsewhere {
    fn refusal(&self, alarm: &str) -> Refusal {
        Refusal::MetricElsewhere {
            alarm: seen(alarm),
            application: seen(&self.application),
            account: seen(&self.account),
            ours: self.ours.clone(),
        }
    }
}

fn names(names: &BTreeSet<String>) -> String {
    if names.is_empty() {
        return "nothing it names".to_owned();
    }
    let mut listed = names
        .iter()
        .take(NAMES_LISTED)
        .map(|name| seen(name))
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > NAMES_LISTED {
        listed.push_str(" …");
    }
    listed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_applications_name_is_what_the_service_allows() {
        let longest = "x".repeat(128);
        for name in ["orders", "Orders_2.v1-eu", "-", longest.as_str()] {
            assert_eq!(name.parse::<ApplicationName>().unwrap().as_str(), name);
        }
        let too_long = "x".repeat(129);
        for name in [
            "",
            "or ders",
            "orders/eu",
            "größe",
            "orders\n",
            too_long.as_str(),
        ] {
            assert!(
                matches!(
                    name.parse::<ApplicationName>(),
                    Err(Refusal::ApplicationName { .. })
                ),
                "{name:?}"
            );
        }
    }

    #[test]
    fn a_refusal_lists_some_names_and_says_that_there_are_more() {
        let many: BTreeSet<String> = (0..9).map(|n| format!("alarm-{n}")).collect();
        assert_eq!(
            names(&many),
            r#""alarm-0", "alarm-1", "alarm-2", "alarm-3", "alarm-4" …"#
        );
        assert_eq!(names(&BTreeSet::new()), "nothing it names");
    }
}

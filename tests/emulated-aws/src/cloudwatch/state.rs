//! An alarm, its state, and its steps from one state to the next.

use std::{collections::BTreeMap, fmt, sync::Arc};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    alarm::{CompositeAlarm, MetricAlarm},
    alarm_arn, long_time,
    plan::Plan,
    rule::Rule,
};

/// The three states.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StateValue {
    /// Within the threshold.
    Ok,
    /// Beyond it.
    Alarm,
    /// Unknown.
    InsufficientData,
}

impl StateValue {
    /// As the API spells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "OK",
            Self::Alarm => "ALARM",
            Self::InsufficientData => "INSUFFICIENT_DATA",
        }
    }

    pub(super) fn read(name: &str) -> Option<Self> {
        [Self::Ok, Self::Alarm, Self::InsufficientData]
            .into_iter()
            .find(|value| value.name() == name)
    }
}

impl fmt::Display for StateValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A state with why and since when.
#[derive(Clone, Debug, PartialEq)]
pub struct AlarmState {
    /// Which.
    pub value: StateValue,
    /// Why, for people.
    pub reason: String,
    /// Why, for programs; absent when nobody evaluated.
    pub reason_data: Option<Value>,
    /// Since when.
    pub at: Timestamp,
}

/// What an alarm watches.
#[derive(Clone, Debug, PartialEq)]
pub enum Definition {
    /// A metric, or math over some.
    Metric(MetricAlarm),
    /// Other alarms.
    Composite(CompositeAlarm),
}

impl Definition {
    /// The alarm's name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Metric(alarm) => &alarm.alarm_name,
            Self::Composite(alarm) => &alarm.alarm_name,
        }
    }

    /// Its ARN.
    #[must_use]
    pub fn arn(&self) -> String {
        alarm_arn(self.name())
    }

    /// The application it watches, when it watches one directly.
    #[must_use]
    pub fn application(&self) -> Option<&str> {
        match self {
            Self::Metric(alarm) => alarm.application(),
            Self::Composite(_) => None,
        }
    }

    pub(super) fn description(&self) -> Option<&str> {
        match self {
            Self::Metric(alarm) => alarm.alarm_description.as_deref(),
            Self::Composite(alarm) => alarm.alarm_description.as_deref(),
        }
    }

    /// Whether actions are carried out, and those on ALARM, on OK, on INSUFFICIENT_DATA.
    pub(super) fn actions(&self) -> (bool, [&Vec<String>; 3]) {
        match self {
            Self::Metric(alarm) => (
                alarm.actions_enabled,
                [
                    &alarm.alarm_actions,
                    &alarm.ok_actions,
                    &alarm.insufficient_data_actions,
                ],
            ),
            Self::Composite(alarm) => (
                alarm.actions_enabled,
                [
                    &alarm.alarm_actions,
                    &alarm.ok_actions,
                    &alarm.insufficient_data_actions,
                ],
            ),
        }
    }
}

/// An alarm with its state.
#[derive(Clone, Debug, PartialEq)]
pub struct Alarm {
    /// What it watches.
    pub definition: Definition,
    /// When that was last put.
    pub configured: Timestamp,
    /// Where it stands.
    pub state: AlarmState,
    /// The definition, ready to be evaluated.
    pub(super) plan: Arc<Plan>,
}

impl Alarm {
    pub(super) fn new(definition: Definition, now: Timestamp) -> Self {
        let state = AlarmState {
            value: StateValue::InsufficientData,
            reason: "Unchecked: Initial alarm creation".to_owned(),
            reason_data: None,
            at: now,
        };
        let plan = Arc::new(Plan::of(&definition));
        Self {
            definition,
            configured: now,
            state,
            plan,
        }
    }

    /// Takes the state; a transition when it is another one.
    pub(super) fn enter(&mut self, state: AlarmState) -> Option<Transition> {
        if state.value == self.state.value {
            return None;
        }
        let previous = std::mem::replace(&mut self.state, state);
        Some(Transition {
            alarm: self.clone(),
            previous,
        })
    }
}

/// A step from one state to another.
#[derive(Clone, Debug, PartialEq)]
pub struct Transition {
    /// The alarm as it stands after the step.
    pub alarm: Alarm,
    /// Where it stood before.
    pub previous: AlarmState,
}

impl Transition {
    /// The actions that this step calls for.
    pub(super) fn actions(&self) -> &[String] {
        let (enabled, [alarm, ok, insufficient]) = self.alarm.definition.actions();
        match self.alarm.state.value {
            _ if !enabled => &[],
            StateValue::Alarm => alarm,
            StateValue::Ok => ok,
            StateValue::InsufficientData => insufficient,
        }
    }
}

impl CompositeAlarm {
    /// The state its rule calls for, when it is another one than now.
    pub(super) fn evaluate(
        &self,
        rule: &Rule,
        now_in: &AlarmState,
        states: &BTreeMap<&str, &AlarmState>,
        now: Timestamp,
    ) -> Option<AlarmState> {
        let value = if rule.holds(states) {
            StateValue::Alarm
        } else {
            StateValue::Ok
        };
        if value == now_in.value {
            return None;
        }
        let children: Vec<(String, &AlarmState)> = rule
            .children()
            .into_iter()
            .filter_map(|name| states.get(name.as_str()).map(|state| (name, *state)))
            .collect();
        let triggering = |(name, state): &(String, &AlarmState)| json!({ "arn": alarm_arn(name), "state": { "value": state.value.name(), "timestamp": long_time(state.at) } });
        let latest = children.iter().max_by_key(|(_, state)| state.at);
        let reason = match (now_in.reason_data.is_none(), latest) {
            (false, Some((name, state))) => {
                let when = state.at.strftime("%A %d %B, %Y %H:%M:%S UTC");
                format!(
                    "{} transitioned to {} at {when}",
                    alarm_arn(name),
                    state.value
                )
            }
            _ => format!(
                "{} was created and its alarm rule evaluates to {value}",
                alarm_arn(&self.alarm_name)
            ),
        };
        let triggering: Vec<Value> = match (now_in.reason_data.is_none(), latest) {
            (false, Some(child)) => vec![triggering(child)],
            _ => children.iter().map(triggering).collect(),
        };
        Some(AlarmState {
            value,
            reason,
            reason_data: Some(json!({ "triggeringAlarms": triggering })),
            at: now,
        })
    }
}

//! The alarms of an application: what they are (`kinds`), and what has to be done so that they are so.
//!
//! Deliberately absent: the actions of an alarm. EventBridge hears every alarm; whom else it tells is people's business, and is kept when an alarm is put right.
//!
//! Invariant: no alarm is changed or removed unless it carries this stack's owner tag, and none of an application about which anything is unknown is removed.

mod kinds;

use std::collections::{BTreeMap, BTreeSet};

use crate::StackName;

pub use kinds::{
    ALARM_PREFIX, APPLICATION_DIMENSION, AlarmDefinition, FlinkMajor, METRIC_NAMESPACE, OWNER_TAG,
    SNAPSHOTS_STALE_METRIC, STACK_DIMENSION, Source, Watched, alarm_names, alarms_of,
    application_of_alarm, snapshot_alarm_of,
};

/// An alarm that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundAlarm {
    /// Its name.
    pub name: String,
    /// Its definition; None when it is something that this project does not write.
    pub definition: Option<AlarmDefinition>,
}

/// Whether an application should have its alarms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// It is opted in, and this is its Flink.
    Watched(FlinkMajor),
    /// It is not, or is being deleted.
    Unwatched,
    /// That could not be found out: its alarms stay as they are.
    Unknown,
}

/// What there should be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wishes {
    /// Which applications should have their alarms.
    pub applications: BTreeMap<String, Wish>,
    /// How often the schedule checks snapshots; None when it is off, and then nothing watches them.
    pub snapshots_checked_every_secs: Option<u32>,
    /// Which stack's checks.
    pub stack: StackName,
}

/// What is to be done, names in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AlarmPlan {
    /// Alarms that are not there yet.
    pub create: Vec<AlarmDefinition>,
    /// Alarms of this stack that are not as they should be.
    pub fix: Vec<AlarmDefinition>,
    /// Names of this stack's alarms that nobody needs any more.
    pub remove: Vec<String>,
    /// Names of alarms that carry such a name and belong to somebody else: untouched.
    pub foreign: Vec<String>,
    /// How many are right.
    pub right: usize,
}

/// Names of the alarms whose owner has to be known before [`plan_alarms`]: only those that would be changed or removed, because asking costs a call each.
#[must_use]
pub fn suspects(wishes: &Wishes, found: &[FoundAlarm]) -> Vec<String> {
    let wanted = wanted(wishes);
    let unsure = unsure(wishes);
    let is_suspect = |alarm: &&FoundAlarm| match wanted.get(&alarm.name) {
        Some(definition) => alarm.definition.as_ref() != Some(definition),
        None => is_ours_by_name(&alarm.name) && !unsure.contains(&alarm.name),
    };
    found
        .iter()
        .filter(is_suspect)
        .map(|alarm| alarm.name.clone())
        .collect()
}

/// What is to be done. `owners` has, for each alarm that [`suspects`] named, the value of its owner tag; an alarm that is not in it counts as somebody else's.
#[must_use]
pub fn plan_alarms(
    wishes: &Wishes,
    found: &[FoundAlarm],
    owners: &BTreeMap<String, Option<String>>,
    owner: &str,
) -> AlarmPlan {
    let mut wanted = wanted(wishes);
    let unsure = unsure(wishes);
    let is_ours = |name: &str| {
        owners
            .get(name)
            .is_some_and(|tag| tag.as_deref() == Some(owner))
    };
    let mut plan = AlarmPlan::default();
    for alarm in found {
        match wanted.remove(&alarm.name) {
            Some(definition) if alarm.definition.as_ref() == Some(&definition) => plan.right += 1,
            Some(definition) if is_ours(&alarm.name) => plan.fix.push(definition),
            None if !is_ours_by_name(&alarm.name) || unsure.contains(&alarm.name) => {}
            None if is_ours(&alarm.name) => plan.remove.push(alarm.name.clone()),
            Some(_) | None => plan.foreign.push(alarm.name.clone()),
        }
    }
    plan.create = wanted.into_values().collect();
    plan.fix.sort_by(|one, other| one.name.cmp(&other.name));
    plan.remove.sort();
    plan.foreign.sort();
    plan
}

fn wanted(wishes: &Wishes) -> BTreeMap<String, AlarmDefinition> {
    let watched = wishes.applications.iter().filter_map(|(name, wish)| {
        let Wish::Watched(flink) = wish else {
            return None;
        };
        Some((name, *flink))
    });
    let on_snapshots = |application: &str| {
        wishes
            .snapshots_checked_every_secs
            .map(|every| snapshot_alarm_of(application, every, &wishes.stack))
    };
    let alarms = watched.flat_map(|(application, flink)| {
        alarms_of(application, flink)
            .into_iter()
            .chain(on_snapshots(application))
    });
    alarms.map(|alarm| (alarm.name.clone(), alarm)).collect()
}

/// Names of alarms of applications about which something is unknown.
fn unsure(wishes: &Wishes) -> BTreeSet<String> {
    wishes
        .applications
        .iter()
        .filter(|(_, wish)| **wish == Wish::Unknown)
        .flat_map(|(application, _)| alarm_names(application))
        .collect()
}

/// Whether the name is one that this project gives, or gave.
fn is_ours_by_name(name: &str) -> bool {
    application_of_alarm(name).is_some()
}

#[cfg(test)]
mod rings;
#[cfg(test)]
mod tests;

//! Which update turns the configuration of one version into that of another. Pure.
//!
//! The service describes a version as *Descriptions* and takes *Updates*: every part is compared, and those that differ are carried over, whole. A part that no update can
//! restore stops everything, before anything is changed. The table in `tests/carry.rs` names every field of the SDK's descriptions and what becomes of it here, so
//! that a new field of a newer SDK is not overlooked.
//!
//! Deliberately absent: the fence (version or conditional token), which the caller adds; the snapshot to start from, which `start` names; and `AllowNonRestoredState` of the
//! target: the flag stays as it stands now, named explicitly, because an update that does not name it turns it off.

mod attached;
mod code;
mod flink;

use std::{collections::BTreeMap, fmt};

use lifecycle::{Application, SnapshotMode};
use managed_flink::sdk::{
    ApplicationConfigurationDescription, ApplicationConfigurationUpdate, ApplicationDetail,
    ApplicationEncryptionConfigurationUpdate, ApplicationMode,
    ApplicationSnapshotConfigurationUpdate, ApplicationSystemRollbackConfigurationUpdate,
    EnvironmentPropertyUpdates, FlinkRunConfiguration, KeyType, PropertyGroup,
    RunConfigurationUpdate, RuntimeEnvironment, UpdateApplicationInputBuilder,
};

/// An update that brings a configuration back. It holds environment property values, so its `Debug` shows only the parts.
pub struct Carried {
    /// The update, without name and fence.
    pub change: UpdateApplicationInputBuilder,
    /// The parts that differ, for people.
    pub parts: Vec<&'static str>,
}

impl fmt::Debug for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Carried")
            .field("parts", &self.parts)
            .finish_non_exhaustive()
    }
}

/// Parts that cannot be carried over, and why. No values of theirs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub struct CannotCarry(pub Vec<Obstacle>);

/// One part that cannot be carried over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// The part.
    pub part: &'static str,
    /// Why.
    pub why: String,
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.part, self.why)
    }
}

/// What becomes of one part: nothing, an update, or an obstacle.
type Part<T> = Result<Option<T>, Obstacle>;

/// The update that turns `current` into `target`; None when nothing differs.
///
/// # Errors
/// When a part that differs cannot be carried over: all such parts at once.
pub fn carry(
    current: &ApplicationDetail,
    target: &ApplicationDetail,
) -> Result<Option<Carried>, CannotCarry> {
    let (before, after) = (
        current.application_configuration_description(),
        target.application_configuration_description(),
    );
    let mut sum = Sum::default();
    sum.take("mode", same_mode(current, target));
    sum.take("kind", only_flink(before).and_then(|_| only_flink(after)));
    let configuration = ApplicationConfigurationUpdate::builder()
        .set_application_code_configuration_update(sum.take("code", code::update(before, after)))
        .set_flink_application_configuration_update(
            sum.take("Flink settings", flink::update(before, after)),
        )
        .set_environment_property_updates(
            sum.take("environment properties", properties(before, after)),
        )
        .set_application_snapshot_configuration_update(
            sum.take("snapshots flag", snapshots(before, after)),
        )
        .set_application_system_rollback_configuration_update(
            sum.take("system rollback flag", system_rollback(before, after)),
        )
        .set_vpc_configuration_updates(sum.take("VPC", attached::vpc(before, after)))
        .set_application_encryption_configuration_update(
            sum.take("encryption", encryption(before, after)),
        )
        .build();
    let change = UpdateApplicationInputBuilder::default()
        .set_application_configuration_update(
            (configuration != ApplicationConfigurationUpdate::builder().build())
                .then_some(configuration),
        )
        .set_cloud_watch_logging_option_updates(
            sum.take("logging options", attached::logging(current, target)),
        )
        .set_service_execution_role_update(sum.take("service role", role(current, target)))
        .set_runtime_environment_update(sum.take("runtime", Ok(runtime(current, target))))
        .set_run_configuration_update(kept_run_configuration(before));
    if !sum.obstacles.is_empty() {
        return Err(CannotCarry(sum.obstacles));
    }
    Ok((!sum.parts.is_empty()).then_some(Carried {
        change,
        parts: sum.parts,
    }))
}

/// The same for two answers of the service as they were: members that this release does not know, and so would drop, are obstacles where they differ. And the snapshot mode, which
/// the SDK does not read.
///
/// # Errors
/// As [`carry`], when such a member differs, and when the mode cannot stay as it is.
pub fn carry_all(
    current: &managed_flink::Described,
    target: &managed_flink::Described,
) -> Result<Option<Carried>, CannotCarry> {
    let unknown = managed_flink::unknown_members(current, target);
    let carried = carry(current.detail.as_sdk(), target.detail.as_sdk());
    let mode = snapshot_mode(&current.application, &target.application).err();
    if unknown.is_empty() && mode.is_none() {
        return carried;
    }
    let mut obstacles = carried.err().map_or_else(Vec::new, |error| error.0);
    obstacles.extend(mode);
    obstacles.extend(unknown.into_iter().map(|path| Obstacle {
        part: "a setting that this release does not know",
        why: path,
    }));
    Err(CannotCarry(obstacles))
}

/// The mode is never part of an update: no update sets it back, so an application that has switched keeps it, and the start names an enhanced snapshot. The switch itself is a
/// person's, because it is for good.
fn snapshot_mode(current: &Application, target: &Application) -> Part<()> {
    const PART: &str = "snapshot mode";
    match (&current.snapshot_mode, &target.snapshot_mode) {
        (SnapshotMode::Other(mode), _) | (_, SnapshotMode::Other(mode)) => {
            obstacle(PART, format!("{mode} is not known to this release"))
        }
        (SnapshotMode::Legacy, SnapshotMode::Enhanced) => obstacle(
            PART,
            "the good version uses enhanced snapshots, and no update would take that switch back",
        ),
        _ => Ok(None),
    }
}

/// What the parts came to.
#[derive(Default)]
struct Sum {
    parts: Vec<&'static str>,
    obstacles: Vec<Obstacle>,
}

impl Sum {
    fn take<T>(&mut self, name: &'static str, part: Part<T>) -> Option<T> {
        match part {
            Ok(Some(update)) => {
                self.parts.push(name);
                Some(update)
            }
            Ok(None) => None,
            Err(obstacle) => {
                self.obstacles.push(obstacle);
                None
            }
        }
    }
}

type Described<'a> = Option<&'a ApplicationConfigurationDescription>;

fn obstacle<T>(part: &'static str, why: impl Into<String>) -> Part<T> {
    Err(Obstacle {
        part,
        why: why.into(),
    })
}

/// Both must be of the same mode: no update changes it. A Flink application need not name one.
fn same_mode(current: &ApplicationDetail, target: &ApplicationDetail) -> Part<()> {
    let mode = |detail: &ApplicationDetail| {
        detail
            .application_mode()
            .cloned()
            .unwrap_or(ApplicationMode::Streaming)
    };
    if mode(current) == mode(target) {
        Ok(None)
    } else {
        obstacle("mode", "an update cannot change it")
    }
}

fn only_flink(configuration: Described<'_>) -> Part<()> {
    let Some(configuration) = configuration else {
        return Ok(None);
    };
    if configuration
        .sql_application_configuration_description()
        .is_some()
    {
        return obstacle("SQL configuration", "only Flink applications are restored");
    }
    if configuration
        .zeppelin_application_configuration_description()
        .is_some()
    {
        return obstacle(
            "Studio configuration",
            "only Flink applications are restored",
        );
    }
    Ok(None)
}

/// All groups, or none: an update replaces the whole set, so a group that the target lacks goes.
fn properties(current: Described<'_>, target: Described<'_>) -> Part<EnvironmentPropertyUpdates> {
    let (before, after) = (groups(current), groups(target));
    if before == after {
        return Ok(None);
    }
    let groups = after.into_iter().map(|(id, map)| {
        PropertyGroup::builder()
            .property_group_id(id)
            .set_property_map(Some(map.into_iter().collect()))
            .build()
    });
    let Ok(groups) = groups.collect::<Result<Vec<_>, _>>() else {
        return obstacle("environment properties", "a group has no id");
    };
    match EnvironmentPropertyUpdates::builder()
        .set_property_groups(Some(groups))
        .build()
    {
        Ok(update) => Ok(Some(update)),
        Err(_) => obstacle(
            "environment properties",
            "they cannot be written as an update",
        ),
    }
}

fn groups(configuration: Described<'_>) -> BTreeMap<String, BTreeMap<String, String>> {
    let described = configuration
        .and_then(|it| it.environment_property_descriptions())
        .map(|it| it.property_group_descriptions())
        .unwrap_or_default();
    let own = |map: &std::collections::HashMap<String, String>| {
        map.iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    };
    described
        .iter()
        .map(|group| {
            (
                group.property_group_id().to_owned(),
                own(group.property_map()),
            )
        })
        .collect()
}

/// The default of a version that does not say is not documented, so it cannot be put back.
fn snapshots(
    current: Described<'_>,
    target: Described<'_>,
) -> Part<ApplicationSnapshotConfigurationUpdate> {
    let enabled = |it: Described<'_>| {
        it.and_then(|it| it.application_snapshot_configuration_description())
            .map(|it| it.snapshots_enabled())
    };
    match (enabled(current), enabled(target)) {
        (before, after) if before == after => Ok(None),
        (_, None) => obstacle("snapshots flag", "the good version does not describe it"),
        (_, Some(after)) => match ApplicationSnapshotConfigurationUpdate::builder()
            .snapshots_enabled_update(after)
            .build()
        {
            Ok(update) => Ok(Some(update)),
            Err(_) => obstacle("snapshots flag", "it cannot be written as an update"),
        },
    }
}

/// Off unless described (API documentation).
fn system_rollback(
    current: Described<'_>,
    target: Described<'_>,
) -> Part<ApplicationSystemRollbackConfigurationUpdate> {
    let enabled = |it: Described<'_>| {
        it.and_then(|it| it.application_system_rollback_configuration_description())
            .is_some_and(|it| it.rollback_enabled())
    };
    let after = enabled(target);
    if enabled(current) == after {
        return Ok(None);
    }
    match ApplicationSystemRollbackConfigurationUpdate::builder()
        .rollback_enabled_update(after)
        .build()
    {
        Ok(update) => Ok(Some(update)),
        Err(_) => obstacle("system rollback flag", "it cannot be written as an update"),
    }
}

/// A key of AWS's own unless described.
fn encryption(
    current: Described<'_>,
    target: Described<'_>,
) -> Part<ApplicationEncryptionConfigurationUpdate> {
    let key = |it: Described<'_>| {
        let described = it.and_then(|it| it.application_encryption_configuration_description());
        described.map_or((KeyType::AwsOwnedKey, None), |it| {
            (it.key_type().clone(), it.key_id().map(str::to_owned))
        })
    };
    let (key_type, key_id) = key(target);
    if key(current) == (key_type.clone(), key_id.clone()) {
        return Ok(None);
    }
    match ApplicationEncryptionConfigurationUpdate::builder()
        .key_type_update(key_type)
        .set_key_id_update(key_id)
        .build()
    {
        Ok(update) => Ok(Some(update)),
        Err(_) => obstacle("encryption", "it cannot be written as an update"),
    }
}

fn role(current: &ApplicationDetail, target: &ApplicationDetail) -> Part<String> {
    match (
        current.service_execution_role(),
        target.service_execution_role(),
    ) {
        (before, after) if before == after => Ok(None),
        (_, Some(after)) => Ok(Some(after.to_owned())),
        (_, None) => obstacle("service role", "the good version does not describe it"),
    }
}

fn runtime(current: &ApplicationDetail, target: &ApplicationDetail) -> Option<RuntimeEnvironment> {
    (current.runtime_environment() != target.runtime_environment())
        .then(|| target.runtime_environment().clone())
}

/// `AllowNonRestoredState` as it stands, so that the update does not turn it off.
fn kept_run_configuration(current: Described<'_>) -> Option<RunConfigurationUpdate> {
    let allow = current
        .and_then(|it| it.run_configuration_description())
        .and_then(|it| it.flink_run_configuration_description())
        .and_then(|it| it.allow_non_restored_state())?;
    let run = FlinkRunConfiguration::builder()
        .allow_non_restored_state(allow)
        .build();
    Some(
        RunConfigurationUpdate::builder()
            .flink_run_configuration(run)
            .build(),
    )
}

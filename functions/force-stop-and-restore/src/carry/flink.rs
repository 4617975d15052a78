//! Checkpointing, monitoring, parallelism. Each is DEFAULT, which means the service's own values whatever else is written there, or CUSTOM.

use managed_flink::sdk::{
    CheckpointConfigurationDescription, CheckpointConfigurationUpdate, ConfigurationType,
    FlinkApplicationConfigurationDescription, FlinkApplicationConfigurationUpdate,
    MonitoringConfigurationDescription, MonitoringConfigurationUpdate,
    ParallelismConfigurationDescription, ParallelismConfigurationUpdate,
};

use super::{Described, Part, obstacle};

/// The update of the Flink settings.
pub(super) fn update(
    current: Described<'_>,
    target: Described<'_>,
) -> Part<FlinkApplicationConfigurationUpdate> {
    let flink = |it: Described<'_>| {
        it.and_then(|it| it.flink_application_configuration_description())
            .cloned()
            .unwrap_or_else(nothing)
    };
    let (before, after) = (flink(current), flink(target));
    let checkpoint = checkpoint(
        before.checkpoint_configuration_description(),
        after.checkpoint_configuration_description(),
    )?;
    let monitoring = monitoring(
        before.monitoring_configuration_description(),
        after.monitoring_configuration_description(),
    )?;
    let parallelism = parallelism(
        before.parallelism_configuration_description(),
        after.parallelism_configuration_description(),
    )?;
    if checkpoint.is_none() && monitoring.is_none() && parallelism.is_none() {
        return Ok(None);
    }
    let update = FlinkApplicationConfigurationUpdate::builder()
        .set_checkpoint_configuration_update(checkpoint)
        .set_monitoring_configuration_update(monitoring)
        .set_parallelism_configuration_update(parallelism);
    Ok(Some(update.build()))
}

fn nothing() -> FlinkApplicationConfigurationDescription {
    FlinkApplicationConfigurationDescription::builder().build()
}

/// What is not described is the default.
fn kind(described: Option<&ConfigurationType>) -> ConfigurationType {
    described.cloned().unwrap_or(ConfigurationType::Default)
}

/// Compares two settings of the same kind. Returns whether they differ; a value that the good version does not have, although this one does, cannot be taken away.
fn differs(
    part: &'static str,
    before: (&ConfigurationType, &[Option<String>]),
    after: (&ConfigurationType, &[Option<String>]),
) -> Result<bool, super::Obstacle> {
    let is_default = |kind: &ConfigurationType| *kind == ConfigurationType::Default;
    if is_default(before.0) && is_default(after.0) {
        return Ok(false);
    }
    let lost = !is_default(after.0)
        && before
            .1
            .iter()
            .zip(after.1)
            .any(|(before, after)| before.is_some() && after.is_none());
    if lost {
        return obstacle::<()>(part, "the good version leaves a custom value out, and an update cannot take the present one away").map(|_| true);
    }
    Ok(before != after)
}

fn checkpoint(
    before: Option<&CheckpointConfigurationDescription>,
    after: Option<&CheckpointConfigurationDescription>,
) -> Part<CheckpointConfigurationUpdate> {
    let kind_of = |it: Option<&CheckpointConfigurationDescription>| {
        kind(it.and_then(|it| it.configuration_type()))
    };
    let values = |it: Option<&CheckpointConfigurationDescription>| {
        [
            it.and_then(|it| it.checkpointing_enabled())
                .map(|it| it.to_string()),
            it.and_then(|it| it.checkpoint_interval())
                .map(|it| it.to_string()),
            it.and_then(|it| it.min_pause_between_checkpoints())
                .map(|it| it.to_string()),
        ]
    };
    let target = kind_of(after);
    if !differs(
        "checkpoint settings",
        (&kind_of(before), &values(before)),
        (&target, &values(after)),
    )? {
        return Ok(None);
    }
    let update = CheckpointConfigurationUpdate::builder().configuration_type_update(target.clone());
    let Some(after) = after.filter(|_| target != ConfigurationType::Default) else {
        return Ok(Some(update.build()));
    };
    let update = update
        .set_checkpointing_enabled_update(after.checkpointing_enabled())
        .set_checkpoint_interval_update(after.checkpoint_interval())
        .set_min_pause_between_checkpoints_update(after.min_pause_between_checkpoints());
    Ok(Some(update.build()))
}

fn monitoring(
    before: Option<&MonitoringConfigurationDescription>,
    after: Option<&MonitoringConfigurationDescription>,
) -> Part<MonitoringConfigurationUpdate> {
    let kind_of = |it: Option<&MonitoringConfigurationDescription>| {
        kind(it.and_then(|it| it.configuration_type()))
    };
    let values = |it: Option<&MonitoringConfigurationDescription>| {
        [
            it.and_then(|it| it.metrics_level())
                .map(|it| it.to_string()),
            it.and_then(|it| it.log_level()).map(|it| it.to_string()),
        ]
    };
    let target = kind_of(after);
    if !differs(
        "monitoring settings",
        (&kind_of(before), &values(before)),
        (&target, &values(after)),
    )? {
        return Ok(None);
    }
    let update = MonitoringConfigurationUpdate::builder().configuration_type_update(target.clone());
    let Some(after) = after.filter(|_| target != ConfigurationType::Default) else {
        return Ok(Some(update.build()));
    };
    Ok(Some(
        update
            .set_metrics_level_update(after.metrics_level().cloned())
            .set_log_level_update(after.log_level().cloned())
            .build(),
    ))
}

/// `CurrentParallelism` is where the service's scaling has got to, not a setting.
fn parallelism(
    before: Option<&ParallelismConfigurationDescription>,
    after: Option<&ParallelismConfigurationDescription>,
) -> Part<ParallelismConfigurationUpdate> {
    let kind_of = |it: Option<&ParallelismConfigurationDescription>| {
        kind(it.and_then(|it| it.configuration_type()))
    };
    let values = |it: Option<&ParallelismConfigurationDescription>| {
        [
            it.and_then(|it| it.parallelism()).map(|it| it.to_string()),
            it.and_then(|it| it.parallelism_per_kpu())
                .map(|it| it.to_string()),
            it.and_then(|it| it.auto_scaling_enabled())
                .map(|it| it.to_string()),
        ]
    };
    let target = kind_of(after);
    if !differs(
        "parallelism settings",
        (&kind_of(before), &values(before)),
        (&target, &values(after)),
    )? {
        return Ok(None);
    }
    let update =
        ParallelismConfigurationUpdate::builder().configuration_type_update(target.clone());
    let Some(after) = after.filter(|_| target != ConfigurationType::Default) else {
        return Ok(Some(update.build()));
    };
    let update = update
        .set_parallelism_update(after.parallelism())
        .set_parallelism_per_kpu_update(after.parallelism_per_kpu())
        .set_auto_scaling_enabled_update(after.auto_scaling_enabled());
    Ok(Some(update.build()))
}

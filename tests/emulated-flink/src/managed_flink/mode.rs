//! The snapshot mode: which of the two kinds of snapshots an application has. It goes one way.

use serde_json::{Value, json};

use super::answer::{ApiError, only, text};
use super::application::Version;

const LEGACY: &str = "APPLICATION_SNAPSHOTS_LEGACY";
/// As the model spells it.
pub(super) const ENHANCED: &str = "ENHANCED_SNAPSHOTS";
/// The first runtime with enhanced snapshots.
const FIRST: (u32, u32) = (1, 20);

/// `ApplicationSnapshotConfigurationDescription`, from what a creation says. A mode that nobody set is not told.
pub(super) fn describe(configuration: &Value) -> Result<Value, ApiError> {
    let place = "ApplicationSnapshotConfiguration";
    only(configuration, &["SnapshotsEnabled", "SnapshotMode"], place)?;
    if configuration.is_null() {
        return Ok(json!({ "SnapshotsEnabled": true }));
    }
    let mut described = json!({ "SnapshotsEnabled": enabled(configuration, "SnapshotsEnabled")? });
    if let Some(mode) = named(configuration, "SnapshotMode")? {
        described["SnapshotMode"] = mode.into();
    }
    Ok(described)
}

/// Changes a description by an `ApplicationSnapshotConfigurationUpdate`.
pub(super) fn apply(described: &mut Value, update: &Value) -> Result<(), ApiError> {
    let place = "ApplicationSnapshotConfigurationUpdate";
    only(
        update,
        &["SnapshotsEnabledUpdate", "SnapshotModeUpdate"],
        place,
    )?;
    if update.is_null() {
        return Ok(());
    }
    described["SnapshotsEnabled"] = enabled(update, "SnapshotsEnabledUpdate")?.into();
    if let Some(mode) = named(update, "SnapshotModeUpdate")? {
        if mode == LEGACY && described["SnapshotMode"] == ENHANCED {
            return Err(ApiError::invalid_argument(format!(
                "SnapshotModeUpdate: {ENHANCED} cannot be changed back to {LEGACY}"
            )));
        }
        described["SnapshotMode"] = mode.into();
    }
    Ok(())
}

/// Refuses enhanced snapshots under a runtime that has none.
pub(super) fn check_runtime(configuration: &Value, runtime: &str) -> Result<(), ApiError> {
    if is_enhanced(configuration) && !has_enhanced_snapshots(runtime) {
        return Err(ApiError::invalid_argument(format!(
            "SnapshotMode: {ENHANCED} needs FLINK-1_20 or later, the application runs {runtime}"
        )));
    }
    Ok(())
}

/// Whether a runtime has enhanced snapshots.
pub(super) fn has_enhanced_snapshots(runtime: &str) -> bool {
    release(runtime).is_some_and(|release| release >= FIRST)
}

/// `FLINK-2_2` → 2, 2.
pub(super) fn release(runtime: &str) -> Option<(u32, u32)> {
    let (major, minor) = runtime.strip_prefix("FLINK-")?.split_once('_')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}

/// Whether a configuration's description says that the snapshots are enhanced ones.
fn is_enhanced(configuration: &Value) -> bool {
    configuration["ApplicationSnapshotConfigurationDescription"]["SnapshotMode"] == ENHANCED
}

impl Version {
    /// Whether its snapshots are enhanced ones.
    pub(super) fn is_enhanced(&self) -> bool {
        is_enhanced(&self.configuration)
    }
}

fn enabled(input: &Value, member: &str) -> Result<bool, ApiError> {
    input[member]
        .as_bool()
        .ok_or_else(|| ApiError::invalid_argument(format!("{member} is required, true or false")))
}

fn named<'a>(input: &'a Value, member: &str) -> Result<Option<&'a str>, ApiError> {
    if input[member].is_null() {
        return Ok(None);
    }
    match text(input, member)? {
        mode @ (LEGACY | ENHANCED) => Ok(Some(mode)),
        other => Err(ApiError::invalid_argument(format!(
            "{member}: {other} is not a SnapshotMode"
        ))),
    }
}

//! Members of a configuration that this release does not know. The SDK drops them silently; carried over without them, an application would come back as another.
//!
//! Invariant (S10): only names leave this module; values are compared and never shown.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{Described, answer::Answer, enhanced::Members};

/// What a member holds.
enum Shape {
    /// A value, or something that is carried over whole.
    Whole,
    Members(&'static [(&'static str, Shape)]),
    /// Members of each of several.
    Each(&'static [(&'static str, Shape)]),
}

use Shape::{Each, Whole};

/// `ApplicationConfigurationDescription`, as far as this release knows it.
const KNOWN: &[(&str, Shape)] = &[
    ("SqlApplicationConfigurationDescription", Whole),
    ("ZeppelinApplicationConfigurationDescription", Whole),
    (
        "ApplicationCodeConfigurationDescription",
        Shape::Members(&[
            ("CodeContentType", Whole),
            (
                "CodeContentDescription",
                Shape::Members(&[
                    ("TextContent", Whole),
                    ("CodeMD5", Whole),
                    ("CodeSize", Whole),
                    (
                        "S3ApplicationCodeLocationDescription",
                        Shape::Members(&[
                            ("BucketARN", Whole),
                            ("FileKey", Whole),
                            ("ObjectVersion", Whole),
                        ]),
                    ),
                ]),
            ),
        ]),
    ),
    (
        "RunConfigurationDescription",
        Shape::Members(&[
            (
                "ApplicationRestoreConfigurationDescription",
                Shape::Members(&[
                    ("ApplicationRestoreType", Whole),
                    ("SnapshotName", Whole),
                    ("SnapshotArn", Whole),
                ]),
            ),
            (
                "FlinkRunConfigurationDescription",
                Shape::Members(&[("AllowNonRestoredState", Whole)]),
            ),
        ]),
    ),
    (
        "FlinkApplicationConfigurationDescription",
        Shape::Members(&[
            (
                "CheckpointConfigurationDescription",
                Shape::Members(&[
                    ("ConfigurationType", Whole),
                    ("CheckpointingEnabled", Whole),
                    ("CheckpointInterval", Whole),
                    ("MinPauseBetweenCheckpoints", Whole),
                ]),
            ),
            (
                "MonitoringConfigurationDescription",
                Shape::Members(&[
                    ("ConfigurationType", Whole),
                    ("MetricsLevel", Whole),
                    ("LogLevel", Whole),
                ]),
            ),
            (
                "ParallelismConfigurationDescription",
                Shape::Members(&[
                    ("ConfigurationType", Whole),
                    ("Parallelism", Whole),
                    ("ParallelismPerKPU", Whole),
                    ("CurrentParallelism", Whole),
                    ("AutoScalingEnabled", Whole),
                ]),
            ),
            ("JobPlanDescription", Whole),
        ]),
    ),
    (
        "EnvironmentPropertyDescriptions",
        Shape::Members(&[(
            "PropertyGroupDescriptions",
            Each(&[("PropertyGroupId", Whole), ("PropertyMap", Whole)]),
        )]),
    ),
    (
        "ApplicationSnapshotConfigurationDescription",
        Shape::Members(&[("SnapshotsEnabled", Whole), ("SnapshotMode", Whole)]),
    ),
    (
        "ApplicationSystemRollbackConfigurationDescription",
        Shape::Members(&[("RollbackEnabled", Whole)]),
    ),
    (
        "VpcConfigurationDescriptions",
        Each(&[
            ("VpcConfigurationId", Whole),
            ("VpcId", Whole),
            ("SubnetIds", Whole),
            ("SecurityGroupIds", Whole),
        ]),
    ),
    (
        "ApplicationEncryptionConfigurationDescription",
        Shape::Members(&[("KeyId", Whole), ("KeyType", Whole)]),
    ),
];

/// Unknown members by their path, with what each holds, in the order of the answer.
pub(crate) type Unknown = BTreeMap<String, Vec<Value>>;

/// The paths of the members that this release does not know and that are not the same in both versions: `ApplicationSnapshotConfigurationDescription.Mode`. Names only.
#[must_use]
pub fn unknown_members(one: &Described, other: &Described) -> Vec<String> {
    let (one, other) = (one.detail.unknown(), other.detail.unknown());
    let mut paths: Vec<&String> = one.keys().chain(other.keys()).collect();
    paths.sort_unstable();
    paths.dedup();
    paths.retain(|path| one.get(*path) != other.get(*path));
    paths.into_iter().cloned().collect()
}

/// Its `Debug` shows nothing: values may be secrets.
#[derive(Default)]
pub(crate) struct Kept {
    /// Members that this release does not know.
    pub(crate) unknown: Unknown,
    /// Members that this release knows and the SDK does not.
    pub(crate) members: Members,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept").finish_non_exhaustive()
    }
}

impl Kept {
    /// Reads what an answer says that the SDK does not know. What is no JSON the SDK has refused already.
    pub(crate) fn of(answer: &Answer) -> Self {
        let answer: Value = answer.read().unwrap_or_default();
        let detail = ["ApplicationDetail", "ApplicationVersionDetail"]
            .into_iter()
            .find_map(|name| answer.get(name));
        let mut kept = Self::default();
        if let Some(detail) = detail {
            let configuration = &detail["ApplicationConfigurationDescription"];
            members("", configuration, KNOWN, &mut kept.unknown);
            kept.members = Members::of(configuration);
        }
        kept
    }
}

fn members(place: &str, value: &Value, known: &[(&str, Shape)], unknown: &mut Unknown) {
    for (name, value) in value.as_object().into_iter().flatten() {
        let path = if place.is_empty() {
            name.clone()
        } else {
            format!("{place}.{name}")
        };
        match known.iter().find(|(known, _)| known == name) {
            Some((_, Whole)) => {}
            Some((_, Shape::Members(known))) => members(&path, value, known, unknown),
            Some((_, Each(known))) => {
                for value in value.as_array().into_iter().flatten() {
                    members(&path, value, known, unknown);
                }
            }
            // null is how a member says that it is not there.
            None if value.is_null() => {}
            None => unknown.entry(path).or_default().push(value.clone()),
        }
    }
}

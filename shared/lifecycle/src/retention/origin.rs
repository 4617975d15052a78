//! Who made a snapshot. Of an enhanced one the service says it, and a tag says which are Lifeguard's. Of a legacy one nobody does, so: Lifeguard by the form of the name, the service by
//! time against its operations, anybody else otherwise.

use std::collections::BTreeMap;

use jiff::{Timestamp, tz::TimeZone};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::{
    Application, EnhancedSnapshot, Operation, OperationKind, Snapshot, SnapshotInitiator, StackName,
};

/// Names of snapshots that Lifeguard takes begin with this.
const PREFIX: &str = "lifeguard-v";
/// The service's clock stamps a snapshot a moment before or after the operation that takes it.
const SLACK_SECS: i64 = 5;

/// Who made it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "by", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Origin {
    /// This project, on a schedule.
    Lifeguard,
    /// The service, within an operation.
    Service {
        /// The operation's name.
        operation: String,
    },
    /// A person, a pipeline, or the service within an operation that is not known any more.
    Somebody,
}

/// The name of the snapshot that a schedule's tick takes: the version and the minute. The same tick gives the same name, and the service takes a name only once.
#[must_use]
pub fn snapshot_name(version_id: u64, tick: Timestamp) -> String {
    format!(
        "{PREFIX}{version_id}-{}",
        tick.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%MZ")
    )
}

/// The tag by which an enhanced snapshot is known to be a stack's: it names the stack. Not under `lifeguard:`, whose tags only people set.
pub const TAKEN_BY_TAG: &str = "flink-lifeguard:taken-by";
/// The version that was verified when it was taken.
pub const VERIFIED_TAG: &str = "flink-lifeguard:verified-version";

/// The version that this stack had verified when it took a snapshot with these tags; None where it did not take it.
#[must_use]
pub fn verified_by_tags(tags: &BTreeMap<String, String>, stack: &StackName) -> Option<u64> {
    let taken_by = tags.get(TAKEN_BY_TAG)?;
    (taken_by == stack.as_str())
        .then(|| tags.get(VERIFIED_TAG)?.parse().ok())
        .flatten()
}

/// Characters of an application's name that an enhanced snapshot's name has room for.
const APPLICATION_CHARS: usize = 50;

/// The name of an enhanced snapshot: unique in the account and Region, so the application's ARN is in it, by its hash because its name may be too long. Nobody reads a meaning out of it.
#[must_use]
pub fn enhanced_snapshot_name(application: &Application, tick: Timestamp) -> String {
    let name = &application.name;
    // Names of applications are ASCII.
    let cut = name.get(..APPLICATION_CHARS).unwrap_or(name);
    let hash = Sha256::digest(application.arn.as_bytes());
    let hash: String = hash
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let tick = tick.to_zoned(TimeZone::UTC).strftime("%Y%m%dT%H%MZ");
    format!("lg-{cut}-{hash}-{}-{tick}", application.version_id)
}

/// Who made a snapshot, as far as can be told.
#[must_use]
pub fn origin(snapshot: &Snapshot, operations: &[Operation]) -> Origin {
    if let Some(enhanced) = &snapshot.enhanced {
        return of_enhanced(enhanced, operations);
    }
    if version_named(&snapshot.name).is_some() {
        return Origin::Lifeguard;
    }
    let at = snapshot.created_at.as_second();
    let takes_one = |operation: &&Operation| {
        matches!(
            operation.kind(),
            OperationKind::Update
                | OperationKind::Stop
                | OperationKind::Scaling
                | OperationKind::Rollback
        ) && operation.started_at.as_second() - SLACK_SECS <= at
            && operation
                .ended_at
                .is_none_or(|ended| at <= ended.as_second() + SLACK_SECS)
    };
    operations
        .iter()
        .find(takes_one)
        .map_or(Origin::Somebody, |operation| Origin::Service {
            operation: operation.name.clone(),
        })
}

fn of_enhanced(enhanced: &EnhancedSnapshot, operations: &[Operation]) -> Origin {
    if enhanced.verified_version_id.is_some() {
        return Origin::Lifeguard;
    }
    if enhanced.initiator != SnapshotInitiator::System {
        return Origin::Somebody;
    }
    let id = enhanced.operation_id.as_ref();
    let of_it = operations.iter().find(|one| Some(&one.id) == id);
    Origin::Service {
        operation: of_it.map_or("an operation", |one| &one.name).to_owned(),
    }
}

/// The version in a name of Lifeguard's own: the one that was verified. Exactly the form of [`snapshot_name`]: a person's `lifeguard-v2-before-the-migration` is a person's.
#[must_use]
pub fn version_named(name: &str) -> Option<u64> {
    let (version, tick) = name.strip_prefix(PREFIX)?.split_once('-')?;
    let (day, minute) = tick.strip_suffix('Z')?.split_once('T')?;
    let digits = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    if digits(day, 8) && digits(minute, 4) && digits(version, version.len()) {
        version.parse().ok()
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{OperationStatus, SnapshotStatus};

    fn at(text: &str) -> Timestamp {
        text.parse().expect("a date")
    }

    fn snapshot(name: &str, created: &str) -> Snapshot {
        Snapshot {
            name: name.into(),
            status: SnapshotStatus::Ready,
            version_id: 1,
            created_at: at(created),
            runtime: None,
            customer_key: None,
            enhanced: None,
        }
    }

    fn operation(name: &str) -> Operation {
        Operation {
            id: "1".into(),
            name: name.into(),
            status: OperationStatus::Successful,
            started_at: at("2026-03-01T10:00:00Z"),
            ended_at: Some(at("2026-03-01T10:02:00Z")),
            failure: None,
            rollback_operation_id: None,
        }
    }

    #[test]
    fn the_same_minute_gives_the_same_name_and_names_are_recognised() {
        let name = snapshot_name(7, at("2026-03-01T10:05:48.554Z"));
        assert_eq!(name, "lifeguard-v7-20260301T1005Z");
        assert_eq!(name, snapshot_name(7, at("2026-03-01T10:05:01Z")));
        assert_eq!(version_named(&name), Some(7));
        assert_eq!(
            origin(&snapshot(&name, "2026-03-01T10:05:50Z"), &[]),
            Origin::Lifeguard
        );
    }

    #[test]
    fn a_persons_name_that_only_resembles_ours_is_a_persons() {
        for name in [
            "lifeguard-v2-before-the-migration",
            "lifeguard-vX-20260301T1005Z",
            "lifeguard-v7-20260301T1005",
            "lifeguard-v7-2026T1005Z",
            "nightly",
        ]
        .into_iter()
        .chain([
            "lifeguard-v+7-20260301T1005Z",
            "lifeguard-v-20260301T1005Z",
            "lifeguard-v7-20260301T105Z",
            "lifeguard-v7-20260301T1O05Z",
        ]) {
            assert_eq!(version_named(name), None, "{name}");
            assert_eq!(
                origin(&snapshot(name, "2026-03-02T00:00:00Z"), &[]),
                Origin::Somebody,
                "{name}"
            );
        }
    }

    #[test]
    fn one_that_was_made_within_an_update_is_the_services_and_one_within_a_maintenance_is_not() {
        let within = snapshot("auto", "2026-03-01T10:00:07Z");
        assert_eq!(
            origin(&within, &[operation("UpdateApplication")]),
            Origin::Service {
                operation: "UpdateApplication".into()
            }
        );
        assert_eq!(
            origin(&within, &[operation("ApplicationMaintenance")]),
            Origin::Somebody
        );
        assert_eq!(
            origin(
                &snapshot("manual", "2026-03-01T11:00:00Z"),
                &[operation("UpdateApplication")]
            ),
            Origin::Somebody
        );
    }

    #[test]
    fn the_operations_that_take_a_snapshot_are_known() {
        for (name, takes_one) in [
            ("UpdateApplication", true),
            ("StopApplication", true),
            ("AutoScaling", true),
            ("RollbackApplication", true),
            ("StartApplication", false),
            ("TagResource", false),
        ] {
            let by = origin(
                &snapshot("auto", "2026-03-01T10:00:07Z"),
                &[operation("Maintenance"), operation(name)],
            );
            assert_eq!(
                by == Origin::Service {
                    operation: name.into()
                },
                takes_one,
                "{name}"
            );
        }
    }

    #[test]
    fn two_clocks_may_differ_by_five_seconds_at_either_end_of_an_operation() {
        let mut update = operation("UpdateApplication");
        for (created, within) in [
            ("09:59:54", false),
            ("09:59:55", true),
            ("10:02:05", true),
            ("10:02:06", false),
        ] {
            let by = origin(
                &snapshot("auto", &format!("2026-03-01T{created}Z")),
                std::slice::from_ref(&update),
            );
            assert_eq!(by != Origin::Somebody, within, "{created}");
        }
        update.ended_at = None;
        assert_ne!(
            origin(&snapshot("auto", "2026-03-01T11:00:00Z"), &[update]),
            Origin::Somebody,
            "it is still under way"
        );
    }

    fn enhanced(initiator: &str, verified: Option<u64>, operation: Option<&str>) -> Snapshot {
        let mut snapshot = snapshot("lifeguard-v7-20260301T1005Z", "2026-03-01T10:00:07Z");
        snapshot.enhanced = Some(EnhancedSnapshot {
            arn: "arn".into(),
            initiator: initiator.into(),
            source: crate::SnapshotSource::ThisApplication,
            operation_id: operation.map(str::to_owned),
            verified_version_id: verified,
        });
        snapshot
    }

    #[test]
    fn of_an_enhanced_one_neither_name_nor_time_says_whose_it_is() {
        let service = |operation: &str| Origin::Service {
            operation: operation.into(),
        };
        for (initiator, verified, operation, by) in [
            ("USER", Some(7), None, Origin::Lifeguard),
            ("USER", None, None, Origin::Somebody),
            ("SYSTEM", None, Some("1"), service("UpdateApplication")),
            ("SYSTEM", None, Some("2"), service("an operation")),
            ("SYSTEM", None, None, service("an operation")),
            ("NEW", None, None, Origin::Somebody),
        ] {
            let found = origin(
                &enhanced(initiator, verified, operation),
                &[operation_of("1")],
            );
            assert_eq!(found, by, "{initiator}");
        }
    }

    #[test]
    fn only_a_tag_of_this_stack_with_a_version_makes_it_this_stacks() {
        let stack = StackName::default();
        for (taken_by, version, verified) in [
            ("lifeguard", "7", Some(7)),
            ("lifeguard", "", None),
            ("lifeguard", "seven", None),
            ("other", "7", None),
            ("", "7", None),
        ] {
            let tags = [(TAKEN_BY_TAG, taken_by), (VERIFIED_TAG, version)];
            let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
            let found = verified_by_tags(&BTreeMap::from(tags), &stack);
            assert_eq!(found, verified, "{taken_by} {version}");
        }
        assert_eq!(verified_by_tags(&BTreeMap::new(), &stack), None);
    }

    fn operation_of(id: &str) -> Operation {
        Operation {
            id: id.into(),
            ..operation("UpdateApplication")
        }
    }
}

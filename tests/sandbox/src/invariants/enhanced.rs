//! S11: the service gives any enhanced snapshot of the account to any application, so whose state it is must be looked at; and only a rollback leads back over the switch of the mode.

use jiff::Timestamp;
use serde_json::Value;

use super::{
    checker::{Book, Checker},
    invariant::Invariant,
};
use crate::managed_flink::{SnapshotView, VersionView};

/// The tag of the enhanced snapshots that are Lifeguard's, spelt out: the checks must not trust what they check. Its value is the name of the stack.
pub const OWN_TAG: &str = "flink-lifeguard:taken-by";
/// Beside it: the version that was verified.
pub const VERSION_TAG: &str = "flink-lifeguard:verified-version";

impl Checker {
    /// The application that a request about a snapshot of the account concerns.
    pub(super) fn source_of(&self, body: &Value) -> Option<String> {
        let listed = body["SourceApplicationName"].as_str().map(str::to_owned);
        let name = body["SnapshotName"].as_str();
        listed.or_else(|| {
            let all = self.region.flink().account_snapshots().into_iter();
            let found = all.filter(|one| Some(one.name.as_str()) == name);
            found
                .filter_map(|one| one.enhanced?.source)
                .map(|(of, _)| of)
                .next()
        })
    }

    /// The snapshot that a restore configuration names.
    pub(super) fn restored(&self, application: &str, restore: &Value) -> Option<SnapshotView> {
        let flink = self.region.flink();
        if let Some(arn) = restore["SnapshotArn"].as_str() {
            let is_it = |one: &SnapshotView| one.enhanced.as_ref().is_some_and(|it| it.arn == arn);
            return flink.account_snapshots().into_iter().find(is_it);
        }
        let name = restore["SnapshotName"].as_str()?;
        let own = flink.application(application)?.snapshots;
        own.into_iter()
            .find(|one| one.name == name && one.enhanced.is_none())
    }

    /// A step that rolls back begins: the way back over the switch of the mode is being tried.
    pub(super) fn tries_rollback(&self, book: &mut Book, application: &str) {
        if let Some(standing) = self.region.flink().standing(application) {
            book.rollbacks_tried
                .insert((application.to_owned(), standing.version));
        }
    }

    /// Lifeguard restores this snapshot of its own accord, or as a person asked.
    pub(super) fn whose_state(
        &self,
        book: &mut Book,
        verb: &str,
        application: &str,
        snapshot: &SnapshotView,
        asked: bool,
    ) {
        let Some(view) = self.region.flink().application(application) else {
            return;
        };
        let foreign = foreign(snapshot, application, view.created, asked);
        let now = self.now();
        book.verdicts
            .check(Invariant::S11, foreign.is_none(), now, application, || {
                format!(
                    "{verb} with {}: {}",
                    snapshot.name,
                    foreign.unwrap_or_default()
                )
            });
    }

    /// Lifeguard updates an application of its own accord.
    pub(super) fn way_back(&self, book: &mut Book, application: &str, present: i64) {
        let versions = self.region.flink().versions(application);
        let tried = book
            .rollbacks_tried
            .contains(&(application.to_owned(), present));
        let burns = burns(&versions, present) && !tried;
        let now = self.now();
        book.verdicts
            .check(Invariant::S11, !burns, now, application, || {
                format!("UpdateApplication of version {present}, which has switched the snapshot mode, and no rollback was tried")
            });
    }
}

/// Why an application must not be started from a snapshot; None where it may be.
pub(super) fn foreign(
    snapshot: &SnapshotView,
    application: &str,
    created: Timestamp,
    asked: bool,
) -> Option<String> {
    match &snapshot.enhanced.as_ref()?.source {
        Some((of, at)) if of == application && *at == created => None,
        Some((of, at)) => Some(format!(
            "it is of {of}, created at {at}, and this one was created at {created}"
        )),
        None if asked => None,
        None => Some("it was imported, and nobody asked for it".to_owned()),
    }
}

/// Whether an update of this version takes away the only way back over the switch of the mode.
fn burns(versions: &[VersionView], present: i64) -> bool {
    match versions {
        [.., before, last] => last.id == present && last.enhanced && !before.enhanced,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::managed_flink::{EnhancedView, SnapshotStatus};

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn snapshot(source: Option<(&str, i64)>) -> SnapshotView {
        SnapshotView {
            name: "nightly".to_owned(),
            status: SnapshotStatus::Ready,
            version: 1,
            created: at(100),
            runtime: "FLINK-1_20".to_owned(),
            enhanced: Some(EnhancedView {
                arn: String::new(),
                by_service: false,
                tags: [].into(),
                source: source.map(|(of, created)| (of.to_owned(), at(created))),
            }),
        }
    }

    #[test]
    fn only_the_state_of_this_very_application_is_its_own() {
        let legacy = SnapshotView {
            enhanced: None,
            ..snapshot(None)
        };
        for (one, asked, holds) in [
            (legacy, false, true),
            (snapshot(Some(("orders", 7))), false, true),
            (snapshot(Some(("payments", 7))), false, false),
            (snapshot(Some(("payments", 7))), true, false),
            (snapshot(Some(("orders", 6))), true, false),
            (snapshot(None), false, false),
            (snapshot(None), true, true),
        ] {
            let found = foreign(&one, "orders", at(7), asked);
            assert_eq!(found.is_none(), holds, "{one:?}: {found:?}");
        }
    }

    #[test]
    fn an_update_of_the_version_that_switched_burns_the_way_back_and_no_other_does() {
        let versions = |modes: &[bool]| -> Vec<VersionView> {
            let version = |(id, enhanced): (i64, &bool)| VersionView {
                id,
                code: String::new(),
                was_overwritten: false,
                runtime: String::new(),
                launched: None,
                created: at(id),
                enhanced: *enhanced,
                content: 0,
                rolled_back_to: None,
            };
            (1..).zip(modes).map(version).collect()
        };
        for (modes, present, burnt) in [
            (&[false, true][..], 2, true),
            (&[false, false], 2, false),
            (&[true, true], 2, false),
            (&[false, true, true], 3, false),
            (&[false, true, true], 2, false),
            (&[true], 1, false),
            (&[false, true, false], 3, false),
        ] {
            assert_eq!(burns(&versions(modes), present), burnt, "{modes:?}");
        }
    }
}

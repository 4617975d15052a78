//! Enhanced snapshots: restored by ARN, never another application's, and the one-way switch of the mode (cR13).

mod support;

use lifecycle::{
    Assessment, Decision, EnhancedSnapshot, Part, Reason, Restore, Snapshot, SnapshotInitiator,
    SnapshotMode, SnapshotSource, SourceApplication, Step, Verdict, Wanted, unfit,
};
use support::{rescues::*, *};

fn arn(name: &str) -> String {
    format!("arn:aws:kinesisanalytics:eu-central-1:000000000000:snapshot/{name}")
}

fn enhanced(name: &str, age: i64) -> Snapshot {
    of(name, age, SnapshotSource::ThisApplication)
}

fn of(name: &str, age: i64, source: SnapshotSource) -> Snapshot {
    let mut snapshot = a_snapshot(name, age);
    snapshot.enhanced = Some(EnhancedSnapshot {
        arn: arn(name),
        initiator: SnapshotInitiator::User,
        source,
        operation_id: None,
        verified_version_id: None,
    });
    snapshot
}

impl Case {
    fn modes(mut self, stored: &str, before: &str) -> Self {
        self.seen.application.snapshot_mode = stored.into();
        for version in &mut self.seen.versions {
            version.snapshot_mode = before.into();
        }
        self
    }

    fn with(mut self, snapshot: Snapshot) -> Self {
        self.seen.snapshots.push(snapshot);
        self
    }
}

const LEGACY: &str = "APPLICATION_SNAPSHOTS_LEGACY";
const ENHANCED: &str = "ENHANCED_SNAPSHOTS";

/// Version 2 ran for days, 3 and 4 are bad: only the restore steps lead back.
fn two_bad_deployments(stored: &str, good: &str) -> Case {
    an_application("orders")
        .version(4)
        .made(minutes(30))
        .looping_every(secs(10))
        .with_snapshot("of-before", hours(3))
        .with(enhanced("before-3", hours(3)))
        .rescuing()
        .going_to(2, days(5), hours(2))
        .rescue(|it| it.snapshot.chosen = Some(enhanced("before-3", hours(3))))
        .modes(stored, good)
}

fn stopped(case: Case) -> Case {
    case.ready()
        .operation("StopApplication", "SUCCESSFUL", minutes(5), Some(30))
        .step(
            Step::ForceStop,
            minutes(5) + 1,
            accepted_as("StopApplication-300"),
        )
}

#[track_caller]
fn from(decision: &Decision) -> (String, Option<String>) {
    match &decision.action.plan().expect("a plan").restore {
        Some(Restore::Snapshot {
            snapshot_name,
            snapshot_arn,
        }) => (snapshot_name.clone(), snapshot_arn.clone()),
        other => panic!("no snapshot is named: {other:?}"),
    }
}

#[test]
fn an_enhanced_snapshot_is_restored_by_its_arn_and_a_legacy_one_by_its_name() {
    let start = |mode: &str, chosen: Snapshot| {
        stopped(two_bad_deployments(mode, mode))
            .rescue(|it| it.snapshot.chosen = Some(chosen))
            .step(Step::RestoreConfiguration, 100, accepted())
            .must("start", Reason::NextStep)
    };
    let by_arn = start(ENHANCED, enhanced("before-3", hours(3)));
    assert_eq!(from(&by_arn), ("before-3".into(), Some(arn("before-3"))));
    let by_name = start(LEGACY, a_snapshot("of-before", hours(3)));
    assert_eq!(from(&by_name), ("of-before".into(), None));
    let json = serde_json::to_value(by_name.action.plan()).unwrap();
    assert_eq!(
        json["restore"],
        serde_json::json!({ "snapshotName": "of-before" })
    );
}

#[test]
fn a_legacy_snapshot_is_not_what_an_enhanced_application_is_stopped_for() {
    let mut case = two_bad_deployments(ENHANCED, ENHANCED)
        .rescue(|it| it.snapshot.chosen = Some(a_snapshot("of-before", hours(3))));
    let decision = case.clone().must("forceStop", Reason::NextStep);
    let chosen = decision.progress.rescue.unwrap().snapshot;
    assert_eq!(chosen.chosen.unwrap().name, "before-3");
    says(&chosen.passed_over[0].why, &["of the mode before"]);
    case.seen.snapshots.retain(|one| one.enhanced.is_none());
    let decision = case.must("escalate", Reason::NoSnapshot);
    says(
        &decision.reason,
        &["orders was not stopped", "of-before", "of the mode before"],
    );
}

#[test]
fn a_mode_that_is_not_known_is_named_and_nothing_is_touched() {
    for case in [
        a_rescue().modes("SNAPSHOTS_OF_TOMORROW", LEGACY),
        a_rescue()
            .modes("SNAPSHOTS_OF_TOMORROW", LEGACY)
            .asked(rollback()),
        a_rescue()
            .modes("SNAPSHOTS_OF_TOMORROW", LEGACY)
            .asked(restore()),
    ] {
        let decision = case.must("escalate", Reason::UnknownSetting);
        says(
            &decision.reason,
            &["SNAPSHOTS_OF_TOMORROW", "nothing was changed"],
        );
    }
    let target = two_bad_deployments(ENHANCED, "SNAPSHOTS_OF_TOMORROW");
    let decision = target.must("escalate", Reason::UnknownSetting);
    says(
        &decision.reason,
        &["version 2 is SNAPSHOTS_OF_TOMORROW", "was not stopped"],
    );
}

/// Version 7, which loops, switched to enhanced snapshots; 6 had not.
fn switched() -> Case {
    a_rescue().modes(ENHANCED, LEGACY)
}

#[test]
fn back_over_the_switch_the_rollback_goes_first_even_past_a_newer_snapshot() {
    // The only way that the service has: any update of ours would close it.
    let decision = switched()
        .with(enhanced("since", minutes(5)))
        .must("rollback", Reason::ChangeToBlame);
    says(&decision.reason, &["version 7 back to version 6"]);
    // Without a switch, a snapshot since the change closes it as ever.
    let same = a_rescue()
        .modes(ENHANCED, ENHANCED)
        .with(enhanced("before", hours(1)))
        .with(enhanced("since", minutes(5)))
        .rescue(|it| it.snapshot.chosen = Some(enhanced("before", hours(1))))
        .must("forceStop", Reason::NextStep);
    says(
        &same.reason,
        &["since was taken", "not proven before the start"],
    );
    // One that is another life's may not be taken by the service either.
    let foreign = SnapshotSource::EarlierLife {
        created_at: ago(days(90)),
    };
    a_rescue()
        .modes(ENHANCED, ENHANCED)
        .with(enhanced("before", hours(1)))
        .with(of("since", minutes(5), foreign))
        .rescue(|it| it.snapshot.chosen = Some(enhanced("before", hours(1))))
        .must("rollback", Reason::ChangeToBlame);
}

#[test]
fn where_the_rollback_over_the_switch_is_refused_the_mode_stays_or_nothing_is_stopped() {
    let refused = || switched().step(Step::Rollback, minutes(2), refused());
    let decision = refused().must("escalate", Reason::NoSnapshot);
    says(
        &decision.reason,
        &["was not stopped", "before-change", "of the mode before"],
    );
    let decision = refused()
        .with(enhanced("by-the-switch", minutes(35)))
        .must("forceStop", Reason::NextStep);
    says(
        &decision.reason,
        &[
            "version 6 used legacy snapshots",
            "the mode stays ENHANCED_SNAPSHOTS",
        ],
    );
    let rescue = decision.progress.rescue.unwrap();
    assert_eq!(rescue.snapshot.chosen.unwrap().name, "by-the-switch");
}

#[test]
fn from_ready_no_rollback_leads_over_the_switch_and_no_update_is_sent_without_a_snapshot() {
    let failed = || a_failed_update().modes(ENHANCED, LEGACY);
    let decision = failed().must("escalate", Reason::NoSnapshot);
    says(&decision.reason, &["before-change", "of the mode before"]);
    // The one that a rescue had planned is gone: nothing is stored that nothing could be started from.
    let mut gone = failed().rescuing();
    gone.seen.snapshots.clear();
    let decision = gone.must("escalate", Reason::NoSnapshot);
    says(&decision.reason, &["before-change was planned"]);
    failed()
        .with(enhanced("by-the-switch", minutes(20)))
        .must("restoreConfiguration", Reason::NextStep);
}

#[test]
fn a_version_with_enhanced_snapshots_is_not_put_back_over_one_without() {
    let case = two_bad_deployments(LEGACY, ENHANCED)
        .rescue(|it| it.snapshot.chosen = Some(a_snapshot("of-before", hours(3))));
    let decision = case.must("escalate", Reason::EveryStepUsed);
    says(
        &decision.reason,
        &["was not stopped", "no update takes that switch back"],
    );
}

#[test]
fn whose_state_a_snapshot_holds_is_told_by_name_and_creation_time() {
    let mut application = an_application("orders").seen.application;
    application.created_at = Some(ago(days(10)));
    let source = |name: &str, age: Option<i64>| SourceApplication {
        name: name.into(),
        created_at: age.map(ago),
    };
    for (source, expected, may_be_restored) in [
        (
            Some(source("orders", Some(days(10)))),
            "ThisApplication",
            [true, true],
        ),
        (
            Some(source("orders", Some(days(10) + 1))),
            "ThisApplication",
            [true, true],
        ),
        (
            Some(source("orders", Some(days(10) + 2))),
            "EarlierLife",
            [false, false],
        ),
        (
            Some(source("payments", Some(days(10)))),
            "AnotherApplication",
            [false, false],
        ),
        (Some(source("orders", None)), "NotRead", [false, false]),
        (None, "Imported", [false, true]),
    ] {
        let found = SnapshotSource::of(source.as_ref(), &application);
        assert!(
            format!("{found:?}").starts_with(expected),
            "{source:?}: {found:?}"
        );
        let may = [false, true].map(|is_named| found.why_not(is_named).is_none());
        assert_eq!(may, may_be_restored, "{found:?}");
    }
    application.created_at = None;
    let unknown = SnapshotSource::of(Some(&source("orders", Some(days(10)))), &application);
    assert_eq!(unknown, SnapshotSource::NotRead);
}

#[test]
fn what_an_application_restores_is_of_its_own_kind_its_own_and_not_of_a_newer_runtime() {
    type Change = fn(&mut Snapshot);
    let rows: [(&str, bool, Change, &str); 8] = [
        (ENHANCED, false, |_| {}, ""),
        (LEGACY, false, |_| {}, "does not use those"),
        (
            ENHANCED,
            true,
            |it| it.enhanced = None,
            "of the mode before",
        ),
        (
            "NEW",
            false,
            |_| {},
            "is NEW, which this release does not know",
        ),
        (
            ENHANCED,
            true,
            |it| it.runtime = Some("FLINK-2_3".into()),
            "does not fit FLINK-2_2",
        ),
        (
            ENHANCED,
            true,
            |it| it.runtime = None,
            "its runtime is not known",
        ),
        (
            ENHANCED,
            false,
            |it| source(it, SnapshotSource::Imported),
            "it was imported",
        ),
        (
            ENHANCED,
            true,
            |it| {
                source(
                    it,
                    SnapshotSource::AnotherApplication {
                        name: "payments".into(),
                    },
                )
            },
            "another application, payments",
        ),
    ];
    fn source(it: &mut Snapshot, source: SnapshotSource) {
        it.enhanced.as_mut().unwrap().source = source;
    }
    let unfit = |mode: &str, is_named: bool, snapshot: &Snapshot| {
        let wanted = Wanted {
            runtime: &"FLINK-2_2".into(),
            cutoff: None,
            limits: None,
            mode: Some(&SnapshotMode::from(mode)),
            is_named,
        };
        unfit(snapshot, &wanted, now())
    };
    for (mode, is_named, change, why) in rows {
        let mut snapshot = enhanced("s", hours(1));
        snapshot.runtime = Some("FLINK-2_2".into());
        change(&mut snapshot);
        let found = unfit(mode, is_named, &snapshot).unwrap_or_default();
        assert!(
            found.contains(why) && why.is_empty() == found.is_empty(),
            "{mode} {found}"
        );
    }
    // An older runtime fits, and an import on a person's word, whose runtime nobody says.
    let mut older = enhanced("s", hours(1));
    older.runtime = Some("FLINK-2_1".into());
    assert_eq!(unfit(ENHANCED, false, &older), None);
    let mut imported = of("s", hours(1), SnapshotSource::Imported);
    imported.runtime = None;
    assert_eq!(unfit(ENHANCED, true, &imported), None);
}

#[test]
fn what_was_restored_is_held_against_the_plan_by_arn() {
    let started = |named: &str| {
        let mut case = two_bad_deployments(ENHANCED, ENHANCED)
            .with(enhanced("since", minutes(50)))
            .step(Step::ForceStop, minutes(20), accepted())
            .step(Step::RestoreConfiguration, minutes(16), accepted())
            .application(|it| it.version_id = 5)
            .step(Step::Start, minutes(15), accepted())
            .job(a_job(minutes(14)))
            .judged(Assessment::Healthy {
                since: ago(minutes(14)),
            });
        case.seen.application.started_from_arn = Some(arn(named));
        case.decide().reason
    };
    says(
        &started("before-3"),
        &["restored from snapshot before-3, as planned"],
    );
    says(&started("since"), &["CHECK THE STATE", "since"]);
    says(&started("nobody-knows"), &["could not be confirmed"]);
}

#[test]
fn the_tag_of_an_enhanced_snapshot_and_not_its_name_says_that_a_version_was_healthy() {
    let verdict = |verified: Option<u64>, source: SnapshotSource| {
        let mut snapshot = of("lifeguard-v6-2026", hours(3), source);
        snapshot.enhanced.as_mut().unwrap().verified_version_id = verified;
        let mut case = an_application("orders")
            .made(minutes(5))
            .looping_every(secs(35))
            .unreadable(Part::Series, "throttled")
            .modes(ENHANCED, ENHANCED)
            .with(snapshot);
        case.seen.versions[0].created_at = Some(ago(days(9)));
        case.verdict()
    };
    let ours = verdict(Some(6), SnapshotSource::ThisApplication);
    assert!(matches!(ours, Verdict::Change { good: 6, .. }), "{ours:?}");
    let earlier = SnapshotSource::EarlierLife {
        created_at: ago(days(90)),
    };
    for (verified, source) in [
        (None, SnapshotSource::ThisApplication),
        (Some(5), SnapshotSource::ThisApplication),
        (Some(6), earlier),
    ] {
        let found = verdict(verified, source);
        assert!(
            matches!(found, Verdict::CannotTell { .. }),
            "{verified:?}: {found:?}"
        );
    }
}

#[test]
fn one_that_was_made_anew_under_the_planned_name_is_not_the_planned_one() {
    let mut case = two_bad_deployments(ENHANCED, ENHANCED).with(enhanced("older", hours(4)));
    for one in &mut case.seen.snapshots {
        if one.name == "before-3" {
            one.created_at = ago(minutes(1));
        }
    }
    let decision = case.must("forceStop", Reason::NextStep);
    let chosen = decision.progress.rescue.unwrap().snapshot;
    assert_eq!(chosen.chosen.unwrap().name, "older");
    let passed_over = chosen.passed_over.iter().map(|one| one.why.as_str());
    says(
        &passed_over.collect::<Vec<_>>().join("; "),
        &["another was taken under its name"],
    );
}

#[test]
fn the_report_names_the_operation_within_which_the_service_took_it() {
    let taken_within = |id: Option<&str>| {
        let mut chosen = enhanced("before-3", hours(3));
        chosen.enhanced.as_mut().unwrap().operation_id = id.map(str::to_owned);
        let case = stopped(two_bad_deployments(ENHANCED, ENHANCED))
            .rescue(|it| it.snapshot.chosen = Some(chosen))
            .step(Step::RestoreConfiguration, 100, accepted());
        case.must("start", Reason::NextStep).reason
    };
    says(
        &taken_within(Some("StopApplication-300")),
        &["taken within StopApplication of 2026"],
    );
    for unknown in [None, Some("of 91 days ago")] {
        assert!(!taken_within(unknown).contains("taken within"));
    }
}

#[test]
fn a_start_whose_enhanced_snapshot_was_deleted_or_made_anew_is_followed_by_one_from_the_next() {
    let started = || {
        stopped(two_bad_deployments(ENHANCED, ENHANCED))
            .step(Step::RestoreConfiguration, 100, accepted())
            .step(Step::Start, 60, refused())
            .with(enhanced("older", hours(4)))
    };
    let mut deleted = started();
    deleted.seen.snapshots.retain(|one| one.name != "before-3");
    let mut anew = started();
    for one in &mut anew.seen.snapshots {
        if one.name == "before-3" {
            one.created_at = ago(minutes(1));
        }
    }
    for case in [deleted, anew] {
        let decision = case.must("start", Reason::NextStep);
        assert_eq!(from(&decision), ("older".into(), Some(arn("older"))));
    }
}

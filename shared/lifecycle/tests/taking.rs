//! When a snapshot is wanted, and what one look must show before it is taken.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "support/stock.rs"]
mod stock;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use lifecycle::{
    Application, ApplicationStatus, Assessment, Checkpoints, Faults, Job, JobState, Observation,
    Operation, OperationStatus, Policy, Runtime, Snapshot, SnapshotPolicy, SnapshotStatus, Vertex,
    Watch,
    retention::{JobNow, LOOK_VALID_SECS, Lease, Need, Stock, may_take, need, verified},
};
use stock::{ago, now};

const SOAK: u32 = 303;

fn application(status: ApplicationStatus) -> Application {
    Application {
        status,
        ..stock::application(6)
    }
}

fn snapshot(name: &str, status: SnapshotStatus, age_secs: i64) -> Snapshot {
    Snapshot {
        name: name.into(),
        status,
        version_id: 6,
        created_at: ago(age_secs),
        runtime: None,
        customer_key: None,
        enhanced: None,
    }
}

fn needed(application: &Application, snapshots: &[Snapshot]) -> Need {
    let policy = SnapshotPolicy::default();
    need(&Stock {
        application,
        snapshots,
        operations: Ok(&[]),
        policy: &policy,
        tags_parse: true,
        lease: &Lease::Free,
        now: now(),
    })
}

#[test]
fn one_is_due_when_the_newest_would_get_too_old_before_the_next_check() {
    let running = application(ApplicationStatus::Running);
    for (age_secs, is_due) in [(0, false), (17_999, false), (18_000, true), (90_000, true)] {
        let need = needed(&running, &[snapshot("s", SnapshotStatus::Ready, age_secs)]);
        assert_eq!(
            matches!(need, Need::Due { .. }),
            is_due,
            "{age_secs}: {need:?}"
        );
    }
    assert!(
        matches!(needed(&running, &[]), Need::Due { .. }),
        "an empty list is no trouble"
    );
    assert!(
        matches!(
            needed(&running, &[snapshot("s", SnapshotStatus::Failed, 60)]),
            Need::Due { .. }
        ),
        "a failed one is none"
    );
}

#[test]
fn one_under_way_is_waited_for_and_one_that_is_stuck_is_not() {
    let running = application(ApplicationStatus::Running);
    assert!(matches!(
        needed(&running, &[snapshot("s", SnapshotStatus::Creating, 3_600)]),
        Need::Underway { .. }
    ));
    assert!(matches!(
        needed(&running, &[snapshot("s", SnapshotStatus::Creating, 3_601)]),
        Need::Due { .. }
    ));
}

#[test]
fn none_is_wanted_of_what_cannot_have_one() {
    for status in [
        "READY",
        "STARTING",
        "STOPPING",
        "UPDATING",
        "AUTOSCALING",
        "FORCE_STOPPING",
        "ROLLING_BACK",
        "MAINTENANCE",
        "ROLLED_BACK",
        "NEW",
    ] {
        assert!(
            matches!(
                needed(&application(ApplicationStatus::from(status)), &[]),
                Need::NotNow { .. }
            ),
            "{status}"
        );
    }
    let mut other = application(ApplicationStatus::Running);
    other.snapshots_enabled = Some(false);
    assert!(matches!(needed(&other, &[]), Need::NotNow { .. }));
    other = application(ApplicationStatus::Running);
    other.runtime = Runtime::from("SQL-1_0");
    assert!(matches!(needed(&other, &[]), Need::NotNow { .. }));
}

#[test]
fn every_need_says_why() {
    let running = application(ApplicationStatus::Running);
    let ready =
        |age_secs| needed(&running, &[snapshot("s1", SnapshotStatus::Ready, age_secs)]).why();
    assert_eq!(
        ready(60),
        "the newest, s1, is 1 min old; the next is due at 5 h"
    );
    assert_eq!(
        ready(20_000),
        "the newest, s1, is 5 h 33 min old; from 5 h on the next is due"
    );
    assert_eq!(
        needed(&running, &[snapshot("s1", SnapshotStatus::Creating, 60)]).why(),
        "snapshot s1 is being taken"
    );
    assert_eq!(needed(&running, &[]).why(), "there is no READY snapshot");
    let stopped = needed(&application(ApplicationStatus::Ready), &[]).why();
    assert_eq!(
        stopped,
        "the application is READY: a snapshot can be taken of a RUNNING one only"
    );
}

/// One look at a job that has run for two hours; its history of checkpoints reaches back only so far.
fn look(history_secs: i64, change: impl FnOnce(&mut Job)) -> (Observation, Assessment) {
    let mut job = Job {
        id: "a".into(),
        state: JobState::Running,
        at: now(),
        started_at: ago(7_200),
        running_at: Some(ago(7_190)),
        restarting_at: None,
        vertices: vec![Vertex {
            name: "v".into(),
            parallelism: 2,
            tasks: BTreeMap::from([("RUNNING".to_owned(), 2)]),
        }],
        max_attempt: 0,
        restarts_metric: Some(0),
        faults: Faults::default(),
        checkpoints: Some(Checkpoints {
            completed: 700,
            latest_completed_at: Some(ago(5)),
            oldest_completed_triggered_at: Some(ago(history_secs)),
            ..Checkpoints::default()
        }),
    };
    change(&mut job);
    let observation = Observation {
        at: now(),
        application: application(ApplicationStatus::Running),
        versions: Vec::new(),
        operations: Vec::new(),
        job: Some(job),
        snapshots: Vec::new(),
        tags: None,
        unreadable: Vec::new(),
    };
    let (_, assessment) = Watch::default().after(&observation, SOAK);
    (observation, assessment)
}

fn policy() -> Policy {
    Policy {
        soak_secs: SOAK,
        ..Policy::default()
    }
}

fn is_verified(history_secs: i64, change: impl FnOnce(&mut Job)) -> bool {
    let (observation, assessment) = look(history_secs, change);
    verified(&observation, &assessment, &policy()).is_ok()
}

#[test]
fn a_history_of_checkpoints_that_covers_a_soak_proves_it() {
    assert!(matches!(look(600, |_| {}).1, Assessment::Healthy { .. }));
    assert!(is_verified(600, |_| {}));
}

#[test]
fn with_checkpoints_every_few_seconds_the_quiet_of_the_sticky_signals_proves_it() {
    assert!(
        matches!(look(100, |_| {}).1, Assessment::Settling { .. }),
        "the verifier alone would ask for another look"
    );
    assert!(is_verified(100, |_| {}));
    assert!(
        is_verified(100, |job| (
            job.restarting_at,
            job.running_at,
            job.max_attempt
        ) = (Some(ago(3_000)), Some(ago(2_990)), 1)),
        "an old restart"
    );
}

#[test]
fn an_old_fault_that_left_its_time_is_quiet_too() {
    let fault = |age_secs| {
        move |job: &mut Job| (job.faults.known, job.faults.newest_at) = (1, Some(ago(age_secs)))
    };
    assert!(is_verified(100, fault(3_000)));
    assert!(!is_verified(100, fault(300)));
}

#[test]
fn a_checkpoint_must_have_completed_within_a_soak_unless_there_are_none() {
    let completed = |age_secs| {
        move |job: &mut Job| {
            job.checkpoints.as_mut().unwrap().latest_completed_at = Some(ago(age_secs))
        }
    };
    assert!(is_verified(100, completed(i64::from(SOAK))));
    assert!(!is_verified(100, completed(i64::from(SOAK) + 1)));
    let (mut observation, assessment) = look(100, |job| job.checkpoints = None);
    observation.application.checkpointing_enabled = Some(false);
    assert!(
        verified(&observation, &assessment, &policy()).is_ok(),
        "checkpointing is off"
    );
    observation.application.checkpointing_enabled = None;
    assert!(
        verified(&observation, &assessment, &policy()).is_err(),
        "it may be on"
    );
    let off = |job: &mut Job| {
        job.checkpoints = Some(Checkpoints {
            is_off: true,
            ..Checkpoints::default()
        });
    };
    assert!(is_verified(100, off), "Flink itself says that it is off");
}

/// Found by a simulated night: the state took twelve minutes to restore, and the job had been up for four.
#[test]
fn a_job_that_may_have_spent_the_quiet_time_restoring_its_state_is_not_verified() {
    let started = |secs| {
        move |job: &mut Job| (job.started_at, job.running_at) = (ago(secs), Some(ago(secs - 1)))
    };
    let settle = i64::from(policy().settle_timeout_secs);
    assert!(!is_verified(100, started(934)));
    assert!(!is_verified(100, started(i64::from(SOAK) + settle)));
    assert!(is_verified(100, started(i64::from(SOAK) + settle + 1)));
    // A policy that gives up after a minute does not make jobs come up within one.
    let hasty = Policy {
        settle_timeout_secs: 60,
        ..policy()
    };
    for (up, expected) in [
        (i64::from(SOAK) + 900, false),
        (i64::from(SOAK) + 901, true),
    ] {
        let (observation, assessment) = look(100, started(up));
        assert_eq!(
            verified(&observation, &assessment, &hasty).is_ok(),
            expected,
            "{up} s"
        );
    }
}

#[test]
fn one_look_never_verifies_what_may_be_looping() {
    assert!(
        !is_verified(100, |job| (job.restarting_at, job.running_at) =
            (Some(ago(200)), Some(ago(190)))),
        "a recent restart"
    );
    assert!(
        !is_verified(100, |job| job.max_attempt = 1),
        "a restart that left no time"
    );
    assert!(
        !is_verified(100, |job| job.restarts_metric = Some(3)),
        "restarts that left no time"
    );
    assert!(
        !is_verified(100, |job| job.faults.newest_at = Some(ago(30))),
        "a recent exception"
    );
    assert!(
        !is_verified(100, |job| job.started_at = ago(100)),
        "just started"
    );
    assert!(!is_verified(100, |job| job.vertices[0].tasks =
        BTreeMap::from([
            ("RUNNING".to_owned(), 1),
            ("DEPLOYING".to_owned(), 1)
        ])));
    assert!(!is_verified(100, |job| job.state = JobState::Restarting));
}

#[test]
fn one_look_never_verifies_what_makes_no_progress_or_cannot_be_read() {
    assert!(!is_verified(7_000, |job| job
        .checkpoints
        .as_mut()
        .unwrap()
        .latest_completed_at =
        Some(ago(6_500))));
    assert!(!is_verified(100, |job| job.checkpoints = None));
    let (mut observation, _) = look(600, |_| {});
    observation.job = None;
    assert!(
        verified(
            &observation,
            &Assessment::Unknown {
                why: "throttled".into()
            },
            &policy()
        )
        .is_err()
    );
    for assessment in [
        Assessment::Finished,
        Assessment::Stopped {
            why: "by hand".into(),
        },
    ] {
        assert!(verified(&look(600, |_| {}).0, &assessment, &policy()).is_err());
    }
}

fn operation(name: &str, status: OperationStatus, age_secs: i64) -> Operation {
    Operation {
        id: format!("{name}-{age_secs}"),
        name: name.into(),
        status,
        started_at: ago(age_secs),
        ended_at: None,
        failure: None,
        rollback_operation_id: None,
    }
}

/// A look that proves the job healthy, and what is read after it, right before the snapshot is asked for.
struct Moment {
    look: Observation,
    assessment: Assessment,
    application: Application,
    operations: Result<Vec<Operation>, &'static str>,
    lease: Lease,
    job_now: Result<JobNow, &'static str>,
    now: Timestamp,
}

/// Whether a snapshot may be taken at this moment, but for the change.
fn asked(change: impl FnOnce(&mut Moment)) -> Result<(), String> {
    let (mut look, assessment) = look(600, |_| {});
    // Newest last: the order of the list says nothing.
    look.operations = [50_000, 40_000]
        .map(|age| operation("UpdateApplication", OperationStatus::Successful, age))
        .to_vec();
    let mut moment = Moment {
        application: look.application.clone(),
        operations: Ok(look.operations.clone()),
        lease: Lease::Free,
        job_now: Ok(JobNow {
            id: "a".into(),
            state: JobState::Running,
            started_at: ago(7_200),
        }),
        now: now(),
        look,
        assessment,
    };
    change(&mut moment);
    let snapshots = SnapshotPolicy::default();
    let stock = Stock {
        application: &moment.application,
        snapshots: &[],
        operations: moment.operations.as_deref().map_err(|why| *why),
        policy: &snapshots,
        tags_parse: true,
        lease: &moment.lease,
        now: moment.now,
    };
    may_take(
        &stock,
        &moment.look,
        &moment.assessment,
        moment.job_now.as_ref().map_err(|why| *why),
        &policy(),
    )
}

#[test]
fn one_may_be_taken_of_what_is_still_as_it_was_verified() {
    assert_eq!(asked(|_| {}), Ok(()));
    assert_eq!(
        asked(|moment| moment.now = now() + SignedDuration::from_secs(LOOK_VALID_SECS)),
        Ok(()),
        "a look is valid so long"
    );
    assert_eq!(
        asked(|moment| moment.operations.as_mut().unwrap().reverse()),
        Ok(()),
        "the order of the operations says nothing"
    );
}

#[test]
fn none_is_taken_once_anything_has_changed_since_the_look_or_cannot_be_read() {
    type Change = fn(&mut Moment);
    let rows: [(&str, Change); 15] = [
        ("a rescue is running (execution-1)", |moment| {
            moment.lease = Lease::Held {
                by: "execution-1".into(),
                intent: None,
            }
        }),
        (
            "whether a rescue is running could not be read: throttled",
            |moment| {
                moment.lease = Lease::Unknown {
                    why: "throttled".into(),
                }
            },
        ),
        ("the look is 3 min 1 s old", |moment| {
            moment.now = now() + SignedDuration::from_secs(181)
        }),
        ("the application is STOPPING", |moment| {
            moment.application.status = ApplicationStatus::Stopping
        }),
        (
            "the application is at version 7, and version 6 was verified",
            |moment| moment.application.version_id = 7,
        ),
        (
            "the application is at version 6, and version 6 was verified",
            |moment| moment.application.version_created_at = Some(ago(9)),
        ),
        ("the operations could not be read: throttled", |moment| {
            moment.operations = Err("throttled")
        }),
        ("another operation has begun since the look", |moment| {
            moment.operations.as_mut().unwrap().push(operation(
                "StopApplication",
                OperationStatus::Successful,
                10,
            ))
        }),
        ("another operation has begun since the look", |moment| {
            moment.operations.as_mut().unwrap().clear()
        }),
        ("it is not verified healthy: stopped by hand", |moment| {
            moment.assessment = Assessment::Stopped {
                why: "stopped by hand".into(),
            }
        }),
        ("the look shows no job", |moment| moment.look.job = None),
        ("the job could not be seen again: timed out", |moment| {
            moment.job_now = Err("timed out")
        }),
        ("now b is RUNNING", |moment| {
            moment.job_now.as_mut().unwrap().id = "b".into()
        }),
        ("now a is RUNNING", |moment| {
            moment.job_now.as_mut().unwrap().started_at = ago(9)
        }),
        ("now a is RESTARTING", |moment| {
            moment.job_now.as_mut().unwrap().state = JobState::Restarting
        }),
    ];
    for (why, change) in rows {
        let refused = asked(change).expect_err(why);
        assert!(refused.contains(why), "{refused}");
    }
    // One that was under way at the look already.
    let under_way = asked(|moment| {
        for operations in [
            &mut moment.look.operations,
            moment.operations.as_mut().unwrap(),
        ] {
            operations.push(operation(
                "StopApplication",
                OperationStatus::InProgress,
                10,
            ));
        }
    });
    assert_eq!(under_way, Err("StopApplication is in progress".into()));
}

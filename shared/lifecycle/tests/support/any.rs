//! Anything that could be observed, remembered, allowed and asked: strategies for the properties, boxed, because nested
//! tuples of them outgrow a test thread's stack. Times lie within ten days before `NOW_SECS`.
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a vocabulary for tests only"
)]

use jiff::Timestamp;
use lifecycle::*;
use proptest::{collection::vec, option, prelude::*, sample::select};

use crate::support::{self, NOW_SECS, a_fault, ago};

fn secs_ago() -> impl Strategy<Value = i64> {
    // Near times matter most: that is where rules have their edges.
    prop_oneof![4 => 0..600_i64, 4 => 600..8_000_i64, 1 => 8_000..864_000_i64, 1 => -300..0_i64]
}

pub fn time() -> impl Strategy<Value = Timestamp> {
    (secs_ago(), 0..1_000_i64).prop_map(|(secs, millis)| {
        Timestamp::from_millisecond((NOW_SECS - secs) * 1000 + millis).unwrap()
    })
}

fn status() -> impl Strategy<Value = ApplicationStatus> {
    let busy = [
        "STARTING",
        "STOPPING",
        "UPDATING",
        "AUTOSCALING",
        "FORCE_STOPPING",
        "ROLLING_BACK",
        "MAINTENANCE",
        "DELETING",
        "HIBERNATING",
    ];
    prop_oneof![6 => Just("RUNNING"), 4 => Just("READY"), 1 => Just("ROLLED_BACK"), 4 => select(busy.to_vec())].prop_map(ApplicationStatus::from)
}

fn runtime() -> impl Strategy<Value = Runtime> {
    prop_oneof![8 => Just("FLINK-1_20"), 1 => Just("FLINK-1_18"), 1 => Just("FLINK-2_2"), 1 => Just("SQL-1_0")].prop_map(Runtime::from)
}

fn version() -> impl Strategy<Value = u64> {
    prop_oneof![6 => Just(7_u64), 3 => Just(6_u64), 1 => 1..12_u64]
}

fn snapshot_mode() -> impl Strategy<Value = SnapshotMode> {
    prop_oneof![8 => Just("APPLICATION_SNAPSHOTS_LEGACY"), 4 => Just("ENHANCED_SNAPSHOTS"), 1 => Just("NEW")].prop_map(SnapshotMode::from)
}

/// None may be used: no policy here names any.
fn customer_key() -> impl Strategy<Value = Option<String>> {
    option::weighted(0.1, Just("arn:aws:kms:key".to_owned()))
}

fn enhanced() -> impl Strategy<Value = Option<EnhancedSnapshot>> {
    let source = prop_oneof![
        8 => Just(SnapshotSource::ThisApplication),
        1 => Just(SnapshotSource::AnotherApplication { name: "payments".into() }),
        1 => time().prop_map(|created_at| SnapshotSource::EarlierLife { created_at }),
        1 => Just(SnapshotSource::Imported),
        1 => Just(SnapshotSource::NotRead),
    ];
    let initiator = select(&["USER", "SYSTEM", "NEW"][..]);
    let enhanced = (source, initiator).prop_map(|(source, initiator)| EnhancedSnapshot {
        arn: "arn".into(),
        initiator: initiator.into(),
        source,
        operation_id: None,
        verified_version_id: None,
    });
    option::weighted(0.4, enhanced)
}

fn application() -> BoxedStrategy<Application> {
    let versions = (
        version(),
        option::weighted(0.9, version()),
        option::weighted(0.1, version()),
    );
    let flags = (
        option::of(any::<bool>()),
        option::of(any::<bool>()),
        option::of(any::<bool>()),
        option::of(any::<bool>()),
    );
    (
        status(),
        versions,
        option::weighted(0.9, time()),
        runtime(),
        flags,
        (snapshot_mode(), customer_key()),
    )
        .prop_map(
            |(status, (id, from, back), created, runtime, flags, (mode, key))| Application {
                name: "orders".into(),
                arn: "arn:orders".into(),
                status,
                version_id: id,
                version_created_at: created,
                version_updated_from: from,
                version_rolled_back_from: back,
                version_rolled_back_to: back,
                runtime,
                snapshots_enabled: flags.0,
                system_rollback_enabled: flags.1,
                checkpointing_enabled: flags.2,
                allow_non_restored_state: flags.3,
                created_at: None,
                checkpoint_interval_secs: None,
                content: None,
                changed: None,
                snapshot_mode: mode,
                customer_key: key,
                started_from_arn: None,
            },
        )
        .boxed()
}

fn operation() -> BoxedStrategy<Operation> {
    let names = [
        "StartApplication",
        "UpdateApplication",
        "StopApplication",
        "RollbackApplication",
        "Maintenance",
        "AutoScaling",
        "TagResource",
    ];
    let statuses = prop_oneof![5 => Just("SUCCESSFUL"), 3 => Just("FAILED"), 2 => Just("IN_PROGRESS"), 1 => Just("CANCELLED"), 1 => Just("PAUSED")];
    (
        "[a-d]",
        select(names.to_vec()),
        statuses,
        time(),
        option::weighted(0.8, 0..4_000_i64),
    )
        .prop_map(|(id, name, status, began, took)| Operation {
            id,
            name: name.into(),
            status: OperationStatus::from(status),
            started_at: began,
            ended_at: took.map(|took| began + jiff::SignedDuration::from_secs(took)),
            failure: (status == "FAILED").then(|| "it did not work".into()),
            rollback_operation_id: None,
        })
        .boxed()
}

fn snapshot() -> BoxedStrategy<Snapshot> {
    let statuses = prop_oneof![6 => Just("READY"), 1 => Just("CREATING"), 1 => Just("DELETING"), 1 => Just("FAILED"), 1 => Just("ARCHIVED")];
    (
        "s[0-9]",
        statuses,
        version(),
        time(),
        option::weighted(0.9, runtime()),
        (enhanced(), customer_key()),
    )
        .prop_map(
            |(name, status, version_id, created_at, runtime, (enhanced, customer_key))| Snapshot {
                name,
                status: SnapshotStatus::from(status),
                version_id,
                created_at,
                runtime,
                customer_key,
                enhanced,
            },
        )
        .boxed()
}

fn vertex() -> BoxedStrategy<Vertex> {
    let tasks = prop_oneof![
        4 => Just(vec![("RUNNING", 2)]),
        1 => Just(vec![("FINISHED", 1), ("RUNNING", 1)]),
        1 => Just(vec![("INITIALIZING", 1), ("RUNNING", 1)]),
        1 => Just(vec![("FAILED", 1), ("CANCELED", 1)]),
        1 => Just(vec![("RUNNING", u32::MAX), ("FINISHED", u32::MAX)]),
        1 => Just(vec![]),
    ];
    tasks.prop_map(|tasks| support::vertex(&tasks)).boxed()
}

fn faults() -> BoxedStrategy<Faults> {
    (
        0..20_u32,
        any::<bool>(),
        option::of(time()),
        option::of(time()),
        option::of(1..2_000_000_i64),
    )
        .prop_map(|(known, truncated, first, newest, gap)| Faults {
            known,
            truncated,
            first: first.map(a_fault),
            newest_at: newest,
            newest: newest.map(a_fault),
            incidents: first.into_iter().chain(newest).collect(),
            repeats: newest.into_iter().collect(),
            shortest_gap_millis: gap,
        })
        .boxed()
}

fn checkpoints() -> BoxedStrategy<Checkpoints> {
    (
        0..99_u64,
        0..9_u64,
        option::of(time()),
        option::of(time()),
        any::<bool>(),
        option::of(("s[0-9]", time())),
    )
        .prop_map(
            |(completed, failed, latest, oldest, savepoint, restored)| Checkpoints {
                // Drawn with the rest, now and then.
                is_off: completed % 8 == 7,
                completed,
                failed,
                latest_completed_at: latest,
                oldest_completed_triggered_at: oldest,
                stopped_with_savepoint: savepoint,
                latest_restored: restored.map(|(name, at)| Restored {
                    id: 1,
                    at,
                    is_savepoint: true,
                    path: Some(format!("s3://b/{name}/x")),
                }),
            },
        )
        .boxed()
}

pub fn job() -> BoxedStrategy<Job> {
    let states = [
        "INITIALIZING",
        "CREATED",
        "FAILING",
        "FAILED",
        "CANCELLING",
        "CANCELED",
        "FINISHED",
        "RESTARTING",
        "SUSPENDED",
        "NEW",
    ];
    let state = prop_oneof![6 => Just("RUNNING"), 4 => select(states.to_vec())];
    let times = (time(), time(), option::of(time()), option::of(time()));
    let sticky = (
        prop_oneof![3 => Just(0_u32), 1 => 0..9_u32, 1 => Just(u32::MAX)],
        option::of(prop_oneof![4 => 0..30_u64, 1 => Just(u64::MAX)]),
    );
    (
        select(&["job-1", "job-2"][..]),
        state,
        times,
        vec(vertex(), 0..4),
        sticky,
        prop_oneof![Just(Faults::default()), faults()],
        option::weighted(0.8, checkpoints()),
    )
        .prop_map(
            |(
                id,
                state,
                (at, started_at, running_at, restarting_at),
                vertices,
                (max_attempt, restarts_metric),
                faults,
                checkpoints,
            )| Job {
                id: id.into(),
                state: JobState::from(state),
                at,
                started_at,
                running_at,
                restarting_at,
                vertices,
                max_attempt,
                restarts_metric,
                faults,
                checkpoints,
            },
        )
        .boxed()
}

fn tags() -> BoxedStrategy<Option<std::collections::BTreeMap<String, String>>> {
    let pair =
        |key: &'static str, value: &'static str| (format!("lifeguard:{key}"), value.to_owned());
    let others = select(vec![
        pair("mode", "act"),
        pair("mode", "observe"),
        pair("mode", "ACT"),
        pair("soak", "30s"),
        pair("operation-timeout", "10m"),
        pair("rescues-per-day", "0"),
        pair("colour", "blue"),
    ]);
    let managed = prop_oneof![9 => Just(Some("true")), 1 => Just(Some("false")), 1 => Just(None)];
    let given = (managed, vec(others, 0..2)).prop_map(move |(managed, others)| {
        managed
            .map(|value| pair("managed", value))
            .into_iter()
            .chain(others)
            .collect()
    });
    option::weighted(0.95, given).boxed()
}

fn unreadable() -> BoxedStrategy<Vec<Unreadable>> {
    let parts = vec![
        Part::Operations,
        Part::Snapshots,
        Part::Versions,
        Part::Job,
        Part::Exceptions,
        Part::Checkpoints,
        Part::Metrics,
    ];
    prop_oneof![3 => Just(vec![]), 1 => vec(select(parts).prop_map(|what| Unreadable { what, why: "throttled".into(), refusal: None }), 1..3)].boxed()
}

/// Whatever a look may find; what is unreadable is empty, as the verifier leaves it.
pub fn observation() -> BoxedStrategy<Observation> {
    let versions = vec(
        (version(), runtime(), snapshot_mode(), customer_key()),
        0..3,
    )
    .prop_map(|all| {
        all.into_iter()
            .map(|(id, runtime, snapshot_mode, customer_key)| Version {
                runtime,
                snapshot_mode,
                customer_key,
                ..crate::support::a_version(id)
            })
            .collect::<Vec<_>>()
    });
    (
        application(),
        versions,
        vec(operation(), 0..6),
        option::weighted(0.8, job()),
        vec(snapshot(), 0..5),
        tags(),
        unreadable(),
    )
        .prop_map(
            |(application, versions, mut operations, job, snapshots, tags, unreadable)| {
                operations.sort_by_key(|operation| std::cmp::Reverse(operation.started_at));
                let mut seen = Observation {
                    at: ago(0),
                    application,
                    versions,
                    operations,
                    job,
                    snapshots,
                    tags,
                    unreadable,
                };
                if seen.why_unreadable(Part::Operations).is_some() {
                    seen.operations.clear();
                }
                if seen.why_unreadable(Part::Snapshots).is_some() {
                    seen.snapshots.clear();
                }
                if seen.why_unreadable(Part::Job).is_some() || seen.application.status.is_busy() {
                    seen.job = None;
                }
                seen
            },
        )
        .boxed()
}

pub fn policy() -> BoxedStrategy<Policy> {
    (
        prop_oneof![5 => Just(Mode::Act), 1 => Just(Mode::Observe)],
        30..600_u32,
        60..4_000_u32,
        0..4_u32,
        60..200_000_u32,
        600..20_000_u32,
        any::<bool>(),
    )
        .prop_map(
            |(mode, soak_secs, timeout, rescues_per_day, age, deadline_secs, word)| Policy {
                rolls_back_when_suspected: word,
                quiet_until: None,
                mode,
                soak_secs,
                operation_timeout_secs: timeout,
                settle_timeout_secs: timeout,
                rescues_per_day,
                max_snapshot_age_secs: age,
                deadline_secs,
                ..Policy::default()
            },
        )
        .boxed()
}

pub fn ledger() -> BoxedStrategy<LedgerView> {
    let read = (
        proptest::collection::btree_map(version(), time(), 0..2),
        0..4_u32,
    )
        .prop_map(|(soaked, rescues_today)| {
            Ok(Ledger {
                soaked,
                rescues_today,
                ..Ledger::default()
            })
        });
    prop_oneof![9 => read, 1 => Just(Err("throttled".to_owned()))].boxed()
}

pub fn request() -> BoxedStrategy<Option<Request>> {
    let restore = (
        option::of(version()),
        option::of("s[0-9]"),
        any::<bool>(),
        option::of(any::<bool>()),
    )
        .prop_map(
            |(application_version_id, snapshot_name, without_state, allow_non_restored_state)| {
                Request::Restore {
                    application_version_id,
                    snapshot_name,
                    without_state,
                    allow_non_restored_state,
                }
            },
        );
    let some = prop_oneof![
        Just(Request::Rollback {}),
        Just(Request::ForceStop {}),
        restore
    ];
    option::weighted(0.5, some).boxed()
}

pub fn result() -> impl Strategy<Value = StepResult> {
    let errors = [
        "Lifeguard.Stale",
        "Lifeguard.Retryable",
        "Lifeguard.Refused",
        "Lifeguard.CannotCarry",
        "Lifeguard.StoredOtherwise",
        "States.Timeout",
        "Lambda.Unknown",
        "New",
    ];
    prop_oneof![
        option::of("[a-d]").prop_map(|operation_id| StepResult::Accepted { operation_id }),
        select(errors.to_vec()).prop_map(|error| StepResult::Failed {
            error: error.into(),
            message: "no".into()
        }),
    ]
}

fn step() -> BoxedStrategy<StepTaken> {
    let steps = select(
        &[
            Step::Rollback,
            Step::ForceStop,
            Step::RestoreConfiguration,
            Step::Start,
        ][..],
    );
    (steps, time(), version(), option::weighted(0.9, result()))
        .prop_map(|(step, at, version_id, result)| StepTaken {
            before: None,
            tries: 1,
            first_at: None,
            step,
            at,
            version_id,
            result,
        })
        .boxed()
}

fn rescue() -> BoxedStrategy<Rescue> {
    (
        version(),
        version(),
        runtime(),
        time(),
        time(),
        option::weighted(0.8, snapshot()),
        option::weighted(0.4, select(&[Only::Rollback, Only::OnceMore][..])),
    )
        .prop_map(
            |(faulty_version_id, good_version_id, good_runtime, cutoff, fault_at, chosen, only)| {
                Rescue {
                    only,
                    faulty_version_id,
                    good_version_id,
                    good_runtime,
                    cutoff,
                    fault_at,
                    because: "it loops".into(),
                    snapshot: SnapshotChoice {
                        chosen,
                        passed_over: vec![],
                    },
                    fault: None,
                    restored: None,
                    instead_of: None,
                    steps_before: 0,
                }
            },
        )
        .boxed()
}

fn shared() -> impl Strategy<Value = Shared> {
    (option::of(time()), any::<bool>(), any::<bool>()).prop_map(|(since, looked, told)| Shared {
        in_line_since: since,
        has_looked_around: looked,
        is_told_by_others: told,
    })
}

fn trouble(name: &'static str) -> BoxedStrategy<Trouble> {
    let ends = [
        Came::RunsAgain,
        Came::Recovered,
        Came::SameFault,
        Came::GivenUp,
    ];
    let end = (select(ends.to_vec()), time()).prop_map(|(is, at)| TroubleEnd { is, at });
    (
        prop_oneof![Just(name), select(&["a", "b", "c", "d"][..])],
        time(),
        option::of(select(&["java.lang.IllegalArgumentException", "a.B"][..])),
        (any::<bool>(), any::<bool>()),
        option::of(end),
    )
        .prop_map(
            |(application, began, class, (is_proven, is_blamed), end)| Trouble {
                application: application.into(),
                began,
                class: class.map(str::to_owned),
                version_id: 7,
                made_at: None,
                is_proven,
                is_blamed,
                end,
            },
        )
        .boxed()
}

/// Whatever others may have told.
pub fn others() -> BoxedStrategy<Others> {
    let told = prop_oneof![
        9 => vec(trouble("e"), 0..9).prop_map(Ok),
        1 => Just(Err("throttled".to_owned()))
    ];
    (option::of(trouble("orders")), told, any::<bool>())
        .prop_map(|(own, told, is_teller)| Others {
            own,
            told,
            is_teller,
        })
        .boxed()
}

/// What an execution may remember: steps only within a rescue, as every decision writes it.
pub fn progress() -> BoxedStrategy<Progress> {
    let doubt = || {
        option::of((time(), any::<bool>()).prop_map(|(since, told)| Doubt {
            since,
            told,
            refused: None,
        }))
    };
    let under_way = (rescue(), vec(step(), 1..5), option::of(time()), doubt()).prop_map(
        |(rescue, steps, waiting_since, doubt)| Progress {
            rescue: Some(rescue),
            steps,
            waiting_since,
            doubt,
            shared: Shared::default(),
        },
    );
    let fresh =
        (option::of(time()), doubt(), shared()).prop_map(|(waiting_since, doubt, shared)| {
            Progress {
                waiting_since,
                doubt,
                shared,
                ..Progress::default()
            }
        });
    prop_oneof![fresh, under_way].boxed()
}

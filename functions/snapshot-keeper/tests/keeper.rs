//! The keeper over the real SDK client: what is sent, how often, and what never is. Each change: refused, run twice, its answer lost.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../shared/managed-flink/tests/support/mod.rs"]
mod support;

#[path = "keeper/enhanced.rs"]
mod enhanced;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex},
};

use jiff::{SignedDuration, Timestamp};
use lambda_kit::{Env, ErrorType, Failure, Function, Invocation, Metrics, answer};
use lifecycle::{
    Application, ApplicationStatus, Assessment, Checkpoints, Faults, Job, JobState, Observation,
    Operation, OperationStatus, Runtime, Vertex,
};
use serde_json::{Value, json};
use snapshot_keeper::SnapshotKeeper;
use support::{Call, Double, Wire, service::Fault};

const NOW_SECS: i64 = 1_795_345_200;
const HOUR: i64 = 3_600;
const TICK: &str = "2026-11-22T11:00:07Z";
const JOB: &str = "a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0a0";

fn now() -> Timestamp {
    Timestamp::from_second(NOW_SECS).unwrap()
}

fn ago(secs: i64) -> Timestamp {
    now() - SignedDuration::from_secs(secs)
}

/// The service, with one application.
struct World {
    status: &'static str,
    version: u64,
    runtime: &'static str,
    snapshots_enabled: bool,
    tags: BTreeMap<String, String>,
    /// Name to status and creation time, in milliseconds.
    snapshots: BTreeMap<String, (&'static str, i64)>,
    operations: Vec<Value>,
    job: &'static str,
    faults: VecDeque<(&'static str, Fault)>,
    /// More applications in the list.
    others: usize,
    /// Enhanced snapshots, where the application uses those.
    enhanced: Option<enhanced::Store>,
    /// Verbs that are never answered, as when they are held for longer than an attempt.
    held: Vec<&'static str>,
}

#[derive(Clone)]
struct Service {
    world: Arc<Mutex<World>>,
    double: Double,
    metrics: Arc<Mutex<Vec<String>>>,
}

impl Service {
    /// Opted in, RUNNING at version 7, and one READY snapshot of that age.
    fn with_newest(age_secs: i64) -> Self {
        let world = World {
            status: "RUNNING",
            version: 7,
            runtime: "FLINK-1_20",
            snapshots_enabled: true,
            tags: BTreeMap::from([("lifeguard:managed".to_owned(), "true".to_owned())]),
            snapshots: BTreeMap::from([(
                "nightly".to_owned(),
                ("READY", (NOW_SECS - age_secs) * 1000),
            )]),
            operations: vec![
                json!({ "Operation": "UpdateApplication", "OperationId": "op-1", "StartTime": 1_790_000_000.0, "EndTime": 1_790_000_090.0, "OperationStatus": "SUCCESSFUL" }),
            ],
            job: JOB,
            faults: VecDeque::new(),
            others: 0,
            enhanced: None,
            held: Vec::new(),
        };
        let world = Arc::new(Mutex::new(world));
        let own = Arc::clone(&world);
        Self {
            world,
            double: Double::new(move |call| own.lock().unwrap().answer(call)),
            metrics: Arc::default(),
        }
    }

    /// Due, and twenty of Lifeguard's own a day apart: some of them are to be deleted.
    fn crowded() -> Self {
        let service = Self::with_newest(6 * HOUR);
        service.set(|world| {
            for day in 1..=20_i64 {
                let at = ago(day * 24 * HOUR + 123);
                world.snapshots.insert(
                    lifecycle::retention::snapshot_name(7, at),
                    ("READY", at.as_millisecond() + 456),
                );
            }
        });
        service
    }

    fn set(&self, change: impl FnOnce(&mut World)) -> &Self {
        change(&mut self.world.lock().unwrap());
        self
    }

    fn fault(&self, verb: &'static str, fault: Fault) -> &Self {
        self.set(|world| world.faults.push_back((verb, fault)))
    }

    async fn run_in(&self, mode: &'static str, event: Value) -> Result<Value, Failure> {
        self.run_with(&[("MODE", mode)], event).await
    }

    async fn run_with(&self, env: &[(&str, &str)], event: Value) -> Result<Value, Failure> {
        let sink = Arc::clone(&self.metrics);
        let aws = self
            .double
            .aws()
            .with_metrics(Metrics::to(move |line| sink.lock().unwrap().push(line)));
        let function = SnapshotKeeper::build(&env.iter().copied().collect::<Env>(), &aws).unwrap();
        let result = answer(
            &function,
            event,
            Invocation {
                request_id: "r1".into(),
                now: now(),
            },
        )
        .await;
        assert!(
            !format!("{result:?}").contains("marker"),
            "a secret in the answer: {result:?}"
        );
        result
    }

    async fn run(&self, event: Value) -> Result<Value, Failure> {
        self.run_in("act", event).await
    }

    /// Requests that change something, by verb.
    fn changes(&self) -> Vec<(String, Value)> {
        let changing = |call: &Call| {
            let created = ["CreateApplicationSnapshot", "CreateSnapshot"];
            created.contains(&call.verb.as_str()) || call.verb.starts_with("Delete")
        };
        self.double
            .calls()
            .into_iter()
            .filter(changing)
            .map(|call| (call.verb, call.body))
            .collect()
    }

    fn sent(&self, verb: &str) -> usize {
        self.double.bodies(verb).len()
    }
}

impl World {
    fn answer(&mut self, call: &Call) -> Wire {
        let fault = self
            .faults
            .iter()
            .position(|(verb, _)| *verb == call.verb)
            .and_then(|at| self.faults.remove(at));
        if self.held.iter().any(|verb| *verb == call.verb) {
            return Wire::Silence;
        }
        match fault {
            Some((_, Fault::Refuse(code, text))) => Wire::error(400, code, &text),
            Some((_, Fault::Status(status))) => Wire::with_headers(status, &[], "unavailable"),
            Some((_, Fault::Cut)) => Wire::Broken,
            Some((_, Fault::LoseAnswer)) => {
                self.carry_out(call);
                Wire::Broken
            }
            None => self.carry_out(call),
        }
    }

    fn snapshot(&self, name: &str) -> Option<Value> {
        let (status, at) = self.snapshots.get(name)?;
        #[allow(clippy::cast_precision_loss, reason = "milliseconds fit")]
        let at = *at as f64 / 1000.0;
        Some(
            json!({ "SnapshotName": name, "SnapshotStatus": status, "ApplicationVersionId": self.version, "SnapshotCreationTimestamp": at, "RuntimeEnvironment": self.runtime }),
        )
    }

    fn carry_out(&mut self, call: &Call) -> Wire {
        let named = call.body["SnapshotName"].as_str().unwrap_or_default();
        if let Some(answer) = self.enhanced.as_mut().and_then(|it| it.answer(call)) {
            return answer;
        }
        let mode = self.enhanced.as_ref().map(|it| it.mode);
        match call.verb.as_str() {
            "DescribeApplication" => Wire::json(
                200,
                &json!({ "ApplicationDetail": {
                    "ApplicationARN": "arn:orders", "ApplicationName": "orders", "RuntimeEnvironment": self.runtime, "ApplicationStatus": self.status,
                    "ApplicationVersionId": self.version, "ApplicationVersionCreateTimestamp": 1_790_000_000.0,
                    "CreateTimestamp": enhanced::MADE,
                    "ApplicationConfigurationDescription": {
                        "ApplicationSnapshotConfigurationDescription": { "SnapshotsEnabled": self.snapshots_enabled, "SnapshotMode": mode } } } }),
            ),
            "ListTagsForResource" => {
                let tags: Vec<Value> = self
                    .tags
                    .iter()
                    .map(|(key, value)| json!({ "Key": key, "Value": value }))
                    .collect();
                Wire::json(200, &json!({ "Tags": tags }))
            }
            "ListApplicationSnapshots" => {
                let all: Vec<Value> = self
                    .snapshots
                    .keys()
                    .filter_map(|name| self.snapshot(name))
                    .collect();
                Wire::json(200, &json!({ "SnapshotSummaries": all }))
            }
            "ListApplicationOperations" => Wire::json(
                200,
                &json!({ "ApplicationOperationInfoList": self.operations }),
            ),
            "DescribeApplicationSnapshot" => match self.snapshot(named) {
                Some(snapshot) => Wire::json(200, &json!({ "SnapshotDetails": snapshot })),
                None => Wire::error(
                    400,
                    "ResourceNotFoundException",
                    "there is no such snapshot",
                ),
            },
            "CreateApplicationSnapshot" if self.snapshots.contains_key(named) => {
                Wire::error(400, "InvalidArgumentException", "there is one already")
            }
            "CreateApplicationSnapshot" => {
                self.snapshots
                    .insert(named.to_owned(), ("CREATING", NOW_SECS * 1000));
                Wire::json(200, &json!({}))
            }
            "DeleteApplicationSnapshot" => {
                let known = self
                    .snapshot(named)
                    .map(|snapshot| snapshot["SnapshotCreationTimestamp"].clone());
                if known.as_ref().and_then(Value::as_f64)
                    != call.body["SnapshotCreationTimestamp"].as_f64()
                {
                    return Wire::error(
                        400,
                        "InvalidArgumentException",
                        "SnapshotCreationTimestamp is not that of the snapshot",
                    );
                }
                self.snapshots.get_mut(named).unwrap().0 = "DELETING";
                Wire::json(200, &json!({}))
            }
            "CreateApplicationPresignedUrl" => Wire::json(
                200,
                &json!({ "AuthorizedUrl": "https://x.flink.eu-west-1.amazonaws.com/flinkdashboard?authToken=marker-token" }),
            ),
            "ListApplications" => {
                let summary = |name: &str, runtime: &str| json!({ "ApplicationName": name, "ApplicationARN": format!("arn:{name}"), "ApplicationStatus": "RUNNING", "ApplicationVersionId": 7, "RuntimeEnvironment": runtime });
                let mut listed = vec![summary("orders", "FLINK-1_20"), summary("old", "SQL-1_0")];
                listed
                    .extend((0..self.others).map(|at| summary(&format!("app-{at}"), "FLINK-1_20")));
                Wire::json(
                    200,
                    &json!({ "ApplicationSummaries": listed, "NextToken": "more" }),
                )
            }
            "" if call.url.contains("/jobs/overview") => Wire::json(
                200,
                &json!({ "jobs": [{ "jid": self.job, "name": "orders", "state": "RUNNING", "start-time": ago(5 * HOUR).as_millisecond(), "end-time": -1 }] }),
            ),
            other => panic!("a call that nobody expects: {other} {}", call.url),
        }
    }
}

/// What the verifier saw just now: healthy.
fn look(change: impl FnOnce(&mut Observation)) -> Value {
    let job = Job {
        id: JOB.into(),
        state: JobState::Running,
        at: now(),
        started_at: ago(5 * HOUR),
        running_at: Some(ago(5 * HOUR)),
        restarting_at: None,
        vertices: vec![Vertex {
            name: "v".into(),
            parallelism: 1,
            tasks: BTreeMap::from([("RUNNING".to_owned(), 1)]),
        }],
        max_attempt: 0,
        restarts_metric: Some(0),
        faults: Faults::default(),
        checkpoints: Some(Checkpoints {
            completed: 9,
            latest_completed_at: Some(ago(10)),
            ..Checkpoints::default()
        }),
    };
    let mut observation = Observation {
        at: ago(5),
        application: Application {
            name: "orders".into(),
            arn: "arn:orders".into(),
            status: ApplicationStatus::Running,
            version_id: 7,
            version_created_at: Timestamp::from_second(1_790_000_000).ok(),
            version_updated_from: None,
            version_rolled_back_from: None,
            version_rolled_back_to: None,
            runtime: Runtime::from("FLINK-1_20"),
            snapshots_enabled: Some(true),
            system_rollback_enabled: None,
            checkpointing_enabled: None,
            allow_non_restored_state: None,
            created_at: None,
            checkpoint_interval_secs: None,
            content: None,
            changed: None,
            snapshot_mode: lifecycle::SnapshotMode::Legacy,
            customer_key: None,
            started_from_arn: None,
        },
        versions: Vec::new(),
        operations: vec![Operation {
            id: "op-1".into(),
            name: "UpdateApplication".into(),
            status: OperationStatus::Successful,
            started_at: Timestamp::from_second(1_790_000_000).unwrap(),
            ended_at: Timestamp::from_second(1_790_000_090).ok(),
            failure: None,
            rollback_operation_id: None,
        }],
        job: Some(job),
        snapshots: Vec::new(),
        tags: None,
        unreadable: Vec::new(),
    };
    change(&mut observation);
    json!({ "observation": observation, "assessment": Assessment::Healthy { since: ago(HOUR) } })
}

fn act(look: &Value) -> Value {
    json!({
        "step": "act", "applicationName": "orders", "tick": TICK, "look": look, "lease": { "is": "free" }, "leaseReadAt": ago(5), "dryRun": false
    })
}

fn healthy() -> Value {
    act(&look(|_| {}))
}

const NAME: &str = "lifeguard-v7-20261122T1100Z";

#[tokio::test]
async fn a_check_changes_nothing_and_says_what_is_to_come() {
    for (age_secs, did, next) in [(HOUR, "fresh", "done"), (6 * HOUR, "due", "look")] {
        let service = Service::with_newest(age_secs);
        let row = service
            .run(json!({ "step": "check", "applicationName": "orders" }))
            .await
            .unwrap();
        assert_eq!((&row["did"], &row["next"]), (&did.into(), &next.into()));
        assert!(service.changes().is_empty());
        assert_eq!(
            service.sent("CreateApplicationPresignedUrl"),
            0,
            "a check never looks at a job"
        );
        let line = service.metrics.lock().unwrap()[0].clone();
        assert!(
            line.contains(&format!("\"SnapshotAge\":{age_secs}"))
                && line.contains("\"Snapshots\":1")
                && line.contains("\"SnapshotsStale\":0"),
            "{line}"
        );
    }
}

#[tokio::test]
async fn one_is_taken_of_a_healthy_application_named_by_version_and_tick() {
    let service = Service::with_newest(6 * HOUR);
    let row = service.run(healthy()).await.unwrap();
    assert_eq!(
        (&row["did"], &row["snapshotName"], &row["needsPerson"]),
        (&"taken".into(), &NAME.into(), &false.into())
    );
    assert_eq!(
        service.changes(),
        [(
            "CreateApplicationSnapshot".to_owned(),
            json!({ "ApplicationName": "orders", "SnapshotName": NAME })
        )]
    );
    // For the book of versions.
    assert_eq!(row["soaked"]["attribute"], "soaked 7");
    assert!(row["soaked"]["at"].is_string(), "{row}");
}

#[tokio::test]
async fn what_is_not_worth_a_snapshot_has_not_soaked_and_a_dry_run_remembers_nothing() {
    let mut unseen = healthy();
    unseen["look"] = Value::Null;
    let mut dry = healthy();
    dry["dryRun"] = true.into();
    for event in [unseen, dry] {
        let row = Service::with_newest(6 * HOUR).run(event).await.unwrap();
        assert_eq!(row["soaked"], Value::Null, "{row}");
    }
}

#[tokio::test]
async fn the_same_tick_run_twice_takes_one() {
    let service = Service::with_newest(6 * HOUR);
    service.run(healthy()).await.unwrap();
    let row = service.run(healthy()).await.unwrap();
    assert_eq!(
        (&row["did"], &row["snapshotName"]),
        (&"taken".into(), &NAME.into()),
        "the second try reports the first one's"
    );
    assert_eq!(service.sent("CreateApplicationSnapshot"), 1);
}

#[tokio::test]
async fn a_lost_answer_leads_to_a_look_and_not_to_a_second_request() {
    let service = Service::with_newest(6 * HOUR);
    service.fault("CreateApplicationSnapshot", Fault::LoseAnswer);
    assert_eq!(service.run(healthy()).await.unwrap()["did"], "taken");
    assert_eq!(service.sent("CreateApplicationSnapshot"), 1);
}

/// What may or may not have reached the service: 5xx, 429, a broken connection.
fn passing_faults() -> Vec<Fault> {
    vec![
        Fault::Status(500),
        Fault::Status(503),
        Fault::Status(504),
        Fault::Status(429),
        Fault::Cut,
    ]
}

/// As often as the SDK sends a read.
const ATTEMPTS: usize = 4;

#[tokio::test(start_paused = true)]
async fn a_request_that_may_not_have_arrived_is_tried_again_by_the_state_machine() {
    for fault in passing_faults() {
        let told = format!("{fault:?}");
        let service = Service::with_newest(6 * HOUR);
        service.fault("CreateApplicationSnapshot", fault);
        let failure = service.run(healthy()).await.unwrap_err();
        assert_eq!(failure.error_type, ErrorType::Retryable, "{told}");
        assert_eq!(
            service.sent("CreateApplicationSnapshot"),
            1,
            "{told}: never repeated by the function itself"
        );
        let row = service.run(healthy()).await.unwrap();
        assert_eq!(
            (&row["did"], &row["snapshotName"], &row["needsPerson"]),
            (&"taken".into(), &NAME.into(), &false.into()),
            "{told}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_that_cannot_be_looked_up_either_takes_no_second_snapshot() {
    for status in ["CREATING", "READY"] {
        let service = Service::with_newest(6 * HOUR);
        service.fault("CreateApplicationSnapshot", Fault::LoseAnswer);
        for _ in 0..ATTEMPTS {
            service.fault("DescribeApplicationSnapshot", Fault::Status(500));
        }
        let failure = service.run(healthy()).await.unwrap_err();
        assert_eq!(failure.error_type, ErrorType::Retryable);
        service.set(|world| world.snapshots.get_mut(NAME).unwrap().0 = status);
        let row = service.run(healthy()).await.unwrap();
        assert_eq!(
            (&row["did"], &row["snapshotName"]),
            (&"taken".into(), &NAME.into()),
            "{status}: it is this tick's own"
        );
        assert_eq!(service.sent("CreateApplicationSnapshot"), 1, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_delete_that_may_not_have_arrived_is_sent_once_more_with_the_same_time_stamp() {
    let all = Service::crowded().run(healthy()).await.unwrap()["deleted"].clone();
    for fault in passing_faults().into_iter().chain([Fault::LoseAnswer]) {
        let told = format!("{fault:?}");
        let service = Service::crowded();
        service.fault("DeleteApplicationSnapshot", fault);
        let row = service.run(healthy()).await.unwrap();
        assert_eq!(row["deleted"], all, "{told}: {row}");
        assert!(row.get("findings").is_none(), "{told}: {row}");
    }
}

#[tokio::test(start_paused = true)]
async fn deletes_that_fail_twice_are_left_to_the_next_check_and_call_nobody() {
    for verb in ["DeleteApplicationSnapshot", "DescribeApplicationSnapshot"] {
        let service = Service::crowded();
        for _ in 0..2 * ATTEMPTS {
            service.fault(verb, Fault::Status(503));
        }
        let row = service.run(healthy()).await.unwrap();
        assert_eq!(
            (&row["did"], &row["deleted"], &row["needsPerson"]),
            (&"taken".into(), &0.into(), &false.into()),
            "{verb}"
        );
        assert!(service.sent("DeleteApplicationSnapshot") <= 2, "{verb}");
    }
}

#[tokio::test]
async fn in_use_and_a_quota_are_normal_throttling_is_tried_again_by_the_state_machine() {
    for code in [
        "ResourceInUseException",
        "LimitExceededException",
        "InvalidApplicationConfigurationException",
        "NewException",
    ] {
        let service = Service::with_newest(6 * HOUR);
        service.fault(
            "CreateApplicationSnapshot",
            Fault::Refuse(code, "not now".into()),
        );
        let row = service.run(healthy()).await.unwrap();
        assert_eq!(row["did"], "refused", "{code}");
        assert!(row["why"].as_str().unwrap().contains("not now"), "{row}");
    }
    let service = Service::with_newest(6 * HOUR);
    service.fault(
        "CreateApplicationSnapshot",
        Fault::Refuse("ThrottlingException", "slow down".into()),
    );
    assert_eq!(
        service.run(healthy()).await.unwrap_err().error_type,
        ErrorType::Retryable
    );
    assert_eq!(
        service.sent("CreateApplicationSnapshot"),
        1,
        "never repeated by the function itself"
    );
}

#[tokio::test]
async fn nothing_is_taken_or_deleted_when_anything_changed_since_the_look_or_is_in_doubt() {
    let cases: Vec<(&str, Value)> = vec![
        (
            "version",
            act(&look(|seen| seen.application.version_id = 6)),
        ),
        ("10 min old", act(&look(|seen| seen.at = ago(600)))),
        (
            "another operation",
            act(&look(|seen| seen.operations.clear())),
        ),
        (
            "the job is another",
            act(&look(|seen| seen.job.as_mut().unwrap().id = "b".into())),
        ),
        (
            "the job is another",
            act(&look(|seen| {
                seen.job.as_mut().unwrap().started_at = ago(60)
            })),
        ),
        ("no look", act(&Value::Null)),
        ("a rescue is running", {
            let mut event = healthy();
            event["lease"] = json!({ "is": "held", "by": "execution" });
            event
        }),
        ("could not be read", {
            let mut event = healthy();
            event["lease"] = json!({ "is": "unknown", "why": "throttled" });
            event
        }),
        ("it was read 61 s ago", {
            let mut event = healthy();
            event["leaseReadAt"] = json!(ago(61));
            event
        }),
        // When it began is not known of one look.
        ("not verified healthy: fails and restarts, 4 restart(s)", {
            let mut event = healthy();
            event["look"]["assessment"] = json!(Assessment::Looping {
                since: ago(60),
                restarts: 4,
                incidents: 4,
                first_fault: None
            });
            event
        }),
    ];
    for (why, event) in cases {
        let service = Service::crowded();
        let row = service.run(event).await.unwrap();
        assert_eq!(
            (&row["did"], &row["deleted"]),
            (&"refused".into(), &0.into()),
            "{why}: {row}"
        );
        assert!(row["why"].as_str().unwrap().contains(why), "{why}: {row}");
        assert!(service.changes().is_empty(), "{why}");
    }
}

#[tokio::test]
async fn the_oldest_of_ours_are_deleted_with_the_very_time_stamp_of_the_service() {
    let service = Service::crowded();
    let row = service.run(healthy()).await.unwrap();
    let deletes: Vec<Value> = service
        .changes()
        .into_iter()
        .filter(|(verb, _)| verb.starts_with("Delete"))
        .map(|(_, body)| body)
        .collect();
    assert!(!deletes.is_empty());
    assert_eq!(row["deleted"], deletes.len());
    for delete in &deletes {
        assert!(
            delete["SnapshotName"]
                .as_str()
                .unwrap()
                .starts_with("lifeguard-v7-")
        );
        let millis = (delete["SnapshotCreationTimestamp"].as_f64().unwrap() * 1000.0).round();
        assert_eq!(millis % 1000.0, 456.0, "to the millisecond: {delete}");
    }
    assert_eq!(
        service.run(healthy()).await.unwrap()["deleted"],
        0,
        "deleting twice changes nothing"
    );
}

#[tokio::test]
async fn one_that_vanished_or_is_in_use_is_normal_and_a_refusal_ends_the_deleting() {
    for (verb, fault, deleted_less) in [
        (
            "DeleteApplicationSnapshot",
            Fault::Refuse("ResourceInUseException", "in use".into()),
            1,
        ),
        (
            "DeleteApplicationSnapshot",
            Fault::Refuse("ResourceNotFoundException", "gone".into()),
            1,
        ),
        (
            "DescribeApplicationSnapshot",
            Fault::Refuse("ResourceNotFoundException", "gone".into()),
            1,
        ),
    ] {
        let all = Service::crowded().run(healthy()).await.unwrap()["deleted"]
            .as_u64()
            .unwrap();
        let service = Service::crowded();
        service.fault(verb, fault);
        let row = service.run(healthy()).await.unwrap();
        assert_eq!(row["deleted"], all - deleted_less);
        assert!(row.get("findings").is_none(), "{row}");
    }
    let service = Service::crowded();
    service.fault(
        "DeleteApplicationSnapshot",
        Fault::Refuse("AccessDeniedException", "no".into()),
    );
    let row = service.run(healthy()).await.unwrap();
    assert_eq!((&row["did"], &row["deleted"]), (&"taken".into(), &0.into()));
    assert!(
        row["findings"][0]
            .as_str()
            .unwrap()
            .contains("could not be deleted"),
        "{row}"
    );
    assert_eq!(service.sent("DeleteApplicationSnapshot"), 1);
}

#[tokio::test]
async fn observe_and_a_dry_run_change_nothing_and_say_what_they_would() {
    let mut dry = healthy();
    dry["dryRun"] = true.into();
    for (mode, event) in [("observe", healthy()), ("act", dry)] {
        let service = Service::crowded();
        let row = service.run_in(mode, event.clone()).await.unwrap();
        assert_eq!(
            (&row["did"], &row["snapshotName"]),
            (&"wouldTake".into(), &NAME.into())
        );
        assert!(
            row["wouldDelete"].as_u64().unwrap() > 0 && row["deleted"] == 0,
            "{row}"
        );
        let stale = Service::with_newest(7 * HOUR)
            .run_in(mode, event)
            .await
            .unwrap();
        assert_eq!(
            stale["needsPerson"],
            mode == "observe",
            "in mode observe nobody takes it: {stale}"
        );
        assert!(service.changes().is_empty(), "{mode}");
    }
}

#[tokio::test]
async fn a_tag_that_does_not_parse_is_told_once_and_nothing_is_deleted() {
    for (key, value, did) in [
        ("lifeguard:snapshot-keep-last", "many", "taken"),
        ("lifeguard:snapshot-keep-daily-days", "two", "taken"),
        // Also the rescue's tags, or nobody's: then nothing is changed at all.
        ("lifeguard:snapshot-keep-lst", "30", "wouldTake"),
        ("lifeguard:snapshot-max-age", "6", "wouldTake"),
    ] {
        let service = Service::crowded();
        service.set(|world| drop(world.tags.insert(key.to_owned(), value.to_owned())));
        let row = service.run(healthy()).await.unwrap();
        assert_eq!(
            (&row["did"], &row["deleted"], &row["needsPerson"]),
            (&did.into(), &0.into(), &true.into()),
            "{row}"
        );
        assert_eq!(row["findings"].to_string().matches(key).count(), 1, "{row}");
        assert_eq!(service.sent("DeleteApplicationSnapshot"), 0);
    }
}

#[tokio::test]
async fn what_is_not_looked_after_is_not_touched() {
    let service = Service::crowded();
    service.set(|world| world.tags.clear());
    assert_eq!(service.run(healthy()).await.unwrap()["did"], "notOptedIn");
    let service = Service::crowded();
    service.set(|world| world.runtime = "ZEPPELIN-FLINK-3_0");
    assert_eq!(service.run(healthy()).await.unwrap()["did"], "notNow");
    let service = Service::crowded();
    service.set(|world| world.snapshots_enabled = false);
    let row = service
        .run(json!({ "step": "check", "applicationName": "orders" }))
        .await
        .unwrap();
    assert!(
        row["needsPerson"] == true && row["findings"].to_string().contains("disabled"),
        "{row}"
    );
    for status in ["READY", "UPDATING", "ROLLING_BACK", "MAINTENANCE"] {
        let service = Service::with_newest(6 * HOUR);
        service.set(|world| world.status = status);
        assert_eq!(
            service.run(healthy()).await.unwrap()["did"],
            "notNow",
            "{status}"
        );
        assert!(service.changes().is_empty());
    }
}

#[tokio::test]
async fn what_belongs_to_another_stack_is_neither_listed_nor_checked_nor_acted_on() {
    for (own, tag) in [("lifeguard", Some("payments")), ("payments", None)] {
        let service = Service::crowded();
        if let Some(tag) = tag {
            service.set(|world| drop(world.tags.insert("lifeguard:stack".into(), tag.into())));
        }
        let env = [("MODE", "act"), ("STACK_NAME", own)];
        let page = service.run_with(&env, json!({ "step": "list" })).await;
        let page = page.unwrap();
        assert_eq!(
            (&page["applications"], &page["notOptedIn"]),
            (&json!([]), &1.into())
        );
        for event in [
            healthy(),
            json!({ "step": "check", "applicationName": "orders" }),
        ] {
            let row = service.run_with(&env, event).await.unwrap();
            assert_eq!(
                (&row["did"], &row["next"]),
                (&"notOptedIn".into(), &"done".into())
            );
            assert!(
                row["why"].as_str().unwrap().contains("belongs to stack"),
                "{row}"
            );
        }
        assert!(service.changes().is_empty());
    }
}

#[tokio::test]
async fn what_is_tagged_for_this_stack_is_looked_after_and_counted_as_its_own() {
    let service = Service::crowded();
    service.set(|world| {
        drop(
            world
                .tags
                .insert("lifeguard:stack".into(), "payments".into()),
        )
    });
    let env = [("MODE", "act"), ("STACK_NAME", "payments")];
    let row = service.run_with(&env, healthy()).await.unwrap();
    assert_eq!(row["did"], "taken", "{row}");
    let metrics = service.metrics.lock().unwrap();
    assert!(
        metrics
            .iter()
            .all(|line| line.contains(r#""stack":"payments""#)),
        "{metrics:?}"
    );
    assert!(!metrics.is_empty());
}

#[tokio::test]
async fn a_tag_that_names_no_stack_is_told_and_nothing_is_changed() {
    for (own, tag) in [
        ("lifeguard", ""),
        ("payments", " "),
        ("lifeguard", "my stack"),
    ] {
        let service = Service::crowded();
        service.set(|world| drop(world.tags.insert("lifeguard:stack".into(), tag.into())));
        let env = [("MODE", "act"), ("STACK_NAME", own)];
        let row = service.run_with(&env, healthy()).await.unwrap();
        assert_eq!(
            (&row["did"], &row["needsPerson"]),
            (&"refused".into(), &true.into())
        );
        for words in ["belongs to no stack", "the tag lifeguard:stack is"] {
            assert!(row["why"].to_string().contains(words), "{row}");
        }
        assert!(service.changes().is_empty(), "{tag:?}");
        // No role may.
        assert_eq!(service.sent("ListApplicationSnapshots"), 0, "{tag:?}");
    }
}

#[tokio::test]
async fn an_empty_list_is_no_trouble() {
    let service = Service::with_newest(HOUR);
    service.set(|world| world.snapshots.clear());
    let row = service
        .run(json!({ "step": "check", "applicationName": "orders" }))
        .await
        .unwrap();
    assert_eq!((&row["did"], &row["next"]), (&"due".into(), &"look".into()));
    assert_eq!(service.run(healthy()).await.unwrap()["did"], "taken");
}

#[tokio::test]
async fn a_page_names_the_opted_in_and_a_tag_that_cannot_be_read_is_left_to_the_check() {
    let service = Service::with_newest(HOUR);
    let page = service
        .run(json!({ "step": "list", "nextToken": null }))
        .await
        .unwrap();
    assert_eq!(
        page,
        json!({ "applications": ["orders"], "nextToken": "more", "listed": 2, "notFlink": 1, "notOptedIn": 0, "unread": 0 })
    );
    assert_eq!(
        service.sent("ListTagsForResource"),
        1,
        "SQL and Studio cost no call"
    );
    service.fault(
        "ListTagsForResource",
        Fault::Refuse("AccessDeniedException", "no".into()),
    );
    assert_eq!(
        service.run(json!({ "step": "list" })).await.unwrap()["applications"],
        json!(["orders"])
    );
}

/// The function's time in the template, in seconds.
const TIME_LIMIT: u64 = 120;

/// What an invocation comes to, and that it comes to something before Lambda ends it.
async fn in_time<T>(told: &str, run: impl Future<Output = T>) -> T {
    let limit = std::time::Duration::from_secs(TIME_LIMIT);
    let done = tokio::time::timeout(limit, run).await;
    done.unwrap_or_else(|_| panic!("{told}: no answer within {TIME_LIMIT} s"))
}

#[tokio::test(start_paused = true)]
async fn a_page_whose_tags_are_held_is_answered_in_time_and_the_checks_read_them() {
    let service = Service::with_newest(HOUR);
    service.set(|world| (world.others, world.held) = (24, vec!["ListTagsForResource"]));
    let page = in_time("list", service.run(json!({ "step": "list" })))
        .await
        .unwrap();
    assert_eq!(page["applications"].as_array().unwrap().len(), 25, "{page}");
    assert_eq!(
        (&page["unread"], &page["nextToken"]),
        (&25.into(), &"more".into())
    );
}

#[tokio::test(start_paused = true)]
async fn a_page_keeps_its_order_and_counts_whom_it_could_not_ask() {
    let service = Service::with_newest(HOUR);
    service.set(|world| world.others = 3);
    service.fault(
        "ListTagsForResource",
        Fault::Refuse("AccessDeniedException", "no".into()),
    );
    let page = service.run(json!({ "step": "list" })).await.unwrap();
    assert_eq!(
        page["applications"],
        json!(["orders", "app-0", "app-1", "app-2"])
    );
    assert_eq!((&page["unread"], &page["listed"]), (&1.into(), &5.into()));
}

#[tokio::test(start_paused = true)]
async fn snapshots_that_cannot_be_asked_about_in_time_stay_pending_and_are_asked_first() {
    let service = Service::with_newest(HOUR);
    service.set(|world| world.held = vec!["DescribeApplicationSnapshot"]);
    let pending: Vec<Value> = (0..100)
        .map(|at| json!({ "applicationName": format!("app-{at}"), "snapshotName": "nightly" }))
        .collect();
    let event = json!({ "step": "follow", "pending": pending });
    let followed = in_time("follow", service.run(event)).await.unwrap();
    let left = followed["pending"].as_array().unwrap();
    assert_eq!(left.len(), 100);
    assert_ne!(
        left[0]["applicationName"], "app-0",
        "others have their turn next time"
    );
}

#[tokio::test(start_paused = true)]
async fn a_check_or_an_act_that_cannot_be_made_in_time_says_so_and_is_tried_again() {
    for held in [
        vec!["DescribeApplication"],
        vec!["ListTagsForResource"],
        vec!["ListApplicationSnapshots"],
    ] {
        for event in [
            healthy(),
            json!({ "step": "check", "applicationName": "orders" }),
        ] {
            let service = Service::crowded();
            service.set(|world| world.held.clone_from(&held));
            let failure = in_time(held[0], service.run(event)).await.unwrap_err();
            assert_eq!(failure.error_type, ErrorType::Retryable, "{failure}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_act_whose_every_call_is_slow_is_answered_in_time() {
    for held in [
        "ListApplicationOperations",
        "CreateApplicationPresignedUrl",
        "CreateApplicationSnapshot",
        "DescribeApplicationSnapshot",
        "DeleteApplicationSnapshot",
    ] {
        for crowd in [Service::crowded(), Service::with_newest(6 * HOUR)] {
            crowd.set(|world| world.held = vec![held]);
            let _ = in_time(held, crowd.run(healthy())).await;
            assert!(crowd.sent("CreateApplicationSnapshot") <= 1, "{held}");
        }
    }
    let service = Service::crowded();
    service.set(|world| {
        world.held = vec![
            "ListApplicationOperations",
            "CreateApplicationPresignedUrl",
            "CreateApplicationSnapshot",
            "DescribeApplicationSnapshot",
            "DeleteApplicationSnapshot",
        ];
    });
    let _ = in_time("all", service.run(healthy())).await;
}

#[tokio::test]
async fn what_was_asked_for_is_followed_to_ready_or_failed() {
    let service = Service::with_newest(HOUR);
    let name = |version: u64| lifecycle::retention::snapshot_name(version, now());
    service.set(|world| {
        world
            .snapshots
            .insert("ready".into(), ("READY", NOW_SECS * 1000));
        world
            .snapshots
            .insert("slow".into(), ("CREATING", NOW_SECS * 1000));
        world
            .snapshots
            .insert("failed".into(), ("FAILED", NOW_SECS * 1000));
        world.snapshots.insert(name(6), ("READY", NOW_SECS * 1000));
    });
    let pending: Vec<Value> = ["ready", "slow", "failed", "vanished", &name(6)]
        .iter()
        .map(|name| json!({ "applicationName": "orders", "snapshotName": name }))
        .collect();
    let followed = service
        .run(json!({ "step": "follow", "pending": pending }))
        .await
        .unwrap();
    assert_eq!(
        (&followed["ready"], &followed["pending"]),
        (
            &1.into(),
            &json!([{ "applicationName": "orders", "snapshotName": "slow" }])
        )
    );
    let why = followed["failed"].to_string();
    assert_eq!(followed["failed"].as_array().unwrap().len(), 3);
    assert!(
        why.contains("FAILED")
            && why.contains("is gone")
            && why.contains("of version 7, and version 6 was verified"),
        "{why}"
    );
}

#[tokio::test]
async fn a_wrong_input_is_bad_input() {
    for input in [
        json!({}),
        json!({ "step": "destroy" }),
        json!({ "step": "act", "applicationName": "orders" }),
    ] {
        assert_eq!(
            Service::with_newest(HOUR)
                .run(input)
                .await
                .unwrap_err()
                .error_type,
            ErrorType::BadInput
        );
    }
}

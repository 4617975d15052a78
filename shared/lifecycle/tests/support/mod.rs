//! The vocabulary of the tests: a situation reads like a sentence, times are "ago", counted back from [`NOW`].
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "every test file uses another part of the vocabulary; it is for tests only"
)]

pub mod rescues;

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use lifecycle::{
    Action, Application, ApplicationStatus, Assessment, Checkpoints, Decision, Ended, Fault,
    Faulted, Faults, INCIDENT_SECS, Job, JobState, Ledger, LedgerView, Mode, Observation,
    Operation, OperationStatus, Others, Part, Policy, Predecessor, Progress, Ran, Reason, Refusal,
    Request, Rescue, Restored, Runtime, Situation, Snapshot, SnapshotChoice, SnapshotMode,
    SnapshotStatus, Span, Step, StepResult, StepTaken, StopSwitch, Trouble, Unreadable, Verdict,
    Version, Vertex, Watch, decide, judge, slower_than_a_soak, trouble,
};

/// 2026-11-22T12:00:00Z.
pub const NOW_SECS: i64 = 1_795_348_800;
/// How long an update takes here, the job's start five seconds before its end.
pub const UPDATE_SECS: i64 = 60;

/// The time of every turn, unless it says otherwise.
pub fn now() -> Timestamp {
    Timestamp::from_second(NOW_SECS).unwrap()
}

pub fn ago(secs: i64) -> Timestamp {
    now() - SignedDuration::from_secs(secs)
}

pub const fn secs(count: i64) -> i64 {
    count
}

pub const fn minutes(count: i64) -> i64 {
    count * 60
}

pub const fn hours(count: i64) -> i64 {
    count * 3_600
}

pub const fn days(count: i64) -> i64 {
    count * 86_400
}

/// A situation, and who decides on it.
#[derive(Clone, Debug)]
pub struct Case {
    pub seen: Observation,
    pub before: Watch,
    pub judged: Option<Assessment>,
    pub policy: Policy,
    pub ledger: LedgerView,
    pub progress: Progress,
    pub request: Option<Request>,
    pub stop: Option<StopSwitch>,
    pub predecessor: Option<Predecessor>,
    pub others: Others,
    pub now: Timestamp,
    pub started_at: Timestamp,
}

/// RUNNING, opted in, may be acted on; version 7 was made from 6 an hour ago by an update; its job is unknown to Flink until the sentence goes on.
pub fn an_application(name: &str) -> Case {
    let application = Application {
        name: name.to_owned(),
        arn: format!("arn:aws:kinesisanalytics:eu-central-1:000000000000:application/{name}"),
        status: ApplicationStatus::Running,
        version_id: 7,
        version_created_at: None,
        version_updated_from: Some(6),
        version_rolled_back_from: None,
        version_rolled_back_to: None,
        runtime: Runtime::from("FLINK-1_20"),
        snapshots_enabled: Some(true),
        system_rollback_enabled: Some(false),
        checkpointing_enabled: Some(true),
        allow_non_restored_state: Some(false),
        created_at: None,
        checkpoint_interval_secs: None,
        content: None,
        changed: None,
        snapshot_mode: SnapshotMode::Legacy,
        customer_key: None,
        started_from_arn: None,
    };
    let seen = Observation {
        at: now(),
        application,
        versions: vec![a_version(6)],
        operations: Vec::new(),
        job: None,
        snapshots: Vec::new(),
        tags: Some(BTreeMap::from([(
            "lifeguard:managed".to_owned(),
            "true".to_owned(),
        )])),
        unreadable: Vec::new(),
    };
    Case {
        seen,
        before: Watch::default(),
        judged: None,
        policy: Policy {
            mode: Mode::Act,
            ..Policy::default()
        },
        ledger: Ok(Ledger::default()),
        progress: Progress::default(),
        request: None,
        stop: None,
        predecessor: None,
        others: Others::default(),
        now: now(),
        started_at: ago(minutes(1)),
    }
}

pub fn a_version(id: u64) -> Version {
    Version {
        id,
        runtime: Runtime::from("FLINK-1_20"),
        created_at: None,
        updated_from: None,
        content: None,
        changed: None,
        is_code_replaced: false,
        snapshot_mode: SnapshotMode::Legacy,
        customer_key: None,
    }
}

/// A job whose single vertex of two subtasks is RUNNING, started `started` seconds ago, looked at now, without any checkpoint.
pub fn a_job(started: i64) -> Job {
    Job {
        id: "job-1".into(),
        state: JobState::Running,
        at: now(),
        started_at: ago(started),
        running_at: Some(ago(started)),
        restarting_at: None,
        vertices: vec![vertex(&[("RUNNING", 2)])],
        max_attempt: 0,
        restarts_metric: Some(0),
        faults: Faults::default(),
        checkpoints: Some(Checkpoints::default()),
    }
}

pub fn vertex(tasks: &[(&str, u32)]) -> Vertex {
    Vertex {
        name: "throttle".into(),
        parallelism: 2,
        tasks: tasks
            .iter()
            .map(|(state, count)| ((*state).to_owned(), *count))
            .collect(),
    }
}

/// What a loop leaves in a job that was started `started` seconds ago and fails every `period` seconds.
pub fn a_looping_job(started: i64, period: i64) -> Job {
    let count = (started / period).max(1);
    let newest = ago(started - count * period);
    let known = count.min(16);
    let oldest = newest - SignedDuration::from_secs((known - 1) * period);
    Job {
        state: JobState::Restarting,
        running_at: Some(newest - SignedDuration::from_secs(period - 1)),
        restarting_at: Some(newest),
        vertices: vec![vertex(&[("FAILED", 1), ("CANCELED", 1)])],
        max_attempt: u32::try_from(count).unwrap(),
        restarts_metric: Some(u64::try_from(count).unwrap()),
        faults: Faults {
            known: u32::try_from(known).unwrap(),
            truncated: count > 16,
            first: Some(a_fault(oldest)),
            newest_at: Some(newest),
            newest: (known > 1).then(|| a_fault(newest)),
            incidents: incidents(
                (0..known).map(|nth| oldest + SignedDuration::from_secs(nth * period)),
            ),
            repeats: incidents(
                (0..known).map(|nth| oldest + SignedDuration::from_secs(nth * period)),
            ),
            shortest_gap_millis: (known > 1).then_some(period * 1000),
        },
        ..a_job(started)
    }
}

/// Undisturbed, with checkpoints and records.
pub fn ran_well(from: Timestamp, until: Timestamp) -> Span {
    let minutes = u32::try_from((until.as_second() - from.as_second()) / 60).unwrap_or(0);
    Span {
        from,
        until,
        ran: Ran::Up {
            checkpoints: Some(minutes),
            records: Some(minutes),
            first_checkpoint_at: None,
        },
    }
}

/// The same of a job whose tasks initialised at first, while its up time ran: its first checkpoint completed then.
pub fn ran_well_since(from: Timestamp, first_checkpoint: Timestamp, until: Timestamp) -> Span {
    let mut span = ran_well(from, until);
    if let Ran::Up {
        first_checkpoint_at,
        ..
    } = &mut span.ran
    {
        *first_checkpoint_at = Some(first_checkpoint);
    }
    span
}

/// So many seconds later the loop goes on as before.
pub fn goes_on(job: &mut Job, secs: i64) {
    let later = SignedDuration::from_secs(secs);
    job.at += later;
    let times = job
        .faults
        .incidents
        .iter_mut()
        .chain(&mut job.restarting_at);
    times
        .chain(&mut job.faults.newest_at)
        .for_each(|time| *time += later);
}

/// Faults, no two of them a soak apart.
pub fn failing(from: Timestamp, until: Timestamp, incidents: u32) -> Span {
    Span {
        from,
        until,
        ran: Ran::Failing { incidents },
    }
}

/// The first fault of each incident.
pub fn incidents(times: impl Iterator<Item = Timestamp>) -> Vec<Timestamp> {
    let mut begun: Vec<Timestamp> = Vec::new();
    for at in times {
        let later = |first: &Timestamp| at.as_second() - first.as_second() > INCIDENT_SECS;
        if begun.last().is_none_or(later) {
            begun.push(at);
        }
    }
    begun
}

pub fn a_fault(at: Timestamp) -> Fault {
    Fault {
        exception: "java.lang.IllegalArgumentException".into(),
        message: "java.lang.IllegalArgumentException: poison record".into(),
        task: Some("throttle (1/2) - execution #0".into()),
        at,
    }
}

pub fn a_snapshot(name: &str, age: i64) -> Snapshot {
    Snapshot {
        name: name.into(),
        status: SnapshotStatus::Ready,
        version_id: 6,
        created_at: ago(age),
        runtime: Some(Runtime::from("FLINK-1_20")),
        customer_key: None,
        enhanced: None,
    }
}

/// An operation that began `began` seconds ago and took `took` seconds; none while it is in progress.
pub fn an_operation(name: &str, status: &str, began: i64, took: Option<i64>) -> Operation {
    Operation {
        id: format!("{name}-{began}"),
        name: name.into(),
        status: OperationStatus::from(status),
        started_at: ago(began),
        ended_at: took.map(|took| ago(began - took)),
        failure: (status == "FAILED").then(|| "it did not work".to_owned()),
        rollback_operation_id: None,
    }
}

pub fn rollback() -> Request {
    Request::Rollback {}
}

pub fn force_stop() -> Request {
    Request::ForceStop {}
}

pub fn restore() -> Request {
    Request::Restore {
        application_version_id: None,
        snapshot_name: None,
        without_state: false,
        allow_non_restored_state: None,
    }
}

pub fn restore_of(version: u64) -> Request {
    Request::Restore {
        application_version_id: Some(version),
        snapshot_name: None,
        without_state: false,
        allow_non_restored_state: None,
    }
}

pub fn restore_from(snapshot: &str) -> Request {
    Request::Restore {
        application_version_id: None,
        snapshot_name: Some(snapshot.into()),
        without_state: false,
        allow_non_restored_state: None,
    }
}

pub fn restore_without_state() -> Request {
    Request::Restore {
        application_version_id: None,
        snapshot_name: None,
        without_state: true,
        allow_non_restored_state: None,
    }
}

pub fn accepted() -> StepResult {
    StepResult::Accepted { operation_id: None }
}

pub fn accepted_as(id: &str) -> StepResult {
    StepResult::Accepted {
        operation_id: Some(id.into()),
    }
}

pub fn failed(error: &str) -> StepResult {
    StepResult::Failed {
        error: error.into(),
        message: format!("the service said {error}"),
    }
}

pub fn refused() -> StepResult {
    failed("Lifeguard.Refused")
}

pub fn lost() -> StepResult {
    failed("States.Timeout")
}

impl Case {
    pub fn version(mut self, id: u64) -> Self {
        self.seen.application.version_id = id;
        self.seen.application.version_updated_from = id.checked_sub(1).filter(|before| *before > 0);
        self.seen.versions = self
            .seen
            .application
            .version_updated_from
            .map(a_version)
            .into_iter()
            .collect();
        self
    }

    /// The version was made that long ago, by an update that took a minute.
    pub fn made(self, age: i64) -> Self {
        self.made_at(age)
            .operation("UpdateApplication", "SUCCESSFUL", age, Some(UPDATE_SECS))
    }

    /// The version was made then; no operation is listed.
    pub fn made_at(mut self, age: i64) -> Self {
        self.seen.application.version_created_at = Some(ago(age));
        self
    }

    pub fn status(mut self, status: &str) -> Self {
        self.seen.application.status = ApplicationStatus::from(status);
        self
    }

    pub fn running(self) -> Self {
        self.status("RUNNING")
    }

    pub fn ready(mut self) -> Self {
        self.seen.job = None;
        self.status("READY")
    }

    pub fn runtime(mut self, runtime: &str) -> Self {
        self.seen.application.runtime = Runtime::from(runtime);
        self
    }

    pub fn before_on(mut self, runtime: &str) -> Self {
        self.seen
            .versions
            .iter_mut()
            .for_each(|version| version.runtime = Runtime::from(runtime));
        self
    }

    /// Adds an operation; the list stays newest first.
    pub fn operation(mut self, name: &str, status: &str, began: i64, took: Option<i64>) -> Self {
        self.seen
            .operations
            .push(an_operation(name, status, began, took));
        self.seen
            .operations
            .sort_by_key(|operation| std::cmp::Reverse(operation.started_at));
        self
    }

    pub fn operations(mut self, operations: Vec<Operation>) -> Self {
        self.seen.operations = operations;
        self
    }

    pub fn job(mut self, job: Job) -> Self {
        self.seen.job = Some(job);
        self
    }

    /// The job of the present version has been failing every `period` seconds since it came up.
    pub fn looping_every(self, period: i64) -> Self {
        let made = self
            .seen
            .application
            .version_created_at
            .map_or(hours(1), |made| NOW_SECS - made.as_second());
        self.job(a_looping_job(made - UPDATE_SECS + 5, period))
    }

    /// The job has been up and its checkpoints complete for that long.
    pub fn healthy_for(self, age: i64) -> Self {
        let mut job = a_job(age);
        job.checkpoints = Some(Checkpoints {
            completed: 10,
            latest_completed_at: Some(ago(5)),
            oldest_completed_triggered_at: Some(ago(age - 1)),
            ..Checkpoints::default()
        });
        self.job(job)
    }

    pub fn restored_from(mut self, path: &str) -> Self {
        let checkpoints = self
            .seen
            .job
            .as_mut()
            .and_then(|job| job.checkpoints.as_mut())
            .expect("a job with checkpoints");
        checkpoints.latest_restored = Some(Restored {
            id: 1,
            at: ago(60),
            is_savepoint: true,
            path: Some(path.into()),
        });
        self
    }

    pub fn with_snapshot(mut self, name: &str, age: i64) -> Self {
        self.seen.snapshots.push(a_snapshot(name, age));
        self
    }

    pub fn snapshot(mut self, change: impl FnOnce(&mut Snapshot)) -> Self {
        change(self.seen.snapshots.last_mut().expect("a snapshot"));
        self
    }

    pub fn unreadable(mut self, what: Part, why: &str) -> Self {
        self.seen.unreadable.push(Unreadable {
            what,
            why: why.into(),
            refusal: None,
        });
        self
    }

    pub fn refused(mut self, what: Part, why: &str, refusal: Refusal) -> Self {
        self.seen.unreadable.push(Unreadable {
            what,
            why: why.into(),
            refusal: Some(refusal),
        });
        self
    }

    pub fn application(mut self, change: impl FnOnce(&mut Application)) -> Self {
        change(&mut self.seen.application);
        self
    }

    pub fn policy(mut self, change: impl FnOnce(&mut Policy)) -> Self {
        change(&mut self.policy);
        self
    }

    pub fn tagged(mut self, name: &str, value: &str) -> Self {
        self.seen
            .tags
            .get_or_insert_default()
            .insert(format!("lifeguard:{name}"), value.to_owned());
        self
    }

    pub fn with_unreadable_tags(mut self) -> Self {
        self.seen.tags = None;
        self
    }

    pub fn not_opted_in(mut self) -> Self {
        self.seen.tags = Some(BTreeMap::new());
        self
    }

    pub fn soaked(mut self, version: u64, age: i64) -> Self {
        if let Ok(ledger) = &mut self.ledger {
            ledger.soaked.insert(version, ago(age));
        }
        self
    }

    /// The book says that a version was failing with that.
    pub fn faulted(mut self, version: u64, age: i64, fault: &Fault) -> Self {
        if let Ok(ledger) = &mut self.ledger {
            let (at, fault) = (ago(age), fault.key());
            ledger.faulted.insert(version, Faulted { at, fault });
        }
        self
    }

    pub fn rescues_today(mut self, count: u32) -> Self {
        if let Ok(ledger) = &mut self.ledger {
            ledger.rescues_today = count;
        }
        self
    }

    pub fn ledger_unreadable(mut self) -> Self {
        self.ledger = Err("DynamoDB.ProvisionedThroughputExceededException".into());
        self
    }

    pub fn asked(mut self, request: Request) -> Self {
        self.request = Some(request);
        self
    }

    /// A rescue from 7 to 6 is under way, with the snapshot `before-change` of an hour ago chosen.
    pub fn rescuing(mut self) -> Self {
        self.progress.rescue = Some(Rescue {
            faulty_version_id: 7,
            good_version_id: 6,
            good_runtime: Runtime::from("FLINK-1_20"),
            cutoff: ago(minutes(30)),
            fault_at: ago(minutes(29)),
            because: "version 7 loops".into(),
            snapshot: SnapshotChoice {
                chosen: Some(a_snapshot("before-change", hours(1))),
                passed_over: Vec::new(),
            },
            fault: None,
            restored: None,
            only: None,
            instead_of: None,
            steps_before: 0,
        });
        self
    }

    /// The rescue goes to that version, made that long ago; nothing from after `cut` is right for it.
    pub fn going_to(mut self, good: u64, made: i64, cut: i64) -> Self {
        self.seen.versions.retain(|one| one.id != good);
        self.seen.versions.push(Version {
            created_at: Some(ago(made)),
            ..a_version(good)
        });
        let faulty = self.seen.application.version_id;
        let rescue = self.progress.rescue.as_mut().expect("a rescue");
        rescue.faulty_version_id = faulty;
        rescue.good_version_id = good;
        rescue.cutoff = ago(cut);
        self
    }

    /// The rescue's version failed with that before the first step.
    pub fn had_failed_with(mut self, fault: Fault) -> Self {
        self.progress.rescue.as_mut().expect("a rescue").fault = Some(fault);
        self
    }

    pub fn rescue(mut self, change: impl FnOnce(&mut Rescue)) -> Self {
        change(self.progress.rescue.as_mut().expect("a rescue"));
        self
    }

    /// An earlier version that was read.
    pub fn knows(mut self, id: u64, made: i64, content: Option<u64>) -> Self {
        self.seen.versions.retain(|one| one.id != id);
        self.seen.versions.push(Version {
            created_at: Some(ago(made)),
            content,
            ..a_version(id)
        });
        self
    }

    /// A rescue of a version to itself, as a request to restore the present version begins.
    pub fn rescuing_itself(self) -> Self {
        let mut case = self.rescuing();
        let rescue = case.progress.rescue.as_mut().expect("just begun");
        rescue.good_version_id = rescue.faulty_version_id;
        case
    }

    pub fn step(mut self, step: Step, age: i64, result: StepResult) -> Self {
        self.progress.steps.push(StepTaken {
            before: None,
            tries: 1,
            first_at: None,
            step,
            at: ago(age),
            version_id: self.seen.application.version_id,
            result: Some(result),
        });
        self
    }

    /// Its first turn, after an execution that ended so and had done what the progress says; `asked` is what a person had asked that one for.
    pub fn taking_over(mut self, ended: Option<Ended>, asked: Option<&str>) -> Self {
        let progress = std::mem::take(&mut self.progress).interrupted();
        self.predecessor = Some(Predecessor {
            ended,
            asked: asked.map(str::to_owned),
            progress: progress.clone(),
        });
        if asked.is_none() {
            self.progress = progress;
        }
        self
    }

    /// A step whose outcome nobody has heard yet.
    pub fn step_under_way(mut self, step: Step, age: i64) -> Self {
        self.progress.steps.push(StepTaken {
            before: None,
            tries: 1,
            first_at: None,
            step,
            at: ago(age),
            version_id: self.seen.application.version_id,
            result: None,
        });
        self
    }

    pub fn waiting_since(mut self, age: i64) -> Self {
        self.progress.waiting_since = Some(ago(age));
        self
    }

    /// The execution is that old.
    pub fn execution_of(mut self, age: i64) -> Self {
        self.started_at = ago(age);
        self
    }

    /// The assessment is given, whatever the look would say.
    pub fn judged(mut self, assessment: Assessment) -> Self {
        self.judged = Some(assessment);
        self
    }

    /// An earlier look, which is forgotten but for its watch.
    pub fn looked_at(mut self, earlier: &Self, age: i64) -> Self {
        let mut seen = earlier.seen.clone();
        seen.at = ago(age);
        self.before = self.before.after(&seen, self.policy.soak_secs).0;
        self
    }

    /// Unless the sentence says otherwise, each earlier version was made six days before the next and ran well from an hour after until it was left, and CloudWatch says so.
    pub fn with_its_past(&self) -> Self {
        let mut case = self.clone();
        let mut next = case.seen.application.version_created_at.unwrap_or(now());
        let mut spans = Vec::new();
        for version in &mut case.seen.versions {
            let made = *version
                .created_at
                .get_or_insert(next - SignedDuration::from_secs(days(6)));
            if made < next {
                spans.push(ran_well(made + SignedDuration::from_secs(hours(1)), next));
            }
            next = next.min(made);
        }
        // What Flink has forgotten of a loop, the minutes still show.
        if let Some(job) = case.seen.job.as_ref().filter(|job| job.faults.truncated) {
            let gap = SignedDuration::from_millis(job.faults.shortest_gap_millis.unwrap_or(0));
            spans.push(Span {
                from: job.started_at + gap,
                until: ago(180),
                ran: Ran::Failing { incidents: 20 },
            });
        }
        spans.sort_by_key(|span| span.from);
        let history = &mut case.before.history;
        if history.known.is_none() && case.seen.why_unreadable(Part::Series).is_none() {
            history.spans = spans.into_iter().filter(|span| span.secs() > 0).collect();
            history.known = Some(lifecycle::Known {
                from: ago(days(400)),
                until: ago(180),
            });
            history.valued_at = Some(ago(240));
        }
        case
    }

    /// What CloudWatch's minutes show, instead of the usual past.
    pub fn history(mut self, spans: Vec<Span>) -> Self {
        self.before.history.spans = spans;
        self.before.history.known = Some(lifecycle::Known {
            from: ago(days(15)),
            until: ago(180),
        });
        self.before.history.valued_at = Some(ago(240));
        self
    }

    pub fn look(&self) -> (Watch, Assessment) {
        let case = self.with_its_past();
        let policy = case.policy.under(case.seen.tags.as_ref()).policy;
        let (watch, assessment) = case.before.after(&case.seen, policy.soak_secs);
        let assessment = case.judged.unwrap_or(assessment);
        let slow = slower_than_a_soak(
            &case.seen,
            &assessment,
            &case.progress,
            case.request.as_ref(),
            &policy,
        );
        (watch, slow.unwrap_or(assessment))
    }

    pub fn assess(&self) -> Assessment {
        self.look().1
    }

    /// Decided again, because the stop switch was found on.
    pub fn stopped(mut self) -> Self {
        self.stop = Some(StopSwitch::Thrown {
            by: Some("mia".into()),
            why: Some("region in trouble".into()),
        });
        self
    }

    pub fn verdict(&self) -> Verdict {
        let (watch, assessment) = self.look();
        let seen = self.with_its_past().seen;
        let applied = self.policy.under(seen.tags.as_ref());
        let empty = Ledger::default();
        let ledger = self.ledger.as_ref().unwrap_or(&empty);
        judge(
            &seen,
            &watch,
            &assessment,
            ledger,
            &applied.policy,
            &self.others,
        )
    }

    pub fn decide(&self) -> Decision {
        self.with_situation(|_, decision| decision.clone())
    }

    /// What is told to other executions.
    pub fn trouble(&self) -> Option<Trouble> {
        self.with_situation(trouble)
    }

    /// Decides, and goes on from there.
    pub fn with_situation<T>(&self, next: impl FnOnce(&Situation<'_>, &Decision) -> T) -> T {
        let (watch, assessment) = self.look();
        let applied = self.policy.under(self.seen.tags.as_ref());
        let seen = self.with_its_past().seen;
        let situation = Situation {
            seen: &seen,
            watch: &watch,
            assessment: &assessment,
            applied: &applied,
            ledger: &self.ledger,
            others: &self.others,
            progress: &self.progress,
            request: self.request.as_ref(),
            stop: self.stop.as_ref(),
            predecessor: self.predecessor.as_ref(),
            now: self.now,
            started_at: self.started_at,
            redriven: false,
        };
        next(&situation, &decide(&situation))
    }

    /// Decides, and holds the outcome against one word and one reason.
    #[track_caller]
    pub fn must(&self, action: &str, because: Reason) -> Decision {
        let decision = self.decide();
        assert_eq!(
            (word(&decision.action), decision.because),
            (action, because),
            "{}\n{:?}",
            decision.reason,
            self.assess()
        );
        decision
    }
}

/// One word for an action.
pub fn word(action: &Action) -> &'static str {
    match action {
        Action::Wait { .. } => "wait",
        Action::Rollback { .. } => "rollback",
        Action::ForceStop { .. } => "forceStop",
        Action::RestoreConfiguration { .. } => "restoreConfiguration",
        Action::Start { .. } => "start",
        Action::Recovered => "recovered",
        Action::LeaveAlone => "leaveAlone",
        Action::Escalate => "escalate",
    }
}

/// The seconds of a wait.
#[track_caller]
pub fn wait_of(decision: &Decision) -> u32 {
    match decision.action {
        Action::Wait { secs } => secs,
        ref other => panic!("not a wait: {other:?}"),
    }
}

/// The text holds every part.
#[track_caller]
pub fn says(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing in: {text}");
    }
}

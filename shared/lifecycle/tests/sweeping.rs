//! The sweep: of which application more is read, and for which an execution is started, when, how often and under which name.

use jiff::{SignedDuration, Timestamp};
use lifecycle::{
    ApplicationStatus as Status, Operation, OperationStatus, Policy, execution_of_alarm,
    sweep::{
        Hints, Judged, Lease, Listed, Memory, Read, Start, Whose, is_silent, judge, looks_silent,
        suspect,
    },
};

const BEGIN: &str = "2026-03-04T02:00:00Z";

/// One application, swept every minute.
struct Swept {
    now: Timestamp,
    memory: Option<Memory>,
    status: Status,
    version_id: u64,
    operations: Vec<Operation>,
    lease: Lease,
    alarm: Option<(String, Timestamp)>,
    silent: bool,
    tags: Vec<(&'static str, String)>,
    mode: &'static str,
    /// Whether more was read of it.
    read: usize,
}

impl Swept {
    /// RUNNING at version 2, seen so before.
    fn running() -> Self {
        let mut swept = Self {
            now: BEGIN.parse().expect("a date"),
            memory: None,
            status: Status::Running,
            version_id: 2,
            operations: Vec::new(),
            lease: Lease::default(),
            alarm: None,
            silent: false,
            tags: vec![("lifeguard:managed", "true".to_owned())],
            mode: "act",
            read: 0,
        };
        assert_eq!(swept.minute(), None);
        swept
    }

    fn is(&mut self, status: Status, version_id: u64) -> &mut Self {
        (self.status, self.version_id) = (status, version_id);
        self
    }

    fn operation(&mut self, name: &str, status: OperationStatus) -> &mut Self {
        self.operations.insert(
            0,
            Operation {
                id: format!("op-{}", self.operations.len()),
                name: name.to_owned(),
                ended_at: (status != OperationStatus::InProgress).then_some(self.now),
                status,
                started_at: self.now,
                failure: None,
                rollback_operation_id: None,
            },
        );
        self
    }

    /// A minute later.
    fn minute(&mut self) -> Option<Start> {
        self.now = self
            .now
            .checked_add(SignedDuration::from_mins(1))
            .expect("a time");
        let seen = Listed {
            name: "orders",
            status: &self.status,
            version_id: self.version_id,
        };
        let hints = Hints {
            alarm: self.alarm.as_ref().map(|(name, at)| (name.as_str(), *at)),
            is_silent: self.silent,
        };
        if !suspect(self.memory.as_ref(), &seen, &hints, 2_400, self.now) {
            self.memory = Some(Memory::after(self.memory.as_ref(), &seen, self.now));
            return None;
        }
        self.read += 1;
        let policy = Policy {
            mode: self.mode.parse().expect("a mode"),
            ..Policy::default()
        };
        let tags = self
            .tags
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.clone()));
        let whose = Whose::of(&policy, &tags.collect(), self.now);
        let is_free = whose.is_looked_after(self.now) && !self.lease.is_held;
        let read = Read {
            whose: &whose,
            lease: &self.lease,
            operations: if is_free { &self.operations } else { &[] },
        };
        let Judged { memory, start } = judge(self.memory.as_ref(), &seen, &hints, &read, self.now);
        // What is remembered crosses the ledger.
        let row = serde_json::to_string(&memory).expect("JSON");
        self.memory = Some(serde_json::from_str(&row).expect("what was written"));
        start
    }

    /// So many minutes; the minutes after which something was started, and for what.
    fn minutes(&mut self, count: i64) -> Vec<(i64, &'static str)> {
        (1..=count)
            .filter_map(|minute| Some((minute, self.minute()?.condition.word())))
            .collect()
    }
}

#[test]
fn what_is_up_and_well_costs_nothing() {
    let mut swept = Swept::running();
    assert_eq!(swept.minutes(24 * 60), []);
    assert_eq!(swept.read, 0);
}

#[test]
fn a_version_that_moved_is_verified_once() {
    for status in [Status::Updating, Status::Running, Status::RollingBack] {
        let mut swept = Swept::running();
        swept.operation("UpdateApplication", OperationStatus::InProgress);
        let start = swept.is(status.clone(), 3).minute().expect("a deployment");
        assert_eq!(start.condition.word(), "deployment", "{status}");
        assert!(start.input.contains(r#""kind":"deployment""#));
        assert!(start.input.contains(r#""versionId":3"#));
        assert!(
            start.name.starts_with("orders-deployment-"),
            "{}",
            start.name
        );
        assert_eq!(swept.is(Status::Running, 3).minutes(120), []);
    }
}

#[test]
fn a_start_is_verified_and_what_is_only_stored_is_not() {
    let mut swept = Swept::running();
    swept.operation("StopApplication", OperationStatus::Successful);
    assert_eq!(swept.is(Status::Ready, 2).minutes(30), []);
    assert_eq!(swept.is(Status::Ready, 3).minutes(30), []);
    swept.operation("StartApplication", OperationStatus::InProgress);
    assert_eq!(
        swept.is(Status::Starting, 3).minutes(3),
        [(1, "deployment")]
    );
    assert_eq!(swept.is(Status::Running, 3).minutes(30), []);
}

#[test]
fn what_the_service_does_by_itself_is_no_deployment() {
    for status in [Status::Autoscaling, Status::Maintenance] {
        let mut swept = Swept::running();
        assert_eq!(swept.is(status, 2).minutes(15), []);
        assert_eq!(swept.is(Status::Running, 2).minutes(30), []);
    }
}

#[test]
fn a_deployment_while_an_execution_is_at_work_is_that_executions() {
    let mut swept = Swept::running();
    swept.lease.is_held = true;
    assert_eq!(swept.is(Status::Updating, 3).minutes(5), []);
    swept.lease.is_held = false;
    assert_eq!(swept.is(Status::Running, 3).minutes(30), []);
}

#[test]
fn ready_after_a_failure_is_found_after_five_quiet_minutes_then_after_1_h_6_h_and_daily() {
    // Nobody heard of the update: it began and failed between two sweeps.
    let mut swept = Swept::running();
    swept.operation("UpdateApplication", OperationStatus::Failed);
    let started = swept.is(Status::Ready, 2).minutes(3 * 24 * 60);
    let minutes: Vec<i64> = started.iter().map(|(minute, _)| *minute).collect();
    assert!(started.iter().all(|(_, word)| *word == "down"));
    // To the ten minutes in which a lasting condition is read again.
    assert_eq!(minutes.len(), 5, "{minutes:?}");
    for (minute, about) in minutes.iter().zip([5, 65, 365, 1_445, 2_885]) {
        assert!((about..about + 12).contains(minute), "{minutes:?}");
    }
}

#[test]
fn a_hand_that_tries_again_is_given_five_minutes_more() {
    let mut swept = Swept::running();
    swept.operation("StartApplication", OperationStatus::Failed);
    assert_eq!(swept.is(Status::Ready, 2).minutes(4), []);
    swept.operation("StartApplication", OperationStatus::Failed);
    assert_eq!(swept.minutes(4), []);
    assert_eq!(swept.minutes(3), [(1, "down")]);
}

#[test]
fn what_an_execution_has_seen_already_is_not_started_anew_for_an_hour() {
    let mut swept = Swept::running();
    swept.operation("UpdateApplication", OperationStatus::InProgress);
    assert_eq!(
        swept.is(Status::Updating, 3).minutes(1),
        [(1, "deployment")]
    );
    swept.operations[0].status = OperationStatus::Failed;
    // It reports at once, before the sweep has seen READY.
    let started = swept.is(Status::Ready, 3).minutes(120);
    assert_eq!(started.len(), 1, "{started:?}");
    assert!((59..75).contains(&started[0].0), "{started:?}");
}

#[test]
fn stopped_on_purpose_finished_and_never_started_are_left_alone() {
    for operation in [None, Some("StopApplication"), Some("StartApplication")] {
        let mut swept = Swept::running();
        if let Some(name) = operation {
            swept.operation(name, OperationStatus::Successful);
        }
        assert_eq!(
            swept.is(Status::Ready, 2).minutes(24 * 60),
            [],
            "{operation:?}"
        );
        assert!(swept.read < 24 * 60 / 5, "{} reads", swept.read);
    }
}

#[test]
fn busy_for_longer_than_the_time_out_is_found() {
    for (tag, from) in [(None, 40), (Some("10m"), 10)] {
        for status in [
            Status::Updating,
            Status::Starting,
            Status::Stopping,
            Status::Autoscaling,
        ] {
            let mut swept = Swept::running();
            let tag = tag.map(|value: &str| ("lifeguard:operation-timeout", value.to_owned()));
            swept.tags.extend(tag);
            swept.operation("Something", OperationStatus::Successful);
            let started = swept.is(status.clone(), 2).minutes(55);
            assert_eq!(started.len(), 1, "{status}: {started:?}");
            assert!(
                (from..from + 3).contains(&started[0].0),
                "{status}: {started:?}"
            );
            assert_eq!(started[0].1, "stuck");
        }
    }
}

#[test]
fn an_application_that_was_busy_before_the_first_sweep_is_dated_by_its_operation() {
    let mut swept = Swept::running();
    swept.memory = None;
    swept.operation("UpdateApplication", OperationStatus::InProgress);
    swept.now = swept
        .now
        .checked_add(SignedDuration::from_hours(1))
        .unwrap();
    assert_eq!(swept.is(Status::Updating, 3).minutes(1), [(1, "stuck")]);
}

#[test]
fn an_alarm_that_the_alarm_handler_started_nothing_for_is_found() {
    let mut swept = Swept::running();
    let at = swept.now;
    swept.alarm = Some(("lifeguard-orders-restarts".to_owned(), at));
    assert_eq!(swept.minutes(4), []);
    let start = swept.minute().expect("nobody was at work");
    assert_eq!(start.condition.word(), "alarm");
    // Where the alarm handler did start it, this name is taken.
    assert_eq!(
        start.name,
        execution_of_alarm("orders", "lifeguard-orders-restarts", at)
    );
    let started = swept.minutes(400);
    assert_eq!(started.len(), 2, "{started:?}");
    assert!((59..75).contains(&started[0].0), "{started:?}");
}

#[test]
fn an_alarm_that_is_being_handled_is_asked_about_again_an_hour_later() {
    let mut swept = Swept::running();
    swept.alarm = Some(("lifeguard-orders-restarts".to_owned(), swept.now));
    swept.lease.is_held = true;
    assert_eq!(swept.minutes(50), []);
    swept.lease.is_held = false;
    let started = swept.minutes(70);
    assert_eq!(started.len(), 1, "{started:?}");
    assert!(started[0].0 >= 59, "{started:?}");
}

#[test]
fn as_soon_as_the_mode_is_act_what_was_only_observed_is_looked_at_again() {
    let mut swept = Swept::running();
    swept.mode = "observe";
    swept.alarm = Some(("lifeguard-orders-restarts".to_owned(), swept.now));
    assert_eq!(swept.minutes(20), [(5, "alarm")]);
    swept.mode = "act";
    let started = swept.minutes(12);
    assert_eq!(started.len(), 1, "{started:?}");
}

#[test]
fn a_rescue_that_was_left_unfinished_is_resumed_at_once() {
    let mut swept = Swept::running();
    swept.operation("StopApplication", OperationStatus::Successful);
    swept.lease = Lease {
        is_held: false,
        unfinished_by: Some("arn:aws:states:eu-central-1:1:execution:remediate:orders-1".into()),
    };
    let start = swept
        .is(Status::Ready, 2)
        .minute()
        .expect("it is down because of us");
    assert_eq!(start.condition.word(), "unfinished");
    assert!(start.input.contains(r#""kind":"sweep""#));
}

#[test]
fn a_running_application_without_a_sign_of_a_job_is_found() {
    let mut swept = Swept::running();
    assert_eq!(swept.minutes(15), []);
    assert!(looks_silent(
        swept.memory.as_ref().unwrap(),
        &Status::Running,
        swept.now
    ));
    swept.silent = true;
    assert_eq!(swept.minutes(30), [(1, "silent")]);
    for (points, silent) in [
        (vec![], true),
        (vec![-1.0, -1.0], true),
        (vec![60_000.0, 60_000.0, 60_000.0], true),
        (vec![60_000.0, 120_000.0, 180_000.0], false),
        // A loop is an alarm's business.
        (vec![0.0, 0.0, 0.0], false),
        (vec![60_000.0, 60_000.0], false),
    ] {
        assert_eq!(is_silent(&points), silent, "{points:?}");
    }
}

#[test]
fn nothing_is_started_for_what_is_not_this_stacks_or_silenced() {
    for tags in [
        vec![],
        vec![("lifeguard:managed", "false".to_owned())],
        vec![
            ("lifeguard:managed", "true".to_owned()),
            ("lifeguard:stack", "other".to_owned()),
        ],
        vec![
            ("lifeguard:managed", "true".to_owned()),
            ("lifeguard:stack", "no name".to_owned()),
        ],
        vec![
            ("lifeguard:managed", "true".to_owned()),
            ("lifeguard:quiet-until", "2026-03-05T00:00:00Z".to_owned()),
        ],
    ] {
        let mut swept = Swept::running();
        swept.tags = tags.clone();
        swept.alarm = Some(("a".to_owned(), swept.now));
        swept.operation("UpdateApplication", OperationStatus::Failed);
        assert_eq!(swept.is(Status::Ready, 3).minutes(300), [], "{tags:?}");
        assert_eq!(swept.is(Status::Updating, 4).minutes(300), [], "{tags:?}");
    }
}

#[test]
fn silence_ends_at_its_time() {
    let mut swept = Swept::running();
    swept
        .tags
        .push(("lifeguard:quiet-until", "2026-03-04T04:00:00Z".to_owned()));
    swept.operation("UpdateApplication", OperationStatus::Failed);
    let started = swept.is(Status::Ready, 2).minutes(200);
    assert_eq!(started.len(), 2, "{started:?}");
    assert!((118..135).contains(&started[0].0), "{started:?}");
}

#[test]
fn the_same_occasion_has_the_same_name_and_the_next_one_another() {
    let verified = |operation: &str| {
        let mut swept = Swept::running();
        swept.operation("UpdateApplication", OperationStatus::InProgress);
        swept.operations[0].id = operation.to_owned();
        swept.is(Status::Updating, 3).minute().unwrap().name
    };
    assert_eq!(verified("a"), verified("a"));
    // The version's number comes again with another application of the name.
    assert_ne!(verified("a"), verified("b"));
}

//! A deployment that somebody announced: the execution that the sweep would start for it, or none.

use jiff::{SignedDuration, Timestamp};
use lifecycle::{
    ApplicationStatus as Status, Operation, OperationStatus, Policy,
    sweep::{
        Announced, Heard, Hints, Lease, Listed, Memory, RECENT_SECS, Read, Whose, hear, judge,
    },
};

const BEGIN: &str = "2026-03-04T02:00:00Z";
const BY: &str = "CloudFormation";

fn at(secs: i64) -> Timestamp {
    let begin: Timestamp = BEGIN.parse().expect("a date");
    begin
        .checked_add(SignedDuration::from_secs(secs))
        .expect("a time")
}

fn operation(id: &str, name: &str, started: i64, ended: Option<i64>) -> Operation {
    Operation {
        id: id.to_owned(),
        name: name.to_owned(),
        status: ended.map_or(OperationStatus::InProgress, |_| OperationStatus::Successful),
        started_at: at(started),
        ended_at: ended.map(at),
        failure: None,
        rollback_operation_id: None,
    }
}

/// `orders`, deployed at 0 s: version 3 is RUNNING since 60 s.
struct World {
    status: Status,
    version_id: u64,
    operations: Vec<Operation>,
    lease: Lease,
    tags: Vec<(&'static str, &'static str)>,
    memory: Option<Memory>,
    said: Announced<'static>,
}

impl World {
    fn deployed() -> Self {
        let before = Status::Running;
        let seen = Listed {
            name: "orders",
            status: &before,
            version_id: 2,
        };
        Self {
            status: Status::Running,
            version_id: 3,
            operations: vec![operation("op-3", "UpdateApplication", 0, Some(60))],
            lease: Lease::default(),
            tags: vec![("lifeguard:managed", "true")],
            memory: Some(Memory::after(None, &seen, at(-60))),
            said: Announced {
                by: BY,
                at: at(65),
                operation: None,
                version_id: None,
            },
        }
    }

    fn saying(operation: Option<&'static str>, version_id: Option<u64>) -> Self {
        let mut world = Self::deployed();
        (world.said.operation, world.said.version_id) = (operation, version_id);
        world
    }

    fn read<T>(&self, now: Timestamp, of: impl FnOnce(&Listed<'_>, &Read<'_>) -> T) -> T {
        let tags = self.tags.iter();
        let tags = tags.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let whose = Whose::of(&Policy::default(), &tags.collect(), now);
        let seen = Listed {
            name: "orders",
            status: &self.status,
            version_id: self.version_id,
        };
        let read = Read {
            whose: &whose,
            lease: &self.lease,
            operations: &self.operations,
        };
        of(&seen, &read)
    }

    fn hear(&self) -> Heard {
        let now = at(70);
        self.read(now, |seen, read| {
            hear(&self.said, self.memory.as_ref(), seen, read, now)
        })
    }

    /// The name under which the sweep starts an execution, if it does; what it saw is remembered.
    fn sweep(&mut self, now: Timestamp) -> Option<String> {
        let judged = self.read(now, |seen, read| {
            judge(self.memory.as_ref(), seen, &Hints::default(), read, now)
        });
        self.memory = Some(judged.memory);
        judged.start.map(|start| start.name)
    }

    fn name(&self) -> Option<String> {
        match self.hear() {
            Heard::Start(start) => Some(start.name),
            Heard::Nothing { .. } => None,
        }
    }

    fn because(&self) -> String {
        match self.hear() {
            Heard::Start(start) => panic!("{start:?}"),
            Heard::Nothing { because } => because,
        }
    }
}

#[test]
fn whoever_announces_first_gives_the_execution_the_name_that_the_sweep_gives_it() {
    for (operation, version) in [(None, None), (Some("op-3"), Some(3)), (None, Some(3))] {
        let mut world = World::saying(operation, version);
        let name = world.name();
        assert!(name.is_some());
        assert_eq!(name, world.name(), "twice");
        assert_eq!(name, world.sweep(at(75)), "and the sweep afterwards");
    }
}

#[test]
fn the_input_is_a_deployments_and_says_who_announced_it() {
    let Heard::Start(start) = World::deployed().hear() else {
        panic!("it is started");
    };
    let input: serde_json::Value = serde_json::from_str(&start.input).expect("JSON");
    assert_eq!(input["applicationName"], "orders");
    assert_eq!(input["trigger"]["kind"], "deployment");
    assert_eq!(input["trigger"]["versionId"], 3);
    let reason = input["trigger"]["reason"].as_str().expect("a reason");
    assert!(reason.ends_with("CloudFormation announced it"), "{reason}");
    assert_eq!(lifecycle::odd_rescue(&input), None);
}

#[test]
fn what_the_sweep_saw_first_is_not_announced_again() {
    let mut world = World::saying(Some("op-3"), Some(3));
    assert!(world.sweep(at(30)).is_some());
    assert!(world.because().contains("seen with this deployment before"));
    // The next deployment is a new one.
    world.version_id = 4;
    world
        .operations
        .insert(0, operation("op-4", "UpdateApplication", 66, None));
    (world.said.operation, world.said.version_id) = (Some("op-4"), Some(4));
    assert!(world.name().is_some());
}

#[test]
fn a_start_that_no_sweep_could_see_is_announced() {
    // Stopped and started between two sweeps: status and version are as before.
    let mut world = World::saying(Some("op-4"), None);
    assert!(world.sweep(at(30)).is_some());
    world
        .operations
        .insert(0, operation("op-4", "StartApplication", 40, Some(64)));
    assert!(world.name().is_some());
}

#[test]
fn one_that_no_sweep_has_ever_seen_is_announced() {
    let mut world = World::deployed();
    world.memory = None;
    assert!(world.name().is_some());
}

#[test]
fn nothing_is_started_for_what_is_not_this_stacks_or_silenced() {
    for tags in [
        vec![],
        vec![("lifeguard:managed", "yes")],
        vec![("lifeguard:managed", "true"), ("lifeguard:stack", "other")],
        vec![
            ("lifeguard:managed", "true"),
            ("lifeguard:quiet-until", "2026-03-04T03:00:00Z"),
        ],
    ] {
        let mut world = World::deployed();
        world.tags = tags;
        assert!(world.because().contains("has not opted in"));
    }
}

#[test]
fn while_the_lease_is_held_the_deployment_is_that_executions() {
    let mut world = World::deployed();
    world.lease.is_held = true;
    assert_eq!(world.because(), "is already being handled");
}

#[test]
fn what_is_only_stored_or_goes_down_is_let_pass() {
    for status in [Status::Ready, Status::Stopping, Status::ForceStopping] {
        let mut world = World::deployed();
        world.status = status;
        assert!(world.because().contains("no version of it begins to run"));
    }
    for status in [Status::Updating, Status::Starting, Status::RollingBack] {
        let mut world = World::deployed();
        world.status = status;
        assert!(world.name().is_some());
    }
}

#[test]
fn an_announcement_of_another_operation_or_version_is_left_to_the_sweep() {
    let late = World::saying(Some("op-2"), Some(2));
    assert!(late.because().contains("another operation as its newest"));
    let late = World::saying(None, Some(2));
    assert!(
        late.because()
            .contains("at version 3, and this was version 2")
    );
    // The newest operation is a rollback of Lifeguard's own, after the announced one.
    let mut undone = World::saying(Some("op-3"), Some(3));
    undone.version_id = 4;
    undone
        .operations
        .insert(0, operation("op-4", "RollbackApplication", 62, Some(64)));
    assert!(undone.because().contains("left to the sweep"));
}

#[test]
fn an_announcement_that_names_nothing_is_about_an_operation_of_its_time_or_about_none() {
    let mut world = World::deployed();
    world.said.at = at(60 + RECENT_SECS);
    assert!(world.name().is_some());
    world.said.at = at(61 + RECENT_SECS);
    assert_eq!(world.because(), "has no operation of that time");
    // A stack that changed only tags, of an application that was never deployed since it was made.
    world.operations.clear();
    assert!(world.because().contains("no operation that deploys"));
    world
        .operations
        .push(operation("op-1", "Maintenance", 50, None));
    assert!(world.because().contains("no operation that deploys"));
}

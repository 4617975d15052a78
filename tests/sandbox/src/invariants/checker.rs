//! The invariant checker: sees every request that reaches a service and every task of the state machine, and checks at that very moment what the invariants say about it.
//!
//! It knows what an application was like when it was touched, from the service itself, and what the hand that touched it could have known: the application at that caller's
//! last look. Nothing that Lifeguard says about itself is believed; its decisions are read only where an invariant is about them (the intent in the ledger).

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{
    endings,
    invariant::{Invariant, Verdicts},
    premises::{KnownApplication, Premises, Taker},
    snapshots::{CheckNotes, Listed},
};
use crate::{
    faults::{Fault, Struck},
    managed_flink::Standing,
    moments::application_of_task,
    observer::Observer,
    protocol,
    region::{CLOUDFORMATION, REMEDIATE, Region, SNAPSHOT_CHECK},
    states::{TaskCall, TaskFailure},
    wire::{self, Request, Response},
};

use super::content::LastResort;
use super::notes::ExecutionNotes;

/// The role under which people act.
pub const OPERATOR: &str = "operator";

/// Whether a person acts under this role, by hand or through a stack.
#[must_use]
pub fn is_a_person(caller: &str) -> bool {
    matches!(caller, OPERATOR | CLOUDFORMATION)
}

/// States that change an application.
pub(super) const STEPS: [&str; 4] = [
    "RollBack",
    "ForceStop",
    "RestoreConfiguration",
    "StartFromSnapshot",
];

/// The time-out of the functions that take steps.
const STEP_FUNCTION: SignedDuration = SignedDuration::from_secs(60);

/// A task of the state machine under way.
#[derive(Clone, Debug)]
pub(super) struct UnderWay {
    pub(super) state: String,
    pub(super) application: String,
}

/// A look at an application, seen from the service.
#[derive(Clone, Debug)]
pub(super) struct Glance {
    pub(super) at: Timestamp,
    pub(super) standing: Standing,
}

#[derive(Default)]
pub(super) struct Book {
    pub(super) under_way: BTreeMap<String, UnderWay>,
    pub(super) executions: BTreeMap<String, ExecutionNotes>,
    /// By caller and application: its last DescribeApplication.
    pub(super) described: BTreeMap<(String, String), Glance>,
    /// By caller and application: a change was sent since the caller's last look.
    pub(super) blind: BTreeMap<(String, String), bool>,
    /// By caller and application: the tags at its last ListTagsForResource.
    pub(super) tags_read: BTreeMap<(String, String), BTreeMap<String, String>>,
    /// By application: the execution whose step came last.
    pub(super) last_step: BTreeMap<String, String>,
    /// By application: the execution whose step was given up last, and when; its function may still be at work.
    pub(super) given_up: BTreeMap<String, (String, Timestamp)>,
    /// By application and execution: what the snapshot checks know.
    pub(super) checks: BTreeMap<(String, String), CheckNotes>,
    /// By application: what the snapshot check listed last.
    pub(super) listed: BTreeMap<String, Listed>,
    /// By application and snapshot: who took it. The service took what is not here.
    pub(super) takers: BTreeMap<(String, String), Taker>,
    /// By caller, application and snapshot: described since its last change.
    pub(super) snapshots_read: HashSet<(String, String, String)>,
    /// Applications with their version at a step that rolled back.
    pub(super) rollbacks_tried: HashSet<(String, i64)>,
    /// Snapshots that Lifeguard had taken, and those it deleted.
    pub(super) snapshots_taken: u64,
    pub(super) snapshots_deleted: u64,
    /// Tokens of presigned URLs.
    pub(super) tokens: HashSet<String>,
    /// By application: when a person last started, stopped, changed or deleted it.
    pub(super) people: BTreeMap<String, Timestamp>,
    /// Starts of what is not known to have worked.
    pub(super) last_resorts: Vec<LastResort>,
    pub(super) verdicts: Verdicts,
}

/// The invariant checker of one region. Cheap to clone; all clones share the book.
#[derive(Clone)]
pub struct Checker {
    pub(super) region: Region,
    pub(super) premises: Arc<Premises>,
    book: Arc<Mutex<Book>>,
    pub(super) table: Arc<str>,
    /// The ARN of the state machine that rescues.
    remediate: Arc<str>,
    /// The role of snapshot-keeper, and that of the state machine that calls it.
    keeper: Arc<str>,
    check_role: Arc<str>,
}

impl Checker {
    /// From now on everything that happens in this region is checked.
    #[must_use]
    pub fn watch(region: &Region, premises: Premises) -> Self {
        let checker = Self::new(region.clone(), premises);
        region.observe(Arc::new(checker.clone()));
        checker
    }

    fn new(region: Region, premises: Premises) -> Self {
        let table = region
            .stack()
            .tables
            .values()
            .next()
            .map_or("", |table| table.name.as_str())
            .into();
        let machine = |id: &str| region.stack().state_machines.get(id);
        let remediate = machine(REMEDIATE)
            .map_or("", |machine| machine.arn.as_str())
            .into();
        let check_role = machine(SNAPSHOT_CHECK)
            .map_or("", |machine| machine.role.as_str())
            .into();
        let keeper = region.role_of("snapshot-keeper").unwrap_or_default().into();
        let book = Book {
            takers: takers(&premises),
            ..Book::default()
        };
        Self {
            region,
            premises: Arc::new(premises),
            book: Arc::new(Mutex::new(book)),
            table,
            remediate,
            keeper,
            check_role,
        }
    }

    pub(super) fn book(&self) -> MutexGuard<'_, Book> {
        self.book
            .lock()
            .expect("no thread panics while it holds the book")
    }

    /// Whether a read may have got an older answer: this was known, or an injected fault made it so.
    pub(super) fn may_read_stale(&self) -> bool {
        let stale = |one: &Struck| one.fault == Fault::Stale;
        self.premises.stale_reads || self.region.faults().any_struck(stale)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.region.clock().now()
    }

    /// The run is over: what is left is checked too, and all that was found is given.
    #[must_use]
    pub fn finish(&self) -> Verdicts {
        let mut verdicts = std::mem::take(&mut self.book().verdicts);
        endings::check(self, &mut verdicts);
        verdicts
    }

    /// What was found so far.
    #[must_use]
    pub fn so_far(&self) -> Verdicts {
        self.book().verdicts.clone()
    }

    /// Changes by rescues that took effect so far.
    #[must_use]
    pub fn changes(&self) -> u64 {
        let book = self.book();
        let effects = book
            .executions
            .values()
            .map(|notes| notes.effects.len() as u64);
        effects.sum()
    }

    /// Snapshots that Lifeguard had taken, and those that it deleted, so far.
    #[must_use]
    pub fn snapshots(&self) -> (u64, u64) {
        let book = self.book();
        (book.snapshots_taken, book.snapshots_deleted)
    }
}

/// Who took the snapshots from before the run, by application and name.
fn takers(premises: &Premises) -> BTreeMap<(String, String), Taker> {
    let of = |known: &KnownApplication| {
        let name = known.name.clone();
        known
            .takers
            .clone()
            .into_iter()
            .map(move |(snapshot, taker)| ((name.clone(), snapshot), taker))
    };
    premises.applications.iter().flat_map(of).collect()
}

impl Book {
    /// Who took a snapshot. What nobody was seen to take, the service took within an operation; what a script placed stands for a person's.
    pub(super) fn taker(&self, application: &str, name: &str) -> Taker {
        let known = self
            .takers
            .get(&(application.to_owned(), name.to_owned()))
            .copied();
        known.unwrap_or(if name.starts_with("placed-") {
            Taker::Person
        } else {
            Taker::Service
        })
    }

    /// Steps of rescues under way for an application.
    pub(super) fn steps_for(&self, application: &str) -> usize {
        self.under_way
            .values()
            .filter(|other| {
                other.application == application && STEPS.contains(&other.state.as_str())
            })
            .count()
    }
}

/// The application a request to Managed Flink is about; None where it is about something of the account.
fn application_of(body: &Value) -> Option<String> {
    let named = body["ApplicationName"].as_str().map(str::to_owned);
    named.or_else(|| {
        let arn = body["ResourceARN"].as_str();
        arn.and_then(|arn| arn.split_once(":application/"))
            .map(|(_, name)| name.to_owned())
    })
}

pub(super) fn is_read(verb: &str) -> bool {
    verb.starts_with("Describe")
        || verb.starts_with("List")
        || verb == "CreateApplicationPresignedUrl"
}

impl Observer for Checker {
    fn arriving(&self, request: &Request) {
        let Some(caller) = wire::caller(request).filter(|caller| !is_a_person(caller)) else {
            return;
        };
        let (service, verb) = protocol::verb(request);
        let body = || serde_json::from_slice::<Value>(request.body()).unwrap_or_default();
        if service == "dynamodb" && verb == "GetItem" && *caller == *self.check_role {
            self.lease_is_read(&body());
        }
        if service == "dynamodb" && verb == "UpdateItem" {
            self.claims(&body());
        }
        if service != "kinesisanalytics" {
            return;
        }
        let body = body();
        let Some(application) = application_of(&body).or_else(|| self.source_of(&body)) else {
            return;
        };
        match verb.as_str() {
            "DescribeApplication" => self.glance(&caller, &application),
            "ListApplicationSnapshots" | "ListSnapshots" if *caller == *self.keeper => {
                self.lists(&application, &body)
            }
            "DescribeApplicationSnapshot" | "DescribeSnapshot" => {
                let name = body["SnapshotName"].as_str().unwrap_or_default().to_owned();
                self.book()
                    .snapshots_read
                    .insert((caller, application, name));
            }
            "ListTagsForResource" => {
                if let Some(standing) = self.region.flink().standing(&application) {
                    self.book()
                        .tags_read
                        .insert((caller, application), standing.tags);
                }
            }
            _ if is_read(&verb) => {}
            _ if *caller == *self.keeper => self.check_changes(&caller, &verb, &application, &body),
            _ => self.mutation(&caller, &verb, &application, &body),
        }
    }

    fn answered(&self, request: &Request, answer: &Response) {
        if !answer.status().is_success() {
            return;
        }
        let Some(caller) = wire::caller(request) else {
            return;
        };
        let (service, verb) = protocol::verb(request);
        match (service.as_str(), verb.as_str()) {
            ("kinesisanalytics", "CreateApplicationPresignedUrl") => {
                let answer: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
                if let Some((_, token)) = answer["AuthorizedUrl"]
                    .as_str()
                    .and_then(|url| url.split_once("authToken="))
                {
                    self.book().tokens.insert(token.to_owned());
                }
            }
            ("kinesisanalytics", verb) if !is_read(verb) => {
                let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
                let Some(application) = application_of(&body).or_else(|| self.source_of(&body))
                else {
                    return;
                };
                match verb {
                    "CreateApplicationSnapshot" | "CreateSnapshot" if *caller == *self.keeper => {
                        self.taken(&application, &body, Taker::Lifeguard);
                        self.book().snapshots_taken += 1;
                    }
                    "CreateApplicationSnapshot" | "CreateSnapshot" => {
                        self.taken(&application, &body, Taker::Person);
                    }
                    "DeleteApplicationSnapshot" | "DeleteSnapshot" if *caller == *self.keeper => {
                        self.book().snapshots_deleted += 1
                    }
                    _ if is_a_person(&caller) => {
                        let now = self.now();
                        self.book().people.insert(application, now);
                    }
                    _ => self.effect(verb, &application),
                }
            }
            ("dynamodb", "UpdateItem") => self.spent(request),
            _ => {}
        }
    }

    fn task_begins(&self, task: &TaskCall) {
        let Some(application) = application_of_task(task) else {
            return;
        };
        let mut book = self.book();
        if task.state_machine_arn != *self.remediate {
            self.check_begins(&mut book, &task.execution_arn, &application, &task.state);
            return;
        }
        let now = self.now();
        if !book.executions.contains_key(&task.execution_arn) {
            let notes = self.notes_of(&book, &task.execution_arn, &application);
            book.executions.insert(task.execution_arn.clone(), notes);
        }
        if task.state == "RollBack" {
            self.tries_rollback(&mut book, &application);
        }
        if STEPS.contains(&task.state.as_str()) {
            if let Some(notes) = book.executions.get_mut(&task.execution_arn) {
                notes.first_step.get_or_insert(notes.decided.unwrap_or(now));
            }
            book.last_step
                .insert(application.clone(), task.execution_arn.clone());
            let others = book.steps_for(&application);
            let text = || {
                format!(
                    "{} begins while {others} step(s) for the same application are under way",
                    task.state
                )
            };
            book.verdicts
                .check(Invariant::S4, others == 0, now, &application, text);
            let lost = book
                .given_up
                .get(&application)
                .filter(|(of, _)| *of != task.execution_arn);
            let still = lost
                .map(|(_, at)| now.duration_since(*at))
                .filter(|ago| *ago < STEP_FUNCTION);
            let text = || {
                format!(
                    "{} begins {still:?} after another execution's step was given up, whose function may still be at work",
                    task.state
                )
            };
            book.verdicts
                .check(Invariant::S4, still.is_none(), now, &application, text);
        }
        book.under_way.insert(
            task.execution_arn.clone(),
            UnderWay {
                state: task.state.clone(),
                application: application.clone(),
            },
        );
    }

    fn task_ends(&self, task: &TaskCall, result: Option<&Result<Value, TaskFailure>>) {
        let Some(application) = application_of_task(task) else {
            return;
        };
        let mut book = self.book();
        if task.state_machine_arn != *self.remediate {
            Self::check_ends(&mut book, &task.execution_arn, &application, &task.state);
            return;
        }
        book.under_way.remove(&task.execution_arn);
        if result.is_none() && STEPS.contains(&task.state.as_str()) {
            book.given_up.insert(
                application.clone(),
                (task.execution_arn.clone(), self.now()),
            );
        }
        if let (Some(notes), "Decide", Some(Ok(_))) = (
            book.executions.get_mut(&task.execution_arn),
            task.state.as_str(),
            result,
        ) {
            notes.decided = Some(self.now());
        }
    }
}

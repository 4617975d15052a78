//! A change by a rescue arrives at the service: S1–S4 and S6–S8 are checked before it takes effect.

use std::collections::BTreeSet;

use crate::{
    managed_flink::{OperationStatus, SnapshotView, Status},
    protocol,
    wire::Request,
};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    checker::{Book, Checker, Glance, STEPS},
    invariant::Invariant,
    notes::{Effect, ExecutionNotes, Line},
    rules::Rules,
};

/// A stale read is at most this old.
pub(super) const STALE_SECS: i64 = 16;
/// The service's stamps and the decision's clock may differ by a moment.
const SLACK_SECS: i64 = 1;

fn busy(status: Status) -> bool {
    !matches!(status, Status::Ready | Status::Running | Status::RolledBack)
}

/// Seconds from one moment to a later one.
fn secs(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).as_secs()
}

/// The action of the ledger's intent that leads to this verb.
fn intent_of(verb: &str) -> &'static str {
    match verb {
        "RollbackApplication" => "rollback",
        "StopApplication" => "forceStop",
        "UpdateApplication" => "restoreConfiguration",
        "StartApplication" => "start",
        _ => "nothing",
    }
}

impl Checker {
    /// A DescribeApplication arrives.
    pub(super) fn glance(&self, caller: &str, application: &str) {
        let Some(standing) = self.region.flink().standing(application) else {
            return;
        };
        let glance = Glance {
            at: self.now(),
            standing,
        };
        let mut book = self.book();
        let looking = book
            .under_way
            .iter()
            .find(|(_, task)| task.application == application && task.state == "Look")
            .map(|(arn, _)| arn.clone());
        if let Some(notes) = looking.and_then(|arn| book.executions.get_mut(&arn)) {
            notes.look = Some(glance.clone());
        }
        if Some(caller) == self.region.role_of("subtask-verifier") {
            Self::check_looks(&mut book, application, &glance);
        }
        let key = (caller.to_owned(), application.to_owned());
        book.blind.insert(key.clone(), false);
        book.described.insert(key, glance);
    }

    /// An execution, from its input.
    pub(super) fn notes_of(
        &self,
        book: &Book,
        execution: &str,
        application: &str,
    ) -> ExecutionNotes {
        let input = self
            .region
            .states()
            .view(execution)
            .map(|view| view.input)
            .unwrap_or_default();
        // The one before may have died before it did anything.
        let known = |member: &str| {
            input["trigger"][member]
                .as_str()
                .and_then(|before| book.executions.get(before))
        };
        let before = known("execution").or_else(|| known("before"));
        let line = before.map_or(execution, |before| before.line.as_str());
        ExecutionNotes::new(
            application,
            line,
            self.now(),
            input
                .get("request")
                .filter(|request| !request.is_null())
                .cloned(),
        )
    }

    /// Whose hand it is: the execution whose step is under way, or, for a function that outlived it, the one whose step came last.
    fn hand(book: &Book, application: &str) -> Option<String> {
        let mut steps = book.under_way.iter().filter(|(_, task)| {
            task.application == application && STEPS.contains(&task.state.as_str())
        });
        steps
            .next()
            .map(|(arn, _)| arn.clone())
            .or_else(|| book.last_step.get(application).cloned())
    }

    /// A change arrives.
    pub(super) fn mutation(&self, caller: &str, verb: &str, application: &str, body: &Value) {
        let Some(standing) = self.region.flink().standing(application) else {
            return;
        };
        let now = self.now();
        let mut book = self.book();
        let Some(execution) = Self::hand(&book, application) else {
            let text = || format!("{caller} sends {verb}, and no execution has a step for it");
            return book
                .verdicts
                .check(Invariant::S4, false, now, application, text);
        };
        let notes = book
            .executions
            .get(&execution)
            .cloned()
            .unwrap_or_else(|| ExecutionNotes::new(application, &execution, now, None));
        let key = (caller.to_owned(), application.to_owned());
        let known = book.described.get(&key).cloned();
        let tags = book.tags_read.get(&key).cloned();
        let blind = book.blind.insert(key, true);
        let change = Change {
            checker: self,
            now,
            verb,
            application,
            body,
            execution: &execution,
            notes: &notes,
        };
        change.busy_or_healthy(&mut book, known.as_ref());
        change.state_and_snapshot(&mut book, standing.version);
        change.lease_and_intent(&mut book);
        let opted_in = tags.is_some_and(|tags| Rules::of(&self.premises.policy, &tags).opted_in);
        let text = || {
            format!(
                "{verb} of an application without the tag, at the caller's last reading of its tags"
            )
        };
        if !self.may_read_stale() {
            book.verdicts
                .check(Invariant::S6, opted_in, now, application, text);
            let text =
                || format!("{caller} sends {verb} without having looked since its last change");
            book.verdicts
                .check(Invariant::S8, blind == Some(false), now, application, text);
        }
        change.brakes(&mut book);
    }

    /// A change took effect.
    pub(super) fn effect(&self, verb: &str, application: &str) {
        let now = self.now();
        let mut book = self.book();
        let Some(execution) = Self::hand(&book, application) else {
            return;
        };
        let Some(line) = book
            .executions
            .get(&execution)
            .map(|notes| notes.line.clone())
        else {
            return;
        };
        let lost = self.starts_without_their_snapshot(application);
        let again = Line::of(&book.executions, &line).again(verb, &lost);
        let Some(notes) = book.executions.get_mut(&execution) else {
            return;
        };
        let version = notes.before.take().unwrap_or_default();
        let notes_content = notes.content_before.take();
        notes.effects.push(Effect {
            at: now,
            verb: verb.to_owned(),
            version,
        });
        let text = || format!("{verb} took effect once more in one rescue");
        book.verdicts
            .check(Invariant::S8, !again, now, application, text);
        let left = notes_content;
        self.went_to(&mut book, &line, verb, application, left);
    }

    /// When the starts began whose operation failed because their snapshot had been deleted: none of them was a try of the version, and one from another snapshot may follow each.
    fn starts_without_their_snapshot(&self, application: &str) -> Vec<Timestamp> {
        let view = self.region.flink().application(application);
        let operations = view.map_or_else(Vec::new, |view| view.operations);
        let starts = operations.iter().filter(|one| {
            one.kind == "StartApplication"
                && one.status == OperationStatus::Failed
                && one
                    .error
                    .as_deref()
                    .is_some_and(|why| why.contains("cannot be restored: it is not there"))
        });
        starts.map(|one| one.started).collect()
    }

    /// An execution claims a lease: when the one before has let it expire with a plan that is not finished, it finishes that.
    pub(super) fn claims(&self, body: &Value) {
        let values = &body["ExpressionAttributeValues"];
        let (Some(application), "lease", Some(claimer), true) = (
            body["Key"]["pk"]["S"].as_str(),
            body["Key"]["sk"]["S"].as_str().unwrap_or_default(),
            values[":me"]["S"].as_str(),
            values[":expires"].is_object(),
        ) else {
            return;
        };
        let key = json!({ "pk": { "S": application }, "sk": { "S": "lease" } });
        let Some(row) = self.region.dynamodb().peek(&self.table, &key) else {
            return;
        };
        let holder = row["holder"]["S"].as_str().unwrap_or_default();
        let expires = row["expiresAt"]["N"]
            .as_str()
            .and_then(|at| at.parse().ok());
        let expired = expires.is_some_and(|at: i64| at < self.now().as_second());
        let mut book = self.book();
        let line = book.executions.get(holder).map(|one| one.line.clone());
        if let Some(notes) = book.executions.get_mut(claimer)
            && expired
            && row["progress"].is_object()
            && line.as_ref() != Some(&notes.line)
        {
            notes.finishes = line;
        }
    }

    /// The ledger counts an execution among the rescues of a day.
    pub(super) fn spent(&self, request: &Request) {
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let day = body["ExpressionAttributeNames"]["#today"]
            .as_str()
            .and_then(|name| name.strip_prefix("rescues "))
            .map(str::to_owned);
        let execution = body["ExpressionAttributeValues"][":execution"]["S"].as_str();
        if let (Some(day), Some(execution)) = (day, execution)
            && let Some(notes) = self.book().executions.get_mut(execution)
        {
            notes.spent.get_or_insert(day);
        }
        debug_assert!(protocol::verb(request).1 == "UpdateItem");
    }
}

/// One change and who sends it.
struct Change<'a> {
    checker: &'a Checker,
    now: Timestamp,
    verb: &'a str,
    application: &'a str,
    body: &'a Value,
    execution: &'a str,
    notes: &'a ExecutionNotes,
}

impl Change<'_> {
    fn check(
        &self,
        book: &mut Book,
        invariant: Invariant,
        holds: bool,
        text: impl FnOnce() -> String,
    ) {
        book.verdicts
            .check(invariant, holds, self.now, self.application, || {
                format!("{} by {}: {}", self.verb, short(self.execution), text())
            });
    }

    fn rules(&self, glance: &Glance) -> Rules {
        Rules::of(&self.checker.premises.policy, &glance.standing.tags)
    }

    /// S1, by what the caller could know: the application at its last look, a moment before the change.
    fn busy_or_healthy(&self, book: &mut Book, known: Option<&Glance>) {
        let Some(look) = &self.notes.look else {
            return self.check(book, Invariant::S1, self.checker.may_read_stale(), || {
                "nobody has looked".to_owned()
            });
        };
        let rules = self.rules(look);
        let stale = if self.checker.may_read_stale() {
            STALE_SECS
        } else {
            0
        };
        // A function reckons by its own clock.
        let clocks = self.checker.region.lambda().largest_shift().as_secs();
        if let Some(known) = known {
            let standing = &known.standing;
            let busy_for = standing.busy_since.map(|since| secs(since, known.at));
            let too_early = busy(standing.status)
                && busy_for.is_some_and(|secs| {
                    secs + SLACK_SECS + clocks < rules.operation_timeout_secs && secs >= stale
                });
            self.check(book, Invariant::S1, !too_early, || {
                format!(
                    "the application is {} since {} s, the time-out is {} s",
                    standing.status.name(),
                    busy_for.unwrap_or(0),
                    rules.operation_timeout_secs
                )
            });
        }
        if self.notes.request.is_none() && !self.finishes_a_rollback(book) {
            let up_for = look
                .standing
                .up_since
                .map_or(-1, |since| secs(since, look.at));
            // A job whose checkpoints do not complete runs and is not healthy.
            let record = self.checker.region.flink().record(self.application);
            let checkpointed = record.ran.last().map(|ran| secs(ran.until, look.at));
            let checkpoints = checkpointed.is_some_and(|ago| ago < rules.soak_secs);
            let healthy = up_for > rules.soak_secs + stale && checkpoints;
            // Our own force-stop and start follow one decision: only the first touch is of a running job.
            self.check(book, Invariant::S1, !healthy, || {
                format!("the job had been up and undisturbed for {up_for} s when Lifeguard looked")
            });
        }
    }

    /// Whether a rollback of this rescue may have restored a snapshot from after the faulty version began: then the right one is restored in its place, however well the job runs by now.
    fn finishes_a_rollback(&self, book: &Book) -> bool {
        let line = Line::of(&book.executions, &self.notes.line);
        let Some((sent, began)) = line.last_rollback().zip(self.faulty_since(&line)) else {
            return false;
        };
        let view = self.checker.region.flink().application(self.application);
        let snapshots = view.iter().flat_map(|view| &view.snapshots);
        snapshots
            .into_iter()
            .any(|one| began < one.created && one.created <= sent)
    }

    /// When the version that this rescue undoes began to run.
    fn faulty_since(&self, line: &Line<'_>) -> Option<Timestamp> {
        let faulty = line.faulty()?;
        let versions = self.checker.region.flink().versions(self.application);
        versions.iter().find(|one| one.id == faulty)?.launched
    }

    /// S2 and S3.
    fn state_and_snapshot(&self, book: &mut Book, version: i64) {
        if let Some(notes) = book.executions.get_mut(self.execution) {
            notes.before = Some(version);
            notes.content_before = self.checker.content(self.application, version);
        }
        if self.verb == "UpdateApplication" && self.notes.request.is_none() {
            self.checker.way_back(book, self.application, version);
        }
        let run = match self.verb {
            "StartApplication" => &self.body["RunConfiguration"],
            "UpdateApplication" => &self.body["RunConfigurationUpdate"],
            _ => return,
        };
        let restore = &run["ApplicationRestoreConfiguration"];
        let snapshot = self.checker.restored(self.application, restore);
        let asked = |member: &str| {
            self.notes
                .request
                .as_ref()
                .map_or(&Value::Null, |request| &request[member])
        };
        let without_state = asked("withoutState") == true;
        let own_choice = asked("snapshotName").is_null();
        if let Some(snapshot) = &snapshot {
            self.checker
                .whose_state(book, self.verb, self.application, snapshot, !own_choice);
        }
        if self.verb != "StartApplication" {
            return;
        }
        let named = restore["ApplicationRestoreType"] == "RESTORE_FROM_CUSTOM_SNAPSHOT";
        let skips = restore["ApplicationRestoreType"] == "SKIP_RESTORE_FROM_SNAPSHOT";
        self.check(book, Invariant::S2, named || skips && without_state, || {
            format!("it is started with {restore}")
        });
        let Some(snapshot) = snapshot.filter(|_| named) else {
            // The service refuses it; a careless hand deleted it meanwhile.
            return;
        };
        let view = self.checker.region.flink().application(self.application);
        let name = &snapshot.name;
        let runtime = view.as_ref().map_or("", |view| view.runtime.as_str());
        self.check(
            book,
            Invariant::S3,
            fits(&snapshot.runtime, runtime),
            || {
                format!(
                    "snapshot {name} of {} is restored under {runtime}",
                    snapshot.runtime
                )
            },
        );
        if own_choice {
            self.age_and_time(book, &snapshot, version);
        }
    }

    fn age_and_time(&self, book: &mut Book, snapshot: &SnapshotView, version: i64) {
        // A rescue that a successor goes on with is one rescue, decided once.
        let decided = Line::of(&book.executions, &self.notes.line)
            .first_step()
            .unwrap_or(self.now);
        let limit = self
            .notes
            .look
            .as_ref()
            .map_or(0, |look| self.rules(look).max_snapshot_age_secs);
        let age = secs(snapshot.created, decided);
        self.check(book, Invariant::S3, age <= limit + SLACK_SECS, || {
            format!(
                "snapshot {} was {age} s old, {limit} s are allowed",
                snapshot.name
            )
        });
        let line = Line::of(&book.executions, &self.notes.line);
        let Some(faulty) = line.faulty().filter(|faulty| *faulty != version) else {
            return;
        };
        // Who asks for a version from after the one that is left asks for its state, too.
        let asked = self.notes.request.as_ref();
        let asked = asked.and_then(|request| request["applicationVersionId"].as_i64());
        if asked.is_some_and(|asked| asked > faulty) {
            return;
        }
        let Some(began) = self.faulty_since(&line) else {
            return;
        };
        self.check(book, Invariant::S3, snapshot.created <= began, || {
            format!(
                "snapshot {} of {} is from after version {faulty} began at {began}",
                snapshot.name, snapshot.created
            )
        });
    }

    /// S4 and S8, by the lease's row.
    fn lease_and_intent(&self, book: &mut Book) {
        let key = json!({ "pk": { "S": self.application }, "sk": { "S": "lease" } });
        let lease = self
            .checker
            .region
            .dynamodb()
            .peek(&self.checker.table, &key)
            .unwrap_or_default();
        let expires: i64 = lease["expiresAt"]["N"]
            .as_str()
            .and_then(|text| text.parse().ok())
            .unwrap_or(0);
        // Or by one that succeeded it, knows of the step and waits until its function has ended: it has begun no step of its own.
        let holder = lease["holder"]["S"].as_str().unwrap_or_default();
        let waits = |one: &ExecutionNotes| {
            one.line == self.notes.line && one.began >= self.notes.began && one.first_step.is_none()
        };
        let ours = holder == self.execution || book.executions.get(holder).is_some_and(waits);
        let held = ours && expires > self.now.as_second();
        self.check(book, Invariant::S4, held, || {
            format!("the lease is {lease}")
        });
        let intent = lease["intent"]["S"].as_str().unwrap_or_default();
        let meant = intent
            .strip_prefix(intent_of(self.verb))
            .and_then(|rest| rest.strip_prefix(" decided on version "));
        let fence = self.body["CurrentApplicationVersionId"].as_i64();
        let same = fence.is_none_or(|fence| {
            meant.and_then(|version| version.parse::<i64>().ok()) == Some(fence)
        });
        self.check(book, Invariant::S8, meant.is_some() && same, || {
            format!("the recorded intent is {intent:?}")
        });
    }

    /// S7: mode and tags at the last look, and the day's budget.
    fn brakes(&self, book: &mut Book) {
        let Some(look) = &self.notes.look else { return };
        let rules = self.rules(look);
        self.check(book, Invariant::S7, rules.act, || {
            format!(
                "the rules at the last look allow no change: {:?}",
                look.standing.tags
            )
        });
        if self.notes.request.is_some() {
            return;
        }
        let line = Line::of(&book.executions, &self.notes.line);
        // What another began and nobody was heard to finish was counted then.
        let begun = line.finishes();
        let counted = begun.and_then(|begun| Line::of(&book.executions, begun).spent());
        let Some(day) = line.spent().or(counted).map(str::to_owned) else {
            return self.check(book, Invariant::S7, false, || {
                "it was not counted among the day's rescues".to_owned()
            });
        };
        let lines = book.executions.values().filter(|one| {
            one.application == self.application
                && one.request.is_none()
                && one.line != self.notes.line
                && Some(one.line.as_str()) != begun
        });
        let lines: BTreeSet<&str> = lines
            .filter(|one| !one.effects.is_empty())
            .map(|one| one.line.as_str())
            .collect();
        let others = lines
            .into_iter()
            .filter(|other| Line::of(&book.executions, other).spent() == Some(day.as_str()))
            .count();
        // The limit that the first step was decided under: a tag may have changed since.
        let limit = rules.rescues_per_day.max(line.limit().unwrap_or(0));
        self.check(book, Invariant::S7, (others as u64) < limit, || {
            format!("{others} rescue(s) were begun on {day} already, {limit} are allowed")
        });
        if let Some(notes) = book.executions.get_mut(self.execution) {
            notes.limit.get_or_insert(rules.rescues_per_day);
        }
    }
}

/// Whether a snapshot of that runtime may be restored under this one: the same major version, not a newer minor one.
pub(super) fn fits(taken: &str, under: &str) -> bool {
    let version = |runtime: &str| -> Option<(u32, u32)> {
        let (major, minor) = runtime.strip_prefix("FLINK-")?.split_once('_')?;
        Some((major.parse().ok()?, minor.parse().ok()?))
    };
    matches!((version(taken), version(under)), (Some(taken), Some(under)) if taken.0 == under.0 && taken.1 <= under.1)
}

/// An execution's name, without its ARN.
pub(super) fn short(arn: &str) -> &str {
    arn.rsplit(':').next().unwrap_or(arn)
}

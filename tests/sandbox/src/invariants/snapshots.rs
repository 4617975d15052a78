//! A change by the snapshot check arrives at the service: S9, N2 and what holds for every hand are checked before it takes effect.
//!
//! Deletes are judged by what the check could know: the service's own record at the moment of its last list. What a person did since is that person's doing.

use std::collections::BTreeMap;

use crate::managed_flink::{
    ApplicationView, OperationView, SnapshotStatus, SnapshotView, VersionView,
};
use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::{Value, json};

use super::{
    checker::{Book, Checker, Glance},
    enhanced,
    invariant::Invariant,
    mutation::fits,
    premises::Taker,
    rules::{Rules, SnapshotRules},
};
use crate::template::STACK_NAME;

/// A reading of the lease says nothing about later than this: the check's own bound, a function's time and a late request.
const LEASE_READ_SECS: i64 = 180;
/// So many of the last changes of version count, and so many of the last starts.
const CHANGES: usize = 5;
/// Nothing younger is deleted.
const LEAST_AGE_SECS: i64 = 3_600;
/// Until the loss of a machine shows: Flink's time-out of a heartbeat is 50 s.
const HEARTBEAT_SECS: i64 = 60;
/// What the dashboard shows may be so old, and times are compared to the second.
const SLACK_SECS: i64 = 5;

/// What one execution of the snapshot check knows of one application.
#[derive(Clone, Debug, Default)]
pub(super) struct CheckNotes {
    looking: bool,
    acting: bool,
    /// The application when the verifier looked for it.
    look: Option<Glance>,
    /// When it read the lease.
    lease_read: Option<Timestamp>,
}

/// An application as the check listed it.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    at: Timestamp,
    view: ApplicationView,
    versions: Vec<VersionView>,
}

impl Checker {
    pub(super) fn check_begins(
        &self,
        book: &mut Book,
        execution: &str,
        application: &str,
        state: &str,
    ) {
        let notes = book
            .checks
            .entry((application.to_owned(), execution.to_owned()))
            .or_default();
        match state {
            "Look" => notes.looking = true,
            "ReadLease" => notes.lease_read = Some(self.now()),
            "Act" => notes.acting = true,
            _ => {}
        }
    }

    pub(super) fn check_ends(book: &mut Book, execution: &str, application: &str, state: &str) {
        let Some(notes) = book
            .checks
            .get_mut(&(application.to_owned(), execution.to_owned()))
        else {
            return;
        };
        match state {
            "Look" => notes.looking = false,
            "Act" => notes.acting = false,
            _ => {}
        }
    }

    /// The lease of an application is read: for whoever is reading it now.
    pub(super) fn lease_is_read(&self, body: &Value) {
        let (Some(application), "lease") = (
            body["Key"]["pk"]["S"].as_str(),
            body["Key"]["sk"]["S"].as_str().unwrap_or_default(),
        ) else {
            return;
        };
        let now = self.now();
        let mut book = self.book();
        for ((of, _), notes) in &mut book.checks {
            if of == application && !notes.acting && notes.lease_read.is_some() {
                notes.lease_read = Some(now);
            }
        }
    }

    /// The verifier looks: for every check that waits for it.
    pub(super) fn check_looks(book: &mut Book, application: &str, glance: &Glance) {
        for ((of, _), notes) in &mut book.checks {
            if of == application && notes.looking {
                notes.look = Some(glance.clone());
            }
        }
    }

    /// The check lists the snapshots of an application; the first page counts.
    pub(super) fn lists(&self, application: &str, body: &Value) {
        let Some(view) = self
            .region
            .flink()
            .application(application)
            .filter(|_| body["NextToken"].is_null())
        else {
            return;
        };
        let listed = Listed {
            at: self.now(),
            view,
            versions: self.region.flink().versions(application),
        };
        self.book().listed.insert(application.to_owned(), listed);
    }

    /// A snapshot was asked for and will be taken.
    pub(super) fn taken(&self, application: &str, body: &Value, taker: Taker) {
        if let Some(name) = body["SnapshotName"].as_str() {
            self.book()
                .takers
                .insert((application.to_owned(), name.to_owned()), taker);
        }
    }

    /// A change by the snapshot check arrives.
    pub(super) fn check_changes(&self, caller: &str, verb: &str, application: &str, body: &Value) {
        let mut book = self.book();
        let key = (caller.to_owned(), application.to_owned());
        let found = |acting: bool| {
            book.checks
                .iter()
                .rev()
                .find(|((of, _), notes)| of == application && (notes.acting || !acting))
        };
        let Some(notes) = found(true)
            .or_else(|| found(false))
            .map(|(_, notes)| notes.clone())
        else {
            let text =
                || format!("{caller} sends {verb}, and no snapshot check is under way for it");
            return book
                .verdicts
                .check(Invariant::S4, false, self.now(), application, text);
        };
        let (known, tags) = (
            book.described.get(&key).cloned(),
            book.tags_read.get(&key).cloned().unwrap_or_default(),
        );
        let change = Keeping {
            checker: self,
            now: self.now(),
            verb,
            application,
            name: body["SnapshotName"].as_str().unwrap_or_default(),
            tags,
        };
        change.under_no_lease(&mut book, &notes);
        if !self.may_read_stale() {
            change.allowed(&mut book);
        }
        match verb {
            "CreateApplicationSnapshot" | "CreateSnapshot" => {
                change.of_a_healthy_one(&mut book, known.as_ref(), &notes)
            }
            "DeleteApplicationSnapshot" | "DeleteSnapshot" => {
                change.is_its_own(&mut book, body);
                change.is_not_needed(&mut book, caller);
            }
            _ => change.check(&mut book, Invariant::S1, false, || {
                "the snapshot check changes nothing but snapshots".to_owned()
            }),
        }
    }
}

/// One change by the snapshot check.
struct Keeping<'a> {
    checker: &'a Checker,
    now: Timestamp,
    verb: &'a str,
    application: &'a str,
    /// The snapshot.
    name: &'a str,
    /// The tags at the caller's last reading.
    tags: BTreeMap<String, String>,
}

impl Keeping<'_> {
    fn check(
        &self,
        book: &mut Book,
        invariant: Invariant,
        holds: bool,
        text: impl FnOnce() -> String,
    ) {
        book.verdicts
            .check(invariant, holds, self.now, self.application, || {
                format!("{} of {}: {}", self.verb, self.name, text())
            });
    }

    /// No rescue was under way when the lease was read, and that was a moment ago.
    fn under_no_lease(&self, book: &mut Book, notes: &CheckNotes) {
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
        let acquired = lease["acquiredAt"]["S"]
            .as_str()
            .and_then(|text| text.parse::<Timestamp>().ok())
            .unwrap_or(self.now);
        let held = expires > self.now.as_second();
        let read = notes.lease_read;
        let unseen = read.is_some_and(|read| {
            acquired >= read && self.now.duration_since(read).as_secs() <= LEASE_READ_SECS
        });
        let invariant = if self.verb.starts_with("Delete") {
            Invariant::S9
        } else {
            Invariant::N2
        };
        self.check(book, invariant, !held || unseen, || {
            format!("a rescue holds the lease since {acquired}, and it was read at {read:?}")
        });
        let steps = book.steps_for(self.application);
        let text = || {
            format!("{steps} step(s) of a rescue are under way, and the lease was read at {read:?}")
        };
        self.check(book, Invariant::S4, steps == 0 || unseen, text);
    }

    /// S6 and S7.
    fn allowed(&self, book: &mut Book) {
        let rules = Rules::of(&self.checker.premises.policy, &self.tags);
        self.check(book, Invariant::S6, rules.opted_in, || {
            format!("the tags at its last reading are {:?}", self.tags)
        });
        self.check(book, Invariant::S7, rules.act, || {
            format!("nothing may be changed under {:?}", self.tags)
        });
    }

    /// N2, by what the check could know: the application at its own last reading, the job at the verifier's look.
    fn of_a_healthy_one(&self, book: &mut Book, known: Option<&Glance>, notes: &CheckNotes) {
        let stale = if self.checker.may_read_stale() {
            super::mutation::STALE_SECS
        } else {
            0
        };
        let status = known.map(|known| {
            (
                known.standing.status.name(),
                known
                    .standing
                    .busy_since
                    .map(|since| known.at.duration_since(since).as_secs()),
            )
        });
        let quiet = matches!(status, Some(("RUNNING", busy)) if busy.is_none_or(|secs| secs < stale))
            || stale > 0;
        self.check(book, Invariant::N2, quiet, || {
            format!("the application is {status:?} (seconds since an operation began)")
        });
        let rules = Rules::of(&self.checker.premises.policy, &self.tags);
        // A job that failed in the very seconds of the look is shown as it was (seed 87288).
        let up_since = |look: &Glance| {
            look.standing
                .shown_up_since
                .into_iter()
                .chain(look.standing.up_since)
                .min()
        };
        let up_for = notes
            .look
            .as_ref()
            .map(|look| up_since(look).map_or(-1, |since| look.at.duration_since(since).as_secs()));
        let lost = self
            .checker
            .region
            .flink()
            .machine_lost(self.application)
            .zip(notes.look.as_ref());
        let unseen = lost.is_some_and(|(lost, look)| {
            (0..=HEARTBEAT_SECS).contains(&look.at.duration_since(lost).as_secs())
        });
        // A stale answer is an earlier look's: the verifier's own never came to the service.
        let unasked = notes.look.is_none() && self.checker.may_read_stale();
        let soaked = unseen
            || unasked
            || up_for.is_some_and(|secs| secs + SLACK_SECS + stale >= rules.soak_secs);
        self.check(book, Invariant::N2, soaked, || {
            format!("when the verifier looked, the job was up for {up_for:?} s (-1: it was not), and {} s are a soak", rules.soak_secs)
        });
    }

    /// S9 and S11 of what only enhanced snapshots make possible: the service says who took one, whose it is, and forgets none of the mode before.
    fn is_its_own(&self, book: &mut Book, body: &Value) {
        let flink = self.checker.region.flink();
        let Some(view) = flink.application(self.application) else {
            return self.check(book, Invariant::S11, false, || {
                "its application is gone: nobody can say who needs it".to_owned()
            });
        };
        if self.verb == "DeleteApplicationSnapshot" {
            return self.check(book, Invariant::S9, !view.enhanced, || {
                "it is of the snapshot mode before the switch".to_owned()
            });
        }
        let all = flink.account_snapshots();
        let named = |one: &&SnapshotView| body["SnapshotName"] == one.name.as_str();
        let Some(snapshot) = all.iter().find(named) else {
            return;
        };
        let foreign = enhanced::foreign(snapshot, self.application, view.created, false);
        self.check(book, Invariant::S11, foreign.is_none(), || {
            foreign.unwrap_or_default()
        });
        let mut tags = snapshot.enhanced.iter().flat_map(|one| &one.tags);
        let tagged = tags.any(|(key, value)| key == enhanced::OWN_TAG && value == STACK_NAME);
        self.check(book, Invariant::S9, tagged, || {
            "it has no tag of Lifeguard's".to_owned()
        });
        let by_service = snapshot.enhanced.as_ref().is_some_and(|one| one.by_service);
        self.check(book, Invariant::S9, !by_service, || {
            "the service took it".to_owned()
        });
    }

    /// S9.
    fn is_not_needed(&self, book: &mut Book, caller: &str) {
        let looked = book.snapshots_read.remove(&(
            caller.to_owned(),
            self.application.to_owned(),
            self.name.to_owned(),
        ));
        self.check(book, Invariant::S8, looked, || {
            "nobody looked at it since the last change".to_owned()
        });
        let Some(listed) = book.listed.get(self.application).cloned() else {
            return self.check(book, Invariant::S9, false, || {
                "nothing was listed".to_owned()
            });
        };
        // One that came after the list and went before this request is nobody's loss; the service refuses what is not there.
        let Some(target) = listed
            .view
            .snapshots
            .iter()
            .find(|one| one.name == self.name)
            .cloned()
        else {
            return;
        };
        let rules = SnapshotRules::of(&self.checker.premises.policy, &self.tags);
        let taker = book.taker(self.application, self.name);
        let ours = |taker: Taker| {
            taker == Taker::Lifeguard || taker == Taker::Service && rules.prune_service_made
        };
        let deletable = |one: &SnapshotView| {
            one.status == SnapshotStatus::Ready && ours(book.taker(self.application, &one.name))
        };
        let newest_of_ours: Vec<SnapshotView> =
            newest_first(listed.view.snapshots.iter().filter(|one| deletable(one)));
        let last = newest_of_ours
            .iter()
            .take(rules.keep_last)
            .any(|one| one.name == self.name);
        let first_of_day = self.first_of_day(&listed, &newest_of_ours, rules.keep_daily_days);
        let age = listed.at.duration_since(target.created).as_secs();
        let needed = needed(&listed, self.name);
        if self.checker.may_read_stale() {
            return;
        }
        self.check(book, Invariant::S9, ours(taker), || {
            format!("it was taken by {taker:?}")
        });
        self.check(book, Invariant::S9, rules.understood, || {
            format!("a tag says what nobody understands: {:?}", self.tags)
        });
        let kept = self.name.starts_with("keep-") || rules.keep.contains(self.name);
        self.check(book, Invariant::S9, !kept, || {
            "a person said that it must be kept".to_owned()
        });
        self.check(
            book,
            Invariant::S9,
            age + SLACK_SECS >= LEAST_AGE_SECS,
            || format!("it is {age} s old"),
        );
        self.check(book, Invariant::S9, !last, || {
            format!("it is among the newest {}", rules.keep_last)
        });
        self.check(book, Invariant::S9, !first_of_day, || {
            "it is the first of its day".to_owned()
        });
        self.check(book, Invariant::S9, needed.is_none(), || {
            needed.unwrap_or_default()
        });
    }

    fn first_of_day(&self, listed: &Listed, newest_of_ours: &[SnapshotView], days: u32) -> bool {
        let day = |at: Timestamp| at.to_zoned(TimeZone::UTC).date();
        let settled = |one: &&SnapshotView| {
            listed.at.duration_since(one.created) >= SignedDuration::from_secs(LEAST_AGE_SECS)
        };
        let Some(target) = newest_of_ours
            .iter()
            .filter(settled)
            .find(|one| one.name == self.name)
        else {
            return false;
        };
        let its_day = day(target.created);
        let ago = its_day
            .until(day(listed.at))
            .map_or(i32::MAX, |span| span.get_days());
        let first = newest_of_ours
            .iter()
            .filter(settled)
            .filter(|one| day(one.created) == its_day)
            .min_by_key(|one| (one.created, one.name.clone()));
        u32::try_from(ago).is_ok_and(|ago| ago < days)
            && first.is_some_and(|one| one.name == self.name)
    }
}

fn newest_first<'a>(snapshots: impl Iterator<Item = &'a SnapshotView>) -> Vec<SnapshotView> {
    let mut sorted: Vec<SnapshotView> = snapshots.cloned().collect();
    sorted.sort_by(|a, b| (b.created, &b.name).cmp(&(a.created, &a.name)));
    sorted
}

/// For what a rescue could need it; None when it could not.
fn needed(listed: &Listed, name: &str) -> Option<String> {
    let ready = newest_first(
        listed
            .view
            .snapshots
            .iter()
            .filter(|one| one.status == SnapshotStatus::Ready),
    );
    let target = ready.iter().find(|one| one.name == name)?;
    if ready.first().is_some_and(|newest| newest.name == name) {
        return Some("it is the newest of all".to_owned());
    }
    let runtimes: Vec<&str> = listed
        .versions
        .iter()
        .map(|version| version.runtime.as_str())
        .collect();
    let newest_before = |at: Timestamp, runtime: &str| {
        ready
            .iter()
            .find(|one| one.created < at && fits(&one.runtime, runtime))
    };
    for change in changes(&listed.view.operations) {
        if runtimes.iter().any(|runtime| {
            newest_before(change.started, runtime).is_some_and(|one| one.name == name)
        }) {
            return Some(format!(
                "it is the newest from before {} began at {}",
                change.kind, change.started
            ));
        }
        if target.created >= change.started && target.created <= change.ended.unwrap_or(listed.at) {
            return Some(format!(
                "it was taken within {} of {}",
                change.kind, change.started
            ));
        }
    }
    let began = listed
        .versions
        .iter()
        .find(|one| one.id == listed.view.version)
        .and_then(|one| one.launched)?;
    let of_present = runtimes
        .iter()
        .any(|runtime| newest_before(began, runtime).is_some_and(|one| one.name == name));
    of_present.then(|| format!("it is the newest from before the present version began at {began}"))
}

/// The last changes of version, and the last starts.
fn changes(operations: &[OperationView]) -> Vec<&OperationView> {
    let last = |of: &dyn Fn(&str) -> bool| {
        let mut found: Vec<&OperationView> =
            operations.iter().filter(|one| of(&one.kind)).collect();
        found.sort_by_key(|one| std::cmp::Reverse(one.started));
        found.truncate(CHANGES);
        found
    };
    let mut all = last(&|kind| kind == "UpdateApplication" || kind.contains("Rollback"));
    all.extend(last(&|kind| kind == "StartApplication"));
    all
}

#[cfg(test)]
mod tests {
    use crate::managed_flink::{OperationStatus, Status};

    use super::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_mins(minute)
    }

    fn listed(snapshots: &[(&str, i64, &str)], operations: &[(&str, i64)]) -> Listed {
        let snapshot = |(name, minute, runtime): &(&str, i64, &str)| SnapshotView {
            name: (*name).to_owned(),
            status: SnapshotStatus::Ready,
            version: 1,
            created: at(*minute),
            runtime: (*runtime).to_owned(),
            enhanced: None,
        };
        let operation = |(kind, minute): &(&str, i64)| OperationView {
            kind: (*kind).to_owned(),
            status: OperationStatus::Successful,
            started: at(*minute),
            ended: Some(at(minute + 2)),
            error: None,
        };
        let version = |id: i64, minute: i64, runtime: &str| VersionView {
            id,
            code: "code.jar".to_owned(),
            was_overwritten: false,
            runtime: runtime.to_owned(),
            launched: Some(at(minute)),
            created: at(minute),
            enhanced: false,
            content: 0,
            rolled_back_to: None,
        };
        let view = ApplicationView {
            name: "orders".to_owned(),
            arn: String::new(),
            status: Status::Running,
            version: 2,
            enhanced: false,
            created: at(0),
            runtime: "FLINK-1_20".to_owned(),
            code: String::new(),
            healthy: true,
            snapshots: snapshots.iter().map(snapshot).collect(),
            operations: operations.iter().map(operation).collect(),
            tags: BTreeMap::new(),
        };
        Listed {
            at: at(1_000),
            view,
            versions: vec![version(1, 0, "FLINK-1_18"), version(2, 500, "FLINK-1_20")],
        }
    }

    /// Which of them a rescue could need.
    fn kept(snapshots: &[(&str, i64, &str)], operations: &[(&str, i64)]) -> Vec<String> {
        let listed = listed(snapshots, operations);
        snapshots
            .iter()
            .filter(|(name, ..)| needed(&listed, name).is_some())
            .map(|(name, ..)| (*name).to_owned())
            .collect()
    }

    #[test]
    fn the_newest_of_all_and_of_before_each_change_are_needed() {
        let all = [
            ("a", 100, "FLINK-1_18"),
            ("b", 200, "FLINK-1_18"),
            ("c", 400, "FLINK-1_18"),
            ("d", 600, "FLINK-1_20"),
            ("e", 900, "FLINK-1_20"),
        ];
        assert_eq!(kept(&all, &[("UpdateApplication", 499)]), ["c", "e"]);
        assert_eq!(
            kept(
                &all,
                &[
                    ("UpdateApplication", 499),
                    ("StartApplication", 250),
                    ("Maintenance", 700)
                ]
            ),
            ["b", "c", "e"]
        );
        assert_eq!(
            kept(&all, &[("UpdateApplication", 599)]),
            ["c", "d", "e"],
            "d was taken within the update"
        );
    }

    #[test]
    fn what_an_older_runtime_could_restore_is_needed_too() {
        let all = [
            ("old", 300, "FLINK-1_18"),
            ("new", 400, "FLINK-1_20"),
            ("last", 900, "FLINK-1_20"),
        ];
        assert_eq!(
            kept(&all, &[("UpdateApplication", 499)]),
            ["old", "new", "last"]
        );
    }

    #[test]
    fn only_the_last_five_changes_count() {
        let snapshots: Vec<(String, i64, &str)> = (0..8)
            .map(|n| (format!("s{n}"), 600 + n * 10, "FLINK-1_20"))
            .collect();
        let snapshots: Vec<(&str, i64, &str)> = snapshots
            .iter()
            .map(|(name, minute, runtime)| (name.as_str(), *minute, *runtime))
            .collect();
        let operations: Vec<(&str, i64)> = (0..8)
            .map(|n| ("RollbackApplication", 605 + n * 10))
            .collect();
        assert_eq!(
            kept(&snapshots, &operations),
            ["s3", "s4", "s5", "s6", "s7"]
        );
    }
}

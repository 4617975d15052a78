//! Plays a scenario, and compares how it ended with how it should have.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use jiff::Timestamp;
use serde_json::Value;

use super::{Opened, Script, Stage, ends, executions, people::People, player::Player};
use crate::{
    invariants::{Verdicts, is_a_person},
    journal::{Call, Entry},
    pace::{self, Speed},
    region::{Open, REMEDIATE, Region, RegionError, SNAPSHOT_CHECK},
    script::{Do, Machine, Step},
    states::ExecutionView,
    story::{
        ActionTaken, ApplicationNow, ExecutionTold, Mail, RecordsCount, Rehearsal, TimelineEntry,
    },
};

/// Verbs that change an application.
const CHANGING: [&str; 9] = [
    "RollbackApplication",
    "StopApplication",
    "UpdateApplication",
    "StartApplication",
    "DeleteApplication",
    "CreateApplicationSnapshot",
    "DeleteApplicationSnapshot",
    "CreateSnapshot",
    "DeleteSnapshot",
];
/// The outcome of what did not recover, or of which nobody knows yet whether it did.
const ESCALATED: &str = "escalated";
/// Between two looks of the bystander who watches the application's health.
const GLANCE: Duration = Duration::from_secs(1);

/// A scenario that was played: its result, and the region as it was left.
pub struct Played {
    /// The result.
    pub rehearsal: Rehearsal,
    /// What the invariant checker found; nothing where it could not watch.
    pub verdicts: Verdicts,
    /// The region.
    pub region: Open,
}

/// Plays a scenario in virtual time. Needs a tokio runtime of one thread with its clock paused.
///
/// # Errors
/// When the region cannot be opened.
pub async fn play(scenario: &Script, seed: u64) -> Result<Played, RegionError> {
    play_observed(scenario, seed, Speed::Virtual, |_| {}).await
}

/// Plays a scenario at a speed; `shown` is called again and again, for those who watch.
///
/// # Errors
/// When the region cannot be opened.
pub async fn play_observed(
    scenario: &Script,
    seed: u64,
    speed: Speed,
    shown: impl FnMut(&Region),
) -> Result<Played, RegionError> {
    play_staged(scenario, scenario.stage(), seed, speed, |_| {}, shown).await
}

/// Plays a scenario on another stage at a speed; `before` is called once the region is open and before anything happens in it, `shown` again and again.
///
/// # Errors
/// When the region cannot be opened, or a real cluster cannot be had; ask [`super::Clusters::can_play`] first.
pub async fn play_staged(
    scenario: &Script,
    stage: Stage,
    seed: u64,
    speed: Speed,
    before: impl FnOnce(&Region),
    mut shown: impl FnMut(&Region),
) -> Result<Played, RegionError> {
    let mut opened = Opened::of(scenario, stage, seed).await?;
    let region = (*opened.region).clone();
    before(&region);
    let health = Health::default();
    tokio::spawn(health.clone().watch(region.clone(), scenario.subject()));
    tokio::select! {
        () = opened.live(scenario) => {}
        () = pace::hold(speed, || shown(&region)) => {}
    }
    shown(&region);
    let verdicts = opened.close();
    Ok(Played {
        rehearsal: result(scenario, seed, &region, &health, &verdicts),
        verdicts,
        region: opened.region,
    })
}

/// Plays a scenario in virtual time on another stage; `opened` is called once the region is open and before anything happens in it.
///
/// # Errors
/// When the region cannot be opened.
pub async fn play_on(
    scenario: &Script,
    stage: Stage,
    seed: u64,
    opened: impl FnOnce(&Region),
) -> Result<Played, RegionError> {
    play_staged(scenario, stage, seed, Speed::Virtual, opened, |_| {}).await
}

/// Does one thing at once, as a step of a script would.
pub async fn act(region: &Region, application: &str, what: &Do) {
    People::new(region.clone())
        .act(application, what, None)
        .await;
}

/// Lets further steps happen in a region that is open.
pub async fn go_on(region: &Region, happens: &[Step]) {
    let script = Script {
        happens: happens.to_vec(),
        ..Script::default()
    };
    Player::new(region.clone(), &script).play().await;
}

/// When the application worked and when it did not, as a bystander saw it.
#[derive(Clone, Default)]
struct Health(Arc<Mutex<Seen>>);

#[derive(Default)]
struct Seen {
    /// The first moment at which it was RUNNING and did not work, or had fallen back.
    fault_at: Option<Timestamp>,
    /// The first moment at which it did not work, whatever its status.
    away_at: Option<Timestamp>,
    /// Since when it does not work, whatever its status.
    away_since: Option<Timestamp>,
    /// When a job that ran failed for the first time.
    failed_at: Option<Timestamp>,
    /// When it stopped working before it failed: an operation may have taken it down that did not end well.
    down_from: Option<Timestamp>,
    /// Since when it works.
    works_since: Option<Timestamp>,
}

impl Health {
    async fn watch(self, region: Region, application: String) {
        loop {
            let standing = region.flink().standing(&application);
            if let Some(application) = region.flink().application(&application) {
                let now = region.clock().now();
                let runs = standing.is_some_and(|standing| standing.job_up_since.is_some());
                let mut seen = self
                    .0
                    .lock()
                    .expect("no thread panics while it holds what was seen");
                if runs {
                    seen.away_since = None;
                } else if seen.away_since.is_none() {
                    seen.away_since = Some(now);
                    if application.status.name() == "RUNNING" {
                        seen.failed_at.get_or_insert(now);
                    }
                }
                if application.healthy {
                    seen.works_since.get_or_insert(now);
                } else {
                    seen.works_since = None;
                    seen.away_at.get_or_insert(now);
                    if matches!(application.status.name(), "RUNNING" | "READY") {
                        seen.fault_at.get_or_insert(now);
                        let down_from = seen.away_since.unwrap_or(now);
                        seen.down_from.get_or_insert(down_from);
                    }
                }
            }
            tokio::time::sleep(GLANCE).await;
        }
    }
}

fn result(
    scenario: &Script,
    seed: u64,
    region: &Region,
    health: &Health,
    verdicts: &Verdicts,
) -> Rehearsal {
    let opened = region.opened();
    let subject = scenario.subject();
    let of = scenario
        .ends
        .as_ref()
        .map_or(Machine::Rescue, |ends| ends.of);
    let executions = region.executions_of(match of {
        Machine::Rescue => REMEDIATE,
        Machine::SnapshotCheck => SNAPSHOT_CHECK,
    });
    let (outcome, reason) = outcome(&executions);
    let application = region.flink().application(&subject);
    let records = region.flink().records(&subject);
    let seen = health
        .0
        .lock()
        .expect("no thread panics while it holds what was seen");
    let fault_at = seen.fault_at.or(seen.away_at);
    let since_fault = |at: Timestamp| {
        fault_at.map(|fault| at.duration_since(fault).as_secs().max(0).unsigned_abs())
    };
    let down_from = seen.failed_at.or(seen.down_from).or(seen.away_at);
    let recovery_secs = seen
        .works_since
        .filter(|since| fault_at.is_some_and(|fault| *since >= fault) && outcome != ESCALATED)
        .zip(down_from)
        .map(|(since, down)| since.duration_since(down).as_secs().max(0).unsigned_abs());
    let calls = region.journal().calls();
    let mut rehearsal = Rehearsal {
        scenario: scenario.name.to_owned(),
        seed,
        outcome,
        reason,
        application: application.as_ref().map_or_else(
            || ApplicationNow {
                name: subject.clone(),
                status: "DELETED".into(),
                version_id: 0,
                runtime: String::new(),
            },
            |now| ApplicationNow {
                name: now.name.clone(),
                status: now.status.name().into(),
                version_id: now.version,
                runtime: now.runtime.clone(),
            },
        ),
        actions: actions(&calls, opened),
        records: RecordsCount {
            produced: records.produced,
            lost: records.lost,
            replayed: records.replayed,
            duplicated: records.duplicated,
            wrong: records.wrong,
            behind: records.lag,
        },
        down_from_secs: down_from
            .map(|at| at.duration_since(opened).as_secs().max(0).unsigned_abs()),
        detection_secs: executions
            .first()
            .filter(|one| fault_at.is_some_and(|fault| one.started >= fault))
            .and_then(|one| since_fault(one.started)),
        recovery_secs,
        api_calls: count(&calls),
        executions: executions
            .iter()
            .map(|execution| ExecutionTold::of(execution, &region.states().history(&execution.arn)))
            .collect(),
        processes: region.lambda().processes_started(),
        job_runs: region.flink().job_runs(&subject),
        mails: Mail::all(region.journal()),
        invariant_checks: verdicts.checks.clone(),
        complaints: Vec::new(),
        timeline: timeline(region, &subject),
    };
    let code = application.map_or_else(String::new, |application| application.code);
    rehearsal.complaints = scenario
        .ends
        .iter()
        .flat_map(|ends| ends::complaints(scenario, ends, &rehearsal, &code, region))
        .collect();
    let refused = scenario.ends.as_ref().is_some_and(ends::is_refused);
    rehearsal
        .complaints
        .extend(executions::complaints(refused, region));
    rehearsal
        .complaints
        .extend(verdicts.violations.iter().map(ToString::to_string));
    rehearsal
}

fn timeline(region: &Region, subject: &str) -> Vec<TimelineEntry> {
    let entry = |entry: &Entry| TimelineEntry {
        written: region.flink().written(subject, entry.at),
        ..TimelineEntry::of(entry, region.opened())
    };
    region.journal().entries().iter().map(entry).collect()
}

/// The outcome of the last execution that looked after the application, as its output says: one that finds another at work ends at once and says so.
fn outcome(executions: &[ExecutionView]) -> (String, String) {
    let told = |execution: &&ExecutionView| {
        execution.output.as_ref().is_none_or(|output| {
            output["because"] != "alreadyInHand" && output["outcome"] != "goesOn"
        })
    };
    let Some(last) = executions.iter().rev().find(told) else {
        return (
            "leftAlone".into(),
            "no alarm rang, so nothing was started".into(),
        );
    };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    match &last.output {
        Some(output) => (text(&output["outcome"]), text(&output["reason"])),
        None => (
            "none".into(),
            format!("the execution is {}", last.status.name()),
        ),
    }
}

/// Lifeguard's calls that were meant to change an application: everybody's but people's.
fn actions(calls: &[Call], opened: Timestamp) -> Vec<ActionTaken> {
    let ours = calls.iter().filter(|call| {
        call.service == "kinesisanalytics"
            && !is_a_person(&call.caller)
            && CHANGING.contains(&call.action.as_str())
    });
    ours.map(|call| ActionTaken {
        action: call.action.clone(),
        at_secs: call
            .at
            .duration_since(opened)
            .as_secs()
            .max(0)
            .unsigned_abs(),
        by: call.caller.clone(),
        outcome: call.outcome.clone(),
        changed: call.changed,
    })
    .collect()
}

fn count(calls: &[Call]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for call in calls.iter().filter(|call| !is_a_person(&call.caller)) {
        *counts
            .entry(format!("{} {}:{}", call.caller, call.service, call.action))
            .or_default() += 1;
    }
    counts
}

//! Plays a script in virtual time, in a runtime of its own, and sums up what came of it.

use std::collections::BTreeMap;

use sandbox::{
    invariants::{Invariant, Violation, is_a_person},
    region::{REMEDIATE, Region},
    scenario::{Opened, Stage},
    script::{Do, Script},
    states::ExecutionView,
};

use crate::trace;

/// What became of a run.
#[derive(Clone, Debug, Default)]
pub struct Played {
    /// What broke.
    pub violations: Vec<Violation>,
    /// Checks made.
    pub checks: BTreeMap<Invariant, u64>,
    /// Ends of executions, `outcome/because`.
    pub outcomes: BTreeMap<String, u64>,
    /// Requests struck, by kind of fault.
    pub struck: BTreeMap<String, u64>,
    /// Things that happened, by kind.
    pub happened: BTreeMap<String, u64>,
    /// Virtual seconds, summed over applications.
    pub application_secs: u64,
    /// Executions.
    pub executions: u64,
    /// Changes by Lifeguard that took effect.
    pub changes: u64,
    /// Snapshots that the schedule had taken.
    pub snapshots_taken: u64,
    /// Snapshots that it deleted.
    pub snapshots_deleted: u64,
    /// Requests to the region.
    pub calls: u64,
    /// Everything that happened, where it was asked for.
    pub trace: String,
}

/// Plays a script. With `told`, its trace is kept.
///
/// # Panics
/// When the region cannot be opened, which is a mistake in the template and not in the script.
#[must_use]
pub fn play(script: &Script, told: bool) -> Played {
    play_on(script, script.stage(), told)
}

/// Plays a script on another stage.
///
/// # Panics
/// When the region cannot be opened, which is a mistake in the template and not in the script.
#[must_use]
pub fn play_on(script: &Script, stage: Stage, told: bool) -> Played {
    virtually(async {
        let mut opened = open(script, stage).await;
        opened.live(script).await;
        let verdicts = opened.close();
        let mut played = sum_up(&opened, script);
        (played.violations, played.checks) = (verdicts.violations, verdicts.checks);
        if told {
            played.trace = trace::of(&opened.region);
        }
        played
    })
}

/// Runs this in virtual time, in a runtime of its own.
pub(crate) fn virtually<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime
        .expect("a runtime of one thread needs nothing but memory")
        .block_on(future)
}

/// Opens the region of a script.
pub(crate) async fn open(script: &Script, stage: Stage) -> Opened {
    let seed = script.seed.unwrap_or(1);
    let opened = Opened::of(script, stage, seed).await;
    opened.expect("the template can be used")
}

/// What the summary tells.
fn sum_up(opened: &Opened, script: &Script) -> Played {
    let region: &Region = &opened.region;
    let executions = region.executions_of(REMEDIATE);
    let applications = region.flink().applications().len() as u64;
    let mut played = Played {
        executions: executions.len() as u64,
        calls: region
            .journal()
            .count_calls(|call| !is_a_person(&call.caller)) as u64,
        application_secs: region.clock().elapsed().as_secs() * applications,
        struck: region
            .faults()
            .struck_by_kind()
            .into_iter()
            .map(|(kind, n)| (kind.to_owned(), n))
            .collect(),
        ..Played::default()
    };
    if let Some(checker) = &opened.checker {
        played.changes = checker.changes();
        (played.snapshots_taken, played.snapshots_deleted) = checker.snapshots();
    }
    for execution in &executions {
        *played.outcomes.entry(ending(execution)).or_default() += 1;
    }
    for what in script.happens.iter().filter_map(|step| step.what.as_ref()) {
        *played.happened.entry(word(what)).or_default() += 1;
    }
    played
}

/// The word for it, without what it carries.
fn word(what: &Do) -> String {
    let written = serde_json::to_value(what).unwrap_or_default();
    let mut words = written.as_object().into_iter().flat_map(|one| one.keys());
    let word = written
        .as_str()
        .or_else(|| words.next().map(String::as_str));
    word.unwrap_or_default().to_owned()
}

/// How an execution ended: `outcome/because`.
fn ending(execution: &ExecutionView) -> String {
    let Some(output) = &execution.output else {
        return execution.status.name().to_owned();
    };
    let text = |member: &str| output[member].as_str().unwrap_or_default();
    format!("{}/{}", text("outcome"), text("because"))
}

//! Many seeds on all cores. Each thread has runtimes and regions of its own; sums do not depend on who played what.

use std::{
    collections::BTreeMap,
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

use serde::Serialize;

use sandbox::{
    invariants::{Invariant, Violation},
    scenario::Stage,
    script::Script,
};

use crate::{
    generate,
    play::{Played, play_on},
};

/// What is drawn from a seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drawn {
    /// A run of about an hour.
    Run,
    /// A day of one to three days' time.
    Day,
}

impl Drawn {
    /// The script of a seed.
    #[must_use]
    pub fn script(self, seed: u64) -> Script {
        match self {
            Self::Run => generate::script(seed),
            Self::Day => generate::days::day(seed).script,
        }
    }
}

/// A seed whose run broke an invariant, or made the code panic.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Broken {
    /// The seed.
    pub seed: u64,
    /// What broke; empty when it was a panic.
    pub violations: Vec<Violation>,
    /// The panic's words.
    pub panic: Option<String>,
}

/// What became of many runs.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// Runs played.
    pub runs: u64,
    /// Virtual hours, summed over applications.
    pub application_hours: u64,
    /// Executions of the state machine.
    pub executions: u64,
    /// Changes by Lifeguard that took effect.
    pub changes: u64,
    /// Snapshots that the schedule had taken.
    pub snapshots_taken: u64,
    /// Snapshots that it deleted.
    pub snapshots_deleted: u64,
    /// Requests to the region.
    pub calls: u64,
    /// What people, the service and the world did.
    pub happened: BTreeMap<String, u64>,
    /// Requests struck, by kind of fault.
    pub faults: BTreeMap<String, u64>,
    /// Ends of executions.
    pub outcomes: BTreeMap<String, u64>,
    /// Checks made, by invariant.
    pub checks: BTreeMap<Invariant, u64>,
    /// Runs that broke something.
    pub broken: Vec<Broken>,
    #[serde(skip)]
    seconds: u64,
}

impl Summary {
    fn add(&mut self, seed: u64, played: Played) {
        self.runs += 1;
        self.seconds += played.application_secs;
        self.application_hours = self.seconds / 3_600;
        self.executions += played.executions;
        self.changes += played.changes;
        self.snapshots_taken += played.snapshots_taken;
        self.snapshots_deleted += played.snapshots_deleted;
        self.calls += played.calls;
        sum(&mut self.happened, played.happened);
        sum(&mut self.faults, played.struck);
        sum(&mut self.outcomes, played.outcomes);
        sum(&mut self.checks, played.checks);
        if !played.violations.is_empty() {
            self.broken.push(Broken {
                seed,
                violations: played.violations,
                panic: None,
            });
        }
    }
}

fn sum<K: Ord>(into: &mut BTreeMap<K, u64>, from: BTreeMap<K, u64>) {
    for (key, n) in from {
        *into.entry(key).or_default() += n;
    }
}

/// Plays these runs on `threads` threads; `progress` hears of each that is done. Stops handing out seeds once `most_broken` runs have broken something.
///
/// # Panics
/// Never: a run that panics is a broken run.
#[must_use]
pub fn play_all(
    drawn: Drawn,
    seeds: Range<u64>,
    threads: usize,
    most_broken: usize,
    progress: &(dyn Fn(&Summary) + Sync),
) -> Summary {
    let script = |seed| drawn.script(seed);
    play_each(
        seeds,
        &script,
        &Script::stage,
        threads,
        most_broken,
        progress,
    )
}

/// The same with the scripts that `script` makes of seeds, on the stages that `stage` makes of them.
///
/// # Panics
/// Never: a run that panics is a broken run.
#[must_use]
pub fn play_each(
    seeds: Range<u64>,
    script: &(dyn Fn(u64) -> Script + Sync),
    stage: &(dyn Fn(&Script) -> Stage + Sync),
    threads: usize,
    most_broken: usize,
    progress: &(dyn Fn(&Summary) + Sync),
) -> Summary {
    let next = AtomicU64::new(seeds.start);
    let summary = Mutex::new(Summary::default());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end
                        || summary
                            .lock()
                            .is_ok_and(|summary| summary.broken.len() >= most_broken)
                    {
                        return;
                    }
                    let played = catch_unwind(AssertUnwindSafe(|| {
                        let script = script(seed);
                        play_on(&script, stage(&script), false)
                    }));
                    let mut summary = summary.lock().expect("no thread panics while it adds up");
                    match played {
                        Ok(played) => summary.add(seed, played),
                        Err(panic) => {
                            summary.runs += 1;
                            summary.broken.push(Broken {
                                seed,
                                violations: Vec::new(),
                                panic: Some(words(panic.as_ref())),
                            });
                        }
                    }
                    progress(&summary);
                }
            });
        }
    });
    let mut summary = summary
        .into_inner()
        .expect("no thread panicked while it added up");
    summary.broken.sort_by_key(|broken| broken.seed);
    summary
}

fn words(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without words".to_owned())
}

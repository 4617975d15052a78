//! Holds what was seen of simulated Flink against what was seen of real Flink.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use crate::watch::Seen;

/// Of the states that tasks only pass through: how long they do is the machine's affair.
const PASSING: [&str; 5] = [
    "CREATED",
    "SCHEDULED",
    "DEPLOYING",
    "INITIALIZING",
    "CANCELING",
];
const HALF: f64 = 0.5;
/// The job's state is nearly live. What shows in fewer looks than this a look may miss.
const OF_JOB: Lasting = Lasting {
    share: 0.12,
    looks: 0,
};
/// Tasks' states come from Flink's cache, three seconds or sixteen looks old: which moment it holds is chance, so what shows no longer than that is.
const OF_TASKS: Lasting = Lasting {
    share: 0.12,
    looks: 16,
};
/// By how much the share of looks may differ that show every subtask RUNNING.
const SHARE: f64 = 0.2;
/// By what share the number of attempts may differ in a loop, beside the one that the end of the watch may cut off.
const ATTEMPTS: f64 = 0.25;
/// Whether the JobMaster or the ResourceManager misses a TaskManager first is chance, and so is whose exception it is.
const LOST: [&str; 2] = [
    "org.apache.flink.runtime.jobmaster.JobMasterException",
    "org.apache.flink.runtime.resourcemanager.exceptions.ResourceManagerException",
];

/// In more than so many looks, and at least such a share of them.
struct Lasting {
    share: f64,
    looks: u32,
}

/// Looks at each state, and how many there were.
type States<'a> = (&'a BTreeMap<String, u32>, u32);

/// What agreed, and what did not: situation and difference.
#[derive(Default)]
pub(crate) struct Comparison {
    pub(crate) agreements: usize,
    pub(crate) differences: Vec<(String, String)>,
}

impl Comparison {
    fn that(&mut self, situation: &str, agrees: bool, difference: impl FnOnce() -> String) {
        if agrees {
            self.agreements += 1;
        } else {
            self.differences.push((situation.to_owned(), difference()));
        }
    }

    fn same<T: PartialEq + Debug>(&mut self, situation: &str, what: &str, simulated: &T, real: &T) {
        self.that(situation, simulated == real, || {
            format!("{what}: simulated {simulated:?}, real {real:?}")
        });
    }
}

/// Compares one situation.
pub(crate) fn compare(situation: &str, simulated: &Seen, real: &Seen, into: &mut Comparison) {
    into.same(
        situation,
        "submissions",
        &simulated.submissions,
        &real.submissions,
    );
    into.same(situation, "end", &simulated.ended, &real.ended);
    // In a loop the last look falls where it falls, and the cache, whose three seconds may keep step with the loop, may show the same part of it all the time.
    let loops = simulated.sticky[3] > 1 && real.sticky[3] > 1;
    if !loops {
        into.same(
            situation,
            "last state of the job",
            &simulated.last_state,
            &real.last_state,
        );
    }
    into.same(situation, "vertices", &simulated.vertices, &real.vertices);
    let named = |class: String| {
        if LOST.contains(&class.as_str()) {
            "a TaskManager is lost".to_owned()
        } else {
            class
        }
    };
    let (class, task) = (
        |seen: &Seen| seen.fault.clone().map(|fault| named(fault.0)),
        |seen: &Seen| seen.fault.clone().and_then(|fault| fault.1),
    );
    into.same(
        situation,
        "class of the first fault",
        &class(simulated),
        &class(real),
    );
    into.same(
        situation,
        "task of the first fault",
        &task(simulated),
        &task(real),
    );
    into.same(
        situation,
        "a checkpoint completes",
        &simulated.checkpoint_completed,
        &real.checkpoint_completed,
    );
    into.same(situation, "restored", &simulated.restored, &real.restored);
    for (index, signal) in ["RESTARTING", "attempt", "exception", "restarts"]
        .iter()
        .enumerate()
    {
        into.same(
            situation,
            &format!("sticky {signal}"),
            &(simulated.sticky[index] > 0),
            &(real.sticky[index] > 0),
        );
    }
    for (who, seen) in [("simulated", simulated), ("real", real)] {
        into.that(situation, !seen.sticky_went_back, || {
            format!("a sticky signal of {who} Flink went back")
        });
    }
    if loops {
        let (fewer, more) = (
            simulated.sticky[1].min(real.sticky[1]),
            simulated.sticky[1].max(real.sticky[1]),
        );
        into.that(
            situation,
            (more - fewer) as f64 <= 1.0 + ATTEMPTS * more as f64,
            || {
                format!(
                    "attempts: simulated {}, real {}",
                    simulated.sticky[1], real.sticky[1]
                )
            },
        );
    }
    states(
        situation,
        "the job",
        (&simulated.job_states, simulated.looks),
        (&real.job_states, real.looks),
        &OF_JOB,
        into,
    );
    for vertex in simulated
        .vertices
        .keys()
        .filter(|name| !loops && real.vertices.contains_key(*name))
    {
        let of = |seen: &Seen| -> BTreeMap<String, u32> {
            seen.task_states
                .iter()
                .filter(|((name, _), _)| name == vertex)
                .map(|((_, state), looks)| (state.clone(), *looks))
                .collect()
        };
        states(
            situation,
            vertex,
            (&of(simulated), simulated.looks),
            (&of(real), real.looks),
            &OF_TASKS,
            into,
        );
    }
    let share = |seen: &Seen| f64::from(seen.all_running) / f64::from(seen.looks.max(1));
    into.that(
        situation,
        (share(simulated) - share(real)).abs() <= SHARE,
        || {
            format!(
                "looks that show every subtask RUNNING: simulated {:.2}, real {:.2}",
                share(simulated),
                share(real)
            )
        },
    );
}

/// What lasts on one side must be seen on the other.
fn states(
    situation: &str,
    whose: &str,
    simulated: States<'_>,
    real: States<'_>,
    lasting: &Lasting,
    into: &mut Comparison,
) {
    let only = |(states, looks): States<'_>, other: States<'_>| -> Vec<String> {
        let least = |state: &str| {
            if PASSING.contains(&state) {
                HALF
            } else {
                lasting.share
            }
        };
        let lasts = |state: &str, seen: u32| {
            seen > lasting.looks && f64::from(seen) >= least(state) * f64::from(looks.max(1))
        };
        states
            .iter()
            .filter(|(state, seen)| lasts(state, **seen) && !other.0.contains_key(*state))
            .map(|(state, _)| state.clone())
            .collect()
    };
    let missing = only(real, simulated);
    into.that(situation, missing.is_empty(), || {
        format!("states of {whose} that only real Flink shows: {missing:?}")
    });
    let invented = only(simulated, real);
    into.that(situation, invented.is_empty(), || {
        format!("states of {whose} that only the simulation shows: {invented:?}")
    });
}

/// Every path of an answer that real Flink gave must be in the simulation's. That every recorded one is there has a test of its own, which needs no real Flink.
pub(crate) fn compare_keys(
    simulated: &BTreeSet<String>,
    real: &BTreeSet<String>,
    into: &mut Comparison,
) {
    for path in real {
        into.that("keys", simulated.contains(path), || {
            format!("{path} is in real Flink's answers only")
        });
    }
}

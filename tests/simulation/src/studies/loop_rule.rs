//! The study of the loop's rule: after how many incidents, over how long, faults count as a loop. How soon each choice judges a loop, and what it judges although it passes.
//!
//! Arithmetic only, over the simulated Flink's default restart strategy. What happens within 30 s of its first fault is one incident; between two of a loop lies no soak.

use std::{fmt::Write as _, process::ExitCode};

use sandbox::flink::{Backoff, RestartStrategy};

use super::detection::{COMES_UP_SECS, restarts};

/// Choices: so many incidents, over so many seconds.
const RULES: [(usize, f64); 7] = [
    (2, 30.0),
    (2, 120.0),
    (3, 60.0),
    (3, 120.0),
    (3, 240.0),
    (4, 120.0),
    (5, 300.0),
];
/// This project's: `Policy::min_restarts`, and the two minutes of `decide/waiting.rs`.
const OURS: (usize, f64) = (3, 120.0);
const INCIDENT_SECS: f64 = 30.0;
const SOAK_SECS: f64 = 303.0;
/// Times from a start to the fault, in seconds; with the first the job fails in open().
const FAIL_SECS: [u64; 8] = [0, 5, 10, 20, 60, 120, 180, 240];
/// A job that connects gives up after so long.
const CONNECTS_SECS: f64 = 5.0;

/// The first faults of incidents.
fn incidents(faults: &[f64]) -> Vec<f64> {
    let mut begun: Vec<f64> = Vec::new();
    for at in faults {
        if begun.last().is_none_or(|first| at - first > INCIDENT_SECS) {
            begun.push(*at);
        }
    }
    begun
}

/// When faults count as a loop, in seconds after the first of them; the job is looked at all the time. None where they end before.
fn judged(faults: &[f64], (times, over): (usize, f64)) -> Option<f64> {
    let begun = incidents(faults);
    let last_fault = *faults.last()?;
    (0..begun.len()).find_map(|last| {
        // The trouble begins after the last stretch of a soak.
        let soaked = |nth: &usize| begun[*nth] - begun[nth - 1] > SOAK_SECS;
        let first = (1..=last).rev().find(soaked).unwrap_or(0);
        let at = begun[last].max(begun[first] + over);
        let next = begun.get(last + 1).copied().unwrap_or(f64::INFINITY);
        // What has been up for a soak is none any more.
        let is_one = last + 1 - first >= times && at < next && at <= last_fault + SOAK_SECS;
        (is_one && at <= last_fault).then_some(at - begun[first])
    })
}

/// What a job does that needs something which is away for so long: it fails at once, and at each start until that is back.
fn outage(secs: f64) -> Vec<f64> {
    let mut backoff = Backoff::new(RestartStrategy::EXPONENTIAL, 0);
    let (mut at, mut all) = (0.0, Vec::new());
    while at < secs {
        all.push(at);
        let Some(delay) = backoff.fault((at * 1_000.0) as i64) else {
            break;
        };
        let started = at + delay as f64 / 1_000.0;
        if started + COMES_UP_SECS >= secs {
            break;
        }
        at = started + COMES_UP_SECS + CONNECTS_SECS;
    }
    all
}

/// What passes by itself.
fn innocent() -> Vec<(&'static str, Vec<f64>)> {
    let twice = |secs: f64, apart: f64| {
        let mut all = outage(secs);
        all.extend(outage(secs).into_iter().map(|at| at + apart));
        all
    };
    vec![
        ("maintenance, or a machine that is replaced", vec![0.0]),
        ("a lost machine, and no slots for a minute", vec![0.0, 62.0]),
        (
            "eight failover regions, one after the other",
            (0..8).map(|nth| f64::from(nth) * 0.4).collect(),
        ),
        ("a broker fails over for 40 s", outage(40.0)),
        ("two brokers, 90 s apart, 40 s each", twice(40.0, 90.0)),
        ("a broker is away for 90 s", outage(90.0)),
        ("a broker is away for 2 min", outage(120.0)),
        ("a broker is away for 5 min", outage(300.0)),
    ]
}

/// The tables, in Markdown.
#[must_use]
pub fn tables() -> String {
    let heads = RULES.map(|(times, over)| {
        let mark = if (times, over) == OURS { " (ours)" } else { "" };
        format!("{times} over {over:.0} s{mark}")
    });
    let head = |text: &mut String, first: &str| {
        let _ = writeln!(text, "| {first} | {} |", heads.join(" | "));
        let _ = writeln!(text, "|---|{}", "---|".repeat(RULES.len()));
    };
    let mut text = "\nSeconds from the first fault until a loop is judged:\n\n".to_owned();
    head(&mut text, "fails after");
    for fails in FAIL_SECS {
        let faults = restarts(fails, RestartStrategy::EXPONENTIAL, 3_600.0);
        let cells = RULES.map(|rule| {
            judged(&faults, rule).map_or_else(|| "never".to_owned(), |secs| format!("{secs:.0}"))
        });
        let _ = writeln!(text, "| {fails} s | {} |", cells.join(" | "));
    }
    text.push_str("\nJudged although it passes:\n\n");
    head(&mut text, "what happens");
    for (name, faults) in innocent() {
        let cells = RULES.map(|rule| match judged(&faults, rule) {
            Some(secs) => format!("after {secs:.0} s"),
            None => "no".to_owned(),
        });
        let _ = writeln!(text, "| {name} | {} |", cells.join(" | "));
    }
    text
}

/// Prints them.
pub fn run(say: &dyn Fn(&str)) -> ExitCode {
    say(&tables());
    ExitCode::SUCCESS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_rule_lets_pass_what_passes_within_two_minutes_and_sees_every_loop() {
        for (name, faults) in innocent() {
            let passes = faults.last().is_some_and(|last| *last <= 120.0);
            assert_eq!(judged(&faults, OURS).is_none(), passes, "{name}");
        }
        for fails in FAIL_SECS {
            let faults = restarts(fails, RestartStrategy::EXPONENTIAL, 3_600.0);
            assert!(judged(&faults, OURS).is_some(), "{fails} s");
        }
    }

    #[test]
    fn fewer_incidents_or_less_time_would_judge_a_broker_that_fails_over() {
        let failover = outage(90.0);
        assert!(judged(&failover, (2, 30.0)).is_some());
        assert!(judged(&failover, OURS).is_none());
    }
}

//! The detection study: which alarm ("M of N minutes with a rising count of restarts") sees which loop how soon, and which rings although nothing is wrong.
//!
//! Arithmetic only: the simulated Flink's own restart strategies, CloudWatch's one value a minute, `DIFF(restarts) > 0`, missing data does not ring. A moment within the minute
//! is drawn over all of them, so that a result does not depend on where the minute begins.

use std::{fmt::Write as _, path::Path, process::ExitCode, time::Duration};

use sandbox::flink::{Backoff, RestartStrategy};

/// Windows studied: M of N minutes. The first is AWS's article, the fourth is this project's default.
const WINDOWS: [(usize, usize); 6] = [(5, 5), (3, 5), (2, 10), (3, 10), (4, 15), (3, 30)];
/// The default: `scenario::alarms_of`.
const DEFAULT: usize = 3;
/// Times from a start to the fault, in seconds.
const FAIL_SECS: [u64; 15] = [
    1, 2, 5, 10, 20, 30, 45, 60, 90, 120, 180, 240, 300, 420, 600,
];
/// An alarm that has not rung after so long never will.
const HOURS: u64 = 3;
/// From a start to all tasks RUNNING, with a small state.
pub(super) const COMES_UP_SECS: f64 = 2.3;

/// The restart strategies studied.
fn strategies() -> [(&'static str, RestartStrategy); 3] {
    let slow = RestartStrategy::ExponentialDelay {
        initial: Duration::from_secs(1),
        max: Duration::from_secs(300),
        multiplier: 2.0,
        reset_after: Duration::from_secs(3_600),
    };
    [
        ("every 10 s", RestartStrategy::every(10)),
        (
            "exponential to 1 min (Flink's default)",
            RestartStrategy::EXPONENTIAL,
        ),
        ("exponential to 5 min", slow),
    ]
}

/// Seconds at which a job restarts that fails so many seconds after each start.
pub(super) fn restarts(fails: u64, strategy: RestartStrategy, until: f64) -> Vec<f64> {
    let mut backoff = Backoff::new(strategy, 0);
    let (mut at, mut all) = (0.0, Vec::new());
    loop {
        at += COMES_UP_SECS + fails as f64;
        if at > until {
            return all;
        }
        all.push(at);
        let Some(delay) = backoff.fault((at * 1_000.0) as i64) else {
            return all;
        };
        at += delay as f64 / 1_000.0;
        backoff.running(((at + COMES_UP_SECS) * 1_000.0) as i64);
    }
}

/// The minute at whose end the alarm rings, counted from the job's start, for a job started `offset` seconds into a minute.
fn rings(restarts: &[f64], offset: f64, window: (usize, usize), minutes: usize) -> Option<f64> {
    let mut rose = vec![false; minutes];
    for at in restarts {
        if let Some(minute) = rose.get_mut(((at + offset) / 60.0) as usize) {
            *minute = true;
        }
    }
    let (m, n) = window;
    (0..minutes)
        .find(|end| {
            rose[end.saturating_sub(n - 1)..=*end]
                .iter()
                .filter(|rose| **rose)
                .count()
                >= m
        })
        .map(|end| (end + 1) as f64 * 60.0 - offset)
}

/// Mean seconds to the ring, over twelve places in the minute; None when one of them never rings.
fn detected(restarts: &[f64], window: (usize, usize)) -> Option<f64> {
    let minutes = usize::try_from(HOURS * 60).unwrap_or(180);
    let each: Option<Vec<f64>> = (0..12)
        .map(|n| rings(restarts, f64::from(n) * 5.0, window, minutes))
        .collect();
    each.map(|each| each.iter().sum::<f64>() / each.len() as f64)
}

/// Things that restart a job which is well: the times of its restarts over a day.
fn innocent() -> Vec<(&'static str, Vec<f64>)> {
    let every = |secs: u32, n: u32| (0..n).map(|k| f64::from(k * secs) + 17.0).collect();
    vec![
        ("maintenance: one restart", vec![100.0]),
        (
            "maintenance, and a lost machine 4 min later",
            vec![100.0, 340.0],
        ),
        (
            "a broker fails over: 4 restarts in 50 s",
            vec![100.0, 112.0, 126.0, 148.0],
        ),
        (
            "two failovers of the broker, 8 min apart",
            vec![100.0, 112.0, 126.0, 580.0, 592.0, 606.0],
        ),
        ("a transient error every 20 min", every(1_200, 72)),
        ("a transient error every 12 min", every(720, 120)),
    ]
}

fn false_alarm(restarts: &[f64], window: (usize, usize)) -> bool {
    (0..12).any(|n| rings(restarts, f64::from(n) * 5.0, window, 1_440).is_some())
}

fn told(secs: Option<f64>) -> String {
    secs.map_or_else(|| "never".to_owned(), |secs| format!("{:.1}", secs / 60.0))
}

/// The tables, in Markdown.
#[must_use]
pub fn tables() -> String {
    let mut text = String::new();
    for (name, strategy) in strategies() {
        let _ = writeln!(
            text,
            "\nMinutes until the alarm rings, restarting {name}:\n"
        );
        let _ = writeln!(
            text,
            "| fails after | {} |",
            WINDOWS.map(|(m, n)| format!("{m} of {n}")).join(" | ")
        );
        let _ = writeln!(text, "|---|{}", "---|".repeat(WINDOWS.len()));
        for fails in FAIL_SECS {
            let restarts = restarts(fails, strategy, (HOURS * 3_600) as f64);
            let _ = writeln!(
                text,
                "| {fails} s | {} |",
                WINDOWS
                    .map(|window| told(detected(&restarts, window)))
                    .join(" | ")
            );
        }
    }
    let _ = writeln!(text, "\nRings although nothing is wrong:\n");
    let _ = writeln!(
        text,
        "| what happens | {} |",
        WINDOWS.map(|(m, n)| format!("{m} of {n}")).join(" | ")
    );
    let _ = writeln!(text, "|---|{}", "---|".repeat(WINDOWS.len()));
    for (name, restarts) in innocent() {
        let _ = writeln!(
            text,
            "| {name} | {} |",
            WINDOWS
                .map(|window| if false_alarm(&restarts, window) {
                    "rings"
                } else {
                    "silent"
                })
                .join(" | ")
        );
    }
    text
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 60.0;
const BOTTOM: f64 = 360.0;
const TOP: f64 = 40.0;
/// The picture's highest value, in minutes: what is above was never seen.
const MOST_MINUTES: f64 = 60.0;
const COLOURS: [&str; 6] = [
    "#b22222", "#d2691e", "#808000", "#1f5fa8", "#6a4c93", "#888888",
];

/// The picture: time to the ring against the fail time, Flink's default restart strategy, both axes logarithmic.
#[must_use]
pub fn picture() -> String {
    let x = |secs: f64| LEFT + (secs.ln() / 600_f64.ln()) * (WIDTH - LEFT - 150.0);
    let y = |mins: f64| BOTTOM - (mins.max(1.0).ln() / MOST_MINUTES.ln()) * (BOTTOM - TOP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n<text x=\"{LEFT}\" y=\"22\" font-size=\"14\">Minutes until the alarm rings, by the time from each start to the fault</text>\n"
    );
    for mins in [1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 60.0] {
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {0:.1}H{1:.1}\" stroke=\"#ddd\"/><text x=\"{2:.1}\" y=\"{3:.1}\" text-anchor=\"end\">{mins}</text>",
            y(mins),
            WIDTH - 150.0,
            LEFT - 6.0,
            y(mins) + 4.0
        );
    }
    for secs in [1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0] {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{secs} s</text>",
            x(secs),
            BOTTOM + 18.0
        );
    }
    for (index, window) in WINDOWS.into_iter().enumerate() {
        let points: Vec<String> = FAIL_SECS
            .iter()
            .filter_map(|fails| {
                let seen = detected(
                    &restarts(*fails, RestartStrategy::EXPONENTIAL, (HOURS * 3_600) as f64),
                    window,
                )?;
                Some(format!("{:.1},{:.1}", x(*fails as f64), y(seen / 60.0)))
            })
            .collect();
        let (colour, thick) = (COLOURS[index], if index == DEFAULT { 3.5 } else { 1.5 });
        let _ = writeln!(
            svg,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{thick}\"/>",
            points.join(" ")
        );
        let last = points
            .last()
            .and_then(|point| point.split_once(','))
            .map_or(BOTTOM, |(_, y)| y.parse().unwrap_or(BOTTOM));
        let row = TOP + 20.0 + index as f64 * 20.0;
        let mark = if index == DEFAULT { " (default)" } else { "" };
        let _ = writeln!(
            svg,
            "<path d=\"M{0} {row}h18\" stroke=\"{colour}\" stroke-width=\"{thick}\"/><text x=\"{1}\" y=\"{2}\">{3} of {4}{mark}</text>",
            WIDTH - 140.0,
            WIDTH - 116.0,
            row + 4.0,
            window.0,
            window.1
        );
        if points.len() < FAIL_SECS.len() {
            let end = points
                .last()
                .and_then(|point| point.split_once(','))
                .map_or(LEFT, |(x, _)| x.parse().unwrap_or(LEFT));
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">✕ blind from here</text>",
                end + 4.0,
                last + 4.0
            );
        }
    }
    svg.push_str("</svg>\n");
    svg
}

/// Writes both.
pub fn run(path: &Path, say: &dyn Fn(&str)) -> ExitCode {
    say(&tables());
    super::drawn(path, &picture(), say)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_of_five_is_blind_for_slow_loops_and_the_default_is_not() {
        let slow = restarts(180, RestartStrategy::EXPONENTIAL, 10_800.0);
        assert_eq!(detected(&slow, (5, 5)), None);
        assert!(detected(&slow, WINDOWS[DEFAULT]).is_some_and(|secs| secs < 900.0));
    }

    #[test]
    fn one_restart_by_maintenance_rings_nothing() {
        for window in WINDOWS {
            assert!(!false_alarm(&[100.0], window), "{window:?}");
        }
    }

    #[test]
    fn the_committed_picture_is_the_one_that_is_drawn() {
        assert_eq!(
            include_str!("../../detection.svg"),
            picture(),
            "draw it again: cargo run --profile simulation -p simulation -- detect"
        );
    }
}

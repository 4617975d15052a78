//! Minutes that count: what a rescue takes beside the service's own operations, and how soon a bad deployment is found and undone with the sweep and by its alarm alone.
//!
//! The floor of a rescue is what the service took, as it was drawn: its operations, and the time in which the job came up. The soak is left out on both sides.

use std::{fmt::Write as _, ops::Range, path::Path, process::ExitCode};

use jiff::Timestamp;
use sandbox::{
    scenario::{self, Played},
    script::{CATALOGUE, FLINK, Script},
};

use crate::play::virtually;

/// A kind of rescue each.
const KINDS: [(&str, &str); 6] = [
    ("bad-deployment", "rollback"),
    (
        "rollback-refused",
        "rollback refused: force-stop, restore, start",
    ),
    ("failed-start", "a start that failed: restore, start"),
    ("runtime-upgrade", "from 2.2 back to 1.20"),
    (
        "stuck-updating",
        "an update that hangs: force-stop, restore, start",
    ),
    (
        "state-of-another-operator",
        "READY after a failed restore: restore, start",
    ),
];
/// The soak of the template's defaults.
const SOAK_SECS: f64 = 303.0;

/// What one rescue took, in seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Took {
    /// The service's operations, and the job's coming up.
    floor: f64,
    /// Beside that: until the job was up.
    between: f64,
    /// Beside the soak: until it was reported.
    reported: f64,
}

impl Took {
    fn percent(self, beside: f64) -> f64 {
        beside / self.floor * 100.0
    }
}

fn script(name: &str) -> Option<&'static Script> {
    let mut known = CATALOGUE.iter().chain(FLINK.iter());
    known.find(|script| script.name == name)
}

fn played(script: &Script, seed: u64) -> Option<Played> {
    virtually(async { scenario::play(script, seed).await.ok() })
}

fn secs(from: Timestamp, until: Timestamp) -> f64 {
    until.duration_since(from).as_secs_f64()
}

/// None where nothing was changed, or it did not recover.
fn took(script: &Script, seed: u64) -> Option<Took> {
    virtually(async { measured(script, &scenario::play(script, seed).await.ok()?) })
}

fn measured(script: &Script, played: &Played) -> Option<Took> {
    if played.rehearsal.outcome != "recovered" {
        return None;
    }
    let (region, name) = (&played.region, script.subject());
    let calls = region.journal().calls();
    let role = "RollbackRole ForceStopAndRestoreRole";
    let ours = |caller: &str| role.split(' ').any(|role| caller.ends_with(role));
    let changes = [
        "RollbackApplication",
        "StopApplication",
        "UpdateApplication",
        "StartApplication",
    ];
    let first = calls
        .iter()
        .find(|call| ours(&call.caller) && changes.contains(&call.action.as_str()))?;
    let view = region.flink().application(&name)?;
    let own: Vec<_> = view
        .operations
        .iter()
        .filter(|one| one.started >= first.at)
        .collect();
    let operations: f64 = own
        .iter()
        .filter_map(|one| Some(secs(one.started, one.ended?)))
        .sum();
    let last_ended = own.iter().filter_map(|one| one.ended).max()?;
    let up = region.flink().standing(&name)?.up_since?;
    let reported = region
        .executions_of(sandbox::region::REMEDIATE)
        .iter()
        .filter_map(|one| one.stopped)
        .max()?;
    let coming_up = secs(last_ended, up).max(0.0);
    Some(Took {
        floor: operations + coming_up,
        between: secs(first.at, up) - operations - coming_up,
        reported: secs(up, reported) - SOAK_SECS,
    })
}

fn quantile(of: &[f64], share: f64) -> f64 {
    let mut of = of.to_vec();
    of.sort_by(f64::total_cmp);
    let last = of.len().saturating_sub(1) as f64;
    of.get((last * share).round() as usize)
        .copied()
        .unwrap_or(f64::NAN)
}

/// The table, in Markdown.
#[must_use]
pub fn table(seeds: &Range<u64>) -> String {
    let mut text = format!(
        "Seeds {}..{} of each scenario.\n\n| kind of rescue | scenario | rescued | the service's own time, median | beside it until the job is up, median | worst | beside it and the soak until it is reported, median | worst |\n|---|---|---|---|---|---|---|---|\n",
        seeds.start, seeds.end
    );
    for (name, kind) in KINDS {
        let Some(script) = script(name) else { continue };
        let all: Vec<Took> = seeds
            .clone()
            .filter_map(|seed| took(script, seed))
            .collect();
        let of = |member: &dyn Fn(&Took) -> f64| all.iter().map(member).collect::<Vec<f64>>();
        let shown = |beside: &dyn Fn(&Took) -> f64, share: f64| {
            let percent = of(&|one| one.percent(beside(one)));
            format!(
                "{:.0} s, {:.1} %",
                quantile(&of(beside), share),
                quantile(&percent, share)
            )
        };
        let up = |one: &Took| one.between;
        let reported = |one: &Took| one.between + one.reported;
        let _ = writeln!(
            text,
            "| {kind} | {name} | {} | {:.0} s | {} | {} | {} | {} |",
            all.len(),
            quantile(&of(&|one| one.floor), 0.5),
            shown(&up, 0.5),
            shown(&up, 1.0),
            shown(&reported, 0.5),
            shown(&reported, 1.0)
        );
    }
    text
}

/// How soon a bad deployment was found and undone, in seconds since its first fault.
struct Undone {
    name: &'static str,
    colour: &'static str,
    found: Vec<f64>,
    runs_again: Vec<f64>,
}

fn undone(seeds: &Range<u64>) -> [Undone; 2] {
    let script = script("bad-deployment").expect("the first of the catalogue");
    [
        ("with the sweep", "#1f5fa8", "ENABLED"),
        ("by the alarm alone", "#b22222", "DISABLED"),
    ]
    .map(|(name, colour, sweep)| {
        let mut script = script.clone();
        let parameters = &mut script.world.parameters;
        parameters.insert("SweepState".to_owned(), sweep.to_owned());
        let all: Vec<_> = seeds
            .clone()
            .filter_map(|seed| Some(played(&script, seed)?.rehearsal))
            .collect();
        let of = |secs: Option<u64>| secs.map(|secs| secs as f64);
        Undone {
            name,
            colour,
            // An execution that verifies the deployment was there before the fault: found is when it first acts.
            found: all
                .iter()
                .filter_map(|one| {
                    let first = of(one.actions.first().map(|first| first.at_secs))?;
                    Some(first - of(one.down_from_secs)?)
                })
                .collect(),
            runs_again: all.iter().filter_map(|one| of(one.recovery_secs)).collect(),
        }
    })
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 380.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 730.0;
const TOP: f64 = 60.0;
const BOTTOM: f64 = 330.0;

/// The picture: which share of bad deployments was found, and ran well again, within so many minutes of the first fault.
fn picture(both: &[Undone; 2]) -> String {
    let most = both
        .iter()
        .flat_map(|one| one.runs_again.iter().copied())
        .fold(60.0, f64::max);
    let minutes = (most / 60.0).ceil();
    let x = |secs: f64| LEFT + secs / (minutes * 60.0) * (RIGHT - LEFT);
    let y = |share: f64| BOTTOM - share * (BOTTOM - TOP);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n<text x=\"{LEFT}\" y=\"22\" font-size=\"14\">Share of bad deployments found (dashed) and running well again (solid), by minutes since the first fault</text>\n"
    );
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {0:.1}H{RIGHT}\" stroke=\"#ddd\"/><text x=\"{1:.1}\" y=\"{2:.1}\" text-anchor=\"end\">{3:.0} %</text>",
            y(share),
            LEFT - 6.0,
            y(share) + 4.0,
            share * 100.0
        );
    }
    for minute in 0..=minutes as u32 {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{minute}</text>",
            x(f64::from(minute) * 60.0),
            BOTTOM + 18.0
        );
    }
    for (row, one) in both.iter().enumerate() {
        for (of, dashes) in [(&one.found, "5 4"), (&one.runs_again, "none")] {
            let mut of = of.clone();
            of.sort_by(f64::total_cmp);
            let count = of.len().max(1) as f64;
            let mut path = format!("M{:.1} {:.1}", x(0.0), y(0.0));
            for (nth, secs) in of.iter().enumerate() {
                let _ = write!(
                    path,
                    "H{:.1}V{:.1}",
                    x(secs.max(0.0)),
                    y((nth + 1) as f64 / count)
                );
            }
            let _ = writeln!(
                svg,
                "<path d=\"{path}H{RIGHT}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\" stroke-dasharray=\"{dashes}\"/>",
                one.colour
            );
        }
        let _ = writeln!(
            svg,
            "<text x=\"{LEFT}\" y=\"{:.1}\" dx=\"{}\" fill=\"{}\">{}: found {:.0} s, runs again {:.0} s (medians of {})</text>",
            42.0,
            row * 330,
            one.colour,
            one.name,
            quantile(&one.found, 0.5),
            quantile(&one.runs_again, 0.5),
            one.runs_again.len()
        );
    }
    svg.push_str("</svg>\n");
    svg
}

/// Prints the table, and draws the picture.
pub fn run(seeds: &Range<u64>, path: &Path, say: &dyn Fn(&str)) -> ExitCode {
    say(&table(seeds));
    super::drawn(path, &picture(&undone(seeds)), say)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_is_a_scenario_that_recovers() {
        for (name, _) in KINDS {
            let script = script(name).unwrap_or_else(|| panic!("{name} is no scenario"));
            let took = took(script, 1).unwrap_or_else(|| panic!("{name} did not recover"));
            assert!(took.floor > 30.0, "{name}: {took:?}");
            assert!(
                took.between > -1.0 && took.reported > 0.0,
                "{name}: {took:?}"
            );
        }
    }

    #[test]
    fn quantiles_are_those_of_what_is_there() {
        let of = [3.0, 1.0, 2.0];
        assert_eq!((quantile(&of, 0.5), quantile(&of, 1.0)), (2.0, 3.0));
        assert!(quantile(&[], 0.5).is_nan());
    }
}

//! The command line: play seeds, tell one run.
//!
//! Exit codes: 0 when every invariant held, 1 when one did not, 2 for wrong usage.

use std::{
    io::{IsTerminal as _, Write as _},
    ops::Range,
    process::ExitCode,
    str::FromStr,
    sync::atomic::{AtomicU64, Ordering},
};

use clap::{Parser, Subcommand, builder::RangedU64ValueParser};

use sandbox::{invariants::Invariant, script::Script};

use crate::{
    generate,
    many::{Broken, Drawn, Summary, play_all},
    matrix,
    play::play,
    shrink::shrink,
    studies::{detection, loop_rule, minutes, mutants, others, sabotage},
};

/// How a run is replayed.
const REPLAY: &str = "cargo run --profile simulation -p simulation --";
/// After so many broken runs no more are played.
const MOST_BROKEN: usize = 20;

#[derive(Parser)]
#[command(
    name = "simulation",
    about = "Thousands of simulated runs: seeded faults in the sandbox's region, every invariant checked.",
    version,
    args_conflicts_with_subcommands = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    asked: Asked,
}

/// Which of them are played, and how.
#[derive(clap::Args)]
struct Asked {
    /// Plays the runs of these seeds, A..B without B.
    #[arg(long, conflicts_with = "seed")]
    seeds: Option<Seeds>,
    /// Plays the run of one seed.
    #[arg(long)]
    seed: Option<u64>,
    /// Prints the run, event by event.
    #[arg(long, requires = "seed")]
    trace: bool,
    /// Prints the run as it was drawn, a scenario's file, and does not play it: `cargo run -- rehearse FILE` does.
    #[arg(long, requires = "seed", conflicts_with_all = ["trace", "json"])]
    script: bool,
    /// One JSON document on standard output.
    #[arg(long)]
    json: bool,
    /// Threads; all cores when absent.
    #[arg(long, value_parser = at_least_one())]
    threads: Option<usize>,
    /// Does not look for the shortest run.
    #[arg(long)]
    no_shrink: bool,
    /// Stops after this many runs that broke an invariant.
    #[arg(long, default_value_t = MOST_BROKEN, value_parser = at_least_one())]
    most_broken: usize,
}

/// None would play nothing, and nothing would be broken.
pub(crate) fn at_least_one() -> RangedU64ValueParser<usize> {
    RangedU64ValueParser::new().range(1..)
}

#[derive(Subcommand)]
enum Command {
    /// Plays days of one to three days' time, of which it is known what is true, under the invariants.
    Days {
        #[command(flatten)]
        asked: Asked,
        /// Prints what is true of the day of one seed, and does not play it.
        #[arg(long, requires = "seed", conflicts_with_all = ["trace", "script", "json"])]
        truth: bool,
    },
    /// Is it right? Plays days whose truth is known, and prints what was done and said on them by kind; and a picture.
    Matrix {
        /// The seeds, A..B without B.
        #[arg(long, default_value = "0..320")]
        seeds: Seeds,
        #[command(flatten)]
        asked: matrix::Asked,
    },
    /// Would it notice? Applies each seeded mistake of sabotages.json in a copy of the project, and reports which are noticed by what.
    Sabotage(sabotage::Asked),
    /// Would it notice? Takes every catcher, retrier, rule and assigned variable out of the state machines, one at a time.
    Mutants(mutants::Asked),
    /// Plays the same runs under rival policies: a table on standard output.
    Compare {
        /// The seeds.
        #[arg(long, default_value = "0..200")]
        seeds: Seeds,
    },
    /// Studies what a rescue takes beside the service's own time: a table on standard output; and how soon a bad deployment is undone: a picture.
    Minutes {
        /// The seeds.
        #[arg(long, default_value = "0..200")]
        seeds: Seeds,
        /// Where the picture goes.
        #[arg(long, default_value = "tests/simulation/minutes.svg")]
        picture: std::path::PathBuf,
    },
    /// Studies after how many faults, over how long, a job is judged: two tables on standard output.
    Loops,
    /// Studies which alarm sees which loop how soon: a table on standard output, and a picture.
    Detect {
        /// Where the picture goes.
        #[arg(long, default_value = "tests/simulation/detection.svg")]
        picture: std::path::PathBuf,
    },
}

#[derive(Clone, Debug)]
struct Seeds(Range<u64>);

impl FromStr for Seeds {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || "write A..B, two whole numbers, the second the larger one".to_owned();
        let (from, to) = text.split_once("..").ok_or_else(wrong)?;
        let range = from.parse().map_err(|_| wrong())?..to.parse().map_err(|_| wrong())?;
        if range.is_empty() {
            Err(wrong())
        } else {
            Ok(Self(range))
        }
    }
}

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let drawn = match &arguments.command {
        Some(Command::Days { asked, truth: true }) => {
            return told(asked.seed.unwrap_or_default());
        }
        Some(Command::Matrix { seeds, asked }) => return matrix::run(&seeds.0, asked, &say),
        Some(Command::Sabotage(asked)) => return noticed(sabotage::run(asked, &say)),
        Some(Command::Mutants(asked)) => return noticed(mutants::run(asked, &say)),
        Some(Command::Compare { seeds }) => return others::run(seeds.0.clone(), &say),
        Some(Command::Minutes { seeds, picture }) => return minutes::run(&seeds.0, picture, &say),
        Some(Command::Loops) => return loop_rule::run(&say),
        Some(Command::Detect { picture }) => return detection::run(picture, &say),
        Some(Command::Days { asked, .. }) => (asked, Drawn::Day),
        None => (&arguments.asked, Drawn::Run),
    };
    if cfg!(panic = "abort") {
        complain(
            "this build ends at the first panic, without naming its seed: use --profile simulation",
        );
    }
    let (asked, drawn) = drawn;
    match (&asked.seeds, asked.seed) {
        (Some(seeds), None) => many(asked, drawn, seeds.0.clone()),
        (None, Some(seed)) => one(asked, drawn, seed),
        _ => {
            complain("say which runs to play: --seeds A..B, or --seed N");
            ExitCode::from(2)
        }
    }
}

/// 0 when every mistake was noticed.
fn noticed(all: std::io::Result<bool>) -> ExitCode {
    match all {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            complain(&error.to_string());
            if error.kind() == std::io::ErrorKind::InvalidInput {
                ExitCode::from(2)
            } else {
                ExitCode::FAILURE
            }
        }
    }
}

fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

/// Prints what is true of a day.
fn told(seed: u64) -> ExitCode {
    let day = generate::days::day(seed);
    say(&format!(
        "{}\n",
        serde_json::to_string_pretty(&day.truth).unwrap_or_default()
    ));
    ExitCode::SUCCESS
}

fn one(arguments: &Asked, drawn: Drawn, seed: u64) -> ExitCode {
    let script = drawn.script(seed);
    if arguments.script {
        say(&script.json());
        return ExitCode::SUCCESS;
    }
    let played = play(&script, arguments.trace);
    say(&played.trace);
    let mut summary = Summary::default();
    let broken = Broken {
        seed,
        violations: played.violations.clone(),
        panic: None,
    };
    summary
        .broken
        .extend((!broken.violations.is_empty()).then_some(broken));
    for violation in &played.violations {
        complain(&format!(
            "{:?} at {} ({}): {}",
            violation.invariant, violation.at, violation.application, violation.text
        ));
    }
    if arguments.json {
        say(&format!(
            "{}\n",
            serde_json::json!({ "seed": seed, "checks": played.checks, "outcomes": played.outcomes, "violations": played.violations })
        ));
    }
    finish(arguments, drawn, &summary)
}

fn many(arguments: &Asked, drawn: Drawn, seeds: Range<u64>) -> ExitCode {
    let threads = arguments
        .threads
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let (all, terminal, told) = (
        seeds.end - seeds.start,
        std::io::stderr().is_terminal(),
        AtomicU64::new(0),
    );
    let progress = |summary: &Summary| {
        // A line that is rewritten on a terminal, a line per tenth elsewhere.
        let tenth = summary.runs * 10 / all;
        if terminal && summary.runs.is_multiple_of(25) {
            let _ = write!(
                std::io::stderr().lock(),
                "\r{} of {all} runs, {} h, {} broken ",
                summary.runs,
                summary.application_hours,
                summary.broken.len()
            );
        } else if !terminal && told.fetch_max(tenth, Ordering::Relaxed) < tenth {
            complain(&format!(
                "{} of {all} runs, {} h, {} broken",
                summary.runs,
                summary.application_hours,
                summary.broken.len()
            ));
        }
    };
    let summary = play_all(drawn, seeds, threads, arguments.most_broken, &progress);
    if terminal {
        complain("");
    }
    if arguments.json {
        say(&format!(
            "{}\n",
            serde_json::to_string_pretty(&summary).unwrap_or_default()
        ));
    } else {
        say(&table(&summary));
    }
    finish(arguments, drawn, &summary)
}

fn table(summary: &Summary) -> String {
    let mut text = format!(
        "{} runs, {} simulated application-hours, {} rescues begun, {} changes by them, {} snapshots taken and {} deleted on schedule, {} requests\n",
        summary.runs,
        summary.application_hours,
        summary.executions,
        summary.changes,
        summary.snapshots_taken,
        summary.snapshots_deleted,
        summary.calls
    );
    let mut part = |title: &str, rows: Vec<(String, u64)>| {
        text.push_str(&format!("\n{title}\n"));
        for (name, n) in rows {
            text.push_str(&format!("  {n:>9}  {name}\n"));
        }
    };
    let rows = |of: &std::collections::BTreeMap<String, u64>| {
        of.iter().map(|(name, n)| (name.clone(), *n)).collect()
    };
    part(
        "What people, the service and the world did",
        rows(&summary.happened),
    );
    part("Requests struck by a fault", rows(&summary.faults));
    part("How executions ended", rows(&summary.outcomes));
    let checks = Invariant::ALL.iter().map(|one| {
        (
            format!("{one:?}: {}", one.sentence()),
            summary.checks.get(one).copied().unwrap_or(0),
        )
    });
    part("Checks made", checks.collect());
    text
}

/// Writes a run as a scenario's file, and says where it is.
fn written(script: &Script) -> String {
    let file = std::env::temp_dir().join(format!("lifeguard-{}.json", script.name));
    match std::fs::write(&file, script.json()) {
        Ok(()) => format!(
            "\nthe same in a file: cargo run -- rehearse {}",
            file.display()
        ),
        Err(error) => format!("\n{} cannot be written: {error}", file.display()),
    }
}

/// Tells what broke, with the shortest run that shows it and how to replay it.
fn finish(arguments: &Asked, drawn: Drawn, summary: &Summary) -> ExitCode {
    let days = if drawn == Drawn::Day { " days" } else { "" };
    for broken in &summary.broken {
        let what = broken
            .violations
            .first()
            .map(|one| format!("{:?} ({}): {}", one.invariant, one.application, one.text));
        let what = what
            .or_else(|| broken.panic.clone().map(|panic| format!("panic: {panic}")))
            .unwrap_or_default();
        complain(&format!(
            "seed {}: {what}\n  replay: {REPLAY}{days} --seed {} --trace",
            broken.seed, broken.seed
        ));
    }
    let Some((seed, invariant)) = summary
        .broken
        .iter()
        .find_map(|broken| Some((broken.seed, broken.violations.first()?.invariant)))
    else {
        return if summary.broken.is_empty() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    };
    if !arguments.no_shrink {
        let shortest = shrink(&drawn.script(seed), invariant);
        complain(&format!(
            "\nthe shortest run of seed {seed} that still breaks {invariant:?} ({}):\n{}",
            invariant.sentence(),
            shortest.json()
        ));
        let events = play(&shortest, true).trace;
        let told = events.lines().filter(|line| {
            !line.starts_with("log ")
                && !line.starts_with("message ")
                && (!line.contains(" call ") || line.ends_with(" *"))
        });
        complain(&told.collect::<Vec<_>>().join("\n"));
        complain(&written(&shortest));
    }
    ExitCode::FAILURE
}

//! The command line: rehearse a rescue, list the scenarios, serve a region, assess captured answers.
//!
//! Exit codes: 0 when all is as it should be, 1 when not, 2 for wrong usage.

mod rehearse;
mod serve;
mod trouble;

use std::{io::Write as _, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use trouble::{OwnVariable, Trouble};

use crate::{
    assess,
    pace::Speed,
    scenario::{CATALOGUE, Clusters, FLINK, SNAPSHOTS, SWEEPS},
    story::Paint,
};

/// What `cargo run` does.
const DEFAULT_SCENARIO: &str = "bad-deployment";

#[derive(Parser)]
#[command(
    name = "sandbox",
    about = "Flink Lifeguard's sandbox: an AWS region in a box, to rehearse a rescue in.",
    version
)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// List the scenarios, a sentence each.
    Scenarios,
    /// Rehearse a scenario and tell what happens.
    Rehearse(Rehearse),
    /// Draw a state machine's graph as SVG, from its definition.
    Graph {
        /// The definition, Amazon States Language in JSON.
        definition: PathBuf,
    },
    /// Serve the region over TCP for the AWS CLI, with one application to play with.
    Serve(Serve),
    /// Assess captured answers of the Flink REST API, named <moment>__<endpoint>.json.
    Assess(Assess),
}

#[derive(Default, clap::Args)]
struct Rehearse {
    /// The scenario's name (`scenarios` lists them), or a file of your own: tests/sandbox/scenarios/README.md says how to write one.
    #[arg(default_value = DEFAULT_SCENARIO)]
    name: String,
    /// Everything random comes from this; the same seed tells the same story. The file's own, or 1, when absent.
    #[arg(long)]
    seed: Option<u64>,
    /// real, virtual (at once), or a factor such as 60; a story takes about ten seconds when absent.
    #[arg(long)]
    speed: Option<Speed>,
    /// simulated, or real (1.20; real-2.2 and real-2.3 for the others): a real JobManager and TaskManager on Java 17, six times as fast as real time when no speed is given.
    #[arg(long, default_value = "simulated")]
    flink: Clusters,
    /// One JSON document on standard output instead of the story.
    #[arg(long)]
    json: bool,
    /// Also write the story as an HTML page, with a picture, into this file.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Run each function's binary from this directory in a process of its own, as Lambda does: target/debug after `cargo build --workspace`, or target/lambda.
    #[arg(long, value_name = "DIR")]
    functions: Option<PathBuf>,
    /// An invocation that goes wrong, as PACKAGE=FAULT or PACKAGE=FAULT@N for the Nth: crash-before, crash-after, time-out-before, time-out-after, run-twice.
    #[arg(long, value_name = "PACKAGE=FAULT")]
    trouble: Vec<Trouble>,
    /// A variable of one function, as PACKAGE:NAME=VALUE, instead of the template's.
    #[arg(long, value_name = "PACKAGE:NAME=VALUE")]
    variable: Vec<OwnVariable>,
}

#[derive(clap::Args)]
struct Serve {
    /// The port on loopback; 0 takes a free one.
    #[arg(long, default_value_t = 4566)]
    port: u16,
    /// Everything random comes from this.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// real, or a factor such as 20 for those who do not like to wait.
    #[arg(long, default_value = "real")]
    speed: Speed,
}

#[derive(clap::Args)]
struct Assess {
    /// The directory with the answers.
    directory: PathBuf,
    /// One JSON array on standard output instead of a table.
    #[arg(long)]
    json: bool,
    /// How long a job must run undisturbed to be called healthy. Captures are seconds long; the deployed default is 303.
    #[arg(long, default_value_t = assess::CAPTURE_SOAK_SECS)]
    soak_secs: u32,
}

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let command = arguments.command.unwrap_or_else(|| {
        Command::Rehearse(Rehearse {
            name: DEFAULT_SCENARIO.to_owned(),
            ..Rehearse::default()
        })
    });
    match command {
        Command::Scenarios => list(),
        Command::Rehearse(rehearse) => rehearse::run(&rehearse),
        Command::Graph { definition } => draw(&definition),
        Command::Serve(serve) => serve::run(&serve),
        Command::Assess(asked) => assess(&asked),
    }
}

/// Colours, unless the output is no terminal or `NO_COLOR` is set.
fn paint() -> Paint {
    #[expect(
        clippy::disallowed_methods,
        reason = "a convention of terminals, not a setting of this project"
    )]
    let no_color = std::env::var("NO_COLOR").is_ok_and(|value| !value.is_empty());
    Paint::for_stdout(no_color)
}

/// Writes to standard output; a reader that went away is no error of ours.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
}

fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

fn wrong(text: &str) -> ExitCode {
    complain(text);
    ExitCode::from(2)
}

fn draw(definition: &std::path::Path) -> ExitCode {
    let text = std::fs::read_to_string(definition).map_err(|error| error.to_string());
    match text.and_then(|text| serde_json::from_str(&text).map_err(|error| error.to_string())) {
        Ok(definition) => {
            say(&crate::graph::svg(&definition));
            ExitCode::SUCCESS
        }
        Err(error) => wrong(&format!(
            "{} cannot be drawn: {error}",
            definition.display()
        )),
    }
}

fn failed(error: &dyn std::error::Error) -> ExitCode {
    complain(&chain(error));
    ExitCode::FAILURE
}

fn chain(error: &dyn std::error::Error) -> String {
    let chain: Vec<String> = std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect();
    chain.join(": ")
}

/// A region runs in one thread, on a clock that is paused: time passes when everybody waits.
fn in_virtual_time<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    runtime
        .expect("a runtime of one thread needs nothing but memory")
        .block_on(future)
}

fn assess(asked: &Assess) -> ExitCode {
    match assess::assess(&asked.directory, asked.soak_secs) {
        Ok(moments) if asked.json => say(&format!("{}\n", assess::render_json(&moments))),
        Ok(moments) => say(&assess::render_table(&moments)),
        // What cannot be assessed was asked for wrongly: no such directory, or none of its files is a capture.
        Err(error) => return wrong(&chain(&error)),
    }
    ExitCode::SUCCESS
}

fn list() -> ExitCode {
    let paint = paint();
    for scenario in CATALOGUE
        .iter()
        .chain(FLINK.iter())
        .chain(SNAPSHOTS.iter())
        .chain(SWEEPS.iter())
    {
        say(&format!(
            "{} {}\n",
            paint.strong(&format!("{:<27}", scenario.name)),
            scenario.sentence
        ));
    }
    ExitCode::SUCCESS
}

//! The command line: plays a scenario on the region's own services, or with four of them replaced by another engine's, and writes the transcript as JSON.
//!
//! Exit codes: 0 when it was played, 1 when that failed, 2 for wrong usage.

use std::{
    collections::BTreeMap, io::Write as _, net::SocketAddr, path::PathBuf, process::ExitCode,
};

use clap::Parser;
use emulated_aws::server::Server;
use sandbox::scenario::{CATALOGUE, FLINK, INPUTS, SNAPSHOTS, TROUBLES, play_by_name};

use crate::{Asked, Recorder, TranscriptError, stack, transcript};

#[derive(Parser)]
#[command(
    name = "lockstep",
    about = "Plays a scenario of the sandbox on its own services or on another engine's, and writes the transcript.",
    version
)]
struct Arguments {
    /// The scenario's name.
    name: String,
    /// Everything random comes from this.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where another engine answers as Step Functions, DynamoDB, SNS and EventBridge.
    #[arg(long, requires = "listen", value_name = "ADDRESS")]
    at: Option<SocketAddr>,
    /// The port on loopback at which that engine finds the region.
    #[arg(long, value_name = "PORT")]
    listen: Option<u16>,
    /// A JSON object: the name that a deployment elsewhere gave to each resource, by logical id.
    #[arg(long, value_name = "FILE")]
    names: Option<PathBuf>,
    /// A parameter of the stack, Name=value.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = parameter)]
    parameters: Vec<(String, String)>,
    /// Write every JSONata expression with what it was given and gave into this file, a JSON document a line.
    #[arg(long, value_name = "FILE", conflicts_with = "at")]
    record: Option<PathBuf>,
    /// Do not play; write the stack that it would be played on.
    #[arg(long)]
    stack: bool,
}

fn parameter(text: &str) -> Result<(String, String), String> {
    text.split_once('=')
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .ok_or_else(|| "write Name=value".to_owned())
}

/// Runs the command line of this process.
#[must_use]
pub fn run() -> ExitCode {
    let asked = Arguments::parse();
    let Some(scenario) = play_by_name(&asked.name) else {
        let names: Vec<&str> = CATALOGUE
            .iter()
            .chain(FLINK.iter())
            .chain(SNAPSHOTS.iter())
            .chain(INPUTS.iter())
            .chain(TROUBLES.iter())
            .map(|play| play.name.as_str())
            .collect();
        return wrong(&format!(
            "there is no scenario {:?}; there are: {}",
            asked.name,
            names.join(", ")
        ));
    };
    let names = match asked.names.as_deref().map_or(Ok(BTreeMap::new()), names) {
        Ok(names) => names,
        Err(error) => return wrong(&error),
    };
    let engine = match asked
        .at
        .zip(asked.listen)
        .map(|(at, port)| Server::bind(port).map(|listener| (at, listener)))
        .transpose()
    {
        Ok(engine) => engine,
        Err(error) => return wrong(&chain(&error)),
    };
    let recorder = asked.record.as_ref().map(|_| Recorder::default());
    let parameters = asked.parameters.into_iter().collect();
    let how = Asked {
        seed: asked.seed,
        parameters,
        names,
        engine,
        recorder: recorder.clone(),
    };
    // A region runs in one thread, on a clock that is paused: time passes when everybody waits.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build();
    let runtime = runtime.expect("a runtime of one thread needs nothing but memory");
    let told = runtime.block_on(async {
        if asked.stack {
            stack(scenario, how).map_err(TranscriptError::from)
        } else {
            transcript(scenario, how).await
        }
    });
    let told = match told {
        Ok(told) => told,
        Err(error) => {
            complain(&chain(&error));
            return ExitCode::FAILURE;
        }
    };
    if let (Some(file), Some(recorder)) = (asked.record, recorder)
        && let Err(error) = std::fs::write(&file, recorder.lines())
    {
        return wrong(&format!("{} cannot be written: {error}", file.display()));
    }
    // A reader that went away is no error of ours.
    let _ = writeln!(std::io::stdout().lock(), "{told}");
    ExitCode::SUCCESS
}

fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}

fn wrong(text: &str) -> ExitCode {
    complain(text);
    ExitCode::from(2)
}

fn chain(error: &dyn std::error::Error) -> String {
    let chain: Vec<String> = std::iter::successors(Some(error), |error| error.source())
        .map(ToString::to_string)
        .collect();
    chain.join(": ")
}

fn names(file: &std::path::Path) -> Result<BTreeMap<String, String>, String> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    serde_json::from_str(&text)
        .map_err(|error| format!("{} is no object of texts: {error}", file.display()))
}

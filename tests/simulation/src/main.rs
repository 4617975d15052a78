//! Wiring only.

use std::process::ExitCode;

fn main() -> ExitCode {
    simulation::cli::run()
}

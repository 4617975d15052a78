//! The command line of the sandbox. Wiring only.

use std::process::ExitCode;

fn main() -> ExitCode {
    sandbox::cli::run()
}

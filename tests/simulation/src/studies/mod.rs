//! Studies that use simulated runs, beside the runs themselves: would a mistake be noticed, how do rival policies do, which alarm sees which loop.
//!
//! | part | what it studies |
//! |---|---|
//! | [`sabotage`] | would it notice? a list of mistakes, made one at a time in a copy |
//! | [`mutants`] | would it notice? every piece of the state machines taken out, one at a time |
//! | `notice` | who notices a mistake in the template or a state machine |
//! | `patience` | how often each task must be tried again |
//! | [`others`] | the same runs under other rule sets |
//! | [`detection`] | which alarm sees which loop how soon |
//! | [`loop_rule`] | after how many faults, over how long, a job is judged |
//! | [`minutes`] | what a rescue takes beside the service's own time, and how soon a bad deployment is undone |

use std::{path::Path, process::ExitCode};

pub mod detection;
pub mod loop_rule;
pub mod minutes;
pub mod mutants;
mod notice;
pub mod others;
mod patience;
pub mod sabotage;

/// Writes a picture.
pub(crate) fn drawn(path: &Path, picture: &str, say: &dyn Fn(&str)) -> ExitCode {
    match std::fs::write(path, picture) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("{}: {error}\n", path.display()));
            ExitCode::FAILURE
        }
    }
}

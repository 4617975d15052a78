//! The confusion matrix: days whose truth is known, and what was done and said on them, by kind of day.
//!
//! | part | what it does |
//! |---|---|
//! | `record` | what the region's record says of each trouble: changes, words, cost |
//! | [`Mark`] | what was done and said, against what is true |
//! | `rules` | who acts: Lifeguard, or another rule set |
//! | `sums` | many days, summed up by kind |
//! | `table`, `picture` | the matrix for people |
//!
//! Invariant: nothing here believes what Lifeguard says of itself, and nothing calls its code: what was drawn is compared with what the region's record shows.

mod judge;
mod picture;
mod record;
mod rules;
mod sums;
mod table;

use std::{
    ops::Range,
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    process::ExitCode,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
};

pub use judge::Mark;
pub use record::Cost;
pub use rules::Rules;
pub use sums::{Matrix, Wrong};

use crate::{
    generate::days::{Day, Kind, day},
    play::{open, virtually},
    studies::drawn,
};
use record::{Seen, Watcher};

/// What is asked of the matrix.
#[derive(Debug, clap::Args)]
pub struct Asked {
    /// Threads; all cores when absent.
    #[arg(long, value_parser = crate::cli::at_least_one())]
    threads: Option<usize>,
    /// One JSON document on standard output.
    #[arg(long)]
    json: bool,
    /// Only days of this kind, as the table calls it.
    #[arg(long)]
    kind: Option<Kind>,
    /// Beside Lifeguard the other rule sets.
    #[arg(long)]
    others: bool,
    /// Where the picture goes.
    #[arg(long, default_value = "tests/simulation/matrix.svg")]
    picture: PathBuf,
}

/// Lives a day under a rule set.
fn live(day: &Day, rules: Rules) -> Vec<Seen> {
    let script = rules.script(day);
    virtually(async {
        let opened = open(&script, script.stage()).await;
        let watcher = Watcher::default();
        watcher.watch(&opened.region, day);
        let acting = rules.act(&opened.region, &script);
        opened.live(&script).await;
        record::seen(&opened.region, day, &watcher, &acting)
    })
}

/// The matrix of many days. What panics is counted, and its seed is told.
#[must_use]
pub fn of(seeds: Range<u64>, kind: Option<Kind>, rules: Rules, threads: usize) -> Matrix {
    let next = AtomicU64::new(seeds.start);
    let matrix = Mutex::new(Matrix::of(rules));
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        return;
                    }
                    let day = day(seed);
                    if kind.is_some_and(|kind| kind != day.kind) {
                        continue;
                    }
                    let seen = catch_unwind(AssertUnwindSafe(|| live(&day, rules)));
                    let mut matrix = matrix.lock().expect("no thread panics while it adds up");
                    match seen {
                        Ok(seen) => matrix.add(seed, day.kind, &seen),
                        Err(_) => matrix.panicked.push(seed),
                    }
                }
            });
        }
    });
    let mut matrix = matrix
        .into_inner()
        .expect("no thread panicked while it added up");
    matrix.sort();
    matrix
}

/// Prints the matrix, and draws the picture. Ends well where what must not be is not.
pub fn run(seeds: &Range<u64>, asked: &Asked, say: &dyn Fn(&str)) -> ExitCode {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let threads = asked.threads.unwrap_or_else(cores);
    let all: &[Rules] = if asked.others {
        &Rules::ALL
    } else {
        &[Rules::Lifeguard]
    };
    let play = |rules: &Rules| of(seeds.clone(), asked.kind, *rules, threads);
    let matrices: Vec<Matrix> = all.iter().map(play).collect();
    if asked.json {
        let text = serde_json::to_string_pretty(&matrices).unwrap_or_default();
        say(&format!("{text}\n"));
    } else {
        say(&table::of(&matrices, seeds));
    }
    let Some(ours) = matrices.iter().find(|one| one.rules == Rules::Lifeguard) else {
        return ExitCode::FAILURE;
    };
    match drawn(&asked.picture, &picture::of(ours), say) {
        ExitCode::SUCCESS if ours.holds() => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

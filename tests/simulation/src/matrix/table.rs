//! The matrix, in Markdown.

use std::{fmt::Write as _, ops::Range};

use super::{Mark, Matrix, Wrong, sums::Row};

/// All matrices, what was wrong in ours beside the command that shows it.
pub(super) fn of(matrices: &[Matrix], seeds: &Range<u64>) -> String {
    let mut text = format!("Days of seeds {}..{}.\n", seeds.start, seeds.end);
    for matrix in matrices {
        let _ = writeln!(text, "\n**{}**\n", matrix.rules.name());
        text.push_str(&by_kind(matrix));
        let _ = writeln!(
            text,
            "\nBad changes that were undone: found after {} (median, of {}), running well after {}; {} in another way than the shortest.",
            median(&matrix.detected),
            matrix.detected.len(),
            median(&matrix.recovered),
            matrix.by_another_way
        );
        if matrix.rules == super::Rules::Lifeguard {
            matrix
                .wrong
                .iter()
                .for_each(|one| text.push_str(&line(one)));
        }
        for seed in &matrix.panicked {
            let _ = writeln!(text, "- seed {seed}: a panic");
        }
    }
    text
}

fn by_kind(matrix: &Matrix) -> String {
    let mut text = "| kind of day | troubles |".to_owned();
    for mark in Mark::ALL {
        let _ = write!(text, " {} |", mark.name());
    }
    text.push_str(
        " down, min | of it in errors | replayed in errors | duplicated in errors |\n|---|",
    );
    text.push_str(&"---|".repeat(Mark::ALL.len() + 5));
    text.push('\n');
    for (kind, row) in &matrix.kinds {
        text.push_str(&cells(kind.name(), row));
    }
    text.push_str(&cells("**all**", &matrix.all()));
    text
}

fn cells(name: &str, row: &Row) -> String {
    let mut text = format!("| {name} | {} |", row.troubles());
    for mark in Mark::ALL {
        match row.count(mark) {
            0 => text.push_str(" |"),
            n => drop(write!(text, " {n} |")),
        }
    }
    let _ = writeln!(
        text,
        " {} | {} | {} | {} |",
        row.cost.down_secs / 60,
        row.cost_of_errors.down_secs / 60,
        row.cost_of_errors.replayed,
        row.cost_of_errors.duplicated
    );
    text
}

fn line(wrong: &Wrong) -> String {
    format!(
        "- seed {} ({}), {} at {} min, {}: {}; right: {:?}; did {:?} → {:?}; said {:?}; `days --seed {} --trace`\n",
        wrong.seed,
        wrong.kind.name(),
        wrong.application,
        wrong.at_secs / 60,
        wrong.what,
        wrong.mark.name(),
        wrong.right,
        wrong.did,
        wrong.led_to,
        wrong.said,
        wrong.seed
    )
}

/// Of a sorted row.
pub(super) fn median(of: &[u64]) -> String {
    of.get(of.len() / 2).map_or_else(
        || "–".to_owned(),
        |secs| format!("{:.1} min", *secs as f64 / 60.0),
    )
}

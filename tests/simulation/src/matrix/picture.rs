//! The matrix as a picture: by kind how troubles were met, and below how soon bad changes were found and undone.

use std::fmt::Write as _;

use super::{Mark, Matrix, table::median};

const WIDTH: f64 = 860.0;
const LEFT: f64 = 190.0;
const RIGHT: f64 = 840.0;
const ROW: f64 = 18.0;
const TOP: f64 = 64.0;
const PLOT: f64 = 220.0;

/// Right ones cold, wrong ones warm.
const fn colour(mark: Mark) -> &'static str {
    match mark {
        Mark::ActedRightly => "#1b7837",
        Mark::AskedRightly => "#5aae61",
        Mark::LeftRightly => "#a6dba0",
        Mark::ActedWrongly => "#b2182b",
        Mark::LeftWrongly => "#f4a582",
        Mark::AskedWhereClear => "#fddbc7",
        Mark::SaidWrongly => "#762a83",
    }
}

pub(super) fn of(matrix: &Matrix) -> String {
    let plot = TOP + ROW * matrix.kinds.len() as f64 + 60.0;
    let height = plot + PLOT + 40.0;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n<text x=\"16\" y=\"22\" font-size=\"14\">How troubles of {} days were met, by kind of day</text>\n",
        matrix.days
    );
    for (n, mark) in Mark::ALL.into_iter().enumerate() {
        let x = 16.0 + 118.0 * n as f64;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"36\" width=\"10\" height=\"10\" fill=\"{}\"/><text x=\"{}\" y=\"45\" font-size=\"11\">{}</text>",
            colour(mark),
            x + 14.0,
            mark.name()
        );
    }
    for (n, (kind, row)) in matrix.kinds.iter().enumerate() {
        let y = TOP + ROW * n as f64;
        let _ = writeln!(
            svg,
            "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 8.0,
            y + 12.0,
            kind.name()
        );
        let mut x = LEFT;
        for mark in Mark::ALL {
            let share = row.count(mark) as f64 / row.troubles().max(1) as f64;
            let width = share * (RIGHT - LEFT);
            if width > 0.0 {
                let _ = writeln!(
                    svg,
                    "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{:.1}\" fill=\"{}\"/>",
                    ROW - 3.0,
                    colour(mark)
                );
            }
            x += width;
        }
    }
    svg.push_str(&distributions(matrix, plot));
    svg.push_str("</svg>\n");
    svg
}

/// Which share of the bad changes that were undone was found, and ran well again, within so many minutes.
fn distributions(matrix: &Matrix, top: f64) -> String {
    // The last twentieth would press all others together.
    let most = matrix.recovered.get(matrix.recovered.len() * 19 / 20);
    let minutes = (most.copied().unwrap_or(600).max(60) as f64 / 60.0).ceil();
    let x = |secs: u64| LEFT + (secs as f64 / (minutes * 60.0)).min(1.0) * (RIGHT - LEFT);
    let y = |share: f64| top + PLOT - share * (PLOT - 30.0);
    let mut svg = format!(
        "<text x=\"16\" y=\"{top:.1}\" font-size=\"14\">Bad changes that were undone: found (dashed, median {}) and running well (solid, median {}), by minutes since the first fault</text>\n",
        median(&matrix.detected),
        median(&matrix.recovered)
    );
    for share in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {0:.1}H{RIGHT}\" stroke=\"#ddd\"/><text x=\"{1:.1}\" y=\"{2:.1}\" text-anchor=\"end\">{3:.0} %</text>",
            y(share),
            LEFT - 8.0,
            y(share) + 4.0,
            share * 100.0
        );
    }
    let step = (minutes / 10.0).ceil().max(1.0) as usize;
    for minute in (0..=minutes as u64).step_by(step) {
        let _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{minute}</text>",
            x(minute * 60),
            y(0.0) + 18.0
        );
    }
    for (of, dashes) in [(&matrix.detected, "5 4"), (&matrix.recovered, "none")] {
        let mut path = format!("M{LEFT} {:.1}", y(0.0));
        for (n, secs) in of.iter().enumerate() {
            let share = (n + 1) as f64 / of.len() as f64;
            let _ = write!(path, "H{:.1}V{:.1}", x(*secs), y(share));
        }
        let _ = writeln!(
            svg,
            "<path d=\"{path}\" fill=\"none\" stroke=\"#1b7837\" stroke-width=\"2\" stroke-dasharray=\"{dashes}\"/>"
        );
    }
    svg
}

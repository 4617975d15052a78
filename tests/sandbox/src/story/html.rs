//! A rehearsal as one HTML page: verdict, figures, a picture of who did what when, and the whole timeline. No script, nothing fetched.

use std::fmt::Write as _;

use super::{Rehearsal, TimelineEntry};

/// The lanes of the picture, top to bottom, with their colours.
const LANES: [(&str, &str); 5] = [
    ("operator", "#0e7490"),
    ("service", "#1d4ed8"),
    ("flink", "#a21caf"),
    ("alarm", "#b91c1c"),
    ("lifeguard", "#15803d"),
];
/// Size of the picture, in its own units.
const WIDTH: f64 = 1000.0;
const LEFT: f64 = 90.0;
const LANE: f64 = 34.0;

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;max-width:1060px;margin:2rem auto;padding:0 1rem;color:#1f2937}h1{margin:0}\
table{border-collapse:collapse;width:100%}td,th{padding:.25rem .6rem;border-bottom:1px solid #e5e7eb;text-align:left;vertical-align:top}\
.good{background:#dcfce7;color:#166534}.bad{background:#fee2e2;color:#991b1b}.verdict{display:inline-block;padding:.2rem .8rem;border-radius:1rem;font-weight:600}\
.when{white-space:nowrap;font-variant-numeric:tabular-nums;color:#6b7280}svg{width:100%;height:auto;margin:1rem 0}text{font:12px system-ui,sans-serif;fill:#374151}";

/// The page.
#[must_use]
pub fn page(rehearsal: &Rehearsal) -> String {
    let class = if rehearsal.is_as_it_should_be() {
        "good"
    } else {
        "bad"
    };
    let mut page = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>{name}</title><style>{STYLE}</style></head><body>\
         <h1>{name}</h1><p><span class=\"verdict {class}\">{}</span> seed {}</p><p>{}</p>{}",
        escaped(&rehearsal.outcome),
        rehearsal.seed,
        escaped(&rehearsal.reason),
        figures(rehearsal),
        name = escaped(&rehearsal.scenario),
    );
    page.push_str(&picture(&rehearsal.timeline));
    page.push_str("<table><tr><th>when</th><th>who</th><th>what</th></tr>");
    for entry in &rehearsal.timeline {
        let _ = write!(
            page,
            "<tr><td class=\"when\">{}</td><td style=\"color:{}\">{}</td><td>{}</td></tr>",
            clock(entry.at_secs),
            colour(entry.who),
            entry.who,
            escaped(&entry.what)
        );
    }
    page.push_str("</table></body></html>\n");
    page
}

fn figures(rehearsal: &Rehearsal) -> String {
    let records = &rehearsal.records;
    let time = |secs: Option<u64>| secs.map_or("–".to_owned(), |secs| clock(secs as f64));
    let actions: Vec<String> = rehearsal
        .actions
        .iter()
        .map(|one| format!("{} ({})", one.action, one.outcome))
        .collect();
    let rows = [
        (
            "application",
            format!(
                "{}, {}, version {}, {}",
                rehearsal.application.name,
                rehearsal.application.status,
                rehearsal.application.version_id,
                rehearsal.application.runtime
            ),
        ),
        (
            "changed by Lifeguard",
            if actions.is_empty() {
                "nothing".into()
            } else {
                actions.join(", ")
            },
        ),
        ("time to detect", time(rehearsal.detection_secs)),
        ("time to recover", time(rehearsal.recovery_secs)),
        (
            "records",
            format!(
                "{} produced, {} lost, {} replayed, {} duplicated",
                records.produced, records.lost, records.replayed, records.duplicated
            ),
        ),
        (
            "not as it should be",
            if rehearsal.complaints.is_empty() {
                "–".into()
            } else {
                rehearsal.complaints.join("; ")
            },
        ),
    ];
    let rows: String = rows
        .iter()
        .map(|(label, value)| format!("<tr><th>{label}</th><td>{}</td></tr>", escaped(value)))
        .collect();
    format!("<table>{rows}</table>")
}

/// A lane for each actor, a mark for each thing that happened; the text shows when the pointer rests on it.
fn picture(timeline: &[TimelineEntry]) -> String {
    let last = timeline.last().map_or(1.0, |entry| entry.at_secs.max(1.0));
    let x = |secs: f64| LEFT + secs / last * (WIDTH - LEFT - 20.0);
    let height = LANE * LANES.len() as f64 + 30.0;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"who did what, when\">"
    );
    for (row, (who, colour)) in LANES.iter().enumerate() {
        let y = LANE * (row as f64 + 0.5);
        let _ = write!(
            svg,
            "<text x=\"0\" y=\"{:.1}\">{who}</text><line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#e5e7eb\"/>",
            y + 4.0,
            WIDTH - 20.0
        );
        for entry in timeline.iter().filter(|entry| entry.who == *who) {
            let title = format!("{} {}", clock(entry.at_secs), entry.what);
            let _ = write!(
                svg,
                "<circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"6\" fill=\"{colour}\" fill-opacity=\".75\"><title>{}</title></circle>",
                x(entry.at_secs),
                escaped(&title)
            );
        }
    }
    for tick in 0..=6 {
        let secs = last * f64::from(tick) / 6.0;
        let _ = write!(
            svg,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            x(secs),
            height - 8.0,
            clock(secs)
        );
    }
    svg.push_str("</svg>");
    svg
}

fn colour(who: &str) -> &'static str {
    LANES
        .iter()
        .find(|(lane, _)| *lane == who)
        .map_or("#374151", |(_, colour)| colour)
}

fn clock(secs: f64) -> String {
    let secs = secs.round() as u64;
    format!("{}:{:02}", secs / 60, secs % 60)
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

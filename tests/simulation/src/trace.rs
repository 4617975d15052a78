//! A night told: what happened, in order, and every change of an application.

use std::fmt::Write as _;

use jiff::Timestamp;
use sandbox::region::Region;

/// Everything in the region's record, a line each. Two runs of one seed give the same bytes.
pub(crate) fn of(region: &Region) -> String {
    let opened = region.opened();
    let journal = region.journal();
    let mut lines: Vec<(Timestamp, String)> = Vec::new();
    for entry in journal.entries() {
        let application = entry.application.unwrap_or_default();
        lines.push((
            entry.at,
            format!(
                "{:<9} {application:<6} {}",
                format!("{:?}", entry.actor),
                entry.text
            ),
        ));
    }
    for call in journal.calls() {
        let resource = call.resource.unwrap_or_default();
        lines.push((
            call.at,
            format!(
                "call      {resource} {}:{} by {} → {}{}",
                call.service,
                call.action,
                call.caller,
                call.outcome,
                if call.changed { " *" } else { "" }
            ),
        ));
    }
    // Stable: what was recorded at one moment stays in its order.
    lines.sort_by_key(|(at, _)| *at);
    let mut text = String::new();
    for (at, line) in lines {
        let secs = at.duration_since(opened).as_millis();
        let _ = writeln!(
            text,
            "{:>5}:{:02}.{:03} {line}",
            secs / 60_000,
            secs / 1_000 % 60,
            secs % 1_000
        );
    }
    for line in journal.log_lines() {
        let _ = writeln!(text, "log {line}");
    }
    for message in journal.messages() {
        let _ = writeln!(text, "message {message}");
    }
    for execution in region.states().executions() {
        let _ = writeln!(
            text,
            "execution {} {} {:?}",
            execution.arn,
            execution.status.name(),
            execution.output.map(|output| output.to_string())
        );
    }
    text
}

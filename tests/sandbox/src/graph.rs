//! A state machine's graph as an SVG, drawn from its definition: what the README shows.
//!
//! States stand in rows by the longest way to them; the path without errors is drawn solid, what a `Catch` takes is dashed. Deliberately absent: nested states, and any
//! font or style that is not in the file itself.
//!
//! Invariant: the same definition gives the same bytes, so a test can tell a drawing that is out of date.

use std::{collections::BTreeMap, fmt::Write as _};

use serde_json::Value;

const BOX_WIDTH: i32 = 158;
const BOX_HEIGHT: i32 = 32;
const COLUMN: i32 = 176;
const ROW: i32 = 76;
const MARGIN: i32 = 24;
/// How far an arrow upwards bows out to the side.
const BOW: i32 = 60;

/// Where a state stands, its centre.
type Places<'a> = BTreeMap<&'a str, (i32, i32)>;

/// The drawing.
#[must_use]
pub fn svg(definition: &Value) -> String {
    let rows = rows(definition);
    let widest = rows.iter().map(Vec::len).max().unwrap_or(1);
    let width = 2 * MARGIN + BOW + i32::try_from(widest).unwrap_or(1) * COLUMN;
    let height = 2 * MARGIN + i32::try_from(rows.len()).unwrap_or(1) * ROW;
    let mut places = Places::new();
    for (row, y) in rows
        .iter()
        .zip((0..).map(|row| MARGIN + BOX_HEIGHT / 2 + row * ROW))
    {
        let left = (width - i32::try_from(row.len()).unwrap_or(1) * COLUMN) / 2;
        for (name, x) in row
            .iter()
            .zip((0..).map(|column| left + COLUMN / 2 + column * COLUMN))
        {
            places.insert(name, (x, y));
        }
    }
    let mut drawing = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <defs><marker id=\"tip\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"7\" markerHeight=\"7\" orient=\"auto\"><path d=\"M0 0 8 4 0 8z\" fill=\"#5b6770\"/></marker></defs>\n"
    );
    for name in rows.iter().flatten() {
        for (target, is_catch) in targets(&definition["States"][*name]) {
            if let (Some(from), Some(to)) = (places.get(name), places.get(target)) {
                arrow(&mut drawing, *from, *to, is_catch);
            }
        }
    }
    for (name, place) in &places {
        state(&mut drawing, name, &definition["States"][*name], *place);
    }
    drawing.push_str("</svg>\n");
    drawing
}

/// The states by the longest way to them, ways back left out: what ends an execution stands at the bottom. Within a row, in the order in which they are reached.
fn rows(definition: &Value) -> Vec<Vec<&str>> {
    let start = definition["StartAt"].as_str().unwrap_or_default();
    let (mut under_way, mut done, mut forward) = (Vec::new(), Vec::new(), Vec::new());
    visit(definition, start, &mut under_way, &mut done, &mut forward);
    // Ended last is reached first: a topological order.
    done.reverse();
    let mut row: BTreeMap<&str, usize> = done.iter().map(|name| (*name, 0)).collect();
    for name in &done {
        for (_, target) in forward.iter().filter(|(from, _)| from == name) {
            let below = row[name] + 1;
            row.entry(target).and_modify(|at| *at = below.max(*at));
        }
    }
    let mut rows: Vec<Vec<&str>> = Vec::new();
    for name in done {
        rows.resize_with(rows.len().max(row[name] + 1), Vec::new);
        rows[row[name]].push(name);
    }
    rows
}

/// Depth first: notes the states as they are done with, and the ways that lead not back to one that is under way.
fn visit<'a>(
    definition: &'a Value,
    name: &'a str,
    under_way: &mut Vec<&'a str>,
    done: &mut Vec<&'a str>,
    forward: &mut Vec<(&'a str, &'a str)>,
) {
    under_way.push(name);
    // Backwards, because what is done with last stands first.
    for (target, _) in targets(&definition["States"][name]).into_iter().rev() {
        if under_way.contains(&target) {
            continue;
        }
        forward.push((name, target));
        if !done.contains(&target) {
            visit(definition, target, under_way, done, forward);
        }
    }
    under_way.pop();
    done.push(name);
}

/// Where a state leads, and whether only an error does.
fn targets(state: &Value) -> Vec<(&str, bool)> {
    let next = |member: &str| state[member].as_str().map(|target| (target, false));
    let choices = state["Choices"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["Next"].as_str().map(|target| (target, false)));
    let catches = state["Catch"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|one| one["Next"].as_str().map(|target| (target, true)));
    let mut all: Vec<(&str, bool)> = next("Next")
        .into_iter()
        .chain(choices)
        .chain(next("Default"))
        .chain(catches)
        .collect();
    all.dedup();
    all
}

fn arrow(drawing: &mut String, from: (i32, i32), to: (i32, i32), is_catch: bool) {
    let style = if is_catch {
        "stroke=\"#b9a3a3\" stroke-dasharray=\"4 3\""
    } else {
        "stroke=\"#5b6770\""
    };
    let path = if to.1 > from.1 {
        let (start, end) = (from.1 + BOX_HEIGHT / 2, to.1 - BOX_HEIGHT / 2);
        let middle = i32::midpoint(start, end);
        format!(
            "M{} {start} C{} {middle} {} {middle} {} {end}",
            from.0, from.0, to.0, to.0
        )
    } else {
        // Upwards or sideways: out by the right and in by the right.
        let (start, end) = (from.0 + BOX_WIDTH / 2, to.0 + BOX_WIDTH / 2);
        let out = start.max(end) + BOW;
        format!(
            "M{start} {} C{out} {} {out} {} {end} {}",
            from.1, from.1, to.1, to.1
        )
    };
    let _ = writeln!(
        drawing,
        "<path d=\"{path}\" fill=\"none\" {style} marker-end=\"url(#tip)\"/>"
    );
}

fn state(drawing: &mut String, name: &str, state: &Value, (x, y): (i32, i32)) {
    let fill = match state["Type"].as_str().unwrap_or_default() {
        "Choice" => "#fff4d6",
        "Wait" => "#e8eef7",
        "Succeed" | "Fail" => "#dff0df",
        "Pass" => "#f2f2f2",
        _ => "#d9ecf7",
    };
    let (left, top) = (x - BOX_WIDTH / 2, y - BOX_HEIGHT / 2);
    let comment = crate::protocol::xml_text(state["Comment"].as_str().unwrap_or_default());
    let _ = writeln!(
        drawing,
        "<g><title>{comment}</title><rect x=\"{left}\" y=\"{top}\" width=\"{BOX_WIDTH}\" height=\"{BOX_HEIGHT}\" rx=\"6\" fill=\"{fill}\" stroke=\"#5b6770\"/>\
         <text x=\"{x}\" y=\"{}\" text-anchor=\"middle\">{}</text></g>",
        y + 4,
        crate::protocol::xml_text(name)
    );
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_state_and_every_way_is_drawn_once() {
        let definition = json!({
            "StartAt": "Look",
            "States": {
                "Look": { "Type": "Task", "Comment": "One <look>.", "Next": "Well", "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Lost" }] },
                "Well": { "Type": "Choice", "Choices": [{ "Condition": "{% true %}", "Next": "Done" }], "Default": "Look" },
                "Lost": { "Type": "Pass", "Next": "Done" },
                "Done": { "Type": "Succeed" }
            }
        });
        let drawing = svg(&definition);
        assert_eq!(
            (
                drawing.matches("<rect x=").count(),
                drawing.matches("<path d=\"M").count()
            ),
            (4, 1 + 5),
            "and the arrow's tip"
        );
        assert_eq!(drawing.matches("stroke-dasharray").count(), 1);
        assert!(drawing.contains("One &lt;look&gt;."));
        assert_eq!(
            rows(&definition),
            [vec!["Look"], vec!["Well", "Lost"], vec!["Done"]]
        );
        assert_eq!(drawing, svg(&definition));
    }
}

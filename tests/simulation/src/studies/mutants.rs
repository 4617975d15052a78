//! Mutants of the state machines: every catcher, retrier, rule of a Choice and assigned variable is taken out, one at a time, and somebody must notice.
//!
//! Who notices, in this order: the table of how often a task is tried; Step Functions, which refuses the definition; a rehearsal, which does not end as it is written; a night, which breaks an invariant. Nothing is built
//! for it: a definition is read when a region opens. What nobody notices makes no difference, and then it stands in the list `HARMLESS` with the reason, or it is a hole in the checks.

use std::{fs, io};

use serde_json::{Map, Value};

use super::{
    notice::{self, infra},
    patience,
};

/// The state machines.
const MACHINES: [&str; 2] = ["remediate", "snapshot-check"];

/// Mutants that make no difference, and why.
const HARMLESS: [(&str, &str); 1] = [(
    "remediate: Decide without assigning $stepResult",
    "a step assigns it again before a decision that knows of that step; until then the last step is settled once more as it was",
)];

/// What is asked for.
#[derive(Debug, clap::Args)]
pub struct Asked {
    /// Only mutants whose description contains this.
    #[arg(long)]
    only: Option<String>,
    /// Nights played for each that the rehearsals do not notice.
    #[arg(long, default_value_t = 200)]
    nights: u64,
    /// Threads.
    #[arg(long, default_value_t = 2, value_parser = crate::cli::at_least_one())]
    threads: usize,
}

/// A state machine with a piece taken out.
pub struct Mutant {
    /// What was taken out, where.
    pub what: String,
    definition: Value,
}

fn definition_of(machine: &str) -> String {
    format!("statemachines/{machine}.asl.json")
}

fn read(machine: &str) -> io::Result<Value> {
    Ok(serde_json::from_str(&fs::read_to_string(
        infra().join(definition_of(machine)),
    )?)?)
}

/// All mutants of one definition.
#[must_use]
pub fn mutants(machine: &str, definition: &Value) -> Vec<Mutant> {
    let mut pieces = Vec::new();
    find(definition, "", &mut pieces);
    let without = |(what, pointer, key): (String, String, Key)| {
        let mut definition = definition.clone();
        let place = definition
            .pointer_mut(&pointer)
            .expect("it was found there");
        match key {
            Key::Index(index) => drop(place.as_array_mut().map(|list| list.remove(index))),
            Key::Name(name) => drop(
                place
                    .as_object_mut()
                    .map(|members| members.shift_remove(&name)),
            ),
        }
        Mutant {
            what: format!("{machine}: {what}"),
            definition,
        }
    };
    pieces.into_iter().map(without).collect()
}

/// A member of a list or of an object.
enum Key {
    Index(usize),
    Name(String),
}

/// Everything that can be taken out of a flow of states: a sentence, where it is, which one.
fn find(flow: &Value, at: &str, pieces: &mut Vec<(String, String, Key)>) {
    for (name, state) in members(&flow["States"]) {
        let at = format!("{at}/States/{name}");
        for (list, piece) in [
            ("Catch", "catcher"),
            ("Retry", "retrier"),
            ("Choices", "rule"),
        ] {
            for (index, member) in state[list].as_array().into_iter().flatten().enumerate() {
                let (count, at) = (index + 1, format!("{at}/{list}"));
                assigned(
                    &format!("{name}, {piece} {count}"),
                    &format!("{at}/{index}"),
                    member,
                    pieces,
                );
                pieces.push((
                    format!("{name} without {piece} {count}"),
                    at,
                    Key::Index(index),
                ));
            }
        }
        assigned(name, &at, state, pieces);
        find(
            &state["ItemProcessor"],
            &format!("{at}/ItemProcessor"),
            pieces,
        );
    }
}

fn assigned(of: &str, at: &str, part: &Value, pieces: &mut Vec<(String, String, Key)>) {
    for (variable, _) in members(&part["Assign"]) {
        pieces.push((
            format!("{of} without assigning ${variable}"),
            format!("{at}/Assign"),
            Key::Name(variable.clone()),
        ));
    }
}

fn members(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flat_map(Map::iter)
}

/// Makes every mutant asked for and tells what became of it; whether each was noticed.
///
/// # Errors
/// When a file cannot be read or written.
pub fn run(asked: &Asked, say: &dyn Fn(&str)) -> io::Result<bool> {
    let (mut noticed, mut harmless, mut survived) = (0, 0, 0);
    for machine in MACHINES {
        for mutant in mutants(machine, &read(machine)?) {
            if !notice::is_asked_for(asked.only.as_deref(), &mutant.what) {
                continue;
            }
            let argued = argued(&mutant);
            let by = noticed_by(
                machine,
                &mutant,
                argued.map_or(asked.nights, |_| 0),
                asked.threads,
            )?;
            let (count, verdict) = match (by, argued) {
                (Some(by), None) => (&mut noticed, by),
                (None, Some(why)) => (&mut harmless, format!("makes no difference: {why}")),
                (None, None) => (&mut survived, "SURVIVED".to_owned()),
                // The argument is wrong, and has to be withdrawn.
                (Some(by), Some(_)) => (&mut survived, format!("MAKES A DIFFERENCE: {by}")),
            };
            *count += 1;
            say(&format!("{:<70} {verdict}\n", mutant.what));
        }
    }
    notice::any(noticed + harmless + survived, asked.only.as_deref())?;
    say(&format!(
        "{noticed} noticed, {harmless} make no difference, {survived} survived\n"
    ));
    Ok(survived == 0)
}

/// Why a mutant makes no difference, if that is argued.
fn argued(mutant: &Mutant) -> Option<&'static str> {
    HARMLESS
        .iter()
        .find(|(what, _)| *what == mutant.what)
        .map(|(_, why)| *why)
}

fn noticed_by(
    machine: &str,
    mutant: &Mutant,
    nights: u64,
    threads: usize,
) -> io::Result<Option<String>> {
    let written = notice::Written::with(&definition_of(machine), &mutant.definition.to_string())?;
    let template = written.template();
    let by = patience::complaint(&mutant.definition)
        .or_else(|| notice::refused(&template))
        .or_else(|| notice::rehearsed(&template));
    Ok(by.or_else(|| notice::dreaded(&template, nights, threads)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_task_is_tried_as_often_as_it_should_be() {
        for machine in MACHINES {
            let definition = read(machine).unwrap();
            assert_eq!(patience::complaint(&definition), None, "{machine}");
        }
    }

    #[test]
    fn what_is_argued_to_make_no_difference_is_still_a_mutant() {
        let all: Vec<String> = MACHINES
            .iter()
            .flat_map(|machine| mutants(machine, &read(machine).unwrap()))
            .map(|mutant| mutant.what)
            .collect();
        for (what, _) in HARMLESS {
            assert!(all.iter().any(|one| one == what), "{what}");
        }
    }

    #[test]
    fn every_piece_is_taken_out_once_and_nothing_else() {
        for machine in MACHINES {
            let definition = read(machine).unwrap();
            let all = mutants(machine, &definition);
            assert!(all.len() > 50, "{machine}: {} are too few", all.len());
            for mutant in &all {
                let (before, after) = (
                    definition.to_string().len(),
                    mutant.definition.to_string().len(),
                );
                assert!(
                    after < before && after * 10 > before * 9,
                    "{}: {before} characters become {after}",
                    mutant.what
                );
            }
            let mut names: Vec<&str> = all.iter().map(|mutant| mutant.what.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), all.len(), "two have the same name");
        }
    }
}

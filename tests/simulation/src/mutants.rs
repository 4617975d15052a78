//! Mutants of the state machines: every catcher, retrier, rule of a Choice and assigned variable is taken out, one at a time, and somebody must notice.
//!
//! Who notices, in this order: Step Functions, which refuses the definition; a rehearsal, which does not end as it is written; a night, which breaks an invariant. Nothing is built
//! for it: a definition is read when a region opens. What nobody notices is a hole in the checks, or makes no difference; which of the two is argued in the README.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sandbox::{
    external::{INPUTS, TROUBLES},
    region::{Blueprint, Region},
    scenario::{self, CATALOGUE, FLINK, SNAPSHOTS, Scenario},
};
use serde_json::{Map, Value};

use crate::{generate, many::play_each, night::Night};

/// The state machines.
const MACHINES: [&str; 2] = ["remediate", "snapshot-check"];
/// A thousand applications take longer than all other rehearsals, and use the same states.
const TOO_LARGE: &str = "snapshots-fleet";

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
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

/// A state machine with a piece taken out.
pub struct Mutant {
    /// What was taken out, where.
    pub what: String,
    /// Its file's name, without what follows the first dot.
    machine: &'static str,
    definition: Value,
}

/// All mutants of one definition.
#[must_use]
pub fn mutants(machine: &'static str, definition: &Value) -> Vec<Mutant> {
    let mut pieces = Vec::new();
    find(definition, "", &mut pieces);
    let without = |(what, pointer, key): (String, String, Key)| {
        let mut definition = definition.clone();
        let place = definition.pointer_mut(&pointer).expect("it was found there");
        match key {
            Key::Index(index) => drop(place.as_array_mut().map(|list| list.remove(index))),
            Key::Name(name) => drop(place.as_object_mut().map(|members| members.shift_remove(&name))),
        }
        Mutant { what: format!("{machine}: {what}"), machine, definition }
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
        for (list, piece) in [("Catch", "catcher"), ("Retry", "retrier"), ("Choices", "rule")] {
            for (index, member) in state[list].as_array().into_iter().flatten().enumerate() {
                let (count, at) = (index + 1, format!("{at}/{list}"));
                assigned(&format!("{name}, {piece} {count}"), &format!("{at}/{index}"), member, pieces);
                pieces.push((format!("{name} without {piece} {count}"), at, Key::Index(index)));
            }
        }
        assigned(name, &at, state, pieces);
        find(&state["ItemProcessor"], &format!("{at}/ItemProcessor"), pieces);
    }
}

fn assigned(of: &str, at: &str, part: &Value, pieces: &mut Vec<(String, String, Key)>) {
    for (variable, _) in members(&part["Assign"]) {
        pieces.push((format!("{of} without assigning ${variable}"), format!("{at}/Assign"), Key::Name(variable.clone())));
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
    let infra = infra();
    let (mut noticed, mut survived) = (0, 0);
    for machine in MACHINES {
        let text = fs::read_to_string(infra.join(definition_of(machine)))?;
        for mutant in mutants(machine, &serde_json::from_str(&text)?) {
            if asked.only.as_ref().is_some_and(|part| !mutant.what.contains(part)) {
                continue;
            }
            let template = written(&infra, &mutant)?;
            let by = notice(&template, asked);
            noticed += usize::from(by.is_some());
            survived += usize::from(by.is_none());
            say(&format!("{:<70} {}\n", mutant.what, by.as_deref().unwrap_or("SURVIVED")));
        }
    }
    say(&format!("{noticed} noticed, {survived} survived\n"));
    Ok(survived == 0)
}

fn infra() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../infra")
}

fn definition_of(machine: &str) -> String {
    format!("statemachines/{machine}.asl.json")
}

/// Writes the project's template and state machines with the mutant among them, and gives the template's path.
fn written(infra: &Path, mutant: &Mutant) -> io::Result<PathBuf> {
    let folder = std::env::temp_dir().join(format!("lifeguard-mutants-{}", std::process::id()));
    fs::create_dir_all(folder.join("statemachines"))?;
    for name in MACHINES.map(definition_of) {
        fs::copy(infra.join(&name), folder.join(&name))?;
    }
    fs::write(folder.join(definition_of(mutant.machine)), mutant.definition.to_string())?;
    let template = folder.join("template.yaml");
    fs::copy(infra.join("template.yaml"), &template)?;
    Ok(template)
}

/// Who notices, if anybody.
fn notice(template: &Path, asked: &Asked) -> Option<String> {
    if let Some(why) = refused(template) {
        return Some(format!("refused: {why}"));
    }
    let rehearsals = CATALOGUE.iter().chain(FLINK).chain(SNAPSHOTS).chain(INPUTS).chain(TROUBLES).filter(|one| one.name != TOO_LARGE);
    if let Some((name, complaint)) = rehearsals.into_iter().find_map(|one| Some((one.name, complaint(one, template)?))) {
        return Some(format!("{name}: {complaint}"));
    }
    let night = |seed: u64| Night { template: Some(template.to_owned()), ..generate::night(seed) };
    let summary = play_each(0..asked.nights, &night, asked.threads, 1, &|_| {});
    let broken = summary.broken.first()?;
    Some(match broken.violations.first() {
        Some(violation) => format!("{:?}, seed {}: {}", violation.invariant, broken.seed, violation.text),
        None => format!("a panic, seed {}", broken.seed),
    })
}

fn in_a_night<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.expect("a runtime of one thread needs nothing but memory").block_on(future)
}

fn refused(template: &Path) -> Option<String> {
    let blueprint = Blueprint { template: Some(template.to_owned()), ..Blueprint::default() };
    in_a_night(async { Region::open(blueprint).err().map(|error| error.to_string()) })
}

/// What is wrong with a rehearsal's end, if anything.
fn complaint(one: &Scenario, template: &Path) -> Option<String> {
    let stage = scenario::Stage { template: Some(template.to_owned()), ..(one.stage)() };
    in_a_night(async {
        match scenario::play_on(one, stage, 1, |_| {}).await {
            Ok(played) => played.rehearsal.complaints.first().cloned(),
            Err(error) => Some(error.to_string()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_piece_is_taken_out_once_and_nothing_else() {
        for machine in MACHINES {
            let definition: Value = serde_json::from_str(&fs::read_to_string(infra().join(definition_of(machine))).unwrap()).unwrap();
            let all = mutants(machine, &definition);
            assert!(all.len() > 50, "{machine}: {} are too few", all.len());
            for mutant in &all {
                let (before, after) = (definition.to_string().len(), mutant.definition.to_string().len());
                assert!(after < before && after * 10 > before * 9, "{}: {before} characters become {after}", mutant.what);
            }
            let mut names: Vec<&str> = all.iter().map(|mutant| mutant.what.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), all.len(), "two have the same name");
        }
    }
}

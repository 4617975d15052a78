//! The script language: what a region is like, what happens in it, what goes wrong and how it must end, as data that a file holds.
//!
//! `tests/sandbox/scenarios/README.md` describes it to whoever writes one. Everything here is plain: it is read, checked, turned into a [`crate::scenario::Stage`], written again. What it does is in [`crate::scenario`].

mod check;
mod code;
mod ends;
mod faults;
mod happens;
mod library;
mod locate;
mod read;
mod span;
mod stage;
mod trail;
mod words;
mod world;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use code::{Behaviour, Code, Fault, Misfit, Need, Restarts, Scheduler, Vertex};
pub use ends::{CheckSaid, Ends, FleetEnds, Machine, Told};
pub use faults::{FaultKind, Injected, Which};
pub use happens::{
    Do, Entered, ExecutionEnd, Moment, Once, Reported, StartFrom, Step, Tried, When, WhichSnapshot,
};
pub use library::{
    CATALOGUE, DYING, EXAMPLES, FLINK, INPUTS, SNAPSHOTS, SWEEPS, TROUBLES, VERDICTS, by_name,
    play_by_name,
};
pub use read::{WrongScript, is_path, no_scenario, read, read_file};
pub use span::Span;
pub(crate) use stage::properties;
pub use trail::{Through, Trail};
pub use world::{
    Alarms, Application, KeyUsers, Kind, Like, Many, RollbackNumber, RollbackRestores, Service,
    Sink, Snapshot, SnapshotMode, SnapshotStatus, Stage, StartPosition, Stream, TakenBy, Version,
    World,
};

/// A scenario: a region, what happens in it, and how that must end.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[schemars(title = "A scenario of the sandbox")]
pub struct Script {
    /// Where the schema of this file is, for editors.
    #[serde(rename = "$schema", skip_serializing_if = "Option::is_none")]
    pub schema: Option<String>,
    /// Its name: letters, digits and hyphens.
    pub name: String,
    /// What it is about, in a sentence.
    pub sentence: String,
    /// What everything random comes from where the command line does not say; 1 when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
    /// What the region is like when it opens. Without it: `orders` as usual.
    #[serde(skip_serializing_if = "is_default")]
    pub world: World,
    /// What goes wrong in the infrastructure, from when the stack stands.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub faults: Vec<Injected>,
    /// What happens.
    pub happens: Vec<Step>,
    /// For a simulated run: things are done for so long, then the infrastructure works again and every execution is awaited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lasts: Option<Span>,
    /// How it must end. Anything else is a complaint.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ends: Option<Ends>,
}

impl Script {
    /// The application that it is about: `orders`, or the first of the world.
    #[must_use]
    pub fn subject(&self) -> String {
        let named = |application: &Application| application.name_of(0);
        let all = self.world.applications.iter().flatten();
        if all.clone().next().is_none()
            || all
                .clone()
                .any(|one| named(one) == crate::scenario::APPLICATION)
        {
            return crate::scenario::APPLICATION.to_owned();
        }
        self.world
            .applications
            .iter()
            .flatten()
            .next()
            .map_or_else(String::new, named)
    }

    /// The same file, as an editor shows it.
    #[must_use]
    pub fn json(&self) -> String {
        let mut text = serde_json::to_string_pretty(self).expect("a script is plain data");
        text.push('\n');
        text
    }
}

/// The schema of the files, as it is checked in.
#[must_use]
pub fn schema() -> String {
    let schema = schemars::schema_for!(Script);
    let mut text = serde_json::to_string_pretty(&schema).expect("a schema is plain data");
    text.push('\n');
    text
}

/// Whether a member need not be written.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[cfg(test)]
mod tests;

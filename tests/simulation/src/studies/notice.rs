//! Who notices a mistake in the template or in a state machine. Nothing is built for it: both are read when a region opens.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use sandbox::{
    region::{Blueprint, Region},
    scenario::{self, CATALOGUE, DYING, FLINK, INPUTS, SNAPSHOTS, Script, TROUBLES},
};

use crate::{generate, many::play_each, play::virtually};

/// The template and what it reads.
const FILES: [&str; 3] = [
    "template.yaml",
    "statemachines/remediate.asl.json",
    "statemachines/snapshot-check.asl.json",
];
/// A thousand applications take longer than all other rehearsals, and use the same states.
const TOO_LARGE: &str = "snapshots-fleet";

/// Where the project's template is.
pub(crate) fn infra() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../infra")
}

/// Whether a mistake of this name is asked for: one whose name contains `only`, or all.
pub(crate) fn is_asked_for(only: Option<&str>, name: &str) -> bool {
    only.is_none_or(|part| name.contains(part))
}

/// An error when none was asked for: that nobody overlooked anything would say nothing.
pub(crate) fn any(n: usize, only: Option<&str>) -> io::Result<()> {
    if n > 0 {
        return Ok(());
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        format!(
            "no name contains {:?}; without --only all are made",
            only.unwrap_or_default()
        ),
    ))
}

/// The project's template and state machines with another text for one of the files. Gone when it is dropped.
pub(crate) struct Written(PathBuf);

impl Written {
    /// Writes them.
    pub(crate) fn with(file: &str, text: &str) -> io::Result<Self> {
        let written =
            Self(std::env::temp_dir().join(format!("lifeguard-mistakes-{}", std::process::id())));
        fs::create_dir_all(written.0.join("statemachines"))?;
        for name in FILES {
            fs::copy(infra().join(name), written.0.join(name))?;
        }
        fs::write(written.0.join(file), text)?;
        Ok(written)
    }

    pub(crate) fn template(&self) -> PathBuf {
        self.0.join("template.yaml")
    }
}

impl Drop for Written {
    fn drop(&mut self) {
        // What stays behind is written over the next time.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Why no region opens with this template, if none does.
pub(crate) fn refused(template: &Path) -> Option<String> {
    let blueprint = Blueprint {
        template: Some(template.to_owned()),
        ..Blueprint::default()
    };
    virtually(async {
        Region::open(blueprint)
            .err()
            .map(|error| format!("refused: {error}"))
    })
}

/// The first rehearsal that does not end as it is written.
pub(crate) fn rehearsed(template: &Path) -> Option<String> {
    // The plays of trouble first: they are short, and most of what is taken out is for them.
    let all = TROUBLES
        .iter()
        .chain(INPUTS.iter())
        .chain(SNAPSHOTS.iter())
        .chain(CATALOGUE.iter())
        .chain(FLINK.iter())
        .chain(DYING.iter());
    all.filter(|one| one.name != TOO_LARGE)
        .find_map(|one| Some(format!("{}: {}", one.name, complaint(one, template)?)))
}

fn complaint(one: &Script, template: &Path) -> Option<String> {
    virtually(async {
        match scenario::play_on(one, staged(one, template), 1, |_| {}).await {
            Ok(played) => played.rehearsal.complaints.first().cloned(),
            Err(error) => Some(error.to_string()),
        }
    })
}

fn staged(script: &Script, template: &Path) -> scenario::Stage {
    scenario::Stage {
        template: Some(template.to_owned()),
        ..script.stage()
    }
}

/// The first of so many runs that breaks an invariant.
pub(crate) fn dreaded(template: &Path, nights: u64, threads: usize) -> Option<String> {
    let stage = |script: &Script| staged(script, template);
    let summary = play_each(0..nights, &generate::script, &stage, threads, 1, &|_| {});
    let broken = summary.broken.first()?;
    Some(match broken.violations.first() {
        Some(violation) => format!("{:?}, seed {}", violation.invariant, broken.seed),
        None => broken.panic.clone().unwrap_or_default(),
    })
}

//! What `infra/template.yaml` deploys: permissions, alarms, parameters, and the documents that repeat any of it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod alarms;
mod announced;
mod choices;
mod copied;
mod dead_letters;
mod deploying;
mod drift;
mod front_page;
mod keeping;
mod last_release;
mod people_hear;
mod permissions;
mod policies;
mod recorded;
mod ringing;
mod sweeping;
mod trail;
mod without_force_stop;

use std::{
    collections::BTreeMap,
    fs,
    future::Future,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use sandbox::{
    flink::Code,
    region::{Blueprint, Open, Region},
    scenario::Stage,
    template::{Stack, TemplateError},
};

const PACKAGES: [&str; 8] = [
    "alarm-handler",
    "alarm-keeper",
    "subtask-verifier",
    "remediation-planner",
    "rollback",
    "force-stop-and-restore",
    "snapshot-keeper",
    "sweeper",
];

/// A file of this repository.
fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

/// The template with these parameters.
fn stack(parameters: &[(&str, &str)]) -> Result<Stack, TemplateError> {
    let template = repository("infra/template.yaml");
    Stack::load(&template, &named(parameters), &PACKAGES)
}

fn named(parameters: &[(&str, &str)]) -> BTreeMap<String, String> {
    parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// Runs in virtual time.
fn virtually<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .start_paused(true)
        .build()
        .unwrap()
        .block_on(future)
}

/// The template and its state machines with another text in the template. Gone when it is dropped.
struct Mutant(PathBuf);

impl Mutant {
    /// With each of these texts replaced by the one beside it.
    fn with(changes: &[(&str, &str)]) -> Self {
        Self::of(changes, &repository("infra/statemachines"))
    }

    /// The same, with the state machines in this folder.
    fn of(changes: &[(&str, &str)], machines: &Path) -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let mut text = fs::read_to_string(repository("infra/template.yaml")).unwrap();
        for (from, to) in changes {
            assert_eq!(text.matches(from).count(), 1, "{from}");
            text = text.replace(from, to);
        }
        let made = MADE.fetch_add(1, Ordering::Relaxed);
        let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("mutant-{}-{made}", std::process::id()));
        fs::create_dir_all(folder.join("statemachines")).unwrap();
        for machine in ["remediate", "snapshot-check"] {
            let name = format!("{machine}.asl.json");
            fs::copy(
                machines.join(&name),
                folder.join("statemachines").join(&name),
            )
            .unwrap();
        }
        fs::write(folder.join("template.yaml"), text).unwrap();
        Self(folder)
    }

    fn template(&self) -> PathBuf {
        self.0.join("template.yaml")
    }

    /// Read with these parameters.
    fn stack(&self, parameters: &[(&str, &str)]) -> Stack {
        Stack::load(&self.template(), &named(parameters), &PACKAGES).unwrap()
    }
}

impl Drop for Mutant {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A region with `orders` in it, which runs well.
fn region() -> Open {
    region_of(None)
}

/// The same, deployed from another template.
fn region_of(template: Option<&Path>) -> Open {
    let mut stage = Stage::of(Code::healthy());
    // As it is deployed: the alarms on snapshots are there while the schedule checks them.
    stage
        .parameters
        .insert("SnapshotScheduleState".into(), "ENABLED".into());
    let region = Region::open(Blueprint {
        seed: 1,
        template: template.map(Path::to_owned),
        parameters: stage.parameters,
        codebook: stage.codebook,
        settings: stage.settings,
        faults: stage.faults,
        ..Blueprint::default()
    })
    .unwrap();
    for application in stage.applications {
        region.flink().add_application(application);
    }
    region
}

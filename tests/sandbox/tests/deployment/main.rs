//! What `infra/template.yaml` deploys: permissions, alarms, parameters, and the documents that repeat any of it.
#![allow(clippy::unwrap_used, reason = "tests")]

mod alarms;
mod drift;
mod front_page;
mod keeping;
mod permissions;
mod policies;
mod without_force_stop;

use std::{collections::BTreeMap, future::Future, path::PathBuf};

use sandbox::{
    flink::Code,
    region::{Blueprint, Open, Region},
    scenario::Stage,
    template::{Stack, TemplateError},
};

const PACKAGES: [&str; 7] = [
    "alarm-handler",
    "alarm-keeper",
    "subtask-verifier",
    "remediation-planner",
    "rollback",
    "force-stop-and-restore",
    "snapshot-keeper",
];

/// A file of this repository.
fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

/// The template with these parameters.
fn stack(parameters: &[(&str, &str)]) -> Result<Stack, TemplateError> {
    let parameters: BTreeMap<String, String> = parameters
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Stack::load(&repository("infra/template.yaml"), &parameters, &PACKAGES)
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

/// A region with `orders` in it, which runs well.
fn region() -> Open {
    let mut stage = Stage::of(Code::healthy());
    // As it is deployed: the alarms on snapshots are there while the schedule checks them.
    stage
        .parameters
        .insert("SnapshotScheduleState".into(), "ENABLED".into());
    let region = Region::open(Blueprint {
        seed: 1,
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

//! A scenario played on one of the engines, as a document to compare with that of the other: how it ended, and each execution's history.

use std::{
    collections::BTreeMap,
    io,
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};

use super::{External, Recorder, history};
use emulated_aws::{
    server::{Bound, Server},
    template::{Stack, Trigger},
};
use region::{Blueprint, Region, RegionError};
use sandbox::scenario::{self, Script};

/// How to play it.
#[derive(Default)]
pub struct Asked {
    /// Of everything random.
    pub seed: u64,
    /// Parameters of the stack beside the scenario's own.
    pub parameters: BTreeMap<String, String>,
    /// Names that a deployment elsewhere gave to resources, by logical id.
    pub names: BTreeMap<String, String>,
    /// Where the other engine is, and where it finds the region; without, the region's own services are played.
    pub engine: Option<(SocketAddr, Bound)>,
    /// Writes every evaluation down; only the region's own interpreter tells them.
    pub recorder: Option<Recorder>,
}

/// Why a scenario could not be played.
#[derive(Debug, thiserror::Error)]
pub enum TranscriptError {
    /// The region.
    #[error("the region could not be opened")]
    Region(#[from] RegionError),
    /// The connection to the other engine.
    #[error("the other engine cannot be spoken to")]
    Engine(#[from] io::Error),
}

/// The stack on which a scenario is played, without playing it. Needs a tokio runtime.
///
/// # Errors
/// When the region cannot be opened.
pub fn stack(scenario: &Script, asked: Asked) -> Result<Value, RegionError> {
    let mut parameters = scenario.stage().parameters;
    parameters.extend(asked.parameters);
    let region = Region::open(Blueprint {
        seed: asked.seed,
        parameters,
        names: asked.names,
        ..Blueprint::default()
    })?;
    Ok(described(region.stack()))
}

/// The other engine, and the server at which it finds the region; or why there is none.
type Attached = io::Result<(External, Server)>;

/// Plays a scenario in virtual time.
///
/// # Errors
/// When the region cannot be opened, or the other engine gives no history.
pub async fn transcript(scenario: &Script, asked: Asked) -> Result<Value, TranscriptError> {
    let mut stage = scenario.stage();
    stage.parameters.extend(asked.parameters);
    stage.names = asked.names;
    stage.other_engine = asked.engine.is_some();
    let attached = Arc::new(Mutex::new(None::<Attached>));
    let (slot, engine, recorder) = (Arc::clone(&attached), asked.engine, asked.recorder);
    let played = scenario::play_on(scenario, stage, asked.seed, move |region| {
        if let Some(recorder) = recorder {
            region
                .states()
                .on_evaluation(Arc::new(move |evaluation| recorder.note(evaluation)));
        }
        if let Some((engine, listener)) = engine {
            let external = External::attach(region, engine);
            let serving = listener
                .serve(external.front())
                .map(|server| (external, server));
            *slot.lock().expect(NOT_POISONED) = Some(serving);
        }
    })
    .await?;
    let attached = attached.lock().expect(NOT_POISONED).take().transpose()?;
    let executions = executions(&played.region).await;
    let mut document = json!({
        "scenario": scenario.name,
        "outcome": played.rehearsal.outcome,
        "reason": played.rehearsal.reason,
        "complaints": played.rehearsal.complaints,
    });
    if let Some((external, _server)) = attached {
        let answers = external.answers();
        document["answers"] =
            json!({ "compared": answers.compared, "disagreements": answers.disagreements });
        document["troubles"] = json!(external.troubles());
        drop(answers);
        external.release();
    }
    document["executions"] = executions?;
    Ok(document)
}

const NOT_POISONED: &str = "no thread panics while it attaches the engine";

async fn executions(region: &Region) -> io::Result<Value> {
    let mut told = Vec::new();
    for view in region.states().executions() {
        told.push(json!({
            "arn": view.arn,
            "stateMachineArn": view.state_machine_arn,
            "status": view.status.name(),
            "input": view.input,
            "output": view.output,
            "error": view.error,
            "cause": view.cause,
            "started": view.started,
            "stopped": view.stopped,
            "events": history(region, &view.arn).await?,
        }));
    }
    Ok(Value::Array(told))
}

/// The stack as the region reads it from the template, for comparison with a deployment elsewhere.
fn described(stack: &Stack) -> Value {
    let functions: BTreeMap<_, _> = stack
        .functions
        .iter()
        .map(|(id, function)| {
            let told = json!({ "name": function.name, "env": function.env, "timeout": function.timeout_secs, "memory": function.memory_mb, "role": function.role });
            (id, told)
        })
        .collect();
    let machines: BTreeMap<_, _> = stack
        .state_machines
        .iter()
        .map(|(id, machine)| (id, json!({ "name": machine.name, "role": machine.role, "definition": machine.definition })))
        .collect();
    let tables: BTreeMap<_, _> = stack
        .tables
        .iter()
        .map(|(id, table)| (id, &table.properties))
        .collect();
    let topics: BTreeMap<_, _> = stack
        .topics
        .iter()
        .map(|(id, topic)| (id, &topic.name))
        .collect();
    let rules: BTreeMap<_, _> = stack
        .rules
        .iter()
        .map(|(id, rule)| {
            let trigger = match &rule.trigger {
                Trigger::Pattern(pattern) => json!({ "pattern": pattern }),
                Trigger::Schedule(schedule) => json!({ "schedule": schedule }),
            };
            let targets: BTreeMap<_, _> = rule
                .targets
                .iter()
                .map(|target| (&target.id, &target.arn))
                .collect();
            (
                id,
                json!({ "trigger": trigger, "enabled": rule.enabled, "targets": targets }),
            )
        })
        .collect();
    let alarms: Vec<_> = stack
        .alarms
        .keys()
        .chain(stack.composite_alarms.keys())
        .collect();
    json!({ "parameters": stack.parameters, "functions": functions, "stateMachines": machines, "tables": tables, "topics": topics, "rules": rules, "alarms": alarms, "others": stack.passive.keys().collect::<Vec<_>>() })
}

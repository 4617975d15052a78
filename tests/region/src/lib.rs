//! The region: every service, wired from `infra/template.yaml`.
//!
//! Functions, their variables, the state machine and its substitutions, tables, topics and rules come from the template; a mistake in it fails every rehearsal. Written here
//! by hand is only which Rust type is the code of which package, because a Lambda's binary cannot be linked by name.
//!
//! Invariant: one seed, one run. Requests pass one router, where faults strike and who called is known.

mod hosting;
pub mod integrations;
pub mod mail;
mod narrator;
pub mod observer;
mod own_metrics;
mod route;
mod trail;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use futures::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::{EnvFilter, layer::SubscriberExt as _};

use crate::{
    integrations::{Integrations, Origin},
    observer::{Observer, Watchers},
};
use asl as states;
use asl::{ExecutionView, StepFunctions, TaskCall, TaskFailure};
use emulated_aws::{
    cloudwatch::{self, CloudWatch, MetricSettings},
    connector::{Connector, Router},
    dynamodb::DynamoDb,
    events::EventBus,
    faults::{Faults, Rule},
    lambda::{LambdaHost, LogWriter, Processes},
    permissions::Permissions,
    sns::Sns,
    sqs::Sqs,
    template::{Stack, TemplateError, Trigger},
};
use emulated_flink::{
    flink::{Codebook, NotPlaced, real::RealFlink},
    managed_flink::{ManagedFlink, Settings},
};
use ground::{
    clock::Clock,
    journal::{Actor, Journal},
    place::{ACCOUNT, REGION},
    protocol, wire,
};
use hosting::Hosting;
use own_metrics::{OwnMetrics, assume_sweeps};
use route::{Applications, route};
use trail::Recorder;
pub use trail::{CLOUDFORMATION, StackEvent, Trail};

/// When every region opens: somebody is asleep.
pub const OPENED: &str = "2026-03-04T02:47:00Z";
/// The packages whose code is linked in.
pub const PACKAGES: [&str; 8] = [
    "alarm-handler",
    "alarm-keeper",
    "subtask-verifier",
    "remediation-planner",
    "rollback",
    "force-stop-and-restore",
    "snapshot-keeper",
    "sweeper",
];
/// The state machine that rescues.
pub const REMEDIATE: &str = "Remediate";
/// The state machine that checks snapshots.
pub const SNAPSHOT_CHECK: &str = "SnapshotCheck";

/// What makes a region.
#[derive(Clone, Debug, Default)]
pub struct Blueprint {
    /// Of everything random.
    pub seed: u64,
    /// Parameters of the stack.
    pub parameters: BTreeMap<String, String>,
    /// Another template than this repository's: for mistakes in it that somebody should notice.
    pub template: Option<PathBuf>,
    /// Names that a deployment elsewhere gave to resources, by logical id.
    pub names: BTreeMap<String, String>,
    /// What code does.
    pub codebook: Codebook,
    /// How Managed Flink behaves.
    pub settings: Settings,
    /// How metrics come to CloudWatch.
    pub metrics: MetricSettings,
    /// What goes wrong in the plumbing.
    pub faults: Vec<Rule>,
    /// What CloudTrail is like.
    pub trail: Trail,
    /// Over real Flink clusters, in a region whose clock runs so many times as fast as this machine's; None for simulated ones.
    pub real_flink: Option<f64>,
    /// Variables of every function beyond the template's: only for a region that is served on loopback, whose dashboards are not at AWS.
    pub more_variables: BTreeMap<String, String>,
    /// Variables of single functions that replace the template's, by their package.
    pub own_variables: BTreeMap<String, BTreeMap<String, String>>,
    /// Runs each function in a process of its own; in this process when None.
    pub processes: Option<Processes>,
}

/// Why a region cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum RegionError {
    /// The template.
    #[error("infra/template.yaml cannot be used")]
    Template(#[from] TemplateError),
    /// The port for the functions' processes.
    #[error("no port on loopback can be had for the functions' processes")]
    Port(#[from] std::io::Error),
    /// A real cluster.
    #[error(transparent)]
    Cluster(#[from] NotPlaced),
    /// The alarms of the applications.
    #[error("alarm-keeper could not make the alarms: {0}")]
    Alarms(String),
    /// A part of the stack that a service refuses.
    #[error("{resource} of infra/template.yaml was refused: {why}")]
    Refused {
        /// Its logical id.
        resource: String,
        /// What the service said.
        why: String,
    },
}

/// The region. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct Region(Arc<Parts>);

struct Parts {
    clock: Clock,
    opened: Timestamp,
    journal: Journal,
    router: Router,
    faults: Faults,
    flink: ManagedFlink,
    states: StepFunctions,
    cloudwatch: CloudWatch,
    lambda: LambdaHost,
    dynamodb: DynamoDb,
    sns: Sns,
    bus: EventBus,
    watchers: Watchers,
    stack: Stack,
}

/// Holds a region open: when it is dropped the services let go of each other, and the log goes elsewhere again.
pub struct Open {
    region: Region,
    _log: DefaultGuard,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.region.0.router.close();
        self.region.0.lambda.clear();
        self.region.0.cloudwatch.clear_sources();
        self.region.0.watchers.clear();
        self.region.0.flink.close();
    }
}

impl std::ops::Deref for Open {
    type Target = Region;

    fn deref(&self) -> &Region {
        &self.region
    }
}

impl Region {
    /// Opens a region. Needs a tokio runtime of one thread, its clock paused unless time is to be real.
    ///
    /// # Errors
    /// When the template cannot be used.
    pub fn open(blueprint: Blueprint) -> Result<Open, RegionError> {
        Self::open_at(blueprint, OPENED.parse().expect("a date"))
    }

    /// The same at another time of day: budgets are per UTC day.
    ///
    /// # Errors
    /// When the template cannot be used.
    pub fn open_at(blueprint: Blueprint, opened: Timestamp) -> Result<Open, RegionError> {
        // The SDK's jitter and ids come from this generator.
        fastrand::seed(blueprint.seed);
        let clock = Clock::starting_at(opened);
        let journal = Journal::new(clock.clone());
        let mut stack = Stack::load_named(
            &blueprint.template.unwrap_or_else(template_path),
            &blueprint.parameters,
            &blueprint.names,
            &PACKAGES,
        )?;
        for function in stack.functions.values_mut() {
            function.env.extend(blueprint.more_variables.clone());
            function.env.extend(
                blueprint
                    .own_variables
                    .get(&function.package)
                    .cloned()
                    .unwrap_or_default(),
            );
        }
        let (front, back) = (Router::closed(), Router::closed());
        let faults = Faults::planned(blueprint.faults, blueprint.seed);
        let bus = EventBus::new(clock.clone(), journal.clone(), front.clone());
        let permissions = Permissions::of(&stack);
        let sns =
            Sns::new(clock.clone(), journal.clone(), front.clone()).guarded_by(permissions.clone());
        let sqs = Sqs::new(clock.clone(), journal.clone(), permissions);
        let cloudwatch =
            CloudWatch::new(clock.clone(), journal.clone(), bus.clone(), front.clone())
                .with_metrics(blueprint.metrics);
        let dynamodb = DynamoDb::new(clock.clone(), journal.clone());
        let lambda = LambdaHost::new(clock.clone(), journal.clone());
        let settings = Settings {
            region: REGION.to_owned(),
            account: ACCOUNT.to_owned(),
            seed: blueprint.seed,
            ..blueprint.settings
        };
        let flink = match blueprint.real_flink {
            Some(factor) => {
                let clusters =
                    RealFlink::new(clock.clone(), journal.clone(), blueprint.codebook, factor);
                ManagedFlink::over(clock.clone(), journal.clone(), clusters, settings)
            }
            None => ManagedFlink::simulated(
                clock.clone(),
                journal.clone(),
                blueprint.codebook,
                settings,
            ),
        };
        let watchers = Watchers::default();
        let states = step_functions(&clock, &journal, &front, &stack, blueprint.seed, &watchers);

        deploy(
            &stack,
            &Services {
                dynamodb: &dynamodb,
                sns: &sns,
                sqs: &sqs,
                router: &front,
                lambda: &lambda,
                states: &states,
                bus: &bus,
                cloudwatch: &cloudwatch,
            },
            &Hosting {
                connector: Connector::new(front.clone(), clock.clone()),
                processes: blueprint.processes,
            },
        )?;
        narrator::listen(&states, &bus, &journal);
        cloudwatch.add_source(Arc::new(Applications(flink.clone())));
        cloudwatch.add_source(Arc::new(sqs.clone()));
        cloudwatch.add_source(Arc::new(OwnMetrics::of(&journal)));
        assume_sweeps(&stack, &cloudwatch);
        tokio::spawn(cloudwatch.clone().run());

        let trail = Recorder::new(blueprint.trail, bus.clone(), clock.clone(), blueprint.seed);
        let services = (
            flink.clone(),
            states.clone(),
            dynamodb.clone(),
            sns.clone(),
            sqs.clone(),
            bus.clone(),
            cloudwatch.clone(),
            lambda.clone(),
            journal.clone(),
            clock.clone(),
            trail.clone(),
        );
        let watching = watchers.clone();
        back.open(move |request| watching.watched(request, |request| route(&services, request)));
        let (gate, next, at, told) = (faults.clone(), back, clock.clone(), journal.clone());
        front.open(move |request| {
            let (gate, next, at, told) = (gate.clone(), next.clone(), at.clone(), told.clone());
            let trail = trail.clone();
            Box::pin(async move {
                let speaks_cbor = wire::rpc_verb(&request).is_some();
                let of_service = wire::service(&request).as_deref() == Some("kinesisanalytics");
                let asked = of_service.then(|| request.clone());
                let answer = gate.pass(request, &next, &at, &told).await;
                if let Some(asked) = asked {
                    trail.record_denied(&asked, &answer);
                }
                // A fault answers in JSON, whoever asked.
                if speaks_cbor {
                    cloudwatch::in_cbor(answer)
                } else {
                    answer
                }
            })
        });
        let filter = EnvFilter::new("info,aws_smithy_runtime=off,aws_smithy_runtime_api=off");
        let log = tracing_subscriber::registry()
            .with(filter)
            .with(lambda_kit::log_layer(LogWriter::new(journal.clone())));
        let log = tracing::subscriber::set_default(log);
        let opened = clock.now();
        let parts = Parts {
            opened,
            clock,
            journal,
            router: front,
            faults,
            flink,
            states,
            cloudwatch,
            lambda,
            dynamodb,
            sns,
            bus,
            watchers,
            stack,
        };
        Ok(Open {
            region: Self(Arc::new(parts)),
            _log: log,
        })
    }

    /// Its time.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// When it was opened.
    #[must_use]
    pub fn opened(&self) -> Timestamp {
        self.0.opened
    }

    /// Its record.
    #[must_use]
    pub fn journal(&self) -> &Journal {
        &self.0.journal
    }

    /// Where requests go.
    #[must_use]
    pub fn router(&self) -> &Router {
        &self.0.router
    }

    /// What goes wrong in the plumbing.
    #[must_use]
    pub fn faults(&self) -> &Faults {
        &self.0.faults
    }

    /// Managed Flink.
    #[must_use]
    pub fn flink(&self) -> &ManagedFlink {
        &self.0.flink
    }

    /// Step Functions.
    #[must_use]
    pub fn states(&self) -> &StepFunctions {
        &self.0.states
    }

    /// CloudWatch.
    #[must_use]
    pub fn cloudwatch(&self) -> &CloudWatch {
        &self.0.cloudwatch
    }

    /// DynamoDB.
    #[must_use]
    pub fn dynamodb(&self) -> &DynamoDb {
        &self.0.dynamodb
    }

    /// Lambda.
    #[must_use]
    pub fn lambda(&self) -> &LambdaHost {
        &self.0.lambda
    }

    /// SNS.
    #[must_use]
    pub fn sns(&self) -> &Sns {
        &self.0.sns
    }

    /// EventBridge.
    #[must_use]
    pub fn bus(&self) -> &EventBus {
        &self.0.bus
    }

    /// CloudFormation tells of a stack. Of the stacks whose access key is `cloudformation` it tells by itself.
    pub fn tell_of_stack(&self, event: &StackEvent) {
        event.emit(&self.0.bus);
    }

    /// From now on `observer` sees every request that reaches a service, and every task of a state machine, after those that came before it.
    pub fn observe(&self, observer: Arc<dyn Observer>) {
        self.0.watchers.add(observer);
    }

    /// What the template made.
    #[must_use]
    pub fn stack(&self) -> &Stack {
        &self.0.stack
    }

    /// The role of the function whose code is this package.
    #[must_use]
    pub fn role_of(&self, package: &str) -> Option<&str> {
        self.0
            .stack
            .functions
            .values()
            .find(|function| function.package == package)
            .map(|function| function.role.as_str())
    }

    /// Calls the function whose code is this package as a person does, and waits for its answer.
    ///
    /// # Errors
    /// The function's own error, or that there is none.
    pub async fn invoke(&self, package: &str, payload: &Value) -> Result<Value, String> {
        let function = self
            .0
            .stack
            .functions
            .values()
            .find(|function| function.package == package)
            .ok_or("the template has no such function")?;
        let answer = self
            .0
            .router
            .send(protocol::invocation(
                "operator",
                &function.arn,
                "RequestResponse",
                payload,
            ))
            .await;
        let body: Value =
            serde_json::from_slice(answer.body()).map_err(|error| error.to_string())?;
        if answer.status().is_success() && !answer.headers().contains_key("x-amz-function-error") {
            Ok(body)
        } else {
            Err(body.to_string())
        }
    }

    /// Has the alarms of all applications made at once, as a person does after the deployment; the schedule would later.
    ///
    /// # Errors
    /// What alarm-keeper says.
    pub async fn keep_alarms(&self) -> Result<(), RegionError> {
        self.invoke("alarm-keeper", &serde_json::json!({}))
            .await
            .map(drop)
            .map_err(RegionError::Alarms)
    }

    /// Starts the remediation as a person does from the console, and gives the execution's ARN.
    ///
    /// # Errors
    /// What Step Functions says.
    pub fn start_remediation(&self, input: &str) -> Result<String, String> {
        self.start(REMEDIATE, input)
    }

    /// Starts a state machine of the stack, by its logical id, as a person does from the console, and gives the execution's ARN.
    ///
    /// # Errors
    /// What Step Functions says.
    pub fn start(&self, machine: &str, input: &str) -> Result<String, String> {
        self.0
            .states
            .start(self.machine(machine), None, input)
            .map(|(arn, _)| arn)
            .map_err(|error| error.message)
    }

    /// The executions so far of a state machine of the stack, by its logical id.
    #[must_use]
    pub fn executions_of(&self, machine: &str) -> Vec<ExecutionView> {
        let arn = self.machine(machine);
        self.0
            .states
            .executions()
            .into_iter()
            .filter(|execution| execution.state_machine_arn == arn)
            .collect()
    }

    /// The ARN of a state machine of the stack, by its logical id.
    #[must_use]
    pub fn machine(&self, id: &str) -> &str {
        self.0
            .stack
            .state_machines
            .get(id)
            .map_or("", |machine| machine.arn.as_str())
    }

    /// Switches something that jobs depend on off or on, and tells it.
    pub fn set_dependency(&self, name: &str, up: bool) {
        let text = if up {
            format!("the {name} is back")
        } else {
            format!("the {name} is gone")
        };
        self.0.journal.tell(Actor::Operator, None, text);
        self.0.flink.set_dependency(name, up);
    }
}

/// The template of this repository.
fn template_path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../infra/template.yaml")
}

fn step_functions(
    clock: &Clock,
    journal: &Journal,
    front: &Router,
    stack: &Stack,
    seed: u64,
    watchers: &Watchers,
) -> StepFunctions {
    let roles = stack
        .state_machines
        .values()
        .map(|machine| (machine.name.clone(), machine.role.clone()))
        .collect();
    let tasks = Tasks {
        integrations: Integrations::new(front.clone(), roles),
        journal: journal.clone(),
        told: narrator::Told::default(),
        watchers: watchers.clone(),
    };
    StepFunctions::new(clock.clone(), seed, ACCOUNT, REGION, Arc::new(tasks))
}

/// The tasks of state machines: carried out by the integrations, told by the narrator.
struct Tasks {
    integrations: Integrations,
    journal: Journal,
    told: narrator::Told,
    watchers: Watchers,
}

impl states::Integrations for Tasks {
    fn call(&self, task: TaskCall) -> BoxFuture<'static, Result<Value, TaskFailure>> {
        let (integrations, journal, told) = (
            self.integrations.clone(),
            self.journal.clone(),
            self.told.clone(),
        );
        let watchers = self.watchers.clone();
        Box::pin(async move {
            let under_way = watchers.task_begins(&task);
            let origin = Origin {
                execution_arn: task.execution_arn.clone(),
                state_machine_arn: task.state_machine_arn.clone(),
            };
            let result = integrations
                .call(&task.resource, task.arguments.clone(), &origin)
                .await;
            let result = result.map_err(|(error, cause)| TaskFailure { error, cause });
            narrator::task(&journal, &told, &task, &result);
            under_way.ends(&result);
            result
        })
    }
}

/// What the stack is deployed into.
struct Services<'a> {
    dynamodb: &'a DynamoDb,
    sns: &'a Sns,
    sqs: &'a Sqs,
    router: &'a Router,
    lambda: &'a LambdaHost,
    states: &'a StepFunctions,
    bus: &'a EventBus,
    cloudwatch: &'a CloudWatch,
}

fn deploy(stack: &Stack, services: &Services<'_>, hosting: &Hosting) -> Result<(), RegionError> {
    let refused = |resource: &str, why: &dyn std::fmt::Display| RegionError::Refused {
        resource: resource.to_owned(),
        why: why.to_string(),
    };
    for (id, table) in &stack.tables {
        services
            .dynamodb
            .create_table(&table.properties)
            .map_err(|error| refused(id, &error))?;
    }
    for topic in stack.topics.values() {
        services.sns.create_topic(&topic.name);
    }
    let resources = stack.passive.values();
    for queue in resources.filter(|resource| resource.kind == "AWS::SQS::Queue") {
        services.sqs.create_queue(&queue.name);
    }
    for (topic, function) in &stack.subscriptions {
        services.sns.subscribe_function(topic, function);
    }
    for (id, function) in &stack.functions {
        hosting
            .host(services.lambda, function)
            .map_err(|error| refused(id, &error))?;
        if let Some(queue) = &function.dead_letters {
            let (name, role) = (&function.name, &function.role);
            services
                .lambda
                .give_up_to(name, queue, role, services.router);
        }
    }
    for (id, machine) in &stack.state_machines {
        let definition = machine.definition.to_string();
        services
            .states
            .create(
                &machine.name,
                &definition,
                &format!("arn:aws:iam::{ACCOUNT}:role/{}", machine.role),
            )
            .map_err(|error| refused(id, &error))?;
    }
    for (id, alarm) in &stack.alarms {
        services
            .cloudwatch
            .put_alarm(&alarm.properties)
            .map_err(|error| refused(id, &error))?;
    }
    for (id, alarm) in &stack.composite_alarms {
        services
            .cloudwatch
            .put_composite(&alarm.properties)
            .map_err(|error| refused(id, &error))?;
    }
    for (id, rule) in stack.rules.iter().filter(|(_, rule)| rule.enabled) {
        let added = match &rule.trigger {
            Trigger::Pattern(pattern) => {
                services
                    .bus
                    .add_rule(&rule.name, pattern, rule.targets.clone())
            }
            Trigger::Schedule(schedule) => {
                services
                    .bus
                    .add_schedule(&rule.name, schedule, rule.targets.clone())
            }
        };
        added.map_err(|error| refused(id, &error))?;
    }
    Ok(())
}

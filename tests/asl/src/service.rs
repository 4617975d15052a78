//! The service: state machines, their executions, and what tests ask of them. The wire side is in `api.rs`.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{
    Integrations, TaskFailure,
    definition::{Definition, DefinitionError},
    errors::{PAYLOAD_LIMIT_BYTES, Trouble},
    execution::{End, Entry, Execution, ExecutionEvent, ExecutionView, Machine},
    expression::EvaluationHook,
    functions,
    run::{EntryHook, Run, World},
    tokens::Tokens,
};
use ground::{clock::Clock, remembered::Remembered};

/// Definitions as they were read, by their text.
static DEFINITIONS: Remembered<Definition> = Remembered::new();
/// How long a closed execution's name stays taken.
const NAME_KEPT: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How long after its end an execution can be redriven.
const REDRIVABLE: SignedDuration = SignedDuration::from_hours(14 * 24);
/// AWS's bound on the names of state machines and executions.
const NAME_MAX_CHARS: usize = 80;

/// Step Functions. Cheap to clone; all clones are the same service.
#[derive(Clone)]
pub struct StepFunctions {
    pub(super) world: Arc<World>,
    state: Arc<Mutex<State>>,
}

struct State {
    rng: fastrand::Rng,
    /// By ARN.
    machines: BTreeMap<String, Arc<Machine>>,
    /// In the order of their start.
    executions: Vec<Arc<Execution>>,
}

/// Why a state machine was not created.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateError {
    /// AWS would not take the name.
    #[error("the name {0:?} is invalid")]
    InvalidName(String),
    /// The definition is not a state machine.
    #[error("Invalid State Machine Definition: {0}")]
    InvalidDefinition(#[from] DefinitionError),
    /// The name is taken by another definition or role.
    #[error("State Machine Already Exists: {0}")]
    AlreadyExists(String),
}

/// An API error: its code as the model spells it, and a message.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct ApiError {
    /// `ExecutionAlreadyExists` for example.
    pub code: &'static str,
    /// For people.
    pub message: String,
}

impl ApiError {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
        }
    }
}

impl StepFunctions {
    /// A service without state machines. Everything random in it comes from `rng_seed`.
    pub fn new(
        clock: Clock,
        rng_seed: u64,
        account: &str,
        region: &str,
        integrations: Arc<dyn Integrations>,
    ) -> Self {
        let world = World {
            clock,
            account: account.to_owned(),
            region: region.to_owned(),
            integrations,
            tokens: Tokens::default(),
            hook: Mutex::default(),
            entry_hook: Mutex::default(),
            evaluation_hook: Mutex::default(),
        };
        let state = State {
            rng: fastrand::Rng::with_seed(rng_seed),
            machines: BTreeMap::new(),
            executions: Vec::new(),
        };
        Self {
            world: Arc::new(world),
            state: Arc::new(Mutex::new(state)),
        }
    }

    /// Listens to every change of an execution's status, its start included. One listener; a second replaces the first.
    pub fn on_status_change(&self, hook: Arc<dyn Fn(ExecutionEvent) + Send + Sync>) {
        *self
            .world
            .hook
            .lock()
            .expect("no thread panics while it holds the listener") = Some(hook);
    }

    /// Listens to every state that an execution enters, by the execution's ARN and the state's name: it may stop the execution there. One listener; a second replaces the first.
    pub fn on_state_entered(&self, hook: EntryHook) {
        *self
            .world
            .entry_hook
            .lock()
            .expect("no thread panics while it holds the listener") = Some(hook);
    }

    /// Listens to every evaluation of a JSONata expression. One listener; a second replaces the first.
    pub fn on_evaluation(&self, hook: EvaluationHook) {
        *self
            .world
            .evaluation_hook
            .lock()
            .expect("no thread panics while it holds the listener") = Some(hook);
    }

    /// Creates a state machine from a definition without `${…}` and gives its ARN. Creating the same again changes nothing.
    ///
    /// # Errors
    /// When the name or the definition is invalid, or the name is taken by something else.
    pub fn create(&self, name: &str, definition: &str, role: &str) -> Result<String, CreateError> {
        if !is_name(name) {
            return Err(CreateError::InvalidName(name.to_owned()));
        }
        let arn = self.arn("stateMachine", name);
        let mut state = self.state();
        if let Some(machine) = state.machines.get(&arn) {
            let same = machine.text == definition && machine.role == role;
            return if same {
                Ok(arn)
            } else {
                Err(CreateError::AlreadyExists(arn))
            };
        }
        let machine = Machine {
            arn: arn.clone(),
            name: name.to_owned(),
            role: role.to_owned(),
            text: definition.to_owned(),
            definition: DEFINITIONS.of(definition, || Definition::parse(definition))?,
            created: self.world.clock.now(),
        };
        state.machines.insert(arn.clone(), Arc::new(machine));
        Ok(arn)
    }

    /// Starts an execution and gives its ARN and start. Needs a tokio runtime.
    ///
    /// # Errors
    /// As StartExecution.
    pub fn start(
        &self,
        state_machine_arn: &str,
        name: Option<&str>,
        input: &str,
    ) -> Result<(String, Timestamp), ApiError> {
        let machine = self.machine(state_machine_arn)?;
        if name.is_some_and(|name| !is_name(name)) {
            return Err(ApiError::new(
                "InvalidName",
                format!("Invalid Name: '{}'", name.unwrap_or_default()),
            ));
        }
        if input.len() > PAYLOAD_LIMIT_BYTES {
            return Err(ApiError::new(
                "InvalidExecutionInput",
                format!("Invalid State Machine Execution Input: over {PAYLOAD_LIMIT_BYTES} bytes"),
            ));
        }
        let value: Value = serde_json::from_str(input).map_err(|error| {
            ApiError::new(
                "InvalidExecutionInput",
                format!("Invalid State Machine Execution Input: not JSON: {error}"),
            )
        })?;
        let now = self.world.clock.now();
        let mut state = self.state();
        let name = name.map_or_else(|| functions::uuid(&mut state.rng), str::to_owned);
        let arn = self.arn("execution", &format!("{}:{name}", machine.name));
        if let Some(index) = state
            .executions
            .iter()
            .position(|execution| execution.arn == arn)
        {
            let (before, view) = (&state.executions[index], state.executions[index].view());
            match view.stopped {
                None if before.input_text == input => return Ok((arn, view.started)),
                Some(stopped) if now.duration_since(stopped) > NAME_KEPT => {
                    drop(state.executions.remove(index))
                }
                _ => {
                    return Err(ApiError::new(
                        "ExecutionAlreadyExists",
                        format!("Execution Already Exists: '{arn}'"),
                    ));
                }
            }
        }
        let rng = state.rng.fork();
        let execution = Arc::new(Execution::start(
            machine,
            arn.clone(),
            name,
            (input.to_owned(), value),
            now,
            rng,
        ));
        state.executions.push(Arc::clone(&execution));
        drop(state);
        self.run(&execution, Entry::default());
        Ok((arn, now))
    }

    fn run(&self, execution: &Arc<Execution>, entry: Entry) {
        let run = Run {
            world: Arc::clone(&self.world),
            execution: Arc::clone(execution),
        };
        // The region has one thread: the run begins after this, so the listener hears of the start first, and may stop it at once.
        execution.runs_as(tokio::spawn(run.finish(entry)).abort_handle());
        self.world.announce(execution);
    }

    /// Lets an execution that ended without success go on at the state where it ended, with its old variables. Gives the time.
    ///
    /// # Errors
    /// When there is no such execution, or it cannot be redriven.
    pub fn redrive(&self, arn: &str) -> Result<Timestamp, ApiError> {
        let execution = self.execution(arn)?;
        let now = self.world.clock.now();
        let stopped = execution.view().stopped;
        let entry = stopped
            .filter(|stopped| now.duration_since(*stopped) <= REDRIVABLE)
            .and_then(|_| execution.redrive(now))
            .ok_or_else(|| {
                ApiError::new(
                    "ExecutionNotRedrivable",
                    format!("Execution is not redrivable: '{arn}'"),
                )
            })?;
        self.run(&execution, entry);
        Ok(now)
    }

    /// Records an execution that another engine runs, which gave it its ARN. One that is recorded already stays as it is.
    ///
    /// # Errors
    /// When there is no such state machine, or the input is not JSON.
    pub fn adopt(&self, state_machine_arn: &str, arn: &str, input: &str) -> Result<(), ApiError> {
        let machine = self.machine(state_machine_arn)?;
        let value = serde_json::from_str(input)
            .map_err(|error| ApiError::new("InvalidExecutionInput", error.to_string()))?;
        let mut state = self.state();
        if state
            .executions
            .iter()
            .any(|execution| execution.arn == arn)
        {
            return Ok(());
        }
        // As at a start of its own, so that the names drawn later are the same.
        let (name, rng) = (ground::place::name_of(arn).to_owned(), state.rng.fork());
        let execution = Arc::new(Execution::start(
            machine,
            arn.to_owned(),
            name,
            (input.to_owned(), value),
            self.world.clock.now(),
            rng,
        ));
        state.executions.push(Arc::clone(&execution));
        drop(state);
        self.world.announce(&execution);
        Ok(())
    }

    /// Records the end of an execution that another engine ran: its output, or the error and its cause.
    ///
    /// # Errors
    /// When there is no such execution.
    pub fn ended_elsewhere(
        &self,
        arn: &str,
        result: Result<Value, TaskFailure>,
    ) -> Result<(), ApiError> {
        let execution = self.execution(arn)?;
        let end = match result {
            Ok(output) => End::Succeeded(output),
            Err(failure) => End::Failed(Trouble {
                error: failure.error,
                cause: Some(failure.cause),
            }),
        };
        self.world.close(&execution, end, execution.events());
        Ok(())
    }

    /// A name for an execution whose starter gave none, from this service's seed.
    pub fn draw_name(&self) -> String {
        functions::uuid(&mut self.state().rng)
    }

    /// A number from nothing to one, as the execution of this ARN would have drawn it.
    ///
    /// # Errors
    /// When there is no such execution.
    pub fn draw(&self, arn: &str) -> Result<f64, ApiError> {
        Ok(self.execution(arn)?.rng().f64())
    }

    /// Stops an execution where it stands, and drops the task call under way. Gives the time of its end; one that has ended stays as it is.
    ///
    /// # Errors
    /// When there is no such execution.
    pub fn stop(
        &self,
        arn: &str,
        error: Option<&str>,
        cause: Option<&str>,
    ) -> Result<Timestamp, ApiError> {
        let execution = self.execution(arn)?;
        let trouble = Trouble {
            error: error.unwrap_or_default().to_owned(),
            cause: cause.map(str::to_owned),
        };
        self.world
            .close(&execution, End::Aborted(trouble), execution.events());
        Ok(execution
            .view()
            .stopped
            .unwrap_or_else(|| self.world.clock.now()))
    }

    /// Lets an execution fail where it stands, as on an error that nothing catches. No API does this; tests do. One that has ended stays as it is.
    ///
    /// # Errors
    /// When there is no such execution.
    pub fn fail(&self, arn: &str, error: &str, cause: &str) -> Result<(), ApiError> {
        let execution = self.execution(arn)?;
        execution.drop_run();
        execution.fails_from_outside();
        self.world.close(
            &execution,
            End::Failed(Trouble::new(error, cause)),
            execution.events(),
        );
        Ok(())
    }

    /// Every execution so far, in the order of their start.
    pub fn executions(&self) -> Vec<ExecutionView> {
        self.state()
            .executions
            .iter()
            .map(|execution| execution.view())
            .collect()
    }

    /// An execution's events as GetExecutionHistory tells them; none when there is no such execution.
    pub fn history(&self, arn: &str) -> Vec<Value> {
        self.execution(arn)
            .map(|execution| execution.history())
            .unwrap_or_default()
    }

    /// The first event of an execution's history of which `find` makes something, and that.
    pub fn find_in_history<T>(
        &self,
        arn: &str,
        find: impl FnMut(&Value) -> Option<T>,
    ) -> Option<T> {
        self.execution(arn).ok()?.find_in_history(find)
    }

    /// Waits for an execution's end.
    ///
    /// # Panics
    /// When there is no such execution: a test's mistake.
    pub async fn finished(&self, arn: &str) -> ExecutionView {
        let execution = self.execution(arn).expect("the execution was started");
        execution.finished().await
    }

    /// One execution; None when there is none of this ARN.
    pub fn view(&self, arn: &str) -> Option<ExecutionView> {
        self.execution(arn).ok().map(|execution| execution.view())
    }

    /// How many executions are under way.
    pub fn running(&self) -> usize {
        self.state()
            .executions
            .iter()
            .filter(|execution| execution.is_running())
            .count()
    }

    /// How many executions of one state machine are under way.
    pub fn running_of(&self, state_machine_arn: &str) -> usize {
        let of_it = |execution: &&Arc<Execution>| {
            execution.machine.arn == state_machine_arn && execution.is_running()
        };
        self.state().executions.iter().filter(of_it).count()
    }

    pub(super) fn machine(&self, arn: &str) -> Result<Arc<Machine>, ApiError> {
        let missing = || {
            ApiError::new(
                "StateMachineDoesNotExist",
                format!("State Machine Does Not Exist: '{arn}'"),
            )
        };
        self.state().machines.get(arn).cloned().ok_or_else(missing)
    }

    pub(super) fn machines(&self) -> Vec<Arc<Machine>> {
        self.state().machines.values().cloned().collect()
    }

    pub(super) fn execution(&self, arn: &str) -> Result<Arc<Execution>, ApiError> {
        let missing = || {
            ApiError::new(
                "ExecutionDoesNotExist",
                format!("Execution Does Not Exist: '{arn}'"),
            )
        };
        self.state()
            .executions
            .iter()
            .find(|execution| execution.arn == arn)
            .cloned()
            .ok_or_else(missing)
    }

    fn arn(&self, kind: &str, rest: &str) -> String {
        format!(
            "arn:aws:states:{}:{}:{kind}:{rest}",
            self.world.region, self.world.account
        )
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no thread panics while it holds the service")
    }
}

/// AWS's rule for names of state machines and executions.
fn is_name(name: &str) -> bool {
    let refused = |char: char| {
        char.is_whitespace() || char.is_control() || "<>{}[]?*\"#%\\^|~`$&,;:/".contains(char)
    };
    (1..=NAME_MAX_CHARS).contains(&name.chars().count()) && !name.contains(refused)
}

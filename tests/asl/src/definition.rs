//! A state machine as its document defines it, in types.
//!
//! The document is read strictly: JSONata only, no field that is not understood, nothing dangling, nothing unreachable. What AWS would take and this
//! interpreter does not know (JSONPath, distributed maps, credentials …) is refused with its place and name.

use std::collections::BTreeMap;

use super::{check, json::UniqueKeys, read, retry::Retrier, template::Template};

/// Why a document is not a state machine.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct DefinitionError(pub(super) String);

/// A state machine.
#[derive(Debug)]
pub struct Definition {
    /// What the document says about the whole.
    pub comment: Option<String>,
    /// An execution that runs longer is TIMED_OUT.
    pub(super) timeout_seconds: Option<u64>,
    pub(super) flow: Flow,
}

impl Definition {
    /// Reads and checks a document whose `${…}` are already filled (see [`super::substitute`]).
    ///
    /// # Errors
    /// With the place and the reason, when the document is not a state machine that this interpreter runs as AWS would.
    pub fn parse(text: &str) -> Result<Self, DefinitionError> {
        let UniqueKeys(document) = serde_json::from_str(text)
            .map_err(|error| DefinitionError(format!("the definition is not JSON: {error}")))?;
        let definition = read::definition(document).map_err(DefinitionError)?;
        check::check(&definition).map_err(DefinitionError)?;
        Ok(definition)
    }
}

/// States that follow each other: a whole machine, a branch of a Parallel, the processor of a Map.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) start_at: String,
    pub(super) states: BTreeMap<String, State>,
}

/// One state.
#[derive(Debug)]
pub(super) struct State {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Variables and output. A Choice has none of its own, only its rules have.
    pub(super) leave: Leave,
}

/// What a way out of a state sets and hands on.
#[derive(Debug, Default)]
pub(super) struct Leave {
    /// Variables, an object of templates.
    pub(super) assign: Option<Template>,
    pub(super) output: Option<Template>,
}

/// Where a state leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Next {
    State(String),
    End,
}

impl Next {
    /// The next state's name; none at the end of the flow.
    pub(super) fn target(&self) -> Option<&str> {
        match self {
            Self::State(name) => Some(name),
            Self::End => None,
        }
    }
}

/// What a state does.
#[derive(Debug)]
pub(super) enum Kind {
    Pass {
        next: Next,
    },
    Task(Box<Task>),
    Choice {
        rules: Vec<Rule>,
        default: Option<String>,
    },
    Wait {
        until: Until,
        next: Next,
    },
    Succeed,
    Fail {
        error: Option<Template>,
        cause: Option<Template>,
    },
    Parallel(Box<Parallel>),
    Map(Box<MapState>),
}

impl Kind {
    /// As the history's event types spell it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Pass { .. } => "Pass",
            Self::Task(_) => "Task",
            Self::Choice { .. } => "Choice",
            Self::Wait { .. } => "Wait",
            Self::Succeed => "Succeed",
            Self::Fail { .. } => "Fail",
            Self::Parallel(_) => "Parallel",
            Self::Map(_) => "Map",
        }
    }

    /// Retry, Catch and Next of the kinds that can fail and be caught.
    pub(super) fn handlers(&self) -> Option<&Handlers> {
        match self {
            Self::Task(task) => Some(&task.handlers),
            Self::Parallel(parallel) => Some(&parallel.handlers),
            Self::Map(map) => Some(&map.handlers),
            _ => None,
        }
    }
}

/// What happens after a state that can fail.
#[derive(Debug)]
pub(super) struct Handlers {
    pub(super) retry: Vec<Retrier>,
    pub(super) catch: Vec<Catcher>,
    pub(super) next: Next,
}

/// One entry of Catch.
#[derive(Debug)]
pub(super) struct Catcher {
    pub(super) error_equals: Vec<String>,
    pub(super) next: String,
    pub(super) leave: Leave,
}

/// A call of an integration.
#[derive(Debug)]
pub(super) struct Task {
    pub(super) resource: Resource,
    pub(super) arguments: Option<Template>,
    pub(super) timeout_seconds: Option<Template>,
    pub(super) heartbeat_seconds: Option<Template>,
    pub(super) handlers: Handlers,
}

/// A task's Resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Resource {
    /// As the document has it.
    pub(super) arn: String,
    /// `aws-sdk:dynamodb`, as the history tells it.
    pub(super) service: String,
    /// `putItem`, `invoke.waitForTaskToken`.
    pub(super) action: String,
    /// Whether the task ends by its token.
    pub(super) waits_for_token: bool,
}

/// One rule of a Choice.
#[derive(Debug)]
pub(super) struct Rule {
    pub(super) condition: Template,
    pub(super) next: String,
    pub(super) leave: Leave,
}

/// What a Wait waits for.
#[derive(Debug)]
pub(super) enum Until {
    Seconds(Template),
    Timestamp(Template),
}

/// Branches side by side.
#[derive(Debug)]
pub(super) struct Parallel {
    pub(super) arguments: Option<Template>,
    pub(super) branches: Vec<Flow>,
    pub(super) handlers: Handlers,
}

/// One flow for each item, inline.
#[derive(Debug)]
pub(super) struct MapState {
    pub(super) items: Option<Template>,
    pub(super) item_selector: Option<Template>,
    pub(super) max_concurrency: Option<Template>,
    pub(super) processor: Flow,
    pub(super) handlers: Handlers,
}

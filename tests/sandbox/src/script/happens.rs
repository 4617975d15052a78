//! What happens, as it is written.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Fault, Injected, KeyUsers, RollbackRestores, Span, Stage, Through, is_default};

/// Something that happens: when, to which application, what. Without `do` it is only waited for.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// When; at once after the step before when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub when: Option<When>,
    /// To which application; the one that the scenario is about when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub application: Option<String>,
    /// What.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    pub what: Option<Do>,
}

/// When something happens. `then` and `once` come in their order, the others beside them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum When {
    /// So long after the step before.
    Then(Span),
    /// Once something is so, or has not become so in time.
    Once(Once),
    /// So long after everything began.
    At(Span),
    /// When an execution of Lifeguard enters a state.
    State(Entered),
    /// When a task of Lifeguard begins or ends: the worst moments.
    Task(Tried),
}

/// Something that is waited for: exactly one of `status`, `reported` and `checked`. It is looked for once a second.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Once {
    /// The application has this status.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Lifeguard was started, and all its executions have ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reported: Option<Reported>,
    /// So many snapshot checks have ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub checked: Option<usize>,
    /// At most so long; 5 h when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub within: Option<Span>,
}

/// Which of Lifeguard's executions are waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Reported {
    /// All that there are, one at least.
    All,
    /// At least one that was not there when such a step ended before.
    Again,
}

/// A state that an execution enters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Entered {
    /// Its name: `RollBack`.
    pub name: String,
    /// The n-th time that an execution for this application enters it, counted from 1; the first when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nth: Option<u32>,
    /// And so many times from then on; once when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// So much later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub later: Option<Span>,
}

/// A try of a task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Tried {
    /// The state: `RollBack`.
    pub state: String,
    /// The n-th try for this application, counted from 1; the first when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nth: Option<u32>,
    /// When it begins, or once it has ended.
    #[serde(skip_serializing_if = "is_default")]
    pub moment: Moment,
}

/// A moment of a task.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
pub enum Moment {
    /// It begins.
    #[default]
    Begins,
    /// It has ended.
    Ends,
}

/// What happens.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Do {
    /// Somebody updates the application: other code, another runtime, other properties.
    Deploy {
        /// The S3 key of the code; the same code when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        code: Option<String>,
        /// The runtime; the same when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        runtime: Option<String>,
        /// All environment properties, by group; the same when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        properties: Option<Map<String, Value>>,
        /// By what.
        #[serde(default, skip_serializing_if = "is_default")]
        through: Through,
    },
    /// Somebody overwrites an object in S3: whoever names its key from now on gets this code. What was deployed from it before stays as it is.
    Overwrite {
        /// The S3 key.
        key: String,
        /// The code that lies there from now on.
        code: String,
    },
    /// Somebody switches it to enhanced snapshots, which only a rollback can undo.
    SwitchSnapshots,
    /// Somebody updates it in any other way.
    Configure {
        /// Members of an `ApplicationConfigurationUpdate`, as the API spells them.
        update: Map<String, Value>,
    },
    /// From now on these may use a customer managed key.
    Key {
        /// Its id, as configurations name it.
        id: String,
        /// Who.
        users: KeyUsers,
    },
    /// Somebody stops it.
    Stop {
        /// By force: without a snapshot.
        #[serde(default, skip_serializing_if = "is_default")]
        force: bool,
    },
    /// Somebody starts it.
    Start {
        /// From what; as the service does by itself when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<StartFrom>,
    },
    /// Somebody rolls it back by hand.
    Rollback,
    /// Somebody, an old cron job say, takes a snapshot.
    TakeSnapshot {
        /// Its name.
        name: String,
    },
    /// A snapshot of this very moment is there, whatever the job's health.
    PlaceSnapshot {
        /// Its name.
        name: String,
    },
    /// A careless hand deletes all snapshots.
    DeleteSnapshots,
    /// Somebody deletes one that can be deleted.
    DeleteSnapshot(WhichSnapshot),
    /// Somebody sets a tag.
    Tag {
        /// Its key.
        key: String,
        /// Its value.
        value: String,
    },
    /// Somebody removes a tag.
    Untag {
        /// Its key.
        key: String,
    },
    /// Something outside goes away or comes back.
    Dependency {
        /// Its name.
        name: String,
        /// Whether it is there from now on.
        up: bool,
    },
    /// A machine, a TaskManager, is lost.
    LoseMachine,
    /// The JobManager is lost: the REST API is gone for some seconds, then the job begins a new life from its last checkpoint.
    LoseJobManager,
    /// Every failover region of its job fails once, one after the other.
    FailRegions {
        /// From one region's failure to the next.
        apart: Span,
        /// What each throws.
        fault: Fault,
    },
    /// Somebody asks the adaptive scheduler for another parallelism.
    Rescale {
        /// Of every vertex.
        parallelism: u32,
    },
    /// The adaptive scheduler loses a machine, and its slots come back only so much later.
    LoseSlots {
        /// From the restart to the slots.
        lasting: Span,
    },
    /// The service patches the application.
    Maintenance,
    /// The service scales it.
    Autoscale {
        /// To this parallelism.
        parallelism: u32,
    },
    /// The next time it gets to this stage, an operation never ends.
    Stuck(Stage),
    /// Stages take so many times as long from now on.
    Slow(BTreeMap<Stage, u32>),
    /// The service refuses rollbacks from now on.
    RefuseRollback,
    /// The next snapshots fail.
    FailSnapshots {
        /// So many.
        count: u32,
    },
    /// From now on a rollback of this application restores this snapshot.
    RollbackRestores(RollbackRestores),
    /// Somebody starts Lifeguard by hand.
    Ask {
        /// The whole input; when absent the application's name and `request`. Texts `{now}` and `{label}` are filled in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        input: Option<Value>,
        /// What is asked for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        request: Option<Value>,
        /// A label for the execution.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
    },
    /// Somebody starts the snapshot check by hand.
    AskForSnapshots {
        /// The whole input; the application's name when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        input: Option<Value>,
    },
    /// Somebody throws the stop switch.
    ThrowStopSwitch {
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// Somebody lifts it.
    LiftStopSwitch,
    /// The lease of an execution that died a long time ago is there.
    LeaveLease {
        /// What it had written down. Texts `{now}` are filled in.
        progress: Value,
    },
    /// Executions of Lifeguard end: the one that this step waited for, or a labelled one, or else all for this application.
    EndExecution {
        /// How.
        end: ExecutionEnd,
        /// Which: the label of `ask`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        label: Option<String>,
        /// From now on nobody hears of executions that end, nor of alarms.
        #[serde(default, skip_serializing_if = "is_default")]
        unheard: bool,
    },
    /// CloudFormation tells of a stack that has this application in it. A deployment through a stack is told of without this.
    TellOfStack {
        /// The new status: `UPDATE_ROLLBACK_IN_PROGRESS`.
        status: String,
        /// It is the application's, as a resource of the stack, not the stack's own.
        #[serde(default, skip_serializing_if = "is_default")]
        of_resource: bool,
        /// Why, where CloudFormation says so.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        reason: String,
    },
    /// The last event of an alarm of this application is delivered again.
    DeliverAlarmAgain,
    /// From now on something goes wrong in the infrastructure.
    Inject(Injected),
}

/// From what somebody starts an application.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum StartFrom {
    /// Its latest snapshot.
    LatestSnapshot,
    /// Nothing: its state is lost.
    Nothing,
}

/// Which of the snapshots.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum WhichSnapshot {
    /// The newest.
    Newest,
    /// The oldest.
    Oldest,
}

/// How an execution ends before it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum ExecutionEnd {
    /// A person stops it.
    Stopped,
    /// It fails on an error that nothing catches.
    Failed,
}

impl When {
    /// Whether it happens beside the steps that come in order.
    #[must_use]
    pub fn is_beside(&self) -> bool {
        matches!(self, Self::At(_) | Self::State(_) | Self::Task(_))
    }
}

//! What a turn decides: the next action, complete, with its reason. A plan leaves no choice to the one who carries it out, and carries the version it was made from.

use serde::{Deserialize, Serialize};

use crate::{ApplicationStatus, Progress, Severity, Snapshot};

/// The next action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "action",
    rename_all = "camelCase",
    rename_all_fields = "camelCase"
)]
pub enum Action {
    /// Look again later.
    Wait {
        /// Seconds until then.
        secs: u32,
    },
    /// `RollbackApplication`.
    Rollback {
        /// What exactly.
        plan: Plan,
    },
    /// `StopApplication` with `Force`.
    ForceStop {
        /// What exactly.
        plan: Plan,
    },
    /// `UpdateApplication` to an earlier version's configuration.
    RestoreConfiguration {
        /// What exactly.
        plan: Plan,
    },
    /// `StartApplication`.
    Start {
        /// What exactly.
        plan: Plan,
    },
    /// Done: something was changed, and the application has soaked healthy since.
    Recovered,
    /// Done: nothing was to be done.
    LeaveAlone,
    /// Done: a person is needed.
    Escalate,
}

/// A step to carry out.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// The version it was decided on: the fence.
    pub version_id: u64,
    /// The status it was decided on, the other half of the fence: a busy application is touched only where just that was decided on. (What the service does of its own accord,
    /// scaling say, makes no new version.)
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<ApplicationStatus>,
    /// The version whose configuration is put back.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_version_id: Option<u64>,
    /// What to start from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restore: Option<Restore>,
    /// `AllowNonRestoredState`, only on a person's word; carried over when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_non_restored_state: Option<bool>,
    /// Why, for people.
    pub reason: String,
}

/// What to start from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
pub enum Restore {
    /// That snapshot.
    Snapshot {
        /// Its name.
        snapshot_name: String,
        /// Its ARN, of an enhanced one: by that it is restored, and not by its name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        snapshot_arn: Option<String>,
    },
    /// Without state.
    WithoutState {
        /// Always true: it has to be said.
        without_state: bool,
    },
}

impl From<&Snapshot> for Restore {
    fn from(snapshot: &Snapshot) -> Self {
        Self::Snapshot {
            snapshot_name: snapshot.name.clone(),
            snapshot_arn: snapshot.enhanced.as_ref().map(|one| one.arn.clone()),
        }
    }
}

/// Why a turn decided as it did: a closed set, for metrics and tests. The sentence beside it is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Reason {
    /// Not a Flink application: SQL or Studio.
    NotFlink,
    /// Not opted in.
    NotOptedIn,
    /// It belongs to another stack.
    OtherStack,
    /// The tags could not be read, or one does not parse.
    PolicyUnclear,
    /// The mode is observe.
    ObserveOnly,
    /// The request contradicts itself or cannot be met.
    RequestRefused,
    /// The ledger could not be read.
    LedgerUnreadable,
    /// A reading that decides is refused, and waiting does not cure that.
    ReadingRefused,
    /// Today's rescues are used up.
    BudgetSpent,
    /// It was undone twice within a day, and was applied once more: whoever applies it has to be stopped.
    AppliedAgain,
    /// Somebody is at work.
    Busy,
    /// Being deleted.
    Deleting,
    /// An operation takes longer than its time-out and nothing may be done about it.
    OperationStuck,
    /// Coming up.
    Settling,
    /// Came up for too long.
    SettlingTooLong,
    /// Loops, but too few restarts to act on.
    TooFewRestarts,
    /// Healthy, and nothing was done.
    Healthy,
    /// Healthy again by itself after a fault that no change caused.
    RunsAgain,
    /// The service went back by itself.
    SystemRolledBack,
    /// Stopped on purpose.
    Stopped,
    /// Silenced by its tag.
    Quiet,
    /// A person stopped the execution before this one.
    StoppedByPerson,
    /// What a person had asked for was interrupted, and only that person repeats it.
    RequestInterrupted,
    /// A bounded job, done.
    Finished,
    /// Cannot be told.
    Unknown,
    /// Runs, but no checkpoint completes.
    NoProgress,
    /// Broken, and no change is to blame: what it was before fails too.
    NotTheChange,
    /// Broken, and it had run well: whatever happened lies outside.
    HadWorked,
    /// Broken, and other applications are too, for a cause that they share.
    CommonCause,
    /// Broken, and the evidence does not say whether the change is to blame: a person decides.
    Suspected,
    /// No version to go back to.
    NoVersion,
    /// No snapshot is right.
    NoSnapshot,
    /// A customer managed key that this stack may not use.
    KeyNotUsable,
    /// A setting with a value that this release does not know.
    UnknownSetting,
    /// The change is to blame.
    ChangeToBlame,
    /// The step before did not help. Events, and state machines of releases before, know it by its old name.
    #[serde(rename = "nextRung")]
    NextStep,
    /// A person asked for it.
    AskedFor,
    /// The next step needs the function that this stack is deployed without.
    ForceStopDisabled,
    /// The stop switch is on.
    StopSwitch,
    /// Whether the stop switch is on could not be read.
    StopSwitchUnreadable,
    /// Every step is used. Events, and subscriptions to them, know it by its old name.
    #[serde(rename = "ladderExhausted")]
    EveryStepUsed,
    /// Somebody else changed the application during the rescue.
    SomebodyElseActed,
    /// The execution's deadline.
    Deadline,
    /// The execution was redriven.
    Redriven,
    /// Recovered.
    Recovered,
}

/// Something to tell people now, before the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Notice {
    /// A line.
    pub subject: String,
    /// The rest.
    pub text: String,
    /// How urgent it is.
    pub severity: Severity,
    /// The cause that it is about, where one message is for all applications that share it: who has told of it already is in the ledger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub common: Option<String>,
}

/// A turn's decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Decision {
    /// What to do.
    #[serde(flatten)]
    pub action: Action,
    /// Why, from a closed set.
    pub because: Reason,
    /// Why, in a sentence.
    pub reason: String,
    /// What this execution has done, the action about to be carried out included.
    pub progress: Progress,
    /// Something to tell people now.
    pub notice: Option<Notice>,
}

impl Action {
    /// Whether this ends the execution.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Recovered | Self::LeaveAlone | Self::Escalate)
    }

    /// The plan, where the action changes something.
    #[must_use]
    pub fn plan(&self) -> Option<&Plan> {
        match self {
            Self::Rollback { plan }
            | Self::ForceStop { plan }
            | Self::RestoreConfiguration { plan }
            | Self::Start { plan } => Some(plan),
            _ => None,
        }
    }
}

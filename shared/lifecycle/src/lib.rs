//! The domain and every decision: what an application's state is, who is to blame, which snapshot is right, what to do next.
//!
//! Pure: no tokio, no AWS crate, no clock, no randomness. Time and ids are arguments, so every branch can be reached by a table or a property.
//!
//! | facts in | decisions out |
//! |---|---|
//! | [`Observation`] (one look), [`Watch`] (looks before) | [`Watch::after`] → [`Assessment`] |
//! | tags, the stack's [`Policy`] | [`Policy::under`] → [`Applied`] |
//! | [`SeriesRead`] (CloudWatch's minutes) | [`History::after`] → [`History`] |
//! | [`Assessment`], [`Watch`], [`Ledger`] | [`judge`] → [`Verdict`] |
//! | what other applications are in trouble with: [`Others`] | [`trouble()`] → [`Trouble`], for them |
//! | snapshots | [`choose_snapshot`] → [`SnapshotChoice`] |
//! | snapshots, operations: [`retention::Stock`] | [`retention::retain`], [`retention::need`], [`retention::may_take`] |
//! | all of it: [`Situation`] | [`decide()`] → [`Decision`] |
//! | a final [`Decision`] | [`mail()`] → [`Mail`], or none; [`because`] → what people read |
//! | applications, alarms | [`plan_alarms`] → [`AlarmPlan`] |
//! | an application in a list, what the sweep remembers of it | [`sweep::suspect`], [`sweep::judge`] → an execution to start, or none |
//! | what a person wrote into an input | [`odd_rescue`], [`odd_snapshot_check`] → what is odd about it |

mod action;
mod alarms;
mod assessment;
pub mod because;
mod choose;
mod decide;
mod door;
mod enhanced;
mod execution;
mod fault;
mod history;
mod keys;
mod lasting;
mod ledger;
mod mail;
mod name;
mod observation;
mod policy;
mod predecessor;
mod progress;
mod redact;
mod request;
pub mod retention;
mod runtime;
mod said;
mod slow_loop;
mod stack;
mod status;
mod stop;
mod subject;
pub mod sweep;
mod trouble;
mod verdict;
mod watch;

pub use action::{Action, Decision, Notice, Plan, Reason, Restore};
pub use alarms::*;
pub use assessment::Assessment;
pub use choose::{Limits, PassedOver, SnapshotChoice, Wanted, choose_snapshot, unfit};
pub use decide::{Situation, decide, trouble};
pub use door::{Holds, Keys, PLAN, TRIGGER_KINDS, odd_input, odd_rescue, odd_snapshot_check};
pub use enhanced::{EnhancedSnapshot, SnapshotSource, SourceApplication};
pub use execution::{EXECUTION_NAME_CHARS, execution_because, execution_of_alarm};
pub use history::*;
pub use keys::{NoKey, UsableKeys};
pub use lasting::lasting;
pub use ledger::{Deployed, FailedBefore, Faulted, Ledger, LedgerView, Proven};
pub use mail::{Mail, Severity, mail};
pub use name::{OddName, check_application_name};
pub use observation::*;
pub use policy::{Applied, MANAGED_TAG, Mode, Policy, TAG_PREFIX};
pub use predecessor::{Ended, Predecessor, STEP_FUNCTION_SECS};
pub use progress::{
    Before, Doubt, JobRun, Only, Progress, Rescue, Shared, Step, StepResult, StepTaken,
};
pub use redact::{Property, REDACTED, redact, shorten};
pub use request::{Request, read_request};
pub use retention::SnapshotPolicy;
pub use runtime::Runtime;
pub use said::said;
pub use slow_loop::slower_than_a_soak;
pub use stack::{OtherStack, STACK_TAG, StackName};
pub use status::{
    ApplicationStatus, JobState, OperationStatus, SnapshotInitiator, SnapshotMode, SnapshotStatus,
};
pub use stop::StopSwitch;
pub use subject::{SUBJECT_CHARS, subject};
pub use trouble::{COMMON_OTHERS, COMMON_WITHIN_SECS, Came, Others, Trouble, TroubleEnd};
pub(crate) use verdict::{Further, further_back};
pub use verdict::{Left, Row, Verdict, WayBack, fault_in_trouble, judge, proven_so_far};
pub use watch::{Episode, JobWatch, StatusWatch, Watch, assess_at_rest};

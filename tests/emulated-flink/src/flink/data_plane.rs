//! What the service needs from a Flink cluster, real or simulated.

use futures::future::BoxFuture;
use jiff::Timestamp;
use serde_json::Value;

use super::code::{Code, Fault};
use super::event::ClusterEvent;
use super::real::JobRun;
use super::record::{Ran, Record};
use super::records::{Records, Stream};

/// A job to be launched on a new cluster.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The application.
    pub application: String,
    /// The version being launched.
    pub version: i64,
    /// Its `ApplicationConfigurationDescription`.
    pub configuration: Value,
    /// `FLINK-1_20`.
    pub runtime: String,
    /// Where its state comes from; None starts without state.
    pub restore: Option<Restore>,
}

/// A snapshot to restore.
#[derive(Clone, Debug)]
pub struct Restore {
    /// Its name.
    pub snapshot: String,
    /// Where the savepoint lies.
    pub location: String,
    /// Whether state that cannot be mapped may be dropped.
    pub allow_non_restored_state: bool,
}

/// A savepoint that was taken.
#[derive(Clone, Debug)]
pub struct Savepoint {
    /// Where it lies.
    pub location: String,
    /// How large it is.
    pub bytes: u64,
}

/// Why no job runs after a submission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubmissionFailed {
    /// The text for the operation's failure.
    pub message: String,
    /// The snapshot's state did not fit: the service was seen to stay stuck in this case.
    pub state_does_not_fit: bool,
}

/// How a job ended by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Bounded input, all read.
    Finished,
    /// Flink gave up.
    Failed,
}

/// An answer of the Flink REST API.
#[derive(Clone, Debug)]
pub struct RestAnswer {
    /// HTTP status.
    pub status: u16,
    /// JSON.
    pub body: Value,
}

impl RestAnswer {
    /// 200.
    pub fn ok(body: Value) -> Self {
        Self { status: 200, body }
    }

    /// An error as Flink words it.
    pub fn error(status: u16, message: &str) -> Self {
        Self {
            status,
            body: serde_json::json!({ "errors": [message] }),
        }
    }
}

/// Flink clusters, one per application at a time.
///
/// An implementation tells the service of a job that ends by itself through [`DataPlane::ended`]; everything else is an answer to a call.
pub trait DataPlane: Send + Sync + 'static {
    /// Submits a job on a new cluster; returns when the job is RUNNING (its tasks may still initialise) or the submission failed. Replaces any cluster
    /// that the application has. Dropping the future abandons the wait, not the cluster: cancel it.
    fn launch(&self, launch: Launch) -> BoxFuture<'static, Result<(), SubmissionFailed>>;

    /// Takes a savepoint named after the snapshot; the job goes on.
    fn savepoint(
        &self,
        application: &str,
        snapshot: &str,
    ) -> BoxFuture<'static, Result<Savepoint, String>>;

    /// Takes a savepoint and stops the job and its cluster. On failure the job goes on.
    fn stop_with_savepoint(
        &self,
        application: &str,
        snapshot: &str,
    ) -> BoxFuture<'static, Result<Savepoint, String>>;

    /// Ends the job and its cluster at once, without a savepoint.
    fn cancel(&self, application: &str) -> BoxFuture<'static, ()>;

    /// Restarts the job once on replaced machines (maintenance).
    fn replace_machines(&self, application: &str) -> BoxFuture<'static, ()>;

    /// Whether the job could take a savepoint now: every subtask RUNNING.
    fn is_healthy(&self, application: &str) -> bool;

    /// Restarts of the present job run.
    fn restarts(&self, application: &str) -> u64;

    /// Waits for the next job that ended by itself.
    fn ended(&self) -> BoxFuture<'static, (String, Ended)>;

    /// GET `path?query` of the application's REST API; `path` begins with `/jobs`, `/overview` or `/config`.
    fn rest(&self, application: &str, path: &str, query: &str) -> BoxFuture<'static, RestAnswer>;

    /// What is there for CloudWatch now: metric names of namespace AWS/KinesisAnalytics and their values; of a job that has ended, with an up time of -1.
    fn metrics(&self, application: &str, now: Timestamp) -> Vec<(&'static str, f64)>;

    /// The region is closed: whatever runs outside of this process is ended.
    fn close(&self) {}
}

/// A fault that a job lived through before it was placed.
#[derive(Clone, Debug)]
pub struct PastFault {
    /// When it was thrown first.
    pub at: Timestamp,
    /// When every task ran again.
    pub until: Timestamp,
    /// How many restarts that took.
    pub restarts: u32,
    /// What was thrown.
    pub fault: Fault,
}

/// An application of a scenario whose cluster cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{application} cannot be placed on a real cluster: {why}")]
pub struct NotPlaced {
    /// Its name.
    pub application: String,
    /// What was tried, what came of it, and where to look.
    pub why: String,
}

/// What scenarios do to clusters and see of them, beyond what the service asks: code, the past of an application, misfortune, and the count of records.
pub trait Backstage: Send + Sync + 'static {
    /// Adds code, or replaces what lies at this key: later launches run it.
    fn add_code(&self, key: &str, code: Code);

    /// What flows into an application; before its first launch.
    fn open_stream(&self, application: &str, stream: Stream);

    /// Places a savepoint that was taken at `taken`, by this code: where it lies.
    ///
    /// # Panics
    /// When it cannot be: a mistake in the scenario.
    fn place_savepoint(
        &self,
        application: &str,
        snapshot: &str,
        taken: Timestamp,
        identity: &[String],
    ) -> String;

    /// Places a job that was launched at `launched`, has lived through these faults, in order, and has processed everything since. Real clusters know no past.
    ///
    /// # Errors
    /// When its cluster cannot be had.
    ///
    /// # Panics
    /// When there is no such code: a mistake in the scenario.
    fn place_job(
        &self,
        launch: &Launch,
        launched: Timestamp,
        faults: &[PastFault],
    ) -> Result<(), NotPlaced>;

    /// Switches a dependency off (`up` false) or on again.
    ///
    /// # Panics
    /// Where there are none: a mistake in the scenario.
    fn set_dependency(&self, name: &str, up: bool);

    /// Something befalls the cluster of an application.
    fn befall(&self, application: &str, event: &ClusterEvent);

    /// The count of an application's records, now.
    fn records(&self, application: &str) -> Records;

    /// What each launch of the job did, as its ledger says; empty where no ledger is written.
    fn job_runs(&self, _application: &str) -> Vec<JobRun> {
        Vec::new()
    }

    /// Records that the application's log had at a moment; None where there is no real log.
    fn written(&self, _application: &str, _at: Timestamp) -> Option<u64> {
        None
    }

    /// What really happened to an application's jobs; empty where that is not known.
    fn record(&self, _application: &str) -> Record {
        Record::default()
    }

    /// What had run before the region opened.
    fn remember(&self, _application: &str, _ran: Vec<Ran>) {}

    /// Since when every subtask of an application's job runs, undisturbed; None when one does not.
    fn up_since(&self, application: &str) -> Option<Timestamp>;

    /// Since when a job that has just failed had run, for as long as Flink's REST API may still show it so; None where that is not known.
    fn shown_up_since(&self, _application: &str) -> Option<Timestamp> {
        None
    }
}

/// The member of an S3 location that names the code which was overwritten with: no answer shows it.
pub const OBJECT: &str = "#object";

/// How code is known in the [`super::Codebook`]: `key@objectVersion` and `key` for S3, the text itself for inline code; most exact first.
pub fn code_identity(configuration: &Value) -> Vec<String> {
    let content =
        &configuration["ApplicationCodeConfigurationDescription"]["CodeContentDescription"];
    let location = &content["S3ApplicationCodeLocationDescription"];
    let text = |value: &Value| value.as_str().map(str::to_owned);
    if let Some(code) = text(&location[OBJECT]) {
        return vec![code];
    }
    match text(&location["FileKey"]) {
        Some(key) => text(&location["ObjectVersion"])
            .map(|version| format!("{key}@{version}"))
            .into_iter()
            .chain([key.clone()])
            .collect(),
        None => text(&content["TextContent"])
            .or_else(|| text(&content["CodeMD5"]))
            .into_iter()
            .collect(),
    }
}

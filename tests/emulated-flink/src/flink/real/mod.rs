//! Real Flink as the data plane: for each application a JobManager and a TaskManager of its own, and a real job (`tests/engines/flink/job`) on them.
//!
//! # Time
//! The region's clock runs several times as fast as this machine's (`--speed`, six by default): only waiting is compressed, such as the alarm's minutes, the soak, and the stages of an
//! operation that are the service's. Flink itself is never hurried:
//! - While the sandbox asks a real process, starts one or takes a savepoint, the region's clock stands. So an update takes its simulated 75 s and no more, and no time-out of the region
//!   depends on how busy the machine is.
//! - What code and configuration ask for in seconds (the fault after 5 s, back-off, checkpoint interval) is asked for in the region's seconds; see `program`.
//! - Flink's REST cache stays at its default of 3 s of real time. At six times the speed a look is up to 18 s of the region old, which is harder on a verifier than AWS is.
//! - Moments in Flink's answers are translated into the region's time, paths into the names that the region knows; durations stay as they were measured.
//!
//! # Data
//! The job reads a log that grows in real time, at the stream's rate times the speed, and writes a ledger. Loss and replay are counted from the ledger, never taken from what Flink says.
//!
//! Deliberately absent: dependencies that are switched off, too few slots, wrong results, checkpoints that stop (see `unfit`).
//!
//! Invariant: when the region is closed, or this process ends in whatever way, no JobManager and no TaskManager is left.

mod client;
mod cluster;
mod distribution;
mod hands;
mod ledger;
mod plane;
mod program;
mod teller;
mod times;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::Value;

pub use distribution::NotPrepared;
pub use ledger::JobRun;
pub use program::unfit;

use super::Millis;
use super::code::{Code, Codebook};
use super::data_plane::{Launch, Savepoint, SubmissionFailed, code_identity};
use super::endings::Endings;
use super::records::Stream;
use cluster::{Pair, Submission};
use distribution::Distribution;
use ground::clock::Clock;
use ground::journal::{Actor, Journal};
use program::Pace;
use teller::Teller;
use times::Times;

/// How fast the region's clock runs over real Flink when nothing else is asked for.
pub const DEFAULT_FACTOR: f64 = 6.0;
/// Beyond this, Flink's cache of three seconds hides more of the region's time than a soak may be long.
pub const LARGEST_FACTOR: f64 = 12.0;
/// Between two pairs of moments, in the region's time.
const NOTE: Duration = Duration::from_millis(100);
/// Between two looks of the teller, in real time. Each also has the JobManager fetch its metrics: it does so only when asked, and answers with those of before.
const LOOK: Duration = Duration::from_secs(1);
/// A glance at the job's health is good for so long, in real time: whoever watches asks each second of the region's.
const GLANCE_MS: Millis = 400;

/// Real Flink clusters. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct RealFlink {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Clock,
    journal: Journal,
    factor: f64,
    folder: PathBuf,
    times: Times,
    state: Mutex<State>,
    endings: Endings,
}

struct State {
    codebook: Codebook,
    applications: BTreeMap<String, Application>,
    /// Something went wrong with a cluster itself: its logs are kept.
    keep_folder: bool,
}

struct Application {
    stream: Stream,
    /// When its log began, in real time.
    log_start: Millis,
    pair: Option<Pair>,
    launches: u32,
    /// Counts launches and cancellations: what belongs to an earlier one finds that it is over.
    run: u64,
    /// By the snapshot's name, where a savepoint lies; None for one that is taken as soon as there is a job.
    savepoints: BTreeMap<String, Option<String>>,
    teller: Teller,
    glance: Option<(Millis, bool)>,
}

/// What is needed to start a job's cluster.
struct Order {
    launch: Launch,
    code: Code,
    distribution: Distribution,
    pace: Pace,
    folder: PathBuf,
    arguments: Vec<String>,
    savepoint: Option<String>,
    run: u64,
}

/// Whether real Flink can be had for this runtime on this machine; the error says what to do.
///
/// # Errors
/// What is missing.
pub fn prepared(runtime: &str) -> Result<(), NotPrepared> {
    Distribution::find(runtime).map(drop)
}

impl RealFlink {
    /// Clusters whose jobs do what the codebook says, in a region whose clock runs `factor` times as fast as this machine's. Needs a tokio runtime.
    #[must_use]
    pub fn new(clock: Clock, journal: Journal, codebook: Codebook, factor: f64) -> Self {
        let runs = distribution::engines().join("flink-runs");
        sweep(&runs);
        // Two regions of one process may open within the same millisecond.
        static OPENED: AtomicU32 = AtomicU32::new(0);
        let folder = runs.join(format!(
            "{}-{}-{}",
            std::process::id(),
            OPENED.fetch_add(1, Ordering::Relaxed),
            times::real_now()
        ));
        let times = Times::starting(clock.now().as_millisecond());
        let state = Mutex::new(State {
            codebook,
            applications: BTreeMap::new(),
            keep_folder: false,
        });
        let inner = Arc::new(Inner {
            clock,
            journal,
            factor,
            folder,
            times,
            state,
            endings: Endings::new(),
        });
        let weak = Arc::downgrade(&inner);
        tokio::spawn(async move {
            while let Some(inner) = weak.upgrade() {
                inner.note();
                drop(inner);
                tokio::time::sleep(NOTE).await;
            }
        });
        Self { inner }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.close();
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no thread panics while it holds the clusters")
    }

    fn note(&self) {
        self.times.note(self.clock.now().as_millisecond());
    }

    /// Ends every process, and clears away what they wrote.
    fn close(&self) {
        let mut state = self.lock();
        for application in state.applications.values_mut() {
            application.run += 1;
            application.pair = None;
        }
        if !state.keep_folder {
            // What cannot be removed now is swept by the next rehearsal.
            let _ = std::fs::remove_dir_all(&self.folder);
        }
    }

    fn tell(&self, application: &str, text: impl Into<String>) {
        self.journal.tell(Actor::Flink, Some(application), text);
    }

    /// The whole launch; it blocks its thread, and the region's clock stands.
    fn launch(&self, launch: &Launch) -> Result<(), SubmissionFailed> {
        let refusal = |message: String| SubmissionFailed {
            message,
            state_does_not_fit: false,
        };
        let order = self.order(launch).map_err(refusal)?;
        let application = &order.launch.application;
        let configuration =
            program::configuration(&order.code, &order.launch.configuration, order.pace);
        let started = Pair::start(&order.distribution, &order.folder, &configuration);
        let mut pair = started.map_err(|message| {
            self.lock().keep_folder = true;
            self.tell(application, message.as_str());
            refusal(message)
        })?;
        let submission = Submission {
            arguments: &order.arguments,
            savepoint: order.savepoint.as_deref(),
            allow_non_restored_state: order
                .launch
                .restore
                .as_ref()
                .is_some_and(|restore| restore.allow_non_restored_state),
        };
        let submitted = pair.submit(&submission);
        self.note();
        let failure = submitted.err().map(|message| {
            let message = self.named(application, &message);
            SubmissionFailed {
                state_does_not_fit: message.contains("Cannot map checkpoint/savepoint state"),
                message,
            }
        });
        if let Some(present) = self
            .lock()
            .applications
            .get_mut(application)
            .filter(|present| present.run == order.run)
        {
            // Also one whose state does not fit: its FAILED job stays to be seen.
            present.pair = Some(pair);
        }
        if let Some(failure) = failure {
            self.tell(application, "the submission fails, no job runs");
            return Err(failure);
        }
        let from = order
            .launch
            .restore
            .as_ref()
            .map(|restore| format!("restored from {}", restore.snapshot));
        self.tell(
            application,
            format!(
                "the job is RUNNING, {}",
                from.unwrap_or_else(|| "without state".to_owned())
            ),
        );
        Ok(())
    }

    /// Takes a former cluster away, and says what is to be started.
    fn order(&self, launch: &Launch) -> Result<Order, String> {
        let identity = code_identity(&launch.configuration);
        let mut state = self.lock();
        let code = identity
            .iter()
            .find_map(|name| state.codebook.get(name))
            .cloned();
        let code = code
            .ok_or_else(|| format!("The code at {identity:?} does not exist or cannot be read."))?;
        let distribution =
            Distribution::find(&launch.runtime).map_err(|error| error.to_string())?;
        let application = state
            .applications
            .entry(launch.application.clone())
            .or_insert_with(|| Application::new(Stream::default()));
        application.over();
        application.launches += 1;
        let savepoint = match &launch.restore {
            None => None,
            Some(restore) => {
                let location = application
                    .savepoints
                    .get(&restore.snapshot)
                    .cloned()
                    .flatten();
                Some(location.ok_or_else(|| {
                    format!(
                        "Cannot find the savepoint of snapshot {}.",
                        restore.snapshot
                    )
                })?)
            }
        };
        let pace = Pace {
            factor: self.factor,
            records_per_sec: application.stream.records_per_sec,
        };
        let home = self.folder.join(&launch.application);
        let name = format!("{}-{}", application.launches, launch.version);
        let own = [
            ("--name", launch.application.clone()),
            (
                "--ledger",
                home.join("ledger").join(&name).display().to_string(),
            ),
            ("--log-start", application.log_start.to_string()),
        ];
        let own = own
            .into_iter()
            .flat_map(|(option, value)| [option.to_owned(), value]);
        let arguments = program::arguments(&code, pace)
            .into_iter()
            .chain(own)
            .collect();
        Ok(Order {
            launch: launch.clone(),
            code,
            distribution,
            pace,
            folder: home.join(&name),
            arguments,
            savepoint,
            run: application.run,
        })
    }

    /// Takes a savepoint of the present job.
    fn take_savepoint(
        &self,
        application: &str,
        snapshot: &str,
        stop: bool,
    ) -> Result<Savepoint, String> {
        let mut state = self.lock();
        let present = state
            .applications
            .get_mut(application)
            .ok_or("there is no application of that name")?;
        let folder = self
            .folder
            .join(application)
            .join("savepoints")
            .join(format!("of-{snapshot}"));
        let pair = present.pair.as_ref().ok_or("there is no job")?;
        if !is_all_running(pair.overview().as_ref()) {
            return Err("not every task is RUNNING".to_owned());
        }
        let location = pair.savepoint(&folder, stop)?;
        present
            .savepoints
            .insert(snapshot.to_owned(), Some(location));
        if stop {
            present.over();
        }
        drop(state);
        self.note();
        Ok(Savepoint {
            location: shown(application, snapshot),
            bytes: size_of(&folder),
        })
    }

    /// A text of Flink with the region's names in place of this machine's paths.
    fn named(&self, application: &str, text: &str) -> String {
        let mut text = text.to_owned();
        if let Some(present) = self.lock().applications.get(application) {
            for (snapshot, location) in &present.savepoints {
                if let Some(location) = location {
                    text = text.replace(location.as_str(), &shown(application, snapshot));
                }
            }
        }
        let home = self.folder.join(application).display().to_string();
        let bucket = format!("s3://managed-flink/{application}");
        [format!("file://{home}"), format!("file:{home}"), home]
            .iter()
            .fold(text, |text, path| text.replace(path.as_str(), &bucket))
    }

    /// Tells what happened to the job since the last look; false when there is nothing more to watch.
    fn look(&self, application: &str, run: u64) -> bool {
        let now = self.clock.now().as_millisecond();
        let (sentences, ended) = {
            let mut state = self.lock();
            let Some(present) = state
                .applications
                .get_mut(application)
                .filter(|present| present.run == run)
            else {
                return false;
            };
            let Some(pair) = &present.pair else {
                return false;
            };
            present.teller.look(pair, now)
        };
        for sentence in sentences {
            self.tell(application, self.named(application, &sentence));
        }
        if let Some(how) = ended {
            self.endings.add(application, how);
            return false;
        }
        true
    }

    /// Watches the present job until it is over.
    fn watch(self: &Arc<Self>, application: &str) {
        let Some(run) = self
            .lock()
            .applications
            .get(application)
            .map(|present| present.run)
        else {
            return;
        };
        let (weak, application, pause) = (
            Arc::downgrade(self),
            application.to_owned(),
            LOOK.mul_f64(self.factor),
        );
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(pause).await;
                let Some(inner) = weak.upgrade() else { return };
                let name = application.clone();
                let looked = tokio::task::spawn_blocking(move || inner.look(&name, run)).await;
                if !looked.unwrap_or(false) {
                    return;
                }
            }
        });
    }
}

impl Application {
    fn new(stream: Stream) -> Self {
        Self {
            stream,
            log_start: times::real_now(),
            pair: None,
            launches: 0,
            run: 0,
            savepoints: BTreeMap::new(),
            teller: Teller::default(),
            glance: None,
        }
    }

    /// Records in its log at a moment of real time.
    fn written(&self, real: Millis, factor: f64) -> u64 {
        let age = (real - self.log_start).max(0) as f64 / 1000.0;
        (age * factor * f64::from(self.stream.records_per_sec)) as u64
    }

    /// Whether every subtask runs, as it was a moment ago.
    fn is_healthy(&mut self) -> bool {
        let now = times::real_now();
        match self.glance {
            Some((at, healthy)) if now - at < GLANCE_MS => healthy,
            _ => {
                let healthy = is_all_running(self.pair.as_ref().and_then(Pair::overview).as_ref());
                self.glance = Some((now, healthy));
                healthy
            }
        }
    }

    /// The present job and its cluster are over.
    fn over(&mut self) {
        (self.pair, self.teller, self.glance) = (None, Teller::default(), None);
        self.run += 1;
    }
}

/// Where a snapshot lies, for the region.
fn shown(application: &str, snapshot: &str) -> String {
    format!("s3://managed-flink/{application}/snapshots/{snapshot}")
}

/// Every subtask RUNNING, or done in a bounded job.
fn is_all_running(overview: Option<&Value>) -> bool {
    let count = |job: &Value, state: &str| job["tasks"][state].as_u64().unwrap_or(0);
    overview.is_some_and(|job| {
        let (total, up) = (
            count(job, "total"),
            count(job, "running") + count(job, "finished"),
        );
        job["state"] == "RUNNING" && total > 0 && up == total
    })
}

/// Removes what rehearsals left that were killed: those whose process is gone.
fn sweep(runs: &Path) {
    let Ok(entries) = std::fs::read_dir(runs) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let alive = name.split('-').next().is_some_and(|pid| {
            !Path::new("/proc").exists() || Path::new("/proc").join(pid).exists()
        });
        if !alive {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// The bytes of all files below a folder.
fn size_of(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => size_of(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}

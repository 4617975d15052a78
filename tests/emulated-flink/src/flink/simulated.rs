//! The simulated cluster: jobs by application, their savepoints, their ledgers, and the timers that make things happen on time.

mod backstage;
mod plane;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::Notify;

use super::Millis;
use super::code::{Behaviour, Code, Codebook, Misfit};
use super::data_plane::{Ended, Launch, PastFault, Savepoint, SubmissionFailed, code_identity};
use super::endings::Endings;
use super::event::ClusterEvent;
use super::job::{CACHE_MS, Job, Phase, RestorePoint, Tale, World};
use super::record::{Content, Launched, Ran, Record, content_of};
use super::records::{Ledger, Records, Stream};
use super::rest::Cache;
use super::restart::millis;
use super::teller::Teller;
use ground::clock::Clock;
use ground::journal::{Actor, Journal};

/// A simulated Flink cluster for every application. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub struct SimulatedFlink {
    inner: Arc<Inner>,
}

struct Inner {
    clock: Clock,
    journal: Journal,
    state: Mutex<State>,
    endings: Endings,
}

struct State {
    rng: fastrand::Rng,
    codebook: Codebook,
    off: BTreeSet<String>,
    clusters: BTreeMap<String, Cluster>,
}

pub(super) struct Cluster {
    pub(super) ledger: Ledger,
    pub(super) job: Option<Job>,
    pub(super) cache: Cache,
    teller: Teller,
    savepoints: BTreeMap<String, Stored>,
    /// Of all its jobs.
    record: Record,
    /// What the present job runs.
    content: Content,
    /// Counts launches: a timer of an earlier job run finds that it is over.
    run: u64,
    changed: Arc<Notify>,
}

struct Stored {
    location: String,
    position: i64,
    pending_from: i64,
    state_version: u32,
}

impl SimulatedFlink {
    /// Clusters whose jobs do what the codebook says.
    pub fn new(clock: Clock, journal: Journal, codebook: Codebook, seed: u64) -> Self {
        let state = State {
            rng: fastrand::Rng::with_seed(seed ^ 0xf11a),
            codebook,
            off: BTreeSet::new(),
            clusters: BTreeMap::new(),
        };
        Self {
            inner: Arc::new(Inner {
                clock,
                journal,
                state: Mutex::new(state),
                endings: Endings::new(),
            }),
        }
    }

    /// Adds code, or replaces what lies at this key: later launches run it.
    pub fn add_code(&self, key: &str, code: Code) {
        self.inner.lock().codebook.insert(key.to_owned(), code);
    }

    /// What flows into an application; before its first launch.
    pub fn open_stream(&self, application: &str, stream: Stream) {
        let now = self.inner.now();
        self.inner
            .lock()
            .clusters
            .insert(application.to_owned(), Cluster::new(stream, now));
    }

    /// Places a savepoint that was taken at `taken`, by this code: where it lies.
    ///
    /// # Panics
    /// When the code is not in the codebook: a mistake in the scenario.
    pub fn place_savepoint(
        &self,
        application: &str,
        snapshot: &str,
        taken: Timestamp,
        identity: &[String],
    ) -> String {
        let mut state = self.inner.lock();
        let state_version = state
            .code(identity)
            .unwrap_or_else(|| panic!("{application}: no code {identity:?} in the codebook"))
            .state_version;
        let now = self.inner.now();
        let cluster = state
            .clusters
            .entry(application.to_owned())
            .or_insert_with(|| Cluster::new(Stream::default(), now));
        let location = location(application, snapshot);
        // No job can have read what was not there, nor further than it is now.
        let mut ledger = cluster.ledger.clone();
        if let Some(job) = &cluster.job {
            job.clone().fold(now, &mut ledger);
        }
        let position = ledger
            .produced(taken.as_millisecond())
            .min(ledger.position());
        let pending_from = ledger.visible_to().min(position);
        cluster.savepoints.insert(
            snapshot.to_owned(),
            Stored {
                location: location.clone(),
                position,
                pending_from,
                state_version,
            },
        );
        location
    }

    /// Places a job that was launched at `launched`, has lived through these faults, in order, and has processed everything since.
    ///
    /// # Panics
    /// When the code is not in the codebook: a mistake in the scenario.
    pub fn place_job(&self, launch: &Launch, launched: Timestamp, faults: &[PastFault]) {
        let inner = &self.inner;
        let now = inner.now();
        let mut state = inner.lock();
        let identity = code_identity(&launch.configuration);
        let code = state.code(&identity).cloned().unwrap_or_else(|| {
            panic!(
                "{}: no code {identity:?} in the codebook",
                launch.application
            )
        });
        let State {
            rng, clusters, off, ..
        } = &mut *state;
        let cluster = clusters
            .entry(launch.application.clone())
            .or_insert_with(|| Cluster::new(Stream::default(), now));
        let mut job = Job::submit(launch, code, launched.as_millisecond(), None, false, rng);
        let mut ledger = cluster.ledger.clone();
        let running = job.running_at();
        job.advance(
            running,
            &mut World {
                ledger: &mut ledger,
                off,
                rng,
                tales: &mut Vec::new(),
            },
        );
        let produced = cluster.ledger.clone();
        job.age(|attempt| produced.produced(attempt.at.running));
        job.tasks_running_told = true;
        let mut past = World {
            ledger: &mut ledger,
            off,
            rng,
            tales: &mut Vec::new(),
        };
        for fault in faults {
            job.live_through(fault, &mut past);
        }
        job.advance(now, &mut past);
        job.fold(now, &mut ledger);
        let committed = job.restore_point.as_ref().map_or(0, |point| point.position);
        cluster.ledger.seed(committed.min(0));
        let restarts = job.restarts;
        cluster.content = content_of(&launch.runtime, &launch.configuration);
        cluster.replace(job);
        // What somebody seeded is the past; of code that loops all along nothing was told either.
        if !faults.is_empty() {
            cluster.teller.begin_at(restarts);
        }
        let run = cluster.run;
        drop(state);
        inner.drive(launch.application.clone(), run);
    }

    /// The code that a configuration names, if the codebook has it.
    pub(crate) fn code(&self, identity: &[String]) -> Option<Code> {
        self.inner.lock().code(identity).cloned()
    }

    /// Switches a dependency off (`up` false) or on again.
    pub fn set_dependency(&self, name: &str, up: bool) {
        let now = self.inner.now();
        let applications: Vec<String> = self.inner.lock().clusters.keys().cloned().collect();
        for application in &applications {
            self.inner.advance(application, now);
        }
        let mut state = self.inner.lock();
        let State { off, clusters, .. } = &mut *state;
        if up {
            off.remove(name)
        } else {
            off.insert(name.to_owned())
        };
        for cluster in clusters.values_mut() {
            cluster.decide(off, now);
        }
    }

    /// Something befalls the cluster of an application.
    pub fn befall(&self, application: &str, event: &ClusterEvent) {
        let happened = self.inner.befall(application, event);
        let what = match event {
            // Each life of the job tells of its own end.
            ClusterEvent::JobManagerLost => return,
            ClusterEvent::TaskManagerLost => {
                "a TaskManager is gone; its heartbeat has not timed out yet".to_owned()
            }
            _ if !happened => return,
            ClusterEvent::SlotsLost { .. } => {
                "a TaskManager is gone, and no other has free slots".to_owned()
            }
            ClusterEvent::RegionsFail { .. } => {
                "something that every part of the job needs fails for a moment".to_owned()
            }
            ClusterEvent::Rescale { parallelism } => {
                format!("somebody asks the adaptive scheduler for a parallelism of {parallelism}")
            }
        };
        let journal = &self.inner.journal;
        journal.tell(Actor::Flink, Some(application), what);
    }

    /// The count of an application's records, now.
    pub fn records(&self, application: &str) -> Records {
        let now = self.inner.now();
        self.inner.advance(application, now);
        let state = self.inner.lock();
        let Some(cluster) = state.clusters.get(application) else {
            return Records::default();
        };
        let mut ledger = cluster.ledger.clone();
        if let Some(job) = &cluster.job {
            job.clone().fold(now, &mut ledger);
        }
        ledger.count(now)
    }

    /// Since when every subtask of an application's job runs, undisturbed; None when one does not.
    pub fn up_since(&self, application: &str) -> Option<Timestamp> {
        let now = self.inner.now();
        self.inner.advance(application, now);
        let state = self.inner.lock();
        let job = state.clusters.get(application)?.job.as_ref()?;
        let since = job.running_since(now).filter(|_| !job.has_lost_machine())?;
        Timestamp::from_millisecond(since).ok()
    }

    /// Since when a job that runs no more may still be shown as running: Flink's REST API answers from a cache. None when the cache has nothing of it.
    pub fn shown_up_since(&self, application: &str) -> Option<Timestamp> {
        let now = self.inner.now();
        self.inner.advance(application, now);
        let state = self.inner.lock();
        let (since, until) = state.clusters.get(application)?.job.as_ref()?.fell?;
        Timestamp::from_millisecond(since)
            .ok()
            .filter(|_| now - until <= CACHE_MS)
    }

    /// What really happened to an application's jobs until now.
    pub fn record(&self, application: &str) -> Record {
        let now = self.inner.now();
        self.inner.advance(application, now);
        let mut state = self.inner.lock();
        let Some(cluster) = state.clusters.get_mut(application) else {
            return Record::default();
        };
        let so_far = cluster.record.clone();
        cluster.keep(now);
        std::mem::replace(&mut cluster.record, so_far)
    }

    /// What had run before the region opened.
    pub fn remember(&self, application: &str, ran: Vec<Ran>) {
        if let Some(cluster) = self.inner.lock().clusters.get_mut(application) {
            cluster.record.ran = ran;
        }
    }

    /// Where the state of a savepoint ends: the records processed before it.
    pub fn savepoint_position(&self, application: &str, snapshot: &str) -> Option<i64> {
        self.inner
            .lock()
            .clusters
            .get(application)?
            .savepoints
            .get(snapshot)
            .map(|stored| stored.position)
    }
}

impl State {
    fn code(&self, identity: &[String]) -> Option<&Code> {
        identity.iter().find_map(|name| self.codebook.get(name))
    }
}

impl Cluster {
    fn new(stream: Stream, now: Millis) -> Self {
        Self {
            ledger: Ledger::open(stream, now),
            job: None,
            cache: Cache::default(),
            teller: Teller::default(),
            savepoints: BTreeMap::new(),
            record: Record::default(),
            content: 0,
            run: 0,
            changed: Arc::default(),
        }
    }

    fn replace(&mut self, job: Job) {
        self.job = Some(job);
        self.gone();
    }

    /// What belonged to the former job run is over.
    fn gone(&mut self) {
        (self.cache, self.teller) = (Cache::default(), Teller::default());
        self.run += 1;
        self.changed.notify_waiters();
    }

    /// Its job is ended from outside, or asked about: what ran until now goes into the record.
    fn keep(&mut self, now: Millis) {
        if let Some(job) = self.job.as_ref().filter(|job| !job.has_lost_machine())
            && let Some(from) = job.running_since(now)
        {
            self.ran(from, now);
        }
    }

    fn ran(&mut self, from: Millis, until: Millis) {
        let Some(job) = &self.job else { return };
        let good_until = match job.code.behaviour {
            Behaviour::CheckpointsStop { after } => until.min(from + millis(after)),
            _ => until,
        };
        let every = job.interval.map(|interval| millis(interval) / 1_000);
        self.record.ran(self.content, (from, good_until), every);
    }

    fn decide(&mut self, off: &BTreeSet<String>, now: Millis) {
        if let Some(Job {
            phase: Phase::Running | Phase::RegionsDown,
            attempt: Some(attempt),
            regions,
            code,
            ..
        }) = &mut self.job
        {
            attempt.decide(code, off, now);
            if let Some(regions) = regions {
                regions.decide(code, off, now);
            }
        }
        self.changed.notify_waiters();
    }

    /// When its timer has to fire.
    fn wake(&self, off: &BTreeSet<String>) -> Option<Millis> {
        let job = self.job.as_ref()?;
        let next = job.next_event()?;
        match self.teller.next_summary() {
            Some(summary) if job.loops_endlessly(off) => Some(summary),
            Some(summary) => Some(next.min(summary)),
            None => Some(next),
        }
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state
            .lock()
            .expect("no thread panics while it holds the clusters")
    }

    fn now(&self) -> Millis {
        self.clock.now().as_millisecond()
    }

    /// Lives through what happened to an application's job up to `now`, and tells it.
    fn advance(&self, application: &str, now: Millis) {
        self.live(application, now, |_, _| ());
    }

    /// Something befalls a cluster now. Says whether it could.
    fn befall(&self, application: &str, event: &ClusterEvent) -> bool {
        let (now, mut happened) = (self.now(), false);
        self.live(application, now, |job, world| {
            happened = job.befall(event, now, world);
        });
        let mut state = self.lock();
        let State { off, clusters, .. } = &mut *state;
        if let Some(cluster) = clusters.get_mut(application) {
            cluster.decide(off, now);
        }
        happened
    }

    /// The same, and then something more is done to the job.
    fn live(&self, application: &str, now: Millis, then: impl FnOnce(&mut Job, &mut World<'_>)) {
        let mut state = self.lock();
        let State {
            rng, off, clusters, ..
        } = &mut *state;
        let Some(cluster) = clusters.get_mut(application) else {
            return;
        };
        let Some(job) = &mut cluster.job else { return };
        let mut tales = Vec::new();
        let mut world = World {
            ledger: &mut cluster.ledger,
            off,
            rng,
            tales: &mut tales,
        };
        job.advance(now, &mut world);
        then(job, &mut world);
        let summary = cluster.teller.summary(now, job.restarts);
        let mut sentences: Vec<String> = tales
            .iter()
            .filter_map(|tale| cluster.teller.tell(tale, now))
            .collect();
        sentences.extend(summary);
        for tale in &tales {
            match tale {
                Tale::Ran { from, until } => cluster.ran(*from, *until),
                Tale::Fault { at, .. } | Tale::JobManagerLost { at } => cluster.record.failed(*at),
                _ => {}
            }
        }
        drop(state);
        for sentence in sentences {
            self.journal.tell(Actor::Flink, Some(application), sentence);
        }
        for tale in tales {
            let how = match tale {
                Tale::Finished => Ended::Finished,
                Tale::Fault { delay: None, .. } => Ended::Failed,
                _ => continue,
            };
            self.endings.add(application, how);
        }
    }

    /// Changes the present attempt of a running job, and decides its end again.
    fn strike(&self, application: &str, change: impl FnOnce(&mut Job, Millis)) {
        let now = self.now();
        self.advance(application, now);
        let mut state = self.lock();
        let State { off, clusters, .. } = &mut *state;
        if let Some(cluster) = clusters.get_mut(application) {
            if let Some(job) = cluster
                .job
                .as_mut()
                .filter(|job| matches!(job.phase, Phase::Running))
            {
                change(job, now);
            }
            cluster.decide(off, now);
        }
    }

    /// The timer of one job run.
    fn drive(self: &Arc<Self>, application: String, run: u64) {
        let weak = Arc::downgrade(self);
        let clock = self.clock.clone();
        tokio::spawn(async move {
            loop {
                let Some(inner) = weak.upgrade() else { return };
                let (wake, changed) = {
                    let state = inner.lock();
                    let Some(cluster) = state
                        .clusters
                        .get(&application)
                        .filter(|cluster| cluster.run == run && cluster.job.is_some())
                    else {
                        return;
                    };
                    (cluster.wake(&state.off), cluster.changed.clone())
                };
                drop(inner);
                let sleep = async {
                    match wake {
                        Some(at) => {
                            clock
                                .sleep_until(
                                    Timestamp::from_millisecond(at).expect("a moment of the run"),
                                )
                                .await
                        }
                        None => std::future::pending().await,
                    }
                };
                // Biased: the unbiased order is drawn from the machine's randomness.
                tokio::select! {
                    biased;
                    () = changed.notified() => {}
                    () = sleep => {}
                }
                let Some(inner) = weak.upgrade() else { return };
                if inner
                    .lock()
                    .clusters
                    .get(&application)
                    .is_some_and(|cluster| cluster.run == run)
                {
                    inner.advance(&application, inner.now());
                }
            }
        });
    }

    /// Sets up the job of a launch: how long until it is RUNNING, or why it never will be.
    fn submit(self: &Arc<Self>, launch: &Launch) -> Result<Duration, SubmissionFailed> {
        let now = self.now();
        let mut state = self.lock();
        let identity = code_identity(&launch.configuration);
        let refusal = |message: String| SubmissionFailed {
            message,
            state_does_not_fit: false,
        };
        let Some(code) = state.code(&identity).cloned() else {
            return Err(refusal(format!(
                "The code at {identity:?} does not exist or cannot be read."
            )));
        };
        let State { rng, clusters, .. } = &mut *state;
        let foreign = foreign(clusters, launch);
        let cluster = clusters
            .entry(launch.application.clone())
            .or_insert_with(|| Cluster::new(Stream::default(), now));
        cluster.keep(now);
        cluster.job = None;
        cluster.gone();
        cluster.content = content_of(&launch.runtime, &launch.configuration);
        cluster.record.launches.push(Launched {
            at: self.clock.now(),
            content: cluster.content,
            restored: launch.restore.as_ref().map(|one| one.snapshot.clone()),
        });
        if let Behaviour::BadMain { message } = &code.behaviour {
            return Err(refusal(format!(
                "org.apache.flink.client.program.ProgramInvocationException: The main method caused an error: {message}"
            )));
        }
        let (mut point, mut misfit, mut fits) = (None, false, true);
        if let Some(restore) = &launch.restore {
            let own = cluster.savepoints.get(&restore.snapshot);
            let own = own.filter(|one| one.location == restore.location);
            let Some(stored) = own.or(foreign.as_ref()) else {
                return Err(refusal(format!(
                    "Cannot find the savepoint of snapshot {}.",
                    restore.snapshot
                )));
            };
            point = Some(RestorePoint {
                id: 1,
                path: stored.location.clone(),
                is_savepoint: true,
                position: stored.position,
                pending_from: stored.pending_from,
            });
            match code.misfit {
                _ if code.reads(stored.state_version) => {}
                Misfit::Refused => fits = restore.allow_non_restored_state,
                Misfit::Loops => misfit = true,
            }
        }
        let mut job = Job::submit(launch, code, now, point, misfit, rng);
        let running = job.running_at() - now;
        if !fits {
            job.fail_to_initialize(now + 14);
            cluster.replace(job);
            return Err(SubmissionFailed {
                message: does_not_map(launch),
                state_does_not_fit: true,
            });
        }
        cluster.replace(job);
        let run = cluster.run;
        drop(state);
        self.drive(launch.application.clone(), run);
        Ok(Duration::from_millis(running.unsigned_abs()))
    }

    fn take_savepoint(
        &self,
        application: &str,
        snapshot: &str,
        stop: bool,
    ) -> Result<Savepoint, String> {
        let now = self.now();
        self.advance(application, now);
        let mut state = self.lock();
        let Some(Cluster {
            job: Some(job),
            ledger,
            savepoints,
            ..
        }) = state.clusters.get_mut(application)
        else {
            return Err("there is no job".to_owned());
        };
        if let Some(reason) = job.unfit_for_savepoint(now) {
            return Err(reason.to_owned());
        }
        let ran_from = job.running_since(now);
        let location = location(application, snapshot);
        let position = job.take_savepoint(now, &location, stop, ledger);
        let pending_from = ledger.visible_to().min(position);
        let bytes = job.code.state_bytes;
        savepoints.insert(
            snapshot.to_owned(),
            Stored {
                location: location.clone(),
                position,
                pending_from,
                state_version: job.code.state_version,
            },
        );
        if stop && let Some(cluster) = state.clusters.get_mut(application) {
            if let Some(from) = ran_from {
                cluster.ran(from, now);
            }
            cluster.job = None;
            cluster.gone();
        }
        Ok(Savepoint { location, bytes })
    }
}

/// A savepoint that another application's job wrote: the service gives it to any. Its offsets are those of another log; here they count as far as this one goes.
fn foreign(clusters: &BTreeMap<String, Cluster>, launch: &Launch) -> Option<Stored> {
    let restore = launch.restore.as_ref()?;
    let others = clusters.iter().filter(|(of, _)| **of != launch.application);
    let written = others.flat_map(|(_, cluster)| cluster.savepoints.values());
    let found = written
        .into_iter()
        .find(|one| one.location == restore.location)?;
    let own = clusters.get(&launch.application);
    let end = own.map_or(0, |cluster| cluster.ledger.position());
    Some(Stored {
        location: found.location.clone(),
        position: found.position.min(end),
        pending_from: found.pending_from.min(end),
        state_version: found.state_version,
    })
}

fn does_not_map(launch: &Launch) -> String {
    let from = launch
        .restore
        .as_ref()
        .map_or("", |restore| restore.location.as_str());
    format!(
        "java.lang.IllegalStateException: Failed to rollback to checkpoint/savepoint {from}. Cannot map checkpoint/savepoint state for operator to the new program, because the operator is not available in the new program."
    )
}

fn location(application: &str, snapshot: &str) -> String {
    format!("s3://managed-flink/{application}/snapshots/{snapshot}")
}

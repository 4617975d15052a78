//! What a version of an application's code does when it runs: the scenario's script for a job.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Code by its identity: the S3 object key, or `key@objectVersion` where a scenario tells versions of one key apart.
pub type Codebook = BTreeMap<String, Code>;

/// An exception as Flink shows it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Fault {
    /// The Java class, `java.lang.IllegalArgumentException`.
    pub class: String,
    /// What it says.
    pub message: String,
    /// Which vertex throws it, by index; None for one that no task throws (a source enumerator): its entry has no task name.
    pub vertex: Option<usize>,
    /// Which subtask of it, by index.
    #[serde(default)]
    pub subtask: u32,
}

/// The first subtask goes without saying.
impl fmt::Debug for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = formatter.debug_struct("Fault");
        shown
            .field("class", &self.class)
            .field("message", &self.message)
            .field("vertex", &self.vertex);
        if self.subtask > 0 {
            shown.field("subtask", &self.subtask);
        }
        shown.finish()
    }
}

impl Fault {
    /// A fault thrown in the second vertex (or the only one), where most user code is.
    pub fn new(class: &str, message: &str) -> Self {
        Self {
            class: class.to_owned(),
            message: message.to_owned(),
            vertex: Some(1),
            subtask: 0,
        }
    }

    /// The same fault, thrown by this subtask.
    #[must_use]
    pub fn in_subtask(mut self, subtask: u32) -> Self {
        self.subtask = subtask;
        self
    }

    /// The same fault, thrown by no task.
    #[must_use]
    pub fn outside_tasks(mut self) -> Self {
        self.vertex = None;
        self
    }
}

/// What the job does once it is submitted.
#[derive(Clone, Debug)]
pub enum Behaviour {
    /// Runs and processes.
    Healthy,
    /// Throws some time after each start, while processing.
    Throws {
        /// Time from all tasks RUNNING to the fault.
        after: Duration,
        /// Up to this much is added, by the region's seed; zero for exact.
        jitter: Duration,
        /// What is thrown.
        fault: Fault,
    },
    /// Throws while a task opens: never all RUNNING.
    ThrowsInOpen {
        /// What is thrown.
        fault: Fault,
    },
    /// `main()` fails: no job appears, the submission is refused with this text.
    BadMain {
        /// The text of the failure.
        message: String,
    },
    /// Not enough slots: SCHEDULED for five minutes, then a loop of `NoResourceAvailableException`.
    TooFewSlots,
    /// Reads a bounded input and finishes.
    Bounded {
        /// Time from all tasks RUNNING to the end.
        after: Duration,
    },
    /// Runs without a restart, but no checkpoint completes any more.
    CheckpointsStop {
        /// Time from all tasks RUNNING to the last good checkpoint.
        after: Duration,
    },
    /// Runs, and computes wrong results.
    WrongResults,
    /// Its JobManager dies some time after each of its starts. Only `start-time` tells: everything that Flink counts begins anew each time.
    JobManagerCrashes {
        /// Time from the job RUNNING to the crash.
        after: Duration,
        /// How long the REST API is gone each time.
        gone: Duration,
    },
    /// A batch job under the adaptive batch scheduler: its vertices are stages that run one after the other, then it finishes. It has no checkpoints.
    Batch {
        /// Time that each stage takes.
        stage: Duration,
    },
}

/// Who schedules the job (`jobmanager.scheduler`). Batch jobs have a scheduler of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Scheduler {
    /// Flink's default.
    Default,
    /// The adaptive one: it takes another parallelism while it runs, and waits for slots instead of failing.
    Adaptive {
        /// How long a start waits for its slots, CREATED.
        slots_after_secs: u32,
    },
}

impl Scheduler {
    /// The adaptive scheduler, with all its slots there.
    pub const ADAPTIVE: Self = Self::Adaptive {
        slots_after_secs: 0,
    };
}

impl Behaviour {
    /// Throws `class: message` exactly `seconds` after each start.
    pub fn throws_after(seconds: u64, class: &str, message: &str) -> Self {
        Self::Throws {
            after: Duration::from_secs(seconds),
            jitter: Duration::ZERO,
            fault: Fault::new(class, message),
        }
    }
}

/// Something outside that the job needs to run.
#[derive(Clone, Debug)]
pub struct Need {
    /// Its name, `broker`: what the scenario switches off and on.
    pub dependency: String,
    /// What the job throws while it is off.
    pub fault: Fault,
    /// Time from a start (or from the outage) to the fault.
    pub notices_after: Duration,
}

/// How Flink restarts the job.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum RestartStrategy {
    /// The same delay each time, up to a number of attempts.
    FixedDelay {
        /// Before each restart.
        delay: Duration,
        /// None for ever.
        attempts: Option<u32>,
    },
    /// A growing delay: Flink's default since 1.19.
    ExponentialDelay {
        /// Before the first restart.
        initial: Duration,
        /// The longest delay.
        max: Duration,
        /// Factor from one delay to the next.
        multiplier: f64,
        /// Running this long makes the next delay the first again.
        reset_after: Duration,
    },
    /// None: the first fault ends the job.
    None,
}

impl RestartStrategy {
    /// Flink's own default values of the exponential delay.
    pub const EXPONENTIAL: Self = Self::ExponentialDelay {
        initial: Duration::from_secs(1),
        max: Duration::from_secs(60),
        multiplier: 1.5,
        reset_after: Duration::from_secs(3600),
    };

    /// For ever, with `seconds` between fault and restart.
    pub const fn every(seconds: u64) -> Self {
        Self::FixedDelay {
            delay: Duration::from_secs(seconds),
            attempts: None,
        }
    }
}

/// What happens when the state of a snapshot does not fit the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misfit {
    /// The submission fails ("Cannot map checkpoint/savepoint state for operator"): a FAILED job without vertices. `AllowNonRestoredState` gets past it.
    Refused,
    /// Accepted, then a loop: `StateMigrationException`, within a `RuntimeException`.
    Loops,
}

/// A version of an application's code.
#[derive(Clone, Debug)]
pub struct Code {
    /// What it does.
    pub behaviour: Behaviour,
    /// How Flink restarts it.
    pub restart_strategy: RestartStrategy,
    /// Time between checkpoints; None takes the application's configuration (the service's default is 60 s).
    pub checkpoint_interval: Option<Duration>,
    /// How long a checkpoint takes.
    pub checkpoint_takes: Duration,
    /// Operators: name and parallelism.
    pub vertices: Vec<(String, u32)>,
    /// The most it can process; what the application's log produces is the stream's affair.
    pub records_per_sec: u32,
    /// How long tasks stay INITIALIZING when state is restored, from a snapshot or from a checkpoint.
    pub restore: Duration,
    /// What must be up outside.
    pub needs: Vec<Need>,
    /// The format of the state that it writes.
    pub state_version: u32,
    /// The oldest format that it reads; it reads none newer than its own.
    pub state_compatible_from: u32,
    /// What happens with a snapshot that it cannot read.
    pub misfit: Misfit,
    /// Size of a checkpoint in bytes.
    pub state_bytes: u64,
    /// Locks the loop to the REST cache: every cached look falls into a RUNNING part, as long as the job is back within the cache's three seconds
    /// (restart delay and `restore` together). Sticky signals still tell.
    pub running_whenever_looked: bool,
    /// It has no shuffles: each subtask is a failover region, which fails and restarts on its own. Its vertices have the same parallelism, and
    /// [`Behaviour::Throws`] loops in the one region that throws. The adaptive scheduler knows no regions.
    pub failover_regions: bool,
    /// Who schedules it.
    pub scheduler: Scheduler,
}

impl Code {
    /// Code with this behaviour, and ordinary values for the rest.
    pub fn that(behaviour: Behaviour) -> Self {
        let vertices = [
            ("Source: orders", 1),
            ("enrich", 2),
            ("count", 2),
            ("sink: Writer", 1),
        ];
        Self {
            behaviour,
            restart_strategy: RestartStrategy::EXPONENTIAL,
            checkpoint_interval: None,
            checkpoint_takes: Duration::from_millis(480),
            vertices: vertices
                .iter()
                .map(|(name, parallelism)| ((*name).to_owned(), *parallelism))
                .collect(),
            records_per_sec: 1_000,
            restore: Duration::from_secs(2),
            needs: Vec::new(),
            state_version: 1,
            state_compatible_from: 1,
            misfit: Misfit::Loops,
            state_bytes: 48 * 1024 * 1024,
            running_whenever_looked: false,
            failover_regions: false,
            scheduler: Scheduler::Default,
        }
    }

    /// Code that runs and processes.
    pub fn healthy() -> Self {
        Self::that(Behaviour::Healthy)
    }

    /// With this restart strategy.
    #[must_use]
    pub fn restarting(mut self, strategy: RestartStrategy) -> Self {
        self.restart_strategy = strategy;
        self
    }

    /// With a checkpoint every so many seconds.
    #[must_use]
    pub fn checkpointing_every(mut self, seconds: u64) -> Self {
        self.checkpoint_interval = Some(Duration::from_secs(seconds));
        self
    }

    /// Needing a dependency, whose absence shows as `class: message` five seconds after each start.
    #[must_use]
    pub fn needing(mut self, dependency: &str, class: &str, message: &str) -> Self {
        self.needs.push(Need {
            dependency: dependency.to_owned(),
            fault: Fault::new(class, message),
            notices_after: Duration::from_secs(5),
        });
        self
    }

    /// Without shuffles: so many failover regions, one chain of operators each.
    #[must_use]
    pub fn in_regions(mut self, regions: u32) -> Self {
        self.vertices = vec![(
            "Source: orders -> enrich -> sink: Writer".to_owned(),
            regions,
        )];
        self.failover_regions = true;
        self
    }

    /// With this scheduler.
    #[must_use]
    pub fn scheduled_by(mut self, scheduler: Scheduler) -> Self {
        self.scheduler = scheduler;
        self
    }

    /// Taking so many seconds to restore its state.
    #[must_use]
    pub fn restoring_for(mut self, seconds: u64) -> Self {
        self.restore = Duration::from_secs(seconds);
        self
    }

    /// Writing state of this format, and reading formats back to `from`.
    #[must_use]
    pub fn with_state(mut self, version: u32, from: u32) -> Self {
        (self.state_version, self.state_compatible_from) = (version, from);
        self
    }

    /// Whether it can read state of this format.
    pub fn reads(&self, state_version: u32) -> bool {
        (self.state_compatible_from..=self.state_version).contains(&state_version)
    }

    /// Whether parts of it fail and restart on their own.
    pub(super) fn fails_in_regions(&self) -> bool {
        self.failover_regions && self.scheduler == Scheduler::Default
    }

    /// Whether the adaptive scheduler runs it.
    pub(super) fn is_adaptive(&self) -> bool {
        self.scheduler != Scheduler::Default
    }

    /// Whether it is a batch job.
    pub(super) fn is_batch(&self) -> bool {
        matches!(self.behaviour, Behaviour::Batch { .. })
    }

    /// All subtasks of all vertices.
    pub fn subtasks(&self) -> u32 {
        self.vertices
            .iter()
            .map(|(_, parallelism)| parallelism)
            .sum()
    }
}

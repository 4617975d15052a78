//! Situations that were recorded from real clusters, replayed on the simulated one: the assessment of the answers agrees with that of the recording, right or wrong, and they have
//! the same members.

#[path = "../../emulated-flink/tests/answer_paths/mod.rs"]
mod answer_paths;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use answer_paths::paths;
use sandbox::assess::{CAPTURE_SOAK_SECS, Moment, assess, render_table};
use sandbox::clock::Clock;
use sandbox::flink::{
    Behaviour, ClusterEvent, Code, Codebook, DataPlane as _, Fault, Launch, RestartStrategy,
    Scheduler, SimulatedFlink,
};
use sandbox::journal::Journal;
use serde_json::{Value, json};

const APPLICATION: &str = "orders";
const METRICS: &str = "get=numRestarts,fullRestarts,uptime,downtime,restartingTime,\
                       numberOfCompletedCheckpoints,lastCheckpointDuration";

/// The simulated start takes so much longer than those of the recordings, which had warm clusters.
const SLOWER_START_MS: i64 = 1_200;

/// What happens and when it is looked at, in milliseconds from the first look.
struct Play {
    recording: &'static str,
    code: Code,
    /// How long the job has run at the first look.
    age: i64,
    events: Vec<(i64, ClusterEvent)>,
    looks: Vec<(i64, String)>,
}

fn recording(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/managed-flink/tests/recordings")
        .join(name)
}

/// The recorded answers by file name without `.json`.
fn recorded(name: &str) -> BTreeMap<String, Value> {
    let files = std::fs::read_dir(recording(name)).expect("a recording");
    files
        .filter_map(|file| {
            let path = file.expect("a file").path();
            let stem = path
                .file_name()?
                .to_str()?
                .strip_suffix(".json")?
                .to_owned();
            let text = std::fs::read(&path).expect("readable");
            Some((stem, serde_json::from_slice(&text).expect("JSON")))
        })
        .collect()
}

/// The code of the recordings: a checkpoint every so many seconds, nothing to restore.
fn code(behaviour: Behaviour) -> Code {
    let mut code = Code::that(behaviour)
        .checkpointing_every(2)
        .restoring_for(0);
    code.checkpoint_takes = Duration::from_millis(30);
    code
}

impl Play {
    /// Looks when the recording did, at a job as old.
    fn of(name: &'static str, code: Code) -> Self {
        let all = recorded(name);
        let mut looks: Vec<(i64, String)> = Vec::new();
        let (mut first, mut age) = (i64::MAX, 0);
        for (stem, answer) in &all {
            let Some(moment) = stem.strip_suffix("__job") else {
                continue;
            };
            let now = answer["now"].as_i64().expect("a moment");
            if now < first {
                (first, age) = (now, answer["duration"].as_i64().expect("a duration"));
            }
            looks.push((now, moment.to_owned()));
        }
        looks.sort();
        for (at, _) in &mut looks {
            *at -= first;
        }
        Self {
            recording: name,
            code,
            age: age + SLOWER_START_MS,
            events: Vec::new(),
            looks,
        }
    }

    /// With an event so many milliseconds after the first look.
    fn with(mut self, at: i64, event: ClusterEvent) -> Self {
        self.events.push((at, event));
        self
    }

    /// Plays it: the folder that holds the answers.
    async fn captured(&self, test: &str) -> PathBuf {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR"))
            .join(test)
            .join(self.recording.replace('/', "-"));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).expect("a folder");
        let clock = Clock::starting_at("2026-03-02T09:00:00Z".parse().expect("a date"));
        let codebook = Codebook::from([("orders.jar".to_owned(), self.code.clone())]);
        let flink = SimulatedFlink::new(clock.clone(), Journal::new(clock), codebook, 1);
        let (release, _) = self.recording.split_once('/').expect("a release");
        let launched = flink.launch(Launch {
            application: APPLICATION.to_owned(),
            version: 1,
            configuration: json!({ "ApplicationCodeConfigurationDescription": { "CodeContentDescription": {
                "S3ApplicationCodeLocationDescription": { "FileKey": "orders.jar" } } } }),
            runtime: format!("FLINK-{}", release.replace('.', "_")),
            restore: None,
        });
        tokio::spawn(launched);
        let mut steps: Vec<(i64, Result<&ClusterEvent, &String>)> = Vec::new();
        steps.extend(self.events.iter().map(|(at, event)| (*at, Ok(event))));
        steps.extend(self.looks.iter().map(|(at, moment)| (*at, Err(moment))));
        steps.sort_by_key(|(at, step)| (*at, step.is_err()));
        let mut now = -self.age;
        for (at, step) in steps {
            tokio::time::sleep(Duration::from_millis((at - now).max(0).unsigned_abs())).await;
            now = at.max(now);
            match step {
                Ok(event) => flink.befall(APPLICATION, event),
                Err(moment) => look(&flink, &folder, moment).await,
            }
        }
        folder
    }
}

/// Writes the answers of this moment, named as in the recordings.
async fn look(flink: &SimulatedFlink, folder: &Path, moment: &str) {
    let ask = async |endpoint: &str, path: &str, query: &str| {
        let answer = flink.rest(APPLICATION, path, query).await;
        let status = match answer.status {
            200 => String::new(),
            other => format!(".http{other}"),
        };
        let file = folder.join(format!("{moment}__{endpoint}{status}.json"));
        std::fs::write(file, answer.body.to_string()).expect("written");
        answer.body
    };
    let overview = ask("jobs_overview", "/jobs/overview", "").await;
    let Some(id) = overview["jobs"][0]["jid"].as_str() else {
        return;
    };
    let job = ask("job", &format!("/jobs/{id}"), "").await;
    for (endpoint, query) in [
        ("exceptions", ""),
        ("checkpoints", ""),
        ("metrics", METRICS),
    ] {
        ask(endpoint, &format!("/jobs/{id}/{endpoint}"), query).await;
    }
    for (index, vertex) in job["vertices"].as_array().into_iter().flatten().enumerate() {
        let vertex = vertex["id"].as_str().expect("an id");
        ask(
            &format!("vertex{index}"),
            &format!("/jobs/{id}/vertices/{vertex}"),
            "",
        )
        .await;
    }
}

fn blip(apart_millis: u32) -> ClusterEvent {
    let fault = Fault::new(
        "java.lang.IllegalStateException",
        "org.apache.kafka.common.errors.TimeoutException: Topic t not present in metadata after 60000 ms.",
    );
    ClusterEvent::RegionsFail {
        apart_millis,
        fault: Fault {
            vertex: Some(0),
            ..fault
        },
    }
}

/// When, from the first look on, the oldest fault of a recording was.
fn first_fault(name: &str) -> i64 {
    let all = recorded(name);
    let start = all
        .iter()
        .filter(|(stem, _)| stem.ends_with("__job"))
        .map(|(_, answer)| answer["now"].as_i64().expect("a moment"))
        .min()
        .expect("a moment");
    let faults = all
        .iter()
        .filter(|(stem, _)| stem.ends_with("__exceptions"))
        .flat_map(|(_, answer)| answer["exceptionHistory"]["entries"].as_array())
        .flatten()
        .filter_map(|entry| entry["timestamp"].as_i64());
    faults.min().expect("a fault") - start
}

/// When, from the first look on, each further life of a job began.
fn lives(name: &str) -> Vec<i64> {
    let all = recorded(name);
    let jobs = || all.iter().filter(|(stem, _)| stem.ends_with("__job"));
    let now = jobs().filter_map(|(_, job)| job["now"].as_i64()).min();
    let starts: BTreeSet<i64> = jobs()
        .filter_map(|(_, job)| job["start-time"].as_i64())
        .collect();
    let first = now.expect("a moment");
    starts.into_iter().skip(1).map(|at| at - first).collect()
}

/// Lives of the same length, each looked at as the recorded ones were.
fn crash_loop() -> Play {
    let (lives, gone) = (15_000_i64, 4_200_i64);
    let mut play = Play::of(
        "2.3/jobmanager-crash-loop",
        code(Behaviour::JobManagerCrashes {
            after: Duration::from_millis(lives.unsigned_abs()),
            gone: Duration::from_millis(gone.unsigned_abs()),
        }),
    );
    play.looks.truncate(1);
    for life in 1..=6 {
        // As recorded: the first start takes 275 ms to RUNNING, those of a later JobManager 850 ms.
        let begins = 275 + lives + gone + (life - 1) * (850 + lives + gone) - play.age;
        play.looks
            .push((begins + 411, format!("m{life}0_life{life}")));
        play.looks
            .push((begins + 5_000, format!("m{life}1_life{life}")));
    }
    play
}

fn plays() -> Vec<Play> {
    let regions = |strategy| code(Behaviour::Healthy).in_regions(8).restarting(strategy);
    let every_second = RestartStrategy::every(1);
    let of_regions = |name, strategy, apart| {
        Play::of(name, regions(strategy)).with(first_fault(name) - 1, blip(apart))
    };
    let lost = |name| {
        let noticed = first_fault(name);
        Play::of(name, regions(RestartStrategy::EXPONENTIAL))
            .with(noticed - 11_000, ClusterEvent::TaskManagerLost)
    };
    let mut failover = Play::of("2.3/jobmanager-failover", code(Behaviour::Healthy));
    for life in lives("2.3/jobmanager-failover") {
        failover = failover.with(life - 20_000, ClusterEvent::JobManagerLost);
    }
    let poison = Fault {
        vertex: Some(0),
        ..Fault::new(
            "java.lang.IllegalArgumentException",
            "poison record 25000: cannot parse 'abc' as INT",
        )
    };
    let loops = code(Behaviour::Throws {
        after: Duration::from_secs(5),
        jitter: Duration::ZERO,
        fault: poison.in_subtask(3),
    })
    .in_regions(8)
    .restarting(every_second);
    let adaptive = |name, slots_after_secs| {
        let mut code =
            code(Behaviour::Healthy).scheduled_by(Scheduler::Adaptive { slots_after_secs });
        code.vertices = vec![
            ("Source: source -> work".to_owned(), 4),
            ("count -> sink: Writer".to_owned(), 4),
        ];
        Play::of(name, code)
    };
    let batch = |name, stage, parallelism| {
        let mut code = code(Behaviour::Batch {
            stage: Duration::from_secs(stage),
        });
        code.vertices = vec![
            (
                "Source: Sequence Source -> stage one".to_owned(),
                parallelism,
            ),
            ("stage two -> sink: Writer".to_owned(), parallelism),
        ];
        Play::of(name, code)
    };
    vec![
        of_regions("1.18/region-blip", every_second, 150),
        of_regions(
            "1.20/region-blip-exponential",
            RestartStrategy::EXPONENTIAL,
            1_000,
        ),
        of_regions("2.2/region-blip-fixed-delay", every_second, 150),
        of_regions("2.3/region-blip-fixed-delay", every_second, 150),
        of_regions(
            "2.3/region-blip-default-strategy",
            RestartStrategy::EXPONENTIAL,
            150,
        ),
        lost("2.2/taskmanager-killed-spare-slots"),
        lost("2.3/taskmanager-killed-spare-slots"),
        Play::of("2.3/region-loops-one-of-eight-fixed-delay", loops),
        failover,
        crash_loop(),
        batch("1.20/batch", 600, 2),
        batch("2.3/batch-two-stages", 30, 1),
        adaptive("2.3/rescale-adaptive", 0)
            .with(9_050 - 7_147, ClusterEvent::Rescale { parallelism: 2 })
            .with(30_000, ClusterEvent::Rescale { parallelism: 8 }),
        adaptive("2.3/adaptive-waits-for-resources", 20).with(
            first_fault("2.3/adaptive-waits-for-resources") - 17_700,
            ClusterEvent::SlotsLost { for_secs: 8 },
        ),
    ]
}

/// What is said at the end, after how many restarts, what was said on the way (but that it is still settling: that depends on seconds), and whether the first fault names a task.
fn shape(moments: &[Moment]) -> (&'static str, u64, BTreeSet<&'static str>, Option<bool>) {
    let last = moments.last().expect("moments");
    let fault = last.first_fault.as_ref();
    (
        last.assessment,
        last.restarts,
        moments
            .iter()
            .map(|one| one.assessment)
            .filter(|word| *word != "settling")
            .collect(),
        fault.map(|fault| fault.task.is_some()),
    )
}

#[tokio::test(start_paused = true)]
async fn a_replay_is_assessed_as_the_recording_was() {
    let mut differ = Vec::new();
    for play in plays() {
        let folder = play.captured("assessed").await;
        let replayed = assess(&folder, CAPTURE_SOAK_SECS).expect("a replay");
        let real = assess(&recording(play.recording), CAPTURE_SOAK_SECS).expect("a recording");
        if shape(&replayed) != shape(&real) {
            differ.push(format!(
                "{}:\n{}recorded:\n{}",
                play.recording,
                render_table(&replayed),
                render_table(&real)
            ));
        }
    }
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

/// The members of all answers in a folder, by endpoint.
fn members(folder: &Path) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    for file in std::fs::read_dir(folder).expect("a folder") {
        let path = file.expect("a file").path();
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        let Some((_, endpoint)) = name
            .strip_suffix(".json")
            .and_then(|stem| stem.split_once("__"))
        else {
            continue;
        };
        if endpoint.contains("http0") {
            continue;
        }
        let endpoint = endpoint.trim_end_matches(|digit: char| {
            digit.is_ascii_digit() && endpoint.starts_with("vertex")
        });
        let text = std::fs::read(&path).expect("readable");
        let mut found = BTreeSet::new();
        paths(
            &serde_json::from_slice(&text).expect("JSON"),
            "",
            &mut found,
        );
        all.extend(found.into_iter().map(|path| format!("{endpoint} {path}")));
    }
    all
}

#[tokio::test(start_paused = true)]
async fn a_replay_has_the_members_of_its_recording() {
    let mut missing = BTreeMap::new();
    for play in plays() {
        let folder = play.captured("members").await;
        let (real, replayed) = (members(&recording(play.recording)), members(&folder));
        // Where a JobManager is dead, the recordings have no answer at all.
        let more = |path: &&String| !path.starts_with("jobs_overview.http503");
        let lacks: Vec<String> = real.difference(&replayed).cloned().collect();
        let more: Vec<String> = replayed.difference(&real).filter(more).cloned().collect();
        missing.insert(play.recording, (lacks, more));
    }
    missing.retain(|_, (lacks, more)| !lacks.is_empty() || !more.is_empty());
    assert!(missing.is_empty(), "{missing:#?}");
}

//! A JobManager and its TaskManager: two real processes, tethered to this one.
//!
//! Everything here blocks its thread and lives in real time. Invariant: no process outlives its [`Pair`]; and when this process dies without dropping it, the tether (`Tether.java`) ends
//! them, because their standard input closes.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use super::client::Client;
use super::distribution::Distribution;
use super::times::real_now;
use crate::flink::{Millis, RestAnswer};

/// From the start of the processes to free slots: 3 to 6 s on an idle machine, minutes on one that builds something meanwhile.
const BOOT_MS: Millis = 600_000;
/// From the submission to RUNNING.
const SUBMISSION_MS: Millis = 120_000;
/// A savepoint of a few numbers.
const SAVEPOINT_MS: Millis = 120_000;
/// Between two looks while waiting.
const POLL: Duration = Duration::from_millis(100);
/// As many as the job's widest operator has subtasks.
const SLOTS: usize = 2;

/// What Flink's own start scripts give the JVM, as far as a job on Java 17 needs it.
const OPEN: [&str; 12] = [
    "java.base/java.lang",
    "java.base/java.net",
    "java.base/java.io",
    "java.base/java.nio",
    "java.base/sun.nio.ch",
    "java.base/java.lang.reflect",
    "java.base/java.text",
    "java.base/java.time",
    "java.base/java.util",
    "java.base/java.util.concurrent",
    "java.base/java.util.concurrent.atomic",
    "java.base/java.util.concurrent.locks",
];

/// Sizes for a small job; a TaskManager that is started without its script works none of them out by itself.
const SIZES: [(&str, &str); 12] = [
    ("jobmanager.memory.process.size", "1024m"),
    ("taskmanager.cpu.cores", "1.0"),
    ("taskmanager.memory.task.heap.size", "128m"),
    ("taskmanager.memory.task.off-heap.size", "0m"),
    ("taskmanager.memory.managed.size", "32m"),
    ("taskmanager.memory.network.min", "32m"),
    ("taskmanager.memory.network.max", "32m"),
    ("taskmanager.memory.framework.heap.size", "64m"),
    ("taskmanager.memory.framework.off-heap.size", "64m"),
    ("taskmanager.memory.jvm-metaspace.size", "192m"),
    ("taskmanager.memory.jvm-overhead.min", "128m"),
    ("taskmanager.memory.jvm-overhead.max", "128m"),
];

const LOGGING: &str = "rootLogger.level = INFO
rootLogger.appenderRef.file.ref = F
appender.file.name = F
appender.file.type = File
appender.file.fileName = ${sys:log.file}
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-60c %x - %m%n
";

/// A cluster with at most one job.
pub(super) struct Pair {
    distribution: Distribution,
    folder: PathBuf,
    pub(super) client: Client,
    job_manager: Child,
    task_manager: Option<Child>,
    task_managers_so_far: u32,
    pub(super) job: Option<String>,
}

/// What is submitted.
pub(super) struct Submission<'a> {
    pub(super) arguments: &'a [String],
    pub(super) savepoint: Option<&'a str>,
    pub(super) allow_non_restored_state: bool,
}

impl Pair {
    /// Starts both and waits for free slots; once more when one of them gives up while it starts.
    pub(super) fn start(
        distribution: &Distribution,
        folder: &Path,
        configuration: &[(String, String)],
    ) -> Result<Self, String> {
        Self::try_start(distribution.clone(), folder.to_path_buf(), configuration)
            .or_else(|_| {
                Self::try_start(
                    distribution.clone(),
                    folder.with_extension("again"),
                    configuration,
                )
            })
            .map_err(|why| {
                format!(
                    "tried twice with {}, {why}; each cluster needs 400 MB",
                    distribution.java().display()
                )
            })
    }

    fn try_start(
        distribution: Distribution,
        folder: PathBuf,
        configuration: &[(String, String)],
    ) -> Result<Self, String> {
        let (client, job_manager) = prepare(&distribution, &folder, configuration)
            .map_err(|error| format!("{}: {error}", folder.display()))?;
        let mut pair = Self {
            distribution,
            folder,
            client,
            job_manager,
            task_manager: None,
            task_managers_so_far: 0,
            job: None,
        };
        pair.start_task_manager()?;
        let until = real_now() + BOOT_MS;
        while pair
            .get("/overview")
            .is_none_or(|overview| overview["slots-total"] != SLOTS)
        {
            if let Some(gone) = pair.gone() {
                return Err(gone);
            }
            if real_now() > until {
                return Err(format!(
                    "and its slots do not come within {} s: the logs are in {}",
                    BOOT_MS / 1000,
                    pair.folder.join("log").display()
                ));
            }
            pause();
        }
        Ok(pair)
    }

    /// Which of the two processes has ended, and its last words.
    fn gone(&mut self) -> Option<String> {
        let task_manager = format!("task-manager-{}", self.task_managers_so_far);
        let both = [
            ("job-manager", Some(&mut self.job_manager)),
            (task_manager.as_str(), self.task_manager.as_mut()),
        ];
        let (name, status) = both
            .into_iter()
            .find_map(|(name, child)| Some((name, child?.try_wait().ok()??)))?;
        let log = self.folder.join("log").join(name);
        let out = std::fs::read_to_string(log.with_extension("out")).unwrap_or_default();
        let last = out
            .lines()
            .rev()
            .map(str::trim)
            .find(|line| !line.is_empty())
            .unwrap_or("it said nothing");
        Some(format!(
            "and the {name} ended ({status}): {last}; its logs are {}.*",
            log.display()
        ))
    }

    /// Submits the job, and waits until it is RUNNING; its tasks may still initialise. On failure what Flink says.
    pub(super) fn submit(&mut self, submission: &Submission<'_>) -> Result<(), String> {
        let jar = std::fs::read(self.distribution.job()).map_err(|error| error.to_string())?;
        let id = self
            .client
            .upload(&jar)
            .map_err(|error| error.to_string())?;
        let mut body =
            json!({ "entryClass": "rehearsal.OrdersJob", "programArgsList": submission.arguments });
        if let Some(savepoint) = submission.savepoint {
            body["savepointPath"] = savepoint.into();
            body["allowNonRestoredState"] = submission.allow_non_restored_state.into();
        }
        let answer = self
            .client
            .post(&format!("/jars/{id}/run"), &body)
            .map_err(|error| error.to_string())?;
        let job = answer.body["jobid"]
            .as_str()
            .filter(|_| answer.status == 200);
        self.job = Some(job.ok_or_else(|| errors(&answer))?.to_owned());
        self.until("the job", SUBMISSION_MS, |pair| {
            let state = pair
                .overview()
                .map(|job| job["state"].as_str().unwrap_or_default().to_owned());
            match state.as_deref() {
                Some("FAILED") => Err(pair
                    .root_cause()
                    .unwrap_or_else(|| "the job FAILED before it ran".to_owned())),
                Some("RUNNING" | "RESTARTING" | "FINISHED") => Ok(true),
                _ => Ok(false),
            }
        })
    }

    /// Takes a savepoint into `folder`, and with `stop` ends the job with it: where it lies.
    pub(super) fn savepoint(&self, folder: &Path, stop: bool) -> Result<String, String> {
        let job = self.job.as_ref().ok_or("there is no job")?;
        let target = format!("file://{}", folder.display());
        let (verb, body) = match stop {
            true => ("stop", json!({ "targetDirectory": target, "drain": false })),
            false => (
                "savepoints",
                json!({ "target-directory": target, "cancel-job": false }),
            ),
        };
        let asked = self
            .client
            .post(&format!("/jobs/{job}/{verb}"), &body)
            .map_err(|error| error.to_string())?;
        let trigger = asked.body["request-id"]
            .as_str()
            .ok_or_else(|| errors(&asked))?;
        let mut location = None;
        self.until("the savepoint", SAVEPOINT_MS, |pair| {
            let Some(answer) = pair.get(&format!("/jobs/{job}/savepoints/{trigger}")) else {
                return Ok(false);
            };
            // COMPLETED says that the operation is over, not that it went well.
            if answer["status"]["id"] != "COMPLETED" {
                return Ok(false);
            }
            location = answer["operation"]["location"].as_str().map(str::to_owned);
            let cause = &answer["operation"]["failure-cause"];
            if location.is_some() {
                Ok(true)
            } else {
                Err(first_line(
                    cause["stack-trace"].as_str().unwrap_or("no location"),
                ))
            }
        })?;
        location.ok_or_else(|| "the savepoint has no location".to_owned())
    }

    /// Cancels the job; does not wait, for the cluster goes with it.
    pub(super) fn cancel(&self) {
        if let Some(job) = &self.job {
            // A JobManager that does not answer is ended all the same.
            let _ = self.client.patch(&format!("/jobs/{job}?mode=cancel"));
        }
    }

    /// Kills the TaskManager as a lost machine would, and starts another, as the service does.
    pub(super) fn kill_task_manager(&mut self) -> Result<(), String> {
        if let Some(mut lost) = self.task_manager.take() {
            end(&mut lost);
        }
        self.start_task_manager()
    }

    /// Starts another TaskManager, then has the old one say good-bye: its tasks restart at once.
    pub(super) fn replace_task_manager(&mut self) -> Result<(), String> {
        let old = self.task_manager.take();
        self.start_task_manager()?;
        self.until("the new TaskManager", BOOT_MS, |pair| {
            Ok(pair
                .get("/overview")
                .is_some_and(|overview| overview["slots-total"] == 2 * SLOTS))
        })?;
        if let Some(mut old) = old {
            drop(old.stdin.take());
            // The tether's own limit bounds this.
            let _ = old.wait();
        }
        Ok(())
    }

    /// The job as `/jobs/overview` shows it: nearly live.
    pub(super) fn overview(&self) -> Option<Value> {
        let jobs = self.get("/jobs/overview")?;
        let job = self.job.as_deref()?;
        jobs["jobs"]
            .as_array()?
            .iter()
            .find(|one| one["jid"] == job)
            .cloned()
    }

    /// A body that was answered with 200.
    pub(super) fn get(&self, path: &str) -> Option<Value> {
        self.client
            .get(path)
            .ok()
            .filter(|answer| answer.status == 200)
            .map(|answer| answer.body)
    }

    fn root_cause(&self) -> Option<String> {
        let exceptions = self.get(&format!("/jobs/{}/exceptions", self.job.as_ref()?))?;
        exceptions["exceptionHistory"]["entries"][0]["stacktrace"]
            .as_str()
            .map(cause)
    }

    fn start_task_manager(&mut self) -> Result<(), String> {
        self.task_managers_so_far += 1;
        let name = format!("task-manager-{}", self.task_managers_so_far);
        let main = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner";
        let memory = ["-Xmx192m", "-XX:MaxDirectMemorySize=128m"];
        let started = spawn(&self.distribution, &self.folder, &name, &memory, main, &[]);
        self.task_manager =
            Some(started.map_err(|error| format!("{name} cannot be started: {error}"))?);
        Ok(())
    }

    fn until(
        &self,
        what: &str,
        at_most: Millis,
        mut is_so: impl FnMut(&Self) -> Result<bool, String>,
    ) -> Result<(), String> {
        let until = real_now() + at_most;
        while !is_so(self)? {
            if real_now() > until {
                return Err(format!(
                    "{what} did not come within {} s; the logs are in {}",
                    at_most / 1000,
                    self.folder.display()
                ));
            }
            pause();
        }
        Ok(())
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.task_manager
            .iter_mut()
            .chain([&mut self.job_manager])
            .for_each(end);
    }
}

/// Until the next look at something real.
pub(super) fn pause() {
    #[expect(
        clippy::disallowed_methods,
        reason = "this thread waits for a real process, in real time"
    )]
    std::thread::sleep(POLL);
}

fn end(child: &mut Child) {
    // It may have ended by itself.
    let _ = child.kill();
    let _ = child.wait();
}

/// Writes the configuration and starts the JobManager.
fn prepare(
    distribution: &Distribution,
    folder: &Path,
    configuration: &[(String, String)],
) -> std::io::Result<(Client, Child)> {
    for part in ["conf", "log", "tmp"] {
        std::fs::create_dir_all(folder.join(part))?;
    }
    // Held together, so that they differ; free again before the JobManager takes them.
    let held = [
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?,
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?,
    ];
    let [rpc, rest] = [held[0].local_addr()?.port(), held[1].local_addr()?.port()];
    drop(held);
    let tmp = folder.join("tmp").display().to_string();
    let here = "127.0.0.1".to_owned();
    let own = [
        ("jobmanager.rpc.address", here.clone()),
        ("jobmanager.rpc.port", rpc.to_string()),
        ("jobmanager.bind-host", here.clone()),
        ("rest.address", here.clone()),
        ("rest.bind-address", here.clone()),
        ("rest.port", rest.to_string()),
        ("rest.bind-port", rest.to_string()),
        ("taskmanager.host", here.clone()),
        ("taskmanager.bind-host", here),
        ("taskmanager.numberOfTaskSlots", SLOTS.to_string()),
        // The default of 10 s is lost when the TaskManager is up first.
        ("cluster.registration.error-delay", "500 ms".to_owned()),
        ("pekko.ask.timeout", "60 s".to_owned()),
        ("io.tmp.dirs", tmp.clone()),
        ("web.upload.dir", tmp),
        (
            "execution.checkpointing.dir",
            format!("file://{}", folder.join("checkpoints").display()),
        ),
    ];
    let own = own
        .iter()
        .map(|(key, value)| (*key, value.as_str()))
        .chain(SIZES);
    let all = own.chain(
        configuration
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str())),
    );
    let text: String = all
        .map(|(key, value)| format!("{key}: {value}\n"))
        .collect();
    std::fs::write(folder.join("conf/config.yaml"), text)?;
    std::fs::write(folder.join("conf/log4j.properties"), LOGGING)?;
    let main = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint";
    let job_manager = spawn(
        distribution,
        folder,
        "job-manager",
        &["-Xmx192m"],
        main,
        &["--executionMode", "cluster"],
    )?;
    Ok((Client::on_port(rest), job_manager))
}

fn spawn(
    distribution: &Distribution,
    folder: &Path,
    name: &str,
    memory: &[&str],
    main: &str,
    more: &[&str],
) -> std::io::Result<Child> {
    let log = folder.join("log");
    let out = File::create(log.join(format!("{name}.out")))?;
    Command::new(distribution.java())
        .args(memory)
        // A start costs seconds of computing, a fifth of them for the verification of classes that others have verified many times.
        .args([
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",
            "-XX:+UnlockDiagnosticVMOptions",
            "-XX:-BytecodeVerificationRemote",
        ])
        // Ten seconds are not enough on a busy machine, and Flink's own setting for it has no effect: it goes by another name than the one that is read.
        .arg("-Dpekko.remote.classic.startup-timeout=120s")
        .args(OPEN.map(|package| format!("--add-opens={package}=ALL-UNNAMED")))
        .arg(format!(
            "-Dlog.file={}",
            log.join(format!("{name}.log")).display()
        ))
        .arg(format!(
            "-Dlog4j.configurationFile=file:{}",
            folder.join("conf/log4j.properties").display()
        ))
        .args([
            "-cp",
            &distribution.class_path(),
            "rehearsal.Tether",
            main,
            "--configDir",
        ])
        .arg(folder.join("conf"))
        .args(more)
        .env("FLINK_CONF_DIR", folder.join("conf"))
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(out.try_clone()?)
        .stderr(out)
        .spawn()
}

/// What a refused request says.
fn errors(answer: &RestAnswer) -> String {
    let texts = answer.body["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    let told = texts.max_by_key(|text| text.len()).map(cause);
    told.unwrap_or_else(|| format!("the JobManager answers {}", answer.status))
}

/// The first line of a stack trace, and the innermost cause.
fn cause(trace: &str) -> String {
    let innermost = trace
        .lines()
        .rev()
        .find_map(|line| line.trim().strip_prefix("Caused by: "));
    let outermost = first_line(trace);
    match innermost {
        Some(innermost) if !outermost.contains(innermost) => format!("{outermost}: {innermost}"),
        _ => outermost,
    }
}

fn first_line(text: &str) -> String {
    text.lines()
        .map(str::trim)
        .find(|line| !line.is_empty())
        .unwrap_or_default()
        .to_owned()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    /// A cluster whose Java is this script; None for one that is not there.
    fn started(name: &str, java: Option<&str>) -> String {
        let folder = std::env::temp_dir().join(format!("lifeguard-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        if let Some(script) = java {
            std::fs::write(folder.join("java"), format!("#!/bin/sh\n{script}\n")).unwrap();
            std::fs::set_permissions(folder.join("java"), PermissionsExt::from_mode(0o755))
                .unwrap();
        }
        let distribution = Distribution::with(folder.clone(), folder.join("java"));
        let refused = Pair::start(&distribution, &folder.join("run"), &[]).err();
        std::fs::remove_dir_all(&folder).unwrap();
        refused.unwrap()
    }

    #[test]
    fn a_process_that_dies_at_its_start_is_named_with_its_last_words_and_its_logs() {
        let why = started(
            "dies",
            Some("echo starting; echo 'Cannot allocate memory' >&2; exit 3"),
        );
        for part in [
            "tried twice with /",
            "(exit status: 3)",
            "Cannot allocate memory",
            "/run.again/log/",
        ] {
            assert!(why.contains(part), "{part} in {why}");
        }
    }

    #[test]
    fn a_java_that_is_not_there_is_named() {
        let why = started("without", None);
        assert!(
            why.contains("/java, ") && why.contains("No such file"),
            "{why}"
        );
    }
}

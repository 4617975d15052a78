//! `assess DIR`: the verifier's verdict on captured answers of the Flink REST API, moment by moment, looks carried from one to the next.
//!
//! Inputs: files named `<moment>__<endpoint>.json` as in `shared/managed-flink/tests/recordings`. The same code judges here and in the deployed verifier:
//! [`managed_flink::flink::picture`] reads, [`lifecycle::Watch`] judges. Deliberately absent: the application around the job (its status, operations, snapshots), which the
//! Flink REST API does not know. `<moment>__checkpoints.http404.json` says that the job has no checkpointing. Files that do not fit the naming rule (`x.http400.json`, `poll.csv`) are passed over.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};

use jiff::Timestamp;
use lifecycle::{Assessment, Fault, Job, Part, Watch};
use managed_flink::flink::{Captured, picture};
use serde::Serialize;
use serde_json::Value;

/// The soak for captures: a failure delay of 5 s to be excluded, plus the 3 s for which the REST API's answers are cached. Captures are seconds long; the deployed default
/// is 303 s.
pub const CAPTURE_SOAK_SECS: u32 = 8;
/// Between a moment's name and its endpoint.
const SEPARATOR: &str = "__";
/// A first fault's text in the table, in characters.
const FAULT_SHOWN: usize = 100;

/// The verdict on one moment.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Moment {
    /// Its name, from the file names.
    pub moment: String,
    /// healthy, settling, looping, failed, finished, stopped or unknown.
    pub assessment: &'static str,
    /// Why, in a sentence.
    pub reason: String,
    /// Restarts known of the job's present run.
    pub restarts: u64,
    /// The earliest fault that this or an earlier moment saw.
    pub first_fault: Option<Fault>,
}

/// Why nothing could be assessed. Each says what to do.
#[derive(Debug, thiserror::Error)]
pub enum AssessError {
    /// The directory cannot be listed.
    #[error("the directory {} cannot be read; name one that holds captured answers", dir.display())]
    Directory {
        /// Which.
        dir: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// No file fits the naming rule.
    #[error(
        "no file in {} is named <moment>__<endpoint>.json with an endpoint of jobs_overview, job, exceptions, checkpoints, metrics, vertex0 …; \
         capture for example GET /jobs/overview as m0__jobs_overview.json and GET /jobs/<id> as m0__job.json",
        dir.display()
    )]
    NothingCaptured {
        /// Where.
        dir: PathBuf,
    },
    /// A file cannot be read.
    #[error("the file {} cannot be read", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// A file is not JSON.
    #[error("the file {} is not JSON; capture it again, or take it away", file.display())]
    NotJson {
        /// Which.
        file: PathBuf,
        /// Why not.
        #[source]
        source: serde_json::Error,
    },
    /// A file is JSON, but not what the endpoint answers.
    #[error("the answer about {what:?} of moment {moment} in {} cannot be used: {why}; capture it again, or take the moment away", dir.display())]
    NotTheAnswer {
        /// Where.
        dir: PathBuf,
        /// Which moment.
        moment: String,
        /// Which part.
        what: Part,
        /// What is wrong.
        why: String,
    },
}

/// Assesses every moment of a directory in natural order, `m2` before `m10`.
///
/// # Errors
/// When there is nothing to assess, or a file that fits the naming rule cannot be used.
pub fn assess(dir: &Path, soak_secs: u32) -> Result<Vec<Moment>, AssessError> {
    let mut watch = Watch::default();
    let mut moments = Vec::new();
    for (moment, captured) in captures(dir)? {
        moments.push(look(&mut watch, dir, moment, &captured, soak_secs)?);
    }
    Ok(moments)
}

/// The captured answers by moment, in natural order.
///
/// # Errors
/// As [`assess`].
pub fn captures(dir: &Path) -> Result<Vec<(String, Captured)>, AssessError> {
    let listed = |source| AssessError::Directory {
        dir: dir.to_owned(),
        source,
    };
    let mut paths = fs::read_dir(dir)
        .map_err(listed)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(listed)?;
    paths.sort();
    let mut moments = BTreeMap::<Natural, Captured>::new();
    for path in paths {
        let Some((moment, endpoint)) = named(&path) else {
            continue;
        };
        let captured = moments.entry(natural(&moment)).or_default();
        let text = fs::read(&path).map_err(|source| AssessError::File {
            file: path.clone(),
            source,
        })?;
        let answer = serde_json::from_slice(&text)
            .map_err(|source| AssessError::NotJson { file: path, source })?;
        endpoint.take(captured, answer);
    }
    if moments.is_empty() {
        return Err(AssessError::NothingCaptured {
            dir: dir.to_owned(),
        });
    }
    Ok(moments
        .into_iter()
        .map(|(name, captured)| (name.into_iter().map(|part| part.text).collect(), captured))
        .collect())
}

/// One look, on top of those before.
fn look(
    watch: &mut Watch,
    dir: &Path,
    moment: String,
    captured: &Captured,
    soak_secs: u32,
) -> Result<Moment, AssessError> {
    if captured.job.is_none() {
        return Ok(by_overview(watch, moment, captured.overview.as_ref()));
    }
    let picture = picture(captured, &[]);
    // A deployed look goes on without what it cannot read; a capture can be repeated, so here it is a mistake.
    match (picture.job, picture.unreadable.into_iter().next()) {
        (Some(job), None) => Ok(by_job(watch, moment, &job, soak_secs)),
        (_, Some(unread)) => Err(AssessError::NotTheAnswer {
            dir: dir.to_owned(),
            moment,
            what: unread.what,
            why: unread.why,
        }),
        (None, None) => Ok(of(
            watch,
            moment,
            &Assessment::Unknown {
                why: "Flink knows no job".into(),
            },
            0,
        )),
    }
}

fn by_job(watch: &mut Watch, moment: String, job: &Job, soak_secs: u32) -> Moment {
    // Whether the configuration has checkpointing on is the application's to say; a capture without it is held to the stricter rule.
    let assessment = watch.assess_job(job, true, soak_secs);
    let restarts = watch.job.as_ref().map_or(0, |run| run.restarts);
    of(watch, moment, &assessment, restarts)
}

/// Without the job's own answer only the end of a job can be told, by the newest one in the overview.
fn by_overview(watch: &Watch, moment: String, overview: Option<&Value>) -> Moment {
    let jobs = overview.and_then(|overview| overview["jobs"].as_array());
    let newest = jobs.and_then(|jobs| jobs.iter().max_by_key(|job| job["start-time"].as_i64()));
    let assessment = match (newest.and_then(|job| job["state"].as_str()), jobs) {
        (Some("FAILED"), _) => Assessment::Failed {
            why: "the newest job FAILED; its own answer was not captured".into(),
            first_fault: None,
        },
        (Some("FINISHED"), _) => Assessment::Finished,
        (Some("CANCELED" | "CANCELLING"), _) => Assessment::Stopped {
            why: "the newest job was cancelled".into(),
        },
        (Some(state), _) => Assessment::Unknown {
            why: format!("the newest job is {state}, and its own answer was not captured"),
        },
        (None, Some(_)) => Assessment::Unknown {
            why: "Flink knows no job".into(),
        },
        (None, None) => Assessment::Unknown {
            why: "neither jobs_overview nor job was captured".into(),
        },
    };
    of(watch, moment, &assessment, 0)
}

fn of(watch: &Watch, moment: String, assessment: &Assessment, restarts: u64) -> Moment {
    Moment {
        moment,
        assessment: assessment.word(),
        reason: assessment.reason(),
        restarts,
        first_fault: watch.first_fault.clone(),
    }
}

/// A table for people.
#[must_use]
pub fn render_table(moments: &[Moment]) -> String {
    let width = moments
        .iter()
        .map(|one| one.moment.chars().count())
        .max()
        .unwrap_or(0)
        .max("moment".len());
    let mut table = format!(
        "{:width$}  {:10}  {:>8}  reason\n",
        "moment", "assessment", "restarts"
    );
    for one in moments {
        writeln!(
            table,
            "{:width$}  {:10}  {:>8}  {}",
            one.moment, one.assessment, one.restarts, one.reason
        )
        .expect("a string takes everything");
    }
    if let Some(fault) = moments
        .iter()
        .rev()
        .find_map(|one| one.first_fault.as_ref())
    {
        let at = Timestamp::to_string(&fault.at);
        let task = fault.task.as_deref().unwrap_or("no task named");
        writeln!(
            table,
            "first fault: {at}, {task}: {}",
            lifecycle::shorten(&fault.message, FAULT_SHOWN)
        )
        .expect("a string takes everything");
    }
    table
}

/// The same as a JSON array.
#[must_use]
pub fn render_json(moments: &[Moment]) -> String {
    let mut json =
        serde_json::to_string_pretty(moments).expect("strings, numbers and times are JSON");
    json.push('\n');
    json
}

/// What a file holds.
#[derive(Clone, Copy)]
enum Endpoint {
    JobsOverview,
    Job,
    Exceptions,
    Checkpoints,
    /// `/checkpoints` answered 404.
    NoCheckpointing,
    Metrics,
    Vertex,
    /// Captured, but nothing in it that the others do not say: `/overview`, `/jobs`.
    Unused,
}

impl Endpoint {
    fn take(self, captured: &mut Captured, answer: Value) {
        match self {
            Self::JobsOverview => captured.overview = Some(answer),
            Self::Job => captured.job = Some(answer),
            Self::Exceptions => captured.exceptions = Some(answer),
            Self::Checkpoints => captured.checkpoints = Some(answer),
            Self::NoCheckpointing => captured.is_without_checkpointing = true,
            Self::Vertex => captured.vertices.push(answer),
            // Metrics may be captured by several calls; each answers an array.
            Self::Metrics => match (&mut captured.metrics, answer) {
                (Some(Value::Array(known)), Value::Array(more)) => known.extend(more),
                (known, answer) => *known = Some(answer),
            },
            Self::Unused => {}
        }
    }
}

/// The moment and the endpoint that a file's name says; None for files of another kind.
fn named(path: &Path) -> Option<(String, Endpoint)> {
    let (moment, endpoint) = path
        .file_name()?
        .to_str()?
        .strip_suffix(".json")?
        .split_once(SEPARATOR)?;
    let endpoint = match endpoint {
        "jobs_overview" => Endpoint::JobsOverview,
        "job" => Endpoint::Job,
        "exceptions" => Endpoint::Exceptions,
        "checkpoints" => Endpoint::Checkpoints,
        "checkpoints.http404" => Endpoint::NoCheckpointing,
        "overview" | "jobs" => Endpoint::Unused,
        "metrics" => Endpoint::Metrics,
        other if other.starts_with("metric_") => Endpoint::Metrics,
        other
            if other.strip_prefix("vertex").is_some_and(|number| {
                !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
            }) =>
        {
            Endpoint::Vertex
        }
        _ => return None,
    };
    (!moment.is_empty()).then(|| (moment.to_owned(), endpoint))
}

/// A name in parts that sort as people count: digits by their value.
type Natural = Vec<Run>;

/// A run of digits or of other characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Run {
    /// The digits without leading zeros: first by length, then by text, is by value, however long. Empty for other characters.
    value: (usize, String),
    text: String,
}

fn natural(name: &str) -> Natural {
    let mut parts = Natural::new();
    for character in name.chars() {
        let is_digit = character.is_ascii_digit();
        match parts.last_mut() {
            Some(last) if last.text.ends_with(|c: char| c.is_ascii_digit()) == is_digit => {
                last.text.push(character)
            }
            _ => parts.push(Run {
                value: (0, String::new()),
                text: character.to_string(),
            }),
        }
    }
    for part in parts
        .iter_mut()
        .filter(|part| part.text.starts_with(|c: char| c.is_ascii_digit()))
    {
        let digits = part.text.trim_start_matches('0');
        part.value = (digits.len() + 1, digits.to_owned());
    }
    parts
}

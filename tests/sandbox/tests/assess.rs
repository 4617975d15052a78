//! Every recording of a real cluster is assessed rightly; a looping job is never healthy from its first restart on, whichever looks are taken.

use std::{
    fs,
    path::{Path, PathBuf},
};

use jiff::{SignedDuration, Timestamp};
use lifecycle::{Checkpoints, Fault, Faults, Job, JobState, Vertex, Watch};
use managed_flink::flink::picture;
use sandbox::assess::{
    AssessError, CAPTURE_SOAK_SECS, Moment, assess, captures, render_json, render_table,
};

fn recording(situation: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../shared/managed-flink/tests/recordings")
        .join(situation)
}

fn assessed(situation: &str) -> Vec<Moment> {
    assess(&recording(situation), CAPTURE_SOAK_SECS).expect("a recording")
}

fn words(situation: &str) -> Vec<(String, &'static str)> {
    assessed(situation)
        .into_iter()
        .map(|one| (one.moment, one.assessment))
        .collect()
}

fn jobs(situation: &str) -> Vec<Job> {
    let captures = captures(&recording(situation)).expect("a recording");
    captures
        .iter()
        .map(|(_, captured)| picture(captured, &[]).job.expect("a job"))
        .collect()
}

/// The words of these looks, in this order.
fn looks<'a>(jobs: impl IntoIterator<Item = &'a Job>) -> Vec<&'static str> {
    let mut watch = Watch::default();
    jobs.into_iter()
        .map(|job| watch.assess_job(job, true, CAPTURE_SOAK_SECS).word())
        .collect()
}

#[track_caller]
fn expect(situation: &str, expected: &[(&str, &str)]) {
    let expected: Vec<(String, &str)> = expected
        .iter()
        .map(|(moment, word)| ((*moment).to_owned(), *word))
        .collect();
    assert_eq!(
        words(situation),
        expected,
        "{situation}: {:#?}",
        assessed(situation)
    );
}

#[test]
fn a_healthy_job_is_healthy_in_one_look() {
    expect("1.20/healthy", &[("m2", "healthy")]);
    expect("2.2/healthy", &[("m2", "healthy")]);
}

#[test]
fn a_healthy_job_is_not_healthy_by_the_deployed_soak_after_seconds() {
    for situation in ["1.20/healthy", "2.2/healthy"] {
        let moments = assess(&recording(situation), 303).expect("a recording");
        assert_eq!(moments[0].assessment, "settling", "{}", moments[0].reason);
    }
}

#[test]
fn a_bounded_job_is_finished() {
    expect(
        "1.20/bounded-job",
        &[
            ("m0_some_finished", "finished"),
            ("m1_finished", "finished"),
        ],
    );
}

#[test]
fn a_cancelled_job_is_stopped() {
    expect(
        "1.20/cancelled",
        &[("m0_cancelling", "stopped"), ("m1_canceled", "stopped")],
    );
}

/// Seconds of a loop are one incident: it is a loop by the minutes that follow.
#[test]
fn a_job_that_fails_in_open_for_some_seconds_restarts() {
    expect(
        "1.20/loop-in-open",
        &[
            ("m0", "settling"),
            ("m1", "settling"),
            ("m2", "settling"),
            ("m3", "settling"),
        ],
    );
    let last = assessed("1.20/loop-in-open").pop().expect("four moments");
    assert!(last.restarts >= 1 && last.first_fault.is_some(), "{last:?}");
}

#[test]
fn a_job_that_fails_while_processing_for_some_seconds_restarts() {
    for (situation, moments) in [
        ("1.20/loop-while-processing", 6),
        ("2.2/loop-while-processing", 7),
    ] {
        let words: Vec<&str> = words(situation).into_iter().map(|(_, word)| word).collect();
        assert_eq!(words, vec!["settling"; moments], "{situation}");
        // At m1 the overview says RESTARTING already, while the job's own answer is from before.
        let reason = &assessed(situation)[1].reason;
        assert!(reason.contains("the job restarts"), "{situation}: {reason}");
    }
    for situation in ["1.20/loop-while-processing", "2.2/loop-while-processing"] {
        let last = assessed(situation).pop().expect("moments");
        assert_eq!(last.restarts, 2, "{situation}");
        let fault: Fault = last.first_fault.expect("the first fault");
        assert!(fault.message.contains("Exception"), "{fault:?}");
    }
}

#[test]
fn no_subsequence_of_looks_calls_a_looping_job_healthy() {
    for situation in [
        "1.20/loop-while-processing",
        "2.2/loop-while-processing",
        "1.20/loop-in-open",
    ] {
        let jobs = jobs(situation);
        for chosen in 1_u32..1 << jobs.len() {
            let subsequence = || {
                jobs.iter()
                    .enumerate()
                    .filter(|(index, _)| chosen & (1 << index) != 0)
                    .map(|(_, job)| job)
            };
            let words = looks(subsequence());
            for (job, word) in subsequence().zip(&words) {
                assert_ne!(
                    *word, "healthy",
                    "{situation}, looks {chosen:b}, at {}",
                    job.at
                );
                let has_restarted = job.restarts() > 0 || job.state == JobState::Restarting;
                assert!(
                    *word == "settling" || has_restarted,
                    "{situation}, looks {chosen:b}: {word} before the first restart"
                );
            }
        }
    }
}

#[test]
fn no_ordered_pair_of_looks_does_either_not_even_backwards() {
    for situation in [
        "1.20/loop-while-processing",
        "2.2/loop-while-processing",
        "1.20/loop-in-open",
    ] {
        let jobs = jobs(situation);
        for first in &jobs {
            for second in &jobs {
                assert!(
                    !looks([first, second]).contains(&"healthy"),
                    "{situation}: {} then {}",
                    first.at,
                    second.at
                );
            }
        }
    }
}

#[test]
fn exhausted_restarts_are_failed_with_the_first_fault() {
    expect(
        "1.20/restarts-exhausted",
        &[("m0_failed", "failed"), ("m1_norestart", "failed")],
    );
    for moment in assessed("1.20/restarts-exhausted") {
        assert!(
            moment.reason.contains("does not try again"),
            "{}",
            moment.reason
        );
        assert!(moment.first_fault.is_some());
    }
}

#[test]
fn a_job_stopped_with_a_savepoint_is_stopped_and_the_restored_one_settling() {
    let words = words("1.20/savepoint-and-restore");
    let of = |moment: &str| {
        words
            .iter()
            .find(|(name, _)| name == moment)
            .map(|(_, word)| *word)
    };
    assert_eq!(of("m1_stopped"), Some("stopped"));
    assert_eq!(
        (of("m2_restored"), of("m3_after_savepoint")),
        (Some("settling"), Some("settling"))
    );
    assert_ne!(of("m0_stopping"), Some("healthy"));
}

#[test]
fn slow_initialisation_is_patience() {
    expect(
        "1.20/slow-initialisation",
        &[
            ("m0", "settling"),
            ("m1", "settling"),
            ("m2", "settling"),
            ("m3", "settling"),
            ("m9_running", "settling"),
        ],
    );
    assert!(
        assessed("1.20/slow-initialisation")[0]
            .reason
            .contains("1 INITIALIZING")
    );
}

#[test]
fn without_a_jobs_own_answer_the_newest_job_of_the_overview_tells() {
    expect("1.20/not-submittable", &[("after", "failed")]);
}

#[test]
fn every_recording_can_be_assessed_and_rendered() {
    let mut seen = 0;
    for version in ["1.20", "2.2"] {
        for situation in fs::read_dir(recording(version)).expect("recordings") {
            let moments = assess(&situation.expect("a situation").path(), CAPTURE_SOAK_SECS)
                .expect("a recording");
            let table = render_table(&moments);
            assert!(
                moments
                    .iter()
                    .all(|one| table.contains(&one.moment) && table.contains(one.assessment)),
                "{table}"
            );
            let json: serde_json::Value =
                serde_json::from_str(&render_json(&moments)).expect("JSON");
            assert_eq!(json.as_array().map(Vec::len), Some(moments.len()));
            seen += moments.len();
        }
    }
    assert!(seen > 30, "{seen} moments");
}

#[test]
fn the_json_has_the_fields_that_are_promised() {
    let json: serde_json::Value =
        serde_json::from_str(&render_json(&assessed("1.20/loop-in-open"))).expect("JSON");
    let fields: Vec<&String> = json[0].as_object().expect("an object").keys().collect();
    assert_eq!(
        fields,
        ["moment", "assessment", "reason", "restarts", "firstFault"]
    );
    assert_eq!(json[0]["assessment"], "settling");
    assert!(
        json[0]["firstFault"]["exception"].is_string() && json[0]["firstFault"]["at"].is_string()
    );
    let healthy: serde_json::Value =
        serde_json::from_str(&render_json(&assessed("1.20/healthy"))).expect("JSON");
    assert!(healthy[0]["firstFault"].is_null());
}

#[test]
fn the_table_is_for_people() {
    let table = render_table(&assessed("1.20/loop-while-processing"));
    assert!(
        table.starts_with("moment  assessment  restarts  reason\nm0      settling"),
        "{table}"
    );
    assert!(
        table
            .lines()
            .last()
            .is_some_and(|line| line.starts_with("first fault: ")),
        "{table}"
    );
    assert_eq!(render_table(&[]), "moment  assessment  restarts  reason\n");
}

/// A directory of its own for one test, gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn of(name: &str, files: &[(&str, &str)]) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder");
        for (file, text) in files {
            fs::write(path.join(file), text).expect("a file");
        }
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn moments_come_as_people_count() {
    let empty = r#"{"jobs":[]}"#;
    let names = ["m10", "m2", "m1", "m01", "a", "m2_b", "m2_a"]
        .map(|moment| format!("{moment}__jobs_overview.json"));
    let folder = Folder::of(
        "assess-natural",
        &names.each_ref().map(|name| (name.as_str(), empty)),
    );
    let order: Vec<String> = assess(&folder.0, 8)
        .expect("moments")
        .into_iter()
        .map(|one| one.moment)
        .collect();
    assert_eq!(order, ["a", "m01", "m1", "m2", "m2_a", "m2_b", "m10"]);
}

#[test]
fn an_overview_alone_tells_the_end_of_a_job_and_nothing_else() {
    for (overview, word) in [
        (r#"{"jobs":[]}"#, "unknown"),
        (
            r#"{"jobs":[{"jid":"a","state":"RUNNING","start-time":1}]}"#,
            "unknown",
        ),
        (
            r#"{"jobs":[{"jid":"a","state":"FAILED","start-time":1},{"jid":"b","state":"RUNNING","start-time":2}]}"#,
            "unknown",
        ),
        (
            r#"{"jobs":[{"jid":"b","state":"FAILED","start-time":2},{"jid":"a","state":"RUNNING","start-time":1}]}"#,
            "failed",
        ),
        (
            r#"{"jobs":[{"jid":"a","state":"FINISHED","start-time":1}]}"#,
            "finished",
        ),
        (
            r#"{"jobs":[{"jid":"a","state":"CANCELED","start-time":1}]}"#,
            "stopped",
        ),
        (r"[]", "unknown"),
    ] {
        let folder = Folder::of("assess-overview", &[("m0__jobs_overview.json", overview)]);
        assert_eq!(
            assess(&folder.0, 8).expect("a moment")[0].assessment,
            word,
            "{overview}"
        );
    }
}

#[test]
fn what_cannot_be_assessed_says_what_to_do() {
    let missing = assess(Path::new("/no/such/directory"), 8).expect_err("there is none");
    assert!(
        matches!(missing, AssessError::Directory { .. })
            && missing.to_string().contains("/no/such/directory"),
        "{missing}"
    );
    let files = [
        ("poll.csv", "t"),
        ("x.http400.json", "{}"),
        ("m0__teapot.json", "{"),
        ("__job.json", "{"),
        ("m0__vertex.json", "{"),
    ];
    let other = Folder::of("assess-other", &files);
    let none = assess(&other.0, 8).expect_err("nothing fits");
    assert!(
        none.to_string().contains("<moment>__<endpoint>.json"),
        "{none}"
    );
    let broken = Folder::of("assess-broken", &[("m0__job.json", "{\"jid\":")]);
    let not_json = assess(&broken.0, 8).expect_err("it is cut off");
    assert!(
        not_json.to_string().contains("m0__job.json")
            && not_json.to_string().contains("capture it again"),
        "{not_json}"
    );
    let wrong = Folder::of("assess-wrong", &[("m0__job.json", "{\"jobs\":[]}")]);
    let not_the_answer = assess(&wrong.0, 8).expect_err("another endpoint's answer");
    assert!(
        not_the_answer.to_string().contains("moment m0"),
        "{not_the_answer}"
    );
}

/// One row of the poll as a job.
struct Row {
    t: f64,
    live_state: String,
    job: Job,
}

/// The poll knows no RESTARTING time: the metric and the newest exception must do. All of it is up to 3 s older than the time of the row, as in a real look, where `now` is
/// live and the rest cached. When the job came up again is taken from the live status: a picture that shows the exception and all tasks RUNNING is from after that.
fn polled() -> Vec<Row> {
    let text = fs::read_to_string(recording("1.20/loop-while-processing/poll_200ms.csv"))
        .expect("the poll");
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let table: Vec<Vec<&str>> = lines.map(|line| line.split(',').collect()).collect();
    let column = |name: &str| {
        header
            .iter()
            .position(|one| *one == name)
            .expect("a column")
    };
    let number = |row: &[&str], name: &str| row[column(name)].parse::<i64>().unwrap_or(0);
    let seconds = |row: &[&str]| row[0].parse::<f64>().expect("a time");
    let first_live_restart = table
        .iter()
        .find(|row| row[column("status_endpoint")] == "RESTARTING")
        .expect("it restarts");
    let first_exception = table
        .iter()
        .map(|row| number(row, "root_exception_ts"))
        .find(|at| *at > 0)
        .expect("it fails");
    let base = Timestamp::from_millisecond(first_exception).expect("a time")
        - SignedDuration::from_secs_f64(seconds(first_live_restart));
    let came_up: Vec<Timestamp> = table
        .windows(2)
        .filter(|pair| {
            pair[0][column("status_endpoint")] == "RESTARTING"
                && pair[1][column("status_endpoint")] == "RUNNING"
        })
        .map(|pair| base + SignedDuration::from_secs_f64(seconds(&pair[1])))
        .collect();
    let mut rows: Vec<Row> = Vec::new();
    let mut completions: Vec<Timestamp> = Vec::new();
    let mut completed = 0;
    for row in &table {
        let at = base + SignedDuration::from_secs_f64(seconds(row));
        let now_completed = number(row, "completed_ckpt");
        if now_completed > completed {
            completions.push(at);
        }
        completed = now_completed;
        let newest = Timestamp::from_millisecond(number(row, "root_exception_ts"))
            .ok()
            .filter(|at| at.as_millisecond() > 0);
        let states = [
            "CREATED",
            "SCHEDULED",
            "DEPLOYING",
            "INITIALIZING",
            "RUNNING",
            "FINISHED",
            "CANCELING",
            "CANCELED",
            "FAILED",
            "RECONCILING",
        ];
        let tasks = states
            .iter()
            .map(|state| {
                (
                    (*state).to_owned(),
                    u32::try_from(number(row, state)).expect("a count"),
                )
            })
            .collect();
        let mut job = Job {
            id: "polled".into(),
            state: JobState::from(row[column("job_status")]),
            at,
            started_at: base,
            running_at: None,
            restarting_at: None,
            vertices: vec![Vertex {
                name: "all".into(),
                parallelism: 4,
                tasks,
            }],
            max_attempt: 0,
            restarts_metric: Some(u64::try_from(number(row, "numRestarts")).expect("a count")),
            faults: Faults {
                known: u32::try_from(number(row, "n_exceptions")).expect("a count"),
                newest_at: newest,
                ..Faults::default()
            },
            checkpoints: None,
        };
        if let Some(newest) = newest.filter(|_| job.is_all_running()) {
            job.running_at = came_up.iter().copied().find(|up| *up > newest);
        }
        job.checkpoints = Some(Checkpoints {
            completed: u64::try_from(completed).expect("a count"),
            latest_completed_at: completions.last().copied(),
            oldest_completed_triggered_at: completions
                .iter()
                .copied()
                .find(|at| *at >= job.disturbed_at()),
            ..Checkpoints::default()
        });
        rows.push(Row {
            t: seconds(row),
            live_state: row[column("status_endpoint")].to_owned(),
            job,
        });
    }
    rows
}

fn from_the_first_restart_on(rows: &[Row]) -> &[Row] {
    let first = rows
        .iter()
        .position(|row| row.live_state == "RESTARTING")
        .expect("it restarts");
    &rows[first..]
}

#[test]
fn no_pair_of_polls_after_the_first_restart_calls_the_job_healthy() {
    let rows = polled();
    let after = from_the_first_restart_on(&rows);
    let running = after.iter().filter(|row| row.job.is_all_running()).count();
    assert!(
        running * 2 > after.len(),
        "{running} of {} polls show every subtask RUNNING: that is what misleads",
        after.len()
    );
    for (index, row) in after.iter().enumerate() {
        let mut watch = Watch::default();
        assert_ne!(
            watch.assess_job(&row.job, true, CAPTURE_SOAK_SECS).word(),
            "healthy",
            "one look at {} s",
            row.t
        );
        for later in &after[index + 1..] {
            let word = watch
                .clone()
                .assess_job(&later.job, true, CAPTURE_SOAK_SECS)
                .word();
            assert_ne!(word, "healthy", "looks at {} s and {} s", row.t, later.t);
        }
    }
}

#[test]
fn nor_does_any_steady_rhythm_of_looks() {
    let rows = polled();
    let after = from_the_first_restart_on(&rows);
    for step in 1..60 {
        for offset in 0..step {
            let words = looks(after.iter().skip(offset).step_by(step).map(|row| &row.job));
            assert!(
                !words.contains(&"healthy"),
                "every {step}th poll from the {offset}th"
            );
        }
    }
}

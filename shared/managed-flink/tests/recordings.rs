//! Every answer recorded from real clusters can be read, and says what the situation was.
#![allow(clippy::unwrap_used, reason = "tests")]

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use lifecycle::{Job, JobState};
use managed_flink::flink::{Captured, job, newest_job};
use serde_json::{Value, json};

fn recordings() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings")
}

fn read(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The answers of one moment, `1.20/healthy/m2`.
fn moment(name: &str) -> Captured {
    let answer = |what: &str| {
        let path = recordings().join(format!("{name}__{what}.json"));
        path.exists().then(|| read(&path))
    };
    Captured {
        overview: answer("jobs_overview"),
        job: answer("job"),
        exceptions: answer("exceptions"),
        checkpoints: answer("checkpoints"),
        is_without_checkpointing: answer("checkpoints.http404").is_some(),
        metrics: answer("metrics"),
        vertices: answer("vertex0").into_iter().collect(),
    }
}

fn seen(name: &str) -> Job {
    job(&moment(name), &[]).unwrap().unwrap()
}

/// All moments that have a job: `1.20/healthy/m2` and so on.
fn moments() -> Vec<String> {
    let mut found = Vec::new();
    for version in fs::read_dir(recordings()).unwrap() {
        for situation in fs::read_dir(version.unwrap().path()).unwrap() {
            for file in fs::read_dir(situation.unwrap().path()).unwrap() {
                let path = file.unwrap().path();
                let name = path
                    .strip_prefix(recordings())
                    .unwrap()
                    .to_str()
                    .unwrap()
                    .to_owned();
                found.extend(name.strip_suffix("__job.json").map(str::to_owned));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_recorded_moment_can_be_read() {
    let moments = moments();
    assert!(moments.len() >= 270, "{}", moments.len());
    for name in moments {
        let job = job(&moment(&name), &[])
            .unwrap_or_else(|error| panic!("{name}: {error}"))
            .unwrap_or_else(|| panic!("{name}: no job"));
        assert!(
            !matches!(job.state, JobState::Other(_)),
            "{name}: {}",
            job.state
        );
        assert!(job.at >= job.started_at, "{name}");
        // While a JobManager comes back it answers 500 here and no metrics.
        let failed_over = recordings()
            .join(format!("{name}__checkpoints.http500.json"))
            .exists();
        assert_eq!(job.checkpoints.is_none(), failed_over, "{name}");
        let Captured {
            vertices, metrics, ..
        } = moment(&name);
        let attempts = vertices
            .iter()
            .flat_map(|vertex| vertex["subtasks"].as_array().unwrap())
            .map(|subtask| subtask["attempt"].as_u64().unwrap());
        assert!(
            u64::from(job.max_attempt) >= attempts.max().unwrap_or(0),
            "{name}"
        );
        let has_metric = metrics
            .unwrap()
            .as_array()
            .unwrap()
            .iter()
            .any(|metric| metric["id"] == "numRestarts" && metric["value"] != "NaN");
        assert_eq!(job.restarts_metric.is_some(), has_metric, "{name}");
        for vertex in &job.vertices {
            // The adaptive scheduler that waits for slots has tasks in no state.
            let tasks: u32 = vertex.tasks.values().sum();
            let waits = tasks == 0 && job.state == JobState::Created;
            assert!(
                tasks == vertex.parallelism || waits || vertex.parallelism == 0,
                "{name}: {}: {:?}",
                vertex.name,
                vertex.tasks
            );
        }
    }
}

#[test]
fn a_healthy_job_shows_no_restart_and_checkpoints_after_its_start() {
    for name in ["1.20/healthy/m2", "2.2/healthy/m2"] {
        let job = seen(name);
        assert_eq!(job.state, JobState::Running, "{name}");
        assert!(job.is_all_running(), "{name}");
        assert_eq!(
            (job.restarts(), job.restarting_at, job.max_attempt),
            (0, None, 0),
            "{name}"
        );
        assert_eq!(job.faults, lifecycle::Faults::default(), "{name}");
        let checkpoints = job.checkpoints.clone().unwrap();
        assert!(
            checkpoints.oldest_completed_triggered_at.unwrap() >= job.disturbed_at(),
            "{name}"
        );
        assert!(
            checkpoints.latest_completed_at.unwrap()
                > checkpoints.oldest_completed_triggered_at.unwrap(),
            "{name}"
        );
        assert_eq!(checkpoints.latest_restored, None, "{name}");
    }
}

#[test]
fn a_loop_shows_its_first_fault_its_period_and_its_attempts() {
    let job = seen("1.20/loop-while-processing/m4");
    assert_eq!(job.state, JobState::Restarting);
    assert_eq!(
        job.restarting_at.map(|at| at.as_millisecond()),
        Some(1_795_345_341_563)
    );
    assert_eq!(
        job.running_at.map(|at| at.as_millisecond()),
        Some(1_795_345_338_510)
    );
    assert_eq!(job.at.as_millisecond(), 1_795_345_342_057);
    let first = job.faults.first.as_ref().unwrap();
    assert_eq!(first.exception, "java.lang.IllegalArgumentException");
    assert_eq!(
        first.message,
        "java.lang.IllegalArgumentException: poison record 146: cannot parse 'abc' as INT"
    );
    assert_eq!(first.task.as_deref(), Some("throttle (1/1) - execution #0"));
    assert_eq!(first.at.as_millisecond(), 1_795_345_336_495);
    assert_eq!(
        (
            job.faults.known,
            job.faults.truncated,
            job.faults.shortest_gap_millis
        ),
        (2, false, Some(1_795_345_341_563 - 1_795_345_336_495))
    );
    assert_eq!(job.max_attempt, 1);
    assert_eq!(
        job.restarts_metric,
        Some(0),
        "a stale metric does not hide the loop"
    );
    assert!(job.restarts() >= 2);
    let throttle = job
        .vertices
        .iter()
        .find(|vertex| vertex.name == "throttle")
        .unwrap();
    assert_eq!(throttle.tasks, BTreeMap::from([("FAILED".to_owned(), 1)]));
    let checkpoints = job.checkpoints.unwrap();
    assert_eq!(
        (
            checkpoints.completed,
            checkpoints.failed,
            checkpoints.latest_completed_at
        ),
        (0, 2, None)
    );
}

#[test]
fn the_newest_fault_is_told_beside_the_first() {
    let mut several = 0;
    for name in moments() {
        let faults = seen(&name).faults;
        assert_eq!(faults.newest.is_some(), faults.known > 1, "{name}");
        let newest = faults.newest.as_ref().or(faults.first.as_ref());
        assert_eq!(newest.map(|fault| fault.at), faults.newest_at, "{name}");
        several += usize::from(faults.known > 1);
    }
    assert!(several > 20, "{several}");
    // A lost machine first, and then what the job fails with for ever.
    let entries = |captured: &Captured| {
        let answer = captured.exceptions.as_ref().unwrap();
        answer["exceptionHistory"]["entries"]
            .as_array()
            .unwrap()
            .clone()
    };
    let mut both = moment("2.2/taskmanager-killed-spare-slots/m10");
    let lost = entries(&both);
    let mut repeats = entries(&moment("2.2/loop-while-processing/m6"));
    for (entry, at) in repeats.iter_mut().zip([60_000, 30_000]) {
        entry["timestamp"] = json!(lost[0]["timestamp"].as_i64().unwrap() + at);
    }
    repeats.extend(lost);
    both.exceptions =
        Some(json!({ "exceptionHistory": { "entries": repeats, "truncated": false } }));
    let faults = job(&both, &[]).unwrap().unwrap().faults;
    let (first, newest) = (faults.first.unwrap(), faults.newest.unwrap());
    assert!(
        first.exception.ends_with("ResourceManagerException"),
        "{first:?}"
    );
    assert_eq!(newest.exception, "java.lang.IllegalArgumentException");
    assert_eq!(
        newest.at.as_millisecond() - first.at.as_millisecond(),
        60_000
    );
}

#[test]
fn a_loop_on_2_2_is_told_by_the_same_signals() {
    let job = seen("2.2/loop-while-processing/m5");
    assert_eq!(
        (job.faults.known, job.max_attempt, job.restarts_metric),
        (2, 1, Some(2))
    );
    let checkpoints = job.checkpoints.clone().unwrap();
    let restored = checkpoints.latest_restored.unwrap();
    assert_eq!(
        (
            restored.id,
            restored.is_savepoint,
            restored.at.as_millisecond()
        ),
        (1, false, 1_795_346_645_464)
    );
    // Checkpoint 2 and 3 were triggered before the last restart: they prove nothing about the run since.
    assert!(
        checkpoints
            .oldest_completed_triggered_at
            .is_none_or(|at| at >= job.disturbed_at())
    );
}

#[test]
fn a_restored_job_names_the_savepoint_it_came_from() {
    let restored = seen("1.20/savepoint-and-restore/m2_restored")
        .checkpoints
        .unwrap()
        .latest_restored
        .unwrap();
    assert!(restored.is_savepoint);
    assert!(restored.path.unwrap().contains("savepoint"));
}

#[test]
fn a_job_that_gave_up_names_the_nested_cause() {
    for name in [
        "1.20/restarts-exhausted/m0_failed",
        "1.20/restarts-exhausted/m1_norestart",
    ] {
        let captured = moment(name);
        let job = job(&captured, &[]).unwrap().unwrap();
        assert_eq!(job.state, JobState::Failed, "{name}");
        let newest = &captured.exceptions.unwrap()["exceptionHistory"]["entries"][0];
        let alone = Captured {
            job: captured.job,
            exceptions: Some(
                json!({ "exceptionHistory": { "entries": [newest], "truncated": true } }),
            ),
            ..Captured::default()
        };
        let only = managed_flink::flink::job(&alone, &[])
            .unwrap()
            .unwrap()
            .faults;
        assert!(only.truncated);
        let message = only.first.unwrap().message;
        assert!(
            message.contains("Recovery is suppressed") && message.contains("; caused by: "),
            "{name}: {message}"
        );
    }
}

#[test]
fn a_vertex_tells_the_attempt_by_itself() {
    let Captured {
        job: answer,
        vertices,
        ..
    } = moment("1.20/loop-while-processing/m4");
    let alone = job(
        &Captured {
            job: answer,
            vertices,
            ..Captured::default()
        },
        &[],
    )
    .unwrap()
    .unwrap();
    assert_eq!(alone.max_attempt, 1);
}

#[test]
fn finished_tasks_beside_running_ones_are_up() {
    let all: Vec<Job> = moments()
        .iter()
        .filter(|name| name.contains("bounded-job"))
        .map(|name| seen(name))
        .collect();
    assert!(!all.is_empty());
    assert!(all.iter().any(|job| {
        job.vertices
            .iter()
            .any(|vertex| vertex.tasks_in("FINISHED") > 0)
    }));
}

#[test]
fn tasks_that_initialise_are_not_up() {
    assert!(!seen("1.20/slow-initialisation/m2").is_all_running());
    assert!(seen("1.20/slow-initialisation/m9_running").is_all_running());
}

#[test]
fn the_newest_job_is_chosen_where_old_ones_stay_listed() {
    let overview = moment("1.20/loop-while-processing/m4").overview.unwrap();
    assert_eq!(
        newest_job(&overview).unwrap().as_deref(),
        Some("8a745aae5fecf4ddb204c64ce8910c7a")
    );
    assert_eq!(newest_job(&json!({ "jobs": [] })).unwrap(), None);
}

#[test]
fn no_job_is_no_error_and_a_missing_answer_is() {
    assert_eq!(
        job(
            &Captured {
                overview: Some(json!({ "jobs": [] })),
                ..Captured::default()
            },
            &[]
        ),
        Ok(None)
    );
    let overview = moment("1.20/healthy/m2").overview;
    assert!(
        job(
            &Captured {
                overview,
                ..Captured::default()
            },
            &[]
        )
        .unwrap_err()
        .to_string()
        .contains("missing")
    );
    assert!(job(&Captured::default(), &[]).is_err());
}

#[test]
fn an_answer_of_another_shape_is_said_without_quoting_it() {
    let mut captured = moment("1.20/healthy/m2");
    captured.exceptions = Some(json!({ "exceptionHistory": "marker-of-a-secret" }));
    let error = job(&captured, &[]).unwrap_err();
    assert_eq!(error.what, lifecycle::Part::Exceptions);
    assert!(!error.to_string().contains("marker"), "{error}");
    let picture = managed_flink::flink::picture(&captured, &[]);
    assert!(picture.job.is_some(), "the rest can still be read");
}

#[test]
fn answers_with_hardly_a_field_can_be_read() {
    let captured = Captured {
        job: Some(json!({ "jid": "j", "state": "SOMETHING_NEW" })),
        exceptions: Some(json!({})),
        checkpoints: Some(
            json!({ "latest": { "completed": null, "restored": { "id": 1, "restore_timestamp": -1 } } }),
        ),
        metrics: Some(json!([{ "id": "numRestarts", "value": "NaN" }, { "id": "fullRestarts" }])),
        ..Captured::default()
    };
    let job = job(&captured, &[]).unwrap().unwrap();
    assert_eq!(job.state, JobState::Other("SOMETHING_NEW".to_owned()));
    assert_eq!(
        (job.restarts_metric, job.restarting_at, job.running_at),
        (None, None, None)
    );
    assert_eq!(job.checkpoints, Some(lifecycle::Checkpoints::default()));
}

#[test]
fn a_sentinel_or_a_number_of_another_kind_loses_nothing_but_itself() {
    let whole = seen("1.20/healthy/m2");
    for odd in [json!(-1), json!(null), json!("NaN"), json!(1.5), json!("7")] {
        let mut captured = moment("1.20/healthy/m2");
        let answer = captured.job.as_mut().unwrap();
        answer["vertices"][0]["parallelism"] = odd.clone();
        answer["vertices"][0]["tasks"]["CREATED"] = odd.clone();
        answer["timestamps"]["FAILING"] = odd.clone();
        let checkpoints = captured.checkpoints.as_mut().unwrap();
        checkpoints["counts"]["failed"] = odd.clone();
        checkpoints["latest"]["restored"] =
            json!({ "id": odd, "restore_timestamp": odd, "is_savepoint": true });
        captured.vertices[0]["subtasks"][0]["attempt"] = odd.clone();
        let job = job(&captured, &[])
            .unwrap_or_else(|error| panic!("{odd}: {error}"))
            .unwrap();
        assert_eq!(
            (&job.state, job.vertices.len(), &job.running_at),
            (&whole.state, whole.vertices.len(), &whole.running_at),
            "{odd}"
        );
        let completed = |job: &Job| job.checkpoints.as_ref().unwrap().completed;
        assert_eq!(completed(&job), completed(&whole), "{odd}");
    }
}

#[test]
fn a_batch_job_waits_for_its_next_stage_and_is_read() {
    let job = seen("1.20/batch/m0_stage1");
    assert!(job.is_all_running(), "{:?}", job.vertices);
    assert!(job.vertices.iter().any(|vertex| vertex.parallelism == 0));
    assert!(job.checkpoints.unwrap().is_off);
}

#[test]
fn the_last_cause_is_told_beside_its_wrapper_however_long_that_is() {
    for (name, wrapper, cause) in [
        (
            "2.3/state-other-type/m4",
            "Error while getting state; caused by: ",
            "StateMigrationException",
        ),
        (
            "2.3/state-other-operator/m4",
            "Could not start the JobMaster.; caused by: ",
            "Cannot map checkpoint/savepoint state for operator",
        ),
        (
            "2.3/snapshot-throws/m4",
            "Could not perform checkpoint 1 ",
            "; caused by: java.io.IOException: Access Denied",
        ),
    ] {
        let message = seen(name).faults.first.unwrap().message;
        assert!(
            message.contains(wrapper) && message.contains(cause),
            "{name}: {message}"
        );
    }
    let traced = |stacktrace: String| {
        let mut captured = moment("2.3/state-other-type/m4");
        captured.exceptions = Some(json!({ "exceptionHistory": { "entries": [
            { "exceptionName": "x", "stacktrace": stacktrace, "timestamp": 1 }
        ] } }));
        let job = job(
            &captured,
            &[lifecycle::Property {
                name: "db.password".into(),
                value: "a-secret".into(),
            }],
        )
        .unwrap()
        .unwrap();
        job.faults.first.unwrap().message
    };
    let long = "so it goes ".repeat(200);
    let message = traced(format!(
        "java.lang.RuntimeException: {long}\n\tat a.B\nCaused by: c.D: outer\n\t... 9 more\n\tCaused by: e.F: a-secret is wrong"
    ));
    assert!(
        message.ends_with("caused by: e.F: [db.password] is wrong"),
        "{message}"
    );
    assert!(
        message.chars().count() <= lifecycle::TEXT_KEPT + 20,
        "{message}"
    );
    assert_eq!(traced("e.F: plain\n\tat a.B".to_owned()), "e.F: plain");
    assert_eq!(
        traced("g.H: e.F: twice\nCaused by: e.F: twice\n".to_owned()),
        "g.H: e.F: twice"
    );
}

#[test]
fn property_values_are_taken_out_of_every_text() {
    let mut captured = moment("1.20/loop-while-processing/m4");
    let text = captured
        .exceptions
        .take()
        .unwrap()
        .to_string()
        .replace("poison", "marker-value")
        .replace("throttle", "marker-value");
    captured.exceptions = Some(serde_json::from_str(&text).unwrap());
    captured.job = Some(
        serde_json::from_str(
            &captured
                .job
                .unwrap()
                .to_string()
                .replace("throttle", "marker-value"),
        )
        .unwrap(),
    );
    let job = job(
        &captured,
        &[lifecycle::Property {
            name: "db.password".into(),
            value: "marker-value".into(),
        }],
    )
    .unwrap()
    .unwrap();
    assert!(!format!("{job:?}").contains("marker"), "{job:?}");
}

#[test]
fn of_very_many_vertices_those_that_are_not_up_are_kept() {
    let mut captured = moment("1.20/healthy/m2");
    let mut job_answer = captured.job.take().unwrap();
    let up = job_answer["vertices"][0].clone();
    let mut down = up.clone();
    down["tasks"] = json!({ "SCHEDULED": 1 });
    let mut many = vec![up; 200];
    many.push(down);
    job_answer["vertices"] = Value::Array(many);
    captured.job = Some(job_answer);
    let job = job(&captured, &[]).unwrap().unwrap();
    assert_eq!(job.vertices.len(), lifecycle::VERTICES_KEPT);
    assert!(!job.is_all_running());
}

#[test]
fn most_polls_of_a_looping_job_show_it_all_running() {
    let text =
        fs::read_to_string(recordings().join("1.20/loop-while-processing/poll_200ms.csv")).unwrap();
    let column = |name: &str| {
        text.lines()
            .next()
            .unwrap()
            .split(',')
            .position(|it| it == name)
            .unwrap()
    };
    let (status, running) = (column("job_status"), column("RUNNING"));
    let polls: Vec<Vec<&str>> = text
        .lines()
        .skip(1)
        .map(|line| line.split(',').collect())
        .collect();
    let fine = polls
        .iter()
        .filter(|poll| poll[status] == "RUNNING" && poll[running] == "4")
        .count();
    assert!(
        fine * 2 > polls.len(),
        "{fine} of {}: why one picture is no proof of health",
        polls.len()
    );
}

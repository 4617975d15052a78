//! What befalls a cluster beside its code: JobManagers that die, failover regions, lost TaskManagers, rescales, batch jobs.

mod managed_flink_support;

use std::time::Duration;

use emulated_flink::flink::{
    Behaviour, ClusterEvent, Code, Codebook, Fault, RestartStrategy, Scheduler,
};
use emulated_flink::managed_flink::{ApplicationSeed, Settings, Status, Timings};
use managed_flink_support::{Region, region_with, told};
use serde_json::{Value, json};

/// `orders`, running this code since ten minutes.
async fn running(runtime: &str, code: Code) -> (Region, String) {
    let settings = Settings {
        timings: Timings::default().exact(),
        ..Settings::default()
    };
    let region = region_with(settings, Codebook::from([("orders.jar".to_owned(), code)]));
    let seed = ApplicationSeed::new("orders")
        .runtime(runtime)
        .version("orders.jar", Duration::from_secs(600));
    region.service.add_application(seed);
    let url = region.url("orders").await;
    (region, url)
}

async fn metric(region: &Region, url: &str, name: &str) -> Option<i64> {
    let answer = region.job(url, &format!("/metrics?get={name}")).await;
    answer[0]["value"].as_str()?.parse().ok()
}

async fn attempts(region: &Region, url: &str) -> Vec<i64> {
    let job = region.job(url, "").await;
    let vertex = job["vertices"][0]["id"].as_str().expect("a vertex");
    let vertex = region.job(url, &format!("/vertices/{vertex}")).await;
    let subtasks = vertex["subtasks"].as_array().expect("subtasks");
    subtasks
        .iter()
        .map(|task| task["attempt"].as_i64().expect("an attempt"))
        .collect()
}

fn entries(exceptions: &Value) -> Vec<String> {
    let entries = exceptions["exceptionHistory"]["entries"].as_array();
    let name = |entry: &Value| entry["taskName"].as_str().unwrap_or("no task").to_owned();
    entries.expect("entries").iter().map(name).collect()
}

#[tokio::test(start_paused = true)]
async fn a_lost_job_manager_takes_everything_with_it_that_flink_counts() {
    let (region, url) = running("FLINK-1_20", Code::healthy().checkpointing_every(10)).await;
    region.service.befall("orders", &blip(0));
    region.sleep(60).await;
    let (before, checkpoints) = (
        region.job(&url, "").await,
        region.job(&url, "/checkpoints").await,
    );
    assert_eq!(metric(&region, &url, "numRestarts").await, Some(1));
    region.service.kill_job_manager("orders");
    region.sleep(1).await;
    assert_eq!(region.get(&url, "/jobs/overview").await.0, 503);
    let now = region.clock.now();
    assert_eq!(region.service.metrics("orders", now), Vec::new());
    assert_eq!(
        region.service.standing("orders").expect("there").up_since,
        None
    );
    region.sleep(19).await;
    let back = region.job(&url, "").await;
    assert_eq!(
        (&back["jid"], &back["state"], &back["vertices"]),
        (&before["jid"], &json!("INITIALIZING"), &json!([]))
    );
    let id = back["jid"].as_str().expect("an id").to_owned();
    let (status, _) = region.get(&url, &format!("/jobs/{id}/checkpoints")).await;
    assert_eq!(status, 500);
    assert_eq!(
        region.job(&url, "/metrics?get=numRestarts").await,
        json!([])
    );
    region.sleep(30).await;
    let job = region.job(&url, "").await;
    assert_eq!(
        (&job["jid"], &job["state"]),
        (&before["jid"], &json!("RUNNING"))
    );
    assert!(job["start-time"].as_i64() > before["now"].as_i64());
    assert_eq!(job["timestamps"]["RESTARTING"], 0);
    assert_eq!(
        entries(&region.job(&url, "/exceptions").await),
        Vec::<String>::new()
    );
    assert_eq!(metric(&region, &url, "numRestarts").await, Some(0));
    assert_eq!(attempts(&region, &url).await, [0]);
    let after = region.job(&url, "/checkpoints").await;
    assert_eq!(after["counts"]["restored"], 1);
    assert!(after["counts"]["completed"].as_i64() < checkpoints["counts"]["completed"].as_i64());
    assert_eq!(after["latest"]["restored"]["is_savepoint"], false);
    assert!(
        after["latest"]["restored"]["id"].as_i64()
            >= checkpoints["latest"]["completed"]["id"].as_i64()
    );
    assert!(
        after["latest"]["completed"]["id"].as_i64() > after["latest"]["restored"]["id"].as_i64()
    );
    let records = region.service.records("orders");
    assert!(records.lost == 0 && records.replayed > 0, "{records:?}");
    assert_eq!(region.status("orders"), Status::Running);
    assert!(told(&region.journal).contains("JobManager"));
}

#[tokio::test(start_paused = true)]
async fn a_job_manager_that_crashes_every_100_seconds_shows_only_new_start_times() {
    let crashes = Behaviour::JobManagerCrashes {
        after: Duration::from_secs(80),
        gone: Duration::from_secs(20),
    };
    let (region, url) = running("FLINK-2_2", Code::that(crashes).checkpointing_every(10)).await;
    let (mut ids, mut starts, mut restored) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..6 {
        while region.get(&url, "/jobs").await.0 != 200 {
            region.sleep(1).await;
        }
        region.sleep(60).await;
        let job = region.job(&url, "").await;
        assert_eq!(job["state"], "RUNNING");
        assert_eq!(metric(&region, &url, "numRestarts").await, Some(0));
        assert_eq!(entries(&region.job(&url, "/exceptions").await).len(), 0);
        ids.push(job["jid"].clone());
        starts.push(job["start-time"].as_i64().expect("a moment"));
        let checkpoints = region.job(&url, "/checkpoints").await;
        restored.push(
            checkpoints["latest"]["restored"]["id"]
                .as_i64()
                .expect("an id"),
        );
        while region.get(&url, "/jobs").await.0 == 200 {
            region.sleep(1).await;
        }
    }
    assert!(ids.iter().all(|id| *id == ids[0]));
    assert!(
        starts.windows(2).all(|pair| pair[0] < pair[1]),
        "{starts:?}"
    );
    assert!(
        restored.windows(2).all(|pair| pair[0] < pair[1]),
        "{restored:?}"
    );
}

fn blip(apart_millis: u32) -> ClusterEvent {
    ClusterEvent::RegionsFail {
        apart_millis,
        fault: Fault {
            vertex: Some(0),
            ..Fault::new("java.net.ConnectException", "Connection refused")
        },
    }
}

#[tokio::test(start_paused = true)]
async fn a_blip_of_eight_regions_counts_as_the_release_and_the_strategy_count() {
    let (fixed, exponential) = (RestartStrategy::every(1), RestartStrategy::EXPONENTIAL);
    for (runtime, strategy, apart, counted) in [
        ("FLINK-1_18", fixed, 150, 8),
        ("FLINK-1_20", fixed, 150, 8),
        ("FLINK-1_18", exponential, 150, 8),
        ("FLINK-1_20", exponential, 150, 2),
        ("FLINK-1_20", exponential, 1_000, 4),
        ("FLINK-2_3", exponential, 150, 2),
    ] {
        let code = Code::healthy()
            .in_regions(8)
            .restarting(strategy)
            .restoring_for(0);
        let (region, url) = running(runtime, code).await;
        region.service.befall("orders", &blip(apart));
        region.sleep(60).await;
        let what = format!("{runtime} {strategy:?}");
        assert_eq!(
            metric(&region, &url, "numRestarts").await,
            Some(counted),
            "{what}"
        );
        assert_eq!(attempts(&region, &url).await, [1; 8], "{what}");
        let exceptions = region.job(&url, "/exceptions").await;
        let newest = entries(&exceptions);
        assert_eq!(newest.len() as i64, counted, "{what}");
        assert!(
            newest
                .iter()
                .all(|task| task.ends_with("/8) - execution #0")),
            "{newest:?}"
        );
        let history = exceptions["exceptionHistory"]["entries"]
            .as_array()
            .expect("entries");
        let merged = history
            .iter()
            .map(|entry| entry["concurrentExceptions"].as_array().map_or(0, Vec::len));
        assert_eq!(merged.sum::<usize>() as i64, 8 - counted, "{what}");
        assert_eq!(
            region.job(&url, "/checkpoints").await["counts"]["restored"],
            8,
            "{what}"
        );
        assert!(
            region
                .service
                .standing("orders")
                .expect("there")
                .up_since
                .is_some()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_task_manager_costs_a_restart_per_region_only_on_1_18() {
    for (runtime, counted) in [("FLINK-1_18", 4), ("FLINK-1_20", 1), ("FLINK-2_3", 1)] {
        let code = Code::healthy().in_regions(8).checkpointing_every(2);
        let (region, url) = running(runtime, code).await;
        let failed = async || {
            let checkpoints = region.job(&url, "/checkpoints").await;
            checkpoints["counts"]["failed"].as_i64().expect("a count")
        };
        let before = failed().await;
        region.service.kill_task_manager("orders");
        region.sleep(9).await;
        assert_eq!(
            region.job(&url, "").await["timestamps"]["RESTARTING"],
            0,
            "unnoticed"
        );
        assert!(
            failed().await >= before + 3,
            "checkpoints fail before anybody notices"
        );
        assert_eq!(
            region.service.standing("orders").expect("there").up_since,
            None
        );
        region.sleep(60).await;
        assert_eq!(
            metric(&region, &url, "numRestarts").await,
            Some(counted),
            "{runtime}"
        );
        assert_eq!(
            attempts(&region, &url).await,
            [1, 1, 1, 1, 0, 0, 0, 0],
            "{runtime}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn one_region_loops_while_every_look_shows_all_of_them_running() {
    let fault = Fault::new("java.lang.IllegalArgumentException", "poison record");
    let fault = Fault {
        vertex: Some(0),
        ..fault.in_subtask(3)
    };
    let code = Code::that(Behaviour::Throws {
        after: Duration::from_secs(5),
        jitter: Duration::ZERO,
        fault,
    })
    .in_regions(8)
    .restarting(RestartStrategy::every(1))
    .restoring_for(0);
    let (region, url) = running("FLINK-2_3", code).await;
    let before = metric(&region, &url, "numRestarts").await.expect("a count");
    region.sleep(60).await;
    assert!(metric(&region, &url, "numRestarts").await.expect("a count") >= before + 8);
    let attempts = attempts(&region, &url).await;
    let others = attempts.iter().enumerate().filter(|(index, _)| *index != 3);
    assert!(
        attempts[3] > 80 && others.map(|(_, count)| count).sum::<i64>() == 0,
        "{attempts:?}"
    );
    let newest = entries(&region.job(&url, "/exceptions").await);
    assert!(
        newest.iter().all(|task| task.contains("(4/8)")),
        "{newest:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_rescale_is_a_restart_that_nothing_failed_for() {
    let code = Code::healthy().scheduled_by(Scheduler::ADAPTIVE);
    let (region, url) = running("FLINK-2_3", code).await;
    region
        .service
        .befall("orders", &ClusterEvent::Rescale { parallelism: 2 });
    region.sleep(60).await;
    region
        .service
        .befall("orders", &ClusterEvent::Rescale { parallelism: 4 });
    region.sleep(60).await;
    for (name, counted) in [("numRestarts", 2), ("numRescales", 2)] {
        assert_eq!(metric(&region, &url, name).await, Some(counted), "{name}");
    }
    let job = region.job(&url, "").await;
    assert_eq!(
        (&job["timestamps"]["RESTARTING"], &job["schedulerType"]),
        (&json!(0), &json!("Adaptive"))
    );
    assert_eq!(job["vertices"][0]["parallelism"], 4);
    assert_eq!(
        attempts(&region, &url).await,
        [2, 1, 0, 0],
        "as many executions as each subtask had"
    );
    assert_eq!(entries(&region.job(&url, "/exceptions").await).len(), 0);
}

/// What 2.3 says of the job beside 2.2: its scheduler in the overview and by itself, and its application.
async fn new_in_2_3(region: &Region, url: &str) -> [Value; 3] {
    let overview = region.get(url, "/jobs/overview").await.1;
    let job = region.job(url, "").await;
    let known = if job["application-id"] == job["jid"] {
        json!("its own")
    } else {
        job["application-id"].clone()
    };
    [
        overview["jobs"][0]["schedulerType"].clone(),
        job["schedulerType"].clone(),
        known,
    ]
}

#[tokio::test(start_paused = true)]
async fn from_2_3_on_a_job_names_its_scheduler_once_it_is_initialised_and_its_application_once_it_ran()
 {
    let code = Code::healthy().scheduled_by(Scheduler::ADAPTIVE);
    let (region, url) = running("FLINK-2_3", code).await;
    let adaptive = json!("Adaptive");
    let ran = [adaptive.clone(), adaptive.clone(), json!("its own")];
    assert_eq!(new_in_2_3(&region, &url).await, ran);
    region
        .service
        .befall("orders", &ClusterEvent::SlotsLost { for_secs: 60 });
    region.sleep(30).await;
    assert_eq!(
        new_in_2_3(&region, &url).await,
        [adaptive.clone(), adaptive, Value::Null],
        "it waits"
    );
    region.sleep(60).await;
    region.service.kill_job_manager("orders");
    region.sleep(20).await;
    assert_eq!(region.job(&url, "").await["state"], "INITIALIZING");
    assert_eq!(
        new_in_2_3(&region, &url).await,
        [Value::Null, Value::Null, Value::Null],
        "its JobManager comes back"
    );
    region.sleep(30).await;
    assert_eq!(new_in_2_3(&region, &url).await, ran);
    // Nobody here reads what else is new, so nothing is made up.
    let id = region.job(&url, "").await["jid"]
        .as_str()
        .expect("an id")
        .to_owned();
    for path in [
        "/applications/overview".to_owned(),
        format!("/applications/{id}"),
        format!("/jobs/{id}/rescales/overview"),
        "/taskmanagers".to_owned(),
    ] {
        assert_eq!(region.get(&url, &path).await.0, 404, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_adaptive_scheduler_waits_for_its_slots() {
    let code = Code::healthy().scheduled_by(Scheduler::ADAPTIVE);
    let (region, url) = running("FLINK-2_3", code).await;
    region
        .service
        .befall("orders", &ClusterEvent::SlotsLost { for_secs: 60 });
    region.sleep(30).await;
    let job = region.job(&url, "").await;
    assert_eq!(job["state"], "CREATED");
    assert_eq!(job["vertices"][1]["parallelism"], 2);
    let tasks = job["vertices"][1]["tasks"].as_object().expect("tasks");
    assert!(tasks.values().all(|count| *count == 0), "{tasks:?}");
    assert_eq!(region.job(&url, "/checkpoints").await["counts"]["total"], 0);
    assert_eq!(entries(&region.job(&url, "/exceptions").await), ["no task"]);
    region.sleep(60).await;
    assert_eq!(region.job(&url, "").await["state"], "RUNNING");
    assert!(region.job(&url, "/checkpoints").await["counts"]["total"].as_i64() > Some(5));
}

#[tokio::test(start_paused = true)]
async fn a_batch_job_plans_its_stages_one_by_one_and_finishes() {
    for (runtime, parallelism, kind) in [
        ("FLINK-1_18", json!([1, -1, -1, -1]), Value::Null),
        ("FLINK-1_20", json!([1, -1, -1, -1]), json!("BATCH")),
        ("FLINK-2_3", json!([1]), json!("BATCH")),
    ] {
        let stage = Duration::from_secs(900);
        let (region, url) = running(runtime, Code::that(Behaviour::Batch { stage })).await;
        let job = region.job(&url, "").await;
        let shown = job["vertices"].as_array().expect("vertices");
        let shown: Value = shown
            .iter()
            .map(|vertex| vertex["parallelism"].clone())
            .collect();
        assert_eq!(
            (&shown, &job["job-type"]),
            (&parallelism, &kind),
            "{runtime}"
        );
        let id = job["jid"].as_str().expect("an id").to_owned();
        assert_eq!(
            region.get(&url, &format!("/jobs/{id}/checkpoints")).await.0,
            404
        );
        region.sleep(900).await;
        let job = region.job(&url, "").await;
        assert_eq!(job["vertices"][0]["status"], "FINISHED", "{runtime}");
        assert_eq!(job["vertices"][1]["tasks"]["RUNNING"], 2, "{runtime}");
        region.sleep(3_600).await;
        assert_eq!(region.status("orders"), Status::Ready, "{runtime}");
    }
}

#[test]
fn what_befalls_a_cluster_is_data() {
    let events = [
        ClusterEvent::JobManagerLost,
        ClusterEvent::TaskManagerLost,
        blip(150),
        ClusterEvent::Rescale { parallelism: 2 },
        ClusterEvent::SlotsLost { for_secs: 60 },
    ];
    let written = json!([
        "jobManagerLost",
        "taskManagerLost",
        { "regionsFail": { "apartMillis": 150, "fault": { "class": "java.net.ConnectException", "message": "Connection refused", "vertex": 0, "subtask": 0 } } },
        { "rescale": { "parallelism": 2 } },
        { "slotsLost": { "forSecs": 60 } },
    ]);
    assert_eq!(serde_json::to_value(&events).expect("JSON"), written);
    let read: Vec<ClusterEvent> = serde_json::from_value(written).expect("events");
    assert_eq!(read, events);
}

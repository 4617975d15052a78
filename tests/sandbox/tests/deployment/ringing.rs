//! Which of the kept alarms ring for what a job does: in the region, over the metrics that Flink's gauges give, under any runtime.

use sandbox::{
    cloudwatch::{EndOfJob, MetricSettings, StateValue},
    flink::{Behaviour, Code, RestartStrategy},
    region::{Blueprint, Open, Region},
    scenario::Stage,
};
use serde_json::json;

use super::{
    alarms::{MINUTE, client, keep, kept},
    virtually,
};

/// A region that only observes, in which `orders` runs this code under this runtime and has its alarms.
async fn observed(code: Code, runtime: &str, metrics: MetricSettings) -> Open {
    let mut stage = Stage::of(code);
    stage.parameters.insert("Mode".into(), "observe".into());
    let region = Region::open(Blueprint {
        seed: 1,
        parameters: stage.parameters,
        codebook: stage.codebook,
        settings: stage.settings,
        metrics,
        ..Blueprint::default()
    })
    .unwrap();
    region
        .flink()
        .add_application(Stage::orders().all_on(runtime));
    keep(&region, json!({})).await;
    region
}

/// The alarms of `orders` that are in ALARM, by the ends of their names.
fn in_alarm(region: &Region) -> Vec<String> {
    let is_in_alarm = |name: &String| {
        let alarm = region.cloudwatch().alarm(name);
        alarm.is_some_and(|alarm| alarm.state.value == StateValue::Alarm)
    };
    let names = kept(region).into_iter().filter(is_in_alarm);
    names
        .map(|name| name.trim_start_matches("lifeguard-orders-").to_owned())
        .collect()
}

/// A runtime, its alarm on the counter of restarts, and metrics that it no longer sends.
const RUNTIMES: [(&str, &str, &[&str]); 3] = [
    ("FLINK-1_20", "restarts", &[]),
    ("FLINK-2_2", "restarts-flink-2", &[]),
    ("FLINK-2_3", "restarts-flink-2", &["uptime", "downtime"]),
];

fn without(removed: &[&str]) -> MetricSettings {
    MetricSettings {
        removed: removed.iter().map(|name| (*name).to_owned()).collect(),
        ..MetricSettings::default()
    }
}

#[test]
fn a_loop_of_seconds_rings_three_alarms_under_any_runtime() {
    for (runtime, counter, removed) in RUNTIMES {
        virtually(async {
            let looping = Code::that(Behaviour::throws_after(
                5,
                "java.lang.NullPointerException",
                "price",
            ))
            .restarting(RestartStrategy::every(1));
            let region = observed(looping, runtime, without(removed)).await;
            tokio::time::sleep(10 * MINUTE).await;
            assert_eq!(in_alarm(&region), [counter], "{runtime}");
            tokio::time::sleep(14 * MINUTE).await;
            assert_eq!(
                in_alarm(&region),
                ["not-up", counter, "restarts-slow"],
                "{runtime}"
            );
        });
    }
}

#[test]
fn a_stop_a_start_and_a_deployment_ring_nothing_under_any_runtime() {
    for (runtime, _, removed) in RUNTIMES {
        virtually(async {
            let region = observed(Code::healthy(), runtime, without(removed)).await;
            let rings_nothing = async |minutes: u32, what: &str| {
                for _ in 0..minutes {
                    tokio::time::sleep(MINUTE).await;
                    assert_eq!(in_alarm(&region), Vec::<String>::new(), "{runtime}: {what}");
                }
            };
            rings_nothing(10, "it runs").await;
            for time in ["first", "second"] {
                let client = client(&region);
                client
                    .stop_application()
                    .application_name("orders")
                    .send()
                    .await
                    .unwrap();
                rings_nothing(40, &format!("the {time} stop")).await;
                client
                    .start_application()
                    .application_name("orders")
                    .send()
                    .await
                    .unwrap();
                rings_nothing(25, &format!("the {time} start")).await;
            }
            for time in ["first", "second", "third"] {
                let version = region.flink().application("orders").unwrap().version;
                let update = client(&region)
                    .update_application()
                    .application_name("orders");
                let update = update.current_application_version_id(version);
                let role = format!("arn:aws:iam::123456789012:role/{time}");
                update
                    .service_execution_role_update(role)
                    .send()
                    .await
                    .unwrap();
                rings_nothing(20, &format!("the {time} deployment")).await;
            }
        });
    }
}

#[test]
fn a_job_that_failed_for_good_is_not_up_only_where_its_metric_says_so() {
    let ended = [
        ("FLINK-1_20", EndOfJob::Missing, false),
        ("FLINK-1_20", EndOfJob::MinusOne, false),
        ("FLINK-2_2", EndOfJob::Missing, false),
        ("FLINK-2_2", EndOfJob::MinusOne, true),
    ];
    for (runtime, end_of_job, rings) in ended {
        virtually(async {
            let fails = Code::that(Behaviour::throws_after(
                400,
                "java.lang.NullPointerException",
                "price",
            ))
            .restarting(RestartStrategy::None);
            let metrics = MetricSettings {
                end_of_job,
                ..MetricSettings::default()
            };
            let region = observed(fails, runtime, metrics).await;
            tokio::time::sleep(45 * MINUTE).await;
            assert_eq!(
                region.flink().application("orders").unwrap().status.name(),
                "RUNNING"
            );
            let not_up = in_alarm(&region).contains(&"not-up".to_owned());
            assert_eq!(not_up, rings, "{runtime}, {end_of_job:?}");
        });
    }
}

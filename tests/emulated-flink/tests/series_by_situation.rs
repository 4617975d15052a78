//! What each metric shows, by situation: a test for each row of the table. A minute is a sample at its end; -1 is what Flink's gauges say of something that is not.

mod managed_flink_support;

use std::collections::BTreeMap;
use std::time::Duration;

use emulated_flink::flink::{Behaviour, ClusterEvent, Code, Fault, RestartStrategy};
use emulated_flink::managed_flink::{ApplicationSeed, Incident, Settings, Status, Timings};
use managed_flink_support::{Region, codebook, region_with};

const DAY: Duration = Duration::from_secs(86_400);
const ONE: &str = "FLINK-1_20";
const TWO: &str = "FLINK-2_2";
/// Four operators process at most so many records in a minute, what has piled up included; a day of health had millions.
const OF_A_MINUTE: f64 = 4.0 * 60.0 * 1_000.0;

/// The samples of some minutes; one without any is missing.
struct Minutes(Vec<BTreeMap<&'static str, f64>>);

impl Minutes {
    /// Where the metric is known.
    fn of(&self, name: &str) -> Vec<f64> {
        self.0
            .iter()
            .filter_map(|minute| minute.get(name).copied())
            .collect()
    }

    fn max(&self, name: &str) -> f64 {
        self.of(name).into_iter().fold(f64::MIN, f64::max)
    }

    /// From each minute to the next.
    fn steps(&self, name: &str) -> Vec<f64> {
        self.of(name)
            .windows(2)
            .map(|pair| pair[1] - pair[0])
            .collect()
    }

    /// How many minutes the metric rises in.
    fn rises(&self, name: &str) -> usize {
        self.steps(name)
            .into_iter()
            .filter(|step| *step > 0.0)
            .count()
    }

    /// Minutes in which another run than before is seen: its start moved.
    fn breaks(&self, name: &str) -> usize {
        self.steps(name)
            .into_iter()
            .filter(|step| (step - 60_000.0).abs() > 15_000.0)
            .count()
    }

    fn always(&self, name: &str, value: f64) -> bool {
        !self.of(name).is_empty() && self.of(name).iter().all(|seen| *seen == value)
    }
}

async fn minutes(region: &Region, count: usize) -> Minutes {
    let mut all = Vec::new();
    for _ in 0..count {
        region.sleep(60).await;
        all.push(now(region));
    }
    Minutes(all)
}

fn now(region: &Region) -> BTreeMap<&'static str, f64> {
    region
        .service
        .gauges("orders", region.clock.now())
        .into_iter()
        .collect()
}

/// A region where `orders` has run well under this runtime for a day, and `new.jar` is this code.
fn running(runtime: &str, code: Code) -> Region {
    running_after(runtime, code, &[])
}

/// The same after incidents.
fn running_after(runtime: &str, code: Code, incidents: &[Incident]) -> Region {
    let mut all = codebook();
    all.insert("new.jar".to_owned(), code);
    let settings = Settings {
        timings: Timings::default().exact(),
        ..Settings::default()
    };
    let region = region_with(settings, all);
    let seed = ApplicationSeed::new("orders")
        .runtime(runtime)
        .version("good.jar", DAY);
    let seed = incidents
        .iter()
        .cloned()
        .fold(seed, ApplicationSeed::incident);
    region.service.add_application(seed);
    region
}

/// The same after an update to this code, in its first minute of RUNNING.
async fn updated(runtime: &str, code: Code) -> Region {
    let region = running(runtime, code);
    region.deploy("orders", "new.jar").await.expect("accepted");
    region.until("orders", Status::Running).await;
    region
}

fn looping(after: u64) -> Code {
    Code::that(Behaviour::throws_after(
        after,
        "java.lang.IllegalArgumentException",
        "poison",
    ))
    .restoring_for(0)
}

fn three_restarts() -> Incident {
    Incident {
        ago: Duration::from_secs(3_600),
        lasts: Duration::from_secs(90),
        restarts: 3,
        fault: Fault::new("java.io.IOException", "reset"),
    }
}

#[tokio::test(start_paused = true)]
async fn before_the_job_of_an_update_all_is_missing() {
    let region = running(ONE, Code::healthy());
    region.deploy("orders", "new.jar").await.expect("accepted");
    let mut updating = 0;
    while region.status("orders") == Status::Updating {
        assert!(now(&region).is_empty());
        updating += 1;
        region.sleep(1).await;
    }
    assert!(updating > 60, "{updating} s");
}

#[tokio::test(start_paused = true)]
async fn the_first_minute_of_running_begins_at_zero() {
    for (runtime, counter) in [(ONE, "fullRestarts"), (TWO, "numRestarts")] {
        let region = updated(runtime, Code::healthy()).await;
        region.sleep(20).await;
        let seen = now(&region);
        assert_eq!((seen[counter], seen["downtime"]), (0.0, 0.0));
        assert!((1.0..60_000.0).contains(&seen["uptime"]));
        assert_eq!(
            (seen["lastCheckpointDuration"], seen["lastCheckpointSize"]),
            (-1.0, -1.0)
        );
        assert!(seen["numRecordsIn"] >= 0.0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_healthy_job_is_steady_and_grows() {
    for (runtime, counter, other) in [
        (ONE, "fullRestarts", "numRestarts"),
        (TWO, "numRestarts", "fullRestarts"),
    ] {
        let seen = minutes(&running(runtime, Code::healthy()), 70).await;
        assert!(seen.always(counter, 0.0) && seen.of(other).is_empty());
        assert_eq!((seen.breaks("uptime"), seen.rises("uptime")), (0, 69));
        assert!(seen.always("downtime", 0.0));
        assert!(
            seen.steps("lastCheckpointSize")
                .iter()
                .all(|step| *step != 0.0),
            "one a minute"
        );
        assert!(
            seen.always("lastCheckpointDuration", 480.0)
                && seen.always("numberOfFailedCheckpoints", 0.0)
        );
        assert_eq!(
            (seen.rises("numRecordsIn"), seen.rises("numRecordsOut")),
            (69, 69)
        );
        assert_eq!(seen.of("KPUs"), [2.0, 2.0], "one sample an hour");
        let two = runtime == TWO;
        assert_eq!(
            seen.of("runningTime"),
            if two { seen.of("uptime") } else { Vec::new() }
        );
        for name in ["restartingTime", "failingTime", "cancellingTime"] {
            assert_eq!(seen.always(name, 0.0), two, "{name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_loop_of_five_seconds_never_grows_up() {
    let code = looping(5)
        .restarting(RestartStrategy::every(1))
        .checkpointing_every(2);
    let seen = minutes(&updated(TWO, code).await, 60).await;
    assert!(
        seen.steps("numRestarts")
            .iter()
            .all(|step| (9.0..=10.0).contains(step))
    );
    assert!(seen.max("uptime") < 6_000.0 && seen.breaks("uptime") == 59);
    assert!(seen.always("downtime", 0.0), "a restart is no down time");
    assert!(seen.max("restartingTime") <= 1_000.0);
    assert!(
        seen.rises("lastCheckpointSize") > 10,
        "checkpoints complete"
    );
    let records = seen.steps("numRecordsIn");
    assert!(records.iter().any(|step| *step < 0.0) && records.iter().any(|step| *step > 0.0));
}

#[tokio::test(start_paused = true)]
async fn the_same_with_flinks_own_delay_is_mostly_restarting() {
    let seen = minutes(&updated(TWO, looping(5)).await, 120).await;
    let settled = Minutes(seen.0[15..].to_vec());
    assert!(
        settled.rises("numRestarts") > 90
            && settled.steps("numRestarts").iter().all(|step| *step <= 1.0)
    );
    let zero = settled
        .of("uptime")
        .iter()
        .filter(|value| **value == 0.0)
        .count();
    assert!(zero > 80, "{zero} of 105");
    assert!(seen.always("downtime", 0.0));
    assert!(settled.max("restartingTime") > 40_000.0 && settled.max("restartingTime") <= 60_000.0);
}

#[tokio::test(start_paused = true)]
async fn a_loop_of_three_minutes_is_a_saw_tooth() {
    let code = looping(180).restarting(RestartStrategy::every(1));
    let seen = minutes(&updated(ONE, code).await, 120).await;
    let risen: Vec<usize> = (0..119)
        .filter(|n| seen.steps("fullRestarts")[*n] > 0.0)
        .collect();
    assert!(
        risen
            .windows(2)
            .all(|pair| matches!(pair[1] - pair[0], 3 | 4)),
        "{risen:?}"
    );
    assert!(seen.max("uptime") > 120_000.0 && seen.max("uptime") < 182_000.0);
    assert!(seen.always("downtime", 0.0) && seen.rises("lastCheckpointSize") > 20);
    assert!(seen.steps("numRecordsIn").iter().any(|step| *step < 0.0));
}

#[tokio::test(start_paused = true)]
async fn a_lost_task_manager_is_one_break_after_it_is_noticed() {
    let region = running(ONE, Code::healthy());
    region.sleep(50).await;
    region.service.kill_task_manager("orders");
    let before = now(&region)["uptime"];
    region.sleep(10).await;
    let unnoticed = now(&region);
    assert_eq!(
        (unnoticed["fullRestarts"], unnoticed["uptime"]),
        (0.0, before + 10_000.0)
    );
    let seen = minutes(&region, 5).await;
    assert!(seen.always("fullRestarts", 1.0) && seen.always("downtime", 0.0));
    assert!(seen.of("uptime")[0] < 60_000.0 && seen.breaks("uptime") == 0);
    assert!(seen.max("numberOfFailedCheckpoints") <= 1.0);
}

#[tokio::test(start_paused = true)]
async fn a_blip_of_eight_regions_is_one_break_and_many_restarts() {
    for (strategy, expected) in [
        (RestartStrategy::every(1), 8.0..=8.0),
        (RestartStrategy::EXPONENTIAL, 2.0..=4.0),
    ] {
        let region = updated(ONE, Code::healthy().in_regions(8).restarting(strategy)).await;
        let mut seen = minutes(&region, 5).await;
        let fault = Fault::new("java.net.ConnectException", "refused");
        region.service.befall(
            "orders",
            &ClusterEvent::RegionsFail {
                apart_millis: 150,
                fault,
            },
        );
        seen.0.extend(minutes(&region, 5).await.0);
        let risen: f64 = seen.steps("fullRestarts").into_iter().sum();
        assert!(expected.contains(&risen), "{risen}");
        assert_eq!(seen.breaks("uptime"), 1);
        assert!(seen.always("downtime", 0.0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_loop_in_open_has_no_up_time_to_speak_of() {
    let code = Code::that(Behaviour::ThrowsInOpen {
        fault: Fault::new("java.lang.NullPointerException", "open"),
    });
    let seen = minutes(&updated(TWO, code).await, 60).await;
    assert!(seen.rises("numRestarts") > 50);
    assert!(seen.max("uptime") < 1_000.0 && seen.always("downtime", 0.0));
    let restarting = seen
        .of("restartingTime")
        .iter()
        .filter(|value| **value > 0.0)
        .count();
    assert!(restarting > 50, "{restarting} of 60");
    assert!(seen.always("lastCheckpointSize", -1.0) && seen.always("numRecordsIn", 0.0));
}

#[tokio::test(start_paused = true)]
async fn initialising_for_ever_looks_like_health_but_for_records_and_checkpoints() {
    let seen = minutes(
        &updated(ONE, Code::healthy().restoring_for(1_000_000)).await,
        30,
    )
    .await;
    assert!(seen.always("fullRestarts", 0.0) && seen.always("downtime", 0.0));
    assert_eq!((seen.breaks("uptime"), seen.rises("uptime")), (0, 29));
    assert!(
        seen.always("lastCheckpointSize", -1.0) && seen.rises("numberOfFailedCheckpoints") > 20
    );
    assert!(seen.always("numRecordsIn", 0.0));
}

#[tokio::test(start_paused = true)]
async fn a_new_job_manager_knows_nothing_of_before() {
    let region = running_after(ONE, Code::healthy(), &[three_restarts()]);
    let before = minutes(&region, 3).await;
    assert!(before.always("fullRestarts", 3.0) && before.max("lastCheckpointSize") > 0.0);
    region
        .service
        .befall("orders", &ClusterEvent::JobManagerLost);
    let mut missing = 0;
    while now(&region).is_empty() {
        missing += 1;
        region.sleep(1).await;
    }
    assert!((19..=60).contains(&missing), "{missing} s");
    let first = now(&region);
    assert_eq!(
        (
            first["fullRestarts"],
            first["downtime"],
            first["lastCheckpointSize"]
        ),
        (0.0, 0.0, -1.0)
    );
    let after = minutes(&region, 5).await;
    assert!(after.always("fullRestarts", 0.0) && after.max("lastCheckpointSize") > 0.0);
    assert!(after.max("uptime") < 330_000.0 && after.breaks("uptime") == 0);
    assert!(after.of("numRecordsIn")[0] < before.of("numRecordsIn")[0]);
}

#[tokio::test(start_paused = true)]
async fn a_job_manager_that_crashes_again_and_again_counts_nothing() {
    let code = Code::that(Behaviour::JobManagerCrashes {
        after: Duration::from_secs(47),
        gone: Duration::from_secs(20),
    });
    let seen = minutes(&updated(ONE, code).await, 60).await;
    assert!(seen.always("fullRestarts", 0.0) && seen.always("downtime", 0.0));
    assert!(seen.of("uptime").len() < 60, "some are missing");
    assert!(seen.max("uptime") < 47_000.0 && seen.always("lastCheckpointSize", -1.0));
}

/// An operation has begun that ends with a new job: nothing for as long as it takes, then everything from the beginning.
async fn begins_anew(region: &Region, operation: Status) {
    let mut gap = 0;
    while region.status("orders") == operation {
        assert!(now(region).is_empty(), "{operation:?}");
        gap += 1;
        region.sleep(1).await;
    }
    assert!(gap > 10, "{operation:?} took {gap} s");
    assert_eq!(region.status("orders"), Status::Running);
    assert_eq!(now(region)["lastCheckpointSize"], -1.0);
    let seen = minutes(region, 5).await;
    assert!(seen.always("fullRestarts", 0.0) && seen.always("downtime", 0.0));
    assert!(seen.of("uptime")[0] < 61_000.0 && seen.breaks("uptime") == 0);
    assert!(seen.max("lastCheckpointSize") > 0.0);
    let records = seen.of("numRecordsIn")[0];
    assert!(records < OF_A_MINUTE, "{operation:?}: {records}");
    assert_eq!(seen.rises("numRecordsIn"), 4, "{operation:?}");
}

#[tokio::test(start_paused = true)]
async fn an_update_begins_anew_after_a_gap() {
    let region = running_after(ONE, Code::healthy(), &[three_restarts()]);
    assert_eq!(now(&region)["fullRestarts"], 3.0);
    region.deploy("orders", "new.jar").await.expect("accepted");
    begins_anew(&region, Status::Updating).await;
}

#[tokio::test(start_paused = true)]
async fn a_rollback_begins_anew_after_a_gap() {
    let code = looping(5).restarting(RestartStrategy::every(1));
    let region = updated(ONE, code).await;
    assert!(minutes(&region, 3).await.max("fullRestarts") > 20.0);
    let version = region.service.standing("orders").expect("there").version;
    let rollback = region
        .client
        .rollback_application()
        .application_name("orders")
        .current_application_version_id(version);
    rollback.send().await.expect("accepted");
    begins_anew(&region, Status::RollingBack).await;
}

#[tokio::test(start_paused = true)]
async fn scaling_begins_anew_after_a_gap() {
    let region = running_after(ONE, Code::healthy(), &[three_restarts()]);
    assert_eq!(now(&region)["fullRestarts"], 3.0);
    assert!(region.service.autoscale("orders", 4));
    begins_anew(&region, Status::Autoscaling).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_stopped_has_nothing_and_a_start_begins_anew() {
    for force in [false, true] {
        let region = running_after(TWO, Code::healthy(), &[three_restarts()]);
        let stop = region
            .client
            .stop_application()
            .application_name("orders")
            .force(force);
        stop.send().await.expect("accepted");
        assert!(minutes(&region, 10).await.0.iter().all(BTreeMap::is_empty));
        assert_eq!(region.status("orders"), Status::Ready);
        region
            .client
            .start_application()
            .application_name("orders")
            .send()
            .await
            .expect("accepted");
        region.until("orders", Status::Running).await;
        assert_eq!(now(&region)["lastCheckpointSize"], -1.0);
        let seen = minutes(&region, 3).await;
        assert!(seen.always("numRestarts", 0.0) && seen.of("uptime")[0] < 61_000.0);
        assert!(seen.always("restartingTime", 0.0) && seen.breaks("uptime") == 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_job_that_has_ended_says_so_by_minus_one_for_as_long_as_its_application_runs() {
    let bounded = Code::that(Behaviour::Bounded {
        after: Duration::from_secs(600),
    });
    let region = updated(TWO, bounded).await;
    let before = minutes(&region, 9).await;
    assert_eq!(before.breaks("uptime"), 0);
    let ended = minutes(&region, 3).await;
    if region.status("orders") == Status::Running {
        assert!(Minutes(ended.0[1..].to_vec()).always("uptime", -1.0));
    } else {
        assert!(ended.0[1..].iter().all(BTreeMap::is_empty));
    }
    let failing = looping(130).restarting(RestartStrategy::None);
    let region = updated(TWO, failing).await;
    let last = minutes(&region, 2).await;
    let seen = Minutes(minutes(&region, 5).await.0[1..].to_vec());
    assert_eq!(region.status("orders"), Status::Running);
    assert!(seen.always("uptime", -1.0) && seen.always("downtime", -1.0));
    assert!(seen.always("runningTime", 0.0) && seen.always("restartingTime", 0.0));
    assert!(seen.always("numRestarts", 0.0));
    assert!(seen.always("lastCheckpointDuration", last.max("lastCheckpointDuration")));
    assert!(seen.always("numRecordsIn", 0.0));
    // CloudWatch gets none of it unless a knob says so.
    assert!(
        region
            .service
            .metrics("orders", region.clock.now())
            .is_empty()
    );
}

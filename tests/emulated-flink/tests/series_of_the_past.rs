//! The past of an application, as its seed says: by the minute and by longer periods, joined to what its job says from then on.

mod managed_flink_support;

use std::collections::BTreeMap;
use std::time::Duration;

use emulated_flink::flink::Fault;
use emulated_flink::managed_flink::{ApplicationSeed, Incident, Samples};
use managed_flink_support::{Region, region};

const MINUTE: i64 = 60;
const DAY_SECS: u64 = 86_400;

fn days(days: u64) -> Duration {
    Duration::from_secs(days * DAY_SECS)
}

fn incident(ago: Duration, lasts_secs: u64, restarts: u32) -> Incident {
    Incident {
        ago,
        lasts: Duration::from_secs(lasts_secs),
        restarts,
        fault: Fault::new("java.io.IOException", "reset"),
    }
}

/// A year of `orders`: three versions under two runtimes, a loop of an hour and two blips.
fn year() -> ApplicationSeed {
    ApplicationSeed::new("orders")
        .version("good.jar", days(365))
        .version("good.jar", days(40))
        .runtime("FLINK-2_2")
        .version("good.jar", days(5))
        .incident(incident(days(41), 3_600, 300))
        .incident(incident(days(3), 5, 1))
        .incident(incident(days(2), 600, 20))
}

fn opened(region: &Region) -> i64 {
    region.clock.now().as_second()
}

fn periods(
    region: &Region,
    name: &str,
    period: i64,
    within: std::ops::Range<i64>,
) -> Vec<(i64, Samples)> {
    region
        .service
        .past("orders", name, period, within, &|_| true)
}

/// A metric's minutes that end so many seconds before now, back to so many.
fn minutes(region: &Region, name: &str, from_ago: u64, until_ago: u64) -> BTreeMap<i64, f64> {
    let (now, ago) = (opened(region), |secs: u64| {
        i64::try_from(secs).expect("short")
    });
    let within = now - ago(from_ago)..now - ago(until_ago);
    periods(region, name, MINUTE, within)
        .into_iter()
        .map(|(at, samples)| (at, samples.max))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn the_past_goes_on_as_the_job_that_is_placed() {
    let region = region();
    region.service.add_application(year());
    for name in [
        "uptime",
        "runningTime",
        "numRestarts",
        "numRecordsIn",
        "restartingTime",
        "downtime",
        "lastCheckpointDuration",
    ] {
        let past = minutes(&region, name, 600, 0);
        assert_eq!(past.len(), 10, "{name}");
        let (_, before) = past.last_key_value().expect("ten");
        let at_once: BTreeMap<_, _> = region
            .service
            .gauges("orders", region.clock.now())
            .into_iter()
            .collect();
        let close = (at_once[name] - before).abs()
            <= if name == "numRecordsIn" {
                300.0
            } else {
                1_000.0
            };
        assert!(close, "{name}: {before} and then {}", at_once[name]);
    }
    assert_eq!(
        *minutes(&region, "numRestarts", 60, 0)
            .values()
            .next()
            .expect("one"),
        21.0
    );
}

#[tokio::test(start_paused = true)]
async fn an_incident_is_a_break_and_an_update_a_gap() {
    let region = region();
    region.service.add_application(year());
    let two_days = 2 * DAY_SECS;
    // A loop of ten minutes with twenty restarts: up time never passes a half minute, then it grows again.
    let loops = minutes(&region, "uptime", two_days, two_days - 600);
    assert!(loops.values().all(|up| *up < 30_000.0));
    let after = minutes(&region, "uptime", two_days - 600, two_days - 1_200);
    assert!(
        after
            .values()
            .zip(1..)
            .all(|(up, minute)| *up == f64::from(minute) * 60_000.0),
        "{after:?}"
    );
    let counter = minutes(&region, "numRestarts", two_days + 60, two_days - 660);
    assert_eq!(
        (counter.values().next(), counter.values().next_back()),
        (Some(&1.0), Some(&21.0))
    );
    // The update of five days ago: two minutes are missing, and the other name counts from zero.
    let update = minutes(&region, "uptime", 5 * DAY_SECS + 300, 5 * DAY_SECS - 300);
    assert_eq!(update.len(), 9, "{update:?}");
    assert!(minutes(&region, "fullRestarts", 4 * DAY_SECS, 0).is_empty());
    assert!(minutes(&region, "runningTime", 30 * DAY_SECS, 6 * DAY_SECS).is_empty());
    // Before it was created there was nothing.
    assert!(minutes(&region, "uptime", 400 * DAY_SECS, 366 * DAY_SECS).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_longer_period_is_the_sum_of_its_minutes() {
    let region = region();
    region.service.add_application(year());
    let names = [
        "uptime",
        "numRestarts",
        "fullRestarts",
        "lastCheckpointSize",
        "numRecordsOut",
        "restartingTime",
        "KPUs",
        "numberOfFailedCheckpoints",
    ];
    let hour = 3_600;
    let from = (opened(&region) - 42 * 86_400) / hour * hour;
    let within = from..opened(&region) / hour * hour;
    for name in names {
        let fine = periods(&region, name, MINUTE, within.clone());
        for period in [300, hour] {
            let mut gathered: BTreeMap<i64, (f64, f64, f64, f64)> = BTreeMap::new();
            for (at, minute) in &fine {
                let entry =
                    gathered
                        .entry(at - at % period)
                        .or_insert((f64::MAX, f64::MIN, 0.0, 0.0));
                *entry = (
                    entry.0.min(minute.min),
                    entry.1.max(minute.max),
                    entry.2 + minute.sum,
                    entry.3 + minute.count,
                );
            }
            let coarse = periods(&region, name, period, within.clone());
            assert_eq!(coarse.len(), gathered.len(), "{name} {period}");
            for (at, samples) in coarse {
                let (min, max, sum, count) = gathered[&at];
                assert_eq!(
                    (samples.min, samples.max, samples.count),
                    (min, max, count),
                    "{name} {period} {at}"
                );
                assert!(
                    (samples.sum - sum).abs() <= sum.abs() * 1e-9,
                    "{name} {period} {at}"
                );
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_longest_run_is_the_maximum_of_its_hours() {
    let region = region();
    region.service.add_application(year());
    let (from, until) = (opened(&region) - 455 * 86_400, opened(&region));
    let hours = periods(&region, "uptime", 3_600, from..until);
    let longest = hours
        .iter()
        .map(|(_, samples)| samples.max)
        .fold(0.0, f64::max);
    // From the first version's start to the loop of 41 days ago.
    let expected = (365 - 41) as f64 * 86_400_000.0;
    assert!(
        (longest - expected).abs() < 120_000.0,
        "{longest} and {expected}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_namesake_is_told_apart_by_time_only_and_a_deleted_application_keeps_its_past() {
    let region = region();
    region.service.add_application(
        ApplicationSeed::new("orders")
            .version("good.jar", days(2))
            .namesake(days(30), days(10)),
    );
    assert!(!minutes(&region, "uptime", 20 * DAY_SECS, 19 * DAY_SECS).is_empty());
    assert!(minutes(&region, "uptime", 9 * DAY_SECS, 3 * DAY_SECS).is_empty());
    assert!(!minutes(&region, "uptime", DAY_SECS, 0).is_empty());
    let listed = region.service.past_metrics();
    assert!(
        listed
            .iter()
            .any(|(owner, name, ..)| owner == "orders" && *name == "fullRestarts")
    );
    // One that was never started has none.
    region.service.add_application(
        ApplicationSeed::new("idle")
            .version("good.jar", days(2))
            .not_running(),
    );
    assert!(
        region
            .service
            .past_metrics()
            .iter()
            .all(|(owner, ..)| owner == "orders")
    );
}

#[tokio::test(start_paused = true)]
async fn an_incident_of_the_present_version_is_in_the_jobs_own_book() {
    let region = region();
    region.service.add_application(year());
    let url = region.url("orders").await;
    let job = region.job(&url, "").await;
    assert!(job["timestamps"]["RESTARTING"].as_i64().expect("a stamp") > 0);
    let exceptions = region.job(&url, "/exceptions").await;
    let entries = exceptions["exceptionHistory"]["entries"]
        .as_array()
        .expect("a list");
    assert_eq!(entries.len(), 16, "as many as Flink keeps of twenty-one");
    assert_eq!(entries[0]["exceptionName"], "java.io.IOException");
    let restarts = region.job(&url, "/metrics?get=numRestarts").await;
    assert_eq!(restarts[0]["value"], "21");
    assert!(
        region
            .service
            .application("orders")
            .expect("it is there")
            .healthy
    );
}

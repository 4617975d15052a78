//! The series of a look: how far back CloudWatch is asked, when older times are worth it, and what a look is without them.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../shared/managed-flink/tests/support/mod.rs"]
mod support;

use lambda_kit::{Env, Function, Invocation, answer};
use serde_json::{Value, json};
use subtask_verifier::SubtaskVerifier;
use support::{Call, Double, Wire};

const DAY: i64 = 86_400;
/// The wire double's clock.
const NOW: i64 = 1_795_345_200;

/// Up time by the minute: so many seconds before now, so many seconds up.
type UpTime = Vec<(i64, i64)>;

/// `orders`, made so long ago, in a version made so long ago.
struct Case {
    created: i64,
    version: i64,
    tags: Value,
    up_time: UpTime,
    refused: bool,
}

impl Case {
    fn of(created: i64, version: i64, up_time: UpTime) -> Self {
        let tags = json!([{ "Key": "lifeguard:managed", "Value": "true" }]);
        Self {
            created,
            version,
            tags,
            up_time,
            refused: false,
        }
    }

    fn double(self) -> Double {
        Double::new(move |call| match call.verb.as_str() {
            "DescribeApplication" => {
                let detail = json!({
                    "ApplicationARN": "arn:aws:kinesisanalytics:eu-west-1:000000000000:application/orders",
                    "ApplicationName": "orders", "RuntimeEnvironment": "FLINK-1_20", "ApplicationStatus": "READY", "ApplicationVersionId": 7,
                    "CreateTimestamp": NOW - self.created, "ApplicationVersionCreateTimestamp": NOW - self.version,
                });
                Wire::json(200, &json!({ "ApplicationDetail": detail }))
            }
            "ListTagsForResource" => Wire::json(200, &json!({ "Tags": self.tags })),
            "ListApplicationOperations" => {
                Wire::json(200, &json!({ "ApplicationOperationInfoList": [] }))
            }
            "ListApplicationSnapshots" => Wire::json(200, &json!({ "SnapshotSummaries": [] })),
            "GetMetricData" if self.refused => Wire::error(400, "ThrottlingException", "slow down"),
            "GetMetricData" => self.metrics(call),
            other => panic!("a call that nobody expects: {other}"),
        })
    }

    fn metrics(&self, call: &Call) -> Wire {
        let queries = call.body["MetricDataQueries"].as_array().unwrap();
        let (from, until) = span(call);
        let results: Vec<Value> = queries
            .iter()
            .map(|query| {
                let is_up_time = query["MetricStat"]["Metric"]["MetricName"] == "uptime";
                let period = query["MetricStat"]["Period"].as_f64().unwrap() as i64;
                let points: Vec<(i64, f64)> = self
                    .up_time
                    .iter()
                    .map(|(ago, up)| ((NOW - ago).div_euclid(period) * period, *up as f64 * 1_000.0))
                    .filter(|(at, _)| is_up_time && *at >= from && *at < until)
                    .collect();
                let (times, values): (Vec<i64>, Vec<f64>) = points.into_iter().unzip();
                json!({ "Id": query["Id"], "Timestamps": times, "Values": values, "StatusCode": "Complete" })
            })
            .collect();
        Wire::json(200, &json!({ "MetricDataResults": results }))
    }
}

fn span(call: &Call) -> (i64, i64) {
    let second = |name: &str| call.body[name].as_f64().unwrap() as i64;
    (second("StartTime"), second("EndTime"))
}

/// What was asked of CloudWatch: the period, from and until in seconds before now, and how many metrics.
fn asked(double: &Double) -> Vec<(i64, i64, i64, usize)> {
    let calls = double.calls().into_iter();
    let calls = calls.filter(|call| call.verb == "GetMetricData");
    calls
        .map(|call| {
            let queries = call.body["MetricDataQueries"].as_array().unwrap();
            let period = queries[0]["MetricStat"]["Period"].as_f64().unwrap() as i64;
            let (from, until) = span(&call);
            (period, NOW - from, NOW - until, queries.len())
        })
        .collect()
}

async fn look(double: &Double, watch: Option<Value>) -> Value {
    looked(
        double,
        json!({ "applicationName": "orders", "watch": watch }),
    )
    .await
}

async fn looked(double: &Double, event: Value) -> Value {
    let aws = double.aws();
    let function = SubtaskVerifier::build(&Env::default(), &aws).unwrap();
    let invocation = Invocation {
        request_id: "r1".into(),
        now: aws.now(),
    };
    answer(&function, event, invocation).await.unwrap()
}

#[tokio::test]
async fn who_asks_for_the_present_only_is_told_no_history() {
    let double = Case::of(300 * DAY, DAY, half_an_hour(2 * DAY)).double();
    let event = json!({ "applicationName": "orders", "presentOnly": true });
    let look = looked(&double, event).await;
    assert_eq!(asked(&double), []);
    assert_eq!(look["observation"]["unreadable"], json!([]));
    assert_eq!(look["watch"]["history"]["spans"], json!([]), "{look}");
}

/// Half an hour of up time that ended so many seconds ago.
fn half_an_hour(ago: i64) -> UpTime {
    (1..=31)
        .map(|minute| (ago + 60 * (31 - minute), 60 * minute))
        .collect()
}

const MINUTES: i64 = 15 * DAY - 660;

#[tokio::test]
async fn a_first_look_asks_for_hours_where_they_show_that_something_worked() {
    for (version, run, asked_for) in [
        // Of the version before, in the hours before the present one was made.
        (3 * 3_600, 5 * 3_600, 9 * 3_600),
        (600, 2 * 3_600, 6 * 3_600 + 600),
        // Of the present version, which is older than a day.
        (9 * DAY, 3_600, DAY),
    ] {
        let double = Case::of(300 * DAY, version, half_an_hour(run)).double();
        look(&double, None).await;
        assert_eq!(asked(&double), [(60, asked_for, 0, 8)], "{version}");
    }
}

#[tokio::test]
async fn a_first_look_asks_for_fifteen_days_of_minutes_where_hours_do_not_do() {
    let double = Case::of(300 * DAY, DAY, half_an_hour(2 * DAY)).double();
    let look = look(&double, None).await;
    assert_eq!(
        asked(&double),
        [(60, DAY, 0, 8), (60, MINUTES, 0, 4), (60, MINUTES, 0, 4)],
        "a run of half an hour before the present version is enough"
    );
    assert_eq!(look["observation"]["unreadable"], json!([]));
    assert_eq!(look["watch"]["history"]["spans"][0]["ran"], "up", "{look}");
}

#[tokio::test]
async fn without_a_run_before_the_present_version_older_times_are_asked_for_up_time() {
    let minutes = [(60, DAY, 0, 8), (60, MINUTES, 0, 4), (60, MINUTES, 0, 4)];
    let five = (300, 63 * DAY - 600, 15 * DAY - 600, 2);
    let hours = (3_600, 455 * DAY - 3_600, 63 * DAY, 2);
    for (up_time, more) in [
        // The present version ran well, which says nothing about the one before.
        (half_an_hour(3_600), vec![five, hours]),
        (vec![(20 * DAY, 1_700)], vec![five, hours]),
        (vec![(20 * DAY, 90_000)], vec![five]),
        (vec![(100 * DAY, 90_000)], vec![five, hours]),
    ] {
        let double = Case::of(900 * DAY, DAY, up_time.clone()).double();
        look(&double, None).await;
        assert_eq!(
            asked(&double),
            [&minutes[..], &more].concat(),
            "{up_time:?}"
        );
    }
}

#[tokio::test]
async fn nothing_older_than_the_application_is_asked_for() {
    for (created, expected) in [
        (3_600, vec![(60, 3_600, 0, 8)]),
        (
            20 * DAY,
            vec![
                (60, 22_200, 0, 8),
                (60, MINUTES, 0, 4),
                (60, MINUTES, 0, 4),
                (300, 20 * DAY, 15 * DAY - 600, 2),
            ],
        ),
    ] {
        let double = Case::of(created, 600, Vec::new()).double();
        look(&double, None).await;
        assert_eq!(asked(&double), expected);
    }
}

#[tokio::test]
async fn a_later_look_asks_for_what_is_new_and_the_ten_minutes_before() {
    let double = Case::of(300 * DAY, DAY, half_an_hour(2 * DAY)).double();
    let mut watch = look(&double, None).await["watch"].clone();
    let again = look(&double, Some(watch.clone())).await;
    assert_eq!(asked(&double).len(), 3, "at the same minute nothing is new");
    assert_eq!(again["watch"]["history"], watch["history"]);
    let hour_ago = jiff::Timestamp::from_second(NOW - 3_600).unwrap();
    watch["history"]["known"]["until"] = json!(hour_ago.to_string());
    look(&double, Some(watch)).await;
    assert_eq!(asked(&double)[3..], [(60, 4_200, 0, 8)]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_is_said_and_asked_again() {
    let refused = Case {
        refused: true,
        ..Case::of(300 * DAY, DAY, Vec::new())
    };
    let double = refused.double();
    let first = look(&double, None).await;
    let unreadable = &first["observation"]["unreadable"];
    assert_eq!(unreadable[0]["what"], "series", "{first}");
    assert!(
        unreadable[0]["why"].as_str().unwrap().contains("slow down"),
        "{first}"
    );
    assert_eq!(first["watch"]["history"]["known"], Value::Null);
    look(&double, Some(first["watch"].clone())).await;
    assert!(
        asked(&double).iter().all(|call| *call == (60, DAY, 0, 8)),
        "{:?}",
        asked(&double)
    );
}

#[tokio::test]
async fn an_application_that_is_none_of_ours_is_not_asked_about() {
    for tags in [
        json!([]),
        json!([{ "Key": "lifeguard:managed", "Value": "true" }, { "Key": "lifeguard:stack", "Value": "another" }]),
    ] {
        let double = Case {
            tags,
            ..Case::of(300 * DAY, DAY, Vec::new())
        }
        .double();
        let look = look(&double, None).await;
        assert_eq!(asked(&double), []);
        assert_eq!(look["observation"]["unreadable"], json!([]));
    }
}

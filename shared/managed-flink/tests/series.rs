//! `GetMetricData` over the real SDK client: what is asked, and what of the answers counts as read.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::time::Duration;

use jiff::Timestamp;
use lambda_kit::Budget;
use lifecycle::{Point, SeriesMetric};
use managed_flink::{CloudWatchMetrics, GetMetricData, Periods, SeriesAnswer, read_series};
use serde_json::{Value, json};
use support::{Call, Double, Wire};

const ALL: [SeriesMetric; 6] = [
    SeriesMetric::UpTime,
    SeriesMetric::Restarts,
    SeriesMetric::CheckpointDuration,
    SeriesMetric::CheckpointSize,
    SeriesMetric::RecordsIn,
    SeriesMetric::RecordsOut,
];
/// A minute, in which periods begin.
const BEGIN: i64 = 1_795_345_200;

fn at(minute: i64) -> Timestamp {
    Timestamp::from_second(BEGIN + minute * 60).unwrap()
}

fn minutes(count: i64) -> Periods {
    Periods {
        from: at(0),
        until: at(count),
        secs: 60,
    }
}

/// The names that a call asks for, by their ids.
fn names(call: &Call) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let queries = call.body["MetricDataQueries"].as_array().unwrap();
    queries
        .iter()
        .map(|query| {
            let metric = &query["MetricStat"]["Metric"]["MetricName"];
            (text(&query["Id"]), text(metric))
        })
        .collect()
}

/// A result of these minutes.
fn result(id: &str, status: &str, values: &[(i64, f64)]) -> Value {
    let times: Vec<i64> = values
        .iter()
        .map(|(minute, _)| BEGIN + minute * 60)
        .collect();
    let values: Vec<f64> = values.iter().map(|(_, value)| *value).collect();
    json!({ "Id": id, "Label": "l", "Timestamps": times, "Values": values, "StatusCode": status, "Messages": [] })
}

/// An answer in which each metric has what `of` says.
fn each(call: &Call, of: impl Fn(&str, &str) -> Value) -> Wire {
    let results: Vec<Value> = names(call).iter().map(|(id, name)| of(id, name)).collect();
    Wire::json(
        200,
        &json!({ "MetricDataResults": results, "Messages": [] }),
    )
}

async fn read(double: &Double, periods: Periods) -> SeriesAnswer {
    let api = CloudWatchMetrics::new(&double.aws());
    read_series(
        &api,
        "orders",
        &ALL,
        periods,
        Budget::of(Duration::from_secs(60)),
    )
    .await
}

fn points(answer: &SeriesAnswer, metric: SeriesMetric) -> Option<Vec<(i64, f64)>> {
    let series = answer.read.series.iter().find(|one| one.metric == metric)?;
    let minute = |point: &Point| ((point.at.as_second() - BEGIN) / 60, point.value);
    Some(series.points.iter().map(minute).collect())
}

#[tokio::test]
async fn each_metric_is_asked_by_the_application_alone_as_a_maximum_without_a_unit() {
    let double = Double::new(|call| each(call, |id, _| result(id, "Complete", &[])));
    let answer = read(&double, minutes(10)).await;
    assert_eq!(answer.not_read, Vec::<String>::new());
    assert_eq!(answer.read.series.len(), ALL.len());
    let calls = double.calls();
    assert_eq!(calls.len(), 1);
    let body = &calls[0].body;
    assert_eq!(body["StartTime"].as_f64(), Some(BEGIN as f64));
    assert_eq!(body["EndTime"].as_f64(), Some(BEGIN as f64 + 600.0));
    assert_eq!(body["ScanBy"], "TimestampAscending");
    assert_eq!(
        body["MetricDataQueries"][0],
        json!({ "Id": "m0", "MetricStat": { "Metric": { "Namespace": "AWS/KinesisAnalytics", "MetricName": "uptime",
            "Dimensions": [{ "Name": "Application", "Value": "orders" }] }, "Period": 60, "Stat": "Maximum" } })
    );
    let asked: Vec<String> = names(&calls[0]).into_iter().map(|(_, name)| name).collect();
    assert_eq!(
        asked,
        [
            "uptime",
            "runningTime",
            "fullRestarts",
            "numRestarts",
            "lastCheckpointDuration",
            "lastCheckpointSize",
            "numRecordsIn",
            "numRecordsOut"
        ]
    );
}

#[tokio::test]
async fn no_call_asks_for_more_points_than_one_may_have() {
    let double = Double::new(|call| each(call, |id, _| result(id, "Complete", &[])));
    let answer = read(&double, minutes(15 * 24 * 60)).await;
    assert_eq!(answer.read.series.len(), ALL.len());
    let asked: Vec<usize> = double
        .calls()
        .iter()
        .map(|call| names(call).len())
        .collect();
    assert_eq!(asked, [4, 4]);
}

#[tokio::test]
async fn the_higher_of_two_names_counts_in_each_minute_and_what_is_missing_stays_so() {
    let double = Double::new(|call| {
        each(call, |id, name| match name {
            "uptime" => result(id, "Complete", &[(3, 180.0), (1, 60.0), (0, -1.0)]),
            "runningTime" => result(id, "Complete", &[(3, 170.0), (5, 300.0)]),
            "lastCheckpointSize" => result(id, "Complete", &[(0, -1.0), (1, 0.0)]),
            _ => result(id, "Complete", &[]),
        })
    });
    let answer = read(&double, minutes(10)).await;
    assert_eq!(
        points(&answer, SeriesMetric::UpTime).unwrap(),
        [(1, 60.0), (3, 180.0), (5, 300.0)]
    );
    assert_eq!(
        points(&answer, SeriesMetric::CheckpointSize).unwrap(),
        [(1, 0.0)]
    );
    assert_eq!(points(&answer, SeriesMetric::RecordsIn).unwrap(), []);
}

#[tokio::test]
async fn a_name_that_was_removed_answers_nothing_and_the_other_one_is_the_up_time() {
    let double = Double::new(|call| {
        each(call, |id, name| match name {
            "uptime" => result(id, "Complete", &[]),
            _ => result(id, "Complete", &[(0, 60.0), (1, 120.0)]),
        })
    });
    let answer = read(&double, minutes(10)).await;
    assert_eq!(answer.not_read, Vec::<String>::new());
    assert_eq!(
        points(&answer, SeriesMetric::UpTime).unwrap(),
        [(0, 60.0), (1, 120.0)]
    );
}

#[tokio::test]
async fn pages_of_one_metric_are_put_together() {
    let double = Double::new(|call| {
        let (status, minute) = match call.body["NextToken"].as_str() {
            None => ("PartialData", 0),
            Some("one") => ("PartialData", 1),
            Some(_) => ("Complete", 2),
        };
        let Wire::Answer(answer) =
            each(call, |id, _| result(id, status, &[(minute, minute as f64)]))
        else {
            panic!("an answer")
        };
        let mut body: Value = serde_json::from_slice(answer.body().bytes().unwrap()).unwrap();
        if let Some(token) = ["one", "two"].get(usize::try_from(minute).unwrap()) {
            body["NextToken"] = json!(token);
        }
        Wire::json(200, &body)
    });
    let answer = read(&double, minutes(10)).await;
    assert_eq!(double.calls().len(), 3);
    assert_eq!(answer.not_read, Vec::<String>::new());
    assert_eq!(
        points(&answer, SeriesMetric::RecordsOut).unwrap(),
        [(0, 0.0), (1, 1.0), (2, 2.0)]
    );
}

#[tokio::test]
async fn a_metric_whose_answer_is_not_complete_was_not_read() {
    for status in ["InternalError", "Forbidden", "PartialData", "SomethingNew"] {
        let double = Double::new(move |call| {
            each(call, |id, name| {
                let status = if name == "numRestarts" {
                    status
                } else {
                    "Complete"
                };
                result(id, status, &[(1, 60.0)])
            })
        });
        let answer = read(&double, minutes(10)).await;
        assert_eq!(points(&answer, SeriesMetric::Restarts), None, "{status}");
        assert_eq!(
            points(&answer, SeriesMetric::UpTime).unwrap(),
            [(1, 60.0)],
            "{status}"
        );
        assert_eq!(answer.not_read, [format!("numRestarts: {status}")]);
    }
}

#[tokio::test]
async fn what_once_went_wrong_no_later_page_mends() {
    let double = Double::new(|call| {
        if call.body["NextToken"].is_null() {
            let mut body = json!({ "MetricDataResults": [], "NextToken": "more" });
            let results = names(call);
            body["MetricDataResults"] = results
                .iter()
                .map(|(id, _)| result(id, "InternalError", &[]))
                .collect();
            return Wire::json(200, &body);
        }
        each(call, |id, _| result(id, "Complete", &[(1, 60.0)]))
    });
    let answer = read(&double, minutes(10)).await;
    assert_eq!(answer.read.series, []);
    assert_eq!(answer.not_read.len(), 8, "{:?}", answer.not_read);
}

#[tokio::test]
async fn times_without_values_a_missing_result_and_an_endless_list_are_not_read() {
    let odd = Double::new(|call| {
        each(call, |id, _| {
            let mut odd = result(id, "Complete", &[(1, 60.0), (2, 120.0)]);
            odd["Values"] = json!([60.0]);
            odd
        })
    });
    let none = Double::new(|_| Wire::json(200, &json!({ "MetricDataResults": [] })));
    let endless = Double::new(|_| {
        Wire::json(
            200,
            &json!({ "MetricDataResults": [], "NextToken": "again" }),
        )
    });
    for (double, said) in [
        (odd, "uptime: its times do not fit its values"),
        (none, "uptime: no answer about it"),
        (endless, "last page"),
    ] {
        let answer = read(&double, minutes(10)).await;
        assert_eq!(answer.read.series, [], "{said}");
        assert!(
            answer.not_read.iter().any(|why| why.contains(said)),
            "{said}: {:?}",
            answer.not_read
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_fails_takes_only_its_own_metrics_and_ends_the_asking() {
    let fortnight = minutes(14 * 24 * 60);
    for failure in [
        || Wire::error(400, "ThrottlingException", "slow down"),
        || Wire::error(403, "AccessDeniedException", "not authorized"),
        || Wire::Silence,
    ] {
        let second = Double::new(move |call| {
            if names(call).iter().any(|(_, name)| name == "numRecordsIn") {
                return failure();
            }
            each(call, |id, _| result(id, "Complete", &[(1, 60.0)]))
        });
        let answer = read(&second, fortnight).await;
        assert_eq!(answer.not_read.len(), 1, "{:?}", answer.not_read);
        assert_eq!(points(&answer, SeriesMetric::UpTime).unwrap(), [(1, 60.0)]);
        assert_eq!(points(&answer, SeriesMetric::RecordsIn), None);
        let first = Double::new(move |_| failure());
        let answer = read(&first, fortnight).await;
        assert_eq!((answer.not_read.len(), answer.read.series.len()), (1, 0));
        assert!(
            first
                .calls()
                .iter()
                .all(|call| names(call)[0].1 == "uptime"),
            "the second call was sent after the first one failed"
        );
    }
}

#[tokio::test]
async fn a_name_alone_can_be_asked_for() {
    let double = Double::new(|call| each(call, |id, _| result(id, "Complete", &[(0, 7.0)])));
    let api = CloudWatchMetrics::new(&double.aws());
    let read = api
        .get_metric_data("orders", &["KPUs"], minutes(1))
        .await
        .unwrap();
    assert_eq!((read.len(), read[0].name), (1, "KPUs"));
    assert_eq!(read[0].points.as_ref().unwrap()[0].value, 7.0);
}

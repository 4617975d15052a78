//! What is read of metrics and of alarms' past: GetMetricData, DescribeAlarmHistory, ListMetrics.

use std::time::Duration;

use super::*;

const DAY_SECS: i64 = 86_400;

/// A counter and an up time by the minute, and a past of them that began so many days ago.
struct Told {
    past_days: i64,
}

impl MetricSource for Told {
    fn metrics(&self, now: Timestamp) -> Vec<Datum> {
        let datum = |name, value| Datum {
            application: "orders".to_owned(),
            name,
            value,
        };
        let minutes = now.as_second() / MINUTE_SECS;
        vec![
            datum("fullRestarts", (minutes % 10) as f64),
            datum("uptime", (minutes % 10 * 60_000) as f64),
            datum("lastCheckpointSize", -1.0),
            datum("runningTime", 5.0),
        ]
    }

    fn past(&self, asked: &Past<'_>) -> Vec<(i64, Point)> {
        let opened = opened();
        let known = (opened - self.past_days * DAY_SECS)..opened;
        let minutes = (asked.within.start..asked.within.end)
            .step_by(60)
            .filter(|at| known.contains(at) && asked.name == "uptime");
        metrics::by_period(minutes.map(|at| (at, Point::of(7.0, 1.0))), asked.period)
    }

    fn listed(&self) -> Vec<(String, &'static str, i64, i64)> {
        let past = (opened() - self.past_days * DAY_SECS, opened() - MINUTE_SECS);
        vec![("billing".to_owned(), "uptime", past.0, past.1)]
    }
}

fn opened() -> i64 {
    "2026-01-01T00:00:00Z"
        .parse::<Timestamp>()
        .unwrap()
        .as_second()
}

/// A region with [`Told`]'s metrics after so many minutes.
async fn after(minutes: u64, settings: MetricSettings, past_days: i64) -> Region {
    let mut region = region();
    region.cloudwatch = region.cloudwatch.clone().with_metrics(settings);
    region.cloudwatch.add_source(Arc::new(Told { past_days }));
    tokio::spawn(region.cloudwatch.clone().run());
    tokio::time::sleep(Duration::from_secs(minutes * 60) + Duration::from_millis(1)).await;
    region
}

fn stat(id: &str, name: &str, period: i64, stat: &str) -> Value {
    json!({ "Id": id, "MetricStat": { "Period": period, "Stat": stat, "Metric": {
        "Namespace": NAMESPACE, "MetricName": name, "Dimensions": [{ "Name": "Application", "Value": "orders" }] } } })
}

async fn data(region: &Region, queries: Value, from: i64, until: i64, more: Value) -> Value {
    let mut asked = json!({ "MetricDataQueries": queries, "StartTime": from, "EndTime": until, "ScanBy": "TimestampAscending" });
    for (name, value) in more.as_object().unwrap() {
        asked[name] = value.clone();
    }
    let answer = call(region, "GetMetricData", asked).await;
    assert!(answer.status().is_success(), "{}", body(&answer));
    body(&answer)
}

/// The values of one metric.
async fn values(
    region: &Region,
    name: &str,
    period: i64,
    how: &str,
    from: i64,
    until: i64,
) -> Vec<f64> {
    let answer = data(
        region,
        json!([stat("m1", name, period, how)]),
        from,
        until,
        json!({}),
    )
    .await;
    serde_json::from_value(answer["MetricDataResults"][0]["Values"].clone()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn statistics_of_periods_come_in_the_order_that_is_asked_for() {
    let region = after(12, MetricSettings::prompt(), 0).await;
    let (from, until) = (opened(), opened() + 900);
    let answer = data(
        &region,
        json!([stat("m1", "fullRestarts", 60, "Maximum")]),
        from,
        until,
        json!({}),
    )
    .await;
    let result = &answer["MetricDataResults"][0];
    assert_eq!(
        (&result["StatusCode"], &result["Label"]),
        (&json!("Complete"), &json!("fullRestarts"))
    );
    assert_eq!(
        result["Values"],
        json!([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 0.0, 1.0, 2.0])
    );
    assert_eq!(result["Timestamps"][1], json!(opened() + 60));
    for (how, expected) in [
        ("Maximum", [5.0, 9.0, 2.0]),
        ("Minimum", [1.0, 0.0, 1.0]),
        ("Sum", [15.0, 30.0, 3.0]),
        ("SampleCount", [5.0, 5.0, 2.0]),
        ("Average", [3.0, 6.0, 1.5]),
    ] {
        assert_eq!(
            values(&region, "fullRestarts", 300, how, from, until).await,
            expected,
            "{how}"
        );
    }
    let newest = data(
        &region,
        json!([stat("m1", "fullRestarts", 300, "Sum")]),
        from,
        until,
        json!({ "ScanBy": "TimestampDescending" }),
    )
    .await;
    assert_eq!(
        newest["MetricDataResults"][0]["Values"],
        json!([3.0, 30.0, 15.0])
    );
    // Two minutes of five, an end that is not in, and what is no metric of this application.
    assert_eq!(
        values(
            &region,
            "fullRestarts",
            60,
            "Maximum",
            from + 119,
            from + 180
        )
        .await,
        [2.0, 3.0]
    );
    assert_eq!(
        values(&region, "numRestarts", 60, "Maximum", from, until).await,
        Vec::<f64>::new()
    );
}

#[tokio::test(start_paused = true)]
async fn a_wrong_unit_or_another_set_of_dimensions_answers_empty() {
    let flow = MetricSettings {
        flow: Some("main".to_owned()),
        ..MetricSettings::prompt()
    };
    let region = after(3, flow, 0).await;
    let mut queries = json!([
        stat("right", "uptime", 60, "Maximum"),
        stat("wrong", "uptime", 60, "Maximum"),
        stat("flow", "runningTime", 60, "Maximum"),
        stat("bare", "runningTime", 60, "Maximum"),
    ]);
    queries[0]["MetricStat"]["Unit"] = json!("Milliseconds");
    queries[1]["MetricStat"]["Unit"] = json!("Seconds");
    queries[2]["MetricStat"]["Metric"]["Dimensions"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "Name": "Flow", "Value": "main" }));
    let answer = data(&region, queries, opened(), opened() + 300, json!({})).await;
    let counts: Vec<usize> = answer["MetricDataResults"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["Values"].as_array().unwrap().len())
        .collect();
    assert_eq!(counts, [3, 0, 3, 0]);
}

#[tokio::test(start_paused = true)]
async fn values_come_late_and_the_newest_minute_in_parts() {
    let four = MetricSettings {
        samples: 4,
        gap_every_secs: 0,
        ..MetricSettings::default()
    };
    let region = after(30, four, 0).await;
    let count = || {
        values(
            &region,
            "uptime",
            60,
            "SampleCount",
            opened(),
            opened() + 3_600,
        )
    };
    let seen = count().await;
    assert!(
        (27..=29).contains(&seen.len()),
        "{} of 30 minutes",
        seen.len()
    );
    let mut partial = false;
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_secs(15)).await;
        let now = count().await;
        let (newest, whole) = now.split_last().unwrap();
        assert!(whole.iter().all(|count| *count == 4.0), "{now:?}");
        partial |= *newest < 4.0;
    }
    assert!(partial, "the newest minute was never seen in part");
    // The alarms see what they always saw.
    region.cloudwatch.put_alarm(&restarts(1, 1)).unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(
        region
            .cloudwatch
            .alarm("orders-restarts")
            .unwrap()
            .state
            .value,
        StateValue::Alarm
    );
}

#[tokio::test(start_paused = true)]
async fn alarms_wait_for_late_values_where_that_is_asked_for() {
    let late = MetricSettings {
        delay_secs: (180, 180),
        alarms_see_the_delay: true,
        ..MetricSettings::prompt()
    };
    let region = after(0, late, 0).await;
    region.cloudwatch.put_alarm(&restarts(3, 10)).unwrap();
    let state = || {
        region
            .cloudwatch
            .alarm("orders-restarts")
            .unwrap()
            .state
            .value
    };
    tokio::time::sleep(Duration::from_secs(6 * 60)).await;
    assert_eq!(
        state(),
        StateValue::Ok,
        "at once it would be in ALARM after four minutes"
    );
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(state(), StateValue::Alarm);
}

#[tokio::test(start_paused = true)]
async fn what_is_old_is_there_in_coarse_periods_only() {
    let region = after(1, MetricSettings::prompt(), 500).await;
    let now = opened() + 60;
    let count = |days: i64, period| {
        let from = now - days * DAY_SECS + 600;
        let region = &region;
        async move {
            values(region, "uptime", period, "Maximum", from, now)
                .await
                .len()
        }
    };
    assert_eq!(count(15, 60).await, 15 * 1_440 - 10);
    assert_eq!(
        count(16, 60).await,
        0,
        "the start of the call decides, for all of it"
    );
    assert_eq!(count(16, 300).await, 16 * 288 - 1);
    assert_eq!(count(63, 300).await, 63 * 288 - 1);
    assert_eq!(count(64, 300).await, 0);
    assert_eq!(
        count(64, 3_600).await,
        64 * 24 + 1,
        "with the hour under way"
    );
    assert_eq!(count(455, 3_600).await, 455 * 24);
    assert_eq!(count(490, 3_600).await, 455 * 24, "what is older is gone");
}

#[tokio::test(start_paused = true)]
async fn pages_hold_as_many_points_as_asked_for_and_a_call_with_math_has_one() {
    let region = after(5, MetricSettings::prompt(), 0).await;
    let queries = json!([
        stat("m1", "uptime", 60, "Maximum"),
        stat("none", "nothing", 60, "Maximum"),
        stat("m2", "fullRestarts", 60, "Maximum")
    ]);
    let (mut pages, mut token, mut statuses) = (0, Value::Null, Vec::new());
    let mut found: BTreeMap<String, Vec<f64>> = BTreeMap::new();
    loop {
        let mut more = json!({ "MaxDatapoints": 4 });
        if token.is_string() {
            more["NextToken"] = token.clone();
        }
        let page = data(&region, queries.clone(), opened(), opened() + 300, more).await;
        for result in page["MetricDataResults"].as_array().unwrap() {
            let id = result["Id"].as_str().unwrap().to_owned();
            let values: Vec<f64> = serde_json::from_value(result["Values"].clone()).unwrap();
            statuses.push(format!("{id} {}", result["StatusCode"].as_str().unwrap()));
            found.entry(id).or_default().extend(values);
        }
        pages += 1;
        token = page["NextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(pages, 3);
    assert_eq!(
        statuses,
        [
            "m1 PartialData",
            "m1 Complete",
            "none Complete",
            "m2 PartialData",
            "m2 Complete"
        ]
    );
    assert_eq!(found["m2"], [1.0, 2.0, 3.0, 4.0, 5.0]);
    let math = json!([stat("m1", "fullRestarts", 60, "Maximum"), { "Id": "e1", "Expression": "DIFF(m1)" }]);
    let page = data(
        &region,
        math,
        opened(),
        opened() + 300,
        json!({ "MaxDatapoints": 4 }),
    )
    .await;
    assert!(page["NextToken"].is_null());
    assert_eq!(page["MetricDataResults"][0]["StatusCode"], "PartialData");
}

#[tokio::test(start_paused = true)]
async fn expressions_are_series_over_the_metrics_of_the_call() {
    let region = after(12, MetricSettings::prompt(), 0).await;
    let mut queries = json!([stat("m1", "fullRestarts", 60, "Maximum"), { "Id": "e1", "Expression": "IF(DIFF(m1) > 0, 1, 0)" }]);
    queries[0]["ReturnData"] = json!(false);
    let answer = data(&region, queries, opened(), opened() + 900, json!({})).await;
    let results = answer["MetricDataResults"].as_array().unwrap();
    assert_eq!(results.len(), 1);
    assert_eq!(
        results[0]["Values"],
        json!([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 1.0, 1.0])
    );
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_asked_is_refused_with_the_reason() {
    let region = after(1, MetricSettings::prompt(), 0).await;
    let good = stat("m1", "uptime", 60, "Maximum");
    let whole =
        |queries: Value| json!({ "MetricDataQueries": queries, "StartTime": 0, "EndTime": 60 });
    let mut backwards = whole(json!([good]));
    backwards["EndTime"] = json!(0);
    let mut token = whole(json!([good]));
    token["NextToken"] = json!("mine");
    let many: Vec<Value> = (0..501)
        .map(|n| stat(&format!("m{n}"), "uptime", 60, "Sum"))
        .collect();
    for (asked, named) in [
        (whole(json!([])), "1 to 500"),
        (whole(json!(many)), "501 queries"),
        (whole(json!([good, good])), "same Id"),
        (
            whole(json!([stat("M1", "uptime", 60, "Sum")])),
            "lower-case",
        ),
        (whole(json!([stat("m1", "uptime", 30, "Sum")])), "30 s"),
        (whole(json!([stat("m1", "uptime", 60, "p99")])), "p99"),
        (
            whole(json!([good, { "Id": "e1", "Expression": "RATE(m1)" }])),
            "RATE",
        ),
        (
            whole(json!([good, { "Id": "e1", "Expression": "m2 + 1" }])),
            "m2",
        ),
        (
            whole(json!([good, { "Id": "e1", "Expression": "1 + 1" }])),
            "share one period",
        ),
        (
            whole(json!([good, { "Id": "e1", "Expression": "m1", "Period": 60 }])),
            "Period",
        ),
        (backwards, "before EndTime"),
        (token, "token"),
    ] {
        let refusal = refused(&call(&region, "GetMetricData", asked).await).unwrap();
        assert!(refusal.1.contains(named), "{named}: {refusal:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn knobs_decide_what_is_sent_of_what_flink_has_no_number_for() {
    let sent = MetricSettings {
        before_first_checkpoint: Unset::Sent,
        counter_at_zero: Unset::Missing,
        ..MetricSettings::prompt()
    };
    let (usual, other) = (
        after(11, MetricSettings::prompt(), 0).await,
        after(11, sent, 0).await,
    );
    let count = async |region: &Region, name| {
        values(region, name, 60, "Minimum", opened(), opened() + 660)
            .await
            .len()
    };
    assert_eq!(count(&usual, "lastCheckpointSize").await, 0);
    assert_eq!(count(&other, "lastCheckpointSize").await, 11);
    assert_eq!(count(&usual, "fullRestarts").await, 11);
    assert_eq!(count(&other, "fullRestarts").await, 10);
}

#[tokio::test(start_paused = true)]
async fn an_alarms_changes_are_kept_for_thirty_days_also_when_it_is_gone() {
    let region = after(0, MetricSettings::prompt(), 0).await;
    region.cloudwatch.put_alarm(&restarts(3, 10)).unwrap();
    tokio::time::sleep(Duration::from_secs(20 * 60)).await;
    call(&region, "SetAlarmState", json!({ "AlarmName": "orders-restarts", "StateValue": "INSUFFICIENT_DATA", "StateReason": "by hand" })).await;
    call(
        &region,
        "DeleteAlarms",
        json!({ "AlarmNames": ["orders-restarts"] }),
    )
    .await;
    let history = body(
        &call(
            &region,
            "DescribeAlarmHistory",
            json!({ "AlarmName": "orders-restarts", "ScanBy": "TimestampAscending" }),
        )
        .await,
    );
    let items = history["AlarmHistoryItems"].as_array().unwrap();
    let summaries: Vec<&str> = items
        .iter()
        .map(|item| item["HistorySummary"].as_str().unwrap())
        .collect();
    assert_eq!(
        summaries,
        [
            "Alarm updated from INSUFFICIENT_DATA to OK",
            "Alarm updated from OK to ALARM",
            "Alarm updated from ALARM to INSUFFICIENT_DATA"
        ]
    );
    assert_eq!(
        (&items[1]["HistoryItemType"], &items[1]["AlarmType"]),
        (&json!("StateUpdate"), &json!("MetricAlarm"))
    );
    assert_eq!(items[1]["Timestamp"], json!((opened() + 240) as f64));
    let told: Value = serde_json::from_str(items[1]["HistoryData"].as_str().unwrap()).unwrap();
    assert_eq!(
        (
            &told["oldState"]["stateValue"],
            &told["newState"]["stateValue"]
        ),
        (&json!("OK"), &json!("ALARM"))
    );
    assert!(told["newState"]["stateReasonData"]["queryDate"].is_string());
    // Nobody evaluated: by hand.
    let by_hand: Value = serde_json::from_str(items[2]["HistoryData"].as_str().unwrap()).unwrap();
    assert!(by_hand["newState"]["stateReasonData"].is_null());
    let newest = body(&call(&region, "DescribeAlarmHistory", json!({ "MaxRecords": 2 })).await);
    assert_eq!(
        newest["AlarmHistoryItems"][0]["HistorySummary"],
        summaries[2]
    );
    let rest = body(
        &call(
            &region,
            "DescribeAlarmHistory",
            json!({ "MaxRecords": 2, "NextToken": newest["NextToken"] }),
        )
        .await,
    );
    assert_eq!(
        (
            rest["AlarmHistoryItems"].as_array().unwrap().len(),
            rest["NextToken"].is_null()
        ),
        (1, true)
    );
    let within = json!({ "StartDate": opened() + 200, "EndDate": opened() + 300 });
    assert_eq!(
        body(&call(&region, "DescribeAlarmHistory", within).await)["AlarmHistoryItems"]
            .as_array()
            .unwrap()
            .len(),
        1
    );
    for none in [
        json!({ "AlarmTypes": ["CompositeAlarm"] }),
        json!({ "HistoryItemType": "Action" }),
        json!({ "AlarmName": "another" }),
    ] {
        assert_eq!(
            body(&call(&region, "DescribeAlarmHistory", none).await)["AlarmHistoryItems"],
            json!([])
        );
    }
    tokio::time::sleep(Duration::from_secs(31 * 86_400)).await;
    assert_eq!(
        body(&call(&region, "DescribeAlarmHistory", json!({})).await)["AlarmHistoryItems"],
        json!([])
    );
}

#[tokio::test(start_paused = true)]
async fn metrics_are_listed_by_name_and_dimension_some_time_after_their_first_value() {
    let listed = MetricSettings {
        listed_after_secs: 900,
        flow: Some("main".to_owned()),
        ..MetricSettings::prompt()
    };
    let region = after(5, listed, 3).await;
    let count = async |asked: Value| {
        body(&call(&region, "ListMetrics", asked).await)["Metrics"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(
        count(json!({ "Namespace": NAMESPACE })).await,
        1,
        "only that of the past"
    );
    tokio::time::sleep(Duration::from_secs(900)).await;
    assert_eq!(count(json!({ "Namespace": NAMESPACE })).await, 4);
    let orders = json!({ "MetricName": "runningTime", "Dimensions": [{ "Name": "Application", "Value": "orders" }] });
    let metric = body(&call(&region, "ListMetrics", orders).await)["Metrics"][0].clone();
    assert_eq!(
        metric["Dimensions"],
        json!([{ "Name": "Application", "Value": "orders" }, { "Name": "Flow", "Value": "main" }])
    );
    assert_eq!(
        count(json!({ "MetricName": "uptime", "Dimensions": [{ "Name": "Application" }] })).await,
        2
    );
    assert_eq!(
        count(json!({ "MetricName": "uptime", "RecentlyActive": "PT3H" })).await,
        2
    );
    assert_eq!(count(json!({ "Namespace": "AWS/SQS" })).await, 0);
    tokio::time::sleep(Duration::from_secs(14 * 86_400)).await;
    assert_eq!(
        count(json!({ "MetricName": "uptime" })).await,
        1,
        "two weeks without values"
    );
}

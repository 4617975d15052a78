//! Alarms over counters that rise, restart at zero, go missing; transitions in their three envelopes; the API.

mod reading;

use serde_json::json;

use super::*;
use crate::events::{Input, Target};
use ground::{
    protocol::{aws_json, invoked_function, refused, verb},
    wire::json_answer,
};

type Arrivals = Arc<Mutex<Vec<(String, Vec<u8>)>>>;

struct Region {
    cloudwatch: CloudWatch,
    journal: Journal,
    arrivals: Arrivals,
}

/// A region whose rule for alarm events calls the function `alarm-handler`.
fn region() -> Region {
    let clock = Clock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
    let journal = Journal::new(clock.clone());
    let arrivals: Arrivals = Arc::default();
    let seen = Arc::clone(&arrivals);
    let router = Router::new(move |request| {
        let to = invoked_function(&request).unwrap_or_else(|| verb(&request).1);
        seen.lock().unwrap().push((to, request.body().to_vec()));
        Box::pin(std::future::ready(json_answer(
            202,
            "application/json",
            &json!({}),
        )))
    });
    let bus = EventBus::new(clock.clone(), journal.clone(), router.clone());
    let pattern = json!({ "source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"], "detail": { "state": { "value": ["ALARM"] } } });
    let handler = Target {
        id: "t".to_owned(),
        arn: place::arn("lambda", "function:alarm-handler"),
        input: Input::Whole,
        role: None,
        dead_letters: None,
    };
    bus.add_rule("alarms", &pattern, vec![handler]).unwrap();
    Region {
        cloudwatch: CloudWatch::new(clock, journal.clone(), bus, router),
        journal,
        arrivals,
    }
}

/// The project's own kind of alarm: restarts that rise in M of N minutes.
fn restarts(m: i64, n: i64) -> Value {
    json!({
        "AlarmName": "orders-restarts",
        "EvaluationPeriods": n,
        "DatapointsToAlarm": m,
        "Threshold": "0",
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        "Metrics": [
            { "Id": "e1", "Expression": "DIFF(m1)", "Label": "new restarts", "ReturnData": true },
            { "Id": "m1", "ReturnData": false, "MetricStat": { "Period": 60, "Stat": "Maximum", "Metric": {
                "Namespace": "AWS/KinesisAnalytics", "MetricName": "fullRestarts", "Dimensions": [{ "Name": "Application", "Value": "orders" }] } } },
        ],
    })
}

/// Lets the counter take these values, one a minute, None where data is missing; answers the state after each.
async fn minutes(region: &Region, counter: &[Option<f64>]) -> Vec<StateValue> {
    let mut states = Vec::new();
    for value in counter {
        tokio::time::sleep(std::time::Duration::from_secs(60)).await;
        if let Some(value) = value {
            region.cloudwatch.put_value(&Datum {
                application: "orders".to_owned(),
                name: "fullRestarts",
                value: *value,
            });
        }
        region.cloudwatch.tick();
        states.push(
            region
                .cloudwatch
                .alarm("orders-restarts")
                .unwrap()
                .state
                .value,
        );
    }
    // Spawned deliveries get their turn.
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    states
}

fn some(values: &[f64]) -> Vec<Option<f64>> {
    values.iter().copied().map(Some).collect()
}

/// A job that fails again every `every` minutes.
fn loop_of(every: usize, length: usize) -> Vec<Option<f64>> {
    (0..length)
        .map(|minute| Some((minute / every) as f64))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn one_or_two_restarts_are_no_alarm() {
    let region = region();
    region.cloudwatch.put_alarm(&restarts(3, 10)).unwrap();
    let states = minutes(
        &region,
        &some(&[0., 0., 1., 2., 2., 2., 2., 2., 2., 2., 2., 2.]),
    )
    .await;
    assert!(
        states.iter().all(|state| *state == StateValue::Ok),
        "{states:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_fast_loop_is_caught_in_three_minutes() {
    let region = region();
    region.cloudwatch.put_alarm(&restarts(3, 10)).unwrap();
    let states = minutes(&region, &some(&[0., 4., 9., 13.])).await;
    assert_eq!(
        states,
        [
            StateValue::Ok,
            StateValue::Ok,
            StateValue::Ok,
            StateValue::Alarm
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_slow_loop_is_caught_by_three_of_ten_and_never_by_five_of_five() {
    let (wide, narrow) = (region(), region());
    wide.cloudwatch.put_alarm(&restarts(3, 10)).unwrap();
    narrow.cloudwatch.put_alarm(&restarts(5, 5)).unwrap();
    let caught = minutes(&wide, &loop_of(3, 20)).await;
    assert_eq!(
        caught.iter().position(|state| *state == StateValue::Alarm),
        Some(9),
        "{caught:?}"
    );
    assert!(
        !minutes(&narrow, &loop_of(3, 20))
            .await
            .contains(&StateValue::Alarm)
    );
    let states = minutes(&narrow, &some(&[20., 21., 22., 23., 24., 25.])).await;
    assert_eq!(
        states.last(),
        Some(&StateValue::Alarm),
        "five minutes in a row are caught by both"
    );
}

#[tokio::test(start_paused = true)]
async fn a_counter_that_restarts_at_zero_does_not_count_as_a_restart_of_the_job() {
    let region = region();
    region.cloudwatch.put_alarm(&restarts(1, 1)).unwrap();
    let states = minutes(&region, &some(&[7., 0., 0., 1.])).await;
    assert_eq!(
        states,
        [
            StateValue::Ok,
            StateValue::Ok,
            StateValue::Ok,
            StateValue::Alarm
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn missing_data_of_a_stopped_job_is_no_alarm_and_ends_one() {
    let region = region();
    region.cloudwatch.put_alarm(&restarts(2, 3)).unwrap();
    let states = minutes(
        &region,
        &[Some(0.), Some(1.), Some(2.), None, None, None, None, None],
    )
    .await;
    assert_eq!(states[2], StateValue::Alarm);
    assert_eq!(states[7], StateValue::Ok, "{states:?}");
    let state = region.cloudwatch.alarm("orders-restarts").unwrap().state;
    assert!(
        state.reason.contains("missing datapoint"),
        "{}",
        state.reason
    );
}

#[tokio::test(start_paused = true)]
async fn the_event_has_the_documented_shape_also_for_the_expression() {
    let region = region();
    region.cloudwatch.put_alarm(&restarts(2, 3)).unwrap();
    minutes(&region, &some(&[0., 1., 2.])).await;
    let (to, body) = region.arrivals.lock().unwrap()[0].clone();
    assert_eq!(to, "alarm-handler");
    let event: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        event["resources"],
        json!(["arn:aws:cloudwatch:us-east-1:123456789012:alarm:orders-restarts"])
    );
    let detail = &event["detail"];
    assert_eq!(detail["configuration"]["description"], Value::Null);
    assert_eq!(
        detail["configuration"]["metrics"][0],
        json!({ "id": "e1", "expression": "DIFF(m1)", "label": "new restarts", "returnData": true })
    );
    assert_eq!(
        detail["configuration"]["metrics"][1]["metricStat"]["metric"]["dimensions"],
        json!({ "Application": "orders" })
    );
    assert_eq!(detail["previousState"]["value"], "OK");
    assert_eq!(detail["state"]["timestamp"], "2026-01-01T00:03:00.000+0000");
    assert_eq!(
        detail["state"]["reason"],
        "Threshold Crossed: 2 out of the last 2 datapoints [1.0 (01/01/26 00:02:00), 1.0 (01/01/26 00:01:00)] were greater than the threshold (0.0) \
         and 1 missing datapoint was treated as [NonBreaching] (minimum 2 datapoints for OK -> ALARM transition)."
    );
    let data: Value =
        serde_json::from_str(detail["state"]["reasonData"].as_str().unwrap()).unwrap();
    assert_eq!(
        (data["recentDatapoints"].clone(), data["period"].clone()),
        (json!([1.0, 1.0]), json!(60))
    );
    let told = region.journal.entries();
    assert_eq!(
        (
            told.last().unwrap().actor,
            told.last().unwrap().application.as_deref()
        ),
        (Actor::Alarm, Some("orders"))
    );
}

#[tokio::test(start_paused = true)]
async fn actions_get_their_own_envelopes_and_only_when_enabled() {
    for enabled in [true, false] {
        let region = region();
        let mut alarm = restarts(1, 1);
        alarm["ActionsEnabled"] = json!(enabled);
        alarm["AlarmActions"] = json!([
            place::arn("lambda", "function:direct"),
            place::arn("sns", "alarms")
        ]);
        region.cloudwatch.put_alarm(&alarm).unwrap();
        minutes(&region, &some(&[0., 1.])).await;
        let arrivals = region.arrivals.lock().unwrap().clone();
        let bodies = |name: &str| {
            arrivals
                .iter()
                .filter(|(to, _)| to == name)
                .map(|(_, body)| body.clone())
                .collect::<Vec<_>>()
        };
        assert_eq!(
            bodies("alarm-handler").len(),
            1,
            "the event comes either way"
        );
        assert_eq!(
            (bodies("direct").len(), bodies("Publish").len()),
            if enabled { (1, 1) } else { (0, 0) }
        );
        if enabled {
            let direct: Value = serde_json::from_slice(&bodies("direct")[0]).unwrap();
            assert_eq!(direct["alarmData"]["alarmName"], "orders-restarts");
            let form: BTreeMap<String, String> = form_urlencoded::parse(&bodies("Publish")[0])
                .into_owned()
                .collect();
            let message: Value = serde_json::from_str(&form["Message"]).unwrap();
            assert_eq!(
                (
                    &message["AlarmDescription"],
                    &message["Trigger"]["Metrics"][0]["Expression"]
                ),
                (&Value::Null, &json!("DIFF(m1)"))
            );
            assert_eq!(
                message["Trigger"]["Metrics"][1]["MetricStat"]["Metric"]["Dimensions"],
                json!([{ "value": "orders", "name": "Application" }])
            );
            assert_eq!(
                form["Subject"],
                "ALARM: \"orders-restarts\" in US East (N. Virginia)"
            );
        }
    }
}

async fn call(region: &Region, verb: &str, body: Value) -> Response {
    let answer = region
        .cloudwatch
        .handle(aws_json(
            "keeper",
            "monitoring",
            &format!("GraniteServiceVersion20100801.{verb}"),
            "1.0",
            &body,
        ))
        .await;
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    answer
}

fn body(answer: &Response) -> Value {
    serde_json::from_slice(answer.body()).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_composite_follows_its_children_and_names_the_one_that_moved() {
    let region = region();
    region.cloudwatch.put_alarm(&restarts(1, 1)).unwrap();
    let mut second = restarts(1, 1);
    second["AlarmName"] = json!("orders-stalled");
    region.cloudwatch.put_alarm(&second).unwrap();
    let rule = r#"ALARM("orders-restarts") OR ALARM("orders-stalled")"#;
    assert_eq!(
        call(
            &region,
            "PutCompositeAlarm",
            json!({ "AlarmName": "orders", "AlarmRule": rule })
        )
        .await
        .status(),
        200
    );
    minutes(&region, &some(&[0.])).await;
    assert_eq!(
        region.cloudwatch.alarm("orders").unwrap().state.value,
        StateValue::Ok
    );
    call(
        &region,
        "SetAlarmState",
        json!({ "AlarmName": "orders-restarts", "StateValue": "ALARM", "StateReason": "test" }),
    )
    .await;
    let arrivals = region.arrivals.lock().unwrap().clone();
    let event: Value = serde_json::from_slice(&arrivals[1].1).unwrap();
    let detail = &event["detail"];
    assert_eq!(
        (
            detail["alarmName"].as_str(),
            detail["configuration"].clone()
        ),
        (Some("orders"), json!({ "alarmRule": rule }))
    );
    let data: Value =
        serde_json::from_str(detail["state"]["reasonData"].as_str().unwrap()).unwrap();
    assert_eq!(
        data["triggeringAlarms"][0]["arn"],
        alarm_arn("orders-restarts")
    );
    assert!(
        detail["state"]["reason"].as_str().unwrap().ends_with(
            "orders-restarts transitioned to ALARM at Thursday 01 January, 2026 00:01:00 UTC"
        ),
        "{detail}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_simple_alarm_and_a_composite_have_the_shapes_that_only_they_have() {
    let region = region();
    let simple = json!({
        "AlarmName": "orders-down", "AlarmDescription": "the job is down", "Namespace": "AWS/KinesisAnalytics", "MetricName": "fullRestarts",
        "Dimensions": [{ "Name": "Application", "Value": "orders" }], "Statistic": "Maximum", "Period": 60,
        "EvaluationPeriods": 1, "Threshold": 5, "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    });
    region.cloudwatch.put_alarm(&simple).unwrap();
    region
        .cloudwatch
        .put_composite(&json!({ "AlarmName": "orders", "AlarmRule": "ALARM(orders-down)" }))
        .unwrap();
    region.cloudwatch.put_alarm(&restarts(1, 1)).unwrap();
    minutes(&region, &some(&[9.])).await;
    let of = |name: &str| Transition {
        previous: region.cloudwatch.alarm(name).unwrap().state,
        alarm: region.cloudwatch.alarm(name).unwrap(),
    };
    let (down, both) = (of("orders-down"), of("orders"));
    let metric = &event(&down)["configuration"]["metrics"][0];
    assert_eq!(
        (
            metric["returnData"].as_bool(),
            metric["metricStat"]["stat"].as_str(),
            metric.get("expression")
        ),
        (Some(true), Some("Maximum"), None)
    );
    let trigger = &sns_action(&down).1["Trigger"];
    assert_eq!(
        (
            trigger["Statistic"].as_str(),
            trigger["MetricName"].as_str(),
            trigger.get("Metrics")
        ),
        (Some("MAXIMUM"), Some("fullRestarts"), None)
    );
    assert_eq!(
        (both.alarm.state.value, both.alarm.definition.application()),
        (StateValue::Alarm, None)
    );
    let message = sns_action(&both).1;
    assert_eq!(
        (message["AlarmRule"].as_str(), message.get("Trigger")),
        (Some("ALARM(orders-down)"), None)
    );
    assert_eq!(
        message["TriggeringChildren"][0]["Arn"],
        alarm_arn("orders-down")
    );
    assert_eq!(
        lambda_action(&both)["alarmData"]["configuration"],
        json!({ "alarmRule": "ALARM(orders-down)" })
    );
}

#[tokio::test(start_paused = true)]
async fn a_composite_of_an_unknown_alarm_is_refused() {
    let region = region();
    let answer = call(
        &region,
        "PutCompositeAlarm",
        json!({ "AlarmName": "orders", "AlarmRule": "ALARM(orders-restart)" }),
    )
    .await;
    assert!(refused(&answer).unwrap().1.contains("orders-restart"));
}

#[tokio::test(start_paused = true)]
async fn alarms_are_described_as_they_were_put_page_by_page_and_deleted() {
    let region = region();
    for n in 0..3 {
        let mut alarm = restarts(3, 10);
        alarm["AlarmName"] = json!(format!("alarm-{n}"));
        assert_eq!(call(&region, "PutMetricAlarm", alarm).await.status(), 200);
    }
    let first = body(
        &call(
            &region,
            "DescribeAlarms",
            json!({ "AlarmNamePrefix": "alarm-", "MaxRecords": 2 }),
        )
        .await,
    );
    let alarm = &first["MetricAlarms"][0];
    assert_eq!(
        (
            alarm["StateValue"].as_str(),
            alarm["DatapointsToAlarm"].as_i64(),
            alarm["Threshold"].as_f64()
        ),
        (Some("INSUFFICIENT_DATA"), Some(3), Some(0.0))
    );
    assert_eq!(alarm["Metrics"], restarts(3, 10)["Metrics"]);
    let second =
        body(&call(&region, "DescribeAlarms", json!({ "AlarmNamePrefix": "alarm-", "MaxRecords": 2, "NextToken": first["NextToken"] })).await);
    assert_eq!(
        (
            second["MetricAlarms"].as_array().unwrap().len(),
            second.get("NextToken")
        ),
        (1, None)
    );
    assert_eq!(
        call(
            &region,
            "DeleteAlarms",
            json!({ "AlarmNames": ["alarm-0"] })
        )
        .await
        .status(),
        200
    );
    assert_eq!(
        refused(
            &call(
                &region,
                "DeleteAlarms",
                json!({ "AlarmNames": ["alarm-0", "alarm-1"] })
            )
            .await
        )
        .unwrap()
        .0,
        "ResourceNotFound"
    );
    assert_eq!(region.cloudwatch.alarm_names(), ["alarm-1", "alarm-2"]);
}

#[tokio::test(start_paused = true)]
async fn a_changed_alarm_keeps_its_state_until_it_is_evaluated() {
    let region = region();
    region.cloudwatch.put_alarm(&restarts(1, 1)).unwrap();
    minutes(&region, &some(&[0., 1.])).await;
    region.cloudwatch.put_alarm(&restarts(3, 10)).unwrap();
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
async fn what_an_alarm_cannot_mean_is_refused_with_the_reason() {
    let region = region();
    let with = |name: &str, value: Value| {
        let mut alarm = restarts(3, 10);
        alarm[name] = value;
        alarm
    };
    let table = [
        (with("DatapointsToAlarm", json!(11)), "11 of 10"),
        (with("Treshold", json!(1)), "Treshold"),
        (with("MetricName", json!("m")), "Metrics"),
        (
            with(
                "AlarmActions",
                json!(["arn:aws:automate:us-east-1:ec2:reboot"]),
            ),
            "automate",
        ),
        (
            with("ComparisonOperator", json!("GreaterThanUpperThreshold")),
            "GreaterThanUpperThreshold",
        ),
        (
            with(
                "Metrics",
                json!([{ "Id": "e1", "Expression": "DIFF(m2)" }, restarts(1, 1)["Metrics"][1]]),
            ),
            "m2",
        ),
        (
            with(
                "Metrics",
                json!([{ "Id": "e1", "Expression": "ANOMALY_DETECTION_BAND(m1)" }, restarts(1, 1)["Metrics"][1]]),
            ),
            "ANOMALY_DETECTION_BAND",
        ),
    ];
    for (alarm, named) in table {
        let (code, message) = refused(&call(&region, "PutMetricAlarm", alarm).await).unwrap();
        assert_eq!(code, "ValidationError");
        assert!(message.contains(named), "{named}: {message}");
    }
    let query = aws_query("keeper", "monitoring", "2010-08-01", "DescribeAlarms", &[]);
    assert!(
        refused(&region.cloudwatch.handle(query).await)
            .unwrap()
            .1
            .contains("AWS JSON 1.0")
    );
    assert!(
        refused(&call(&region, "PutDashboard", json!({})).await)
            .unwrap()
            .1
            .contains("PutDashboard")
    );
}

struct Counting;

impl MetricSource for Counting {
    fn metrics(&self, now: Timestamp) -> Vec<Datum> {
        let minutes = now.as_second() / MINUTE_SECS;
        vec![Datum {
            application: "orders".to_owned(),
            name: "fullRestarts",
            value: minutes as f64,
        }]
    }
}

#[tokio::test(start_paused = true)]
async fn sources_are_polled_at_every_full_minute() {
    let region = region();
    region.cloudwatch.add_source(Arc::new(Counting));
    region.cloudwatch.put_alarm(&restarts(3, 10)).unwrap();
    tokio::spawn(region.cloudwatch.clone().run());
    tokio::time::sleep(std::time::Duration::from_secs(239)).await;
    assert_eq!(
        region
            .cloudwatch
            .alarm("orders-restarts")
            .unwrap()
            .state
            .value,
        StateValue::Ok
    );
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(
        region
            .cloudwatch
            .alarm("orders-restarts")
            .unwrap()
            .state
            .value,
        StateValue::Alarm
    );
    assert_eq!(region.arrivals.lock().unwrap().len(), 1);
}

//! alarm-keeper in the region: through the schedule, CloudTrail and by hand, over the protocol that the SDK speaks.

use std::time::Duration;

use sandbox::{
    cloudwatch::Definition,
    connector::Connector,
    faults::{Fault, Rule, When},
    managed_flink::ApplicationSeed,
    region::Region,
};
use serde_json::{Value, json};

use super::{region, virtually};

pub(super) const MINUTE: Duration = Duration::from_secs(60);

pub(super) async fn keep(region: &Region, event: Value) -> Value {
    region.invoke("alarm-keeper", &event).await.unwrap()
}

pub(super) fn kept(region: &Region) -> Vec<String> {
    region
        .cloudwatch()
        .alarm_names()
        .into_iter()
        .filter(|name| name.starts_with("lifeguard-orders-"))
        .collect()
}

/// The alarm `lifeguard-orders-restarts` as somebody would change it, and with whom it tells.
fn changed_alarm(periods: u32) -> Value {
    json!({
        "AlarmName": "lifeguard-orders-restarts", "AlarmDescription": "mine now", "Namespace": "AWS/KinesisAnalytics", "MetricName": "fullRestarts",
        "Dimensions": [{ "Name": "Application", "Value": "orders" }], "Statistic": "Maximum", "Period": 60, "EvaluationPeriods": periods, "Threshold": 7,
        "ComparisonOperator": "GreaterThanThreshold", "AlarmActions": ["arn:aws:sns:us-east-1:123456789012:my-pager"]
    })
}

pub(super) fn client(region: &Region) -> aws_sdk_kinesisanalyticsv2::Client {
    aws_sdk_kinesisanalyticsv2::Client::new(
        Connector::new(region.router().clone(), region.clock().clone())
            .aws("operator")
            .config(),
    )
}

async fn delete(region: &Region) {
    let client = client(region);
    let described = client
        .describe_application()
        .application_name("orders")
        .send()
        .await
        .unwrap();
    let created = described
        .application_detail
        .unwrap()
        .create_timestamp
        .unwrap();
    client
        .delete_application()
        .application_name("orders")
        .create_timestamp(created)
        .send()
        .await
        .unwrap();
}

/// What the checks of permissions need to see: an alarm changed by hand, put right; an application deleted, its alarms gone.
pub(super) async fn changed_by_hand_and_deleted(region: &Region) {
    keep(region, json!({})).await;
    region.cloudwatch().put_alarm(&changed_alarm(5)).unwrap();
    let answer = keep(region, json!({})).await;
    assert_eq!(
        (&answer["fixed"], &answer["right"]),
        (&json!(["lifeguard-orders-restarts"]), &json!(5))
    );
    client(region)
        .stop_application()
        .application_name("orders")
        .force(true)
        .send()
        .await
        .unwrap();
    tokio::time::sleep(10 * MINUTE).await;
    delete(region).await;
    tokio::time::sleep(5 * MINUTE).await;
    assert_eq!(kept(region), Vec::<String>::new());
}

#[test]
fn an_opted_in_application_has_its_alarms_described_and_owned_and_no_other_has() {
    virtually(async {
        let region = region();
        region
            .flink()
            .add_application(ApplicationSeed::new("not-asked-for").version("orders-6.jar", MINUTE));
        let answer = keep(&region, json!({ "dryRun": true })).await;
        assert_eq!(
            (
                answer["created"].as_array().unwrap().len(),
                answer["watched"].as_u64()
            ),
            (6, Some(1))
        );
        assert_eq!(kept(&region), Vec::<String>::new());
        let answer = keep(&region, json!({})).await;
        assert_eq!(
            (answer["changed"].as_u64(), answer["left"].as_u64()),
            (Some(6), Some(0))
        );
        assert_eq!(kept(&region).len(), 6);
        for name in kept(&region) {
            assert_eq!(
                region.cloudwatch().tags_of(&name)["lifeguard:owner"],
                "lifeguard"
            );
        }
        assert!(
            region
                .cloudwatch()
                .alarm_names()
                .iter()
                .all(|name| !name.contains("not-asked-for"))
        );
        let again = keep(&region, json!({})).await;
        assert_eq!(
            (again["right"].as_u64(), again["changed"].as_u64()),
            (Some(6), Some(0))
        );
    });
}

#[test]
fn changed_by_hand_it_is_put_right_with_its_actions_and_it_goes_with_its_application() {
    virtually(async {
        let region = region();
        changed_by_hand_and_deleted(&region).await;
    });
    virtually(async {
        let region = region();
        keep(&region, json!({})).await;
        region.cloudwatch().put_alarm(&changed_alarm(5)).unwrap();
        // By the schedule.
        tokio::time::sleep(16 * MINUTE).await;
        let alarm = region
            .cloudwatch()
            .alarm("lifeguard-orders-restarts")
            .unwrap();
        let shown = format!("{:?}", alarm.definition);
        assert!(
            shown.contains("DIFF(m1)") && shown.contains("my-pager"),
            "{shown}"
        );
    });
}

#[test]
fn an_alarm_of_somebody_else_is_left_alone_even_under_the_same_name() {
    virtually(async {
        let region = region();
        region.cloudwatch().put_alarm(&changed_alarm(5)).unwrap();
        let answer = keep(&region, json!({})).await;
        assert_eq!(
            (
                &answer["foreign"],
                answer["created"].as_array().unwrap().len()
            ),
            (&json!(["lifeguard-orders-restarts"]), 5)
        );
        assert!(
            format!(
                "{:?}",
                region
                    .cloudwatch()
                    .alarm("lifeguard-orders-restarts")
                    .unwrap()
                    .definition
            )
            .contains("mine now")
        );
    });
}

#[test]
fn tags_are_followed_within_a_minute_where_there_is_a_trail() {
    virtually(async {
        let region = region();
        let arn = region.flink().application("orders").unwrap().arn;
        keep(&region, json!({})).await;
        client(&region)
            .untag_resource()
            .resource_arn(&arn)
            .tag_keys("lifeguard:managed")
            .send()
            .await
            .unwrap();
        tokio::time::sleep(MINUTE).await;
        assert_eq!(kept(&region), Vec::<String>::new());
        let tag = aws_sdk_kinesisanalyticsv2::types::Tag::builder()
            .key("lifeguard:managed")
            .value("true")
            .build()
            .unwrap();
        client(&region)
            .tag_resource()
            .resource_arn(&arn)
            .tags(tag)
            .send()
            .await
            .unwrap();
        tokio::time::sleep(MINUTE).await;
        assert_eq!(kept(&region).len(), 6);
    });
}

#[test]
fn hundreds_of_applications_are_kept_in_few_calls_and_what_is_too_much_for_one_run_is_done_by_the_next()
 {
    virtually(async {
        let region = region();
        for n in 0..299 {
            region.flink().add_application(
                ApplicationSeed::new(&format!("application-{n}"))
                    .version("orders-6.jar", MINUTE)
                    .tag("lifeguard:managed", "true"),
            );
        }
        let first = keep(&region, json!({})).await;
        assert_eq!(
            (&first["watched"], &first["changed"], &first["left"]),
            (&json!(300), &json!(400), &json!(1400))
        );
        keep(&region, json!({})).await;
        let third = keep(&region, json!({})).await;
        assert_eq!(
            (&third["right"], &third["changed"], &third["left"]),
            (&json!(800), &json!(400), &json!(600))
        );
        keep(&region, json!({})).await;
        keep(&region, json!({})).await;
        let before = region.journal().calls().len();
        let last = keep(&region, json!({})).await;
        assert_eq!(
            (&last["right"], &last["changed"]),
            (&json!(1800), &json!(0))
        );
        let calls = region.journal().calls().split_off(before);
        let count = |action: &str| calls.iter().filter(|call| call.action == action).count();
        assert_eq!(
            (
                count("ListApplications"),
                count("ListTagsForResource"),
                count("DescribeAlarms")
            ),
            (6, 300, 19),
            "pages of 50 and of 100, and the alarms of the automation"
        );
    });
}

#[test]
fn told_to_slow_down_it_leaves_the_rest_and_removes_nothing_on_a_doubt() {
    virtually(async {
        let region = region();
        region.faults().add(
            Rule::new(Fault::Throttle)
                .on("monitoring", "PutMetricAlarm")
                .when(When::EveryKth { k: 1, from: 3 }),
        );
        let answer = keep(&region, json!({})).await;
        assert_eq!(
            (&answer["changed"], &answer["left"]),
            (&json!(2), &json!(4))
        );
        region.faults().clear();
        keep(&region, json!({})).await;
        assert_eq!(kept(&region).len(), 6);
        region
            .faults()
            .add(Rule::new(Fault::Throttle).on("kinesisanalytics", "ListTagsForResource"));
        let answer = keep(&region, json!({})).await;
        assert_eq!(
            (&answer["unknown"], &answer["changed"]),
            (&json!(["orders"]), &json!(0))
        );
        assert_eq!(kept(&region).len(), 6);
    });
}

#[test]
fn a_misspelt_dry_run_does_nothing() {
    virtually(async {
        let region = region();
        let refused = region
            .invoke("alarm-keeper", &json!({ "dryrun": true }))
            .await
            .unwrap_err();
        assert!(
            refused.contains("Lifeguard.BadInput") && refused.contains("dryrun"),
            "{refused}"
        );
        assert_eq!(kept(&region), Vec::<String>::new());
    });
}

/// The metric that an alarm of `orders` watches.
fn metric_of(region: &Region, end: &str) -> String {
    let alarm = region
        .cloudwatch()
        .alarm(&format!("lifeguard-orders-{end}"))
        .unwrap();
    let Definition::Metric(alarm) = alarm.definition else {
        panic!("{end} is a composite alarm");
    };
    let stats = alarm.metrics.into_iter().filter_map(|one| one.metric_stat);
    stats.map(|stat| stat.metric.metric_name).collect()
}

/// Whether an alarm of `orders` tells this topic.
fn tells(region: &Region, end: &str, topic: &str) -> bool {
    let alarm = region
        .cloudwatch()
        .alarm(&format!("lifeguard-orders-{end}"))
        .unwrap();
    format!("{:?}", alarm.definition).contains(topic)
}

#[test]
fn with_another_runtime_two_alarms_get_the_other_metric_and_keep_whom_they_tell() {
    virtually(async {
        let region = region();
        keep(&region, json!({})).await;
        let of = |end| metric_of(&region, end);
        assert_eq!(
            (of("not-up"), of("restarts-slow")),
            ("uptime".into(), "fullRestarts".into())
        );
        let mut mine = changed_alarm(5);
        mine["AlarmName"] = "lifeguard-orders-not-up".into();
        region.cloudwatch().put_alarm(&mine).unwrap();
        let version = region.flink().application("orders").unwrap().version;
        client(&region)
            .update_application()
            .application_name("orders")
            .current_application_version_id(version)
            .runtime_environment_update("FLINK-2_2".into())
            .send()
            .await
            .unwrap();
        tokio::time::sleep(5 * MINUTE).await;
        let before = region.journal().calls().len();
        let answer = keep(&region, json!({ "applicationName": "orders" })).await;
        assert_eq!(
            (&answer["right"], &answer["left"]),
            (&json!(6), &json!(0)),
            "the event of the update had it done"
        );
        assert_eq!(
            (of("not-up"), of("restarts-slow")),
            ("runningTime".into(), "numRestarts".into())
        );
        assert!(tells(&region, "not-up", "my-pager"));
        let calls = region.journal().calls().split_off(before);
        assert!(calls.iter().all(|call| call.action != "PutMetricAlarm"));
    });
}

/// The alarm that the release before made for each application, and that never rings for a loop.
fn downtime(application: &str, owner: Option<&str>) -> Value {
    let mut alarm = json!({
        "AlarmName": format!("lifeguard-{application}-downtime"), "AlarmDescription": "has been down for most of a quarter of an hour",
        "Metrics": [{ "Id": "m1", "ReturnData": true, "MetricStat": { "Period": 60, "Stat": "Maximum", "Metric": {
            "Namespace": "AWS/KinesisAnalytics", "MetricName": "downtime", "Dimensions": [{ "Name": "Application", "Value": application }] } } }],
        "EvaluationPeriods": 15, "DatapointsToAlarm": 12, "Threshold": 0, "ComparisonOperator": "GreaterThanThreshold", "TreatMissingData": "notBreaching"
    });
    if let Some(owner) = owner {
        alarm["Tags"] = json!([{ "Key": "lifeguard:owner", "Value": owner }]);
    }
    alarm
}

#[test]
fn alarms_on_downtime_that_the_release_before_made_go_and_nobody_elses() {
    virtually(async {
        let region = region();
        for n in 0..20 {
            region.flink().add_application(
                ApplicationSeed::new(&format!("application-{n}"))
                    .version("orders-6.jar", MINUTE)
                    .tag("lifeguard:managed", "true"),
            );
            let alarm = downtime(&format!("application-{n}"), Some("lifeguard"));
            region.cloudwatch().put_alarm(&alarm).unwrap();
        }
        region
            .cloudwatch()
            .put_alarm(&downtime("orders", Some("other")))
            .unwrap();
        region
            .cloudwatch()
            .put_alarm(&downtime("mine", None))
            .unwrap();
        let dry = keep(&region, json!({ "dryRun": true })).await;
        assert_eq!(dry["removed"].as_array().unwrap().len(), 20);
        let before = region.journal().calls().len();
        let answer = keep(&region, json!({})).await;
        assert_eq!(answer["removed"].as_array().unwrap().len(), 20);
        assert_eq!(
            answer["foreign"],
            json!(["lifeguard-mine-downtime", "lifeguard-orders-downtime"])
        );
        let calls = region.journal().calls().split_off(before);
        let count = |action: &str| calls.iter().filter(|call| call.action == action).count();
        assert_eq!(
            (count("DescribeApplication"), count("DeleteAlarms")),
            (0, 1),
            "what is watched is not looked at again for an alarm that no release keeps"
        );
        let names = region.cloudwatch().alarm_names();
        assert_eq!(
            names
                .iter()
                .filter(|name| name.ends_with("-downtime"))
                .count(),
            2
        );
        // One at a time, as after an event.
        region
            .cloudwatch()
            .put_alarm(&downtime("application-7", Some("lifeguard")))
            .unwrap();
        let answer = keep(&region, json!({ "applicationName": "application-7" })).await;
        assert_eq!(
            answer["removed"],
            json!(["lifeguard-application-7-downtime"])
        );
    });
}

//! alarm-keeper's doors, and what it does when CloudWatch answers badly: over the protocol that the SDK speaks, some answers written by hand.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use alarm_keeper::AlarmKeeper;
use bytes::Bytes;
use lambda_kit::{Env, Failure, Function, Invocation, Metrics, answer};
use sandbox::{
    connector::{Connector, Router},
    faults::{Fault, Rule, cut},
    managed_flink::ApplicationSeed,
    place::{ACCOUNT, REGION},
    protocol,
    region::Region,
    wire::{Request, Response},
};
use serde_json::{Value, json};

use super::{region, virtually};

const MINUTE: Duration = Duration::from_secs(60);
const OTHER_ACCOUNT: &str = "999988887777";

/// What CloudWatch, or somebody between, answers instead; None where nothing is wrong.
type Instead = Arc<dyn Fn(&str, &str, &Request) -> Option<Response> + Send + Sync>;

/// The function as a stack deploys it, over a network that can be bent.
pub(super) struct Keeper {
    function: AlarmKeeper,
    calls: Arc<Mutex<Vec<String>>>,
    metrics: Arc<Mutex<Vec<Value>>>,
}

impl Keeper {
    fn of(region: &Region, stack: &str, instead: Instead) -> Self {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (noted, router) = (Arc::clone(&calls), region.router().clone());
        let bent = Router::new(move |request| {
            let (service, verb) = protocol::verb(&request);
            noted.lock().unwrap().push(verb.clone());
            match instead(&service, &verb, &request) {
                Some(answer) => Box::pin(async move { answer }),
                None => router.send(request),
            }
        });
        let metrics = Arc::new(Mutex::new(Vec::new()));
        let counted = Arc::clone(&metrics);
        let aws = Connector::new(bent, region.clock().clone())
            .aws(&format!("{stack}-AlarmKeeperRole"))
            .with_metrics(Metrics::to(move |line| {
                counted
                    .lock()
                    .unwrap()
                    .push(serde_json::from_str(&line).unwrap());
            }));
        let env: Env = [
            ("ALARM_OWNER", stack),
            ("STACK_NAME", stack),
            ("ACCOUNT_ID", ACCOUNT),
            ("AWS_REGION", REGION),
        ]
        .into_iter()
        .collect();
        Self {
            function: AlarmKeeper::build(&env, &aws).unwrap(),
            calls,
            metrics,
        }
    }

    pub(super) async fn invoke(&self, event: Value) -> Result<Value, Failure> {
        let now = "2026-03-04T02:47:00Z".parse().unwrap();
        let request_id = "8f2c".to_owned();
        answer(&self.function, event, Invocation { request_id, now }).await
    }

    /// The calls since the last time.
    fn calls(&self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for verb in self.calls.lock().unwrap().drain(..) {
            *counts.entry(verb).or_default() += 1;
        }
        counts
    }
}

pub(super) fn unbent(region: &Region) -> Keeper {
    Keeper::of(region, "lifeguard", Arc::new(|_, _, _| None))
}

/// This verb of CloudWatch is answered so.
fn bent(
    region: &Region,
    wrong: &'static str,
    response: impl Fn() -> Response + Send + Sync + 'static,
) -> Keeper {
    let instead = move |service: &str, verb: &str, _: &Request| {
        (service == "monitoring" && verb == wrong).then(&response)
    };
    Keeper::of(region, "lifeguard", Arc::new(instead))
}

fn response(status: u16, body: &'static str) -> Response {
    http::Response::builder()
        .status(status)
        .body(Bytes::from_static(body.as_bytes()))
        .unwrap()
}

fn many(region: &Region, applications: usize) {
    for n in 0..applications {
        region.flink().add_application(
            ApplicationSeed::new(&format!("application-{n}"))
                .version("orders-6.jar", MINUTE)
                .tag("lifeguard:managed", "true"),
        );
    }
}

fn kept(region: &Region) -> usize {
    let names = region.cloudwatch().alarm_names();
    let kept = names.iter().filter(|name| {
        region
            .cloudwatch()
            .tags_of(name)
            .contains_key("lifeguard:owner")
    });
    kept.count()
}

/// An alarm of an application as somebody changed it.
fn change_by_hand(region: &Region, name: &str, application: &str) {
    let changed = json!({
        "AlarmName": name, "AlarmDescription": "mine now", "Namespace": "AWS/KinesisAnalytics", "MetricName": "fullRestarts",
        "Dimensions": [{ "Name": "Application", "Value": application }], "Statistic": "Maximum", "Period": 60, "EvaluationPeriods": 5, "Threshold": 7,
        "ComparisonOperator": "GreaterThanThreshold"
    });
    region.cloudwatch().put_alarm(&changed).unwrap();
}

pub(super) fn arn(name: &str) -> String {
    format!("arn:aws:kinesisanalytics:{REGION}:{ACCOUNT}:application/{name}")
}

/// A call as CloudTrail records it.
pub(super) fn recorded(event_name: &str, parameters: Value) -> Value {
    json!({
        "version": "0", "id": "7b1f0a36-0000-4000-8000-000000000001", "detail-type": "AWS API Call via CloudTrail", "source": "aws.kinesisanalytics",
        "account": ACCOUNT, "time": "2026-03-04T02:47:00Z", "region": REGION, "resources": [],
        "detail": {
            "eventVersion": "1.11", "userIdentity": { "type": "AssumedRole" }, "eventTime": "2026-03-04T02:47:00Z",
            "eventSource": "kinesisanalytics.amazonaws.com", "eventName": event_name, "awsRegion": REGION, "apiVersion": "2018-05-23",
            "requestParameters": parameters, "responseElements": null, "readOnly": false, "eventType": "AwsApiCall", "managementEvent": true,
            "recipientAccountId": ACCOUNT,
        },
    })
}

pub(super) fn with(mut event: Value, pointer: &str, value: Value) -> Value {
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    event.pointer_mut(parent).unwrap()[key] = value;
    event
}

pub(super) fn tagged(key: &str) -> Value {
    recorded(
        "TagResource",
        json!({ "resourceARN": arn("orders"), "tags": [{ "key": key, "value": "true" }] }),
    )
}

#[test]
fn a_recorded_call_that_changed_no_alarm_costs_no_call() {
    virtually(async {
        let region = region();
        let keeper = unbent(&region);
        let tag = || tagged("lifeguard:managed");
        let without = |event: Value, member: &str| {
            let mut event = event;
            event["detail"].as_object_mut().unwrap().remove(member);
            event
        };
        for (event, said) in [
            (
                with(tag(), "/detail/errorCode", json!("AccessDeniedException")),
                "AccessDeniedException",
            ),
            (
                with(tag(), "/detail/errorMessage", json!("not authorized")),
                "was refused",
            ),
            (with(tag(), "/detail/errorCode", json!(403)), "was refused"),
            (
                with(
                    tag(),
                    "/detail/responseElements",
                    json!({ "errorCode": "ResourceNotFoundException" }),
                ),
                "ResourceNotFoundException",
            ),
            (
                with(tag(), "/detail/requestParameters", Value::Null),
                "names no application",
            ),
            (without(tag(), "requestParameters"), "names no application"),
            (
                with(
                    tag(),
                    "/detail/requestParameters",
                    json!("HIDDEN_DUE_TO_SECURITY_REASONS"),
                ),
                "names no application",
            ),
            (
                with(
                    tag(),
                    "/detail/requestParameters",
                    json!({ "resourceARN": "HIDDEN_DUE_TO_SECURITY_REASONS" }),
                ),
                "names no application",
            ),
            (
                with(tag(), "/detail/requestParameters", json!({})),
                "names no application",
            ),
            (with(tag(), "/detail/readOnly", json!(true)), "only read"),
            (
                with(tag(), "/detail/eventSource", json!("sns.amazonaws.com")),
                "of another service",
            ),
            (with(tag(), "/account", json!(OTHER_ACCOUNT)), OTHER_ACCOUNT),
            (with(tag(), "/region", json!("us-west-2")), "us-west-2"),
            (
                with(tag(), "/detail/recipientAccountId", json!(OTHER_ACCOUNT)),
                OTHER_ACCOUNT,
            ),
            (
                with(tag(), "/detail/awsRegion", json!("us-west-2")),
                "us-west-2",
            ),
            (
                with(
                    tag(),
                    "/detail/requestParameters/resourceARN",
                    json!("arn:aws:kinesisanalytics:us-east-1:999988887777:application/orders"),
                ),
                OTHER_ACCOUNT,
            ),
            (
                with(
                    tag(),
                    "/detail/requestParameters/resourceARN",
                    json!("arn:aws:sns:us-east-1:123456789012:orders"),
                ),
                "names no application",
            ),
            (
                with(
                    tag(),
                    "/detail/requestParameters/resourceARN",
                    json!(arn("or ders")),
                ),
                "names no application",
            ),
            (
                with(tag(), "/detail/apiVersion", json!("2015-08-14")),
                "2015-08-14",
            ),
            (tagged("team"), "no tag of Lifeguard"),
            (
                recorded(
                    "UntagResource",
                    json!({ "resourceARN": arn("orders"), "tagKeys": ["team", "cost"] }),
                ),
                "no tag of Lifeguard",
            ),
            (
                recorded("UpdateApplication", json!({ "applicationName": "orders" })),
                "changes no alarm",
            ),
            (
                recorded(
                    "UpdateApplication",
                    json!({ "applicationName": "orders", "runtimeEnvironmentUpdate": null }),
                ),
                "changes no alarm",
            ),
            // It may have been the runtime: left to the schedule.
            (
                recorded("UpdateApplication", Value::Null),
                "changes no alarm",
            ),
            (tagged("lifeguard:soak"), "no tag of Lifeguard"),
            (
                recorded(
                    "UntagResource",
                    json!({ "resourceARN": arn("orders"), "tagKeys": ["lifeguard:mode", "team"] }),
                ),
                "no tag of Lifeguard",
            ),
            (
                recorded("StartApplication", json!({ "applicationName": "orders" })),
                "changes no alarm",
            ),
            (
                recorded(
                    "CreateApplicationSnapshot",
                    json!({ "applicationName": "orders" }),
                ),
                "changes no alarm",
            ),
            (
                recorded(
                    "DescribeApplication",
                    json!({ "applicationName": "orders" }),
                ),
                "changes no alarm",
            ),
            (
                recorded("CreateApplication", json!({ "applicationName": "orders" })),
                "no tag of Lifeguard",
            ),
            (
                recorded(
                    "CreateApplication",
                    json!({ "applicationName": "orders", "tags": [{ "key": "team", "value": "shop" }] }),
                ),
                "no tag of Lifeguard",
            ),
        ] {
            let answer = keeper
                .invoke(event.clone())
                .await
                .unwrap_or_else(|failure| panic!("{event}: {failure}"));
            assert_eq!(keeper.calls(), BTreeMap::new(), "{event}");
            let reason = answer["ignored"]
                .as_str()
                .unwrap_or_else(|| panic!("{event}: {answer}"));
            assert!(reason.contains(said), "{reason}, and not {said}");
        }
        assert_eq!(kept(&region), 0);
    });
}

#[test]
fn a_recorded_call_that_may_change_alarms_is_about_one_application() {
    virtually(async {
        let region = region();
        let keeper = unbent(&region);
        let detail = json!({ "applicationDetail": { "applicationName": "orders", "applicationARN": arn("orders") } });
        let omitted = || {
            with(
                recorded("CreateApplication", Value::Null),
                "/detail/requestParameters",
                Value::Null,
            )
        };
        for event in [
            tagged("lifeguard:managed"),
            tagged("lifeguard:stack"),
            recorded(
                "UntagResource",
                json!({ "resourceARN": arn("orders"), "tagKeys": ["lifeguard:managed"] }),
            ),
            // The keys cannot be read.
            recorded("TagResource", json!({ "resourceARN": arn("orders") })),
            recorded(
                "TagResource",
                json!({ "resourceArn": arn("orders"), "tags": "HIDDEN_DUE_TO_SECURITY_REASONS" }),
            ),
            recorded("DeleteApplication", json!({ "applicationName": "orders" })),
            recorded(
                "UpdateApplication",
                json!({ "applicationName": "orders", "runtimeEnvironmentUpdate": "FLINK-2_2" }),
            ),
            recorded(
                "CreateApplication",
                json!({ "applicationName": "orders", "tags": [{ "key": "lifeguard:managed", "value": "true" }] }),
            ),
            with(omitted(), "/detail/responseElements", detail),
            with(
                omitted(),
                "/detail/responseElements",
                json!({ "applicationARN": arn("orders") }),
            ),
            with(
                omitted(),
                "/detail/resources",
                json!([{ "ARN": arn("orders"), "accountId": ACCOUNT }]),
            ),
            with(omitted(), "/resources", json!([arn("orders")])),
        ] {
            let answer = keeper
                .invoke(event.clone())
                .await
                .unwrap_or_else(|failure| panic!("{event}: {failure}"));
            assert_eq!(answer.get("ignored"), None, "{event}: {answer}");
            let calls = keeper.calls();
            assert_eq!(
                (
                    calls.get("DescribeApplication"),
                    calls.get("ListApplications")
                ),
                (Some(&1), None),
                "{event}: {calls:?}"
            );
        }
    });
}

/// Makes an answer.
type Answered = fn() -> Response;

/// Answers with which another try later may help.
fn bad_days() -> Vec<(&'static str, Answered)> {
    vec![
        ("500", || response(500, "")),
        ("503", || response(503, "<html>Service Unavailable</html>")),
        ("504", || {
            response(
                504,
                "{\"__type\":\"NobodyKnowsThisOne\",\"message\":\"sorry\"}",
            )
        }),
        ("429", || {
            response(429, "{\"__type\":\"NobodyKnowsThisOne\"}")
        }),
        ("throttled", || {
            response(
                400,
                "{\"__type\":\"RequestLimitExceeded\",\"message\":\"Rate exceeded\"}",
            )
        }),
        ("no connection", cut),
    ]
}

#[test]
fn cloudwatch_down_ends_the_run_and_says_how_far_it_came() {
    virtually(async {
        for (day, bad) in bad_days() {
            for verb in ["DescribeAlarms", "PutMetricAlarm"] {
                let region = region();
                many(&region, 59);
                let keeper = bent(&region, verb, bad);
                let failure = keeper.invoke(json!({})).await.unwrap_err();
                assert_eq!(
                    failure.error_type.name(),
                    "Lifeguard.Retryable",
                    "{verb} {day}: {failure}"
                );
                let tries = keeper.calls()[verb];
                assert!(tries <= 4, "{verb} {day}: {tries} tries");
                if verb == "PutMetricAlarm" {
                    assert!(
                        failure.message.contains("0 of 300"),
                        "{verb} {day}: {failure}"
                    );
                }
                assert_eq!(kept(&region), 0, "{verb} {day}");
            }
        }
    });
}

#[test]
fn a_run_that_came_half_way_says_so_and_is_no_failure() {
    virtually(async {
        for (day, bad) in bad_days() {
            let region = region();
            many(&region, 59);
            let puts = Mutex::new(0);
            let instead = move |service: &str, verb: &str, _: &Request| {
                let mut puts = puts.lock().unwrap();
                *puts += usize::from(service == "monitoring" && verb == "PutMetricAlarm");
                (service == "monitoring" && verb == "PutMetricAlarm" && *puts > 100).then(bad)
            };
            let keeper = Keeper::of(&region, "lifeguard", Arc::new(instead));
            let answer = keeper
                .invoke(json!({}))
                .await
                .unwrap_or_else(|failure| panic!("{day}: {failure}"));
            assert_eq!(
                (&answer["changed"], &answer["left"]),
                (&json!(100), &json!(200)),
                "{day}"
            );
            let stopped = answer["stopped"]
                .as_str()
                .unwrap_or_else(|| panic!("{day}: {answer}"));
            assert!(
                stopped.contains("100 of 300") && stopped.contains("PutMetricAlarm"),
                "{day}: {stopped}"
            );
            assert!(keeper.calls()["PutMetricAlarm"] <= 104, "{day}");
        }
    });
}

#[test]
fn alarms_that_cannot_be_deleted_now_are_left_and_not_asked_again_and_again() {
    virtually(async {
        for (day, bad) in bad_days() {
            let region = region();
            many(&region, 59);
            unbent(&region).invoke(json!({})).await.unwrap();
            let keeper = bent(&region, "DeleteAlarms", bad);
            let failure = keeper
                .invoke(json!({ "removeAll": true }))
                .await
                .unwrap_err();
            assert_eq!(
                failure.error_type.name(),
                "Lifeguard.Retryable",
                "{day}: {failure}"
            );
            assert!(keeper.calls()["DeleteAlarms"] <= 4, "{day}");
            assert_eq!(kept(&region), 300, "{day}");
        }
    });
}

#[test]
fn one_owner_that_cannot_be_read_leaves_one_alarm_alone() {
    virtually(async {
        let refusals: [(&str, Answered); 4] = [
            ("500", || response(500, "")),
            ("denied", || {
                response(400, "{\"__type\":\"AccessDenied\",\"message\":\"no\"}")
            }),
            ("gone", || {
                response(
                    404,
                    "{\"__type\":\"ResourceNotFoundException\",\"message\":\"gone\"}",
                )
            }),
            ("a page", || response(200, "<html>Sign in</html>")),
        ];
        for (day, bad) in refusals {
            let region = region();
            many(&region, 2);
            unbent(&region).invoke(json!({})).await.unwrap();
            for application in ["application-0", "application-1"] {
                change_by_hand(
                    &region,
                    &format!("lifeguard-{application}-restarts"),
                    application,
                );
            }
            let instead = move |service: &str, verb: &str, request: &Request| {
                let about = String::from_utf8_lossy(request.body())
                    .contains("lifeguard-application-0-restarts");
                (service == "monitoring" && verb == "ListTagsForResource" && about).then(bad)
            };
            let keeper = Keeper::of(&region, "lifeguard", Arc::new(instead));
            let answer = keeper
                .invoke(json!({}))
                .await
                .unwrap_or_else(|failure| panic!("{day}: {failure}"));
            assert_eq!(
                (&answer["fixed"], &answer["unread"]),
                (
                    &json!(["lifeguard-application-1-restarts"]),
                    &json!(["lifeguard-application-0-restarts"])
                ),
                "{day}: {answer}"
            );
            let counted = keeper.metrics.lock().unwrap().remove(0);
            assert_eq!(counted["AlarmsNotKept"], 1, "{day}: {counted}");
            let left = region
                .cloudwatch()
                .alarm("lifeguard-application-0-restarts")
                .unwrap();
            assert!(
                format!("{:?}", left.definition).contains("mine now"),
                "{day}"
            );
        }
    });
}

#[test]
fn owners_that_cannot_be_read_at_all_are_not_asked_for_by_the_hundred() {
    virtually(async {
        for (day, bad) in bad_days() {
            let region = region();
            many(&region, 59);
            unbent(&region).invoke(json!({})).await.unwrap();
            for n in 0..59 {
                let application = format!("application-{n}");
                change_by_hand(
                    &region,
                    &format!("lifeguard-{application}-restarts"),
                    &application,
                );
            }
            let keeper = bent(&region, "ListTagsForResource", bad);
            let answer = keeper
                .invoke(json!({}))
                .await
                .unwrap_or_else(|failure| panic!("{day}: {failure}"));
            assert_eq!(
                (
                    &answer["changed"],
                    answer["unread"].as_array().unwrap().len()
                ),
                (&json!(0), 59),
                "{day}"
            );
            let of_alarms = keeper.calls()["ListTagsForResource"] - 60;
            assert!(of_alarms <= 64, "{day}: {of_alarms} tries");
        }
    });
}

#[test]
fn tags_of_applications_that_cannot_be_read_at_all_are_not_asked_for_by_the_hundred() {
    virtually(async {
        let region = region();
        many(&region, 299);
        unbent(&region).invoke(json!({})).await.unwrap();
        let before = kept(&region);
        region
            .faults()
            .add(Rule::new(Fault::ServerError).on("kinesisanalytics", "ListTagsForResource"));
        let keeper = unbent(&region);
        let answer = keeper.invoke(json!({})).await.unwrap();
        let calls = keeper.calls();
        assert!(calls["ListTagsForResource"] <= 64, "{calls:?}");
        assert_eq!(
            (&answer["changed"], answer["watched"].as_u64()),
            (&json!(0), Some(0))
        );
        assert_eq!(kept(&region), before);
    });
}

#[test]
fn an_empty_or_odd_list_of_applications_removes_no_alarm() {
    virtually(async {
        for odd in [
            "",
            "{}",
            "{\"ApplicationSummaries\":[]}",
            "{\"__type\":\"InternalFailure\"}",
            "<html></html>",
        ] {
            let region = region();
            many(&region, 2);
            unbent(&region).invoke(json!({})).await.unwrap();
            let instead = move |service: &str, verb: &str, _: &Request| {
                (service == "kinesisanalytics" && verb == "ListApplications")
                    .then(|| response(200, odd))
            };
            let keeper = Keeper::of(&region, "lifeguard", Arc::new(instead));
            let _ = keeper.invoke(json!({})).await;
            assert_eq!(kept(&region), 15, "{odd}");
        }
    });
}

#[test]
fn tags_that_are_gone_in_one_reading_remove_no_alarm() {
    virtually(async {
        let region = region();
        many(&region, 2);
        unbent(&region).invoke(json!({})).await.unwrap();
        let before = kept(&region);
        let first = Mutex::new(true);
        let instead = move |service: &str, verb: &str, _: &Request| {
            let is_tags = service == "kinesisanalytics" && verb == "ListTagsForResource";
            (is_tags && std::mem::take(&mut *first.lock().unwrap())).then(|| response(200, ""))
        };
        let keeper = Keeper::of(&region, "lifeguard", Arc::new(instead));
        keeper.invoke(json!({})).await.unwrap();
        assert_eq!(kept(&region), before);
    });
}

#[test]
fn one_command_removes_all_alarms_of_this_stack_and_no_others() {
    virtually(async {
        let region = region();
        many(&region, 59);
        unbent(&region).invoke(json!({})).await.unwrap();
        Keeper::of(&region, "other", Arc::new(|_, _, _| None))
            .invoke(json!({}))
            .await
            .unwrap();
        change_by_hand(&region, "lifeguard-mine-restarts", "mine");
        let (all, ours) = (region.cloudwatch().alarm_names().len(), kept(&region));
        let said = region
            .invoke(
                "alarm-keeper",
                &json!({ "removeAll": true, "dryRun": true }),
            )
            .await
            .unwrap();
        assert_eq!(
            (&said["dryRun"], &said["changed"], kept(&region)),
            (&json!(true), &json!(ours), ours)
        );
        let done = region
            .invoke("alarm-keeper", &json!({ "removeAll": true }))
            .await
            .unwrap();
        assert_eq!(
            (&done["changed"], &done["left"], kept(&region)),
            (&json!(ours), &json!(0), 0)
        );
        assert_eq!(
            region.cloudwatch().alarm_names().len(),
            all - ours,
            "the stack's own and other people's stay"
        );
        let again = region
            .invoke("alarm-keeper", &json!({ "removeAll": true }))
            .await
            .unwrap();
        assert_eq!((&again["changed"], &again["left"]), (&json!(0), &json!(0)));
    });
}

#[test]
fn removing_everything_leaves_what_its_owner_tag_does_not_name() {
    virtually(async {
        let region = region();
        let mine = unbent(&region);
        mine.invoke(json!({})).await.unwrap();
        let ours = kept(&region);
        let instead = |service: &str, verb: &str, request: &Request| {
            let about =
                String::from_utf8_lossy(request.body()).contains("lifeguard-orders-restarts");
            (service == "monitoring" && verb == "ListTagsForResource" && about)
                .then(|| response(500, ""))
        };
        let keeper = Keeper::of(&region, "lifeguard", Arc::new(instead));
        let answer = keeper.invoke(json!({ "removeAll": true })).await.unwrap();
        assert!(
            answer["unread"]
                .to_string()
                .contains("lifeguard-orders-restarts"),
            "{answer}"
        );
        assert!((1..ours).contains(&kept(&region)));
        let answer = mine.invoke(json!({ "removeAll": true })).await.unwrap();
        assert_eq!((&answer["unread"], kept(&region)), (&json!([]), 0));
    });
}

#[test]
fn what_is_misspelt_or_another_event_is_refused_by_name_and_nothing_is_called() {
    virtually(async {
        let region = region();
        let keeper = unbent(&region);
        let alarm = json!({ "source": "aws.cloudwatch", "detail-type": "CloudWatch Alarm State Change", "detail": { "alarmName": "a" } });
        for (event, said) in [
            (json!({ "DryRun": true }), r#""DryRun": write dryRun"#),
            (json!({ "dryrun": true }), r#""dryrun": write dryRun"#),
            (json!({ "dry_run": true }), r#""dry_run": write dryRun"#),
            (
                json!({ "dryRun": "true" }),
                "dryRun is neither true nor false",
            ),
            (json!({ "dryRun": 1 }), "dryRun is neither true nor false"),
            (
                json!({ "dryRun": null }),
                "dryRun is neither true nor false",
            ),
            (
                json!({ "removeall": true }),
                r#""removeall": write removeAll"#,
            ),
            (
                json!({ "removeAll": "yes" }),
                "removeAll is neither true nor false",
            ),
            (
                json!({ "removeAll": true, "applicationName": "orders" }),
                "removeAll is about all applications",
            ),
            (
                json!({ "ApplicationName": "orders" }),
                r#""ApplicationName": write applicationName"#,
            ),
            (
                json!({ "applicationName": "orders " }),
                "it ends with a blank",
            ),
            (
                json!({ "applicationName": arn("orders") }),
                "write the name, orders",
            ),
            (
                json!({ "applicationName": ["orders"] }),
                "applicationName is not a text",
            ),
            (
                json!({ "applicationName": null }),
                "applicationName is not a text",
            ),
            (
                json!({ "request": { "action": "rollback" } }),
                r#""request""#,
            ),
            (json!({ "detail": {} }), r#""detail""#),
            (alarm, "CloudWatch Alarm State Change"),
            (
                json!({ "Records": [{ "Sns": { "Message": "{}" } }] }),
                r#""Records""#,
            ),
            (
                json!({ "source": "aws.cloudwatch", "alarmData": {} }),
                "aws.cloudwatch",
            ),
            (
                json!({ "source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification", "detail": {} }),
                "EC2",
            ),
            (json!([]), "not a JSON object"),
            (json!("{}"), "not a JSON object"),
            (Value::Null, "not a JSON object"),
        ] {
            let failure = keeper.invoke(event.clone()).await.expect_err(said);
            assert_eq!(failure.error_type.name(), "Lifeguard.BadInput", "{event}");
            assert!(failure.message.contains(said), "{event}: {failure}");
            assert_eq!(keeper.calls(), BTreeMap::new(), "{event}");
        }
    });
}

#[test]
fn a_schedule_without_an_input_of_its_own_keeps_all() {
    virtually(async {
        let region = region();
        let keeper = unbent(&region);
        for source in ["aws.scheduler", "aws.events"] {
            let event = json!({ "version": "0", "source": source, "detail-type": "Scheduled Event", "account": ACCOUNT, "region": REGION, "resources": [], "detail": "{}" });
            let answer = keeper.invoke(event).await.unwrap();
            assert_eq!(answer["watched"], 1, "{answer}");
        }
    });
}

async fn tag(region: &Region, application: &str, key: &str, value: &str) {
    let client = aws_sdk_kinesisanalyticsv2::Client::new(
        Connector::new(region.router().clone(), region.clock().clone())
            .aws("operator")
            .config(),
    );
    let tag = aws_sdk_kinesisanalyticsv2::types::Tag::builder()
        .key(key)
        .value(value)
        .build()
        .unwrap();
    client
        .tag_resource()
        .resource_arn(arn(application))
        .tags(tag)
        .send()
        .await
        .unwrap();
}

/// Alarms by the stack that owns them.
fn owned(region: &Region) -> BTreeMap<String, usize> {
    let mut owned = BTreeMap::new();
    for name in region.cloudwatch().alarm_names() {
        if let Some(owner) = region.cloudwatch().tags_of(&name).get("lifeguard:owner") {
            *owned.entry(owner.clone()).or_default() += 1;
        }
    }
    owned
}

#[test]
fn two_stacks_keep_the_alarms_of_their_own_applications_and_hand_one_over() {
    virtually(async {
        let region = region();
        region.flink().add_application(
            ApplicationSeed::new("payments")
                .version("orders-6.jar", MINUTE)
                .tag("lifeguard:managed", "true")
                .tag("lifeguard:stack", "other"),
        );
        let ours = unbent(&region);
        let other = Keeper::of(&region, "other", Arc::new(|_, _, _| None));
        let both = |ours: usize, other: usize| {
            [("lifeguard", ours), ("other", other)]
                .into_iter()
                .filter(|(_, count)| *count > 0)
                .map(|(stack, count)| (stack.to_owned(), count))
                .collect::<BTreeMap<_, _>>()
        };
        for keeper in [&ours, &other, &ours, &other] {
            keeper.invoke(json!({})).await.unwrap();
        }
        assert_eq!(owned(&region), both(5, 5));
        for keeper in [&ours, &other] {
            let again = keeper.invoke(json!({})).await.unwrap();
            assert_eq!((&again["right"], &again["changed"]), (&json!(5), &json!(0)));
        }
        // It moves: whichever of the two comes first, the old one takes its alarms away and the new one makes its own.
        tag(&region, "orders", "lifeguard:stack", "other").await;
        for keeper in [&other, &ours, &other] {
            keeper.invoke(json!({})).await.unwrap();
        }
        assert_eq!(owned(&region), both(0, 10));
        let gone = ours.invoke(json!({ "removeAll": true })).await.unwrap();
        assert_eq!((&gone["changed"], owned(&region)), (&json!(0), both(0, 10)));
        other.invoke(json!({ "removeAll": true })).await.unwrap();
        assert_eq!(owned(&region), both(0, 0));
    });
}

#[test]
fn refusals_one_after_the_other_end_the_run() {
    virtually(async {
        let region = region();
        many(&region, 59);
        region.faults().add(
            Rule::new(Fault::Refuse {
                status: 400,
                code: "LimitExceeded".into(),
                message: "the quota of alarms is reached".into(),
            })
            .on("monitoring", "PutMetricAlarm"),
        );
        let keeper = unbent(&region);
        let failure = keeper.invoke(json!({})).await.unwrap_err();
        assert!(
            failure.message.contains("0 of 300") && failure.message.contains("quota of alarms"),
            "{failure}"
        );
        assert!(keeper.calls()["PutMetricAlarm"] <= 8);
    });
}

//! A look while the service is slow: it answers before Lambda ends it, and says what it could not read.
#![allow(clippy::unwrap_used, reason = "tests")]

#[path = "../../../shared/managed-flink/tests/support/mod.rs"]
mod support;

use std::time::Duration;

use lambda_kit::{Env, Function, Invocation, answer};
use serde_json::{Value, json};
use subtask_verifier::SubtaskVerifier;
use support::{Call, Double, Wire};

/// The function's time in the template.
const TIME_LIMIT: Duration = Duration::from_secs(60);

fn answered(call: &Call) -> Wire {
    match call.verb.as_str() {
        "DescribeApplication" | "DescribeApplicationVersion" => {
            let detail = json!({
                "ApplicationARN": "arn:aws:kinesisanalytics:eu-west-1:000000000000:application/orders",
                "ApplicationName": "orders", "RuntimeEnvironment": "FLINK-1_20", "ApplicationStatus": "RUNNING",
                "ApplicationVersionId": 7, "ApplicationVersionUpdatedFrom": 6, "ApplicationVersionRolledBackFrom": 5
            });
            Wire::json(
                200,
                &json!({ "ApplicationDetail": detail, "ApplicationVersionDetail": detail }),
            )
        }
        "ListTagsForResource" => Wire::json(
            200,
            &json!({ "Tags": [{ "Key": "lifeguard:managed", "Value": "true" }] }),
        ),
        "ListApplicationOperations" => {
            let failed = |id: usize| json!({ "Operation": "UpdateApplication", "OperationId": format!("op-{id}"), "StartTime": 1_790_000_000.0, "EndTime": 1_790_000_090.0, "OperationStatus": "FAILED" });
            let list: Vec<Value> = (0..3).map(failed).collect();
            Wire::json(200, &json!({ "ApplicationOperationInfoList": list }))
        }
        "ListApplicationSnapshots" => Wire::json(200, &json!({ "SnapshotSummaries": [] })),
        "CreateApplicationPresignedUrl" => Wire::json(
            200,
            &json!({ "AuthorizedUrl": "https://x.flink.eu-west-1.amazonaws.com/flinkdashboard?authToken=t" }),
        ),
        "GetMetricData" => {
            let queries = call.body["MetricDataQueries"].as_array().unwrap();
            let empty = |query: &Value| json!({ "Id": query["Id"], "Timestamps": [], "Values": [], "StatusCode": "Complete" });
            let results: Vec<Value> = queries.iter().map(empty).collect();
            Wire::json(200, &json!({ "MetricDataResults": results }))
        }
        _ => Wire::error(400, "ResourceNotFoundException", "none"),
    }
}

/// A look at a service that never answers these verbs.
async fn look(held: &'static [&'static str]) -> Result<Value, lambda_kit::Failure> {
    let double = Double::new(move |call| {
        if held.contains(&call.verb.as_str()) {
            Wire::Silence
        } else {
            answered(call)
        }
    });
    let aws = double.aws();
    let function = SubtaskVerifier::build(&Env::default(), &aws).unwrap();
    let invocation = Invocation {
        request_id: "r1".into(),
        now: aws.now(),
    };
    let look = answer(
        &function,
        json!({ "applicationName": "orders" }),
        invocation,
    );
    let done = tokio::time::timeout(TIME_LIMIT, look).await;
    done.unwrap_or_else(|_| panic!("{held:?}: no answer within {TIME_LIMIT:?}"))
}

fn unreadable(look: &Value) -> Vec<String> {
    let all = look["observation"]["unreadable"].as_array().unwrap();
    all.iter()
        .map(|part| part["what"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_look_answers_in_time_whatever_is_held() {
    let every: &[&str] = &[
        "ListTagsForResource",
        "DescribeApplicationVersion",
        "ListApplicationOperations",
        "DescribeApplicationOperation",
        "ListApplicationSnapshots",
        "CreateApplicationPresignedUrl",
        "GetMetricData",
        "",
    ];
    let seen = look(every).await.unwrap();
    let parts = unreadable(&seen);
    for part in [
        "tags",
        "versions",
        "operations",
        "snapshots",
        "job",
        "series",
    ] {
        assert!(parts.contains(&part.to_owned()), "{part}: {parts:?}");
    }
    assert_eq!(
        seen["assessment"]["is"], "unknown",
        "{}",
        seen["assessment"]
    );
}

#[tokio::test(start_paused = true)]
async fn one_part_that_is_held_hinders_no_other_that_there_is_time_for() {
    for (held, part) in [
        (&["ListTagsForResource"][..], "tags"),
        (&["ListApplicationSnapshots"], "snapshots"),
        (&["ListApplicationOperations"], "operations"),
        (&["GetMetricData"], "series"),
        (&[""], "job"),
    ] {
        let parts = unreadable(&look(held).await.unwrap());
        assert!(parts.contains(&part.to_owned()), "{held:?}: {parts:?}");
        let others = parts.iter().filter(|one| *one != part && *one != "job");
        assert_eq!(others.count(), 0, "{held:?}: {parts:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn texts_of_operations_and_versions_that_are_held_leave_time_for_the_rest() {
    for held in [
        &["DescribeApplicationOperation"][..],
        &["DescribeApplicationVersion"],
        &["DescribeApplicationOperation", "DescribeApplicationVersion"],
    ] {
        assert!(look(held).await.is_ok(), "{held:?}");
    }
}

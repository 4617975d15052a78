//! A function that was frozen: its connections were lost meanwhile, and it does not know. The next invocation must succeed.
//!
//! Over real sockets, with the very connector that is deployed. While a test loses the connections its runtime stands still, as a frozen function does.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use futures::future::join_all;
use lambda_kit::{Aws, Env};
use managed_flink::{
    CreateApplicationPresignedUrl as _, DescribeApplication as _, FlinkRest, HostRule,
    ManagedFlink, StopApplication as _,
};
use serde_json::json;
use support::server::{Loss, Request, Server};

/// More than all attempts of one call.
const POOLED: usize = 8;
const LOSSES: [Loss; 4] = [Loss::Reset, Loss::Closed, Loss::HalfClosed, Loss::Silent];

fn aws(server: &Server) -> Aws {
    Aws::of_lambda(&Env::from_iter([
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_ENDPOINT_URL", &server.url()),
    ]))
    .unwrap()
}

fn service() -> Server {
    Server::start(|request| {
        let answer = match request.verb.as_str() {
            "DescribeApplication" => json!({ "ApplicationDetail": {
                "ApplicationARN": "arn:aws:kinesisanalytics:eu-west-1:000000000000:application/orders",
                "ApplicationName": "orders", "RuntimeEnvironment": "FLINK-1_20",
                "ApplicationStatus": "RUNNING", "ApplicationVersionId": 3
            }}),
            _ => json!({}),
        };
        (200, answer.to_string())
    })
}

/// A service whose dashboards lie on two other hosts.
fn presigning(one: &Server, other: &Server) -> Server {
    let (one, other) = (one.url(), other.url());
    Server::start(move |request| {
        let host = if request.body.contains("other") {
            &other
        } else {
            &one
        };
        (
            200,
            json!({ "AuthorizedUrl": format!("{host}/flinkdashboard?authToken=t") }).to_string(),
        )
    })
}

fn flink() -> Server {
    Server::start(|_: &Request| (200, json!({ "jobs": [] }).to_string()))
}

/// An invocation after which the pool holds as many connections as a pool may.
async fn busy(server: &Server, flink: &ManagedFlink) {
    server.answer_together(POOLED);
    let reads = (0..POOLED).map(|_| flink.describe_application("orders"));
    assert!(join_all(reads).await.iter().all(Result::is_ok));
    assert_eq!(server.connections(), POOLED);
    server.answer_at_once();
}

/// Lost connections are told by the attempts and the changes that meet them.
#[tokio::test]
async fn connections_lost_in_the_middle_of_an_invocation_cost_a_read_one_attempt() {
    // A silent loss takes an attempt's time-out to be seen; the others are seen at once.
    for loss in [Loss::Reset, Loss::Closed, Loss::HalfClosed] {
        let server = service();
        let aws = aws(&server);
        let flink = ManagedFlink::new(&aws);
        busy(&server, &flink).await;
        server.lose(loss);
        flink
            .describe_application("orders")
            .await
            .unwrap_or_else(|error| panic!("{loss:?}: {error}"));
        assert!(server.over_lost() <= 1, "{loss:?}: {}", server.over_lost());
    }
}

#[tokio::test]
async fn after_a_thaw_the_first_call_succeeds_at_the_first_attempt_and_a_change_too() {
    for loss in LOSSES {
        let server = service();
        let aws = aws(&server);
        let flink = ManagedFlink::new(&aws);
        busy(&server, &flink).await;
        server.lose(loss);
        aws.begin_invocation();
        // Sent once: over a lost connection its outcome would be unknown.
        flink
            .stop_application("orders", true)
            .await
            .unwrap_or_else(|error| panic!("{loss:?}: {error}"));
        flink.describe_application("orders").await.unwrap();
        assert_eq!(server.over_lost(), 0, "{loss:?}");
        assert_eq!(
            server.connections(),
            POOLED + 1,
            "{loss:?}: one kept connection serves the invocation"
        );
    }
}

#[tokio::test]
async fn the_dashboards_of_several_hosts_are_read_over_new_connections_too() {
    for loss in LOSSES {
        let (one, other) = (flink(), flink());
        let server = presigning(&one, &other);
        let aws = aws(&server);
        let service = ManagedFlink::new(&aws);
        for invocation in 0..2 {
            aws.begin_invocation();
            for application in ["one", "other"] {
                let url = service
                    .create_application_presigned_url(application)
                    .await
                    .unwrap();
                // No repeat here: the next look is the repeat.
                let rest = FlinkRest::open(&aws, &url, HostRule::AwsOrLoopback).await;
                let rest = rest.unwrap_or_else(|error| panic!("{loss:?} {invocation}: {error}"));
                rest.overview().await.unwrap();
                rest.job("ab").await.unwrap();
            }
            for server in [&server, &one, &other] {
                assert_eq!(server.over_lost(), 0, "{loss:?}");
                assert_eq!(server.connections(), invocation + 1, "{loss:?}");
                server.lose(loss);
            }
        }
    }
}

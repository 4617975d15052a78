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

#[tokio::test]
async fn after_a_thaw_the_first_read_succeeds() {
    for loss in LOSSES {
        let server = service();
        let aws = aws(&server);
        let flink = ManagedFlink::new(&aws);
        busy(&server, &flink).await;
        server.lose(loss);
        flink
            .describe_application("orders")
            .await
            .unwrap_or_else(|error| panic!("{loss:?}: {error}"));
    }
}

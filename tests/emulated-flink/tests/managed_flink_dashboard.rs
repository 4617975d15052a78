//! Presigned URLs and the dashboards behind them.

mod managed_flink_support;

use aws_sdk_kinesisanalyticsv2::types as model;
use bytes::Bytes;
use emulated_flink::managed_flink::{Dashboard, Stage};
use managed_flink_support::{orders, region, text, told};

#[tokio::test(start_paused = true)]
async fn a_presigned_url_must_be_used_in_time_and_expires() {
    let region = region();
    region.service.add_application(orders());
    let (used, unused) = (region.url("orders").await, region.url("orders").await);
    assert!(
        used.starts_with("https://orders-")
            && used.contains(".flink.us-east-1.amazonaws.com/flinkdashboard?authToken=")
    );
    assert_eq!(region.get(&used, "/jobs").await.0, 200);
    region.sleep(181).await;
    assert_eq!(
        (
            region.get(&used, "/jobs").await.0,
            region.get(&unused, "/jobs").await.0
        ),
        (200, 403)
    );
    assert_eq!(
        region
            .get(&used.replace("authToken=", "authToken=x"), "/jobs")
            .await
            .0,
        403
    );
    region.sleep(43_200).await;
    assert_eq!(region.get(&used, "/jobs").await.0, 403);
    let short = region
        .client
        .create_application_presigned_url()
        .application_name("orders")
        .url_type(model::UrlType::FlinkDashboardUrl)
        .session_expiration_duration_in_seconds(60)
        .send()
        .await;
    assert!(text(&short.expect_err("too short")).starts_with("InvalidArgumentException"));
    let token = used.split_once("authToken=").expect("a token").1;
    let calls: String = region
        .journal
        .calls()
        .iter()
        .map(|call| format!("{call:?}"))
        .collect();
    assert!(!calls.contains(token) && !told(&region.journal).contains(token));
    assert!(calls.contains("GET /jobs"));
}

#[tokio::test(start_paused = true)]
async fn the_opened_url_redirects_with_a_cookie_that_opens_what_is_below() {
    let region = region();
    region
        .service
        .serve_dashboards_at(Dashboard::Loopback("http://127.0.0.1:4566".to_owned()));
    region.service.add_application(orders());
    let url = region.url("orders").await;
    assert!(url.starts_with("http://127.0.0.1:4566/flinkdashboard?authToken="));
    let get = |uri: String, cookie: Option<String>| {
        let mut request = http::Request::builder().uri(uri);
        if let Some(cookie) = cookie {
            request = request.header("cookie", cookie);
        }
        region
            .service
            .dashboard(request.body(Bytes::new()).expect("a request"))
    };
    let opened = get(url, None).await;
    assert_eq!(
        (
            opened.status().as_u16(),
            opened.headers()["location"].to_str().expect("text")
        ),
        (302, "/flinkdashboard/")
    );
    let cookie = opened.headers()["set-cookie"]
        .to_str()
        .expect("text")
        .split(';')
        .next()
        .map(str::to_owned);
    assert_eq!(
        get("/flinkdashboard/".to_owned(), cookie.clone())
            .await
            .status(),
        200
    );
    let jobs = get("/flinkdashboard/jobs".to_owned(), cookie.clone()).await;
    assert!(jobs.status() == 200 && jobs.body().starts_with(b"{\"jobs\":["));
    assert_eq!(
        get("/flinkdashboard/jobs".to_owned(), None).await.status(),
        403
    );
    region
        .service
        .faults("orders", |faults| _ = faults.stuck.insert(Stage::Updating));
    region.deploy("orders", "good.jar").await.expect("accepted");
    region.sleep(60).await;
    assert_eq!(
        get("/flinkdashboard/jobs".to_owned(), cookie)
            .await
            .status(),
        503
    );
}

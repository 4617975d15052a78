//! The Flink REST client over an in-process connector: both ways in, every way it can go wrong, and no trace of the URL.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use lifecycle::{Job, JobState, Part};
use managed_flink::{FlinkRest, HostRule, PresignedUrl, RestCall, RestProblem, look};
use serde_json::{Value, json};
use support::{Call, Double, Wire};

const HOST: &str = "https://app.flink.eu-west-1.amazonaws.com";
const TOKEN: &str = "marker%2Btoken+x/y==";

fn url() -> PresignedUrl {
    PresignedUrl::new(format!("{HOST}/flinkdashboard?authToken={TOKEN}"))
}

fn recorded(call: &Call) -> Option<Value> {
    let path = call
        .url
        .split('?')
        .next()
        .unwrap()
        .split_once("/flinkdashboard")
        .unwrap()
        .1;
    let what = match path.split('/').skip(1).collect::<Vec<_>>()[..] {
        ["jobs", "overview"] => "jobs_overview",
        ["jobs", _] => "job",
        ["jobs", _, "vertices", _] => "vertex0",
        ["jobs", _, other] => other,
        _ => return None,
    };
    let file = format!(
        "{}/tests/recordings/1.20/loop-while-processing/m4__{what}.json",
        env!("CARGO_MANIFEST_DIR")
    );
    Some(serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap())
}

fn answered(call: &Call) -> Wire {
    recorded(call).map_or_else(
        || Wire::json(404, &json!({ "errors": ["Not found."] })),
        |answer| Wire::json(200, &answer),
    )
}

async fn problem(answer: impl Fn(&Call) -> Wire + Send + Sync + 'static) -> RestProblem {
    let double = Double::new(answer);
    let error = FlinkRest::open(&double.aws(), &url(), HostRule::Aws)
        .await
        .unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(
        !text.contains("marker") && !text.contains("amazonaws"),
        "{text}"
    );
    error.problem
}

#[tokio::test]
async fn a_look_the_token_way_takes_few_calls_and_passes_the_token_on_as_it_is() {
    let double = Double::new(answered);
    let rest = FlinkRest::open(&double.aws(), &url(), HostRule::Aws)
        .await
        .unwrap();
    let (job, unreadable) = look(&rest, &[]).await;
    let job = job.unwrap();
    assert_eq!(
        (unreadable, job.state, job.faults.known),
        (vec![], JobState::Restarting, 2)
    );
    let calls = double.calls();
    // Overview, job, exceptions, checkpoints, metrics, and its 4 vertices.
    assert_eq!(calls.len(), 9, "{calls:?}");
    for call in &calls {
        assert!(
            call.url
                .starts_with(&format!("{HOST}/flinkdashboard/jobs/")),
            "{}",
            call.url
        );
        assert!(
            call.url.ends_with(&format!("authToken={TOKEN}")),
            "{}",
            call.url
        );
        assert_eq!(call.cookie, None);
    }
    assert_eq!(
        calls[0].url,
        format!("{HOST}/flinkdashboard/jobs/overview?authToken={TOKEN}")
    );
    assert!(
        calls[4]
            .url
            .contains("/metrics?get=numRestarts,fullRestarts&authToken="),
        "{}",
        calls[4].url
    );
}

/// The dashboard as AWS's newer text describes it: the URL redirects and sets cookies, and only they are accepted below.
fn behind_cookies(call: &Call) -> Wire {
    let path = call.url.strip_prefix(HOST).unwrap();
    if path == format!("/flinkdashboard?authToken={TOKEN}") {
        return Wire::with_headers(
            302,
            &[
                ("location", "/flinkdashboard/"),
                ("set-cookie", "session=s1; Path=/; HttpOnly"),
                ("set-cookie", "a=b"),
            ],
            "",
        );
    }
    match (path, call.cookie.as_deref()) {
        ("/flinkdashboard/", Some("a=b; session=s1")) => {
            Wire::with_headers(200, &[("set-cookie", "session=s2")], "<html>")
        }
        (_, Some("a=b; session=s2")) => answered(call),
        _ => Wire::with_headers(302, &[("location", "/sign-in")], ""),
    }
}

#[tokio::test]
async fn where_the_url_wants_cookies_it_is_opened_and_the_cookies_are_used() {
    let double = Double::new(behind_cookies);
    let rest = FlinkRest::open(&double.aws(), &url(), HostRule::Aws)
        .await
        .unwrap();
    let (job, unreadable) = look(&rest, &[]).await;
    assert_eq!((job.unwrap().faults.known, unreadable), (2, vec![]));
    let calls = double.calls();
    assert!(
        calls[3..].iter().all(|call| !call.url.contains("authToken")
            && call.cookie.as_deref() == Some("a=b; session=s2")),
        "{calls:?}"
    );
    assert!(!format!("{rest:?}").contains("s2"));
}

#[tokio::test]
async fn a_sign_in_page_instead_of_json_leads_to_the_cookies_too() {
    let double = Double::new(|call| match (call.url.contains("/jobs/"), &call.cookie) {
        (true, None) => Wire::with_headers(
            200,
            &[("content-type", "text/html")],
            "<html>sign in</html>",
        ),
        (false, None) => {
            Wire::with_headers(200, &[("set-cookie", "k=v")], "<html>dashboard</html>")
        }
        _ => answered(call),
    });
    let rest = FlinkRest::open(&double.aws(), &url(), HostRule::Aws)
        .await
        .unwrap();
    assert!(look(&rest, &[]).await.0.is_some());
}

/// Exceptions of which at most so many fit into an answer.
async fn look_where_so_many_fit(fit: usize) -> (Vec<String>, Option<Job>, Vec<Part>) {
    let double = Double::new(move |call| {
        let most = call.url.split_once("maxExceptions=");
        let most = most.map(|(_, rest)| rest.split('&').next().unwrap().parse::<usize>().unwrap());
        match most {
            Some(most) if most > fit => Wire::endless(),
            _ => answered(call),
        }
    });
    let rest = FlinkRest::open(&double.aws(), &url(), HostRule::Aws)
        .await
        .unwrap();
    let (job, unreadable) = look(&rest, &[]).await;
    let asked = double.calls().into_iter();
    let asked = asked.filter_map(|call| Some(call.url.split_once("/exceptions")?.1.to_owned()));
    let parts = unreadable.into_iter().map(|one| one.what).collect();
    (asked.collect(), job, parts)
}

#[tokio::test]
async fn exceptions_are_asked_with_a_bound_and_fewer_where_an_answer_is_too_large() {
    let token = format!("&authToken={TOKEN}");
    for (fit, asked) in [(16, vec![16]), (4, vec![16, 4]), (3, vec![16, 4, 1])] {
        let (calls, job, parts) = look_where_so_many_fit(fit).await;
        let expected: Vec<String> = asked
            .iter()
            .map(|most| format!("?maxExceptions={most}{token}"))
            .collect();
        assert_eq!((calls, parts), (expected, vec![]));
        assert_eq!(job.unwrap().faults.known, 2);
    }
}

#[tokio::test]
async fn exceptions_that_are_too_large_however_few_are_said_to_be_unread_and_the_job_is_read() {
    let (calls, job, parts) = look_where_so_many_fit(0).await;
    assert_eq!((calls.len(), parts), (3, vec![Part::Exceptions]));
    let job = job.unwrap();
    assert_eq!((job.faults.known, job.faults.first), (0, None));
    assert_eq!(job.state, JobState::Restarting);
}

#[tokio::test]
async fn an_expired_url_is_told() {
    assert_eq!(
        problem(|_| Wire::json(403, &json!({ "message": "Forbidden marker" }))).await,
        RestProblem::UrlExpired
    );
}

#[tokio::test]
async fn an_answer_without_end_is_cut() {
    assert_eq!(problem(|_| Wire::endless()).await, RestProblem::TooLarge);
}

#[tokio::test(start_paused = true)]
async fn silence_is_a_time_out() {
    assert_eq!(problem(|_| Wire::Silence).await, RestProblem::TimedOut);
}

#[tokio::test]
async fn a_broken_connection_a_server_error_and_endless_redirects_are_told_apart() {
    assert_eq!(problem(|_| Wire::Broken).await, RestProblem::Unreachable);
    assert_eq!(
        problem(|_| Wire::json(503, &json!({}))).await,
        RestProblem::Http(503)
    );
    assert_eq!(
        problem(|_| Wire::with_headers(302, &[("location", "/again")], "")).await,
        RestProblem::Redirects
    );
}

#[tokio::test]
async fn a_redirect_to_another_host_is_refused_and_that_host_is_never_called() {
    for elsewhere in [
        "https://evil.example/flinkdashboard/",
        "//evil.example/",
        "https://other.eu-west-1.amazonaws.com/",
        "http://app.flink.eu-west-1.amazonaws.com/",
    ] {
        let double = Double::new(move |_| {
            Wire::with_headers(302, &[("location", elsewhere), ("set-cookie", "k=v")], "")
        });
        let error = FlinkRest::open(&double.aws(), &url(), HostRule::Aws)
            .await
            .unwrap_err();
        assert_eq!(
            (error.call, error.problem),
            (RestCall::Open, RestProblem::WrongHost),
            "{elsewhere}"
        );
        assert!(double.calls().iter().all(|call| call.url.starts_with(HOST)));
    }
}

#[tokio::test]
async fn a_url_to_a_foreign_host_is_refused_before_any_call() {
    let double = Double::new(answered);
    for (url, rule) in [
        (
            "https://evil.example/flinkdashboard?authToken=marker",
            HostRule::Aws,
        ),
        (
            "http://127.0.0.1:8081/flinkdashboard?authToken=marker",
            HostRule::Aws,
        ),
        (
            "http://192.168.0.1/flinkdashboard?authToken=marker",
            HostRule::AwsOrLoopback,
        ),
    ] {
        let error = FlinkRest::open(&double.aws(), &PresignedUrl::new(url), rule)
            .await
            .unwrap_err();
        assert_eq!(error.problem, RestProblem::WrongHost);
        assert!(!error.to_string().contains("marker"));
    }
    assert!(double.calls().is_empty());
    let loopback = PresignedUrl::new("http://127.0.0.1:8081/flinkdashboard?authToken=t");
    assert!(
        FlinkRest::open(&double.aws(), &loopback, HostRule::AwsOrLoopback)
            .await
            .is_ok()
    );
}

/// What a look finds where some of the job's endpoints answer with these statuses.
async fn seen_with(statuses: &'static [(&'static str, u16)]) -> (Job, Vec<Part>) {
    let double = Double::new(move |call| {
        let path = call.url.split('?').next().unwrap();
        let endpoint = path.rsplit('/').next().unwrap();
        match statuses.iter().find(|(name, _)| *name == endpoint) {
            Some((_, status)) => Wire::json(
                *status,
                &json!({ "errors": ["Checkpointing has not been enabled: marker."] }),
            ),
            None => answered(call),
        }
    });
    let rest = FlinkRest::open(&double.aws(), &url(), HostRule::Aws)
        .await
        .unwrap();
    let (job, unreadable) = look(&rest, &[]).await;
    assert!(!format!("{unreadable:?}").contains("marker"));
    (job.unwrap(), unreadable.iter().map(|it| it.what).collect())
}

#[tokio::test]
async fn what_cannot_be_read_is_listed_and_does_not_hinder_the_rest() {
    let (job, unreadable) = seen_with(&[("checkpoints", 500), ("metrics", 500)]).await;
    assert_eq!(
        (job.checkpoints, job.restarts_metric, job.faults.known),
        (None, None, 2)
    );
    assert_eq!(unreadable, [Part::Checkpoints, Part::Metrics]);
}

#[tokio::test]
async fn a_job_without_checkpointing_says_so_with_404_and_that_is_no_failure() {
    let (job, unreadable) = seen_with(&[("checkpoints", 404)]).await;
    assert!(job.checkpoints.unwrap().is_off);
    assert_eq!(unreadable, []);
}

#[tokio::test]
async fn that_a_job_is_gone_does_not_say_that_it_has_no_checkpointing() {
    let (job, unreadable) = seen_with(&[("exceptions", 404), ("checkpoints", 404)]).await;
    assert_eq!(job.checkpoints, None);
    assert_eq!(unreadable, [Part::Exceptions, Part::Checkpoints]);
}

#[tokio::test]
async fn no_job_is_not_unreadable() {
    let double = Double::new(|_| Wire::json(200, &json!({ "jobs": [] })));
    let rest = FlinkRest::open(&double.aws(), &url(), HostRule::Aws)
        .await
        .unwrap();
    assert_eq!(look(&rest, &[]).await, (None, vec![]));
}

#[tokio::test]
async fn of_many_vertices_none_is_asked_and_a_second_look_asks_the_overview_again() {
    let overviews = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&overviews);
    let double = Double::new(move |call| {
        let mut answer = recorded(call).unwrap();
        if call.url.contains("overview") {
            counted.fetch_add(1, Ordering::Relaxed);
        }
        if answer.get("vertices").is_some() {
            answer["vertices"] = Value::Array(vec![answer["vertices"][0].clone(); 9]);
        }
        Wire::json(200, &answer)
    });
    let rest = FlinkRest::open(&double.aws(), &url(), HostRule::Aws)
        .await
        .unwrap();
    assert!(look(&rest, &[]).await.0.is_some());
    assert_eq!(
        (double.calls().len(), overviews.load(Ordering::Relaxed)),
        (5, 1)
    );
    assert!(look(&rest, &[]).await.0.is_some());
    assert_eq!(
        (double.calls().len(), overviews.load(Ordering::Relaxed)),
        (10, 2)
    );
}

#[tokio::test]
async fn an_id_that_is_no_id_never_gets_into_a_path() {
    let double = Double::new(answered);
    let rest = FlinkRest::open(&double.aws(), &url(), HostRule::Aws)
        .await
        .unwrap();
    for id in ["../config", "", "a/b", "a?b", "a b"] {
        assert_eq!(
            rest.job(id).await.unwrap_err().problem,
            RestProblem::Unparsable,
            "{id}"
        );
    }
    assert_eq!(double.calls().len(), 1);
}

/// The deployed connector, over a socket of this machine: what the in-process double cannot show.
#[tokio::test]
async fn the_deployed_connector_reads_a_dashboard_over_a_socket() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let served = std::thread::spawn(move || {
        use std::io::{Read as _, Write as _};
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            request.push(byte[0]);
        }
        stream
            .write_all(
                b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\nconnection: close\r\n\r\n{\"jobs\":[]}",
            )
            .unwrap();
        String::from_utf8(request).unwrap()
    });
    let env = lambda_kit::Env::from_iter([
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_REGION", "eu-west-1"),
    ]);
    let aws = lambda_kit::Aws::of_lambda(&env).unwrap();
    let url = PresignedUrl::new(format!("http://{address}/flinkdashboard?authToken={TOKEN}"));
    let rest = FlinkRest::open(&aws, &url, HostRule::AwsOrLoopback)
        .await
        .unwrap();
    assert_eq!(look(&rest, &[]).await, (None, vec![]));
    let request = served.join().unwrap();
    assert!(
        request.starts_with(&format!(
            "GET /flinkdashboard/jobs/overview?authToken={TOKEN} HTTP/1.1\r\n"
        )),
        "{request}"
    );
    assert!(request.contains(&format!("host: {address}")), "{request}");
}

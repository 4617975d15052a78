//! How services deliver to each other: again and again while that may help, and never lost without a word.

use std::time::Duration;

use serde_json::json;

use crate::{connector::Router, journal::Journal, protocol::refused, wire::Request};

/// How often a delivery is tried; the services go on for hours.
const TRIES: u32 = 8;
/// The wait before the second try; it doubles from try to try.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Delivers `request` in the background. The same request is sent at each try, so what it names (an execution) is not started twice.
pub(crate) fn deliver(router: &Router, journal: &Journal, from: &'static str, request: Request) {
    tokio::spawn(attempt(router.clone(), journal.clone(), from, request));
}

async fn attempt(router: Router, journal: Journal, from: &'static str, request: Request) {
    let mut wait = FIRST_WAIT;
    for left in (0..TRIES).rev() {
        let answer = router.send(request.clone()).await;
        let Some((code, message)) = refused(&answer) else {
            return;
        };
        if left == 0 || !worth_another_try(answer.status().as_u16(), &code) {
            let (service, verb) = crate::protocol::verb(&request);
            let lost = format!("a delivery to {service} ({verb}) was given up: {code}: {message}");
            return journal
                .log(json!({ "level": "ERROR", "service": from, "message": lost }).to_string());
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
}

fn worth_another_try(status: u16, code: &str) -> bool {
    status >= 500 || status == 429 || code.contains("Throttl")
}

//! How services deliver to each other: again and again while that may help, and never lost without a word.

use std::time::Duration;

use serde_json::json;

use crate::{connector::Router, sqs};
use ground::{journal::Journal, protocol::refused, wire::Request};

/// How often a delivery is tried; the services go on for hours.
const TRIES: u32 = 8;
/// The wait before the second try; it doubles from try to try.
const FIRST_WAIT: Duration = Duration::from_secs(1);

/// Where what is given up goes.
#[derive(Clone, Debug)]
pub(crate) struct DeadLetters {
    /// The queue's ARN.
    pub(crate) queue: String,
    /// As whom it is sent there: the service, or a role.
    pub(crate) caller: String,
    /// The rule for whose sake.
    pub(crate) source: Option<String>,
    /// What could not be delivered.
    pub(crate) event: String,
}

impl DeadLetters {
    /// Sends it, once. What the queue does not take either is lost, and only the log says so.
    pub(crate) async fn send(
        self,
        router: &Router,
        journal: &Journal,
        from: &'static str,
        why: &str,
    ) {
        let source = self.source.as_deref();
        let letter = sqs::dead_letter(&self.caller, source, &self.queue, &self.event, why);
        if let Some((code, message)) = refused(&router.send(letter).await) {
            let lost = format!(
                "an event is lost: {} does not take it: {code}: {message}",
                self.queue
            );
            journal.log(json!({ "level": "ERROR", "service": from, "message": lost }).to_string());
        }
    }
}

/// Delivers `request` in the background. The same request is sent at each try, so what it names (an execution) is not started twice.
/// What is given up goes to the dead letters, where there is a queue for them.
pub(crate) fn deliver(
    router: &Router,
    journal: &Journal,
    from: &'static str,
    request: Request,
    letters: Option<DeadLetters>,
) {
    tokio::spawn(attempt(
        router.clone(),
        journal.clone(),
        from,
        request,
        letters,
    ));
}

async fn attempt(
    router: Router,
    journal: Journal,
    from: &'static str,
    request: Request,
    letters: Option<DeadLetters>,
) {
    let mut wait = FIRST_WAIT;
    for left in (0..TRIES).rev() {
        let answer = router.send(request.clone()).await;
        let Some((code, message)) = refused(&answer) else {
            return;
        };
        if left == 0 || !worth_another_try(answer.status().as_u16(), &code) {
            let (service, verb) = ground::protocol::verb(&request);
            let lost = format!("a delivery to {service} ({verb}) was given up: {code}: {message}");
            journal.log(json!({ "level": "ERROR", "service": from, "message": lost }).to_string());
            if let Some(letters) = letters {
                letters.send(&router, &journal, from, &lost).await;
            }
            return;
        }
        tokio::time::sleep(wait).await;
        wait *= 2;
    }
}

fn worth_another_try(status: u16, code: &str) -> bool {
    status >= 500 || status == 429 || code.contains("Throttl")
}

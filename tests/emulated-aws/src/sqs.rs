//! SQS, as far as dead letters need it: queues, SendMessage, and how many messages were sent in the minute that ends.
//!
//! Speaks AWS JSON, as the service does. Deliberately absent: every other verb. What lies in a queue is read from the region's record.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard},
};

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    cloudwatch::{Datum, MESSAGES_SENT, MetricSource},
    permissions::{ForTheSakeOf, Permissions, Sender},
};
use ground::{
    clock::Clock,
    journal::Journal,
    place,
    protocol::{aws_json, record, tower_service},
    wire::{self, Request, Response, json_answer, json_error},
};

const JSON: &str = "application/x-amz-json-1.0";
const MESSAGE_IDS: u16 = 5;

/// The service. Cheap to clone; all clones share the queues.
#[derive(Clone)]
pub struct Sqs {
    clock: Clock,
    journal: Journal,
    permissions: Permissions,
    queues: Arc<Mutex<BTreeMap<String, Queue>>>,
}

#[derive(Default)]
struct Queue {
    sent: u64,
    /// How many of them the metrics have told.
    counted: u64,
}

tower_service!(Sqs);

impl Sqs {
    /// A service without queues.
    #[must_use]
    pub fn new(clock: Clock, journal: Journal, permissions: Permissions) -> Self {
        Self {
            clock,
            journal,
            permissions,
            queues: Arc::default(),
        }
    }

    /// Makes a queue.
    pub fn create_queue(&self, name: &str) {
        self.queues().entry(name.to_owned()).or_default();
    }

    /// Answers one request.
    pub async fn handle(&self, request: Request) -> Response {
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let queue = place::name_of(body["QueueUrl"].as_str().unwrap_or_default())
            .rsplit('/')
            .next()
            .unwrap_or_default()
            .to_owned();
        let answer = match wire::verb(&request) {
            Some("SendMessage") => self.send(&Sender::of(&request), &queue, &body),
            other => {
                let asked = other.unwrap_or("a request without X-Amz-Target");
                let text = format!("the sandbox's SQS knows only SendMessage, not {asked}");
                json_error(400, "UnknownOperationException", &text)
            }
        };
        let now = self.clock.now();
        record(&self.journal, now, &request, Some(queue), &answer, false);
        answer
    }

    fn send(&self, sender: &Sender, queue: &str, body: &Value) -> Response {
        let mut queues = self.queues();
        let Some(there) = queues.get_mut(queue) else {
            let text = "The specified queue does not exist.";
            return json_error(400, "QueueDoesNotExist", text);
        };
        let arn = place::arn("sqs", queue);
        if let Err(why) = self.permissions.send_message(sender, &arn) {
            return json_error(403, "AccessDenied", &why);
        }
        there.sent += 1;
        let id = place::id(MESSAGE_IDS, there.sent);
        self.journal.message(json!({
            "service": "sqs", "at": self.clock.now(), "queue": queue, "message": body["MessageBody"], "attributes": body["MessageAttributes"],
        }));
        json_answer(200, JSON, &json!({ "MessageId": id }))
    }

    fn queues(&self) -> MutexGuard<'_, BTreeMap<String, Queue>> {
        self.queues
            .lock()
            .expect("no thread panics while it holds the queues")
    }
}

/// What a dead-letter queue gets: the event, and why it could not be delivered.
pub(crate) fn dead_letter(
    caller: &str,
    source: Option<&str>,
    queue: &str,
    event: &str,
    why: &str,
) -> Request {
    let attribute = json!({ "ERROR_MESSAGE": { "DataType": "String", "StringValue": why } });
    let body = json!({ "QueueUrl": queue, "MessageBody": event, "MessageAttributes": attribute });
    let mut request = aws_json(caller, "sqs", "AmazonSQS.SendMessage", "1.0", &body);
    if let Some(source) = source {
        let source = ForTheSakeOf(source.to_owned());
        request.extensions_mut().insert(source);
    }
    request
}

impl MetricSource for Sqs {
    fn metrics(&self, _now: Timestamp) -> Vec<Datum> {
        let mut queues = self.queues();
        let active = queues
            .iter_mut()
            .filter(|(_, queue)| queue.sent > queue.counted);
        active
            .map(|(name, queue)| {
                let value = (queue.sent - queue.counted) as f64;
                queue.counted = queue.sent;
                Datum {
                    application: name.clone(),
                    name: MESSAGES_SENT,
                    value,
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ground::protocol::refused;

    fn service() -> Sqs {
        let clock = Clock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
        let sqs = Sqs::new(clock.clone(), Journal::new(clock), Permissions::default());
        sqs.create_queue("given-up");
        sqs
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_sent_is_recorded_and_counted_in_the_minute_it_is_sent() {
        let sqs = service();
        let now = sqs.clock.now();
        for event in ["one", "two"] {
            let queue = place::arn("sqs", "given-up");
            let letter = dead_letter("events.amazonaws.com", None, &queue, event, "denied");
            assert_eq!(sqs.handle(letter).await.status(), 200);
        }
        let messages = sqs.journal.messages();
        assert_eq!(messages[1]["message"], "two");
        assert_eq!(
            messages[0]["attributes"]["ERROR_MESSAGE"]["StringValue"],
            "denied"
        );
        let counted: Vec<f64> = sqs.metrics(now).iter().map(|datum| datum.value).collect();
        assert_eq!((counted, sqs.metrics(now).len()), (vec![2.0], 0));
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_sandbox_does_not_know_is_refused() {
        let sqs = service();
        let other = dead_letter("events.amazonaws.com", None, "other", "event", "denied");
        let answer = sqs.handle(other).await;
        assert_eq!(refused(&answer).unwrap().0, "QueueDoesNotExist");
        let receive = aws_json("me", "sqs", "AmazonSQS.ReceiveMessage", "1.0", &json!({}));
        let answer = sqs.handle(receive).await;
        assert_eq!(refused(&answer).unwrap().0, "UnknownOperationException");
    }
}

//! SNS: topics, Publish, and subscribed functions.
//!
//! Speaks the AWS Query protocol, as the service does. Deliberately absent: every other verb, FIFO topics, filter policies, other kinds of subscription: what
//! people would get by mail or chat is read from the region's record.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use serde_json::{Map, Value, json};

use crate::{
    connector::Router,
    delivery,
    permissions::{Permissions, Sender},
};
use ground::{
    clock::Clock,
    journal::Journal,
    place::{self, arn},
    protocol::{invocation, record, refusal, tower_service, xml_answer},
    wire::{Request, Response},
};

/// The name as which the service calls functions.
pub const CALLER: &str = "sns.amazonaws.com";
/// The API's version, which every request carries.
pub const API_VERSION: &str = "2010-03-31";

const MESSAGE_IDS: u16 = 2;
/// The service's limit on message and attributes together.
const MAX_MESSAGE_BYTES: usize = 256 * 1024;
/// Subjects are ASCII and shorter than this.
const MAX_SUBJECT_CHARS: usize = 100;

/// The service. Cheap to clone; all clones share the topics.
#[derive(Clone)]
pub struct Sns {
    clock: Clock,
    journal: Journal,
    router: Router,
    permissions: Permissions,
    /// Subscribed functions by topic ARN.
    topics: Arc<Mutex<BTreeMap<String, Vec<String>>>>,
    published: Arc<AtomicU64>,
}

tower_service!(Sns);

struct Publication {
    topic: String,
    message: String,
    subject: Option<String>,
    attributes: Map<String, Value>,
}

struct Refusal(u16, &'static str, String);

impl Sns {
    /// A service without topics.
    #[must_use]
    pub fn new(clock: Clock, journal: Journal, router: Router) -> Self {
        Self {
            clock,
            journal,
            router,
            permissions: Permissions::default(),
            topics: Arc::default(),
            published: Arc::default(),
        }
    }

    /// From now on only those publish whom these policies let.
    #[must_use]
    pub fn guarded_by(self, permissions: Permissions) -> Self {
        Self {
            permissions,
            ..self
        }
    }

    /// Makes a topic and answers its ARN.
    pub fn create_topic(&self, name: &str) -> String {
        let arn = arn("sns", name);
        self.topics().entry(arn.clone()).or_default();
        arn
    }

    /// Subscribes a function (its ARN or name) to a topic, which is made if need be.
    pub fn subscribe_function(&self, topic: &str, function: &str) {
        let arn = if topic.starts_with("arn:") {
            topic.to_owned()
        } else {
            arn("sns", topic)
        };
        self.topics()
            .entry(arn)
            .or_default()
            .push(function.to_owned());
    }

    /// Answers one request.
    pub async fn handle(&self, request: Request) -> Response {
        let form: BTreeMap<String, String> = form_urlencoded::parse(request.body())
            .into_owned()
            .collect();
        let topic = form
            .get("TopicArn")
            .map(|topic| place::name_of(topic).to_owned());
        let answer = match self.publish(&Sender::of(&request), form) {
            Ok(id) => xml_answer(
                200,
                format!(
                    "<PublishResponse xmlns=\"http://sns.amazonaws.com/doc/{API_VERSION}/\"><PublishResult><MessageId>{id}</MessageId></PublishResult>\
                     <ResponseMetadata><RequestId>sandbox</RequestId></ResponseMetadata></PublishResponse>"
                ),
            ),
            Err(Refusal(status, code, message)) => refusal("sns", status, code, &message),
        };
        record(
            &self.journal,
            self.clock.now(),
            &request,
            topic,
            &answer,
            false,
        );
        answer
    }

    fn publish(&self, sender: &Sender, form: BTreeMap<String, String>) -> Result<String, Refusal> {
        let publication = read(form)?;
        let Some(functions) = self.topics().get(&publication.topic).cloned() else {
            return Err(Refusal(
                404,
                "NotFound",
                format!("Topic does not exist: {}", publication.topic),
            ));
        };
        self.permissions
            .publish(sender, &publication.topic)
            .map_err(|why| Refusal(403, "AuthorizationError", why))?;
        let id = place::id(MESSAGE_IDS, self.published.fetch_add(1, Ordering::Relaxed));
        self.journal.message(json!({
            "service": "sns",
            "at": self.clock.now(),
            "topic": place::name_of(&publication.topic),
            "subject": publication.subject,
            "message": publication.message,
            "attributes": publication.attributes,
        }));
        let event = self.envelope(&publication, &id);
        for function in functions {
            delivery::deliver(
                &self.router,
                &self.journal,
                "sns",
                invocation(CALLER, &function, "Event", &event),
                None,
            );
        }
        Ok(id)
    }

    /// What a subscribed function gets.
    fn envelope(&self, publication: &Publication, id: &str) -> Value {
        json!({
            "Records": [{
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "EventSubscriptionArn": format!("{}:{}", publication.topic, place::id(MESSAGE_IDS, 0)),
                "Sns": {
                    "Type": "Notification",
                    "MessageId": id,
                    "TopicArn": publication.topic,
                    "Subject": publication.subject,
                    "Message": publication.message,
                    "Timestamp": self.clock.now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string(),
                    "SignatureVersion": "1",
                    "Signature": "sandbox",
                    "SigningCertUrl": "https://sns.us-east-1.amazonaws.com/sandbox.pem",
                    "UnsubscribeUrl": "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe",
                    "MessageAttributes": publication.attributes,
                },
            }],
        })
    }

    fn topics(&self) -> MutexGuard<'_, BTreeMap<String, Vec<String>>> {
        self.topics
            .lock()
            .expect("no thread panics while it holds the topics")
    }
}

fn invalid(message: impl Into<String>) -> Refusal {
    Refusal(400, "InvalidParameter", message.into())
}

fn read(mut form: BTreeMap<String, String>) -> Result<Publication, Refusal> {
    match form.remove("Action").as_deref() {
        Some("Publish") => {}
        other => {
            return Err(Refusal(
                400,
                "InvalidAction",
                format!(
                    "the sandbox's SNS knows only Publish, not {}",
                    other.unwrap_or("a request without Action")
                ),
            ));
        }
    }
    form.remove("Version");
    let topic = form
        .remove("TopicArn")
        .ok_or_else(|| invalid("Invalid parameter: TopicArn"))?;
    let message = form
        .remove("Message")
        .filter(|message| !message.is_empty())
        .ok_or_else(|| invalid("Invalid parameter: Empty message"))?;
    if message.len() > MAX_MESSAGE_BYTES {
        return Err(invalid("Invalid parameter: Message too long"));
    }
    let subject = form.remove("Subject");
    let bad_subject = |subject: &String| {
        // Printable ASCII that begins with a letter, a digit or a punctuation mark.
        !subject.starts_with(|first: char| first.is_ascii_graphic())
            || subject.len() >= MAX_SUBJECT_CHARS
            || subject.contains(|c: char| !matches!(c, ' '..='~'))
    };
    if subject.as_ref().is_some_and(bad_subject) {
        return Err(invalid("Invalid parameter: Subject"));
    }
    let attributes = read_attributes(&mut form)?;
    match form.keys().next() {
        Some(name) => Err(invalid(format!(
            "the sandbox does not know the parameter {name} of Publish"
        ))),
        None => Ok(Publication {
            topic,
            message,
            subject,
            attributes,
        }),
    }
}

/// `MessageAttributes.entry.1.Name`, `….Value.DataType`, `….Value.StringValue`.
fn read_attributes(form: &mut BTreeMap<String, String>) -> Result<Map<String, Value>, Refusal> {
    let mut attributes = Map::new();
    for n in 1.. {
        let Some(name) = form.remove(&format!("MessageAttributes.entry.{n}.Name")) else {
            break;
        };
        let kind = form.remove(&format!("MessageAttributes.entry.{n}.Value.DataType"));
        let value = form.remove(&format!("MessageAttributes.entry.{n}.Value.StringValue"));
        let (Some(kind), Some(value)) = (kind, value) else {
            return Err(invalid(format!(
                "the sandbox knows only attributes with a StringValue, and {name} has none"
            )));
        };
        let is_array = || serde_json::from_str::<Vec<Value>>(&value).is_ok();
        let fits = match kind.as_str() {
            "String" | "Number" => !value.is_empty(),
            "String.Array" => is_array(),
            _ => false,
        };
        if !fits {
            return Err(invalid(format!(
                "Invalid parameter: the message attribute {name} of type {kind} cannot be {value:?}"
            )));
        }
        attributes.insert(name, json!({ "Type": kind, "Value": value }));
    }
    Ok(attributes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ground::protocol::{aws_query, invoked_function, refused, xml_element};

    fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
        pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn service(router: Router) -> Sns {
        let clock = Clock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
        let sns = Sns::new(clock.clone(), Journal::new(clock), router);
        sns.create_topic("reports");
        sns
    }

    const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:reports";

    #[tokio::test(start_paused = true)]
    async fn attributes_that_no_subscription_could_filter_by_are_refused() {
        for (kind, value, status) in [
            ("String", "page", 200),
            ("String.Array", r#"["orders"]"#, 200),
            ("String", "", 400),
            ("String.Array", "orders", 400),
            ("Text", "page", 400),
        ] {
            let form = pairs(&[
                ("TopicArn", TOPIC),
                ("Message", "m"),
                ("MessageAttributes.entry.1.Name", "kind"),
                ("MessageAttributes.entry.1.Value.DataType", kind),
                ("MessageAttributes.entry.1.Value.StringValue", value),
            ]);
            let answer = service(Router::closed())
                .handle(aws_query("reporter", "sns", API_VERSION, "Publish", &form))
                .await;
            assert_eq!(answer.status(), status, "{kind} {value:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_published_message_is_recorded_and_answered_with_its_id() {
        let sns = service(Router::closed());
        let form = pairs(&[
            ("TopicArn", TOPIC),
            ("Subject", "orders recovered"),
            ("Message", "a & b"),
            ("MessageAttributes.entry.1.Name", "outcome"),
            ("MessageAttributes.entry.1.Value.DataType", "String"),
            ("MessageAttributes.entry.1.Value.StringValue", "recovered"),
        ]);
        let answer = sns
            .handle(aws_query("reporter", "sns", API_VERSION, "Publish", &form))
            .await;
        assert_eq!(answer.status(), 200);
        assert!(xml_element(&String::from_utf8_lossy(answer.body()), "MessageId").is_some());
        let message = &sns.journal.messages()[0];
        assert_eq!(
            (message["topic"].as_str(), message["message"].as_str()),
            (Some("reports"), Some("a & b"))
        );
        assert_eq!(message["attributes"]["outcome"]["Value"], "recovered");
        assert_eq!(sns.journal.calls()[0].resource.as_deref(), Some("reports"));
    }

    #[tokio::test(start_paused = true)]
    async fn what_the_service_refuses_is_refused() {
        let sns = service(Router::closed());
        let cases = [
            (
                "Publish",
                pairs(&[
                    ("TopicArn", "arn:aws:sns:us-east-1:123456789012:report"),
                    ("Message", "x"),
                ]),
                "NotFound",
            ),
            (
                "Publish",
                pairs(&[("TopicArn", TOPIC), ("Message", "")]),
                "InvalidParameter",
            ),
            (
                "Publish",
                pairs(&[("TopicArn", TOPIC), ("Message", "x"), ("Subject", "Grüße")]),
                "InvalidParameter",
            ),
            (
                "Publish",
                pairs(&[
                    ("TopicArn", TOPIC),
                    ("Message", "x"),
                    ("MessageStructure", "json"),
                ]),
                "InvalidParameter",
            ),
            ("Subscribe", pairs(&[("TopicArn", TOPIC)]), "InvalidAction"),
        ];
        for (action, form, code) in cases {
            let answer = sns
                .handle(aws_query("reporter", "sns", API_VERSION, action, &form))
                .await;
            assert_eq!(refused(&answer).unwrap().0, code, "{form:?}");
        }
        assert!(sns.journal.messages().is_empty());
    }

    type Arrivals = Arc<Mutex<Vec<(Option<String>, Value)>>>;

    #[tokio::test(start_paused = true)]
    async fn a_subscribed_function_gets_the_envelope_of_the_service() {
        let arrived: Arrivals = Arc::default();
        let seen = Arc::clone(&arrived);
        let sns = service(Router::new(move |request| {
            seen.lock().unwrap().push((
                invoked_function(&request),
                serde_json::from_slice(request.body()).unwrap(),
            ));
            Box::pin(std::future::ready(Response::default()))
        }));
        sns.subscribe_function(
            "reports",
            "arn:aws:lambda:us-east-1:123456789012:function:alarm-handler",
        );
        sns.handle(aws_query(
            "cloudwatch",
            "sns",
            API_VERSION,
            "Publish",
            &pairs(&[("TopicArn", TOPIC), ("Message", "{}")]),
        ))
        .await;
        tokio::task::yield_now().await;
        let (function, event) = arrived.lock().unwrap()[0].clone();
        assert_eq!(function.as_deref(), Some("alarm-handler"));
        assert_eq!(event["Records"][0]["Sns"]["Message"], "{}");
    }
}

//! EventBridge: the default bus, rules with event patterns or rates, and their targets.
//!
//! A target is a Lambda function (invoked as an event), a state machine (one execution per event) or a topic. Deliveries are retried like the service does, with the
//! same execution name, so that a delivery whose answer was lost does not start a second execution. What is given up goes to the target's dead-letter queue. Deliberately absent:
//! other buses, archives, cron expressions.

mod input;
mod pattern;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};

pub use input::{Input, InputError};
pub use pattern::PatternError;

use crate::{
    connector::Router,
    delivery::{self, DeadLetters},
    permissions::ForTheSakeOf,
    sns,
};
use ground::{
    clock::Clock,
    journal::Journal,
    place::{self, ACCOUNT, REGION, arn},
    protocol::{aws_json, aws_query, invocation, record, tower_service},
    wire::{self, Request, Response, json_answer, json_error},
};

/// The name as which the service calls targets, unless a rule's target names a role.
pub const CALLER: &str = "events.amazonaws.com";

const JSON: &str = "application/x-amz-json-1.1";
const EVENT_IDS: u16 = 3;
const MAX_ENTRIES: usize = 10;
/// The service's limit on one entry.
const MAX_ENTRY_BYTES: usize = 256 * 1024;
/// An execution's name may be this long.
const MAX_EXECUTION_NAME_CHARS: usize = 80;

/// What goes wrong when a rule is added.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    /// The pattern cannot be matched here.
    #[error("the pattern of rule {rule}: {source}")]
    Pattern {
        /// The rule.
        rule: String,
        /// Why.
        source: PatternError,
    },
    /// A target that the sandbox cannot call.
    #[error(
        "rule {rule} has the target {arn}, and only functions, state machines and topics are known"
    )]
    Target {
        /// The rule.
        rule: String,
        /// The target.
        arn: String,
    },
    /// A schedule that is not `rate(n minutes|hours|days)`.
    #[error("rule {rule} has the schedule {schedule:?}, and only rate(…) is known")]
    Schedule {
        /// The rule.
        rule: String,
        /// The expression.
        schedule: String,
    },
}

/// Where a rule sends its events.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// Its name within the rule.
    pub id: String,
    /// A function's, a state machine's or a topic's ARN.
    pub arn: String,
    /// What it gets.
    pub input: Input,
    /// As whom it is called; None is the service itself.
    pub role: Option<String>,
    /// The ARN of the queue for what cannot be delivered.
    pub dead_letters: Option<String>,
}

/// The bus. Cheap to clone; all clones share the rules.
#[derive(Clone)]
pub struct EventBus {
    clock: Clock,
    journal: Journal,
    router: Router,
    rules: Arc<Mutex<Rules>>,
    events: Arc<AtomicU64>,
    /// Schedules go on.
    scheduled: Arc<AtomicBool>,
}

#[derive(Default)]
struct Rules {
    patterns: quamina::Quamina<String>,
    targets: BTreeMap<String, Vec<Target>>,
    elsewhere: Option<Elsewhere>,
}

/// Takes the events of the region's own services.
pub type Elsewhere = Arc<dyn Fn(Value) + Send + Sync>;

tower_service!(EventBus);

impl EventBus {
    /// A bus without rules.
    #[must_use]
    pub fn new(clock: Clock, journal: Journal, router: Router) -> Self {
        Self {
            clock,
            journal,
            router,
            rules: Arc::default(),
            events: Arc::default(),
            scheduled: Arc::new(AtomicBool::new(true)),
        }
    }

    /// Adds a rule that matches events.
    ///
    /// # Errors
    /// When the pattern or a target is not known here.
    pub fn add_rule(
        &self,
        name: &str,
        pattern: &Value,
        targets: Vec<Target>,
    ) -> Result<(), RuleError> {
        check_targets(name, &targets)?;
        let wrong = |source| RuleError::Pattern {
            rule: name.to_owned(),
            source,
        };
        let pattern = pattern::to_quamina(pattern).map_err(wrong)?;
        let mut rules = self.rules();
        rules
            .patterns
            .add_pattern(name.to_owned(), &pattern.to_string())
            .map_err(|error| wrong(PatternError::Refused(error.to_string())))?;
        rules.targets.insert(name.to_owned(), targets);
        Ok(())
    }

    /// Adds a rule that fires at a rate, from now on.
    ///
    /// # Errors
    /// When the expression is not a rate, or a target is not known here.
    pub fn add_schedule(
        &self,
        name: &str,
        schedule: &str,
        targets: Vec<Target>,
    ) -> Result<(), RuleError> {
        check_targets(name, &targets)?;
        let every = rate(schedule).ok_or_else(|| RuleError::Schedule {
            rule: name.to_owned(),
            schedule: schedule.to_owned(),
        })?;
        let (bus, name) = (self.clone(), name.to_owned());
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(every).await;
                if !bus.router.is_open() || !bus.scheduled.load(Ordering::Relaxed) {
                    return;
                }
                let event = bus.event(
                    "aws.events",
                    "Scheduled Event",
                    &[rule_arn(&name)],
                    json!({}),
                );
                bus.deliver_all(&name, &targets, &event, By::Time);
            }
        });
        Ok(())
    }

    /// From now on no schedule fires any more, as when somebody disables them all.
    pub fn stop_schedules(&self) {
        self.scheduled.store(false, Ordering::Relaxed);
    }

    /// Puts an event of one of the region's own services on the bus and answers the event's id.
    pub fn emit(
        &self,
        source: &str,
        detail_type: &str,
        resources: &[String],
        detail: Value,
    ) -> String {
        let event = self.event(source, detail_type, resources, detail);
        let elsewhere = self.rules().elsewhere.clone();
        match elsewhere {
            Some(elsewhere) => elsewhere(event.clone()),
            None => self.route(&event),
        }
        event["id"].as_str().unwrap_or_default().to_owned()
    }

    /// From now on events of the region's own services go there, to another engine's rules, and not to the rules of this bus.
    pub fn emit_elsewhere(&self, elsewhere: Elsewhere) {
        self.rules().elsewhere = Some(elsewhere);
    }

    /// Answers one request.
    pub async fn handle(&self, request: Request) -> Response {
        let body: Value = serde_json::from_slice(request.body()).unwrap_or_default();
        let answer = match wire::verb(&request) {
            Some("PutEvents") => self.put_events(&body),
            other => {
                let asked = other.unwrap_or("a request without X-Amz-Target");
                json_error(
                    400,
                    "UnknownOperationException",
                    &format!("the sandbox's EventBridge knows only PutEvents, not {asked}"),
                )
            }
        };
        record(
            &self.journal,
            self.clock.now(),
            &request,
            Some("default".to_owned()),
            &answer,
            false,
        );
        answer
    }

    fn put_events(&self, body: &Value) -> Response {
        let Some(entries) = body["Entries"]
            .as_array()
            .filter(|entries| (1..=MAX_ENTRIES).contains(&entries.len()))
        else {
            return json_error(
                400,
                "ValidationException",
                "Entries must have between 1 and 10 members",
            );
        };
        let results: Vec<Value> = entries
            .iter()
            .map(|entry| self.put_event(entry).unwrap_or_else(|refusal| refusal))
            .collect();
        let failed = results
            .iter()
            .filter(|result| result.get("ErrorCode").is_some())
            .count();
        json_answer(
            200,
            JSON,
            &json!({ "FailedEntryCount": failed, "Entries": results }),
        )
    }

    fn put_event(&self, entry: &Value) -> Result<Value, Value> {
        let refuse =
            |code: &str, message: String| json!({ "ErrorCode": code, "ErrorMessage": message });
        let known = [
            "Source",
            "DetailType",
            "Detail",
            "EventBusName",
            "Resources",
            "Time",
            "TraceHeader",
        ];
        if let Some(name) = entry
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name)
            .find(|name| !known.contains(&name.as_str()))
        {
            return Err(refuse(
                "InvalidArgument",
                format!("the sandbox does not know the member {name} of an entry"),
            ));
        }
        let text = |name: &str| {
            let missing = || {
                refuse(
                    "InvalidArgument",
                    format!(
                        "Parameter {name} is not valid. Reason: {name} is a required argument."
                    ),
                )
            };
            entry[name]
                .as_str()
                .filter(|text| !text.is_empty())
                .ok_or_else(missing)
        };
        let (source, detail_type, detail) = (text("Source")?, text("DetailType")?, text("Detail")?);
        if source.starts_with("aws.") {
            return Err(refuse(
                "NotAuthorizedForSourceException",
                "Not authorized for the source.".to_owned(),
            ));
        }
        if detail.len() + source.len() + detail_type.len() > MAX_ENTRY_BYTES {
            return Err(refuse(
                "InvalidArgument",
                "Total size of the entries in the request is over the limit.".to_owned(),
            ));
        }
        let bus = entry["EventBusName"].as_str().unwrap_or("default");
        if place::name_of(bus) != "default" {
            return Err(refuse(
                "ResourceNotFoundException",
                format!("Event bus {bus} does not exist; the sandbox has only the default one."),
            ));
        }
        let detail: Value = serde_json::from_str(detail)
            .map_err(|_| refuse("MalformedDetail", "Detail is malformed.".to_owned()))?;
        if !detail.is_object() {
            return Err(refuse("MalformedDetail", "Detail is malformed.".to_owned()));
        }
        let resources: Vec<String> = entry["Resources"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect();
        let event = self.event(source, detail_type, &resources, detail);
        self.journal
            .message(json!({ "service": "events", "at": self.clock.now(), "event": event }));
        self.route(&event);
        Ok(json!({ "EventId": event["id"] }))
    }

    fn event(&self, source: &str, detail_type: &str, resources: &[String], detail: Value) -> Value {
        json!({
            "version": "0",
            "id": place::id(EVENT_IDS, self.events.fetch_add(1, Ordering::Relaxed)),
            "detail-type": detail_type,
            "source": source,
            "account": ACCOUNT,
            "time": self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "region": REGION,
            "resources": resources,
            "detail": detail,
        })
    }

    fn route(&self, event: &Value) {
        let matched: BTreeMap<String, Vec<Target>> = {
            let rules = self.rules();
            let names = rules
                .patterns
                .matches_for_event(event.to_string().as_bytes())
                .expect("an event is a JSON object");
            names
                .into_iter()
                .map(|name| {
                    (
                        name.clone(),
                        rules.targets.get(&name).cloned().unwrap_or_default(),
                    )
                })
                .collect()
        };
        for (rule, targets) in &matched {
            self.deliver_all(rule, targets, event, By::Pattern);
        }
    }

    fn deliver_all(&self, rule: &str, targets: &[Target], event: &Value, by: By) {
        for target in targets {
            match target.input.render(event) {
                Ok(input) => delivery::deliver(
                    &self.router,
                    &self.journal,
                    "events",
                    request(rule, target, event, &input),
                    letters(rule, target, event, by),
                ),
                Err(error) => {
                    let lost = format!(
                        "the input for target {} of rule {rule} cannot be made: {error}",
                        target.id
                    );
                    self.journal.log(
                        json!({ "level": "ERROR", "service": "events", "message": lost })
                            .to_string(),
                    );
                }
            }
        }
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules
            .lock()
            .expect("no thread panics while it holds the rules")
    }
}

fn check_targets(rule: &str, targets: &[Target]) -> Result<(), RuleError> {
    match targets.iter().find(|target| {
        !is_function(&target.arn) && !is_state_machine(&target.arn) && !is_topic(&target.arn)
    }) {
        Some(target) => Err(RuleError::Target {
            rule: rule.to_owned(),
            arn: target.arn.clone(),
        }),
        None => Ok(()),
    }
}

fn is_function(arn: &str) -> bool {
    arn.starts_with("arn:aws:lambda:")
}

fn is_state_machine(arn: &str) -> bool {
    arn.starts_with("arn:aws:states:") && arn.contains(":stateMachine:")
}

fn is_topic(arn: &str) -> bool {
    arn.starts_with("arn:aws:sns:")
}

/// What set a rule off.
#[derive(Clone, Copy, PartialEq)]
enum By {
    Pattern,
    Time,
}

/// Where the event goes if the target never takes it. A rule sends it as the service, a schedule by its role.
fn letters(rule: &str, target: &Target, event: &Value, by: By) -> Option<DeadLetters> {
    let role = target.role.clone().filter(|_| by == By::Time);
    Some(DeadLetters {
        queue: target.dead_letters.clone()?,
        source: role.is_none().then(|| rule_arn(rule)),
        caller: role.unwrap_or_else(|| CALLER.to_owned()),
        event: event.to_string(),
    })
}

fn rule_arn(rule: &str) -> String {
    arn("events", &format!("rule/{rule}"))
}

/// The request to the target, which carries for which rule's sake it is made.
fn request(rule: &str, target: &Target, event: &Value, input: &Value) -> Request {
    let mut request = request_of(target, event, input);
    request
        .extensions_mut()
        .insert(ForTheSakeOf(rule_arn(rule)));
    request
}

fn request_of(target: &Target, event: &Value, input: &Value) -> Request {
    let caller = target.role.as_deref().unwrap_or(CALLER);
    if is_topic(&target.arn) {
        // A text goes out as it is, anything else as JSON.
        let message = input
            .as_str()
            .map_or_else(|| input.to_string(), str::to_owned);
        let form = [("TopicArn", target.arn.clone()), ("Message", message)]
            .map(|(name, value)| (name.to_owned(), value));
        return aws_query(caller, "sns", sns::API_VERSION, "Publish", &form);
    }
    if is_function(&target.arn) {
        return invocation(caller, &target.arn, "Event", input);
    }
    let mut name = format!("{}_{}", event["id"].as_str().unwrap_or_default(), target.id);
    name.truncate(MAX_EXECUTION_NAME_CHARS);
    let body = json!({ "stateMachineArn": target.arn, "name": name, "input": input.to_string() });
    aws_json(
        caller,
        "states",
        "AWSStepFunctions.StartExecution",
        "1.0",
        &body,
    )
}

/// `rate(5 minutes)` as a duration.
fn rate(expression: &str) -> Option<Duration> {
    let (count, unit) = expression
        .strip_prefix("rate(")?
        .strip_suffix(')')?
        .split_once(' ')?;
    let count: u64 = count.parse().ok().filter(|count| *count > 0)?;
    let minutes = match (unit, count) {
        ("minute", 1) | ("minutes", 2..) => 1,
        ("hour", 1) | ("hours", 2..) => 60,
        ("day", 1) | ("days", 2..) => 24 * 60,
        _ => return None,
    };
    Some(Duration::from_secs(60 * minutes * count))
}

#[cfg(test)]
mod tests;

//! CloudTrail: each call that changed something in Managed Flink, or was refused, as an event on the bus, later; and CloudFormation's events about its stacks, at once.
//!
//! The service has no events of its own, so this is how a rule hears of applications and tags. A record has the members of a real one. Deliberately absent: calls that only read,
//! and everything of a request but what names the application, its version and its tags: configurations may hold secrets.
//!
//! Invariant: chance comes from the trail's own generator, and none is asked for where the settings leave none.

mod stacks;

use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use emulated_aws::events::EventBus;
use ground::{
    clock::Clock,
    place::{self, ACCOUNT, REGION},
    wire::{self, Request, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

pub use stacks::StackEvent;
pub(super) use stacks::deploys;

/// What a region's CloudTrail is like, as data. By default it is swift and forgets what was refused, which suits scenarios that are not about it; [`Trail::as_it_is`] is the real one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields, rename_all = "camelCase")]
pub struct Trail {
    /// From a call to its event, at the least.
    pub delay_secs: u32,
    /// Up to so much more, by chance: later events overtake earlier ones.
    pub spread_secs: u32,
    /// One event in so many is lost; 0 for none.
    pub lost_one_in: u32,
    /// One event in so many is delivered twice, the second time a minute later; 0 for none.
    pub twice_one_in: u32,
    /// Whether refused calls are recorded too.
    pub refused: bool,
}

impl Default for Trail {
    fn default() -> Self {
        Self {
            delay_secs: 15,
            spread_secs: 0,
            lost_one_in: 0,
            twice_one_in: 0,
            refused: false,
        }
    }
}

impl Trail {
    /// CloudTrail as it is documented: five minutes on average, in any order, refused calls too. Lost and doubled events are faults: say how many.
    #[must_use]
    pub const fn as_it_is() -> Self {
        Self {
            delay_secs: 120,
            spread_secs: 360,
            lost_one_in: 0,
            twice_one_in: 0,
            refused: true,
        }
    }
}

/// Between the two deliveries of one event.
const AGAIN: Duration = Duration::from_secs(60);
/// Keeps the ids of records apart from those of other services.
const RECORD_IDS: u16 = 6;
/// The caller that stands for CloudFormation, and what it calls itself.
pub const CLOUDFORMATION: &str = "cloudformation";
const CLOUDFORMATION_HOST: &str = "cloudformation.amazonaws.com";
/// Refusals by IAM: such records hold nothing of the request.
const DENIED: &str = "AccessDenied";

/// The trail of one region. Cheap to clone; all clones record together.
#[derive(Clone)]
pub(super) struct Recorder {
    trail: Trail,
    bus: EventBus,
    clock: Clock,
    chance: Arc<Mutex<fastrand::Rng>>,
    recorded: Arc<AtomicU64>,
}

impl Recorder {
    pub(super) fn new(trail: Trail, bus: EventBus, clock: Clock, seed: u64) -> Self {
        Self {
            trail,
            bus,
            clock,
            chance: Arc::new(Mutex::new(fastrand::Rng::with_seed(seed ^ 0x7261_696c))),
            recorded: Arc::default(),
        }
    }

    /// Records a call that the service answered.
    pub(super) fn record(&self, request: &Request, answer: &Response) {
        let answered: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        self.take(request, answer, &answered);
    }

    /// Records a call that never came to the service, because IAM refused it.
    pub(super) fn record_denied(&self, request: &Request, answer: &Response) {
        let answered: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
        if code(&answered).is_some_and(|code| code.starts_with(DENIED)) {
            self.take(request, answer, &answered);
        }
    }

    fn take(&self, request: &Request, answer: &Response, answered: &Value) {
        let Some(verb) = wire::verb(request).filter(|verb| !reads(verb)) else {
            return;
        };
        let refused = !answer.status().is_success();
        if refused && !self.trail.refused {
            return;
        }
        let detail = self.detail(verb, request, answered, refused);
        let (later, lost, twice) = self.fate();
        if lost {
            return;
        }
        let bus = self.bus.clone();
        tokio::spawn(async move {
            tokio::time::sleep(later).await;
            let deliver = |detail| {
                bus.emit(
                    "aws.kinesisanalytics",
                    "AWS API Call via CloudTrail",
                    &[],
                    detail,
                )
            };
            deliver(detail.clone());
            if twice {
                tokio::time::sleep(AGAIN).await;
                deliver(detail);
            }
        });
    }

    /// How much later the event comes, whether it is lost, and whether it comes twice.
    fn fate(&self) -> (Duration, bool, bool) {
        let mut chance = self.chance.lock().unwrap_or_else(PoisonError::into_inner);
        let mut one_in = |n: u32| n > 0 && chance.u32(0..n) == 0;
        let (lost, twice) = (
            one_in(self.trail.lost_one_in),
            one_in(self.trail.twice_one_in),
        );
        let more = match self.trail.spread_secs {
            0 => 0,
            spread => chance.u32(0..=spread),
        };
        let later = Duration::from_secs((self.trail.delay_secs + more).into());
        (later, lost, twice)
    }

    fn detail(&self, verb: &str, request: &Request, answered: &Value, refused: bool) -> Value {
        let caller = wire::caller(request).unwrap_or_default();
        let number = self.recorded.fetch_add(1, Ordering::Relaxed);
        let id = place::id(RECORD_IDS, number);
        let mut detail = json!({
            "eventVersion": "1.11",
            "userIdentity": identity(&caller),
            "eventTime": self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "eventSource": "kinesisanalytics.amazonaws.com",
            "eventName": verb,
            "awsRegion": REGION,
            "sourceIPAddress": "203.0.113.7",
            "userAgent": "aws-sdk",
            "requestParameters": parameters(request),
            "responseElements": elements(answered),
            "requestID": id,
            "eventID": id,
            "readOnly": false,
            "eventType": "AwsApiCall",
            "apiVersion": "2018-05-23",
            "managementEvent": true,
            "recipientAccountId": ACCOUNT,
            "eventCategory": "Management",
        });
        if caller == CLOUDFORMATION {
            for name in ["sourceIPAddress", "userAgent"] {
                detail[name] = CLOUDFORMATION_HOST.into();
            }
        }
        if refused {
            let code = code(answered).unwrap_or("InternalFailure");
            detail["errorCode"] = code.into();
            detail["errorMessage"] = answered["message"].clone();
            detail["responseElements"] = Value::Null;
            if code.starts_with(DENIED) {
                detail["requestParameters"] = Value::Null;
            }
        }
        detail
    }
}

/// Who called: the session of a role.
fn identity(caller: &str) -> Value {
    let mut identity = json!({
        "type": "AssumedRole",
        "arn": format!("arn:aws:sts::{ACCOUNT}:assumed-role/{caller}"),
        "accountId": ACCOUNT,
        "sessionContext": { "sessionIssuer": { "type": "Role", "arn": format!("arn:aws:iam::{ACCOUNT}:role/{caller}"), "accountId": ACCOUNT, "userName": caller } },
    });
    if caller == CLOUDFORMATION {
        identity["invokedBy"] = CLOUDFORMATION_HOST.into();
    }
    identity
}

/// What a record holds of a request.
fn parameters(request: &Request) -> Value {
    let input: Value = serde_json::from_slice(request.body()).unwrap_or_default();
    let mut parameters = named(
        &input,
        &[
            "ApplicationName",
            "ResourceARN",
            "CurrentApplicationVersionId",
            "ConditionalToken",
            "RuntimeEnvironmentUpdate",
            "SnapshotName",
            "Force",
        ],
    );
    for (name, member) in [("tags", "Tags"), ("tagKeys", "TagKeys")] {
        if !input[member].is_null() {
            parameters.insert(name.to_owned(), tags(&input[member]));
        }
    }
    Value::Object(parameters)
}

/// What a record holds of an answer; null where the verb has none.
fn elements(answered: &Value) -> Value {
    let of_application = [
        "ApplicationARN",
        "ApplicationName",
        "ApplicationVersionId",
        "ApplicationStatus",
    ];
    let mut elements = named(
        answered,
        &["OperationId", "ApplicationARN", "ApplicationVersionId"],
    );
    if answered["ApplicationDetail"].is_object() {
        let application = named(&answered["ApplicationDetail"], &of_application);
        elements.insert("applicationDetail".to_owned(), application.into());
    }
    if elements.is_empty() {
        return Value::Null;
    }
    elements.into()
}

/// Members with the first letter in small, as records have them.
fn named(of: &Value, members: &[&str]) -> Map<String, Value> {
    let small = |name: &str| {
        let (first, rest) = name.split_at(1);
        format!("{}{rest}", first.to_lowercase())
    };
    members
        .iter()
        .filter(|name| !of[**name].is_null())
        .map(|name| (small(name), of[*name].clone()))
        .collect()
}

/// Tags, or their keys, with the first letter of each member in small, as records have it.
fn tags(input: &Value) -> Value {
    let tag = |tag: &Value| {
        tag.as_str().map_or_else(
            || json!({ "key": tag["Key"], "value": tag["Value"] }),
            |key| json!(key),
        )
    };
    input.as_array().into_iter().flatten().map(tag).collect()
}

/// The error that an answer names.
fn code(answered: &Value) -> Option<&str> {
    let name = answered["__type"].as_str()?;
    Some(name.rsplit('#').next().unwrap_or(name))
}

fn reads(verb: &str) -> bool {
    [
        "Describe",
        "List",
        "CreateApplicationPresignedUrl",
        "Discover",
    ]
    .iter()
    .any(|start| verb.starts_with(start))
}

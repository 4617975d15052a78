//! Whether a delivery is allowed: by the policies of topics, keys and queues and by those of roles, decided by a policy engine that is not this project's.
//!
//! A service calls by its own name, and sends only the condition keys that it is documented to send. A policy that asks for another one never allows it.
//! Deliberately absent: people, who may do everything here, and topics, keys and queues of other stacks, whose policies nobody knows.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use iam_rs::{
    Arn, Context, Decision, IAMPolicy, IAMRequest, Principal, PrincipalId, evaluate_policy,
};
use serde_json::{Value, json};

use crate::{cloudwatch, events, template::Stack};
use ground::{
    place::{self, ACCOUNT, REGION},
    wire::Request,
};

/// Who sends: a role's name or a service's, and the ARN of the rule or alarm for whose sake a service sends.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sender {
    /// The role, or the service.
    pub caller: String,
    /// The rule, or the alarm.
    pub source: Option<String>,
}

/// The rule or alarm for whose sake a service sends a request. It travels with the request, as in AWS's own calls.
#[derive(Clone, Debug)]
pub(crate) struct ForTheSakeOf(pub String);

impl Sender {
    /// Who sent this request.
    pub(crate) fn of(request: &Request) -> Self {
        Self {
            caller: ground::wire::caller(request).unwrap_or_default(),
            source: request
                .extensions()
                .get::<ForTheSakeOf>()
                .map(|source| source.0.clone()),
        }
    }

    fn is_service(&self) -> bool {
        self.caller.ends_with(".amazonaws.com")
    }

    fn principal(&self) -> Principal {
        if self.is_service() {
            Principal::Service(PrincipalId::String(self.caller.clone()))
        } else {
            Principal::Aws(PrincipalId::String(format!(
                "arn:aws:iam::{ACCOUNT}:role/{}",
                self.caller
            )))
        }
    }

    /// The condition keys about the source that this service sends to `service`.
    ///
    /// EventBridge sends none to SNS and to the keys of topics: AWS documents that policies there must not ask for them. To SQS it names the rule; that it names the account
    /// too is documented nowhere, so no policy may count on it.
    fn keys(&self, service: &str) -> Vec<(&'static str, String)> {
        let source = self.source.clone().map(|source| ("aws:SourceArn", source));
        match (self.caller.as_str(), service) {
            (events::CALLER, "sqs") => source.into_iter().collect(),
            (cloudwatch::CALLER, _) => source
                .into_iter()
                .chain([("aws:SourceAccount", ACCOUNT.to_owned())])
                .collect(),
            _ => Vec::new(),
        }
    }
}

/// What is asked: who, which verb, on what, and the topic that a key is used for.
type Question = (Sender, &'static str, String, Option<String>);

/// The policies of a stack. Cheap to clone; [`Permissions::default`] allows everything.
#[derive(Clone, Default)]
pub struct Permissions(Option<Arc<Policies>>);

#[derive(Default)]
struct Policies {
    /// The statements about each topic, by its ARN, and its key.
    topics: BTreeMap<String, (Vec<Value>, Option<String>)>,
    /// The statements about each queue, by its ARN.
    queues: BTreeMap<String, Vec<Value>>,
    /// The statements about each key, by its ARN.
    keys: BTreeMap<String, Vec<Value>>,
    /// The statements of each role, by its name.
    roles: BTreeMap<String, Vec<Value>>,
    /// What was decided already: policies do not change.
    decided: Mutex<BTreeMap<Question, bool>>,
}

impl Permissions {
    /// Those that the template gives.
    #[must_use]
    pub fn of(stack: &Stack) -> Self {
        let mut policies = Policies::default();
        for topic in stack.topics.values() {
            let key = topic.properties["KmsMasterKeyId"].as_str().map(key_arn);
            policies
                .topics
                .insert(place::arn("sns", &topic.name), (Vec::new(), key));
        }
        for resource in stack.passive.values() {
            let document = &resource.properties["PolicyDocument"];
            let named = |list: &str| texts(&resource.properties[list]);
            match resource.kind.as_str() {
                "AWS::SNS::TopicPolicy" => named("Topics").for_each(|topic| {
                    let (about, _) = policies.topics.entry(topic).or_default();
                    about.extend(statements(document));
                }),
                "AWS::SQS::QueuePolicy" => named("Queues").for_each(|queue| {
                    let queue = place::arn("sqs", place::name_of(&queue));
                    let about = policies.queues.entry(queue).or_default();
                    about.extend(statements(document));
                }),
                "AWS::SQS::Queue" => {
                    let queue = place::arn("sqs", &resource.name);
                    policies.queues.entry(queue).or_default();
                }
                "AWS::KMS::Key" => {
                    let about = statements(&resource.properties["KeyPolicy"]).collect();
                    policies.keys.insert(key_arn(&resource.name), about);
                }
                "AWS::IAM::Role" => {
                    let list = resource.properties["Policies"].as_array();
                    let own = list
                        .into_iter()
                        .flatten()
                        .flat_map(|policy| statements(&policy["PolicyDocument"]))
                        .collect();
                    policies.roles.insert(resource.name.clone(), own);
                }
                _ => {}
            }
        }
        Self(Some(Arc::new(policies)))
    }

    /// Whether the sender may publish to the topic, and use the topic's key for it.
    ///
    /// # Errors
    /// What is missing, for people.
    pub fn publish(&self, sender: &Sender, topic: &str) -> Result<(), String> {
        let Some(policies) = &self.0 else {
            return Ok(());
        };
        let Some((about, key)) = policies.topics.get(topic) else {
            // Somebody else's topic: its policy is not known here, the role's own is.
            return policies.hold(sender, "sns:Publish", topic, None, None);
        };
        policies.hold(sender, "sns:Publish", topic, None, Some(about))?;
        for verb in ["kms:GenerateDataKey", "kms:Decrypt"] {
            if let Some(key) = key {
                // A key that AWS manages has a policy that lets no service publish.
                let none = Vec::new();
                let managed = key.contains("alias/aws/").then_some(&none);
                let about = policies.keys.get(key).or(managed);
                policies.hold(sender, verb, key, Some(topic), about)?;
            }
        }
        Ok(())
    }

    /// Whether the sender may send to the queue.
    ///
    /// # Errors
    /// What is missing, for people.
    pub fn send_message(&self, sender: &Sender, queue: &str) -> Result<(), String> {
        match &self.0 {
            Some(policies) => {
                let about = policies.queues.get(queue);
                policies.hold(sender, "sqs:SendMessage", queue, None, about)
            }
            None => Ok(()),
        }
    }
}

impl Policies {
    /// Whether the verb is allowed. `about` are the resource's own statements; None where they are not known.
    fn hold(
        &self,
        sender: &Sender,
        verb: &'static str,
        resource: &str,
        topic: Option<&str>,
        about: Option<&Vec<Value>>,
    ) -> Result<(), String> {
        let question = (
            sender.clone(),
            verb,
            resource.to_owned(),
            topic.map(str::to_owned),
        );
        let mut decided = self
            .decided
            .lock()
            .expect("no thread panics while it holds what was decided");
        let allowed = *decided
            .entry(question)
            .or_insert_with(|| self.allows(sender, verb, resource, topic, about));
        if allowed {
            Ok(())
        } else {
            Err(format!(
                "{} is not authorized to perform: {verb} on resource: {resource}",
                sender.caller
            ))
        }
    }

    fn allows(
        &self,
        sender: &Sender,
        verb: &str,
        resource: &str,
        topic: Option<&str>,
        about: Option<&Vec<Value>>,
    ) -> bool {
        let service = verb.split(':').next().unwrap_or_default();
        let mut context = Context::new().with_boolean("aws:SecureTransport", true);
        for (key, value) in sender.keys(service) {
            context = context.with_string(key, value);
        }
        if let Some(topic) = topic {
            context = context
                .with_string("kms:EncryptionContext:aws:sns:topicArn", topic)
                .with_string("kms:ViaService", format!("sns.{REGION}.amazonaws.com"));
        }
        let decide = |statements: &[Value]| {
            decision(statements, sender.principal(), verb, resource, &context)
        };
        let by_resource = about.map(|about| decide(about));
        if sender.is_service() {
            return by_resource.is_none_or(|decision| decision == Decision::Allow);
        }
        let Some(own) = self.roles.get(&sender.caller) else {
            // A person, or a role that nobody knows here.
            return true;
        };
        // Within an account either allows; a key's policy leaves it to the roles by naming the account's root.
        by_resource != Some(Decision::Deny)
            && (decide(own) == Decision::Allow
                || (service != "kms" && by_resource == Some(Decision::Allow)))
    }
}

fn decision(
    statements: &[Value],
    principal: Principal,
    verb: &str,
    resource: &str,
    context: &Context,
) -> Decision {
    if statements.is_empty() {
        return Decision::NotApplicable;
    }
    let text = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    let (Ok(policy), Ok(resource)) = (IAMPolicy::from_json(&text), Arn::parse(resource)) else {
        // What the engine cannot read, nobody has shown to allow anything.
        return Decision::NotApplicable;
    };
    let request = IAMRequest::new_with_context(principal, verb, resource, context.clone());
    evaluate_policy(&policy, &request).unwrap_or(Decision::NotApplicable)
}

fn statements(document: &Value) -> impl Iterator<Item = Value> {
    document["Statement"]
        .as_array()
        .cloned()
        .unwrap_or_default()
        .into_iter()
}

fn texts(list: &Value) -> impl Iterator<Item = String> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
}

/// The key's ARN by what names it: its id, its alias or its ARN.
fn key_arn(named: &str) -> String {
    match named {
        arn if arn.starts_with("arn:") => arn.to_owned(),
        alias if alias.starts_with("alias/") => place::arn("kms", alias),
        id => place::arn("kms", &format!("key/{id}")),
    }
}

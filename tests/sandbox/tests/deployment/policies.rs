//! The roles of the template, decided by a policy engine that is not this project's.

use std::collections::{BTreeMap, BTreeSet};

use iam_rs::{
    Arn, Context, Decision, IAMPolicy, IAMRequest, Principal, PrincipalId, evaluate_policy,
};
use sandbox::{place, template::Stack};
use serde_json::{Value, json};

/// One call, as IAM sees it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Asked {
    /// The role's name.
    pub role: String,
    /// `kinesisanalytics:RollbackApplication`
    pub action: String,
    /// The ARN.
    pub resource: String,
    /// Condition keys.
    pub context: BTreeMap<String, String>,
}

/// Statements by role.
#[derive(Clone, Debug)]
pub(super) struct Roles(pub BTreeMap<String, Vec<Value>>);

/// Grants that no call of a rehearsal shows, and why they are there all the same.
const USED_BY_SERVICES: [(&str, &str); 8] = [
    (
        "logs:",
        "Lambda and Step Functions write logs by the role themselves, outside of any rehearsal",
    ),
    (
        "xray:",
        "Lambda and Step Functions send traces by the role themselves",
    ),
    (
        "sqs:SendMessage",
        "Lambda gives up an event by the function's role",
    ),
    (
        "kms:GenerateDataKey",
        "SNS asks for it as the publisher when a message is encrypted",
    ),
    (
        "kms:Decrypt",
        "SNS asks for it as the publisher when a message is encrypted",
    ),
    (
        "iam:PassRole",
        "Managed Flink asks for it when an update names another service role",
    ),
    (
        "cloudwatch:TagResource",
        "PutMetricAlarm with tags asks for it beside its own permission",
    ),
    (
        "cloudwatch:DescribeAlarms",
        "the grant is wider than one alarm, because a list by prefix is asked of all",
    ),
];

/// Actions whose service knows no resource.
const WITHOUT_RESOURCE: [&str; 16] = [
    "kinesisanalytics:ListApplications",
    "kinesisanalytics:ListSnapshots",
    "xray:PutTraceSegments",
    "xray:PutTelemetryRecords",
    "xray:GetSamplingRules",
    "xray:GetSamplingTargets",
    "logs:CreateLogDelivery",
    "logs:GetLogDelivery",
    "logs:UpdateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:DescribeResourcePolicies",
    "logs:DescribeLogGroups",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricData",
];

/// A permission without a verb, whose name is documented nowhere: either may be it, and neither allows anything else there is.
const NAME_UNKNOWN: [&str; 2] = ["kinesisanalytics:Restore*", "kinesisanalytics:Use*"];

/// The tag by which an application opts in, and the one that names its stack.
const MANAGED: &str = "aws:ResourceTag/lifeguard:managed";
const OWNER: &str = "aws:ResourceTag/lifeguard:owner";
/// The tag of a snapshot that names the stack which took it.
const TAKEN_BY: &str = "aws:ResourceTag/flink-lifeguard:taken-by";

/// Verbs about what is other people's, and the tag each is bound to. Not bound: what must be read to know whether an application has opted in.
const BOUND: [(&str, &str); 16] = [
    ("kinesisanalytics:RollbackApplication", MANAGED),
    ("kinesisanalytics:StopApplication", MANAGED),
    ("kinesisanalytics:UpdateApplication", MANAGED),
    ("kinesisanalytics:StartApplication", MANAGED),
    ("kinesisanalytics:CreateApplicationSnapshot", MANAGED),
    ("kinesisanalytics:DeleteApplicationSnapshot", MANAGED),
    ("kinesisanalytics:CreateApplicationPresignedUrl", MANAGED),
    ("kinesisanalytics:DescribeApplicationVersion", MANAGED),
    ("kinesisanalytics:ListApplicationOperations", MANAGED),
    ("kinesisanalytics:DescribeApplicationOperation", MANAGED),
    ("kinesisanalytics:ListApplicationSnapshots", MANAGED),
    ("kinesisanalytics:DescribeApplicationSnapshot", MANAGED),
    ("kinesisanalytics:CreateSnapshot", MANAGED),
    ("kinesisanalytics:CreateSystemSnapshot", MANAGED),
    ("kinesisanalytics:DeleteSnapshot", TAKEN_BY),
    ("cloudwatch:DeleteAlarms", OWNER),
];

/// Verbs that change an application or its snapshots, and the one that an update needs beside its own.
const CHANGES: [&str; 9] = [
    "kinesisanalytics:RollbackApplication",
    "kinesisanalytics:StopApplication",
    "kinesisanalytics:UpdateApplication",
    "kinesisanalytics:StartApplication",
    "kinesisanalytics:CreateApplicationSnapshot",
    "kinesisanalytics:DeleteApplicationSnapshot",
    "kinesisanalytics:CreateSnapshot",
    "kinesisanalytics:DeleteSnapshot",
    "iam:PassRole",
];
/// Verbs of Managed Flink that change nothing.
const READS: [&str; 4] = [
    "kinesisanalytics:Describe",
    "kinesisanalytics:List",
    "kinesisanalytics:Discover",
    "kinesisanalytics:CreateApplicationPresignedUrl",
];

impl Roles {
    /// Those of the template.
    pub(super) fn of(stack: &Stack) -> Self {
        let roles = stack
            .passive
            .values()
            .filter(|resource| resource.kind == "AWS::IAM::Role");
        let statements = |role: &Value| -> Vec<Value> {
            let policies = role["Policies"].as_array().into_iter().flatten();
            policies
                .flat_map(|policy| {
                    policy["PolicyDocument"]["Statement"]
                        .as_array()
                        .cloned()
                        .unwrap_or_default()
                })
                .collect()
        };
        Self(
            roles
                .map(|role| (role.name.clone(), statements(&role.properties)))
                .collect(),
        )
    }

    /// What these roles may change of an application, whatever its tags: a sentence each.
    pub(super) fn changes(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (role, statements) in &self.0 {
            for statement in statements {
                let changes = |action: &&str| {
                    CHANGES.contains(action)
                        || (action.starts_with("kinesisanalytics:")
                            && !READS.iter().any(|read| action.starts_with(read)))
                };
                found.extend(
                    list(&statement["Action"])
                        .into_iter()
                        .filter(changes)
                        .map(|action| format!("{role} may {action}")),
                );
            }
        }
        found
    }

    pub(super) fn allows(&self, role: &str, asked: &Asked) -> bool {
        self.0
            .get(role)
            .is_some_and(|statements| allowed(&policy(statements), asked))
    }

    /// What is wrong with these roles, held against these calls. A sentence each.
    pub(super) fn complaints(&self, calls: &BTreeSet<Asked>) -> Vec<String> {
        let mut complaints = Vec::new();
        // Read once: there are thousands of calls.
        let policies: BTreeMap<&str, IAMPolicy> = self
            .0
            .iter()
            .map(|(role, statements)| (role.as_str(), policy(statements)))
            .collect();
        let allows = |role: &str, asked: &Asked| {
            policies
                .get(role)
                .is_some_and(|policy| allowed(policy, asked))
        };
        let asks: BTreeSet<(&str, &str)> = calls
            .iter()
            .map(|call| (call.role.as_str(), call.action.as_str()))
            .collect();
        for asked in calls {
            if !allows(&asked.role, asked) {
                complaints.push(format!(
                    "{} is not allowed {} on {}",
                    asked.role, asked.action, asked.resource
                ));
            }
            for other in self.0.keys().filter(|other| **other != asked.role) {
                if !asks.contains(&(other.as_str(), asked.action.as_str())) && allows(other, asked)
                {
                    complaints.push(format!(
                        "{other} is allowed {} on {}, which it never asks for",
                        asked.action, asked.resource
                    ));
                }
            }
            if let Some((_, key)) = BOUND.iter().find(|(action, _)| *action == asked.action) {
                let mut untagged = asked.clone();
                untagged.context.remove(*key);
                if allows(&asked.role, &untagged) {
                    complaints.push(format!(
                        "{} is allowed {} without {key}",
                        asked.role, asked.action
                    ));
                }
            }
        }
        for (role, statements) in &self.0 {
            for (index, statement) in statements.iter().enumerate() {
                complaints.extend(of_statement(role, statement));
                complaints.extend(unused(role, statements, index, calls));
            }
        }
        complaints
    }
}

/// The policy of these statements. The engine takes no policy without any, so there is one that allows nothing.
fn policy(statements: &[Value]) -> IAMPolicy {
    let nothing = json!({ "Effect": "Deny", "Action": "nobody:Asks", "Resource": "*" });
    let statements = [statements, &[nothing]].concat();
    let policy = json!({ "Version": "2012-10-17", "Statement": statements }).to_string();
    IAMPolicy::from_json(&policy).unwrap_or_else(|error| panic!("{error}: {policy}"))
}

fn allowed(policy: &IAMPolicy, asked: &Asked) -> bool {
    let context = asked
        .context
        .iter()
        .fold(Context::new(), |context, (key, value)| {
            context.with_string(key.as_str(), value.as_str())
        });
    let principal = Principal::Aws(PrincipalId::String(format!(
        "arn:aws:iam::{}:role/{}",
        place::ACCOUNT,
        asked.role
    )));
    let request = IAMRequest::new_with_context(
        principal,
        asked.action.as_str(),
        Arn::parse(&asked.resource).unwrap(),
        context,
    );
    matches!(evaluate_policy(policy, &request), Ok(Decision::Allow))
}

fn list(value: &Value) -> Vec<&str> {
    value.as_array().map_or_else(
        || value.as_str().into_iter().collect(),
        |values| values.iter().filter_map(Value::as_str).collect(),
    )
}

/// The shape that every statement has: one verb, no wildcard in it, no resource wider than need be.
fn of_statement(role: &str, statement: &Value) -> Vec<String> {
    let actions = list(&statement["Action"]);
    let sid = statement["Sid"].as_str().unwrap_or("without a Sid");
    let mut complaints = Vec::new();
    if actions.len() != 1
        || statement["Effect"] != "Allow"
        || statement.get("NotAction").is_some()
        || statement.get("NotResource").is_some()
    {
        complaints.push(format!(
            "{role}, statement {sid}: one verb, allowed, is expected"
        ));
    }
    for action in actions {
        if action.contains('*') && !NAME_UNKNOWN.contains(&action) {
            complaints.push(format!("{role}, statement {sid}: {action} is a wildcard"));
        }
        if list(&statement["Resource"]).contains(&"*") && !WITHOUT_RESOURCE.contains(&action) {
            complaints.push(format!(
                "{role}, statement {sid}: {action} on every resource"
            ));
        }
    }
    complaints
}

/// Whether each resource of the statement carries some call: without it the call would be denied.
fn unused(role: &str, statements: &[Value], index: usize, calls: &BTreeSet<Asked>) -> Vec<String> {
    let statement = &statements[index];
    let actions = list(&statement["Action"]);
    if actions.iter().all(|action| {
        USED_BY_SERVICES
            .iter()
            .any(|(known, _)| action.starts_with(known))
    }) {
        return Vec::new();
    }
    let own: Vec<&Asked> = calls.iter().filter(|call| call.role == role).collect();
    let mut complaints = Vec::new();
    for action in &actions {
        for resource in list(&statement["Resource"]) {
            let mut alone = statement.clone();
            (alone["Action"], alone["Resource"]) = (json!(action), json!(resource));
            let rest: Vec<Value> = statements
                .iter()
                .enumerate()
                .filter(|(other, _)| *other != index)
                .map(|(_, statement)| statement.clone())
                .collect();
            let (alone, rest) = (policy(&[alone]), policy(&rest));
            if !own
                .iter()
                .any(|call| allowed(&alone, call) && !allowed(&rest, call))
            {
                complaints.push(format!(
                    "{role} is granted {action} on {resource}, and no rehearsal needs it"
                ));
            }
        }
    }
    complaints
}

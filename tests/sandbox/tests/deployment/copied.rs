//! The policies to copy, decided by the same engine as the roles.

use std::{collections::BTreeMap, fs};

use iam_rs::{
    Arn, Context, ContextValue, Decision, IAMPolicy, IAMRequest, Principal, PrincipalId,
    evaluate_policy,
};
use sandbox::place;

use super::repository;

/// The policy with values where it has words in capitals.
fn policy(name: &str) -> IAMPolicy {
    let mut text = fs::read_to_string(repository("infra/policies").join(name)).unwrap();
    for (word, value) in [
        ("PARTITION", "aws"),
        ("REGION", place::REGION),
        ("ACCOUNT", place::ACCOUNT),
        ("SNAPSHOTCHECK", "lifeguard-snapshot-check"),
        ("REMEDIATE", "lifeguard-remediate"),
        ("LEDGER", "lifeguard-LedgerTable"),
        ("TAGGER", "tagger"),
    ] {
        text = text.replace(word, value);
    }
    IAMPolicy::from_json(&text).unwrap()
}

fn decided(
    policy: &IAMPolicy,
    action: &str,
    resource: &str,
    keys: &[(&str, ContextValue)],
) -> Decision {
    let data = keys
        .iter()
        .map(|(key, value)| ((*key).to_owned(), value.clone()))
        .collect();
    let principal = "arn:aws:iam::123456789012:role/somebody".to_owned();
    let request = IAMRequest::new_with_context(
        Principal::Aws(PrincipalId::String(principal)),
        action,
        Arn::parse(resource).unwrap(),
        Context::with_data(data),
    );
    evaluate_policy(policy, &request).unwrap()
}

fn texts(values: &[&str]) -> ContextValue {
    ContextValue::StringList(values.iter().map(|value| (*value).to_owned()).collect())
}

#[test]
fn people_on_call_start_watch_and_stop_and_write_nothing_but_the_switch() {
    let policy = policy("on-call.json");
    let may = |action: &str, resource: &str, keys: &[(&str, ContextValue)]| {
        decided(&policy, action, resource, keys) == Decision::Allow
    };
    for machine in ["lifeguard-remediate", "lifeguard-snapshot-check"] {
        let arn = place::arn("states", &format!("stateMachine:{machine}"));
        assert!(may("states:StartExecution", &arn, &[]), "{machine}");
        assert!(!may("states:UpdateStateMachine", &arn, &[]), "{machine}");
        let execution = place::arn("states", &format!("execution:{machine}:one"));
        for verb in ["DescribeExecution", "StopExecution", "GetExecutionHistory"] {
            assert!(may(&format!("states:{verb}"), &execution, &[]), "{verb}");
        }
        assert!(!may("states:RedriveExecution", &execution, &[]));
    }
    let other = place::arn("states", "stateMachine:lifeguard-remediate-2");
    assert!(!may("states:StartExecution", &other, &[]));
    let table = place::arn("dynamodb", "table/lifeguard-LedgerTable");
    for verb in ["dynamodb:PutItem", "dynamodb:DeleteItem"] {
        let writes = |keys: &[&str]| may(verb, &table, &[("dynamodb:LeadingKeys", texts(keys))]);
        assert!(writes(&["*"]), "{verb}");
        assert!(!writes(&["orders"]) && !writes(&["*", "orders"]) && !writes(&["**"]));
    }
    assert!(!may(
        "dynamodb:UpdateItem",
        &table,
        &[("dynamodb:LeadingKeys", texts(&["*"]))]
    ));
    assert!(!may("dynamodb:DeleteTable", &table, &[]));
    let function = place::arn("lambda", "function:lifeguard-Rollback");
    assert!(!may("lambda:InvokeFunction", &function, &[]));
    let application = place::arn("kinesisanalytics", "application/orders");
    assert!(!may("kinesisanalytics:TagResource", &application, &[]));
}

#[test]
fn the_guard_keeps_the_tags_to_one_role_and_leaves_other_tags_alone() {
    let policy = policy("guard-tags.json");
    let application = place::arn("kinesisanalytics", "application/orders");
    let role = |name: &str| {
        let arn = format!("arn:aws:iam::123456789012:role/{name}");
        ("aws:PrincipalArn", ContextValue::String(arn))
    };
    let kept: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("opting in", ["lifeguard:managed"].as_slice()),
        ("among others", ["team", "lifeguard:stack"].as_slice()),
        ("one not known yet", ["lifeguard:quiet-until"].as_slice()),
    ]);
    for verb in ["TagResource", "UntagResource", "CreateApplication"] {
        let verb = format!("kinesisanalytics:{verb}");
        let denied = |name: &str, keys: &[&str]| {
            let context = [role(name), ("aws:TagKeys", texts(keys))];
            decided(&policy, &verb, &application, &context) == Decision::Deny
        };
        for (what, keys) in &kept {
            assert!(denied("developer", keys), "{verb}: {what}");
            assert!(denied("tagger-2", keys), "{verb}: {what}");
            assert!(!denied("tagger", keys), "{verb}: {what}");
        }
        assert!(!denied("developer", &["team"]), "{verb}");
        assert!(!denied("developer", &["our-lifeguard:managed"]), "{verb}");
    }
    let update = "kinesisanalytics:UpdateApplication";
    let context = [role("developer")];
    assert_ne!(
        decided(&policy, update, &application, &context),
        Decision::Deny
    );
}

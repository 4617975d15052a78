//! What whoever deploys may choose of topic, roles and table, and what no choice changes.

use std::collections::BTreeSet;

use sandbox::{
    scenario::{by_name, play_on},
    template::{Stack, Trigger},
};
use serde_json::{Value, json};

use super::{Mutant, stack, virtually};

const TOPIC: &str = "arn:aws:sns:us-east-1:123456789012:people";
const KEY: &str = "arn:aws:kms:us-east-1:123456789012:key/people";

fn roles(stack: &Stack) -> impl Iterator<Item = (&String, &Value)> {
    stack
        .passive
        .iter()
        .filter(|(_, resource)| resource.kind == "AWS::IAM::Role")
        .map(|(id, role)| (id, &role.properties))
}

/// Every statement of every role.
fn statements(stack: &Stack) -> Vec<Value> {
    roles(stack)
        .flat_map(|(_, role)| role["Policies"].as_array().unwrap().clone())
        .flat_map(|policy| {
            policy["PolicyDocument"]["Statement"]
                .as_array()
                .unwrap()
                .clone()
        })
        .collect()
}

/// The resources that some role may do this on.
fn granted(stack: &Stack, action: &str) -> BTreeSet<String> {
    statements(stack)
        .iter()
        .filter(|statement| statement["Action"] == action)
        .map(|statement| statement["Resource"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_topic_of_somebody_else_is_used_wherever_people_are_told_and_no_other_is_made() {
    let own = stack(&[("Mode", "act")]).unwrap();
    assert!(own.topics.contains_key("Topic") && own.passive.contains_key("TopicKey"));
    for key in ["", KEY] {
        let parameters = [("Mode", "act"), ("TopicArn", TOPIC), ("TopicKeyArn", key)];
        let stack = stack(&parameters).unwrap();
        assert!(stack.topics.is_empty(), "{:?}", stack.topics);
        assert!(
            stack.passive.keys().all(|id| !id.starts_with("Topic")),
            "{:?}",
            stack.passive.keys()
        );
        for (id, alarm) in &stack.alarms {
            assert_eq!(alarm.properties["AlarmActions"], json!([TOPIC]), "{id}");
        }
        let targets = &stack.rules["ExecutionBroke"].targets;
        assert!(targets.iter().any(|target| target.arn == TOPIC));
        for machine in stack.state_machines.values() {
            let definition = machine.definition.to_string();
            assert!(definition.contains(TOPIC), "{}", machine.name);
            assert!(!definition.contains("lifeguard-Topic"), "{}", machine.name);
        }
        assert_eq!(stack.outputs["TopicArn"], TOPIC);
        assert_eq!(
            granted(&stack, "sns:Publish"),
            BTreeSet::from([TOPIC.to_owned()])
        );
        // The key only where one is named.
        let keys: BTreeSet<String> = Some(key.to_owned())
            .filter(|key| !key.is_empty())
            .into_iter()
            .collect();
        assert_eq!(granted(&stack, "kms:GenerateDataKey"), keys);
        assert_eq!(granted(&stack, "kms:Decrypt"), keys);
    }
    let error = stack(&[("TopicKeyArn", KEY)]).unwrap_err();
    assert!(
        error.place == "KeyIsOfATopic" && error.wrong.contains("write TopicArn"),
        "{error}"
    );
}

#[test]
fn a_rescue_is_told_by_a_topic_of_somebody_else() {
    virtually(async {
        let scenario = by_name("bad-deployment").unwrap();
        let mut stage = scenario.stage();
        stage.parameters.insert("TopicArn".into(), TOPIC.into());
        let played = play_on(scenario, stage, 1, |region| {
            region.sns().create_topic("people");
        })
        .await
        .unwrap();
        assert_eq!(played.rehearsal.complaints, Vec::<String>::new());
        let messages = played.region.journal().messages();
        let told = messages
            .iter()
            .filter(|message| message["service"] == "sns" && message["topic"] == "people");
        assert!(told.count() > 0);
    });
}

#[test]
fn every_role_has_the_path_and_the_boundary_and_no_role_is_made_elsewhere() {
    let boundary = "arn:aws:iam::123456789012:policy/automation";
    let stack = stack(&[
        ("RolePath", "/automation/"),
        ("PermissionsBoundary", boundary),
    ])
    .unwrap();
    assert_eq!(roles(&stack).count(), 13);
    for (id, role) in roles(&stack) {
        assert_eq!(
            (&role["Path"], &role["PermissionsBoundary"]),
            (&json!("/automation/"), &json!(boundary)),
            "{id}"
        );
    }
    let defaults = super::stack(&[]).unwrap();
    for (id, role) in roles(&defaults) {
        assert_eq!(role["Path"], "/", "{id}");
        assert!(role.get("PermissionsBoundary").is_none(), "{id}");
    }
    // A function, a state machine or a schedule without a role of the stack's would have one that SAM makes.
    let here: BTreeSet<&str> = stack
        .passive
        .values()
        .map(|resource| resource.name.as_str())
        .collect();
    let functions = stack.functions.values().map(|function| &function.role);
    let machines = stack.state_machines.values().map(|machine| &machine.role);
    for role in functions.chain(machines) {
        assert!(here.contains(role.as_str()), "{role}");
    }
    for (id, rule) in &stack.rules {
        if matches!(rule.trigger, Trigger::Schedule(_)) {
            let role = rule.targets[0].role.as_deref().unwrap_or_default();
            assert!(here.contains(role), "{id}: {role}");
        }
    }
}

#[test]
fn every_rule_listens_to_this_account_and_region_only() {
    let listens = |stack: &Stack| -> Vec<String> {
        let mut deaf = Vec::new();
        for (id, rule) in &stack.rules {
            if let Trigger::Pattern(pattern) = &rule.trigger
                && (pattern["account"] != json!(["123456789012"])
                    || pattern["region"] != json!(["us-east-1"]))
            {
                deaf.push(id.clone());
            }
        }
        deaf
    };
    let composites = ("AlarmApplications", "orders-is-down=orders");
    let all = stack(&[composites]).unwrap();
    let patterns = all
        .rules
        .values()
        .filter(|rule| matches!(rule.trigger, Trigger::Pattern(_)));
    assert_eq!(patterns.count(), 7);
    assert_eq!(listens(&all), Vec::<String>::new());
    let mutant = Mutant::with(&[(
        "        account: [!Ref AWS::AccountId]
        region: [!Ref AWS::Region]
        source: [aws.states]",
        "        source: [aws.states]",
    )]);
    assert_eq!(listens(&mutant.stack(&[])), ["ExecutionBroke"]);
}

#[test]
fn the_queue_names_every_rule_of_the_stack_and_no_other() {
    for composites in ["", "orders-is-down=orders"] {
        let stack = stack(&[("AlarmApplications", composites)]).unwrap();
        let policy = &stack.passive["DeadLettersPolicy"].properties["PolicyDocument"];
        let named = &policy["Statement"][0]["Condition"]["ArnEquals"]["aws:SourceArn"];
        let named: BTreeSet<&str> = named
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        let rules = stack
            .rules
            .values()
            .filter(|rule| matches!(rule.trigger, Trigger::Pattern(_)));
        let arns: Vec<String> = rules
            .map(|rule| format!("arn:aws:events:us-east-1:123456789012:rule/{}", rule.name))
            .collect();
        assert_eq!(named, arns.iter().map(String::as_str).collect());
    }
}

#[test]
fn the_table_is_protected_on_request_and_its_key_costs_nothing() {
    for (value, protected) in [("enabled", true), ("disabled", false)] {
        let stack = stack(&[("DeletionProtection", value)]).unwrap();
        let table = &stack.tables["LedgerTable"].properties;
        assert_eq!(table["DeletionProtectionEnabled"], protected);
        assert!(table.get("SSESpecification").is_none());
    }
}

#[test]
fn links_lead_to_the_console_of_the_partition() {
    let (china, gov) = (
        "  InChina: !Equals [!Ref AWS::Partition, aws-cn]\n",
        "  InGovCloud: !Equals [!Ref AWS::Partition, aws-us-gov]\n",
    );
    // The sandbox is in the partition aws: another one is made believe.
    let here = |condition: &str| {
        condition
            .replace("aws-cn", "aws")
            .replace("aws-us-gov", "aws")
    };
    for (condition, console) in [
        (china, "us-east-1.console.amazonaws.cn"),
        (gov, "us-east-1.console.amazonaws-us-gov.com"),
        ("", "us-east-1.console.aws.amazon.com"),
    ] {
        let changed = here(condition);
        let stack = if condition.is_empty() {
            stack(&[]).unwrap()
        } else {
            Mutant::with(&[(condition, &changed)]).stack(&[])
        };
        for output in ["RemediateConsole", "DashboardConsole", "QueriesConsole"] {
            let link = stack.outputs[output].as_str().unwrap();
            assert!(link.starts_with(&format!("https://{console}/")), "{link}");
        }
        let notice = format!("{:?}", stack.rules["ExecutionBroke"].targets);
        let console = console.replace("us-east-1", "<region>");
        assert!(notice.contains(&format!("https://{console}/")), "{notice}");
    }
}

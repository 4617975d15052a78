//! A template with one of each kind of resource, read whole and deployed into the services.

use std::{collections::BTreeMap, path::Path};

use emulated_aws::{
    cloudwatch::CloudWatch,
    connector::Router,
    dynamodb::DynamoDb,
    events::{EventBus, Input},
    template::{Stack, Trigger},
};
use ground::{clock::Clock, journal::Journal, place};
use serde_json::json;

const PACKAGES: [&str; 2] = ["alarm-handler", "remediation-planner"];

fn load(overrides: &[(&str, &str)]) -> Stack {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/services/template.yaml");
    let overrides: BTreeMap<String, String> = overrides
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect();
    Stack::load(&path, &overrides, &PACKAGES).expect("the fixture is right")
}

#[test]
fn functions_get_the_variables_of_globals_under_their_own() {
    let stack = load(&[("SoakSecs", "120")]);
    let planner = &stack.functions["Planner"];
    assert_eq!(
        (
            planner.name.as_str(),
            planner.package.as_str(),
            planner.role.as_str()
        ),
        (
            "lifeguard-Planner",
            "remediation-planner",
            "lifeguard-PlannerRole"
        )
    );
    assert_eq!((planner.timeout_secs, planner.memory_mb), (10, 256));
    let variables: Vec<(&str, &str)> = planner
        .env
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        variables,
        [
            ("DEBUG", "true"),
            ("MODE", "act"),
            ("SOAK_SECS", "120"),
            ("TABLE", "lifeguard-Ledger")
        ]
    );
    assert_eq!(
        planner.policies[0]["Statement"][0]["Resource"],
        place::arn("dynamodb", "table/lifeguard-Ledger")
    );
    let handler = &stack.functions["AlarmHandler"];
    assert_eq!(
        (
            handler.name.as_str(),
            handler.package.as_str(),
            handler.event_retries
        ),
        ("lifeguard-alarms", "alarm-handler", Some(1))
    );
    assert_eq!(
        (handler.timeout_secs, handler.env["MODE"].as_str()),
        (30, "overridden")
    );
    assert_eq!(
        handler.env["STATE_MACHINE"],
        place::arn("states", "stateMachine:lifeguard-Remediate")
    );
}

#[test]
fn a_state_machine_is_its_file_with_the_holes_filled() {
    let machine = &load(&[]).state_machines["Remediate"];
    let arguments = &machine.definition["States"]["Plan"]["Arguments"];
    assert_eq!(
        arguments["FunctionName"],
        place::arn("lambda", "function:lifeguard-Planner")
    );
    assert!(
        arguments["Payload"]
            .as_str()
            .unwrap()
            .contains("'soak': 300,"),
        "{arguments}"
    );
    assert_eq!(
        (machine.kind.as_str(), machine.role.as_str()),
        ("STANDARD", "lifeguard-RemediateRole")
    );
}

#[test]
fn rules_come_from_resources_and_from_events() {
    let stack = load(&[("Mode", "observe")]);
    assert_eq!(
        stack.rules.keys().collect::<Vec<_>>(),
        ["AlarmHandlerAlarm", "Deployments", "RemediateNightly"]
    );
    let nightly = &stack.rules["RemediateNightly"];
    assert_eq!(
        (&nightly.trigger, nightly.enabled),
        (&Trigger::Schedule("rate(1 day)".to_owned()), false)
    );
    assert_eq!(
        nightly.targets[0].input,
        Input::Constant(json!({ "all": true }))
    );
    let deployments = &stack.rules["Deployments"].targets[0];
    assert_eq!(deployments.role.as_deref(), Some("lifeguard-RemediateRole"));
    assert!(
        matches!(&deployments.input, Input::Transformer { paths, .. } if paths["name"] == "$.detail.requestParameters.applicationName")
    );
    assert_eq!(
        stack.subscriptions,
        [(
            place::arn("sns", "lifeguard-Alarms"),
            place::arn("lambda", "function:lifeguard-alarms")
        )]
    );
}

#[test]
fn names_follow_the_template_and_outputs_their_conditions() {
    let stack = load(&[("Zones", "x,y,z")]);
    assert_eq!(stack.topics["Reports"].name, "y-reports");
    assert_eq!(
        stack.passive["PlannerLogs"].name,
        "/aws/lambda/lifeguard-Planner"
    );
    assert_eq!(stack.outputs.keys().collect::<Vec<_>>(), ["Machine"]);
    assert_eq!(load(&[("ReportEmail", "a@b.c")]).outputs["Mail"], "a@b.c");
    assert!(load(&[]).passive.contains_key("AlarmHandlerPermission"));
}

#[tokio::test(start_paused = true)]
async fn the_services_take_what_the_template_says() {
    let stack = load(&[]);
    let clock = Clock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
    let journal = Journal::new(clock.clone());
    let dynamodb = DynamoDb::new(clock.clone(), journal.clone());
    let bus = EventBus::new(clock.clone(), journal.clone(), Router::closed());
    let cloudwatch = CloudWatch::new(clock, journal, bus.clone(), Router::closed());
    for table in stack.tables.values() {
        dynamodb.create_table(&table.properties).unwrap();
    }
    for rule in stack.rules.values() {
        match &rule.trigger {
            Trigger::Pattern(pattern) => bus
                .add_rule(&rule.name, pattern, rule.targets.clone())
                .unwrap(),
            Trigger::Schedule(schedule) => bus
                .add_schedule(&rule.name, schedule, rule.targets.clone())
                .unwrap(),
        }
    }
    for alarm in stack.alarms.values() {
        cloudwatch.put_alarm(&alarm.properties).unwrap();
    }
    assert_eq!(cloudwatch.alarm_names(), ["lifeguard-PlannerErrors"]);
}

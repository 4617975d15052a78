//! Least privilege in both directions: what is done in all rehearsals is allowed to who does it, and what is allowed is done in some rehearsal.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
    time::Duration,
};

use sandbox::{
    external::INPUTS,
    journal::Call,
    place,
    scenario::{CATALOGUE, SNAPSHOTS, play},
};
use serde_json::{Value, json};

use super::{
    alarms,
    policies::{Asked, Roles},
    region, stack, virtually,
};

/// Who is not a role of this stack: people, and services that call by resource policies.
const OTHERS: [&str; 2] = ["operator", "events.amazonaws.com"];

/// Every call of every rehearsal, and of the keeping of alarms.
fn calls() -> &'static BTreeSet<Asked> {
    static CALLS: OnceLock<BTreeSet<Asked>> = OnceLock::new();
    CALLS.get_or_init(|| {
        let mut all = BTreeSet::new();
        for scenario in CATALOGUE.iter().chain(SNAPSHOTS).chain(INPUTS) {
            virtually(async {
                let played = play(scenario, 1).await.unwrap();
                let mut calls: Vec<Asked> = played
                    .region
                    .journal()
                    .calls()
                    .iter()
                    .filter_map(asked)
                    .collect();
                if scenario.name == "snapshots-fleet" {
                    // The same calls about a thousand applications: each would be evaluated against every role, and one of a kind says all.
                    calls.sort_by(|one, other| {
                        (&one.role, &one.action).cmp(&(&other.role, &other.action))
                    });
                    calls.dedup_by(|one, other| {
                        (&one.role, &one.action) == (&other.role, &other.action)
                    });
                }
                all.extend(calls);
            });
        }
        virtually(async {
            let region = region();
            alarms::changed_by_hand_and_deleted(&region).await;
            tokio::time::sleep(Duration::from_secs(60)).await;
            all.extend(region.journal().calls().iter().filter_map(asked));
        });
        all
    })
}

/// The call as IAM sees it; None for what needs no permission of a role.
fn asked(call: &Call) -> Option<Asked> {
    // SAM makes the role of a schedule, for its one target.
    if OTHERS.contains(&call.caller.as_str())
        || call.caller.ends_with("EventsRole")
        || call.service == "flink"
    {
        return None;
    }
    let name = call.resource.as_deref().unwrap_or_default();
    let named = |service: &str, resource: String| {
        if name.starts_with("arn:") {
            name.to_owned()
        } else {
            place::arn(service, &resource)
        }
    };
    let action = if call.action == "Invoke" {
        "InvokeFunction"
    } else {
        &call.action
    };
    let mut context = BTreeMap::new();
    let resource = match (call.service.as_str(), action) {
        ("kinesisanalytics", "ListApplications") => {
            place::arn("kinesisanalytics", "every-application")
        }
        ("kinesisanalytics", _) => {
            // Every application of the rehearsals is opted in; those that are not are never asked a change of.
            context.insert(
                "aws:ResourceTag/lifeguard:managed".to_owned(),
                "true".to_owned(),
            );
            named("kinesisanalytics", format!("application/{name}"))
        }
        ("dynamodb", _) => named("dynamodb", format!("table/{name}")),
        ("lambda", _) => named("lambda", format!("function:{name}")),
        ("sns", _) => named("sns", name.to_owned()),
        ("events", _) => {
            context.insert("events:source".to_owned(), "flink-lifeguard".to_owned());
            named("events", format!("event-bus/{name}"))
        }
        ("states", _) => named("states", format!("stateMachine:{name}")),
        ("cloudwatch", _) => {
            context.insert(
                "aws:ResourceTag/lifeguard:owner".to_owned(),
                "lifeguard".to_owned(),
            );
            named(
                "cloudwatch",
                format!("alarm:{}", if name.is_empty() { "any" } else { name }),
            )
        }
        (service, action) => panic!("{service}:{action} is not known here"),
    };
    Some(Asked {
        role: call.caller.clone(),
        action: format!("{}:{action}", call.service),
        resource,
        context,
    })
}

fn roles() -> Roles {
    Roles::of(&stack(&[]).unwrap())
}

#[test]
fn every_call_is_allowed_to_its_role_alone_and_every_grant_is_used() {
    assert!(calls().len() > 30, "{}", calls().len());
    assert_eq!(roles().complaints(calls()), Vec::<String>::new());
}

/// What the check says once `change` has been made to the statement `sid` of `role`.
fn sabotaged(role: &str, sid: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut roles = roles();
    let statements = roles.0.get_mut(role).expect("the role");
    change(
        statements
            .iter_mut()
            .find(|statement| statement["Sid"] == sid)
            .expect("the statement"),
    );
    roles.complaints(calls()).join("\n")
}

#[test]
fn a_permission_that_is_missing_is_found() {
    let said = sabotaged("lifeguard-RollbackRole", "RollBack", |statement| {
        statement["Action"] = json!("kinesisanalytics:DescribeApplicationSnapshot")
    });
    assert!(
        said.contains("lifeguard-RollbackRole is not allowed kinesisanalytics:RollbackApplication"),
        "{said}"
    );
    let said = sabotaged("lifeguard-AlarmHandlerRole", "Start", |statement| {
        statement["Resource"] = json!(place::arn("states", "stateMachine:other"))
    });
    assert!(
        said.contains("is not allowed states:StartExecution"),
        "{said}"
    );
}

#[test]
fn a_grant_that_is_wider_than_need_be_is_found() {
    let said = sabotaged("lifeguard-RollbackRole", "Tags", |statement| {
        statement["Action"] = json!([
            "kinesisanalytics:ListTagsForResource",
            "kinesisanalytics:DeleteApplication"
        ])
    });
    assert!(
        said.contains("kinesisanalytics:DeleteApplication on")
            && said.contains("no rehearsal needs it"),
        "{said}"
    );
    let said = sabotaged("lifeguard-RollbackRole", "RollBack", |statement| {
        statement["Action"] = json!("kinesisanalytics:*")
    });
    assert!(said.contains("is a wildcard"), "{said}");
    let said = sabotaged("lifeguard-RollbackRole", "RollBack", |statement| {
        statement["Resource"] = json!("*")
    });
    assert!(said.contains("on every resource"), "{said}");
    let said = sabotaged("lifeguard-SubtaskVerifierRole", "Tags", |statement| {
        statement["Action"] = json!("kinesisanalytics:StartApplication")
    });
    assert!(
        said.contains("lifeguard-SubtaskVerifierRole is allowed kinesisanalytics:StartApplication"),
        "{said}"
    );
    let said = sabotaged("lifeguard-RemediateRole", "Invoke", |statement| {
        statement["Resource"]
            .as_array_mut()
            .unwrap()
            .push(json!(place::arn(
                "lambda",
                "function:lifeguard-AlarmHandler"
            )));
    });
    assert!(
        said.contains("function:lifeguard-AlarmHandler, and no rehearsal needs it"),
        "{said}"
    );
}

#[test]
fn a_change_that_is_not_bound_to_the_tag_is_found() {
    for (role, sid) in [
        ("lifeguard-RollbackRole", "RollBack"),
        ("lifeguard-ForceStopAndRestoreRole", "Stop"),
        ("lifeguard-ForceStopAndRestoreRole", "Update"),
        ("lifeguard-ForceStopAndRestoreRole", "Start"),
        ("lifeguard-AlarmKeeperRole", "Delete"),
    ] {
        let said = sabotaged(role, sid, |statement| {
            drop(statement.as_object_mut().unwrap().remove("Condition"))
        });
        assert!(
            said.contains("without aws:ResourceTag/lifeguard:"),
            "{role} {sid}: {said}"
        );
    }
}

#[test]
fn an_application_that_has_not_opted_in_is_out_of_reach() {
    let changes = calls().iter().filter(|call| {
        call.action.starts_with("kinesisanalytics:")
            && call.action.ends_with("Application")
            && !call.action.contains("Describe")
    });
    let mut seen = 0;
    for call in changes {
        let mut other = call.clone();
        other
            .context
            .insert("aws:ResourceTag/lifeguard:managed".into(), "True".into());
        let only = BTreeSet::from([other]);
        assert!(
            roles()
                .complaints(&only)
                .iter()
                .any(|said| said.contains("is not allowed")),
            "{call:?}"
        );
        seen += 1;
    }
    assert_eq!(seen, 4);
}

//! Least privilege in both directions: what is done in all rehearsals is allowed to who does it, and what is allowed is done in some rehearsal.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::OnceLock,
    time::Duration,
};

use sandbox::{
    invariants::OWN_TAG,
    journal::Call,
    managed_flink::SnapshotView,
    place,
    region::Region,
    scenario::{CATALOGUE, INPUTS, SNAPSHOTS, SWEEPS, play_on},
    template::STACK_NAME,
};
use serde_json::{Value, json};

use super::{
    Mutant, alarms,
    policies::{Asked, Roles},
    region, stack, virtually,
};

/// Who is not a role of this stack: people, and services that call by resource policies.
const OTHERS: [&str; 2] = ["operator", "events.amazonaws.com"];

/// What fails on purpose in these ends in the dead-letter queue and in the mail of an alarm: calls of services, and of roles at their worst.
const FAILING: [&str; 4] = [
    "sweeper-dead",
    "rescue-left-unfinished",
    "alarm-handler-lost",
    "deployment-by-cloudformation",
];

/// Both values of the parameter `Mode`.
const MODES: [&str; 2] = ["observe", "act"];

/// Every call of every rehearsal in a stack that observes, or in one that acts, and of the keeping of alarms.
fn calls(mode: &str) -> &'static BTreeSet<Asked> {
    static CALLS: [OnceLock<BTreeSet<Asked>>; 2] = [OnceLock::new(), OnceLock::new()];
    let place = MODES.iter().position(|known| *known == mode).unwrap();
    CALLS[place].get_or_init(|| {
        let mut all = BTreeSet::new();
        for scenario in CATALOGUE
            .iter()
            .chain(SNAPSHOTS.iter())
            .chain(INPUTS.iter())
            .chain(
                SWEEPS
                    .iter()
                    .filter(|one| !FAILING.contains(&one.name.as_str())),
            )
        {
            virtually(async {
                let mut stage = scenario.stage();
                stage.parameters.insert("Mode".into(), mode.into());
                let played = play_on(scenario, stage, 1, |_| {}).await.unwrap();
                let mut calls = all_asked(&played.region);
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
            all.extend(all_asked(&region));
        });
        all
    })
}

/// The calls so far, as IAM sees them.
fn all_asked(region: &Region) -> Vec<Asked> {
    let calls = region.journal().calls();
    let verbs = calls.iter().filter_map(|call| asked(region, call));
    let without_verb = calls.iter().flat_map(|call| without_verb(region, call));
    verbs.chain(without_verb).collect()
}

/// What the service asks for beside the verb, where an application has enhanced snapshots: permissions that no verb has. The one for restoring has a name that is documented nowhere,
/// so any that begins in either way stands for it.
fn without_verb(region: &Region, call: &Call) -> Vec<Asked> {
    let verbs = [
        "RollbackApplication",
        "UpdateApplication",
        "StartApplication",
        "CreateSnapshot",
    ];
    let name = call.resource.as_deref().unwrap_or_default();
    let view = region.flink().application(name);
    let Some(asked) = asked(region, call)
        .filter(|_| verbs.contains(&call.action.as_str()))
        .filter(|_| view.is_some_and(|view| view.enhanced))
    else {
        return Vec::new();
    };
    let of_snapshot = |action: &str| Asked {
        action: format!("kinesisanalytics:{action}"),
        resource: place::arn("kinesisanalytics", "snapshot/one"),
        ..asked.clone()
    };
    if call.action == "CreateSnapshot" {
        // Tags that come with a creation may be asked for as those that come later are.
        let mut tagged = of_snapshot("TagResource");
        let tag = (format!("aws:RequestTag/{OWN_TAG}"), STACK_NAME.to_owned());
        tagged.context = BTreeMap::from([tag]);
        return vec![tagged];
    }
    let system = Asked {
        action: "kinesisanalytics:CreateSystemSnapshot".to_owned(),
        ..asked.clone()
    };
    vec![
        system,
        of_snapshot("RestoreSnapshot"),
        of_snapshot("UseSnapshot"),
    ]
}

/// The call as IAM sees it; None for what needs no permission of a role.
fn asked(region: &Region, call: &Call) -> Option<Asked> {
    if OTHERS.contains(&call.caller.as_str()) || call.service == "flink" {
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
        ("kinesisanalytics", "ListSnapshots") => {
            place::arn("kinesisanalytics", "snapshot/every-snapshot")
        }
        // Enhanced snapshots are resources of the account, with tags of their own.
        ("kinesisanalytics", action) if is_of_snapshot(action, name) => {
            // One that is gone was this stack's own.
            let own = || BTreeMap::from([(OWN_TAG.to_owned(), STACK_NAME.to_owned())]);
            let all = region.flink().account_snapshots();
            let is_it = |one: &SnapshotView| one.name == place::name_of(name);
            let found = all.into_iter().find(is_it).and_then(|one| one.enhanced);
            context.extend(
                found
                    .map_or_else(own, |one| one.tags)
                    .into_iter()
                    .map(|(key, value)| (format!("aws:ResourceTag/{key}"), value)),
            );
            named("kinesisanalytics", format!("snapshot/{name}"))
        }
        ("kinesisanalytics", _) => {
            // One that is gone had opted in.
            let opted_in = || BTreeMap::from([("lifeguard:managed".to_owned(), "true".to_owned())]);
            let tags = region
                .flink()
                .application(place::name_of(name))
                .map_or_else(opted_in, |application| application.tags);
            context.extend(
                tags.into_iter()
                    .map(|(key, value)| (format!("aws:ResourceTag/{key}"), value)),
            );
            named("kinesisanalytics", format!("application/{name}"))
        }
        // What an injected fault refused came to no table.
        ("dynamodb", _) if name.is_empty() => return None,
        ("dynamodb", _) => named("dynamodb", format!("table/{name}")),
        ("lambda", _) => named("lambda", format!("function:{name}")),
        ("sns", _) => named("sns", name.to_owned()),
        ("events", _) => {
            context.insert("events:source".to_owned(), "flink-lifeguard".to_owned());
            named("events", format!("event-bus/{name}"))
        }
        ("states", _) => named("states", format!("stateMachine:{name}")),
        ("sqs", _) => named("sqs", name.to_owned()),
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

/// Whether a verb's resource is an enhanced snapshot; a creation's is the application.
fn is_of_snapshot(action: &str, name: &str) -> bool {
    let verbs = [
        "DescribeSnapshot",
        "DeleteSnapshot",
        "DescribeSnapshotOperation",
        "ListSnapshotOperations",
    ];
    verbs.contains(&action) || name.contains(":snapshot/")
}

fn roles(mode: &str) -> Roles {
    Roles::of(&stack(&[("Mode", mode)]).unwrap())
}

#[test]
fn every_call_is_allowed_to_its_role_alone_and_every_grant_is_used() {
    // Each plays everything: side by side.
    std::thread::scope(|scope| {
        for mode in MODES {
            scope.spawn(move || calls(mode));
        }
    });
    for (mode, least) in MODES.into_iter().zip([20, 30]) {
        let calls = calls(mode);
        assert!(calls.len() > least, "{mode}: {}", calls.len());
        assert_eq!(
            roles(mode).complaints(calls),
            Vec::<String>::new(),
            "{mode}"
        );
    }
}

#[test]
fn a_stack_that_observes_has_no_role_that_changes_an_application() {
    assert_eq!(roles("observe").changes(), Vec::<String>::new());
    let acts = roles("act").changes();
    assert_eq!(acts.len(), 15, "{acts:?}");
    // A template that grants them in either mode.
    let mutant = Mutant::with(&[(
        "  Acts: !Equals [!Ref Mode, act]\n",
        "  Acts: !Not [!Equals [!Ref Mode, \"\"]]\n",
    )]);
    let named = "arn:aws:iam::123456789012:role/orders";
    let observes = [("Mode", "observe"), ("ServiceRoles", named)];
    let roles = Roles::of(&stack(&observes).unwrap());
    assert_eq!(roles.changes(), Vec::<String>::new());
    let roles = Roles::of(&mutant.stack(&observes));
    assert_eq!(roles.changes().len(), 16, "{:?}", roles.changes());
    let said = roles.complaints(calls("observe")).join("\n");
    for verb in [
        "RollbackApplication",
        "StopApplication",
        "UpdateApplication",
        "StartApplication",
        "CreateApplicationSnapshot",
        "DeleteApplicationSnapshot",
        "CreateSnapshot",
        "DeleteSnapshot",
        "CreateSystemSnapshot",
    ] {
        assert!(
            said.contains(&format!("is granted kinesisanalytics:{verb} on")),
            "{verb}: {said}"
        );
    }
}

#[test]
fn no_role_passes_a_role_unless_it_is_named_and_then_only_that_one() {
    let named = "arn:aws:iam::123456789012:role/service/orders";
    let passes = |parameters: &[(&str, &str)], role: &str| {
        Roles::of(&stack(parameters).unwrap()).allows(
            "lifeguard-ForceStopAndRestoreRole",
            &Asked {
                role: String::new(),
                action: "iam:PassRole".to_owned(),
                resource: role.to_owned(),
                context: BTreeMap::from([(
                    "iam:PassedToService".to_owned(),
                    "kinesisanalytics.amazonaws.com".to_owned(),
                )]),
            },
        )
    };
    assert!(!passes(&[("Mode", "act")], named));
    let both = format!("{named},arn:aws:iam::123456789012:role/service/payments");
    let act = [("Mode", "act"), ("ServiceRoles", both.as_str())];
    assert!(passes(&act, named) && passes(&act, "arn:aws:iam::123456789012:role/service/payments"));
    assert!(!passes(
        &act,
        "arn:aws:iam::123456789012:role/service/orders-admin"
    ));
    assert!(!passes(&[("ServiceRoles", both.as_str())], named));
}

/// Calls that are bound to the tags, by a stack that acts: one of each role and verb.
fn bound() -> Vec<&'static Asked> {
    let unbound = [
        "kinesisanalytics:ListApplications",
        "kinesisanalytics:ListTagsForResource",
        "kinesisanalytics:DescribeApplication",
    ];
    let of_applications = calls("act").iter().filter(|call| {
        call.action.starts_with("kinesisanalytics:")
            && !unbound.contains(&call.action.as_str())
            && !call.resource.contains(":snapshot/")
    });
    let by_role_and_verb: BTreeMap<_, _> = of_applications
        .map(|call| ((&call.role, &call.action), call))
        .collect();
    by_role_and_verb.into_values().collect()
}

/// The same call about an application with another value of the tag.
fn about(call: &Asked, tag: &str, value: Option<&str>) -> Asked {
    let mut other = call.clone();
    let key = format!("aws:ResourceTag/lifeguard:{tag}");
    match value {
        Some(value) => drop(other.context.insert(key, value.to_owned())),
        None => drop(other.context.remove(&key)),
    }
    other
}

#[test]
fn an_application_of_another_stack_is_out_of_reach() {
    let of = |name: &str| Roles::of(&stack(&[("Mode", "act"), ("AWS::StackName", name)]).unwrap());
    let (usual, other) = (of("lifeguard"), of("lifeguard-eu"));
    let verbs: BTreeSet<&str> = bound().iter().map(|call| call.action.as_str()).collect();
    assert_eq!(verbs.len(), 14, "{verbs:?}");
    for call in bound() {
        for (roles, tag, allowed) in [
            // One without the tag belongs to the stack of the usual name, and to no other.
            (&usual, None, true),
            (&other, None, false),
            (&usual, Some("lifeguard"), true),
            (&usual, Some("lifeguard-eu"), false),
            (&usual, Some(""), false),
            (&other, Some("lifeguard-eu"), true),
            (&other, Some("lifeguard"), false),
            (&other, Some("Lifeguard-eu"), false),
            (&other, Some("lifeguard-eu-2"), false),
        ] {
            let asked = about(call, "stack", tag);
            assert_eq!(roles.allows(&call.role, &asked), allowed, "{asked:?}");
        }
    }
}

#[test]
fn an_enhanced_snapshot_that_another_took_is_out_of_reach_of_deletes() {
    let roles = roles("act");
    let of = |action: &str| {
        let action = format!("kinesisanalytics:{action}");
        let found = calls("act").iter().find(|call| call.action == action);
        found.expect("a rehearsal asks for it")
    };
    let key = format!("aws:ResourceTag/{OWN_TAG}");
    let deletes = of("DeleteSnapshot");
    assert_eq!(deletes.context[&key], STACK_NAME);
    for taken_by in [Some("lifeguard-eu"), Some(""), Some("Lifeguard"), None] {
        let mut other = deletes.clone();
        other.context.remove(&key);
        let tag = taken_by.map(|value| (key.clone(), value.to_owned()));
        other.context.extend(tag);
        assert!(!roles.allows(&other.role, &other), "{taken_by:?}");
        let mut read = of("DescribeSnapshot").clone();
        read.context = other.context;
        assert!(roles.allows(&read.role, &read), "{taken_by:?}");
    }
}

#[test]
fn keys_are_used_through_the_service_and_only_those_that_are_named() {
    let [named, other] = ["k-1", "k-2"].map(|id| place::arn("kms", &format!("key/{id}")));
    let parameters = [("Mode", "act"), ("UsableKeys", named.as_str())];
    let roles = Roles::of(&stack(&parameters).unwrap());
    let through = format!("kinesisanalytics.{}.amazonaws.com", place::REGION);
    for role in ["Rollback", "ForceStopAndRestore", "SnapshotKeeper"] {
        let role = format!("lifeguard-{role}Role");
        for action in ["CreateGrant", "Decrypt", "GenerateDataKey", "DescribeKey"] {
            let asked = |key: &str, through: &str| Asked {
                role: role.clone(),
                action: format!("kms:{action}"),
                resource: key.to_owned(),
                context: BTreeMap::from([("kms:ViaService".to_owned(), through.to_owned())]),
            };
            assert!(
                roles.allows(&role, &asked(&named, &through)),
                "{role} {action}"
            );
            assert!(
                !roles.allows(&role, &asked(&other, &through)),
                "{role} {action}"
            );
            let by_itself = asked(&named, "lambda.us-east-1.amazonaws.com");
            assert!(!roles.allows(&role, &by_itself), "{role} {action}");
        }
    }
}

/// What the check says once `change` has been made to the statement `sid` of `role`.
fn sabotaged(role: &str, sid: &str, change: impl FnOnce(&mut Value)) -> String {
    let mut roles = roles("act");
    let statements = roles.0.get_mut(role).expect("the role");
    change(
        statements
            .iter_mut()
            .find(|statement| statement["Sid"] == sid)
            .expect("the statement"),
    );
    roles.complaints(calls("act")).join("\n")
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

/// Each on its own: a start that lacks one of them after a force-stop is an outage.
#[test]
fn a_permission_without_a_verb_that_is_missing_is_found() {
    for (role, sid, action) in [
        ("Rollback", "SystemSnapshot", "CreateSystemSnapshot"),
        ("Rollback", "RestoreEnhanced", "RestoreSnapshot"),
        ("Rollback", "UseEnhanced", "UseSnapshot"),
        (
            "ForceStopAndRestore",
            "SystemSnapshot",
            "CreateSystemSnapshot",
        ),
        ("ForceStopAndRestore", "RestoreEnhanced", "RestoreSnapshot"),
        ("ForceStopAndRestore", "UseEnhanced", "UseSnapshot"),
        ("SnapshotKeeper", "TagTaken", "TagResource"),
    ] {
        let role = format!("lifeguard-{role}Role");
        let missing = format!("{role} is not allowed kinesisanalytics:{action} on");
        let said = sabotaged(&role, sid, |statement| statement["Effect"] = json!("Deny"));
        assert!(said.contains(&missing), "{role} {sid}: {said}");
        // Nor does the grant on the other kind of resource stand in for it.
        let said = sabotaged(&role, sid, |statement| {
            statement["Resource"] = json!(place::arn("kinesisanalytics", "other/*"));
        });
        assert!(said.contains(&missing), "{role} {sid}: {said}");
    }
}

/// Nor may the keeper tag a snapshot as another stack's.
#[test]
fn a_snapshot_is_tagged_as_this_stacks_own_alone() {
    let roles = roles("act");
    let action = "kinesisanalytics:TagResource";
    let tags = calls("act").iter().find(|call| call.action == action);
    let tags = tags.expect("a rehearsal takes an enhanced snapshot");
    assert!(roles.allows(&tags.role, tags));
    for value in [Some("lifeguard-eu"), Some(""), None] {
        let key = format!("aws:RequestTag/{OWN_TAG}");
        let mut other = tags.clone();
        other.context.remove(&key);
        let tag = value.map(|value| (key, value.to_owned()));
        other.context.extend(tag);
        assert!(!roles.allows(&other.role, &other), "{value:?}");
    }
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
        ("lifeguard-SnapshotKeeperRole", "Take"),
        ("lifeguard-SnapshotKeeperRole", "Delete"),
        ("lifeguard-SnapshotKeeperRole", "Snapshots"),
        ("lifeguard-SnapshotKeeperRole", "TakeEnhanced"),
        ("lifeguard-SnapshotKeeperRole", "DeleteEnhanced"),
        ("lifeguard-RollbackRole", "SystemSnapshot"),
        ("lifeguard-ForceStopAndRestoreRole", "SystemSnapshot"),
        ("lifeguard-SubtaskVerifierRole", "Dashboard"),
        ("lifeguard-SubtaskVerifierRole", "Version"),
        ("lifeguard-AlarmKeeperRole", "Delete"),
    ] {
        let said = sabotaged(role, sid, |statement| {
            drop(statement.as_object_mut().unwrap().remove("Condition"))
        });
        assert!(
            said.contains("without aws:ResourceTag/"),
            "{role} {sid}: {said}"
        );
    }
}

#[test]
fn an_application_that_has_not_opted_in_is_out_of_reach() {
    let roles = roles("act");
    for call in bound() {
        assert!(roles.allows(&call.role, call), "{call:?}");
        for value in [Some("True"), Some("yes"), Some(""), None] {
            let asked = about(call, "managed", value);
            assert!(!roles.allows(&call.role, &asked), "{asked:?}");
        }
    }
}

//! Deployments that CloudFormation and CloudTrail announce: one execution for each, under the sweep's name; and all that is let pass.

mod support;

use std::collections::BTreeMap;

use lifecycle::{
    ApplicationStatus, Operation, OperationStatus, Policy,
    sweep::{Hints, Lease, Listed, Memory, Read, Whose, judge},
};
use serde_json::{Value, json};
use support::{Deployed, Reply, Shown, fixture};

const STACK: &str = "eventbridge-stack-resource";
const UPDATE: &str = "eventbridge-update-application";
const START: &str = "eventbridge-start-application";
const OTHER_ACCOUNT: &str = "999988887777";
const EXISTS: Reply = Reply::Error(400, "ExecutionAlreadyExists", "Execution Already Exists");

/// `orders`: version 3 was deployed at 10:00:40 by the operation op-3, and is up since 10:01:40.
fn shown() -> Shown {
    let at = 1_772_359_240.0;
    Shown {
        application: Some(json!({
            "ApplicationARN": "arn:aws:kinesisanalytics:eu-central-1:111122223333:application/orders",
            "ApplicationName": "orders", "RuntimeEnvironment": "FLINK-1_20",
            "ApplicationStatus": "RUNNING", "ApplicationVersionId": 3,
        })),
        tags: json!([{ "Key": "lifeguard:managed", "Value": "true" }]),
        operations: json!([
            { "Operation": "UpdateApplication", "OperationId": "op-3", "StartTime": at, "EndTime": at + 60.0, "OperationStatus": "SUCCESSFUL" },
            { "Operation": "StartApplication", "OperationId": "op-2", "StartTime": at - 9_000.0, "EndTime": at - 8_900.0, "OperationStatus": "SUCCESSFUL" },
        ]),
        ..Shown::default()
    }
}

fn sweep_remembers(mut shown: Shown, memory: &Memory) -> Shown {
    let memory = serde_json::to_string(memory).expect("JSON");
    let row =
        json!({ "pk": { "S": "#sweep" }, "sk": { "S": "orders" }, "memory": { "S": memory } });
    let key = ("#sweep".to_owned(), "orders".to_owned());
    shown.rows.insert(key, row);
    shown
}

/// What the sweep does with the same application: what it remembers then, and the name of what it starts.
fn swept() -> (Memory, String) {
    let time = |at: &str| format!("2026-03-01T{at}Z").parse().expect("a time");
    let (before, status) = (ApplicationStatus::Running, ApplicationStatus::Updating);
    let seen = |version_id, status| Listed {
        name: "orders",
        status,
        version_id,
    };
    let memory = Memory::after(None, &seen(2, &before), time("10:00:00"));
    let tags = BTreeMap::from([("lifeguard:managed".to_owned(), "true".to_owned())]);
    let now = time("10:01:00");
    let operation = Operation {
        id: "op-3".to_owned(),
        name: "UpdateApplication".to_owned(),
        status: OperationStatus::InProgress,
        started_at: time("10:00:40"),
        ended_at: None,
        failure: None,
        rollback_operation_id: None,
    };
    let read = Read {
        whose: &Whose::of(&Policy::default(), &tags, now),
        lease: &Lease::default(),
        operations: &[operation],
    };
    let judged = judge(
        Some(&memory),
        &seen(3, &status),
        &Hints::default(),
        &read,
        now,
    );
    (judged.memory, judged.start.expect("it is started").name)
}

fn with(name: &str, pointer: &str, value: Value) -> Value {
    let mut event = fixture(name);
    let (parent, key) = pointer.rsplit_once('/').expect("a pointer");
    event.pointer_mut(parent).expect("it is there")[key] = value;
    event
}

/// Nothing is started, and it is said why.
async fn let_pass(shown: Shown, event: Value, said: &str) -> Vec<String> {
    let deployed = Deployed::new().showing(shown);
    let answer = deployed.invoke(event.clone()).await.expect("no error");
    assert_eq!(answer["outcome"], "ignored", "{answer} {event}");
    let reason = answer["reason"].as_str().expect("a reason");
    assert!(reason.contains(said), "{reason}");
    assert_eq!(deployed.calls(), Vec::new());
    assert_eq!(deployed.metrics()[0]["AlarmsIgnored"], 1);
    deployed.reads()
}

/// Nothing is started, nothing is even read, and the event is refused by name.
async fn refused(event: Value, said: &str) {
    let deployed = Deployed::new().showing(shown());
    let answer = deployed.invoke(event.clone()).await.expect("no error");
    assert_eq!(answer["outcome"], "refused", "{answer} {event}");
    let reason = answer["reason"].as_str().expect("a reason");
    assert!(reason.contains(said), "{reason}");
    assert_eq!((deployed.calls(), deployed.reads()), (vec![], vec![]));
    assert_eq!(deployed.metrics()[0]["AlarmsRefused"], 1);
}

#[tokio::test]
async fn each_announcer_starts_the_execution_that_the_sweep_would_start() {
    let (_, name) = swept();
    for (event, by) in [
        (fixture(STACK), "CloudFormation"),
        (fixture(UPDATE), "CloudTrail"),
        (fixture(START), "CloudTrail"),
        (
            with(UPDATE, "/detail/eventName", json!("RollbackApplication")),
            "CloudTrail",
        ),
        // The response is left out where it is too long.
        (
            with(UPDATE, "/detail/responseElements", Value::Null),
            "CloudTrail",
        ),
    ] {
        let deployed = Deployed::new().showing(shown());
        let answer = deployed.invoke(event).await.expect("no error");
        assert_eq!(answer["outcome"], "started", "{answer}");
        assert_eq!(answer["executions"][0]["executionName"], name);
        let input = &deployed.inputs()[0];
        assert_eq!(input["applicationName"], "orders");
        assert_eq!(input["trigger"]["kind"], "deployment");
        assert_eq!(input["trigger"]["versionId"], 3);
        assert!(input.to_string().contains(by), "{input}");
        assert!(!input.to_string().contains("hunter2"));
    }
}

#[tokio::test]
async fn twice_and_in_either_order_it_is_one_execution() {
    for order in [[STACK, UPDATE], [UPDATE, STACK], [UPDATE, UPDATE]] {
        let deployed = Deployed::new()
            .showing(shown())
            .replies([Reply::Started, EXISTS]);
        for (name, outcome) in order.into_iter().zip(["started", "alreadyStarted"]) {
            let answer = deployed.invoke(fixture(name)).await.expect("no error");
            assert_eq!(answer["outcome"], outcome, "{order:?}");
        }
        let names: Vec<Value> = deployed
            .calls()
            .into_iter()
            .map(|mut call| call.body["name"].take())
            .collect();
        assert_eq!(names[0], names[1]);
    }
}

#[tokio::test]
async fn what_the_sweep_saw_first_is_not_started_again() {
    let (memory, _) = swept();
    for name in [STACK, UPDATE] {
        let shown = sweep_remembers(shown(), &memory);
        let_pass(shown, fixture(name), "was seen with this deployment before").await;
    }
}

#[tokio::test]
async fn while_an_execution_is_at_work_the_deployment_is_that_ones() {
    let lease = |ends: i64| {
        let mut shown = shown();
        let row = json!({ "holder": { "S": "arn" }, "expiresAt": { "N": ends.to_string() } });
        let key = ("orders".to_owned(), "lease".to_owned());
        shown.rows.insert(key, row);
        shown
    };
    let now = 1_772_359_549;
    let_pass(lease(now + 60), fixture(UPDATE), "already being handled").await;
    let deployed = Deployed::new().showing(lease(now - 60));
    let answer = deployed.invoke(fixture(UPDATE)).await.expect("no error");
    assert_eq!(answer["outcome"], "started");
}

#[tokio::test]
async fn an_application_that_has_not_opted_in_costs_two_calls() {
    for tags in [
        json!([]),
        json!([{ "Key": "lifeguard:managed", "Value": "yes" }]),
        json!([{ "Key": "lifeguard:managed", "Value": "true" }, { "Key": "lifeguard:stack", "Value": "other" }]),
    ] {
        let shown = Shown { tags, ..shown() };
        let reads = let_pass(shown, fixture(STACK), "has not opted in here").await;
        assert_eq!(reads, ["DescribeApplication", "ListTagsForResource"]);
    }
}

#[tokio::test]
async fn a_call_that_was_refused_or_says_nothing_changed_nothing() {
    for (event, said) in [
        (
            with(UPDATE, "/detail/errorCode", json!("AccessDenied")),
            "was refused, so nothing changed",
        ),
        (
            with(
                UPDATE,
                "/detail/responseElements",
                json!({ "errorCode": "ResourceInUseException" }),
            ),
            "was refused, so nothing changed",
        ),
        (
            with(START, "/detail/requestParameters", Value::Null),
            "names no application",
        ),
        (
            with(START, "/detail/requestParameters", json!({})),
            "names no application",
        ),
        (
            with(UPDATE, "/detail/eventName", json!("TagResource")),
            "deploys nothing",
        ),
        (
            with(UPDATE, "/detail/eventName", Value::Null),
            "deploys nothing",
        ),
        (
            with(UPDATE, "/detail/apiVersion", json!("2015-08-14")),
            "no Flink applications",
        ),
    ] {
        let reads = let_pass(shown(), event, said).await;
        assert_eq!(reads, Vec::<String>::new(), "{said}");
    }
}

#[tokio::test]
async fn our_own_calls_and_the_services_are_no_deployments() {
    let issuer = "/detail/userIdentity/sessionContext/sessionIssuer/arn";
    for role in support::OWN_ROLES.split(',') {
        for name in [UPDATE, START] {
            let own = with(name, issuer, json!(role));
            let reads = let_pass(shown(), own, "is Lifeguard's own").await;
            assert_eq!(reads, Vec::<String>::new());
        }
    }
    for (member, value) in [
        ("type", "AWSService"),
        ("invokedBy", "kinesisanalytics.amazonaws.com"),
    ] {
        let pointer = format!("/detail/userIdentity/{member}");
        let event = with(UPDATE, &pointer, json!(value));
        let_pass(shown(), event, "is the service's own").await;
    }
    // A role of that name with another path is somebody else's, and so is a stack's call.
    for (pointer, value) in [
        (issuer, "arn:aws:iam::111122223333:role/rollback"),
        (
            "/detail/userIdentity/invokedBy",
            "cloudformation.amazonaws.com",
        ),
    ] {
        let deployed = Deployed::new().showing(shown());
        let event = with(UPDATE, pointer, json!(value));
        let answer = deployed.invoke(event).await.expect("no error");
        assert_eq!(answer["outcome"], "started", "{value}");
    }
}

#[tokio::test]
async fn a_resource_that_is_under_way_or_none_of_ours_is_let_pass() {
    let kind = with(STACK, "/detail/resource-type", json!("AWS::S3::Bucket"));
    let_pass(shown(), kind, "no application").await;
    for status in [
        "UPDATE_IN_PROGRESS",
        "CREATE_IN_PROGRESS",
        "CREATE_FAILED",
        "DELETE_COMPLETE",
    ] {
        let event = with(STACK, "/detail/status-details/status", json!(status));
        let_pass(shown(), event, "nothing has begun").await;
    }
    let failed = with(
        STACK,
        "/detail/status-details/status",
        json!("UPDATE_FAILED"),
    );
    let deployed = Deployed::new().showing(shown());
    let answer = deployed.invoke(failed).await.expect("no error");
    assert_eq!(answer["outcome"], "started");
    // An application that was only made does not run.
    let mut made = shown();
    made.application.as_mut().expect("it is there")["ApplicationStatus"] = json!("READY");
    let created = with(
        STACK,
        "/detail/status-details/status",
        json!("CREATE_COMPLETE"),
    );
    let_pass(made, created, "no version of it begins to run").await;
}

#[tokio::test]
async fn a_late_record_of_what_was_followed_by_another_is_left_to_the_sweep() {
    let older = json!({ "operationId": "op-2" });
    let event = with(START, "/detail/responseElements", older);
    let_pass(shown(), event, "another operation as its newest").await;
    // A stack that changed nothing but tags, an hour after the last deployment.
    let event = with(STACK, "/time", json!("2026-03-01T11:05:48Z"));
    let_pass(shown(), event, "no operation of that time").await;
}

#[tokio::test]
async fn what_cannot_be_read_is_left_to_the_sweep_and_the_stop_switch_holds() {
    for verb in [
        "DescribeApplication",
        "ListTagsForResource",
        "ListApplicationOperations",
        "GetItem",
    ] {
        let shown = Shown {
            denied: Some(verb),
            ..shown()
        };
        let_pass(shown, fixture(STACK), "left to the sweep").await;
    }
    let_pass(Shown::default(), fixture(STACK), "is not there any more").await;
    let mut stopped = shown();
    let key = ("*".to_owned(), "stop".to_owned());
    stopped.rows.insert(key, json!({ "by": { "S": "mia" } }));
    let_pass(stopped, fixture(UPDATE), "the stop switch is on").await;
}

#[tokio::test]
async fn an_announcement_from_elsewhere_is_refused() {
    for (name, pointer, value) in [
        (STACK, "/account", json!(OTHER_ACCOUNT)),
        (STACK, "/region", json!("us-west-2")),
        (
            STACK,
            "/detail/stack-id",
            json!("arn:aws:cloudformation:eu-central-1:999988887777:stack/orders-stack/1"),
        ),
        (UPDATE, "/account", json!(OTHER_ACCOUNT)),
        (UPDATE, "/region", json!("us-west-2")),
        (UPDATE, "/detail/awsRegion", json!("us-west-2")),
        (UPDATE, "/detail/recipientAccountId", json!(OTHER_ACCOUNT)),
    ] {
        refused(with(name, pointer, value), "and this stack looks after").await;
    }
}

#[tokio::test]
async fn a_malformed_announcement_is_refused_by_name() {
    for id in [Value::Null, json!(""), json!(7)] {
        let event = with(STACK, "/detail/physical-resource-id", id);
        refused(event, "does not say its application").await;
    }
    let odd = json!("or ders/../x");
    let event = with(STACK, "/detail/physical-resource-id", odd.clone());
    refused(event, "is not a name that an application can have").await;
    let event = with(UPDATE, "/detail/requestParameters/applicationName", odd);
    refused(event, "is not a name that an application can have").await;
    for time in [Value::Null, json!("yesterday")] {
        refused(with(STACK, "/time", time), "does not say when it was").await;
    }
}

#[tokio::test]
async fn who_made_a_version_is_noted_by_name_whatever_else_comes_of_the_event() {
    let busy = {
        let mut shown = shown();
        let row = json!({ "holder": { "S": "arn" }, "expiresAt": { "N": "9999999999" } });
        let key = ("orders".to_owned(), "lease".to_owned());
        shown.rows.insert(key, row);
        shown
    };
    for shown in [shown(), busy] {
        let deployed = Deployed::new().showing(shown);
        deployed.invoke(fixture(UPDATE)).await.expect("no error");
        assert_eq!(
            deployed.notes(),
            [json!({
                "TableName": "ledger",
                "Key": { "pk": { "S": "orders" }, "sk": { "S": "ledger" } },
                "UpdateExpression": "SET #deployed = :deployed",
                "ExpressionAttributeNames": { "#deployed": "deployed 3" },
                "ExpressionAttributeValues": { ":deployed": { "S": "2026-03-01T10:00:48Z UpdateApplication role deploy, session ci" } },
            })]
        );
    }
}

#[tokio::test]
async fn nobody_is_noted_where_no_version_was_made_or_no_name_is_told() {
    for event in [
        fixture(STACK),
        fixture(START),
        with(UPDATE, "/detail/responseElements", Value::Null),
        with(
            UPDATE,
            "/detail/userIdentity",
            json!({ "type": "AWSAccount", "principalId": "AIDAEXAMPLE" }),
        ),
        with(UPDATE, "/detail/errorCode", json!("AccessDenied")),
    ] {
        let deployed = Deployed::new().showing(shown());
        deployed.invoke(event).await.expect("no error");
        assert_eq!(deployed.notes(), Vec::<Value>::new());
    }
    // Of an application that has not opted in nothing is written.
    let shown = Shown {
        tags: json!([]),
        ..shown()
    };
    let deployed = Deployed::new().showing(shown);
    deployed.invoke(fixture(UPDATE)).await.expect("no error");
    assert_eq!(deployed.notes(), Vec::<Value>::new());
}

#[tokio::test]
async fn a_note_that_cannot_be_written_holds_nothing_back() {
    let shown = Shown {
        denied: Some("UpdateItem"),
        ..shown()
    };
    let deployed = Deployed::new().showing(shown);
    let answer = deployed.invoke(fixture(UPDATE)).await.expect("no error");
    assert_eq!(answer["outcome"], "started", "{answer}");
}

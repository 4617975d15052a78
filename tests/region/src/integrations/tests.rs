//! Each integration against the service it calls, and what its errors are called.

use std::{sync::Mutex, time::Duration};

use futures::future::BoxFuture;
use lambda_kit::Invocation;

use super::*;
use emulated_aws::{
    dynamodb::DynamoDb,
    events::EventBus,
    faults::{Fault, Faults, Rule},
    lambda::{FunctionError, HostedFunction, LambdaHost},
    sns::Sns,
};
use ground::{
    clock::Clock,
    journal::Journal,
    wire::{self, json_answer},
};

/// Answers its payload, or fails as told.
struct Echo;

impl HostedFunction for Echo {
    fn invoke(
        &self,
        payload: Value,
        _: Invocation,
    ) -> BoxFuture<'static, Result<Value, FunctionError>> {
        let error = payload["fail"].as_str().map(|error| FunctionError {
            error_type: error.to_owned(),
            message: "because".to_owned(),
        });
        Box::pin(std::future::ready(error.map_or(Ok(payload), Err)))
    }
}

struct Region {
    integrations: Integrations,
    journal: Journal,
    faults: Faults,
    /// Requests to the services that are not part of this module's tests, by service.
    others: Arc<Mutex<Vec<(String, Value)>>>,
}

/// The services of this helper, and one answer for all others.
fn region(other: Value) -> Region {
    let clock = Clock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
    let journal = Journal::new(clock.clone());
    let router = Router::closed();
    let (dynamodb, sns) = (
        DynamoDb::new(clock.clone(), journal.clone()),
        Sns::new(clock.clone(), journal.clone(), router.clone()),
    );
    let key = json!([{ "AttributeName": "pk", "KeyType": "HASH" }]);
    dynamodb.create_table(&json!({ "TableName": "ledger", "BillingMode": "PAY_PER_REQUEST", "KeySchema": key, "AttributeDefinitions": [{ "AttributeName": "pk", "AttributeType": "S" }] })).unwrap();
    sns.create_topic("reports");
    let bus = EventBus::new(clock.clone(), journal.clone(), router.clone());
    let lambda = LambdaHost::new(clock.clone(), journal.clone());
    lambda.register("planner", Duration::from_secs(10), Arc::new(Echo));
    let others: Arc<Mutex<Vec<(String, Value)>>> = Arc::default();
    let seen = Arc::clone(&others);
    let inner = Router::new(move |request| {
        let (dynamodb, sns, bus, lambda) =
            (dynamodb.clone(), sns.clone(), bus.clone(), lambda.clone());
        let (seen, other) = (Arc::clone(&seen), other.clone());
        Box::pin(async move {
            match wire::service(&request).as_deref() {
                Some("dynamodb") => dynamodb.handle(request).await,
                Some("sns") => sns.handle(request).await,
                Some("events") => bus.handle(request).await,
                Some("lambda") => lambda.handle(request).await,
                _ => {
                    let target = request.headers()["x-amz-target"]
                        .to_str()
                        .unwrap()
                        .to_owned();
                    seen.lock()
                        .unwrap()
                        .push((target, serde_json::from_slice(request.body()).unwrap()));
                    match other["__type"].as_str() {
                        Some(code) => wire::json_error(400, code, "no"),
                        None => json_answer(200, "application/x-amz-json-1.1", &other),
                    }
                }
            }
        })
    });
    let faults = Faults::none();
    let (plan, record) = (faults.clone(), journal.clone());
    router.open(move |request| {
        let (plan, inner, clock, journal) =
            (plan.clone(), inner.clone(), clock.clone(), record.clone());
        Box::pin(async move { plan.pass(request, &inner, &clock, &journal).await })
    });
    let roles = BTreeMap::from([("remediate".to_owned(), "remediate-role".to_owned())]);
    Region {
        integrations: Integrations::new(router, roles),
        journal,
        faults,
        others,
    }
}

async fn call(region: &Region, resource: &str, arguments: Value) -> Result<Value, Failure> {
    let origin = Origin {
        execution_arn: place::arn("states", "execution:remediate:1"),
        state_machine_arn: place::arn("states", "stateMachine:remediate"),
    };
    region
        .integrations
        .call(&format!("arn:aws:states:::{resource}"), arguments, &origin)
        .await
}

async fn error(region: &Region, resource: &str, arguments: Value) -> String {
    call(region, resource, arguments).await.unwrap_err().0
}

#[tokio::test(start_paused = true)]
async fn a_function_is_invoked_with_the_machines_role_and_its_error_is_the_tasks() {
    let region = region(json!({}));
    let result = call(
        &region,
        "lambda:invoke",
        json!({ "FunctionName": place::arn("lambda", "function:planner"), "Payload": { "a": 1 } }),
    )
    .await;
    assert_eq!(
        result.unwrap(),
        json!({ "Payload": { "a": 1 }, "StatusCode": 200, "ExecutedVersion": "$LATEST" })
    );
    assert_eq!(region.journal.calls()[0].caller, "remediate-role");
    let failure = call(
        &region,
        "lambda:invoke",
        json!({ "FunctionName": "planner", "Payload": { "fail": "Lifeguard.Stale" } }),
    )
    .await
    .unwrap_err();
    assert_eq!(
        failure,
        (
            "Lifeguard.Stale".to_owned(),
            r#"{"errorType":"Lifeguard.Stale","errorMessage":"because"}"#.to_owned()
        )
    );
    assert_eq!(
        error(&region, "lambda:invoke", json!({ "FunctionName": "gone" })).await,
        "Lambda.ResourceNotFoundException"
    );
    assert_eq!(
        error(
            &region,
            "lambda:invoke",
            json!({ "FunctionName": "planner", "Qualifier": "1" })
        )
        .await,
        "States.Runtime"
    );
}

#[tokio::test(start_paused = true)]
async fn faults_arrive_under_the_names_that_state_machines_retry_on() {
    let table = [
        (
            Fault::Throttle,
            "lambda:invoke",
            "Lambda.TooManyRequestsException",
        ),
        (
            Fault::ServerError,
            "lambda:invoke",
            "Lambda.ServiceException",
        ),
        (
            Fault::LoseAnswer,
            "lambda:invoke",
            "Lambda.SdkClientException",
        ),
        (
            Fault::Throttle,
            "dynamodb:getItem",
            "DynamoDB.ProvisionedThroughputExceededException",
        ),
        (
            Fault::ServerError,
            "dynamodb:getItem",
            "DynamoDB.InternalServerErrorException",
        ),
        (
            Fault::CutBefore,
            "dynamodb:getItem",
            "DynamoDB.SdkClientException",
        ),
        (Fault::Throttle, "sns:publish", "SNS.ThrottlingException"),
        (
            Fault::Throttle,
            "events:putEvents",
            "EventBridge.ThrottlingException",
        ),
        (
            Fault::Throttle,
            "aws-sdk:kinesisanalyticsv2:describeApplication",
            "KinesisAnalyticsV2.KinesisAnalyticsV2Exception",
        ),
        (
            Fault::CutBefore,
            "aws-sdk:sfn:startExecution",
            "Sfn.SdkClientException",
        ),
    ];
    for (fault, resource, wanted) in table {
        let region = region(json!({}));
        region.faults.add(Rule::new(fault));
        let arguments = if resource.starts_with("lambda") {
            json!({ "FunctionName": "planner" })
        } else {
            json!({})
        };
        assert_eq!(
            error(&region, resource, arguments).await,
            wanted,
            "{resource}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_taken_once_and_the_refusal_has_its_name() {
    let region = region(json!({}));
    let lease = json!({ "TableName": "ledger", "Item": { "pk": { "S": "orders" } }, "ConditionExpression": "attribute_not_exists(pk)" });
    assert_eq!(
        call(&region, "dynamodb:putItem", lease.clone())
            .await
            .unwrap(),
        json!({})
    );
    assert_eq!(
        error(&region, "dynamodb:putItem", lease).await,
        "DynamoDB.ConditionalCheckFailedException"
    );
    let read = call(
        &region,
        "dynamodb:getItem",
        json!({ "TableName": "ledger", "Key": { "pk": { "S": "orders" } } }),
    )
    .await
    .unwrap();
    assert_eq!(read["Item"]["pk"]["S"], "orders");
    assert_eq!(
        error(
            &region,
            "dynamodb:getItem",
            json!({ "TableName": "ledger", "Key": { "wrong": { "S": "a" } } })
        )
        .await,
        "DynamoDB.AmazonDynamoDBException"
    );
    let query = json!({ "TableName": "ledger", "KeyConditionExpression": "pk = :pk", "ExpressionAttributeValues": { ":pk": { "S": "orders" } } });
    assert_eq!(
        call(&region, "aws-sdk:dynamodb:query", query)
            .await
            .unwrap()["Count"],
        1
    );
    let no_condition = json!({ "TableName": "ledger" });
    assert_eq!(
        error(&region, "aws-sdk:dynamodb:query", no_condition).await,
        "DynamoDb.DynamoDbException"
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_may_have_an_object_as_detail_and_names_its_execution() {
    let region = region(json!({}));
    let entry = json!({ "Source": "lifeguard", "DetailType": "Rescue", "Detail": { "applicationName": "orders" } });
    assert_eq!(
        call(&region, "events:putEvents", json!({ "Entries": [entry] }))
            .await
            .unwrap()["FailedEntryCount"],
        0
    );
    let event = &region.journal.messages()[0]["event"];
    assert_eq!(event["detail"], json!({ "applicationName": "orders" }));
    assert_eq!(
        event["resources"],
        json!([
            place::arn("states", "execution:remediate:1"),
            place::arn("states", "stateMachine:remediate")
        ])
    );
    let wrong = json!({ "Source": "aws.own", "DetailType": "Rescue", "Detail": {} });
    assert_eq!(
        error(&region, "events:putEvents", json!({ "Entries": [wrong] })).await,
        "EventBridge.FailedEntry"
    );
}

#[tokio::test(start_paused = true)]
async fn a_message_may_be_an_object_and_carry_attributes() {
    let region = region(json!({}));
    let attributes = json!({ "outcome": { "DataType": "String", "StringValue": "recovered" } });
    let message = json!({ "TopicArn": place::arn("sns", "reports"), "Message": { "a": 1 }, "MessageAttributes": attributes });
    assert!(call(&region, "sns:publish", message).await.unwrap()["MessageId"].is_string());
    let recorded = &region.journal.messages()[0];
    assert_eq!(
        (
            recorded["message"].as_str(),
            recorded["attributes"]["outcome"]["Value"].as_str()
        ),
        (Some("{\"a\":1}"), Some("recovered"))
    );
    assert_eq!(
        error(
            &region,
            "sns:publish",
            json!({ "TopicArn": "arn:aws:sns:us-east-1:123456789012:gone", "Message": "x" })
        )
        .await,
        "SNS.NotFoundException"
    );
}

#[tokio::test(start_paused = true)]
async fn an_sdk_call_translates_times_and_errors() {
    let region_ok = region(
        json!({ "ApplicationDetail": { "ApplicationStatus": "RUNNING", "CreateTimestamp": 1_767_225_600.5, "LastUpdateTimestamp": 1_767_225_600 } }),
    );
    let answer = call(
        &region_ok,
        "aws-sdk:kinesisanalyticsv2:describeApplication",
        json!({ "ApplicationName": "orders" }),
    )
    .await
    .unwrap();
    assert_eq!(
        answer["ApplicationDetail"]["CreateTimestamp"],
        "2026-01-01T00:00:00.500Z"
    );
    assert_eq!(
        answer["ApplicationDetail"]["LastUpdateTimestamp"],
        "2026-01-01T00:00:00Z"
    );
    call(
        &region_ok,
        "aws-sdk:kinesisanalyticsv2:deleteApplicationSnapshot",
        json!({ "SnapshotCreationTimestamp": "2026-01-01T00:00:00.500Z" }),
    )
    .await
    .unwrap();
    let seen = region_ok.others.lock().unwrap().clone();
    assert_eq!(seen[0].0, "KinesisAnalytics_20180523.DescribeApplication");
    assert_eq!(
        seen[1].1,
        json!({ "SnapshotCreationTimestamp": 1_767_225_600.5 })
    );
    let region_busy = region(json!({ "__type": "ResourceInUseException" }));
    assert_eq!(
        error(
            &region_busy,
            "aws-sdk:kinesisanalyticsv2:rollbackApplication",
            json!({})
        )
        .await,
        "KinesisAnalyticsV2.ResourceInUseException"
    );
}

#[tokio::test(start_paused = true)]
async fn step_functions_own_api_is_called_in_its_own_spelling() {
    let region_ok = region(json!({ "executionArn": "e", "startDate": 1_767_225_600 }));
    let machine = place::arn("states", "stateMachine:verify");
    let answer = call(
        &region_ok,
        "states:startExecution",
        json!({ "StateMachineArn": machine, "Input": { "applicationName": "orders" } }),
    )
    .await
    .unwrap();
    assert_eq!(
        answer,
        json!({ "ExecutionArn": "e", "StartDate": "2026-01-01T00:00:00Z" })
    );
    let seen = region_ok.others.lock().unwrap()[0].clone();
    assert_eq!(
        seen,
        (
            "AWSStepFunctions.StartExecution".to_owned(),
            json!({ "stateMachineArn": machine, "input": "{\"applicationName\":\"orders\"}" })
        )
    );
    let region_taken = region(json!({ "__type": "ExecutionAlreadyExists" }));
    assert_eq!(
        error(
            &region_taken,
            "aws-sdk:sfn:startExecution",
            json!({ "StateMachineArn": machine })
        )
        .await,
        "Sfn.ExecutionAlreadyExistsException"
    );
}

#[tokio::test(start_paused = true)]
async fn an_unknown_integration_is_refused_by_name() {
    let region = region(json!({}));
    for resource in [
        "lambda:invoke.sync",
        "sqs:sendMessage",
        "aws-sdk:s3:getObject",
        "dynamodb:query",
    ] {
        let (error, cause) = call(&region, resource, json!({})).await.unwrap_err();
        assert_eq!(error, "States.Runtime");
        assert!(cause.contains(resource), "{cause}");
    }
}

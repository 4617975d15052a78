//! What `Retry` and `Catch` call the errors of each integration.

/// The optimised Lambda integration.
pub(super) fn lambda(code: &str) -> String {
    format!("Lambda.{}", exception(code))
}

/// The optimised DynamoDB integration uses the first Java SDK: what its model does not list, ValidationException among it, is the generic exception.
pub(super) fn dynamodb(code: &str) -> String {
    const LISTED: [&str; 8] = [
        "ConditionalCheckFailedException",
        "InternalServerErrorException",
        "ItemCollectionSizeLimitExceededException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceededException",
        "ResourceNotFoundException",
        "SdkClientException",
        "TransactionConflictException",
    ];
    listed("DynamoDB", &LISTED, "AmazonDynamoDBException", code)
}

/// The optimised EventBridge integration.
pub(super) fn events(code: &str) -> String {
    format!("EventBridge.{}", exception(code))
}

/// The optimised SNS integration; the generic one writes `Sns.`.
pub(super) fn sns(code: &str) -> String {
    format!("SNS.{}", exception(code))
}

/// The optimised Step Functions integration.
pub(super) fn states(code: &str) -> String {
    format!("StepFunctions.{}", exception(code))
}

/// `prefix.code`, or `prefix.generic` when the model does not list the code.
pub(super) fn listed(prefix: &str, listed: &[&str], generic: &str, code: &str) -> String {
    let code = exception(code);
    if listed.contains(&code.as_str()) {
        format!("{prefix}.{code}")
    } else {
        format!("{prefix}.{generic}")
    }
}

/// The SDK's classes all end in `Exception`, also where the wire says `NotFound`.
fn exception(code: &str) -> String {
    if code.ends_with("Exception") {
        code.to_owned()
    } else {
        format!("{code}Exception")
    }
}

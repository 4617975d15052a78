//! DynamoDB on the crate `dynoxide`: an in-memory database per region, behind the verbs this project uses.
//!
//! The engine decides every condition, key and error; this module decides which verbs and which request members exist here. A member it does not know is
//! refused, because the engine would skip it silently. Deliberately absent: scans, batches, transactions and streams.
//!
//! Items whose time to live is over are removed some time after it, as the service does: here by the first request that comes `REMOVES_EVERY_SECS` or more
//! after the last removal. No reader may count on either.
//!
//! Invariant: answers repeat byte for byte, so the members of every item are in alphabetical order.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use dynoxide::{Database, DynoxideError, storage_backend};
use jiff::Timestamp;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value, json};

use ground::{
    clock::Clock,
    journal::Journal,
    place::arn,
    protocol::{record, tower_service},
    wire::{self, Request, Response, json_answer, json_error},
};

const JSON: &str = "application/x-amz-json-1.0";
const TARGET: &str = "DynamoDB_20120810.";
/// Every other verb is refused.
const VERBS: [&str; 6] = [
    "PutItem",
    "GetItem",
    "UpdateItem",
    "DeleteItem",
    "Query",
    "DescribeTable",
];

/// Expired items are removed in passes that are this far apart. The service promises days.
const REMOVES_EVERY_SECS: i64 = 6 * 3_600;

/// Members that every write with a condition may carry.
const CONDITION: [&str; 6] = [
    "TableName",
    "ConditionExpression",
    "ExpressionAttributeNames",
    "ExpressionAttributeValues",
    "ReturnValues",
    "ReturnValuesOnConditionCheckFailure",
];

/// What goes wrong when a table of a template is made.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// A property this service does not know.
    #[error("the table property {0} is not known here")]
    UnknownProperty(String),
    /// The engine refused the table.
    #[error("the table was refused: {0}")]
    Refused(String),
}

/// The service. Cheap to clone; all clones share the tables.
#[derive(Clone)]
pub struct DynamoDb {
    database: Database,
    clock: Clock,
    journal: Journal,
    /// When each table was made: the engine would tell the machine's time.
    created: Arc<Mutex<BTreeMap<String, Timestamp>>>,
    /// When expired items were last removed.
    removed: Arc<Mutex<Timestamp>>,
}

tower_service!(DynamoDb);

struct EngineClock(Clock);

impl storage_backend::Clock for EngineClock {
    fn now_unix_secs(&self) -> u64 {
        u64::try_from(self.0.now().as_second()).unwrap_or_default()
    }

    fn now_unix_secs_f64(&self) -> f64 {
        self.0.now().as_millisecond() as f64 / 1000.0
    }
}

impl DynamoDb {
    /// A service without tables.
    #[must_use]
    pub fn new(clock: Clock, journal: Journal) -> Self {
        let database = Database::memory_with_clock(Arc::new(EngineClock(clock.clone())))
            .expect("a database in memory needs nothing from the machine");
        let removed = Arc::new(Mutex::new(clock.now()));
        Self {
            database,
            clock,
            journal,
            created: Arc::default(),
            removed,
        }
    }

    /// Makes a table from the properties of an `AWS::DynamoDB::Table`, its `TableName` resolved.
    ///
    /// # Errors
    /// When a property is not known, or the engine refuses the table.
    pub fn create_table(&self, properties: &Value) -> Result<(), TableError> {
        let mut request = Map::new();
        for (name, value) in properties.as_object().into_iter().flatten() {
            match name.as_str() {
                "TableName"
                | "KeySchema"
                | "AttributeDefinitions"
                | "BillingMode"
                | "GlobalSecondaryIndexes"
                | "LocalSecondaryIndexes" => {
                    request.insert(name.clone(), value.clone());
                }
                // Known, and without effect on what the verbs answer.
                "TimeToLiveSpecification"
                | "PointInTimeRecoverySpecification"
                | "SSESpecification"
                | "DeletionProtectionEnabled"
                | "TableClass"
                | "Tags" => {}
                other => return Err(TableError::UnknownProperty(other.to_owned())),
            }
        }
        let body = Value::Object(request).to_string();
        run(&body, |request| self.database.create_table(request))
            .map_err(|error| TableError::Refused(error.to_string()))?;
        let table = properties["TableName"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        if let Some(attribute) = properties["TimeToLiveSpecification"]["AttributeName"].as_str() {
            let body = json!({ "TableName": table, "TimeToLiveSpecification": { "AttributeName": attribute, "Enabled": true } }).to_string();
            run(&body, |request| self.database.update_time_to_live(request))
                .map_err(|error| TableError::Refused(error.to_string()))?;
        }
        self.created().insert(table, self.clock.now());
        Ok(())
    }

    /// Removes what has expired, when it is time for the next pass.
    fn remove_expired(&self) {
        let now = self.clock.now();
        let mut removed = self
            .removed
            .lock()
            .expect("no thread panics while it holds a time");
        if now.as_second() - removed.as_second() < REMOVES_EVERY_SECS {
            return;
        }
        *removed = now;
        self.database
            .sweep_ttl()
            .expect("a database in memory can always be read");
    }

    /// An item as it stands, without a request: what a check of invariants looks at. None where there is none.
    #[must_use]
    pub fn peek(&self, table: &str, key: &Value) -> Option<Value> {
        let body = json!({ "TableName": table, "Key": key, "ConsistentRead": true }).to_string();
        let answer = run(&body, |request| self.database.get_item(request)).ok()?;
        answer
            .get("Item")
            .filter(|item| !item.is_null())
            .map(|item| sorted(item.clone()))
    }

    /// Answers one request.
    pub async fn handle(&self, request: Request) -> Response {
        self.remove_expired();
        let verb = wire::verb(&request).unwrap_or_default().to_owned();
        let body = String::from_utf8_lossy(request.body()).into_owned();
        let parsed: Value = serde_json::from_str(&body).unwrap_or_default();
        if !VERBS.contains(&verb.as_str()) {
            let answer = json_error(
                400,
                "UnknownOperationException",
                &format!("the sandbox's DynamoDB does not know {verb:?}"),
            );
            record(
                &self.journal,
                self.clock.now(),
                &request,
                parsed["TableName"].as_str().map(str::to_owned),
                &answer,
                false,
            );
            return answer;
        }
        let result = self
            .check(&request, &verb, &parsed)
            .and_then(|()| self.perform(&verb, &body));
        let answer = match result {
            Ok(value) => json_answer(200, JSON, &sorted(value)),
            Err(error) => {
                let body = serde_json::from_str(&error.to_json()).expect("the engine writes JSON");
                json_answer(error.status_code(), JSON, &sorted(body))
            }
        };
        let changed = answer.status().is_success()
            && matches!(verb.as_str(), "PutItem" | "UpdateItem" | "DeleteItem");
        record(
            &self.journal,
            self.clock.now(),
            &request,
            parsed["TableName"].as_str().map(str::to_owned),
            &answer,
            changed,
        );
        answer
    }

    /// Refuses verbs and members that this region does not know.
    fn check(&self, request: &Request, verb: &str, body: &Value) -> Result<(), DynoxideError> {
        let target = request
            .headers()
            .get("x-amz-target")
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default();
        let own: &[&str] = match verb {
            "PutItem" => &["Item"],
            "GetItem" => &["Key", "ConsistentRead", "ProjectionExpression"],
            "UpdateItem" => &["Key", "UpdateExpression"],
            "DeleteItem" => &["Key"],
            "Query" => &[
                "KeyConditionExpression",
                "FilterExpression",
                "ProjectionExpression",
                "ConsistentRead",
                "IndexName",
                "Limit",
                "ScanIndexForward",
                "ExclusiveStartKey",
                "Select",
            ],
            _ => &[],
        };
        if !target.starts_with(TARGET) {
            return Err(DynoxideError::ValidationException(format!(
                "the sandbox does not know the target {target:?}"
            )));
        }
        let unknown = body
            .as_object()
            .into_iter()
            .flatten()
            .map(|(name, _)| name)
            .find(|name| !own.contains(&name.as_str()) && !CONDITION.contains(&name.as_str()));
        match unknown {
            Some(name) => Err(DynoxideError::ValidationException(format!(
                "the sandbox does not know the member {name} of {verb}"
            ))),
            None => Ok(()),
        }
    }

    fn perform(&self, verb: &str, body: &str) -> Result<Value, DynoxideError> {
        match verb {
            "PutItem" => run(body, |request| self.database.put_item(request)),
            "GetItem" => run(body, |request| self.database.get_item(request)),
            "UpdateItem" => run(body, |request| self.database.update_item(request)),
            "DeleteItem" => run(body, |request| self.database.delete_item(request)),
            "Query" => run(body, |request| self.database.query(request)),
            _ => run(body, |request| self.database.describe_table(request))
                .map(|description| self.described(description)),
        }
    }

    /// The engine's description, with the region's time and ARN.
    fn described(&self, mut description: Value) -> Value {
        let table = &mut description["Table"];
        let name = table["TableName"].as_str().unwrap_or_default().to_owned();
        let created = self.created().get(&name).map(|at| at.as_second());
        table["CreationDateTime"] = json!(created);
        table["TableArn"] = json!(arn("dynamodb", &format!("table/{name}")));
        table["TableId"] = json!(name);
        // The engine's own invention: no client knows this member.
        if let Value::Object(members) = table {
            members.shift_remove("TableThroughputModeSummary");
        }
        description
    }

    fn created(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, Timestamp>> {
        self.created
            .lock()
            .expect("no thread panics while it holds the table list")
    }
}

/// Reads a request for the engine and writes its answer. The engine marks what kind of refusal an unreadable request is with a prefix.
fn run<Q: DeserializeOwned, A: Serialize>(
    body: &str,
    verb: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> Result<Value, DynoxideError> {
    let request = serde_json::from_str(body).map_err(|error| {
        let text = error.to_string();
        let text = text.split(" at line ").next().unwrap_or(&text);
        match text.split_once(':') {
            Some(("SERIALIZATION" | "SERIALIZATION_AS_READ", message)) => {
                DynoxideError::SerializationException(message.to_owned())
            }
            Some(("VALIDATION" | "VALIDATION_AS_READ" | "VALIDATION_REQUEST", message)) => {
                DynoxideError::ValidationException(message.to_owned())
            }
            _ => DynoxideError::ValidationException(text.to_owned()),
        }
    })?;
    serde_json::to_value(verb(request)?)
        .map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// The same value with all members in alphabetical order: the engine keeps items in hash maps.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let members: BTreeMap<String, Value> = members
                .into_iter()
                .map(|(name, value)| (name, sorted(value)))
                .collect();
            Value::Object(members.into_iter().collect())
        }
        Value::Array(values) => values.into_iter().map(sorted).collect(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ground::protocol::{aws_json, refused};

    fn service() -> DynamoDb {
        let clock = Clock::starting_at("2026-01-01T00:00:00Z".parse().unwrap());
        let service = DynamoDb::new(clock.clone(), Journal::new(clock));
        service
            .create_table(&json!({
                "TableName": "ledger",
                "BillingMode": "PAY_PER_REQUEST",
                "AttributeDefinitions": [{ "AttributeName": "pk", "AttributeType": "S" }, { "AttributeName": "sk", "AttributeType": "S" }],
                "KeySchema": [{ "AttributeName": "pk", "KeyType": "HASH" }, { "AttributeName": "sk", "KeyType": "RANGE" }],
                "TimeToLiveSpecification": { "AttributeName": "expires", "Enabled": true },
                "PointInTimeRecoverySpecification": { "PointInTimeRecoveryEnabled": true },
            }))
            .unwrap();
        service
    }

    async fn call(service: &DynamoDb, verb: &str, body: Value) -> (u16, Value) {
        let answer = service
            .handle(aws_json(
                "planner",
                "dynamodb",
                &format!("{TARGET}{verb}"),
                "1.0",
                &body,
            ))
            .await;
        (
            answer.status().as_u16(),
            serde_json::from_slice(answer.body()).unwrap(),
        )
    }

    fn lease(holder: &str) -> Value {
        json!({
            "TableName": "ledger",
            "Item": { "sk": { "S": "lease" }, "pk": { "S": "orders" }, "holder": { "S": holder }, "at": { "N": "7" } },
            "ConditionExpression": "attribute_not_exists(pk)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        })
    }

    #[tokio::test(start_paused = true)]
    async fn the_second_holder_of_a_lease_is_refused_and_told_who_holds_it() {
        let service = service();
        assert_eq!(
            call(&service, "PutItem", lease("a")).await,
            (200, json!({}))
        );
        let (status, error) = call(&service, "PutItem", lease("b")).await;
        assert_eq!(status, 400);
        assert_eq!(
            error["__type"],
            "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException"
        );
        assert_eq!(error["Item"]["holder"]["S"], "a");
        let outcomes: Vec<(String, bool)> = service
            .journal
            .calls()
            .into_iter()
            .map(|call| (call.outcome, call.changed))
            .collect();
        assert_eq!(
            outcomes,
            [
                ("ok".to_owned(), true),
                ("ConditionalCheckFailedException".to_owned(), false)
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_update_answers_its_new_values_in_alphabetical_order() {
        let service = service();
        let body = json!({
            "TableName": "ledger",
            "Key": { "pk": { "S": "orders" }, "sk": { "S": "rescues" } },
            "UpdateExpression": "SET z = :z, a = :a, m = :m ADD n :one",
            "ExpressionAttributeValues": { ":z": { "S": "z" }, ":a": { "M": { "y": { "N": "1" }, "b": { "BOOL": true } } }, ":m": { "NULL": true }, ":one": { "N": "1" } },
            "ReturnValues": "ALL_NEW",
        });
        let (_, answer) = call(&service, "UpdateItem", body).await;
        let names: Vec<&String> = answer["Attributes"].as_object().unwrap().keys().collect();
        assert_eq!(names, ["a", "m", "n", "pk", "sk", "z"]);
        assert_eq!(
            answer["Attributes"]["a"]["M"].to_string(),
            r#"{"b":{"BOOL":true},"y":{"N":"1"}}"#
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_query_finds_the_items_of_one_application_in_order() {
        let service = service();
        for sk in ["version#2", "version#1", "lease"] {
            let item = json!({ "TableName": "ledger", "Item": { "pk": { "S": "orders" }, "sk": { "S": sk } } });
            assert_eq!(call(&service, "PutItem", item).await.0, 200);
        }
        let query = json!({
            "TableName": "ledger",
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)",
            "ExpressionAttributeValues": { ":pk": { "S": "orders" }, ":prefix": { "S": "version#" } },
            "ConsistentRead": true,
        });
        let (_, answer) = call(&service, "Query", query).await;
        assert_eq!(answer["Count"], 2);
        assert_eq!(answer["Items"][0]["sk"]["S"], "version#1");
    }

    #[tokio::test(start_paused = true)]
    async fn a_missing_table_an_unknown_verb_and_an_unknown_member_are_refused_by_name() {
        let service = service();
        let key =
            json!({ "TableName": "ledgre", "Key": { "pk": { "S": "a" }, "sk": { "S": "b" } } });
        let (_, error) = call(&service, "GetItem", key).await;
        assert_eq!(
            error["__type"],
            "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"
        );
        let (_, error) = call(&service, "Scan", json!({ "TableName": "ledger" })).await;
        assert!(
            error["message"].as_str().unwrap().contains("Scan"),
            "{error}"
        );
        let (_, error) = call(
            &service,
            "GetItem",
            json!({ "TableName": "ledger", "AttributesToGet": ["a"] }),
        )
        .await;
        assert!(
            error["message"]
                .as_str()
                .unwrap()
                .contains("AttributesToGet"),
            "{error}"
        );
        let (_, error) = call(
            &service,
            "PutItem",
            json!({ "TableName": "ledger", "Item": { "pk": { "S": "a" } } }),
        )
        .await;
        assert!(
            error["__type"]
                .as_str()
                .unwrap()
                .ends_with("#ValidationException"),
            "{error}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_table_is_as_old_as_the_region_says() {
        let service = service();
        let (_, answer) = call(&service, "DescribeTable", json!({ "TableName": "ledger" })).await;
        assert_eq!(answer["Table"]["CreationDateTime"], 1_767_225_600);
        assert_eq!(answer["Table"]["TableStatus"], "ACTIVE");
        assert_eq!(
            answer["Table"]["TableArn"],
            "arn:aws:dynamodb:us-east-1:123456789012:table/ledger"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_expired_item_stays_for_hours_and_then_goes_by_the_regions_clock() {
        let service = service();
        let item = |sk: &str, attribute: &str| json!({ "TableName": "ledger", "Item": { "pk": { "S": "a" }, "sk": { "S": sk }, attribute: { "N": "1767225660" } } });
        call(&service, "PutItem", item("lease", "expires")).await;
        call(&service, "PutItem", item("other", "another attribute")).await;
        let query = json!({
            "TableName": "ledger",
            "KeyConditionExpression": "pk = :pk",
            "ExpressionAttributeValues": { ":pk": { "S": "a" } },
        });
        for (hours, left) in [(0, 2), (1, 2), (4, 2), (2, 1), (48, 1)] {
            tokio::time::sleep(std::time::Duration::from_secs(hours * 3_600)).await;
            let (_, answer) = call(&service, "Query", query.clone()).await;
            assert_eq!(answer["Count"], left, "after {hours} hours more");
        }
    }

    #[test]
    fn an_unknown_table_property_is_refused_by_name() {
        let clock_free = TableError::UnknownProperty("KeyScheme".to_owned());
        assert_eq!(
            clock_free.to_string(),
            "the table property KeyScheme is not known here"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_carries_its_bare_code_for_the_state_machine() {
        let service = service();
        let request = aws_json(
            "planner",
            "dynamodb",
            &format!("{TARGET}GetItem"),
            "1.0",
            &json!({ "TableName": "nowhere", "Key": { "pk": { "S": "a" } } }),
        );
        assert_eq!(
            refused(&service.handle(request).await).unwrap().0,
            "ResourceNotFoundException"
        );
    }
}

//! What two engines answered to the same request.

use serde_json::{Map, Value, json};

use ground::{
    protocol::refused,
    wire::{Request, Response, service, verb},
};

/// The answers of the region's own services beside those that counted.
#[derive(Debug, Default)]
pub struct Answers {
    /// How many were compared.
    pub compared: u64,
    /// Those that differ: service, verb, request, and both answers.
    pub disagreements: Vec<Value>,
}

impl Answers {
    /// Compares both answers to `request`. Of DynamoDB all of them, of others whether it was refused, and how: ids are each engine's own.
    pub(super) fn compare(&mut self, request: &Request, theirs: &Response, ours: &Response) {
        self.compared += 1;
        let service = service(request).unwrap_or_default();
        let (theirs, ours) = (essence(&service, theirs), essence(&service, ours));
        if theirs != ours {
            let asked = String::from_utf8_lossy(request.body()).into_owned();
            self.disagreements.push(json!({ "service": service, "verb": verb(request), "request": asked, "theirs": theirs, "ours": ours }));
        }
    }
}

fn essence(service: &str, answer: &Response) -> Value {
    match refused(answer) {
        Some((code, _)) => json!({ "refused": code }),
        None if service == "dynamodb" => {
            sorted(serde_json::from_slice(answer.body()).unwrap_or_default())
        }
        None => json!("ok"),
    }
}

/// Members by name, and a DynamoDB set in an order: neither has one.
fn sorted(value: Value) -> Value {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members
                .into_iter()
                .map(|(name, value)| (sorted_set(&name, sorted(value)), name))
                .collect();
            members.sort_by(|(_, one), (_, other)| one.cmp(other));
            Value::Object(
                members
                    .into_iter()
                    .map(|(value, name)| (name, value))
                    .collect::<Map<_, _>>(),
            )
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}

fn sorted_set(name: &str, value: Value) -> Value {
    match value {
        Value::Array(mut items) if ["SS", "NS", "BS"].contains(&name) => {
            items.sort_by_key(Value::to_string);
            Value::Array(items)
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ground::{
        protocol::aws_json,
        wire::{json_answer, json_error},
    };

    fn compared(service: &str, theirs: &Response, ours: &Response) -> usize {
        let mut answers = Answers::default();
        answers.compare(
            &aws_json("remediate", service, "Service.Verb", "1.0", &json!({})),
            theirs,
            ours,
        );
        answers.disagreements.len()
    }

    fn answer(body: &Value) -> Response {
        json_answer(200, "application/json", body)
    }

    #[test]
    fn sets_and_members_have_no_order_and_ids_are_each_engines_own() {
        let (one, other) = (
            json!({ "Item": { "a": { "SS": ["x", "y"] }, "b": { "S": "1" } } }),
            json!({ "Item": { "b": { "S": "1" }, "a": { "SS": ["y", "x"] } } }),
        );
        assert_eq!(compared("dynamodb", &answer(&one), &answer(&other)), 0);
        assert_eq!(
            compared(
                "events",
                &answer(&json!({ "Entries": [{ "EventId": "1" }] })),
                &answer(&json!({ "Entries": [{ "EventId": "2" }] }))
            ),
            0
        );
    }

    #[test]
    fn another_value_another_refusal_and_a_refusal_of_one_alone_are_disagreements() {
        let item = |text: &str| answer(&json!({ "Item": { "a": { "S": text } } }));
        assert_eq!(compared("dynamodb", &item("1"), &item("2")), 1);
        assert_eq!(
            compared(
                "dynamodb",
                &json_error(400, "ConditionalCheckFailedException", "no"),
                &item("2")
            ),
            1
        );
        assert_eq!(
            compared(
                "sns",
                &json_error(404, "NotFound", "no"),
                &json_error(400, "InvalidParameter", "no")
            ),
            1
        );
        assert_eq!(
            compared(
                "sns",
                &json_error(404, "NotFound", "no"),
                &json_error(404, "com.amazonaws#NotFound", "gone")
            ),
            0
        );
    }
}

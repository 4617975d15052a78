//! S10: tokens of presigned URLs and values of environment properties are in no log line, message, event, ledger row or execution history.

use std::collections::HashSet;

use crate::states::ExecutionView;
use serde_json::{Value, json};

use super::{
    checker::Checker,
    invariant::{Invariant, Verdicts},
};

/// Letters of a token of the emulated service.
const TOKEN_LETTERS: usize = 64;

struct Search<'a> {
    tokens: &'a HashSet<String>,
    values: Vec<String>,
}

impl Search<'_> {
    /// What is secret in a text.
    fn secret_in(&self, text: &str) -> Option<String> {
        if let Some(value) = self
            .values
            .iter()
            .find(|value| text.contains(value.as_str()))
        {
            return Some(format!("the property value {value}"));
        }
        let mut run = 0;
        for (at, byte) in text.bytes().enumerate() {
            run = if matches!(byte, b'a'..=b'z' | b'0'..=b'9') {
                run + 1
            } else {
                0
            };
            if run >= TOKEN_LETTERS && self.tokens.contains(&text[at + 1 - TOKEN_LETTERS..=at]) {
                return Some("the token of a presigned URL".to_owned());
            }
        }
        None
    }

    fn secret_within(&self, value: &Value) -> Option<String> {
        match value {
            Value::String(text) => self.secret_in(text),
            Value::Array(items) => items.iter().find_map(|item| self.secret_within(item)),
            Value::Object(members) => members.iter().find_map(|(name, value)| {
                self.secret_in(name).or_else(|| self.secret_within(value))
            }),
            _ => None,
        }
    }
}

pub(super) fn check<'a>(
    checker: &Checker,
    verdicts: &mut Verdicts,
    executions: impl Iterator<Item = &'a ExecutionView>,
    messages: &[Value],
) {
    let tokens = std::mem::take(&mut checker.book().tokens);
    let search = Search {
        tokens: &tokens,
        values: checker
            .premises
            .applications
            .iter()
            .flat_map(|known| known.secrets.clone())
            .collect(),
    };
    let region = &checker.region;
    let now = region.clock().now();
    let mut verdict = |place: &str, found: Option<String>| {
        verdicts.check(Invariant::S10, found.is_none(), now, "", || {
            format!("{} is in {place}", found.unwrap_or_default())
        });
    };
    region.journal().each_log_line(|line| {
        verdict(
            "a log line",
            search
                .secret_in(line)
                .map(|what| format!("{what} ({line})")),
        )
    });
    for message in messages {
        verdict("a message", search.secret_within(message));
    }
    for execution in executions {
        let found = region
            .states()
            .find_in_history(&execution.arn, |event| search.secret_within(event));
        verdict("an execution's history", found);
    }
    for application in &checker.premises.applications {
        for row in ["lease", "ledger"] {
            let key = json!({ "pk": { "S": application.name }, "sk": { "S": row } });
            let found = region
                .dynamodb()
                .peek(&checker.table, &key)
                .and_then(|item| search.secret_within(&item));
            verdict("the ledger", found);
        }
    }
}

//! What every JSONata expression was given and what it gave, so that another implementation can be asked the same.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use serde_json::{Map, Value, json};

use asl::Evaluation;

/// Of one expression in one run; a loop of looks asks the same again and again.
const EACH: usize = 60;

/// The record. Cheap to clone; all clones write into the same one.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<BTreeMap<String, BTreeSet<String>>>>);

impl Recorder {
    /// Writes one evaluation down, unless the same stands there already or there are enough of this expression.
    pub fn note(&self, evaluation: &Evaluation<'_>) {
        let mut record = self
            .0
            .lock()
            .expect("no thread panics while it holds the record");
        let lines = record.entry(evaluation.expression.to_owned()).or_default();
        if lines.len() < EACH {
            lines.insert(line(evaluation).to_string());
        }
    }

    /// One JSON document a line.
    #[must_use]
    pub fn lines(&self) -> String {
        let record = self
            .0
            .lock()
            .expect("no thread panics while it holds the record");
        record
            .values()
            .flatten()
            .map(|line| format!("{line}\n"))
            .collect()
    }
}

/// Only what the expression reads: the rest of a rescue's variables would make every line another one.
fn line(evaluation: &Evaluation<'_>) -> Value {
    let variables: Map<String, Value> = evaluation
        .variables
        .iter()
        .filter(|(name, _)| evaluation.reads.contains(*name))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let states = evaluation
        .states
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(field, _)| evaluation.reads_of_states.contains(*field));
    let states: Map<String, Value> = states
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let mut line =
        json!({ "expression": evaluation.expression, "variables": variables, "states": states });
    if ["$millis", "$now"]
        .iter()
        .any(|clock| evaluation.expression.contains(clock))
    {
        line["now"] = json!(evaluation.now.as_millisecond());
    }
    match evaluation.result {
        Ok(value) => line["value"] = value.clone(),
        Err(why) => line["error"] = json!(why),
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noted(recorder: &Recorder, a: i64, now: &str, expression: &str) {
        let (reads, fields) = (
            BTreeSet::from(["a".to_owned()]),
            BTreeSet::from(["input".to_owned()]),
        );
        let variables =
            BTreeMap::from([("a".to_owned(), json!(a)), ("other".to_owned(), json!(now))]);
        recorder.note(&Evaluation {
            expression,
            reads: &reads,
            reads_of_states: &fields,
            states: &json!({ "input": 1, "context": now }),
            variables: &variables,
            now: now.parse().unwrap(),
            result: Ok(&json!(true)),
        });
    }

    #[test]
    fn only_what_an_expression_reads_makes_a_line_another_one() {
        let recorder = Recorder::default();
        for second in 0..5 {
            noted(
                &recorder,
                1,
                &format!("2026-01-01T00:00:0{second}Z"),
                "$a + $states.input",
            );
        }
        assert_eq!(
            recorder.lines(),
            "{\"expression\":\"$a + $states.input\",\"variables\":{\"a\":1},\"states\":{\"input\":1},\"value\":true}\n"
        );
        noted(&recorder, 2, "2026-01-01T00:00:00Z", "$a + $states.input");
        assert_eq!(recorder.lines().lines().count(), 2);
    }

    #[test]
    fn an_expression_that_asks_for_the_time_has_it_in_its_line_and_there_is_a_bound() {
        let recorder = Recorder::default();
        for second in 0..(EACH as i64 + 5) {
            let at = jiff::Timestamp::from_second(1_767_225_600 + second)
                .unwrap()
                .to_string();
            noted(&recorder, 1, &at, "$millis() > $a");
        }
        assert_eq!(recorder.lines().lines().count(), EACH);
        assert!(recorder.lines().contains("\"now\":1767225600000"));
    }
}

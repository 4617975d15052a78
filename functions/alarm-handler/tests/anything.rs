//! Whatever arrives: no panic, and no execution without an ALARM and an application of this service in it, or the end of an execution and its application.

mod support;

use proptest::{
    collection::{btree_map, vec},
    prelude::*,
    sample::{Index, select},
};
use serde_json::{Value, json};
use support::{Deployed, fixture, fixtures};

/// Words that mean something to the function, so that random events come close to real ones.
const WORDS: &[&str] = &[
    "ALARM",
    "OK",
    "AWS/KinesisAnalytics",
    "AWS/EC2",
    "Application",
    "orders",
    "or ders",
    "2026-03-01T10:05:48.554+0000",
    "aws.cloudwatch",
    "aws.kinesisanalytics",
    "CloudWatch Alarm State Change",
    "CloudWatch Alarm Contributor State Change",
    "AWS API Call via CloudTrail",
    "",
    "{}",
    "\u{0}",
];
const KEYS: &[&str] = &[
    "Records",
    "Sns",
    "Message",
    "AlarmName",
    "NewStateValue",
    "StateChangeTime",
    "Trigger",
    "Metrics",
    "MetricStat",
    "Metric",
    "Namespace",
    "Dimensions",
    "name",
    "value",
    "source",
    "detail-type",
    "detail",
    "alarmName",
    "alarmData",
    "state",
    "timestamp",
    "configuration",
    "metrics",
    "metricStat",
    "metric",
    "namespace",
    "dimensions",
    "Application",
    "alarmRule",
    "reasonData",
    "triggeringAlarms",
    "muteDetail",
    "time",
    "AlarmRule",
    "TriggeringChildren",
];

fn anything() -> impl Strategy<Value = Value> {
    let text = prop_oneof![select(WORDS).prop_map(str::to_owned), ".{0,12}"];
    let key = prop_oneof![4 => select(KEYS).prop_map(str::to_owned), 1 => ".{0,6}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from),
    ];
    leaf.prop_recursive(8, 64, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            btree_map(key.clone(), inner.clone(), 0..6)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
            // JSON in a string, as SNS messages and `reasonData` are.
            inner.prop_map(|value| Value::from(value.to_string())),
        ]
    })
}

/// All places in `value`, as JSON pointers.
fn places(value: &Value, at: &str, found: &mut Vec<String>) {
    found.push(at.to_owned());
    match value {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .for_each(|(index, item)| places(item, &format!("{at}/{index}"), found)),
        Value::Object(members) => {
            members.iter().for_each(|(key, item)| {
                places(
                    item,
                    &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")),
                    found,
                )
            });
        }
        _ => {}
    }
}

/// A real event in which some places hold something else. JSON in strings is changed inside, too.
fn changed(mut event: Value, changes: &[(Index, Value, bool)]) -> Value {
    for (index, value, inside) in changes {
        let mut found = Vec::new();
        places(&event, "", &mut found);
        let place = event
            .pointer_mut(&found[index.index(found.len())])
            .expect("just found");
        let nested = place
            .as_str()
            .and_then(|text| serde_json::from_str::<Value>(text).ok())
            .filter(|nested| *inside && nested.is_object());
        *place = match nested {
            Some(nested) => {
                Value::from(changed(nested, &[(*index, value.clone(), false)]).to_string())
            }
            None => value.clone(),
        };
    }
    event
}

/// Whether anything in `value`, also in JSON in strings, satisfies `test`.
fn somewhere(value: &Value, test: &dyn Fn(&Value) -> bool) -> bool {
    test(value)
        || match value {
            Value::Array(items) => items.iter().any(|item| somewhere(item, test)),
            Value::Object(members) => members.values().any(|item| somewhere(item, test)),
            Value::String(text) => serde_json::from_str::<Value>(text)
                .is_ok_and(|nested| !nested.is_string() && somewhere(&nested, test)),
            _ => false,
        }
}

/// The least that an event must hold for a remediation, said without the function's code.
fn could_start(event: &Value) -> bool {
    let alarm = |value: &Value| {
        value
            .get("NewStateValue")
            .or_else(|| value.get("value"))
            .is_some_and(|state| state == "ALARM")
    };
    let metric = |value: &Value| {
        let namespace = value.get("namespace").or_else(|| value.get("Namespace"));
        let dimensions = value.get("dimensions").or_else(|| value.get("Dimensions"));
        namespace.is_some_and(|namespace| namespace == "AWS/KinesisAnalytics")
            && dimensions.is_some_and(|dimensions| {
                dimensions.get("Application").is_some()
                    || dimensions.as_array().is_some_and(|listed| {
                        listed
                            .iter()
                            .any(|dimension| dimension.get("name") == Some(&json!("Application")))
                    })
            })
    };
    let dead = |value: &Value| {
        let broke = value.get("status").is_some_and(|status| {
            ["FAILED", "TIMED_OUT", "ABORTED"]
                .iter()
                .any(|word| status == word)
        });
        broke
            && value
                .get("stateMachineArn")
                .is_some_and(|machine| machine == support::STATE_MACHINE)
            && value.get("executionArn").is_some()
    };
    let named = |value: &Value| value.get("applicationName").is_some();
    somewhere(event, &alarm) && somewhere(event, &metric)
        || somewhere(event, &dead) && somewhere(event, &named)
}

fn check(event: Value) -> Result<(), TestCaseError> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime");
    let deployed = Deployed::new();
    let could = could_start(&event);
    let answer = runtime.block_on(deployed.invoke(event));
    let calls = deployed.calls();
    prop_assert!(calls.is_empty() || could, "started {calls:?}");
    for call in &calls {
        let name = call.body["name"].as_str().expect("a name");
        prop_assert!(
            name.len() <= 80
                && name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_'),
            "{name}"
        );
    }
    match answer {
        Ok(answer) => prop_assert_eq!(answer["outcome"] == "started", !calls.is_empty()),
        Err(failure) => prop_assert!(
            failure.message.len() < 20_000,
            "{} bytes",
            failure.message.len()
        ),
    }
    prop_assert_eq!(deployed.metrics().len(), 1);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_json_never_panics_and_never_starts_without_an_alarm_and_an_application(event in anything()) {
        check(event)?;
    }

    #[test]
    fn a_real_event_with_anything_anywhere_never_panics_and_never_starts_without_an_alarm_and_an_application(
        name in select(fixtures()),
        changes in vec((any::<Index>(), anything(), any::<bool>()), 0..4),
    ) {
        check(changed(fixture(&name), &changes))?;
    }
}

#[test]
fn the_check_itself_knows_what_could_start() {
    for name in [
        "eventbridge-metric-math",
        "lambda-metric-math",
        "sns-metric-math",
        "sns-single-metric",
        "sns-eventbridge-metric-math",
    ] {
        assert!(could_start(&fixture(name)), "{name}");
    }
    for name in [
        "eventbridge-ok",
        "eventbridge-other-namespace",
        "rubbish-other-keys",
        "sns-composite-children",
        "eventbridge-contributor",
    ] {
        assert!(!could_start(&fixture(name)), "{name}");
    }
}

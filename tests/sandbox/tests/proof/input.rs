//! Wrong inputs of the state machine: each ends with exactly one outcome, escalated, with a reason that says what to write; nothing is changed, no lease stays.

use sandbox::{
    managed_flink::ApplicationSeed,
    scenario::{APPLICATION, Script, Stage, days},
    states::Status,
};
use serde_json::{Value, json};

use crate::support::{
    attempts, ending, in_virtual_time, outcomes, play_on, rows, stage, steps, story, text, told,
};

/// The scenario's region, quiet; executions are started by the test.
fn quiet() -> Script {
    Script {
        happens: steps(&json!([{ "when": { "then": "60 s" } }])),
        ..ending("maintenance", |_| {})
    }
}

/// Starts the state machine with `input` on a region with `orders` (running well) and what `stage` has, and checks how it ends. `says` is what the reason must contain.
fn is_refused(stage: Stage, input: &Value, application: &str, says: &[&str]) {
    in_virtual_time(async {
        let played = play_on(&quiet(), stage, 1, |_| {}).await.unwrap();
        let region = &played.region;
        let arn = region.start_remediation(&input.to_string()).unwrap();
        let execution = region.states().finished(&arn).await;
        assert_eq!(
            execution.status,
            Status::Succeeded,
            "{input}: {execution:?}"
        );
        let output = execution.output.unwrap();
        assert_eq!(
            output["outcome"],
            "escalated",
            "{input}: {output:#}\n{}",
            story(region)
        );
        let reason = text(&output["reason"]);
        for word in says {
            assert!(
                reason.contains(word),
                "{input}: the reason {reason:?} does not contain {word:?}"
            );
        }
        assert_eq!(output["applicationName"], application, "{input}");
        assert_eq!(
            outcomes(region),
            [(arn.clone(), output.clone())],
            "{input}: one event, the same as the output"
        );
        let told = told(region);
        assert_eq!(told.len(), 1, "{input}: {told:?}");
        assert!(
            !told[0].1.is_empty()
                && told[0].1.len() < 100
                && told[0].2.to_lowercase().contains(&says[0].to_lowercase()),
            "{input}: {told:?}"
        );
        assert!(attempts(region).is_empty(), "{input}");
        for name in [APPLICATION, application, "unknown"] {
            assert!(
                rows(region, name)
                    .await
                    .iter()
                    .all(|row| row["sk"]["S"] != "lease"),
                "{input}: the lease of {name} is still there"
            );
        }
        let taken = (
            output["execution"].as_str(),
            execution
                .stopped
                .unwrap()
                .duration_since(execution.started)
                .as_secs()
                < 600,
        );
        assert_eq!(taken, (Some(arn.as_str()), true), "{input}");
    });
}

fn refused(input: Value, application: &str, says: &[&str]) {
    is_refused(stage("maintenance"), &input, application, says);
}

#[test]
fn an_input_that_names_no_application_is_refused_with_an_example() {
    for input in [
        json!({}),
        json!([]),
        json!(null),
        json!("orders"),
        json!(7),
        json!({ "applicationName": 5 }),
        json!({ "applicationName": null }),
        json!({ "applicationName": ["orders"] }),
        json!({ "ApplicationName": "orders" }),
        json!([{ "applicationName": "orders" }]),
    ] {
        refused(
            input,
            "unknown",
            &[
                "does not name an application",
                r#"{"applicationName":"orders"}"#,
            ],
        );
    }
}

#[test]
fn a_name_that_no_application_can_have_is_refused_with_an_example() {
    let long = "a".repeat(129);
    for name in [
        "",
        " ",
        "orders ",
        "or ders",
        "orders\n",
        "../orders",
        "orders;drop",
        "örders",
        "orders/1",
        "orders*",
        &long,
    ] {
        refused(
            json!({ "applicationName": name }),
            "unknown",
            &[
                "does not name an application",
                r#"{"applicationName":"orders"}"#,
            ],
        );
    }
}

#[test]
fn an_application_that_does_not_exist_is_named() {
    refused(json!({ "applicationName": "oders" }), "oders", &["oders"]);
}

/// Not a page as of a rescue that could not go on: a person wrote a name wrong.
#[test]
fn what_a_person_asks_for_an_application_that_there_is_none_of_is_refused() {
    in_virtual_time(async {
        let played = play_on(&quiet(), stage("maintenance"), 1, |_| {})
            .await
            .unwrap();
        let region = &played.region;
        let end = async |mut input: Value| {
            input["applicationName"] = json!("orderz");
            let arn = region.start_remediation(&input.to_string()).unwrap();
            region.states().finished(&arn).await.output.unwrap()
        };
        for input in [
            json!({}),
            json!({ "request": { "action": "rollback" } }),
            json!({ "dryRun": true }),
            json!({ "trigger": { "kind": "person" } }),
        ] {
            let output = end(input.clone()).await;
            assert_eq!(output["because"], "badInput", "{input}: {output:#}");
            let reason = text(&output["reason"]);
            let words = "no application named orderz: check the name and the region";
            assert!(reason.starts_with(words), "{input}: {reason}");
        }
        let subjects = told(region);
        let refused = |one: &&(_, String, _)| one.1.contains("orderz: input refused");
        assert_eq!(subjects.iter().filter(refused).count(), 4, "{subjects:?}");
        // An alarm's application was there once: somebody has to look.
        let alarms = json!({ "trigger": { "kind": "alarm", "alarmName": "orderz-restarts" } });
        assert_eq!(end(alarms).await["because"], "failed");
        let rows = rows(region, "orderz").await;
        assert!(rows.iter().all(|row| row["sk"]["S"] != "lease"), "{rows:?}");
    });
}

#[test]
fn a_request_that_cannot_be_understood_is_refused_and_says_what_can_be_written() {
    for (request, says) in [
        (json!({ "action": "reboot" }), "reboot"),
        (json!({}), "action"),
        (json!([]), "request"),
        (json!("rollback"), "request"),
        (json!(7), "request"),
        (json!({ "action": 5 }), "request"),
        (json!({ "action": "rollback", "force": true }), "force"),
        (
            json!({ "action": "forceStop", "withoutState": true }),
            "withoutState",
        ),
        (json!({ "action": "restore", "snapshot": "s" }), "snapshot"),
        (
            json!({ "action": "restore", "applicationVersionId": "two" }),
            "two",
        ),
        (
            json!({ "action": "restore", "applicationVersionId": -1 }),
            "-1",
        ),
        (json!({ "action": "restore", "withoutState": "yes" }), "yes"),
    ] {
        refused(
            json!({ "applicationName": APPLICATION, "request": request }),
            APPLICATION,
            &[says, "rollback", "forceStop", "restore", APPLICATION],
        );
    }
}

#[test]
fn a_request_that_contradicts_itself_or_cannot_be_met_is_refused_with_the_reason() {
    for (request, says) in [
        (
            json!({ "action": "restore", "snapshotName": "scheduled-before", "withoutState": true }),
            "leave one of them out",
        ),
        (
            json!({ "action": "restore", "snapshotName": "no-such-snapshot" }),
            "no snapshot named no-such-snapshot",
        ),
        (
            json!({ "action": "restore", "applicationVersionId": 99 }),
            "version 99 of orders could not be read",
        ),
    ] {
        refused(
            json!({ "applicationName": APPLICATION, "request": request }),
            APPLICATION,
            &[says],
        );
    }
}

#[test]
fn an_application_that_is_not_flinks_is_out_of_scope_and_said_so() {
    for runtime in ["SQL-1_0", "ZEPPELIN-FLINK-3_0"] {
        let other = ApplicationSeed::new(APPLICATION)
            .runtime(runtime)
            .version("none", days(5))
            .tag("lifeguard:managed", "true");
        let stage = || stage("maintenance").application(other.clone());
        for request in [
            Value::Null,
            json!({ "action": "rollback" }),
            json!({ "action": "forceStop" }),
        ] {
            let mut input = json!({ "applicationName": APPLICATION });
            if !request.is_null() {
                input["request"] = request;
            }
            is_refused(
                stage(),
                &input,
                APPLICATION,
                &[
                    "SQL and Studio applications are out of scope",
                    APPLICATION,
                    runtime,
                ],
            );
        }
    }
}

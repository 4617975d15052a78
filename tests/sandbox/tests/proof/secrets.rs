//! S10: presigned URLs, their tokens, the dashboards' cookies and environment property values appear in no log line, record, message, execution or ledger row.
//!
//! The secrets are collected where they come into being: from the answers of the services. A deliberate leak proves that the search finds one.

use sandbox::{
    flink::{Behaviour, Code},
    journal::Actor,
    region::Region,
    scenario::{APPLICATION, CATALOGUE, SECRET_PROPERTY, Script, hours},
};
use serde_json::{Value, json};

use crate::support::{Wire, ending, in_virtual_time, named, play_on, rows, stage, steps, story};

/// What must appear nowhere: the tokens and cookies that were given out, and the property values.
fn secrets(wire: &Wire, properties: &[&str]) -> Vec<String> {
    let mut secrets: Vec<String> = properties.iter().map(|value| (*value).to_owned()).collect();
    // Whatever the token is.
    secrets.extend(["authToken=".to_owned(), "flink-session=".to_owned()]);
    for one in wire.heard() {
        if let Some(url) = one.answer["AuthorizedUrl"].as_str() {
            secrets.push(
                url.split_once("authToken=")
                    .expect("a presigned URL has a token")
                    .1
                    .to_owned(),
            );
        }
        if let Some(cookie) = &one.cookie {
            let value = cookie
                .split_once('=')
                .and_then(|(_, rest)| rest.split(';').next());
            secrets.push(value.expect("a cookie has a value").to_owned());
        }
    }
    secrets
}

/// Everything that anybody but the job itself can read afterwards: where it stands, and the text.
async fn readable(region: &Region) -> Vec<(String, String)> {
    let journal = region.journal();
    let mut texts: Vec<(String, String)> = Vec::new();
    let mut add = |place: &str, text: String| texts.push((place.to_owned(), text));
    journal
        .log_lines()
        .into_iter()
        .for_each(|line| add("a log line", line));
    journal
        .messages()
        .into_iter()
        .for_each(|message| add("a message", message.to_string()));
    journal
        .calls()
        .into_iter()
        .for_each(|call| add("a call", serde_json::to_string(&call).unwrap()));
    // What the job itself throws and what the service says of it is told as it is: they know no secrets.
    let ours = journal
        .entries()
        .into_iter()
        .filter(|entry| !matches!(entry.actor, Actor::Flink | Actor::Service));
    ours.for_each(|entry| add("the timeline", entry.text));
    for execution in region.states().executions() {
        add("an execution's input", execution.input.to_string());
        add(
            "an execution's output",
            execution
                .output
                .map(|output| output.to_string())
                .unwrap_or_default(),
        );
        add(
            "an execution's error",
            format!("{:?} {:?}", execution.error, execution.cause),
        );
        region
            .states()
            .history(&execution.arn)
            .into_iter()
            .for_each(|event| add("an execution's history", event.to_string()));
    }
    for application in [APPLICATION, "unknown"] {
        rows(region, application)
            .await
            .into_iter()
            .for_each(|row| add("the ledger", row.to_string()));
    }
    texts
}

/// Where one of the secrets stands, however often it was put into JSON.
fn leaks(texts: &[(String, String)], secrets: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    for secret in secrets {
        let quoted = |text: &str| json!(text).to_string().trim_matches('"').to_owned();
        let mut spelled = vec![secret.clone()];
        for _ in 0..4 {
            spelled.push(quoted(spelled.last().unwrap()));
        }
        spelled.dedup();
        let leaks = texts
            .iter()
            .filter(|(_, text)| spelled.iter().any(|secret| text.contains(secret)));
        found.extend(leaks.map(|(place, text)| format!("{secret} in {place}: {text}")));
    }
    found
}

async fn assert_no_leak(region: &Region, wire: &Wire, properties: &[&str], what: &str) {
    let leaks = leaks(&readable(region).await, &secrets(wire, properties));
    assert!(
        leaks.is_empty(),
        "{what}: {} leaks, the first: {}\n{}",
        leaks.len(),
        leaks[0],
        story(region)
    );
}

#[test]
fn no_scenario_leaks_a_url_a_token_a_cookie_or_a_property() {
    let mut tokens = 0;
    for scenario in CATALOGUE.iter() {
        tokens += in_virtual_time(async {
            let wire = Wire::default();
            let played = play_on(scenario, scenario.stage(), 1, |region| wire.tap(region))
                .await
                .unwrap();
            assert_no_leak(&played.region, &wire, &[SECRET_PROPERTY], &scenario.name).await;
            let places: Vec<String> = readable(&played.region)
                .await
                .into_iter()
                .map(|(place, _)| place)
                .collect();
            for place in [
                "a log line",
                "a message",
                "a call",
                "the timeline",
                "an execution's input",
                "an execution's output",
                "an execution's history",
                "the ledger",
            ] {
                assert!(
                    places.iter().any(|one| one == place) || place == "the ledger",
                    "{}: {place} was not searched",
                    scenario.name
                );
            }
            secrets(&wire, &[]).len() - 2
        });
    }
    assert!(
        tokens > CATALOGUE.len(),
        "{tokens} tokens and cookies were given out"
    );
}

#[test]
fn the_search_finds_a_leak_in_every_place() {
    in_virtual_time(async {
        let wire = Wire::default();
        let played = play_on(
            named("bad-deployment"),
            stage("bad-deployment"),
            1,
            |region| wire.tap(region),
        )
        .await
        .unwrap();
        let region = &played.region;
        let secrets = secrets(
            &wire,
            &[SECRET_PROPERTY, "pass\"word\\with: \u{fc} 100% {}"],
        );
        assert!(leaks(&readable(region).await, &secrets).is_empty());
        for secret in &secrets {
            let found = async |leak: &dyn Fn()| {
                let before = leaks(&readable(region).await, std::slice::from_ref(secret)).len();
                leak();
                leaks(&readable(region).await, std::slice::from_ref(secret)).len() - before
            };
            assert_eq!(
                found(&|| region
                    .journal()
                    .log(json!({ "message": format!("opening {secret}") }).to_string()))
                .await,
                1,
                "{secret}"
            );
            assert_eq!(
                found(&|| region.journal().message(
                    json!({ "service": "sns", "message": secret, "at": region.clock().now() })
                ))
                .await,
                1
            );
            assert_eq!(
                found(&|| region
                    .journal()
                    .tell(Actor::Lifeguard, None, format!("<{secret}>")))
                .await,
                1
            );
            // Twice in JSON: the input of an execution is text in its history's text. Input, output and history.
            let told = found(&|| {
                drop(
                    region
                        .start_remediation(
                            &json!({ "applicationName": format!("no {secret}") }).to_string(),
                        )
                        .unwrap(),
                )
            })
            .await;
            assert!(told >= 2, "{secret}: {told}");
        }
    });
}

/// A job whose exceptions tell its properties.
fn telling(secret: &str) -> Code {
    let message = format!(
        "login failed for user orders with password {secret} at jdbc:oracle:thin:orders/{secret}@db:1521"
    );
    Code::that(Behaviour::throws_after(
        5,
        "java.sql.SQLException",
        &message,
    ))
}

#[test]
fn a_job_that_throws_its_password_is_rescued_and_the_password_told_to_nobody() {
    let odd = "p\"q\\r{s}t,u;v'w x&y<z>100%\u{fc}\u{20ac}";
    for secret in [SECRET_PROPERTY, odd, "s3cr3", "line\nbreak"] {
        for name in ["bad-deployment", "rollback-refused"] {
            in_virtual_time(async {
                let wire = Wire::default();
                let stage = stage(name).code("orders-7.jar", telling(secret));
                let properties = json!({ "PropertyGroups": [{ "PropertyGroupId": "orders", "PropertyMap": { "database.password": secret } }] });
                let application = sandbox::scenario::Stage::orders()
                    .snapshot("scheduled-before", hours(6))
                    .configured("EnvironmentProperties", properties);
                let played = play_on(named(name), stage.application(application), 1, |region| {
                    wire.tap(region)
                })
                .await
                .unwrap();
                assert!(
                    played.rehearsal.is_as_it_should_be(),
                    "{:#?}\n{}",
                    played.rehearsal.complaints,
                    story(&played.region)
                );
                assert_no_leak(&played.region, &wire, &[secret], name).await;
                let said = readable(&played.region).await;
                assert!(
                    said.iter()
                        .any(|(_, text)| text.contains("login failed for user")),
                    "the rest of the exception is told"
                );
            });
        }
    }
}

#[test]
fn an_operations_failure_that_tells_a_property_is_told_without_it() {
    in_virtual_time(async {
        let wire = Wire::default();
        let failing = Code::that(Behaviour::BadMain {
            message: format!(
                "The main method caused an error: cannot connect as {SECRET_PROPERTY}"
            ),
        });
        let played = play_on(
            named("failed-start"),
            stage("failed-start").code("orders-7.jar", failing),
            1,
            |region| wire.tap(region),
        )
        .await
        .unwrap();
        assert!(
            played.rehearsal.is_as_it_should_be(),
            "{:#?}\n{}",
            played.rehearsal.complaints,
            story(&played.region)
        );
        assert_no_leak(&played.region, &wire, &[SECRET_PROPERTY], "failed-start").await;
        assert!(
            readable(&played.region)
                .await
                .iter()
                .any(|(_, text)| text.contains("cannot connect as")),
            "the rest of the failure is told"
        );
    });
}

/// The password of the deployment: the version before had another one.
const NEW_PASSWORD: &str = "correct-horse-battery";

/// Deploys code and properties together, as pipelines do.
fn deploy_with_new_password() -> Value {
    let properties = json!({ "orders": { "database.password": NEW_PASSWORD } });
    json!({ "when": { "then": "2 min" }, "do": { "deploy": { "code": "orders-7.jar", "properties": properties } } })
}

#[test]
fn the_password_of_a_version_that_was_left_is_told_no_more_than_that_of_the_present_one() {
    let failing = Code::that(Behaviour::BadMain {
        message: format!("The main method caused an error: cannot connect as {NEW_PASSWORD}"),
    });
    let fallen_back: Script = Script {
        happens: steps(&json!([
            deploy_with_new_password(),
            { "when": { "once": { "status": "READY", "within": "20 min" } } },
            { "when": { "then": "1 min" }, "do": { "ask": {} } },
            { "when": { "once": { "reported": "all" } } },
            // Another look, when all that is left of the bad version is the failure of its operation.
            { "do": { "ask": {} } },
            { "when": { "once": { "reported": "all" } } },
        ])),
        ..ending("failed-start", |ends| ends.outcome = "leftAlone".into())
    };
    let looping: Script = Script {
        happens: steps(&json!([
            deploy_with_new_password(),
            { "when": { "once": { "reported": "all" } } },
            { "do": { "ask": {} } },
            { "when": { "once": { "reported": "all" } } },
        ])),
        ..ending("bad-deployment", |ends| ends.outcome = "leftAlone".into())
    };
    for (scenario, code) in [(fallen_back, failing), (looping, telling(NEW_PASSWORD))] {
        in_virtual_time(async {
            let wire = Wire::default();
            let played = play_on(
                &scenario,
                scenario.stage().code("orders-7.jar", code),
                1,
                |region| wire.tap(region),
            )
            .await
            .unwrap();
            assert!(
                played.rehearsal.is_as_it_should_be(),
                "{:#?}\n{}",
                played.rehearsal.complaints,
                story(&played.region)
            );
            assert_no_leak(
                &played.region,
                &wire,
                &[SECRET_PROPERTY, NEW_PASSWORD],
                &scenario.name,
            )
            .await;
        });
    }
}

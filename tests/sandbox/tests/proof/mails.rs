//! Who gets mail: what was changed and what needs somebody. Whatever is sent can be filtered by its attributes.

use sandbox::{
    region::Region,
    scenario::{APPLICATION, Script, Stage},
};
use serde_json::{Value, json};

use crate::support::{
    ending, in_virtual_time, outcomes, play_on, stage, stage_where, steps, story, told,
};

/// The attributes of all messages, in order.
fn attributes(region: &Region) -> Vec<Value> {
    let messages = region.journal().messages();
    let sent = messages
        .iter()
        .filter(|message| message["service"] == "sns");
    sent.map(|message| message["attributes"].clone()).collect()
}

/// Severity, kind, application and outcome of all messages, in order.
fn filtered(region: &Region) -> Vec<[String; 4]> {
    let value = |of: &Value, name: &str| of[name]["Value"].as_str().unwrap_or("").to_owned();
    let names = ["severity", "kind", "applicationName", "outcome"];
    let all = attributes(region);
    all.iter()
        .map(|one| names.map(|name| value(one, name)))
        .collect()
}

fn is_mailed(scenario: &Script, stage: Stage, expected: &[[&str; 4]]) {
    in_virtual_time(async {
        let played = play_on(scenario, stage, 1, |_| {}).await.unwrap();
        let region = &played.region;
        assert_eq!(
            filtered(region),
            expected,
            "{}\n{}",
            scenario.name,
            story(region)
        );
    });
}

/// Somebody starts it by hand.
fn looked_at() -> Script {
    Script {
        happens: steps(
            &json!([{ "do": { "ask": {} } }, { "when": { "once": { "reported": "all", "within": "5 h" } } }]),
        ),
        ..ending("maintenance", |_| {})
    }
}

#[test]
fn what_is_left_alone_is_an_event_and_no_mail() {
    for (what, tag) in [
        ("healthy", ("lifeguard:managed", "true")),
        ("not opted in", ("lifeguard:managed", "false")),
    ] {
        in_virtual_time(async {
            let scenario = looked_at();
            let played = play_on(&scenario, stage("maintenance"), 1, |region| {
                region.flink().set_tag(APPLICATION, tag.0, tag.1);
            })
            .await
            .unwrap();
            let region = &played.region;
            assert_eq!(outcomes(region)[0].1["outcome"], "leftAlone", "{what}");
            assert_eq!(told(region), [], "{what}");
        });
    }
    let finished = ending("finished-batch", |_| {});
    is_mailed(&finished, stage("finished-batch"), &[]);
}

#[test]
fn what_was_changed_is_mailed_once() {
    let expected = [["info", "recovered", "orders", "recovered"]];
    is_mailed(
        &ending("bad-deployment", |_| {}),
        stage("bad-deployment"),
        &expected,
    );
}

#[test]
fn trouble_is_mailed_and_so_is_its_end() {
    let first = ["action", "hadWorked", "orders", "underway"];
    let scenario = Script {
        happens: steps(
            &json!([{ "when": { "then": "2 min" }, "do": { "dependency": { "name": "broker", "up": false } } }, { "when": { "then": "25 min" }, "do": { "dependency": { "name": "broker", "up": true } } }, { "when": { "once": { "reported": "all", "within": "5 h" } } }]),
        ),
        ..ending("broker-outage", |_| {})
    };
    let end = ["info", "runsAgain", "orders", "leftAlone"];
    is_mailed(&scenario, stage("broker-outage"), &[first, end]);
    let end = ["page", "hadWorked", "orders", "escalated"];
    let lasting = ending("permission-removed", |_| {});
    is_mailed(&lasting, stage("permission-removed"), &[first, end]);
}

#[test]
fn what_needs_somebody_is_a_page_in_a_stack_that_observes_too() {
    is_mailed(
        &ending("bad-deployment", |_| {}),
        stage_where("bad-deployment", "Mode", "observe"),
        &[["page", "observeOnly", "orders", "escalated"]],
    );
}

#[test]
fn the_snapshot_check_mails_what_needs_a_person_with_the_names() {
    in_virtual_time(async {
        let scenario = ending("snapshots-stuck-creating", |_| {});
        let played = play_on(&scenario, stage("snapshots-stuck-creating"), 1, |_| {})
            .await
            .unwrap();
        let all = filtered(&played.region);
        let checks: Vec<&[String; 4]> = all.iter().filter(|one| one[1] == "snapshots").collect();
        assert!(!checks.is_empty(), "{}", story(&played.region));
        for check in checks {
            assert_eq!(
                check,
                &["action", "snapshots", r#"["orders"]"#, "needsPerson"]
            );
        }
    });
}

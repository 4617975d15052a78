//! Who tries to reach people, and whether the policies of the topic and its key let them: EventBridge, CloudWatch, the state machines.

use std::{fs, time::Duration};

use sandbox::{
    cloudwatch::{Datum, MESSAGES_SENT},
    faults::{Fault, Rule},
    region::Region,
    scenario::{by_name, play_on},
};
use serde_json::Value;

use super::{Mutant, region, region_of, repository, virtually};

/// The statement in the topic's policy that lets rules publish, and the same as it must not be: with a condition that EventBridge never fulfils.
const RULES_PUBLISH: &str = "          - Sid: RulesPublish
            Effect: Allow
            Principal: { Service: events.amazonaws.com }
            Action: sns:Publish
            Resource: !Ref Topic
";
const OF_THIS_ACCOUNT: &str =
    "            Condition: { StringEquals: { \"aws:SourceAccount\": !Ref AWS::AccountId } }\n";
/// The condition under which rules use the topic's key.
const KEY_OF_TOPICS: &str = "            Condition:
              ArnLike: { \"kms:EncryptionContext:aws:sns:topicArn\": !Sub \"arn:${AWS::Partition}:sns:${AWS::Region}:${AWS::AccountId}:*\" }
";

/// What people were told, and what lies in the dead-letter queue.
struct Heard {
    told: Vec<String>,
    given_up: Vec<Value>,
    log: String,
}

fn heard(region: &Region) -> Heard {
    let messages = region.journal().messages();
    let of = |service: &str| {
        let service = service.to_owned();
        messages
            .iter()
            .filter(move |message| message["service"] == service)
    };
    Heard {
        told: of("sns")
            .map(|message| message["message"].as_str().unwrap_or_default().to_owned())
            .collect(),
        given_up: of("sqs").cloned().collect(),
        log: region.journal().log_lines().join("\n"),
    }
}

/// Somebody stops an execution of the rescue in the console.
async fn an_execution_is_stopped(region: &Region) -> Heard {
    // So that it is at its first call when it is stopped.
    let slow = Rule::new(Fault::Slow(Duration::from_millis(100)));
    region.faults().add(slow);
    let arn = region
        .start_remediation(r#"{"applicationName":"orders"}"#)
        .unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    region.states().stop(&arn, Some("Operator"), None).unwrap();
    tokio::time::sleep(Duration::from_secs(30)).await;
    heard(region)
}

fn tells_of_the_end(heard: &Heard) -> bool {
    heard
        .told
        .iter()
        .any(|text| text.contains("A remediation is ABORTED"))
}

#[test]
fn people_hear_of_an_execution_that_was_stopped() {
    virtually(async {
        let heard = an_execution_is_stopped(&region()).await;
        assert!(tells_of_the_end(&heard), "{:?}\n{}", heard.told, heard.log);
        assert!(heard.given_up.is_empty(), "{:?}", heard.given_up);
    });
}

/// A notice that is lost lies in the dead-letter queue, with what was missing.
fn is_lost(changes: &[(&str, &str)], missing: &str) {
    let mutant = Mutant::with(changes);
    virtually(async {
        let region = region_of(Some(&mutant.template()));
        let heard = an_execution_is_stopped(&region).await;
        assert!(!tells_of_the_end(&heard), "{:?}", heard.told);
        let why = |letter: &Value| {
            let why = &letter["attributes"]["ERROR_MESSAGE"]["StringValue"];
            why.as_str().unwrap_or_default().contains(missing)
        };
        assert!(heard.given_up.iter().any(why), "{:?}", heard.given_up);
    });
}

#[test]
fn a_topic_that_asks_eventbridge_for_its_account_loses_the_notice() {
    let asks = format!("{RULES_PUBLISH}{OF_THIS_ACCOUNT}");
    is_lost(
        &[(RULES_PUBLISH, &asks)],
        "events.amazonaws.com is not authorized to perform: sns:Publish",
    );
}

#[test]
fn a_topic_that_asks_eventbridge_for_its_rule_loses_the_notice() {
    let asks = format!(
        "{RULES_PUBLISH}            Condition: {{ ArnLike: {{ \"aws:SourceArn\": !GetAtt ExecutionBroke.Arn }} }}\n"
    );
    is_lost(&[(RULES_PUBLISH, &asks)], "sns:Publish");
}

#[test]
fn a_topic_that_names_no_rules_loses_the_notice() {
    is_lost(&[(RULES_PUBLISH, "")], "sns:Publish");
}

#[test]
fn a_key_that_asks_eventbridge_for_its_account_loses_the_notice() {
    is_lost(
        &[(KEY_OF_TOPICS, OF_THIS_ACCOUNT)],
        "events.amazonaws.com is not authorized to perform: kms:GenerateDataKey",
    );
}

#[test]
fn a_key_for_topics_of_another_account_loses_the_notice() {
    is_lost(
        &[(
            "sns:${AWS::Region}:${AWS::AccountId}:*\"",
            "sns:${AWS::Region}:999999999999:*\"",
        )],
        "kms:GenerateDataKey",
    );
}

#[test]
fn the_key_that_aws_manages_loses_the_notice() {
    is_lost(
        &[(
            "KmsMasterKeyId: !Ref TopicKey",
            "KmsMasterKeyId: alias/aws/sns",
        )],
        "kms:GenerateDataKey",
    );
}

/// An alarm of the stack rings: something was given up.
async fn an_alarm_rings(region: &Region) -> Heard {
    let queue = &region.stack().passive["DeadLetters"].name;
    region.cloudwatch().put_value(&Datum {
        application: queue.clone(),
        name: MESSAGES_SENT,
        value: 1.0,
    });
    tokio::time::sleep(Duration::from_secs(120)).await;
    heard(region)
}

#[test]
fn people_hear_of_an_alarm_of_the_stack_unless_its_account_is_another() {
    let rings = |heard: &Heard| {
        heard
            .told
            .iter()
            .any(|text| text.contains("lifeguard-EventsGivenUp"))
    };
    virtually(async {
        assert!(rings(&an_alarm_rings(&region()).await));
    });
    let topic = "            Action: sns:Publish
            Resource: !Ref Topic
            Condition: { StringEquals: { \"aws:SourceAccount\": !Ref AWS::AccountId } }
";
    let key = "            Action: [kms:Decrypt, kms:GenerateDataKey]
            Resource: \"*\"
            Condition: { StringEquals: { \"aws:SourceAccount\": !Ref AWS::AccountId } }
";
    for (statement, missing) in [(topic, "sns:Publish"), (key, "kms:GenerateDataKey")] {
        let other = statement.replace("!Ref AWS::AccountId", "\"999999999999\"");
        let mutant = Mutant::with(&[(statement, &other)]);
        virtually(async {
            let heard = an_alarm_rings(&region_of(Some(&mutant.template()))).await;
            assert!(!rings(&heard), "{:?}", heard.told);
            let lost = format!("cloudwatch.amazonaws.com is not authorized to perform: {missing}");
            assert!(heard.log.contains(&lost), "{}", heard.log);
        });
    }
}

/// A bad deployment is rescued, by a stack of this template; whether people were told, and whether anybody was refused.
async fn a_rescue_is_told(template: Option<&Mutant>) -> (bool, bool) {
    let scenario = by_name("bad-deployment").unwrap();
    let mut stage = scenario.stage();
    stage.template = template.map(Mutant::template);
    let played = play_on(scenario, stage, 1, |_| {}).await.unwrap();
    let calls = played.region.journal().calls();
    let publishes = |outcome: &str| {
        calls
            .iter()
            .any(|call| call.action == "Publish" && call.outcome == outcome)
    };
    (publishes("ok"), publishes("AuthorizationError"))
}

#[test]
fn a_state_machine_reaches_people_only_by_the_topic_and_by_the_key_through_the_topic() {
    virtually(async {
        assert_eq!(a_rescue_is_told(None).await, (true, false));
    });
    for (from, to) in [
        ("Action: \"sns:Publish\"", "Action: \"sns:Subscribe\""),
        (
            "Action: kms:GenerateDataKey",
            "Action: kms:GenerateDataKeyPair",
        ),
        ("Action: kms:Decrypt", "Action: kms:Encrypt"),
        (
            "kms:ViaService\": !Sub \"sns.",
            "kms:ViaService\": !Sub \"sqs.",
        ),
    ] {
        // The statements of the one role; the other state machine has the same ones.
        let whole = fs::read_to_string(repository("infra/template.yaml")).unwrap();
        let role = whole.split("\n  RemediateRole:\n").nth(1).unwrap();
        let role = role.split("\n  # -----").next().unwrap();
        assert!(role.contains(from), "{from}");
        let mutant = Mutant::with(&[(role, &role.replace(from, to))]);
        virtually(async {
            assert_eq!(a_rescue_is_told(Some(&mutant)).await, (false, true), "{to}");
        });
    }
}

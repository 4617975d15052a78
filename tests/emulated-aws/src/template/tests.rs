//! Templates with one thing wrong each; the right ones are read by `tests/services_template.rs`.

use super::*;

fn read(text: &str) -> Result<Stack> {
    Stack::read(text, Path::new(""), &BTreeMap::new(), &["rollback"])
}

fn resources(text: &str) -> Result<Stack> {
    let indented: String = text.lines().map(|line| format!("  {line}\n")).collect();
    read(&format!(
        "Parameters:\n  Mode: {{ Type: String, Default: act, AllowedValues: [observe, act] }}\nConditions:\n  Acts: !Equals [!Ref Mode, act]\n  Never: !Not [!Condition Acts]\nResources:\n{indented}"
    ))
}

#[test]
fn every_typo_is_an_error_that_names_its_place() {
    let table = [
        ("A: { Type: AWS::S3::Bucket }", "A", "AWS::S3::Bucket"),
        (
            "A: { Type: AWS::SNS::Topic, Properties: { DisplayName: !Ref Moed } }",
            "A",
            "Moed",
        ),
        (
            "A: { Type: AWS::SNS::Topic, Properties: { DisplayName: !Sub '${Moed}' } }",
            "A",
            "Moed",
        ),
        (
            "A: { Type: AWS::SNS::Topic, Properties: { DisplayName: !GetAtt B.Arn } }",
            "A",
            "takes Arn of B",
        ),
        (
            "A: { Type: AWS::SNS::Topic, Properties: { DisplayName: !GetAtt A.Anr } }",
            "A",
            "Anr",
        ),
        (
            "A: { Type: AWS::SNS::Topic, Properties: { DisplayName: !If [Act, x, y] } }",
            "A",
            "Act",
        ),
        (
            "A: { Type: AWS::SNS::Topic, Properties: { DisplayName: !If [Acts, x, !Ref Gone] } }",
            "A",
            "Gone",
        ),
        (
            "A: { Type: AWS::SNS::Topic, Condition: Nowhere }",
            "A",
            "Nowhere",
        ),
        (
            "A: { Type: AWS::SNS::Topic, DependsOn: [B] }",
            "A",
            "DependsOn names B",
        ),
        ("A: { Type: AWS::SNS::Topic, Depends: B }", "A", "Depends"),
        (
            "A: { Type: AWS::SNS::Topic, Properties: { TopicName: !Sub 'x-${A.TopicName}' } }",
            "A",
            "made from itself",
        ),
        (
            "A: { Type: AWS::SNS::Topic, Condition: Never }\nB: { Type: AWS::SNS::Topic, Properties: { DisplayName: !Ref A } }",
            "B",
            "whose condition does not hold",
        ),
        (
            "A: { Type: AWS::SNS::Topic, Properties: { DisplayName: !Base64 x } }",
            "the template",
            "Base64",
        ),
        (
            "A: { Type: AWS::SNS::Topic, Properties: { DisplayName: !Sub ['x', { B: y }] } }",
            "A",
            "B has no hole",
        ),
        (
            "A: { Type: AWS::Serverless::Function, Properties: { CodeUri: ../functions/rolback/ } }",
            "A",
            "rolback",
        ),
        (
            "A: { Type: AWS::Serverless::Function, Properties: { CodeUri: rollback, Timeuot: 3 } }",
            "A",
            "Timeuot",
        ),
        (
            "A: { Type: AWS::Serverless::Function, Properties: { CodeUri: rollback, Timeout: soon } }",
            "A",
            "Timeout",
        ),
        (
            "A: { Type: AWS::Serverless::Function, Properties: { CodeUri: rollback, Events: { E: { Type: S3, Properties: {} } } } }",
            "A.E",
            "S3",
        ),
        (
            "A: { Type: AWS::Serverless::Function, Metadata: { BuildProperties: { Binary: rollback } }, Properties: { CodeUri: .. } }",
            "A",
            "looks for the binary \"rollback\" in its CodeUri",
        ),
        (
            "A: { Type: AWS::Serverless::Function, Properties: { CodeUri: rollback, Events: { E: { Type: ScheduleV2, Properties: { ScheduleExpression: rate(5 minutes), OmitName: true } } } } }",
            "A.E",
            "no Input",
        ),
        (
            "A: { Type: AWS::Serverless::Function, Properties: { CodeUri: rollback, Events: { E: { Type: ScheduleV2, Properties: { ScheduleExpression: rate(5 minutes), Input: '{}' } } } } }",
            "A.E",
            "OmitName",
        ),
        (
            "A: { Type: AWS::SNS::Topic, Properties: { DisplayName: !FindInMap [Modes, !Ref Mode, Secs] } }",
            "A",
            "no \"Modes\"",
        ),
        (
            "A: { Type: AWS::Serverless::StateMachine, Properties: { DefinitionUri: gone.asl.json } }",
            "A",
            "gone.asl.json",
        ),
        (
            "A: { Type: AWS::Events::Rule, Properties: { Targets: [] } }",
            "A",
            "pattern or a schedule",
        ),
        (
            "A: { Type: AWS::SNS::Topic }\nA: { Type: AWS::SNS::Topic }",
            "the template",
            "duplicate",
        ),
    ];
    for (text, place, named) in table {
        let error = resources(text).unwrap_err();
        assert_eq!(error.place, place, "{text}: {error}");
        assert!(error.wrong.contains(named), "{text}: {error}");
    }
}

#[test]
fn a_parameter_is_checked_before_anything_is_read() {
    let with = |name: &str, value: &str| {
        let text = "Parameters:\n  Mode: { Type: String, Default: act, AllowedValues: [observe, act] }\n  Minutes: { Type: Number, Default: 5, MaxValue: 10 }\nResources: {}";
        Stack::read(
            text,
            Path::new(""),
            &BTreeMap::from([(name.to_owned(), value.to_owned())]),
            &[],
        )
    };
    assert_eq!(with("Minutes", "7").unwrap().parameters["Minutes"], "7");
    assert!(with("Minutes", "11").unwrap_err().wrong.contains("bounds"));
    assert!(
        with("Minutes", "soon")
            .unwrap_err()
            .wrong
            .contains("number")
    );
    assert!(with("Mode", "atc").unwrap_err().wrong.contains("atc"));
    assert!(with("Mod", "act").unwrap_err().wrong.contains("Mod"));
    assert!(
        read("Parameters:\n  Email: { Type: String }\nResources: {}")
            .unwrap_err()
            .wrong
            .contains("neither a value nor a default")
    );
}

#[test]
fn what_does_not_hold_is_not_made() {
    let stack = resources(
        "A: { Type: AWS::SNS::Topic, Condition: Never }\nB: { Type: AWS::SNS::Topic, Properties: { DisplayName: !If [Never, !Ref A, b] } }",
    )
    .unwrap();
    assert_eq!(stack.topics.keys().collect::<Vec<_>>(), ["B"]);
    assert_eq!(stack.topics["B"].properties["DisplayName"], "b");
}

#[test]
fn a_name_that_a_deployment_gave_is_the_name_in_every_reference() {
    let text = "Resources:\n  A: { Type: AWS::SNS::Topic }\nOutputs:\n  Topic: { Value: !Ref A }\n";
    let names = BTreeMap::from([("A".to_owned(), "lifeguard-A-1X2Y".to_owned())]);
    let stack = Stack::read_named(text, Path::new(""), &BTreeMap::new(), &names, &[]).unwrap();
    assert_eq!(stack.topics["A"].name, "lifeguard-A-1X2Y");
    assert_eq!(
        stack.outputs["Topic"],
        place::arn("sns", "lifeguard-A-1X2Y")
    );
}

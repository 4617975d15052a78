//! What a real deployment meets: where the build looks for a binary, what both commands read, names that two stacks may have, periods that CloudWatch takes.

use std::{collections::BTreeMap, fs};

use serde_json::Value;

use super::{PACKAGES, repository, stack};

/// CloudWatch's limits on the time that an alarm looks at: for short periods, and for periods of an hour and more.
const MOST_SECS_OF_SHORT_PERIODS: u64 = 86_400;
const MOST_SECS: u64 = 604_800;
const HOUR_SECS: u64 = 3600;

fn text(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap()
}

/// The blocks of resources in the template, by logical id.
fn resources() -> BTreeMap<String, String> {
    let template = text("infra/template.yaml");
    let (_, resources) = template.split_once("\nResources:\n").unwrap();
    let (resources, _) = resources.split_once("\nOutputs:\n").unwrap();
    let mut blocks: BTreeMap<String, String> = BTreeMap::new();
    let mut id = String::new();
    for line in resources.lines() {
        if line.len() > 2
            && line.starts_with("  ")
            && !line.starts_with("   ")
            && line.ends_with(':')
        {
            id = line.trim().trim_end_matches(':').to_owned();
        }
        let block = blocks.entry(id.clone()).or_default();
        block.push_str(line);
        block.push('\n');
    }
    blocks
}

fn captured<'a>(pattern: &str, text: &'a str) -> Vec<&'a str> {
    regex_lite::Regex::new(pattern)
        .unwrap()
        .captures_iter(text)
        .map(|found| found.get(1).unwrap().as_str())
        .collect()
}

#[test]
fn the_build_finds_each_function_in_the_folder_of_its_own_package() {
    let mut built = Vec::new();
    for (id, block) in resources() {
        if !block.contains("Type: AWS::Serverless::Function") {
            continue;
        }
        let (binary, code) = (
            captured(r"Binary: ([a-z-]+)", &block)[0],
            captured(r"CodeUri: (\S+)", &block)[0],
        );
        assert_eq!(code, format!("../functions/{binary}"), "{id}");
        let manifest = text(&format!("infra/{code}/Cargo.toml"));
        assert!(manifest.contains(&format!("name = \"{binary}\"")), "{id}");
        assert!(
            repository(&format!("infra/{code}/src/main.rs")).exists(),
            "{id}"
        );
        built.push(binary.to_owned());
    }
    built.sort();
    let mut packages = PACKAGES.map(str::to_owned).to_vec();
    packages.sort();
    assert_eq!(built, packages);
}

#[test]
fn the_build_and_the_deployment_read_the_same_parameters() {
    let configuration = text("infra/samconfig.toml");
    let mut section = "";
    for line in configuration.lines() {
        if line.starts_with('[') {
            section = line;
        }
        assert!(
            !line.contains("parameter_overrides") || section == "[default.global.parameters]",
            "{section} is read by one of the two commands only: {line}"
        );
        assert!(!line.starts_with("beta_features"), "{line}");
    }
    assert!(configuration.contains("\nparameter_overrides"));
}

#[test]
fn what_the_build_leaves_behind_is_ignored_by_git() {
    assert!(text(".gitignore").lines().any(|line| line == ".aws-sam/"));
}

#[test]
fn a_second_stack_in_the_account_has_schedules_of_its_own_and_each_has_its_input() {
    let mut schedules = 0;
    for (id, block) in resources() {
        // Until the next event of the resource, or its end.
        for schedule in block.split("Type: ScheduleV2").skip(1) {
            let own: String = schedule
                .lines()
                .take_while(|line| line.is_empty() || line.starts_with("          "))
                .collect();
            assert!(
                own.contains("OmitName: true"),
                "{id}: named by its logical id alone"
            );
            assert!(
                own.contains("Input: "),
                "{id}: Scheduler sends an event of its own"
            );
            schedules += 1;
        }
    }
    assert_eq!(schedules, 3);
}

/// Values of every parameter that is a number: those that are allowed, or the bounds and what lies beside them.
fn numbers() -> Vec<(String, String)> {
    let template = text("infra/template.yaml");
    let (_, parameters) = template.split_once("\nParameters:\n").unwrap();
    let mut name = String::new();
    let mut own: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in parameters
        .lines()
        .take_while(|line| line.is_empty() || line.starts_with(' '))
    {
        if line.starts_with("  ") && !line.starts_with("   ") && line.ends_with(':') {
            name = line.trim().trim_end_matches(':').to_owned();
        }
        let listed = captured(r"AllowedValues: \[(.*)\]", line);
        let bound: Vec<i64> = captured(r"(?:MinValue|MaxValue): ([0-9]+)", line)
            .iter()
            .map(|bound| bound.parse().unwrap())
            .collect();
        let tried = own.entry(name.clone()).or_default();
        tried.extend(
            listed
                .iter()
                .flat_map(|list| list.split(", "))
                .map(|value| value.trim_matches('"').to_owned()),
        );
        tried.extend(
            bound
                .iter()
                .flat_map(|bound| [bound - 1, *bound, bound + 1])
                .map(|n| n.to_string()),
        );
    }
    own.into_iter()
        .flat_map(|(name, tried)| tried.into_iter().map(move |value| (name.clone(), value)))
        .collect()
}

/// What CloudWatch says of an alarm's period, if it takes it not.
fn refused(alarm: &Value) -> Option<String> {
    let number = |name: &str| {
        let value = &alarm[name];
        value.as_u64().or_else(|| value.as_str()?.parse().ok())
    };
    let (period, periods) = (number("Period")?, number("EvaluationPeriods").unwrap_or(1));
    let most = if period < HOUR_SECS {
        MOST_SECS_OF_SHORT_PERIODS
    } else {
        MOST_SECS
    };
    (!([10, 20, 30].contains(&period) || (period > 0 && period.is_multiple_of(60))))
        .then(|| format!("a period of {period} s"))
        .or_else(|| (period * periods > most).then(|| format!("{periods} periods of {period} s")))
}

#[test]
fn every_alarm_has_a_period_that_cloudwatch_takes_whatever_is_allowed() {
    let mut tried = 0;
    for (name, value) in numbers() {
        // What is out of bounds is refused as a parameter.
        let Ok(stack) = stack(&[(&name, &value)]) else {
            continue;
        };
        tried += 1;
        for (id, alarm) in &stack.alarms {
            let wrong = refused(&alarm.properties);
            assert_eq!(wrong, None, "{id} with {name}={value}");
        }
    }
    assert!(tried > 30, "{tried}");
    for wrong in [301, 45, 0, 90] {
        assert!(
            refused(&serde_json::json!({ "Period": wrong })).is_some(),
            "{wrong}"
        );
    }
}

#[test]
fn every_default_survives_as_an_unquoted_override() {
    let stack = stack(&[]).unwrap();
    for (name, value) in &stack.parameters {
        assert!(
            !value.contains([' ', '"', '{']),
            "{name}={value}: SAM cuts a value at its first blank or quote"
        );
    }
}

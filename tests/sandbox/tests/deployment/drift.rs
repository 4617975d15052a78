//! Facts that stand in two places: settings and the template, the template and its document, errors and the state machine.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use lambda_kit::{Env, ErrorType};
use sandbox::template::{FunctionSpec, STACK_NAME, Trigger};
use serde_json::Value;

use super::{PACKAGES, repository, stack};

fn text(path: &str) -> String {
    fs::read_to_string(repository(path)).unwrap()
}

/// The sources of a folder, one after the other.
fn sources(folder: &Path) -> String {
    let mut all = String::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            all.push_str(&sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            all.push_str(&fs::read_to_string(&path).unwrap());
        }
    }
    all
}

fn found(pattern: &str, text: &str) -> BTreeSet<String> {
    regex_lite::Regex::new(pattern)
        .unwrap()
        .captures_iter(text)
        .map(|found| found[1].to_owned())
        .collect()
}

/// The variables that every function gets: the policy's.
fn policy_variables() -> BTreeSet<String> {
    found(
        r#"env\.or\("([A-Z_]+)""#,
        &text("shared/lambda-kit/src/policy.rs"),
    )
}

fn own_variables(function: &FunctionSpec) -> BTreeSet<String> {
    function
        .env
        .keys()
        .filter(|name| !policy_variables().contains(*name))
        .cloned()
        .collect()
}

#[test]
fn the_policy_is_set_by_the_template_and_by_nothing_else() {
    let stack = stack(&[]).unwrap();
    let planner = stack
        .functions
        .values()
        .find(|function| function.package == "remediation-planner")
        .unwrap();
    assert_eq!(
        planner.env.keys().cloned().collect::<BTreeSet<_>>(),
        policy_variables()
    );
    let env: Env = planner.env.clone().into_iter().collect();
    assert_eq!(
        lambda_kit::policy(&env).unwrap(),
        lifecycle::Policy::default(),
        "the template's defaults are the code's"
    );
    for name in policy_variables() {
        let env: Env = [(name.clone(), "not a value".to_owned())]
            .into_iter()
            .collect();
        assert!(
            lambda_kit::policy(&env)
                .unwrap_err()
                .to_string()
                .contains(&name),
            "{name} is read"
        );
    }
}

#[test]
fn each_function_gets_the_variables_it_reads() {
    let stack = stack(&[]).unwrap();
    for package in PACKAGES {
        let function = stack
            .functions
            .values()
            .find(|function| function.package == package)
            .unwrap();
        let read = found(
            r#"const [A-Z_]+: &str = "([A-Z]+_[A-Z_]+)";"#,
            &sources(&repository(&format!("functions/{package}/src"))),
        );
        assert_eq!(own_variables(function), read, "{package}");
    }
}

#[test]
fn every_parameter_stands_in_the_document_with_its_default() {
    let document = text("infra/README.md");
    let rows: BTreeMap<String, String> =
        regex_lite::Regex::new(r"(?m)^\| `([A-Z][a-z][A-Za-z]*)` \| (.*?) \|")
            .unwrap()
            .captures_iter(&document)
            .map(|row| (row[1].to_owned(), row[2].trim_matches('`').to_owned()))
            .collect();
    let stack = stack(&[]).unwrap();
    let shown = |value: &str| {
        if value.is_empty() || value == "[]" {
            "empty".to_owned()
        } else {
            value.to_owned()
        }
    };
    let parameters: BTreeMap<String, String> = stack
        .parameters
        .iter()
        .map(|(name, value)| (name.clone(), shown(value)))
        .collect();
    assert_eq!(rows, parameters);
}

#[test]
fn every_variable_stands_in_the_document_with_who_reads_it() {
    let document = text("infra/README.md");
    let stack = stack(&[]).unwrap();
    let mut expected: BTreeMap<String, BTreeSet<String>> = policy_variables()
        .into_iter()
        .map(|name| (name, BTreeSet::from(["policy".to_owned()])))
        .collect();
    for function in stack.functions.values() {
        for name in own_variables(function) {
            expected
                .entry(name)
                .or_default()
                .insert(function.package.clone());
        }
    }
    let rows: BTreeMap<String, BTreeSet<String>> =
        regex_lite::Regex::new(r"(?m)^\| `([A-Z_]+)` \| ([a-z, -]+) \|")
            .unwrap()
            .captures_iter(&document)
            .map(|row| {
                (
                    row[1].to_owned(),
                    row[2].split(", ").map(str::to_owned).collect(),
                )
            })
            .collect();
    assert_eq!(rows, expected);
}

/// For every parameter values that are wrong, and what the refusal says to write instead.
const BAD_PARAMETERS: [(&str, &[&str], &str); 32] = [
    ("Mode", &["aggressive", "Act", ""], "write observe or act"),
    (
        "ForceStop",
        &["no", "true", ""],
        "write enabled or disabled",
    ),
    (
        "RescuesPerDay",
        &["99", "-1", "two", ""],
        "write a whole number from 0 to 10",
    ),
    (
        "MaxSnapshotAgeSecs",
        &["60", "2592001", "1d"],
        "write seconds from 600",
    ),
    (
        "MaxSnapshotGapSecs",
        &["599", "2592001", "20h"],
        "write seconds from 600",
    ),
    (
        "NotificationEmail",
        &["oncall", "a b@example.com", "a@b.c, d@e.f"],
        "write one e-mail address",
    ),
    (
        "AlarmApplications",
        &[
            "orders is down: orders",
            "orders is down=or ders",
            "orders",
            "=orders",
            "a=b,",
            r#"{"orders is down":"orders"}"#,
            "{}",
        ],
        "write alarm=application pairs",
    ),
    ("SoakSecs", &["29", "3601", "5m"], "write seconds from 30"),
    (
        "MinRestarts",
        &["1", "101"],
        "maintenance alone restarts a job once",
    ),
    (
        "OperationTimeoutSecs",
        &["299", "7201", "40m"],
        "write seconds from 300",
    ),
    (
        "SettleTimeoutSecs",
        &["299", "7201"],
        "write seconds from 300",
    ),
    (
        "NoProgressSecs",
        &["299", "14401"],
        "write seconds from 300",
    ),
    ("ProvenSecs", &["599", "86401"], "write seconds from 600"),
    (
        "ExternalPatienceSecs",
        &["59", "14401"],
        "write seconds from 60",
    ),
    (
        "DeadlineSecs",
        &["5m", "3599", "14401"],
        "write seconds from 3600",
    ),
    ("Architecture", &["arm", "aarch64"], "write arm64 or x86_64"),
    (
        "SweepState",
        &["on", "enabled"],
        "write ENABLED or DISABLED",
    ),
    (
        "AlarmKeeperEveryMinutes",
        &["0", "1", "7", "1h", "rate(1 hour)"],
        "write one of 5, 10",
    ),
    (
        "LogRetentionDays",
        &["91", "0", "forever"],
        "write one of 7",
    ),
    (
        "SnapshotScheduleState",
        &["on", "enabled"],
        "write ENABLED or DISABLED",
    ),
    (
        "SnapshotCheckEveryMinutes",
        &["0", "1", "45", "1441", "1h", "rate(1 hour)"],
        "write one of 5, 10",
    ),
    (
        "SnapshotMaxAgeSecs",
        &["599", "2592001", "6h"],
        "write seconds from 600",
    ),
    (
        "SnapshotKeepLast",
        &["0", "501", "all"],
        "write a whole number from 1 to 500",
    ),
    (
        "SnapshotKeepDailyDays",
        &["-1", "366", "7d"],
        "write a whole number of days from 0 to 365",
    ),
    (
        "TopicArn",
        &[
            "reports",
            "arn:aws:sns:us-east-1:123456789012:reports.fifo",
            "arn:aws:sqs:us-east-1:123456789012:reports",
        ],
        "write the ARN of a standard topic",
    ),
    (
        "TopicKeyArn",
        &[
            "alias/reports",
            "arn:aws:kms:us-east-1:123456789012:alias/reports",
        ],
        "write the ARN of the key",
    ),
    (
        "RolePath",
        &["", "automation", "/automation"],
        "write a path that begins and ends",
    ),
    (
        "PermissionsBoundary",
        &["boundary", "arn:aws:iam::123456789012:role/boundary"],
        "write the ARN of a managed policy",
    ),
    (
        "DeletionProtection",
        &["true", "on"],
        "write enabled or disabled",
    ),
    // Any list is one; IAM refuses what is no ARN of a role.
    ("ServiceRoles", &[], ""),
    ("UsableKeys", &[], ""),
    // Any list of names is one; what is not there is found by CloudWatch Logs.
    ("ApplicationLogGroups", &[], ""),
];

#[test]
fn bad_parameters_are_refused_with_a_word_on_what_to_write() {
    for (name, values, said) in BAD_PARAMETERS {
        for value in values {
            let error = stack(&[(name, value)]).expect_err(&format!("{name}={value}"));
            assert_eq!(error.place, name, "{name}={value}: {error}");
            assert!(error.wrong.contains(said), "{name}={value}: {error}");
        }
    }
    let tried: BTreeSet<&str> = BAD_PARAMETERS.iter().map(|(name, ..)| *name).collect();
    let stack_of_defaults = stack(&[]).unwrap();
    assert_eq!(
        tried,
        stack_of_defaults
            .parameters
            .keys()
            .map(String::as_str)
            .collect(),
        "each parameter has a row"
    );
    let right = [
        (
            "AlarmApplications",
            "orders is down=orders,pay=pay-eu,a=b=c",
        ),
        ("NotificationEmail", "oncall@example.com"),
        ("AlarmKeeperEveryMinutes", "60"),
    ];
    assert!(stack(&right).unwrap().rules.contains_key("CompositeRings"));
    assert!(!stack_of_defaults.rules.contains_key("CompositeRings"));
}

#[test]
fn the_interval_of_the_snapshot_check_is_one_number_for_schedule_functions_and_alarm() {
    let minutes: Vec<u64> = found(
        r#"AllowedValues: \[("5", "10"[0-9", ]*)\]"#,
        &text("infra/template.yaml"),
    )
    .iter()
    .flat_map(|list| list.split(", "))
    .map(|one| one.trim_matches('"').parse().unwrap())
    .collect();
    assert!(minutes.len() > 5, "{minutes:?}");
    for every in minutes {
        // Where the stack only observes, nobody keeps snapshots and no alarm watches them.
        let parameters = [
            ("Mode", "act"),
            ("SnapshotCheckEveryMinutes", &every.to_string()),
        ];
        let stack = stack(&parameters).unwrap();
        let (secs, schedule) = ((every * 60).to_string(), format!("rate({every} minutes)"));
        assert_eq!(
            stack.rules["SnapshotCheckOnSchedule"].trigger,
            Trigger::Schedule(schedule)
        );
        for function in ["SnapshotKeeper", "AlarmKeeper"] {
            assert_eq!(
                stack.functions[function].env["SNAPSHOT_CHECK_EVERY_SECS"], secs,
                "{function}"
            );
        }
        assert_eq!(
            stack.alarms["SnapshotsAreStale"].properties["Period"],
            secs.as_str()
        );
    }
}

#[test]
fn every_parameter_is_described_grouped_and_says_what_to_write() {
    let template = text("infra/template.yaml");
    let groups: String = template
        .lines()
        .filter(|line| line.trim_start().starts_with("Parameters: ["))
        .collect();
    for name in stack(&[]).unwrap().parameters.keys() {
        assert!(groups.contains(name.as_str()), "{name} is in no group");
        let block = template
            .split(&format!("\n  {name}:\n    Type:"))
            .nth(1)
            .unwrap_or_else(|| panic!("{name}"));
        let block = block
            .split("\n  ")
            .take_while(|line| line.starts_with("  ") || !line.contains(':'))
            .collect::<String>();
        assert!(block.contains("Description:"), "{name}");
        assert!(
            block.contains("ConstraintDescription:")
                || ["ApplicationLogGroups", "ServiceRoles", "UsableKeys"].contains(&name.as_str()),
            "{name}"
        );
    }
}

/// Errors that are not this project's own, with who raises them.
const ERRORS_OF_SERVICES: [(&str, &str); 38] = [
    ("States.ALL", "Step Functions: any"),
    ("States.Timeout", "Step Functions: TimeoutSeconds is over"),
    (
        "States.TaskFailed",
        "Step Functions: any failure of a task but a time-out",
    ),
    ("Lambda.TooManyRequestsException", "Lambda: throttled"),
    ("Lambda.ServiceException", "Lambda: its own 500"),
    ("Lambda.AWSLambdaException", "Lambda: its own 500"),
    (
        "Lambda.SdkClientException",
        "Step Functions could not reach Lambda",
    ),
    (
        "Lambda.Unknown",
        "Lambda: a crash of the runtime without a word",
    ),
    ("Sandbox.Timedout", "Lambda: the function's Timeout is over"),
    ("Runtime.ExitError", "Lambda: the process ended"),
    (
        "DynamoDB.ConditionalCheckFailedException",
        "DynamoDB: the condition does not hold",
    ),
    (
        "DynamoDB.ProvisionedThroughputExceededException",
        "DynamoDB: throttled, also on demand",
    ),
    (
        "DynamoDB.RequestLimitExceededException",
        "DynamoDB: the account is throttled",
    ),
    (
        "DynamoDB.InternalServerErrorException",
        "DynamoDB: its own 500",
    ),
    (
        "DynamoDB.SdkClientException",
        "Step Functions could not reach DynamoDB",
    ),
    // The generic integration's names of the same.
    (
        "DynamoDb.ProvisionedThroughputExceededException",
        "DynamoDB: throttled, also on demand",
    ),
    (
        "DynamoDb.RequestLimitExceededException",
        "DynamoDB: the account is throttled",
    ),
    (
        "DynamoDb.InternalServerErrorException",
        "DynamoDB: its own 500",
    ),
    (
        "DynamoDb.SdkClientException",
        "Step Functions could not reach DynamoDB",
    ),
    (
        "Sfn.ExecutionDoesNotExistException",
        "Step Functions: there is no such execution",
    ),
    (
        "Sfn.InvalidArnException",
        "Step Functions: what should be an ARN is none",
    ),
    (
        "Sfn.ValidationException",
        "Step Functions: the ARN is too long or empty",
    ),
    (
        "Sfn.SfnException",
        "Step Functions: what its model does not list, a throttle or its own 500",
    ),
    (
        "Sfn.SdkClientException",
        "Step Functions could not reach itself",
    ),
    (
        "States.DataLimitExceeded",
        "Step Functions: an input so long that it cannot be passed on",
    ),
    (
        "SNS.ThrottledException",
        "SNS: throttled, as its model spells it",
    ),
    (
        "SNS.ThrottlingException",
        "SNS: throttled, as its front door spells it",
    ),
    ("SNS.InternalErrorException", "SNS: its own 500"),
    (
        "SNS.KMSThrottlingException",
        "SNS: the topic's key is throttled",
    ),
    (
        "SNS.SdkClientException",
        "Step Functions could not reach SNS",
    ),
    (
        "EventBridge.FailedEntry",
        "EventBridge: took the request and not the event",
    ),
    ("EventBridge.ThrottlingException", "EventBridge: throttled"),
    ("EventBridge.InternalException", "EventBridge: its own 500"),
    (
        "EventBridge.SdkClientException",
        "Step Functions could not reach EventBridge",
    ),
    (
        "StepFunctions.ExecutionAlreadyExistsException",
        "Step Functions: an execution of that name was started before",
    ),
    (
        "StepFunctions.ExecutionLimitExceededException",
        "Step Functions: too many executions are open",
    ),
    (
        "StepFunctions.ThrottlingException",
        "Step Functions: throttled",
    ),
    (
        "StepFunctions.SdkClientException",
        "Step Functions could not reach itself",
    ),
];

fn errors_named(value: &Value, named: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                if name == "ErrorEquals" {
                    named.extend(
                        value
                            .as_array()
                            .unwrap()
                            .iter()
                            .map(|error| error.as_str().unwrap().to_owned()),
                    );
                }
                errors_named(value, named);
            }
        }
        Value::Array(values) => values.iter().for_each(|value| errors_named(value, named)),
        _ => {}
    }
}

/// Names in `ErrorEquals` that nothing can raise.
fn impossible(definition: &Value) -> Vec<String> {
    let mut named = BTreeSet::new();
    errors_named(definition, &mut named);
    assert!(!named.is_empty());
    let ours: Vec<&str> = ErrorType::ALL.iter().map(|error| error.name()).collect();
    named.retain(|error| {
        !ours.contains(&error.as_str())
            && !ERRORS_OF_SERVICES.iter().any(|(known, _)| known == error)
    });
    named.into_iter().collect()
}

#[test]
fn every_error_that_the_state_machine_names_can_occur() {
    for machine in stack(&[]).unwrap().state_machines.values() {
        assert_eq!(
            impossible(&machine.definition),
            Vec::<String>::new(),
            "{}",
            machine.name
        );
        let misspelt = machine.definition.to_string().replacen(
            "Lifeguard.Retryable",
            "Lifeguard.Retriable",
            1,
        );
        assert_eq!(
            impossible(&serde_json::from_str(&misspelt).unwrap()),
            ["Lifeguard.Retriable"]
        );
    }
}

/// All `Retry` entries, each list with the name of its state.
fn retries<'a>(name: &str, value: &'a Value, found: &mut Vec<(String, &'a Vec<Value>)>) {
    match value {
        Value::Object(members) => {
            if let Some(retriers) = members.get("Retry").and_then(Value::as_array) {
                found.push((name.to_owned(), retriers));
            }
            members
                .iter()
                .for_each(|(name, value)| retries(name, value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| retries(name, value, found)),
        _ => {}
    }
}

#[test]
fn retries_name_their_errors_and_what_is_not_named_is_tried_a_few_times_at_most() {
    let tries = |retrier: &Value| retrier["MaxAttempts"].as_u64().unwrap();
    let stack = stack(&[]).unwrap();
    let mut lists = Vec::new();
    for machine in stack.state_machines.values() {
        retries(&machine.name, &machine.definition, &mut lists);
    }
    assert!(lists.len() > 15, "{}", lists.len());
    for (state, retriers) in lists {
        let names = |retrier: &Value| {
            retrier["ErrorEquals"]
                .as_array()
                .unwrap()
                .iter()
                .map(|name| name.as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert!(
            retriers
                .iter()
                .all(|retrier| !names(retrier).iter().any(|name| name == "States.ALL")),
            "{state}: {retriers:?}"
        );
        let any: Vec<&Value> = retriers
            .iter()
            .filter(|retrier| {
                names(retrier)
                    .iter()
                    .any(|name| name == "States.TaskFailed")
            })
            .collect();
        for last in any {
            assert_eq!(
                (names(last), retriers.last()),
                (vec!["States.TaskFailed".to_owned()], Some(last)),
                "{state}"
            );
            assert!(
                tries(last) <= 3 && retriers.iter().any(|named| tries(named) > tries(last)),
                "{state}: {retriers:?}"
            );
        }
    }
}

#[test]
fn a_function_that_changes_applications_ends_as_soon_as_a_successor_expects() {
    let stack = stack(&[]).unwrap();
    for package in ["rollback", "force-stop-and-restore"] {
        let function = stack
            .functions
            .values()
            .find(|function| function.package == package)
            .unwrap();
        assert!(
            function.timeout_secs <= u64::from(lifecycle::STEP_FUNCTION_SECS),
            "{package}: {} s",
            function.timeout_secs
        );
    }
}

/// Pairs of a metric of this project and the function that counts it, as a text names them.
fn counted_pairs(pattern: &str, text: &str) -> BTreeSet<(String, String)> {
    let pattern = regex_lite::Regex::new(pattern).unwrap();
    pattern
        .captures_iter(text)
        .map(|found| (found[1].to_owned(), found[2].to_owned()))
        .collect()
}

/// Whether the sources of that function count that metric.
fn is_counted_by(metric: &str, function: &str) -> bool {
    let names = regex_lite::Regex::new(&format!(r"Metric::{metric}\b")).unwrap();
    PACKAGES.contains(&function)
        && names.is_match(&sources(&repository(&format!("functions/{function}/src"))))
}

#[test]
fn the_dashboard_shows_every_metric_by_the_function_that_counts_it() {
    let known: BTreeSet<&str> = lambda_kit::Metric::ALL
        .iter()
        .map(|metric| metric.name())
        .collect();
    let shown = counted_pairs(
        r#"\["FlinkLifeguard", "([A-Za-z]+)", "stack", "\$\{AWS::StackName\}", "function", "([a-z-]+)"\]"#,
        &text("infra/template.yaml"),
    );
    assert_eq!(
        shown
            .iter()
            .map(|(metric, _)| metric.as_str())
            .collect::<BTreeSet<_>>(),
        known
    );
    for (metric, function) in &shown {
        assert!(
            is_counted_by(metric, function),
            "{function} does not count {metric}"
        );
    }
    assert!(
        !is_counted_by("Snapshots", "alarm-handler")
            && !is_counted_by("Snapshot", "snapshot-keeper"),
        "the check can fail"
    );
}

/// Metrics of AWS's services that alarms and dashboard name, with the dimension of each.
const METRICS_OF_SERVICES: [(&str, &str, &str); 6] = [
    ("AWS/States", "ExecutionsStarted", "StateMachineArn"),
    ("AWS/States", "ExecutionsFailed", "StateMachineArn"),
    ("AWS/States", "ExecutionsTimedOut", "StateMachineArn"),
    ("AWS/States", "ExecutionsAborted", "StateMachineArn"),
    ("AWS/Lambda", "Errors", "FunctionName"),
    ("AWS/SQS", "NumberOfMessagesSent", "QueueName"),
];

#[test]
fn every_alarm_watches_a_metric_that_exists_of_something_in_the_stack() {
    let stack = stack(&[("Mode", "act")]).unwrap();
    assert!(stack.alarms.len() >= 9, "{}", stack.alarms.len());
    let there: BTreeSet<String> = (stack
        .functions
        .values()
        .map(|function| function.name.clone()))
    .chain(
        stack
            .state_machines
            .values()
            .map(|machine| machine.arn.clone()),
    )
    .chain(
        stack
            .passive
            .values()
            .filter(|resource| resource.kind == "AWS::SQS::Queue")
            .map(|queue| queue.name.clone()),
    )
    .collect();
    for (id, alarm) in &stack.alarms {
        let property = |name: &str| alarm.properties[name].as_str().unwrap_or_default();
        let dimensions: Vec<(&str, &str)> = alarm.properties["Dimensions"]
            .as_array()
            .unwrap()
            .iter()
            .map(|dimension| {
                (
                    dimension["Name"].as_str().unwrap(),
                    dimension["Value"].as_str().unwrap(),
                )
            })
            .collect();
        let (name, value) = *dimensions.last().unwrap();
        if property("Namespace") == lambda_kit::NAMESPACE {
            // As the functions write them: another set of dimensions is another metric, and it has no values.
            assert_eq!(
                dimensions,
                [("stack", STACK_NAME), ("function", value)],
                "{id}"
            );
            assert!(is_counted_by(property("MetricName"), value), "{id}");
        } else {
            assert_eq!(dimensions.len(), 1, "{id}");
            let found = METRICS_OF_SERVICES
                .iter()
                .any(|known| *known == (property("Namespace"), property("MetricName"), name));
            assert!(found && there.contains(value), "{id}: {value}");
        }
    }
}

#[test]
fn the_dashboard_shows_every_alarm_of_the_stack() {
    for (schedule, mode) in [
        ("ENABLED", "act"),
        ("DISABLED", "act"),
        ("ENABLED", "observe"),
    ] {
        let stack = stack(&[("SnapshotScheduleState", schedule), ("Mode", mode)]).unwrap();
        let body: Value = serde_json::from_str(
            stack.passive["Dashboard"].properties["DashboardBody"]
                .as_str()
                .unwrap(),
        )
        .unwrap();
        let widgets = body["widgets"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|widget| widget["type"] == "alarm");
        let shown: Vec<Value> = widgets
            .flat_map(|widget| widget["properties"]["alarms"].as_array().unwrap().clone())
            .collect();
        let shown: BTreeSet<&str> = shown
            .iter()
            .filter_map(Value::as_str)
            .filter_map(|arn| arn.split(':').next_back())
            .collect();
        assert_eq!(
            shown,
            stack
                .alarms
                .values()
                .map(|alarm| alarm.name.as_str())
                .collect(),
            "{schedule}"
        );
    }
}

#[test]
fn the_dashboard_names_metrics_of_services_that_exist() {
    let shown = counted_pairs(
        r#"\["AWS/States", "([A-Za-z]+)", "([A-Za-z]+)", "\$\{Remediate\}"\]"#,
        &text("infra/template.yaml"),
    );
    assert_eq!(shown.len(), 4);
    for (metric, dimension) in &shown {
        assert!(
            METRICS_OF_SERVICES.contains(&("AWS/States", metric.as_str(), dimension.as_str())),
            "{metric}"
        );
    }
}

#[test]
fn the_drawing_of_the_state_machine_is_current() {
    let definition = serde_json::from_str(&text("infra/statemachines/remediate.asl.json")).unwrap();
    let current = sandbox::graph::svg(&definition) == text("infra/remediate.svg");
    assert!(
        current,
        "draw it again: cargo run -- graph infra/statemachines/remediate.asl.json > infra/remediate.svg"
    );
}

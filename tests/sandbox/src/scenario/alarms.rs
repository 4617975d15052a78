//! The alarms of an application, as people set them up: restarts that keep rising, checkpoints that keep failing.
//!
//! "3 of 10 minutes" catches slow loops that "5 of 5" never sees, and one restart by maintenance does not ring it (facts/managed-flink.md).

use serde_json::{Value, json};

/// The properties of the alarms, as `AWS::CloudWatch::Alarm` has them.
#[must_use]
pub fn alarms_of(application: &str, runtime: &str) -> Vec<Value> {
    // `fullRestarts` was removed in Flink 2.2.
    let restarts = if runtime.starts_with("FLINK-1_") { "fullRestarts" } else { "numRestarts" };
    vec![
        rising(application, "restarts", restarts, "The job keeps restarting", 3, 10),
        rising(application, "checkpoints", "numberOfFailedCheckpoints", "Checkpoints keep failing", 5, 10),
    ]
}

fn rising(application: &str, what: &str, metric: &str, description: &str, of: u32, minutes: u32) -> Value {
    json!({
        "AlarmName": format!("{application}-{what}"),
        "AlarmDescription": description,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 0,
        "EvaluationPeriods": minutes,
        "DatapointsToAlarm": of,
        "TreatMissingData": "notBreaching",
        "Metrics": [
            { "Id": "e1", "Expression": "DIFF(m1)", "Label": format!("{metric} per minute"), "ReturnData": true },
            {
                "Id": "m1",
                "ReturnData": false,
                "MetricStat": {
                    "Metric": {
                        "Namespace": "AWS/KinesisAnalytics",
                        "MetricName": metric,
                        "Dimensions": [{ "Name": "Application", "Value": application }]
                    },
                    "Period": 60,
                    "Stat": "Maximum"
                }
            }
        ]
    })
}

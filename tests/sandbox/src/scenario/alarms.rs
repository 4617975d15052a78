//! The alarms of an application, as people set them up: restarts that keep rising, checkpoints that keep failing.
//!
//! "3 of 10 minutes" catches slow loops that "5 of 5" never sees, and one restart by maintenance does not ring it (facts/managed-flink.md). Flink gives a checkpoint that
//! hangs up after ten minutes, so two failed ones within half an hour are two in a row.

use serde_json::{Value, json};

/// The properties of the alarms, as `AWS::CloudWatch::Alarm` has them.
///
/// Both counters of restarts are watched: `fullRestarts` was removed in Flink 2.2, where it is `numRestarts`, and an alarm on one of them would go blind with the very
/// upgrade that breaks a job.
#[must_use]
pub fn alarms_of(application: &str) -> Vec<Value> {
    vec![
        rising(application, "restarts", "fullRestarts", "The job keeps restarting", 3, 10),
        rising(application, "restarts-flink-2", "numRestarts", "The job keeps restarting", 3, 10),
        rising(application, "checkpoints", "numberOfFailedCheckpoints", "Checkpoints keep failing", 2, 30),
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

//! The alarms on an application's snapshots, as definitions: who creates and keeps them is another function's business.

use serde_json::{Value, json};

use super::SnapshotPolicy;

/// The metric that is one while no READY snapshot is as fresh as the application's own policy asks.
pub const SNAPSHOTS_STALE_METRIC: &str = "SnapshotsStale";
/// The metric that counts what needs a person: disabled, stuck, failed, near the quota, a tag that does not parse.
pub const SNAPSHOT_FINDINGS_METRIC: &str = "SnapshotFindings";
/// Names of alarms that this project keeps begin with this: the role that puts them is narrowed to it.
const PREFIX: &str = "lifeguard-";
/// The namespace of this project's metrics.
const NAMESPACE: &str = "FlinkLifeguard";
/// The function that counts.
const FUNCTION: &str = "snapshot-keeper";
/// CloudWatch takes periods of whole minutes.
const MINUTE_SECS: u32 = 60;
/// A check that finds the newest too old takes the next: only the second one in a row that does is an alarm.
const CHECKS: u32 = 2;

/// The properties of the alarms of one application, as `PutMetricAlarm` and `AWS::CloudWatch::Alarm` have them: snapshots that are stale or missing, and findings that need a
/// person. Missing data is not breaching: an application that is stopped on purpose gets no older, and a keeper that does not run has an alarm of its own.
#[must_use]
pub fn snapshot_alarms(application: &str, policy: &SnapshotPolicy) -> Vec<Value> {
    let period = policy.check_every_secs.max(MINUTE_SECS).div_ceil(MINUTE_SECS) * MINUTE_SECS;
    let alarm = |what: &str, metric: &str, description: &str| {
        json!({
            "AlarmName": format!("{PREFIX}{application}-{what}"),
            "AlarmDescription": description,
            "Namespace": NAMESPACE,
            "MetricName": metric,
            "Dimensions": [{ "Name": "function", "Value": FUNCTION }, { "Name": "application", "Value": application }],
            "Statistic": "Maximum",
            "Period": period,
            "EvaluationPeriods": CHECKS,
            "DatapointsToAlarm": CHECKS,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": 0,
            "TreatMissingData": "notBreaching",
        })
    };
    vec![
        alarm(
            "snapshots-stale",
            SNAPSHOTS_STALE_METRIC,
            "Two checks in a row found no READY snapshot as fresh as the policy asks: a rescue would replay more, or find none",
        ),
        alarm("snapshots-findings", SNAPSHOT_FINDINGS_METRIC, "Something about the snapshots needs a person: see the report of the snapshot check"),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_watches_as_often_as_is_checked_and_waits_for_the_second_check() {
        let policy = SnapshotPolicy { check_every_secs: 1_810, ..SnapshotPolicy::default() };
        let alarms = snapshot_alarms("orders", &policy);
        assert_eq!((&alarms[0]["Period"], &alarms[0]["EvaluationPeriods"]), (&json!(1_860), &json!(2)));
        assert_eq!((&alarms[0]["AlarmName"], &alarms[0]["MetricName"]), (&json!("lifeguard-orders-snapshots-stale"), &json!(SNAPSHOTS_STALE_METRIC)));
        assert_eq!(alarms[1]["MetricName"], SNAPSHOT_FINDINGS_METRIC);
        for alarm in &alarms {
            assert_eq!(alarm["Dimensions"][1]["Value"], "orders");
        }
    }
}

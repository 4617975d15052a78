//! The alarms on an application's snapshots, as definitions: who creates and keeps them is another function's business.

use serde_json::{Value, json};

use super::SnapshotPolicy;

/// The metric that holds the age of the newest READY snapshot, in seconds.
pub const SNAPSHOT_AGE_METRIC: &str = "SnapshotAge";
/// The metric that counts what needs a person: disabled, stuck, failed, near the quota, a tag that does not parse.
pub const SNAPSHOT_FINDINGS_METRIC: &str = "SnapshotFindings";
/// The namespace of this project's metrics.
const NAMESPACE: &str = "FlinkLifeguard";
/// The function that counts.
const FUNCTION: &str = "snapshot-keeper";
/// CloudWatch takes periods of whole minutes.
const MINUTE_SECS: u32 = 60;
/// One check that did not see the application is no alarm; two are.
const CHECKS: u32 = 2;

/// The properties of the alarms of one application, as `PutMetricAlarm` and `AWS::CloudWatch::Alarm` have them: snapshots that are stale or missing, and findings that need a
/// person. Missing data is not breaching: an application that is stopped on purpose gets no older, and a keeper that does not run has an alarm of its own.
#[must_use]
pub fn snapshot_alarms(application: &str, policy: &SnapshotPolicy) -> Vec<Value> {
    let period = policy.check_every_secs.max(MINUTE_SECS).div_ceil(MINUTE_SECS) * MINUTE_SECS;
    let alarm = |what: &str, metric: &str, threshold: u32, description: String| {
        json!({
            "AlarmName": format!("{application}-{what}"),
            "AlarmDescription": description,
            "Namespace": NAMESPACE,
            "MetricName": metric,
            "Dimensions": [{ "Name": "function", "Value": FUNCTION }, { "Name": "application", "Value": application }],
            "Statistic": "Maximum",
            "Period": period,
            "EvaluationPeriods": CHECKS,
            "DatapointsToAlarm": CHECKS,
            "ComparisonOperator": "GreaterThanThreshold",
            "Threshold": threshold,
            "TreatMissingData": "notBreaching",
        })
    };
    vec![
        alarm(
            "snapshots-stale",
            SNAPSHOT_AGE_METRIC,
            policy.max_age_secs,
            format!("No READY snapshot is younger than {} s: a rescue would replay more, or find none", policy.max_age_secs),
        ),
        alarm(
            "snapshots-findings",
            SNAPSHOT_FINDINGS_METRIC,
            0,
            "Something about the snapshots needs a person: see the report of the snapshot check".into(),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alarm_rings_at_the_policys_age_and_watches_as_often_as_is_checked() {
        let policy = SnapshotPolicy { max_age_secs: 7_200, check_every_secs: 1_810, ..SnapshotPolicy::default() };
        let alarms = snapshot_alarms("orders", &policy);
        assert_eq!(
            (&alarms[0]["Threshold"], &alarms[0]["Period"], &alarms[0]["AlarmName"]),
            (&json!(7_200), &json!(1_860), &json!("orders-snapshots-stale"))
        );
        assert_eq!(alarms[1]["MetricName"], SNAPSHOT_FINDINGS_METRIC);
        for alarm in &alarms {
            assert_eq!(alarm["Dimensions"][1]["Value"], "orders");
        }
    }
}

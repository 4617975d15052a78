//! Alarms of all applications: what alarm-keeper would put, also for those that have not opted in, so that Lifeguard is called to what it must not touch.

use lifecycle::{APPLICATION_DIMENSION, AlarmDefinition, FlinkMajor, METRIC_NAMESPACE, Runtime};
use serde_json::{Value, json};

use crate::region::Region;

/// Puts them.
pub(super) fn put_everywhere(region: &Region) {
    for application in region.flink().applications() {
        let Some(view) = region.flink().application(&application) else {
            continue;
        };
        let flink = FlinkMajor::of(&Runtime::from(view.runtime.as_str()));
        for alarm in lifecycle::alarms_of(&application, flink) {
            region
                .cloudwatch()
                .put_alarm(&properties(&alarm))
                .expect("the alarms of this project are well formed");
        }
    }
}

/// The definition as the properties of an `AWS::CloudWatch::Alarm`.
fn properties(definition: &AlarmDefinition) -> Value {
    let metric = json!({
        "Namespace": METRIC_NAMESPACE,
        "MetricName": definition.metric,
        "Dimensions": [{ "Name": APPLICATION_DIMENSION, "Value": definition.application }]
    });
    let expression = definition.watched.expression();
    let mut metrics = vec![
        json!({ "Id": "m1", "ReturnData": expression.is_none(), "MetricStat": { "Metric": metric, "Period": definition.period_secs, "Stat": "Maximum" } }),
    ];
    metrics.extend(
        expression
            .map(|expression| json!({ "Id": "e1", "Expression": expression, "ReturnData": true })),
    );
    json!({
        "AlarmName": definition.name,
        "AlarmDescription": definition.description,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 0,
        "EvaluationPeriods": definition.periods,
        "DatapointsToAlarm": definition.datapoints,
        "TreatMissingData": "notBreaching",
        "Metrics": metrics
    })
}

//! What a function counts, as CloudWatch metrics: one record per invocation, one line of Embedded Metric Format.
//!
//! CloudWatch Logs extracts metrics from such lines, so counting costs no API call and needs no permission. The names are a closed set: a dashboard or an
//! alarm can only be about a name that is here. Deliberately absent: the log's own writer. An EMF line must be the whole log event, bare, and `tracing`
//! would wrap it.
//!
//! Invariant: the application is a dimension only beside a total without it, so an alarm on the automation needs no list of applications.

use std::{collections::BTreeMap, fmt, io::Write as _, sync::Arc};

use jiff::Timestamp;
use lifecycle::StackName;
use serde_json::{Map, Value, json};

use crate::Invocation;

/// The metrics' namespace.
pub const NAMESPACE: &str = "FlinkLifeguard";
/// The dimension that names the stack: an account may have several, and each has its own alarms.
const STACK: &str = "stack";
/// The dimension that names the function.
const FUNCTION: &str = "function";
/// The dimension that names the application.
const APPLICATION: &str = "application";

/// Everything this project counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Metric {
    /// Remediations started (Step Functions does not tell a second start of a running one apart: it counts here too).
    ExecutionsStarted,
    /// Remediations that an earlier delivery of the same alarm had started.
    ExecutionsAlreadyStarted,
    /// Remediations that should have been started and were not.
    ExecutionsNotStarted,
    /// Alarm events that ask for nothing: back to OK, no data, muted, composites that nobody mapped to an application.
    AlarmsIgnored,
    /// Events that could not be acted on: something is wired wrong, or they are of another account or region.
    AlarmsRefused,
    /// Looks at an application.
    Looks,
    /// Looks that could not tell how it is.
    BlindLooks,
    /// Steps decided that change an application.
    Steps,
    /// Executions that ended with the application recovered.
    Recovered,
    /// Executions that ended with the application left alone.
    LeftAlone,
    /// Executions that ended with a person asked for.
    Escalated,
    /// Alarms of applications made or put right.
    AlarmsPut,
    /// Alarms of applications removed.
    AlarmsRemoved,
    /// Alarms left for the next run or whose owner could not be read, and applications whose tags could not be read.
    AlarmsNotKept,
    /// The age of the newest state that a rescue could go back to; a gauge of one application.
    SnapshotAge,
    /// One while that is older than the application's policy allows, zero otherwise; a gauge, the same for every policy, so that one alarm does for all.
    SnapshotsStale,
    /// Snapshots of an application, whatever their status; a gauge.
    Snapshots,
    /// The share of the service's quota that they use; a gauge.
    SnapshotQuotaUsed,
    /// Snapshots that FAILED or are stuck in CREATING; a gauge.
    SnapshotFailures,
    /// What about the snapshots of an application needs a person; a gauge.
    SnapshotFindings,
    /// Snapshots taken.
    SnapshotsTaken,
    /// Snapshots deleted.
    SnapshotsDeleted,
    /// Snapshots that were due and were not taken, because the application was not verified healthy or was being changed.
    SnapshotsRefused,
    /// Sweeps that looked at everything.
    Sweeps,
    /// Executions that ended after the last change had been found to blame.
    ChangeToBlame,
    /// Executions that ended with a person asked about the last change.
    Suspected,
    /// Executions that ended because what runs had run well before.
    HadWorked,
    /// Executions that ended because no change was to blame.
    NotTheChange,
    /// Executions that ended because others failed alike.
    CommonCause,
    /// Executions that would have changed something if the mode were act.
    WouldHaveActed,
    /// From the first fault to the begin of the execution that looked after it.
    SecondsToDetect,
    /// From the first fault until it processed again, where it did.
    SecondsToRecover,
    /// How long it did not process.
    SecondsDown,
    /// How much input, in seconds of it, was processed twice.
    SecondsReplayed,
}

impl Metric {
    /// All of them.
    pub const ALL: [Self; 34] = [
        Self::ExecutionsStarted,
        Self::ExecutionsAlreadyStarted,
        Self::ExecutionsNotStarted,
        Self::AlarmsIgnored,
        Self::AlarmsRefused,
        Self::Looks,
        Self::BlindLooks,
        Self::Steps,
        Self::Recovered,
        Self::LeftAlone,
        Self::Escalated,
        Self::AlarmsPut,
        Self::AlarmsRemoved,
        Self::AlarmsNotKept,
        Self::SnapshotAge,
        Self::SnapshotsStale,
        Self::Snapshots,
        Self::SnapshotQuotaUsed,
        Self::SnapshotFailures,
        Self::SnapshotFindings,
        Self::SnapshotsTaken,
        Self::SnapshotsDeleted,
        Self::SnapshotsRefused,
        Self::Sweeps,
        Self::ChangeToBlame,
        Self::Suspected,
        Self::HadWorked,
        Self::NotTheChange,
        Self::CommonCause,
        Self::WouldHaveActed,
        Self::SecondsToDetect,
        Self::SecondsToRecover,
        Self::SecondsDown,
        Self::SecondsReplayed,
    ];

    /// The name, as dashboards and alarms spell it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ExecutionsStarted => "ExecutionsStarted",
            Self::ExecutionsAlreadyStarted => "ExecutionsAlreadyStarted",
            Self::ExecutionsNotStarted => "ExecutionsNotStarted",
            Self::AlarmsIgnored => "AlarmsIgnored",
            Self::AlarmsRefused => "AlarmsRefused",
            Self::Looks => "Looks",
            Self::BlindLooks => "BlindLooks",
            Self::Steps => "Steps",
            Self::Recovered => "Recovered",
            Self::LeftAlone => "LeftAlone",
            Self::Escalated => "Escalated",
            Self::AlarmsPut => "AlarmsPut",
            Self::AlarmsRemoved => "AlarmsRemoved",
            Self::AlarmsNotKept => "AlarmsNotKept",
            Self::SnapshotAge => "SnapshotAge",
            Self::SnapshotsStale => "SnapshotsStale",
            Self::Snapshots => "Snapshots",
            Self::SnapshotQuotaUsed => "SnapshotQuotaUsed",
            Self::SnapshotFailures => "SnapshotFailures",
            Self::SnapshotFindings => "SnapshotFindings",
            Self::SnapshotsTaken => "SnapshotsTaken",
            Self::SnapshotsDeleted => "SnapshotsDeleted",
            Self::SnapshotsRefused => "SnapshotsRefused",
            Self::Sweeps => "Sweeps",
            Self::ChangeToBlame => "ChangeToBlame",
            Self::Suspected => "Suspected",
            Self::HadWorked => "HadWorked",
            Self::NotTheChange => "NotTheChange",
            Self::CommonCause => "CommonCause",
            Self::WouldHaveActed => "WouldHaveActed",
            Self::SecondsToDetect => "SecondsToDetect",
            Self::SecondsToRecover => "SecondsToRecover",
            Self::SecondsDown => "SecondsDown",
            Self::SecondsReplayed => "SecondsReplayed",
        }
    }

    /// The unit, as CloudWatch spells it.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::SnapshotAge
            | Self::SecondsToDetect
            | Self::SecondsToRecover
            | Self::SecondsDown
            | Self::SecondsReplayed => "Seconds",
            Self::SnapshotQuotaUsed => "Percent",
            _ => "Count",
        }
    }
}

/// What one invocation counted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    function: &'static str,
    request_id: String,
    at: Timestamp,
    application: Option<String>,
    values: BTreeMap<Metric, u64>,
}

impl Record {
    /// An empty record of this invocation of `function`, dated at its start.
    #[must_use]
    pub fn of(function: &'static str, invocation: &Invocation) -> Self {
        Self {
            function,
            request_id: invocation.request_id.clone(),
            at: invocation.now,
            application: None,
            values: BTreeMap::new(),
        }
    }

    /// The application that the invocation was about, when it was about one.
    pub fn about(&mut self, application: impl Into<String>) -> &mut Self {
        self.application = Some(application.into());
        self
    }

    /// Counts `value` of `metric`; the same metric again adds up.
    pub fn add(&mut self, metric: Metric, value: u64) -> &mut Self {
        let sum = self.values.entry(metric).or_default();
        *sum = sum.saturating_add(value);
        self
    }

    /// The line of Embedded Metric Format for that stack, without its end; none when nothing was counted (CloudWatch would report a line without metrics as an error).
    #[must_use]
    pub fn line(&self, stack: &StackName) -> Option<String> {
        if self.values.is_empty() {
            return None;
        }
        let mut dimensions = vec![json!([STACK, FUNCTION])];
        let mut members = Map::from_iter([
            (STACK.to_owned(), json!(stack)),
            (FUNCTION.to_owned(), json!(self.function)),
            ("requestId".to_owned(), json!(self.request_id)),
        ]);
        // CloudWatch drops the whole line when a dimension's value is empty.
        if let Some(application) = self.application.as_deref().filter(|name| !name.is_empty()) {
            dimensions.push(json!([STACK, FUNCTION, APPLICATION]));
            members.insert(APPLICATION.to_owned(), json!(application));
        }
        members.extend(
            self.values
                .iter()
                .map(|(metric, value)| (metric.name().to_owned(), json!(value))),
        );
        let metrics: Vec<Value> = self
            .values
            .keys()
            .map(|metric| json!({ "Name": metric.name(), "Unit": metric.unit() }))
            .collect();
        let mut line = Map::new();
        line.insert(
            "_aws".to_owned(),
            json!({
                "Timestamp": self.at.as_millisecond(),
                "CloudWatchMetrics": [{ "Namespace": NAMESPACE, "Dimensions": dimensions, "Metrics": metrics }],
            }),
        );
        line.extend(members);
        Some(Value::Object(line).to_string())
    }
}

/// Where records go. Cheap to clone; all clones write to the same place.
#[derive(Clone)]
pub struct Metrics {
    sink: Arc<dyn Fn(String) + Send + Sync>,
    stack: StackName,
}

impl Metrics {
    /// Standard output, where CloudWatch Logs reads a Lambda.
    #[must_use]
    pub fn to_stdout() -> Self {
        Self::to(|mut line| {
            line.push('\n');
            // One write, so that no log line gets in between. A Lambda whose standard output is gone has nobody to tell.
            let _ = std::io::stdout().lock().write_all(line.as_bytes());
        })
    }

    /// Another place: each call gets one line, without its end.
    pub fn to(sink: impl Fn(String) + Send + Sync + 'static) -> Self {
        Self {
            sink: Arc::new(sink),
            stack: StackName::default(),
        }
    }

    /// The same place, for the metrics of that stack.
    #[must_use]
    pub fn of_stack(&self, stack: StackName) -> Self {
        Self {
            stack,
            ..self.clone()
        }
    }

    /// Writes the record, if anything was counted.
    pub fn emit(&self, record: &Record) {
        if let Some(line) = record.line(&self.stack) {
            (self.sink)(line);
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metrics")
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, sync::Mutex};

    use super::*;

    fn payments() -> StackName {
        "payments".parse().unwrap()
    }

    fn invocation() -> Invocation {
        Invocation {
            request_id: "8f2c".to_owned(),
            now: "2026-03-01T10:05:48.554Z".parse().expect("a date"),
        }
    }

    #[test]
    fn a_record_is_one_line_of_embedded_metric_format() {
        let mut record = Record::of("alarm-handler", &invocation());
        record.about("orders").add(Metric::ExecutionsStarted, 1);
        assert_eq!(
            record.line(&payments()).unwrap(),
            concat!(
                r#"{"_aws":{"Timestamp":1772359548554,"CloudWatchMetrics":[{"Namespace":"FlinkLifeguard","#,
                r#""Dimensions":[["stack","function"],["stack","function","application"]],"Metrics":[{"Name":"ExecutionsStarted","Unit":"Count"}]}]},"#,
                r#""stack":"payments","function":"alarm-handler","requestId":"8f2c","application":"orders","ExecutionsStarted":1}"#
            )
        );
    }

    #[test]
    fn without_an_application_there_is_only_the_total() {
        let mut record = Record::of("alarm-handler", &invocation());
        record.add(Metric::AlarmsIgnored, 2);
        let line: Value = serde_json::from_str(&record.line(&payments()).unwrap()).unwrap();
        assert_eq!(
            line["_aws"]["CloudWatchMetrics"][0]["Dimensions"],
            json!([["stack", "function"]])
        );
        assert_eq!(line.get("application"), None);
    }

    #[test]
    fn every_dimension_and_every_metric_is_a_member_of_the_root() {
        let mut record = Record::of("alarm-handler", &invocation());
        record.about("orders");
        for metric in Metric::ALL {
            record.add(metric, 3);
        }
        let line: Value = serde_json::from_str(&record.line(&payments()).unwrap()).unwrap();
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        for dimension in directive["Dimensions"]
            .as_array()
            .unwrap()
            .iter()
            .flat_map(|set| set.as_array().unwrap())
        {
            assert!(line[dimension.as_str().unwrap()].is_string(), "{dimension}");
        }
        let metrics = directive["Metrics"].as_array().unwrap();
        assert_eq!(metrics.len(), Metric::ALL.len());
        for metric in metrics {
            assert_eq!(line[metric["Name"].as_str().unwrap()], 3, "{metric}");
        }
    }

    #[test]
    fn the_same_metric_twice_adds_up_and_never_overflows() {
        let mut record = Record::of("alarm-handler", &invocation());
        record
            .add(Metric::AlarmsRefused, 2)
            .add(Metric::AlarmsRefused, 3);
        assert!(
            record
                .line(&payments())
                .unwrap()
                .ends_with(r#""AlarmsRefused":5}"#)
        );
        record.add(Metric::AlarmsRefused, u64::MAX);
        assert!(
            record
                .line(&payments())
                .unwrap()
                .ends_with(r#""AlarmsRefused":18446744073709551615}"#)
        );
    }

    #[test]
    fn a_record_that_counted_nothing_is_not_written() {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&lines);
        let metrics = Metrics::to(move |line| sink.lock().unwrap().push(line));
        let mut record = Record::of("alarm-handler", &invocation());
        record.about("orders");
        metrics.emit(&record);
        assert!(lines.lock().unwrap().is_empty());
        record.add(Metric::AlarmsIgnored, 1);
        metrics.clone().emit(&record);
        metrics.of_stack(payments()).emit(&record);
        let lines = lines.lock().unwrap();
        assert_eq!(lines.len(), 2);
        assert!(lines[0].contains(r#""stack":"lifeguard""#), "{}", lines[0]);
        assert!(lines[1].contains(r#""stack":"payments""#), "{}", lines[1]);
    }

    #[test]
    fn a_value_cannot_break_the_line() {
        let mut record = Record::of(
            "alarm-handler",
            &Invocation {
                request_id: "a\"\nb".to_owned(),
                now: invocation().now,
            },
        );
        record.about("or\n\"ders").add(Metric::AlarmsIgnored, 1);
        let line = record.line(&payments()).unwrap();
        assert!(!line.contains('\n'));
        assert_eq!(
            serde_json::from_str::<Value>(&line).unwrap()["application"],
            "or\n\"ders"
        );
    }

    #[test]
    fn the_alarm_on_snapshots_watches_a_metric_that_is_counted_for_each_application() {
        let alarm = lifecycle::snapshot_alarm_of("orders", 3_600, &payments());
        assert_eq!(alarm.source.namespace(), NAMESPACE);
        let mut record = Record::of("snapshot-keeper", &invocation());
        let metric = Metric::ALL
            .into_iter()
            .find(|metric| metric.name() == alarm.metric)
            .expect("it is one of ours");
        let line: Value = serde_json::from_str(
            &record
                .about("orders")
                .add(metric, 1)
                .line(&payments())
                .unwrap(),
        )
        .unwrap();
        let dimensions = alarm.source.dimensions("orders");
        let names: Vec<&str> = dimensions.iter().map(|(name, _)| *name).collect();
        assert!(
            line["_aws"]["CloudWatchMetrics"][0]["Dimensions"]
                .as_array()
                .unwrap()
                .contains(&json!(names)),
            "{line}"
        );
        assert!(
            dimensions
                .iter()
                .all(|(name, value)| line[*name] == value.as_str()),
            "{line}"
        );
    }

    #[test]
    fn names_are_unique_and_units_are_those_of_cloudwatch() {
        let names: BTreeSet<_> = Metric::ALL.iter().map(|metric| metric.name()).collect();
        assert_eq!(names.len(), Metric::ALL.len());
        for metric in Metric::ALL {
            assert_eq!(metric.name(), format!("{metric:?}"));
            assert!(
                ["Count", "Seconds", "Milliseconds", "Bytes", "Percent"].contains(&metric.unit()),
                "{metric:?}"
            );
        }
    }
}

//! The metrics store: one value a minute per metric, and the statistics of longer periods.

use std::collections::BTreeMap;

use jiff::Timestamp;

/// The namespace of Managed Flink's metrics, whose dimension is the application.
pub const NAMESPACE: &str = "AWS/KinesisAnalytics";
/// The dimension of an application's metrics.
pub(super) const APPLICATION: &str = "Application";
/// How many messages were sent to a queue.
pub const MESSAGES_SENT: &str = "NumberOfMessagesSent";
/// Which dimension the metrics of each namespace have. No two namespaces have a metric of the same name.
const DIMENSIONS: [(&str, &str); 2] = [(NAMESPACE, APPLICATION), ("AWS/SQS", "QueueName")];

/// One value of a metric of one application or queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Datum {
    /// The value of the one dimension: an application's name, or a queue's.
    pub application: String,
    /// `fullRestarts`, `uptime` …
    pub name: String,
    /// The value of the minute that just ended.
    pub value: f64,
}

/// Something that has metrics, asked at each full minute. What it leaves out is missing data.
pub trait MetricSource: Send + Sync + 'static {
    /// The values of the minute that ends now.
    fn metrics(&self, now: Timestamp) -> Vec<Datum>;
}

/// Values by the start of their minute, or of their period.
pub(super) type Series = BTreeMap<i64, f64>;

/// Which metric: namespace, name, dimensions.
pub(super) type MetricKey = (String, String, BTreeMap<String, String>);

/// All values so far, by the dimension's value and the metric's name.
#[derive(Default)]
pub(super) struct Store(BTreeMap<String, BTreeMap<String, Series>>);

impl Store {
    pub(super) fn put(&mut self, datum: &Datum, minute: i64) {
        if !self.0.contains_key(&datum.application) {
            self.0.insert(datum.application.clone(), BTreeMap::new());
        }
        let of_application = self
            .0
            .get_mut(&datum.application)
            .expect("it was just made where it was missing");
        match of_application.get_mut(&datum.name) {
            Some(series) => drop(series.insert(minute, datum.value)),
            None => drop(
                of_application.insert(datum.name.clone(), Series::from([(minute, datum.value)])),
            ),
        }
    }

    fn series(&self, (namespace, name, dimensions): &MetricKey) -> Option<&Series> {
        let (_, dimension) = DIMENSIONS.iter().find(|(known, _)| known == namespace)?;
        let value = dimensions
            .get(*dimension)
            .filter(|_| dimensions.len() == 1)?;
        self.0.get(value)?.get(name)
    }

    /// A statistic over periods of `period` seconds that begin in `from..until`.
    pub(super) fn statistic(
        &self,
        metric: &MetricKey,
        statistic: Statistic,
        period: i64,
        from: i64,
        until: i64,
    ) -> Series {
        let mut gathered: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
        for (minute, value) in self
            .series(metric)
            .into_iter()
            .flat_map(|series| series.range(from..until))
        {
            gathered
                .entry(minute - minute.rem_euclid(period))
                .or_default()
                .push(*value);
        }
        gathered
            .into_iter()
            .map(|(start, values)| (start, statistic.of(&values)))
            .collect()
    }
}

/// How the values of one period become one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize)]
pub enum Statistic {
    /// Their mean.
    Average,
    /// The smallest.
    Minimum,
    /// The largest.
    Maximum,
    /// All together.
    Sum,
    /// How many.
    SampleCount,
}

impl Statistic {
    fn of(self, values: &[f64]) -> f64 {
        let sum: f64 = values.iter().sum();
        match self {
            Self::Average => sum / values.len() as f64,
            Self::Minimum => values.iter().copied().fold(f64::INFINITY, f64::min),
            Self::Maximum => values.iter().copied().fold(f64::NEG_INFINITY, f64::max),
            Self::Sum => sum,
            Self::SampleCount => values.len() as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_longer_period_gathers_its_minutes() {
        let mut store = Store::default();
        for (minute, value) in [(0, 1.0), (60, 3.0), (120, 5.0), (300, 7.0)] {
            store.put(
                &Datum {
                    application: "orders".to_owned(),
                    name: "fullRestarts".to_owned(),
                    value,
                },
                minute,
            );
        }
        let key = (
            NAMESPACE.to_owned(),
            "fullRestarts".to_owned(),
            BTreeMap::from([(APPLICATION.to_owned(), "orders".to_owned())]),
        );
        let of = |statistic| {
            store
                .statistic(&key, statistic, 300, 0, 600)
                .into_values()
                .collect::<Vec<f64>>()
        };
        assert_eq!(of(Statistic::Maximum), [5.0, 7.0]);
        assert_eq!(of(Statistic::Minimum), [1.0, 7.0]);
        assert_eq!(of(Statistic::Average), [3.0, 7.0]);
        assert_eq!(of(Statistic::Sum), [9.0, 7.0]);
        assert_eq!(of(Statistic::SampleCount), [3.0, 1.0]);
    }
}

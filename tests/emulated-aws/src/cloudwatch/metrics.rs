//! The metrics store: what came of each metric in each minute, and the statistics of longer periods.

use std::{collections::BTreeMap, ops::Range};

use jiff::Timestamp;

use super::settings::MetricSettings;

/// The namespace of Managed Flink's metrics, whose dimension is the application.
pub const NAMESPACE: &str = "AWS/KinesisAnalytics";
/// The dimension of an application's metrics.
pub(super) const APPLICATION: &str = "Application";
/// The second dimension that AWS lists for the times by state.
pub(super) const FLOW: &str = "Flow";
/// How many messages were sent to a queue.
pub const MESSAGES_SENT: &str = "NumberOfMessagesSent";
/// Which dimension the metrics of each namespace have. No two namespaces have a metric of the same name.
pub(super) const DIMENSIONS: [(&str, &str); 3] = [
    (NAMESPACE, APPLICATION),
    ("AWS/SQS", "QueueName"),
    (OWN_NAMESPACE, "function"),
];
/// The namespace of the functions' own metrics. They have the stack as a second dimension, and there is one stack here.
const OWN_NAMESPACE: &str = "FlinkLifeguard";

/// One value of a metric of one application or queue.
#[derive(Clone, Debug, PartialEq)]
pub struct Datum {
    /// The value of the one dimension: an application's name, or a queue's.
    pub application: String,
    /// `fullRestarts`, `uptime` …
    pub name: &'static str,
    /// The value at this moment.
    pub value: f64,
}

/// Something that has metrics, asked at each full minute. What it leaves out is missing data.
pub trait MetricSource: Send + Sync + 'static {
    /// The values of the minute that ends now.
    fn metrics(&self, now: Timestamp) -> Vec<Datum>;

    /// What was there before anybody was asked, by period and in order.
    fn past(&self, _asked: &Past<'_>) -> Vec<(i64, Point)> {
        Vec::new()
    }

    /// The metrics that had values before anybody was asked: whose, their names, and the first and last minute.
    fn listed(&self) -> Vec<(String, &'static str, i64, i64)> {
        Vec::new()
    }
}

/// A question about the time before anybody was asked.
pub struct Past<'a> {
    /// The application or the queue.
    pub owner: &'a str,
    /// The metric.
    pub name: &'a str,
    /// Seconds.
    pub period: i64,
    /// In which the periods begin.
    pub within: Range<i64>,
    /// Which values are sent.
    pub sends: &'a dyn Fn(f64) -> bool,
}

/// The samples of one minute or one period.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// The smallest.
    pub min: f64,
    /// The largest.
    pub max: f64,
    /// All together.
    pub sum: f64,
    /// How many.
    pub count: f64,
}

impl Point {
    /// The same value `count` times.
    #[must_use]
    pub fn of(value: f64, count: f64) -> Self {
        Self {
            min: value,
            max: value,
            sum: value * count,
            count,
        }
    }

    /// Each sample `count` times.
    #[must_use]
    pub fn times(self, count: f64) -> Self {
        Self {
            sum: self.sum * count,
            count: self.count * count,
            ..self
        }
    }

    /// With the samples of another.
    #[must_use]
    pub fn with(self, other: Self) -> Self {
        Self {
            min: self.min.min(other.min),
            max: self.max.max(other.max),
            sum: self.sum + other.sum,
            count: self.count + other.count,
        }
    }
}

/// Values by the start of their minute, or of their period.
pub(super) type Series = BTreeMap<i64, f64>;

/// Which metric: namespace, name, dimensions.
pub(super) type MetricKey = (String, String, BTreeMap<String, String>);

/// Whose metric a key means: the application's or the queue's name; None where no metric has such dimensions.
pub(super) fn owner<'a>(
    (namespace, name, dimensions): &'a MetricKey,
    settings: &MetricSettings,
) -> Option<&'a str> {
    let (_, dimension) = DIMENSIONS.iter().find(|(known, _)| known == namespace)?;
    let more = settings.flow_of(name).filter(|_| *dimension == APPLICATION);
    let fits = match more {
        Some(flow) => dimensions.len() == 2 && dimensions.get(FLOW).is_some_and(|had| had == flow),
        None if namespace == OWN_NAMESPACE => dimensions.len() == 2,
        None => dimensions.len() == 1,
    };
    dimensions
        .get(*dimension)
        .filter(|_| fits)
        .map(String::as_str)
}

/// All samples so far, by whose they are, the metric's name, and the start of the time that they are of: a minute, or a quarter of one.
#[derive(Default)]
pub(super) struct Store(BTreeMap<String, BTreeMap<&'static str, Samples>>);

/// By the start of the time that each is of, in order.
type Samples = Vec<(i64, Point)>;

impl Store {
    /// Adds a sample, `count` times.
    pub(super) fn put(&mut self, datum: &Datum, at: i64, count: f64) {
        if !self.0.contains_key(&datum.application) {
            self.0.insert(datum.application.clone(), BTreeMap::new());
        }
        let series = self
            .0
            .get_mut(&datum.application)
            .expect("it was just made where it was missing")
            .entry(datum.name)
            .or_default();
        let point = Point::of(datum.value, count);
        match series.last_mut() {
            Some((last, known)) if *last == at => *known = known.with(point),
            _ => series.push((at, point)),
        }
    }

    /// The samples of a metric whose time begins in `from..until`.
    pub(super) fn samples(
        &self,
        owner: &str,
        name: &str,
        from: i64,
        until: i64,
    ) -> &[(i64, Point)] {
        let series = self
            .0
            .get(owner)
            .and_then(|metrics| metrics.get(name))
            .map_or(&[][..], Vec::as_slice);
        let at = |bound: i64| series.partition_point(|(start, _)| *start < bound);
        &series[at(from)..at(until).max(at(from))]
    }

    /// The newest value of each metric of an application.
    pub(super) fn newest(&self, owner: &str) -> Vec<Datum> {
        let last = |(name, series): (&&'static str, &Samples)| {
            series.last().map(|(_, point)| Datum {
                application: owner.to_owned(),
                name,
                value: point.max,
            })
        };
        self.0
            .get(owner)
            .into_iter()
            .flatten()
            .filter_map(last)
            .collect()
    }

    /// Whose metrics there are, their names, and the first and last minute.
    pub(super) fn listed(&self) -> impl Iterator<Item = (&str, &'static str, i64, i64)> {
        self.0.iter().flat_map(|(owner, metrics)| {
            metrics.iter().filter_map(move |(name, series)| {
                let ((first, _), (last, _)) = (series.first()?, series.last()?);
                Some((owner.as_str(), *name, *first, *last))
            })
        })
    }

    /// A statistic over periods of `period` seconds that begin in `from..until`.
    pub(super) fn statistic(
        &self,
        (owner, name): (&str, &str),
        statistic: Statistic,
        period: i64,
        from: i64,
        until: i64,
    ) -> Series {
        by_period(
            self.samples(owner, name, from, until).iter().copied(),
            period,
        )
        .into_iter()
        .map(|(start, point)| (start, statistic.of(point)))
        .collect()
    }
}

/// Samples gathered into the periods that they belong to.
pub(super) fn by_period(
    samples: impl Iterator<Item = (i64, Point)>,
    period: i64,
) -> Vec<(i64, Point)> {
    let mut gathered: Vec<(i64, Point)> = Vec::new();
    for (at, point) in samples {
        let start = at - at.rem_euclid(period);
        match gathered.last_mut() {
            Some((last, known)) if *last == start => *known = known.with(point),
            _ => gathered.push((start, point)),
        }
    }
    gathered
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
    /// Its value over these samples.
    pub(super) fn of(self, samples: Point) -> f64 {
        match self {
            Self::Average => samples.sum / samples.count,
            Self::Minimum => samples.min,
            Self::Maximum => samples.max,
            Self::Sum => samples.sum,
            Self::SampleCount => samples.count,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(store: &mut Store, minute: i64, value: f64) {
        let datum = Datum {
            application: "orders".to_owned(),
            name: "fullRestarts",
            value,
        };
        store.put(&datum, minute, 1.0);
    }

    #[test]
    fn a_longer_period_gathers_its_minutes() {
        let mut store = Store::default();
        for (minute, value) in [(0, 1.0), (60, 3.0), (120, 5.0), (300, 7.0)] {
            put(&mut store, minute, value);
        }
        let of = |statistic| {
            store
                .statistic(("orders", "fullRestarts"), statistic, 300, 0, 600)
                .into_values()
                .collect::<Vec<f64>>()
        };
        assert_eq!(of(Statistic::Maximum), [5.0, 7.0]);
        assert_eq!(of(Statistic::Minimum), [1.0, 7.0]);
        assert_eq!(of(Statistic::Average), [3.0, 7.0]);
        assert_eq!(of(Statistic::Sum), [9.0, 7.0]);
        assert_eq!(of(Statistic::SampleCount), [3.0, 1.0]);
    }

    #[test]
    fn several_samples_of_one_minute_are_one_point() {
        let mut store = Store::default();
        for value in [3.0, 1.0, 2.0] {
            put(&mut store, 60, value);
        }
        let expected = Point {
            min: 1.0,
            max: 3.0,
            sum: 6.0,
            count: 3.0,
        };
        assert_eq!(
            store.samples("orders", "fullRestarts", 0, 120),
            [(60, expected)]
        );
    }
}

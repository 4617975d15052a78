//! What evaluating an alarm needs, read from its definition once: alarms are evaluated every minute, and change hardly ever.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::{
    alarm::{Entry, MetricAlarm},
    evaluate,
    math::{self, Expression},
    metrics::{self, MetricKey, Series, Statistic, Store},
    rule::Rule,
    settings::MetricSettings,
    state::Definition,
};

/// A definition, ready to be evaluated.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Plan {
    Metric(MetricPlan),
    Composite(Rule),
}

impl Plan {
    pub(super) fn of(definition: &Definition) -> Self {
        match definition {
            Definition::Metric(alarm) => Self::Metric(MetricPlan::of(alarm)),
            Definition::Composite(alarm) => Self::Composite(alarm.rule()),
        }
    }
}

/// The metrics and expressions of an alarm, by the ids that expressions call them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MetricPlan {
    period: i64,
    /// How many periods an evaluation looks at.
    range: i64,
    metrics: Vec<(String, MetricKey, Statistic)>,
    /// Each after those that it refers to, in whatever order they were written.
    expressions: Vec<(String, Expression)>,
    /// The entry held against the threshold.
    watched: String,
}

impl MetricPlan {
    fn of(alarm: &MetricAlarm) -> Self {
        let entries = alarm.entries();
        let stat = |entry: &Entry| {
            entry
                .metric_stat
                .as_ref()
                .map(|stat| (entry.id.clone(), stat.metric.key(), stat.stat))
        };
        let metrics: Vec<_> = entries.iter().filter_map(stat).collect();
        let expressions = in_order(&entries);
        let watched = entries
            .iter()
            .find(|entry| entry.return_data)
            .map_or_else(String::new, |entry| entry.id.clone());
        let range = i64::try_from(evaluate::range(alarm.periods())).expect("a range is short");
        Self {
            period: alarm.common_period(),
            range,
            metrics,
            expressions,
            watched,
        }
    }

    /// The value held against the threshold, over the evaluation range that ends now.
    pub(super) fn series(
        &self,
        store: &Store,
        settings: &MetricSettings,
        now: Timestamp,
    ) -> Vec<(i64, Option<f64>)> {
        let second = now.as_second();
        let until = second - second.rem_euclid(self.period);
        let starts: Vec<i64> = (1..=self.range)
            .rev()
            .map(|back| until - back * self.period)
            .collect();
        let mut known: BTreeMap<&str, Series> = BTreeMap::new();
        let from = until - self.range * self.period;
        for (id, metric, statistic) in &self.metrics {
            let series = match metrics::owner(metric, settings) {
                None => Series::new(),
                Some(owner) if settings.alarms_see_the_delay => {
                    let read = store
                        .samples(owner, &metric.1, from, until)
                        .iter()
                        .filter(|(at, _)| settings.is_readable(owner, *at, now));
                    metrics::by_period(read.copied(), self.period)
                        .into_iter()
                        .map(|(start, point)| (start, statistic.of(point)))
                        .collect()
                }
                Some(owner) => {
                    store.statistic((owner, &metric.1), *statistic, self.period, from, until)
                }
            };
            known.insert(id, series);
        }
        for (id, expression) in &self.expressions {
            let value = expression.value(&known, &starts).over(&starts);
            known.insert(id, value);
        }
        let watched = known.get(self.watched.as_str());
        starts
            .into_iter()
            .map(|start| {
                (
                    start,
                    watched.and_then(|series| series.get(&start).copied()),
                )
            })
            .collect()
    }
}

/// The expressions among the entries, each after those that it refers to; what refers in a circle is left out.
pub(super) fn in_order(entries: &[Entry]) -> Vec<(String, Expression)> {
    let mut known: BTreeSet<&str> = entries
        .iter()
        .filter(|entry| entry.metric_stat.is_some())
        .map(|entry| entry.id.as_str())
        .collect();
    let mut left: Vec<(&str, Expression)> = entries
        .iter()
        .filter_map(|entry| {
            Some((
                entry.id.as_str(),
                math::parse(entry.expression.as_deref()?).ok()?,
            ))
        })
        .collect();
    let mut expressions = Vec::new();
    while let Some(next) = left
        .iter()
        .position(|(_, expression)| expression.references().iter().all(|id| known.contains(id)))
    {
        let (id, expression) = left.remove(next);
        known.insert(id);
        expressions.push((id.to_owned(), expression));
    }
    expressions
}

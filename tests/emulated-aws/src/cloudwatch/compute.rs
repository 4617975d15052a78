//! What metric math comes to. A value is a number or a series; a series has gaps where data is missing.
//!
//! As documented, arithmetic and comparisons of *two* series take a missing side as zero; a number beside a series has no times of its own and fills no gap.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    math::{Expression, Function, Operator},
    metrics::Series,
};

/// A number or a series.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Number(f64),
    Series(Series),
}

impl Value {
    /// As a series: a number is the same in every period.
    pub(super) fn over(self, periods: &[i64]) -> Series {
        match self {
            Self::Number(number) => periods.iter().map(|start| (*start, number)).collect(),
            Self::Series(series) => series,
        }
    }

    fn at(&self, start: i64) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Series(series) => series.get(&start).copied(),
        }
    }

    fn map(self, of: impl Fn(f64) -> Option<f64>) -> Self {
        match self {
            Self::Number(number) => of(number).map_or_else(Self::none, Self::Number),
            Self::Series(series) => Self::Series(
                series
                    .into_iter()
                    .filter_map(|(start, value)| Some((start, of(value)?)))
                    .collect(),
            ),
        }
    }

    fn none() -> Self {
        Self::Series(Series::new())
    }
}

impl Expression {
    /// Its value over the given period starts, from the series of the entries it refers to.
    pub(super) fn value(&self, entries: &BTreeMap<&str, Series>, periods: &[i64]) -> Value {
        match self {
            Self::Number(number) => Value::Number(*number),
            Self::Reference(id) => {
                Value::Series(entries.get(id.as_str()).cloned().unwrap_or_default())
            }
            Self::Negative(inner) => inner.value(entries, periods).map(|value| Some(-value)),
            Self::Binary(left, operator, right) => {
                operator.of(left.value(entries, periods), right.value(entries, periods))
            }
            Self::Call(function, arguments) => {
                let arguments: Vec<Value> = arguments
                    .iter()
                    .map(|argument| argument.value(entries, periods))
                    .collect();
                function.of(arguments, periods)
            }
        }
    }
}

impl Operator {
    fn of(self, left: Value, right: Value) -> Value {
        match (left, right) {
            (Value::Number(left), right) => right.map(|right| self.apply(left, right)),
            (left, Value::Number(right)) => left.map(|left| self.apply(left, right)),
            (Value::Series(left), Value::Series(right)) => {
                let starts: BTreeSet<i64> = left.keys().chain(right.keys()).copied().collect();
                let side = |series: &Series, start| series.get(&start).copied().unwrap_or(0.0);
                let pair = |start: i64| {
                    Some((start, self.apply(side(&left, start), side(&right, start))?))
                };
                Value::Series(starts.into_iter().filter_map(pair).collect())
            }
        }
    }

    /// None where there is no value: division by zero.
    fn apply(self, left: f64, right: f64) -> Option<f64> {
        let truth = |holds: bool| f64::from(u8::from(holds));
        Some(match self {
            Self::Add => left + right,
            Self::Subtract => left - right,
            Self::Multiply => left * right,
            Self::Divide if right == 0.0 => return None,
            Self::Divide => left / right,
            Self::Greater => truth(left > right),
            Self::GreaterOrEqual => truth(left >= right),
            Self::Less => truth(left < right),
            Self::LessOrEqual => truth(left <= right),
            Self::Equal => truth(left == right),
            Self::NotEqual => truth(left != right),
            Self::And => truth(left != 0.0 && right != 0.0),
            Self::Or => truth(left != 0.0 || right != 0.0),
        })
    }
}

impl Function {
    fn of(self, arguments: Vec<Value>, periods: &[i64]) -> Value {
        match self {
            Self::Abs => arguments
                .into_iter()
                .next()
                .map_or_else(Value::none, |value| value.map(|value| Some(value.abs()))),
            Self::Max => gather(&arguments, |values| {
                values.iter().copied().fold(f64::NEG_INFINITY, f64::max)
            }),
            Self::Min => gather(&arguments, |values| {
                values.iter().copied().fold(f64::INFINITY, f64::min)
            }),
            Self::Sum => gather(&arguments, |values| values.iter().sum()),
            Self::Avg => gather(&arguments, |values| {
                values.iter().sum::<f64>() / values.len() as f64
            }),
            Self::If => choose(&arguments),
            Self::Diff | Self::Fill | Self::FillRepeat => match &arguments[..] {
                [Value::Series(series), rest @ ..] => {
                    Value::Series(self.of_series(series, rest.first(), periods))
                }
                // A number has no neighbours to differ from, and no gaps.
                [number, ..] if self != Self::Diff => number.clone(),
                _ => Value::none(),
            },
        }
    }

    fn of_series(self, series: &Series, filling: Option<&Value>, periods: &[i64]) -> Series {
        match self {
            // Between a value and the one before it, however long ago that was; the first has none before it.
            Self::Diff => series
                .iter()
                .zip(series.iter().skip(1))
                .map(|((_, before), (start, value))| (*start, value - before))
                .collect(),
            Self::FillRepeat => periods
                .iter()
                .filter_map(|start| Some((*start, *series.range(..=*start).next_back()?.1)))
                .collect(),
            _ => periods
                .iter()
                .filter_map(|start| {
                    let value = series.get(start).copied();
                    Some((*start, value.or_else(|| filling?.at(*start))?))
                })
                .collect(),
        }
    }
}

/// `IF(condition, then, otherwise)`: no value where the branch that is chosen has none.
fn choose(arguments: &[Value]) -> Value {
    let branch = |condition: f64| &arguments[if condition != 0.0 { 1 } else { 2 }];
    match &arguments[0] {
        Value::Number(condition) => branch(*condition).clone(),
        Value::Series(series) => Value::Series(
            series
                .iter()
                .filter_map(|(start, condition)| Some((*start, branch(*condition).at(*start)?)))
                .collect(),
        ),
    }
}

/// Over several values, at each time from those that have one.
fn gather(arguments: &[Value], of: impl Fn(&[f64]) -> f64) -> Value {
    let starts: BTreeSet<i64> = arguments
        .iter()
        .filter_map(|argument| match argument {
            Value::Number(_) => None,
            Value::Series(series) => Some(series.keys()),
        })
        .flatten()
        .copied()
        .collect();
    let at = |start: i64| -> Vec<f64> {
        arguments
            .iter()
            .filter_map(|argument| argument.at(start))
            .collect()
    };
    if arguments
        .iter()
        .all(|argument| matches!(argument, Value::Number(_)))
    {
        return Value::Number(of(&at(0)));
    }
    Value::Series(
        starts
            .into_iter()
            .map(|start| (start, of(&at(start))))
            .collect(),
    )
}

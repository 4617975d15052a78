//! Metric math, as far as alarms on counters need it: arithmetic, comparisons, `DIFF`, `FILL`, `ABS`, `IF`, and `MAX`, `MIN`, `SUM`, `AVG` over a list.
//!
//! Here expressions are read; `compute` gives them values. Anything else in an expression is refused by name, when an alarm is put or data is asked for.

/// A parsed expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Expression {
    Number(f64),
    /// Another entry of the alarm's metrics.
    Reference(String),
    Binary(Box<Expression>, Operator, Box<Expression>),
    Negative(Box<Expression>),
    Call(Function, Vec<Expression>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    Equal,
    NotEqual,
    And,
    Or,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Diff,
    Fill,
    FillRepeat,
    Abs,
    If,
    Max,
    Min,
    Sum,
    Avg,
}

/// Operators by how loosely they bind, loosest first.
const LEVELS: [&[(&str, Operator)]; 4] = [
    &[
        ("OR", Operator::Or),
        ("||", Operator::Or),
        ("AND", Operator::And),
        ("&&", Operator::And),
    ],
    &[
        (">=", Operator::GreaterOrEqual),
        ("<=", Operator::LessOrEqual),
        ("==", Operator::Equal),
        ("!=", Operator::NotEqual),
        (">", Operator::Greater),
        ("<", Operator::Less),
    ],
    &[("+", Operator::Add), ("-", Operator::Subtract)],
    &[("*", Operator::Multiply), ("/", Operator::Divide)],
];

/// Reads an expression.
pub(super) fn parse(text: &str) -> Result<Expression, String> {
    let mut parser = Parser { rest: text.trim() };
    let expression = parser.level(0)?;
    if parser.rest.is_empty() {
        Ok(expression)
    } else {
        Err(format!(
            "the sandbox cannot read the expression {text:?} from {:?} on",
            parser.rest
        ))
    }
}

struct Parser<'a> {
    rest: &'a str,
}

impl Parser<'_> {
    fn level(&mut self, level: usize) -> Result<Expression, String> {
        let Some(operators) = LEVELS.get(level) else {
            return self.single();
        };
        let mut left = self.level(level + 1)?;
        while let Some(operator) = operators
            .iter()
            .find(|(sign, _)| self.take(sign))
            .map(|(_, operator)| *operator)
        {
            left = Expression::Binary(Box::new(left), operator, Box::new(self.level(level + 1)?));
        }
        Ok(left)
    }

    fn single(&mut self) -> Result<Expression, String> {
        if self.take("-") {
            return Ok(Expression::Negative(Box::new(self.single()?)));
        }
        if self.take("(") {
            let inner = self.level(0)?;
            return self.expect(")").map(|()| inner);
        }
        let word = self.word();
        if word.is_empty() {
            return Err(format!(
                "the sandbox cannot read an expression at {:?}",
                self.rest
            ));
        }
        if let Ok(number) = word.parse() {
            return Ok(Expression::Number(number));
        }
        if self.take("(") {
            self.call(&word)
        } else {
            Ok(Expression::Reference(word))
        }
    }

    fn call(&mut self, name: &str) -> Result<Expression, String> {
        let mut arguments = Vec::new();
        let listed = self.take("[");
        loop {
            arguments.push(self.level(0)?);
            if !self.take(",") {
                break;
            }
        }
        if listed {
            self.expect("]")?;
        }
        self.expect(")")?;
        let repeat = arguments.get(1) == Some(&Expression::Reference("REPEAT".to_owned()));
        let function = match (name, arguments.len(), listed) {
            ("DIFF", 1, false) => Function::Diff,
            ("FILL", 2, false) if repeat => Function::FillRepeat,
            ("FILL", 2, false) if matches!(arguments[1], Expression::Number(_)) => Function::Fill,
            ("ABS", 1, false) => Function::Abs,
            ("IF", 3, false) => Function::If,
            ("MAX", _, true) => Function::Max,
            ("MIN", _, true) => Function::Min,
            ("SUM", _, true) => Function::Sum,
            ("AVG", _, true) => Function::Avg,
            _ => {
                return Err(format!(
                    "the sandbox's metric math does not know {name} with {} arguments{}",
                    arguments.len(),
                    if listed { " in a list" } else { "" }
                ));
            }
        };
        if function == Function::FillRepeat {
            arguments.truncate(1);
        }
        Ok(Expression::Call(function, arguments))
    }

    fn take(&mut self, sign: &str) -> bool {
        let Some(after) = self.rest.strip_prefix(sign) else {
            return false;
        };
        // A word such as OR must end where it ends.
        if sign.ends_with(char::is_alphabetic)
            && after.starts_with(|next: char| next.is_alphanumeric() || next == '_')
        {
            return false;
        }
        self.rest = after.trim_start();
        true
    }

    fn expect(&mut self, sign: &str) -> Result<(), String> {
        if self.take(sign) {
            Ok(())
        } else {
            Err(format!(
                "{sign:?} is expected in the expression at {:?}",
                self.rest
            ))
        }
    }

    fn word(&mut self) -> String {
        let end = self
            .rest
            .find(|letter: char| {
                !(letter.is_ascii_alphanumeric() || letter == '_' || letter == '.')
            })
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest.trim_start();
        word.to_owned()
    }
}

impl Expression {
    /// The entries it refers to.
    pub(super) fn references(&self) -> Vec<&str> {
        match self {
            Self::Number(_) => Vec::new(),
            Self::Reference(id) => vec![id],
            Self::Binary(left, _, right) => [left.references(), right.references()].concat(),
            Self::Negative(inner) => inner.references(),
            Self::Call(_, arguments) => arguments.iter().flat_map(Self::references).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn over(text: &str, entries: &[(&str, &[(i64, f64)])]) -> Vec<(i64, f64)> {
        let entries = entries
            .iter()
            .map(|(id, values)| (*id, values.iter().copied().collect()))
            .collect();
        parse(text)
            .unwrap()
            .value(&entries, &[0, 60, 120, 180])
            .over(&[0, 60, 120, 180])
            .into_iter()
            .collect()
    }

    const COUNTER: &[(i64, f64)] = &[(0, 4.0), (60, 5.0), (180, 1.0)];

    #[test]
    fn diff_goes_from_value_to_value_and_a_reset_counter_goes_down() {
        assert_eq!(
            over("DIFF(m1)", &[("m1", COUNTER)]),
            [(60, 1.0), (180, -4.0)]
        );
        assert_eq!(
            over("DIFF(m1) > 0", &[("m1", COUNTER)]),
            [(60, 1.0), (180, 0.0)]
        );
    }

    #[test]
    fn gaps_are_filled_only_when_asked() {
        assert_eq!(
            over("FILL(m1, 0)", &[("m1", COUNTER)]),
            [(0, 4.0), (60, 5.0), (120, 0.0), (180, 1.0)]
        );
        assert_eq!(
            over("DIFF(FILL(m1, REPEAT))", &[("m1", COUNTER)]),
            [(60, 1.0), (120, 0.0), (180, -4.0)]
        );
    }

    #[test]
    fn arithmetic_binds_as_usual() {
        assert_eq!(over("1 + m1 * 2", &[("m1", &[(0, 4.0)])]), [(0, 9.0)]);
        assert_eq!(over("m1 / 0", &[("m1", COUNTER)]), []);
        assert_eq!(over("-(m1 - 1)", &[("m1", &[(0, 4.0)])]), [(0, -3.0)]);
    }

    #[test]
    fn of_two_series_a_missing_side_counts_as_zero() {
        let two: &[(&str, &[(i64, f64)])] = &[("m1", COUNTER), ("m2", &[(60, 1.0), (120, 2.0)])];
        assert_eq!(
            over("m1 - m2", two),
            [(0, 4.0), (60, 4.0), (120, -2.0), (180, 1.0)]
        );
        assert_eq!(
            over("m1 < m2", two),
            [(0, 0.0), (60, 0.0), (120, 1.0), (180, 0.0)]
        );
        // By nothing: no value, as by zero.
        assert_eq!(over("m1 / m2", two), [(60, 5.0), (120, 0.0)]);
        assert_eq!(
            over("m1 + 1", two),
            [(0, 5.0), (60, 6.0), (180, 2.0)],
            "a number fills no gap"
        );
    }

    #[test]
    fn lists_and_conditions_serve_metrics_of_two_runtimes() {
        assert_eq!(
            over("MAX([DIFF(m1), DIFF(m2)])", &[("m1", COUNTER), ("m2", &[])]),
            [(60, 1.0), (180, -4.0)]
        );
        assert_eq!(
            over("IF(m1 > 4 AND m1 < 6, 1, 0)", &[("m1", COUNTER)]),
            [(0, 0.0), (60, 1.0), (180, 0.0)]
        );
    }

    #[test]
    fn what_it_does_not_know_it_names() {
        for (text, named) in [
            ("RATE(m1)", "RATE"),
            ("MAX(m1)", "MAX"),
            ("m1 ^ 2", "^"),
            ("DIFF(m1", ")"),
            ("FILL(m1, m2)", "FILL"),
            ("", "\"\""),
        ] {
            assert!(parse(text).unwrap_err().contains(named), "{text}");
        }
    }
}

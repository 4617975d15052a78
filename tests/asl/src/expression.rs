//! One JSONata expression: read once, evaluated often, in the dialect of AWS (2.0.6 plus AWS's own functions).
//!
//! The evaluator knows more than AWS's does; what AWS refuses is refused here when the expression is read. Its values are not `Send`: they live inside one
//! synchronous evaluation.
//!
//! Invariant: nothing that an expression can ask for comes from the machine. Time is the region's, fixed for one evaluation of a state's field as JSONata has
//! it; randomness is the execution's seeded source.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
};

use jsonata_core::{
    ast::AstNode,
    evaluator::{Context, Evaluator},
    parser::{self, Lexer, Token},
    value::JValue,
};
use serde_json::{Map, Value};

use super::functions;

/// A workflow's variables by name, without the `$`.
pub(super) type Variables = BTreeMap<String, Value>;

/// Doubles hold every integer up to here; JSONata's numbers are doubles.
const LARGEST_EXACT_INTEGER: f64 = 9_007_199_254_740_992.0;

/// A parsed expression.
#[derive(Debug)]
pub(super) struct Expression {
    source: String,
    ast: AstNode,
    /// Variables it reads and neither binds itself nor finds among the functions.
    pub(super) variables: BTreeSet<String>,
    /// What it reads of `$states`, `input` or `result` for example.
    pub(super) states_fields: BTreeSet<String>,
    /// Every variable that stands in it, bound or free: what it must find to be evaluated.
    mentioned: BTreeSet<String>,
    /// It reads `$states` as a whole.
    whole_states: bool,
}

/// What the expressions of one field read of their surroundings: the rest need not be made for them.
#[derive(Debug, Default)]
pub(super) struct Needs<'a> {
    variables: BTreeSet<&'a str>,
    fields: BTreeSet<&'a str>,
    whole: bool,
}

impl<'a> Needs<'a> {
    /// The needs of `expression`, too.
    pub(super) fn add(&mut self, expression: &'a Expression) {
        self.variables
            .extend(expression.mentioned.iter().map(String::as_str));
        self.fields
            .extend(expression.states_fields.iter().map(String::as_str));
        self.whole |= expression.whole_states;
    }

    /// Whether this field of `$states` is read.
    pub(super) fn field(&self, name: &str) -> bool {
        self.whole || self.fields.contains(name)
    }
}

impl Expression {
    /// Reads the text between `{%` and `%}`.
    pub(super) fn parse(source: &str) -> Result<Self, String> {
        let source = source.trim();
        let refused = |why: String| format!("the JSONata expression '{source}' is refused: {why}");
        let tokens = tokens(source).map_err(refused)?;
        check_dialect(&tokens).map_err(refused)?;
        let ast = parser::parse(source).map_err(|error| refused(error.to_string()))?;
        let mentioned = tokens
            .iter()
            .filter_map(|token| {
                if let Token::Variable(name) = token {
                    Some(name.clone())
                } else {
                    None
                }
            })
            .collect();
        Ok(Self {
            source: source.to_owned(),
            ast,
            variables: free_variables(&tokens),
            states_fields: states_fields(&tokens).map_err(refused)?,
            mentioned,
            whole_states: reads_whole_states(&tokens),
        })
    }

    /// The text, as it was written.
    pub(super) fn source(&self) -> &str {
        &self.source
    }

    /// Evaluates it. Nothing (undefined), a function or a number JSON does not have is an error, as on AWS.
    pub(super) fn evaluate(&self, scope: &mut Scope) -> Result<Value, String> {
        let result = scope
            .evaluator
            .evaluate(&self.ast, &JValue::Undefined)
            .map_err(|error| format!("threw an error during evaluation. {}", error.message()))
            .and_then(|value| {
                into_json(&value)?.ok_or_else(|| "returned nothing (undefined).".to_owned())
            });
        if let Some(watched) = &scope.watched {
            (watched.hook)(&Evaluation {
                expression: &self.source,
                reads: &self.variables,
                reads_of_states: &self.states_fields,
                states: &watched.states,
                variables: &watched.variables,
                now: watched.now,
                result: result.as_ref().map_err(String::as_str),
            });
        }
        result
    }
}

/// One evaluation of one expression, for those who watch.
pub struct Evaluation<'a> {
    /// The text between `{%` and `%}`.
    pub expression: &'a str,
    /// The variables it reads.
    pub reads: &'a BTreeSet<String>,
    /// The fields of `$states` it reads.
    pub reads_of_states: &'a BTreeSet<String>,
    /// The value of `$states`.
    pub states: &'a Value,
    /// All variables, by name without the `$`.
    pub variables: &'a BTreeMap<String, Value>,
    /// The time that it was told.
    pub now: jiff::Timestamp,
    /// What it gave, or why it gave nothing.
    pub result: Result<&'a Value, &'a str>,
}

/// A listener for evaluations.
pub type EvaluationHook = Arc<dyn Fn(&Evaluation<'_>) + Send + Sync>;

/// Where time and randomness come from during one evaluation.
#[derive(Clone)]
pub(super) struct Ambient {
    /// The region's time.
    pub(super) now: jiff::Timestamp,
    /// The execution's own source of randomness.
    pub(super) rng: Arc<Mutex<fastrand::Rng>>,
    /// Who watches, if anybody does.
    pub(super) hook: Option<EvaluationHook>,
}

/// What one evaluation can see. Not `Send`: never kept across an await.
pub(super) struct Scope {
    evaluator: Evaluator,
    watched: Option<Watched>,
}

/// What a listener is told; kept only where there is one.
struct Watched {
    hook: EvaluationHook,
    states: Value,
    variables: Variables,
    now: jiff::Timestamp,
}

impl Scope {
    /// `states` is the value of `$states`, as far as it is needed.
    pub(super) fn new(
        states: Value,
        variables: &Variables,
        needs: &Needs<'_>,
        ambient: &Ambient,
    ) -> Self {
        let hook = ambient.hook.clone();
        let watched = hook.map(|hook| Watched {
            hook,
            states: states.clone(),
            variables: variables.clone(),
            now: ambient.now,
        });
        let mut context = Context::new();
        context.bind("states".to_owned(), JValue::from(states));
        for (name, value) in variables
            .iter()
            .filter(|(name, _)| needs.variables.contains(name.as_str()))
        {
            context.bind(name.clone(), JValue::from(value.clone()));
        }
        let mut evaluator = Evaluator::with_context(context);
        functions::register(&mut evaluator, ambient);
        Self { evaluator, watched }
    }
}

fn tokens(source: &str) -> Result<Vec<Token>, String> {
    let mut lexer = Lexer::new(source.to_owned());
    let mut tokens = Vec::new();
    loop {
        match lexer.next_token().map_err(|error| error.to_string())? {
            Token::Eof => return Ok(tokens),
            token => tokens.push(token),
        }
    }
}

/// Refuses what the evaluator knows and AWS does not.
fn check_dialect(tokens: &[Token]) -> Result<(), String> {
    for token in tokens {
        match token {
            Token::QuestionQuestion => {
                return Err("`??` came after JSONata 2.0.6; write `$exists(a) ? a : b`".to_owned());
            }
            Token::QuestionColon => {
                return Err("`?:` came after JSONata 2.0.6; write `a ? a : b`".to_owned());
            }
            Token::Variable(name) if name == "eval" => {
                return Err("AWS does not offer $eval; $parse reads JSON".to_owned());
            }
            Token::ParentVariable(_) => {
                return Err(
                    "`$$` stands for no input here; the state's input is $states.input".to_owned(),
                );
            }
            _ => {}
        }
    }
    Ok(())
}

/// The variables that are read but not bound by the expression itself. Binding is not tracked by scope: a name bound anywhere in the expression counts as
/// bound everywhere, which can only miss a mistake, never invent one.
fn free_variables(tokens: &[Token]) -> BTreeSet<String> {
    let mut bound = BTreeSet::new();
    let mut read = BTreeSet::new();
    let mut parameters = false;
    for (index, token) in tokens.iter().enumerate() {
        match token {
            Token::Function(_) => parameters = true,
            Token::RightParen => parameters = false,
            Token::Variable(name) if !name.is_empty() => {
                let before = index.checked_sub(1).map(|before| &tokens[before]);
                let binds = parameters
                    || matches!(before, Some(Token::At | Token::Hash))
                    || tokens.get(index + 1) == Some(&Token::ColonEqual);
                if binds {
                    bound.insert(name.clone());
                } else {
                    read.insert(name.clone());
                }
            }
            _ => {}
        }
    }
    read.retain(|name| name != "states" && !bound.contains(name) && !functions::is_known(name));
    read
}

fn states_fields(tokens: &[Token]) -> Result<BTreeSet<String>, String> {
    let mut fields = BTreeSet::new();
    for (index, token) in tokens.iter().enumerate() {
        if !matches!(token, Token::Variable(name) if name == "states") {
            continue;
        }
        match (tokens.get(index + 1), tokens.get(index + 2)) {
            (Some(Token::Dot), Some(Token::Identifier(field)))
                if ["input", "result", "errorOutput", "context"].contains(&field.as_str()) =>
            {
                fields.insert(field.clone());
            }
            (Some(Token::Dot), Some(Token::Identifier(field))) => {
                return Err(format!("$states has no field {field}"));
            }
            (Some(Token::ColonEqual), _) => return Err("$states is reserved".to_owned()),
            _ => {}
        }
    }
    Ok(fields)
}

/// Whether `$states` stands anywhere without one of its fields behind it.
fn reads_whole_states(tokens: &[Token]) -> bool {
    let is_states = |token: &Token| matches!(token, Token::Variable(name) if name == "states");
    let field = |index: usize| {
        matches!(
            (tokens.get(index + 1), tokens.get(index + 2)),
            (Some(Token::Dot), Some(Token::Identifier(_)))
        )
    };
    tokens
        .iter()
        .enumerate()
        .any(|(index, token)| is_states(token) && !field(index))
}

/// A JSONata value as JSON; `None` is undefined. Integers stay integers: JSON from here must not turn 1 into 1.0.
fn into_json(value: &JValue) -> Result<Option<Value>, String> {
    Ok(Some(match value {
        JValue::Undefined => return Ok(None),
        JValue::Null => Value::Null,
        JValue::Bool(flag) => Value::Bool(*flag),
        JValue::Number(number) => number_into_json(*number)?,
        JValue::String(text) => Value::String(text.to_string()),
        JValue::Array(items) => {
            let items = items.iter().map(into_json).collect::<Result<Vec<_>, _>>()?;
            Value::Array(items.into_iter().flatten().collect())
        }
        JValue::Object(fields) => {
            let mut object = Map::new();
            for (name, value) in fields.iter() {
                if let Some(value) = into_json(value)? {
                    object.insert(name.clone(), value);
                }
            }
            Value::Object(object)
        }
        _ => {
            return Err(
                "returned a function or a regular expression, which is not JSON.".to_owned(),
            );
        }
    }))
}

fn number_into_json(number: f64) -> Result<Value, String> {
    if number.fract() == 0.0 && number.abs() <= LARGEST_EXACT_INTEGER {
        // The test above makes the conversion exact.
        #[allow(clippy::cast_possible_truncation)]
        return Ok(Value::from(number as i64));
    }
    serde_json::Number::from_f64(number)
        .map(Value::Number)
        .ok_or_else(|| "returned a number that JSON does not have.".to_owned())
}

#[cfg(test)]
mod tests;

//! The functions an expression can call beside JSONata's own: AWS's `$partition $range $hash $random $uuid $parse`, and `$now $millis $shuffle` from the
//! region's clock and the execution's seeded randomness.

use std::sync::Arc;

use jsonata_core::{
    evaluator::{Context, Evaluator, EvaluatorError},
    parser,
    value::JValue,
};
use sha2::{Digest as _, Sha256, Sha384, Sha512};

use super::expression::Ambient;

/// AWS bounds the array that `$range` makes.
const RANGE_MAX_ITEMS: usize = 1000;

/// JSONata 2.0.6's functions that AWS offers, and AWS's own.
const KNOWN: &str = "abs append assert average base64decode base64encode boolean ceil contains count decodeUrl decodeUrlComponent distinct each encodeUrl \
     encodeUrlComponent error exists filter floor formatBase formatInteger formatNumber fromMillis join keys length lookup lowercase map match max merge millis \
     min not now number pad parseInteger power random reduce replace reverse round shuffle sift single sort split spread sqrt string substring substringAfter \
     substringBefore sum toMillis trim type uppercase zip partition range hash uuid parse";

type Answer = Result<JValue, EvaluatorError>;
type Function = Box<dyn Fn(&[JValue]) -> Answer>;

/// Whether `$name` is a function.
pub(super) fn is_known(name: &str) -> bool {
    KNOWN.split_whitespace().any(|known| known == name)
}

/// Offers them to an evaluator.
pub(super) fn register(evaluator: &mut Evaluator, ambient: &Ambient) {
    let now = ambient.now.as_millisecond();
    let ours: [(&str, Function); 9] = [
        ("partition", Box::new(partition)),
        ("range", Box::new(range)),
        ("hash", Box::new(hash)),
        ("parse", Box::new(parse)),
        ("millis", Box::new(move |_| Ok(JValue::from(now)))),
        ("now", Box::new(move |arguments| format_now(now, arguments))),
        ("random", {
            let rng = Arc::clone(&ambient.rng);
            Box::new(move |arguments| match arguments {
                [] => Ok(JValue::from(lock(&rng).f64())),
                _ => Err(refused(
                    "$random with a seed is not emulated: no other engine gives AWS's numbers",
                )),
            })
        }),
        ("uuid", {
            let rng = Arc::clone(&ambient.rng);
            Box::new(move |_| Ok(JValue::from(uuid(&mut lock(&rng)))))
        }),
        ("shuffle", {
            let rng = Arc::clone(&ambient.rng);
            Box::new(move |arguments| {
                let mut items = items(arguments.first());
                lock(&rng).shuffle(&mut items);
                Ok(JValue::array(items))
            })
        }),
    ];
    for (name, function) in ours {
        evaluator
            .register_fn_override(name, function)
            .expect("none of these is on the evaluator's compiled path");
    }
}

/// A random (version 4) UUID.
pub(super) fn uuid(rng: &mut fastrand::Rng) -> String {
    let bits = (rng.u128(..) & !(0xf << 76) & !(0x3 << 62)) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}

fn lock(rng: &std::sync::Mutex<fastrand::Rng>) -> std::sync::MutexGuard<'_, fastrand::Rng> {
    rng.lock()
        .expect("no thread panics while it draws a number")
}

fn refused(why: impl Into<String>) -> EvaluatorError {
    EvaluatorError::EvaluationError(why.into())
}

/// JSONata takes a single value where an array is asked for.
fn items(argument: Option<&JValue>) -> Vec<JValue> {
    match argument {
        None | Some(JValue::Undefined) => Vec::new(),
        Some(JValue::Array(items)) => items.to_vec(),
        Some(single) => vec![single.clone()],
    }
}

fn integer(name: &str, argument: Option<&JValue>) -> Result<i64, EvaluatorError> {
    match argument.and_then(JValue::as_f64) {
        // JSONata rounds nothing here; a double up to 2^53 converts exactly.
        #[allow(clippy::cast_possible_truncation)]
        Some(number) if number.fract() == 0.0 && number.abs() < 9e15 => Ok(number as i64),
        _ => Err(refused(format!("${name} needs integers"))),
    }
}

fn text<'a>(name: &str, argument: Option<&'a JValue>) -> Result<&'a str, EvaluatorError> {
    argument
        .and_then(JValue::as_str)
        .ok_or_else(|| refused(format!("${name} needs a string")))
}

fn partition(arguments: &[JValue]) -> Answer {
    if matches!(arguments.first(), None | Some(JValue::Undefined)) {
        return Ok(JValue::Undefined);
    }
    let size = usize::try_from(integer("partition", arguments.get(1))?)
        .ok()
        .filter(|size| *size > 0);
    let size = size.ok_or_else(|| refused("$partition needs a size above 0"))?;
    Ok(JValue::array(
        items(arguments.first())
            .chunks(size)
            .map(|chunk| JValue::array(chunk.to_vec()))
            .collect(),
    ))
}

fn range(arguments: &[JValue]) -> Answer {
    let [first, last, step] = [0, 1, 2].map(|index| integer("range", arguments.get(index)));
    let (mut next, last, step) = (first?, last?, step?);
    if step == 0 {
        return Err(refused("$range needs a step other than 0"));
    }
    let mut items = Vec::new();
    while (step > 0 && next <= last) || (step < 0 && next >= last) {
        if items.len() == RANGE_MAX_ITEMS {
            return Err(refused(format!(
                "$range makes at most {RANGE_MAX_ITEMS} items"
            )));
        }
        items.push(JValue::from(next));
        next += step;
    }
    Ok(JValue::array(items))
}

fn hash(arguments: &[JValue]) -> Answer {
    let data = text("hash", arguments.first())?.as_bytes();
    let digest = match text("hash", arguments.get(1))? {
        "SHA-256" => Sha256::digest(data).to_vec(),
        "SHA-384" => Sha384::digest(data).to_vec(),
        "SHA-512" => Sha512::digest(data).to_vec(),
        other => {
            return Err(refused(format!(
                "$hash with {other} is not emulated; SHA-256, SHA-384 and SHA-512 are"
            )));
        }
    };
    Ok(JValue::from(
        digest
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>(),
    ))
}

fn parse(arguments: &[JValue]) -> Answer {
    if matches!(arguments.first(), None | Some(JValue::Undefined)) {
        return Ok(JValue::Undefined);
    }
    let json = text("parse", arguments.first())?;
    // The text may hold anything: it does not go into the message.
    JValue::from_json_str(json).map_err(|error| {
        refused(format!(
            "$parse was given no JSON (line {}, column {})",
            error.line(),
            error.column()
        ))
    })
}

/// `$now` with a picture and a zone is `$fromMillis` of the same moment.
fn format_now(now: i64, arguments: &[JValue]) -> Answer {
    let mut context = Context::new();
    let names = ["picture", "zone"];
    for (name, argument) in names.iter().zip(arguments) {
        context.bind((*name).to_owned(), argument.clone());
    }
    let call = format!(
        "$fromMillis({now}{})",
        names
            .iter()
            .take(arguments.len())
            .map(|name| format!(", ${name}"))
            .collect::<String>()
    );
    let ast = parser::parse(&call).map_err(|error| refused(error.to_string()))?;
    Evaluator::with_context(context).evaluate(&ast, &JValue::Undefined)
}

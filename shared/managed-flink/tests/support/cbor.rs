//! RPC v2 CBOR, which the SDK speaks to CloudWatch, as JSON and back: as much of it as the SDK writes and reads here.

use serde_json::{Map, Value, json};

const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const OTHER: u8 = 7;
/// Ends what has no length.
const BREAK: u8 = 0xff;

/// A request's body.
pub fn read(bytes: &[u8]) -> Value {
    let mut rest = bytes;
    value(&mut rest)
}

/// An answer's body. Every number is a double; those of `Timestamps` are tagged as times.
pub fn write(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    put(&mut out, "", value);
    out
}

fn value(rest: &mut &[u8]) -> Value {
    let first = take(rest, 1)[0];
    let (major, low) = (first >> 5, first & 0x1f);
    if major == OTHER {
        return match low {
            20 | 21 => json!(low == 21),
            26 => json!(f32::from_be_bytes(take(rest, 4).try_into().unwrap())),
            27 => json!(f64::from_be_bytes(take(rest, 8).try_into().unwrap())),
            _ => Value::Null,
        };
    }
    let length = match low {
        24..=27 => {
            let bytes = take(rest, 1 << (low - 24));
            Some(
                bytes
                    .iter()
                    .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
            )
        }
        31 => None,
        small => Some(u64::from(small)),
    };
    let left = |rest: &mut &[u8], read: u64| match length {
        Some(length) => read < length,
        None if rest[0] == BREAK => {
            take(rest, 1);
            false
        }
        None => true,
    };
    match major {
        0 => json!(length.unwrap()),
        2 | 3 => {
            let text = take(rest, usize::try_from(length.unwrap()).unwrap());
            json!(String::from_utf8(text.to_vec()).unwrap())
        }
        ARRAY => {
            let mut all = Vec::new();
            while left(rest, all.len() as u64) {
                all.push(value(rest));
            }
            Value::Array(all)
        }
        MAP => {
            let mut all = Map::new();
            while left(rest, all.len() as u64) {
                let name = value(rest);
                all.insert(name.as_str().unwrap().to_owned(), value(rest));
            }
            Value::Object(all)
        }
        TAG => value(rest),
        other => panic!("nothing here writes CBOR of the kind {other}"),
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, left) = rest.split_at(length);
    *rest = left;
    taken
}

fn put(out: &mut Vec<u8>, name: &str, value: &Value) {
    let head = |out: &mut Vec<u8>, major: u8, length: usize| {
        out.push(major << 5 | 26);
        out.extend(u32::try_from(length).unwrap().to_be_bytes());
    };
    match value {
        Value::Null => out.push(0xf6),
        Value::Bool(truth) => out.push(if *truth { 0xf5 } else { 0xf4 }),
        Value::Number(number) => {
            if name == "Timestamps" {
                out.push(TAG << 5 | 1);
            }
            out.push(0xfb);
            out.extend(number.as_f64().unwrap().to_be_bytes());
        }
        Value::String(text) => {
            head(out, 3, text.len());
            out.extend(text.as_bytes());
        }
        Value::Array(values) => {
            head(out, ARRAY, values.len());
            values.iter().for_each(|value| put(out, name, value));
        }
        Value::Object(members) => {
            head(out, MAP, members.len());
            for (name, value) in members {
                put(out, "", &json!(name));
                put(out, name, value);
            }
        }
    }
}

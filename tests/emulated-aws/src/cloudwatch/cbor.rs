//! RPC v2 CBOR, which the Rust SDK speaks to CloudWatch, as AWS JSON and back.
//!
//! Invariant: a request that cannot be read as CBOR becomes one with an empty body, which the verbs refuse.

use bytes::Bytes;
use http::{HeaderValue, header};
use minicbor::{
    Decoder, Encoder,
    data::{Tag, Type},
    decode,
};
use serde_json::{Map, Value, json};

use crate::faults;
use ground::wire::{self, Request, Response};

const CBOR: &str = "application/cbor";
const TARGET: &str = "GraniteServiceVersion20100801.";

/// The request as AWS JSON, if it is one in CBOR.
pub(super) fn to_json(request: &Request) -> Option<Request> {
    let target = format!("{TARGET}{}", wire::rpc_verb(request)?);
    let body = value(&mut Decoder::new(request.body())).unwrap_or_default();
    let mut translated = request.clone();
    *translated.body_mut() = Bytes::from(body.to_string());
    translated
        .headers_mut()
        .insert("x-amz-target", HeaderValue::from_str(&target).ok()?);
    Some(translated)
}

/// An AWS JSON answer as CBOR; one that is CBOR already, or no answer at all, as it is.
#[must_use]
pub fn in_cbor(answer: Response) -> Response {
    if faults::is_cut(&answer)
        || answer
            .headers()
            .get(header::CONTENT_TYPE)
            .is_some_and(|kind| kind == CBOR)
    {
        return answer;
    }
    let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
    let mut encoder = Encoder::new(Vec::new());
    write(&mut encoder, "", &body);
    let mut translated = answer;
    *translated.body_mut() = Bytes::from(encoder.into_writer());
    translated
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(CBOR));
    translated
        .headers_mut()
        .insert("smithy-protocol", HeaderValue::from_static("rpc-v2-cbor"));
    translated
}

fn value(decoder: &mut Decoder<'_>) -> Result<Value, decode::Error> {
    Ok(match decoder.datatype()? {
        Type::Null | Type::Undefined => {
            decoder.skip()?;
            Value::Null
        }
        Type::Bool => json!(decoder.bool()?),
        Type::F16 | Type::F32 | Type::F64 => json!(decoder.f64()?),
        Type::String | Type::StringIndef => {
            let parts: Result<String, _> = decoder.str_iter()?.collect();
            json!(parts?)
        }
        Type::Array | Type::ArrayIndef => {
            let mut values = Vec::new();
            match decoder.array()? {
                Some(length) => {
                    (0..length).try_for_each(|_| value(decoder).map(|value| values.push(value)))?
                }
                None => {
                    while decoder.datatype()? != Type::Break {
                        values.push(value(decoder)?);
                    }
                    decoder.skip()?;
                }
            }
            Value::Array(values)
        }
        Type::Map | Type::MapIndef => {
            let mut members = Map::new();
            let mut member = |decoder: &mut Decoder<'_>| {
                let name = decoder.str_iter()?.collect::<Result<String, _>>()?;
                members.insert(name, value(decoder)?);
                Ok::<(), decode::Error>(())
            };
            match decoder.map()? {
                Some(length) => (0..length).try_for_each(|_| member(decoder))?,
                None => {
                    while decoder.datatype()? != Type::Break {
                        member(decoder)?;
                    }
                    decoder.skip()?;
                }
            }
            Value::Object(members)
        }
        Type::Tag => {
            decoder.tag()?;
            value(decoder)?
        }
        // Whatever whole number it is.
        _ => json!(decoder.i64()?),
    })
}

fn write(encoder: &mut Encoder<Vec<u8>>, name: &str, value: &Value) {
    let written = match value {
        Value::Null => encoder.null().map(drop),
        Value::Bool(truth) => encoder.bool(*truth).map(drop),
        Value::Number(number) => match number.as_i64() {
            // A timestamp is tagged as one, and so is each of several.
            _ if name.ends_with("Timestamp") || name == "Timestamps" => encoder
                .tag(Tag::new(1))
                .and_then(|encoder| encoder.f64(number.as_f64().unwrap_or_default()))
                .map(drop),
            Some(whole) => encoder.i64(whole).map(drop),
            None => encoder.f64(number.as_f64().unwrap_or_default()).map(drop),
        },
        Value::String(text) => encoder.str(text).map(drop),
        Value::Array(values) => encoder
            .array(values.len() as u64)
            .map(|_| ())
            .map(|()| values.iter().for_each(|value| write(encoder, name, value))),
        Value::Object(members) => encoder.map(members.len() as u64).map(|_| ()).map(|()| {
            for (name, value) in members {
                write(encoder, "", &json!(name));
                write(encoder, name, value);
            }
        }),
    };
    written.expect("memory takes every byte");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_out_comes_back() {
        let there = json!({ "AlarmNames": ["a", "ü"], "MaxRecords": 100, "Threshold": 0.5, "Deep": { "Yes": true, "No": null }, "Below": -3 });
        let mut encoder = Encoder::new(Vec::new());
        write(&mut encoder, "", &there);
        assert_eq!(
            value(&mut Decoder::new(&encoder.into_writer())).unwrap(),
            there
        );
    }

    #[test]
    fn indefinite_lengths_and_timestamps_are_read() {
        let mut encoder = Encoder::new(Vec::new());
        encoder
            .begin_map()
            .unwrap()
            .str("At")
            .unwrap()
            .tag(Tag::new(1))
            .unwrap()
            .f64(1.5)
            .unwrap()
            .str("Names")
            .unwrap();
        encoder
            .begin_array()
            .unwrap()
            .str("a")
            .unwrap()
            .end()
            .unwrap()
            .end()
            .unwrap();
        assert_eq!(
            value(&mut Decoder::new(&encoder.into_writer())).unwrap(),
            json!({ "At": 1.5, "Names": ["a"] })
        );
    }
}

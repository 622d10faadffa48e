//! Conversions and the other functions of the language itself (cel-spec, "List of Standard Definitions").

use super::super::value::{Cel, Outcome, failed, no_overload};
use super::{called, strings, time};
use std::rc::Rc;

/// A function of the language; `None` when it is none of them.
pub(super) fn function<'a>(name: &str, arguments: &[Cel<'a>]) -> Option<Outcome<'a>> {
    if name == "matches" {
        return match arguments {
            [Cel::Text(text), Cel::Text(pattern)] => Some(strings::matches(text, pattern)),
            _ => None,
        };
    }
    let [value] = arguments else { return None };
    Some(match name {
        "size" => match value.size() {
            Some(size) => Ok(Cel::Int(i64::try_from(size).unwrap_or(i64::MAX))),
            None => no_overload(&called(name, arguments)),
        },
        "type" => Ok(Cel::Type(match value {
            Cel::Object(..) => "map",
            other => other.kind(),
        })),
        "dyn" => Ok(value.clone()),
        "int" => int(value),
        "uint" => uint(value),
        "double" => double(value),
        "string" => string(value),
        "bool" => match value {
            Cel::Bool(_) => Ok(value.clone()),
            Cel::Text(text) => match &**text {
                "1" | "t" | "T" | "true" | "True" | "TRUE" => Ok(Cel::Bool(true)),
                "0" | "f" | "F" | "false" | "False" | "FALSE" => Ok(Cel::Bool(false)),
                _ => failed("type conversion error from string to bool"),
            },
            _ => no_overload(&called(name, arguments)),
        },
        "bytes" => match value {
            Cel::Bytes(_) => Ok(value.clone()),
            Cel::Text(text) => Ok(Cel::Bytes(text.as_bytes().into())),
            _ => no_overload(&called(name, arguments)),
        },
        "duration" => match value {
            Cel::Duration(_) => Ok(value.clone()),
            Cel::Text(text) => time::duration(text).map(Cel::Duration).or_else(failed),
            _ => no_overload(&called(name, arguments)),
        },
        "timestamp" => match value {
            Cel::Time(_) => Ok(value.clone()),
            Cel::Text(text) => text.parse().map(Cel::Time).or_else(|_| failed("a text is no time")),
            Cel::Int(seconds) => {
                jiff::Timestamp::from_second(*seconds).map(Cel::Time).or_else(|_| failed("timestamp overflow"))
            }
            _ => no_overload(&called(name, arguments)),
        },
        _ => return None,
    })
}

/// Whole numbers beyond the range of the type are failures.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)]
fn int<'a>(value: &Cel<'a>) -> Outcome<'a> {
    match value {
        Cel::Int(_) => Ok(value.clone()),
        Cel::Uint(n) => i64::try_from(*n).map(Cel::Int).or_else(|_| failed("integer overflow")),
        Cel::Double(n) if n.abs() < i64::MAX as f64 => Ok(Cel::Int(*n as i64)),
        Cel::Double(_) => failed("integer overflow"),
        Cel::Text(text) => text.parse().map(Cel::Int).or_else(|_| failed("type conversion error from string to int")),
        Cel::Time(time) => Ok(Cel::Int(time.as_second())),
        Cel::Duration(span) => i64::try_from(*span).map(Cel::Int).or_else(|_| failed("integer overflow")),
        other => no_overload(&format!("int({})", other.kind())),
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
fn uint<'a>(value: &Cel<'a>) -> Outcome<'a> {
    match value {
        Cel::Uint(_) => Ok(value.clone()),
        Cel::Int(n) => u64::try_from(*n).map(Cel::Uint).or_else(|_| failed("unsigned integer overflow")),
        Cel::Double(n) if *n >= 0.0 && *n < u64::MAX as f64 => Ok(Cel::Uint(*n as u64)),
        Cel::Double(_) => failed("unsigned integer overflow"),
        Cel::Text(text) => text.parse().map(Cel::Uint).or_else(|_| failed("type conversion error from string to uint")),
        other => no_overload(&format!("uint({})", other.kind())),
    }
}

#[allow(clippy::cast_precision_loss)]
fn double<'a>(value: &Cel<'a>) -> Outcome<'a> {
    match value {
        Cel::Double(_) => Ok(value.clone()),
        Cel::Int(n) => Ok(Cel::Double(*n as f64)),
        Cel::Uint(n) => Ok(Cel::Double(*n as f64)),
        Cel::Text(text) => {
            text.parse().map(Cel::Double).or_else(|_| failed("type conversion error from string to double"))
        }
        other => no_overload(&format!("double({})", other.kind())),
    }
}

fn string<'a>(value: &Cel<'a>) -> Outcome<'a> {
    Ok(Cel::text(match value {
        Cel::Text(_) => return Ok(value.clone()),
        Cel::Int(n) => n.to_string(),
        Cel::Uint(n) => n.to_string(),
        Cel::Double(n) => n.to_string(),
        Cel::Bool(flag) => flag.to_string(),
        Cel::Bytes(bytes) => match std::str::from_utf8(bytes) {
            Ok(text) => text.to_owned(),
            Err(_) => return failed("invalid UTF-8 in bytes, cannot convert to string"),
        },
        Cel::Time(time) => time.to_string(),
        Cel::Duration(span) => time::seconds(*span),
        Cel::Address(address) => address.to_string(),
        Cel::Block(block) => block.to_string(),
        other => return no_overload(&format!("string({})", other.kind())),
    }))
}

/// `optional.of(…)` and its like (cel-go, `OptionalTypes`).
pub(super) fn optional<'a>(name: &str, arguments: &[Cel<'a>]) -> Option<Outcome<'a>> {
    match (name, arguments) {
        ("none", []) => Some(Ok(Cel::NONE)),
        ("of", [value]) => Some(Ok(Cel::some(value.clone()))),
        ("ofNonZeroValue", [value]) => {
            let zero = match value {
                Cel::Null | Cel::Bool(false) | Cel::Int(0) | Cel::Uint(0) | Cel::Optional(None) => true,
                Cel::Double(n) => *n == 0.0,
                Cel::Duration(span) => *span == 0,
                other => other.size() == Some(0),
            };
            Some(Ok(Cel::Optional((!zero).then(|| Rc::new(value.clone())))))
        }
        _ => None,
    }
}

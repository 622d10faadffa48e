//! JSON as Go's `encoding/json` writes it: keys sorted by bytes, `<`, `>` and `&` escaped.

use super::node::{Fault, Kind, Node};
use crate::manifest::Data;
use crate::manifest::value::NumberKind;
use std::fmt::Write;

/// Writes a string.
pub(super) fn string(text: &str, json: &mut String) {
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' | '\0'..='\u{1f}' => {
                // Writing to a string cannot fail.
                let _ = write!(json, "\\u{:04x}", u32::from(c));
            }
            other => json.push(other),
        }
    }
    json.push('"');
}

/// A floating-point number.
pub(super) fn float(value: f64) -> String {
    let size = value.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{value:e}");
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or_default();
        let sign = if exponent < 0 { '-' } else { '+' };
        // Go takes the zero out of `e-09`.
        return format!("{mantissa}e{sign}{:02}", exponent.abs()).replace("e-0", "e-");
    }
    value.to_string()
}

/// Writes a node.
///
/// # Errors
/// When a scalar is no JSON value.
pub(super) fn value(node: &Node, json: &mut String) -> Result<(), Fault> {
    value_in(node, false, json)
}

fn value_in(node: &Node, flow: bool, json: &mut String) -> Result<(), Fault> {
    let flow = flow || node.is_flow();
    match &node.kind {
        Kind::Scalar(scalar) if flow && scalar.text.is_empty() => {
            json.push_str("\"\"");
            Ok(())
        }
        Kind::Scalar(scalar) => {
            match scalar.data()? {
                Data::Null => json.push_str("null"),
                Data::Bool(flag) => json.push_str(if flag { "true" } else { "false" }),
                Data::Number(number) => match number.kind() {
                    NumberKind::Integer(n) => json.push_str(&n.to_string()),
                    NumberKind::Unsigned(n) => json.push_str(&n.to_string()),
                    NumberKind::Float(n) => json.push_str(&float(n)),
                },
                Data::String(text) => string(&text, json),
                Data::List(_) | Data::Map(_) => {}
            }
            Ok(())
        }
        Kind::List(items) => {
            json.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    json.push(',');
                }
                value_in(item, flow, json)?;
            }
            json.push(']');
            Ok(())
        }
        Kind::Map(entries) => {
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by(|a, b| a.key.text.cmp(&b.key.text));
            json.push('{');
            for (index, entry) in sorted.into_iter().enumerate() {
                if index > 0 {
                    json.push(',');
                }
                string(&entry.key.text, json);
                json.push(':');
                value_in(&entry.value, flow, json)?;
            }
            json.push('}');
            Ok(())
        }
    }
}

//! From the tree of a build to values: every scalar resolved, keys in the order in which kustomize prints them.
//!
//! The order is that of go-yaml v2 (`sorter.go`): letters behind everything else, runs of digits as numbers.

use super::node::{Fault, Kind, Node};
use super::scalar::is_bad_bare_key;
use crate::manifest::{Data, Key, Map, Value};
use std::borrow::Cow;

/// The value of a node.
///
/// # Errors
/// When a scalar or key in it is nothing that JSON has.
pub(super) fn value(node: &Node) -> Result<Value, Fault> {
    value_in(node, false)
}

/// The value of a node; `flow` within braces or brackets, where go-yaml writes an empty text with quotes.
fn value_in(node: &Node, flow: bool) -> Result<Value, Fault> {
    let flow = flow || node.is_flow();
    let data = match &node.kind {
        Kind::Scalar(scalar) if flow && scalar.text.is_empty() => Data::String(String::new()),
        Kind::Scalar(scalar) => match scalar.data()? {
            Data::String(text) => Data::String(readable(text)?),
            data => data,
        },
        Kind::List(items) => Data::List(items.iter().map(|item| value_in(item, flow)).collect::<Result<_, _>>()?),
        Kind::Map(entries) => {
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by(|a, b| crate::manifest::yaml::key_order(&a.key.text, &b.key.text));
            let mut map = Map::with_capacity(sorted.len());
            for entry in sorted {
                let text = &*entry.key.text;
                if entry.key.bare && is_bad_bare_key(text) {
                    return Err(format!("the key `{text}` is read as no string"));
                }
                if text.contains('\u{85}') || !is_allowed(text) {
                    return Err("a key holds a control character".to_owned());
                }
                let key = Key { text: text.into(), origin: entry.key.origin.clone() };
                if map.insert(key, value_in(&entry.value, flow).map_err(|fault| below(text, &fault))?).is_some() {
                    return Err(format!("the key `{text}` is there twice"));
                }
            }
            Data::Map(map)
        }
    };
    Ok(Value { data, origin: node.origin.clone() })
}

/// Says whether go-yaml reads all characters of a text that JSON writes as they are.
fn is_allowed(text: &str) -> bool {
    !text.contains(|c| matches!(c, '\u{7f}'..='\u{84}' | '\u{86}'..='\u{9f}' | '\u{fffe}' | '\u{ffff}'))
}

/// A text after the way through JSON and a YAML reader: the line break U+0085 is folded as any other.
fn readable(text: String) -> Result<String, Fault> {
    if !is_allowed(&text) {
        return Err("a text holds a control character".to_owned());
    }
    if !text.contains('\u{85}') {
        return Ok(text);
    }
    let mut lines = text.split('\u{85}');
    let mut folded = lines.next().unwrap_or_default().trim_end_matches([' ', '\t']).to_owned();
    let mut empty = 0;
    let mut lines = lines.peekable();
    while let Some(line) = lines.next() {
        let line = line.trim_start_matches([' ', '\t']);
        let line = if lines.peek().is_some() { line.trim_end_matches([' ', '\t']) } else { line };
        if line.is_empty() && lines.peek().is_some() {
            empty += 1;
            continue;
        }
        folded.push_str(&if empty == 0 { Cow::Borrowed(" ") } else { Cow::Owned("\n".repeat(empty)) });
        empty = 0;
        folded.push_str(line);
    }
    Ok(folded)
}

fn below(key: &str, fault: &str) -> Fault {
    match fault.strip_prefix("at `") {
        Some(rest) => format!("at `{key}.{rest}"),
        None => format!("at `{key}`: {fault}"),
    }
}

//! From the tree of a build to values: every scalar resolved, keys in the order in which kustomize prints them.
//!
//! The order is that of go-yaml v2 (`sorter.go`): letters behind everything else, runs of digits as numbers.

use super::node::{Fault, Kind, Node};
use super::scalar::is_bad_bare_key;
use crate::manifest::{Data, Key, Map, Value};

/// The value of a node.
///
/// # Errors
/// When a scalar or key in it is nothing that JSON has.
pub(super) fn value(node: &Node) -> Result<Value, Fault> {
    let data = match &node.kind {
        Kind::Scalar(scalar) => scalar.data()?,
        Kind::List(items) => Data::List(items.iter().map(value).collect::<Result<_, _>>()?),
        Kind::Map(entries) => {
            let mut sorted: Vec<_> = entries.iter().collect();
            sorted.sort_by(|a, b| crate::manifest::yaml::key_order(&a.key.text, &b.key.text));
            let mut map = Map::with_capacity(sorted.len());
            for entry in sorted {
                let text = &*entry.key.text;
                if entry.key.bare && is_bad_bare_key(text) {
                    return Err(format!("the key `{text}` is read as no string"));
                }
                let key = Key { text: text.to_owned(), origin: entry.key.origin.clone() };
                if map.insert(key, value(&entry.value).map_err(|fault| below(text, &fault))?).is_some() {
                    return Err(format!("the key `{text}` is there twice"));
                }
            }
            Data::Map(map)
        }
    };
    Ok(Value { data, origin: node.origin.clone() })
}

fn below(key: &str, fault: &str) -> Fault {
    match fault.strip_prefix("at `") {
        Some(rest) => format!("at `{key}.{rest}"),
        None => format!("at `{key}`: {fault}"),
    }
}

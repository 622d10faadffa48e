//! When two items of a list are the same: equal values in a set, equal keys in a map list, with defaults filled in.

use super::{DUPLICATE_ITEM, Walk};
use crate::manifest::{Data, Value};
use crate::schema::Node;
use crate::validate::message::{field, path};
use crate::validate::problem::At;
use std::collections::HashMap;

impl Walk {
    /// Reports items that are the same to the server: it refuses them when they are applied.
    pub(in crate::validate) fn duplicates(
        &mut self,
        items: &[Value],
        identity: impl Fn(&Value) -> Option<String>,
        applied: bool,
    ) {
        if items.len() < 2 {
            return;
        }
        let mut seen: HashMap<String, usize> = HashMap::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let Some(identity) = identity(item) else { continue };
            if let Some(first) = seen.get(&identity).copied() {
                let list = self.pointer.clone();
                self.below_index(index, |walk| {
                    let same = format!("`{}[{first}]`", path(&list));
                    let what = if walk.secret { String::new() } else { format!(": {identity}") };
                    let message = format!("{} is the same item as {same}{what}", field(&walk.pointer));
                    walk.problem(DUPLICATE_ITEM, At::Value, message, None);
                    if let Some(problem) = walk.problems.last_mut().filter(|_| applied) {
                        problem.hint = Some("server-side apply refuses two list items with one key".to_owned());
                        problem.related = Some((format!("{list}/{first}"), "the first of them"));
                    }
                });
            } else {
                seen.insert(identity, index);
            }
        }
    }
}

/// An item of a set as text; equal items have equal texts.
pub(in crate::validate) fn identity(value: &Value) -> String {
    match &value.data {
        Data::String(text) => format!("{text:?}"),
        Data::Number(number) => number.as_i64().map_or_else(|| number.as_f64().to_string(), |n| n.to_string()),
        Data::Bool(flag) => flag.to_string(),
        Data::Null => "null".to_owned(),
        Data::List(items) => format!("[{}]", items.iter().map(identity).collect::<Vec<_>>().join(", ")),
        Data::Map(map) => {
            let mut entries: Vec<String> =
                map.iter().map(|(key, value)| format!("{:?}: {}", key.as_str(), identity(value))).collect();
            entries.sort();
            format!("{{{}}}", entries.join(", "))
        }
    }
}

/// The key of an item of a map list, defaults filled in; `None` when nothing of it is there.
pub(super) fn keyed(of: Node<'_>, keys: &[String], item: &Value) -> Option<String> {
    let map = item.as_map()?;
    let mut any = false;
    let parts: Vec<String> = keys
        .iter()
        .map(|key| {
            let said = map.get(key.as_str()).filter(|value| !value.is_null());
            any |= said.is_some();
            let value = said.or_else(|| of.field(key).and_then(Node::default));
            format!("{key} {}", value.map_or_else(|| "absent".to_owned(), identity))
        })
        .collect();
    any.then(|| parts.join(", "))
}

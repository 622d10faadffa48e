//! Fills in what the schema of a custom resource says of absent fields, as the server does before it judges.
//!
//! Decided by `k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting`: a `null` whose schema is not nullable is
//! dropped, then defaults are filled in from the top down, also inside what was filled in.

use crate::manifest::{Data, Key, Value};
use crate::schema::{Kind, Node};
use std::borrow::Cow;

/// The value as the server's schema sees it; the same where nothing changes. What is filled in has no origin.
pub(super) fn filled<'a>(node: Node<'_>, value: &'a Value) -> Cow<'a, Value> {
    if node.is_go_type() || !(node.has_defaults() || has_null(value)) {
        return Cow::Borrowed(value);
    }
    let mut value = value.clone();
    fill(node, &mut value);
    Cow::Owned(value)
}

fn has_null(value: &Value) -> bool {
    match &value.data {
        Data::Null => true,
        Data::Map(map) => map.values().any(has_null),
        Data::List(items) => items.iter().any(has_null),
        _ => false,
    }
}

fn fill(node: Node<'_>, value: &mut Value) {
    // What the server's own types hold is not judged by a schema.
    if node.is_go_type() {
        return;
    }
    match &mut value.data {
        Data::Map(map) => {
            let absent =
                |field: Node<'_>, value: &Value| value.is_null() && !field.is_nullable() && field.kind() != Kind::Any;
            map.retain(|key, value| {
                let known = node.field(key.as_str()).or_else(|| node.values());
                known.is_none_or(|field| !absent(field, value))
            });
            for (name, field) in node.fields().filter(|(_, field)| field.has_defaults()) {
                if let (Some(default), false) = (field.default(), map.contains_key(name)) {
                    map.insert(Key::new(name), default.clone());
                }
            }
            for (key, value) in map.iter_mut() {
                if let Some(field) = node.field(key.as_str()).or_else(|| node.values()) {
                    fill(field, value);
                }
            }
        }
        Data::List(items) => {
            let Some(of) = node.items() else { return };
            for item in items {
                if let (true, false, Some(default)) = (item.is_null(), of.is_nullable(), of.default()) {
                    item.data = default.data.clone();
                }
                fill(of, item);
            }
        }
        _ => {}
    }
}

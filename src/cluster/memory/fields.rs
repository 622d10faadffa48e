//! Field paths and sets of them: what `metadata.managedFields` holds (FieldsV1).
//!
//! Decided by the API server's structured-merge-diff: `f:` a field, `k:` a list item by its keys, `v:` a member of a
//! set, `.` the node itself beside its children.

use crate::manifest::json::{from_json, to_json};
use crate::manifest::value::map;
use crate::manifest::{Key, Map, Value};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

/// One step of a path. Values of keys and members are JSON text, so that paths have an order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Step {
    /// A field of a map.
    Field(String),
    /// An item of a keyed list: its keys (sorted by name) with their values.
    Item(Vec<(String, String)>),
    /// A member of a set.
    Member(String),
}

/// From the root of an object down to a node.
pub(super) type Path = Vec<Step>;

/// A set of paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct FieldSet(pub(super) BTreeSet<Path>);

/// The JSON text of a value, with the keys of maps in input order.
pub(super) fn json_text(value: &Value) -> String {
    to_json(value).to_string()
}

impl Step {
    fn encode(&self) -> String {
        match self {
            Self::Field(name) => format!("f:{name}"),
            Self::Item(keys) => {
                let keys: Vec<String> =
                    keys.iter().map(|(name, value)| format!("{}:{value}", json_text(&name.as_str().into()))).collect();
                format!("k:{{{}}}", keys.join(","))
            }
            Self::Member(value) => format!("v:{value}"),
        }
    }

    fn decode(text: &str) -> Option<Self> {
        match text.split_at_checked(2)? {
            ("f:", name) => Some(Self::Field(name.to_owned())),
            ("v:", value) => Some(Self::Member(value.to_owned())),
            ("k:", keys) => {
                let keys = from_json(&serde_json::from_str(keys).ok()?);
                let pair = |(key, value): (&Key, &Value)| (key.text.to_string(), json_text(value));
                Some(Self::Item(keys.as_map()?.iter().map(pair).collect()))
            }
            _ => None,
        }
    }
}

/// A path as the API server prints it: `.spec.template.spec.containers[name="web"].image`.
pub(super) fn path_text(path: &[Step]) -> String {
    let mut text = String::new();
    for step in path {
        let written = match step {
            Step::Field(name) => write!(text, ".{name}"),
            Step::Item(keys) => {
                let keys: Vec<String> = keys.iter().map(|(name, value)| format!("{name}={value}")).collect();
                write!(text, "[{}]", keys.join(","))
            }
            Step::Member(value) => write!(text, "[={value}]"),
        };
        written.expect("writing to a string cannot fail");
    }
    text
}

#[derive(Default)]
struct Node {
    member: bool,
    children: BTreeMap<Step, Node>,
}

impl Node {
    fn encode(&self) -> Value {
        let own = (self.member && !self.children.is_empty()).then(|| (Key::new("."), map::<&str, Value>([])));
        let children = self.children.iter().map(|(step, node)| (Key::from(step.encode()), node.encode()));
        own.into_iter().chain(children).collect::<Map>().into()
    }
}

impl FieldSet {
    /// Says whether nothing is in it.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Paths in this set that are not in `other`.
    pub(super) fn minus(&self, other: &Self) -> Self {
        Self(self.0.difference(&other.0).cloned().collect())
    }

    /// Paths in both.
    pub(super) fn and(&self, other: &Self) -> Self {
        Self(self.0.intersection(&other.0).cloned().collect())
    }

    /// Adds the paths of `other`.
    pub(super) fn extend(&mut self, other: &Self) {
        self.0.extend(other.0.iter().cloned());
    }

    /// With the fields above each path: a map belongs to who owns something in it (a list item does not).
    pub(super) fn with_parents(&self) -> Self {
        let mut all = self.clone();
        for path in &self.0 {
            for length in (1..path.len()).filter(|length| matches!(path[length - 1], Step::Field(_))) {
                all.0.insert(path[..length].to_vec());
            }
        }
        all
    }

    /// As FieldsV1.
    pub(super) fn encode(&self) -> Value {
        let mut root = Node::default();
        for path in &self.0 {
            path.iter().fold(&mut root, |node, step| node.children.entry(step.clone()).or_default()).member = true;
        }
        root.encode()
    }

    /// From FieldsV1; steps that cannot be read are left out.
    pub(super) fn decode(value: &Value) -> Self {
        let mut set = Self::default();
        set.read(value, &mut Vec::new());
        set
    }

    fn read(&mut self, value: &Value, path: &mut Path) {
        let Some(entries) = value.as_map() else { return };
        if !path.is_empty() && (entries.is_empty() || entries.contains_key(".")) {
            self.0.insert(path.clone());
        }
        for (key, child) in entries {
            if let Some(step) = Step::decode(key.as_str()) {
                path.push(step);
                self.read(child, path);
                path.pop();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn json(text: &str) -> Value {
        from_json(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn managed_fields_survive_reading_and_writing() {
        let text = r#"{"f:metadata":{"f:finalizers":{".":{},"v:\"a/b\"":{}}},"f:spec":{"f:containers":{"k:{\"name\":\"web\"}":{".":{},"f:image":{},"f:ports":{"k:{\"containerPort\":80,\"protocol\":\"TCP\"}":{}}}}}}"#;
        assert_eq!(json_text(&FieldSet::decode(&json(text)).encode()), text);
    }

    #[test]
    fn paths_read_as_the_server_prints_them() {
        let set = FieldSet::decode(&json(r#"{"f:spec":{"f:containers":{"k:{\"name\":\"web\"}":{"f:image":{}}}}}"#));
        assert_eq!(path_text(set.0.first().unwrap()), r#".spec.containers[name="web"].image"#);
    }
}

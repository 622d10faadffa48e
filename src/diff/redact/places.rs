//! What is masked because of where it stands.

use super::Redactor;
use crate::manifest::{Data, Key, Map, Value};
use crate::secret::MASK;

/// The annotation that `kubectl apply` keeps a whole former manifest in.
pub(super) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The same tree with every scalar masked or redacted by value; keys and shape are left where nothing is masked.
pub(super) fn shown(redactor: &Redactor, value: &Value) -> Value {
    let data = match &value.data {
        Data::String(text) => Data::String(redactor.text(text).as_str().to_owned()),
        Data::List(items) => Data::List(items.iter().map(|item| shown(redactor, item)).collect()),
        Data::Map(map) => Data::Map(
            map.iter()
                .map(|(key, child)| {
                    let child = match secret_part(value, key.as_str()) {
                        Some(Part::Leaves) => masked(child),
                        Some(Part::Whole) => MASK.into(),
                        None if key.as_str() == "annotations" => annotations(redactor, child),
                        None if is_sealed(value) && key.as_str() == "spec" => sealed_spec(redactor, child),
                        None => shown(redactor, child),
                    };
                    (key.clone(), child)
                })
                .collect(),
        ),
        Data::Number(number) => {
            let literal = redactor.text(number.literal());
            if literal == *number.literal() { value.data.clone() } else { Data::String(MASK.to_owned()) }
        }
        other => other.clone(),
    };
    Value { data, origin: value.origin.clone() }
}

/// How much of a child is masked.
pub(super) enum Part {
    /// Its keys show, its scalars do not.
    Leaves,
    /// Not even its shape shows.
    Whole,
}

/// Says whether the child `key` of `parent` holds secret values: in a Secret at any depth, and in the block that SOPS
/// appends to a file.
pub(super) fn secret_part(parent: &Value, key: &str) -> Option<Part> {
    match key {
        "data" | "stringData" | "binaryData" if is_secret(parent) => {
            Some(if parent.get(key).is_some_and(|data| data.as_map().is_some()) { Part::Leaves } else { Part::Whole })
        }
        "sops" if parent.get("sops").is_some_and(|sops| sops.get("mac").is_some()) => Some(Part::Leaves),
        _ => None,
    }
}

fn is_secret(value: &Value) -> bool {
    let text = |key| value.get(key).and_then(Value::as_str);
    text("kind") == Some("Secret") && text("apiVersion").is_none_or(|version| version == "v1")
}

fn is_sealed(value: &Value) -> bool {
    value.get("kind").and_then(Value::as_str) == Some("SealedSecret")
}

fn sealed_spec(redactor: &Redactor, spec: &Value) -> Value {
    let mut view = shown(redactor, spec);
    if let Some(encrypted) = view.get_mut("encryptedData") {
        *encrypted = masked(encrypted);
    }
    if let Some(template) = view.get_mut("template") {
        for key in ["data", "stringData"] {
            if let Some(data) = template.get_mut(key) {
                *data = masked(data);
            }
        }
    }
    view
}

fn annotations(redactor: &Redactor, value: &Value) -> Value {
    let mut view = shown(redactor, value);
    if let Some(map) = view.as_map_mut() {
        for (key, child) in map {
            // A checksum of a Secret is a hash of it, and nobody can tell whose checksum it is.
            if key.as_str() == LAST_APPLIED || key.as_str().starts_with("checksum/") {
                *child = Value::from(MASK).with_origin(child.origin.clone());
            }
        }
    }
    view
}

/// Masks every scalar; lists go whole, since their length could tell the length of a value.
fn masked(value: &Value) -> Value {
    let data = match &value.data {
        Data::Map(map) => Data::Map(map.iter().map(|(key, child)| (key.clone(), masked(child))).collect()),
        _ => Data::String(MASK.to_owned()),
    };
    Value { data, origin: value.origin.clone() }
}

/// The same tree with keys redacted by value too; a key that becomes equal to another one is numbered.
pub(super) fn with_redacted_keys(redactor: &Redactor, value: Value) -> Value {
    let data = match value.data {
        Data::List(items) => Data::List(items.into_iter().map(|item| with_redacted_keys(redactor, item)).collect()),
        Data::Map(map) => {
            let mut view = Map::with_capacity(map.len());
            for (key, child) in map {
                let mut text = redactor.text(key.as_str()).as_str().to_owned();
                while view.contains_key(text.as_str()) {
                    text.push('\'');
                }
                view.insert(Key { text, origin: key.origin }, with_redacted_keys(redactor, child));
            }
            Data::Map(view)
        }
        other => other,
    };
    Value { data, origin: value.origin }
}

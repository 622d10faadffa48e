//! What is masked because of where it stands.

use super::{Redactor, passed};
use crate::manifest::{Data, Key, Map, Object, Value};
use crate::secret::{MASK, SecretPath, fits};
use std::collections::HashSet;

/// The annotation that `kubectl apply` keeps a whole former manifest in.
pub(super) const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// One object as it may be seen.
pub(super) struct View<'a> {
    redactor: &'a Redactor,
    /// Values that are secret by where they stand in this object.
    marked: HashSet<*const Value>,
}

impl<'a> View<'a> {
    pub(super) fn of(redactor: &'a Redactor, object: &Object) -> Self {
        let marked = configured(object, redactor.paths()).into_iter().chain(passed::values(object));
        let marked = marked.map(std::ptr::from_ref).collect();
        Self { redactor, marked }
    }

    /// The same tree with every scalar masked or redacted by value; keys and shape are left where nothing is masked.
    pub(super) fn shown(&self, value: &Value) -> Value {
        if self.marked.contains(&std::ptr::from_ref(value)) {
            return masked(value);
        }
        let data = match &value.data {
            Data::String(text) => Data::String(self.redactor.text(text).as_str().to_owned()),
            Data::List(items) => Data::List(items.iter().map(|item| self.shown(item)).collect()),
            Data::Map(map) => Data::Map(
                map.iter()
                    .map(|(key, child)| {
                        let child = match secret_part(value, key.as_str()) {
                            Some(Part::Entries) => entries(child),
                            Some(Part::Leaves) => masked(child),
                            Some(Part::Whole) => MASK.into(),
                            None if key.as_str() == "annotations" => self.annotations(child),
                            None if is_sealed(value) && key.as_str() == "spec" => self.sealed_spec(child),
                            None => self.shown(child),
                        };
                        (key.clone(), child)
                    })
                    .collect(),
            ),
            Data::Number(number) => {
                let literal = self.redactor.text(number.literal());
                if literal == *number.literal() { value.data.clone() } else { Data::String(MASK.to_owned()) }
            }
            other => other.clone(),
        };
        Value { data, origin: value.origin.clone() }
    }

    fn sealed_spec(&self, spec: &Value) -> Value {
        let mut view = self.shown(spec);
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

    fn annotations(&self, value: &Value) -> Value {
        let mut view = self.shown(value);
        if let Some(map) = view.as_map_mut() {
            for (key, child) in map {
                // A checksum of a Secret is a hash of it, and nobody can tell whose checksum it is.
                if key.as_str() == LAST_APPLIED || is_checksum(key.as_str()) {
                    *child = Value::from(MASK).with_origin(child.origin.clone());
                }
            }
        }
        view
    }
}

/// Says whether an annotation holds a checksum, as charts and operators name them.
fn is_checksum(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["checksum", "sha256", "sha1", "md5"].iter().any(|word| key.contains(word))
        || key.split(['/', '-', '.', '_']).any(|part| part == "hash")
}

/// The values of an object at configured paths.
pub(super) fn configured<'v>(object: &'v Object, paths: &[SecretPath]) -> Vec<&'v Value> {
    let mut found = Vec::new();
    for path in paths.iter().filter(|path| path.is_about(object.kind())) {
        follow(object.value(), path.keys(), &mut found);
    }
    found
}

fn follow<'v>(value: &'v Value, keys: &[String], found: &mut Vec<&'v Value>) {
    let Some((key, rest)) = keys.split_first() else {
        found.push(value);
        return;
    };
    let any = key == "**";
    if any {
        follow(value, rest, found);
    }
    match &value.data {
        Data::Map(map) => {
            for (name, child) in map {
                if any {
                    follow(child, keys, found);
                } else if fits(key, name.as_str()) {
                    follow(child, rest, found);
                }
            }
        }
        Data::List(items) => {
            for (at, item) in items.iter().enumerate() {
                if any {
                    follow(item, keys, found);
                } else if fits(key, &at.to_string()) {
                    follow(item, rest, found);
                }
            }
        }
        _ => {}
    }
}

/// What stands in every text that [`secret_part`] or the last-applied annotation finds something in, written out.
pub(super) const TELLING: [&str; 3] = ["Secret", "sops", LAST_APPLIED];

/// How much of a child is masked.
pub(super) enum Part {
    /// Its own keys show, and nothing below them.
    Entries,
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
            Some(if parent.get(key).is_some_and(|data| data.as_map().is_some()) { Part::Entries } else { Part::Whole })
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

/// Masks every entry of a map, whatever is below it.
fn entries(value: &Value) -> Value {
    let Data::Map(map) = &value.data else { return masked(value) };
    let mask = |value: &Value| Value::from(MASK).with_origin(value.origin.clone());
    let data = Data::Map(map.iter().map(|(key, child)| (key.clone(), mask(child))).collect());
    Value { data, origin: value.origin.clone() }
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
                view.insert(Key { text: text.into(), origin: key.origin }, with_redacted_keys(redactor, child));
            }
            Data::Map(view)
        }
        other => other,
    };
    Value { data, origin: value.origin }
}

//! Whether two states of an object are the same but for what the server keeps for itself.

use crate::manifest::{Data, Object, Value, yaml};
use sha2::{Digest, Sha256};

/// What the server writes beside an object's own content.
const BOOKKEEPING: [&str; 5] = ["managedFields", "resourceVersion", "generation", "creationTimestamp", "uid"];

/// The object without status and bookkeeping.
fn content(object: &Object) -> Value {
    let mut value = object.value().clone();
    value.remove("status");
    if let Some(metadata) = value.get_mut("metadata") {
        for field in BOOKKEEPING {
            metadata.remove(field);
        }
    }
    value
}

/// Says whether a dry run's answer would change nothing of a live object, nor of what the manager owns of it.
pub(super) fn same(live: &Object, answer: &Object, manager: &str) -> bool {
    content(live) == content(answer) && owned(live, manager) == owned(answer, manager)
}

/// A digest of an object's content. Equal digests mean equal content; an object whose content holds secrets shows
/// nothing of them, but the digest must not leave the cluster all the same.
pub(super) fn digest(object: &Object) -> String {
    hash(content(object))
}

/// A digest of which fields a manager has applied and still owns: whoever changes such a field takes it from the
/// manager, so that the same digest means that each has the value that was applied.
pub(super) fn owned(object: &Object, manager: &str) -> Option<String> {
    let ours = |entry: &&Value| {
        entry.get("manager").and_then(Value::as_str) == Some(manager)
            && entry.get("operation").and_then(Value::as_str) == Some("Apply")
    };
    let fields = managed_fields(object).iter().find(ours)?.get("fieldsV1")?;
    Some(hash(fields.clone()))
}

/// Who has written to an object.
pub(super) fn managers(object: &Object) -> impl Iterator<Item = &str> {
    managed_fields(object).iter().filter_map(|entry| entry.get("manager").and_then(Value::as_str))
}

fn managed_fields(object: &Object) -> &[Value] {
    object.value().path(&["metadata", "managedFields"]).and_then(Value::as_list).unwrap_or_default()
}

fn hash(mut content: Value) -> String {
    sort(&mut content);
    let hash = Sha256::digest(yaml::write(&content));
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Maps by key, so that the order that a server answers in does not matter.
fn sort(value: &mut Value) {
    match &mut value.data {
        Data::Map(map) => {
            map.sort_keys();
            map.values_mut().for_each(sort);
        }
        Data::List(items) => items.iter_mut().for_each(sort),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::manifest::value::map;

    fn object(version: &str, replicas: i64) -> Object {
        let metadata = map([("name", Value::from("web")), ("resourceVersion", version.into())]);
        Object::new(map([
            ("apiVersion", Value::from("apps/v1")),
            ("kind", "Deployment".into()),
            ("metadata", metadata),
            ("spec", map([("replicas", replicas)])),
        ]))
        .unwrap()
    }

    #[test]
    fn bookkeeping_and_status_do_not_count() {
        let mut later = object("2", 1);
        later.value_mut().set("status", map([("replicas", 1)]));
        assert!(same(&object("1", 1), &later, "me"));
        assert_eq!(digest(&object("1", 1)), digest(&later));
        assert!(!same(&object("1", 1), &object("1", 2), "me"));
        assert_ne!(digest(&object("1", 1)), digest(&object("1", 2)));
    }

    #[test]
    fn content_that_is_the_same_but_owned_otherwise_is_not_the_same() {
        let owning = |manager: &str, fields: &str| {
            let entry = map([
                ("manager", Value::from(manager)),
                ("operation", "Apply".into()),
                ("fieldsV1", map([(fields, crate::manifest::Map::new())])),
            ]);
            let mut object = object("1", 1);
            object.value_mut().get_mut("metadata").unwrap().set("managedFields", vec![entry]);
            object
        };
        assert!(same(&owning("me", "f:spec"), &owning("me", "f:spec"), "me"));
        assert!(!same(&owning("me", "f:spec"), &owning("me", "f:data"), "me"));
        assert!(!same(&object("1", 1), &owning("me", "f:spec"), "me"));
    }
}

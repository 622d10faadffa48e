//! Whether two states of an object are the same but for what the server keeps for itself.

use crate::manifest::{Data, Key, Object, Value, yaml};
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

/// Says whether a dry run's answer would change nothing of a live object.
pub(super) fn same(live: &Object, answer: &Object) -> bool {
    content(live) == content(answer)
}

/// A digest of an object's content. Equal digests mean equal content; an object whose content holds secrets shows
/// nothing of them, but the digest must not leave the cluster all the same.
pub(super) fn digest(object: &Object) -> String {
    let mut content = content(object);
    sort(&mut content);
    let hash = Sha256::digest(yaml::write(&content));
    hash.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Maps by key, so that the order that a server answers in does not matter.
fn sort(value: &mut Value) {
    match &mut value.data {
        Data::Map(map) => {
            map.sort_by(|a: &Key, _, b: &Key, _| a.text.cmp(&b.text));
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
        assert!(same(&object("1", 1), &later));
        assert_eq!(digest(&object("1", 1)), digest(&later));
        assert!(!same(&object("1", 1), &object("1", 2)));
        assert_ne!(digest(&object("1", 1)), digest(&object("1", 2)));
    }
}

//! From the object in its file to the object in the output: the same fields have the same origins.

use crate::manifest::{Data, Object, Value};

/// The object of a file that became `rendered`: of the same kind, and with its name or a part of it; else the `nth` of that
/// kind, since objects leave kustomize in the order of the file.
pub(super) fn source_of<'a>(rendered: &Object, candidates: &'a [Object], nth: usize) -> Option<&'a Object> {
    let group = |object: &Object| object.type_key().group;
    let alike: Vec<&Object> = candidates
        .iter()
        .filter(|object| object.kind() == rendered.kind() && group(object) == group(rendered))
        .collect();
    let name = rendered.name().unwrap_or_default();
    let same = alike.iter().filter(|object| object.name() == Some(name));
    let same_namespace = same.clone().find(|object| object.namespace() == rendered.namespace());
    let part = || {
        let parts = alike.iter().filter(|object| object.name().is_some_and(|part| name.contains(part)));
        parts.max_by_key(|object| object.name().map_or(0, str::len))
    };
    let found = same_namespace
        .or_else(|| same.clone().next())
        .or_else(part)
        .or_else(|| alike.get(nth.min(alike.len().saturating_sub(1))));
    // A patch may have changed the kind itself.
    found.copied().or_else(|| candidates.iter().find(|object| object.name() == Some(name)))
}

/// Copies origins from `source` to all that is still the same in `rendered`; a field whose value changed keeps the place of
/// its old value until a layer claims it.
pub(super) fn copy_origins(rendered: &mut Value, source: &Value) {
    match (&mut rendered.data, &source.data) {
        (Data::Map(map), Data::Map(old)) => {
            rendered.origin.clone_from(&source.origin);
            let entries = std::mem::take(map);
            *map = entries
                .into_iter()
                .map(|(mut key, mut value)| {
                    if let Some((old_key, old_value)) = old.get_key_value(&key.text) {
                        key.origin.clone_from(&old_key.origin);
                        copy_origins(&mut value, old_value);
                    }
                    (key, value)
                })
                .collect();
        }
        (Data::List(items), Data::List(old)) => {
            rendered.origin.clone_from(&source.origin);
            let same_length = items.len() == old.len();
            for (index, item) in items.iter_mut().enumerate() {
                if let Some(old_item) = counterpart(item, index, old, same_length) {
                    copy_origins(item, old_item);
                }
            }
        }
        (new, old) if *new == *old => rendered.origin.clone_from(&source.origin),
        _ => {}
    }
}

/// What tells the items of lists apart, in the built-in kinds.
const ITEM_KEYS: [&str; 11] =
    ["name", "containerPort", "mountPath", "devicePath", "port", "ip", "topologyKey", "key", "host", "path", "kind"];

/// The item of the old list that `item` was: the one with the same key, an equal one, or the one in the same place.
pub(super) fn counterpart<'a>(item: &Value, index: usize, old: &'a [Value], same_length: bool) -> Option<&'a Value> {
    if item.as_map().is_some() {
        let key = ITEM_KEYS.iter().find(|key| item.get(key).is_some_and(|value| value.as_map().is_none()));
        let keyed = key.and_then(|key| {
            let mut same = old.iter().filter(|other| other.get(key) == item.get(key));
            let first = same.next();
            // Two with one key (a port over TCP and UDP): the equal one.
            if same.next().is_some() { old.iter().find(|other| *other == item).or(first) } else { first }
        });
        if keyed.is_some() {
            return keyed;
        }
        let in_place = || old.get(index).filter(|other| same_length && key.is_none_or(|key| other.get(key).is_none()));
        return old.iter().find(|other| *other == item).or_else(in_place);
    }
    old.get(index)
        .filter(|other| *other == item)
        .or_else(|| old.iter().find(|other| *other == item))
        .or_else(|| old.get(index).filter(|_| same_length))
}

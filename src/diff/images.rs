//! The images of containers, before and after.

use super::change::ImageChange;
use super::redact::Redactor;
use crate::manifest::{Data, Object, Value};
use indexmap::IndexMap;

/// The images that change between two versions of an object.
pub(super) fn changes(before: &Object, after: &Object, redactor: &Redactor) -> Vec<ImageChange> {
    let (mut old, mut new) = (IndexMap::new(), IndexMap::new());
    collect(before.value(), "", &mut old);
    collect(after.value(), "", &mut new);
    let gone = old.keys().filter(|key| !new.contains_key(*key));
    let text = |image: Option<&&str>| image.map(|image| redactor.text(image));
    new.keys()
        .chain(gone)
        .filter(|key| old.get(*key) != new.get(*key))
        .map(|key| ImageChange {
            container: redactor.text(&key.1),
            before: text(old.get(key)),
            after: text(new.get(key)),
        })
        .collect()
}

/// Finds containers anywhere: custom resources embed pod templates at places of their own.
fn collect<'a>(value: &'a Value, path: &str, images: &mut IndexMap<(String, String), &'a str>) {
    match &value.data {
        Data::Map(map) => {
            for (key, child) in map {
                let path = format!("{path}/{}", key.text);
                if matches!(key.as_str(), "containers" | "initContainers" | "ephemeralContainers") {
                    for item in child.as_list().unwrap_or_default() {
                        let text = |field| item.get(field).and_then(Value::as_str);
                        if let (Some(name), Some(image)) = (text("name"), text("image")) {
                            images.insert((path.clone(), name.to_owned()), image);
                        }
                    }
                } else {
                    collect(child, &path, images);
                }
            }
        }
        Data::List(items) => items.iter().for_each(|item| collect(item, path, images)),
        _ => {}
    }
}
